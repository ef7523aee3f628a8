//! Changes of schema that rewrite documents.

use serde_json::{Value, json};

use crate::paced::{Paced, fill};
use crate::world::{SECOND, World, ask};

fn found(world: &mut World, path: &str, value: Value) -> Vec<String> {
    world.ids(json!({ "from": "notes", "where": ["=", path, value] }))
}

#[test]
fn a_required_field_is_filled_with_its_default() {
    let mut world = World::with(json!({ "notes": {} }));
    world.put("notes/a", json!({})).expect(201);
    world.put("notes/b", json!({ "state": "done" })).expect(201);
    let state = json!({ "type": "string", "default": "open" });
    world.schema(json!({ "notes": { "fields": { "state": state }, "indexes": [["state"]] } })).expect(200);
    assert_eq!(world.document("notes/a")["state"], "open");
    assert_eq!(world.document("notes/b")["state"], "done");
    // One that fits already is not touched.
    assert_eq!(world.document("notes/b")["_version"], 2);
    assert_eq!(world.document("notes/a")["_version"], 3);
    assert_eq!(found(&mut world, "state", json!("open")), ["a"]);
}

#[test]
fn a_required_field_without_a_default_is_refused_where_it_is_missing() {
    let mut world = World::with(json!({ "notes": {} }));
    world.put("notes/a", json!({})).expect(201);
    let refused = world.schema(json!({ "notes": { "fields": { "state": { "type": "string" } } } }));
    assert_eq!(refused.refused(422, "schema_violation").json["offenders"][0]["document"], "notes/a");
}

#[test]
fn fields_are_renamed_dropped_and_filled_with_their_indexes() {
    let mut world = World::with(json!({ "notes": { "indexes": [["old"], ["kept"]], "unique": [["code"]] } }));
    fill(&mut world, "notes", 1_100, |index| json!({ "old": index, "kept": index % 7, "code": index, "junk": true }));
    let before = world.time();
    let mut change = Paced::put(
        &mut world,
        json!({ "notes": {
            "indexes": [["new"], ["kept"]],
            "unique": [["number"]],
            "migrate": [{ "rename": ["old", "new"] }, { "rename": ["code", "number"] }, { "drop": "junk" }, { "fill": ["kept", 9] }],
        } }),
    );
    change.step(&mut world);
    // Until the new schema is in force, documents have the former shape.
    world.put("notes/n00003", json!({ "old": -3, "code": -3 })).expect(200);
    world.put("notes/late", json!({ "old": -4, "code": -4 })).expect(201);
    let (status, _) = change.finish(&mut world);
    assert_eq!(status, 200);
    for _ in 0..2 {
        let n3 = world.document("notes/n00003");
        assert_eq!((&n3["new"], &n3["number"], &n3["kept"], n3.get("old")), (&json!(-3), &json!(-3), &json!(9), None));
        assert_eq!(found(&mut world, "new", json!(-4)), ["late"]);
        assert_eq!(found(&mut world, "new", json!(5)), ["n00005"]);
        assert_eq!(found(&mut world, "new", json!(3)), Vec::<String>::new());
        assert_eq!(found(&mut world, "number", json!(1_099)), ["n01099"]);
        assert_eq!(found(&mut world, "old", json!(5)), Vec::<String>::new());
        assert_eq!(found(&mut world, "kept", json!(9)), ["late", "n00003"]);
        world.put("notes/x", json!({ "number": 7 })).refused(409, "unique_violation");
        world.restart();
    }
    // History keeps its shape.
    assert_eq!(world.get_at("notes/n00005", &before).expect(200).json["old"], 5);
    // The list goes on; what was carried out is not carried out again.
    world.put("notes/y", json!({ "old": 1, "number": 9_999 })).expect(201);
    world
        .schema(json!({ "notes": {
            "indexes": [["new"], ["kept"]],
            "unique": [["number"]],
            "migrate": [{ "rename": ["old", "new"] }, { "rename": ["code", "number"] }, { "drop": "junk" }, { "fill": ["kept", 9] }, { "drop": "kept" }],
        } }))
        .expect(200);
    let y = world.document("notes/y");
    assert_eq!((&y["old"], y.get("kept")), (&json!(1), None));
    assert_eq!(world.document("notes/n00005").get("kept"), None);
    assert_eq!(found(&mut world, "kept", json!(9)), Vec::<String>::new());
}

