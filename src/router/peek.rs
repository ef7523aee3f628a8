//! Requests whose key stands in the body.

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::headers::too_large;
use super::shape::{Seen, Shape, Text, look, next_name, next_text};
use crate::error::{Code, Error, Result, refuse};
use crate::id::{BatchId, CollectionName, DatabaseName, DocumentId, DocumentRef, Key};
use crate::limits::BODY_BYTES;
use crate::wire::{Bearer, PartitionCall, PartitionRequest};

/// A request that lacks only the key, which its body says.
#[derive(Clone, Debug, PartialEq)]
pub struct Peek {
    db: DatabaseName,
    bearer: Bearer,
    pub(super) origin: Option<String>,
    batch: BatchId,
    named: bool,
    wanted: Wanted,
}

/// What is to become of the body.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    Query,
    Batch,
    Insert { collection: CollectionName, key: Option<Key> },
    ExplainAccess,
}

impl Peek {
    pub(super) fn new(db: DatabaseName, bearer: Bearer, batch: BatchId, named: bool, wanted: Wanted) -> Peek {
        Peek { db, bearer, origin: None, batch, named, wanted }
    }

    /// The request, once its whole body is there. Only what addresses it is read.
    ///
    /// # Errors
    /// `too_large`; what is wrong with a body that is no JSON object; and `invalid_query`, `invalid_id`,
    /// `invalid_name`, `invalid_request`, `invalid_batch_id` or `several_keys` where the body does not say one key.
    pub fn with_body(self, body: &[u8]) -> Result<PartitionRequest> {
        if body.len() > BODY_BYTES {
            return Err(too_large());
        }
        let Peek { db, bearer, origin, batch, named, wanted } = self;
        let (key, call, (batch, named)) = match wanted {
            Wanted::Query => {
                let key = query_key(object(look::<Query<'_>>(body)?.0)?)?;
                (key.clone().unwrap_or_else(Key::empty), PartitionCall::Query { whole: key.is_none() }, (batch, named))
            }
            Wanted::Batch => {
                let found = object(look::<Option<Batch<'_>>>(body)?)?;
                let id = batch_id(&found.id, batch, named)?;
                (batch_key(found)?, PartitionCall::Batch, id)
            }
            Wanted::Insert { collection, key } => {
                let key = insert_key(object(look::<Document<'_>>(body)?.0)?, key)?;
                (key, PartitionCall::Insert { collection }, (batch, named))
            }
            Wanted::ExplainAccess => {
                let Text::Is(document) = object(look::<Asked<'_>>(body)?.0)? else {
                    return refuse(Code::InvalidRequest, "Say of which `document`: \"<collection>/<id>\".");
                };
                (DocumentRef::parse(&document)?.id.key(), PartitionCall::ExplainAccess, (batch, named))
            }
        };
        Ok(PartitionRequest { db, key, bearer, batch, named, origin, call })
    }
}

fn object<T>(found: Option<T>) -> Result<T> {
    found.ok_or_else(|| Error::new(Code::InvalidRequest, "The body must be a JSON object."))
}

fn query_key(key: Text<'_>) -> Result<Option<Key>> {
    match key {
        Text::Missing | Text::Null => Ok(None),
        Text::Is(key) => Key::parse(&key).map(Some),
        Text::Other => refuse(Code::InvalidQuery, "`key` of a query must be a string."),
    }
}

fn insert_key(id: Text<'_>, asked: Option<Key>) -> Result<Key> {
    let id = match id {
        Text::Missing => return Ok(asked.unwrap_or_else(Key::empty)),
        Text::Is(id) => DocumentId::parse(&id)?,
        Text::Null | Text::Other => {
            return refuse(Code::InvalidId, "An `id` is a string; leave it out and one is made.");
        }
    };
    match asked {
        Some(asked) if asked.as_str() != id.key_str() => refuse(
            Code::SeveralKeys,
            format!("The document {:?} does not live under the key {:?} of `?key=`.", id.as_str(), asked.as_str()),
        ),
        _ => Ok(id.key()),
    }
}

/// The batch id: the header's and the body's are the same thing, so they must not differ.
fn batch_id(body: &Text<'_>, header: BatchId, named: bool) -> Result<(BatchId, bool)> {
    match body {
        Text::Missing => Ok((header, named)),
        Text::Is(id) if named && *id != header.as_str() => refuse(
            Code::InvalidBatchId,
            "The `id` of the batch and its Idempotency-Key differ: send one of them, or the same text twice.",
        ),
        Text::Is(id) => Ok((BatchId::parse(id)?, true)),
        Text::Null | Text::Other => refuse(Code::InvalidBatchId, "The `id` of a batch is a string, or left out."),
    }
}

fn batch_key(batch: Batch<'_>) -> Result<Key> {
    let of = |document: &str, place: &str, index: usize| match DocumentRef::parse(document) {
        Ok(document) => Ok(document.id.key()),
        Err(error) => Err(error.with(place, index)),
    };
    // What names no document is refused here: a partition would take its key into use before it looks.
    match batch.operations {
        Operations::Empty => {}
        Operations::First(document) => return of(&document, "operation", 0),
        Operations::Unnamed => {
            return Err(Error::new(
                Code::InvalidRequest,
                "An operation has exactly one of `insert`, `replace`, `patch`, `delete`, `check`: \"<collection>/<id>\".",
            )
            .with("operation", 0));
        }
        Operations::Other => return refuse(Code::InvalidRequest, "`ops` must be an array."),
    }
    if let Some((index, document)) = batch.reads.document {
        return of(&document, "read", index);
    }
    if batch.reads.is_other {
        return refuse(Code::InvalidRequest, "`reads` must be an array.");
    }
    match batch.reads.query_key {
        Some((index, key)) => Key::parse(&key).map_err(|error| error.with("read", index)),
        None => Ok(Key::empty()),
    }
}

/// A query: its `key`.
#[derive(Default)]
struct Query<'de>(Option<Text<'de>>);

impl<'de> Shape<'de> for Query<'de> {
    fn members<A: MapAccess<'de>>(members: A) -> std::result::Result<Self, A::Error> {
        one_text(members, "key").map(|text| Query(Some(text)))
    }
}

/// A document: its `id`.
#[derive(Default)]
pub(super) struct Document<'de>(pub(super) Option<Text<'de>>);

impl<'de> Shape<'de> for Document<'de> {
    fn members<A: MapAccess<'de>>(members: A) -> std::result::Result<Self, A::Error> {
        one_text(members, "id").map(|text| Document(Some(text)))
    }
}

