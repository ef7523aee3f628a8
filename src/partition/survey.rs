//! The survey that precedes a new schema: does every document fit what is to come?
//!
//! It goes through the documents in bounded steps while reads and writes go on. On its way it fills the columns of
//! new indexes, then builds those indexes, then looks for values that a new unique set would have twice. From its
//! first step on, every write must fit both schemas, so what was surveyed stays surveyed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::commit::measure;
use super::constraint::{at, broken, target};
use super::key::{cell, keys_of};
use super::state::{State, collection_of, put, read_schema};
use super::workspace::{parse_body, without_system};
use crate::batch::decode::same_key;
use crate::error::{Code, Error, Result};
use crate::id::{CollectionName, DocumentRef};
use crate::limits::{OFFENDERS, STEP_DOCUMENTS};
use crate::schema::change::{Change, change, migrate};
use crate::schema::document::{Context, Origin, fit};
use crate::schema::model::{Migration, Schema};
use crate::schema::paths::{index_sets, indexed_paths, references};
use crate::store::{Cell, Store};
use crate::time::Time;
use crate::value::{Map, Path, Value};
use crate::wire::SchemaText;

/// How far the survey for a staged schema is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Survey {
    staged: SchemaText,
    todo: Vec<CollectionName>,
    after: i64,
    surveyed: bool,
    /// Collections whose documents will have to be rewritten.
    pub(super) rewrites: BTreeSet<CollectionName>,
    /// Documents that do not fit, as problems; the first few.
    pub(super) offenders: Vec<Value>,
    #[serde(skip)]
    schema: Schema,
    #[serde(skip)]
    changes: BTreeMap<CollectionName, Change>,
}

impl Survey {
    /// Begins the survey for a staged schema: the tables get the columns it wants.
    pub(super) fn begin(staged: SchemaText, state: &mut State, store: &mut impl Store) -> Result<()> {
        let mut survey = Survey {
            staged,
            todo: Vec::new(),
            after: 0,
            surveyed: false,
            rewrites: BTreeSet::new(),
            offenders: Vec::new(),
            schema: Schema::default(),
            changes: BTreeMap::new(),
        };
        survey.restore(&state.schema)?;
        let stored: Vec<CollectionName> = state.tables.collections().cloned().collect();
        for name in stored {
            let collection = collection_of(&survey.schema, &name);
            let sets = index_sets(collection);
            let change = survey.changes.get(&name);
            // What is to come is looked through before documents are rewritten: it needs columns of its own.
            let moved = survey.moved(&name);
            if let Some(table) = state.tables.get_mut(&name) {
                match table.stage(&sets, &moved, store) {
                    Err(error) if error.code == Code::InvalidSchema => {
                        survey.offenders.push(json!({
                            "collection": name, "code": error.code.as_str(), "detail": error.detail,
                        }));
                        survey.surveyed = true;
                    }
                    staged => staged?,
                }
            }
            let Some(change) = change else { continue };
            if change.revalidate || !change.references_added.is_empty() || !change.indexes_added.is_empty() {
                survey.todo.push(name.clone());
            }
            if !change.migrations.is_empty() || change.recompute {
                survey.rewrites.insert(name);
            }
        }
        state.save_tables(store)?;
        put(store, "survey", &survey)?;
        state.survey = Some(survey);
        Ok(())
    }

    /// Makes what is not stored from what is.
    pub(super) fn restore(&mut self, in_force: &Schema) -> Result<()> {
        self.schema = read_schema(&self.staged.text)?;
        self.changes = change(in_force, &self.schema);
        Ok(())
    }

    /// The schema that is to come into force.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Its version.
    pub(super) fn version(&self) -> u64 {
        self.staged.version
    }

    /// Whether every document was seen, and fits. With one that does not the schema will be given up.
    pub(super) fn is_surveyed(&self) -> bool {
        self.surveyed && self.offenders.is_empty()
    }

    /// Notes that a collection's documents will have to be rewritten. Says whether that is news.
    pub(super) fn will_rewrite(&mut self, collection: &CollectionName) -> bool {
        self.rewrites.insert(collection.clone())
    }

