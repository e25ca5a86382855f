//! Staleness: whether the portal moved between plan and apply, and what moved, field by field.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::{Base, OfferPlan};
use crate::diff::{self, ChangeKind};
use crate::document::{self, AddressMap};
use crate::live::Live;
use crate::schema::Shape;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "stale", rename_all = "kebab-case")]
pub(crate) enum Stale {
    /// The offer was to be created, and it exists.
    Created,
    /// The offer was to be changed, and it is gone.
    Deleted,
    /// The portal refused the write, because somebody saved the offer at that very moment.
    Refused,
    /// The offer is another than the plan was made from.
    Moved {
        /// What moved. Empty where the ETag is new and every field that may be shown is as it was.
        fields: Vec<MovedField>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MovedField {
    pub(crate) address: String,
    /// The value when the plan was made; `None` where there was none.
    pub(crate) before: Option<Value>,
    /// The value now; `None` where there is none.
    pub(crate) now: Option<Value>,
    /// What the plan wants to write there, if it is this very field.
    pub(crate) planned: Option<Value>,
}

impl OfferPlan {
    /// Whether the portal still is what the plan was made from: the same ETag, or where there is none, the same
    /// canonical digest.
    pub(crate) fn stale(&self, now: &Live, shape: &Shape) -> Option<Stale> {
        match (&self.base, now) {
            (Base::Absent, Live::Absent) => None,
            (Base::Absent, Live::Present(_)) => Some(Stale::Created),
            (Base::Present { .. }, Live::Absent) => Some(Stale::Deleted),
            (Base::Present { etag, digest, document }, Live::Present(offer)) => {
                let same = match (etag, &offer.etag) {
                    (Some(before), Some(now)) => before == now,
                    _ => *digest == offer.digest(shape),
                };
                (!same).then(|| Stale::Moved { fields: self.moved(document, &offer.document, shape) })
            }
        }
    }

    fn moved(&self, base: &Value, now: &Value, shape: &Shape) -> Vec<MovedField> {
        let now = document::redacted(now, shape);
        let planned = self.diff.changes.iter().map(|change| (&change.address, &change.kind)).collect::<HashMap<_, _>>();
        let mut fields = Vec::new();
        diff::differences(base, &now, shape, &mut |at, (before, now), _, _| {
            let address = at.address();
            // What a file declares as a secret is not shown, and the base does not hold it: whether it changed is unknown.
            if self.diff.secrets.iter().all(|secret| !address.is_within(secret)) {
                let planned = planned.get(&address).and_then(|kind| declared(kind));
                let address = address.to_string();
                fields.push(MovedField { address, before: before.cloned(), now: now.cloned(), planned });
            }
        });
        fields
    }

    /// Returns the addresses where a read shows what this run did not write: somebody else's edit, made just after it.
    /// `written` is the document as it was written, `after` what the read shows. A declared value is compared elsewhere,
    /// by its own rules. What the portal fills in or rehosts by itself does not count.
    pub(crate) fn moved_beside(&self, written: &Value, after: &Value, shape: &Shape) -> Vec<String> {
        let changed = self.diff.changes.iter().map(|change| &change.address);
        let declared = changed.chain(&self.diff.secrets).map(|address| (address.clone(), ()));
        let declared = declared.collect::<AddressMap<_>>();
        let mut foreign = Vec::new();
        diff::differences(written, after, shape, &mut |at, (before, now), shape, _| {
            let address = at.address();
            let ours = before.is_some() && declared.related(&address).is_some();
            if !(shape.rules.artifact || ours || (is_blank(before) && is_blank(now))) {
                foreign.push(address.to_string());
            }
        });
        foreign
    }
}

/// Whether a value says nothing, as what the portal fills in does.
fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(_) | Value::Bool(true)) => false,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(map)) => map.values().all(|value| is_blank(Some(value))),
    }
}

fn declared(kind: &ChangeKind) -> Option<Value> {
    match kind {
        ChangeKind::Add { after } | ChangeKind::Replace { after, .. } => Some(after.clone()),
        ChangeKind::List { after, .. } => Some(Value::Array(after.clone())),
        ChangeKind::Remove { .. } | ChangeKind::Members { .. } => None,
    }
}
