//! Removal of secrets from texts and values. A leaf. Everything that leaves the process for a person, a log or a file
//! passes here: rendered changes, saved plans, error bodies.
//!
//! Two rules, because secrets reach an offer in two ways: by the text's own form (the signature of a SAS URL, the key
//! in a connection string, a bearer token), and by the name of the field that holds it. Both are pure, both use one list
//! of names, and plans are made with them alone.
//!
//! A third rule is for what leaves the process, whatever made it: the values of the secrets that this process holds
//! ([`Secret`]) are taken out of every output, log line and panic ([`known`]), where it is written and nowhere before.

mod form;
mod known;
mod unescape;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

pub(crate) use known::{SHORTEST, Secret, keep_name, known, known_in_json};

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "REDACTED";

/// Endings of names that hold a secret whatever the schema knows (the inner names of lead configurations are not
/// published), in fields as in texts.
const SECRET_NAMES: [&str; 20] = [
    "connectionstring",
    "password",
    "secret",
    "applicationkey",
    "accountkey",
    "accesskey",
    "accesssignature",
    "apikey",
    "clientassertion",
    "functionskey",
    "storagekey",
    "subscriptionkey",
    "primarykey",
    "secondarykey",
    "sharedkey",
    "privatekey",
    "token",
    "credential",
    "sasuri",
    "sasurl",
];

/// Words that are such a name alone, or at the end of one after a mark: `sig`, `X-Amz-Signature`.
const SECRET_WORDS: [&str; 3] = ["sig", "signature", "pwd"];

/// Whether a field of this name holds a secret. Only the part after the last dot counts, and its ending:
/// `storageAccountConnectionString` is one, and `STORAGE_ACCOUNT_KEY`.
pub(crate) fn is_secret_name(key: &str) -> bool {
    let name = memchr::memrchr(b'.', key.as_bytes()).map_or(key, |dot| &key[dot + 1..]);
    if !may_end_so(name) {
        return false;
    }
    let word = name.rsplit(['_', '-', ' ']).next().unwrap_or(name);
    SECRET_NAMES.iter().any(|secret| ends_with(name, secret))
        || SECRET_WORDS.iter().any(|secret| word.eq_ignore_ascii_case(secret))
}

/// Whether the last two letters of a name are those of a secret's name: most names are told apart by them.
fn may_end_so(name: &str) -> bool {
    let mut letters = name.bytes().rev().filter(|byte| !matches!(byte, b'_' | b'-' | b' '));
    let mut next = || letters.next().map_or(0, |byte| byte.to_ascii_lowercase());
    let (last, before) = (next(), next());
    matches!(
        [before, last],
        [b'n', b'g']
            | [b'r', b'd']
            | [b'e', b't']
            | [b'e', b'y']
            | [b'r', b'e']
            | [b'o', b'n']
            | [b'e', b'n']
            | [b'a', b'l']
            | [b'r', b'i']
            | [b'r', b'l']
            | [b'i', b'g']
            | [b'w', b'd']
    )
}

/// Whether a name ends so, whatever its letter case and the marks between its words. It is asked of every field of every
/// document, so it makes no copy.
fn ends_with(name: &str, ending: &str) -> bool {
    let mut letters = name.bytes().rev().filter(|byte| !matches!(byte, b'_' | b'-' | b' '));
    ending.bytes().rev().all(|wanted| letters.next().is_some_and(|byte| byte.to_ascii_lowercase() == wanted))
}

/// The text without the secrets that its form gives away.
pub(crate) fn text(text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    // What is left of a text can have a form of its own.
    for _ in 0..4 {
        match replaced(&text, in_form(&text)) {
            Cow::Owned(next) if next != *text => text = Cow::Owned(next),
            _ => break,
        }
    }
    text.into_owned()
}

/// Whether [`text`] would change it.
pub(crate) fn holds_secret(candidate: &str) -> bool {
    in_form(candidate).into_iter().any(|part| candidate[part] != *MASK)
}

