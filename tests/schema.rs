//! Schemas through their public face: what is refused and where, what documents become, what changes ask for.

#[path = "schema/bad.rs"]
mod bad;
#[path = "schema/changes.rs"]
mod changes;
#[path = "schema/documents.rs"]
mod documents;
#[path = "schema/generated.rs"]
mod generated;
#[path = "schema/named.rs"]
mod named;

use selvedge::error::{Error, Result};
use selvedge::id::CollectionName;
use selvedge::schema::document::{Context, Origin, fit};
use selvedge::schema::model::{Collection, Schema};
use selvedge::time::Time;
use selvedge::value::{Map, Path, Value, parse};

/// A schema as a caller sends it.
fn read(json: &str) -> Result<Schema> {
    selvedge::schema::decode::schema(&parse(json.as_bytes()).unwrap())
}

fn good(json: &str) -> Schema {
    read(json).unwrap_or_else(|error| panic!("{json}: {error} {:?}", error.members))
}

/// The schema of the collection `c` with these members.
fn collection(members: &str) -> Collection {
    good(&format!(r#"{{"collections": {{"c": {members}, "d": {{}}}}}}"#)).collections[&name("c")].clone()
}

fn name(text: &str) -> CollectionName {
    CollectionName::parse(text).unwrap()
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn object(json: &str) -> Map<String, Value> {
    selvedge::value::parse_object(json.as_bytes()).unwrap()
}

/// The document fitted, at a fixed time, with ids `new-1`, `new-2`, ….
fn fitted(collection: &Collection, document: &str, origin: Origin) -> Result<Map<String, Value>> {
    let mut document = object(document);
    let mut made = 0;
    let mut new_id = || {
        made += 1;
        format!("new-{made}")
    };
    let now = Time::parse("2026-01-31T12:00:00.123456Z").unwrap();
    fit(collection, &name("c"), &mut document, origin, &mut Context { now, new_id: &mut new_id })?;
    Ok(document)
}

fn member<'e>(error: &'e Error, name: &str) -> Option<&'e str> {
    error.members.get(name).and_then(Value::as_str)
}
