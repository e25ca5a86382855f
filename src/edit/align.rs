//! Which members of a list stay, so that as few lines as possible change.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use similar::{Algorithm, DiffOp};

use super::value_of;
use crate::yaml::Yaml;

/// How one list becomes another. Positions are those of the old list.
pub(super) struct Aligned<'a> {
    /// The members that change, and what they become.
    pub(super) changed: Vec<(usize, &'a Yaml)>,
    pub(super) gone: Vec<usize>,
    /// The members that are put in before a position.
    pub(super) added: BTreeMap<usize, Vec<Yaml>>,
}

/// Pairs equal members in their order, then those between them one by one.
pub(super) fn lists<'a>(old: &[Value], new: &'a [Yaml]) -> Aligned<'a> {
    let mut names = HashMap::new();
    let mut name = |value: &Value| {
        let next = names.len();
        *names.entry(value.to_string()).or_insert(next)
    };
    let old_names = old.iter().map(&mut name).collect::<Vec<_>>();
    let new_names = new.iter().map(|item| name(&value_of(item))).collect::<Vec<_>>();
    let mut aligned = Aligned { changed: Vec::new(), gone: Vec::new(), added: BTreeMap::new() };
    for op in similar::capture_diff_slices(Algorithm::Myers, &old_names, &new_names) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let (old, new_range) = (op.old_range(), op.new_range());
        let both = old.len().min(new_range.len());
        aligned.changed.extend(old.clone().zip(&new[new_range.clone()]).take(both));
        aligned.gone.extend(old.start + both..old.end);
        let rest = &new[new_range.start + both..new_range.end];
        if !rest.is_empty() {
            aligned.added.entry(old.end).or_default().extend(rest.iter().cloned());
        }
    }
    aligned
}
