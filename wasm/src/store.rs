//! The store of a durable actor: SQLite as a Durable Object has it.

use std::collections::HashMap;

use js_sys::{Array, ArrayBuffer, JsString, Uint8Array};
use selvedge::error::{Code, Error, Result};
use selvedge::limits::STATEMENT_ANSWER_BYTES;
use selvedge::store::{Cell, Cost, Rows, Store, too_many_bytes};
use wasm_bindgen::{JsCast, JsValue};

use crate::host::{self, Sql, Storage};

/// Statement texts that are kept as JavaScript strings, so that they are encoded once.
const TEXTS: usize = 512;

/// Bytes of a text from which on it crosses by itself: within the JSON it would be in memory twice more.
const LONG: usize = 16 << 10;

/// The largest integer that a double and its neighbours tell apart.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// One durable actor's SQLite database.
pub(crate) struct DurableStore {
    storage: Storage,
    sql: Sql,
    texts: HashMap<Box<str>, Text>,
    cost: Cost,
}

/// A statement's text.
#[derive(Clone)]
struct Text {
    text: JsString,
    /// Whether it has rows.
    answers: bool,
}

impl DurableStore {
    /// The store in `storage`.
    ///
    /// # Errors
    /// `internal` if the class was not declared to have SQLite.
    pub(crate) fn over(storage: Storage) -> Result<DurableStore> {
        let sql = storage.sql().map_err(|thrown| defect(&thrown))?;
        Ok(DurableStore { storage, sql, texts: HashMap::new(), cost: Cost::default() })
    }

    fn text(&mut self, sql: &str) -> Text {
        if let Some(text) = self.texts.get(sql) {
            return text.clone();
        }
        if self.texts.len() >= TEXTS {
            self.texts.clear();
        }
        let writes = ["INSERT ", "UPDATE ", "DELETE "].iter().any(|verb| sql.starts_with(verb));
        let text = Text { text: JsString::from(sql), answers: !writes || sql.contains("RETURNING") };
        self.texts.insert(sql.into(), text.clone());
        text
    }
}

impl Store for DurableStore {
    fn run(&mut self, sql: &str, cells: &[Cell]) -> Result<Rows> {
        let (bound, apart) = bind(cells)?;
        let Text { text, answers } = self.text(sql);
        let mut told = [0.0; 3];
        let drained = host::run(&self.sql, &text, &bound, apart, answers, STATEMENT_ANSWER_BYTES, &mut told);
        let drained = drained.map_err(|thrown| defect(&thrown))?;
        let [read, written, columns] = told;
        let (read, written) = (whole(read), whole(written));
        self.cost.read += read;
        self.cost.written += written;
        match drained {
            Some(drained) => Ok(Rows { rows: rows(&drained, columns as usize)?, read, written }),
            None if columns < 0.0 => Err(too_many_bytes()),
            None => Ok(Rows { rows: Vec::new(), read, written }),
        }
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

    fn cost(&self) -> Cost {
        self.cost
    }

    fn take_cost(&mut self) -> Cost {
        std::mem::take(&mut self.cost)
    }

    fn size(&self) -> u64 {
        self.sql.database_size().map_or(0, whole)
    }
}

/// Cells as `host.run` takes them: as JSON, and apart from it those that JSON has no words for or that are long.
fn bind(cells: &[Cell]) -> Result<(String, Option<Array>)> {
    let mut apart = None;
    let mut bound = vec![b'['];
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            bound.push(b',');
        }
        let written = match cell {
            Cell::Integer(value) => serde_json::to_writer(&mut bound, value),
            Cell::Real(value) if value.is_finite() => serde_json::to_writer(&mut bound, value),
            Cell::Text(value) if value.len() <= LONG => serde_json::to_writer(&mut bound, value),
            _ => {
                set_apart(cell, place, &mut apart);
                serde_json::to_writer(&mut bound, &())
            }
        };
        written.map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
    }
    bound.push(b']');
    let bound = String::from_utf8(bound).map_err(|wrong| Error::new(Code::Internal, wrong.to_string()))?;
    Ok((bound, apart))
}

/// Adds a cell to those that cross by themselves, each after its place.
fn set_apart(cell: &Cell, place: usize, apart: &mut Option<Array>) {
    let value = match cell {
        // NULL is what stands in the JSON for all of them.
        Cell::Null => return,
        // The platform takes doubles alone; the trait says so.
        Cell::Integer(value) => JsValue::from_f64(*value as f64),
        Cell::Real(value) => JsValue::from_f64(*value),
        Cell::Text(value) => JsValue::from_str(value),
        Cell::Blob(value) => Uint8Array::from(value.as_slice()).into(),
    };
    let apart = apart.get_or_insert_with(Array::new);
    apart.push(&JsValue::from_f64(place as f64));
    apart.push(&value);
}

/// Rows from all of their cells.
fn rows(drained: &Array, width: usize) -> Result<Vec<Vec<Cell>>> {
    let count = drained.length();
    let mut rows = Vec::new();
    let (mut bytes, mut at) = (0, 0);
    while width > 0 && at < count {
        let mut row = Vec::with_capacity(width);
        while row.len() < width {
            let cell = cell(&drained.get(at));
            bytes += cell.bytes();
            row.push(cell);
            at += 1;
        }
        if bytes > STATEMENT_ANSWER_BYTES {
            return Err(too_many_bytes());
        }
        rows.push(row);
    }
    Ok(rows)
}

fn cell(value: &JsValue) -> Cell {
    if let Some(text) = value.as_string() {
        Cell::Text(text)
    } else if let Some(number) = value.as_f64() {
        number_cell(number)
    } else if let Some(text) = value.dyn_ref::<Uint8Array>() {
        Cell::Text(String::from_utf8(text.to_vec()).unwrap_or_default())
    } else if let Some(bytes) = value.dyn_ref::<ArrayBuffer>() {
        Cell::Blob(Uint8Array::new(bytes).to_vec())
    } else {
        Cell::Null
    }
}

/// An integer and a whole double look the same from here.
fn number_cell(number: f64) -> Cell {
    if number.fract() == 0.0 && number.abs() <= SAFE { Cell::Integer(number as i64) } else { Cell::Real(number) }
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
