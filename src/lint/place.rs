//! Where a part of a value stands in the file.

use std::ops::Range;

use crate::diagnostic::{Source, Span};
use crate::model::Node;

/// The place of some bytes of a string node's value. The value and the file's text are walked side by side, past the
/// indentation, line breaks and simple escapes in which they differ; where they part ways, it is the node's own place.
pub(super) fn within(source: &Source, node: &Node, part: Range<usize>) -> Span {
    let exact = || {
        let value = node.as_str()?;
        let raw = source.text.get(node.span.start..)?;
        let mut raw_at = if raw.starts_with(['"', '\'']) { 1 } else { 0 };
        let quote = raw.chars().next().filter(|_| raw_at == 1);
        let mut start = None;
        for (at, wanted) in value.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            if at >= part.end {
                break;
            }
            raw_at = next(raw, raw_at, wanted, quote)?;
            if at >= part.start && start.is_none() {
                start = Some(raw_at);
            }
            raw_at += wanted.len_utf8();
        }
        let start = node.span.start + start?;
        let end = node.span.start + raw_at;
        let line = source.text[start..end].find('\n').map_or(end, |length| start + length);
        Some(Span::within(&source.text, start..line).in_file(node.span.file))
    };
    exact().unwrap_or(node.span)
}

/// Where the character that is wanted stands next, blanks and escapes passed over.
fn next(raw: &str, mut at: usize, wanted: char, quote: Option<char>) -> Option<usize> {
    loop {
        let rest = raw.get(at..)?;
        let found = rest.chars().next()?;
        if quote == Some('"') && found == '\\' {
            match rest[1..].chars().next()? {
                'n' | 't' | 'r' | ' ' | '\n' | '\r' => at += 2,
                escaped if escaped == wanted => return Some(at + 1),
                _ => return None,
            }
        } else if quote == Some('\'') && rest.starts_with("''") && wanted == '\'' {
            return Some(at + 1);
        } else if found == wanted {
            return Some(at);
        } else if found.is_whitespace() {
            at += found.len_utf8();
        } else {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schemas;

    fn place(value: &str) -> (String, String) {
        let text = format!("publisherId: contoso\nid: a\nofferTypeId: x\ndefinition:\n  displayText: {value}\n");
        let schemas = Schemas::builtin();
        let date = "2026-11-25".parse().expect("a date");
        let (desired, found) = crate::workspace::offer_from_text("a.yaml", &text, schemas, date);
        let desired = desired.unwrap_or_else(|| panic!("{found:?}"));
        let node = desired.document.get("definition").and_then(|d| d.get("displayText")).expect("the node");
        let at = node.as_str().and_then(|value| value.find("<x")).expect("the part");
        let span = within(desired.sources.own(), node, at..at + 3);
        (text[span.start..span.end].to_owned(), format!("{}:{}", span.line, span.column))
    }

    #[test]
    fn a_part_is_found_in_every_form_of_scalar() {
        for (value, at) in [
            ("ab <x> c", "5:19"),
            ("'it''s <x>'", "5:23"),
            ("\"a\\n\\\"b <x>\"", "5:24"),
            (">-\n    one\n    two <x>\n    three", "7:9"),
            ("|\n    one\n\n      <x>", "8:7"),
            ("é <x>", "5:18"),
        ] {
            assert_eq!(place(value), ("<x>".to_owned(), at.to_owned()), "{value:?}");
        }
        // An escape that would have to be read: the place of the whole value.
        assert_eq!(place("\"\\u00e9 <x>\"").1, "5:16");
    }
}
