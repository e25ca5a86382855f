//! What GET returned.

use serde_json::Value;

use crate::document;
use crate::model::{Digest, ETag, Profile};
use crate::schema::Shape;

/// The answer to "what is there": a failed read is neither.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Live {
    /// The portal says that there is no such offer (or that the slot is empty).
    Absent,
    Present(LiveOffer),
}

/// An offer as GET returned it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveOffer {
    pub(crate) document: Value,
    /// The `ETag` header.
    pub(crate) etag: Option<ETag>,
}

impl LiveOffer {
    /// How the portal treats this offer, from `pcMigrationStatus`; a document that does not say is native when it came
    /// with an ETag.
    pub(crate) fn profile(&self) -> Profile {
        match self.document.get("pcMigrationStatus").and_then(Value::as_str) {
            Some("migrated") => Profile::Migrated,
            Some(_) => Profile::Native,
            None if self.etag.is_some() => Profile::Native,
            None => Profile::Migrated,
        }
    }

    /// The digest of the canonical form.
    pub(crate) fn digest(&self, shape: &Shape) -> Digest {
        document::digest(&self.document, shape)
    }

    /// Whether the offer may have been published: where the portal does not say that it never was.
    pub(crate) fn was_published(&self) -> bool {
        self.document.get("status").and_then(Value::as_str) != Some("neverPublished")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_profile_is_the_offers_own() {
        let of = |document, etag: Option<&str>| LiveOffer { document, etag: etag.map(ETag::new) }.profile();
        assert_eq!(of(json!({"pcMigrationStatus": "migrated"}), None), Profile::Migrated);
        assert_eq!(of(json!({"pcMigrationStatus": "none"}), None), Profile::Native);
        assert_eq!(of(json!({}), Some("W/\"x\"")), Profile::Native);
        assert_eq!(of(json!({}), None), Profile::Migrated);
    }
}
