//! The portal's own words, as closed sets.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The API that an offer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Api {
    /// The Cloud Partner Portal.
    Cpp,
}

/// Which of the three copies of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Slot {
    Draft,
    /// What the preview audience sees; the portal also calls it staging.
    Preview,
    Production,
}

impl Slot {
    /// The word in paths: `draft`, `preview`, `production`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Preview => "preview",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which of the two ways the portal treats an offer. A property of each offer, not of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// ETags, strict If-Match, `{"error": …}` bodies.
    Native,
    /// No ETag, the shim's errors.
    Migrated,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Migrated => "migrated",
        })
    }
}
