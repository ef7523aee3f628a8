//! What a query answers under rules is what it would answer if only that were there which may be read.

use std::collections::BTreeMap;

use selvedge::id::CollectionName;
use selvedge::query::memory::Memory;
use selvedge::query::{decode, run};
use selvedge::schema;
use serde_json::{Value, json};

use super::generator::{self, TEAMS, USERS};
use super::random::Random;
use super::reference::{Documents, Who, visible};
use super::world::{ROOT, World, ask};

const CASES_PER_WORLD: u64 = 60;

/// A world with documents, and everybody's token.
pub fn world(random: &mut Random, schema: &Value) -> (World, Vec<(Who, String)>) {
    let mut world = World::new();
    world.send(ask("PUT", "_schema").body(schema)).expect(200);
    world.trust();
    let who = generator::principals(random);
    let tokens = who.into_iter().map(|who| {
        let token = world.token(&who.claims);
        (who, token)
    });
    let tokens = tokens.collect();
    for team in TEAMS {
        world.put(&format!("teams/{team}"), generator::document(random, "teams")).expect(201);
    }
    for (collection, prefix, count) in [("files", "f", 6), ("notes", "n", 6)] {
        for number in 1..=count {
            let document = generator::document(random, collection);
            world.put(&format!("{collection}/{prefix}{number}"), document).expect(201);
        }
    }
    (world, tokens)
}

/// Everything that is there.
pub fn documents(world: &mut World) -> Documents {
    let mut all = Documents::new();
    for collection in ["teams", "files", "notes"] {
        let rows = world.query(json!({ "from": collection, "limit": 100 })).expect(200).json["rows"].clone();
        let rows = rows.as_array().expect("rows").iter();
        let by_id = rows.map(|row| (row["id"].as_str().expect("an id").to_owned(), row.clone()));
        all.insert(collection.to_owned(), by_id.collect());
    }
    all
}

/// A query that asks by nothing that may be hidden.
fn query(random: &mut Random) -> Value {
    let filter = |random: &mut Random, collection: &str| match (collection, random.below(6)) {
        ("files", 0) => json!(["=", "owner", random.pick(&USERS)]),
        ("files", 1) => json!(["exists", "team", ["=", "open", true]]),
        ("files", 2) => json!(["not", ["exists", { "from": "notes", "by": "file" }]]),
        ("files", 3) => json!(["=", "team.lead", { "auth": "sub" }]),
        ("files", 4) => json!(["<", "n", 5]),
        ("notes", 0) => json!(["=", "file.shared", true]),
        ("notes", 1) => json!(["exists", "file", ["exists", "team"]]),
        ("teams", 0) => json!(["exists", { "from": "files", "by": "team" }, ["<", "n", 4]]),
        _ => json!(["and"]),
    };
    let from = random.pick(&["teams", "files", "files", "notes"]);
    let mut query = json!({ "from": from, "where": filter(random, from) });
    match random.below(7) {
        0 if from == "files" => {
            query["include"] = json!({
                "team": { "where": filter(random, "teams") },
                "remarks": { "from": "notes", "by": "file", "where": filter(random, "notes"), "orderBy": [["n", "desc"]], "limit": 2 },
            });
        }
        1 if from == "notes" => query["include"] = json!({ "file": { "include": { "team": {} } } }),
        // A join that is called as fields are that rules read.
        2 if from == "files" => {
            let name = random.pick(&["team", "owner", "shared", "n"]);
            query["join"] = json!({ name: { "from": random.pick(&["teams", "files"]), "on": [["last", random.pick(&["lead", "owner"])]], "optional": random.chance(50) } });
            query["where"] = json!(["and"]);
        }
        3 => {
            query["aggregate"] =
                json!({ "count": ["count"], "sum": ["sum", "n"], "most": ["max", "n"], "first": ["min", "id"] })
        }
        4 => {
            query["groupBy"] = json!([random.pick(&["owner", "team", "n"])]);
            query["aggregate"] = json!({ "count": ["count"], "sum": ["sum", "n"] });
        }
        5 if from == "files" => query["select"] = json!(["id", "secret", "owner", { "weight": "size" }]),
        _ => {}
    }
    if query.get("aggregate").is_none() && query.get("join").is_none() && random.chance(60) {
        query["orderBy"] = random.pick(&[json!([["n", "desc"]]), json!(["owner", "id"]), json!(["shared", "n"])]);
    }
    if random.chance(50) {
        query["limit"] = json!(1 + random.below(4));
    }
    query
}

