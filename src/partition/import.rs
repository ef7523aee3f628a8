//! Importing: lines that are put one by one, committed together.

use super::commit::measure;
use super::constraint::{at, keep, target};
use super::decide::Deciding;
use super::key::keys_of;
use super::state::collection_of;
use super::workspace::After;
use crate::batch::{Change, Operation};
use crate::error::{Code, Error, Result, refuse};
use crate::id::{CollectionName, DocumentId, DocumentRef};
use crate::limits::{DOCUMENT_BYTES, ID_BYTES, IMPORT_CHUNK_LINES, IMPORT_ERRORS};
use crate::schema::model::Field;
use crate::schema::paths::{indexed_paths, references};
use crate::store::Store;
use crate::value::{self, Value};
use serde_json::json;

/// What became of a chunk.
pub(super) struct Imported {
    pub(super) imported: usize,
    pub(super) failed: usize,
    errors: Vec<Value>,
}

impl Imported {
    /// The answer's body.
    pub(super) fn body(&self) -> String {
        json!({ "imported": self.imported, "failed": self.failed, "errors": self.errors }).to_string()
    }

    fn fail(&mut self, line: u64, error: &Error) {
        self.failed += 1;
        if self.errors.len() < IMPORT_ERRORS {
            self.errors.push(json!({ "line": line, "code": error.code.as_str(), "detail": error.detail }));
        }
    }
}

/// Works out a chunk: the numbers of its lines as a JSON array on the first line, then the lines. Lines that fail
/// are named and leave the others alone.
pub(super) fn work_out<S: Store>(deciding: &mut Deciding<'_, S>, body: &[u8]) -> Result<Imported> {
    let mut lines = body.split(|byte| *byte == b'\n');
    let numbers: Vec<u64> = serde_json::from_slice(lines.next().unwrap_or_default())
        .map_err(|wrong| Error::new(Code::Internal, format!("A damaged chunk: {wrong}")))?;
    if numbers.len() > IMPORT_CHUNK_LINES {
        return refuse(Code::Internal, "A chunk has too many lines.");
    }
    let mut outcome = Imported { imported: 0, failed: 0, errors: Vec::new() };
    let mut operations = Vec::with_capacity(numbers.len());
    for (number, line) in numbers.into_iter().zip(lines) {
        match operation(line) {
            Ok(operation) => operations.push((number, line.len(), operation)),
            Err(error) => outcome.fail(number, &error),
        }
    }
    fetch(deciding, operations.iter().map(|(_, _, operation)| operation))?;
    for (number, bytes, mut operation) in operations {
        let document = operation.document.clone();
        let former = deciding.work.get(&document).map_or(After::Untouched, |entry| entry.after.clone());
        let coming = deciding.coming.get(&document).cloned();
        let put = deciding
            .apply(&mut operation)
            .and_then(|()| writable(deciding, &document, bytes))
            .and_then(|()| deciding.permitted_before(std::slice::from_ref(&document)))
            .and_then(|()| deciding.permitted_after(std::slice::from_ref(&document)))
            // A value that an earlier line took out of this document may be another's by now.
            .and_then(|()| keep(deciding, &document, former == After::Untouched))
            .map_err(|error| deciding.discreet(error, std::slice::from_ref(&document)));
        match put {
            Ok(()) => outcome.imported += 1,
            Err(error) if error.code == Code::Internal => return Err(error),
            Err(error) => {
                deciding.work.restore(&document, former);
                deciding.blind.remove(&document);
                match coming {
                    Some(coming) => deciding.coming.insert(document, coming),
                    None => deciding.coming.remove(&document),
                };
                outcome.fail(number, &error);
            }
        }
    }
    Ok(outcome)
}

fn operation(line: &[u8]) -> Result<Operation> {
    let wrong = || Error::new(Code::InvalidRequest, "A line is [\"<collection>\", {\"id\": \"…\", …}].");
    let Value::Array(pair) = value::parse(line)? else { return Err(wrong()) };
    let Ok([Value::String(collection), Value::Object(body)]) = <[Value; 2]>::try_from(pair) else {
        return Err(wrong());
    };
    let Some(id) = body.get("id").and_then(Value::as_str) else { return Err(wrong()) };
    let document = DocumentRef { collection: CollectionName::parse(&collection)?, id: DocumentId::parse(id)? };
    Ok(Operation { document, only_if: None, condition: None, change: Change::Replace(body) })
}

/// Reads what the chunk will look at in few statements: the documents, and those they refer to.
fn fetch<'o, S: Store>(deciding: &mut Deciding<'_, S>, operations: impl Iterator<Item = &'o Operation>) -> Result<()> {
    let mut wanted = Vec::new();
    for operation in operations {
        let schema = collection_of(&deciding.state.schema, &operation.document.collection);
        if let Change::Replace(body) = &operation.change {
            for reference in references(schema) {
                if let Value::String(id) = at(body, &reference.path)
                    && let Ok(target) = target(reference.target, id, &reference.path)
                    && target.id.key_str() == deciding.state.home.key.as_str()
                {
                    wanted.push(target);
                }
            }
        }
        wanted.push(operation.document.clone());
    }
    deciding.work.load_all(&wanted, &deciding.state.layout, deciding.store)
}

/// Refuses here what would otherwise fail when the chunk is written, where one line would take the others with it.
/// What the staged schema says to it is asked by [`keep`].
fn writable<S: Store>(deciding: &Deciding<'_, S>, document: &DocumentRef, bytes: usize) -> Result<()> {
    /// Canonical JSON is at most so many times as long as the JSON that it was read from: `1e18` has 4 bytes.
    const LONGER: usize = 8;
    super::decide::same_home(document, deciding.state)?;
    let collection = collection_of(&deciding.state.schema, &document.collection);
    let Some(members) = deciding.work.written(document) else { return Ok(()) };
    let paths = indexed_paths(collection);
    keys_of(paths.iter().map(|path| (0, path.segments())), members)?;
    let adds = |field: &Field| field.default.is_some() || field.computed.is_some();
    if bytes < DOCUMENT_BYTES / LONGER - ID_BYTES && !collection.fields.values().any(adds) {
        return Ok(());
    }
    measure(document.id.as_str(), members)
}
