//! Queries that are refused, and what they are told.

use selvedge::error::Code;
use selvedge::query::decode;
use selvedge::query::names::NoNames;
use selvedge::value::Value;
use serde_json::json;

use super::shop::*;

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
        (condition(json!(["=", "x", {"auth": 1}])), InvalidQuery),
        (condition(json!(["=", "x", {"old": "x"}])), InvalidQuery),
        (condition(json!(["in", "x", [{"auth": "sub"}]])), InvalidQuery),
        (condition(json!(["role", "staff"])), UnknownOperator),
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
