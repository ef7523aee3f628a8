//! A partition, with its catalog, through the requests they take: what is promised of documents, batches,
//! constraints, time travel and transfers.

#[path = "partition/constraints.rs"]
mod constraints;
#[path = "partition/documents.rs"]
mod documents;
#[path = "partition/history.rs"]
mod history;
#[path = "partition/idempotency.rs"]
mod idempotency;
#[path = "partition/machine.rs"]
mod machine;
#[path = "partition/model.rs"]
mod model;
#[path = "executors/random.rs"]
mod random;
#[path = "actors/tokens.rs"]
mod tokens;
#[path = "partition/transactions.rs"]
mod transactions;
#[path = "partition/transfer.rs"]
mod transfer;
#[path = "actors/world.rs"]
mod world;
