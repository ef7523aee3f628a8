//! The core of Selvedge: everything that decides, nothing that touches the world.
pub mod error;
pub mod id;
pub mod limits;
pub mod query;
pub mod schema;
pub mod store;
pub mod time;
pub mod value;
pub mod wire;
