//! Texts: their length, and whether other readers of YAML see texts in them.

use std::sync::LazyLock;

use memchr::memmem;
use regex_lite::Regex;

use super::Offer;
use crate::diagnostic::{Code, Diagnostic, Fix, Span};
use crate::model::Node;
use crate::redact;

/// The longest texts in characters, by the published documentation of the portal's forms (2019), and of Partner Center
/// for the description (2020; it was 3,000 before).
const LIMITS: [(&str, usize); 16] = [
    ("microsoft-azure-marketplace.title", 50),
    ("microsoft-azure-marketplace.summary", 100),
    ("microsoft-azure-marketplace.longSummary", 256),
    ("microsoft-azure-marketplace.description", 5_000),
    ("microsoft-azure-marketplace.offerMarketingUrlIdentifier", 50),
    ("microsoft-azure-corevm.title", 50),
    ("microsoft-azure-corevm.summary", 100),
    ("microsoft-azure-corevm.description", 5_000),
    ("microsoft-azure-corevm.skuTitle", 50),
    ("microsoft-azure-corevm.skuSummary", 100),
    ("microsoft-azure-corevm.skuLongSummary", 256),
    ("microsoft-azure-virtualmachines.skuTitle", 50),
    ("microsoft-azure-virtualmachines.skuSummary", 100),
    ("microsoft-azure-applications.skuTitle", 50),
    ("microsoft-azure-applications.skuSummary", 100),
    ("planId", 50),
];

pub(super) fn too_long(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.entries(&mut |entry, _| {
        let Some((_, limit)) = LIMITS.iter().find(|(key, _)| *key == entry.key) else { return };
        let length = entry.value.as_str().map_or(0, |text| text.trim_end().chars().count());
        if length > *limit {
            let name = super::short(&entry.key);
            let message =
                format!("`{name}` has {length} characters, {} more than the limit of {limit}", length - limit);
            let help = "the portal rejects or cuts longer texts; shorten it";
            findings.push(offer.found(Code::TooLong, entry.value.span, message).help(help));
        }
    });
}

pub(super) fn plan_id(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.entries(&mut |entry, _| {
        let Some(id) = entry.value.as_str().filter(|_| entry.key == "planId") else { return };
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if let Some(other) = id.chars().find(|c| !allowed(*c)) {
            let message = format!(
                "a plan id can have lower-case letters, digits, `-` and `_`; this one has \
                {other:?}"
            );
            let help = "choose another id now: it cannot be changed after the plan is published";
            findings.push(offer.found(Code::PlanId, entry.value.span, message).help(help));
        }
    });
}

/// The first place that a template should have filled. In running text, braces alone count.
fn placeholder(text: &str) -> Option<&str> {
    static PATTERNS: LazyLock<[Regex; 2]> = LazyLock::new(|| {
        let compile = |text| Regex::new(text).unwrap_or_else(|e| unreachable!("the pattern is a constant: {e}"));
        [
            compile(r"\{\{[^{}\n]{1,80}\}\}|\{%[^%\n]{1,80}%\}|<%[^%\n]{1,80}%>"),
            compile(r"[$#]\{[A-Za-z_][\w.-]*\}|\$\([A-Za-z_][\w.]*\)|@@\w+@@|__[A-Z][A-Z0-9_]*[A-Z0-9]__"),
        ]
    });
    let [braces, words] = &*PATTERNS;
    // A search by pattern costs much more than a look for how it begins, and hardly any text has such a beginning.
    let begins =
        |beginnings: &[&str]| beginnings.iter().any(|one| memmem::find(text.as_bytes(), one.as_bytes()).is_some());
    let in_braces = || braces.find(text);
    let in_words = || words.find(text).filter(|_| !text.contains(char::is_whitespace));
    let found = begins(&["{{", "{%", "<%"]).then(in_braces).flatten();
    let found = found.or_else(|| begins(&["${", "#{", "$(", "@@", "__"]).then(in_words).flatten());
    found.map(|found| found.as_str())
}

pub(super) fn template(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.nodes(&mut |node, shape| {
        if let Some(found) = node.as_str().filter(|_| !shape.rules.secret).and_then(placeholder) {
            let message = format!("`{found}` looks like a template placeholder that was not replaced");
            let help = "write the value, or `!env NAME` if it differs between runs";
            findings.push(offer.found(Code::Template, node.span, message).help(help));
        }
    });
}

/// What YAML 1.1 reads in a plain text that YAML 1.2 leaves alone.
fn trap(text: &str) -> Option<&'static str> {
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let table = [
            (r"^[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?$", "a number"),
            (r"^[-+]?0b[01_]+$", "a binary number"),
            (r"^[-+]?0x[0-9a-fA-F_]+$", "a number"),
            (r"^[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$", "a base-60 number"),
            (r"^\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?$", "a date"),
        ];
        let compile = |text| Regex::new(text).unwrap_or_else(|e| unreachable!("the pattern is a constant: {e}"));
        table.into_iter().map(|(text, what)| (compile(text), what)).collect()
    });
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Some("true"),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Some("false"),
        _ => {}
    }
    // Long texts are none of these, and all of these have a digit.
    let short = text.len() <= 40
        && text.contains(|c: char| c.is_ascii_digit())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+'));
    PATTERNS.iter().find(|(pattern, _)| short && pattern.is_match(text)).map(|(_, what)| *what)
}

