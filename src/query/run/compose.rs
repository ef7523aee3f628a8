//! Rows from texts. Documents travel as the text they are stored as; only what must be looked into is parsed.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Code, Error, Result};
use crate::query::tree::Selected;
use crate::value::{Map, Path, Value};

/// A member's name, borrowed from the document's text unless an escape stands in it.
#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

impl Borrow<str> for Name<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The members of a document, each as its text.
pub(super) type Members<'t> = BTreeMap<Name<'t>, &'t RawValue>;

/// A stored text that does not read back.
pub(super) fn unreadable(_: serde_json::Error) -> Error {
    Error::new(Code::Internal, "A stored document cannot be read.")
}

/// The members of a document. The text is ours: canonical, so no name stands in it twice.
pub(super) fn members(document: &str) -> Result<Members<'_>> {
    serde_json::from_str(document).map_err(unreadable)
}

/// A whole document as a value.
pub(super) fn value(document: &str) -> Result<Value> {
    serde_json::from_str(document).map_err(unreadable)
}

/// The id that a document holds at a path, if a string is there.
pub(super) fn id_at(members: &Members<'_>, path: &Path) -> Result<Option<String>> {
    let Some(head) = members.get(path.head()) else { return Ok(None) };
    let head = value(head.get())?;
    let found = path.tail().map_or(Some(&head), |tail| tail.get(&head));
    Ok(found.and_then(Value::as_str).map(str::to_owned))
}

/// The text of a document with further members, given as texts; they replace those of their names.
///
/// # Errors
/// `internal` if it is no JSON text after all.
pub(super) fn splice<'e>(document: &'e Members<'e>, extra: impl Iterator<Item = (&'e str, &'e str)>) -> Result<String> {
    let odd = |wrong: String| Error::new(Code::Internal, wrong);
    let mut all: BTreeMap<&str, &str> = document.iter().map(|(name, text)| (name.borrow(), text.get())).collect();
    all.extend(extra);
    let mut out = Vec::with_capacity(all.iter().map(|(name, text)| name.len() + text.len() + 4).sum::<usize>() + 2);
    for (name, text) in all {
        out.push(if out.is_empty() { b'{' } else { b',' });
        serde_json::to_writer(&mut out, name).map_err(|wrong| odd(wrong.to_string()))?;
        out.push(b':');
        out.extend_from_slice(text.as_bytes());
    }
    if out.is_empty() {
        out.push(b'{');
    }
    out.push(b'}');
    String::from_utf8(out).map_err(|wrong| odd(wrong.to_string()))
}

/// What `select` leaves of a document. `lookup` finds what a path leads to.
pub(super) fn project<'v>(selected: &[Selected], lookup: impl Fn(&Path) -> Option<&'v Value>) -> Value {
    let mut out = Map::new();
    for part in selected {
        let Some(found) = lookup(&part.path) else { continue };
        match &part.name {
            Some(name) => {
                out.insert(name.clone(), found.clone());
            }
            None => place(&mut out, part.path.segments(), found),
        }
    }
    Value::Object(out)
}

/// Puts a value where it was: its path, object by object.
fn place(out: &mut Map<String, Value>, path: &[String], value: &Value) {
    let Some((segment, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        out.insert(segment.clone(), value.clone());
    } else if let Value::Object(inner) = out.entry(segment.clone()).or_insert_with(|| Value::Object(Map::new())) {
        place(inner, rest, value);
    }
}
