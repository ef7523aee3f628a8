//! Conditions in SQL.
//!
//! A comparison that holds within one class of values only is a range of sort keys with both ends: numbers lie
//! between `true` and the empty string, strings between the empty string and the empty blob. So an index on the
//! sort key serves it, and nothing else needs to be tested.

use super::piece::Piece;
use super::place::{Document, Kind, Place, Scope};
use super::statement::{Statement, TRUE, reads_exactly, too_wide, unplanned};
use crate::error::Result;
use crate::limits::LIKE_PATTERN_BYTES;
use crate::query::condition::holds;
use crate::query::like::like_to_glob;
use crate::query::tree::{Comparison, Condition, Operand, Relation};
use crate::value::{Class, Path, Value, class};

impl<'l> Statement<'l> {
    /// A condition on the documents of a scope.
    pub(super) fn condition(&mut self, condition: &Condition, scope: &Scope<'_, 'l>) -> Result<Piece> {
        match condition {
            Condition::And(all) => Ok(Piece::all(self.conditions(all, scope)?)),
            Condition::Or(any) => Ok(Piece::any(self.conditions(any, scope)?)),
            Condition::Not(one) => Ok(self.condition(one, scope)?.not()),
            Condition::Compare(comparison, Operand::Path(path), Operand::Value(value)) => {
                self.compare(*comparison, &scope.place(path), value)
            }
            Condition::Compare(comparison, Operand::Value(value), Operand::Path(path)) => {
                self.compare(flipped(*comparison), &scope.place(path), value)
            }
            Condition::Compare(comparison, Operand::Path(left), Operand::Path(right)) => {
                self.compare_places(*comparison, &scope.place(left), &scope.place(right))
            }
            Condition::In(Operand::Path(path), values) => self.any_of(&scope.place(path), values),
            // Nothing of the document is in these.
            Condition::Compare(_, Operand::Value(_), Operand::Value(_)) | Condition::In(Operand::Value(_), _) => {
                Ok(if holds(condition, &Value::Null) { Piece::always() } else { Piece::never() })
            }
            Condition::Like(path, pattern) => self.like(&scope.place(path), pattern),
            Condition::Prefix(path, prefix) => self.prefix(&scope.place(path), prefix),
            Condition::Contains(path, Operand::Value(value)) => self.contains(&scope.place(path), value),
            Condition::IsNull(path) => self.is_null(&scope.place(path)),
            Condition::Exists(relation, condition) => self.exists(relation, condition, &scope.document),
            Condition::Own(condition) | Condition::Seen(condition) => {
                self.condition(condition, &Scope::of(scope.document.clone()))
            }
            // They are bound before anything is asked.
            Condition::Contains(..)
            | Condition::OneOf(..)
            | Condition::Role(_)
            | Condition::Compare(..)
            | Condition::In(Operand::Given(_), _) => Ok(Piece::never()),
        }
    }

    fn conditions(&mut self, all: &[Condition], scope: &Scope<'_, 'l>) -> Result<Vec<Piece>> {
        all.iter().map(|one| self.condition(one, scope)).collect()
    }

    pub(super) fn is_null(&mut self, place: &Place) -> Result<Piece> {
        if !place.nullable() {
            return Ok(Piece::never());
        }
        let value = place.column().map_or_else(|| place.plain(self), Ok)?;
        Ok(Piece::leaf(format!("{value} IS NULL")))
    }

    fn compare(&mut self, comparison: Comparison, place: &Place, value: &Value) -> Result<Piece> {
        match comparison {
            Comparison::Equal => self.equal(place, value),
            Comparison::NotEqual => Ok(self.equal(place, value)?.not()),
            _ => match value {
                Value::Bool(value) => self.range_of_booleans(comparison, place, *value),
                Value::Number(_) | Value::String(_) => self.range(comparison, place, value),
                Value::Null | Value::Array(_) | Value::Object(_) => Ok(Piece::never()),
            },
        }
    }

