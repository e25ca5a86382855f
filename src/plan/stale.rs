//! Staleness: whether the portal moved between plan and apply, and what moved, field by field.

use std::collections::HashMap;

use serde_json::Value;

use super::{Base, OfferPlan};
use crate::diff::{self, ChangeKind};
use crate::document::{self, AddressMap};
use crate::live::Live;
use crate::schema::Shape;

/// Why a plan no longer fits.
#[derive(Debug, Clone, PartialEq)]
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

#[derive(Debug, Clone, PartialEq)]
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

    /// Returns the addresses that changed since before the write and were not written: somebody else's edit, made just
    /// after it. `before` is the document that was written over, `after` what a read shows. What the portal fills in or
    /// rehosts by itself does not count.
    pub(crate) fn moved_beside(&self, before: &Value, after: &Value, shape: &Shape) -> Vec<String> {
        let written = self.diff.changes.iter().map(|change| (change.address.clone(), ())).collect::<AddressMap<_>>();
        let mut foreign = Vec::new();
        diff::differences(before, after, shape, &mut |at, _, shape, _| {
            let address = at.address();
            if !shape.rules.artifact && written.related(&address).is_none() {
                foreign.push(address.to_string());
            }
        });
        foreign
    }
}

fn declared(kind: &ChangeKind) -> Option<Value> {
    match kind {
        ChangeKind::Add { after } | ChangeKind::Replace { after, .. } => Some(after.clone()),
        ChangeKind::List { after, .. } => Some(Value::Array(after.clone())),
        ChangeKind::Remove { .. } | ChangeKind::Members { .. } => None,
    }
}
