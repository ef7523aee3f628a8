//! One database without its network: a catalog, a partition for each key, and messages that always arrive.

// What one crate of tests leaves unused, another uses.
#![allow(dead_code)]

use std::collections::BTreeMap;

use selvedge::catalog::keys::token_hash;
use selvedge::catalog::{self, Catalog};
use selvedge::id::{BatchId, DatabaseName, Key};
use selvedge::jwt::looks_like_one;
use selvedge::moment::Moment;
use selvedge::partition::{self, Partition};
use selvedge::router::{Head, Route, elsewhere, route};
use selvedge::store::sqlite::SqliteStore;
use selvedge::store::{Cell, Store};
use selvedge::time::Time;
use selvedge::wire::{
    Answer, Bearer, CatalogCall, CatalogRequest, ELSEWHERE_HEADER, Lesson, PartitionCall, PartitionRequest, Progress,
};
use serde_json::{Value, json};

use crate::random::Random;
use crate::tokens::{SECRET, is_good, jwk, token};

/// The token that is the root key's.
pub const ROOT: &str = "root";
/// An issuer of tokens.
const ISSUER: &str = "https://issuer.example";
/// The one database there is.
pub const DB: &str = "shop";
/// The first moment of every world: 2027-01-15T08:00:00Z, in microseconds.
pub const BEGINNING: i64 = 1_800_000_000_000_000;
pub const SECOND: i64 = 1_000_000;
pub const DAY: i64 = 24 * 3600 * SECOND;

/// Rounds in which a partition may ask the catalog, and a catalog tell partitions.
const ROUNDS: usize = 64;

/// A request over HTTP.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub query: String,
    pub headers: Vec<(&'static str, String)>,
    pub token: String,
    pub body: String,
}

/// A request of a path under `/v1/shop`.
pub fn ask(method: &'static str, path: &str) -> Ask {
    let path = if path.is_empty() { format!("/v1/{DB}") } else { format!("/v1/{DB}/{path}") };
    Ask { method, path, query: String::new(), headers: Vec::new(), token: ROOT.to_owned(), body: String::new() }
}

impl Ask {
    pub fn body(self, body: &Value) -> Ask {
        self.text(body.to_string())
    }

    pub fn text(mut self, body: impl Into<String>) -> Ask {
        self.body = body.into();
        self
    }

    pub fn query(mut self, query: impl Into<String>) -> Ask {
        self.query = query.into();
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.headers.push((name, value.into()));
        self
    }

    /// The same request under a batch id.
    pub fn named(self, id: &str) -> Ask {
        self.header("idempotency-key", id)
    }

    pub fn token(mut self, token: &str) -> Ask {
        token.clone_into(&mut self.token);
        self
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub text: String,
    /// The body, null where it is no JSON.
    pub json: Value,
}

impl Reply {
    fn of(answer: Answer) -> Reply {
        let json = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        Reply { status: answer.status, headers: answer.headers, text: answer.body, json }
    }

    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
    }

    /// The version that a write of one document gave it.
    pub fn version(&self) -> i64 {
        self.json["version"].as_i64().unwrap_or_else(|| panic!("no version: {} {}", self.status, self.text))
    }

    /// The same reply, which has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The same reply, which is this problem.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Reply {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self
    }
}

/// A database and everything in it.
pub struct World {
    pub random: Random,
    /// Microseconds since 1970.
    pub now: i64,
    pub catalog: Catalog<SqliteStore>,
    pub partitions: BTreeMap<Key, Partition<SqliteStore>>,
    /// When whose alarm rings, as a platform keeps it: `None` is the catalog.
    alarms: BTreeMap<Option<Key>, i64>,
    /// What issuers answer where their keys are fetched, by URL.
    pub served: BTreeMap<String, Result<String, String>>,
    /// How often keys were fetched, and signatures checked.
    pub fetched: usize,
    pub verified: usize,
    /// How often a partition asked the catalog.
    pub joined: usize,
}

