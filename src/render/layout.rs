//! Lines for a terminal: what fits into its width, and what is done with the rest.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{Paint, inert};

/// How a part of a line looks. What colour says, a symbol or a word says as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Added,
    Removed,
    Changed,
    Strong,
    Dim,
    /// Within an added line, what is new.
    AddedWord,
    /// Within a removed line, what is gone.
    RemovedWord,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    tone: Tone,
    text: String,
}

/// A part of a line in a tone.
pub(super) fn span(tone: Tone, text: impl Into<String>) -> Span {
    let text = text.into();
    // Here already, because what it makes of a text is wider.
    let text = if text.contains("##") { inert(&text) } else { text };
    Span { tone, text }
}

/// Lines, one after the other, in a width.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) out: String,
    paint: Paint,
    /// Columns; none where nothing is broken.
    width: Option<usize>,
    /// Columns that every line is moved to the right by.
    pub(super) margin: usize,
}

/// Below this many columns lines get longer than the terminal.
const NARROWEST: usize = 40;

impl Page {
    pub(super) fn new(paint: Paint, width: Option<usize>) -> Self {
        Self { out: String::new(), paint, width: width.map(|width| width.max(NARROWEST)), margin: 0 }
    }

    pub(super) fn fits(&self, indent: usize, spans: &[Span]) -> bool {
        self.width.is_none_or(|width| {
            self.margin + indent + spans.iter().map(|span| span.text.width()).sum::<usize>() <= width
        })
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A line at `indent`; what does not fit goes on at `hang`.
    pub(super) fn line(&mut self, indent: usize, hang: usize, spans: &[Span]) {
        let fits = self.fits(indent, spans);
        let (indent, hang) = (self.margin + indent, self.margin + hang);
        self.out.extend(std::iter::repeat_n(' ', indent));
        match self.width {
            Some(width) if !fits => self.broken(indent, hang, width, spans),
            _ => spans.iter().for_each(|span| self.put(span.tone, &span.text)),
        }
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        self.out.push('\n');
    }

    fn broken(&mut self, indent: usize, hang: usize, width: usize, spans: &[Span]) {
        let mut column = indent;
        for span in spans {
            let mut part = String::new();
            for word in words(&span.text) {
                let wide = word.trim_end().width();
                if column + wide > width && column > hang {
                    self.put(span.tone, part.trim_end());
                    part.clear();
                    self.next_line(hang);
                    column = hang;
                }
                for c in word.chars() {
                    let wide = c.width().unwrap_or(0);
                    if column + wide > width {
                        if c == ' ' {
                            continue;
                        }
                        self.put(span.tone, &part);
                        part.clear();
                        self.next_line(hang);
                        column = hang;
                    }
                    part.push(c);
                    column += wide;
                }
            }
            self.put(span.tone, &part);
        }
    }

    fn next_line(&mut self, hang: usize) {
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', hang));
    }

    fn put(&mut self, tone: Tone, text: &str) {
        if text.is_empty() {
            return;
        }
        let paint = self.paint;
        let under = |text: &str| if paint.color { format!("\u{1b}[4m{text}\u{1b}[24m") } else { text.to_owned() };
        let painted = match tone {
            Tone::Plain => text.to_owned(),
            Tone::Added => paint.added(text),
            Tone::Removed => paint.removed(text),
            Tone::Changed => paint.changed(text),
            Tone::Strong => paint.strong(text),
            Tone::Dim => paint.dim(text),
            Tone::AddedWord => paint.added(&under(text)),
            Tone::RemovedWord => paint.removed(&under(text)),
        };
        self.out.push_str(&painted);
    }
}

/// Pads the cells of a column to the width of the widest.
pub(super) fn column<'a>(cells: impl Iterator<Item = &'a str> + Clone, right: bool) -> Vec<String> {
    let wide = cells.clone().map(|cell| cell.width()).max().unwrap_or(0);
    let pad = |cell: &str| {
        let space = " ".repeat(wide - cell.width());
        if right { space + cell } else { cell.to_owned() + &space }
    };
    cells.map(pad).collect()
}

/// A text cut after each space.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(width: Option<usize>, spans: &[Span]) -> String {
        let mut page = Page::new(Paint { color: false }, width);
        page.line(2, 6, spans);
        page.out
    }

    #[test]
    fn lines_are_broken_between_words_and_hang() {
        let spans = [span(Tone::Plain, "one two three four five six seven eight nine ten eleven twelve")];
        assert_eq!(set(Some(40), &spans), "  one two three four five six seven\n      eight nine ten eleven twelve\n");
        assert_eq!(set(None, &spans).lines().count(), 1);
    }

    #[test]
    fn a_long_word_and_wide_characters_stay_within_the_width() {
        let spans = [span(Tone::Strong, "x".repeat(90)), span(Tone::Plain, " 漢字".repeat(30))];
        let text = set(Some(44), &spans);
        assert!(text.lines().all(|line| line.width() <= 44), "{text}");
        assert_eq!(text.matches('x').count(), 90);
        assert_eq!(text.matches('漢').count(), 30);
    }
}
