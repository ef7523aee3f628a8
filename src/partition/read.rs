//! Reading: one document, a query, an export, now or at an earlier time.

use super::state::State;
use super::workspace::{self, Stored, parse_body};
use crate::error::{Code, Error, Result, refuse};
use crate::id::{CollectionName, DocumentRef};
use crate::limits::{ANSWER_BYTES, EXPORT_CHUNK_ROWS};
use crate::query::run::{Answer, run};
use crate::query::selection::{Selection, Source};
use crate::query::sql::SqlSource;
use crate::query::tree::{Comparison, Condition, Include, Operand, Order, Query, Relation};
use crate::rules::{Action, Bound, Permit};
use crate::store::{Cell, Store};
use crate::time::Time;
use crate::value::{Path, Value};

/// One document, as it is or as it was.
pub(super) fn document(
    document: &DocumentRef,
    at: Option<Time>,
    now: Time,
    state: &mut State,
    store: &mut impl Store,
) -> Result<Option<Stored>> {
    let current = workspace::read(document, &state.layout, store)?;
    let Some(at) = at else { return Ok(current) };
    let until = sequence_at(at, now, state, store)?;
    if let Some(stored) = current.as_ref().filter(|stored| stored.seq <= until) {
        return Ok(Some(stored.clone()));
    }
    let Some(table) = state.layout.get(&document.collection) else { return Ok(None) };
    let found = store.run(
        "SELECT prev, before FROM log WHERE seq > ?1 AND collection = ?2 AND id = ?3 ORDER BY seq LIMIT 1",
        &[Cell::Integer(until), Cell::Integer(i64::from(table.number)), Cell::Text(document.id.as_str().to_owned())],
    )?;
    match found.rows.into_iter().next().map(<[Cell; 2]>::try_from) {
        Some(Ok([Cell::Integer(seq), Cell::Text(body)])) => Ok(Some(Stored { seq, born: seq, body })),
        _ => Ok(None),
    }
}

/// Whether some document of a collection satisfies a condition now.
pub(super) fn finds(
    collection: &CollectionName,
    condition: &Condition,
    state: &State,
    store: &mut impl Store,
) -> Result<bool> {
    let query = Query { limit: 1, ..Query::all_of(collection.clone(), condition.clone()) };
    Ok(!run(&query, &mut SqlSource::new(store, &state.layout), None)?.rows.is_empty())
}

/// One document as far as rules let it be seen, as it is or as it was: its text and its version. One that may not be read
/// is looked for just as one that is not there.
pub(super) fn document_under(
    bound: &Bound,
    document: &DocumentRef,
    at: Option<Time>,
    now: Time,
    state: &mut State,
    store: &mut impl Store,
) -> Result<Option<(String, i64)>> {
    let at = at.map(|at| sequence_at(at, now, state, store)).transpose()?;
    let id = Condition::Compare(
        Comparison::Equal,
        Operand::Path(Path::parse("id")?),
        Operand::Value(Value::from(document.id.as_str())),
    );
    let rule = bound.rule(Action::Read, &document.collection, &state.schema, None);
    let query = Query {
        hidden: bound.hidden(&document.collection, &state.schema),
        ..Query::all_of(document.collection.clone(), id.and(rule))
    };
    let found = run(&query, &mut SqlSource::new(store, &state.layout), at)?.rows.pop();
    let versioned = |text: String| {
        let version = parse_body(&text)?.get("_version").and_then(Value::as_i64);
        version.map(|version| (text, version)).ok_or_else(|| Error::new(Code::Internal, "A document has no version."))
    };
    found.map(versioned).transpose()
}

/// The last sequence of the log at a time. What is committed from now on is later than that.
pub(super) fn sequence_at(at: Time, now: Time, state: &mut State, store: &mut impl Store) -> Result<i64> {
    // A time still to come could be read twice with two answers.
    if at > now.max(state.clock.last()) {
        return refuse(Code::TimeOutOfRange, format!("{at} is ahead of the clock here, {now}."));
    }
    if at < state.kept_from {
        return Err(Error::new(
            Code::TimeOutOfRange,
            format!("What was before {} is not kept any more; {at} is earlier.", state.kept_from),
        )
        .with("keptFrom", state.kept_from.to_string()));
    }
    // Times rise with sequences, so a search by halves over the primary key finds the place.
    // What is forgotten lies before: its last sequence is that before the first row.
    let (mut low, mut high) = (state.oldest.map_or(0, |(first, _)| first - 1), state.seq);
    while low < high {
        let middle = low + (high - low + 1) / 2;
        let found = store.run("SELECT time FROM log WHERE seq >= ? ORDER BY seq LIMIT 1", &[Cell::Integer(middle)])?;
        match found.rows.first().map(Vec::as_slice) {
            Some([Cell::Integer(time)]) if *time <= at.micros() => low = middle,
            _ => high = middle - 1,
        }
    }
    state.clock.see(at);
    Ok(low)
}

