//! What a partition does by itself, woken by its alarm: documents whose time has come, records past retention.

use super::expiry::expire;
use super::rewrite;
use super::state::{State, oldest, put};
use crate::error::Result;
use crate::limits::{RETENTION_STEP_ROWS, RETENTION_US};
use crate::moment::Moment;
use crate::store::{Cell, Store};
use crate::time::Time;

/// When the alarm should ring next.
pub(super) fn next(state: &State) -> Option<Time> {
    if state.rewriting {
        return Some(state.clock.last());
    }
    // The last row stays, so alone it is nothing to wake for.
    let oldest = state.oldest.filter(|(seq, _)| *seq < state.seq);
    let retention = oldest.map(|(_, time)| Time::from_micros(time.micros().saturating_add(RETENTION_US)));
    [retention, state.expiry.next()].into_iter().flatten().min()
}

/// One step of everything that is due.
pub(super) fn step<S: Store>(state: &mut State, store: &mut S, moment: &mut Moment<'_>) -> Result<()> {
    if state.rewriting {
        store.atomically(|store| rewrite::step(state, store, moment.now))?;
        return Ok(());
    }
    if state.expiry.next().is_some_and(|due| due <= moment.now) {
        expire(state, store, moment)?;
    }
    trim(state, store, moment.now)
}

/// Drops rows of the log, with their receipts, that are past retention. The last row stays: it carries the clock.
fn trim(state: &mut State, store: &mut impl Store, now: Time) -> Result<()> {
    let before = Time::from_micros(now.micros().saturating_sub(RETENTION_US));
    if state.oldest.is_none_or(|(seq, time)| time > before || seq >= state.seq) {
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
        state.oldest = oldest(store)?;
        Ok(())
    })
}
