//! Laying an overlay over what a file declares.
//!
//! Objects and dictionaries merge by key, lists with identities by identity; any other value of the overlay replaces the
//! value below it. `!absent` takes a member out of a dictionary, `- !absent NAME` out of a list; at the key of an object
//! it has its usual meaning.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic, Sources, Span};
use crate::document::{Keyed, identity, members_key};
use crate::model::{Entry, Kind, Node};
use crate::schema::Shape;

pub(super) struct Merge<'a> {
    pub(super) sources: &'a Sources,
    /// The members that `!absent NAME` names, by the place of the tag.
    pub(super) removed: &'a BTreeMap<Span, String>,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Merge<'_> {
    /// Lays the document of an overlay over that of a file. `!absent` alone takes out all that the file declares.
    pub(super) fn root(&mut self, base: &mut Node, overlay: Node, shape: &Shape) {
        match (&mut base.kind, overlay.kind) {
            (Kind::Map(base), Kind::Map(entries)) => self.object(base, entries, shape),
            (_, Kind::Absent) if !self.removed.contains_key(&overlay.span) => base.kind = Kind::Absent,
            (_, kind) => {
                let overlay = Node { kind, span: overlay.span };
                let message = format!("an overlay is a mapping, not {}", overlay.kind_name());
                self.error(overlay.span, message, "write the keys that differ, as in the file that it changes");
            }
        }
    }

    fn value(&mut self, base: &mut Node, overlay: Node, shape: &Shape) {
        match (&mut base.kind, overlay.kind) {
            (Kind::Map(base), Kind::Map(entries)) => self.object(base, entries, shape),
            (Kind::List(base), Kind::List(items)) => self.members(base, items, shape),
            (_, kind) => *base = Node { kind, span: overlay.span },
        }
    }

    fn object(&mut self, base: &mut Vec<Entry>, overlay: Vec<Entry>, shape: &Shape) {
        let declared = overlay.iter().map(|entry| entry.key.clone()).collect::<BTreeSet<_>>();
        for mut entry in overlay {
            if let Some(twin) = shape.twin(&entry.key).filter(|twin| !declared.contains(*twin)) {
                // The two hold one value: the overlay changes it under the name that the file has.
                match base.iter().any(|below| below.key == entry.key) {
                    true => base.retain(|below| below.key != twin),
                    false if base.iter().any(|below| below.key == twin) => entry.key = twin.to_owned(),
                    false => {}
                }
            }
            if self.removed.contains_key(&entry.value.span) {
                let message = format!("`!absent` removes `{}`, so no text follows it", entry.key);
                self.error(entry.value.span, message, "write `!absent` alone");
                continue;
            }
            let at = base.iter().position(|below| below.key == entry.key);
            let is_member = shape.rules.exact_entries && !shape.names(&entry.key);
            match (at, entry.value.kind == Kind::Absent && is_member) {
                (Some(at), true) => drop(base.remove(at)),
                (None, true) => self.not_declared(entry.key_span, &entry.key),
                (Some(at), false) if merges(&base[at].value, &entry.value, shape.property(&entry.key)) => {
                    self.value(&mut base[at].value, entry.value, shape.property(&entry.key));
                }
                (Some(at), false) => base[at] = entry,
                (None, false) => base.push(entry),
            }
        }
    }

    fn members(&mut self, base: &mut Vec<Node>, overlay: Vec<Node>, shape: &Shape) {
        let ids = Keyed::of(base, shape);
        let place = |id: &str| ids.as_ref().and_then(|ids| ids.position(id));
        let (mut gone, mut changed, mut added) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
        for item in overlay {
            let name = self.removed.get(&item.span).map(String::as_str);
            match (item.kind == Kind::Absent, name.or_else(|| identity(&item, shape)).map(|id| (id, place(id)))) {
                (true, None) => {
                    let help = "write the identity after the tag, such as `- !absent basic`";
                    self.error(item.span, "`!absent` in a list needs the identity of a member".to_owned(), help);
                }
                (true, Some((_, Some(at)))) => drop(gone.insert(at)),
                (true, Some((name, None))) => self.not_declared(item.span, name),
                (false, Some((id, Some(at)))) if changed.contains_key(&at) => {
                    let message = format!("`{id}` is a duplicate in this list");
                    self.error(item.span, message, "keep one of the two");
                }
                (false, Some((_, Some(at)))) => drop(changed.insert(at, item)),
                (false, _) => added.push(item),
            }
        }
        for (at, item) in changed {
            self.value(&mut base[at], item, shape.item());
        }
        gone.into_iter().rev().for_each(|at| drop(base.remove(at)));
        base.extend(added);
    }

    fn not_declared(&mut self, span: Span, name: &str) {
        let message = format!("`{name}` is not declared, so there is nothing to take out");
        self.error(span, message, "remove this entry, or correct the name");
    }

    fn error(&mut self, span: Span, message: String, help: &str) {
        self.diagnostics.push(Diagnostic::error(Code::Overlay, self.sources.of(span), Some(span), message).help(help));
    }
}

