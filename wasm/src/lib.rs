//! Selvedge as a Worker: the router in front, the durable actors behind it.
//!
//! Nothing here decides anything. A request is decoded, handed to the core, and the core's answer is sent. The
//! boundary to JavaScript is `host.rs`; everything in Rust beyond it returns errors, and none of it panics, since a panic
//! costs every actor of the isolate its memory.

#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::todo,
    clippy::unimplemented,
    clippy::unreachable,
    clippy::unwrap_used
)]

// Its exports start an instance anew after a panic; nothing else of it is used.
extern crate worker;

mod actors;
mod alarm;
mod answer;
mod bearer;
mod body;
mod catalog;
#[cfg(feature = "conformance")]
mod conformance;
mod export;
mod host;
mod import;
mod many;
mod moment;
mod partition;
mod router;
mod store;

use selvedge::error::{Code, Error, Result};
use wasm_bindgen::prelude::*;
use web_sys::Request;

use crate::alarm::Alarm;
use crate::host::Bindings;
use crate::store::DurableStore;

/// Answers every HTTP request that reaches the Worker: with a response, or the promise of one.
///
/// # Errors
/// Only when the platform cannot build a response.
#[wasm_bindgen]
pub fn fetch(request: Request, bindings: Bindings) -> std::result::Result<JsValue, JsValue> {
    answer::settle(router::serve(request, &bindings))
}

/// A durable actor's store and alarm.
fn storage(context: &host::Context) -> Result<(DurableStore, Alarm)> {
    let storage = context.storage().map_err(|thrown: JsValue| Error::new(Code::Internal, host::message(&thrown)))?;
    Ok((DurableStore::over(storage.clone())?, Alarm::of(storage)))
}
