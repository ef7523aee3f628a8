//! Answers as HTTP responses.

use selvedge::error::{Code, Error};
use selvedge::wire::Answer;
use wasm_bindgen::JsValue;
use web_sys::Response;

use crate::host;

/// The response that says what `answer` says.
///
/// # Errors
/// What the platform threw, if it would not build one even for the problem of that.
pub(crate) fn respond(answer: &Answer) -> Result<Response, JsValue> {
    build(answer).or_else(|thrown| build(&Answer::problem(&Error::new(Code::Internal, host::message(&thrown)))))
}

fn build(answer: &Answer) -> Result<Response, JsValue> {
    let mut headers = String::with_capacity(128);
    for (name, value) in &answer.headers {
        headers.push_str(name);
        headers.push('\n');
        headers.push_str(value);
        headers.push('\n');
    }
    host::respond(answer.status, &headers, answer.body.as_bytes())
}
