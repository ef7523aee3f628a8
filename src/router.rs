//! The router: from the head of an HTTP request to the actor that answers it. Pure: it holds no state, does no I/O
//! and takes no decision that an actor could take better.
//!
//! [`route`] reads method, address and headers, and refuses what can be refused by them alone. Where the key stands
//! in the body it gives a [`Peek`]. Imports are cut up by an [`ImportSplitter`]; [`openapi`] is the description that
//! callers read. Roles are the actors' business: only they know who may do what.

mod headers;
mod import;
mod many;
mod openapi;
mod parameters;
mod peek;
mod place;
mod shape;
mod summary;
mod transfer;

pub use import::{Chunk, ImportSplitter};
pub use many::{Many, Part, Replies};
pub use openapi::openapi;
pub use peek::Peek;
pub use summary::ImportSummary;
pub use transfer::{Export, Import, elsewhere};

use crate::error::{Code, Error, Result, refuse};
use crate::limits::{JWT_BYTES, ORIGIN_BYTES, SOCKET_ATTACHMENT_BYTES, SOCKET_JWT_BYTES, TOKEN_BYTES};
use crate::moment::Moment;
use crate::principal::needs_a_key;
use crate::sync;
use crate::wire::{Answer, Bearer, CatalogCall, CatalogRequest, PartitionCall, PartitionRequest, Verb, to_json};
use parameters::{consistency, number, time};
use peek::Wanted;
use place::{Method, Place};

/// A request without its body, as the shell sees it.
pub struct Head<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// The query string without its `?`; empty if there is none.
    pub query: &'a str,
    /// The value of a header, asked for in lower case.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    /// Who asks, as the shell made it out from `Authorization`.
    pub bearer: Bearer,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// Nowhere: this is the answer.
    Here(Answer),
    /// To a partition, its body untouched.
    Partition(PartitionRequest),
    /// To a catalog, its body untouched.
    Catalog(CatalogRequest),
    /// To the partition that [`Peek::with_body`] finds in the body.
    Peek(Peek),
    /// To several partitions, cut up by key.
    Many(Many),
    /// To a partition, to open a socket to it.
    Sync(PartitionRequest),
    /// To several partitions, line by line.
    Import(Import),
    /// To all partitions, one after the other.
    Export(Export),
}

/// Where the request goes that begins with `head`.
///
/// # Errors
/// `unauthenticated`, `forbidden`, `unknown_route`, `too_large`, `invalid_utf8`, `invalid_name`, `invalid_id`,
/// `invalid_batch_id`, and `invalid_request` for parameters and preconditions that have no place here. A wrong method
/// is an answer, since its `Allow` is no part of an error.
pub fn route(head: &Head<'_>, moment: &mut Moment<'_>) -> Result<Route> {
    let mut route = addressed(head, moment)?;
    route.of_page(head.origin());
    Ok(route)
}

/// The request to find out whether a page of another origin may see the answer to `head`, where the router itself gives it;
/// none if nobody but a page of ours, or no page at all, asks.
#[must_use]
pub fn preflight(head: &Head<'_>) -> Option<CatalogRequest> {
    let (db, origin) = (Place::database(head.path)?, head.origin());
    origin.is_some().then_some(CatalogRequest { db, bearer: Bearer::Nobody, origin, call: CatalogCall::Preflight })
}

