//! Selections in SQL.

use super::keyset::{Part, Term, parts, terms};
use super::layout::Layout;
use super::piece::Piece;
use super::place::{Document, Kind, Scope};
use super::statement::{Compiled, Statement};
use crate::error::Result;
use crate::id::CollectionName;
use crate::query::selection::{Along, Selection};
use crate::query::tree::{Comparison, Condition, Hidden, Join, Operand};
use crate::store::Cell;
use crate::value::{Path, Value};

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
    if selection.among.is_some() || selection.after.is_none() {
        return Ok(vec![Part::All]);
    }
    let mut statement = Statement::new(layout, selection.at);
    let reading = statement.reading(selection.from, selection.joins)?;
    Ok(parts(&terms(&selection.order, &reading.scope), selection.after.as_deref()).to_vec())
}

/// How the rows of a statement come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As rows.
    Rows,
    /// As one text, all cells of all rows in turn, a line each, empty where there is nothing: a row that crosses the border
    /// to JavaScript costs more than it costs to find. SQLite refuses a text that is too long.
    Text,
}

impl Form {
    /// The statement `rows`, whose columns are named so, in this form. A subquery with a limit keeps its order.
    fn of(self, with: &str, rows: &str, columns: usize) -> String {
        match self {
            Form::Rows => format!("{with} {rows}"),
            Form::Text => {
                let cells: Vec<String> = (0..columns).map(|at| format!("ifnull(c{at}, '')")).collect();
                format!("{with} SELECT group_concat({}, char(10)) FROM ({rows})", cells.join(" || char(10) || "))
            }
        }
    }
}

/// The names that [`Form::of`] knows columns by.
fn named(columns: impl IntoIterator<Item = String>) -> String {
    let columns = columns.into_iter().enumerate().map(|(at, column)| format!("{column} AS c{at}"));
    columns.collect::<Vec<String>>().join(", ")
}

/// Whether the documents of `along` are read in the same statement: where the rows come in order off an index, so that
/// none is looked up in vain, and where the ids stand in columns.
pub(super) fn reads_along(selection: &Selection<'_>, layout: &Layout) -> bool {
    let Some(table) = layout.get(selection.from) else { return false };
    let plain = selection.at.is_none() && selection.joins.is_empty() && selection.among.is_none();
    plain
        && selection.along.iter().all(|along| table.columns.contains_key(along.path))
        && table.walks(&equalities(selection.filter), &selection.order)
}

/// Paths that a condition holds to one value each.
fn equalities(condition: &Condition) -> Vec<&Path> {
    match condition {
        Condition::And(all) => all.iter().flat_map(equalities).collect(),
        Condition::Own(own) => equalities(own),
        Condition::Compare(Comparison::Equal, Operand::Path(path), Operand::Value(_))
        | Condition::Compare(Comparison::Equal, Operand::Value(_), Operand::Path(path)) => vec![path],
        _ => Vec::new(),
    }
}

/// The statement for one part of a selection without `among`, and how many columns it has: the body, those of the joined
/// documents, then those of the documents read along.
pub(super) fn part(
    selection: &Selection<'_>,
    layout: &Layout,
    part: Part,
    limit: usize,
    form: Form,
) -> Result<(Compiled, usize)> {
    let mut statement = Statement::new(layout, selection.at);
    let Reading { with, from, scope } = statement.reading(selection.from, selection.joins)?;
    let terms = terms(&selection.order, &scope);
    let filter = statement.filter(selection, &scope, &terms, part, Piece::always())?;
    let order = statement.order_by(&terms)?;
    let limit = statement.count(limit)?;
    let mut wanted = statement.bodies(selection, &scope)?;
    // Where one text does not hold them, documents that many rows refer to would be held once for each.
    if form == Form::Text && reads_along(selection, layout) {
        for along in &selection.along {
            wanted.push(statement.referred(along, &scope)?);
        }
    }
    let width = wanted.len();
    let rows = format!("SELECT {} FROM {from} WHERE {}{order} LIMIT {limit}", named(wanted), filter.text());
    Ok((statement.finish(form.of(&with, &rows, width))?, width))
}