#[test]
fn computed_fields_are_computed_anew() {
    let slug = |expression: Value| {
        json!({ "notes": {
            "fields": { "name": { "type": "string" }, "slug": { "type": "string", "computed": expression } },
            "unique": [["slug"]],
        } })
    };
    let mut world = World::with(json!({ "notes": { "fields": { "name": { "type": "string" } } } }));
    fill(&mut world, "notes", 1_050, |index| json!({ "name": format!("N{index}") }));
    world.schema(slug(json!(["lower", "name"]))).expect(200);
    assert_eq!(world.document("notes/n00007")["slug"], "n7");
    assert_eq!(found(&mut world, "slug", json!("n1049")), ["n01049"]);
    world.schema(slug(json!(["concat", "name", { "value": "!" }]))).expect(200);
    assert_eq!(world.document("notes/n00007")["slug"], "N7!");
    assert_eq!(found(&mut world, "slug", json!("N1049!")), ["n01049"]);
    assert_eq!(found(&mut world, "slug", json!("n1049")), Vec::<String>::new());
    world.put("notes/other", json!({ "name": "N7" })).refused(409, "unique_violation");
}

#[test]
fn a_unique_set_holds_after_its_values_change_with_the_schema() {
    // The set is the same in both schemas; what the documents have in it is not.
    let slug = |expression: Value| {
        json!({ "notes": {
            "fields": { "name": { "type": "string" }, "slug": { "type": "string", "computed": expression } },
            "unique": [["slug"]],
        } })
    };
    let mut world = World::with(slug(json!(["concat", "name"])));
    world.put("notes/a", json!({ "name": "Tea" })).expect(201);
    world.put("notes/b", json!({ "name": "tea" })).expect(201);
    let refused = world.schema(slug(json!(["lower", "name"]))).refused(422, "schema_violation");
    assert_eq!(refused.json["offenders"][0]["code"], "unique_violation", "{}", refused.text);

    let mut world = World::with(json!({ "notes": { "unique": [["code"]] } }));
    world.put("notes/a", json!({ "code": 1 })).expect(201);
    world.put("notes/b", json!({ "former": 1 })).expect(201);
    let renamed = json!({ "notes": { "unique": [["code"]], "migrate": [{ "rename": ["former", "code"] }] } });
    world.schema(renamed).refused(422, "schema_violation");

    let mut world = World::with(json!({ "notes": { "fields": { "at": { "type": "string" } }, "unique": [["at"]] } }));
    world.put("notes/a", json!({ "at": "2026-01-01T00:00:00Z" })).expect(201);
    world.put("notes/b", json!({ "at": "2026-01-01T01:00:00+01:00" })).expect(201);
    let typed = json!({ "notes": { "fields": { "at": { "type": "timestamp" } }, "unique": [["at"]] } });
    world.schema(typed).refused(422, "schema_violation");
}

