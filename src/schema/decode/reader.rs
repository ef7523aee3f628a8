//! The grammar's small change: objects with known members, names, limits, and places in errors.

use crate::error::{Code, Error, Result};
use crate::limits::NAME_BYTES;
use crate::query::decode::plain_condition;
use crate::query::tree::Condition;
use crate::schema::document::is_system_name;
use crate::value::{Map, Path, Value};

/// An `invalid_schema` at the place where it is found.
pub(crate) fn invalid(detail: impl Into<String>) -> Error {
    Error::new(Code::InvalidSchema, detail)
}

/// The same outcome; an error, if it is one, seen from one level further out.
pub(crate) fn within<T>(step: &str, result: Result<T>) -> Result<T> {
    result.map_err(|mut error| {
        let inner = error.members.get("path").and_then(Value::as_str).unwrap_or_default();
        let pointer = format!("/{}{inner}", step.replace('~', "~0").replace('/', "~1"));
        error.members.insert("path".to_owned(), Value::String(pointer));
        error
    })
}

/// [`within`] for several levels, the outermost first.
pub(super) fn at<T>(steps: &[&str], result: Result<T>) -> Result<T> {
    steps.iter().rev().fold(result, |result, step| within(step, result))
}

/// An outcome of another room: its sentence is kept, its own members say nothing about the schema.
pub(super) fn foreign<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| invalid(error.detail))
}

/// The members of an object, none of which may be unknown.
pub(crate) fn members<'v>(value: &'v Value, known: &[&str]) -> Result<&'v Map<String, Value>> {
    let Value::Object(members) = value else {
        return Err(invalid(format!("This must be an object, with {}.", listed(known))));
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(members),
        Some(name) => {
            within(name, Err(invalid(format!("{name:?} is not known here; there may be {}.", listed(known)))))
        }
    }
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// A member that is true or false, and false where it is missing.
pub(super) fn flag(members: &Map<String, Value>, name: &str) -> Result<bool> {
    match members.get(name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => within(name, Err(invalid("This is true or false."))),
    }
}

/// A value that must be a string.
pub(crate) fn string<'v>(value: &'v Value, what: &str) -> Result<&'v str> {
    value.as_str().ok_or_else(|| invalid(format!("This must be a string: {what}.")))
}

/// A value that must be an array.
pub(crate) fn array<'v>(value: &'v Value, what: &str) -> Result<&'v [Value]> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(invalid(format!("This must be an array: {what}."))),
    }
}

/// Refuses more than `limit` of something.
pub(crate) fn bounded(count: usize, limit: usize, what: &str) -> Result<()> {
    if count <= limit { Ok(()) } else { Err(invalid(format!("There may be at most {limit} {what}, not {count}."))) }
}

/// A name that the schema gives to a field, relation or check.
pub(super) fn name(text: &str) -> Result<()> {
    let odd = |c: char| matches!(c, '.' | '"' | '\\') || c.is_control();
    if is_system_name(text) {
        Err(invalid(format!("{text:?} is the system's: `id` is always there, and `_` begins none of your names.")))
    } else if text.is_empty() || text.len() > NAME_BYTES || text.chars().any(odd) {
        Err(invalid(format!(
            "A name has 1 to {NAME_BYTES} bytes and holds no dot, quote, backslash or control character."
        )))
    } else {
        Ok(())
    }
}

/// A path to fields: not to the system's.
pub(super) fn path(text: &str) -> Result<Path> {
    let path = foreign(Path::parse(text))?;
    if is_system_name(path.head()) {
        return Err(invalid(format!("`{path}` is the system's: this sees the fields alone.")));
    }
    Ok(path)
}

/// A condition on the fields of a document.
pub(super) fn condition(value: &Value) -> Result<Condition> {
    foreign(plain_condition(value))
}
