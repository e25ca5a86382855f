//! The walk over declared tree, live value and shape at once.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::{Map, Value, json};

use super::artifact;
use super::pair::{merged, pair};
use super::{Change, ChangeKind, Diff, Hidden, LiveSignature, PlannedPatch, Rule, Unknown, patch, shown_at};
use crate::content::{Contents, Pair, Verdict};
use crate::diagnostic::Place;
use crate::document::{Equality, Flow, Keyed, Path, Token, is_empty, is_set, members_key, walk};
use crate::model::{Address, Entry, Kind, Node, Pointer};
use crate::redact;
use crate::sas;
use crate::schema::Shape;
use crate::steps;
use crate::workspace::Ignore;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Compare<'a> {
    /// What is left to the portal.
    pub(crate) ignore: &'a [Ignore],
    /// Count what cannot be compared as changed, so that it is sent again: artifacts that the portal copied, URLs that
    /// differ by their signature, secrets.
    pub(crate) resend: bool,
    /// What is known of the files behind artifacts; without it nothing is.
    pub(crate) contents: Option<&'a Contents>,
    /// Only count what a rule hides: where it is, is shown of few offers.
    pub(crate) only_count: bool,
}

/// Compares a declared document with the live one.
pub(crate) fn compare(declared: &Node, live: &Value, shape: &Shape, options: Compare<'_>) -> Diff {
    let mut walk = Walk::new(options);
    walk.value(declared, live, shape, &Path::default());
    let Walk { mut diff, secrets, .. } = walk;
    if !diff.changes.is_empty() {
        // Declared secrets ride along with every write: the portal does not return them, and may clear what is absent.
        // They come first, because their pointers are those of the live document before anything moves in it.
        let changes = std::mem::replace(&mut diff.patch, secrets);
        diff.patch.append(changes);
    }
    diff
}

/// The changes and the patch for an offer that the portal does not have.
pub(crate) fn create(declared: &Node, shape: &Shape) -> Diff {
    let identity = |key: &str| declared.get(key).map_or(Value::Null, |node| patch::shown(node, shape.property(key)));
    let skeleton = json!({
        "publisherId": identity("publisherId"), "id": identity("id"), "offerTypeId": identity("offerTypeId"),
        "definition": {"offer": {}, "plans": []},
    });
    let mut diff = compare(declared, &skeleton, shape, Compare::default());
    diff.patch = PlannedPatch::default();
    diff.patch.add(Pointer::root(), patch::from_file(declared, &Pointer::root()));
    diff
}

/// So many keys are compared one by one.
const FEW: usize = 8;

/// The left document of each path is the file's, the right one the live document.
pub(super) struct Walk<'a> {
    options: Compare<'a>,
    pub(super) diff: Diff,
    /// Operations for secrets that stand beside unchanged values.
    secrets: PlannedPatch,
}

struct Found {
    changes: Range<usize>,
    hidden: Range<usize>,
    unknown: Range<usize>,
    secrets: Range<usize>,
}

/// The part of an address below its first steps.
fn below(address: &Address, depth: usize) -> Address {
    address.steps().skip(depth).collect()
}

impl<'a> Walk<'a> {
    pub(super) fn new(options: Compare<'a>) -> Self {
        Self { options, diff: Diff::default(), secrets: PlannedPatch::default() }
    }

    pub(super) fn value(&mut self, node: &Node, live: &Value, shape: &Shape, at: &Path<'_>) {
        steps::count(1);
        match (&node.kind, live) {
            (Kind::Map(entries), Value::Object(map)) => self.object(entries, map, shape, at),
            (Kind::List(items), Value::Array(live_items)) => self.list(node, items, live_items, shape, at),
            (Kind::Scalar(_) | Kind::Artifact(_) | Kind::Sas(_), live) => self.scalar(node, live, shape, at),
            (Kind::Secret(_), _) => self.secret(node, shape, at),
            (Kind::Map(_) | Kind::List(_), live) => {
                if !node.holds_secret() && is_empty(&patch::shown(node, shape)) && is_empty(live) {
                    self.hide(at, Rule::Empty);
                } else {
                    self.replace(node, live, shape, at);
                }
            }
            (Kind::Absent, _) => {}
        }
    }

