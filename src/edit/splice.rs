//! The bytes that an edit changes.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::written::{Entry, Form, Item, Style, Written};
use super::{Op, Todo, Token, align, value_of};
use crate::yaml::{self, Yaml};

/// An edit that is not made: where in the file, and why.
pub(super) type Stop = (usize, &'static str);
type Done = Result<(), Stop>;

const NO_PLACE: &str = "this address is not in the file";
const FORM: &str = "offerctl cannot edit this form of YAML";
const ALL: &str = "this would leave an empty file";

/// What is around a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    /// Nothing: it is the whole file.
    Root,
    /// An indicator (`:` or `-`) that ends at a byte, in a mapping or list that is indented by some columns.
    After { indicator: usize, indent: usize },
    /// Brackets or braces.
    Flow,
}

/// Collects what changes in a text whose lines all have an end.
pub(super) struct Splicer<'a> {
    text: &'a str,
    /// How lines end.
    newline: &'static str,
    splices: Vec<(Range<usize>, String)>,
}

impl<'a> Splicer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, newline: newline_of(text), splices: Vec::new() }
    }

    /// Returns the text with all changes.
    pub(super) fn finish(mut self) -> String {
        // What is put in at a place comes before what is changed from there on.
        self.splices.sort_by_key(|(bytes, _)| (bytes.start, !bytes.is_empty()));
        let mut out = String::with_capacity(self.text.len() + 256);
        let mut at = 0;
        for (bytes, text) in &self.splices {
            out.push_str(&self.text[at..bytes.start.max(at)]);
            match self.newline {
                "\n" => out.push_str(text),
                newline => out.push_str(&text.replace('\n', newline)),
            }
            at = bytes.end.max(at);
        }
        out.push_str(&self.text[at..]);
        out
    }

    fn put(&mut self, bytes: Range<usize>, text: impl Into<String>) {
        self.splices.push((bytes, text.into()));
    }

    /// Makes the edits of a value and of what is in it. `old` is what it says now.
    pub(super) fn carry_out(&mut self, node: &Written, old: &Value, todo: &Todo, slot: Slot) -> Done {
        if let Some(Op::Set(new)) = &todo.op {
            return self.set(node, old, new, slot);
        }
        match &node.form {
            // What an edit of the anchor makes of it; whether that is what is asked for, reading the result shows.
            Form::Alias => Ok(()),
            Form::Map(entries, style) => self.in_map(node, entries, *style, old, todo, slot),
            Form::List(items, style) => self.in_list(node, items, *style, old, todo, slot),
            Form::Scalar if old.is_null() => {
                let new = fresh(todo).ok_or((node.bytes.start, NO_PLACE))?;
                self.replace(node, &new, slot)
            }
            Form::Scalar | Form::Text(_) => Err((node.bytes.start, NO_PLACE)),
        }
    }

    fn in_map(
        &mut self,
        node: &Written,
        entries: &[Entry],
        style: Style,
        old: &Value,
        todo: &Todo,
        slot: Slot,
    ) -> Done {
        let mut gone = Vec::new();
        let mut added = Vec::new();
        for (token, below) in &todo.below {
            let Token::Key(key) = token else { return Err((node.bytes.start, NO_PLACE)) };
            let place = entries.iter().position(|entry| entry.key == *key);
            match (place, &below.op) {
                (Some(index), Some(Op::Remove)) => gone.push(index),
                (Some(index), _) => {
                    let entry = &entries[index];
                    let inner = match style {
                        Style::Block => {
                            Slot::After { indicator: entry.colon, indent: self.column(entry.key_bytes.start) }
                        }
                        Style::Flow | Style::Pair => Slot::Flow,
                    };
                    self.carry_out(&entry.value, &old[key], below, inner)?;
                }
                (None, _) => added.push((key.clone(), fresh(below).ok_or((node.bytes.start, NO_PLACE))?)),
            }
        }
        if style == Style::Pair && !(gone.is_empty() && added.is_empty()) {
            return Err((node.bytes.start, FORM));
        }
        let parts = entries.iter().map(|entry| entry.key_bytes.start..entry.value.bytes.end).collect::<Vec<_>>();
        let new = Yaml::Map(added.clone());
        if gone.len() == entries.len() {
            return self.replace(node, &new, slot);
        }
        match style {
            Style::Block => {
                let indent = self.column(parts[0].start);
                self.remove_entries(&parts, &gone, indent);
                let lines = added.iter().map(|(key, value)| yaml::entry(key, value, indent)).collect::<String>();
                self.insert_lines_after(parts[parts.len() - 1].end, indent, lines);
            }
            Style::Flow | Style::Pair => {
                self.remove_in_flow(&parts, &gone);
                let added = added.iter().map(|entry| inner(&Yaml::Map(vec![entry.clone()]))).collect::<Vec<_>>();
                self.insert_in_flow(&parts, parts.len(), &added);
            }
        }
        Ok(())
    }

    fn in_list(&mut self, node: &Written, items: &[Item], style: Style, old: &Value, todo: &Todo, slot: Slot) -> Done {
        let mut gone = Vec::new();
        let mut added = BTreeMap::<usize, Vec<Yaml>>::new();
        for (token, below) in &todo.below {
            let Token::Index(index) = token else { return Err((node.bytes.start, NO_PLACE)) };
            match (items.get(*index), &below.op) {
                (Some(_), Some(Op::Remove)) => gone.push(*index),
                (Some(item), _) => self.carry_out(&item.value, &old[*index], below, self.slot_of(item, style))?,
                (None, _) => {
                    let new = fresh(below).ok_or((node.bytes.start, NO_PLACE))?;
                    added.entry(items.len()).or_default().push(new);
                }
            }
        }
        self.change_list(node, items, style, &gone, &added, slot)
    }

    fn slot_of(&self, item: &Item, style: Style) -> Slot {
        match style {
            Style::Block => Slot::After { indicator: item.start + 1, indent: self.column(item.start) },
            Style::Flow | Style::Pair => Slot::Flow,
        }
    }

    /// Takes members out of a list, and puts others in before the positions that are given.
    fn change_list(
        &mut self,
        node: &Written,
        items: &[Item],
        style: Style,
        gone: &[usize],
        added: &BTreeMap<usize, Vec<Yaml>>,
        slot: Slot,
    ) -> Done {
        if gone.len() == items.len() {
            let new = added.values().flatten().cloned().collect();
            return self.replace(node, &Yaml::List(new), slot);
        }
        let parts = items.iter().map(|item| item.start..item.value.bytes.end).collect::<Vec<_>>();
        if style != Style::Block {
            self.remove_in_flow(&parts, gone);
            for (index, new) in added {
                let texts = new.iter().map(yaml::in_flow).collect::<Vec<_>>();
                self.insert_in_flow(&parts, *index, &texts);
            }
            return Ok(());
        }
        let indent = self.column(parts[0].start);
        for index in gone {
            if *index == 0 && !self.is_first_on_line(parts[0].start) {
                return Err((parts[0].start, FORM));
            }
            self.remove_lines(&parts, *index, indent);
        }
        for (index, new) in added {
            let lines = new.iter().map(|item| yaml::item(item, indent)).collect::<String>();
            match index.checked_sub(1) {
                Some(before) => self.insert_lines_after(parts[before].end, indent, lines),
                None if self.is_first_on_line(parts[0].start) => {
                    let at = self.line_start(parts[0].start);
                    self.put(at..at, lines);
                }
                None => return Err((parts[0].start, FORM)),
            }
        }
        Ok(())
    }

    /// Makes a value say something else, with as little change as possible.
    fn set(&mut self, node: &Written, old: &Value, new: &Yaml, slot: Slot) -> Done {
        if value_of(new) == *old {
            return Ok(());
        }
        match (&node.form, new) {
            (Form::Map(entries, style), Yaml::Map(wanted)) if !node.has_properties && !wanted.is_empty() => {
                let own = old.as_object().is_some_and(|map| map.len() == entries.len());
                if !own || *style == Style::Pair {
                    // A merge key brings what cannot be taken out here.
                    return self.replace(node, new, slot);
                }
                let mut todo = Todo::default();
                for (key, value) in wanted {
                    todo.below
                        .insert(Token::Key(key.clone()), Todo { op: Some(Op::Set(value.clone())), ..Todo::default() });
                }
                for entry in entries {
                    let token = Token::Key(entry.key.clone());
                    todo.below.entry(token).or_insert_with(|| Todo { op: Some(Op::Remove), ..Todo::default() });
                }
                self.in_map(node, entries, *style, old, &todo, slot)
            }
            (Form::List(items, style), Yaml::List(wanted)) if !node.has_properties && !items.is_empty() => {
                let Some(olds) = old.as_array().filter(|olds| olds.len() == items.len()) else {
                    return self.replace(node, new, slot);
                };
                let align::Aligned { changed, gone, added } = align::lists(olds, wanted);
                for (index, value) in changed {
                    let item = &items[index];
                    self.set(&item.value, &olds[index], value, self.slot_of(item, *style))?;
                }
                self.change_list(node, items, *style, &gone, &added, slot)
            }
            _ => self.replace(node, new, slot),
        }
    }

    /// Writes another value in the place of one.
    fn replace(&mut self, node: &Written, new: &Yaml, slot: Slot) -> Done {
        let bytes = node.bytes.clone();
        match slot {
            Slot::Root => Err((bytes.start, ALL)),
            Slot::Flow => {
                let space = if bytes.is_empty() && !self.text[..bytes.start].ends_with(' ') { " " } else { "" };
                self.put(bytes, format!("{space}{}", yaml::in_flow(new)));
                Ok(())
            }
            Slot::After { indicator, indent } => {
                let column = self.column(indicator);
                let text_indent = match node.form {
                    Form::Text(columns) if columns > indent => columns,
                    _ => indent + 2,
                };
                let written = &self.text[bytes.clone()];
                let is_entry = self.text[..indicator].ends_with(':');
                let text = match in_old_quotes(written, new).filter(|_| is_entry) {
                    Some(text) => format!(" {text}"),
                    None => yaml::after_indicator(new, indent, column, text_indent),
                };
                let (end, comment) = self.comment_of(node, indicator, indent);
                let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
                self.put(indicator..end, format!("{first}{comment}{rest}"));
                Ok(())
            }
        }
    }

    /// Returns the comment on the first line of a value, with the blanks before it, and where the value ends, with the
    /// comments that belong to it.
    fn comment_of(&self, node: &Written, indicator: usize, indent: usize) -> (usize, &'a str) {
        let end = match node.form {
            // Its last line has its own end.
            Form::Text(_) => indicator + self.text[indicator..node.bytes.end].trim_end().len(),
            _ if node.is_block() => {
                let end = self.after_comments(node.bytes.end, indent);
                indicator + self.text[indicator..end].trim_end().len()
            }
            _ => node.bytes.end.max(indicator),
        };
        let line_end = self.line_end(indicator);
        let is_inline = !node.is_block() && !matches!(node.form, Form::Text(_)) && node.bytes.start < line_end;
        let (from, until) = if is_inline { (end, self.line_end(end)) } else { (indicator, line_end) };
        let line = self.text[from..until].trim_end();
        let hash = line.match_indices('#').map(|(at, _)| at).find(|at| *at == 0 || line[..*at].ends_with([' ', '\t']));
        match hash {
            Some(hash) if is_inline && !line[..hash].trim().is_empty() => (end, ""),
            Some(hash) => {
                let gap = line[..hash].len() - line[..hash].trim_end().len();
                (if is_inline { from + line.len() } else { end }, &line[hash - gap..])
            }
            None => (end, ""),
        }
    }

    /// Takes the lines of an entry or a member out, with the comments that are about it.
    fn remove_lines(&mut self, parts: &[Range<usize>], index: usize, indent: usize) {
        let part = &parts[index];
        let mut tail = self.after_comments(part.end, indent);
        if self.is_first_on_line(part.start) {
            let mut head = self.line_start(part.start);
            let is_blank = |at: usize| at < self.text.len() && self.text[at..self.line_end(at)].trim().is_empty();
            // Above the first, a comment may be about all.
            while index > 0 && head > parts[index - 1].end {
                let line = self.line_start(head - 1);
                let above = &self.text[line..head];
                if !above.trim_start().starts_with('#') || indent_of(above) != indent || line < parts[index - 1].end {
                    break;
                }
                head = line;
            }
            // Blank lines on both sides would be one gap.
            while is_blank(tail) && (head == 0 || is_blank(self.line_start(head - 1))) {
                tail = self.next_line(tail);
            }
            self.put(head..tail, "");
            return;
        }
        // The first entry follows a dash, which stays.
        let head = self.text[..part.start].trim_end_matches(' ').len();
        self.put(head..self.line_end(part.end), "");
    }

    /// Takes entries of a block mapping out, of which one stays.
    fn remove_entries(&mut self, parts: &[Range<usize>], gone: &[usize], indent: usize) {
        let kept = (0..parts.len()).find(|index| !gone.contains(index)).unwrap_or_default();
        let follows_dash = kept > 0 && !self.is_first_on_line(parts[0].start);
        // The first one that stays takes the place after the dash, unless there is a comment above it.
        let moves_up = follows_dash && !self.text[parts[0].end..parts[kept].start].contains('#');
        if moves_up {
            self.put(parts[0].start..parts[kept].start, "");
        }
        let rest = gone.iter().filter(|index| !moves_up || **index > kept);
        rest.for_each(|index| self.remove_lines(parts, *index, indent));
    }

    /// Puts lines in after the line on which something ends, and after the comments that belong to it.
    fn insert_lines_after(&mut self, end: usize, indent: usize, lines: String) {
        if !lines.is_empty() {
            let at = self.after_comments(end, indent);
            self.put(at..at, lines);
        }
    }

    /// Returns where the lines end that belong to what ends at `end`: its last line, and comments below that are indented
    /// deeper than it.
    fn after_comments(&self, end: usize, indent: usize) -> usize {
        let is_line_start = end > 0 && end == self.line_start(end);
        let mut at = if is_line_start { end } else { self.next_line(end) };
        while at < self.text.len() {
            let line = &self.text[at..self.line_end(at)];
            if !line.trim_start().starts_with('#') || indent_of(line) <= indent {
                break;
            }
            at = self.next_line(at);
        }
        at
    }

    fn remove_in_flow(&mut self, parts: &[Range<usize>], gone: &[usize]) {
        let Some(last_kept) = (0..parts.len()).rev().find(|index| !gone.contains(index)) else { return };
        for index in gone.iter().filter(|index| **index < last_kept) {
            self.put(parts[*index].start..parts[index + 1].start, "");
        }
        if last_kept + 1 < parts.len() {
            let kept_end = parts[last_kept].end;
            let next = parts[last_kept + 1].start;
            // A comment between them is about the one that stays, whose comma may stay too.
            let start =
                if self.text[kept_end..next].contains('#') { self.line_start(next).max(kept_end) } else { kept_end };
            self.put(start..parts[parts.len() - 1].end, "");
        }
    }

    /// Puts members in before a position.
    fn insert_in_flow(&mut self, parts: &[Range<usize>], index: usize, new: &[String]) {
        if new.is_empty() {
            return;
        }
        let Some(before) = index.checked_sub(1).map(|before| &parts[before]) else {
            let at = parts[0].start;
            self.put(at..at, format!("{}, ", new.join(", ")));
            return;
        };
        let separator = match self.is_first_on_line(before.start) {
            true => format!(",\n{:1$}", "", self.column(before.start)),
            false => ", ".to_owned(),
        };
        let text = new.iter().map(|text| format!("{separator}{text}")).collect::<String>();
        self.put(before.end..before.end, text);
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |length| at + length);
        if end > at && self.text[..end].ends_with('\r') { end - 1 } else { end }
    }

    fn next_line(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |length| at + length + 1)
    }

    /// The column of a byte, from 0; what is before it on its line is in single-byte characters where it counts.
    fn column(&self, at: usize) -> usize {
        at - self.line_start(at)
    }

    fn is_first_on_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].bytes().all(|byte| byte == b' ')
    }
}

