//! Batches: all or nothing, in order, over what was read.

use serde_json::{Value, json};

use crate::world::{World, ask};

#[test]
fn operations_see_what_those_before_them_did() {
    let mut world = World::new();
    world.put("orders/old", json!({ "n": 1 })).expect(201);
    let done = world
        .ops(json!([
            { "insert": "orders/o1", "body": { "n": 1 } },
            { "patch": "orders/o1", "increment": { "n": 4 }, "set": { "a.b": 1 }, "append": { "list": [1, 2] } },
            { "patch": "orders/o1", "append": { "list": [3] }, "unset": ["a.b"] },
            { "check": "orders/o1", "where": ["and", ["=", "n", 5], ["=", "id", "o1"]] },
            { "delete": "orders/old" },
            { "check": "orders/old", "where": ["null", "n"] },
            { "insert": "orders/old", "body": { "n": 2 } },
            { "patch": "orders/old", "increment": { "n": 1 }, "if": ["=", "n", 2] }
        ]))
        .expect(200);
    let (o1, old) = (world.document("orders/o1"), world.document("orders/old"));
    assert_eq!((&o1["n"], &o1["list"], &o1["a"]), (&json!(5), &json!([1, 2, 3]), &json!({})));
    assert_eq!(old["n"], 3);
    let results = done.json["results"].as_array().expect("results");
    assert_eq!(results.len(), 8);
    for result in results {
        let version = if result["id"] == "o1" { &o1["_version"] } else { &old["_version"] };
        assert_eq!(&result["version"], version, "each operation tells the version at the end");
    }
    assert_eq!((&o1["_time"], &old["_time"]), (&done.json["time"], &done.json["time"]), "a batch has one time");
}

#[test]
fn a_batch_that_fails_anywhere_does_nothing() {
    let mut world = World::with(json!({ "users": { "fields": { "mail": { "type": "string", "unique": true } } } }));
    world.put("users/ann", json!({ "mail": "ann" })).expect(201);
    let good = json!({ "insert": "orders/o1", "body": {} });
    let also = json!({ "delete": "users/ann" });
    let bad = [
        json!({ "insert": "users/ann", "body": { "mail": "x" } }),
        json!({ "delete": "orders/none" }),
        json!({ "patch": "orders/none", "set": { "a": 1 } }),
        json!({ "check": "orders/o1", "where": ["=", "a", 1] }),
        json!({ "replace": "users/bob", "body": { "mail": 1 } }),
        json!({ "replace": "users/ann", "body": { "mail": "b" }, "version": 9 }),
        json!({ "replace": "users/ann", "body": { "mail": "b" }, "if": ["=", "mail", "c"] }),
        json!({ "patch": "users/ann", "increment": { "mail": 1 } }),
        json!({ "insert": "orders/x", "body": { "_a": 1 } }),
    ];
    for bad in bad {
        for operations in [json!([good, bad]), json!([bad, good]), json!([good, bad, also])] {
            let refused = world.ops(operations.clone());
            assert!(refused.status >= 400, "{operations}");
            let at = operations.as_array().and_then(|all| all.iter().position(|one| *one == bad));
            assert_eq!(refused.json["operation"], json!(at), "{operations} {}", refused.text);
            assert!(refused.json["document"].is_string(), "{}", refused.text);
        }
    }
    assert_eq!(world.document("users/ann")["_version"], 1);
    world.get("orders/o1").refused(404, "not_found");
    assert_eq!(world.put("users/ann", json!({ "mail": "ann" })).version(), 2, "no sequence was taken");
}

