//! The guard of fields that the schema of an offer's type does not have: a name that was misspelt, or one that the
//! portal learned since.

use serde_json::Value;

use super::Finding;
use crate::document::{Flow, Path, is_set, zip};
use crate::schema::Shape;
use crate::workspace::Guard;

/// The findings about unknown fields that would be written with another value than they have. Types without a schema of
/// their own have none.
pub(super) fn findings(before: &Value, after: &Value, shape: &Shape) -> Vec<Finding> {
    let mut found = Vec::new();
    if shape.property("offerTypeId").bounds.values.is_empty() {
        return found;
    }
    zip((Some(before), Some(after)), shape, &Path::default(), &mut |at, (was, is), shape| {
        if is.is_none() || was == is {
            return Flow::Past;
        }
        let known = |object: &Shape| object.names(at.name()) || object.has_free_names(at.name());
        if let Some(object) = at.object().filter(|object| !known(object)) {
            if object.properties().next().is_some() {
                let here = at.address();
                let message = format!("writes `{here}`, which is not in the schema of the type");
                let token = format!("unknown-field:{here}");
                found.push(Finding::guarded(Guard::UnknownFields, token, message).at([here]));
            }
            return Flow::Past;
        }
        if is_set(shape) { Flow::Past } else { Flow::Into }
    });
    found
}
