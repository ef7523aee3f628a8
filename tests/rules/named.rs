//! What rules promise, one promise at a time.

use serde_json::{Value, json};

use super::world::{Reply, World, ask};

/// A shop whose customers see their own orders; what an order earned, and who is watched, is the staff's to know.
fn shop() -> Value {
    json!({
        "collections": {
            "customers": {
                "fields": { "user": { "type": "string" }, "email": { "type": "string", "unique": true } },
                "rules": {
                    "read": ["=", "user", { "auth": "key" }],
                    "insert": ["=", "user", { "auth": "key" }],
                    "update": ["=", "user", { "auth": "key" }],
                    "delete": ["=", "user", { "auth": "key" }],
                },
            },
            "orders": {
                "fields": {
                    "customer": { "ref": "customers", "onDelete": "restrict" },
                    "margin": { "type": "int", "default": 0 },
                    "made": { "type": "timestamp", "default": { "now": true } },
                    "status": { "type": "string", "default": "open" },
                    "double": { "type": "int", "optional": true, "computed": ["*", "margin", 2] },
                },
                "indexes": ["margin", "status"],
                "rules": {
                    "read": ["=", "customer.user", { "auth": "key" }],
                    "insert": ["=", "customer.user", { "auth": "key" }],
                    "update": ["=", "customer.user", { "auth": "key" }],
                    "fields": {
                        "margin": { "read": ["role", "staff"], "update": ["role", "staff"] },
                        "double": { "read": ["role", "staff"] },
                        "made": { "update": false },
                        "status": { "update": ["and", ["=", { "old": "status" }, "open"], ["=", "status", "cancelled"]] },
                    },
                },
            },
            "closed": {},
            "staff": {},
        },
        "roles": { "staff": { "from": "staff", "membership": ["=", "user", { "auth": "key" }] } },
    })
}

/// The shop with two customers, an order each, and their tokens.
fn world() -> (World, String, String) {
    let mut world = World::new();
    let schema = shop();
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    for user in ["ann", "bob"] {
        let email = format!("{user}@example.com");
        world.put(&format!("customers/{user}"), json!({ "user": user, "email": email })).expect(201);
        world.put(&format!("orders/{user}1"), json!({ "customer": user, "margin": 7, "total": 40 })).expect(201);
    }
    let (ann, bob) = (world.key("ann", "write"), world.key("bob", "write"));
    (world, ann, bob)
}

fn query(world: &mut World, token: &str, tree: Value) -> Reply {
    world.send(ask("POST", "_query").token(token).body(&tree))
}

fn tx(world: &mut World, token: &str, ops: Value) -> Reply {
    world.send(ask("POST", "_tx").token(token).body(&json!({ "ops": ops })))
}

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
fn what_may_not_be_read_is_not_there_for_any_operation() {
    let (mut world, ann, _) = world();
    let version = world.document("orders/bob1")["_version"].clone();
    for method in ["PATCH", "DELETE"] {
        for id in ["orders/bob1", "orders/none"] {
            let body = json!({ "total": 1 });
            world.send(ask(method, id).token(&ann).body(&body)).refused(404, "not_found");
            let matched =
                world.send(ask(method, id).token(&ann).body(&body).header("if-match", format!("\"{version}\"")));
            matched.refused(412, "version_mismatch");
        }
    }
    let told = |reply: Reply, id: &str| (reply.status, reply.text.replace(id, "…"));
    for operation in [
        json!({ "check": "ID", "where": ["=", "total", 40] }),
        json!({ "check": "ID", "where": ["null", "total"] }),
        json!({ "check": "ID", "version": version }),
        json!({ "patch": "ID", "set": { "total": 1 } }),
        json!({ "patch": "ID", "set": { "total": 1 }, "if": ["=", "total", 40] }),
        json!({ "delete": "ID" }),
    ] {
        let mut replies = ["orders/bob1", "orders/none"].map(|id| {
            let operation: Value = serde_json::from_str(&operation.to_string().replace("ID", id)).expect("JSON");
            let reply = tx(&mut world, &ann, json!([operation]));
            let mut told = told(reply, id.trim_start_matches("orders/"));
            if let Ok(mut answer) = serde_json::from_str::<Value>(&told.1) {
                answer.as_object_mut().expect("an object").remove("time");
                told.1 = answer.to_string();
            }
            told
        });
        replies.sort();
        assert_eq!(replies[0], replies[1], "{operation}");
    }
    let reads = |doc: &str, version: Value| json!({ "reads": [{ "doc": doc, "version": version }], "ops": [] });
    world.send(ask("POST", "_tx").token(&ann).body(&reads("orders/bob1", Value::Null))).expect(200);
    let reply = world.send(ask("POST", "_tx").token(&ann).body(&reads("orders/bob1", version)));
    assert_eq!(reply.refused(409, "conflict").json["version"], Value::Null);
}

