//! Selvedge as a Worker: the router in front, the durable actors behind it.
//!
//! Nothing here decides anything. A request is decoded, handed to the core, and the core's answer is sent.

#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::todo,
    clippy::unimplemented,
    clippy::unreachable,
    clippy::unwrap_used
)]

mod actor;
mod health;

use worker::{Context, Env, Method, Request, Response, Result, event};

/// Answers every HTTP request that reaches the Worker.
///
/// # Errors
/// Only when the platform cannot build a response.
#[event(fetch)]
async fn fetch(request: Request, _env: Env, _context: Context) -> Result<Response> {
    match (request.method(), request.path().as_str()) {
        (Method::Get | Method::Head, "/v1/health") => health::answer(),
        _ => Response::error("not found", 404),
    }
}