/// Answers a query as of now, or just after a sequence of the log.
pub(super) fn query(query: &Query, at: Option<i64>, state: &State, store: &mut impl Store) -> Result<Answer> {
    run(query, &mut SqlSource::new(store, &state.layout), at)
}

/// Refuses a query that asks a collection nobody has heard of.
pub(super) fn known(query: &Query, state: &State) -> Result<()> {
    let mut asked = vec![&query.from];
    asked.extend(query.joins.iter().map(|join| &join.collection));
    in_condition(&query.filter, &mut asked);
    query.joins.iter().for_each(|join| in_condition(&join.filter, &mut asked));
    query.includes.iter().for_each(|include| in_include(include, &mut asked));
    match asked.into_iter().find(|name| !is_known(name, state)) {
        None => Ok(()),
        Some(name) => Err(unknown_collection(name)),
    }
}

/// No schema names the collection and no document is in it.
fn unknown_collection(name: &CollectionName) -> Error {
    Error::new(
        Code::UnknownCollection,
        format!(
            "There is no collection {name:?} here: no schema names it and no document is in it.",
            name = name.as_str()
        ),
    )
    .with("collection", name.as_str())
}

fn is_known(name: &CollectionName, state: &State) -> bool {
    state.schema.collections.contains_key(name) || state.layout.contains_key(name)
}

fn in_include<'q>(include: &'q Include, asked: &mut Vec<&'q CollectionName>) {
    asked.push(include.relation.collection());
    in_condition(&include.filter, asked);
    include.includes.iter().for_each(|inner| in_include(inner, asked));
}

fn in_condition<'q>(condition: &'q Condition, asked: &mut Vec<&'q CollectionName>) {
    match condition {
        Condition::And(all) | Condition::Or(all) => all.iter().for_each(|one| in_condition(one, asked)),
        Condition::Not(one) | Condition::Own(one) | Condition::Seen(one) => in_condition(one, asked),
        Condition::Exists(relation, inner) => {
            asked.push(Relation::collection(relation));
            in_condition(inner, asked);
        }
        _ => {}
    }
}

/// A run of documents as lines of an export, and the last of them if there may be more.
pub(super) fn export(
    only: Option<&CollectionName>,
    after: Option<&DocumentRef>,
    permit: &Permit,
    state: &State,
    store: &mut impl Store,
) -> Result<(String, Option<DocumentRef>)> {
    let mut lines = String::new();
    let mut rows_left = EXPORT_CHUNK_ROWS;
    let id = Path::parse("id")?;
    for name in state.layout.keys() {
        if only.is_some_and(|only| only != name) || after.is_some_and(|after| *name < after.collection) {
            continue;
        }
        let (rule, hidden) = match permit.bound() {
            None => (Condition::always(), Vec::new()),
            Some(bound) => (bound.rule(Action::Read, name, &state.schema, None), bound.hidden(name, &state.schema)),
        };
        let mut from = after.filter(|after| after.collection == *name).map(|after| Value::from(after.id.as_str()));
        loop {
            // A page small enough that no answer outgrows its bound, whatever the documents' size.
            let page = rows_left.min(ANSWER_BYTES / crate::limits::DOCUMENT_BYTES / 2);
            let selection = Selection {
                from: name,
                filter: &rule,
                joins: &[],
                order: vec![Order { path: id.clone(), descending: false }],
                after: from.clone().map(|from| vec![from]),
                limit: page,
                among: None,
                at: None,
                along: Vec::new(),
                hidden: &hidden,
            };
            let rows = SqlSource::new(store, &state.layout).rows(&selection)?;
            let full = rows.len() == page;
            if let Some(last) = rows.last() {
                from = parse_body(&last.body)?.get("id").cloned();
            }
            for row in rows {
                lines.push_str(&format!("[\"{name}\",{}]\n", row.body));
                rows_left -= 1;
            }
            if rows_left == 0 || lines.len() > ANSWER_BYTES / 4 {
                let Some(Value::String(last)) = &from else { break };
                let id = crate::id::DocumentId::parse(last)?;
                return Ok((lines, Some(DocumentRef { collection: name.clone(), id })));
            }
            if !full {
                break;
            }
        }
    }
    Ok((lines, None))
}
