//! From the tree to text, in the layout that `import` writes.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::read::{Document, Entry, Form, Item, Line, Node};
use crate::workspace::{Plain, plain};
use crate::yaml::{self, Style, WIDTH};

/// Returns the text of a document, with `\n` at the end of each line.
pub(super) fn write(document: &Document<'_>) -> String {
    let mut writer = Writer::default();
    writer.lines(&document.head, 0, true);
    writer.root(&document.root);
    writer.lines(&document.tail, 0, false);
    let text = &mut writer.out;
    if !writer.keeps {
        text.truncate(text.trim_end_matches('\n').len());
        text.push('\n');
    }
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Whether the last lines belong to a text that keeps the blank lines at its end: one more would be a part of it.
    keeps: bool,
}

/// Where a value is written.
#[derive(Clone, Copy)]
struct Slot {
    /// How deep the lines of a text are indented, and how much deeper than the mapping or list that it is in.
    indent: usize,
    step: usize,
    /// Where the indicator before the value ends.
    column: usize,
}

/// How a text that is a block scalar in the file is written.
struct Block<'t> {
    /// `|` or `>`.
    indicator: char,
    /// What the text says.
    text: &'t str,
    lines: Vec<&'t str>,
}

impl Writer {
    fn root(&mut self, root: &Node<'_>) {
        for remark in &root.lead {
            let _ = writeln!(self.out, "{}", remark.text);
        }
        let properties = properties(root);
        match &root.form {
            Form::Map(entries, tail) if !entries.is_empty() => {
                self.root_properties(&properties, root.right);
                self.entries(entries, 0, false);
                self.lines(tail, 0, false);
            }
            Form::List(items, tail) if !items.is_empty() && flow(root).is_none() => {
                self.root_properties(&properties, root.right);
                self.items(items, 0);
                self.lines(tail, 0, false);
            }
            _ => {
                let start = self.out.len();
                self.out.push_str(&properties);
                self.in_line(root, Slot { indent: 2, column: 0, step: 2 }, root.right);
                // There is no indicator that the space would follow.
                if self.out[start..].starts_with(' ') {
                    self.out.remove(start);
                }
            }
        }
    }

    fn root_properties(&mut self, properties: &str, comment: Option<&str>) {
        if !properties.is_empty() {
            let _ = write!(self.out, "{}", properties.trim_start());
            self.end_line(comment);
        } else if let Some(comment) = comment {
            let _ = writeln!(self.out, "{comment}");
        }
    }

