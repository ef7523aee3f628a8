//! Pages, cursors, digests, and answers that are too large.

use selvedge::error::Code;
use selvedge::query::memory::Memory;
use selvedge::value::Value;
use serde_json::json;

use super::shop::*;

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
