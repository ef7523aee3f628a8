//! What happens by itself: documents whose time comes, history past retention.

use selvedge::id::{BatchId, DatabaseName, Key};
use selvedge::time::Time;
use selvedge::wire::{Bearer, PartitionCall, PartitionRequest};
use serde_json::{Value, json};

use crate::paced::fill;
use crate::world::{BEGINNING, DAY, DB, SECOND, World, ask};

const HOUR: i64 = 3_600 * SECOND;

/// A time as a timestamp field keeps it.
fn at(micros: i64) -> String {
    let text = Time::from_micros(micros).to_string();
    format!("{}Z", &text[..text.len() - 4])
}

fn sessions() -> Value {
    json!({ "sessions": { "fields": { "until": { "type": "timestamp", "optional": true } }, "ttl": "until" } })
}

fn next_alarm(world: &mut World) -> Option<i64> {
    let partition = world.partitions.get_mut(&Key::empty()).expect("a partition");
    partition.next_alarm().map(Time::micros)
}

/// Lets the world's time come to this moment exactly.
fn reach(world: &mut World, micros: i64) {
    world.pass(micros - world.now);
}

#[test]
fn a_document_goes_at_its_time_and_not_before() {
    let mut world = World::with(sessions());
    let due = BEGINNING + HOUR;
    world.put("sessions/a", json!({ "until": at(due) })).expect(201);
    world.put("sessions/b", json!({ "until": at(due + 1_000) })).expect(201);
    world.put("sessions/forever", json!({ "until": null })).expect(201);
    assert_eq!(next_alarm(&mut world), Some(due));
    reach(&mut world, due - 1);
    assert_eq!(world.count("", "SELECT count(*) FROM d1"), 3);
    // The platform rings at the millisecond it was asked for.
    reach(&mut world, due);
    assert_eq!(world.count("", "SELECT count(*) FROM d1"), 2);
    assert_eq!(next_alarm(&mut world), Some(due + 1_000));
    reach(&mut world, due + 1_000);
    assert_eq!(world.ids(json!({ "from": "sessions" })), ["forever"]);
    // It left a history as every delete does.
    let before = Time::from_micros(due - 1).to_string();
    assert_eq!(world.get_at("sessions/a", &before).expect(200).json["id"], "a");
    let oldest = world.count("", "SELECT min(time) FROM log");
    assert_eq!(next_alarm(&mut world), Some(oldest + 7 * DAY));
}

#[test]
fn a_later_time_keeps_a_document_and_an_earlier_one_brings_its_end_forward() {
    let mut world = World::with(sessions());
    world.put("sessions/a", json!({ "until": at(BEGINNING + HOUR) })).expect(201);
    world.patch("sessions/a", json!({ "until": at(BEGINNING + 3 * HOUR) })).expect(200);
    reach(&mut world, BEGINNING + 2 * HOUR);
    world.document("sessions/a");
    assert_eq!(next_alarm(&mut world), Some(BEGINNING + 3 * HOUR));
    world.restart();
    world.put("sessions/b", json!({ "until": at(BEGINNING + 150 * 60 * SECOND) })).expect(201);
    assert_eq!(next_alarm(&mut world), Some(BEGINNING + 150 * 60 * SECOND));
    reach(&mut world, BEGINNING + 3 * HOUR);
    assert_eq!(world.count("", "SELECT count(*) FROM d1"), 0);
}

#[test]
fn many_documents_go_in_one_ringing() {
    let mut world = World::with(sessions());
    fill(&mut world, "sessions", 1_300, |index| json!({ "until": at(BEGINNING + HOUR + index as i64 * 1_000) }));
    world.restart();
    world.put("sessions/last", json!({})).expect(201);
    reach(&mut world, BEGINNING + 2 * HOUR);
    assert_eq!(world.ids(json!({ "from": "sessions" })), ["last"]);
}

