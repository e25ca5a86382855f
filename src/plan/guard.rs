//! Guards: rules over what one offer is and what it would become, which stop it until their exact finding is accepted.
//!
//! They look at the two documents, not at the changes: however a plan comes to be missing, it is missing. What they know
//! of fields, they know from the schemas. A token names the finding, not the guard: who accepts one accepts nothing else.

pub(super) mod many;
mod terms;
mod unknown;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::diff::{self, Compare, Diff};
use crate::live;
use crate::model::{Address, Digest, Node};
use crate::schema::{ListRule, Shape};
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
    /// A finding that cannot be accepted.
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

    /// The finding with its places.
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

/// The findings about a comparison; `live` is null for an offer that the portal does not have.
pub(super) fn findings(diff: &Diff, live: &Value, shape: &Shape, limits: &Limits) -> Vec<Finding> {
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
    match diff.patch.preview(live) {
        Ok(after) => {
            let root = Address::default();
            removed(live, Some(&after), shape, &root, &mut findings);
            twins(live, &after, shape, &mut findings);
            blanked(live, &after, shape, &root, &diff.secrets, &mut findings);
            // What is a secret is told to nobody, and has no market and no price.
            let (before, after) = (live::redacted(live, shape), live::redacted(&after, shape));
            findings.extend(terms::findings(&before, &after, shape, limits));
            findings.extend(unknown::findings(&before, &after, shape));
        }
        Err(misfit) => findings.push(Finding::conflict(misfit.to_string())),
    }
    findings
}

/// Members of guarded lists and dictionaries that would be gone.
fn removed(live: &Value, after: Option<&Value>, shape: &Shape, address: &Address, findings: &mut Vec<Finding>) {
    match (live, &shape.rules.list) {
        (Value::Object(map), _) => {
            let left = |key: &str| after.and_then(|after| after.get(key)).filter(|left| !left.is_null());
            for (key, value) in map {
                let here = shape.address(address, key);
                match (left(key), &shape.rules.guard) {
                    (None, Some(noun)) => findings.push(gone(noun, address, key).at([here])),
                    (left, _) => removed(value, left, shape.property(key), &here, findings),
                }
            }
        }
        (Value::Array(items), ListRule::Keyed(key)) => {
            let left = after.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let noun = shape.rules.guard.as_deref();
            let (Some(ids), Some(left_ids)) = (live::identities(items, key), live::identities(left, key)) else {
                // Without identities nobody can say which member goes.
                let kept = items.iter().all(|item| left.contains(item)) && items.len() <= left.len();
                findings.extend(noun.filter(|_| !kept).map(|noun| gone(noun, address, "*").at([address.clone()])));
                return;
            };
            let case = shape.item().property(key).rules.case;
            for (item, id) in items.iter().zip(ids) {
                match (left_ids.iter().position(|other| case.same(other, id)), noun) {
                    (Some(at), _) => removed(item, Some(&left[at]), shape.item(), &address.id(id), findings),
                    (None, Some(noun)) => findings.push(gone(noun, address, id).at([address.id(id)])),
                    (None, None) => removed(item, None, shape.item(), &address.id(id), findings),
                }
            }
        }
        _ => {}
    }
}

fn gone(noun: &str, list: &Address, identity: &str) -> Finding {
    let path = list.identities().chain([identity]).collect::<Vec<_>>().join("/");
    let message = format!("removes the {noun} {path}; customers who use it lose it when the offer goes live");
    Finding::guarded(Guard::Removal, format!("remove-{noun}:{path}"), message)
}

/// Properties that must be equal and would not be.
fn twins(live: &Value, after: &Value, shape: &Shape, findings: &mut Vec<Finding>) {
    let mut before = Vec::new();
    unequal(live, shape, &Address::default(), &mut before);
    let mut now = Vec::new();
    unequal(after, shape, &Address::default(), &mut now);
    for (address, twin) in now.into_iter().filter(|pair| !before.contains(pair)) {
        let message = format!("`{address}` and its twin `{twin}` must be equal and would differ; declare both");
        findings.push(Finding::guarded(Guard::Twins, format!("twin:{address}"), message).at([address]));
    }
}

