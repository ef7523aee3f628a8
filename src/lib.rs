//! The core of Selvedge: everything that decides, nothing that touches the world.

// Shipped code meets hostile input, and a panic costs every object of an isolate its memory.
#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod batch;
pub mod catalog;
pub mod error;
pub mod id;
pub mod limits;
pub mod moment;
pub mod partition;
mod principal;
pub mod query;
pub mod router;
pub mod schema;
pub mod store;
pub mod time;
pub mod value;
pub mod wire;
