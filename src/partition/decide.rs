//! Deciding a batch: what it reads still holds, each operation works out, and the whole keeps every constraint.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::constraint;
use super::permitted::blindly;
use super::read;
use super::state::{State, collection_of};
use super::workspace::{After, Entry, Workspace, without_system};
use crate::batch::{Change, Operation, Read, patch};
use crate::error::{Code, Error, Result, refuse};
use crate::id::DocumentRef;
use crate::limits::STEP_DOCUMENTS;
use crate::query::condition::{Scope, holds_in};
use crate::query::selection::{Among, Selection, Source};
use crate::query::sql::SqlSource;
use crate::query::tree::{Condition, Order, Relation};
use crate::rules::Permit;
use crate::schema::document::{Context, Origin, fit, settable};
use crate::store::Store;
use crate::time::Time;
use crate::value::{Map, Path, Value};
use crate::wire::Precondition;

/// What deciding needs.
pub(super) struct Deciding<'a, S: Store> {
    pub(super) store: &'a mut S,
    pub(super) state: &'a State,
    /// What whoever sent the batch may see and do.
    pub(super) permit: &'a Permit,
    pub(super) work: Workspace,
    /// Documents of the workspace that were held against constraints, as the staged schema will have them.
    pub(super) coming: BTreeMap<DocumentRef, Map<String, Value>>,
    /// Which document of the workspace claimed the values of a unique set last; it may have let go of them since.
    pub(super) claims: BTreeMap<String, DocumentRef>,
    /// Of new documents, the fields with rules that the system filled in.
    pub(super) filled: BTreeMap<DocumentRef, BTreeMap<String, Value>>,
    /// Of documents that were there, the hidden fields that operations give a value.
    pub(super) blind: BTreeMap<DocumentRef, BTreeSet<String>>,
    /// The time of the commit, if it comes to one.
    pub(super) time: Time,
    pub(super) new_id: &'a mut dyn FnMut() -> String,
}

impl<'a, S: Store> Deciding<'a, S> {
    /// Nothing is decided yet.
    pub(super) fn new(
        store: &'a mut S,
        state: &'a State,
        permit: &'a Permit,
        time: Time,
        new_id: &'a mut dyn FnMut() -> String,
    ) -> Self {
        Deciding {
            store,
            state,
            permit,
            work: Workspace::default(),
            coming: BTreeMap::new(),
            claims: BTreeMap::new(),
            filled: BTreeMap::new(),
            blind: BTreeMap::new(),
            time,
            new_id,
        }
    }

    /// Decides a batch: afterwards the workspace holds what is to be written.
    pub(super) fn decide(&mut self, reads: &[Read], operations: &mut [Operation]) -> Result<()> {
        for (index, read) in reads.iter().enumerate() {
            self.verify(read).map_err(|error| error.with("read", index))?;
        }
        if operations.len() > 1 {
            let documents: Vec<DocumentRef> = operations.iter().map(|operation| operation.document.clone()).collect();
            self.work.load_all(&documents, &self.state.layout, self.store)?;
        }
        for (index, operation) in operations.iter_mut().enumerate() {
            self.apply(operation).map_err(|error| about(error, operation).with("operation", index))?;
        }
        self.work.reveal();
        let documents: Vec<DocumentRef> = self.work.changed().to_vec();
        // Whoever may not do it hears nothing of what it would come to.
        self.permitted_before(&documents)?;
        constraint::cascade(self).map_err(|error| self.discreet(error, &documents))?;
        self.permitted_after(&documents)?;
        constraint::keep_all(self).map_err(|error| self.discreet(error, &documents))
    }

