//! From the JSON files to [`Shape`]s: references resolved, `allOf` merged, annotations checked.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::annotations::{below, rules};
use super::table::Table;
use super::{Bounds, Names, SchemaError, Schemas, Shape, Type};

/// The files of `schemas/` that describe offer documents, by name.
pub(super) const FILES: &[(&str, &str)] = &[
    ("application.json", include_str!("../../schemas/application.json")),
    ("common.json", include_str!("../../schemas/common.json")),
    ("core-vm.json", include_str!("../../schemas/core-vm.json")),
    ("envelope.json", include_str!("../../schemas/envelope.json")),
    ("generic.json", include_str!("../../schemas/generic.json")),
    ("marketplace.json", include_str!("../../schemas/marketplace.json")),
    ("virtual-machine.json", include_str!("../../schemas/virtual-machine.json")),
];

/// The file whose shape serves offer types without a schema of their own.
pub(super) const GENERIC: &str = "generic.json";

/// A reference chain longer than this is a cycle.
const MAX_DEPTH: usize = 64;

/// More places than this are no description any more: references that fan out.
const MAX_PLACES: usize = 200_000;

/// Compiles every file that describes an offer type, and the generic one. Of several files that describe one type, a
/// later one of `names` adds to the earlier ones, and wins over them.
pub(super) fn schemas(files: BTreeMap<String, Value>, names: &[String]) -> Result<Schemas, SchemaError> {
    let compiler = Compiler { files: &files, places: Cell::new(0) };
    let mut by_type = BTreeMap::<String, Shape>::new();
    let mut described_in = BTreeMap::<String, Vec<String>>::new();
    for name in names {
        let Some(root) = files.get(name) else { continue };
        // A file that names no type is compiled all the same where nobody refers to it: a slip in it is found.
        let shape = compiler.shape(name, root, 0)?;
        for offer_type in types_of(root) {
            by_type.entry(offer_type.to_owned()).or_default().merge(shape.clone());
            described_in.entry(offer_type.to_owned()).or_default().push(name.clone());
        }
    }
    let Some(generic) = files.get(GENERIC) else {
        return Err(SchemaError::new(GENERIC, "the file is missing"));
    };
    let mut generic = compiler.shape(GENERIC, generic, 0)?;
    generic.spread(None);
    by_type.values_mut().for_each(|shape| shape.spread(None));
    Ok(Schemas { by_type, generic, files, described_in })
}

fn types_of(root: &Value) -> impl Iterator<Item = &str> {
    let types = root.pointer("/properties/offerTypeId/enum").and_then(Value::as_array);
    types.into_iter().flatten().filter_map(Value::as_str)
}

struct Compiler<'a> {
    files: &'a BTreeMap<String, Value>,
    places: Cell<usize>,
}

