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
use crate::wire::{Answer, Grant, Item, PartitionCall, PartitionRequest, is_passing, reply};

impl<S: Store> Partition<S> {
    /// Answers the items in order. One that is refused takes no other with it, unless it may fare better later.
    pub(super) fn many(
        &mut self,
        moment: &mut Moment<'_>,
        request: &PartitionRequest,
        principal: &Principal,
        body: &[u8],
    ) -> Result<Answer> {
        let mut alone = 0;
        let answered = self.each(request, body, |partition, requests| {
            if alone == 0 {
                let together = partition.together(moment, requests, principal);
                alone = together.alone;
                if !together.answers.is_empty() {
                    return Ok(Some(together.answers));
                }
            }
            alone = alone.saturating_sub(1);
            let Some((request, body)) = requests.first() else { return Ok(Some(Vec::new())) };
            partition.permitted(request, principal, moment.now)?;
            partition.serve(moment, request, principal, body.as_bytes()).map(|answer| Some(vec![answer]))
        });
        answered?.ok_or_else(|| Error::new(Code::Internal, "Nothing was answered."))
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
        let answered = self.each(request, body, |partition, requests| {
            let Some((request, body)) = requests.first() else { return Ok(Some(Vec::new())) };
            partition.state = Some(State::unregistered(home(request), grant.clone())?);
            partition.permitted(request, principal, moment.now)?;
            let one = |answer| vec![answer];
            if request.call != PartitionCall::Batch {
                return partition.serve(moment, request, principal, body.as_bytes()).map(|answer| Some(one(answer)));
            }
            // As long as none is committed, each finds what the first found: nothing.
            let home = home(request);
            let rehearsed =
                rehearse(request, body.as_bytes(), principal, home, grant.clone(), &mut partition.store, moment);
            rehearsed.map(|answer| answer.map(one))
        });
        self.state = None;
        answered
    }

    /// Lets the items be answered, the first or several of those that are left at a time, and puts the answers together;
    /// nothing if one of them is to be answered otherwise.
    fn each(
        &mut self,
        whole: &PartitionRequest,
        body: &[u8],
        mut answer: impl FnMut(&mut Self, &[(PartitionRequest, &str)]) -> Result<Option<Vec<Answer>>>,
    ) -> Result<Option<Answer>> {
        let items: Vec<Item<'_>> = serde_json::from_slice(body)
            .map_err(|wrong| Error::new(Code::Internal, format!("Damaged items: {wrong}")))?;
        if items.len() > MANY_REQUESTS {
            return refuse(Code::TooMany, format!("At most {MANY_REQUESTS} requests travel together."));
        }
        let requests: Vec<(PartitionRequest, &str)> = items.into_iter().map(|item| single(whole, item)).collect();
        let mut left = requests.as_slice();
        let mut replies = String::from("[");
        let mut passing = None;
        while !left.is_empty() {
            let answered = if let Some(passing) = &passing {
                Ok(Some(vec![Answer::clone(passing)]))
            } else if replies.len() > ANSWER_BYTES {
                refuse(
                    Code::AnswerTooLarge,
                    "The answers before this one are as many bytes as one answer may have: ask for less together.",
                )
            } else {
                answer(self, left)
            };
            let answers = match answered {
                Ok(Some(answers)) => answers,
                Ok(None) => return Ok(None),
                Err(error) => {
                    if matches!(error.code, Code::Internal | Code::Unavailable) {
                        self.state = None;
                    }
                    vec![error.into()]
                }
            };
            left = left.get(answers.len().max(1)..).unwrap_or_default();
            for answer in answers {
                if replies.len() > 1 {
                    replies.push(',');
                }
                replies.push_str(&reply(&answer));
                // It will be sent again, and nothing after it may come before it.
                if is_passing(answer.status, &answer.body) {
                    passing = Some(answer);
                }
            }
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
