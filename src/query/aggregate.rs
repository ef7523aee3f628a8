//! The arithmetic of aggregates, shared by both executors.
//!
//! Integers add up exactly; doubles add up with compensation (Neumaier 1974), in the way SQLite's `sum` does. The
//! two meet once, at the end.

use crate::value::{Value, canonical};

/// The sum of some numbers: of the integers among them, and of the doubles (`None` if there was none). An integer
/// if it can be, null if it is too large for a double.
#[must_use]
pub fn sum_value(integers: i128, reals: Option<f64>) -> Value {
    match (reals, i64::try_from(integers)) {
        (None, Ok(sum)) => Value::from(sum),
        _ => finite(total(integers, reals)),
    }
}

/// The mean of `count` numbers, given as in [`sum_value`]; null if there are none.
#[must_use]
pub fn average_value(integers: i128, reals: Option<f64>, count: u64) -> Value {
    if count == 0 {
        return Value::Null;
    }
    #[allow(clippy::cast_precision_loss)]
    let count = count as f64;
    finite(total(integers, reals) / count)
}

fn total(integers: i128, reals: Option<f64>) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let integers = integers as f64;
    integers + reals.unwrap_or(0.0)
}

/// The greatest double is no value either: sort keys lend it to a boolean.
fn finite(value: f64) -> Value {
    if value.abs() < f64::MAX { canonical(value) } else { Value::Null }
}

/// Numbers as they come in, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    integers: i128,
    reals: Option<Compensated>,
    count: u64,
}

impl Numbers {
    /// Adds a value; one that is no number is passed over.
    pub fn add(&mut self, value: &Value) {
        if let Some(integer) = value.as_i64() {
            self.integers += i128::from(integer);
            self.count += 1;
        } else if let Some(real) = value.as_f64() {
            self.reals.get_or_insert_default().add(real);
            self.count += 1;
        }
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> Value {
        sum_value(self.integers, self.reals.as_ref().map(Compensated::total))
    }

    /// Their mean.
    #[must_use]
    pub fn average(&self) -> Value {
        average_value(self.integers, self.reals.as_ref().map(Compensated::total), self.count)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    fn add(&mut self, real: f64) {
        let sum = self.sum + real;
        self.lost += if self.sum.abs() > real.abs() { (self.sum - sum) + real } else { (real - sum) + self.sum };
        self.sum = sum;
    }

    fn total(&self) -> f64 {
        if self.lost.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sum(values: &[Value]) -> Value {
        let mut numbers = Numbers::default();
        values.iter().for_each(|value| numbers.add(value));
        numbers.sum()
    }

    #[test]
    fn integers_add_up_exactly_and_past_64_bits_as_a_double() {
        assert_eq!(sum(&[]), json!(0));
        assert_eq!(sum(&[json!(i64::MAX), json!(1), json!(-1)]), json!(i64::MAX));
        assert_eq!(sum(&[json!(i64::MAX), json!(i64::MAX)]), json!(18_446_744_073_709_551_614.0));
    }

    #[test]
    fn doubles_keep_what_a_plain_sum_would_lose() {
        assert_eq!(sum(&[json!(1e100), json!(0.5), json!(-1e100)]), json!(0.5));
        assert_eq!(sum(&vec![json!(0.1); 10]), json!(1));
        assert_eq!(sum(&[json!(2), json!(0.5), json!("7"), json!(true), Value::Null]), json!(2.5));
    }

    #[test]
    fn a_sum_beyond_the_doubles_is_null() {
        assert_eq!(sum(&[json!(1.5e308), json!(1.5e308)]), Value::Null);
        assert_eq!(sum_value(0, Some(f64::NAN)), Value::Null);
    }

    #[test]
    fn the_mean_of_nothing_is_null() {
        assert_eq!(average_value(0, None, 0), Value::Null);
        assert_eq!(average_value(3, None, 2), json!(1.5));
        assert_eq!(average_value(3, Some(1.0), 2), json!(2));
    }
}
