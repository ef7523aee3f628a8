//! What is refused at the door, and how.

use selvedge::error::Code;
use selvedge::limits::{BATCH_ID_BYTES, BODY_BYTES, ID_BYTES, NAME_BYTES};
use selvedge::router::Route;
use selvedge::wire::Bearer;

use super::{refused, send, send_as, someone};

#[test]
fn nobody_is_told_anything() {
    for (method, target) in [
        ("PUT", "/v1/shop"),
        ("GET", "/v1/shop/_schema"),
        ("PUT", "/v1/shop/_settings"),
        ("GET", "/v1/shop/_audit"),
        ("POST", "/v1/shop/_import"),
        ("GET", "/v1/shop/_export"),
        ("GET", "/v1/shop/_nothing"),
        ("GET", "/"),
        ("BREW", "/v1/shop"),
    ] {
        let refusal = send_as(Bearer::Nobody, method, target, &[]).map_err(|error| error.code);
        assert_eq!(refusal, Err(Code::Unauthenticated), "{method} {target}");
    }
}

#[test]
fn who_reaches_documents_is_for_their_partition_to_say() {
    for (method, target) in [("GET", "/v1/shop/orders/o1"), ("POST", "/v1/shop/_query"), ("POST", "/v1/shop/_many")] {
        for bearer in [Bearer::Nobody, Bearer::Token("e30.e30.".to_owned())] {
            assert!(send_as(bearer.clone(), method, target, &[]).is_ok(), "{bearer:?} {method} {target}");
        }
        let refusal = send_as(Bearer::Unusable, method, target, &[]).map_err(|error| error.code);
        assert_eq!(refusal, Err(Code::Unauthenticated), "{method} {target}");
    }
}

#[test]
fn a_token_reaches_documents_alone() {
    for (method, target) in [
        ("PUT", "/v1/shop"),
        ("GET", "/v1/shop/_schema"),
        ("GET", "/v1/shop/_settings"),
        ("GET", "/v1/shop/_audit"),
        ("GET", "/v1/shop/_keys"),
        ("POST", "/v1/shop/_import"),
        ("GET", "/v1/shop/_export"),
    ] {
        let bearer = Bearer::Token("e30.e30.".to_owned());
        let refusal = send_as(bearer, method, target, &[]).map_err(|error| error.code);
        assert_eq!(refusal, Err(Code::Forbidden), "{method} {target}");
    }
}

#[test]
fn databases_are_not_made_with_api_keys() {
    for method in ["PUT", "DELETE"] {
        let refusal = send_as(someone(), method, "/v1/shop", &[]).map_err(|error| error.code);
        assert_eq!(refusal, Err(Code::Forbidden), "{method}");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    for (target, allow) in [
        ("/v1/health", "GET, HEAD"),
        ("/v1/openapi.json", "GET, HEAD"),
        ("/v1/shop", "PUT, DELETE"),
        ("/v1/shop/_schema", "GET, HEAD, PUT"),
        ("/v1/shop/_settings", "GET, HEAD, PUT"),
        ("/v1/shop/_audit", "GET, HEAD"),
        ("/v1/shop/_keys", "GET, HEAD, POST"),
        ("/v1/shop/_keys/storefront", "DELETE"),
        ("/v1/shop/_query", "POST"),
        ("/v1/shop/_tx", "POST"),
        ("/v1/shop/_import", "POST"),
        ("/v1/shop/_export", "GET, HEAD"),
        ("/v1/shop/orders", "POST"),
        ("/v1/shop/orders/o1", "GET, HEAD, PUT, PATCH, DELETE"),
    ] {
        for method in ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", ""] {
            let answer = match send_as(Bearer::Root, method, target, &[]) {
                Ok(Route::Here(answer)) if answer.status == 405 => Some(answer),
                Ok(_) => None,
                Err(error) => panic!("{method} {target}: {error}"),
            };
            let allowed = allow.split(", ").any(|allowed| allowed == method);
            assert_eq!(answer.is_none(), allowed, "{method} {target}");
            if let Some(answer) = answer {
                assert!(answer.headers.contains(&("allow", allow.to_owned())), "{target}: {:?}", answer.headers);
                assert!(answer.body.contains("\"method_not_allowed\""), "{}", answer.body);
            }
        }
    }
}

