//! The query language: one tree, two executors.
//!
//! [`tree`] is what a query means; `decode` reads it from JSON, against the [`names`] of a schema. It runs compiled
//! to SQL in a partition (`sql`) and over plain values (`memory`): both answer the flat questions of [`selection`],
//! and `run` composes includes, projections, groups and cursors from the answers, once for both.

pub mod names;
pub mod selection;
pub mod tree;
