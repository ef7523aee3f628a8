//! Conditions as SQL text, with the measure that SQLite takes of them.
//!
//! A piece that comes out NULL counts as false. `AND`, `OR` and `WHERE` read it so by themselves, [`Piece::not`]
//! sees to it.

use std::fmt::Write;

/// How deep a comparison with a sort key is: comparison, `CASE`, `CAST`, function, column.
const LEAF: usize = 5;
/// How deep two ranges of sort keys are: `AND`, comparison, `CASE`, and the comparison with a sort key.
const CLASSES: usize = LEAF + 3;

/// A condition in SQL.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    text: String,
    /// How deep its expression tree is.
    height: usize,
    /// The heights of the conditions of nested subqueries, summed along the worst chain: SQLite counts each of
    /// them again for everything around it.
    pile: usize,
}

impl Piece {
    pub(super) fn always() -> Piece {
        Piece { text: "1".to_owned(), height: 1, pile: 0 }
    }

    pub(super) fn never() -> Piece {
        Piece { text: "0".to_owned(), height: 1, pile: 0 }
    }

    /// A condition whose text nests no further than a comparison of two sort keys.
    pub(super) fn leaf(text: String) -> Piece {
        Piece { text, height: LEAF, pile: 0 }
    }

    /// A condition that compares the classes of two sort keys.
    pub(super) fn of_classes(text: String) -> Piece {
        Piece { text, height: CLASSES, pile: 0 }
    }

    /// The text `before condition after`, where the condition is that of a subquery, which stands `above` levels
    /// deep in the text.
    pub(super) fn nested(before: &str, condition: &Piece, after: &str, above: usize) -> Piece {
        let Piece { text, height, pile } = condition;
        Piece { text: format!("{before}{text}{after}"), height: height.max(&LEAF) + above, pile: height + pile }
    }

    pub(super) fn not(self) -> Piece {
        if self.is_always() {
            Piece::never()
        } else if self.is_never() {
            Piece::always()
        } else {
            Piece { text: format!("({}) IS NOT TRUE", self.text), height: self.height + 1, pile: self.pile }
        }
    }

    pub(super) fn all(pieces: Vec<Piece>) -> Piece {
        if pieces.iter().any(Piece::is_never) {
            return Piece::never();
        }
        let pieces: Vec<Piece> = pieces.into_iter().filter(|piece| !piece.is_always()).collect();
        balanced(&pieces, " AND ").unwrap_or_else(Piece::always)
    }

    pub(super) fn any(pieces: Vec<Piece>) -> Piece {
        if pieces.iter().any(Piece::is_always) {
            return Piece::always();
        }
        let pieces: Vec<Piece> = pieces.into_iter().filter(|piece| !piece.is_never()).collect();
        balanced(&pieces, " OR ").unwrap_or_else(Piece::never)
    }

    pub(super) fn and(self, other: Piece) -> Piece {
        Piece::all(vec![self, other])
    }

    pub(super) fn or(self, other: Piece) -> Piece {
        Piece::any(vec![self, other])
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_always(&self) -> bool {
        self.text == "1"
    }

    pub(super) fn is_never(&self) -> bool {
        self.text == "0"
    }

    /// What SQLite holds against its limit on the depth of expressions.
    pub(super) fn depth(&self) -> usize {
        self.height + self.pile
    }
}

/// A balanced tree: a chain of terms would nest as deep as it is long.
fn balanced(pieces: &[Piece], between: &str) -> Option<Piece> {
    if let [one] = pieces {
        return Some(one.clone());
    }
    let (left, right) = pieces.split_at(pieces.len() / 2);
    let (left, right) = (balanced_half(left, between)?, balanced_half(right, between)?);
    let mut text = left.text;
    let _ = write!(text, "{between}{}", right.text);
    Some(Piece { text, height: left.height.max(right.height) + 1, pile: left.pile.max(right.pile) })
}

fn balanced_half(pieces: &[Piece], between: &str) -> Option<Piece> {
    if pieces.is_empty() {
        return None;
    }
    let mut half = balanced(pieces, between)?;
    half.text = format!("({})", half.text);
    Some(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Piece> {
        (0..count).map(|at| Piece::leaf(format!("a{at}"))).collect()
    }

    #[test]
    fn many_terms_make_a_shallow_tree() {
        assert_eq!(Piece::all(leaves(3)).text(), "(a0) AND ((a1) AND (a2))");
        assert_eq!(Piece::any(leaves(64)).depth(), LEAF + 6);
        assert!(Piece::all(Vec::new()).is_always());
        assert!(Piece::any(Vec::new()).is_never());
    }

    #[test]
    fn what_is_certain_is_left_out() {
        let one = || Piece::leaf("a".to_owned());
        assert_eq!(Piece::all(vec![Piece::always(), one()]), one());
        assert!(Piece::all(vec![Piece::never(), one()]).is_never());
        assert!(Piece::any(vec![Piece::always(), one()]).is_always());
        assert!(Piece::never().not().is_always());
    }
}
