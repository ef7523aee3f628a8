//! What became of an import, added up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::batch::Receipt;
use crate::error::{Error, Result};
use crate::limits::IMPORT_ERRORS;
use crate::wire::{Answer, from_json};

/// How many lines were imported, how many were not, and why the first of those were not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportSummary {
    imported: u64,
    failed: u64,
    /// The errors of the first failed lines, by line; at most [`IMPORT_ERRORS`].
    errors: BTreeMap<u64, (String, String)>,
}

/// The JSON of a summary: of one chunk from a partition, and of the whole to the caller.
#[derive(Serialize, Deserialize)]
struct Told {
    imported: u64,
    failed: u64,
    errors: Vec<Failure>,
}

#[derive(Serialize, Deserialize)]
struct Failure {
    line: u64,
    code: String,
    detail: String,
}

impl ImportSummary {
    /// Counts a line that could not be imported.
    pub fn fail(&mut self, line: u64, error: &Error) {
        self.failed = self.failed.saturating_add(1);
        self.note(line, error.code.as_str().to_owned(), error.detail.clone());
    }

    /// Counts what a partition answered to a chunk.
    ///
    /// # Errors
    /// `internal` if the answer is damaged.
    pub fn add(&mut self, answer: &str) -> Result<()> {
        let told: Told = from_json(answer)?;
        self.imported = self.imported.saturating_add(told.imported);
        self.failed = self.failed.saturating_add(told.failed);
        for failure in told.errors {
            self.note(failure.line, failure.code, failure.detail);
        }
        Ok(())
    }

    /// What the caller is told in the end.
    ///
    /// # Errors
    /// `internal` if it cannot be written as JSON.
    pub fn answer(&self) -> Result<Answer> {
        let failure = |(line, (code, detail)): (&u64, &(String, String))| Failure {
            line: *line,
            code: code.clone(),
            detail: detail.clone(),
        };
        let errors = self.errors.iter().map(failure).collect();
        let told = Told { imported: self.imported, failed: self.failed, errors };
        let body = serde_json::to_string(&told)
            .map_err(|wrong| Error::new(crate::error::Code::Internal, wrong.to_string()))?;
        Ok(Answer::json(200, body))
    }

    /// What the caller is told where a partition refused a chunk: its problem, and how many lines were imported
    /// before it. Everything imported stays; what follows the last chunk is not looked at.
    #[must_use]
    pub fn stopped(&self, problem: &str) -> Answer {
        let mut members = serde_json::from_str::<Map<String, Value>>(problem).unwrap_or_default();
        let mut text = |name: &str| match members.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (code, detail) = (text("code"), text("detail"));
        let error = if code.is_empty() {
            Error::new(crate::error::Code::Unavailable, "A partition did not answer; send the rest again.")
        } else {
            for name in ["type", "title", "status"] {
                members.remove(name);
            }
            Receipt::error(&code, detail, members)
        };
        Answer::problem(&error.with("imported", self.imported))
    }

    fn note(&mut self, line: u64, code: String, detail: String) {
        self.errors.insert(line, (code, detail));
        if self.errors.len() > IMPORT_ERRORS {
            self.errors.pop_last();
        }
    }
}
