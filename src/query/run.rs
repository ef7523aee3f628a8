//! Carrying out a query: flat selections from an executor, composed into an answer.

mod compose;
mod group;
mod include;

use xxhash_rust::xxh3::Xxh3;

use super::cursor;
use super::selection::{Row, Selection, Source};
use super::tree::{Include, Join, Order, Query, Selected};
use crate::error::Result;
use crate::value::{Path, Value};
use compose::{project, value};
use include::{Includer, Shown};

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The rows, each as its JSON text (an object).
    pub rows: Vec<String>,
    /// Where the next page starts; `None` if this is the last.
    pub cursor: Option<String>,
    /// A digest of the rows and of whether more follow, in hex. Equal for equal answers: reading again and comparing
    /// tells whether anything the query saw has changed.
    pub digest: String,
    /// How the query would run, a line a step, if that was asked; then there are no rows.
    pub plan: Option<Vec<String>>,
}

/// Answers a query from an executor. `at` is the sequence of the log to read at, as the caller found it for the
/// query's time.
///
/// # Errors
/// `invalid_cursor`, `answer_too_large`, `query_too_wide`, and whatever the executor returns.
pub fn run(query: &Query, source: &mut dyn Source, at: Option<i64>) -> Result<Answer> {
    if query.explain {
        return explain(query, source, at);
    }
    let (rows, cursor) =
        if query.is_grouped() { group::run(query, source, at)? } else { documents(query, source, at)? };
    Ok(Answer { digest: digest(&rows, cursor.is_some()), rows, cursor, plan: None })
}

/// An order with its ties broken by the id of the document, then of each joined one, in the direction of the last
/// term. A path orders once.
fn total_order(order: &[Order], joins: &[Join]) -> Result<Vec<Order>> {
    let descending = order.last().is_some_and(|term| term.descending);
    let mut ties = vec![Order { path: Path::parse("id")?, descending }];
    for join in joins {
        ties.push(Order { path: Path::from_segments(vec![join.name.clone(), "id".to_owned()])?, descending });
    }
    let mut total: Vec<Order> = Vec::with_capacity(order.len() + ties.len());
    for term in order.iter().chain(&ties) {
        if total.iter().all(|earlier| earlier.path != term.path) {
            total.push(term.clone());
        }
    }
    Ok(total)
}

fn selection(query: &Query, at: Option<i64>) -> Result<Selection<'_>> {
    Ok(Selection {
        from: &query.from,
        filter: &query.filter,
        joins: &query.joins,
        order: if query.is_grouped() { Vec::new() } else { total_order(&query.order, &query.joins)? },
        after: None,
        // One more than is asked for tells whether another page is due.
        limit: query.limit.saturating_add(1),
        among: None,
        at,
        along: query.includes.iter().filter_map(include::along).collect(),
        hidden: &query.hidden,
    })
}

fn documents(query: &Query, source: &mut dyn Source, at: Option<i64>) -> Result<(Vec<String>, Option<String>)> {
    let mut selection = selection(query, at)?;
    let after = query.after.as_deref();
    let decode = |after| cursor::decode(after, &cursor::fingerprint(query), selection.order.len());
    selection.after = after.map(decode).transpose()?;
    let mut rows = source.rows(&selection)?;
    let cursor = match rows.get(..query.limit).and_then(|page| page.last()).filter(|_| rows.len() > query.limit) {
        Some(last) => {
            let parsed = Parsed::of(last)?;
            let values = selection.order.iter().map(|term| parsed.get(&query.joins, &term.path)).collect();
            Some(cursor::encode(&cursor::fingerprint(query), values)?)
        }
        None => None,
    };
    rows.truncate(query.limit);
    let project_one = |selected: &Vec<Selected>, row: &Row| {
        Parsed::of(row).map(|row| project(selected, |path| row.find(&query.joins, path)).to_string())
    };
    let project_all = |selected| rows.iter().map(|row| project_one(selected, row)).collect();
    let selected: Option<Result<Vec<String>>> = query.select.as_ref().map(project_all);
    let bodies: Vec<&str> = rows.iter().map(|row| row.body.as_str()).collect();
    let joined: Vec<Vec<(&str, &str)>> =
        if query.joins.is_empty() { Vec::new() } else { rows.iter().map(|row| joined(query, row)).collect() };
    let along: Vec<&[Option<String>]> = rows.iter().map(|row| row.along.as_slice()).collect();
    let shown = Shown { selected: selected.transpose()?, joined: &joined, along: &along };
    let rows = Includer::new(source, at).complete(&query.includes, &bodies, shown)?;
    Ok((rows, cursor))
}

/// The members that a row's joined documents become.
fn joined<'r>(query: &'r Query, row: &'r Row) -> Vec<(&'r str, &'r str)> {
    let named = query.joins.iter().zip(&row.joined);
    named.map(|(join, found)| (join.name.as_str(), found.as_deref().unwrap_or("null"))).collect()
}

/// A row with its documents parsed.
struct Parsed {
    document: Value,
    joined: Vec<Value>,
}

impl Parsed {
    fn of(row: &Row) -> Result<Parsed> {
        let joined = row.joined.iter().map(|found| found.as_deref().map_or(Ok(Value::Null), value));
        Ok(Parsed { document: value(&row.body)?, joined: joined.collect::<Result<_>>()? })
    }

    /// What a path leads to, if anything: a joined document first.
    fn find(&self, joins: &[Join], path: &Path) -> Option<&Value> {
        match joins.iter().zip(&self.joined).find(|(join, _)| join.name == path.head()) {
            Some((_, joined)) => path.tail().map_or(Some(joined), |tail| tail.get(joined)),
            None => path.get(&self.document),
        }
    }

    fn get(&self, joins: &[Join], path: &Path) -> Value {
        self.find(joins, path).cloned().unwrap_or(Value::Null)
    }
}

fn digest(rows: &[String], more: bool) -> String {
    let mut hash = Xxh3::new();
    for row in rows {
        hash.update(row.as_bytes());
        // No JSON text holds a raw line break, so this tells rows apart.
        hash.update(b"\n");
    }
    hash.update(&[u8::from(more)]);
    format!("{:032x}", hash.digest128())
}

fn explain(query: &Query, source: &mut dyn Source, at: Option<i64>) -> Result<Answer> {
    let selected = selection(query, at)?;
    let mut plan = source.explain(&selected)?;
    let along = source.reads_along(&selected);
    if query.is_grouped() {
        plan.push("GROUP AND ORDER in memory".to_owned());
    }
    explain_includes(&query.includes, source, (at, along), "", &mut plan)?;
    Ok(Answer { rows: Vec::new(), cursor: None, digest: digest(&[], false), plan: Some(plan) })
}

fn explain_includes(
    includes: &[Include],
    source: &mut dyn Source,
    (at, along): (Option<i64>, bool),
    above: &str,
    plan: &mut Vec<String>,
) -> Result<()> {
    for include in includes {
        let place = format!("{above}{}", include.name);
        // The plan is the same for any ids.
        let selected = include::selection(include, vec![String::new()], at)?;
        if along && include::along(include).is_some() {
            plan.push(format!("INCLUDE {place}: with the rows"));
        } else {
            let steps = source.explain(&selected)?;
            plan.extend(steps.into_iter().map(|step| format!("INCLUDE {place}: {step}")));
        }
        let along = source.reads_along(&selected);
        explain_includes(&include.includes, source, (at, along), &format!("{place}."), plan)?;
    }
    Ok(())
}
