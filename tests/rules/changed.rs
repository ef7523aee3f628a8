//! What a principal may change.

use serde_json::{Value, json};

use super::shop::{clubhouse, shop, tx, world};
use super::world::{Reply, World, ask};

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
