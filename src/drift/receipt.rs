//! The receipt of an apply: the part of its JSON report that a later look for drift starts from.

use serde::Deserialize;
use serde_json::Value;

use super::Applied;
use crate::model::OfferKey;

/// Largest receipt that is read, in bytes.
pub(crate) const MAX_RECEIPT: u64 = 256 << 20;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Receipt {
    portal: String,
    applied: Vec<Applied>,
}

/// Why a file is no receipt.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReceiptError {
    /// Not a report at all.
    #[error("it is not the JSON report of an apply: {0}")]
    NotAReport(String),
    /// A report of a later major version.
    #[error("its format_version is {0}, and this offerctl reads 1")]
    OtherVersion(String),
    /// A report of another command, or of an older offerctl.
    #[error("the report has no receipt; `apply -o json=PATH` writes one")]
    NoReceipt,
}

#[derive(Deserialize)]
struct Document {
    portal: String,
    applied: Vec<Applied>,
}

impl Receipt {
    /// Reads the JSON report of an apply.
    ///
    /// # Errors
    /// When it is none, or has no receipt.
    pub(crate) fn read(text: &str) -> Result<Self, ReceiptError> {
        let not = |error: serde_json::Error| ReceiptError::NotAReport(error.to_string());
        let mut report = serde_json::from_str::<Value>(text).map_err(not)?;
        if report["format"] != "offerctl.report" {
            return Err(ReceiptError::NotAReport("it has no `\"format\": \"offerctl.report\"`".to_owned()));
        }
        let version = report["format_version"].as_str().unwrap_or_default();
        if version.split('.').next() != Some("1") {
            return Err(ReceiptError::OtherVersion(version.to_owned()));
        }
        let receipt = report.get_mut("receipt").map(Value::take).ok_or(ReceiptError::NoReceipt)?;
        let Document { portal, applied } = serde_json::from_value(receipt).map_err(not)?;
        Ok(Self { portal, applied })
    }

    /// The portal that was applied to.
    pub(crate) fn portal(&self) -> &str {
        &self.portal
    }

    /// What it says of an offer.
    pub(crate) fn offer(&self, key: &OfferKey) -> Option<&Applied> {
        self.applied.iter().find(|applied| applied.offer == *key)
    }
}
