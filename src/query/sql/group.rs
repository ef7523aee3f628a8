//! Groupings in SQL.
//!
//! Answers cross the platform's border, where integers become doubles. So sort keys come as text with a letter for
//! their class, and integers add up in halves: the high 32 bits and the low 32 bits each sum without overflow, and
//! come as text too.

use super::layout::Layout;
use super::select::Reading;
use super::statement::{Compiled, Statement, TRUE, too_wide};
use crate::error::{Code, Error, Result};
use crate::limits::{AGGREGATE_FUNCTIONS, QUERY_GROUPS};
use crate::query::aggregate::{average_value, sum_value};
use crate::query::selection::{Group, Grouping};
use crate::query::tree::Aggregate;
use crate::store::Cell;
use crate::value::{SortKey, Value, parse};

/// Inner columns of a grouping: one for each distinct path, `p0`, `p1`, ….
struct Columns {
    /// The sort key expressions.
    keys: Vec<String>,
}

impl Columns {
    fn name(&mut self, key: String) -> String {
        let at = self.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        });
        format!("p{at}")
    }
}

/// The statement of a grouping. Its columns are read by [`group`].
pub(super) fn compiled(grouping: &Grouping<'_>, layout: &Layout) -> Result<Compiled> {
    let mut statement = Statement::new(layout, grouping.at);
    let Reading { with, from, scope } = statement.reading(grouping.from, grouping.joins)?;
    let filter = statement.condition(grouping.filter, &scope)?;
    statement.fits(&filter)?;
    let mut inner = Columns { keys: Vec::new() };
    let mut groups = Vec::new();
    for path in grouping.by {
        groups.push(inner.name(scope.place(path).term(&mut statement)?));
    }
    let mut outer: Vec<String> = groups.iter().map(|name| tagged(name)).collect();
    for (_, aggregate) in grouping.aggregates {
        let mut column = |path| Ok(inner.name(scope.place(path).term(&mut statement)?));
        match aggregate {
            Aggregate::Count => outer.push("count(*)".to_owned()),
            Aggregate::CountOf(path) => outer.push(format!("count({})", column(path)?)),
            Aggregate::Min(path) => outer.push(tagged(&format!("min({})", column(path)?))),
            Aggregate::Max(path) => outer.push(tagged(&format!("max({})", column(path)?))),
            Aggregate::Sum(path) => outer.extend(sums(&column(path)?, "0")),
            Aggregate::Average(path) => {
                let column = column(path)?;
                outer.extend(sums(&column, &format!("count(*) FILTER (WHERE {})", is_number(&column))));
            }
        }
    }
    if grouping.aggregates.iter().map(|(_, aggregate)| functions(aggregate)).sum::<usize>() > AGGREGATE_FUNCTIONS {
        return Err(too_wide(format!(
            "The query's aggregates come to more than {AGGREGATE_FUNCTIONS} (a sum counts as 3, an average as 4)"
        )));
    }
    if outer.is_empty() {
        outer.push("count(*)".to_owned());
    }
    let inner: Vec<String> = inner.keys.iter().enumerate().map(|(at, key)| format!("{key} AS p{at}")).collect();
    let inner = if inner.is_empty() { "1".to_owned() } else { inner.join(", ") };
    let by = if groups.is_empty() { String::new() } else { format!(" GROUP BY {}", groups.join(", ")) };
    statement.finish(format!(
        "{with} SELECT {} FROM (SELECT {inner} FROM {from} WHERE {}){by} LIMIT {}",
        outer.join(", "),
        filter.text(),
        QUERY_GROUPS + 1
    ))
}

/// A sort key as it can be read back: reals (and booleans) as they are, everything else as text with a letter.
fn tagged(key: &str) -> String {
    format!(
        "CASE typeof({key}) WHEN 'integer' THEN 'i' || {key} WHEN 'text' THEN 's' || {key} WHEN 'blob' THEN 'j' || \
         CAST({key} AS TEXT) ELSE {key} END"
    )
}

