//! What rules mean, said a second time: over plain JSON, one document at a time.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Documents by collection and id.
pub type Documents = BTreeMap<String, BTreeMap<String, Value>>;

/// Who asks: claims, and the roles that were given.
#[derive(Clone, Debug)]
pub struct Who {
    pub claims: Value,
    pub roles: Vec<String>,
}

/// The documents that a principal may read, without the fields that it may not.
pub fn visible(all: &Documents, schema: &Value, who: &Who) -> Documents {
    let who = &with_roles(all, schema, who);
    let mut seen = Documents::new();
    for (collection, documents) in all {
        for (id, document) in documents.iter().filter(|(_, document)| may_read(all, schema, who, collection, document))
        {
            let mut document = document.clone();
            document.as_object_mut().expect("an object").retain(|field, _| {
                let rule = &schema["collections"][collection]["rules"]["fields"][field]["read"];
                rule.is_null() || allows(all, schema, who, rule, (collection, &documents[id]), &Value::Null)
            });
            seen.entry(collection.clone()).or_default().insert(id.clone(), document);
        }
    }
    seen
}

pub fn may_read(all: &Documents, schema: &Value, who: &Who, collection: &str, document: &Value) -> bool {
    let rule = &schema["collections"][collection]["rules"]["read"];
    allows(all, schema, who, rule, (collection, document), &Value::Null)
}

/// Whether a rule allows something of a document.
pub fn allows(
    all: &Documents,
    schema: &Value,
    who: &Who,
    rule: &Value,
    (collection, document): (&str, &Value),
    old: &Value,
) -> bool {
    match rule {
        Value::Bool(always) => *always,
        Value::Null => false,
        _ => Judge { all, schema, who, old }.holds(rule, collection, document) == Some(true),
    }
}

struct Judge<'a> {
    all: &'a Documents,
    schema: &'a Value,
    who: &'a Who,
    old: &'a Value,
}

impl Judge<'_> {
    /// `None` where a claim is asked for that is not there (Kleene's logic: unknown).
    fn holds(&self, condition: &Value, collection: &str, document: &Value) -> Option<bool> {
        let parts = condition.as_array().expect("a condition");
        let operands = &parts[1..];
        match parts[0].as_str().expect("an operator") {
            "and" => {
                let all: Vec<_> = operands.iter().map(|one| self.holds(one, collection, document)).collect();
                if all.contains(&Some(false)) {
                    Some(false)
                } else {
                    all.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
                }
            }
            "or" => {
                let any: Vec<_> = operands.iter().map(|one| self.holds(one, collection, document)).collect();
                if any.contains(&Some(true)) {
                    Some(true)
                } else {
                    any.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
                }
            }
            "not" => self.holds(&operands[0], collection, document).map(|holds| !holds),
            "role" => Some(self.who.roles.iter().any(|role| operands[0] == json!(role))),
            "null" => Some(self.value(&operands[0], collection, document, true).unwrap_or(Value::Null).is_null()),
            "exists" => {
                let related = self.related(&operands[0], collection, document);
                let always = json!(["and"]);
                let inner = operands.get(1).unwrap_or(&always);
                let each: Vec<_> =
                    related.into_iter().map(|(there, document)| self.holds(inner, there, document)).collect();
                if each.contains(&Some(true)) {
                    Some(true)
                } else {
                    each.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
                }
            }
            operator => {
                let left = self.value(&operands[0], collection, document, true)?;
                let right = self.value(&operands[1], collection, document, false)?;
                Some(match operator {
                    "=" => left == right,
                    "!=" => left != right,
                    "<" => left.as_i64().zip(right.as_i64()).is_some_and(|(left, right)| left < right),
                    "in" => {
                        let from_claim = operands[1].is_object();
                        let items = right.as_array().cloned();
                        if from_claim && items.is_none() {
                            return None;
                        }
                        items.expect("a list").iter().any(|item| *item == left && !(from_claim && item.is_null()))
                    }
                    "contains" => {
                        let is_claim = operands[0].is_object();
                        match (&left, &right) {
                            (Value::Array(items), wanted) => items.contains(wanted),
                            _ if is_claim => return None,
                            (Value::String(text), Value::String(part)) => text.contains(part),
                            _ => false,
                        }
                    }
                    other => panic!("{other} is not generated"),
                })
            }
        }
    }

    /// What an operand comes to; `None` of a claim that is not there.
    fn value(&self, operand: &Value, collection: &str, document: &Value, is_left: bool) -> Option<Value> {
        match operand {
            Value::Object(members) => match (members.get("auth"), members.get("old"), members.get("path")) {
                (Some(claim), ..) => Some(self.who.claims[claim.as_str()?].clone()).filter(|value| !value.is_null()),
                (_, Some(field), _) => Some(self.old[field.as_str()?].clone()),
                (.., Some(path)) => Some(self.field(path.as_str()?, collection, document)),
                _ => panic!("{operand} is not generated"),
            },
            Value::String(path) if is_left => Some(self.field(path, collection, document)),
            literal => Some(literal.clone()),
        }
    }

    fn field(&self, path: &str, collection: &str, document: &Value) -> Value {
        match path.split_once('.') {
            None => document[path].clone(),
            Some((reference, rest)) => {
                let target = self.schema["collections"][collection]["fields"][reference]["ref"].as_str();
                let there = target.zip(document[reference].as_str());
                let found = there.and_then(|(target, id)| self.all.get(target)?.get(id).map(|found| (target, found)));
                found.map_or(Value::Null, |(target, found)| self.field(rest, target, found))
            }
        }
    }

    fn related<'r>(&'r self, relation: &'r Value, collection: &str, document: &Value) -> Vec<(&'r str, &'r Value)> {
        if let Some(reference) = relation.as_str() {
            let target =
                self.schema["collections"][collection]["fields"][reference]["ref"].as_str().expect("a reference");
            let found = document[reference].as_str().and_then(|id| self.all.get(target)?.get(id));
            return found.map(|found| (target, found)).into_iter().collect();
        }
        let (from, by) = (relation["from"].as_str().expect("from"), relation["by"].as_str().expect("by"));
        let there = self.all.get(from).into_iter().flatten();
        there.filter(|(_, other)| other[by] == document["id"]).map(|(_, other)| (from, other)).collect()
    }
}

/// Who asks, with every role that follows from what is there: nobody gets one by the very change that it would allow.
pub fn with_roles(all: &Documents, schema: &Value, who: &Who) -> Who {
    let has = |name: &String| {
        let (from, membership) = (schema["roles"][name]["from"].as_str(), &schema["roles"][name]["membership"]);
        let holds = |(collection, document): (&str, &Value)| {
            allows(all, schema, who, membership, (collection, document), &Value::Null)
        };
        who.roles.contains(name)
            || match from {
                None => holds(("none", &json!({}))),
                Some(from) => all[from].values().any(|document| holds((from, document))),
            }
    };
    let roles = schema["roles"].as_object().expect("roles").keys().filter(|name| has(name)).cloned().collect();
    Who { claims: who.claims.clone(), roles }
}

/// A document without the system's members.
pub fn own(document: &Value) -> Map<String, Value> {
    let mut members = document.as_object().expect("an object").clone();
    members.retain(|name, _| name != "id" && !name.starts_with('_'));
    members
}
