//! Whatever is sent, the router answers; and what it is not told by the caller's own headers, nobody can tell it.

use std::cell::RefCell;

use proptest::prelude::*;
use selvedge::id::DocumentId;
use selvedge::router::{Head, ImportSplitter, Route, route};
use selvedge::wire::{Bearer, PartitionCall, from_json, percent_encode, to_json};

use super::{at_a_moment, partition, send, send_as, someone};

#[test]
fn an_envelope_from_outside_changes_nothing() {
    let forged = to_json(&partition("DELETE", "/v1/other/secrets/s1", &[])).unwrap();
    let headers = [("selvedge-envelope", forged.as_str())];
    for (method, target) in [("GET", "/v1/shop/orders/o1"), ("POST", "/v1/shop/_tx"), ("GET", "/v1/shop/_keys")] {
        assert_eq!(send(method, target, &headers), send(method, target, &[]), "{method} {target}");
    }
    let Ok(Route::Partition(asked)) = send_as(Bearer::Nobody, "GET", "/v1/shop/orders/o1", &headers) else { panic!() };
    assert_eq!((asked.db.as_str(), asked.bearer), ("shop", Bearer::Nobody));
}

#[test]
fn only_headers_that_mean_something_are_read() {
    let known = ["content-length", "idempotency-key", "if-match", "if-none-match", "origin"];
    let asked = RefCell::new(Vec::new());
    let header = |name: &str| {
        asked.borrow_mut().push(name.to_owned());
        None
    };
    for (method, path) in [("PUT", "/v1/shop/orders/o1"), ("GET", "/v1/shop/orders/o1"), ("POST", "/v1/shop/_tx")] {
        let head = Head { method, path, query: "", header: &header, bearer: someone() };
        at_a_moment(|moment| route(&head, moment)).unwrap();
    }
    let asked = asked.into_inner();
    assert!(!asked.is_empty() && asked.iter().all(|name| known.contains(&name.as_str())), "{asked:?}");
}

#[test]
fn a_request_survives_its_journey() {
    let request = partition("PUT", "/v1/shop/orders/%F0%9F%A7%B5/%22%5C", &[("if-match", "\"3\"")]);
    assert_eq!(request.key.as_str(), "🧵");
    let envelope = to_json(&request).unwrap();
    assert_eq!(from_json(&envelope), Ok(request));
}

/// Text that looks like a part of a request often enough.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "(/|v1|shop|orders|_tx|_query|_keys|_import|%2[fF]|%|\\.\\.|\\.|ä|_|\u{0}){0,8}",
        "/v1/shop(/(orders|_[a-z]{1,6}|%[0-9a-fA-F]{0,2}|[a-z%./]{0,5})){0,4}",
    ]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(r#"{"ops":["#),
        Just(r#"{"insert":"a/b/c"}"#),
        Just(r#"{"id":"#),
        Just(r#""a/b""#),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(","),
        Just(":"),
        Just(r#""key""#),
        Just(r#""reads""#),
        Just(r#"{"doc":"a/b/c"}"#),
        Just("1e999"),
        Just("\\"),
        Just("\""),
        Just("null"),
        Just("\n"),
        Just("[\"orders\",{\"id\":\"a/1\"}]\r\n"),
    ];
    let joined = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![prop::collection::vec(any::<u8>(), 0..64), joined]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_request_is_answered(
        method in prop_oneof![Just("GET"), Just("PUT"), Just("POST"), Just("PATCH"), Just("DELETE"), Just("X")],
        path in texts(),
        query in prop_oneof![any::<String>(), "((at|key|consistency|collection)(=|&|%|[+]|é|[a-z0-9]){0,6}){0,3}"],
        value in prop::option::of(prop_oneof![any::<String>(), "(W/|\"|,|[0-9]|\\*| ){0,8}"]),
        body in bodies(),
    ) {
        let header = |_: &str| value.clone();
        let head = Head { method, path: &path, query: &query, header: &header, bearer: Bearer::Root };
        match at_a_moment(|moment| route(&head, moment)) {
            Ok(Route::Partition(request)) => match &request.call {
                PartitionCall::Get { document, .. } | PartitionCall::Write { document, .. } => {
                    prop_assert_eq!(document.id.key(), request.key);
                }
                other => prop_assert!(false, "{:?}", other),
            },
            Ok(Route::Peek(peek)) => { let _ = peek.with_body(&body); }
            Ok(_) => {}
            Err(error) => prop_assert!((400..500).contains(&error.code.status()), "{}", error),
        }
    }

    #[test]
    fn any_body_is_looked_into(body in bodies(), target in prop_oneof![Just("_tx"), Just("_query"), Just("orders")]) {
        match send("POST", &format!("/v1/shop/{target}"), &[]) {
            Ok(Route::Peek(peek)) => if let Err(error) = peek.with_body(&body) {
                prop_assert!((400..500).contains(&error.code.status()), "{}", error);
            },
            other => prop_assert!(false, "{:?}", other),
        }
        let mut splitter = ImportSplitter::new();
        let mut lines: usize = splitter.push(&body).iter().map(|chunk| chunk.lines.len()).sum();
        lines += splitter.finish().iter().map(|chunk| chunk.lines.len()).sum::<usize>();
        let told: serde_json::Value = serde_json::from_str(&splitter.summary().answer().unwrap().body).unwrap();
        let all = body.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace)).count();
        prop_assert_eq!(lines + usize::try_from(told["failed"].as_u64().unwrap()).unwrap(), all);
    }

    #[test]
    fn an_id_comes_back_from_its_address(id in "[^\\p{Cc}/]{1,20}(/[^\\p{Cc}/]{1,20}){0,3}") {
        prop_assume!(DocumentId::parse(&id).is_ok());
        let by_segment: Vec<String> = id.split('/').map(percent_encode).collect();
        for address in [by_segment.join("/"), percent_encode(&id)] {
            let request = partition("GET", &format!("/v1/shop/orders/{address}"), &[]);
            prop_assert_eq!(request.key, DocumentId::parse(&id).unwrap().key());
            match request.call {
                PartitionCall::Get { document, .. } => prop_assert_eq!(document.id.as_str(), id.as_str()),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
