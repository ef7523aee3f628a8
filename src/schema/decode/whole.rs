//! What must hold between the collections of a schema.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::{at, invalid};
use crate::error::Result;
use crate::id::CollectionName;
use crate::schema::model::{Collection, Kind, OnDelete, ReverseRelation, Schema};
use crate::schema::order::order;
use crate::schema::paths::{Reference, kind_at, references};
use crate::value::Path;

/// Refuses references, relations and cascades that lead nowhere or round in a circle.
pub(super) fn check(schema: &Schema) -> Result<()> {
    for (name, collection) in &schema.collections {
        for reference in references(collection) {
            refers_to_something(schema, name, &reference)?;
        }
        for (relation, reverse) in &collection.relations {
            let place = ["collections", name.as_str(), "relations", relation];
            at(&place, comes_back(schema, name, reverse))?;
        }
    }
    no_cascade_in_a_circle(schema)
}

fn refers_to_something(schema: &Schema, name: &CollectionName, reference: &Reference<'_>) -> Result<()> {
    if schema.collections.contains_key(reference.target) {
        return Ok(());
    }
    let what = format!("The schema names no collection {:?}: name it, if only as {{}}.", reference.target.as_str());
    at(&place(name, &reference.path, "ref"), Err(invalid(what)))
}

/// Where a member of a field stands in the JSON of the schema.
fn place<'p>(collection: &'p CollectionName, path: &'p Path, member: &'p str) -> Vec<&'p str> {
    let mut place = vec!["collections", collection.as_str()];
    for segment in path.segments() {
        place.extend(["fields", segment]);
    }
    place.push(member);
    place
}

fn comes_back(schema: &Schema, name: &CollectionName, reverse: &ReverseRelation) -> Result<()> {
    let ReverseRelation { from, by } = reverse;
    let Some(other) = schema.collections.get(from) else {
        return at(&["from"], Err(invalid(format!("The schema names no collection {:?}.", from.as_str()))));
    };
    match kind_at(other, by) {
        Some(Kind::Ref { collection, .. }) if collection == name => Ok(()),
        _ => at(&["by"], Err(invalid(format!("`{by}` of {from} is no reference to {name}: declare it as one.")))),
    }
}

/// The references through which a delete elsewhere takes documents of this collection with it.
fn cascades<'s>(name: &CollectionName, collection: &'s Collection) -> Vec<Reference<'s>> {
    let all = references(collection).into_iter();
    all.filter(|found| found.on_delete == OnDelete::Cascade && found.target != name).collect()
}

/// A collection may cascade to itself: trees end. Between several, one delete could come back to where it began
/// and take documents with it that nobody thought of.
fn no_cascade_in_a_circle(schema: &Schema) -> Result<()> {
    let needs: BTreeMap<&str, BTreeSet<&str>> = schema
        .collections
        .iter()
        .map(|(name, collection)| {
            (name.as_str(), cascades(name, collection).iter().map(|found| found.target.as_str()).collect())
        })
        .collect();
    let Err(cycle) = order(&needs) else {
        return Ok(());
    };
    let round: Vec<&str> = cycle.iter().chain(cycle.first()).copied().collect();
    let what =
        format!("Deletes cascade in a circle: {}. Make one of these references restrict or clear.", round.join(" → "));
    let link = |(name, collection): (&CollectionName, &Collection)| {
        let next = round.get(1)?;
        let found = cascades(name, collection).into_iter().find(|found| found.target.as_str() == *next)?;
        (Some(&name.as_str()) == round.first()).then(|| (name.clone(), found.path))
    };
    match schema.collections.iter().find_map(link) {
        Some((name, path)) => at(&place(&name, &path, "onDelete"), Err(invalid(what))),
        None => Err(invalid(what)),
    }
}
