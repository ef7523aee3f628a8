//! Tokens and settings: read strictly and totally, and in force exactly as long as time, keys and settings say.
//!
//! `SELVEDGE_SEED` repeats a run, `SELVEDGE_CASES` sets how many tokens or settings are tried; a minute is some millions.

#[path = "tokens/fuzz.rs"]
mod fuzz;
#[path = "tokens/keys.rs"]
mod keys;
#[path = "tokens/lifetime.rs"]
mod lifetime;
#[path = "executors/random.rs"]
mod random;
#[path = "actors/tokens.rs"]
mod tokens;
#[path = "actors/world.rs"]
mod world;

use serde_json::{Value, json};

use tokens::{SECRET, jwk, token};
use world::{SECOND, World, ask};

const ISSUER: &str = "https://login.example";
const URL: &str = "https://login.example/jwks.json";

/// A database with a document, and one issuer.
fn trusting(keys: &Value) -> World {
    let mut world = World::new();
    world.send(ask("PUT", "notes/n1").body(&json!({ "text": "a" }))).expect(201);
    settle(&mut world, keys);
    world
}

/// Puts the issuer with these members.
fn settle(world: &mut World, keys: &Value) {
    let mut issuer = json!({ "issuer": ISSUER, "audience": "shop" });
    issuer.as_object_mut().expect("an object").extend(keys.as_object().expect("an object").clone());
    world.send(ask("PUT", "_settings").body(&json!({ "issuers": [issuer] }))).expect(200);
}

fn with_secret() -> World {
    trusting(&json!({ "keys": [jwk("one", &SECRET)] }))
}

/// Claims that are good for an hour from now.
fn claims(world: &World, sub: &str) -> Value {
    let now = world.now / SECOND;
    json!({ "iss": ISSUER, "aud": "shop", "sub": sub, "exp": now + 3_600 })
}

fn header() -> Value {
    json!({ "alg": "HS256", "kid": "one" })
}

/// The status that somebody with a token gets: 404 where rules let nobody see anything, 401 where he is not known.
fn status(world: &mut World, token: &str) -> u16 {
    world.send(ask("GET", "notes/n1").token(token)).status
}

/// A token of somebody in this world.
fn minted(world: &World, sub: &str) -> String {
    token(&header(), &claims(world, sub), &SECRET)
}
