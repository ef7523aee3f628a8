//! Bodies: read once, and never more than the limit.

use js_sys::futures::JsFuture;
use js_sys::{Promise, Reflect, Uint8Array};
use selvedge::error::{Code, Error, Result, refuse};
use selvedge::limits::BODY_BYTES;
use wasm_bindgen::prelude::*;
use web_sys::{ReadableStream, ReadableStreamDefaultReader, Request};

use crate::{answer, host};

/// What is to be done with a body once it is there.
type Next = Box<dyn FnOnce(Uint8Array) -> Result<JsValue>>;

/// A request that waits for its body on JavaScript's side, which costs less than a step of an executor of futures. If the
/// caller never sends it all, the platform forgets the request, and this is collected with it.
#[wasm_bindgen]
pub struct Waiting(Next);

#[wasm_bindgen]
impl Waiting {
    /// Goes on with the body, or with what was thrown instead: a response, or the promise of one.
    pub fn resume(self, body: JsValue) -> std::result::Result<JsValue, JsValue> {
        answer::settle(body.dyn_into::<Uint8Array>().map_err(|thrown| broken(&thrown)).and_then(self.0))
    }
}

/// Reads a request's whole body and goes on with it: the promise of the response that `next` gives, or promises.
///
/// # Errors
/// `too_large` past the limit, `internal` if JavaScript's side fails at once.
pub(crate) fn then(request: Request, next: impl FnOnce(Uint8Array) -> Result<JsValue> + 'static) -> Result<JsValue> {
    match declared_length(&request) {
        Some(length) if length > BODY_BYTES => too_large(),
        Some(_) => {
            let answered = host::whole(&request, Waiting(Box::new(next)));
            answered.map(JsValue::from).map_err(|thrown| Error::new(Code::Internal, host::message(&thrown)))
        }
        None => Ok(answer::later(async move {
            let body = piece_by_piece(&request).await?;
            let answered = next(Uint8Array::from(body.as_slice()))?;
            let response = JsFuture::from(Promise::resolve(&answered)).await.map_err(|thrown| broken(&thrown))?;
            Ok(response.unchecked_into())
        })),
    }
}

/// Whether a request declares a length within the limit.
pub(crate) fn is_small(request: &Request) -> bool {
    declared_length(request).is_some_and(|length| length <= BODY_BYTES)
}

/// The length that a request declares; none if it comes in chunks.
fn declared_length(request: &Request) -> Option<usize> {
    request.headers().get("content-length").ok().flatten()?.parse().ok()
}

/// A request's whole body.
///
/// # Errors
/// `too_large` past the limit, `invalid_request` if the caller broke off.
pub(crate) async fn read(request: &Request) -> Result<Vec<u8>> {
    match declared_length(request) {
        Some(length) => Ok(at_once(request, length).await?.to_vec()),
        None => piece_by_piece(request).await,
    }
}

/// A body whose length was declared, and is held to that by the platform.
async fn at_once(request: &Request, length: usize) -> Result<Uint8Array> {
    if length > BODY_BYTES {
        return too_large();
    }
    let whole = request.array_buffer().map_err(|thrown| broken(&thrown))?;
    let whole = JsFuture::from(whole).await.map_err(|thrown| broken(&thrown))?;
    Ok(Uint8Array::new(&whole))
}

/// A body of unknown length, counted as it comes.
async fn piece_by_piece(request: &Request) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(stream) = request.body() else { return Ok(bytes) };
    let mut chunks = Chunks::of(&stream)?;
    while let Some(chunk) = chunks.next().await? {
        if bytes.len() + chunk.len() > BODY_BYTES {
            return too_large();
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The pieces of a stream as they come.
pub(crate) struct Chunks(ReadableStreamDefaultReader);

impl Chunks {
    /// Takes hold of `stream`.
    ///
    /// # Errors
    /// `invalid_request` if it has been read already.
    pub(crate) fn of(stream: &ReadableStream) -> Result<Chunks> {
        match ReadableStreamDefaultReader::new(stream) {
            Ok(reader) => Ok(Chunks(reader)),
            Err(thrown) => Err(broken(&thrown)),
        }
    }

    /// The next piece, or none at the end.
    ///
    /// # Errors
    /// `invalid_request` if the caller broke off.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let piece = JsFuture::from(self.0.read()).await.map_err(|thrown| broken(&thrown))?;
        let value = Reflect::get(&piece, &JsValue::from_str("value")).map_err(|thrown| broken(&thrown))?;
        Ok(value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec))
    }
}

fn too_large<T>() -> Result<T> {
    refuse(
        Code::TooLarge,
        format!("A body has at most {BODY_BYTES} bytes; send documents in several requests, or import them."),
    )
}

fn broken(thrown: &JsValue) -> Error {
    Error::new(Code::InvalidRequest, format!("The body broke off: {}", host::message(thrown)))
}
