//! How long a token or a key lasts, and what it costs to know.

use selvedge::catalog;
use selvedge::catalog::keys::token_hash;
use selvedge::id::{BatchId, DatabaseName, Key};
use selvedge::moment::Moment;
use selvedge::time::Time;
use selvedge::wire::{Bearer, CatalogCall, CatalogRequest, PartitionCall, PartitionRequest};
use serde_json::{Value, json};

use super::tokens::{SECRET, jwk, token};
use super::world::{DAY, DB, SECOND, World, ask};
use super::{claims, header, minted, settle, status, with_secret};

#[test]
fn a_signature_is_checked_once_in_each_partition() {
    let mut world = with_secret();
    let token = minted(&world, "ada");
    for _ in 0..10 {
        assert_eq!(status(&mut world, &token), 404);
    }
    assert_eq!(world.verified, 1);
    for _ in 0..3 {
        assert_eq!(world.send(ask("GET", "notes/a/n1").token(&token)).status, 404);
    }
    // A partition that holds nothing keeps no grant, and still knows the token.
    assert_eq!(world.verified, 2);
}

#[test]
fn a_bad_signature_is_checked_once_and_bad_ones_push_out_no_good_one() {
    let mut world = with_secret();
    let good = minted(&world, "ada");
    assert_eq!(status(&mut world, &good), 404);
    let forged = token(&header(), &claims(&world, "eve"), &[8; 32]);
    for _ in 0..10 {
        assert_eq!(status(&mut world, &forged), 401);
    }
    assert_eq!(world.verified, 2);
    for n in 0..1_000 {
        let forged = token(&header(), &claims(&world, &format!("eve{n}")), &[8; 32]);
        assert_eq!(status(&mut world, &forged), 401);
    }
    assert_eq!(world.verified, 1_002);
    assert_eq!(status(&mut world, &good), 404);
    assert_eq!(world.verified, 1_002);
}

#[test]
fn what_is_remembered_of_good_ones_is_bounded() {
    let mut world = with_secret();
    let tokens: Vec<String> = (0..300).map(|n| minted(&world, &format!("ada{n}"))).collect();
    for token in &tokens {
        assert_eq!(status(&mut world, token), 404);
    }
    assert_eq!(world.verified, 300);
    assert_eq!(status(&mut world, &tokens[299]), 404);
    assert_eq!(world.verified, 300);
    assert_eq!(status(&mut world, &tokens[0]), 404);
    assert_eq!(world.verified, 301);
}

#[test]
fn a_token_ends_with_its_time_though_its_signature_is_known() {
    let mut world = with_secret();
    let token = minted(&world, "ada");
    assert_eq!(status(&mut world, &token), 404);
    world.now += 3_600 * SECOND;
    // Sixty seconds its clock may differ.
    assert_eq!(status(&mut world, &token), 404);
    world.now += 61 * SECOND;
    let refused = world.send(ask("GET", "notes/n1").token(&token)).refused(401, "unauthenticated");
    assert!(refused.text.contains("expired"), "{}", refused.text);
    assert_eq!(world.verified, 1);
}

#[test]
fn a_token_begins_with_its_time() {
    let mut world = with_secret();
    for name in ["nbf", "iat"] {
        let mut claims = claims(&world, name);
        claims[name] = json!(world.now / SECOND + 100);
        let token = token(&header(), &claims, &SECRET);
        assert_eq!(status(&mut world, &token), 401);
        world.now += 50 * SECOND;
        assert_eq!(status(&mut world, &token), 404);
    }
}

#[test]
fn times_past_every_clock_are_times() {
    let mut world = with_secret();
    for (exp, expected) in
        [(json!(1e300), 404), (json!(i64::MAX), 404), (json!(-1e300), 401), (json!(i64::MIN), 401), (json!(0.5), 401)]
    {
        let mut claims = claims(&world, "ada");
        claims["exp"] = exp.clone();
        assert_eq!(status(&mut world, &token(&header(), &claims, &SECRET)), expected, "{exp}");
    }
}

#[test]
fn a_secret_that_is_exchanged_under_its_name_ends_what_it_signed() {
    let mut world = with_secret();
    let token_before = minted(&world, "ada");
    assert_eq!(status(&mut world, &token_before), 404);
    settle(&mut world, &json!({ "keys": [jwk("one", &[9; 32])] }));
    assert_eq!(status(&mut world, &token_before), 401);
    let after = token(&header(), &claims(&world, "ada"), &[9; 32]);
    assert_eq!(status(&mut world, &after), 404);
    settle(&mut world, &json!({ "keys": [jwk("one", &SECRET)] }));
    assert_eq!((status(&mut world, &token_before), status(&mut world, &after)), (404, 401));
}

#[test]
fn an_api_key_ends_with_its_time_in_every_partition_and_the_catalog() {
    let mut world = World::new();
    let key = json!({ "name": "guest", "role": "admin", "expires": "2027-01-16T08:00:00Z" });
    let made = world.send(ask("POST", "_keys").body(&key)).expect(201);
    let secret = made.json["key"].as_str().expect("a key").to_owned();
    for id in ["n1", "a/n1"] {
        world.send(ask("PUT", &format!("notes/{id}")).token(&secret).body(&json!({}))).expect(201);
    }
    world.now += DAY - 3 * SECOND;
    world.send(ask("GET", "notes/n1").token(&secret)).expect(200);
    world.now += 3 * SECOND;
    for path in ["notes/n1", "notes/a/n1", "notes/fresh/n1", "_schema", "_keys"] {
        world.send(ask("GET", path).token(&secret)).refused(401, "unauthenticated");
    }
    world.send(ask("PUT", "_settings").token(&secret).body(&json!({}))).refused(401, "unauthenticated");
}

