//! Rows from texts. Documents travel as the text they are stored as; only what must be looked into is parsed.

use crate::error::{Code, Error, Result};
use crate::query::tree::Selected;
use crate::value::{Map, Path, Value};

/// The members of a document in the order of its text: the name of each and its value, both as JSON.
pub(super) struct Members<'t>(Vec<(&'t str, &'t str)>);

/// A stored text that does not read back.
fn unreadable() -> Error {
    Error::new(Code::Internal, "A stored document cannot be read.")
}

/// The members of a document. The text is ours: canonical, so nothing stands between the tokens, and no name stands in it
/// twice. It is only cut up, which takes a fraction of the time that reading it takes.
pub(super) fn members(document: &str) -> Result<Members<'_>> {
    let cut = |from: usize, to: usize| document.get(from..to).ok_or_else(unreadable);
    let mut found = Vec::new();
    let mut at = 1;
    while document.as_bytes().get(at) == Some(&b'"') {
        let name_end = end_of_text(document, at).ok_or_else(unreadable)?;
        let value_end = end_of_value(document, name_end + 1).ok_or_else(unreadable)?;
        found.push((cut(at, name_end)?, cut(name_end + 1, value_end)?));
        at = value_end + 1;
    }
    // Behind the last member, or of no member at all, stands the end of the object.
    let closed = if found.is_empty() { document == "{}" } else { at == document.len() };
    if closed && document.starts_with('{') { Ok(Members(found)) } else { Err(unreadable()) }
}

/// The place behind a JSON string that starts at `start`.
fn end_of_text(document: &str, start: usize) -> Option<usize> {
    let bytes = document.as_bytes();
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The place of the comma or the brace behind a member's value that starts at `start`.
fn end_of_value(document: &str, start: usize) -> Option<usize> {
    let bytes = document.as_bytes();
    let (mut at, mut depth) = (start, 0usize);
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = end_of_text(document, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b',' | b'}' if depth == 0 => return Some(at),
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
}

/// A whole document as a value.
pub(super) fn value(document: &str) -> Result<Value> {
    serde_json::from_str(document).map_err(|_| unreadable())
}

/// A name as it stands in a document.
fn quoted(name: &str) -> Result<String> {
    serde_json::to_string(name).map_err(|_| unreadable())
}

/// A quoted name without its quotes: the closing one would sort before a longer name.
fn bare(quoted: &str) -> &str {
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted)
}

/// The id that a document holds at a path, if a string is there.
pub(super) fn id_at(members: &Members<'_>, path: &Path) -> Result<Option<String>> {
    let head = quoted(path.head())?;
    let Some((_, head)) = members.0.iter().find(|(name, _)| *name == head) else { return Ok(None) };
    let head = value(head)?;
    let found = path.tail().map_or(Some(&head), |tail| tail.get(&head));
    Ok(found.and_then(Value::as_str).map(str::to_owned))
}

/// The text of a document with further members, given as texts; they replace those of their names.
///
/// # Errors
/// `internal` if a name cannot be written.
pub(super) fn splice<'e>(document: &Members<'e>, extra: impl Iterator<Item = (&'e str, &'e str)>) -> Result<String> {
    let extra: Vec<(String, &str)> = extra.map(|(name, text)| Ok((quoted(name)?, text))).collect::<Result<_>>()?;
    let mut all: Vec<(&str, &str)> = document.0.clone();
    all.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
    for (name, text) in &extra {
        let place = all.partition_point(|(other, _)| bare(other) < bare(name));
        all.insert(place, (name, text));
    }
    let mut out = String::with_capacity(all.iter().map(|(name, text)| name.len() + text.len() + 2).sum::<usize>() + 2);
    for (name, text) in all {
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push_str(name);
        out.push(':');
        out.push_str(text);
    }
    if out.is_empty() {
        out.push('{');
    }
    out.push('}');
    Ok(out)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_cut_up_and_put_together() {
        let text = r#"{"_a":"},{\\\"","b":{"c":[1,{"d":"]"}],"e":{}},"f\"":[],"g":-1.5,"h":null}"#;
        let document = members(text).expect("members");
        assert_eq!(document.0.len(), 5);
        assert_eq!(splice(&document, std::iter::empty()).expect("a text"), text);
        let more = splice(&document, [("b", "1"), ("z", "[2]"), ("", "3")].into_iter()).expect("a text");
        let value: Value = serde_json::from_str(&more).expect("JSON");
        assert_eq!(value.to_string(), more);
        assert_eq!((&value["b"], &value["z"][0], &value[""]), (&Value::from(1), &Value::from(2), &Value::from(3)));
        assert_eq!(splice(&members("{}").expect("members"), [("a", "1")].into_iter()).expect("a text"), r#"{"a":1}"#);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "{", "[]", "1", "{\"a\":1", "{\"a\"", "{\"a\":[}", "{\"a\":1}x", "{a}", "\"a\"", "x\"a\":1}"] {
            assert!(members(text).is_err(), "{text}");
        }
    }
}
