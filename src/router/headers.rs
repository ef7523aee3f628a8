//! The headers that a request is read by: lengths, batch ids and preconditions (RFC 9110 section 13). No other header
//! of the caller's is looked at, and none is passed on.

use super::Head;
use crate::error::{Code, Error, Result, refuse};
use crate::id::BatchId;
use crate::limits::BODY_BYTES;
use crate::moment::Moment;
use crate::wire::Precondition;

/// A version that no document and no schema has: what an entity tag stands for that is none of ours.
const NEVER: i64 = -1;

/// What `If-Match` or `If-None-Match` names.
enum Tags {
    /// `*`
    Any,
    /// The versions among the tags.
    Versions(Vec<i64>),
}

impl Head<'_> {
    /// Refuses a body that says it is larger than any may be.
    pub(super) fn bounded(&self) -> Result<()> {
        let length = (self.header)("content-length").and_then(|length| length.trim().parse::<u128>().ok());
        match length {
            Some(length) if length > BODY_BYTES as u128 => Err(too_large()),
            _ => Ok(()),
        }
    }

    /// The batch id of a write, and whether the caller chose it.
    pub(super) fn batch(&self, moment: &mut Moment<'_>) -> Result<(BatchId, bool)> {
        match (self.header)("idempotency-key") {
            Some(key) => Ok((BatchId::parse(key.trim())?, true)),
            None => Ok((moment.new_id(), false)),
        }
    }

    /// What must hold of the document that is written.
    pub(super) fn only_if(&self) -> Result<Option<Precondition>> {
        match (self.tags("if-match", false)?, self.tags("if-none-match", true)?) {
            (None, None) => Ok(None),
            (Some(Tags::Any), None) => Ok(Some(Precondition::Present)),
            (Some(Tags::Versions(versions)), None) => Ok(Some(Precondition::Version(single(&versions)?))),
            (None, Some(Tags::Any)) => Ok(Some(Precondition::Absent)),
            (None, Some(Tags::Versions(_))) => {
                refuse(Code::InvalidRequest, "With a write `If-None-Match` is `*`: only if the document is not there.")
            }
            (Some(_), Some(_)) => {
                refuse(Code::InvalidRequest, "Send either `If-Match` or `If-None-Match`: both never hold.")
            }
        }
    }

    /// The version that must be in force when a schema is put. There is always one, so `*` asks for nothing.
    pub(super) fn schema_only_if(&self) -> Result<Option<i64>> {
        if (self.header)("if-none-match").is_some() {
            return refuse(Code::InvalidRequest, "A schema is put with `If-Match`: there is always one to match.");
        }
        match self.tags("if-match", false)? {
            None | Some(Tags::Any) => Ok(None),
            Some(Tags::Versions(versions)) => single(&versions).map(Some),
        }
    }

    /// The version that a reader has already. Of several the home would have to know all: then it sends the document,
    /// which is never wrong. Weak tags count, since caches on the way weaken ours when they compress.
    pub(super) fn unless(&self) -> Result<Option<i64>> {
        match self.tags("if-none-match", true)? {
            None => Ok(None),
            Some(Tags::Any) => refuse(Code::InvalidRequest, "With a read `If-None-Match` names the version you have."),
            Some(Tags::Versions(versions)) => Ok(match versions.as_slice() {
                [version] => Some(*version),
                _ => None,
            }),
        }
    }

    /// Refuses preconditions where nothing would heed them.
    pub(super) fn unconditional(&self) -> Result<()> {
        if (self.header)("if-match").is_none() && (self.header)("if-none-match").is_none() {
            return Ok(());
        }
        refuse(
            Code::InvalidRequest,
            "This request takes no `If-Match` or `If-None-Match`; an operation of a batch may name a `version`.",
        )
    }

    fn tags(&self, name: &str, weak_too: bool) -> Result<Option<Tags>> {
        let Some(text) = (self.header)(name) else { return Ok(None) };
        if text.trim() == "*" {
            return Ok(Some(Tags::Any));
        }
        let wrong =
            || Error::new(Code::InvalidRequest, format!("`{name}` is a version in double quotes, \"17\", or *."));
        let mut versions = Vec::new();
        let mut rest = text.trim();
        loop {
            let (weak, quoted) = match rest.strip_prefix("W/") {
                Some(quoted) => (true, quoted),
                None => (false, rest),
            };
            let (tag, after) = quoted.strip_prefix('"').and_then(|tag| tag.split_once('"')).ok_or_else(wrong)?;
            versions.extend(version(tag).filter(|_| !weak || weak_too));
            let after = after.trim_start();
            if after.is_empty() {
                return Ok(Some(Tags::Versions(versions)));
            }
            rest = after.strip_prefix(',').ok_or_else(wrong)?.trim_start();
        }
    }
}

/// The refusal of a body past [`BODY_BYTES`].
pub(super) fn too_large() -> Error {
    Error::new(
        Code::TooLarge,
        format!("A body has at most {BODY_BYTES} bytes; `_import` takes a stream of any length, line by line."),
    )
}

/// The version that a tag of ours spells.
fn version(tag: &str) -> Option<i64> {
    tag.parse::<i64>().ok().filter(|version| *version >= 0 && version.to_string() == tag)
}

fn single(versions: &[i64]) -> Result<i64> {
    match versions {
        [] => Ok(NEVER),
        [version] => Ok(*version),
        _ => refuse(Code::InvalidRequest, "`If-Match` names one version: a document has one at a time."),
    }
}
