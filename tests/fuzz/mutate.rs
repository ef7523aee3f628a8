//! JSON that is nearly right.

use serde_json::{Map, Value, json};

use super::random::Random;

/// One of the corpus after some steps that each spoil a little, or put another's part in a place.
pub fn mutated(random: &mut Random, corpus: &[Value]) -> Value {
    let mut value = random.pick(corpus);
    for _ in 0..=random.below(4) {
        let other = random.pick(corpus);
        step(random, &mut value, &other);
    }
    value
}

fn step(random: &mut Random, value: &mut Value, other: &Value) {
    let count = nodes(value);
    let at = random.below(count);
    let place = node(value, &mut at.clone()).expect("a node");
    let taken = place.take();
    *place = match random.below(12) {
        0 => odd(random),
        1 => part(random, other),
        2 => json!([taken]),
        3 => json!(["not", taken]),
        4 => json!(["and", taken.clone(), taken]),
        5 => json!({ random.pick(&["auth", "old", "path", "value", "from", "where", "x"]): taken }),
        6 => nested(random, taken),
        7 | 8 => match taken {
            Value::Object(members) => Value::Object(spoiled(random, members, other)),
            Value::Array(mut items) => {
                match random.below(3) {
                    0 if !items.is_empty() => {
                        items.remove(random.below(items.len()));
                    }
                    1 if !items.is_empty() => {
                        let last = random.below(items.len());
                        items.swap(0, last);
                    }
                    _ => items.push(part(random, other)),
                }
                Value::Array(items)
            }
            _ => part(random, other),
        },
        _ => match taken {
            Value::String(text) => Value::String(renamed(random, &text)),
            kept => kept,
        },
    };
}

fn spoiled(random: &mut Random, mut members: Map<String, Value>, other: &Value) -> Map<String, Value> {
    let names: Vec<String> = members.keys().cloned().collect();
    match (random.below(3), names.is_empty()) {
        (0, false) => {
            members.remove(&random.pick(&names));
        }
        (1, false) => {
            let name = random.pick(&names);
            let value = members.remove(&name).expect("a member");
            members.insert(renamed(random, &name), value);
        }
        _ => {
            let name =
                random.pick(&["id", "n", "team", "fields", "rules", "read", "update", "fields.n", "", "_x", "\u{0}"]);
            members.insert(name.to_owned(), part(random, other));
        }
    }
    members
}

fn renamed(random: &mut Random, text: &str) -> String {
    let words = [
        "=",
        "!=",
        "<",
        "in",
        "like",
        "prefix",
        "contains",
        "null",
        "and",
        "or",
        "not",
        "exists",
        "role",
        "id",
        "n",
        "team",
        "team.lead",
        "team.team",
        "lead",
        "files",
        "teams",
        "staff",
        "auth",
        "_version",
        "%_",
        "'; DROP TABLE d1; --",
        "$",
        "k1",
        "t0",
        "t0.body",
        "\u{10FFFF}",
        "",
    ];
    match random.below(4) {
        0 => text.chars().rev().collect(),
        1 => format!("{text}{}", random.pick(&words)),
        _ => random.pick(&words).to_owned(),
    }
}

fn odd(random: &mut Random) -> Value {
    random.pick(&[
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(5e-324),
        json!(0.1),
        json!(""),
        json!("\u{0}"),
        json!([]),
        json!({}),
        json!("x".repeat(2_000)),
        json!(vec![1; 300]),
    ])
}

/// Deep, to the bound and past it.
fn nested(random: &mut Random, value: Value) -> Value {
    let depth = random.below(40);
    (0..depth).fold(value, |inner, _| match depth % 3 {
        0 => json!(["not", inner]),
        1 => json!(["exists", "team", inner]),
        _ => json!({ "a": inner }),
    })
}

fn part(random: &mut Random, of: &Value) -> Value {
    let mut of = of.clone();
    let count = nodes(&of);
    let mut at = random.below(count);
    node(&mut of, &mut at).expect("a node").take()
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum(),
        _ => 0,
    }
}

fn node<'v>(value: &'v mut Value, at: &mut usize) -> Option<&'v mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| node(item, at)),
        Value::Object(members) => members.values_mut().find_map(|member| node(member, at)),
        _ => None,
    }
}
