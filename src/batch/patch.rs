//! Changing parts of a document.

use serde_json::map::Entry;

use super::Patch;
use crate::error::{Code, Error, Result};
use crate::limits::JSON_DEPTH;
use crate::value::{Map, Path, Value, add};

/// Applies a patch.
///
/// # Errors
/// `invalid_document` where a path leads through something that is no object, or a value to increment or append to
/// is of another type; `number_out_of_range` where a sum is; `too_deep` where a value would stand too deep.
pub fn apply(patch: &Patch, document: &mut Map<String, Value>) -> Result<()> {
    for (path, value) in &patch.set {
        shallow(path, 0, std::slice::from_ref(value))?;
    }
    for (path, values) in &patch.append {
        shallow(path, 1, values)?;
    }
    for (path, value) in &patch.set {
        *slot(document, path)? = value.clone();
    }
    for path in &patch.unset {
        remove(document, path.segments());
    }
    for (path, amount) in &patch.increment {
        let target = slot(document, path)?;
        *target = match &*target {
            Value::Null => amount.clone(),
            Value::Number(_) => {
                add(target, amount).ok_or_else(|| wrong(Code::NumberOutOfRange, path, "the sum is out of range"))?
            }
            _ => return Err(wrong(Code::InvalidDocument, path, "only a number can be incremented")),
        };
    }
    for (path, values) in &patch.append {
        let target = slot(document, path)?;
        match target {
            Value::Null => *target = Value::Array(values.clone()),
            Value::Array(items) => items.extend(values.iter().cloned()),
            _ => return Err(wrong(Code::InvalidDocument, path, "only to an array can be appended")),
        }
    }
    Ok(())
}

/// Applies a merge patch (RFC 7396): objects merge, null removes, anything else replaces.
pub fn merge(document: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                document.remove(&name);
            }
            Value::Object(inner) => {
                let target = document.entry(name).or_insert(Value::Null);
                let mut members = match target.take() {
                    Value::Object(members) => members,
                    _ => Map::new(),
                };
                merge(&mut members, inner);
                *target = Value::Object(members);
            }
            value => {
                document.insert(name, value);
            }
        }
    }
}

/// Refuses values that would stand deeper in the document than JSON may be nested: it could not be put again.
fn shallow(path: &Path, further: usize, values: &[Value]) -> Result<()> {
    let left = JSON_DEPTH.saturating_sub(path.segments().len() + further);
    if values.iter().all(|value| is_within(value, left)) {
        return Ok(());
    }
    Err(wrong(Code::TooDeep, path, &format!("the document would be nested more than {JSON_DEPTH} levels deep")))
}

fn is_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_within(item, levels - 1)),
        Value::Object(members) => levels > 0 && members.values().all(|member| is_within(member, levels - 1)),
        _ => true,
    }
}

fn wrong(code: Code, path: &Path, what: &str) -> Error {
    Error::new(code, format!("At {path}: {what}.")).with("path", path.to_string())
}

/// The place a path leads to, made if it is not there.
fn slot<'d>(document: &'d mut Map<String, Value>, path: &Path) -> Result<&'d mut Value> {
    let Some((last, way)) = path.segments().split_last() else {
        return Err(wrong(Code::InvalidRequest, path, "the path is empty"));
    };
    let mut at = document;
    for segment in way {
        let next = match at.entry(segment.clone()) {
            Entry::Vacant(place) => place.insert(Value::Object(Map::new())),
            Entry::Occupied(place) => place.into_mut(),
        };
        if next.is_null() {
            *next = Value::Object(Map::new());
        }
        at = match next {
            Value::Object(members) => members,
            _ => return Err(wrong(Code::InvalidDocument, path, "it leads through something that is no object")),
        };
    }
    Ok(at.entry(last.clone()).or_insert(Value::Null))
}

fn remove(document: &mut Map<String, Value>, segments: &[String]) {
    match segments {
        [] => {}
        [last] => {
            document.remove(last);
        }
        [first, rest @ ..] => {
            if let Some(Value::Object(inner)) = document.get_mut(first) {
                remove(inner, rest);
            }
        }
    }
}