    fn verify(&mut self, read: &Read) -> Result<()> {
        match read {
            Read::Document { document, version } => {
                self.look_at(document)?;
                let now = self.work.get(document).and_then(Entry::version);
                if now == *version {
                    return Ok(());
                }
                let detail = format!("{document} has changed since it was read: read again and decide anew.");
                Err(Error::new(Code::Conflict, detail).with("document", document.to_string()).with("version", now))
            }
            Read::Query { query, digest } => {
                if self.permit.bound().is_none() {
                    read::known(query, self.state)?;
                }
                let query = self.permit.restrict((**query).clone(), &self.state.schema)?;
                let answer = read::query(&query, None, self.state, self.store)?;
                if answer.digest == *digest {
                    return Ok(());
                }
                refuse(Code::Conflict, "A query that the batch read has another answer now: ask again and decide anew.")
            }
        }
    }

    /// Works out one operation, of which it takes the body.
    pub(super) fn apply(&mut self, operation: &mut Operation) -> Result<()> {
        let document = &operation.document;
        self.look_at(document)?;
        let entry = self.work.get(document);
        let (there, version) = (entry.is_some_and(Entry::is_there), entry.and_then(Entry::version));
        match operation.only_if {
            Some(Precondition::Version(wanted)) if version != Some(wanted) => {
                let detail = match version {
                    Some(version) => format!("{document} has version {version}, not {wanted}: read it again."),
                    None => format!("{document} is not there, let alone at version {wanted}."),
                };
                return Err(Error::new(Code::VersionMismatch, detail).with("version", version));
            }
            Some(Precondition::Present) if !there => {
                return refuse(Code::VersionMismatch, format!("{document} is not there."));
            }
            Some(Precondition::Absent) if there => {
                let detail = format!("{document} is there already.");
                return Err(Error::new(Code::VersionMismatch, detail).with("version", version));
            }
            _ => {}
        }
        if let Some(condition) = &operation.condition
            && !self.holds(condition, document)?
        {
            return refuse(Code::CheckFailed, format!("The operation's `if` does not hold of {document}."));
        }
        let missing = || refuse(Code::NotFound, format!("{document} is not there."));
        let in_part = self.set_blindly(document, &operation.change)?;
        let after = match &mut operation.change {
            Change::Insert(_) if there => {
                return Err(Error::new(Code::Exists, format!("{document} is there already: replace or patch it."))
                    .with("version", version));
            }
            Change::Insert(body) | Change::Replace(body) => {
                let mut body = own(body, document)?;
                let left_out = self.left_out(document, &body);
                self.keep_hidden(document, &mut body)?;
                let fitted = self.fitted(document, body, Origin::Whole)?;
                self.note_defaults(document, left_out, &fitted);
                After::Document(fitted)
            }
            Change::Patch(_) | Change::Merge(_) | Change::Delete if !there => return missing(),
            Change::Patch(patch) => {
                let collection = collection_of(&self.state.schema, &document.collection);
                let incremented = patch.increment.iter().map(|(path, _)| path);
                let set = patch.set.iter().map(|(path, _)| path).chain(&patch.unset).chain(incremented);
                set.chain(patch.append.iter().map(|(path, _)| path)).try_for_each(|path| settable(collection, path))?;
                let mut members = self.members(document)?;
                let applied = patch::apply(patch, &mut members);
                let fitted = applied.and_then(|()| self.fitted(document, members, Origin::Changed));
                After::Document(fitted.map_err(|error| blindly(error, document, &in_part))?)
            }
            Change::Merge(patch) => {
                let collection = collection_of(&self.state.schema, &document.collection);
                let patch = own(patch, document)?;
                patch.keys().try_for_each(|name| match Path::from_segments(vec![name.clone()]) {
                    Ok(path) => settable(collection, &path),
                    Err(_) => Ok(()),
                })?;
                let mut members = self.members(document)?;
                patch::merge(&mut members, patch);
                let fitted = self.fitted(document, members, Origin::Changed);
                After::Document(fitted.map_err(|error| blindly(error, document, &in_part))?)
            }
            Change::Delete => After::Gone,
            Change::Check(condition) => {
                if self.holds(condition, document)? {
                    return Ok(());
                }
                return refuse(Code::CheckFailed, format!("The check does not hold of {document}."));
            }
        };
        self.work.set(document, after);
        in_part.iter().try_for_each(|field| self.permitted_at_once(document, field))
    }

