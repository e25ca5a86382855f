//! The secrets that this process has read, and their removal from what leaves it.
//!
//! Whoever reads a secret holds it as a [`Secret`]; for as long as one does, its value is taken out of every text that
//! leaves. Nothing else keeps the value: a token that was renewed is forgotten with the last request that carries it.
//! A value is found however it is escaped (see [`super::unescape`]), in base64, and in a part that a renderer cut off
//! with `…`.
//!
//! One rule keeps structure readable: **a name is never masked.** A name is the key of an offer or a part of it, a
//! field, the identity of a member, the path of a file ([`keep_name`]); where it stands as a whole word it stays, even
//! if a secret has the same value. In JSON documents the names of members stay too, and so do numbers and the digests by
//! which documents are told apart, so that a document can still be read by programs.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use memchr::memmem;
use secrecy::{ExposeSecret as _, SecretString};

use super::unescape::Layer;
use super::{MASK, form, replaced};

/// A value that is shorter cannot be told from an ordinary word, so it cannot be kept out of a text.
pub(crate) const SHORTEST: usize = 8;

/// How much of a text is looked at in one piece, if it has lines.
const PIECE: usize = 1 << 20;

/// Members of JSON documents whose values say which document it is, and of what.
const DIGESTS: [&str; 6] = ["format", "format_version", "fingerprint", "digest", "checksum", "etag"];

/// The value of a secret. As long as one of its copies is held, every text that leaves the process is without it.
#[derive(Clone)]
pub(crate) struct Secret(Arc<Held>);

struct Held {
    value: SecretString,
    /// What stands for it in texts.
    forms: Vec<SecretString>,
}

static HELD: RwLock<Vec<Weak<Held>>> = RwLock::new(Vec::new());

impl Secret {
    pub(crate) fn expose_secret(&self) -> &str {
        self.0.value.expose_secret()
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(value: T) -> Self {
        let value = value.into();
        let forms = forms(&value).into_iter().map(SecretString::from).collect();
        let held = Arc::new(Held { value: SecretString::from(value), forms });
        let mut all = HELD.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&held));
        Self(held)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

/// What is searched for: the value, its lines, the secrets within a connection string or a signed URL, which can stand
/// alone; each as it is, as a form field, in base64, and without what looks like an escape in it.
fn forms(secret: &str) -> Vec<String> {
    let mut parts = vec![secret.to_owned()];
    parts.extend(secret.lines().map(|line| line.trim().to_owned()));
    form::secrets(secret.as_bytes(), &mut |part| parts.extend(secret.get(part).map(ToOwned::to_owned)));
    let mut forms = Vec::new();
    for part in &parts {
        let layers = Layer::all(part, true);
        let plain = layers.iter().map(|layer| String::from_utf8_lossy(&layer.bytes).into_owned());
        forms.extend(plain.flat_map(|plain| [plain.replace(' ', "+"), plain]));
        forms.extend([BASE64_STANDARD.encode(part), BASE64_URL_SAFE_NO_PAD.encode(part)]);
    }
    forms.retain(|form| form.chars().count() >= SHORTEST && form != MASK);
    forms.sort();
    forms.dedup();
    forms
}

static NAMES: RwLock<Option<HashSet<String>>> = RwLock::new(None);

/// Takes this for a name, which is never masked where it stands as a word.
pub(crate) fn keep_name(name: &str) {
    let known = |names: &Option<HashSet<String>>| names.as_ref().is_some_and(|names| names.contains(name));
    if name.len() >= SHORTEST && !known(&NAMES.read().unwrap_or_else(PoisonError::into_inner)) {
        let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
        names.get_or_insert_default().insert(name.to_owned());
    }
}

/// The text without any secret that was read.
pub(crate) fn known(text: &str) -> Cow<'_, str> {
    replaced(text, find(text))
}

/// The JSON document without any secret that was read. Only what its texts say is masked.
pub(crate) fn known_in_json(document: &str) -> Cow<'_, str> {
    let mut found = find(document);
    if !found.is_empty() {
        let texts = texts(document);
        found.retain(|part| {
            let next = texts.partition_point(|text| text.end < part.end);
            texts.get(next).is_some_and(|text| text.start <= part.start)
        });
    }
    replaced(document, found)
}

