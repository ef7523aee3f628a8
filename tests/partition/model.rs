//! A partition as one would write it down in an afternoon: everything in a map, every constraint looked at for every
//! document after every batch. It shares no code with the real one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

pub type Members = Map<String, Value>;
/// Collection and id.
pub type Name = (&'static str, String);
pub type State = BTreeMap<Name, Document>;

#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub members: Members,
    /// 0 and empty for a document that the batch at hand has just written.
    pub version: i64,
    pub time: String,
}

impl Document {
    /// The document as it is read.
    pub fn body(&self, id: &str) -> Value {
        let mut body = self.members.clone();
        body.insert("id".into(), json!(id));
        body.insert("_version".into(), json!(self.version));
        body.insert("_time".into(), json!(self.time));
        Value::Object(body)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OnDelete {
    Restrict,
    Cascade,
    Clear,
}

#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    Int,
    Object,
    Ref(&'static str, OnDelete),
}

pub struct Field {
    /// Dotted, where it stands inside an object.
    pub path: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub default: Option<i64>,
}

const fn field(path: &'static str, kind: Kind) -> Field {
    Field { path, kind, required: false, default: None }
}

const fn required(path: &'static str, kind: Kind) -> Field {
    Field { path, kind, required: true, default: None }
}

pub struct Collection {
    pub name: &'static str,
    pub fields: &'static [Field],
    pub unique: &'static [&'static [&'static str]],
    /// Name, referring collection, its field.
    pub relations: &'static [(&'static str, &'static str, &'static str)],
    /// Whether its check holds.
    check: fn(&Members) -> bool,
}

/// What [`schema`] says, in Rust.
pub const COLLECTIONS: [Collection; 5] = [
    Collection {
        name: "people",
        fields: &[
            required("name", Kind::Text),
            field("first", Kind::Text),
            field("last", Kind::Text),
            field("age", Kind::Int),
            field("boss", Kind::Ref("people", OnDelete::Clear)),
        ],
        unique: &[&["name"], &["first", "last"]],
        relations: &[("roles", "roles", "person"), ("owned", "groups", "owner"), ("led", "people", "boss")],
        check: |members| members.get("age").and_then(Value::as_i64).is_none_or(|age| age > 0),
    },
    Collection {
        name: "groups",
        fields: &[
            field("owner", Kind::Ref("people", OnDelete::Restrict)),
            field("parent", Kind::Ref("groups", OnDelete::Cascade)),
            Field { path: "size", kind: Kind::Int, required: true, default: Some(1) },
        ],
        unique: &[],
        relations: &[("roles", "roles", "group"), ("children", "groups", "parent"), ("notes", "notes", "about.group")],
        check: |_| true,
    },
    Collection {
        name: "roles",
        fields: &[
            required("person", Kind::Ref("people", OnDelete::Cascade)),
            required("group", Kind::Ref("groups", OnDelete::Cascade)),
            field("kind", Kind::Text),
        ],
        unique: &[&["person", "group"]],
        relations: &[],
        check: |_| true,
    },
    Collection {
        name: "notes",
        fields: &[
            field("about", Kind::Object),
            field("about.group", Kind::Ref("groups", OnDelete::Clear)),
            field("writer", Kind::Ref("people", OnDelete::Cascade)),
            field("text", Kind::Text),
        ],
        unique: &[],
        relations: &[],
        check: |members| !at(members, "text").is_null() || !at(members, "about.group").is_null(),
    },
    Collection { name: "loose", fields: &[], unique: &[], relations: &[], check: |_| true },
];

/// The same for the database.
pub fn schema() -> Value {
    json!({
        "people": {
            "fields": {
                "name": { "type": "string", "unique": true },
                "first": { "type": "string", "optional": true },
                "last": { "type": "string", "optional": true },
                "age": { "type": "int", "optional": true, "check": [">", "age", 0] },
                "boss": { "ref": "people", "optional": true, "onDelete": "clear" }
            },
            "unique": [["first", "last"]],
            "indexes": [["age", "name"]],
            "relations": {
                "roles": { "from": "roles", "by": "person" },
                "owned": { "from": "groups", "by": "owner" },
                "led": { "from": "people", "by": "boss" }
            }
        },
        "groups": {
            "fields": {
                "owner": { "ref": "people", "optional": true, "onDelete": "restrict" },
                "parent": { "ref": "groups", "optional": true, "onDelete": "cascade" },
                "size": { "type": "int", "default": 1 }
            },
            "relations": {
                "roles": { "from": "roles", "by": "group" },
                "children": { "from": "groups", "by": "parent" },
                "notes": { "from": "notes", "by": "about.group" }
            }
        },
        "roles": {
            "fields": {
                "person": { "ref": "people", "onDelete": "cascade" },
                "group": { "ref": "groups", "onDelete": "cascade" },
                "kind": { "type": "string", "optional": true }
            },
            "unique": [["person", "group"]]
        },
        "notes": {
            "fields": {
                "about": { "type": "object", "optional": true, "fields": {
                    "group": { "ref": "groups", "optional": true, "onDelete": "clear" } } },
                "writer": { "ref": "people", "optional": true, "onDelete": "cascade" },
                "text": { "type": "string", "optional": true }
            },
            "checks": { "says": ["or", ["not", ["null", "text"]], ["not", ["null", "about.group"]]] }
        }
    })
}

pub fn collection(name: &str) -> &'static Collection {
    COLLECTIONS.iter().find(|one| one.name == name).expect("a collection")
}

