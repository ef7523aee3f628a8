//! Keys that stand in bodies.

use selvedge::error::Code;
use selvedge::limits::BODY_BYTES;
use selvedge::wire::PartitionCall;

use super::peeked;

/// The key that a request goes to, or the code it is refused with.
fn key(target: &str, body: &str) -> Result<String, Code> {
    peeked(target, &[], body).map(|request| request.key.as_str().to_owned()).map_err(|error| error.code)
}

fn goes_to(key: &str) -> Result<String, Code> {
    Ok(key.to_owned())
}

#[test]
fn a_query_goes_to_its_key() {
    for (body, expected, whole) in [
        (r#"{"from": "orders", "key": "acme"}"#, "acme", false),
        (r#" {"key": "k\u00e4se", "where": ["=", "key", "other"]}"#, "käse", false),
        (r#"{"key": ""}"#, "", false),
        (r#"{"from": "orders"}"#, "", true),
        (r#"{"from": "orders", "key": null}"#, "", true),
        (r#"{"include": {"key": {"key": "inner"}}}"#, "", true),
    ] {
        let request = peeked("/v1/shop/_query", &[], body).unwrap();
        assert_eq!((request.key.as_str(), request.call), (expected, PartitionCall::Query { whole }), "{body}");
    }
    assert_eq!(key("/v1/shop/_query", r#"{"key": 5}"#), Err(Code::InvalidQuery));
    assert_eq!(key("/v1/shop/_query", r#"{"key": "a/b"}"#), Err(Code::InvalidId));
}

#[test]
fn a_batch_goes_to_the_key_of_the_first_thing_that_has_one() {
    for (body, expected) in [
        (r#"{"ops": [{"insert": "orders/acme/o1", "body": {}}, {"delete": "orders/other/o1"}]}"#, "acme"),
        (r#"{"ops": [{"body": {"insert": "x/y/z"}, "replace": "orders/acme/o1"}]}"#, "acme"),
        (r#"{"ops": [{"patch": "orders/o1", "set": {}}]}"#, ""),
        (r#"{"ops": [{"check": "orders/acme/o1"}], "reads": [{"doc": "orders/other/o1"}]}"#, "acme"),
        (r#"{"reads": [{"doc": "orders/other/o1"}], "ops": [{"delete": "orders/acme/o1"}]}"#, "acme"),
        (r#"{"reads": [{"query": {"key": "first"}}, {"doc": "orders/acme/o1"}, {"doc": "a/b/c"}]}"#, "acme"),
        (r#"{"reads": [{"query": {"from": "x"}}, {"query": {"key": "acme"}}, {"query": {"key": "b"}}]}"#, "acme"),
        (r#"{"ops": []}"#, ""),
        ("{}", ""),
        (r#"{"ops": [], "reads": [{"query": {"from": "x"}}, {}, 5]}"#, ""),
    ] {
        assert_eq!(key("/v1/shop/_tx", body), goes_to(expected), "{body}");
    }
}

#[test]
fn a_batch_that_names_no_document_is_told_where() {
    let refused = peeked("/v1/shop/_tx", &[], r#"{"ops": [{"delete": "orders"}]}"#).unwrap_err();
    assert_eq!((refused.code, refused.members.get("operation")), (Code::InvalidId, Some(&0.into())));
    let body = r#"{"reads": [{"query": {}}, {"doc": "_x/o1", "version": 1}]}"#;
    let refused = peeked("/v1/shop/_tx", &[], body).unwrap_err();
    assert_eq!((refused.code, refused.members.get("read")), (Code::InvalidName, Some(&1.into())));
}

#[test]
fn a_batch_that_says_nothing_of_where_is_not_sent_anywhere() {
    for body in [
        r#"{"ops": [["insert", "orders/acme/o1"]]}"#,
        r#"{"ops": [{"insert": 5}], "reads": [{"doc": "orders/acme/o1"}]}"#,
        r#"{"ops": [{"body": {}}, {"insert": "orders/acme/o1"}]}"#,
        r#"{"ops": "orders/acme/o1"}"#,
        r#"{"ops": null}"#,
        r#"{"reads": {"doc": "orders/acme/o1"}}"#,
    ] {
        assert_eq!(key("/v1/shop/_tx", body), Err(Code::InvalidRequest), "{body}");
    }
}

#[test]
fn the_id_of_a_batch_and_its_idempotency_key_are_one() {
    let named = |body, headers: &[(&str, &str)]| {
        let request = peeked("/v1/shop/_tx", headers, body).map_err(|error| error.code)?;
        Ok((request.batch.as_str().to_owned(), request.named))
    };
    let header = [("idempotency-key", "b1")];
    assert_eq!(named(r#"{"id": "b1", "ops": []}"#, &[]), Ok(("b1".to_owned(), true)));
    assert_eq!(named(r#"{"id": "b1", "ops": []}"#, &header), Ok(("b1".to_owned(), true)));
    assert_eq!(named(r#"{"ops": []}"#, &header), Ok(("b1".to_owned(), true)));
    for (body, headers) in [
        (r#"{"id": "b2", "ops": []}"#, header.as_slice()),
        (r#"{"id": "", "ops": []}"#, &[]),
        (r#"{"id": "two words"}"#, &[]),
        (r#"{"id": 7}"#, &[]),
        (r#"{"id": null}"#, &header),
    ] {
        assert_eq!(named(body, headers), Err(Code::InvalidBatchId), "{body}");
    }
}

#[test]
fn an_insert_goes_to_its_id_or_to_the_key_that_is_asked_for() {
    for (target, body, expected) in [
        ("/v1/shop/orders", "{}", goes_to("")),
        ("/v1/shop/orders", r#"{"id": "o1"}"#, goes_to("")),
        ("/v1/shop/orders", r#"{"total": {"id": "x/y"}, "id": "acme/o1"}"#, goes_to("acme")),
        ("/v1/shop/orders?key=acme", r#"{"total": 5}"#, goes_to("acme")),
        ("/v1/shop/orders?key=acme", r#"{"id": "acme/o1"}"#, goes_to("acme")),
        ("/v1/shop/orders?key=", "{}", goes_to("")),
        ("/v1/shop/orders?key=a+b%2Bc", "{}", goes_to("a b+c")),
        ("/v1/shop/orders?key=acme", r#"{"id": "other/o1"}"#, Err(Code::SeveralKeys)),
        ("/v1/shop/orders?key=acme", r#"{"id": "acme"}"#, Err(Code::SeveralKeys)),
        ("/v1/shop/orders?key=", r#"{"id": "acme/o1"}"#, Err(Code::SeveralKeys)),
        ("/v1/shop/orders", r#"{"id": ""}"#, Err(Code::InvalidId)),
        ("/v1/shop/orders", r#"{"id": "acme//o1"}"#, Err(Code::InvalidId)),
        ("/v1/shop/orders", r#"{"id": 5}"#, Err(Code::InvalidId)),
        ("/v1/shop/orders", r#"{"id": null}"#, Err(Code::InvalidId)),
    ] {
        assert_eq!(key(target, body), expected, "{target} {body}");
    }
}

#[test]
fn a_body_that_cannot_be_read_is_refused_as_what_it_is() {
    for target in ["/v1/shop/_query", "/v1/shop/_tx", "/v1/shop/orders"] {
        for (body, code) in [
            ("", Code::InvalidJson),
            ("{", Code::InvalidJson),
            ("{\"id\": \"a\",}", Code::InvalidJson),
            ("{} {}", Code::InvalidJson),
            ("{\"id\": \"a\"", Code::InvalidJson),
            ("[]", Code::InvalidRequest),
            ("[\"acme\"]", Code::InvalidRequest),
            ("null", Code::InvalidRequest),
            ("\"acme\"", Code::InvalidRequest),
            ("5", Code::InvalidRequest),
        ] {
            assert_eq!(key(target, body), Err(code), "{target} {body}");
        }
        let Ok(selvedge::router::Route::Peek(peek)) = super::send("POST", target, &[]) else { panic!("{target}") };
        assert_eq!(peek.clone().with_body(b"{\"a\": \"\xff\"}").map_err(|error| error.code), Err(Code::InvalidUtf8));
        let mut body = b"{}".to_vec();
        body.resize(BODY_BYTES, b' ');
        assert!(peek.clone().with_body(&body).is_ok());
        body.push(b' ');
        assert_eq!(peek.with_body(&body).map_err(|error| error.code), Err(Code::TooLarge), "{target}");
    }
}

#[test]
fn what_is_passed_over_may_be_as_deep_and_wide_as_a_body() {
    let deep = format!("{{\"where\": {}{}, \"key\": \"acme\"}}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert_eq!(key("/v1/shop/_query", &deep), goes_to("acme"));
    let wide = format!("{{\"ops\": [{{\"delete\": \"orders/acme/o1\"}}{}]}}", ",{}".repeat(1 << 20));
    assert_eq!(key("/v1/shop/_tx", &wide), goes_to("acme"));
}
