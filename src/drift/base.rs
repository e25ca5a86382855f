//! The state that both sides are compared with: what the last apply left behind, or what the files said at a revision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diff;
use crate::document::{self, Flow, Path};
use crate::model::{Address, Artifact, Digest, Kind, Node, OfferKey, named};
use crate::plan;
use crate::redact;
use crate::schema::Shape;
use crate::workspace::Desired;

/// An offer as an apply left it: a part of the receipt. It holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Applied {
    #[serde(flatten, with = "named")]
    pub(crate) offer: OfferKey,
    /// The digest of the document's canonical form, secrets included.
    pub(crate) digest: Digest,
    /// The portal's document, secrets removed.
    pub(crate) document: Value,
    /// What the file named instead of giving it, by address: `secret env:NAME`, `artifact …`.
    pub(crate) references: BTreeMap<String, String>,
}

impl Applied {
    /// The offer as it was read after it was written.
    pub(crate) fn new(desired: &Desired, document: &Value, shape: &Shape) -> Self {
        Self {
            offer: desired.key.clone(),
            digest: document::digest(document, shape),
            document: document::redacted_beside(document, Some(&desired.document), shape),
            references: texts(&references(&desired.document, shape)),
        }
    }

    /// An offer that needed nothing, from what its plan was made from; `None` where the portal had none.
    pub(crate) fn unchanged(desired: &Desired, base: &plan::Base, shape: &Shape) -> Option<Self> {
        let plan::Base::Present { digest, document, .. } = base else { return None };
        Some(Self {
            offer: desired.key.clone(),
            digest: digest.clone(),
            document: document.clone(),
            references: texts(&references(&desired.document, shape)),
        })
    }
}

fn texts(references: &BTreeMap<Address, String>) -> BTreeMap<String, String> {
    references.iter().map(|(address, reference)| (address.to_string(), reference.clone())).collect()
}

/// The base of one offer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base<'a> {
    /// What the last apply left.
    Receipt(&'a Applied),
    Revision(&'a Desired),
    /// No file declared the offer at the revision.
    New,
}

impl Base<'_> {
    pub(super) fn shown(&self, shape: &Shape) -> Value {
        match self {
            Self::Receipt(applied) => applied.document.clone(),
            Self::Revision(desired) => diff::shown(&desired.document, shape),
            Self::New => Value::Null,
        }
    }

    pub(super) fn references(&self, shape: &Shape) -> BTreeMap<String, String> {
        match self {
            Self::Receipt(applied) => applied.references.clone(),
            Self::Revision(desired) => texts(&references(&desired.document, shape)),
            Self::New => BTreeMap::new(),
        }
    }
}

/// Returns what a file names instead of giving it: secrets and artifacts, by address.
pub(super) fn references(declared: &Node, shape: &Shape) -> BTreeMap<Address, String> {
    let mut found = BTreeMap::new();
    document::walk(declared, shape, &Path::default(), &mut |at, node, _| {
        let reference = match &node.kind {
            Kind::Secret(reference) => Some(format!("secret {reference}")),
            Kind::Artifact(Artifact::Url(url)) => Some(format!("artifact {}", redact::text(url))),
            Kind::Artifact(Artifact::File(file)) => Some(format!("artifact {} ({})", file.path, file.stored_name())),
            Kind::Map(_) | Kind::List(_) | Kind::Scalar(_) | Kind::Sas(_) | Kind::Absent => None,
        };
        found.extend(reference.map(|reference| (at.address(), reference)));
        Flow::Into
    });
    found
}
