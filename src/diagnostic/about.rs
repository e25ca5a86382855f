//! What each code means: the one table behind `offerctl explain`, `docs/codes.md` and the lints' default severities.

mod artifacts;
mod lints;
mod reading;
mod schema;

use super::{Code, Severity};

/// What is to be said of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) code: Code,
    /// Its name in settings and on the command line: `sas-expiry`.
    pub(crate) name: &'static str,
    /// How bad it is, unless the project says otherwise.
    pub(crate) severity: Severity,
    /// Whether `[lints]` in `offerctl.toml` can change that.
    pub(crate) lint: bool,
    /// One line: what is wrong.
    pub(crate) summary: &'static str,
    /// Why it is wrong, and what follows from it.
    pub(crate) explanation: &'static str,
    pub(crate) example: &'static str,
    pub(crate) fixed: &'static str,
}

impl About {
    /// Every code's entry, by group, in the order of the numbers.
    pub(crate) const ALL: &'static [&'static [Self]] = &[reading::TABLE, schema::TABLE, lints::TABLE, artifacts::TABLE];

    /// All entries in the order of their codes.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        let mut all = Self::ALL.iter().flat_map(|group| group.iter()).collect::<Vec<_>>();
        all.sort_by_key(|about| about.code);
        all.into_iter()
    }

    pub(crate) fn of(code: Code) -> Option<&'static Self> {
        Self::all().find(|about| about.code == code)
    }

    /// The entry that a user names: `OFR0041`, `ofr41`, `41` or `sas-expiry`.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        let name = name.trim().to_ascii_lowercase();
        let number = name.strip_prefix("ofr").unwrap_or(&name).parse::<u16>().ok();
        Self::all().find(|about| Some(about.code as u16) == number || about.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once_under_a_name_of_its_own() {
        let codes = About::all().map(|about| about.code).collect::<Vec<_>>();
        assert_eq!(codes, Code::ALL, "a code without an entry, or with two");
        let mut names = About::all().map(|about| about.name).collect::<Vec<_>>();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for about in About::all() {
            assert!(!about.explanation.is_empty() && !about.example.is_empty() && !about.fixed.is_empty());
            assert!(about.lint || about.severity == Severity::Error, "{}", about.name);
            let plain =
                about.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            assert!(plain && !about.summary.ends_with('.'), "{}", about.name);
        }
    }

    #[test]
    fn an_entry_is_found_by_each_form_of_its_name() {
        for name in ["OFR0041", "ofr41", "41", "sas-expiry", "SAS-expiry "] {
            assert_eq!(About::find(name).map(|about| about.code), Some(Code::SasExpiry), "{name}");
        }
        assert_eq!(About::find("sas"), None);
    }
}
