//! Orders, and going on after a row of one.

use super::piece::Piece;
use super::place::{Place, Scope};
use super::statement::{Statement, unplanned};
use crate::error::{Code, Error, Result};
use crate::query::tree::Order;
use crate::value::{Value, class};

/// Which part of the rows after a row a statement reads. Where the first term descends, the rows without a value
/// come last: an index holds them at its other end, so that one range cannot hold both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of them.
    All,
    /// Those with a value in the first term.
    Values,
    /// Those without.
    Nulls,
}

/// A term of an order, placed.
pub(super) struct Term {
    place: Place,
    descending: bool,
}

pub(super) fn terms(order: &[Order], scope: &Scope<'_, '_>) -> Vec<Term> {
    order.iter().map(|term| Term { place: scope.place(&term.path), descending: term.descending }).collect()
}

/// The parts in which the rows after `values` are best read, in order.
pub(super) fn parts(terms: &[Term], values: Option<&[Value]>) -> &'static [Part] {
    match (terms.first(), values.and_then(<[Value]>::first)) {
        (Some(term), Some(value)) if term.descending && term.place.nullable() && !value.is_null() => {
            &[Part::Values, Part::Nulls]
        }
        _ => &[Part::All],
    }
}

impl Statement<'_> {
    /// `ORDER BY` and what follows it, or nothing.
    pub(super) fn order_by(&mut self, terms: &[Term]) -> Result<String> {
        let mut text = String::new();
        for term in terms {
            text.push_str(if text.is_empty() { " ORDER BY " } else { ", " });
            text.push_str(&term.place.term(self)?);
            if term.descending {
                text.push_str(" DESC");
            }
        }
        Ok(text)
    }

    /// The condition that a row comes after another, whose values are given, and belongs to a part.
    pub(super) fn after(&mut self, terms: &[Term], values: &[Value], part: Part) -> Result<Piece> {
        if terms.len() != values.len() {
            return Err(Error::new(Code::InvalidCursor, "The cursor has not as many values as the order has terms."));
        }
        let pairs: Vec<(&Term, &Value)> = terms.iter().zip(values).collect();
        let Some((first, rest)) = pairs.split_first() else { return Ok(Piece::never()) };
        match part {
            Part::Nulls => self.equal(&first.0.place, &Value::Null),
            Part::Values => {
                if rest.iter().all(|(term, _)| term.descending && !term.place.nullable()) {
                    return self.after_row(&pairs, "<");
                }
                let bound = self.beside(*first, "<=")?;
                let beyond = self.beside(*first, "<")?.or(self.same(*first)?.and(self.lexically(rest)?));
                Ok(bound.and(beyond))
            }
            Part::All => {
                if pairs.iter().all(|(term, value)| !term.descending && !value.is_null()) {
                    return self.after_row(&pairs, ">");
                }
                if pairs.iter().all(|(term, value)| term.descending && !term.place.nullable() && !value.is_null()) {
                    return self.after_row(&pairs, "<");
                }
                let bound = match (first.0.descending, first.1.is_null()) {
                    (false, true) => Piece::always(),
                    (false, false) => self.beside(*first, ">=")?,
                    (true, true) => self.same(*first)?,
                    (true, false) => self.beside(*first, "<=")?.or(self.is_null(&first.0.place)?),
                };
                Ok(bound.and(self.lexically(&pairs)?))
            }
        }
    }

    /// All terms at once, as a row value: an index on all of them is entered at the very row. Right wherever no
    /// null can stand in for a value.
    fn after_row(&mut self, pairs: &[(&Term, &Value)], operator: &str) -> Result<Piece> {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (term, value) in pairs {
            left.push(term.place.against(class(value), self)?);
            right.push(term.place.constant(value, self)?);
        }
        Ok(Piece::leaf(match left.as_slice() {
            [one] => format!("{one} {operator} {}", right.concat()),
            _ => format!("({}) {operator} ({})", left.join(", "), right.join(", ")),
        }))
    }

    /// After in the first term, or the same there and after in the next, and so on; halved to stay shallow.
    fn lexically(&mut self, pairs: &[(&Term, &Value)]) -> Result<Piece> {
        match pairs {
            [] => Ok(Piece::never()),
            [one] => self.beyond(*one),
            _ => {
                let (front, back) = pairs.split_at(pairs.len() / 2);
                let same = front.iter().map(|pair| self.same(*pair)).collect::<Result<Vec<Piece>>>()?;
                Ok(self.lexically(front)?.or(Piece::all(same).and(self.lexically(back)?)))
            }
        }
    }

    fn beyond(&mut self, pair: (&Term, &Value)) -> Result<Piece> {
        let (term, value) = pair;
        match (term.descending, value.is_null()) {
            (false, true) => Ok(self.is_null(&term.place)?.not()),
            (false, false) => self.beside(pair, ">"),
            (true, true) => Ok(Piece::never()),
            (true, false) => Ok(self.beside(pair, "<")?.or(self.is_null(&term.place)?)),
        }
    }

    fn same(&mut self, (term, value): (&Term, &Value)) -> Result<Piece> {
        if value.is_null() {
            return self.is_null(&term.place);
        }
        // By the sort key, as the order itself, not by the text that `equal` may prefer.
        let (place, constant) = (term.place.against(class(value), self)?, term.place.constant(value, self)?);
        Ok(Piece::leaf(format!("{place} = {}", unplanned(&constant))))
    }

    fn beside(&mut self, (term, value): (&Term, &Value), operator: &str) -> Result<Piece> {
        Ok(Piece::leaf(format!(
            "{} {operator} {}",
            term.place.against(class(value), self)?,
            term.place.constant(value, self)?
        )))
    }
}
