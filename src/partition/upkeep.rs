//! What a partition does by itself, woken by its alarm: documents whose time has come, records past retention.

use super::commit::{Heading, write};
use super::decide::Deciding;
use super::rewrite;
use super::state::{State, collection_of, oldest, put};
use super::workspace::{After, Workspace};
use crate::batch::{Change, Operation};
use crate::error::Result;
use crate::id::DocumentRef;
use crate::limits::{RETENTION_STEP_ROWS, RETENTION_US, TTL_RETRY_US, TTL_STEP_DOCUMENTS};
use crate::moment::Moment;
use crate::store::{Cell, Store};
use crate::time::Time;
use crate::value::Value;

/// The batch that the log names for what happens here. No caller's: a batch id holds no space, so that when rows of
/// this name go, no receipt of a caller's goes with them.
const OWN: &str = "of ttl";

/// When the next document's time comes, of all collections with a TTL.
pub(super) fn first_expiry(state: &State, store: &mut impl Store) -> Result<Option<Time>> {
    let mut first = None;
    for (name, collection) in &state.schema.collections {
        let (Some(ttl), Some(table)) = (&collection.ttl, state.tables.get(name)) else { continue };
        let Some(column) = table.column(ttl, false) else { continue };
        let sql = format!("SELECT min(k{column}) FROM d{} WHERE k{column} >= ''", table.number);
        if let Some([Cell::Text(text)]) = store.run(&sql, &[])?.rows.first().map(Vec::as_slice) {
            // A time before 1970 is as good as long ago.
            let time = Time::parse(text).unwrap_or(Time::from_micros(0));
            first = Some(first.map_or(time, |earlier: Time| earlier.min(time)));
        }
    }
    Ok(first)
}

/// Looks at what was written for documents whose time comes before any that is known of.
pub(super) fn expect(state: &mut State, work: &Workspace) {
    for document in work.changed() {
        let Some(ttl) = &collection_of(&state.schema, &document.collection).ttl else { continue };
        let Some(After::Document(members)) = work.get(document).map(|entry| &entry.after) else { continue };
        if let Value::String(text) = super::constraint::at(members, ttl) {
            let time = Time::parse(text).unwrap_or(Time::from_micros(0));
            state.expiry = Some(state.expiry.map_or(time, |earlier| earlier.min(time)));
        }
    }
}

/// When the alarm should ring next.
pub(super) fn next(state: &State) -> Option<Time> {
    if state.rewriting {
        return Some(state.clock.last());
    }
    let retention = state.oldest.map(|oldest| Time::from_micros(oldest.micros().saturating_add(RETENTION_US)));
    [retention, state.expiry].into_iter().flatten().min()
}

/// One step of everything that is due.
pub(super) fn step<S: Store>(state: &mut State, store: &mut S, moment: &mut Moment<'_>) -> Result<()> {
    if state.rewriting {
        store.atomically(|store| rewrite::step(state, store, moment.now))?;
        return Ok(());
    }
    if state.expiry.is_some_and(|due| due <= moment.now) {
        expire(state, store, moment)?;
    }
    trim(state, store, moment.now)
}

/// Deletes documents whose time has come. One that something else refers to, with `restrict`, stays until that is
/// gone; it is tried again later.
fn expire<S: Store>(state: &mut State, store: &mut S, moment: &mut Moment<'_>) -> Result<()> {
    let due = due(state, store, moment.now)?;
    let full = due.len() >= TTL_STEP_DOCUMENTS;
    let mut kept = 0;
    let all: Vec<Operation> = due.iter().map(deletion).collect();
    if delete(&all, state, store, moment).is_err() {
        for operation in all {
            kept += usize::from(delete(&[operation], state, store, moment).is_err());
        }
    }
    let later = Time::from_micros(moment.now.micros().saturating_add(TTL_RETRY_US));
    state.expiry = match first_expiry(state, store)? {
        Some(time) if time <= moment.now && (kept == due.len() || !full) => Some(later),
        other => other,
    };
    Ok(())
}

fn due(state: &State, store: &mut impl Store, now: Time) -> Result<Vec<DocumentRef>> {
    let mut due = Vec::new();
    for (name, collection) in &state.schema.collections {
        let (Some(ttl), Some(table)) = (&collection.ttl, state.tables.get(name)) else { continue };
        let Some(column) = table.column(ttl, false) else { continue };
        let sql = format!(
            "SELECT id FROM d{} WHERE k{column} >= '' AND k{column} <= ? ORDER BY k{column} LIMIT ?",
            table.number
        );
        let left = i64::try_from(TTL_STEP_DOCUMENTS.saturating_sub(due.len())).unwrap_or(0);
        for row in store.run(&sql, &[Cell::Text(now.to_string()), Cell::Integer(left)])?.rows {
            if let Some(Cell::Text(id)) = row.first() {
                due.push(super::survey::document(name, id)?);
            }
        }
    }
    Ok(due)
}

fn deletion(document: &DocumentRef) -> Operation {
    Operation { document: document.clone(), only_if: None, condition: None, change: Change::Delete }
}

fn delete<S: Store>(operations: &[Operation], state: &mut State, store: &mut S, moment: &mut Moment<'_>) -> Result<()> {
    let time = state.clock.clone().tick(moment.now);
    let mut new_id = String::new;
    let mut deciding = Deciding::new(store, state, time, &mut new_id);
    deciding.decide(&[], operations)?;
    let work = deciding.work;
    write(store, state, &work, &Heading { batch: OWN, digest: "", time }, |_| None)
}

/// Drops rows of the log, with their receipts, that are past retention. The last row stays: it carries the clock.
fn trim(state: &mut State, store: &mut impl Store, now: Time) -> Result<()> {
    let before = Time::from_micros(now.micros().saturating_sub(RETENTION_US));
    if state.oldest.is_none_or(|oldest| oldest > before) {
        return Ok(());
    }
    store.atomically(|store| {
        let limit = Cell::Integer(i64::try_from(RETENTION_STEP_ROWS).unwrap_or(i64::MAX));
        let found = store.run(
            "SELECT max(seq), max(time) FROM (SELECT seq, time FROM log ORDER BY seq LIMIT ?) WHERE time <= ? AND seq < ?",
            &[limit, Cell::Integer(before.micros()), Cell::Integer(state.seq)],
        )?;
        if let Some([Cell::Integer(seq), Cell::Integer(time)]) = found.rows.first().map(Vec::as_slice) {
            store.run("DELETE FROM receipt WHERE id IN (SELECT batch FROM log WHERE seq <= ?)", &[Cell::Integer(*seq)])?;
            store.run("DELETE FROM log WHERE seq <= ?", &[Cell::Integer(*seq)])?;
            state.kept_from = Time::from_micros(*time);
            put(store, "kept_from", &state.kept_from)?;
        }
        let oldest = oldest(store)?;
        // Only the last row is left: nothing to wake for until there is another.
        state.oldest = oldest.filter(|_| state.seq > 0).filter(|oldest| *oldest > before);
        Ok(())
    })
}
