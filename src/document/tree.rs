//! The two kinds of documents, seen alike.

use serde_json::Value;

use crate::model::{Kind, Node};

/// A tree of values: a document of the portal, or one that a file declares.
pub(crate) trait Tree: Sized {
    /// The entries of an object: key, line of the key (0 where there is none), value. None for anything else.
    fn entries(&self) -> impl Iterator<Item = (&str, usize, &Self)>;

    /// The members of a list; none for anything else.
    fn items(&self) -> &[Self];

    fn entry(&self, key: &str) -> Option<&Self>;

    fn is_list(&self) -> bool;

    fn text(&self) -> Option<&str>;

    /// The line of the value; 0 where there is none.
    fn line(&self) -> usize;
}

impl Tree for Value {
    fn entries(&self) -> impl Iterator<Item = (&str, usize, &Self)> {
        self.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), 0, value))
    }

    fn items(&self) -> &[Self] {
        self.as_array().map_or(&[], Vec::as_slice)
    }

    fn entry(&self, key: &str) -> Option<&Self> {
        self.get(key)
    }

    fn is_list(&self) -> bool {
        self.is_array()
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }

    fn line(&self) -> usize {
        0
    }
}

impl Tree for Node {
    fn entries(&self) -> impl Iterator<Item = (&str, usize, &Self)> {
        self.entries().iter().map(|entry| (entry.key.as_str(), entry.key_span.line, &entry.value))
    }

    fn items(&self) -> &[Self] {
        self.items()
    }

    fn entry(&self, key: &str) -> Option<&Self> {
        self.get(key)
    }

    fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List(_))
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }

    fn line(&self) -> usize {
        self.span.line
    }
}
