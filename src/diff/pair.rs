//! Which declared member of a list is which live one.

use serde_json::Value;

use super::artifact;
use super::patch::{self, Planned};
use super::scalar::Equality;
use super::walk::{Compare, compare};
use super::{Rule, walk::Place};
use crate::model::{Kind, Node};
use crate::schema::Shape;

/// Whether a declared value equals a live one under the rules, as far as can be known.
pub(super) fn matches(node: &Node, live: &Value, shape: &Shape, options: Compare<'_>) -> bool {
    if matches!(node.kind, Kind::Scalar(_) | Kind::Artifact(_)) {
        return artifact::equality(node, live, &shape.rules, options.artifacts) != Equality::Different;
    }
    let options = Compare { artifacts: options.artifacts, ..Compare::default() };
    compare(node, live, shape, options).changes.is_empty()
}

/// Whether a declared value surely equals a live one: nothing in it is an artifact whose copy is not known to hold the
/// same, or a signature that is to be sent again.
fn surely_matches(node: &Node, live: &Value, shape: &Shape, options: Compare<'_>) -> bool {
    if matches!(node.kind, Kind::Scalar(_) | Kind::Artifact(_)) {
        return match artifact::equality(node, live, &shape.rules, options.artifacts) {
            Equality::By(Rule::Signature) => !options.resend,
            equality => matches!(equality, Equality::Same | Equality::By(_)),
        };
    }
    let diff = compare(node, live, shape, Compare { ignore: &[], ..options });
    diff.changes.is_empty() && diff.unknown.is_empty()
}

/// For each declared member the position of its live partner, each live member used once.
pub(super) fn pair(items: &[Node], live: &[Value], shape: &Shape, options: Compare<'_>) -> Vec<Option<usize>> {
    let mut free = vec![true; live.len()];
    items
        .iter()
        .map(|item| {
            let found =
                (0..live.len()).find(|&at| free[at] && surely_matches(item, &live[at], shape.item(), options))?;
            free[found] = false;
            Some(found)
        })
        .collect()
}

/// The declared list, with the live member in the place of every declared one that equals it: what the live member
/// has beyond the file is not lost.
pub(super) fn merged(node: &Node, live: &[Value], pairs: &[Option<usize>], shape: &Shape, place: &Place) -> Planned {
    Planned::list(node.items().iter().zip(pairs).enumerate().map(|(index, (item, partner))| match partner {
        Some(at) => patch::from_live(&live[*at], &place.live.with_trailing_token(*at), shape.item()),
        None => patch::from_file(item, &place.file.with_trailing_token(index)),
    }))
}
