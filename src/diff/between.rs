//! Two documents of the portal's own form. Neither side leads: what only one of them has is a difference too.

use std::collections::HashMap;

use serde_json::Value;

use super::{Change, ChangeKind, shown_at};
use crate::diagnostic::FileId;
use crate::document::{Equality, Flow, Keyed, Path, canonical, compare_scalars, fold, is_empty, is_set, zip};
use crate::schema::Shape;

/// What leads from one document to another. Values have the secrets removed that schema, names and forms give away.
pub(crate) fn between(before: &Value, after: &Value, shape: &Shape) -> Vec<Change> {
    let mut changes = Vec::new();
    differences(before, after, shape, &mut |at, pair, shape, twin| {
        changes.extend(kind(at, pair, shape).map(|kind| Change {
            address: at.address(),
            pointer: match pair {
                (Some(_), None) => at.left(),
                _ => at.right(),
            },
            file: FileId::default(),
            line: 0,
            kind,
            risk: at.risk(),
            immutable: shape.rules.immutable,
            twin: twin.map(ToOwned::to_owned),
            portal_edit: None,
        }));
    });
    changes
}

/// Whether two values are one under the rules.
pub(crate) fn are_equal(a: &Value, b: &Value, shape: &Shape) -> bool {
    let mut equal = true;
    differences(a, b, shape, &mut |at, pair, shape, _| equal &= kind(at, pair, shape).is_none());
    equal
}

type Pair<'v> = (Option<&'v Value>, Option<&'v Value>);

/// Calls `found` with the smallest parts in which two documents differ, in the order of the first one: scalars, lists
/// whose members have no identity, and what only one of them has. With it comes the key of a second property that
/// differs alike, and is left out.
pub(crate) fn differences<'v>(
    before: &'v Value,
    after: &'v Value,
    shape: &'v Shape,
    found: &mut impl FnMut(&Path<'_>, Pair<'v>, &'v Shape, Option<&str>),
) {
    // The values on the way, each with the twin that a change in it stands for.
    let mut way = Vec::<(Pair<'v>, &'v Shape, Option<&'v str>)>::new();
    zip((Some(before), Some(after)), shape, &Path::default(), &mut |at, pair, shape| {
        way.truncate(at.depth());
        if shape.rules.server_owned || shape.rules.write_only || same(pair, shape) {
            return Flow::Past;
        }
        let above = way.last().copied();
        let first = match above.and_then(|(object, shape, _)| twin(object, shape, at.name())) {
            Some(Twin::Second) => return Flow::Past,
            Some(Twin::First(key)) => Some(key),
            None => above.and_then(|(.., first)| first),
        };
        way.push((pair, shape, first));
        match pair {
            (Some(Value::Object(_)), Some(Value::Object(_))) => Flow::Into,
            (Some(Value::Array(a)), Some(Value::Array(b))) if are_keyed(a, b, shape) => Flow::Into,
            pair => {
                found(at, pair, shape, first);
                Flow::Past
            }
        }
    });
}

fn are_keyed(a: &[Value], b: &[Value], shape: &Shape) -> bool {
    Keyed::of(a, shape).is_some() && Keyed::of(b, shape).is_some()
}

/// The part of a property in a pair whose two properties hold the same before, and the same after.
enum Twin<'v> {
    /// It names the other one, and stands for both.
    First(&'v str),
    Second,
}

fn twin<'v>((before, after): Pair<'v>, shape: &'v Shape, key: &str) -> Option<Twin<'v>> {
    let other = shape.twin(key)?;
    let alike = |object: Option<&'v Value>| {
        let of = |key: &str| object.and_then(|object| object.get(key));
        of(key) == of(other)
    };
    if !(alike(before) && alike(after)) {
        return None;
    }
    Some(if shape.property(key).rules.twin.is_some() { Twin::First(other) } else { Twin::Second })
}

fn kind(at: &Path<'_>, pair: Pair<'_>, shape: &Shape) -> Option<ChangeKind> {
    let see = |value: &Value| shown_at(at, value, shape);
    let see_all = |values: Vec<&Value>| values.into_iter().map(|value| shown_at(at, value, shape.item())).collect();
    Some(match pair {
        (Some(Value::Array(a)), Some(Value::Array(b))) if is_set(shape) => {
            let (removed, added) = unpaired(a, b, shape.item());
            if removed.is_empty() && added.is_empty() {
                return None;
            }
            ChangeKind::Members { added: see_all(added), removed: see_all(removed) }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            ChangeKind::List { before: see_all(a.iter().collect()), after: see_all(b.iter().collect()) }
        }
        (Some(before), Some(after)) => ChangeKind::Replace { before: see(before), after: see(after) },
        (Some(before), None) => ChangeKind::Remove { before: see(before) },
        (None, Some(after)) => ChangeKind::Add { after: see(after) },
        (None, None) => return None,
    })
}

/// The members of each of two sets that have no equal in the other.
fn unpaired<'v>(a: &'v [Value], b: &'v [Value], item: &Shape) -> (Vec<&'v Value>, Vec<&'v Value>) {
    let look = |value: &Value| match value {
        Value::Object(_) | Value::Array(_) => canonical(value, item),
        scalar => fold(Some(scalar), &item.rules),
    };
    let mut alike = HashMap::<String, Vec<usize>>::new();
    for (at, value) in b.iter().enumerate().rev() {
        alike.entry(look(value)).or_default().push(at);
    }
    let mut free = vec![true; b.len()];
    let mut removed = Vec::new();
    for old in a {
        let candidates = alike.get_mut(&look(old));
        let partner = candidates.and_then(|candidates| {
            let at = candidates.iter().rposition(|at| same((Some(old), Some(&b[*at])), item))?;
            Some(candidates.remove(at))
        });
        match partner {
            Some(at) => free[at] = false,
            None => removed.push(old),
        }
    }
    (removed, b.iter().zip(free).filter(|(_, free)| *free).map(|(value, _)| value).collect())
}

/// Whether two values are one under the rules: equal, both empty, or there by the portal's doing alone. Objects, and
/// lists whose members have identities, are left to what is in them.
fn same((a, b): Pair<'_>, shape: &Shape) -> bool {
    let empty = |value: Option<&Value>| value.is_none_or(is_empty);
    let default = |value: Option<&Value>| value.is_some() && value == shape.rules.default.as_ref();
    if (empty(a) && empty(b)) || (a.is_none() && default(b)) || (b.is_none() && default(a)) {
        return true;
    }
    match (a, b) {
        (Some(Value::Object(_)), Some(Value::Object(_))) => false,
        (Some(list @ Value::Array(a)), Some(other @ Value::Array(b))) => {
            !are_keyed(a, b, shape) && canonical(list, shape) == canonical(other, shape)
        }
        (Some(a), Some(b)) => matches!(compare_scalars(a, b, &shape.rules), Equality::Same | Equality::By(_)),
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
