//! Constraints: references, unique sets, and what the staged schema asks.
//!
//! They are kept at the end of a batch, so that its operations may pass through states that break them.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::Deciding;
use super::key::cell;
use super::state::collection_of;
use super::workspace::{After, Entry, Stored, parse_body};
use crate::batch::decode::same_key;
use crate::error::{Code, Error, Result, refuse};
use crate::id::{CollectionName, DocumentId, DocumentRef};
use crate::limits::CASCADE_DOCUMENTS;
use crate::query::selection::{Among, Selection, Source};
use crate::query::sql::SqlSource;
use crate::query::tree::Condition;
use crate::schema::document::Origin;
use crate::schema::model::{OnDelete, Schema};
use crate::schema::paths::{references, references_to};
use crate::store::{Cell, Store};
use crate::value::{Map, Path, Value, sort_key};

/// Holds every changed document against every constraint.
pub(super) fn keep_all<S: Store>(deciding: &mut Deciding<'_, S>) -> Result<()> {
    let changed: Vec<DocumentRef> = deciding.work.changed().to_vec();
    changed.iter().try_for_each(|document| keep(deciding, document, true))
}

/// Holds one changed document against every constraint that can be seen from it. `held` says that what is stored of
/// it still holds: then what stays the same is not looked at again.
pub(super) fn keep<S: Store>(deciding: &mut Deciding<'_, S>, document: &DocumentRef, held: bool) -> Result<()> {
    let Some(entry) = deciding.work.get(document) else { return Ok(()) };
    let After::Document(members) = &entry.after else { return Ok(()) };
    let schema = &deciding.state.schema;
    let survey = deciding.state.survey.as_ref();
    let collection = collection_of(schema, &document.collection);
    if survey.is_none() && collection.unique.is_empty() && references(collection).is_empty() {
        return Ok(());
    }
    let members = members.clone();
    let before = entry.before.as_ref().filter(|_| held).map(Stored::members).transpose()?;
    let in_error = |error: Error| error.with("document", document.to_string());
    refer(deciding, document, schema, false, &members, before.as_ref()).map_err(in_error)?;
    unique(deciding, document, schema, false, &members, before.as_ref()).map_err(in_error)?;
    if let Some(survey) = survey {
        let coming =
            survey.fitted(&document.collection, document.id.as_str(), &members, deciding.time).map_err(|error| {
                let detail = format!(
                    "{} (So says version {} of the schema, which is coming into force.)",
                    error.detail,
                    survey.version()
                );
                in_error(Error { detail, ..error })
            })?;
        deciding.coming.insert(document.clone(), coming.clone());
        refer(deciding, document, survey.schema(), true, &coming, None).map_err(in_error)?;
        if survey.is_surveyed() {
            unique(deciding, document, survey.schema(), true, &coming, None).map_err(in_error)?;
        }
    }
    Ok(())
}

/// What stands at a path of a document without the system's members.
pub(super) fn at<'v>(members: &'v Map<String, Value>, path: &Path) -> &'v Value {
    let mut segments = path.segments().iter();
    let first = segments.next().and_then(|segment| members.get(segment));
    segments.fold(first, |at, segment| at?.as_object()?.get(segment)).unwrap_or(&Value::Null)
}

fn refer<S: Store>(
    deciding: &mut Deciding<'_, S>,
    document: &DocumentRef,
    schema: &Schema,
    staged: bool,
    members: &Map<String, Value>,
    before: Option<&Map<String, Value>>,
) -> Result<()> {
    for reference in references(collection_of(schema, &document.collection)) {
        let value = at(members, &reference.path);
        let Value::String(id) = value else { continue };
        // What was referred to before is still there, unless this batch deletes it: then it is loaded.
        let same = before.is_some_and(|before| at(before, &reference.path) == value);
        let target = target(reference.target, id, &reference.path)?;
        if same && deciding.work.get(&target).is_none() {
            continue;
        }
        same_key(&target, &deciding.state.home.key)?;
        let is_there = deciding.work.load(&target, &deciding.state.layout, deciding.store)?.is_there();
        // What may not be read is not there; but a reference that stays was made by somebody who saw it.
        if !is_there || (!staged && !same && !deciding.sees(&target)?) {
            return Err(broken(&reference.path, &target));
        }
    }
    Ok(())
}

/// The document that a reference names.
pub(super) fn target(collection: &CollectionName, id: &str, path: &Path) -> Result<DocumentRef> {
    let id = DocumentId::parse(id).map_err(|error| error.with("path", path.to_string()))?;
    Ok(DocumentRef { collection: collection.clone(), id })
}

