//! Addresses for people: identities instead of indexes, short names where they are unambiguous.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One step of an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Segment {
    /// A property, under the name that people read.
    Key(String),
    /// A member of a keyed list or of a dictionary, by its identity: a plan's id, an image's version.
    Id(String),
}

/// One step of an address, as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    /// A member, by its identity.
    Id(&'a str),
}

impl<'a> Step<'a> {
    /// The property's name, where it is one.
    pub(crate) fn key(self) -> Option<&'a str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Id(_) => None,
        }
    }
}

/// Where a value is in an offer, printed as `plans[basic]/vmImages[1.9.2]/osVhdUrl`.
///
/// The wrappers `definition` and `offer` are left out: they are in every address and tell nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Address(Vec<Segment>);

impl Address {
    /// This address and one more property.
    pub(crate) fn key(&self, label: &str) -> Self {
        self.with(Segment::Key(label.to_owned()))
    }

    /// This address and one more identity.
    pub(crate) fn id(&self, identity: &str) -> Self {
        self.with(Segment::Id(identity.to_owned()))
    }

    /// The identities on the way, outermost first: `["basic", "1.9.2"]`.
    pub(crate) fn identities(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Id(identity) => Some(identity.as_str()),
            Segment::Key(_) => None,
        })
    }

    /// The steps, outermost first, wrappers included.
    pub(crate) fn steps(&self) -> impl DoubleEndedIterator<Item = Step<'_>> {
        self.0.iter().map(|segment| match segment {
            Segment::Key(key) => Step::Key(key),
            Segment::Id(id) => Step::Id(id),
        })
    }

    /// This address without its last step.
    pub(crate) fn parent(&self) -> Self {
        Self(self.0.split_last().map_or_else(Vec::new, |(_, rest)| rest.to_vec()))
    }

    /// Whether this is the address of something inside `block`, or of the block itself.
    pub(crate) fn is_within(&self, block: &Self) -> bool {
        self.0.starts_with(&block.0)
    }

    /// The steps from `block` to here; `None` for what is not inside it.
    pub(crate) fn below(&self, block: &Self) -> Option<Self> {
        self.0.strip_prefix(block.0.as_slice()).map(|rest| Self(rest.to_vec()))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrappers = match self.0.as_slice() {
            [Segment::Key(first), Segment::Key(second), _, ..] if first == "definition" && second == "offer" => 2,
            [Segment::Key(first), _, ..] if first == "definition" => 1,
            _ => 0,
        };
        for (position, segment) in self.0[wrappers..].iter().enumerate() {
            match segment {
                Segment::Key(label) if position == 0 => f.write_str(label)?,
                Segment::Key(label) => write!(f, "/{label}")?,
                Segment::Id(identity) => write!(f, "[{identity}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_by_identity() {
        let root = Address::default();
        let image = root.key("definition").key("plans").id("basic").key("vmImages").id("1.9.2").key("osVhdUrl");
        assert_eq!(image.to_string(), "plans[basic]/vmImages[1.9.2]/osVhdUrl");
        assert_eq!(image.identities().collect::<Vec<_>>(), ["basic", "1.9.2"]);
        assert_eq!(root.key("definition").key("offer").key("title").to_string(), "title");
        assert_eq!(root.key("definition").key("displayText").to_string(), "displayText");
    }
}
