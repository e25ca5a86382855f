//! Values to text. One function for each result and format; none of them decides anything.
//!
//! Texts from the portal and from YAML are untrusted: control characters and marks that turn the direction of writing
//! are shown, not sent to the terminal.

mod apart;
mod diagnostics;
mod diff_text;
mod doctor_text;
mod drift;
mod fmt_text;
mod found;
pub(crate) mod github;
mod history;
mod html;
mod imports;
mod json;
pub(crate) mod junit;
mod layout;
mod markdown;
mod plan_text;
mod progress_text;
mod report_text;
mod resolved;
pub(crate) mod sarif;
mod snapshot_text;
mod status_text;
pub(crate) mod summary;
mod view;

pub(crate) use diagnostics::diagnostics;
pub(crate) use diff_text::compared;
pub(crate) use doctor_text::doctor;
pub(crate) use drift::drift;
pub(crate) use fmt_text::{formatted, formatted_json};
pub(crate) use found::Places;
pub(crate) use history::{history, history_json};
pub(crate) use html::{error as error_html, plan as plan_html};
pub(crate) use imports::{imports, imports_json};
pub(crate) use json::{
    ReadFrom, compared as compared_json, diagnostics as diagnostics_json, doctor as doctor_json, drift as drift_json,
    error as error_json, plan as plan_json, report as report_json, shown as shown_json, snapshot as snapshot_json,
    status as status_json,
};
pub(crate) use markdown::{MarkdownOptions, drift as drift_markdown, plan as plan_markdown};
pub(crate) use plan_text::{PlanOptions, plan};
pub(crate) use progress_text::{progress_line, progress_messages, progress_percent};
pub(crate) use report_text::{report, traffic};
pub(crate) use resolved::{resolved, resolved_json};
pub(crate) use snapshot_text::{duration, snapshot};
pub(crate) use status_text::status;

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::plan::Unread;
use crate::safe::{self, Escape, visible};
use crate::steps;

/// Adds colour, or does not. What colour says is always said by a symbol or a word as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    pub(crate) color: bool,
}

impl Paint {
    fn style(self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    pub(crate) fn added(self, text: &str) -> String {
        self.style(AnsiColor::Green.on_default(), text)
    }

    /// Something that goes, or went wrong.
    pub(crate) fn removed(self, text: &str) -> String {
        self.style(AnsiColor::Red.on_default(), text)
    }

    /// Something that changes, or wants a look.
    pub(crate) fn changed(self, text: &str) -> String {
        self.style(AnsiColor::Yellow.on_default(), text)
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.style(Style::new().bold(), text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.style(Style::new().dimmed(), text)
    }
}

/// The text without an order for a pipeline that reads it as its log.
fn inert(text: &str) -> String {
    steps::count(text.len());
    safe::inert(text, Escape::Text).into_owned()
}

/// A value in one line: texts in quotes, big values by their size.
fn brief(value: &Value, limit: usize) -> String {
    match value {
        Value::String(text) => {
            steps::count(text.len());
            brief_text(text, limit)
        }
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
            let shown = items.iter().take(8).map(|item| brief(item, 40)).collect::<Vec<_>>().join(", ");
            if items.len() > 8 { format!("[{shown}, … {} in all]", items.len()) } else { format!("[{shown}]") }
        }
        Value::Array(items) => format!("({})", plural(items.len(), "item")),
        Value::Object(map) => format!("({})", plural(map.len(), "field")),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn brief_text(text: &str, limit: usize) -> String {
    if text.contains('\n') {
        let first = text.lines().next().unwrap_or_default();
        let start = first.chars().take(limit).collect::<String>();
        return format!("\"{}…\" ({})", visible(&start, false), plural(text.lines().count(), "line"));
    }
    if text.chars().count() > limit {
        let start = text.chars().take(limit).collect::<String>();
        return format!("\"{}…\" ({})", visible(&start, false), plural(text.chars().count(), "character"));
    }
    format!("\"{}\"", visible(text, false))
}

/// Writes the offers that could not be read, each with what follows from it, the cause and a hint.
pub(crate) fn not_read(out: &mut String, unread: &[Unread], what: &str, paint: Paint) {
    for Unread { key, cause, hint, .. } in unread {
        let (mark, key) = (paint.removed("?"), paint.strong(&key.to_string()));
        let _ = writeln!(out, "{mark} {key}   {what}\n    {}", visible(cause, false));
        if let Some(hint) = hint {
            let _ = writeln!(out, "    hint: {}", visible(hint, false));
        }
    }
}

/// `1 offer`, `2 offers`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `pieces` with commas between, empty ones left out.
fn sentence(pieces: impl IntoIterator<Item = String>) -> String {
    pieces.into_iter().filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(", ")
}

/// `count noun` unless the count is zero.
fn counted(count: usize, what: &str) -> String {
    if count == 0 { String::new() } else { format!("{count} {what}") }
}

#[cfg(test)]
pub(crate) mod tests {
    mod cost;
    mod drift;
    pub(crate) mod gallery;

    use super::*;
    use serde_json::json;

    #[test]
    fn values_fit_in_a_line() {
        assert_eq!(brief(&json!("x\ny"), 9), "\"x…\" (2 lines)");
        assert_eq!(brief(&json!("abcdef"), 3), "\"abc…\" (6 characters)");
        assert_eq!(brief(&json!(["NO", 1]), 9), "[\"NO\", 1]");
        assert_eq!(brief(&json!({"a": 1, "b": 2}), 9), "(2 fields)");
    }
}
