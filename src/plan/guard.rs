//! Guards: rules over what one offer is and what it would become, which stop it until their exact finding is accepted.
//!
//! They look at the two documents, not at the changes: however a plan comes to be missing, it is missing. What they know
//! of fields, they know from the schemas. A token names the finding, not the guard: who accepts one accepts nothing else.

mod locked;
pub(super) mod many;
mod removed;
mod secrets;
mod terms;
mod twins;
mod unknown;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diff::Diff;
use crate::document;
use crate::model::{Address, Digest, Node};
use crate::schema::Shape;
use crate::workspace::{Guard, Guards, Level, Limits};

/// What a guard, the portal or a rule found about a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// The guard that found it; `None` for what the portal or the user's own rule does not let pass.
    #[serde(default)]
    pub(crate) guard: Option<Guard>,
    /// Whether it stops the offer or is shown alone.
    #[serde(default)]
    pub(crate) level: Level,
    /// What accepts it, with `--allow` or `reconcile.allow`; `None` cannot be accepted.
    pub(crate) token: Option<String>,
    /// What it is, in one line.
    pub(crate) message: String,
    /// Where in the offer, the most important place first; empty for what has no place.
    #[serde(default)]
    pub(crate) at: Vec<Address>,
    pub(crate) allowed: bool,
}

impl Finding {
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self { guard: None, level: Level::Stop, token: None, message: message.into(), at: Vec::new(), allowed: false }
    }

    /// A finding of one of the project's own rules.
    pub(super) fn ruled(level: Level, token: String, message: String) -> Self {
        Self { level, token: Some(token), ..Self::conflict(message) }
    }

    /// What a guard found. Its level is the project's.
    pub(super) fn guarded(guard: Guard, token: String, message: String) -> Self {
        Self { guard: Some(guard), token: Some(token), ..Self::conflict(message) }
    }

    pub(super) fn at(self, at: impl IntoIterator<Item = Address>) -> Self {
        Self { at: at.into_iter().collect(), ..self }
    }

    /// Whether `apply` refuses for it.
    pub(crate) fn stops(&self) -> bool {
        self.level == Level::Stop && !self.allowed
    }

    /// The finding, and how to accept it.
    pub(crate) fn describe(&self) -> String {
        match &self.token {
            Some(token) if self.guard == Some(Guard::ManyOffers) => {
                format!("{} (to accept, plan with --allow {token})", self.message)
            }
            Some(token) => {
                format!("{} (to accept, plan with --allow {token}, or list it in `reconcile.allow`)", self.message)
            }
            None => self.message.clone(),
        }
    }
}

/// Gives each finding the level that the project gives its guard, and leaves out those that are off.
pub(super) fn with_configured_levels(findings: impl IntoIterator<Item = Finding>, guards: &Guards) -> Vec<Finding> {
    let level = |finding: Finding| {
        let level = finding.guard.map_or(finding.level, |guard| guards.level(guard));
        Finding { level, ..finding }
    };
    findings.into_iter().map(level).filter(|finding| finding.level != Level::Off).collect()
}

/// Names for a token: as they are where they are few and plain, else their number and a digest of them.
fn named(names: &[String]) -> String {
    const LONGEST: usize = 80;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.=+%".contains(c);
    if names.len() <= 4 && names.iter().all(|name| name.chars().all(plain)) {
        let joined = names.join("/");
        if joined.len() <= LONGEST {
            return joined;
        }
    }
    let digest = Digest::of(serde_json::Value::from(names).to_string().as_bytes());
    format!("{}-{}", names.len(), &digest.short()[..8])
}

/// The findings about a comparison; `live` is null for an offer that the portal does not have. `file` is what is
/// declared, `published` what customers have, as far as it is known.
pub(super) fn findings(
    diff: &Diff,
    live: &Value,
    file: &Node,
    published: Option<&Value>,
    shape: &Shape,
    limits: &Limits,
) -> Vec<Finding> {
    let mut findings = diff
        .changes
        .iter()
        .filter(|change| change.immutable)
        .map(|change| {
            let message = format!("`{}` cannot be changed after an offer was created", change.address);
            Finding::conflict(message).at([change.address.clone()])
        })
        .collect::<Vec<_>>();
    if diff.patch.is_empty() {
        return findings;
    }
    let locked = locked::findings(&diff.patch, live, file, published, shape);
    match locked.and_then(|locked| Ok((locked, diff.patch.preview(live)?))) {
        Ok((locked, after)) => {
            findings.extend(locked);
            findings.extend(removed::findings(live, &after, shape));
            findings.extend(twins::findings(live, &after, shape));
            findings.extend(secrets::findings(live, &after, shape, &diff.secrets));
            // A secret has no market and no price.
            let (before, after) = (document::redacted(live, shape), document::redacted(&after, shape));
            findings.extend(terms::findings(&before, &after, shape, limits));
            findings.extend(unknown::findings(&before, &after, shape));
        }
        Err(misfit) => findings.push(Finding::conflict(misfit.to_string())),
    }
    findings
}

#[cfg(test)]
mod tests;
