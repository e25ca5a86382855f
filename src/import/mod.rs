//! From a live offer to the file that a person would have written: what the portal owns, fills in or copied is left out,
//! secrets become names, and the rest is YAML in one layout.

mod yaml;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::document::{Equality, compare_scalars, identity, is_empty, members_key, store_copy};
use crate::model::{Address, OfferKey, Step};
use crate::redact;
use crate::schema::Shape;
use crate::workspace::{Plain, is_short, plain, short};
use yaml::Yaml;

/// The keys of an offer that are the publisher's own. A live offer may have any other key, and none of them is trusted.
const ENVELOPE: [&str; 4] = ["publisherId", "id", "offerTypeId", "definition"];

/// How an offer is written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// Whether the names of the wire are kept where a short one is unambiguous.
    pub(crate) wire_names: bool,
    /// Whether empty values and the portal's own defaults are written.
    pub(crate) full: bool,
}

/// An offer as a file, and what the file leaves out.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) text: String,
    /// The secrets, by their addresses, and the variables that stand for them.
    pub(crate) secrets: Vec<(Address, String)>,
    /// Addresses of files that are written without their signature.
    pub(crate) unsigned: Vec<Address>,
    /// What the file leaves to the portal, and why.
    pub(crate) left_out: Vec<(Address, LeftOut)>,
}

/// Why a value is not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// The address of the portal's own copy of a file.
    Copy,
    /// A secret within a text, or a secret that is not a text.
    Secret,
    /// A number that YAML does not hold.
    Number,
    /// A field whose name is short for another one, or longer than YAML takes.
    Name,
    /// A top-level key that is not part of an offer.
    NotOurs,
}

impl LeftOut {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Copy => "the portal's own copy of a file",
            Self::Secret => "holds a secret",
            Self::Number => "a number that YAML readers do not agree on",
            Self::Name => "its name is short for another field, or too long",
            Self::NotOurs => "not part of an offer",
        }
    }
}

/// Writes a live offer as a file. The file declares what the publisher decides; a plan of it is empty.
pub(crate) fn write(key: &OfferKey, live: &Value, shape: &Shape, options: Options) -> Imported {
    let mut writer = Writer { key, options, out: Imported::default(), variables: BTreeSet::new() };
    let mut entries = Vec::new();
    let none = Map::new();
    let members = live.as_object().unwrap_or(&none);
    for name in ENVELOPE {
        let Some(value) = members.get(name) else { continue };
        let inner = shape.property(name);
        let at = shape.address(&Address::default(), name);
        let written = match name {
            "definition" => value.as_object().map(|definition| Yaml::Map(writer.object(definition, inner, &at))),
            _ => Some(Yaml::Scalar(value.clone())),
        };
        entries.extend(written.map(|written| (name.to_owned(), written)));
    }
    let foreign = |name: &&String| !ENVELOPE.contains(&name.as_str()) && !shape.property(name).rules.server_owned;
    for name in members.keys().filter(foreign) {
        writer.out.left_out.push((shape.address(&Address::default(), name), LeftOut::NotOurs));
    }
    writer.out.text = yaml::document(&entries);
    writer.out
}

struct Writer<'a> {
    key: &'a OfferKey,
    options: Options,
    out: Imported,
    /// The names of variables that are taken.
    variables: BTreeSet<String>,
}

