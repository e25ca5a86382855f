//! What a plan takes away. No format may leave one out.

use serde_json::Value;

use super::Files;
use crate::diff::{Change, ChangeKind};
use crate::model::Step;
use crate::render::{brief, plural, visible};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// What it goes from: a list, a dictionary, an object.
    pub(crate) parent: String,
    /// What goes: an identity, a value, a property.
    pub(crate) what: String,
    /// Both at once, as an address.
    pub(crate) address: String,
    /// The file and line that ask for it.
    pub(crate) place: String,
}

/// The deletions that a change is made of.
pub(super) fn deletions(change: &Change, files: Files<'_>) -> Vec<Deletion> {
    let address = visible(&change.address.to_string(), false);
    let parent = || visible(&change.address.parent().to_string(), false);
    let one = |parent: String, what: String, address: String| {
        let place = super::place(change, files);
        Deletion { parent, what, address, place }
    };
    match &change.kind {
        ChangeKind::Remove { .. } => {
            let what = match change.address.steps().last() {
                Some(Step::Key(name) | Step::Id(name)) => visible(name, false),
                None => String::new(),
            };
            vec![one(parent(), what, address)]
        }
        ChangeKind::Members { removed, .. } => removed
            .iter()
            .map(|value| {
                let what = brief(value, 60);
                one(address.clone(), what.clone(), format!("{address}: {what}"))
            })
            .collect(),
        ChangeKind::List { before, after } if before.len() > after.len() => {
            let what = format!("{} fewer", plural(before.len() - after.len(), "member"));
            vec![one(address.clone(), what.clone(), format!("{address}: {what}"))]
        }
        ChangeKind::Replace { before, after } if members(before) > members(after) => {
            let what = match members(after) {
                0 => format!("all of {}", brief(before, 60)),
                left => format!("{} fewer", plural(members(before) - left, "member")),
            };
            vec![one(address.clone(), what.clone(), format!("{address}: {what}"))]
        }
        ChangeKind::Add { .. } | ChangeKind::List { .. } | ChangeKind::Replace { .. } => Vec::new(),
    }
}

fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}