/// Whether a value of an overlay is laid over the value below it, rather than put in its place.
fn merges(base: &Node, overlay: &Node, shape: &Shape) -> bool {
    match (&base.kind, &overlay.kind) {
        (Kind::Map(_), Kind::Map(_)) => true,
        (Kind::List(_), Kind::List(_)) => members_key(shape).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::diagnostic::Source;
    use crate::model::SecretRef;
    use crate::schema::Schemas;
    use crate::workspace::{names, yaml};

    const BASE: &str = "publisherId: contoso
id: a
definition:
  displayText: A
  offer: {title: T, summary: S}
  plans:
    - planId: basic
      regions: [DE, NO]
      vmImages: {1.0.0: {osVhdUrl: u}, 1.1.0: {osVhdUrl: v}}
      virtualMachinePricingV2: {isByol: true}
    - planId: pro
      regions: [FR]
";

    fn read(text: &str, removed: &mut BTreeMap<Span, String>) -> Node {
        let source = Source { path: "a.yaml".into(), text: text.into() };
        let mut resolve = |tag: &str, node: &Node| match (tag, node.as_str()) {
            ("!absent", text) => {
                removed.extend(text.filter(|text| !text.is_empty()).map(|text| (node.span, text.to_owned())));
                Ok(Kind::Absent)
            }
            _ => Ok(Kind::Secret(SecretRef::Env("X".to_owned()))),
        };
        let mut node = yaml::parse(&source, &mut resolve, &mut Vec::new()).expect("YAML");
        names::expand(&mut node, shape(), &Sources::new(source), &mut Vec::new());
        node
    }

    fn shape() -> &'static Shape {
        Schemas::builtin().shape("microsoft-azure-virtualmachines")
    }

    /// The document with the overlay laid over it, and the lines of the findings.
    fn merged(base: &str, overlay: &str) -> (Value, Vec<usize>) {
        let mut removed = BTreeMap::new();
        let mut node = read(base, &mut BTreeMap::new());
        let overlay = read(overlay, &mut removed);
        let sources = Sources::new(Source { path: "a.yaml".into(), text: "".into() });
        let mut diagnostics = Vec::new();
        Merge { sources: &sources, removed: &removed, diagnostics: &mut diagnostics }.root(&mut node, overlay, shape());
        let lines = diagnostics.iter().map(|finding| finding.span.expect("a place").line).collect();
        (node.to_value(&mut |_| json!("secret")), lines)
    }

    fn good(overlay: &str) -> Value {
        let (value, lines) = merged(BASE, overlay);
        assert_eq!(lines, Vec::<usize>::new(), "{overlay}");
        value
    }

    #[test]
    fn nothing_and_itself_change_nothing() {
        let base = read(BASE, &mut BTreeMap::new()).to_value(&mut |_| Value::Null);
        assert_eq!(good("{}"), base);
        assert_eq!(good(BASE), base);
    }

    #[test]
    fn members_merge_by_identity_and_keep_their_order() {
        let value = good("definition: {plans: [{planId: new}, {planId: pro, regions: [SE]}]}");
        let plans = value["definition"]["plans"].as_array().expect("plans");
        let ids = plans.iter().map(|plan| plan["planId"].as_str().expect("an id")).collect::<Vec<_>>();
        assert_eq!(ids, ["basic", "pro", "new"]);
        assert_eq!(plans[1], json!({"planId": "pro", "regions": ["SE"]}), "a set replaces");
        assert_eq!(plans[0]["regions"], json!(["DE", "NO"]));
    }

    #[test]
    fn absent_takes_out_members_and_removes_keys() {
        let value =
            good("definition:\n  plans:\n    - !absent pro\n    - planId: basic\n      vmImages: {1.0.0: !absent }\n");
        let plans = value["definition"]["plans"].as_array().expect("plans");
        assert_eq!(plans.len(), 1);
        assert_eq!(plans[0]["microsoft-azure-virtualmachines.vmImages"], json!({"1.1.0": {"osVhdUrl": "v"}}));
        let mut node = read(BASE, &mut BTreeMap::new());
        let overlay = read("definition: {offer: {summary: !absent }}", &mut BTreeMap::new());
        let (sources, removed) = (Sources::new(Source { path: "a".into(), text: "".into() }), BTreeMap::new());
        Merge { sources: &sources, removed: &removed, diagnostics: &mut Vec::new() }.root(&mut node, overlay, shape());
        let offer = node.get("definition").and_then(|node| node.get("offer")).expect("the offer");
        let summary = offer.get("microsoft-azure-marketplace.summary").expect("still declared");
        assert_eq!(summary.kind, Kind::Absent, "at the key of an object, the portal's value is removed");
    }

    #[test]
    fn either_name_of_a_pair_changes_the_one_value() {
        let value = good("definition: {plans: [{planId: basic, virtualMachinePricing: {isByol: false}}]}");
        let plan = &value["definition"]["plans"][0];
        assert_eq!(plan["virtualMachinePricingV2"], json!({"isByol": false}));
        assert_eq!(plan.get("virtualMachinePricing"), None);
    }

    #[test]
    fn what_has_no_effect_is_an_error_at_its_line() {
        for (overlay, line) in [
            ("definition:\n  plans:\n    - !absent none\n", 3),
            ("definition:\n  plans:\n    - !absent\n", 3),
            ("definition:\n  plans:\n    - planId: basic\n      vmImages: {9.0.0: !absent }\n", 4),
            ("definition:\n  plans: [{planId: pro},\n    {planId: pro}]\n", 3),
            ("definition:\n  offer:\n    summary: !absent x\n", 3),
            ("[a]\n", 1),
            ("!absent x\n", 1),
        ] {
            assert_eq!(merged(BASE, overlay).1, [line], "{overlay}");
        }
    }

    #[test]
    fn a_type_that_nobody_described_merges_by_its_keys() {
        let mut base = Node::from_value(&json!({"x": {"a": 1, "b": [1, 2]}}));
        let overlay = Node::from_value(&json!({"x": {"b": [3], "c": null}}));
        let (sources, removed) = (Sources::new(Source { path: "a".into(), text: "".into() }), BTreeMap::new());
        let shape = Schemas::builtin().shape("contoso-unknown");
        Merge { sources: &sources, removed: &removed, diagnostics: &mut Vec::new() }.root(&mut base, overlay, shape);
        assert_eq!(base.to_value(&mut |_| Value::Null), json!({"x": {"a": 1, "b": [3], "c": null}}));
    }
}
