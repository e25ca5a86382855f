//! The state that both sides are compared with: what the last apply left behind, or what the files said at a revision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diff;
use crate::live;
use crate::model::{Address, Artifact, Digest, Kind, Node, OfferKey, named};
use crate::plan;
use crate::redact;
use crate::schema::{ListRule, Shape};
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
            digest: live::digest(document, shape),
            document: diff::without_declared_secrets(live::redacted(document, shape), &desired.document, shape),
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

/// What a file names instead of giving it: secrets and artifacts, by address.
pub(super) fn references(document: &Node, shape: &Shape) -> BTreeMap<Address, String> {
    let mut found = BTreeMap::new();
    collect(document, shape, &Address::default(), &mut found);
    found
}

fn collect(node: &Node, shape: &Shape, here: &Address, found: &mut BTreeMap<Address, String>) {
    let reference = match &node.kind {
        Kind::Secret(reference) => Some(format!("secret {reference}")),
        Kind::Artifact(Artifact::Url(url)) => Some(format!("artifact {}", redact::text(url))),
        Kind::Artifact(Artifact::File(file)) => Some(format!("artifact {} ({})", file.path, file.stored_name())),
        Kind::Map(_) | Kind::List(_) | Kind::Scalar(_) | Kind::Absent => None,
    };
    found.extend(reference.map(|reference| (here.clone(), reference)));
    match &node.kind {
        Kind::Map(entries) => {
            for entry in entries {
                collect(&entry.value, shape.property(&entry.key), &shape.address(here, &entry.key), found);
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, shape.item(), &member(item, index, shape, here), found);
            }
        }
        Kind::Scalar(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) => {}
    }
}

fn member(item: &Node, index: usize, shape: &Shape, list: &Address) -> Address {
    let id = match &shape.rules.list {
        ListRule::Keyed(key) => item.get(key).and_then(Node::as_str),
        ListRule::Set | ListRule::Ordered => None,
    };
    list.id(&id.map_or_else(|| index.to_string(), ToOwned::to_owned))
}

/// Whether a file says anything of an address: it names it, or declares whole what it is in.
pub(super) fn declares(node: &Node, shape: &Shape, here: &Address, target: &Address) -> bool {
    if here == target {
        return true;
    }
    match &node.kind {
        Kind::Map(entries) => {
            let inner = entries.iter().find(|entry| target.is_within(&shape.address(here, &entry.key)));
            inner.map_or(shape.rules.exact_entries, |entry| {
                let child = shape.address(here, &entry.key);
                declares(&entry.value, shape.property(&entry.key), &child, target)
            })
        }
        Kind::List(items) => {
            let inside = items.iter().enumerate().map(|(index, item)| (item, member(item, index, shape, here)));
            let inner = inside.into_iter().find(|(_, address)| target.is_within(address));
            inner.is_none_or(|(item, address)| declares(item, shape.item(), &address, target))
        }
        Kind::Scalar(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) => true,
    }
}

/// The line of the file at which an address is declared.
pub(super) fn line(document: &Node, shape: &Shape, target: &Address) -> Option<usize> {
    fn descend(node: &Node, shape: &Shape, here: &Address, target: &Address) -> Option<usize> {
        if here == target {
            return Some(node.span.line);
        }
        match &node.kind {
            Kind::Map(entries) => entries.iter().find_map(|entry| {
                let child = shape.address(here, &entry.key);
                if child == *target {
                    Some(entry.key_span.line)
                } else if target.is_within(&child) {
                    descend(&entry.value, shape.property(&entry.key), &child, target)
                } else {
                    None
                }
            }),
            Kind::List(items) => items.iter().enumerate().find_map(|(index, item)| {
                let child = member(item, index, shape, here);
                if target.is_within(&child) { descend(item, shape.item(), &child, target) } else { None }
            }),
            Kind::Scalar(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) => None,
        }
    }
    descend(document, shape, &Address::default(), target)
}
