//! References that a schema adds, moves or drops over documents that are there.

use serde_json::{Value, json};

use crate::paced::{Paced, fill};
use crate::world::World;

fn orders(reference: Value) -> Value {
    json!({ "customers": {}, "orders": { "fields": { "customer": reference } } })
}

fn by_ref(on_delete: &str) -> Value {
    json!({ "ref": "customers", "onDelete": on_delete, "optional": true })
}

#[test]
fn references_over_dangling_ones_are_refused() {
    let mut world = World::with(orders(json!({ "type": "string" })));
    world.put("customers/ada", json!({})).expect(201);
    world.put("orders/1", json!({ "customer": "ada" })).expect(201);
    world.put("orders/2", json!({ "customer": "nobody" })).expect(201);
    world.put("orders/3", json!({ "customer": "else/where" })).expect(201);
    let refused = world.schema(orders(by_ref("restrict"))).refused(422, "schema_violation");
    let offenders = refused.json["offenders"].as_array().expect("offenders");
    let named: Vec<_> =
        offenders.iter().map(|one| (one["document"].as_str(), one["code"].as_str(), one["path"].as_str())).collect();
    assert_eq!(named[0], (Some("orders/2"), Some("ref_violation"), Some("customer")));
    assert_eq!((named[1].0, named[1].1), (Some("orders/3"), Some("several_keys")));
    assert_eq!(named.len(), 2);
    // Nothing of it is left.
    world.delete("customers/ada").expect(200);
    world.delete("orders/1").expect(200);
    world.delete("orders/2").expect(200);
    world.delete("orders/3").expect(200);
    world.schema(orders(by_ref("restrict"))).expect(200);
    world.put("orders/2", json!({ "customer": "nobody" })).refused(409, "ref_violation");
}

/// What a step of the change finds, however the documents came by their references.
fn is_whole(world: &mut World, change: Paced, path: &str) {
    let (status, _) = change.finish(world);
    let dangling: Vec<Value> = world.query(json!({ "from": "orders", "limit": 1_000 })).expect(200).json["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter(|row| row[path].as_str().is_some())
        .cloned()
        .collect();
    if status == 200 {
        for row in dangling {
            world.document(&format!("customers/{}", row[path].as_str().expect("an id")));
        }
    }
}

#[test]
fn deletes_while_the_survey_goes_on_leave_no_reference_dangling() {
    let refs = [
        // As it was, under another name, and computed.
        (json!({ "customers": {}, "orders": { "fields": { "who": by_ref("cascade") } } }), "who"),
        (
            json!({ "customers": {}, "orders": { "fields": { "customer": by_ref("clear") }, "migrate": [{ "rename": ["who", "customer"] }] } }),
            "customer",
        ),
        (
            json!({ "customers": {}, "orders": { "fields": { "made": { "ref": "customers", "optional": true, "computed": ["lower", "who"] } } } }),
            "made",
        ),
    ];
    for (schema, path) in refs {
        for delete_at in 0..6 {
            let mut world = World::with(json!({ "customers": {}, "orders": {} }));
            fill(&mut world, "customers", 5, |_| json!({}));
            fill(&mut world, "orders", 1_005, |index| json!({ "who": format!("n{:05}", index % 5) }));
            fill(&mut world, "x", 1, |_| json!({}));
            let mut change = Paced::put(&mut world, schema.clone());
            for _ in 0..delete_at {
                change.step(&mut world);
                world.restart();
            }
            let deleted = world.delete("customers/n00003");
            assert!([200, 409].contains(&deleted.status), "{}", deleted.text);
            is_whole(&mut world, change, path);
        }
    }
}

#[test]
fn a_reference_that_is_to_come_is_asked_of_writes_already() {
    let mut world = World::with(orders(json!({ "type": "string", "optional": true })));
    world.put("customers/ada", json!({})).expect(201);
    world.put("orders/1", json!({ "customer": "ada" })).expect(201);
    let mut change = Paced::put(&mut world, orders(by_ref("cascade")));
    assert!(change.step(&mut world));
    let refused = world.put("orders/2", json!({ "customer": "bo" })).refused(409, "ref_violation");
    assert_eq!(refused.json["path"], "customer");
    world.delete("customers/ada").refused(409, "ref_violation");
    world.ops(json!([{ "delete": "orders/1" }, { "delete": "customers/ada" }])).expect(200);
    world
        .ops(json!([{ "insert": "orders/3", "body": { "customer": "cy" } }, { "insert": "customers/cy", "body": {} }]))
        .expect(200);
    assert_eq!(change.finish(&mut world).0, 200);
    world.delete("customers/cy").expect(200);
    world.get("orders/3").refused(404, "not_found");
}

#[test]
fn a_reference_that_is_dropped_holds_nothing_any_more() {
    let mut world = World::with(orders(by_ref("restrict")));
    world.put("customers/ada", json!({})).expect(201);
    world.put("orders/1", json!({ "customer": "ada" })).expect(201);
    world.delete("customers/ada").refused(409, "ref_violation");
    world.schema(json!({ "customers": {}, "orders": {} })).expect(200);
    world.delete("customers/ada").expect(200);
    assert_eq!(world.document("orders/1")["customer"], "ada");
}

#[test]
fn references_that_are_computed_anew_lead_somewhere() {
    let made = |from: &str| {
        let made = json!({ "ref": "customers", "optional": true, "computed": ["lower", from] });
        json!({ "customers": {}, "orders": { "fields": { "made": made } } })
    };
    let mut world = World::with(made("one"));
    world.put("customers/ada", json!({})).expect(201);
    world.put("customers/bo", json!({})).expect(201);
    world.put("orders/1", json!({ "one": "Ada", "other": "Cy" })).expect(201);
    let refused = world.schema(made("other")).refused(422, "schema_violation");
    assert_eq!(refused.json["offenders"][0]["code"], "ref_violation");
    world.put("orders/1", json!({ "one": "Ada", "other": "Bo" })).expect(200);
    let mut change = Paced::put(&mut world, made("other"));
    change.step(&mut world);
    world.delete("customers/bo").refused(409, "ref_violation");
    world.delete("customers/ada").refused(409, "ref_violation");
    assert_eq!(change.finish(&mut world).0, 200);
    world.delete("customers/bo").refused(409, "ref_violation");
    world.delete("customers/ada").expect(200);
    assert_eq!(world.document("orders/1")["made"], "bo");
}

#[test]
fn a_collection_begun_while_a_schema_is_staged_has_the_columns_of_both() {
    let sets =
        |prefix: &str, many: usize| (0..many).map(|index| json!([format!("{prefix}{index}")])).collect::<Vec<_>>();
    let mut world = World::with(json!({ "orders": { "indexes": sets("a", 50) }, "notes": {} }));
    world.put("notes/n", json!({})).expect(201);
    let mut change =
        Paced::put(&mut world, json!({ "orders": { "indexes": sets("a", 45) }, "notes": { "indexes": [["n"]] } }));
    change.step(&mut world);
    world.put("orders/1", json!({ "a7": 1 })).expect(201);
    let found = json!({ "from": "orders", "where": ["=", "a7", 1] });
    assert_eq!(world.ids(found.clone()), ["1"]);
    assert_eq!(change.finish(&mut world).0, 200);
    assert_eq!(world.ids(found), ["1"]);
}
