//! A YAML file as it is written: where each key, value and indicator is, in bytes.

use std::ops::Range;

use serde_yaml::{Event, Parser, ScalarStyle, StructureStyle};

/// A value, with its anchor and tag.
#[derive(Debug)]
pub(super) struct Written {
    /// From the anchor or tag, where there is one, to the last character of the value. Empty where nothing is written.
    pub(super) bytes: Range<usize>,
    /// Whether it has an anchor or a tag.
    pub(super) has_properties: bool,
    pub(super) form: Form,
}

#[derive(Debug)]
pub(super) enum Form {
    /// A plain or quoted scalar, or none.
    Scalar,
    /// A text after `|` or `>`, its lines indented by this many columns.
    Text(usize),
    Alias,
    List(Vec<Item>, Style),
    Map(Vec<Entry>, Style),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Block,
    Flow,
    /// A mapping of one key in a flow list, without braces.
    Pair,
}

#[derive(Debug)]
pub(super) struct Item {
    /// The dash; in a flow list, the first byte of the value.
    pub(super) start: usize,
    pub(super) value: Written,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_bytes: Range<usize>,
    /// One past the colon.
    pub(super) colon: usize,
    pub(super) value: Written,
}

impl Written {
    pub(super) fn is_block(&self) -> bool {
        matches!(self.form, Form::List(_, Style::Block) | Form::Map(_, Style::Block))
    }
}

/// Reads where everything is. `None` for what is no YAML, or is written in a way that is not edited: with `? ` before a key,
/// or with a key that is no scalar.
pub(super) fn read(text: &str) -> Option<Written> {
    let options = serde_yaml::options! {
        emit_comments: false,
        emit_anchor_events: true,
        disallow_directives: true,
    };
    let mut reader = Reader { text, events: Parser::new_from_str_with_options(text, options), next: None };
    loop {
        let (event, span) = reader.take()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) => {}
            event => return reader.node(&event, &span, 0),
        }
    }
}

type Token<'a> = (Event<'a>, serde_yaml::Span);

struct Reader<'a, E> {
    text: &'a str,
    events: E,
    /// What was looked at and not taken.
    next: Option<Token<'a>>,
}

