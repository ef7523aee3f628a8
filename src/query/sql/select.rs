//! Selections in SQL.

use super::keyset::{Part, Term, parts, terms};
use super::layout::Layout;
use super::piece::Piece;
use super::place::{Document, Kind, Scope};
use super::statement::{Compiled, Statement};
use crate::error::Result;
use crate::id::CollectionName;
use crate::query::selection::Selection;
use crate::query::tree::Join;
use crate::store::Cell;
use crate::value::Value;

/// What is read and joined, as the beginning of a statement.
pub(super) struct Reading<'q, 'l> {
    /// The common tables before the `SELECT`, if there are any.
    pub(super) with: String,
    /// What follows `FROM`.
    pub(super) from: String,
    pub(super) scope: Scope<'q, 'l>,
}

/// The parts in which a selection is read, each with its own statement.
pub(super) fn parts_of(selection: &Selection<'_>, layout: &Layout) -> Result<Vec<Part>> {
    if selection.among.is_some() {
        return Ok(vec![Part::All]);
    }
    let mut statement = Statement::new(layout, selection.at);
    let reading = statement.reading(selection.from, selection.joins)?;
    Ok(parts(&terms(&selection.order, &reading.scope), selection.after.as_deref()).to_vec())
}

/// The statement for one part of a selection without `among`. Its columns are the body, then those of the joined
/// documents.
pub(super) fn part(selection: &Selection<'_>, layout: &Layout, part: Part, limit: usize) -> Result<Compiled> {
    let mut statement = Statement::new(layout, selection.at);
    let Reading { with, from, scope } = statement.reading(selection.from, selection.joins)?;
    let terms = terms(&selection.order, &scope);
    let filter = statement.filter(selection, &scope, &terms, part, Piece::always())?;
    let order = statement.order_by(&terms)?;
    let limit = statement.count(limit)?;
    statement.finish(format!(
        "{with} SELECT {} FROM {from} WHERE {}{order} LIMIT {limit}",
        columns(&scope, "body").join(", "),
        filter.text()
    ))
}

/// The statement for a selection among some ids. A last column holds the id that a row belongs to.
pub(super) fn among(selection: &Selection<'_>, layout: &Layout, ids: &[String]) -> Result<Compiled> {
    let Some(among) = &selection.among else { return part(selection, layout, Part::All, selection.limit) };
    let mut statement = Statement::new(layout, selection.at);
    let Reading { with, from, scope } = statement.reading(selection.from, selection.joins)?;
    let terms = terms(&selection.order, &scope);
    let place = scope.place(&among.path);
    let Some((id, is_string)) = statement.string(&place)? else { return statement.finish(NOTHING.to_owned()) };
    let list = Value::Array(ids.iter().cloned().map(Value::String).collect());

    let leading = statement.columns(selection.from).and_then(|table| table.leading(&among.path));
    if place.kind != Kind::Id && leading.is_some() && selection.joins.is_empty() {
        // Each id by itself through the index: no more rows are read of any than are wanted.
        let own = Piece::leaf(format!("{id} = ids.value"));
        let filter = statement.filter(selection, &scope, &terms, Part::All, own)?;
        let (order, limit) = (statement.order_by(&terms)?, statement.count(selection.limit)?);
        let outer = Scope::of(Document { alias: "o".to_owned(), ..scope.document.clone() });
        let outer_order = statement.order_by(&super::keyset::terms(&selection.order, &outer))?;
        let outer_order = outer_order.replacen(" ORDER BY ", ", ", 1);
        let (list, table) = (statement.text(list.to_string())?, statement.from(selection.from)?);
        return statement.finish(format!(
            "SELECT o.body, ids.value FROM json_each({list}) AS ids CROSS JOIN {table} AS o ON o.no IN (SELECT t0.no \
             FROM {from} WHERE {}{order} LIMIT {limit}) ORDER BY ids.key{outer_order}",
            filter.text(),
        ));
    }

    let list = statement.text(list.to_string())?;
    let own = is_string.and(Piece::leaf(format!("{id} IN (SELECT value FROM json_each({list}))")));
    let filter = statement.filter(selection, &scope, &terms, Part::All, own)?;
    if place.kind == Kind::Id && selection.joins.is_empty() {
        // One row an id: nothing to order, nothing to bound.
        return statement.finish(format!("{with} SELECT t0.body, {id} FROM {from} WHERE {}", filter.text()));
    }
    // The bodies are fetched for the rows that stay, where there is a row number to fetch them by.
    let (held, read): (&str, fn(&str, usize) -> String) = if statement.is_earlier() {
        ("body", |_, at| format!("b{at}"))
    } else {
        ("no", |table, at| format!("(SELECT body FROM {table} WHERE no = b{at})"))
    };
    let tables = statement.tables(selection)?;
    let outer: Vec<String> = tables.iter().enumerate().map(|(at, table)| read(table, at)).collect();
    let inner: Vec<String> =
        columns(&scope, held).iter().enumerate().map(|(at, column)| format!("{column} AS b{at}")).collect();
    let (order, limit) = (statement.order_by(&terms)?, statement.count(selection.limit)?);
    statement.finish(format!(
        "{with} SELECT {}, owner FROM (SELECT {}, {id} AS owner, row_number() OVER (PARTITION BY {id}{order}) AS place \
         FROM {from} WHERE {}) WHERE place <= {limit} ORDER BY owner, place",
        outer.join(", "),
        inner.join(", "),
        filter.text()
    ))
}