#[test]
fn conflicts_name_the_read_and_what_it_is_now() {
    let mut world = World::new();
    world.put("orders/o1", json!({})).expect(201);
    world.put("orders/o2", json!({})).expect(201);
    let tx = |one: Value, two: Value| {
        json!({
            "reads": [{ "doc": "orders/o1", "version": one }, { "doc": "orders/o3", "version": two }],
            "ops": [{ "patch": "orders/o2", "set": { "a": 1 } }]
        })
    };
    world.tx(tx(json!(1), json!(null))).expect(200);
    world.put("orders/o1", json!({})).expect(200);
    let refused = world.tx(tx(json!(1), json!(null))).refused(409, "conflict");
    assert_eq!((&refused.json["read"], &refused.json["document"]), (&json!(0), &json!("orders/o1")));
    assert_eq!(refused.json["version"], 4);
    let refused = world.tx(tx(json!(4), json!(7))).refused(409, "conflict");
    assert_eq!((&refused.json["read"], &refused.json["version"]), (&json!(1), &json!(null)));
    world.put("orders/o3", json!({})).expect(201);
    let refused = world.tx(tx(json!(4), json!(null))).refused(409, "conflict");
    assert_eq!((&refused.json["read"], &refused.json["document"]), (&json!(1), &json!("orders/o3")));
    world.delete("orders/o1").expect(200);
    world.tx(tx(json!(4), json!(5))).refused(409, "conflict");
    world.tx(tx(json!(null), json!(5))).expect(200);
}

#[test]
fn reads_are_of_before_the_batch() {
    let mut world = World::new();
    world.put("orders/o1", json!({ "n": 1 })).expect(201);
    let tree = json!({ "from": "orders" });
    let digest = world.query(tree.clone()).expect(200).json["digest"].clone();
    world
        .tx(json!({
            "reads": [{ "doc": "orders/o2", "version": null }, { "query": tree, "digest": digest }],
            "ops": [{ "insert": "orders/o2", "body": {} }, { "delete": "orders/o1" }]
        }))
        .expect(200);
}

/// Whether a batch that read `tree` may still commit after `change`.
fn survives(tree: &Value, change: impl FnOnce(&mut World)) -> bool {
    let mut world = World::with(json!({
        "users": {}, "orders": { "fields": {
            "n": { "type": "int" }, "user": { "ref": "users", "optional": true } }, "indexes": ["n"] }
    }));
    world.put("users/ann", json!({ "name": "Ann" })).expect(201);
    for n in [10, 20, 30, 40] {
        world.put(&format!("orders/o{n}"), json!({ "n": n, "user": "ann" })).expect(201);
    }
    let digest = world.query(tree.clone()).expect(200).json["digest"].clone();
    change(&mut world);
    let reply = world.tx(json!({ "reads": [{ "query": tree, "digest": digest }], "ops": [] }));
    match reply.status {
        200 => true,
        _ => {
            assert_eq!(reply.refused(409, "conflict").json["read"], 0);
            false
        }
    }
}

#[test]
fn no_phantom_slips_into_a_query_that_was_read() {
    let put = |document: &'static str, n: i64| move |world: &mut World| drop(world.put(document, json!({ "n": n })));
    let under = json!({ "from": "orders", "where": ["<", "n", 35], "orderBy": [["n", "asc"]] });
    assert!(survives(&under, |_| {}));
    assert!(survives(&under, put("orders/new", 35)), "what the query does not see is none of its concern");
    assert!(!survives(&under, put("orders/new", 5)));
    assert!(!survives(&under, put("orders/o40", 25)), "one moves in");
    assert!(!survives(&under, put("orders/o10", 45)), "one moves out");
    assert!(!survives(&under, put("orders/o20", 21)), "one changes");
    assert!(!survives(&under, |world| drop(world.delete("orders/o30"))));
    let none = json!({ "from": "orders", "where": [">", "n", 100] });
    assert!(!survives(&none, put("orders/new", 101)), "an empty answer is an answer");
    let count = json!({ "from": "orders", "aggregate": { "n": ["count"] } });
    assert!(!survives(&count, put("orders/new", 1)));
    assert!(survives(&count, put("orders/o10", 1)), "as many as before");
    let selected = json!({ "from": "orders", "select": ["n"] });
    assert!(survives(&selected, |world| drop(world.patch("orders/o10", json!({ "other": 1 })))));
    let included = json!({ "from": "orders", "include": { "user": {} }, "select": ["n", "user"] });
    assert!(!survives(&included, |world| drop(world.put("users/ann", json!({ "name": "Anna" })))));
}