impl Writer<'_> {
    /// The entries of an object, in the order of the schema, then by name.
    fn object(&mut self, map: &Map<String, Value>, shape: &Shape, at: &Address) -> Vec<(String, Yaml)> {
        let mut keys = map.keys().map(String::as_str).collect::<Vec<_>>();
        keys.sort_by_key(|key| (shape.place(key).unwrap_or(usize::MAX), *key));
        let mut written = Vec::<(&str, Yaml)>::new();
        for key in keys {
            // The portal gives some properties back under another name.
            let name =
                shape.properties().map(|(name, _)| name).find(|name| shape.returned_as(name).any(|other| other == key));
            let name = name.unwrap_or(key);
            let twin = shape.twin(name);
            if written.iter().any(|(other, _)| *other == name || Some(*other) == twin) {
                continue;
            }
            let member = shape.rules.exact_entries && !shape.names(name);
            if let Some(value) = self.property(name, &map[key], shape, at, member) {
                written.push((name, value));
            }
        }
        let short = |name: &str| match short(name, shape) {
            Some(short) if !self.options.wire_names && !map.contains_key(short) => short.to_owned(),
            _ => name.to_owned(),
        };
        written.into_iter().map(|(name, value)| (short(name), value)).collect()
    }

    /// What a file declares for a property; `None` leaves it to the portal. The entries of a dictionary stay, whatever
    /// is in them: a dictionary is declared whole.
    fn property(&mut self, name: &str, value: &Value, object: &Shape, at: &Address, member: bool) -> Option<Yaml> {
        let shape = object.property(name);
        let rules = &shape.rules;
        if rules.server_owned || rules.write_only || rules.read_only_on_write {
            return None;
        }
        if is_short(name, object) || yaml::is_too_long(name) {
            self.out.left_out.push((at.with(Step::Key(name)), LeftOut::Name));
            return None;
        }
        let filled_in = || rules.default.as_ref().is_some_and(|default| is_default(default, value, shape));
        if !member && !self.options.full && (is_empty(value) || filled_in()) {
            return None;
        }
        let at = object.address(at, name);
        if (rules.secret || redact::is_secret_name(name)) && !is_empty(value) {
            return self.secret(name, value, at);
        }
        match value {
            Value::Object(map) => {
                let before = self.out.left_out.len();
                let entries = self.object(map, shape, &at);
                let written = |key: &String| shape.names(key) || entries.iter().any(|(name, _)| name == key);
                if shape.rules.exact_entries && !map.keys().all(written) {
                    // A dictionary is declared whole: without one of its entries, a plan would delete it.
                    let why = self.out.left_out.get(before).map_or(LeftOut::Secret, |(_, why)| *why);
                    self.out.left_out.truncate(before);
                    self.out.left_out.push((at, why));
                    return None;
                }
                let nothing = entries.is_empty() && !map.is_empty() && !member;
                (!nothing).then_some(Yaml::Map(entries))
            }
            Value::Array(items) => self.array(items, shape, at),
            scalar => self.scalar(scalar, shape, at),
        }
    }

    fn secret(&mut self, name: &str, value: &Value, at: Address) -> Option<Yaml> {
        if !value.is_string() {
            self.out.left_out.push((at, LeftOut::Secret));
            return None;
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        let words = format!("{}_{last}", self.key.offer);
        let upper = words.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        let base = upper.collect::<String>();
        let numbered = (2..).map(|count| format!("{base}_{count}"));
        let variable = std::iter::once(base.clone()).chain(numbered).find(|name| !self.variables.contains(name))?;
        self.variables.insert(variable.clone());
        self.out.secrets.push((at, variable.clone()));
        Some(Yaml::Tagged("!secret", format!("env:{variable}")))
    }

    /// A list is declared whole, so one that cannot be written whole is left to the portal. Members with an identity are
    /// matched by it, and may leave out what is in them.
    fn array(&mut self, items: &[Value], shape: &Shape, at: Address) -> Option<Yaml> {
        let keyed = members_key(shape).is_some();
        let before = (self.out.secrets.len(), self.out.unsigned.len(), self.out.left_out.len());
        let mut written = Vec::new();
        for item in items {
            let at = identity(item, shape).map_or_else(|| at.clone(), |id| at.with(Step::Id(id)));
            written.push(match item {
                Value::Object(map) => Some(Yaml::Map(self.object(map, shape.item(), &at))),
                Value::Array(items) => self.array(items, shape.item(), at),
                scalar => self.scalar(scalar, shape.item(), at),
            });
        }
        let lost = self.out.secrets.len() > before.0 || self.out.left_out.len() > before.2;
        if keyed || !lost {
            return written.into_iter().collect::<Option<Vec<_>>>().map(Yaml::List);
        }
        let why = self.out.left_out.get(before.2).map_or(LeftOut::Secret, |(_, why)| *why);
        self.out.secrets.truncate(before.0);
        self.out.unsigned.truncate(before.1);
        self.out.left_out.truncate(before.2);
        self.out.left_out.push((at, why));
        None
    }

    fn scalar(&mut self, value: &Value, shape: &Shape, at: Address) -> Option<Yaml> {
        let rules = &shape.rules;
        let mut left_out = |why| {
            self.out.left_out.push((at.clone(), why));
            None
        };
        match value {
            Value::String(text) if (rules.artifact || rules.maybe_artifact) && store_copy(text).is_some() => {
                left_out(LeftOut::Copy)
            }
            Value::String(text) if redact::holds_secret(text) => match without_signature(text, shape) {
                Some(address) => {
                    self.out.unsigned.push(at);
                    Some(Yaml::Scalar(address.into()))
                }
                None => left_out(LeftOut::Secret),
            },
            Value::Number(number) if !matches!(plain(&number.to_string()), Plain::Number(_)) => {
                left_out(LeftOut::Number)
            }
            value => Some(Yaml::Scalar(value.clone())),
        }
    }
}

fn is_default(default: &Value, value: &Value, shape: &Shape) -> bool {
    match (default, value) {
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => default == value,
        (default, value) => compare_scalars(default, value, &shape.rules) != Equality::Different,
    }
}

/// The address without the parameters that do not count there, where nothing secret is left and it compares as equal.
fn without_signature(text: &str, shape: &Shape) -> Option<String> {
    let mut url = url::Url::parse(text).ok()?;
    let counts = |name: &str| !shape.rules.ignore_query.iter().any(|ignored| ignored.eq_ignore_ascii_case(name));
    let kept =
        url.query_pairs().filter(|(name, _)| counts(name)).map(|(name, value)| (name.into_owned(), value.into_owned()));
    let kept = kept.collect::<Vec<_>>();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    let bare = String::from(url);
    let equal = compare_scalars(&bare.as_str().into(), &text.into(), &shape.rules) != Equality::Different;
    (equal && !redact::holds_secret(&bare)).then_some(bare)
}

#[cfg(test)]
mod tests;
