//! The words for how much a change matters to customers.

use serde::{Deserialize, Serialize};

/// The classes, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Risk {
    /// A plan, an image version or a package goes away.
    Removal,
    Price,
    /// Where the offer is sold: countries and clouds.
    Markets,
    Visibility,
    Audience,
    /// The portal does not let the field change.
    Immutable,
    /// How it works: images, sizes, leads, technical settings, new plans and versions.
    Settings,
    Text,
    Cosmetic,
}

impl Risk {
    /// All classes, the gravest first.
    pub(crate) const ALL: [Self; 9] = [
        Self::Removal,
        Self::Price,
        Self::Markets,
        Self::Visibility,
        Self::Audience,
        Self::Immutable,
        Self::Settings,
        Self::Text,
        Self::Cosmetic,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Removal => "removal",
            Self::Price => "price",
            Self::Markets => "markets",
            Self::Visibility => "visibility",
            Self::Audience => "audience",
            Self::Immutable => "immutable",
            Self::Settings => "settings",
            Self::Text => "text",
            Self::Cosmetic => "cosmetic",
        }
    }

    /// Whether a reviewer must not miss it.
    pub(crate) fn is_grave(self) -> bool {
        self <= Self::Immutable
    }

    /// The class that a schema may give a field, by its word: `removal` and `immutable` are not among them, because they
    /// are no matter of the field alone.
    pub(crate) fn annotated(word: &str) -> Option<Self> {
        let of_a_field = |risk: &Self| !matches!(risk, Self::Removal | Self::Immutable);
        Self::ALL.into_iter().filter(of_a_field).find(|risk| risk.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classes_are_in_order() {
        assert!(Risk::ALL.is_sorted());
        assert!(Risk::Immutable.is_grave() && !Risk::Settings.is_grave());
        assert_eq!((Risk::annotated("price"), Risk::annotated("removal")), (Some(Risk::Price), None));
    }
}
