//! What calls need, and whom a partition knows not to know.

use std::collections::VecDeque;

use super::read;
use super::state::State;
use crate::error::Result;
use crate::principal::Principal;
use crate::rules::Permit;
use crate::store::Store;
use crate::wire::{Bearer, PartitionCall, Role};

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
            Bearer::Root => false,
            Bearer::Nobody => true,
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
