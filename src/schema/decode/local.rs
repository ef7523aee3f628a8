//! What must hold within one collection.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::{at, bounded, invalid, within};
use crate::error::Result;
use crate::limits::INDEXED_PATHS;
use crate::query::tree::Condition;
use crate::schema::document::is_system_name;
use crate::schema::kind;
use crate::schema::model::{Collection, Expression, Field, Kind, Migration, OnDelete};
use crate::schema::order::order;
use crate::schema::paths::{indexed_paths, kind_at, may_hold, read_by_condition, read_by_expression, references};
use crate::value::Path;

/// Refuses what contradicts itself inside the collection.
pub(super) fn check(collection: &Collection) -> Result<()> {
    for (name, field) in &collection.fields {
        if let Some(check) = &field.check {
            at(&["fields", name, "check"], reads_fields(collection, check))?;
        }
        if let Some(computed) = &field.computed {
            at(&["fields", name, "computed"], computes_from_fields(collection, computed))?;
        }
    }
    clears(collection)?;
    for (name, check) in &collection.checks {
        at(&["checks", name], reads_fields(collection, check))?;
    }
    if let Some(ttl) = &collection.ttl
        && kind_at(collection, ttl) != Some(&Kind::Timestamp)
    {
        let what = format!("`{ttl}` is no timestamp field: declare it as {{\"type\": \"timestamp\"}}.");
        return within("ttl", Err(invalid(what)));
    }
    if let Some(name) = collection.relations.keys().find(|name| collection.fields.contains_key(*name)) {
        let what = format!("{name:?} names a field already: an include could mean either.");
        return at(&["relations", name], Err(invalid(what)));
    }
    within("migrate", migrations(collection))?;
    bounded(
        indexed_paths(collection).len(),
        INDEXED_PATHS,
        "paths in the indexes, unique sets, references and ttl of one collection",
    )
}

/// Refuses a path where no document of the collection can have anything.
pub(super) fn declared(collection: &Collection, path: &Path) -> Result<()> {
    if is_system_name(path.head()) {
        Err(invalid(format!("`{path}` is the system's: conditions and expressions of a schema see the fields alone.")))
    } else if may_hold(collection, path) {
        Ok(())
    } else {
        Err(invalid(format!("The schema leaves no room for anything at `{path}`: declare it, or correct the name.")))
    }
}

fn reads_fields(collection: &Collection, condition: &Condition) -> Result<()> {
    let mut outcome = Ok(());
    read_by_condition(condition, &mut |path| {
        if outcome.is_ok() {
            outcome = declared(collection, path);
        }
    });
    outcome
}

fn computes_from_fields(collection: &Collection, expression: &Expression) -> Result<()> {
    let mut outcome = Ok(());
    read_by_expression(expression, &mut |path| {
        if outcome.is_ok() {
            outcome = declared(collection, path);
        }
    });
    outcome
}

/// A reference that is cleared becomes null, so it must be one that may be.
fn clears(collection: &Collection) -> Result<()> {
    for reference in references(collection).iter().filter(|found| found.on_delete == OnDelete::Clear) {
        let mut fields = &collection.fields;
        let mut place = Vec::new();
        let mut last: Option<&Field> = None;
        for segment in reference.path.segments() {
            place.extend(["fields", segment.as_str()]);
            last = fields.get(segment);
            if let Some(Field { kind: Kind::Object { fields: inner, .. }, .. }) = last {
                fields = inner;
            }
        }
        place.push("onDelete");
        let is_computed = collection.fields.get(reference.path.head()).is_some_and(|field| field.computed.is_some());
        if is_computed {
            return at(&place, Err(invalid("A computed reference cannot be cleared: use restrict or cascade.")));
        }
        if !last.is_some_and(|field| field.optional) {
            return at(
                &place,
                Err(invalid("Clearing makes the reference null: declare it optional, or use restrict or cascade.")),
            );
        }
    }
    Ok(())
}

