//! Arithmetic on JSON numbers that loses nothing unseen.

use super::Value;
use super::json::canonical;

/// The sum of two numbers: of integers in 64 bits where it fits, else in doubles. `None` if one is no number or
/// the sum cannot be carried.
#[must_use]
pub fn add(left: &Value, right: &Value) -> Option<Value> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return left.checked_add(right).map(Value::from);
    }
    let sum = left.as_f64()? + right.as_f64()?;
    (sum.is_finite() && sum.abs() < f64::MAX).then(|| canonical(sum))
}
