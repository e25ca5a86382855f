//! What a token says of itself, for telling why one is refused. It is read, not verified: that is the portal's business.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

/// The claims that explain a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Claims {
    /// For which API it is.
    pub(crate) audience: Option<String>,
    /// Which application or person it is for, by the directory's object id.
    pub(crate) principal: Option<String>,
    pub(crate) tenant: Option<String>,
}

impl Claims {
    /// Reads a JSON web token; a token of another form says nothing.
    pub(super) fn read(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?.trim_end_matches('=');
        let claims = serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(crate::portal::problem::one_line);
        Some(Self { audience: text("aud"), principal: text("oid"), tenant: text("tid") })
    }

    /// The audience, when it is plainly another API's. A GUID may be the portal's own application.
    pub(crate) fn other_audience(&self) -> Option<&str> {
        let audience = self.audience.as_deref()?;
        (audience.contains("://") && audience.trim_end_matches('/') != super::method::RESOURCE).then_some(audience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &Value) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_token_for_another_api_is_known_by_its_audience() {
        let claims = |audience: &str| {
            let claims = serde_json::json!({"aud": audience, "oid": "o", "tid": "t"});
            Claims::read(&token(&claims)).expect("claims")
        };
        let other = claims("https://management.azure.com/");
        assert_eq!(other.other_audience(), Some("https://management.azure.com/"));
        assert_eq!((other.principal.as_deref(), other.tenant.as_deref()), (Some("o"), Some("t")));
        assert_eq!(claims("https://cloudpartner.azure.com/").other_audience(), None);
        assert_eq!(claims("9dfc6c5c-0000-0000-0000-000000000000").other_audience(), None);
    }

    #[test]
    fn an_opaque_token_says_nothing() {
        for opaque in ["", "sandbox", "a.b.c", "a.e30", "..", "a.!!.c"] {
            let read = Claims::read(opaque);
            assert!(read.is_none() || read == Some(Claims::default()), "{opaque}");
        }
    }
}
