//! Conditions and relations from JSON.

use super::shape::{Members, Scope, path, shown, too_wide, wrong};
use crate::error::{Code, Error, Result};
use crate::id::CollectionName;
use crate::limits::{CONDITION_DEPTH, CONDITION_NODES, DOCUMENT_BYTES, EXISTS_DEPTH, IN_VALUES, LIKE_PATTERN_BYTES};
use crate::query::condition::holds;
use crate::query::like::like_to_glob;
use crate::query::names::Names;
use crate::query::tree::{Comparison, Condition, Given, Operand, Relation};
use crate::value::{Path, Value};

const OPERATORS: &str = "=, !=, <, <=, >, >=, is, in, like, prefix, contains, null, and, or, not, exists";

/// What may stand for a value that is known later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Givens {
    /// Nothing.
    Nothing,
    /// Who asks.
    Auth,
    /// Who asks, which roles that gives, and, in a rule of updates, the document before.
    Rule {
        /// It is a rule of updates.
        old: bool,
    },
}

/// Reads the conditions of one query and counts what they hold altogether.
pub(super) struct Conditions {
    nodes: usize,
    givens: Givens,
}

/// How deep a condition stands: in operators, and in `exists` around it.
#[derive(Clone, Copy, Default)]
struct Depth {
    operators: usize,
    exists: usize,
}

impl Conditions {
    /// Nothing is read yet.
    pub(super) fn new(givens: Givens) -> Conditions {
        Conditions { nodes: 0, givens }
    }

    /// The condition that a member spells; always true if it is missing.
    pub(super) fn read(&mut self, value: Option<&Value>, scope: &Scope<'_>) -> Result<Condition> {
        value.map_or(Ok(Condition::always()), |value| self.condition(value, scope, Depth::default()))
    }

    fn condition(&mut self, value: &Value, scope: &Scope<'_>, depth: Depth) -> Result<Condition> {
        self.nodes += 1;
        if self.nodes > CONDITION_NODES {
            return Err(too_wide(format!("A query has at most {CONDITION_NODES} operators in all its conditions.")));
        }
        if depth.operators >= CONDITION_DEPTH {
            return Err(too_wide(format!("Conditions nest at most {CONDITION_DEPTH} levels deep.")));
        }
        let deeper = Depth { operators: depth.operators + 1, ..depth };
        let Some((Value::String(operator), operands)) = value.as_array().and_then(|items| items.split_first()) else {
            return Err(wrong("A condition is an array, operator first: [\"=\", \"status\", \"open\"]."));
        };
        if let Some(along) = self.along_reference(operator, operands, scope, deeper)? {
            return Ok(along);
        }
        match (operator.as_str(), operands) {
            ("and", all) => self.each(all, scope, deeper).map(Condition::And),
            ("or", any) => self.each(any, scope, deeper).map(Condition::Or),
            ("not", [one]) => Ok(Condition::Not(Box::new(self.condition(one, scope, deeper)?))),
            ("null", [at]) => Ok(match self.subject(at, scope)? {
                Operand::Path(path) => Condition::IsNull(path),
                given => Condition::Compare(Comparison::Equal, given, Operand::Value(Value::Null)),
            }),
            ("in", [at, values]) => {
                let subject = self.subject(at, scope)?;
                match self.given(values)? {
                    Some(list) => Ok(Condition::OneOf(subject, list)),
                    None => Ok(Condition::In(subject, list(values)?)),
                }
            }
            ("like", [at, Value::String(pattern)]) => like(scope.path(at)?, pattern),
            ("prefix", [at, Value::String(start)]) => {
                fits(start.len())?;
                Ok(Condition::Prefix(scope.path(at)?, start.clone()))
            }
            ("contains", [at, value]) => {
                let value = match self.given(value)? {
                    Some(given) => Operand::Given(given),
                    None => Operand::Value(literal(value)?),
                };
                match self.given(at)? {
                    Some(list) => Ok(Condition::OneOf(value, list)),
                    None => Ok(Condition::Contains(scope.path(at)?, value)),
                }
            }
            ("role", [Value::String(name)]) if matches!(self.givens, Givens::Rule { .. }) => {
                Ok(Condition::Role(name.clone()))
            }
            ("exists", [relation]) => self.exists(relation, None, scope, deeper),
            ("exists", [relation, condition]) => self.exists(relation, Some(condition), scope, deeper),
            (operator, [left, right]) if comparison(operator).is_some() => {
                let comparison = comparison(operator).unwrap_or(Comparison::Equal);
                Ok(Condition::Compare(comparison, self.subject(left, scope)?, self.operand(right, scope)?))
            }
            (operator, _) => Err(misused(operator)),
        }
    }

