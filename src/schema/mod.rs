//! What is known of offer documents, as data: which lists are sets, what identifies a plan, which fields the portal
//! owns, rewrites, renames or fills in.
//!
//! The data are the files in `schemas/`: JSON Schema 2020-12 with our annotations under one keyword, `x-offerctl`.
//! They are compiled once into a tree of [`Shape`]s that mirrors a document, so that comparing walks document and
//! shape side by side. Schemas are open: what they do not name has the empty shape, which claims nothing.

mod annotations;
mod bundle;
mod compile;
mod error;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use serde_json::Value;

pub(crate) use bundle::Bundle;
pub(crate) use error::{SchemaError, SchemaPlace};

use crate::model::{Address, Digest, Risk, Step};
use table::Table;

/// How the members of an array are matched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ListRule {
    #[default]
    Ordered,
    /// By value; order means nothing.
    Set,
    /// By the value of this property; order means nothing.
    Keyed(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Case {
    #[default]
    Exact,
    /// Upper and lower case are one (GUIDs, region codes).
    Insensitive,
}

impl Case {
    /// The form in which two texts that are one are equal.
    pub(crate) fn folded(self, text: &str) -> String {
        match self {
            Self::Exact => text.to_owned(),
            Self::Insensitive => text.to_ascii_lowercase(),
        }
    }

    pub(crate) fn same(self, a: &str, b: &str) -> bool {
        match self {
            Self::Exact => a == b,
            Self::Insensitive => a.eq_ignore_ascii_case(b),
        }
    }
}

/// What cannot change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locked {
    /// The value, once it was published.
    Value,
    /// The number of members, once they were published.
    Count,
    /// That there is a value, once it was set.
    Set,
}

/// The annotations of one node, from `x-offerctl`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rules {
    /// `list`: how the members of this array are matched.
    pub(crate) list: ListRule,
    /// `entries: exact`: the keys of this object are the user's, and the declared ones are the whole set.
    pub(crate) exact_entries: bool,
    /// `guard`: what a removed member of this array or dictionary is called in guard tokens.
    pub(crate) guard: Option<String>,
    /// `secret`: the value never leaves the process but in the request body.
    pub(crate) secret: bool,
    /// `artifact`: the portal fetches this URL and answers with one of its own copy.
    pub(crate) artifact: bool,
    /// `artifact: "maybe"`: where the live value is the portal's own copy, it is one.
    pub(crate) maybe_artifact: bool,
    /// `url.ignoreQuery`: query parameters that do not count when two URLs are compared.
    pub(crate) ignore_query: Vec<String>,
    /// `serverOwned`: the portal writes it; never compared, never sent.
    pub(crate) server_owned: bool,
    /// `writeOnly`: sent when declared, never returned, so never compared.
    pub(crate) write_only: bool,
    /// `readOnlyOnWrite`: returned, and refused when sent back.
    pub(crate) read_only_on_write: bool,
    /// `default`: what the portal adds where the key is absent.
    pub(crate) default: Option<Value>,
    /// `returnedAs`: the name under which the portal gives this property back.
    pub(crate) returned_as: Option<String>,
    /// `numericString`: `"30"` and `30` are one value.
    pub(crate) numeric_string: bool,
    /// `case`: how letters compare.
    pub(crate) case: Case,
    /// `exclusive`: of these properties an object has one at most.
    pub(crate) exclusive: Vec<String>,
    /// `spelledAs`: the name under which this property must be written; the portal drops the other spelling.
    pub(crate) spelled_as: Option<String>,
    /// `twin`: a second property that must hold the same value.
    pub(crate) twin: Option<String>,
    /// `immutable`: set at creation, never changed.
    pub(crate) immutable: bool,
    /// `risk`: what a change of the value, or of anything in it, means to customers.
    pub(crate) risk: Option<Risk>,
    /// `restricts`: the value says who may see what holds it; without it, everyone does.
    pub(crate) restricts: bool,
    /// `locked`: what of it cannot change any more.
    pub(crate) locked: Option<Locked>,
    /// `chooses`: which property of the same object is used, by a word in the value; `None` for none.
    pub(crate) chooses: BTreeMap<String, Option<String>>,
    /// `deprecated`: why the field is not to be used any more.
    pub(crate) deprecated: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Type {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// What a value may be, beyond its type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    /// `enum`: the only values; empty means any.
    pub(crate) values: Vec<Value>,
    /// `minimum`: the smallest number.
    pub(crate) minimum: Option<f64>,
    /// `pattern`: the form of a text.
    pub(crate) pattern: Option<regex_lite::Regex>,
    /// `examples`: what such a value looks like.
    pub(crate) examples: Vec<Value>,
    /// `required`: the properties that a whole object has.
    pub(crate) required: Vec<String>,
    /// `additionalProperties: false`: the named properties are all there are.
    pub(crate) closed: bool,
    /// `additionalProperties: true`: other properties are spelled freely.
    pub(crate) open: bool,
}