#[test]
fn a_page_that_is_full_tells_whether_more_follows() {
    let put = |document: &'static str, n: i64| move |world: &mut World| drop(world.put(document, json!({ "n": n })));
    let page = |limit: usize| json!({ "from": "orders", "orderBy": [["n", "asc"]], "limit": limit });
    assert!(!survives(&page(4), put("orders/new", 50)), "the last page is not the last any more");
    assert!(!survives(&page(3), |world| drop(world.delete("orders/o40"))), "now it is the last page");
    assert!(survives(&page(2), put("orders/new", 50)), "behind a page with more behind it nothing was read");
    assert!(!survives(&page(2), put("orders/new", 15)));
}

#[test]
fn conditions_look_along_relations_at_what_the_batch_did() {
    let mut world = World::with(json!({
        "users": { "relations": { "orders": { "from": "orders", "by": "user" } } },
        "orders": { "fields": { "user": { "ref": "users" }, "paid": { "type": "bool" } },
                    "relations": { "lines": { "from": "lines", "by": "order" } } },
        "lines": { "fields": { "order": { "ref": "orders", "onDelete": "cascade" }, "n": { "type": "int" } } }
    }));
    world
        .ops(json!([
            { "insert": "users/ann", "body": {} },
            { "insert": "orders/o1", "body": { "user": "ann", "paid": false } },
            { "insert": "lines/l1", "body": { "order": "o1", "n": 1 } }
        ]))
        .expect(200);
    let unpaid = json!({ "check": "users/ann", "where": ["exists", "orders", ["=", "paid", false]] });
    let paid = json!({ "check": "users/ann", "where": ["exists", "orders", ["=", "paid", true]] });
    let ann = json!({ "check": "orders/o1", "where": ["exists", "user", ["=", "name", "Ann"]] });
    let rename = json!({ "patch": "users/ann", "set": { "name": "Ann" } });
    let pay = json!({ "patch": "orders/o1", "set": { "paid": true } });
    let fail = json!({ "check": "users/ann", "where": ["=", "id", "nobody"] });
    let holds = |world: &mut World, operations: Value| {
        let mut operations = operations.as_array().expect("operations").clone();
        let last = operations.len();
        operations.push(fail.clone());
        world.ops(json!(operations)).refused(409, "check_failed").json["operation"] == last
    };
    assert!(holds(&mut world, json!([unpaid])));
    assert!(!holds(&mut world, json!([paid])));
    assert!(holds(&mut world, json!([pay, paid])), "a changed document is seen as it is now");
    assert!(!holds(&mut world, json!([pay, unpaid])), "and not as it was");
    assert!(!holds(&mut world, json!([ann])));
    assert!(holds(&mut world, json!([rename, ann])));
    assert!(!holds(&mut world, json!([{ "delete": "lines/l1" }, { "delete": "orders/o1" }, unpaid])));
    assert!(holds(&mut world, json!([{ "insert": "orders/o2", "body": { "user": "ann", "paid": true } }, paid])));
    let deep =
        |n: i64| json!({ "check": "users/ann", "where": ["exists", "orders", ["exists", "lines", ["=", "n", n]]] });
    assert!(holds(&mut world, json!([deep(1)])));
    assert!(!holds(&mut world, json!([deep(2)])));
    let count = json!({ "patch": "lines/l1", "set": { "n": 2 } });
    assert!(holds(&mut world, json!([count, deep(2)])), "behind a document that the batch leaves alone, too");
    assert!(!holds(&mut world, json!([count, deep(1)])));
    assert!(!holds(&mut world, json!([{ "delete": "lines/l1" }, deep(1)])));
    let not = json!({ "check": "users/ann", "where":
        ["exists", "orders", ["not", ["exists", "lines", ["=", "n", 1]]]] });
    assert!(holds(&mut world, json!([count, not])));
    let around = json!({ "check": "lines/l1", "where":
        ["exists", "order", ["exists", "user", ["=", "name", "Ann"]]] });
    assert!(holds(&mut world, json!([rename, around])));
}

