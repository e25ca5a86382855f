//! The plan as a file: what was reviewed is what is applied.
//!
//! The file is for `apply`, not for other programs (those read `plan -o json`). It carries a format version, the
//! version of the tool, the fingerprint of the plan, and a checksum over all of it, so that a plan that was edited, or
//! made by another major version, is refused. That the rules are others within one shows when `apply` compares anew.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Plan;
use crate::model::Digest;

const FORMAT: &str = "offerctl-plan";
const FORMAT_VERSION: &str = "1.0";

/// A plan that was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedPlan {
    /// The plan.
    pub plan: Plan,
    /// The portal that it was made from.
    pub portal: String,
}

/// Why a file cannot be used as a plan.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a plan at all.
    #[error("it is not a saved plan: {0}")]
    NotAPlan(String),
    /// The JSON output of `plan`, which is for other programs.
    #[error("it is the JSON output of `plan`, not a saved plan; save one with `plan --out`")]
    Output,
    /// A plan of another format or tool.
    #[error("it was written by offerctl {tool} in format {format}; this is offerctl {}, which reads format {FORMAT_VERSION}", env!("CARGO_PKG_VERSION"))]
    OtherVersion {
        /// The tool's version in the file.
        tool: String,
        /// The format's version in the file.
        format: String,
    },
    /// Changed after it was saved.
    #[error("it was changed after it was saved: its checksum does not match")]
    Edited,
}

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    format_version: String,
    tool: String,
    portal: String,
    fingerprint: Digest,
    plan: Value,
    checksum: Digest,
}

impl SavedPlan {
    /// The file's text.
    #[must_use]
    pub fn write(plan: &Plan, portal: &str) -> String {
        let content = serde_json::to_value(plan).unwrap_or_else(|error| unreachable!("a plan serialises: {error}"));
        let fingerprint = plan.fingerprint();
        let file = File {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION.to_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            portal: portal.to_owned(),
            checksum: checksum(FORMAT_VERSION, env!("CARGO_PKG_VERSION"), portal, &fingerprint, &content),
            fingerprint,
            plan: content,
        };
        let mut text =
            serde_json::to_string_pretty(&file).unwrap_or_else(|error| unreachable!("a plan serialises: {error}"));
        text.push('\n');
        text
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is no plan, one of another version, or one that was edited.
    pub fn read(text: &str) -> Result<Self, LoadError> {
        let not = |error: serde_json::Error| LoadError::NotAPlan(error.to_string());
        let value = serde_json::from_str::<Value>(text).map_err(not)?;
        match value.get("format").and_then(Value::as_str) {
            Some(FORMAT) => {}
            Some("offerctl.plan") => return Err(LoadError::Output),
            _ => return Err(LoadError::NotAPlan(format!("it has no `\"format\": \"{FORMAT}\"`"))),
        }
        let file = serde_json::from_value::<File>(value).map_err(not)?;
        if major(&file.format_version) != major(FORMAT_VERSION)
            || compatible(&file.tool) != compatible(env!("CARGO_PKG_VERSION"))
        {
            return Err(LoadError::OtherVersion { tool: file.tool, format: file.format_version });
        }
        if checksum(&file.format_version, &file.tool, &file.portal, &file.fingerprint, &file.plan) != file.checksum {
            return Err(LoadError::Edited);
        }
        let plan = serde_json::from_value::<Plan>(file.plan).map_err(not)?;
        Ok(Self { plan, portal: file.portal })
    }
}

fn checksum(format_version: &str, tool: &str, portal: &str, fingerprint: &Digest, plan: &Value) -> Digest {
    let all = json!([FORMAT, format_version, tool, portal, fingerprint, plan]);
    Digest::of(all.to_string().as_bytes())
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
