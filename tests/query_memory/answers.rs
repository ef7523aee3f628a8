//! What each operator, include, join and group means.

use selvedge::value::Value;
use serde_json::json;

use super::shop::*;

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
