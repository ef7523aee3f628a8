//! Conditions in memory: exactly what [`super::tree`] says they mean.

use std::cmp::Ordering;

use super::like::like;
use super::tree::{Comparison, Condition, Operand, Relation};
use crate::value::{Class, Path, Value, class, compare};

/// Whether a condition holds of a document alone. It has no relations here: an `exists` in it is false.
#[must_use]
pub fn holds(condition: &Condition, document: &Value) -> bool {
    holds_in(condition, &Scope::of(document), &|_, _, _| false)
}

/// What the paths of a condition address: a document, and the documents joined to it by name.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The document.
    pub document: &'a Value,
    /// The joined documents; null where an optional join found nothing.
    pub joined: &'a [(&'a str, &'a Value)],
}

impl<'a> Scope<'a> {
    /// A document alone.
    #[must_use]
    pub fn of(document: &'a Value) -> Scope<'a> {
        Scope { document, joined: &[] }
    }

    /// What a path leads to: into a joined document if its first segment is the name of one. Null if nowhere.
    #[must_use]
    pub fn get(&self, path: &Path) -> &'a Value {
        let joined = self.joined.iter().find(|(name, _)| *name == path.head());
        let (start, skip) = joined.map_or((self.document, 0), |(_, document)| (*document, 1));
        let mut segments = path.segments().iter().skip(skip);
        segments.try_fold(start, |at, segment| at.as_object()?.get(segment)).unwrap_or(&Value::Null)
    }

    /// `None` of what is not bound.
    fn operand<'o>(&self, operand: &'o Operand) -> Option<&'o Value>
    where
        'a: 'o,
    {
        match operand {
            Operand::Path(path) => Some(self.get(path)),
            Operand::Value(value) => Some(value),
            Operand::Given(_) => None,
        }
    }
}

/// Looks along a relation from a document: whether some document there satisfies the condition.
pub type Along<'f> = dyn Fn(&Relation, &Value, &Condition) -> bool + 'f;

/// Whether a condition holds in a scope. Relations start at the scope's own document, whatever is joined.
#[must_use]
pub fn holds_in(condition: &Condition, scope: &Scope<'_>, along: &Along<'_>) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|one| holds_in(one, scope, along)),
        Condition::Or(any) => any.iter().any(|one| holds_in(one, scope, along)),
        Condition::Not(one) => !holds_in(one, scope, along),
        Condition::Compare(comparison, left, right) => match (scope.operand(left), scope.operand(right)) {
            (Some(left), Some(right)) => compares(*comparison, left, right),
            _ => false,
        },
        Condition::In(operand, values) => {
            scope.operand(operand).is_some_and(|value| values.iter().any(|one| equal(value, one)))
        }
        Condition::Like(path, pattern) => scope.get(path).as_str().is_some_and(|text| like(text, pattern)),
        Condition::Prefix(path, prefix) => scope.get(path).as_str().is_some_and(|text| text.starts_with(prefix)),
        Condition::Contains(path, Operand::Value(wanted)) => match (scope.get(path), wanted) {
            (Value::Array(items), wanted) => items.iter().any(|item| equal(item, wanted)),
            (Value::String(text), Value::String(wanted)) => text.contains(wanted.as_str()),
            _ => false,
        },
        Condition::IsNull(path) => scope.get(path).is_null(),
        Condition::Exists(relation, condition) => along(relation, scope.document, condition),
        Condition::Own(condition) | Condition::Seen(condition) => {
            holds_in(condition, &Scope::of(scope.document), along)
        }
        // They are bound before anything is asked.
        Condition::Contains(..) | Condition::OneOf(..) | Condition::Role(_) => false,
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    compare(left, right) == Ordering::Equal
}

fn compares(comparison: Comparison, left: &Value, right: &Value) -> bool {
    let order = compare(left, right);
    let ranks = class(left) == class(right) && matches!(class(left), Class::Boolean | Class::Number | Class::String);
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => ranks && order.is_lt(),
        Comparison::LessOrEqual => ranks && order.is_le(),
        Comparison::Greater => ranks && order.is_gt(),
        Comparison::GreaterOrEqual => ranks && order.is_ge(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).expect(text)
    }

    #[test]
    fn a_joined_document_shadows_a_field_of_its_name() {
        let (document, joined) = (json!({"c": 1, "a": {"b": 2}}), json!({"name": "x"}));
        let scope = Scope { document: &document, joined: &[("c", &joined), ("d", &Value::Null)] };
        assert_eq!(scope.get(&path("c.name")), &json!("x"));
        assert_eq!(scope.get(&path("c")), &joined);
        assert_eq!(scope.get(&path("a.b")), &json!(2));
        for nowhere in ["c.a", "d", "d.name", "a.b.c", "x"] {
            assert_eq!(scope.get(&path(nowhere)), &Value::Null, "{nowhere}");
        }
    }

    #[test]
    fn an_exists_finds_nothing_where_there_are_no_relations() {
        let collection = crate::id::CollectionName::parse("lines").expect("a name");
        let relation = Relation::Reverse { collection, by: path("order") };
        let exists = Condition::Exists(relation, Box::new(Condition::always()));
        assert!(!holds(&exists, &json!({"id": "o1"})));
        assert!(holds(&Condition::Not(Box::new(exists)), &json!({"id": "o1"})));
    }
}
