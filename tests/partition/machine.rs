//! Batches without end against a naive model: the same verdict, the same state, the same past.
//!
//! `SELVEDGE_SEED` repeats a run, `SELVEDGE_BATCHES` sets how many batches it has.

use std::collections::BTreeSet;

use selvedge::time::Time;
use selvedge::wire::PartitionCall;
use serde_json::{Value, json};

use crate::model::{
    Before, COLLECTIONS, Change, Condition, Field, Kind, Members, Name, OnDelete, Operation, Patch, Query, Read, State,
    Verdict, collection, decide, put, schema,
};
use crate::random::{Random, fresh_seed};
use crate::world::{Ask, Reply, World, ask};

/// Ids of a collection: few, so that documents meet.
const IDS: usize = 7;

struct Machine {
    world: World,
    random: Random,
    state: State,
    /// The last sequence of the log.
    seq: i64,
    /// The states there were, each from a time on.
    past: Vec<(i64, State)>,
    /// Queries that were answered, for batches that read them.
    answered: Vec<Read>,
    /// A request that may be repeated, with its answer.
    last: Option<(Ask, Reply)>,
    commits: usize,
    rejections: usize,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn a_partition_does_what_a_naive_model_does() {
    let seed = number("SELVEDGE_SEED").unwrap_or_else(fresh_seed);
    let batches = number("SELVEDGE_BATCHES").unwrap_or(4_000);
    eprintln!("SELVEDGE_SEED={seed}");
    let mut world = World::with(schema());
    world.random = Random::new(!seed);
    let past = vec![(0, State::new())];
    let mut machine = Machine {
        world,
        random: Random::new(seed),
        state: State::new(),
        seq: 0,
        past,
        answered: Vec::new(),
        last: None,
        commits: 0,
        rejections: 0,
    };
    for _ in 0..batches {
        machine.step();
    }
    // A machine that refuses everything would prove nothing.
    let (commits, rejections) = (machine.commits as u64, machine.rejections as u64);
    assert!(commits > batches / 5 && rejections > batches / 5, "{commits} commits, {rejections} rejections");
}

impl Machine {
    fn step(&mut self) {
        match self.random.below(100) {
            0..3 => self.world.restart(),
            3..6 => self.world.now += self.random.below(10_000_000) as i64,
            // A platform's clock may fall back.
            6..7 => self.world.now -= self.random.below(5_000) as i64,
            _ => {}
        }
        match self.random.below(100) {
            0..60 => self.batch(),
            60..85 => self.single(),
            85..93 => self.import(),
            93..96 => self.repeat(),
            _ => {}
        }
        self.compare();
        if self.random.chance(30) {
            self.look();
        }
        if self.random.chance(20) {
            self.look_back();
        }
    }

    // What is done.

    fn batch(&mut self) {
        let reads: Vec<Read> = (0..self.random.below(3)).filter_map(|_| self.read()).collect();
        let count = if self.random.chance(3) { 40 } else { self.random.below(7) };
        let operations: Vec<Operation> = (0..count).map(|_| self.operation()).collect();
        let body = json!({
            "reads": reads.iter().map(read_json).collect::<Vec<_>>(),
            "ops": operations.iter().map(operation_json).collect::<Vec<_>>(),
        });
        let request = ask("POST", "_tx").body(&body);
        self.send(request, &reads, &operations);
    }

    /// A request for one document.
    fn single(&mut self) {
        let mut operation = self.operation();
        operation.condition = None;
        let path = format!("{}/{}", operation.name.0, operation.name.1);
        let mut request = match &operation.change {
            Change::Insert(body) => {
                let mut body = body.clone();
                body.insert("id".into(), json!(operation.name.1));
                operation.before = None;
                ask("POST", operation.name.0).body(&Value::Object(body))
            }
            Change::Replace(body) => ask("PUT", &path).body(&Value::Object(body.clone())),
            Change::Patch(_) | Change::Check(_) => {
                let body = self.merge(operation.name.0);
                operation.change = Change::Merge(body.clone());
                ask("PATCH", &path).body(&Value::Object(body))
            }
            Change::Merge(body) => ask("PATCH", &path).body(&Value::Object(body.clone())),
            Change::Delete => ask("DELETE", &path),
        };
        if matches!(operation.before, Some(Before::Absent)) && request.method != "PUT" {
            operation.before = Some(Before::Present);
        }
        match operation.before {
            Some(Before::Version(version)) => request = request.header("if-match", format!("\"{version}\"")),
            Some(Before::Present) => request = request.header("if-match", "*"),
            Some(Before::Absent) => request = request.header("if-none-match", "*"),
            None => {}
        }
        self.send(request, &[], &[operation]);
    }

