//! Names and ids, each a type of its own, valid by construction.

mod batch;
mod document;
mod name;

pub use batch::BatchId;
pub use document::{DocumentId, DocumentRef, Key};
pub use name::{CollectionName, DatabaseName, KeyName};
