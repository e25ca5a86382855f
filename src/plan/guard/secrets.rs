//! The guard of secrets that a write would clear.

use std::collections::BTreeMap;

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
        for (key, value) in map {
            let blocks = chosen(value, &shape.property(key).rules.chooses);
            let kept = after.get(key).unwrap_or(&Value::Null) == value;
            let safe = |block: &&str| covered(&address.key(shape.label(block))) || returned_in(map, block, shape);
            let mut blocks = blocks.into_iter().filter(|block| holds_secrets(shape.property(block))).peekable();
            if kept && blocks.peek().is_some() && !blocks.any(|block| safe(&block)) {
                found.push(blank(address.key(shape.label(key))));
            }
        }
        Flow::Into
    });
    found
}

/// The blocks beside a value that it may choose: those that its words name, else all. A block that holds nothing but its
/// secret comes back empty, so only the value that chooses it tells that there is one.
fn chosen<'s>(value: &Value, choices: &'s BTreeMap<String, Option<String>>) -> Vec<&'s str> {
    let text = value.as_str().unwrap_or_default().to_ascii_lowercase();
    if text.is_empty() || choices.get(&text).is_some_and(Option::is_none) {
        return Vec::new();
    }
    let blocks = |named: bool| {
        let kept = choices.iter().filter(|(word, _)| !named || text.contains(&word.to_ascii_lowercase()));
        kept.filter_map(|(_, key)| key.as_deref()).collect::<Vec<_>>()
    };
    Some(blocks(true)).filter(|named| !named.is_empty()).unwrap_or_else(|| blocks(false))
}

/// Whether the portal returned a secret of a block.
fn returned_in(offer: &Map<String, Value>, block: &str, shape: &Shape) -> bool {
    let live = offer.get(block).and_then(Value::as_object);
    let mut secrets = shape.property(block).properties().filter(|(_, property)| property.rules.secret);
    live.is_some_and(|live| secrets.any(|(name, _)| live.contains_key(name)))
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
