//! From the JSON files to [`Shape`]s: references resolved, `allOf` merged, annotations checked.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Bounds, Case, ListRule, Rules, Schemas, Shape, Type};
use crate::model::Risk;

/// The files of `schemas/`, by name.
pub(super) const FILES: &[(&str, &str)] = &[
    ("application.json", include_str!("../../schemas/application.json")),
    ("common.json", include_str!("../../schemas/common.json")),
    ("core-vm.json", include_str!("../../schemas/core-vm.json")),
    ("envelope.json", include_str!("../../schemas/envelope.json")),
    ("generic.json", include_str!("../../schemas/generic.json")),
    ("marketplace.json", include_str!("../../schemas/marketplace.json")),
    ("virtual-machine.json", include_str!("../../schemas/virtual-machine.json")),
];

/// A schema file that cannot be used: which, where in it, and why.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub(super) struct SchemaError {
    file: String,
    reason: String,
}

/// The file whose shape serves offer types without a schema of their own.
const GENERIC: &str = "generic.json";

/// A reference chain longer than this is a cycle.
const MAX_DEPTH: usize = 64;

/// Compiles every file that describes an offer type, and the generic one.
pub(super) fn schemas(files: &[(&str, &str)]) -> Result<Schemas, SchemaError> {
    let parsed = files
        .iter()
        .map(|(name, text)| {
            let value = serde_json::from_str(text)
                .map_err(|error| SchemaError { file: (*name).to_owned(), reason: error.to_string() })?;
            Ok(((*name).to_owned(), value))
        })
        .collect::<Result<BTreeMap<String, Value>, SchemaError>>()?;
    let mut by_type = BTreeMap::new();
    let mut generic = None;
    for (name, root) in &parsed {
        let compiler = Compiler { files: &parsed };
        if name == GENERIC {
            generic = Some(compiler.shape(name, root, 0)?);
        }
        for offer_type in root.pointer("/properties/offerTypeId/enum").and_then(Value::as_array).into_iter().flatten() {
            if let Some(offer_type) = offer_type.as_str() {
                by_type.insert(offer_type.to_owned(), compiler.shape(name, root, 0)?);
            }
        }
    }
    let generic =
        generic.ok_or_else(|| SchemaError { file: GENERIC.to_owned(), reason: "the file is missing".to_owned() })?;
    Ok(Schemas { by_type, generic })
}

struct Compiler<'a> {
    files: &'a BTreeMap<String, Value>,
}

impl Compiler<'_> {
    fn shape(&self, file: &str, node: &Value, depth: usize) -> Result<Shape, SchemaError> {
        let fail = |reason: String| SchemaError { file: file.to_owned(), reason };
        if depth > MAX_DEPTH {
            return Err(fail("references go round in a circle".to_owned()));
        }
        let Value::Object(node) = node else {
            return if node == &Value::Bool(true) {
                Ok(Shape::default())
            } else {
                Err(fail(format!("{node} is not a schema")))
            };
        };
        let mut shape = Shape::default();
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            let (target_file, target) = self.resolve(file, reference)?;
            shape = self.shape(target_file, target, depth + 1)?;
        }
        for part in node.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            shape.merge(self.shape(file, part, depth + 1)?);
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
            labels: BTreeMap::new(),
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
        // A closed object says nothing of other properties: `Bounds` holds that.
        let schema = node.get(keyword).filter(|schema| **schema != Value::Bool(false));
        schema.map(|schema| self.shape(file, schema, depth + 1).map(Box::new)).transpose()
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
            .map(|(key, schema)| Ok((key.clone(), self.shape(file, schema, depth + 1)?)))
            .collect()
    }

    fn resolve<'r>(&'r self, file: &'r str, reference: &'r str) -> Result<(&'r str, &'r Value), SchemaError> {
        let (name, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let name = if name.is_empty() { file } else { name };
        self.files
            .get(name)
            .and_then(|root| root.pointer(fragment))
            .map(|target| (name, target))
            .ok_or_else(|| SchemaError { file: file.to_owned(), reason: format!("`{reference}` leads nowhere") })
    }
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
        let Self { rules, types, bounds, properties, places, patterns, additional, items, labels: _ } = other;
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
        self.additional = additional.or(self.additional.take());
        self.items = items.or(self.items.take());
        self.labels = labels(self.properties.keys());
    }
}

impl Bounds {
    fn merge(&mut self, other: Self) {
        let Self { values, minimum, pattern, examples, required, closed } = other;
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
    }
}

