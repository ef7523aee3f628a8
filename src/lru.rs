//! A map that forgets what was used least recently.

use std::collections::BTreeMap;

/// At most `most` values by key.
#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    most: usize,
    uses: u64,
    values: BTreeMap<K, (u64, V)>,
    /// Keys by their last use.
    order: BTreeMap<u64, K>,
}

impl<K: Clone + Ord, V> Lru<K, V> {
    pub(crate) fn of(most: usize) -> Lru<K, V> {
        Lru { most, uses: 0, values: BTreeMap::new(), order: BTreeMap::new() }
    }

    /// The value under `key`, which is used by that.
    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        let (used, value) = self.values.get_mut(key)?;
        self.order.remove(used);
        self.uses += 1;
        *used = self.uses;
        self.order.insert(self.uses, key.clone());
        Some(value)
    }

    /// The value under `key`, which is used by that; `made` if there is none.
    pub(crate) fn entry(&mut self, key: K, made: impl FnOnce() -> V) -> &mut V {
        self.uses += 1;
        self.order.insert(self.uses, key.clone());
        if !self.values.contains_key(&key) && self.values.len() >= self.most {
            self.forget();
        }
        let uses = self.uses;
        let (used, value) = self.values.entry(key).or_insert_with(|| (uses, made()));
        if *used != uses {
            self.order.remove(used);
        }
        *used = uses;
        value
    }

    /// Keeps a value, in place of the one that was used least recently if there is no room.
    pub(crate) fn put(&mut self, key: K, value: V) {
        self.uses += 1;
        self.order.insert(self.uses, key.clone());
        if let Some((used, _)) = self.values.insert(key, (self.uses, value)) {
            self.order.remove(&used);
        }
        if self.values.len() > self.most {
            self.forget();
        }
    }

    fn forget(&mut self) {
        if let Some((_, oldest)) = self.order.pop_first() {
            self.values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lru;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut kept = Lru::of(2);
        kept.put("a", 1);
        kept.put("b", 2);
        assert_eq!(kept.get(&"a"), Some(&mut 1));
        kept.put("c", 3);
        let is_there = |kept: &mut Lru<&str, i32>| ["a", "b", "c"].map(|key| kept.get(&key).is_some());
        assert_eq!(is_there(&mut kept), [true, false, true]);
        kept.put("c", 4);
        kept.put("c", 5);
        assert_eq!(is_there(&mut kept), [true, false, true]);
        assert_eq!(kept.get(&"c"), Some(&mut 5));
        assert_eq!((kept.values.len(), kept.order.len()), (2, 2));
    }
}
