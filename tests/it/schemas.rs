//! The schema files by the standard, the example offers by the schemas, and `offerctl schema`.

use std::path::Path;

use jsonschema::Registry;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::support::{VM, World, offer, offerctl, project, run, write};

const BASE: &str = "https://offerctl.example/schemas/";
const ANNOTATIONS: &str = "x-offerctl.schema.json";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files() -> Vec<(String, Value)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join("schemas")).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path).expect("a file");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            files.push((name, serde_json::from_str(&text).expect("JSON")));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

fn registry() -> Registry<'static> {
    let mut registry = Registry::new();
    for (name, schema) in files() {
        registry = registry.add(format!("{BASE}{name}"), schema).expect("a schema");
    }
    registry.prepare().expect("every reference resolves")
}

/// What a schema says against a value.
fn said(schema: &Value, value: &Value) -> Vec<String> {
    let registry = registry();
    let validator = jsonschema::options().with_registry(&registry).build(schema).expect("a schema");
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn by_file(name: &str, value: &Value) -> Vec<String> {
    said(&json!({"$ref": format!("{BASE}{name}")}), value)
}

fn examples() -> Vec<(String, Value)> {
    let folder = std::fs::read_dir(root().join("offers")).expect("the folder");
    folder
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.display().to_string();
            let text = std::fs::read_to_string(&path).expect("a file");
            let value = offerctl::yaml_to_json(&name, text).expect("an offer without tags");
            (name, value)
        })
        .collect()
}

#[test]
fn every_schema_is_valid_and_so_are_its_annotations() {
    fn annotations<'a>(node: &'a Value, found: &mut Vec<&'a Value>) {
        match node {
            Value::Object(map) => {
                for (key, value) in map {
                    if key == "x-offerctl" { found.push(value) } else { annotations(value, found) }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| annotations(item, found)),
            _ => {}
        }
    }
    let files = files();
    let meta = files.iter().find(|(name, _)| name == ANNOTATIONS).map(|(_, schema)| schema).expect("the meta-schema");
    let mut found = Vec::new();
    for (name, schema) in &files {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        assert_eq!(schema["$id"], format!("{BASE}{name}"));
        if let Err(error) = jsonschema::meta::validate(schema) {
            panic!("{name}: {error}");
        }
        annotations(schema, &mut found);
    }
    assert!(found.len() > 100, "{}", found.len());
    let validator = jsonschema::validator_for(meta).expect("a schema");
    for annotation in found {
        let errors = validator.iter_errors(annotation).map(|error| error.to_string()).collect::<Vec<_>>();
        assert!(errors.is_empty(), "{annotation}: {errors:?}");
    }
    for wrong in [json!({"lst": "set"}), json!({"list": "bag"}), json!({"risk": "high"}), json!({"secret": false})] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn every_relative_reference_is_a_file_beside_it() {
    for (name, schema) in files() {
        let text = schema.to_string();
        for reference in text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let file = reference.split('#').next().unwrap_or_default();
            assert!(file.is_empty() || root().join("schemas").join(file).is_file(), "{name}: {reference}");
        }
    }
}

