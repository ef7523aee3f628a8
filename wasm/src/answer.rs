//! Answers as HTTP responses.

use js_sys::futures::future_to_promise;
use selvedge::error::{Code, Error, Result};
use selvedge::wire::Answer;
use wasm_bindgen::JsValue;
use web_sys::Response;

use crate::host;

/// The response that says what `answer` says.
///
/// # Errors
/// What the platform threw, if it would not build one even for the problem of that.
pub(crate) fn respond(answer: &Answer) -> std::result::Result<Response, JsValue> {
    build(answer).or_else(|thrown| build(&Answer::problem(&Error::new(Code::Internal, host::message(&thrown)))))
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

fn build(answer: &Answer) -> std::result::Result<Response, JsValue> {
    let mut headers = String::with_capacity(128);
    for (name, value) in &answer.headers {
        headers.push_str(name);
        headers.push('\n');
        headers.push_str(value);
        headers.push('\n');
    }
    host::respond(answer.status, &headers, answer.body.as_bytes())
}
