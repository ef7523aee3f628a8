//! One statement on its way: its parameters, its aliases, and the tables it reads.

use std::fmt::Write;

use super::layout::{Layout, Table};
use super::piece::Piece;
use crate::error::{Code, Error, Result};
use crate::id::CollectionName;
use crate::limits::{EXPRESSION_DEPTH, PARAMETER_BYTES, STATEMENT_BYTES, STATEMENT_PARAMETERS};
use crate::store::Cell;
use crate::value::{SortKey, Value, sort_key};

/// The greatest integer up to which doubles are exact: parameters cross the platform's border as doubles.
const EXACT: i64 = 1 << 53;

/// `true` as a sort key. `false` is [`FALSE`].
pub(super) const TRUE: &str = "-1.7976931348623157e308";
/// `false` as a sort key: negative infinity.
pub(super) const FALSE: &str = "-9e999";

/// Whether every SQLite reads this double exactly from its text. Measured: workerd's does from 1e-60 to 1e100.
pub(super) fn reads_exactly(real: f64) -> bool {
    (1e-50..1e50).contains(&real.abs())
}

/// A statement to be run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Compiled {
    pub(super) sql: String,
    pub(super) cells: Vec<Cell>,
}

pub(super) struct Statement<'l> {
    layout: &'l Layout,
    at: Option<i64>,
    cells: Vec<Cell>,
    aliases: usize,
}

impl<'l> Statement<'l> {
    pub(super) fn new(layout: &'l Layout, at: Option<i64>) -> Statement<'l> {
        Statement { layout, at, cells: Vec::new(), aliases: 0 }
    }

    /// Whether an earlier state is read: then there are no indexed columns.
    pub(super) fn is_earlier(&self) -> bool {
        self.at.is_some()
    }

    pub(super) fn table(&self, collection: &CollectionName) -> Option<&'l Table> {
        self.layout.get(collection)
    }

    /// The columns of a collection that conditions may use.
    pub(super) fn columns(&self, collection: &CollectionName) -> Option<&'l Table> {
        self.table(collection).filter(|_| !self.is_earlier())
    }

    /// An alias that the statement does not use yet.
    pub(super) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("e{}", self.aliases)
    }

    /// What stands in `FROM` for a collection: its table, or a subquery of its earlier state.
    pub(super) fn from(&mut self, collection: &CollectionName) -> Result<String> {
        let Some(Table { number, .. }) = self.table(collection) else {
            return Ok("(SELECT 0 AS no, '' AS id, 0 AS seq, '' AS body WHERE 0)".to_owned());
        };
        let Some(at) = self.at else { return Ok(format!("d{number}")) };
        let at = self.bind(Cell::Integer(at))?;
        Ok(format!(
            "(SELECT id, seq, body FROM d{number} WHERE seq <= {at} UNION ALL SELECT id, prev, before FROM log \
             WHERE seq > {at} AND collection = {number} AND prev <= {at} AND before IS NOT NULL)"
        ))
    }

    /// The parameter that carries a cell.
    pub(super) fn bind(&mut self, cell: Cell) -> Result<String> {
        if let Some(at) = self.cells.iter().position(|known| *known == cell) {
            return Ok(format!("?{}", at + 1));
        }
        if self.cells.len() >= STATEMENT_PARAMETERS {
            return Err(too_wide(format!(
                "The query has more than {STATEMENT_PARAMETERS} distinct values and unindexed paths"
            )));
        }
        if cell.bytes() > PARAMETER_BYTES {
            return Err(too_wide(format!("A value or list of the query has more than {PARAMETER_BYTES} bytes")));
        }
        self.cells.push(cell);
        Ok(format!("?{}", self.cells.len()))
    }

    pub(super) fn text(&mut self, text: impl Into<String>) -> Result<String> {
        self.bind(Cell::Text(text.into()))
    }

    /// An expression for the sort key of a value, free of any type affinity that would convert the other side.
    pub(super) fn key(&mut self, value: &Value) -> Result<String> {
        match sort_key(value) {
            SortKey::Null => Ok("NULL".to_owned()),
            SortKey::Integer(integer) if (-EXACT..=EXACT).contains(&integer) => self.bind(Cell::Integer(integer)),
            SortKey::Integer(integer) => Ok(format!("+CAST({} AS INTEGER)", self.text(integer.to_string())?)),
            SortKey::Real(SortKey::FALSE) => Ok(FALSE.to_owned()),
            SortKey::Real(SortKey::TRUE) => Ok(TRUE.to_owned()),
            SortKey::Real(real) => self.bind(Cell::Real(real)),
            SortKey::Text(text) => self.text(text),
            SortKey::Blob(bytes) => self.bind(Cell::Blob(bytes)),
        }
    }

    /// The sort key of a value that is compared with one out of a body. Durable Objects read doubles of extreme
    /// magnitude from text with an error in the last digit: the same text must then go the same way.
    pub(super) fn key_as_json(&mut self, value: &Value) -> Result<String> {
        match sort_key(value) {
            SortKey::Real(real) if !value.is_boolean() && !reads_exactly(real) => {
                Ok(format!("({} ->> '$')", self.text(value.to_string())?))
            }
            _ => self.key(value),
        }
    }

    /// Refuses a condition that SQLite would find too deep.
    pub(super) fn fits(&self, condition: &Piece) -> Result<()> {
        if condition.depth() > EXPRESSION_DEPTH {
            return Err(too_wide("The conditions of the query are nested too deeply".to_owned()));
        }
        Ok(())
    }

    /// The statement of this text. Parameters of conditions that were folded away are not part of it.
    pub(super) fn finish(self, sql: String) -> Result<Compiled> {
        if sql.len() > STATEMENT_BYTES {
            return Err(too_wide(format!("The query comes to more than {STATEMENT_BYTES} bytes of SQL")));
        }
        let (sql, used) = renumbered(&sql);
        let cells = used.into_iter().filter_map(|number| self.cells.get(number.checked_sub(1)?).cloned()).collect();
        Ok(Compiled { sql, cells })
    }
}

