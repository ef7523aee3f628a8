//! The partition: the durable actor that is home to a key.
//!
//! It holds all documents of the key, of every collection, and alone decides what is committed to them. It is a
//! state machine: [`Partition::handle`] takes a request and gives an answer, or asks the catalog first. Everything
//! it decides, it decides and writes in one synchronous block.

mod access;
mod commit;
mod constraint;
mod decide;
mod expiry;
mod explain;
mod import;
mod key;
mod learn;
mod many;
mod permitted;
mod read;
mod rewrite;
mod state;
mod survey;
mod tables;
mod together;
mod transact;
mod upkeep;
mod workspace;

use serde_json::json;

use crate::cors;
use crate::error::{Code, Error, Result, refuse};
use crate::id::{DocumentRef, Key};
use crate::moment::Moment;
use crate::principal::{Found, Principal, SignatureCheck, Tokens, unauthenticated};
use crate::query::decode;
use crate::quota::Accounts;
use crate::rules::Permit;
use crate::settings::Quotas;
use crate::store::Store;
use crate::time::{Time, Token};
use crate::value;
use crate::wire::{
    Answer, Bearer, CatalogCall, CatalogRequest, ELSEWHERE_HEADER, Grant, Lesson, MORE_HEADER, PartitionCall,
    PartitionRequest, Progress, from_json, percent_encode,
};
use access::{Permits, Strangers};
use state::{Home, State, read_schema};

/// What a partition does with an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It answers.
    Answer(Answer),
    /// It must ask the catalog first; the same request comes again with the lesson.
    Ask(CatalogRequest),
    /// A signature must be checked first. What becomes of it is [`Partition::checked`]; the same request comes again, with
    /// the lesson that came last.
    Verify(Box<SignatureCheck>),
}

/// The actor that is home to a key.
pub struct Partition<S: Store> {
    store: S,
    /// What is known; `None` until something is read, or while this partition is not registered.
    state: Option<State>,
    strangers: Strangers,
    /// What the principal at hand may see and do.
    permits: Permits,
    /// Whether the answer to the request at hand may say what it cost.
    tells_cost: bool,
    tokens: Tokens,
    accounts: Accounts,
    /// Whose account the present request is charged to.
    payer: Option<String>,
}

impl<S: Store> Partition<S> {
    /// A partition over its store. Nothing is read yet.
    pub fn new(store: S) -> Partition<S> {
        let (strangers, tokens, accounts) = (Strangers::default(), Tokens::default(), Accounts::default());
        Partition {
            store,
            state: None,
            strangers,
            permits: Permits::default(),
            tells_cost: true,
            tokens,
            accounts,
            payer: None,
        }
    }

    /// Takes a request, with what the catalog said if it was asked before.
    pub fn handle(
        &mut self,
        moment: &mut Moment<'_>,
        request: &PartitionRequest,
        body: &[u8],
        lesson: Option<Lesson>,
    ) -> Step {
        self.store.take_cost();
        self.permits.forget();
        self.tells_cost = true;
        self.payer = None;
        let allowed = match &lesson {
            Some(Lesson::Granted { grant, .. }) => cors::allowed(request.origin.as_deref(), &grant.settings),
            _ => None,
        };
        let step = self.step(moment, request, body, lesson).unwrap_or_else(|error| {
            if matches!(error.code, Code::Internal | Code::Unavailable) || request.call == PartitionCall::Learn {
                // Whatever went wrong, what is stored is right: begin again from there.
                self.state = None;
            }
            Step::Answer(error.into())
        });
        match step {
            Step::Answer(answer) => {
                // What was forgotten on the way is read again: every answer says the same of the database.
                let _ = self.load();
                let known = self.state.as_ref().map(|state| &state.grant.settings);
                let allowed = known.map_or(allowed, |settings| cors::allowed(request.origin.as_deref(), settings));
                let token = self.state.as_ref().map(|state| Token::of(state.home.key.clone(), state.clock.last()));
                let answer = match token {
                    Some(token) => answer.with_token(&token),
                    None => answer,
                };
                let cost = self.store.take_cost();
                if let (Some(payer), Some(state)) = (&self.payer, &self.state) {
                    self.accounts.rows(payer, &state.grant.settings.quotas, cost.read + cost.written, moment.now);
                }
                let answer = if self.tells_cost {
                    answer.with("selvedge-cost", format!("read={};written={}", cost.read, cost.written))
                } else {
                    answer
                };
                Step::Answer(cors::dressed(answer, allowed.as_deref()))
            }
            other => other,
        }
    }

