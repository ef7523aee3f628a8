//! One document at a time: put, patch, delete, insert, and their preconditions.

use serde_json::json;

use crate::world::{World, ask};

#[test]
fn a_document_is_created_replaced_and_deleted() {
    let mut world = World::new();
    let created = world.put("orders/acme/o1", json!({ "total": 3 })).expect(201);
    assert_eq!(created.json["id"], "acme/o1");
    assert_eq!(created.header("etag"), Some("\"1\""));
    let replaced = world.put("orders/acme/o1", json!({ "paid": true })).expect(200);
    let document = world.document("orders/acme/o1");
    assert_eq!(
        document,
        json!({ "id": "acme/o1", "paid": true, "_version": replaced.version(), "_time": replaced.json["time"] })
    );
    let deleted = world.delete("orders/acme/o1").expect(200);
    assert_eq!((&deleted.json["version"], deleted.header("etag")), (&json!(null), None));
    world.get("orders/acme/o1").refused(404, "not_found");
    world.delete("orders/acme/o1").refused(404, "not_found");
    world.patch("orders/acme/o1", json!({ "total": 1 })).refused(404, "not_found");
}

#[test]
fn versions_are_the_log_sequences_of_commits() {
    let mut world = World::new();
    assert_eq!(world.put("orders/o1", json!({})).version(), 1);
    assert_eq!(world.put("orders/o2", json!({})).version(), 2);
    assert_eq!(world.patch("orders/o1", json!({ "a": 1 })).version(), 3);
    world.delete("orders/o1").expect(200);
    assert_eq!(world.put("orders/o1", json!({})).version(), 5, "a delete has a sequence of its own");
    let both = world.ops(json!([{ "replace": "orders/o1", "body": {} }, { "insert": "lines/l1", "body": {} }]));
    assert_eq!(both.json["results"], json!([{ "id": "o1", "version": 6 }, { "id": "l1", "version": 7 }]));
    world.restart();
    assert_eq!(world.put("orders/o2", json!({})).version(), 8, "the log goes on where it was");
}

#[test]
fn every_change_gives_a_new_version_even_one_that_changes_nothing() {
    let mut world = World::new();
    let first = world.put("orders/o1", json!({ "a": 1 })).version();
    let second = world.put("orders/o1", json!({ "a": 1 })).version();
    let third = world.patch("orders/o1", json!({})).version();
    assert!(first < second && second < third);
}

#[test]
fn times_rise_even_when_the_clock_falls() {
    let mut world = World::new();
    let first = world.put("orders/o1", json!({})).json["time"].as_str().expect("a time").to_owned();
    world.now -= 60_000_000;
    let second = world.put("orders/o1", json!({})).json["time"].as_str().expect("a time").to_owned();
    assert!(first < second);
    world.restart();
    let third = world.put("orders/o1", json!({})).json["time"].as_str().expect("a time").to_owned();
    assert!(second < third);
}

#[test]
fn a_body_may_carry_the_members_of_the_system_as_it_was_read() {
    let mut world = World::new();
    world.put("orders/acme/o1", json!({ "a": 1 })).expect(201);
    let read = world.document("orders/acme/o1");
    world.put("orders/acme/o1", read.clone()).expect(200);
    world.patch("orders/acme/o1", read.clone()).expect(200);
    let now = world.document("orders/acme/o1");
    assert_eq!(now["_version"], 3, "what the body says of versions and times is not believed");
    assert_ne!(now["_time"], read["_time"]);
    world.ops(json!([{ "insert": "orders/acme/o2", "body": { "id": "acme/o2", "_version": 99, "_time": "x" } }]));
    assert_eq!(world.document("orders/acme/o2")["_version"], 4);
}

#[test]
fn a_body_with_another_id_or_other_names_of_the_system_is_refused() {
    let mut world = World::new();
    world.put("orders/o1", json!({ "a": 1 })).expect(201);
    for body in [json!({ "id": "o2" }), json!({ "id": 1 }), json!({ "id": null }), json!({ "_mine": 1 })] {
        world.put("orders/o1", body.clone()).refused(422, "invalid_document");
        world.patch("orders/o1", body.clone()).refused(422, "invalid_document");
        world.ops(json!([{ "replace": "orders/o1", "body": body }])).refused(422, "invalid_document");
    }
    world.send(ask("POST", "orders").body(&json!({ "id": 7 }))).refused(400, "invalid_id");
    assert_eq!(world.document("orders/o1")["_version"], 1, "nothing was written");
}

