//! Long texts: only the lines that change, with one line around them, and where they are.
//!
//! The result is pieces without paint. What a terminal would act on is visible in them already.

use std::collections::HashMap;

use similar::{ChangeTag, DiffOp, TextDiff};

use crate::render::visible;
use crate::steps;

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Hunks {
    /// What to show, in order.
    pub(crate) lines: Vec<Line>,
    /// How many words differ; 0 when only white space does.
    pub(crate) words: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Line {
    /// Lines were left out. The next one is line `line` of `of` in the new text.
    Gap {
        skipped: usize,
        /// Position of the next line, from 1.
        line: usize,
        /// Lines of the new text.
        of: usize,
    },
    /// A line that stays, for context.
    Same(String),
    Removed(Vec<Piece>),
    Added(Vec<Piece>),
    /// So many lines of hunks were left out.
    More(usize),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    /// Whether just this part of the line differs.
    pub(crate) marked: bool,
    pub(crate) text: String,
}

impl Line {
    fn len(&self) -> usize {
        match self {
            Self::Same(text) => text.len(),
            Self::Removed(pieces) | Self::Added(pieces) => pieces.iter().map(|piece| piece.text.len()).sum(),
            Self::Gap { .. } | Self::More(_) => 0,
        }
    }
}

/// Bytes of a usual line.
const WIDTH: usize = 120;
/// Lines beyond which a comparison by lines costs more than it tells.
const MOST_COMPARED: usize = 3_000;
/// Bytes of one difference beyond which words are not compared.
const MOST_INLINE: usize = 12_000;
/// Bytes of all differences of two texts that are compared by words.
const MOST_INLINE_IN_ALL: usize = 8 * MOST_INLINE;
/// Characters of a line, beyond which it is cut.
const LONGEST_LINE: usize = 200;

/// Returns the hunks that lead from `before` to `after`, at most `most` lines of them.
pub(crate) fn hunks(before: &str, after: &str, most: usize) -> Hunks {
    let (before, after) = (lines(before), lines(after));
    steps::count(before.len() + after.len());
    let mut found = Builder { most, inline: MOST_INLINE_IN_ALL, ..Builder::default() };
    let head = before.iter().zip(&after).take_while(|(old, new)| old == new).count();
    let rest = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let middle = before.len().max(after.len()) - head - tail;
    if middle > MOST_COMPARED {
        found.gap(head, head, after.len());
        found.whole(&before[head..before.len() - tail], &after[head..after.len() - tail]);
    } else {
        found.compare(&before, &after);
    }
    found.finish()
}

/// Hunks up to a number of lines. What is not shown is only counted.
#[derive(Default)]
struct Builder {
    hunks: Hunks,
    /// How many lines to show, and of those about as many characters as fit on them.
    most: usize,
    /// Bytes of the lines so far.
    size: usize,
    more: usize,
    /// How many bytes can still be compared by words.
    inline: usize,
}

impl Builder {
    fn is_full(&self) -> bool {
        self.more > 0 || self.hunks.lines.len() >= self.most || self.size >= self.most.saturating_mul(WIDTH)
    }

    fn push(&mut self, line: impl FnOnce() -> Line) {
        if self.is_full() {
            self.more += 1;
        } else {
            let line = line();
            self.size += line.len();
            self.hunks.lines.push(line);
        }
    }

    fn finish(mut self) -> Hunks {
        if self.more > 0 {
            self.hunks.lines.push(Line::More(self.more));
        }
        self.hunks
    }

    fn gap(&mut self, skipped: usize, at: usize, of: usize) {
        if of > 1 {
            self.push(|| Line::Gap { skipped, line: at + 1, of });
        }
    }

    /// Lines that take the place of others, without a comparison.
    fn whole(&mut self, old: &[String], new: &[String]) {
        self.hunks.words += different_words(old, new);
        for (lines, kind) in [(old, Line::Removed as fn(_) -> _), (new, Line::Added)] {
            lines.iter().for_each(|line| self.push(|| kind(vec![Piece { marked: false, text: shown(line) }])));
        }
    }

    fn compare(&mut self, before: &[String], after: &[String]) {
        let (old, new) = (refs(before), refs(after));
        let diff = TextDiff::configure().diff_slices(&old, &new);
        let mut next = 0;
        for group in diff.grouped_ops(1) {
            let Some(first) = group.first() else { continue };
            let at = first.new_range().start;
            self.gap(at - next.min(at), at, after.len());
            for op in &group {
                next = op.new_range().end;
                self.operation(&diff, op, before, after);
            }
        }
    }

    /// Lines that take the place of others, compared by words. Returns how many words differ.
    fn by_words(&mut self, diff: &TextDiff<'_, '_, str>, op: &DiffOp) -> usize {
        let (mut gone, mut come) = (0, 0);
        // Without a deadline: the same texts always give the same hunks. The size is bounded instead.
        for change in diff.iter_inline_changes_deadline(op, None) {
            let pieces = change.values();
            // A line with nothing marked has no like on the other side.
            let any = pieces.iter().any(|(marked, piece)| *marked && !piece.trim().is_empty());
            let words = pieces.iter().filter(|(marked, _)| *marked || !any);
            let words = words.map(|(_, piece)| piece.split_whitespace().count()).sum::<usize>();
            match change.tag() {
                ChangeTag::Delete => {
                    gone += words;
                    self.push(|| Line::Removed(joined(pieces)));
                }
                ChangeTag::Insert => {
                    come += words;
                    self.push(|| Line::Added(joined(pieces)));
                }
                ChangeTag::Equal => {}
            }
        }
        gone.max(come)
    }

    fn operation(&mut self, diff: &TextDiff<'_, '_, str>, op: &DiffOp, before: &[String], after: &[String]) {
        let (old, new) = (&before[op.old_range()], &after[op.new_range()]);
        let size = old.iter().chain(new).map(String::len).sum::<usize>();
        let few = size <= MOST_INLINE.min(self.inline) && !self.is_full();
        match op {
            DiffOp::Equal { .. } => new.iter().for_each(|line| self.push(|| Line::Same(shown(line)))),
            DiffOp::Replace { .. } if few => {
                self.inline -= size;
                let words = self.by_words(diff, op);
                self.hunks.words += if same_words(&old.concat(), &new.concat()) { 0 } else { words };
            }
            DiffOp::Replace { .. } | DiffOp::Delete { .. } | DiffOp::Insert { .. } => self.whole(old, new),
        }
    }
}

fn same_words(old: &str, new: &str) -> bool {
    old.split_whitespace().eq(new.split_whitespace())
}

/// Counts the words that are in one text and not in the other; where they are only in another order, those that moved.
fn different_words(old: &[String], new: &[String]) -> usize {
    let (old, new) = (old.concat(), new.concat());
    let mut counts = HashMap::<&str, i64>::new();
    old.split_whitespace().for_each(|word| *counts.entry(word).or_default() += 1);
    new.split_whitespace().for_each(|word| *counts.entry(word).or_default() -= 1);
    let sum = |sign: i64| counts.values().map(|count| usize::try_from(sign * count).unwrap_or(0)).sum::<usize>();
    match sum(1).max(sum(-1)) {
        0 => old.split_whitespace().zip(new.split_whitespace()).filter(|(old, new)| old != new).count(),
        different => different,
    }
}

/// Marked words with nothing but white space between them are one piece.
fn joined(pieces: &[(bool, &str)]) -> Vec<Piece> {
    let mut joined = Vec::<Piece>::new();
    for (at, (marked, text)) in pieces.iter().enumerate() {
        let blank = text.trim().is_empty();
        let next = pieces[at + 1..].iter().find(|(_, text)| !text.trim().is_empty()).is_some_and(|(marked, _)| *marked);
        let marked = if blank { next && joined.last().is_some_and(|last| last.marked) } else { *marked };
        let text = shown(text);
        match joined.last_mut().filter(|last| last.marked == marked) {
            Some(last) => last.text.push_str(&text),
            None if text.is_empty() => {}
            None => joined.push(Piece { marked, text }),
        }
    }
    joined
}

fn shown(line: &str) -> String {
    visible(line.trim_end_matches('\n'), false)
}

/// The lines of a text; long ones are cut at the ends of sentences and tags, so that a word that changes moves nothing but
/// its sentence.
fn lines(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    if !text.trim_end().contains('\n') {
        return sentences(text);
    }
    let text = text.replace("\r\n", "\n");
    let cut = |line: &str| if line.len() <= LONGEST_LINE { vec![line.to_owned()] } else { sentences(line) };
    text.trim_end().split('\n').flat_map(cut).map(|line| format!("{line}\n")).collect()
}

/// A line in pieces that a screen can hold; a sentence that is longer is cut between words.
fn sentences(line: &str) -> Vec<String> {
    steps::count(line.len());
    let mut pieces = Vec::new();
    let (mut piece, mut length) = (String::new(), 0);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        let sentence = c == ' ' && piece.trim_end().ends_with(['.', '!', '?']);
        piece.push(c);
        length += 1;
        let tag = c == '>' && characters.peek().is_some();
        if (sentence || tag) && length > 20 {
            pieces.push(std::mem::take(&mut piece));
            length = 0;
        } else if length >= LONGEST_LINE {
            let rest = piece.split_off(piece.rfind(' ').map_or(piece.len(), |blank| blank + 1));
            pieces.push(std::mem::replace(&mut piece, rest));
            length = piece.chars().count();
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

fn refs(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(hunks: &Hunks) -> Vec<String> {
        let pieces = |pieces: &[Piece]| {
            pieces.iter().map(|p| if p.marked { format!("«{}»", p.text) } else { p.text.clone() }).collect::<String>()
        };
        hunks
            .lines
            .iter()
            .map(|line| match line {
                Line::Gap { skipped, line, of } => format!("gap of {skipped}, line {line} of {of}"),
                Line::Same(text) => format!("= {text}"),
                Line::Removed(text) => format!("- {}", pieces(text)),
                Line::Added(text) => format!("+ {}", pieces(text)),
                Line::More(count) => format!("{count} more"),
            })
            .collect()
    }

    #[test]
    fn only_what_changes_is_shown() {
        let before = (1..=40).map(|n| format!("<p>This is line number {n}.</p>\n")).collect::<String>();
        let after = before.replace("number 20.", "number twenty.");
        let found = hunks(&before, &after, 100);
        assert_eq!(
            flat(&found),
            [
                "gap of 18, line 19 of 40",
                "= <p>This is line number 19.</p>",
                "- <p>This is line number «20».</p>",
                "+ <p>This is line number «twenty».</p>",
                "= <p>This is line number 21.</p>",
            ]
        );
        assert_eq!(found.words, 1);
    }

    #[test]
    fn one_long_line_is_cut_at_its_sentences() {
        let before = "The first sentence is here. The second sentence follows it. And a third one ends the text.";
        let found = hunks(before, &before.replace("second", "other"), 100);
        let changed = found.lines.iter().filter(|line| matches!(line, Line::Removed(_) | Line::Added(_)));
        assert_eq!(changed.count(), 2, "{found:?}");
    }

    #[test]
    fn a_word_of_a_long_line_moves_nothing_but_its_sentence() {
        let line =
            "Plan for three gigabytes for each person who works at the same time, and more for those who do not. ";
        let before = format!("A heading\n{}The guide at <https://docs.example> has figures.\n", line.repeat(3));
        let found = hunks(&before, &before.replacen("three", "two", 1), 100);
        assert_eq!(found.words, 1, "{found:?}");
        let long = "word ".repeat(100);
        let cut = sentences(&long);
        assert!(cut.concat() == long && cut.iter().all(|piece| piece.ends_with("word ")), "{cut:?}");
    }

    #[test]
    fn white_space_alone_is_no_word() {
        let found = hunks("one two three\nfour\n", "one  two three\nfour\n", 100);
        assert_eq!((found.words, found.lines.is_empty()), (0, false), "{found:?}");
    }

    #[test]
    fn a_megabyte_is_compared_in_bounded_time_and_shown_in_part() {
        let before = "a b ".repeat(250_000);
        let found = hunks(&before, &before.replace('a', "c"), 40);
        assert!((2..=41).contains(&found.lines.len()), "{}", found.lines.len());
        assert!(matches!(found.lines.last(), Some(Line::More(_))), "{:?}", found.lines.last());
        let lines = (0..9_000).map(|n| format!("line {n}\n")).collect::<String>();
        let found = hunks(&lines, &lines.replace("line", "row"), 40);
        assert_eq!((found.lines.len(), found.words), (41, 9_000));
    }

    #[test]
    fn orders_for_terminals_are_visible() {
        let found = hunks("plain\nx", "\u{1b}[31mred\u{202e}\nx", 100);
        assert!(!format!("{found:?}").contains('\u{1b}') && flat(&found).concat().contains("\\u{1b}[31m"), "{found:?}");
    }
}