#[test]
fn one_batch_cannot_bring_both_halves_of_a_violation_to_come() {
    let mut world = World::with(json!({ "notes": { "fields": { "name": { "type": "string" } } } }));
    world.put("notes/a", json!({ "name": "A" })).expect(201);
    let mut change = Paced::put(
        &mut world,
        json!({ "notes": {
            "fields": { "name": { "type": "string" }, "slug": { "type": "string", "computed": ["lower", "name"] } },
            "unique": [["slug"]],
        } }),
    );
    // From when on the set to come is kept by writes.
    while world.put("notes/probe", json!({ "name": "A" })).status != 409 {
        world.delete("notes/probe").expect(200);
        assert!(change.step(&mut world));
    }
    world
        .ops(json!([
            { "insert": "notes/x", "body": { "name": "Tea" } },
            { "insert": "notes/y", "body": { "name": "tea" } },
        ]))
        .refused(409, "unique_violation");
    let lines = [r#"["notes",{"id":"x","name":"Cup"}]"#, r#"["notes",{"id":"y","name":"cup"}]"#];
    let imported = world.import("", &lines).expect(200).json;
    assert_eq!((&imported["imported"], &imported["failed"]), (&json!(1), &json!(1)));
    while change.step(&mut world) {}
    assert_eq!(change.answer.map(|answer| answer.status), Some(200));
}

#[test]
fn a_document_that_would_outgrow_its_limits_is_an_offender() {
    let mut world = World::with(json!({ "notes": {} }));
    let large = "x".repeat((1 << 20) - 200);
    world.put("notes/a", json!({ "text": large })).expect(201);
    let filled = json!({ "notes": { "migrate": [{ "fill": ["more", "y".repeat(400)] }] } });
    let refused = world.schema(filled).refused(422, "schema_violation");
    assert_eq!(refused.json["offenders"][0]["code"], "too_large", "{}", refused.text);
    world.put("notes/a", json!({})).expect(200);

    let mut world = World::with(json!({ "notes": { "indexes": [["to"]] } }));
    world.put("notes/a", json!({ "from": "x".repeat(2_000) })).expect(201);
    let renamed = json!({ "notes": { "indexes": [["to"]], "migrate": [{ "rename": ["from", "to"] }] } });
    world.schema(renamed).refused(422, "schema_violation");
    world.put("notes/b", json!({ "to": "short" })).expect(201);
}

#[test]
fn a_schema_that_changes_more_indexes_than_fit_beside_each_other_is_refused_for_good() {
    let sets = |prefix: &str, many: usize| json!({ "notes": { "indexes": (0..many).map(|index| vec![format!("{prefix}{index}")]).collect::<Vec<_>>() } });
    let mut world = World::with(sets("a", 60));
    world.put("notes/a", json!({ "a1": 1 })).expect(201);
    let refused = world.schema(sets("b", 60)).refused(422, "schema_violation");
    assert_eq!(refused.json["offenders"][0]["code"], "invalid_schema", "{}", refused.text);
    assert_eq!(world.send(ask("GET", "_schema")).expect(200).json["version"], 1);
    world.schema(sets("a", 61)).expect(200);
    world.schema(sets("b", 15)).expect(200);
    world.schema(sets("c", 60)).expect(200);
}

#[test]
fn many_documents_are_rewritten_in_steps_while_callers_are_asked_to_wait() {
    let mut world = World::with(json!({ "notes": { "indexes": [["old"]] } }));
    fill(&mut world, "notes", 7_500, |index| json!({ "old": index }));
    let renamed = json!({ "notes": { "indexes": [["new"]], "migrate": [{ "rename": ["old", "new"] }] } });
    let mut change = Paced::put(&mut world, renamed);
    let mut waited = 0;
    while change.step(&mut world) {
        let reply = world.get("notes/n07499");
        if reply.status == 503 {
            let reply = reply.refused(503, "unavailable");
            assert_eq!(reply.header("retry-after"), Some("1"));
            waited += 1;
            if waited == 2 {
                break;
            }
        } else {
            assert_eq!(reply.json["old"], 7_499);
        }
        world.restart();
    }
    assert_eq!(waited, 2);
    change.lose();
    world.restart();
    // Whatever was told and is lost, the alarms go on.
    world.get("notes/n00000").refused(503, "unavailable");
    world.pass(60 * SECOND);
    for index in [0, 999, 1_000, 4_999, 5_000, 6_001, 7_499] {
        let id = format!("n{index:05}");
        let document = world.document(&format!("notes/{id}"));
        assert_eq!((&document["new"], document.get("old")), (&json!(index), None));
        assert_eq!(found(&mut world, "new", json!(index)), [id]);
    }
    assert_eq!(world.schema(json!({ "notes": {} })).expect(200).json["version"], 3);
}

#[test]
fn a_schema_is_not_put_over_one_that_is_not_carried_out_everywhere() {
    let mut world = World::with(json!({ "notes": {} }));
    fill(&mut world, "notes", 7_500, |index| json!({ "old": index }));
    let mut change = Paced::put(&mut world, json!({ "notes": { "migrate": [{ "rename": ["old", "new"] }] } }));
    while change.step(&mut world) && world.get("notes/n00000").status != 503 {}
    change.lose();
    // The step is over for who puts this one: nobody would carry it out any more.
    let reply = world.schema(json!({ "notes": { "indexes": [["new"]] } }));
    if reply.status != 200 {
        reply.refused(409, "conflict");
        world.pass(60 * SECOND);
        world.schema(json!({ "notes": { "indexes": [["new"]] } })).expect(200);
    }
    world.pass(60 * SECOND);
    for index in [0, 5_000, 7_499] {
        let document = world.document(&format!("notes/n{index:05}"));
        assert_eq!((&document["new"], document.get("old")), (&json!(index), None));
        assert_eq!(found(&mut world, "new", json!(index)), [format!("n{index:05}")]);
    }
}
