//! What a result has to tell of lines in files, whatever the format: findings of files, what stops a plan, what went
//! wrong in a run. The formats for machines are made from this.

use std::collections::BTreeMap;
use std::path::Path;

use super::{apart, brief, plural, visible};
use crate::apply::{End, Outcome};
use crate::diagnostic::{About, Diagnostic, Fix, Place, Severity, Source, Span};
use crate::diff::{Change, ChangeKind};
use crate::drift::Drift;
use crate::error::Error;
use crate::model::{Address, OfferKey};
use crate::plan::{Finding, OfferPlan, Plan, Unread, by_risk};
use crate::report::Report;

/// Texts that are longer are cut: no reader of these formats reads on, and some refuse the file.
const LONGEST: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Error,
    Warning,
    Notice,
}

/// Lines and columns, from 1, columns in characters; the end is one past the last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) line: usize,
    pub(super) column: Option<usize>,
    pub(super) end: Option<(usize, usize)>,
}

/// One thing to tell of a place in a file.
#[derive(Debug, Clone)]
pub(super) struct Found<'a> {
    /// What kind of thing: a code, the name of a guard.
    pub(super) rule: String,
    pub(super) level: Level,
    pub(super) title: String,
    /// One line, clean of what a terminal acts on, cut where it is too long.
    pub(super) message: String,
    /// What to do next, in the same way.
    pub(super) help: Option<String>,
    /// Below the repository, with forward slashes.
    pub(super) file: String,
    pub(super) region: Option<Region>,
    /// What stays the same when lines move.
    pub(super) identity: String,
    pub(super) accepted: bool,
    /// The edit that mends it, and the file that it mends.
    pub(super) fix: Option<(&'a Source, &'a Fix)>,
}

impl Found<'static> {
    /// Returns an error in a file as a whole, with nothing to do next.
    fn error(rule: &str, title: String, message: &str, file: String, identity: String) -> Self {
        Self {
            rule: rule.to_owned(),
            level: Level::Error,
            title,
            message: clean(message),
            help: None,
            file,
            region: Some(line(1)),
            identity,
            accepted: false,
            fix: None,
        }
    }
}

/// Where the files are for those who know the repository and not the project.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// The project's folder below the repository: empty, or with a slash at its end.
    pub(crate) prefix: String,
    /// The files of offers, below the project.
    pub(crate) files: BTreeMap<OfferKey, String>,
}

impl Places {
    fn path(&self, path: &str) -> String {
        // What is not in a file of the project, such as that there is no project, is told of its settings.
        let path = if Path::new(path).is_absolute() { "offerctl.toml" } else { path };
        format!("{}{path}", self.prefix)
    }

    /// The file of an offer; the folder of all where it is not known.
    pub(super) fn offer(&self, key: &OfferKey) -> String {
        self.path(self.files.get(key).map_or("offers", String::as_str))
    }
}

/// A text in one line that no reader acts on.
pub(super) fn clean(text: &str) -> String {
    let cut = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let rest = text[cut..].chars().count();
    let more = if rest == 0 { String::new() } else { format!("… ({rest} more characters)") };
    visible(&text[..cut], false) + &more
}

pub(super) fn diagnostics<'a>(diagnostics: &'a [Diagnostic], places: &Places) -> Vec<Found<'a>> {
    diagnostics.iter().map(|diagnostic| of_diagnostic(diagnostic, places)).collect()
}

fn of_diagnostic<'a>(diagnostic: &'a Diagnostic, places: &Places) -> Found<'a> {
    let Diagnostic { code, severity, message, source, span, help, address, fix } = diagnostic;
    let message = match address {
        Some(address) => format!("{message} (at {address})"),
        None => message.clone(),
    };
    // A message may hold a number that changes every day; the address does not.
    let identity = format!("{code}\n{}\n{}", source.path, address.as_deref().unwrap_or(&message));
    Found {
        rule: code.to_string(),
        level: match severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
        },
        title: About::of(*code).map_or_else(|| code.to_string(), |about| format!("{code} {}", about.name)),
        message: clean(&message),
        help: help.as_deref().map(clean),
        file: places.path(&source.path),
        region: span.map(|span| region(&source.text, span)),
        identity,
        accepted: false,
        fix: fix.as_ref().map(|fix| (source, fix)),
    }
}

