//! One collection.

use std::collections::BTreeMap;

use super::reader::{array, bounded, condition, flag, invalid, members, name, path, string, within};
use super::{field, local};
use crate::error::Result;
use crate::limits::{COLLECTION_RULES, INDEX_PATHS, MIGRATION_STEPS};
use crate::schema::change::same_set;
use crate::schema::model::{Collection, Migration, ReverseRelation};
use crate::value::{Path, Value};

const MEMBERS: &[&str] = &["fields", "indexes", "unique", "checks", "closed", "ttl", "relations", "migrate", "rules"];

/// The collection that `value` spells.
pub(super) fn read(value: &Value) -> Result<Collection> {
    let given = members(value, MEMBERS)?;
    let mut collection = Collection { closed: flag(given, "closed")?, ..Collection::default() };
    if let Some(fields) = given.get("fields") {
        let (fields, unique) = within("fields", field::read_all(fields))?;
        collection.fields = fields;
        collection.unique = unique.into_iter().map(|name| Ok(vec![path(&name)?])).collect::<Result<_>>()?;
    }
    let as_read = |left: &[Path], right: &[Path]| left == right;
    if let Some(indexes) = given.get("indexes") {
        collection.indexes = within("indexes", sets(indexes, &collection, Vec::new(), as_read))?;
    }
    if let Some(unique) = given.get("unique") {
        let declared = collection.unique.clone();
        collection.unique = within("unique", sets(unique, &collection, declared, same_set))?;
    }
    if let Some(checks) = given.get("checks") {
        collection.checks = within("checks", named(checks, condition))?;
    }
    if let Some(ttl) = given.get("ttl") {
        collection.ttl = Some(within("ttl", string(ttl, "the path of a timestamp field").and_then(path))?);
    }
    if let Some(relations) = given.get("relations") {
        collection.relations = within("relations", named(relations, relation))?;
    }
    if let Some(steps) = given.get("migrate") {
        collection.migrations = within("migrate", migrations(steps))?;
    }
    let rules =
        collection.indexes.len() + collection.unique.len() + collection.checks.len() + collection.relations.len();
    bounded(rules, COLLECTION_RULES, "indexes, unique sets, checks and relations of one collection")?;
    local::check(&collection)?;
    local::order_computed(&mut collection)?;
    local::guard(&mut collection);
    Ok(collection)
}

/// Reads lists of paths, or single ones, behind the sets that are there.
fn sets(
    value: &Value,
    collection: &Collection,
    mut sets: Vec<Vec<Path>>,
    same: impl Fn(&[Path], &[Path]) -> bool,
) -> Result<Vec<Vec<Path>>> {
    for (index, value) in array(value, "lists of paths")?.iter().enumerate() {
        let index = index.to_string();
        let set = within(&index, set(value, collection))?;
        if sets.iter().any(|other| same(other, &set)) {
            return within(&index, Err(invalid("This is declared already: leave one of the two out.")));
        }
        sets.push(set);
    }
    Ok(sets)
}

fn set(value: &Value, collection: &Collection) -> Result<Vec<Path>> {
    let path = |text: &str| path(text).and_then(|path| local::declared(collection, &path).map(|()| path));
    if let Value::String(text) = value {
        return Ok(vec![path(text)?]);
    }
    let given = array(value, "paths, or one path as a string")?;
    if given.is_empty() {
        return Err(invalid("This names no path."));
    }
    bounded(given.len(), INDEX_PATHS, "paths in one index or unique set")?;
    let mut set = Vec::with_capacity(given.len());
    for (index, value) in given.iter().enumerate() {
        let path = within(&index.to_string(), string(value, "a path").and_then(path))?;
        if set.contains(&path) {
            return within(&index.to_string(), Err(invalid(format!("`{path}` stands here twice."))));
        }
        set.push(path);
    }
    Ok(set)
}

/// Reads an object of things by name.
fn named<T>(value: &Value, read: impl Fn(&Value) -> Result<T>) -> Result<BTreeMap<String, T>> {
    let Value::Object(given) = value else {
        return Err(invalid("This must be an object: names, and what each means."));
    };
    let one = |(key, value): (&String, &Value)| {
        within(key, name(key).and_then(|()| read(value)).map(|read| (key.clone(), read)))
    };
    given.iter().map(one).collect()
}

fn relation(value: &Value) -> Result<ReverseRelation> {
    let given = members(value, &["from", "by"])?;
    let (Some(from), Some(by)) = (given.get("from"), given.get("by")) else {
        return Err(invalid("A relation is {\"from\": collection, \"by\": its reference field}."));
    };
    let from = within("from", string(from, "a collection").and_then(field::collection_name))?;
    let by = within("by", string(by, "the path of a reference field").and_then(path))?;
    Ok(ReverseRelation { from, by })
}

fn migrations(value: &Value) -> Result<Vec<Migration>> {
    let steps = array(value, "steps")?;
    bounded(steps.len(), MIGRATION_STEPS, "steps of a migration")?;
    steps.iter().enumerate().map(|(index, step)| within(&index.to_string(), migration(step))).collect()
}

fn migration(value: &Value) -> Result<Migration> {
    let given = members(value, &["rename", "drop", "fill"])?;
    let mut all = given.iter();
    let (Some((kind, value)), None) = (all.next(), all.next()) else {
        return Err(invalid("A step is one of {\"rename\": [from, to]}, {\"drop\": name}, {\"fill\": [name, value]}."));
    };
    within(kind, step(kind, value))
}

fn step(kind: &str, value: &Value) -> Result<Migration> {
    let field = |value: &Value| {
        let text = string(value, "the name of a field")?;
        name(text).map(|()| text.to_owned())
    };
    match (kind, value.as_array().map(Vec::as_slice)) {
        ("rename", Some([from, to])) => {
            Ok(Migration::Rename { from: within("0", field(from))?, to: within("1", field(to))? })
        }
        ("rename", _) => Err(invalid("`rename` takes two names, [from, to].")),
        ("fill", Some([name, value])) => Ok(Migration::Fill(within("0", field(name))?, value.clone())),
        ("fill", _) => Err(invalid("`fill` takes [name, value].")),
        _ => field(value).map(Migration::Drop),
    }
}
