//! Computing fields.

use super::model::{Arithmetic, Expression};
use crate::error::{Code, Result, refuse};
use crate::limits::DOCUMENT_BYTES;
use crate::query::condition::holds;
use crate::value::{Path, Value, canonical};

/// The value of an expression over a document.
///
/// # Errors
/// `too_large` if a text grows past [`DOCUMENT_BYTES`].
pub fn evaluate(expression: &Expression, document: &Value) -> Result<Value> {
    let value = |of: &Expression| evaluate(of, document);
    Ok(match expression {
        Expression::Path(path) => read(path, document),
        Expression::Value(value) => value.clone(),
        Expression::Arithmetic(operator, of) => {
            let operands: Vec<Value> = of.iter().map(value).collect::<Result<_>>()?;
            fold(*operator, &operands).unwrap_or(Value::Null)
        }
        Expression::Concat(of) => concat(of, document)?,
        Expression::Lower(of) => text(&value(of)?, str::to_lowercase),
        Expression::Upper(of) => text(&value(of)?, str::to_uppercase),
        Expression::Trim(of) => text(&value(of)?, |text| text.trim().to_owned()),
        Expression::Length(of) => match value(of)? {
            Value::String(text) => Value::from(text.chars().count()),
            Value::Array(items) => Value::from(items.len()),
            _ => Value::Null,
        },
        Expression::Coalesce(of) => {
            for one in of {
                let value = value(one)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Value::Null
        }
        Expression::If(condition, yes, no) => value(if holds(condition, document) { yes } else { no })?,
    })
}

fn read(path: &Path, document: &Value) -> Value {
    path.get(document).cloned().unwrap_or_default()
}

fn text(value: &Value, change: impl Fn(&str) -> String) -> Value {
    value.as_str().map_or(Value::Null, |text| Value::String(change(text)))
}

fn concat(of: &[Expression], document: &Value) -> Result<Value> {
    let mut joined = String::new();
    for one in of {
        match evaluate(one, document)? {
            Value::String(text) => joined.push_str(&text),
            scalar @ (Value::Number(_) | Value::Bool(_)) => joined.push_str(&scalar.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => return Ok(Value::Null),
        }
        // A computed field may read computed fields: unbounded, a chain of them would double and double.
        if joined.len() > DOCUMENT_BYTES {
            return refuse(Code::TooLarge, format!("A computed text grows past {DOCUMENT_BYTES} bytes."));
        }
    }
    Ok(Value::String(joined))
}

#[derive(Clone, Copy)]
enum Operand {
    Integer(i64),
    Double(f64),
}

impl Operand {
    fn of(value: &Value) -> Option<Operand> {
        let number = value.as_number()?;
        number.as_i64().map(Operand::Integer).or_else(|| number.as_f64().map(Operand::Double))
    }

    #[allow(clippy::cast_precision_loss)]
    fn double(self) -> f64 {
        match self {
            Operand::Integer(integer) => integer as f64,
            Operand::Double(double) => double,
        }
    }
}

/// `None` is null.
fn fold(operator: Arithmetic, operands: &[Value]) -> Option<Value> {
    let (first, rest) = operands.split_first()?;
    let mut result = Operand::of(first)?;
    for next in rest {
        let next = Operand::of(next)?;
        let exact = match (result, next) {
            (Operand::Integer(left), Operand::Integer(right)) => match operator {
                Arithmetic::Add => left.checked_add(right),
                Arithmetic::Subtract => left.checked_sub(right),
                Arithmetic::Multiply => left.checked_mul(right),
                Arithmetic::Divide => None,
            },
            _ => None,
        };
        result = match exact {
            Some(integer) => Operand::Integer(integer),
            None => Operand::Double(in_doubles(operator, result, next)?),
        };
    }
    match result {
        Operand::Integer(integer) => Some(Value::from(integer)),
        Operand::Double(double) => Some(canonical(double)),
    }
}

fn in_doubles(operator: Arithmetic, left: Operand, right: Operand) -> Option<f64> {
    let (left, right) = (left.double(), right.double());
    let result = match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
    };
    // The greatest doubles are no numbers here, just as when JSON is read.
    (result.is_finite() && result.abs() != f64::MAX).then_some(result)
}
