//! The guard of fields that the schema of an offer's type does not have: a name that was misspelt, or one that the
//! portal learned since.

use serde_json::Value;

use super::Finding;
use crate::live;
use crate::model::Address;
use crate::schema::{ListRule, Shape};
use crate::workspace::Guard;

/// The findings about unknown fields that would be written with another value than they have. Types without a schema of
/// their own have none.
pub(super) fn findings(before: &Value, after: &Value, shape: &Shape) -> Vec<Finding> {
    let mut found = Vec::new();
    if !shape.property("offerTypeId").bounds.values.is_empty() {
        walk(Some(before), after, shape, &Address::default(), &mut found);
    }
    found
}

fn walk(before: Option<&Value>, after: &Value, shape: &Shape, address: &Address, found: &mut Vec<Finding>) {
    if before == Some(after) {
        return;
    }
    match (after, &shape.rules.list) {
        (Value::Object(map), _) => {
            let described = shape.properties().next().is_some();
            for (key, value) in map {
                let was = before.and_then(|before| before.get(key));
                let here = shape.address(address, key);
                if shape.names(key) || shape.has_free_names(key) {
                    walk(was, value, shape.property(key), &here, found);
                } else if described && was != Some(value) {
                    let message = format!("writes `{here}`, which the schema of the type does not have");
                    found.push(
                        Finding::guarded(Guard::UnknownFields, format!("unknown-field:{here}"), message).at([here]),
                    );
                }
            }
        }
        (Value::Array(items), ListRule::Keyed(key)) => {
            let old = before.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let ids = live::identities(old, key).unwrap_or_default();
            for item in items {
                let id = item.get(key).and_then(Value::as_str).unwrap_or_default();
                let was = ids.iter().position(|other| *other == id).map(|at| &old[at]);
                walk(was, item, shape.item(), &address.id(id), found);
            }
        }
        (Value::Array(items), ListRule::Ordered) => {
            let old = before.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            for (index, item) in items.iter().enumerate() {
                walk(old.get(index), item, shape.item(), &address.id(&index.to_string()), found);
            }
        }
        _ => {}
    }
}