impl Compiler<'_> {
    fn shape(&self, file: &str, node: &Value, depth: usize) -> Result<Shape, SchemaError> {
        let fail = |reason: String| SchemaError::new(file, reason);
        self.places.set(self.places.get() + 1);
        if depth > MAX_DEPTH {
            return Err(fail("circular references".to_owned()));
        }
        if self.places.get() > MAX_PLACES {
            return Err(fail(format!("the schemas describe more than {MAX_PLACES} places")));
        }
        let Value::Object(node) = node else {
            return if node == &Value::Bool(true) {
                Ok(Shape::default())
            } else {
                Err(fail(format!("{node} is not a schema")))
            };
        };
        forms(node).map_err(fail)?;
        let mut shape = Shape::default();
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            let (target_file, target) = self.resolve(file, reference)?;
            let fragment = reference.split_once('#').map_or("", |(_, fragment)| fragment);
            shape = self.shape(target_file, target, depth + 1).map_err(|error| error.anchored(fragment))?;
        }
        for (index, part) in node.get("allOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let part = self.shape(file, part, depth + 1);
            shape.merge(part.map_err(|error| error.within(&index.to_string()).within("allOf"))?);
        }
        let own = Shape {
            rules: rules(node).map_err(fail)?,
            types: types(node).map_err(fail)?,
            bounds: bounds(node).map_err(fail)?,
            places: places(node),
            properties: self.children(file, node, "properties", depth)?.into_iter().collect(),
            patterns: self
                .children(file, node, "patternProperties", depth)?
                .into_iter()
                .map(|(pattern, shape)| Ok((regex_lite::Regex::new(&pattern).map_err(|e| fail(e.to_string()))?, shape)))
                .collect::<Result<_, SchemaError>>()?,
            additional: self.child(file, node, "additionalProperties", depth)?,
            items: self.child(file, node, "items", depth)?,
            names: Names::default(),
            below: below(node).map_err(fail)?.map(|rules| Arc::new(Shape { rules, ..Shape::default() })),
            everywhere: false,
        };
        shape.merge(own);
        Ok(shape)
    }

    fn child(
        &self,
        file: &str,
        node: &Map<String, Value>,
        keyword: &str,
        depth: usize,
    ) -> Result<Option<Box<Shape>>, SchemaError> {
        // Whether an object is closed or open says nothing of what its other properties are: `Bounds` holds that.
        let schema = node.get(keyword).filter(|schema| !schema.is_boolean());
        let shape = schema.map(|schema| self.shape(file, schema, depth + 1).map(Box::new)).transpose();
        shape.map_err(|error| error.within(keyword))
    }

    fn children(
        &self,
        file: &str,
        node: &Map<String, Value>,
        keyword: &str,
        depth: usize,
    ) -> Result<Vec<(String, Shape)>, SchemaError> {
        node.get(keyword)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(key, schema)| {
                let shape = self.shape(file, schema, depth + 1);
                Ok((key.clone(), shape.map_err(|error| error.within(key).within(keyword))?))
            })
            .collect()
    }

    fn resolve<'r>(&'r self, file: &'r str, reference: &'r str) -> Result<(&'r str, &'r Value), SchemaError> {
        let (name, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let name = if name.is_empty() { file } else { name };
        self.files
            .get(name)
            .and_then(|root| root.pointer(fragment))
            .map(|target| (name, target))
            .ok_or_else(|| SchemaError::new(file, format!("`{reference}` leads nowhere")))
    }
}

/// Keywords of the wrong form would say nothing, and nobody would notice.
fn forms(node: &Map<String, Value>) -> Result<(), String> {
    for (keyword, value) in node {
        let (good, form) = match keyword.as_str() {
            "properties" | "patternProperties" | "$defs" => (value.is_object(), "an object"),
            "allOf" | "enum" | "required" | "examples" => (value.is_array(), "a list"),
            "$ref" | "pattern" | "title" | "description" => (value.is_string(), "a text"),
            "minimum" => (value.is_number(), "a number"),
            _ => continue,
        };
        if !good {
            return Err(format!("`{keyword}` must be {form}"));
        }
    }
    Ok(())
}

/// The named properties in their order.
fn places(node: &Map<String, Value>) -> BTreeMap<String, usize> {
    let properties = node.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(Map::keys).cloned().zip(0..).collect()
}

impl Shape {
    /// Lays another description of the same place over this one; what the other says wins. It cannot take back a flag,
    /// nor say again what is so by default, and of two patterns that match, the one that is there first counts.
    fn merge(&mut self, other: Self) {
        let Self {
            rules,
            types,
            bounds,
            properties,
            places,
            patterns,
            additional,
            items,
            names: _,
            below,
            everywhere: _,
        } = other;
        self.rules.merge(rules);
        if !types.is_empty() {
            self.types = types;
        }
        self.bounds.merge(bounds);
        for (key, shape) in properties {
            self.properties.entry(key).or_default().merge(shape);
        }
        let mut new: Vec<_> = places.into_iter().filter(|(key, _)| !self.places.contains_key(key)).collect();
        new.sort_by_key(|(_, place)| *place);
        let next = self.places.len();
        self.places.extend(new.into_iter().zip(next..).map(|((key, _), place)| (key, place)));
        self.patterns.extend(patterns);
        self.additional = laid(self.additional.take(), additional);
        self.items = laid(self.items.take(), items);
        self.below = below.or(self.below.take());
        self.names = names(&self.properties);
    }