/// What is known of one place in a document and of everything below it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) rules: Rules,
    /// The types that are allowed; empty means any.
    pub(crate) types: Vec<Type>,
    /// What the schema says of the values beyond their type.
    pub(crate) bounds: Bounds,
    properties: Table<Self>,
    /// The place of each named property in the schema's own order.
    places: BTreeMap<String, usize>,
    patterns: Vec<(regex_lite::Regex, Self)>,
    additional: Option<Box<Self>>,
    items: Option<Box<Self>>,
    names: Names,
    /// `below`: what is said of every place below this one that nothing else describes.
    below: Option<Arc<Self>>,
    /// Whether this is such a place, of which there are more below it.
    everywhere: bool,
}

/// How the named properties of an object belong together.
#[derive(Debug, Clone, Default)]
struct Names {
    /// The label of each key that has one.
    labels: Table<String>,
    /// The key of each label.
    keys: Table<String>,
    /// The properties that end in each name, after a dot.
    endings: Table<Vec<String>>,
    /// The other property of each one that belongs to a pair.
    twins: Table<String>,
    /// The spellings that the portal dropped for each key.
    spellings: Table<Vec<String>>,
}

static NOTHING_KNOWN: LazyLock<Shape> = LazyLock::new(Shape::default);

impl Shape {
    /// What is known of a property: its own schema, else a matching pattern's, else that of all other properties.
    pub(crate) fn property(&self, key: &str) -> &Self {
        self.properties
            .get(key)
            .or_else(|| self.patterns.iter().find(|(pattern, _)| pattern.is_match(key)).map(|(_, shape)| shape))
            .or(self.additional.as_deref())
            .unwrap_or_else(|| self.elsewhere())
    }

    /// Whether the schema names this property itself, rather than by a pattern or as one of the others.
    pub(crate) fn names(&self, key: &str) -> bool {
        self.properties.contains_key(key)
    }

    /// Whether properties that the schema does not name are spelled freely: they match a pattern, or are the user's.
    pub(crate) fn has_free_names(&self, key: &str) -> bool {
        self.bounds.open || self.additional.is_some() || self.patterns.iter().any(|(pattern, _)| pattern.is_match(key))
    }

    /// Whether the property is described: by its name, by its form, or as one of the others.
    pub(crate) fn describes(&self, key: &str) -> bool {
        self.names(key) || self.additional.is_some() || self.patterns.iter().any(|(pattern, _)| pattern.is_match(key))
    }

    /// The step of an address that leads to a property: an entry of the user's own (a version in a dictionary) goes by its
    /// identity.
    pub(crate) fn step<'a>(&'a self, key: &'a str) -> Step<&'a str> {
        if self.rules.exact_entries && !self.names(key) { Step::Id(key) } else { Step::Key(self.label(key)) }
    }

    pub(crate) fn address(&self, object: &Address, key: &str) -> Address {
        object.with(self.step(key))
    }

    /// What is known of the members of an array.
    pub(crate) fn item(&self) -> &Self {
        self.items.as_deref().unwrap_or_else(|| self.elsewhere())
    }

    /// What is known of a place below this one that nothing describes.
    fn elsewhere(&self) -> &Self {
        if self.everywhere { self } else { self.below.as_deref().unwrap_or(&NOTHING_KNOWN) }
    }

    /// The place of a named property in the order of the schema, which is the portal's own.
    pub(crate) fn place(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// The properties that are named, in the order of their names.
    pub(crate) fn properties(&self) -> impl Iterator<Item = (&str, &Self)> {
        let mut all = self.properties.iter().map(|(key, shape)| (key.as_str(), shape)).collect::<Vec<_>>();
        all.sort_unstable_by_key(|(key, _)| *key);
        all.into_iter()
    }

    /// The names under which the portal may give this property back: its own rename, and spellings that it dropped.
    pub(crate) fn returned_as<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let renamed = self.property(key).rules.returned_as.as_deref();
        renamed.into_iter().chain(self.names.spellings.get(key).into_iter().flatten().map(String::as_str))
    }

