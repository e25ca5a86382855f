//! Visits of one document, and of two side by side.

use std::collections::HashSet;

use super::Tree;
use super::members::{Keyed, identity};
use super::path::{Path, Token};
use crate::schema::Shape;
use crate::steps;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// To what is in the value.
    Into,
    /// To what stands beside it.
    Past,
}

/// Visits every value of a document, outermost first. Members of lists without identities go by their position.
pub(crate) fn walk<'t, T: Tree>(
    value: &'t T,
    shape: &'t Shape,
    at: &Path<'_>,
    visit: &mut impl FnMut(&Path<'_>, &'t T, &'t Shape) -> Flow,
) {
    steps::count(1);
    if visit(at, value, shape) == Flow::Past {
        return;
    }
    for (key, place, inner) in value.entries() {
        walk(inner, shape.property(key), &at.property(key, shape).declared_at(place), visit);
    }
    for (index, item) in value.items().iter().enumerate() {
        let position = index.to_string();
        let id = identity(item, shape).unwrap_or(&position);
        let here = at.member(id, shape, Token::Index(index), Token::Index(index)).declared_at(item.place());
        walk(item, shape.item(), &here, visit);
    }
}

/// A value in the one document, in the other, or in both.
pub(crate) type Pair<'t, A, B> = (Option<&'t A>, Option<&'t B>);

/// Visits every pair of values of two documents, outermost first: the left document's in its order, then those that only
/// the right one has. Members of keyed lists are paired by identity, those of other lists by position. A value without a
/// partner is visited with what is in it.
pub(crate) fn zip<'t, A: Tree, B: Tree>(
    pair: Pair<'t, A, B>,
    shape: &'t Shape,
    at: &Path<'_>,
    visit: &mut impl FnMut(&Path<'_>, Pair<'t, A, B>, &'t Shape) -> Flow,
) {
    steps::count(1);
    if visit(at, pair, shape) == Flow::Past {
        return;
    }
    objects(pair, shape, at, visit);
    let (left, right) = (pair.0.map_or(&[][..], Tree::items), pair.1.map_or(&[][..], Tree::items));
    if left.is_empty() && right.is_empty() {
        return;
    }
    match (Keyed::of(left, shape), Keyed::of(right, shape)) {
        (Some(ids), Some(other_ids)) => {
            for (index, id) in ids.ids().iter().enumerate() {
                let other = other_ids.position(id);
                let here = at.member(id, shape, Token::Index(index), other.map_or(Token::None, Token::Index));
                let pair = (left.get(index), other.map(|other| &right[other]));
                zip(pair, shape.item(), &here.declared_at(left[index].place()), visit);
            }
            for (index, id) in other_ids.ids().iter().enumerate().filter(|(_, id)| ids.position(id).is_none()) {
                zip(
                    (None, right.get(index)),
                    shape.item(),
                    &at.member(id, shape, Token::None, Token::Index(index)),
                    visit,
                );
            }
        }
        _ => {
            for index in 0..left.len().max(right.len()) {
                let id = index.to_string();
                let here = at.member(&id, shape, Token::Index(index), Token::Index(index));
                zip((left.get(index), right.get(index)), shape.item(), &here, visit);
            }
        }
    }
}

fn objects<'t, A: Tree, B: Tree>(
    (left, right): Pair<'t, A, B>,
    shape: &'t Shape,
    at: &Path<'_>,
    visit: &mut impl FnMut(&Path<'_>, Pair<'t, A, B>, &'t Shape) -> Flow,
) {
    let mut seen = HashSet::new();
    for (key, place, value) in left.into_iter().flat_map(Tree::entries) {
        seen.insert(key);
        let pair = (Some(value), right.and_then(|right| right.entry(key)));
        zip(pair, shape.property(key), &at.property(key, shape).declared_at(place), visit);
    }
    for (key, _, value) in right.into_iter().flat_map(Tree::entries).filter(|(key, ..)| !seen.contains(key)) {
        zip((None, Some(value)), shape.property(key), &at.property(key, shape), visit);
    }
}
