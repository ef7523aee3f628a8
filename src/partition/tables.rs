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
pub(super) struct Tables {
    by_name: BTreeMap<CollectionName, Table>,
}

/// The table of a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    /// Its number: the table is `d{number}`.
    pub(super) number: u32,
    /// Its index columns.
    pub(super) columns: Vec<Column>,
    /// Its indexes.
    pub(super) indexes: Vec<Index>,
}

/// Which of the two schemas something serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Serves {
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
pub(super) struct Column {
    /// Its number: the column is `k{number}`.
    pub(super) number: u32,
    /// The path's segments.
    pub(super) path: Vec<String>,
    /// Whom it serves.
    pub(super) serves: Serves,
}

/// An index over columns, in order, and then the id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    /// The numbers of its columns.
    pub(super) columns: Vec<u32>,
    /// Whether the staged schema wants it.
    pub(super) staged: bool,
    /// Whether the schema in force wants it.
    pub(super) in_force: bool,
    /// Whether it exists in SQLite.
    pub(super) built: bool,
}

impl Column {
    fn is_for(&self, path: &Path) -> bool {
        self.path == path.segments()
    }

    /// The path whose sort key it holds.
    ///
    /// # Errors
    /// `internal` if what was stored is no path.
    pub(super) fn path(&self) -> Result<Path> {
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

    fn in_force(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.serves.in_force())
    }

    /// The columns that a document of the schema in force fills: their numbers and paths.
    pub(super) fn paths_in_force(&self) -> impl Iterator<Item = (u32, &[String])> {
        self.in_force().map(|column| (column.number, column.path.as_slice()))
    }

    /// The columns that a document of the staged schema alone fills: their numbers and paths.
    pub(super) fn paths_staged(&self) -> impl Iterator<Item = (u32, &[String])> {
        let staged = self.columns.iter().filter(|column| column.serves == Serves::Staged);
        staged.map(|column| (column.number, column.path.as_slice()))
    }

    /// The number of the column of `path` for the schema in force, or for the staged one.
    #[must_use]
    pub(super) fn column(&self, path: &Path, staged: bool) -> Option<u32> {
        let wanted = |column: &&Column| if staged { column.serves.staged() } else { column.serves.in_force() };
        self.columns.iter().filter(wanted).find(|column| column.is_for(path)).map(|column| column.number)
    }

    /// The number of the column of `path` that serves the staged schema and not the one in force.
    #[must_use]
    pub(super) fn staged_alone(&self, path: &Path) -> Option<u32> {
        let mut alone = self.columns.iter().filter(|column| column.serves == Serves::Staged);
        alone.find(|column| column.is_for(path)).map(|column| column.number)
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
            return Err(Error::new(
                Code::InvalidSchema,
                "Too many indexed paths change at once: change them in two steps.",
            ));
        }
        store.run(&format!("ALTER TABLE d{} ADD COLUMN k{number}", self.number), &[])?;
        self.columns.push(Column { number, path: path.segments().to_vec(), serves: Serves::Staged });
        Ok(number)
    }

    /// Gives the staged schema its columns: they are to be filled, then [`Table::build_next`] makes the indexes.
    /// Paths that are `moved`, where documents are about to be rewritten, do not share a column with the schema in
    /// force.
    ///
    /// # Errors
    /// `invalid_schema` if too many change at once.
    pub(super) fn stage(&mut self, sets: &[Vec<Path>], moved: &BTreeSet<Path>, store: &mut impl Store) -> Result<()> {
        for set in sets {
            let columns: Vec<u32> =
                set.iter().map(|path| self.stage_column(path, moved.contains(path), store)).collect::<Result<_>>()?;
            match self.indexes.iter_mut().find(|index| index.columns == columns) {
                Some(index) => index.staged = true,
                None => self.indexes.push(Index { columns, staged: true, in_force: false, built: false }),
            }
        }
        Ok(())
    }

    /// Makes the next index that is wanted and not there. Says whether there was one.
    ///
    /// # Errors
    /// `internal` if SQLite fails.
    pub(super) fn build_next(&mut self, store: &mut impl Store) -> Result<bool> {
        let Some(at) = self.indexes.iter().position(|index| !index.built) else { return Ok(false) };
        if let Some(index) = self.indexes.get(at) {
            self.build(index, store)?;
        }
        if let Some(index) = self.indexes.get_mut(at) {
            index.built = true;
        }
        Ok(true)
    }

    /// The staged schema comes into force (`true`), or is given up (`false`): what only the other wanted goes.
    ///
    /// # Errors
    /// `internal` if SQLite fails.
    pub(super) fn settle(&mut self, adopt: bool, store: &mut impl Store) -> Result<()> {
        for column in &mut self.columns {
            column.serves = match (column.serves, adopt) {
                (Serves::Both, _) | (Serves::Staged, true) | (Serves::Force, false) => Serves::Force,
                _ => Serves::Nothing,
            };
        }
        let live: BTreeSet<u32> = self.in_force().map(|column| column.number).collect();
        let mut kept = Vec::new();
        for mut index in std::mem::take(&mut self.indexes) {
            index.in_force = if adopt { index.staged } else { index.in_force };
            index.staged = false;
            if index.in_force && index.columns.iter().all(|number| live.contains(number)) {
                kept.push(index);
            } else {
                store.run(&format!("DROP INDEX IF EXISTS {}", self.index_name(&index)), &[])?;
            }
        }
        self.indexes = kept;
        Ok(())
    }
}

