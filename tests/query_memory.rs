//! Queries as callers write them, answered in memory: what each operator, include, join, group and cursor means.

use std::collections::BTreeMap;

use proptest::prelude::*;
use selvedge::error::{Code, Result};
use selvedge::id::CollectionName;
use selvedge::query::decode;
use selvedge::query::memory::Memory;
use selvedge::query::names::{Names, NoNames};
use selvedge::query::run::{Answer, run};
use selvedge::query::tree::Relation;
use selvedge::value::{Path, Value};
use serde_json::json;

fn name(text: &str) -> CollectionName {
    CollectionName::parse(text).expect(text)
}

fn path(text: &str) -> Path {
    Path::parse(text).expect(text)
}

/// A shop: `orders.customer` and `customers.city` are references, `customers.orders` names a reverse relation,
/// `customers` is closed.
struct Shop;

impl Names for Shop {
    fn relation(&self, collection: &CollectionName, relation: &str) -> Option<Relation> {
        let forward = |to| Some(Relation::Forward { path: path(relation), collection: name(to) });
        match (collection.as_str(), relation) {
            ("orders", "customer") => forward("customers"),
            ("customers", "city") => forward("cities"),
            ("lines", "order") => forward("orders"),
            ("customers", "orders") => Some(Relation::Reverse { collection: name("orders"), by: path("customer") }),
            _ => None,
        }
    }

    fn may_have(&self, collection: &CollectionName, path: &Path) -> bool {
        collection.as_str() != "customers" || ["id", "_version", "_time", "name", "city"].contains(&path.head())
    }
}

fn memory(collections: Value) -> Memory {
    let collections: BTreeMap<CollectionName, Vec<Value>> = collections
        .as_object()
        .expect("collections by name")
        .iter()
        .map(|(collection, documents)| (name(collection), documents.as_array().expect("documents").clone()))
        .collect();
    Memory::new(collections)
}

fn shop() -> Memory {
    memory(json!({
        "cities": [{"id": "b", "name": "Bergen"}, {"id": "o", "name": "Oslo"}],
        "customers": [
            {"id": "c1", "name": "Ada", "city": "b"},
            {"id": "c2", "name": "Bo", "city": "gone"},
            {"id": "c3", "name": "Cy", "city": null},
        ],
        "orders": [
            {"id": "o1", "customer": "c1", "total": 30, "paid": {"at": "2026-01-02"}, "tags": ["new", 7]},
            {"id": "o2", "customer": "c1", "total": 10.5, "tags": []},
            {"id": "o3", "customer": "c2", "total": -4, "note": "50% off"},
            {"id": "o4", "customer": null, "total": "n/a"},
            {"id": "o5", "total": true},
        ],
        "lines": [
            {"id": "l1", "order": "o1", "sku": "x", "n": 2},
            {"id": "l2", "order": "o1", "sku": "y", "n": 1},
            {"id": "l3", "order": "o2", "sku": "x", "n": 5},
        ],
    }))
}

fn ask_of(memory: &mut Memory, query: &Value) -> Result<Answer> {
    run(&decode::query(query, &Shop)?, memory, None)
}

fn ask(query: Value) -> Vec<Value> {
    let answer = ask_of(&mut shop(), &query).unwrap_or_else(|error| panic!("{query}: {error}"));
    rows(&answer)
}

fn rows(answer: &Answer) -> Vec<Value> {
    answer.rows.iter().map(|row| serde_json::from_str(row).expect(row)).collect()
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().expect("an id")).collect()
}

fn code(query: Value) -> Code {
    match decode::query(&query, &Shop).and_then(|query| run(&query, &mut shop(), None)) {
        Ok(answer) => panic!("{query} is answered: {answer:?}"),
        Err(error) => {
            assert!(error.detail.ends_with('.'), "{query}: {:?} is a sentence", error.detail);
            error.code
        }
    }
}

