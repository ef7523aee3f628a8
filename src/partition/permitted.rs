//! Rules over a batch: what the principal may not read is not there for it, and what it changes is held against the
//! rules as documents were and as they will be.

use super::decide::Deciding;
use super::state::collection_of;
use super::workspace::{After, Entry, Stored, Workspace};
use crate::batch::Change;
use crate::error::{Code, Error, Result};
use crate::id::DocumentRef;
use crate::query::tree::{Condition, Hidden};
use crate::rules::{Action, Bound, refused};
use crate::schema::model::{Default, Rule, Schema};
use crate::store::Store;
use crate::value::{Map, Path, Value};

/// On which side of a batch a rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Of the document as it was, among the others as they were.
    Before,
    /// Of the document as it will be, among the others as they will be.
    After,
}

impl<'a, S: Store> Deciding<'a, S> {
    fn bound(&self) -> Option<&'a Bound> {
        self.permit.bound()
    }

    /// Loads a document, and conceals it from a principal that may not read it: for that one it is not there.
    pub(super) fn look_at(&mut self, document: &DocumentRef) -> Result<()> {
        self.work.load(document, &self.state.layout, self.store)?;
        if !self.sees(document)? {
            self.work.conceal(document);
        }
        Ok(())
    }

    /// Whether the principal may know of a document that was loaded: it may read it, or has just written it.
    pub(super) fn sees(&mut self, document: &DocumentRef) -> Result<bool> {
        let Some(bound) = self.bound() else { return Ok(true) };
        let Some(Entry { before: Some(before), after: After::Untouched }) = self.work.get(document) else {
            return Ok(true);
        };
        let view = before.value()?;
        let rule = bound.rule(Action::Read, &document.collection, &self.state.schema, None);
        self.satisfies(&rule, &view, Side::Before)
    }

    fn satisfies(&mut self, condition: &Condition, view: &Value, side: Side) -> Result<bool> {
        match side {
            Side::Before => self.holds_among(condition, view, &Workspace::default()),
            Side::After => self.holds_afterwards(condition, view),
        }
    }

    /// The fields with rules that a whole document leaves to the system.
    pub(super) fn left_out(&self, document: &DocumentRef, body: &Map<String, Value>) -> Vec<String> {
        let rules = self.bound().and(collection_of(&self.state.schema, &document.collection).rules.as_ref());
        let fields = rules.into_iter().flat_map(|rules| rules.fields.keys());
        fields.filter(|name| !body.contains_key(*name)).cloned().collect()
    }

    /// Notes what the system filled in of a new document: that nobody had to be allowed to set.
    pub(super) fn note_defaults(&mut self, document: &DocumentRef, left_out: Vec<String>, fitted: &Map<String, Value>) {
        if self.bound().is_none() {
            return;
        }
        let filled = left_out.into_iter().filter_map(|name| {
            let value = fitted.get(&name)?.clone();
            Some((name, value))
        });
        self.filled.insert(document.clone(), filled.collect());
    }

    /// Notes the fields that an operation gives a value and that the principal cannot see in the document: whether that is
    /// another value than theirs would tell what theirs is. Gives those that are changed in part, so that what becomes of
    /// them depends on what they are, and that not just anybody may update.
    ///
    /// # Errors
    /// `forbidden` for one of these that the document as it was does not let the principal update.
    pub(super) fn set_blindly(&mut self, document: &DocumentRef, change: &Change) -> Result<Vec<String>> {
        let Some(bound) = self.bound() else { return Ok(Vec::new()) };
        let hidden = bound.hidden(&document.collection, &self.state.schema);
        let before = self.work.get(document).and_then(|entry| entry.before.as_ref());
        let (Some(before), false) = (before, hidden.is_empty()) else { return Ok(Vec::new()) };
        let (before, set) = (before.value()?, set_by(change));
        let collection = collection_of(&self.state.schema, &document.collection);
        let mut in_part = Vec::new();
        for Hidden { name, unless } in hidden {
            let mut ways = set.iter().filter(|(field, _)| *field == name).map(|(_, in_part)| *in_part).peekable();
            if ways.peek().is_none()
                || collection.computed.contains(&name)
                || self.satisfies(&unless, &before, Side::Before)?
            {
                continue;
            }
            if ways.any(|in_part| in_part)
                && let Some(rule) = field_rule(&self.state.schema, document, &name)
            {
                let condition = bound.bind(&rule.condition, Some(&before));
                if !rule.sees_old && !self.satisfies(&condition, &before, Side::Before)? {
                    return Err(refused(Action::Update, document, Some(&name)));
                }
                if !condition.is_always() {
                    in_part.push(name.clone());
                }
            }
            self.blind.entry(document.clone()).or_default().insert(name);
        }
        Ok(in_part)
    }

    /// Asks the rule of a field at once: what follows in the batch could tell what came of a change that is not permitted.
    pub(super) fn permitted_at_once(&mut self, document: &DocumentRef, field: &str) -> Result<()> {
        let Some(rule) = field_rule(&self.state.schema, document, field) else { return Ok(()) };
        let (Some(bound), Some(entry)) = (self.bound(), self.work.get(document)) else { return Ok(()) };
        let (view, old) = (entry.view(document)?, entry.before.as_ref().map(Stored::value).transpose()?);
        match self.field_permitted(bound, rule, &view, old.as_ref())? {
            true => Ok(()),
            false => Err(refused(Action::Update, document, Some(field))),
        }
    }

    /// Puts into a replacement what the principal cannot see of the document that it replaces, so that it stays.
    ///
    /// # Errors
    /// `forbidden` for a value of a field that is computed and hidden: whether it is right would tell it.
    pub(super) fn keep_hidden(&mut self, document: &DocumentRef, body: &mut Map<String, Value>) -> Result<()> {
        let Some(bound) = self.bound() else { return Ok(()) };
        let hidden = bound.hidden(&document.collection, &self.state.schema);
        if hidden.is_empty() {
            return Ok(());
        }
        let entry = self.work.get(document);
        let action = if entry.is_some_and(Entry::is_there) { Action::Update } else { Action::Insert };
        let former = match entry {
            // What a batch deletes and makes again it replaces.
            Some(Entry { before: Some(before), after: After::Gone }) => Some(before.members()?),
            entry => entry.map(Entry::members).transpose()?.flatten(),
        };
        let before = entry.and_then(|entry| entry.before.as_ref()).map(Stored::value).transpose()?;
        let computed = &collection_of(&self.state.schema, &document.collection).computed;
        for hidden in hidden {
            if computed.contains(&hidden.name) {
                if body.contains_key(&hidden.name) {
                    return Err(refused(action, document, Some(&hidden.name)));
                }
                continue;
            }
            let (Some(former), Some(before)) = (&former, &before) else { continue };
            let Some(value) = former.get(&hidden.name).filter(|_| !body.contains_key(&hidden.name)) else { continue };
            if !self.satisfies(&hidden.unless, before, Side::Before)? {
                body.insert(hidden.name, value.clone());
            }
        }
        Ok(())
    }

    /// Asks the rules of documents that operations changed as these were, before anything follows from the changes.
    pub(super) fn permitted_before(&mut self, documents: &[DocumentRef]) -> Result<()> {
        let Some(bound) = self.bound() else { return Ok(()) };
        for document in documents {
            let Some(Entry { before: Some(before), after }) = self.work.get(document) else { continue };
            let view = before.value()?;
            let action = match after {
                After::Untouched => continue,
                After::Gone => Action::Delete,
                After::Document(_) => Action::Update,
            };
            let rules = collection_of(&self.state.schema, &document.collection).rules.as_ref();
            // A rule that looks at the document as it was says itself what it may become, and is asked of that.
            if action == Action::Update && rules.is_some_and(|rules| rules.update.sees_old) {
                continue;
            }
            let rule = bound.rule(action, &document.collection, &self.state.schema, None);
            if !self.satisfies(&rule, &view, Side::Before)? {
                return Err(refused(action, document, None));
            }
        }
        Ok(())
    }

    /// Asks the rules of documents that operations changed as these will be.
    pub(super) fn permitted_after(&mut self, documents: &[DocumentRef]) -> Result<()> {
        let Some(bound) = self.bound() else { return Ok(()) };
        for document in documents {
            let Some(entry) = self.work.get(document) else { continue };
            let After::Document(members) = &entry.after else { continue };
            let (view, members) = (entry.view(document)?, members.clone());
            let old = entry.before.as_ref().map(Stored::value).transpose()?;
            let action = if old.is_some() { Action::Update } else { Action::Insert };
            let rule = bound.rule(action, &document.collection, &self.state.schema, old.as_ref());
            if !self.satisfies(&rule, &view, Side::After)? {
                return Err(refused(action, document, None));
            }
            self.fields_permitted(document, action, &members, &view, old.as_ref())?;
            if self.work.is_concealed(document) {
                return Err(Error::new(Code::Exists, format!("{document} is there already: choose another id.")));
            }
        }
        Ok(())
    }

    fn fields_permitted(
        &mut self,
        document: &DocumentRef,
        action: Action,
        members: &Map<String, Value>,
        view: &Value,
        old: Option<&Value>,
    ) -> Result<()> {
        let state = self.state;
        let collection = collection_of(&state.schema, &document.collection);
        let (Some(bound), Some(rules)) = (self.bound(), &collection.rules) else { return Ok(()) };
        for (name, rule) in rules.fields.iter().filter_map(|(name, rules)| Some((name, rules.update.as_ref()?))) {
            if collection.computed.contains(name) {
                continue;
            }
            let now = members.get(name).unwrap_or(&Value::Null);
            let filled = self.filled.get(document).and_then(|filled| filled.get(name));
            let is_set = match old {
                _ if self.blind.get(document).is_some_and(|blind| blind.contains(name)) => true,
                Some(old) => {
                    let before = old.get(name).unwrap_or(&Value::Null);
                    before != now && !(before.is_null() && filled == Some(now))
                }
                None => {
                    let default = match collection.fields.get(name).and_then(|field| field.default.as_ref()) {
                        Some(Default::Value(value)) => value,
                        _ => &Value::Null,
                    };
                    now != filled.unwrap_or(&Value::Null) && now != default && !now.is_null()
                }
            };
            if is_set && !self.field_permitted(bound, rule, view, old)? {
                return Err(refused(action, document, Some(name)));
            }
        }
        Ok(())
    }

    fn field_permitted(&mut self, bound: &Bound, rule: &Rule, view: &Value, old: Option<&Value>) -> Result<bool> {
        // Before it was there, nothing was in it.
        let condition = bound.bind(&rule.condition, Some(old.unwrap_or(&Value::Null)));
        let before = match old {
            Some(old) if !rule.sees_old => self.satisfies(&condition, old, Side::Before)?,
            _ => true,
        };
        Ok(before && self.satisfies(&condition, view, Side::After)?)
    }

    /// An error as far as the principal may know of what it is about: of the documents that its operations are on, and of
    /// no other.
    pub(super) fn discreet(&self, mut error: Error, documents: &[DocumentRef]) -> Error {
        if self.bound().is_none() {
            return error;
        }
        let about = error.members.get("document").and_then(Value::as_str).map(str::to_owned);
        let is_known = |about: &String| documents.iter().any(|document| document.to_string() == *about);
        let is_own = about.as_ref().is_none_or(is_known);
        if !is_own {
            error.members.remove("document");
        }
        match error.code {
            Code::Internal | Code::Unavailable => {}
            Code::UniqueViolation => {
                error.members.remove("with");
                "Another document has the same values.".clone_into(&mut error.detail);
            }
            Code::RefViolation if error.members.remove("referrer").is_some() => {
                "It cannot be deleted: other documents refer to it.".clone_into(&mut error.detail);
            }
            _ if !is_own => {
                error.members.clear();
                "What goes along with it cannot be done.".clone_into(&mut error.detail);
            }
            _ => {}
        }
        error
    }
}

