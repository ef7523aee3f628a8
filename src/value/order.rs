//! The one order of JSON values, and the SQLite value that sorts the same way.
//!
//! null < false < true < numbers < strings < arrays < objects. Numbers compare by value across integers and
//! doubles, strings by Unicode code point, arrays and objects by their canonical JSON text (which is good for
//! equality and for a stable order, and promises nothing else). A path that leads nowhere reads as null.

use std::cmp::Ordering;

use super::Value;

/// The types among which a comparison can hold. `<` and its kin are false between two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// null, and what is not there.
    Null,
    /// true and false.
    Boolean,
    /// Integers and doubles.
    Number,
    /// Strings.
    String,
    /// Arrays.
    Array,
    /// Objects.
    Object,
}

/// The class of a value.
#[must_use]
pub fn class(value: &Value) -> Class {
    match value {
        Value::Null => Class::Null,
        Value::Bool(_) => Class::Boolean,
        Value::Number(_) => Class::Number,
        Value::String(_) => Class::String,
        Value::Array(_) => Class::Array,
        Value::Object(_) => Class::Object,
    }
}

/// The total order of values.
#[must_use]
pub fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left.cmp(&right),
            (Some(left), None) => integer_to_double(left, right.as_f64().unwrap_or(f64::MAX)),
            (None, Some(right)) => integer_to_double(right, left.as_f64().unwrap_or(f64::MAX)).reverse(),
            (None, None) => left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal),
        },
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
            left.to_string().cmp(&right.to_string())
        }
        _ => class(left).cmp(&class(right)),
    }
}

/// Exact: a double that is not an integer by canonical form is fractional or beyond 64 bits.
fn integer_to_double(left: i64, right: f64) -> Ordering {
    const EDGE: f64 = 9_223_372_036_854_775_808.0;
    if right >= EDGE {
        Ordering::Less
    } else if right < -EDGE {
        Ordering::Greater
    } else {
        #[allow(clippy::cast_possible_truncation)]
        let floor = right.floor() as i64;
        left.cmp(&floor).then(if right.fract() == 0.0 { Ordering::Equal } else { Ordering::Less })
    }
}

/// A value as SQLite sorts and compares it, so that one column carries any JSON value in our order.
///
/// SQLite sorts NULL < numbers < TEXT < BLOB. Booleans borrow the two least doubles, which [`super::parse`]
/// refuses as numbers; arrays and objects are the bytes of their canonical text (`[` sorts before `{`).
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    /// null or missing.
    Null,
    /// An integer.
    Integer(i64),
    /// A double, or a boolean: [`SortKey::FALSE`], [`SortKey::TRUE`].
    Real(f64),
    /// A string.
    Text(String),
    /// The canonical JSON text of an array or object.
    Blob(Vec<u8>),
}

impl SortKey {
    /// `false`: below every number.
    pub const FALSE: f64 = f64::NEG_INFINITY;
    /// `true`: below every number, above `false`.
    pub const TRUE: f64 = f64::MIN;
}

/// The sort key of a value.
#[must_use]
pub fn sort_key(value: &Value) -> SortKey {
    match value {
        Value::Null => SortKey::Null,
        Value::Bool(false) => SortKey::Real(SortKey::FALSE),
        Value::Bool(true) => SortKey::Real(SortKey::TRUE),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => SortKey::Integer(integer),
            None => SortKey::Real(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => SortKey::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => SortKey::Blob(value.to_string().into_bytes()),
    }
}
