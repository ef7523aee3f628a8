//! Reading a batch from JSON.

use super::{Change, Operation, Patch, Read};
use crate::error::{Code, Error, Result, refuse};
use crate::id::{DocumentRef, Key};
use crate::limits::{BATCH_OPS, BATCH_QUERIES};
use crate::query::decode as query;
use crate::query::names::Names;
use crate::query::tree::Condition;
use crate::value::{Map, Path, Value};
use crate::wire::Precondition;

/// The reads and operations in the body of `_tx`.
pub struct Body {
    /// What it read.
    pub reads: Vec<Read>,
    /// What it does.
    pub operations: Vec<Operation>,
}

/// The batch that `body` spells, all of it under `key`.
///
/// # Errors
/// `invalid_request` for a wrong shape, `too_many` past the bounds, `several_keys` where a document lives under
/// another key, and what ids, paths and queries are refused for.
pub fn body(mut body: Map<String, Value>, key: &Key, names: &dyn Names) -> Result<Body> {
    body.remove("id");
    let reads = list(body.remove("reads"), "reads")?;
    let operations = list(body.remove("ops"), "ops")?;
    if let Some(name) = body.keys().next() {
        return wrong(format!("A batch has no member {name:?}: it has `id`, `reads` and `ops`."));
    }
    if reads.len() > BATCH_OPS || operations.len() > BATCH_OPS {
        return refuse(Code::TooMany, format!("A batch has at most {BATCH_OPS} operations and {BATCH_OPS} reads."));
    }
    let reads: Vec<Read> = reads.into_iter().map(|item| read(item, names)).collect::<Result<_>>()?;
    if reads.iter().filter(|read| matches!(read, Read::Query { .. })).count() > BATCH_QUERIES {
        return refuse(Code::TooMany, format!("A batch has at most {BATCH_QUERIES} queries among its reads."));
    }
    let operations = operations
        .into_iter()
        .enumerate()
        .map(|(index, item)| operation(item, names).map_err(|error| error.with("operation", index)))
        .collect::<Result<Vec<Operation>>>()?;
    let documents = reads.iter().filter_map(|read| match read {
        Read::Document { document, .. } => Some(document),
        Read::Query { .. } => None,
    });
    for document in documents.chain(operations.iter().map(|operation| &operation.document)) {
        same_key(document, key)?;
    }
    for read in &reads {
        let Read::Query { query, .. } = read else { continue };
        if query.key.as_ref().is_some_and(|other| other != key) {
            return refuse(Code::SeveralKeys, "A query among the reads stays under the batch's key for now.");
        }
        if query.at.is_some() || query.explain {
            return wrong("A query among the reads of a batch has neither `at` nor `explain`.");
        }
    }
    Ok(Body { reads, operations })
}

/// Refuses a document of another key.
///
/// # Errors
/// `several_keys`.
pub fn same_key(document: &DocumentRef, key: &Key) -> Result<()> {
    if document.id.key_str() == key.as_str() {
        return Ok(());
    }
    Err(Error::new(
        Code::SeveralKeys,
        format!("{document} does not live under the key {:?}: a batch stays under one key for now.", key.as_str()),
    )
    .with("document", document.to_string()))
}

fn wrong<T>(detail: impl Into<String>) -> Result<T> {
    refuse(Code::InvalidRequest, detail)
}

fn list(value: Option<Value>, name: &str) -> Result<Vec<Value>> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => wrong(format!("`{name}` must be an array.")),
    }
}

fn object(value: Value, what: &str) -> Result<Map<String, Value>> {
    match value {
        Value::Object(members) => Ok(members),
        _ => wrong(format!("{what} must be an object.")),
    }
}

fn read(value: Value, names: &dyn Names) -> Result<Read> {
    let mut members = object(value, "A read")?;
    let read = match (members.remove("doc"), members.remove("query")) {
        (Some(Value::String(document)), None) => Read::Document {
            document: DocumentRef::parse(&document)?,
            version: match members.remove("version") {
                Some(Value::Null) => None,
                Some(version) => Some(number(&version)?),
                None => return wrong("A read of a document has its `version`, null where it was absent."),
            },
        },
        (None, Some(tree)) => Read::Query {
            query: Box::new(query::query(&tree, names)?),
            digest: match members.remove("digest") {
                Some(Value::String(digest)) => digest,
                _ => return wrong("A read of a query has the `digest` that its answer carried."),
            },
        },
        _ => return wrong("A read has either `doc` (a text) and `version`, or `query` and `digest`."),
    };
    match members.keys().next() {
        Some(name) => wrong(format!("A read has no member {name:?}.")),
        None => Ok(read),
    }
}

