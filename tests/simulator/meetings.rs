//! Meetings of messages that went wrong once, each made by hand.

use selvedge::catalog::{self, Catalog};
use selvedge::id::{BatchId, CollectionName, DatabaseName, DocumentRef, Key, KeyName};
use selvedge::limits::{CLOCK_SKEW_US, RETENTION_US};
use selvedge::moment::Moment;
use selvedge::partition::{self, Partition};
use selvedge::time::Time;
use selvedge::wire::{
    Answer, Bearer, CatalogCall, CatalogRequest, Lesson, PartitionCall, PartitionRequest, Progress, Verb,
};
use serde_json::{Value, json};

use crate::disk::Disk;

const START: i64 = 1_800_000_000_000_000;

/// A catalog and partitions, whose messages the test carries.
struct Bench {
    now: i64,
    count: u8,
    catalog: Catalog<Disk>,
    disk: Disk,
}

fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}

fn home() -> Partition<Disk> {
    Partition::new(Disk::new())
}

impl Bench {
    /// With a database.
    fn new() -> Bench {
        let disk = Disk::new();
        let mut bench = Bench { now: START, count: 0, catalog: Catalog::new(disk.clone()), disk };
        assert_eq!(bench.settled(CatalogCall::Create, "").status, 201);
        bench
    }

    fn restart(&mut self) {
        self.catalog = Catalog::new(self.disk.clone());
    }

