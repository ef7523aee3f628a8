//! Where things are in documents: what a path leads to, references, indexes.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Collection, Expression, Field, Kind, OnDelete, Schema};
use crate::id::CollectionName;
use crate::query::tree::{Condition, Operand};
use crate::value::Path;

/// A reference field of a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference<'s> {
    /// Where it stands.
    pub path: Path,
    /// The collection referred to.
    pub target: &'s CollectionName,
    /// What deleting the target does.
    pub on_delete: OnDelete,
}

/// The declared type at a path, if there is one.
#[must_use]
pub fn kind_at<'s>(collection: &'s Collection, path: &Path) -> Option<&'s Kind> {
    let mut fields = &collection.fields;
    let mut segments = path.segments().iter();
    let mut kind = &fields.get(segments.next()?)?.kind;
    for segment in segments {
        let Kind::Object { fields: inner, .. } = kind else {
            return None;
        };
        fields = inner;
        kind = &fields.get(segment)?.kind;
    }
    Some(kind)
}

/// Whether a document of the collection may hold something at the path: no, where a closed collection or object
/// does not name it, or where a declared type has nothing inside. The system's members are not looked at.
#[must_use]
pub fn may_hold(collection: &Collection, path: &Path) -> bool {
    let (mut fields, mut closed) = (&collection.fields, collection.closed);
    let mut segments = path.segments().iter().peekable();
    while let Some(segment) = segments.next() {
        let Some(field) = fields.get(segment) else {
            return !closed;
        };
        match &field.kind {
            Kind::Object { fields: inner, closed: inner_closed } => (fields, closed) = (inner, *inner_closed),
            Kind::Json => return true,
            _ => return segments.peek().is_none(),
        }
    }
    true
}

/// The references of a collection, those inside objects included, in the order of their paths.
#[must_use]
pub fn references(collection: &Collection) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    references_in(&collection.fields, &mut Vec::new(), &mut found);
    found
}

fn references_in<'s>(fields: &'s BTreeMap<String, Field>, at: &mut Vec<String>, found: &mut Vec<Reference<'s>>) {
    for (name, field) in fields {
        at.push(name.clone());
        match &field.kind {
            // Decoding has made sure that every field is a path.
            Kind::Ref { collection, on_delete } => {
                if let Ok(path) = Path::from_segments(at.clone()) {
                    found.push(Reference { path, target: collection, on_delete: *on_delete });
                }
            }
            Kind::Object { fields, .. } => references_in(fields, at, found),
            _ => {}
        }
        at.pop();
    }
}

/// Who refers to a collection: the collection, its reference field, and what deleting the target does.
#[must_use]
pub fn references_to(schema: &Schema, target: &CollectionName) -> Vec<(CollectionName, Path, OnDelete)> {
    let all = schema
        .collections
        .iter()
        .flat_map(|(name, collection)| references(collection).into_iter().map(move |reference| (name, reference)));
    all.filter(|(_, reference)| reference.target == target)
        .map(|(name, reference)| (name.clone(), reference.path, reference.on_delete))
        .collect()
}

/// Every path that must be found by its value: those of indexes, unique sets, references and the TTL.
#[must_use]
pub fn indexed_paths(collection: &Collection) -> BTreeSet<Path> {
    wanted_sets(collection).into_iter().flatten().collect()
}

/// The distinct indexes to keep. One that another begins with is left out: `(a)` is served by `(a, b)`.
#[must_use]
pub fn index_sets(collection: &Collection) -> Vec<Vec<Path>> {
    let wanted = wanted_sets(collection);
    let served = |set: &[Path]| wanted.iter().any(|other| other.len() > set.len() && other.starts_with(set));
    let mut kept: Vec<Vec<Path>> = Vec::new();
    for set in &wanted {
        if !served(set) && !kept.contains(set) {
            kept.push(set.clone());
        }
    }
    kept
}

fn wanted_sets(collection: &Collection) -> Vec<Vec<Path>> {
    let references = references(collection).into_iter().map(|reference| vec![reference.path]);
    let ttl = collection.ttl.iter().map(|path| vec![path.clone()]);
    collection.indexes.iter().chain(&collection.unique).cloned().chain(references).chain(ttl).collect()
}

/// Hands every path that a condition on a document alone reads to `visit`.
pub(super) fn read_by_condition<'c>(condition: &'c Condition, visit: &mut impl FnMut(&'c Path)) {
    match condition {
        Condition::And(of) | Condition::Or(of) => of.iter().for_each(|one| read_by_condition(one, visit)),
        Condition::Not(of) => read_by_condition(of, visit),
        Condition::Compare(_, left, right) => {
            for operand in [left, right] {
                read_by_operand(operand, visit);
            }
        }
        Condition::In(operand, _) | Condition::OneOf(operand, _) => read_by_operand(operand, visit),
        Condition::Like(path, _) | Condition::Prefix(path, _) | Condition::IsNull(path) => visit(path),
        Condition::Contains(path, operand) => {
            visit(path);
            read_by_operand(operand, visit);
        }
        Condition::Own(own) | Condition::Seen(own) => read_by_condition(own, visit),
        // Its paths are another document's; what it reads of this one is the relation.
        Condition::Exists(..) | Condition::Role(_) => {}
    }
}

fn read_by_operand<'c>(operand: &'c Operand, visit: &mut impl FnMut(&'c Path)) {
    if let Operand::Path(path) = operand {
        visit(path);
    }
}

/// Hands every path that an expression reads to `visit`.
pub(super) fn read_by_expression<'e>(expression: &'e Expression, visit: &mut impl FnMut(&'e Path)) {
    match expression {
        Expression::Path(path) => visit(path),
        Expression::Value(_) => {}
        Expression::Arithmetic(_, of) | Expression::Concat(of) | Expression::Coalesce(of) => {
            of.iter().for_each(|one| read_by_expression(one, visit));
        }
        Expression::Lower(of) | Expression::Upper(of) | Expression::Trim(of) | Expression::Length(of) => {
            read_by_expression(of, visit);
        }
        Expression::If(condition, yes, no) => {
            read_by_condition(condition, visit);
            read_by_expression(yes, visit);
            read_by_expression(no, visit);
        }
    }
}
