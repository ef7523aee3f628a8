//! Batches that came together and have nothing to do with each other: decided one by one, written at once. What a commit
//! costs is mostly the statements, so that many small ones share them.
//!
//! Each keeps its own time, sequences and receipt: whoever looks finds the same as if they had come one after the other.

use std::collections::BTreeSet;

use super::commit::{Decided, Heading, write_together};
use super::decide::Deciding;
use super::state::{State, collection_of};
use super::transact::{answer, batch_of};
use super::workspace::Workspace;
use super::{Partition, access};
use crate::batch::{Batch, Change, Operation, Read};
use crate::error::Result;
use crate::id::DocumentRef;
use crate::limits::{TOGETHER_BATCHES, TOGETHER_BYTES};
use crate::moment::Moment;
use crate::principal::Principal;
use crate::query::tree::Condition;
use crate::rules::Permit;
use crate::schema::paths::{references, references_to};
use crate::store::Store;
use crate::time::Time;
use crate::wire::{Answer, PartitionCall, PartitionRequest};

/// A batch that may be written with others, and the request that brought it.
struct Candidate<'r> {
    request: &'r PartitionRequest,
    batch: Batch,
    /// Its time, once it is decided.
    time: Time,
    /// What it leaves.
    work: Workspace,
}

impl Candidate<'_> {
    fn decided(&self) -> Decided<'_> {
        Decided {
            work: &self.work,
            heading: Heading { batch: self.batch.id.as_str(), digest: &self.batch.digest, time: self.time },
            documents: self.batch.operations.iter().map(|operation| &operation.document).collect(),
        }
    }
}

/// What became of the first of some requests.
#[derive(Default)]
pub(super) struct Together {
    /// The answers of those that were written together.
    pub(super) answers: Vec<Answer>,
    /// How many after those are for the usual way, where nothing is different.
    pub(super) alone: usize,
}

impl<S: Store> Partition<S> {
    /// Commits as many of the first requests as can be written together.
    pub(super) fn together(
        &mut self,
        moment: &mut Moment<'_>,
        requests: &[(PartitionRequest, &str)],
        principal: &Principal,
    ) -> Together {
        let alone = |alone: usize| Together { answers: Vec::new(), alone };
        let Some(state) = self.state.as_mut() else { return alone(1) };
        // What has to be looked at or counted one by one is left to be.
        if requests.len() < 2 || state.survey.is_some() || state.rewriting || state.grant.settings.quotas.are_any() {
            return alone(requests.len());
        }
        let permit = match self.permits.now(principal, state, &mut self.store) {
            Ok(permit) if permit.bound().is_none() => permit,
            _ => return alone(requests.len()),
        };
        let candidates = candidates(requests, principal, &permit, state, moment);
        if candidates.len() < 2 {
            return alone(candidates.len() + 1);
        }
        let Ok(decided) = decide(candidates, &permit, state, &mut self.store, moment) else { return alone(1) };
        if decided.len() < 2 {
            return alone(decided.len() + 1);
        }
        let written: Vec<Decided<'_>> = decided.iter().map(Candidate::decided).collect();
        let Ok(receipts) = write_together(&mut self.store, state, &written) else {
            // One of them came before, so its receipt is there already: nothing of this was kept.
            return alone(decided.len());
        };
        let answers = decided.iter().zip(&receipts);
        let answers =
            answers.map(|(candidate, receipt)| answer(candidate.request, receipt).unwrap_or_else(Answer::from));
        Together { answers: answers.collect(), alone: 0 }
    }
}

/// The first requests that are batches which do not see each other's changes.
fn candidates<'r>(
    requests: &'r [(PartitionRequest, &str)],
    principal: &Principal,
    permit: &Permit,
    state: &State,
    moment: &mut Moment<'_>,
) -> Vec<Candidate<'r>> {
    let mut candidates = Vec::new();
    let mut changed: BTreeSet<DocumentRef> = BTreeSet::new();
    let mut bytes = 0;
    for (request, body) in requests.iter().take(TOGETHER_BATCHES) {
        bytes += body.len();
        if request.call != PartitionCall::Batch
            || bytes > TOGETHER_BYTES
            || access::admit(principal, &request.call).is_err()
        {
            break;
        }
        let Ok(batch) = batch_of(request, body.as_bytes(), permit, state, moment) else { break };
        let is_apart = |document: &DocumentRef| !changed.contains(document);
        let reads_alone = batch.reads.iter().all(|read| match read {
            Read::Document { document, .. } => is_apart(document),
            Read::Query { .. } => false,
        });
        let is_simple = |operation: &Operation| is_apart(&operation.document) && is_simple(operation, state);
        if !reads_alone || !batch.operations.iter().all(is_simple) {
            break;
        }
        changed.extend(batch.operations.iter().map(|operation| operation.document.clone()));
        candidates.push(Candidate { request, batch, time: state.clock.last(), work: Workspace::default() });
    }
    candidates
}

/// Whether an operation concerns its document alone.
fn is_simple(operation: &Operation, state: &State) -> bool {
    let collection = collection_of(&state.schema, &operation.document.collection);
    let looks_along = |condition: &Condition| condition.any(&|one| matches!(one, Condition::Exists(..)));
    let stands_alone = match &operation.change {
        Change::Delete => references_to(&state.schema, &operation.document.collection).is_empty(),
        Change::Check(condition) => !looks_along(condition),
        _ => true,
    };
    stands_alone
        && state.tables.get(&operation.document.collection).is_some()
        && collection.unique.is_empty()
        && references(collection).is_empty()
        && !operation.condition.as_ref().is_some_and(looks_along)
}

/// Decides the batches up to the first that is refused or changes nothing.
fn decide<'r, S: Store>(
    candidates: Vec<Candidate<'r>>,
    permit: &Permit,
    state: &State,
    store: &mut S,
    moment: &mut Moment<'_>,
) -> Result<Vec<Candidate<'r>>> {
    let mut all = Workspace::default();
    let documents: Vec<DocumentRef> = candidates.iter().flat_map(|candidate| touched(&candidate.batch)).collect();
    all.load_all(&documents, &state.layout, store)?;
    let mut decided = Vec::with_capacity(candidates.len());
    let mut clock = state.clock.clone();
    for mut candidate in candidates {
        candidate.time = clock.tick(moment.now);
        let mut new_id = || moment.new_id().to_string();
        let mut deciding = Deciding::new(store, state, permit, candidate.time, &mut new_id);
        deciding.work = all.part(touched(&candidate.batch));
        let good = deciding.decide(&candidate.batch.reads, &mut candidate.batch.operations).is_ok();
        candidate.work = deciding.work;
        if !good || !candidate.work.changes_something() {
            break;
        }
        decided.push(candidate);
    }
    Ok(decided)
}

/// The documents that a batch reads and changes.
fn touched(batch: &Batch) -> impl Iterator<Item = DocumentRef> + '_ {
    let reads = batch.reads.iter().filter_map(|read| match read {
        Read::Document { document, .. } => Some(document.clone()),
        Read::Query { .. } => None,
    });
    reads.chain(batch.operations.iter().map(|operation| operation.document.clone()))
}
