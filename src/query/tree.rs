//! The query tree.
//!
//! Conditions are two-valued: each is true or false, never unknown, and `["!=", …]` is exactly
//! `["not", ["=", …]]`. A path that leads nowhere reads as null. `=` compares any two values; `<`, `<=`, `>`,
//! `>=` hold only between two booleans, two numbers or two strings.

use crate::id::{CollectionName, Key};
use crate::limits::QUERY_ROWS;
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
    /// Fields that whoever asks may not see.
    pub hidden: Vec<Hidden>,
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
    /// The query for the documents of a collection that satisfy a condition, as many as one answer holds.
    #[must_use]
    pub fn all_of(from: CollectionName, filter: Condition) -> Query {
        Query {
            from,
            key: None,
            filter,
            joins: Vec::new(),
            includes: Vec::new(),
            select: None,
            hidden: Vec::new(),
            order: Vec::new(),
            limit: QUERY_ROWS,
            after: None,
            group_by: Vec::new(),
            aggregates: Vec::new(),
            at: None,
            explain: false,
        }
    }

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
    /// The value equals an item of a list that is known when the condition is bound.
    OneOf(Operand, Given),
    /// A string that matches a pattern, with case: `%` is any run of characters, `_` any one.
    Like(Path, String),
    /// A string that starts so.
    Prefix(Path, String),
    /// An array that holds an equal value, or a string that holds this string. No path stands for the value.
    Contains(Path, Operand),
    /// null or missing.
    IsNull(Path),
    /// A document along the relation satisfies the condition.
    Exists(Relation, Box<Condition>),
    /// Whoever asks has the role of this name. Only rules say so.
    Role(String),
    /// The condition holds of the document itself: no join is in sight, whatever it is called.
    Own(Box<Condition>),
    /// The rule by which a principal sees a document that an `exists` leads to: asked of it among all as they are stored,
    /// whatever a batch is about to make of them.
    Seen(Box<Condition>),
}

impl Condition {
    /// The condition that always holds.
    #[must_use]
    pub fn always() -> Condition {
        Condition::And(Vec::new())
    }

    /// The condition that never holds.
    #[must_use]
    pub fn never() -> Condition {
        Condition::Or(Vec::new())
    }

    /// Whether it is [`Condition::always`].
    #[must_use]
    pub fn is_always(&self) -> bool {
        matches!(self, Condition::And(all) if all.is_empty())
    }

    /// Whether it is [`Condition::never`].
    #[must_use]
    pub fn is_never(&self) -> bool {
        matches!(self, Condition::Or(any) if any.is_empty())
    }

    /// Whether it, or any condition inside it, satisfies `test`.
    pub fn any(&self, test: &impl Fn(&Condition) -> bool) -> bool {
        let inside = match self {
            Condition::And(all) | Condition::Or(all) => all.iter().any(|one| one.any(test)),
            Condition::Not(one) | Condition::Exists(_, one) | Condition::Own(one) | Condition::Seen(one) => {
                one.any(test)
            }
            _ => false,
        };
        inside || test(self)
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Condition) -> Condition {
        match (self, other) {
            (one, other) if other.is_always() => one,
            (one, other) if one.is_always() => other,
            (one, other) => Condition::And(vec![one, other]),
        }
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
    /// A value that is known when the condition is bound ([`super::bind`]).
    Given(Given),
}

/// What stands for a value until a condition is bound. Unbound, nothing compares with it.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Given {
    /// What whoever asks is known to be: a claim of the token.
    Auth(Path),
    /// What the document held before the change. Only rules of updates say so.
    Old(Path),
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
    /// Fields that whoever asks may not see.
    pub hidden: Vec<Hidden>,
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
    /// Fields of the joined document that whoever asks may not see.
    pub hidden: Vec<Hidden>,
}

/// A field that is left out of documents. Decoding hides none: rules do.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Hidden {
    /// The field, a member of the document.
    pub name: String,
    /// Of a document of which this holds the field is not hidden. Its paths address that document alone.
    pub unless: Condition,
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
