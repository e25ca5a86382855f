//! The documents for other programs. Their outer fields are named here and in `plan::view`; what they hold is serialised
//! as its type says. `docs/json.md` explains the fields, `schemas/output/` has the form, and a field that is not described
//! there fails a test.
//!
//! `format_version` is `major.minor`: a minor step adds fields, a major step changes or removes some. Readers ignore
//! what they do not know. Values hold no secret.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::apply::{Done, End, Failure, Outcome};
use crate::diagnostic::Diagnostic;
use crate::drift::{Applied, Drift, Moved, OfferDrift};
use crate::error::Error;
use crate::model::{OfferKey, OfferName};
use crate::plan::view::{self, FindingView, OfferView};
use crate::plan::{Plan, Since, Stale, Taken, Totals, Unread};
use crate::report::{Check, Compared, OfferStatus, Purpose, Report, Verdict};
use crate::snapshot::Snapshot;

const FORMAT_VERSION: &str = "2.0";

#[derive(Serialize)]
struct Document<T> {
    format: &'static str,
    format_version: &'static str,
    #[serde(flatten)]
    content: T,
}

pub(super) fn document(format: &'static str, content: impl Serialize) -> String {
    let document = Document { format, format_version: FORMAT_VERSION, content };
    let mut text = serde_json::to_string_pretty(&document)
        .unwrap_or_else(|error| unreachable!("the document serialises: {error}"));
    text.push('\n');
    text
}

/// The portal that was read, and the environment that the files were read for.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct ReadFrom<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) portal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<&'a str>,
}

/// A document with what it was read from at its beginning.
#[derive(Serialize)]
struct From<'a, T> {
    #[serde(flatten)]
    from: ReadFrom<'a>,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize)]
struct PlanDocument<'a> {
    fingerprint: String,
    portal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    /// Whether every offer could be read.
    complete: bool,
    summary: Totals,
    findings: Vec<FindingView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'a Since>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<&'a Taken>,
    offers: Vec<OfferView<'a>>,
    unchanged: Vec<OfferName<&'a OfferKey>>,
    unread: &'a [Unread],
}

pub(crate) fn plan(plan: &Plan) -> String {
    document(
        "offerctl.plan",
        PlanDocument {
            fingerprint: plan.fingerprint().to_string(),
            portal: plan.portal(),
            environment: plan.environment(),
            complete: plan.unread().is_empty(),
            summary: plan.totals(),
            findings: view::findings(plan.findings()),
            since: plan.since(),
            snapshot: plan.snapshot(),
            offers: plan.offers().iter().map(view::offer).collect(),
            unchanged: plan.unchanged().iter().map(|unchanged| unchanged.key.name()).collect(),
            unread: plan.unread(),
        },
    )
}

#[derive(Serialize)]
struct ReportDocument<'a> {
    purpose: Purpose,
    exit_code: u8,
    /// What stopped the plan as a whole.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refused: &'a [String],
    offers: Vec<OutcomeDocument<'a>>,
    unchanged: usize,
    unread: &'a [Unread],
    /// What `drift --base` starts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<ReceiptDocument<'a>>,
    requests: u64,
    retries: u64,
}

#[derive(Serialize)]
struct ReceiptDocument<'a> {
    portal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    applied: &'a [Applied],
}

#[derive(Serialize)]
struct OutcomeDocument<'a> {
    #[serde(flatten)]
    offer: OfferName<&'a OfferKey>,
    done: &'a [Done],
    end: &'static str,
    messages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<&'a Stale>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    /// Declared fields that the portal's error names.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    places: &'a [String],
}

pub(crate) fn report(report: &Report, from: ReadFrom<'_>) -> String {
    let content = ReportDocument {
        purpose: report.purpose,
        exit_code: report.exit().code(),
        refused: &report.refused,
        offers: report.outcomes.iter().map(outcome).collect(),
        unchanged: report.unchanged.len(),
        unread: &report.unread,
        receipt: (report.purpose == Purpose::Apply).then_some(ReceiptDocument {
            portal: &report.portal,
            environment: report.environment.as_deref(),
            applied: &report.applied,
        }),
        requests: report.traffic.requests,
        retries: report.traffic.retries,
    };
    document("offerctl.report", From { from, content })
}

fn outcome(outcome: &Outcome) -> OutcomeDocument<'_> {
    let (stale, failure) = match &outcome.end {
        End::Stale(stale) => (Some(stale), None),
        End::Failed(failure) => (None, Some(failure)),
        _ => (None, None),
    };
    OutcomeDocument {
        offer: outcome.key.name(),
        done: &outcome.done,
        end: end_name(&outcome.end),
        messages: messages(&outcome.end),
        stale,
        correlation_id: failure.and_then(|failure| failure.problem.correlation.as_deref()),
        places: failure.map_or(&[], |failure| &failure.places),
    }
}

pub(super) fn end_name(end: &End) -> &'static str {
    match end {
        End::Done => "done",
        End::Left => "left",
        End::Stale(_) => "stale",
        End::Conflict(_) => "conflict",
        End::Busy(_) => "busy",
        End::Guarded(_) => "guarded",
        End::NotConverged(_) => "not-converged",
        End::Unfilled(_) => "unfilled",
        End::Failed(_) => "failed",
        End::OperationEnded(_) => "operation-ended",
        End::TimedOut => "timed-out",
        End::Interrupted => "interrupted",
        End::NotAttempted => "not-attempted",
    }
}

