//! Roles and rules: read when everything else of the schema is, since they look along its relations.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::field::collection_name;
use super::reader::{at, bounded, foreign, invalid, members, name, string, within};
use crate::error::Result;
use crate::id::CollectionName;
use crate::limits::{COLLECTION_RULES, ROLES};
use crate::query::decode::{Givens, condition_of};
use crate::query::tree::{Condition, Given, Operand};
use crate::schema::model::{FieldRules, Role, Rule, Rules, Schema};
use crate::value::Value;

/// Reads the roles and the rules of every collection into the schema.
pub(super) fn read(collections: &Value, roles: Option<&Value>, schema: &mut Schema) -> Result<()> {
    if let Some(roles) = roles {
        schema.roles = within("roles", read_roles(roles, schema))?;
    }
    let named: Vec<CollectionName> = schema.collections.keys().cloned().collect();
    for collection in named {
        let Some(given) = collections.get(collection.as_str()).and_then(|given| given.get("rules")) else { continue };
        let rules = at(&["collections", collection.as_str(), "rules"], read_rules(given, &collection, schema))?;
        if let Some(read) = schema.collections.get_mut(&collection) {
            read.rules = Some(rules);
        }
    }
    Ok(())
}

fn read_roles(value: &Value, schema: &Schema) -> Result<BTreeMap<String, Role>> {
    let Value::Object(named) = value else {
        return Err(invalid("The roles are an object: their names, and the membership of each."));
    };
    bounded(named.len(), ROLES, "roles")?;
    let read = |(role, value): (&String, &Value)| {
        within(role, name(role).and_then(|()| read_role(value, schema)).map(|read| (role.clone(), read)))
    };
    named.iter().map(read).collect()
}

fn read_role(value: &Value, schema: &Schema) -> Result<Role> {
    let given = members(value, &["from", "membership"])?;
    let Some(from) = given.get("from") else {
        // It sees nobody but the principal: no document is there to have fields.
        let nothing = collection_name("none")?;
        let membership = within("membership", rule(given.get("membership"), &nothing, schema, Givens::Auth))?;
        return match reads_document(&membership.condition) {
            false => Ok(Role { from: None, membership }),
            true => within(
                "membership",
                Err(invalid("This reads a document: say `from` which collection, or ask {\"auth\": …} alone.")),
            ),
        };
    };
    let from = within("from", string(from, "a collection").and_then(collection_name))?;
    if !schema.collections.contains_key(&from) {
        return within("from", Err(invalid(format!("The schema names no collection {:?}.", from.as_str()))));
    }
    let membership = within("membership", rule(given.get("membership"), &from, schema, Givens::Auth))?;
    Ok(Role { from: Some(from), membership })
}

fn read_rules(value: &Value, collection: &CollectionName, schema: &Schema) -> Result<Rules> {
    let given = members(value, &["read", "insert", "update", "delete", "fields"])?;
    let action = |name: &str, old| within(name, rule(given.get(name), collection, schema, Givens::Rule { old }));
    let mut rules = Rules {
        read: action("read", false)?,
        insert: action("insert", false)?,
        update: action("update", true)?,
        delete: action("delete", false)?,
        fields: BTreeMap::new(),
    };
    if let Some(fields) = given.get("fields") {
        rules.fields = within("fields", read_fields(fields, collection, schema))?;
    }
    Ok(rules)
}

fn read_fields(value: &Value, collection: &CollectionName, schema: &Schema) -> Result<BTreeMap<String, FieldRules>> {
    let Value::Object(named) = value else {
        return Err(invalid("These are an object: the names of fields, and the rules of each."));
    };
    bounded(named.len(), COLLECTION_RULES, "fields with rules of one collection")?;
    let read = |(field, value): (&String, &Value)| {
        let one = name(field).and_then(|()| {
            let given = members(value, &["read", "update"])?;
            let rule = |name: &str, old| {
                let read = |value| within(name, rule(Some(value), collection, schema, Givens::Rule { old }));
                given.get(name).map(read).transpose()
            };
            Ok((field.clone(), FieldRules { read: rule("read", false)?, update: rule("update", true)? }))
        });
        within(field, one)
    };
    named.iter().map(read).collect()
}

/// A condition, or whether everything is allowed; what is missing allows nothing.
fn rule(value: Option<&Value>, collection: &CollectionName, schema: &Schema, givens: Givens) -> Result<Rule> {
    let Some(spelled) = value else { return Ok(Rule::default()) };
    let condition = match spelled {
        Value::Bool(true) => Condition::always(),
        Value::Bool(false) => Condition::never(),
        _ => foreign(condition_of(spelled, collection, schema, givens))?,
    };
    knows_roles(&condition, schema)?;
    Ok(Rule { sees_old: sees_old(&condition), condition, spelled: spelled.clone() })
}

fn knows_roles(condition: &Condition, schema: &Schema) -> Result<()> {
    let unknown = RefCell::new(None);
    condition.any(&|one| match one {
        Condition::Role(role) if !schema.roles.contains_key(role) => {
            unknown.replace(Some(role.clone()));
            true
        }
        _ => false,
    });
    match unknown.into_inner() {
        None => Ok(()),
        Some(role) => Err(invalid(format!("The schema has no role {role:?}: name it under `roles`."))),
    }
}

fn sees_old(condition: &Condition) -> bool {
    let is_old = |operand: &Operand| matches!(operand, Operand::Given(Given::Old(_)));
    condition.any(&|one| match one {
        Condition::Compare(_, left, right) => is_old(left) || is_old(right),
        Condition::In(operand, _) | Condition::Contains(_, operand) => is_old(operand),
        Condition::OneOf(operand, list) => is_old(operand) || matches!(list, Given::Old(_)),
        _ => false,
    })
}

fn reads_document(condition: &Condition) -> bool {
    let is_path = |operand: &Operand| matches!(operand, Operand::Path(_));
    condition.any(&|one| match one {
        Condition::Compare(_, left, right) => is_path(left) || is_path(right),
        Condition::In(operand, _) | Condition::OneOf(operand, _) => is_path(operand),
        Condition::Like(..) | Condition::Prefix(..) | Condition::Contains(..) | Condition::IsNull(_) => true,
        Condition::Exists(..) => true,
        _ => false,
    })
}
