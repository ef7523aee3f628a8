//! Answers: of the Worker as HTTP responses, of an actor as what its caller unpacks.

use js_sys::futures::future_to_promise;
use selvedge::error::{Code, Error, Result};
use selvedge::wire::{Answer, header_json};
use wasm_bindgen::JsValue;
use web_sys::Response;

use crate::host;

/// The response that says what `answer` says.
///
/// # Errors
/// What the platform threw, if it would not build one even for the problem of that.
pub(crate) fn respond(answer: &Answer) -> std::result::Result<Response, JsValue> {
    either(answer, host::respond)
}

/// What an actor says of `answer`.
///
/// # Errors
/// As [`respond`].
pub(crate) fn say(answer: &Answer) -> std::result::Result<JsValue, JsValue> {
    either(answer, host::say)
}

/// The response there is (or the promise of one), or else the problem of why there is none.
///
/// # Errors
/// As [`respond`].
pub(crate) fn settle<T: From<Response>>(answered: Result<T>) -> std::result::Result<T, JsValue> {
    answered.or_else(|error| respond(&Answer::problem(&error)).map(T::from))
}

/// The promise of a response that takes more than one step.
pub(crate) fn later(answered: impl Future<Output = Result<Response>> + 'static) -> JsValue {
    future_to_promise(async move { settle(answered.await).map(JsValue::from) }).into()
}

fn either<T>(
    answer: &Answer,
    build: fn(u16, &str, &[u8]) -> std::result::Result<T, JsValue>,
) -> std::result::Result<T, JsValue> {
    let built = |answer: &Answer| build(answer.status, &header_json(&answer.headers), answer.body.as_bytes());
    built(answer).or_else(|thrown| built(&Answer::problem(&Error::new(Code::Internal, host::message(&thrown)))))
}
