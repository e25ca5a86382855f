//! The RFC 6902 patch of one offer, without a secret in it, and the filling-in at the last moment.
//!
//! A planned patch may lie in a file, be shown, and be approved, so no operation carries a secret. Where a value holds
//! one, the operation has an empty text, and a [`Fill`] beside the operations says where the value is to be read when
//! the request is written. Being beside them, it cannot be confused with anything that a document contains.

use std::collections::BTreeMap;

use jsonpatch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document;
use crate::model::{Artifact, Kind, Node, Pointer, SecretRef};
use crate::redact;
use crate::schema::Shape;

/// A patch without its secrets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedPatch {
    operations: Vec<PatchOperation>,
    fills: Vec<Fill>,
}

/// A value that is read when the request is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fill {
    operation: usize,
    /// Where in the operation's value.
    at: Pointer,
    from: Origin,
}

/// Where a secret value is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Origin {
    /// In the offer file, at this pointer.
    File(Pointer),
    /// In the live document, at this pointer.
    Live(Pointer),
    Env(String),
    Path(String),
    /// The address at which a store gives out the file of this name.
    Store(String),
    /// The signature of the blob at this address.
    Sas(String),
}

/// Why a patch could not be filled in or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FillError {
    /// A value is not where the plan reads it.
    #[error("the plan takes a value from {from} at `{pointer}`, and there is none")]
    Missing {
        /// `the file` or `the live document`.
        from: &'static str,
        pointer: String,
    },
    /// A secret could not be read.
    #[error("the secret {reference} cannot be read: {reason}")]
    Secret { reference: String, reason: String },
    #[error("{address} cannot be signed: {reason}")]
    Unsigned { address: String, reason: String },
    #[error("the artifact {0} has no address, because it was not uploaded")]
    NotUploaded(String),
    /// An operation did not fit the live document: an identity test failed, or a path is not there.
    #[error("the plan does not fit the live document: {0}")]
    Misfit(String),
}

/// What a request body holds, and a plan does not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Late<'a> {
    Secret(&'a SecretRef),
    /// The address of a blob, with a signature.
    Signed(&'a str),
}

/// Makes a value for a request body. The error says why there is none.
pub(crate) type ReadLate<'a> = dyn Fn(Late<'_>) -> Result<String, String> + Sync + 'a;

/// The addresses of uploaded files, by their names in the store.
pub(crate) type Uploaded = BTreeMap<String, String>;

/// A value whose secrets were taken out, with the places where they are read again.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Planned {
    value: Value,
    fills: Vec<(Pointer, Origin)>,
}

impl Planned {
    fn plain(value: Value) -> Self {
        Self { value, fills: Vec::new() }
    }

    fn hidden(origin: Origin) -> Self {
        Self { value: Value::String(String::new()), fills: vec![(Pointer::root(), origin)] }
    }

    pub(super) fn list(items: impl Iterator<Item = Self>) -> Self {
        let mut list = Self::default();
        let mut values = Vec::new();
        for (index, item) in items.enumerate() {
            list.take_fills(item.fills, &index.to_string());
            values.push(item.value);
        }
        Self { value: Value::Array(values), ..list }
    }

    fn object(entries: impl Iterator<Item = (String, Self)>) -> Self {
        let mut object = Self::default();
        let mut values = serde_json::Map::new();
        for (key, item) in entries {
            object.take_fills(item.fills, &key);
            values.insert(key, item.value);
        }
        Self { value: Value::Object(values), ..object }
    }

    fn take_fills(&mut self, fills: Vec<(Pointer, Origin)>, token: &str) {
        self.fills.extend(fills.into_iter().map(|(mut at, origin)| {
            at.push_front(token);
            (at, origin)
        }));
    }
}

impl PlannedPatch {
    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    pub(super) fn test(&mut self, path: &Pointer, value: Value) {
        self.operations.push(PatchOperation::Test(TestOperation { path: path.clone(), value }));
    }