pub fn at<'v>(members: &'v Members, path: &str) -> &'v Value {
    let mut segments = path.split('.');
    let first = segments.next().and_then(|segment| members.get(segment));
    segments.fold(first, |at, segment| at?.as_object()?.get(segment)).unwrap_or(&Value::Null)
}

#[derive(Clone, Debug)]
pub enum Condition {
    Equal(&'static str, Value),
    Less(&'static str, i64),
    Null(&'static str),
    And(Vec<Condition>),
    Not(Box<Condition>),
    /// Along a relation or a reference.
    Exists(&'static str, Box<Condition>),
}

impl Condition {
    pub fn json(&self) -> Value {
        match self {
            Condition::Equal(path, value) => json!(["=", path, value]),
            Condition::Less(path, value) => json!(["<", path, value]),
            Condition::Null(path) => json!(["null", path]),
            Condition::And(all) => {
                Value::Array([json!("and")].into_iter().chain(all.iter().map(Condition::json)).collect())
            }
            Condition::Not(one) => json!(["not", one.json()]),
            Condition::Exists(relation, one) => json!(["exists", relation, one.json()]),
        }
    }

    /// Whether it holds of a document, if that is there, in a state.
    pub fn holds(&self, name: &Name, state: &State) -> bool {
        let nothing = Members::new();
        let found = state.get(name);
        let members = found.map_or(&nothing, |document| &document.members);
        match self {
            Condition::Equal("id", value) => found.map_or(Value::Null, |_| json!(name.1)) == *value,
            Condition::Equal(path, value) => at(members, path) == value,
            Condition::Less(path, value) => at(members, path).as_i64().is_some_and(|number| number < *value),
            Condition::Null(path) => at(members, path).is_null(),
            Condition::And(all) => all.iter().all(|one| one.holds(name, state)),
            Condition::Not(one) => !one.holds(name, state),
            Condition::Exists(relation, one) => {
                let own = collection(name.0);
                let related: Vec<&Name> = match own.relations.iter().find(|(name, ..)| name == relation) {
                    Some((_, from, by)) if found.is_some() => state
                        .iter()
                        .filter(|(other, document)| other.0 == *from && at(&document.members, by) == &json!(name.1))
                        .map(|(other, _)| other)
                        .collect(),
                    Some(_) => Vec::new(),
                    None => {
                        let Some(Kind::Ref(target, _)) =
                            own.fields.iter().find(|field| field.path == *relation).map(|field| field.kind)
                        else {
                            panic!("no relation {relation}")
                        };
                        let id = at(members, relation);
                        state.keys().filter(|other| other.0 == target && json!(other.1) == *id).collect()
                    }
                };
                related.into_iter().any(|other| one.holds(other, state))
            }
        }
    }
}

/// A query, as far as the model goes.
#[derive(Clone, Debug)]
pub struct Query {
    pub from: &'static str,
    pub filter: Condition,
    pub order: &'static str,
    pub descending: bool,
    pub limit: usize,
}

impl Query {
    pub fn json(&self) -> Value {
        let direction = if self.descending { "desc" } else { "asc" };
        json!({ "from": self.from, "where": self.filter.json(), "orderBy": [[self.order, direction]],
                "limit": self.limit })
    }

    /// The rows, and whether more follow.
    pub fn answer(&self, state: &State) -> (Vec<Value>, bool) {
        let mut found: Vec<(&Name, &Document)> =
            state.iter().filter(|(name, _)| name.0 == self.from && self.filter.holds(name, state)).collect();
        found.sort_by(|left, right| {
            let own = |one: &(&Name, &Document)| match self.order {
                "id" => json!(one.0.1),
                path => at(&one.1.members, path).clone(),
            };
            let order = compare(&own(left), &own(right)).then_with(|| left.0.1.cmp(&right.0.1));
            if self.descending { order.reverse() } else { order }
        });
        let more = found.len() > self.limit;
        (found.into_iter().take(self.limit).map(|(name, document)| document.body(&name.1)).collect(), more)
    }
}

fn compare(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => panic!("the model does not order {value}"),
    };
    rank(left).cmp(&rank(right)).then_with(|| match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => left.as_i64().cmp(&right.as_i64()),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        _ => Ordering::Equal,
    })
}

#[derive(Clone, Debug)]
pub enum Before {
    Version(i64),
    Absent,
    Present,
}

#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub set: Members,
    pub unset: Vec<String>,
    pub increment: BTreeMap<String, i64>,
    pub append: BTreeMap<String, Vec<Value>>,
}

#[derive(Clone, Debug)]
pub enum Change {
    Insert(Members),
    Replace(Members),
    Patch(Patch),
    Merge(Members),
    Delete,
    Check(Condition),
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub name: Name,
    pub before: Option<Before>,
    pub condition: Option<Condition>,
    pub change: Change,
}

#[derive(Clone, Debug)]
pub enum Read {
    Document(Name, Option<i64>),
    /// With the digest and the answer as they were.
    Query(Query, String, (Vec<Value>, bool)),
}

/// What is to become of a batch.
#[derive(Debug)]
pub enum Verdict {
    /// The state after it, and what it wrote or deleted.
    Commit(State, BTreeSet<Name>),
    /// One of these codes, on account of this member of the request.
    Reject(BTreeSet<&'static str>, Option<(&'static str, usize)>),
}