#[test]
fn there_is_nothing_at_other_addresses() {
    for target in [
        "/",
        "",
        "*",
        "/v1",
        "/v1/",
        "/v2/shop",
        "/V1/shop",
        "v1/shop",
        "//v1/shop",
        "/v1/_shop",
        "/v1/shop/",
        "/v1/shop/_sync/1",
        "/v1/shop/_feed",
        "/v1/shop/_Query",
        "/v1/shop/_query/",
        "/v1/shop/_tx/1",
        "/v1/shop/_schema/1",
        "/v1/shop/_keys/a/b",
        "/v1/shop/_private/o1",
        "/v1/shop//o1",
        "/v1/health/",
        "/v1//orders/o1",
        "/v1/%5Fshop",
    ] {
        let expected = if target == "/v1//orders/o1" { Code::InvalidName } else { Code::UnknownRoute };
        assert_eq!(refused("GET", target, &[]), Some(expected), "{target}");
    }
}

#[test]
fn names_and_ids_in_an_address_are_checked() {
    let long_name = "n".repeat(NAME_BYTES + 1);
    let long_id = "i".repeat(ID_BYTES + 1);
    for (target, code) in [
        ("/v1/1shop/orders/o1", Code::InvalidName),
        ("/v1/shop%20/orders/o1", Code::InvalidName),
        ("/v1/shop%2Forders/orders/o1", Code::InvalidName),
        ("/v1/caf%C3%A9/orders/o1", Code::InvalidName),
        (&format!("/v1/{long_name}/orders/o1"), Code::InvalidName),
        (&format!("/v1/shop/{long_name}/o1"), Code::InvalidName),
        ("/v1/shop/..%2F_keys/o1", Code::InvalidName),
        ("/v1/shop/orders/", Code::InvalidId),
        ("/v1/shop/orders//o1", Code::InvalidId),
        ("/v1/shop/orders/acme/", Code::InvalidId),
        ("/v1/shop/orders/../_keys", Code::InvalidId),
        ("/v1/shop/orders/%2e%2E/o1", Code::InvalidId),
        ("/v1/shop/orders/acme/./o1", Code::InvalidId),
        ("/v1/shop/orders/a%00b", Code::InvalidId),
        ("/v1/shop/orders/a%0D%0Ab", Code::InvalidId),
        (&format!("/v1/shop/orders/{long_id}"), Code::InvalidId),
        ("/v1/shop/orders/%", Code::InvalidUtf8),
        ("/v1/shop/orders/%4", Code::InvalidUtf8),
        ("/v1/shop/orders/%zz", Code::InvalidUtf8),
        ("/v1/shop/orders/%+1", Code::InvalidUtf8),
        ("/v1/shop/orders/%C3%28", Code::InvalidUtf8),
        ("/v1/shop/orders/%ED%A0%80", Code::InvalidUtf8),
        ("/v1/%FF/orders/o1", Code::InvalidUtf8),
    ] {
        assert_eq!(refused("GET", target, &[]), Some(code), "{target}");
    }
    assert_eq!(refused("DELETE", "/v1/shop/_keys/1", &[]), Some(Code::InvalidName));
}

#[test]
fn parameters_are_known_and_stand_once() {
    for (method, target) in [
        ("GET", "/v1/health?x=1"),
        ("GET", "/v1/openapi.json?pretty"),
        ("GET", "/v1/shop/_schema?at=2026-01-31T12:00:00Z"),
        ("PUT", "/v1/shop/_schema?force"),
        ("GET", "/v1/shop/_keys?limit=5"),
        ("GET", "/v1/shop/orders/o1?version=3"),
        ("GET", "/v1/shop/orders/o1?At=2026-01-31T12:00:00Z"),
        ("GET", "/v1/shop/orders/o1?at=yesterday"),
        ("GET", "/v1/shop/orders/o1?at="),
        ("GET", "/v1/shop/orders/o1?consistency=casual"),
        ("GET", "/v1/shop/orders/o1?consistency=strong&consistency=strong"),
        ("PUT", "/v1/shop/orders/o1?at=2026-01-31T12:00:00Z"),
        ("POST", "/v1/shop/orders?id=o1"),
        ("POST", "/v1/shop/_query?key=acme"),
        ("POST", "/v1/shop/_tx?key=acme"),
        ("POST", "/v1/shop/_import?collection=orders"),
        ("GET", "/v1/shop/_export?key=acme"),
    ] {
        assert_eq!(refused(method, target, &[]), Some(Code::InvalidRequest), "{method} {target}");
    }
    assert_eq!(refused("POST", "/v1/shop/orders?key=a/b", &[]), Some(Code::InvalidId));
    assert_eq!(refused("POST", "/v1/shop/orders?key=%FF", &[]), Some(Code::InvalidUtf8));
    assert_eq!(refused("GET", "/v1/shop/_export?collection=_keys", &[]), Some(Code::InvalidName));
    let unknown = send("GET", &format!("/v1/shop/orders/o1?{}", "x".repeat(100_000)), &[]).unwrap_err();
    assert!(unknown.detail.len() < 200, "a long name is not sent back whole");
}

