//! What a principal sees: rows, fields, pages, earlier times, exports.

use serde_json::{Value, json};

use super::shop::{query, shop, world};
use super::world::{World, ask};

#[test]
fn nobody_asks_by_a_field_that_is_hidden() {
    let (mut world, ann, _) = world();
    let asked = [
        json!({ "from": "orders", "where": [">", "margin", 5] }),
        json!({ "from": "orders", "where": ["not", ["in", "margin", [1]]] }),
        json!({ "from": "orders", "where": ["=", "total", { "path": "margin" }] }),
        json!({ "from": "orders", "orderBy": ["margin"] }),
        json!({ "from": "orders", "groupBy": ["margin"] }),
        json!({ "from": "orders", "aggregate": { "sum": ["sum", "margin"] } }),
        json!({ "from": "orders", "aggregate": { "most": ["max", "double"] } }),
        json!({ "from": "customers", "join": { "o": { "from": "orders", "on": [["id", "margin"]] } } }),
        json!({ "from": "customers", "join": { "o": { "from": "orders", "on": [["id", "customer"]] } }, "where": [">", "o.margin", 1] }),
        json!({ "from": "customers", "join": { "o": { "from": "orders", "on": [["id", "customer"]] } }, "groupBy": ["o"] }),
        json!({ "from": "customers", "join": { "o": { "from": "orders", "on": [["id", "customer"]], "where": ["null", "margin"] } } }),
        json!({ "from": "customers", "where": ["exists", { "from": "orders", "by": "customer" }, [">", "margin", 5]] }),
        json!({ "from": "customers", "where": ["exists", { "from": "orders", "by": "margin" }] }),
        json!({ "from": "customers", "include": { "o": { "from": "orders", "by": "customer", "orderBy": ["margin"] } } }),
        json!({ "from": "customers", "include": { "o": { "from": "orders", "by": "margin" } } }),
        json!({ "from": "orders", "include": { "o": { "from": "customers", "ref": "margin" } } }),
    ];
    for tree in asked {
        let reply = query(&mut world, &ann, tree).refused(403, "forbidden");
        assert!(["margin", "double"].contains(&reply.json["field"].as_str().expect("a field")), "{}", reply.text);
        assert!(!reply.text.contains('7'), "{}", reply.text);
    }
    // To select it is to ask for what is not there.
    let rows = query(&mut world, &ann, json!({ "from": "orders", "select": ["id", "margin"] })).expect(200);
    assert_eq!(rows.json["rows"], json!([{ "id": "ann1" }]));
    query(&mut world, &ann, json!({ "from": "orders", "explain": true })).refused(403, "forbidden");
}

#[test]
fn staff_sees_what_is_hidden_from_others_as_soon_as_a_document_says_so() {
    let (mut world, ann, bob) = world();
    world.put("staff/1", json!({ "user": "ann" })).expect(201);
    let of = |world: &mut World, token: &str, id: &str| world.send(ask("GET", id).token(token)).expect(200).json;
    assert_eq!(of(&mut world, &ann, "orders/ann1")["double"], json!(14));
    let seen = of(&mut world, &bob, "orders/bob1");
    assert!(seen.get("margin").is_none() && seen.get("double").is_none(), "{seen}");
    query(&mut world, &ann, json!({ "from": "orders", "where": [">", "margin", 5] })).expect(200);
    world.delete("staff/1").expect(200);
    assert!(of(&mut world, &ann, "orders/ann1").get("margin").is_none());
}

