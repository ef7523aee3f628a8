//! Writes: every one becomes a batch, is decided, and leaves a receipt.

use serde_json::json;
use xxhash_rust::xxh3::Xxh3;

use super::access::permit;
use super::commit::{Heading, write};
use super::decide::Deciding;
use super::import;
use super::state::{Home, State};
use super::workspace::Workspace;
use crate::batch::{Batch, Change, Operation, Outcome, Receipt, decode};
use crate::error::{Code, Error, Result, refuse};
use crate::id::{BatchId, DocumentId, DocumentRef, Key};
use crate::limits::{BODY_BYTES, CLOCK_SKEW_US, RETENTION_US};
use crate::moment::Moment;
use crate::principal::Principal;
use crate::rules::Permit;
use crate::store::{Cell, Store};
use crate::time::Time;
use crate::value::{Value, parse_object};
use crate::wire::{Answer, Grant, PartitionCall, PartitionRequest, Precondition, Verb, from_json, percent_encode};

/// A refusal, and whether it came so late that what is in memory may be ahead of what is stored.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) stale: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed { error, stale: false }
    }
}

/// What became of a write.
pub(super) struct Done {
    pub(super) answer: Result<Answer>,
    /// What is in memory may be ahead of what is stored.
    pub(super) stale: bool,
}

/// Decides a write and answers it; a repeat is answered as the first time.
pub(super) fn transact<S: Store>(
    request: &PartitionRequest,
    body: &[u8],
    permit: &Permit,
    state: &mut State,
    store: &mut S,
    moment: &mut Moment<'_>,
) -> Done {
    // A repeat is refused for what the batch did itself, or is not written because its receipt is there. So a receipt is
    // looked for only then: most batches come once.
    let Failed { error, stale } = match carry_out(request, body, permit, state, store, moment) {
        Ok(answer) => return Done { answer: Ok(answer), stale: false },
        Err(failed) => failed,
    };
    Done { answer: first(request, body, permit, store).unwrap_or(Err(error)), stale }
}

/// What a batch was answered when it came first, if it came before: its receipt, or that its id is another's.
fn first(request: &PartitionRequest, body: &[u8], permit: &Permit, store: &mut impl Store) -> Option<Result<Answer>> {
    match digest(request, body, permit).and_then(|digest| known(&request.batch, &digest, store)) {
        Ok(receipt) => receipt.map(|receipt| answer(request, &receipt)),
        Err(error) => (error.code == Code::BatchReused).then_some(Err(error)),
    }
}

fn carry_out<S: Store>(
    request: &PartitionRequest,
    body: &[u8],
    permit: &Permit,
    state: &mut State,
    store: &mut S,
    moment: &mut Moment<'_>,
) -> std::result::Result<Answer, Failed> {
    let time = state.clock.clone().tick(moment.now);
    if request.call == PartitionCall::Import {
        sized(body)?;
        return imported(body, permit, state, store, moment, time);
    }
    let mut batch = batch_of(request, body, permit, state, moment)?;
    let (work, decided) = decide(&mut batch, permit, time, state, store, moment);
    let heading = Heading { batch: batch.id.as_str(), digest: &batch.digest, time };
    if let Err(error) = decided {
        return reject(error, &batch, request, &heading, state, store);
    }
    let mut kept = None;
    let written = write(store, state, &work, &heading, |outcome| {
        let results = batch.operations.iter().map(|operation| match outcome(&operation.document) {
            seen if !work.is_concealed(&operation.document) => seen,
            concealed => Outcome { version: None, ..concealed },
        });
        let receipt = Receipt::Committed { time, results: results.collect() };
        kept = Some(receipt.clone());
        Some(receipt)
    });
    match written {
        Ok(()) => {}
        Err(error) if error.code == Code::Internal => return Err(stale(error)),
        Err(error) => return reject(error, &batch, request, &heading, state, store),
    }
    let receipt = kept.ok_or_else(|| Error::new(Code::Internal, "A commit left no receipt."))?;
    answer(request, &receipt).map_err(Failed::from)
}

/// Refuses a batch. If its sender may ask again, the refusal is kept, so that the answer stays the same.
fn reject<S: Store>(
    error: Error,
    batch: &Batch,
    request: &PartitionRequest,
    heading: &Heading<'_>,
    state: &mut State,
    store: &mut S,
) -> std::result::Result<Answer, Failed> {
    let error = fitting(error, &request.call);
    if batch.named && is_durable(error.code) {
        let receipt = Receipt::rejected(&error);
        write(store, state, &Workspace::default(), heading, |_| Some(receipt)).map_err(stale)?;
    }
    Err(error.into())
}

