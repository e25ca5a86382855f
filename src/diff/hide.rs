//! What a live document must not show because a file declares it as a secret, whatever the schema knows of it.

use serde_json::Value;

use crate::model::{Kind, Node};
use crate::redact;
use crate::schema::{ListRule, Shape};

/// The live document, with everything masked that stands where the file declares a secret.
pub(crate) fn without_declared_secrets(mut live: Value, declared: &Node, shape: &Shape) -> Value {
    hide(&mut live, declared, shape);
    live
}

fn hide(live: &mut Value, declared: &Node, shape: &Shape) {
    match (&declared.kind, &mut *live) {
        _ if !declared.holds_secret() => {}
        (Kind::Map(entries), Value::Object(map)) => {
            for entry in entries {
                let inner = shape.property(&entry.key);
                let names = [Some(entry.key.as_str()), inner.rules.returned_as.as_deref()];
                for name in names.into_iter().flatten() {
                    if let Some(value) = map.get_mut(name) {
                        hide(value, &entry.value, inner);
                    }
                }
            }
        }
        (Kind::List(items), Value::Array(members)) => {
            let ListRule::Keyed(key) = &shape.rules.list else {
                *live = redact::masked(live);
                return;
            };
            let case = shape.item().property(key).rules.case;
            for member in members {
                let id = member.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let same =
                    |item: &&Node| item.get(key).and_then(Node::as_str).is_some_and(|other| case.same(other, &id));
                if let Some(item) = items.iter().find(same) {
                    hide(member, item, shape.item());
                }
            }
        }
        (_, value) => *value = redact::masked(value),
    }
}
