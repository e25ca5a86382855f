//! Removal of secrets from texts and values. A leaf. Everything that leaves the process for a person, a log or a file
//! passes here: rendered changes, saved plans, error bodies.
//!
//! Two rules, because secrets reach an offer in two ways: by the text's own form (the signature of a SAS URL, the key
//! in a connection string, a bearer token), and by the name of the field that holds it.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};
use serde_json::Value;

/// What stands in the place of a secret.
pub const MASK: &str = "REDACTED";

/// `name=value` pairs whose value is a secret wherever they occur: SAS signatures (also inside an encoded URL),
/// storage and service-bus keys, passwords in connection strings.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(^|[^a-z0-9_]|%[0-9a-f]{2})(sig|accountkey|sharedaccesskey|sharedaccesssignature|password|pwd|client_secret|access_token)(=|%3d)[^&;,\s"'<>\\]+"#,
    )
    .expect("the pattern is valid")
});

static BEARER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]+").expect("the pattern is valid"));

/// Field names that hold a secret whatever the schema knows (the inner names of lead configurations are not published).
const SECRET_NAMES: [&str; 10] = [
    "connectionstring",
    "password",
    "secret",
    "clientsecret",
    "applicationkey",
    "accountkey",
    "accesskey",
    "apikey",
    "token",
    "sastoken",
];

/// Whether a field of this name holds a secret. Only the part after the last dot counts, and its ending:
/// `storageAccountConnectionString` is one.
#[must_use]
pub fn is_secret_name(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.ends_with(secret))
}

/// The text without the secrets that its form gives away.
#[must_use]
pub fn text(text: &str) -> String {
    let text = PAIR.replace_all(text, |found: &Captures<'_>| format!("{}{}{}{MASK}", &found[1], &found[2], &found[3]));
    BEARER.replace_all(&text, format!("Bearer {MASK}")).into_owned()
}

/// Whether [`text`] would change it.
#[must_use]
pub fn holds_secret(candidate: &str) -> bool {
    text(candidate) != candidate
}

/// The value without secrets, by field name and by the form of each text.
#[must_use]
pub fn value(value: &Value) -> Value {
    match value {
        Value::String(string) => Value::String(text(string)),
        Value::Array(items) => Value::Array(items.iter().map(self::value).collect()),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, inner)| {
                    let hide = is_secret_name(key) && !matches!(inner, Value::Null | Value::Object(_));
                    (key.clone(), if hide { Value::String(MASK.to_owned()) } else { self::value(inner) })
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn signatures_go_and_the_rest_of_the_url_stays() {
        assert_eq!(
            text("https://x.blob.example/vhds/a.vhd?sv=2018&sig=AbC%2Bd%3D&se=2028-01-01"),
            "https://x.blob.example/vhds/a.vhd?sv=2018&sig=REDACTED&se=2028-01-01"
        );
        assert_eq!(text("next=https%3A%2F%2Fx%3Fsig%3DAbC"), "next=https%3A%2F%2Fx%3Fsig%3DREDACTED");
        assert_eq!(text("AccountName=a;AccountKey=c2VjcmV0==;E=f"), "AccountName=a;AccountKey=REDACTED;E=f");
        assert_eq!(text("authorization: Bearer eyJ0.a-b_c"), "authorization: Bearer REDACTED");
        assert_eq!(text("the design of signatures"), "the design of signatures");
    }

    #[test]
    fn fields_go_by_name() {
        let document = json!({"a.storageAccountConnectionString": "abc", "title": "abc", "password": null, "list": [{"clientSecret": 7}]});
        assert_eq!(
            value(&document),
            json!({"a.storageAccountConnectionString": MASK, "title": "abc", "password": null, "list": [{"clientSecret": MASK}]})
        );
    }
}
