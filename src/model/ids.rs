//! Names and tokens as types of their own, so that none can be passed for another.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Api;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an identifier: use 1 to 100 letters, digits, `-`, `_` or `.`, starting with a letter or digit"
)]
pub struct IdError {
    text: String,
}

fn check(text: &str) -> Result<String, IdError> {
    let good = (1..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !text.contains("..");
    if good { Ok(text.to_owned()) } else { Err(IdError { text: text.chars().take(100).collect() }) }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text, safe as a path segment of a URL.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                check(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// The publisher's name in paths and bodies.
    PublisherId
}
identifier! {
    /// The offer's name within its publisher. It cannot change.
    OfferId
}

/// One offer of one publisher, printed as `publisher/offer`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct OfferKey {
    pub(crate) publisher: PublisherId,
    pub(crate) offer: OfferId,
}

impl OfferKey {
    /// Calls `found` with the key and its parts.
    pub(crate) fn names(&self, found: &mut impl FnMut(&str)) {
        found(&self.to_string());
        found(self.publisher.as_str());
        found(self.offer.as_str());
    }

    pub(crate) fn name(&self) -> OfferName<&Self> {
        OfferName { api: Api::Cpp, offer: self }
    }
}

/// How a document names an offer: the API beside the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OfferName<K> {
    pub(crate) api: Api,
    pub(crate) offer: K,
}

/// Reads and writes a key with its API, for `#[serde(with = "named")]`.
pub(crate) mod named {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{OfferKey, OfferName};

    pub(crate) fn serialize<S: Serializer>(key: &OfferKey, serializer: S) -> Result<S::Ok, S::Error> {
        key.name().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OfferKey, D::Error> {
        OfferName::deserialize(deserializer).map(|name| name.offer)
    }
}

impl fmt::Display for OfferKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.publisher, self.offer)
    }
}

impl std::str::FromStr for OfferKey {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (publisher, offer) = text.split_once('/').ok_or_else(|| IdError { text: text.to_owned() })?;
        Ok(Self { publisher: publisher.parse()?, offer: offer.parse()? })
    }
}

impl TryFrom<String> for OfferKey {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<OfferKey> for String {
    fn from(key: OfferKey) -> Self {
        key.to_string()
    }
}

/// An entity tag, opaque, echoed byte for byte: `W/"datetime'2019-10-30T22%3A03%3A51.6562051Z'"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ETag(String);

impl ETag {
    /// Takes the header's value as it stands.
    pub(crate) fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SHA-256 over bytes, printed as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        use fmt::Write as _;
        Self(Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// Returns the digest of a JSON value in its canonical form: compact, and with the keys of every object in order.
    pub(crate) fn of_json(value: &Value) -> Self {
        let mut value = value.clone();
        value.sort_all_objects();
        Self::of(value.to_string().as_bytes())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_cannot_leave_their_path_segment() {
        for bad in ["", "a/b", "..", "a..b", ".hidden", "a b", "a?b", "a%2Fb", "é", "a\nb", &"x".repeat(101)] {
            assert!(bad.parse::<OfferId>().is_err(), "{bad:?} was taken");
        }
        for good in ["contoso", "test-vm_2", "9lives", "a.b"] {
            assert!(good.parse::<OfferId>().is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn the_digest_of_json_is_of_a_form_that_stays() {
        let digest = |text: &str| Digest::of_json(&serde_json::from_str(text).expect("JSON"));
        let one = digest(r#"{"b": true, "a": [1.5, {"y": "ü", "x": null}]}"#);
        assert_eq!(one, Digest::of(r#"{"a":[1.5,{"x":null,"y":"ü"}],"b":true}"#.as_bytes()));
        assert_ne!(one, digest(r#"{"b": true, "a": [{"y": "ü", "x": null}, 1.5]}"#), "the order of a list counts");
    }

    #[test]
    fn documents_name_the_api_of_an_offer() {
        let key = "contoso/a".parse::<OfferKey>().expect("a key");
        let written = serde_json::to_value(key.name()).expect("JSON");
        assert_eq!(written, serde_json::json!({"api": "cpp", "offer": "contoso/a"}));
        assert_eq!(named::deserialize(&written).expect("reads"), key);
        assert!(named::deserialize(&serde_json::json!({"api": "other", "offer": "contoso/a"})).is_err());
    }

    #[test]
    fn digests_are_sha_256() {
        assert_eq!(Digest::of(b"").as_str(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
