//! The result of `diff`.

use crate::diff::Change;
use crate::model::{Address, OfferKey};

/// Two states of one offer, compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(crate) key: OfferKey,
    /// Its file, where a side is the file.
    pub(crate) path: Option<String>,
    /// The sides that hold nothing, by their names.
    pub(crate) empty: Vec<String>,
    /// What differs, in the direction that was asked for.
    pub(crate) changes: Vec<Change>,
    /// Where an artifact could not be compared.
    pub(crate) not_compared: Vec<Address>,
}
