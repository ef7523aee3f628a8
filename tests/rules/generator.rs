//! Generated schemas with rules, documents, principals.

use serde_json::{Value, json};

use super::random::Random;
use super::reference::Who;

pub const USERS: [&str; 3] = ["ann", "bob", "cy"];
pub const TEAMS: [&str; 3] = ["t1", "t2", "t3"];

/// The collections: files belong to a team and an owner, notes to a file. Only these fields have rules of their own.
pub const RULED: [(&str, &str); 3] = [("files", "secret"), ("files", "size"), ("notes", "text")];

pub fn schema(random: &mut Random) -> Value {
    let mut schema = json!({
        "collections": {
            "teams": { "fields": { "lead": { "type": "string", "optional": true } } },
            "files": {
                "fields": { "team": { "ref": "teams", "optional": true, "onDelete": "clear" } },
                "indexes": ["owner", ["shared", "n"]],
            },
            "notes": { "fields": { "file": { "ref": "files", "optional": true, "onDelete": "cascade" } } },
        },
        "roles": {
            "staff": { "membership": ["=", { "auth": "plan" }, "staff"] },
            "leads": { "from": "teams", "membership": ["=", "lead", { "auth": "sub" }] },
            "given": {},
        },
    });
    for collection in ["teams", "files", "notes"] {
        let mut rules = json!({ "fields": {} });
        for action in ["read", "insert", "update", "delete"] {
            if !random.chance(8) {
                rules[action] = rule(random, collection, action == "update");
            }
        }
        for (_, field) in RULED.iter().filter(|(of, _)| *of == collection) {
            if random.chance(60) {
                rules["fields"][field] = json!({});
                for action in ["read", "update"] {
                    if random.chance(70) {
                        rules["fields"][field][action] = rule(random, collection, action == "update");
                    }
                }
            }
        }
        schema["collections"][collection]["rules"] = rules;
    }
    schema
}

fn rule(random: &mut Random, collection: &str, update: bool) -> Value {
    match random.below(12) {
        0 | 1 => json!(true),
        2 => json!(false),
        _ => condition(random, collection, update, 2),
    }
}

/// A condition on documents of a collection.
fn condition(random: &mut Random, collection: &str, update: bool, depth: usize) -> Value {
    if depth > 0 && random.chance(50) {
        let mut several = |operator: &str| {
            let count = 1 + random.below(3);
            let parts = (0..count).map(|_| condition(random, collection, update, depth - 1));
            Value::from_iter(std::iter::once(json!(operator)).chain(parts))
        };
        return match several("or") {
            or if or.as_array().expect("parts").len() == 2 => json!(["not", or[1]]),
            or if or.to_string().len() % 2 == 0 => {
                let mut and = or;
                and[0] = json!("and");
                and
            }
            or => or,
        };
    }
    if random.chance(8) {
        return json!(["role", random.pick(&["staff", "leads", "given"])]);
    }
    if random.chance(8) {
        return random.pick(&[
            json!(["=", { "auth": "plan" }, "pro"]),
            json!(["!=", { "auth": "plan" }, "pro"]),
            json!(["null", { "auth": "plan" }]),
            json!(["contains", { "auth": "teams" }, "t1"]),
        ]);
    }
    if update && random.chance(15) {
        return random.pick(&[
            json!(["=", "n", { "old": "n" }]),
            json!(["=", { "old": "owner" }, { "auth": "sub" }]),
            json!(["null", { "old": "shared" }]),
        ]);
    }
    let most = random.below(6);
    match collection {
        "teams" => random.pick(&[
            json!(["=", "lead", { "auth": "sub" }]),
            json!(["=", "open", true]),
            json!(["in", "id", { "auth": "teams" }]),
            json!(["exists", { "from": "files", "by": "team" }, ["=", "owner", { "auth": "sub" }]]),
            json!(["exists", { "from": "files", "by": "team" }]),
        ]),
        "files" => random.pick(&[
            json!(["=", "owner", { "auth": "sub" }]),
            json!(["!=", "owner", { "auth": "sub" }]),
            json!(["=", "shared", true]),
            json!(["<", "n", most]),
            json!(["null", "team"]),
            json!(["in", "team", { "auth": "teams" }]),
            json!(["contains", "readers", { "auth": "sub" }]),
            json!(["=", "team.lead", { "auth": "sub" }]),
            json!(["=", "team.open", true]),
            json!(["null", "team.lead"]),
            json!(["exists", "team", ["=", "lead", { "auth": "sub" }]]),
            json!(["exists", { "from": "notes", "by": "file" }, ["=", "by", { "auth": "sub" }]]),
            json!(["=", "owner", { "path": "last" }]),
        ]),
        _ => random.pick(&[
            json!(["=", "by", { "auth": "sub" }]),
            json!(["=", "file.owner", { "auth": "sub" }]),
            json!(["=", "file.shared", true]),
            json!(["=", "file.team.lead", { "auth": "sub" }]),
            json!(["exists", "file", ["=", "owner", { "auth": "sub" }]]),
            json!(["exists", "file", ["exists", "team", ["=", "lead", { "auth": "sub" }]]]),
            json!(["null", "file"]),
        ]),
    }
}

/// Who may ask. One lacks most claims.
pub fn principals(random: &mut Random) -> Vec<Who> {
    let all = USERS.iter().map(|user| {
        let mut claims = json!({ "sub": user });
        if random.chance(60) {
            claims["plan"] = json!(random.pick(&["staff", "pro", "free"]));
        }
        if random.chance(60) {
            claims["teams"] = random.pick(&[json!(["t1"]), json!(["t1", "t2"]), json!([]), json!("t1"), json!([null])]);
        }
        Who { claims, roles: Vec::new() }
    });
    all.collect()
}

/// A document of a collection, without an id.
pub fn document(random: &mut Random, collection: &str) -> Value {
    let user = random.pick(&USERS);
    let mut document = match collection {
        "teams" => json!({ "lead": user, "open": random.chance(40) }),
        "files" => json!({
            "owner": user,
            "last": random.pick(&USERS),
            "shared": random.chance(30),
            "n": random.below(8),
            "readers": [random.pick(&USERS)],
            "secret": random.pick(&["a\"b", "é\\u00e9", "x"]),
            "size": random.pick(&[json!(1), json!(2.5), json!(1e300), json!(-7)]),
        }),
        _ => json!({ "by": user, "text": random.pick(&["hello", "bye"]), "n": random.below(4) }),
    };
    let (reference, ids): (&str, &[&str]) = match collection {
        "files" => ("team", &TEAMS),
        "notes" => ("file", &["f1", "f2", "f3", "f4", "f5", "f6"]),
        _ => return document,
    };
    if random.chance(75) {
        document[reference] = json!(random.pick(ids));
    }
    if random.chance(15) {
        document.as_object_mut().expect("an object").remove(random.pick(&["owner", "shared", "by", "secret"]));
    }
    document
}
