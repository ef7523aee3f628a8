//! Constraints hold at the end of a batch, whatever it passes through.

use serde_json::{Value, json};

use crate::world::World;

fn users() -> World {
    World::with(json!({
        "users": {
            "fields": {
                "mail": { "type": "string", "unique": true, "optional": true },
                "score": { "type": "float", "unique": true, "optional": true },
                "first": { "type": "string", "optional": true },
                "last": { "type": "string", "optional": true },
                "tag": { "type": "json", "unique": true, "optional": true }
            },
            "unique": [["first", "last"]]
        }
    }))
}

#[test]
fn unique_values_may_be_swapped_inside_a_batch() {
    let mut world = users();
    world.put("users/ann", json!({ "mail": "a" })).expect(201);
    world.put("users/bob", json!({ "mail": "b" })).expect(201);
    let set = |user: &str, mail: &str| json!({ "patch": format!("users/{user}"), "set": { "mail": mail } });
    world.ops(json!([set("ann", "b")])).refused(409, "unique_violation");
    world.ops(json!([set("ann", "b"), set("bob", "a")])).expect(200);
    assert_eq!(world.document("users/ann")["mail"], "b");
    world.ops(json!([{ "delete": "users/ann" }, { "insert": "users/eve", "body": { "mail": "b" } }])).expect(200);
    world.ops(json!([{ "insert": "users/zoe", "body": { "mail": "a" } }, { "delete": "users/bob" }])).expect(200);
    world.ops(json!([set("zoe", "c"), set("zoe", "a")])).expect(200);
    let refused = world.ops(json!([set("zoe", "c"), set("eve", "a"), set("zoe", "a")]));
    let refused = refused.refused(409, "unique_violation");
    assert_eq!(refused.json["paths"], json!(["mail"]));
    world
        .ops(
            json!([{ "insert": "users/x", "body": { "mail": "n" } }, { "insert": "users/y", "body": { "mail": "n" } }]),
        )
        .refused(409, "unique_violation");
}

#[test]
fn what_is_refused_says_who_has_the_values() {
    let mut world = users();
    world.put("users/ann", json!({ "mail": "a", "first": "A", "last": "B" })).expect(201);
    let refused = world.put("users/bob", json!({ "mail": "a" })).refused(409, "unique_violation");
    assert_eq!((&refused.json["with"], &refused.json["document"]), (&json!("ann"), &json!("users/bob")));
    let refused = world.put("users/bob", json!({ "first": "A", "last": "B" })).refused(409, "unique_violation");
    assert_eq!(refused.json["paths"], json!(["first", "last"]));
}

#[test]
fn where_a_compound_unique_set_has_a_null_nothing_is_equal() {
    let mut world = users();
    for (id, first, last) in
        [("a", json!("A"), json!(null)), ("b", json!("A"), json!(null)), ("c", json!(null), json!(null))]
    {
        world.put(&format!("users/{id}"), json!({ "first": first, "last": last })).expect(201);
    }
    world.put("users/d", json!({ "first": "A" })).expect(201);
    world.put("users/e", json!({ "first": "A", "last": "B" })).expect(201);
    world.patch("users/a", json!({ "last": "B" })).refused(409, "unique_violation");
    world.patch("users/e", json!({ "last": null })).expect(200);
    world.patch("users/a", json!({ "last": "B" })).expect(200);
    world.patch("users/e", json!({ "last": "" })).expect(200);
    world.patch("users/d", json!({ "last": "" })).refused(409, "unique_violation");
}

#[test]
fn equal_is_what_the_query_language_calls_equal() {
    let mut world = users();
    let values = [
        json!(1),
        json!("1"),
        json!(true),
        json!("true"),
        json!([1]),
        json!({ "a": 1 }),
        json!("[1]"),
        json!(9_007_199_254_740_993_i64),
        json!(9_007_199_254_740_992_i64),
        json!(0.5),
        json!(-1e300),
        json!(""),
        json!(false),
        json!(0),
        json!(i64::MIN),
    ];
    for (index, value) in values.iter().enumerate() {
        world.put(&format!("users/u{index}"), json!({ "tag": value })).expect(201);
    }
    for value in &values {
        world.put("users/other", json!({ "tag": value })).refused(409, "unique_violation");
        let both = json!([
            { "insert": "users/x", "body": { "tag": [value, "x"] } },
            { "insert": "users/y", "body": { "tag": [value, "x"] } }
        ]);
        world.ops(both).refused(409, "unique_violation");
    }
    world.put("users/u0", json!({ "tag": null, "score": 2 })).expect(200);
    world.put("users/other", json!({ "score": 2.0 })).refused(409, "unique_violation");
    let refused = world.ops(json!([
        { "insert": "users/x", "body": { "score": 0.5 } }, { "insert": "users/y", "body": { "score": 1.5 } },
        { "patch": "users/x", "increment": { "score": 1 } }
    ]));
    refused.refused(409, "unique_violation");
}

