//! Requests that travel together: cut up by key, put together again in order.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::parameters::time;
use super::peek::{Peek, Wanted};
use crate::error::{Code, Error, Result, refuse};
use crate::id::{DatabaseName, DocumentRef, Key};
use crate::limits::{ANSWER_BYTES, BODY_BYTES, MANY_REQUESTS};
use crate::moment::Moment;
use crate::value;
use crate::wire::{Answer, Bearer, Item, PartitionCall, PartitionRequest, Reply, is_passing, items_to_json, reply};

/// Several requests to one database.
#[derive(Clone, Debug, PartialEq)]
pub struct Many {
    /// The database.
    pub db: DatabaseName,
    /// Who asks.
    pub bearer: Bearer,
    /// The origin of the page that asks, where it is another than ours.
    pub origin: Option<String>,
}

/// What goes to one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The request.
    pub request: PartitionRequest,
    /// Its body.
    pub body: String,
    /// Where the answers belong, in order.
    places: Vec<usize>,
}

impl Part {
    /// Whether it is one request as it came, answered as such, perhaps by another partition.
    #[must_use]
    pub fn is_single(&self) -> bool {
        !matches!(self.request.call, PartitionCall::Many { .. })
    }
}

/// The answers to several requests, as they come in.
#[derive(Debug)]
pub struct Replies {
    replies: Vec<Option<String>>,
    bytes: usize,
    short: bool,
    tokens: Vec<String>,
    /// Whether a partition knew who asks, and the problem that one said which did not.
    known: bool,
    stranger: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    requests: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One<'a> {
    #[serde(borrow, default)]
    get: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    query: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tx: Option<&'a RawValue>,
}

impl Many {
    /// Cuts a body up: what goes to which partition, and room for the answers.
    ///
    /// # Errors
    /// What is wrong with a body that is no object with `requests`; `too_large`, `too_many`.
    pub fn split(&self, body: &[u8], moment: &mut Moment<'_>) -> Result<(Vec<Part>, Replies)> {
        if body.len() > BODY_BYTES {
            return refuse(Code::TooLarge, format!("A body has at most {BODY_BYTES} bytes."));
        }
        let shape = || Error::new(Code::InvalidRequest, "The body is {\"requests\": […]}.");
        let Ok(Body { requests }) = serde_json::from_slice::<Body<'_>>(body) else {
            return Err(value::parse(body).err().unwrap_or_else(shape));
        };
        self.split_requests(requests, moment)
    }

    /// As [`Many::split`], for requests that are cut apart already.
    ///
    /// # Errors
    /// `too_many`.
    pub fn split_requests(&self, requests: Vec<&RawValue>, moment: &mut Moment<'_>) -> Result<(Vec<Part>, Replies)> {
        if requests.len() > MANY_REQUESTS {
            return refuse(Code::TooMany, format!("At most {MANY_REQUESTS} requests travel together."));
        }
        let mut replies = Replies {
            replies: vec![None; requests.len()],
            bytes: 0,
            short: false,
            tokens: Vec::new(),
            known: false,
            stranger: None,
        };
        let mut parts = Vec::new();
        let mut by_key: BTreeMap<Key, (Vec<Item<'_>>, Vec<usize>)> = BTreeMap::new();
        for (place, request) in requests.into_iter().enumerate() {
            match self.one(request, moment) {
                Err(error) => replies.put(place, reply(&error.into())),
                // It may have to be asked elsewhere, so it travels by itself.
                Ok((request, Some(body))) if request.call == (PartitionCall::Query { whole: true }) => {
                    parts.push(Part { request, body: body.get().to_owned(), places: vec![place] });
                }
                Ok((request, body)) => {
                    let (items, places) = by_key.entry(request.key).or_default();
                    items.push(Item { call: request.call, batch: request.batch, named: request.named, body });
                    places.push(place);
                }
            }
        }
        for (key, (items, places)) in by_key {
            let writes = items.iter().any(|item| item.call == PartitionCall::Batch);
            parts.push(Part {
                request: self.request(key, PartitionCall::Many { writes }, moment),
                body: items_to_json(&items)?,
                places,
            });
        }
        Ok((parts, replies))
    }

    fn request(&self, key: Key, call: PartitionCall, moment: &mut Moment<'_>) -> PartitionRequest {
        let (db, bearer) = (self.db.clone(), self.bearer.clone());
        PartitionRequest { db, key, bearer, batch: moment.new_id(), named: false, origin: self.origin.clone(), call }
    }

    fn one<'a>(
        &self,
        request: &'a RawValue,
        moment: &mut Moment<'_>,
    ) -> Result<(PartitionRequest, Option<&'a RawValue>)> {
        let shape =
            || Error::new(Code::InvalidRequest, "A request is one of {\"get\", \"at\"?}, {\"query\"}, {\"tx\"}.");
        let Ok(one) = serde_json::from_str::<One<'_>>(request.get()) else {
            return Err(value::parse(request.get().as_bytes()).err().unwrap_or_else(shape));
        };
        let peek = |wanted, moment: &mut Moment<'_>, body: &'a RawValue| {
            let mut peek = Peek::new(self.db.clone(), self.bearer.clone(), moment.new_id(), false, wanted);
            peek.origin.clone_from(&self.origin);
            Ok((peek.with_body(body.get().as_bytes())?, Some(body)))
        };
        match one {
            One { get: Some(document), at, query: None, tx: None } => {
                let document = DocumentRef::parse(&document)?;
                let at = at.as_deref().map(time).transpose()?;
                let key = document.id.key();
                Ok((self.request(key, PartitionCall::Get { document, at, unless: None }, moment), None))
            }
            One { get: None, at: None, query: Some(query), tx: None } => peek(Wanted::Query, moment, query),
            One { get: None, at: None, query: None, tx: Some(batch) } => peek(Wanted::Batch, moment, batch),
            _ => Err(shape()),
        }
    }
}

