//! Reading at an earlier time.

use serde_json::{Value, json};

use crate::world::{DAY, SECOND, World};

#[test]
fn a_document_is_read_as_it_was() {
    let mut world = World::new();
    let before = world.time();
    let mut past: Vec<(String, Option<Value>)> = Vec::new();
    let mut then = |world: &mut World| {
        let document = world.get("orders/o1");
        world.now += SECOND;
        past.push((world.time(), (document.status == 200).then_some(document.json)));
        world.now += SECOND;
    };
    world.put("orders/o1", json!({ "v": 1 })).expect(201);
    then(&mut world);
    world.patch("orders/o1", json!({ "v": 2 })).expect(200);
    then(&mut world);
    world.delete("orders/o1").expect(200);
    then(&mut world);
    world.put("orders/o2", json!({})).expect(201);
    then(&mut world);
    world.put("orders/o1", json!({ "v": 3 })).expect(201);
    then(&mut world);
    world.put("orders/o1", json!({ "v": 4 })).expect(200);
    then(&mut world);
    world.get_at("orders/o1", &before).refused(404, "not_found");
    for (at, document) in past {
        world.restart();
        let read = world.get_at("orders/o1", &at);
        match document {
            Some(document) => {
                let read = read.expect(200);
                assert_eq!(read.header("etag"), Some(format!("\"{}\"", document["_version"]).as_str()));
                assert_eq!(read.json, document);
            }
            None => drop(read.refused(404, "not_found")),
        }
    }
}

#[test]
fn the_time_of_a_commit_is_the_first_at_which_it_is_seen() {
    let mut world = World::new();
    let first = world.put("orders/o1", json!({ "v": 1 })).expect(201).json["time"].clone();
    world.now -= 10 * SECOND;
    let batch = json!([{ "replace": "orders/o1", "body": { "v": 2 } }, { "insert": "orders/o2", "body": {} }]);
    let second = world.ops(batch).expect(200).json["time"].clone();
    let (first, second) = (first.as_str().expect("a time"), second.as_str().expect("a time"));
    assert_eq!(world.get_at("orders/o1", first).expect(200).json["v"], 1);
    world.get_at("orders/o2", first).refused(404, "not_found");
    assert_eq!(world.get_at("orders/o1", second).expect(200).json["v"], 2);
    world.get_at("orders/o2", second).expect(200);
}

#[test]
fn a_query_is_answered_as_it_was() {
    let mut world = World::with(json!({
        "users": { "relations": { "orders": { "from": "orders", "by": "user" } } },
        "orders": { "fields": {
            "user": { "ref": "users", "onDelete": "clear", "optional": true }, "n": { "type": "int" }
        }, "indexes": ["n"] }
    }));
    let trees = [
        json!({ "from": "orders", "orderBy": [["n", "desc"]] }),
        json!({ "from": "orders", "where": [">", "n", 1], "include": { "user": {} } }),
        json!({ "from": "users", "include": { "orders": { "orderBy": [["n", "asc"]], "limit": 1 } } }),
        json!({ "from": "users", "where": ["exists", "orders", ["<", "n", 2]] }),
        json!({ "from": "orders", "aggregate": { "n": ["count"], "sum": ["sum", "n"] }, "groupBy": ["user"] }),
        json!({ "from": "orders", "join": { "u": { "from": "users", "on": [["user", "id"]] } }, "limit": 2 }),
    ];
    let steps = [
        json!([{ "insert": "users/ann", "body": {} }, { "insert": "orders/o1", "body": { "user": "ann", "n": 1 } }]),
        json!([{ "insert": "orders/o2", "body": { "user": "ann", "n": 2 } }, { "patch": "orders/o1", "set": { "n": 3 } }]),
        json!([{ "delete": "orders/o1" }]),
        json!([{ "insert": "users/bob", "body": {} }, { "insert": "orders/o1", "body": { "user": "bob", "n": 1 } }]),
        json!([{ "delete": "users/ann" }]),
        json!([{ "delete": "users/bob" }, { "delete": "orders/o1" }, { "delete": "orders/o2" }]),
    ];
    let mut past = Vec::new();
    for step in steps {
        world.ops(step).expect(200);
        for tree in &trees {
            let reply = world.query(tree.clone());
            if reply.status == 400 {
                panic!("{tree}: {}", reply.text);
            }
            past.push((world.time(), tree.clone(), reply.expect(200).json));
            world.now += SECOND;
        }
    }
    for (at, mut tree, then) in past {
        tree["at"] = json!(at);
        let now = world.query(tree.clone()).expect(200).json;
        assert_eq!((&now["rows"], &now["digest"]), (&then["rows"], &then["digest"]), "{tree}");
    }
}

#[test]
fn times_that_are_not_kept_or_still_to_come_are_refused() {
    let mut world = World::new();
    let put = |world: &mut World| world.put("orders/o1", json!({})).json["time"].as_str().expect("a time").to_owned();
    let first = put(&mut world);
    let ahead = selvedge::time::Time::from_micros(world.now + 10 * SECOND).to_string();
    world.get_at("orders/o1", &ahead).refused(400, "time_out_of_range");
    world.query(json!({ "from": "orders", "at": ahead })).refused(400, "time_out_of_range");
    for at in ["yesterday", "2027", "", "2027-01-15T08:00:00"] {
        assert_eq!(world.get_at("orders/o1", at).status, 400, "{at}");
    }
    for _ in 0..3 {
        world.pass(8 * DAY);
        put(&mut world);
    }
    let early = selvedge::time::Time::parse(&first).map(|time| time.micros() - 1).expect("a time");
    let early = selvedge::time::Time::from_micros(early).to_string();
    let refused = world.get_at("orders/o1", &early).refused(400, "time_out_of_range");
    assert!(refused.json["keptFrom"].is_string());
    world.query(json!({ "from": "orders", "at": early })).refused(400, "time_out_of_range");
}

#[test]
fn what_has_not_changed_since_the_log_was_cut_is_still_seen() {
    let mut world = World::new();
    world.put("orders/still", json!({ "v": 1 })).expect(201);
    world.put("orders/o1", json!({ "v": 1 })).expect(201);
    for _ in 0..3 {
        world.pass(5 * DAY);
        world.put("orders/o1", json!({ "v": 2 })).expect(200);
    }
    world.pass(SECOND);
    let now = world.now;
    for hours in 0..24 * 6 {
        let at = selvedge::time::Time::from_micros(now - hours * 3600 * SECOND).to_string();
        assert_eq!(world.get_at("orders/still", &at).expect(200).json["v"], 1, "{hours} hours ago");
        assert_eq!(world.ids(json!({ "from": "orders", "at": at })).len(), 2, "{hours} hours ago");
        world.restart();
    }
}

#[test]
fn a_time_reads_the_same_however_often_it_is_read() {
    let mut world = World::new();
    world.put("orders/o1", json!({ "v": 1 })).expect(201);
    world.now += SECOND;
    // A platform's clock stands still for a while: what comes next has this time too.
    let at = selvedge::time::Time::from_micros(world.now + 1_000).to_string();
    let read = world.get_at("orders/o1", &at);
    world.now -= 1_000;
    world.put("orders/o1", json!({ "v": 2 })).expect(200);
    let again = world.get_at("orders/o1", &at);
    assert!(read.status != 200 || read.json == again.json, "{} became {}", read.text, again.text);
}
