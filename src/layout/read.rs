//! From YAML text to a tree that has all that a person wrote: comments, blank lines, anchors, tags, and the style of each
//! scalar.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde_yaml::{Event, Parser, ScalarStyle, Scanner, StrInput, StructureStyle, TokenType};

use super::options;

/// A line of its own above an entry, or at the end of a collection.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line<'a> {
    Blank,
    /// From the `#` to its last visible character.
    Comment(&'a str),
}

/// A comment between an indicator and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Remark<'a> {
    pub(super) text: &'a str,
    pub(super) own_line: bool,
}

#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) lead: Vec<Remark<'a>>,
    /// `&name` and the tag, as they are written.
    pub(super) anchor: Option<&'a str>,
    pub(super) tag: Option<&'a str>,
    pub(super) form: Form<'a>,
    /// The comment at the end of its last line.
    pub(super) right: Option<&'a str>,
}

#[derive(Debug)]
pub(super) enum Form<'a> {
    /// `*name`.
    Alias(&'a str),
    /// Empty where nothing is written.
    Plain(Cow<'a, str>),
    Quoted(Cow<'a, str>),
    /// A text after `|`.
    Literal(Cow<'a, str>),
    /// A text after `>`: what it says, and its lines without the indentation.
    Folded(Cow<'a, str>, Vec<&'a str>),
    List(Vec<Item<'a>>, Vec<Line<'a>>),
    Map(Vec<Entry<'a>>, Vec<Line<'a>>),
}

#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) above: Vec<Line<'a>>,
    pub(super) value: Node<'a>,
}

#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) above: Vec<Line<'a>>,
    pub(super) anchor: Option<&'a str>,
    pub(super) key: Cow<'a, str>,
    pub(super) plain: bool,
    pub(super) value: Node<'a>,
}

#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) head: Vec<Line<'a>>,
    pub(super) root: Node<'a>,
    pub(super) tail: Vec<Line<'a>>,
}

/// Reads a text. `names` has the new names of keys, by the byte where each starts. `None` for what is no YAML.
pub(super) fn read<'a>(text: &'a str, names: &BTreeMap<usize, String>) -> Option<Document<'a>> {
    let mut events = Vec::new();
    let mut comments = Vec::new();
    for event in Parser::new_from_str_with_options(text, options(true)) {
        let (event, span) = event.ok()?;
        match event {
            Event::Comment(..) => comments.push(span.byte_range()?),
            event => events.push((event, span)),
        }
    }
    comments.sort_by_key(|range| range.start);
    let mut dashes = Vec::new();
    for token in Scanner::new(StrInput::new(text)) {
        let (span, token) = token.ok()?.into_parts();
        if token == TokenType::BlockEntry {
            dashes.push(dash(text, &comments, span.byte_range()?.start)?);
        }
    }
    let reach = reach(&events);
    let mut reader = Reader { text, names, events, reach, at: 0, comments, comment: 0, dashes, dash: 0, end: 0 };
    reader.document()
}

/// The dash before a byte: between the two are blanks and comments alone.
fn dash(text: &str, comments: &[Range<usize>], before: usize) -> Option<usize> {
    let mut at = before;
    loop {
        at = text[..at].trim_end().len();
        let next = comments.partition_point(|comment| comment.start < at).checked_sub(1);
        match next.map(|index| &comments[index]).filter(|comment| at <= comment.end) {
            Some(comment) => at = comment.start,
            None => return text[..at].ends_with('-').then(|| at - 1),
        }
    }
}

type Token<'a> = (Event<'a>, serde_yaml::Span);