/// Carries out a write where nothing is stored yet, and takes it all back: a key is not taken into use for a write
/// that is refused, nor, by whom rules bind, for one that changes nothing: that one leaves no receipt, but none is needed
/// to do nothing again. Gives the answer if nothing would be committed.
///
/// # Errors
/// What the write is refused for.
pub(super) fn rehearse<S: Store>(
    request: &PartitionRequest,
    body: &[u8],
    principal: &Principal,
    home: Home,
    grant: Grant,
    store: &mut S,
    moment: &mut Moment<'_>,
) -> Result<Option<Answer>> {
    let mut outcome = None;
    let rolled_back = store.atomically(|store| -> Result<()> {
        let mut state = State::create(home, grant, store)?;
        let rehearsed = permit(principal, &state, store).and_then(|permit| {
            let answer = transact(request, body, &permit, &mut state, store, moment).answer?;
            let nothing = match permit.bound() {
                None => state.seq == 0,
                Some(_) => store.run("SELECT 1 FROM log WHERE collection IS NOT NULL LIMIT 1", &[])?.rows.is_empty(),
            };
            Ok(nothing.then_some(answer))
        });
        outcome = Some(rehearsed);
        refuse(Code::Internal, "That was a rehearsal.")
    });
    match (outcome, rolled_back) {
        (Some(outcome), _) => outcome,
        (None, Err(error)) => Err(error),
        (None, Ok(())) => refuse(Code::Internal, "A rehearsal was kept."),
    }
}

fn decide<S: Store>(
    batch: &mut Batch,
    permit: &Permit,
    time: Time,
    state: &State,
    store: &mut S,
    moment: &mut Moment<'_>,
) -> (Workspace, Result<()>) {
    let mut new_id = || moment.new_id().to_string();
    let mut deciding = Deciding::new(store, state, permit, time, &mut new_id);
    if batch.fresh {
        batch.operations.iter().for_each(|operation| deciding.work.expect_nothing(&operation.document));
    }
    let decided = deciding.decide(&batch.reads, &mut batch.operations);
    (deciding.work, decided)
}

fn sized(body: &[u8]) -> Result<()> {
    if body.len() > BODY_BYTES {
        return refuse(Code::TooLarge, format!("A body has at most {BODY_BYTES} bytes."));
    }
    Ok(())
}

fn stale(error: Error) -> Failed {
    Failed { error, stale: true }
}

/// A digest of everything that a write asks for, and of who asks, where rules may tell them apart.
fn digest(request: &PartitionRequest, body: &[u8], permit: &Permit) -> Result<String> {
    let call = serde_json::to_vec(&request.call).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
    let mut hash = Xxh3::new();
    hash.update(&call);
    hash.update(body);
    hash.update(permit.identity().as_bytes());
    Ok(format!("{:032x}", hash.digest128()))
}

/// The receipt of a batch that was decided before.
fn known(id: &BatchId, digest: &str, store: &mut impl Store) -> Result<Option<Receipt>> {
    let found = store.run("SELECT digest, outcome FROM receipt WHERE id = ?", &[Cell::Text(id.to_string())])?;
    match found.rows.into_iter().next().map(<[Cell; 2]>::try_from) {
        Some(Ok([Cell::Text(before), Cell::Text(outcome)])) => {
            if before != digest {
                return refuse(
                    Code::BatchReused,
                    format!("The id {id} was used for another request: a new request needs a new id."),
                );
            }
            from_json(&outcome).map(Some)
        }
        _ => Ok(None),
    }
}

/// Refuses an id that tells of a time when receipts are no longer, or not yet, kept.
fn timely(id: &BatchId, now: Time) -> Result<()> {
    let Some(ms) = id.made_at_ms() else { return Ok(()) };
    let made = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000);
    // The id may have been made by a clock ahead of this one; its receipt is kept from the commit on.
    if made.saturating_add(RETENTION_US - CLOCK_SKEW_US) < now.micros() {
        return refuse(
            Code::BatchExpired,
            format!(
                "The id {id} is older than the receipts that are kept; whether it was committed is not known any more."
            ),
        );
    }
    if made > now.micros().saturating_add(CLOCK_SKEW_US) {
        return refuse(Code::InvalidBatchId, format!("The id {id} was made in the future: set your clock."));
    }
    Ok(())
}

/// Rejections that depend on the data as it was, so that a repeat could come out otherwise.
fn is_durable(code: Code) -> bool {
    matches!(code.status(), 404 | 409 | 412 | 413 | 422)
}

