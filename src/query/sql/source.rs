//! The executor: runs the statements and reads their rows.

use super::keyset::Part;
use super::layout::Layout;
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

    /// The statements that a selection comes to, were all of them needed.
    fn statements(&self, selection: &Selection<'_>) -> Result<Vec<Compiled>> {
        if let Some(among) = &selection.among {
            let chunks = chunks(&among.values);
            return chunks.into_iter().map(|ids| select::among(selection, self.layout, ids)).collect();
        }
        let parts = select::parts_of(selection, self.layout)?;
        parts.into_iter().map(|part| select::part(selection, self.layout, part, selection.limit)).collect()
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
                let compiled = select::among(selection, self.layout, ids)?;
                for cells in self.run(&compiled)? {
                    rows.push(row(cells, true)?);
                }
            }
            return Ok(rows);
        }
        let parts: Vec<Part> = select::parts_of(selection, self.layout)?;
        for part in parts {
            let left = selection.limit.saturating_sub(rows.len());
            if left == 0 {
                break;
            }
            let compiled = select::part(selection, self.layout, part, left)?;
            for cells in self.run(&compiled)? {
                rows.push(row(cells, false)?);
            }
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

fn row(mut cells: Vec<Cell>, is_among: bool) -> Result<Row> {
    let among = if is_among { text(cells.pop())? } else { None };
    let mut bodies = cells.into_iter().map(|cell| text(Some(cell)));
    let body = bodies.next().transpose()?.flatten().ok_or_else(odd)?;
    Ok(Row { body, joined: bodies.collect::<Result<_>>()?, among })
}

fn text(cell: Option<Cell>) -> Result<Option<String>> {
    match cell {
        Some(Cell::Text(text)) => Ok(Some(text)),
        Some(Cell::Null) => Ok(None),
        _ => Err(odd()),
    }
}

fn odd() -> Error {
    Error::new(Code::Internal, "A statement answered in another shape than it was written for.")
}
