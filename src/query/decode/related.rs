//! Includes and joins from JSON.

use super::condition::{Conditions, named, reference_name, spelled_relation};
use super::shape::{Members, Scope, at_most, member_name, object, path, shown, terms, too_wide, wrong};
use super::{read_order, read_select};
use crate::error::{Code, Error, Result};
use crate::id::CollectionName;
use crate::limits::{INCLUDE_DEPTH, QUERY_INCLUDES, QUERY_JOINS, QUERY_ROWS, QUERY_ROWS_DEFAULT};
use crate::query::names::Names;
use crate::query::tree::{Include, Join, Relation, Selected};
use crate::value::{Path, Value};

const INCLUDE: &str = "An include";

/// Reads the includes of one query and counts them altogether.
pub(super) struct Includes<'q> {
    pub(super) names: &'q dyn Names,
    pub(super) conditions: &'q mut Conditions,
    pub(super) count: usize,
}

impl Includes<'_> {
    /// The includes of documents of `collection`, `depth` levels down.
    pub(super) fn read(
        &mut self,
        value: Option<&Value>,
        collection: &CollectionName,
        depth: usize,
    ) -> Result<Vec<Include>> {
        let Some(value) = value else { return Ok(Vec::new()) };
        let members = object(value, "`include`")?;
        self.count += members.len();
        at_most(self.count, QUERY_INCLUDES, "`include`, at all levels,")?;
        if depth >= INCLUDE_DEPTH && !members.is_empty() {
            return Err(too_wide(format!("Includes nest at most {INCLUDE_DEPTH} levels deep.")));
        }
        members.iter().map(|(name, value)| self.include(name, value, collection, depth)).collect()
    }

    fn include(&mut self, name: &str, value: &Value, collection: &CollectionName, depth: usize) -> Result<Include> {
        let known = ["from", "by", "ref", "where", "orderBy", "limit", "select", "include"];
        let members = Members::read(value, INCLUDE, &known)?;
        let name = member_name(name, "an include")?;
        let relation = self.relation(&name, &members, collection)?;
        let single = matches!(relation, Relation::Forward { .. });
        if single && (members.get("orderBy").is_some() || members.get("limit").is_some()) {
            return Err(wrong(format!(
                "The include {name:?} follows one reference: it takes no `orderBy` or `limit`."
            )));
        }
        let there = relation.collection().clone();
        let scope = Scope::alone(self.names, &there);
        let select = read_select(members.get("select"), &scope)?;
        let includes = self.read(members.get("include"), &there, depth + 1)?;
        check_members(select.as_deref(), includes.iter().map(|include| include.name.as_str()))?;
        Ok(Include {
            filter: self.conditions.read(members.get("where"), &scope)?,
            order: read_order(members.get("orderBy"), &scope)?,
            limit: if single { 1 } else { members.rows("limit", QUERY_ROWS_DEFAULT, QUERY_ROWS)? },
            name,
            relation,
            select,
            hidden: Vec::new(),
            includes,
        })
    }

    fn relation(&self, name: &str, members: &Members<'_>, collection: &CollectionName) -> Result<Relation> {
        if let Some(relation) = spelled_relation(members, collection, self.names)? {
            return Ok(relation);
        }
        if members.get("by").is_some() {
            return Err(wrong(format!("The include {name:?} says `by`, so it must also say `from` which collection.")));
        }
        let Some(reference) = members.get("ref") else { return named(name, collection, self.names) };
        let reference = reference_name(reference)?;
        match named(&reference, collection, self.names)? {
            forward @ Relation::Forward { .. } => Ok(forward),
            Relation::Reverse { .. } => Err(Error::new(
                Code::UnknownRelation,
                format!("{} is no reference field of `{collection}`.", shown(&reference)),
            )),
        }
    }
}

/// That a member of the row has one meaning: no alias of `select` is the name of an include or join.
pub(super) fn check_members<'n>(select: Option<&[Selected]>, mut related: impl Iterator<Item = &'n str>) -> Result<()> {
    let aliases: Vec<&str> = select.into_iter().flatten().filter_map(|selected| selected.name.as_deref()).collect();
    match related.find(|name| aliases.contains(name)) {
        Some(name) => Err(wrong(format!("{} is both an alias of `select` and an include or join.", shown(name)))),
        None => Ok(()),
    }
}

struct Unplaced<'v> {
    name: String,
    collection: CollectionName,
    members: Members<'v>,
    on: Vec<(Path, &'v Value)>,
}

/// The joins, ordered so that each addresses only those before it: members of a JSON object have no order of
/// their own.
pub(super) fn read_joins(
    value: Option<&Value>,
    from: &CollectionName,
    names: &dyn Names,
    conditions: &mut Conditions,
) -> Result<Vec<Join>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let members = object(value, "`join`")?;
    at_most(members.len(), QUERY_JOINS, "`join`")?;
    let mut waiting: Vec<Unplaced<'_>> =
        members.iter().map(|(name, value)| unplaced(name, value)).collect::<Result<_>>()?;
    let mut known: Vec<(String, CollectionName)> = Vec::new();
    let mut joins = Vec::new();
    while !waiting.is_empty() {
        // Its own name is no joined document yet: `on` of a join `customer` may start from the field `customer`.
        let waits_for = |join: &Unplaced<'_>, other: &Unplaced<'_>| {
            other.name != join.name && join.on.iter().any(|(left, _)| left.head() == other.name)
        };
        let unmet = |join: &Unplaced<'_>| waiting.iter().any(|other| waits_for(join, other));
        let Some(next) = waiting.iter().position(|join| !unmet(join)) else {
            return Err(wrong("The joins refer to each other in a circle; one must start from the document."));
        };
        let join = waiting.remove(next);
        joins.push(place(&join, from, &known, names, conditions)?);
        known.push((join.name, join.collection));
    }
    Ok(joins)
}

fn unplaced<'v>(name: &str, value: &'v Value) -> Result<Unplaced<'v>> {
    let name = member_name(name, "a join")?;
    let members = Members::read(value, "A join", &["from", "on", "where", "optional"])?;
    let Some(collection) = members.collection("from")? else {
        return Err(wrong(format!("The join {name:?} must say `from` which collection.")));
    };
    let pairs = terms(members.get("on"), "`on` of a join")?;
    let pair = |pair: &'v Value| match pair.as_array().map(Vec::as_slice) {
        Some([left, right]) => Ok((path(left)?, right)),
        _ => Err(wrong("`on` of a join holds pairs: [path of this row, path of the joined document].")),
    };
    let on: Vec<_> = pairs.iter().map(pair).collect::<Result<_>>()?;
    if on.is_empty() {
        return Err(wrong(format!("The join {name:?} must say `on` which paths are equal: [[\"customer\", \"id\"]].")));
    }
    Ok(Unplaced { name, collection, members, on })
}

fn place(
    join: &Unplaced<'_>,
    from: &CollectionName,
    known: &[(String, CollectionName)],
    names: &dyn Names,
    conditions: &mut Conditions,
) -> Result<Join> {
    let here = Scope { names, collection: Some(from), joins: known };
    let there = Scope::alone(names, &join.collection);
    let mut on = Vec::with_capacity(join.on.len());
    for (left, right) in &join.on {
        here.check(left)?;
        on.push((left.clone(), there.path(right)?));
    }
    Ok(Join {
        name: join.name.clone(),
        collection: join.collection.clone(),
        on,
        filter: conditions.read(join.members.get("where"), &there)?,
        optional: join.members.flag("optional")?,
        hidden: Vec::new(),
    })
}
