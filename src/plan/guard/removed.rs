//! The guard of what customers lose: plans, images and packages that would be gone.

use serde_json::Value;

use super::Finding;
use crate::document::{Flow, Keyed, Path, members_key, zip};
use crate::model::Address;
use crate::schema::Shape;
use crate::workspace::Guard;

/// The members of guarded lists and dictionaries that would be gone.
pub(super) fn findings(live: &Value, after: &Value, shape: &Shape) -> Vec<Finding> {
    let mut found = Vec::new();
    zip((Some(live), Some(after)), shape, &Path::default(), &mut |at, (was, left), shape| {
        let Some(was) = was else { return Flow::Past };
        let noun = at.container().and_then(|container| container.rules.guard.as_deref());
        if let (true, Some(noun)) = (left.is_none_or(Value::is_null), noun) {
            let address = at.address();
            found.push(gone(noun, &address.parent(), at.name(), address));
            return Flow::Past;
        }
        let Value::Array(items) = was else { return Flow::Into };
        let left = left.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if members_key(shape).is_none() {
            return Flow::Past;
        }
        if Keyed::of(items, shape).is_some() && Keyed::of(left, shape).is_some() {
            return Flow::Into;
        }
        // Without identities it is unknown which member goes.
        let kept = items.len() <= left.len() && items.iter().all(|item| left.contains(item));
        if let (false, Some(noun)) = (kept, &shape.rules.guard) {
            let address = at.address();
            found.push(gone(noun, &address, "*", address.clone()));
        }
        Flow::Past
    });
    found
}

fn gone(noun: &str, list: &Address, identity: &str, at: Address) -> Finding {
    let path = list.identities().chain([identity]).collect::<Vec<_>>().join("/");
    let message = format!("removes the {noun} {path}; customers who use it lose it when the offer goes live");
    Finding::guarded(Guard::Removal, format!("remove-{noun}:{path}"), message).at([at])
}
