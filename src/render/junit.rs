//! JUnit XML, for test reports: one case for each offer, and for each code of a finding in a file.
//!
//! What is refused is a failure, what could not be read or done is an error, what was not begun is skipped.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::found::{self, Ended, Found, Level, Places};
use super::{plural, visible};
use crate::diagnostic::Diagnostic;
use crate::drift::{Drift, Moved, Who};
use crate::error::Error;
use crate::model::OfferKey;
use crate::plan::{OfferPlan, Plan, Unread, Write as Written};
use crate::report::{Purpose, Report};

struct Case {
    name: String,
    /// Groups cases in the trees that viewers draw.
    class: String,
    verdict: Verdict,
    notes: Vec<String>,
}

enum Verdict {
    Passed,
    Skipped(String),
    Failed { kind: String, lines: Vec<String> },
    Broken { kind: String, lines: Vec<String> },
}

impl Case {
    fn new(key: &OfferKey, command: &str, verdict: Verdict) -> Self {
        Self { name: key.to_string(), class: format!("offerctl.{command}"), verdict, notes: Vec::new() }
    }
}

/// The findings of `validate`: each offer that can be used passes, each code that is an error in a file fails.
pub(crate) fn diagnostics(offers: Vec<&OfferKey>, diagnostics: &[Diagnostic], places: &Places) -> String {
    let passed = offers.into_iter().map(|key| Case::new(key, "validate", Verdict::Passed));
    document("validate", &passed.chain(codes(diagnostics, places)).collect::<Vec<_>>())
}

/// One case for each code in each file.
fn codes(diagnostics: &[Diagnostic], places: &Places) -> Vec<Case> {
    let mut cases = BTreeMap::<(String, String), (bool, Vec<String>)>::new();
    for found in found::diagnostics(diagnostics, places) {
        let (fails, lines) = cases.entry((found.file.clone(), found.title.clone())).or_default();
        *fails |= found.level == Level::Error;
        lines.push(placed(&found));
    }
    let case = |((file, title), (fails, lines)): ((String, String), (bool, Vec<String>))| {
        let kind = title.split(' ').next().unwrap_or_default().to_owned();
        let (verdict, notes) = match fails {
            true => (Verdict::Failed { kind, lines }, Vec::new()),
            false => (Verdict::Passed, lines),
        };
        Case { name: title, class: file, verdict, notes }
    };
    cases.into_iter().map(case).collect()
}

fn placed(found: &Found<'_>) -> String {
    let place = match found.region {
        Some(found::Region { line, column: Some(column), .. }) => format!("{}:{line}:{column}", found.file),
        Some(found::Region { line, .. }) => format!("{}:{line}", found.file),
        None => found.file.clone(),
    };
    let help = found.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
    format!("{place}: {}{help}", found.message)
}

/// A plan: what a guard stops fails, what could not be read is an error.
pub(crate) fn plan(plan: &Plan, places: &Places) -> String {
    let unchanged = plan.unchanged().iter().map(|unchanged| Case::new(&unchanged.key, "plan", Verdict::Passed));
    let offers = plan.offers().iter().map(|offer| planned(offer, places));
    let mut cases = unchanged.chain(offers).chain(unread(plan.unread(), "plan")).collect::<Vec<_>>();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases.extend(whole("plan", plan.refusals().map(|finding| found::clean(&finding.describe())).collect()));
    document("plan", &cases)
}

/// A case for the plan as a whole, where something stops it.
fn whole(command: &str, lines: Vec<String>) -> Option<Case> {
    let verdict = Verdict::Failed { kind: "guarded".to_owned(), lines };
    let class = format!("offerctl.{command}");
    let case = Case { name: "the plan as a whole".to_owned(), class, verdict, notes: Vec::new() };
    matches!(&case.verdict, Verdict::Failed { lines, .. } if !lines.is_empty()).then_some(case)
}

fn planned(offer: &OfferPlan, places: &Places) -> Case {
    let stops = found::of_offer(offer, places).into_iter().filter(|found| found.level == Level::Error);
    let lines = stops.map(|found| placed(&found)).collect::<Vec<_>>();
    let kind = offer.refusals().next().and_then(|finding| finding.token.as_deref()?.split(':').next());
    let verdict = match lines.is_empty() {
        true => Verdict::Passed,
        false => Verdict::Failed { kind: kind.unwrap_or("conflict").to_owned(), lines },
    };
    let how = match offer.write() {
        Some(Written::Create) => "to be created",
        Some(Written::Update) => "to be updated",
        None => "to be released",
    };
    let mut notes = vec![format!("{how}, {}", plural(offer.diff.changes.len(), "change"))];
    notes.extend(offer.diff.changes.iter().map(|change| found::clean(&found::what(change))));
    Case { notes, ..Case::new(&offer.key, "plan", verdict) }
}

