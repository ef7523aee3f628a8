//! The query tree.
//!
//! Conditions are two-valued: each is true or false, never unknown, and `["!=", …]` is exactly
//! `["not", ["=", …]]`. A path that leads nowhere reads as null. `=` compares any two values; `<`, `<=`, `>`,
//! `>=` hold only between two booleans, two numbers or two strings.

use crate::id::{CollectionName, Key};
use crate::time::Time;
use crate::value::{Path, Value};

/// A query over one collection, with what hangs on it.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Query {
    /// The collection whose documents are asked for.
    pub from: CollectionName,
    /// The key to stay under; `None` asks the whole database.
    pub key: Option<Key>,
    /// Which documents.
    pub filter: Condition,
    /// Documents of other collections beside each row, one row a match.
    pub joins: Vec<Join>,
    /// Documents along references, inside each row.
    pub includes: Vec<Include>,
    /// What of each document; `None` is all of it.
    pub select: Option<Vec<Selected>>,
    /// The order; ties are broken by id, in the direction of the last term.
    pub order: Vec<Order>,
    /// How many rows at most; at most [`crate::limits::QUERY_ROWS`].
    pub limit: usize,
    /// The cursor to go on after, as it travels.
    pub after: Option<String>,
    /// The paths to group by.
    pub group_by: Vec<Path>,
    /// What to compute of each group, by name. Not empty, or `group_by` not empty, makes a grouped query.
    pub aggregates: Vec<(String, Aggregate)>,
    /// The time to read at; `None` is now.
    pub at: Option<Time>,
    /// Answer how the query would run instead of running it.
    pub explain: bool,
}

impl Query {
    /// Whether the answer is groups rather than documents.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        !self.group_by.is_empty() || !self.aggregates.is_empty()
    }
}

/// A condition on a document (and on the documents joined to it).
///
/// Paths are resolved against the joins first: where the first segment is a join's name, the rest addresses that
/// joined document. Inside [`Condition::Exists`] paths address the related document alone.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Condition {
    /// Every one holds; true if there is none.
    And(Vec<Condition>),
    /// At least one holds; false if there is none.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// Two values compare so.
    Compare(Comparison, Operand, Operand),
    /// The value equals one of these.
    In(Operand, Vec<Value>),
    /// A string that matches a pattern, with case: `%` is any run of characters, `_` any one.
    Like(Path, String),
    /// A string that starts so.
    Prefix(Path, String),
    /// An array that holds an equal value, or a string that holds this string.
    Contains(Path, Value),
    /// null or missing.
    IsNull(Path),
    /// A document along the relation satisfies the condition.
    Exists(Relation, Box<Condition>),
}

impl Condition {
    /// The condition that always holds.
    #[must_use]
    pub fn always() -> Condition {
        Condition::And(Vec::new())
    }
}

/// How two values compare. `is` of the JSON form is `Equal`: equality here is null-safe already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`, `is`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Operand {
    /// A field.
    Path(Path),
    /// A value.
    Value(Value),
}

/// Where related documents are, relative to a document. Decoding resolves names against the schema.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Relation {
    /// The one document of `collection` whose id stands at `path`.
    Forward {
        /// The reference field.
        path: Path,
        /// The collection referred to.
        collection: CollectionName,
    },
    /// The documents of `collection` that hold this document's id at `by`.
    Reverse {
        /// The collection that refers.
        collection: CollectionName,
        /// Its reference field.
        by: Path,
    },
}

impl Relation {
    /// The collection at the other end.
    #[must_use]
    pub fn collection(&self) -> &CollectionName {
        match self {
            Relation::Forward { collection, .. } | Relation::Reverse { collection, .. } => collection,
        }
    }
}

/// Related documents placed inside each row: an object (or null) along a forward relation, an array along a
/// reverse one.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Include {
    /// The member of the row that receives them; it replaces one of that name.
    pub name: String,
    /// Where they are.
    pub relation: Relation,
    /// Which of them.
    pub filter: Condition,
    /// Their order; ties as in [`Query::order`].
    pub order: Vec<Order>,
    /// How many for each row at most.
    pub limit: usize,
    /// What of each; `None` is all.
    pub select: Option<Vec<Selected>>,
    /// What hangs on them in turn.
    pub includes: Vec<Include>,
}

/// A join: one row for every match, the joined document as the member `name`.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Join {
    /// The member of the row that receives the joined document, and the first segment of paths into it.
    pub name: String,
    /// The joined collection.
    pub collection: CollectionName,
    /// Pairs that must be equal and not null: a path of the row so far, and a path of the joined document.
    pub on: Vec<(Path, Path)>,
    /// Which documents of the joined collection take part; paths address the joined document.
    pub filter: Condition,
    /// Keep rows without a match, with null as the joined document.
    pub optional: bool,
}

/// A part of a document in the answer.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Selected {
    /// The member it becomes. For a plain path this is the path's own place (`paid.at` stays nested).
    pub name: Option<String>,
    /// Where it comes from. What is not there is left out.
    pub path: Path,
}

/// One term of an order.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Order {
    /// The field. In a grouped query, a group's path or an aggregate's name.
    pub path: Path,
    /// Greatest first. By the total order of values: null first ascending, last descending.
    pub descending: bool,
}

/// What can be computed of a group.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Aggregate {
    /// How many rows.
    Count,
    /// How many rows where the path is not null.
    CountOf(Path),
    /// The sum of the numbers; other values are passed over; 0 of none. An integer if all are and it fits 64
    /// bits, else a double.
    Sum(Path),
    /// The mean of the numbers; null of none.
    Average(Path),
    /// The least value that is not null, by the total order; null of none.
    Min(Path),
    /// The greatest value that is not null, by the total order; null of none.
    Max(Path),
}
