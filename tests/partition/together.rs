//! Batches that come together are answered, and leave everything, as if they had come one after the other.

use selvedge::store::{Cell, Store};
use selvedge::wire::PartitionCall;
use serde_json::{Value, json};

use crate::random::{Random, fresh_seed};
use crate::world::World;

const ROUNDS: usize = 120;

fn world(seed: u64) -> World {
    let mut world = World::empty(seed);
    world.send(crate::world::ask("PUT", "")).expect(201);
    let collections = json!({
        "plain": {},
        "indexed": { "fields": { "n": { "type": "int" } }, "indexes": ["n"] },
        "unique": { "fields": { "n": { "type": "int", "unique": true } } },
        "referring": { "fields": { "to": { "ref": "plain", "optional": true, "onDelete": "clear" } } },
        "expiring": { "fields": { "at": { "type": "timestamp" } }, "ttl": "at" },
    });
    world.schema(collections).expect(200);
    for collection in ["plain", "indexed", "unique", "referring", "expiring"] {
        for number in 0..4 {
            let body = json!({ "n": number, "at": "2030-01-01T00:00:00Z" });
            world.put(&format!("{collection}/d{number}"), body).expect(201);
        }
    }
    world
}

fn operation(random: &mut Random) -> Value {
    let collection = random.pick(&["plain", "plain", "plain", "indexed", "indexed", "unique", "referring", "expiring"]);
    let document = format!("{collection}/d{}", random.below(7));
    let body = json!({ "n": random.below(5), "at": "2031-01-01T00:00:00Z", "text": "é\"\n" });
    let mut operation = match random.below(8) {
        0 => json!({ "insert": document, "body": body }),
        1 => json!({ "replace": document, "body": body }),
        2 => json!({ "delete": document }),
        3 => json!({ "check": document, "where": [">", "n", 1] }),
        4 if collection == "referring" => {
            json!({ "patch": document, "set": { "to": format!("d{}", random.below(6)) } })
        }
        _ => json!({ "patch": document, "increment": { "n": 1 } }),
    };
    if random.chance(15) {
        operation["if"] = json!(["<", "n", 4]);
    }
    if random.chance(10) {
        operation["version"] = json!(random.below(60));
    }
    operation
}

/// Batches as they travel together, some of which came before.
fn items(random: &mut Random, world: &mut World, former: &mut Vec<Value>) -> Vec<Value> {
    let fresh = |random: &mut Random, world: &mut World| {
        let count = 1 + random.below(3) * usize::from(random.chance(30));
        let mut body = json!({ "ops": (0..count).map(|_| operation(random)).collect::<Vec<_>>() });
        if random.chance(10) {
            body["reads"] = json!([{ "doc": format!("plain/d{}", random.below(6)), "version": random.below(60) }]);
        }
        json!({ "call": "batch", "batch": world.batch_id(0).to_string(), "named": random.chance(50), "body": body })
    };
    let item = |random: &mut Random, world: &mut World| match random.below(30) {
        0 => {
            json!({ "call": { "get": { "document": "plain/d1", "at": null, "unless": null } }, "batch": world.batch_id(0).to_string(), "named": false })
        }
        1 => {
            json!({ "call": { "query": { "whole": false } }, "batch": world.batch_id(0).to_string(), "named": false, "body": { "from": "plain", "orderBy": ["n"] } })
        }
        2 if !former.is_empty() => random.pick(former),
        _ => fresh(random, world),
    };
    let items: Vec<Value> = (0..1 + random.below(24)).map(|_| item(random, world)).collect();
    former.extend(items.iter().filter(|item| item["named"] == json!(true)).cloned());
    items
}

/// A value without what tells when it was.
fn timeless(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|name, _| name != "time" && name != "_time" && name != "digest" && name != "cost");
            members.values_mut().for_each(|member| *member = timeless(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = timeless(item.take())),
        Value::String(text) if text.starts_with('{') => {
            if let Ok(inner) = serde_json::from_str(text) {
                value = timeless(inner);
            }
        }
        _ => {}
    }
    value
}

/// Everything that a partition stores, but for times.
fn stored(world: &mut World) -> Vec<Value> {
    let partition = world.partitions.values_mut().next().expect("a partition");
    let mut all = Vec::new();
    let tables =
        ["d1", "d2", "d3", "d4", "d5"].map(|table| format!("SELECT seq, born, id, body FROM {table} ORDER BY id"));
    let log = "SELECT seq, batch, collection, kind, prev, before, id FROM log ORDER BY seq";
    let receipts = "SELECT id, digest, outcome FROM receipt ORDER BY id";
    for sql in tables.iter().map(String::as_str).chain([log, receipts]) {
        for row in partition.store().run(sql, &[]).expect("rows").rows {
            let cells = row.into_iter().map(|cell| match cell {
                Cell::Integer(number) => json!(number),
                Cell::Text(text) => timeless(json!(text)),
                Cell::Null => Value::Null,
                other => panic!("{other:?}"),
            });
            all.push(cells.collect());
        }
    }
    all
}

#[test]
fn batches_that_come_together_are_decided_as_if_they_came_one_by_one() {
    let seed = std::env::var("SELVEDGE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(fresh_seed);
    println!("SELVEDGE_SEED={seed}");
    let random = &mut Random::new(seed);
    let (mut together, mut apart) = (world(seed), world(seed));
    let (mut former, mut committed) = (Vec::new(), 0);
    let many = PartitionCall::Many { writes: true };
    for round in 0..ROUNDS {
        let items = items(random, &mut together, &mut former);
        let at_once = together.call("", many.clone(), &json!(items).to_string()).expect(200);
        let at_once: Vec<Value> = at_once.json.as_array().expect("replies").iter().cloned().map(timeless).collect();
        let one_by_one = items.iter().map(|item| {
            let reply = apart.call("", many.clone(), &json!([item]).to_string()).expect(200);
            timeless(reply.json[0].clone())
        });
        for (number, (expected, item)) in one_by_one.zip(&items).enumerate() {
            assert_eq!(at_once[number], expected, "seed {seed}, round {round}, item {number}: {item}");
            committed += u64::from(expected["status"] == json!(200));
        }
        assert_eq!(stored(&mut together), stored(&mut apart), "seed {seed}, round {round}: {items:?}");
        if random.chance(5) {
            together.restart();
        }
    }
    assert!(committed > 300, "{committed} committed: the batches are too poor");
}
