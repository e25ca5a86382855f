//! Where a walk is: the way from the root, borrowed from the documents. An address or a pointer is made of it only where
//! one is needed.

use jsonpatch::jsonptr::Token as PointerToken;

use crate::diagnostic::Place;
use crate::model::{Address, Pointer, Risk, Step};
use crate::redact;
use crate::schema::Shape;

/// How a value is reached from the one above it, in one of the documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Token<'p> {
    Key(&'p str),
    Index(usize),
    /// Behind the last member of a list.
    End,
    /// This document does not have it.
    #[default]
    None,
}

/// A place in a document, or in two at once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Path<'p> {
    above: Option<&'p Self>,
    depth: usize,
    /// What the schema says of the object or list that it is in.
    container: Option<&'p Shape>,
    /// The key or the identity as it is, for paths that people write.
    name: &'p str,
    left: Token<'p>,
    right: Token<'p>,
    /// Where the left document declares it; line 0 where it does not.
    place: Place,
}

impl<'p> Path<'p> {
    pub(crate) fn property(&'p self, key: &'p str, object: &'p Shape) -> Self {
        let token = Token::Key(key);
        Self {
            above: Some(self),
            depth: self.depth + 1,
            container: Some(object),
            name: key,
            left: token,
            right: token,
            place: self.place,
        }
    }

    /// A member of a list, by its identity.
    pub(crate) fn member(&'p self, id: &'p str, list: &'p Shape, left: Token<'p>, right: Token<'p>) -> Self {
        let depth = self.depth + 1;
        Self { above: Some(self), depth, container: Some(list), name: id, left, right, ..*self }
    }

    /// The same place under another key of the right document.
    pub(crate) fn on_the_right(self, key: &'p str) -> Self {
        Self { right: Token::Key(key), ..self }
    }

    /// The same value, declared at this place; line 0 keeps the place of what is above.
    pub(crate) fn declared_at(self, place: Place) -> Self {
        Self { place: if place.line > 0 { place } else { self.place }, ..self }
    }

    /// Where the left document declares it.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Whether a name on the way says that everything below is a secret.
    pub(crate) fn is_secret(&self) -> bool {
        self.upwards().any(|place| place.object().is_some() && redact::is_secret_name(place.name))
    }

    /// What the nearest schema on the way says that a change means.
    pub(crate) fn risk(&self) -> Option<Risk> {
        self.upwards().find_map(|place| place.object()?.property(place.name).rules.risk)
    }

    /// What the schema says of the object or list that this place is in; nothing at the root.
    pub(crate) fn container(&self) -> Option<&'p Shape> {
        self.container
    }

    /// What the schema says of the object that this place is a property of; nothing for members of lists.
    pub(crate) fn object(&self) -> Option<&'p Shape> {
        self.container.filter(|_| [self.left, self.right].iter().any(|token| matches!(token, Token::Key(_))))
    }

    /// The key or identity of the last step; nothing at the root.
    pub(crate) fn name(&self) -> &'p str {
        self.name
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// This place and those above it, the root left out. What most walks never ask for is found out here, not on the way.
    fn upwards(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |place| place.above).take_while(|place| place.container.is_some())
    }

    /// The places from the root to here, the root left out.
    fn places(&self) -> Vec<&Self> {
        let mut places = self.upwards().collect::<Vec<_>>();
        places.reverse();
        places
    }

    fn step(&self) -> Step<&'p str> {
        self.object().map_or(Step::Id(self.name), |object| object.step(self.name))
    }

    /// The address, for people.
    pub(crate) fn address(&self) -> Address {
        self.places().into_iter().map(Self::step).collect()
    }

    /// Keys and identities as they are, outermost first.
    pub(crate) fn names(&self) -> Vec<&'p str> {
        self.places().into_iter().map(|place| place.name).collect()
    }

    pub(crate) fn left(&self) -> Pointer {
        self.pointer(|place| place.left)
    }

    pub(crate) fn right(&self) -> Pointer {
        self.pointer(|place| place.right)
    }

    fn pointer(&self, token: impl Fn(&Self) -> Token<'p>) -> Pointer {
        let mut pointer = Pointer::root();
        for place in self.places() {
            match token(place) {
                Token::Key(key) => pointer.push_back(PointerToken::new(key)),
                Token::Index(index) => pointer.push_back(PointerToken::from(index)),
                Token::End => pointer.push_back(PointerToken::new("-")),
                Token::None => {}
            }
        }
        pointer
    }
}