    /// Hands `below` down to every place that has none of its own.
    fn spread(&mut self, from: Option<&Arc<Self>>) {
        if let Some(below) = self.below.take() {
            self.below = Some(Arc::new(Self { everywhere: true, ..Self::clone(&below) }));
        } else {
            self.below = from.cloned();
        }
        let below = self.below.clone();
        let named = self.properties.values_mut().chain(self.patterns.iter_mut().map(|(_, shape)| shape));
        let others = self.additional.as_deref_mut().into_iter().chain(self.items.as_deref_mut());
        named.chain(others).for_each(|shape| shape.spread(below.as_ref()));
    }
}

/// The one description laid over the other, where there are two.
fn laid(under: Option<Box<Shape>>, over: Option<Box<Shape>>) -> Option<Box<Shape>> {
    match (under, over) {
        (Some(mut under), Some(over)) => {
            under.merge(*over);
            Some(under)
        }
        (under, over) => over.or(under),
    }
}

impl Bounds {
    fn merge(&mut self, other: Self) {
        let Self { values, minimum, pattern, examples, required, closed, open } = other;
        if !values.is_empty() {
            self.values = values;
        }
        if !examples.is_empty() {
            self.examples = examples;
        }
        self.minimum = minimum.or(self.minimum);
        self.pattern = pattern.or(self.pattern.take());
        self.required.extend(required);
        self.closed |= closed;
        self.open |= open;
    }
}

fn names(properties: &Table<Shape>) -> Names {
    let properties = properties.iter().collect::<BTreeMap<_, _>>();
    let labels = labels(properties.keys().copied());
    let keys = labels.iter().map(|(key, label)| (label.clone(), key.clone())).collect();
    let mut names = Names { labels, keys, ..Names::default() };
    for (key, Shape { rules, .. }) in &properties {
        if let Some((_, ending)) = key.rsplit_once('.') {
            names.endings.entry(ending.to_owned()).or_default().push((*key).clone());
        }
        if let Some(twin) = &rules.twin {
            names.twins.insert((*key).clone(), twin.clone());
            names.twins.entry(twin.clone()).or_insert_with(|| (*key).clone());
        }
        if let Some(right) = &rules.spelled_as {
            names.spellings.entry(right.clone()).or_default().push((*key).clone());
        }
    }
    names
}

/// `microsoft-azure-marketplace.title` is read as `title`. Where several properties end alike (the test drive has a
/// `description` too), the one with the shortest prefix gets the short name; where two are equally short, none does.
fn labels<'a>(keys: impl Iterator<Item = &'a String>) -> Table<String> {
    let mut by_name = BTreeMap::<&str, Vec<&String>>::new();
    for key in keys {
        by_name.entry(key.rsplit_once('.').map_or(key.as_str(), |(_, name)| name)).or_default().push(key);
    }
    by_name
        .into_iter()
        .filter_map(|(name, mut keys)| {
            keys.sort_by_key(|key| key.len());
            let unique = keys.get(1).is_none_or(|second| second.len() > keys[0].len());
            unique.then(|| (keys[0].clone(), name.to_owned()))
        })
        .collect()
}

fn bounds(node: &Map<String, Value>) -> Result<Bounds, String> {
    let list = |keyword: &str| node.get(keyword).and_then(Value::as_array).cloned().unwrap_or_default();
    let pattern = node.get("pattern").and_then(Value::as_str).map(regex_lite::Regex::new);
    let required = list("required").iter().filter_map(|name| name.as_str().map(ToOwned::to_owned)).collect();
    Ok(Bounds {
        values: list("enum"),
        minimum: node.get("minimum").and_then(Value::as_f64),
        pattern: pattern.transpose().map_err(|error| error.to_string())?,
        examples: list("examples"),
        required,
        closed: node.get("additionalProperties") == Some(&Value::Bool(false)),
        open: node.get("additionalProperties") == Some(&Value::Bool(true)),
    })
}

