//! The native store behind the border of a Durable Object, where every number is a double.

use selvedge::error::Result;
use selvedge::store::sqlite::SqliteStore;
use selvedge::store::{Cell, Rows, Store};

pub struct Platform {
    store: SqliteStore,
    ran: Vec<(String, Vec<Cell>)>,
}

impl Platform {
    pub fn new() -> Platform {
        Platform { store: SqliteStore::in_memory().expect("a store"), ran: Vec::new() }
    }

    pub fn forget(&mut self) {
        self.ran.clear();
    }

    /// What ran since the store was last told to forget.
    pub fn statements(&self) -> String {
        self.ran.iter().map(|(sql, cells)| format!("{sql}\n  {cells:?}\n")).collect()
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
impl Store for Platform {
    fn run(&mut self, sql: &str, cells: &[Cell]) -> Result<Rows> {
        let cross = |cell: &Cell| match cell {
            Cell::Integer(value) => Cell::Real(*value as f64),
            other => other.clone(),
        };
        let cells: Vec<Cell> = cells.iter().map(cross).collect();
        self.ran.push((sql.to_owned(), cells.clone()));
        let mut rows = self.store.run(sql, &cells)?;
        for cell in rows.rows.iter_mut().flatten() {
            *cell = match cell {
                Cell::Integer(value) => Cell::Integer(*value as f64 as i64),
                Cell::Real(value) if value.fract() == 0.0 && value.abs() < 9e15 => Cell::Integer(*value as i64),
                _ => continue,
            };
        }
        Ok(rows)
    }

    fn atomically<T, F>(&mut self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Self) -> Result<T>,
    {
        work(self)
    }

    fn size(&self) -> u64 {
        self.store.size()
    }
}