/// A reference to a document that is not there.
pub(super) fn broken(path: &Path, target: &DocumentRef) -> Error {
    Error::new(
        Code::RefViolation,
        format!("`{path}` refers to {target}, which is not there: insert that first, or in the same batch."),
    )
    .with("path", path.to_string())
    .with("target", target.to_string())
}

fn unique<S: Store>(
    deciding: &mut Deciding<'_, S>,
    document: &DocumentRef,
    schema: &Schema,
    staged: bool,
    members: &Map<String, Value>,
    before: Option<&Map<String, Value>>,
) -> Result<()> {
    for set in &collection_of(schema, &document.collection).unique {
        let values: Vec<&Value> = set.iter().map(|path| at(members, path)).collect();
        let same = before.is_some_and(|before| set.iter().zip(&values).all(|(path, value)| at(before, path) == *value));
        if same || values.iter().any(|value| value.is_null()) {
            continue;
        }
        let claim = Claim { staged, collection: &document.collection, set, values: &values };
        let text = claim.text();
        match deciding.claims.get(&text) {
            Some(other) if other != document && claim.is_made_by(other, deciding) => {
                return Err(taken(set, other.id.as_str()));
            }
            _ => deciding.claims.insert(text, document.clone()),
        };
        let Some(table) = deciding.state.tables.get(&document.collection) else { continue };
        let mut sql = format!("SELECT id FROM d{} WHERE ", table.number);
        let mut cells = Vec::new();
        for (path, value) in set.iter().zip(&values) {
            let Some(column) = table.column(path, staged) else {
                return refuse(Code::Internal, format!("The unique path {path} has no column."));
            };
            let (place, bound) = cell(&sort_key(value));
            sql.push_str(&format!("{}k{column} = {place}", if cells.is_empty() { "" } else { " AND " }));
            cells.push(bound);
        }
        // There is one holder at most, since the constraint holds of what is stored.
        sql.push_str(" LIMIT 2");
        for row in deciding.store.run(&sql, &cells)?.rows {
            let Some(Cell::Text(id)) = row.first() else { continue };
            let other = DocumentRef { collection: document.collection.clone(), id: DocumentId::parse(id)? };
            let is_changed = deciding.work.get(&other).is_some_and(|entry| entry.after != After::Untouched);
            if other != *document && (!is_changed || claim.is_made_by(&other, deciding)) {
                return Err(taken(set, id));
            }
        }
    }
    Ok(())
}

/// The values of a unique set that a document of a batch will have.
struct Claim<'c> {
    staged: bool,
    collection: &'c CollectionName,
    set: &'c [Path],
    values: &'c [&'c Value],
}

impl Claim<'_> {
    /// The claim as a text that no other claim has.
    fn text(&self) -> String {
        let paths: Vec<&[String]> = self.set.iter().map(Path::segments).collect();
        serde_json::json!([self.staged, self.collection, paths, self.values]).to_string()
    }

    /// Whether a document of the batch makes the same claim, as it is now. One that was not held against the staged
    /// schema yet will meet this claim when it is.
    fn is_made_by<S: Store>(&self, other: &DocumentRef, deciding: &Deciding<'_, S>) -> bool {
        let theirs = if self.staged { deciding.coming.get(other) } else { deciding.work.written(other) };
        theirs.is_some_and(|theirs| self.set.iter().zip(self.values).all(|(path, value)| at(theirs, path) == *value))
    }
}

/// Unique values that another document has.
pub(super) fn taken(set: &[Path], by: &str) -> Error {
    let paths: Vec<String> = set.iter().map(Path::to_string).collect();
    Error::new(Code::UniqueViolation, format!("Another document has the same {}: {by}.", paths.join(", ")))
        .with("paths", paths)
        .with("with", by)
}

