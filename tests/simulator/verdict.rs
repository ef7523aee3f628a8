//! What must be true in the end.

use std::collections::{BTreeMap, BTreeSet};

use selvedge::store::Cell;
use serde_json::{Map, Value, json};

use crate::book::Page;
use crate::client::{Ask, Client};
use crate::shop::{KEYS, Shared, TOTAL};
use crate::world::{Name, World};

/// Every partition in use knows what its catalog says, is done with it, and has a log without gaps.
pub fn knows(world: &mut World, db: &str) {
    let catalog = world.actor(&Name::Catalog(db.to_owned())).disk.clone();
    let record = text(&catalog.sql("SELECT record FROM catalog WHERE no = 1"));
    let record: Value = serde_json::from_str(&record).expect("a record");
    assert!(record["staged"].is_null(), "a schema stays staged: {record}");
    for row in catalog.sql("SELECT key, told, done FROM home") {
        let [Cell::Text(key), Cell::Integer(told), Cell::Integer(done)] = row.as_slice() else { panic!("{row:?}") };
        let must = record["must"].as_i64().expect("an epoch");
        assert!(*done >= must, "{key:?} is not done: told {told}, done {done}, {record}");
        let disk = world.actor(&Name::Partition(db.to_owned(), key.clone())).disk.clone();
        let grant: Value =
            serde_json::from_str(&text(&disk.sql("SELECT value FROM meta WHERE name = 'grant'"))).expect("a grant");
        assert!(grant["epoch"].as_i64().expect("an epoch") >= must, "{key:?} knows {grant}, not {record}");
        assert_eq!(grant["schema"], record["schema"], "{key:?}");
        let pending = disk.sql("SELECT name FROM meta WHERE name IN ('survey', 'rewrite')");
        assert!(pending.is_empty(), "{key:?} is left with {pending:?}");
        let log = disk.sql("SELECT count(*), coalesce(max(seq), 0), coalesce(min(seq), 1) FROM log");
        let [Cell::Integer(rows), Cell::Integer(last), Cell::Integer(first)] = log[0].as_slice() else {
            panic!("{log:?}")
        };
        assert_eq!((rows, first), (last, &1), "the log of {key:?} has gaps");
        let back = disk.sql("SELECT a.seq FROM log a JOIN log b ON b.seq = a.seq + 1 WHERE b.time < a.time LIMIT 1");
        assert!(back.is_empty(), "time goes back in the log of {key:?}");
    }
}

fn text(rows: &[Vec<Cell>]) -> String {
    match rows.first().map(Vec::as_slice) {
        Some([Cell::Text(text)]) => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn own(row: &Value) -> Map<String, Value> {
    let mut members = row.as_object().cloned().expect("a document");
    members.retain(|name, _| name != "id" && !name.starts_with('_'));
    members
}

async fn query(client: &Client, shop: &Shared, query: Value) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut page = query;
    loop {
        let reply = client.persist(&Ask::new("POST", shop.path("_query")).body(&page)).await;
        if reply.code() == "unknown_collection" {
            return rows;
        }
        assert_eq!(reply.status, 200, "{reply:?} to {page}");
        rows.extend(reply.json["rows"].as_array().cloned().expect("rows"));
        match reply.json["cursor"].as_str() {
            Some(cursor) => page["after"] = json!(cursor),
            None => return rows,
        }
    }
}

/// The shop's documents against the model, now and at earlier times, by index and by scan.
pub async fn shop(client: Client, shop: Shared) {
    let got = client.persist(&Ask::new("GET", shop.path("_schema"))).await;
    let schema = got.json["schema"].clone();
    let mut commits = 0;
    for key in KEYS {
        let pages = shop.books.borrow_mut().entry(key).or_default().replay();
        commits += pages.len();
        let last = pages.last().expect("a commit");
        for collection in ["accounts", "counters", "customers", "orders", "notes", "users"] {
            let found = query(&client, &shop, json!({ "from": collection, "key": key, "limit": 50 })).await;
            same(collection, last, &found);
        }
        let found = query(&client, &shop, json!({ "from": "items", "key": key })).await;
        items(last, &found, &schema);
        by_index(&client, &shop, key).await;
        let increments = |page: &Page| page.documents[&format!("counters/{key}/1")]["n"].clone();
        let counted = found_counter(&client, &shop, key).await;
        assert_eq!(counted, increments(last));
        for _ in 0..25 {
            let page = &pages[client.below(pages.len())];
            let collection = ["accounts", "orders", "users", "customers", "notes"][client.below(5)];
            let then = json!({ "from": collection, "key": key, "at": page.time.to_string(), "limit": 1000 });
            same(collection, page, &query(&client, &shop, then).await);
            let document = format!("accounts/{key}/{}", client.below(4));
            let ask = Ask::new("GET", shop.path(&document)).at(&page.time.to_string());
            let reply = client.persist(&ask).await;
            match page.documents.get(&document) {
                Some(members) => assert_eq!(own(&reply.json), *members, "{document} at {}", page.time),
                None => assert_eq!(reply.status, 404, "{reply:?}"),
            }
        }
        let balances = last.documents.iter().filter(|(name, _)| name.starts_with("accounts/"));
        assert_eq!(balances.filter_map(|(_, body)| body["balance"].as_i64()).sum::<i64>(), TOTAL);
    }
    let (schemas, rejected) = (shop.schemas.borrow().len(), shop.rejected.borrow().clone());
    eprintln!("{commits} batches committed, {schemas} schemas seen in force, rejected {rejected:?}");
    assert!(commits > 40, "hardly anything was committed: {commits}, {:?}", shop.rejected.borrow());
}

async fn found_counter(client: &Client, shop: &Shared, key: &str) -> Value {
    client.persist(&Ask::new("GET", shop.path(&format!("counters/{key}/1")))).await.json["n"].clone()
}

fn same(collection: &str, page: &Page, found: &[Value]) {
    let named = |row: &Value| format!("{collection}/{}", row["id"].as_str().expect("an id"));
    let found: BTreeMap<String, Map<String, Value>> = found.iter().map(|row| (named(row), own(row))).collect();
    let prefix = format!("{collection}/");
    let wanted: BTreeMap<String, Map<String, Value>> = page
        .documents
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(n, b)| (n.clone(), b.clone()))
        .collect();
    assert_eq!(found, wanted, "{collection} as of {}", page.time);
}