fn unread<'a>(unread: &'a [Unread], command: &'a str) -> impl Iterator<Item = Case> + 'a {
    unread.iter().map(move |unread| {
        let lines = std::iter::once(&unread.cause).chain(&unread.hint).map(|line| found::clean(line)).collect();
        Case::new(&unread.key, command, Verdict::Broken { kind: "not-read".to_owned(), lines })
    })
}

pub(crate) fn report(report: &Report) -> String {
    let command = command(report.purpose);
    let unchanged = report.unchanged.iter().map(|key| Case::new(key, command, Verdict::Passed));
    let outcomes = report.outcomes.iter().map(|outcome| {
        let kind = || super::json::end_name(&outcome.end).to_owned();
        let lines = || vec![found::clean(&found::sentence(outcome))];
        let verdict = match Ended::of(&outcome.end) {
            Ended::Well => Verdict::Passed,
            Ended::Badly => Verdict::Failed { kind: kind(), lines: lines() },
            Ended::Broken => Verdict::Broken { kind: kind(), lines: lines() },
            Ended::Not => Verdict::Skipped(lines().concat()),
        };
        let notes = outcome.done.iter().map(|done| super::report_text::done_name(*done).to_owned()).collect();
        Case { notes, ..Case::new(&outcome.key, command, verdict) }
    });
    let mut cases = unchanged.chain(outcomes).chain(unread(&report.unread, command)).collect::<Vec<_>>();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases.extend(whole(command, report.refused.iter().map(|why| found::clean(why)).collect()));
    document(command, &cases)
}

/// Who moved: an offer that drifted fails, as does one that no file declares; what could not be seen is an error.
pub(crate) fn drift(drift: &Drift) -> String {
    let text = |moved: &Moved| found::clean(&super::view::drift_line(moved));
    let offers = drift.offers.iter().map(|offer| {
        let (drifted, rest) = offer.moved.iter().partition::<Vec<_>, _>(|moved| moved.who.is_drift());
        let placed = |moved: &&Moved| match &moved.declared {
            Some((file, line)) => found::clean(&format!("{file}:{line}: {}", text(moved))),
            None => text(moved),
        };
        let verdict = match drifted.iter().map(|moved| moved.who).min() {
            None => Verdict::Passed,
            Some(who) => Verdict::Failed {
                kind: match who {
                    Who::Both => "conflict",
                    Who::Unknown => "unknown",
                    Who::Portal | Who::File | Who::Agreed | Who::Unmanaged => "portal",
                }
                .to_owned(),
                lines: drifted.iter().map(placed).collect(),
            },
        };
        let notes = rest.iter().map(|moved| text(moved)).chain(offer.why.as_deref().map(found::clean)).collect();
        Case { notes, ..Case::new(&offer.key, "drift", verdict) }
    });
    let undeclared = drift.undeclared.iter().map(|one| {
        let line = "it is in the portal, and no file declares it".to_owned();
        match drift.count_undeclared && !one.was_declared {
            true => Case::new(&one.key, "drift", Verdict::Failed { kind: "undeclared".to_owned(), lines: vec![line] }),
            false => Case { notes: vec![line], ..Case::new(&one.key, "drift", Verdict::Passed) },
        }
    });
    let unlisted = drift.unlisted.iter().map(|one| Case {
        name: format!("{}/*", one.publisher),
        class: "offerctl.drift".to_owned(),
        verdict: Verdict::Broken { kind: "not-listed".to_owned(), lines: vec![found::clean(&one.cause)] },
        notes: Vec::new(),
    });
    let mut cases = offers.chain(undeclared).chain(unlisted).chain(unread(&drift.unread, "drift")).collect::<Vec<_>>();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    document("drift", &cases)
}

fn command(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Apply => "apply",
        Purpose::Wait => "wait",
        Purpose::Publish => "publish",
        Purpose::GoLive => "go-live",
        Purpose::Cancel => "cancel",
    }
}

