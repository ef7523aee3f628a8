//! The examples of `docs/query.md`: each is read against its schema, asked of its documents, and must answer what
//! the page says.

use std::collections::BTreeMap;

use selvedge::id::CollectionName;
use selvedge::query::decode;
use selvedge::query::memory::Memory;
use selvedge::query::run::run;
use selvedge::schema::decode::schema;
use selvedge::schema::model::Schema;
use selvedge::value::{Value, parse};
use serde_json::json;

const PAGE: &str = include_str!("../docs/query.md");

/// The fenced blocks of the page: what the fence says, and the JSON within.
fn blocks() -> Vec<(&'static str, Value)> {
    let mut blocks = Vec::new();
    let mut parts = PAGE.split("```");
    while let (Some(_), Some(fenced)) = (parts.next(), parts.next()) {
        let (kind, text) = fenced.split_once('\n').expect("a fence has a line of its own");
        blocks.push((kind, parse(text.as_bytes()).unwrap_or_else(|wrong| panic!("{}\n{text}", wrong.detail))));
    }
    blocks
}

fn only(kind: &str) -> Value {
    let mut found = blocks().into_iter().filter(|(other, _)| *other == kind);
    let (_, value) = found.next().unwrap_or_else(|| panic!("the page has a block `{kind}`"));
    assert_eq!(found.next(), None, "the page has one block `{kind}`");
    value
}

fn names() -> Schema {
    schema(&only("json schema")).expect("the page's schema holds together")
}

fn shop() -> Memory {
    let documents = only("json documents");
    let mut collections = BTreeMap::new();
    for (name, documents) in documents.as_object().expect("collections by name") {
        let name = CollectionName::parse(name).expect(name);
        collections.insert(name, documents.as_array().expect("documents").clone());
    }
    Memory::new(collections)
}

fn rows(query: &Value) -> Vec<Value> {
    let query = decode::query(query, &names()).unwrap_or_else(|wrong| panic!("{}: {query}", wrong.detail));
    let answer = run(&query, &mut shop(), None).unwrap_or_else(|wrong| panic!("{}: {query:?}", wrong.detail));
    answer.rows.iter().map(|row| parse(row.as_bytes()).expect("a row is JSON")).collect()
}

/// The conditions of the page's tables, each with the ids that it finds.
fn conditions() -> Vec<(Value, Vec<&'static str>)> {
    let mut conditions = Vec::new();
    for line in PAGE.lines().filter(|line| line.starts_with("| `[")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [condition, _, finds] = cells.as_slice() else { panic!("three cells: {line}") };
        let condition =
            parse(condition.trim_matches('`').as_bytes()).unwrap_or_else(|wrong| panic!("{}", wrong.detail));
        conditions.push((condition, finds.split(", ").collect()));
    }
    conditions
}

#[test]
fn every_query_answers_the_rows_below_it() {
    let blocks = blocks();
    let mut answered = 0;
    for (position, (kind, query)) in blocks.iter().enumerate() {
        match *kind {
            "json query" => match blocks.get(position + 1) {
                Some(("json rows", expected)) => {
                    assert_eq!(Value::Array(rows(query)), *expected, "{query}");
                    answered += 1;
                }
                _ => drop(decode::query(query, &names()).unwrap_or_else(|wrong| panic!("{}: {query}", wrong.detail))),
            },
            "json rows" => assert_eq!(blocks[position - 1].0, "json query", "rows stand below a query"),
            "json schema" | "json documents" => {}
            other => panic!("a block of another kind: {other}"),
        }
    }
    assert!(answered >= 8, "{answered} queries with rows");
}

#[test]
fn every_condition_finds_the_orders_beside_it() {
    let conditions = conditions();
    for (condition, expected) in &conditions {
        let found = rows(&json!({"from": "orders", "where": condition, "select": ["id"]}));
        let found: Vec<&str> = found.iter().filter_map(|row| row["id"].as_str()).collect();
        assert_eq!(found, *expected, "{condition}");
    }
    let used: String = conditions.iter().map(|(condition, _)| condition.to_string()).collect();
    for operator in [
        "=", "!=", "<", "<=", ">", ">=", "is", "in", "like", "prefix", "contains", "null", "and", "or", "not", "exists",
    ] {
        assert!(used.contains(&format!("[\"{operator}\"")), "the page shows `{operator}`");
    }
}
