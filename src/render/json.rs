//! The documents for other programs. Their fields are named in structs of their own, here and in `plan::view`, so that other
//! modules can change without them; only ids, digests, addresses, values and the words of closed sets are written as they
//! are. `docs/json.md` explains the fields, `schemas/output/` has the form, and a field that is not described there fails a
//! test.
//!
//! `format_version` is `major.minor`: a minor step adds fields, a major step changes or removes some. Readers ignore
//! what they do not know. Values hold no secret.

pub(super) mod parts;

use serde::Serialize;

use self::parts::{AppliedPart, SincePart, StalePart, StatusPart, TakenPart, TotalsPart, UnreadPart};
use crate::apply::{End, Failure};
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::Error;
use crate::model::{OfferKey, OfferName};
use crate::plan::view::{self, FindingView, OfferView};
use crate::plan::{Plan, Unread};
use crate::report::{Check, OfferStatus, Purpose, Report, Verdict};

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

#[derive(Serialize)]
struct PlanDocument<'a> {
    fingerprint: String,
    /// Whether every offer could be read.
    complete: bool,
    summary: TotalsPart,
    findings: Vec<FindingView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<SincePart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<TakenPart<'a>>,
    offers: Vec<OfferView<'a>>,
    unchanged: Vec<OfferName<&'a OfferKey>>,
    unread: Vec<UnreadPart<'a>>,
}

pub(crate) fn plan(plan: &Plan) -> String {
    document(
        "offerctl.plan",
        PlanDocument {
            fingerprint: plan.fingerprint().to_string(),
            complete: plan.unread().is_empty(),
            summary: parts::totals(plan.totals()),
            findings: view::findings(plan.findings()),
            since: plan.since().map(parts::since),
            snapshot: plan.snapshot().map(parts::taken),
            offers: plan.offers().iter().map(view::offer).collect(),
            unchanged: plan.unchanged().iter().map(|unchanged| unchanged.key.name()).collect(),
            unread: parts::unread(plan.unread()),
        },
    )
}

#[derive(Serialize)]
struct ReportDocument<'a> {
    purpose: &'static str,
    exit_code: u8,
    /// What stopped the plan as a whole.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refused: &'a [String],
    offers: Vec<OutcomeDocument<'a>>,
    unchanged: usize,
    unread: Vec<UnreadPart<'a>>,
    /// What `drift --base` starts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<ReceiptDocument<'a>>,
    requests: u64,
    retries: u64,
}

#[derive(Serialize)]
struct ReceiptDocument<'a> {
    portal: &'a str,
    applied: Vec<AppliedPart<'a>>,
}

#[derive(Serialize)]
struct OutcomeDocument<'a> {
    #[serde(flatten)]
    offer: OfferName<&'a OfferKey>,
    done: Vec<&'static str>,
    end: &'static str,
    messages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<StalePart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    /// Declared fields that the portal's error names.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    places: &'a [String],
}

pub(crate) fn report(report: &Report) -> String {
    let offers = report
        .outcomes
        .iter()
        .map(|outcome| OutcomeDocument {
            offer: outcome.key.name(),
            done: outcome.done.iter().map(|done| parts::done(*done)).collect(),
            end: end_name(&outcome.end),
            messages: messages(&outcome.end),
            stale: match &outcome.end {
                End::Stale(stale) => Some(parts::stale(stale)),
                _ => None,
            },
            correlation_id: match &outcome.end {
                End::Failed(failure) => failure.problem.correlation.as_deref(),
                _ => None,
            },
            places: match &outcome.end {
                End::Failed(failure) => &failure.places,
                _ => &[],
            },
        })
        .collect();
    document(
        "offerctl.report",
        ReportDocument {
            purpose: parts::purpose(report.purpose),
            exit_code: report.exit().code(),
            refused: &report.refused,
            offers,
            unchanged: report.unchanged.len(),
            unread: parts::unread(&report.unread),
            receipt: (report.purpose == Purpose::Apply)
                .then_some(ReceiptDocument { portal: &report.portal, applied: parts::applied(&report.applied) }),
            requests: report.traffic.requests,
            retries: report.traffic.retries,
        },
    )
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

#[derive(Serialize)]
struct DiagnosticsDocument<'a> {
    offers: Vec<OfferName<&'a OfferKey>>,
    diagnostics: Vec<DiagnosticDocument<'a>>,
}

#[derive(Serialize)]
struct DiagnosticDocument<'a> {
    code: String,
    severity: &'static str,
    message: &'a str,
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    address: Option<&'a str>,
    help: Option<&'a str>,
}

/// The findings of `validate`.
pub(crate) fn diagnostics(offers: Vec<&OfferKey>, diagnostics: &[Diagnostic]) -> String {
    let offers = offers.into_iter().map(OfferKey::name).collect();
    document("offerctl.diagnostics", DiagnosticsDocument { offers, diagnostics: findings(diagnostics) })
}

fn findings(diagnostics: &[Diagnostic]) -> Vec<DiagnosticDocument<'_>> {
    diagnostics
        .iter()
        .map(|diagnostic| DiagnosticDocument {
            code: diagnostic.code.to_string(),
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: &diagnostic.message,
            file: &diagnostic.source.path,
            line: diagnostic.span.map(|span| span.line),
            column: diagnostic.span.map(|span| span.column),
            address: diagnostic.address.as_deref(),
            help: diagnostic.help.as_deref(),
        })
        .collect()
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    exit_code: u8,
    message: String,
    hints: &'a [String],
    diagnostics: Vec<DiagnosticDocument<'a>>,
}

/// An error that ended a command before it had a result.
pub(crate) fn error(error: &Error) -> String {
    document(
        "offerctl.error",
        ErrorDocument {
            exit_code: error.exit.code(),
            message: error.to_string(),
            hints: error.hints(),
            diagnostics: findings(error.diagnostics()),
        },
    )
}

#[derive(Serialize)]
struct StatusDocument<'a> {
    offers: Vec<StatusPart<'a>>,
    unread: Vec<UnreadPart<'a>>,
}

pub(crate) fn status(offers: &[OfferStatus], unread: &[Unread]) -> String {
    let offers = offers.iter().map(parts::status).collect();
    document("offerctl.status", StatusDocument { offers, unread: parts::unread(unread) })
}

#[derive(Serialize)]
struct DoctorDocument<'a> {
    checks: Vec<CheckDocument<'a>>,
}

#[derive(Serialize)]
struct CheckDocument<'a> {
    name: &'a str,
    verdict: &'static str,
    message: &'a str,
    next: Option<&'a str>,
}

/// What `doctor` found.
pub(crate) fn doctor(checks: &[Check]) -> String {
    let checks = checks.iter().map(|Check { name, verdict }| {
        let (verdict, message, next) = match verdict {
            Verdict::Good(message) => ("ok", message, None),
            Verdict::Bad { what, next, .. } => ("bad", what, Some(next.as_str())),
            Verdict::Unknown(why) => ("not-checked", why, None),
        };
        CheckDocument { name, verdict, message, next }
    });
    document("offerctl.doctor", DoctorDocument { checks: checks.collect() })
}