    fn moment<T>(&mut self, work: impl FnOnce(&mut Catalog<Disk>, &mut Moment<'_>) -> T) -> T {
        let count = &mut self.count;
        let mut random = || {
            *count = count.wrapping_add(1);
            [*count; 16]
        };
        work(&mut self.catalog, &mut Moment { now: Time::from_micros(self.now), random: &mut random })
    }

    fn catalog(&mut self, call: CatalogCall, body: &str, round: usize) -> catalog::Step {
        let request = CatalogRequest {
            db: DatabaseName::parse("shop").expect("a name"),
            bearer: Bearer::Root,
            origin: None,
            call,
        };
        self.moment(|catalog, moment| catalog.handle(moment, &request, body.as_bytes(), round))
    }

    fn settled(&mut self, call: CatalogCall, body: &str) -> Answer {
        match self.catalog(call.clone(), body, 0) {
            catalog::Step::Answer(answer) => answer,
            tell => panic!("{call:?} comes to {tell:?}"),
        }
    }

    fn told(&mut self, call: CatalogCall, body: &str) -> (Vec<PartitionRequest>, String) {
        match self.catalog(call, body, 0) {
            catalog::Step::Tell(listeners, grant) => (listeners, grant),
            step @ catalog::Step::Fetch(_) => panic!("{step:?}"),
            answer => panic!("nobody is told: {answer:?}"),
        }
    }

    fn partition(
        &mut self,
        partition: &mut Partition<Disk>,
        request: &PartitionRequest,
        body: &str,
        lesson: Option<Lesson>,
    ) -> partition::Step {
        let mut random = || [7; 16];
        let mut moment = Moment { now: Time::from_micros(self.now), random: &mut random };
        partition.handle(&mut moment, request, body.as_bytes(), lesson)
    }

    fn lesson(&mut self, question: CatalogRequest) -> Lesson {
        let answer = self.settled(question.call, "");
        serde_json::from_str(&answer.body).expect("a lesson")
    }

    /// Carries a request through, with what the partition asks.
    fn ask(&mut self, partition: &mut Partition<Disk>, request: &PartitionRequest, body: &str) -> Answer {
        let mut lesson = None;
        loop {
            match self.partition(partition, request, body, lesson.take()) {
                partition::Step::Answer(answer) => return answer,
                partition::Step::Ask(question) => lesson = Some(self.lesson(question)),
                step @ partition::Step::Verify(_) => panic!("{step:?}"),
            }
        }
    }

    fn learn(&mut self, partition: &mut Partition<Disk>, letter: &PartitionRequest, grant: &str) -> Progress {
        match self.partition(partition, letter, grant, None) {
            partition::Step::Answer(answer) => serde_json::from_str(&answer.body).expect("progress"),
            step => panic!("{step:?}"),
        }
    }

    /// Carries a call to the catalog through, with one partition.
    fn through(&mut self, call: &CatalogCall, body: &str, partition: &mut Partition<Disk>) -> Answer {
        for round in 0..100 {
            match self.catalog(call.clone(), body, round) {
                catalog::Step::Answer(answer) => return answer,
                step @ catalog::Step::Fetch(_) => panic!("{step:?}"),
                catalog::Step::Tell(listeners, grant) => {
                    for listener in listeners {
                        let progress = self.learn(partition, &listener, &grant);
                        self.catalog.heard(&listener.key, Some(progress));
                    }
                }
            }
        }
        panic!("{call:?} never ends")
    }
}

fn request(home: &str, batch: &str, call: PartitionCall) -> PartitionRequest {
    PartitionRequest {
        db: DatabaseName::parse("shop").expect("a name"),
        key: key(home),
        bearer: Bearer::Root,
        batch: BatchId::parse(batch).expect("an id"),
        named: true,
        origin: None,
        call,
    }
}

fn write(document: &str, batch: &str) -> PartitionRequest {
    let document = DocumentRef::parse(document).expect("a document");
    let home = document.id.key().to_string();
    request(&home, batch, PartitionCall::Write { document, verb: Verb::Put, only_if: None })
}

fn get(document: &str) -> PartitionRequest {
    let document = DocumentRef::parse(document).expect("a document");
    let home = document.id.key().to_string();
    request(&home, "get", PartitionCall::Get { document, at: None, unless: None })
}

fn positive() -> String {
    let n = json!({ "type": "int", "check": [">", "n", 0] });
    json!({ "collections": { "items": { "fields": { "n": n } } } }).to_string()
}

const PUT: CatalogCall = CatalogCall::PutSchema { only_if: None };

#[test]
fn news_of_an_earlier_deletion_leaves_the_successor_alone() {
    let (mut bench, mut a) = (Bench::new(), home());
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w1"), "{}").status, 201);
    let (letters, late) = bench.told(CatalogCall::Delete, "");
    let progress = bench.learn(&mut a, &letters[0], &late);
    bench.catalog.heard(&key("a"), Some(progress));
    let deleted = bench.catalog(CatalogCall::Delete, "", 1);
    assert_eq!(deleted, catalog::Step::Answer(Answer::empty(204)));
    assert_eq!(bench.settled(CatalogCall::Create, "").status, 201);
    assert_eq!(bench.ask(&mut a, &write("items/a/2", "w2"), "{}").status, 201);
    bench.learn(&mut a, &letters[0], &late);
    assert_eq!(bench.ask(&mut a, &get("items/a/2"), "").status, 200, "a late message deleted the successor");
    assert_eq!(bench.ask(&mut a, &get("items/a/1"), "").status, 404);
}

#[test]
fn a_lesson_of_a_deleted_database_brings_nothing_back() {
    let (mut bench, mut a) = (Bench::new(), home());
    let asked = write("items/a/1", "w1");
    let partition::Step::Ask(first) = bench.partition(&mut a, &asked, "{}", None) else { panic!("no question") };
    let lesson = bench.lesson(first);
    let partition::Step::Ask(second) = bench.partition(&mut a, &asked, "{}", Some(lesson)) else {
        panic!("no question")
    };
    let late = bench.lesson(second);
    assert_eq!(bench.through(&CatalogCall::Delete, "", &mut a).status, 204);
    let partition::Step::Answer(answer) = bench.partition(&mut a, &asked, "{}", Some(late)) else { panic!("asks") };
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(bench.ask(&mut a, &get("items/a/1"), "").status, 404);
    assert!(bench.ask(&mut a, &get("items/a/1"), "").body.contains("unknown_database"));
}

#[test]
fn a_deletion_that_goes_on_does_not_delete_the_successor() {
    let (mut bench, mut a) = (Bench::new(), home());
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w1"), "{}").status, 201);
    bench.told(CatalogCall::Delete, "");
    assert_eq!(bench.through(&CatalogCall::Delete, "", &mut a).status, 204);
    assert_eq!(bench.settled(CatalogCall::Create, "").status, 201);
    let slow = bench.catalog(CatalogCall::Delete, "", 1);
    assert_eq!(slow, catalog::Step::Answer(Answer::empty(204)));
    assert_eq!(bench.settled(CatalogCall::GetSchema, "").status, 200, "the successor is gone");
}

#[test]
fn offenders_count_although_a_key_was_made_meanwhile() {
    let (mut bench, mut a) = (Bench::new(), home());
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w1"), r#"{"n":-1}"#).status, 201);
    let (letters, grant) = bench.told(PUT, &positive());
    let mut progress = bench.learn(&mut a, &letters[0], &grant);
    while !progress.done {
        progress = bench.learn(&mut a, &letters[0], &grant);
    }
    assert_eq!(bench.settled(CatalogCall::CreateKey, r#"{"name":"k","role":"read"}"#).status, 201);
    bench.catalog.heard(&key("a"), Some(progress));
    let answer = bench.through(&PUT, &positive(), &mut a);
    assert_eq!(answer.status, 422, "{answer:?}");
}

#[test]
fn a_key_taken_into_use_during_a_survey_keeps_to_the_staged_schema() {
    let (mut bench, mut a, mut b, mut c) = (Bench::new(), home(), home(), home());
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w1"), r#"{"n":1}"#).status, 201);
    // The second key is told to the first.
    let asked = CatalogCall::Join { key: key("b"), register: true, wanted: None };
    bench.through(&asked, "", &mut a);
    assert_eq!(bench.ask(&mut b, &write("items/b/1", "w2"), r#"{"n":1}"#).status, 201);
    bench.told(PUT, &positive());
    let answer = bench.ask(&mut c, &write("items/c/1", "w3"), r#"{"n":-1}"#);
    assert!(answer.status == 409 && answer.body.contains("check_failed"), "{answer:?}");
}

#[test]
fn nobody_else_works_before_the_first_key_knows_that_it_is_not_alone() {
    let (mut bench, mut a) = (Bench::new(), home());
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w1"), "{}").status, 201);
    let (letters, _) = bench.told(CatalogCall::Join { key: key("b"), register: true, wanted: None }, "");
    assert_eq!(letters.iter().map(|letter| letter.key.clone()).collect::<Vec<_>>(), [key("a")]);
    bench.settled(CatalogCall::CreateKey, r#"{"name":"k","role":"read"}"#);
    let name = KeyName::parse("k").expect("a name");
    let (letters, _) = bench.told(CatalogCall::DeleteKey { name }, "");
    assert_eq!(letters.iter().map(|letter| letter.key.clone()).collect::<Vec<_>>(), [key("a")]);
}

#[test]
fn what_a_restarted_catalog_had_begun_goes_on_by_its_alarm() {
    let (mut bench, mut a) = (Bench::new(), home());
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w1"), r#"{"n":1}"#).status, 201);
    bench.told(PUT, &positive());
    let due = bench.catalog.next_alarm().expect("an alarm, set before anybody is told");
    bench.restart();
    bench.now = due.micros();
    for round in 0..100 {
        match bench.moment(|catalog, moment| catalog.alarm(moment, round)) {
            Some(catalog::Step::Tell(listeners, grant)) => {
                for listener in listeners {
                    let progress = bench.learn(&mut a, &listener, &grant);
                    bench.catalog.heard(&listener.key, Some(progress));
                }
            }
            _ => break,
        }
    }
    let got: Value = serde_json::from_str(&bench.settled(CatalogCall::GetSchema, "").body).expect("a schema");
    assert_eq!((&got["version"], &got["staged"]), (&json!(1), &Value::Null));
    assert_eq!(bench.ask(&mut a, &write("items/a/2", "w2"), r#"{"n":-1}"#).status, 409);
}

#[test]
fn revoking_a_key_spares_one_made_later_under_its_name() {
    let (mut bench, mut a) = (Bench::new(), home());
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w1"), "{}").status, 201);
    let made = r#"{"name":"k","role":"read"}"#;
    assert_eq!(bench.settled(CatalogCall::CreateKey, made).status, 201);
    let revoke = CatalogCall::DeleteKey { name: KeyName::parse("k").expect("a name") };
    let (letters, grant) = bench.told(revoke.clone(), "");
    assert_eq!(bench.settled(CatalogCall::CreateKey, made).status, 201);
    let progress = bench.learn(&mut a, &letters[0], &grant);
    bench.catalog.heard(&key("a"), Some(progress));
    let revoked = bench.catalog(revoke, "", 1);
    assert_eq!(revoked, catalog::Step::Answer(Answer::empty(204)));
    assert!(bench.settled(CatalogCall::ListKeys, "").body.contains("\"k\""), "the later key is gone");
}

#[test]
fn a_schema_that_was_refused_meanwhile_is_not_said_to_be_in_force() {
    let (mut bench, mut a) = (Bench::new(), home());
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w1"), r#"{"n":-1}"#).status, 201);
    bench.told(PUT, &positive());
    assert_eq!(bench.through(&PUT, &positive(), &mut a).status, 422);
    assert_eq!(bench.through(&PUT, r#"{"collections":{"other":{}}}"#, &mut a).status, 200);
    let catalog::Step::Answer(slow) = bench.catalog(PUT, &positive(), 1) else { panic!("it tells again") };
    assert_eq!(slow.status, 409, "{slow:?}");
}

#[test]
fn a_document_that_comes_with_its_end_sets_the_alarm() {
    let (mut bench, mut a) = (Bench::new(), home());
    let fields = json!({ "until": { "type": "timestamp" } });
    let schema = json!({ "collections": { "items": { "fields": fields, "ttl": "until" } } }).to_string();
    assert_eq!(bench.settled(PUT, &schema).status, 200);
    let until = Time::from_micros(START + 60_000_000);
    let body = json!({ "until": until.to_string() }).to_string();
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w1"), &body).status, 201);
    assert_eq!(a.next_alarm(), Some(until));
    bench.now = until.micros() + 1_000;
    let mut random = || [0; 16];
    a.alarm(&mut Moment { now: Time::from_micros(bench.now), random: &mut random });
    assert_eq!(bench.ask(&mut a, &get("items/a/1"), "").status, 404);
}

#[test]
fn what_a_renamed_reference_will_refer_to_is_not_deleted_before() {
    let (mut bench, mut a) = (Bench::new(), home());
    assert_eq!(bench.ask(&mut a, &write("people/a/1", "w1"), "{}").status, 201);
    assert_eq!(bench.ask(&mut a, &write("items/a/1", "w2"), r#"{"holder":"a/1"}"#).status, 201);
    let items = json!({ "fields": { "owner": { "ref": "people", "optional": true } },
        "migrate": [{ "rename": ["holder", "owner"] }] });
    let schema = json!({ "collections": { "items": items, "people": {} } }).to_string();
    let (letters, grant) = bench.told(PUT, &schema);
    while !bench.learn(&mut a, &letters[0], &grant).done {}
    let document = DocumentRef::parse("people/a/1").expect("a document");
    let delete = request("a", "w3", PartitionCall::Write { document, verb: Verb::Delete, only_if: None });
    assert_eq!(bench.ask(&mut a, &delete, "").status, 409);
    assert_eq!(bench.through(&PUT, &schema, &mut a).status, 200);
    let item: Value = serde_json::from_str(&bench.ask(&mut a, &get("items/a/1"), "").body).expect("an item");
    assert_eq!(item["owner"], json!("a/1"));
}

/// Carries out an insert, then lets everything pass that is kept, and asks again.
fn repeated_after(bench: &mut Bench, id: &str, passing: i64) -> (Answer, Answer) {
    let mut a = home();
    let call = PartitionCall::Insert { collection: CollectionName::parse("items").expect("a name") };
    let insert = request("", id, call);
    let first = bench.ask(&mut a, &insert, "{}");
    bench.now += passing;
    // The last row of the log always stays: another takes that place.
    assert_eq!(bench.ask(&mut a, &write("items/2", "w2"), "{}").status, 201);
    let mut random = || [0; 16];
    a.alarm(&mut Moment { now: Time::from_micros(bench.now), random: &mut random });
    let again = bench.ask(&mut a, &insert, "{}");
    (first, again)
}

#[test]
fn an_id_made_by_a_clock_ahead_is_refused_once_its_receipt_is_gone() {
    let mut bench = Bench::new();
    let ahead = u64::try_from((START + CLOCK_SKEW_US - 1_000_000) / 1_000).expect("a time");
    let id = BatchId::v7(ahead, [1; 10]).to_string();
    let (first, again) = repeated_after(&mut bench, &id, RETENTION_US + CLOCK_SKEW_US / 2);
    assert_eq!(first.status, 201);
    assert_eq!(again.status, 400, "it was carried out twice: {again:?}");
    assert!(again.body.contains("batch_expired"), "{again:?}");
}

#[test]
fn no_id_of_a_caller_is_one_of_the_system() {
    let (mut bench, mut a) = (Bench::new(), home());
    let fields = json!({ "until": { "type": "timestamp", "optional": true } });
    let schema = json!({ "collections": { "items": { "fields": fields, "ttl": "until" } } }).to_string();
    assert_eq!(bench.settled(PUT, &schema).status, 200);
    let body = json!({ "until": Time::from_micros(START + 1_000).to_string() }).to_string();
    assert_eq!(bench.ask(&mut a, &write("items/1", "w1"), &body).status, 201);
    let mut random = || [0; 16];
    // The system deletes the document, and long after that a caller names a batch as the system might.
    bench.now += 1_000_000;
    a.alarm(&mut Moment { now: Time::from_micros(bench.now), random: &mut random });
    assert_eq!(bench.ask(&mut a, &get("items/1"), "").status, 404);
    bench.now += RETENTION_US - 1_000;
    let call = PartitionCall::Insert { collection: CollectionName::parse("items").expect("a name") };
    let insert = request("", "ttl", call);
    let first = bench.ask(&mut a, &insert, "{}");
    bench.now += 1_000_000;
    a.alarm(&mut Moment { now: Time::from_micros(bench.now), random: &mut random });
    let again = bench.ask(&mut a, &insert, "{}");
    assert_eq!((again.status, again.body), (first.status, first.body), "it was carried out twice");
}

/// More documents than are rewritten in the block in which a schema comes into force, and a crash after each step.
#[test]
fn a_long_rewrite_survives_crashes() {
    const MANY: usize = 7_000;
    let (mut bench, disk) = (Bench::new(), Disk::new());
    let mut a = Partition::new(disk.clone());
    for chunk in 0..MANY / 1_000 {
        let numbers: Vec<usize> = (0..1_000).collect();
        let mut body = json!(numbers).to_string();
        for n in 0..1_000 {
            body.push_str(&format!("\n[\"items\",{{\"id\":\"a/{chunk}-{n}\",\"label\":{n}}}]"));
        }
        let import = request("a", &format!("i{chunk}"), PartitionCall::Import);
        assert_eq!(bench.ask(&mut a, &import, &body).status, 200);
    }
    let items = json!({ "fields": { "grade": { "type": "int", "default": 3 } },
        "migrate": [{ "rename": ["label", "title"] }], "indexes": ["grade"] });
    let schema = json!({ "collections": { "items": items } }).to_string();
    let (mut round, mut pending) = (0, 0);
    let answer = loop {
        match bench.catalog(PUT, &schema, round) {
            catalog::Step::Answer(answer) => break answer,
            step @ catalog::Step::Fetch(_) => panic!("{step:?}"),
            catalog::Step::Tell(listeners, grant) => {
                // Each step once in vain, and once for good; each by a new actor.
                a = Partition::new(disk.clone());
                disk.begin();
                bench.learn(&mut a, &listeners[0], &grant);
                disk.undo();
                a = Partition::new(disk.clone());
                let progress = bench.learn(&mut a, &listeners[0], &grant);
                a = Partition::new(disk.clone());
                let seen = bench.ask(&mut a, &get("items/a/0-5"), "");
                match seen.status {
                    200 => {
                        let seen: Value = serde_json::from_str(&seen.body).expect("a document");
                        let last: Value =
                            serde_json::from_str(&bench.ask(&mut a, &get("items/a/6-999"), "").body).expect("one");
                        assert_eq!(seen["grade"], last["grade"], "one document is rewritten, another is not");
                    }
                    503 => pending += 1,
                    _ => panic!("{seen:?}"),
                }
                bench.catalog.heard(&key("a"), Some(progress));
            }
        }
        round += 1;
    };
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(pending > 0, "the rewrite went by in one block");
    let query = json!({ "from": "items", "key": "a", "where": ["=", "grade", 3], "aggregate": { "n": ["count"] } });
    let counted = bench.ask(&mut a, &request("a", "q", PartitionCall::Query { whole: false }), &query.to_string());
    let counted: Value = serde_json::from_str(&counted.body).expect("rows");
    assert_eq!(counted["rows"][0]["n"], json!(MANY), "{counted}");
    let last: Value = serde_json::from_str(&bench.ask(&mut a, &get("items/a/6-999"), "").body).expect("one");
    assert_eq!((&last["title"], &last["label"]), (&json!(999), &Value::Null));
}
