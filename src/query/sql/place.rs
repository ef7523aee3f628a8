//! Where a path leads in a statement, and the expressions that read it.

use super::layout::Table;
use super::statement::{FALSE, Statement, TRUE};
use crate::error::Result;
use crate::value::{Class, Path, Value};

/// A document in a statement: a table, under an alias.
#[derive(Clone, Debug)]
pub(super) struct Document<'l> {
    pub(super) alias: String,
    /// The table whose columns serve; `None` where there are only bodies.
    pub(super) table: Option<&'l Table>,
    /// All of it may be NULL: an optional join.
    pub(super) optional: bool,
}

/// What the paths of a condition address.
#[derive(Clone, Debug)]
pub(super) struct Scope<'q, 'l> {
    pub(super) document: Document<'l>,
    pub(super) joined: Vec<(&'q str, Document<'l>)>,
}

impl<'l> Scope<'_, 'l> {
    pub(super) fn of(document: Document<'l>) -> Scope<'static, 'l> {
        Scope { document, joined: Vec::new() }
    }

    /// Where a path leads: into a joined document if its first segment names one.
    pub(super) fn place(&self, path: &Path) -> Place {
        match self.joined.iter().find(|(name, _)| *name == path.head()) {
            Some((_, joined)) => joined.place(path.tail().as_ref()),
            None => self.document.place(Some(path)),
        }
    }
}

impl Document<'_> {
    /// Where a path leads in this document; no path is all of it.
    pub(super) fn place(&self, path: Option<&Path>) -> Place {
        let kind = match path.map(Path::segments) {
            Some([one]) if one == "id" => Kind::Id,
            Some([one]) if one == "_version" => Kind::Version,
            _ => match (self.table, path) {
                (Some(table), Some(path)) => table.columns.get(path).map_or(Kind::Body, |column| Kind::Column(*column)),
                _ => Kind::Body,
            },
        };
        let inside = path.map_or_else(|| "$".to_owned(), Path::to_sqlite);
        Place { alias: self.alias.clone(), inside, kind, optional: self.optional }
    }
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    alias: String,
    /// The path in SQLite's syntax.
    inside: String,
    pub(super) kind: Kind,
    optional: bool,
}

/// How a place is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The column `id`, of text affinity.
    Id,
    /// The column `seq`, of integer affinity.
    Version,
    /// A column of sort keys, without affinity.
    Column(u32),
    /// Out of the body.
    Body,
}

impl Place {
    /// Whether it may be null.
    pub(super) fn nullable(&self) -> bool {
        self.optional || matches!(self.kind, Kind::Column(_) | Kind::Body)
    }

    /// The sort key as an expression without affinity, fit to be compared with anything. The unary plus takes the
    /// affinity off a column, and with it the column's index.
    pub(super) fn key(&self, statement: &mut Statement<'_>) -> Result<String> {
        match self.column() {
            Some(column) if matches!(self.kind, Kind::Column(_)) => Ok(column),
            Some(column) => Ok(format!("+{column}")),
            None => {
                let (body, path) = (self.body(), statement.text(self.inside.clone())?);
                let value = format!("json_extract({body}, {path})");
                Ok(format!(
                    "CASE json_type({body}, {path}) WHEN 'text' THEN {value} WHEN 'integer' THEN {value} WHEN 'real' \
                     THEN {value} WHEN 'true' THEN {TRUE} WHEN 'false' THEN {FALSE} WHEN 'null' THEN NULL ELSE \
                     CAST({value} AS BLOB) END"
                ))
            }
        }
    }

    /// The sort key as what indexes order by.
    pub(super) fn term(&self, statement: &mut Statement<'_>) -> Result<String> {
        self.column().map_or_else(|| self.key(statement), Ok)
    }

    /// The sort key to be compared with a constant of a class: an affinity may stay where it changes nothing.
    pub(super) fn against(&self, class: Class, statement: &mut Statement<'_>) -> Result<String> {
        match (self.kind, class) {
            (Kind::Id, Class::String) | (Kind::Version, Class::Number) => self.term(statement),
            _ => self.key(statement),
        }
    }

    /// The sort key of a value, to be compared with this place's.
    pub(super) fn constant(&self, value: &Value, statement: &mut Statement<'_>) -> Result<String> {
        if self.kind == Kind::Body { statement.key_as_json(value) } else { statement.key(value) }
    }

    /// The column, if the place is one.
    pub(super) fn column(&self) -> Option<String> {
        match self.kind {
            Kind::Id => Some(format!("{}.id", self.alias)),
            Kind::Version => Some(format!("{}.seq", self.alias)),
            Kind::Column(column) => Some(format!("{}.k{column}", self.alias)),
            Kind::Body => None,
        }
    }

    /// The value as SQL has it: booleans and numbers, arrays and strings cannot be told apart in it.
    pub(super) fn plain(&self, statement: &mut Statement<'_>) -> Result<String> {
        Ok(format!("({} ->> {})", self.body(), statement.text(self.inside.clone())?))
    }

    /// The value's JSON text: equal where values are, since bodies are canonical. NULL only if it is missing.
    pub(super) fn json(&self, statement: &mut Statement<'_>) -> Result<String> {
        Ok(format!("({} -> {})", self.body(), statement.text(self.inside.clone())?))
    }

    /// The type of the value, as `json_type` names it.
    pub(super) fn kind_of(&self, statement: &mut Statement<'_>) -> Result<String> {
        Ok(format!("json_type({}, {})", self.body(), statement.text(self.inside.clone())?))
    }

    /// The items of an array, as a table.
    pub(super) fn items(&self, statement: &mut Statement<'_>) -> Result<String> {
        Ok(format!("json_each({}, {})", self.body(), statement.text(self.inside.clone())?))
    }

    fn body(&self) -> String {
        format!("{}.body", self.alias)
    }
}
