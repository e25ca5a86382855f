//! The result of `diff`.

use serde_json::Value;

use crate::diagnostic::FileId;
use crate::diff::Change;
use crate::model::{Address, OfferKey};

/// Two states of one offer, compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(crate) key: OfferKey,
    /// Its files, its own first, where a side is the file.
    pub(crate) files: Vec<String>,
    /// The sides that hold nothing, by their names.
    pub(crate) empty: Vec<String>,
    /// What differs, in the direction that was asked for.
    pub(crate) changes: Vec<Change>,
    /// The portal's document without secrets, for the currencies of prices, where something differs in it.
    pub(crate) document: Option<Value>,
    /// Where an artifact could not be compared.
    pub(crate) not_compared: Vec<Address>,
}

impl Compared {
    /// Returns the path of one of its files, where a side is the file.
    pub(crate) fn file(&self, file: FileId) -> Option<&str> {
        self.files.get(file.index()).or(self.files.first()).map(String::as_str)
    }
}
