//! Rewriting the documents that a new schema changes: migrations, fills, computed fields.
//!
//! It follows the moment the schema comes into force. Up to [`STEPS_AT_ONCE`] steps happen in that same block, so
//! in all but very large collections nobody ever sees a document of the former shape. Until it is done, the
//! partition answers `unavailable`.

use serde::{Deserialize, Serialize};

use super::commit::{Heading, write};
use super::state::{State, forget, get, put, read_schema};
use super::survey::{document, refit};
use super::workspace::{After, Workspace, without_system};
use crate::error::{Code, Error, Result};
use crate::id::CollectionName;
use crate::limits::STEP_DOCUMENTS;
use crate::schema::change::change;
use crate::store::{Cell, Store};
use crate::time::Time;
use crate::value::Value;
use crate::wire::SchemaText;

/// Steps of [`STEP_DOCUMENTS`] that are carried out in the block in which a schema comes into force.
const STEPS_AT_ONCE: usize = 5;

/// What is left to rewrite.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rewrite {
    from: SchemaText,
    todo: Vec<CollectionName>,
    after: i64,
}

impl Rewrite {
    /// Begins rewriting documents of the schema `from` as the schema in force wants them.
    pub(super) fn begin(
        from: SchemaText,
        todo: Vec<CollectionName>,
        state: &mut State,
        store: &mut impl Store,
        now: Time,
    ) -> Result<()> {
        if todo.is_empty() {
            return Ok(());
        }
        put(store, "rewrite", &Rewrite { from, todo, after: 0 })?;
        state.rewriting = true;
        for _ in 0..STEPS_AT_ONCE {
            if step(state, store, now)? {
                break;
            }
        }
        Ok(())
    }
}

/// Whether documents of the former shape are left.
pub(super) fn is_pending(store: &mut impl Store) -> Result<bool> {
    Ok(get::<Rewrite>(store, "rewrite")?.is_some())
}

/// Rewrites the next documents. Says whether none are left.
pub(super) fn step(state: &mut State, store: &mut impl Store, now: Time) -> Result<bool> {
    if !state.rewriting {
        return Ok(true);
    }
    let Some(mut rewrite) = get::<Rewrite>(store, "rewrite")? else { return Ok(true) };
    let Some(name) = rewrite.todo.first().cloned() else { return finish(state, store) };
    let former = read_schema(&rewrite.from.text)?;
    let mut changes = change(&former, &state.schema);
    let migrations = changes.remove(&name).map(|change| change.migrations).unwrap_or_default();
    let mut time = state.clock.clone();
    let time = time.tick(now);
    let (mut work, mut seen) = (Workspace::default(), 0);
    if let Some(table) = state.tables.get(&name) {
        let sql = format!("SELECT no, id FROM d{} WHERE no > ? ORDER BY no LIMIT ?", table.number);
        let limit = i64::try_from(STEP_DOCUMENTS).unwrap_or(i64::MAX);
        for row in store.run(&sql, &[Cell::Integer(rewrite.after), Cell::Integer(limit)])?.rows {
            let Ok([Cell::Integer(no), Cell::Text(id)]) = <[Cell; 2]>::try_from(row) else {
                return Err(Error::new(Code::Internal, "A document's row is damaged."));
            };
            seen += 1;
            rewrite.after = no;
            let document = document(&name, &id)?;
            let entry = work.load(&document, &state.layout, store)?;
            let Some(Value::Object(members)) =
                entry.before.as_ref().map(super::workspace::Stored::value).transpose()?
            else {
                continue;
            };
            let members = without_system(members);
            let coming = refit(&state.schema, &migrations, &name, members.clone(), time)?;
            if coming != members {
                work.set(&document, After::Document(coming));
            }
        }
    }
    // With a space, as no batch id of a caller: see `upkeep`.
    let batch = format!("schema {}", state.grant.schema.version);
    write(store, state, &work, &Heading { batch: &batch, digest: "", time }, |_| None)?;
    if seen < STEP_DOCUMENTS {
        rewrite.todo.remove(0);
        rewrite.after = 0;
    }
    if rewrite.todo.is_empty() {
        return finish(state, store);
    }
    put(store, "rewrite", &rewrite)?;
    Ok(false)
}

fn finish(state: &mut State, store: &mut impl Store) -> Result<bool> {
    forget(store, "rewrite")?;
    state.rewriting = false;
    Ok(true)
}