/// The places of secrets in a text.
fn find(text: &str) -> Vec<Range<usize>> {
    let held = HELD.read().unwrap_or_else(PoisonError::into_inner);
    let held = held.iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
    let forms = held.iter().flat_map(|held| &held.forms).map(|form| form.expose_secret()).collect::<Vec<_>>();
    let mut found = Vec::new();
    let mut start = 0;
    while !forms.is_empty() && start < text.len() {
        let far = text.floor_char_boundary(start + PIECE);
        let end = text[far..].find('\n').map_or(text.len(), |newline| far + newline + 1);
        let first = found.len();
        for layer in Layer::all(&text[start..end], true) {
            for form in &forms {
                whole(&layer, form.as_bytes(), &mut found);
            }
            cut_off(&layer, &forms, &mut found);
        }
        found[first..].iter_mut().for_each(|part| *part = part.start + start..part.end + start);
        start = end;
    }
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(names) = names.as_ref().filter(|_| !found.is_empty()) {
        found.retain(|part| !is_name(text, part, names));
    }
    found
}

/// Where a form of a secret stands as a whole.
fn whole(layer: &Layer<'_>, form: &[u8], found: &mut Vec<Range<usize>>) {
    // To prepare the search for a long text costs more than the search.
    let head = memmem::Finder::new(&form[..form.len().min(2 * SHORTEST)]);
    let mut from = 0;
    while let Some(at) = head.find(&layer.bytes[from..]).map(|at| from + at) {
        let here = layer.bytes[at..].starts_with(form);
        from = at + if here { form.len() } else { 1 };
        if here {
            layer.original(at..from, found);
        }
    }
}

/// Beginnings of secrets before `…`, and ends of them after it.
fn cut_off(layer: &Layer<'_>, forms: &[&str], found: &mut Vec<Range<usize>>) {
    const CUT: &[u8] = "…".as_bytes();
    for at in memmem::find_iter(&layer.bytes, CUT) {
        let (before, after) = (&layer.bytes[..at], &layer.bytes[at + CUT.len()..]);
        for form in forms.iter().map(|form| form.as_bytes()) {
            // Of a long secret some more: many begin with what is none, such as `https://`.
            let least = form.len().div_ceil(4).clamp(SHORTEST, 2 * SHORTEST);
            let parts = (least..form.len()).rev();
            if let Some(length) = parts.clone().find(|length| before.ends_with(&form[..*length])) {
                layer.original(at - length..at, found);
            }
            if let Some(length) = parts.clone().find(|length| after.starts_with(&form[form.len() - length..])) {
                layer.original(at + CUT.len()..at + CUT.len() + length, found);
            }
        }
    }
}

/// Whether the word around this part is a name: the word up to slashes, and the whole path.
fn is_name(text: &str, part: &Range<usize>, names: &HashSet<String>) -> bool {
    let word = |path: bool| {
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.') || (path && c == '/');
        let start = text[..part.start].rfind(|c| !inside(c)).map_or(0, |at| text.ceil_char_boundary(at + 1));
        let end = text[part.end..].find(|c| !inside(c)).map_or(text.len(), |at| part.end + at);
        // A full stop ends a sentence.
        text[start..end].trim_end_matches('.')
    };
    names.contains(word(false)) || names.contains(word(true))
}

