//! Files with a checksum over all their members, so that one that was edited is refused.

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::Digest;

/// Writes a document with its checksum as the last member.
pub(crate) fn seal(document: &impl Serialize) -> String {
    let document = serde_json::to_value(document);
    let mut document = document.unwrap_or_else(|error| unreachable!("the document serialises: {error}"));
    document["checksum"] = json!(checksum(&document));
    format!("{document:#}\n")
}

/// Returns whether the members of a document are those that were sealed.
pub(crate) fn is_intact(document: &Value) -> bool {
    document.get("checksum") == Some(&json!(checksum(document)))
}

fn checksum(document: &Value) -> Digest {
    let members = document.as_object().into_iter().flatten().filter(|(name, _)| *name != "checksum");
    let values = serde_json::to_vec(&members.map(|(_, value)| value).collect::<Vec<_>>());
    Digest::of(&values.unwrap_or_else(|error| unreachable!("the document serialises: {error}")))
}
