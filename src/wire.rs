//! How the parts talk: encodings shared by router, actors and tokens.

mod percent;

pub use percent::{percent_decode, percent_encode};
