//! Laying rules over a query: what may not be read is not there, in any part of it.

use std::borrow::Cow;

use super::{Action, Bound};
use crate::error::{Code, Error, Result};
use crate::id::CollectionName;
use crate::query::bind::{Binding, bind};
use crate::query::tree::{Aggregate, Condition, Include, Join, Operand, Order, Query, Relation};
use crate::schema::model::Schema;
use crate::value::{Path, Value};

/// The query of somebody to whom no rule applies.
pub(super) fn bound_to(mut query: Query, auth: &Value) -> Query {
    let bind = |condition: &mut Condition| {
        if let Cow::Owned(bound) = plain(condition, auth) {
            *condition = bound;
        }
    };
    bind(&mut query.filter);
    query.joins.iter_mut().for_each(|join| bind(&mut join.filter));
    query.includes.iter_mut().for_each(|include| each_include(include, &bind));
    query
}

fn each_include(include: &mut Include, bind: &impl Fn(&mut Condition)) {
    bind(&mut include.filter);
    include.includes.iter_mut().for_each(|inner| each_include(inner, bind));
}

/// A condition of somebody to whom no rule applies. Most ask for nobody, and are as they should be.
pub(super) fn plain<'c>(condition: &'c Condition, auth: &Value) -> Cow<'c, Condition> {
    match asks_for_somebody(condition) {
        false => Cow::Borrowed(condition),
        true => Cow::Owned(bind(condition, &Binding { auth, old: None, role: &|_| false })),
    }
}

fn asks_for_somebody(condition: &Condition) -> bool {
    condition.any(&|one| match one {
        Condition::Compare(_, left, right) => matches!(left, Operand::Given(_)) || matches!(right, Operand::Given(_)),
        Condition::In(operand, _) | Condition::Contains(_, operand) => matches!(operand, Operand::Given(_)),
        Condition::OneOf(..) => true,
        _ => false,
    })
}

/// The query as far as the rules let it see.
pub(super) fn restrict(mut query: Query, bound: &Bound, schema: &Schema) -> Result<Query> {
    if query.explain {
        return Err(Error::new(Code::Forbidden, "How a query runs is shown to API keys with the role `admin` alone."));
    }
    let joins = query.joins.clone();
    let here = Sight { bound, schema, collection: &query.from, joins: &joins };
    for path in query.group_by.iter().chain(query.aggregates.iter().filter_map(|(_, aggregate)| read_by(aggregate))) {
        here.may_use(path)?;
    }
    if !query.is_grouped() {
        here.may_order(&query.order)?;
    }
    let filter = here.condition(&query.filter)?;
    // The rule is about the document itself: no join may be named so that it stands in a field's place.
    let rule = bound.rule(Action::Read, &query.from, schema, None);
    let rule =
        if joins.is_empty() || rule.is_always() || rule.is_never() { rule } else { Condition::Own(Box::new(rule)) };
    query.filter = filter.and(rule);
    query.hidden = bound.hidden(&query.from, schema);
    for (position, join) in query.joins.iter_mut().enumerate() {
        let earlier = joins.get(..position).unwrap_or_default();
        let from_here = Sight { joins: earlier, ..here };
        let there = Sight { bound, schema, collection: &join.collection, joins: &[] };
        for (left, right) in &join.on {
            from_here.may_use(left)?;
            there.may_use(right)?;
        }
        join.filter = there.condition(&join.filter)?.and(bound.rule(Action::Read, &join.collection, schema, None));
        join.hidden = bound.hidden(&join.collection, schema);
    }
    let own = Sight { joins: &[], ..here };
    query.includes.iter_mut().try_for_each(|include| own.include(include))?;
    Ok(query)
}

/// A condition on a document of a collection, as far as the rules let it see.
pub(super) fn condition(
    condition: &Condition,
    collection: &CollectionName,
    bound: &Bound,
    schema: &Schema,
) -> Result<Condition> {
    Sight { bound, schema, collection, joins: &[] }.condition(condition)
}

/// What can be seen from a document.
#[derive(Clone, Copy)]
struct Sight<'s> {
    bound: &'s Bound,
    schema: &'s Schema,
    collection: &'s CollectionName,
    joins: &'s [Join],
}

