//! A YAML document with the place of every node.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Artifact, LocalFile};
use crate::diagnostic::{Place, Span};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// What a node is, tags resolved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// null, a boolean, a number or a string; never an array or an object.
    Scalar(Value),
    List(Vec<Node>),
    /// A mapping, in the file's order, without duplicates.
    Map(Vec<Entry>),
    /// `!absent`: the key is to be removed.
    Absent,
    /// `!secret …`: known by name only, read when the request is written.
    Secret(SecretRef),
    /// `!artifact …`: a file that the portal fetches.
    Artifact(Artifact),
    /// `!sas …`: the address of a blob, which is signed when the request is written.
    Sas(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key's text as it stands in the file.
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Entry {
    /// Where it is declared: at its key, or in the file that its value comes from.
    pub(crate) fn place(&self) -> Place {
        if self.value.span.file == self.key_span.file { self.key_span.place() } else { self.value.span.place() }
    }
}

/// Where a secret's value comes from. It is a name, never the value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretRef {
    Env(String),
    /// A file, for mounted vaults.
    File(String),
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

impl Node {
    /// A node without a place.
    #[cfg(test)]
    pub(crate) fn from_value(value: &Value) -> Self {
        let kind = match value {
            Value::Array(items) => Kind::List(items.iter().map(Self::from_value).collect()),
            Value::Object(map) => Kind::Map(
                map.iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_span: Span::default(),
                        value: Self::from_value(value),
                    })
                    .collect(),
            ),
            scalar => Kind::Scalar(scalar.clone()),
        };
        Self { kind, span: Span::default() }
    }

    /// The value under a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            Kind::Scalar(_) | Kind::List(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) | Kind::Sas(_) => &[],
        }
    }

    /// The items of a sequence; none for anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Scalar(_) | Kind::Map(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) | Kind::Sas(_) => &[],
        }
    }

    /// The text of a string node, or the address of an artifact or a blob.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(value) => value.as_str(),
            Kind::Artifact(Artifact::Url(url)) | Kind::Sas(url) => Some(url),
            Kind::List(_) | Kind::Map(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(Artifact::File(_)) => None,
        }
    }

    /// Returns the text of a value that has a file of its own: it starts where the file starts, as no other scalar does.
    pub(crate) fn text_of_file(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(value) if self.span.line == 1 && self.span.start == 0 => value.as_str(),
            _ => None,
        }
    }

    /// The node as a JSON value. `!absent` keys are left out; each secret becomes what `secret` makes of it,
    /// and a local artifact, whose address only its store knows, `artifact:` and its name there.
    pub(crate) fn to_value(&self, secret: &mut impl FnMut(&SecretRef) -> Value) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => Value::Array(items.iter().map(|item| item.to_value(secret)).collect()),
            Kind::Map(entries) => Value::Object(
                entries
                    .iter()
                    .filter(|entry| entry.value.kind != Kind::Absent)
                    .map(|entry| (entry.key.clone(), entry.value.to_value(secret)))
                    .collect::<Map<_, _>>(),
            ),
            Kind::Absent => Value::Null,
            Kind::Secret(reference) => secret(reference),
            Kind::Artifact(Artifact::Url(url)) | Kind::Sas(url) => Value::String(url.clone()),
            Kind::Artifact(Artifact::File(file)) => Value::String(format!("artifact:{}", file.stored_name())),
        }
    }

    /// Calls `found` with every secret reference in the tree and its place.
    pub(crate) fn secrets(&self, found: &mut impl FnMut(&SecretRef, Span)) {
        if let Kind::Secret(reference) = &self.kind {
            found(reference, self.span);
        }
        self.entries().iter().for_each(|entry| entry.value.secrets(found));
        self.items().iter().for_each(|item| item.secrets(found));
    }

    /// Calls `found` with the place of every key that is to be removed.
    pub(crate) fn removed(&self, found: &mut impl FnMut(Span)) {
        for entry in self.entries() {
            if entry.value.kind == Kind::Absent {
                found(entry.key_span);
            }
            entry.value.removed(found);
        }
        self.items().iter().for_each(|item| item.removed(found));
    }

    /// Calls `found` with the name of every field that holds a secret, itself or in a list.
    pub(crate) fn secret_fields(&self, found: &mut impl FnMut(&str)) {
        for entry in self.entries() {
            let mut inside = std::slice::from_ref(&entry.value).iter().chain(entry.value.items());
            if inside.any(|node| matches!(node.kind, Kind::Secret(_))) {
                found(&entry.key);
            }
            entry.value.secret_fields(found);
        }
        self.items().iter().for_each(|item| item.secret_fields(found));
    }

    /// Whether there is a secret in it.
    pub(crate) fn holds_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret(_))
            || self.entries().iter().any(|entry| entry.value.holds_secret())
            || self.items().iter().any(Self::holds_secret)
    }

    /// Calls `found` with every artifact of the tree that is a file of the project, and its place.
    pub(crate) fn local_files(&self, found: &mut impl FnMut(&LocalFile, Span)) {
        if let Kind::Artifact(Artifact::File(file)) = &self.kind {
            found(file, self.span);
        }
        self.entries().iter().for_each(|entry| entry.value.local_files(found));
        self.items().iter().for_each(|item| item.local_files(found));
    }

    /// What kind of YAML node this is, for messages.
    pub(crate) fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(Value::Null) => "null",
            Kind::Scalar(Value::Bool(_)) => "a boolean",
            Kind::Scalar(Value::Number(_)) => "a number",
            Kind::Scalar(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Absent => "!absent",
            Kind::Secret(_) => "a secret",
            Kind::Artifact(_) => "an artifact",
            Kind::Sas(_) => "an address to sign",
        }
    }
}
