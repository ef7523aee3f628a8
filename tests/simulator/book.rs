//! The reference model: what was acknowledged, replayed in the order of its times.

use std::collections::{BTreeMap, BTreeSet};

use selvedge::time::Time;
use serde_json::{Map, Value, json};

/// `accounts/a/1` and what is in it, without the system's members.
pub type Documents = BTreeMap<String, Map<String, Value>>;

/// What a batch does to one document.
#[derive(Clone, Debug)]
pub enum Change {
    Insert(String, Value),
    Put(String, Value),
    Add(String, &'static str, i64),
    Set(String, &'static str, Value),
    Delete(String),
}

/// An acknowledged batch.
#[derive(Clone, Debug)]
pub struct Commit {
    pub time: Time,
    pub changes: Vec<Change>,
    pub versions: Vec<Option<i64>>,
    pub reads: Vec<(String, Option<i64>)>,
}

/// The acknowledged batches of one partition.
#[derive(Default)]
pub struct Book {
    pub commits: Vec<Commit>,
}

/// A state on the way.
pub struct Page {
    pub time: Time,
    pub documents: Documents,
}

pub const OPEN_ORDERS: usize = 3;

impl Book {
    /// Replays everything. Panics where an acknowledged batch could not have been committed there.
    pub fn replay(&mut self) -> Vec<Page> {
        self.commits.sort_by_key(|commit| commit.time);
        let mut documents = Documents::new();
        let mut versions: BTreeMap<String, i64> = BTreeMap::new();
        let (mut pages, mut last, mut last_time) = (Vec::new(), 0, None);
        for commit in &self.commits {
            assert!(last_time.is_none_or(|last| last < commit.time), "two batches at {}: {commit:?}", commit.time);
            last_time = Some(commit.time);
            for (document, version) in &commit.reads {
                assert_eq!(versions.get(document).copied(), *version, "a stale read of {document}: {commit:?}");
            }
            for (change, version) in commit.changes.iter().zip(&commit.versions) {
                apply(change, &mut documents, &mut versions).unwrap_or_else(|wrong| panic!("{wrong}: {commit:?}"));
                let Some(version) = version else { continue };
                assert!(*version > last, "versions do not rise at {commit:?}");
                last = *version;
                versions.insert(named(change).to_owned(), *version);
            }
            holds(&documents).unwrap_or_else(|wrong| panic!("{wrong} after {commit:?}"));
            pages.push(Page { time: commit.time, documents: documents.clone() });
        }
        pages
    }
}

fn named(change: &Change) -> &str {
    match change {
        Change::Insert(document, _)
        | Change::Put(document, _)
        | Change::Add(document, ..)
        | Change::Set(document, ..)
        | Change::Delete(document) => document,
    }
}

fn members(body: &Value) -> Map<String, Value> {
    body.as_object().cloned().unwrap_or_default()
}

fn apply(change: &Change, documents: &mut Documents, versions: &mut BTreeMap<String, i64>) -> Result<(), String> {
    let there = documents.contains_key(named(change));
    match change {
        Change::Insert(document, _) if there => return Err(format!("{document} was there")),
        Change::Insert(document, body) | Change::Put(document, body) => {
            documents.insert(document.clone(), members(body));
        }
        Change::Add(document, field, amount) => {
            let found = documents.get_mut(document).ok_or_else(|| format!("{document} was not there"))?;
            let sum = found.get(*field).and_then(Value::as_i64).unwrap_or(0) + amount;
            found.insert((*field).to_owned(), json!(sum));
        }
        Change::Set(document, field, value) => {
            let found = documents.get_mut(document).ok_or_else(|| format!("{document} was not there"))?;
            found.insert((*field).to_owned(), value.clone());
        }
        Change::Delete(document) => {
            documents.remove(document).ok_or_else(|| format!("{document} was not there"))?;
            versions.remove(document);
            if let Some(id) = document.strip_prefix("orders/") {
                let follow = |name: &String, body: &Map<String, Value>| {
                    name.starts_with("notes/") && body.get("order").and_then(Value::as_str) == Some(id)
                };
                let gone: Vec<String> =
                    documents.iter().filter(|(name, body)| follow(name, body)).map(|(name, _)| name.clone()).collect();
                for name in gone {
                    documents.remove(&name);
                    versions.remove(&name);
                }
            }
        }
    }
    Ok(())
}

/// What must hold of every state.
fn holds(documents: &Documents) -> Result<(), String> {
    let mut emails = BTreeSet::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, body) in documents {
        let text = |field: &str| body.get(field).and_then(Value::as_str);
        if let (true, Some(email)) = (name.starts_with("users/"), text("email"))
            && !emails.insert(email)
        {
            return Err(format!("{email} is there twice"));
        }
        for (field, collection) in [("customer", "customers"), ("order", "orders")] {
            if let Some(id) = text(field)
                && !documents.contains_key(&format!("{collection}/{id}"))
            {
                return Err(format!("{name} refers to {collection}/{id}, which is not there"));
            }
        }
        if let (Some("open"), Some(customer)) = (text("status"), text("customer")) {
            *open.entry(customer).or_default() += 1;
        }
        if body.get("balance").and_then(Value::as_i64).is_some_and(|balance| balance < 0) {
            return Err(format!("{name} is overdrawn"));
        }
    }
    match open.into_iter().find(|(_, many)| *many > OPEN_ORDERS) {
        Some((customer, many)) => Err(format!("{customer} has {many} open orders")),
        None => Ok(()),
    }
}