    /// The indexed paths of a collection whose values are about to change.
    pub(super) fn moved(&self, collection: &CollectionName) -> BTreeSet<Path> {
        self.changes.get(collection).map(|change| change.moved.clone()).unwrap_or_default()
    }

    /// Where what will stand at a path stands in documents of the schema in force.
    pub(super) fn former(&self, name: &CollectionName, path: &Path) -> Result<Path> {
        let mut segments = path.segments().to_vec();
        for migration in self.changes.get(name).into_iter().flat_map(|change| change.migrations.iter().rev()) {
            if let (Migration::Rename { from, to }, Some(head)) = (migration, segments.first_mut())
                && to == head
            {
                head.clone_from(from);
            }
        }
        Path::from_segments(segments)
    }

    /// A document of the schema in force as the staged one will have it.
    ///
    /// # Errors
    /// What a write of it would be refused for: when the schema is in force, it must be there.
    pub(super) fn fitted(
        &self,
        name: &CollectionName,
        id: &str,
        members: &Map<String, Value>,
        now: Time,
    ) -> Result<Map<String, Value>> {
        let migrations = self.changes.get(name).map_or(&[][..], |change| &change.migrations);
        let coming = refit(&self.schema, migrations, name, members.clone(), now)?;
        let paths = indexed_paths(collection_of(&self.schema, name));
        keys_of(paths.iter().map(|path| (0, path.segments())), &coming)?;
        if coming != *members {
            measure(id, &coming)?;
        }
        Ok(coming)
    }
}

/// A document after migrations, as a schema leaves it.
pub(super) fn refit(
    schema: &Schema,
    migrations: &[Migration],
    name: &CollectionName,
    mut members: Map<String, Value>,
    now: Time,
) -> Result<Map<String, Value>> {
    migrate(migrations, &mut members);
    // A document that is there already gets no defaults, so no id is asked for.
    let mut context = Context { now, new_id: &mut String::new };
    fit(collection_of(schema, name), name, &mut members, Origin::Changed, &mut context)?;
    Ok(members)
}

/// One step of the survey, if there is one and it is not done. Says whether it is done.
pub(super) fn step(state: &mut State, store: &mut impl Store, now: Time) -> Result<bool> {
    let Some(mut survey) = state.survey.take() else { return Ok(true) };
    let outcome = advance(&mut survey, state, store, now);
    state.survey = Some(survey);
    outcome
}

fn advance(survey: &mut Survey, state: &mut State, store: &mut impl Store, now: Time) -> Result<bool> {
    if survey.surveyed || survey.offenders.len() >= OFFENDERS {
        return Ok(true);
    }
    store.atomically(|store| {
        if let Some(name) = survey.todo.first().cloned() {
            if look_through(survey, &name, state, store, now)? {
                survey.todo.remove(0);
                survey.after = 0;
            }
        } else if survey.offenders.is_empty() && state.tables.build_next(store)? {
            state.save_tables(store)?;
        } else {
            if survey.offenders.is_empty() {
                twice(survey, state, store)?;
            }
            survey.surveyed = true;
        }
        put(store, "survey", survey)
    })?;
    Ok(survey.surveyed || survey.offenders.len() >= OFFENDERS)
}

