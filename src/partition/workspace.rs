//! The documents that a batch is about, as they were and as it leaves them.
//!
//! A batch is worked out here, in memory, before anything is written: whatever fails leaves no trace.

use std::collections::{BTreeMap, HashMap};

use crate::error::{Code, Error, Result, refuse};
use crate::id::{CollectionName, DocumentRef};
use crate::query::sql::Layout;
use crate::store::{Cell, Store};
use crate::value::{Map, Value};

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    /// Its version: the sequence of its last commit.
    pub(super) seq: i64,
    /// The sequence at which it was inserted.
    pub(super) born: i64,
    /// Its projection.
    pub(super) body: String,
}

/// What a batch leaves of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum After {
    /// What was there, if anything.
    Untouched,
    /// This, without the system's members.
    Document(Map<String, Value>),
    /// Nothing.
    Gone,
}

/// One document of a batch.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// As it was.
    pub(super) before: Option<Stored>,
    /// As it will be.
    pub(super) after: After,
}

impl Entry {
    /// Whether it is there after what was done so far.
    pub(super) fn is_there(&self) -> bool {
        match self.after {
            After::Untouched => self.before.is_some(),
            After::Document(_) => true,
            After::Gone => false,
        }
    }

    /// The version that conditions and preconditions see: that of the last commit.
    pub(super) fn version(&self) -> Option<i64> {
        self.before.as_ref().filter(|_| self.is_there()).map(|stored| stored.seq)
    }

    /// The document without the system's members, as it is after what was done so far.
    pub(super) fn members(&self) -> Result<Option<Map<String, Value>>> {
        match (&self.after, &self.before) {
            (After::Document(members), _) => Ok(Some(members.clone())),
            (After::Untouched, Some(stored)) => stored.members().map(Some),
            _ => Ok(None),
        }
    }

    /// The whole document as conditions see it; null where it is not there.
    pub(super) fn view(&self, document: &DocumentRef) -> Result<Value> {
        match (&self.after, &self.before) {
            (After::Untouched, Some(stored)) => stored.value(),
            (After::Document(members), before) => {
                let mut members = members.clone();
                members.insert("id".to_owned(), Value::from(document.id.as_str()));
                if let Some(Value::Object(system)) = before.as_ref().map(Stored::value).transpose()? {
                    members.extend(system.into_iter().filter(|(name, _)| name.starts_with('_')));
                }
                Ok(Value::Object(members))
            }
            _ => Ok(Value::Null),
        }
    }
}

impl Stored {
    /// The projection as a value.
    pub(super) fn value(&self) -> Result<Value> {
        parse_body(&self.body)
    }

    /// The document without the system's members.
    pub(super) fn members(&self) -> Result<Map<String, Value>> {
        match self.value()? {
            Value::Object(members) => Ok(without_system(members)),
            _ => refuse(Code::Internal, "A stored document is no object."),
        }
    }
}

/// A stored projection as a value.
pub(super) fn parse_body(body: &str) -> Result<Value> {
    serde_json::from_str(body)
        .map_err(|wrong| Error::new(Code::Internal, format!("A stored document is damaged: {wrong}")))
}

/// A document without `id`, `_version` and `_time`.
pub(super) fn without_system(mut members: Map<String, Value>) -> Map<String, Value> {
    for name in ["id", "_version", "_time"] {
        members.remove(name);
    }
    members
}

/// The documents of a batch, in the order in which they were first changed.
#[derive(Default)]
pub(super) struct Workspace {
    entries: HashMap<DocumentRef, Entry>,
    changed: Vec<DocumentRef>,
    /// What is stored of documents that the batch must take to be absent.
    concealed: BTreeMap<DocumentRef, Stored>,
}

impl Workspace {
    /// The entry of a document, read from the store if it is new here.
    pub(super) fn load(
        &mut self,
        document: &DocumentRef,
        layout: &Layout,
        store: &mut impl Store,
    ) -> Result<&mut Entry> {
        if !self.entries.contains_key(document) {
            let before = read(document, layout, store)?;
            self.entries.insert(document.clone(), Entry { before, after: After::Untouched });
        }
        self.entries.get_mut(document).ok_or_else(|| Error::new(Code::Internal, "An entry vanished."))
    }

    /// Reads many documents at once, those that are not here yet.
    pub(super) fn load_all(
        &mut self,
        documents: &[DocumentRef],
        layout: &Layout,
        store: &mut impl Store,
    ) -> Result<()> {
        let mut wanted: BTreeMap<&CollectionName, Vec<&str>> = BTreeMap::new();
        for document in documents.iter().filter(|document| !self.entries.contains_key(document)) {
            wanted.entry(&document.collection).or_default().push(document.id.as_str());
        }
        let mut found = BTreeMap::new();
        for (collection, ids) in wanted {
            let Some(table) = layout.get(collection) else { continue };
            // As a join, which reads the list as it goes: `IN` would make a table of it first.
            let sql = format!(
                "SELECT d.id, d.seq, d.born, d.body FROM json_each(?) AS wanted CROSS JOIN d{} AS d ON d.id = wanted.value",
                table.number
            );
            let ids = Cell::Text(Value::from(ids).to_string());
            for row in store.run(&sql, &[ids])?.rows {
                if let Ok([Cell::Text(id), rest @ ..]) = <[Cell; 4]>::try_from(row) {
                    found.insert((collection.clone(), id), stored(rest)?);
                }
            }
        }
        for document in documents {
            let at = || (document.collection.clone(), document.id.as_str().to_owned());
            let before = if found.is_empty() { None } else { found.remove(&at()) };
            self.entries.entry(document.clone()).or_insert(Entry { before, after: After::Untouched });
        }
        Ok(())
    }

