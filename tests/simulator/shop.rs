//! A database in use: increments, transfers, orders, deletes, while its schema changes and keys come and go.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use selvedge::time::Time;
use serde_json::{Value, json};

use crate::book::{Book, Change, Commit, OPEN_ORDERS};
use crate::client::{Ask, Client, Reply};

pub const KEYS: [&str; 2] = ["a", "b"];
pub const ACCOUNTS: usize = 4;
pub const TOTAL: i64 = 100 * ACCOUNTS as i64;

/// A token of the database, and what is known of it.
#[derive(Clone, Debug)]
pub struct Token {
    pub token: String,
    /// Its revocation has been asked for.
    pub doomed: bool,
    /// Its revocation was acknowledged.
    pub revoked: bool,
}

/// What the clients of a shop know together.
#[derive(Default)]
pub struct Shop {
    pub db: String,
    pub books: RefCell<BTreeMap<&'static str, Book>>,
    pub tokens: RefCell<Vec<Token>>,
    /// The schema of each version that was acknowledged or seen.
    pub schemas: RefCell<BTreeMap<u64, Value>>,
    pub rejected: RefCell<BTreeMap<String, usize>>,
}

pub type Shared = Rc<Shop>;

impl Shop {
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/{}/{rest}", self.db)
    }

    fn seen(&self, version: u64, schema: &Value) {
        let mut schemas = self.schemas.borrow_mut();
        let known = schemas.entry(version).or_insert_with(|| schema.clone());
        assert_eq!(known, schema, "version {version} of the schema is two schemas");
    }
}

/// The schema, with a face of `items` made of what is asked of it.
pub fn schema(traits: &[&str]) -> Value {
    let mut fields = json!({});
    let mut items = json!({});
    for part in traits {
        match *part {
            "index" => items["indexes"] = json!([["n"], ["serial", "n"]]),
            "unique" => fields["serial"] = json!({ "type": "int", "optional": true, "unique": true }),
            "grade" => fields["grade"] = json!({ "type": "int", "default": 1 }),
            "owner" => fields["owner"] = json!({ "ref": "customers", "optional": true }),
            "title" => items["migrate"] = json!([{ "rename": ["label", "title"] }]),
            "negative" => fields["n"] = json!({ "type": "int", "check": ["<", "n", 0] }),
            "parity" => items["unique"] = json!([["parity"]]),
            "sum" => fields["sum"] = json!({ "type": "int", "optional": true, "computed": ["+", {"path": "n"}, 1] }),
            other => panic!("{other}"),
        }
    }
    if items["unique"].is_array() {
        fields["parity"] = json!({ "type": "int", "optional": true });
    }
    for (field, of) in [("n", "index"), ("serial", "index")] {
        if traits.contains(&of) && fields[field].is_null() {
            fields[field] = json!({ "type": "int", "optional": true });
        }
    }
    if traits.contains(&"sum") && fields["n"].is_null() {
        fields["n"] = json!({ "type": "int", "optional": true });
    }
    items["fields"] = fields;
    json!({ "collections": {
        "accounts": { "fields": { "balance": { "type": "int" } } },
        "users": { "fields": { "email": { "type": "string", "unique": true } } },
        "customers": {},
        "orders": {
            "fields": {
                "customer": { "ref": "customers", "onDelete": "restrict" },
                "status": { "type": "string" },
            },
            "indexes": [["customer", "status"]],
        },
        "notes": { "fields": { "order": { "ref": "orders", "onDelete": "cascade" } } },
        "items": items,
    } })
}

/// Faces that data breaks, whatever else happens: each key has two items of one parity, with `n` above 0.
const BROKEN: [&str; 2] = ["negative", "parity"];