    pub(super) fn add(&mut self, path: Pointer, planned: Planned) {
        let value = self.keep_fills(planned);
        self.operations.push(PatchOperation::Add(AddOperation { path, value }));
    }

    pub(super) fn remove(&mut self, path: Pointer) {
        self.operations.push(PatchOperation::Remove(RemoveOperation { path }));
    }

    pub(super) fn replace(&mut self, path: Pointer, planned: Planned) {
        let value = self.keep_fills(planned);
        self.operations.push(PatchOperation::Replace(ReplaceOperation { path, value }));
    }

    fn keep_fills(&mut self, planned: Planned) -> Value {
        let operation = self.operations.len();
        self.fills.extend(planned.fills.into_iter().map(|(at, from)| Fill { operation, at, from }));
        planned.value
    }

    pub(super) fn append(&mut self, other: Self) {
        let shift = self.operations.len();
        self.operations.extend(other.operations);
        self.fills.extend(other.fills.into_iter().map(|fill| Fill { operation: fill.operation + shift, ..fill }));
    }

    /// The live document with the patch applied, and the places of secrets left empty: what it will look like.
    ///
    /// # Errors
    /// When the document is not the one that the patch was made for.
    pub(crate) fn preview(&self, live: &Value) -> Result<Value, FillError> {
        let mut document = live.clone();
        jsonpatch::patch(&mut document, &Patch(self.operations.clone()))
            .map_err(|error| FillError::Misfit(redact::text(&error.to_string())))?;
        Ok(document)
    }

    /// What is read or made outside of the project's files: `env:NAME`, `file:PATH`, `sas:ADDRESS`.
    pub(crate) fn sources(&self) -> impl Iterator<Item = String> {
        self.fills.iter().filter_map(|fill| match &fill.from {
            Origin::Env(name) => Some(format!("env:{name}")),
            Origin::Path(path) => Some(format!("file:{path}")),
            Origin::Sas(address) => Some(format!("sas:{address}")),
            Origin::File(_) | Origin::Live(_) | Origin::Store(_) => None,
        })
    }

    /// The names of the files that a store must give out before the patch can be applied.
    pub(crate) fn uploads(&self) -> impl Iterator<Item = &str> {
        self.fills.iter().filter_map(|fill| match &fill.from {
            Origin::Store(name) => Some(name.as_str()),
            Origin::File(_) | Origin::Live(_) | Origin::Env(_) | Origin::Path(_) | Origin::Sas(_) => None,
        })
    }

    /// The addresses that are signed when the patch is applied.
    pub(crate) fn signs(&self) -> impl Iterator<Item = &str> {
        self.fills.iter().filter_map(|fill| match &fill.from {
            Origin::Sas(address) => Some(address.as_str()),
            Origin::File(_) | Origin::Live(_) | Origin::Env(_) | Origin::Path(_) | Origin::Store(_) => None,
        })
    }

    /// The live document with the patch applied, secrets read from the file, the live document or their source,
    /// addresses signed, and local artifacts by the addresses that they have since they were uploaded.
    ///
    /// # Errors
    /// When a value cannot be read, or the document is not the one that the patch was made for.
    pub(crate) fn apply(
        &self,
        live: &Value,
        file: &Node,
        late: &ReadLate<'_>,
        uploaded: &Uploaded,
    ) -> Result<Value, FillError> {
        let mut filled = self.clone();
        for fill in &self.fills {
            let value = fill.from.read(live, file, late, uploaded)?;
            let place = filled.operations.get_mut(fill.operation).and_then(|operation| match operation {
                PatchOperation::Add(AddOperation { value, .. })
                | PatchOperation::Replace(ReplaceOperation { value, .. }) => value.pointer_mut(fill.at.as_str()),
                _ => None,
            });
            let misfit = || FillError::Misfit(format!("a value has no place at `{}`", fill.at));
            *place.ok_or_else(misfit)? = value;
        }
        filled.preview(live)
    }
}

