//! What the portal holds, written into the files: the way to keep an edit that was made there.

use serde_json::Value;

use super::{Refusal, Revised, Reviser, Step};
use crate::diff::{self, Change, ChangeKind};
use crate::import;
use crate::model::{Address, Node, Step as AddressStep};
use crate::schema::Shape;
use crate::workspace::Desired;
use crate::yaml::Yaml;

/// The files that hold what was adopted, and the changes that were not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Adopted {
    pub(crate) files: Vec<Revised>,
    pub(crate) adopted: Vec<Address>,
    pub(crate) refused: Vec<NotAdopted>,
}

/// A change that stays as it is, where it is declared, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotAdopted {
    pub(crate) address: Address,
    pub(crate) refusal: Refusal,
}

/// Writes the portal's side of some changes into the files of an offer. `live` is the document that was compared.
pub(crate) fn adopt(
    desired: &Desired,
    live: &Value,
    changes: &[&Change],
    shape: &Shape,
    environment: Option<&str>,
) -> Adopted {
    let new = || Reviser::new(desired, shape, environment);
    let mut adopted = Adopted::default();
    let mut reviser = new();
    let mut taken = Vec::new();
    for change in changes {
        match one(&mut reviser, desired, live, change, shape) {
            Ok(()) => taken.push(*change),
            Err(refusal) => adopted.refuse(change, refusal),
        }
    }
    let mut finished = reviser.finish();
    if finished.is_err() {
        // One change that cannot be made does not keep the others out.
        let alone = |change: &Change| {
            let mut reviser = new();
            one(&mut reviser, desired, live, change, shape).and_then(|()| reviser.finish()).map(drop)
        };
        let mut kept = Vec::new();
        let mut reviser = new();
        for change in std::mem::take(&mut taken) {
            match alone(change).and_then(|()| one(&mut reviser, desired, live, change, shape)) {
                Ok(()) => kept.push(change),
                Err(refusal) => adopted.refuse(change, refusal),
            }
        }
        taken = kept;
        finished = reviser.finish();
    }
    match finished {
        Ok(files) => {
            adopted.files = files;
            adopted.adopted = taken.into_iter().map(|change| change.address.clone()).collect();
        }
        Err(refusal) => taken.into_iter().for_each(|change| adopted.refuse(change, refusal.clone())),
    }
    adopted
}

impl Adopted {
    fn refuse(&mut self, change: &Change, refusal: Refusal) {
        self.refused.push(NotAdopted { address: change.address.clone(), refusal });
    }
}

fn one(
    reviser: &mut Reviser<'_>,
    desired: &Desired,
    live: &Value,
    change: &Change,
    shape: &Shape,
) -> Result<(), Refusal> {
    let at = &change.address;
    let declared = reviser.declared(at);
    let refuse = |why: &str| Refusal {
        path: declared.map_or(desired.path(), |node| &desired.sources.of(node.span).path).to_owned(),
        line: declared.map_or(change.line, |node| node.span.line),
        why: why.to_owned(),
    };
    let shape = shape_of(shape, at);
    let written = reviser.written_at(at);
    let is_set = matches!(change.kind, ChangeKind::Members { .. });
    // Of a set, only the members that go are replaced.
    if let Some(why) = written.as_ref().filter(|_| !is_set).and_then(holds_tag) {
        return Err(refuse(&why));
    }
    if matches!(change.kind, ChangeKind::Add { .. }) {
        return reviser.remove(at);
    }
    let Some(value) = live.pointer(change.pointer.as_str()) else {
        return Err(refuse("the portal's value is not where the comparison found it; run the command again"));
    };
    let wire_names = reviser.has_wire_names();
    let yaml = |value: &Value, shape: &Shape| {
        let written = import::value(&desired.key, value, shape, at, wire_names);
        written.map_err(|left_out| refuse(&format!("the portal's value is not written: {}", left_out.describe())))
    };
    match &change.kind {
        ChangeKind::Members { added, removed } if declared.is_some() => {
            let members = declared.map(Node::items).unwrap_or_default().iter().enumerate();
            let gone = members.filter(|(_, item)| added.contains(&diff::shown(item, shape.item())));
            let gone = gone.map(|(index, _)| index).collect::<Vec<_>>();
            let of_members = match &written {
                Some(Yaml::List(items)) => gone.iter().find_map(|index| holds_tag(items.get(*index)?)),
                Some(other) => holds_tag(other),
                None => None,
            };
            if let Some(why) = of_members {
                return Err(refuse(&why));
            }
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let new = items.iter().filter(|item| removed.contains(&crate::document::redacted(item, shape.item())));
            let new = new.map(|item| yaml(item, shape.item())).collect::<Result<Vec<_>, _>>()?;
            reviser.change_members(at, &gone, &new)
        }
        _ => reviser.set(at, &yaml(value, shape)?),
    }
}

/// Why a value behind a tag is not replaced; nothing for tags that may be.
fn behind(tag: &str) -> Option<String> {
    let source = match tag {
        "!env" => "a variable",
        "!secret" => "a secret",
        "!artifact" => "a file",
        _ => return None,
    };
    Some(format!("the value comes from {source} (`{tag}`); change it there, or replace the tag by hand"))
}

/// Why a value is not replaced in which something is declared by a tag.
fn holds_tag(written: &Yaml) -> Option<String> {
    match written {
        Yaml::Tagged(tag, _) => behind(tag),
        Yaml::List(items) => items.iter().find_map(holds_tag),
        Yaml::Map(entries) => entries.iter().find_map(|(_, value)| holds_tag(value)),
        Yaml::Scalar(_) => None,
    }
}

/// What is known of the value at an address.
pub(crate) fn shape_of<'s>(shape: &'s Shape, address: &Address) -> &'s Shape {
    address.steps().fold(shape, |shape, step: Step<'_>| match step {
        AddressStep::Key(label) => shape.property(shape.labelled(label)),
        AddressStep::Id(_) if crate::document::members_key(shape).is_some() => shape.item(),
        AddressStep::Id(id) => shape.property(id),
    })
}
