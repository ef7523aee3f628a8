//! What a change of schema answers, and who wins where several come at once.

use serde_json::json;

use crate::paced::{Paced, fill};
use crate::world::{SECOND, World, ask};

#[test]
fn a_change_that_asks_nothing_of_the_data_is_in_force_at_once() {
    let mut world = World::with(json!({ "notes": { "fields": { "text": { "type": "string" } } } }));
    world.put("notes/a", json!({ "text": "hello" })).expect(201);
    let wider = json!({ "notes": { "fields": { "text": { "type": "string" } } }, "more": {} });
    let put = world.schema(wider.clone()).expect(200);
    assert_eq!(put.json, json!({ "version": 2 }));
    assert_eq!(put.header("etag"), Some("\"2\""));
    let got = world.send(ask("GET", "_schema")).expect(200);
    assert_eq!(got.json, json!({ "version": 2, "schema": { "collections": wider } }));
    assert!(world.query(json!({ "from": "more" })).expect(200).json["rows"].as_array().expect("rows").is_empty());
}

#[test]
fn the_same_schema_again_is_the_same_version() {
    let notes = json!({ "notes": { "fields": { "text": { "type": "string" } }, "indexes": [["text"]] } });
    let mut world = World::with(notes.clone());
    world.put("notes/a", json!({ "text": "hello" })).expect(201);
    for _ in 0..3 {
        assert_eq!(world.schema(notes.clone()).expect(200).json["version"], 1);
        world.restart();
    }
    // Spelled otherwise, it is the same still.
    let spelled =
        "{ \"collections\" : {\"notes\":{\"indexes\":[[\"text\"]],\"fields\":{\"text\":{\"type\":\"string\"}}}}}";
    assert_eq!(world.send(ask("PUT", "_schema").text(spelled)).expect(200).json["version"], 1);
}

#[test]
fn a_schema_is_put_only_over_the_version_that_the_caller_has_seen() {
    let mut world = World::with(json!({ "a": {} }));
    let put = |tag: &str| ask("PUT", "_schema").body(&json!({ "collections": { "b": {} } })).header("if-match", tag);
    let refused = world.send(put("\"7\"")).refused(412, "version_mismatch");
    assert_eq!(refused.json["version"], 1);
    assert_eq!(world.send(put("\"1\"")).expect(200).json["version"], 2);
}

#[test]
fn another_change_waits_until_the_one_under_way_is_done() {
    let mut world = World::with(json!({ "notes": {} }));
    fill(&mut world, "notes", 1_500, |index| json!({ "n": index }));
    let indexed = json!({ "notes": { "indexes": [["n"]] } });
    let mut first = Paced::put(&mut world, indexed.clone());
    first.step(&mut world);
    world.schema(json!({ "other": {} })).refused(409, "conflict");
    let staged = world.send(ask("GET", "_schema")).expect(200);
    assert_eq!(staged.json["staged"], json!({ "version": 2, "checked": 0, "of": 1 }));
    // The same again joins the one under way.
    assert_eq!(world.schema(indexed).expect(200).json["version"], 2);
    let (status, body) = first.finish(&mut world);
    assert_eq!((status, body), (200, json!({ "version": 2 })));
    assert_eq!(world.schema(json!({ "other": {} })).expect(200).json["version"], 3);
}

#[test]
fn a_change_whose_event_is_cut_off_goes_on_by_alarm() {
    let mut world = World::with(json!({ "notes": {} }));
    fill(&mut world, "notes", 2_500, |index| json!({ "n": index }));
    let mut change = Paced::put(&mut world, json!({ "notes": { "indexes": [["n"]] } }));
    change.step(&mut world);
    change.lose();
    assert_eq!(world.send(ask("GET", "_schema")).expect(200).json["version"], 1);
    world.pass(60 * SECOND);
    let got = world.send(ask("GET", "_schema")).expect(200);
    assert_eq!((&got.json["version"], &got.json["staged"]), (&json!(2), &json!(null)));
    let plan = world.query(json!({ "from": "notes", "where": ["=", "n", 7], "explain": true })).expect(200).text;
    assert!(plan.contains("INDEX x"), "{plan}");
}

#[test]
fn a_refused_change_leaves_everything_as_it_was_and_says_why() {
    let mut world = World::with(json!({ "notes": { "indexes": [["n"]] } }));
    fill(
        &mut world,
        "notes",
        20,
        |index| json!({ "n": index, "text": if index < 15 { json!(index) } else { json!("x") } }),
    );
    let wanted = json!({ "notes": { "fields": { "text": { "type": "string" } }, "indexes": [["n"]] } });
    let refused = world.schema(wanted.clone()).refused(422, "schema_violation");
    let offenders = refused.json["offenders"].as_array().expect("offenders");
    assert_eq!(offenders.len(), 10);
    assert_eq!(offenders[0]["document"], "notes/n00000");
    assert_eq!(offenders[0]["code"], "invalid_document");
    assert_eq!(offenders[0]["path"], "text");
    let got = world.send(ask("GET", "_schema")).expect(200);
    assert_eq!(got.json["version"], 1);
    assert_eq!(got.json["refused"]["version"], 2);
    assert_eq!(got.json["refused"]["problem"]["code"], "schema_violation");
    world.put("notes/n00003", json!({ "n": -1, "text": 4 })).expect(200);
    assert_eq!(world.ids(json!({ "from": "notes", "where": ["<", "n", 1], "orderBy": ["n"] })), ["n00003", "n00000"]);
    // Mended, the same schema goes through, under a version of its own.
    fill_over(&mut world);
    assert_eq!(world.schema(wanted).expect(200).json["version"], 3);
    assert_eq!(world.send(ask("GET", "_schema")).expect(200).json["refused"], json!(null));
}

fn fill_over(world: &mut World) {
    for index in 0..20 {
        world.put(&format!("notes/n{index:05}"), json!({ "n": index, "text": "mended" })).expect(200);
    }
}

#[test]
fn a_schema_that_contradicts_itself_changes_nothing() {
    let mut world = World::with(json!({ "notes": {} }));
    world.schema(json!({ "notes": { "fields": { "to": { "ref": "nowhere" } } } })).refused(422, "invalid_schema");
    assert_eq!(world.send(ask("GET", "_schema")).expect(200).json["version"], 1);
    assert_eq!(world.schema(json!({ "notes": {}, "b": {} })).expect(200).json["version"], 2);
}