    fn send(&mut self, request: Ask, reads: &[Read], operations: &[Operation]) {
        let named = self.random.chance(50);
        let request = if named { request.named(self.world.batch_id(0).as_str()) } else { request };
        let whole = request.path.ends_with("/_tx");
        let reply = self.world.send(request.clone());
        let told = format!("{request:?}\nwas answered {} {}", reply.status, reply.text);
        match decide(&self.state, reads, operations) {
            Verdict::Commit(state, touched) => {
                assert!(reply.status < 300, "the model commits; {told}");
                let created = operations.len() == 1 && !self.state.contains_key(&operations[0].name);
                assert_eq!(reply.status == 201, !whole && created, "{told}");
                let time = reply.json["time"].as_str().expect("a time").to_owned();
                self.commit(state, &touched, &time, true);
                let results = match &reply.json["results"] {
                    Value::Array(results) => results.clone(),
                    _ => vec![json!({ "id": reply.json["id"], "version": reply.json["version"] })],
                };
                let expected = operations.iter().map(|operation| {
                    let version = self.state.get(&operation.name).map(|document| document.version);
                    json!({ "id": operation.name.1, "version": version })
                });
                assert_eq!(results, expected.collect::<Vec<Value>>(), "{told}");
            }
            Verdict::Reject(codes, on_account_of) => {
                let code = match reply.code() {
                    "version_mismatch" if !whole => "conflict",
                    code => code,
                };
                assert!(codes.contains(code), "the model says {codes:?}; {told}");
                if let Some((member, index)) = on_account_of.filter(|_| whole) {
                    assert_eq!(reply.json[member], index, "{told}");
                }
                // A refusal that may be asked for again is in the log; what is wrong in itself is not.
                // A key that is not in use yet keeps nothing of a refusal.
                self.seq += i64::from(named && reply.status != 400 && self.seq > 0);
                self.rejections += 1;
            }
        }
        if named && reply.status != 400 {
            self.last = Some((request, reply));
        }
    }

    fn import(&mut self) {
        let lines: Vec<(Name, Members)> = (0..1 + self.random.below(8))
            .map(|_| {
                let name = self.name();
                let body = self.body(name.0);
                (name, body)
            })
            .collect();
        let text: Vec<String> = lines
            .iter()
            .map(|((collection, id), body)| {
                let mut body = body.clone();
                body.insert("id".into(), json!(id));
                json!([collection, body]).to_string()
            })
            .collect();
        let text: Vec<&str> = text.iter().map(String::as_str).collect();
        let reply = self.world.import("", &text).expect(200);
        let (mut state, mut touched) = (self.state.clone(), BTreeSet::new());
        let mut errors = reply.json["errors"].as_array().expect("errors").iter();
        for (index, (name, body)) in lines.iter().enumerate() {
            let wrong = put(name, body, &mut state);
            if wrong.is_empty() {
                touched.insert(name.clone());
                continue;
            }
            let error = errors.next().unwrap_or_else(|| panic!("{text:?}: {wrong:?} in line {index}: {}", reply.text));
            assert_eq!(error["line"], index + 1, "{text:?}: {wrong:?}: {}", reply.text);
            assert!(wrong.contains(error["code"].as_str().expect("a code")), "{text:?}: {wrong:?}: {}", reply.text);
        }
        assert_eq!(errors.next(), None, "{text:?}");
        if let Some(name) = touched.first() {
            let time = self.world.document(&format!("{}/{}", name.0, name.1))["_time"].clone();
            self.commit(state, &touched, time.as_str().expect("a time"), false);
        }
    }