#[test]
fn an_id_that_is_taken_is_told_only_to_whom_it_would_be_given() {
    let (mut world, ann, _) = world();
    let mine = json!({ "customer": "ann" });
    let reply = world.send(ask("PUT", "orders/bob1").token(&ann).body(&mine)).refused(409, "exists");
    assert_eq!(reply.json["version"], Value::Null);
    // Of whoever may not insert it, it is not said that it is there.
    let theirs = json!({ "user": "bob", "email": "x@example.com" });
    for id in ["customers/bob", "customers/none"] {
        world.send(ask("PUT", id).token(&ann).body(&theirs)).refused(403, "forbidden");
        world
            .send(
                ask("POST", "customers").token(&ann).body(
                    &json!({ "id": id.trim_start_matches("customers/"), "user": "bob", "email": "bob@example.com" }),
                ),
            )
            .refused(403, "forbidden");
    }
    assert_eq!(world.document("customers/bob")["user"], json!("bob"));
}

#[test]
fn constraints_tell_nothing_of_documents_that_may_not_be_read() {
    let (mut world, ann, _) = world();
    let taken = json!({ "user": "ann", "email": "bob@example.com" });
    let reply = world.send(ask("PUT", "customers/ann2").token(&ann).body(&taken)).refused(409, "unique_violation");
    assert!(reply.json.get("with").is_none() && !reply.text.contains("customers/bob"), "{}", reply.text);
    // A reference to what may not be read is one to nothing.
    let told = ["bob", "none"].map(|customer| {
        let body = json!({ "customer": customer });
        let reply = world.send(ask("PATCH", "orders/ann1").token(&ann).body(&body));
        (reply.status, reply.text.replace(customer, "…"))
    });
    assert_eq!(told[0], told[1]);
    let reply = world.send(ask("DELETE", "customers/ann").token(&ann)).refused(409, "ref_violation");
    assert!(!reply.text.contains("ann1"), "{}", reply.text);
}

#[test]
fn a_field_is_set_by_whom_its_rule_lets() {
    let (mut world, ann, _) = world();
    let refused = |reply: Reply, field: &str| assert_eq!(reply.refused(403, "forbidden").json["field"], json!(field));
    let patch = |world: &mut World, body: Value| world.send(ask("PATCH", "orders/ann1").token(&ann).body(&body));
    refused(patch(&mut world, json!({ "margin": 9 })), "margin");
    refused(patch(&mut world, json!({ "made": "2020-01-01T00:00:00Z" })), "made");
    refused(patch(&mut world, json!({ "status": "paid" })), "status");
    patch(&mut world, json!({ "status": "cancelled", "total": 41 })).expect(200);
    refused(patch(&mut world, json!({ "status": "open" })), "status");
    patch(&mut world, json!({ "total": 42 })).expect(200);
    refused(tx(&mut world, &ann, json!([{ "patch": "orders/ann1", "increment": { "margin": 1 } }])), "margin");

    // What a new document gets by default nobody has to be allowed to set; anything else, somebody.
    let insert = |world: &mut World, body: Value| world.send(ask("POST", "orders").token(&ann).body(&body));
    insert(&mut world, json!({ "customer": "ann" })).expect(201);
    insert(&mut world, json!({ "customer": "ann", "margin": 0, "status": "open" })).expect(201);
    refused(insert(&mut world, json!({ "customer": "ann", "margin": 1 })), "margin");
    refused(insert(&mut world, json!({ "customer": "ann", "made": "2020-01-01T00:00:00Z" })), "made");
    let later = json!([
        { "insert": "orders/x", "body": { "customer": "ann" } },
        { "patch": "orders/x", "set": { "made": "2020-01-01T00:00:00Z" } },
    ]);
    refused(tx(&mut world, &ann, later), "made");
}

