//! Addresses: what a path names, and what may be done there.

use crate::error::{Code, Result, refuse};
use crate::id::{CollectionName, DatabaseName, DocumentId, DocumentRef, KeyName};
use crate::wire::percent_decode;

/// A method that something answers. `HEAD` is `GET`, of which the shell drops the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Put,
    Post,
    Patch,
    Delete,
}

impl Method {
    pub(super) fn parse(text: &str) -> Option<Method> {
        match text {
            "GET" | "HEAD" => Some(Method::Get),
            "PUT" => Some(Method::Put),
            "POST" => Some(Method::Post),
            "PATCH" => Some(Method::Patch),
            "DELETE" => Some(Method::Delete),
            _ => None,
        }
    }
}

/// What a path names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Health,
    OpenApi,
    Database(DatabaseName),
    Schema(DatabaseName),
    Settings(DatabaseName),
    Audit(DatabaseName),
    Keys(DatabaseName),
    NamedKey(DatabaseName, KeyName),
    Query(DatabaseName),
    Batch(DatabaseName),
    Many(DatabaseName),
    Sync(DatabaseName),
    Import(DatabaseName),
    Export(DatabaseName),
    ExplainAccess(DatabaseName),
    Collection(DatabaseName, CollectionName),
    Document(DatabaseName, DocumentRef),
}

impl Place {
    /// The place at `path`, still percent-encoded. A segment is decoded before it is read, so that equal addresses
    /// (RFC 3986 section 6) are the same place; an id may write its slashes as `/` or as `%2F`.
    pub(super) fn parse(path: &str) -> Result<Place> {
        let mut segments = path.splitn(5, '/');
        if (segments.next(), segments.next()) != (Some(""), Some("v1")) {
            return unknown();
        }
        let first = percent_decode(segments.next().unwrap_or_default())?;
        let second = segments.next().map(percent_decode).transpose()?;
        let rest = segments.next();
        match (first.as_str(), &second) {
            ("", None) => return unknown(),
            ("health", None) => return Ok(Place::Health),
            ("openapi.json", None) => return Ok(Place::OpenApi),
            (name, _) if name.starts_with('_') => return unknown(),
            _ => {}
        }
        let db = DatabaseName::parse(&first)?;
        match (second.as_deref(), rest) {
            (None, _) => Ok(Place::Database(db)),
            (Some("_schema"), None) => Ok(Place::Schema(db)),
            (Some("_settings"), None) => Ok(Place::Settings(db)),
            (Some("_audit"), None) => Ok(Place::Audit(db)),
            (Some("_keys"), None) => Ok(Place::Keys(db)),
            (Some("_keys"), Some(name)) if !name.contains('/') => {
                Ok(Place::NamedKey(db, KeyName::parse(&percent_decode(name)?)?))
            }
            (Some("_query"), None) => Ok(Place::Query(db)),
            (Some("_tx"), None) => Ok(Place::Batch(db)),
            (Some("_many"), None) => Ok(Place::Many(db)),
            (Some("_sync"), None) => Ok(Place::Sync(db)),
            (Some("_import"), None) => Ok(Place::Import(db)),
            (Some("_export"), None) => Ok(Place::Export(db)),
            (Some("_explain-access"), None) => Ok(Place::ExplainAccess(db)),
            (Some(name), _) if name.is_empty() || name.starts_with('_') => unknown(),
            (Some(name), None) => Ok(Place::Collection(db, CollectionName::parse(name)?)),
            (Some(name), Some(id)) => {
                let collection = CollectionName::parse(name)?;
                // Decoding the whole is decoding each segment: a slash is no part of an escape.
                let id = DocumentId::parse(&percent_decode(id)?)?;
                Ok(Place::Document(db, DocumentRef { collection, id }))
            }
        }
    }

    /// The database that a path is under, whatever else it names.
    pub(super) fn database(path: &str) -> Option<DatabaseName> {
        let first = path.strip_prefix("/v1/")?.split('/').next()?;
        match percent_decode(first).ok()?.as_str() {
            "health" | "openapi.json" => None,
            name => DatabaseName::parse(name).ok(),
        }
    }

    /// Whether it is of documents, which others than the holders of API keys may reach.
    pub(super) fn is_of_documents(&self) -> bool {
        match self {
            Place::Query(_)
            | Place::Batch(_)
            | Place::Many(_)
            | Place::Sync(_)
            | Place::Collection(..)
            | Place::Document(..) => true,
            Place::Health
            | Place::OpenApi
            | Place::Database(_)
            | Place::Schema(_)
            | Place::Settings(_)
            | Place::Audit(_)
            | Place::Keys(_)
            | Place::NamedKey(..)
            | Place::Import(_)
            | Place::Export(_)
            | Place::ExplainAccess(_) => false,
        }
    }

    /// The methods that something answers here, as `Allow` lists them.
    pub(super) fn allow(&self) -> &'static str {
        match self {
            Place::Health | Place::OpenApi | Place::Export(_) | Place::Sync(_) | Place::Audit(_) => "GET, HEAD",
            Place::Database(_) => "PUT, DELETE",
            Place::Schema(_) | Place::Settings(_) => "GET, HEAD, PUT",
            Place::Keys(_) => "GET, HEAD, POST",
            Place::NamedKey(..) => "DELETE",
            Place::Query(_)
            | Place::Batch(_)
            | Place::Many(_)
            | Place::Import(_)
            | Place::ExplainAccess(_)
            | Place::Collection(..) => "POST",
            Place::Document(..) => "GET, HEAD, PUT, PATCH, DELETE",
        }
    }
}

fn unknown<T>() -> Result<T> {
    refuse(Code::UnknownRoute, "Nothing has this address; GET /v1/openapi.json lists what there is.")
}