/// The text with its parameters numbered in the order in which they first stand there, and their former numbers.
/// No literal of ours holds a question mark.
fn renumbered(sql: &str) -> (String, Vec<usize>) {
    let mut parts = sql.split('?');
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut used: Vec<usize> = Vec::new();
    for part in parts {
        let end = part.find(|character: char| !character.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let number = number.parse().unwrap_or_default();
        let place = used.iter().position(|known| *known == number).unwrap_or_else(|| {
            used.push(number);
            used.len() - 1
        });
        let _ = write!(out, "?{}{rest}", place + 1);
    }
    (out, used)
}

/// An expression of the same value that SQLite does not plan by. Of a bare parameter in an equality, a pattern or a limit
/// it looks at the value, and prepares the statement anew whenever another is bound: that costs more than running it.
pub(super) fn unplanned(expression: &str) -> String {
    if expression.starts_with('?') { format!("+{expression}") } else { expression.to_owned() }
}

pub(super) fn too_wide(what: String) -> Error {
    Error::new(Code::QueryTooWide, format!("{what}; ask for less at once, or declare an index on what it compares."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_are_not_in_the_text_are_not_bound() {
        let layout = Layout::new();
        let mut statement = Statement::new(&layout, None);
        for text in ["a", "b", "c", "b"] {
            statement.text(text).expect("a parameter");
        }
        let compiled = statement.finish("SELECT ?3, ?2, ?3 WHERE 1".to_owned()).expect("a statement");
        assert_eq!(compiled.sql, "SELECT ?1, ?2, ?1 WHERE 1");
        assert_eq!(compiled.cells, [Cell::Text("c".to_owned()), Cell::Text("b".to_owned())]);
    }

    #[test]
    fn what_is_too_wide_is_refused() {
        let layout = Layout::new();
        let mut statement = Statement::new(&layout, None);
        let outcome = (0..200).try_for_each(|number| statement.text(number.to_string()).map(drop));
        assert_eq!(outcome.expect_err("there are too many").code, Code::QueryTooWide);
        let long = Statement::new(&layout, None).text("x".repeat(PARAMETER_BYTES + 1));
        assert_eq!(long.expect_err("it is too long").code, Code::QueryTooWide);
    }
}
