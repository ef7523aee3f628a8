//! Requests that travel together: cut up by the core, each part sent to its key's partition.

use futures_util::{StreamExt, stream};
use js_sys::Uint8Array;
use selvedge::cors;
use selvedge::error::{Error, Result};
use selvedge::router::{Many, Part};
use web_sys::{Request, Response};

use crate::actors::{AT_ONCE, Said};
use crate::host::{self, Bindings};
use crate::moment::at_present;
use crate::router::sought;
use crate::{answer, body};

/// Answers several requests at once.
///
/// # Errors
/// What the core refuses of the whole.
pub(crate) async fn serve(request: Request, bindings: Bindings, wanted: Many) -> Result<Response> {
    let bytes = body::read(&request).await?;
    let (parts, mut replies) = at_present(|moment| wanted.split(&bytes, moment))?;
    let bindings = &bindings;
    let mut sent = stream::iter(parts)
        .map(|part| async move {
            let answered = send(bindings, &part).await;
            (part, answered)
        })
        .buffer_unordered(AT_ONCE);
    let mut allowed = None;
    while let Some((part, answered)) = sent.next().await {
        match answered {
            Ok(said) => {
                allowed = allowed.or_else(|| said.header(cors::ALLOW_ORIGIN));
                replies.take(&part, said.status(), &said.text(), said.header("selvedge-token"))?;
            }
            Err(error) => replies.take(&part, error.code.status(), &error.problem().to_string(), None)?,
        }
    }
    answer::respond(&cors::dressed(replies.answer_as_one(), allowed.as_deref()))
        .map_err(|thrown| Error::new(selvedge::error::Code::Internal, host::message(&thrown)))
}

async fn send(bindings: &Bindings, part: &Part) -> Result<Said> {
    sought(bindings, part.request.clone(), &Uint8Array::from(part.body.as_bytes())).await
}