/// What the query answers of what is seen, page by page.
fn expected(seen: &Documents, schema: &Value, who: &Who, query: &Value) -> Vec<Vec<Value>> {
    let schema = schema::decode::schema(schema).expect("a schema");
    // Whoever asks is known to the reference.
    let query = said_of(query, &who.claims);
    let named = seen
        .iter()
        .map(|(name, documents)| (CollectionName::parse(name).expect("a name"), documents.values().cloned().collect()));
    let mut memory = Memory::new(named.collect::<BTreeMap<_, Vec<Value>>>());
    let mut pages = Vec::new();
    let mut tree = decode::query(&query, &schema).expect("a query");
    loop {
        let answer = run::run(&tree, &mut memory, None).expect("memory answers");
        pages.push(answer.rows.iter().map(|row| serde_json::from_str(row).expect("a row")).collect());
        match answer.cursor {
            Some(cursor) => tree.after = Some(cursor),
            None => return pages,
        }
    }
}

/// A query with claims in place of what asks for them.
fn said_of(query: &Value, claims: &Value) -> Value {
    match query {
        Value::Object(members) => match members.get("auth").and_then(Value::as_str) {
            Some(claim) if members.len() == 1 => claims[claim].clone(),
            _ => Value::Object(members.iter().map(|(name, value)| (name.clone(), said_of(value, claims))).collect()),
        },
        Value::Array(items) => items.iter().map(|item| said_of(item, claims)).collect(),
        other => other.clone(),
    }
}

#[test]
fn what_a_principal_sees_is_what_the_rules_allow_document_by_document() {
    let (seed, cases) = super::run();
    let (mut rows, mut hidden) = (0u64, 0u64);
    for number in 0..cases.div_ceil(CASES_PER_WORLD) {
        let seed = seed.wrapping_add(number);
        let random = &mut Random::new(seed);
        let schema = generator::schema(random);
        let (mut world, tokens) = world(random, &schema);
        let all = documents(&mut world);
        for _ in 0..CASES_PER_WORLD {
            let (who, token) = random.pick(&tokens);
            let seen = visible(&all, &schema, &who);
            let query = query(random);
            let told = || format!("seed {seed}, {who:?}, {query}, {schema}");
            let mut asked = query.clone();
            for page in expected(&seen, &schema, &who, &query) {
                let reply = world.send(ask("POST", "_query").token(&token).body(&asked));
                assert_eq!(reply.status, 200, "{} of {}", reply.text, told());
                assert_eq!(reply.json["rows"], json!(page), "{}", told());
                assert!(reply.json["cost"].get("rowsRead").is_none() && reply.header("selvedge-cost").is_none());
                rows += page.len() as u64;
                asked["after"] = reply.json["cursor"].clone();
            }
            assert!(asked["after"].is_null(), "one page more: {}", told());
            one_by_one(&mut world, random, &token, &all, &seen, &mut hidden, &told);
        }
        assert_eq!(documents(&mut world), all);
    }
    assert!(
        rows > cases / 10 && hidden > cases / 10,
        "{rows} rows and {hidden} hidden documents: the cases are too poor"
    );
}

fn one_by_one(
    world: &mut World,
    random: &mut Random,
    token: &str,
    all: &Documents,
    seen: &Documents,
    hidden: &mut u64,
    told: &impl Fn() -> String,
) {
    let collection = random.pick(&["teams", "files", "notes"]);
    let ids: Vec<String> = all[collection].keys().cloned().chain(["none".to_owned()]).collect();
    let id = random.pick(&ids);
    let path = format!("{collection}/{id}");
    let reply = world.send(ask("GET", &path).token(token));
    match seen.get(collection).and_then(|seen| seen.get(&id)) {
        Some(document) => assert_eq!(&reply.expect(200).json, document, "{path} of {}", told()),
        None => {
            *hidden += u64::from(id != "none");
            let mut absent = reply.refused(404, "not_found");
            assert_eq!(absent.header("etag"), None);
            // The same answer as for a document that is not there, but for the name and the clock's token.
            let mut other = world.send(ask("GET", &format!("{collection}/none")).token(token));
            for reply in [&mut absent, &mut other] {
                reply.headers.retain(|(name, _)| *name != "selvedge-token");
            }
            assert_eq!(absent.text.replace(&path, &format!("{collection}/none")), other.text);
            assert_eq!(absent.headers, other.headers);
        }
    }
    assert_eq!(world.send(ask("GET", &path).token(ROOT)).status == 200, id != "none");
}
