//! What live documents show of a type that nobody has described yet: a schema to begin with.
//!
//! Only names, types and forms are taken from the documents, never a value: what a document holds may be a secret. What
//! the known schema describes already is left out, so that the result is a file that adds to it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::document;
use crate::redact;
use crate::schema::{Shape, Type};

/// A schema file for an offer type, from whole documents of it; `known` is what is known of the type so far.
pub(crate) fn infer(offer_type: &str, documents: &[Value], known: &Shape, has_schema: bool) -> Value {
    let seen = documents.iter().collect::<Vec<_>>();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Offer of type {offer_type}"),
        "description": "Inferred from live documents: check it, and describe each field.",
    });
    if !has_schema {
        schema["allOf"] = json!([{ "$ref": "generic.json" }]);
    }
    let mut properties = new_properties(&seen, known);
    properties.shift_remove("offerTypeId");
    let mut own = Map::new();
    own.insert("offerTypeId".to_owned(), json!({ "enum": [offer_type] }));
    own.extend(properties);
    schema["properties"] = Value::Object(own);
    schema
}

/// The properties of objects at one place that the shape does not describe, in the order in which they were met.
fn new_properties(objects: &[&Value], known: &Shape) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in keys(objects) {
        let values = objects.iter().filter_map(|object| object.get(&key)).collect::<Vec<_>>();
        let found =
            if known.describes(&key) { added(&values, known.property(&key)) } else { Some(whole(&key, &values)) };
        properties.extend(found.map(|schema| (key, schema)));
    }
    properties
}

/// What is to be added to the description of a place; nothing where all is said.
fn added(values: &[&Value], known: &Shape) -> Option<Value> {
    if known.rules.server_owned || known.rules.secret {
        return None;
    }
    let inner = new_properties(values, known);
    if !inner.is_empty() {
        return Some(json!({ "properties": inner }));
    }
    let members = members(values);
    let items = if members.is_empty() { None } else { added(&members, known.item()) };
    items.map(|items| json!({ "items": items }))
}

/// A place of which nothing is known.
fn whole(key: &str, values: &[&Value]) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), types(values));
    let mut annotations = Map::new();
    if redact::is_secret_name(key) {
        annotations.insert("secret".to_owned(), json!(true));
    } else if texts(values).any(|text| document::store_copy(text).is_some()) {
        annotations.insert("artifact".to_owned(), json!(true));
    }
    let objects = values.iter().copied().filter(|value| value.is_object()).collect::<Vec<_>>();
    if let Some(entries) = dictionary(&objects) {
        annotations.insert("entries".to_owned(), json!("exact"));
        schema.insert("additionalProperties".to_owned(), whole("", &entries));
    } else if !objects.is_empty() {
        schema.insert("properties".to_owned(), Value::Object(new_properties(&objects, &Shape::default())));
    }
    let members = members(values);
    if !members.is_empty() {
        if let Some(identity) = identity(values) {
            annotations.insert("list".to_owned(), json!({ "keyed": identity }));
        }
        schema.insert("items".to_owned(), whole("", &members));
    }
    if !annotations.is_empty() {
        schema.insert("x-offerctl".to_owned(), Value::Object(annotations));
    }
    Value::Object(schema)
}

fn keys(objects: &[&Value]) -> Vec<String> {
    let mut met = BTreeSet::new();
    let all = objects.iter().filter_map(|object| object.as_object()).flat_map(Map::keys);
    all.filter(|key| met.insert(key.as_str())).cloned().collect()
}

fn members<'a>(values: &[&'a Value]) -> Vec<&'a Value> {
    values.iter().filter_map(|value| value.as_array()).flatten().collect()
}

fn texts<'a>(values: &'a [&'a Value]) -> impl Iterator<Item = &'a str> {
    values.iter().filter_map(|value| value.as_str())
}

/// The types that were met. A whole number does not show that no fraction can come.
fn types(values: &[&Value]) -> Value {
    let of = |value: &&Value| match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Number(_) => Type::Number,
        Value::String(_) => Type::String,
        Value::Array(_) => Type::Array,
        Value::Object(_) => Type::Object,
    };
    let mut names = values.iter().map(of).map(Type::name).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [one] => json!(one),
        several => json!(several),
    }
}