fn addressed(head: &Head<'_>, moment: &mut Moment<'_>) -> Result<Route> {
    if head.method == "OPTIONS"
        && (head.header)("access-control-request-method").is_some()
        && let Some(asked) = preflight(head)
    {
        return Ok(Route::Catalog(asked));
    }
    let place = Place::parse(head.path);
    if !matches!(place, Ok(Place::Health | Place::OpenApi)) {
        head.has_bearer_for(place.as_ref().ok())?;
    }
    let place = place?;
    let Some(method) = Method::parse(head.method) else { return Ok(not_allowed(&place)) };
    if !matches!(place, Place::Import(_)) {
        head.bounded()?;
    }
    match (place, method) {
        (Place::Health, Method::Get) => {
            head.parameters(&[])?;
            let health = serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
            Ok(Route::Here(Answer::json(200, health.to_string())))
        }
        (Place::OpenApi, Method::Get) => {
            head.parameters(&[])?;
            Ok(Route::Here(Answer::json(200, openapi())))
        }
        (Place::Database(db), Method::Put) => head.root()?.catalog(db, CatalogCall::Create),
        (Place::Database(db), Method::Delete) => head.root()?.catalog(db, CatalogCall::Delete),
        (Place::Schema(db), Method::Get) => head.catalog(db, CatalogCall::GetSchema),
        (Place::Schema(db), Method::Put) => {
            head.parameters(&[])?;
            let only_if = head.schema_only_if()?;
            Ok(head.to_catalog(db, CatalogCall::PutSchema { only_if }))
        }
        (Place::Settings(db), Method::Get) => head.catalog(db, CatalogCall::GetSettings),
        (Place::Settings(db), Method::Put) => {
            head.parameters(&[])?;
            let only_if = head.schema_only_if()?;
            Ok(head.to_catalog(db, CatalogCall::PutSettings { only_if }))
        }
        (Place::Audit(db), Method::Get) => {
            let after = head.parameters(&["after"])?.get("after").map(number).transpose()?;
            head.unconditional()?;
            Ok(head.to_catalog(db, CatalogCall::Audit { after }))
        }
        (Place::Keys(db), Method::Get) => head.catalog(db, CatalogCall::ListKeys),
        (Place::Keys(db), Method::Post) => head.catalog(db, CatalogCall::CreateKey),
        (Place::NamedKey(db, name), Method::Delete) => head.catalog(db, CatalogCall::DeleteKey { name }),
        (Place::Document(db, document), Method::Get) => {
            let parameters = head.parameters(&["at", "consistency"])?;
            parameters.get("consistency").map_or(Ok(()), consistency)?;
            let at = parameters.get("at").map(time).transpose()?;
            let unless = head.unless()?;
            let key = document.id.key();
            let (bearer, batch) = (head.bearer.clone(), moment.new_id());
            let call = PartitionCall::Get { document, at, unless };
            Ok(Route::Partition(PartitionRequest { db, key, bearer, batch, named: false, origin: None, call }))
        }
        (Place::Document(db, document), Method::Put | Method::Patch | Method::Delete) => {
            head.parameters(&[])?;
            let verb = match method {
                Method::Patch => Verb::Patch,
                Method::Delete => Verb::Delete,
                Method::Get | Method::Put | Method::Post => Verb::Put,
            };
            let only_if = head.only_if()?;
            let (batch, named) = head.batch(moment)?;
            let (key, bearer) = (document.id.key(), head.bearer.clone());
            let call = PartitionCall::Write { document, verb, only_if };
            Ok(Route::Partition(PartitionRequest { db, key, bearer, batch, named, origin: None, call }))
        }
        (Place::Collection(db, collection), Method::Post) => {
            let key = head.parameters(&["key"])?.get("key").map(crate::id::Key::parse).transpose()?;
            head.unconditional()?;
            let (batch, named) = head.batch(moment)?;
            Ok(Route::Peek(Peek::new(db, head.bearer.clone(), batch, named, Wanted::Insert { collection, key })))
        }
        (Place::Query(db), Method::Post) => {
            head.parameters(&[])?;
            let batch = moment.new_id();
            Ok(Route::Peek(Peek::new(db, head.bearer.clone(), batch, false, Wanted::Query)))
        }
        (Place::ExplainAccess(db), Method::Post) => {
            head.parameters(&[])?;
            head.unconditional()?;
            let batch = moment.new_id();
            Ok(Route::Peek(Peek::new(db, head.bearer.clone(), batch, false, Wanted::ExplainAccess)))
        }
        (Place::Batch(db), Method::Post) => {
            head.parameters(&[])?;
            head.unconditional()?;
            let (batch, named) = head.batch(moment)?;
            Ok(Route::Peek(Peek::new(db, head.bearer.clone(), batch, named, Wanted::Batch)))
        }
        (Place::Many(db), Method::Post) => {
            head.parameters(&[])?;
            head.unconditional()?;
            Ok(Route::Many(Many { db, bearer: head.bearer.clone(), origin: None }))
        }
        (Place::Sync(db), Method::Get) => {
            let key = head.parameters(&["key"])?.get("key").map(crate::id::Key::parse).transpose()?;
            head.unconditional()?;
            if !(head.header)("upgrade").is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
                if head.bearer == Bearer::Nobody {
                    return Err(nobody());
                }
                return refuse(Code::InvalidRequest, "Here a WebSocket is opened: send `Upgrade: websocket`.");
            }
            let offered = (head.header)("sec-websocket-protocol").unwrap_or_default();
            if !offered.split(',').any(|protocol| protocol.trim() == sync::PROTOCOL) {
                return refuse(Code::InvalidRequest, format!("Offer the subprotocol `{}`.", sync::PROTOCOL));
            }
            let (key, bearer, batch) =
                (key.unwrap_or_else(crate::id::Key::empty), head.bearer.clone(), moment.new_id());
            let asked = PartitionRequest {
                db,
                key,
                bearer,
                batch,
                named: false,
                origin: head.origin(),
                call: PartitionCall::Sync,
            };
            attachable(&asked)?;
            Ok(Route::Sync(asked))
        }
        (Place::Import(db), Method::Post) => {
            head.parameters(&[])?;
            head.unconditional()?;
            Ok(Route::Import(Import { db, bearer: head.bearer.clone(), origin: None }))
        }
        (Place::Export(db), Method::Get) => {
            let parameters = head.parameters(&["collection"])?;
            let collection = parameters.get("collection").map(crate::id::CollectionName::parse).transpose()?;
            Ok(Route::Export(Export { db, bearer: head.bearer.clone(), origin: None, collection }))
        }
        (place, _) => Ok(not_allowed(&place)),
    }
}

