//! SARIF 2.1.0, for code scanning: what is wrong in files, and what stops a plan. Changes are no findings: a change that
//! is wanted would be an alert.
//!
//! The crates for the whole standard are several times the size of the part that is written here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::found::{self, Found, Level, Places, Region};
use crate::diagnostic::{About, Diagnostic, Fix, Source, Span};
use crate::edit::mend;
use crate::error::{Error, Exit};
use crate::model::Digest;
use crate::plan::Plan;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// GitHub takes as many results of a run, and refuses files with many more.
const MOST: usize = 5_000;

/// Each fix is tried before it is offered, which reads the file again.
const MOST_FIXES: usize = 100;

/// The findings of `validate`.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic], places: &Places, exit: Exit) -> String {
    log("validate", &found::diagnostics(diagnostics, places), &[], exit)
}

/// What stops a plan, what could not be read, and what undoes an edit made in the portal.
pub(crate) fn plan(plan: &Plan, places: &Places, exit: Exit) -> String {
    log("plan", &[found::plan(plan, places), found::portal_edits(plan, places)].concat(), &[], exit)
}

/// An error that ended a command before it had a result: its findings, and the error itself.
pub(crate) fn error(command: &str, error: &Error, places: &Places) -> String {
    let (message, help) = found::error(error);
    let message = help.map_or_else(|| message.clone(), |help| format!("{message}; {help}"));
    log(command, &found::diagnostics(error.diagnostics(), places), &[message], error.exit)
}

fn log(command: &str, found: &[Found<'_>], errors: &[String], exit: Exit) -> String {
    let shown = &found[..found.len().min(MOST)];
    let names = shown.iter().map(|found| found.rule.as_str()).collect::<BTreeSet<_>>();
    let indices = names.iter().enumerate().map(|(index, name)| (*name, index)).collect::<BTreeMap<_, _>>();
    let notification = |level, text: &str| json!({ "level": level, "message": { "text": unlinked(text) } });
    let mut notifications = errors.iter().map(|text| notification("error", text)).collect::<Vec<_>>();
    if found.len() > shown.len() {
        notifications.push(notification("warning", &format!("{} more findings are left out", found.len() - MOST)));
    }
    let (mut seen, mut fixes) = (BTreeMap::new(), 0);
    let results = shown.iter().map(|found| result(found, indices[found.rule.as_str()], &mut seen, &mut fixes));
    let run = json!({
        "tool": {
            "driver": {
                "name": "offerctl",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": names.iter().map(|name| rule(name)).collect::<Vec<_>>(),
            },
        },
        "automationDetails": { "id": format!("offerctl/{command}/") },
        "invocations": [{
            "executionSuccessful": errors.is_empty(),
            "exitCode": exit.code(),
            "toolExecutionNotifications": notifications,
        }],
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": { ROOT: { "description": { "text": "The root of the repository." } } },
        "results": results.collect::<Vec<_>>(),
    });
    let log = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    format!("{log:#}\n")
}

const ROOT: &str = "%SRCROOT%";

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "note",
    }
}

fn result(found: &Found<'_>, index: usize, seen: &mut BTreeMap<String, usize>, fixes: &mut usize) -> Value {
    let message = match &found.help {
        Some(help) => format!("{}; {help}", found.message),
        None => found.message.clone(),
    };
    let count = seen.entry(found.identity.clone()).or_default();
    *count += 1;
    let fingerprint = format!("{}:{count}", Digest::of(found.identity.as_bytes()));
    let mut place = json!({ "artifactLocation": location(&found.file) });
    if let Some(at) = found.region {
        place["region"] = region(at);
    }
    let mut result = json!({
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": level(found.level),
        "message": { "text": unlinked(&message) },
        "locations": [{ "physicalLocation": place }],
        "partialFingerprints": { "offerctlFinding/v1": fingerprint },
    });
    if found.accepted {
        let justification = "accepted by `--allow` or `reconcile.allow`";
        let suppression = json!({ "kind": "external", "status": "accepted", "justification": justification });
        result["suppressions"] = json!([suppression]);
    }
    if let Some(fix) = found.fix.and_then(|(source, mends)| fix(source, mends, &found.file, fixes)) {
        result["fixes"] = json!([fix]);
    }
    result
}

/// A fix that does what it says, and nothing else.
fn fix(source: &Source, fix: &Fix, file: &str, count: &mut usize) -> Option<Value> {
    if *count >= MOST_FIXES {
        return None;
    }
    *count += 1;
    if mend(source, &[fix]).done.is_empty() {
        return None;
    }
    let (start, end) = (Span::within(&source.text, fix.bytes.start..fix.bytes.start), fix.bytes.end);
    let end = Span::within(&source.text, end..end);
    let description = if fix.text.is_empty() { "Remove it.".to_owned() } else { format!("Write {}.", fix.text) };
    let place = Region { line: start.line, column: Some(start.column), end: Some((end.line, end.column)) };
    Some(json!({
        "description": { "text": unlinked(&found::clean(&description)) },
        "artifactChanges": [{
            "artifactLocation": location(file),
            "replacements": [{ "deletedRegion": region(place), "insertedContent": { "text": fix.text } }],
        }],
    }))
}

fn location(file: &str) -> Value {
    json!({ "uri": uri(file), "uriBaseId": ROOT })
}

fn region(Region { line, column, end }: Region) -> Value {
    let mut region = json!({ "startLine": line });
    if let Some(column) = column {
        region["startColumn"] = column.into();
    }
    if let Some((line, column)) = end {
        region["endLine"] = line.into();
        region["endColumn"] = column.into();
    }
    region
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    path.bytes().fold(String::with_capacity(path.len()), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
        uri
    })
}

/// A message without links: viewers make one of `[text](target)`.
fn unlinked(text: &str) -> String {
    text.replace("](", "] (")
}

fn rule(name: &str) -> Value {
    if let Some(about) = name.strip_prefix("OFR").and_then(|_| About::find(name)) {
        let About { name: short, summary, explanation, example, fixed, severity, .. } = about;
        return json!({
            "id": name,
            "name": short,
            "shortDescription": { "text": summary },
            "fullDescription": { "text": explanation },
            "help": {
                "text": format!("{explanation}\n\nExample\n\n{example}\n\nFixed\n\n{fixed}"),
                "markdown": format!("{explanation}\n\n```yaml\n{example}\n```\n\nFixed:\n\n```yaml\n{fixed}\n```"),
            },
            "defaultConfiguration": { "level": severity },
        });
    }
    let (summary, next) = match name {
        "not-read" => (
            "an offer could not be read from the portal",
            "Nothing is planned for it. Run `offerctl doctor` to find the cause.",
        ),
        "portal-edit" => (
            "a change undoes an edit made in the portal",
            "To keep the edit, write it into the file: `offerctl drift --base BASE --adopt ADDRESS`.",
        ),
        "conflict" => (
            "the plan cannot be carried out",
            "This finding cannot be accepted. Change the file, or wait for the running operation.",
        ),
        _ => (
            "a guard stops the plan",
            "Check what would be lost. To accept exactly this finding, plan with `--allow TOKEN`, or list the token \
                in `reconcile.allow` of the offer file.",
        ),
    };
    json!({
        "id": name,
        "shortDescription": { "text": summary },
        "fullDescription": { "text": format!("{summary}. {next}") },
        "help": { "text": next, "markdown": next },
        "defaultConfiguration": { "level": "error" },
    })
}
