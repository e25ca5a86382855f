//! Workflow commands of GitHub Actions, which show as annotations at the lines of a pull request.

use std::fmt::Write as _;

use super::found::{self, Found, Level, Places};
use crate::diagnostic::Diagnostic;
use crate::drift::Drift;
use crate::error::Error;
use crate::plan::Plan;
use crate::report::Report;

/// GitHub shows as many annotations of each level that a step makes, and drops the others without a word.
const MOST: usize = 10;

/// The findings of `validate`.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic], places: &Places) -> String {
    annotations(&found::diagnostics(diagnostics, places))
}

/// What stops a plan, then what it changes, the gravest first.
pub(crate) fn plan(plan: &Plan, places: &Places) -> String {
    annotations(&found::plan(plan, places).into_iter().chain(found::changes(plan, places)).collect::<Vec<_>>())
}

pub(crate) fn report(report: &Report, places: &Places) -> String {
    annotations(&found::report(report, places))
}

/// Who moved, at the lines that say otherwise.
pub(crate) fn drift(drift: &Drift, places: &Places) -> String {
    annotations(&found::drift(drift, places))
}

/// An error that ended a command before it had a result.
pub(crate) fn error(error: &Error, places: &Places) -> String {
    let (message, help) = found::error(error);
    let text = help.map_or_else(|| message.clone(), |help| format!("{message}\nhint: {help}"));
    let mut out = annotations(&found::diagnostics(error.diagnostics(), places));
    // The findings say it better, and are of the same level.
    if out.is_empty() {
        out = format!("::error title=offerctl::{}\n", data(&text));
    }
    out
}

fn annotations(found: &[Found<'_>]) -> String {
    let mut out = String::new();
    for level in [Level::Error, Level::Warning, Level::Notice] {
        let here = found.iter().filter(|found| found.level == level).collect::<Vec<_>>();
        let shown = if here.len() > MOST { MOST - 1 } else { here.len() };
        for found in &here[..shown] {
            one(&mut out, found);
        }
        if here.len() > shown {
            let rest = here.len() - shown;
            let _ =
                writeln!(out, "::{} title=offerctl::{rest} more; the log and the summary have them all", name(level));
        }
    }
    out
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
    }
}

fn one(out: &mut String, found: &Found<'_>) {
    let mut properties = format!("file={}", property(&found.file));
    if let Some(region) = found.region {
        let _ = write!(properties, ",line={}", region.line);
        let end = region.end;
        if let Some((line, _)) = end.filter(|(line, _)| *line != region.line) {
            let _ = write!(properties, ",endLine={line}");
        }
        if let Some(column) = region.column {
            let _ = write!(properties, ",col={column}");
        }
        // GitHub drops columns of what spans lines; the last column is inclusive there.
        if let Some((_, column)) = end.filter(|(line, column)| *line == region.line && *column > 1) {
            let _ = write!(properties, ",endColumn={}", column - 1);
        }
    }
    let help = found.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    let message = data(&format!("{}{help}", found.message));
    let _ = writeln!(out, "::{} {properties},title={}::{message}", name(found.level), property(&found.title));
}

/// What stands after the second `::`. Runners look for `##[`, and those of Azure Pipelines for `##vso[`, in every line.
fn data(text: &str) -> String {
    text.replace("##[", "#\\u{23}[")
        .replace("##vso[", "#\\u{23}vso[")
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Source, Span};

    fn finding(path: &str, message: &str) -> Diagnostic {
        let source = Source { path: path.into(), text: "id: a\ntitle: b\n".into() };
        Diagnostic::error(Code::WrongValue, &source, Some(Span::within(&source.text, 6..11)), message)
    }

    #[test]
    fn an_annotation_names_its_line_below_the_repository() {
        let places = Places { prefix: "market/".to_owned(), ..Places::default() };
        assert_eq!(
            diagnostics(&[finding("offers/a.yaml", "not a title").help("write one")], &places),
            "::error file=market/offers/a.yaml,line=2,col=1,endColumn=5,title=OFR0012 wrong-value::not a title%0Ahelp: \
             write one\n"
        );
    }

    #[test]
    fn no_text_makes_a_command_of_its_own() {
        let hostile = "50%0A\n::set-output name=x::y\r\u{1b}[31m##[group]a,b:c\u{202e}";
        let text = diagnostics(&[finding("offers/a,line=9::x\n.yaml", hostile)], &Places::default());
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("file=offers/a%2Cline=9%3A%3Ax%0A.yaml,line=2"), "{text}");
        assert!(text.contains("::50%250A\\u{a}::set-output name=x::y\\u{d}\\u{1b}[31m"), "{text}");
        assert!(!text.contains(['\r', '\u{1b}', '\u{202e}']) && !text.contains("##["), "{text}");
    }

    #[test]
    fn of_many_the_last_one_counts_the_rest() {
        let findings = |count| (0..count).map(|n| finding("a.yaml", &format!("n{n}"))).collect::<Vec<_>>();
        let all = diagnostics(&findings(10), &Places::default());
        assert!(all.lines().count() == 10 && all.contains("::n9\n"), "{all}");
        let cut = diagnostics(&findings(14), &Places::default());
        assert_eq!(cut.lines().count(), 10);
        assert!(cut.ends_with("::error title=offerctl::5 more; the log and the summary have them all\n"), "{cut}");
    }

    #[test]
    fn a_long_text_is_cut() {
        let text = diagnostics(&[finding("a.yaml", &"x".repeat(1_000_000))], &Places::default());
        assert!(text.len() < 2_000 && text.contains("… (999000 more characters)"), "{}", text.len());
    }
}