#[test]
fn a_cursor_goes_on_for_whom_it_was_made() {
    let (mut world, ann, bob) = world();
    for number in 2..5 {
        for user in ["ann", "bob"] {
            world.put(&format!("orders/{user}{number}"), json!({ "customer": user })).expect(201);
        }
    }
    let mut tree = json!({ "from": "orders", "limit": 2 });
    let page = query(&mut world, &ann, tree.clone()).expect(200);
    tree["after"] = page.json["cursor"].clone();
    query(&mut world, &bob, tree.clone()).refused(400, "invalid_cursor");
    let next = query(&mut world, &ann, tree).expect(200);
    assert_eq!(next.json["rows"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_earlier_time_shows_what_could_be_read_then() {
    let (mut world, ann, bob) = world();
    let then = world.time();
    world.patch("customers/ann", json!({ "user": "bob" })).expect(200);
    let get = |world: &mut World, token: &str, at: Option<&str>| {
        let asked = ask("GET", "orders/ann1").token(token);
        let asked = if let Some(at) = at { asked.query(format!("at={at}")) } else { asked };
        world.send(asked).status
    };
    assert_eq!((get(&mut world, &ann, None), get(&mut world, &bob, None)), (404, 200));
    assert_eq!((get(&mut world, &ann, Some(&then)), get(&mut world, &bob, Some(&then))), (200, 404));
    let rows = query(&mut world, &bob, json!({ "from": "orders", "at": then, "select": ["id"] })).expect(200);
    assert_eq!(rows.json["rows"], json!([{ "id": "bob1" }]));
}

#[test]
fn without_rules_a_collection_is_open_to_keys_alone() {
    let (mut world, ann, _) = world();
    world.send(ask("PUT", "closed/1").token(&ann).body(&json!({}))).expect(201);
    world.send(ask("GET", "closed/1").token(&ann)).expect(200);
    let reader = world.key("reader", "read");
    world.send(ask("DELETE", "closed/1").token(&reader)).refused(403, "forbidden");
    assert_eq!(query(&mut world, &reader, json!({ "from": "orders" })).expect(200).json["rows"], json!([]));
    // Of a collection that nothing may be read of, it is not said whether it is there.
    assert_eq!(query(&mut world, &reader, json!({ "from": "nowhere" })).expect(200).json["rows"], json!([]));
}

#[test]
fn an_import_and_an_export_are_held_to_the_rules() {
    let (mut world, ann, _) = world();
    let call = |world: &mut World, token: &str, call, body: &str| world.call_as(token, "", call, body);
    let lines = call(&mut world, &ann, selvedge::wire::PartitionCall::Export { collection: None, after: None }, "");
    let lines: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
    let ids: Vec<&Value> = lines.iter().map(|line| &line[1]["id"]).collect();
    assert_eq!(ids, [&json!("ann"), &json!("ann1")]);
    assert!(lines.iter().all(|line| line[1].get("margin").is_none()), "{lines:?}");
    let body = [
        json!([1, 2, 3]).to_string(),
        json!(["orders", { "id": "ann2", "customer": "ann" }]).to_string(),
        json!(["orders", { "id": "bob1", "customer": "ann" }]).to_string(),
        json!(["orders", { "id": "ann3", "customer": "ann", "margin": 3 }]).to_string(),
    ];
    let reply = call(&mut world, &ann, selvedge::wire::PartitionCall::Import, &body.join("\n")).expect(200);
    let codes: Vec<&Value> =
        reply.json["errors"].as_array().expect("errors").iter().map(|error| &error["code"]).collect();
    assert_eq!((&reply.json["imported"], codes), (&json!(1), vec![&json!("exists"), &json!("forbidden")]));
    assert_eq!(world.document("orders/bob1")["customer"], json!("bob"));
}

#[test]
fn nobody_in_particular_sees_what_rules_let_everybody_see() {
    let (mut world, _, _) = world();
    let mut schema = shop();
    schema["collections"]["closed"]["rules"] = json!({ "read": ["=", "open", true] });
    world.put("closed/1", json!({ "open": true })).expect(201);
    world.put("closed/2", json!({ "open": false })).expect(201);
    let get = |world: &mut World, path: &str| world.send(ask("GET", path).token(""));
    get(&mut world, "closed/1").refused(401, "unauthenticated");
    schema["anonymous"] = json!(true);
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    get(&mut world, "closed/1").expect(200);
    get(&mut world, "closed/2").refused(404, "not_found");
    get(&mut world, "staff/1").refused(404, "not_found");
    assert_eq!(
        query(&mut world, "", json!({ "from": "closed", "aggregate": { "n": ["count"] } })).json["rows"],
        json!([{ "n": 1 }])
    );
    world.send(ask("PUT", "closed/3").token("").body(&json!({ "open": true }))).refused(403, "forbidden");
}

#[test]
fn a_role_is_lost_with_the_document_that_tells_of_it_also_for_what_travels_along() {
    let (mut world, ann, _) = world();
    world.put("staff/1", json!({ "user": "ann" })).expect(201);
    let get = json!({ "get": { "document": "orders/ann1", "at": null, "unless": null } });
    let mut item = |call: Value, body: Value| json!({ "call": call, "batch": world.batch_id(0).to_string(), "named": false, "body": body });
    let leave = json!({ "ops": [{ "delete": "staff/1" }] });
    let items = [item(get.clone(), json!({})), item(json!("batch"), leave), item(get, json!({}))];
    let call = selvedge::wire::PartitionCall::Many { writes: true };
    let replies = world.call_as(&ann, "", call, &json!(items).to_string()).expect(200).json;
    assert_eq!((&replies[0]["body"]["margin"], &replies[1]["status"]), (&json!(7), &json!(200)));
    assert_eq!((&replies[2]["status"], &replies[2]["body"]["margin"]), (&json!(200), &Value::Null));
}
