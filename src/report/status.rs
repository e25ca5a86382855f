//! The result of `status`.

use serde::Serialize;

use crate::model::{OfferKey, named};
use crate::portal::{OperationView, Submission};

/// The state of one offer on the portal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OfferStatus {
    #[serde(flatten, with = "named")]
    pub(crate) key: OfferKey,
    pub(crate) exists: bool,
    /// Its status; `None` when the portal has none to tell.
    pub(crate) status: Option<OperationView>,
    pub(crate) preview: bool,
    pub(crate) production: bool,
    pub(crate) running: Option<Submission>,
}
