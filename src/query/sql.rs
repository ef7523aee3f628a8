//! The executor over a partition's SQLite: selections and groupings compiled to single statements.
//!
//! Every path becomes one *sort key* expression ([`crate::value::SortKey`]): the column of an index where there is
//! one, else a look into the body. Sort keys compare in SQLite as values do in [`crate::value::compare`], so
//! conditions and orders are plain comparisons that indexes serve. Names and values of callers travel as
//! parameters only; the text of a statement depends on nothing but the shape of the query and the layout.

mod condition;
mod group;
mod keyset;
mod layout;
mod piece;
mod place;
mod select;
mod source;
mod statement;

pub use layout::{Layout, Table};
pub use source::SqlSource;
