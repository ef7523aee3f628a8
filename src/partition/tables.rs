//! The tables of a partition's documents: one for each collection, a column for each indexed path.
//!
//! Names never reach SQL: a collection is a number (`d3`), an indexed path is a number (`k7`), and what they
//! stand for is kept as one small JSON text beside them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::id::CollectionName;
use crate::limits::{COLLECTIONS, INDEXED_PATHS};
use crate::query::sql::{Layout, Table as ReadTable};
use crate::store::Store;
use crate::value::Path;

/// What the tables of a partition stand for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tables {
    by_name: BTreeMap<CollectionName, Table>,
}

/// The table of a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its number: the table is `d{number}`.
    pub number: u32,
    /// Its index columns.
    pub columns: Vec<Column>,
    /// Its indexes.
    pub indexes: Vec<Index>,
}

/// Which of the two schemas something serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Serves {
    /// The schema in force: queries read it.
    Force,
    /// The staged schema: writes keep it, nothing reads it.
    Staged,
    /// Both.
    Both,
    /// Neither; the column may be taken again.
    Nothing,
}

impl Serves {
    fn in_force(self) -> bool {
        matches!(self, Serves::Force | Serves::Both)
    }

    fn staged(self) -> bool {
        matches!(self, Serves::Staged | Serves::Both)
    }
}

/// A column that holds the sort key of a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its number: the column is `k{number}`.
    pub number: u32,
    /// The path's segments.
    pub path: Vec<String>,
    /// Whom it serves.
    pub serves: Serves,
}

/// An index over columns, in order, and then the id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The numbers of its columns.
    pub columns: Vec<u32>,
    /// Whether the staged schema wants it.
    pub staged: bool,
    /// Whether the schema in force wants it.
    pub in_force: bool,
    /// Whether it exists in SQLite.
    pub built: bool,
}

impl Column {
    fn is_for(&self, path: &Path) -> bool {
        self.path == path.segments()
    }

    /// The path whose sort key it holds.
    ///
    /// # Errors
    /// `internal` if what was stored is no path.
    pub fn path(&self) -> Result<Path> {
        Path::from_segments(self.path.clone()).map_err(|wrong| Error::new(Code::Internal, wrong.detail))
    }
}

impl Table {
    fn index_name(&self, index: &Index) -> String {
        let columns: Vec<String> = index.columns.iter().map(u32::to_string).collect();
        format!("x{}_{}", self.number, columns.join("_"))
    }

    fn build(&self, index: &Index, store: &mut impl Store) -> Result<()> {
        let columns: Vec<String> = index.columns.iter().map(|number| format!("k{number}")).collect();
        let (name, number) = (self.index_name(index), self.number);
        store.run(&format!("CREATE INDEX IF NOT EXISTS {name} ON d{number}({}, id)", columns.join(", ")), &[])?;
        Ok(())
    }

    /// The columns that a document of the schema in force fills.
    pub fn in_force(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.serves.in_force())
    }

    /// The columns that a document of the staged schema alone fills.
    pub fn staged_only(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.serves == Serves::Staged)
    }

    /// The number of the column of `path` for the schema in force, or for the staged one.
    #[must_use]
    pub fn column(&self, path: &Path, staged: bool) -> Option<u32> {
        let wanted = |column: &&Column| if staged { column.serves.staged() } else { column.serves.in_force() };
        self.columns.iter().filter(wanted).find(|column| column.is_for(path)).map(|column| column.number)
    }

    /// A column for `path` that serves the staged schema. `apart` keeps it from sharing the column in force.
    fn stage_column(&mut self, path: &Path, apart: bool, store: &mut impl Store) -> Result<u32> {
        if let Some(number) = self.column(path, true) {
            return Ok(number);
        }
        if !apart && let Some(column) = self.columns.iter_mut().find(|c| c.serves == Serves::Force && c.is_for(path)) {
            column.serves = Serves::Both;
            return Ok(column.number);
        }
        if let Some(column) = self.columns.iter_mut().find(|column| column.serves == Serves::Nothing) {
            column.serves = Serves::Staged;
            column.path = path.segments().to_vec();
            return Ok(column.number);
        }
        let number = u32::try_from(self.columns.len()).unwrap_or(u32::MAX).saturating_add(1);
        if self.columns.len() >= INDEXED_PATHS + INDEXED_PATHS / 4 {
            return Err(Error::new(Code::InvalidSchema, "Too many indexed paths change at once: change them in two steps."));
        }
        store.run(&format!("ALTER TABLE d{} ADD COLUMN k{number}", self.number), &[])?;
        self.columns.push(Column { number, path: path.segments().to_vec(), serves: Serves::Staged });
        Ok(number)
    }
}