pub fn decide(state: &State, reads: &[Read], operations: &[Operation]) -> Verdict {
    for (index, read) in reads.iter().enumerate() {
        let same = match read {
            Read::Document(name, version) => state.get(name).map(|document| document.version) == *version,
            Read::Query(query, _, before) => query.answer(state) == *before,
        };
        if !same {
            return Verdict::Reject(BTreeSet::from(["conflict"]), Some(("read", index)));
        }
    }
    let (mut now, mut touched) = (state.clone(), BTreeSet::new());
    for (index, operation) in operations.iter().enumerate() {
        if let Err(code) = apply(operation, state, &mut now) {
            return Verdict::Reject(BTreeSet::from([code]), Some(("operation", index)));
        }
        if !matches!(operation.change, Change::Check(_)) {
            touched.insert(operation.name.clone());
        }
    }
    let mut wrong = follow(&mut now, &mut touched);
    now.keys().for_each(|name| wrong.extend(broken(name, &now)));
    if !wrong.is_empty() {
        return Verdict::Reject(wrong, None);
    }
    touched.retain(|name| state.contains_key(name) || now.contains_key(name));
    Verdict::Commit(now, touched)
}

/// Puts one line of an import.
pub fn put(name: &Name, body: &Members, state: &mut State) -> BTreeSet<&'static str> {
    let mut now = state.clone();
    let operation =
        Operation { name: name.clone(), before: None, condition: None, change: Change::Replace(body.clone()) };
    let wrong = match apply(&operation, state, &mut now) {
        Err(code) => BTreeSet::from([code]),
        Ok(()) => broken(name, &now),
    };
    if wrong.is_empty() {
        *state = now;
    }
    wrong
}

