//! A schema, checked: whatever is in here holds together.

use std::collections::BTreeMap;

use crate::id::CollectionName;
use crate::query::tree::Condition;
use crate::value::{Path, Value};

/// The schema of a database. Collections that it does not name take any object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// The collections, by name.
    pub collections: BTreeMap<CollectionName, Collection>,
    /// Names for what makes a principal one of several.
    pub roles: BTreeMap<String, Role>,
    /// Whether whoever sends no credentials is served at all, as far as rules let them.
    pub anonymous: bool,
}

impl Schema {
    /// Whether any collection has rules.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.collections.values().any(|collection| collection.rules.is_some())
    }
}

/// The schema of a collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collection {
    /// The fields, by name.
    pub fields: BTreeMap<String, Field>,
    /// The names of the computed fields, each after those that it reads.
    pub computed: Vec<String>,
    /// Secondary indexes: the paths of each, in order.
    pub indexes: Vec<Vec<Path>>,
    /// Unique sets, fields declared `unique` included (one path each). A document where any path of a set is null
    /// or missing takes no part in it.
    pub unique: Vec<Vec<Path>>,
    /// Conditions that every document satisfies, by name. They see its fields alone: neither related documents
    /// nor `id`.
    pub checks: BTreeMap<String, Condition>,
    /// Whether fields that are not named are refused.
    pub closed: bool,
    /// The timestamp field at whose time a document is deleted.
    pub ttl: Option<Path>,
    /// Names for references that point here.
    pub relations: BTreeMap<String, ReverseRelation>,
    /// What brings documents of the former schema to this one. Carried out once, when the schema is put.
    pub migrations: Vec<Migration>,
    /// Who may do what. Without rules it is the API keys' affair alone.
    pub rules: Option<Rules>,
}

/// Who may do what with the documents of a collection. What no rule allows is refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Which documents may be read.
    pub read: Rule,
    /// Which documents may be inserted.
    pub insert: Rule,
    /// Which documents may be changed, and to what.
    pub update: Rule,
    /// Which documents may be deleted.
    pub delete: Rule,
    /// Narrower rules for single fields, by name.
    pub fields: BTreeMap<String, FieldRules>,
}

/// Narrower rules for a field, a member of the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldRules {
    /// In which of the documents that may be read it may be read, too.
    pub read: Option<Rule>,
    /// In which of the documents that may be written it may be given a value.
    pub update: Option<Rule>,
}

/// A condition that allows something. The default allows nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The condition: on the document, those it refers to, whoever asks, and the document before a change.
    pub condition: Condition,
    /// As the schema spells it.
    pub spelled: Value,
    /// It looks at the document before the change, and so is asked once, of what it becomes.
    pub sees_old: bool,
}

impl std::default::Default for Rule {
    fn default() -> Rule {
        Rule { condition: Condition::never(), spelled: Value::Bool(false), sees_old: false }
    }
}

/// What makes a principal one of several: an API key may be given a role, everybody else has it by membership.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// The collection where one document must satisfy the membership; `None` asks the principal alone.
    pub from: Option<CollectionName>,
    /// Who has it.
    pub membership: Rule,
}

/// A field of a document or of an object type.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What values it takes.
    pub kind: Kind,
    /// Whether it may be missing or null.
    pub optional: bool,
    /// What it becomes on insert or replace where it is missing.
    pub default: Option<Default>,
    /// Whether only transactions at the home change it. Implied by unique and ref, and by being read in a check.
    pub guarded: bool,
    /// A condition that holds wherever the field is present and not null. It sees all fields of the document.
    pub check: Option<Condition>,
    /// The field is computed from the others on every write; callers do not set it.
    pub computed: Option<Expression>,
}

/// The type of a field.
///
/// Types that hold others nest at most [`crate::limits::JSON_DEPTH`] deep, and every field of an object type has
/// a path within the limits of paths.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A string.
    String,
    /// A whole number of 64 bits.
    Int,
    /// Any number.
    Float,
    /// true or false.
    Bool,
    /// Anything JSON carries.
    Json,
    /// Bytes, as base64 (RFC 4648 section 4, padded).
    Bytes,
    /// An RFC 3339 time, kept in UTC with three digits of a second, so that text order is time order.
    Timestamp,
    /// One of these strings.
    Enum(Vec<String>),
    /// An array of one type.
    Array(Box<Kind>),
    /// An object with these fields; closed or not.
    Object {
        /// The fields; none of them has a default, check, unique or computed.
        fields: BTreeMap<String, Field>,
        /// Whether others are refused.
        closed: bool,
    },
    /// The id of a document of another collection (or the same).
    Ref {
        /// The collection referred to.
        collection: CollectionName,
        /// What deleting that document does to this one.
        on_delete: OnDelete,
    },
}

/// What deleting a document does to those that refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// The delete is refused.
    Restrict,
    /// They are deleted too.
    Cascade,
    /// Their reference becomes null.
    Clear,
}

/// A default.
#[derive(Clone, Debug, PartialEq)]
pub enum Default {
    /// This value.
    Value(Value),
    /// The time of the commit, as a timestamp.
    Now,
    /// A new random id.
    Id,
}

/// A reference seen from the other end.
#[derive(Clone, Debug, PartialEq)]
pub struct ReverseRelation {
    /// The collection that refers.
    pub from: CollectionName,
    /// Its reference field.
    pub by: Path,
}

/// A step that rewrites the documents of a collection.
#[derive(Clone, Debug, PartialEq)]
pub enum Migration {
    /// The field `from` becomes `to`; where there is none, nothing happens.
    Rename {
        /// The former name.
        from: String,
        /// The new name.
        to: String,
    },
    /// The field goes.
    Drop(String),
    /// The field becomes this value where it is missing or null.
    Fill(String, Value),
}

/// How a computed field is computed. Null in, null out, except for `Coalesce` and `If`.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A field of the document.
    Path(Path),
    /// A value.
    Value(Value),
    /// Numbers, folded left to right. Null if one is no number or the result is not finite.
    Arithmetic(Arithmetic, Vec<Expression>),
    /// The texts of scalars, one after the other.
    Concat(Vec<Expression>),
    /// A string in lower case.
    Lower(Box<Expression>),
    /// A string in upper case.
    Upper(Box<Expression>),
    /// A string without white space at its ends.
    Trim(Box<Expression>),
    /// The number of characters of a string or items of an array.
    Length(Box<Expression>),
    /// The first that is not null.
    Coalesce(Vec<Expression>),
    /// One or the other.
    If(Box<Condition>, Box<Expression>, Box<Expression>),
}

/// Arithmetic on numbers: in 64-bit integers where all are and the result fits, else in doubles. Division is
/// always in doubles; by zero it gives null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}
