//! Long texts: only the lines that change, with one line around them, and where they are.

use similar::{ChangeTag, TextDiff};

use super::{Paint, plural, visible};

/// Texts from this length on are shown as hunks rather than in full.
pub(super) const LONG: usize = 60;

/// The hunks that lead from `before` to `after`, one string for each line, and how many words differ.
pub(super) fn hunks(before: &str, after: &str, paint: Paint) -> (Vec<String>, usize) {
    let (before, after) = (lines(before), lines(after));
    let diff = TextDiff::configure().diff_slices(&refs(&before), &refs(&after));
    let total = before.len().max(after.len());
    let mut shown = Vec::new();
    for group in diff.grouped_ops(1) {
        let Some(first) = group.first() else { continue };
        if total > 1 {
            let at = first.new_range().start + 1;
            shown.push(paint.dim(&format!("@@ line {at} of {} @@", after.len())));
        }
        for op in &group {
            for change in diff.iter_inline_changes(op) {
                let text = change
                    .values()
                    .iter()
                    .map(|(changed, piece)| {
                        let piece = visible(piece.trim_end_matches('\n'), false);
                        if *changed && !piece.trim().is_empty() { mark(&piece, change.tag(), paint) } else { piece }
                    })
                    .collect::<String>();
                shown.push(match change.tag() {
                    ChangeTag::Equal => format!("  {text}"),
                    ChangeTag::Delete => paint.removed(&format!("- {text}")),
                    ChangeTag::Insert => paint.added(&format!("+ {text}")),
                });
            }
        }
    }
    (shown, changed_words(&before.concat(), &after.concat()))
}

/// In plain text the changed words stand in brackets, as `wdiff` writes them; in colour they are underlined too.
fn mark(piece: &str, tag: ChangeTag, paint: Paint) -> String {
    let marked = match tag {
        ChangeTag::Delete => format!("[-{piece}-]"),
        ChangeTag::Insert => format!("{{+{piece}+}}"),
        ChangeTag::Equal => return piece.to_owned(),
    };
    if paint.color { format!("\u{1b}[4m{marked}\u{1b}[24m") } else { marked }
}

fn changed_words(before: &str, after: &str) -> usize {
    let diff = TextDiff::from_words(before, after);
    let count =
        |tag| diff.iter_all_changes().filter(|change| change.tag() == tag && !change.value().trim().is_empty()).count();
    count(ChangeTag::Delete).max(count(ChangeTag::Insert))
}

/// The lines of a text; a text that is one long line is cut at the ends of sentences and tags.
fn lines(text: &str) -> Vec<String> {
    if text.trim_end().contains('\n') {
        return text.replace("\r\n", "\n").trim_end().split('\n').map(|line| format!("{line}\n")).collect();
    }
    let mut pieces = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let end = pieces.len() - 1;
        pieces[end].push(c);
        let sentence = c == ' ' && pieces[end].trim_end().ends_with(['.', '!', '?']);
        let tag = c == '>' && characters.peek().is_some();
        if (sentence || tag) && pieces[end].chars().count() > 20 {
            pieces.push(String::new());
        }
    }
    pieces
}

fn refs(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

/// `(2 words)`.
pub(super) fn words(count: usize) -> String {
    if count == 0 { "(white space)".to_owned() } else { format!("({})", plural(count, "word")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_shown() {
        let before = (1..=40).map(|n| format!("<p>This is line number {n}.</p>\n")).collect::<String>();
        let after = before.replace("number 20.", "number twenty.");
        let (shown, words) = hunks(&before, &after, Paint { color: false });
        assert_eq!(
            shown,
            [
                "@@ line 19 of 40 @@",
                "  <p>This is line number 19.</p>",
                "- <p>This is line number [-20-].</p>",
                "+ <p>This is line number {+twenty+}.</p>",
                "  <p>This is line number 21.</p>",
            ]
        );
        assert_eq!(words, 1);
    }

    #[test]
    fn one_long_line_is_cut_at_its_sentences() {
        let before = "The first sentence is here. The second sentence follows it. And a third one ends the text.";
        let after = before.replace("second", "other");
        let (shown, _) = hunks(before, &after, Paint { color: false });
        assert_eq!(shown.iter().filter(|line| line.starts_with(['-', '+'])).count(), 2, "{shown:?}");
        assert!(shown.iter().all(|line| !line.contains('\u{1b}')));
    }
}
