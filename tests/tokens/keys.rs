//! Keys that are fetched: how often, for how long they are used, and what becomes of those that are withdrawn.

use serde_json::{Value, json};

use super::tokens::part;
use super::world::{SECOND, World, ask};
use super::{URL, claims, settle, status, trusting};

const HOUR: i64 = 3_600 * SECOND;

/// A public key under a name. What is fetched may be no secret, so signatures of these are never good here: how a token is
/// refused tells whether its key is known.
fn public(kid: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": "A".repeat(43) })
}

fn listing(kids: &[&str]) -> Result<String, String> {
    Ok(json!({ "keys": kids.iter().map(|kid| public(kid)).collect::<Vec<_>>() }).to_string())
}

/// A token that says a key signed it.
fn named(world: &World, kid: &str) -> String {
    named_of(&claims(world, kid), kid)
}

fn named_of(claims: &Value, kid: &str) -> String {
    format!("{}.{}.{}", part(&json!({ "alg": "EdDSA", "kid": kid })), part(claims), "A".repeat(86))
}

fn fetching(kids: &[&str]) -> World {
    let mut world = World::new();
    world.send(ask("PUT", "notes/n1").body(&json!({}))).expect(201);
    world.served.insert(URL.to_owned(), listing(kids));
    settle(&mut world, &json!({ "jwks": URL }));
    world
}

/// Whether a token's key is known: only then its signature is looked at.
fn knows(world: &mut World, kid: &str) -> bool {
    let before = world.verified;
    // Another token each time, so that none is known to be bad already.
    let mut claims = claims(world, kid);
    claims["jti"] = json!(world.now);
    let token = named_of(&claims, kid);
    assert_eq!(status(world, &token), 401);
    world.verified > before
}

#[test]
fn keys_are_fetched_when_the_first_token_comes_and_not_again_for_an_hour() {
    let mut world = fetching(&["one"]);
    assert_eq!(world.fetched, 0);
    for _ in 0..20 {
        assert!(knows(&mut world, "one"));
        world.now += 150 * SECOND;
    }
    assert_eq!(world.fetched, 1);
    world.now += HOUR;
    assert!(knows(&mut world, "one"));
    assert_eq!(world.fetched, 2);
}

#[test]
fn a_key_that_is_withdrawn_is_gone_within_the_hour_everywhere() {
    let mut world = fetching(&["one", "two"]);
    world.send(ask("PUT", "notes/a/n1").body(&json!({}))).expect(201);
    let elsewhere = |world: &mut World, kid: &str| {
        let (before, token) = (world.verified, named(world, kid));
        world.send(ask("GET", "notes/a/n1").token(&token));
        world.verified > before
    };
    assert!(knows(&mut world, "one") && knows(&mut world, "two"));
    assert!(elsewhere(&mut world, "one"));
    world.served.insert(URL.to_owned(), listing(&["two"]));
    world.now += HOUR + SECOND;
    assert!(!knows(&mut world, "one"));
    assert!(!elsewhere(&mut world, "one"));
    assert!(knows(&mut world, "two") && elsewhere(&mut world, "two"));
    assert_eq!(world.fetched, 2);
}

#[test]
fn a_key_that_is_new_is_found_as_soon_as_its_server_may_be_asked_again() {
    let mut world = fetching(&["one"]);
    assert!(knows(&mut world, "one"));
    world.served.insert(URL.to_owned(), listing(&["one", "two"]));
    assert!(!knows(&mut world, "two"));
    assert_eq!(world.fetched, 1);
    world.now += 31 * SECOND;
    assert!(knows(&mut world, "two"));
    assert_eq!(world.fetched, 2);
    assert!(knows(&mut world, "one"));
}

