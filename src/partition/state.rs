//! What a partition knows, in memory and in its own tables.
//!
//! Everything here is read back from SQL when the actor wakes: nothing is only in memory.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::expiry::Expiry;
use super::survey::Survey;
use super::tables::Tables;
use crate::error::{Code, Error, Result};
use crate::id::{CollectionName, DatabaseName, Key};
use crate::query::sql::Layout;
use crate::schema::decode;
use crate::schema::model::{Collection, Schema};
use crate::schema::paths::index_sets;
use crate::store::{Cell, Store};
use crate::time::{Clock, Time};
use crate::value;
use crate::wire::{Grant, from_json};

/// The format of what is stored. A partition that finds another refuses to touch it.
const FORMAT: &str = "1";

/// What a registered partition knows.
pub(super) struct State {
    /// Whose documents it holds.
    pub(super) home: Home,
    /// What the catalog said last.
    pub(super) grant: Grant,
    /// The schema in force.
    pub(super) schema: Schema,
    /// The schema to come, and how far its survey is.
    pub(super) survey: Option<Survey>,
    /// The tables of documents.
    pub(super) tables: Tables,
    /// The same, as the SQL executor sees them.
    pub(super) layout: Layout,
    /// The clock, after the last commit.
    pub(super) clock: Clock,
    /// The last sequence of the log.
    pub(super) seq: i64,
    /// The time before which nothing is known any more.
    pub(super) kept_from: Time,
    /// The sequence and the time of the oldest row of the log.
    pub(super) oldest: Option<(i64, Time)>,
    /// The documents whose time comes.
    pub(super) expiry: Expiry,
    /// Documents of the former schema are left to be rewritten.
    pub(super) rewriting: bool,
}

/// Which partition this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Home {
    /// The database.
    pub(super) db: DatabaseName,
    /// The key.
    pub(super) key: Key,
}

static EMPTY: Collection = Collection {
    fields: std::collections::BTreeMap::new(),
    indexes: Vec::new(),
    unique: Vec::new(),
    checks: std::collections::BTreeMap::new(),
    closed: false,
    ttl: None,
    relations: std::collections::BTreeMap::new(),
    migrations: Vec::new(),
    computed: Vec::new(),
    rules: None,
};

/// The schema of a collection; of one that is not named, the one that takes any object.
pub(super) fn collection_of<'s>(schema: &'s Schema, name: &CollectionName) -> &'s Collection {
    schema.collections.get(name).unwrap_or(&EMPTY)
}

/// Reads a schema's text as the catalog keeps it.
pub(super) fn read_schema(text: &str) -> Result<Schema> {
    if text.is_empty() {
        return Ok(Schema::default());
    }
    decode::schema(&value::parse(text.as_bytes())?)
}

impl State {
    /// What is stored, if this partition is registered.
    pub(super) fn load(store: &mut impl Store) -> Result<Option<State>> {
        let there = store.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'", &[])?;
        if there.rows.is_empty() {
            return Ok(None);
        }
        match get::<String>(store, "format")? {
            Some(format) if format == FORMAT => {}
            None => return Ok(None),
            Some(other) => {
                return Err(Error::new(
                    Code::Unavailable,
                    format!("This key's data has the format {other}, which this version of Selvedge does not read."),
                ));
            }
        }
        let (Some(home), Some(grant), Some(tables)) =
            (get::<Home>(store, "home")?, get::<Grant>(store, "grant")?, get::<Tables>(store, "tables")?)
        else {
            return Err(Error::new(Code::Internal, "The partition's own records are incomplete."));
        };
        let last = store.run("SELECT seq, time FROM log ORDER BY seq DESC LIMIT 1", &[])?;
        let (seq, time) = match last.rows.first().map(Vec::as_slice) {
            Some([Cell::Integer(seq), Cell::Integer(time)]) => (*seq, *time),
            _ => (0, 0),
        };
        let survey = get::<Survey>(store, "survey")?;
        let layout = tables.layout()?;
        let mut state = State {
            home,
            schema: read_schema(&grant.schema.text)?,
            survey,
            layout,
            tables,
            clock: Clock::after(Time::from_micros(time)),
            seq,
            kept_from: get::<Time>(store, "kept_from")?.unwrap_or(Time::from_micros(0)),
            oldest: oldest(store)?,
            expiry: Expiry::default(),
            rewriting: super::rewrite::is_pending(store)?,
            grant,
        };
        if let Some(survey) = &mut state.survey {
            survey.restore(&state.schema)?;
        }
        state.expiry = Expiry::load(&state, store)?;
        Ok(Some(state))
    }

    /// What a partition knows that is not registered: the grant, and that it holds nothing.
    pub(super) fn unregistered(home: Home, grant: Grant) -> Result<State> {
        Ok(State {
            home,
            schema: read_schema(&grant.schema.text)?,
            survey: None,
            tables: Tables::default(),
            layout: Layout::default(),
            clock: Clock::after(Time::from_micros(0)),
            seq: 0,
            kept_from: Time::from_micros(0),
            oldest: None,
            expiry: Expiry::default(),
            rewriting: false,
            grant,
        })
    }

