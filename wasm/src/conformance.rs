//! The conformance suite of stores, on a durable actor's own. Only in a build for tests, at `/conformance`.

use selvedge::error::{Code, Error, Result};
use selvedge::store::conformance::suite;
use selvedge::wire::Answer;
use serde_json::json;
use wasm_bindgen::JsValue;

use crate::host::{self, Bindings};
use crate::store::DurableStore;

/// Where the suite is asked for.
pub(crate) const PATH: &str = "/conformance";

/// The envelope and the name of the actor that runs it, which is nobody's home.
pub(crate) const ACTOR: &str = "conformance";

/// The promise of that actor's response.
///
/// # Errors
/// `internal` if it cannot be asked.
pub(crate) fn ask(bindings: &Bindings) -> Result<JsValue> {
    let response =
        bindings.partitions().and_then(|actors| host::pass(&actors, ACTOR, ACTOR, &JsValue::UNDEFINED, &JsValue::NULL));
    response.map(JsValue::from).map_err(|thrown| Error::new(Code::Internal, host::message(&thrown)))
}

/// Runs the suite: every promise, and what was not as promised.
pub(crate) fn run(store: &mut DurableStore) -> Answer {
    let outcomes: Vec<_> = suite::<DurableStore>()
        .into_iter()
        .map(|(promise, check)| json!({ "promise": promise, "broken": check(store).err() }))
        .collect();
    Answer::json(200, json!(outcomes).to_string())
}
