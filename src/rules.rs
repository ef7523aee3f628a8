//! Rules: what a principal may see and do, as conditions of the query language.
//!
//! A schema's rules are bound to who asks ([`Permit`]); what is left of them is laid over every query ([`restrict`])
//! and asked of every write. API keys with the role `admin` pass by them.

mod restrict;

use std::borrow::Cow;

use crate::error::{Code, Error, Result};
use crate::id::{CollectionName, DocumentRef};
use crate::principal::Principal;
use crate::query::bind::{Binding, bind};
use crate::query::tree::{Condition, Hidden, Query};
use crate::schema::model::{Rule, Rules, Schema};
use crate::value::Value;

/// What is done to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Looking at it.
    Read,
    /// Making it.
    Insert,
    /// Changing it.
    Update,
    /// Deleting it.
    Delete,
}

impl Action {
    /// As rules name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Action::Read => "read",
            Action::Insert => "insert",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }

    /// The action of this name.
    pub(crate) fn parse(name: &str) -> Option<Action> {
        [Action::Read, Action::Insert, Action::Update, Action::Delete]
            .into_iter()
            .find(|action| action.as_str() == name)
    }

    /// The rule that decides it.
    pub(crate) fn of(self, rules: &Rules) -> &Rule {
        match self {
            Action::Read => &rules.read,
            Action::Insert => &rules.insert,
            Action::Update => &rules.update,
            Action::Delete => &rules.delete,
        }
    }
}

/// What a principal may see and do under a schema.
#[derive(Clone, Debug)]
pub(crate) enum Permit {
    /// Everything: no rule applies.
    All {
        /// What `{"auth": …}` reads.
        auth: Value,
    },
    /// What the rules allow.
    Bound(Bound),
}

/// Rules, bound to who asks.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// What `{"auth": …}` reads.
    auth: Value,
    /// The names of the roles that the principal has.
    roles: Vec<String>,
    /// Whether collections without rules are open: to API keys, as far as their role goes.
    is_key: bool,
    /// Who it is, to tell its batches from another's.
    identity: String,
}

impl Permit {
    /// What the system itself may do.
    pub(crate) fn everything() -> Permit {
        Permit::All { auth: Value::Null }
    }

    /// What `principal` may do. `finds` says whether some document of a collection satisfies a condition now: roles may
    /// be memberships that documents tell of.
    ///
    /// # Errors
    /// What `finds` fails with.
    pub(crate) fn of(
        principal: &Principal,
        schema: &Schema,
        finds: impl FnMut(&CollectionName, &Condition) -> Result<bool>,
    ) -> Result<Permit> {
        let (auth, is_key) = (principal.auth(), principal.is_key());
        if *principal == Principal::Admin || is_key && !schema.has_rules() {
            return Ok(Permit::All { auth });
        }
        let mut bound = Bound { auth, roles: Vec::new(), is_key, identity: principal.account().unwrap_or_default() };
        bound.roles = bound.roles_under(schema, principal.roles(), finds)?;
        Ok(Permit::Bound(bound))
    }

    /// The query as far as the rules let it see.
    ///
    /// # Errors
    /// `forbidden` for a query by a field that may not be read, and for `explain`.
    pub(crate) fn restrict(&self, query: Query, schema: &Schema) -> Result<Query> {
        match self {
            Permit::All { auth } => Ok(restrict::bound_to(query, auth)),
            Permit::Bound(bound) => restrict::restrict(query, bound, schema),
        }
    }

    /// A condition of an operation of a batch on one document.
    ///
    /// # Errors
    /// `forbidden` for a condition on a field that may not be read.
    pub(crate) fn restrict_condition<'c>(
        &self,
        condition: &'c Condition,
        collection: &CollectionName,
        schema: &Schema,
    ) -> Result<Cow<'c, Condition>> {
        match self {
            Permit::All { auth } => Ok(restrict::plain(condition, auth)),
            Permit::Bound(bound) => restrict::condition(condition, collection, bound, schema).map(Cow::Owned),
        }
    }

    /// The bound rules, if any apply.
    pub(crate) fn bound(&self) -> Option<&Bound> {
        match self {
            Permit::All { .. } => None,
            Permit::Bound(bound) => Some(bound),
        }
    }

    /// Who it is, where its batches are told from another's.
    pub(crate) fn identity(&self) -> &str {
        self.bound().map_or("", |bound| bound.identity.as_str())
    }
}

impl Bound {
    fn roles_under(
        &self,
        schema: &Schema,
        given: &[String],
        mut finds: impl FnMut(&CollectionName, &Condition) -> Result<bool>,
    ) -> Result<Vec<String>> {
        let mut roles = Vec::new();
        for (name, role) in &schema.roles {
            let membership = || self.bind(&role.membership.condition, None);
            let has = given.contains(name)
                || match &role.from {
                    None => membership().is_always(),
                    Some(from) => match membership() {
                        never if never.is_never() => false,
                        condition => finds(from, &condition)?,
                    },
                };
            if has {
                roles.push(name.clone());
            }
        }
        Ok(roles)
    }

    /// The names of the roles that the principal has.
    pub(crate) fn roles(&self) -> &[String] {
        &self.roles
    }

    /// Whether it is an API key.
    pub(crate) fn is_key(&self) -> bool {
        self.is_key
    }

    /// A condition of a rule, bound to who asks and to the document before the change.
    pub(crate) fn bind(&self, condition: &Condition, old: Option<&Value>) -> Condition {
        let role = |name: &str| self.roles.iter().any(|role| role == name);
        bind(condition, &Binding { auth: &self.auth, old, role: &role })
    }

    /// What must hold for an action on documents of a collection. Where a rule of updates looks at the document as it
    /// was, that is `old`.
    pub(crate) fn rule(
        &self,
        action: Action,
        collection: &CollectionName,
        schema: &Schema,
        old: Option<&Value>,
    ) -> Condition {
        match schema.collections.get(collection).and_then(|schema| schema.rules.as_ref()) {
            Some(rules) => self.bind(&action.of(rules).condition, old),
            None if self.is_key => Condition::always(),
            None => Condition::never(),
        }
    }

    /// The fields of a collection that are hidden in some documents at least.
    pub(crate) fn hidden(&self, collection: &CollectionName, schema: &Schema) -> Vec<Hidden> {
        let rules = schema.collections.get(collection).and_then(|schema| schema.rules.as_ref());
        let fields = rules.into_iter().flat_map(|rules| &rules.fields);
        let read = fields.filter_map(|(name, rules)| {
            let unless = self.bind(&rules.read.as_ref()?.condition, None);
            (!unless.is_always()).then(|| Hidden { name: name.clone(), unless })
        });
        read.collect()
    }
}

/// The refusal of a write that a rule does not allow. It tells nothing of the data.
pub(crate) fn refused(action: Action, document: &DocumentRef, field: Option<&str>) -> Error {
    let (collection, action) = (&document.collection, action.as_str());
    let what = match field {
        None => format!("No rule lets you {action} this document of `{collection}`."),
        Some(field) => format!("No rule lets you set `{field}` of this document of `{collection}`."),
    };
    let error = Error::new(Code::Forbidden, what)
        .with("collection", collection.as_str())
        .with("rule", action)
        .with("document", document.to_string());
    match field {
        Some(field) => error.with("field", field),
        None => error,
    }
}