impl Tables {
    /// The table of a collection.
    #[must_use]
    pub fn get(&self, collection: &CollectionName) -> Option<&Table> {
        self.by_name.get(collection)
    }

    /// The collections that have a table, in order.
    pub fn collections(&self) -> impl Iterator<Item = &CollectionName> {
        self.by_name.keys()
    }

    /// The collection whose table has this number.
    #[must_use]
    pub fn named(&self, number: i64) -> Option<&CollectionName> {
        self.by_name.iter().find(|(_, table)| i64::from(table.number) == number).map(|(name, _)| name)
    }

    /// What the SQL executor may read.
    ///
    /// # Errors
    /// `internal` if what was stored makes no sense.
    pub fn layout(&self) -> Result<Layout> {
        let mut layout = Layout::default();
        for (name, table) in &self.by_name {
            let columns = table.in_force().map(|column| Ok((column.path()?, column.number)));
            let read = ReadTable { number: table.number, columns: columns.collect::<Result<_>>()? };
            layout.insert(name.clone(), read);
        }
        Ok(layout)
    }

    /// Makes the table of a collection.
    ///
    /// # Errors
    /// `too_many` past [`COLLECTIONS`].
    pub fn create(&mut self, collection: &CollectionName, store: &mut impl Store) -> Result<()> {
        if self.by_name.contains_key(collection) {
            return Ok(());
        }
        if self.by_name.len() >= COLLECTIONS {
            return Err(Error::new(Code::TooMany, format!("A database has at most {COLLECTIONS} collections.")));
        }
        let number = self.by_name.values().map(|table| table.number).max().unwrap_or(0) + 1;
        store.run(
            &format!(
                "CREATE TABLE d{number}(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, \
                 born INTEGER NOT NULL, body TEXT NOT NULL)"
            ),
            &[],
        )?;
        self.by_name.insert(collection.clone(), Table { number, columns: Vec::new(), indexes: Vec::new() });
        Ok(())
    }

    /// Gives the staged schema its columns for a collection: they are to be filled, then [`Tables::build`] makes
    /// the indexes. `apart` keeps them from sharing columns with the schema in force, for where documents are about
    /// to be rewritten.
    ///
    /// # Errors
    /// `invalid_schema` if too many change at once.
    pub fn stage(
        &mut self,
        collection: &CollectionName,
        sets: &[Vec<Path>],
        apart: bool,
        store: &mut impl Store,
    ) -> Result<()> {
        let Some(table) = self.by_name.get_mut(collection) else { return Ok(()) };
        for set in sets {
            let columns: Vec<u32> =
                set.iter().map(|path| table.stage_column(path, apart, store)).collect::<Result<_>>()?;
            match table.indexes.iter_mut().find(|index| index.columns == columns) {
                Some(index) => index.staged = true,
                None => table.indexes.push(Index { columns, staged: true, in_force: false, built: false }),
            }
        }
        Ok(())
    }

    /// Makes the next index that is wanted and not there. Says whether there was one.
    ///
    /// # Errors
    /// `internal` if SQLite fails.
    pub fn build_next(&mut self, store: &mut impl Store) -> Result<bool> {
        for table in self.by_name.values_mut() {
            if let Some(at) = table.indexes.iter().position(|index| !index.built) {
                if let Some(index) = table.indexes.get(at).cloned() {
                    table.build(&index, store)?;
                }
                if let Some(index) = table.indexes.get_mut(at) {
                    index.built = true;
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The staged schema comes into force (`true`), or is given up (`false`): what only the other wanted goes.
    ///
    /// # Errors
    /// `internal` if SQLite fails.
    pub fn settle(&mut self, adopt: bool, store: &mut impl Store) -> Result<()> {
        for table in self.by_name.values_mut() {
            for column in &mut table.columns {
                column.serves = match (column.serves, adopt) {
                    (Serves::Both, _) | (Serves::Staged, true) | (Serves::Force, false) => Serves::Force,
                    _ => Serves::Nothing,
                };
            }
            let live: BTreeSet<u32> = table.in_force().map(|column| column.number).collect();
            let mut kept = Vec::new();
            for mut index in std::mem::take(&mut table.indexes) {
                index.in_force = if adopt { index.staged } else { index.in_force };
                index.staged = false;
                if index.in_force && index.columns.iter().all(|number| live.contains(number)) {
                    kept.push(index);
                } else {
                    store.run(&format!("DROP INDEX IF EXISTS {}", table.index_name(&index)), &[])?;
                }
            }
            table.indexes = kept;
        }
        Ok(())
    }
}