    fn repeat(&mut self) {
        let Some((request, reply)) = self.last.clone() else { return };
        let again = self.world.send(request);
        assert_eq!((again.status, again.text), (reply.status, reply.text));
    }

    /// Takes over a state that was committed, with the versions that were given.
    fn commit(&mut self, state: State, touched: &BTreeSet<Name>, time: &str, receipt: bool) {
        self.state = state;
        let last = self.seq + (touched.len() as i64).max(i64::from(receipt));
        let mut given = BTreeSet::new();
        for name in touched {
            let Some(document) = self.state.get_mut(name) else { continue };
            let stored = self.world.document(&format!("{}/{}", name.0, name.1));
            document.version = stored["_version"].as_i64().expect("a version");
            time.clone_into(&mut document.time);
            assert!(document.version > self.seq && document.version <= last, "{name:?} has {}", document.version);
            assert!(given.insert(document.version), "a version was given twice");
        }
        self.seq = last;
        let micros = Time::parse(time).expect("a time").micros();
        assert!(self.past.last().is_none_or(|(before, _)| *before < micros), "time stands still");
        self.past.push((micros, self.state.clone()));
        self.commits += 1;
    }

    // What is compared.

    /// Everything there is.
    fn compare(&mut self) {
        let call = PartitionCall::Export { collection: None, after: None };
        let export = self.world.call("", call, "").expect(200);
        assert_eq!(export.header("selvedge-more"), None);
        let stored: BTreeSet<String> = export.text.lines().map(str::to_owned).collect();
        let expected: BTreeSet<String> =
            self.state.iter().map(|((name, id), document)| json!([name, document.body(id)]).to_string()).collect();
        assert_eq!(stored, expected);
    }

    /// A query, now.
    fn look(&mut self) {
        let query = self.query();
        let reply = self.world.query(query.json());
        if reply.code() == "unknown_collection" {
            return;
        }
        let reply = reply.expect(200);
        let answer = query.answer(&self.state);
        assert_eq!(reply.json["rows"], json!(answer.0), "{query:?}");
        assert_eq!(reply.json["cursor"].is_string(), answer.1, "{query:?}");
        let digest = reply.json["digest"].as_str().expect("a digest").to_owned();
        self.answered.insert(0, Read::Query(query, digest, answer));
        self.answered.truncate(6);
    }

    /// A document and a query at some earlier time.
    fn look_back(&mut self) {
        let at = self.random.below(self.past.len());
        let (from, state) = self.past[at].clone();
        let until = self.past.get(at + 1).map_or(from, |(until, _)| until - 1);
        let micros = match self.random.below(3) {
            0 => from,
            1 => until,
            _ => from + self.random.below((until - from + 1) as usize) as i64,
        };
        let time = Time::from_micros(micros).to_string();
        let name = self.name();
        let read = self.world.get_at(&format!("{}/{}", name.0, name.1), &time);
        match state.get(&name) {
            Some(document) => assert_eq!(read.expect(200).json, document.body(&name.1), "{name:?} at {time}"),
            None => drop(read.refused(404, "not_found")),
        }
        let query = self.query();
        let mut tree = query.json();
        tree["at"] = json!(time);
        let reply = self.world.query(tree);
        if reply.code() != "unknown_collection" {
            assert_eq!(reply.expect(200).json["rows"], json!(query.answer(&state).0), "{query:?} at {time}");
        }
    }

    // What is made up.

    fn id(&mut self) -> String {
        format!("x{}", self.random.below(IDS))
    }

    fn name(&mut self) -> Name {
        let collection = COLLECTIONS[self.random.below(COLLECTIONS.len())].name;
        (collection, self.id())
    }

    /// A document, more often than not one that is there.
    fn likely(&mut self) -> Name {
        match self.state.keys().nth(self.random.below(self.state.len().max(1) * 5 / 4)) {
            Some(name) => name.clone(),
            None => self.name(),
        }
    }