/// Where the texts of a JSON document stand that are values and no digests.
fn texts(document: &str) -> Vec<Range<usize>> {
    let bytes = document.as_bytes();
    let (mut texts, mut member) = (Vec::new(), "");
    let mut at = 0;
    while let Some(start) = memchr::memchr(b'"', &bytes[at..]).map(|quote| at + quote + 1) {
        let mut end = start;
        while bytes.get(end).is_some_and(|byte| *byte != b'"') {
            end += 1 + usize::from(bytes[end] == b'\\');
        }
        let end = end.min(bytes.len());
        at = (end + 1).min(bytes.len());
        if bytes[at..].trim_ascii_start().first() == Some(&b':') {
            member = &document[start..end];
        } else if !DIGESTS.contains(&member) {
            texts.push(start..end);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lower_escapes(query: &str) -> String {
        let mut parts = query.split('%');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| format!("{text}%{}{}", part[..2].to_ascii_lowercase(), &part[2..]))
    }

    #[test]
    fn what_is_held_is_kept_out_of_every_text_in_every_form() {
        let secret = "p@ss \"w/rd&1\nCANARY+second<line>";
        let _held = Secret::from(secret);
        let _other = Secret::from("DefaultEndpointsProtocol=https;AccountKey=CANARY+key/alone==;X=y");
        let json = serde_json::to_string(secret).expect("JSON");
        let query = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
        let twice = serde_json::to_string(&json).expect("JSON");
        for text in [
            secret.to_owned(),
            format!("x{json}y"),
            format!("a={query}&b"),
            query.replace('+', "%20"),
            lower_escapes(&query),
            query.replace('%', "%25"),
            "the line CANARY+second<line> by itself".to_owned(),
            "CANARY+second&lt;line&gt;".to_owned(),
            "CANARY&#43;second&amp;lt;line&#x3E;".to_owned(),
            r"CANARY\u002Bsecond\u003Cline\u003e".to_owned(),
            r"CANARY\\u002Bsecond\\u003Cline\\u003e".to_owned(),
            "key: CANARY+key/alone==".to_owned(),
            r"key: CANARY\u002Bkey\/alone\u003d=".to_owned(),
            format!("{twice} {twice:?}"),
            "- CANARY+[-sec-]ond<line>".to_owned(),
            "CANARY+\u{1b}[4msecond\u{1b}[24m<line>".to_owned(),
            "CANARY+<ins>second</ins>&lt;line&gt;".to_owned(),
            "\"CANARY+key/al…\" and more".to_owned(),
        ] {
            let shown = known(&text);
            let left = ["CANARY", "second", "alone", "ond"].iter().find(|part| shown.contains(**part));
            assert!(left.is_none() && shown.contains(MASK), "{text} became {shown}");
        }
        assert_eq!(known(&BASE64_STANDARD.encode(secret)), MASK);
        assert_eq!(known("… and CANARY+k…"), "… and REDACTED…");
        let _alike = Secret::from(format!("{}X-of-alike", "a".repeat(40)));
        assert_eq!(known(&format!("{}X-of-alike", "a".repeat(45))), "aaaaaREDACTED");
        assert_eq!(super::super::text("CANARY+second<line>"), "CANARY+second<line>", "plans do not depend on it");
    }

    #[test]
    fn a_value_is_forgotten_with_its_last_holder_and_short_ones_are_not_taken() {
        let token = Secret::from("generation-one-of-a-token");
        let copy = token.clone();
        drop(token);
        assert_eq!(known("x generation-one-of-a-token"), "x REDACTED");
        drop(copy);
        assert_eq!(known("x generation-one-of-a-token"), "x generation-one-of-a-token");
        let _next = Secret::from("generation-two-of-a-token");
        let _short = Secret::from("a-brief");
        assert_eq!(known("this is a-brief text"), "this is a-brief text");
        assert_eq!(format!("{copy:?}", copy = Secret::from("never-shown-by-debug")), MASK);
    }

    #[test]
    fn names_stay_as_words_and_in_documents_only_texts_are_masked() {
        let _held = ["fabrikam-one/vm.a", "fabrikamTitle", "20260112334", "ab12ab12ab12ab12"].map(Secret::from);
        let text = "fabrikam-one/vm.a: fabrikamTitle. xfabrikamTitle, offers/fabrikam-one/vm.a.yaml 20260112334";
        assert_eq!(known(text), "REDACTED: REDACTED. xREDACTED, offers/REDACTED.yaml REDACTED");
        ["fabrikam-one/vm.a", "fabrikamTitle", "offers/fabrikam-one/vm.a.yaml"].into_iter().for_each(keep_name);
        assert_eq!(known(text), "fabrikam-one/vm.a: fabrikamTitle. xREDACTED, offers/fabrikam-one/vm.a.yaml REDACTED");
        let document = r#"{"digest": "ab12ab12ab12ab12", "ab12ab12ab12ab12" : 20260112334, "offer": "fabrikam-one/vm.a",
            "texts": ["ab12ab12ab12ab12", "20260112334", "a \"x20260112334"], "last": "ab\u0031\u0032ab12ab12ab12"}"#;
        let masked = r#"{"digest": "ab12ab12ab12ab12", "ab12ab12ab12ab12" : 20260112334, "offer": "fabrikam-one/vm.a",
            "texts": ["REDACTED", "REDACTED", "a \"xREDACTED"], "last": "REDACTED"}"#;
        assert_eq!(known_in_json(document), masked);
    }

    #[test]
    fn a_text_without_a_secret_is_not_copied() {
        let _held = Secret::from("the-needle-of-this-test");
        let text = "a \\\"line\\\" of %20 text &amp; more\n".repeat(60_000);
        assert!(matches!(known(&text), Cow::Borrowed(_)));
        let with = format!("{text}the-%6eeedle-of-this-test{text}");
        assert_eq!(known(&with).len(), with.len() - "the-%6eeedle-of-this-test".len() + MASK.len());
    }
}