    fn object(&mut self, entries: &[Entry], live: &Map<String, Value>, shape: &Shape, at: &Path<'_>) {
        let declares = |name: &str| entries.iter().any(|entry| entry.key == name);
        let mut seen = Vec::with_capacity(entries.len());
        let mut twins = HashMap::new();
        for entry in entries {
            let key = entry.key.as_str();
            let rules = &shape.property(key).rules;
            // The name under which the portal returns it, unless the file declares that name as well.
            let returned = shape.returned_as(key).find(|name| live.contains_key(*name));
            let returned = returned.filter(|name| !declares(name));
            let renamed = returned.filter(|_| !live.contains_key(key));
            let live_key = renamed.unwrap_or(key);
            seen.push(live_key);
            seen.extend(returned.filter(|name| *name != live_key));
            if rules.server_owned || rules.write_only {
                continue;
            }
            let here = at.property(key, shape).on_the_right(live_key).declared_at(entry.place());
            if rules.read_only_on_write {
                self.hide(&here, Rule::ReadOnly);
                continue;
            }
            let first = shape.twin(key).and_then(|twin| twins.get(twin));
            let found = self.noted(|walk| match first {
                Some(first) => walk.again(entry, live.get(live_key), shape, &here, first),
                None => walk.property(entry, live.get(live_key), shape, &here),
            });
            if let (Some(name), false) = (returned, found.changes.is_empty()) {
                self.write_under_own_key(name, entry, renamed.is_some(), at);
            }
            if shape.twin(key).is_some() {
                twins.insert(key, found);
            }
        }
        let exclusive = |entry: &Entry| shape.rules.exclusive.contains(&entry.key) && entry.value.kind != Kind::Absent;
        self.undeclared(live, &seen, entries.iter().any(exclusive), shape, at);
    }

    /// Does some work, and returns what it added.
    fn noted(&mut self, work: impl FnOnce(&mut Self)) -> Found {
        let sizes = |diff: &Diff| (diff.changes.len(), diff.hidden.len(), diff.unknown.len(), diff.secrets.len());
        let before = sizes(&self.diff);
        work(self);
        let after = sizes(&self.diff);
        Found {
            changes: before.0..after.0,
            hidden: before.1..after.1,
            unknown: before.2..after.2,
            secrets: before.3..after.3,
        }
    }

    fn property(&mut self, entry: &Entry, live: Option<&Value>, shape: &Shape, at: &Path<'_>) {
        let child = shape.property(&entry.key);
        match (&entry.value.kind, live) {
            (Kind::Absent, None) => {}
            (Kind::Absent, Some(live)) if child.rules.default.as_ref() == Some(live) => self.hide(at, Rule::Default),
            (Kind::Absent, Some(live)) => self.remove(live, child, at),
            (_, Some(live)) => self.value(&entry.value, live, child, at),
            (Kind::Secret(_), None) => self.secret(&entry.value, child, at),
            (_, None) => self.missing(&entry.value, child, at),
        }
    }

    /// Compares the second of two properties that hold one value. It is written for itself, and shown only as far as it
    /// differs from the portal in another way than the first one.
    fn again(&mut self, entry: &Entry, live: Option<&Value>, shape: &Shape, at: &Path<'_>, first: &Found) {
        let outer = std::mem::take(&mut self.diff);
        self.property(entry, live, shape, at);
        let mut second = std::mem::replace(&mut self.diff, outer);
        let (depth, firsts) = (at.depth(), &mut self.diff);
        let relative = |addresses: &mut dyn Iterator<Item = &Address>| {
            addresses.map(|address| below(address, depth)).collect::<HashSet<_>>()
        };
        let changes = firsts.changes[first.changes.clone()].iter_mut();
        let mut changes = changes.map(|change| (below(&change.address, depth), change)).collect::<HashMap<_, _>>();
        second.changes.retain(|change| match changes.get_mut(&below(&change.address, depth)) {
            Some(twin) if twin.kind == change.kind => {
                twin.twin = Some(entry.key.clone());
                false
            }
            _ => true,
        });
        let hidden = relative(&mut firsts.hidden[first.hidden.clone()].iter().map(|hidden| &hidden.address));
        let unknown = relative(&mut firsts.unknown[first.unknown.clone()].iter().map(|unknown| &unknown.address));
        let secrets = relative(&mut firsts.secrets[first.secrets.clone()].iter());
        second.hidden.retain(|one| !hidden.contains(&below(&one.address, depth)));
        second.unknown.retain(|one| !unknown.contains(&below(&one.address, depth)));
        second.secrets.retain(|address| !secrets.contains(&below(address, depth)));
        self.diff.absorb(second);
    }

