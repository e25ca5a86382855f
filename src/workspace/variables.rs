//! What `!env` may read, and the type that its value takes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::conform::{any_of, is_whole, word};
use super::yaml::{self, Plain};
use crate::diagnostic::{Code, Diagnostic, Sources, Span};
use crate::model::{Kind, Node};
use crate::redact;
use crate::schema::{Shape, Type};

/// Beginnings of the names of variables that this program or the libraries in it read as credentials.
const CREDENTIALS: [&str; 8] = ["OFFERCTL_", "AZURE_", "ARM_", "AWS_", "ACTIONS_", "GOOGLE_", "IDENTITY_", "MSI_"];

/// `[env]` of `offerctl.toml`: which variables `!env` may read.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Variables {
    #[serde(deserialize_with = "names")]
    allow: Vec<String>,
}

fn names<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let good = |name: &&String| name.chars().any(|c| c != '*') && !name.contains(['=', '\0']);
    match names.iter().find(|name| !good(name)) {
        None => Ok(names),
        Some(name) => Err(serde::de::Error::custom(format!(
            "`{name}` in `allow` names no variable; write a name, or a part of one with a `*`, such as RELEASE_*"
        ))),
    }
}

impl Variables {
    /// Checks whether `!env` may read a variable.
    ///
    /// # Errors
    /// Why it may not, and what to write instead.
    pub(super) fn check(&self, name: &str) -> Result<(), (Code, String)> {
        if is_credential(name) {
            let message = format!(
                "`!env` never reads `{name}`, which may hold a credential; copy what the offer needs to a variable with \
                 another name, or use `!secret env:{name}`"
            );
            return Err((Code::PlainSecret, message));
        }
        if is_secret(name) {
            let message =
                format!("`{name}` looks like a secret, and `!env` values are shown in plans; use `!secret env:{name}`");
            return Err((Code::PlainSecret, message));
        }
        if self.allow.iter().any(|pattern| matches(pattern, name)) {
            return Ok(());
        }
        let listed = self.allow.iter().map(String::as_str).chain([name]).map(|name| Value::from(name).to_string());
        let listed = listed.collect::<Vec<_>>().join(", ");
        let message = format!(
            "offerctl.toml does not allow `!env` to read `{name}`; write `allow = [{listed}]` under `[env]` in it"
        );
        Err((Code::Unresolved, message))
    }
}

fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    CREDENTIALS.iter().any(|beginning| name.starts_with(beginning))
        || name.contains("TOKEN")
        // The address of a proxy may hold a password.
        || name.ends_with("_PROXY")
}

/// Whether a variable holds a secret, as far as its name tells.
pub(crate) fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    // `MONKEY` does not end in the word, and a public key is no secret.
    let key = upper.rsplit('_').next() == Some("KEY") && !upper.ends_with("PUBLIC_KEY");
    key || upper.contains("TOKEN") || redact::is_secret_name(name)
}

/// Whether `!env` could read a variable of this name, if it is listed.
pub(super) fn is_readable(name: &str) -> bool {
    !is_credential(name) && !is_secret(name)
}

/// Whether a name has the form of a pattern, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else { return false };
    let Some(end) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(end)
}

/// The variables that were read, by the places of their tags.
pub(super) type Read = BTreeMap<Span, String>;