#[test]
fn every_operator_finds_what_it_says() {
    for (condition, found) in [
        (json!(["=", "total", 30]), "o1"),
        (json!(["=", "total", null]), ""),
        (json!(["=", "note", null]), "o1 o2 o4 o5"),
        (json!(["is", "customer", null]), "o4 o5"),
        (json!(["=", "tags", []]), "o2"),
        (json!(["=", "paid", {"value": {"at": "2026-01-02"}}]), "o1"),
        (json!(["!=", "total", 30]), "o2 o3 o4 o5"),
        // Order holds within a type alone.
        (json!(["<", "total", 30]), "o2 o3"),
        (json!(["<=", "total", 30]), "o1 o2 o3"),
        (json!([">", "total", 10]), "o1 o2"),
        (json!([">=", "total", "a"]), "o4"),
        (json!([">=", "total", false]), "o5"),
        (json!(["<", "tags", ["z"]]), ""),
        (json!(["<=", "note", null]), ""),
        (json!(["=", "id", {"path": "id"}]), "o1 o2 o3 o4 o5"),
        (json!(["=", {"path": ["paid", "at"]}, "2026-01-02"]), "o1"),
        (json!(["in", "total", [-4, "n/a", 99]]), "o3 o4"),
        (json!(["in", "note", [null]]), "o1 o2 o4 o5"),
        (json!(["in", "total", []]), ""),
        (json!(["in", "paid", {"value": [{"at": "2026-01-02"}]}]), "o1"),
        (json!(["like", "note", "50%"]), "o3"),
        (json!(["like", "note", "5_% OFF"]), ""),
        (json!(["like", "total", "%"]), "o4"),
        (json!(["prefix", "customer", "c1"]), "o1 o2"),
        (json!(["contains", "tags", 7]), "o1"),
        (json!(["contains", "note", "% o"]), "o3"),
        (json!(["contains", "note", 50]), ""),
        (json!(["null", "paid.at"]), "o2 o3 o4 o5"),
        (json!(["and"]), "o1 o2 o3 o4 o5"),
        (json!(["or"]), ""),
        (json!(["and", [">", "total", 0], ["null", "paid"]]), "o2"),
        (json!(["or", ["=", "id", "o5"], ["=", "total", -4]]), "o3 o5"),
        (json!(["not", ["in", "customer", ["c1", null]]]), "o3"),
        (json!(["exists", "customer"]), "o1 o2 o3"),
        (json!(["exists", "customer", ["=", "name", "Ada"]]), "o1 o2"),
        (json!(["exists", {"from": "lines", "by": "order"}, [">", "n", 4]]), "o2"),
        (json!(["not", ["exists", {"from": "lines", "by": "order"}]]), "o3 o4 o5"),
        (json!(["exists", {"from": "customers", "ref": "customer"}, ["exists", "city"]]), "o1 o2"),
    ] {
        let rows = ask(json!({"from": "orders", "where": condition}));
        assert_eq!(ids(&rows).join(" "), found, "{condition}");
    }
}