    /// Takes note of what became of a signature.
    pub fn checked(&mut self, check: SignatureCheck, good: bool) {
        self.tokens.checked(check, good);
    }

    /// Does what is due by itself. Whatever is left is done at the next alarm.
    pub fn alarm(&mut self, moment: &mut Moment<'_>) {
        let done = self.load().and_then(|()| match &mut self.state {
            Some(state) => upkeep::step(state, &mut self.store, moment),
            None => Ok(()),
        });
        if done.is_err() {
            self.state = None;
        }
    }

    /// When the alarm should ring next.
    pub fn next_alarm(&mut self) -> Option<Time> {
        self.state.as_ref().and_then(upkeep::next)
    }

    /// The store under it.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    fn load(&mut self) -> Result<()> {
        if self.state.is_none() {
            self.state = State::load(&mut self.store)?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        moment: &mut Moment<'_>,
        request: &PartitionRequest,
        body: &[u8],
        lesson: Option<Lesson>,
    ) -> Result<Step> {
        self.load()?;
        if request.call == PartitionCall::Learn {
            return self.learn(request, body, moment.now).map(Step::Answer);
        }
        let Some(state) = &mut self.state else { return self.unregistered(moment, request, body, lesson) };
        if let Some(Lesson::Granted { grant, .. }) = &lesson
            && grant.epoch > state.grant.epoch
            && let Err(error) = learn::adopt((**grant).clone(), state, &mut self.store, moment.now)
        {
            // What is in memory may be ahead of what is stored.
            self.state = None;
            return Err(error);
        }
        let (anonymous, heard) = (state.schema.anonymous, matches!(lesson, Some(Lesson::Granted { .. })));
        let found = self.tokens.find(&request.bearer, &state.grant, anonymous, heard, moment.now);
        let principal = match (found, lesson) {
            (Found::Known(principal), _) => principal,
            (Found::Check(check), _) => return Ok(Step::Verify(check)),
            (_, Some(Lesson::Busy)) => return Err(busy()),
            (_, Some(Lesson::NoDatabase)) => return Err(access::nobody(&request.bearer)),
            // Whoever is not known here may have got a key since the catalog was last heard.
            (Found::Unsure, _) if self.strangers.is_known(&request.bearer) => return Err(unauthenticated()),
            (Found::Unsure, _) => return Ok(ask(request, false)),
            (Found::Refused(error), _) => {
                if heard {
                    self.strangers.remember(&request.bearer);
                }
                // An answer, not a failure: what is in memory is right.
                return Ok(Step::Answer(error.into()));
            }
        };
        self.charge(&principal, &request.call, moment.now)?;
        access::admit(&principal, &request.call)?;
        if request.call == PartitionCall::ExplainAccess && !heard {
            // The API key that is asked about may be newer than what was heard last.
            return Ok(ask(request, false));
        }
        let Some(state) = &self.state else { return Err(busy()) };
        if state.home != home(request) {
            return refuse(Code::Internal, "A request reached the wrong partition.");
        }
        if state.rewriting {
            return refuse(Code::Unavailable, "A change of schema is being carried out here; it takes a few seconds.");
        }
        self.serve(moment, request, &principal, body).map(Step::Answer)
    }

    /// Charges a request to its principal, by the settings that are known.
    fn charge(&mut self, principal: &Principal, call: &PartitionCall, now: Time) -> Result<()> {
        let Some(quotas) = self.state.as_ref().map(|state| state.grant.settings.quotas) else { return Ok(()) };
        self.charge_by(&quotas, principal, call, now)
    }

    /// Charges a request to its principal. Of several that travel together each is charged by itself.
    fn charge_by(&mut self, quotas: &Quotas, principal: &Principal, call: &PartitionCall, now: Time) -> Result<()> {
        self.payer = if quotas.are_any() { principal.account() } else { None };
        match &self.payer {
            Some(account) if !matches!(call, PartitionCall::Many { .. }) => self.accounts.request(account, quotas, now),
            _ => Ok(()),
        }
    }