#[test]
fn references_may_go_ahead_of_what_they_refer_to() {
    let mut world = World::with(json!({
        "users": { "fields": { "boss": { "ref": "users", "optional": true } } },
        "orders": { "fields": { "at": { "type": "object", "fields": { "user": { "ref": "users" } } } } }
    }));
    let order = json!({ "insert": "orders/o1", "body": { "at": { "user": "ann" } } });
    let ann = json!({ "insert": "users/ann", "body": { "boss": "bob" } });
    let bob = json!({ "insert": "users/bob", "body": { "boss": "ann" } });
    let refused = world.ops(json!([order, ann])).refused(409, "ref_violation");
    assert_eq!((&refused.json["target"], &refused.json["path"]), (&json!("users/bob"), &json!("boss")));
    world.ops(json!([order, ann, bob])).expect(200);
    world.ops(json!([{ "delete": "users/ann" }, { "delete": "users/bob" }])).refused(409, "ref_violation");
    world.ops(json!([{ "delete": "users/ann" }, { "insert": "users/ann", "body": {} }])).expect(200);
    world.put("users/eve", json!({ "boss": "eve" })).expect(201);
    world.put("users/eve", json!({ "boss": "none" })).refused(409, "ref_violation");
    world.delete("users/eve").expect(200);
    let gone = json!([{ "insert": "users/eve", "body": {} }, { "insert": "users/x", "body": { "boss": "eve" } },
                      { "delete": "users/eve" }]);
    world.ops(gone).refused(409, "ref_violation");
}

/// Nodes that refer to others in three ways.
fn nodes() -> World {
    let reference = |on_delete: &str| json!({ "ref": "nodes", "optional": true, "onDelete": on_delete });
    World::with(json!({
        "nodes": { "fields": {
            "with": reference("cascade"), "also": reference("cascade"), "near": reference("clear"),
            "held": reference("restrict"), "n": { "type": "int", "optional": true }
        }, "indexes": ["n"] }
    }))
}

fn node(id: &str, body: Value) -> Value {
    json!({ "insert": format!("nodes/{id}"), "body": body })
}

fn ids(world: &mut World) -> Vec<String> {
    world.ids(json!({ "from": "nodes", "orderBy": [["id", "asc"]], "limit": 1000 }))
}

#[test]
fn deletes_go_along_references_that_cascade() {
    let mut world = nodes();
    world
        .ops(json!([
            node("a", json!({})),
            node("b", json!({ "with": "a" })),
            node("c", json!({ "with": "b" })),
            node("d", json!({ "with": "b", "also": "c" })),
            node("e", json!({ "near": "d", "n": 1 })),
            node("self", json!({ "with": "self", "held": "self", "near": "self" })),
            node("round", json!({ "with": "e" })),
            node("other", json!({}))
        ]))
        .expect(200);
    world.delete("nodes/self").expect(200);
    world.delete("nodes/a").expect(200);
    assert_eq!(ids(&mut world), ["e", "other", "round"]);
    let cleared = world.document("nodes/e");
    assert_eq!((cleared.get("near"), &cleared["n"]), (Some(&Value::Null), &json!(1)));
    // In a ring everything goes, once.
    world.ops(json!([{ "patch": "nodes/e", "set": { "with": "round" } }])).expect(200);
    world.delete("nodes/round").expect(200);
    assert_eq!(ids(&mut world), ["other"]);
}

#[test]
fn what_a_cascade_changes_has_versions_and_a_history_of_its_own() {
    let mut world = nodes();
    world
        .ops(json!([node("a", json!({})), node("b", json!({ "with": "a" })), node("c", json!({ "near": "b" }))]))
        .expect(200);
    let before = world.time();
    let deleted = world.delete("nodes/a").expect(200);
    let c = world.document("nodes/c");
    assert_eq!((&c["_time"], c["_version"].as_i64()), (&deleted.json["time"], Some(6)));
    assert_eq!(world.get_at("nodes/c", &before).expect(200).json["near"], "b");
    assert_eq!(world.get_at("nodes/b", &before).expect(200).json["with"], "a");
}