fn region(text: &str, span: Span) -> Region {
    let known = span.end > span.start && span.end <= text.len();
    let end = known.then(|| Span::within(text, span.end..span.end)).map(|end| (end.line, end.column));
    Region { line: span.line, column: Some(span.column), end }
}

/// What stops a plan, and what could not be read.
pub(super) fn plan(plan: &Plan, places: &Places) -> Vec<Found<'static>> {
    let whole =
        plan.findings().iter().map(|finding| of_finding(finding, "the plan", places.path("offerctl.toml"), None));
    let offers = plan.offers().iter().flat_map(|offer| of_offer(offer, places));
    whole.chain(offers).chain(unread(plan.unread(), places)).collect()
}

pub(super) fn of_offer(offer: &OfferPlan, places: &Places) -> Vec<Found<'static>> {
    let (of, lines) = (offer.key.to_string(), Lines::of(offer));
    let found = |finding| {
        let at = lines.of_finding(finding);
        of_finding(finding, &of, places.path(offer.file(at.file)), Some(line(at.line)))
    };
    offer.findings.iter().map(found).collect()
}

fn of_finding(finding: &Finding, of: &str, file: String, region: Option<Region>) -> Found<'static> {
    let kind = finding.token.as_deref().and_then(|token| token.split(':').next()).unwrap_or("conflict");
    let (level, word) = match (finding.stops(), finding.allowed) {
        (true, _) => (Level::Error, "stopped"),
        (false, true) => (Level::Notice, "accepted"),
        (false, false) => (Level::Warning, "a warning"),
    };
    let help = finding.token.as_ref().filter(|_| level == Level::Error);
    let help = help.map(|token| clean(&format!("to accept it, plan with --allow {token}")));
    let identity = format!("{kind}\n{of}\n{}", finding.token.as_deref().unwrap_or(&finding.message));
    let found = Found::error(kind, format!("{of}: {word}"), &finding.message, file, identity);
    Found { level, help, region, accepted: finding.allowed, ..found }
}

fn line(line: usize) -> Region {
    Region { line: line.max(1), column: None, end: None }
}

/// The lines of an offer's files by the addresses of its changes.
struct Lines<'a>(BTreeMap<&'a Address, Place>);

impl<'a> Lines<'a> {
    fn of(offer: &'a OfferPlan) -> Self {
        Self(offer.diff.changes.iter().map(|change| (&change.address, change.place())).collect())
    }

    /// Returns the line of the first change at or in an address, else that of the change around it.
    fn at(&self, address: &Address) -> Option<Place> {
        let inside = self.0.range::<&Address, _>(address..).next().filter(|(changed, _)| changed.is_within(address));
        let line = inside.map(|(_, line)| *line);
        let parents = std::iter::successors(Some(address.parent()), |at| (at.parent() != *at).then(|| at.parent()));
        line.or_else(|| parents.into_iter().find_map(|parent| self.0.get(&parent).copied()))
    }

    /// Returns the line to show a finding at: that of its first place that changes, else the first of the file.
    fn of_finding(&self, finding: &Finding) -> Place {
        finding.at.iter().find_map(|address| self.at(address)).unwrap_or_default()
    }
}

fn unread<'p>(unread: &'p [Unread], places: &'p Places) -> impl Iterator<Item = Found<'static>> + 'p {
    unread
        .iter()
        .map(|unread| not_read(unread, &format!("not read, so nothing is planned for it: {}", unread.cause), places))
}

fn not_read(Unread { key, hint, .. }: &Unread, message: &str, places: &Places) -> Found<'static> {
    let (title, identity) = (format!("{key}: not read"), format!("not-read\n{key}"));
    let found = Found::error("not-read", title, message, places.offer(key), identity);
    Found { help: hint.as_deref().map(clean), ..found }
}

