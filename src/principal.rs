//! Principals: who a bearer is, and what that allows.

use crate::error::{Code, Error};
use crate::wire::{Bearer, Credential, Role};

/// What a bearer's credentials come to.
pub(crate) enum Access {
    /// The principal may.
    Granted,
    /// The principal may not.
    Forbidden(Error),
    /// Nobody known has these credentials.
    Unknown,
}

/// Whether the bearer may do what needs `role`.
pub(crate) fn check(bearer: &Bearer, credentials: &[Credential], role: Role) -> Access {
    let hash = match bearer {
        Bearer::Root => return Access::Granted,
        Bearer::Nobody => return Access::Unknown,
        Bearer::Hash(hash) => hash,
    };
    match credentials.iter().find(|credential| credential.hash == *hash) {
        None => Access::Unknown,
        Some(credential) if credential.role >= role => Access::Granted,
        Some(credential) => Access::Forbidden(Error::new(
            Code::Forbidden,
            format!("The key {:?} does not allow this: its role is too low.", credential.name.as_str()),
        )),
    }
}

/// The refusal of somebody unknown. It says the same whether there is such a database or not.
pub(crate) fn unauthenticated() -> Error {
    Error::new(Code::Unauthenticated, "Send `Authorization: Bearer <key>` with a key of this database.")
}
