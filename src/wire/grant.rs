//! What a catalog tells partitions, and what they answer.
//!
//! It is always the whole state, numbered by a rising epoch, never a step: a message that is lost, doubled or
//! late does no harm, and a partition that knows an epoch never goes back to an earlier one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{Key, KeyName};
use crate::settings::{KeySets, Settings};
use crate::time::Time;

/// What the holder of an API key may do. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read documents and the schema.
    Read,
    /// Write documents.
    Write,
    /// Change the schema and the API keys.
    Admin,
}

/// An API key as it is kept: never the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The name it is listed and revoked by.
    pub name: KeyName,
    /// SHA-256 of the key, in hexadecimal.
    pub hash: String,
    /// What it allows.
    pub role: Role,
    /// When it was made.
    pub created: Time,
    /// From when on it is nobody's.
    #[serde(default)]
    pub expires: Option<Time>,
    /// The names of its roles, for rules.
    #[serde(default)]
    pub roles: Vec<String>,
}

impl Credential {
    /// Whether it has not expired.
    #[must_use]
    pub fn is_in_force(&self, now: Time) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// A schema as it was put.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaText {
    /// Its version; 0 is the empty schema of a new database.
    pub version: u64,
    /// Its JSON text.
    pub text: String,
}

/// Everything that a partition must know of its database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Rises with every change.
    pub epoch: u64,
    /// The schema in force.
    pub schema: SchemaText,
    /// The schema that is to come into force, if every partition's data fits it.
    pub staged: Option<SchemaText>,
    /// Who may ask.
    pub credentials: Vec<Credential>,
    /// Whose tokens are accepted, and the other settings.
    #[serde(default)]
    pub settings: Settings,
    /// The keys of issuers that were fetched.
    #[serde(default)]
    pub jwks: KeySets,
    /// Whether this is the only key in use.
    pub alone: bool,
    /// The database is gone; forget everything.
    pub dropped: bool,
}

/// The catalog's answer to a partition that joins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lesson {
    /// What it must know.
    Granted {
        /// The state of the database.
        grant: Box<Grant>,
        /// Whether the key is registered.
        registered: bool,
        /// The one key in use, if there is exactly one.
        only: Option<Key>,
        /// How many keys are in use.
        keys: u64,
    },
    /// There is no such database.
    NoDatabase,
    /// The catalog is changing; ask again.
    Busy,
}

/// How far a partition is with what it was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The epoch it knows.
    pub epoch: u64,
    /// Nothing is left to do for that epoch: a staged schema is checked, or the schema in force is settled.
    pub done: bool,
    /// Documents that break the staged schema, as problems; the first few.
    pub offenders: Vec<Value>,
}
