//! Trying rules: which one decides what a principal may do with a document, and why.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::json;

use super::decide::Deciding;
use super::state::{State, collection_of};
use super::workspace::{After, Entry, Stored, Workspace};
use crate::batch::patch;
use crate::error::{Code, Error, Result, refuse};
use crate::id::{DocumentRef, KeyName};
use crate::moment::Moment;
use crate::principal::Principal;
use crate::query::tree::Condition;
use crate::rules::{Action, Bound, Permit};
use crate::schema::document::Origin;
use crate::schema::model::{Default, Rule};
use crate::store::Store;
use crate::value::{Map, Value, parse_object};
use crate::wire::Answer;

/// What is asked.
struct Question {
    principal: Principal,
    action: Action,
    document: DocumentRef,
    body: Option<Map<String, Value>>,
}

/// Says whether a principal may do something with a document as it is, and what each part of the rule comes to.
///
/// # Errors
/// `invalid_request` for a wrong shape, `not_found` where there is nothing to read, change or delete, and what the body of
/// an insert or update is refused for.
pub(super) fn explain<S: Store>(body: &[u8], state: &State, store: &mut S, moment: &mut Moment<'_>) -> Result<Answer> {
    let Question { principal, action, document, body } = question(body, state)?;
    super::decide::same_home(&document, state)?;
    let permit = super::access::permit(&principal, state, store)?;
    let Some(bound) = permit.bound() else {
        let why = "No rule applies: the database has none, or the principal is an API key with the role `admin`.";
        return Ok(Answer::json(200, json!({ "allowed": true, "why": why }).to_string()));
    };
    let everything = Permit::everything();
    let mut new_id = || moment.new_id().to_string();
    let mut trying = Deciding::new(store, state, &everything, state.clock.last(), &mut new_id);
    trying.work.load(&document, &state.layout, trying.store)?;
    let given = body.iter().flat_map(Map::keys).cloned().collect();
    become_so(&mut trying, &document, action, body)?;
    Trial { deciding: trying, bound, document, given }.answer(action)
}

fn question(body: &[u8], state: &State) -> Result<Question> {
    let usage = || {
        Error::new(
            Code::InvalidRequest,
            "Ask {\"principal\": {\"auth\": {…}, \"roles\"?: […]} or {\"key\": name} or \"anonymous\", \"action\": \"read\", \
             \"insert\", \"update\" or \"delete\", \"document\": \"<collection>/<id>\", \"body\"?: {…}}.",
        )
    };
    let mut members = parse_object(body)?;
    let mut take = |name: &str| members.remove(name);
    let (principal, action, document, body) = (take("principal"), take("action"), take("document"), take("body"));
    let (Some(principal), Some(Value::String(action)), Some(Value::String(document)), true) =
        (principal, action, document, members.is_empty())
    else {
        return Err(usage());
    };
    let action = Action::parse(&action).ok_or_else(usage)?;
    let body = match (body, action) {
        (Some(Value::Object(body)), Action::Insert | Action::Update) => Some(body),
        (None, Action::Read | Action::Update | Action::Delete) => None,
        _ => return Err(usage()),
    };
    let principal = self::principal(principal, state)?.ok_or_else(usage)?;
    Ok(Question { principal, action, document: DocumentRef::parse(&document)?, body })
}

fn principal(value: Value, state: &State) -> Result<Option<Principal>> {
    let mut members = match value {
        Value::Object(members) => members,
        Value::String(name) if name == "anonymous" => return Ok(Some(Principal::Anonymous)),
        _ => return Ok(None),
    };
    let (auth, key, roles) = (members.remove("auth"), members.remove("key"), members.remove("roles"));
    if !members.is_empty() {
        return Ok(None);
    }
    match (auth, key, roles) {
        (Some(Value::Object(claims)), None, None) => {
            Ok(Some(Principal::Token { identity: "".into(), claims: Rc::new(claims) }))
        }
        (None, Some(Value::String(name)), None) => {
            let name = KeyName::parse(&name)?;
            let found = state.grant.credentials.iter().find(|credential| credential.name == name);
            match found {
                Some(found) => Ok(Some(Principal::of_key(found))),
                None => refuse(Code::NotFound, format!("There is no API key {:?}.", name.as_str())),
            }
        }
        _ => Ok(None),
    }
}