impl Rules {
    fn merge(&mut self, other: Self) {
        let Self {
            list,
            exact_entries,
            guard,
            secret,
            artifact,
            ignore_query,
            server_owned,
            write_only,
            read_only_on_write,
            default,
            returned_as,
            numeric_string,
            case,
            exclusive,
            spelled_as,
            twin,
            immutable,
            risk,
            restricts,
            deprecated,
        } = other;
        if list != ListRule::default() {
            self.list = list;
        }
        if !ignore_query.is_empty() {
            self.ignore_query = ignore_query;
        }
        if !exclusive.is_empty() {
            self.exclusive = exclusive;
        }
        if case != Case::default() {
            self.case = case;
        }
        self.exact_entries |= exact_entries;
        self.secret |= secret;
        self.artifact |= artifact;
        self.server_owned |= server_owned;
        self.write_only |= write_only;
        self.read_only_on_write |= read_only_on_write;
        self.numeric_string |= numeric_string;
        self.immutable |= immutable;
        self.guard = guard.or(self.guard.take());
        self.default = default.or(self.default.take());
        self.returned_as = returned_as.or(self.returned_as.take());
        self.spelled_as = spelled_as.or(self.spelled_as.take());
        self.twin = twin.or(self.twin.take());
        self.risk = risk.or(self.risk);
        self.restricts |= restricts;
        self.deprecated = deprecated.or(self.deprecated.take());
    }
}

/// `microsoft-azure-marketplace.title` is read as `title`. Where several properties end alike (the test drive has a
/// `description` too), the one with the shortest prefix gets the short name; where two are equally short, none does.
fn labels<'a>(keys: impl Iterator<Item = &'a String>) -> BTreeMap<String, String> {
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

fn rules(node: &Map<String, Value>) -> Result<Rules, String> {
    let mut rules = Rules::default();
    let annotations = match node.get("x-offerctl") {
        None => return Ok(rules),
        Some(Value::Object(annotations)) => annotations,
        Some(other) => return Err(format!("x-offerctl must be an object, not {other}")),
    };
    for (name, value) in annotations {
        let wrong = || format!("x-offerctl.{name} cannot be {value}");
        let flag = || value.as_bool().ok_or_else(wrong);
        let text = || value.as_str().map(ToOwned::to_owned).ok_or_else(wrong);
        match name.as_str() {
            "list" => rules.list = list_rule(value).ok_or_else(wrong)?,
            "entries" => {
                rules.exact_entries = value.as_str().filter(|&v| v == "exact").map(|_| true).ok_or_else(wrong)?;
            }
            "guard" => rules.guard = Some(text()?),
            "secret" => rules.secret = flag()?,
            "artifact" => rules.artifact = flag()?,
            "url" => rules.ignore_query = strings(value.get("ignoreQuery")).ok_or_else(wrong)?,
            "serverOwned" => rules.server_owned = flag()?,
            "writeOnly" => rules.write_only = flag()?,
            "readOnlyOnWrite" => rules.read_only_on_write = flag()?,
            "default" => rules.default = Some(value.clone()),
            "returnedAs" => rules.returned_as = Some(text()?),
            "numericString" => rules.numeric_string = flag()?,
            "case" if matches!(value.as_str(), Some("insensitive" | "upper")) => rules.case = Case::Insensitive,
            "exclusive" => rules.exclusive = strings(Some(value)).ok_or_else(wrong)?,
            "spelledAs" => rules.spelled_as = Some(text()?),
            "twin" => rules.twin = Some(text()?),
            "immutable" => rules.immutable = flag()?,
            "risk" => rules.risk = Some(Risk::annotated(&text()?).ok_or_else(wrong)?),
            "restricts" => rules.restricts = flag()?,
            "deprecated" => rules.deprecated = Some(text()?),
            _ => return Err(format!("x-offerctl.{name}: {value} is not an annotation")),
        }
    }
    Ok(rules)
}

fn list_rule(value: &Value) -> Option<ListRule> {
    match (value.as_str(), value.get("keyed").and_then(Value::as_str)) {
        (Some("set"), _) => Some(ListRule::Set),
        (Some("ordered"), _) => Some(ListRule::Ordered),
        (_, Some(key)) => Some(ListRule::Keyed(key.to_owned())),
        _ => None,
    }
}

fn strings(value: Option<&Value>) -> Option<Vec<String>> {
    value?.as_array()?.iter().map(|item| item.as_str().map(ToOwned::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENERIC_ONLY: (&str, &str) = ("generic.json", "{}");

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
        assert!(message("{").starts_with("t.json: "));
        assert_eq!(message(&with(r##"{"$ref":"#/none"}"##)), "t.json: `#/none` leads nowhere");
        assert_eq!(
            message(&with(r#"{"x-offerctl":{"lst":"set"}}"#)),
            r#"t.json: x-offerctl.lst: "set" is not an annotation"#
        );
        assert_eq!(message(&with(r##"{"$ref":"#/properties/a"}"##)), "t.json: references go round in a circle");
    }
}