    /// The other property of a pair that holds one value, whichever of the two names its `twin`.
    pub(crate) fn twin(&self, key: &str) -> Option<&str> {
        self.names.twins.get(key).map(String::as_str)
    }

    /// The name of a property that people read: the part after the prefix, where only one property ends in it.
    pub(crate) fn label<'a>(&'a self, key: &'a str) -> &'a str {
        self.names.labels.get(key).map_or(key, String::as_str)
    }

    /// The named properties that end in this name, after a dot, in the order of their names.
    pub(crate) fn ending_in(&self, name: &str) -> &[String] {
        self.names.endings.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn labelled<'a>(&'a self, label: &'a str) -> &'a str {
        self.names.keys.get(label).map_or(label, String::as_str)
    }
}

/// The shapes of all offer types that have a schema, and the one for the others.
#[derive(Debug)]
pub(crate) struct Schemas {
    by_type: BTreeMap<String, Shape>,
    generic: Shape,
    files: BTreeMap<String, Value>,
    /// The files that describe a type; what a later one says wins.
    described_in: BTreeMap<String, Vec<String>>,
}

impl Schemas {
    /// The schemas that are part of the program.
    pub(crate) fn builtin() -> &'static Arc<Self> {
        static BUILTIN: LazyLock<Arc<Schemas>> = LazyLock::new(|| {
            let schemas = Schemas::compiled(compile::FILES, &[]);
            Arc::new(schemas.unwrap_or_else(|error| unreachable!("built-in schemas: {error}")))
        });
        &BUILTIN
    }

    /// The schemas of the program with those of a project, each by the name of its file and its text. A file with the
    /// name of one of the program's own stands in its place; another one that describes a type adds to what is known
    /// of it, and wins; every file may refer to every other by name.
    ///
    /// # Errors
    /// The first file that cannot be used, with the place in it.
    pub(crate) fn with(project: &[(String, String)]) -> Result<Self, SchemaError> {
        Self::compiled(compile::FILES, project)
    }

    fn compiled(own: &[(&str, &str)], project: &[(String, String)]) -> Result<Self, SchemaError> {
        let own = own.iter().map(|(name, text)| (*name, *text));
        let given = project.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let (mut files, mut names) = (BTreeMap::new(), Vec::new());
        for (name, text) in own.chain(given) {
            let file = serde_json::from_str::<Value>(text).map_err(|error| SchemaError::syntax(name, &error))?;
            if files.insert(name.to_owned(), file).is_none() {
                names.push(name.to_owned());
            }
        }
        compile::schemas(files, &names)
    }

    /// The digest of everything that they say.
    pub(crate) fn fingerprint(&self) -> Digest {
        let files = self.files.iter().map(|(name, file)| (name, file.to_string())).collect::<Vec<_>>();
        Digest::of(format!("{files:?}").as_bytes())
    }

    /// The offer types that have a schema, in the order of their names.
    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        self.by_type.keys().map(String::as_str)
    }

    /// The shape of a whole offer document of this type. Types without a schema get the generic one: plans by
    /// `planId`, the envelope, and what any address may be.
    pub(crate) fn shape(&self, offer_type: &str) -> &Shape {
        self.by_type.get(offer_type).unwrap_or(&self.generic)
    }

    /// The names of all properties that hold a secret, in the schemas of every type.
    pub(crate) fn secret_names(&self) -> BTreeSet<&str> {
        fn collect<'a>(shape: &'a Shape, names: &mut BTreeSet<&'a str>) {
            for (name, property) in &shape.properties {
                if property.rules.secret {
                    names.insert(name);
                }
                collect(property, names);
            }
            let others = shape.patterns.iter().map(|(_, shape)| shape);
            others.chain(shape.additional.as_deref()).chain(shape.items.as_deref()).for_each(|s| collect(s, names));
        }
        let mut names = BTreeSet::new();
        self.by_type.values().chain([&self.generic]).for_each(|shape| collect(shape, &mut names));
        names
    }
}
