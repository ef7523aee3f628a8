//! A shop to ask, in memory, and the short forms of asking.

use std::collections::BTreeMap;

use selvedge::error::{Code, Result};
use selvedge::id::CollectionName;
use selvedge::query::decode;
use selvedge::query::memory::Memory;
use selvedge::query::names::Names;
use selvedge::query::run::{Answer, run};
use selvedge::query::tree::Relation;
use selvedge::value::{Path, Value};
use serde_json::json;

pub fn name(text: &str) -> CollectionName {
    CollectionName::parse(text).expect(text)
}

pub fn path(text: &str) -> Path {
    Path::parse(text).expect(text)
}

/// A shop: `orders.customer` and `customers.city` are references, `customers.orders` names a reverse relation,
/// `customers` is closed.
pub struct Shop;

impl Names for Shop {
    fn relation(&self, collection: &CollectionName, relation: &str) -> Option<Relation> {
        let forward = |to| Some(Relation::Forward { path: path(relation), collection: name(to) });
        match (collection.as_str(), relation) {
            ("orders", "customer") => forward("customers"),
            ("customers", "city") => forward("cities"),
            ("lines", "order") => forward("orders"),
            ("customers", "orders") => Some(Relation::Reverse { collection: name("orders"), by: path("customer") }),
            _ => None,
        }
    }

    fn may_have(&self, collection: &CollectionName, path: &Path) -> bool {
        collection.as_str() != "customers" || ["id", "_version", "_time", "name", "city"].contains(&path.head())
    }
}

pub fn memory(collections: Value) -> Memory {
    let collections: BTreeMap<CollectionName, Vec<Value>> = collections
        .as_object()
        .expect("collections by name")
        .iter()
        .map(|(collection, documents)| (name(collection), documents.as_array().expect("documents").clone()))
        .collect();
    Memory::new(collections)
}

pub fn shop() -> Memory {
    memory(json!({
        "cities": [{"id": "b", "name": "Bergen"}, {"id": "o", "name": "Oslo"}],
        "customers": [
            {"id": "c1", "name": "Ada", "city": "b"},
            {"id": "c2", "name": "Bo", "city": "gone"},
            {"id": "c3", "name": "Cy", "city": null},
        ],
        "orders": [
            {"id": "o1", "customer": "c1", "total": 30, "paid": {"at": "2026-01-02"}, "tags": ["new", 7]},
            {"id": "o2", "customer": "c1", "total": 10.5, "tags": []},
            {"id": "o3", "customer": "c2", "total": -4, "note": "50% off"},
            {"id": "o4", "customer": null, "total": "n/a"},
            {"id": "o5", "total": true},
        ],
        "lines": [
            {"id": "l1", "order": "o1", "sku": "x", "n": 2},
            {"id": "l2", "order": "o1", "sku": "y", "n": 1},
            {"id": "l3", "order": "o2", "sku": "x", "n": 5},
        ],
    }))
}

pub fn ask_of(memory: &mut Memory, query: &Value) -> Result<Answer> {
    run(&decode::query(query, &Shop)?, memory, None)
}

pub fn ask(query: Value) -> Vec<Value> {
    let answer = ask_of(&mut shop(), &query).unwrap_or_else(|error| panic!("{query}: {error}"));
    rows(&answer)
}

pub fn rows(answer: &Answer) -> Vec<Value> {
    answer.rows.iter().map(|row| serde_json::from_str(row).expect(row)).collect()
}

pub fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().expect("an id")).collect()
}

pub fn code(query: Value) -> Code {
    match decode::query(&query, &Shop).and_then(|query| run(&query, &mut shop(), None)) {
        Ok(answer) => panic!("{query} is answered: {answer:?}"),
        Err(error) => {
            assert!(error.detail.ends_with('.'), "{query}: {:?} is a sentence", error.detail);
            error.code
        }
    }
}
