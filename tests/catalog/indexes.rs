//! Indexes and unique sets that come and go over documents that are there.

use serde_json::{Value, json};

use crate::paced::{Paced, fill};
use crate::world::World;

fn plan(world: &mut World, mut tree: Value) -> String {
    tree["explain"] = json!(true);
    world.query(tree).expect(200).json["plan"].to_string()
}

fn by_number(n: i64) -> Value {
    json!({ "from": "notes", "where": ["=", "n", n], "limit": 1_000 })
}

/// What a query finds where no index serves it.
fn scanned(world: &mut World, n: i64) -> Vec<String> {
    world.ids(json!({ "from": "notes", "where": ["not", ["!=", "n", n]], "limit": 1_000 }))
}

#[test]
fn an_index_is_built_in_steps_while_documents_are_written() {
    let mut world = World::with(json!({ "notes": {} }));
    fill(&mut world, "notes", 2_600, |index| json!({ "n": index % 10 }));
    assert!(!plan(&mut world, by_number(3)).contains("INDEX x"));
    let mut change = Paced::put(&mut world, json!({ "notes": { "indexes": [["n"]] } }));
    let mut steps = 0;
    loop {
        // Before, behind and within what was looked through already.
        for at in [0, 900, 1_100, 2_500] {
            world.put(&format!("notes/n{:05}", at + steps), json!({ "n": 3, "step": steps })).expect(200);
        }
        world.put(&format!("notes/new{steps}"), json!({ "n": 3 })).expect(201);
        world.delete(&format!("notes/n{:05}", 13 + 10 * steps)).expect(200);
        let found = world.ids(by_number(3));
        steps += 1;
        if steps % 2 == 0 {
            world.restart();
        }
        assert_eq!(found, world.ids(by_number(3)));
        if !change.step(&mut world) {
            break;
        }
    }
    assert!(steps >= 4, "{steps} steps");
    assert_eq!(change.answer.map(|answer| answer.status), Some(200));
    assert!(plan(&mut world, by_number(3)).contains("INDEX x"), "{}", plan(&mut world, by_number(3)));
    let mut expected: Vec<String> = Vec::new();
    let mut after = String::new();
    loop {
        let all = json!({ "from": "notes", "where": [">", "id", after], "orderBy": ["id"], "limit": 1_000 });
        let rows = world.query(all).expect(200).json["rows"].as_array().expect("rows").clone();
        let Some(last) = rows.last() else { break };
        after = last["id"].as_str().expect("an id").to_owned();
        expected
            .extend(rows.iter().filter(|row| row["n"] == 3).map(|row| row["id"].as_str().expect("an id").to_owned()));
    }
    assert_eq!(world.ids(by_number(3)), expected);
    let mut bare = scanned(&mut world, 3);
    bare.sort();
    assert_eq!(bare, expected);
}

#[test]
fn a_unique_set_over_duplicates_is_refused_and_its_columns_are_used_anew_without_what_they_held() {
    let base = json!({ "indexes": [["n"]], "unique": [["n", "m"]] });
    let mut world = World::with(json!({ "notes": base }));
    fill(&mut world, "notes", 1_200, |index| json!({ "n": index, "m": 0, "a": index % 1_100, "b": index }));
    let mut twice = base.clone();
    twice["unique"] = json!([["n", "m"], ["a"]]);
    let refused = world.schema(json!({ "notes": twice })).refused(422, "schema_violation");
    let offenders = refused.json["offenders"].as_array().expect("offenders");
    assert_eq!(offenders.len(), 10, "{}", refused.text);
    assert!(offenders.iter().all(|offender| offender["code"] == "unique_violation"), "{}", refused.text);
    // The former schema works on.
    world.put("notes/x", json!({ "n": 3, "m": 0 })).refused(409, "unique_violation");
    world.put("notes/x", json!({ "n": 3, "m": 1, "a": 7 })).expect(201);
    assert_eq!(world.ids(by_number(3)), ["n00003", "x"]);
    assert!(plan(&mut world, by_number(3)).contains("INDEX x"));
    // Another path takes the column: what is missing in a document is missing in the index.
    world.put("notes/n00005", json!({ "n": 5, "m": 0, "a": 5 })).expect(200);
    let mut other = base;
    other["indexes"] = json!([["n"], ["b"]]);
    world.schema(json!({ "notes": other })).expect(200);
    let by_b = |b: Value| json!({ "from": "notes", "where": ["=", "b", b] });
    assert!(plan(&mut world, by_b(json!(7))).contains("INDEX x"));
    assert_eq!(world.ids(by_b(json!(7))), ["n00007"]);
    assert_eq!(world.ids(by_b(json!(5))), Vec::<String>::new());
    let mut without = world.ids(by_b(Value::Null));
    without.sort();
    assert_eq!(without, ["n00005", "x"]);
}

