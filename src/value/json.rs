//! Reading JSON strictly: no duplicate members, bounded depth, numbers that lose nothing.
//!
//! Numbers are kept canonical, as JavaScript prints them: a whole number is an integer however it was written
//! (`1.0` is `1`), so equal values have equal texts. Integers are exact to 64 bits.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Map, Number, Value};
use crate::error::{Code, Error, Result, refuse};
use crate::limits::JSON_DEPTH;

/// The value that `bytes` spell.
///
/// # Errors
/// `invalid_utf8`, `invalid_json`, `duplicate_member`, `too_deep`, `number_out_of_range`.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes).map_err(|wrong| {
        Error::new(Code::InvalidUtf8, format!("The body is not UTF-8 at byte {}.", wrong.valid_up_to()))
    })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(explain)
}

/// The object that `bytes` spell.
///
/// # Errors
/// As [`parse`], and `invalid_request` if it is not an object.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>> {
    match parse(bytes)? {
        Value::Object(members) => Ok(members),
        _ => refuse(Code::InvalidRequest, "The body must be a JSON object."),
    }
}

const DUPLICATE: &str = "duplicate member ";
const DEEP: &str = "nested too deeply";
const RANGE: &str = "number out of range";

fn explain(error: serde_json::Error) -> Error {
    let text = error.to_string();
    let place = format!("line {}, column {}", error.line(), error.column());
    if let Some(rest) = text.strip_prefix(DUPLICATE) {
        let name = rest.rsplit_once(" at line").map_or(rest, |(name, _)| name);
        return Error::new(Code::DuplicateMember, format!("The member {name} stands twice in one object ({place})."));
    }
    if text.starts_with(DEEP) || text.starts_with("recursion limit") {
        return Error::new(Code::TooDeep, format!("JSON may be nested {JSON_DEPTH} levels deep ({place})."));
    }
    if text.starts_with(RANGE) {
        return Error::new(
            Code::NumberOutOfRange,
            format!("A number fits neither a 64-bit integer nor a double without loss ({place}); send it as a string."),
        );
    }
    Error::new(Code::InvalidJson, format!("Not JSON: {text}."))
}

struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> std::result::Result<Strict, E> {
        if self.depth >= JSON_DEPTH { Err(E::custom(DEEP)) } else { Ok(Strict { depth: self.depth + 1 }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> std::result::Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> std::result::Result<Value, E> {
        if let Ok(value) = i64::try_from(value) {
            return Ok(Value::from(value));
        }
        // JavaScript prints its doubles below 1e21 as whole digits: a literal that is such a print is that double.
        #[allow(clippy::cast_precision_loss)]
        let double = value as f64;
        if double.to_string() == value.to_string() { self.visit_f64(double) } else { Err(E::custom(RANGE)) }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> std::result::Result<Value, E> {
        // Two doubles are lent to the booleans in sort keys: see `order`.
        if !value.is_finite() || value.abs() == f64::MAX {
            return Err(E::custom(RANGE));
        }
        Ok(canonical(value))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> std::result::Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> std::result::Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = input.next_element_seed(self.deeper()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> std::result::Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = input.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom(format!("{DUPLICATE}{name:?}")));
            }
            let value = input.next_value_seed(self.deeper()?)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// A finite double as its canonical value: an integer where it is whole and fits 64 bits.
pub(super) fn canonical(value: f64) -> Value {
    const EDGE: f64 = 9_223_372_036_854_775_808.0;
    if value.fract() == 0.0 && value >= -EDGE && value < EDGE {
        #[allow(clippy::cast_possible_truncation)]
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}