/// The rule of updates of a field, if it has one.
fn field_rule<'s>(schema: &'s Schema, document: &DocumentRef, field: &str) -> Option<&'s Rule> {
    collection_of(schema, &document.collection).rules.as_ref()?.fields.get(field)?.update.as_ref()
}

/// The fields that a change gives a value, and whether only a part of it.
fn set_by(change: &Change) -> Vec<(&str, bool)> {
    let whole = |path: &Path| path.tail().is_none();
    match change {
        Change::Insert(body) | Change::Replace(body) => body.keys().map(|name| (name.as_str(), false)).collect(),
        Change::Merge(patch) => patch.iter().map(|(name, value)| (name.as_str(), value.is_object())).collect(),
        Change::Patch(patch) => {
            let set =
                patch.set.iter().map(|(path, _)| path).chain(&patch.unset).map(|path| (path.head(), !whole(path)));
            let incremented = patch.increment.iter().map(|(path, _)| (path.head(), true));
            set.chain(incremented).chain(patch.append.iter().map(|(path, _)| (path.head(), true))).collect()
        }
        Change::Delete | Change::Check(_) => Vec::new(),
    }
}

/// An error of a change of some fields in part, which may tell of them: the same as where it is no error.
pub(super) fn blindly(error: Error, document: &DocumentRef, in_part: &[String]) -> Error {
    match in_part.first() {
        Some(field) if error.code != Code::Internal => refused(Action::Update, document, Some(field)),
        _ => error,
    }
}
