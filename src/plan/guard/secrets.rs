//! The guard of secrets that a write would clear.

use serde_json::{Map, Value};

use super::Finding;
use crate::document::{AddressMap, Flow, Path, zip};
use crate::model::Address;
use crate::schema::Shape;
use crate::workspace::Guard;

/// Finds live blocks that hold a secret which GET leaves out and the file does not declare: the PUT that carries the
/// block back without its secret may clear it. What the write takes away on purpose is no loss. `declared` are the
/// secrets that the write fills in.
pub(super) fn findings(live: &Value, after: &Value, shape: &Shape, declared: &[Address]) -> Vec<Finding> {
    let declared = declared.iter().map(|address| (address.clone(), ())).collect::<AddressMap<_>>();
    let covered = |block: &Address| declared.related(block).is_some();
    let mut found = Vec::new();
    zip((Some(live), Some(after)), shape, &Path::default(), &mut |at, pair, shape| {
        let (Some(Value::Object(map)), Some(Value::Object(after))) = pair else { return Flow::Past };
        let address = at.address();
        let filled = map.values().any(|value| !value.is_null() && value.as_str() != Some(""));
        let returned = shape.properties().any(|(key, property)| property.rules.secret && map.contains_key(key));
        if holds_secrets(shape) && filled && !returned && !covered(&address) {
            found.push(blank(address.clone()));
        }
        for (key, value) in map.iter().filter(|(key, _)| key.ends_with("leadDestination")) {
            let block = |label: &str| covered(&address.key(label));
            if after.get(key).unwrap_or(&Value::Null) == value && destination_uncovered(value, map, shape, block) {
                found.push(blank(address.key(shape.label(key))));
            }
        }
        Flow::Into
    });
    found
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

fn blank(address: Address) -> Finding {
    Finding::guarded(
        Guard::Secrets,
        format!("blank-secret:{address}"),
        format!("the portal may hold a secret for `{address}` that this write would clear; declare it with !secret"),
    )
    .at([address])
}
