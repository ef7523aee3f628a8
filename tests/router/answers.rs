//! Answers to requests that travel together, put together again.

use std::iter::repeat_n;

use selvedge::id::DatabaseName;
use selvedge::limits::ANSWER_BYTES;
use selvedge::router::Many;
use serde_json::{Value, json};

use crate::{at_a_moment, someone};

#[test]
fn what_finds_no_room_is_left_out_by_itself_and_what_was_written_is_told() {
    let many = Many { db: DatabaseName::parse("shop").unwrap(), bearer: someone(), origin: None };
    let get = json!({ "get": "notes/a/n" });
    let write = json!({ "tx": { "ops": [{ "patch": "notes/a/n", "set": { "n": 1 } }] } });
    let requests: Vec<Value> = repeat_n(get, 18).chain([write]).collect();
    let asked = json!({ "requests": requests }).to_string();
    let (parts, mut replies) = at_a_moment(|moment| many.split(asked.as_bytes(), moment)).unwrap();
    let [part] = parts.as_slice() else { panic!("one key is one part") };
    let large = json!({ "status": 200, "body": { "id": "a/n", "text": "x".repeat(ANSWER_BYTES / 16 - 60) } });
    let small = json!({ "status": 200, "body": { "results": [{ "id": "a/n", "version": 7 }] } });
    let answered: Vec<Value> = repeat_n(large, 18).chain([small.clone()]).collect();
    replies.take(part, 200, &Value::from(answered).to_string(), None).unwrap();
    assert!(replies.is_short());
    let answer = replies.answer();
    assert!(answer.body.len() < ANSWER_BYTES + 10_000);
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    let statuses: Vec<&Value> = told["results"].as_array().unwrap().iter().map(|reply| &reply["status"]).collect();
    let expected: Vec<u16> = repeat_n(200, 16).chain([413, 413, 200]).collect();
    assert_eq!(statuses, expected);
    assert_eq!(told["results"][16]["body"]["code"], json!("answer_too_large"));
    assert_eq!(told["results"][18], small);
}
