//! Batch ids: a repeat is answered as the first time, and nothing is done twice.

use selvedge::id::{DatabaseName, DocumentRef, Key};
use selvedge::wire::{Bearer, PartitionCall, PartitionRequest, Precondition, Verb};
use serde_json::json;

use crate::world::{Ask, DAY, Reply, SECOND, World, ask};

fn add(world: &mut World, id: &str, body: &serde_json::Value) -> Reply {
    world.send(ask("POST", "_tx").named(id).body(body))
}

#[test]
fn a_repeat_is_answered_as_the_first_time_and_done_once() {
    let mut world = World::new();
    let id = world.batch_id(0).to_string();
    world.put("orders/o1", json!({ "n": 0 })).expect(201);
    let body = json!({ "ops": [{ "patch": "orders/o1", "increment": { "n": 1 } }] });
    let first = add(&mut world, &id, &body).expect(200);
    world.put("orders/o2", json!({})).expect(201);
    for _ in 0..3 {
        world.restart();
        assert_eq!(add(&mut world, &id, &body).expect(200).text, first.text);
    }
    assert_eq!(world.document("orders/o1")["n"], 1);
}

#[test]
fn every_kind_of_write_repeats_with_its_whole_answer() {
    let mut world = World::new();
    world.put("orders/old", json!({})).expect(201);
    let writes: [Ask; 6] = [
        ask("PUT", "orders/o1").body(&json!({ "a": 1 })),
        ask("PUT", "orders/old").body(&json!({ "a": 1 })),
        ask("PATCH", "orders/o1").body(&json!({ "a": 2 })),
        ask("POST", "orders").body(&json!({ "a": 3 })),
        ask("DELETE", "orders/o1"),
        ask("PUT", "orders/o1").header("if-none-match", "*").body(&json!({})),
    ];
    for (index, write) in writes.into_iter().enumerate() {
        let write = write.named(&format!("write-{index}"));
        let first = world.send(write.clone());
        assert!(first.status < 300, "{}", first.text);
        let rows = world.count("", "SELECT count(*) FROM log");
        world.put("elsewhere/x", json!({}));
        let mut again = world.send(write);
        // The token is of now, and so is what it cost.
        let of_now = ["selvedge-token", "selvedge-cost"];
        again.headers.retain(|(name, _)| !of_now.contains(name));
        let before: Vec<_> = first.headers.iter().filter(|(name, _)| !of_now.contains(name)).cloned().collect();
        assert_eq!((again.status, again.headers, again.text), (first.status, before, first.text));
        assert_eq!(world.count("", "SELECT count(*) FROM log"), rows + 1);
    }
}

#[test]
fn a_message_that_the_platform_repeats_is_carried_out_once() {
    let mut world = World::new();
    world.put("orders/o1", json!({ "n": 0 })).expect(201);
    world.put("orders/old", json!({})).expect(201);
    let document = |text: &str| DocumentRef::parse(text).expect("a document");
    let write = |text: &str, verb, only_if| PartitionCall::Write { document: document(text), verb, only_if };
    let calls = [
        (PartitionCall::Insert { collection: document("orders/x").collection }, json!({ "made": true })),
        (PartitionCall::Batch, json!({ "ops": [{ "patch": "orders/o1", "increment": { "n": 1 } }] })),
        (PartitionCall::Batch, json!({ "ops": [{ "insert": "orders/o2", "body": {} }] })),
        (write("orders/o1", Verb::Put, Some(Precondition::Version(3))), json!({ "n": 5 })),
        (write("orders/o3", Verb::Put, Some(Precondition::Absent)), json!({})),
        (write("orders/old", Verb::Delete, None), json!({})),
    ];
    for (call, body) in calls {
        let batch = world.batch_id(0);
        let key = Key::parse("").expect("a key");
        let request = PartitionRequest {
            db: DatabaseName::parse("shop").expect("a name"),
            key,
            bearer: Bearer::Root,
            batch,
            named: false,
            origin: None,
            call,
        };
        let body = body.to_string();
        let first = world.ask_partition(&request, body.as_bytes());
        let rows = world.count("", "SELECT count(*) FROM log");
        for _ in 0..2 {
            let again = world.ask_partition(&request, body.as_bytes());
            assert_eq!((again.status, &again.body), (first.status, &first.body), "{:?}", request.call);
            world.restart();
        }
        assert!(first.status < 300 || first.status == 412, "{}", first.body);
        assert_eq!(world.count("", "SELECT count(*) FROM log"), rows);
    }
    assert_eq!(world.ids(json!({ "from": "orders", "where": ["=", "made", true] })).len(), 1);
}