fn in_form(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for layer in unescape::Layer::all(text, false) {
        form::secrets(&layer.bytes, &mut |part| layer.original(part, &mut found));
    }
    found
}

/// The text with a mask in the place of these parts; what overlaps or touches is one.
fn replaced(text: &str, mut parts: Vec<Range<usize>>) -> Cow<'_, str> {
    if parts.is_empty() {
        return Cow::Borrowed(text);
    }
    parts.sort_unstable_by_key(|part| part.start);
    let (mut out, mut end) = (String::with_capacity(text.len()), 0);
    for (at, part) in parts.iter().enumerate() {
        if at == 0 || part.start > end {
            out.push_str(&text[end..text.floor_char_boundary(part.start)]);
            out.push_str(MASK);
        }
        end = end.max(text.ceil_char_boundary(part.end));
    }
    out.push_str(&text[end..]);
    Cow::Owned(out)
}

/// The value without secrets, by field name and by the form of each text. Where a schema is at hand, it knows more:
/// see [`crate::live::redacted`].
pub(crate) fn value(value: &Value) -> Value {
    match value {
        Value::String(string) => Value::String(text(string)),
        Value::Array(items) => items.iter().map(self::value).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, inner)| (key.clone(), if is_secret_name(key) { masked(inner) } else { self::value(inner) }))
            .collect(),
        other => other.clone(),
    }
}

/// The value with everything in it masked that can hold a secret; what is empty stays as it is.
pub(crate) fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => value.clone(),
        Value::String(_) | Value::Number(_) => Value::String(MASK.to_owned()),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::Object(map) => map.iter().map(|(key, inner)| (key.clone(), masked(inner))).collect(),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// Fields that a file declares as secrets, whatever their names say.
static FIELDS: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Takes every field of this name for a secret in what is logged from now on.
pub(crate) fn hide_field(name: &str) {
    FIELDS.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
}

/// A document for the log: without the fields that files declare as secrets.
pub(crate) fn logged(mut document: Value) -> String {
    hide(&mut document, &FIELDS.read().unwrap_or_else(PoisonError::into_inner));
    document.to_string()
}

