//! The result of `doctor`.

use crate::error::Exit;

/// One thing that `doctor` looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
}

impl Check {
    pub(crate) fn new(name: impl Into<String>, verdict: Verdict) -> Self {
        Self { name: name.into(), verdict }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it should be: what was found.
    Good(String),
    Bad {
        what: String,
        next: String,
        /// How the process ends for it.
        exit: Exit,
    },
    /// It could not be looked at: why.
    Unknown(String),
}
