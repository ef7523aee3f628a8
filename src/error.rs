//! What can go wrong, as callers see it: a stable code, what happened, what to do.
//!
//! Every error of the core is an [`Error`]; at the door it becomes a problem document of RFC 9457.

use serde_json::{Map, Value, json};

/// The result of anything that may fail for a reason a caller should hear.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $text:literal $status:literal $title:literal;)*) => {
        /// The stable codes. Callers may match on them; texts may change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code there is, for documentation and tests.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as it travels.
            #[must_use]
            pub fn as_str(self) -> &'static str { match self { $(Code::$name => $text,)* } }

            /// The HTTP status that goes with the code.
            #[must_use]
            pub fn status(self) -> u16 { match self { $(Code::$name => $status,)* } }

            /// One line on the class of the error.
            #[must_use]
            pub fn title(self) -> &'static str { match self { $(Code::$name => $title,)* } }
        }
    };
}

codes! {
    /// The body is not JSON.
    InvalidJson "invalid_json" 400 "The body is not valid JSON";
    /// The body or a URL is not UTF-8.
    InvalidUtf8 "invalid_utf8" 400 "The text is not valid UTF-8";
    /// An object names a member twice.
    DuplicateMember "duplicate_member" 400 "An object names a member twice";
    /// JSON nested deeper than [`crate::limits::JSON_DEPTH`].
    TooDeep "too_deep" 400 "The JSON is nested too deeply";
    /// A number that 64-bit integers and doubles cannot carry without loss.
    NumberOutOfRange "number_out_of_range" 400 "A number cannot be carried exactly";
    /// A request whose shape is wrong: a member missing, unknown or of the wrong type.
    InvalidRequest "invalid_request" 400 "The request does not have the expected shape";
    /// A database, collection or key name that breaks the rules for names.
    InvalidName "invalid_name" 400 "A name is not valid";
    /// A document id that breaks the rules for ids.
    InvalidId "invalid_id" 400 "A document id is not valid";
    /// A query tree that does not hold together.
    InvalidQuery "invalid_query" 400 "The query is not valid";
    /// An operator that does not exist.
    UnknownOperator "unknown_operator" 400 "The operator does not exist";
    /// A field that a closed collection does not have.
    UnknownField "unknown_field" 400 "The field does not exist";
    /// A relation that the schema does not name.
    UnknownRelation "unknown_relation" 400 "The relation does not exist";
    /// A query with more conditions, values, includes or terms than one statement carries.
    QueryTooWide "query_too_wide" 400 "The query is too wide";
    /// A cursor that is damaged, forged, or of another query.
    InvalidCursor "invalid_cursor" 400 "The cursor does not belong to this query";
    /// A batch id or `Idempotency-Key` that cannot be one.
    InvalidBatchId "invalid_batch_id" 400 "The batch id is not valid";
    /// A batch id whose own time lies before the window in which repeats are recognised.
    BatchExpired "batch_expired" 400 "The batch id is too old to be told from a repeat";
    /// A batch or reference that spans keys.
    SeveralKeys "several_keys" 400 "This spans several keys";
    /// A time before the retained history, or ahead of the clock.
    TimeOutOfRange "time_out_of_range" 400 "That time is not in the retained history";
    /// No credentials, or none that are known.
    Unauthenticated "unauthenticated" 401 "Who are you?";
    /// The principal may not do this.
    Forbidden "forbidden" 403 "Not yours to do";
    /// No such document.
    NotFound "not_found" 404 "There is no such document";
    /// No such database.
    UnknownDatabase "unknown_database" 404 "There is no such database";
    /// A collection with neither a schema nor a document.
    UnknownCollection "unknown_collection" 404 "There is no such collection";
    /// No such route or API key.
    UnknownRoute "unknown_route" 404 "There is nothing at this address";
    /// The route exists, the method does not.
    MethodNotAllowed "method_not_allowed" 405 "The method is not allowed here";
    /// Something the batch read has changed.
    Conflict "conflict" 409 "Something this batch read has changed";
    /// A document of that id, or a database or key of that name, is there already.
    Exists "exists" 409 "It exists already";
    /// Another document has the same unique values.
    UniqueViolation "unique_violation" 409 "Another document has these unique values";
    /// A reference to a document that is not there, or a delete of one that is referred to.
    RefViolation "ref_violation" 409 "A reference does not hold";
    /// A check of the schema or of the batch is false.
    CheckFailed "check_failed" 409 "A check failed";
    /// The batch id was used before for a different body.
    BatchReused "batch_reused" 409 "The batch id was used for another batch";
    /// `If-Match` or `If-None-Match` does not hold.
    VersionMismatch "version_mismatch" 412 "The document has another version";
    /// A body, document or value is larger than its limit.
    TooLarge "too_large" 413 "Too large";
    /// An answer would be larger than its limit.
    AnswerTooLarge "answer_too_large" 413 "The answer would be too large";
    /// The document does not fit its collection's schema.
    InvalidDocument "invalid_document" 422 "The document does not fit the schema";
    /// A schema that contradicts itself or refers to nothing.
    InvalidSchema "invalid_schema" 422 "The schema is not valid";
    /// Settings that are not what settings are.
    InvalidSettings "invalid_settings" 422 "The settings are not valid";
    /// A schema that the data already there breaks.
    SchemaViolation "schema_violation" 422 "Documents already there break the schema";
    /// More requests, keys or collections than the bounds allow.
    TooMany "too_many" 429 "Too many";
    /// A principal asks more often, or for more, than the database's quotas allow.
    TooManyRequests "too_many_requests" 429 "Too many requests";
    /// A defect of Selvedge. Nothing was committed.
    Internal "internal" 500 "A defect; nothing was committed";
    /// An actor could not be reached or is busy changing; the same request may be sent again.
    Unavailable "unavailable" 503 "Try again";
}

/// One error: its code, what happened, what to do, and what it concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// The stable code.
    pub code: Code,
    /// What happened and what to do, for a person.
    pub detail: String,
    /// Further members of the problem document (`path`, `document`, `version`, …).
    pub members: Map<String, Value>,
}

impl Error {
    /// An error of `code` with a sentence for a person.
    pub fn new(code: Code, detail: impl Into<String>) -> Error {
        Error { code, detail: detail.into(), members: Map::new() }
    }

    /// The same error with one more member in its problem document.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Error {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The problem document of RFC 9457.
    #[must_use]
    pub fn problem(&self) -> Value {
        let mut problem = json!({
            "type": format!("urn:selvedge:problem:{}", self.code.as_str()),
            "title": self.code.title(),
            "status": self.code.status(),
            "code": self.code.as_str(),
            "detail": self.detail,
        });
        if let Value::Object(members) = &mut problem {
            for (name, value) in &self.members {
                members.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        problem
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Error {}

/// Shorthand for `Err(Error::new(…))`.
///
/// # Errors
/// Always: that is what it is for.
pub fn refuse<T>(code: Code, detail: impl Into<String>) -> Result<T> {
    Err(Error::new(code, detail))
}
