//! Every JSON document by its schema: `schemas/output/`. Whatever JSON other tests read is held to them as well
//! (`Ran::json`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::documents::{said, schemas};
use crate::support::{World, native, offer, write};

#[tokio::test(flavor = "multi_thread")]
async fn every_document_is_as_its_schema_says_and_holds_nothing_else() {
    let files = ["a", "b", "c", "d"].map(|id| (id, offer(id, if id == "d" { "old" } else { "new" })));
    let live = ["a", "b", "d", "stray"].map(|id| native(&offer(id, "old")));
    let world = World::new(live.to_vec(), &files.each_ref().map(|(id, offer)| (*id, offer))).await;
    crate::drift::git(&world, &["init", "-q"]);
    let rev = crate::drift::commit(&world);
    write(world.folder.path(), "offers/a.yaml", &files[0].1.to_string());
    world.fault(json!({"method": "GET", "path": "/offers/b", "status": 403})).await;
    world.fault(json!({"method": "GET", "offer": "contoso/b", "status": 403})).await;
    let mut seen = BTreeSet::new();
    let commands: [&[&str]; 17] = [
        &["plan"],
        &["plan", "--through", "live", "contoso/a"],
        &["plan", "--since", &rev],
        &["snapshot", "--out", "snapshot.json"],
        &["plan", "--live", "snapshot.json"],
        &["diff", "--from", "draft", "--to", "file"],
        &["status"],
        &["doctor"],
        &["drift"],
        &["apply", "--yes", "-o", "json=receipt.json"],
        &["drift", "--base", "receipt.json"],
        &["validate"],
        &["fmt", "--check"],
        &["render"],
        &["import", "contoso", "contoso/none"],
        &["show", "contoso/a"],
        &["history", "contoso/d"],
    ];
    for command in commands {
        let mut document = world.run(&[command, &["--retries", "0", "-o", "json"]].concat()).await.json();
        seen.insert(document["format"].as_str().expect("a format").to_owned());
        closed(&mut document);
    }
    write(world.folder.path(), "offers/a.yaml", "id: [\n");
    for command in [&["validate"][..], &["plan"]] {
        let mut document = world.run(&[command, &["-o", "json"]].concat()).await.exits(3).json();
        assert_eq!(document["diagnostics"][0]["file"], "offers/a.yaml");
        seen.insert(document["format"].as_str().expect("a format").to_owned());
        closed(&mut document);
    }
    let described = schemas().into_keys().filter(|name| name != "parts").map(|name| format!("offerctl.{name}"));
    assert_eq!(seen, described.collect());
}

/// A field that no schema names is found, at the top and in the first member of every list.
fn closed(document: &mut Value) {
    let mut places = vec![String::new()];
    let mut at = 0;
    while let Some(place) = places.get(at).cloned() {
        at += 1;
        let here = document.pointer(&place).expect("a value");
        let Some(fields) = here.as_object() else { continue };
        let firsts = fields.iter().filter(|(_, value)| value[0].is_object());
        places.extend(firsts.map(|(name, _)| format!("{place}/{name}/0")));
        let own = |name: &str| !["document", "reconcile"].contains(&name);
        let summary = fields.iter().filter(|(name, value)| own(name) && value.is_object());
        let summary =
            summary.filter(|(name, _)| !["before", "after", "portal", "file", "base"].contains(&name.as_str()));
        places.extend(summary.filter(|(name, _)| *name != "references").map(|(name, _)| format!("{place}/{name}")));
    }
    for place in places {
        let fields = document.pointer_mut(&place).and_then(Value::as_object_mut).expect("an object");
        fields.insert("surprise".to_owned(), json!(1));
        assert!(!said(document).is_empty(), "{}: {place} is open", document["format"]);
        let fields = document.pointer_mut(&place).and_then(Value::as_object_mut).expect("an object");
        fields.remove("surprise");
    }
    assert_eq!(said(document), Vec::<String>::new());
}

#[test]
fn every_schema_is_of_2020_12_and_describes_each_field() {
    for (name, schema) in schemas() {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        assert_eq!(schema["$id"], format!("https://offerctl.example/schemas/output/{name}.json"));
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
        described(&schema, &name);
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).expect("the page");
        assert!(name == "parts" || page.contains(&format!("(../schemas/output/{name}.json)")), "docs/json.md: {name}");
    }
}

fn described(schema: &Value, at: &str) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            assert!(property["description"].is_string() || property["$ref"].is_string(), "{at}/{name}");
        }
    }
    match schema {
        Value::Object(map) => map.iter().for_each(|(name, inner)| described(inner, &format!("{at}/{name}"))),
        Value::Array(items) => items.iter().for_each(|inner| described(inner, at)),
        _ => {}
    }
}
