//! The storage of a simulated actor: it outlives the actor, and takes back an event that did not commit.

use std::cell::RefCell;
use std::rc::Rc;

use selvedge::error::Result;
use selvedge::store::sqlite::SqliteStore;
use selvedge::store::{Cell, Cost, Rows, Store};

/// One actor's SQLite database, shared between the actor and the world that may kill it.
#[derive(Clone)]
pub struct Disk(Rc<RefCell<SqliteStore>>);

impl Disk {
    pub fn new() -> Disk {
        Disk(Rc::new(RefCell::new(SqliteStore::in_memory().expect("a store"))))
    }

    pub fn sql(&self, sql: &str) -> Vec<Vec<Cell>> {
        self.0.borrow_mut().run(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}")).rows
    }

    /// Begins what commits as a whole: on the platform, everything between two awaits of the actor.
    pub fn begin(&self) {
        self.sql("SAVEPOINT event");
    }

    pub fn commit(&self) {
        self.sql("RELEASE event");
    }

    pub fn undo(&self) {
        self.sql("ROLLBACK TO event");
        self.sql("RELEASE event");
    }
}

impl Store for Disk {
    fn run(&mut self, sql: &str, cells: &[Cell]) -> Result<Rows> {
        self.0.borrow_mut().run(sql, cells)
    }

    fn atomically<T, F>(&mut self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Self) -> Result<T>,
    {
        self.sql("SAVEPOINT unit");
        let outcome = work(self);
        if outcome.is_err() {
            self.sql("ROLLBACK TO unit");
        }
        self.sql("RELEASE unit");
        outcome
    }

    fn cost(&self) -> Cost {
        self.0.borrow().cost()
    }

    fn take_cost(&mut self) -> Cost {
        self.0.borrow_mut().take_cost()
    }

    fn size(&self) -> u64 {
        self.0.borrow().size()
    }
}
