//! Grouped queries: groups are few enough to be ordered and paged in memory.

use crate::error::Result;
use crate::query::cursor;
use crate::query::memory::compare_in;
use crate::query::selection::{Group, Grouping, Source};
use crate::query::tree::{Order, Query};
use crate::value::{Map, Path, Value};

/// The rows of a page of groups, and the cursor of the next.
pub(super) fn run(query: &Query, source: &mut dyn Source, at: Option<i64>) -> Result<(Vec<String>, Option<String>)> {
    let grouping = Grouping {
        from: &query.from,
        filter: &query.filter,
        joins: &query.joins,
        by: &query.group_by,
        aggregates: &query.aggregates,
        at,
    };
    let order = total_order(query);
    let fingerprint = cursor::fingerprint(query);
    let after = query.after.as_deref().map(|after| cursor::decode(after, &fingerprint, order.len())).transpose()?;
    let mut groups: Vec<(Vec<Value>, Group)> = source
        .groups(&grouping)?
        .into_iter()
        .map(|group| (order.iter().map(|term| member(query, &group, &term.path)).collect(), group))
        .collect();
    if let Some(after) = after {
        groups.retain(|(values, _)| compare_in(&order, values, &after).is_gt());
    }
    groups.sort_by(|(left, _), (right, _)| compare_in(&order, left, right));
    let more = groups.len() > query.limit;
    groups.truncate(query.limit);
    let rows = groups.iter().map(|(_, group)| row(query, group)).collect();
    let last = groups.pop().filter(|_| more);
    let cursor = last.map(|(values, _)| cursor::encode(&fingerprint, values)).transpose()?;
    Ok((rows, cursor))
}

/// The query's order, ties broken by what is grouped by, which no two groups share.
fn total_order(query: &Query) -> Vec<Order> {
    let descending = query.order.last().is_some_and(|term| term.descending);
    let ties = query.group_by.iter().map(|path| Order { path: path.clone(), descending });
    let mut total: Vec<Order> = Vec::new();
    for term in query.order.iter().cloned().chain(ties) {
        if total.iter().all(|earlier| earlier.path != term.path) {
            total.push(term);
        }
    }
    total
}

/// The value of a group at a path that it is grouped by, or of the aggregate of that name.
fn member(query: &Query, group: &Group, path: &Path) -> Value {
    let mut keys = query.group_by.iter().zip(&group.keys);
    let mut values = query.aggregates.iter().map(|(name, _)| name).zip(&group.values);
    let key = keys.find(|(by, _)| *by == path).map(|(_, value)| value);
    let found = key.or_else(|| values.find(|(name, _)| *name == path.head()).map(|(_, value)| value));
    found.cloned().unwrap_or(Value::Null)
}

fn row(query: &Query, group: &Group) -> String {
    let keys = query.group_by.iter().map(Path::to_string).zip(group.keys.iter().cloned());
    let values = query.aggregates.iter().map(|(name, _)| name.clone()).zip(group.values.iter().cloned());
    Value::Object(keys.chain(values).collect::<Map<_, _>>()).to_string()
}
