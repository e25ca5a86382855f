//! What was done, and what was not, and how to go on.

use std::fmt::Write as _;

use super::{Paint, brief, counted, not_read, plural, sentence, visible};
use crate::apply::{Done, End, Failure, Outcome};
use crate::plan::{MovedField, Stale};
use crate::portal::Traffic;
use crate::report::{Purpose, Report};

/// The whole report, ending in a line feed.
pub(crate) fn report(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    for refusal in &report.refused {
        let _ = writeln!(out, "{} the plan   refused by a guard; nothing was written", paint.removed("✗"));
        let _ = writeln!(out, "    {}", visible(refusal, false));
    }
    for outcome in &report.outcomes {
        one(&mut out, outcome, report.purpose, paint);
    }
    not_read(&mut out, &report.unread, "not attempted: it could not be read", paint);
    let good = report.outcomes.iter().filter(|outcome| matches!(outcome.end, End::Done | End::Left)).count();
    let bad = report.outcomes.len() - good + report.unread.len();
    let counts = sentence([
        if good > 0 || bad == 0 {
            format!("{} {}", plural(good, "offer"), past(report.purpose))
        } else {
            String::new()
        },
        if bad > 0 { format!("{bad} not {}", past(report.purpose)) } else { String::new() },
        counted(report.unchanged.len(), "unchanged"),
    ]);
    let verdict = if bad == 0 { "Done" } else { "Not done" };
    let _ = writeln!(out, "{}: {counts}.", paint.strong(verdict));
    out
}

fn past(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Apply => "applied",
        Purpose::Wait => "finished",
        Purpose::Publish => "published",
        Purpose::GoLive => "taken live",
        Purpose::Cancel => "with no running operation",
    }
}

/// Returns a line with the portal and the environment of a run, and what it cost the network.
pub(crate) fn traffic(traffic: Traffic, portal: &str, environment: Option<&str>) -> String {
    let Traffic { requests, retries } = traffic;
    let requests = plural(usize::try_from(requests).unwrap_or(usize::MAX), "request");
    let retries = if retries == 1 { "1 retry".to_owned() } else { format!("{retries} retries") };
    let environment = environment.map(|name| format!(", environment {name}")).unwrap_or_default();
    format!("{requests} to {portal}{environment}, {retries}.")
}

fn one(out: &mut String, outcome: &Outcome, purpose: Purpose, paint: Paint) {
    let did = outcome.done.iter().map(|done| done_name(*done)).collect::<Vec<_>>().join(", ");
    let symbol = match &outcome.end {
        End::Done => paint.added("✓"),
        End::Left | End::TimedOut | End::Interrupted | End::NotAttempted => paint.changed("…"),
        _ => paint.removed("✗"),
    };
    let ending = ending(&outcome.end);
    let line = sentence([did, ending]);
    let _ = writeln!(out, "{symbol} {}   {line}", paint.strong(&outcome.key.to_string()));
    details(out, outcome, purpose);
}

pub(super) fn ending(end: &End) -> String {
    match end {
        End::Done => String::new(),
        End::Left => "continues in the portal".to_owned(),
        End::Stale(_) => {
            "refused: the offer changed in the portal since the plan was made; nothing was written".to_owned()
        }
        End::Conflict(_) => "refused: in conflict".to_owned(),
        End::Busy(_) => "refused: the portal is busy with this offer".to_owned(),
        End::Guarded(_) => "refused by a guard; nothing was written".to_owned(),
        End::NotConverged(_) => "the portal stored something other than what was written".to_owned(),
        End::Unfilled(_) => "failed; nothing was written".to_owned(),
        End::Failed(_) => "failed".to_owned(),
        End::OperationEnded(_) => "the portal's operation did not succeed".to_owned(),
        End::TimedOut => "the wait ran out of time; the operation continues in the portal".to_owned(),
        End::Interrupted => "interrupted; operations continue in the portal".to_owned(),
        End::NotAttempted => "not attempted".to_owned(),
    }
}

