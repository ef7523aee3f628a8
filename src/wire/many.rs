//! Several requests to one partition that travel together, and their answers.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Answer, PartitionCall};
use crate::error::{Code, Error, Result};
use crate::id::BatchId;

/// One of several requests to the same partition.
#[derive(Debug, Serialize, Deserialize)]
pub struct Item<'a> {
    /// What is asked: a document, a query or a batch.
    pub call: PartitionCall,
    /// The batch id.
    pub batch: BatchId,
    /// Whether the caller chose it.
    pub named: bool,
    /// The body, as it came; absent where the call has none.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a RawValue>,
}

/// The answer to one of several requests.
#[derive(Debug, Deserialize)]
pub struct Reply<'a> {
    /// Its status.
    pub status: u16,
    /// Its body.
    #[serde(borrow)]
    pub body: &'a RawValue,
}

/// An answer as one of several: `{"status", "body"}`, its body as it is.
#[must_use]
pub fn reply(answer: &Answer) -> String {
    let body = if answer.body.is_empty() { "null" } else { &answer.body };
    format!("{{\"status\":{},\"body\":{body}}}", answer.status)
}

/// Whether a refusal is for the moment alone, so that its caller sends the same again: nothing that was sent after it may
/// come before it then.
#[must_use]
pub fn is_passing(status: u16, body: &str) -> bool {
    let asks_less = || body.contains(&format!("\"code\":\"{}\"", Code::TooManyRequests.as_str()));
    status == Code::Unavailable.status() || (status == Code::TooManyRequests.status() && asks_less())
}

/// `items` as a partition reads them.
///
/// # Errors
/// `internal` if they cannot be written as JSON.
pub fn items_to_json(items: &[Item<'_>]) -> Result<String> {
    serde_json::to_string(items).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))
}
