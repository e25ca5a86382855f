//! Fixes carried out: edits of a file's bytes, each kept only if reading the result shows exactly what was meant.

use serde_json::Value;

use crate::diagnostic::{Change, Fix, Source};
use crate::model::{Entry, Kind, Node};
use crate::workspace::untagged;

/// A file's new text, and what became of each fix.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mended {
    pub(crate) text: String,
    /// The fixes that were made, by their position in what was given, in the order of the file.
    pub(crate) done: Vec<usize>,
}

/// Makes the fixes that have the effect that they claim, and no other.
///
/// They are made from the end of the file to its start, so that no edit moves the place of another. After each, the
/// text is read anew: if it does not say what it said before but for the one change, the edit is dropped.
pub(crate) fn mend(source: &Source, fixes: &[&Fix]) -> Mended {
    let mut mended = Mended { text: source.text.to_string(), done: Vec::new() };
    let Some(mut tree) = untagged(&mended.text) else { return mended };
    let mut order = (0..fixes.len()).collect::<Vec<_>>();
    order.sort_by_key(|&index| std::cmp::Reverse((fixes[index].bytes.start, fixes[index].bytes.end)));
    let mut free = mended.text.len();
    for index in order {
        let fix = fixes[index];
        // One place may be found twice, by two aliases or two lints.
        if fix.bytes.end > free || mended.text.get(fix.bytes.clone()).is_none() {
            continue;
        }
        let mut text = mended.text.clone();
        text.replace_range(fix.bytes.clone(), &fix.text);
        let wanted = changed(&tree, fix);
        let Some(read) = untagged(&text).filter(|read| said(read) == said(&wanted)) else { continue };
        free = fix.bytes.start;
        tree = read;
        mended.text = text;
        mended.done.push(index);
    }
    mended.done.reverse();
    mended
}

/// The tree after the fix.
fn changed(node: &Node, fix: &Fix) -> Node {
    let is_it = |node: &Node| node.span.start == fix.span.start && matches!(node.kind, Kind::Scalar(_));
    let kind = match (&node.kind, &fix.change) {
        (Kind::Scalar(_), Change::Value(value)) if is_it(node) => Kind::Scalar(value.clone()),
        (Kind::List(items), change) => {
            let stay = items.iter().filter(|item| *change != Change::Gone || !is_it(item));
            Kind::List(stay.map(|item| changed(item, fix)).collect())
        }
        (Kind::Map(entries), change) => Kind::Map(
            entries
                .iter()
                .map(|entry| Entry {
                    key: match change {
                        Change::Key(key) if entry.key_span.start == fix.span.start => key.clone(),
                        _ => entry.key.clone(),
                    },
                    key_span: entry.key_span,
                    value: changed(&entry.value, fix),
                })
                .collect(),
        ),
        (kind, _) => kind.clone(),
    };
    Node { kind, span: node.span }
}

fn said(tree: &Node) -> Value {
    tree.to_value(&mut |_| Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    fn at(text: &str, part: &str) -> Span {
        let start = text.find(part).expect("part of the text");
        Span::within(text, start..start + part.len())
    }

    fn mended(text: &str, fixes: &[Fix]) -> Mended {
        let source = Source { path: "a.yaml".into(), text: text.into() };
        mend(&source, &fixes.iter().collect::<Vec<_>>())
    }

    #[test]
    fn edits_keep_everything_else() {
        let text = "a: 1.10   # a version\r\nb:\r\n  - x  # first\r\n  - NO\r\n1.20: !env X\r\n";
        let quote = |part: &str| Fix::quote(at(text, part), part).expect("plain");
        let key = Fix::quote_key(at(text, "1.20"), "1.20").expect("plain");
        let result = mended(text, &[quote("1.10"), key, quote("NO")]);
        assert_eq!(
            result.text,
            "a: \"1.10\"   # a version\r\nb:\r\n  - x  # first\r\n  - \"NO\"\r\n\"1.20\": !env X\r\n"
        );
        assert_eq!(result.done, [0, 2, 1]);
    }

    #[test]
    fn an_edit_with_another_effect_is_not_made() {
        let text = "a: {b: 1, c: 2}\n";
        let span = at(text, "1");
        let lies = [
            Fix { span, bytes: span.start..span.end, text: "3".into(), change: Change::Value(4.into()) },
            Fix { span, bytes: span.start..span.end + 1, text: "x".into(), change: Change::Value("x".into()) },
            Fix { span, bytes: span.start..span.end, text: "[".into(), change: Change::Value("[".into()) },
            Fix { span, bytes: 0..900, text: String::new(), change: Change::Gone },
        ];
        for lie in lies {
            let result = mended(text, std::slice::from_ref(&lie));
            assert_eq!((result.text.as_str(), result.done.as_slice()), (text, [].as_slice()), "{lie:?}");
        }
    }

    #[test]
    fn one_place_is_edited_once() {
        let text = "a: NO\n";
        let fix = Fix::quote(at(text, "NO"), "NO").expect("plain");
        assert_eq!(mended(text, &[fix.clone(), fix]).text, "a: \"NO\"\n");
    }
}
