//! YAML in one layout, as a person writes it: two spaces, block scalars for long texts, quotes only where they are needed.
//!
//! What is written reads back as the same value, here and in readers of YAML 1.1, which take `no` for a boolean and
//! `1_000` for a number.

use std::fmt::Write as _;

use serde_json::Value;

use crate::safe::is_unseen;
use crate::workspace::{Plain, plain};

/// What is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Yaml {
    /// null, a boolean, a number or a text.
    Scalar(Value),
    /// A tag with its text, such as `!secret env:NAME`.
    Tagged(String, String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// Texts on one line are folded, and lists of scalars broken, to fit into these columns.
pub(crate) const WIDTH: usize = 110;
/// Folding below this width would leave a word a line.
const NARROWEST: usize = 40;

/// Returns the text of a document whose root is a mapping.
pub(crate) fn document(entries: &[(String, Yaml)]) -> String {
    let mut out = String::new();
    map(entries, 0, &mut out);
    out
}

/// Returns what follows `key:` or `-` in a file, without the end of its last line: a space and a value, or lines that are
/// indented deeper than `indent`. `column` is where the colon or the dash ends, and `text_indent` how deep the lines of a
/// text are indented.
pub(crate) fn after_indicator(value: &Yaml, indent: usize, column: usize, text_indent: usize) -> String {
    let mut out = String::new();
    match value {
        Yaml::Scalar(Value::String(text)) => {
            out.push(' ');
            text_after(text, text_indent, column, &mut out);
        }
        value => value_after(value, indent, column, &mut out),
    }
    out.truncate(out.len() - 1);
    out
}

/// Returns an entry of a mapping as whole lines.
pub(crate) fn entry(key: &str, value: &Yaml, indent: usize) -> String {
    let mut out = String::new();
    map(&[(key.to_owned(), value.clone())], indent, &mut out);
    out
}

/// Returns a member of a list as whole lines.
pub(crate) fn item(value: &Yaml, indent: usize) -> String {
    let mut out = String::new();
    list(std::slice::from_ref(value), indent, &mut out);
    out
}

/// Returns a value in one line, as it is written between brackets or braces.
pub(crate) fn in_flow(value: &Yaml) -> String {
    match value {
        Yaml::Map(entries) => {
            let entry = |(key, value): &(String, Yaml)| format!("{}: {}", text_in_flow(key), in_flow(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Yaml::List(items) => format!("[{}]", items.iter().map(in_flow).collect::<Vec<_>>().join(", ")),
        // Without a space, a bracket after a bare tag is a part of it.
        Yaml::Tagged(tag, text) if text.is_empty() => format!("{tag} "),
        Yaml::Tagged(tag, text) => format!("{tag} {}", text_in_flow(text)),
        Yaml::Scalar(Value::String(text)) => text_in_flow(text),
        Yaml::Scalar(value) => value.to_string(),
    }
}

pub(crate) fn text_in_flow(text: &str) -> String {
    if text.contains([',', '[', ']', '{', '}', ':']) { quoted(text) } else { text_in_line(text) }
}

/// Whether a key has more characters than YAML takes before the colon.
pub(crate) fn is_too_long(key: &str) -> bool {
    text_in_line(key).chars().count() > 1000
}

fn map(entries: &[(String, Yaml)], indent: usize, out: &mut String) {
    for (index, (key, value)) in entries.iter().enumerate() {
        // The first entry of a mapping in a list follows the dash.
        if index > 0 || !out.ends_with("- ") {
            let _ = write!(out, "{:indent$}", "");
        }
        let start = out.len();
        out.push_str(&text_in_line(key));
        out.push(':');
        let column = indent + out[start..].chars().count();
        value_after(value, indent, column, out);
    }
}

/// Writes what follows `key:` or `-`, to the end of its last line.
fn value_after(value: &Yaml, indent: usize, column: usize, out: &mut String) {
    let inner = indent + 2;
    match value {
        Yaml::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            map(entries, inner, out);
        }
        Yaml::List(items) if !items.is_empty() => match flow(items).filter(|line| column + line.len() < WIDTH) {
            Some(line) => {
                let _ = writeln!(out, " {line}");
            }
            None => {
                out.push('\n');
                list(items, inner, out);
            }
        },
        Yaml::Map(_) => out.push_str(" {}\n"),
        Yaml::List(_) => out.push_str(" []\n"),
        Yaml::Tagged(tag, text) if text.is_empty() => {
            let _ = writeln!(out, " {tag}");
        }
        Yaml::Tagged(tag, text) => {
            let _ = writeln!(out, " {tag} {}", text_in_line(text));
        }
        Yaml::Scalar(Value::String(text)) => {
            out.push(' ');
            text_after(text, inner, column, out);
        }
        Yaml::Scalar(value) => {
            let _ = writeln!(out, " {value}");
        }
    }
}

fn list(items: &[Yaml], indent: usize, out: &mut String) {
    for item in items {
        let _ = write!(out, "{:indent$}-", "");
        match item {
            Yaml::Map(entries) if !entries.is_empty() => {
                out.push(' ');
                map(entries, indent + 2, out);
            }
            // A list in a list starts on a line of its own.
            item => value_after(item, indent, indent + 1, out),
        }
    }
}

/// The list in one line, where it holds nothing but short scalars.
fn flow(items: &[Yaml]) -> Option<String> {
    let item = |item: &Yaml| match item {
        Yaml::Scalar(Value::String(text)) if text.contains('\n') => None,
        Yaml::Scalar(Value::String(text)) => Some(text_in_flow(text)),
        Yaml::Scalar(value) => Some(value.to_string()),
        Yaml::Tagged(..) | Yaml::List(_) | Yaml::Map(_) => None,
    };
    Some(format!("[{}]", items.iter().map(item).collect::<Option<Vec<_>>>()?.join(", ")))
}

/// How a text is written.
pub(crate) enum Style<'t> {
    Line(String),
    /// A block scalar: what follows the indicator of the value, and the lines.
    Block(&'static str, Vec<&'t str>),
}

/// Returns the style in which a text is easiest to read and review.
pub(crate) fn style(text: &str, indent: usize, column: usize) -> Style<'_> {
    if fits_block(text) {
        let header = if text.ends_with('\n') { "|" } else { "|-" };
        return Style::Block(header, text.lines().collect());
    }
    let line = text_in_line(text);
    if column + line.chars().count() > WIDTH
        && let Some(lines) = folded(text, WIDTH.saturating_sub(indent).max(NARROWEST))
    {
        return Style::Block(">-", lines);
    }
    Style::Line(line)
}

fn text_after(text: &str, indent: usize, column: usize, out: &mut String) {
    match style(text, indent, column) {
        Style::Line(line) => out.push_str(&line),
        Style::Block(header, lines) => {
            out.push_str(header);
            for line in lines {
                out.push('\n');
                if !line.is_empty() {
                    let _ = write!(out, "{:indent$}{line}", "");
                }
            }
        }
    }
    out.push('\n');
}

/// Whether a block scalar holds the text of several lines exactly, without a mark that a reader does not see.
fn fits_block(text: &str) -> bool {
    let starts_plainly = !text.starts_with([' ', '\n', '\t']);
    let ends_plainly = !text.ends_with("\n\n");
    let line_fits = |line: &str| !line.ends_with([' ', '\t']) && !line.trim_start_matches(' ').starts_with('\t');
    text.trim_end_matches('\n').contains('\n')
        && starts_plainly
        && ends_plainly
        && text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && text.lines().all(line_fits)
}

/// The lines of a text without line ends, broken at single spaces; `None` where a fold would change it.
fn folded(text: &str, width: usize) -> Option<Vec<&str>> {
    let foldable = !text.contains("  ") && !text.starts_with(' ') && !text.ends_with(' ');
    if !foldable || !text.chars().all(is_printable) {
        return None;
    }
    let mut lines = Vec::new();
    let (mut start, mut last, mut columns) = (0, None, 0);
    for (at, c) in text.char_indices() {
        columns += 1;
        if c == ' ' {
            last = Some((at, columns));
        }
        if columns > width
            && let Some((space, before)) = last.take()
        {
            lines.push(&text[start..space]);
            start = space + 1;
            columns -= before;
        }
    }
    lines.push(&text[start..]);
    (lines.len() > 1).then_some(lines)
}

/// The text in one line: plain where every reader takes it for a text, else in quotes.
pub(crate) fn text_in_line(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    const INDICATORS: &[char] = &[
        '!', '&', '*', '[', ']', '{', '}', '|', '>', '@', '`', '%', '"', '\'', '#', ',', '?', ':', '-', '=', '<', '~',
    ];
    !text.is_empty()
        && text.trim() == text
        && !text.starts_with(INDICATORS)
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(is_printable)
        && matches!(plain(text), Plain::Text)
        && !is_value_of_yaml_1_1(text)
}

/// Whether a reader of YAML 1.1 takes the text for something else: a boolean, a number with `_` or `:`, a date.
fn is_value_of_yaml_1_1(text: &str) -> bool {
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '.'));
    // A version such as 1.10.0 is none to any reader.
    let version = text.split('.').count() > 2 && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    word || (starts
        && !version
        && !is_guid(text)
        && text.chars().all(|c| c.is_ascii_hexdigit() || "_.:+-xXoOtTzZ ".contains(c)))
}

/// No reader takes a GUID for a number or a date, whatever its digits are.
fn is_guid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

/// Whether a person sees the character, and every reader of YAML takes it as it is.
pub(crate) fn is_printable(c: char) -> bool {
    !c.is_control() && !is_unseen(c) && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = if code > 0xffff { write!(out, "\\U{code:08x}") } else { write!(out, "\\u{code:04x}") };
            }
        }
    }
    out.push('"');
    out
}