    /// Serves a request whose principal may make it.
    fn serve(
        &mut self,
        moment: &mut Moment<'_>,
        request: &PartitionRequest,
        principal: &Principal,
        body: &[u8],
    ) -> Result<Answer> {
        if let PartitionCall::Many { .. } = request.call {
            return self.many(moment, request, principal, body);
        }
        let Some(state) = &mut self.state else { return Err(busy()) };
        let store = &mut self.store;
        let permit = self.permits.now(principal, state, store)?;
        // What was read to find an answer tells of what may not be known.
        self.tells_cost &= permit.bound().is_none();
        match &request.call {
            PartitionCall::Get { document, at, unless } => {
                get(document, (*at, *unless), moment.now, &permit, state, store)
            }
            PartitionCall::Query { whole } => query(body, *whole, moment.now, &permit, state, store),
            PartitionCall::Export { collection, after } => {
                let (lines, more) = read::export(collection.as_ref(), after.as_ref(), &permit, state, store)?;
                let answer = Answer {
                    status: 200,
                    headers: vec![("content-type", "application/x-ndjson".to_owned())],
                    body: lines,
                };
                Ok(match more {
                    Some(last) => answer.with(MORE_HEADER, percent_encode(&last.to_string())),
                    None => answer,
                })
            }
            PartitionCall::Sync => access::opens(request.origin.as_deref(), state),
            PartitionCall::ExplainAccess => explain::explain(body, state, store, moment),
            PartitionCall::Learn | PartitionCall::Many { .. } => refuse(Code::Internal, "That is served elsewhere."),
            PartitionCall::Write { .. }
            | PartitionCall::Insert { .. }
            | PartitionCall::Batch
            | PartitionCall::Import => {
                let done = transact::transact(request, body, &permit, state, store, moment);
                if done.stale {
                    self.state = None;
                }
                done.answer
            }
        }
    }

    fn learn(&mut self, request: &PartitionRequest, body: &[u8], now: Time) -> Result<Answer> {
        let text = std::str::from_utf8(body).map_err(|_| Error::new(Code::Internal, "A damaged grant."))?;
        let grant: Grant = from_json(text)?;
        let epoch = grant.epoch;
        if grant.dropped {
            if self.state.as_ref().is_none_or(|state| state.grant.epoch <= epoch) {
                self.state = None;
                State::erase(epoch, &mut self.store)?;
            }
            return progress_answer(&Progress { epoch, done: true, offenders: Vec::new() });
        }
        if self.state.is_none() {
            // Registered, but the answer to that was lost: there is nothing here to survey.
            self.state = Some(State::create(home(request), grant.clone(), &mut self.store)?);
        }
        let Some(state) = &mut self.state else { return Err(busy()) };
        progress_answer(&learn::learn(grant, state, &mut self.store, now)?)
    }

    /// A request to a partition that holds nothing and is not known to the catalog, as far as it knows.
    fn unregistered(
        &mut self,
        moment: &mut Moment<'_>,
        request: &PartitionRequest,
        body: &[u8],
        lesson: Option<Lesson>,
    ) -> Result<Step> {
        let (grant, registered, only, keys) = match lesson {
            None => return Ok(ask(request, false)),
            Some(Lesson::Busy) => return Err(busy()),
            Some(Lesson::NoDatabase) if request.bearer == Bearer::Root => {
                return refuse(
                    Code::UnknownDatabase,
                    format!("There is no database {:?}: PUT /v1/{0} creates it.", request.db.as_str()),
                );
            }
            Some(Lesson::NoDatabase) => return Err(access::nobody(&request.bearer)),
            Some(Lesson::Granted { grant, registered, only, keys }) => (*grant, registered, only, keys),
        };
        let anonymous = request.bearer == Bearer::Nobody && read_schema(&grant.schema.text)?.anonymous;
        let principal = match self.tokens.find(&request.bearer, &grant, anonymous, true, moment.now) {
            Found::Known(principal) => principal,
            Found::Check(check) => return Ok(Step::Verify(check)),
            Found::Refused(error) => return Err(error),
            Found::Unsure => return Err(unauthenticated()),
        };
        access::admit(&principal, &request.call)?;
        let (writes, quotas) = (access::writes(&request.call), grant.settings.quotas);
        // A write was charged when it was rehearsed.
        if !writes || !registered {
            self.charge_by(&quotas, &principal, &request.call, moment.now)?;
        }
        if registered {
            self.state = Some(State::create(home(request), grant, &mut self.store)?);
            return self.serve(moment, request, &principal, body).map(Step::Answer);
        }
        if !writes {
            if let PartitionCall::Query { whole: true } = request.call {
                if keys > 1 {
                    return Err(several_keys());
                }
                if let Some(other) = only.filter(|other| *other != request.key) {
                    return Ok(Step::Answer(elsewhere(&other)));
                }
            }
            // Nothing is here, but what is asked is still read and answered as such. Nothing is remembered: the
            // catalog would not tell an unregistered partition of changes.
            self.state = Some(State::unregistered(home(request), grant)?);
            let answer = self.serve(moment, request, &principal, body);
            self.state = None;
            return answer.map(Step::Answer);
        }
        if let PartitionCall::Many { .. } = request.call {
            let answer = self.many_rehearsed(moment, request, &principal, body, &grant)?;
            return Ok(answer.map_or_else(|| ask(request, true), Step::Answer));
        }
        let refused = transact::rehearse(request, body, &principal, home(request), grant, &mut self.store, moment)?;
        Ok(refused.map_or_else(|| ask(request, true), Step::Answer))
    }
}

