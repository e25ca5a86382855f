//! The RFC 6902 patch of one offer, without a secret in it, and the filling-in at the last moment.
//!
//! A planned patch may lie in a file, be shown, and be approved, so no operation carries a secret. Where a value holds
//! one, a placeholder stands: an object with the single key [`PLACEHOLDER`] that says where the value is to be read
//! when the request is written.

use jsonpatch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{Kind, Node, Pointer, SecretRef};
use crate::redact;

/// The key of a placeholder. An offer document with this key cannot be planned.
pub(super) const PLACEHOLDER: &str = "$offerctl";

/// A patch with placeholders for secrets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlannedPatch(Patch);

/// Why a patch could not be filled in or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// A placeholder leads nowhere.
    #[error("the plan takes a value from {from} at `{pointer}`, and there is none")]
    Missing {
        /// `the file` or `the live document`.
        from: &'static str,
        /// Where.
        pointer: String,
    },
    /// A secret could not be read.
    #[error("the secret {reference} cannot be read: {reason}")]
    Secret {
        /// Its name.
        reference: String,
        /// Why.
        reason: String,
    },
    /// An operation did not fit the live document: an identity test failed, or a path is not there.
    #[error("the plan does not fit the live document: {0}")]
    Misfit(String),
}

/// Reads a secret by its reference. The error says why it cannot be read.
pub type ReadSecret<'a> = dyn Fn(&SecretRef) -> Result<String, String> + Sync + 'a;

impl PlannedPatch {
    /// Whether the patch changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn test(&mut self, path: &Pointer, value: Value) {
        self.0.0.push(PatchOperation::Test(TestOperation { path: path.clone(), value }));
    }

    pub(super) fn add(&mut self, path: Pointer, value: Value) {
        self.0.0.push(PatchOperation::Add(AddOperation { path, value }));
    }

    pub(super) fn remove(&mut self, path: Pointer) {
        self.0.0.push(PatchOperation::Remove(RemoveOperation { path }));
    }

    pub(super) fn replace(&mut self, path: Pointer, value: Value) {
        self.0.0.push(PatchOperation::Replace(ReplaceOperation { path, value }));
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.0.0.append(&mut other.0.0);
    }

    /// The live document with the patch applied, secrets read from the file, the live document or their source.
    ///
    /// # Errors
    /// When a placeholder cannot be filled in, or the document is not the one that the patch was made for.
    pub fn apply(&self, live: &Value, file: &Node, secret: &ReadSecret<'_>) -> Result<Value, FillError> {
        let mut filled = self.0.clone();
        for operation in &mut filled.0 {
            match operation {
                PatchOperation::Add(AddOperation { value, .. })
                | PatchOperation::Replace(ReplaceOperation { value, .. }) => *value = fill(value, live, file, secret)?,
                PatchOperation::Test(_)
                | PatchOperation::Remove(_)
                | PatchOperation::Move(_)
                | PatchOperation::Copy(_) => {}
            }
        }
        let mut document = live.clone();
        jsonpatch::patch(&mut document, &filled).map_err(|error| FillError::Misfit(error.to_string()))?;
        Ok(document)
    }
}

fn fill(value: &Value, live: &Value, file: &Node, secret: &ReadSecret<'_>) -> Result<Value, FillError> {
    match value {
        Value::Object(map) => {
            if let Some(place) = map.get(PLACEHOLDER) {
                return read(place, live, file, secret);
            }
            map.iter().map(|(key, value)| Ok((key.clone(), fill(value, live, file, secret)?))).collect()
        }
        Value::Array(items) => items.iter().map(|item| fill(item, live, file, secret)).collect(),
        scalar => Ok(scalar.clone()),
    }
}

fn read(place: &Value, live: &Value, file: &Node, secret: &ReadSecret<'_>) -> Result<Value, FillError> {
    let text = |key| place.get(key).and_then(Value::as_str);
    if let Some(pointer) = text("file") {
        let missing = || FillError::Missing { from: "the file", pointer: pointer.to_owned() };
        let node = descend(file, pointer).ok_or_else(missing)?;
        let text = node.as_str().ok_or_else(missing)?;
        return Ok(Value::String(text.to_owned()));
    }
    if let Some(pointer) = text("live") {
        let missing = || FillError::Missing { from: "the live document", pointer: pointer.to_owned() };
        return live.pointer(pointer).cloned().ok_or_else(missing);
    }
    let reference = match (text("env"), text("path")) {
        (Some(name), _) => SecretRef::Env(name.to_owned()),
        (None, Some(path)) => SecretRef::File(path.to_owned()),
        (None, None) => return Err(FillError::Misfit("a placeholder of unknown form".to_owned())),
    };
    secret(&reference)
        .map(Value::String)
        .map_err(|reason| FillError::Secret { reference: reference.to_string(), reason })
}

