//! Binding a condition: what stands for whoever asks, and for the document before a change, becomes values.
//!
//! A claim that is not there, or null, lets nobody in: a comparison with it comes out so that the whole is refused
//! rather than allowed, under a `not` as well. Only `null` and the literal null ask whether it is there.

use super::condition::holds;
use super::tree::{Comparison, Condition, Given, Operand};
use crate::value::{Path, Value};

/// What conditions are bound to.
pub struct Binding<'b> {
    /// What whoever asks is known to be: an object.
    pub auth: &'b Value,
    /// The document before the change, if there is a change.
    pub old: Option<&'b Value>,
    /// Whether whoever asks has a role.
    pub role: &'b dyn Fn(&str) -> bool,
}

/// The condition with values in place of what was given. What is decided by that alone is folded away.
#[must_use]
pub fn bind(condition: &Condition, binding: &Binding<'_>) -> Condition {
    binding.bind(condition, false).unwrap_or_else(Condition::never)
}

fn constant(holds: bool) -> Condition {
    if holds { Condition::always() } else { Condition::never() }
}

impl Binding<'_> {
    /// `None` of what asks for something that is not there. `negated` says that an odd number of `not` stands around it.
    fn bind(&self, condition: &Condition, negated: bool) -> Option<Condition> {
        Some(match condition {
            Condition::And(all) => {
                let mut bound = self.each(all, negated, negated)?;
                if bound.iter().any(Condition::is_never) {
                    return Some(Condition::never());
                }
                bound.retain(|one| !one.is_always());
                single(bound, Condition::And)
            }
            Condition::Or(any) => {
                let mut bound = self.each(any, negated, !negated)?;
                if bound.iter().any(Condition::is_always) {
                    return Some(Condition::always());
                }
                bound.retain(|one| !one.is_never());
                single(bound, Condition::Or)
            }
            Condition::Not(one) => match self.bind(one, !negated)? {
                bound if bound.is_always() => Condition::never(),
                bound if bound.is_never() => Condition::always(),
                bound => Condition::Not(Box::new(bound)),
            },
            Condition::Compare(comparison, left, right) => self.compare(*comparison, left, right)?,
            Condition::In(operand, values) => decided(Condition::In(self.operand(operand)?, values.clone())),
            Condition::OneOf(operand, list) => {
                let Value::Array(mut items) = self.given(list)? else { return None };
                items.retain(|item| !item.is_null());
                decided(Condition::In(self.operand(operand)?, items))
            }
            Condition::Contains(path, operand) => Condition::Contains(path.clone(), self.operand(operand)?),
            Condition::Exists(relation, inner) => match self.bind(inner, negated)? {
                inner if inner.is_never() => inner,
                inner => Condition::Exists(relation.clone(), Box::new(inner)),
            },
            Condition::Role(name) => constant((self.role)(name)),
            Condition::Own(inner) => match self.bind(inner, negated)? {
                bound if bound.is_always() || bound.is_never() => bound,
                bound => Condition::Own(Box::new(bound)),
            },
            // Who asks is known to it already.
            Condition::Seen(_) => condition.clone(),
            Condition::Like(..) | Condition::Prefix(..) | Condition::IsNull(_) => condition.clone(),
        })
    }

    /// Several conditions. Those that ask for what is not there are left out where the others may hold without them.
    fn each(&self, all: &[Condition], negated: bool, may_lack: bool) -> Option<Vec<Condition>> {
        let bound: Vec<Condition> = all.iter().filter_map(|one| self.bind(one, negated)).collect();
        let lacks = bound.len() < all.len();
        (!lacks || (may_lack && !bound.is_empty())).then_some(bound)
    }

    fn compare(&self, comparison: Comparison, left: &Operand, right: &Operand) -> Option<Condition> {
        // Whether it is there at all may be asked.
        let is_null = |operand: &Operand| *operand == Operand::Value(Value::Null);
        let asks = |one: &Operand, other: &Operand| is_null(one) && matches!(other, Operand::Given(_));
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) && (asks(left, right) || asks(right, left)) {
            let (left, right) = (self.operand(left), self.operand(right));
            let is_missing = left.is_none() || right.is_none() || left == right;
            return Some(constant(is_missing == (comparison == Comparison::Equal)));
        }
        Some(decided(Condition::Compare(comparison, self.operand(left)?, self.operand(right)?)))
    }

    /// The operand with a value in place of what was given; `None` if that is not there.
    fn operand(&self, operand: &Operand) -> Option<Operand> {
        match operand {
            Operand::Given(given) => self.given(given).map(Operand::Value),
            known => Some(known.clone()),
        }
    }

    fn given(&self, given: &Given) -> Option<Value> {
        let at = |path: &Path, document: &Value| path.get(document).cloned();
        match given {
            Given::Auth(path) => at(path, self.auth).filter(|value| !value.is_null()),
            // What a document does not have is null, as everywhere.
            Given::Old(path) => self.old.map(|old| at(path, old).unwrap_or(Value::Null)),
        }
    }
}