#[test]
fn a_restriction_counts_only_if_its_document_stays() {
    let diamond = |world: &mut World| {
        world
            .ops(json!([
                node("a", json!({})),
                node("z", json!({})),
                node("child", json!({ "held": "a", "with": "z" }))
            ]))
            .expect(200);
    };
    for order in [["a", "z"], ["z", "a"]] {
        let mut world = nodes();
        diamond(&mut world);
        let refused = world.delete("nodes/a").refused(409, "ref_violation");
        assert_eq!((&refused.json["document"], &refused.json["referrer"]), (&json!("nodes/a"), &json!("nodes/child")));
        world.ops(json!(order.map(|id| json!({ "delete": format!("nodes/{id}") })))).expect(200);
        assert_eq!(ids(&mut world), Vec::<String>::new(), "{order:?}");
    }
    // The same within one delete: what restricts goes with what it hangs on, along a longer way.
    let mut world = nodes();
    world
        .ops(json!([
            node("a", json!({})),
            node("b", json!({ "with": "a" })),
            node("c", json!({ "with": "b" })),
            node("d", json!({ "with": "c", "held": "a" }))
        ]))
        .expect(200);
    world.delete("nodes/a").expect(200);
    assert_eq!(ids(&mut world), Vec::<String>::new());
}

#[test]
fn what_the_batch_did_to_referrers_counts() {
    let mut world = nodes();
    world.ops(json!([node("a", json!({})), node("b", json!({ "held": "a" })), node("c", json!({}))])).expect(200);
    let delete = json!({ "delete": "nodes/a" });
    world.ops(json!([{ "patch": "nodes/c", "set": { "held": "a" } }, delete])).refused(409, "ref_violation");
    world.ops(json!([delete, { "patch": "nodes/b", "set": { "held": null } }])).expect(200);
    world.ops(json!([node("a", json!({})), { "patch": "nodes/b", "set": { "with": "a", "near": "a" } }])).expect(200);
    world
        .ops(json!([{ "patch": "nodes/b", "unset": ["with"], "set": { "n": 3 } }, { "delete": "nodes/a" }]))
        .expect(200);
    let b = world.document("nodes/b");
    assert_eq!((&b["near"], &b["n"]), (&json!(null), &json!(3)));
    let inserted = json!([node("x", json!({})), node("y", json!({ "with": "x" })), { "delete": "nodes/x" }]);
    let done = world.ops(inserted).expect(200);
    assert_eq!(done.json["results"][1]["version"], json!(null), "it went with what was deleted");
    assert_eq!(ids(&mut world), ["b", "c"]);
}

#[test]
fn a_reference_that_is_cleared_must_still_fit_the_schema() {
    let mut world = World::with(json!({
        "users": {},
        "orders": { "fields": {
            "user": { "ref": "users", "optional": true, "onDelete": "clear" },
            "group": { "ref": "users", "optional": true, "onDelete": "cascade" }
        }, "checks": { "owned": ["not", ["null", "user"]] } }
    }));
    world.put("users/ann", json!({})).expect(201);
    world.put("users/all", json!({})).expect(201);
    world.put("orders/o1", json!({ "user": "ann", "group": "all" })).expect(201);
    world.delete("users/ann").refused(409, "check_failed");
    for order in [["ann", "all"], ["all", "ann"]] {
        world.ops(json!(order.map(|id| json!({ "delete": format!("users/{id}") })))).expect(200);
        world.get("orders/o1").refused(404, "not_found");
        world.put("users/ann", json!({})).expect(201);
        world.put("users/all", json!({})).expect(201);
        world.put("orders/o1", json!({ "user": "ann", "group": "all" })).expect(201);
    }
}

#[test]
fn unique_values_that_a_cascade_frees_may_be_taken() {
    let mut world = World::with(json!({
        "users": {},
        "names": { "fields": {
            "name": { "type": "string", "unique": true },
            "user": { "ref": "users", "onDelete": "cascade" }
        } }
    }));
    world.ops(json!([{ "insert": "users/ann", "body": {} }, { "insert": "users/bob", "body": {} }])).expect(200);
    world.put("names/n1", json!({ "name": "x", "user": "ann" })).expect(201);
    let take = json!({ "insert": "names/n2", "body": { "name": "x", "user": "bob" } });
    world.ops(json!([take])).refused(409, "unique_violation");
    world.ops(json!([take, { "delete": "users/ann" }])).expect(200);
    world.get("names/n1").refused(404, "not_found");
}

#[test]
fn a_delete_reaches_only_so_many_documents() {
    let mut world = nodes();
    world.put("nodes/root", json!({})).expect(201);
    for part in 0..11 {
        let body = json!({ "with": "root" });
        let all: Vec<Value> = (0..910).map(|n| node(&format!("n{part:02}-{n:03}"), body.clone())).collect();
        world.ops(json!(all)).expect(200);
    }
    world.delete("nodes/root").refused(413, "too_large");
    assert_eq!(world.count("", "SELECT count(*) FROM d1"), 10_011);
    let some: Vec<Value> = (0..10).map(|n| json!({ "delete": format!("nodes/n00-{n:03}") })).collect();
    world.ops(json!(some)).expect(200);
    world.delete("nodes/root").expect(200);
    assert_eq!(world.count("", "SELECT count(*) FROM d1"), 0);
}
