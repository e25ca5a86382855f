//! The two kinds of documents, seen alike.

use serde_json::Value;

use crate::diagnostic::Place;
use crate::model::{Kind, Node};

/// A tree of values: a document of the portal, or one that a file declares.
pub(crate) trait Tree: Sized {
    /// The entries of an object: key, place (line 0 where there is none), value. None for anything else.
    fn entries(&self) -> impl Iterator<Item = (&str, Place, &Self)>;

    /// The members of a list; none for anything else.
    fn items(&self) -> &[Self];

    fn entry(&self, key: &str) -> Option<&Self>;

    fn is_list(&self) -> bool;

    fn text(&self) -> Option<&str>;

    /// The place of the value; line 0 where there is none.
    fn place(&self) -> Place;
}

impl Tree for Value {
    fn entries(&self) -> impl Iterator<Item = (&str, Place, &Self)> {
        self.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), Place::default(), value))
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

    fn place(&self) -> Place {
        Place::default()
    }
}

impl Tree for Node {
    fn entries(&self) -> impl Iterator<Item = (&str, Place, &Self)> {
        self.entries().iter().map(|entry| (entry.key.as_str(), entry.place(), &entry.value))
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

    fn place(&self) -> Place {
        self.span.place()
    }
}
