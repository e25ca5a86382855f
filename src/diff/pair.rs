//! Which declared member of a list without identities is which live one.

use std::collections::HashMap;

use serde_json::Value;

use super::patch::{self, Planned};
use super::walk::{Compare, Walk};
use crate::document::{Path, fold};
use crate::model::{Kind, Node, Pointer};
use crate::schema::Shape;

/// A declared member is compared with so many live ones at most that look like it. Beyond, it counts as new: it is sent
/// as it is declared, without what a live one may have besides.
const CANDIDATES: usize = 64;

/// Returns for each declared member the position of its live partner; each live member is used once.
pub(super) fn pair(items: &[Node], live: &[Value], shape: &Shape, options: Compare<'_>) -> Vec<Option<usize>> {
    let mut free = vec![true; live.len()];
    let mut indexes = HashMap::<Vec<&str>, HashMap<String, Vec<usize>>>::new();
    let item_shape = shape.item();
    let partner = |item| {
        let mut keys = keys(item, item_shape);
        if indexes.len() >= CANDIDATES && !indexes.contains_key(&keys) {
            keys.clear();
        }
        let look = declared_look(item, &keys, item_shape);
        let index = indexes.entry(keys).or_insert_with_key(|keys| index(live, keys, item_shape));
        let alike = index.get_mut(&look)?;
        // Partners are taken from the front, so what is taken is dropped from there once.
        let taken = alike.iter().take_while(|at| !free[**at]).count();
        alike.drain(..taken);
        let equal = |at: &usize| free[*at] && surely_equal(item, &live[*at], item_shape, options);
        let found = alike.iter().copied().filter(|at| free[*at]).take(CANDIDATES).find(equal)?;
        free[found] = false;
        Some(found)
    };
    items.iter().map(partner).collect()
}

fn index(live: &[Value], keys: &[&str], shape: &Shape) -> HashMap<String, Vec<usize>> {
    let mut index = HashMap::<String, Vec<usize>>::new();
    for (at, value) in live.iter().enumerate() {
        index.entry(live_look(value, keys, shape)).or_default().push(at);
    }
    index
}

/// The plain properties of a declared member: those in which an equal live member is equal to the letter, after folding.
fn keys<'n>(item: &'n Node, shape: &Shape) -> Vec<&'n str> {
    let plain = |key: &str| {
        let rules = &shape.property(key).rules;
        let copied = rules.artifact || rules.maybe_artifact;
        !(copied || rules.server_owned || rules.write_only || rules.read_only_on_write)
    };
    let scalars = item.entries().iter().filter(|entry| matches!(entry.value.kind, Kind::Scalar(_)));
    let mut keys = scalars.map(|entry| entry.key.as_str()).filter(|key| plain(key)).collect::<Vec<_>>();
    keys.sort_unstable();
    keys
}

fn declared_look(item: &Node, keys: &[&str], shape: &Shape) -> String {
    match &item.kind {
        Kind::Scalar(value) if !(shape.rules.artifact || shape.rules.maybe_artifact) => fold(Some(value), &shape.rules),
        Kind::Sas(url) if !(shape.rules.artifact || shape.rules.maybe_artifact) => {
            fold(Some(&Value::String(url.clone())), &shape.rules)
        }
        Kind::Map(_) => look(keys, shape, |key| match item.get(key).map(|node| &node.kind) {
            Some(Kind::Scalar(value)) => Some(value),
            _ => None,
        }),
        _ => String::new(),
    }
}

fn live_look(value: &Value, keys: &[&str], shape: &Shape) -> String {
    match value {
        Value::Object(map) => look(keys, shape, |key| {
            let returned = || shape.returned_as(key).find_map(|name| map.get(name));
            map.get(key).or_else(returned)
        }),
        Value::Array(_) => String::new(),
        _ if shape.rules.artifact || shape.rules.maybe_artifact => String::new(),
        scalar => fold(Some(scalar), &shape.rules),
    }
}

fn look<'v>(keys: &[&str], shape: &'v Shape, value: impl Fn(&str) -> Option<&'v Value>) -> String {
    let of = |key: &&str| {
        let rules = &shape.property(key).rules;
        // What is missing is what the portal fills in, or nothing.
        let text = match (value(key), &rules.default) {
            (None, Some(default)) => fold(Some(default), rules),
            (Some(value), Some(default)) if value == default => fold(Some(default), rules),
            (value, _) => fold(value, rules),
        };
        format!("{}:{text}", text.len())
    };
    keys.iter().map(of).collect()
}

/// Whether a declared value surely equals a live one: nothing in it is an artifact whose copy is not known to hold the
/// same, or a signature that is to be sent again.
fn surely_equal(node: &Node, live: &Value, shape: &Shape, options: Compare<'_>) -> bool {
    let mut walk = Walk::new(Compare { ignore: &[], ..options });
    walk.value(node, live, shape, &Path::default());
    walk.diff.changes.is_empty() && walk.diff.unknown.is_empty()
}

/// The declared list, with the live member in the place of every declared one that equals it: what the live member
/// has beyond the file is not lost.
pub(super) fn merged(node: &Node, live: &[Value], pairs: &[Option<usize>], shape: &Shape, at: &Path<'_>) -> Planned {
    let (left, right) = (at.left(), at.right());
    let member = |list: &Pointer, index: usize| list.with_trailing_token(index);
    Planned::list(node.items().iter().zip(pairs).enumerate().map(|(index, (item, partner))| match partner {
        Some(at) => patch::from_live(&live[*at], &member(&right, *at), shape.item()),
        None => patch::from_file(item, &member(&left, index)),
    }))
}
