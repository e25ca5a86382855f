//! A member that keeps its content and gets another identity: shown as one change instead of a removal and an addition.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::group::{Classed, member};
use super::value::{Field, leaves};
use crate::diff::{Change, ChangeKind};
use crate::steps;

/// How much of an added member must be as in the removed one for the two to be one member, in per cent.
const ALIKE: usize = 75;
/// With more removed or added members of one collection than this, none of them are compared: all are shown as removals
/// and additions.
pub(super) const MOST_CANDIDATES: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// The names on the way to it.
    pub(crate) path: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// A removed member, the added one that is nearly the same, and where they differ.
pub(super) type Rename<'a> = (Classed<'a>, Classed<'a>, Vec<Difference>);

/// Pairs removed with added members, the most similar pairs first, and returns the other members as they were.
pub(super) fn renames(members: Vec<Classed<'_>>) -> (Vec<Rename<'_>>, Vec<Classed<'_>>) {
    let is_removed = |at: &usize| matches!(members[*at].1.kind, ChangeKind::Remove { .. });
    let (gone, come) = (0..members.len()).partition::<Vec<_>, _>(is_removed);
    if gone.is_empty() || come.is_empty() || gone.len().max(come.len()) > MOST_CANDIDATES {
        return (Vec::new(), members);
    }
    let all = members.iter().map(|(_, change)| content(change)).collect::<Vec<_>>();
    // Fields with the same path and value get the same number, so that two members are compared by numbers alone.
    let mut known = HashMap::new();
    let mut numbers = Vec::new();
    for fields in &all {
        let mut own = Vec::new();
        for Field { path, value } in fields {
            let next = known.len();
            own.push(*known.entry((path, value)).or_insert(next));
        }
        own.sort_unstable();
        numbers.push(own);
    }
    let mut pairs = Vec::new();
    for &from in &gone {
        for &to in &come {
            let alike = 100 * shared(&numbers[from], &numbers[to]) / numbers[to].len().max(1);
            if alike >= ALIKE {
                pairs.push((Reverse(alike), from, to));
            }
        }
    }
    pairs.sort_unstable();
    let mut taken = vec![false; members.len()];
    let mut found = Vec::new();
    for (_, from, to) in pairs {
        if !taken[from] && !taken[to] {
            (taken[from], taken[to]) = (true, true);
            found.push((members[from], members[to], differences(&all[from], &all[to])));
        }
    }
    let rest = members.into_iter().zip(taken).filter(|(_, taken)| !taken).map(|(member, _)| member);
    (found, rest.collect())
}

/// Returns the fields of a member but those that hold its identity.
fn content(change: &Change) -> Vec<Field> {
    let mut found = Vec::new();
    if let ChangeKind::Remove { before: value } | ChangeKind::Add { after: value } = &change.kind {
        leaves(value, String::new(), &mut found);
    }
    found.retain(|field| field.value.as_str() != member(change));
    steps::count(found.len());
    found
}

/// Counts the numbers that are in both of two sorted lists.
fn shared(a: &[usize], b: &[usize]) -> usize {
    let (mut a, mut b, mut count) = (a.iter().peekable(), b.iter().peekable(), 0);
    while let (Some(one), Some(other)) = (a.peek(), b.peek()) {
        steps::count(1);
        let order = one.cmp(other);
        count += usize::from(order.is_eq());
        if order.is_le() {
            a.next();
        }
        if order.is_ge() {
            b.next();
        }
    }
    count
}

fn differences(before: &[Field], after: &[Field]) -> Vec<Difference> {
    let old = before.iter().map(|field| (field.path.as_str(), &field.value)).collect::<HashMap<_, _>>();
    let new = after.iter().map(|field| field.path.as_str()).collect::<HashSet<_>>();
    let changed = after.iter().map(|field| Difference {
        path: field.path.clone(),
        before: old.get(field.path.as_str()).map(|value| (*value).clone()),
        after: Some(field.value.clone()),
    });
    let gone = before.iter().filter(|field| !new.contains(field.path.as_str())).map(|field| Difference {
        path: field.path.clone(),
        before: Some(field.value.clone()),
        after: None,
    });
    changed.filter(|one| one.before != one.after).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Pointer};
    use crate::plan::Risk;
    use serde_json::json;

    fn change(id: &str, kind: ChangeKind) -> Change {
        let address = Address::default().key("vmImages").id(id);
        Change {
            address,
            pointer: Pointer::root(),
            file: Default::default(),
            line: 1,
            kind,
            risk: None,
            immutable: false,
            twin: None,
            portal_edit: None,
        }
    }

    fn image(name: &str, size: usize) -> Value {
        json!({"url": format!("https://h/{name}.vhd"), "name": name, "size": size, "disks": [], "generation": 2})
    }

    /// Images that all get another number: as many as there are go and come.
    fn renumbered(count: usize) -> Vec<Change> {
        let gone =
            (0..count).map(|n| change(&format!("1.{n}.0"), ChangeKind::Remove { before: image(&n.to_string(), n) }));
        let come = (0..count).map(|n| change(&format!("2.{n}.0"), ChangeKind::Add { after: image(&n.to_string(), n) }));
        gone.chain(come).collect()
    }

    fn found(changes: &[Change]) -> Vec<(String, String, usize)> {
        let classed = changes.iter().map(|change| (Risk::Removal, change)).collect();
        let id = |(_, change): Classed<'_>| member(change).unwrap_or_default().to_owned();
        renames(classed).0.into_iter().map(|(from, to, differences)| (id(from), id(to), differences.len())).collect()
    }

    #[test]
    fn the_most_similar_members_are_pairs() {
        let gone = |id: &str, value| change(id, ChangeKind::Remove { before: value });
        let come = |id: &str, value| change(id, ChangeKind::Add { after: value });
        let changes = [
            gone("a", image("x", 1)),
            gone("b", image("y", 2)),
            gone("c", json!({"other": true})),
            come("d", image("y", 2)),
            come("e", image("x", 3)),
        ];
        let pair = |from: &str, to: &str, differences| (from.to_owned(), to.to_owned(), differences);
        assert_eq!(found(&changes), [pair("b", "d", 0), pair("a", "e", 1)]);
        let own_id = |id: &str| json!({"planId": id, "title": "T"});
        assert_eq!(found(&[gone("a", own_id("a")), come("b", own_id("b"))]), [pair("a", "b", 0)]);
        assert_eq!(found(&[gone("a", json!({})), come("b", json!(""))]), []);
    }

    #[test]
    fn many_members_are_not_compared() {
        assert_eq!(found(&renumbered(MOST_CANDIDATES)).len(), MOST_CANDIDATES);
        assert_eq!(found(&renumbered(MOST_CANDIDATES + 1)), []);
    }
}
