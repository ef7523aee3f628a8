//! Reading JSON strictly: no duplicate members, bounded depth, numbers that lose nothing.
//!
//! Numbers are kept canonical, as JavaScript prints them: a whole number is an integer however it was written
//! (`1.0` is `1`), so equal values have equal texts. Integers are exact to 64 bits. No string and no member name
//! holds U+0000, where SQLite's text functions stop.

use std::cell::Cell;
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
    let wide = Cell::new(false);
    let value = Strict { depth: 0, wide: &wide }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(explain)?;
    match wide.get().then(|| inexact_integer(text)).flatten() {
        Some(literal) => refuse(
            Code::NumberOutOfRange,
            format!("{literal} fits neither a 64-bit integer nor a double without loss; send it as a string."),
        ),
        None => Ok(value),
    }
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
const NUL: &str = "a string holds U+0000";

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
    if text.starts_with(NUL) {
        return Error::new(
            Code::InvalidJson,
            format!("A string or member name holds U+0000, which cannot be stored ({place}); send bytes as base64."),
        );
    }
    Error::new(Code::InvalidJson, format!("Not JSON: {text}."))
}

/// The first integer literal of valid JSON that stands for a double other than the one it spells. Only literals
/// past 64 bits can: the reader hands them over as doubles, rounded.
fn inexact_integer(json: &str) -> Option<&str> {
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at + 1..)?;
        match byte {
            b'"' => {
                let mut escaped = false;
                let end = rest.iter().position(|&byte| {
                    let closes = byte == b'"' && !escaped;
                    escaped = byte == b'\\' && !escaped;
                    closes
                })?;
                at += end + 2;
            }
            b'-' | b'0'..=b'9' => {
                let more = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                let end = at + 1 + rest.iter().position(|byte| !more(byte)).unwrap_or(rest.len());
                let literal = json.get(at..end)?;
                let whole = literal.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
                if whole && literal.parse::<i64>().is_err() && !spells_a_double(literal) {
                    return Some(literal);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    None
}

/// Whether an integer literal is what its double prints: JavaScript writes its doubles below 1e21 so.
fn spells_a_double(literal: &str) -> bool {
    literal.parse::<f64>().is_ok_and(|double| double.to_string() == literal)
}

/// Whether a double lies where integer literals are handed over as doubles.
fn is_wide(value: f64) -> bool {
    value.abs() >= EDGE
}

/// 2^63: the first double past the 64-bit integers.
const EDGE: f64 = 9_223_372_036_854_775_808.0;

#[derive(Clone, Copy)]
struct Strict<'w> {
    depth: usize,
    /// Set once a double past 64 bits was read, which may have been an integer literal.
    wide: &'w Cell<bool>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> std::result::Result<Self, E> {
        if self.depth >= JSON_DEPTH { Err(E::custom(DEEP)) } else { Ok(Strict { depth: self.depth + 1, ..self }) }
    }
}

fn without_nul<E: serde::de::Error>(text: &str) -> std::result::Result<(), E> {
    if text.contains('\0') { Err(E::custom(NUL)) } else { Ok(()) }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> std::result::Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
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
        #[allow(clippy::cast_precision_loss)]
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> std::result::Result<Value, E> {
        // Two doubles are lent to the booleans in sort keys: see `order`.
        if !value.is_finite() || value.abs() == f64::MAX {
            return Err(E::custom(RANGE));
        }
        self.wide.set(self.wide.get() || is_wide(value));
        Ok(canonical(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> std::result::Result<Value, E> {
        without_nul(value)?;
        Ok(Value::String(value.to_owned()))
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
            without_nul(&name)?;
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
pub(crate) fn canonical(value: f64) -> Value {
    if value.fract() == 0.0 && (-EDGE..EDGE).contains(&value) {
        #[allow(clippy::cast_possible_truncation)]
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(json: &str) -> Code {
        parse(json.as_bytes()).expect_err(json).code
    }

    fn text(json: &str) -> String {
        parse(json.as_bytes()).map_or_else(|error| format!("{json} → {error}"), |value| value.to_string())
    }

    #[test]
    fn a_number_has_one_text() {
        for (json, canonical) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("0.10", "0.1"),
            ("9007199254740993", "9007199254740993"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("9223372036854775807", "9223372036854775807"),
        ] {
            assert_eq!(text(json), canonical);
        }
    }

    #[test]
    fn what_javascript_prints_comes_back() {
        for double in [1e19, 18_446_744_073_709_552_000.0, 1e20, 123_456_789_012_345_680_000.0, -1e20] {
            assert_eq!(parse(format!("{double}").as_bytes()).map(|value| value.as_f64()), Ok(Some(double)));
        }
    }

    #[test]
    fn numbers_that_would_lose_digits_are_refused() {
        for json in [
            "1e999",
            "-1e999",
            "1.7976931348623157e308",
            "9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775809",
            r#"{"a\\": "1\"2", "b": [3, 100000000000000000000001]}"#,
        ] {
            assert_eq!(code(json), Code::NumberOutOfRange, "{json}");
        }
        // Digits inside a string, and doubles written with an exponent, are no integers.
        assert!(parse(br#"["18446744073709551616", "\"18446744073709551616", 1.5e300]"#).is_ok());
    }

    #[test]
    fn what_is_ambiguous_or_cannot_be_stored_is_refused() {
        assert_eq!(code(r#"{"a": 1, "a": 2}"#), Code::DuplicateMember);
        assert_eq!(code(r#"{"a": {"b": 1, "\u0062": 2}}"#), Code::DuplicateMember);
        assert_eq!(code(r#"{"a": "x\u0000"}"#), Code::InvalidJson);
        assert_eq!(code(r#"{"\u0000": 1}"#), Code::InvalidJson);
        let detail = parse(br#""\u0000""#).expect_err("it holds U+0000").detail;
        assert!(detail.contains("U+0000"), "{detail}");
        assert_eq!(code("[1,]"), Code::InvalidJson);
        assert_eq!(code("1 2"), Code::InvalidJson);
        assert_eq!(code(r#""\ud800""#), Code::InvalidJson);
        assert_eq!(parse(b"\"\xff\"").expect_err("not UTF-8").code, Code::InvalidUtf8);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(JSON_DEPTH).as_bytes()).is_ok());
        assert_eq!(code(&nested(JSON_DEPTH + 1)), Code::TooDeep);
        assert_eq!(code(&nested(100_000)), Code::TooDeep);
    }
}
