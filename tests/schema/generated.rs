//! Random schemas and documents, from one seed each.

use selvedge::schema::change::change;
use serde_json::json;

use super::*;

/// Steele, Lea and Flood's SplitMix64 (2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }
}

fn kind(dice: &mut Dice, depth: usize) -> Value {
    match dice.roll(if depth == 0 { 9 } else { 11 }) {
        0 => json!({"type": "string"}),
        1 => json!({"type": "int"}),
        2 => json!({"type": "float"}),
        3 => json!({"type": "bool"}),
        4 => json!({"type": "json"}),
        5 => json!({"type": "bytes"}),
        6 => json!({"type": "timestamp"}),
        7 => json!({"type": "enum", "values": ["x", "y"]}),
        8 => json!({"ref": dice.pick(&["c", "d"])}),
        9 => {
            let mut items = kind(dice, depth - 1);
            while items.to_string().contains("\"ref\"") {
                items = kind(dice, depth - 1);
            }
            json!({"type": "array", "items": items})
        }
        _ => {
            let mut fields = Map::new();
            for name in ["a", "b"] {
                if dice.chance(60) {
                    let mut field = kind(dice, depth - 1);
                    field["optional"] = json!(dice.chance(60));
                    fields.insert(name.to_owned(), field);
                }
            }
            json!({"type": "object", "fields": fields, "closed": dice.chance(30)})
        }
    }
}

const NAMES: [&str; 7] = ["a", "b", "f", "g", "h", "k", "z"];

/// Reads only names after `from`, so that nothing goes in a circle.
fn expression(dice: &mut Dice, from: usize, depth: usize) -> Value {
    let operand = |dice: &mut Dice| match depth {
        0 if from + 1 < NAMES.len() && dice.chance(80) => json!(dice.pick(&NAMES[from + 1..])),
        0 => dice.pick(&[json!(1), json!(2.5), json!({"value": "x"}), json!({"value": null})]),
        _ => expression(dice, from, depth - 1),
    };
    let (one, two) = (operand(dice), operand(dice));
    match dice.roll(10) {
        0 => json!(["+", one, two]),
        1 => json!(["*", one, two]),
        2 => json!(["/", one, two]),
        3 => json!(["concat", one, two]),
        4 => json!(["lower", one]),
        5 => json!(["trim", one]),
        6 => json!(["length", one]),
        7 => json!(["coalesce", one, two]),
        8 => json!(["if", ["null", "q"], one, two]),
        _ => one,
    }
}

fn schema(dice: &mut Dice) -> Value {
    let mut fields = Map::new();
    for (index, name) in NAMES.iter().enumerate() {
        if dice.chance(40) {
            continue;
        }
        let mut field = kind(dice, 2);
        field["optional"] = json!(dice.chance(70));
        match dice.roll(8) {
            0 => field["computed"] = expression(dice, index, 1),
            1 if field["type"] == "timestamp" => field["default"] = json!({"now": true}),
            1 if field["type"] == "string" => field["default"] = json!({"id": true}),
            1 if field["type"] == "float" => field["default"] = json!(0.5),
            2 => field["check"] = json!(["or", ["!=", name, "x"], ["null", "q"]]),
            _ => {}
        }
        fields.insert((*name).to_owned(), field);
    }
    json!({"collections": {"c": {"fields": fields, "indexes": ["q"]}, "d": {}}})
}

fn value(dice: &mut Dice, kind: &Value) -> Value {
    if dice.chance(4) {
        return dice.pick(&[json!(null), json!("x"), json!(1), json!(true), json!([]), json!({})]);
    }
    if kind.get("ref").is_some() {
        return dice.pick(&[json!("d1"), json!("acme/d1")]);
    }
    match kind["type"].as_str().unwrap_or_default() {
        "string" => dice.pick(&[json!(""), json!(" é😀 "), json!("x")]),
        "int" => dice.pick(&[json!(0), json!(-1), json!(i64::MAX)]),
        "float" => dice.pick(&[json!(0), json!(-2.5), json!(1e300)]),
        "bool" => json!(dice.chance(50)),
        "bytes" => dice.pick(&[json!(""), json!("AA==")]),
        "timestamp" => dice.pick(&[json!("2026-01-31T12:00:00+01:00"), json!("1969-12-31T23:59:59.5Z")]),
        "enum" => dice.pick(&[json!("x"), json!("y")]),
        "array" => (0..dice.roll(3)).map(|_| value(dice, &kind["items"])).collect(),
        "object" => Value::Object(members(dice, &kind["fields"])),
        _ => dice.pick(&[json!({"deep": [1, {}]}), json!("any"), json!(3)]),
    }
}