/// What is asked of rules: the `document`.
#[derive(Default)]
struct Asked<'de>(Option<Text<'de>>);

impl<'de> Shape<'de> for Asked<'de> {
    fn members<A: MapAccess<'de>>(members: A) -> std::result::Result<Self, A::Error> {
        one_text(members, "document").map(|text| Asked(Some(text)))
    }
}

fn one_text<'de, A: MapAccess<'de>>(mut members: A, wanted: &str) -> std::result::Result<Text<'de>, A::Error> {
    let mut text = Text::Missing;
    while let Some(name) = next_name(&mut members)? {
        if name == wanted {
            text = next_text(&mut members)?;
        } else {
            members.next_value::<IgnoredAny>()?;
        }
    }
    Ok(text)
}

/// A batch: its id, and the first of each thing that says a key.
#[derive(Default)]
struct Batch<'de> {
    id: Text<'de>,
    operations: Operations<'de>,
    reads: Reads<'de>,
}

impl<'de> Shape<'de> for Option<Batch<'de>> {
    fn members<A: MapAccess<'de>>(mut members: A) -> std::result::Result<Self, A::Error> {
        let mut batch = Batch::default();
        while let Some(name) = next_name(&mut members)? {
            match &*name {
                "id" => batch.id = next_text(&mut members)?,
                "ops" => {
                    batch.operations =
                        members.next_value::<Seen<Option<Operations<'de>>>>()?.0.unwrap_or(Operations::Other)
                }
                "reads" => {
                    let other = || Reads { is_other: true, ..Reads::default() };
                    batch.reads = members.next_value::<Seen<Option<Reads<'de>>>>()?.0.unwrap_or_else(other);
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some(batch))
    }
}

/// The operations of a batch.
#[derive(Default)]
enum Operations<'de> {
    /// There is none.
    #[default]
    Empty,
    /// The document of the first.
    First(Cow<'de, str>),
    /// The first names no document.
    Unnamed,
    /// This is no list.
    Other,
}

impl<'de> Shape<'de> for Option<Operations<'de>> {
    fn items<A: SeqAccess<'de>>(mut items: A) -> std::result::Result<Self, A::Error> {
        let first = items.next_element::<Seen<Operation<'de>>>()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(match first {
            None => Operations::Empty,
            Some(Seen(Operation(Some(document)))) => Operations::First(document),
            Some(Seen(Operation(None))) => Operations::Unnamed,
        }))
    }
}

#[derive(Default)]
struct Operation<'de>(Option<Cow<'de, str>>);

impl<'de> Shape<'de> for Operation<'de> {
    fn members<A: MapAccess<'de>>(mut members: A) -> std::result::Result<Self, A::Error> {
        let mut document = None;
        while let Some(name) = next_name(&mut members)? {
            match (&*name, &document) {
                ("insert" | "replace" | "patch" | "delete" | "check", None) => {
                    if let Text::Is(text) = next_text(&mut members)? {
                        document = Some(text);
                    }
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Operation(document))
    }
}

/// The reads of a batch: the first document and the first query's key, each with its index.
#[derive(Default)]
struct Reads<'de> {
    document: Option<(usize, Cow<'de, str>)>,
    query_key: Option<(usize, Cow<'de, str>)>,
    /// This is no list.
    is_other: bool,
}

impl<'de> Shape<'de> for Option<Reads<'de>> {
    fn items<A: SeqAccess<'de>>(mut items: A) -> std::result::Result<Self, A::Error> {
        let mut reads = Reads::default();
        let mut index = 0;
        while reads.document.is_none() {
            let Some(Seen(read)) = items.next_element::<Seen<Read<'de>>>()? else { return Ok(Some(reads)) };
            reads.document = read.document.map(|document| (index, document));
            reads.query_key = reads.query_key.or(read.query_key.map(|key| (index, key)));
            index += 1;
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(reads))
    }
}

#[derive(Default)]
struct Read<'de> {
    document: Option<Cow<'de, str>>,
    query_key: Option<Cow<'de, str>>,
}

impl<'de> Shape<'de> for Read<'de> {
    fn members<A: MapAccess<'de>>(mut members: A) -> std::result::Result<Self, A::Error> {
        let mut read = Read::default();
        while let Some(name) = next_name(&mut members)? {
            match &*name {
                "doc" => {
                    if let Text::Is(document) = next_text(&mut members)? {
                        read.document = Some(document);
                    }
                }
                "query" => {
                    if let Some(Text::Is(key)) = members.next_value::<Seen<Query<'de>>>()?.0.0 {
                        read.query_key = Some(key);
                    }
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(read)
    }
}
