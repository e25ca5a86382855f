//! Tokens in the form of the real ones: a JSON web token, signed with a key of the sandbox's own.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::model::PublisherId;

/// Someone who can sign in: an application with its secret and the publishers that it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    pub(super) id: String,
    pub(super) secret: String,
    /// All, where none is named.
    pub(super) publishers: BTreeSet<PublisherId>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("id", &self.id).field("publishers", &self.publishers).finish_non_exhaustive()
    }
}

impl std::str::FromStr for Client {
    type Err = String;

    /// Reads `ID:SECRET` or `ID:SECRET@PUBLISHER,PUBLISHER`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (text, publishers) = text.rsplit_once('@').unwrap_or((text, ""));
        let (id, secret) = text.split_once(':').unwrap_or_default();
        if id.is_empty() || secret.is_empty() {
            return Err("a client is ID:SECRET or ID:SECRET@PUBLISHER,PUBLISHER".to_owned());
        }
        let publishers = publishers.split(',').filter(|publisher| !publisher.is_empty());
        let publishers = publishers.map(|publisher| publisher.parse().map_err(|error| format!("{error}")));
        Ok(Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            publishers: publishers.collect::<Result<_, String>>()?,
        })
    }
}

/// Signs and checks. It follows from the sandbox's salt, so that a token outlives a restart with the same state.
#[derive(Clone)]
pub(in super::super) struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    pub(in super::super) fn new(salt: &str) -> Self {
        Self(Sha256::digest(format!("token key of {salt}")).into())
    }

    fn sign(&self, text: &str) -> String {
        // The key on both sides, so that nothing can be appended to what was signed.
        let mut digest = Sha256::new();
        digest.update(self.0);
        digest.update(text);
        digest.update(self.0);
        URL_SAFE_NO_PAD.encode(digest.finalize())
    }
}

/// What a token says. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    #[serde(rename = "aud")]
    pub(super) audience: String,
    #[serde(rename = "tid")]
    pub(super) tenant: String,
    #[serde(rename = "appid")]
    pub(super) client: String,
    #[serde(rename = "iat")]
    pub(super) issued: i64,
    #[serde(rename = "exp")]
    pub(super) expires: i64,
}

impl Claims {
    pub(super) fn write(&self, key: &Key) -> String {
        let head = URL_SAFE_NO_PAD.encode(json!({"typ": "JWT", "alg": "sandbox"}).to_string());
        let claims = serde_json::to_string(self).unwrap_or_else(|error| unreachable!("texts as JSON: {error}"));
        let text = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = key.sign(&text);
        format!("{text}.{signature}")
    }

    /// The claims of a token that was written with this key.
    pub(super) fn read(token: &str, key: &Key) -> Option<Self> {
        let (text, signature) = token.rsplit_once('.')?;
        let (_, claims) = text.split_once('.')?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        if key.sign(text) == signature { serde_json::from_slice(&claims).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_key_reads_a_token() {
        let claims =
            Claims { audience: "a".to_owned(), tenant: "t".to_owned(), client: "c".to_owned(), issued: 1, expires: 2 };
        let token = claims.write(&Key::new("one"));
        assert_eq!(token.split('.').count(), 3);
        assert_eq!(Claims::read(&token, &Key::new("one")), Some(claims));
        assert_eq!(Claims::read(&token, &Key::new("two")), None);
        assert_eq!(Claims::read(&token.replacen('.', ".e", 1), &Key::new("one")), None);
        for other in ["", "word", "a.b.c"] {
            assert_eq!(Claims::read(other, &Key::new("one")), None);
        }
    }

    #[test]
    fn clients_are_read_and_their_secrets_not_shown() {
        let client: Client = "app:s3:cret@contoso,fabrikam".parse().expect("a client");
        assert_eq!((client.id.as_str(), client.secret.as_str(), client.publishers.len()), ("app", "s3:cret", 2));
        assert!(!format!("{client:?}").contains("cret"));
        for bad in ["app", "app:", ":s", "app:s@../x"] {
            assert!(bad.parse::<Client>().is_err(), "{bad}");
        }
    }
}
