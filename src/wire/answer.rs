//! What an actor answers, before it is an HTTP response.

use serde_json::Value;

use crate::error::Error;
use crate::time::Token;

/// The member of a problem that says after how many seconds to try again, where that is known.
pub(crate) const RETRY_AFTER: &str = "retryAfter";

/// An answer: a status, the headers that carry meaning, and a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers, in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty with 204 and 304.
    pub body: String,
}

impl Answer {
    /// A JSON body.
    #[must_use]
    pub fn json(status: u16, body: impl Into<String>) -> Answer {
        Answer { status, headers: vec![("content-type", "application/json".to_owned())], body: body.into() }
    }

    /// No body.
    #[must_use]
    pub fn empty(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: String::new() }
    }

    /// The problem that an actor answered to somebody it does not know.
    #[must_use]
    pub fn of_stranger(body: String) -> Answer {
        let headers = [("content-type", "application/problem+json"), ("www-authenticate", "Bearer")];
        Answer { status: 401, headers: headers.map(|(name, value)| (name, value.to_owned())).to_vec(), body }
    }

    /// The problem document of an error.
    #[must_use]
    pub fn problem(error: &Error) -> Answer {
        let mut answer = Answer {
            status: error.code.status(),
            headers: vec![("content-type", "application/problem+json".to_owned())],
            body: error.problem().to_string(),
        };
        match answer.status {
            401 => answer.headers.push(("www-authenticate", "Bearer".to_owned())),
            429 | 503 => {
                let seconds = error.members.get(RETRY_AFTER).and_then(Value::as_i64).unwrap_or(1);
                answer.headers.push(("retry-after", seconds.to_string()));
            }
            _ => {}
        }
        answer
    }

    /// A header of it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    /// The same answer with the version of the document it is about.
    #[must_use]
    pub fn with_version(self, version: i64) -> Answer {
        self.with("etag", format!("\"{version}\""))
    }

    /// The same answer with the times it has seen.
    #[must_use]
    pub fn with_token(self, token: &Token) -> Answer {
        self.with("selvedge-token", token.encode())
    }
}

/// Headers as a JSON object: how they cross from one actor to another.
#[must_use]
pub fn header_json(headers: &[(&'static str, String)]) -> String {
    let mut text = String::with_capacity(160);
    for (name, value) in headers {
        text.push_str(if text.is_empty() { "{" } else { "," });
        // A string always serializes.
        text.push_str(&serde_json::to_string(name).unwrap_or_default());
        text.push(':');
        text.push_str(&serde_json::to_string(value).unwrap_or_default());
    }
    if text.is_empty() {
        text.push('{');
    }
    text.push('}');
    text
}

impl From<Error> for Answer {
    fn from(error: Error) -> Answer {
        Answer::problem(&error)
    }
}
