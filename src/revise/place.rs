//! Where an address leads in a file as it is written: with short names or those of the API, and with tags.

use serde_json::Value;

use super::Step;
use crate::document::members_key;
use crate::edit::{Edit, Op, Token};
use crate::model::Step as AddressStep;
use crate::schema::Shape;
use crate::workspace::short;
use crate::yaml::Yaml;

/// How far an address leads.
pub(super) struct Placed<'a> {
    /// The way to the innermost value that is written.
    pub(super) tokens: Vec<Token>,
    /// How many steps of the address that is.
    pub(super) matched: usize,
    /// How many members the value has, if it is a list.
    pub(super) length: Option<usize>,
    /// What is written, if it is a text.
    pub(super) text: Option<String>,
    /// Whether names in it are those of the API where there are short ones.
    pub(super) wire_names: bool,
    /// What is known of the value.
    shape: &'a Shape,
}

/// Follows an address from the root of a file.
pub(super) fn place<'a>(root: &Value, shape: &'a Shape, steps: &[Step<'_>]) -> Placed<'a> {
    let mut value = root;
    let mut placed = Placed { tokens: Vec::new(), matched: 0, length: None, text: None, wire_names: false, shape };
    for step in steps {
        let Some((token, inner)) = child(value, placed.shape, *step) else { break };
        placed.shape = inner_shape(placed.shape, value, *step);
        placed.tokens.push(token);
        placed.matched += 1;
        value = inner;
    }
    placed.text = value.as_str().map(ToOwned::to_owned);
    placed.length = value.as_array().map(Vec::len);
    let has_long_name = |key: &String| short(key, placed.shape).is_some();
    placed.wire_names = value.as_object().is_some_and(|map| map.keys().any(has_long_name));
    placed
}

fn child<'v>(value: &'v Value, shape: &Shape, step: Step<'_>) -> Option<(Token, &'v Value)> {
    match (value, step) {
        (Value::Object(map), AddressStep::Key(label)) => {
            let full = shape.labelled(label);
            let names = [Some(full), shape.twin(full)].into_iter().flatten();
            let mut names = names.flat_map(|name| [Some(name), short(name, shape)]).flatten();
            names.find_map(|name| Some((Token::Key(name.to_owned()), map.get(name)?)))
        }
        (Value::Object(map), AddressStep::Id(id)) => Some((Token::Key(id.to_owned()), map.get(id)?)),
        (Value::Array(items), AddressStep::Id(id)) => {
            let is_it = |item: &Value| members_key(shape).and_then(|key| item.get(key)?.as_str()) == Some(id);
            let index = match members_key(shape) {
                Some(_) => items.iter().position(is_it)?,
                None => id.parse().ok()?,
            };
            Some((Token::Index(index), items.get(index)?))
        }
        _ => None,
    }
}

fn inner_shape<'a>(shape: &'a Shape, value: &Value, step: Step<'_>) -> &'a Shape {
    match step {
        _ if value.is_array() => shape.item(),
        AddressStep::Key(label) => shape.property(shape.labelled(label)),
        AddressStep::Id(id) => shape.property(id),
    }
}

impl Placed<'_> {
    /// The edit that declares a value where the rest of the address leads, which is not written yet.
    pub(super) fn set(&self, rest: &[Step<'_>], value: &Yaml) -> Edit {
        let mut place = self.tokens.clone();
        let mut shape = self.shape;
        for (index, step) in rest.iter().enumerate() {
            match (*step, members_key(shape)) {
                (AddressStep::Id(id), Some(key)) => {
                    place.push(Token::Index(if index == 0 { self.length.unwrap_or(0) } else { 0 }));
                    let member = member(&rest[index + 1..], shape.item(), key, id, value);
                    return Edit { place, op: Op::Set(member) };
                }
                (AddressStep::Id(id), None) => {
                    place.push(Token::Key(id.to_owned()));
                    shape = shape.property(id);
                }
                (AddressStep::Key(label), _) => {
                    let full = shape.labelled(label);
                    let name = short(full, shape).filter(|_| !self.wire_names).unwrap_or(full);
                    place.push(Token::Key(name.to_owned()));
                    shape = shape.property(full);
                }
            }
        }
        Edit { place, op: Op::Set(value.clone()) }
    }
}

/// A new member of a list, with its identity first.
fn member(rest: &[Step<'_>], shape: &Shape, key: &str, id: &str, value: &Yaml) -> Yaml {
    let inner = rest.iter().enumerate().rev().fold(value.clone(), |inner, (index, step)| {
        let of = rest[..index].iter().fold(shape, |shape, step| match *step {
            AddressStep::Key(label) => shape.property(shape.labelled(label)),
            AddressStep::Id(id) => shape.property(id),
        });
        let name = match *step {
            AddressStep::Key(label) => short(of.labelled(label), of).unwrap_or(of.labelled(label)),
            AddressStep::Id(id) => id,
        };
        Yaml::Map(vec![(name.to_owned(), inner)])
    });
    match inner {
        Yaml::Map(mut entries) => {
            if !entries.iter().any(|(name, _)| name == key) {
                entries.insert(0, (key.to_owned(), Yaml::Scalar(id.into())));
            }
            Yaml::Map(entries)
        }
        other => other,
    }
}