#[test]
fn the_trail_of_acts_keeps_the_last_thousand() {
    let mut world = World::new();
    for _ in 0..600 {
        world.send(ask("POST", "_keys").body(&json!({ "name": "web", "role": "read" }))).expect(201);
        world.send(ask("DELETE", "_keys/web")).expect(204);
    }
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = ask("GET", "_audit").query(after.map_or_else(String::new, |after: i64| format!("after={after}")));
        let page = world.send(page).expect(200).json;
        numbers.extend(page["acts"].as_array().expect("acts").iter().map(|act| act["no"].as_i64().expect("a number")));
        after = page["next"].as_i64();
        if after.is_none() {
            break;
        }
    }
    assert_eq!(numbers, (202..=1_201).collect::<Vec<i64>>());
}

#[test]
fn nothing_of_a_token_takes_a_key_into_use() {
    let mut world = with_secret();
    let token = minted(&world, "ada");
    for (method, status) in [("PUT", 403), ("PATCH", 404), ("DELETE", 404), ("GET", 404)] {
        let asked = ask(method, "notes/b/n1").token(&token).body(&json!({}));
        assert_eq!(world.send(asked).status, status, "{method}");
    }
    let batch = json!({ "ops": [{ "insert": "notes/b/n1", "body": {} }] });
    let items = json!([{ "call": "batch", "batch": "b1", "named": true, "body": batch }]);
    let request = PartitionRequest {
        db: DatabaseName::parse(DB).expect("a name"),
        key: Key::parse("b").expect("a key"),
        bearer: Bearer::Token(token),
        batch: BatchId::parse("b0").expect("an id"),
        named: false,
        origin: None,
        call: PartitionCall::Many { writes: true },
    };
    let made = world.send(ask("POST", "_keys").body(&json!({ "name": "reader", "role": "read" }))).expect(201);
    let reader = Bearer::Hash(token_hash(made.json["key"].as_str().expect("a key")));
    // Nor does the holder of an API key that only reads.
    for bearer in [request.bearer.clone(), reader] {
        let request = PartitionRequest { bearer, ..request.clone() };
        let answer = world.ask_partition(&request, items.to_string().as_bytes());
        assert!(answer.status == 200 && answer.body.contains("\"status\":403"), "{answer:?}");
    }
    assert!(!world.in_use("b"));
    assert!(world.in_use(""));
}

/// Puts settings while one partition cannot be reached: the status of the answer.
fn put_unheard(world: &mut World, settings: &Value, unheard: &str) -> u16 {
    let db = DatabaseName::parse(DB).expect("a name");
    let call = CatalogCall::PutSettings { only_if: None };
    let request = CatalogRequest { db, bearer: Bearer::Root, origin: None, call };
    let mut told = 0;
    loop {
        world.now += 1_000;
        let now = Time::from_micros(world.now);
        let moment = &mut Moment { now, random: &mut || [7; 16] };
        match world.catalog.handle(moment, &request, settings.to_string().as_bytes(), told) {
            catalog::Step::Answer(answer) => return answer.status,
            catalog::Step::Fetch(url) => panic!("{url}"),
            catalog::Step::Tell(requests, grant) => {
                told += requests.len();
                for request in requests.iter().filter(|request| request.key.as_str() != unheard) {
                    let answer = world.ask_partition(request, grant.as_bytes());
                    world.catalog.heard(&request.key, serde_json::from_str(&answer.body).ok());
                }
                for request in requests.iter().filter(|request| request.key.as_str() == unheard) {
                    world.catalog.heard(&request.key, None);
                }
            }
        }
    }
}

#[test]
fn settings_are_answered_when_everybody_has_heard_and_not_before() {
    let mut world = with_secret();
    let token = minted(&world, "ada");
    let ids = ["n1", "a/n1", "b/n1"];
    for id in &ids[1..] {
        world.send(ask("PUT", &format!("notes/{id}")).body(&json!({}))).expect(201);
    }
    let statuses =
        |world: &mut World| ids.map(|id| world.send(ask("GET", &format!("notes/{id}")).token(&token)).status);
    assert_eq!(statuses(&mut world), [404; 3]);
    // One has not heard: it still knows the token, and so nobody is told that it is done.
    assert_eq!(put_unheard(&mut world, &json!({}), "b"), 503);
    assert_eq!(statuses(&mut world), [401, 401, 404]);
    assert_eq!(put_unheard(&mut world, &json!({}), "b"), 503);
    assert_eq!(world.send(ask("PUT", "_settings").body(&json!({}))).status, 200);
    assert_eq!(statuses(&mut world), [401; 3]);
    // It goes on by itself as well, though the caller does not come back.
    settle(&mut world, &json!({ "keys": [jwk("one", &SECRET)] }));
    assert_eq!(statuses(&mut world), [404; 3]);
    assert_eq!(put_unheard(&mut world, &json!({}), "a"), 503);
    assert_eq!(statuses(&mut world), [401, 404, 401]);
    world.pass(60 * SECOND);
    assert_eq!(statuses(&mut world), [401; 3]);
}

#[test]
fn settings_of_a_deleted_database_are_not_its_successors() {
    let mut world = with_secret();
    let token = minted(&world, "ada");
    assert_eq!(status(&mut world, &token), 404);
    world.send(ask("DELETE", "")).expect(204);
    assert_eq!(status(&mut world, &token), 401);
    world.send(ask("PUT", "")).expect(201);
    assert_eq!(status(&mut world, &token), 401);
    let settings = world.send(ask("GET", "_settings")).expect(200).json;
    assert_eq!((&settings["version"], &settings["settings"]["issuers"]), (&json!(0), &json!([])));
    let acts = world.send(ask("GET", "_audit")).expect(200).json;
    assert_eq!(acts["acts"].as_array().map(Vec::len), Some(1));
}