const NOTHING: &str = "SELECT NULL WHERE 0";

fn columns(scope: &Scope<'_, '_>, column: &str) -> Vec<String> {
    let joined = scope.joined.iter().map(|(_, document)| document);
    std::iter::once(&scope.document).chain(joined).map(|document| format!("{}.{column}", document.alias)).collect()
}

impl<'l> Statement<'l> {
    /// A collection and what is joined to it, under the aliases `t0`, `t1`, ….
    pub(super) fn reading<'q>(&mut self, from: &CollectionName, joins: &'q [Join]) -> Result<Reading<'q, 'l>> {
        let document = |statement: &Statement<'l>, collection, at, optional| Document {
            alias: format!("t{at}"),
            table: statement.columns(collection),
            optional,
        };
        let mut scope = Scope::of(document(self, from, 0, false));
        let mut reading = Reading { with: String::new(), from: String::new(), scope: scope.clone() };
        reading.from = format!("{} AS t0", self.from(from)?);
        for (at, join) in joins.iter().enumerate() {
            let joined = document(self, &join.collection, at + 1, join.optional);
            let own = Scope::of(Document { optional: false, ..joined.clone() });
            let filter = self.condition(&join.filter, &own)?;
            let kind = if join.optional { "LEFT JOIN" } else { "JOIN" };
            let table = self.from(&join.collection)?;
            let sought = join.on.iter().any(|(_, right)| own.place(right).kind != Kind::Body);
            let on = if sought && !self.is_earlier() {
                let on = join.on.iter().map(|(left, right)| self.joined_on(&scope.place(left), &own.place(right)));
                let on = Piece::all(on.collect::<Result<Vec<Piece>>>()?).and(filter);
                reading.from.push_str(&format!(" {kind} {table} AS t{} ON {}", at + 1, on.text()));
                on
            } else {
                self.join_by_list(&mut reading, join, (at + 1, &table, kind), (&scope, &own), filter)?
            };
            self.fits(&on)?;
            scope.joined.push((join.name.as_str(), joined));
        }
        reading.scope = scope;
        Ok(reading)
    }

    /// Joins where no index leads: the keys of the joined documents are listed once, and SQLite makes an index of
    /// the list. Without it every pair of documents would be looked at.
    fn join_by_list<'q>(
        &mut self,
        reading: &mut Reading<'q, 'l>,
        join: &Join,
        (at, table, kind): (usize, &str, &str),
        (scope, own): (&Scope<'q, 'l>, &Scope<'q, 'l>),
        filter: Piece,
    ) -> Result<Piece> {
        self.fits(&filter)?;
        // An earlier state has no row numbers: there the list holds the documents themselves.
        let (held, alias) = match self.is_earlier() {
            true => (format!("t{at}.id, t{at}.seq, t{at}.body"), format!("t{at}")),
            false => (format!("t{at}.no"), format!("l{at}")),
        };
        let (mut keys, mut on) = (String::new(), Vec::new());
        for (number, (left, right)) in join.on.iter().enumerate() {
            keys.push_str(&format!(", {} AS j{number}", own.place(right).key(self)?));
            on.push(Piece::leaf(format!("{alias}.j{number} = {}", scope.place(left).key(self)?)));
        }
        let on = Piece::all(on);
        reading.with.push_str(if reading.with.is_empty() { "WITH " } else { ", " });
        reading.with.push_str(&format!(
            "l{at} AS MATERIALIZED (SELECT {held}{keys} FROM {table} AS t{at} WHERE {})",
            filter.text()
        ));
        reading.from.push_str(&format!(" {kind} l{at} AS {alias} ON {}", on.text()));
        if !self.is_earlier() {
            reading.from.push_str(&format!(" {kind} {table} AS t{at} ON t{at}.no = l{at}.no"));
        }
        Ok(on)
    }

    /// The tables of a selection, its own first.
    fn tables(&mut self, selection: &Selection<'_>) -> Result<Vec<String>> {
        let joined = selection.joins.iter().map(|join| &join.collection);
        std::iter::once(selection.from).chain(joined).map(|collection| self.from(collection)).collect()
    }

    /// The condition of a selection, with one more of its own before it.
    fn filter(
        &mut self,
        selection: &Selection<'_>,
        scope: &Scope<'_, 'l>,
        terms: &[Term],
        part: Part,
        own: Piece,
    ) -> Result<Piece> {
        let mut all = vec![own, self.condition(selection.filter, scope)?];
        if let Some(values) = &selection.after {
            all.push(self.after(terms, values, part)?);
        }
        let filter = Piece::all(all);
        self.fits(&filter)?;
        Ok(filter)
    }

    fn count(&mut self, limit: usize) -> Result<String> {
        self.bind(Cell::Integer(i64::try_from(limit).unwrap_or(i64::MAX)))
    }
}
