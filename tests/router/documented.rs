//! The OpenAPI document says what the router does, no more and no less.

use std::collections::BTreeSet;

use selvedge::batch::decode;
use selvedge::error::{Code, Result};
use selvedge::id::Key;
use selvedge::limits::{IMPORT_ERRORS, NAME_BYTES, QUERY_ROWS, QUERY_ROWS_DEFAULT};
use selvedge::query::decode::query;
use selvedge::query::names::NoNames;
use selvedge::router::{Route, openapi};
use selvedge::settings::Settings;
use selvedge::wire::Bearer;
use serde_json::{Map, Value};

use super::{send_as, someone};

const METHODS: [&str; 8] = ["get", "put", "post", "patch", "delete", "head", "options", "trace"];

fn document() -> Value {
    serde_json::from_str(openapi()).unwrap()
}

/// What a reference leads to, or the value itself.
fn follow<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(place) => document.pointer(place.trim_start_matches('#')).unwrap_or_else(|| panic!("{place}")),
        None => value,
    }
}

/// The parameters of an operation, those of its path included.
fn parameters<'d>(document: &'d Value, path: &'d Value, operation: &'d Value) -> Vec<&'d Value> {
    let of = |holder: &'d Value| holder["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    of(path).iter().chain(of(operation)).map(|parameter| follow(document, parameter)).collect()
}

fn paths(document: &Value) -> &Map<String, Value> {
    document["paths"].as_object().unwrap()
}

/// The address of a path with the examples of its parameters filled in.
fn address(document: &Value, template: &str, path: &Value) -> String {
    parameters(document, path, &Value::Null).iter().fold(template.to_owned(), |address, parameter| {
        let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
        assert!(address.contains(&name), "{template} has no {name}");
        address.replace(&name, parameter["example"].as_str().unwrap())
    })
}

/// What becomes of a request; one to `_sync` asks for a socket, as nothing else is taken there.
fn sent(bearer: Bearer, method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Route> {
    let socket = [("upgrade", "websocket"), ("sec-websocket-protocol", "bearer.x, selvedge.v1")];
    let socket = if target.contains("/_sync") { &socket[..] } else { &[] };
    send_as(bearer, method, target, &[headers, socket].concat())
}

fn is_allowed(method: &str, target: &str, headers: &[(&str, &str)]) -> bool {
    match sent(Bearer::Root, &method.to_uppercase(), target, headers) {
        Ok(Route::Here(answer)) => answer.status != 405,
        Ok(_) => true,
        Err(error) => panic!("{method} {target} {headers:?}: {error}"),
    }
}

#[test]
fn every_documented_operation_is_routed_and_no_other() {
    let document = document();
    for (template, path) in paths(&document) {
        let address = address(&document, template, path);
        assert!(!address.contains('{'), "{address}");
        for method in METHODS {
            let documented = path.get(method).is_some() || (method == "head" && path.get("get").is_some());
            assert_eq!(is_allowed(method, &address, &[]), documented, "{method} {template}");
        }
    }
}

#[test]
fn every_place_is_documented() {
    let document = document();
    let documented: BTreeSet<String> =
        paths(&document).iter().map(|(template, path)| address(&document, template, path)).collect();
    let places = [
        "/v1/health",
        "/v1/openapi.json",
        "/v1/shop",
        "/v1/shop/_schema",
        "/v1/shop/_settings",
        "/v1/shop/_audit",
        "/v1/shop/_keys",
        "/v1/shop/_keys/storefront",
        "/v1/shop/_query",
        "/v1/shop/_tx",
        "/v1/shop/_many",
        "/v1/shop/_sync",
        "/v1/shop/_import",
        "/v1/shop/_export",
        "/v1/shop/_explain-access",
        "/v1/shop/orders",
        "/v1/shop/orders/acme%2Fo1",
    ];
    assert_eq!(documented, places.map(str::to_owned).into());
}

#[test]
fn every_documented_parameter_is_taken_and_no_other() {
    let document = document();
    let all: BTreeSet<&str> = document["components"]["parameters"]
        .as_object()
        .unwrap()
        .values()
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    for (template, path) in paths(&document) {
        let address = address(&document, template, path);
        for (method, operation) in path.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let mut taken = BTreeSet::new();
            for parameter in parameters(&document, path, operation) {
                let (name, example) = (parameter["name"].as_str().unwrap(), parameter["example"].as_str().unwrap());
                match parameter["in"].as_str().unwrap() {
                    "query" => {
                        assert!(is_allowed(method, &format!("{address}?{name}={example}"), &[]));
                        taken.insert(name);
                    }
                    "header" => assert!(is_allowed(method, &address, &[(&name.to_lowercase(), example)])),
                    place => assert_eq!(place, "path"),
                }
            }
            for other in all.difference(&taken) {
                let refused = sent(Bearer::Root, &method.to_uppercase(), &format!("{address}?{other}=x"), &[]);
                assert_eq!(
                    refused.map_err(|error| error.code),
                    Err(Code::InvalidRequest),
                    "{method} {template} {other}"
                );
            }
        }
    }
}

