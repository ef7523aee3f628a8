//! The catalog: the durable actor that holds a database's schema versions, keys in use and API keys.
//!
//! It is off the path of reads and writes: partitions ask it once, when their key is taken into use, and are told
//! of every change after that. What they are told is always the whole state ([`crate::wire::Grant`]), under a
//! rising epoch; a change that needs everybody is answered when everybody has heard.

mod audit;
pub mod keys;
mod record;
mod schema;
mod settings;

use std::collections::BTreeSet;

use serde_json::json;

use crate::cors;
use crate::error::{Code, Error, Result, refuse};
use crate::id::{DatabaseName, Key};
use crate::limits::{CATALOG_PAGE_KEYS, CATALOG_RETRY_US, CATALOG_STEP_KEYS, CATALOG_TELLS, CATALOG_WATCH_US};
use crate::moment::Moment;
use crate::principal::{identify, unauthenticated};
use crate::store::Store;
use crate::time::Time;
use crate::wire::{
    Answer, Bearer, CatalogCall, CatalogRequest, Lesson, PartitionCall, PartitionRequest, Progress, Role,
};
use record::{Record, Refused};

/// What a catalog does with an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It answers.
    Answer(Answer),
    /// It tells partitions something first: each request with the same body. What they answer is
    /// [`Catalog::heard`], then the same request comes again.
    Tell(Vec<PartitionRequest>, String),
    /// The keys of an issuer are fetched from this URL first, once for all that wait for it. What comes of it is
    /// [`Catalog::fetched`], then the same request comes again.
    Fetch(String),
}

/// The actor that knows a database.
pub struct Catalog<S: Store> {
    store: S,
    /// Partitions told so far in the event that is being handled.
    told: usize,
    /// Partitions that did not answer; an event asks each of them once.
    silent: BTreeSet<Key>,
    /// URLs that are being fetched.
    fetching: BTreeSet<String>,
    alarm: Option<Time>,
}

impl<S: Store> Catalog<S> {
    /// A catalog over its store.
    pub fn new(store: S) -> Catalog<S> {
        Catalog { store, told: 0, silent: BTreeSet::new(), fetching: BTreeSet::new(), alarm: None }
    }

    /// Takes a request. `told` counts the partitions that this event has told something so far: the
    /// platform bounds what one event may ask of others.
    pub fn handle(&mut self, moment: &mut Moment<'_>, request: &CatalogRequest, body: &[u8], told: usize) -> Step {
        self.at(told);
        let step = self.step(moment, request, body, told).unwrap_or_else(|error| Step::Answer(error.into()));
        match (step, &request.origin) {
            (Step::Answer(answer), Some(_)) if request.call != CatalogCall::Preflight => {
                let settings = Record::load(&mut self.store).ok().flatten().map(|record| record.settings);
                let allowed = settings.and_then(|settings| cors::allowed(request.origin.as_deref(), &settings));
                Step::Answer(cors::dressed(answer, allowed.as_deref()))
            }
            (step, _) => step,
        }
    }

    /// Takes what a partition answered; `None` if it could not be reached.
    pub fn heard(&mut self, key: &Key, progress: Option<Progress>) {
        let noted = progress.map(|progress| self.note(key, &progress));
        if !matches!(noted, Some(Ok(()))) {
            self.silent.insert(key.clone());
        }
    }

    /// Whether this is the beginning of an event, or how far into one.
    fn at(&mut self, told: usize) {
        self.told = told;
        if told == 0 {
            self.silent.clear();
        }
    }

    /// Goes on with what is not everywhere yet. `Some(Tell)` as in [`Catalog::handle`]; `None` when there is nothing
    /// left to do now.
    pub fn alarm(&mut self, moment: &mut Moment<'_>, told: usize) -> Option<Step> {
        self.at(told);
        if told == 0 {
            self.alarm = None;
        }
        let step = self.spread(moment).unwrap_or(None);
        if step.is_none() {
            self.arm(moment.now);
        }
        step
    }

