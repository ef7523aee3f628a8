//! Sending requests to durable actors.

use js_sys::Reflect;
use js_sys::futures::JsFuture;
use selvedge::error::{Code, Error, Result};
use selvedge::wire::{CatalogRequest, PartitionRequest, to_ascii_json};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, Response};

use crate::body;
use crate::host::{self, Actors, Bindings};

/// Actors asked at once by one event: the platform lets it wait for the headers of six.
pub(crate) const AT_ONCE: usize = 6;

/// What goes to an actor beside the envelope.
pub(crate) enum Body {
    /// Nothing.
    Empty,
    /// Bytes or text, which can be sent again.
    Whole(JsValue),
    /// The caller's stream, which passes once.
    Stream(ReadableStream),
}

/// Asks a partition.
///
/// # Errors
/// `unavailable` if it cannot be reached.
pub(crate) async fn partition(bindings: &Bindings, asked: &PartitionRequest, body: Body) -> Result<Response> {
    let actors = bindings.partitions().map_err(|thrown| unbound(&thrown))?;
    send(&actors, &format!("{}/{}", asked.db, asked.key), &to_ascii_json(asked)?, body).await
}

/// Asks a catalog.
///
/// # Errors
/// `unavailable` if it cannot be reached.
pub(crate) async fn catalog(bindings: &Bindings, asked: &CatalogRequest, body: Body) -> Result<Response> {
    let actors = bindings.catalogs().map_err(|thrown| unbound(&thrown))?;
    send(&actors, asked.db.as_str(), &to_ascii_json(asked)?, body).await
}

/// What an actor said, if it was its answer to us: status 200.
///
/// # Errors
/// `unavailable` with anything else, and what it said instead.
pub(crate) async fn said(response: &Response) -> Result<String> {
    let text = body::text(response).await?;
    if response.status() == 200 {
        return Ok(text);
    }
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let detail = problem.get("detail").and_then(Value::as_str).unwrap_or("no reason");
    Err(Error::new(Code::Unavailable, format!("A durable actor answered {}: {detail}", response.status())))
}

/// Sends, and once more if the platform failed and the body allows it: every request to an actor may come twice.
async fn send(actors: &Actors, name: &str, envelope: &str, body: Body) -> Result<Response> {
    let (body, mut again) = match body {
        Body::Empty => (JsValue::UNDEFINED, true),
        Body::Whole(whole) => (whole, true),
        Body::Stream(stream) => (stream.into(), false),
    };
    loop {
        let answer = match host::send(actors, name, envelope, &body) {
            Ok(promise) => JsFuture::from(promise).await,
            Err(thrown) => Err(thrown),
        };
        match answer {
            Ok(response) => return Ok(response.unchecked_into()),
            Err(thrown) if again && !is_overloaded(&thrown) => again = false,
            Err(thrown) => {
                let message = host::message(&thrown);
                return Err(Error::new(
                    Code::Unavailable,
                    format!("The durable actor could not be reached ({message}). Send the same request again."),
                ));
            }
        }
    }
}

/// Whether the platform turned the request away because the actor has too many: sending it again would add to that.
fn is_overloaded(thrown: &JsValue) -> bool {
    Reflect::get(thrown, &JsValue::from_str("overloaded")).is_ok_and(|overloaded| overloaded.is_truthy())
}

fn unbound(thrown: &JsValue) -> Error {
    Error::new(Code::Internal, format!("The Worker is not bound to its durable actors: {}", host::message(thrown)))
}