#[test]
fn the_same_id_for_anything_else_is_refused() {
    let mut world = World::new();
    let id = "the-one";
    world.send(ask("PUT", "orders/o1").named(id).body(&json!({ "a": 1 }))).expect(201);
    let others = [
        ask("PUT", "orders/o1").body(&json!({ "a": 2 })),
        ask("PUT", "orders/o2").body(&json!({ "a": 1 })),
        ask("PATCH", "orders/o1").body(&json!({ "a": 1 })),
        ask("PUT", "orders/o1").header("if-match", "*").body(&json!({ "a": 1 })),
        ask("DELETE", "orders/o1"),
        ask("POST", "orders").body(&json!({ "a": 1 })),
        ask("POST", "_tx").body(&json!({ "ops": [] })),
    ];
    for other in others {
        world.send(other.named(id)).refused(409, "batch_reused");
    }
    assert_eq!(world.document("orders/o1")["_version"], 1);
}

#[test]
fn the_id_in_the_body_of_a_batch_counts_as_the_header_does() {
    let mut world = World::new();
    let body = json!({ "id": "mine", "ops": [{ "insert": "orders/o1", "body": {} }] });
    let first = world.tx(body.clone()).expect(200);
    assert_eq!(world.tx(body).expect(200).text, first.text);
    world.tx(json!({ "id": "mine", "ops": [{ "insert": "orders/o2", "body": {} }] })).refused(409, "batch_reused");
    world.send(ask("DELETE", "orders/o1").named("mine")).refused(409, "batch_reused");
}

#[test]
fn ids_are_of_a_key() {
    let mut world = World::new();
    world.send(ask("PUT", "orders/acme/o1").named("both").body(&json!({}))).expect(201);
    world.send(ask("PUT", "orders/beta/o1").named("both").body(&json!({}))).expect(201);
}

#[test]
fn a_rejection_that_was_named_is_final() {
    let mut world = World::with(json!({
        "users": { "fields": {
            "mail": { "type": "string", "unique": true },
            "age": { "type": "int", "optional": true, "check": [">", "age", 0] },
            "boss": { "ref": "users", "optional": true }
        } }
    }));
    world.put("users/ann", json!({ "mail": "ann@example.org" })).expect(201);
    let rejected = [
        (json!([{ "insert": "users/ann", "body": { "mail": "x" } }]), 409, "exists"),
        (json!([{ "insert": "users/bob", "body": { "mail": "ann@example.org" } }]), 409, "unique_violation"),
        (json!([{ "insert": "users/bob", "body": { "mail": "b", "boss": "eve" } }]), 409, "ref_violation"),
        (json!([{ "insert": "users/bob", "body": { "mail": "b", "age": 0 } }]), 409, "check_failed"),
        (json!([{ "insert": "users/bob", "body": { "mail": 5 } }]), 422, "invalid_document"),
        (json!([{ "delete": "users/bob" }]), 404, "not_found"),
        (json!([{ "delete": "users/ann", "version": 9 }]), 409, "conflict"),
        (json!([{ "check": "users/ann", "where": ["=", "mail", "x"] }]), 409, "check_failed"),
    ];
    let mut told = Vec::new();
    for (index, (operations, status, code)) in rejected.iter().enumerate() {
        let body = json!({ "ops": operations });
        told.push(add(&mut world, &format!("r{index}"), &body).refused(*status, code));
    }
    // Now most of them could be committed.
    world.delete("users/ann").expect(200);
    world.put("users/eve", json!({ "mail": "eve" })).expect(201);
    world.put("users/bob", json!({ "mail": "b" })).expect(201);
    world.restart();
    for (index, (operations, _, _)) in rejected.iter().enumerate() {
        let again = add(&mut world, &format!("r{index}"), &json!({ "ops": operations }));
        assert_eq!((again.status, again.text), (told[index].status, told[index].text.clone()));
        let other = json!({ "ops": [{ "delete": "users/eve" }] });
        add(&mut world, &format!("r{index}"), &other).refused(409, "batch_reused");
    }
    world.get("users/eve").expect(200);
}