    /// A condition on a field of the document that a reference leads to, `["=", "team.owner", …]`: it is one with
    /// `exists`. Where there is no such document its fields are null, so what holds of null holds then too.
    fn along_reference(
        &mut self,
        operator: &str,
        operands: &[Value],
        scope: &Scope<'_>,
        depth: Depth,
    ) -> Result<Option<Condition>> {
        let is_of_a_path = matches!(operator, "null" | "in" | "like" | "prefix" | "contains");
        if !is_of_a_path && comparison(operator).is_none() {
            return Ok(None);
        }
        let Some((at, rest)) = operands.split_first() else { return Ok(None) };
        if self.given(at)?.is_some() {
            return Ok(None);
        }
        let Some((relation, inside)) = scope.along(&path(at)?) else { return Ok(None) };
        if rest.iter().any(|operand| operand.as_object().is_some_and(|members| members.contains_key("path"))) {
            return Err(wrong(
                "Along a reference a field compares with a value; for two fields of one document use `exists`.",
            ));
        }
        // "!=" is exactly the contrary of "=".
        let (operator, negated) = if operator == "!=" { ("=", true) } else { (operator, false) };
        let inside = Value::from_iter([("path", Value::from(inside.segments().to_vec()))]);
        let spelled = std::iter::once(Value::from(operator)).chain([inside]).chain(rest.iter().cloned());
        if depth.exists >= EXISTS_DEPTH {
            return Err(too_wide(format!("References lead at most {EXISTS_DEPTH} steps on.")));
        }
        let there = Scope::alone(scope.names, relation.collection());
        let deeper = Depth { exists: depth.exists + 1, ..depth };
        let inner = self.condition(&Value::Array(spelled.collect()), &there, deeper)?;
        let found = if holds(&inner, &Value::Null) {
            let contrary = Condition::Exists(relation, Box::new(Condition::Not(Box::new(inner))));
            Condition::Not(Box::new(contrary))
        } else {
            Condition::Exists(relation, Box::new(inner))
        };
        Ok(Some(if negated { Condition::Not(Box::new(found)) } else { found }))
    }

    /// What a condition is about: a path, or what is given.
    fn subject(&self, value: &Value, scope: &Scope<'_>) -> Result<Operand> {
        match self.given(value)? {
            Some(given) => Ok(Operand::Given(given)),
            None => scope.path(value).map(Operand::Path),
        }
    }

    fn operand(&self, value: &Value, scope: &Scope<'_>) -> Result<Operand> {
        if let Some(given) = self.given(value)? {
            return Ok(Operand::Given(given));
        }
        match value {
            Value::Object(members) if members.len() == 1 && members.contains_key("path") => {
                scope.path(value).map(Operand::Path)
            }
            _ => literal(value).map(Operand::Value),
        }
    }

    /// `{"auth": "sub"}` or `{"old": "status"}`, if it is one of them and may stand here.
    fn given(&self, value: &Value) -> Result<Option<Given>> {
        let Some(members) = value.as_object().filter(|members| members.len() == 1) else { return Ok(None) };
        let read = |at: &Value| match at {
            Value::Array(_) => path(&Value::from_iter([("path", at.clone())])),
            at => path(at),
        };
        match (members.get("auth"), members.get("old"), self.givens) {
            (Some(_), _, Givens::Nothing) => Err(wrong("{\"auth\": …} has no meaning here: this holds whoever asks.")),
            (Some(claim), _, _) => Ok(Some(Given::Auth(read(claim)?))),
            (_, Some(at), Givens::Rule { old: true }) => Ok(Some(Given::Old(read(at)?))),
            (_, Some(_), _) => Err(wrong("{\"old\": …} stands in rules of updates alone.")),
            _ => Ok(None),
        }
    }

    fn each(&mut self, values: &[Value], scope: &Scope<'_>, depth: Depth) -> Result<Vec<Condition>> {
        values.iter().map(|value| self.condition(value, scope, depth)).collect()
    }