fn number(version: &Value) -> Result<i64> {
    match version.as_i64() {
        Some(version) => Ok(version),
        None => wrong("A `version` is a whole number, or null for a document that is not there."),
    }
}

const KINDS: [&str; 5] = ["insert", "replace", "patch", "delete", "check"];

fn operation(value: Value, names: &dyn Names) -> Result<Operation> {
    let mut members = object(value, "An operation")?;
    let mut kinds = KINDS.iter().filter(|kind| members.contains_key(**kind));
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        return wrong(
            "An operation has exactly one of `insert`, `replace`, `patch`, `delete`, `check`: the document it is about.",
        );
    };
    let Some(Value::String(document)) = members.remove(*kind) else {
        return wrong(format!("`{kind}` names a document as text: \"<collection>/<id>\"."));
    };
    let document = DocumentRef::parse(&document)?;
    let only_if = match members.remove("version") {
        None => None,
        Some(Value::Null) => Some(Precondition::Absent),
        Some(version) => Some(Precondition::Version(number(&version)?)),
    };
    let condition =
        members.remove("if").map(|tree| query::condition(&tree, &document.collection, names)).transpose()?;
    let mut take_body = || match members.remove("body") {
        Some(Value::Object(body)) => Ok(body),
        _ => wrong(format!("`{kind}` needs a `body` that is an object.")),
    };
    let change = match *kind {
        "insert" => Change::Insert(take_body()?),
        "replace" => Change::Replace(take_body()?),
        "patch" => Change::Patch(patch(&mut members)?),
        "delete" => Change::Delete,
        _ => match members.remove("where") {
            Some(tree) => Change::Check(query::condition(&tree, &document.collection, names)?),
            None if only_if.is_some() || condition.is_some() => Change::Check(Condition::always()),
            None => return wrong("`check` needs a `where` condition or a `version`."),
        },
    };
    match members.keys().next() {
        Some(name) => wrong(format!("`{kind}` has no member {name:?}.")),
        None => Ok(Operation { document, only_if, condition, change }),
    }
}

fn patch(members: &mut Map<String, Value>) -> Result<Patch> {
    let mut part = |name: &str| match members.remove(name) {
        None => Ok(Map::new()),
        Some(Value::Object(part)) => Ok(part),
        Some(_) => wrong(format!("`{name}` must be an object of paths and values.")),
    };
    let (set, increment, append) = (part("set")?, part("increment")?, part("append")?);
    let unset = list(members.remove("unset"), "unset")?;
    if set.is_empty() && increment.is_empty() && append.is_empty() && unset.is_empty() {
        return wrong("`patch` needs one of `set`, `unset`, `increment`, `append`.");
    }
    Ok(Patch {
        set: set.into_iter().map(|(path, value)| Ok((target(&path)?, value))).collect::<Result<_>>()?,
        unset: unset
            .into_iter()
            .map(|path| match path {
                Value::String(path) => target(&path),
                _ => wrong("`unset` is an array of paths."),
            })
            .collect::<Result<_>>()?,
        increment: increment
            .into_iter()
            .map(|(path, amount)| match amount {
                Value::Number(_) => Ok((target(&path)?, amount)),
                _ => wrong(format!("`increment` adds numbers; at {path:?} stands something else.")),
            })
            .collect::<Result<_>>()?,
        append: append
            .into_iter()
            .map(|(path, values)| match values {
                Value::Array(values) => Ok((target(&path)?, values)),
                _ => wrong(format!("`append` takes arrays of values; at {path:?} stands something else.")),
            })
            .collect::<Result<_>>()?,
    })
}

/// A path that may be written.
fn target(text: &str) -> Result<Path> {
    let path = Path::parse(text)?;
    if path.head() == "id" || path.head().starts_with('_') {
        return wrong(format!(
            "{text:?} cannot be written: `id` never changes, and names that start with `_` are the system's."
        ));
    }
    Ok(path)
}