fn migrations(collection: &Collection) -> Result<()> {
    for (index, migration) in collection.migrations.iter().enumerate() {
        let later = collection.migrations.get(index + 1..).unwrap_or_default();
        within(&index.to_string(), step(collection, migration, later))?;
    }
    Ok(())
}

fn step(collection: &Collection, migration: &Migration, later: &[Migration]) -> Result<()> {
    let taken_later = |name: &str| {
        later.iter().any(|step| match step {
            Migration::Rename { from, .. } => from == name,
            Migration::Drop(dropped) => dropped == name,
            Migration::Fill(..) => false,
        })
    };
    let given_later = |name: &str| {
        later.iter().any(|step| match step {
            Migration::Rename { to, .. } => to == name,
            Migration::Fill(filled, _) => filled == name,
            Migration::Drop(_) => false,
        })
    };
    let field = |name: &str| collection.fields.get(name);
    let gives = |name: &str| match field(name) {
        Some(field) if field.computed.is_some() => Err(invalid(format!("{name:?} is computed: leave it to that."))),
        None if collection.closed && !taken_later(name) => {
            Err(invalid(format!("{name:?} is no field of this closed collection: declare it, or correct the name.")))
        }
        _ => Ok(()),
    };
    let takes = |name: &str| match field(name) {
        Some(field) if field.computed.is_none() && !field.optional && !given_later(name) => Err(invalid(format!(
            "{name:?} is required, and would be missing: remove it from the fields, make it optional or fill it."
        ))),
        _ => Ok(()),
    };
    match migration {
        Migration::Rename { from, to } if from == to => within("rename", Err(invalid("The two names are the same."))),
        Migration::Rename { from, to } => {
            at(&["rename", "0"], takes(from))?;
            at(&["rename", "1"], gives(to))
        }
        Migration::Drop(name) => within("drop", takes(name)),
        Migration::Fill(name, value) => {
            at(&["fill", "0"], gives(name))?;
            let misfit = |field: &Field| kind::fit(&field.kind, &mut value.clone()).err();
            match field(name).filter(|_| !taken_later(name)).and_then(misfit) {
                None => Ok(()),
                Some(misfit) => {
                    at(&["fill", "1"], Err(invalid(format!("The value does not fit the field: it {}.", misfit.what()))))
                }
            }
        }
    }
}

/// Finds an order in which the computed fields can be computed.
pub(super) fn order_computed(collection: &mut Collection) -> Result<()> {
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, field) in &collection.fields {
        if let Some(expression) = &field.computed {
            let reads = needs.entry(name).or_default();
            read_by_expression(expression, &mut |path| {
                reads.insert(path.head());
            });
        }
    }
    let ordered = match order(&needs) {
        Ok(ordered) => ordered.into_iter().map(str::to_owned).collect(),
        Err(cycle) => {
            let round: Vec<&str> = cycle.iter().chain(cycle.first()).copied().collect();
            let what = format!("Computed fields read each other in a circle: {}.", round.join(" reads "));
            let first = round.first().copied().unwrap_or_default();
            return at(&["fields", first, "computed"], Err(invalid(what)));
        }
    };
    collection.computed = ordered;
    Ok(())
}

/// Guards every field that an invariant is about: merging two changes of it could break what each respected.
pub(super) fn guard(collection: &mut Collection) {
    let mut guarded: Vec<String> = collection.unique.iter().flatten().map(|path| path.head().to_owned()).collect();
    guarded.extend(references(collection).iter().map(|reference| reference.path.head().to_owned()));
    let own = collection.fields.iter().filter_map(|(name, field)| Some((Some(name), field.check.as_ref()?)));
    for (name, check) in own.chain(collection.checks.values().map(|check| (None, check))) {
        guarded.extend(name.cloned());
        read_by_condition(check, &mut |path| guarded.push(path.head().to_owned()));
    }
    for name in guarded {
        if let Some(field) = collection.fields.get_mut(&name) {
            field.guarded = true;
        }
    }
}