#[test]
fn preconditions_that_nothing_would_heed_are_refused() {
    for (method, target, name, value) in [
        ("PUT", "/v1/shop/orders/o1", "if-match", "17"),
        ("PUT", "/v1/shop/orders/o1", "if-match", ""),
        ("PUT", "/v1/shop/orders/o1", "if-match", "\"17"),
        ("PUT", "/v1/shop/orders/o1", "if-match", "\"17\" \"18\""),
        ("PUT", "/v1/shop/orders/o1", "if-match", "\"17\","),
        ("PUT", "/v1/shop/orders/o1", "if-match", "w/\"17\""),
        ("PUT", "/v1/shop/orders/o1", "if-match", "\"17\", \"18\""),
        ("PUT", "/v1/shop/orders/o1", "if-none-match", "\"17\""),
        ("GET", "/v1/shop/orders/o1", "if-none-match", "*"),
        ("GET", "/v1/shop/orders/o1", "if-none-match", "17"),
        ("PUT", "/v1/shop/_schema", "if-none-match", "*"),
        ("POST", "/v1/shop/orders", "if-none-match", "*"),
        ("POST", "/v1/shop/_tx", "if-match", "\"17\""),
        ("POST", "/v1/shop/_import", "if-match", "*"),
        ("POST", "/v1/shop/_keys", "if-none-match", "*"),
    ] {
        assert_eq!(refused(method, target, &[(name, value)]), Some(Code::InvalidRequest), "{method} {target} {value}");
    }
    let both = [("if-match", "*"), ("if-none-match", "*")];
    assert_eq!(refused("PUT", "/v1/shop/orders/o1", &both), Some(Code::InvalidRequest));
}

#[test]
fn an_idempotency_key_is_visible_ascii() {
    let long = "k".repeat(BATCH_ID_BYTES + 1);
    for key in ["", "two words", "käse", "a\tb", &long] {
        let headers = [("idempotency-key", key)];
        for (method, target) in [("PUT", "/v1/shop/orders/o1"), ("POST", "/v1/shop/orders"), ("POST", "/v1/shop/_tx")] {
            assert_eq!(refused(method, target, &headers), Some(Code::InvalidBatchId), "{method} {target} {key:?}");
        }
    }
}

#[test]
fn a_body_that_says_it_is_too_large_is_not_waited_for() {
    let (most, more) = (BODY_BYTES.to_string(), (BODY_BYTES + 1).to_string());
    for (method, target) in [
        ("PUT", "/v1/shop/orders/o1"),
        ("POST", "/v1/shop/orders"),
        ("POST", "/v1/shop/_query"),
        ("POST", "/v1/shop/_tx"),
        ("PUT", "/v1/shop/_schema"),
        ("POST", "/v1/shop/_keys"),
    ] {
        assert_eq!(refused(method, target, &[("content-length", &most)]), None, "{target}");
        assert_eq!(refused(method, target, &[("content-length", &more)]), Some(Code::TooLarge), "{target}");
    }
    assert_eq!(refused("POST", "/v1/shop/_import", &[("content-length", &more)]), None);
}

#[test]
fn a_socket_is_asked_for_as_one_and_in_our_protocol() {
    let (upgrade, protocol) = (("upgrade", "websocket"), "sec-websocket-protocol");
    for headers in [&[][..], &[(protocol, "selvedge.v1")], &[upgrade], &[upgrade, (protocol, "selvedge.v2, selvedge")]]
    {
        assert_eq!(refused("GET", "/v1/shop/_sync?key=a", headers), Some(Code::InvalidRequest), "{headers:?}");
    }
    assert_eq!(refused("GET", "/v1/shop/_sync?key=a", &[upgrade, (protocol, "x, selvedge.v1")]), None);
}
