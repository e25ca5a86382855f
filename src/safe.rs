//! Text that may leave the process: without the secrets that it holds, without characters that a terminal acts on or
//! that nobody sees, and, on a stream, without lines that a pipeline would take for a command. `term` and
//! `commands::sinks` write a [`Safe`] and nothing else, so no renderer can skip this.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::redact;
use crate::steps;

/// How a character is written so that it shows and has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As `\u{3a}`, for people.
    Text,
    /// As JSON escapes it within a string.
    Json,
    Xml,
}

/// A text that went through [`Escape::safe`].
#[derive(Debug)]
pub(crate) struct Safe<'a>(Cow<'a, str>);

impl Safe<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text with the lines that a pipeline acts on made inert.
    pub(crate) fn inert(self, escape: Escape) -> Self {
        match inert(&self.0, escape) {
            Cow::Borrowed(_) => self,
            Cow::Owned(text) => Self(Cow::Owned(text)),
        }
    }
}

impl Escape {
    /// Returns the text as it may leave the process. With `colors`, the styles that the program itself uses stay.
    pub(crate) fn safe(self, text: &str, colors: bool) -> Safe<'_> {
        match self.scrub(text) {
            Cow::Borrowed(text) => Safe(self.without_effects(text, colors)),
            Cow::Owned(text) => Safe(Cow::Owned(self.without_effects(&text, colors).into_owned())),
        }
    }

    /// Returns the text without the secrets that the process holds.
    pub(crate) fn scrub(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Json => redact::known_in_json(text),
            Self::Text | Self::Xml => redact::known(text),
        }
    }

    /// Returns a document whose values must not change, such as one with a checksum; `None` where it holds a secret.
    pub(crate) fn unmasked(self, document: &str) -> Option<Safe<'_>> {
        (self.scrub(document) == document).then(|| Safe(self.without_effects(document, false)))
    }

    fn without_effects(self, text: &str, colors: bool) -> Cow<'_, str> {
        let acts = |c: char| c != '\n' && acts(c);
        if !text.contains(acts) {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some(at) = rest.find(acts) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let style = if colors { style(rest) } else { 0 };
            if style > 0 {
                out.push_str(&rest[..style]);
                rest = &rest[style..];
            } else if let Some(c) = rest.chars().next() {
                self.write(&mut out, c);
                rest = &rest[c.len_utf8()..];
            }
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    fn write(self, out: &mut String, c: char) {
        match self {
            Self::Text | Self::Xml => out.extend(c.escape_unicode()),
            Self::Json => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04x}");
            }),
        }
    }
}

/// The length of the style at the start of the text: one colour or weight, which can hide nothing. 0 for anything else.
fn style(text: &str) -> usize {
    let Some((number, _)) = text.strip_prefix("\u{1b}[").and_then(|rest| rest.split_once('m')) else { return 0 };
    let known = matches!(number, "" | "0" | "1" | "2" | "3" | "4" | "22" | "39")
        || matches!(number.parse::<u8>(), Ok(31..=36 | 91..=96));
    if known { number.len() + 3 } else { 0 }
}

/// Whether a terminal acts on a character, or nobody sees it.
fn acts(c: char) -> bool {
    c.is_control() || is_unseen(c)
}

/// Whether a character has no picture of its own: it turns the direction of writing, joins, separates, or only carries
/// what a reader does not see.
pub(crate) fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns the text with everything that a terminal would act on, and every mark that cannot be seen, made visible. Line
/// feeds stay where `lines` is set.
pub(crate) fn visible(text: &str, lines: bool) -> String {
    steps::count(text.len());
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if acts(c) && !(lines && c == '\n') {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
        out
    })
}

/// Returns the text with what the runners of pipelines would take for a command made inert. GitHub Actions acts on lines
/// that begin with `::` and on `##[` anywhere in a line, Azure Pipelines on `##vso[` and `##[`; both read stdout and
/// stderr. Elsewhere in a line these characters stay.
pub(crate) fn inert(text: &str, escape: Escape) -> Cow<'_, str> {
    let acts = |line: &str| line.trim_start().starts_with("::") || line.contains("##[") || line.contains("##vso[");
    if !text.lines().any(acts) {
        return Cow::Borrowed(text);
    }
    let (hash, colon) = match escape {
        Escape::Text => ("\\u{23}", "\\u{3a}"),
        Escape::Json => ("\\u0023", "\\u003a"),
        Escape::Xml => ("&#35;", "&#58;"),
    };
    let lines = text.split_inclusive('\n').map(|line| {
        let marks = line.replace("##[", &format!("#{hash}[")).replace("##vso[", &format!("#{hash}vso["));
        let start = marks.len() - marks.trim_start().len();
        match marks[start..].strip_prefix("::") {
            Some(rest) => format!("{}{colon}:{rest}", &marks[..start]),
            None => marks,
        }
    });
    Cow::Owned(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[31mb\u{9b}2J\u{202e}c\rd\u{e0041}\ne";

    #[test]
    fn nothing_that_acts_or_hides_leaves() {
        for escape in [Escape::Text, Escape::Xml, Escape::Json] {
            let safe = escape.safe(HOSTILE, false);
            assert!(safe.as_str().is_ascii() && !safe.as_str().contains(['\u{1b}', '\r']), "{safe:?}");
            assert_eq!(escape.safe("Grüße 你好 🙂\n", false).as_str(), "Grüße 你好 🙂\n");
        }
        let json = serde_json::json!({ "text": HOSTILE });
        let printed = json.to_string();
        let safe = Escape::Json.safe(&printed, false);
        assert_eq!(serde_json::from_str::<serde_json::Value>(safe.as_str()).expect("JSON"), json);
    }

    #[test]
    fn only_styles_of_our_own_stay_and_only_with_colors() {
        let styled = "\u{1b}[1m\u{1b}[31mx\u{1b}[0m";
        assert_eq!(Escape::Text.safe(styled, true).as_str(), styled);
        assert!(!Escape::Text.safe(styled, false).as_str().contains('\u{1b}'));
        for hidden in ["\u{1b}[8mx", "\u{1b}[30mx", "\u{1b}[2Jx", "\u{1b}]0;x\u{7}", "\u{1b}[31;8mx", "\u{1b}"] {
            assert!(!Escape::Text.safe(hidden, true).as_str().contains('\u{1b}'), "{hidden:?}");
        }
    }

    #[test]
    fn unseen_marks_are_made_visible() {
        assert_eq!(visible("a\u{1b}[31mb\u{202e}c\rd\ne", false), "a\\u{1b}[31mb\\u{202e}c\\u{d}d\\u{a}e");
        assert_eq!(visible("a\nb", true), "a\nb");
        assert_eq!(visible("Grüße 你好 🙂", false), "Grüße 你好 🙂");
    }
}
