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
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// Stable numbers of the findings. A number is never used again for something else.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Code {
            $($(#[$doc])* $name = $number,)*
        }

        impl Code {
            /// Every code, in the order of its number.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

codes! {
    /// The file cannot be read.
    Unreadable = 1,
    /// The file is not UTF-8.
    NotUtf8 = 2,
    Syntax = 3,
    /// A tab where YAML wants spaces.
    Tab = 4,
    Empty = 5,
    /// More than one document in the file.
    ManyDocuments = 6,
    /// A key stands twice in one mapping.
    DuplicateKey = 7,
    /// A limit on size, depth, aliases or count.
    Limit = 8,
    /// A YAML form that offer files do not use (complex keys, unknown tags, merge keys).
    Unsupported = 9,
    /// A key that the offer file does not have.
    UnknownKey = 10,
    /// A key that must be there.
    MissingKey = 11,
    /// A value of the wrong type or outside its set.
    WrongValue = 12,
    /// A number that must be quoted.
    QuoteNumber = 13,
    DuplicateOffer = 14,
    /// A tag could not be resolved.
    Unresolved = 15,
    /// A secret as a plain literal.
    PlainSecret = 16,
    /// Declared and ignored at once.
    DeclaredIgnored = 17,
    /// An `ignore` entry whose date has passed.
    IgnoreExpired = 18,
    /// `offerctl.toml`.
    Config = 19,
    /// A value of a type that the schema does not name.
    WrongType = 20,
    /// A value outside of a closed set.
    NotAllowed = 21,
    /// A name that is nearly one that is known.
    NearKey = 22,
    /// Two of several things of which there is one at most.
    Exclusive = 23,
    /// A number that is too small.
    TooSmall = 24,
    /// A name that a closed dictionary does not have.
    UnknownName = 25,
    /// A text that has not the form of its field.
    Malformed = 26,
    /// Two fields that must be equal, and differ.
    TwinsDiffer = 27,
    /// A schema of the project that cannot be used.
    ProjectSchema = 28,
    /// A `!secret` where the plan needs the value.
    MisplacedSecret = 29,
    /// A version key that is not three numbers.
    VersionKey = 40,
    /// A signature that ends soon, or has ended.
    SasExpiry = 41,
    /// A signature that does not allow to read and list.
    SasPermissions = 42,
    /// A signature that is not valid yet.
    SasStart = 43,
    /// A plan that declares no image.
    NoImage = 44,
    /// Generations of a plan that hold other versions than the plan.
    GenerationDrift = 45,
    /// A media name that two generations share.
    MediaName = 46,
    /// A logo that is no PNG or JPEG picture.
    LogoType = 47,
    /// A logo of the wrong size.
    LogoSize = 48,
    /// An address that is not https.
    NotHttps = 49,
    /// HTML outside of what the marketplace is documented to keep.
    HtmlTag = 50,
    /// HTML whose tags are not balanced.
    HtmlUnbalanced = 51,
    /// A text over its limit.
    TooLong = 52,
    /// A member that stands twice in a set.
    DuplicateMember = 53,
    /// Marketo settings in the form before December 2022.
    MarketoForm = 54,
    /// Whom to notify, where the portal tells nobody.
    NotifyIgnored = 55,
    /// A plain text that other YAML readers take for something else.
    YamlTrap = 56,
    /// A region code in small letters.
    RegionCase = 57,
    /// A field that is not to be used any more.
    Deprecated = 58,
    /// An image address that is not that of a signed file.
    SasForm = 59,
    /// A plan id that is not in small letters, digits, dashes and underscores.
    PlanId = 60,
    /// What a template should have replaced.
    Template = 61,
    /// A subscription or tenant that is not a GUID.
    NotGuid = 62,
    /// A list with more members than the portal takes.
    TooMany = 63,
    /// Two version keys of one version.
    SameVersion = 64,
    /// A local artifact cannot be read, or is not of the project.
    Artifact = 80,
    /// There is no store for local artifacts.
    ArtifactStore = 81,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OFR{:04}", *self as u16)
    }
}

/// How bad a finding is.
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
    /// An error at a place.
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

    /// A warning at a place.
    pub(crate) fn warning(code: Code, source: &Source, span: Option<Span>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, source, span, message) }
    }

    /// Adds what to do next.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the edit that mends it.
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
