//! What lies between two schemas: what must be done to the documents that are there.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Collection, Default, Field, Kind, Migration, Schema};
use super::paths::{index_sets, kind_at, references};
use crate::id::CollectionName;
use crate::value::{Map, Path, Value};

/// What one collection's change of schema asks for, in the order in which it is to be done.
#[derive(Clone, Debug, std::default::Default, PartialEq)]
pub struct Change {
    /// Steps that rewrite every document: those that the new schema lists beyond the old one's list, then a fill
    /// for every field that has become required and has a value as its default.
    pub migrations: Vec<Migration>,
    /// Computed fields must be computed anew in every document, after the migrations.
    pub recompute: bool,
    /// Every document must be fitted to the new schema: it may break it, or (timestamps) take another form by it.
    pub revalidate: bool,
    /// Unique sets that were not there, or whose values the documents get by this very change: existing documents
    /// may share values.
    pub unique_added: Vec<Vec<Path>>,
    /// References that were not there or point elsewhere now: existing ones may point to nothing.
    pub references_added: Vec<Path>,
    /// Indexes to build.
    pub indexes_added: Vec<Vec<Path>>,
    /// Indexes to drop.
    pub indexes_dropped: Vec<Vec<Path>>,
}

impl Change {
    /// Whether documents and indexes stay as they are.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Change::default()
    }
}

/// What lies between two schemas, for each collection where it is not nothing. A collection that a schema does
/// not name is as one that takes any object.
#[must_use]
pub fn change(old: &Schema, new: &Schema) -> BTreeMap<CollectionName, Change> {
    let any = Collection::default();
    let names: BTreeSet<&CollectionName> = old.collections.keys().chain(new.collections.keys()).collect();
    let of = |name| between(old.collections.get(name).unwrap_or(&any), new.collections.get(name).unwrap_or(&any));
    names.into_iter().map(|name| (name.clone(), of(name))).filter(|(_, change)| !change.is_nothing()).collect()
}

fn between(old: &Collection, new: &Collection) -> Change {
    let migrations = migrations(old, new);
    let computed = |of: &Collection, name: &str| of.fields.get(name).and_then(|field| field.computed.clone());
    let recompute =
        new.computed.iter().any(|name| !migrations.is_empty() || computed(old, name) != computed(new, name));
    let revalidate = recompute || !migrations.is_empty() || narrows(old, new);

    let moves = |path: &Path| {
        let migrated = migrations.iter().any(|step| match step {
            Migration::Rename { from, to } => path.head() == from || path.head() == to,
            Migration::Drop(name) | Migration::Fill(name, _) => path.head() == name,
        });
        let computed = recompute && new.computed.iter().any(|name| name == path.head());
        migrated || computed || (revalidate && kind_at(old, path) != kind_at(new, path))
    };
    let unique_added =
        without(&new.unique, |set| old.unique.iter().any(|other| same_set(set, other)) && !set.iter().any(moves));

    let targets = |of| -> Vec<_> { references(of).into_iter().map(|found| (found.path, found.target)).collect() };
    let former = targets(old);
    let references_added =
        targets(new).into_iter().filter(|reference| !former.contains(reference)).map(|(path, _)| path).collect();
    let (indexes, former) = (index_sets(new), index_sets(old));
    Change {
        migrations,
        recompute,
        revalidate,
        unique_added,
        references_added,
        indexes_added: without(&indexes, |set| former.contains(set)),
        indexes_dropped: without(&former, |set| indexes.contains(set)),
    }
}

fn without(sets: &[Vec<Path>], known: impl Fn(&Vec<Path>) -> bool) -> Vec<Vec<Path>> {
    sets.iter().filter(|set| !known(set)).cloned().collect()
}

/// A unique set is the same constraint in any order.
pub(super) fn same_set(left: &[Path], right: &[Path]) -> bool {
    left.len() == right.len() && left.iter().all(|path| right.contains(path))
}

fn migrations(old: &Collection, new: &Collection) -> Vec<Migration> {
    // A list that goes on where the old one ended has had its beginning carried out.
    let listed = new.migrations.strip_prefix(old.migrations.as_slice()).unwrap_or(&new.migrations);
    let fills = new.fields.iter().filter_map(|(name, field)| {
        let was_required = old.fields.get(name).is_some_and(|former| !former.optional);
        match &field.default {
            Some(Default::Value(value)) if !field.optional && !was_required => {
                Some(Migration::Fill(name.clone(), value.clone()))
            }
            _ => None,
        }
    });
    listed.iter().cloned().chain(fills).collect()
}

/// Whether a document that satisfied the old schema may break the new one.
fn narrows(old: &Collection, new: &Collection) -> bool {
    let checks = |of: &Collection| {
        let own = of.fields.iter().filter_map(|(name, field)| Some((Some(name.clone()), field.check.clone()?)));
        own.chain(of.checks.values().map(|check| (None, check.clone()))).collect::<Vec<_>>()
    };
    let former = checks(old);
    checks(new).iter().any(|check| !former.contains(check))
        || fields_narrow((&old.fields, old.closed), (&new.fields, new.closed))
}

type Fields<'s> = (&'s BTreeMap<String, Field>, bool);

fn fields_narrow((old, was_closed): Fields<'_>, (new, closed): Fields<'_>) -> bool {
    if closed && (!was_closed || old.keys().any(|name| !new.contains_key(name))) {
        return true;
    }
    new.iter().any(|(name, field)| match old.get(name) {
        // Where nothing undeclared could be, an optional field finds nothing that breaks it.
        None => !(was_closed && field.optional),
        Some(former) => (former.optional && !field.optional) || kind_narrows(&former.kind, &field.kind),
    })
}

fn kind_narrows(old: &Kind, new: &Kind) -> bool {
    match (old, new) {
        (_, Kind::Json) | (Kind::Int, Kind::Float) => false,
        (Kind::Enum(_) | Kind::Timestamp | Kind::Bytes | Kind::Ref { .. }, Kind::String) => false,
        // Whether the targets are there is asked apart: `references_added`.
        (Kind::Ref { .. }, Kind::Ref { .. }) => false,
        (Kind::Enum(former), Kind::Enum(values)) => former.iter().any(|value| !values.contains(value)),
        (Kind::Array(former), Kind::Array(items)) => kind_narrows(former, items),
        (Kind::Object { fields: former, closed: was_closed }, Kind::Object { fields, closed }) => {
            fields_narrow((former, *was_closed), (fields, *closed))
        }
        _ => old != new,
    }
}

/// Carries out migration steps on a document, in order. Says whether it changed.
pub fn migrate(migrations: &[Migration], document: &mut Map<String, Value>) -> bool {
    let mut changed = false;
    for migration in migrations {
        changed |= match migration {
            Migration::Rename { from, to } => match document.remove(from) {
                Some(value) => {
                    document.insert(to.clone(), value);
                    true
                }
                None => false,
            },
            Migration::Drop(name) => document.remove(name).is_some(),
            Migration::Fill(name, value) => {
                let fills = document.get(name).is_none_or(Value::is_null);
                if fills {
                    document.insert(name.clone(), value.clone());
                }
                fills
            }
        };
    }
    changed
}
