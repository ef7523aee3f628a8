//! The router: every request that reaches the Worker, to the actor that answers it.

use js_sys::Uint8Array;
use selvedge::error::{Code, Error, Result};
use selvedge::router::{ELSEWHERE_HEADER, Head, Peek, Route, elsewhere, route};
use selvedge::wire::PartitionRequest;
use wasm_bindgen::JsValue;
use web_sys::{Request, Response};

use crate::actors::Body;
use crate::host::{self, Bindings};
use crate::moment::at_present;
use crate::{actors, answer, bearer, body, export, import};

/// Bytes of a body that is held back, so that it can be sent a second time if the platform fails. A larger one streams
/// through, and its sender repeats it.
const HELD_BYTES: usize = 64 << 10;

/// The answer to `request`.
///
/// # Errors
/// Whatever the core refuses, `unavailable` if an actor cannot be reached.
pub(crate) async fn serve(request: &Request, bindings: &Bindings) -> Result<Response> {
    let (method, url, headers) = (request.method(), request.url(), request.headers());
    let (path, query) = split(&url);
    let header = |name: &str| headers.get(name).ok().flatten();
    let bearer = bearer::of(header("authorization"), bindings);
    let head = Head { method: &method, path, query, header: &header, bearer };
    match at_present(|moment| route(&head, moment))? {
        Route::Here(here) => answer::respond(&here).map_err(|thrown| defect(&thrown)),
        Route::Partition(asked) => {
            let body = passed_on(request, asked.call.has_body()).await?;
            actors::partition(bindings, &asked, body).await
        }
        Route::Catalog(asked) => {
            let body = passed_on(request, asked.call.has_body()).await?;
            actors::catalog(bindings, &asked, body).await
        }
        Route::Peek(peek) => peeked(request, bindings, peek).await,
        Route::Import(wanted) => import::serve(request, bindings, &wanted).await,
        Route::Export(wanted) => export::serve(bindings, wanted).await,
    }
}

/// A request whose body says where it goes.
async fn peeked(request: &Request, bindings: &Bindings, peek: Peek) -> Result<Response> {
    let bytes = body::buffer(request).await?;
    let asked = peek.with_body(&bytes.to_vec())?;
    let response = actors::partition(bindings, &asked, whole(&bytes)).await?;
    match moved(&response, &asked)? {
        Some(asked) => actors::partition(bindings, &asked, whole(&bytes)).await,
        None => Ok(response),
    }
}

/// The request to make instead, where a partition says that another is to be asked.
fn moved(response: &Response, asked: &PartitionRequest) -> Result<Option<PartitionRequest>> {
    if response.status() != 421 {
        return Ok(None);
    }
    let header = response.headers().get(ELSEWHERE_HEADER).ok().flatten();
    header.map(|key| elsewhere(asked, &key)).transpose()
}

/// The body of a request as it is passed on.
async fn passed_on(request: &Request, wanted: bool) -> Result<Body> {
    if !wanted {
        return Ok(Body::Empty);
    }
    if body::declared_length(request).is_some_and(|length| length <= HELD_BYTES) {
        return Ok(whole(&body::buffer(request).await?));
    }
    Ok(request.body().map_or(Body::Empty, Body::Stream))
}

fn whole(bytes: &Uint8Array) -> Body {
    let bytes: &JsValue = bytes;
    Body::Whole(bytes.clone())
}

/// Path and query of an absolute URL as the platform writes it, both still encoded.
fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let path = rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/");
    path.split_once('?').unwrap_or((path, ""))
}

fn defect(thrown: &JsValue) -> Error {
    Error::new(Code::Internal, host::message(thrown))
}
