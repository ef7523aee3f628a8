//! Keys that are not in use: what rules refuse there takes none, and is charged.

use serde_json::{Value, json};

use super::shop::world;
use super::world::{World, ask};

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
