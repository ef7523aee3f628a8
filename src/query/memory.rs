//! The executor over plain values: in replicas, for merging the answers of partitions, and as the reference that
//! SQL is tested against.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::aggregate::Numbers;
use super::condition::{Scope, holds_in};
use super::selection::{Along, Group, Grouping, Row, Selection, Source, too_many_bytes, too_many_groups};
use super::tree::{Aggregate, Condition, Hidden, Join, Order, Relation};
use crate::error::Result;
use crate::id::CollectionName;
use crate::limits::{ANSWER_BYTES, QUERY_GROUPS};
use crate::value::{Path, Value, compare};

/// Collections of documents, as they stand. There is no history here: a selection's `at` is ignored, and whoever
/// wants an earlier state builds a `Memory` of it.
#[derive(Debug, Default)]
pub struct Memory {
    collections: BTreeMap<CollectionName, Vec<Value>>,
    /// Which documents of a collection hold which id at a path, made when a relation first asks.
    indexes: RefCell<BTreeMap<(CollectionName, Path), Rc<Index>>>,
}

/// Positions in a collection, by the string at a path.
type Index = BTreeMap<String, Vec<usize>>;

/// A document and those joined to it, `None` where an optional join found nothing.
struct Match<'m> {
    document: &'m Value,
    joined: Vec<Option<&'m Value>>,
}

impl Memory {
    /// Documents by collection, each with its `id`, `_version` and `_time`, no id twice. Their order is of no
    /// matter.
    #[must_use]
    pub fn new(collections: BTreeMap<CollectionName, Vec<Value>>) -> Memory {
        Memory { collections, indexes: RefCell::default() }
    }

    fn documents(&self, collection: &CollectionName) -> &[Value] {
        self.collections.get(collection).map_or(&[], Vec::as_slice)
    }

    /// The documents of a collection that hold the string `id` at `path`.
    fn holding(&self, collection: &CollectionName, path: &Path, id: &str) -> Vec<&Value> {
        let place = (collection.clone(), path.clone());
        let made = self.indexes.borrow().get(&place).cloned();
        let index = made.unwrap_or_else(|| {
            let mut index = Index::new();
            for (position, document) in self.documents(collection).iter().enumerate() {
                if let Some(id) = path.get(document).and_then(Value::as_str) {
                    index.entry(id.to_owned()).or_default().push(position);
                }
            }
            let index = Rc::new(index);
            self.indexes.borrow_mut().insert(place, Rc::clone(&index));
            index
        });
        let documents = self.documents(collection);
        index.get(id).into_iter().flatten().filter_map(|&position| documents.get(position)).collect()
    }

    fn along(&self, relation: &Relation, document: &Value, condition: &Condition) -> bool {
        let there = match relation {
            Relation::Forward { path, collection } => match path.get(document).and_then(Value::as_str) {
                Some(target) => self.by_id(collection, target),
                None => Vec::new(),
            },
            Relation::Reverse { collection, by } => match document.get("id").and_then(Value::as_str) {
                Some(id) => self.holding(collection, by, id),
                None => Vec::new(),
            },
        };
        there.into_iter().any(|related| self.holds(condition, &Scope::of(related)))
    }

    fn by_id(&self, collection: &CollectionName, id: &str) -> Vec<&Value> {
        Path::parse("id").map_or_else(|_| Vec::new(), |path| self.holding(collection, &path, id))
    }

    /// What a document refers to.
    fn referred(&self, along: &Along<'_>, document: &Value) -> Option<String> {
        let id = along.path.get(document)?.as_str()?;
        self.by_id(along.collection, id).first().map(|found| found.to_string())
    }

    fn holds(&self, condition: &Condition, scope: &Scope<'_>) -> bool {
        holds_in(condition, scope, &|relation, document, condition| self.along(relation, document, condition))
    }

    /// The text of a document without what is hidden of it.
    fn shown(&self, document: &Value, hidden: &[Hidden]) -> String {
        let is_hidden = |name: &String| {
            let hidden = hidden.iter().find(|hidden| hidden.name == *name);
            hidden.is_some_and(|hidden| !self.holds(&hidden.unless, &Scope::of(document)))
        };
        match document {
            Value::Object(members) if !hidden.is_empty() => {
                let shown = members.iter().filter(|(name, _)| !is_hidden(name));
                Value::Object(shown.map(|(name, value)| (name.clone(), value.clone())).collect()).to_string()
            }
            whole => whole.to_string(),
        }
    }

