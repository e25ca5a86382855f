//! The comparison of a declared offer with the live one: changes for people, and the RFC 6902 patch that makes them.
//!
//! Pure and synchronous. The walk follows the declared tree, with the live value and the schema's shape beside it, so
//! a change can only be at a place that the file declares, or in a list or dictionary that the file declares whole.
//! What is equal by a rule only is recorded as [`Hidden`], never dropped in silence.

mod artifact;
mod between;
mod hide;
mod pair;
mod patch;
mod scalar;
mod walk;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use artifact::Artifacts;
pub(crate) use between::{between, find};
pub(crate) use hide::without_declared_secrets;
pub(crate) use patch::{PlannedPatch, ReadSecret, Uploaded, shown};
pub(crate) use scalar::is_empty;
pub(crate) use walk::{Compare, compare, create};

use crate::content::Pair;
use crate::live::Live;
use crate::model::{Address, Node, Pointer, Risk};
use crate::schema::Shape;

/// Everything that one comparison found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Diff {
    /// The differences, in the order of the file.
    pub(crate) changes: Vec<Change>,
    /// What makes them, for the live document in the order in which it came.
    pub(crate) patch: PlannedPatch,
    /// What is equal by a rule only.
    pub(crate) hidden: Vec<Hidden>,
    /// Declared artifacts of which nobody knows whether they are the portal's copies.
    pub(crate) unknown: Vec<Unknown>,
    /// Declared secrets: sent with every write, and not comparable.
    pub(crate) secrets: Vec<Address>,
    /// Live keys that the file does not declare. They stay as they are.
    pub(crate) unmanaged: usize,
    /// Members that would be removed, were they not ignored.
    pub(crate) ignored: Vec<Address>,
}

/// A declared artifact that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unknown {
    pub(crate) address: Address,
    /// Why, in one line; nothing for a plain address, of which nobody asked to look at the file.
    pub(crate) reason: Option<String>,
}

/// The artifacts whose equality depends on what their files hold: what has to be looked at before comparing.
pub(crate) fn artifacts(declared: &Node, live: &Live, shape: &Shape) -> Vec<Pair> {
    let Live::Present(offer) = live else { return Vec::new() };
    let asked = std::cell::RefCell::default();
    let noting = Compare { artifacts: Artifacts { contents: None, asked: Some(&asked) }, ..Compare::default() };
    let _ = compare(declared, &offer.document, shape, noting);
    let mut pairs = asked.into_inner();
    pairs.sort();
    pairs.dedup();
    pairs
}

impl Diff {
    /// Takes in what was found elsewhere in the same document.
    fn absorb(&mut self, other: Self) {
        let Self { changes, patch, hidden, unknown, secrets, unmanaged, ignored } = other;
        self.changes.extend(changes);
        self.patch.append(patch);
        self.hidden.extend(hidden);
        self.unknown.extend(unknown);
        self.secrets.extend(secrets);
        self.unmanaged += unmanaged;
        self.ignored.extend(ignored);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) address: Address,
    /// Where, for machines: in the live document, or with a last `-` where a member is added to a list.
    pub(crate) pointer: Pointer,
    /// Line of the file that asks for it.
    pub(crate) line: usize,
    /// What. Values have their secrets removed.
    pub(crate) kind: ChangeKind,
    /// What the schema says that a change of this field means to customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) risk: Option<Risk>,
    /// The portal does not let this field change.
    pub(crate) immutable: bool,
    /// The key of a second property that holds the same value and changes in the same way; it is shown here alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) twin: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum ChangeKind {
    Add {
        after: Value,
    },
    Remove {
        before: Value,
    },
    /// Declared and live, and not the same.
    Replace {
        before: Value,
        after: Value,
    },
    /// A set with other members.
    Members {
        /// Declared members that are not live.
        added: Vec<Value>,
        /// Live members that are not declared.
        removed: Vec<Value>,
    },
    /// A list in which order counts.
    List {
        before: Vec<Value>,
        after: Vec<Value>,
    },
}

/// Why two values that differ in form are one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rule {
    /// null, a missing key, `""`, `[]` and `{}` are one.
    Empty,
    /// The declared value is the one that the portal fills in.
    Default,
    /// The order of a set or a keyed list.
    Order,
    /// `0` and `0.0`, `"30"` and `30`.
    Number,
    /// Letter case of a GUID or a region.
    Case,
    /// The signature, lifetime or rights in a URL's query.
    Signature,
    /// Line ends and white space at the end.
    Whitespace,
    /// The portal refuses this field in a write.
    ReadOnly,
    /// The same file at another address.
    Content,
}

impl Rule {
    /// What the rule hides, for people.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Empty => "empty in another form",
            Self::Default => "the portal's default",
            Self::Order => "another order",
            Self::Number => "the same number in another form",
            Self::Case => "another letter case",
            Self::Signature => "the same URL with another signature",
            Self::Whitespace => "other line ends or trailing white space",
            Self::ReadOnly => "not accepted in a write, so not sent",
            Self::Content => "the same file at the portal's own address",
        }
    }
}

/// A difference that a rule hides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hidden {
    pub(crate) address: Address,
    pub(crate) rule: Rule,
}
