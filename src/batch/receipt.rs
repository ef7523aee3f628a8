//! Receipts: the durable fate of a batch.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Code, Error};
use crate::time::Time;

/// What became of a batch, as it is kept and answered again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// It is committed.
    Committed {
        /// When.
        time: Time,
        /// What became of each operation, in order.
        results: Vec<Outcome>,
    },
    /// It is rejected as a whole.
    Rejected {
        /// The code of the reason.
        code: String,
        /// The reason.
        detail: String,
        /// What the reason concerns.
        members: Map<String, Value>,
    },
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The document's id.
    pub id: String,
    /// Its version now; `None` if it is not there any more.
    pub version: Option<i64>,
    /// Whether the operation created it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub created: bool,
}

impl Receipt {
    /// The receipt of a rejection.
    #[must_use]
    pub fn rejected(error: &Error) -> Receipt {
        Receipt::Rejected {
            code: error.code.as_str().to_owned(),
            detail: error.detail.clone(),
            members: error.members.clone(),
        }
    }

    /// The error that a rejection was, as it was first told.
    #[must_use]
    pub fn error(code: &str, detail: String, members: Map<String, Value>) -> Error {
        let code = Code::ALL.iter().copied().find(|known| known.as_str() == code).unwrap_or(Code::Conflict);
        Error { code, detail, members }
    }
}
