//! JSON values: how they are read, compared and addressed.

mod json;
mod order;
mod path;

pub(crate) use json::canonical;
pub use json::{parse, parse_object};
pub use order::{Class, SortKey, class, compare, sort_key};
pub use path::Path;
pub use serde_json::{Map, Number, Value};