    fn row(&self, found: &Match<'_>, selection: &Selection<'_>, among: Option<String>) -> Row {
        let joined = found.joined.iter().zip(selection.joins);
        Row {
            body: self.shown(found.document, selection.hidden),
            joined: joined
                .map(|(document, join)| document.map(|document| self.shown(document, &join.hidden)))
                .collect(),
            among,
            along: selection.along.iter().map(|along| self.referred(along, found.document)).collect(),
        }
    }

    /// What satisfies a filter, one match for every combination of joined documents.
    fn matches(&self, from: &CollectionName, joins: &[Join], filter: &Condition) -> Vec<Match<'_>> {
        let mut matches: Vec<Match<'_>> =
            self.documents(from).iter().map(|document| Match { document, joined: Vec::new() }).collect();
        for (position, join) in joins.iter().enumerate() {
            let earlier = joins.get(..position).unwrap_or_default();
            matches = self.joined(matches, earlier, join);
        }
        matches.retain(|found| found.scoped(joins, |scope| self.holds(filter, scope)));
        matches
    }

    fn joined<'m>(&'m self, rows: Vec<Match<'m>>, earlier: &[Join], join: &Join) -> Vec<Match<'m>> {
        let mut partners: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for document in self.documents(&join.collection) {
            let scope = Scope::of(document);
            let Some(on) = join_key(join.on.iter().map(|(_, right)| scope.get(right))) else { continue };
            if self.holds(&join.filter, &scope) {
                partners.entry(on).or_default().push(document);
            }
        }
        let mut out = Vec::with_capacity(rows.len());
        for row in rows {
            let on = row.scoped(earlier, |scope| join_key(join.on.iter().map(|(left, _)| scope.get(left))));
            let found = on.and_then(|on| partners.get(&on)).map_or(&[][..], Vec::as_slice);
            let with = |partner| Match {
                document: row.document,
                joined: row.joined.iter().copied().chain([partner]).collect(),
            };
            if found.is_empty() && join.optional {
                out.push(with(None));
            }
            out.extend(found.iter().map(|partner| with(Some(*partner))));
        }
        out
    }
}

/// Values to join on as one text: equal values have equal texts. `None` if one is null, which joins nothing.
fn join_key<'v>(values: impl Iterator<Item = &'v Value>) -> Option<String> {
    let mut key = String::new();
    for value in values {
        if value.is_null() {
            return None;
        }
        // No JSON text holds a raw line break.
        key.push_str(&value.to_string());
        key.push('\n');
    }
    Some(key)
}

impl Match<'_> {
    fn scoped<T>(&self, joins: &[Join], with: impl FnOnce(&Scope<'_>) -> T) -> T {
        let named = joins.iter().zip(&self.joined);
        let joined: Vec<(&str, &Value)> =
            named.map(|(join, found)| (join.name.as_str(), found.unwrap_or(&Value::Null))).collect();
        with(&Scope { document: self.document, joined: &joined })
    }

    fn values(&self, joins: &[Join], order: &[Order]) -> Vec<Value> {
        self.scoped(joins, |scope| order.iter().map(|term| scope.get(&term.path).clone()).collect())
    }
}

/// How two rows stand to each other in an order, by the values of its terms.
#[must_use]
pub fn compare_in(order: &[Order], left: &[Value], right: &[Value]) -> Ordering {
    let pairs = order.iter().zip(left.iter().zip(right));
    let by_term = pairs.map(|(term, (left, right))| {
        let order = compare(left, right);
        if term.descending { order.reverse() } else { order }
    });
    by_term.fold(Ordering::Equal, Ordering::then)
}