/// The statement for a selection among some ids, and how many columns it has. A last one holds the id that a row belongs
/// to.
pub(super) fn among(
    selection: &Selection<'_>,
    layout: &Layout,
    ids: &[String],
    form: Form,
) -> Result<(Compiled, usize)> {
    let Some(among) = &selection.among else { return part(selection, layout, Part::All, selection.limit, form) };
    let mut statement = Statement::new(layout, selection.at);
    let Reading { with, from, scope } = statement.reading(selection.from, selection.joins)?;
    let terms = terms(&selection.order, &scope);
    let place = scope.place(&among.path);
    let width = selection.joins.len() + 2;
    let Some((id, is_string)) = statement.string(&place)? else {
        return Ok((statement.finish(NOTHING.to_owned())?, width));
    };
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
        let body = statement.body(&outer.document, selection.hidden)?;
        let (list, table) = (statement.text(list.to_string())?, statement.from(selection.from)?);
        let rows = format!(
            "SELECT {body} AS c0, ids.value AS c1 FROM json_each({list}) AS ids CROSS JOIN {table} AS o ON o.no IN \
             (SELECT t0.no FROM {from} WHERE {}{order} LIMIT {limit}) ORDER BY ids.key{outer_order}{UNBOUNDED}",
            filter.text(),
        );
        return Ok((statement.finish(form.of("", &rows, width))?, width));
    }

    let list = statement.text(list.to_string())?;
    let own = is_string.and(Piece::leaf(format!("{id} IN (SELECT value FROM json_each({list}))")));
    let filter = statement.filter(selection, &scope, &terms, Part::All, own)?;
    if place.kind == Kind::Id && selection.joins.is_empty() {
        // One row an id: nothing to order, nothing to bound.
        let body = statement.body(&scope.document, selection.hidden)?;
        let rows = format!("SELECT {body} AS c0, {id} AS c1 FROM {from} WHERE {}", filter.text());
        return Ok((statement.finish(form.of(&with, &rows, width))?, width));
    }
    // The bodies are fetched for the rows that stay, where there is a row number to fetch them by and all of them is shown.
    let whole = selection.hidden.is_empty() && selection.joins.iter().all(|join| join.hidden.is_empty());
    let later = whole && !statement.is_earlier();
    let held = if later { columns(&scope, "no") } else { statement.bodies(selection, &scope)? };
    let read = |(at, table): (usize, &String)| match later {
        true => format!("(SELECT body FROM {table} WHERE no = b{at})"),
        false => format!("b{at}"),
    };
    let tables = statement.tables(selection)?;
    let outer: Vec<String> = tables.iter().enumerate().map(read).collect();
    let inner: Vec<String> = held.iter().enumerate().map(|(at, column)| format!("{column} AS b{at}")).collect();
    let (order, limit) = (statement.order_by(&terms)?, statement.count(selection.limit)?);
    let rows = format!(
        "SELECT {} FROM (SELECT {}, {id} AS owner, row_number() OVER (PARTITION BY {id}{order}) AS place FROM {from} \
         WHERE {}) WHERE place <= {limit} ORDER BY owner, place{UNBOUNDED}",
        named(outer.into_iter().chain(["owner".to_owned()])),
        inner.join(", "),
        filter.text()
    );
    Ok((statement.finish(form.of(&with, &rows, width))?, width))
}

const NOTHING: &str = "SELECT NULL WHERE 0";

/// A limit that is none, but makes SQLite keep the order of a subquery.
const UNBOUNDED: &str = " LIMIT -1";

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

    /// The text of a document, without what is hidden of it.
    fn body(&mut self, document: &Document<'l>, hidden: &[Hidden]) -> Result<String> {
        let mut body = format!("{}.body", document.alias);
        if hidden.is_empty() {
            return Ok(body);
        }
        body.insert_str(0, "json_remove(");
        for Hidden { name, unless } in hidden {
            let path = self.text(Path::from_segments(vec![name.clone()])?.to_sqlite())?;
            let unless = self.condition(unless, &Scope::of(document.clone()))?;
            self.fits(&unless)?;
            // No field is called `_`: a path to nothing takes nothing away.
            body.push_str(&format!(", CASE WHEN {} THEN '$._' ELSE {path} END", unless.text()));
        }
        body.push(')');
        Ok(body)
    }

    /// The texts of a selection's document and of those joined to it.
    fn bodies(&mut self, selection: &Selection<'_>, scope: &Scope<'_, 'l>) -> Result<Vec<String>> {
        let mut bodies = vec![self.body(&scope.document, selection.hidden)?];
        for ((_, document), join) in scope.joined.iter().zip(selection.joins) {
            bodies.push(self.body(document, &join.hidden)?);
        }
        Ok(bodies)
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

    /// The body of the document that a document of the scope refers to, as a column.
    fn referred(&mut self, along: &Along<'_>, scope: &Scope<'_, 'l>) -> Result<String> {
        if self.table(along.collection).is_none() {
            return Ok("NULL".to_owned());
        }
        let there = Document { alias: self.alias(), table: self.columns(along.collection), optional: false };
        let (alias, table) = (there.alias.clone(), self.from(along.collection)?);
        let (here, id) = (scope.document.place(Some(along.path)), there.place(Some(&Path::parse("id")?)));
        let link = self.joined_on(&here, &id)?;
        Ok(format!("(SELECT {alias}.body FROM {table} AS {alias} WHERE {})", link.text()))
    }

    /// A bound of rows. (Under a plus alone SQLite would still plan by it.)
    fn count(&mut self, limit: usize) -> Result<String> {
        Ok(format!("0 + {}", self.bind(Cell::Integer(i64::try_from(limit).unwrap_or(i64::MAX)))?))
    }
}
