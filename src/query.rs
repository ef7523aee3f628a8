//! The query language: one tree, two executors.
//!
//! [`tree`] is what a query means. [`decode`] reads it from JSON. It runs compiled to SQL in a partition
//! ([`sql`]) and over plain values ([`memory`]); both give [`run`] the same flat selections, and `run` composes
//! includes, projections, groups and cursors once for both.

pub mod tree;