impl Origin {
    fn read(&self, live: &Value, file: &Node, late: &ReadLate<'_>, uploaded: &Uploaded) -> Result<Value, FillError> {
        let reference = match self {
            Self::File(pointer) => {
                let missing = || FillError::Missing { from: "the file", pointer: pointer.to_string() };
                let node = descend(file, pointer).ok_or_else(missing)?;
                return Ok(node.to_value(&mut |_| Value::Null));
            }
            Self::Live(pointer) => {
                let missing = || FillError::Missing { from: "the live document", pointer: pointer.to_string() };
                return live.pointer(pointer.as_str()).cloned().ok_or_else(missing);
            }
            Self::Store(name) => {
                let address = uploaded.get(name).cloned().map(Value::String);
                return address.ok_or_else(|| FillError::NotUploaded(name.clone()));
            }
            Self::Sas(address) => {
                let unsigned = |reason| FillError::Unsigned { address: address.clone(), reason };
                return late(Late::Signed(address)).map(Value::String).map_err(unsigned);
            }
            Self::Env(name) => SecretRef::Env(name.clone()),
            Self::Path(path) => SecretRef::File(path.clone()),
        };
        late(Late::Secret(&reference))
            .map(Value::String)
            .map_err(|reason| FillError::Secret { reference: reference.to_string(), reason })
    }
}

fn descend<'n>(node: &'n Node, pointer: &Pointer) -> Option<&'n Node> {
    pointer.tokens().try_fold(node, |node, token| match &node.kind {
        Kind::Map(_) => node.get(&token.decoded()),
        Kind::List(items) => items.get(token.decoded().parse::<usize>().ok()?),
        Kind::Scalar(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) | Kind::Sas(_) => None,
    })
}

/// A declared value as the patch holds it. `origin` is its pointer in the file's document.
pub(super) fn from_file(node: &Node, origin: &Pointer) -> Planned {
    match &node.kind {
        Kind::Scalar(Value::String(text)) if redact::holds_secret(text) => {
            Planned::hidden(Origin::File(origin.clone()))
        }
        Kind::Scalar(value) => Planned::plain(value.clone()),
        Kind::List(items) => Planned::list(
            items.iter().enumerate().map(|(index, item)| from_file(item, &origin.with_trailing_token(index))),
        ),
        Kind::Map(entries) => {
            let present = entries.iter().filter(|entry| entry.value.kind != Kind::Absent);
            Planned::object(present.map(|entry| {
                (entry.key.clone(), from_file(&entry.value, &origin.with_trailing_token(entry.key.as_str())))
            }))
        }
        Kind::Artifact(Artifact::Url(url)) if redact::holds_secret(url) => {
            Planned::hidden(Origin::File(origin.clone()))
        }
        Kind::Artifact(Artifact::Url(url)) => Planned::plain(Value::String(url.clone())),
        Kind::Artifact(Artifact::File(file)) => Planned::hidden(Origin::Store(file.stored_name())),
        Kind::Sas(url) => Planned::hidden(Origin::Sas(url.clone())),
        Kind::Absent => Planned::plain(Value::Null),
        Kind::Secret(SecretRef::Env(name)) => Planned::hidden(Origin::Env(name.clone())),
        Kind::Secret(SecretRef::File(path)) => Planned::hidden(Origin::Path(path.clone())),
    }
}

/// A live value that a patch carries along. `origin` is its pointer in the live document.
pub(super) fn from_live(value: &Value, origin: &Pointer, shape: &Shape) -> Planned {
    let hidden = || Planned::hidden(Origin::Live(origin.clone()));
    match value {
        Value::Null | Value::Bool(_) => Planned::plain(value.clone()),
        _ if shape.rules.secret => hidden(),
        Value::String(text) if redact::holds_secret(text) => hidden(),
        Value::Array(items) => Planned::list(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| from_live(item, &origin.with_trailing_token(index), shape.item())),
        ),
        Value::Object(map) => Planned::object(map.iter().map(|(key, value)| {
            let origin = origin.with_trailing_token(key.as_str());
            let planned = if redact::is_secret_name(key) && !value.is_null() {
                Planned::hidden(Origin::Live(origin))
            } else {
                from_live(value, &origin, shape.property(key))
            };
            (key.clone(), planned)
        })),
        scalar => Planned::plain(scalar.clone()),
    }
}