fn members(dice: &mut Dice, fields: &Value) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, field) in fields.as_object().into_iter().flatten() {
        let skipped = field.get("computed").is_some() || field["optional"] == true && dice.chance(40);
        if !skipped {
            members.insert(name.clone(), value(dice, field));
        }
    }
    if dice.chance(20) {
        members.insert("q".to_owned(), json!("undeclared"));
    }
    members
}

#[test]
fn a_document_that_was_fitted_fits_again_unchanged() {
    let (mut fitting, mut changed) = (0, 0);
    for seed in 0..5_000 {
        let mut dice = Dice(seed);
        let json = schema(&mut dice);
        let schema = good(&json.to_string());
        assert!(change(&schema, &schema).is_empty(), "seed {seed}: {json}");
        let collection = &schema.collections[&name("c")];
        let given = Value::Object(members(&mut dice, &json["collections"]["c"]["fields"])).to_string();
        let Ok(once) = fitted(collection, &given, Origin::Whole) else {
            continue;
        };
        fitting += 1;
        changed += usize::from(once != object(&given));
        let text = Value::Object(once.clone()).to_string();
        for origin in [Origin::Whole, Origin::Changed] {
            assert_eq!(fitted(collection, &text, origin), Ok(once.clone()), "seed {seed}: {given} in {json}");
        }
    }
    // Generators drift: most of what they make must go on being worth something.
    assert!(fitting > 1_000 && changed > 500, "{fitting} fitted, {changed} changed by it");
}

#[test]
fn a_change_that_asks_for_no_second_look_breaks_no_document() {
    let mut unlooked = 0;
    for seed in 0..10_000 {
        let mut dice = Dice(seed);
        let (former, mut json) = {
            let json = schema(&mut dice);
            (good(&json.to_string()), json)
        };
        let given = Value::Object(members(&mut dice, &json["collections"]["c"]["fields"])).to_string();
        let Ok(document) = fitted(&former.collections[&name("c")], &given, Origin::Whole) else {
            continue;
        };
        let before = json.to_string();
        for _ in 0..=dice.roll(2) {
            mutate(&mut dice, &mut json);
        }
        let Ok(schema) = read(&json.to_string()) else {
            continue;
        };
        if change(&former, &schema).get(&name("c")).is_some_and(|change| change.revalidate) {
            continue;
        }
        unlooked += usize::from(former != schema);
        let text = Value::Object(document.clone()).to_string();
        let again = fitted(&schema.collections[&name("c")], &text, Origin::Changed);
        assert_eq!(again, Ok(document), "seed {seed}: {text}\nfrom {before}\nto   {json}");
    }
    assert!(unlooked > 250, "{unlooked} changes without a second look");
}

/// Changes one thing in the schema of `c`.
fn mutate(dice: &mut Dice, json: &mut Value) {
    let name = dice.pick(&NAMES);
    let c = &mut json["collections"]["c"];
    let fresh = kind(dice, 1);
    match dice.roll(8) {
        0 => c["closed"] = json!(dice.chance(50)),
        1 => {
            c["fields"].as_object_mut().unwrap().remove(name);
        }
        2 if c["fields"].get(name).is_some() => c["fields"][name]["optional"] = json!(dice.chance(70)),
        3 => c["fields"][name] = fresh,
        4 | 5 => {
            let wider = dice.pick(&[json!({"type": "json"}), json!({"type": "float"}), json!({"type": "string"})]);
            if let Some(field) = c["fields"].get_mut(name) {
                let optional = field["optional"].clone();
                *field = wider;
                field["optional"] = json!(optional == true);
            }
        }
        6 if c["fields"][name]["type"] == "enum" => {
            c["fields"][name]["values"] = dice.pick(&[json!(["y", "x", "w"]), json!(["x"])])
        }
        _ => {
            if let Some(inner) = c["fields"].get_mut(name).and_then(|field| field.get_mut("fields")) {
                inner["b"] = fresh;
                inner["b"]["optional"] = json!(true);
            }
        }
    }
}