impl Sight<'_> {
    /// Refuses to ask by a field that may not be read in every document that may: the answer would tell of it.
    fn may_use(&self, path: &Path) -> Result<()> {
        let (collection, field) = match self.joins.iter().find(|join| join.name == path.head()) {
            Some(join) => (&join.collection, path.tail()),
            None => (self.collection, Some(path.clone())),
        };
        let hidden = self.bound.hidden(collection, self.schema);
        let found = match &field {
            Some(field) => hidden.iter().find(|hidden| hidden.name == field.head()),
            // All of a joined document.
            None => hidden.first(),
        };
        match found {
            None => Ok(()),
            Some(hidden) => Err(Error::new(
                Code::Forbidden,
                format!("You may not ask by `{}` of `{collection}`: no rule lets you read it everywhere.", hidden.name),
            )
            .with("collection", collection.as_str())
            .with("field", hidden.name.as_str())),
        }
    }

    fn may_order(&self, order: &[Order]) -> Result<()> {
        order.iter().try_for_each(|term| self.may_use(&term.path))
    }

    fn condition(&self, condition: &Condition) -> Result<Condition> {
        Ok(self.bound.bind(&self.seen(condition)?, None))
    }

    /// The condition, in which documents that may not be read do not exist.
    fn seen(&self, condition: &Condition) -> Result<Condition> {
        let each = |all: &[Condition]| all.iter().map(|one| self.seen(one)).collect::<Result<Vec<_>>>();
        Ok(match condition {
            Condition::And(all) => Condition::And(each(all)?),
            Condition::Or(any) => Condition::Or(each(any)?),
            Condition::Not(one) => Condition::Not(Box::new(self.seen(one)?)),
            Condition::Own(one) => Condition::Own(Box::new(Sight { joins: &[], ..*self }.seen(one)?)),
            Condition::Exists(relation, inner) => {
                let there = self.along(relation)?;
                let rule = self.bound.rule(Action::Read, there.collection, self.schema, None);
                let rule = if rule.is_always() || rule.is_never() { rule } else { Condition::Seen(Box::new(rule)) };
                Condition::Exists(relation.clone(), Box::new(there.seen(inner)?.and(rule)))
            }
            Condition::Compare(_, left, right) => {
                self.may_compare(left)?;
                self.may_compare(right)?;
                condition.clone()
            }
            Condition::In(operand, _) | Condition::OneOf(operand, _) => {
                self.may_compare(operand)?;
                condition.clone()
            }
            Condition::Like(path, _)
            | Condition::Prefix(path, _)
            | Condition::Contains(path, _)
            | Condition::IsNull(path) => {
                self.may_use(path)?;
                condition.clone()
            }
            Condition::Role(_) | Condition::Seen(_) => condition.clone(),
        })
    }

    fn may_compare(&self, operand: &Operand) -> Result<()> {
        match operand {
            Operand::Path(path) => self.may_use(path),
            Operand::Value(_) | Operand::Given(_) => Ok(()),
        }
    }

    /// What can be seen at the other end of a relation, which starts at the document itself.
    fn along<'r>(&self, relation: &'r Relation) -> Result<Sight<'r>>
    where
        Self: 'r,
    {
        let there = Sight { bound: self.bound, schema: self.schema, collection: relation.collection(), joins: &[] };
        match relation {
            Relation::Forward { path, .. } => Sight { joins: &[], ..*self }.may_use(path)?,
            Relation::Reverse { by, .. } => there.may_use(by)?,
        }
        Ok(there)
    }

    fn include(&self, include: &mut Include) -> Result<()> {
        let relation = include.relation.clone();
        let there = self.along(&relation)?;
        there.may_order(&include.order)?;
        let rule = self.bound.rule(Action::Read, there.collection, self.schema, None);
        include.filter = there.condition(&include.filter)?.and(rule);
        include.hidden = self.bound.hidden(there.collection, self.schema);
        include.includes.iter_mut().try_for_each(|inner| there.include(inner))
    }
}

fn read_by(aggregate: &Aggregate) -> Option<&Path> {
    match aggregate {
        Aggregate::Count => None,
        Aggregate::CountOf(path)
        | Aggregate::Sum(path)
        | Aggregate::Average(path)
        | Aggregate::Min(path)
        | Aggregate::Max(path) => Some(path),
    }
}
