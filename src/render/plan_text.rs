//! The plan as a reviewer reads it in a terminal or a log.

use std::fmt::Write as _;

use serde_json::Value;

use super::hunks::{LONG, hunks, words};
use super::{Paint, brief, counted, plural, sentence, visible};
use crate::diff::{Change, ChangeKind, Diff};
use crate::model::{LocalFile, OfferKey};
use crate::plan::{self, Finding, OfferPlan, Plan, ReleaseStep, Risk, Totals, Unread, Write};

/// How to show a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanOptions {
    /// Colour.
    pub paint: Paint,
    /// List what is hidden, and show values whole.
    pub verbose: bool,
}

const LIMIT: usize = 100;

/// The whole plan, ending in a line feed.
#[must_use]
pub fn plan(plan: &Plan, options: PlanOptions) -> String {
    let mut out = String::new();
    let totals = summary(&plan.totals());
    if plan.is_empty() && plan.unread.is_empty() {
        if options.verbose {
            unchanged(&mut out, plan, options);
        }
        let of = plural(plan.unchanged.len(), "offer");
        let are = if plan.unchanged.len() == 1 { "is" } else { "are" };
        let secrets = plan.unchanged.iter().map(|offer| offer.diff.secrets.len()).sum::<usize>();
        let unknown = match secrets {
            0 => String::new(),
            count => format!(" ({} cannot be compared; --resend sends)", plural(count, "secret")),
        };
        if !options.verbose {
            plan.unchanged.iter().for_each(|offer| not_seen(&mut out, &offer.diff, Some(&offer.key), options.paint));
        }
        let _ = writeln!(out, "No changes: {of} on the portal {are} as the files{unknown}.");
        return out;
    }
    let heading = options.paint.strong(&format!("Plan: {totals}"));
    let _ = writeln!(out, "{heading}    (live → file)\n");
    findings(&mut out, &plan.findings, false, options.paint);
    if !plan.findings.is_empty() {
        out.push('\n');
    }
    for offer in &plan.offers {
        offer_plan(&mut out, offer, options);
        out.push('\n');
    }
    for unread in &plan.unread {
        not_read(&mut out, unread, options.paint);
    }
    if !plan.unread.is_empty() {
        out.push('\n');
    }
    if options.verbose {
        unchanged(&mut out, plan, options);
    } else {
        plan.unchanged.iter().for_each(|offer| not_seen(&mut out, &offer.diff, Some(&offer.key), options.paint));
    }
    let _ = writeln!(out, "Plan {}: {totals}.", options.paint.strong(plan.fingerprint().short()));
    out
}

fn summary(totals: &Totals) -> String {
    let Totals { create, update, release, stopped, unchanged, unread } = *totals;
    sentence([
        counted(create, "to create"),
        counted(update, "to update"),
        counted(release, "to release"),
        counted(unchanged, "unchanged"),
        counted(unread, "not read"),
        counted(stopped, "stopped by a finding"),
    ])
}

fn offer_plan(out: &mut String, offer: &OfferPlan, options: PlanOptions) {
    let paint = options.paint;
    let (symbol, verb) = match offer.write() {
        Some(Write::Create) => (paint.added("+"), "create draft"),
        Some(Write::Update) => (paint.changed("~"), "update draft"),
        None => (paint.changed(">"), "release"),
    };
    let profile = offer.profile.map_or_else(|| "new".to_owned(), |profile| profile.to_string());
    let _ = writeln!(out, "{symbol} {}   {verb}   {profile}   {}", paint.strong(&offer.key.to_string()), offer.path());
    findings(out, &offer.findings, true, paint);
    for (risk, change) in plan::by_risk(&offer.diff.changes) {
        one_change(out, change, risk, offer.path(), options);
    }
    if let Some(footer) = footer(&offer.diff, offer.write().is_some(), options.verbose) {
        let _ = writeln!(out, "    {}", paint.dim(&footer));
    }
    not_seen(out, &offer.diff, None, paint);
    if options.verbose {
        hidden(out, &offer.diff, paint);
    }
    uploads(out, &offer.uploads);
    if !offer.release.is_empty() {
        let steps = offer.release.iter().map(|step| step_name(*step)).collect::<Vec<_>>().join(" → ");
        let _ = writeln!(out, "    then: {steps}");
    }
}

