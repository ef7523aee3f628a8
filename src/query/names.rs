//! What a query may ask the schema while it is read.

use super::tree::Relation;
use crate::id::CollectionName;
use crate::value::Path;

/// The names that a schema gives to things. The schema implements it; queries know no more of schemas than this.
pub trait Names {
    /// The relation called `name` of a collection: a reference field (its path as text), or a reverse relation
    /// that the schema names.
    fn relation(&self, collection: &CollectionName, name: &str) -> Option<Relation>;

    /// Whether documents of the collection may have something at the path. False only in closed collections
    /// (and closed objects) that do not name it, and inside a declared type that has nothing inside (a string,
    /// an array); `id`, `_version` and `_time` are always there.
    fn may_have(&self, collection: &CollectionName, path: &Path) -> bool;
}

/// No schema: nothing is named, everything may be there.
pub struct NoNames;

impl Names for NoNames {
    fn relation(&self, _: &CollectionName, _: &str) -> Option<Relation> {
        None
    }

    fn may_have(&self, _: &CollectionName, _: &Path) -> bool {
        true
    }
}
