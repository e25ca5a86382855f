//! What a YAML text says, without how it is laid out: the law of a layout is that this stays the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde_yaml::{Event, Parser, ScalarStyle};

use super::options;
use crate::workspace::{Plain, plain};

/// One step through a document.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Map,
    List,
    End,
    /// A key. A plain `<<` is not the text of that name.
    Key(Cow<'a, str>, bool),
    Alias(&'a str),
    Null,
    Bool(bool),
    /// As it is written.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    Anchor(&'a str),
    Tag(&'a str),
}

/// What a text says.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    /// The steps, each with the byte where it is.
    steps: Vec<(Step<'a>, usize)>,
    comments: Vec<(&'a str, usize)>,
}

impl<'a> Said<'a> {
    /// Reads a text in which some keys have new names, by the byte where each starts.
    ///
    /// # Errors
    /// With what was read up to there, for what is no YAML.
    pub(super) fn of(text: &'a str, names: &BTreeMap<usize, String>) -> Result<Self, Self> {
        let mut said = Self::default();
        match said.read(text, names) {
            Some(()) => Ok(said),
            None => Err(said),
        }
    }

    fn read(&mut self, text: &'a str, names: &BTreeMap<usize, String>) -> Option<()> {
        // For each open collection, whether a key comes next; `None` in a list.
        let mut open = Vec::<Option<bool>>::new();
        let mut anchors = HashMap::new();
        for event in Parser::new_from_str_with_options(text, options(true)) {
            let (event, span) = event.ok()?;
            let at = span.byte_range()?.start;
            let is_key = matches!(open.last(), Some(Some(true)));
            let step = match event {
                Event::Comment(..) => {
                    self.comments.push((span.slice(text)?.trim_end(), at));
                    continue;
                }
                Event::Anchor(id, _) => {
                    let name = span.slice(text)?;
                    anchors.insert(id, name.strip_prefix('&')?);
                    self.steps.push((Step::Anchor(name), at));
                    continue;
                }
                Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => continue,
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                    Step::End
                }
                Event::Alias(id) => Step::Alias(anchors.get(&id)?),
                Event::Scalar(..) if is_key && names.contains_key(&at) => {
                    Step::Key(Cow::Owned(names[&at].clone()), false)
                }
                Event::Scalar(key, style, ..) if is_key => {
                    let merges = style == ScalarStyle::Plain && key == "<<";
                    Step::Key(key, merges)
                }
                Event::Scalar(text, style, ..) => scalar(text, style, span.tag_span().is_some(), span.is_empty()),
                Event::SequenceStart(..) => Step::List,
                Event::MappingStart(..) => Step::Map,
                _ => return None,
            };
            if let Some(tag) = span.tag_span() {
                self.steps.push((Step::Tag(tag.slice(text)?), at));
            }
            turn(&mut open, &step);
            self.steps.push((step, at));
        }
        Some(())
    }

    /// Returns the byte of this text from which the other says something else.
    pub(super) fn differs(&self, other: &Self) -> Option<usize> {
        fn first<T: PartialEq>(a: &[(T, usize)], b: &[(T, usize)]) -> Option<usize> {
            if a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0) {
                return None;
            }
            let at = a.iter().zip(b).position(|(a, b)| a.0 != b.0).unwrap_or(a.len().min(b.len()));
            Some(a.get(at).or(a.last()).map_or(0, |(_, byte)| *byte))
        }
        first(&self.steps, &other.steps).or_else(|| first(&self.comments, &other.comments))
    }
}

/// Notes whether a key or a value comes next.
fn turn(open: &mut Vec<Option<bool>>, step: &Step<'_>) {
    if let Some(Some(key_next)) = open.last_mut()
        && *step != Step::End
    {
        *key_next = !*key_next;
    }
    match step {
        Step::Map => open.push(Some(true)),
        Step::List => open.push(None),
        _ => {}
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tagged: bool, empty: bool) -> Step<'_> {
    if style != ScalarStyle::Plain || tagged {
        return Step::Text(text);
    }
    if empty {
        return Step::Null;
    }
    match plain(&text) {
        Plain::Null => Step::Null,
        Plain::Bool(value) => Step::Bool(value),
        Plain::Number(_) | Plain::Odd => Step::Number(text),
        Plain::Text => Step::Text(text),
    }
}