/// How many of SQLite's functions an aggregate takes.
fn functions(aggregate: &Aggregate) -> usize {
    match aggregate {
        Aggregate::Count | Aggregate::CountOf(_) | Aggregate::Min(_) | Aggregate::Max(_) => 1,
        Aggregate::Sum(_) => 3,
        Aggregate::Average(_) => 4,
    }
}

/// The numbers of a column, summed: the halves of the integers and a count in one text, then the doubles.
fn sums(column: &str, count: &str) -> [String; 2] {
    let half = |half: &str| format!("coalesce(sum({column} {half}) FILTER (WHERE typeof({column}) = 'integer'), 0)");
    [
        format!("{} || ' ' || {} || ' ' || {count}", half(">> 32"), half("& 4294967295")),
        format!("sum({column}) FILTER (WHERE typeof({column}) = 'real' AND {column} > {TRUE})"),
    ]
}

fn is_number(column: &str) -> String {
    format!("{column} > {TRUE} AND {column} < ''")
}

/// The group that a row of the statement holds.
pub(super) fn group(grouping: &Grouping<'_>, row: Vec<Cell>) -> Result<Group> {
    let mut cells = row.into_iter();
    let mut next = || cells.next().ok_or_else(unread);
    let mut keys = Vec::new();
    for _ in grouping.by {
        keys.push(untagged(next()?)?);
    }
    let mut values = Vec::new();
    for (_, aggregate) in grouping.aggregates {
        values.push(match aggregate {
            Aggregate::Count | Aggregate::CountOf(_) => Value::from(count(&next()?)?),
            Aggregate::Min(_) | Aggregate::Max(_) => untagged(next()?)?,
            Aggregate::Sum(_) => {
                let numbers = Numbers::read(&next()?, &next()?)?;
                sum_value(numbers.integers, numbers.reals)
            }
            Aggregate::Average(_) => {
                let numbers = Numbers::read(&next()?, &next()?)?;
                average_value(numbers.integers, numbers.reals, numbers.count)
            }
        });
    }
    Ok(Group { keys, values })
}

struct Numbers {
    integers: i128,
    reals: Option<f64>,
    count: u64,
}

impl Numbers {
    fn read(text: &Cell, reals: &Cell) -> Result<Numbers> {
        let Cell::Text(text) = text else { return Err(unread()) };
        let parts: Vec<i128> = text.split(' ').map(|part| part.parse().map_err(|_| unread())).collect::<Result<_>>()?;
        let [high, low, count] = parts.as_slice() else { return Err(unread()) };
        let reals = match reals {
            Cell::Null => None,
            Cell::Real(sum) => Some(*sum),
            #[allow(clippy::cast_precision_loss)]
            Cell::Integer(sum) => Some(*sum as f64),
            Cell::Text(_) | Cell::Blob(_) => return Err(unread()),
        };
        let count = u64::try_from(*count).map_err(|_| unread())?;
        Ok(Numbers { integers: (high << 32) + low, reals, count })
    }
}

fn count(cell: &Cell) -> Result<u64> {
    match cell {
        Cell::Integer(count) => u64::try_from(*count).map_err(|_| unread()),
        _ => Err(unread()),
    }
}

fn untagged(cell: Cell) -> Result<Value> {
    match cell {
        Cell::Null => Ok(Value::Null),
        Cell::Real(SortKey::FALSE) => Ok(Value::Bool(false)),
        Cell::Real(SortKey::TRUE) => Ok(Value::Bool(true)),
        Cell::Real(real) => Ok(crate::value::canonical(real)),
        #[allow(clippy::cast_precision_loss)]
        Cell::Integer(real) => Ok(crate::value::canonical(real as f64)),
        Cell::Text(text) => match (text.get(..1), text.get(1..)) {
            (Some("i"), Some(digits)) => digits.parse::<i64>().map(Value::from).map_err(|_| unread()),
            (Some("s"), Some(text)) => Ok(Value::String(text.to_owned())),
            (Some("j"), Some(json)) => parse(json.as_bytes()),
            _ => Err(unread()),
        },
        Cell::Blob(_) => Err(unread()),
    }
}

fn unread() -> Error {
    Error::new(Code::Internal, "A statement answered in another shape than it was written for.")
}
