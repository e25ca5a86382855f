//! The guard of what the portal does not let change any more: disks of a published version, a logo that was set once.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Finding, named};
use crate::diff::{self, FillError, Late, PlannedPatch};
use crate::document::{Flow, Path, zip};
use crate::model::{Address, Digest, Node};
use crate::redact::MASK;
use crate::schema::{Locked, Shape};
use crate::workspace::Guard;

/// What stands for a secret, whose value is not known.
const SECRET: &str = "!secret ";

/// Finds locked values that the write changes. `file` is what is declared, `published` what customers have, as far as it
/// is known.
///
/// # Errors
/// When the patch does not fit the live document.
pub(super) fn findings(
    patch: &PlannedPatch,
    live: &Value,
    file: &Node,
    published: Option<&Value>,
    shape: &Shape,
) -> Result<Vec<Finding>, FillError> {
    // A preview leaves out signed addresses, and this is about them.
    let uploaded = patch.uploads().map(|name| (name.to_owned(), name.to_owned())).collect();
    let late = |late: Late<'_>| match late {
        Late::Secret(reference) => Ok(format!("{SECRET}{reference}")),
        Late::Signed(address) => Ok(format!("{address}?sig={MASK}")),
    };
    let after = patch.apply(live, file, &late, &uploaded)?;
    let locked = published.map(|published| changed(published, &after, shape)).unwrap_or_default();
    let written = changed(live, &after, shape).into_iter();
    // A draft may already differ from what is published; that is not of this plan.
    let counts = |(address, change): &(Address, Change)| change.locked == Locked::Set || locked.contains_key(address);
    Ok(written.filter(counts).map(|(address, change)| change.finding(address)).collect())
}

/// A value under a lock that is another one.
struct Change {
    locked: Locked,
    /// What it would be, for the token.
    now: String,
}

impl Change {
    fn finding(self, address: Address) -> Finding {
        let message = match self.locked {
            Locked::Value => format!("`{address}` is part of a published version, and would become another file"),
            Locked::Count => format!("`{address}` is part of a published version, and would have {} members", self.now),
            Locked::Set => format!("`{address}` would be removed, but the portal keeps it once it is set"),
        };
        let hint = match self.locked {
            Locked::Value | Locked::Count => "declare a new version instead",
            Locked::Set => "declare another value instead",
        };
        let token = format!("locked:{address}:{}", named(&[self.now]));
        Finding::guarded(Guard::Locked, token, format!("{message}; {hint}")).at([address])
    }
}

fn changed(before: &Value, after: &Value, shape: &Shape) -> BTreeMap<Address, Change> {
    let mut found = BTreeMap::new();
    zip((Some(before), Some(after)), shape, &Path::default(), &mut |at, pair, shape| {
        let change = shape.rules.locked.and_then(|locked| change(locked, pair, shape));
        if let Some(change) = change {
            found.insert(at.address(), change);
            return Flow::Past;
        }
        // A version that only one of the two has is new, or removed, which is another guard's.
        if matches!(pair, (Some(_), Some(_))) { Flow::Into } else { Flow::Past }
    });
    found
}

fn change(locked: Locked, pair: (Option<&Value>, Option<&Value>), shape: &Shape) -> Option<Change> {
    let nothing = |value: &Value| value.is_null() || value.as_str() == Some("");
    let (was, is) = (pair.0.filter(|value| !nothing(value)), pair.1.filter(|value| !nothing(value)));
    let count = |value: Option<&Value>| value.and_then(Value::as_array).map_or(0, Vec::len);
    let now = match (locked, was, is) {
        (Locked::Count, ..) if count(was) != count(is) => count(is).to_string(),
        (Locked::Count, ..) | (_, None, _) => return None,
        (Locked::Value | Locked::Set, Some(_), None) => "none".to_owned(),
        (Locked::Set, Some(_), Some(_)) => return None,
        (Locked::Value, _, Some(is)) if is.as_str().is_some_and(|is| is.starts_with(SECRET)) => return None,
        (Locked::Value, Some(was), Some(is)) if diff::are_equal(was, is, shape) => return None,
        (Locked::Value, Some(_), Some(is)) => {
            // The query of an address holds a signature, which is another one each time.
            let text =
                is.as_str().map_or_else(|| is.to_string(), |text| text.split('?').next().unwrap_or(text).to_owned());
            Digest::of(text.as_bytes()).short()[..8].to_owned()
        }
    };
    Some(Change { locked, now })
}
