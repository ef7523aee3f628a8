//! Reading a schema from JSON, and refusing what does not hold together.
//!
//! Every refusal is an `invalid_schema` with the place as a JSON pointer (RFC 6901) in `path`. Reading builds the
//! model from the outside in (`collection`, `field`, `expression`); `local` then checks what must hold
//! within a collection, `whole` what must hold between them. `rules` come last: they look along every relation.

mod collection;
mod expression;
mod field;
mod local;
pub(crate) mod reader;
mod rules;
mod whole;

use std::collections::BTreeMap;

use super::model::{Collection, Schema};
use crate::error::{Code, Result};
use crate::id::CollectionName;
use crate::limits::COLLECTIONS;
use crate::value::Value;
use reader::{bounded, flag, foreign, invalid, members, within};

/// The schema that `value` spells.
///
/// # Errors
/// `invalid_schema`, with the `path` of what is wrong.
pub fn schema(value: &Value) -> Result<Schema> {
    read(value).map_err(|mut error| {
        error.code = Code::InvalidSchema;
        if !error.members.contains_key("path") { error.with("path", "") } else { error }
    })
}

fn read(value: &Value) -> Result<Schema> {
    let top = members(value, &["collections", "roles", "anonymous"])?;
    let Some(named) = top.get("collections") else {
        return Err(invalid("A schema is {\"collections\": {…}}."));
    };
    let collections = within("collections", read_collections(named))?;
    let mut schema = Schema { collections, anonymous: flag(top, "anonymous")?, ..Schema::default() };
    whole::check(&schema)?;
    rules::read(named, top.get("roles"), &mut schema)?;
    Ok(schema)
}

fn read_collections(value: &Value) -> Result<BTreeMap<CollectionName, Collection>> {
    let Value::Object(named) = value else {
        return Err(invalid("The collections are an object: their names, and a schema for each."));
    };
    bounded(named.len(), COLLECTIONS, "collections")?;
    let read = |(name, value): (&String, &Value)| {
        within(name, foreign(CollectionName::parse(name)).and_then(|key| Ok((key, collection::read(value)?))))
    };
    named.iter().map(read).collect()
}
