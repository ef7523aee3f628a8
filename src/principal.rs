//! Principals: who a bearer is, and what that allows.

use crate::error::{Code, Error, Result, refuse};
use crate::id::KeyName;
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
}

/// Who has these credentials; `None` if nobody known has.
pub(crate) fn identify(bearer: &Bearer, credentials: &[Credential]) -> Option<Principal> {
    let hash = match bearer {
        Bearer::Root => return Some(Principal::Admin),
        Bearer::Nobody => return None,
        Bearer::Hash(hash) => hash,
    };
    let found = credentials.iter().find(|credential| credential.hash == *hash)?;
    Some(match found.role {
        Role::Admin => Principal::Admin,
        role => Principal::Key { name: found.name.clone(), role },
    })
}

impl Principal {
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
