//! A schema and all that it refers to, as one file that needs no other.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::compile::FILES;

/// The files that describe offer files rather than offer documents.
const FOR_EDITORS: &[(&str, &str)] = &[
    ("offer-file.json", include_str!("../../schemas/offer-file.json")),
    ("reconcile.json", include_str!("../../schemas/reconcile.json")),
];

/// What a bundle is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bundle<'a> {
    /// An offer file of any type, with its `reconcile` stanza.
    OfferFile,
    /// An offer document of one type; the generic schema where the type has none of its own.
    Type(&'a str),
}

/// The schema with every file that it refers to under `$defs`, and references that stay within it.
///
/// References are rewritten, instead of embedding the files under their `$id`: not every editor follows embedded ids.
#[must_use]
pub fn bundle(of: Bundle<'_>) -> Value {
    let root = match of {
        Bundle::OfferFile => "offer-file.json",
        Bundle::Type(offer_type) => file_of(offer_type),
    };
    let mut wanted = BTreeSet::new();
    let mut schema = rewritten(root, None, &mut wanted);
    let mut parts = Map::new();
    while let Some(name) = wanted.iter().find(|name| !parts.contains_key(*name)).cloned() {
        let part = rewritten(&name, Some(&name), &mut wanted);
        parts.insert(name, part);
    }
    if let Some(Value::Object(own)) = schema.get_mut("$defs") {
        own.extend(parts);
    } else if !parts.is_empty() {
        schema["$defs"] = Value::Object(parts);
    }
    schema
}

fn file_of(offer_type: &str) -> &'static str {
    let names_it = |text: &str| {
        let types = parsed(text).pointer("/properties/offerTypeId/enum").cloned();
        types.is_some_and(|types| types.as_array().is_some_and(|types| types.iter().any(|name| name == offer_type)))
    };
    FILES.iter().find(|(_, text)| names_it(text)).map_or("generic.json", |(name, _)| name)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| unreachable!("a schema of the program: {error}"))
}

/// One file, its references turned to where the parts will stand. `within` is the part that it becomes.
fn rewritten(name: &str, within: Option<&str>, wanted: &mut BTreeSet<String>) -> Value {
    let files = FILES.iter().chain(FOR_EDITORS);
    let text = files.clone().find(|(other, _)| *other == name).map_or("{}", |(_, text)| text);
    let mut schema = parsed(text);
    if let (Some(_), Some(schema)) = (within, schema.as_object_mut()) {
        schema.shift_remove("$id");
        schema.shift_remove("$schema");
    }
    turn(&mut schema, within, wanted);
    schema
}

fn turn(node: &mut Value, within: Option<&str>, wanted: &mut BTreeSet<String>) {
    match node {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), &*value) {
                    ("$ref", Value::String(reference)) => {
                        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
                        let part = if file.is_empty() { within } else { Some(file) };
                        wanted.extend(part.map(ToOwned::to_owned));
                        let turned =
                            part.map_or_else(|| format!("#{fragment}"), |part| format!("#/$defs/{part}{fragment}"));
                        *value = Value::String(turned);
                    }
                    // A value, not a schema.
                    ("x-offerctl" | "enum" | "const" | "default" | "examples", _) => {}
                    _ => turn(value, within, wanted),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| turn(item, within, wanted)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_a_bundle_leads_somewhere_within_it() {
        fn check(node: &Value, root: &Value) -> usize {
            match node {
                Value::Object(map) => map
                    .iter()
                    .map(|(key, value)| match (key.as_str(), value.as_str()) {
                        ("$ref", Some(reference)) => {
                            let pointer = reference.strip_prefix('#').expect("within the file");
                            assert!(root.pointer(pointer).is_some(), "{reference}");
                            1
                        }
                        _ => check(value, root),
                    })
                    .sum(),
                Value::Array(items) => items.iter().map(|item| check(item, root)).sum(),
                _ => 0,
            }
        }
        for of in [Bundle::OfferFile, Bundle::Type("microsoft-azure-virtualmachines"), Bundle::Type("unknown")] {
            let schema = bundle(of);
            assert!(check(&schema, &schema) > 1, "{of:?}");
        }
        assert_eq!(bundle(Bundle::Type("microsoft-azure-corevm"))["title"], "Core virtual machine offer");
        assert_eq!(bundle(Bundle::Type("microsoft-azure-saas"))["title"], "Offer of another type");
    }
}