/// The moment of an event, of parts of a world of which the others stay free.
macro_rules! moment {
    ($world:ident, $moment:ident) => {
        let random = &mut $world.random;
        let mut bytes = || {
            let mut bytes = [0; 16];
            bytes.iter_mut().for_each(|byte| *byte = random.next() as u8);
            bytes
        };
        let $moment = &mut Moment { now: Time::from_micros($world.now), random: &mut bytes };
    };
}

/// Who sends a token.
fn bearer(token: &str) -> Bearer {
    match token {
        "" => Bearer::Nobody,
        ROOT => Bearer::Root,
        token if looks_like_one(token) => Bearer::Token(token.to_owned()),
        token => Bearer::Hash(token_hash(token)),
    }
}

fn store() -> SqliteStore {
    SqliteStore::in_memory().expect("a store")
}

impl World {
    /// A world in which the database is not created yet.
    pub fn empty(seed: u64) -> World {
        World {
            random: Random::new(seed),
            now: BEGINNING,
            catalog: Catalog::new(store()),
            partitions: BTreeMap::new(),
            alarms: BTreeMap::new(),
            served: BTreeMap::new(),
            fetched: 0,
            verified: 0,
            joined: 0,
        }
    }

    /// A world with a database without a schema.
    pub fn new() -> World {
        let mut world = World::empty(1);
        world.send(ask("PUT", "")).expect(201);
        world
    }

    /// A world with a database whose collections are these.
    pub fn with(collections: Value) -> World {
        let mut world = World::new();
        world.schema(collections).expect(200);
        world
    }

    /// Puts a schema of these collections.
    pub fn schema(&mut self, collections: Value) -> Reply {
        self.send(ask("PUT", "_schema").body(&json!({ "collections": collections })))
    }

    /// The token of a key.
    pub fn key(&mut self, name: &str, role: &str) -> String {
        let made = self.send(ask("POST", "_keys").body(&json!({ "name": name, "role": role }))).expect(201);
        made.json["key"].as_str().expect("a key").to_owned()
    }

    /// Lets the database trust an issuer of tokens.
    pub fn trust(&mut self) {
        let issuer = json!({ "issuer": ISSUER, "audience": DB, "keys": [jwk("k", &SECRET)] });
        self.send(ask("PUT", "_settings").body(&json!({ "issuers": [issuer] }))).expect(200);
    }

    /// A token of that issuer with further claims, good for a day.
    pub fn token(&self, claims: &Value) -> String {
        let mut claims = claims.clone();
        (claims["iss"], claims["aud"]) = (json!(ISSUER), json!(DB));
        claims["exp"] = json!((self.now + DAY) / SECOND);
        token(&json!({ "alg": "HS256", "kid": "k" }), &claims, &SECRET)
    }

    /// Sends a request as a router does. A millisecond passes.
    pub fn send(&mut self, ask: Ask) -> Reply {
        self.now += 1_000;
        let header = |name: &str| ask.headers.iter().find(|(header, _)| *header == name).map(|(_, text)| text.clone());
        let bearer = bearer(&ask.token);
        let head = Head { method: ask.method, path: &ask.path, query: &ask.query, header: &header, bearer };
        let routed = {
            moment!(self, moment);
            route(&head, moment)
        };
        let body = ask.body.as_bytes();
        let routed = routed.and_then(|route| match route {
            Route::Peek(peek) => peek.with_body(body).map(Route::Partition),
            route => Ok(route),
        });
        Reply::of(match routed {
            Err(error) => error.into(),
            Ok(Route::Here(answer)) => answer,
            Ok(Route::Catalog(request)) => self.ask_catalog(&request, body),
            Ok(Route::Partition(request)) => {
                let answer = self.ask_partition(&request, body);
                match answer.headers.iter().find(|(name, _)| *name == ELSEWHERE_HEADER) {
                    Some((_, key)) => self.ask_partition(&elsewhere(&request, key).expect("a key"), body),
                    None => answer,
                }
            }
            Ok(_) => panic!("imports and exports are asked of a partition"),
        })
    }

    /// Asks the partition of a key what no request of HTTP asks as such.
    pub fn call(&mut self, key: &str, call: PartitionCall, body: &str) -> Reply {
        self.call_as(ROOT, key, call, body)
    }