/// The values of objects whose keys are not names of fields but versions: `1.0.3`.
fn dictionary<'a>(objects: &[&'a Value]) -> Option<Vec<&'a Value>> {
    let entries = objects.iter().filter_map(|object| object.as_object()).flatten().collect::<Vec<_>>();
    let version = |key: &str| key.contains('.') && key.split('.').all(|part| part.parse::<u64>().is_ok());
    let all = !entries.is_empty() && entries.iter().all(|(key, _)| version(key));
    all.then(|| entries.into_iter().map(|(_, value)| value).collect())
}

/// Whether every member of a list has a text under this key, and no two the same.
fn are_apart(list: &[Value], key: &str) -> bool {
    let ids = list.iter().map(|item| item.get(key).and_then(Value::as_str)).collect::<Option<BTreeSet<_>>>();
    ids.is_some_and(|ids| ids.len() == list.len())
}

/// The property that tells the members of lists apart: a text that every member has, and no two of one list share. Of
/// several, one whose name ends in `id`, then in `name`, then the first.
fn identity(lists: &[&Value]) -> Option<String> {
    let lists = lists.iter().filter_map(|list| list.as_array()).collect::<Vec<_>>();
    let first = lists.iter().find_map(|list| list.first())?.as_object()?;
    let tells_apart = |key: &&String| lists.iter().all(|list| are_apart(list, key));
    let rank = |key: &&String| {
        let key = key.to_ascii_lowercase();
        if key.ends_with("id") { 0 } else { 2 - u8::from(key.ends_with("name")) }
    };
    // One list with one member shows nothing.
    let shown = lists.iter().any(|list| list.len() > 1);
    first.keys().filter(|_| shown).filter(tells_apart).min_by_key(rank).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schemas;

    fn document() -> Value {
        json!({
            "publisherId": "contoso", "id": "x", "offerTypeId": "our-type", "version": 3,
            "definition": {
                "displayText": "X",
                "offer": { "our.title": "T", "our.logo": null, "our.apiKey": "hunter2-hunter2" },
                "plans": [
                    { "planId": "a", "our.sizes": [{ "name": "s", "count": 1 }, { "name": "m", "count": 1 }] },
                    { "planId": "b", "our.images": { "1.0.0": { "url": "https://x.example/v" } } },
                ],
                "extra": ["x"],
            },
        })
    }

    #[test]
    fn a_schema_is_made_of_what_documents_show_and_holds_no_value() {
        let mut other = document();
        other["definition"]["offer"]["our.logo"] =
            json!("https://publishingstoredm.blob.core.windows.net/prodcontent/D/1.png?sig=x");
        let schema = infer("our-type", &[document(), other], Schemas::builtin().shape("our-type"), false);
        let definition = &schema["properties"]["definition"]["properties"];
        assert_eq!(definition["offer"]["properties"]["our.title"], json!({ "type": "string" }));
        assert_eq!(definition["offer"]["properties"]["our.logo"]["type"], json!(["null", "string"]));
        assert_eq!(definition["offer"]["properties"]["our.logo"]["x-offerctl"], json!({ "artifact": true }));
        assert_eq!(definition["offer"]["properties"]["our.apiKey"]["x-offerctl"], json!({ "secret": true }));
        let plan = &definition["plans"]["items"]["properties"];
        assert_eq!(plan["planId"], Value::Null, "it is known");
        assert_eq!(plan["our.sizes"]["x-offerctl"], json!({ "list": { "keyed": "name" } }));
        assert_eq!(plan["our.images"]["x-offerctl"], json!({ "entries": "exact" }));
        assert_eq!(plan["our.images"]["additionalProperties"]["properties"]["url"]["type"], "string");
        assert_eq!(definition["extra"]["items"]["type"], "string");
        for value in ["hunter2", "x.example", "\"T\"", "contoso"] {
            assert!(!schema.to_string().contains(value), "{value}");
        }
    }

    #[test]
    fn what_was_inferred_is_a_schema_and_leaves_nothing_to_infer() {
        let known = Schemas::builtin().shape("our-type");
        let schema = infer("our-type", &[document()], known, false);
        let schemas = Schemas::with(&[("ours.json".to_owned(), schema.to_string())]).expect("a schema");
        let shape = schemas.shape("our-type");
        assert!(shape.property("definition").property("offer").property("our.apiKey").rules.secret);
        let again = infer("our-type", &[document()], shape, true);
        assert_eq!(again["properties"], json!({ "offerTypeId": { "enum": ["our-type"] } }));
        assert!(again["allOf"].is_null());
    }
}