/// A list of one is that one.
fn single(mut bound: Vec<Condition>, several: impl Fn(Vec<Condition>) -> Condition) -> Condition {
    match (bound.pop(), bound.is_empty()) {
        (Some(one), true) => one,
        (Some(last), false) => {
            bound.push(last);
            several(bound)
        }
        (None, _) => several(bound),
    }
}

/// The condition, or what it comes to where nothing of the document is in it.
fn decided(condition: Condition) -> Condition {
    match &condition {
        Condition::Compare(_, Operand::Value(_), Operand::Value(_)) | Condition::In(Operand::Value(_), _) => {
            constant(holds(&condition, &Value::Null))
        }
        _ => condition,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bound(condition: &Condition, auth: &Value) -> Condition {
        bind(condition, &Binding { auth, old: None, role: &|name| name == "staff" })
    }

    fn path(text: &str) -> Path {
        Path::parse(text).expect(text)
    }

    fn auth(text: &str) -> Operand {
        Operand::Given(Given::Auth(path(text)))
    }

    #[test]
    fn a_claim_becomes_its_value() {
        let owner = Condition::Compare(Comparison::Equal, Operand::Path(path("owner")), auth("sub"));
        let expected =
            Condition::Compare(Comparison::Equal, Operand::Path(path("owner")), Operand::Value(json!("ann")));
        assert_eq!(bound(&owner, &json!({"sub": "ann"})), expected);
        let role = Condition::Compare(Comparison::Equal, auth("plan"), Operand::Value(json!("pro")));
        assert!(bound(&role, &json!({"plan": "pro"})).is_always());
        assert!(bound(&role, &json!({"plan": "free"})).is_never());
    }

    #[test]
    fn a_claim_that_is_missing_lets_nobody_in_however_it_is_asked() {
        let compare = |comparison| Condition::Compare(comparison, Operand::Path(path("owner")), auth("sub"));
        let list = Given::Auth(path("teams"));
        let asked = [
            compare(Comparison::Equal),
            compare(Comparison::NotEqual),
            compare(Comparison::Less),
            Condition::OneOf(Operand::Path(path("team")), list.clone()),
            Condition::Contains(path("members"), auth("sub")),
            Condition::In(auth("sub"), vec![json!("ann")]),
        ];
        for claims in [json!({}), json!({"sub": null, "teams": "not a list"})] {
            for condition in &asked {
                assert!(bound(condition, &claims).is_never(), "{condition:?}");
                let not = Condition::Not(Box::new(condition.clone()));
                assert!(bound(&not, &claims).is_never(), "not {condition:?}");
                assert!(bound(&Condition::Not(Box::new(not)), &claims).is_never(), "not not {condition:?}");
                let relation = crate::query::tree::Relation::Forward {
                    path: path("team"),
                    collection: crate::id::CollectionName::parse("teams").expect("a name"),
                };
                let along = Condition::Exists(relation, Box::new(condition.clone()));
                assert!(bound(&along, &claims).is_never(), "along {condition:?}");
                assert!(bound(&Condition::Not(Box::new(along)), &claims).is_never(), "not along {condition:?}");
            }
        }
    }

    #[test]
    fn what_holds_without_the_missing_claim_still_does() {
        let owner = Condition::Compare(Comparison::Equal, Operand::Path(path("owner")), auth("sub"));
        let public = Condition::IsNull(path("hidden"));
        let either = Condition::Or(vec![owner.clone(), public.clone()]);
        assert_eq!(bound(&either, &json!({})), public);
        assert!(bound(&Condition::Not(Box::new(either)), &json!({})).is_never());
        let both = Condition::And(vec![owner, public.clone()]);
        assert!(bound(&both, &json!({})).is_never());
        let not_both = bound(&Condition::Not(Box::new(both)), &json!({}));
        assert_eq!(not_both, Condition::Not(Box::new(public)));
    }

    #[test]
    fn whether_a_claim_is_there_can_be_asked() {
        let null = Condition::Compare(Comparison::Equal, auth("sub"), Operand::Value(Value::Null));
        assert!(bound(&null, &json!({})).is_always());
        assert!(bound(&null, &json!({"sub": "ann"})).is_never());
        assert!(bound(&Condition::Not(Box::new(null)), &json!({})).is_never());
    }

    #[test]
    fn roles_are_decided_and_folded_away() {
        let public = Condition::IsNull(path("hidden"));
        let any = |role: &str| Condition::Or(vec![Condition::Role(role.to_owned()), public.clone()]);
        assert!(bound(&any("staff"), &json!({})).is_always());
        assert_eq!(bound(&any("other"), &json!({})), public);
        assert!(bound(&Condition::Not(Box::new(Condition::Role("staff".to_owned()))), &json!({})).is_never());
    }
}