impl Tables {
    /// The table of a collection.
    #[must_use]
    pub(super) fn get(&self, collection: &CollectionName) -> Option<&Table> {
        self.by_name.get(collection)
    }

    /// The collections that have a table, in order.
    pub(super) fn collections(&self) -> impl Iterator<Item = &CollectionName> {
        self.by_name.keys()
    }

    /// What the SQL executor may read.
    ///
    /// # Errors
    /// `internal` if what was stored makes no sense.
    pub(super) fn layout(&self) -> Result<Layout> {
        let mut layout = Layout::default();
        for (name, table) in &self.by_name {
            let columns = table.in_force().map(|column| Ok((column.path()?, column.number)));
            let built = table.indexes.iter().filter(|index| index.in_force && index.built);
            let read = ReadTable {
                number: table.number,
                columns: columns.collect::<Result<_>>()?,
                indexes: built.map(|index| index.columns.clone()).collect(),
            };
            layout.insert(name.clone(), read);
        }
        Ok(layout)
    }

    /// Makes the table of a collection, with the indexes that the schema in force wants of it and those that a
    /// staged one wants. Does nothing if it is there.
    ///
    /// # Errors
    /// `too_many` past [`COLLECTIONS`].
    pub(super) fn create(
        &mut self,
        collection: &CollectionName,
        in_force: &[Vec<Path>],
        staged: Option<(&[Vec<Path>], &BTreeSet<Path>)>,
        store: &mut impl Store,
    ) -> Result<()> {
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
        let mut table = Table { number, columns: Vec::new(), indexes: Vec::new() };
        table.stage(in_force, &BTreeSet::new(), store)?;
        table.settle(true, store)?;
        if let Some((sets, moved)) = staged {
            table.stage(sets, moved, store)?;
        }
        while table.build_next(store)? {}
        self.by_name.insert(collection.clone(), table);
        Ok(())
    }

    /// The table of a collection, to change its columns.
    pub(super) fn get_mut(&mut self, collection: &CollectionName) -> Option<&mut Table> {
        self.by_name.get_mut(collection)
    }

    /// Makes the next index that is wanted and not there. Says whether there was one.
    ///
    /// # Errors
    /// `internal` if SQLite fails.
    pub(super) fn build_next(&mut self, store: &mut impl Store) -> Result<bool> {
        for table in self.by_name.values_mut() {
            if table.build_next(store)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The staged schema comes into force (`true`), or is given up (`false`), in every table.
    ///
    /// # Errors
    /// `internal` if SQLite fails.
    pub(super) fn settle(&mut self, adopt: bool, store: &mut impl Store) -> Result<()> {
        self.by_name.values_mut().try_for_each(|table| table.settle(adopt, store))
    }
}
