//! Queries and conditions from JSON, checked against the names of a schema: whatever is decoded holds together.

mod condition;
mod related;
mod shape;

use condition::Conditions;
pub use condition::Givens;
use related::{Includes, check_members, read_joins};
use shape::{Members, Scope, member_name, object, shown, terms, wrong};

use super::names::{Names, NoNames};
use super::tree::{Aggregate, Condition, Order, Query, Selected};
use crate::error::{Code, Error, Result};
use crate::id::{CollectionName, Key};
use crate::limits::{QUERY_ROWS, QUERY_ROWS_DEFAULT, QUERY_TERMS};
use crate::time::Time;
use crate::value::{Path, Value};

const MEMBERS: [&str; 13] = [
    "from",
    "key",
    "where",
    "include",
    "join",
    "select",
    "orderBy",
    "limit",
    "after",
    "groupBy",
    "aggregate",
    "at",
    "explain",
];

/// The query that `value` spells.
///
/// # Errors
/// `invalid_query`, `unknown_operator`, `unknown_field`, `unknown_relation` or `query_too_wide`, and `invalid_name`
/// or `invalid_id` for a collection or key that cannot be one.
pub fn query(value: &Value, names: &dyn Names) -> Result<Query> {
    let members = Members::read(value, "A query", &MEMBERS)?;
    let Some(from) = members.collection("from")? else {
        return Err(wrong("A query must say `from` which collection."));
    };
    let mut conditions = Conditions::new(Givens::Auth);
    let joins = read_joins(members.get("join"), &from, names, &mut conditions)?;
    let joined: Vec<_> = joins.iter().map(|join| (join.name.clone(), join.collection.clone())).collect();
    let scope = Scope { names, collection: Some(&from), joins: &joined };
    let filter = conditions.read(members.get("where"), &scope)?;
    let group_by = read_groups(members.get("groupBy"), &scope)?;
    let aggregates = read_aggregates(members.get("aggregate"), &group_by, &scope)?;
    let grouped = !group_by.is_empty() || !aggregates.is_empty();
    if grouped && (members.get("include").is_some() || members.get("select").is_some()) {
        return Err(wrong("A grouped query answers groups: it takes no `include` and no `select`."));
    }
    let includes = Includes { names, conditions: &mut conditions, count: 0 }.read(members.get("include"), &from, 0)?;
    let select = read_select(members.get("select"), &scope)?;
    let related = || includes.iter().map(|include| include.name.as_str());
    check_members(select.as_deref(), related().chain(joins.iter().map(|join| join.name.as_str())))?;
    if let Some(both) = related().find(|name| joins.iter().any(|join| join.name == *name)) {
        return Err(wrong(format!("{} names both an include and a join.", shown(both))));
    }
    let order = if grouped {
        read_group_order(members.get("orderBy"), &group_by, &aggregates)?
    } else {
        read_order(members.get("orderBy"), &scope)?
    };
    let at = members.text("at")?.map(|time| Time::parse(time).map_err(|error| wrong(error.detail))).transpose()?;
    Ok(Query {
        key: members.text("key")?.map(Key::parse).transpose()?,
        filter,
        includes,
        select,
        hidden: Vec::new(),
        order,
        limit: members.rows("limit", QUERY_ROWS_DEFAULT, QUERY_ROWS)?,
        after: members.text("after")?.map(str::to_owned),
        group_by,
        aggregates,
        at,
        explain: members.flag("explain")?,
        joins,
        from,
    })
}

/// The condition on documents of `collection` that `value` spells. It may ask for whoever asks.
///
/// # Errors
/// As [`query`].
pub fn condition(value: &Value, collection: &CollectionName, names: &dyn Names) -> Result<Condition> {
    condition_of(value, collection, names, Givens::Auth)
}

/// The same, with what may stand for values in it.
///
/// # Errors
/// As [`query`].
pub fn condition_of(
    value: &Value,
    collection: &CollectionName,
    names: &dyn Names,
    givens: Givens,
) -> Result<Condition> {
    Conditions::new(givens).read(Some(value), &Scope::alone(names, collection))
}

/// The condition that `value` spells on a document alone: it has no `exists`, and any field may be there.
///
/// # Errors
/// As [`query`].
pub fn plain_condition(value: &Value) -> Result<Condition> {
    Conditions::new(Givens::Nothing).read(Some(value), &Scope { names: &NoNames, collection: None, joins: &[] })
}

/// A term of an order before its path is read: the path, and whether it is descending.
fn read_term(term: &Value) -> Result<(&Value, bool)> {
    let Value::Array(parts) = term else { return Ok((term, false)) };
    match parts.as_slice() {
        [path] => Ok((path, false)),
        [path, Value::String(direction)] if direction == "asc" => Ok((path, false)),
        [path, Value::String(direction)] if direction == "desc" => Ok((path, true)),
        _ => Err(wrong("A term of `orderBy` is a path, [path, \"asc\"] or [path, \"desc\"].")),
    }
}