fn descend<'n>(node: &'n Node, pointer: &str) -> Option<&'n Node> {
    let pointer = Pointer::parse(pointer).ok()?;
    pointer.tokens().try_fold(node, |node, token| match &node.kind {
        Kind::Map(_) => node.get(&token.decoded()),
        Kind::List(items) => items.get(token.decoded().parse::<usize>().ok()?),
        Kind::Scalar(_) | Kind::Absent | Kind::Secret(_) => None,
    })
}

/// A declared value as the patch holds it. `origin` is its pointer in the file's document.
pub(super) fn from_file(node: &Node, origin: &Pointer) -> Value {
    match &node.kind {
        Kind::Scalar(Value::String(text)) if redact::holds_secret(text) => {
            json!({ PLACEHOLDER: { "file": origin.to_string() } })
        }
        Kind::Scalar(value) => value.clone(),
        Kind::List(items) => {
            items.iter().enumerate().map(|(index, item)| from_file(item, &origin.with_trailing_token(index))).collect()
        }
        Kind::Map(entries) => entries
            .iter()
            .filter(|entry| entry.value.kind != Kind::Absent)
            .map(|entry| (entry.key.clone(), from_file(&entry.value, &origin.with_trailing_token(entry.key.as_str()))))
            .collect(),
        Kind::Absent => Value::Null,
        Kind::Secret(SecretRef::Env(name)) => json!({ PLACEHOLDER: { "env": name } }),
        Kind::Secret(SecretRef::File(path)) => json!({ PLACEHOLDER: { "path": path } }),
    }
}

/// A live value that a patch carries along. `origin` is its pointer in the live document.
pub(super) fn from_live(value: &Value, origin: &Pointer) -> Value {
    match value {
        Value::String(text) if redact::holds_secret(text) => json!({ PLACEHOLDER: { "live": origin.to_string() } }),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| from_live(item, &origin.with_trailing_token(index))).collect()
        }
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let origin = origin.with_trailing_token(key.as_str());
                let named = redact::is_secret_name(key) && value.is_string();
                let value = if named {
                    json!({ PLACEHOLDER: { "live": origin.to_string() } })
                } else {
                    from_live(value, &origin)
                };
                (key.clone(), value)
            })
            .collect(),
        scalar => scalar.clone(),
    }
}

/// A declared value for people: secrets removed, `!secret` by its name.
pub(super) fn shown(node: &Node) -> Value {
    redact::value(&node.to_value(&mut |reference| Value::String(format!("(secret {reference})"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(text: &str) -> Pointer {
        Pointer::parse(text).expect("a pointer")
    }

    #[test]
    fn secrets_are_named_in_the_plan_and_read_when_it_is_applied() {
        let file = Node::from_value(&json!({"list": [{"url": "https://h/v?sig=TOPSECRET"}]}));
        let live = json!({"kept": "https://h/k?sig=LIVESECRET", "new": 1});
        let mut patch = PlannedPatch::default();
        patch.add(pointer("/list"), from_file(file.get("list").expect("list"), &pointer("/list")));
        patch.add(pointer("/copy"), from_live(&live["kept"], &pointer("/kept")));
        let secret = Node { kind: Kind::Secret(SecretRef::Env("NAME".into())), span: Default::default() };
        patch.add(pointer("/lead"), from_file(&secret, &pointer("/lead")));
        let text = serde_json::to_string(&patch).expect("serialises");
        assert!(!text.contains("SECRET"), "{text}");
        let read = |reference: &SecretRef| Ok(format!("value of {reference}"));
        assert_eq!(
            patch.apply(&live, &file, &read).expect("applies"),
            json!({"kept": "https://h/k?sig=LIVESECRET", "new": 1, "list": [{"url": "https://h/v?sig=TOPSECRET"}],
                   "copy": "https://h/k?sig=LIVESECRET", "lead": "value of env:NAME"})
        );
        let unreadable = |_: &SecretRef| Err("it is not set".to_owned());
        assert_eq!(
            patch.apply(&live, &file, &unreadable).expect_err("refused").to_string(),
            "the secret env:NAME cannot be read: it is not set"
        );
    }

    #[test]
    fn an_identity_test_stops_a_patch_that_meets_another_document() {
        let mut patch = PlannedPatch::default();
        patch.test(&pointer("/plans/0/planId"), json!("basic"));
        patch.remove(pointer("/plans/0"));
        let file = Node::from_value(&json!({}));
        let applied = patch.apply(&json!({"plans": [{"planId": "other"}]}), &file, &|_| Err(String::new()));
        assert!(matches!(applied, Err(FillError::Misfit(_))), "{applied:?}");
    }
}
