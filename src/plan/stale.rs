//! Staleness: whether the portal moved between plan and apply, and what moved, field by field.

use serde_json::Value;

use super::{Base, OfferPlan};
use crate::diff::ChangeKind;
use crate::live::{self, Live};
use crate::model::Address;
use crate::schema::{ListRule, Shape};

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
        let base = live::canonical(base, shape);
        let now = live::canonical(&live::redacted(now, shape), shape);
        let mut moves = Vec::new();
        compare(Some(&base), Some(&now), shape, &Address::default(), &mut moves);
        // What a file declares as a secret is not shown, and the base does not hold it: whether it moved, nobody knows.
        moves.retain(|moved| self.diff.secrets.iter().all(|secret| !moved.address.is_within(secret)));
        let field = |Move { address, before, now, .. }: Move| {
            let change = self.diff.changes.iter().find(|change| change.address == address);
            let planned = change.and_then(|change| planned(&change.kind));
            MovedField { address: address.to_string(), before, now, planned }
        };
        moves.into_iter().map(field).collect()
    }

    /// What a read shows that this run did not write: somebody else's edit, made just after it. `written` is the document
    /// as it was written, `after` what the read shows. A declared value is compared elsewhere, by its own rules. What the
    /// portal fills in or rehosts by itself does not count.
    pub(crate) fn moved_beside(&self, written: &Value, after: &Value, shape: &Shape) -> Vec<String> {
        let (written, after) = (live::canonical(written, shape), live::canonical(after, shape));
        let mut moves = Vec::new();
        compare(Some(&written), Some(&after), shape, &Address::default(), &mut moves);
        let declared = |at: &Address| {
            let of = |address: &Address| at.is_within(address) || address.is_within(at);
            self.diff.changes.iter().any(|change| of(&change.address)) || self.diff.secrets.iter().any(of)
        };
        let foreign =
            moves.into_iter().filter(|moved| !moved.rehosted && !(moved.before.is_some() && declared(&moved.address)));
        let foreign = foreign.filter(|moved| !(is_blank(moved.before.as_ref()) && is_blank(moved.now.as_ref())));
        foreign.map(|moved| moved.address.to_string()).collect()
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

/// One difference between two documents of the portal.
struct Move {
    address: Address,
    before: Option<Value>,
    now: Option<Value>,
    /// It is an artifact, whose URL the portal makes.
    rehosted: bool,
}

fn planned(kind: &ChangeKind) -> Option<Value> {
    match kind {
        ChangeKind::Add { after } | ChangeKind::Replace { after, .. } => Some(after.clone()),
        ChangeKind::List { after, .. } => Some(Value::Array(after.clone())),
        ChangeKind::Remove { .. } | ChangeKind::Members { .. } => None,
    }
}

/// Unlike the comparison with a file, this one is symmetric: a field that only one side has has moved, but for what the
/// portal fills in by itself.
fn compare(before: Option<&Value>, now: Option<&Value>, shape: &Shape, address: &Address, moves: &mut Vec<Move>) {
    let filled_in = before.is_none() && now.is_some() && now == shape.rules.default.as_ref();
    if before == now || filled_in {
        return;
    }
    match (before, now, &shape.rules.list) {
        (Some(Value::Object(a)), Some(Value::Object(b)), _) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let here = shape.address(address, key);
                compare(a.get(key), b.get(key), shape.property(key), &here, moves);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b)), ListRule::Keyed(key)) => {
            match (live::identities(a, key), live::identities(b, key)) {
                (Some(a_ids), Some(b_ids)) => {
                    let find = |items: &'_ [Value], ids: &[&str], id: &str| {
                        ids.iter().position(|other| *other == id).map(|at| items[at].clone())
                    };
                    for id in a_ids.iter().chain(b_ids.iter().filter(|id| !a_ids.contains(id))) {
                        let (a, b) = (find(a, &a_ids, id), find(b, &b_ids, id));
                        compare(a.as_ref(), b.as_ref(), shape.item(), &address.id(id), moves);
                    }
                }
                _ => push(before, now, shape, address, moves),
            }
        }
        _ => push(before, now, shape, address, moves),
    }
}

fn push(before: Option<&Value>, now: Option<&Value>, shape: &Shape, address: &Address, moves: &mut Vec<Move>) {
    let rehosted = shape.rules.artifact;
    moves.push(Move { address: address.clone(), before: before.cloned(), now: now.cloned(), rehosted });
}
