//! Sort keys on their way into SQL.

use crate::error::{Code, Error, Result};
use crate::limits::INDEX_KEY_BYTES;
use crate::store::Cell;
use crate::value::{Map, SortKey, Value, sort_key};

/// Integers up to here are exact as doubles, which is how the platform binds every number.
const EXACT: i64 = 1 << 53;

/// How a sort key is bound: the place in the statement's text, and the cell. The `+` takes the cast's affinity away,
/// which would turn text on the other side of a comparison into a number.
pub(super) fn cell(key: &SortKey) -> (&'static str, Cell) {
    match key {
        SortKey::Null => ("?", Cell::Null),
        SortKey::Integer(value) if (-EXACT..=EXACT).contains(value) => ("+CAST(? AS INTEGER)", Cell::Integer(*value)),
        SortKey::Integer(value) => ("+CAST(? AS INTEGER)", Cell::Text(value.to_string())),
        SortKey::Real(value) => ("?", Cell::Real(*value)),
        SortKey::Text(value) => ("?", Cell::Text(value.clone())),
        SortKey::Blob(value) => ("?", Cell::Blob(value.clone())),
    }
}

/// The sort keys that a document has in columns: a column's number, and the segments of its path.
///
/// # Errors
/// `invalid_document` if one is too long for an index.
pub(super) fn keys_of<'c>(
    columns: impl Iterator<Item = (u32, &'c [String])>,
    members: &Map<String, Value>,
) -> Result<Vec<(u32, SortKey)>> {
    let mut keys = Vec::new();
    for (number, path) in columns {
        let mut segments = path.iter();
        let first = segments.next().and_then(|segment| members.get(segment));
        let value = segments.fold(first, |at, segment| at?.as_object()?.get(segment)).unwrap_or(&Value::Null);
        let key = sort_key(value);
        let bytes = match &key {
            SortKey::Text(text) => text.len(),
            SortKey::Blob(bytes) => bytes.len(),
            _ => 0,
        };
        if bytes > INDEX_KEY_BYTES {
            let path = path.join(".");
            return Err(Error::new(
                Code::InvalidDocument,
                format!("`{path}` is indexed, and an indexed value has at most {INDEX_KEY_BYTES} bytes, not {bytes}."),
            )
            .with("path", path));
        }
        keys.push((number, key));
    }
    Ok(keys)
}
