//! Markdown in brief: what there is to say of findings, runs and errors where a host renders Markdown, such as the
//! summary of a step.

use std::fmt::Write as _;

use super::found::{self, Found, Level, Places};
use super::{plural, sentence};
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::report::Report;

/// A summary tells of so many things; the log has them all.
const MOST: usize = 200;

/// The findings of `validate`.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic], places: &Places) -> String {
    let found = found::diagnostics(diagnostics, places);
    let count = |level| found.iter().filter(|found| found.level == level).count();
    let verdict = match (count(Level::Error), count(Level::Warning)) {
        (0, 0) => "valid".to_owned(),
        (0, warnings) => format!("valid, with {}", plural(warnings, "warning")),
        (errors, _) => format!("not valid, {}", plural(errors, "error")),
    };
    list(&format!("Offer files: {verdict}"), &found)
}

pub(crate) fn report(report: &Report, places: &Places) -> String {
    let text = super::report(report, super::Paint { color: false });
    let verdict = text.lines().next_back().unwrap_or_default().trim_end_matches('.');
    let mut out = list(&escaped(verdict), &found::report(report, places));
    for outcome in report.outcomes.iter().filter(|outcome| found::Ended::of(&outcome.end) == found::Ended::Well) {
        let done = outcome.done.iter().map(|done| super::report_text::done_name(*done).to_owned());
        let _ = writeln!(out, "- {}: {}", code(&outcome.key.to_string()), escaped(&sentence(done)));
    }
    out
}

/// An error that ended a command before it had a result.
pub(crate) fn error(error: &Error, places: &Places) -> String {
    let (message, help) = found::error(error);
    let help = help.map(|help| format!("\n{}\n", escaped(&help))).unwrap_or_default();
    list(&escaped(&message), &found::diagnostics(error.diagnostics(), places)) + &help
}

fn list(title: &str, found: &[Found<'_>]) -> String {
    let mut out = format!("### {title}\n\n");
    for found in found.iter().take(MOST) {
        let word = match found.level {
            Level::Error => "**error** ",
            Level::Warning => "**warning** ",
            Level::Notice => "",
        };
        let place = match found.region {
            Some(region) => format!("{}:{}", found.file, region.line),
            None => found.file.clone(),
        };
        let help = found.help.as_ref().map(|help| format!(" ({})", escaped(help))).unwrap_or_default();
        let (title, message) = (escaped(&found.title), escaped(&found.message));
        let _ = writeln!(out, "- {word}{}: {title}: {message}{help}", code(&found::clean(&place)));
    }
    if found.len() > MOST {
        let _ = writeln!(out, "- … and {} more", found.len() - MOST);
    }
    out
}

/// A text that Markdown and HTML take for itself: no mark, no tag, no link, no mention.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            // As references, for hosts look for mentions and addresses after Markdown has taken its backslashes.
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '/' if out.ends_with(':') => out.push_str("&#47;"),
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '{' | '}' => out.extend(['\\', c]),
            c => out.push(c),
        }
        out
    })
}

/// A text as code, in a fence that is longer than any within.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", text.replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_markdown() {
        assert_eq!(
            escaped("</details><script> @me #1 `x` [a](https://e) | *b*"),
            "&lt;/details&gt;&lt;script&gt; &#64;me &#35;1 \\`x\\` \\[a\\](https:&#47;/e) \\| \\*b\\*"
        );
        assert_eq!(code("a``b"), "``` a``b ```");
    }
}
