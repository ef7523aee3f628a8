//! Who may ask, what is made for whom, and what is left of a database that is deleted.

use selvedge::id::{CollectionName, DatabaseName, Key};
use selvedge::store::Store;
use selvedge::wire::{Bearer, PartitionCall, PartitionRequest};
use serde_json::json;

use crate::world::{Ask, DB, SECOND, World, ask};

/// Makes an API key and gives its token.
fn key(world: &mut World, name: &str, role: &str) -> String {
    let made = world.send(ask("POST", "_keys").body(&json!({ "name": name, "role": role }))).expect(201);
    made.json["key"].as_str().expect("a key").to_owned()
}

/// The tables of a partition that was asked, by name.
fn tables(world: &mut World, key: &str) -> Vec<String> {
    let Some(partition) = world.partitions.get_mut(&Key::parse(key).expect("a key")) else { return Vec::new() };
    let found = partition.store().run("SELECT name FROM sqlite_master WHERE type = 'table'", &[]).expect("tables");
    found.rows.into_iter().map(|row| format!("{:?}", row[0])).collect()
}

fn requests() -> Vec<(Ask, &'static str)> {
    vec![
        (ask("GET", "notes/a"), "read"),
        (ask("POST", "_query").body(&json!({ "from": "notes" })), "read"),
        (ask("GET", "_schema"), "read"),
        (ask("PUT", "notes/b").body(&json!({})), "write"),
        (ask("PATCH", "notes/b").body(&json!({})), "write"),
        (ask("DELETE", "notes/b"), "write"),
        (ask("POST", "notes").body(&json!({})), "write"),
        (ask("POST", "_tx").body(&json!({ "ops": [{ "replace": "notes/b", "body": {} }] })), "write"),
        (ask("PUT", "_schema").body(&json!({ "collections": { "notes": {} } })), "admin"),
        (ask("GET", "_keys"), "admin"),
        (ask("POST", "_keys").body(&json!({ "name": "other", "role": "admin" })), "admin"),
        (ask("DELETE", "_keys/other"), "admin"),
    ]
}

