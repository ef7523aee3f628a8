//! Several requests that came together: each decided by itself, all in one block.

use super::Partition;
use crate::error::{Code, Error, Result, refuse};
use crate::limits::{ANSWER_BYTES, MANY_REQUESTS};
use crate::moment::Moment;
use crate::principal::Principal;
use crate::store::Store;
use crate::wire::{Answer, Item, PartitionCall, PartitionRequest, reply};

impl<S: Store> Partition<S> {
    /// Answers the items in order. One that is refused takes no other with it, unless it may fare better later.
    pub(super) fn many(
        &mut self,
        moment: &mut Moment<'_>,
        request: &PartitionRequest,
        principal: &Principal,
        body: &[u8],
    ) -> Result<Answer> {
        let items: Vec<Item<'_>> = serde_json::from_slice(body)
            .map_err(|wrong| Error::new(Code::Internal, format!("Damaged items: {wrong}")))?;
        if items.len() > MANY_REQUESTS {
            return refuse(Code::TooMany, format!("At most {MANY_REQUESTS} requests travel together."));
        }
        let mut replies = String::from("[");
        let mut passing = None;
        for item in items {
            let answer = if let Some(passing) = &passing {
                Answer::clone(passing)
            } else if replies.len() > ANSWER_BYTES {
                Answer::from(Error::new(
                    Code::AnswerTooLarge,
                    "The answers before this one are as many bytes as one answer may have: ask for less together.",
                ))
            } else {
                self.one(moment, request, principal, item)
            };
            if replies.len() > 1 {
                replies.push(',');
            }
            replies.push_str(&reply(&answer));
            // It will be sent again, and nothing after it may come before it.
            if answer.status == Code::Unavailable.status() {
                passing = Some(answer);
            }
        }
        replies.push(']');
        Ok(Answer::json(200, replies))
    }

    fn one(
        &mut self,
        moment: &mut Moment<'_>,
        whole: &PartitionRequest,
        principal: &Principal,
        item: Item<'_>,
    ) -> Answer {
        let body = item.body.map_or("", serde_json::value::RawValue::get);
        let request = PartitionRequest { call: item.call, batch: item.batch, named: item.named, ..whole.clone() };
        let answer =
            self.permitted(&request, principal).and_then(|()| self.serve(moment, &request, principal, body.as_bytes()));
        answer.unwrap_or_else(|error| {
            if matches!(error.code, Code::Internal | Code::Unavailable) {
                self.state = None;
            }
            error.into()
        })
    }

    /// Whether the principal may make this one of the requests. What is stored is read again, if the one before it
    /// failed on its way.
    fn permitted(&mut self, request: &PartitionRequest, principal: &Principal) -> Result<()> {
        if !matches!(request.call, PartitionCall::Get { .. } | PartitionCall::Query { .. } | PartitionCall::Batch) {
            return refuse(Code::Internal, "That does not travel with others.");
        }
        self.load()?;
        principal.needs(super::access::role_for(&request.call))
    }
}
