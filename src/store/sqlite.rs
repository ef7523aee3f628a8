//! The native store: SQLite through `rusqlite`.

use rusqlite::limits::Limit;
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, StatementStatus, params_from_iter};

use super::{Cell, Cost, Rows, Store, too_many_bytes};
use crate::error::{Code, Error, Result};
use crate::limits::STATEMENT_ANSWER_BYTES;

/// A store over one SQLite connection.
pub struct SqliteStore {
    connection: Connection,
    cost: Cost,
    prepared_anew: u64,
}

impl SqliteStore {
    /// A store in memory.
    ///
    /// # Errors
    /// `internal` if SQLite cannot start.
    pub fn in_memory() -> Result<SqliteStore> {
        Connection::open_in_memory().and_then(SqliteStore::over).map_err(defect)
    }

    /// A store in a file, made if it is not there.
    ///
    /// # Errors
    /// `internal` if it cannot be opened.
    pub fn open(path: &std::path::Path) -> Result<SqliteStore> {
        Connection::open(path).and_then(SqliteStore::over).map_err(defect)
    }

    fn over(connection: Connection) -> rusqlite::Result<SqliteStore> {
        connection.set_prepared_statement_cache_capacity(256);
        for (limit, most) in PLATFORM {
            connection.set_limit(*limit, *most)?;
        }
        Ok(SqliteStore { connection, cost: Cost::default(), prepared_anew: 0 })
    }

    /// How often SQLite has prepared a statement anew that was kept: for a change of tables, or for what was bound.
    pub fn prepared_anew(&self) -> u64 {
        self.prepared_anew
    }
}

/// The limits of a Durable Object's SQLite, as measured: what passes here passes there.
const PLATFORM: &[(Limit, i32)] = &[
    (Limit::SQLITE_LIMIT_LENGTH, 2_200_000),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
];

impl Store for SqliteStore {
    fn run(&mut self, sql: &str, cells: &[Cell]) -> Result<Rows> {
        let before = self.connection.total_changes();
        let mut statement = self.connection.prepare_cached(sql).map_err(defect)?;
        let mut found = statement.query(params_from_iter(cells.iter().map(bind))).map_err(defect)?;
        let mut rows = Vec::new();
        let mut bytes = 0;
        while let Some(row) = found.next().map_err(defect)? {
            // Known only now: a statement prepared before its table grew is prepared anew when it is stepped.
            let width = row.as_ref().column_count();
            let cells: rusqlite::Result<Vec<Cell>> = (0..width).map(|at| row.get_ref(at).map(cell)).collect();
            let cells = cells.map_err(defect)?;
            bytes += cells.iter().map(Cell::bytes).sum::<usize>();
            if bytes > STATEMENT_ANSWER_BYTES {
                return Err(too_many_bytes());
            }
            rows.push(cells);
        }
        drop(found);
        self.prepared_anew += u64::try_from(statement.reset_status(StatementStatus::RePrepare)).unwrap_or(0);
        let read = rows.len() as u64;
        let written = self.connection.total_changes() - before;
        self.cost.read += read;
        self.cost.written += written;
        Ok(Rows { rows, read, written })
    }

    fn atomically<T, F>(&mut self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Self) -> Result<T>,
    {
        self.connection.execute_batch("SAVEPOINT unit").map_err(defect)?;
        let outcome = work(self);
        let end = if outcome.is_ok() { "RELEASE unit" } else { "ROLLBACK TO unit; RELEASE unit" };
        self.connection.execute_batch(end).map_err(defect)?;
        outcome
    }

    fn cost(&self) -> Cost {
        self.cost
    }

    fn take_cost(&mut self) -> Cost {
        std::mem::take(&mut self.cost)
    }

    fn size(&self) -> u64 {
        let pragma = |name| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap_or(0);
        u64::try_from(pragma("page_count").saturating_mul(pragma("page_size"))).unwrap_or(0)
    }
}

/// Whole numbers up to here are the same as integers and as doubles.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// Numbers cross as on the platform, where JavaScript has doubles alone: what works here works there.
fn bind(cell: &Cell) -> SqlValue {
    match cell {
        Cell::Null => SqlValue::Null,
        #[allow(clippy::cast_precision_loss)]
        Cell::Integer(value) => SqlValue::Real(*value as f64),
        Cell::Real(value) => SqlValue::Real(*value),
        Cell::Text(value) => SqlValue::Text(value.clone()),
        Cell::Blob(value) => SqlValue::Blob(value.clone()),
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        ValueRef::Integer(value) => Cell::Integer(value as f64 as i64),
        #[allow(clippy::cast_possible_truncation)]
        ValueRef::Real(value) if value.fract() == 0.0 && value.abs() <= SAFE => Cell::Integer(value as i64),
        ValueRef::Real(value) => Cell::Real(value),
        ValueRef::Text(value) => Cell::Text(String::from_utf8_lossy(value).into_owned()),
        ValueRef::Blob(value) => Cell::Blob(value.to_vec()),
    }
}

fn defect(error: rusqlite::Error) -> Error {
    let code = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::TooBig) => Code::AnswerTooLarge,
        _ => Code::Internal,
    };
    Error::new(code, format!("SQLite: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[test]
    fn the_native_store_conforms() {
        for (promise, check) in conformance::suite() {
            let mut store = SqliteStore::in_memory().expect("a store");
            assert_eq!(check(&mut store), Ok(()), "{promise}");
        }
    }

    #[test]
    fn a_table_that_grew_is_read_whole() {
        let mut store = SqliteStore::in_memory().expect("a store");
        let mut run = |sql: &str| store.run(sql, &[]).expect(sql).rows;
        run("CREATE TABLE t(a)");
        run("INSERT INTO t VALUES ('x')");
        assert_eq!(run("SELECT * FROM t"), [[Cell::Text("x".to_owned())]]);
        run("ALTER TABLE t ADD COLUMN b");
        assert_eq!(run("SELECT * FROM t"), [[Cell::Text("x".to_owned()), Cell::Null]]);
    }

    #[test]
    fn the_suite_can_be_run_again_on_one_store() {
        let mut store = SqliteStore::in_memory().expect("a store");
        for (promise, check) in conformance::suite().into_iter().chain(conformance::suite()) {
            assert_eq!(check(&mut store), Ok(()), "{promise}");
        }
    }
}