/// Does to those that refer to deleted documents what the schema says. First everything goes that goes along; then
/// what stays is held against the other rules, so that the order of deletes does not matter.
pub(super) fn cascade<S: Store>(deciding: &mut Deciding<'_, S>) -> Result<()> {
    let mut gone = gone(deciding);
    let mut search = Search { named: deciding.work.changed().iter().cloned().collect(), reached: 0 };
    let mut known = 0;
    while let Some(deleted @ [_, ..]) = gone.get(known..) {
        let found = search.referrers(deciding, deleted, |rule| rule == OnDelete::Cascade)?;
        known = gone.len();
        for Referrer { document, .. } in found {
            let stays = |entry: &Entry| entry.after != After::Gone && goes_along(deciding, entry);
            if deciding.work.get(&document).is_some_and(stays) {
                deciding.work.set(&document, After::Gone);
                gone.push(document);
            }
        }
    }
    let mut cleared = BTreeSet::new();
    for Referrer { document, path, target, on_delete } in
        search.referrers(deciding, &gone, |rule| rule != OnDelete::Cascade)?
    {
        if on_delete == OnDelete::Clear {
            clear(deciding, &document, &path)?;
            cleared.insert(document);
            continue;
        }
        return Err(Error::new(
            Code::RefViolation,
            format!("{target} cannot be deleted: `{path}` of {document} refers to it."),
        )
        .with("document", target.to_string())
        .with("referrer", document.to_string()));
    }
    still_to_come(deciding)?;
    for document in cleared {
        let Some(members) = deciding.work.written(&document).cloned() else { continue };
        let fitted = deciding.fitted(&document, members, Origin::Changed);
        let fitted = fitted.map_err(|error| error.with("document", document.to_string()))?;
        deciding.work.set(&document, After::Document(fitted));
    }
    Ok(())
}

/// Refuses to delete what documents will refer to that the survey has seen already, by what they will have then.
fn still_to_come<S: Store>(deciding: &mut Deciding<'_, S>) -> Result<()> {
    let state = deciding.state;
    let Some(survey) = &state.survey else { return Ok(()) };
    let mut deleted: BTreeMap<CollectionName, Vec<String>> = BTreeMap::new();
    for document in gone(deciding) {
        deleted.entry(document.collection).or_default().push(document.id.as_str().to_owned());
    }
    for (collection, ids) in deleted {
        for (from, path, _) in references_to(survey.schema(), &collection) {
            let Some(table) = state.tables.get(&from) else { continue };
            let Some(column) = table.staged_alone(&path) else { continue };
            let sql = format!("SELECT id FROM d{} WHERE k{column} IN (SELECT value FROM json_each(?))", table.number);
            for row in deciding.store.run(&sql, &[Cell::Text(Value::from(ids.clone()).to_string())])?.rows {
                let Some(Cell::Text(id)) = row.first() else { continue };
                let referrer = DocumentRef { collection: from.clone(), id: DocumentId::parse(id)? };
                // What the batch changes is held against the staged schema as it is then.
                let entry = deciding.work.load(&referrer, &state.layout, deciding.store)?;
                let (After::Untouched, Some(members)) = (&entry.after, entry.members()?) else { continue };
                // One that the survey has not seen may have an older value there.
                let Ok(coming) = survey.fitted(&from, id, &members, deciding.time) else { continue };
                let Some(target) = at(&coming, &path).as_str().filter(|target| ids.iter().any(|id| id == target))
                else {
                    continue;
                };
                let deleted = format!("{collection}/{target}");
                return Err(Error::new(
                    Code::RefViolation,
                    format!("{deleted} cannot be deleted: `{path}` of {referrer} is about to refer to it."),
                )
                .with("document", deleted)
                .with("referrer", referrer.to_string()));
            }
        }
    }
    Ok(())
}

/// Whether a document that goes takes others along, and goes along with them. What a batch makes under rules does not: it
/// may be there already, where nobody must hear of it.
fn goes_along<S: Store>(deciding: &Deciding<'_, S>, entry: &Entry) -> bool {
    entry.before.is_some() || deciding.permit.bound().is_none()
}

/// The documents that the batch itself deletes.
fn gone<S: Store>(deciding: &Deciding<'_, S>) -> Vec<DocumentRef> {
    let goes = |entry: &Entry| entry.after == After::Gone && goes_along(deciding, entry);
    let is_gone = |document: &&DocumentRef| deciding.work.get(document).is_some_and(goes);
    deciding.work.changed().iter().filter(is_gone).cloned().collect()
}

/// Makes a reference null. What the schema says to that is asked when all is done.
fn clear<S: Store>(deciding: &mut Deciding<'_, S>, referrer: &DocumentRef, path: &Path) -> Result<()> {
    let entry = deciding.work.load(referrer, &deciding.state.layout, deciding.store)?;
    let Some(mut members) = entry.members()? else { return Ok(()) };
    let patch = crate::batch::Patch { set: vec![(path.clone(), Value::Null)], ..Default::default() };
    crate::batch::patch::apply(&patch, &mut members)?;
    deciding.work.set(referrer, After::Document(members));
    Ok(())
}