#[test]
fn a_merge_patch_merges_as_rfc_7396_says() {
    let cases = [
        (json!({ "a": "b" }), json!({ "a": "c" }), json!({ "a": "c" })),
        (json!({ "a": "b" }), json!({ "b": "c" }), json!({ "a": "b", "b": "c" })),
        (json!({ "a": "b" }), json!({ "a": null }), json!({})),
        (json!({ "a": "b", "b": "c" }), json!({ "a": null }), json!({ "b": "c" })),
        (json!({ "a": ["b"] }), json!({ "a": "c" }), json!({ "a": "c" })),
        (json!({ "a": "c" }), json!({ "a": ["b"] }), json!({ "a": ["b"] })),
        (json!({ "a": { "b": "c" } }), json!({ "a": { "b": "d", "c": null } }), json!({ "a": { "b": "d" } })),
        (json!({ "a": [{ "b": "c" }] }), json!({ "a": [1] }), json!({ "a": [1] })),
        (json!({ "e": null }), json!({ "a": 1 }), json!({ "e": null, "a": 1 })),
        (json!({}), json!({ "a": { "bb": { "ccc": null } } }), json!({ "a": { "bb": {} } })),
        (json!({ "a": "foo" }), json!({ "a": { "b": null } }), json!({ "a": {} })),
    ];
    let mut world = World::new();
    for (before, patch, mut after) in cases {
        world.put("orders/o1", before.clone());
        let patched = world.patch("orders/o1", patch.clone()).expect(200);
        after["id"] = json!("o1");
        after["_version"] = patched.json["version"].clone();
        after["_time"] = patched.json["time"].clone();
        assert_eq!(world.document("orders/o1"), after, "{before} patched with {patch}");
    }
}

#[test]
fn an_insert_makes_an_id_under_the_key_unless_the_body_brings_one() {
    let mut world = World::new();
    let made = world.send(ask("POST", "orders").query("key=acme").body(&json!({ "a": 1 }))).expect(201);
    let id = made.json["id"].as_str().expect("an id");
    assert!(id.starts_with("acme/") && id.len() == "acme/".len() + 36);
    assert_eq!(made.header("location"), Some(format!("/v1/shop/orders/{id}").as_str()));
    assert_eq!(world.document(&format!("orders/{id}"))["a"], 1);
    let made = world.send(ask("POST", "orders").body(&json!({}))).expect(201);
    assert_eq!(made.json["id"].as_str().map(str::len), Some(36));
    let brought = world.send(ask("POST", "orders").body(&json!({ "id": "ümlaut/o 1" }))).expect(201);
    assert_eq!(brought.header("location"), Some("/v1/shop/orders/%C3%BCmlaut/o%201"));
    world.send(ask("POST", "orders").body(&json!({ "id": "ümlaut/o 1" }))).refused(409, "exists");
}

#[test]
fn preconditions_hold_or_nothing_happens() {
    let mut world = World::new();
    let put = |etag: &str| ask("PUT", "orders/o1").header("if-match", etag).body(&json!({ "v": 1 }));
    let fresh = || ask("PUT", "orders/o1").header("if-none-match", "*").body(&json!({ "v": 2 }));
    world.send(put("*")).refused(412, "version_mismatch");
    world.send(put("\"1\"")).refused(412, "version_mismatch");
    world.send(fresh()).expect(201);
    let refused = world.send(fresh()).refused(412, "version_mismatch");
    assert_eq!(refused.json["version"], 1);
    assert_eq!(refused.json.get("operation"), None, "a request for one document has no operations");
    world.send(put("\"1\"")).expect(200);
    world.send(put("\"1\"")).refused(412, "version_mismatch");
    world.send(put("*")).expect(200);
    let patch = |etag| ask("PATCH", "orders/o1").header("if-match", etag).body(&json!({ "v": 3 }));
    world.send(patch("\"2\"")).refused(412, "version_mismatch");
    world.send(patch("\"3\"")).expect(200);
    let delete = |etag| ask("DELETE", "orders/o1").header("if-match", etag);
    world.send(delete("\"3\"")).refused(412, "version_mismatch");
    world.send(delete("\"4\"")).expect(200);
    world.send(delete("*")).refused(412, "version_mismatch");
    world.send(put("\"4\"")).refused(412, "version_mismatch");
    world.get("orders/o1").refused(404, "not_found");
}