    pub(super) fn equal(&mut self, place: &Place, value: &Value) -> Result<Piece> {
        if value.is_null() {
            return self.is_null(place);
        }
        let (left, right) = match place.kind {
            Kind::Body => (place.json(self)?, self.text(value.to_string())?),
            _ => (place.against(class(value), self)?, self.key(value)?),
        };
        Ok(Piece::leaf(format!("{left} = {}", unplanned(&right))))
    }

    fn range_of_booleans(&mut self, comparison: Comparison, place: &Place, value: bool) -> Result<Piece> {
        let (below, above) = match comparison {
            Comparison::Less => (value, false),
            Comparison::LessOrEqual => (true, value),
            Comparison::Greater => (false, !value),
            _ => (!value, true),
        };
        // Whether false, and whether true, lies in the range.
        match (below, above) {
            (false, false) => Ok(Piece::never()),
            (true, false) => self.equal(place, &Value::Bool(false)),
            (false, true) => self.equal(place, &Value::Bool(true)),
            (true, true) => Ok(Piece::leaf(format!("{} <= {TRUE}", place.key(self)?))),
        }
    }

    /// Numbers or strings on one side of a value.
    fn range(&mut self, comparison: Comparison, place: &Place, value: &Value) -> Result<Piece> {
        let (class, end) = (class(value), place.constant(value, self)?);
        let operator = symbol(comparison);
        if place.kind == Kind::Body {
            let types = if class == Class::String { "'text'" } else { "'integer', 'real'" };
            let (kind, plain) = (place.kind_of(self)?, place.plain(self)?);
            return Ok(Piece::leaf(format!("{kind} IN ({types}) AND {plain} {operator} {end}")));
        }
        let key = place.against(class, self)?;
        let other_end = match (comparison, class) {
            (Comparison::Less | Comparison::LessOrEqual, Class::String) => ">= ''".to_owned(),
            (Comparison::Less | Comparison::LessOrEqual, _) => format!("> {TRUE}"),
            (_, Class::String) => "< x''".to_owned(),
            _ => "< ''".to_owned(),
        };
        Ok(Piece::leaf(format!("{key} {operator} {end} AND {key} {other_end}")))
    }

    fn compare_places(&mut self, comparison: Comparison, left: &Place, right: &Place) -> Result<Piece> {
        let (left, right) = (left.key(self)?, right.key(self)?);
        let class =
            |key: &str| format!("CASE WHEN {key} <= {TRUE} THEN 1 WHEN {key} < '' THEN 2 WHEN {key} < x'' THEN 3 END");
        Ok(match comparison {
            Comparison::Equal => Piece::leaf(format!("{left} IS {right}")),
            Comparison::NotEqual => Piece::leaf(format!("{left} IS NOT {right}")),
            _ => {
                let operator = symbol(comparison);
                Piece::of_classes(format!("{left} {operator} {right} AND {} = {}", class(&left), class(&right)))
            }
        })
    }

