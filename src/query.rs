//! The query language: one tree, two executors.
//!
//! [`tree`] is what a query means; [`decode`] reads it from JSON, against the [`names`] of a schema. It runs compiled
//! to SQL in a partition ([`sql`]) and over plain values ([`memory`]): both answer the flat questions of
//! [`selection`], and [`run`] composes includes, projections, groups and cursors from the answers, once for both.
//!
//! What a [`condition`], a pattern ([`like`]) or an [`aggregate`] means is said once, in the module of that name.

pub mod aggregate;
pub mod bind;
pub mod condition;
pub mod cursor;
pub mod decode;
pub mod like;
pub mod memory;
pub mod names;
pub mod run;
pub mod selection;
pub mod sql;
pub mod tree;
