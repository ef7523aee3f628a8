//! What a catalog keeps.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Code, Error, Result};
use crate::id::{DatabaseName, Key, KeyName};
use crate::settings::{KeySets, Settings};
use crate::store::{Cell, Store};
use crate::time::Time;
use crate::wire::{Credential, Grant, Progress, SchemaText, from_json};

/// The state of a database, but for the keys in use: small, and always written whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// The database's name: an alarm brings none.
    pub(super) db: DatabaseName,
    /// Rises with every change.
    pub(super) epoch: u64,
    /// The epoch that every partition must be done with.
    pub(super) must: u64,
    /// The epoch since which there are several keys.
    pub(super) crowded: u64,
    /// The schema in force.
    pub(super) schema: SchemaText,
    /// The epoch since which it is.
    pub(super) since: u64,
    /// The schema that is being surveyed.
    pub(super) staged: Option<SchemaText>,
    /// The last version given to a schema, refused ones included.
    pub(super) last_version: u64,
    /// Documents that the survey found, as problems.
    pub(super) offenders: Vec<Value>,
    /// The last schema that was refused, until another is put.
    pub(super) refused: Option<Refused>,
    /// The API keys.
    pub(super) credentials: Vec<Credential>,
    /// The settings.
    #[serde(default)]
    pub(super) settings: Settings,
    /// How often settings were put.
    #[serde(default)]
    pub(super) settings_version: u64,
    /// The epoch since which the settings are as they are.
    #[serde(default)]
    pub(super) settings_since: u64,
    /// The keys of issuers that were fetched.
    #[serde(default)]
    pub(super) jwks: KeySets,
    /// API keys that are revoked, and the epoch that partitions must know for that.
    pub(super) revoked: Vec<(KeyName, u64)>,
    /// The database is being deleted.
    pub(super) dropped: bool,
}

/// A schema that the data there breaks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    pub(super) schema: SchemaText,
    pub(super) offenders: Vec<Value>,
}

impl Record {
    /// What is stored, if there is such a database.
    pub(super) fn load(store: &mut impl Store) -> Result<Option<Record>> {
        let there = store.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'catalog'", &[])?;
        if there.rows.is_empty() {
            return Ok(None);
        }
        match store.run("SELECT record FROM catalog WHERE no = 1", &[])?.rows.first().map(Vec::as_slice) {
            Some([Cell::Text(record)]) => from_json(record).map(Some),
            _ => Ok(None),
        }
    }

    /// Makes the tables of a new database. Its epochs go on after those of one of that name that was deleted, so
    /// that a message about that one is known to be late.
    pub(super) fn create(db: &DatabaseName, store: &mut impl Store) -> Result<()> {
        store.atomically(|store| {
            store.run("CREATE TABLE IF NOT EXISTS catalog(no INTEGER PRIMARY KEY, record TEXT NOT NULL)", &[])?;
            let past = store.run("SELECT record FROM catalog WHERE no = 0", &[])?;
            let past: u64 = match past.rows.first().map(Vec::as_slice) {
                Some([Cell::Text(epoch)]) => from_json(epoch)?,
                _ => 0,
            };
            store.run(
                "CREATE TABLE home(key TEXT PRIMARY KEY, told INTEGER NOT NULL, done INTEGER NOT NULL) WITHOUT ROWID",
                &[],
            )?;
            store.run(
                "CREATE TABLE schema_version(version INTEGER PRIMARY KEY, time INTEGER NOT NULL, text TEXT NOT NULL)",
                &[],
            )?;
            let first = Record {
                db: db.clone(),
                epoch: past + 1,
                must: past + 1,
                crowded: 0,
                schema: SchemaText::default(),
                since: past + 1,
                staged: None,
                last_version: 0,
                offenders: Vec::new(),
                refused: None,
                credentials: Vec::new(),
                settings: Settings::default(),
                settings_version: 0,
                settings_since: 0,
                jwks: KeySets::new(),
                revoked: Vec::new(),
                dropped: false,
            };
            first.save(store)
        })
    }

    /// Forgets the database, but for the epoch that it came to.
    pub(super) fn erase(&self, store: &mut impl Store) -> Result<()> {
        store.atomically(|store| {
            for table in ["home", "schema_version", "audit"] {
                store.run(&format!("DROP TABLE IF EXISTS {table}"), &[])?;
            }
            store.run("DELETE FROM catalog", &[])?;
            let past = Cell::Text(self.epoch.to_string());
            store.run("INSERT INTO catalog(no, record) VALUES (0, ?)", &[past])?;
            Ok(())
        })
    }

    /// Keeps it as it is now.
    pub(super) fn save(&self, store: &mut impl Store) -> Result<()> {
        let text = serde_json::to_string(self).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
        store.run(
            "INSERT INTO catalog(no, record) VALUES (1, ?) ON CONFLICT(no) DO UPDATE SET record = excluded.record",
            &[Cell::Text(text)],
        )?;
        Ok(())
    }

