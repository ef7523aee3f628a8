//! Documents whose time has come: the TTL of a collection.
//!
//! A document that another refers to, with `restrict`, stays until that is gone. So that those that stay neither
//! delay nor outnumber those that can go, each collection is gone through in the order of time, and what was tried
//! is tried again after [`TTL_RETRY_US`].

use std::collections::BTreeMap;

use super::commit::{Heading, write};
use super::decide::Deciding;
use super::state::{State, collection_of};
use super::workspace::{After, Workspace};
use crate::batch::{Change, Operation};
use crate::error::Result;
use crate::id::{CollectionName, DocumentRef};
use crate::limits::{TTL_RETRY_US, TTL_STEP_DOCUMENTS};
use crate::moment::Moment;
use crate::rules::Permit;
use crate::schema::document::timestamp;
use crate::store::{Cell, Store};
use crate::time::Time;
use crate::value::Value;

/// The batch that the log names for what happens here. No caller's: a batch id holds no space, so that when rows of
/// this name go, no receipt of a caller's goes with them.
const OWN: &str = "of ttl";

/// Where a document stands in the order of its collection: the text of its time, and its id.
type Place = (String, String);

/// What is known of documents whose time comes.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// The time of the first that was not tried.
    first: Option<Time>,
    /// Up to where documents of a collection were tried and stayed.
    tried: BTreeMap<CollectionName, Place>,
    /// When those are tried again.
    retry: Option<Time>,
}

impl Expiry {
    /// What is known after a look at all collections.
    pub(super) fn load(state: &State, store: &mut impl Store) -> Result<Expiry> {
        let mut expiry = Expiry::default();
        expiry.look(state, store)?;
        Ok(expiry)
    }

    /// When documents are looked for next.
    pub(super) fn next(&self) -> Option<Time> {
        [self.first, self.retry].into_iter().flatten().min()
    }

    fn after(&self, name: &CollectionName) -> [Cell; 2] {
        let (time, id) = self.tried.get(name).cloned().unwrap_or_default();
        [Cell::Text(time), Cell::Text(id)]
    }

    /// Finds the first document that was not tried.
    fn look(&mut self, state: &State, store: &mut impl Store) -> Result<()> {
        let mut first: Option<Time> = None;
        for (name, table, column) in with_ttl(state) {
            let sql =
                format!("SELECT k{column} FROM d{table} WHERE (k{column}, id) > (?, ?) ORDER BY k{column} LIMIT 1");
            if let Some([Cell::Text(text)]) = store.run(&sql, &self.after(name))?.rows.first().map(Vec::as_slice) {
                let time = time_of(text);
                first = Some(first.map_or(time, |earlier| earlier.min(time)));
            }
        }
        self.first = first;
        Ok(())
    }
}

/// A time before 1970 is as good as long ago.
fn time_of(text: &str) -> Time {
    Time::parse(text).unwrap_or(Time::from_micros(0))
}

/// The collections with a TTL that have documents: the name, the number of the table and that of the column.
fn with_ttl(state: &State) -> impl Iterator<Item = (&CollectionName, u32, u32)> {
    state.schema.collections.iter().filter_map(|(name, collection)| {
        let table = state.tables.get(name)?;
        Some((name, table.number, table.column(collection.ttl.as_ref()?, false)?))
    })
}

/// Looks at what was written for documents whose time comes before any that is known of.
pub(super) fn expect(state: &mut State, work: &Workspace) {
    for document in work.changed() {
        let Some(ttl) = &collection_of(&state.schema, &document.collection).ttl else { continue };
        let Some(After::Document(members)) = work.get(document).map(|entry| &entry.after) else { continue };
        let Value::String(text) = super::constraint::at(members, ttl) else { continue };
        let (time, expiry) = (time_of(text), &mut state.expiry);
        expiry.first = Some(expiry.first.map_or(time, |earlier| earlier.min(time)));
        if let Some(tried) = expiry.tried.get_mut(&document.collection)
            && *text <= tried.0
        {
            *tried = (text.clone(), String::new());
        }
    }
}

/// Deletes the next documents whose time has come.
pub(super) fn expire<S: Store>(state: &mut State, store: &mut S, moment: &mut Moment<'_>) -> Result<()> {
    if state.expiry.retry.is_some_and(|retry| retry <= moment.now) {
        state.expiry.tried.clear();
        state.expiry.retry = None;
    }
    let due = due(state, store, moment.now)?;
    let mut all: Vec<Operation> = due.iter().map(|(document, _)| deletion(document)).collect();
    if delete(&mut all, state, store, moment).is_err() {
        let mut stays = false;
        for operation in all {
            stays |= delete(&mut [operation], state, store, moment).is_err();
        }
        if stays {
            let later = Time::from_micros(moment.now.micros().saturating_add(TTL_RETRY_US));
            state.expiry.retry.get_or_insert(later);
            for (document, time) in due {
                let place = (time, document.id.as_str().to_owned());
                state.expiry.tried.insert(document.collection, place);
            }
        }
    }
    let mut expiry = std::mem::take(&mut state.expiry);
    let looked = expiry.look(state, store);
    state.expiry = expiry;
    looked
}

/// The next documents whose time has come, with the text of that. A timestamp has milliseconds and so has what it is
/// compared with: alarms ring at the millisecond.
fn due(state: &State, store: &mut impl Store, now: Time) -> Result<Vec<(DocumentRef, String)>> {
    let mut due = Vec::new();
    for (name, table, column) in with_ttl(state) {
        let sql = format!(
            "SELECT id, k{column} FROM d{table} WHERE (k{column}, id) > (?, ?) AND k{column} <= ? \
             ORDER BY k{column}, id LIMIT ?"
        );
        let left = i64::try_from(TTL_STEP_DOCUMENTS.saturating_sub(due.len())).unwrap_or(0);
        let [time, id] = state.expiry.after(name);
        for row in store.run(&sql, &[time, id, Cell::Text(timestamp(now)), Cell::Integer(left)])?.rows {
            if let Ok([Cell::Text(id), Cell::Text(time)]) = <[Cell; 2]>::try_from(row) {
                due.push((super::survey::document(name, &id)?, time));
            }
        }
    }
    Ok(due)
}

fn deletion(document: &DocumentRef) -> Operation {
    Operation { document: document.clone(), only_if: None, condition: None, change: Change::Delete }
}

fn delete<S: Store>(
    operations: &mut [Operation],
    state: &mut State,
    store: &mut S,
    moment: &mut Moment<'_>,
) -> Result<()> {
    let time = state.clock.clone().tick(moment.now);
    let mut new_id = String::new;
    let everything = Permit::everything();
    let mut deciding = Deciding::new(store, state, &everything, time, &mut new_id);
    deciding.decide(&[], operations)?;
    let work = deciding.work;
    write(store, state, &work, &Heading { batch: OWN, digest: "", time }, |_| None)
}
