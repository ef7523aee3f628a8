//! Writing what was decided: documents, their index columns, log and receipt, in one block.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use super::key::{cell, keys_of};
use super::state::{State, put};
use super::workspace::{After, Entry, Workspace};
use crate::batch::{Outcome, Receipt};
use crate::error::{Code, Error, Result};
use crate::id::DocumentRef;
use crate::limits::DOCUMENT_BYTES;
use crate::store::{Cell, Store};
use crate::time::Time;
use crate::value::{Map, SortKey, Value};

/// What a row of the log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No document: the row keeps the receipt of a batch that changed none.
    Nothing = 0,
    /// A document was inserted.
    Insert = 1,
    /// A document was changed.
    Update = 2,
    /// A document was deleted.
    Delete = 3,
}

/// What a commit is written under.
pub(super) struct Heading<'a> {
    /// The batch's id.
    pub(super) batch: &'a str,
    /// The digest of its request.
    pub(super) digest: &'a str,
    /// Its time.
    pub(super) time: Time,
}

/// A batch that was decided with others, to be written with them.
pub(super) struct Decided<'a> {
    /// What it leaves.
    pub(super) work: &'a Workspace,
    /// What it is written under.
    pub(super) heading: Heading<'a>,
    /// The documents of its operations, in order.
    pub(super) documents: Vec<&'a DocumentRef>,
}

/// A document ready to be written.
struct Line {
    table: u32,
    id: String,
    seq: i64,
    kind: Kind,
    before: Option<super::workspace::Stored>,
    body: String,
    keys: Vec<(u32, SortKey)>,
}

/// Writes what a workspace holds and the receipt that `receipt` makes of the outcomes. Everything that can be
/// refused is refused before the first row is written.
///
/// # Errors
/// `too_large` for a document, `invalid_document` for a value too long for an index, `internal`.
pub(super) fn write<S: Store>(
    store: &mut S,
    state: &mut State,
    work: &Workspace,
    heading: &Heading<'_>,
    receipt: impl FnOnce(&dyn Fn(&DocumentRef) -> Outcome) -> Option<Receipt>,
) -> Result<()> {
    let first = state.seq + 1;
    let stamp = Value::from(heading.time.to_string());
    let mut flagged = false;
    let mut former = None;
    let written = store.atomically(|store| {
        let mut lines: Vec<Line> = Vec::with_capacity(work.changed().len());
        let mut places = HashMap::new();
        let mut seq = state.seq;
        for document in work.changed() {
            let Some(entry) = work.get(document) else { continue };
            if matches!(entry.after, After::Untouched) || (entry.after == After::Gone && entry.before.is_none()) {
                continue;
            }
            seq += 1;
            if state.tables.get(&document.collection).is_none() {
                former.get_or_insert_with(|| state.tables.clone());
                state.make_table(&document.collection, store)?;
            }
            let (line, rewritten) = line(state, document, entry, seq, (heading.time, &stamp))
                .map_err(|error| error.with("document", document.to_string()))?;
            flagged |= rewritten;
            places.insert(document, lines.len());
            lines.push(line);
        }
        let outcome = |document: &DocumentRef| {
            let line = places.get(document).and_then(|place| lines.get(*place));
            let entry = work.get(document);
            Outcome {
                id: document.id.as_str().to_owned(),
                version: match line {
                    Some(line) => (line.kind != Kind::Delete).then_some(line.seq),
                    None => entry.and_then(Entry::version),
                },
                created: line.is_some_and(|line| line.kind == Kind::Insert),
            }
        };
        let receipt = receipt(&outcome);
        documents(store, &lines)?;
        if lines.is_empty() && receipt.is_some() {
            seq += 1;
            let nothing = "INSERT INTO log(seq, time, batch, kind) VALUES (?, ?, ?, ?)";
            let kind = Cell::Integer(Kind::Nothing as i64);
            let cells = [Cell::Integer(seq), Cell::Integer(heading.time.micros()), text(heading.batch), kind];
            store.run(nothing, &cells)?;
        } else {
            log(store, &lines, heading)?;
        }
        if let Some(receipt) = receipt {
            let outcome =
                serde_json::to_string(&receipt).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
            let cells = [text(heading.batch), text(heading.digest), Cell::Text(outcome)];
            store.run("INSERT INTO receipt(id, digest, outcome) VALUES (?, ?, ?)", &cells)?;
        }
        if flagged && let Some(survey) = &state.survey {
            put(store, "survey", survey)?;
        }
        Ok(seq)
    });
    let last = match (written, former) {
        (Ok(last), _) => last,
        (Err(error), None) => return Err(error),
        (Err(error), Some(former)) => {
            // The tables that were made are gone again.
            state.layout = former.layout()?;
            state.tables = former;
            return Err(error);
        }
    };
    if last >= first {
        state.seq = last;
        state.clock.tick(heading.time);
        state.oldest.get_or_insert((first, heading.time));
        super::expiry::expect(state, work);
    }
    Ok(())
}

