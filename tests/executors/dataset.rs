//! Collections with a history, in a store and in memory.

use std::collections::BTreeMap;

use selvedge::id::CollectionName;
use selvedge::query::memory::Memory;
use selvedge::query::sql::{Layout, Table};
use selvedge::store::{Cell, Store};
use selvedge::value::{Path, SortKey, Value, sort_key};
use serde_json::{Map, json};

use super::platform::Platform;
use super::random::Random;

pub const COLLECTIONS: &[&str] = &["a", "b", "c"];
/// A collection that has no table.
pub const ABSENT: &str = "absent";
/// Ids, some of which are the texts of other values.
pub const IDS: &[&str] =
    &["1", "5", "a", "ab", "k/1", "k/2", "k/3", "null", "true", "é", "z/😀", "z/\u{FFFD}", "{}", "0.5", "x 1", "Z"];
/// Paths that documents mostly have something at.
pub const PATHS: &[&str] = &["x", "y", "n", "r", "s", "to", "o", "o.p", "o.q", "o.q.é x", "list", "_time"];

pub type State = BTreeMap<(CollectionName, String), Value>;

pub struct Dataset {
    pub store: Platform,
    pub layout: Layout,
    /// The states to ask, by the log sequence that ends them; `None` is now.
    pub states: BTreeMap<Option<i64>, Memory>,
    /// All documents as they are now.
    pub documents: Vec<Value>,
}

pub fn name(text: &str) -> CollectionName {
    CollectionName::parse(text).expect("a collection name")
}

pub fn path(text: &str) -> Path {
    Path::parse(text).expect("a path")
}

impl Dataset {
    pub fn generate(random: &mut Random) -> Dataset {
        let mut store = Platform::new();
        let layout = layout(random);
        create(&mut store, &layout);
        let mut state = State::new();
        let mut states = BTreeMap::new();
        let commits = if random.chance(15) { random.below(5) } else { 30 + random.below(50) } as i64 + 1;
        for seq in 1..=commits {
            for _ in 0..=random.below(3) {
                change(random, &mut store, &mut state, &layout, seq);
            }
            if random.chance(6) {
                states.insert(Some(seq), memory(&state));
            }
        }
        states.insert(Some(0), memory(&State::new()));
        states.insert(Some(commits), memory(&state));
        states.insert(None, memory(&state));
        for ((collection, _), document) in &state {
            insert(&mut store, &layout[collection], document);
        }
        Dataset { store, layout, states, documents: state.into_values().collect() }
    }
}

/// Documents of the first collection, whose only index is on `x`, in a store and in memory.
pub fn indexed(values: Vec<Value>) -> Dataset {
    let (a, mut store) = (name(COLLECTIONS[0]), Platform::new());
    let table = Table { number: 1, columns: BTreeMap::from([(path("x"), 1)]), indexes: vec![vec![1]] };
    let layout = Layout::from([(a.clone(), table)]);
    create(&mut store, &layout);
    let mut state = State::new();
    for (seq, value) in (1..).zip(values) {
        let id = format!("{seq}");
        let document =
            json!({"id": id, "_version": seq, "_time": "2026-01-01T00:00:00.000000Z", "x": value, "y": value});
        insert(&mut store, &layout[&a], &document);
        state.insert((a.clone(), id), document);
    }
    let states = BTreeMap::from([(None, memory(&state))]);
    Dataset { store, layout, states, documents: state.into_values().collect() }
}

fn memory(state: &State) -> Memory {
    let mut collections: BTreeMap<CollectionName, Vec<Value>> = BTreeMap::new();
    for ((collection, _), document) in state {
        collections.entry(collection.clone()).or_default().push(document.clone());
    }
    Memory::new(collections)
}

/// Which paths are columns, and which of these lead indexes.
fn layout(random: &mut Random) -> Layout {
    let mut layout = Layout::new();
    for (number, collection) in COLLECTIONS.iter().enumerate() {
        let mut table = Table { number: number as u32 + 1, ..Table::default() };
        for indexed in PATHS.iter().copied().chain(["missing"]) {
            if random.chance(40) {
                table.columns.insert(path(indexed), table.columns.len() as u32 + 1);
            }
        }
        let columns: Vec<u32> = table.columns.values().copied().collect();
        for _ in 0..random.below(6) {
            let mut index: Vec<u32> =
                (0..=random.below(3)).filter_map(|_| columns.get(random.below(columns.len()))).copied().collect();
            index.dedup();
            if !index.is_empty() {
                table.indexes.push(index);
            }
        }
        layout.insert(name(collection), table);
    }
    layout
}

fn create(store: &mut Platform, layout: &Layout) {
    let mut run = |sql: String| store.run(&sql, &[]).expect("a table");
    run(
        "CREATE TABLE log (seq INTEGER NOT NULL, time INTEGER, batch TEXT, collection INTEGER, id TEXT, kind INTEGER, \
         prev INTEGER, before TEXT)"
            .to_owned(),
    );
    for Table { number, columns, indexes } in layout.values() {
        let keys: String = columns.values().map(|column| format!(", k{column}")).collect();
        run(format!(
            "CREATE TABLE d{number} (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, born \
             INTEGER NOT NULL, body TEXT NOT NULL{keys})"
        ));
        for (at, index) in indexes.iter().enumerate() {
            let terms: String = index.iter().map(|column| format!("k{column}, ")).collect();
            run(format!("CREATE INDEX x{number}_{at} ON d{number} ({terms}id)"));
        }
    }
}