fn read_order(value: Option<&Value>, scope: &Scope<'_>) -> Result<Vec<Order>> {
    let term = |term| {
        let (path, descending) = read_term(term)?;
        Ok(Order { path: scope.path(path)?, descending })
    };
    terms(value, "`orderBy`")?.iter().map(term).collect()
}

fn read_group_order(
    value: Option<&Value>,
    group_by: &[Path],
    aggregates: &[(String, Aggregate)],
) -> Result<Vec<Order>> {
    let term = |term| {
        let (path, descending) = read_term(term)?;
        let path = shape::path(path)?;
        let is_aggregate = || path.tail().is_none() && aggregates.iter().any(|(name, _)| name == path.head());
        if group_by.contains(&path) || is_aggregate() {
            return Ok(Order { path, descending });
        }
        Err(wrong(format!(
            "Groups can be ordered by a path of `groupBy` or the name of an aggregate, not by `{path}`."
        )))
    };
    terms(value, "`orderBy`")?.iter().map(term).collect()
}

fn read_select(value: Option<&Value>, scope: &Scope<'_>) -> Result<Option<Vec<Selected>>> {
    let Some(value) = value else { return Ok(None) };
    let mut selected = Vec::new();
    match value {
        Value::Object(_) => read_aliases(value, scope, &mut selected)?,
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Object(_) => read_aliases(item, scope, &mut selected)?,
                    _ => selected.push(Selected { name: None, path: read_selected(item, scope)? }),
                }
            }
        }
        _ => return Err(wrong("`select` is a list of paths, or an object of paths by their new names.")),
    }
    shape::at_most(selected.len(), QUERY_TERMS, "`select`")?;
    let member = |selected: &Selected| selected.name.clone().unwrap_or_else(|| selected.path.head().to_owned());
    for (position, alias) in selected.iter().enumerate().filter(|(_, selected)| selected.name.is_some()) {
        let mut others = selected.iter().enumerate().filter(|(other, _)| *other != position);
        if others.any(|(_, other)| member(other) == member(alias)) {
            return Err(wrong(format!("`select` makes the member {} twice.", shown(&member(alias)))));
        }
    }
    Ok(Some(selected))
}

fn read_selected(value: &Value, scope: &Scope<'_>) -> Result<Path> {
    let path = scope.path(value)?;
    if scope.join_of(&path).is_some() {
        return Err(wrong(format!(
            "The joined document `{}` is in every row whole; to select of it, give `{path}` a name of its own.",
            path.head()
        )));
    }
    Ok(path)
}

fn read_aliases(value: &Value, scope: &Scope<'_>, selected: &mut Vec<Selected>) -> Result<()> {
    for (name, path) in object(value, "`select`")? {
        // `id` may be an alias: what is selected is no document any more.
        let name = if name == "id" { name.clone() } else { member_name(name, "a selected path")? };
        selected.push(Selected { name: Some(name), path: scope.path(path)? });
    }
    Ok(())
}

fn read_groups(value: Option<&Value>, scope: &Scope<'_>) -> Result<Vec<Path>> {
    let mut paths: Vec<Path> = Vec::new();
    for value in terms(value, "`groupBy`")? {
        let path = scope.path(value)?;
        if paths.iter().any(|other| other.to_string() == path.to_string()) {
            return Err(wrong(format!("`groupBy` names `{path}` twice.")));
        }
        paths.push(path);
    }
    Ok(paths)
}

fn read_aggregates(value: Option<&Value>, group_by: &[Path], scope: &Scope<'_>) -> Result<Vec<(String, Aggregate)>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let members = object(value, "`aggregate`")?;
    shape::at_most(members.len(), QUERY_TERMS, "`aggregate`")?;
    let read = |(name, value): (&String, &Value)| {
        let name = member_name(name, "an aggregate")?;
        if group_by.iter().any(|path| path.to_string() == name) {
            return Err(wrong(format!("{} names both an aggregate and a path of `groupBy`.", shown(&name))));
        }
        Ok((name, read_aggregate(value, scope)?))
    };
    members.iter().map(read).collect()
}

fn read_aggregate(value: &Value, scope: &Scope<'_>) -> Result<Aggregate> {
    let Some((Value::String(function), operands)) = value.as_array().and_then(|parts| parts.split_first()) else {
        return Err(wrong("An aggregate is an array, function first: [\"count\"] or [\"sum\", \"total\"]."));
    };
    match (function.as_str(), operands) {
        ("count", []) => Ok(Aggregate::Count),
        ("count", [path]) => scope.path(path).map(Aggregate::CountOf),
        ("sum", [path]) => scope.path(path).map(Aggregate::Sum),
        ("avg", [path]) => scope.path(path).map(Aggregate::Average),
        ("min", [path]) => scope.path(path).map(Aggregate::Min),
        ("max", [path]) => scope.path(path).map(Aggregate::Max),
        ("count" | "sum" | "avg" | "min" | "max", _) => {
            Err(wrong(format!("`{function}` of an aggregate takes one path (`count` also none).")))
        }
        _ => Err(Error::new(
            Code::UnknownOperator,
            format!("There is no aggregate {}; there are count, sum, avg, min, max.", shown(function)),
        )),
    }
}
