//! What calls need, and whom a partition knows not to know.

use std::collections::VecDeque;

use super::state::State;
use crate::cors;
use crate::error::{Code, Error, Result, refuse};
use crate::jwt::{self, Jwt};
use crate::principal::{Principal, unauthenticated};
use crate::wire::{Answer, Bearer, KeyWanted, PartitionCall, Role};

/// Refuses what a principal may not do at all.
///
/// # Errors
/// `forbidden`; `not_found` of a document that is not to be seen.
pub(super) fn admit(principal: &Principal, call: &PartitionCall) -> Result<()> {
    principal.needs(role_for(call))?;
    if has_key(principal) {
        return Ok(());
    }
    // Whoever has no API key sees and changes what rules let him, and as yet there are none.
    match call {
        PartitionCall::Sync | PartitionCall::Many { .. } => Ok(()),
        PartitionCall::Get { document, .. } => refuse(Code::NotFound, format!("There is no document {document}.")),
        PartitionCall::Import => Err(crate::principal::needs_a_key()),
        _ => refuse(Code::Forbidden, "No rule of the schema lets you do this: until one does, it takes an API key."),
    }
}

/// Whether the principal may write at all, so that a key may be taken into use for what it sends together. Once rules let
/// others than the holders of API keys write, what they send must be rehearsed first, as a single write is.
pub(super) fn may_write(principal: &Principal) -> bool {
    has_key(principal) && principal.needs(Role::Write).is_ok()
}

fn has_key(principal: &Principal) -> bool {
    !matches!(principal, Principal::Token { .. } | Principal::Anonymous)
}

/// Opens a socket, unless a page of an origin asks that may not: browsers hold no page back from that, and ask nobody.
pub(super) fn opens(origin: Option<&str>, state: &State) -> Result<Answer> {
    if origin.is_some() && cors::allowed(origin, &state.grant.settings).is_none() {
        return refuse(
            Code::Forbidden,
            "Pages of this origin open no sockets: PUT _settings names the origins that may.",
        );
    }
    Ok(Answer::empty(101))
}

/// The key that a bearer's token must be signed with, as far as it says.
pub(super) fn wanted(bearer: &Bearer) -> Option<KeyWanted> {
    let Bearer::Token(token) = bearer else { return None };
    let Jwt { issuer, algorithm, kid, .. } = Jwt::parse(token).ok()?;
    Some(KeyWanted { issuer, algorithm, kid })
}

/// The refusal of a bearer where there is no database: the same as of a stranger where there is one.
pub(super) fn nobody(bearer: &Bearer) -> Error {
    match bearer {
        Bearer::Token(token) => Jwt::parse(token).err().unwrap_or_else(jwt::unknown),
        _ => unauthenticated(),
    }
}

/// The role that a call needs.
pub(super) fn role_for(call: &PartitionCall) -> Role {
    match call {
        // Of several requests, and over a socket, each is looked at again by itself.
        PartitionCall::Get { .. }
        | PartitionCall::Query { .. }
        | PartitionCall::Export { .. }
        | PartitionCall::Sync
        | PartitionCall::Many { .. } => Role::Read,
        PartitionCall::Write { .. } | PartitionCall::Insert { .. } | PartitionCall::Batch | PartitionCall::Import => {
            Role::Write
        }
        PartitionCall::Learn => Role::Admin,
    }
}

/// Whether a call may write, so that it needs the key to be in use.
pub(super) fn writes(call: &PartitionCall) -> bool {
    match call {
        PartitionCall::Many { writes } => *writes,
        call => role_for(call) > Role::Read,
    }
}

/// Credentials that turned out to be nobody's, so that the catalog is not asked about them again. Keys are random:
/// one that was never made will not be made.
#[derive(Default)]
pub(super) struct Strangers(VecDeque<String>);

impl Strangers {
    /// How many are remembered.
    const MANY: usize = 64;

    /// Whether the bearer is known to be nobody.
    pub(super) fn is_known(&self, bearer: &Bearer) -> bool {
        match bearer {
            Bearer::Root | Bearer::Token(_) => false,
            Bearer::Nobody | Bearer::Unusable => true,
            Bearer::Hash(hash) => self.0.contains(hash),
        }
    }

    /// Remembers that the bearer is nobody.
    pub(super) fn remember(&mut self, bearer: &Bearer) {
        if let Bearer::Hash(hash) = bearer {
            self.0.truncate(Strangers::MANY - 1);
            self.0.push_front(hash.clone());
        }
    }
}