/// What speaks against a plan or an offer, and what accepts it.
fn findings(out: &mut String, findings: &[Finding], of_offer: bool, paint: Paint) {
    for finding in findings {
        let also = if of_offer { ", or `reconcile.allow`" } else { "" };
        let (mark, how) = match (&finding.token, finding.allowed) {
            (Some(token), true) => (paint.dim("!"), format!("   accepted: {token}")),
            (Some(token), false) if finding.stops() => (paint.removed("!"), format!("   needs --allow {token}{also}")),
            (Some(token), false) => (paint.changed("!"), format!("   a warning: {token}")),
            (None, _) => (paint.removed("!"), String::new()),
        };
        let _ = writeln!(out, "  {mark} {}{}", visible(&finding.message, false), visible(&how, false));
    }
}

fn one_change(out: &mut String, change: &Change, risk: Risk, path: &str, options: PlanOptions) {
    let paint = options.paint;
    let limit = if options.verbose { usize::MAX } else { LIMIT };
    let address = visible(&change.address.to_string(), false);
    let twin = change.twin.as_ref().map(|twin| format!("also in {}   ", visible(twin, false))).unwrap_or_default();
    let class = if risk.is_grave() { format!("{}   ", risk.word()) } else { String::new() };
    let place = format!("{class}{}", paint.dim(&format!("{twin}{path}:{}", change.line)));
    match &change.kind {
        ChangeKind::Add { after: Value::Object(fields) } if !fields.is_empty() => {
            let _ = writeln!(out, "  {} {address}: added   {place}", paint.added("+"));
            for (key, value) in fields {
                let field = format!("{}: {}", visible(key, false), brief(value, limit));
                let _ = writeln!(out, "      {}", paint.added(&field));
            }
        }
        ChangeKind::Add { after } => {
            let _ = writeln!(
                out,
                "  {} {address}: added {}   {place}",
                paint.added("+"),
                paint.added(&brief(after, limit))
            );
        }
        ChangeKind::Remove { before } => {
            let before = paint.removed(&brief(before, limit));
            let _ = writeln!(out, "  {} {address}: removed {before}   {place}", paint.removed("-"));
        }
        ChangeKind::Members { added, removed } => {
            let list = |values: &[Value]| values.iter().map(|v| brief(v, limit)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(out, "  {} {address}:   {place}", paint.changed("~"));
            if !removed.is_empty() {
                let _ = writeln!(out, "      {}", paint.removed(&format!("- {}", list(removed))));
            }
            if !added.is_empty() {
                let _ = writeln!(out, "      {}", paint.added(&format!("+ {}", list(added))));
            }
        }
        ChangeKind::List { before, after } => {
            let text = |items: &[Value]| items.iter().map(|item| format!("{item}\n")).collect::<String>();
            let _ = writeln!(out, "  {} {address}: {} → {}   {place}", paint.changed("~"), before.len(), after.len());
            lines(out, &hunks(&text(before), &text(after), paint).0);
        }
        ChangeKind::Replace { before, after } => replaced(out, &address, before, after, &place, options),
    }
}

fn replaced(out: &mut String, address: &str, before: &Value, after: &Value, place: &str, options: PlanOptions) {
    let paint = options.paint;
    let symbol = paint.changed("~");
    if before == after {
        let _ = writeln!(out, "  {symbol} {address}: {} (secret or signature changed)   {place}", brief(after, LIMIT));
        return;
    }
    if let (Some(old), Some(new)) = (before.as_str(), after.as_str())
        && (old.len().max(new.len()) > LONG || old.contains('\n') || new.contains('\n'))
    {
        let (hunks, changed) = hunks(old, new, paint);
        let _ = writeln!(out, "  {symbol} {address}: {}   {place}", words(changed));
        lines(out, &hunks);
        return;
    }
    let (old, new) = (brief(before, LIMIT), brief(after, LIMIT));
    let _ = writeln!(out, "  {symbol} {address}: {} → {}   {place}", paint.removed(&old), paint.added(&new));
}

fn lines(out: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(out, "      {line}");
    }
}