/// A declared value for people: secrets removed, `!secret` by its name.
pub(crate) fn shown(node: &Node, shape: &Shape) -> Value {
    match &node.kind {
        Kind::Secret(reference) => Value::String(format!("(secret {reference})")),
        Kind::Map(entries) => entries
            .iter()
            .filter(|entry| entry.value.kind != Kind::Absent)
            .map(|entry| (entry.key.clone(), shown(&entry.value, shape.property(&entry.key))))
            .collect(),
        Kind::List(items) => items.iter().map(|item| shown(item, shape.item())).collect(),
        Kind::Scalar(value) => document::redacted(value, shape),
        Kind::Artifact(Artifact::Url(url)) | Kind::Sas(url) => Value::String(redact::text(url)),
        Kind::Artifact(Artifact::File(file)) => Value::String(format!("(file {file})")),
        Kind::Absent => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointer(text: &str) -> Pointer {
        Pointer::parse(text).expect("a pointer")
    }

    #[test]
    fn secrets_are_named_in_the_plan_and_read_when_it_is_applied() {
        let file = Node::from_value(&json!({"list": [{"url": "https://h/v?sig=TOPSECRET"}]}));
        let blob = Node { kind: Kind::Sas("https://h/blob".into()), span: Default::default() };
        let live = json!({"kept": {"key": ["https://h/k?sig=LIVESECRET"]}, "new": 1});
        let mut patch = PlannedPatch::default();
        patch.add(pointer("/list"), from_file(file.get("list").expect("list"), &pointer("/list")));
        patch.add(pointer("/copy"), from_live(&live["kept"], &pointer("/kept"), &Shape::default()));
        let secret = Node { kind: Kind::Secret(SecretRef::Env("NAME".into())), span: Default::default() };
        let mut later = PlannedPatch::default();
        later.add(pointer("/lead"), from_file(&secret, &pointer("/lead")));
        later.add(pointer("/blob"), from_file(&blob, &pointer("/blob")));
        patch.append(later);
        let text = serde_json::to_string(&patch).expect("serialises");
        assert!(!text.contains("SECRET"), "{text}");
        let read = |late: Late<'_>| match late {
            Late::Secret(reference) => Ok(format!("value of {reference}")),
            Late::Signed(address) => Ok(format!("{address}?sig=MADE")),
        };
        assert_eq!(
            patch.apply(&live, &file, &read, &Uploaded::new()).expect("applies"),
            json!({"kept": {"key": ["https://h/k?sig=LIVESECRET"]}, "new": 1,
                   "list": [{"url": "https://h/v?sig=TOPSECRET"}],
                   "copy": {"key": ["https://h/k?sig=LIVESECRET"]}, "lead": "value of env:NAME",
                   "blob": "https://h/blob?sig=MADE"})
        );
        let unreadable = |_: Late<'_>| Err("it is not set".to_owned());
        assert_eq!(
            patch.apply(&live, &file, &unreadable, &Uploaded::new()).expect_err("refused").to_string(),
            "the secret env:NAME cannot be read: it is not set"
        );
    }

    #[test]
    fn an_identity_test_stops_a_patch_that_meets_another_document() {
        let mut patch = PlannedPatch::default();
        patch.test(&pointer("/plans/0/planId"), json!("basic"));
        patch.remove(pointer("/plans/0"));
        let file = Node::from_value(&json!({}));
        let applied =
            patch.apply(&json!({"plans": [{"planId": "other"}]}), &file, &|_| Err(String::new()), &Uploaded::new());
        assert!(matches!(applied, Err(FillError::Misfit(_))), "{applied:?}");
    }
}