    fn any_of(&mut self, place: &Place, values: &[Value]) -> Result<Piece> {
        let mut any = Vec::new();
        if values.iter().any(Value::is_null) {
            any.push(self.is_null(place)?);
        }
        if place.kind == Kind::Body {
            let texts: Vec<Value> = values.iter().filter(|value| !value.is_null()).map(text_of).collect();
            if !texts.is_empty() {
                any.push(Piece::leaf(format!("{} IN {}", place.json(self)?, self.list(texts)?)));
            }
            return Ok(Piece::any(any));
        }
        let (mut scalars, mut texts) = (Vec::new(), Vec::new());
        for value in values {
            match (place.kind, value) {
                (_, Value::Null) | (Kind::Id | Kind::Version, Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {}
                (Kind::Id, Value::Number(_)) | (Kind::Version, Value::String(_)) => {}
                (_, Value::Bool(_)) => any.push(self.equal(place, value)?),
                (_, Value::Number(number))
                    if number.as_f64().is_some_and(|real| number.is_f64() && !reads_exactly(real)) =>
                {
                    any.push(self.equal(place, value)?);
                }
                (_, Value::Number(_) | Value::String(_)) => scalars.push(value.clone()),
                (_, Value::Array(_) | Value::Object(_)) => texts.push(text_of(value)),
            }
        }
        let key = place.term(self)?;
        if !scalars.is_empty() {
            any.push(Piece::leaf(format!("{key} IN {}", self.list(scalars)?)));
        }
        if !texts.is_empty() {
            let list = self.text(Value::Array(texts).to_string())?;
            any.push(Piece::leaf(format!("{key} IN (SELECT CAST(value AS BLOB) FROM json_each({list}))")));
        }
        Ok(Piece::any(any))
    }

    /// A list of values as a subquery. They travel as one parameter.
    pub(super) fn list(&mut self, values: Vec<Value>) -> Result<String> {
        let list = self.text(Value::Array(values).to_string())?;
        Ok(format!("(SELECT value FROM json_each({list}))"))
    }

    /// The string at a place, and what tells that there is one, if that needs telling. `None` where there never is.
    pub(super) fn string(&mut self, place: &Place) -> Result<Option<(String, Piece)>> {
        Ok(match (place.kind, place.column()) {
            (Kind::Version, _) => None,
            (Kind::Column(_), Some(column)) => {
                let is_string = format!("{column} >= '' AND {column} < x''");
                Some((column, Piece::leaf(is_string)))
            }
            (_, Some(column)) => Some((column, Piece::always())),
            (_, None) => Some((place.plain(self)?, Piece::leaf(format!("{} = 'text'", place.kind_of(self)?)))),
        })
    }

    fn like(&mut self, place: &Place, pattern: &str) -> Result<Piece> {
        let glob = like_to_glob(pattern);
        if glob.len() > LIKE_PATTERN_BYTES {
            return Err(too_wide(format!("A pattern of `like` has more than {LIKE_PATTERN_BYTES} bytes")));
        }
        let Some(wild) = pattern.find(['%', '_']) else {
            return self.equal(place, &Value::String(pattern.to_owned()));
        };
        let Some((text, _)) = self.string(place)? else { return Ok(Piece::never()) };
        // The range of what stands before the first wildcard lets an index serve, and lets strings through only.
        let start = self.prefix(place, pattern.get(..wild).unwrap_or_default())?;
        let glob = self.text(glob)?;
        Ok(start.and(Piece::leaf(format!("{text} GLOB {}", unplanned(&glob)))))
    }

    fn prefix(&mut self, place: &Place, prefix: &str) -> Result<Piece> {
        let Some((text, is_string)) = self.string(place)? else { return Ok(Piece::never()) };
        if prefix.is_empty() {
            // An id that is not there is no string either.
            let there = if is_string.is_always() { self.is_null(place)?.not() } else { is_string };
            return Ok(there);
        }
        let start = self.text(prefix)?;
        let range = match after_all_with(prefix) {
            Some(end) => format!("{text} >= {start} AND {text} < {}", self.text(end)?),
            None => format!("{text} >= {start} AND {text} < x''"),
        };
        let is_string = if place.kind == Kind::Body { is_string } else { Piece::always() };
        Ok(is_string.and(Piece::leaf(range)))
    }

    fn contains(&mut self, place: &Place, value: &Value) -> Result<Piece> {
        if let Value::String(part) = value
            && place.kind == Kind::Id
        {
            let part = self.text(part.as_str())?;
            return Ok(Piece::leaf(format!("instr({}, {part}) > 0", place.term(self)?)));
        }
        if matches!(place.kind, Kind::Id | Kind::Version) {
            return Ok(Piece::never());
        }
        let item = match value {
            Value::Null => "type = 'null'".to_owned(),
            Value::Bool(true) => "type = 'true'".to_owned(),
            Value::Bool(false) => "type = 'false'".to_owned(),
            Value::Number(_) => format!("type IN ('integer', 'real') AND atom = {}", self.key_as_json(value)?),
            Value::String(text) => format!("type = 'text' AND atom = {}", self.text(text.as_str())?),
            Value::Array(_) | Value::Object(_) => {
                let kind = if value.is_array() { "array" } else { "object" };
                format!("type = '{kind}' AND value = {}", self.text(value.to_string())?)
            }
        };
        let (kind, items) = (place.kind_of(self)?, place.items(self)?);
        let before = format!("CASE {kind} WHEN 'array' THEN EXISTS (SELECT 1 FROM {items} WHERE ");
        let after = match value {
            Value::String(part) => {
                let (text, part) = (place.plain(self)?, self.text(part.as_str())?);
                format!(") WHEN 'text' THEN instr({text}, {part}) > 0 END")
            }
            _ => ") END".to_owned(),
        };
        Ok(Piece::nested(&before, &Piece::leaf(item), &after, 2))
    }

    fn exists(&mut self, relation: &Relation, condition: &Condition, document: &Document<'l>) -> Result<Piece> {
        let (here, there) = match relation {
            Relation::Forward { path, .. } => (path.clone(), id_path()?),
            Relation::Reverse { by, .. } => (id_path()?, by.clone()),
        };
        let collection = relation.collection();
        if self.table(collection).is_none() {
            return Ok(Piece::never());
        }
        let related = Document { alias: self.alias(), table: self.columns(collection), optional: false };
        let (here, there) = (document.place(Some(&here)), related.place(Some(&there)));
        let (Some((id_here, here_is_string)), Some((id_there, there_is_string))) =
            (self.string(&here)?, self.string(&there)?)
        else {
            return Ok(Piece::never());
        };
        let (alias, table) = (related.alias.clone(), self.from(collection)?);
        let condition = self.condition(condition, &Scope::of(related))?;
        // Where no index leads from here to there, the ids there are listed once for all rows.
        if there.kind == Kind::Body || self.is_earlier() {
            let condition = there_is_string.and(condition);
            let before = format!("{id_here} IN (SELECT {id_there} FROM {table} AS {alias} WHERE ");
            return Ok(here_is_string.and(Piece::nested(&before, &condition, ")", 1)));
        }
        let link = self.joined_on(&here, &there)?;
        let before = format!("EXISTS (SELECT 1 FROM {table} AS {alias} WHERE ");
        Ok(Piece::nested(&before, &link.and(condition), ")", 1))
    }

    /// Two places hold equal values that are not null. Columns of text and of sort keys compare as they are, and so
    /// that an index of either can be sought in; a column of integers, or an expression, would be converted.
    pub(super) fn joined_on(&mut self, left: &Place, right: &Place) -> Result<Piece> {
        match (left.kind, right.kind) {
            (Kind::Body, Kind::Id) => self.string_is(left, right),
            (Kind::Id, Kind::Body) => self.string_is(right, left),
            (Kind::Id | Kind::Column(_), Kind::Id | Kind::Column(_)) | (Kind::Version, Kind::Version) => {
                Ok(Piece::leaf(format!("{} = {}", left.term(self)?, right.term(self)?)))
            }
            _ => Ok(Piece::leaf(format!("{} = {}", left.key(self)?, right.key(self)?))),
        }
    }

    fn string_is(&mut self, inside: &Place, id: &Place) -> Result<Piece> {
        let (kind, plain) = (inside.kind_of(self)?, inside.plain(self)?);
        Ok(Piece::leaf(format!("{} = {plain} AND {kind} = 'text'", id.term(self)?)))
    }
}

fn id_path() -> Result<Path> {
    Path::parse("id")
}

fn text_of(value: &Value) -> Value {
    Value::String(value.to_string())
}

fn flipped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal | Comparison::NotEqual => comparison,
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
    }
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

/// The least string above all that start with `prefix`, if there is one.
fn after_all_with(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The successor of the last character, over the gap of the surrogates.
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_steps_over_what_is_no_character() {
        assert_eq!(after_all_with("ab").as_deref(), Some("ac"));
        assert_eq!(after_all_with("a\u{D7FF}").as_deref(), Some("a\u{E000}"));
        assert_eq!(after_all_with("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_all_with("\u{10FFFF}"), None);
    }
}