#[test]
fn a_write_between_the_steps_cannot_break_the_unique_set_to_come() {
    let mut world = World::with(json!({ "notes": {} }));
    fill(&mut world, "notes", 2_100, |index| json!({ "n": index }));
    let mut change = Paced::put(&mut world, json!({ "notes": { "unique": [["n"]] } }));
    while change.step(&mut world) {
        // Refused once everything was looked through, found by the survey before that: never let in unseen.
        let twice = world.put("notes/twice", json!({ "n": 7 }));
        if twice.status < 300 {
            world.delete("notes/twice").expect(200);
        } else {
            twice.refused(409, "unique_violation");
        }
        let both = json!([
            { "replace": "notes/one", "body": { "n": "same" } },
            { "replace": "notes/other", "body": { "n": "same" } },
        ]);
        if world.ops(both).status < 300 {
            world.delete("notes/other").expect(200);
        }
    }
    assert_eq!(change.answer.map(|answer| answer.status), Some(200));
    world.put("notes/twice", json!({ "n": 7 })).refused(409, "unique_violation");
    let same = world.ids(json!({ "from": "notes", "where": ["=", "n", "same"] }));
    assert_eq!(same.len(), 1);
}

#[test]
fn duplicates_written_while_the_survey_goes_on_refuse_the_change() {
    let mut world = World::with(json!({ "notes": {} }));
    fill(&mut world, "notes", 2_100, |index| json!({ "n": index }));
    let mut change = Paced::put(&mut world, json!({ "notes": { "unique": [["n"]] } }));
    assert!(change.step(&mut world));
    world.put("notes/twice", json!({ "n": 7 })).expect(201);
    let (status, problem) = change.finish(&mut world);
    assert_eq!((status, &problem["code"]), (422, &json!("schema_violation")));
    world.put("notes/thrice", json!({ "n": 7 })).expect(201);
}

#[test]
fn a_line_that_outgrows_an_index_only_when_it_is_kept_fails_alone() {
    let long = "x".repeat(2_000);
    let mut world = World::with(json!({
        "notes": { "fields": { "text": { "type": "string", "default": long } }, "indexes": [["text"], ["list"]] },
    }));
    // Short as it comes, long as it is kept: by a default, and by numbers without exponents.
    let list = format!("[{}]", vec!["1e18"; 90].join(","));
    let lines = [
        r#"["notes",{"id":"a","text":"short"}]"#.to_owned(),
        r#"["notes",{"id":"b"}]"#.to_owned(),
        format!(r#"["notes",{{"id":"c","text":"short","list":{list}}}]"#),
        r#"["notes",{"id":"d","text":"short"}]"#.to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let imported = world.import("", &lines).expect(200).json;
    assert_eq!((&imported["imported"], &imported["failed"]), (&json!(2), &json!(2)), "{imported}");
    assert_eq!(world.ids(json!({ "from": "notes" })), ["a", "d"]);
}