    /// The same by the holder of a token.
    pub fn call_as(&mut self, token: &str, key: &str, call: PartitionCall, body: &str) -> Reply {
        self.now += 1_000;
        let batch = self.batch_id(0);
        let db = DatabaseName::parse(DB).expect("a name");
        let key = Key::parse(key).expect("a key");
        let request = PartitionRequest { db, key, bearer: bearer(token), batch, named: false, origin: None, call };
        Reply::of(self.ask_partition(&request, body.as_bytes()))
    }

    /// The keys that the catalog knows of.
    pub fn keys_in_use(&mut self) -> Value {
        let db = DatabaseName::parse(DB).expect("a name");
        let call = CatalogCall::Keys { after: None };
        let request = CatalogRequest { db, bearer: Bearer::Root, origin: None, call };
        serde_json::from_str::<Value>(&self.ask_catalog(&request, b"").body).expect("JSON")["keys"].take()
    }

    /// Carries a request to its partition, and what that asks to the catalog and back.
    pub fn ask_partition(&mut self, request: &PartitionRequest, body: &[u8]) -> Answer {
        let mut lesson: Option<Lesson> = None;
        for _ in 0..ROUNDS {
            let stepped = {
                moment!(self, moment);
                let partition = self.partitions.entry(request.key.clone()).or_insert_with(|| Partition::new(store()));
                let stepped = partition.handle(moment, request, body, lesson.clone());
                let next = partition.next_alarm();
                self.arm(Some(&request.key), next);
                stepped
            };
            match stepped {
                partition::Step::Answer(answer) => return answer,
                partition::Step::Ask(request) => {
                    self.joined += 1;
                    let answer = self.ask_catalog(&request, b"");
                    lesson = Some(serde_json::from_str(&answer.body).expect("a lesson"));
                }
                partition::Step::Verify(check) => {
                    self.verified += 1;
                    let good = is_good(&check);
                    self.partitions.get_mut(&request.key).expect("a partition").checked(*check, good);
                }
            }
        }
        panic!("the partition asks and asks: {request:?}");
    }

    /// Whether the catalog knows a key.
    pub fn in_use(&mut self, key: &str) -> bool {
        let rows = self.catalog.store().run("SELECT 1 FROM home WHERE key = ?", &[Cell::Text(key.to_owned())]);
        !rows.expect("the keys").rows.is_empty()
    }

    /// Carries a request to the catalog, and what that tells to partitions.
    pub fn ask_catalog(&mut self, request: &CatalogRequest, body: &[u8]) -> Answer {
        for round in 0..ROUNDS {
            let stepped = {
                moment!(self, moment);
                let stepped = self.catalog.handle(moment, request, body, round);
                let next = self.catalog.next_alarm();
                self.arm(None, next);
                stepped
            };
            match stepped {
                catalog::Step::Answer(answer) => return answer,
                catalog::Step::Tell(requests, body) => self.tell(&requests, &body),
                catalog::Step::Fetch(url) => {
                    self.fetched += 1;
                    let served = self.served.get(&url).cloned().unwrap_or_else(|| Err("It is down.".to_owned()));
                    let served = served.as_ref().map(String::as_bytes).map_err(String::as_str);
                    self.catalog.fetched(&url, served, Time::from_micros(self.now));
                }
            }
        }
        panic!("the catalog tells and tells: {request:?}");
    }

    fn tell(&mut self, requests: &[PartitionRequest], body: &str) {
        for request in requests {
            let answer = self.ask_partition(request, body.as_bytes());
            let progress: Option<Progress> =
                (answer.status == 200).then(|| serde_json::from_str(&answer.body).expect("progress"));
            self.catalog.heard(&request.key, progress);
        }
    }

    /// Sets an alarm, if none is set or only a later one.
    pub fn arm(&mut self, whose: Option<&Key>, next: Option<Time>) {
        let Some(next) = next.map(Time::micros) else { return };
        let set = self.alarms.entry(whose.cloned()).or_insert(next);
        *set = next.min(*set);
    }