    fn text(&mut self) -> Value {
        json!(self.random.pick(&["", "a", "b", "c", "d", "é", "😀", "a b"]))
    }

    /// A value for a field, most often one that fits.
    fn value(&mut self, kind: Kind) -> Value {
        if self.random.chance(2) {
            return self.random.pick(&[json!(7), json!("seven"), json!([7]), json!(true)]);
        }
        match kind {
            Kind::Text => self.text(),
            Kind::Int => json!(self.random.below(6) as i64 - i64::from(self.random.chance(10))),
            Kind::Object => match self.random.chance(50) {
                true => json!({ "group": self.value(Kind::Ref("groups", OnDelete::Clear)) }),
                false => json!({ "more": 1 }),
            },
            Kind::Ref(target, _) => {
                let there: Vec<String> =
                    self.state.keys().filter(|name| name.0 == target).map(|name| name.1.clone()).collect();
                match self.random.below(100) {
                    0..2 => json!("other/x1"),
                    2..25 => json!(self.id()),
                    _ if there.is_empty() => Value::Null,
                    _ => json!(self.random.pick(&there)),
                }
            }
        }
    }

    fn body(&mut self, name: &'static str) -> Members {
        let mut body = Members::new();
        for field in collection(name).fields.iter().filter(|field| !field.path.contains('.')) {
            let wanted = if field.required && field.default.is_none() { 97 } else { 50 };
            if self.random.chance(wanted) {
                body.insert(field.path.to_owned(), self.value(field.kind));
            }
        }
        if name == "people" && self.random.chance(70) {
            // Names are unique: mostly they are new.
            body.insert("name".into(), json!(format!("n{}", self.random.below(40))));
        }
        if self.random.chance(20) {
            body.insert("extra".into(), self.random.pick(&[json!([1]), json!({ "deep": 1 }), json!(null), json!(3)]));
        }
        body
    }

    fn merge(&mut self, name: &'static str) -> Members {
        let mut body = self.body(name);
        body.retain(|_, _| self.random.chance(50));
        if self.random.chance(30) {
            let field = self.random.pick(&["first", "boss", "owner", "parent", "text", "about", "extra", "name"]);
            body.insert(field.to_owned(), Value::Null);
        }
        body
    }

    fn patch(&mut self, name: &'static str) -> Patch {
        let mut patch = Patch::default();
        for field in collection(name).fields {
            if self.random.chance(25) {
                patch.set.insert(field.path.to_owned(), self.value(field.kind));
            }
        }
        // Paths of which one leads through the other are not both set.
        if patch.set.contains_key("about") {
            patch.set.remove("about.group");
        }
        if self.random.chance(15) {
            patch.set.insert("extra.deep".into(), self.text());
        }
        if self.random.chance(20) {
            patch
                .unset
                .push(self.random.pick(&["first", "boss", "parent", "about.group", "extra.deep", "text"]).into());
        }
        if self.random.chance(30) {
            let by = self.random.below(5) as i64 - 2;
            patch.increment.insert(self.random.pick(&["age", "size", "count"]).into(), by);
        }
        if self.random.chance(15) {
            patch.append.insert(self.random.pick(&["tags", "extra", "text"]).into(), vec![self.text()]);
        }
        if patch.unset.is_empty() && patch.increment.is_empty() && patch.append.is_empty() {
            patch.set.insert("seen".into(), json!(1));
        }
        patch
    }

