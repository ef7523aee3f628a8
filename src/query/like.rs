//! Patterns: `%` is any run of characters, `_` any one, everything else itself. By Unicode characters, with case.

/// Whether a text matches a pattern. Takes at most the product of their lengths: after a mismatch only the last
/// `%` takes one character more, since an earlier one could gain nothing by it.
#[must_use]
pub fn like(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // Where to go on after a mismatch: the text that the last `%` has not taken, and the pattern behind it.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let (text_before, mut pattern_rest) = (text.clone(), pattern.clone());
        match (text.next(), pattern_rest.next()) {
            (_, Some('%')) => {
                text = text_before.clone();
                pattern = pattern_rest.clone();
                retry = Some((text_before, pattern_rest));
            }
            (None, None) => return true,
            (Some(_), Some('_')) => pattern = pattern_rest,
            (Some(found), Some(wanted)) if found == wanted => pattern = pattern_rest,
            _ => {
                let Some((taken, behind)) = &mut retry else { return false };
                if taken.next().is_none() {
                    return false;
                }
                text = taken.clone();
                pattern = behind.clone();
            }
        }
    }
}

/// The same pattern for SQLite's `GLOB`, which has case where its `LIKE` has none.
#[must_use]
pub fn like_to_glob(pattern: &str) -> String {
    let mut glob = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        match character {
            '%' => glob.push('*'),
            '_' => glob.push('?'),
            '*' | '?' | '[' => glob.extend(['[', character, ']']),
            _ => glob.push(character),
        }
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_by_character_and_case() {
        for (text, pattern) in [
            ("", ""),
            ("", "%%"),
            ("abc", "abc"),
            ("abc", "a%"),
            ("abc", "%c"),
            ("abc", "a_c"),
            ("abc", "%b%"),
            ("a😀c", "a_c"),
            ("ababac", "%abac"),
            ("a%c", "a%c"),
            ("mississippi", "m%iss%p_"),
        ] {
            assert!(like(text, pattern), "{text:?} matches {pattern:?}");
        }
        for (text, pattern) in
            [("abc", "ABC"), ("abc", ""), ("", "_"), ("abc", "ab"), ("abc", "a_"), ("abc", "%b"), ("ab", "%a_c")]
        {
            assert!(!like(text, pattern), "{text:?} does not match {pattern:?}");
        }
    }

    #[test]
    fn a_pattern_made_to_backtrack_ends() {
        assert!(!like(&"a".repeat(100_000), &format!("{}b", "a%".repeat(24))));
    }

    #[test]
    fn the_glob_escapes_what_only_glob_knows() {
        assert_eq!(like_to_glob("a%b_c*d?e[f]g"), "a*b?c[*]d[?]e[[]f]g");
    }
}
