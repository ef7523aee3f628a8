//! Fields and their types.

use std::collections::BTreeMap;

use super::expression;
use super::reader::{array, bounded, condition, flag, foreign, invalid, members, name, string, within};
use crate::error::Result;
use crate::id::CollectionName;
use crate::limits::{ENUM_VALUES, FIELDS};
use crate::schema::kind;
use crate::schema::model::{Default, Field, Kind, OnDelete};
use crate::value::{Map, Path, Value};

/// What a field of a collection may have beside its type.
const OWN: &[&str] = &["optional", "default", "guarded", "unique", "check", "computed"];

/// What a field inside an object may have beside its type: values and invariants belong to the field as a whole.
const INNER: &[&str] = &["optional"];

/// The fields of a collection, and the names of those declared `unique`.
pub(super) fn read_all(value: &Value) -> Result<(BTreeMap<String, Field>, Vec<String>)> {
    let mut unique = Vec::new();
    let fields = each(value, &mut Vec::new(), |field, at| {
        let (field, is_unique) = own(field, at)?;
        unique.extend(at.last().filter(|_| is_unique).cloned());
        Ok(field)
    })?;
    Ok((fields, unique))
}

/// Reads every field with `read`, which is told the path it stands at.
fn each(
    value: &Value,
    at: &mut Vec<String>,
    mut read: impl FnMut(&Value, &mut Vec<String>) -> Result<Field>,
) -> Result<BTreeMap<String, Field>> {
    let Value::Object(named) = value else {
        return Err(invalid("Fields are an object: their names, and what each is."));
    };
    bounded(named.len(), FIELDS, "fields")?;
    let mut fields = BTreeMap::new();
    for (key, value) in named {
        at.push(key.clone());
        let field = within(key, addressable(key, at).and_then(|()| read(value, at)))?;
        at.pop();
        fields.insert(key.clone(), field);
    }
    Ok(fields)
}

fn addressable(key: &str, at: &[String]) -> Result<()> {
    // Inside an object `id` and `_…` are names like any other.
    match at.len() {
        1 => name(key)?,
        _ if key.contains('.') => return Err(invalid("A name holds no dot: it would be no step of a path.")),
        _ => {}
    }
    foreign(Path::from_segments(at.to_vec())).map(|_| ())
}

fn own(value: &Value, at: &mut Vec<String>) -> Result<(Field, bool)> {
    let (kind, given) = typed(value, OWN, at)?;
    let optional = flag(given, "optional")?;
    let default = match given.get("default") {
        Some(value) => Some(within("default", default(&kind, optional, value))?),
        None => None,
    };
    let check = given.get("check").map(|value| within("check", condition(value))).transpose()?;
    let computed = given.get("computed").map(|value| within("computed", expression::read(value))).transpose()?;
    if computed.is_some() && default.is_some() {
        return within("default", Err(invalid("A computed field has no default: leave out one of the two.")));
    }
    let guarded = flag(given, "guarded")?;
    let unique = flag(given, "unique")?;
    Ok((Field { kind, optional, default, guarded, check, computed }, unique))
}

fn inner(value: &Value, at: &mut Vec<String>) -> Result<Field> {
    let (kind, given) = typed(value, INNER, at)?;
    let optional = flag(given, "optional")?;
    Ok(Field { kind, optional, default: None, guarded: false, check: None, computed: None })
}

/// The type that the members of `value` spell; `beside` are the members that may stand there too.
fn typed<'v>(value: &'v Value, beside: &[&str], at: &mut Vec<String>) -> Result<(Kind, &'v Map<String, Value>)> {
    let Value::Object(given) = value else {
        return Err(invalid("A field is an object with a `type` or a `ref`."));
    };
    let known = |own: &[&str]| members(value, &[own, beside].concat()).map(|_| ());
    let kind = match (given.get("type"), given.get("ref")) {
        (None, Some(target)) => {
            known(&["ref", "onDelete"])?;
            let target = within("ref", string(target, "the name of a collection").and_then(collection_name))?;
            Kind::Ref { collection: target, on_delete: on_delete(given)? }
        }
        (Some(type_name), None) => {
            let type_name = within("type", string(type_name, "the name of a type"))?;
            known(match type_name {
                "enum" => &["type", "values"],
                "array" => &["type", "items"],
                "object" => &["type", "fields", "closed"],
                _ => &["type"],
            })?;
            of_type(type_name, given, at)?
        }
        (Some(_), Some(_)) => return Err(invalid("A field has a `type` or a `ref`, not both.")),
        (None, None) => return Err(invalid("A field needs a `type` or a `ref`.")),
    };
    Ok((kind, given))
}