/// Makes the workspace what the action would leave.
fn become_so<S: Store>(
    trying: &mut Deciding<'_, S>,
    document: &DocumentRef,
    action: Action,
    body: Option<Map<String, Value>>,
) -> Result<()> {
    let former = trying.work.get(document).map(Entry::members).transpose()?.flatten();
    let after = match (action, former) {
        (Action::Insert, Some(_)) => {
            return refuse(Code::Exists, format!("{document} is there already: ask whether it may be updated."));
        }
        (Action::Insert, None) => After::Document(trying.fitted(document, body.unwrap_or_default(), Origin::Whole)?),
        (_, None) => return refuse(Code::NotFound, format!("There is no document {document}.")),
        (Action::Read, Some(_)) => return Ok(()),
        (Action::Delete, Some(_)) => After::Gone,
        (Action::Update, Some(mut members)) => {
            patch::merge(&mut members, body.unwrap_or_default());
            After::Document(trying.fitted(document, members, Origin::Changed)?)
        }
    };
    trying.work.set(document, after);
    Ok(())
}

/// One document, tried.
struct Trial<'a, 'b, S: Store> {
    deciding: Deciding<'a, S>,
    bound: &'b Bound,
    document: DocumentRef,
    /// The fields that the body gives a value.
    given: BTreeSet<String>,
}

impl<S: Store> Trial<'_, '_, S> {
    fn answer(mut self, action: Action) -> Result<Answer> {
        let schema = &self.deciding.state.schema;
        let roles = self.bound.roles().to_vec();
        let Some(rules) = &collection_of(schema, &self.document.collection).rules else {
            let why = if self.bound.is_key() {
                "The collection has no rules: what an API key may do there is as its role says."
            } else {
                "The collection has no rules, so nothing in it is open to tokens."
            };
            let answer = json!({ "allowed": self.bound.is_key(), "roles": roles, "why": why });
            return Ok(Answer::json(200, answer.to_string()));
        };
        let rule = action.of(rules);
        let decided = json!({
            "collection": self.document.collection,
            "action": action.as_str(),
            "condition": rule.spelled,
        });
        let sides = self.sides(rule, action)?;
        let mut allowed = sides.hold();
        let mut answer = Map::from_iter([("rule".to_owned(), decided), ("roles".to_owned(), json!(roles))]);
        // Whoever may not read a document does not find it to change it.
        if matches!(action, Action::Update | Action::Delete) {
            let seen = self.sides(&rules.read, Action::Read)?;
            allowed &= seen.hold();
            answer.extend(seen.before.map(|seen| ("read".to_owned(), seen.told)));
        }
        let mut fields = Map::new();
        for (name, rules) in &rules.fields {
            let (kind, rule) = match action {
                Action::Read => ("read", &rules.read),
                Action::Insert | Action::Update => ("update", &rules.update),
                Action::Delete => continue,
            };
            let Some(rule) = rule else { continue };
            let held = self.sides(rule, action)?.hold();
            allowed &= held || action == Action::Read || !self.sets(name, rules.read.as_ref())?;
            fields.insert(name.clone(), json!({ kind: held, "condition": rule.spelled }));
        }
        answer.insert("allowed".to_owned(), json!(allowed));
        answer.extend(sides.before.map(|side| ("before".to_owned(), side.told)));
        answer.extend(sides.after.map(|side| ("after".to_owned(), side.told)));
        if !fields.is_empty() {
            answer.insert("fields".to_owned(), Value::Object(fields));
        }
        Ok(Answer::json(200, Value::Object(answer).to_string()))
    }

