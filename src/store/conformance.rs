//! What the actors rely on, of any store: a suite for both implementations.
//!
//! It is plain code so that it runs wherever a store does, a Durable Object included. Each check makes the tables
//! it needs anew, so that the suite can be run again.

mod atomic;
mod cells;
mod failures;
mod queries;

use super::{Cell, Store};
use crate::error::Error;

/// What a check came to: nothing, or what was not as promised.
pub type Outcome = Result<(), String>;

/// A promise, and the check that a store keeps it.
pub type Check<S> = (&'static str, fn(&mut S) -> Outcome);

/// Every promise of a store.
#[must_use]
pub fn suite<S: Store>() -> Vec<Check<S>> {
    [cells::checks(), queries::checks(), failures::checks(), atomic::checks()].concat()
}

/// Runs a statement that must not fail, for its rows.
fn rows<S: Store>(store: &mut S, sql: &str, cells: &[Cell]) -> Result<Vec<Vec<Cell>>, String> {
    store.run(sql, cells).map(|rows| rows.rows).map_err(|error| format!("{sql}: {error}"))
}

/// Runs statements that answer nothing.
fn run<S: Store>(store: &mut S, statements: &[&str]) -> Outcome {
    statements.iter().try_for_each(|sql| rows(store, sql, &[]).map(drop))
}

/// The statement answers exactly these rows.
fn answers<S: Store>(store: &mut S, sql: &str, cells: &[Cell], expected: &[&[Cell]]) -> Outcome {
    let found = rows(store, sql, cells)?;
    let same = found.len() == expected.len() && found.iter().zip(expected).all(|(row, wanted)| row == wanted);
    if same { Ok(()) } else { Err(format!("{sql}: {found:?}, not {expected:?}")) }
}

/// The statement fails, with an error that `is` recognises.
fn fails<S: Store>(store: &mut S, sql: &str, cells: &[Cell], is: impl Fn(&Error) -> bool) -> Outcome {
    match store.run(sql, cells) {
        Ok(found) => Err(format!("{sql} did not fail but answered {} rows", found.rows.len())),
        Err(error) if is(&error) => Ok(()),
        Err(error) => Err(format!("{sql} failed in another way: {error}")),
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}
