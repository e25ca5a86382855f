//! Image and package versions: their keys, their presence, and whether the generations of a plan go together.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use super::Offer;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Entry, Kind, Node};
use crate::schema::Shape;

/// A dictionary of versions: what a member of it is called.
fn versioned(shape: &Shape) -> Option<&str> {
    let name = shape.rules.guard.as_deref().filter(|_| shape.rules.exact_entries)?;
    matches!(name, "image" | "package").then_some(name)
}

/// The declared dictionaries of versions of one plan or generation.
fn dictionaries<'n>(plan: &'n Node, shape: &Shape) -> impl Iterator<Item = &'n Entry> {
    plan.entries().iter().filter(move |entry| versioned(shape.property(&entry.key)).is_some())
}

pub(super) fn version_key(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.nodes(&mut |node, shape| {
        if versioned(shape).is_none() {
            return;
        }
        for entry in node.entries().iter().filter(|entry| entry.value.kind != Kind::Absent) {
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if entry.key.split('.').count() == 3 && entry.key.split('.').all(digits) {
                continue;
            }
            let message = format!("`{}` is not a version; expected three numbers, such as 1.10.0", entry.key);
            let help = match entry.key.split('.').collect::<Vec<_>>().as_slice() {
                [major, minor] if digits(major) && digits(minor) => format!("did you mean {major}.{minor}.0?"),
                _ => "write MAJOR.MINOR.PATCH; put a display name into `label` or `description`".to_owned(),
            };
            findings.push(offer.found(Code::VersionKey, entry.key_span, message).help(help));
        }
    });
}

pub(super) fn same_version(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.nodes(&mut |node, shape| {
        if versioned(shape).is_none() {
            return;
        }
        let mut first = BTreeMap::new();
        for entry in node.entries().iter().filter(|entry| entry.value.kind != Kind::Absent) {
            let version = entry.key.split('.').map(|part| part.trim_start_matches('0')).collect::<Vec<_>>();
            match first.entry(version) {
                Slot::Vacant(slot) => drop(slot.insert(entry)),
                Slot::Occupied(slot) => {
                    let (key, other) = (&entry.key, slot.get());
                    let message = {
                        let line = offer.desired.sources.line(other.key_span, entry.key_span);
                        format!("`{key}` is the version `{}` of {line}", other.key)
                    };
                    let help = "keep the published one: a published version cannot be changed";
                    findings.push(offer.found(Code::SameVersion, entry.key_span, message).help(help));
                }
            }
        }
    });
}

pub(super) fn no_image(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    for (plan, shape) in offer.plans() {
        let Some((key, what)) = shape.properties().find_map(|(key, shape)| Some((key, versioned(shape)?))) else {
            return;
        };
        // A plan without an id is an error of its own.
        let Some(id) = plan.get("planId").and_then(Node::as_str) else { continue };
        let ignored = offer.desired.reconcile.ignore.iter().any(|ignore| {
            let path = ["definition", "plans", id, key];
            ignore.tokens.iter().zip(path).all(|(token, part)| token == part) && ignore.tokens.len() <= path.len()
        });
        let any = |plan: &Node, shape: &Shape| dictionaries(plan, shape).any(|entry| !entry.value.entries().is_empty());
        let generations = shape.property("diskGenerations").item();
        let below = plan.get("diskGenerations").into_iter().flat_map(Node::items);
        if ignored || any(plan, shape) || below.into_iter().any(|generation| any(generation, generations)) {
            continue;
        }
        let span = plan.get("planId").map_or(plan.span, |node| node.span);
        let message = format!("the plan `{id}` has no {what}, and cannot be published without one");
        let help = format!("declare `{key}`; if another tool adds them, ignore /definition/plans/{id}/{key}");
        findings.push(offer.found(Code::NoImage, span, message).help(help));
    }
}

pub(super) fn generation_drift(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    each_generation(offer, &mut |plan, generation, id| {
        let has = |dictionary: &Entry, version: &str| dictionary.value.get(version).is_some();
        let lacks = |of: &Entry, other: &Entry| {
            let entries = of.value.entries().iter().filter(|entry| !has(other, &entry.key));
            entries.map(|entry| entry.key.clone()).collect::<Vec<_>>().join(", ")
        };
        let (missing, extra) = (lacks(plan, generation), lacks(generation, plan));
        let message = match (missing.as_str(), extra.as_str()) {
            ("", "") => return,
            (missing, "") => format!("the generation `{id}` lacks {missing}, which its plan has"),
            ("", extra) => format!("the generation `{id}` has {extra}, which its plan lacks"),
            (missing, extra) => format!("the generation `{id}` lacks {missing} of its plan, and has {extra} instead"),
        };
        let help = "add a new version to the plan and to each of its generations";
        findings.push(offer.found(Code::GenerationDrift, generation.key_span, message).help(help));
    });
}

