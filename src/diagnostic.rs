//! What is wrong in an input file, and where. A leaf: no other module of the crate is used here.

mod about;
mod fix;
mod levels;

use std::fmt;
use std::sync::Arc;

pub(crate) use about::About;
pub(crate) use fix::{Change, Fix};
pub(crate) use levels::Levels;

/// A place in a text: byte offsets for excerpts, line and column (both from 1, the column in characters) for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    /// One past the last byte.
    pub(crate) end: usize,
    /// Line of the first byte.
    pub(crate) line: usize,
    /// Column of the first byte.
    pub(crate) column: usize,
}

impl Span {
    /// The place of these bytes of a text; what lies beyond the text, or within a character, is moved back.
    pub(crate) fn within(text: &str, bytes: std::ops::Range<usize>) -> Self {
        let (start, end) = (text.floor_char_boundary(bytes.start), text.floor_char_boundary(bytes.end));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        Self { start, end: end.max(start), line: before.matches('\n').count() + 1, column }
    }
}

/// A file as it was read: its path as the user would write it, and its text.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Relative to the project, with forward slashes.
    pub(crate) path: Arc<str>,
    /// The whole text; empty where the file could not be read as text.
    pub(crate) text: Arc<str>,
}

macro_rules! codes {
    ($($name:ident = $number:literal,)*) => {
        /// Stable numbers of the findings; [`About`] says what each means. A number is never used again for something else.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Code {
            $($name = $number,)*
        }

        impl Code {
            /// Every code, in the order of its number.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

codes! {
    Unreadable = 1,
    NotUtf8 = 2,
    Syntax = 3,
    Tab = 4,
    Empty = 5,
    ManyDocuments = 6,
    DuplicateKey = 7,
    Limit = 8,
    Unsupported = 9,
    UnknownKey = 10,
    MissingKey = 11,
    WrongValue = 12,
    QuoteNumber = 13,
    DuplicateOffer = 14,
    Unresolved = 15,
    PlainSecret = 16,
    DeclaredIgnored = 17,
    IgnoreExpired = 18,
    Config = 19,
    WrongType = 20,
    NotAllowed = 21,
    NearKey = 22,
    Exclusive = 23,
    TooSmall = 24,
    UnknownName = 25,
    Malformed = 26,
    TwinsDiffer = 27,
    ProjectSchema = 28,
    MisplacedSecret = 29,
    VersionKey = 40,
    SasExpiry = 41,
    SasPermissions = 42,
    SasStart = 43,
    NoImage = 44,
    GenerationDrift = 45,
    MediaName = 46,
    LogoType = 47,
    LogoSize = 48,
    NotHttps = 49,
    HtmlTag = 50,
    HtmlUnbalanced = 51,
    TooLong = 52,
    DuplicateMember = 53,
    MarketoForm = 54,
    NotifyIgnored = 55,
    YamlTrap = 56,
    RegionCase = 57,
    Deprecated = 58,
    SasForm = 59,
    PlanId = 60,
    Template = 61,
    NotGuid = 62,
    TooMany = 63,
    SameVersion = 64,
    Artifact = 80,
    ArtifactStore = 81,
    Sas = 82,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OFR{:04}", *self as u16)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    Error,
    Warning,
}

#[derive(Debug, Clone)]
pub(crate) struct Diagnostic {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) source: Source,
    /// The place, where there is one.
    pub(crate) span: Option<Span>,
    pub(crate) help: Option<String>,
    /// Where in the offer it is, by identities: `plans[basic]/regions`.
    pub(crate) address: Option<String>,
    /// The edit that mends it, where there is one right answer.
    pub(crate) fix: Option<Fix>,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, source: &Source, span: Option<Span>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            source: source.clone(),
            span,
            help: None,
            address: None,
            fix: None,
        }
    }

    pub(crate) fn warning(code: Code, source: &Source, span: Option<Span>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, source, span, message) }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    /// `path:line:column`, or the path alone.
    pub(crate) fn place(&self) -> String {
        match self.span {
            Some(span) => format!("{}:{}:{}", self.source.path, span.line, span.column),
            None => self.source.path.to_string(),
        }
    }
}

/// The nearest of `known` to `word`, if it is near enough to be a typing error.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near_or_absent() {
        let known = ["publisherId", "offerTypeId", "definition", "reconcile", "id"];
        assert_eq!(did_you_mean("defintion", known), Some("definition"));
        assert_eq!(did_you_mean("PublisherID", known), Some("publisherId"));
        assert_eq!(did_you_mean("pricing", known), None);
    }

    #[test]
    fn places_are_counted_in_characters_and_stay_in_the_text() {
        let place = |bytes| {
            let Span { start, end, line, column } = Span::within("a\né=1", bytes);
            (start, end, line, column)
        };
        assert_eq!(place(4..5), (4, 5, 2, 2));
        assert_eq!(place(3..9), (2, 6, 2, 1));
    }

    #[test]
    fn codes_are_stable() {
        assert_eq!(Code::Unreadable.to_string(), "OFR0001");
        assert_eq!(Code::DuplicateOffer.to_string(), "OFR0014");
        assert_eq!(Code::Config.to_string(), "OFR0019");
    }
}