/// Writes batches, each of which changes something and nothing that another touches, in tables that are there. Nothing is
/// being surveyed. Gives their receipts.
///
/// # Errors
/// As [`write`]; `internal` also if one of them has a receipt already. Nothing is kept then.
pub(super) fn write_together<S: Store>(
    store: &mut S,
    state: &mut State,
    decided: &[Decided<'_>],
) -> Result<Vec<Receipt>> {
    let first = state.seq + 1;
    let (last, receipts) = store.atomically(|store| {
        let mut seq = state.seq;
        let (mut lines, mut rows, mut receipts) = (Vec::new(), Vec::new(), Vec::with_capacity(decided.len()));
        for Decided { work, heading, documents } in decided {
            let stamp = Value::from(heading.time.to_string());
            let mut versions = HashMap::new();
            for document in work.changed() {
                let Some(entry) = work.get(document) else { continue };
                if matches!(entry.after, After::Untouched) || (entry.after == After::Gone && entry.before.is_none()) {
                    continue;
                }
                seq += 1;
                let (line, _) = line(state, document, entry, seq, (heading.time, &stamp))?;
                versions.insert(document, (line.kind, seq));
                rows.push(heading);
                lines.push(line);
            }
            let results = documents.iter().map(|document| {
                let (version, created) = match versions.get(document) {
                    Some((kind, seq)) => ((*kind != Kind::Delete).then_some(*seq), *kind == Kind::Insert),
                    None => (work.get(document).and_then(Entry::version), false),
                };
                Outcome { id: document.id.as_str().to_owned(), version, created }
            });
            receipts.push(Receipt::Committed { time: heading.time, results: results.collect() });
        }
        // The images before are taken from the tables, so they come first.
        log_together(store, &lines, &rows)?;
        self::documents(store, &lines)?;
        receipts_together(store, decided, &receipts)?;
        Ok((seq, receipts))
    })?;
    state.seq = last;
    for Decided { work, heading, .. } in decided {
        state.clock.tick(heading.time);
        state.oldest.get_or_insert((first, heading.time));
        super::expiry::expect(state, work);
    }
    Ok(receipts)
}

/// Writes the rows of the log for documents as they are before they are written.
fn log_together(store: &mut impl Store, lines: &[Line], headings: &[&Heading<'_>]) -> Result<()> {
    let all: Vec<(&Line, &&Heading<'_>)> = lines.iter().zip(headings).collect();
    for run in all.chunk_by(|(one, _), (other, _)| one.table == other.table).flat_map(|run| run.chunks(MANY / 5)) {
        let Some((Line { table, .. }, _)) = run.first() else { continue };
        let sql = format!(
            "INSERT INTO log(seq, time, batch, collection, kind, prev, before, id) SELECT v.column1, v.column2, \
             v.column3, {table}, v.column4, d.seq, d.body, v.column5 FROM (VALUES {}) AS v LEFT JOIN d{table} AS d ON \
             d.id = v.column5",
            vec!["(?, ?, ?, ?, ?)"; run.len()].join(", ")
        );
        let mut cells = Vec::with_capacity(run.len() * 5);
        for (line, heading) in run {
            cells.extend([
                Cell::Integer(line.seq),
                Cell::Integer(heading.time.micros()),
                text(heading.batch),
                Cell::Integer(line.kind as i64),
                text(&line.id),
            ]);
        }
        store.run(&sql, &cells)?;
    }
    Ok(())
}

fn receipts_together(store: &mut impl Store, decided: &[Decided<'_>], receipts: &[Receipt]) -> Result<()> {
    let all: Vec<(&Decided<'_>, &Receipt)> = decided.iter().zip(receipts).collect();
    for run in all.chunks(MANY / 3) {
        let sql =
            format!("INSERT INTO receipt(id, digest, outcome) VALUES {}", vec!["(?, ?, ?)"; run.len()].join(", "));
        let mut cells = Vec::with_capacity(run.len() * 3);
        for (Decided { heading, .. }, receipt) in run {
            let outcome =
                serde_json::to_string(receipt).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
            cells.extend([text(heading.batch), text(heading.digest), Cell::Text(outcome)]);
        }
        store.run(&sql, &cells)?;
    }
    Ok(())
}

/// What is to be written of a document, and whether the staged schema will have to rewrite it. The time comes with its
/// JSON, which all lines share.
fn line(
    state: &mut State,
    document: &DocumentRef,
    entry: &Entry,
    seq: i64,
    (time, stamp): (Time, &Value),
) -> Result<(Line, bool)> {
    let table =
        state.tables.get(&document.collection).ok_or_else(|| Error::new(Code::Internal, "A table is missing."))?;
    let mut line = Line {
        table: table.number,
        id: document.id.as_str().to_owned(),
        seq,
        kind: Kind::Delete,
        before: entry.before.clone(),
        body: String::new(),
        keys: Vec::new(),
    };
    let After::Document(members) = &entry.after else { return Ok((line, false)) };
    line.kind = if entry.before.is_some() { Kind::Update } else { Kind::Insert };
    line.keys = keys_of(table.paths_in_force(), members)?;
    let mut rewritten = false;
    if let Some(survey) = &mut state.survey {
        let coming = survey.fitted(&document.collection, &line.id, members, time)?;
        line.keys.extend(keys_of(table.paths_staged(), &coming)?);
        rewritten = coming != *members && survey.will_rewrite(&document.collection);
    }
    line.body = projection(members, &line.id, seq, stamp)?;
    if let Some(before) = &entry.before
        && !line.keys.is_empty()
    {
        // An index entry that stays as it is costs a write all the same, if it is set.
        let former = before.members()?;
        let same = keys_of(table.paths_in_force(), &former).unwrap_or_default();
        line.keys.retain(|key| !same.contains(key));
    }
    Ok((line, rewritten))
}

/// The projection of a document: its members and the system's, as canonical JSON. `stamp` is the commit's time as JSON.
fn projection(members: &Map<String, Value>, id: &str, seq: i64, stamp: &Value) -> Result<String> {
    let (id, seq) = (Value::from(id), Value::from(seq));
    let mut whole: BTreeMap<&str, &Value> = members.iter().map(|(name, value)| (name.as_str(), value)).collect();
    whole.extend([("id", &id), ("_version", &seq), ("_time", stamp)]);
    let body = serde_json::to_string(&whole).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
    sized(body.len()).map(|()| body)
}

/// Refuses a document that will be too large whatever its version: the longest there is counts.
pub(super) fn measure(id: &str, members: &Map<String, Value>) -> Result<()> {
    let system = json!({ "_time": Time::from_micros(0).to_string(), "_version": i64::MAX, "id": id }).to_string();
    sized(serde_json::to_string(members).map_or(usize::MAX, |own| own.len().saturating_add(system.len())))
}

fn sized(bytes: usize) -> Result<()> {
    if bytes > DOCUMENT_BYTES {
        return Err(Error::new(
            Code::TooLarge,
            format!(
                "A document has at most {DOCUMENT_BYTES} bytes of JSON, not {bytes}: split it, or keep large parts elsewhere."
            ),
        ));
    }
    Ok(())
}

fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

/// Parameters of one statement that carries many rows, beside the few that its rows share.
const MANY: usize = 90;

/// Images before that one statement carries: each is in memory once more while it does.
const IMAGES: usize = 11;

/// Writes the documents' own rows.
fn documents(store: &mut impl Store, lines: &[Line]) -> Result<()> {
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        rest = after;
        let table = line.table;
        match line.kind {
            Kind::Insert => {
                // A run of inserts with the same columns goes in one statement, which is told the first sequence alone:
                // every parameter crosses the border to JavaScript by itself.
                let width = 2 + line.keys.len();
                let alike =
                    |other: &&Line| other.table == table && other.kind == Kind::Insert && same_shape(line, other);
                let run = 1 + after.iter().take_while(alike).count().min((MANY / width).max(1) - 1);
                let columns: String = line.keys.iter().map(|(column, _)| format!(", k{column}")).collect();
                let places: String = line.keys.iter().map(|(_, key)| format!(", {}", cell(key).0)).collect();
                let rows = (0..run).map(|step| format!("(?1 + {step}, ?1 + {step}, ?, ?{places})"));
                let sql = format!(
                    "INSERT INTO d{table}(seq, born, id, body{columns}) VALUES {}",
                    rows.collect::<Vec<_>>().join(", ")
                );
                let mut cells = Vec::with_capacity(1 + run * width);
                cells.push(Cell::Integer(line.seq));
                for line in std::iter::once(line).chain(after.iter().take(run - 1)) {
                    cells.extend([text(&line.id), text(&line.body)]);
                    cells.extend(line.keys.iter().map(|(_, key)| cell(key).1));
                }
                store.run(&sql, &cells)?;
                rest = after.get(run - 1..).unwrap_or_default();
            }
            Kind::Update if line.keys.is_empty() && plain_updates(after, table) + 1 >= FEW => {
                let run = (plain_updates(after, table) + 1).min(MANY / 3);
                let sql = format!(
                    "UPDATE d{table} SET seq = v.column1, body = v.column2 FROM (VALUES {}) AS v WHERE d{table}.id = \
                     v.column3",
                    vec!["(?, ?, ?)"; run].join(", ")
                );
                let mut cells = Vec::with_capacity(run * 3);
                for line in std::iter::once(line).chain(after.iter().take(run - 1)) {
                    cells.extend([Cell::Integer(line.seq), text(&line.body), text(&line.id)]);
                }
                store.run(&sql, &cells)?;
                rest = after.get(run - 1..).unwrap_or_default();
            }
            Kind::Update => {
                let mut sql = format!("UPDATE d{table} SET seq = ?, body = ?");
                let mut cells = vec![Cell::Integer(line.seq), text(&line.body)];
                for (column, key) in &line.keys {
                    let (place, bound) = cell(key);
                    sql.push_str(&format!(", k{column} = {place}"));
                    cells.push(bound);
                }
                sql.push_str(" WHERE id = ?");
                cells.push(text(&line.id));
                store.run(&sql, &cells)?;
            }
            Kind::Delete => {
                store.run(&format!("DELETE FROM d{table} WHERE id = ?"), &[text(&line.id)])?;
            }
            Kind::Nothing => {}
        }
    }
    Ok(())
}

/// Changes of documents from which on one statement writes them: it reads its list of them as rows, too.
const FEW: usize = 4;

/// How many of the first lines change documents of a table, and no index column of them.
fn plain_updates(lines: &[Line], table: u32) -> usize {
    let is_one = |line: &&Line| line.table == table && line.kind == Kind::Update && line.keys.is_empty();
    lines.iter().take(MANY).take_while(is_one).count()
}

fn same_shape(left: &Line, right: &Line) -> bool {
    let place = |key: &SortKey| cell(key).0;
    left.keys.len() == right.keys.len()
        && left.keys.iter().zip(&right.keys).all(|(l, r)| l.0 == r.0 && place(&l.1) == place(&r.1))
}

/// Writes the rows of the log: what changed, and what was there before. The sequences of `lines` follow on one another.
fn log(store: &mut impl Store, lines: &[Line], heading: &Heading<'_>) -> Result<()> {
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        let alike = |other: &&Line| {
            other.table == line.table && other.kind == line.kind && other.before.is_some() == line.before.is_some()
        };
        let most = if line.before.is_some() { IMAGES } else { MANY };
        let run = 1 + after.iter().take_while(alike).count().min(most - 1);
        let image = if line.before.is_some() { "?, ?" } else { "NULL, NULL" };
        let rows = (0..run).map(|step| format!("(?1 + {step}, ?2, ?3, ?4, ?5, {image}, ?)"));
        let sql = format!(
            "INSERT INTO log(seq, time, batch, collection, kind, prev, before, id) VALUES {}",
            rows.collect::<Vec<_>>().join(", ")
        );
        let mut cells = Vec::with_capacity(5 + run * 3);
        cells.extend([
            Cell::Integer(line.seq),
            Cell::Integer(heading.time.micros()),
            text(heading.batch),
            Cell::Integer(i64::from(line.table)),
            Cell::Integer(line.kind as i64),
        ]);
        for line in std::iter::once(line).chain(after.iter().take(run - 1)) {
            if let Some(before) = &line.before {
                cells.extend([Cell::Integer(before.seq), text(&before.body)]);
            }
            cells.push(text(&line.id));
        }
        store.run(&sql, &cells)?;
        rest = after.get(run - 1..).unwrap_or_default();
    }
    Ok(())
}
