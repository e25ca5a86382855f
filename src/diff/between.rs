//! Two documents of the portal's own form. Neither side leads: what only one of them has is a difference too.

use serde_json::Value;

use super::scalar::{self, Equality};
use super::{Change, ChangeKind};
use crate::live;
use crate::model::{Address, Pointer, Risk};
use crate::redact;
use crate::schema::{ListRule, Shape};

/// The differences from one document to another, secrets removed. Pointers are those of `after`, or of `before` where
/// `after` has nothing. What a rule of the schema calls equal is no difference.
pub(crate) fn between(before: &Value, after: &Value, shape: &Shape) -> Vec<Change> {
    let mut walk = Walk { changes: Vec::new() };
    walk.value(Some(before), Some(after), shape, &At::default());
    walk.changes
}

/// The value at an address of a document. A property is found under the name that the portal returns as well.
pub(crate) fn find<'v>(document: &'v Value, shape: &Shape, target: &Address) -> Option<&'v Value> {
    descend(document, shape, &Address::default(), target)
}

fn descend<'v>(value: &'v Value, shape: &Shape, here: &Address, target: &Address) -> Option<&'v Value> {
    if here == target {
        return Some(value);
    }
    match (value, &shape.rules.list) {
        (Value::Object(map), _) => map.iter().find_map(|(key, inner)| {
            let child = shape.address(here, key);
            if target.is_within(&child) { descend(inner, shape.property(key), &child, target) } else { None }
        }),
        (Value::Array(items), ListRule::Keyed(key)) => {
            let case = shape.item().property(key).rules.case;
            let wanted = target.below(here)?;
            let wanted = wanted.identities().next()?.to_owned();
            let is_it = |item: &&Value| item.get(key).and_then(Value::as_str).is_some_and(|id| case.same(id, &wanted));
            descend(items.iter().find(is_it)?, shape.item(), &here.id(&wanted), target)
        }
        _ => None,
    }
}

#[derive(Debug, Clone, Default)]
struct At {
    address: Address,
    pointer: Pointer,
    /// Whether a name on the way says that everything below is a secret.
    secret: bool,
    /// What the schema says that a change of anything here means.
    risk: Option<Risk>,
    /// The second property of a pair that changes alike, and is not shown again.
    twin: Option<String>,
}

struct Walk {
    changes: Vec<Change>,
}

impl Walk {
    fn value(&mut self, before: Option<&Value>, after: Option<&Value>, shape: &Shape, at: &At) {
        if shape.rules.server_owned || shape.rules.write_only || same(before, after, shape) {
            return;
        }
        match (before, after) {
            (Some(Value::Object(a)), Some(Value::Object(b))) => {
                for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                    let alike = |other: &&str| a.get(key) == a.get(*other) && b.get(key) == b.get(*other);
                    let twin = shape.twin(key).filter(alike);
                    // Of a pair, the property that names the other one stands for both.
                    if twin.is_some() && shape.property(key).rules.twin.is_none() {
                        continue;
                    }
                    let here = At {
                        address: shape.address(&at.address, key),
                        pointer: at.pointer.with_trailing_token(key.as_str()),
                        secret: at.secret || redact::is_secret_name(key),
                        risk: shape.property(key).rules.risk.or(at.risk),
                        twin: twin.map(ToOwned::to_owned).or_else(|| at.twin.clone()),
                    };
                    self.value(a.get(key), b.get(key), shape.property(key), &here);
                }
            }
            (Some(Value::Array(a)), Some(Value::Array(b))) => self.list(a, b, shape, at),
            (before, after) => {
                let see = |value: &Value| at.see(value, shape);
                match (before.map(see), after.map(see)) {
                    (Some(before), Some(after)) => self.change(at, ChangeKind::Replace { before, after }, shape),
                    (Some(before), None) => self.change(at, ChangeKind::Remove { before }, shape),
                    (None, Some(after)) => self.change(at, ChangeKind::Add { after }, shape),
                    (None, None) => {}
                }
            }
        }
    }

    fn list(&mut self, a: &[Value], b: &[Value], shape: &Shape, at: &At) {
        let key = match &shape.rules.list {
            ListRule::Keyed(key) => live::identities(a, key).zip(live::identities(b, key)),
            ListRule::Set | ListRule::Ordered => None,
        };
        let see = |values: &[&Value]| values.iter().map(|value| at.see(value, shape.item())).collect::<Vec<_>>();
        if let Some((a_ids, b_ids)) = key {
            for id in a_ids.iter().chain(b_ids.iter().filter(|id| !a_ids.contains(id))) {
                let place = |ids: &[&str]| ids.iter().position(|other| other == id);
                let (old, new) = (place(&a_ids), place(&b_ids));
                let index = new.or(old).unwrap_or_default();
                let here = At {
                    address: at.address.id(id),
                    pointer: at.pointer.with_trailing_token(index),
                    secret: at.secret,
                    risk: at.risk,
                    twin: at.twin.clone(),
                };
                self.value(old.map(|at| &a[at]), new.map(|at| &b[at]), shape.item(), &here);
            }
        } else if shape.rules.list == ListRule::Set {
            let (removed, added) = unpaired(a, b, shape.item());
            if !(removed.is_empty() && added.is_empty()) {
                self.change(at, ChangeKind::Members { added: see(&added), removed: see(&removed) }, shape);
            }
        } else {
            let all = |values: &[Value]| see(&values.iter().collect::<Vec<_>>());
            self.change(at, ChangeKind::List { before: all(a), after: all(b) }, shape);
        }
    }

    fn change(&mut self, at: &At, kind: ChangeKind, shape: &Shape) {
        self.changes.push(Change {
            address: at.address.clone(),
            pointer: at.pointer.clone(),
            line: 0,
            kind,
            risk: at.risk,
            immutable: shape.rules.immutable,
            twin: at.twin.clone(),
        });
    }
}