/// An error as the request's kind tells it: in a batch a failed precondition is a conflict, as a read that changed is;
/// a request for one document has no operations to number.
fn fitting(mut error: Error, call: &PartitionCall) -> Error {
    if *call != PartitionCall::Batch {
        error.members.remove("operation");
    } else if error.code == Code::VersionMismatch {
        error.code = Code::Conflict;
    }
    error
}

/// The batch that a request brings.
///
/// # Errors
/// `batch_expired`, `too_large`, and what its body is refused for.
pub(super) fn batch_of(
    request: &PartitionRequest,
    body: &[u8],
    permit: &Permit,
    state: &State,
    moment: &mut Moment<'_>,
) -> Result<Batch> {
    timely(&request.batch, moment.now)?;
    sized(body)?;
    let digest = digest(request, body, permit)?;
    let key = &state.home.key;
    let mut fresh = false;
    let (reads, operations) = match &request.call {
        PartitionCall::Batch => {
            let body = decode::body(parse_object(body)?, key, &state.schema)?;
            (body.reads, body.operations)
        }
        PartitionCall::Write { document, verb, only_if } => {
            decode::same_key(document, key)?;
            (Vec::new(), vec![single(document, *verb, *only_if, body)?])
        }
        PartitionCall::Insert { collection } => {
            let body = parse_object(body)?;
            let id = match body.get("id") {
                Some(Value::String(id)) => DocumentId::parse(id)?,
                Some(_) => return refuse(Code::InvalidId, "An `id` is a string."),
                None => {
                    fresh = true;
                    made(key, moment)?
                }
            };
            let document = DocumentRef { collection: collection.clone(), id };
            decode::same_key(&document, key)?;
            let change = Change::Insert(body);
            (Vec::new(), vec![Operation { document, only_if: None, condition: None, change }])
        }
        _ => return refuse(Code::Internal, "That is no write."),
    };
    Ok(Batch { id: request.batch.clone(), named: request.named, digest, reads, operations, fresh })
}

fn single(document: &DocumentRef, verb: Verb, only_if: Option<Precondition>, body: &[u8]) -> Result<Operation> {
    let change = match verb {
        Verb::Put => Change::Replace(parse_object(body)?),
        Verb::Patch => Change::Merge(parse_object(body)?),
        Verb::Delete => Change::Delete,
    };
    Ok(Operation { document: document.clone(), only_if, condition: None, change })
}

fn made(key: &Key, moment: &mut Moment<'_>) -> Result<DocumentId> {
    let id = moment.new_id();
    DocumentId::parse(&if key.as_str().is_empty() { id.to_string() } else { format!("{key}/{id}") })
}

/// The answer that a receipt comes to.
pub(super) fn answer(request: &PartitionRequest, receipt: &Receipt) -> Result<Answer> {
    let (time, results) = match receipt {
        Receipt::Committed { time, results } => (time, results),
        Receipt::Rejected { code, detail, members } => {
            return Err(Receipt::error(code, detail.clone(), members.clone()));
        }
    };
    let time = time.to_string();
    if request.call == PartitionCall::Batch {
        let results: Vec<Value> =
            results.iter().map(|result| json!({ "id": result.id, "version": result.version })).collect();
        return Ok(Answer::json(200, json!({ "time": time, "results": results }).to_string()));
    }
    let Some(result) = results.first() else { return refuse(Code::Internal, "A receipt is empty.") };
    let body = json!({ "id": result.id, "version": result.version, "time": time }).to_string();
    let mut answer = Answer::json(if result.created { 201 } else { 200 }, body);
    if let Some(version) = result.version {
        answer = answer.with_version(version);
    }
    if let PartitionCall::Insert { collection } = &request.call {
        let id: Vec<String> = result.id.split('/').map(percent_encode).collect();
        answer = answer.with("location", format!("/v1/{}/{collection}/{}", request.db, id.join("/")));
    }
    Ok(answer)
}

/// The batch that the log names for imports. No caller's: when its rows go, no receipt goes with them.
const IMPORT: &str = "of import";

fn imported<S: Store>(
    body: &[u8],
    permit: &Permit,
    state: &mut State,
    store: &mut S,
    moment: &mut Moment<'_>,
    time: Time,
) -> std::result::Result<Answer, Failed> {
    let mut new_id = || moment.new_id().to_string();
    let mut deciding = Deciding::new(store, state, permit, time, &mut new_id);
    let outcome = import::work_out(&mut deciding, body)?;
    let work = deciding.work;
    let heading = Heading { batch: IMPORT, digest: "", time };
    // Putting the same lines again changes nothing that matters, so an import keeps no receipt.
    write(store, state, &work, &heading, |_| None).map_err(stale)?;
    Ok(Answer::json(200, outcome.body()))
}
