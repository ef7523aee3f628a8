//! Names and ids, each a type of its own, valid by construction.

/// Lets serde carry a type as its text, checked again on arrival.
macro_rules! travels_as_text {
    ($type:ident, $text:expr) => {
        impl TryFrom<String> for $type {
            type Error = crate::error::Error;

            fn try_from(text: String) -> crate::error::Result<Self> {
                Self::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                let text: fn($type) -> String = $text;
                text(value)
            }
        }
    };
}
use travels_as_text;

mod batch;
mod document;
mod name;

pub use batch::BatchId;
pub use document::{DocumentId, DocumentRef, Key};
pub use name::{CollectionName, DatabaseName, KeyName};