impl Replies {
    /// Puts a reply in its place, unless those before it leave no room: then that is said instead. The first always has.
    fn put(&mut self, place: usize, mut reply: String) {
        let Some(slot) = self.replies.get_mut(place) else { return };
        if self.bytes > 0 && self.bytes + reply.len() > ANSWER_BYTES {
            let refusal = crate::wire::reply(&no_room().into());
            // What is no longer than the refusal is told: of a write it is all there is to tell.
            if reply.len() > refusal.len() {
                self.short = true;
                reply = refusal;
            }
        }
        self.bytes += reply.len();
        *slot = Some(reply);
    }

    /// Answers all of a part with an error.
    pub fn refuse(&mut self, part: &Part, error: &Error) {
        part.places.iter().for_each(|place| self.put(*place, reply(&Answer::problem(error))));
    }

    /// Takes what a partition answered: its status, its body and its token.
    ///
    /// # Errors
    /// `internal` if it is not what the part asked for.
    pub fn take(&mut self, part: &Part, status: u16, body: &str, token: Option<String>) -> Result<()> {
        self.tokens.extend(token);
        match status {
            401 => self.stranger = Some(body.to_owned()),
            _ => self.known = true,
        }
        if part.is_single() || status != 200 {
            let whole = Answer { status, headers: Vec::new(), body: body.to_owned() };
            self.short |= is_short(status, body);
            part.places.iter().for_each(|place| self.put(*place, reply(&whole)));
            return Ok(());
        }
        let replies: Vec<Reply<'_>> = serde_json::from_str(body)
            .map_err(|wrong| Error::new(Code::Internal, format!("Damaged answers: {wrong}")))?;
        for (place, reply) in part.places.iter().zip(replies) {
            self.short |= is_short(reply.status, reply.body.get());
            self.put(*place, format!("{{\"status\":{},\"body\":{}}}", reply.status, reply.body.get()));
        }
        Ok(())
    }

    /// The answer to the whole, as one request: whoever is unknown everywhere is told so at once.
    #[must_use]
    pub fn answer_as_one(mut self) -> Answer {
        match self.stranger.take().filter(|_| !self.known) {
            Some(body) => Answer::of_stranger(body),
            None => self.answer(),
        }
    }

    /// Whether something was not carried out, or its answer left out, that its caller will send again.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.short
    }

    /// The answer to the whole.
    #[must_use]
    pub fn answer(self) -> Answer {
        let lost = reply(&Error::new(Code::Unavailable, "No answer came; send the same request again.").into());
        let mut body = String::with_capacity(self.bytes + self.replies.len() + 16);
        body.push_str("{\"results\":[");
        for (place, reply) in self.replies.into_iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            body.push_str(reply.as_ref().unwrap_or(&lost));
        }
        body.push_str("]}");
        let answer = Answer::json(200, body);
        if self.tokens.is_empty() { answer } else { answer.with("selvedge-token", self.tokens.join(",")) }
    }
}

/// The error of a request whose answer does not fit beside the others.
fn no_room() -> Error {
    let detail = "The answers beside this one leave no room for it. What it wrote, if anything, is written: ask for less \
                  together.";
    Error::new(Code::AnswerTooLarge, detail)
}

/// Whether an answer leaves its request to be sent again.
fn is_short(status: u16, body: &str) -> bool {
    let lacks_room = || body.contains(&format!("\"code\":\"{}\"", Code::AnswerTooLarge.as_str()));
    is_passing(status, body) || (status == Code::AnswerTooLarge.status() && lacks_room())
}
