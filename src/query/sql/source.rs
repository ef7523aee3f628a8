//! The executor: runs the statements and reads their rows.

use super::keyset::Part;
use super::layout::Layout;
use super::select::Form;
use super::statement::Compiled;
use super::{group, select};
use crate::error::{Code, Error, Result};
use crate::limits::{AMONG_BYTES, QUERY_GROUPS};
use crate::query::selection::{Group, Grouping, Row, Selection, Source, too_many_groups};
use crate::store::{Cell, Store};

/// A partition as a source of rows and groups.
pub struct SqlSource<'a, S: Store> {
    store: &'a mut S,
    layout: &'a Layout,
}

impl<'a, S: Store> SqlSource<'a, S> {
    /// The partition in `store`, whose tables are those of `layout`.
    pub fn new(store: &'a mut S, layout: &'a Layout) -> SqlSource<'a, S> {
        SqlSource { store, layout }
    }

    fn run(&mut self, compiled: &Compiled) -> Result<Vec<Vec<Cell>>> {
        Ok(self.store.run(&compiled.sql, &compiled.cells)?.rows)
    }

    /// The rows of a statement, as one text if they fit in one.
    fn fetch(
        &mut self,
        compile: impl Fn(Form, &Layout) -> Result<(Compiled, usize)>,
    ) -> Result<Vec<Vec<Option<String>>>> {
        match compile(Form::Text, self.layout).and_then(|(compiled, width)| Ok((self.run(&compiled)?, width))) {
            Ok((rows, width)) => {
                // No row at all where the statement is known to find none.
                let Some(whole) = rows.into_iter().flatten().next() else { return Ok(Vec::new()) };
                Ok(text(whole)?.map_or_else(Vec::new, |whole| lines(&whole, width)))
            }
            Err(error) if matches!(error.code, Code::AnswerTooLarge | Code::QueryTooWide) => {
                let (compiled, _) = compile(Form::Rows, self.layout)?;
                let rows = self.run(&compiled)?;
                rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect()
            }
            Err(error) => Err(error),
        }
    }

    /// The statements that a selection comes to, were all of them needed.
    fn statements(&self, selection: &Selection<'_>) -> Result<Vec<Compiled>> {
        let compiled: Result<Vec<(Compiled, usize)>> = if let Some(among) = &selection.among {
            let chunks = chunks(&among.values).into_iter();
            chunks.map(|ids| select::among(selection, self.layout, ids, Form::Rows)).collect()
        } else {
            let parts = select::parts_of(selection, self.layout)?.into_iter();
            parts.map(|part| select::part(selection, self.layout, part, selection.limit, Form::Rows)).collect()
        };
        Ok(compiled?.into_iter().map(|(compiled, _)| compiled).collect())
    }
}

impl<S: Store> Source for SqlSource<'_, S> {
    fn rows(&mut self, selection: &Selection<'_>) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        if selection.limit == 0 {
            return Ok(rows);
        }
        if let Some(among) = &selection.among {
            for ids in chunks(&among.values) {
                let found = self.fetch(|form, layout| select::among(selection, layout, ids, form))?;
                rows.extend(found.into_iter().map(|cells| row(cells, selection)).collect::<Result<Vec<Row>>>()?);
            }
            return Ok(rows);
        }
        let parts: Vec<Part> = select::parts_of(selection, self.layout)?;
        for part in parts {
            let left = selection.limit.saturating_sub(rows.len());
            if left == 0 {
                break;
            }
            let found = self.fetch(|form, layout| select::part(selection, layout, part, left, form))?;
            rows.extend(found.into_iter().map(|cells| row(cells, selection)).collect::<Result<Vec<Row>>>()?);
        }
        Ok(rows)
    }

    fn groups(&mut self, grouping: &Grouping<'_>) -> Result<Vec<Group>> {
        let compiled = group::compiled(grouping, self.layout)?;
        let rows = self.run(&compiled)?;
        if rows.len() > QUERY_GROUPS {
            return Err(too_many_groups());
        }
        rows.into_iter().map(|cells| group::group(grouping, cells)).collect()
    }

    fn reads_along(&self, selection: &Selection<'_>) -> bool {
        select::reads_along(selection, self.layout)
    }

    fn explain(&mut self, selection: &Selection<'_>) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for Compiled { sql, cells } in self.statements(selection)? {
            let explained = Compiled { sql: format!("EXPLAIN QUERY PLAN {sql}"), cells };
            for cells in self.run(&explained)? {
                // Columns: id, parent, unused, detail.
                if let Some(Cell::Text(detail)) = cells.into_iter().nth(3) {
                    lines.push(detail);
                }
            }
        }
        Ok(lines)
    }
}

/// Ids in runs that fit one parameter each.
fn chunks(ids: &[String]) -> Vec<&[String]> {
    let mut bytes = 0;
    let mut chunks = Vec::new();
    let mut start = 0;
    for (at, id) in ids.iter().enumerate() {
        if bytes + id.len() > AMONG_BYTES && at > start {
            chunks.extend(ids.get(start..at));
            (start, bytes) = (at, 0);
        }
        bytes += id.len();
    }
    chunks.extend(ids.get(start..).filter(|rest| !rest.is_empty()));
    chunks
}

/// Rows out of a text that holds a cell a line, empty where there is nothing. No JSON text and no id holds a line break.
fn lines(text: &str, width: usize) -> Vec<Vec<Option<String>>> {
    let cells = text.split('\n').map(|cell| Some(cell.to_owned()).filter(|cell| !cell.is_empty()));
    let mut rows: Vec<Vec<Option<String>>> = Vec::new();
    for cell in cells {
        match rows.last_mut().filter(|row| row.len() < width) {
            Some(row) => row.push(cell),
            None => {
                let mut row = Vec::with_capacity(width);
                row.push(cell);
                rows.push(row);
            }
        }
    }
    rows
}

fn row(mut cells: Vec<Option<String>>, selection: &Selection<'_>) -> Result<Row> {
    let among = if selection.among.is_some() { cells.pop().flatten() } else { None };
    let mut bodies = cells.into_iter();
    let body = bodies.next().flatten().ok_or_else(odd)?;
    Ok(Row { body, joined: bodies.by_ref().take(selection.joins.len()).collect(), among, along: bodies.collect() })
}

fn text(cell: Cell) -> Result<Option<String>> {
    match cell {
        Cell::Text(text) => Ok(Some(text)),
        Cell::Null => Ok(None),
        _ => Err(odd()),
    }
}

fn odd() -> Error {
    Error::new(Code::Internal, "A statement answered in another shape than it was written for.")
}