/// Looks through the next documents of a collection. Says whether those were the last.
fn look_through(
    survey: &mut Survey,
    name: &CollectionName,
    state: &State,
    store: &mut impl Store,
    now: Time,
) -> Result<bool> {
    let Some(table) = state.tables.get(name) else { return Ok(true) };
    let sql = format!("SELECT no, id, body FROM d{} WHERE no > ? ORDER BY no LIMIT ?", table.number);
    let limit = i64::try_from(STEP_DOCUMENTS).unwrap_or(i64::MAX);
    let rows = store.run(&sql, &[Cell::Integer(survey.after), Cell::Integer(limit)])?.rows;
    let last = rows.len() < STEP_DOCUMENTS;
    for row in rows {
        let Ok([Cell::Integer(no), Cell::Text(id), Cell::Text(body)]) = <[Cell; 3]>::try_from(row) else {
            return Err(Error::new(Code::Internal, "A document's row is damaged."));
        };
        survey.after = no;
        let Value::Object(members) = parse_body(&body)? else { continue };
        let members = without_system(members);
        let fitted = survey.fitted(name, &id, &members, now).and_then(|coming| {
            refers(survey, name, &coming, state, store)?;
            keys_of(table.paths_staged(), &coming).map(|keys| (coming, keys))
        });
        match fitted {
            Ok((coming, keys)) => {
                if coming != members {
                    survey.rewrites.insert(name.clone());
                }
                if !keys.is_empty() {
                    let mut cells = Vec::with_capacity(keys.len() + 1);
                    let mut sets = Vec::with_capacity(keys.len());
                    for (column, key) in &keys {
                        let (place, bound) = cell(key);
                        sets.push(format!("k{column} = {place}"));
                        cells.push(bound);
                    }
                    cells.push(Cell::Integer(no));
                    store.run(&format!("UPDATE d{} SET {} WHERE no = ?", table.number, sets.join(", ")), &cells)?;
                }
            }
            Err(error) if error.code == Code::Internal => return Err(error),
            Err(error) => {
                survey.offenders.push(offender(name, &id, &error));
                if survey.offenders.len() >= OFFENDERS {
                    break;
                }
            }
        }
    }
    Ok(last)
}

/// Whether the references that the staged schema adds lead somewhere.
fn refers(
    survey: &Survey,
    name: &CollectionName,
    members: &Map<String, Value>,
    state: &State,
    store: &mut impl Store,
) -> Result<()> {
    let Some(change) = survey.changes.get(name) else { return Ok(()) };
    for reference in references(collection_of(&survey.schema, name)) {
        let Value::String(id) = at(members, &reference.path) else { continue };
        if !change.references_added.contains(&reference.path) {
            continue;
        }
        let document = target(reference.target, id, &reference.path)?;
        same_key(&document, &state.home.key)?;
        if super::workspace::read(&document, &state.layout, store)?.is_none() {
            return Err(broken(&reference.path, &document));
        }
    }
    Ok(())
}

/// Looks for documents that share the values of a unique set that the staged schema adds.
fn twice(survey: &mut Survey, state: &State, store: &mut impl Store) -> Result<()> {
    for (name, change) in &survey.changes {
        let Some(table) = state.tables.get(name) else { continue };
        for set in &change.unique_added {
            let columns: Option<Vec<u32>> = set.iter().map(|path| table.column(path, true)).collect();
            let Some(columns) = columns else {
                return Err(Error::new(Code::Internal, "A unique path has no column."));
            };
            let keys: Vec<String> = columns.iter().map(|column| format!("k{column}")).collect();
            let present: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
            let sql = format!(
                "SELECT min(id), max(id), count(*) FROM d{} WHERE {} GROUP BY {} HAVING count(*) > 1 LIMIT ?",
                table.number,
                present.join(" AND "),
                keys.join(", ")
            );
            let limit = i64::try_from(OFFENDERS).unwrap_or(i64::MAX);
            for row in store.run(&sql, &[Cell::Integer(limit)])?.rows {
                if let [Cell::Text(one), Cell::Text(other), ..] = row.as_slice() {
                    let error = super::constraint::taken(set, one);
                    survey.offenders.push(offender(name, other, &error));
                }
            }
        }
    }
    survey.offenders.truncate(OFFENDERS);
    Ok(())
}

fn offender(collection: &CollectionName, id: &str, error: &Error) -> Value {
    let document = format!("{collection}/{id}");
    let mut problem = json!({ "document": document, "code": error.code.as_str(), "detail": error.detail });
    if let (Value::Object(members), Some(path)) = (&mut problem, error.members.get("path")) {
        members.insert("path".to_owned(), path.clone());
    }
    problem
}

/// The document that a name and an id make; for messages and lookups of what is stored.
pub(super) fn document(collection: &CollectionName, id: &str) -> Result<DocumentRef> {
    Ok(DocumentRef { collection: collection.clone(), id: crate::id::DocumentId::parse(id)? })
}
