//! The shapes that queries are written in: objects with known members, lists, paths.

use crate::error::{Code, Error, Result};
use crate::id::CollectionName;
use crate::limits::{NAME_BYTES, QUERY_TERMS};
use crate::query::names::Names;
use crate::query::tree::Relation;
use crate::value::{Map, Path, Value};

/// A query that does not hold together, and why.
pub(super) fn wrong(detail: impl Into<String>) -> Error {
    Error::new(Code::InvalidQuery, detail)
}

/// A query with too much of something.
pub(super) fn too_wide(detail: impl Into<String>) -> Error {
    Error::new(Code::QueryTooWide, detail)
}

/// A caller's text as it may stand in a message: quoted, and not all of it if it is long.
pub(super) fn shown(text: &str) -> String {
    let start: String = text.chars().take(NAME_BYTES).collect();
    if start.len() < text.len() { format!("{start:?}…") } else { format!("{start:?}") }
}

/// An object of which all members are known by name. A null member counts as missing.
pub(super) struct Members<'v> {
    what: &'static str,
    members: &'v Map<String, Value>,
}

impl<'v> Members<'v> {
    pub(super) fn read(value: &'v Value, what: &'static str, known: &[&str]) -> Result<Members<'v>> {
        let members = object(value, what)?;
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Members { what, members }),
            Some(name) => Err(wrong(format!("{what} has no member {}; it takes {}.", shown(name), known.join(", ")))),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'v str>> {
        let expected = || wrong(format!("`{name}` of {} must be a string.", self.what));
        self.get(name).map(|value| value.as_str().ok_or_else(expected)).transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        let expected = || wrong(format!("`{name}` of {} must be true or false.", self.what));
        self.get(name).map_or(Ok(false), |value| value.as_bool().ok_or_else(expected))
    }

    pub(super) fn collection(&self, name: &str) -> Result<Option<CollectionName>> {
        self.text(name)?.map(CollectionName::parse).transpose()
    }

    /// A number of rows from 1 to `most`; `default` if the member is missing.
    pub(super) fn rows(&self, name: &str, default: usize, most: usize) -> Result<usize> {
        let Some(value) = self.get(name) else { return Ok(default) };
        match value.as_u64().map(|rows| usize::try_from(rows).unwrap_or(usize::MAX)) {
            Some(rows) if rows > most => Err(too_wide(format!("`{name}` of {} is at most {most}.", self.what))),
            Some(rows) if rows > 0 => Ok(rows),
            _ => Err(wrong(format!("`{name}` of {} must be a whole number from 1 to {most}.", self.what))),
        }
    }
}

/// The members of an object, whatever their names.
pub(super) fn object<'v>(value: &'v Value, what: &str) -> Result<&'v Map<String, Value>> {
    value.as_object().ok_or_else(|| wrong(format!("{what} must be an object.")))
}

/// A list of at most [`QUERY_TERMS`] items.
pub(super) fn terms<'v>(value: Option<&'v Value>, what: &str) -> Result<&'v [Value]> {
    let Some(value) = value else { return Ok(&[]) };
    let items = value.as_array().ok_or_else(|| wrong(format!("{what} must be an array.")))?;
    at_most(items.len(), QUERY_TERMS, what)?;
    Ok(items)
}

/// That there are no more than `most` of something.
pub(super) fn at_most(count: usize, most: usize, what: &str) -> Result<()> {
    if count > most { Err(too_wide(format!("{what} has {count} terms; {most} are the most."))) } else { Ok(()) }
}

/// A name that a caller gives to a member of the answer.
pub(super) fn member_name(name: &str, what: &str) -> Result<String> {
    let plain = Path::parse(name).is_ok_and(|path| path.segments().len() == 1);
    if plain && name.len() <= NAME_BYTES && name != "id" && !name.starts_with('_') {
        return Ok(name.to_owned());
    }
    Err(wrong(format!(
        "{} cannot name {what}: it is `id`, starts with `_`, holds a dot, quote, backslash or control character, is \
         empty, or has more than {NAME_BYTES} bytes.",
        shown(name)
    )))
}

/// A path: `"paid.at"`, or `{"path": "paid.at"}`, or `{"path": ["paid", "at"]}` for segments that hold dots.
pub(super) fn path(value: &Value) -> Result<Path> {
    let spelled = match value {
        Value::Object(members) if members.len() == 1 => members.get("path").unwrap_or(&Value::Null),
        other => other,
    };
    let path = match (spelled, value) {
        (Value::String(text), _) => Path::parse(text),
        (Value::Array(segments), Value::Object(_)) => segments
            .iter()
            .map(|segment| segment.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map_or_else(|| Err(wrong("The segments of a path are strings.")), Path::from_segments),
        _ => Err(wrong("A path is a string such as \"paid.at\", or {\"path\": [\"paid\", \"at\"]}.")),
    };
    path.map_err(|error| wrong(error.detail))
}

/// What paths may address where they stand.
pub(super) struct Scope<'a> {
    /// The schema's names.
    pub(super) names: &'a dyn Names,
    /// The collection of the document; `None` where nothing is known of it.
    pub(super) collection: Option<&'a CollectionName>,
    /// The joined collections, by name.
    pub(super) joins: &'a [(String, CollectionName)],
}

impl<'a> Scope<'a> {
    /// Documents of one collection, nothing joined.
    pub(super) fn alone(names: &'a dyn Names, collection: &'a CollectionName) -> Scope<'a> {
        Scope { names, collection: Some(collection), joins: &[] }
    }

    /// A path that leads somewhere as far as the schema knows.
    pub(super) fn path(&self, value: &Value) -> Result<Path> {
        let path = path(value)?;
        self.check(&path)?;
        Ok(path)
    }

    /// The join that a path leads into, if it does.
    pub(super) fn join_of(&self, path: &Path) -> Option<&CollectionName> {
        self.joins.iter().find(|(name, _)| name == path.head()).map(|(_, collection)| collection)
    }

    /// The reference that a path goes on from, and where it goes from there.
    pub(super) fn along(&self, path: &Path) -> Option<(Relation, Path)> {
        let collection = self.collection.filter(|_| self.join_of(path).is_none())?;
        let segments = path.segments();
        let steps = 1..segments.len();
        steps
            .filter_map(|at| {
                let (first, rest) = (segments.get(..at)?, segments.get(at..)?);
                let reference = Path::from_segments(first.to_vec()).ok()?;
                match self.names.relation(collection, &reference.to_string())? {
                    forward @ Relation::Forward { .. } => Some((forward, Path::from_segments(rest.to_vec()).ok()?)),
                    Relation::Reverse { .. } => None,
                }
            })
            .next()
    }

    /// That a path leads somewhere as far as the schema knows.
    pub(super) fn check(&self, path: &Path) -> Result<()> {
        let (collection, within) = match self.join_of(path) {
            Some(collection) => (Some(collection), path.tail()),
            None => (self.collection, Some(path.clone())),
        };
        match (collection, within) {
            (Some(collection), Some(within)) if !self.names.may_have(collection, &within) => Err(Error::new(
                Code::UnknownField,
                format!("`{collection}` is closed and has no field `{within}`; its schema names those it has."),
            )
            .with("field", within.to_string())),
            _ => Ok(()),
        }
    }
}