/// The changes of a plan, the gravest of all offers first: what a reviewer must not miss warns.
pub(super) fn changes(plan: &Plan, places: &Places) -> Vec<Found<'static>> {
    let classed =
        plan.offers().iter().flat_map(|offer| by_risk(&offer.diff.changes).into_iter().map(move |c| (offer, c)));
    let mut classed = classed.collect::<Vec<_>>();
    classed.sort_by_key(|(_, (risk, _))| *risk);
    let found = classed.into_iter().map(|(offer, (risk, change))| {
        let (rule, title) = (format!("change-{}", risk.word()), format!("{}: {}", offer.key, risk.word()));
        let identity = format!("change\n{}\n{}", offer.key, change.address);
        let grave = risk.is_grave() || change.portal_edit.is_some();
        let level = if grave { Level::Warning } else { Level::Notice };
        let found = Found::error(&rule, title, &what(change), places.path(offer.file(change.file)), identity);
        Found { level, region: Some(line(change.line)), ..found }
    });
    found.collect()
}

/// The changes that undo or overwrite edits made in the portal: whoever made them should know.
pub(super) fn portal_edits(plan: &Plan, places: &Places) -> Vec<Found<'static>> {
    let changes = plan.offers().iter().flat_map(|offer| offer.diff.changes.iter().map(move |change| (offer, change)));
    let found = changes.filter_map(|(offer, change)| {
        let edit = change.portal_edit?;
        let (title, identity) =
            (format!("{}: {}", offer.key, edit.describe()), format!("portal-edit\n{}\n{}", offer.key, change.address));
        let file = places.path(offer.file(change.file));
        let found = Found::error("portal-edit", title, &what(change), file, identity);
        let help = "to keep the edit, run `offerctl drift --adopt` with this address".to_owned();
        Some(Found { level: Level::Warning, region: Some(line(change.line)), help: Some(help), ..found })
    });
    found.collect()
}

pub(super) fn what(change: &Change) -> String {
    match change.portal_edit {
        Some(edit) => format!("{} ({})", difference(change), edit.describe()),
        None => difference(change),
    }
}

fn difference(change: &Change) -> String {
    const LIMIT: usize = 120;
    let address = &change.address;
    match &change.kind {
        ChangeKind::Add { after } => format!("{address}: added {}", brief(after, LIMIT)),
        ChangeKind::Remove { before } => format!("{address}: removed {}", brief(before, LIMIT)),
        ChangeKind::Replace { before, after } if before == after => {
            format!("{address}: {} (secret or signature changed)", brief(after, LIMIT))
        }
        ChangeKind::Replace { before, after } => {
            let apart = apart::values(before, after);
            let (before, after) = apart.as_ref().map_or((before, after), |(before, after)| (before, after));
            format!("{address}: {} → {}", brief(before, LIMIT), brief(after, LIMIT))
        }
        ChangeKind::Members { added, removed } => {
            let part = |sign: &str, members: &[serde_json::Value]| match members {
                [] => String::new(),
                members => format!(" {sign}{}", brief(&members.into(), LIMIT)),
            };
            format!("{address}:{}{}", part("- ", removed), part("+ ", added))
        }
        ChangeKind::List { before, after } => {
            format!("{address}: {} → {}", plural(before.len(), "item"), plural(after.len(), "item"))
        }
    }
}

pub(super) fn report(report: &Report, places: &Places) -> Vec<Found<'static>> {
    let refused = report.refused.iter().map(|why| {
        let (title, file) = ("the plan: guarded".to_owned(), places.path("offerctl.toml"));
        Found { region: None, ..Found::error("guarded", title, why, file, format!("guarded\n{why}")) }
    });
    let bad = report.outcomes.iter().filter_map(|outcome| of_outcome(outcome, places));
    refused.chain(bad).chain(unread(&report.unread, places)).collect()
}

fn of_outcome(outcome: &Outcome, places: &Places) -> Option<Found<'static>> {
    let level = match Ended::of(&outcome.end) {
        Ended::Well => return None,
        Ended::Badly | Ended::Broken => Level::Error,
        Ended::Not => Level::Warning,
    };
    let (end, key) = (super::json::end_name(&outcome.end), &outcome.key);
    let (title, identity) = (format!("{key}: {end}"), format!("{end}\n{key}"));
    Some(Found { level, ..Found::error(end, title, &sentence(outcome), places.offer(key), identity) })
}

