//! Exports: every partition in turn, a page at a time, as fast as the caller reads.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::Uint8Array;
use js_sys::futures::future_to_promise;
use selvedge::cors;
use selvedge::error::{Code, Error, Result};
use selvedge::id::{DocumentRef, Key};
use selvedge::router::Export;
use selvedge::wire::{Answer, MORE_HEADER, from_json, header_json};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use web_sys::Response;

use crate::actors::{Letter, Said};
use crate::host::{self, Bindings};
use crate::moment::at_present;

/// What the lines are, to HTTP.
const CONTENT_TYPE: (&str, &str) = ("content-type", "application/x-ndjson");

/// Streams the documents that `wanted` asks for. What goes wrong before the first of them has its own status; what goes
/// wrong later breaks the stream off.
///
/// # Errors
/// `unavailable` if an actor cannot be reached.
pub(crate) async fn serve(bindings: Bindings, wanted: Export) -> Result<Response> {
    let mut pages = Pages { bindings, wanted, keys: VecDeque::new(), last: None, after: None, allowed: None };
    let first = match pages.next().await? {
        Page::Refused(said) => return said.response(),
        Page::Lines(bytes) => Some(bytes),
        Page::End => None,
    };
    let head = Answer::empty(200).with(CONTENT_TYPE.0, CONTENT_TYPE.1);
    let headers = header_json(&cors::dressed(head, pages.allowed.as_deref()).headers);
    let pages = Rc::new(RefCell::new(Some(Turn { first, pages })));
    let next = Closure::<dyn FnMut() -> js_sys::Promise>::new(move || {
        let pages = Rc::clone(&pages);
        future_to_promise(
            async move { pull(&pages).await.map_err(|error| js_sys::Error::new(&error.to_string()).into()) },
        )
    });
    host::stream(&headers, &next.into_js_value()).map_err(|thrown| Error::new(Code::Internal, host::message(&thrown)))
}

/// What the next pull begins with.
struct Turn {
    first: Option<Uint8Array>,
    pages: Pages,
}

/// The next piece of the stream, or undefined at its end. The platform pulls again only when this is done.
async fn pull(turns: &RefCell<Option<Turn>>) -> Result<JsValue> {
    let Some(mut turn) = turns.try_borrow_mut().ok().and_then(|mut turn| turn.take()) else {
        return Ok(JsValue::UNDEFINED);
    };
    let lines = match turn.first.take() {
        Some(lines) => lines,
        None => match turn.pages.next().await? {
            Page::Lines(lines) => lines,
            Page::End => return Ok(JsValue::UNDEFINED),
            Page::Refused(said) => {
                return Err(Error::new(Code::Unavailable, format!("A partition answered {}.", said.status())));
            }
        },
    };
    if let Ok(mut place) = turns.try_borrow_mut() {
        *place = Some(turn);
    }
    Ok(lines.into())
}

/// Where an export stands.
struct Pages {
    bindings: Bindings,
    wanted: Export,
    /// Keys that the catalog named and that are still to be visited.
    keys: VecDeque<Key>,
    /// The last key that the catalog named.
    last: Option<Key>,
    /// The last document that was given of the first of `keys`.
    after: Option<DocumentRef>,
    /// The origin of the page that may see this, as the catalog says.
    allowed: Option<String>,
}

enum Page {
    Lines(Uint8Array),
    /// An actor's refusal, as it stands.
    Refused(Said),
    End,
}

impl Pages {
    /// The next lines there are.
    async fn next(&mut self) -> Result<Page> {
        loop {
            let Some(key) = self.keys.front().cloned() else {
                if let Some(refusal) = self.more_keys().await? {
                    return Ok(Page::Refused(refusal));
                }
                if self.keys.is_empty() {
                    return Ok(Page::End);
                }
                continue;
            };
            let asked = at_present(|moment| self.wanted.request(key, self.after.take(), moment));
            let said = Letter::to_partition(&self.bindings, &asked)?.answer(&JsValue::UNDEFINED).await?;
            if said.status() != 200 {
                return Ok(Page::Refused(said));
            }
            match said.header(MORE_HEADER) {
                Some(more) => self.after = Some(Export::after(&more)?),
                None => {
                    self.keys.pop_front();
                }
            }
            let lines = said.bytes();
            if lines.length() > 0 {
                return Ok(Page::Lines(lines));
            }
        }
    }

    /// Asks the catalog for the next keys; none are left if there are still none after it. Gives its refusal, if that is
    /// what it answers.
    async fn more_keys(&mut self) -> Result<Option<Said>> {
        let asked = self.wanted.keys(self.last.clone());
        let said = Letter::to_catalog(&self.bindings, &asked)?.answer(&JsValue::UNDEFINED).await?;
        if said.status() != 200 {
            return Ok(Some(said));
        }
        self.allowed = said.header(cors::ALLOW_ORIGIN);
        let mut page: Value = from_json(&said.text())?;
        let keys: Vec<Key> = serde_json::from_value(page.get_mut("keys").map(Value::take).unwrap_or_default())
            .map_err(|wrong| Error::new(Code::Internal, format!("A damaged message: {wrong}")))?;
        if let Some(last) = keys.last() {
            self.last = Some(last.clone());
        }
        self.keys.extend(keys);
        Ok(None)
    }
}