fn apply(operation: &Operation, before: &State, now: &mut State) -> Result<(), &'static str> {
    let name = &operation.name;
    let there = now.get(name).map(|document| document.members.clone());
    // A document has the version of the last commit, whatever the batch did to it since.
    let version = there.as_ref().and(before.get(name)).map(|document| document.version);
    let expected = match operation.before {
        None => true,
        Some(Before::Version(wanted)) => version == Some(wanted),
        Some(Before::Absent) => there.is_none(),
        Some(Before::Present) => there.is_some(),
    };
    if !expected {
        return Err("conflict");
    }
    if operation.condition.as_ref().is_some_and(|condition| !condition.holds(name, now)) {
        return Err("check_failed");
    }
    let (members, whole) = match &operation.change {
        Change::Insert(_) if there.is_some() => return Err("exists"),
        Change::Insert(body) | Change::Replace(body) => (body.clone(), true),
        Change::Check(condition) => return if condition.holds(name, now) { Ok(()) } else { Err("check_failed") },
        Change::Delete => {
            return now.remove(name).map(|_| ()).ok_or("not_found");
        }
        Change::Patch(patch) => (patched(there.ok_or("not_found")?, patch)?, false),
        Change::Merge(patch) => {
            let mut members = Value::Object(there.ok_or("not_found")?);
            merge(&mut members, &Value::Object(patch.clone()));
            (members.as_object().expect("an object").clone(), false)
        }
    };
    let members = fit(name.0, members, whole)?;
    now.insert(name.clone(), Document { members, version: 0, time: String::new() });
    Ok(())
}

/// RFC 7396, as it stands there.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let members = target.as_object_mut().expect("an object");
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn patched(mut members: Members, patch: &Patch) -> Result<Members, &'static str> {
    for (path, value) in &patch.set {
        *place(&mut members, path)? = value.clone();
    }
    for path in &patch.unset {
        match path.rsplit_once('.') {
            None => drop(members.remove(path)),
            Some((above, last)) => {
                if let Some(Value::Object(inner)) = members.get_mut(above) {
                    inner.remove(last);
                }
            }
        }
    }
    for (path, amount) in &patch.increment {
        let at = place(&mut members, path)?;
        *at = match &*at {
            Value::Null => json!(amount),
            Value::Number(number) => json!(number.as_i64().expect("the model adds integers") + amount),
            _ => return Err("invalid_document"),
        };
    }
    for (path, values) in &patch.append {
        let at = place(&mut members, path)?;
        match at {
            Value::Null => *at = json!(values),
            Value::Array(items) => items.extend(values.iter().cloned()),
            _ => return Err("invalid_document"),
        }
    }
    Ok(members)
}

