//! The router through its public face: where each request goes, what is refused at the door, how imports are cut.

#[path = "router/answers.rs"]
mod answers;
#[path = "router/documented.rs"]
mod documented;
#[path = "router/hostile.rs"]
mod hostile;
#[path = "router/imports.rs"]
mod imports;
#[path = "router/peeking.rs"]
mod peeking;
#[path = "router/refusals.rs"]
mod refusals;
#[path = "router/routes.rs"]
mod routes;

use selvedge::error::{Code, Result};
use selvedge::moment::Moment;
use selvedge::router::{Head, Route, route};
use selvedge::time::Time;
use selvedge::wire::{Bearer, CatalogRequest, PartitionRequest};

/// The id that the router makes where the caller names none.
const MADE: &str = "019b76da-a800-7707-8707-070707070707";

/// Runs `act` at the start of 2026, with a constant for randomness.
fn at_a_moment<T>(act: impl FnOnce(&mut Moment<'_>) -> T) -> T {
    let now = Time::parse("2026-01-01T00:00:00Z").unwrap();
    act(&mut Moment { now, random: &mut || [7; 16] })
}

fn someone() -> Bearer {
    Bearer::Hash("5e".repeat(32))
}

/// Routes `method target`, the target with its query, headers in lower case.
fn send_as(bearer: Bearer, method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Route> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    at_a_moment(|moment| route(&Head { method, path, query, header: &header, bearer }, moment))
}

fn send(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Route> {
    send_as(someone(), method, target, headers)
}

fn partition(method: &str, target: &str, headers: &[(&str, &str)]) -> PartitionRequest {
    match send(method, target, headers) {
        Ok(Route::Partition(request)) => request,
        other => panic!("{method} {target} {headers:?} → {other:?}"),
    }
}

fn catalog(method: &str, target: &str, headers: &[(&str, &str)]) -> CatalogRequest {
    match send(method, target, headers) {
        Ok(Route::Catalog(request)) => request,
        other => panic!("{method} {target} {headers:?} → {other:?}"),
    }
}

fn peeked(target: &str, headers: &[(&str, &str)], body: &str) -> Result<PartitionRequest> {
    match send("POST", target, headers) {
        Ok(Route::Peek(peek)) => peek.with_body(body.as_bytes()),
        other => panic!("POST {target} {headers:?} → {other:?}"),
    }
}

/// The code that a request is refused with, whichever way.
fn refused(method: &str, target: &str, headers: &[(&str, &str)]) -> Option<Code> {
    match send(method, target, headers) {
        Err(error) => Some(error.code),
        Ok(Route::Here(answer)) if answer.status == 405 => Some(Code::MethodNotAllowed),
        Ok(_) => None,
    }
}
