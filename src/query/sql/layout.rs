//! What the compiler knows of a partition's tables.

use std::collections::BTreeMap;

use crate::id::CollectionName;
use crate::query::tree::Order;
use crate::value::Path;

/// The tables of a partition, by collection. A collection without a table reads as empty.
pub type Layout = BTreeMap<CollectionName, Table>;

/// The table of a collection, `d<number>`, as far as it may be read: a column or index that is still being filled
/// is not named here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The number in the table's name, and in the column `collection` of the log.
    pub number: u32,
    /// The column `k<number>` that holds the sort keys of a path.
    pub columns: BTreeMap<Path, u32>,
    /// The columns of each index, in order; the id follows them.
    pub indexes: Vec<Vec<u32>>,
}

impl Table {
    /// The column of a path, if an index starts with it: equality with a value seeks there.
    pub(super) fn leading(&self, path: &Path) -> Option<u32> {
        let column = self.columns.get(path).copied()?;
        self.indexes.iter().any(|index| index.first() == Some(&column)).then_some(column)
    }

    /// Whether an index gives documents in this order, where some paths hold one value each.
    pub(super) fn walks(&self, equal: &[&Path], order: &[Order]) -> bool {
        let columns_of = |paths: &[&Path]| -> Vec<u32> {
            paths.iter().filter_map(|path| self.columns.get(*path).copied()).collect()
        };
        let equal_columns = columns_of(equal);
        let Some(first) = order.iter().map(|term| &term.path).find(|path| !equal.contains(path)) else { return true };
        let wanted = self.columns.get(first).copied();
        let by_id = first.segments() == ["id"];
        by_id && equal.is_empty()
            || self.indexes.iter().any(|index| {
                let next = index.iter().find(|column| !equal_columns.contains(column)).copied();
                if by_id { next.is_none() } else { wanted.is_some() && next == wanted }
            })
    }
}