#[test]
fn the_examples_are_valid_by_the_schema_of_offer_files_and_of_their_type() {
    let examples = examples();
    assert!(examples.len() >= 4);
    for (name, value) in &examples {
        let file = match value["offerTypeId"].as_str() {
            Some("microsoft-azure-virtualmachines") => "virtual-machine.json",
            Some("microsoft-azure-corevm") => "core-vm.json",
            Some("microsoft-azure-applications") => "application.json",
            _ => "generic.json",
        };
        assert_eq!(by_file(file, value), Vec::<String>::new(), "{name}");
        assert_eq!(by_file("offer-file.json", value), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_schema_of_offer_files_chooses_by_type_and_finds_slips() {
    let (_, mut value) = examples().into_iter().find(|(_, value)| value["offerTypeId"] == VM).expect("an example");
    value["reconcile"] = json!({"through": "production"});
    value["definition"]["plans"][0]["regions"] = json!("DE");
    let found = by_file("offer-file.json", &value);
    assert!(found.iter().any(|error| error.starts_with("/reconcile/through: ")), "{found:?}");
    assert!(found.iter().any(|error| error.starts_with("/definition/plans/0/regions: ")), "{found:?}");
    value["reconcile"] = json!({"through": "live"});
    value["offerTypeId"] = json!("microsoft-azure-saas");
    assert_eq!(by_file("offer-file.json", &value), Vec::<String>::new(), "another type is not held to these fields");
}

#[test]
fn schemas_are_listed_and_shown_as_one_file() {
    let folder = project(&[]);
    let list = run(offerctl(folder.path()).args(["schema", "list"])).exits(0);
    assert_data_eq!(
        list.stdout,
        str![[r#"
microsoft-azure-applications      Application offer
microsoft-azure-corevm            Core virtual machine offer
microsoft-azure-virtualmachines   Virtual machine offer

"#]]
    );
    let whole = run(offerctl(folder.path()).args(["schema", "show"])).exits(0).json();
    let one = run(offerctl(folder.path()).args(["schema", "show", VM])).exits(0).json();
    // Nothing but the document itself: no registry, no file beside it.
    let whole = jsonschema::validator_for(&whole).expect("it needs no other file");
    let one = jsonschema::validator_for(&one).expect("it needs no other file");
    for (name, mut value) in examples() {
        assert!(whole.is_valid(&value), "{name}");
        if value["offerTypeId"] == VM {
            assert!(one.is_valid(&value), "{name}");
            value["definition"]["plans"][0]["virtualMachinePricing"] = json!({"isByol": "yes"});
            assert!(!one.is_valid(&value) && !whole.is_valid(&value), "{name}");
        }
    }
    let unknown = run(offerctl(folder.path()).args(["schema", "show", "corevm"])).exits(3);
    assert_data_eq!(
        unknown.stderr,
        str![[r#"
error: `corevm` is not a known offer type
  hint: did you mean microsoft-azure-corevm?

"#]]
    );
}

#[test]
fn what_the_schema_says_is_shown_with_place_and_address() {
    let folder = project(&[("good", &offer("good", "t"))]);
    let text = format!(
        "publisherId: contoso\nid: a\nofferTypeId: {VM}\ndefinition:\n  plans:\n    - planId: basic\n      regions: DE\n      operatingSystemFamily: linux\n      skuTitel: Basic\n      vmImages: {{1.0.0: {{}}}}\n"
    );
    write(folder.path(), "offers/a.yaml", &text);
    let found = run(offerctl(folder.path()).args(["validate", "offers/a.yaml"])).exits(3);
    assert_data_eq!(
        found.stdout,
        str![[r#"
error[OFR0020]: `regions` is a string; expected a list
 --> offers/a.yaml:7:16
  |
7 |       regions: DE
  |                ^^
  |
  = note: at plans[basic]/regions
  = help: write a list: [DE]

error[OFR0021]: `linux` is not a value of `operatingSystemFamily`
 --> offers/a.yaml:8:30
  |
8 |       operatingSystemFamily: linux
  |                              ^^^^^
  |
  = note: at plans[basic]/operatingSystemFamily
  = help: did you mean `Linux`?

warning[OFR0022]: `skuTitel` is not a known field; `skuTitle` is similar
 --> offers/a.yaml:9:7
  |
9 |       skuTitel: Basic
  |       ^^^^^^^^
  |
  = note: at plans[basic]/skuTitel
  = help: did you mean `skuTitle`? The portal drops unknown fields without an error

Not valid: 2 errors (2 files, 0 offers).

"#]]
    );
    let json = run(offerctl(folder.path()).args(["validate", "offers/a.yaml", "-o", "json"])).exits(3).json();
    let addresses = json["diagnostics"].as_array().expect("a list").iter().map(|finding| finding["address"].clone());
    assert_eq!(
        addresses.collect::<Vec<_>>(),
        [json!("plans[basic]/regions"), json!("plans[basic]/operatingSystemFamily"), json!("plans[basic]/skuTitel")]
    );
    // It stops a plan before anything is read from the portal.
    let plan = run(offerctl(folder.path()).args(["plan", "--sandbox"])).exits(3);
    assert!(
        plan.stderr.contains("OFR0020") && plan.stderr.contains("nothing was read from the portal"),
        "{}",
        plan.stderr
    );
}

/// A schema of a project: it adds a field to a type that is known, and describes one that is not.
const OURS: &str = r#"{
  "title": "Contoso's service",
  "allOf": [{ "$ref": "generic.json" }],
  "properties": {
    "offerTypeId": { "enum": ["microsoft-azure-saas"] },
    "definition": {
      "properties": {
        "offer": {
          "properties": {
            "saas.callbackKey": { "type": "string", "x-offerctl": { "secret": true } },
            "saas.regions": { "type": "array", "items": { "type": "string" }, "x-offerctl": { "list": "set" } }
          }
        }
      }
    }
  }
}"#;

const SERVICE: &str = "publisherId: contoso\nid: service\nofferTypeId: microsoft-azure-saas\ndefinition:\n  displayText: S\n  offer:\n    saas.regions: [DE, FR]\n  plans: [{planId: basic}]\n";

async fn service() -> World {
    let world = World::new(vec![], &[]).await;
    write(&world.path("."), "offers/service.yaml", SERVICE);
    world.run(&["apply", "--yes"]).await.exits(0);
    world
}

fn in_other_order(world: &World) {
    write(&world.path("."), "offers/service.yaml", &SERVICE.replace("[DE, FR]", "[FR, DE]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_the_project_describes_a_type_that_the_program_does_not_know() {
    let world = service().await;
    in_other_order(&world);
    world.run(&["plan", "--detailed-exitcode"]).await.exits(2);
    write(&world.path("."), "offerctl.toml", "schemas = \"types\"\n");
    write(&world.path("."), "types/saas.json", OURS);
    let planned = world.run(&["plan", "--detailed-exitcode"]).await.exits(0);
    assert!(planned.stdout.starts_with("No changes"), "a set: {}", planned.stdout);
    // What the schema calls a secret is one, whatever its name.
    let plain = SERVICE.replace("saas.regions: [DE, FR]", "saas.callbackKey: hunter2-hunter2");
    write(&world.path("."), "offers/service.yaml", &plain);
    let refused = world.run(&["validate"]).await.exits(3);
    assert!(refused.stdout.contains("OFR0016") && !refused.stdout.contains("hunter2"), "{}", refused.stdout);
    let listed = world.run(&["schema", "list"]).await.exits(0);
    assert!(listed.stdout.contains("microsoft-azure-saas              Contoso's service"), "{}", listed.stdout);
    let shown = world.run(&["schema", "show", "microsoft-azure-saas"]).await.exits(0).json();
    jsonschema::validator_for(&shown).expect("it needs no other file");
}

#[test]
fn a_schema_of_the_project_that_cannot_be_used_is_an_error_with_its_place() {
    let folder = project(&[("a", &offer("a", "t"))]);
    write(folder.path(), "offerctl.toml", "schemas = \"types\"\n");
    let said = |text: &str| {
        write(folder.path(), "types/saas.json", text);
        run(offerctl(folder.path()).arg("plan").arg("--sandbox")).exits(3).stderr
    };
    assert_data_eq!(
        said(&OURS.replace("\"secret\": true", "\"secrte\": true")),
        str![[r#"
error[OFR0028]: x-offerctl.secrte: true is not an annotation (at #/properties/definition/properties/offer/properties/saas.callbackKey)
  --> types/saas.json:10:13
   |
10 |             "saas.callbackKey": { "type": "string", "x-offerctl": { "secrte": true } },
   |             ^^^^^^^^^^^^^^^^^^
   |
   = help: see schemas/README.md; `offerctl schema show` prints the built-in schemas

error: no usable project

"#]]
    );
    assert!(said("{\n  \"a\": }").contains("types/saas.json:2:8"));
    assert!(said(&OURS.replace("generic.json", "genric.json")).contains("`genric.json` leads nowhere (at #/allOf/0)"));
    std::fs::remove_dir_all(folder.path().join("types")).expect("removed");
    let gone = run(offerctl(folder.path()).arg("validate")).exits(3);
    assert!(gone.stderr.contains("the folder of the schemas cannot be listed"), "{}", gone.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_inferred_from_an_offer_and_can_be_used() {
    let world = service().await;
    let inferred = world.run(&["schema", "infer", "contoso/service"]).await.exits(0);
    let schema = inferred.json();
    let offer = &schema["properties"]["definition"]["properties"]["offer"]["properties"];
    assert_eq!(offer["saas.regions"], json!({"type": "array", "items": {"type": "string"}}));
    assert!(!inferred.stdout.contains("\"DE\""), "no value is in it: {}", inferred.stdout);
    write(&world.path("."), "offerctl.toml", "schemas = \"types\"\n");
    write(&world.path("."), "types/saas.json", &inferred.stdout);
    world.run(&["plan", "--detailed-exitcode"]).await.exits(0);
    let typo = SERVICE.replace("saas.regions: [DE, FR]", "saas.regions: DE");
    write(&world.path("."), "offers/service.yaml", &typo);
    let found = world.run(&["validate"]).await.exits(3);
    assert!(found.stdout.contains("error[OFR0020]: `regions` is a string; expected a list"), "{}", found.stdout);
    let refused = world.run(&["schema", "infer", "service"]).await.exits(3);
    assert!(refused.stderr.contains("`service` is not an offer or a .json file"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_a_type_without_a_schema_compare_by_safe_rules() {
    let world = World::new(vec![], &[]).await;
    let text = |logo: &str, image: &str| {
        SERVICE.replace("saas.regions: [DE, FR]", &format!("saas.logo: {logo}\n    saas.image: {image}"))
    };
    write(
        &world.path("."),
        "offers/service.yaml",
        &text("https://cdn.example/1.png", "https://h.example/v?sp=rl&sig=aaaaaaaaaaaa"),
    );
    world.run(&["apply", "--yes"]).await.exits(0);
    let mut live = world.live("service").await;
    let copy = "https://publishingstoredm.blob.core.windows.net/prodcontent/D/1.png?sig=abcdefghijkl";
    live["definition"]["offer"]["saas.logo"] = json!(copy);
    live["definition"]["offer"]["saas.image"] = json!("https://h.example/v?sp=rl&sig=bbbbbbbbbbbb");
    world.portal_put("service", &live).await;
    let planned = world.run(&["plan", "--detailed-exitcode", "-v", "--no-artifacts"]).await.exits(0);
    assert!(planned.stdout.contains("not compared: saas.logo"), "{}", planned.stdout);
    assert!(planned.stdout.contains("hidden: saas.image: the same URL with another signature"), "{}", planned.stdout);
    write(&world.path("."), "offers/service.yaml", &text("no logo", "https://h.example/w?sp=rl&sig=aaaaaaaaaaaa"));
    let planned = world.run(&["plan", "--detailed-exitcode", "--no-artifacts"]).await.exits(2);
    assert!(
        planned.stdout.contains("~ change saas.logo") && planned.stdout.contains("~ change saas.image"),
        "{}",
        planned.stdout
    );
}
