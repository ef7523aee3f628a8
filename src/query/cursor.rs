//! Cursors: where a page ended, as opaque text.
//!
//! A cursor is base64url (no padding) of `[fingerprint, [values…]]` in JSON and eight bytes of checksum. The
//! fingerprint binds it to its query; the values are the last row's, one for each term of the order. The checksum
//! tells damage, not malice: whoever forges a cursor chooses where to start reading what the query lets them
//! read anyway.

use std::hash::{Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::tree::Query;
use crate::error::{Code, Error, Result, refuse};
use crate::limits::CURSOR_BYTES;
use crate::value::Value;

/// What a query is apart from the page that is asked of it: `limit`, `after` and `explain` are left out.
#[must_use]
pub fn fingerprint(query: &Query) -> String {
    let Query { from, key, filter, joins, includes, select, hidden, order, group_by, aggregates, at, .. } = query;
    let mut hash = Xxh3::new();
    (from, key, filter, joins, includes, select, hidden, order, (group_by, aggregates), at).hash(&mut hash);
    format!("{:016x}", hash.finish())
}

/// The cursor that goes on after `values`.
///
/// # Errors
/// `query_too_wide` if it would be longer than [`CURSOR_BYTES`].
pub fn encode(fingerprint: &str, values: Vec<Value>) -> Result<String> {
    let mut payload = Value::from(vec![Value::from(fingerprint), Value::Array(values)]).to_string().into_bytes();
    let checksum = xxh3_64(&payload);
    payload.extend_from_slice(&checksum.to_be_bytes());
    let cursor = URL_SAFE_NO_PAD.encode(payload);
    if cursor.len() > CURSOR_BYTES {
        return refuse(
            Code::QueryTooWide,
            format!(
                "The values that the rows are ordered by make a cursor of more than {CURSOR_BYTES} bytes; order by \
                 shorter ones, or ask for all rows at once."
            ),
        );
    }
    Ok(cursor)
}

/// The values, `terms` of them, after which a cursor goes on.
///
/// # Errors
/// `invalid_cursor` if it is damaged, too long, or was not made by this query.
pub fn decode(cursor: &str, fingerprint: &str, terms: usize) -> Result<Vec<Value>> {
    let damaged = || Error::new(Code::InvalidCursor, "The cursor is damaged; send it back exactly as it was answered.");
    if cursor.len() > CURSOR_BYTES {
        return Err(damaged());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| damaged())?;
    let (payload, checksum) = bytes.split_last_chunk::<8>().ok_or_else(damaged)?;
    if xxh3_64(payload).to_be_bytes() != *checksum {
        return Err(damaged());
    }
    // Not `parse`: a value from a document at the greatest depth stands two levels deeper here.
    let Ok(Value::Array(parts)) = serde_json::from_slice(payload) else { return Err(damaged()) };
    let [Value::String(made_by), Value::Array(values)] = parts.as_slice() else { return Err(damaged()) };
    if made_by != fingerprint || values.len() != terms {
        return refuse(
            Code::InvalidCursor,
            "The cursor belongs to another query: only `limit` may change between pages.",
        );
    }
    Ok(values.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cursor_comes_back_and_only_whole() {
        let values = vec![json!(null), json!(-1.5), json!("é/\n"), json!([true, {"a": 9_007_199_254_740_993_i64}])];
        let cursor = encode("f", values.clone()).expect("short");
        assert_eq!(decode(&cursor, "f", 4), Ok(values));
        for at in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(decode(&changed, "f", 4).expect_err(&changed).code, Code::InvalidCursor);
            assert_eq!(decode(&cursor[..at], "f", 4).expect_err("cut short").code, Code::InvalidCursor);
        }
    }

    #[test]
    fn a_cursor_serves_its_own_query_alone() {
        let cursor = encode("f", vec![json!(1)]).expect("short");
        assert_eq!(decode(&cursor, "g", 1).expect_err("another fingerprint").code, Code::InvalidCursor);
        assert_eq!(decode(&cursor, "f", 2).expect_err("another order").code, Code::InvalidCursor);
        assert_eq!(decode(&"A".repeat(CURSOR_BYTES + 1), "f", 1).expect_err("long").code, Code::InvalidCursor);
    }

    #[test]
    fn a_cursor_has_a_greatest_length() {
        assert_eq!(encode("f", vec![json!("x".repeat(CURSOR_BYTES))]).expect_err("long").code, Code::QueryTooWide);
    }
}