fn hide(value: &mut Value, fields: &BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                if fields.contains(key) {
                    *inner = masked(inner);
                } else {
                    hide(inner, fields);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn every_name_of_a_secret_has_an_ending_that_is_looked_for() {
        for name in SECRET_NAMES.iter().chain(&SECRET_WORDS) {
            assert!(is_secret_name(name) && may_end_so(&format!("{}_-", name.to_uppercase())), "{name}");
        }
        assert!(
            is_secret_name("a.STORAGE_ACCOUNT_KEY")
                && is_secret_name("X-Amz-Signature")
                && is_secret_name("s e c r e t-")
        );
        assert!(!is_secret_name("token.title") && !is_secret_name("") && !is_secret_name("design"));
    }

    #[test]
    fn signatures_go_and_the_rest_of_the_url_stays() {
        assert_eq!(
            text("https://x.blob.example/vhds/a.vhd?sv=2018&sig=AbC%2Bd%3D&se=2028-01-01"),
            "https://x.blob.example/vhds/a.vhd?sv=2018&sig=REDACTED&se=2028-01-01"
        );
        assert_eq!(text("next=https%3A%2F%2Fx%3Fsig%3DAbC"), "next=https%3A%2F%2Fx%3Fsig%3DREDACTED");
        assert_eq!(text("AccountName=a;AccountKey=c2VjcmV0==;E=f"), "AccountName=a;AccountKey=REDACTED;E=f");
        assert_eq!(text("authorization: Bearer abcdef0123456789.a-b_c"), "authorization: Bearer REDACTED");
        assert_eq!(text("the design of signatures"), "the design of signatures");
    }

    #[test]
    fn no_form_of_a_secret_stays() {
        for form in [
            r"https://h/v.vhd?sv=1\u0026sig=CANARY",
            "https://h/v?x%253Dy%2526sig%253DCANARY",
            r#"{"sig":"CANARY"}"#,
            r#"{\"password\": \"CANARY\"}"#,
            r#"Password="CANARY""#,
            "Password='CANARY'",
            "Password=ab,CANARY;x",
            "AccountKey = CANARY",
            r#"AccountKey": "CANARY""#,
            "https://user:CANARY@host/x",
            "token eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJDQU5BUlkifQ.CANARY is expired",
            "?sv=1&amp;sig=CANARY",
            "&#38;sig&#61;CANARY",
            "SIG=CANARY",
            "SharedAccessSignature=sv=1&sig=CANARY",
            "client_secret=x%CANARY",
            "sig%3d%22CANARY",
            "refresh_token=CANARY",
            "client_assertion=CANARY",
            "api-key=CANARY",
            "https://s3.example/a?X-Amz-Expires=9&X-Amz-Signature=CANARY&X-Amz-SignedHeaders=host",
            "https://s3.example/a?X-Amz-Security-Token=CANARY",
            "https://storage.googleapis.example/a?X-Goog-Signature=CANARY",
            "https://f.example/api/lead?code=CANARY",
            "https://f.example/api/lead?a=1\\u0026code=CANARY",
            "use ?clientId=x&amp;code=CANARY there",
            "connectionString=CANARY;AccountName=a",
            r#"refused: {"connectionString": "Endpoint=sb://x/;Key=CANARY and more"}"#,
            r#"clientSecret: '{\"clientSecret\":\"CANARY \\\"more\"}'"#,
            "sharedKey = CANARY",
            "x-functions-key=CANARY",
            "https://x.example/?subscription-key=CANARY",
            "https://h/v?x=1&sig=AbC%26CANARY",
            "applicationKey%3d%27CANARY%20CANARY%27",
        ] {
            let shown = text(form);
            assert!(!shown.contains("CANARY"), "{form} became {shown}");
        }
        for innocent in [
            "Password: at least 12 characters",
            "https://h/path?design=x",
            "a://b and c@d",
            "token of thanks",
            "no Bearer token that is valid",
            "the error code=12 is none of a query, and code: 7 neither",
            "connectionString: !secret env:LEADS",
            "tokens=3 and a design=x are none",
            "https://h/path?barcode=1&codes=2",
        ] {
            assert_eq!(text(innocent), innocent);
        }
    }

    #[test]
    fn fields_go_by_name() {
        let document = json!({"a.storageAccountConnectionString": "abc", "title": "abc", "password": null, "list": [{"clientSecret": 7}]});
        assert_eq!(
            value(&document),
            json!({"a.storageAccountConnectionString": MASK, "title": "abc", "password": null, "list": [{"clientSecret": MASK}]})
        );
    }

    #[test]
    fn a_text_without_secrets_has_none() {
        use proptest::test_runner::{Config, TestRunner};
        let parts = [
            "sig",
            "=",
            "password",
            "&",
            ";",
            "\"",
            "'",
            " ",
            "Bearer ",
            "eyJabcdefgh.",
            "://",
            "u:",
            "@",
            "/",
            "\\",
            "%3d",
            "%22",
            ":",
            "abcdefghijklmnop",
            "x",
            ".",
            "id_token",
            "u0026",
            "\\u0026",
            "&amp;",
            "%",
            "code",
            "?",
            "clientSecret",
            "\n",
        ];
        let words = proptest::collection::vec(proptest::sample::select(parts.to_vec()), 0..14);
        let mut runner = TestRunner::new(Config { cases: 2_000, ..Config::default() });
        let law = runner.run(&words, |words| {
            let words = words.concat();
            let once = text(&words);
            proptest::prop_assert_eq!(holds_secret(&words), once != words);
            proptest::prop_assert_eq!(text(&once), once);
            Ok(())
        });
        assert_eq!(law, Ok(()));
    }
}
