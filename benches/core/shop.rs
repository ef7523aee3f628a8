//! 10,000 orders of 1,000 customers in a partition.

use std::collections::BTreeMap;

use selvedge::id::{CollectionName, DatabaseName, DocumentRef, Key};
use selvedge::moment::Moment;
use selvedge::partition::{Partition, Step};
use selvedge::query::sql::{Layout, Table};
use selvedge::schema::model::Schema;
use selvedge::schema::paths::{index_sets, indexed_paths};
use selvedge::settings::{KeySets, Settings};
use selvedge::store::sqlite::SqliteStore;
use selvedge::time::Time;
use selvedge::value::{Path, Value};
use selvedge::wire::{Answer, Bearer, Grant, Lesson, PartitionCall, PartitionRequest, SchemaText};
use serde_json::json;

pub(crate) const ORDERS: u64 = 10_000;
const CUSTOMERS: u64 = 1_000;
const LINES: usize = 1_000;
const KEY: &str = "acme";

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

/// The order of a number, as it is stored; multiplying by primes scatters them.
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
    })
}

/// The tables that a partition makes for a schema, as the SQL executor sees them.
pub(crate) fn layout(schema: &Schema) -> Layout {
    let table = |(number, (name, model)): (u32, (&CollectionName, _))| {
        let columns: BTreeMap<Path, u32> = indexed_paths(model).into_iter().zip(1..).collect();
        let indexes = index_sets(model).iter().map(|set| set.iter().map(|path| columns[path]).collect()).collect();
        (name.clone(), Table { number, columns, indexes })
    };
    (1..).zip(&schema.collections).map(table).collect()
}

/// A partition, asked by the holder of the root key.
pub(crate) struct Shop {
    partition: Partition<SqliteStore>,
    asked: u64,
}

impl Shop {
    pub(crate) fn new() -> Shop {
        let mut shop = Shop { partition: Partition::new(SqliteStore::in_memory().expect("a store")), asked: 0 };
        let customers = (0..CUSTOMERS).map(|number| json!(["customers", customer(number)]).to_string());
        let orders = (0..ORDERS).map(|number| json!(["orders", without_system(order(number))]).to_string());
        let lines: Vec<String> = customers.chain(orders).collect();
        lines.chunks(LINES).for_each(|chunk| {
            let numbers: Vec<usize> = (1..=chunk.len()).collect();
            let answer = shop.ask(PartitionCall::Import, &format!("{}\n{}", json!(numbers), chunk.join("\n")));
            let outcome: Value = serde_json::from_str(&answer.body).expect("an outcome");
            assert_eq!(outcome["imported"], chunk.len(), "{}", answer.body);
        });
        shop
    }

    /// What the partition answers, a millisecond after what was asked before.
    pub(crate) fn ask(&mut self, call: PartitionCall, body: &str) -> Answer {
        self.asked += 1;
        let mut counter = self.asked;
        let mut random = || {
            counter += 1;
            u128::from(counter).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_le_bytes()
        };
        let start = Time::parse("2026-03-01T00:00:00Z").expect("a time");
        let now = Time::from_micros(start.micros() + i64::try_from(self.asked).expect("few") * 1_000);
        let mut moment = Moment { now, random: &mut random };
        let request = PartitionRequest {
            db: DatabaseName::parse("bench").expect("a name"),
            key: Key::parse(KEY).expect("a key"),
            bearer: Bearer::Root,
            batch: moment.new_id(),
            named: false,
            origin: None,
            call,
        };
        let step = match self.partition.handle(&mut moment, &request, body.as_bytes(), None) {
            Step::Ask(_) => self.partition.handle(&mut moment, &request, body.as_bytes(), Some(lesson())),
            step => step,
        };
        match step {
            Step::Answer(answer) => answer,
            step => panic!("the partition does not answer: {step:?}"),
        }
    }

    pub(crate) fn get(&mut self, id: &str) -> Answer {
        let document = DocumentRef::parse(id).expect("an id");
        self.ask(PartitionCall::Get { document, at: None, unless: None }, "")
    }
}

/// What the catalog tells.
fn lesson() -> Lesson {
    let grant = Grant {
        epoch: 1,
        schema: SchemaText { version: 1, text: schema().to_string() },
        staged: None,
        credentials: Vec::new(),
        settings: Settings::default(),
        jwks: KeySets::new(),
        alone: true,
        dropped: false,
    };
    Lesson::Granted { grant: Box::new(grant), registered: true, only: Some(Key::parse(KEY).expect("a key")), keys: 1 }
}

/// A document as callers send it.
pub(crate) fn without_system(mut document: Value) -> Value {
    if let Value::Object(members) = &mut document {
        members.retain(|name, _| !name.starts_with('_'));
    }
    document
}
