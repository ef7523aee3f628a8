//! Principals: who a bearer is, and what that allows.

use serde_json::json;

use crate::error::{Code, Error, Result, refuse};
use crate::id::KeyName;
use crate::value::{Map, Value};
use crate::wire::{Bearer, Credential, Role};

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
    },
    /// The holder of a token of an issuer that the database trusts.
    Token {
        /// What the token says.
        claims: Map<String, Value>,
    },
    /// Nobody in particular.
    Anonymous,
}

/// Who has these credentials; `None` if nobody known has.
pub(crate) fn identify(bearer: &Bearer, credentials: &[Credential]) -> Option<Principal> {
    let hash = match bearer {
        Bearer::Root => return Some(Principal::Admin),
        Bearer::Nobody => return None,
        Bearer::Hash(hash) => hash,
    };
    let found = credentials.iter().find(|credential| credential.hash == *hash)?;
    Some(Principal::of_key(found))
}

impl Principal {
    /// The holder of an API key.
    pub(crate) fn of_key(key: &Credential) -> Principal {
        match key.role {
            Role::Admin => Principal::Admin,
            role => Principal::Key { name: key.name.clone(), role },
        }
    }

    /// What `{"auth": …}` reads of it.
    pub(crate) fn auth(&self) -> Value {
        match self {
            Principal::Admin => Value::Null,
            Principal::Key { name, role } => json!({ "key": name, "role": role }),
            Principal::Token { claims } => Value::Object(claims.clone()),
            Principal::Anonymous => json!({}),
        }
    }

    /// The roles that it was given.
    pub(crate) fn roles(&self) -> &[String] {
        &[]
    }

    /// Whether it is an API key, to which collections without rules are open as far as its role goes.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self, Principal::Key { .. })
    }

    /// Who it is: no two that could be told apart share it.
    pub(crate) fn identity(&self) -> String {
        match self {
            Principal::Admin => String::new(),
            Principal::Key { name, .. } => json!(["key", name]).to_string(),
            Principal::Token { claims } => json!(["token", claims.get("iss"), claims.get("sub")]).to_string(),
            Principal::Anonymous => "anonymous".to_owned(),
        }
    }

    /// Refuses what needs a greater role.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn needs(&self, role: Role) -> Result<()> {
        match self {
            Principal::Key { name, role: own } if *own < role => refuse(
                Code::Forbidden,
                format!("The key {:?} does not allow this: its role is too low.", name.as_str()),
            ),
            _ => Ok(()),
        }
    }
}

/// The refusal of somebody unknown. It says the same whether there is such a database or not.
pub(crate) fn unauthenticated() -> Error {
    Error::new(Code::Unauthenticated, "Send `Authorization: Bearer <key>` with a key of this database.")
}