#[test]
fn a_plain_row_is_the_document_untouched() {
    let answer = ask_of(&mut shop(), &json!({"from": "lines", "limit": 1})).expect("rows");
    assert_eq!(answer.rows, [r#"{"id":"l1","n":2,"order":"o1","sku":"x"}"#]);
}

#[test]
fn order_is_by_type_then_value_then_id() {
    let rows = ask(json!({"from": "orders", "orderBy": ["total"]}));
    assert_eq!(ids(&rows), ["o5", "o3", "o2", "o1", "o4"]);
    let rows = ask(json!({"from": "orders", "orderBy": [["customer", "desc"]]}));
    assert_eq!(ids(&rows), ["o3", "o2", "o1", "o5", "o4"], "ties go the way of the last term");
    let rows = ask(json!({"from": "orders", "orderBy": [["customer", "desc"], ["id", "asc"]]}));
    assert_eq!(ids(&rows), ["o3", "o1", "o2", "o4", "o5"]);
}

#[test]
fn select_keeps_places_or_gives_new_ones() {
    let rows = ask(json!({"from": "orders", "select": ["id", "paid.at", {"sum": "total"}], "limit": 2}));
    assert_eq!(rows, [json!({"id": "o1", "paid": {"at": "2026-01-02"}, "sum": 30}), json!({"id": "o2", "sum": 10.5})]);
    let rows = ask(json!({"from": "orders", "select": {"when": "paid.at"}, "limit": 1}));
    assert_eq!(rows, [json!({"when": "2026-01-02"})]);
}

#[test]
fn includes_nest_in_both_directions() {
    let rows = ask(json!({
        "from": "cities",
        "select": ["id"],
        "include": {"people": {"from": "customers", "by": "city", "select": ["name"], "include": {
            "orders": {"orderBy": [["total", "desc"]], "select": ["id"], "include": {
                "lines": {"from": "lines", "by": "order", "limit": 1, "select": ["sku"]},
                "buyer": {"ref": "customer", "select": ["name"]},
            }},
        }}},
    }));
    let buyer = json!({"name": "Ada"});
    assert_eq!(
        rows,
        [
            json!({"id": "b", "people": [{"name": "Ada", "orders": [
                {"id": "o1", "lines": [{"sku": "x"}], "buyer": buyer},
                {"id": "o2", "lines": [{"sku": "x"}], "buyer": buyer},
            ]}]}),
            json!({"id": "o", "people": []}),
        ]
    );
}

#[test]
fn a_reference_that_finds_nothing_includes_null() {
    let rows = ask(json!({"from": "customers", "include": {"city": {"select": ["name"]}}}));
    let cities: Vec<&Value> = rows.iter().map(|row| &row["city"]).collect();
    assert_eq!(cities, [&json!({"name": "Bergen"}), &Value::Null, &Value::Null], "there, gone, null");
    let rows = ask(json!({"from": "orders", "include": {"customer": {"where": ["=", "name", "Bo"]}}}));
    let buyers: Vec<&Value> = rows.iter().map(|row| &row["customer"]["name"]).collect();
    assert_eq!(buyers, [&Value::Null, &Value::Null, &json!("Bo"), &Value::Null, &Value::Null]);
}

#[test]
fn an_include_filters_orders_and_limits_for_each_row() {
    let rows = ask(json!({"from": "customers", "where": ["=", "id", "c1"], "include": {
        "cheap": {"from": "orders", "by": "customer", "where": ["<", "total", 20]},
        "last": {"from": "orders", "by": "customer", "orderBy": [["id", "desc"]], "limit": 1},
    }}));
    assert_eq!(ids(rows[0]["cheap"].as_array().expect("orders")), ["o2"]);
    assert_eq!(ids(rows[0]["last"].as_array().expect("orders")), ["o2"]);
}

#[test]
fn joins_make_a_row_for_every_match() {
    let rows = ask(json!({
        "from": "orders",
        "join": {"l": {"from": "lines", "on": [["id", "order"]]}},
        "where": [">", "l.n", 1],
        "orderBy": [["l.n", "desc"]],
        "select": {"order": "id", "sku": "l.sku"},
    }));
    let line = |id, n, order, sku| json!({"id": id, "n": n, "order": order, "sku": sku});
    assert_eq!(
        rows,
        [
            json!({"order": "o2", "sku": "x", "l": line("l3", 5, "o2", "x")}),
            json!({"order": "o1", "sku": "x", "l": line("l1", 2, "o1", "x")}),
        ]
    );
}

#[test]
fn a_join_may_be_called_as_the_field_it_starts_from() {
    let rows = ask(json!({
        "from": "lines",
        "join": {
            "order": {"from": "orders", "on": [["order", "id"]]},
            "customer": {"from": "customers", "on": [["order.customer", "id"]]},
        },
        "select": {"n": "n", "total": "order.total", "name": "customer.name"},
    }));
    let expected = [(2, json!(30)), (1, json!(30)), (5, json!(10.5))]
        .map(|(n, total)| json!({"n": n, "total": total, "name": "Ada"}));
    let stripped: Vec<Value> = rows
        .into_iter()
        .map(|mut row| {
            row.as_object_mut().expect("an object").retain(|name, _| ["n", "total", "name"].contains(&name.as_str()));
            row
        })
        .collect();
    assert_eq!(stripped, expected);
}

#[test]
fn an_optional_join_keeps_rows_and_null_joins_nothing() {
    let query = |optional: bool| {
        json!({
            "from": "orders",
            // `b` goes on from `z`, whatever the alphabet says.
            "join": {
                "z": {"from": "customers", "on": [["customer", "id"]], "where": ["!=", "name", "Bo"], "optional": optional},
                "b": {"from": "cities", "on": [["z.city", "id"]], "optional": optional},
            },
        })
    };
    assert_eq!(ids(&ask(query(false))), ["o1", "o2"]);
    let rows = ask(query(true));
    assert_eq!(ids(&rows), ["o1", "o2", "o3", "o4", "o5"]);
    assert_eq!(rows[0]["b"]["name"], json!("Bergen"));
    assert_eq!((&rows[2]["z"], &rows[3]["z"]), (&Value::Null, &Value::Null));
    // Two orders without a customer, two customers without one of theirs: null is equal to no null here.
    let rows = ask(json!({"from": "orders", "join": {"c": {"from": "cities", "on": [["customer", "missing"]]}}}));
    assert_eq!(rows, Vec::<Value>::new());
}

#[test]
fn groups_compute_what_they_say() {
    let rows = ask(json!({
        "from": "orders",
        "groupBy": ["customer"],
        "aggregate": {
            "n": ["count"], "noted": ["count", "note"], "sum": ["sum", "total"], "mean": ["avg", "total"],
            "least": ["min", "total"], "most": ["max", "total"],
        },
        "orderBy": [["n", "desc"], ["customer", "asc"]],
    }));
    assert_eq!(
        rows,
        [
            // Booleans are below strings, and neither is added up.
            json!({"customer": null, "n": 2, "noted": 0, "sum": 0, "mean": null, "least": true, "most": "n/a"}),
            json!({"customer": "c1", "n": 2, "noted": 0, "sum": 40.5, "mean": 20.25, "least": 10.5, "most": 30}),
            json!({"customer": "c2", "n": 1, "noted": 1, "sum": -4, "mean": -4, "least": -4, "most": -4}),
        ]
    );
}

#[test]
fn groups_name_nested_and_joined_paths_flat() {
    let rows = ask(json!({
        "from": "lines",
        "join": {"o": {"from": "orders", "on": [["order", "id"]]}},
        "groupBy": ["o.paid.at"],
        "aggregate": {"pieces": ["sum", "n"]},
    }));
    assert_eq!(rows, [json!({"o.paid.at": null, "pieces": 5}), json!({"o.paid.at": "2026-01-02", "pieces": 3})]);
}

#[test]
fn all_of_nothing_is_one_group_and_groups_of_nothing_are_none() {
    let all = json!({"from": "nowhere", "aggregate": {"n": ["count"], "sum": ["sum", "x"], "max": ["max", "x"]}});
    assert_eq!(ask(all), [json!({"n": 0, "sum": 0, "max": null})]);
    assert_eq!(ask(json!({"from": "nowhere", "groupBy": ["x"]})), Vec::<Value>::new());
}

#[test]
fn groups_come_in_pages() {
    let query =
        json!({"from": "orders", "groupBy": ["id"], "aggregate": {"n": ["count"]}, "orderBy": ["n"], "limit": 2});
    assert_eq!(pages(&mut shop(), &query), [vec!["o1", "o2"], vec!["o3", "o4"], vec!["o5"]]);
}

/// The ids of each page until there is no cursor.
fn pages(memory: &mut Memory, query: &Value) -> Vec<Vec<String>> {
    let (mut query, mut pages) = (query.clone(), Vec::new());
    loop {
        let answer = ask_of(memory, &query).unwrap_or_else(|error| panic!("{query}: {error}"));
        pages.push(ids(&rows(&answer)).into_iter().map(str::to_owned).collect());
        match answer.cursor {
            Some(cursor) => query["after"] = Value::from(cursor),
            None => return pages,
        }
        assert!(pages.len() < 1_000, "{query} ends");
    }
}

#[test]
fn the_last_page_has_no_cursor_even_if_it_is_full() {
    let query = json!({"from": "customers", "limit": 3});
    assert_eq!(pages(&mut shop(), &query), [["c1", "c2", "c3"]]);
}

#[test]
fn a_cursor_goes_on_where_it_was_while_data_change() {
    let documents = |ids: &[u32]| {
        let documents: Vec<Value> = ids.iter().map(|n| json!({"id": format!("d{n}"), "rank": n / 2})).collect();
        memory(json!({ "d": documents }))
    };
    let mut query = json!({"from": "d", "orderBy": ["rank"], "limit": 3});
    let first = ask_of(&mut documents(&[1, 3, 5, 7, 9]), &query).expect("a page");
    assert_eq!(ids(&rows(&first)), ["d1", "d3", "d5"]);
    query["after"] = Value::from(first.cursor.expect("more"));
    // Its last row is deleted, one appears before it and one after it.
    let second = ask_of(&mut documents(&[0, 1, 3, 6, 7, 9]), &query).expect("a page");
    assert_eq!(ids(&rows(&second)), ["d6", "d7", "d9"]);
}

#[test]
fn a_cursor_of_another_query_is_refused_and_another_limit_is_not() {
    let cursor = ask_of(&mut shop(), &json!({"from": "orders", "limit": 1})).expect("a page").cursor.expect("more");
    let on = |change: Value| {
        let mut query = json!({"from": "orders", "after": cursor});
        query.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        query
    };
    assert_eq!(ids(&ask(on(json!({"limit": 2})))), ["o2", "o3"]);
    for change in [
        json!({"where": ["=", "total", 1]}),
        json!({"orderBy": [["id", "desc"]]}),
        json!({"from": "lines"}),
        json!({"select": ["id"]}),
        json!({"after": "bm9uc2Vuc2U"}),
        json!({"after": ""}),
        json!({"after": "x".repeat(10_000)}),
    ] {
        assert_eq!(code(on(change.clone())), Code::InvalidCursor, "{change}");
    }
}

#[test]
fn the_digest_tells_another_answer_from_the_same() {
    let digest = |query: Value| ask_of(&mut shop(), &query).expect("rows").digest;
    let one = digest(json!({"from": "customers", "where": ["=", "id", "c1"], "limit": 1}));
    assert_eq!(one, digest(json!({"from": "customers", "where": ["in", "id", ["c1"]]})));
    assert_ne!(one, digest(json!({"from": "customers", "where": ["=", "id", "c2"]})));
    // The same rows, but more to come: whoever was told that this was all has seen something else.
    assert_ne!(one, digest(json!({"from": "customers", "limit": 1})));
}

#[test]
fn explain_says_how_and_answers_no_rows() {
    let query = json!({"from": "customers", "explain": true, "include": {"orders": {"include": {
        "lines": {"from": "lines", "by": "order"},
    }}}});
    let answer = ask_of(&mut shop(), &query).expect("a plan");
    assert_eq!((answer.rows.len(), answer.cursor), (0, None));
    let plan = answer.plan.expect("a plan").join("\n");
    for part in ["customers", "orders", "orders.lines"] {
        assert!(plan.contains(part), "{plan} says {part}");
    }
}

#[test]
fn too_large_an_answer_is_refused_before_it_is_made() {
    let big = "x".repeat(1_000_000);
    let refer: Vec<Value> = (0..20).map(|n| json!({"id": format!("r{n}"), "to": "t"})).collect();
    let mut memory = memory(json!({"refer": refer, "target": [{"id": "t", "big": big}]}));
    let query = json!({"from": "refer", "include": {"t": {"from": "target", "ref": "to"}}});
    assert_eq!(ask_of(&mut memory, &query).expect_err("20 MB").code, Code::AnswerTooLarge);
    let query = json!({"from": "refer", "limit": 10, "include": {"t": {"from": "target", "ref": "to"}}});
    assert_eq!(ask_of(&mut memory, &query).expect("10 MB").rows.len(), 10);
}

#[test]
fn an_answer_counts_what_it_holds_once_however_deep() {
    let level = |level: usize, n: usize| json!({"id": format!("{level}-{n}"), "up": "0-0", "big": "x".repeat(900_000)});
    let children: Vec<Value> = (0..15).map(|n| level(1, n)).collect();
    let mut memory = memory(json!({"top": [{"id": "top"}], "up": [{"id": "0-0", "up": "top"}], "child": children}));
    let query = json!({"from": "top", "include": {"up": {"from": "up", "by": "up", "include": {
        "child": {"from": "child", "by": "up"},
    }}}});
    let answer = ask_of(&mut memory, &query).expect("13.5 MB");
    assert!(answer.rows[0].len() > 13_500_000);
}

#[test]
fn too_many_included_documents_are_refused() {
    let parents: Vec<Value> = (0..11).map(|n| json!({"id": format!("p{n}")})).collect();
    let children: Vec<Value> =
        (0..11_000).map(|n| json!({"id": format!("c{n}"), "p": format!("p{}", n % 11)})).collect();
    let mut memory = memory(json!({"p": parents, "c": children}));
    let with = |limit: usize| json!({"from": "p", "include": {"c": {"from": "c", "by": "p", "limit": limit}}});
    assert_eq!(ask_of(&mut memory, &with(1_000)).expect_err("11,000").code, Code::AnswerTooLarge);
    assert_eq!(ask_of(&mut memory, &with(900)).expect("9,900").rows.len(), 11);
}

fn nested(levels: usize, around: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(json!(["null", "x"]), |inner, _| around(inner))
}

#[test]
fn bad_queries_are_told_what_is_wrong() {
    use Code::{InvalidId, InvalidName, InvalidQuery, QueryTooWide, UnknownField, UnknownOperator, UnknownRelation};
    let condition = |condition: Value| json!({"from": "orders", "where": condition});
    let on_orders = |member: &str, value: Value| json!({"from": "orders", member: value});
    let exists = |inner: Value| json!(["exists", {"from": "lines", "by": "order"}, inner]);
    for (query, expected) in [
        (json!([]), InvalidQuery),
        (json!({}), InvalidQuery),
        (json!({"from": 1}), InvalidQuery),
        (json!({"from": "_system"}), InvalidName),
        (json!({"from": "orders", "wher": []}), InvalidQuery),
        (on_orders("key", json!("a/b")), InvalidId),
        (on_orders("limit", json!(0)), InvalidQuery),
        (on_orders("limit", json!(1.5)), InvalidQuery),
        (on_orders("limit", json!(1_001)), QueryTooWide),
        (on_orders("after", json!(7)), InvalidQuery),
        (on_orders("at", json!("yesterday")), InvalidQuery),
        (on_orders("explain", json!("yes")), InvalidQuery),
        (condition(json!("x")), InvalidQuery),
        (condition(json!([])), InvalidQuery),
        (condition(json!([1, 2])), InvalidQuery),
        (condition(json!(["~", "x", 1])), UnknownOperator),
        (condition(json!(["=", "x"])), InvalidQuery),
        (condition(json!(["=", "x", 1, 2])), InvalidQuery),
        (condition(json!(["=", 7, 1])), InvalidQuery),
        (condition(json!(["=", "x..y", 1])), InvalidQuery),
        (condition(json!(["=", "x\"", 1])), InvalidQuery),
        (condition(json!(["=", "", 1])), InvalidQuery),
        (condition(json!(["=", "x", {"a": 1}])), InvalidQuery),
        (condition(json!(["=", "x", {"auth": "sub"}])), InvalidQuery),
        (condition(json!(["in", "x", [{"path": "y"}]])), InvalidQuery),
        (condition(json!(["in", "x", "y"])), InvalidQuery),
        (condition(json!(["in", "x", vec![1; 1_001]])), QueryTooWide),
        (condition(json!(["=", "x", "y".repeat(2_000_000)])), QueryTooWide),
        (condition(json!(["prefix", "x", "y".repeat(2_000_000)])), QueryTooWide),
        (condition(json!(["like", "x", 1])), InvalidQuery),
        (condition(json!(["like", "x", "y".repeat(51)])), QueryTooWide),
        (condition(json!(["like", "x", "*".repeat(17)])), QueryTooWide),
        (condition(json!(["not"])), InvalidQuery),
        (condition(json!(["null"])), InvalidQuery),
        (condition(json!(["exists"])), InvalidQuery),
        (condition(json!(["exists", "nothing"])), UnknownRelation),
        (condition(json!(["exists", {"from": "lines"}])), InvalidQuery),
        (condition(json!(["exists", {"by": "order"}])), InvalidQuery),
        (condition(json!(["exists", {"from": "customers", "by": "order"}])), UnknownField),
        (condition(json!(["exists", "customer", ["null", "age"]])), UnknownField),
        (condition(nested(12, |inner| json!(["not", inner]))), QueryTooWide),
        (condition(nested(5, exists)), QueryTooWide),
        (json!({"from": "customers", "where": ["=", "age", 1]}), UnknownField),
        (json!({"from": "customers", "orderBy": ["age"]}), UnknownField),
        (json!({"from": "customers", "select": ["age"]}), UnknownField),
        (json!({"from": "customers", "groupBy": ["age"]}), UnknownField),
        (json!({"from": "customers", "aggregate": {"n": ["sum", "age"]}}), UnknownField),
        (on_orders("orderBy", json!("x")), InvalidQuery),
        (on_orders("orderBy", json!([["x", "up"]])), InvalidQuery),
        (on_orders("orderBy", json!(vec!["x"; 33])), QueryTooWide),
        (on_orders("select", json!("x")), InvalidQuery),
        (on_orders("select", json!(["x", {"x": "y"}])), InvalidQuery),
        (on_orders("select", json!({"_x": "y"})), InvalidQuery),
        (on_orders("groupBy", json!(["x", "x"])), InvalidQuery),
        (on_orders("aggregate", json!({"n": "count"})), InvalidQuery),
        (on_orders("aggregate", json!({"n": ["median", "x"]})), UnknownOperator),
        (on_orders("aggregate", json!({"n": ["sum"]})), InvalidQuery),
        (json!({"from": "orders", "groupBy": ["n"], "aggregate": {"n": ["count"]}}), InvalidQuery),
        (json!({"from": "orders", "groupBy": ["x"], "orderBy": ["y"]}), InvalidQuery),
        (json!({"from": "orders", "groupBy": ["x"], "select": ["x"]}), InvalidQuery),
        (json!({"from": "orders", "groupBy": ["x"], "include": {"customer": {}}}), InvalidQuery),
        (on_orders("include", json!({"lines": {}})), UnknownRelation),
        (on_orders("include", json!({"customer": {"limit": 2}})), InvalidQuery),
        (on_orders("include", json!({"a.b": {"ref": "customer"}})), InvalidQuery),
        (on_orders("include", json!({"id": {"ref": "customer"}})), InvalidQuery),
        (on_orders("include", json!({"l": {"by": "order"}})), InvalidQuery),
        (on_orders("include", json!({"l": {"from": "lines", "by": "order", "limit": 1_001}})), QueryTooWide),
        (json!({"from": "customers", "include": {"x": {"ref": "orders"}}}), UnknownRelation),
        (json!({"from": "orders", "include": {"c": {"ref": "customer"}}, "select": {"c": "x"}}), InvalidQuery),
        (on_orders("join", json!({"l": {"on": [["id", "order"]]}})), InvalidQuery),
        (on_orders("join", json!({"l": {"from": "lines"}})), InvalidQuery),
        (on_orders("join", json!({"l": {"from": "lines", "on": [["id"]]}})), InvalidQuery),
        (on_orders("join", json!({"_l": {"from": "lines", "on": [["id", "order"]]}})), InvalidQuery),
        (on_orders("join", json!({"c": {"from": "customers", "on": [["id", "age"]]}})), UnknownField),
        (
            on_orders(
                "join",
                json!({
                    "a": {"from": "lines", "on": [["b.id", "id"]]},
                    "b": {"from": "lines", "on": [["a.id", "id"]]},
                }),
            ),
            InvalidQuery,
        ),
        (
            json!({"from": "orders", "join": {"c": {"from": "customers", "on": [["customer", "id"]]}},
                   "where": ["=", "c.age", 1]}),
            UnknownField,
        ),
        (
            json!({"from": "orders", "join": {"c": {"from": "customers", "on": [["customer", "id"]]}},
                   "select": ["c.name"]}),
            InvalidQuery,
        ),
    ] {
        assert_eq!(code(query.clone()), expected, "{}", query.to_string().chars().take(200).collect::<String>());
    }
}

#[test]
fn what_is_counted_is_counted_over_the_whole_query() {
    let wide = |n: usize| {
        let mut condition = vec![json!("and")];
        condition.extend(std::iter::repeat_n(json!(["null", "x"]), n));
        Value::from(condition)
    };
    let query = |here: usize, there: usize| {
        json!({"from": "orders", "where": wide(here), "include": {
            "lines": {"from": "lines", "by": "order", "where": wide(there)},
        }})
    };
    assert!(decode::query(&query(31, 31), &NoNames).is_ok());
    assert_eq!(code(query(31, 32)), Code::QueryTooWide);
    let includes = |n: usize| {
        let each = (0..n).map(|n| (format!("c{n}"), json!({"ref": "customer", "include": {"city": {}}})));
        json!({"from": "orders", "include": each.collect::<serde_json::Map<_, _>>()})
    };
    assert!(decode::query(&includes(8), &Shop).is_ok());
    assert_eq!(code(includes(9)), Code::QueryTooWide);
    let deep = |levels: usize| {
        (1..levels).fold(
            json!({"up": {"from": "n", "ref": "up"}}),
            |inner, _| json!({"up": {"from": "n", "ref": "up", "include": inner}}),
        )
    };
    assert!(decode::query(&json!({"from": "n", "include": deep(8)}), &NoNames).is_ok());
    assert_eq!(code(json!({"from": "n", "include": deep(9)})), Code::QueryTooWide);
}

#[test]
fn a_check_sees_the_document_alone() {
    let exists = json!(["not", ["exists", {"from": "lines", "by": "order"}]]);
    assert_eq!(decode::plain_condition(&exists).expect_err("it looks elsewhere").code, Code::InvalidQuery);
    assert!(decode::condition(&exists, &name("orders"), &NoNames).is_ok());
    assert!(decode::plain_condition(&json!([">", "pages", 0])).is_ok());
    let unknown = decode::condition(&json!([">", "age", 0]), &name("customers"), &Shop).expect_err("closed");
    assert_eq!((unknown.code, unknown.members.get("field")), (Code::UnknownField, Some(&json!("age"))));
}

/// Values that collide, so that ties and types mix.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..3).prop_map(Value::from),
        prop_oneof![Just(json!(0.5)), Just(json!(-1e300)), Just(json!(i64::MAX)), Just(json!(i64::MIN))],
        "[a-c😀\"]{0,2}".prop_map(Value::from),
        Just(json!([1, null])),
        Just(json!({"k": "v"})),
    ]
}