/// How an offer ended, and the first of what there is to say of it.
pub(super) fn sentence(outcome: &Outcome) -> String {
    let why = super::json::messages(&outcome.end);
    let ending = super::report_text::ending(&outcome.end);
    match why.is_empty() {
        true => ending,
        false => format!("{ending}: {}", why.join("; ")),
    }
}

/// The ends by what they mean to a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    /// Refused, or not what was wanted: somebody must look.
    Badly,
    /// The tool or the portal failed.
    Broken,
    /// It did not come to an end, or to a beginning.
    Not,
}

impl Ended {
    pub(super) fn of(end: &End) -> Self {
        match end {
            End::Done | End::Left => Self::Well,
            End::Stale(_)
            | End::Conflict(_)
            | End::Busy(_)
            | End::Guarded(_)
            | End::NotConverged(_)
            | End::OperationEnded(_)
            | End::TimedOut => Self::Badly,
            End::Failed(_) | End::Unfilled(_) => Self::Broken,
            End::Interrupted | End::NotAttempted => Self::Not,
        }
    }
}

/// What `drift` found: what could not be seen is an error, drift warns, and what moved otherwise is told.
pub(super) fn drift(drift: &Drift, places: &Places) -> Vec<Found<'static>> {
    let told = |rule: &str, level, title: String, message: &str, file: String| {
        let identity = format!("{rule}\n{title}");
        Found { level, ..Found::error(rule, clean(&title), message, file, identity) }
    };
    let moved = drift.offers.iter().flat_map(|offer| offer.moved.iter().map(move |moved| (offer, moved)));
    let moved = moved.map(|(offer, moved)| {
        let level = if moved.who.is_drift() { Level::Warning } else { Level::Notice };
        let title = format!("{}: {}", offer.key, moved.who.describe());
        let (file, at) = moved.declared.as_ref().map_or((offer.path(), 1), |(file, line)| (file.as_str(), *line));
        let found = told("drift", level, title, &super::view::drift_line(moved), places.path(file));
        Found { region: Some(line(at)), ..found }
    });
    let undeclared = drift.undeclared.iter().map(|one| {
        let counts = drift.count_undeclared && !one.was_declared;
        let level = if counts { Level::Warning } else { Level::Notice };
        let file = places.path("offerctl.toml");
        told("undeclared", level, one.key.to_string(), "it is in the portal, and no file declares it", file)
    });
    let unlisted = drift.unlisted.iter().map(|one| {
        let message = format!("its offers could not be listed, so some may be undeclared: {}", one.cause);
        let title = format!("{}/*: not listed", one.publisher);
        told("not-listed", Level::Error, title, &message, places.path("offerctl.toml"))
    });
    let unread = drift
        .unread
        .iter()
        .map(|one| not_read(one, &format!("not read, so it may have drifted: {}", one.cause), places));
    unread.chain(unlisted).chain(moved).chain(undeclared).collect()
}

/// An error in one line, with what to do next.
pub(super) fn error(error: &Error) -> (String, Option<String>) {
    let hints = error.hints().join("; ");
    (clean(&error.to_string()), (!hints.is_empty()).then(|| clean(&hints)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_the_line_of_the_change_at_it_in_it_or_around_it() {
        let root = Address::default();
        let plan = root.key("plans").id("basic");
        let (price, title) = (plan.key("price"), root.key("title"));
        let at = |line| Place { line, ..Place::default() };
        let lines = Lines([(&price, at(7)), (&title, at(3))].into());
        for (address, line) in [
            (&price, Some(7)),
            (&plan, Some(7)),
            (&price.key("sizes").id("1core"), Some(7)),
            (&title, Some(3)),
            (&root.key("titles"), None),
            (&plan.key("regions"), None),
        ] {
            assert_eq!(lines.at(address), line.map(at), "{address}");
        }
        let finding = |at: Vec<Address>| Finding { at, ..Finding::conflict("`title` and `price`") };
        assert_eq!(lines.of_finding(&finding(vec![plan.key("regions"), price.clone(), title.clone()])), at(7));
        assert_eq!(lines.of_finding(&finding(Vec::new())), at(0), "a message names no place");
    }
}