pub(super) fn media_name(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    let names = |dictionary: &Entry| {
        let images = dictionary.value.entries().iter().filter_map(|image| image.value.get("mediaName"));
        images.filter_map(|node| Some((node.as_str()?.to_owned(), node.span))).collect::<BTreeMap<_, _>>()
    };
    each_generation(offer, &mut |plan, generation, id| {
        let taken = names(plan);
        for (name, span) in names(generation) {
            let Some(first) = taken.get(&name).filter(|_| !name.is_empty()) else { continue };
            let line = offer.desired.sources.line(*first, span);
            let message = format!("the generation `{id}` has the same media name as its plan, `{name}` ({line})");
            let help = format!("use a different media name for each generation, such as `{name}-{id}`");
            findings.push(offer.found(Code::MediaName, span, message).help(help));
        }
    });
}

/// Calls `visit` with the versions of each plan and of each of its generations, where both declare them, and with the
/// generation's id.
fn each_generation(offer: &Offer<'_>, visit: &mut impl FnMut(&Entry, &Entry, &str)) {
    for (plan, shape) in offer.plans() {
        let list = shape.property("diskGenerations");
        for dictionary in dictionaries(plan, shape) {
            for generation in plan.get("diskGenerations").into_iter().flat_map(Node::items) {
                let Some(id) = super::identity(generation, list) else { continue };
                if let Some(other) = dictionaries(generation, list.item()).find(|other| other.key == dictionary.key) {
                    visit(dictionary, other, id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_of};

    #[test]
    fn version_keys_are_three_numbers() {
        let found = said(
            "plans:\n  - planId: a\n    vmImages:\n      \"1.10\": {}\n      v1.0.0: {}\n      2019.10.11: {}\n      1.0.0: {}",
        );
        assert_eq!(
            found,
            [
                "version-key 4:7 `1.10` is not a version; expected three numbers, such as 1.10.0",
                "version-key 5:7 `v1.0.0` is not a version; expected three numbers, such as 1.10.0"
            ]
        );
    }

    #[test]
    fn a_version_has_one_key() {
        let found = said(
            "plans:\n  - planId: a\n    vmImages:\n      1.2.0: {}\n      1.02.0: {}\n      1.20.0: {}\n      0.0.1: {}",
        );
        assert_eq!(found, ["same-version 5:7 `1.02.0` is the version `1.2.0` of line 8"]);
    }

    #[test]
    fn a_plan_needs_an_image_unless_it_is_left_to_others() {
        let found = said(
            "plans:\n  - planId: a\n  - planId: b\n    vmImages: {}\n  - planId: c\n    diskGenerations:\n      - planId: c2\n        vmImages: {1.0.0: {}}",
        );
        assert_eq!(
            found,
            [
                "no-image 2:13 the plan `a` has no image, and cannot be published without one",
                "no-image 3:13 the plan `b` has no image, and cannot be published without one"
            ]
        );
        assert_eq!(said_of("microsoft-azure-unknown", "plans:\n  - planId: a", None), Vec::<String>::new());
        let application = said_of("microsoft-azure-applications", "plans:\n  - planId: a", None);
        assert_eq!(application, ["no-image 2:13 the plan `a` has no package, and cannot be published without one"]);
    }

    #[test]
    fn generations_go_together_under_names_of_their_own() {
        let plan = |gen2: &str| {
            let text = format!(
                "plans:\n  - planId: a\n    vmImagesPublicAzure:\n      1.0.0: {{mediaName: m-1}}\n      1.1.0: {{mediaName: m-2}}\n    diskGenerations:\n      - planId: a-gen2\n        vmImagesPublicAzure: {gen2}"
            );
            said_of("microsoft-azure-corevm", &text, None)
        };
        assert_eq!(plan("{1.0.0: {mediaName: g-1}, 1.1.0: {mediaName: g-2}}"), Vec::<String>::new());
        assert_eq!(
            plan("{1.0.0: {mediaName: m-2}, 1.2.0: {}}"),
            [
                "generation-drift 8:9 the generation `a-gen2` lacks 1.1.0 of its plan, and has 1.2.0 instead",
                "media-name 8:50 the generation `a-gen2` has the same media name as its plan, `m-2` (line 9)"
            ]
        );
    }
}
