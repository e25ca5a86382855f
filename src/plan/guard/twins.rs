//! The guard of properties that must be equal and would not be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Finding;
use crate::diff;
use crate::document::{Flow, Path, walk};
use crate::model::Address;
use crate::schema::Shape;
use crate::workspace::Guard;

pub(super) fn findings(live: &Value, after: &Value, shape: &Shape) -> Vec<Finding> {
    let before = unequal(live, shape);
    let new = unequal(after, shape).into_iter().filter(|pair| !before.contains(pair));
    let finding = |(address, twin): (Address, String)| {
        let message = format!("`{address}` and its twin `{twin}` must be equal and would differ; declare both");
        Finding::guarded(Guard::Twins, format!("twin:{address}"), message).at([address])
    };
    new.map(finding).collect()
}

/// The first of each two properties that are not equal, and the key of the second.
fn unequal(document: &Value, shape: &Shape) -> BTreeSet<(Address, String)> {
    let mut found = BTreeSet::new();
    walk(document, shape, &Path::default(), &mut |at, value, shape| {
        for (key, inner) in value.as_object().into_iter().flatten() {
            let property = shape.property(key);
            let twin = property.rules.twin.as_ref().and_then(|twin| Some((twin, value.get(twin)?)));
            if let Some((twin, _)) = twin.filter(|(_, other)| !diff::are_equal(inner, other, property)) {
                found.insert((at.property(key, shape).address(), twin.clone()));
            }
        }
        Flow::Into
    });
    found
}