impl Source for Memory {
    fn rows(&mut self, selection: &Selection<'_>) -> Result<Vec<Row>> {
        let Selection { from, filter, joins, order, after, limit, among, .. } = selection;
        // One list for each value of `among`, or one for all.
        let mut lists: BTreeMap<Option<String>, Vec<(Vec<Value>, Match<'_>)>> = BTreeMap::new();
        if let Some(among) = among {
            lists.extend(among.values.iter().map(|value| (Some(value.clone()), Vec::new())));
        } else {
            lists.insert(None, Vec::new());
        }
        for found in self.matches(from, joins, filter) {
            let belongs = match among.as_ref().map(|among| among.path.get(found.document)) {
                Some(Some(Value::String(id))) => Some(id.clone()),
                Some(_) => continue,
                None => None,
            };
            let values = found.values(joins, order);
            let due = after.as_ref().is_none_or(|after| compare_in(order, &values, after).is_gt());
            if let Some(list) = lists.get_mut(&belongs).filter(|_| due) {
                list.push((values, found));
            }
        }
        let mut rows = Vec::new();
        let mut bytes = 0;
        for (among, mut list) in lists {
            list.sort_by(|(left, _), (right, _)| compare_in(order, left, right));
            for (_, found) in list.into_iter().take(*limit) {
                let row = self.row(&found, selection, among.clone());
                bytes += row.bytes();
                if bytes > ANSWER_BYTES {
                    return Err(too_many_bytes());
                }
                rows.push(row);
            }
        }
        Ok(rows)
    }

    fn groups(&mut self, grouping: &Grouping<'_>) -> Result<Vec<Group>> {
        let Grouping { from, filter, joins, by, aggregates, at: _ } = grouping;
        let fresh = || aggregates.iter().map(|(_, aggregate)| Tally::of(aggregate)).collect::<Vec<_>>();
        let mut groups: BTreeMap<String, (Vec<Value>, Vec<Tally<'_>>)> = BTreeMap::new();
        if by.is_empty() {
            groups.insert("[]".to_owned(), (Vec::new(), fresh()));
        }
        for found in self.matches(from, joins, filter) {
            found.scoped(joins, |scope| {
                let keys: Vec<Value> = by.iter().map(|path| scope.get(path).clone()).collect();
                let text = Value::Array(keys.clone()).to_string();
                let (_, tallies) = groups.entry(text).or_insert_with(|| (keys, fresh()));
                tallies.iter_mut().for_each(|tally| tally.add(scope));
            });
            if groups.len() > QUERY_GROUPS {
                return Err(too_many_groups());
            }
        }
        let finished = groups
            .into_values()
            .map(|(keys, tallies)| Group { keys, values: tallies.into_iter().map(Tally::finish).collect() });
        Ok(finished.collect())
    }

    fn reads_along(&self, _: &Selection<'_>) -> bool {
        true
    }

    fn explain(&mut self, selection: &Selection<'_>) -> Result<Vec<String>> {
        let mut plan = vec![format!("SCAN {} in memory", selection.from)];
        plan.extend(selection.joins.iter().map(|join| format!("HASH JOIN {} as {}", join.collection, join.name)));
        Ok(plan)
    }
}

/// An aggregate on its way.
enum Tally<'q> {
    Count(u64),
    CountOf(&'q Path, u64),
    Sum(&'q Path, Numbers),
    Average(&'q Path, Numbers),
    Extreme(&'q Path, Ordering, Value),
}

impl<'q> Tally<'q> {
    fn of(aggregate: &'q Aggregate) -> Tally<'q> {
        match aggregate {
            Aggregate::Count => Tally::Count(0),
            Aggregate::CountOf(path) => Tally::CountOf(path, 0),
            Aggregate::Sum(path) => Tally::Sum(path, Numbers::default()),
            Aggregate::Average(path) => Tally::Average(path, Numbers::default()),
            Aggregate::Min(path) => Tally::Extreme(path, Ordering::Less, Value::Null),
            Aggregate::Max(path) => Tally::Extreme(path, Ordering::Greater, Value::Null),
        }
    }

    fn add(&mut self, scope: &Scope<'_>) {
        match self {
            Tally::Count(count) => *count += 1,
            Tally::CountOf(path, count) => *count += u64::from(!scope.get(path).is_null()),
            Tally::Sum(path, numbers) | Tally::Average(path, numbers) => numbers.add(scope.get(path)),
            Tally::Extreme(path, wanted, best) => {
                let value = scope.get(path);
                if !value.is_null() && (best.is_null() || compare(value, best) == *wanted) {
                    *best = value.clone();
                }
            }
        }
    }

    fn finish(self) -> Value {
        match self {
            Tally::Count(count) | Tally::CountOf(_, count) => Value::from(count),
            Tally::Sum(_, numbers) => numbers.sum(),
            Tally::Average(_, numbers) => numbers.average(),
            Tally::Extreme(_, _, best) => best,
        }
    }
}
