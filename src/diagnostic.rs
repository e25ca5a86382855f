//! What is wrong in an input file, and where. A leaf: no other module of the crate is used here.

mod about;
mod fix;
mod levels;

use std::fmt;
use std::sync::Arc;

pub(crate) use about::About;
pub(crate) use fix::{Change, Fix};
pub(crate) use levels::Levels;

/// Which of the files of an offer a place is in; 0 is the offer's own file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct FileId(u32);

impl FileId {
    /// The file at a position in the list of the offer's files.
    pub(crate) fn at(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn is_own(&self) -> bool {
        self.0 == 0
    }
}

/// A line of one of an offer's files; line 0 is no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Place {
    pub(crate) file: FileId,
    pub(crate) line: usize,
}

/// A place in a text: byte offsets for excerpts, line and column (both from 1, the column in characters) for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Span {
    pub(crate) file: FileId,
    pub(crate) start: usize,
    /// One past the last byte.
    pub(crate) end: usize,
    /// Line of the first byte.
    pub(crate) line: usize,
    /// Column of the first byte.
    pub(crate) column: usize,
}

impl Span {
    /// The place of these bytes of the offer's own text; what lies beyond the text, or within a character, is moved back.
    pub(crate) fn within(text: &str, bytes: std::ops::Range<usize>) -> Self {
        let (start, end) = (text.floor_char_boundary(bytes.start), text.floor_char_boundary(bytes.end));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        Self { file: FileId::default(), start, end: end.max(start), line: before.matches('\n').count() + 1, column }
    }

    /// The same place of another file.
    pub(crate) fn in_file(self, file: FileId) -> Self {
        Self { file, ..self }
    }

    pub(crate) fn place(self) -> Place {
        Place { file: self.file, line: self.line }
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

/// The files that an offer is read from, its own first.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    own: Source,
    /// The others, and whether each is YAML rather than the text of one value.
    more: Vec<(Source, bool)>,
}

impl Sources {
    pub(crate) fn new(own: Source) -> Self {
        Self { own, more: Vec::new() }
    }

    /// Returns the offer's own file.
    pub(crate) fn own(&self) -> &Source {
        &self.own
    }

    /// Returns the file that a place is in.
    pub(crate) fn of(&self, span: Span) -> &Source {
        let more = span.file.index().checked_sub(1).and_then(|index| self.more.get(index));
        more.map_or(&self.own, |(source, _)| source)
    }

    /// Returns whether a place is in a file that is the text of one value, not YAML.
    pub(crate) fn is_text(&self, span: Span) -> bool {
        let more = span.file.index().checked_sub(1).and_then(|index| self.more.get(index));
        more.is_some_and(|(_, is_yaml)| !is_yaml)
    }

    /// Returns `line 3`, with the file where it is another one than that of `from`.
    pub(crate) fn line(&self, span: Span, from: Span) -> String {
        match span.file == from.file {
            true => format!("line {}", span.line),
            false => format!("line {} of {}", span.line, self.of(span).path),
        }
    }

    /// Returns what is written at a place.
    pub(crate) fn written(&self, span: Span) -> &str {
        self.of(span).text.get(span.start..span.end).unwrap_or_default()
    }

    /// Returns the file at a path, if the offer is read from it.
    pub(crate) fn find(&self, path: &str) -> Option<FileId> {
        self.iter().position(|source| *source.path == *path).map(FileId::at)
    }

    /// Adds a YAML file.
    pub(crate) fn add(&mut self, source: Source) -> FileId {
        self.more.push((source, true));
        FileId::at(self.more.len())
    }

    /// Adds a file that is the text of one value.
    pub(crate) fn add_text(&mut self, source: Source) -> FileId {
        self.more.push((source, false));
        FileId::at(self.more.len())
    }

    /// Returns the files that declare something: all but the texts.
    pub(crate) fn yaml(&self) -> impl Iterator<Item = &Source> {
        let more = self.more.iter().filter(|(_, is_yaml)| *is_yaml);
        std::iter::once(&self.own).chain(more.map(|(source, _)| source))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.own).chain(self.more.iter().map(|(source, _)| source))
    }
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
    Overlay = 35,
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
            let Span { file: _, start, end, line, column } = Span::within("a\né=1", bytes);
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