    /// A declared key that the live object does not have.
    fn missing(&mut self, node: &Node, shape: &Shape, at: &Path<'_>) {
        let declared = patch::shown(node, shape);
        if is_empty(&declared) {
            self.hide(at, Rule::Empty);
        } else if !node.holds_secret() && self.is_default(node, shape) {
            self.hide(at, Rule::Default);
        } else {
            self.diff.patch.add(at.right(), patch::from_file(node, &at.left()));
            self.change(at, ChangeKind::Add { after: declared });
            self.note_secrets(node, shape, at);
        }
    }

    /// Whether the portal fills in just what the file declares.
    fn is_default(&self, node: &Node, shape: &Shape) -> bool {
        let Some(default) = &shape.rules.default else { return false };
        let mut walk = Walk::new(Compare { contents: self.options.contents, ..Compare::default() });
        walk.value(node, default, shape, &Path::default());
        walk.diff.changes.is_empty()
    }

    /// Writes a changed property under the name that the portal takes, and not under the one it returns as well.
    fn write_under_own_key(&mut self, returned: &str, entry: &Entry, renamed: bool, object: &Path<'_>) {
        let absent = entry.value.kind == Kind::Absent;
        let live = object.right();
        // Removed already, where the change was the removal itself.
        if !(renamed && absent) {
            self.diff.patch.remove(live.with_trailing_token(returned));
        }
        if renamed && !absent {
            let file = object.left().with_trailing_token(entry.key.as_str());
            let own = live.with_trailing_token(entry.key.as_str());
            self.diff.patch.add(own, patch::from_file(&entry.value, &file));
        }
    }

    /// Live keys that the file does not name: the rest of a dictionary is declared away, and so is a property that
    /// cannot stand beside a declared one (`displaces`); the rest of an object is not ours.
    fn undeclared(
        &mut self,
        live: &Map<String, Value>,
        declared: &[&str],
        displaces: bool,
        shape: &Shape,
        at: &Path<'_>,
    ) {
        // Most objects are small, and a set of their keys costs more than it saves.
        let many = live.len() > FEW && declared.len() > FEW;
        let set = if many { declared.iter().copied().collect::<HashSet<_>>() } else { HashSet::new() };
        let is_declared = |key: &str| if many { set.contains(key) } else { declared.contains(&key) };
        for (key, value) in live.iter().filter(|(key, _)| !is_declared(key)) {
            if shape.rules.exact_entries || (displaces && shape.rules.exclusive.contains(key)) {
                self.remove_member(value, shape.property(key), &at.property(key, shape));
            } else if !portal_made(value, shape.property(key)) {
                self.diff.unmanaged += 1;
            }
        }
    }

    fn remove_member(&mut self, live: &Value, shape: &Shape, at: &Path<'_>) {
        let ignored = |ignore: &Ignore| {
            let names = at.names();
            names.len() >= ignore.tokens.len() && names.iter().zip(&ignore.tokens).all(|(name, token)| name == token)
        };
        if self.options.ignore.iter().any(ignored) {
            self.diff.ignored.push(at.address());
        } else {
            self.remove(live, shape, at);
        }
    }

    fn list(&mut self, node: &Node, items: &[Node], live: &[Value], shape: &Shape, at: &Path<'_>) {
        match (members_key(shape), Keyed::of(live, shape)) {
            (Some(key), Some(ids)) => self.keyed(items, live, &ids, key, shape, at),
            _ if node.holds_secret() => self.list_of_secrets(node, items, live, shape, at),
            _ if is_set(shape) => self.set(node, items, live, shape, at),
            _ => self.ordered(node, items, live, shape, at),
        }
    }