/// Items may have been rewritten by changes of schema: what those leave alone is as it was written.
fn items(page: &Page, found: &[Value], schema: &Value) {
    let fields = &schema["collections"]["items"]["fields"];
    let mut ids = BTreeSet::new();
    let mut serials = BTreeSet::new();
    for row in found {
        let name = format!("items/{}", row["id"].as_str().expect("an id"));
        let written = page.documents.get(&name).unwrap_or_else(|| panic!("{name} was never written, or deleted"));
        for field in ["n", "serial", "owner", "parity"] {
            assert_eq!(row.get(field), written.get(field), "{field} of {name}");
        }
        let label = written.get("label");
        assert!(row.get("label") == label || row.get("title") == label, "{row} was {written:?}");
        if fields["grade"].is_object() {
            assert_eq!(row["grade"], json!(1), "{row} has no grade");
        }
        if fields["sum"].is_object() {
            assert_eq!(row["sum"].as_i64(), row["n"].as_i64().map(|n| n + 1), "{row}");
        }
        if let (true, Some(serial)) = (fields["serial"]["unique"] == json!(true), row["serial"].as_i64()) {
            assert!(serials.insert(serial), "serial {serial} is there twice");
        }
        if let (true, Some(owner)) = (fields["owner"].is_object(), row["owner"].as_str()) {
            assert!(page.documents.contains_key(&format!("customers/{owner}")), "{row} has no owner");
        }
        ids.insert(name);
    }
    let written: BTreeSet<String> = page.documents.keys().filter(|name| name.starts_with("items/")).cloned().collect();
    assert_eq!(ids, written, "items");
}

/// What indexes find is what a look at every document finds.
async fn by_index(client: &Client, shop: &Shared, key: &str) {
    let all = query(client, shop, json!({ "from": "orders", "key": key, "limit": 1000 })).await;
    let is_open = |row: &&Value| row["status"] == json!("open");
    for number in 0..4 {
        let customer = format!("{key}/{number}");
        let filter = json!(["and", ["=", "customer", customer], ["=", "status", "open"]]);
        let found = query(client, shop, json!({ "from": "orders", "key": key, "where": filter })).await;
        let wanted: Vec<&Value> = all.iter().filter(is_open).filter(|row| row["customer"] == json!(customer)).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted);
    }
    let all = query(client, shop, json!({ "from": "items", "key": key, "limit": 1000 })).await;
    for (field, most) in [("n", 14), ("serial", 60)] {
        for value in 0..most {
            let filter = json!(["=", field, value]);
            let found = query(client, shop, json!({ "from": "items", "key": key, "where": filter })).await;
            let wanted: Vec<&Value> = all.iter().filter(|row| row[field] == json!(value)).collect();
            assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{field} = {value}");
        }
    }
}