    /// Makes the tables of a partition that is registered from now on.
    ///
    /// # Errors
    /// `unavailable` if what is granted is a database that was deleted since.
    pub(super) fn create(home: Home, grant: Grant, store: &mut impl Store) -> Result<State> {
        store.atomically(|store| {
            make_meta(store)?;
            if get::<u64>(store, "dropped")?.is_some_and(|dropped| grant.epoch <= dropped) {
                return Err(Error::new(Code::Unavailable, "The database was deleted meanwhile; ask again."));
            }
            store.run(
                "CREATE TABLE IF NOT EXISTS log(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, batch TEXT NOT NULL, \
                 collection INTEGER, id TEXT, kind INTEGER NOT NULL, prev INTEGER, before TEXT)",
                &[],
            )?;
            store.run(
                "CREATE TABLE IF NOT EXISTS receipt(id TEXT PRIMARY KEY, digest TEXT NOT NULL, outcome TEXT NOT NULL) \
                 WITHOUT ROWID",
                &[],
            )?;
            put(store, "home", &home)?;
            put(store, "tables", &Tables::default())?;
            put(store, "grant", &grant)?;
            put(store, "format", FORMAT)?;
            let missing = || Error::new(Code::Internal, "What was just stored is not there.");
            let mut state = State::load(store)?.ok_or_else(missing)?;
            if let Some(staged) = grant.staged {
                // Nothing is here to survey, but what comes from now on must fit.
                Survey::begin(staged, &mut state, store)?;
            }
            Ok(state)
        })
    }

    /// Forgets everything: the database is gone. What remains is up to which epoch, so that a late message does
    /// not bring it back.
    pub(super) fn erase(epoch: u64, store: &mut impl Store) -> Result<()> {
        store.atomically(|store| {
            let tables = store.run(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND (name IN ('log', 'receipt') \
                 OR name GLOB 'd[0-9]*')",
                &[],
            )?;
            for row in tables.rows {
                if let Some(Cell::Text(name)) = row.first() {
                    store.run(&format!("DROP TABLE {name}"), &[])?;
                }
            }
            make_meta(store)?;
            let dropped = get::<u64>(store, "dropped")?.unwrap_or(0).max(epoch);
            store.run("DELETE FROM meta", &[])?;
            put(store, "dropped", &dropped)
        })
    }

    /// Makes the table of a collection if it is not there, as the schemas want it.
    pub(super) fn make_table(&mut self, collection: &CollectionName, store: &mut impl Store) -> Result<()> {
        if self.tables.get(collection).is_some() {
            return Ok(());
        }
        let sets = index_sets(collection_of(&self.schema, collection));
        let staged = self.survey.as_ref();
        let staged = staged.map(|it| (index_sets(collection_of(it.schema(), collection)), it.moved(collection)));
        let staged = staged.as_ref().map(|(sets, moved)| (sets.as_slice(), moved));
        self.tables.create(collection, &sets, staged, store)?;
        self.save_tables(store)
    }

    /// Keeps the tables as they are now.
    pub(super) fn save_tables(&mut self, store: &mut impl Store) -> Result<()> {
        put(store, "tables", &self.tables)?;
        self.layout = self.tables.layout()?;
        Ok(())
    }
}

/// Makes the table of the partition's own records.
fn make_meta(store: &mut impl Store) -> Result<()> {
    store.run("CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID", &[])?;
    Ok(())
}

/// The sequence and the time of the oldest row of the log.
pub(super) fn oldest(store: &mut impl Store) -> Result<Option<(i64, Time)>> {
    let found = store.run("SELECT seq, time FROM log ORDER BY seq LIMIT 1", &[])?;
    match found.rows.first().map(Vec::as_slice) {
        Some([Cell::Integer(seq), Cell::Integer(time)]) => Ok(Some((*seq, Time::from_micros(*time)))),
        _ => Ok(None),
    }
}

/// One of the partition's own records.
pub(super) fn get<T: DeserializeOwned>(store: &mut impl Store, name: &str) -> Result<Option<T>> {
    let found = store.run("SELECT value FROM meta WHERE name = ?", &[Cell::Text(name.to_owned())])?;
    match found.rows.first().and_then(|row| row.first()) {
        Some(Cell::Text(text)) => from_json(text).map(Some),
        _ => Ok(None),
    }
}

/// Keeps one of the partition's own records.
pub(super) fn put<T: Serialize + ?Sized>(store: &mut impl Store, name: &str, record: &T) -> Result<()> {
    let text = serde_json::to_string(record).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
    store.run(
        "INSERT INTO meta(name, value) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        &[Cell::Text(name.to_owned()), Cell::Text(text)],
    )?;
    Ok(())
}

/// Drops one of the partition's own records.
pub(super) fn forget(store: &mut impl Store, name: &str) -> Result<()> {
    store.run("DELETE FROM meta WHERE name = ?", &[Cell::Text(name.to_owned())])?;
    Ok(())
}
