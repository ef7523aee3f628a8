//! Rows from texts. Documents travel as the text they are stored as; only what must be looked into is parsed.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::error::{Code, Error, Result};
use crate::query::tree::Selected;
use crate::value::{Map, Path, Value};

/// The members of a document, each as its text.
pub(super) type Members<'t> = BTreeMap<String, &'t RawValue>;

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
pub(super) fn splice<'e>(document: &'e Members<'e>, extra: impl Iterator<Item = (&'e str, &'e str)>) -> String {
    let mut all: BTreeMap<&str, &str> = document.iter().map(|(name, text)| (name.as_str(), text.get())).collect();
    all.extend(extra);
    let mut out = String::with_capacity(all.iter().map(|(name, text)| name.len() + text.len() + 4).sum());
    for (name, text) in all {
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push_str(&Value::from(name).to_string());
        out.push(':');
        out.push_str(text);
    }
    if out.is_empty() { "{}".to_owned() } else { out + "}" }
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
