//! The core's hot paths, natively: `cargo bench --features native`.

#[path = "core/shop.rs"]
mod shop;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use selvedge::query::condition::holds;
use selvedge::query::decode;
use selvedge::query::selection::{Selection, Source};
use selvedge::query::sql::SqlSource;
use selvedge::query::tree::Query;
use selvedge::schema::document::{Context, Origin, fit, is_system_name};
use selvedge::store::{Cell, Cost, Rows, Store};
use selvedge::time::Time;
use selvedge::value::{Map, Value, parse};
use selvedge::wire::PartitionCall;
use selvedge::{error, schema};
use serde_json::json;

use shop::{ORDERS, Shop, collection, layout, order};

fn values(c: &mut Criterion) {
    let text = order(17).to_string();
    c.bench_function("value: parse an order", |b| b.iter(|| parse(black_box(text.as_bytes()))));
    let value = parse(text.as_bytes()).expect("an order");
    c.bench_function("value: write an order", |b| b.iter(|| black_box(&value).to_string()));
}

fn documents(c: &mut Criterion) {
    let schema = schema::decode::schema(&shop::schema()).expect("a schema");
    let orders = collection("orders");
    let model = schema.collections.get(&orders).expect("the orders");
    let Value::Object(mut document) = order(17) else { return };
    document.retain(|name, _| !is_system_name(name));
    let now = Time::parse("2026-01-01T00:00:00Z").expect("a time");
    c.bench_function("schema: fit an order", |b| {
        let fit_one = |mut document: Map<String, Value>| {
            let mut context = Context { now, new_id: &mut String::new };
            fit(model, &orders, &mut document, Origin::Whole, &mut context).expect("it fits");
            document
        };
        b.iter_batched(|| document.clone(), fit_one, BatchSize::SmallInput);
    });
}

fn newest_open() -> Value {
    json!({
        "from": "orders",
        "key": "acme",
        "where": ["and", ["=", "status", "open"], [">", "total", 250]],
        "include": {"customer": {}},
        "orderBy": [["placed", "desc"], ["id", "desc"]],
        "limit": 20,
    })
}

/// A store where nothing is ever found: what runs over it is the compiler alone.
struct Nothing;

impl Store for Nothing {
    fn run(&mut self, sql: &str, cells: &[Cell]) -> error::Result<Rows> {
        black_box((sql, cells));
        Ok(Rows::default())
    }

    fn atomically<T, F>(&mut self, work: F) -> error::Result<T>
    where
        F: FnOnce(&mut Self) -> error::Result<T>,
    {
        work(self)
    }

    fn cost(&self) -> Cost {
        Cost::default()
    }

    fn take_cost(&mut self) -> Cost {
        Cost::default()
    }

    fn size(&self) -> u64 {
        0
    }
}

fn queries(c: &mut Criterion) {
    let schema = schema::decode::schema(&shop::schema()).expect("a schema");
    let asked = newest_open();
    c.bench_function("query: decode", |b| b.iter(|| decode::query(black_box(&asked), &schema)));

    let query = decode::query(&asked, &schema).expect("a query");
    let layout = layout(&schema);
    let selection = selection(&query);
    c.bench_function("query: compile to SQL", |b| {
        b.iter(|| SqlSource::new(&mut Nothing, &layout).rows(black_box(&selection)));
    });

    let document = order(17);
    c.bench_function("query: condition on a document", |b| b.iter(|| holds(&query.filter, black_box(&document))));
}

fn partitions(c: &mut Criterion) {
    let mut shop = Shop::new();
    c.bench_function("partition: get", |b| b.iter(|| shop.get(black_box("orders/acme/o17"))));

    let name = format!("partition: query with filter, include, order, limit 20 of {ORDERS} orders");
    let asked = newest_open().to_string();
    assert_eq!(shop.ask(PartitionCall::Query { whole: false }, &asked).body.matches("\"placed\"").count(), 20);
    c.bench_function(&name, |b| b.iter(|| shop.ask(PartitionCall::Query { whole: false }, &asked)));

    let note =
        json!({"title": "warp and weft", "stars": 4, "tags": ["loom", "reed"], "text": "plain twill ".repeat(10)});
    let note = note.to_string();
    let notes = || PartitionCall::Insert { collection: collection("notes") };
    assert_eq!(shop.ask(notes(), &note).status, 201);
    c.bench_function("partition: insert, no index", |b| b.iter(|| shop.ask(notes(), &note)));

    let change = json!({"ops": [
        {"patch": "customers/acme/c1", "increment": {"spent": 3}, "if": [">=", "spent", 0]},
        {"patch": "customers/acme/c2", "increment": {"spent": -3}},
    ]});
    let prepare = json!({"ops": [{"patch": "customers/acme/c1", "set": {"spent": 0}}]});
    assert_eq!(shop.ask(PartitionCall::Batch, &prepare.to_string()).status, 200);
    let change = change.to_string();
    assert_eq!(shop.ask(PartitionCall::Batch, &change).status, 200);
    c.bench_function("partition: transaction over two documents", |b| {
        b.iter(|| shop.ask(PartitionCall::Batch, &change));
    });

    let mut round = 0;
    c.bench_function("partition: import of 1,000 lines", |b| {
        let lines = || {
            round += 1;
            let line = |number| format!("[\"notes\",{{\"id\":\"acme/i{round}-{number}\",{}", &note[1..]) + "]";
            let numbers: Vec<u32> = (1..=1_000).collect();
            format!("{}\n{}", json!(numbers), numbers.iter().map(line).collect::<Vec<_>>().join("\n"))
        };
        b.iter_batched(lines, |lines| shop.ask(PartitionCall::Import, &lines), BatchSize::LargeInput);
    });
}

fn selection(query: &Query) -> Selection<'_> {
    Selection {
        from: &query.from,
        filter: &query.filter,
        joins: &query.joins,
        order: query.order.clone(),
        after: None,
        limit: query.limit,
        among: None,
        at: None,
        along: Vec::new(),
        hidden: &[],
    }
}

criterion_group!(core, values, documents, queries, partitions);
criterion_main!(core);