/// What becomes of references to a collection's documents when those go, by where they stand.
fn rules<S: Store>(
    deciding: &Deciding<'_, S>,
    target: &CollectionName,
) -> Result<BTreeMap<(CollectionName, Path), OnDelete>> {
    let mut rules = BTreeMap::new();
    if let Some(survey) = &deciding.state.survey {
        for (from, path, _) in references_to(survey.schema(), target) {
            rules.insert((from.clone(), survey.former(&from, &path)?), OnDelete::Restrict);
            rules.insert((from, path), OnDelete::Restrict);
        }
    }
    let in_force = references_to(&deciding.state.schema, target);
    rules.extend(in_force.into_iter().map(|(from, path, on_delete)| ((from, path), on_delete)));
    Ok(rules)
}

/// A document that refers to a deleted one, after what the batch did.
struct Referrer {
    document: DocumentRef,
    path: Path,
    target: DocumentRef,
    on_delete: OnDelete,
}

/// Deleted documents whose referrers are looked for by one statement.
const SOUGHT: usize = 256;

/// The search for those who refer to deleted documents.
struct Search {
    /// What the batch itself changed: looked at as it is now, not as it is stored.
    named: BTreeSet<DocumentRef>,
    /// References that were found in documents that the batch does not name.
    reached: usize,
}

impl Search {
    /// Who refers to the deleted documents under rules of some kind. They are loaded.
    fn referrers<S: Store>(
        &mut self,
        deciding: &mut Deciding<'_, S>,
        deleted: &[DocumentRef],
        wanted: fn(OnDelete) -> bool,
    ) -> Result<Vec<Referrer>> {
        let mut sought: BTreeMap<&CollectionName, BTreeSet<&str>> = BTreeMap::new();
        for document in deleted {
            sought.entry(&document.collection).or_default().insert(document.id.as_str());
        }
        let mut found = Vec::new();
        for (collection, ids) in sought {
            for ((from, path), on_delete) in rules(deciding, collection)?.into_iter().filter(|(_, rule)| wanted(*rule))
            {
                let mut find = |document: DocumentRef, id: &str| {
                    let target = DocumentRef { collection: collection.clone(), id: DocumentId::parse(id)? };
                    found.push(Referrer { document, path: path.clone(), target, on_delete });
                    Ok::<_, Error>(())
                };
                for document in self.named.iter().filter(|document| document.collection == from) {
                    if let Some(After::Document(members)) = deciding.work.get(document).map(|entry| &entry.after)
                        && let Value::String(id) = at(members, &path)
                        && ids.contains(id.as_str())
                    {
                        find(document.clone(), id)?;
                    }
                }
                let ids: Vec<&str> = ids.iter().copied().collect();
                for some in ids.chunks(SOUGHT) {
                    for (document, id) in self.stored(deciding, &from, &path, some)? {
                        find(document, &id)?;
                    }
                }
            }
        }
        Ok(found)
    }

    /// The stored documents that the batch does not name and that refer to one of these ids, with the id.
    fn stored<S: Store>(
        &mut self,
        deciding: &mut Deciding<'_, S>,
        from: &CollectionName,
        path: &Path,
        ids: &[&str],
    ) -> Result<Vec<(DocumentRef, String)>> {
        let selection = Selection {
            from,
            filter: &Condition::always(),
            joins: &[],
            order: Vec::new(),
            after: None,
            limit: CASCADE_DOCUMENTS + self.named.len() + 1,
            among: Some(Among { path: path.clone(), values: ids.iter().map(|id| (*id).to_owned()).collect() }),
            at: None,
            along: Vec::new(),
            hidden: &[],
        };
        let mut stored = Vec::new();
        for row in SqlSource::new(deciding.store, &deciding.state.layout).rows(&selection)? {
            let body = parse_body(&row.body)?;
            let (Some(id), Some(target)) = (body.get("id").and_then(Value::as_str), row.among) else { continue };
            let document = DocumentRef { collection: from.clone(), id: DocumentId::parse(id)? };
            let is_gone = deciding.work.get(&document).is_some_and(|entry| entry.after == After::Gone);
            if is_gone || self.named.contains(&document) {
                continue;
            }
            self.reached += 1;
            if self.reached > CASCADE_DOCUMENTS {
                let detail = format!(
                    "A deletion and what goes with it reaches more than {CASCADE_DOCUMENTS} documents: delete those that refer to it first."
                );
                return refuse(Code::TooLarge, detail);
            }
            stored.push((document, target));
        }
        let documents: Vec<DocumentRef> = stored.iter().map(|(document, _)| document.clone()).collect();
        deciding.work.load_all(&documents, &deciding.state.layout, deciding.store)?;
        Ok(stored)
    }
}
