//! A catalog and its partitions: schemas that change under the data, who may ask, what happens by itself.

#[path = "catalog/access.rs"]
mod access;
#[path = "catalog/hostile.rs"]
mod hostile;
#[path = "catalog/indexes.rs"]
mod indexes;
#[path = "catalog/migrations.rs"]
mod migrations;
#[path = "catalog/paced.rs"]
mod paced;
#[path = "executors/random.rs"]
mod random;
#[path = "catalog/references.rs"]
mod references;
#[path = "catalog/schema_change.rs"]
mod schema_change;
#[path = "actors/tokens.rs"]
mod tokens;
#[path = "catalog/upkeep.rs"]
mod upkeep;
#[path = "actors/world.rs"]
mod world;