fn unequal(value: &Value, shape: &Shape, address: &Address, found: &mut Vec<(Address, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let child = shape.property(key);
                let here = address.key(shape.label(key));
                if let Some((twin, other)) = child.rules.twin.as_ref().and_then(|twin| Some((twin, map.get(twin)?)))
                    && !(same(value, other, child) && same(other, value, child))
                {
                    found.push((here.clone(), twin.clone()));
                }
                unequal(value, child, &here, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let identity = match &shape.rules.list {
                    ListRule::Keyed(key) => item.get(key).and_then(Value::as_str).map(ToOwned::to_owned),
                    ListRule::Set | ListRule::Ordered => None,
                };
                unequal(item, shape.item(), &address.id(&identity.unwrap_or_else(|| index.to_string())), found);
            }
        }
        _ => {}
    }
}

fn same(one: &Value, other: &Value, shape: &Shape) -> bool {
    diff::compare(&Node::from_value(one), other, shape, Compare::default()).changes.is_empty()
}

/// A live block that holds a secret which GET leaves out and the file does not declare: the PUT that carries the block
/// back without its secret may clear it. What the write takes away on purpose is no loss.
fn blanked(
    live: &Value,
    after: &Value,
    shape: &Shape,
    address: &Address,
    declared: &[Address],
    findings: &mut Vec<Finding>,
) {
    let (Value::Object(map), Value::Object(after)) = (live, after) else { return };
    let covered = |block: &Address| declared.iter().any(|secret| secret.is_within(block));
    let filled = map.values().any(|value| !value.is_null() && value.as_str() != Some(""));
    let returned = shape.properties().any(|(key, property)| property.rules.secret && map.contains_key(key));
    if holds_secrets(shape) && filled && !returned && !covered(address) {
        findings.push(blank(address));
    }
    for (key, value) in map {
        let here = address.key(shape.label(key));
        let next = after.get(key).unwrap_or(&Value::Null);
        if key.ends_with("leadDestination")
            && next == value
            && destination_uncovered(value, map, shape, |block| covered(&address.key(block)))
        {
            findings.push(blank(&here));
        }
        blanked(value, next, shape.property(key), &here, declared, findings);
    }
}

/// Whether leads go to a destination whose secret is neither returned nor declared. A block that holds nothing but its
/// secret comes back empty, so only the destination tells that there is one.
fn destination_uncovered(
    destination: &Value,
    offer: &Map<String, Value>,
    shape: &Shape,
    covered: impl Fn(&str) -> bool,
) -> bool {
    let to = destination.as_str().unwrap_or_default().to_ascii_lowercase();
    if to.is_empty() || to == "none" {
        return false;
    }
    let blocks = shape.properties().filter(|(_, property)| holds_secrets(property)).collect::<Vec<_>>();
    let named = |label: &str| to.contains(&label.trim_end_matches("LeadConfiguration").to_ascii_lowercase());
    let any_named = blocks.iter().any(|(key, _)| named(shape.label(key)));
    let mut candidates = blocks.iter().filter(|(key, _)| !any_named || named(shape.label(key))).peekable();
    let returned = |key: &str, block: &Shape| {
        let live = offer.get(key).and_then(Value::as_object);
        live.is_some_and(|live| block.properties().any(|(name, p)| p.rules.secret && live.contains_key(name)))
    };
    candidates.peek().is_some() && !candidates.any(|(key, block)| covered(shape.label(key)) || returned(key, block))
}

fn holds_secrets(shape: &Shape) -> bool {
    shape.properties().any(|(_, property)| property.rules.secret)
}

fn blank(address: &Address) -> Finding {
    Finding::guarded(
        Guard::Secrets,
        format!("blank-secret:{address}"),
        format!("the portal may hold a secret for `{address}` that this write would clear; declare it with !secret"),
    )
    .at([address.clone()])
}

#[cfg(test)]
mod tests;