#[test]
fn a_replacement_leaves_what_cannot_be_seen() {
    let (mut world, ann, _) = world();
    let made = world.document("orders/ann1")["made"].clone();
    let body = json!({ "customer": "ann", "made": made, "status": "open", "total": 1 });
    world.send(ask("PUT", "orders/ann1").token(&ann).body(&body)).expect(200);
    let now = world.document("orders/ann1");
    assert_eq!((&now["margin"], &now["total"], &now["double"]), (&json!(7), &json!(1), &json!(14)));
    // Whether a computed field is right would tell what it is computed from.
    let guess = json!({ "customer": "ann", "made": made, "status": "open", "double": 13 });
    world.send(ask("PUT", "orders/ann1").token(&ann).body(&guess)).refused(403, "forbidden");
}

#[test]
fn a_change_is_judged_as_the_document_was_and_as_it_will_be() {
    let (mut world, ann, bob) = world();
    // Neither given away nor taken.
    world.send(ask("PATCH", "customers/ann").token(&ann).body(&json!({ "user": "bob" }))).refused(403, "forbidden");
    world.send(ask("PATCH", "customers/ann").token(&bob).body(&json!({ "user": "bob" }))).refused(404, "not_found");
    let both = json!([
        { "patch": "customers/ann", "set": { "email": "new@example.com" } },
        { "patch": "orders/bob1", "set": { "total": 0 } },
    ]);
    tx(&mut world, &ann, both).refused(404, "not_found");
    assert_eq!(world.document("customers/ann")["email"], json!("ann@example.com"));
    // Nobody becomes one of the staff by the very change that being so would allow.
    let promoted = json!([
        { "insert": "staff/1", "body": { "user": "ann" } },
        { "patch": "orders/ann1", "set": { "margin": 0 } },
    ]);
    tx(&mut world, &ann, promoted).refused(403, "forbidden");
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
fn a_batch_of_one_principal_is_no_batch_of_another() {
    let (mut world, ann, bob) = world();
    let batch = json!({ "ops": [{ "check": "customers/none", "where": ["null", "user"] }] });
    let send = |world: &mut World, token: &str| world.send(ask("POST", "_tx").token(token).named("once").body(&batch));
    let first = send(&mut world, &ann).expect(200);
    world.put("customers/none", json!({ "user": "ann", "email": "n@example.com" })).expect(201);
    assert_eq!(send(&mut world, &ann).expect(200).text, first.text);
    send(&mut world, &bob).refused(409, "batch_reused");
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
fn it_can_be_asked_which_rule_decides_and_why() {
    let (mut world, ann, _) = world();
    let mut explain = |body: Value| world.send(ask("POST", "_explain-access").body(&body));
    let read = json!({ "principal": { "key": "ann" }, "action": "read", "document": "orders/ann1" });
    let reply = explain(read.clone()).expect(200).json;
    assert_eq!((&reply["allowed"], &reply["rule"]["action"]), (&json!(true), &json!("read")));
    assert_eq!(reply["before"]["condition"], json!(["=", "customer.user", { "auth": "key" }]));
    assert_eq!(reply["fields"]["margin"]["read"], json!(false));

    let claims = json!({ "auth": { "key": "bob" } });
    let reply = explain(json!({ "principal": claims, "action": "read", "document": "orders/ann1" })).expect(200).json;
    assert_eq!((&reply["allowed"], &reply["before"]["holds"]), (&json!(false), &json!(false)));

    let change =
        |body| json!({ "principal": { "key": "ann" }, "action": "update", "document": "orders/ann1", "body": body });
    assert_eq!(explain(change(json!({ "status": "cancelled" }))).expect(200).json["allowed"], json!(true));
    let reply = explain(change(json!({ "status": "paid" }))).expect(200).json;
    assert_eq!((&reply["allowed"], &reply["after"]["holds"]), (&json!(false), &json!(true)));
    assert_eq!(reply["fields"]["status"]["update"], json!(false));

    // As when it is done, a default nobody has to be allowed to set, and what is hidden not everybody.
    let hidden = explain(change(json!({ "margin": 7 }))).expect(200).json;
    assert_eq!((&hidden["allowed"], &hidden["fields"]["margin"]["update"]), (&json!(false), &json!(false)));
    for (body, allowed) in [(json!({}), true), (json!({ "margin": 0 }), true), (json!({ "margin": 1 }), false)] {
        let mut insert =
            json!({ "principal": { "key": "ann" }, "action": "insert", "document": "orders/n", "body": body });
        insert["body"]["customer"] = json!("ann");
        assert_eq!(explain(insert).expect(200).json["allowed"], json!(allowed), "{body}");
    }

    let insert =
        json!({ "principal": "anonymous", "action": "insert", "document": "orders/n", "body": { "customer": "ann" } });
    assert_eq!(explain(insert).expect(200).json["allowed"], json!(false));
    let delete = json!({ "principal": { "key": "ann" }, "action": "delete", "document": "orders/ann1" });
    let reply = explain(delete).expect(200).json;
    assert_eq!((&reply["allowed"], &reply["rule"]["condition"]), (&json!(false), &json!(false)));
    let nothing = explain(json!({ "principal": "anonymous", "action": "read", "document": "closed/1" }));
    nothing.refused(404, "not_found");

    for wrong in [
        json!({}),
        json!({ "document": "orders/ann1" }),
        json!({ "principal": "somebody", "action": "read", "document": "orders/ann1" }),
        json!({ "principal": {}, "action": "read", "document": "orders/ann1" }),
        json!({ "principal": "anonymous", "action": "write", "document": "orders/ann1" }),
        json!({ "principal": "anonymous", "action": "insert", "document": "orders/n" }),
        json!({ "principal": "anonymous", "action": "read", "document": "orders/ann1", "body": {} }),
        json!({ "principal": "anonymous", "action": "read", "document": "orders/ann1", "more": 1 }),
    ] {
        explain(wrong).refused(400, "invalid_request");
    }
    explain(json!({ "principal": { "key": "none" }, "action": "read", "document": "orders/ann1" }))
        .refused(404, "not_found");
    world.send(ask("POST", "_explain-access").token(&ann).body(&read)).refused(403, "forbidden");
}

#[test]
fn a_write_that_no_rule_allows_takes_no_key_into_use() {
    let (mut world, _, _) = world();
    world.trust();
    let stranger = world.token(&json!({ "sub": "mallory" }));
    let insert = json!({ "insert": "orders/far/o1", "body": { "customer": "far/ann" } });
    let batch = json!({ "ops": [insert] });
    world
        .send(ask("PUT", "orders/far/o1").token(&stranger).body(&json!({ "customer": "far/ann" })))
        .refused(403, "forbidden");
    world.send(ask("POST", "_tx").token(&stranger).body(&batch)).refused(403, "forbidden");
    let items = |world: &mut World, token: &str| {
        let id = |world: &mut World| world.batch_id(0).to_string();
        let (first, second) = (id(world), id(world));
        let items = json!([
            { "call": "batch", "batch": first, "named": true, "body": batch },
            { "call": { "query": { "whole": false } }, "batch": second, "named": false, "body": { "from": "orders", "key": "far" } },
        ]);
        let call = selvedge::wire::PartitionCall::Many { writes: true };
        let statuses = world.call_as(token, "far", call, &items.to_string()).expect(200).json;
        statuses.as_array().expect("replies").iter().map(|reply| reply["status"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(items(&mut world, &stranger), [Some(403), Some(200)]);
    // Nor does one that changes nothing, though it holds.
    for batch in [
        json!({ "ops": [{ "check": "orders/far/o1", "where": ["null", "total"] }] }),
        json!({ "reads": [{ "doc": "orders/far/o1", "version": null }], "ops": [] }),
        json!({ "ops": [{ "insert": "customers/far/x", "body": { "user": "x", "email": "x" } }, { "delete": "customers/far/x" }] }),
    ] {
        let reply = world.send(ask("POST", "_tx").token(&stranger).body(&batch)).expect(200);
        assert!(reply.json["results"].is_array(), "{}", reply.text);
        assert_eq!(world.keys_in_use(), json!([""]), "{batch}");
    }
    assert_eq!(world.keys_in_use(), json!([""]));
    // Of somebody who may, it does.
    world.put("customers/far/ann", json!({ "user": "ann", "email": "far@example.com" })).expect(201);
    assert_eq!(items(&mut world, super::world::ROOT), [Some(200), Some(200)]);
    assert_eq!(world.keys_in_use(), json!(["", "far"]));
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

/// Teams whose members are secret, and what belongs to them.
fn club() -> Value {
    let mine = json!(["=", "user", { "auth": "key" }]);
    json!({
        "collections": {
            "people": {
                "fields": { "user": { "type": "string" } },
                "rules": { "read": mine, "insert": mine, "update": mine, "delete": mine },
            },
            "notes": {
                "fields": {
                    "by": { "ref": "people", "optional": true, "onDelete": "cascade" },
                    "about": { "ref": "people", "optional": true, "onDelete": "clear" },
                },
                "rules": { "read": ["=", "by.user", { "auth": "key" }], "insert": true },
            },
            "seals": {
                "fields": { "note": { "ref": "notes", "optional": true, "onDelete": "restrict" } },
                "rules": {},
            },
        },
    })
}

fn clubhouse() -> (World, String) {
    let mut world = World::new();
    world.send(ask("PUT", "_schema").body(&club())).expect(200);
    for user in ["ann", "bob"] {
        world.put(&format!("people/{user}"), json!({ "user": user })).expect(201);
        world.put(&format!("notes/{user}"), json!({ "by": user, "about": user, "text": "psst" })).expect(201);
    }
    let ann = world.key("ann", "write");
    (world, ann)
}

#[test]
fn nothing_goes_along_with_a_document_that_only_seemed_to_be_made_and_deleted() {
    let (mut world, ann) = clubhouse();
    for id in ["people/bob", "people/none"] {
        let both = json!([{ "insert": id, "body": { "user": "ann" } }, { "delete": id }]);
        tx(&mut world, &ann, both).expect(200);
    }
    assert_eq!(world.document("notes/bob")["about"], json!("bob"));
    world.document("people/bob");
}

#[test]
fn what_a_batch_is_yet_to_be_refused_for_shows_it_nothing() {
    let (mut world, ann) = clubhouse();
    let notes = json!({ "from": "notes", "by": "by" });
    let says = |text: &str| {
        let (says, by_somebody) = (json!(["=", "text", text]), json!(["exists", "by"]));
        [says.clone(), json!(["and", says, by_somebody])]
    };
    let asked = ["psst", "no"].map(|text| {
        says(text).map(|says| {
            let ops = json!([
                { "insert": "people/bob", "body": { "user": "ann" } },
                { "check": "people/bob", "where": ["exists", notes, says] },
            ]);
            tx(&mut world, &ann, ops).refused(409, "check_failed").text
        })
    });
    assert_eq!(asked[0], asked[1]);
    // What may be read, and what the batch itself writes, is there.
    for says in says("psst").into_iter().chain(says("new")) {
        let ops = json!([
            { "patch": "people/ann", "set": { "name": "Ann" } },
            { "insert": "notes/new", "body": { "by": "ann", "text": "new" } },
            { "check": "people/ann", "where": ["exists", notes, says] },
            { "delete": "people/ann" },
            { "check": "people/bob", "where": ["exists", notes] },
        ]);
        assert_eq!(tx(&mut world, &ann, ops).refused(409, "check_failed").json["operation"], json!(4));
    }
}

#[test]
fn a_refusal_to_delete_names_no_document_that_may_not_be_read() {
    let (mut world, ann) = clubhouse();
    world.put("people/cid", json!({ "user": "ann" })).expect(201);
    world.put("notes/hidden", json!({ "by": "bob", "about": "bob" })).expect(201);
    let mut schema = club();
    schema["collections"]["notes"]["rules"]["read"] = json!(false);
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    world.put("seals/1", json!({ "note": "ann" })).expect(201);
    let reply = world.send(ask("DELETE", "people/ann").token(&ann)).refused(409, "ref_violation");
    assert!(!reply.text.contains("notes/ann") && !reply.text.contains("seals"), "{}", reply.text);
}

#[test]
fn whoever_may_not_set_a_hidden_field_learns_nothing_by_trying() {
    let (mut world, ann, _) = world();
    let told = |world: &mut World, body: Value| {
        let reply = world.send(ask("PATCH", "orders/ann1").token(&ann).body(&body));
        (reply.status, reply.text)
    };
    assert_eq!(told(&mut world, json!({ "margin": 7 })), told(&mut world, json!({ "margin": 8 })));
    let made = world.document("orders/ann1")["made"].clone();
    let put = |world: &mut World, margin: i64| {
        let body = json!({ "customer": "ann", "made": made, "status": "open", "total": 40, "margin": margin });
        world.send(ask("PUT", "orders/ann1").token(&ann).body(&body)).text
    };
    assert_eq!(put(&mut world, 7), put(&mut world, 8));
    let told = |world: &mut World, operation: Value| tx(world, &ann, json!([operation])).text;
    let most = 9_007_199_254_740_991_i64;
    let by = |amount: i64| json!({ "patch": "orders/ann1", "increment": { "margin": amount } });
    assert_eq!(told(&mut world, by(most - 8)), told(&mut world, by(most)));
    let fails = json!({ "check": "orders/ann1", "where": ["=", "total", 0] });
    let told = |world: &mut World, amount: i64| tx(world, &ann, json!([by(amount), fails])).text;
    assert_eq!(told(&mut world, 1), told(&mut world, most));
    // Nor by changing it and putting it back.
    let again = |world: &mut World, id: &str| {
        let body = json!({ "customer": "ann", "made": made, "status": "open" });
        let ops = json!([{ "patch": id, "set": { "margin": 8 } }, { "patch": id, "set": { "margin": 7 } }, { "patch": id, "set": body }]);
        tx(world, &ann, ops).refused(403, "forbidden")
    };
    again(&mut world, "orders/ann1");
}

#[test]
fn what_is_hidden_outlasts_being_deleted_and_made_again_in_one_batch() {
    let (mut world, ann, _) = world();
    let mut schema = shop();
    schema["collections"]["orders"]["rules"]["delete"] = json!(true);
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    world.put("orders/ann2", json!({ "customer": "ann" })).expect(201);
    for (id, margin) in [("ann1", 7), ("ann2", 0)] {
        let path = format!("orders/{id}");
        let made = world.document(&path)["made"].clone();
        let body = json!({ "customer": "ann", "made": made, "status": "open" });
        tx(&mut world, &ann, json!([{ "delete": path }, { "insert": path, "body": body }])).expect(200);
        assert_eq!(world.document(&path)["margin"], json!(margin));
    }
}

#[test]
fn a_hidden_field_is_changed_in_part_by_whom_its_rule_lets() {
    let (mut world, ann, _) = world();
    let mut schema = shop();
    for rule in [json!(["=", "status", "open"]), json!([">", "margin", { "old": "margin" }]), json!(true)] {
        schema["collections"]["orders"]["rules"]["fields"]["margin"]["update"] = rule;
        world.send(ask("PUT", "_schema").body(&schema)).expect(200);
        let before = world.document("orders/ann1")["margin"].as_i64().expect("a number");
        let op = json!({ "patch": "orders/ann1", "increment": { "margin": 1 } });
        tx(&mut world, &ann, json!([op])).expect(200);
        assert_eq!(world.document("orders/ann1")["margin"], json!(before + 1));
    }
}

#[test]
fn constraints_hold_of_documents_that_a_batch_must_take_to_be_absent() {
    let (mut world, ann, _) = world();
    let mut schema = shop();
    schema["collections"]["orders"]["rules"]["delete"] = json!(true);
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    // What is bob's stays taken, though his document seems to be made and deleted.
    let made = json!({ "user": "ann", "email": "made@example.com" });
    let twice = json!([
        { "insert": "customers/bob", "body": made },
        { "delete": "customers/bob" },
        { "insert": "customers/ann2", "body": { "user": "ann", "email": "bob@example.com" } },
    ]);
    tx(&mut world, &ann, twice).refused(409, "unique_violation");
    // So does what his order refers to.
    world.put("customers/ann2", json!({ "user": "ann", "email": "two@example.com" })).expect(201);
    world.patch("orders/bob1", json!({ "customer": "ann2" })).expect(200);
    schema["collections"]["orders"]["rules"]["read"] = json!(["=", "reader", { "auth": "key" }]);
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    for id in ["orders/bob1", "orders/none"] {
        let ops = json!([
            { "insert": id, "body": { "customer": "ann" } },
            { "delete": id },
            { "delete": "customers/ann2" },
        ]);
        tx(&mut world, &ann, ops).refused(409, "ref_violation");
    }
    world.document("customers/ann2");
}

#[test]
fn whether_an_id_is_taken_is_not_told_by_what_goes_along() {
    let (mut world, ann) = clubhouse();
    let mut schema = club();
    schema["collections"]["notes"]["rules"]["insert"] = json!(false);
    schema["collections"]["notes"]["rules"]["update"] = json!(true);
    schema["collections"]["people"]["rules"]["insert"] = json!(false);
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    let told = |world: &mut World, ops: &dyn Fn(&str) -> Value| {
        let replies = ["bob", "none"].map(|id| tx(world, &ann, ops(id)));
        let [taken, free] = replies.map(|reply| (reply.status, reply.code().to_owned()));
        assert_eq!(taken, free);
        assert!(taken.0 >= 400, "{taken:?}");
    };
    let taken_along =
        |id: &str| json!([{ "insert": format!("notes/{id}"), "body": { "by": "ann" } }, { "delete": "people/ann" }]);
    told(&mut world, &taken_along);
    let taking_along = |id: &str| {
        let person = format!("people/{id}");
        json!([
            { "insert": person, "body": { "user": "ann" } },
            { "patch": "notes/ann", "set": { "by": id } },
            { "delete": person },
        ])
    };
    told(&mut world, &taking_along);
}

#[test]
fn what_is_refused_under_a_key_that_is_not_in_use_is_charged_like_everything_else() {
    let (mut world, ann, _) = world();
    let quotas = json!({ "quotas": { "requestsPerSecond": 1, "burst": 2 } });
    world.send(ask("PUT", "_settings").body(&quotas)).expect(200);
    let mut put = |id: &str, body: Value| world.send(ask("PUT", id).token(&ann).body(&body));
    let stranger = json!({ "user": "bob", "email": "far@example.com" });
    let statuses: Vec<u16> = (0..4).map(|_| put("customers/far/1", stranger.clone()).status).collect();
    assert_eq!(statuses, [403, 403, 429, 429]);
    // A write that takes a key into use is charged once.
    let mine = json!({ "user": "ann", "email": "near@example.com" });
    let statuses: Vec<u16> = (0..3).map(|_| put("customers/near/1", mine.clone()).status).collect();
    assert_eq!(statuses, [201, 200, 429]);
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