#[test]
fn a_single_write_that_was_refused_stays_refused_too() {
    let mut world = World::new();
    world.put("orders/o0", json!({})).expect(201);
    let put = ask("PUT", "orders/o1").named("p").header("if-match", "*").body(&json!({}));
    let first = world.send(put.clone()).refused(412, "version_mismatch");
    world.put("orders/o1", json!({})).expect(201);
    assert_eq!(world.send(put).refused(412, "version_mismatch").text, first.text);
    let patch = ask("PATCH", "orders/o2").named("q").body(&json!({}));
    world.send(patch.clone()).refused(404, "not_found");
    world.put("orders/o2", json!({})).expect(201);
    world.send(patch).refused(404, "not_found");
}

#[test]
fn a_rejection_that_nobody_named_leaves_nothing() {
    let mut world = World::new();
    world.put("orders/o1", json!({})).expect(201);
    let rows = |world: &mut World| {
        (world.count("", "SELECT count(*) FROM log"), world.count("", "SELECT count(*) FROM receipt"))
    };
    let before = rows(&mut world);
    world.ops(json!([{ "insert": "orders/o1", "body": {} }])).refused(409, "exists");
    world.delete("orders/o2").refused(404, "not_found");
    assert_eq!(rows(&mut world), before);
}

#[test]
fn what_is_wrong_in_itself_may_be_mended_under_the_same_id() {
    let mut world = World::new();
    world.put("orders/o0", json!({})).expect(201);
    for wrong in ["{", "{\"ops\": 1}", "{\"ops\": [{}]}", "{\"ops\": [{\"insert\": \"orders/o1\"}]}"] {
        assert_eq!(world.send(ask("POST", "_tx").named("mend").text(wrong)).status, 400, "{wrong}");
    }
    add(&mut world, "mend", &json!({ "ops": [{ "insert": "orders/o1", "body": {} }] })).expect(200);
}

#[test]
fn ids_older_than_receipts_and_ids_of_the_future_are_refused() {
    let mut world = World::new();
    let body = json!({ "ops": [{ "insert": "orders/o1", "body": {} }] });
    let old = world.batch_id(-7 * DAY - SECOND).to_string();
    let ahead = world.batch_id(5 * 60 * SECOND + SECOND).to_string();
    for _ in 0..2 {
        // The first time before the key is in use, the second time after.
        add(&mut world, &old, &body).refused(400, "batch_expired");
        add(&mut world, &ahead, &body).refused(400, "invalid_batch_id");
        world.put("orders/o0", json!({}));
    }
    let upper = old.to_uppercase();
    add(&mut world, &upper, &body).refused(400, "batch_expired");
    let almost_old = world.batch_id(-7 * DAY + 5 * 60 * SECOND + SECOND).to_string();
    add(&mut world, &almost_old, &body).expect(200);
    let almost_ahead = world.batch_id(5 * 60 * SECOND - SECOND).to_string();
    add(&mut world, &almost_ahead, &json!({ "ops": [] })).expect(200);
}

#[test]
fn an_id_is_never_run_again_however_late_it_comes() {
    let mut world = World::new();
    let id = world.batch_id(4 * 60 * SECOND).to_string();
    let body = json!({ "ops": [{ "insert": "orders/o1", "body": {} }] });
    let first = add(&mut world, &id, &body).expect(200);
    world.delete("orders/o1").expect(200);
    let mut expired = 0;
    for hour in 0..24 * 9 {
        world.pass(3600 * SECOND);
        world.put("orders/other", json!({ "hour": hour }));
        let again = add(&mut world, &id, &body);
        if again.status == 200 {
            assert_eq!((again.text, expired), (first.text.clone(), 0), "hour {hour}");
        } else {
            expired += 1;
            again.refused(400, "batch_expired");
        }
    }
    assert!(expired > 24, "receipts are kept for ever");
    world.get("orders/o1").refused(404, "not_found");
}
