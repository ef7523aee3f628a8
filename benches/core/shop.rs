//! 10,000 orders of 1,000 customers, in the tables of a partition.

use std::collections::{BTreeMap, BTreeSet};

use selvedge::id::CollectionName;
use selvedge::query::sql::{Layout, Table};
use selvedge::schema::model::{Collection, Schema};
use selvedge::schema::paths::{index_sets, indexed_paths};
use selvedge::store::sqlite::SqliteStore;
use selvedge::store::{Cell, Store};
use selvedge::value::{Path, SortKey, Value, sort_key};
use serde_json::json;

pub(crate) const ORDERS: u64 = 10_000;
const CUSTOMERS: u64 = 1_000;

pub(crate) struct Shop {
    pub(crate) store: SqliteStore,
    pub(crate) layout: Layout,
}

pub(crate) fn collection(name: &str) -> CollectionName {
    CollectionName::parse(name).expect("a name")
}

pub(crate) fn schema() -> Value {
    json!({"collections": {
        "customers": {"fields": {"name": {"type": "string"}}},
        "orders": {
            "fields": {
                "status": {"type": "enum", "values": ["open", "paid", "sent", "returned"]},
                "total": {"type": "int"},
                "placed": {"type": "timestamp"},
                "customer": {"ref": "customers"},
            },
            "indexes": [["status", "placed"]],
        },
    }})
}

/// The order of a number; multiplying by primes scatters them.
pub(crate) fn order(number: u64) -> Value {
    json!({
        "id": format!("acme/o{number}"),
        "status": (["open", "paid", "sent", "returned"][(number * 7 % 4) as usize]),
        "total": number * 7_919 % 1_000,
        "placed": format!("2026-01-{:02}T{:02}:{:02}:00.000Z", 1 + number * 31 % 28, number * 37 % 24, number * 41 % 60),
        "customer": format!("acme/c{}", number * 104_729 % CUSTOMERS),
        "lines": [{"article": "shuttle", "pieces": 2}, {"article": "bobbin", "pieces": 11}],
        "_version": number + 1,
        "_time": "2026-01-01T00:00:00.000000Z",
    })
}

fn customer(number: u64) -> Value {
    json!({
        "id": format!("acme/c{number}"),
        "name": format!("Weaver {number}"),
        "address": {"street": "Loom Lane 4", "code": "10115"},
        "_version": 1,
        "_time": "2026-01-01T00:00:00.000000Z",
    })
}

impl Shop {
    pub(crate) fn new(schema: &Schema) -> Shop {
        let mut store = SqliteStore::in_memory().expect("a store");
        let layout: Layout = (1..)
            .zip(&schema.collections)
            .map(|(number, (name, model))| (name.clone(), table(number, model)))
            .collect();
        for table in layout.values() {
            create(&mut store, table);
        }
        for (name, documents) in [
            ("customers", (0..CUSTOMERS).map(customer).collect::<Vec<_>>()),
            ("orders", (0..ORDERS).map(order).collect()),
        ] {
            let table = &layout[&collection(name)];
            documents.iter().for_each(|document| insert(&mut store, table, document));
        }
        Shop { store, layout }
    }
}

fn table(number: u32, model: &Collection) -> Table {
    let paths: BTreeSet<Path> = indexed_paths(model);
    let columns: BTreeMap<Path, u32> = paths.into_iter().zip(1..).collect();
    let indexes = index_sets(model).iter().map(|set| set.iter().map(|path| columns[path]).collect()).collect();
    Table { number, columns, indexes }
}

fn create(store: &mut SqliteStore, Table { number, columns, indexes }: &Table) {
    let keys: String = columns.values().map(|column| format!(", k{column}")).collect();
    let mut run = |sql: String| store.run(&sql, &[]).expect("a table");
    run(format!(
        "CREATE TABLE d{number}(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, \
         born INTEGER NOT NULL, body TEXT NOT NULL{keys})"
    ));
    for (at, index) in indexes.iter().enumerate() {
        let terms: String = index.iter().map(|column| format!("k{column}, ")).collect();
        run(format!("CREATE INDEX x{number}_{at} ON d{number}({terms}id)"));
    }
}

fn insert(store: &mut SqliteStore, table: &Table, document: &Value) {
    let mut names = "id, seq, born, body".to_owned();
    let mut marks = "?1, 1, 1, ?2".to_owned();
    let id = document["id"].as_str().expect("an id").to_owned();
    let mut cells = vec![Cell::Text(id), Cell::Text(document.to_string())];
    for (path, column) in &table.columns {
        names.push_str(&format!(", k{column}"));
        marks.push_str(&format!(", ?{}", cells.len() + 1));
        cells.push(match sort_key(path.get(document).unwrap_or(&Value::Null)) {
            SortKey::Null => Cell::Null,
            SortKey::Integer(value) => Cell::Integer(value),
            SortKey::Real(value) => Cell::Real(value),
            SortKey::Text(value) => Cell::Text(value),
            SortKey::Blob(value) => Cell::Blob(value),
        });
    }
    store.run(&format!("INSERT INTO d{}({names}) VALUES ({marks})", table.number), &cells).expect("a document");
}
