//! Addresses for people: identities instead of indexes, short names where they are unambiguous.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step<T> {
    /// A property, under the name that people read.
    Key(T),
    /// A member of a keyed list or of a dictionary, by its identity: a plan's id, an image's version.
    Id(T),
}

impl<'a> Step<&'a str> {
    /// The property's name, where it is one.
    pub(crate) fn key(self) -> Option<&'a str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Id(_) => None,
        }
    }
}

impl Step<String> {
    fn borrowed(&self) -> Step<&str> {
        match self {
            Self::Key(key) => Step::Key(key),
            Self::Id(id) => Step::Id(id),
        }
    }
}

/// Where a value is in an offer, printed as `plans[basic]/vmImages[1.9.2]/osVhdUrl`.
///
/// The wrappers `definition` and `offer` are left out: they are in every address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Address(Vec<Step<String>>);

impl Address {
    pub(crate) fn key(&self, label: &str) -> Self {
        self.with(Step::Key(label))
    }

    pub(crate) fn id(&self, identity: &str) -> Self {
        self.with(Step::Id(identity))
    }

    pub(crate) fn with(&self, step: Step<&str>) -> Self {
        self.steps().chain([step]).collect()
    }

    /// The identities on the way, outermost first: `["basic", "1.9.2"]`.
    pub(crate) fn identities(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            Step::Id(identity) => Some(identity.as_str()),
            Step::Key(_) => None,
        })
    }

    /// The steps, outermost first, wrappers included.
    pub(crate) fn steps(&self) -> impl DoubleEndedIterator<Item = Step<&str>> + ExactSizeIterator {
        self.0.iter().map(Step::borrowed)
    }

    /// This address without its last step.
    pub(crate) fn parent(&self) -> Self {
        Self(self.0.split_last().map_or_else(Vec::new, |(_, rest)| rest.to_vec()))
    }

    /// Whether this is the address of something inside `block`, or of the block itself.
    pub(crate) fn is_within(&self, block: &Self) -> bool {
        self.0.starts_with(&block.0)
    }
}

impl<'a> FromIterator<Step<&'a str>> for Address {
    fn from_iter<I: IntoIterator<Item = Step<&'a str>>>(steps: I) -> Self {
        let owned = |step| match step {
            Step::Key(key) => Step::Key(str::to_owned(key)),
            Step::Id(id) => Step::Id(str::to_owned(id)),
        };
        Self(steps.into_iter().map(owned).collect())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrappers = match self.0.as_slice() {
            [Step::Key(first), Step::Key(second), _, ..] if first == "definition" && second == "offer" => 2,
            [Step::Key(first), _, ..] if first == "definition" => 1,
            _ => 0,
        };
        for (position, segment) in self.0[wrappers..].iter().enumerate() {
            match segment {
                Step::Key(label) if position == 0 => f.write_str(label)?,
                Step::Key(label) => write!(f, "/{label}")?,
                Step::Id(identity) => write!(f, "[{identity}]")?,
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
