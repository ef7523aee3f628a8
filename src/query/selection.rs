//! What is asked of an executor: flat selections and groupings.
//!
//! Everything nested (includes, projections, the order of groups, cursors) is composed from these by `run`, once
//! for both executors, so that the two can only disagree on what is here.

use super::tree::{Aggregate, Condition, Hidden, Join, Order};
use crate::error::{Code, Error, Result};
use crate::id::CollectionName;
use crate::limits::{ANSWER_BYTES, QUERY_GROUPS};
use crate::value::{Path, Value};

/// Documents of a collection (with those joined to them): filtered, ordered, bounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection<'q> {
    /// The collection.
    pub from: &'q CollectionName,
    /// Which documents. Paths address the joins by name first.
    pub filter: &'q Condition,
    /// The joins, in order; each may be addressed by those after it.
    pub joins: &'q [Join],
    /// The whole order, ties included: the last terms are the id of the document and of each joined one
    /// (`<name>.id`), so that no two rows are equal.
    pub order: Vec<Order>,
    /// Only rows after these values, one for each term of `order`.
    pub after: Option<Vec<Value>>,
    /// At most this many rows (for each value of `among`, if there is one).
    pub limit: usize,
    /// Only documents related to others that were found before.
    pub among: Option<Among>,
    /// Read the state just after this sequence of the log; `None` is now.
    pub at: Option<i64>,
    /// Documents to be read along with each row, where that is no detour: an executor may leave them
    /// ([`Source::reads_along`]).
    pub along: Vec<Along<'q>>,
    /// Fields to be left out of the documents (of joined ones, see [`Join::hidden`]).
    pub hidden: &'q [Hidden],
}

/// The one document of `collection` whose id a row's document holds at `path`.
#[derive(Clone, Debug, PartialEq)]
pub struct Along<'q> {
    /// Where the id stands.
    pub path: &'q Path,
    /// The collection it refers to.
    pub collection: &'q CollectionName,
}

/// A restriction to documents whose `path` holds one of `values`, all of them strings, each of them once. Rows
/// come ordered within each value; the values come in no promised order.
#[derive(Clone, Debug, PartialEq)]
pub struct Among {
    /// A path of the document: `id`, or a reference field.
    pub path: Path,
    /// The ids.
    pub values: Vec<String>,
}

/// A row of a selection.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The document's projection: its JSON text, `id`, `_version` and `_time` included, hidden fields left out.
    pub body: String,
    /// The projection of the joined document of each join; `None` where an optional one found nothing.
    pub joined: Vec<Option<String>>,
    /// The value of `among` that the row belongs to.
    pub among: Option<String>,
    /// What was read along, one for each of the selection's `along`, `None` where nothing is there; nothing at all if
    /// the executor left them.
    pub along: Vec<Option<String>>,
}

impl Row {
    /// Bytes of its texts: what counts towards [`ANSWER_BYTES`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.body.len() + self.joined.iter().chain(&self.along).flatten().map(String::len).sum::<usize>()
    }
}

/// Documents of a collection, grouped.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping<'q> {
    /// The collection.
    pub from: &'q CollectionName,
    /// Which documents.
    pub filter: &'q Condition,
    /// The joins, as in a selection.
    pub joins: &'q [Join],
    /// What to group by; empty makes one group, which is there even if nothing is in it.
    pub by: &'q [Path],
    /// What to compute.
    pub aggregates: &'q [(String, Aggregate)],
    /// Read the state just after this sequence of the log; `None` is now.
    pub at: Option<i64>,
}

/// One group: the values it is grouped by, then its aggregates, both in the order of the grouping.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The values of the grouping's paths; null also where there is nothing.
    pub keys: Vec<Value>,
    /// The aggregates' values.
    pub values: Vec<Value>,
}

/// An executor: where rows and groups come from.
pub trait Source {
    /// The rows of a selection, in its order.
    ///
    /// # Errors
    /// `query_too_wide` if it does not fit one statement; `answer_too_large`.
    fn rows(&mut self, selection: &Selection<'_>) -> Result<Vec<Row>>;

    /// The groups of a grouping, in no promised order.
    ///
    /// # Errors
    /// As [`Source::rows`], and `answer_too_large` past [`QUERY_GROUPS`] groups.
    fn groups(&mut self, grouping: &Grouping<'_>) -> Result<Vec<Group>>;

    /// Whether the documents of a selection's `along` are read with its rows.
    fn reads_along(&self, selection: &Selection<'_>) -> bool;

    /// How a selection would be carried out, a line a step.
    ///
    /// # Errors
    /// As [`Source::rows`].
    fn explain(&mut self, selection: &Selection<'_>) -> Result<Vec<String>>;
}

/// The error of rows with more than [`ANSWER_BYTES`].
#[must_use]
pub fn too_many_bytes() -> Error {
    Error::new(
        Code::AnswerTooLarge,
        format!("The answer would have more than {ANSWER_BYTES} bytes; ask for fewer rows or select of them."),
    )
}

/// The error of a grouping with more than [`QUERY_GROUPS`] groups.
#[must_use]
pub fn too_many_groups() -> Error {
    Error::new(
        Code::AnswerTooLarge,
        format!("The query makes more than {QUERY_GROUPS} groups; group by less or filter more."),
    )
}