pub(super) fn messages(end: &End) -> Vec<String> {
    match end {
        End::Conflict(why) | End::Busy(why) | End::Unfilled(why) => vec![why.clone()],
        End::Guarded(lines) | End::NotConverged(lines) | End::OperationEnded(lines) => lines.clone(),
        End::Failed(failure) => {
            let Failure { problem, places: _ } = failure.as_ref();
            std::iter::once(problem.headline()).chain(problem.details.iter().cloned()).collect()
        }
        End::Done | End::Left | End::Stale(_) | End::TimedOut | End::Interrupted | End::NotAttempted => Vec::new(),
    }
}

/// The findings of `validate`.
pub(crate) fn diagnostics(offers: Vec<&OfferKey>, diagnostics: &[Diagnostic]) -> String {
    let offers = offers.into_iter().map(OfferKey::name).collect::<Vec<_>>();
    document("offerctl.diagnostics", json!({ "offers": offers, "diagnostics": findings(diagnostics) }))
}

pub(super) fn findings(diagnostics: &[Diagnostic]) -> Vec<Value> {
    let finding = |diagnostic: &Diagnostic| {
        json!({
            "code": diagnostic.code.to_string(),
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            "file": &*diagnostic.source.path,
            "line": diagnostic.span.map(|span| span.line),
            "column": diagnostic.span.map(|span| span.column),
            "address": diagnostic.address,
            "help": diagnostic.help,
        })
    };
    diagnostics.iter().map(finding).collect()
}

/// An error that ended a command before it had a result.
pub(crate) fn error(error: &Error) -> String {
    let content = json!({
        "exit_code": error.exit.code(),
        "message": error.to_string(),
        "hints": error.hints(),
        "diagnostics": findings(error.diagnostics()),
    });
    document("offerctl.error", content)
}

pub(crate) fn status(offers: &[OfferStatus], unread: &[Unread], from: ReadFrom<'_>) -> String {
    let content = json!({ "offers": offers, "unread": unread });
    document("offerctl.status", From { from, content })
}

pub(crate) fn doctor(checks: &[Check]) -> String {
    let checks = checks.iter().map(|Check { name, verdict }| {
        let (verdict, message, next) = match verdict {
            Verdict::Good(message) => ("ok", message, None),
            Verdict::Bad { what, next, .. } => ("bad", what, Some(next)),
            Verdict::Unknown(why) => ("not-checked", why, None),
        };
        json!({ "name": name, "verdict": verdict, "message": message, "next": next })
    });
    document("offerctl.doctor", json!({ "checks": checks.collect::<Vec<_>>() }))
}

pub(crate) fn snapshot(snapshot: &Snapshot, path: &Path) -> String {
    let offers = snapshot.content.offers.iter().map(|recorded| {
        let OfferName { api, offer } = recorded.offer.name();
        json!({ "api": api, "offer": offer, "exists": recorded.present.is_some() })
    });
    let content = json!({
        "file": path.display().to_string(),
        "portal": snapshot.portal,
        "taken": snapshot.taken.to_string(),
        "offers": offers.collect::<Vec<_>>(),
        "unread": snapshot.content.unread,
    });
    document("offerctl.snapshot", content)
}

pub(crate) fn compared(
    (side, other): &(String, String),
    offers: &[Compared],
    unread: &[Unread],
    from: ReadFrom<'_>,
) -> String {
    let offers = offers.iter().map(|one| {
        let Compared { key, files, empty, changes, document: _, not_compared } = one;
        let OfferName { api, offer } = key.name();
        json!({
            "api": api,
            "offer": offer,
            "file": files.first(),
            "empty": empty,
            "changes": changes.iter().map(|change| view::change(change, one.file(change.file))).collect::<Vec<_>>(),
            "not_compared": not_compared.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    });
    let offers = offers.collect::<Vec<_>>();
    let content = json!({ "from": side, "to": other, "offers": offers, "unread": unread });
    document("offerctl.diff", From { from, content })
}

/// An offer in one of its states, without secrets.
pub(crate) fn shown(key: &OfferKey, state: &str, live: &Value) -> String {
    let OfferName { api, offer } = key.name();
    document("offerctl.show", json!({ "api": api, "offer": offer, "state": state, "document": live }))
}

pub(crate) fn drift(drift: &Drift, from: ReadFrom<'_>) -> String {
    let offers = drift.offers.iter().map(|drifted| {
        let OfferDrift { key, base, why, moved, .. } = drifted;
        let OfferName { api, offer } = key.name();
        let moved = moved.iter().map(self::moved).collect::<Vec<_>>();
        json!({ "api": api, "offer": offer, "file": drifted.path(), "base": base, "no_base": why, "moved": moved })
    });
    let content = json!({
        "exit_code": drift.exit().code(),
        "drift": drift.count(),
        "complete": drift.unread.is_empty() && drift.unlisted.is_empty(),
        "bases": drift.bases,
        "offers": offers.collect::<Vec<_>>(),
        "undeclared": drift.undeclared,
        "unlisted": drift.unlisted,
        "unread": drift.unread,
    });
    document("offerctl.drift", From { from, content })
}

fn moved(moved: &Moved) -> Value {
    let Moved { address, who, declared, base, portal, file, note, in_portal: _, in_file: _ } = moved;
    json!({
        "address": address.to_string(),
        "verdict": who,
        "declared_in": declared.as_ref().map(|(file, _)| file),
        "line": declared.as_ref().map(|(_, line)| line),
        "base": base,
        "portal": portal,
        "file": file,
        "note": note,
    })
}
