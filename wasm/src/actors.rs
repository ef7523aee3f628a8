//! Asking durable actors.
//!
//! Every promise here resolves to an answer: where the actor cannot be reached, to the problem of that.

use js_sys::futures::JsFuture;
use js_sys::{Array, Promise, Uint8Array};
use selvedge::error::{Code, Error, Result};
use selvedge::wire::{Answer, CatalogRequest, PartitionRequest, to_json};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use web_sys::Response;

use crate::answer;
use crate::host::{self, Actors, Bindings};

/// Actors asked at once by one event: the platform lets it wait for six.
pub(crate) const AT_ONCE: usize = 6;

thread_local! {
    /// Answers for an actor that cannot be reached.
    static LOST: JsValue = Closure::<dyn Fn(String) -> std::result::Result<JsValue, JsValue>>::new(lost).into_js_value();
}

fn lost(message: String) -> std::result::Result<JsValue, JsValue> {
    let detail = format!("The durable actor could not be reached ({message}). Send the same request again.");
    answer::say(&Answer::problem(&Error::new(Code::Unavailable, detail)))
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
        Ok(Letter { actors, name: format!("{}/{}", asked.db, asked.key), envelope: to_json(asked)? })
    }

    /// To the catalog of the request's database.
    ///
    /// # Errors
    /// As [`Letter::to_partition`].
    pub(crate) fn to_catalog(bindings: &Bindings, asked: &CatalogRequest) -> Result<Letter> {
        let actors = bindings.catalogs().map_err(|thrown| unbound(&thrown))?;
        Ok(Letter { actors, name: asked.db.as_str().to_owned(), envelope: to_json(asked)? })
    }

    /// Sends it with a body, an `Uint8Array` or undefined: the promise of the response to whoever asked the Worker.
    ///
    /// # Errors
    /// `internal` if JavaScript's side fails at once.
    pub(crate) fn pass(&self, body: &JsValue) -> Result<Promise> {
        LOST.with(|lost| host::pass(&self.actors, &self.name, &self.envelope, body, lost))
            .map_err(|thrown| failed(&thrown))
    }

    /// Asks for a socket: the promise of the response that opens it, or of a refusal.
    ///
    /// # Errors
    /// As [`Letter::pass`].
    pub(crate) fn open(&self) -> Result<Promise> {
        LOST.with(|lost| host::open(&self.actors, &self.name, &self.envelope, lost)).map_err(|thrown| failed(&thrown))
    }

    /// Sends it with a body, as [`Letter::pass`], and waits for the answer.
    ///
    /// # Errors
    /// As [`Letter::pass`].
    pub(crate) async fn answer(&self, body: &JsValue) -> Result<Said> {
        let said = LOST.with(|lost| host::send(&self.actors, &self.name, &self.envelope, body, lost));
        let said = JsFuture::from(said.map_err(|thrown| failed(&thrown))?).await.map_err(|thrown| failed(&thrown))?;
        Ok(Said(said.unchecked_into()))
    }
}

/// What an actor said: status, headers as JSON, body.
pub(crate) struct Said(Array);

impl Said {
    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.0.get(0).as_f64().unwrap_or_default() as u16
    }

    /// A header, named in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let headers: Value = serde_json::from_str(&self.0.get(1).as_string()?).ok()?;
        headers.get(name)?.as_str().map(str::to_owned)
    }

    /// The body, in JavaScript's memory.
    pub(crate) fn bytes(&self) -> Uint8Array {
        self.0.get(2).unchecked_into()
    }

    /// The body.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes().to_vec()).into_owned()
    }

    /// What it said, if it was its answer to us: status 200.
    ///
    /// # Errors
    /// `unavailable` with anything else, and what it said instead.
    pub(crate) fn meant(&self) -> Result<String> {
        let text = self.text();
        if self.status() == 200 {
            return Ok(text);
        }
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let detail = problem.get("detail").and_then(Value::as_str).unwrap_or("no reason");
        Err(Error::new(Code::Unavailable, format!("A durable actor answered {}: {detail}", self.status())))
    }

    /// The same to whoever asked the Worker.
    ///
    /// # Errors
    /// `internal` if the platform would not build it.
    pub(crate) fn response(&self) -> Result<Response> {
        let headers = self.0.get(1).as_string().unwrap_or_default();
        host::respond(self.status(), &headers, &self.bytes().to_vec()).map_err(|thrown| failed(&thrown))
    }
}

fn failed(thrown: &JsValue) -> Error {
    Error::new(Code::Unavailable, host::message(thrown))
}

fn unbound(thrown: &JsValue) -> Error {
    Error::new(Code::Internal, format!("The Worker is not bound to its durable actors: {}", host::message(thrown)))
}