impl At {
    fn see(&self, value: &Value, shape: &Shape) -> Value {
        if self.secret { redact::masked(value) } else { live::redacted(value, shape) }
    }
}

/// The members that only one of two sets has.
fn unpaired<'v>(a: &'v [Value], b: &'v [Value], item: &Shape) -> (Vec<&'v Value>, Vec<&'v Value>) {
    let mut free = vec![true; b.len()];
    let mut removed = Vec::new();
    for old in a {
        match (0..b.len()).find(|&at| free[at] && same(Some(old), Some(&b[at]), item)) {
            Some(at) => free[at] = false,
            None => removed.push(old),
        }
    }
    (removed, b.iter().zip(free).filter(|(_, free)| *free).map(|(value, _)| value).collect())
}

/// Whether two values say the same. Nothing, an empty value and the portal's default are one.
fn same(a: Option<&Value>, b: Option<&Value>, shape: &Shape) -> bool {
    let empty = |value: Option<&Value>| value.is_none_or(scalar::is_empty);
    let default = |value: Option<&Value>| value.is_some() && value == shape.rules.default.as_ref();
    if (empty(a) && empty(b)) || (a.is_none() && default(b)) || (b.is_none() && default(a)) {
        return true;
    }
    match (a, b) {
        (Some(a @ (Value::Object(_) | Value::Array(_))), Some(b)) => {
            live::canonical(a, shape) == live::canonical(b, shape)
        }
        (Some(a), Some(b)) => {
            matches!(scalar::scalars(a, b, &shape.rules), Equality::Same | Equality::By(_))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schemas;

    fn shape() -> &'static Shape {
        Schemas::builtin().shape("microsoft-azure-virtualmachines")
    }

    fn offer(title: &str, regions: &Value, more: &Value) -> Value {
        json!({"id": "a", "version": 1, "definition": {
            "offer": {"microsoft-azure-marketplace.title": title, "vendor.x": more},
            "plans": [{"planId": "basic", "regions": regions}]}})
    }

    fn told(before: &Value, after: &Value) -> Vec<String> {
        let text = |change: &Change| {
            format!("{} {} {}", change.address, change.pointer, serde_json::to_string(&change.kind).expect("JSON"))
        };
        between(before, after, shape()).iter().map(text).collect()
    }

    #[test]
    fn what_a_rule_calls_equal_is_no_difference() {
        let a = offer("T", &json!(["DE", "NO"]), &Value::Null);
        let mut b = offer("T", &json!(["NO", "DE"]), &json!(""));
        b["version"] = json!(2);
        assert_eq!(told(&a, &b), Vec::<String>::new());
    }

    #[test]
    fn both_directions_are_told_by_identity() {
        let a = offer("T", &json!(["DE", "NO"]), &Value::Null);
        let mut b = offer("U", &json!(["DE", "SE"]), &json!(["x"]));
        b["definition"]["plans"].as_array_mut().expect("plans").insert(0, json!({"planId": "pro"}));
        let there = told(&a, &b);
        assert_eq!(
            there,
            [
                r#"title /definition/offer/microsoft-azure-marketplace.title {"op":"replace","before":"T","after":"U"}"#,
                r#"vendor.x /definition/offer/vendor.x {"op":"replace","before":null,"after":["x"]}"#,
                r#"plans[basic]/regions /definition/plans/1/regions {"op":"members","added":["SE"],"removed":["NO"]}"#,
                r#"plans[pro] /definition/plans/0 {"op":"add","after":{"planId":"pro"}}"#,
            ]
        );
        assert_eq!(told(&b, &a).len(), 4);
    }

    #[test]
    fn a_secret_is_a_difference_without_its_value() {
        let a = json!({"definition": {"offer": {"vendor.apiKey": "CANARYone", "vendor.u": "https://h/?sig=CANARY1"}}});
        let b = json!({"definition": {"offer": {"vendor.apiKey": "CANARYtwo", "vendor.u": "https://h/?sig=CANARY2"}}});
        let told = told(&a, &b);
        assert_eq!(told.len(), 2);
        assert!(!told.concat().contains("CANARY"), "{told:?}");
    }

    #[test]
    fn values_are_found_by_address() {
        let a = offer("T", &json!(["DE"]), &Value::Null);
        let regions = Address::default().key("definition").key("plans").id("basic").key("regions");
        assert_eq!(find(&a, shape(), &regions), Some(&json!(["DE"])));
        assert_eq!(find(&a, shape(), &regions.parent().parent().id("pro")), None);
    }

    #[test]
    fn a_pair_that_changes_alike_is_shown_once() {
        let shape = crate::schema::Schemas::builtin().shape("microsoft-azure-virtualmachines");
        let offer = |first: f64, second: f64| {
            serde_json::json!({"definition": {"plans": [{"planId": "a",
                "virtualMachinePricing": {"coreMultiplier": {"single": first}},
                "virtualMachinePricingV2": {"coreMultiplier": {"single": second}}}]}})
        };
        let alike = between(&offer(1.0, 1.0), &offer(2.0, 2.0), shape);
        assert_eq!(alike.len(), 1, "{alike:?}");
        assert_eq!(alike[0].twin.as_deref(), Some("virtualMachinePricingV2"));
        let apart = between(&offer(1.0, 1.0), &offer(2.0, 3.0), shape);
        assert_eq!(apart.iter().map(|change| change.twin.as_deref()).collect::<Vec<_>>(), [None, None]);
    }
}