    /// What partitions are told.
    pub(super) fn grant(&self, keys: u64) -> Grant {
        Grant {
            epoch: self.epoch,
            schema: self.schema.clone(),
            staged: self.staged.clone(),
            credentials: self.credentials.clone(),
            settings: self.settings.clone(),
            jwks: self.jwks.clone(),
            alone: keys <= 1,
            dropped: self.dropped,
        }
    }

    /// A schema comes into force.
    pub(super) fn enact(&mut self, schema: SchemaText, time: Time, store: &mut impl Store) -> Result<()> {
        keep_version(&schema, time, store)?;
        self.schema = schema;
        self.turn();
        self.since = self.epoch;
        Ok(())
    }

    /// A change that every partition must be done with.
    pub(super) fn turn(&mut self) {
        self.epoch += 1;
        self.must = self.epoch;
    }
}

fn epoch(value: u64) -> Cell {
    Cell::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// How many keys are in use.
pub(super) fn count(store: &mut impl Store) -> Result<u64> {
    number(store, "SELECT count(*) FROM home", &[])
}

/// How many keys are not done with an epoch.
pub(super) fn undone(must: u64, store: &mut impl Store) -> Result<u64> {
    number(store, "SELECT count(*) FROM home WHERE done < ?", &[epoch(must)])
}

/// How many keys have not been told of an epoch.
pub(super) fn untold(must: u64, store: &mut impl Store) -> Result<u64> {
    number(store, "SELECT count(*) FROM home WHERE told < ?", &[epoch(must)])
}

fn number(store: &mut impl Store, sql: &str, cells: &[Cell]) -> Result<u64> {
    match store.run(sql, cells)?.rows.first().map(Vec::as_slice) {
        Some([Cell::Integer(number)]) => Ok(u64::try_from(*number).unwrap_or(0)),
        _ => Ok(0),
    }
}

/// Some keys that are not done with an epoch, those that were told of it least first.
pub(super) fn behind(must: u64, limit: usize, store: &mut impl Store) -> Result<Vec<Key>> {
    let limit = Cell::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
    keys(store.run("SELECT key FROM home WHERE done < ? ORDER BY told, key LIMIT ?", &[epoch(must), limit])?.rows)
}

/// Some keys that have not been told of an epoch.
pub(super) fn uninformed(must: u64, limit: usize, store: &mut impl Store) -> Result<Vec<Key>> {
    let limit = Cell::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
    keys(store.run("SELECT key FROM home WHERE told < ? ORDER BY told, key LIMIT ?", &[epoch(must), limit])?.rows)
}

/// The keys in use after one, in order.
pub(super) fn keys_after(after: Option<&Key>, limit: usize, store: &mut impl Store) -> Result<Vec<Key>> {
    let limit = Cell::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = match after {
        None => store.run("SELECT key FROM home ORDER BY key LIMIT ?", &[limit])?.rows,
        Some(after) => {
            let after = Cell::Text(after.as_str().to_owned());
            store.run("SELECT key FROM home WHERE key > ? ORDER BY key LIMIT ?", &[after, limit])?.rows
        }
    };
    keys(rows)
}

fn keys(rows: Vec<Vec<Cell>>) -> Result<Vec<Key>> {
    let texts = rows.into_iter().filter_map(|row| match row.into_iter().next() {
        Some(Cell::Text(text)) => Some(text),
        _ => None,
    });
    texts.map(|text| Key::parse(&text)).collect()
}

/// Whether a key is in use.
pub(super) fn is_registered(key: &Key, store: &mut impl Store) -> Result<bool> {
    let found = store.run("SELECT 1 FROM home WHERE key = ?", &[Cell::Text(key.as_str().to_owned())])?;
    Ok(!found.rows.is_empty())
}

/// Takes a key into use.
pub(super) fn register(key: &Key, told: u64, done: u64, store: &mut impl Store) -> Result<()> {
    store.run(
        "INSERT INTO home(key, told, done) VALUES (?, ?, ?)",
        &[Cell::Text(key.as_str().to_owned()), epoch(told), epoch(done)],
    )?;
    Ok(())
}

/// Notes how far a partition is.
pub(super) fn note(key: &Key, progress: &Progress, store: &mut impl Store) -> Result<()> {
    let done = if progress.done { progress.epoch } else { 0 };
    store.run(
        "UPDATE home SET told = max(told, CAST(? AS INTEGER)), done = max(done, CAST(? AS INTEGER)) WHERE key = ?",
        &[epoch(progress.epoch), epoch(done), Cell::Text(key.as_str().to_owned())],
    )?;
    Ok(())
}

/// Keeps a schema that came into force.
fn keep_version(schema: &SchemaText, time: Time, store: &mut impl Store) -> Result<()> {
    store.run(
        "INSERT OR REPLACE INTO schema_version(version, time, text) VALUES (?, ?, ?)",
        &[epoch(schema.version), Cell::Integer(time.micros()), Cell::Text(schema.text.clone())],
    )?;
    Ok(())
}
