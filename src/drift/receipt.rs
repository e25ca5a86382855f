//! The receipt of an apply: the part of its JSON report that a later look for drift starts from.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Applied;
use crate::model::OfferKey;

/// Largest receipt that is read, in bytes.
pub(crate) const MAX_RECEIPT: u64 = 256 << 20;

/// The major version of reports whose receipts are read.
const READS: &str = "2";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Receipt {
    portal: String,
    environment: Option<String>,
    applied: BTreeMap<OfferKey, Applied>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReceiptError {
    #[error("it is not the JSON report of an apply: {0}")]
    NotAReport(String),
    #[error("its format_version is {0}, and this offerctl reads {READS}; write one with `apply -o json=PATH`")]
    OtherVersion(String),
    /// A report of another command, or of an older offerctl.
    #[error("the report has no receipt; write one with `apply -o json=PATH`")]
    NoReceipt,
}

#[derive(Deserialize)]
struct Document {
    portal: String,
    #[serde(default)]
    environment: Option<String>,
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
        if version.split('.').next() != Some(READS) {
            return Err(ReceiptError::OtherVersion(version.to_owned()));
        }
        let receipt = report.get_mut("receipt").map(Value::take).ok_or(ReceiptError::NoReceipt)?;
        let Document { portal, environment, applied } = serde_json::from_value(receipt).map_err(not)?;
        let applied = applied.into_iter().map(|applied| (applied.offer.clone(), applied)).collect();
        Ok(Self { portal, environment, applied })
    }

    pub(crate) fn portal(&self) -> &str {
        &self.portal
    }

    pub(crate) fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    pub(crate) fn offer(&self, key: &OfferKey) -> Option<&Applied> {
        self.applied.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reports_of_this_major_version_are_read() {
        let report = |version: &str| {
            let receipt = r#"{"portal": "p", "applied": [{"api": "cpp", "offer": "contoso/a", "digest": "d",
                "document": {"definition": {}}, "references": {}}]}"#;
            let report = r#""format": "offerctl.report", "format_version""#;
            Receipt::read(&format!(r#"{{{report}: "{version}", "receipt": {receipt}}}"#))
        };
        let receipt = report("2.7").expect("a receipt");
        assert!(receipt.offer(&"contoso/a".parse().expect("a key")).is_some());
        for version in ["1.0", "3.0", ""] {
            assert_eq!(report(version), Err(ReceiptError::OtherVersion(version.to_owned())));
        }
    }
}