    /// Whether the action gives a field a value that somebody must be allowed to give it: another one, any at all where
    /// it is hidden by its rule of reads, and in a new document one that is not its default.
    fn sets(&mut self, name: &str, read: Option<&Rule>) -> Result<bool> {
        let Some(entry) = self.deciding.work.get(&self.document) else { return Ok(false) };
        let given = self.given.contains(name);
        let now = entry.members()?.unwrap_or_default().remove(name).unwrap_or(Value::Null);
        let collection = collection_of(&self.deciding.state.schema, &self.document.collection);
        if collection.computed.iter().any(|computed| computed == name) {
            return Ok(false);
        }
        let Some(before) = &entry.before else {
            let default = match collection.fields.get(name).and_then(|field| field.default.as_ref()) {
                Some(Default::Value(value)) => value,
                _ => &Value::Null,
            };
            return Ok(given && !now.is_null() && now != *default);
        };
        if before.members()?.remove(name).unwrap_or(Value::Null) != now {
            return Ok(true);
        }
        let seen = read.map(|read| self.sides(read, Action::Read)).transpose()?;
        Ok(given && seen.is_some_and(|seen| !seen.hold()))
    }

    /// What a rule comes to of the document as it was and as it will be, where it is asked.
    fn sides(&mut self, rule: &Rule, action: Action) -> Result<Sides> {
        let mut sides = Sides::default();
        let Some(entry) = self.deciding.work.get(&self.document) else { return Ok(sides) };
        let (now, old) = (entry.view(&self.document)?, entry.before.as_ref().map(Stored::value).transpose()?);
        if let Some(old) = old.as_ref().filter(|_| !rule.sees_old) {
            sides.before = Some(self.trace(&rule.condition, &rule.spelled, (old, old), &Workspace::default())?);
        }
        if matches!(action, Action::Insert | Action::Update) {
            let work = std::mem::take(&mut self.deciding.work);
            let old = old.unwrap_or(Value::Null);
            let traced = self.trace(&rule.condition, &rule.spelled, (&now, &old), &work);
            self.deciding.work = work;
            sides.after = Some(traced?);
        }
        Ok(sides)
    }

    /// What a condition comes to, and each of its parts.
    fn trace(
        &mut self,
        condition: &Condition,
        spelled: &Value,
        (view, old): (&Value, &Value),
        work: &Workspace,
    ) -> Result<Traced> {
        let bound = self.bound.bind(condition, Some(old));
        let holds = self.deciding.holds_among(&bound, view, work)?;
        let mut told = Map::from_iter([("condition".to_owned(), spelled.clone()), ("holds".to_owned(), json!(holds))]);
        let parts: Vec<&Condition> = match condition {
            Condition::And(all) | Condition::Or(all) => all.iter().collect(),
            Condition::Not(one) => vec![one],
            _ => Vec::new(),
        };
        // A rule that is spelled with a path along a reference has parts that stand nowhere in it.
        let operands = spelled.as_array().and_then(|spelled| spelled.get(1..)).unwrap_or_default();
        let is_of_parts = matches!(spelled.get(0).and_then(Value::as_str), Some("and" | "or" | "not"));
        if is_of_parts && !parts.is_empty() && parts.len() == operands.len() {
            let traced = parts.into_iter().zip(operands);
            let traced = traced.map(|(part, spelled)| Ok(self.trace(part, spelled, (view, old), work)?.told));
            told.insert("parts".to_owned(), Value::Array(traced.collect::<Result<Vec<Value>>>()?));
        }
        Ok(Traced { holds, told: Value::Object(told) })
    }
}

/// What a condition came to.
struct Traced {
    holds: bool,
    told: Value,
}

/// What a rule came to of a document as it was, and as it will be.
#[derive(Default)]
struct Sides {
    before: Option<Traced>,
    after: Option<Traced>,
}

impl Sides {
    /// Whether it held wherever it was asked.
    fn hold(&self) -> bool {
        [&self.before, &self.after].into_iter().flatten().all(|side| side.holds)
    }
}
