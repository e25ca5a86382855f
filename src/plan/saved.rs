//! The plan as a file: what was reviewed is what is applied.
//!
//! The file is for `apply`, not for other programs (those read `plan -o json`). It carries a format version, the
//! version of the tool, what the plan is bound to outside of the offers' own files, the fingerprint of the plan, and a
//! checksum over all of it, so that a plan that was edited, or made by another major version, is refused. The policy is
//! in `docs/plans.md`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Finding, OfferPlan, Plan, Since, Taken, Unchanged, Unread, Verdict, assemble, sealed};
use crate::model::{Digest, Shard};

const FORMAT: &str = "offerctl-plan";
const FORMAT_VERSION: &str = "3.1";

/// A plan that was read from a file: what [`assemble`](super::assemble) makes the same plan of, with the clock of now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SavedPlan {
    pub(crate) content: Content,
    /// What it stands and falls with.
    pub(crate) bound: Bound,
    pub(crate) fingerprint: Digest,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) offers: Vec<OfferPlan>,
    unchanged: Vec<Unchanged>,
    unread: Vec<Unread>,
    pub(crate) since: Option<Since>,
    pub(crate) snapshot: Option<Taken>,
    #[serde(default)]
    pub(crate) environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<Shard>,
    /// The findings about the plan as a whole, when it was made. `apply` looks for them again; these are to be shown.
    #[serde(default)]
    pub(super) findings: Vec<Finding>,
    /// The findings about each offer, when the plan was made.
    #[serde(default)]
    pub(super) offer_findings: BTreeMap<String, Vec<Finding>>,
}

impl Content {
    /// The verdicts that the plan was made of.
    pub(crate) fn into_verdicts(self) -> Vec<Verdict> {
        let Self { offers, unchanged, unread, .. } = self;
        let changed = offers.into_iter().map(|offer| Verdict::Change(Box::new(offer)));
        let unchanged = unchanged.into_iter().map(|offer| Verdict::Unchanged(Box::new(offer)));
        changed.chain(unchanged).chain(unread.into_iter().map(Verdict::Unread)).collect()
    }
}

/// What a saved plan stands and falls with, beside the files of its offers and the portal's state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bound {
    pub(crate) portal: String,
    /// The digest of each table of `offerctl.toml` that decides what a plan does.
    pub(crate) settings: BTreeMap<String, Digest>,
    /// The digest of the schema of each type of offer in it.
    pub(crate) schemas: BTreeMap<String, Digest>,
    /// The tokens of the command line, for findings that depend on the time.
    pub(crate) accepted: BTreeSet<String>,
}

impl Bound {
    /// What is another now, in words: `[guards]` of offerctl.toml, the schema of a type.
    pub(crate) fn changed(&self, now: &Self) -> Vec<String> {
        // The portal is told apart by who connects to it.
        let Self { portal: _, settings, schemas, accepted: _ } = self;
        let other = |name: &&String, was: &BTreeMap<String, Digest>, is: &BTreeMap<String, Digest>| {
            was.get(*name) != is.get(*name)
        };
        let settings = settings
            .keys()
            .filter(|name| other(name, settings, &now.settings))
            .map(|name| format!("[{name}] of offerctl.toml changed since the plan was made"));
        let schemas = schemas
            .keys()
            .filter(|name| other(name, schemas, &now.schemas))
            .map(|name| format!("the schema of {name} changed since the plan was made"));
        settings.chain(schemas).collect()
    }
}

/// Why a file cannot be used as a plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("it is not a saved plan: {0}")]
    NotAPlan(String),
    /// The JSON output of `plan`, which is for other programs.
    #[error("it is the JSON output of `plan`, not a saved plan; save one with `plan --out`")]
    Output,
    #[error(
        "it was written by offerctl {tool} in format {format}; this is offerctl {}, which reads plans of its own version \
         in format {FORMAT_VERSION}",
        env!("CARGO_PKG_VERSION")
    )]
    OtherVersion { tool: String, format: String },
    #[error("it was changed after it was saved: its checksum does not match")]
    Edited,
    #[error("its content does not have the fingerprint {0} that it names")]
    OtherFingerprint(Digest),
}

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    format_version: String,
    tool: String,
    bound: Bound,
    fingerprint: Digest,
    plan: Value,
}

impl SavedPlan {
    pub(crate) fn write(plan: &Plan, bound: &Bound) -> String {
        let findings = plan.offers().iter().filter(|offer| !offer.findings.is_empty());
        let findings = findings.map(|offer| (offer.key.to_string(), &offer.findings));
        let mut content = json!({
            "offers": plan.offers(),
            "unchanged": plan.unchanged(),
            "unread": plan.unread(),
            "since": plan.since(),
            "snapshot": plan.snapshot(),
            "environment": plan.environment(),
            "findings": plan.findings(),
            "offer_findings": findings.collect::<BTreeMap<_, _>>(),
        });
        if let Some(shard) = plan.shard() {
            content["shard"] = json!(shard);
        }
        sealed::seal(&File {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION.to_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            bound: bound.clone(),
            fingerprint: plan.fingerprint().clone(),
            plan: content,
        })
    }

    /// Returns the plan as it was shown when it was made.
    ///
    /// # Errors
    /// When the plan that was saved has another fingerprint than the file says.
    pub(crate) fn restore(self) -> Result<Plan, LoadError> {
        let saved = self.fingerprint.clone();
        let plan = assemble::restore(self).map_err(|error| LoadError::NotAPlan(error.to_string()))?;
        if *plan.fingerprint() == saved { Ok(plan) } else { Err(LoadError::OtherFingerprint(saved)) }
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is no plan, one of another version, or one that was edited.
    pub(crate) fn read(text: &str) -> Result<Self, LoadError> {
        let not = |error: serde_json::Error| LoadError::NotAPlan(error.to_string());
        let value = serde_json::from_str::<Value>(text).map_err(not)?;
        match value.get("format").and_then(Value::as_str) {
            Some(FORMAT) => {}
            Some("offerctl.plan") => return Err(LoadError::Output),
            _ => return Err(LoadError::NotAPlan(format!("it has no `\"format\": \"{FORMAT}\"`"))),
        }
        // A file of another version may have another shape, so its version is read first and by itself.
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("unknown").to_owned();
        let (tool, format) = (text("tool"), text("format_version"));
        if major(&format) != major(FORMAT_VERSION) || compatible(&tool) != compatible(env!("CARGO_PKG_VERSION")) {
            return Err(LoadError::OtherVersion { tool, format });
        }
        let intact = sealed::is_intact(&value);
        let file = serde_json::from_value::<File>(value).map_err(not)?;
        if !intact {
            return Err(LoadError::Edited);
        }
        let content = serde_json::from_value(file.plan).map_err(not)?;
        Ok(Self { content, bound: file.bound, fingerprint: file.fingerprint })
    }
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or(version)
}

/// The part of a tool's version that must be the same: before 1.0 every minor version may change the rules.
fn compatible(version: &str) -> String {
    let parts = version.split('.').collect::<Vec<_>>();
    let count = if parts.first() == Some(&"0") { 2 } else { 1 };
    parts.into_iter().take(count).collect::<Vec<_>>().join(".")
}
