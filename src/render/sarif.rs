//! SARIF 2.1.0, for code scanning: what is wrong in files, and what stops a plan. Changes are no findings: a change that
//! is wanted would be an alert.
//!
//! The structs are the part of the standard that is written here; the crates for all of it are several times their size.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::found::{self, Found, Level, Places, Region};
use crate::diagnostic::{About, Diagnostic, Fix, Severity, Source, Span};
use crate::error::{Error, Exit};
use crate::model::Digest;
use crate::plan::Plan;
use crate::workspace::mend;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// GitHub takes as many results of a run, and refuses files with many more.
const MOST: usize = 5_000;

/// Each fix is tried before it is offered, which reads the file again.
const MOST_FIXES: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    automation_details: AutomationDetails,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    original_uri_base_ids: BTreeMap<&'static str, Base>,
    results: Vec<SarifResult>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<RuleDescriptor>,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
}

#[derive(Serialize)]
struct Base {
    description: Text,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleDescriptor {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    short_description: Text,
    full_description: Text,
    help: Help,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<[Suppression; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixes: Option<[SarifFix; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<SarifRegion>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRegion {
    start_line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<usize>,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifFix {
    description: Text,
    artifact_changes: [ArtifactChange; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange {
    artifact_location: ArtifactLocation,
    replacements: [Replacement; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: SarifRegion,
    inserted_content: Text,
}

/// The findings of `validate`.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic], places: &Places, exit: Exit) -> String {
    log("validate", &found::diagnostics(diagnostics, places), &[], exit)
}

/// What stops a plan, and what could not be read.
pub(crate) fn plan(plan: &Plan, places: &Places, exit: Exit) -> String {
    log("plan", &found::plan(plan, places), &[], exit)
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
    let notification = |level, text: String| Notification { level, message: Text { text: unlinked(&text) } };
    let mut notifications = errors.iter().map(|text| notification("error", text.clone())).collect::<Vec<_>>();
    if found.len() > shown.len() {
        notifications.push(notification("warning", format!("{} more findings are left out", found.len() - MOST)));
    }
    let (mut seen, mut fixes) = (BTreeMap::new(), 0);
    let results = shown.iter().map(|found| result(found, indices[found.rule.as_str()], &mut seen, &mut fixes));
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            results: results.collect(),
            tool: Tool {
                driver: Driver {
                    name: "offerctl",
                    version: env!("CARGO_PKG_VERSION"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: names.iter().map(|name| rule(name)).collect(),
                },
            },
            automation_details: AutomationDetails { id: format!("offerctl/{command}/") },
            invocations: [Invocation {
                execution_successful: errors.is_empty(),
                exit_code: exit.code(),
                tool_execution_notifications: notifications,
            }],
            column_kind: "unicodeCodePoints",
            original_uri_base_ids: BTreeMap::from([(
                ROOT,
                Base { description: Text { text: "The root of the repository.".to_owned() } },
            )]),
        }],
    };
    let text = serde_json::to_string_pretty(&log).unwrap_or_else(|error| unreachable!("the log serialises: {error}"));
    text + "\n"
}

const ROOT: &str = "%SRCROOT%";

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "note",
    }
}

fn result(found: &Found<'_>, index: usize, seen: &mut BTreeMap<String, usize>, fixes: &mut usize) -> SarifResult {
    let message = match &found.help {
        Some(help) => format!("{}; {help}", found.message),
        None => found.message.clone(),
    };
    let count = seen.entry(found.identity.clone()).or_default();
    *count += 1;
    let fingerprint = format!("{}:{count}", Digest::of(found.identity.as_bytes()));
    let suppression = Suppression {
        kind: "external",
        status: "accepted",
        justification: "accepted by `--allow` or `reconcile.allow`",
    };
    SarifResult {
        rule_id: found.rule.clone(),
        rule_index: index,
        level: level(found.level),
        message: Text { text: unlinked(&message) },
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: location(&found.file),
                region: found.region.map(region),
            },
        }],
        partial_fingerprints: BTreeMap::from([("offerctlFinding/v1", fingerprint)]),
        suppressions: found.accepted.then_some([suppression]),
        fixes: found.fix.and_then(|(source, mends)| fix(source, mends, &found.file, fixes)).map(|fix| [fix]),
    }
}

/// A fix that does what it says, and nothing else.
fn fix(source: &Source, fix: &Fix, file: &str, count: &mut usize) -> Option<SarifFix> {
    if *count >= MOST_FIXES {
        return None;
    }
    *count += 1;
    if mend(source, &[fix]).done.is_empty() {
        return None;
    }
    let (start, end) = (Span::within(&source.text, fix.bytes.start..fix.bytes.start), fix.bytes.end);
    let end = Span::within(&source.text, end..end);
    let description = if fix.text.is_empty() { "Take it away.".to_owned() } else { format!("Write {}.", fix.text) };
    let place = Region { line: start.line, column: Some(start.column), end: Some((end.line, end.column)) };
    Some(SarifFix {
        description: Text { text: unlinked(&found::clean(&description)) },
        artifact_changes: [ArtifactChange {
            artifact_location: location(file),
            replacements: [Replacement {
                deleted_region: region(place),
                inserted_content: Text { text: fix.text.clone() },
            }],
        }],
    })
}

fn location(file: &str) -> ArtifactLocation {
    ArtifactLocation { uri: uri(file), uri_base_id: ROOT }
}

fn region(region: Region) -> SarifRegion {
    let Region { line, column, end } = region;
    SarifRegion {
        start_line: line,
        start_column: column,
        end_line: end.map(|(line, _)| line),
        end_column: end.map(|(_, column)| column),
    }
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

fn rule(name: &str) -> RuleDescriptor {
    let text = |text: &str| Text { text: text.to_owned() };
    let code = name.strip_prefix("OFR").and_then(|_| About::find(name));
    if let Some(about) = code {
        let About { name: short, summary, explanation, example, mended, severity, .. } = about;
        let level = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        return RuleDescriptor {
            id: name.to_owned(),
            name: Some((*short).to_owned()),
            short_description: text(summary),
            full_description: text(explanation),
            help: Help {
                text: format!("{explanation}\n\nSuch as\n\n{example}\n\nMended\n\n{mended}"),
                markdown: format!("{explanation}\n\n```yaml\n{example}\n```\n\nMended:\n\n```yaml\n{mended}\n```"),
            },
            default_configuration: Configuration { level },
        };
    }
    let (summary, next) = match name {
        "not-read" => (
            "an offer could not be read from the portal",
            "Nothing is proposed for it. `offerctl doctor` looks for the cause.",
        ),
        "conflict" => (
            "the plan cannot be carried out",
            "What stands against it cannot be accepted: change the file, or wait until the portal has done what it does.",
        ),
        _ => (
            "a guard stops the plan",
            "Look at what would be lost. To accept exactly this finding, plan with `--allow TOKEN`, or list the token in \
             `reconcile.allow` of the offer file.",
        ),
    };
    RuleDescriptor {
        id: name.to_owned(),
        name: None,
        short_description: text(summary),
        full_description: text(&format!("{summary}. {next}")),
        help: Help { text: next.to_owned(), markdown: next.to_owned() },
        default_configuration: Configuration { level: "error" },
    }
}
