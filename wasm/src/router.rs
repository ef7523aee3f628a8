//! The router: every request that reaches the Worker, to the actor that answers it.

use js_sys::Uint8Array;
use selvedge::cors;
use selvedge::error::{Code, Error, Result};
use selvedge::router::{Head, Peek, Route, elsewhere, preflight, route};
use selvedge::wire::{Answer, CatalogRequest, ELSEWHERE_HEADER, PartitionRequest};
use wasm_bindgen::JsValue;
use web_sys::Request;

use crate::actors::{Letter, Said};
use crate::host::{self, Bindings};
use crate::moment::at_present;
use crate::{answer, bearer, body, export, import, many};

/// The answer to `request`: a response, or the promise of one. A request that only passes through, as most do, is left
/// to the platform once it is sent: nothing here waits for it.
///
/// # Errors
/// Whatever the core refuses.
pub(crate) fn serve(request: Request, bindings: &Bindings) -> Result<JsValue> {
    let (method, url, headers) = (request.method(), request.url(), request.headers());
    let (path, query) = split(&url);
    #[cfg(feature = "conformance")]
    if path == crate::conformance::PATH {
        return crate::conformance::ask(bindings);
    }
    let header = |name: &str| {
        let value = headers.get(name).ok().flatten();
        // A page of our own origin needs no leave.
        value.filter(|value| {
            name != "origin" || url.strip_prefix(value.as_str()).is_none_or(|rest| !rest.starts_with('/'))
        })
    };
    let bearer = match header("authorization") {
        None => bearer::of_protocols(header("sec-websocket-protocol"), bindings),
        authorization => bearer::of(authorization, bindings),
    };
    let head = Head { method: &method, path, query, header: &header, bearer };
    let page = preflight(&head);
    let routed = at_present(|moment| route(&head, moment));
    let answered = routed.and_then(|route| carried(route, request, bindings, page.clone()));
    answered.or_else(|error| shown(&Answer::problem(&error), bindings, page))
}

/// Carries a request where it goes.
fn carried(route: Route, request: Request, bindings: &Bindings, page: Option<CatalogRequest>) -> Result<JsValue> {
    match route {
        Route::Here(here) => shown(&here, bindings, page),
        Route::Partition(asked) => through(Letter::to_partition(bindings, &asked)?, request, asked.call.has_body()),
        Route::Catalog(asked) => through(Letter::to_catalog(bindings, &asked)?, request, asked.call.has_body()),
        Route::Peek(peek) => peeked(request, bindings.clone(), peek, page),
        Route::Sync(asked) => Letter::to_partition(bindings, &asked)?.open().map(JsValue::from),
        Route::Many(wanted) => Ok(answer::later(many::serve(request, bindings.clone(), wanted))),
        Route::Import(wanted) => Ok(answer::later(import::serve(request, bindings.clone(), wanted))),
        Route::Export(wanted) => Ok(answer::later(export::serve(bindings.clone(), wanted))),
    }
}

/// An answer of the router's own, to whoever asks: for a page of another origin the catalog is asked whether it may see it.
fn shown(answer: &Answer, bindings: &Bindings, page: Option<CatalogRequest>) -> Result<JsValue> {
    let Some(page) = page else { return Ok(answer::respond(answer).map_err(|thrown| defect(&thrown))?.into()) };
    let (letter, answer) = (Letter::to_catalog(bindings, &page)?, answer.clone());
    Ok(answer::later(async move {
        let allowed = letter.answer(&JsValue::UNDEFINED).await?.header(cors::ALLOW_ORIGIN);
        answer::respond(&cors::dressed(answer, allowed.as_deref())).map_err(|thrown| defect(&thrown))
    }))
}

fn through(letter: Letter, request: Request, with_body: bool) -> Result<JsValue> {
    if with_body {
        return body::then(request, move |body| letter.pass(&body).map(JsValue::from));
    }
    letter.pass(&JsValue::UNDEFINED).map(JsValue::from)
}

/// A request whose body says where it goes.
fn peeked(request: Request, bindings: Bindings, peek: Peek, page: Option<CatalogRequest>) -> Result<JsValue> {
    body::then(request, move |body| {
        let asked = match peek.with_body(&body.to_vec()) {
            Ok(asked) => asked,
            Err(error) => return shown(&Answer::problem(&error), &bindings, page),
        };
        if !asked.call.may_be_elsewhere() {
            return Letter::to_partition(&bindings, &asked)?.pass(&body).map(JsValue::from);
        }
        Ok(answer::later(async move { sought(&bindings, asked, &body).await?.response() }))
    })
}

/// What the partition says that is to be asked: the one that was asked first, or another if that one names it.
pub(crate) async fn sought(bindings: &Bindings, asked: PartitionRequest, body: &Uint8Array) -> Result<Said> {
    let said = Letter::to_partition(bindings, &asked)?.answer(body).await?;
    match said.header(ELSEWHERE_HEADER).filter(|_| said.status() == 421) {
        Some(key) => Letter::to_partition(bindings, &elsewhere(&asked, &key)?)?.answer(body).await,
        None => Ok(said),
    }
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
