//! JSON values: how they are read, compared and addressed.

mod json;
mod number;
mod order;
mod path;

pub(crate) use json::canonical;
pub use json::{parse, parse_object};
pub use number::add;
pub use order::{Class, SortKey, class, compare, sort_key};
pub use path::Path;
pub use serde_json::{Map, Number, Value};

/// The object of those of the members that are there.
pub(crate) fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)));
    Value::Object(there.collect())
}
