//! Findings in input files, with the line they are about.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::visible;
use crate::diagnostic::{Diagnostic, Severity};
use crate::redact;

/// All findings, each with its place, an excerpt, and what to do next. Empty for none.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    diagnostics.iter().map(|diagnostic| format!("{}\n\n", one(diagnostic, &renderer))).collect()
}

fn one(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let code = diagnostic.code.to_string();
    let message = visible(&diagnostic.message, false);
    let title = level.primary_title(message.as_str()).id(code.as_str());
    let path = visible(&diagnostic.source.path, false);
    let mut group = Group::with_title(title);
    let excerpt = diagnostic.span.and_then(|span| excerpt(&diagnostic.source.text, span.start, span.end, span.line));
    match (&excerpt, diagnostic.span) {
        (Some(excerpt), _) => {
            let snippet = Snippet::source(excerpt.text.as_str())
                .path(path.as_str())
                .line_start(excerpt.line)
                .annotation(AnnotationKind::Primary.span(excerpt.start..excerpt.end));
            group = group.element(snippet);
        }
        (None, Some(span)) => {
            group = group.element(Origin::path(path.as_str()).line(span.line).char_column(span.column));
        }
        (None, None) => group = group.element(Origin::path(path.as_str())),
    }
    let address = diagnostic.address.as_deref().map(|address| format!("at {}", visible(address, false)));
    if let Some(address) = &address {
        group = group.element(Level::NOTE.message(address.as_str()));
    }
    let help = diagnostic.help.as_deref().map(|help| visible(help, false));
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

struct Excerpt {
    text: String,
    line: usize,
    start: usize,
    end: usize,
}

/// The line of a finding, without what a terminal would act on. A line too long to read is left out.
fn excerpt(text: &str, start: usize, end: usize, line: usize) -> Option<Excerpt> {
    const LONGEST: usize = 2_000;
    let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
    let first = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let last = text.get(start..)?.find('\n').map_or(text.len(), |at| start + at);
    // The line ends where the `\r` of its end begins. A mark on the end alone is at the end of the line.
    let last = first + text[first..last].trim_end_matches('\r').len();
    let (start, end) = (start.min(last), end.min(last));
    if text.is_empty() || last - first > LONGEST || holds_secret(&text[first..last]) {
        return None;
    }
    let shown = |part: &str| visible(&part.replace('\t', "    "), false);
    let before = shown(&text[first..start]);
    let marked = shown(&text[start..end]);
    let after = shown(&text[end..last]);
    let start = before.len();
    // An empty mark shows as its next character.
    let end = start + if marked.is_empty() { after.chars().next().map_or(0, char::len_utf8) } else { marked.len() };
    Some(Excerpt { text: format!("{before}{marked}{after}"), line, start, end })
}

/// Whether a line gives a secret away, by the form of a value or by the name of a key.
fn holds_secret(line: &str) -> bool {
    let names =
        line.split(':').filter_map(|part| part.rsplit([' ', ',', '{', '"', '\'']).find(|word| !word.is_empty()));
    redact::holds_secret(line) || names.take(line.matches(':').count()).any(redact::is_secret_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Source, Span};

    #[test]
    fn a_finding_points_at_its_place() {
        let source = Source { path: "offers/a.yaml".into(), text: "id: a\ndefintion: {}\n".into() };
        let span = Span { start: 6, end: 15, line: 2, column: 1, ..Span::default() };
        let finding = Diagnostic::error(Code::UnknownKey, &source, Some(span), "unknown key `defintion`")
            .help("did you mean `definition`?");
        let shown = diagnostics(&[finding], false);
        assert_eq!(
            shown,
            "error[OFR0010]: unknown key `defintion`\n --> offers/a.yaml:2:1\n  |\n2 | defintion: {}\n  | ^^^^^^^^^\n  |\n  = help: did you mean `definition`?\n\n"
        );
    }

    #[test]
    fn a_line_with_a_secret_is_not_shown() {
        for line in [
            "connectionString: !secret CANARY",
            "{a: 1, password: CANARY}",
            "x: \"https://h/v?sig=CANARY\"",
            "\"apiKey\": CANARY",
        ] {
            let source = Source { path: "a.yaml".into(), text: line.into() };
            let span = Span { start: 3, end: 5, line: 1, column: 4, ..Span::default() };
            let shown = diagnostics(&[Diagnostic::error(Code::Syntax, &source, Some(span), "m")], false);
            assert!(!shown.contains("CANARY") && shown.contains("a.yaml:1:4"), "{shown}");
        }
    }

    #[test]
    fn an_empty_mark_before_a_wide_character_is_shown() {
        let source = Source { path: "a.yaml".into(), text: "a: 1\n日本\n".into() };
        let span = Span { start: 5, end: 5, line: 2, column: 1, ..Span::default() };
        let shown = diagnostics(&[Diagnostic::error(Code::Syntax, &source, Some(span), "m")], false);
        assert!(shown.contains("2 | 日本"), "{shown}");
    }

    #[test]
    fn the_line_end_of_other_systems_is_not_shown() {
        let source = Source { path: "a.yaml".into(), text: "a: 1\r\nb: [x,\r\n  y]\r\n".into() };
        let of = |start, end| {
            let span = Span { start, end, line: 2, column: 4, ..Span::default() };
            diagnostics(&[Diagnostic::error(Code::Syntax, &source, Some(span), "m")], false)
        };
        // On the line, over its end, at its end, and on the `\n` itself.
        for (start, end) in [(9, 12), (9, 17), (12, 12), (13, 14), (12, 13)] {
            let shown = of(start, end);
            assert!(shown.contains("2 | b: [x,\n") && shown.contains('^') && !shown.contains("{d}"), "{shown}");
        }
    }

    #[test]
    fn a_hostile_line_is_shown_not_obeyed() {
        let source = Source { path: "a.yaml".into(), text: "id: \u{1b}[2J\u{202e}x".into() };
        let span = Span { start: 4, end: 10, line: 1, column: 5, ..Span::default() };
        let shown = diagnostics(&[Diagnostic::error(Code::WrongValue, &source, Some(span), "m\u{7}")], false);
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
    }
}
