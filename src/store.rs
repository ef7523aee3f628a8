//! What the actors ask of the storage under them: SQL in, rows out.
//!
//! One store is one actor's SQLite database. Everything between two awaits of the actor commits together; inside
//! [`Store::atomically`] it also rolls back together. There are two implementations: Durable Object SQL (in the
//! `wasm` crate) and [`sqlite`] over `rusqlite`, both held to [`conformance`].

use crate::error::{Code, Error, Result};
use crate::limits::STATEMENT_ANSWER_BYTES;

pub mod conformance;
#[cfg(feature = "native")]
pub mod sqlite;

/// A value bound to a statement or read from one.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL
    Null,
    /// An integer. Crosses the platform's border as a double: exact to 53 bits. Larger ones must be bound and read
    /// as text, with a `CAST` in the statement.
    Integer(i64),
    /// A double.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Cell {
    /// Bytes of a text or blob: what counts towards [`STATEMENT_ANSWER_BYTES`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Cell::Null | Cell::Integer(_) | Cell::Real(_) => 0,
            Cell::Text(text) => text.len(),
            Cell::Blob(bytes) => bytes.len(),
        }
    }
}

/// The rows of a statement and what they cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The rows, each with its columns in order.
    pub rows: Vec<Vec<Cell>>,
    /// Rows of tables and indexes that were read (an estimate in the native store).
    pub read: u64,
    /// Rows of tables and indexes that were written (an estimate in the native store).
    pub written: u64,
}

/// Rows of tables and indexes, as the platform counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows read.
    pub read: u64,
    /// Rows written.
    pub written: u64,
}

/// One actor's SQLite database.
///
/// Statement texts are few and fixed in shape: names and values of callers never become part of one.
pub trait Store {
    /// Runs one statement.
    ///
    /// # Errors
    /// `answer_too_large` where a value outgrows what SQLite carries, or the rows together
    /// [`STATEMENT_ANSWER_BYTES`]; else `internal`: a statement that fails is a defect, since
    /// everything is checked before it is written. What a failed statement wrote is undone; those before it stand.
    fn run(&mut self, sql: &str, cells: &[Cell]) -> Result<Rows>;

    /// Runs `work` as one unit: if it fails, nothing of it is kept.
    ///
    /// # Errors
    /// Whatever `work` returns, or `internal` if the commit fails.
    fn atomically<T, F>(&mut self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Self) -> Result<T>,
        Self: Sized;

    /// What was read and written since the last [`Store::take_cost`].
    fn cost(&self) -> Cost;

    /// The same, and starts anew.
    fn take_cost(&mut self) -> Cost;

    /// Bytes that the database occupies.
    fn size(&self) -> u64;
}

/// The error of a statement whose rows together have more than [`STATEMENT_ANSWER_BYTES`].
#[must_use]
pub fn too_many_bytes() -> Error {
    Error::new(
        Code::AnswerTooLarge,
        format!("What was asked for comes to more than {STATEMENT_ANSWER_BYTES} bytes; ask for fewer rows."),
    )
}