    fn members(&self, document: &DocumentRef) -> Result<Map<String, Value>> {
        let members = self.work.get(document).map(super::workspace::Entry::members).transpose()?.flatten();
        members.ok_or_else(|| Error::new(Code::NotFound, format!("{document} is not there.")))
    }

    /// The document as the schema in force leaves it, if it fits that and the staged one.
    pub(super) fn fitted(
        &mut self,
        document: &DocumentRef,
        mut members: Map<String, Value>,
        origin: Origin,
    ) -> Result<Map<String, Value>> {
        let mut context = Context { now: self.time, new_id: self.new_id };
        let collection = collection_of(&self.state.schema, &document.collection);
        fit(collection, &document.collection, &mut members, origin, &mut context)?;
        Ok(members)
    }

    /// Whether a condition holds of a document as it is after what was done so far, as far as the principal sees.
    fn holds(&mut self, condition: &Condition, document: &DocumentRef) -> Result<bool> {
        let condition = self.permit.restrict_condition(condition, &document.collection, &self.state.schema)?;
        let view = self.work.load(document, &self.state.layout, self.store)?.view(document)?;
        self.holds_afterwards(&condition, &view)
    }

    /// Whether a condition holds of a document, among what is stored with all that was done so far laid over it.
    pub(super) fn holds_afterwards(&mut self, condition: &Condition, view: &Value) -> Result<bool> {
        let work = std::mem::take(&mut self.work);
        let held = self.holds_among(condition, view, &work);
        self.work = work;
        held
    }

    /// Whether a condition holds of a document, among what is stored with the changes of `work` laid over it.
    pub(super) fn holds_among(&mut self, condition: &Condition, view: &Value, work: &Workspace) -> Result<bool> {
        let failure = RefCell::new(None);
        let stored = Workspace::default();
        let looking = RefCell::new(Looking { store: &mut *self.store, state: self.state, work, stored: &stored });
        let held = along(condition, view, &looking, &failure);
        match failure.into_inner() {
            Some(error) => Err(error),
            None => Ok(held),
        }
    }
}

/// Looking along relations while a condition is evaluated.
struct Looking<'a, S: Store> {
    store: &'a mut S,
    state: &'a State,
    work: &'a Workspace,
    /// Nothing that a batch changed: with it all is as it is stored.
    stored: &'a Workspace,
}

fn along<S: Store>(
    condition: &Condition,
    view: &Value,
    looking: &RefCell<Looking<'_, S>>,
    failure: &RefCell<Option<Error>>,
) -> bool {
    holds_in(condition, &Scope::of(view), &|relation, from, condition| {
        related(relation, from, condition, looking, failure).unwrap_or_else(|error| {
            failure.replace(Some(error));
            false
        })
    })
}