fn of_type(name: &str, given: &Map<String, Value>, at: &mut Vec<String>) -> Result<Kind> {
    let member = |member: &str| given.get(member).unwrap_or(&Value::Null);
    Ok(match name {
        "string" => Kind::String,
        "int" => Kind::Int,
        "float" => Kind::Float,
        "bool" => Kind::Bool,
        "json" => Kind::Json,
        "bytes" => Kind::Bytes,
        "timestamp" => Kind::Timestamp,
        "enum" => Kind::Enum(within("values", enum_values(member("values")))?),
        "array" => Kind::Array(Box::new(within("items", items(member("items"), at))?)),
        "object" => Kind::Object {
            fields: match given.get("fields") {
                Some(fields) => within("fields", each(fields, at, inner))?,
                None => BTreeMap::new(),
            },
            closed: flag(given, "closed")?,
        },
        _ => {
            let known = "string, int, float, bool, json, bytes, timestamp, enum, array and object";
            return within("type", Err(invalid(format!("{name:?} is no type; there are {known}."))));
        }
    })
}

fn enum_values(value: &Value) -> Result<Vec<String>> {
    let given = array(value, "the values of the enum, strings")?;
    if given.is_empty() {
        return Err(invalid("An enum needs at least one value."));
    }
    bounded(given.len(), ENUM_VALUES, "values")?;
    let mut values: Vec<String> = Vec::with_capacity(given.len());
    for (index, value) in given.iter().enumerate() {
        let value = within(&index.to_string(), string(value, "a value of the enum"))?;
        if values.iter().any(|other| other == value) {
            return within(&index.to_string(), Err(invalid(format!("{value:?} stands in the enum twice."))));
        }
        values.push(value.to_owned());
    }
    Ok(values)
}

fn items(value: &Value, at: &mut Vec<String>) -> Result<Kind> {
    let (kind, _) = typed(value, &[], at)?;
    if holds_reference(&kind) {
        return Err(invalid(
            "References cannot stand in an array: give each its own document with a reference back, \
             or keep plain string ids.",
        ));
    }
    Ok(kind)
}

fn holds_reference(kind: &Kind) -> bool {
    match kind {
        Kind::Ref { .. } => true,
        Kind::Array(items) => holds_reference(items),
        Kind::Object { fields, .. } => fields.values().any(|field| holds_reference(&field.kind)),
        _ => false,
    }
}

pub(super) fn collection_name(text: &str) -> Result<CollectionName> {
    foreign(CollectionName::parse(text))
}

fn on_delete(given: &Map<String, Value>) -> Result<OnDelete> {
    match given.get("onDelete").map(Value::as_str) {
        None | Some(Some("restrict")) => Ok(OnDelete::Restrict),
        Some(Some("cascade")) => Ok(OnDelete::Cascade),
        Some(Some("clear")) => Ok(OnDelete::Clear),
        _ => within("onDelete", Err(invalid("`onDelete` is \"restrict\", \"cascade\" or \"clear\"."))),
    }
}

fn default(kind: &Kind, optional: bool, value: &Value) -> Result<Default> {
    if let Value::Object(members) = value
        && members.len() == 1
        && let Some((name @ ("now" | "id"), Value::Bool(true))) =
            members.iter().next().map(|(name, value)| (name.as_str(), value))
    {
        return match (name, kind) {
            ("now", Kind::Timestamp) => Ok(Default::Now),
            ("id", Kind::String) => Ok(Default::Id),
            ("now", _) => Err(invalid("The default {\"now\": true} is for timestamps.")),
            _ => Err(invalid("The default {\"id\": true} is for strings.")),
        };
    }
    let mut value = value.clone();
    if value.is_null() {
        return match optional {
            true => Ok(Default::Value(value)),
            false => Err(invalid("null is no default of a required field: make it optional or give a value.")),
        };
    }
    match kind::fit(kind, &mut value) {
        Ok(()) => Ok(Default::Value(value)),
        Err(misfit) => {
            let place = misfit.path();
            let place = if place.is_empty() { String::new() } else { format!(", at `{place}`") };
            Err(invalid(format!("The default does not fit the type{place}: it {}.", misfit.what())))
        }
    }
}
