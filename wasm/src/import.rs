//! Imports: a stream of lines, cut up by the core, each chunk sent to its key's partition.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use js_sys::Uint8Array;
use selvedge::cors;
use selvedge::error::{Code, Error, Result, refuse};
use selvedge::id::Key;
use selvedge::router::{Chunk, Import, ImportSplitter};
use selvedge::wire::Answer;
use wasm_bindgen::JsValue;
use web_sys::{Request, Response};

use crate::actors::{AT_ONCE, Letter};
use crate::body::Chunks;
use crate::host::{self, Bindings};
use crate::moment::at_present;
use crate::{answer, body};

/// Imports the body of `request`. No more of it is read before what was read is committed, which is what holds a fast
/// caller back.
///
/// # Errors
/// `invalid_request` if the body breaks off. What a partition refuses is an answer: it says how many lines went in.
pub(crate) async fn serve(request: Request, bindings: Bindings, wanted: Import) -> Result<Response> {
    let admitted = Letter::to_catalog(&bindings, &wanted.admission())?.answer(&JsValue::UNDEFINED).await?;
    if admitted.status() != 204 {
        return admitted.response();
    }
    let answer = run(&request, &bindings, &wanted).await?;
    let allowed = admitted.header(cors::ALLOW_ORIGIN);
    answer::respond(&cors::dressed(answer, allowed.as_deref()))
        .map_err(|thrown| Error::new(Code::Internal, host::message(&thrown)))
}

async fn run(request: &Request, bindings: &Bindings, wanted: &Import) -> Result<Answer> {
    let Some(stream) = request.body() else {
        return refuse(Code::InvalidRequest, "An import has a body: a line for each document.");
    };
    let mut splitter = ImportSplitter::new();
    if body::is_small(request) {
        // Not piece by piece: every step of a stream costs as much as several lines do.
        let whole = body::read(request).await?;
        let chunks = splitter.push(&whole).into_iter().chain(splitter.finish()).collect();
        return Ok(match send_all(bindings, wanted, chunks, &mut splitter).await? {
            Err(problem) => splitter.summary().stopped(&problem),
            Ok(()) => splitter.summary().answer()?,
        });
    }
    let mut pieces = Chunks::of(&stream)?;
    loop {
        let piece = pieces.next().await?;
        let chunks = match &piece {
            Some(bytes) => splitter.push(bytes),
            None => splitter.finish(),
        };
        if let Err(problem) = send_all(bindings, wanted, chunks, &mut splitter).await? {
            return Ok(splitter.summary().stopped(&problem));
        }
        if piece.is_none() {
            return splitter.summary().answer();
        }
    }
}

/// Sends chunks, those of one key in order and several keys at once, and adds up the answers; the inner error is the
/// problem of a partition that refused.
async fn send_all(
    bindings: &Bindings,
    wanted: &Import,
    chunks: Vec<Chunk>,
    splitter: &mut ImportSplitter,
) -> Result<std::result::Result<(), String>> {
    let mut keys: BTreeMap<Key, Vec<Chunk>> = BTreeMap::new();
    for chunk in chunks {
        keys.entry(chunk.key.clone()).or_default().push(chunk);
    }
    let mut sent = stream::iter(keys.into_values())
        .map(|chunks| async move {
            let mut answers = Vec::with_capacity(chunks.len());
            for chunk in chunks {
                answers.push(send(bindings, wanted, &chunk).await);
                if matches!(answers.last(), Some(Err(_))) {
                    break;
                }
            }
            answers
        })
        .buffer_unordered(AT_ONCE);
    let mut refused = None;
    while let Some(answers) = sent.next().await {
        for answer in answers {
            match answer {
                Ok(answer) => splitter.summary().add(&answer)?,
                Err(problem) => refused = refused.or(Some(problem)),
            }
        }
    }
    Ok(refused.map_or(Ok(()), Err))
}

/// Sends one chunk: what its partition answered, or the problem it answered instead.
async fn send(bindings: &Bindings, wanted: &Import, chunk: &Chunk) -> std::result::Result<String, String> {
    let asked = at_present(|moment| wanted.request(chunk, moment));
    let lines = Uint8Array::from(chunk.body.as_bytes());
    let problem = |error: Error| error.problem().to_string();
    let letter = Letter::to_partition(bindings, &asked).map_err(problem)?;
    let said = letter.answer(&lines).await.map_err(problem)?;
    if said.status() == 200 { Ok(said.text()) } else { Err(said.text()) }
}
