//! Requests that go to several partitions, and answers that say where to go on.

use super::Chunk;
use crate::error::{Code, Error, Result};
use crate::id::{CollectionName, DatabaseName, DocumentRef, Key};
use crate::moment::Moment;
use crate::wire::{
    Bearer, CatalogCall, CatalogRequest, ELSEWHERE_HEADER, MORE_HEADER, PartitionCall, PartitionRequest, percent_decode,
};

/// An import. It needs no batch id: a repeat puts the same documents again.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The database.
    pub db: DatabaseName,
    /// Who asks.
    pub bearer: Bearer,
    /// The origin of the page that asks, where it is another than ours.
    pub origin: Option<String>,
}

impl Import {
    /// Asks the catalog whether the caller may import; 204 if so.
    #[must_use]
    pub fn admission(&self) -> CatalogRequest {
        CatalogRequest {
            db: self.db.clone(),
            bearer: self.bearer.clone(),
            origin: self.origin.clone(),
            call: CatalogCall::Admit,
        }
    }

    /// The request that goes with a chunk's body.
    #[must_use]
    pub fn request(&self, chunk: &Chunk, moment: &mut Moment<'_>) -> PartitionRequest {
        PartitionRequest {
            db: self.db.clone(),
            key: chunk.key.clone(),
            bearer: self.bearer.clone(),
            batch: moment.new_id(),
            named: false,
            origin: self.origin.clone(),
            call: PartitionCall::Import,
        }
    }
}

/// An export.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// The database.
    pub db: DatabaseName,
    /// Who asks.
    pub bearer: Bearer,
    /// The origin of the page that asks, where it is another than ours.
    pub origin: Option<String>,
    /// Only of this collection.
    pub collection: Option<CollectionName>,
}

impl Export {
    /// Asks the catalog for the keys in use after one.
    #[must_use]
    pub fn keys(&self, after: Option<Key>) -> CatalogRequest {
        CatalogRequest {
            db: self.db.clone(),
            bearer: self.bearer.clone(),
            origin: self.origin.clone(),
            call: CatalogCall::Keys { after },
        }
    }

    /// Asks the partition of `key` for its documents after one.
    #[must_use]
    pub fn request(&self, key: Key, after: Option<DocumentRef>, moment: &mut Moment<'_>) -> PartitionRequest {
        PartitionRequest {
            db: self.db.clone(),
            key,
            bearer: self.bearer.clone(),
            batch: moment.new_id(),
            named: false,
            origin: self.origin.clone(),
            call: PartitionCall::Export { collection: self.collection.clone(), after },
        }
    }

    /// The document that an answer's [`MORE_HEADER`] names.
    ///
    /// # Errors
    /// `internal`: only our own parts write it.
    pub fn after(more: &str) -> Result<DocumentRef> {
        percent_decode(more).and_then(|text| DocumentRef::parse(&text)).map_err(|_| damaged(MORE_HEADER))
    }
}

/// The same request to the partition that an answer's [`ELSEWHERE_HEADER`] names. To be followed once.
///
/// # Errors
/// `internal`: only our own parts write it.
pub fn elsewhere(request: &PartitionRequest, header: &str) -> Result<PartitionRequest> {
    let key = percent_decode(header).and_then(|text| Key::parse(&text)).map_err(|_| damaged(ELSEWHERE_HEADER))?;
    Ok(PartitionRequest { key, ..request.clone() })
}

fn damaged(header: &str) -> Error {
    Error::new(Code::Internal, format!("A damaged message: {header}"))
}