impl Route {
    /// The same route, for a page of another origin.
    fn of_page(&mut self, page: Option<String>) {
        match self {
            Route::Here(_) => {}
            Route::Partition(PartitionRequest { origin, .. })
            | Route::Sync(PartitionRequest { origin, .. })
            | Route::Catalog(CatalogRequest { origin, .. })
            | Route::Many(Many { origin, .. })
            | Route::Import(Import { origin, .. })
            | Route::Export(Export { origin, .. }) => *origin = page,
            Route::Peek(peek) => peek.origin = page,
        }
    }
}

/// Refuses to open a socket whose request could not be attached to it: it has to outlive the actor's sleep.
fn attachable(asked: &PartitionRequest) -> Result<()> {
    let text = to_json(asked)?;
    // The platform keeps a text in one byte a character, or in two if it holds one that does not fit in one.
    let narrow = text.chars().all(|c| u32::from(c) < 256);
    let bytes = if narrow { text.chars().count() } else { 2 * text.encode_utf16().count() };
    let long_token = matches!(&asked.bearer, Bearer::Token(token) if token.len() > SOCKET_JWT_BYTES);
    if long_token || bytes > SOCKET_ATTACHMENT_BYTES {
        return refuse(
            Code::TooLarge,
            format!(
                "A socket is opened with a JWT of at most {SOCKET_JWT_BYTES} bytes, fewer with a long key: send requests \
                 over HTTP."
            ),
        );
    }
    Ok(())
}

fn nobody() -> Error {
    Error::new(
        Code::Unauthenticated,
        "Send `Authorization: Bearer <key>` with the root key or an API key of the database.",
    )
}

fn not_allowed(place: &Place) -> Route {
    let allowed = place.allow();
    let error = Error::new(Code::MethodNotAllowed, format!("Here you may use {allowed}."));
    Route::Here(Answer::problem(&error).with("allow", allowed))
}

impl Head<'_> {
    /// The origin of the page that asks, as far as it is another than ours. One too long to be any is nobody's in
    /// particular.
    fn origin(&self) -> Option<String> {
        let origin = (self.header)("origin")?;
        Some(if origin.len() > ORIGIN_BYTES { "null".to_owned() } else { origin })
    }

    /// Refuses whoever cannot be served at a place, whatever an actor knows. Documents alone are for others than the
    /// holders of keys.
    fn has_bearer_for(&self, place: Option<&Place>) -> Result<()> {
        let documents = place.is_some_and(Place::is_of_documents);
        match &self.bearer {
            Bearer::Root | Bearer::Hash(_) => Ok(()),
            Bearer::Token(_) | Bearer::Nobody if documents => Ok(()),
            Bearer::Token(_) => Err(needs_a_key()),
            Bearer::Unusable => refuse(
                Code::Unauthenticated,
                format!(
                    "`Authorization` is `Bearer <key>` with a key of at most {TOKEN_BYTES} bytes, or with a JWT of at most \
                     {JWT_BYTES}."
                ),
            ),
            Bearer::Nobody => Err(nobody()),
        }
    }

    /// A call without parameters or preconditions to the catalog.
    fn catalog(&self, db: crate::id::DatabaseName, call: CatalogCall) -> Result<Route> {
        self.parameters(&[])?;
        if !matches!(call, CatalogCall::GetSchema | CatalogCall::GetSettings | CatalogCall::ListKeys) {
            self.unconditional()?;
        }
        Ok(self.to_catalog(db, call))
    }

    fn to_catalog(&self, db: crate::id::DatabaseName, call: CatalogCall) -> Route {
        Route::Catalog(CatalogRequest { db, bearer: self.bearer.clone(), origin: None, call })
    }

    /// Refuses everybody but the holder of the root key.
    fn root(&self) -> Result<&Self> {
        match self.bearer {
            Bearer::Root => Ok(self),
            _ => refuse(Code::Forbidden, "Databases are created and deleted with the root key."),
        }
    }
}
