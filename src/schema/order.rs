//! Ordering things by what they need.

use std::collections::{BTreeMap, BTreeSet};

/// The nodes, each after those it needs (Kahn, 1962), or a cycle among them: each needs the next, the last the
/// first. Needs that are no nodes are passed over.
pub(super) fn order<'n>(
    needs: &BTreeMap<&'n str, BTreeSet<&'n str>>,
) -> std::result::Result<Vec<&'n str>, Vec<&'n str>> {
    let mut left: BTreeSet<&str> = needs.keys().copied().collect();
    let mut ordered = Vec::with_capacity(left.len());
    let wanting = |node: &str, left: &BTreeSet<&'n str>| {
        needs.get(node).and_then(|of| of.iter().find(|need| left.contains(*need)).copied())
    };
    while !left.is_empty() {
        let ready: Vec<&str> = left.iter().copied().filter(|node| wanting(node, &left).is_none()).collect();
        if ready.is_empty() {
            break;
        }
        for node in ready {
            left.remove(node);
            ordered.push(node);
        }
    }
    let Some(mut node) = left.first().copied() else {
        return Ok(ordered);
    };
    // Whatever is left needs something that is left: walking on must come round.
    let mut walk: Vec<&str> = Vec::new();
    loop {
        if let Some(start) = walk.iter().position(|seen| *seen == node) {
            return Err(walk.split_off(start));
        }
        walk.push(node);
        match wanting(node, &left) {
            Some(next) => node = next,
            None => return Err(walk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(edges: &[(&'static str, &[&'static str])]) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        edges.iter().map(|(node, of)| (*node, of.iter().copied().collect())).collect()
    }

    #[test]
    fn what_is_needed_comes_first() {
        let order = order(&needs(&[("a", &["b", "c"]), ("b", &["c", "elsewhere"]), ("c", &[])]));
        assert_eq!(order, Ok(vec!["c", "b", "a"]));
    }

    #[test]
    fn a_cycle_is_named_without_what_only_leads_to_it() {
        let order = order(&needs(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])]));
        assert_eq!(order, Err(vec!["b", "c"]));
        assert_eq!(super::order(&needs(&[("self", &["self"])])), Err(vec!["self"]));
    }
}
