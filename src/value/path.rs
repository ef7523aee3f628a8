//! Paths into documents.

use std::fmt;

use super::Value;
use crate::error::{Code, Error, Result, refuse};
use crate::limits::{PATH_BYTES, PATH_SEGMENTS};

/// A path through the objects of a document: `paid.at`. It does not enter arrays.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Vec<String>);

impl Path {
    /// The path whose segments `text` joins with dots.
    ///
    /// # Errors
    /// `invalid_request` if a segment is empty or holds a quote, backslash or control character, or there are
    /// too many of them.
    pub fn parse(text: &str) -> Result<Path> {
        Path::from_segments(text.split('.').map(str::to_owned).collect())
    }

    /// The path of these segments, which may hold dots.
    ///
    /// # Errors
    /// As [`Path::parse`].
    pub fn from_segments(segments: Vec<String>) -> Result<Path> {
        let bytes: usize = segments.iter().map(String::len).sum();
        if segments.is_empty() || segments.len() > PATH_SEGMENTS || bytes > PATH_BYTES {
            return Err(Error::new(
                Code::InvalidRequest,
                format!("A path has 1 to {PATH_SEGMENTS} segments and at most {PATH_BYTES} bytes."),
            ));
        }
        // SQLite's path syntax quotes segments but knows no portable escape for these.
        let odd =
            |segment: &String| segment.is_empty() || segment.chars().any(|c| c == '"' || c == '\\' || c.is_control());
        if segments.iter().any(odd) {
            return refuse(
                Code::InvalidRequest,
                format!(
                    "{:?} is no path: segments are not empty and hold no quote, backslash or control character.",
                    segments.join(".")
                ),
            );
        }
        Ok(Path(segments))
    }

    /// The segments, from the outside in. Never empty.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// The first segment.
    #[must_use]
    pub fn head(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The path without its first segment, if anything is left.
    #[must_use]
    pub fn tail(&self) -> Option<Path> {
        self.0.get(1..).filter(|rest| !rest.is_empty()).map(|rest| Path(rest.to_vec()))
    }

    /// What the path leads to, if anything.
    #[must_use]
    pub fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |at, segment| at.as_object()?.get(segment))
    }

    /// The same path in SQLite's JSON path syntax: `$."paid"."at"`.
    #[must_use]
    pub fn to_sqlite(&self) -> String {
        let mut out = String::from("$");
        for segment in &self.0 {
            out.push_str(".\"");
            out.push_str(segment);
            out.push('"');
        }
        out
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("."))
    }
}
