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
    /// The ways to the innermost value that is written: two, where a pair of fields that hold one value are both written.
    pub(super) ways: Vec<Vec<Token>>,
    /// How many steps of the address that is.
    pub(super) matched: usize,
    /// How many members the value has, if it is a list.
    pub(super) length: Option<usize>,
    /// Whether names in it are those of the API where there are short ones.
    pub(super) wire_names: bool,
    /// What is known of the value.
    shape: &'a Shape,
}

/// Follows an address from the root of a file.
pub(super) fn place<'a>(root: &Value, shape: &'a Shape, steps: &[Step<'_>]) -> Placed<'a> {
    let mut heads = vec![(Vec::new(), root)];
    let mut here = shape;
    let mut matched = 0;
    for step in steps {
        let next = heads.iter().flat_map(|(way, value)| {
            children(value, here, *step).into_iter().map(|(token, inner)| ([way.as_slice(), &[token]].concat(), inner))
        });
        let next = next.collect::<Vec<_>>();
        if next.is_empty() {
            break;
        }
        here = inner_shape(here, heads[0].1, *step);
        heads = next;
        matched += 1;
    }
    let value = heads[0].1;
    let has_long_name = |key: &String| short(key, here).is_some();
    Placed {
        matched,
        length: value.as_array().map(Vec::len),
        wire_names: value.as_object().is_some_and(|map| map.keys().any(has_long_name)),
        shape: here,
        ways: heads.into_iter().map(|(way, _)| way).collect(),
    }
}

/// The values that a step leads to, and the tokens of the file that name them.
fn children<'v>(value: &'v Value, shape: &Shape, step: Step<'_>) -> Vec<(Token, &'v Value)> {
    match (value, step) {
        (Value::Object(map), AddressStep::Key(label)) => {
            let full = shape.labelled(label);
            let written = |name: &str| {
                let mut names = [Some(name), short(name, shape)].into_iter().flatten();
                names.find_map(|name| Some((Token::Key(name.to_owned()), map.get(name)?)))
            };
            [Some(full), shape.twin(full)].into_iter().flatten().filter_map(written).collect()
        }
        (Value::Object(map), AddressStep::Id(id)) => {
            map.get(id).map(|inner| (Token::Key(id.to_owned()), inner)).into_iter().collect()
        }
        (Value::Array(items), AddressStep::Id(id)) => {
            let is_it = |item: &Value| members_key(shape).and_then(|key| item.get(key)?.as_str()) == Some(id);
            let index = match members_key(shape) {
                Some(_) => items.iter().position(is_it),
                None => id.parse().ok(),
            };
            index.and_then(|index| Some((Token::Index(index), items.get(index)?))).into_iter().collect()
        }
        _ => Vec::new(),
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
    /// The edits that declare a value where the rest of the address leads, which is not written yet.
    pub(super) fn set(&self, rest: &[Step<'_>], value: &Yaml) -> Vec<Edit> {
        self.ways.iter().map(|way| self.set_at(way, rest, value)).collect()
    }

    fn set_at(&self, way: &[Token], rest: &[Step<'_>], value: &Yaml) -> Edit {
        let mut place = way.to_vec();
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