#[test]
fn each_role_may_do_its_own_and_what_those_before_it_may() {
    let mut world = World::with(json!({ "notes": {} }));
    let roles = ["read", "write", "admin"];
    let tokens: Vec<String> = roles.iter().map(|role| key(&mut world, role, role)).collect();
    world.put("notes/a", json!({})).expect(201);
    for (request, needs) in requests() {
        let least = roles.iter().position(|role| *role == needs).expect("a role");
        for (rank, token) in tokens.iter().enumerate() {
            // What one deletes, the next finds again.
            assert!(world.put("notes/b", json!({})).status < 300);
            let reply = world.send(request.clone().token(token));
            if rank < least {
                reply.refused(403, "forbidden");
            } else {
                assert!(reply.status < 300, "{} {} as {}: {}", request.method, request.path, roles[rank], reply.text);
            }
        }
        for nobody in ["", "sv_made_up", "Root"] {
            let reply = world.send(request.clone().token(nobody)).refused(401, "unauthenticated");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }
    for method in ["PUT", "DELETE"] {
        let reply = world.send(ask(method, "").token(&tokens[2]));
        assert!([401, 403].contains(&reply.status), "{}", reply.text);
    }
}

#[test]
fn nobody_learns_whether_there_is_a_database() {
    let mut there = World::with(json!({ "notes": {} }));
    let mut not_there = World::empty(1);
    for (request, _) in requests() {
        for nobody in ["", "sv_made_up"] {
            let one = there.send(request.clone().token(nobody));
            let other = not_there.send(request.clone().token(nobody));
            assert_eq!((one.status, one.text), (other.status, other.text), "{} {}", request.method, request.path);
        }
        not_there.send(request).refused(404, "unknown_database");
    }
}

#[test]
fn a_key_that_is_made_later_is_known_wherever_strangers_were_turned_away() {
    let mut world = World::with(json!({ "notes": {} }));
    world.put("notes/a", json!({})).expect(201);
    for number in 0..100 {
        world.send(ask("GET", "notes/a").token(&format!("sv_{number}"))).refused(401, "unauthenticated");
    }
    let token = key(&mut world, "late", "write");
    world.send(ask("GET", "notes/a").token(&token)).expect(200);
    world.send(ask("PUT", "notes/b").token(&token).body(&json!({}))).expect(201);
    world.send(ask("GET", "notes/a").token("sv_5")).refused(401, "unauthenticated");
}

#[test]
fn a_revoked_key_is_unknown_at_once_and_its_name_is_free() {
    let mut world = World::with(json!({ "notes": {} }));
    let first = key(&mut world, "app", "write");
    world.send(ask("POST", "_keys").body(&json!({ "name": "app", "role": "read" }))).refused(409, "exists");
    for name in ["acme/a", "bert/a"] {
        world.send(ask("PUT", &format!("notes/{name}")).token(&first).body(&json!({}))).expect(201);
    }
    world.send(ask("DELETE", "_keys/app")).expect(204);
    let second = key(&mut world, "app", "read");
    for _ in 0..2 {
        for name in ["acme/a", "bert/a", "cleo/a"] {
            world.send(ask("GET", &format!("notes/{name}")).token(&first)).refused(401, "unauthenticated");
        }
        world.send(ask("GET", "notes/acme/a").token(&second)).expect(200);
        world.send(ask("PUT", "notes/acme/a").token(&second).body(&json!({}))).refused(403, "forbidden");
        world.restart();
    }
    world.send(ask("DELETE", "_keys/none")).refused(404, "unknown_route");
    let listed = world.send(ask("GET", "_keys")).expect(200);
    assert_eq!(listed.json["keys"].as_array().map(Vec::len), Some(1));
    assert!(!listed.text.contains("sv_"), "{}", listed.text);
}

#[test]
fn reading_where_nothing_is_makes_nothing() {
    let mut world = World::with(json!({ "notes": {} }));
    world.get("notes/acme/a").refused(404, "not_found");
    assert!(world.ids(json!({ "from": "notes", "key": "acme" })).is_empty());
    assert!(world.ids(json!({ "from": "notes" })).is_empty());
    world.query(json!({ "from": "nothing", "key": "acme" })).refused(404, "unknown_collection");
    let notes = CollectionName::parse("notes").expect("a name");
    let export = PartitionCall::Export { collection: Some(notes), after: None };
    assert_eq!(world.call("acme", export, "").expect(200).text, "");
    for key in ["acme", ""] {
        assert_eq!(tables(&mut world, key), Vec::<String>::new(), "{key:?}");
    }
    assert_eq!(world.keys_in_use(), json!([]));
}

#[test]
fn a_write_that_is_refused_takes_no_key_into_use() {
    let schema = json!({
        "notes": { "fields": { "n": { "type": "int", "optional": true }, "by": { "ref": "users", "optional": true } }, "indexes": [["text"]] },
        "users": {},
    });
    let mut world = World::with(schema);
    let read = key(&mut world, "reader", "read");
    let large = "x".repeat(1 << 20);
    let refused = [
        ask("PUT", "notes/acme/a").text("{"),
        ask("PUT", "notes/acme/a").body(&json!({ "n": "no number" })),
        ask("PUT", "notes/acme/a").body(&json!({ "text": "x".repeat(2_000) })),
        ask("PUT", "notes/acme/a").body(&json!({ "large": large })),
        ask("PUT", "notes/acme/a").body(&json!({ "by": "acme/nobody" })),
        ask("PUT", "notes/acme/a").body(&json!({ "by": "bert/nobody" })),
        ask("PUT", "notes/acme/a").body(&json!({})).token(&read),
        ask("PUT", "notes/acme/a").body(&json!({})).header("if-match", "*"),
        ask("PATCH", "notes/acme/a").body(&json!({})),
        ask("DELETE", "notes/acme/a"),
        ask("DELETE", "notes/acme/a").named("twice"),
        ask("POST", "_tx").body(&json!({ "ops": [{ "check": "notes/acme/a", "where": ["=", "n", 1] }] })),
    ];
    for request in refused {
        let reply = world.send(request.clone());
        assert!(reply.status >= 400 && reply.status < 500, "{} {} {}", request.method, request.body.len(), reply.text);
        assert_eq!(world.keys_in_use(), json!([]), "{}", reply.text);
        assert_eq!(tables(&mut world, "acme"), Vec::<String>::new(), "{}", reply.text);
    }
    let failed = world.import("acme", &["nothing", r#"["notes",{"id":"acme/a","n":"no number"}]"#]).expect(200);
    assert_eq!(failed.json["failed"], 2);
    assert_eq!(world.keys_in_use(), json!([]));
    world.put("notes/acme/a", json!({})).expect(201);
    assert_eq!(world.keys_in_use(), json!(["acme"]));
}

#[test]
fn queries_without_a_key_are_answered_while_one_key_is_in_use() {
    let mut world = World::with(json!({ "notes": {} }));
    let all = json!({ "from": "notes" });
    world.put("notes/acme/a", json!({})).expect(201);
    // The router asks the partition of the empty key, which sends it on.
    assert_eq!(world.ids(all.clone()), ["acme/a"]);
    let db = DatabaseName::parse(DB).expect("a name");
    let elsewhere = world.call("bert", PartitionCall::Query { whole: true }, &all.to_string()).expect(421);
    assert_eq!(elsewhere.header("selvedge-elsewhere"), Some("acme"));
    world.put("notes/bert/b", json!({})).expect(201);
    for asked in ["", "acme", "bert", "cleo"] {
        world.call(asked, PartitionCall::Query { whole: true }, &all.to_string()).refused(400, "several_keys");
        let request = PartitionRequest {
            db: db.clone(),
            key: Key::parse(asked).expect("a key"),
            bearer: Bearer::Nobody,
            batch: world.batch_id(0),
            named: false,
            origin: None,
            call: PartitionCall::Query { whole: true },
        };
        assert_eq!(world.ask_partition(&request, all.to_string().as_bytes()).status, 401);
    }
    assert_eq!(world.ids(json!({ "from": "notes", "key": "acme" })), ["acme/a"]);
    world.restart();
    world.query(all).refused(400, "several_keys");
}

#[test]
fn a_deleted_database_leaves_nothing_to_its_successor() {
    let mut world = World::with(json!({ "notes": { "fields": { "n": { "type": "int" } }, "unique": [["n"]] } }));
    let old = key(&mut world, "app", "admin");
    world.put("notes/acme/a", json!({ "n": 1 })).expect(201);
    world.put("notes/bert/a", json!({ "n": 1 })).expect(201);
    let first = world.time();
    world.send(ask("PUT", "notes/acme/n").body(&json!({ "n": 2 })).named("same")).expect(201);
    world.send(ask("DELETE", "")).expect(204);
    world.restart();
    for request in [
        ask("GET", "notes/acme/a"),
        ask("PUT", "notes/acme/b").body(&json!({})),
        ask("GET", "_schema"),
        ask("DELETE", ""),
    ] {
        world.send(request.clone()).refused(404, "unknown_database");
        assert!([401, 403].contains(&world.send(request.token(&old)).status));
    }
    for key in ["acme", "bert"] {
        assert_eq!(tables(&mut world, key).len(), 1, "{:?}", tables(&mut world, key));
        assert_eq!(world.count(key, "SELECT count(*) FROM meta"), 1);
    }
    world.pass(60 * SECOND);
    world.send(ask("PUT", "")).expect(201);
    assert_eq!(
        world.send(ask("GET", "_schema")).expect(200).json,
        json!({ "version": 0, "schema": { "collections": {} } })
    );
    for _ in 0..2 {
        world.get("notes/acme/a").refused(404, "not_found");
        world.get_at("notes/acme/a", &first).refused(404, "not_found");
        world.send(ask("GET", "notes/acme/a").token(&old)).refused(401, "unauthenticated");
        world.restart();
    }
    assert_eq!(world.keys_in_use(), json!([]));
    // Neither the former schema nor a former batch is remembered.
    let put = ask("PUT", "notes/acme/a").body(&json!({ "n": "text" })).named("same");
    assert_eq!(world.send(put).expect(201).version(), 1);
    assert_eq!(world.ids(json!({ "from": "notes" })), ["acme/a"]);
    world.send(ask("PUT", "")).refused(409, "exists");
}
