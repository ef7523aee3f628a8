//! Fuzzing what strangers send: schemas with rules, queries. Whatever comes, the answer is one that is documented, and
//! nothing panics.
//!
//! A run tries a fixed number of inputs; `SELVEDGE_FUZZ_SECONDS` runs each target for so long instead. `SELVEDGE_SEED`
//! repeats a run.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "executors/random.rs"]
mod random;
#[path = "actors/tokens.rs"]
mod tokens;
#[path = "actors/world.rs"]
mod world;

use mutate::mutated;
use random::Random;
use world::{Reply, World, ask};

/// Inputs of a run that is not bounded by time.
const INPUTS: u64 = 3_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Runs a target on one input after the other.
fn fuzz(mut target: impl FnMut(&mut Random, u64)) {
    let seed = setting("SELVEDGE_SEED").unwrap_or_else(random::fresh_seed);
    println!("SELVEDGE_SEED={seed}");
    let end = setting("SELVEDGE_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut inputs = 0;
    while end.map_or(inputs < INPUTS, |end| Instant::now() < end) {
        let seed = seed.wrapping_add(inputs);
        target(&mut Random::new(seed), seed);
        inputs += 1;
    }
    println!("{inputs} inputs");
}

/// That an answer is a documented one: no defect of ours.
#[track_caller]
fn documented(reply: &Reply, seed: u64, input: &Value) {
    assert!(reply.status != 500 && reply.code() != "internal", "seed {seed}, {input}: {}", reply.text);
    assert!(reply.status < 300 || !reply.code().is_empty(), "seed {seed}, {input}: {} {}", reply.status, reply.text);
}

fn schemas() -> Vec<Value> {
    let rules = |rules: Value| {
        json!({
            "collections": {
                "teams": { "fields": { "lead": { "type": "string" } } },
                "files": {
                    "fields": { "team": { "ref": "teams", "optional": true }, "n": { "type": "int", "optional": true } },
                    "relations": {},
                    "indexes": ["n"],
                    "rules": rules,
                },
            },
            "roles": { "staff": { "from": "teams", "membership": ["=", "lead", { "auth": "key" }] }, "given": {} },
        })
    };
    vec![
        rules(json!({ "read": true, "fields": { "n": { "read": ["role", "staff"], "update": false } } })),
        rules(
            json!({ "read": ["=", "team.lead", { "auth": "key" }], "update": ["and", ["=", { "old": "n" }, 1], ["!=", "n", { "old": "n" }]] }),
        ),
        rules(
            json!({ "read": ["or", ["in", "team", { "auth": "teams" }], ["contains", { "auth": "role" }, "w"], ["not", ["null", { "auth": "key" }]]], "insert": ["exists", "team", ["prefix", "lead", "a"]] }),
        ),
        rules(
            json!({ "read": ["exists", { "from": "files", "by": "n" }, ["like", "id", "f%"]], "delete": ["<", "n", 3] }),
        ),
    ]
}

fn queries() -> Vec<Value> {
    vec![
        json!({ "from": "files", "where": ["and", ["=", "n", 1], ["exists", "team", ["=", "lead", { "auth": "key" }]]], "orderBy": [["n", "desc"], "id"], "limit": 3 }),
        json!({ "from": "files", "include": { "team": { "where": ["like", "lead", "a%"], "select": ["lead"] } }, "select": ["id", { "m": "n" }] }),
        json!({ "from": "teams", "include": { "files": { "from": "files", "by": "team", "orderBy": ["n"], "limit": 2, "include": { "team": {} } } } }),
        json!({ "from": "files", "join": { "t": { "from": "teams", "on": [["team", "id"]], "where": ["null", "x"], "optional": true } }, "where": ["in", "t.lead", ["a", null, { "value": {} }]] }),
        json!({ "from": "files", "groupBy": ["team"], "aggregate": { "c": ["count"], "s": ["sum", "n"], "m": ["max", "id"], "a": ["avg", "n"] }, "orderBy": [["c", "desc"]] }),
        json!({ "from": "files", "key": "", "where": ["or", ["prefix", "id", "f"], ["contains", "tags", "x"], ["not", [">=", "n", { "path": "team.lead" }]]], "explain": true }),
        json!({ "from": "files", "where": ["=", "team.lead", "a"], "after": "AAAA", "at": "2027-01-15T08:00:00.5Z" }),
    ]
}

fn filled(world: &mut World) {
    for (number, lead) in ["a", "ann", "b"].iter().enumerate() {
        world.put(&format!("teams/t{number}"), json!({ "lead": lead })).expect(201);
        let file = json!({ "team": format!("t{number}"), "n": number, "tags": ["x", 1, null], "o": { "p": 1.5 } });
        world.put(&format!("files/f{number}"), file).expect(201);
    }
}

#[test]
fn the_rule_compiler() {
    let (schemas, queries) = (schemas(), queries());
    fuzz(|random, seed| {
        let schema = mutated(random, &schemas);
        let mut world = World::new();
        let put = world.send(ask("PUT", "_schema").body(&schema));
        documented(&put, seed, &schema);
        if put.status != 200 {
            return;
        }
        let token = world.key("ann", "write");
        for (id, body) in [("teams/t0", json!({ "lead": "ann" })), ("files/f0", json!({ "team": "t0", "n": 1 }))] {
            documented(&world.put(id, body), seed, &schema);
        }
        let asked = [
            ask("GET", "files/f0"),
            ask("PUT", "files/f1").body(&json!({ "team": "t0", "n": 2 })),
            ask("PATCH", "files/f0").body(&json!({ "n": 2 })),
            ask("POST", "_query").body(&random.pick(&queries)),
            ask("DELETE", "files/f0"),
        ];
        for asked in asked {
            documented(&world.send(asked.token(&token)), seed, &schema);
        }
        for action in ["read", "update", "delete"] {
            let question =
                json!({ "principal": { "auth": { "key": "ann" } }, "action": action, "document": "files/f1" });
            documented(&world.send(ask("POST", "_explain-access").body(&question)), seed, &schema);
        }
    });
}

#[test]
fn the_query_decoder() {
    let queries = queries();
    let mut worlds: Vec<(World, String)> = schemas()
        .iter()
        .map(|schema| {
            let mut world = World::new();
            world.send(ask("PUT", "_schema").body(schema)).expect(200);
            filled(&mut world);
            let token = world.key("ann", "write");
            (world, token)
        })
        .collect();
    fuzz(|random, seed| {
        let query = mutated(random, &queries);
        let at = random.below(worlds.len());
        let (world, token) = &mut worlds[at];
        documented(&world.send(ask("POST", "_query").token(token).body(&query)), seed, &query);
        documented(&world.query(query.clone()), seed, &query);
    });
}