/// An error that ended a command before it had a result: its findings, and a case for the command itself.
pub(crate) fn error(command: &str, error: &Error, places: &Places) -> String {
    let (message, help) = found::error(error);
    let lines = std::iter::once(message).chain(help).collect();
    let broken = Verdict::Broken { kind: "error".to_owned(), lines };
    let class = format!("offerctl.{command}");
    let itself = Case { name: format!("offerctl {command}"), class, verdict: broken, notes: Vec::new() };
    let cases = std::iter::once(itself).chain(codes(error.diagnostics(), places)).collect::<Vec<_>>();
    document(command, &cases)
}

fn document(command: &str, cases: &[Case]) -> String {
    let count = |is: fn(&Verdict) -> bool| cases.iter().filter(|case| is(&case.verdict)).count();
    let (tests, failures) = (cases.len(), count(|verdict| matches!(verdict, Verdict::Failed { .. })));
    let errors = count(|verdict| matches!(verdict, Verdict::Broken { .. }));
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"offerctl\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"{errors}\">\n  <testsuite name=\"offerctl {command}\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">\n"
    );
    cases.iter().for_each(|case| one(&mut out, case));
    out + "  </testsuite>\n</testsuites>\n"
}

fn one(out: &mut String, case: &Case) {
    let Case { name, class, verdict, notes } = case;
    let _ = write!(out, "    <testcase name=\"{}\" classname=\"{}\"", xml(name), xml(class));
    if matches!(verdict, Verdict::Passed) && notes.is_empty() {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    let (tag, kind, lines) = match verdict {
        Verdict::Passed => ("", "", &[][..]),
        Verdict::Failed { kind, lines } => ("failure", kind.as_str(), lines.as_slice()),
        Verdict::Broken { kind, lines } => ("error", kind.as_str(), lines.as_slice()),
        Verdict::Skipped(why) => {
            let _ = writeln!(out, "      <skipped message=\"{}\"/>", xml(why));
            ("", "", &[][..])
        }
    };
    if !tag.is_empty() {
        let first = lines.first().and_then(|line| line.lines().next()).unwrap_or_default();
        let _ = writeln!(
            out,
            "      <{tag} type=\"{}\" message=\"{}\">{}</{tag}>",
            xml(kind),
            xml(first),
            xml(&lines.join("\n"))
        );
    }
    if !notes.is_empty() {
        let _ = writeln!(out, "      <system-out>{}</system-out>", xml(&notes.join("\n")));
    }
    out.push_str("    </testcase>\n");
}

/// A text for an attribute or between tags: only characters that XML 1.0 has, and no line feed of its own.
fn xml(text: &str) -> String {
    visible(text, true).chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Source, Span};

    #[test]
    fn a_code_in_a_file_is_a_case() {
        let source = Source { path: "offers/a.yaml".into(), text: "id: a\ntitle: b\n".into() };
        let at = |code, at: std::ops::Range<usize>, message: &str| {
            Diagnostic::error(code, &source, Some(Span::within(&source.text, at)), message)
        };
        let warning = Diagnostic::warning(Code::NotHttps, &source, None, "http").help("use https");
        let key = "contoso/b".parse().expect("a key");
        let findings =
            [at(Code::WrongValue, 4..5, "one <b>"), at(Code::WrongValue, 6..11, "two ]]> & \u{1}\u{ffff}"), warning];
        assert_eq!(
            diagnostics(vec![&key], &findings, &Places::default()),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"offerctl\" tests=\"3\" failures=\"1\" \
             errors=\"0\">\n  <testsuite name=\"offerctl validate\" tests=\"3\" failures=\"1\" errors=\"0\" \
             skipped=\"0\">\n    <testcase name=\"contoso/b\" classname=\"offerctl.validate\"/>\n    <testcase \
             name=\"OFR0012 wrong-value\" classname=\"offers/a.yaml\">\n      <failure type=\"OFR0012\" \
             message=\"offers/a.yaml:1:5: one &lt;b&gt;\">offers/a.yaml:1:5: one &lt;b&gt;&#10;offers/a.yaml:2:1: two \
             ]]&gt; &amp; \\u{1}\\u{ffff}</failure>\n    </testcase>\n    <testcase name=\"OFR0049 not-https\" \
             classname=\"offers/a.yaml\">\n      <system-out>offers/a.yaml: http&#10;  help: use https</system-out>\n    \
             </testcase>\n  </testsuite>\n</testsuites>\n"
        );
    }
}