    /// When the alarm should ring next.
    pub fn next_alarm(&mut self) -> Option<Time> {
        self.alarm
    }

    /// The store under it.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    fn step(&mut self, moment: &mut Moment<'_>, request: &CatalogRequest, body: &[u8], told: usize) -> Result<Step> {
        let record = Record::load(&mut self.store)?;
        if let CatalogCall::Join { key, register, wanted } = &request.call {
            if let (Some(record), Some(wanted)) = (record.as_ref().filter(|record| !record.dropped), wanted)
                && let Some(url) = self.fetch_for(record, wanted, moment.now)
            {
                return Ok(Step::Fetch(url));
            }
            return self.join(moment, record, key, *register);
        }
        if request.call == CatalogCall::Preflight {
            let settings = record.as_ref().filter(|record| !record.dropped).map(|record| &record.settings);
            return Ok(Step::Answer(cors::preflight(request.origin.as_deref(), settings)));
        }
        if request.call == CatalogCall::Create {
            return self.create(request, record, moment.now).map(Step::Answer);
        }
        let Some(record) = record else {
            return match (&request.bearer, &request.call, told) {
                (Bearer::Root, CatalogCall::Delete, 1..) => Ok(Step::Answer(Answer::empty(204))),
                (Bearer::Root, ..) => Err(unknown(&request.db)),
                _ => Err(unauthenticated()),
            };
        };
        let role = match &request.call {
            CatalogCall::GetSchema | CatalogCall::Keys { .. } => Role::Read,
            CatalogCall::Admit => Role::Write,
            _ => Role::Admin,
        };
        identify(&request.bearer, &record.credentials, moment.now).ok_or_else(unauthenticated)?.needs(role)?;
        let by = audit::actor(&request.bearer, &record);
        if record.dropped && request.call != CatalogCall::Delete {
            return Err(unknown(&request.db));
        }
        match &request.call {
            CatalogCall::Create | CatalogCall::Join { .. } | CatalogCall::Preflight => {
                refuse(Code::Internal, "That was answered before.")
            }
            CatalogCall::Delete => self.delete(moment, record, &request.bearer, told),
            CatalogCall::GetSchema => self.get_schema(&record).map(Step::Answer),
            CatalogCall::PutSchema { only_if } => self.put_schema(moment, record, body, *only_if, told, &by),
            CatalogCall::GetSettings => Ok(Step::Answer(settings::get(&record))),
            CatalogCall::PutSettings { only_if } => self.put_settings(moment, record, body, *only_if, told, &by),
            CatalogCall::Audit { after } => audit::page(after.unwrap_or(0), &mut self.store).map(Step::Answer),
            CatalogCall::CreateKey => self.create_key(moment, record, body, &by).map(Step::Answer),
            CatalogCall::ListKeys => Ok(Step::Answer(keys::list(&record))),
            CatalogCall::Admit => Ok(Step::Answer(Answer::empty(204))),
            CatalogCall::DeleteKey { name } => self.delete_key(moment, record, name, told, &by),
            CatalogCall::Keys { after } => {
                let keys = record::keys_after(after.as_ref(), CATALOG_PAGE_KEYS, &mut self.store)?;
                Ok(Step::Answer(Answer::json(200, json!({ "keys": keys }).to_string())))
            }
        }
    }

    fn create(&mut self, request: &CatalogRequest, record: Option<Record>, now: Time) -> Result<Answer> {
        if request.bearer != Bearer::Root {
            return refuse(Code::Forbidden, "Only the root key creates databases.");
        }
        match record {
            Some(record) if record.dropped => refuse(Code::Unavailable, "The database is being deleted; try again."),
            Some(_) => refuse(Code::Exists, format!("There is a database {:?} already.", request.db.as_str())),
            None => {
                self.store.atomically(|store| {
                    Record::create(&request.db, store)?;
                    audit::note("root", "database.create", json!({}), now, store)
                })?;
                Ok(Answer::json(201, json!({ "database": request.db, "version": 0 }).to_string()))
            }
        }
    }

    fn delete(&mut self, moment: &mut Moment<'_>, mut record: Record, bearer: &Bearer, told: usize) -> Result<Step> {
        if *bearer != Bearer::Root {
            return refuse(Code::Forbidden, "Only the root key deletes databases.");
        }
        if !record.dropped && told > 0 {
            // It was deleted and is there anew: that one nobody asked to delete.
            return Ok(Step::Answer(Answer::empty(204)));
        }
        if !record.dropped {
            record.dropped = true;
            record.turn();
            record.save(&mut self.store)?;
        }
        if let Some(tell) = self.spread(moment)? {
            return Ok(tell);
        }
        if Record::load(&mut self.store)?.is_none() {
            return Ok(Step::Answer(Answer::empty(204)));
        }
        self.arm(moment.now);
        Err(spreading())
    }

    /// A partition asks what it must know.
    fn join(&mut self, moment: &mut Moment<'_>, record: Option<Record>, key: &Key, register: bool) -> Result<Step> {
        let lesson = match record {
            None => Lesson::NoDatabase,
            Some(record) if record.dropped => Lesson::Busy,
            Some(mut record) => {
                let mut registered = record::is_registered(key, &mut self.store)?;
                let mut keys = record::count(&mut self.store)?;
                if register && !registered {
                    self.store.atomically(|store| {
                        if keys == 1 {
                            // The other one serves queries that name no key; it must know that it is not alone.
                            record.turn();
                            record.crowded = record.epoch;
                        }
                        // What is new here has nothing to survey, but is asked all the same while others are.
                        let done = if record.staged.is_some() { 0 } else { record.epoch };
                        record::register(key, record.epoch, done, store)?;
                        record.save(store)
                    })?;
                    (registered, keys) = (true, keys + 1);
                }
                if registered && keys > 1 && record::untold(record.crowded, &mut self.store)? > 0 {
                    if let Some(tell) = self.spread(moment)? {
                        return Ok(tell);
                    }
                    if record::untold(record.crowded, &mut self.store)? > 0 {
                        self.arm(moment.now);
                        return lesson_answer(&Lesson::Busy);
                    }
                }
                let only = record::keys_after(None, 1, &mut self.store)?.pop().filter(|_| keys == 1);
                Lesson::Granted { grant: Box::new(record.grant(keys)), registered, only, keys }
            }
        };
        lesson_answer(&lesson)
    }

    /// The next partitions to tell of the state, if any is behind and this event may ask more of others. Where all
    /// are done, what waited for that happens first.
    fn spread(&mut self, moment: &mut Moment<'_>) -> Result<Option<Step>> {
        loop {
            let Some(mut record) = Record::load(&mut self.store)? else { return Ok(None) };
            let surveyed_enough = record.staged.is_some() && !record.offenders.is_empty();
            let behind = if surveyed_enough {
                Vec::new()
            } else {
                let left = CATALOG_STEP_KEYS.min(CATALOG_TELLS.saturating_sub(self.told));
                // First whoever believes to be the only key: the others must not take up their work before.
                let most = if left == 0 { 0 } else { left + self.silent.len() };
                let mut behind = record::uninformed(record.crowded, most, &mut self.store)?;
                if behind.is_empty() {
                    behind = record::behind(record.must, most, &mut self.store)?;
                }
                behind.retain(|key| !self.silent.contains(key));
                behind.truncate(left);
                if behind.is_empty() && record::undone(record.must, &mut self.store)? > 0 {
                    return Ok(None);
                }
                behind
            };
            if !behind.is_empty() {
                let keys = record::count(&mut self.store)?;
                let db = &record.db;
                // Whatever becomes of this event, its work goes on.
                self.wake(moment.now, CATALOG_WATCH_US);
                let body = serde_json::to_string(&record.grant(keys))
                    .map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
                let requests = behind.into_iter().map(|key| PartitionRequest {
                    db: db.clone(),
                    key,
                    bearer: Bearer::Root,
                    origin: None,
                    batch: moment.new_id(),
                    named: false,
                    call: PartitionCall::Learn,
                });
                return Ok(Some(Step::Tell(requests.collect(), body)));
            }
            if record.dropped {
                record.erase(&mut self.store)?;
                return Ok(None);
            }
            let Some(staged) = record.staged.take() else { return Ok(None) };
            self.store.atomically(|store| {
                let about = json!({ "version": staged.version });
                if record.offenders.is_empty() {
                    record.enact(staged, moment.now, store)?;
                    audit::note(audit::SYSTEM, "schema.enact", about, moment.now, store)?;
                } else {
                    record.refused = Some(Refused { schema: staged, offenders: std::mem::take(&mut record.offenders) });
                    record.turn();
                    audit::note(audit::SYSTEM, "schema.refuse", about, moment.now, store)?;
                }
                record.save(store)
            })?;
        }
    }

    /// What partitions are told next until all have heard of an epoch; nothing once they have.
    ///
    /// # Errors
    /// `unavailable` if some cannot be reached now; it goes on by itself.
    fn until_told(&mut self, epoch: u64, moment: &mut Moment<'_>) -> Result<Option<Step>> {
        if record::untold(epoch, &mut self.store)? == 0 {
            return Ok(None);
        }
        if let Some(tell) = self.spread(moment)? {
            return Ok(Some(tell));
        }
        if record::untold(epoch, &mut self.store)? > 0 {
            self.arm(moment.now);
            return Err(spreading());
        }
        Ok(None)
    }

    fn note(&mut self, key: &Key, progress: &Progress) -> Result<()> {
        self.store.atomically(|store| {
            record::note(key, progress, store)?;
            if progress.offenders.is_empty() {
                return Ok(());
            }
            let Some(mut record) = Record::load(store)? else { return Ok(()) };
            // What an earlier survey found is not held against a later schema.
            if record.staged.is_some() && progress.epoch >= record.must && progress.done {
                record.offenders.extend(progress.offenders.iter().cloned());
                record.offenders.truncate(crate::limits::OFFENDERS);
                record.save(store)?;
            }
            Ok(())
        })
    }

    /// Sees to it that what is not everywhere yet goes on by itself.
    fn arm(&mut self, now: Time) {
        let pending = match Record::load(&mut self.store) {
            Ok(Some(record)) => record::undone(record.must, &mut self.store).map_or(true, |undone| undone > 0),
            Ok(None) => false,
            Err(_) => true,
        };
        self.alarm = None;
        if pending {
            self.wake(now, CATALOG_RETRY_US);
        }
    }

    fn wake(&mut self, now: Time, after: i64) {
        self.alarm = Some(Time::from_micros(now.micros().saturating_add(after)));
    }
}

/// Refuses to put something over another version than the expected one.
fn over(what: &str, version: u64, only_if: Option<i64>) -> Result<()> {
    match only_if {
        Some(wanted) if i64::try_from(version) != Ok(wanted) => {
            Err(Error::new(Code::VersionMismatch, format!("The {what} version {version}, not {wanted}."))
                .with("version", version))
        }
        _ => Ok(()),
    }
}

fn lesson_answer(lesson: &Lesson) -> Result<Step> {
    let body = serde_json::to_string(lesson).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
    Ok(Step::Answer(Answer::json(200, body)))
}

fn unknown(db: &DatabaseName) -> Error {
    Error::new(Code::UnknownDatabase, format!("There is no database {:?}: PUT /v1/{db} creates it.", db.as_str()))
}

fn spreading() -> Error {
    Error::new(
        Code::Unavailable,
        "Not every part of the database has heard of this yet; the same request again goes on.",
    )
}
