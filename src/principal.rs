//! Principals: who a bearer is, and what that allows.

mod tokens;

use std::rc::Rc;

use serde_json::json;

use crate::error::{Code, Error, Result, refuse};
use crate::id::KeyName;
use crate::time::Time;
use crate::value::{Map, Value};
use crate::wire::{Bearer, Credential, Role};

pub use tokens::SignatureCheck;
pub(crate) use tokens::{Found, Tokens};

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Principal {
    /// The holder of the root key or of an API key with the role `admin`: no rule applies.
    Admin,
    /// The holder of another API key.
    Key {
        /// The key's name.
        name: KeyName,
        /// What it allows at most.
        role: Role,
        /// The names of its roles, for rules.
        roles: Vec<String>,
    },
    /// The holder of a token of one of the database's issuers.
    Token {
        /// Issuer and subject.
        identity: Rc<str>,
        /// What the token says of its holder.
        claims: Rc<Map<String, Value>>,
    },
    /// Somebody without credentials, where the schema lets such in.
    Anonymous,
}

/// Who has this key; `None` if nobody known has, or has any more at `now`. Of tokens nothing is known here.
pub(crate) fn identify(bearer: &Bearer, credentials: &[Credential], now: Time) -> Option<Principal> {
    if *bearer == Bearer::Root {
        return Some(Principal::Admin);
    }
    credential(bearer, credentials).filter(|found| found.is_in_force(now)).map(Principal::of_key)
}

/// The API key of a bearer, whether it is in force or not.
pub(crate) fn credential<'a>(bearer: &Bearer, credentials: &'a [Credential]) -> Option<&'a Credential> {
    match bearer {
        Bearer::Hash(hash) => credentials.iter().find(|credential| credential.hash == *hash),
        _ => None,
    }
}

impl Principal {
    /// The holder of an API key.
    pub(crate) fn of_key(key: &Credential) -> Principal {
        match key.role {
            Role::Admin => Principal::Admin,
            role => Principal::Key { name: key.name.clone(), role, roles: key.roles.clone() },
        }
    }

    /// What `{"auth": …}` reads of it.
    pub(crate) fn auth(&self) -> Value {
        match self {
            Principal::Admin => Value::Null,
            Principal::Key { name, role, .. } => json!({ "key": name, "role": role }),
            Principal::Token { claims, .. } => Value::Object((**claims).clone()),
            Principal::Anonymous => json!({}),
        }
    }

    /// The roles that it was given.
    pub(crate) fn roles(&self) -> &[String] {
        match self {
            Principal::Key { roles, .. } => roles,
            Principal::Admin | Principal::Token { .. } | Principal::Anonymous => &[],
        }
    }

    /// Whether it is an API key, to which collections without rules are open as far as its role goes.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self, Principal::Key { .. })
    }

    /// Refuses what needs a greater role. Tokens and nobody in particular may do what an API key with the role `write`
    /// may; what of that, is for rules to say.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn needs(&self, role: Role) -> Result<()> {
        match self {
            Principal::Key { name, role: own, .. } if *own < role => refuse(
                Code::Forbidden,
                format!("The key {:?} does not allow this: its role is too low.", name.as_str()),
            ),
            Principal::Token { .. } | Principal::Anonymous if role > Role::Write => Err(needs_a_key()),
            _ => Ok(()),
        }
    }

    /// By what name its use is counted; nobody counts an administrator's.
    pub(crate) fn account(&self) -> Option<String> {
        match self {
            Principal::Admin => None,
            Principal::Key { name, .. } => Some(format!("key {name}")),
            Principal::Token { identity, .. } => Some(format!("token {identity}")),
            Principal::Anonymous => Some("anonymous".to_owned()),
        }
    }
}

/// The refusal of somebody unknown. It says the same whether there is such a database or not.
pub(crate) fn unauthenticated() -> Error {
    Error::new(Code::Unauthenticated, "Send `Authorization: Bearer <key>` with a key of this database.")
}

/// The refusal of whoever has no API key where nothing else will do.
pub(crate) fn needs_a_key() -> Error {
    Error::new(Code::Forbidden, "This takes an API key: JWTs reach documents alone.")
}
