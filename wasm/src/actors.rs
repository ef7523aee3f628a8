//! Sending requests to durable actors.
//!
//! Every promise here resolves to a response: where the actor cannot be reached, to the problem of that.

use js_sys::Promise;
use js_sys::futures::JsFuture;
use selvedge::error::{Code, Error, Result};
use selvedge::wire::{Answer, CatalogRequest, PartitionRequest, to_ascii_json};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use crate::host::{self, Actors, Bindings};
use crate::{answer, body};

/// Actors asked at once by one event: the platform lets it wait for the headers of six.
pub(crate) const AT_ONCE: usize = 6;

/// Bytes of a body that is held back, so that it can be sent a second time if the platform fails. A larger one streams
/// through, and its sender repeats it.
const HELD_BYTES: usize = 64 << 10;

thread_local! {
    /// Answers for an actor that cannot be reached.
    static LOST: JsValue = Closure::<dyn Fn(String) -> std::result::Result<Response, JsValue>>::new(lost).into_js_value();
}

fn lost(message: String) -> std::result::Result<Response, JsValue> {
    let detail = format!("The durable actor could not be reached ({message}). Send the same request again.");
    answer::respond(&Answer::problem(&Error::new(Code::Unavailable, detail)))
}

/// A request on its way to an actor.
pub(crate) struct Letter {
    actors: Actors,
    name: String,
    envelope: String,
}

impl Letter {
    /// To the partition of the request's key.
    ///
    /// # Errors
    /// `internal` if the Worker is not bound to its actors.
    pub(crate) fn to_partition(bindings: &Bindings, asked: &PartitionRequest) -> Result<Letter> {
        let actors = bindings.partitions().map_err(|thrown| unbound(&thrown))?;
        Ok(Letter { actors, name: format!("{}/{}", asked.db, asked.key), envelope: to_ascii_json(asked)? })
    }

    /// To the catalog of the request's database.
    ///
    /// # Errors
    /// As [`Letter::to_partition`].
    pub(crate) fn to_catalog(bindings: &Bindings, asked: &CatalogRequest) -> Result<Letter> {
        let actors = bindings.catalogs().map_err(|thrown| unbound(&thrown))?;
        Ok(Letter { actors, name: asked.db.as_str().to_owned(), envelope: to_ascii_json(asked)? })
    }

    /// Sends it with a body: bytes, text, or nothing (undefined).
    ///
    /// # Errors
    /// `internal` if JavaScript's side fails at once.
    pub(crate) fn send(&self, body: &JsValue) -> Result<Promise> {
        LOST.with(|lost| host::send(&self.actors, &self.name, &self.envelope, body, lost))
            .map_err(|thrown| failed(&thrown))
    }

    /// Sends it with a caller's body.
    ///
    /// # Errors
    /// As [`Letter::send`].
    pub(crate) fn pass(&self, request: &Request) -> Result<Promise> {
        let hold = body::declared_length(request).is_some_and(|length| length <= HELD_BYTES);
        LOST.with(|lost| host::pass(request, hold, &self.actors, &self.name, &self.envelope, lost))
            .map_err(|thrown| failed(&thrown))
    }

    /// Sends it with a body and waits for the response.
    ///
    /// # Errors
    /// As [`Letter::send`].
    pub(crate) async fn answer(&self, body: &JsValue) -> Result<Response> {
        let response = JsFuture::from(self.send(body)?).await.map_err(|thrown| failed(&thrown))?;
        Ok(response.unchecked_into())
    }
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

fn failed(thrown: &JsValue) -> Error {
    Error::new(Code::Unavailable, host::message(thrown))
}

fn unbound(thrown: &JsValue) -> Error {
    Error::new(Code::Internal, format!("The Worker is not bound to its durable actors: {}", host::message(thrown)))
}