    fn keyed(&mut self, items: &[Node], live: &[Value], ids: &Keyed<'_>, key: &str, shape: &Shape, at: &Path<'_>) {
        let mut kept = vec![false; live.len()];
        let mut positions = Vec::new();
        let mut added = Vec::new();
        for (file_index, item) in items.iter().enumerate() {
            let id = item.get(key).and_then(Node::as_str).unwrap_or_default();
            let Some(index) = ids.position(id) else {
                added.push((file_index, item, id));
                continue;
            };
            kept[index] = true;
            positions.push(index);
            let here =
                at.member(id, shape, Token::Index(file_index), Token::Index(index)).declared_at(item.span.place());
            self.tested(&here, key, ids.ids()[index], |walk| walk.value(item, &live[index], shape.item(), &here));
        }
        if !positions.is_sorted() {
            self.hide(at, Rule::Order);
        }
        // From the back, so that the positions in front stay what they were.
        for index in (0..live.len()).rev().filter(|&index| !kept[index]) {
            let id = ids.ids()[index];
            let here = at.member(id, shape, Token::None, Token::Index(index));
            self.tested(&here, key, id, |walk| walk.remove_member(&live[index], shape.item(), &here));
        }
        for (file_index, item, id) in added {
            let here = at.member(id, shape, Token::Index(file_index), Token::End).declared_at(item.span.place());
            self.diff.patch.add(here.right(), patch::from_file(item, &here.left()));
            self.change(&here, ChangeKind::Add { after: patch::shown(item, shape.item()) });
            self.note_secrets(item, shape.item(), &here);
        }
    }

    /// Puts a test of the member's identity before the operations that `work` adds.
    fn tested(&mut self, member: &Path<'_>, key: &str, identity: &str, work: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.diff.patch);
        work(self);
        let operations = std::mem::replace(&mut self.diff.patch, before);
        if !operations.is_empty() {
            self.diff.patch.test(&member.right().with_trailing_token(key), json!(identity));
            self.diff.patch.append(operations);
        }
    }

    fn set(&mut self, node: &Node, items: &[Node], live: &[Value], shape: &Shape, at: &Path<'_>) {
        let pairs = pair(items, live, shape, self.options);
        let mut paired = vec![false; live.len()];
        pairs.iter().flatten().for_each(|at| paired[*at] = true);
        let unpaired = items.iter().zip(&pairs).filter(|(_, at)| at.is_none());
        let added = unpaired.map(|(item, _)| patch::shown(item, shape.item())).collect::<Vec<_>>();
        let gone = live.iter().zip(paired).filter(|(_, paired)| !paired);
        let removed = gone.map(|(value, _)| shown_at(at, value, shape.item())).collect::<Vec<_>>();
        if added.is_empty() && removed.is_empty() {
            if !pairs.iter().flatten().is_sorted() {
                self.hide(at, Rule::Order);
            }
            return;
        }
        self.diff.patch.replace(at.right(), merged(node, live, &pairs, shape, at));
        self.change(at, ChangeKind::Members { added, removed });
    }

    fn ordered(&mut self, node: &Node, items: &[Node], live: &[Value], shape: &Shape, at: &Path<'_>) {
        let outer = std::mem::take(&mut self.diff);
        let same = items.len() == live.len() && self.members_are_equal(items, live, shape, at);
        let members = std::mem::replace(&mut self.diff, outer);
        if same {
            self.diff.absorb(members);
            return;
        }
        self.diff.artifacts.extend(members.artifacts);
        let pairs = pair(items, live, shape, self.options);
        self.diff.patch.replace(at.right(), merged(node, live, &pairs, shape, at));
        self.list_change(items, live, shape, at);
    }

    /// Compares each member with the one at its position, up to the first that differs.
    fn members_are_equal(&mut self, items: &[Node], live: &[Value], shape: &Shape, at: &Path<'_>) -> bool {
        items.iter().zip(live).enumerate().all(|(index, (item, live))| {
            let id = index.to_string();
            let here = at.member(&id, shape, Token::Index(index), Token::Index(index)).declared_at(item.span.place());
            self.value(item, live, shape.item(), &here);
            self.diff.changes.is_empty()
        })
    }

    /// A list with secrets in its members is sent whole with every write; whether it changed shows in its length only.
    fn list_of_secrets(&mut self, node: &Node, items: &[Node], live: &[Value], shape: &Shape, at: &Path<'_>) {
        self.diff.secrets.push(at.address());
        let planned = patch::from_file(node, &at.left());
        if items.len() == live.len() && !self.options.resend {
            self.secrets.replace(at.right(), planned);
        } else {
            self.diff.patch.replace(at.right(), planned);
            self.list_change(items, live, shape, at);
        }
    }

    fn list_change(&mut self, items: &[Node], live: &[Value], shape: &Shape, at: &Path<'_>) {
        // What stands where a secret belongs may be one.
        let secret = items.iter().any(Node::holds_secret);
        let see = |item| if secret { redact::masked(item) } else { shown_at(at, item, shape.item()) };
        let before = live.iter().map(see).collect();
        let after = items.iter().map(|item| patch::shown(item, shape.item())).collect();
        self.change(at, ChangeKind::List { before, after });
    }