#[test]
fn who_needs_a_key_is_documented() {
    let document = document();
    for (template, path) in paths(&document) {
        let address = address(&document, template, path);
        for (method, operation) in path.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let open = operation["security"] == Value::Array(Vec::new());
            let nobody = sent(Bearer::Nobody, &method.to_uppercase(), &address, &[]);
            // Where documents are, the partition knows whether its schema lets nobody in particular in.
            let optional = operation["security"].as_array().is_some_and(|ways| ways.contains(&serde_json::json!({})));
            assert_eq!(nobody.is_ok(), open || optional, "{method} {template}");
            let token = sent(Bearer::Token("a.b.c".into()), &method.to_uppercase(), &address, &[]);
            assert_eq!(token.is_ok(), open || optional, "{method} {template}");
            assert_eq!(operation["responses"].get("401").is_none(), open, "{method} {template}");
            let root_alone = operation["description"].as_str().is_some_and(|text| text.contains("root key"));
            assert_eq!(sent(someone(), &method.to_uppercase(), &address, &[]).is_err(), root_alone, "{template}");
        }
    }
}

#[test]
fn the_codes_are_those_there_are() {
    let document = document();
    let documented: Vec<&str> = document["components"]["schemas"]["Code"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, codes);
    let text = document["components"]["schemas"]["Code"]["description"].as_str().unwrap();
    for code in Code::ALL {
        let line = format!("- `{}` ({}): {}", code.as_str(), code.status(), code.title());
        assert!(text.lines().any(|known| known == line), "{line}");
        let named = format!("`{}`", code.as_str());
        let responses = document["components"]["responses"].as_object().unwrap().values();
        let mentions = responses.filter(|response| response["description"].as_str().unwrap().contains(&named));
        assert_eq!(mentions.count(), 1, "{named} belongs to one response");
    }
}

#[test]
fn the_document_holds_together() {
    let document = document();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut ids = BTreeSet::new();
    for operation in paths(&document).values().flat_map(|path| path.as_object().unwrap().values()) {
        if let Some(id) = operation.get("operationId") {
            assert!(ids.insert(id.as_str().unwrap()), "{id} stands twice");
        }
    }
    assert_eq!(ids.len(), 24);
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        follow(&document, value);
        match value {
            Value::Object(members) => waiting.extend(members.values()),
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Query"]["properties"]["limit"]["maximum"], QUERY_ROWS);
    assert_eq!(schemas["Query"]["properties"]["limit"]["default"], QUERY_ROWS_DEFAULT);
    assert_eq!(schemas["ImportAnswer"]["properties"]["errors"]["maxItems"], IMPORT_ERRORS);
    assert!(schemas["Name"]["pattern"].as_str().unwrap().ends_with(&format!("{{0,{}}}$", NAME_BYTES - 1)));
}

#[test]
fn the_examples_are_taken() {
    let document = document();
    let examples = |name: &str| {
        let examples = document["components"]["schemas"][name]["examples"].as_array().unwrap().clone();
        assert!(!examples.is_empty());
        examples
    };
    for example in examples("Query") {
        query(&example, &NoNames).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
    for example in examples("Schema") {
        selvedge::schema::decode::schema(&example).unwrap_or_else(|error| panic!("{example}: {error:?}"));
    }
    for example in examples("Settings") {
        selvedge::settings::settings(&example, &Settings::default()).unwrap_or_else(|error| panic!("{error:?}"));
    }
    for example in examples("Batch") {
        let Value::Object(body) = example else { panic!("{example}") };
        assert!(decode::body(body, &Key::parse("acme").unwrap(), &NoNames).is_ok());
    }
}