/// A place at most two levels down.
fn place<'m>(members: &'m mut Members, path: &str) -> Result<&'m mut Value, &'static str> {
    let Some((above, last)) = path.split_once('.') else {
        return Ok(members.entry(path).or_insert(Value::Null));
    };
    let above = members.entry(above).or_insert(Value::Null);
    if above.is_null() {
        *above = json!({});
    }
    let inner = above.as_object_mut().ok_or("invalid_document")?;
    Ok(inner.entry(last).or_insert(Value::Null))
}

fn fit(name: &str, mut members: Members, whole: bool) -> Result<Members, &'static str> {
    let collection = collection(name);
    for field in collection.fields {
        if let Some(default) = field.default.filter(|_| whole && !members.contains_key(field.path)) {
            members.insert(field.path.to_owned(), json!(default));
        }
    }
    for field in collection.fields {
        let fits = match (at(&members, field.path), field.kind) {
            (Value::Null, _) => !field.required,
            (value, Kind::Text | Kind::Ref(..)) => value.is_string(),
            (value, Kind::Int) => value.is_i64(),
            (value, Kind::Object) => value.is_object(),
        };
        if !fits {
            return Err("invalid_document");
        }
    }
    if (collection.check)(&members) { Ok(members) } else { Err("check_failed") }
}

fn references(name: &Name) -> impl Iterator<Item = (&'static str, &'static str, OnDelete)> {
    let fields = collection(name.0).fields.iter();
    fields.filter_map(|field| match field.kind {
        Kind::Ref(target, on_delete) => Some((field.path, target, on_delete)),
        _ => None,
    })
}

/// Follows references to what the batch deleted. Says what is wrong with that.
fn follow(now: &mut State, touched: &mut BTreeSet<Name>) -> BTreeSet<&'static str> {
    let mut gone: BTreeSet<Name> = touched.iter().filter(|name| !now.contains_key(*name)).cloned().collect();
    let referring = |now: &State, gone: &BTreeSet<Name>, wanted: OnDelete| -> Option<(Name, &'static str)> {
        now.iter().find_map(|(name, document)| {
            let mut paths = references(name).filter(|(path, target, on_delete)| {
                let id = at(&document.members, path).as_str();
                *on_delete == wanted && id.is_some_and(|id| gone.contains(&(*target, id.to_owned())))
            });
            paths.next().map(|(path, ..)| (name.clone(), path))
        })
    };
    while let Some((name, _)) = referring(now, &gone, OnDelete::Cascade) {
        now.remove(&name);
        touched.insert(name.clone());
        gone.insert(name);
    }
    let mut wrong = BTreeSet::new();
    if referring(now, &gone, OnDelete::Restrict).is_some() {
        wrong.insert("ref_violation");
    }
    let mut cleared = BTreeSet::new();
    while let Some((name, path)) = referring(now, &gone, OnDelete::Clear) {
        if let Some(document) = now.get_mut(&name) {
            *place(&mut document.members, path).expect("a place") = Value::Null;
        }
        cleared.insert(name);
    }
    for name in cleared {
        wrong.extend(fit(name.0, now[&name].members.clone(), false).err());
        touched.insert(name);
    }
    wrong
}

/// The constraints that a document breaks in a state.
fn broken(name: &Name, state: &State) -> BTreeSet<&'static str> {
    let members = &state[name].members;
    let mut wrong = BTreeSet::new();
    for (path, target, _) in references(name) {
        let Some(id) = at(members, path).as_str() else { continue };
        if id.contains('/') {
            wrong.insert("several_keys");
        } else if !state.contains_key(&(target, id.to_owned())) {
            wrong.insert("ref_violation");
        }
    }
    for set in collection(name.0).unique {
        let values = |members: &Members| set.iter().map(|path| at(members, path).clone()).collect::<Vec<Value>>();
        let own = values(members);
        let taken = |(other, document): (&Name, &Document)| {
            other != name && other.0 == name.0 && values(&document.members) == own
        };
        if !own.iter().any(Value::is_null) && state.iter().any(taken) {
            wrong.insert("unique_violation");
        }
    }
    wrong
}
