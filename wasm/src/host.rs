//! The platform as WebAssembly sees it: what `host.js` does, and the objects that are passed to it.
//!
//! No binding here lets a JavaScript exception through: one that is not caught would end the instance and with it the
//! memory of every actor in it.

use js_sys::{Array, JsString, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use crate::body::Waiting;

#[wasm_bindgen]
extern "C" {
    /// A durable actor's `ctx`.
    pub type Context;
    #[wasm_bindgen(method, catch, getter)]
    pub fn storage(this: &Context) -> Result<Storage, JsValue>;

    /// A durable actor's storage.
    #[derive(Clone)]
    pub type Storage;
    #[wasm_bindgen(method, catch, getter)]
    pub fn sql(this: &Storage) -> Result<Sql, JsValue>;
    /// Milliseconds since 1970 of the alarm that is set, or null; a promise.
    #[wasm_bindgen(method, catch, js_name = getAlarm)]
    pub fn get_alarm(this: &Storage) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    pub fn set_alarm(this: &Storage, unix_ms: f64) -> Result<(), JsValue>;

    /// The SQLite database in it.
    pub type Sql;
    #[wasm_bindgen(method, catch, getter, js_name = databaseSize)]
    pub fn database_size(this: &Sql) -> Result<f64, JsValue>;

    /// What the Worker is bound to, as `wrangler.toml` names it.
    #[derive(Clone)]
    pub type Bindings;
    #[wasm_bindgen(method, catch, getter, js_name = PARTITION)]
    pub fn partitions(this: &Bindings) -> Result<Actors, JsValue>;
    #[wasm_bindgen(method, catch, getter, js_name = CATALOG)]
    pub fn catalogs(this: &Bindings) -> Result<Actors, JsValue>;
    /// Anything but text is no key.
    #[wasm_bindgen(method, catch, getter, js_name = SELVEDGE_ROOT_KEY)]
    pub fn root_key(this: &Bindings) -> Result<JsValue, JsValue>;

    /// The durable actors of one class.
    #[derive(Clone)]
    pub type Actors;
}

#[wasm_bindgen(module = "/src/host.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub fn run(
        sql: &Sql,
        text: &JsString,
        bound: &str,
        apart: Option<Array>,
        answers: bool,
        most: usize,
        told: &mut [f64],
    ) -> Result<Option<Array>, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn atomically(storage: &Storage, work: &mut dyn FnMut() -> bool) -> Result<(), JsValue>;
    #[wasm_bindgen(catch)]
    pub fn send(
        actors: &Actors,
        name: &str,
        envelope: &str,
        body: &JsValue,
        lost: &JsValue,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn pass(
        actors: &Actors,
        name: &str,
        envelope: &str,
        body: &JsValue,
        lost: &JsValue,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn open(actors: &Actors, name: &str, envelope: &str, lost: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn whole(request: &Request, waiting: Waiting) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn respond(status: u16, headers: &str, body: &[u8]) -> Result<Response, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn say(status: u16, headers: &str, body: &[u8]) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn stream(headers: &str, next: &JsValue) -> Result<Response, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn verify(algorithm: &str, key: &str, signed: &str, signature: &[u8]) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn download(url: &str, most: usize, milliseconds: u32) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn random(count: usize) -> Result<Uint8Array, JsValue>;
}

/// What a thrown value says.
pub(crate) fn message(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{thrown:?}"),
    }
}
