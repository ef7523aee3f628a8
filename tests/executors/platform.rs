//! The native store, remembering what ran on it.

use selvedge::error::Result;
use selvedge::store::sqlite::SqliteStore;
use selvedge::store::{Cell, Cost, Rows, Store};

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

impl Store for Platform {
    fn run(&mut self, sql: &str, cells: &[Cell]) -> Result<Rows> {
        self.ran.push((sql.to_owned(), cells.to_vec()));
        self.store.run(sql, cells)
    }

    fn atomically<T, F>(&mut self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Self) -> Result<T>,
    {
        work(self)
    }

    fn cost(&self) -> Cost {
        self.store.cost()
    }

    fn take_cost(&mut self) -> Cost {
        self.store.take_cost()
    }

    fn size(&self) -> u64 {
        self.store.size()
    }
}
