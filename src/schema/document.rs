//! Fitting a document to its collection: what every write goes through before it is stored.
//!
//! Documents here are without the system's members: `id`, `_version` and `_time` are given by the address and
//! the commit, not by callers.

use super::expression::evaluate;
pub(crate) use super::kind::timestamp;
use super::kind::{self, Misfit};
use super::model::{Collection, Default};
use crate::error::{Code, Error, Result};
use crate::id::CollectionName;
use crate::limits::DOCUMENT_BYTES;
use crate::query::condition::holds;
use crate::time::Time;
use crate::value::{Map, Path, Value, compare};

/// What fitting needs from outside.
pub struct Context<'a> {
    /// The time of the commit.
    pub now: Time,
    /// Makes a new random id.
    pub new_id: &'a mut dyn FnMut() -> String,
}

/// How a document came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A caller gave it whole (insert, replace). Defaults fill what is missing; computed fields may be there only
    /// with the values that they have anyway.
    Whole,
    /// A document that was there, after a change (patch, a cleared reference, a migration). Nothing is filled in;
    /// computed fields are computed anew.
    Changed,
}

/// Fits a document to the schema of its collection: fills in defaults, computes fields, brings timestamps to their
/// kept form, checks types and then conditions. A document that was fitted fits again, unchanged. Where it
/// fails, the document is left half fitted.
///
/// A collection without a schema is `Collection::default()`: it refuses the system's names alone.
///
/// # Errors
/// `invalid_document` with the `path` (dotted; items of arrays by number) that does not fit, `check_failed`
/// with the name of the `check` (and the `path`, where it is a field's own), `too_large` if computed fields
/// outgrow a document. All carry the `collection`.
pub fn fit(
    collection: &Collection,
    name: &CollectionName,
    document: &mut Map<String, Value>,
    origin: Origin,
    context: &mut Context<'_>,
) -> Result<()> {
    fit_in_place(collection, document, origin, context).map_err(|error| error.with("collection", name.as_str()))
}

fn fit_in_place(
    collection: &Collection,
    document: &mut Map<String, Value>,
    origin: Origin,
    context: &mut Context<'_>,
) -> Result<()> {
    if let Some(name) = document.keys().find(|name| is_system_name(name)) {
        let what =
            "is the system's: leave it out; the id stands in the address, and names with `_` first are not yours";
        return Err(unfit(&Misfit::new(what).within(name.as_str())));
    }
    if origin == Origin::Whole {
        fill_defaults(collection, document, context);
    }
    let given: Vec<Option<Value>> = collection.computed.iter().map(|field| document.remove(field)).collect();
    kind::fit_members(&collection.fields, collection.closed, document).map_err(|misfit| unfit(&misfit))?;

    // Conditions and expressions read values, not maps.
    let mut whole = Value::Object(std::mem::take(document));
    let fitted = compute(collection, &mut whole, given, origin).and_then(|()| check(collection, &whole));
    if let Value::Object(members) = whole {
        *document = members;
    }
    fitted
}

/// Whether callers may change what is at the path of a document: not `id`, names that start with `_`, nor
/// computed fields. For the paths of a patch, which [`fit`] does not see.
///
/// # Errors
/// `invalid_document` with the `path`.
pub fn settable(collection: &Collection, path: &Path) -> Result<()> {
    let what = if is_system_name(path.head()) {
        "is the system's and cannot be set"
    } else if collection.computed.iter().any(|field| field == path.head()) {
        "is computed and cannot be set: change the fields it is computed from"
    } else {
        return Ok(());
    };
    Err(unfit(&Misfit::new(what).within(path.to_string())))
}

/// Whether a top-level member is the system's to set.
#[must_use]
pub fn is_system_name(name: &str) -> bool {
    name == "id" || name.starts_with('_')
}

fn fill_defaults(collection: &Collection, document: &mut Map<String, Value>, context: &mut Context<'_>) {
    for (name, field) in &collection.fields {
        let Some(default) = field.default.as_ref().filter(|_| !document.contains_key(name)) else {
            continue;
        };
        let value = match default {
            Default::Value(value) => value.clone(),
            Default::Now => Value::String(kind::timestamp(context.now)),
            Default::Id => Value::String((context.new_id)()),
        };
        document.insert(name.clone(), value);
    }
}

/// Puts the computed fields into `document`, whose own values for them are `given`.
fn compute(collection: &Collection, document: &mut Value, given: Vec<Option<Value>>, origin: Origin) -> Result<()> {
    let mut bytes = 0;
    for (name, given) in collection.computed.iter().zip(given) {
        let Some(field) = collection.fields.get(name) else { continue };
        let Some(expression) = &field.computed else { continue };
        let mut value = evaluate(expression, document).map_err(|error| error.with("path", name.as_str()))?;
        bytes += weight(&value);
        if bytes > DOCUMENT_BYTES {
            let detail =
                format!("The computed fields are larger together than a document may be, {DOCUMENT_BYTES} bytes.");
            return Err(Error::new(Code::TooLarge, detail).with("path", name.as_str()));
        }
        let at = |misfit: Misfit| unfit(&misfit.within(name.as_str()));
        if !value.is_null() {
            let computed = |misfit: Misfit| misfit.because("what is computed for it");
            kind::fit(&field.kind, &mut value).map_err(computed).map_err(at)?;
        } else if !field.optional {
            return Err(at(Misfit::new("is required, but computed to null: give the fields it is computed from")));
        }
        if let Some(mut given) = given.filter(|_| origin == Origin::Whole) {
            let same = given.is_null() && value.is_null()
                || kind::fit(&field.kind, &mut given).is_ok() && compare(&given, &value).is_eq();
            if !same {
                return Err(at(Misfit::new(format!("is computed, to {}: leave it out", excerpt(&value)))));
            }
        }
        if let (Value::Object(members), false) = (&mut *document, value.is_null()) {
            members.insert(name.clone(), value);
        }
    }
    Ok(())
}

fn check(collection: &Collection, document: &Value) -> Result<()> {
    for (name, field) in &collection.fields {
        let Some(condition) = &field.check else { continue };
        let present = document.get(name).is_some_and(|value| !value.is_null());
        if present && !holds(condition, document) {
            let detail = format!("The check of `{name}` does not hold.");
            return Err(Error::new(Code::CheckFailed, detail).with("check", name.as_str()).with("path", name.as_str()));
        }
    }
    for (name, condition) in &collection.checks {
        if !holds(condition, document) {
            return Err(Error::new(Code::CheckFailed, format!("The check {name:?} does not hold."))
                .with("check", name.as_str()));
        }
    }
    Ok(())
}

fn unfit(misfit: &Misfit) -> Error {
    let path = misfit.path();
    Error::new(Code::InvalidDocument, format!("`{path}` {}.", misfit.what())).with("path", path)
}

/// Roughly the bytes of a value's JSON text.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + 2,
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + 4 + weight(value)).sum::<usize>() + 2,
    }
}

fn excerpt(value: &Value) -> String {
    const CHARS: usize = 100;
    let text = value.to_string();
    let mut shown: String = text.chars().take(CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
