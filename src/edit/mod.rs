//! Edits of YAML files that keep comments and layout.
//!
//! An edit changes the bytes of the value that it is about, and nothing else. What comes out is read again: an edit that
//! says anything but what was asked for, because of an anchor for example, is refused, and the file stays as it is.

mod align;
mod expected;
mod fix;
mod splice;
mod written;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::Source;
use crate::workspace;
use crate::yaml::Yaml;

pub(crate) use fix::mend;

/// One step of the way to a value, as the file is written: a key, or the position in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Token {
    Key(String),
    Index(usize),
}

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Op {
    /// The value is this one. Keys on the way that are missing are added; a position one past a list's end adds to it.
    Set(Yaml),
    /// The key or the member is gone.
    Remove,
}

/// A change at one place of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Edit {
    pub(crate) place: Vec<Token>,
    pub(crate) op: Op,
}

/// Why a file cannot be edited without changing something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Refused {
    /// The line of the file that it is about.
    pub(crate) line: usize,
    pub(crate) why: &'static str,
}

/// Returns the text of a file with all edits made.
///
/// # Errors
/// When an edit has no place in the file, or cannot be made without changing more than was asked for.
pub(crate) fn apply(source: &Source, edits: &[Edit]) -> Result<String, Refused> {
    let text = &*source.text;
    let todo = Todo::of(edits).ok_or(Refused { line: 1, why: "two edits are about the same value" })?;
    // All lines have an end, while lines are put in and taken out.
    let ends = text.is_empty() || text.ends_with('\n');
    let newline = splice::newline_of(text);
    let whole = if ends { text.to_owned() } else { format!("{text}{newline}") };
    let unreadable = Refused { line: 1, why: "offerctl cannot edit this form of YAML" };
    let (Some(root), Some(before)) = (written::read(&whole), said(&whole)) else {
        return Err(unreadable);
    };
    let mut after = before.clone();
    let line = |at: usize| whole[..at.min(whole.len())].matches('\n').count() + 1;
    let at_place = |why| Refused { line: line(place_of(&root, &todo)), why };
    expected::apply(&mut after, &todo).ok_or_else(|| at_place("this address is not in the file"))?;
    let mut splicer = splice::Splicer::new(&whole);
    splicer
        .carry_out(&root, &before, &todo, splice::Slot::Root)
        .map_err(|(at, why)| Refused { line: line(at), why })?;
    let mut edited = splicer.finish();
    if !ends && edited.ends_with(newline) {
        edited.truncate(edited.len() - newline.len());
    }
    match said(&edited) {
        Some(read) if read == after => Ok(edited),
        _ => Err(at_place("other values of this file depend on it, by an anchor or a merge key")),
    }
}

/// Where the first of the edits is, as far as the file has it.
fn place_of(root: &written::Written, todo: &Todo) -> usize {
    let (mut node, mut todo) = (root, todo);
    let mut at = root.bytes.start;
    while let Some((token, next)) = todo.below.first_key_value() {
        let found = match (&node.form, token) {
            (written::Form::Map(entries, _), Token::Key(key)) => {
                entries.iter().find(|entry| entry.key == *key).map(|entry| (entry.key_bytes.start, &entry.value))
            }
            (written::Form::List(items, _), Token::Index(index)) => {
                items.get(*index).map(|item| (item.start, &item.value))
            }
            _ => None,
        };
        let Some((start, value)) = found else { break };
        (at, node, todo) = (start, value, next);
    }
    at
}

/// All edits, by the way to their places.
#[derive(Debug, Default)]
struct Todo {
    op: Option<Op>,
    below: BTreeMap<Token, Self>,
}

impl Todo {
    /// `None` where one edit is about a value inside that of another.
    fn of(edits: &[Edit]) -> Option<Self> {
        let mut root = Self::default();
        for edit in edits {
            let mut here = &mut root;
            for token in &edit.place {
                if here.op.is_some() {
                    return None;
                }
                here = here.below.entry(token.clone()).or_default();
            }
            if here.op.is_some() || !here.below.is_empty() {
                return None;
            }
            here.op = Some(edit.op.clone());
        }
        Some(root)
    }
}

fn said(text: &str) -> Option<Value> {
    workspace::untagged(text).map(|node| node.to_value(&mut |_| Value::Null))
}

/// Returns the value of a YAML text, its tags as they are written. `None` for what cannot be read.
pub(crate) fn parse(text: &str) -> Option<Yaml> {
    said(text).map(yaml_of)
}

/// The reverse of [`value_of`].
pub(crate) fn yaml_of(value: Value) -> Yaml {
    match value {
        Value::String(text) => match text.strip_prefix('\0').and_then(|rest| rest.split_once(' ')) {
            Some((tag, text)) => Yaml::Tagged(tag.to_owned(), text.to_owned()),
            None => Yaml::Scalar(text.into()),
        },
        Value::Array(items) => Yaml::List(items.into_iter().map(yaml_of).collect()),
        Value::Object(map) => Yaml::Map(map.into_iter().map(|(key, value)| (key, yaml_of(value))).collect()),
        scalar => Yaml::Scalar(scalar),
    }
}

/// The value as [`workspace::untagged`] reads it.
fn value_of(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Scalar(value) => value.clone(),
        Yaml::Tagged(tag, text) => Value::String(workspace::opaque(tag, text)),
        Yaml::List(items) => Value::Array(items.iter().map(value_of).collect()),
        Yaml::Map(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), value_of(value))).collect())
        }
    }
}
