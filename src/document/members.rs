//! How the members of a list are told apart. No other module asks what the identity of a member is.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Tree;
use crate::schema::{Case, ListRule, Shape};

/// The property that identifies the members of a list; `None` for sets and for lists in which order counts.
pub(crate) fn members_key(list: &Shape) -> Option<&str> {
    match &list.rules.list {
        ListRule::Keyed(key) => Some(key),
        ListRule::Set | ListRule::Ordered => None,
    }
}

/// Whether the order of the members means nothing.
pub(crate) fn is_unordered(list: &Shape) -> bool {
    list.rules.list != ListRule::Ordered
}

pub(crate) fn is_set(list: &Shape) -> bool {
    list.rules.list == ListRule::Set
}

/// The identity of a member of a keyed list; `None` for a member of another list, and for one without an identity.
pub(crate) fn identity<'t, T: Tree>(item: &'t T, list: &Shape) -> Option<&'t str> {
    item.entry(members_key(list)?)?.text()
}

/// The members of a keyed list by their identities.
pub(crate) struct Keyed<'t> {
    ids: Vec<&'t str>,
    places: HashMap<Cow<'t, str>, usize>,
    case: Case,
}

impl<'t> Keyed<'t> {
    /// Indexes a list. `None` where the list has no identities, a member lacks one, or two have the same: then members
    /// can only be told apart by their position.
    pub(crate) fn of<T: Tree>(items: &'t [T], list: &Shape) -> Option<Self> {
        let case = list.item().property(members_key(list)?).rules.case;
        let ids = items.iter().map(|item| identity(item, list)).collect::<Option<Vec<_>>>()?;
        let places = ids.iter().enumerate().map(|(at, id)| (fold(id, case), at)).collect::<HashMap<_, _>>();
        (places.len() == ids.len()).then_some(Self { ids, places, case })
    }

    /// The identities, in the order of the members.
    pub(crate) fn ids(&self) -> &[&'t str] {
        &self.ids
    }

    /// The position of the member with this identity.
    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        self.places.get(&*fold(id, self.case)).copied()
    }
}

fn fold(id: &str, case: Case) -> Cow<'_, str> {
    match case {
        Case::Exact => Cow::Borrowed(id),
        Case::Insensitive => Cow::Owned(case.folded(id)),
    }
}
