//! Untrusted texts in Markdown: as code, in which nothing is a mention, an address, an issue or a tag.

use std::fmt::Write as _;

/// A text in one line as code. Whatever Markdown or GitHub could take for its own is an entity.
pub(super) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str("<code>");
    for c in text.chars() {
        if c.is_ascii_punctuation() && !"-/,=+()\"'{};%?".contains(c) {
            let _ = write!(out, "&#{};", u32::from(c));
        } else if c.is_control() {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out.push_str("</code>");
    out
}

/// Lines in a fence that is longer than any in them.
pub(super) fn fence(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| ticks(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", lines.join("\n"))
}

fn ticks(line: &str) -> usize {
    line.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_code_is_markup() {
        assert_eq!(code("a-b/1"), "<code>a-b/1</code>");
        let hostile = "</code>@me #1 https://e.x |*_~[x](y)\\`&amp;$x$ !";
        let inside = code(hostile);
        let inside = inside.trim_start_matches("<code>").trim_end_matches("</code>");
        assert!(
            !inside.contains(['<', '>', '@', '|', ':', '.', '*', '_', '~', '[', ']', '\\', '`', '$', '!']),
            "{inside}"
        );
        assert_eq!(code("\n"), "<code>\\u{a}</code>");
    }

    #[test]
    fn a_fence_is_longer_than_those_in_it() {
        let text = fence("diff", &["- ````".to_owned(), "+ x".to_owned()]);
        assert_eq!(text, "`````diff\n- ````\n+ x\n`````");
    }
}
