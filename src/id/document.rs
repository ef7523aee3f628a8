//! Document ids and the keys they live under.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CollectionName;
use crate::error::{Code, Error, Result, refuse};
use crate::limits::ID_BYTES;

/// The part of a document's id before its first `/`, or the empty string: where the document lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

super::travels_as_text!(Key, |key| key.0);

impl Key {
    /// The key that documents without a `/` in their id live under.
    #[must_use]
    pub fn empty() -> Key {
        Key(String::new())
    }

    /// The key that `text` spells; the empty string is the empty key.
    ///
    /// # Errors
    /// `invalid_id` if it holds a `/` or could not begin an id.
    pub fn parse(text: &str) -> Result<Key> {
        if text.is_empty() {
            return Ok(Key::empty());
        }
        check_segment(text)?;
        if text.contains('/') || text.len() >= ID_BYTES {
            return refuse(Code::InvalidId, "A key is the part of an id before its first `/` and holds none itself.");
        }
        Ok(Key(text.to_owned()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A document's id within its collection, its key included: `acme/o1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentId(String);

super::travels_as_text!(DocumentId, |id| id.0);

impl DocumentId {
    /// The id that `text` spells.
    ///
    /// # Errors
    /// `invalid_id` if it is empty or too long, holds a control character, or has an empty, `.` or `..` segment
    /// (those do not survive in a URL).
    pub fn parse(text: &str) -> Result<DocumentId> {
        if text.len() > ID_BYTES {
            return Err(Error::new(
                Code::InvalidId,
                format!("An id has at most {ID_BYTES} bytes, not {}.", text.len()),
            ));
        }
        text.split('/').try_for_each(check_segment)?;
        Ok(DocumentId(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key it lives under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key(self.key_str().to_owned())
    }

    /// The key it lives under, as text.
    #[must_use]
    pub fn key_str(&self) -> &str {
        self.0.split_once('/').map_or("", |(key, _)| key)
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn check_segment(segment: &str) -> Result<()> {
    if segment.is_empty() || segment == "." || segment == ".." {
        return refuse(
            Code::InvalidId,
            "An id has no empty, `.` or `..` segment between its slashes, and is not empty.",
        );
    }
    if segment.chars().any(char::is_control) {
        return refuse(Code::InvalidId, "An id holds no control character.");
    }
    Ok(())
}

/// A document of a collection, written `orders/acme/o1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentRef {
    /// The collection.
    pub collection: CollectionName,
    /// The id within it.
    pub id: DocumentId,
}

super::travels_as_text!(DocumentRef, |document| document.to_string());

impl DocumentRef {
    /// The document that `<collection>/<id>` spells.
    ///
    /// # Errors
    /// `invalid_name` or `invalid_id`.
    pub fn parse(text: &str) -> Result<DocumentRef> {
        let Some((collection, id)) = text.split_once('/') else {
            return refuse(Code::InvalidId, format!("{text:?} names no document: write `<collection>/<id>`."));
        };
        Ok(DocumentRef { collection: CollectionName::parse(collection)?, id: DocumentId::parse(id)? })
    }
}

impl fmt::Display for DocumentRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.collection, self.id)
    }
}
