//! Texts that differ and look equal: another Unicode normalisation, another kind of space.

use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::Value;

/// Two texts with their difference in code points, where they would look equal.
pub(super) fn texts(before: &str, after: &str) -> Option<(String, String)> {
    if before == after || before.is_ascii() && after.is_ascii() || look(before) != look(after) {
        return None;
    }
    let start = before.chars().zip(after.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum::<usize>();
    let ends = before[start..].chars().rev().zip(after[start..].chars().rev());
    let end = ends.take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum::<usize>();
    let spelled = |text: &str| {
        let (middle, rest) = text[start..].split_at(text.len() - start - end);
        let middle = middle.chars().map(|c| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() });
        format!("{}{}{rest}", &text[..start], middle.collect::<String>())
    };
    Some((spelled(before), spelled(after)))
}

/// As [`texts`], for values.
pub(super) fn values(before: &Value, after: &Value) -> Option<(Value, Value)> {
    let (before, after) = texts(before.as_str()?, after.as_str()?)?;
    Some((before.into(), after.into()))
}

/// What texts have in common that look equal.
fn look(text: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    composed.chars().filter(|c| !crate::safe::is_unseen(*c)).map(|c| if c.is_whitespace() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_that_cannot_be_seen_is_spelled() {
        for (before, after, shown) in [
            ("Café", "Cafe\u{301}", Some(("Caf\\u{e9}", "Cafe\\u{301}"))),
            ("é a b é", "é a\u{a0}b é", Some(("é a b é", "é a\\u{a0}b é"))),
            ("a\u{2009}b", "a\u{202f}b", Some(("a\\u{2009}b", "a\\u{202f}b"))),
            ("10 \u{212b}", "10 \u{c5}", Some(("10 \\u{212b}", "10 \\u{c5}"))),
            ("é", "é", None),
            ("Café", "Cafè", None),
            ("a b", "a\tb", None),
        ] {
            let shown = shown.map(|(before, after)| (before.to_owned(), after.to_owned()));
            assert_eq!(texts(before, after), shown, "{before} {after}");
        }
    }
}