/// Whether a related document satisfies a condition, with what the batch changed laid over what is stored.
fn related<S: Store>(
    relation: &Relation,
    from: &Value,
    condition: &Condition,
    looking: &RefCell<Looking<'_, S>>,
    failure: &RefCell<Option<Error>>,
) -> Result<bool> {
    let id = Path::parse("id")?;
    let (start, end) = match relation {
        Relation::Forward { path, .. } => (path, &id),
        Relation::Reverse { by, .. } => (&id, by),
    };
    let Some(Value::String(value)) = start.get(from) else { return Ok(false) };
    let work = looking.borrow().work;
    let changed: Vec<_> = work.changed_in(relation.collection()).collect();
    for (document, entry) in &changed {
        let view = entry.view(document)?;
        // What the principal has just written it may see.
        if end.get(&view).and_then(Value::as_str) == Some(value)
            && along(&settled(condition, &|_| true), &view, looking, failure)
        {
            return Ok(true);
        }
    }
    // SQL sees only what is stored: what looks on at collections that the batch changed is looked at here.
    let by_hand = looks_at_changed(condition, work);
    let always = Condition::always();
    let mut selection = Selection {
        from: relation.collection(),
        filter: if by_hand { &always } else { condition },
        joins: &[],
        order: vec![Order { path: id.clone(), descending: false }],
        after: None,
        // One row more than those that were looked at above.
        limit: if by_hand { STEP_DOCUMENTS } else { changed.len() + 1 },
        among: Some(Among { path: end.clone(), values: vec![value.clone()] }),
        at: None,
        along: Vec::new(),
        hidden: &[],
    };
    loop {
        let rows = {
            let mut looking = looking.borrow_mut();
            let layout = &looking.state.layout;
            SqlSource::new(looking.store, layout).rows(&selection)?
        };
        let full = rows.len() == selection.limit;
        let mut last = None;
        for row in rows {
            let body = super::workspace::parse_body(&row.body)?;
            let id = id.get(&body).and_then(Value::as_str);
            let is_changed = changed.iter().any(|(document, _)| Some(document.id.as_str()) == id);
            let seen = |rule: &Condition| as_stored(rule, &body, looking, failure);
            if !is_changed && (!by_hand || along(&settled(condition, &seen), &body, looking, failure)) {
                return Ok(true);
            }
            last = id.map(Value::from);
        }
        match last {
            Some(last) if by_hand && full && failure.borrow().is_none() => selection.after = Some(vec![last]),
            _ => return Ok(false),
        }
    }
}

/// A condition on a document, with what `seen` says in place of the rule by which the principal sees that.
fn settled<'c>(condition: &'c Condition, seen: &dyn Fn(&Condition) -> bool) -> Cow<'c, Condition> {
    let is_rule = |one: &Condition| matches!(one, Condition::Seen(_));
    match condition {
        Condition::And(all) if all.iter().any(is_rule) => {
            Cow::Owned(Condition::And(all.iter().map(|one| settled(one, seen).into_owned()).collect()))
        }
        Condition::Seen(rule) if seen(rule) => Cow::Owned(Condition::always()),
        Condition::Seen(_) => Cow::Owned(Condition::never()),
        _ => Cow::Borrowed(condition),
    }
}

/// Whether a condition holds among all documents as they are stored.
fn as_stored<S: Store>(
    condition: &Condition,
    view: &Value,
    looking: &RefCell<Looking<'_, S>>,
    failure: &RefCell<Option<Error>>,
) -> bool {
    let stored = looking.borrow().stored;
    let work = std::mem::replace(&mut looking.borrow_mut().work, stored);
    let held = along(condition, view, looking, failure);
    looking.borrow_mut().work = work;
    held
}

/// Whether a condition looks along a relation at documents of a collection that the batch changed.
fn looks_at_changed(condition: &Condition, work: &Workspace) -> bool {
    match condition {
        Condition::And(all) | Condition::Or(all) => all.iter().any(|one| looks_at_changed(one, work)),
        Condition::Not(one) | Condition::Own(one) => looks_at_changed(one, work),
        Condition::Exists(relation, inner) => {
            work.changed_in(relation.collection()).next().is_some() || looks_at_changed(inner, work)
        }
        _ => false,
    }
}

/// A caller's body without the system's members, which it may carry as it was read.
fn own(body: &mut Map<String, Value>, document: &DocumentRef) -> Result<Map<String, Value>> {
    match body.get("id") {
        Some(id) if id.as_str() != Some(document.id.as_str()) => Err(Error::new(
            Code::InvalidDocument,
            format!("The body's `id` is not that of {document}: leave it out, or make them agree."),
        )
        .with("path", "id")),
        _ => Ok(without_system(std::mem::take(body))),
    }
}

/// An error, with the document that it is about.
pub(super) fn about(error: Error, operation: &Operation) -> Error {
    if error.members.contains_key("document") { error } else { error.with("document", operation.document.to_string()) }
}

/// Refuses a document of another key than this partition's.
pub(super) fn same_home(document: &DocumentRef, state: &State) -> Result<()> {
    crate::batch::decode::same_key(document, &state.home.key)
}
