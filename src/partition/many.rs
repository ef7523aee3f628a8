//! Several requests that came together: each decided by itself, all in one block.

use super::state::State;
use super::transact::rehearse;
use super::{Partition, home};
use crate::error::{Code, Error, Result, refuse};
use crate::limits::{ANSWER_BYTES, MANY_REQUESTS};
use crate::moment::Moment;
use crate::principal::Principal;
use crate::store::Store;
use crate::time::Time;
use crate::wire::{Answer, Grant, Item, PartitionCall, PartitionRequest, reply};

impl<S: Store> Partition<S> {
    /// Answers the items in order. One that is refused takes no other with it.
    pub(super) fn many(
        &mut self,
        moment: &mut Moment<'_>,
        request: &PartitionRequest,
        principal: &Principal,
        body: &[u8],
    ) -> Result<Answer> {
        self.each(body, |partition, item| {
            let (request, body) = single(request, item);
            partition
                .permitted(&request, principal, moment.now)
                .and_then(|()| partition.serve(moment, &request, principal, body.as_bytes()).map(Some))
        })?
        .ok_or_else(|| Error::new(Code::Internal, "Nothing was answered."))
    }

    /// Answers the items where nothing is stored yet; nothing if one of them would be committed, for which the key is to
    /// be taken into use first.
    pub(super) fn many_rehearsed(
        &mut self,
        moment: &mut Moment<'_>,
        request: &PartitionRequest,
        principal: &Principal,
        body: &[u8],
        grant: &Grant,
    ) -> Result<Option<Answer>> {
        let answered = self.each(body, |partition, item| {
            let (request, body) = single(request, item);
            partition.state = Some(State::unregistered(home(&request), grant.clone())?);
            partition.permitted(&request, principal, moment.now)?;
            if request.call != PartitionCall::Batch {
                return partition.serve(moment, &request, principal, body.as_bytes()).map(Some);
            }
            // As long as none is committed, each finds what the first found: nothing.
            let home = home(&request);
            rehearse(&request, body.as_bytes(), principal, home, grant.clone(), &mut partition.store, moment)
        });
        self.state = None;
        answered
    }

    /// Lets each item be answered, and puts the answers together; nothing if one of them is to be answered otherwise.
    fn each(
        &mut self,
        body: &[u8],
        mut answer: impl FnMut(&mut Self, Item<'_>) -> Result<Option<Answer>>,
    ) -> Result<Option<Answer>> {
        let items: Vec<Item<'_>> = serde_json::from_slice(body)
            .map_err(|wrong| Error::new(Code::Internal, format!("Damaged items: {wrong}")))?;
        if items.len() > MANY_REQUESTS {
            return refuse(Code::TooMany, format!("At most {MANY_REQUESTS} requests travel together."));
        }
        let mut replies = String::from("[");
        for item in items {
            let answered = if replies.len() > ANSWER_BYTES {
                refuse(
                    Code::AnswerTooLarge,
                    "The answers before this one are as many bytes as one answer may have: ask for less together.",
                )
            } else {
                answer(self, item)
            };
            let answered = match answered {
                Ok(Some(answer)) => answer,
                Ok(None) => return Ok(None),
                Err(error) => {
                    if matches!(error.code, Code::Internal | Code::Unavailable) {
                        self.state = None;
                    }
                    error.into()
                }
            };
            if replies.len() > 1 {
                replies.push(',');
            }
            replies.push_str(&reply(&answered));
        }
        replies.push(']');
        Ok(Some(Answer::json(200, replies)))
    }

    /// Whether the principal may make this one of the requests. What is stored is read again, if the one before it
    /// failed on its way.
    fn permitted(&mut self, request: &PartitionRequest, principal: &Principal, now: Time) -> Result<()> {
        if !matches!(request.call, PartitionCall::Get { .. } | PartitionCall::Query { .. } | PartitionCall::Batch) {
            return refuse(Code::Internal, "That does not travel with others.");
        }
        self.load()?;
        self.charge(principal, &request.call, now)?;
        super::access::admit(principal, &request.call)
    }
}

/// An item as a request of its own, and its body.
fn single<'i>(whole: &PartitionRequest, item: Item<'i>) -> (PartitionRequest, &'i str) {
    let body = item.body.map_or("", serde_json::value::RawValue::get);
    (PartitionRequest { call: item.call, batch: item.batch, named: item.named, ..whole.clone() }, body)
}
