//! Guards: rules over one offer's comparison that stop it until their exact finding is accepted.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diff::{ChangeKind, Diff};
use crate::live::Live;
use crate::model::Address;
use crate::schema::Shape;

/// What speaks against an offer's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What accepts it, with `--allow` or `reconcile.allow`; `None` cannot be accepted.
    pub token: Option<String>,
    /// What it is, in one line.
    pub message: String,
    /// Whether it was accepted.
    pub allowed: bool,
}

impl Finding {
    /// The finding, and how to accept it.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.token {
            Some(token) => format!("{} (to accept: --allow {token}, or `reconcile.allow` of the offer)", self.message),
            None => self.message.clone(),
        }
    }
}

pub(super) fn findings(diff: &Diff, live: &Live, shape: &Shape) -> Vec<Finding> {
    let mut findings = Vec::new();
    for change in &diff.changes {
        if let (Some(noun), ChangeKind::Remove { .. }) = (&change.removes, &change.kind) {
            let identity = change.address.identities().collect::<Vec<_>>().join("/");
            findings.push(Finding {
                token: Some(format!("remove-{noun}:{identity}")),
                message: format!(
                    "removes the {noun} {identity}; customers who use it lose it when the offer goes live"
                ),
                allowed: false,
            });
        }
        if change.immutable {
            findings.push(Finding {
                token: None,
                message: format!("`{}` cannot be changed after an offer was created", change.address),
                allowed: false,
            });
        }
    }
    if let (Live::Present(offer), false) = (live, diff.patch.is_empty()) {
        blanked(&offer.document, shape, &Address::default(), diff, &mut findings);
    }
    findings
}

/// A live block that holds a secret which GET leaves out and the file does not declare: the PUT that carries the block
/// back without its secret may clear it.
fn blanked(live: &Value, shape: &Shape, address: &Address, diff: &Diff, findings: &mut Vec<Finding>) {
    let Value::Object(map) = live else { return };
    let blank = map.values().all(|value| value.is_null() || value.as_str() == Some(""));
    for (key, _) in shape.properties().filter(|(key, property)| property.rules.secret && !map.contains_key(*key)) {
        let here = address.key(shape.label(key));
        if !blank && !diff.secrets.contains(&here) {
            findings.push(Finding {
                token: Some(format!("blank-secret:{here}")),
                message: format!(
                    "the portal may hold a secret at `{here}` that this write would clear; declare it with !secret"
                ),
                allowed: false,
            });
        }
    }
    for (key, value) in map {
        blanked(value, shape.property(key), &address.key(shape.label(key)), diff, findings);
    }
}