fn types(node: &Map<String, Value>) -> Result<Vec<Type>, String> {
    let names = match node.get("type") {
        None => return Ok(Vec::new()),
        Some(Value::Array(names)) => names.clone(),
        Some(name) => vec![name.clone()],
    };
    names
        .iter()
        .map(|name| match name.as_str() {
            Some("null") => Ok(Type::Null),
            Some("boolean") => Ok(Type::Boolean),
            Some("integer") => Ok(Type::Integer),
            Some("number") => Ok(Type::Number),
            Some("string") => Ok(Type::String),
            Some("array") => Ok(Type::Array),
            Some("object") => Ok(Type::Object),
            _ => Err(format!("{name} is not a JSON type")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Case, ListRule, Rules};
    use super::*;

    const GENERIC_ONLY: (&str, &str) = ("generic.json", "{}");

    fn schemas(files: &[(&str, &str)]) -> Result<Schemas, SchemaError> {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect::<Vec<_>>();
        Schemas::compiled(&[], &files)
    }

    #[test]
    fn the_files_of_the_program_compile_and_know_their_types() {
        let schemas = Schemas::builtin();
        assert_eq!(
            schemas.by_type.keys().collect::<Vec<_>>(),
            ["microsoft-azure-applications", "microsoft-azure-corevm", "microsoft-azure-virtualmachines"]
        );
        for offer_type in ["microsoft-azure-virtualmachines", "microsoft-azure-corevm", "microsoft-azure-saas"] {
            let plans = schemas.shape(offer_type).property("definition").property("plans");
            assert_eq!(plans.rules.list, ListRule::Keyed("planId".to_owned()), "{offer_type}");
        }
    }

    #[test]
    fn references_patterns_and_labels_resolve() {
        let file = r##"{
            "properties": {
                "offerTypeId": {"enum": ["t"]},
                "a.title": {"$ref": "#/$defs/text"},
                "a.both": {}, "b.both": {}, "a.text": {}, "a-drive.text": {}
            },
            "patternProperties": {"^L2-": {"x-offerctl": {"list": "set"}}},
            "$defs": {"text": {"type": "string", "x-offerctl": {"case": "insensitive"}}}
        }"##;
        let schemas = schemas(&[GENERIC_ONLY, ("t.json", file)]).expect("compiles");
        let shape = schemas.shape("t");
        assert_eq!(shape.property("a.title").types, [Type::String]);
        assert_eq!(shape.property("a.title").rules.case, Case::Insensitive);
        assert_eq!(shape.property("L2-x").rules.list, ListRule::Set);
        assert_eq!(shape.property("unknown").rules, Rules::default());
        assert_eq!(shape.label("a.title"), "title");
        assert_eq!(shape.label("a.both"), "a.both", "two properties end in it");
        assert_eq!((shape.label("a.text"), shape.label("a-drive.text")), ("text", "a-drive.text"));
    }

    #[test]
    fn mistakes_in_a_schema_are_named() {
        let message = |text: &str| schemas(&[GENERIC_ONLY, ("t.json", text)]).expect_err("refused").to_string();
        let with = |body: &str| format!(r#"{{"properties":{{"offerTypeId":{{"enum":["t"]}},"a":{body}}}}}"#);
        assert!(message("{").starts_with("t.json:1:1: "), "{}", message("{"));
        assert_eq!(message(&with(r##"{"$ref":"#/none"}"##)), "t.json#/properties/a: `#/none` leads nowhere");
        assert_eq!(
            message(&with(r#"{"x-offerctl":{"lst":"set"}}"#)),
            r#"t.json#/properties/a: x-offerctl.lst: "set" is not an annotation"#
        );
        assert_eq!(message(&with(r##"{"$ref":"#/properties/a"}"##)), "t.json#/properties/a: circular references");
    }
}
