//! Values by their addresses.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use super::Tree;
use super::members::{identity, members_key};
use crate::diagnostic::Place;
use crate::model::{Address, Step};
use crate::schema::{Case, Shape};
use crate::steps;

/// The children of one value, by key or identity, with the place of each.
struct Children<'t, T> {
    by_name: HashMap<String, (&'t T, Place)>,
    case: Case,
}

impl<'t, T: Tree> Children<'t, T> {
    fn of(value: &'t T, shape: &Shape) -> Self {
        let case = members_key(shape).map_or(Case::Exact, |key| shape.item().property(key).rules.case);
        let entries = value.entries().map(|(key, place, inner)| (key.to_owned(), (inner, place)));
        let items = value.items().iter().enumerate().map(|(index, item)| {
            let name = identity(item, shape).map_or_else(|| index.to_string(), |id| case.folded(id));
            (name, (item, item.place()))
        });
        Self { by_name: entries.chain(items).collect(), case }
    }

    fn get(&self, name: &str) -> Option<(&'t T, Place)> {
        self.by_name.get(&self.case.folded(name)).copied()
    }
}

/// Finds values of a document by address. Each object and list on the way is indexed once.
pub(crate) struct Finder<'t, T> {
    root: &'t T,
    shape: &'t Shape,
    index: RefCell<HashMap<*const T, Children<'t, T>>>,
}

/// How far an address leads.
pub(crate) enum Found<'t, T> {
    /// To this value; the place is that of its key, or of the member.
    Value(&'t T, Place),
    /// To the value that the next step would be in, and that does not have it.
    Missing(&'t T, &'t Shape),
}

impl<'t, T: Tree> Finder<'t, T> {
    pub(crate) fn new(root: &'t T, shape: &'t Shape) -> Self {
        Self { root, shape, index: RefCell::default() }
    }

    pub(crate) fn value(&self, address: &Address) -> Option<&'t T> {
        match self.find(address) {
            Found::Value(value, _) => Some(value),
            Found::Missing(..) => None,
        }
    }

    pub(crate) fn place(&self, address: &Address) -> Option<Place> {
        match self.find(address) {
            Found::Value(_, place) => Some(place),
            Found::Missing(..) => None,
        }
    }

    pub(crate) fn find(&self, address: &Address) -> Found<'t, T> {
        let (mut value, mut shape, mut place) = (self.root, self.shape, self.root.place());
        for step in address.steps() {
            steps::count(1);
            let name = match step {
                Step::Key(label) => shape.labelled(label),
                Step::Id(id) => id,
            };
            let Some((inner, at)) = self.child(value, shape, name) else { return Found::Missing(value, shape) };
            shape = if value.is_list() { shape.item() } else { shape.property(name) };
            (value, place) = (inner, at);
        }
        Found::Value(value, place)
    }

    fn child(&self, value: &'t T, shape: &Shape, name: &str) -> Option<(&'t T, Place)> {
        let mut index = self.index.borrow_mut();
        index.entry(value).or_insert_with(|| Children::of(value, shape)).get(name)
    }
}

/// Things by address, of which those can be found that are inside of another one or around it.
#[derive(Debug, Default)]
pub(crate) struct AddressMap<T>(BTreeMap<Address, T>);

impl<T> FromIterator<(Address, T)> for AddressMap<T> {
    fn from_iter<I: IntoIterator<Item = (Address, T)>>(things: I) -> Self {
        Self(things.into_iter().collect())
    }
}

impl<T> AddressMap<T> {
    /// The thing at an address, at the nearest one around it, or at the first one inside it.
    pub(crate) fn related(&self, address: &Address) -> Option<&T> {
        steps::count(1);
        let mut around = address.clone();
        loop {
            if let Some(thing) = self.0.get(&around) {
                return Some(thing);
            }
            if around == Address::default() {
                break;
            }
            around = around.parent();
        }
        let next = self.0.range((Bound::Excluded(address), Bound::Unbounded)).next();
        next.filter(|(inside, _)| inside.is_within(address)).map(|(_, thing)| thing)
    }

    /// Everything at an address, around it or inside it.
    pub(crate) fn all_related<'m>(&'m self, address: &'m Address) -> impl Iterator<Item = &'m T> {
        let above = |at: &Address| (*at != Address::default()).then(|| at.parent());
        let around = std::iter::successors(Some(address.clone()), above).filter_map(|around| self.0.get(&around));
        let later = self.0.range((Bound::Excluded(address), Bound::Unbounded));
        let inside = later.take_while(|(inside, _)| inside.is_within(address)).map(|(_, thing)| thing);
        around.chain(inside)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schemas;

    fn plan() -> Address {
        Address::default().key("definition").key("plans").id("basic")
    }

    #[test]
    fn values_are_found_by_identity_and_short_name() {
        let shape = Schemas::builtin().shape("microsoft-azure-virtualmachines");
        let images = "microsoft-azure-virtualmachines.vmImages";
        let document = json!({"definition": {"plans": [{"planId": "pro"},
            {"planId": "basic", "regions": ["DE"], images: {"1.0.0": {"osVhdUrl": "u"}}}]}});
        let finder = Finder::new(&document, shape);
        assert_eq!(finder.value(&plan().key("regions")), Some(&json!(["DE"])));
        assert_eq!(finder.value(&plan().key("vmImages").id("1.0.0").key("osVhdUrl")), Some(&json!("u")));
        assert_eq!(finder.value(&plan().key("regions").id("0")), Some(&json!("DE")));
        let gone = plan().key("vmImages").id("2.0.0");
        assert!(matches!(finder.find(&gone), Found::Missing(inner, _) if inner.get("1.0.0").is_some()));
        assert_eq!(finder.value(&Address::default()), Some(&document));
    }

    #[test]
    fn related_addresses_are_around_or_inside() {
        let map = [(plan().key("price"), 1), (plan().key("regions").id("x"), 2)].into_iter().collect::<AddressMap<_>>();
        for (address, found) in [
            (plan(), Some(&1)),
            (plan().key("price").key("single"), Some(&1)),
            (plan().key("regions"), Some(&2)),
            (plan().key("regions").id("y"), None),
            (plan().key("pricing"), None),
            (Address::default(), Some(&1)),
        ] {
            assert_eq!(map.related(&address), found, "{address}");
        }
        assert_eq!(map.all_related(&plan()).collect::<Vec<_>>(), [&1, &2]);
        assert_eq!(map.all_related(&plan().key("regions").id("x").key("y")).collect::<Vec<_>>(), [&2]);
    }
}
