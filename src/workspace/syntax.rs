//! What the parser's errors mean to whoever wrote the file.

use super::yaml::MAX_DEPTH;
use crate::diagnostic::{Code, Diagnostic, Source, Span};

/// The finding of an error of the parser.
pub(super) fn error(source: &Source, error: &serde_yaml::ScanError) -> Diagnostic {
    let mark = error.marker();
    let offset = source.text.floor_char_boundary(mark.byte_offset().unwrap_or(0));
    let span = Span { start: offset, end: offset, line: mark.line(), column: mark.col() + 1, ..Span::default() };
    let line = source.text.lines().nth(mark.line().saturating_sub(1)).unwrap_or("");
    let indentation = &line[..line.len() - line.trim_start().len()];
    if let Some(before) = indentation.find('\t') {
        let line_start = source.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let start = line_start + before;
        let span = Span { start, end: start + 1, column: before + 1, ..span };
        return Diagnostic::error(Code::Tab, source, Some(span), "a tab in the indentation")
            .help("YAML is indented with spaces; replace the tab");
    }
    let info = error.info();
    let code = if info.contains("limit") { Code::Limit } else { Code::Syntax };
    let at = At { line, before: before(source, offset), rest: &source.text[offset..] };
    let (message, help) = meaning(&info, &at);
    Diagnostic::error(code, source, Some(span), message).help(help)
}

struct At<'a> {
    line: &'a str,
    /// The part of it before the place, and the last line above that is not blank.
    before: (&'a str, &'a str),
    /// Everything from the place on.
    rest: &'a str,
}

fn before(source: &Source, offset: usize) -> (&str, &str) {
    let line_start = source.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    // Enough for any line that a person wrote; a file may have millions of blank ones.
    let above = source.text[..line_start].lines().rev().take(100).find(|line| !line.trim().is_empty());
    (&source.text[line_start..offset], above.unwrap_or(""))
}

const INDENTATION: &str =
    "look at the indentation of this line and the one above, and at quotes and brackets left open";

/// The message and the help.
fn meaning(info: &str, at: &At<'_>) -> (String, String) {
    if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|marker| at.line.starts_with(marker)) {
        let help = "finish the merge: keep one of the two sides, and remove the three marker lines";
        return ("a conflict marker of a merge".to_owned(), help.to_owned());
    }
    let first = at.rest.chars().next().unwrap_or(' ');
    let (message, help) = match info {
        "recursion limit exceeded" => (
            format!("more than {MAX_DEPTH} levels of nesting"),
            "offers are not nested this deeply; flatten the document",
        ),
        "mapping values are not allowed in this context" => misplaced_colon(at),
        "while parsing a block mapping, did not find expected key" => (
            "this line does not belong to a mapping or list above it".to_owned(),
            "indent it like the keys that it belongs to; within one mapping all keys start in the same column, and a list's \
             `- ` does not mix with keys",
        ),
        "while parsing a block collection, did not find expected '-' indicator" => (
            "a key among the members of a list".to_owned(),
            "start each member with `- `, and indent its keys two columns further",
        ),
        "simple key expected ':'" => (
            "a line that is neither `key: value` nor a member of a list".to_owned(),
            "write `key: value`, with a space after the colon; a long text needs `|` or quotes",
        ),
        "unclosed quote" => (
            "a quote that is never closed".to_owned(),
            "close it with the same sign, in the same line if the text ends there",
        ),
        "illegal placement of ':' indicator" => {
            ("a `key:` inside of brackets that are still open".to_owned(), "close the `[` or `{` in a line above")
        }
        "while parsing node, found unknown anchor" => (
            "a `*name` without its `&name`".to_owned(),
            "`*name` repeats a value that is marked with `&name` above it; a text that starts with `*` needs quotes",
        ),
        "while parsing a quoted scalar, found unknown escape character" => (
            "a backslash that starts no known escape, in double quotes".to_owned(),
            "write two backslashes for one, or put the text into single quotes",
        ),
        "YAML directives are disallowed" => {
            ("a line with a `%` directive".to_owned(), "remove the line: offer files are YAML 1.2")
        }
        _ => return other(info, first),
    };
    (message, help.to_owned())
}

/// What differs in the details only.
fn other(info: &str, first: char) -> (String, String) {
    if let Some(bracket) = info.strip_prefix("unclosed bracket ") {
        let bracket = bracket.trim_matches('\'');
        let end = if bracket == "[" { "]" } else { "}" };
        return (format!("a `{bracket}` that is never closed"), format!("close it with `{end}`"));
    }
    if info.starts_with("invalid trailing content after") {
        let help = "end the line after the quote; inside of single quotes an apostrophe is written twice (`''`), inside of \
                    double quotes a quote takes a backslash";
        return ("a text goes on after its closing quote".to_owned(), help.to_owned());
    }
    if info.starts_with("unexpected character") && matches!(first, '@' | '`' | '%') {
        return (format!("a text without quotes cannot start with `{first}`"), "put the text into quotes".to_owned());
    }
    if info.starts_with("unexpected character") && first.is_alphanumeric() {
        return (
            "a control character in a text".to_owned(),
            "remove it; in double quotes it can be written as an escape".to_owned(),
        );
    }
    (info.to_owned(), INDENTATION.to_owned())
}

/// A `:` where none may be: in a text without quotes, below a value, or because one before it was not seen as such.
fn misplaced_colon(at: &At<'_>) -> (String, &'static str) {
    let (before, above) = at.before;
    let glued = |line: &str| {
        let key = line.split(':').next().unwrap_or("").trim_start_matches([' ', '-']);
        !key.is_empty() && line.contains(':') && !line.contains(": ") && !line.trim_end().ends_with(':')
    };
    if before.contains(": ") {
        return ("a second `: ` in one line".to_owned(), "put a text that holds `: ` into quotes");
    }
    if glued(above) {
        return ("the line above has no space after its colon".to_owned(), "write `key: value`, with a space");
    }
    (
        "this key is indented further than what is above it allows".to_owned(),
        "the line above has a value already, so nothing can be below it: indent this line like the one above, or \
            remove the value",
    )
}