/// Returns how the lines of a text end, by its first one.
pub(super) fn newline_of(text: &str) -> &'static str {
    let first_line = text.split_inclusive('\n').next().unwrap_or_default();
    if first_line.ends_with("\r\n") { "\r\n" } else { "\n" }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// What edits make where nothing is: the mappings and lists on the way to their values.
fn fresh(todo: &Todo) -> Option<Yaml> {
    match &todo.op {
        Some(Op::Set(value)) => return Some(value.clone()),
        Some(Op::Remove) => return None,
        None => {}
    }
    let mut entries = Vec::new();
    let mut items = Vec::new();
    for (token, below) in &todo.below {
        match token {
            Token::Key(key) => entries.push((key.clone(), fresh(below)?)),
            Token::Index(index) if *index == items.len() => items.push(fresh(below)?),
            Token::Index(_) => return None,
        }
    }
    match (entries.is_empty(), items.is_empty()) {
        (false, true) => Some(Yaml::Map(entries)),
        (true, false) => Some(Yaml::List(items)),
        _ => None,
    }
}

/// The entry of a mapping as it is between braces.
fn inner(map: &Yaml) -> String {
    let text = yaml::in_flow(map);
    text[1..text.len() - 1].to_owned()
}

/// A text of one line in the quotes that the old one has.
fn in_old_quotes(old: &str, new: &Yaml) -> Option<String> {
    let Yaml::Scalar(Value::String(text)) = new else { return None };
    let fits = !text.contains('\n') && text.chars().all(yaml::is_printable);
    // Quotes that the old text needed are no choice of style.
    let inner = old.get(1..old.len().checked_sub(1)?)?;
    if yaml::text_in_line(inner) != inner {
        return None;
    }
    match old.chars().next()? {
        '"' if fits => Some(yaml::quoted(text)),
        '\'' if fits => Some(format!("'{}'", text.replace('\'', "''"))),
        _ => None,
    }
}
