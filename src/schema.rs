//! What a database's data must look like.
//!
//! [`model`] is a schema. [`decode`] reads and checks one from JSON, [`document`] fits a document to it,
//! [`change`] says what lies between two of them.

pub mod model;
