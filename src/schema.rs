//! What a database's data must look like.
//!
//! [`model`] is a schema. [`decode`] reads and checks one from JSON, [`document`] fits a document to it,
//! [`change`] says what lies between two of them, and [`paths`] where its references and indexes are. Queries ask
//! it for names through [`crate::query::names::Names`].

pub mod change;
pub mod decode;
pub mod document;
pub mod expression;
mod kind;
pub mod model;
mod names;
mod order;
pub mod paths;