/// One document inserted, replaced or deleted, with its row in the log.
fn change(random: &mut Random, store: &mut Platform, state: &mut State, layout: &Layout, seq: i64) {
    let (collection, id) = (name(random.pick(COLLECTIONS)), random.pick(IDS).to_owned());
    let place = (collection.clone(), id.clone());
    let before = state.get(&place).cloned();
    if before.as_ref().is_some_and(|before| before["_version"] == seq) {
        return;
    }
    if before.is_some() && random.chance(20) {
        state.remove(&place);
    } else {
        state.insert(place, document(random, &id, seq));
    }
    let (prev, text) = match &before {
        Some(before) => {
            (Cell::Integer(before["_version"].as_i64().expect("a version")), Cell::Text(before.to_string()))
        }
        None => (Cell::Null, Cell::Null),
    };
    let cells = [Cell::Integer(seq), Cell::Integer(i64::from(layout[&collection].number)), Cell::Text(id), prev, text];
    store
        .run("INSERT INTO log (seq, collection, id, prev, before) VALUES (?1, ?2, ?3, ?4, ?5)", &cells)
        .expect("a log row");
}

fn insert(store: &mut Platform, table: &Table, document: &Value) {
    let mut names = "id, seq, born, body".to_owned();
    let mut marks = "?1, ?2, ?2, ?3".to_owned();
    let text = |value: &Value| Cell::Text(value.as_str().unwrap_or_default().to_owned());
    let version = Cell::Integer(document["_version"].as_i64().expect("a version"));
    let mut cells = vec![text(&document["id"]), version, Cell::Text(document.to_string())];
    for (path, column) in &table.columns {
        names.push_str(&format!(", k{column}"));
        let at = cells.len() + 1;
        let key = sort_key(path.get(document).unwrap_or(&Value::Null));
        marks.push_str(&if matches!(key, SortKey::Integer(_)) {
            format!(", CAST(?{at} AS INTEGER)")
        } else {
            format!(", ?{at}")
        });
        cells.push(match key {
            SortKey::Null => Cell::Null,
            SortKey::Integer(value) => Cell::Text(value.to_string()),
            SortKey::Real(value) => Cell::Real(value),
            SortKey::Text(value) => Cell::Text(value),
            SortKey::Blob(value) => Cell::Blob(value),
        });
    }
    store.run(&format!("INSERT INTO d{} ({names}) VALUES ({marks})", table.number), &cells).expect("a document");
}

fn document(random: &mut Random, id: &str, seq: i64) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    put("x", random.chance(85).then(|| value(random)));
    let second = value(random);
    put("y", random.chance(85).then(|| if random.chance(15) { twin(&second) } else { second }));
    put("n", random.chance(90).then(|| number(random)));
    put("r", random.chance(80).then(|| double(random)));
    put("s", random.chance(90).then(|| json!(string(random))));
    let reference = match (random.below(10), json!(random.pick(IDS))) {
        (0, id) => twin(&id),
        (1, _) => value(random),
        (_, id) => id,
    };
    put("to", random.chance(90).then_some(reference));
    let inner = if random.chance(60) { json!({"é x": value(random)}) } else { value(random) };
    let nested = if random.chance(80) { json!({"p": value(random), "q": inner}) } else { value(random) };
    put("o", random.chance(85).then_some(nested));
    put("list", random.chance(85).then(|| (0..random.below(4)).map(|_| value(random)).collect()));
    put("id", Some(json!(id)));
    put("_version", Some(json!(seq)));
    put("_time", Some(json!(format!("2026-01-01T00:00:{:02}.000000Z", seq % 60))));
    Value::Object(members)
}

/// A value of another type that looks the same: the text of what is no string, what the text of a string spells.
pub fn twin(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => json!(other.to_string()),
    }
}

/// Any value. From few, so that equals are common.
pub fn value(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 | 2 => json!(random.chance(50)),
        3..=5 => number(random),
        6..=8 => json!(string(random)),
        9 => (0..random.below(3)).map(|_| scalar(random)).collect(),
        10 => random.pick(&[json!({}), json!({"p": 1}), json!({"p": {"q": null}}), json!({"é x": "a"})]),
        _ => random.pick(&[json!([]), json!([1]), json!([[1], "a"]), json!([null]), json!("[1]"), json!("{}")]),
    }
}

fn scalar(random: &mut Random) -> Value {
    match random.below(4) {
        0 => json!(string(random)),
        1 => number(random),
        2 => json!(random.chance(50)),
        _ => Value::Null,
    }
}

pub fn number(random: &mut Random) -> Value {
    const EXACT: i64 = 1 << 53;
    match random.below(4) {
        0 => json!(random.below(7) as i64 - 3),
        1 => random.pick(&[json!(0.5), json!(-2.25), json!(1.5), json!(0.1), json!(1e-7), json!(5), json!(-7)]),
        2 => json!(random.below(2000) as i64 - 1000),
        _ => json!(random.pick(&[EXACT, EXACT + 1, -EXACT - 1, EXACT - 1, i64::MAX, i64::MIN, i64::MAX - 1, 0])),
    }
}

/// A double of any size, unless it is whole.
fn double(random: &mut Random) -> Value {
    let double = f64::from_bits(random.next());
    let usable = double.is_finite() && double.abs() < f64::MAX && (double.fract() != 0.0 || double.abs() >= 1e19);
    if usable && random.chance(70) { json!(double) } else { json!(random.below(100) as f64 / 64.0 + 0.001) }
}

pub fn string(random: &mut Random) -> String {
    const PARTS: &[&str] = &[
        "", "a", "b", "ab", "A", "5", "é", "😀", "\u{FFFD}", "\u{E000}", "%", "_", "*", "[", "?", "\"", "\\", "\u{1}",
        " ", "/",
    ];
    (0..random.below(4)).map(|_| random.pick(PARTS)).collect()
}