#[test]
fn documents_that_others_hold_stay_and_are_tried_again_without_keeping_the_rest() {
    let mut world = World::with(json!({
        "sessions": { "fields": { "until": { "type": "timestamp" } }, "ttl": "until" },
        "logs": { "fields": { "session": { "ref": "sessions" } } },
    }));
    let due = BEGINNING + HOUR;
    fill(&mut world, "sessions", 1_200, |index| json!({ "until": at(due + index as i64 * 1_000) }));
    // More than one step takes are held, and they come first.
    fill(&mut world, "logs", 700, |index| json!({ "session": format!("n{index:05}") }));
    world.put("sessions/late", json!({ "until": at(due + 30 * HOUR) })).expect(201);
    reach(&mut world, due + 2 * HOUR);
    assert_eq!(world.count("", "SELECT count(*) FROM d1"), 701);
    let retry = next_alarm(&mut world).expect("an alarm");
    assert!(retry > world.now && retry <= world.now + HOUR, "in {} s", (retry - world.now) / SECOND);
    world.delete("logs/n00003").expect(200);
    world.document("sessions/n00003");
    reach(&mut world, retry);
    world.get("sessions/n00003").refused(404, "not_found");
    assert_eq!(world.count("", "SELECT count(*) FROM d1"), 700);
}

#[test]
fn what_refers_to_a_document_whose_time_comes_goes_or_is_cleared_with_it() {
    let mut world = World::with(json!({
        "sessions": { "fields": { "until": { "type": "timestamp" } }, "ttl": "until" },
        "logs": { "fields": { "session": { "ref": "sessions", "onDelete": "cascade" } } },
        "users": { "fields": { "last": { "ref": "sessions", "onDelete": "clear", "optional": true } } },
    }));
    world.put("sessions/a", json!({ "until": at(BEGINNING + HOUR) })).expect(201);
    world.put("logs/l", json!({ "session": "a" })).expect(201);
    world.put("users/u", json!({ "last": "a" })).expect(201);
    reach(&mut world, BEGINNING + HOUR);
    world.get("logs/l").refused(404, "not_found");
    assert_eq!(world.document("users/u")["last"], Value::Null);
}

#[test]
fn a_time_to_live_that_a_schema_adds_takes_what_is_due_already() {
    let mut world = World::with(json!({ "sessions": { "fields": { "until": { "type": "timestamp" } } } }));
    world.put("sessions/old", json!({ "until": "1969-07-20T20:17:40Z" })).expect(201);
    world.put("sessions/new", json!({ "until": at(BEGINNING + HOUR) })).expect(201);
    world.schema(json!({ "sessions": { "fields": { "until": { "type": "timestamp" } }, "ttl": "until" } })).expect(200);
    world.ring();
    assert_eq!(world.ids(json!({ "from": "sessions" })), ["new"]);
    // Without it, time does no harm again.
    world.schema(json!({ "sessions": { "fields": { "until": { "type": "timestamp" } } } })).expect(200);
    reach(&mut world, BEGINNING + 2 * HOUR);
    assert_eq!(world.ids(json!({ "from": "sessions" })), ["new"]);
}

#[test]
fn history_is_kept_for_its_time_and_then_forgotten() {
    let mut world = World::new();
    world.put("notes/still", json!({ "n": 0 })).expect(201);
    world.put("notes/a", json!({ "n": 1 })).expect(201);
    let first = world.time();
    world.pass(DAY);
    world.patch("notes/a", json!({ "n": 2 })).expect(200);
    let second = world.time();
    world.pass(DAY);
    world.patch("notes/a", json!({ "n": 3 })).expect(200);
    world.delete("notes/still").expect(200);
    world.put("notes/still", json!({ "n": 9 })).expect(201);
    let third = world.time();
    world.pass(6 * DAY - SECOND);
    for _ in 0..2 {
        // What was before the first commit that is forgotten cannot be told any more; what was after can.
        world.get_at("notes/a", &Time::from_micros(BEGINNING).to_string()).refused(400, "time_out_of_range");
        assert_eq!(world.get_at("notes/a", &first).expect(200).json["n"], 1);
        assert_eq!(world.get_at("notes/still", &first).expect(200).json["n"], 0);
        let then = json!({ "from": "notes", "at": first, "orderBy": ["id"], "select": ["id", "n"] });
        let rows = world.query(then).expect(200).json["rows"].clone();
        assert_eq!(rows, json!([{ "id": "a", "n": 1 }, { "id": "still", "n": 0 }]));
        assert_eq!(world.get_at("notes/a", &second).expect(200).json["n"], 2);
        world.restart();
    }
    world.pass(2 * DAY);
    world.get_at("notes/a", &second).refused(400, "time_out_of_range");
    for _ in 0..2 {
        assert_eq!(world.get_at("notes/a", &third).expect(200).json["n"], 3);
        assert_eq!(world.document("notes/still")["n"], 9);
        world.restart();
    }
    assert_eq!(world.count("", "SELECT count(*) FROM log"), 1);
}

