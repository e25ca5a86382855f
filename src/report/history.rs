//! The result of `history`.

use crate::model::OfferKey;
use crate::portal::Submission;

/// What the portal keeps of an offer.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) key: OfferKey,
    pub(crate) slots: Vec<SlotVersion>,
    /// Newest first.
    pub(crate) submissions: Vec<Submission>,
}

/// What a slot holds.
#[derive(Debug)]
pub(crate) struct SlotVersion {
    /// `draft`, `preview` or `live`.
    pub(crate) slot: String,
    pub(crate) version: Option<i64>,
    /// As the portal writes it.
    pub(crate) changed: String,
}