/// For each event, where the next thing that is written starts.
fn reach(events: &[Token<'_>]) -> Vec<usize> {
    let mut reach = vec![usize::MAX; events.len() + 1];
    for at in (0..events.len()).rev() {
        reach[at] = start(events, at).unwrap_or(reach[at + 1]);
    }
    reach
}

/// Where an event starts in the text, its tag and anchor included; `None` where it has nothing of its own there.
fn start(events: &[Token<'_>], at: usize) -> Option<usize> {
    let (event, span) = events.get(at)?;
    let bytes = span.byte_range()?;
    let own = match event {
        Event::Scalar(..) | Event::Alias(_) | Event::SequenceEnd | Event::MappingEnd if bytes.is_empty() => None,
        Event::Scalar(..) | Event::Alias(_) => Some(bytes.start),
        Event::SequenceStart(StructureStyle::Flow, ..) | Event::MappingStart(StructureStyle::Flow, ..) => {
            (!bytes.is_empty()).then_some(bytes.start)
        }
        Event::SequenceEnd | Event::MappingEnd => Some(bytes.start),
        _ => None,
    };
    let tag = span.tag_start().and_then(|marker| marker.byte_offset());
    let anchor = match events.get(at + 1) {
        Some((Event::Anchor(..), span)) => span.byte_range().map(|bytes| bytes.start),
        _ => None,
    };
    own.into_iter().chain(tag).chain(anchor).min()
}

struct Reader<'a, 'n> {
    text: &'a str,
    names: &'n BTreeMap<usize, String>,
    events: Vec<Token<'a>>,
    reach: Vec<usize>,
    at: usize,
    /// All comments in the order of the text, and the first that has no place yet.
    comments: Vec<Range<usize>>,
    comment: usize,
    /// All dashes of block lists, and the first that was not reached yet.
    dashes: Vec<usize>,
    dash: usize,
    /// One past what was read last.
    end: usize,
}

/// The tag and the anchor of a value, and one past both.
struct Properties<'a> {
    anchor: Option<&'a str>,
    tag: Option<&'a str>,
    end: usize,
}

impl<'a> Reader<'a, '_> {
    fn take(&mut self) -> Option<Token<'a>> {
        let token = self.events.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn is_end(&self) -> bool {
        matches!(self.events.get(self.at), Some((Event::SequenceEnd | Event::MappingEnd, _)))
    }

    fn document(&mut self) -> Option<Document<'a>> {
        while matches!(self.events.get(self.at)?.0, Event::StreamStart | Event::DocumentStart(..)) {
            self.at += 1;
        }
        let first = self.reach[self.at].min(self.next_dash());
        let head = self.above(first);
        let root = self.node(0, None)?;
        let tail = self.above(usize::MAX);
        Some(Document { head, root, tail })
    }

    fn next_dash(&self) -> usize {
        self.dashes.get(self.dash).copied().unwrap_or(usize::MAX)
    }

    fn properties(&mut self, span: &serde_yaml::Span, from: usize) -> Properties<'a> {
        let tag = span.tag_span();
        let anchor = match self.events.get(self.at) {
            Some((Event::Anchor(..), span)) => {
                self.at += 1;
                Some(*span)
            }
            _ => None,
        };
        let end = |span: &serde_yaml::Span| span.byte_range().map_or(0, |bytes| bytes.end);
        Properties {
            end: tag.iter().chain(&anchor).map(end).max().unwrap_or(0).max(from),
            anchor: anchor.and_then(|span| span.slice(self.text)),
            tag: tag.and_then(|span| span.slice(self.text)),
        }
    }

    /// Reads a value. `from` is one past the indicator before it, `parent` the column of the mapping that it is in.
    fn node(&mut self, from: usize, parent: Option<usize>) -> Option<Node<'a>> {
        let first = self.reach[self.at];
        let (event, span) = self.take()?;
        let bytes = span.byte_range()?;
        let Properties { anchor, tag, end } = self.properties(&span, from);
        self.end = self.end.max(end);
        let (mut lead, mut right) = (Vec::new(), None);
        let form = match event {
            Event::Scalar(text, style @ (ScalarStyle::Literal | ScalarStyle::Folded), ..) => {
                lead = self.remarks(bytes.start);
                self.end = bytes.end;
                match style {
                    // It has no lines.
                    _ if text.trim_end_matches('\n').is_empty() => Form::Quoted(text),
                    ScalarStyle::Folded => Form::Folded(text, self.lines(bytes)),
                    _ => Form::Literal(text),
                }
            }
            Event::Scalar(_, ScalarStyle::Plain, ..) if bytes.is_empty() => {
                lead = self.remarks(if tag.is_some() || anchor.is_some() { first } else { 0 });
                right = self.right();
                Form::Plain(Cow::Borrowed(""))
            }
            Event::Scalar(text, style, ..) => {
                lead = self.remarks(bytes.start);
                self.end = bytes.end;
                right = self.right();
                if style == ScalarStyle::Plain { Form::Plain(text) } else { Form::Quoted(text) }
            }
            Event::Alias(_) => {
                lead = self.remarks(bytes.start);
                self.end = bytes.end;
                right = self.right();
                Form::Alias(span.slice(self.text)?)
            }
            Event::SequenceStart(StructureStyle::Block, ..) => {
                lead.extend(self.remark_at_end(self.next_dash()));
                self.block_list(parent)?
            }
            Event::MappingStart(StructureStyle::Block, ..) => {
                lead.extend(self.remark_at_end(self.reach[self.at]));
                self.block_map()?
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                lead = self.remarks(bytes.start);
                self.end = self.end.max(bytes.end);
                lead.extend(self.remark_at_end(self.reach[self.at]));
                let is_list = matches!(event, Event::SequenceStart(..));
                let mut form = if is_list { self.flow_list()? } else { self.flow_map()? };
                right = self.right();
                if let Form::List(items, tail) = &mut form
                    && items.is_empty()
                {
                    lead.extend(own_lines(tail));
                }
                if let Form::Map(entries, tail) = &mut form
                    && entries.is_empty()
                {
                    lead.extend(own_lines(tail));
                }
                form
            }
            _ => return None,
        };
        Some(Node { lead, anchor, tag, form, right })
    }

    fn block_list(&mut self, parent: Option<usize>) -> Option<Form<'a>> {
        let column = self.column(self.next_dash());
        let mut items = Vec::new();
        while !self.is_end() {
            let dash = self.next_dash();
            self.dash += 1;
            let above = self.above(dash);
            self.end = dash + 1;
            items.push(Item { above, value: self.node(dash + 1, None)? });
        }
        self.at += 1;
        // A list may start in the column of its key; what follows there is rather about the next key.
        let least = column + usize::from(parent.is_some_and(|parent| parent >= column));
        Some(Form::List(items, self.tail(least)))
    }

    fn block_map(&mut self) -> Option<Form<'a>> {
        let mut entries = Vec::new();
        let mut column = 0;
        while !self.is_end() {
            let start = self.reach[self.at];
            if entries.is_empty() {
                column = self.column(start);
            }
            let above = self.above(start);
            entries.push(self.entry(above, Some(column))?);
        }
        self.at += 1;
        Some(Form::Map(entries, self.tail(column)))
    }

    fn flow_list(&mut self) -> Option<Form<'a>> {
        let mut items = Vec::new();
        while !self.is_end() {
            let above = self.comments_above();
            items.push(Item { above, value: self.node(self.end, None)? });
        }
        let tail = self.close();
        Some(Form::List(items, tail))
    }

    fn flow_map(&mut self) -> Option<Form<'a>> {
        let mut entries = Vec::new();
        while !self.is_end() {
            let above = self.comments_above();
            entries.push(self.entry(above, None)?);
        }
        let tail = self.close();
        Some(Form::Map(entries, tail))
    }

    fn entry(&mut self, above: Vec<Line<'a>>, column: Option<usize>) -> Option<Entry<'a>> {
        let (event, span) = self.take()?;
        let Event::Scalar(text, style, ..) = event else { return None };
        let bytes = span.byte_range()?;
        let Properties { anchor, end, .. } = self.properties(&span, self.end);
        self.end = end.max(bytes.end);
        let new = self.names.get(&bytes.start);
        let key = new.map_or(text, |name| Cow::Owned(name.clone()));
        let plain = style == ScalarStyle::Plain && new.is_none();
        Some(Entry { above, anchor, key, plain, value: self.node(self.end, column)? })
    }

    /// Takes the end of a flow collection, and the comments before it.
    fn close(&mut self) -> Vec<Line<'a>> {
        let tail = self.comments_above();
        if let Some((_, span)) = self.take() {
            self.end = self.end.max(span.byte_range().map_or(0, |bytes| bytes.end));
        }
        tail
    }

    /// Takes the next comment, if it is before this byte.
    fn comment_before(&mut self, limit: usize) -> Option<Range<usize>> {
        let bytes = self.comments.get(self.comment).filter(|bytes| bytes.start < limit).cloned()?;
        self.comment += 1;
        Some(bytes)
    }

    fn slice(&self, comment: Range<usize>) -> &'a str {
        self.text[comment].trim_end()
    }

    fn remarks(&mut self, limit: usize) -> Vec<Remark<'a>> {
        let mut remarks = Vec::new();
        while let Some(bytes) = self.comment_before(limit) {
            remarks.push(Remark { own_line: self.starts_line(bytes.start), text: self.slice(bytes) });
        }
        remarks
    }

    /// Takes the next comment, if it is before this byte and at the end of a line that says something.
    fn remark_at_end(&mut self, limit: usize) -> Option<Remark<'a>> {
        let next = self.comments.get(self.comment)?;
        if self.starts_line(next.start) {
            return None;
        }
        self.comment_before(limit).map(|bytes| Remark { own_line: false, text: self.slice(bytes) })
    }

    /// Takes the comment that ends the line of what was read last.
    fn right(&mut self) -> Option<&'a str> {
        let next = self.comments.get(self.comment)?;
        let between = self.text.get(self.end..next.start)?;
        if !between.chars().all(|c| matches!(c, ' ' | '\t' | ',' | ':')) {
            return None;
        }
        self.comment_before(usize::MAX).map(|bytes| self.slice(bytes))
    }

    /// Takes the comments before the next thing in brackets.
    fn comments_above(&mut self) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        while let Some(bytes) = self.comment_before(self.reach[self.at]) {
            lines.push(Line::Comment(self.slice(bytes)));
        }
        lines
    }

    /// Takes the comments above what starts at this byte, with the blank lines between them.
    fn above(&mut self, start: usize) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        while let Some(bytes) = self.comment_before(start) {
            lines.extend(self.blank_above(bytes.start));
            lines.push(Line::Comment(self.slice(bytes)));
        }
        lines.extend(self.blank_above(start));
        lines
    }

    /// Takes the comments after the last entry of a block that starts in this column, unless they are about what follows.
    fn tail(&mut self, column: usize) -> Vec<Line<'a>> {
        let limit = self.reach[self.at].min(self.next_dash());
        let mut lines = Vec::new();
        while let Some(next) = self.comments.get(self.comment) {
            if next.start >= limit || !self.starts_line(next.start) || self.column(next.start) < column {
                break;
            }
            let bytes = next.clone();
            self.comment += 1;
            lines.extend(self.blank_above(bytes.start));
            lines.push(Line::Comment(self.slice(bytes)));
        }
        lines
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind(['\n', '\r']).map_or(0, |newline| newline + 1)
    }

    fn column(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        self.text[self.line_start(at)..at].chars().count()
    }

    fn starts_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].chars().all(|c| matches!(c, ' ' | '\t' | '\u{feff}'))
    }

    fn blank_above(&self, at: usize) -> Option<Line<'a>> {
        if at > self.text.len() || !self.starts_line(at) {
            return None;
        }
        let before = &self.text[..self.line_start(at)];
        let before = before.strip_suffix("\r\n").or_else(|| before.strip_suffix(['\n', '\r']))?;
        let line = &before[before.rfind(['\n', '\r']).map_or(0, |newline| newline + 1)..];
        line.trim().is_empty().then_some(Line::Blank)
    }

    /// The lines of a folded text.
    fn lines(&self, bytes: Range<usize>) -> Vec<&'a str> {
        let column = self.column(bytes.start);
        let written = &self.text[self.line_start(bytes.start)..bytes.end];
        let indentation = |line: &str| line.bytes().take(column).take_while(|byte| *byte == b' ').count();
        let mut lines = written.lines().map(|line| &line[indentation(line)..]).collect::<Vec<_>>();
        while lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        lines
    }
}

fn own_lines<'a>(lines: &mut Vec<Line<'a>>) -> Vec<Remark<'a>> {
    let comment = |line| match line {
        Line::Comment(text) => Some(Remark { text, own_line: true }),
        Line::Blank => None,
    };
    std::mem::take(lines).into_iter().filter_map(comment).collect()
}