pub(super) fn yaml_trap(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    // Only what stands in the file as it is: quoted texts, and what a tag reads, are safe.
    let sources = &offer.desired.sources;
    let plain = |span: Span, value: &str| !sources.is_text(span) && sources.written(span).trim_end() == value;
    let told = |span, value: &str, fix: fn(Span, &str) -> Option<Fix>| {
        let what = trap(value)?;
        let message = format!("`{value}` is a text here, but {what} in YAML 1.1");
        let fix = fix(trimmed(span, value), value);
        Some(offer.found(Code::YamlTrap, span, message).help(format!("quote it: \"{value}\"")).fix(fix))
    };
    let mut found = Vec::new();
    let mut values = |node: &Node| {
        if let Some(value) = node.as_str().filter(|value| plain(node.span, value)) {
            found.extend(told(node.span, value, Fix::quote));
        }
    };
    let mut secret_keys = Vec::new();
    offer.entries(&mut |entry, _| {
        if redact::is_secret_name(&entry.key) {
            secret_keys.push(entry.value.span);
        }
    });
    offer.nodes(&mut |node, _| {
        if !secret_keys.contains(&node.span) {
            values(node);
        }
    });
    offer.entries(&mut |entry, _| {
        if plain(entry.key_span, &entry.key) {
            found.extend(told(entry.key_span, &entry.key, Fix::quote_key));
        }
    });
    findings.append(&mut found);
}

/// The place of the text alone, without blanks that a reader counts to it.
fn trimmed(span: Span, value: &str) -> Span {
    Span { end: span.start + value.len(), ..span }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::{placeholder, trap};

    #[test]
    fn texts_have_limits_in_characters() {
        let long = "é".repeat(51);
        let found = said(&format!("offer:\n  title: {long}\n  summary: {}\n", "x".repeat(100)));
        assert_eq!(found, ["too-long 2:10 `title` has 51 characters, 1 more than the limit of 50"]);
        assert_eq!(said(&format!("offer:\n  title: {}\n", "é".repeat(50))), Vec::<String>::new());
    }

    #[test]
    fn plan_ids_have_small_letters_digits_dashes_and_underscores() {
        let of = |id: &str| said(&format!("plans:\n  - planId: {id}\n    vmImages: {{1.0.0: {{}}}}"));
        assert_eq!(of("ubuntu-22_04"), Vec::<String>::new());
        for (id, other) in [("My Plan", "'M'"), ("a.b", "'.'"), ("größe", "'ö'")] {
            let message = "a plan id can have lower-case letters, digits, `-` and `_`; this one has";
            assert_eq!(of(id), [format!("plan-id 2:13 {message} {other}")]);
        }
        let generation =
            "plans:\n  - planId: a\n    diskGenerations:\n      - planId: A\n        vmImages: {1.0.0: {}}";
        assert_eq!(said(generation).len(), 1);
    }

    #[test]
    fn what_a_template_left_is_found() {
        for text in [
            "{{ID}}",
            "a-{{ .Values.id }}",
            "{% if x %}",
            "<%= id %>",
            "${ID}",
            "#{Id}#",
            "$(Build.Id)",
            "@@ID@@",
            "__PLAN_ID__",
        ] {
            assert!(placeholder(text).is_some(), "{text}");
        }
        for text in
            ["{}", "{ID}", "a__b__c", "$5", "costs $(5)", "set ${HOME} first", "__init__", "https://a.example/?a={b}"]
        {
            assert_eq!(placeholder(text), None, "{text}");
        }
        assert_eq!(placeholder("write to {{MAIL}} now"), Some("{{MAIL}}"));
        let found = said(
            "offer:\n  title: \"{{TITLE}}\"\n  usefulLinks:\n    - {linkTitle: \"${X}\", linkUrl: \"https://a.example\"}",
        );
        assert_eq!(
            found,
            [
                "template 2:10 `{{TITLE}}` looks like a template placeholder that was not replaced",
                "template 4:19 `${X}` looks like a template placeholder that was not replaced",
            ]
        );
    }

    #[test]
    fn what_yaml_1_1_reads_otherwise() {
        for text in ["NO", "yes", "On", "n", "1_000", "0b11", "0x_1f", "12:30:45", "2026-01-31", "2026-1-1 10:00:00"] {
            assert!(trap(text).is_some(), "{text}");
        }
        for text in ["Norway", "none", "1.2.3", "2019.10.11", "10/31/2026", "a:b", "12345678-aaaa", "D2s", "-", "1_x"] {
            assert_eq!(trap(text), None, "{text}");
        }
    }

    #[test]
    fn only_plain_values_and_keys_are_traps() {
        let found = said(
            "plans:\n  - planId: a\n    vmImages: {1.0.0: {}}\n    regions: [DE, NO, \"NO\", 'NO']\n    regionPrices: {NO: 1}\n",
        );
        let traps = found.iter().filter(|line| line.starts_with("yaml-trap")).collect::<Vec<_>>();
        assert_eq!(
            traps,
            [
                "yaml-trap 4:19 `NO` is a text here, but false in YAML 1.1",
                "yaml-trap 5:20 `NO` is a text here, but false in YAML 1.1",
            ]
        );
    }
}
