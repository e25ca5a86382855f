//! Removal of secrets from texts and values. A leaf. Everything that leaves the process for a person, a log or a file
//! passes here: rendered changes, saved plans, error bodies.
//!
//! Two rules, because secrets reach an offer in two ways: by the text's own form (the signature of a SAS URL, the key
//! in a connection string, a bearer token), and by the name of the field that holds it. Both are pure, and plans are
//! made with them alone.
//!
//! A third one is for what leaves the process, whatever made it: the values of the secrets that this process has read
//! ([`remember`]) are taken out of every output, log line and panic ([`known`]).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{LazyLock, PoisonError, RwLock};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use regex_lite::{Captures, Regex};
use serde_json::Value;

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "REDACTED";

/// `name=value` pairs whose value is a secret wherever they occur: SAS signatures, storage and service-bus keys,
/// passwords in connection strings, OAuth parameters. The name may follow an escaped separator (`%26`, `%2526`,
/// `\u0026`, `&#38;`), the value may be quoted, and the pair may be a member of a JSON text.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)(^|[^a-z0-9_]|%(?:25)*[0-9a-f]{2}|u00[0-9a-f]{2})(sig|accountkey|accesskey|primarykey|secondarykey|sharedaccesskey|sharedaccesssignature|(?:x-(?:amz|goog)-)?(?:signature|security-token)|password|pwd|api-?key|client_secret|client_assertion|access_token|refresh_token|id_token)(\s*=\s*["']?|%(?:25)*3d(?:%(?:25)*22)?|&#61;|u003d|\\?["']\s*:\s*\\?["'])[^&;\s"'<>\\]+"#,
    )
});

/// Tokens by their own form: what follows the word `Bearer`, JSON web tokens, user and password in a URL.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i:(bearer\s+)[a-z0-9._~+/=-]{16,})|()eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|(://)[^/\s:@]+:[^/\s@]+@",
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("the pattern is a constant: {error}"))
}

/// Endings of field names that hold a secret whatever the schema knows (the inner names of lead configurations are not
/// published).
const SECRET_NAMES: [&str; 16] = [
    "connectionstring",
    "password",
    "secret",
    "applicationkey",
    "accountkey",
    "accesskey",
    "apikey",
    "storagekey",
    "primarykey",
    "secondarykey",
    "sharedkey",
    "privatekey",
    "token",
    "credential",
    "sasuri",
    "sasurl",
];

/// Whether a field of this name holds a secret. Only the part after the last dot counts, and its ending:
/// `storageAccountConnectionString` is one, and `STORAGE_ACCOUNT_KEY`.
pub(crate) fn is_secret_name(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key).replace(['_', '-', ' '], "").to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.ends_with(secret))
}

/// The text without the secrets that its form gives away.
pub(crate) fn text(text: &str) -> String {
    let text = PAIR.replace_all(text, |found: &Captures<'_>| format!("{}{}{}{MASK}", &found[1], &found[2], &found[3]));
    let text = TOKEN.replace_all(&text, |found: &Captures<'_>| {
        let part = |group: usize| found.get(group).map_or("", |part| part.as_str());
        let end = if part(3).is_empty() { "" } else { "@" };
        format!("{}{}{MASK}{end}", part(1), part(3))
    });
    text.into_owned()
}