/// Gives the value of each variable the type that the schema has for its place.
pub(super) fn convert(
    node: &mut Node,
    shape: &Shape,
    read: &Read,
    label: &str,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match &mut node.kind {
        Kind::Map(entries) => {
            for entry in entries {
                let below = shape.property(&entry.key);
                convert(&mut entry.value, below, read, shape.label(&entry.key), sources, diagnostics);
            }
        }
        Kind::List(items) => {
            items.iter_mut().for_each(|item| convert(item, shape.item(), read, label, sources, diagnostics));
        }
        Kind::Scalar(Value::String(text)) => {
            let Some(name) = read.get(&node.span) else { return };
            let types = shape.types.iter().copied().filter(|kind| *kind != Type::Null).collect::<Vec<_>>();
            node.kind = Kind::Scalar(typed(text, &types).unwrap_or_else(|| {
                let wanted = any_of(types.iter().map(|kind| word(*kind)));
                let message = format!("`{label}` takes {wanted}, and the variable `{name}` does not hold one");
                let help = match types.as_slice() {
                    [Type::Boolean] => format!("set `{name}` to true or false"),
                    [Type::Array | Type::Object] => {
                        "write the value in the file; a variable holds one value".to_owned()
                    }
                    _ => format!("set `{name}` to {wanted}, in digits that lose nothing"),
                };
                let finding = Diagnostic::error(Code::WrongType, sources.of(node.span), Some(node.span), message);
                diagnostics.push(finding.help(help));
                Value::Null
            }));
        }
        _ => {}
    }
}

/// The value of a text among these types; `None` where it has none of them. Without types it is a text.
fn typed(text: &str, types: &[Type]) -> Option<Value> {
    if types.is_empty() || types.contains(&Type::String) {
        return Some(Value::String(text.to_owned()));
    }
    match yaml::plain(text) {
        Plain::Bool(value) if types.contains(&Type::Boolean) => Some(Value::Bool(value)),
        Plain::Number(number) if types.contains(&Type::Number) => Some(Value::Number(number)),
        Plain::Number(number) if types.contains(&Type::Integer) && is_whole(&number) => Some(Value::Number(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_star_stands_for_any_part_of_a_name() {
        for (pattern, name, is) in [
            ("RELEASE_*", "RELEASE_TITLE", true),
            ("RELEASE_*", "RELEASE_", true),
            ("RELEASE_*", "PRERELEASE_TITLE", false),
            ("*_TITLE", "A_TITLE", true),
            ("A*B*C", "AxBBxC", true),
            ("A*B*C", "AC", false),
            ("A*A", "A", false),
            ("TITLE", "TITLE", true),
            ("TITLE", "TITLES", false),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }

    #[test]
    fn a_list_cannot_allow_credentials() {
        let all = Variables { allow: vec!["*A*".to_owned(), "*E*".to_owned(), "*I*".to_owned(), "*O*".to_owned()] };
        for name in [
            "OFFERCTL_AUTH",
            "AZURE_CREDENTIALS",
            "ARM_CLIENT_ID",
            "AWS_PROFILE",
            "ACTIONS_RUNTIME_URL",
            "GOOGLE_SERVICE_ACCOUNT",
            "IDENTITY_HEADER",
            "MSI_ENDPOINT",
            "GITHUB_TOKEN",
            "tokens",
            "azure_x",
            "https_proxy",
            "DB_PASSWORD",
            "STORAGE_KEY",
        ] {
            assert_eq!(all.check(name).expect_err(name).0, Code::PlainSecret, "{name}");
        }
        assert_eq!(all.check("RELEASE_TITLE"), Ok(()));
    }

    #[test]
    fn a_value_takes_the_type_of_its_place() {
        for (text, types, value) in [
            ("true", &[Type::Boolean][..], Some(json!(true))),
            ("yes", &[Type::Boolean], None),
            ("1", &[Type::Boolean], None),
            ("true", &[], Some(json!("true"))),
            ("true", &[Type::String, Type::Boolean], Some(json!("true"))),
            ("12", &[Type::Integer], Some(json!(12))),
            ("12.5", &[Type::Integer], None),
            ("0.10", &[Type::Number], Some(json!(0.1))),
            ("19.990000000000000001", &[Type::Number], None),
            ("0755", &[Type::Integer], None),
            ("", &[Type::Number], None),
            ("a", &[Type::Array], None),
        ] {
            assert_eq!(typed(text, types), value, "{text} {types:?}");
        }
    }
}
