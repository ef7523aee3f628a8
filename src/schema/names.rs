//! The names that a schema gives, as queries ask for them.

use super::model::{Kind, Schema};
use super::paths::{kind_at, may_hold};
use crate::id::CollectionName;
use crate::query::names::Names;
use crate::query::tree::Relation;
use crate::value::Path;

impl Names for Schema {
    fn relation(&self, collection: &CollectionName, name: &str) -> Option<Relation> {
        let schema = self.collections.get(collection)?;
        if let Some(reverse) = schema.relations.get(name) {
            return Some(Relation::Reverse { collection: reverse.from.clone(), by: reverse.by.clone() });
        }
        let path = Path::parse(name).ok()?;
        match kind_at(schema, &path)? {
            Kind::Ref { collection, .. } => Some(Relation::Forward { collection: collection.clone(), path }),
            _ => None,
        }
    }

    fn may_have(&self, collection: &CollectionName, path: &Path) -> bool {
        if matches!(path.head(), "id" | "_version" | "_time") {
            return path.tail().is_none();
        }
        self.collections.get(collection).is_none_or(|schema| may_hold(schema, path))
    }
}
