//! `GET /v1/health`: is it alive, and which version.

use worker::{Response, Result};

/// The crate's version, which is the server's.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `{"status":"ok","version":"…"}`.
pub(crate) fn answer() -> Result<Response> {
    let mut response = Response::ok(format!(r#"{{"status":"ok","version":"{VERSION}"}}"#))?;
    let headers = response.headers_mut();
    headers.set("content-type", "application/json")?;
    headers.set("cache-control", "no-store")?;
    Ok(response)
}