#[test]
fn versions_and_times_go_on_after_history_is_forgotten() {
    let mut world = World::new();
    let last = (0..5).map(|n| world.put("notes/a", json!({ "n": n })).version()).max().expect("a version");
    let token = world.get("notes/a").header("selvedge-token").expect("a token").to_owned();
    world.pass(30 * DAY);
    world.restart();
    world.ring();
    assert_eq!(world.get("notes/a").header("selvedge-token"), Some(token.as_str()));
    // Even by a clock that was set back.
    world.now = BEGINNING;
    let put = world.put("notes/a", json!({})).expect(200);
    assert_eq!(put.version(), last + 1);
    let times = world.count(
        "",
        "SELECT count(*) FROM log AS one JOIN log AS other ON one.seq < other.seq AND one.time >= other.time",
    );
    assert_eq!(times, 0);
}

#[test]
fn receipts_go_with_the_history_and_older_ids_are_refused() {
    let mut world = World::new();
    let id = world.batch_id(0).to_string();
    let put = |n: i64| ask("PUT", "notes/a").body(&json!({ "n": n })).named(&id);
    world.send(put(1)).expect(201);
    world.put("notes/b", json!({})).expect(201);
    world.pass(6 * DAY);
    assert_eq!(world.send(put(1)).expect(201).version(), 1);
    world.send(put(2)).refused(409, "batch_reused");
    world.pass(2 * DAY);
    assert_eq!(world.count("", &format!("SELECT count(*) FROM receipt WHERE id = '{id}'")), 0);
    world.send(put(1)).refused(400, "batch_expired");
    assert_eq!(world.document("notes/a")["_version"], 1);
}

#[test]
fn an_import_under_an_id_does_not_shorten_the_life_of_a_receipt_under_it() {
    let mut world = World::new();
    let request = PartitionRequest {
        db: DatabaseName::parse(DB).expect("a name"),
        key: Key::empty(),
        bearer: Bearer::Root,
        batch: BatchId::parse("mine").expect("an id"),
        named: true,
        origin: None,
        call: PartitionCall::Import,
    };
    assert_eq!(world.ask_partition(&request, b"[1]\n[\"notes\",{\"id\":\"x\"}]").status, 200);
    world.pass(6 * DAY);
    let increment =
        || ask("POST", "_tx").named("mine").body(&json!({ "ops": [{ "patch": "notes/x", "increment": { "n": 1 } }] }));
    world.send(increment()).expect(200);
    world.pass(2 * DAY);
    world.send(increment()).expect(200);
    assert_eq!(world.document("notes/x")["n"], 1);
}

#[test]
fn a_long_history_is_forgotten_in_steps_until_none_is_left() {
    let mut world = World::new();
    fill(&mut world, "notes", 5_000, |index| json!({ "n": index }));
    world.pass(8 * DAY);
    assert_eq!(world.count("", "SELECT count(*) FROM log"), 1);
    assert_eq!(next_alarm(&mut world), None);
    // The last row is past its time as soon as it is not the last.
    world.put("notes/more", json!({})).expect(201);
    world.ring();
    assert_eq!(world.count("", "SELECT count(*) FROM log WHERE id = 'more'"), 1);
    assert_eq!(world.count("", "SELECT count(*) FROM log"), 1);
    let last = world.count("", "SELECT time FROM log");
    world.put("notes/still", json!({})).expect(201);
    assert_eq!(next_alarm(&mut world), Some(last + 7 * DAY));
}
