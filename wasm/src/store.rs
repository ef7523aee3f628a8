//! The store of a durable actor: SQLite as a Durable Object has it.

use std::collections::HashMap;

use js_sys::{Array, ArrayBuffer, JsString, Uint8Array};
use selvedge::error::{Code, Error, Result};
use selvedge::store::{Cell, Rows, Store};
use wasm_bindgen::{JsCast, JsValue};

use crate::host::{self, Sql, Storage};

/// Statement texts that are kept as JavaScript strings, so that they are encoded once.
const TEXTS: usize = 512;

/// The largest integer that a double and its neighbours tell apart.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// One durable actor's SQLite database.
pub(crate) struct DurableStore {
    storage: Storage,
    sql: Sql,
    texts: HashMap<Box<str>, JsString>,
}

impl DurableStore {
    /// The store in `storage`.
    ///
    /// # Errors
    /// `internal` if the class was not declared to have SQLite.
    pub(crate) fn over(storage: Storage) -> Result<DurableStore> {
        let sql = storage.sql().map_err(|thrown| defect(&thrown))?;
        Ok(DurableStore { storage, sql, texts: HashMap::new() })
    }

    fn text(&mut self, sql: &str) -> JsString {
        if let Some(text) = self.texts.get(sql) {
            return text.clone();
        }
        if self.texts.len() >= TEXTS {
            self.texts.clear();
        }
        let text = JsString::from(sql);
        self.texts.insert(sql.into(), text.clone());
        text
    }
}

impl Store for DurableStore {
    fn run(&mut self, sql: &str, cells: &[Cell]) -> Result<Rows> {
        let bound = Array::new();
        for cell in cells {
            bound.push(&bind(cell));
        }
        let text = self.text(sql);
        let drained = host::run(&self.sql, &text, &bound).map_err(|thrown| defect(&thrown))?;
        Ok(rows(&drained))
    }

    fn atomically<T, F>(&mut self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Self) -> Result<T>,
    {
        let storage = self.storage.clone();
        let mut work = Some(work);
        let mut outcome = None;
        let committed = host::atomically(&storage, &mut || {
            outcome = work.take().map(|work| work(self));
            matches!(outcome, Some(Ok(_)))
        });
        match (outcome, committed) {
            (Some(Ok(_)), Err(thrown)) => Err(defect(&thrown)),
            (Some(outcome), _) => outcome,
            (None, Err(thrown)) => Err(defect(&thrown)),
            (None, Ok(())) => Err(Error::new(Code::Internal, "The platform ran no transaction.")),
        }
    }

    fn size(&self) -> u64 {
        self.sql.database_size().map_or(0, whole)
    }
}

fn bind(cell: &Cell) -> JsValue {
    match cell {
        Cell::Null => JsValue::NULL,
        // The platform takes doubles alone; the trait says so.
        Cell::Integer(value) => JsValue::from_f64(*value as f64),
        Cell::Real(value) => JsValue::from_f64(*value),
        Cell::Text(value) => JsValue::from_str(value),
        Cell::Blob(value) => Uint8Array::from(value.as_slice()).into(),
    }
}

/// Reads what `host.run` returns: rows read, rows written, columns, then the cells of all rows.
fn rows(drained: &Array) -> Rows {
    let number = |at| drained.get(at).as_f64().map_or(0, whole);
    let (read, written) = (number(0), number(1));
    let width = u32::try_from(number(2)).unwrap_or(0);
    let mut rows = Vec::new();
    let mut at = 3;
    while width > 0 && at < drained.length() {
        rows.push((at..at + width).map(|at| cell(&drained.get(at))).collect());
        at += width;
    }
    Rows { rows, read, written }
}

fn cell(value: &JsValue) -> Cell {
    if let Some(text) = value.as_string() {
        Cell::Text(text)
    } else if let Some(number) = value.as_f64() {
        number_cell(number)
    } else if let Some(bytes) = value.dyn_ref::<ArrayBuffer>() {
        Cell::Blob(Uint8Array::new(bytes).to_vec())
    } else {
        Cell::Null
    }
}

/// An integer and a whole double look the same from here; only a double has a negative zero.
fn number_cell(number: f64) -> Cell {
    let exact = number.trunc() == number && number.abs() <= SAFE && (number != 0.0 || number.is_sign_positive());
    if exact { Cell::Integer(number as i64) } else { Cell::Real(number) }
}

/// A count that came as a double.
fn whole(count: f64) -> u64 {
    count as u64
}

fn defect(thrown: &JsValue) -> Error {
    let message = host::message(thrown);
    let code = if message.contains("SQLITE_TOOBIG") { Code::AnswerTooLarge } else { Code::Internal };
    Error::new(code, format!("SQLite: {message}"))
}