#[test]
fn a_condition_looks_through_however_many_related_documents_there_are() {
    let mut world = World::with(json!({
        "users": { "relations": { "orders": { "from": "orders", "by": "user" } } },
        "orders": { "fields": { "user": { "ref": "users" } },
                    "relations": { "lines": { "from": "lines", "by": "order" } } },
        "lines": { "fields": { "order": { "ref": "orders" } } }
    }));
    world.put("users/ann", json!({})).expect(201);
    for part in 0..3 {
        let insert = |n: usize| {
            let document = format!("orders/o{:04}", part * 1_000 + n);
            json!({ "insert": document, "body": { "user": "ann" } })
        };
        world.ops(json!((0..900).map(insert).collect::<Vec<_>>())).expect(200);
    }
    let check = json!({ "check": "users/ann", "where": ["exists", "orders", ["exists", "lines", ["=", "n", 1]]] });
    for order in ["o0000", "o1500", "o2899"] {
        let line = json!({ "insert": "lines/l1", "body": { "order": order, "n": 1 } });
        world.ops(json!([check, line])).refused(409, "check_failed");
        let undo = json!({ "delete": "lines/l1" });
        world.ops(json!([line, check, undo])).expect(200);
    }
}

#[test]
fn preconditions_inside_a_batch_are_conflicts() {
    let mut world = World::new();
    world.put("orders/o1", json!({})).expect(201);
    let refused = world.ops(json!([{ "patch": "orders/o1", "set": { "a": 1 }, "version": 7 }]));
    let refused = refused.refused(409, "conflict");
    assert_eq!(refused.json["operation"], 0, "even where there is but one");
    assert_eq!(refused.json["version"], 1);
    world.ops(json!([{ "replace": "orders/o1", "body": {}, "version": null }])).refused(409, "conflict");
    world.ops(json!([{ "check": "orders/o2", "version": 1 }])).refused(409, "conflict");
    world
        .ops(json!([
            { "check": "orders/o2", "version": null },
            { "patch": "orders/o1", "set": { "a": 1 }, "version": 1 },
            { "patch": "orders/o1", "set": { "b": 1 }, "version": 1 }
        ]))
        .expect(200);
}

#[test]
fn a_batch_stays_under_one_key() {
    let mut world = World::with(json!({
        "users": {}, "orders": { "fields": { "user": { "ref": "users", "optional": true } } }
    }));
    world.put("users/acme/ann", json!({})).expect(201);
    world.put("users/ann", json!({})).expect(201);
    let bodies = [
        json!({ "ops": [{ "insert": "orders/acme/o1", "body": {} }, { "insert": "orders/beta/o1", "body": {} }] }),
        json!({ "ops": [{ "insert": "orders/acme/o1", "body": {} }, { "insert": "orders/o1", "body": {} }] }),
        json!({ "ops": [{ "insert": "orders/acme/o1", "body": { "user": "ann" } }] }),
        json!({ "ops": [{ "insert": "orders/acme/o1", "body": { "user": "beta/ann" } }] }),
        json!({ "reads": [{ "doc": "users/ann", "version": 1 }], "ops": [{ "insert": "orders/acme/o1", "body": {} }] }),
        json!({
            "reads": [{ "query": { "from": "users", "key": "beta" }, "digest": "x" }],
            "ops": [{ "insert": "orders/acme/o1", "body": {} }]
        }),
    ];
    for body in bodies {
        world.tx(body).refused(400, "several_keys");
    }
    world.put("orders/acme/o1", json!({ "user": "ann" })).refused(400, "several_keys");
    world.put("orders/acme/o1", json!({ "user": "acme/ann" })).expect(201);
}

