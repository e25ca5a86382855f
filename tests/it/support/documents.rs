//! The JSON documents of the tool, by their published schemas.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::{Registry, Validator};
use serde_json::Value;

const BASE: &str = "https://offerctl.example/schemas/output/";

/// The schemas by their file's name, without its ending.
pub(crate) fn schemas() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/output");
    let entries = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a schema");
        let schema = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().expect("a name").to_string_lossy().into_owned(), schema)
    };
    entries.map(read).collect()
}

static VALIDATORS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let mut registry = Registry::new();
    for (name, schema) in schemas() {
        registry = registry.add(format!("{BASE}{name}.json"), schema).expect("a schema");
    }
    let registry = registry.prepare().expect("every reference resolves");
    let build = |(name, schema): (String, Value)| {
        let validator = jsonschema::options().with_registry(&registry).build(&schema);
        (name, validator.expect("a schema"))
    };
    schemas().into_iter().filter(|(name, _)| name != "parts").map(build).collect()
});

/// What the schema of a document says against it.
#[track_caller]
pub(crate) fn said(document: &Value) -> Vec<String> {
    let name = document["format"].as_str().and_then(|format| format.strip_prefix("offerctl.")).expect("a document");
    let validator = VALIDATORS.get(name).unwrap_or_else(|| panic!("schemas/output/{name}.json is missing"));
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
