//! The edit that mends a finding, where there is one right answer.

use std::ops::Range;

use serde_json::Value;

use super::Span;

/// One edit of a file, and what it makes of the document: the edit is made only where reading the result again shows
/// exactly that.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fix {
    /// The place of the value or key that changes.
    pub(crate) span: Span,
    /// The bytes that are replaced.
    pub(crate) bytes: Range<usize>,
    pub(crate) text: String,
    /// What becomes of the document.
    pub(crate) change: Change,
}

/// What a fix makes of the value or key at its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Value(Value),
    Key(String),
    Gone,
}

impl Fix {
    /// Puts a plain value in quotes; `None` where it holds what would need an escape.
    pub(crate) fn quote(span: Span, text: &str) -> Option<Self> {
        let change = Change::Value(Value::String(text.to_owned()));
        quotable(text).then(|| Self { span, bytes: span.start..span.end, text: format!("\"{text}\""), change })
    }

    /// Puts a plain key in quotes; `None` where it holds what would need an escape.
    pub(crate) fn quote_key(span: Span, text: &str) -> Option<Self> {
        let change = Change::Key(text.to_owned());
        quotable(text).then(|| Self { span, bytes: span.start..span.end, text: format!("\"{text}\""), change })
    }
}

fn quotable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}
