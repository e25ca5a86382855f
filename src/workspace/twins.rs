//! Pairs of properties that hold one value: the portal wants both, a file needs to declare one.

use crate::model::{Entry, Kind, Node};
use crate::schema::Shape;

/// Declares the second property of every pair of which the file declares one, with the same value at the same place in
/// the file. A pair that is declared in full, and be it with `!absent`, stays as it is.
pub(super) fn declare_both(node: &mut Node, shape: &Shape) {
    match &mut node.kind {
        Kind::Map(entries) => {
            for entry in entries.iter_mut() {
                declare_both(&mut entry.value, shape.property(&entry.key));
            }
            let missing = entries.iter().filter_map(|entry| {
                let twin = shape.twin(&entry.key)?;
                let declared = entries.iter().any(|other| other.key == twin);
                (!declared).then(|| Entry { key: twin.to_owned(), ..entry.clone() })
            });
            let missing = missing.collect::<Vec<_>>();
            entries.extend(missing);
        }
        Kind::List(items) => items.iter_mut().for_each(|item| declare_both(item, shape.item())),
        Kind::Scalar(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) | Kind::Sas(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schemas;
    use serde_json::{Value, json};

    fn both(pricing: &Value) -> Value {
        let mut plan = json!({"planId": "a"});
        plan.as_object_mut().expect("a map").extend(pricing.as_object().expect("a map").clone());
        let mut node = Node::from_value(&json!({"definition": {"plans": [plan]}}));
        declare_both(&mut node, Schemas::builtin().shape("microsoft-azure-virtualmachines"));
        node.to_value(&mut |_| Value::Null)["definition"]["plans"][0].take()
    }

    #[test]
    fn either_of_a_pair_declares_both_and_two_stay_two() {
        let (price, other) = (json!({"isByol": true}), json!({"isByol": false}));
        let expected = json!({"planId": "a", "virtualMachinePricing": price, "virtualMachinePricingV2": price});
        assert_eq!(both(&json!({"virtualMachinePricing": price})), expected);
        assert_eq!(both(&json!({"virtualMachinePricingV2": price})), expected);
        let two = json!({"virtualMachinePricing": price, "virtualMachinePricingV2": other});
        assert_eq!(
            both(&two),
            json!({"planId": "a", "virtualMachinePricing": price, "virtualMachinePricingV2": other})
        );
        assert_eq!(both(&json!({"other": price})), json!({"planId": "a", "other": price}));
    }
}
