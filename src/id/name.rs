//! Names of databases, collections and API keys.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::limits::NAME_BYTES;

/// What [`name!`] types share: a letter first, then letters, digits, `_` and `-`.
fn check(kind: &str, text: &str) -> Result<()> {
    let mut bytes = text.bytes();
    let letter_first = bytes.next().is_some_and(|first| first.is_ascii_alphabetic());
    let plain = bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if letter_first && plain && text.len() <= NAME_BYTES {
        return Ok(());
    }
    let shown: String = text.chars().take(NAME_BYTES).collect();
    Err(Error::new(
        Code::InvalidName,
        format!(
            "{shown:?} cannot name a {kind}: a name starts with a letter, goes on with letters, digits, `_` or `-`, \
             and has at most {NAME_BYTES} bytes."
        ),
    ))
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        super::travels_as_text!($type, |name| name.0);

        impl $type {
            /// The name that `text` spells.
            ///
            /// # Errors
            /// `invalid_name` if it is not a letter followed by letters, digits, `_` and `-`, or is too long.
            pub fn parse(text: &str) -> Result<Self> {
                check($kind, text)?;
                Ok(Self(text.to_owned()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result { out.write_str(&self.0) }
        }
    };
}

name!(
    /// The name of a database: a namespace with its own schema, credentials and data.
    DatabaseName "database"
);
name!(
    /// The name of a collection.
    CollectionName "collection"
);
name!(
    /// The name under which an API key is listed and revoked.
    KeyName "key"
);