impl<'a, E: Iterator<Item = Result<Token<'a>, serde_yaml::ScanError>>> Reader<'a, E> {
    fn take(&mut self) -> Option<Token<'a>> {
        self.next.take().or_else(|| self.events.next()?.ok())
    }

    /// Reads a value. `from` is one past the indicator before it.
    fn node(&mut self, event: &Event<'a>, span: &serde_yaml::Span, from: usize) -> Option<Written> {
        let range = span.byte_range()?;
        let tag = span.tag_start().and_then(|marker| marker.byte_offset());
        let anchor = self.anchor()?;
        let first_property = tag.into_iter().chain(anchor.as_ref().map(|bytes| bytes.start)).min();
        let start = first_property.unwrap_or(range.start);
        let after_properties = self.after_properties(tag, anchor.as_ref());
        let (end, form) = match event {
            Event::Alias(_) => (range.end, Form::Alias),
            Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
                let header = self.text[after_properties.max(from)..].find(['|', '>'])? + after_properties.max(from);
                return Some(self.block_text(
                    first_property.unwrap_or(header),
                    header,
                    range,
                    first_property.is_some(),
                ));
            }
            Event::Scalar(..) if range.is_empty() => match first_property {
                Some(_) => (after_properties, Form::Scalar),
                None => {
                    return Some(Written { bytes: from..from, has_properties: false, form: Form::Scalar });
                }
            },
            Event::Scalar(..) => (range.end, Form::Scalar),
            Event::SequenceStart(style, ..) => self.list(*style, range, from)?,
            Event::MappingStart(style, ..) => self.map(*style, range)?,
            _ => return None,
        };
        Some(Written { bytes: start..end, has_properties: first_property.is_some(), form })
    }

    /// Takes the event of an anchor, if it follows.
    fn anchor(&mut self) -> Option<Option<Range<usize>>> {
        match self.take() {
            Some((Event::Anchor(..), span)) => span.byte_range().map(Some),
            Some(other) => {
                self.next = Some(other);
                Some(None)
            }
            None => Some(None),
        }
    }

    /// Returns where the properties of a value end; 0 without any.
    fn after_properties(&self, tag: Option<usize>, anchor: Option<&Range<usize>>) -> usize {
        let word = |start: usize| {
            let rest = &self.text[start..];
            start + rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).unwrap_or(rest.len())
        };
        tag.map(word).into_iter().chain(anchor.map(|bytes| bytes.end)).max().unwrap_or(0)
    }

    fn block_text(&self, start: usize, header: usize, range: Range<usize>, has_properties: bool) -> Written {
        let first_line = self.text[..range.start.max(header)].rfind('\n').map_or(0, |newline| newline + 1);
        let header_line = self.text[header..].lines().next().unwrap_or_default();
        let sign = header_line.split_whitespace().next().unwrap_or_default();
        let content = &self.text[header..range.end.max(header + header_line.len())];
        // With `+`, the empty lines at the end are part of the text.
        let length = if sign.contains('+') { content.len() } else { content.trim_end().len() };
        Written {
            bytes: start..header + length,
            has_properties,
            form: Form::Text(range.start.saturating_sub(first_line)),
        }
    }

    fn list(&mut self, style: StructureStyle, range: Range<usize>, from: usize) -> Option<(usize, Form)> {
        let block = style == StructureStyle::Block;
        let mut items = Vec::<Item>::new();
        // The parser says where the first dash is only if the list is indented.
        let first = if block { self.first_dash(from)? } else { range.start };
        let column = first - self.line_start(first);
        let mut end = range.end;
        loop {
            let (event, span) = self.take()?;
            if matches!(event, Event::SequenceEnd) {
                let end = if block { end } else { span.byte_range()?.end };
                return Some((end, Form::List(items, if block { Style::Block } else { Style::Flow })));
            }
            let dash = match block {
                true if items.is_empty() => first,
                true => self.dash(end, column)?,
                false => span.byte_range()?.start,
            };
            let value = self.node(&event, &span, if block { dash + 1 } else { dash })?;
            end = value.bytes.end;
            items.push(Item { start: if block { dash } else { value.bytes.start }, value });
        }
    }

    /// Finds the dash that follows an indicator: after blanks, comments, an anchor and a tag.
    fn first_dash(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let rest = self.text[at..].trim_start();
            at = self.text.len() - rest.len();
            let length = match rest.chars().next()? {
                '#' => rest.find('\n')?,
                '&' | '!' => rest.find(char::is_whitespace)?,
                '-' if rest.starts_with("---") => 3,
                '-' => return Some(at),
                _ => return None,
            };
            at += length;
        }
    }

    /// Finds the next dash in a column, the first character of its line.
    fn dash(&self, from: usize, column: usize) -> Option<usize> {
        let mut line = from + self.text[from..].find('\n')? + 1;
        // The text before may end with its line.
        if from == self.line_start(from) && from > 0 {
            line = from;
        }
        loop {
            let rest = &self.text[line..];
            let start = line + column;
            let before = self.text.get(line..start)?;
            if before.bytes().all(|byte| byte == b' ') && self.text[start..].starts_with('-') {
                return Some(start);
            }
            line += rest.find('\n')? + 1;
        }
    }

    fn map(&mut self, style: StructureStyle, range: Range<usize>) -> Option<(usize, Form)> {
        let style = match style {
            StructureStyle::Block => Style::Block,
            StructureStyle::Flow if range.is_empty() => Style::Pair,
            StructureStyle::Flow => Style::Flow,
        };
        let mut entries = Vec::new();
        let mut end = range.end;
        loop {
            let (event, span) = self.take()?;
            let key = match event {
                Event::MappingEnd => {
                    let end = if style == Style::Flow { span.byte_range()?.end } else { end };
                    return Some((end, Form::Map(entries, style)));
                }
                Event::Scalar(key, _, 0, None) => key.into_owned(),
                _ => return None,
            };
            let key_bytes = span.byte_range()?;
            let gap = &self.text[key_bytes.end..];
            let blank = gap.len() - gap.trim_start().len();
            let has_colon = gap[blank..].starts_with(':');
            if !has_colon && style == Style::Block {
                return None;
            }
            let colon = if has_colon { key_bytes.end + blank + 1 } else { key_bytes.end };
            let (event, span) = self.take()?;
            let value = self.node(&event, &span, colon)?;
            end = value.bytes.end;
            entries.push(Entry { key, key_bytes, colon, value });
        }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }
}
