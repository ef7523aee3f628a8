//! Fitting a value to a type.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::model::{Field, Kind};
use crate::id::DocumentId;
use crate::time::Time;
use crate::value::{Class, Map, Value, class};

/// Why a value does not fit, and where inside it.
#[derive(Debug)]
pub(super) struct Misfit {
    /// Member names and item numbers, from the inside out.
    steps: Vec<String>,
    /// What is wrong, as the rest of a sentence that begins with the place.
    what: String,
}

impl Misfit {
    pub(super) fn new(what: impl Into<String>) -> Misfit {
        Misfit { steps: Vec::new(), what: what.into() }
    }

    /// The same misfit, seen from one level further out.
    pub(super) fn within(mut self, step: impl Into<String>) -> Misfit {
        self.steps.push(step.into());
        self
    }

    /// The same misfit, of a value that callers do not see: `whose` says what it is.
    pub(super) fn because(mut self, whose: &str) -> Misfit {
        self.what = format!("does not take {whose}: it {}", self.what);
        self
    }

    /// The place, its steps joined with dots; empty for the value itself.
    pub(super) fn path(&self) -> String {
        let steps: Vec<&str> = self.steps.iter().rev().map(String::as_str).collect();
        steps.join(".")
    }

    pub(super) fn what(&self) -> &str {
        &self.what
    }
}

/// Fits `value` to `kind`, bringing timestamps to the form in which they are kept.
pub(super) fn fit(kind: &Kind, value: &mut Value) -> Result<(), Misfit> {
    match (kind, &mut *value) {
        (Kind::Json, _) | (Kind::String, Value::String(_)) | (Kind::Float, Value::Number(_)) => Ok(()),
        (Kind::Bool, Value::Bool(_)) => Ok(()),
        (Kind::Int, Value::Number(number)) if number.as_i64().is_some() => Ok(()),
        (Kind::Int, Value::Number(number)) => {
            Err(Misfit::new(format!("must be a whole number of 64 bits, not {number}")))
        }
        (Kind::Bytes, Value::String(text)) => match STANDARD.decode(text.as_bytes()) {
            Ok(_) => Ok(()),
            Err(_) => Err(Misfit::new("must be base64 with the standard alphabet and padding")),
        },
        (Kind::Timestamp, Value::String(text)) => {
            *text = normal_timestamp(text)?;
            Ok(())
        }
        (Kind::Enum(values), Value::String(text)) if values.iter().any(|one| one == text) => Ok(()),
        (Kind::Enum(values), Value::String(_)) => {
            let listed: Vec<String> = values.iter().take(10).map(|one| format!("{one:?}")).collect();
            let more = if values.len() > listed.len() { ", …" } else { "" };
            Err(Misfit::new(format!("must be one of {}{more}", listed.join(", "))))
        }
        (Kind::Ref { collection, .. }, Value::String(text)) => match DocumentId::parse(text) {
            Ok(_) => Ok(()),
            Err(wrong) => Err(Misfit::new(format!("must be the id of a document of {collection}: {}", wrong.detail))),
        },
        (Kind::Array(items), Value::Array(values)) => {
            for (number, item) in values.iter_mut().enumerate() {
                fit(items, item).map_err(|misfit| misfit.within(number.to_string()))?;
            }
            Ok(())
        }
        (Kind::Object { fields, closed }, Value::Object(members)) => fit_members(fields, *closed, members),
        _ => Err(Misfit::new(format!("must be {}, not {}", wanted(kind), given(value)))),
    }
}

/// Fits the members of an object to the fields of its type. Computed fields may be missing.
pub(super) fn fit_members(
    fields: &BTreeMap<String, Field>,
    closed: bool,
    members: &mut Map<String, Value>,
) -> Result<(), Misfit> {
    for (name, field) in fields {
        let fitted = match members.get_mut(name) {
            None if field.optional || field.computed.is_some() => Ok(()),
            None => Err(Misfit::new("is required")),
            Some(Value::Null) if field.optional => Ok(()),
            Some(Value::Null) => Err(Misfit::new("is required and must not be null")),
            Some(value) => fit(&field.kind, value),
        };
        fitted.map_err(|misfit| misfit.within(name.as_str()))?;
    }
    match members.keys().find(|name| closed && !fields.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            Err(Misfit::new("is no field of the schema, which is closed: leave it out or declare it")
                .within(name.as_str()))
        }
    }
}

/// A type as the rest of "must be …".
fn wanted(kind: &Kind) -> &'static str {
    match kind {
        Kind::String => "a string",
        Kind::Int => "a whole number",
        Kind::Float => "a number",
        Kind::Bool => "true or false",
        Kind::Json => "any value",
        Kind::Bytes => "a base64 string",
        Kind::Timestamp => "an RFC 3339 time in a string",
        Kind::Enum(_) => "one of the enum's strings",
        Kind::Array(_) => "an array",
        Kind::Object { .. } => "an object",
        Kind::Ref { .. } => "the id of a document in a string",
    }
}

fn given(value: &Value) -> &'static str {
    match class(value) {
        Class::Null => "null",
        Class::Boolean => "a boolean",
        Class::Number => "a number",
        Class::String => "a string",
        Class::Array => "an array",
        Class::Object => "an object",
    }
}

/// An RFC 3339 text in UTC with three digits of a second.
fn normal_timestamp(text: &str) -> Result<String, Misfit> {
    let wrong = || Misfit::new("must be an RFC 3339 time of the years 0000 to 9999: `2026-01-31T12:00:00.000Z`");
    let digits = text.split_once('.').map_or("", |(_, rest)| rest);
    let finer = digits.chars().take_while(char::is_ascii_digit).skip(3).any(|digit| digit != '0');
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
    if finer {
        return Err(Misfit::new("has more than three digits of a second: timestamps are kept to the millisecond"));
    }
    let at = at.checked_to_offset(UtcOffset::UTC).filter(|at| (0..=9999).contains(&at.year())).ok_or_else(wrong)?;
    Ok(in_milliseconds(at))
}

/// A time of the clock as a timestamp field keeps it.
pub(crate) fn timestamp(time: Time) -> String {
    let nanos = i128::from(time.micros()) * 1_000;
    in_milliseconds(OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH))
}

fn in_milliseconds(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond()
    )
}
