//! Another document made of one: without secrets, or without what a write must not carry.

use serde_json::{Map, Value};

use super::members::{Keyed, members_key};
use crate::model::{Kind, Node};
use crate::redact;
use crate::schema::Shape;

/// What becomes of a value.
enum Step {
    /// What becomes of its parts, or the value itself where it has none.
    Into,
    Become(Value),
    Drop,
}

/// A value on its way into another document.
struct At<'a> {
    value: &'a Value,
    shape: &'a Shape,
    /// Its key in the object that it is in; nothing for members and the root.
    key: Option<&'a str>,
    /// How many values it is in.
    depth: usize,
    /// What a file declares at this place.
    declared: Option<&'a Node>,
}

/// Makes another document: `rule` decides for every value, outermost first.
fn map(at: &At<'_>, rule: &impl Fn(&At<'_>) -> Step) -> Option<Value> {
    match rule(at) {
        Step::Drop => return None,
        Step::Become(value) => return Some(value),
        Step::Into => {}
    }
    let (shape, depth) = (at.shape, at.depth + 1);
    Some(match at.value {
        Value::Object(entries) => {
            let declared = |key: &str| at.declared.and_then(|node| declared_as(node, key, shape));
            let inner = entries.iter().filter_map(|(key, value)| {
                let inner = At { value, shape: shape.property(key), key: Some(key), depth, declared: declared(key) };
                Some((key.clone(), map(&inner, rule)?))
            });
            Value::Object(inner.collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let beside = at.declared.map(Node::items).unwrap_or_default();
            let keyed = at.declared.and_then(|_| Keyed::of(beside, shape));
            let partner = |item: &Value| {
                let id = item.get(members_key(shape)?)?.as_str()?;
                beside.get(keyed.as_ref()?.position(id)?)
            };
            let inner = items.iter().filter_map(|value| {
                map(&At { value, shape: shape.item(), key: None, depth, declared: partner(value) }, rule)
            });
            Value::Array(inner.collect())
        }
        scalar => scalar.clone(),
    })
}

/// What a file declares of a property that the portal returns under this name.
fn declared_as<'n>(object: &'n Node, key: &str, shape: &Shape) -> Option<&'n Node> {
    object.get(key).or_else(|| {
        let returned =
            |entry: &&crate::model::Entry| shape.property(&entry.key).rules.returned_as.as_deref() == Some(key);
        object.entries().iter().find(returned).map(|entry| &entry.value)
    })
}

fn whole<'a>(value: &'a Value, shape: &'a Shape, declared: Option<&'a Node>) -> At<'a> {
    At { value, shape, key: None, depth: 0, declared }
}

/// The document without secrets: by the schema, by field name, and by the form of each text.
pub(crate) fn redacted(value: &Value, shape: &Shape) -> Value {
    redacted_beside(value, None, shape)
}

/// The document without secrets, those included that only a file declares as such. This is the one form of a live
/// document that guards, rules, renderers and messages may see.
pub(crate) fn redacted_beside(value: &Value, declared: Option<&Node>, shape: &Shape) -> Value {
    let declared = declared.filter(|declared| declared.holds_secret());
    let shown = map(&whole(value, shape, declared), &|at| {
        let hidden = || Step::Become(redact::masked(at.value));
        match (at.value, at.declared) {
            _ if at.shape.rules.secret || at.key.is_some_and(redact::is_secret_name) => hidden(),
            (Value::String(text), None) => Step::Become(Value::String(redact::text(text))),
            (_, Some(declared)) if is_hidden_by(declared, at) => hidden(),
            (Value::String(text), Some(_)) => Step::Become(Value::String(redact::text(text))),
            _ => Step::Into,
        }
    });
    shown.unwrap_or_default()
}

/// Whether a file declares a secret at this very place, or somewhere in it that cannot be told: in a member of a list
/// without identities, or where the portal holds another kind of value.
fn is_hidden_by(declared: &Node, at: &At<'_>) -> bool {
    match (&declared.kind, at.value) {
        (Kind::Secret(_), _) => true,
        (Kind::Map(_), Value::Object(_)) => false,
        (Kind::List(_), Value::Array(_)) if members_key(at.shape).is_some() => false,
        _ => declared.holds_secret(),
    }
}

/// The document without what a PUT must not carry: the portal's own envelope fields, and what it refuses to take back.
pub(crate) fn writable(document: &Value, shape: &Shape) -> Value {
    let written = map(&whole(document, shape, None), &|at| {
        let rules = &at.shape.rules;
        let envelope = at.depth == 1 && at.key.is_some();
        if (envelope && rules.server_owned) || (at.key.is_some() && rules.read_only_on_write) {
            Step::Drop
        } else {
            Step::Into
        }
    });
    written.unwrap_or_default()
}