pub async fn set_up(client: Client, shop: Shared) {
    let made = client.persist(&Ask::new("PUT", format!("/v1/{}", shop.db))).await;
    assert_eq!(made.status, 201, "{made:?}");
    let put = client.persist(&Ask::new("PUT", shop.path("_schema")).body(&schema(&[]))).await;
    assert_eq!(put.status, 200, "{put:?}");
    for key in KEYS {
        let mut changes = vec![Change::Insert(format!("counters/{key}/1"), json!({ "n": 0 }))];
        for n in 0..ACCOUNTS {
            changes.push(Change::Insert(format!("accounts/{key}/{n}"), json!({ "balance": 100 })));
            changes.push(Change::Insert(format!("customers/{key}/{n}"), json!({ "name": n })));
        }
        for n in 0..2 {
            changes.push(Change::Insert(format!("items/{key}/fixed{n}"), json!({ "n": 5, "parity": 1, "label": "x" })));
        }
        let reply = batch(&client, &shop, key, Vec::new(), Vec::new(), changes, Vec::new()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

/// A writer: any of the things that one does in a shop, until the end.
pub async fn writer(client: Client, shop: Shared) {
    while !client.is_over() {
        let key = client.random().pick(&KEYS);
        match client.below(12) {
            0 | 1 => increment(&client, &shop, key).await,
            2 | 3 => transfer(&client, &shop, key).await,
            4 | 5 => order(&client, &shop, key).await,
            6 => close(&client, &shop, key).await,
            7 => customer(&client, &shop, key).await,
            8 => user(&client, &shop, key).await,
            9 => look(&client, &shop, key).await,
            _ => item(&client, &shop, key).await,
        }
        client.think().await;
    }
}

async fn increment(client: &Client, shop: &Shared, key: &'static str) {
    let changes = vec![Change::Add(format!("counters/{key}/1"), "n", 1)];
    let reply = batch(client, shop, key, Vec::new(), Vec::new(), changes, Vec::new()).await;
    assert_eq!(reply.status, 200, "an increment is refused: {reply:?}");
}

async fn get(client: &Client, shop: &Shared, document: &str) -> Option<(i64, Value)> {
    let reply = client.persist(&Ask::new("GET", shop.path(document))).await;
    match reply.status {
        200 => Some((reply.json["_version"].as_i64().expect("a version"), reply.json)),
        404 => None,
        _ => panic!("{reply:?}"),
    }
}

async fn transfer(client: &Client, shop: &Shared, key: &'static str) {
    let from = client.below(ACCOUNTS);
    let (from, to) = (format!("accounts/{key}/{from}"), format!("accounts/{key}/{}", (from + 1) % ACCOUNTS));
    let amount = 1 + client.below(60) as i64;
    let (Some(left), Some(right)) = (get(client, shop, &from).await, get(client, shop, &to).await) else {
        panic!("an account is not there")
    };
    let reads = vec![(from.clone(), Some(left.0)), (to.clone(), Some(right.0))];
    let check = json!({ "check": from, "where": [">=", "balance", 0] });
    let changes = vec![Change::Add(from, "balance", -amount), Change::Add(to, "balance", amount)];
    let reply = batch(client, shop, key, reads, Vec::new(), changes, vec![check]).await;
    if left.1["balance"].as_i64().expect("a balance") < amount {
        assert!(matches!(reply.code(), "check_failed" | "conflict"), "{reply:?}");
    }
}

async fn order(client: &Client, shop: &Shared, key: &'static str) {
    let customer = format!("{key}/{}", client.below(ACCOUNTS));
    let filter = json!(["and", ["=", "customer", customer], ["=", "status", "open"]]);
    let query = json!({ "from": "orders", "key": key, "where": filter });
    let open = client.persist(&Ask::new("POST", shop.path("_query")).body(&query)).await;
    assert_eq!(open.status, 200, "{open:?}");
    if open.json["rows"].as_array().expect("rows").len() >= OPEN_ORDERS {
        return;
    }
    let id = format!("{key}/o{}", client.random().next() % 1_000_000);
    let mut changes = vec![Change::Insert(format!("orders/{id}"), json!({ "customer": customer, "status": "open" }))];
    if client.chance(50) {
        changes.push(Change::Insert(format!("notes/{id}"), json!({ "order": id })));
    }
    let read = json!({ "query": query, "digest": open.json["digest"] });
    batch(client, shop, key, Vec::new(), vec![read], changes, Vec::new()).await;
}

async fn close(client: &Client, shop: &Shared, key: &'static str) {
    let query = json!({ "from": "orders", "key": key, "where": ["=", "status", "open"] });
    let found = client.persist(&Ask::new("POST", shop.path("_query")).body(&query)).await;
    let rows = found.json["rows"].as_array().cloned().unwrap_or_default();
    if rows.is_empty() {
        return;
    }
    let id = rows[client.below(rows.len())]["id"].as_str().expect("an id").to_owned();
    if client.chance(50) {
        let change = Change::Set(format!("orders/{id}"), "status", json!("closed"));
        batch(client, shop, key, Vec::new(), Vec::new(), vec![change], Vec::new()).await;
    } else {
        let document = format!("orders/{id}");
        single(client, shop, key, Ask::new("DELETE", shop.path(&document)), Change::Delete(document)).await;
    }
}

async fn customer(client: &Client, shop: &Shared, key: &'static str) {
    let document = format!("customers/{key}/{}", client.below(ACCOUNTS));
    if client.chance(50) {
        single(client, shop, key, Ask::new("DELETE", shop.path(&document)), Change::Delete(document)).await;
    } else {
        let body = json!({ "name": client.below(1000) });
        single(client, shop, key, Ask::new("PUT", shop.path(&document)).body(&body), Change::Put(document, body)).await;
    }
}

async fn user(client: &Client, shop: &Shared, key: &'static str) {
    let document = format!("users/{key}/{}", client.below(20));
    let body = json!({ "email": format!("{}@example.org", client.below(12)) });
    match client.below(3) {
        0 => {
            let ask = Ask::new("PUT", shop.path(&document)).body(&body);
            single(client, shop, key, ask, Change::Put(document, body)).await;
        }
        1 => {
            single(client, shop, key, Ask::new("DELETE", shop.path(&document)), Change::Delete(document)).await;
        }
        _ => {
            let change = Change::Insert(document, body);
            batch(client, shop, key, Vec::new(), Vec::new(), vec![change], Vec::new()).await;
        }
    }
}

/// Accounts come to the same total at every moment.
async fn look(client: &Client, shop: &Shared, key: &'static str) {
    let query = json!({ "from": "accounts", "key": key });
    let found = client.persist(&Ask::new("POST", shop.path("_query")).body(&query)).await;
    assert_eq!(found.status, 200, "{found:?}");
    let rows = found.json["rows"].as_array().expect("rows");
    let total: i64 = rows.iter().filter_map(|row| row["balance"].as_i64()).sum();
    assert_eq!(total, TOTAL, "{found:?}");
}

async fn item(client: &Client, shop: &Shared, key: &'static str) {
    let document = format!("items/{key}/{}", client.below(30));
    let label = format!("l{}", client.below(100));
    let mut body = json!({ "n": 1 + client.below(9), "serial": client.below(60), "label": label });
    if client.chance(30) {
        body["owner"] = json!(format!("{key}/{}", client.below(ACCOUNTS)));
    }
    match client.below(4) {
        0 => {
            single(client, shop, key, Ask::new("DELETE", shop.path(&document)), Change::Delete(document)).await;
        }
        1 => {
            let changes = vec![Change::Add(document, "n", 1)];
            batch(client, shop, key, Vec::new(), Vec::new(), changes, Vec::new()).await;
        }
        _ => {
            let ask = Ask::new("PUT", shop.path(&document)).body(&body);
            single(client, shop, key, ask, Change::Put(document, body)).await;
        }
    }
}

/// Sends a `_tx` until it is answered, and writes down what was acknowledged.
async fn batch(
    client: &Client,
    shop: &Shared,
    key: &'static str,
    reads: Vec<(String, Option<i64>)>,
    queries: Vec<Value>,
    changes: Vec<Change>,
    others: Vec<Value>,
) -> Reply {
    let ops: Vec<Value> = changes
        .iter()
        .map(|change| match change {
            Change::Insert(document, body) => json!({ "insert": document, "body": body }),
            Change::Put(document, body) => json!({ "replace": document, "body": body }),
            Change::Add(document, field, amount) => json!({ "patch": document, "increment": { *field: amount } }),
            Change::Set(document, field, value) => json!({ "patch": document, "set": { *field: value } }),
            Change::Delete(document) => json!({ "delete": document }),
        })
        .chain(others)
        .collect();
    let read = reads.iter().map(|(document, version)| json!({ "doc": document, "version": version }));
    let reads_json: Vec<Value> = read.chain(queries).collect();
    let id = if client.chance(20) { format!("plain-{}", client.random().next()) } else { client.batch_id() };
    let body = json!({ "id": id, "reads": reads_json, "ops": ops });
    let ask = Ask::new("POST", shop.path("_tx")).body(&body);
    send(client, shop, key, &ask, changes, reads).await
}

async fn single(client: &Client, shop: &Shared, key: &'static str, ask: Ask, change: Change) -> Reply {
    let ask = ask.header("idempotency-key", client.batch_id());
    send(client, shop, key, &ask, vec![change], Vec::new()).await
}

async fn send(
    client: &Client,
    shop: &Shared,
    key: &'static str,
    ask: &Ask,
    changes: Vec<Change>,
    reads: Vec<(String, Option<i64>)>,
) -> Reply {
    let reply = client.persist(ask).await;
    assert_ne!(reply.status, 401, "root is refused");
    if reply.is_done() {
        let time = Time::parse(reply.json["time"].as_str().expect("a time")).expect("a time");
        let versions = match reply.json["results"].as_array() {
            Some(results) => results.iter().map(|result| result["version"].as_i64()).collect(),
            None => vec![reply.json["version"].as_i64()],
        };
        let commit = Commit { time, changes, versions, reads };
        shop.books.borrow_mut().entry(key).or_default().commits.push(commit);
    } else {
        *shop.rejected.borrow_mut().entry(reply.code().to_owned()).or_default() += 1;
    }
    let durable = reply.is_done() || matches!(reply.status, 404 | 409 | 412 | 422);
    if durable && client.chance(20) {
        client.think().await;
        let again = client.persist(ask).await;
        assert_eq!((again.status, &again.text), (reply.status, &reply.text), "another answer to {ask:?}");
    }
    reply
}

/// Somebody who changes the schema.
pub async fn architect(client: Client, shop: Shared) {
    while !client.is_over() {
        let all = ["index", "unique", "grade", "owner", "title", "sum"];
        let mut traits: Vec<&str> = all.into_iter().filter(|_| client.chance(45)).collect();
        if client.chance(35) {
            traits.push(BROKEN[client.below(2)]);
        }
        let wanted = schema(&traits);
        let put = client.persist(&Ask::new("PUT", shop.path("_schema")).body(&wanted)).await;
        match put.status {
            200 => shop.seen(put.json["version"].as_u64().expect("a version"), &wanted),
            202 | 409 | 422 => {}
            _ => panic!("{put:?} to {wanted}"),
        }
        let got = client.persist(&Ask::new("GET", shop.path("_schema"))).await;
        assert_eq!(got.status, 200, "{got:?}");
        let (version, schema) = (got.json["version"].as_u64().expect("a version"), &got.json["schema"]);
        shop.seen(version, schema);
        let items = &schema["collections"]["items"];
        let broken = items["fields"]["n"]["check"].is_array() || items["unique"].is_array();
        assert!(!broken, "a schema that data breaks is in force: {schema}");
        let pause = client.below(3_000_000) as i64;
        client.sleep(pause).await;
    }
}

/// Somebody who makes and revokes API keys.
pub async fn locksmith(client: Client, shop: Shared) {
    let mut number = 0;
    while !client.is_over() {
        number += 1;
        let name = format!("k{number}");
        let body = json!({ "name": name, "role": if client.chance(50) { "read" } else { "write" } });
        let made = client.persist(&Ask::new("POST", shop.path("_keys")).body(&body)).await;
        let revoke = Ask::new("DELETE", shop.path(&format!("_keys/{name}")));
        let Some(token) = made.json["key"].as_str() else {
            assert_eq!(made.code(), "exists", "{made:?}");
            let gone = client.persist(&revoke).await;
            assert!(matches!(gone.status, 204 | 404), "{gone:?}");
            continue;
        };
        let at = shop.tokens.borrow().len();
        shop.tokens.borrow_mut().push(Token { token: token.to_owned(), doomed: false, revoked: false });
        let pause = client.below(3_000_000) as i64;
        client.sleep(pause).await;
        shop.tokens.borrow_mut()[at].doomed = true;
        let gone = client.persist(&revoke).await;
        assert!(matches!(gone.status, 204 | 404), "{gone:?}");
        shop.tokens.borrow_mut()[at].revoked = true;
    }
}

/// Somebody who tries tokens, good ones and revoked ones.
pub async fn visitor(client: Client, shop: Shared) {
    while !client.is_over() {
        client.think().await;
        let many = shop.tokens.borrow().len();
        if many == 0 {
            continue;
        }
        let at = many - 1 - client.below(many.min(4));
        let before = shop.tokens.borrow()[at].clone();
        // Key `c` has no partition: there the catalog is asked every time.
        let key = ["a", "b", "c"][client.below(3)];
        let ask = Ask::new("GET", shop.path(&format!("counters/{key}/1"))).token(&before.token);
        let Some(reply) = client.call(&ask).await else { continue };
        let after = shop.tokens.borrow()[at].clone();
        if before.revoked {
            assert!(matches!(reply.status, 401 | 503), "a revoked key opens {key}: {reply:?}");
        }
        if !after.doomed {
            assert!(matches!(reply.status, 200 | 404 | 503), "a good key is refused at {key}: {reply:?}");
        }
    }
}