fn home(request: &PartitionRequest) -> Home {
    Home { db: request.db.clone(), key: request.key.clone() }
}

fn ask(request: &PartitionRequest, register: bool) -> Step {
    let wanted = access::wanted(&request.bearer);
    Step::Ask(CatalogRequest {
        db: request.db.clone(),
        bearer: Bearer::Nobody,
        origin: None,
        call: CatalogCall::Join { key: request.key.clone(), register, wanted },
    })
}

fn busy() -> Error {
    Error::new(Code::Unavailable, "The database is changing; send the same request again.")
}

fn several_keys() -> Error {
    Error::new(
        Code::SeveralKeys,
        "More than one key is in use: name the query's `key`. Queries over several keys are to come.",
    )
}

fn elsewhere(key: &Key) -> Answer {
    Answer::empty(421).with(ELSEWHERE_HEADER, percent_encode(key.as_str()))
}

fn progress_answer(progress: &Progress) -> Result<Answer> {
    let body = serde_json::to_string(progress).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
    Ok(Answer::json(200, body))
}

fn get(
    document: &DocumentRef,
    (at, unless): (Option<Time>, Option<i64>),
    now: Time,
    permit: &Permit,
    state: &mut State,
    store: &mut impl Store,
) -> Result<Answer> {
    decide::same_home(document, state)?;
    let found = match permit.bound() {
        None => read::document(document, at, now, state, store)?.map(|stored| (stored.body, stored.seq)),
        Some(bound) => read::document_under(bound, document, at, now, state, store)?,
    };
    match found {
        None => refuse(Code::NotFound, format!("There is no document {document}.")),
        Some((_, version)) if unless == Some(version) => Ok(Answer::empty(304).with_version(version)),
        Some((body, version)) => Ok(Answer::json(200, body).with_version(version)),
    }
}

fn query<S: Store>(
    body: &[u8],
    whole: bool,
    now: Time,
    permit: &Permit,
    state: &mut State,
    store: &mut S,
) -> Result<Answer> {
    if whole && !state.grant.alone {
        return Err(several_keys());
    }
    let query = decode::query(&value::parse(body)?, &state.schema)?;
    if query.key.as_ref().is_some_and(|key| *key != state.home.key) {
        return refuse(Code::Internal, "A query reached the wrong partition.");
    }
    if permit.bound().is_none() {
        // Under rules a collection that nobody has heard of is one that nothing may be read of.
        read::known(&query, state)?;
    }
    let query = permit.restrict(query, &state.schema)?;
    let at = query.at.map(|at| read::sequence_at(at, now, state, store)).transpose()?;
    let answer = read::query(&query, at, state, store)?;
    let cost = store.cost();
    let cost = match permit.bound() {
        None => json!({ "rowsRead": cost.read, "rowsWritten": cost.written, "actors": 1 }),
        Some(_) => json!({ "actors": 1 }),
    };
    if let Some(plan) = answer.plan {
        return Ok(Answer::json(200, json!({ "plan": plan, "cost": cost }).to_string()));
    }
    let bytes: usize = answer.rows.iter().map(|row| row.len() + 1).sum();
    let mut out = String::with_capacity(bytes + 256);
    out.push_str("{\"rows\":[");
    for (index, row) in answer.rows.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(row);
    }
    out.push(']');
    if let Some(cursor) = answer.cursor {
        out.push_str(&format!(",\"cursor\":\"{cursor}\""));
    }
    out.push_str(&format!(",\"digest\":\"{}\",\"cost\":{cost}}}", answer.digest));
    Ok(Answer::json(200, out))
}
