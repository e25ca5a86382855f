//! What is no change, and must not be taken for nothing: kept, hidden, not compared, sent along, ignored.

use crate::diff::Diff;
use crate::render::{counted, plural, sentence, visible};

/// Numbers and lists of what one comparison left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Whether the draft is written.
    pub(crate) writes: bool,
    /// Live keys that the file does not declare.
    pub(crate) unmanaged: usize,
    /// Differences that a rule hides: address and rule.
    pub(crate) hidden: Vec<(String, &'static str)>,
    /// Artifacts that could not be compared, and why not.
    pub(crate) unknown: Vec<(String, Option<String>)>,
    pub(crate) secrets: usize,
    /// How many live signatures stay, and the first day on which one ends.
    pub(crate) signatures: usize,
    pub(crate) first_end: Option<String>,
    /// Addresses that are left to the portal.
    pub(crate) ignored: Vec<String>,
}

impl Counts {
    pub(super) fn of(diff: &Diff, writes: bool) -> Self {
        let Diff { changes: _, patch: _, hidden, unknown, secrets, signatures, unmanaged, ignored, artifacts: _ } =
            diff;
        let shown = |address: &crate::model::Address| visible(&address.to_string(), false);
        Self {
            writes,
            unmanaged: *unmanaged,
            hidden: hidden.iter().map(|one| (shown(&one.address), one.rule.describe())).collect(),
            unknown: unknown
                .iter()
                .map(|one| (shown(&one.address), one.reason.as_ref().map(|reason| visible(reason, false))))
                .collect(),
            secrets: secrets.len(),
            signatures: signatures.len(),
            first_end: signatures.iter().filter_map(|one| one.ends.as_deref()).min().map(day),
            ignored: ignored.iter().map(shown).collect(),
        }
    }

    /// All of it in one line; nothing where there is nothing. `hint` follows the number of hidden differences.
    pub(crate) fn line(&self, hint: &str) -> Option<String> {
        let of = |count: usize, noun: &str, what: &str| match count {
            0 => String::new(),
            count => format!("{} {what}", plural(count, noun)),
        };
        let unmanaged = if self.writes { self.unmanaged } else { 0 };
        let sent = if self.writes { "sent along" } else { "not compared" };
        let first = self.first_end.as_ref().map_or_else(String::new, |day| format!(" (the first ends on {day})"));
        let text = sentence([
            of(unmanaged, "unmanaged field", "kept"),
            of(self.hidden.len(), "formatting-only difference", &format!("hidden{hint}")),
            of(self.unknown.len(), "artifact", "not compared (the portal serves its own copy)"),
            of(self.secrets, "secret", sent),
            of(self.signatures, "live signature", &format!("kept{first}")),
            counted(self.ignored.len(), "ignored"),
        ]);
        let again = !self.unknown.is_empty() || (self.secrets > 0 && !self.writes);
        let how = if again { "; --resend sends again what cannot be compared" } else { "" };
        (!text.is_empty()).then(|| format!("{text}{how}"))
    }

    /// Artifacts that were asked for and could not be seen: address and reason.
    pub(crate) fn unseen(&self) -> impl Iterator<Item = (&str, &str)> {
        self.unknown.iter().filter_map(|(address, reason)| Some((address.as_str(), reason.as_deref()?)))
    }

    /// What is hidden, not compared and ignored, one line each.
    pub(crate) fn details(&self) -> Vec<String> {
        let hidden = self.hidden.iter().map(|(address, rule)| format!("hidden: {address}: {rule}"));
        let unknown = self.unknown.iter().filter(|(_, reason)| reason.is_none());
        let unknown = unknown.map(|(address, _)| format!("not compared: {address}"));
        hidden.chain(unknown).chain(self.ignored.iter().map(|address| format!("ignored: {address}"))).collect()
    }
}

/// The day of a time.
fn day(time: &str) -> String {
    visible(time.split('T').next().unwrap_or_default(), false)
}
