//! Pages of other origins: what answers say so that a browser lets the page see them (the CORS protocol of the Fetch
//! standard). Credentials mode is never allowed: a bearer token is sent by a page's own doing, no cookie by the browser's.

use crate::settings::Settings;
use crate::wire::Answer;

/// The header that lets a page see an answer.
pub const ALLOW_ORIGIN: &str = "access-control-allow-origin";

/// Headers of answers that a page may see beside those that every page may.
const EXPOSED: &str = "ETag, Location, Allow, Retry-After, Selvedge-Token, Selvedge-Cost";

/// Methods that a page may use.
const METHODS: &str = "GET, HEAD, PUT, POST, PATCH, DELETE";

/// Headers that a page may send.
const HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Selvedge-Token";

/// What [`ALLOW_ORIGIN`] is for a page of `origin`: that origin, or `*` where any may ask; none if it may not.
#[must_use]
pub fn allowed(origin: Option<&str>, settings: &Settings) -> Option<String> {
    origin.and_then(|origin| settings.cors.allows(origin)).map(str::to_owned)
}

/// The same answer, to be seen by a page of the allowed origin.
#[must_use]
pub fn dressed(answer: Answer, allowed: Option<&str>) -> Answer {
    match allowed {
        None => answer,
        Some(allowed) => answer
            .with(ALLOW_ORIGIN, allowed)
            .with("access-control-expose-headers", EXPOSED)
            // Another page's browser must not be given this from a cache.
            .with("vary", "origin"),
    }
}

/// The answer to a preflight. It says nothing to an origin that may not ask, as where there is no such database.
#[must_use]
pub fn preflight(origin: Option<&str>, settings: Option<&Settings>) -> Answer {
    let answer = Answer::empty(204);
    let granted = settings.and_then(|settings| allowed(origin, settings).map(|allowed| (allowed, settings)));
    match granted {
        None => answer.with("vary", "origin"),
        Some((allowed, settings)) => dressed(answer, Some(&allowed))
            .with("access-control-allow-methods", METHODS)
            .with("access-control-allow-headers", HEADERS)
            .with("access-control-max-age", settings.cors.age().to_string()),
    }
}