    fn scalar(&mut self, node: &Node, live: &Value, shape: &Shape, at: &Path<'_>) {
        let mut reason = None;
        let mut equality = artifact::equality(node, live, &shape.rules);
        if let (Equality::Unknown, Kind::Artifact(declared), Some(url)) = (equality, &node.kind, live.as_str()) {
            self.diff.artifacts.push(Pair { declared: declared.clone(), live: url.to_owned() });
            equality = match artifact::verdict(declared, url, self.options.contents) {
                Verdict::Same => Equality::By(Rule::Content),
                Verdict::Different => Equality::Different,
                Verdict::Unknown(why) => {
                    reason = Some(why);
                    Equality::Unknown
                }
            };
        }
        let is_blob = matches!(node.kind, Kind::Sas(_));
        match equality {
            // The address is the same with or without a signature; one without has to be signed as well.
            Equality::Same if is_blob && self.options.resend => self.replace(node, live, shape, at),
            Equality::Same | Equality::By(Rule::Signature) if is_blob && !self.options.resend => {
                let ends = live.as_str().and_then(sas::unsigned).and_then(|(_, end)| end);
                self.diff
                    .signatures
                    .push(LiveSignature { address: at.address(), ends: ends.map(|end| end.to_string()) });
            }
            Equality::Same => {}
            Equality::By(Rule::Signature) | Equality::Unknown if self.options.resend => {
                self.replace(node, live, shape, at);
            }
            Equality::By(rule) => self.hide(at, rule),
            Equality::Unknown => self.diff.unknown.push(Unknown { address: at.address(), reason }),
            Equality::Different => {
                self.replace(node, live, shape, at);
                if let Some(change) = self.diff.changes.last_mut() {
                    change.immutable = shape.rules.immutable;
                }
            }
        }
    }

    fn secret(&mut self, node: &Node, shape: &Shape, at: &Path<'_>) {
        self.diff.secrets.push(at.address());
        self.secrets.add(at.right(), patch::from_file(node, &at.left()));
        if self.options.resend {
            self.change(at, ChangeKind::Add { after: patch::shown(node, shape) });
        }
    }

    /// Notes the secrets inside a value that is written as a whole.
    fn note_secrets(&mut self, node: &Node, shape: &Shape, at: &Path<'_>) {
        walk(node, shape, at, &mut |at, node, _| {
            if matches!(node.kind, Kind::Secret(_)) {
                self.diff.secrets.push(at.address());
            }
            Flow::Into
        });
    }

    fn replace(&mut self, node: &Node, live: &Value, shape: &Shape, at: &Path<'_>) {
        self.diff.patch.replace(at.right(), patch::from_file(node, &at.left()));
        // What stands where a secret belongs may be one.
        let before = if node.holds_secret() { redact::masked(live) } else { shown_at(at, live, shape) };
        let after = patch::shown(node, shape);
        let at = &at.declared_at(first_difference(node, live));
        self.change(at, ChangeKind::Replace { before, after });
        self.note_secrets(node, shape, at);
    }

    fn remove(&mut self, live: &Value, shape: &Shape, at: &Path<'_>) {
        self.diff.patch.remove(at.right());
        self.change(at, ChangeKind::Remove { before: shown_at(at, live, shape) });
    }

    fn change(&mut self, at: &Path<'_>, kind: ChangeKind) {
        self.diff.changes.push(Change {
            address: at.address(),
            pointer: at.right(),
            file: at.place().file,
            line: at.place().line,
            kind,
            risk: at.risk(),
            immutable: false,
            twin: None,
            portal_edit: None,
        });
    }

    fn hide(&mut self, at: &Path<'_>, rule: Rule) {
        let address = if self.options.only_count { Address::default() } else { at.address() };
        self.diff.hidden.push(Hidden { address, rule });
    }
}

/// Returns the first line that differs of a text that has a file of its own; line 0 for any other value.
fn first_difference(node: &Node, live: &Value) -> Place {
    let (Some(text), Some(live)) = (node.text_of_file(), live.as_str()) else { return Place::default() };
    let same = text.lines().zip(live.lines()).take_while(|(a, b)| a == b).count();
    Place { file: node.span.file, line: (same + 1).min(text.lines().count().max(1)) }
}

/// Whether a live value is there by the portal's doing alone.
fn portal_made(live: &Value, shape: &Shape) -> bool {
    shape.rules.server_owned || shape.rules.default.as_ref() == Some(live)
}
