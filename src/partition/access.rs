//! What calls need, and whom a partition knows not to know.

use std::collections::VecDeque;
use std::rc::Rc;

use super::read;
use super::state::State;
use crate::cors;
use crate::error::{Code, Error, Result, refuse};
use crate::jwt::{self, Jwt};
use crate::principal::{Principal, needs_a_key, unauthenticated};
use crate::rules::Permit;
use crate::store::Store;
use crate::wire::{Answer, Bearer, KeyWanted, PartitionCall, Role};

/// Refuses what a principal may not do at all.
///
/// # Errors
/// `forbidden`.
pub(super) fn admit(principal: &Principal, call: &PartitionCall) -> Result<()> {
    principal.needs(role_for(call))?;
    match (call, principal) {
        (PartitionCall::Import, Principal::Token { .. } | Principal::Anonymous) => Err(needs_a_key()),
        _ => Ok(()),
    }
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
        PartitionCall::ExplainAccess | PartitionCall::Learn => Role::Admin,
    }
}

/// Whether a call may write, so that it needs the key to be in use.
pub(super) fn writes(call: &PartitionCall) -> bool {
    match call {
        PartitionCall::Many { writes } => *writes,
        PartitionCall::ExplainAccess => false,
        call => role_for(call) > Role::Read,
    }
}

/// What a principal may see and do here, by the schema in force and the documents that tell of roles.
pub(super) fn permit<S: Store>(principal: &Principal, state: &State, store: &mut S) -> Result<Permit> {
    Permit::of(principal, &state.schema, |collection, condition| read::finds(collection, condition, state, store))
}

/// The permit of an event's principal. It is made once for all that travels together, and again after a commit: roles may
/// be others then.
#[derive(Default)]
pub(super) struct Permits(Option<(i64, Rc<Permit>)>);

impl Permits {
    /// An event begins: it may be somebody else's.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// The permit as of now.
    ///
    /// # Errors
    /// What looking up roles fails with.
    pub(super) fn now<S: Store>(&mut self, principal: &Principal, state: &State, store: &mut S) -> Result<Rc<Permit>> {
        if let Some((_, known)) = self.0.as_ref().filter(|(seq, _)| *seq == state.seq) {
            return Ok(Rc::clone(known));
        }
        let made = Rc::new(permit(principal, state, store)?);
        self.0 = Some((state.seq, Rc::clone(&made)));
        Ok(made)
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
