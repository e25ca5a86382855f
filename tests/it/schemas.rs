//! The schema files by the standard, the example offers by the schemas, and `offerctl schema`.

use std::path::Path;

use jsonschema::Registry;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::support::{VM, offer, offerctl, project, run, write};

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
            let value = offerctl::workspace::plain_yaml(&name, text).expect("an offer without tags");
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
error: `corevm` is no offer type
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
error[OFR0020]: `regions` takes a list, and this is a string
 --> offers/a.yaml:7:16
  |
7 |       regions: DE
  |                ^^
  |
  = note: at plans[basic]/regions
  = help: write a list: [DE]

error[OFR0021]: `linux` is not among the values of `operatingSystemFamily`
 --> offers/a.yaml:8:30
  |
8 |       operatingSystemFamily: linux
  |                              ^^^^^
  |
  = note: at plans[basic]/operatingSystemFamily
  = help: did you mean `Linux`?

warning[OFR0022]: `skuTitel` is not known, and nearly `skuTitle`
 --> offers/a.yaml:9:7
  |
9 |       skuTitel: Basic
  |       ^^^^^^^^
  |
  = note: at plans[basic]/skuTitel
  = help: did you mean `skuTitle`? A name that the portal does not know is dropped without a word

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