    /// Writes comments and blank lines. There are no blank lines at the start of a file or a block.
    fn lines(&mut self, lines: &[Line<'_>], indent: usize, first: bool) {
        let mut first = first;
        for line in lines {
            match line {
                Line::Blank if first || self.keeps || self.out.ends_with("\n\n") => {}
                Line::Blank => self.out.push('\n'),
                Line::Comment(text) => {
                    let _ = writeln!(self.out, "{:indent$}{text}", "");
                    self.keeps = false;
                    first = false;
                }
            }
        }
    }

    fn end_line(&mut self, comment: Option<&str>) {
        if let Some(comment) = comment {
            let _ = write!(self.out, "  {comment}");
        }
        self.out.push('\n');
        self.keeps = false;
    }

    /// Writes the entries of a mapping. The first follows the dash of a list where `after_dash` is set.
    fn entries(&mut self, entries: &[Entry<'_>], indent: usize, after_dash: bool) {
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 || !after_dash {
                self.lines(&entry.above, indent, index == 0 && !self.out.is_empty());
                let _ = write!(self.out, "{:indent$}", "");
            }
            let start = self.out.len();
            if let Some(anchor) = entry.anchor {
                let _ = write!(self.out, "{anchor} ");
            }
            self.out.push_str(&key(entry));
            self.out.push(':');
            let column = indent + self.out[start..].chars().count();
            self.value(&entry.value, indent, column);
        }
    }

    fn items(&mut self, items: &[Item<'_>], indent: usize) {
        for (index, item) in items.iter().enumerate() {
            self.lines(&item.above, indent, index == 0 && !self.out.is_empty());
            let _ = write!(self.out, "{:indent$}-", "");
            self.value(&item.value, indent, indent + 1);
        }
    }

    /// Writes what follows `key:` or `-`, to the end of its last line.
    fn value(&mut self, node: &Node<'_>, indent: usize, column: usize) {
        let inner = indent + 2;
        match &node.form {
            Form::Map(entries, tail) if !entries.is_empty() => {
                let joins = self.out.ends_with('-') && node.lead.is_empty() && !entries[0].above.iter().any(is_comment);
                let inside = tail.iter().any(is_comment) || entries.iter().any(entry_has_comment);
                if joins && properties(node).is_empty() && (node.right.is_none() || inside) {
                    self.out.push(' ');
                    self.entries(entries, inner, true);
                } else {
                    self.header(node, inner, inside);
                    self.entries(entries, inner, false);
                }
                self.after(node, tail, inner, inside);
            }
            Form::List(items, tail) if !items.is_empty() && !fits_line(node, column) => {
                let inside = tail.iter().any(is_comment)
                    || items.iter().any(|item| item.above.iter().any(is_comment) || has_comment(&item.value));
                self.header(node, inner, inside);
                self.items(items, inner);
                self.after(node, tail, inner, inside);
            }
            _ => self.scalar(node, indent, column),
        }
    }

    /// Ends the line before a block. The comment after a closing bracket comes here, unless that changes the order.
    fn header(&mut self, node: &Node<'_>, inner: usize, inside: bool) {
        self.out.push_str(&properties(node));
        let mut comments = node.lead.as_slice();
        let right = node.right.filter(|_| !inside);
        let at_end = match comments.split_first() {
            Some((first, rest)) if !first.own_line => {
                comments = rest;
                Some(first.text)
            }
            None => right,
            Some(_) => None,
        };
        self.end_line(at_end);
        let below = comments.iter().map(|remark| remark.text).chain(right.filter(|_| !node.lead.is_empty()));
        for comment in below {
            let _ = writeln!(self.out, "{:inner$}{comment}", "");
        }
    }

    /// Writes the comments after the last entry of a block.
    fn after(&mut self, node: &Node<'_>, tail: &[Line<'_>], inner: usize, inside: bool) {
        self.lines(tail, inner, false);
        if let Some(comment) = node.right.filter(|_| inside) {
            self.lines(&[Line::Comment(comment)], inner, false);
        }
    }

    /// Writes a value that is no block of entries or items. With several comments, it has lines of its own.
    fn scalar(&mut self, node: &Node<'_>, indent: usize, column: usize) {
        let inner = indent + 2;
        let mut comments = node.lead.as_slice();
        let mut last = node.right;
        if last.is_none()
            && let Some((remark, rest)) = comments.split_last()
        {
            (last, comments) = (Some(remark.text), rest);
        }
        let properties = properties(node);
        if comments.is_empty() {
            self.out.push_str(&properties);
            let column = column + properties.chars().count();
            return self.in_line(node, Slot { indent: inner, column, step: 2 }, last);
        }
        let at_end = comments.split_first().filter(|(first, _)| !first.own_line);
        if let Some((_, rest)) = at_end {
            comments = rest;
        }
        self.end_line(at_end.map(|(first, _)| first.text));
        for remark in comments {
            let _ = writeln!(self.out, "{:inner$}{}", "", remark.text);
        }
        // The space before the value is the last of its indentation.
        let _ = write!(self.out, "{:width$}{properties}", "", width = inner - 1);
        let column = inner + properties.chars().count();
        self.in_line(node, Slot { indent: inner + 2, column, step: 4 }, last);
    }

    /// Writes a value after its anchor and tag, with the comment at the end of its first line.
    fn in_line(&mut self, node: &Node<'_>, slot: Slot, comment: Option<&str>) {
        let tagged = node.tag.is_some();
        let line = match &node.form {
            Form::Alias(name) => Cow::Borrowed(*name),
            Form::Plain(text) if tagged => Cow::Borrowed(&**text),
            Form::Quoted(text) if tagged => Cow::Owned(yaml::text_in_line(text)),
            Form::Plain(text) => match value(text) {
                Some(written) => Cow::Borrowed(written),
                None => return self.text(text, slot, comment),
            },
            Form::Quoted(text) => return self.text(text, slot, comment),
            Form::Literal(text) => {
                let lines = text.trim_end_matches('\n').split('\n').collect();
                return self.block(&Block { indicator: '|', text, lines }, slot, comment);
            }
            Form::Folded(text, lines) => {
                let leading = text.bytes().take_while(|byte| *byte == b'\n').count();
                let leading = if lines.first().is_some_and(|line| line.is_empty()) { 0 } else { leading };
                let lines = std::iter::repeat_n("", leading).chain(lines.iter().copied()).collect();
                return self.block(&Block { indicator: '>', text, lines }, slot, comment);
            }
            Form::Map(..) => Cow::Borrowed("{}"),
            Form::List(items, _) if items.is_empty() => Cow::Borrowed("[]"),
            Form::List(..) => Cow::Owned(flow(node).unwrap_or_default()),
        };
        if !line.is_empty() {
            self.out.push(' ');
            self.out.push_str(&line);
        }
        self.end_line(comment);
    }

    fn text(&mut self, text: &str, slot: Slot, comment: Option<&str>) {
        self.out.push(' ');
        match yaml::style(text, slot.indent, slot.column) {
            Style::Line(line) => {
                self.out.push_str(&line);
                self.end_line(comment);
            }
            Style::Block(header, lines) => {
                self.out.push_str(header);
                self.end_line(comment);
                self.indented(&lines, slot.indent);
            }
        }
    }

    fn indented(&mut self, lines: &[&str], indent: usize) {
        for line in lines {
            if !line.is_empty() {
                let _ = write!(self.out, "{:indent$}{line}", "");
            }
            self.out.push('\n');
        }
    }

    /// Writes a block scalar with the lines that it has.
    fn block(&mut self, block: &Block<'_>, slot: Slot, comment: Option<&str>) {
        let Block { indicator, text, lines } = block;
        let ends = text.len() - text.trim_end_matches('\n').len();
        let _ = write!(self.out, " {indicator}");
        // Where the first lines are indented further, the indentation must be told.
        let first = lines.iter().position(|line| !line.trim_matches(' ').is_empty()).unwrap_or(0);
        if lines[..=first].iter().any(|line| line.starts_with(' ')) {
            let _ = write!(self.out, "{}", slot.step);
        }
        match ends {
            0 => self.out.push('-'),
            1 => {}
            _ => self.out.push('+'),
        }
        self.end_line(comment);
        self.indented(lines, slot.indent);
        for _ in 1..ends {
            self.out.push('\n');
        }
        self.keeps = ends > 1;
    }
}

/// A space, and the anchor and the tag of a value.
fn properties(node: &Node<'_>) -> String {
    node.anchor.iter().chain(&node.tag).fold(String::new(), |text, property| format!("{text} {property}"))
}

fn key<'t>(entry: &'t Entry<'_>) -> Cow<'t, str> {
    // What other readers may take for a number or null is left as it is: quotes would change it for them.
    if entry.plain && (entry.key == "<<" || !matches!(plain(&entry.key), Plain::Text)) {
        return Cow::Borrowed(&*entry.key);
    }
    Cow::Owned(yaml::text_in_line(&entry.key))
}

/// A plain scalar that is no text, as it is written.
fn value(text: &str) -> Option<&str> {
    match plain(text) {
        Plain::Null => Some("null"),
        Plain::Bool(true) => Some("true"),
        Plain::Bool(false) => Some("false"),
        Plain::Number(_) | Plain::Odd => Some(text),
        Plain::Text => None,
    }
}

/// A list in one line, where it holds nothing but short values without comments.
fn flow(node: &Node<'_>) -> Option<String> {
    let Form::List(items, tail) = &node.form else { return None };
    if !tail.is_empty() || items.iter().skip(1).any(|item| !item.above.is_empty()) {
        return None;
    }
    let item = |item: &Item<'_>| {
        let Node { lead, anchor, tag, form, right } = &item.value;
        let is_bare = lead.is_empty() && anchor.is_none() && tag.is_none() && right.is_none();
        if !is_bare || item.above.iter().any(is_comment) {
            return None;
        }
        match form {
            Form::Alias(name) => Some((*name).to_owned()),
            Form::Plain(text) => Some(value(text).map_or_else(|| yaml::text_in_flow(text), ToOwned::to_owned)),
            Form::Quoted(text) if !text.contains('\n') => Some(yaml::text_in_flow(text)),
            _ => None,
        }
    };
    Some(format!("[{}]", items.iter().map(item).collect::<Option<Vec<_>>>()?.join(", ")))
}

fn fits_line(node: &Node<'_>, column: usize) -> bool {
    let column = column + properties(node).chars().count();
    flow(node).is_some_and(|line| column + line.len() < WIDTH)
}

fn is_comment(line: &Line<'_>) -> bool {
    matches!(line, Line::Comment(_))
}

fn entry_has_comment(entry: &Entry<'_>) -> bool {
    entry.above.iter().any(is_comment) || has_comment(&entry.value)
}

/// Whether there is a comment at a value or in it.
fn has_comment(node: &Node<'_>) -> bool {
    let Node { lead, form, right, .. } = node;
    !lead.is_empty()
        || right.is_some()
        || match form {
            Form::List(items, tail) => {
                let item = |item: &Item<'_>| item.above.iter().any(is_comment) || has_comment(&item.value);
                tail.iter().any(is_comment) || items.iter().any(item)
            }
            Form::Map(entries, tail) => tail.iter().any(is_comment) || entries.iter().any(entry_has_comment),
            _ => false,
        }
}
