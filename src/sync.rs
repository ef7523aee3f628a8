//! Requests and answers over a socket that stays open to one partition.
//!
//! A frame is a JSON text. The caller's: `{"id": 7, "requests": […], "seen": 6}`, where `requests` are those of `_many`,
//! all of the socket's key, and `seen` is the last id whose answer it has. The answer: `{"id": 7, "status": 200, "body":
//! {"results": […]}, "token": "…"}`, its status and body those that `_many` would answer. Frames are answered in order.
//!
//! An answer that begins with `"last": true` is the last: something in its frame is to be sent again, and so is every
//! frame after it, of which none is carried out. So what was asked later never comes before what was asked earlier.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Code, Error, Result, refuse};
use crate::limits::{BODY_BYTES, SOCKET_UNSEEN_BYTES};
use crate::moment::Moment;
use crate::router::{Many, Part, Replies};
use crate::value;
use crate::wire::{Answer, PartitionRequest};

/// The subprotocol that both sides name.
pub const PROTOCOL: &str = "selvedge.v1";

/// What a caller sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame<'a> {
    id: u64,
    #[serde(borrow)]
    requests: Vec<&'a RawValue>,
    #[serde(default)]
    seen: u64,
}

/// A frame that was read: what to ask of the partition, and room for what it answers.
#[derive(Debug)]
pub struct Turn {
    /// The frame's id.
    pub id: u64,
    /// The last id whose answer the caller has.
    pub seen: u64,
    asked: Option<Part>,
    replies: Replies,
}

impl Turn {
    /// Reads a frame that came over the socket which `opened` asked for.
    ///
    /// # Errors
    /// What is wrong with a frame that is none, or too large; there is no id then to answer under.
    pub fn read(text: &str, opened: &PartitionRequest, moment: &mut Moment<'_>) -> Result<Turn> {
        if text.len() > BODY_BYTES {
            return refuse(Code::TooLarge, format!("A frame has at most {BODY_BYTES} bytes."));
        }
        let shape = || Error::new(Code::InvalidRequest, "A frame is {\"id\": 1, \"requests\": […], \"seen\"?: 0}.");
        let Ok(Frame { id, requests, seen }) = serde_json::from_str::<Frame<'_>>(text) else {
            return Err(value::parse(text.as_bytes()).err().unwrap_or_else(shape));
        };
        let many = Many { db: opened.db.clone(), bearer: opened.bearer.clone(), origin: None };
        let (parts, mut replies) = many.split_requests(requests, moment)?;
        let mut asked = None;
        for part in parts {
            if part.request.key == opened.key && !part.is_single() {
                asked = Some(part);
            } else {
                replies.refuse(&part, &elsewhere(opened));
            }
        }
        Ok(Turn { id, seen, asked, replies })
    }

    /// The request to the partition and its body, if there is anything to ask.
    #[must_use]
    pub fn request(&self) -> Option<(&PartitionRequest, &[u8])> {
        self.asked.as_ref().map(|part| (&part.request, part.body.as_bytes()))
    }

    /// The frame that answers, with what the partition said.
    #[must_use]
    pub fn answer(self, said: Option<Answer>) -> String {
        let Turn { id, asked, mut replies, .. } = self;
        let mut is_last = false;
        let whole = match (asked, said) {
            (Some(part), Some(said)) => {
                let token = said.header("selvedge-token").map(str::to_owned);
                let taken = replies.take(&part, said.status, &said.body, token);
                // Answers may be large: none is held longer than it has to be.
                drop((part, said));
                taken.map(|()| {
                    is_last = replies.is_short();
                    replies.answer()
                })
            }
            _ => Ok(replies.answer()),
        };
        written(Some(id), is_last, &whole.unwrap_or_else(Answer::from))
    }
}

/// The frame that carries an answer; without an id, the refusal of what was no frame.
#[must_use]
pub fn frame(id: Option<u64>, answer: &Answer) -> String {
    written(id, false, answer)
}

fn written(id: Option<u64>, is_last: bool, answer: &Answer) -> String {
    let last = if is_last { "\"last\":true," } else { "" };
    let id = id.map_or_else(|| "null".to_owned(), |id| id.to_string());
    let body = if answer.body.is_empty() { "null" } else { &answer.body };
    let token = answer.header("selvedge-token").map(|token| format!(",\"token\":\"{token}\"")).unwrap_or_default();
    format!("{{{last}\"id\":{id},\"status\":{},\"body\":{body}{token}}}", answer.status)
}

fn elsewhere(opened: &PartitionRequest) -> Error {
    Error::new(
        Code::SeveralKeys,
        format!(
            "This socket is of the key {:?}: ask others over their own, and name the `key` of a query.",
            opened.key.as_str()
        ),
    )
}

/// Answers that were sent and that the caller has not said to have: whoever asks and does not read must not fill the
/// actor's memory.
#[derive(Debug, Default)]
pub struct Unseen {
    answers: VecDeque<(u64, usize)>,
    bytes: usize,
}

impl Unseen {
    /// Counts an answer; says whether the caller may go on.
    pub fn count(&mut self, id: u64, seen: u64, bytes: usize) -> bool {
        while let Some((_, old)) = self.answers.front().filter(|(id, _)| *id <= seen) {
            self.bytes -= old;
            self.answers.pop_front();
        }
        self.answers.push_back((id, bytes));
        self.bytes += bytes;
        self.bytes <= SOCKET_UNSEEN_BYTES
    }
}