fn documents() -> impl Strategy<Value = Vec<Value>> {
    let document = (proptest::option::of(value()), value());
    proptest::collection::vec(document, 0..24).prop_map(|documents| {
        let with_id = documents.into_iter().enumerate().map(|(n, (a, b))| match a {
            Some(a) => json!({"id": format!("d{n}"), "a": a, "b": b}),
            None => json!({"id": format!("d{n}"), "b": b}),
        });
        with_id.collect()
    })
}

fn order() -> impl Strategy<Value = Value> {
    let term = (prop_oneof![Just("a"), Just("b"), Just("id"), Just("j.b")], prop_oneof![Just("asc"), Just("desc")]);
    proptest::collection::vec(term.prop_map(|(path, way)| json!([path, way])), 0..4).prop_map(Value::from)
}

proptest! {
    #[test]
    fn pages_one_after_the_other_are_the_whole_answer(
        documents in documents(),
        order in order(),
        limit in 1_usize..7,
        optional in any::<bool>(),
    ) {
        let mut memory = memory(json!({ "d": documents }));
        let join = json!({"j": {"from": "d", "on": [["a", "b"]], "optional": optional}});
        let mut query = json!({"from": "d", "orderBy": order, "join": join, "limit": 1_000});
        let whole = ask_of(&mut memory, &query).expect("all rows");
        prop_assert_eq!(&whole.cursor, &None);
        query["limit"] = json!(limit);
        let mut paged = Vec::new();
        loop {
            let page = ask_of(&mut memory, &query).expect("a page");
            prop_assert!(page.rows.len() == limit || page.cursor.is_none());
            paged.extend(page.rows);
            match page.cursor {
                Some(cursor) => query["after"] = Value::from(cursor),
                None => break,
            }
        }
        prop_assert_eq!(paged, whole.rows);
    }

    #[test]
    fn any_json_is_a_query_or_is_refused(members in proptest::collection::vec((
        prop_oneof![Just("where"), Just("select"), Just("orderBy"), Just("groupBy"), Just("aggregate"), Just("join"),
                    Just("include"), Just("limit"), Just("after"), Just("at"), Just("key"), Just("explain")],
        nonsense(),
    ), 0..4)) {
        let mut query = json!({"from": "orders"});
        for (member, value) in members {
            query[member] = value;
        }
        if let Ok(answer) = ask_of(&mut shop(), &query) {
            prop_assert!(answer.rows.iter().all(|row| serde_json::from_str::<Value>(row).is_ok()));
        }
    }
}

/// JSON built from the words of queries.
fn nonsense() -> impl Strategy<Value = Value> {
    let words = [
        "=", "in", "and", "not", "exists", "null", "like", "customer", "id", "total", "from", "by", "ref", "on",
        "lines", "path", "value", "count", "sum", "desc", "",
    ];
    let word = proptest::sample::select(words.to_vec());
    let leaf = prop_oneof![3 => word.clone().prop_map(Value::from), 1 => value()];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
