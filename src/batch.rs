//! The one envelope that every write travels in, and what it does to documents.
//!
//! [`Batch`] is the decoded form; [`decode`] reads the body of `_tx`; [`patch`] changes a document; [`Receipt`] is
//! a batch's durable fate.

pub mod decode;
pub mod patch;
mod receipt;

pub use receipt::{Outcome, Receipt};

use crate::id::{BatchId, DocumentRef};
use crate::query::tree::{Condition, Query};
use crate::value::{Map, Path, Value};
use crate::wire::Precondition;

/// A batch: what it read and what it does, decided as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Its id: a repeat is answered with the first outcome.
    pub id: BatchId,
    /// Whether the caller chose the id and so may ask again; then a rejection is durable, too.
    pub named: bool,
    /// A digest of the request that brought it; the same id with another digest is refused.
    pub digest: String,
    /// What must still be as it was read.
    pub reads: Vec<Read>,
    /// What it does, in order; later operations see earlier ones.
    pub operations: Vec<Operation>,
    /// The id of its one document was made for it, so nothing can be there.
    pub fresh: bool,
}

/// Something that was read and must not have changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// A document at a version, or absent.
    Document {
        /// Which.
        document: DocumentRef,
        /// Its version; `None` where it was absent.
        version: Option<i64>,
    },
    /// A query whose answer had this digest. Run again at commit, so nothing can slip in or out unseen.
    Query {
        /// The query.
        query: Box<Query>,
        /// The digest its answer carried.
        digest: String,
    },
}

/// One operation of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What it is about.
    pub document: DocumentRef,
    /// What must hold of the document's presence and version.
    pub only_if: Option<Precondition>,
    /// What must hold of the document as it is.
    pub condition: Option<Condition>,
    /// What it does.
    pub change: Change,
}

/// What an operation does to its document.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Create it; it must not be there.
    Insert(Map<String, Value>),
    /// Replace or create it.
    Replace(Map<String, Value>),
    /// Change parts of it; it must be there.
    Patch(Patch),
    /// Apply a merge patch (RFC 7396); it must be there.
    Merge(Map<String, Value>),
    /// Delete it; it must be there.
    Delete,
    /// Nothing: the condition must hold of it. A document that is not there reads as null everywhere.
    Check(Condition),
}

/// Changes to parts of a document, applied in the order of the fields here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Values to put at paths; objects on the way are made.
    pub set: Vec<(Path, Value)>,
    /// Paths to remove.
    pub unset: Vec<Path>,
    /// Numbers to add; what is missing or null counts as 0.
    pub increment: Vec<(Path, Value)>,
    /// Values to append to arrays; what is missing or null counts as empty.
    pub append: Vec<(Path, Vec<Value>)>,
}