/// Whether [`text`] would change it.
pub(crate) fn holds_secret(candidate: &str) -> bool {
    text(candidate) != candidate
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

/// A value that is shorter cannot be told from an ordinary word, so it cannot be kept out of a text.
pub(crate) const SHORTEST: usize = 8;

/// Everything that stands for a secret that was read, the longest first.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Keeps the value of a secret out of everything that is written from now on. Values under [`SHORTEST`] characters are
/// not taken: see there.
pub(crate) fn remember(secret: &str) {
    let forms = forms(secret);
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    for form in forms {
        if form.chars().count() >= SHORTEST && form != MASK && !known.contains(&form) {
            known.push(form);
        }
    }
    // A part must not be taken out before the whole: the rest would stay.
    known.sort_by_key(|form| std::cmp::Reverse(form.len()));
}

/// Fields that a file declares as secrets, whatever their names say.
static FIELDS: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Takes every field of this name for a secret in what is logged from now on.
pub(crate) fn hide_field(name: &str) {
    FIELDS.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
}

/// A document for the log: without the fields that files declare as secrets, and without any secret that was read.
pub(crate) fn logged(mut document: Value) -> String {
    let fields = FIELDS.read().unwrap_or_else(PoisonError::into_inner);
    hide(&mut document, &fields);
    known(&document.to_string())
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

/// The text without any secret that was read, in whatever form it stands there.
pub(crate) fn known(text: &str) -> String {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut text = Cow::Borrowed(text);
    for form in known.iter() {
        if text.contains(form.as_str()) {
            text = Cow::Owned(text.replace(form.as_str(), MASK));
        }
    }
    text.into_owned()
}

/// How a value stands in texts: as it is, line by line, escaped for JSON, HTML and URLs, in base64; and the secrets
/// within a connection string or a signed URL, which can stand alone.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    forms.extend(secret.lines().map(|line| line.trim().to_owned()));
    forms.extend(PAIR.captures_iter(secret).filter_map(|found| {
        let (whole, before) = (found.get(0)?, found.get(3)?);
        secret.get(before.end()..whole.end()).map(ToOwned::to_owned)
    }));
    let mut written = Vec::new();
    for form in &forms {
        // A log and a message can hold a document that holds a document.
        let mut json = form.clone();
        for _ in 0..3 {
            let quoted = Value::String(json).to_string();
            json = quoted[1..quoted.len() - 1].to_owned();
            written.push(json.clone());
        }
        written.push(form.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"));
        let query = url::form_urlencoded::byte_serialize(form.as_bytes()).collect::<String>();
        written.push(lower_escapes(&query));
        written.push(query.replace('+', "%20"));
        written.push(query);
        written.push(BASE64_STANDARD.encode(form));
        written.push(BASE64_URL_SAFE_NO_PAD.encode(form));
    }
    forms.extend(written);
    forms
}

/// `%2B` as `%2b`.
fn lower_escapes(query: &str) -> String {
    let mut parts = query.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (code, rest) = part.split_at(part.len().min(2));
        format!("{text}%{}{rest}", code.to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_kept_out_of_every_text_in_every_form() {
        let secret = "p@ss \"w/rd&1\nCANARY+second<line>";
        remember(secret);
        remember("DefaultEndpointsProtocol=https;AccountKey=CANARY+key/alone==;X=y");
        let json = serde_json::to_string(secret).expect("JSON");
        let query = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
        for text in [
            secret.to_owned(),
            format!("x{json}y"),
            format!("a={query}&b"),
            query.replace('+', "%20"),
            lower_escapes(&query),
            "the line CANARY+second<line> alone".to_owned(),
            "CANARY+second&lt;line&gt;".to_owned(),
            "key: CANARY+key/alone==".to_owned(),
        ] {
            let shown = known(&text);
            assert!(!shown.contains("CANARY") && shown.contains(MASK), "{text} became {shown}");
        }
        assert_eq!(known(&BASE64_STANDARD.encode(secret)), MASK);
        let twice = serde_json::to_string(&json).expect("JSON");
        assert!(!known(&twice).contains("CANARY") && !known(&format!("{twice:?}")).contains("CANARY"), "{twice}");
        remember("short");
        assert_eq!(known("a short text"), "a short text");
        assert_eq!(
            text("p@ss CANARY+second<line>"),
            "p@ss CANARY+second<line>",
            "plans do not depend on what was read"
        );
    }
    use serde_json::json;

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
        ];
        let words = proptest::collection::vec(proptest::sample::select(parts.to_vec()), 0..14);
        let mut runner = TestRunner::new(Config { cases: 500, ..Config::default() });
        let law = runner.run(&words, |words| {
            let once = text(&words.concat());
            proptest::prop_assert_eq!(text(&once), once);
            Ok(())
        });
        assert_eq!(law, Ok(()));
    }
}