fn footer(diff: &Diff, writes: bool, verbose: bool) -> Option<String> {
    let text = sentence([
        if diff.unmanaged > 0 && writes {
            format!("{} kept", plural(diff.unmanaged, "unmanaged field"))
        } else {
            String::new()
        },
        if diff.hidden.is_empty() {
            String::new()
        } else {
            let how = if verbose { "" } else { " (-v lists them)" };
            format!("{} hidden{how}", plural(diff.hidden.len(), "formatting-only difference"))
        },
        if diff.unknown.is_empty() {
            String::new()
        } else {
            format!("{} not compared (the portal serves its own copy)", plural(diff.unknown.len(), "artifact"))
        },
        if diff.secrets.is_empty() {
            String::new()
        } else {
            let sent = if writes { "sent along" } else { "not compared" };
            format!("{} {sent}", plural(diff.secrets.len(), "secret"))
        },
        counted(diff.ignored.len(), "ignored"),
    ]);
    let again = !diff.unknown.is_empty() || (!diff.secrets.is_empty() && !writes);
    let how = if again { "; --resend sends again what cannot be compared" } else { "" };
    (!text.is_empty()).then(|| format!("{text}{how}"))
}

/// Artifacts that were asked for and could not be seen. They are no changes, and no reader must take them for equal.
fn not_seen(out: &mut String, diff: &Diff, of: Option<&OfferKey>, paint: Paint) {
    let of = of.map(|key| format!("{key} ")).unwrap_or_default();
    for unknown in &diff.unknown {
        let Some(reason) = &unknown.reason else { continue };
        let (address, reason) = (visible(&unknown.address.to_string(), false), visible(reason, false));
        let _ = writeln!(out, "  {} {of}{address}   unknown: {reason}", paint.changed("?"));
    }
}

fn uploads(out: &mut String, files: &[LocalFile]) {
    for file in files {
        let size = file.content.size;
        let _ = writeln!(out, "    will upload {size} bytes: {}", visible(&file.path, false));
    }
}

fn hidden(out: &mut String, diff: &Diff, paint: Paint) {
    for hidden in &diff.hidden {
        let line = format!("hidden: {}: {}", visible(&hidden.address.to_string(), false), hidden.rule.describe());
        let _ = writeln!(out, "    {}", paint.dim(&line));
    }
    for unknown in &diff.unknown {
        if unknown.reason.is_none() {
            let line = format!("not compared: {}", visible(&unknown.address.to_string(), false));
            let _ = writeln!(out, "    {}", paint.dim(&line));
        }
    }
    for address in &diff.ignored {
        let line = format!("ignored: {}", visible(&address.to_string(), false));
        let _ = writeln!(out, "    {}", paint.dim(&line));
    }
}

fn unchanged(out: &mut String, plan: &Plan, options: PlanOptions) {
    for offer in &plan.unchanged {
        let footer =
            footer(&offer.diff, false, options.verbose).map(|footer| format!("   {footer}")).unwrap_or_default();
        let _ = writeln!(out, "  {}   unchanged{}", offer.key, options.paint.dim(&footer));
        not_seen(out, &offer.diff, None, options.paint);
        hidden(out, &offer.diff, options.paint);
    }
    if !plan.unchanged.is_empty() {
        out.push('\n');
    }
}

fn not_read(out: &mut String, unread: &Unread, paint: Paint) {
    let symbol = paint.removed("?");
    let _ = writeln!(out, "{symbol} {}   not read; nothing is proposed for it", paint.strong(&unread.key.to_string()));
    let _ = writeln!(out, "    {}", visible(&unread.cause, false));
    if let Some(hint) = &unread.hint {
        let _ = writeln!(out, "    hint: {hint}");
    }
}

pub(super) fn step_name(step: ReleaseStep) -> &'static str {
    match step {
        ReleaseStep::Publish => "publish to preview",
        ReleaseStep::JoinPublish => "join the running publish",
        ReleaseStep::AwaitSignoff => "wait for sign-off",
        ReleaseStep::GoLive => "go live",
        ReleaseStep::JoinGoLive => "join the running go-live",
        ReleaseStep::AwaitLive => "wait until live",
    }
}