    fn condition(&mut self, name: &'static str, depth: usize) -> Condition {
        let own = collection(name);
        let field = self.random.below(own.fields.len().max(1));
        let field = own.fields.get(field);
        let relations: Vec<(&'static str, &'static str)> = own
            .relations
            .iter()
            .map(|(relation, from, _)| (*relation, *from))
            .chain(own.fields.iter().filter_map(|field| match field.kind {
                // A reference inside an object has no name of its own.
                Kind::Ref(target, _) if !field.path.contains('.') => Some((field.path, target)),
                _ => None,
            }))
            .collect();
        match (self.random.below(8), field) {
            (0, _) if depth > 0 => Condition::Not(Box::new(self.condition(name, depth - 1))),
            (1, _) if depth > 0 => Condition::And((0..2).map(|_| self.condition(name, depth - 1)).collect()),
            (2..5, _) if depth > 0 && !relations.is_empty() => {
                let (relation, target) = self.random.pick(&relations);
                Condition::Exists(relation, Box::new(self.condition(target, depth - 1)))
            }
            (5, Some(field)) => Condition::Null(field.path),
            (6, Some(Field { kind: Kind::Int, path, .. })) => Condition::Less(path, self.random.below(6) as i64),
            (7, _) => Condition::Equal("id", json!(self.id())),
            (_, Some(field)) => match self.value(field.kind) {
                value @ (Value::String(_) | Value::Number(_) | Value::Null) => Condition::Equal(field.path, value),
                _ => Condition::Null(field.path),
            },
            (_, None) => Condition::Null("extra"),
        }
    }

    fn query(&mut self) -> Query {
        let from = COLLECTIONS[self.random.below(COLLECTIONS.len())].name;
        let order = match from {
            "people" => self.random.pick(&["id", "name", "age", "boss"]),
            "groups" => self.random.pick(&["id", "size", "parent"]),
            _ => "id",
        };
        let filter = if self.random.chance(40) { Condition::And(Vec::new()) } else { self.condition(from, 3) };
        Query { from, filter, order, descending: self.random.chance(50), limit: 1 + self.random.below(8) }
    }

    fn read(&mut self) -> Option<Read> {
        if self.random.chance(40) {
            return self.answered.get(self.random.below(6)).cloned();
        }
        let name = self.likely();
        let version = self.state.get(&name).map(|document| document.version);
        let stale = self.random.chance(10);
        Some(Read::Document(name, if stale { Some(self.seq + 1) } else { version }))
    }

    fn operation(&mut self) -> Operation {
        let name = if self.random.chance(35) { self.name() } else { self.likely() };
        let there = self.state.get(&name).map(|document| document.version);
        let change = match (self.random.below(100), there) {
            (0..60, None) => Change::Insert(self.body(name.0)),
            (60..85, None) | (0..15, _) => Change::Replace(self.body(name.0)),
            (15..60, _) => Change::Patch(self.patch(name.0)),
            (60..80, _) => Change::Delete,
            (80..95, _) => Change::Check(self.condition(name.0, 3)),
            _ => Change::Insert(self.body(name.0)),
        };
        let before = match (self.random.below(40), there) {
            (0..4, Some(version)) => Some(Before::Version(version)),
            (0..2, None) => Some(Before::Absent),
            (4, _) => Some(Before::Version(self.seq)),
            (5, _) => Some(Before::Absent),
            _ => None,
        };
        let condition = self.random.chance(8).then(|| self.condition(name.0, 2));
        Operation { name, before, condition, change }
    }
}

fn read_json(read: &Read) -> Value {
    match read {
        Read::Document((name, id), version) => json!({ "doc": format!("{name}/{id}"), "version": version }),
        Read::Query(query, digest, _) => json!({ "query": query.json(), "digest": digest }),
    }
}

fn operation_json(operation: &Operation) -> Value {
    let name = format!("{}/{}", operation.name.0, operation.name.1);
    let mut out = match &operation.change {
        Change::Insert(body) => json!({ "insert": name, "body": body }),
        Change::Replace(body) => json!({ "replace": name, "body": body }),
        Change::Patch(patch) => json!({
            "patch": name, "set": patch.set, "unset": patch.unset,
            "increment": patch.increment, "append": patch.append
        }),
        Change::Delete => json!({ "delete": name }),
        Change::Check(condition) => json!({ "check": name, "where": condition.json() }),
        Change::Merge(_) => panic!("a batch has no merge patches"),
    };
    match operation.before {
        Some(Before::Version(version)) => out["version"] = json!(version),
        Some(Before::Absent) => out["version"] = Value::Null,
        Some(Before::Present) => panic!("a batch asks for versions"),
        None => {}
    }
    if let Some(condition) = &operation.condition {
        out["if"] = condition.json();
    }
    out
}
