//! Imports, each line by itself but committed together, and exports in pages; and what a write costs.

use selvedge::id::{CollectionName, DocumentRef};
use selvedge::wire::PartitionCall;
use serde_json::{Value, json};

use crate::world::World;

fn shop() -> World {
    World::with(json!({
        "users": { "fields": {
            "mail": { "type": "string", "unique": true },
            "boss": { "ref": "users", "optional": true },
            "age": { "type": "int", "optional": true, "check": [">", "age", 0] }
        } },
        "notes": { "fields": { "text": { "type": "json", "optional": true } }, "indexes": ["text"] }
    }))
}

/// The codes of the lines that failed, by their numbers.
fn failures(reply: &Value) -> Vec<(u64, String)> {
    let errors = reply["errors"].as_array().expect("errors");
    let one = |error: &Value| (error["line"].as_u64().expect("a line"), error["code"].as_str().expect("a code").into());
    errors.iter().map(one).collect()
}

#[test]
fn lines_that_fail_leave_the_others_alone() {
    let mut world = shop();
    world.put("users/old", json!({ "mail": "old" })).expect(201);
    let large = format!(r#"["orders",{{"id":"big","a":"{}"}}]"#, "x".repeat(1 << 20));
    let long = format!(r#"["notes",{{"id":"long","text":"{}"}}]"#, "x".repeat(2_000));
    let reply = world.import(
        "",
        &[
            r#"["users",{"id":"ann","mail":"ann"}]"#,
            r#"["users",{"id":"bob","mail":"ann"}]"#,
            r#"["users",{"id":"eve","mail":"eve","boss":"ann"}]"#,
            r#"["users",{"id":"zoe","mail":"zoe","boss":"later"}]"#,
            r#"["users",{"id":"later","mail":"later"}]"#,
            r#"["users",{"id":"five","mail":5}]"#,
            r#"["users",{"id":"age","mail":"age","age":0}]"#,
            r#"["users",{"id":"self","mail":"self","boss":"self"}]"#,
            r#"["orders",{"id":"other/o1"}]"#,
            r#"["orders",{"a":1}]"#,
            r#"{"orders":1}"#,
            "nonsense",
            "",
            r#"["_orders",{"id":"o1"}]"#,
            r#"["orders",{"id":"a//b"}]"#,
            &large,
            &long,
            r#"["users",{"id":"old","mail":"new","_version":77,"_time":"x"}]"#,
            r#"["users",{"id":"takes","mail":"old"}]"#,
            r#"["orders",{"id":"o1","_mine":1}]"#,
        ],
    );
    let reply = reply.expect(200);
    let failed: Vec<(u64, String)> = failures(&reply.json);
    let expected = [
        (2, "unique_violation"),
        (4, "ref_violation"),
        (6, "invalid_document"),
        (7, "check_failed"),
        (9, "several_keys"),
        (10, "invalid_request"),
        (11, "invalid_request"),
        (12, "invalid_json"),
        (13, "invalid_json"),
        (14, "invalid_name"),
        (15, "invalid_id"),
        (16, "too_large"),
        (17, "invalid_document"),
        (20, "invalid_document"),
    ];
    let expected: Vec<(u64, String)> = expected.iter().map(|(line, code)| (*line, (*code).to_owned())).collect();
    let mut sorted = failed.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
    assert_eq!((&reply.json["imported"], &reply.json["failed"]), (&json!(6), &json!(14)));
    let ids = world.ids(json!({ "from": "users", "orderBy": [["id", "asc"]] }));
    assert_eq!(ids, ["ann", "eve", "later", "old", "self", "takes"]);
    assert_eq!(world.document("users/takes")["mail"], "old");
    world.get("orders/o1").refused(404, "not_found");
}

#[test]
fn the_last_of_several_lines_of_a_document_stays() {
    let mut world = shop();
    let reply = world.import(
        "acme",
        &[
            r#"["users",{"id":"acme/ann","mail":"a"}]"#,
            r#"["users",{"id":"acme/ann","mail":"b"}]"#,
            r#"["users",{"id":"acme/bob","mail":"a"}]"#,
            r#"["users",{"id":"acme/ann","mail":7}]"#,
            r#"["users",{"id":"acme/ann","mail":"a"}]"#,
        ],
    );
    let reply = reply.expect(200);
    assert_eq!(failures(&reply.json), [(4, "invalid_document".to_owned()), (5, "unique_violation".to_owned())]);
    assert_eq!(world.document("users/acme/ann")["mail"], "b");
    assert_eq!(world.document("users/acme/ann")["_version"], 1, "one document, one change");
}

#[test]
fn a_value_that_a_line_gave_up_is_not_taken_back_from_another() {
    let mut world = shop();
    world.put("users/ann", json!({ "mail": "a" })).expect(201);
    let reply = world.import(
        "",
        &[
            r#"["users",{"id":"ann","mail":"b"}]"#,
            r#"["users",{"id":"bob","mail":"a"}]"#,
            r#"["users",{"id":"ann","mail":"a"}]"#,
        ],
    );
    assert_eq!(failures(&reply.expect(200).json), [(3, "unique_violation".to_owned())]);
    assert_eq!(
        (&world.document("users/ann")["mail"], &world.document("users/bob")["mail"]),
        (&json!("b"), &json!("a"))
    );
}

#[test]
fn a_short_line_that_becomes_too_long_for_an_index_fails_alone() {
    let mut world = World::with(json!({
        "notes": { "fields": {
            "text": { "type": "json", "optional": true },
            "made": { "type": "json", "default": "x".repeat(1_025) }
        }, "indexes": ["text"] },
        "filled": { "fields": { "made": { "type": "json", "default": ["x".repeat(1_025)] } }, "indexes": ["made"] }
    }));
    let numbers = vec!["9e18"; 90].join(",");
    let swells = format!(r#"["notes",{{"id":"swells","text":[{numbers}]}}]"#);
    assert!(swells.len() < 512);
    let reply = world.import(
        "",
        &[r#"["notes",{"id":"before"}]"#, &swells, r#"["filled",{"id":"f"}]"#, r#"["notes",{"id":"after"}]"#],
    );
    let reply = reply.expect(200);
    let failed = failures(&reply.json);
    assert_eq!(failed, [(2, "invalid_document".to_owned()), (3, "invalid_document".to_owned())]);
    assert_eq!(world.ids(json!({ "from": "notes", "orderBy": [["id", "asc"]] })), ["after", "before"]);
}

#[test]
fn a_repeated_import_comes_to_the_same() {
    let mut world = shop();
    let lines = [r#"["users",{"id":"ann","mail":"a"}]"#, r#"["users",{"id":"bob","mail":"b","boss":"ann"}]"#];
    let first = world.import("", &lines).expect(200);
    assert_eq!(world.import("", &lines).expect(200).json, first.json);
    assert_eq!(world.ids(json!({ "from": "users" })).len(), 2);
    assert_eq!(world.count("", "SELECT count(*) FROM receipt"), 0);
}

/// All pages of an export, as its lines.
fn export(world: &mut World, collection: Option<&str>) -> (Vec<String>, usize) {
    let collection = collection.map(|name| CollectionName::parse(name).expect("a name"));
    let (mut lines, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let call = PartitionCall::Export { collection: collection.clone(), after };
        let page = world.call("", call, "").expect(200);
        lines.extend(page.text.lines().map(str::to_owned));
        pages += 1;
        let Some(more) = page.header("selvedge-more") else { return (lines, pages) };
        let more = selvedge::wire::percent_decode(more).expect("a place");
        after = Some(DocumentRef::parse(&more).expect("a document"));
    }
}

#[test]
fn an_export_gives_every_document_once_and_comes_back_as_it_was() {
    let mut world = shop();
    for part in 0..2 {
        let insert = |n: usize| json!({ "insert": format!("notes/ü {}-{n}", part), "body": { "text": n } });
        world.ops(json!((0..750).map(insert).collect::<Vec<_>>())).expect(200);
    }
    world.put("users/ann", json!({ "mail": "a\n\"ü\u{2028}" })).expect(201);
    world.put("zebras/z1", json!({ "deep": { "er": [1, 2.5, null] } })).expect(201);
    let (lines, pages) = export(&mut world, None);
    assert!(pages > 2);
    assert_eq!(lines.len(), 1_502);
    let mut ids: Vec<String> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"))
        .map(|line| format!("{}/{}", line[0].as_str().expect("a name"), line[1]["id"].as_str().expect("an id")))
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1_502);
    assert_eq!(export(&mut world, Some("users")).0.len(), 1);
    assert_eq!(export(&mut world, Some("nothing")).0.len(), 0);
    let mut other = shop();
    for chunk in lines.chunks(1_000) {
        let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
        assert_eq!(other.import("", &chunk).expect(200).json["failed"], 0);
    }
    let plain = |lines: Vec<String>| -> Vec<Value> {
        let strip = |line: String| {
            let mut line: Value = serde_json::from_str(&line).expect("a line of JSON");
            let document = line[1].as_object_mut().expect("a document");
            document.remove("_version");
            document.remove("_time");
            line
        };
        lines.into_iter().map(strip).collect()
    };
    let again = export(&mut other, None).0;
    assert_eq!(plain(again), plain(lines));
}

#[test]
fn an_export_of_large_documents_has_small_pages() {
    let mut world = World::new();
    for n in 0..12 {
        world.put(&format!("orders/o{n}"), json!({ "a": "x".repeat(1_000_000) })).expect(201);
    }
    let (lines, pages) = export(&mut world, None);
    assert_eq!(lines.len(), 12);
    assert!(pages > 1);
}

/// Rows that the platform counts as written: those of tables, and one more for each entry of an index.
fn written(world: &mut World) -> i64 {
    let tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name GLOB 'd[0-9]*'";
    let mut rows = 0;
    for table in 1..=world.count("", tables) {
        let indexes = world.count("", &format!("SELECT count(*) FROM pragma_index_list('d{table}')"));
        rows += world.count("", &format!("SELECT count(*) FROM d{table}")) * (1 + indexes);
    }
    let index = "SELECT count(*) FROM pragma_index_list('log')";
    rows += world.count("", "SELECT count(*) FROM log") * (1 + world.count("", index));
    // Without rowid: its primary key is the table.
    rows + world.count("", "SELECT count(*) FROM receipt")
}

#[test]
fn a_plain_insert_writes_four_rows() {
    let mut world = World::new();
    world.put("orders/o0", json!({})).expect(201);
    let before = written(&mut world);
    let meta = world.count("", "SELECT sum(length(value)) FROM meta");
    let put = world.put("orders/o1", json!({ "a": 1 })).expect(201);
    assert_eq!(written(&mut world) - before, 4, "the document, its id, the log, the receipt");
    assert_eq!(world.count("", "SELECT sum(length(value)) FROM meta"), meta, "and nothing is kept beside them");
    assert_eq!(put.header("selvedge-cost").and_then(|cost| cost.split_once("written=")), Some(("read=0;", "3")));
}
