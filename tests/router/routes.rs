//! Every route, and what of the head goes with it.

use selvedge::id::{CollectionName, DocumentRef, KeyName};
use selvedge::router::{Export, Route, elsewhere};
use selvedge::time::Time;
use selvedge::wire::{Bearer, CatalogCall, MORE_HEADER, PartitionCall, Precondition, Verb};

use super::{MADE, at_a_moment, catalog, partition, peeked, send, send_as, someone};

fn document(text: &str) -> DocumentRef {
    DocumentRef::parse(text).unwrap()
}

#[test]
fn the_service_answers_for_itself_to_anybody() {
    for method in ["GET", "HEAD"] {
        let Ok(Route::Here(health)) = send_as(Bearer::Nobody, method, "/v1/health", &[]) else { panic!("{method}") };
        assert_eq!((health.status, health.body.as_str()), (200, r#"{"status":"ok","version":"0.1.0"}"#));
    }
    let Ok(Route::Here(openapi)) = send_as(Bearer::Nobody, "GET", "/v1/openapi.json", &[]) else { panic!() };
    assert!(openapi.body.starts_with("{\n  \"openapi\": \"3.1.0\""), "{}", &openapi.body[..40]);
}

#[test]
fn a_document_is_read_at_the_partition_of_its_key() {
    let request = partition("GET", "/v1/shop/orders/acme/2026/o1", &[]);
    assert_eq!((request.db.as_str(), request.key.as_str()), ("shop", "acme"));
    assert_eq!((request.batch.as_str(), request.named), (MADE, false));
    assert_eq!(request.bearer, someone());
    let get = |at, unless| PartitionCall::Get { document: document("orders/acme/2026/o1"), at, unless };
    assert_eq!(request.call, get(None, None));
    assert_eq!(partition("HEAD", "/v1/shop/orders/acme/2026/o1", &[]).call, get(None, None));

    assert_eq!(partition("GET", "/v1/shop/orders/o1", &[]).key.as_str(), "");
    let at = Some(Time::parse("2026-01-31T10:00:00Z").unwrap());
    for query in ["at=2026-01-31T10:00:00Z", "at=2026-01-31T12%3A00%3A00%2B02%3A00", "at=2026-01-31T12:00:00+02:00"] {
        let request = partition("GET", &format!("/v1/shop/orders/acme/2026/o1?{query}&consistency=eventual"), &[]);
        assert_eq!(request.call, get(at, None), "{query}");
    }
}

#[test]
fn a_reader_names_the_version_it_has() {
    for (tag, unless) in [
        ("\"17\"", Some(17)),
        // Caches weaken tags when they compress; for a read that is the same document.
        ("W/\"17\"", Some(17)),
        ("\"abc\", \"17\"", Some(17)),
        ("\"abc\"", None),
        ("\"017\"", None),
        ("\"-1\"", None),
        ("\"1\", \"2\"", None),
    ] {
        let request = partition("GET", "/v1/shop/orders/o1", &[("if-none-match", tag)]);
        assert!(matches!(request.call, PartitionCall::Get { unless: found, .. } if found == unless), "{tag}");
    }
}

#[test]
fn a_document_is_written_under_its_preconditions() {
    for (method, verb) in [("PUT", Verb::Put), ("PATCH", Verb::Patch), ("DELETE", Verb::Delete)] {
        for (headers, only_if) in [
            (vec![], None),
            (vec![("if-match", "*")], Some(Precondition::Present)),
            (vec![("if-none-match", "*")], Some(Precondition::Absent)),
            (vec![("if-match", "\"17\"")], Some(Precondition::Version(17))),
            (vec![("if-match", " \"17\" , \"abc\"")], Some(Precondition::Version(17))),
            // A weak tag or one of somebody else's is no version of this document: never true, and never ignored.
            (vec![("if-match", "W/\"17\"")], Some(Precondition::Version(-1))),
            (vec![("if-match", "\"99999999999999999999\"")], Some(Precondition::Version(-1))),
            (vec![("if-match", "\"\"")], Some(Precondition::Version(-1))),
        ] {
            let request = partition(method, "/v1/shop/orders/acme/o1", &headers);
            let call = PartitionCall::Write { document: document("orders/acme/o1"), verb, only_if };
            assert_eq!((request.call, request.key.as_str()), (call, "acme"), "{method} {headers:?}");
        }
    }
}

#[test]
fn the_idempotency_key_is_the_batch_id_of_any_write() {
    let key = [("idempotency-key", "order-1")];
    for method in ["PUT", "PATCH", "DELETE"] {
        let request = partition(method, "/v1/shop/orders/o1", &key);
        assert_eq!((request.batch.as_str(), request.named), ("order-1", true), "{method}");
    }
    for target in ["/v1/shop/orders", "/v1/shop/_tx"] {
        let request = peeked(target, &key, "{}").unwrap();
        assert_eq!((request.batch.as_str(), request.named), ("order-1", true), "{target}");
        let request = peeked(target, &[], "{}").unwrap();
        assert_eq!((request.batch.as_str(), request.named), (MADE, false), "{target}");
    }
    // A read is no write.
    assert!(!partition("GET", "/v1/shop/orders/o1", &key).named);
    assert!(!peeked("/v1/shop/_query", &key, "{}").unwrap().named);
}

#[test]
fn the_catalog_has_schema_and_keys() {
    for (method, target, headers, call) in [
        ("GET", "/v1/shop/_schema", vec![], CatalogCall::GetSchema),
        ("HEAD", "/v1/shop/_schema", vec![], CatalogCall::GetSchema),
        ("PUT", "/v1/shop/_schema", vec![], CatalogCall::PutSchema { only_if: None }),
        ("PUT", "/v1/shop/_schema", vec![("if-match", "*")], CatalogCall::PutSchema { only_if: None }),
        ("PUT", "/v1/shop/_schema", vec![("if-match", "\"3\"")], CatalogCall::PutSchema { only_if: Some(3) }),
        ("PUT", "/v1/shop/_schema", vec![("if-match", "W/\"3\"")], CatalogCall::PutSchema { only_if: Some(-1) }),
        ("GET", "/v1/shop/_keys", vec![], CatalogCall::ListKeys),
        ("POST", "/v1/shop/_keys", vec![], CatalogCall::CreateKey),
        (
            "DELETE",
            "/v1/shop/_keys/front%2Dend",
            vec![],
            CatalogCall::DeleteKey { name: KeyName::parse("front-end").unwrap() },
        ),
    ] {
        let request = catalog(method, target, &headers);
        assert_eq!((request.db.as_str(), request.bearer, request.call), ("shop", someone(), call), "{method} {target}");
    }
}

#[test]
fn databases_are_made_with_the_root_key() {
    for (method, call) in [("PUT", CatalogCall::Create), ("DELETE", CatalogCall::Delete)] {
        match send_as(Bearer::Root, method, "/v1/shop", &[]) {
            Ok(Route::Catalog(request)) => assert_eq!((request.bearer, request.call), (Bearer::Root, call)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_export_visits_the_keys_and_goes_on_where_it_was() {
    let Ok(Route::Export(export)) = send("GET", "/v1/shop/_export?collection=orders", &[]) else { panic!() };
    assert_eq!(export.collection, Some(CollectionName::parse("orders").unwrap()));
    let key = document("orders/käse/o1").id.key();
    assert_eq!(export.keys(Some(key.clone())).call, CatalogCall::Keys { after: Some(key.clone()) });
    let after = Export::after("orders%2Fk%C3%A4se%2Fo1").unwrap();
    let request = at_a_moment(|moment| export.request(key.clone(), Some(after), moment));
    let call = PartitionCall::Export { collection: export.collection, after: Some(document("orders/käse/o1")) };
    assert_eq!((request.key, request.call), (key, call));
    assert!(Export::after("orders").unwrap_err().detail.contains(MORE_HEADER));
    assert!(matches!(send("GET", "/v1/shop/_export", &[]), Ok(Route::Export(Export { collection: None, .. }))));
}

#[test]
fn an_import_is_admitted_by_the_catalog_before_a_line_is_read() {
    let Ok(Route::Import(import)) = send("POST", "/v1/shop/_import", &[]) else { panic!() };
    let asked = import.admission();
    assert_eq!((asked.db, asked.bearer, asked.call), (import.db, import.bearer, CatalogCall::Admit));
}

#[test]
fn a_query_without_a_key_is_asked_again_where_the_documents_are() {
    let request = peeked("/v1/shop/_query", &[], r#"{"from": "orders"}"#).unwrap();
    let there = elsewhere(&request, "k%C3%A4se").unwrap();
    assert_eq!((there.key.as_str(), there.call), ("käse", request.call.clone()));
    assert!(elsewhere(&request, "a%2Fb").is_err());
}

#[test]
fn equal_addresses_are_the_same_place() {
    let plain = partition("GET", "/v1/shop/orders/acme/o1", &[]);
    for same in ["/v1/sh%6Fp/order%73/acme/o1", "/v1/shop/orders/acme%2Fo1", "/v1/shop/orders/acme%2fo%31"] {
        assert_eq!(partition("GET", same, &[]), plain, "{same}");
    }
    assert!(matches!(send("POST", "/v1/shop/%5Fquery", &[]), Ok(Route::Peek(_))));
}
