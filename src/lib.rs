//! The core of Selvedge: everything that decides, nothing that touches the world.
//!
//! Selvedge is a database of durable actors. Each *key* of a database has one actor that is home to it, the
//! [`partition`]: it holds all documents of the key in its own SQLite and alone decides what is committed to them.
//! One more actor for each database, the [`catalog`], holds the schema, the API keys and the keys in use. In front
//! stands the stateless [`router`]. This crate is those three, without their sockets, clock and randomness: state
//! machines that take an event and a [`store`] and give back what to answer, or whom to ask.
//!
//! # The way of a request
//!
//! 1. [`router::route`] reads method, path and a few headers and says where the request belongs: here, a
//!    partition, a catalog. It makes a [`wire::PartitionRequest`]; the body stays as it came.
//! 2. [`partition::Partition::handle`] takes that request and the body. If the partition has never heard of its
//!    database it gives [`partition::Step::Ask`]; the shell asks the catalog and comes back with the lesson.
//!    From then on the catalog tells the partition of every change ([`wire::Grant`]), so that the path of a read
//!    or a write touches nothing but the partition.
//! 3. A read is decoded ([`query::decode`]), compiled to SQL ([`query::sql`]) and composed ([`query::run`]). The
//!    text of a document goes from its row to the answer without being parsed.
//! 4. A write becomes a [`batch::Batch`]. It is worked out in memory against what is stored (schema, reads,
//!    conditions, references, unique sets), and only then written, in one block: documents, index columns, log,
//!    receipt. What is refused leaves no trace but its receipt.
//! 5. The [`wire::Answer`] goes back as it is.
//!
//! # The rooms, from the ground up
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`limits`], [`error`] | every bound, every code |
//! | [`id`], [`time`], [`value`], [`moment`] | what everything speaks |
//! | [`query`] | the query tree, its two executors |
//! | [`schema`] | what documents must look like, what lies between two schemas |
//! | [`settings`], [`jwt`], [`principal`] | whose tokens are accepted, what they say, who asks |
//! | [`batch`] | what changes documents, and its receipt |
//! | [`wire`] | what router and actors tell each other |
//! | [`store`] | SQL in, rows out |
//! | [`partition`], [`catalog`], [`router`] | who does it |
//!
//! The lower rooms never know the higher ones. `docs/design.md` tells the tables, the rows and the protocols.
//!
//! # For example
//!
//! ```
//! # #[cfg(feature = "native")] {
//! use selvedge::store::{Cell, Store, sqlite::SqliteStore};
//!
//! let mut store = SqliteStore::in_memory()?;
//! let rows = store.run("SELECT ? || ' edge'", &[Cell::Text("at the".into())])?.rows;
//! assert_eq!(rows, [[Cell::Text("at the edge".into())]]);
//! # }
//! # Ok::<(), selvedge::error::Error>(())
//! ```

#![warn(missing_docs, unreachable_pub)]
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
pub mod cors;
pub mod error;
pub mod id;
pub mod jwt;
pub mod limits;
mod lru;
pub mod moment;
pub mod partition;
mod percent;
pub mod principal;
pub mod query;
mod quota;
pub mod router;
mod rules;
pub mod schema;
pub mod settings;
pub mod store;
pub mod sync;
pub mod time;
pub mod value;
pub mod wire;