    /// Rings every alarm that is due, until none is.
    pub fn ring(&mut self) {
        for _ in 0..1_000 {
            let Some(whose) = self.alarms.iter().find(|(_, at)| **at <= self.now).map(|(whose, _)| whose.clone())
            else {
                return;
            };
            self.alarms.remove(&whose);
            let next = match &whose {
                Some(key) => {
                    moment!(self, moment);
                    let partition = self.partitions.get_mut(key).expect("a partition");
                    partition.alarm(moment);
                    partition.next_alarm()
                }
                None => self.ring_catalog(),
            };
            self.arm(whose.as_ref(), next);
        }
        panic!("an alarm is always due");
    }

    fn ring_catalog(&mut self) -> Option<Time> {
        for round in 0..ROUNDS {
            let stepped = {
                moment!(self, moment);
                self.catalog.alarm(moment, round)
            };
            match stepped {
                Some(catalog::Step::Tell(requests, body)) => self.tell(&requests, &body),
                Some(catalog::Step::Answer(_) | catalog::Step::Fetch(_)) | None => return self.catalog.next_alarm(),
            }
        }
        panic!("the catalog tells and tells");
    }

    /// Lets a time pass, then rings what is due.
    pub fn pass(&mut self, micros: i64) {
        self.now += micros;
        self.ring();
    }

    /// Ends every actor and starts it again over what it stored.
    pub fn restart(&mut self) {
        let kept = std::mem::replace(self.catalog.store(), store());
        self.catalog = Catalog::new(kept);
        for partition in self.partitions.values_mut() {
            let kept = std::mem::replace(partition.store(), store());
            *partition = Partition::new(kept);
        }
    }

    /// A batch id made so many microseconds from now.
    pub fn batch_id(&mut self, from_now: i64) -> BatchId {
        let mut random = [0; 10];
        random.iter_mut().for_each(|byte| *byte = self.random.next() as u8);
        BatchId::v7(u64::try_from((self.now + from_now) / 1_000).expect("after 1970"), random)
    }

    /// The world's time as it is written.
    pub fn time(&self) -> String {
        Time::from_micros(self.now).to_string()
    }

    /// What a partition stores: a number that SQL counts.
    pub fn count(&mut self, key: &str, sql: &str) -> i64 {
        let partition = self.partitions.get_mut(&Key::parse(key).expect("a key")).expect("a partition");
        match partition.store().run(sql, &[]).expect("an answer").rows.first().map(Vec::as_slice) {
            Some([Cell::Integer(count)]) => *count,
            other => panic!("{sql} counts {other:?}"),
        }
    }

    // The few requests that tests are full of.

    pub fn get(&mut self, document: &str) -> Reply {
        self.send(ask("GET", document))
    }

    /// A document that is there.
    #[track_caller]
    pub fn document(&mut self, document: &str) -> Value {
        self.get(document).expect(200).json
    }

    pub fn get_at(&mut self, document: &str, at: &str) -> Reply {
        self.send(ask("GET", document).query(format!("at={at}")))
    }

    pub fn put(&mut self, document: &str, body: Value) -> Reply {
        self.send(ask("PUT", document).body(&body))
    }

    pub fn patch(&mut self, document: &str, body: Value) -> Reply {
        self.send(ask("PATCH", document).body(&body))
    }

    pub fn delete(&mut self, document: &str) -> Reply {
        self.send(ask("DELETE", document))
    }

    pub fn tx(&mut self, body: Value) -> Reply {
        self.send(ask("POST", "_tx").body(&body))
    }

    /// A batch of these operations.
    pub fn ops(&mut self, operations: Value) -> Reply {
        self.tx(json!({ "ops": operations }))
    }

    pub fn query(&mut self, tree: Value) -> Reply {
        self.send(ask("POST", "_query").body(&tree))
    }

    /// The ids that a query answers, in its order.
    #[track_caller]
    pub fn ids(&mut self, tree: Value) -> Vec<String> {
        let reply = self.query(tree).expect(200);
        let rows = reply.json["rows"].as_array().expect("rows").clone();
        rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// Imports lines under a key, as the router sends them.
    pub fn import(&mut self, key: &str, lines: &[&str]) -> Reply {
        let numbers: Vec<usize> = (1..=lines.len()).collect();
        let body = format!("{}\n{}", json!(numbers), lines.join("\n"));
        self.call(key, PartitionCall::Import, &body)
    }
}
