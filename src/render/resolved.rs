//! Offers as their files declare them once tags, overlays and plans in files of their own are resolved.

use serde_json::{Map, Value, json};

use super::json::document;
use super::visible;
use crate::model::{Artifact, Kind, Node, OfferName, Pointer};
use crate::redact;
use crate::workspace::{Desired, Reconcile, Through};
use crate::yaml::{self, Yaml};

/// Returns one YAML document for each offer.
pub(crate) fn resolved(offers: &[Desired], environment: Option<&str>) -> String {
    let place = environment.map(|name| format!(" in the environment {name}")).unwrap_or_default();
    let one = |offer: &Desired| {
        let files = offer.sources.yaml().map(|source| visible(&source.path, false)).collect::<Vec<_>>().join(", ");
        let mut entries = match of(&offer.document) {
            Yaml::Map(entries) => entries,
            other => vec![("document".to_owned(), other)],
        };
        let reconcile = reconcile(&offer.reconcile);
        if !reconcile.is_empty() {
            let reconcile = reconcile.iter().map(|(key, value)| (key.clone(), plain(value)));
            entries.push(("reconcile".to_owned(), Yaml::Map(reconcile.collect())));
        }
        format!("# {}{place}, from {files}\n{}", offer.key, yaml::document(&entries))
    };
    offers.iter().map(one).collect::<Vec<_>>().join("---\n")
}

pub(crate) fn resolved_json(offers: &[Desired], environment: Option<&str>) -> String {
    let one = |offer: &Desired| {
        let OfferName { api, offer: name } = offer.key.name();
        let files = offer.files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>();
        json!({
            "api": api,
            "offer": name,
            "files": files,
            "document": value(of(&offer.document)),
            "reconcile": reconcile(&offer.reconcile),
        })
    };
    let offers = offers.iter().map(one).collect::<Vec<_>>();
    document("offerctl.render", json!({ "environment": environment, "offers": offers }))
}

/// The stanza, without what is so by default.
fn reconcile(Reconcile { through, notify, allow, ignore, span: _ }: &Reconcile) -> Map<String, Value> {
    let mut entries = Map::new();
    if *through != Through::default() {
        entries.insert("through".to_owned(), json!(through));
    }
    let ignore = ignore.iter().map(|ignore| json!({"path": Pointer::from_tokens(&ignore.tokens).to_string()}));
    let lists = [("notify", json!(notify)), ("allow", json!(allow)), ("ignore", ignore.collect())];
    let lists = lists.into_iter().filter(|(_, list)| list != &json!([]));
    entries.extend(lists.map(|(name, list)| (name.to_owned(), list)));
    entries
}

/// A document with what stands for its secrets, never the secrets.
fn of(node: &Node) -> Yaml {
    let tagged = |tag: &str, text: String| Yaml::Tagged(tag.to_owned(), text);
    match &node.kind {
        Kind::Scalar(Value::String(text)) => Yaml::Scalar(Value::String(redact::text(text))),
        Kind::Scalar(value) => Yaml::Scalar(value.clone()),
        Kind::List(items) => Yaml::List(items.iter().map(of).collect()),
        Kind::Map(entries) => Yaml::Map(
            entries
                .iter()
                .map(|entry| match &entry.value.kind {
                    Kind::Scalar(value) if redact::is_secret_name(&entry.key) => {
                        (entry.key.clone(), Yaml::Scalar(redact::masked(value)))
                    }
                    _ => (entry.key.clone(), of(&entry.value)),
                })
                .collect(),
        ),
        Kind::Absent => tagged("!absent", String::new()),
        Kind::Secret(reference) => tagged("!secret", reference.to_string()),
        Kind::Artifact(Artifact::Url(url)) => tagged("!artifact", redact::text(url)),
        Kind::Artifact(Artifact::File(file)) => tagged("!artifact", file.path.clone()),
        Kind::Sas(address) => tagged("!sas", redact::text(address)),
    }
}

fn plain(value: &Value) -> Yaml {
    match value {
        Value::Array(items) => Yaml::List(items.iter().map(plain).collect()),
        Value::Object(map) => Yaml::Map(map.iter().map(|(key, value)| (key.clone(), plain(value))).collect()),
        scalar => Yaml::Scalar(scalar.clone()),
    }
}

/// As JSON, a tag is an object with the tag as its only key.
fn value(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Scalar(value) => value,
        Yaml::Tagged(tag, text) => Value::Object([(tag, Value::String(text))].into_iter().collect()),
        Yaml::List(items) => items.into_iter().map(value).collect(),
        Yaml::Map(entries) => Value::Object(entries.into_iter().map(|(key, inner)| (key, value(inner))).collect()),
    }
}
