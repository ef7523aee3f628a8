//! Databases that are made, used and deleted again and again, each time with nothing left of the time before.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::client::{Ask, Client, Reply};

/// What the clients of one camp know together.
#[derive(Default)]
pub struct Camp {
    pub db: String,
    /// Rises with every making and deleting; odd while the database is there and stays.
    pub season: Cell<u64>,
    /// A second key's first write has been acknowledged.
    pub several: Cell<bool>,
    /// How often the database was made.
    pub made: Cell<u64>,
}

impl Camp {
    fn path(&self, rest: &str) -> String {
        format!("/v1/{}/{rest}", self.db)
    }

    fn next(&self) {
        self.season.set(self.season.get() + 1);
    }
}

pub async fn settler(client: Client, camp: Rc<Camp>) {
    let whole = Ask::new("POST", camp.path("_query")).body(&json!({ "from": "tents" }));
    let mut past: Option<String> = None;
    while !client.is_over() {
        let made = client.persist(&Ask::new("PUT", format!("/v1/{}", camp.db))).await;
        assert!(made.status == 201 || made.code() == "exists", "{made:?}");
        let token = token(&client, &camp).await;
        camp.made.set(camp.made.get() + 1);
        camp.several.set(false);
        camp.next();
        let mark = camp.made.get();
        let (mut keys, mut written) = (vec!["x"], 0);
        for step in 0..3 + client.below(6) {
            if step == 2 {
                keys.push("y");
            }
            let key = keys[client.below(keys.len())];
            let body = json!({ "mark": mark });
            let ask = Ask::new("PUT", camp.path(&format!("tents/{key}/{step}")))
                .body(&body)
                .token(&token)
                .header("idempotency-key", client.batch_id());
            let put = client.persist(&ask).await;
            assert!(matches!(put.status, 200 | 201), "{put:?}");
            assert_eq!(put.status, 201, "what is new was there: {put:?}");
            written += 1;
            if key == "y" {
                camp.several.set(true);
            }
            let asked = client.persist(&whole.clone().token(&token)).await;
            if camp.several.get() {
                assert_eq!(asked.code(), "several_keys", "{asked:?}");
            } else if asked.code() != "several_keys" {
                // A key may be taken into use by what comes to nothing, but not the other way round.
                assert_eq!(rows(&asked, mark), written, "{asked:?}");
            }
            if let Some(past) = &past {
                let stale = Ask::new("GET", camp.path(&format!("tents/{key}/0"))).token(past);
                let reply = client.persist(&stale).await;
                assert_eq!(reply.status, 401, "a key of a deleted database opens its successor: {reply:?}");
            }
        }
        let mut found = 0;
        for key in keys {
            let asked = Ask::new("POST", camp.path("_query")).body(&json!({ "from": "tents", "key": key }));
            let asked = client.persist(&asked.token(&token)).await;
            found += if asked.code() == "unknown_collection" { 0 } else { rows(&asked, mark) };
        }
        assert_eq!(found, written, "documents are missing");
        camp.next();
        let gone = client.persist(&Ask::new("DELETE", format!("/v1/{}", camp.db))).await;
        assert!(gone.status == 204 || gone.code() == "unknown_database", "{gone:?}");
        for (key, token, wanted) in [("x", &token, 401), ("y", &token, 401), ("x", &"root".to_owned(), 404)] {
            let reply = client.persist(&Ask::new("GET", camp.path(&format!("tents/{key}/0"))).token(token)).await;
            assert_eq!(reply.status, wanted, "a deleted database answers {key}: {reply:?}");
            assert_ne!(reply.code(), "not_found", "a deleted database answers {key}");
        }
        past = Some(token);
        client.think().await;
    }
}

/// The rows of an answer, all of them with a mark.
fn rows(reply: &Reply, mark: u64) -> usize {
    assert_eq!(reply.status, 200, "{reply:?}");
    let rows = reply.json["rows"].as_array().expect("rows");
    let foreign: Vec<&Value> = rows.iter().filter(|row| row["mark"] != json!(mark)).collect();
    assert!(foreign.is_empty(), "documents of a deleted database: {foreign:?}");
    rows.len()
}

async fn token(client: &Client, camp: &Camp) -> String {
    for number in 0.. {
        let body = json!({ "name": format!("k{number}"), "role": "write" });
        let made = client.persist(&Ask::new("POST", camp.path("_keys")).body(&body)).await;
        if let Some(token) = made.json["key"].as_str() {
            return token.to_owned();
        }
        assert_eq!(made.code(), "exists", "{made:?}");
    }
    unreachable!("there are more numbers")
}

/// Somebody who asks the whole database, from any key's door, and reads where nothing is.
pub async fn passer(client: Client, camp: Rc<Camp>) {
    let whole = Ask::new("POST", camp.path("_query")).body(&json!({ "from": "tents" }));
    while !client.is_over() {
        client.think().await;
        let (season, several) = (camp.season.get(), camp.several.get());
        let reply = client.call(&whole).await;
        let steady = season % 2 == 1 && camp.season.get() == season;
        let Some(reply) = reply.filter(|reply| steady && reply.status != 503) else { continue };
        match reply.code() {
            "several_keys" | "unknown_collection" => {}
            _ => {
                rows(&reply, camp.made.get());
                assert!(!several, "the whole of several keys is answered: {reply:?}");
            }
        }
    }
}