fn details(out: &mut String, outcome: &Outcome, purpose: Purpose) {
    let key = &outcome.key;
    match &outcome.end {
        End::Done if purpose == Purpose::Wait && outcome.done == [Done::InPreview] => {
            let how = format!(
                "it waits for sign-off; run `offerctl go-live {key}`, or `offerctl apply --through live {key}` to \
                    compare it with the file first"
            );
            hint(out, Some(&how));
        }
        End::Done | End::NotAttempted => {}
        End::Left | End::TimedOut | End::Interrupted if purpose == Purpose::Cancel => {
            line(out, "the cancellation was requested and has not taken effect yet");
        }
        End::Left | End::TimedOut | End::Interrupted => {
            let next = match purpose {
                Purpose::Apply => "; then apply again to take the next step",
                Purpose::Publish | Purpose::GoLive | Purpose::Wait | Purpose::Cancel => "",
            };
            hint(out, Some(&format!("run `offerctl wait {key}`{next}")));
        }
        End::Stale(stale) => {
            stale_lines(out, stale);
            hint(out, Some("plan again, review the changes, and apply the new plan"));
        }
        End::Conflict(why) => line(out, why),
        End::Busy(why) => {
            line(out, why);
            hint(out, Some(&format!("`offerctl status {key}` shows what runs; `offerctl wait {key}` waits for it")));
        }
        End::Guarded(findings) => findings.iter().for_each(|finding| line(out, finding)),
        End::NotConverged(addresses) => {
            for address in addresses {
                line(out, &format!("{address} was not stored as written"));
            }
            hint(
                out,
                Some(
                    "run `offerctl plan` to see the difference; a picture that the portal cannot fetch comes back \
                    empty",
                ),
            );
        }
        End::Unfilled(why) => line(out, why),
        End::Failed(failure) => failure_lines(out, failure),
        End::OperationEnded(why) => {
            why.iter().for_each(|why| line(out, why));
            hint(out, Some(&format!("`offerctl status {key}` shows the steps and their messages")));
        }
    }
}

fn failure_lines(out: &mut String, failure: &Failure) {
    let Failure { problem, places } = failure;
    line(out, &problem.headline());
    problem.details.iter().for_each(|detail| line(out, &format!("- {detail}")));
    places.iter().for_each(|place| line(out, &format!("see {place}")));
    hint(out, problem.hint.as_deref());
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "    {}", visible(text, false));
}

fn hint(out: &mut String, hint: Option<&str>) {
    if let Some(hint) = hint {
        let _ = writeln!(out, "    hint: {hint}");
    }
}

fn stale_lines(out: &mut String, stale: &Stale) {
    match stale {
        Stale::Created => line(out, "the plan creates the offer, but it exists now"),
        Stale::Deleted => line(out, "the plan changes the offer, but it no longer exists"),
        Stale::Refused => {
            line(out, "another client saved the offer during this write, and the portal rejected the write");
        }
        Stale::Moved { fields } if fields.is_empty() => {
            line(
                out,
                "the ETag is new: the offer was saved again, with the same content but for secrets and signatures",
            );
        }
        Stale::Moved { fields } => fields.iter().for_each(|field| line(out, &moved(field))),
    }
}

fn moved(field: &MovedField) -> String {
    let value =
        |value: &Option<serde_json::Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), |v| brief(v, 100));
    let planned = field.planned.as_ref().map(|planned| match &field.now {
        Some(now) if now == planned => " (already as planned)".to_owned(),
        _ => format!(" (the plan writes {})", brief(planned, 100)),
    });
    let MovedField { address, before, now, planned: _ } = field;
    format!("{address}: {} → {}{}", value(before), value(now), planned.unwrap_or_default())
}

pub(super) fn done_name(done: Done) -> &'static str {
    match done {
        Done::Created => "draft created",
        Done::Updated => "draft updated",
        Done::Published => "published",
        Done::Joined => "joined the running operation",
        Done::InPreview => "in preview",
        Done::SignedOff => "signed off",
        Done::Live => "live",
        Done::Canceled => "canceled",
        Done::AtRest => "nothing runs",
    }
}
