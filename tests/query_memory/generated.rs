//! Queries and documents from a generator.

use proptest::prelude::*;
use selvedge::value::Value;
use serde_json::json;

use super::shop::*;

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