    /// The same documents as they were loaded, those of one batch.
    pub(super) fn part(&self, documents: impl Iterator<Item = DocumentRef>) -> Workspace {
        let entries = documents.filter_map(|document| Some((document.clone(), self.entries.get(&document)?.clone())));
        Workspace { entries: entries.collect(), ..Workspace::default() }
    }

    /// Whether there is anything to be written.
    pub(super) fn changes_something(&self) -> bool {
        let entries = self.changed.iter().filter_map(|document| self.entries.get(document));
        entries.into_iter().any(|entry| match entry.after {
            After::Untouched => false,
            After::Document(_) => true,
            After::Gone => entry.before.is_some(),
        })
    }

    /// Takes a document to be absent, without a look: its id was made just now.
    pub(super) fn expect_nothing(&mut self, document: &DocumentRef) {
        self.entries.insert(document.clone(), Entry { before: None, after: After::Untouched });
    }

    /// Takes a document that was loaded to be absent, though it is not.
    pub(super) fn conceal(&mut self, document: &DocumentRef) {
        if let Some(before) = self.entries.get_mut(document).and_then(|entry| entry.before.take()) {
            self.concealed.insert(document.clone(), before);
        }
    }

    /// Whether a document was taken to be absent.
    pub(super) fn is_concealed(&self, document: &DocumentRef) -> bool {
        self.concealed.contains_key(document)
    }

    /// Lets the concealed documents that the batch leaves alone, or seemed to make and delete, be seen as they are, by what
    /// follows from the batch.
    pub(super) fn reveal(&mut self) {
        for (document, before) in &self.concealed {
            let Some(entry) = self.entries.get_mut(document) else { continue };
            match entry.after {
                After::Document(_) => continue,
                After::Gone => self.changed.retain(|changed| changed != document),
                After::Untouched => {}
            }
            *entry = Entry { before: Some(before.clone()), after: After::Untouched };
        }
    }

    /// The entry of a document that was loaded.
    pub(super) fn get(&self, document: &DocumentRef) -> Option<&Entry> {
        self.entries.get(document)
    }

    /// Leaves something else of a document that was loaded.
    pub(super) fn set(&mut self, document: &DocumentRef, after: After) {
        if let Some(entry) = self.entries.get_mut(document) {
            if entry.after == After::Untouched {
                self.changed.push(document.clone());
            }
            entry.after = after;
        }
    }

    /// Takes a change back, for a line of an import that fails after it was worked out.
    pub(super) fn restore(&mut self, document: &DocumentRef, after: After) {
        if after == After::Untouched {
            self.changed.retain(|changed| changed != document);
        }
        if let Some(entry) = self.entries.get_mut(document) {
            entry.after = after;
        }
    }

    /// What a changed document will be, if it is there afterwards.
    pub(super) fn written(&self, document: &DocumentRef) -> Option<&Map<String, Value>> {
        match &self.entries.get(document)?.after {
            After::Document(members) => Some(members),
            _ => None,
        }
    }

    /// The documents that were changed, in order.
    pub(super) fn changed(&self) -> &[DocumentRef] {
        &self.changed
    }

    /// The changed documents of a collection.
    pub(super) fn changed_in<'w>(
        &'w self,
        collection: &'w CollectionName,
    ) -> impl Iterator<Item = (&'w DocumentRef, &'w Entry)> {
        let of_it = self.changed.iter().filter(move |document| document.collection == *collection);
        of_it.filter_map(|document| Some((document, self.entries.get(document)?)))
    }
}

/// Reads one document.
pub(super) fn read(document: &DocumentRef, layout: &Layout, store: &mut impl Store) -> Result<Option<Stored>> {
    let Some(table) = layout.get(&document.collection) else { return Ok(None) };
    let sql = format!("SELECT seq, born, body FROM d{} WHERE id = ?", table.number);
    let found = store.run(&sql, &[Cell::Text(document.id.as_str().to_owned())])?;
    match found.rows.into_iter().next().map(<[Cell; 3]>::try_from) {
        Some(Ok(row)) => stored(row).map(Some),
        _ => Ok(None),
    }
}

fn stored(row: [Cell; 3]) -> Result<Stored> {
    match row {
        [Cell::Integer(seq), Cell::Integer(born), Cell::Text(body)] => Ok(Stored { seq, born, body }),
        _ => refuse(Code::Internal, "A document's row is damaged."),
    }
}
