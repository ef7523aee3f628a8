//! Query parameters: those that a route knows, each at most once.

use super::Head;
use crate::error::{Code, Result, refuse};
use crate::limits::NAME_BYTES;
use crate::time::Time;
use crate::wire::percent_decode;

/// The parameters of one request.
pub(super) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

impl Head<'_> {
    /// The parameters, all of which must be among `known`.
    pub(super) fn parameters(&self, known: &[&'static str]) -> Result<Parameters> {
        let mut found = Parameters(Vec::with_capacity(known.len()));
        for part in self.query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name)?;
            let Some(name) = known.iter().copied().find(|known| *known == name) else {
                let shown: String = name.chars().take(NAME_BYTES).collect();
                let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return refuse(
                    Code::InvalidRequest,
                    format!("This request has no parameter {shown:?}; it takes {there}."),
                );
            };
            if found.get(name).is_some() {
                return refuse(Code::InvalidRequest, format!("The parameter {name:?} stands twice."));
            }
            found.0.push((name, decode(value)?));
        }
        Ok(found)
    }
}

/// Clients write a space as `+` (the form encoding of the URL standard), and a plus as `%2B`.
fn decode(text: &str) -> Result<String> {
    if text.contains('+') { percent_decode(&text.replace('+', " ")) } else { percent_decode(text) }
}

/// The time that `?at=` names. A space in it can only be the plus of an offset that was not encoded.
pub(super) fn time(text: &str) -> Result<Time> {
    Time::parse(&text.replace(' ', "+"))
}

/// Refuses what is no consistency. The home serves them all: it is never behind.
pub(super) fn consistency(text: &str) -> Result<()> {
    match text {
        "strong" | "session" | "bounded" | "eventual" => Ok(()),
        _ => refuse(Code::InvalidRequest, "`consistency` is strong, session, bounded or eventual."),
    }
}

/// The number that `?after=` names.
pub(super) fn number(text: &str) -> Result<i64> {
    match text.parse() {
        Ok(number) if number >= 0 => Ok(number),
        _ => refuse(Code::InvalidRequest, "`after` is the number that the page before named as `next`."),
    }
}
