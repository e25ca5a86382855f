//! The comparison of a declared offer with the live one: changes for people, and the RFC 6902 patch that makes them.
//!
//! Pure and synchronous. The walk follows the declared tree, with the live value and the schema's shape beside it, so
//! a change can only be at a place that the file declares, or in a list or dictionary that the file declares whole.
//! What is equal by a rule only is recorded as [`Hidden`], never dropped in silence.

mod artifact;
mod between;
mod pair;
mod patch;
mod walk;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use between::{are_equal, between, differences};
pub(crate) use patch::{FillError, Late, PlannedPatch, ReadLate, Uploaded, shown};
pub(crate) use walk::{Compare, compare, create};

use crate::content::Pair;
use crate::diagnostic::{FileId, Place};
pub(crate) use crate::document::Rule;
use crate::document::{Path, redacted};
use crate::live::Live;
use crate::model::{Address, Node, Pointer, Risk};
use crate::redact;
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
    /// Blobs that the file declares and the portal has, which keep their live signature.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) signatures: Vec<LiveSignature>,
    /// Live keys that the file does not declare. They stay as they are.
    pub(crate) unmanaged: usize,
    /// Members that would be removed, were they not ignored.
    pub(crate) ignored: Vec<Address>,
    /// Artifacts that their addresses leave open. It holds signatures, so it is never written.
    #[serde(skip)]
    pub(crate) artifacts: Vec<Pair>,
}

/// A declared artifact that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unknown {
    pub(crate) address: Address,
    /// Why, in one line; nothing for a plain address, of which nobody asked to look at the file.
    pub(crate) reason: Option<String>,
}

/// The signature with which the portal holds a declared blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LiveSignature {
    pub(crate) address: Address,
    /// When it ends, as RFC 3339; nothing where the address has no signature, or one that does not say.
    pub(crate) ends: Option<String>,
}

/// Returns the artifacts whose equality depends on what their files hold: what has to be looked at before comparing.
pub(crate) fn artifacts(declared: &Node, live: &Live, shape: &Shape) -> Vec<Pair> {
    let Live::Present(offer) = live else { return Vec::new() };
    compare(declared, &offer.document, shape, Compare::default()).open_artifacts()
}

impl Diff {
    /// Returns the artifacts that their addresses leave open, each once.
    pub(crate) fn open_artifacts(self) -> Vec<Pair> {
        let mut pairs = self.artifacts;
        pairs.sort();
        pairs.dedup();
        pairs
    }

    /// Forgets where things are that only their number is shown of: there may be many offers without a change.
    pub(crate) fn without_places(self) -> Self {
        let nowhere = |address: &mut Address| *address = Address::default();
        let Self { mut hidden, mut unknown, mut secrets, mut signatures, mut ignored, unmanaged, .. } = self;
        hidden.iter_mut().for_each(|one| nowhere(&mut one.address));
        unknown.iter_mut().filter(|one| one.reason.is_none()).for_each(|one| nowhere(&mut one.address));
        signatures.iter_mut().for_each(|one| nowhere(&mut one.address));
        secrets.iter_mut().chain(&mut ignored).for_each(nowhere);
        hidden.shrink_to_fit();
        signatures.shrink_to_fit();
        Self { hidden, unknown, secrets, signatures, ignored, unmanaged, ..Self::default() }
    }

    /// Takes in what was found elsewhere in the same document.
    fn absorb(&mut self, other: Self) {
        let Self { changes, patch, hidden, unknown, secrets, signatures, unmanaged, ignored, artifacts } = other;
        self.changes.extend(changes);
        self.patch.append(patch);
        self.hidden.extend(hidden);
        self.unknown.extend(unknown);
        self.secrets.extend(secrets);
        self.signatures.extend(signatures);
        self.unmanaged += unmanaged;
        self.ignored.extend(ignored);
        self.artifacts.extend(artifacts);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) address: Address,
    /// Where, for machines: in the live document, or with a last `-` where a member is added to a list.
    pub(crate) pointer: Pointer,
    /// Which file of the offer asks for it.
    #[serde(default, skip_serializing_if = "FileId::is_own")]
    pub(crate) file: FileId,
    /// Line of that file; 0 where no file asks for it.
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
    /// What it does to an edit of the portal. It depends on a base, so no plan is bound to it.
    #[serde(skip)]
    pub(crate) portal_edit: Option<PortalEdit>,
}

/// What a change does to an edit that was made in the portal since a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PortalEdit {
    /// The file says what it said at the base, so the edit is lost.
    Undone,
    /// The file changed as well, to another value.
    Overwritten,
}

impl PortalEdit {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Undone => "undoes an edit made in the portal",
            Self::Overwritten => "overwrites an edit made in the portal",
        }
    }
}

impl Change {
    /// Returns the change that leads back.
    pub(crate) fn turned(self) -> Self {
        let kind = match self.kind {
            ChangeKind::Add { after } => ChangeKind::Remove { before: after },
            ChangeKind::Remove { before } => ChangeKind::Add { after: before },
            ChangeKind::Replace { before, after } => ChangeKind::Replace { before: after, after: before },
            ChangeKind::Members { added, removed } => ChangeKind::Members { added: removed, removed: added },
            ChangeKind::List { before, after } => ChangeKind::List { before: after, after: before },
        };
        Self { kind, ..self }
    }

    /// Where it is asked for; line 0 where no file asks for it.
    pub(crate) fn place(&self) -> Place {
        Place { file: self.file, line: self.line }
    }
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hidden {
    pub(crate) address: Address,
    pub(crate) rule: Rule,
}

/// A live value for people, at its place.
fn shown_at(at: &Path<'_>, value: &Value, shape: &Shape) -> Value {
    if at.is_secret() { redact::masked(value) } else { redacted(value, shape) }
}