#[test]
fn a_version_does_not_come_back_with_a_document_of_the_same_id() {
    let mut world = World::new();
    world.put("orders/o1", json!({})).expect(201);
    world.delete("orders/o1").expect(200);
    world.put("orders/o1", json!({})).expect(201);
    let old = ask("PUT", "orders/o1").header("if-match", "\"1\"").body(&json!({}));
    world.send(old).refused(412, "version_mismatch");
}

#[test]
fn a_read_that_knows_the_version_gets_no_body() {
    let mut world = World::new();
    world.put("orders/o1", json!({})).expect(201);
    let read = |etag: &str| ask("GET", "orders/o1").header("if-none-match", etag);
    let known = world.send(read("\"1\"")).expect(304);
    assert_eq!((known.text.as_str(), known.header("etag")), ("", Some("\"1\"")));
    world.patch("orders/o1", json!({})).expect(200);
    world.send(read("\"1\"")).expect(200);
}

#[test]
fn documents_under_other_keys_and_of_other_collections_are_others() {
    let mut world = World::new();
    world.put("orders/acme/o1", json!({ "n": 1 })).expect(201);
    world.put("orders/o1", json!({ "n": 2 })).expect(201);
    world.put("lines/o1", json!({ "n": 3 })).expect(201);
    world.put("orders/beta/o1", json!({ "n": 4 })).expect(201);
    for (document, n) in [("orders/acme/o1", 1), ("orders/o1", 2), ("lines/o1", 3), ("orders/beta/o1", 4)] {
        assert_eq!(world.document(document)["n"], n);
    }
    world.get("lines/acme/o1").refused(404, "not_found");
    assert_eq!(world.partitions.len(), 3);
}

#[test]
fn numbers_and_texts_come_back_as_they_were_meant() {
    let mut world = World::new();
    let texts = [
        (r#"{"a":1.0}"#, r#""a":1"#),
        (r#"{"a":-0.0}"#, r#""a":0"#),
        (r#"{"a":9007199254740993}"#, r#""a":9007199254740993"#),
        (r#"{"a":-9223372036854775808}"#, r#""a":-9223372036854775808"#),
        (r#"{"a":1e2}"#, r#""a":100"#),
        (r#"{"a":0.1}"#, r#""a":0.1"#),
        (r#"{"a":"\u00e9\ud83d\ude00"}"#, r#""a":"é😀""#),
    ];
    for (given, kept) in texts {
        world.send(ask("PUT", "orders/o1").text(given));
        assert!(world.get("orders/o1").text.contains(kept), "{given}: {}", world.get("orders/o1").text);
    }
    for wrong in [r#"{"a":"\u0000"}"#, r#"{"a":"\ud800"}"#, r#"{"a":1e400}"#, r#"{"a":1,"a":2}"#, "[]", "", "{"] {
        assert_eq!(world.send(ask("PUT", "orders/o1").text(wrong)).status, 400, "{wrong}");
    }
}

#[test]
fn a_document_that_is_too_large_is_refused_whole() {
    let mut world = World::new();
    let large = json!({ "a": "x".repeat(1 << 20) });
    world.put("orders/o1", large.clone()).refused(413, "too_large");
    world.get("orders/o1").refused(404, "not_found");
    world.put("orders/o1", json!({ "a": "x".repeat((1 << 20) - 200) })).expect(201);
    let both = json!([{ "patch": "orders/o1", "set": { "b": 1 } }, { "insert": "orders/o2", "body": large }]);
    world.ops(both).refused(413, "too_large");
    assert_eq!(world.document("orders/o1")["_version"], 1);
    world.patch("orders/o1", json!({ "b": "x".repeat(400) })).refused(413, "too_large");
    assert_eq!(world.put("orders/o3", json!({})).version(), 2, "what was refused took no sequence");
}
