//! A schema and all that it refers to, as one file that needs no other.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Schemas;
use super::compile::GENERIC;
use crate::model::Digest;

/// The files that describe offer files rather than offer documents.
const FOR_EDITORS: &[(&str, &str)] = &[
    ("offer-file.json", include_str!("../../schemas/offer-file.json")),
    ("reconcile.json", include_str!("../../schemas/reconcile.json")),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bundle<'a> {
    /// An offer file of any type, with its `reconcile` stanza.
    OfferFile,
    /// An offer document of one type; the generic schema where the type has none of its own.
    Type(&'a str),
}

impl Schemas {
    /// The schema with every file that it refers to under `$defs`, and references that stay within it.
    ///
    /// References are rewritten, instead of embedding the files under their `$id`: not every editor follows embedded
    /// ids.
    pub(crate) fn bundle(&self, of: Bundle<'_>) -> Value {
        let root = match of {
            Bundle::OfferFile => self.offer_file(),
            Bundle::Type(offer_type) => match self.files_of(offer_type) {
                [one] => self.file(one),
                several => self.overlaid(several),
            },
        };
        let mut wanted = BTreeSet::new();
        let mut schema = root;
        turn(&mut schema, None, &mut wanted);
        let mut parts = Map::new();
        while let Some(name) = wanted.iter().find(|name| !parts.contains_key(*name)).cloned() {
            let part = self.part(&name, &mut wanted);
            parts.insert(name, part);
        }
        if let Some(Value::Object(own)) = schema.get_mut("$defs") {
            own.extend(parts);
        } else if !parts.is_empty() {
            schema["$defs"] = Value::Object(parts);
        }
        schema
    }

    /// The digest of all that the schema files say of a type, in canonical JSON.
    pub(crate) fn digest(&self, offer_type: &str) -> Digest {
        Digest::of_json(&self.bundle(Bundle::Type(offer_type)))
    }

    fn files_of(&self, offer_type: &str) -> &[String] {
        static NONE: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| vec![GENERIC.to_owned()]);
        self.described_in.get(offer_type).unwrap_or(&NONE)
    }

    fn file(&self, name: &str) -> Value {
        let for_editors = || FOR_EDITORS.iter().find(|(other, _)| *other == name).map(|(_, text)| parsed(text));
        self.files.get(name).cloned().or_else(for_editors).unwrap_or_else(|| json!({}))
    }

    /// What several files say of one type: all of it.
    fn overlaid(&self, names: &[String]) -> Value {
        let last = |keyword: &str| names.iter().rev().find_map(|name| self.files.get(name)?.get(keyword).cloned());
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": last("title"),
            "description": last("description"),
            "allOf": references(names),
        })
    }

    /// `offer-file.json`, with a branch for every type that has a schema.
    fn offer_file(&self) -> Value {
        let mut root = self.file("offer-file.json");
        let branches = self.described_in.iter().map(|(offer_type, names)| {
            let then = match names.as_slice() {
                [one] => json!({ "$ref": one }),
                several => json!({ "allOf": references(several) }),
            };
            let is = json!({ "properties": { "offerTypeId": { "const": offer_type } }, "required": ["offerTypeId"] });
            json!({ "if": is, "then": then })
        });
        let types = self.types().collect::<Vec<_>>();
        let other = json!({ "properties": { "offerTypeId": { "not": { "enum": types } } } });
        let other = json!({ "if": other, "then": { "$ref": GENERIC } });
        root["allOf"] = branches.chain([other]).collect();
        root["properties"]["offerTypeId"]["examples"] = json!(types);
        root
    }

    /// One file, its references turned to where the parts will stand.
    fn part(&self, name: &str, wanted: &mut BTreeSet<String>) -> Value {
        let mut schema = self.file(name);
        if let Some(schema) = schema.as_object_mut() {
            schema.shift_remove("$id");
            schema.shift_remove("$schema");
        }
        turn(&mut schema, Some(name), wanted);
        schema
    }
}

fn references(names: &[String]) -> Value {
    names.iter().map(|name| json!({ "$ref": name })).collect()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| unreachable!("a schema of the program: {error}"))
}

/// Turns references to where the parts will stand. `within` is the part that the node belongs to.
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
            let schema = Schemas::builtin().bundle(of);
            assert!(check(&schema, &schema) > 1, "{of:?}");
        }
        let title = |of: &str| Schemas::builtin().bundle(Bundle::Type(of))["title"].clone();
        assert_eq!(title("microsoft-azure-corevm"), "Core virtual machine offer");
        assert_eq!(title("microsoft-azure-saas"), "Offer of another type");
    }

    #[test]
    fn the_file_for_editors_has_a_branch_for_every_type() {
        let as_set = |branches: &Value| {
            let branches = branches.as_array().expect("branches").iter();
            branches.map(|b| (b["if"].to_string().len(), b["then"].to_string())).collect::<BTreeSet<_>>()
        };
        let written = parsed(FOR_EDITORS[0].1);
        assert_eq!(as_set(&written["allOf"]), as_set(&Schemas::builtin().offer_file()["allOf"]));
    }

    #[test]
    fn the_digest_of_a_type_is_of_what_its_files_say() {
        let file = |text: &str| vec![("more.json".to_owned(), text.to_owned())];
        let digest = |files: &[(String, String)], of: &str| Schemas::with(files).expect("good").digest(of);
        let more = r#"{"title": "Ours", "properties": {"offerTypeId": {"enum": ["our-type"]}}}"#;
        let laid_out = "{\"properties\": {\"offerTypeId\":\n {\"enum\": [\"our-type\"]}}, \"title\": \"Ours\"}";
        assert_eq!(digest(&file(more), "our-type"), digest(&file(laid_out), "our-type"));
        assert_ne!(digest(&file(more), "our-type"), digest(&file(&more.replace("Ours", "Theirs")), "our-type"));
        let core = "microsoft-azure-corevm";
        assert_eq!(digest(&file(more), core), Schemas::builtin().digest(core), "the files of another type");
    }

    #[test]
    fn what_a_project_says_of_a_type_stands_beside_what_is_known() {
        let more =
            r#"{"title": "Ours", "properties": {"offerTypeId": {"enum": ["microsoft-azure-corevm", "our-type"]}}}"#;
        let schemas = Schemas::with(&[("more.json".to_owned(), more.to_owned())]).expect("good");
        let core = schemas.bundle(Bundle::Type("microsoft-azure-corevm"));
        assert_eq!(core["title"], "Ours");
        assert_eq!(core["allOf"], json!([{ "$ref": "#/$defs/core-vm.json" }, { "$ref": "#/$defs/more.json" }]));
        assert!(core["$defs"]["marketplace.json"].is_object());
        assert_eq!(schemas.bundle(Bundle::Type("our-type"))["title"], "Ours");
        assert!(schemas.bundle(Bundle::OfferFile)["allOf"].to_string().contains("our-type"));
    }
}
