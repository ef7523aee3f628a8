//! Expressions of computed fields: a string is a path, a number or boolean itself, `{"value": …}` any value, an
//! array an operator and what it takes.

use super::reader::{condition, invalid, members, path, within};
use crate::error::Result;
use crate::limits::EXPRESSION_NODES;
use crate::schema::model::{Arithmetic, Expression};
use crate::value::Value;

/// The expression that `value` spells.
pub(super) fn read(value: &Value) -> Result<Expression> {
    Reader { nodes: 0 }.expression(value)
}

struct Reader {
    nodes: usize,
}

impl Reader {
    fn expression(&mut self, value: &Value) -> Result<Expression> {
        self.nodes += 1;
        if self.nodes > EXPRESSION_NODES {
            return Err(invalid(format!("An expression has at most {EXPRESSION_NODES} operators, paths and values.")));
        }
        match value {
            Value::String(text) => Ok(Expression::Path(path(text)?)),
            Value::Number(_) | Value::Bool(_) => Ok(Expression::Value(value.clone())),
            Value::Object(_) => match members(value, &["value"])?.get("value") {
                Some(value) => Ok(Expression::Value(value.clone())),
                None => Err(invalid("A value is written {\"value\": …}.")),
            },
            Value::Array(items) => match items.split_first() {
                Some((Value::String(operator), operands)) => self.call(operator, operands),
                _ => Err(invalid("An expression is an array with its operator, a string, first.")),
            },
            Value::Null => Err(invalid("null is written {\"value\": null}.")),
        }
    }

    fn call(&mut self, operator: &str, operands: &[Value]) -> Result<Expression> {
        Ok(match operator {
            "+" => Expression::Arithmetic(Arithmetic::Add, self.several(operator, operands, 2)?),
            "-" => Expression::Arithmetic(Arithmetic::Subtract, self.several(operator, operands, 2)?),
            "*" => Expression::Arithmetic(Arithmetic::Multiply, self.several(operator, operands, 2)?),
            "/" => Expression::Arithmetic(Arithmetic::Divide, self.several(operator, operands, 2)?),
            "concat" => Expression::Concat(self.several(operator, operands, 1)?),
            "coalesce" => Expression::Coalesce(self.several(operator, operands, 1)?),
            "lower" => Expression::Lower(self.one(operator, operands)?),
            "upper" => Expression::Upper(self.one(operator, operands)?),
            "trim" => Expression::Trim(self.one(operator, operands)?),
            "length" => Expression::Length(self.one(operator, operands)?),
            "if" => {
                let [test, yes, no] = operands else {
                    return Err(invalid("`if` takes a condition and two expressions."));
                };
                let test = within("1", condition(test))?;
                let yes = within("2", self.expression(yes))?;
                let no = within("3", self.expression(no))?;
                Expression::If(Box::new(test), Box::new(yes), Box::new(no))
            }
            _ => {
                return within(
                    "0",
                    Err(invalid(format!(
                        "{operator:?} is no operator; there are + - * / concat coalesce lower upper trim length if."
                    ))),
                );
            }
        })
    }

    fn several(&mut self, operator: &str, operands: &[Value], least: usize) -> Result<Vec<Expression>> {
        if operands.len() < least {
            return Err(invalid(format!("`{operator}` takes at least {least} expressions.")));
        }
        let numbered = operands.iter().enumerate();
        numbered.map(|(index, operand)| within(&(index + 1).to_string(), self.expression(operand))).collect()
    }

    fn one(&mut self, operator: &str, operands: &[Value]) -> Result<Box<Expression>> {
        match operands {
            [operand] => Ok(Box::new(within("1", self.expression(operand))?)),
            _ => Err(invalid(format!("`{operator}` takes one expression."))),
        }
    }
}