    fn exists(
        &mut self,
        relation: &Value,
        condition: Option<&Value>,
        scope: &Scope<'_>,
        depth: Depth,
    ) -> Result<Condition> {
        let Some(collection) = scope.collection else {
            return Err(wrong("`exists` cannot stand here: this condition sees one document alone."));
        };
        if depth.exists >= EXISTS_DEPTH {
            return Err(too_wide(format!("`exists` nests at most {EXISTS_DEPTH} deep.")));
        }
        let relation = read_relation(relation, collection, scope.names)?;
        let there = Scope::alone(scope.names, relation.collection());
        let deeper = Depth { exists: depth.exists + 1, ..depth };
        let condition = condition.map_or(Ok(Condition::always()), |value| self.condition(value, &there, deeper))?;
        Ok(Condition::Exists(relation, Box::new(condition)))
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "=" | "is" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// Why an operator and what follows it make no condition.
fn misused(operator: &str) -> Error {
    let usage = match operator {
        "not" => "[\"not\", condition]",
        "null" => "[\"null\", path]",
        "in" => "[\"in\", path, [values]]",
        "like" => "[\"like\", path, \"pattern\"]",
        "prefix" => "[\"prefix\", path, \"start\"]",
        "contains" => "[\"contains\", path, value]",
        "exists" => "[\"exists\", relation] or [\"exists\", relation, condition]",
        _ if comparison(operator).is_some() => {
            return wrong(format!("Write [\"{operator}\", path, value]: a comparison takes one path and one value."));
        }
        _ => {
            let detail = format!("There is no operator {}; there are {OPERATORS}.", shown(operator));
            return Error::new(Code::UnknownOperator, detail);
        }
    };
    wrong(format!("`{operator}` is written {usage}."))
}

/// A value that stands for itself. An object would be mistaken for one that means something, so it is wrapped.
fn literal(value: &Value) -> Result<Value> {
    let Value::Object(members) = value else {
        fits_value(value)?;
        return Ok(value.clone());
    };
    match (members.len(), members.get("value")) {
        (1, Some(value)) => {
            fits_value(value)?;
            Ok(value.clone())
        }
        (1, None) if members.contains_key("auth") => Err(wrong("{\"auth\": …} cannot stand in a list of values.")),
        (1, None) if members.contains_key("path") => Err(wrong("A value is expected here, not a path.")),
        _ => Err(wrong("Write an object that is meant as a value as {\"value\": {…}}.")),
    }
}

fn list(value: &Value) -> Result<Vec<Value>> {
    let escaped = value.as_object().filter(|members| members.len() == 1).and_then(|members| members.get("value"));
    let Some(items) = escaped.unwrap_or(value).as_array() else { return Err(misused("in")) };
    if items.len() > IN_VALUES {
        return Err(too_wide(format!("`in` takes at most {IN_VALUES} values, not {}.", items.len())));
    }
    fits_value(escaped.unwrap_or(value))?;
    if escaped.is_some() { Ok(items.clone()) } else { items.iter().map(literal).collect() }
}

fn like(path: Path, pattern: &str) -> Result<Condition> {
    let bytes = like_to_glob(pattern).len();
    if bytes > LIKE_PATTERN_BYTES {
        return Err(too_wide(format!(
            "A `like` pattern has at most {LIKE_PATTERN_BYTES} bytes, counting 3 for each of * ? [, not {bytes}; \
             `prefix` and `contains` take longer texts."
        )));
    }
    Ok(Condition::Like(path, pattern.to_owned()))
}

fn fits_value(value: &Value) -> Result<()> {
    match value {
        Value::String(text) => fits(text.len()),
        Value::Array(_) | Value::Object(_) => fits(value.to_string().len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// A value travels as one parameter; one larger than any document is equal to nothing.
fn fits(bytes: usize) -> Result<()> {
    if bytes > DOCUMENT_BYTES {
        return Err(too_wide(format!("A value of a condition has at most {DOCUMENT_BYTES} bytes.")));
    }
    Ok(())
}

/// A relation of `collection`: its name, `{"from", "by"}` (those that refer here) or `{"from", "ref"}` (what is
/// referred to).
pub(super) fn read_relation(value: &Value, collection: &CollectionName, names: &dyn Names) -> Result<Relation> {
    if let Value::String(name) = value {
        return named(name, collection, names);
    }
    let members = Members::read(value, "A relation", &["from", "by", "ref"])?;
    let spelled = spelled_relation(&members, collection, names)?;
    spelled.ok_or_else(|| {
        wrong("A relation is a name, {\"from\": collection, \"by\": path} or {\"from\": collection, \"ref\": path}.")
    })
}

/// The relation that the schema gives a name.
pub(super) fn named(name: &str, collection: &CollectionName, names: &dyn Names) -> Result<Relation> {
    names.relation(collection, name).ok_or_else(|| {
        Error::new(
            Code::UnknownRelation,
            format!(
                "`{collection}` has no relation {}: no reference field or named relation of its schema is called so. \
                 Without a schema, say {{\"from\": collection, \"by\" or \"ref\": path}}.",
                shown(name)
            ),
        )
    })
}

/// The relation that members spell out with `from` and `by` or `ref`; `None` if there is no `from`.
pub(super) fn spelled_relation(
    members: &Members<'_>,
    collection: &CollectionName,
    names: &dyn Names,
) -> Result<Option<Relation>> {
    let Some(from) = members.collection("from")? else { return Ok(None) };
    match (members.get("by"), members.get("ref")) {
        (Some(by), None) => {
            let by = Scope::alone(names, &from).path(by)?;
            Ok(Some(Relation::Reverse { collection: from, by }))
        }
        (None, Some(at)) => {
            let path = Scope::alone(names, collection).path(at)?;
            Ok(Some(Relation::Forward { path, collection: from }))
        }
        _ => Err(wrong(format!(
            "Say how `{from}` is related: `by` is its field that refers to `{collection}`, `ref` the field of \
             `{collection}` that refers to it."
        ))),
    }
}

/// The text of a path that names a reference field.
pub(super) fn reference_name(value: &Value) -> Result<String> {
    path(value).map(|path| path.to_string())
}