#[test]
fn a_batch_of_a_thousand_operations_commits_whole() {
    let mut world = World::with(json!({
        "orders": { "fields": { "n": { "type": "int", "unique": true } }, "indexes": [["n", "other"]] }
    }));
    let insert = |n: usize| json!({ "insert": format!("orders/o{n}"), "body": { "n": n } });
    let all: Vec<Value> = (0..1_000).map(insert).collect();
    let done = world.ops(json!(all)).expect(200);
    let versions: Vec<i64> = (1..=1_000).collect();
    let given: Vec<i64> = done.json["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| result["version"].as_i64().expect("a version"))
        .collect();
    assert_eq!(given, versions);
    assert_eq!(world.ids(json!({ "from": "orders", "limit": 1000 })).len(), 1_000);
    let rotate = |n: usize| json!({ "patch": format!("orders/o{n}"), "set": { "n": (n + 1) % 1_000 } });
    world.ops(json!((0..1_000).map(rotate).collect::<Vec<_>>())).expect(200);
    assert_eq!(world.document("orders/o999")["n"], 0);
    let one_more: Vec<Value> = (0..1_001).map(|n| json!({ "delete": format!("orders/o{n}") })).collect();
    world.ops(json!(one_more)).refused(429, "too_many");
    world.ops(json!(one_more[..1_000])).expect(200);
    assert_eq!(world.ids(json!({ "from": "orders" })).len(), 0);
}

#[test]
fn what_comes_to_nothing_is_a_batch_all_the_same() {
    let mut world = World::new();
    let done = world.ops(json!([{ "insert": "orders/o1", "body": {} }, { "delete": "orders/o1" }])).expect(200);
    assert_eq!(done.json["results"], json!([{ "id": "o1", "version": null }, { "id": "o1", "version": null }]));
    world.get("orders/o1").refused(404, "not_found");
    let checked = world.ops(json!([{ "check": "orders/o1", "version": null }])).expect(200);
    assert!(checked.json["time"].as_str() > done.json["time"].as_str());
    world.restart();
    let next = world.put("orders/o2", json!({})).expect(201);
    assert!(next.json["time"].as_str() > checked.json["time"].as_str());
}

#[test]
fn patches_refuse_what_they_cannot_do() {
    let mut world = World::new();
    world.put("orders/o1", json!({ "n": 9_223_372_036_854_775_807_i64, "s": "x", "o": { "p": 1 } })).expect(201);
    let cases = [
        (json!({ "increment": { "n": 1 } }), 400, "number_out_of_range"),
        (json!({ "increment": { "s": 1 } }), 422, "invalid_document"),
        (json!({ "append": { "s": [1] } }), 422, "invalid_document"),
        (json!({ "set": { "s.t": 1 } }), 422, "invalid_document"),
        (json!({ "set": { "id": "o2" } }), 400, "invalid_request"),
        (json!({ "set": { "_time": "x" } }), 400, "invalid_request"),
        (json!({ "unset": ["id"] }), 400, "invalid_request"),
        (json!({ "increment": { "n": "1" } }), 400, "invalid_request"),
        (json!({}), 400, "invalid_request"),
    ];
    for (patch, status, code) in cases {
        let mut operation = patch.clone();
        operation["patch"] = json!("orders/o1");
        let refused = world.ops(json!([operation]));
        assert_eq!((refused.status, refused.code()), (status, code), "{patch}: {}", refused.text);
    }
    world.ops(json!([{ "patch": "orders/o1", "increment": { "o.p": 0.5, "new.deep": -1 } }])).expect(200);
    let document = world.document("orders/o1");
    assert_eq!((&document["o"]["p"], &document["new"]["deep"]), (&json!(1.5), &json!(-1)));
    world.send(ask("POST", "_tx").text("{\"ops\":[{\"patch\":\"orders/o1\",\"increment\":{\"o.p\":0.5}}]}"));
    assert!(world.get("orders/o1").text.contains("\"p\":2}"), "a sum that is whole is written so");
}
