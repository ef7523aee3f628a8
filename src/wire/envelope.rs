//! What travels from the router to an actor beside the untouched body: the envelope, as JSON.
//!
//! The router makes it anew for every request and passes on no header of the caller's, so nobody outside can set
//! what an actor trusts.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::id::{BatchId, CollectionName, DatabaseName, DocumentRef, Key, KeyName};
use crate::settings::Algorithm;
use crate::time::Time;

/// Who asks, as far as the router can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bearer {
    /// The holder of the root key, which the router itself knows.
    Root,
    /// Somebody with a bearer token, of which this is the SHA-256 in hexadecimal.
    Hash(String),
    /// Somebody with what looks like a JWT, whole.
    Token(String),
    /// Somebody whose credentials can be nobody's. The router refuses it.
    Unusable,
    /// Nobody in particular: no credentials came.
    Nobody,
}

/// What must hold of a document before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precondition {
    /// It is there, whatever its version (`If-Match: *`).
    Present,
    /// It is not there (`If-None-Match: *`).
    Absent,
    /// It has this version.
    Version(i64),
}

/// How a single document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Replace or create.
    Put,
    /// Merge patch (RFC 7396).
    Patch,
    /// Delete.
    Delete,
}

/// A request to a partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartitionRequest {
    /// The database.
    pub db: DatabaseName,
    /// The key that the partition is home to.
    pub key: Key,
    /// Who asks.
    pub bearer: Bearer,
    /// The batch id: the caller's `Idempotency-Key`, or one that the router made.
    pub batch: BatchId,
    /// Whether the caller named the batch id, and so may ask again.
    pub named: bool,
    /// The origin of the page that asks, where it is another than ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What is asked.
    pub call: PartitionCall,
}

/// What a partition is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionCall {
    /// One document.
    Get {
        /// Which.
        document: DocumentRef,
        /// As it was then.
        at: Option<Time>,
        /// Answer 304 if it has this version.
        unless: Option<i64>,
    },
    /// Write one document; the body is the document or the merge patch.
    Write {
        /// Which.
        document: DocumentRef,
        /// How.
        verb: Verb,
        /// Only if.
        only_if: Option<Precondition>,
    },
    /// Insert the body; its id is made unless it brings one.
    Insert {
        /// Into which collection.
        collection: CollectionName,
    },
    /// Run the query in the body. The flag says that the query names no key and asks the whole database.
    Query {
        /// Whether the query names no key.
        whole: bool,
    },
    /// Decide the batch in the body.
    Batch,
    /// Answer the requests in the body, each by itself, in one event.
    Many {
        /// Whether there are batches among them.
        writes: bool,
    },
    /// May a socket be opened here? Its frames are asked each by itself.
    Sync,
    /// Put the lines in the body, each by itself.
    Import,
    /// Documents as lines, after a place.
    Export {
        /// Only of this collection.
        collection: Option<CollectionName>,
        /// The last document that was given before.
        after: Option<DocumentRef>,
    },
    /// Say which rule decides what the body asks, and why.
    ExplainAccess,
    /// Learn what the catalog says in the body.
    Learn,
}

impl PartitionCall {
    /// Whether the partition may answer that another is to be asked.
    #[must_use]
    pub fn may_be_elsewhere(&self) -> bool {
        matches!(self, PartitionCall::Query { whole: true })
    }

    /// Whether a body comes with it.
    #[must_use]
    pub fn has_body(&self) -> bool {
        match self {
            PartitionCall::Get { .. } | PartitionCall::Export { .. } | PartitionCall::Sync => false,
            PartitionCall::Write { verb, .. } => *verb != Verb::Delete,
            PartitionCall::Insert { .. }
            | PartitionCall::Query { .. }
            | PartitionCall::Batch
            | PartitionCall::Many { .. }
            | PartitionCall::Import
            | PartitionCall::ExplainAccess
            | PartitionCall::Learn => true,
        }
    }
}

/// A request to a catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CatalogRequest {
    /// The database.
    pub db: DatabaseName,
    /// Who asks.
    pub bearer: Bearer,
    /// The origin of the page that asks, where it is another than ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What is asked.
    pub call: CatalogCall,
}

/// What a catalog is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogCall {
    /// Create the database.
    Create,
    /// Delete the database and everything in it.
    Delete,
    /// The schema in force and what becomes of a staged one.
    GetSchema,
    /// Put the schema in the body.
    PutSchema {
        /// Only if this version is in force.
        only_if: Option<i64>,
    },
    /// The settings.
    GetSettings,
    /// Put the settings in the body.
    PutSettings {
        /// Only if this version is in force.
        only_if: Option<i64>,
    },
    /// Administrative acts after one, oldest first.
    Audit {
        /// The number of the last act that was given before.
        after: Option<i64>,
    },
    /// What the page of another origin may do (a preflight of the CORS protocol); no credentials come with it.
    Preflight,
    /// Make an API key as the body says.
    CreateKey,
    /// List the API keys.
    ListKeys,
    /// Revoke an API key.
    DeleteKey {
        /// Which.
        name: KeyName,
    },
    /// The keys in use after one, for those who visit them all.
    Keys {
        /// The last key that was given before.
        after: Option<Key>,
    },
    /// Whether the principal may import at all, asked before a line is read: a stream in which no line names a key
    /// reaches no partition.
    Admit,
    /// A partition asks what it must know to serve its key.
    Join {
        /// The partition's key.
        key: Key,
        /// Whether the key is taken into use.
        register: bool,
        /// The key of an issuer that a token there must be signed with.
        #[serde(default)]
        wanted: Option<KeyWanted>,
    },
}

/// Which key of which issuer a token must be signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyWanted {
    /// `iss`
    pub issuer: String,
    /// `alg`
    pub algorithm: Algorithm,
    /// `kid`
    pub kid: Option<String>,
}

impl CatalogCall {
    /// Whether a body comes with it.
    #[must_use]
    pub fn has_body(&self) -> bool {
        matches!(self, CatalogCall::PutSchema { .. } | CatalogCall::PutSettings { .. } | CatalogCall::CreateKey)
    }
}

/// With an answer 421: the percent-encoded key whose partition is to be asked instead.
pub const ELSEWHERE_HEADER: &str = "selvedge-elsewhere";

/// With the answer to an export: the percent-encoded `<collection>/<id>` that it ends at, while there is more.
pub const MORE_HEADER: &str = "selvedge-more";

/// `value` as JSON.
///
/// # Errors
/// `internal` if it cannot be written as JSON.
pub fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))
}

/// The value that `json` carries.
///
/// # Errors
/// `internal`: only our own parts write these.
pub fn from_json<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|wrong| Error::new(Code::Internal, format!("A damaged message: {wrong}")))
}