#[test]
fn kids_that_are_made_up_fetch_nothing_and_bother_the_catalog_once_in_a_while() {
    let mut world = fetching(&["one"]);
    assert!(knows(&mut world, "one"));
    let joined = world.joined;
    for n in 0..200 {
        assert!(!knows(&mut world, &format!("made-up-{n}")));
    }
    assert_eq!(world.fetched, 1);
    // Two hundred requests in less than thirty seconds.
    assert_eq!(world.joined, joined + 1);
    world.now += 31 * SECOND;
    for n in 0..200 {
        assert!(!knows(&mut world, &format!("made-up-{n}")));
    }
    assert_eq!((world.fetched, world.joined), (2, joined + 2));
}

#[test]
fn keys_stay_for_a_day_while_their_server_is_down_and_no_longer() {
    let mut world = fetching(&["one"]);
    assert!(knows(&mut world, "one"));
    world.served.insert(URL.to_owned(), Err("It is down.".to_owned()));
    for hours in 1..24 {
        world.now += HOUR;
        assert!(knows(&mut world, "one"), "{hours}");
    }
    // It was asked again and again, and said no each time.
    assert!((20..=25).contains(&world.fetched), "{}", world.fetched);
    world.now += HOUR;
    let token = named(&world, "one");
    let refused = world.send(ask("GET", "notes/n1").token(&token)).refused(503, "unavailable");
    assert_eq!(refused.header("retry-after"), Some("30"));
    let state = world.send(ask("GET", "_settings")).expect(200).json;
    assert_eq!(state["fetched"][0]["failure"], "It is down.");
    world.served.insert(URL.to_owned(), listing(&["one"]));
    world.now += 31 * SECOND;
    assert!(knows(&mut world, "one"));
    assert!(world.send(ask("GET", "_settings")).expect(200).json["fetched"][0]["failure"].is_null());
}

#[test]
fn keys_that_can_be_used_are_not_waited_for_at_every_turn() {
    let mut world = fetching(&["one"]);
    assert!(knows(&mut world, "one"));
    world.served.insert(URL.to_owned(), Err("It is down.".to_owned()));
    world.now += HOUR + SECOND;
    let before = world.joined;
    for _ in 0..100 {
        assert!(knows(&mut world, "one"));
        world.now += 10 * SECOND;
    }
    // A thousand seconds, and five minutes between two attempts.
    assert_eq!((world.fetched, world.joined), (1 + 4, before + 4));
    // A key that is new is looked for all the same.
    world.served.insert(URL.to_owned(), listing(&["one", "two"]));
    world.now += 31 * SECOND;
    assert!(knows(&mut world, "two"));
}

#[test]
fn a_server_that_never_answered_is_asked_no_more_often_for_that() {
    let mut world = trusting(&json!({ "jwks": URL }));
    for n in 0..100 {
        let token = named(&world, &format!("k{n}"));
        world.send(ask("GET", "notes/n1").token(&token)).refused(503, "unavailable");
        world.send(ask("GET", &format!("notes/{n}/n1")).token(&token)).refused(503, "unavailable");
    }
    assert_eq!(world.fetched, 1);
}

#[test]
fn issuers_without_such_a_key_and_strangers_fetch_nothing() {
    let mut world = fetching(&["one"]);
    let mut stranger = claims(&world, "ada");
    stranger["iss"] = json!("https://other.example");
    assert_eq!(status(&mut world, &named_of(&stranger, "one")), 401);
    assert_eq!(world.fetched, 0);
}

#[test]
fn what_was_fetched_survives_the_actors_sleep() {
    let mut world = fetching(&["one"]);
    assert!(knows(&mut world, "one"));
    world.restart();
    assert!(knows(&mut world, "one"));
    assert_eq!(world.fetched, 1);
}

#[test]
fn settings_that_name_the_server_no_more_forget_what_it_said() {
    let mut world = fetching(&["one"]);
    assert!(knows(&mut world, "one"));
    world.send(ask("PUT", "_settings").body(&json!({}))).expect(200);
    assert_eq!(world.send(ask("GET", "_settings")).json["fetched"], json!([]));
    settle(&mut world, &json!({ "jwks": URL }));
    assert!(knows(&mut world, "one"));
    assert_eq!(world.fetched, 2);
}
