//! The order of members.

use serde_json::Value;

use super::Keyed;
use crate::schema::Shape;

/// The document with its keyed lists in the order that they have in `base`, and new members behind. The portal promises
/// no order, and a patch that was made for one order must not meet another.
pub(crate) fn align(mut now: Value, base: &Value, shape: &Shape) -> Value {
    order(&mut now, base, shape);
    now
}

fn order(now: &mut Value, base: &Value, shape: &Shape) {
    match (now, base) {
        (Value::Object(now), Value::Object(base)) => {
            for (key, value) in now.iter_mut() {
                if let Some(base) = base.get(key) {
                    order(value, base, shape.property(key));
                }
            }
        }
        (Value::Array(now), Value::Array(base)) => {
            let Some(places) = Keyed::of(base, shape) else { return };
            let Some(ids) = Keyed::of(now, shape) else { return };
            let places = ids.ids().iter().map(|id| places.position(id)).collect::<Vec<_>>();
            let mut members = places.into_iter().zip(std::mem::take(now)).collect::<Vec<_>>();
            members.sort_by_key(|(place, _)| place.unwrap_or(usize::MAX));
            for (place, member) in &mut members {
                if let Some(place) = place {
                    order(member, &base[*place], shape.item());
                }
            }
            now.extend(members.into_iter().map(|(_, member)| member));
        }
        _ => {}
    }
}
