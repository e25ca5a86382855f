//! The walk over declared tree, live value and shape at once.

use serde_json::{Map, Value, json};

use super::artifact::{self, Artifacts};
use super::pair::{matches, merged, pair};
use super::scalar::{self, Equality};
use super::{Change, ChangeKind, Diff, Hidden, PlannedPatch, Rule, Unknown, patch};
use crate::model::{Address, Entry, Kind, Node, Pointer, Risk};
use crate::redact;
use crate::schema::{ListRule, Shape};
use crate::{live, workspace::Ignore};

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Compare<'a> {
    /// What is left to the portal.
    pub(crate) ignore: &'a [Ignore],
    /// Count what cannot be compared as changed, so that it is sent again: artifacts that the portal copied, URLs that
    /// differ by their signature, secrets.
    pub(crate) resend: bool,
    /// What is known of the files behind artifacts.
    pub(crate) artifacts: Artifacts<'a>,
}

/// Compares a declared document with the live one.
pub(crate) fn compare(declared: &Node, live: &Value, shape: &Shape, options: Compare<'_>) -> Diff {
    let mut walk = Walk { options, diff: Diff::default(), secrets: PlannedPatch::default() };
    walk.value(declared, live, shape, &Place::default());
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

/// Where the walk is: for people, in the live document, in the file, and in identities (for `ignore`).
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    address: Address,
    pub(super) live: Pointer,
    pub(super) file: Pointer,
    identity: Vec<String>,
    line: usize,
    /// Whether a name on the way says that everything below is a secret.
    secret: bool,
    /// What the nearest schema on the way says that a change means.
    risk: Option<Risk>,
}

impl Place {
    /// The property of an object.
    fn property(&self, entry: &Entry, live_key: &str, shape: &Shape) -> Self {
        Self {
            address: shape.address(&self.address, &entry.key),
            live: self.live.with_trailing_token(live_key),
            file: self.file.with_trailing_token(entry.key.as_str()),
            identity: self.identity_with(&entry.key),
            line: entry.key_span.line,
            secret: self.secret || redact::is_secret_name(&entry.key),
            risk: shape.property(&entry.key).rules.risk.or(self.risk),
        }
    }

    /// A member that only the portal has.
    fn live_only(&self, identity: &str, token: impl Into<jsonpatch::jsonptr::Token<'static>>) -> Self {
        Self {
            address: self.address.id(identity),
            live: self.live.with_trailing_token(token.into()),
            identity: self.identity_with(identity),
            secret: self.secret || redact::is_secret_name(identity),
            ..self.clone()
        }
    }

    fn member(&self, identity: &str, live: Pointer, file_index: usize, line: usize) -> Self {
        Self {
            address: self.address.id(identity),
            live,
            file: self.file.with_trailing_token(file_index),
            identity: self.identity_with(identity),
            line,
            secret: self.secret,
            risk: self.risk,
        }
    }

    fn identity_with(&self, token: &str) -> Vec<String> {
        self.identity.iter().cloned().chain([token.to_owned()]).collect()
    }

    /// A live value for people.
    fn see(&self, live: &Value, shape: &Shape) -> Value {
        if self.secret { redact::masked(live) } else { live::redacted(live, shape) }
    }
}

struct Walk<'a> {
    options: Compare<'a>,
    diff: Diff,
    /// Operations for secrets that stand beside unchanged values.
    secrets: PlannedPatch,
}

impl Walk<'_> {
    fn value(&mut self, node: &Node, live: &Value, shape: &Shape, place: &Place) {
        match (&node.kind, live) {
            (Kind::Map(entries), Value::Object(map)) => self.object(entries, map, shape, place),
            (Kind::List(items), Value::Array(live_items)) => self.list(node, items, live_items, shape, place),
            (Kind::Scalar(_) | Kind::Artifact(_), live) => self.scalar(node, live, shape, place),
            (Kind::Secret(_), _) => self.secret(node, shape, place),
            (Kind::Map(_) | Kind::List(_), live) => {
                if !node.holds_secret() && scalar::is_empty(&patch::shown(node, shape)) && scalar::is_empty(live) {
                    self.hide(place, Rule::Empty);
                } else {
                    self.replace(node, live, shape, place);
                }
            }
            (Kind::Absent, _) => {}
        }
    }

    fn object(&mut self, entries: &[Entry], live: &Map<String, Value>, shape: &Shape, place: &Place) {
        let mut seen = Vec::new();
        for entry in entries {
            let rules = &shape.property(&entry.key).rules;
            // The name under which the portal returns it, unless the file declares that name as well.
            let returned = shape.returned_as(&entry.key).find(|name| live.contains_key(*name));
            let returned = returned.filter(|name| entries.iter().all(|other| other.key != *name));
            let renamed = returned.filter(|_| !live.contains_key(&entry.key));
            let live_key = renamed.unwrap_or(&entry.key);
            seen.push(live_key.to_owned());
            seen.extend(returned.map(ToOwned::to_owned));
            if rules.server_owned || rules.write_only {
                continue;
            }
            let here = place.property(entry, live_key, shape);
            if rules.read_only_on_write {
                self.hide(&here, Rule::ReadOnly);
                continue;
            }
            let before = self.diff.changes.len();
            let first = shape.twin(&entry.key).filter(|twin| seen.iter().any(|other| other == twin));
            match first.and_then(|twin| entries.iter().find(|other| other.key == twin)) {
                Some(first) => {
                    let first = place.property(first, &first.key, shape);
                    self.again(entry, live.get(live_key), shape, &here, &first);
                }
                None => self.property(entry, live.get(live_key), shape, &here),
            }
            if let (Some(name), true) = (returned, self.diff.changes.len() > before) {
                self.written_under_its_own_name(name, entry, renamed.is_some(), place);
            }
        }
        let exclusive = |entry: &Entry| shape.rules.exclusive.contains(&entry.key) && entry.value.kind != Kind::Absent;
        self.undeclared(live, &seen, entries.iter().any(exclusive), shape, place);
    }

    fn property(&mut self, entry: &Entry, live: Option<&Value>, shape: &Shape, place: &Place) {
        let child = shape.property(&entry.key);
        match (&entry.value.kind, live) {
            (Kind::Absent, None) => {}
            (Kind::Absent, Some(live)) if child.rules.default.as_ref() == Some(live) => self.hide(place, Rule::Default),
            (Kind::Absent, Some(live)) => self.remove(live, child, place),
            (_, Some(live)) => self.value(&entry.value, live, child, place),
            (Kind::Secret(_), None) => self.secret(&entry.value, child, place),
            (_, None) => self.missing(&entry.value, child, place),
        }
    }

    /// The second of two properties that hold one value. It is written for itself, and shown only as far as it differs
    /// from the portal in another way than the first one.
    fn again(&mut self, entry: &Entry, live: Option<&Value>, shape: &Shape, place: &Place, first: &Place) {
        let outer = std::mem::take(&mut self.diff);
        self.property(entry, live, shape, place);
        let mut second = std::mem::replace(&mut self.diff, outer);
        let told = |here: &Address, there: &Address| here.below(&place.address) == there.below(&first.address);
        second.changes.retain(|change| {
            let same = |other: &&mut Change| told(&change.address, &other.address) && other.kind == change.kind;
            let twin = self.diff.changes.iter_mut().find(same);
            twin.map(|twin| twin.twin = Some(entry.key.clone())).is_none()
        });
        second.hidden.retain(|hidden| !self.diff.hidden.iter().any(|other| told(&hidden.address, &other.address)));
        second.unknown.retain(|one| !self.diff.unknown.iter().any(|other| told(&one.address, &other.address)));
        second.secrets.retain(|address| !self.diff.secrets.iter().any(|other| told(address, other)));
        self.diff.absorb(second);
    }

    /// A declared key that the live object does not have.
    fn missing(&mut self, node: &Node, shape: &Shape, place: &Place) {
        let declared = patch::shown(node, shape);
        let secret = node.holds_secret();
        if scalar::is_empty(&declared) {
            self.hide(place, Rule::Empty);
        } else if !secret
            && shape.rules.default.as_ref().is_some_and(|default| matches(node, default, shape, self.options))
        {
            self.hide(place, Rule::Default);
        } else {
            self.diff.patch.add(place.live.clone(), patch::from_file(node, &place.file));
            self.change(place, ChangeKind::Add { after: declared });
            self.note_secrets(node, place);
        }
    }

    /// A changed property goes out under the name that the portal takes, and not under the one it returns as well.
    fn written_under_its_own_name(&mut self, returned: &str, entry: &Entry, renamed: bool, parent: &Place) {
        let absent = entry.value.kind == Kind::Absent;
        // Removed already, where the change was the removal itself.
        if !(renamed && absent) {
            self.diff.patch.remove(parent.live.with_trailing_token(returned));
        }
        if renamed && !absent {
            let file = parent.file.with_trailing_token(entry.key.as_str());
            let own = parent.live.with_trailing_token(entry.key.as_str());
            self.diff.patch.add(own, patch::from_file(&entry.value, &file));
        }
    }

    /// Live keys that the file does not name: the rest of a dictionary is declared away, and so is a property that
    /// cannot stand beside a declared one (`displaces`); the rest of an object is not ours.
    fn undeclared(
        &mut self,
        live: &Map<String, Value>,
        declared: &[String],
        displaces: bool,
        shape: &Shape,
        place: &Place,
    ) {
        for (key, value) in live.iter().filter(|(key, _)| !declared.contains(key)) {
            if shape.rules.exact_entries || (displaces && shape.rules.exclusive.contains(key)) {
                let risk = shape.property(key).rules.risk.or(place.risk);
                let address = shape.address(&place.address, key);
                let here = Place { address, risk, ..place.live_only(key, key.clone()) };
                self.remove_member(value, shape.property(key), &here);
            } else if !portal_made(value, shape.property(key)) {
                self.diff.unmanaged += 1;
            }
        }
    }

    fn remove_member(&mut self, live: &Value, shape: &Shape, place: &Place) {
        if self.options.ignore.iter().any(|ignore| place.identity.starts_with(&ignore.tokens)) {
            self.diff.ignored.push(place.address.clone());
        } else {
            self.remove(live, shape, place);
        }
    }

    fn list(&mut self, node: &Node, items: &[Node], live: &[Value], shape: &Shape, place: &Place) {
        let identities = match &shape.rules.list {
            ListRule::Keyed(key) => live::identities(live, key).map(|identities| (key, identities)),
            ListRule::Set | ListRule::Ordered => None,
        };
        match identities {
            Some((key, identities)) => self.keyed(items, live, &identities, key, shape, place),
            None if node.holds_secret() => self.list_of_secrets(node, items, live, shape, place),
            None if shape.rules.list == ListRule::Set => self.set(node, items, live, shape, place),
            None => self.ordered(node, items, live, shape, place),
        }
    }

    fn keyed(&mut self, items: &[Node], live: &[Value], live_ids: &[&str], key: &str, shape: &Shape, place: &Place) {
        let case = shape.item().property(key).rules.case;
        let id_of = |node: &Node| node.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
        let mut kept = vec![false; live.len()];
        let mut positions = Vec::new();
        let mut added = Vec::new();
        for (file_index, item) in items.iter().enumerate() {
            let id = id_of(item);
            let Some(index) = live_ids.iter().position(|live_id| case.same(live_id, &id)) else {
                added.push((file_index, item, id));
                continue;
            };
            kept[index] = true;
            positions.push(index);
            let here = place.member(&id, place.live.with_trailing_token(index), file_index, item.span.line);
            self.tested(&here, key, live_ids[index], |walk| walk.value(item, &live[index], shape.item(), &here));
        }
        if !positions.is_sorted() {
            self.hide(place, Rule::Order);
        }
        // From the back, so that the positions in front stay what they were.
        for index in (0..live.len()).rev().filter(|&index| !kept[index]) {
            let here = place.live_only(live_ids[index], index);
            self.tested(&here, key, live_ids[index], |walk| walk.remove_member(&live[index], shape.item(), &here));
        }
        for (file_index, item, id) in added {
            let here = place.member(&id, place.live.with_trailing_token("-"), file_index, item.span.line);
            self.diff.patch.add(here.live.clone(), patch::from_file(item, &here.file));
            self.change(&here, ChangeKind::Add { after: patch::shown(item, shape.item()) });
            self.note_secrets(item, &here);
        }
    }

    /// Puts a test of the member's identity before the operations that `work` adds.
    fn tested(&mut self, member: &Place, key: &str, identity: &str, work: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.diff.patch);
        work(self);
        let operations = std::mem::replace(&mut self.diff.patch, before);
        if !operations.is_empty() {
            self.diff.patch.test(&member.live.with_trailing_token(key), json!(identity));
            self.diff.patch.append(operations);
        }
    }

    fn set(&mut self, node: &Node, items: &[Node], live: &[Value], shape: &Shape, place: &Place) {
        let pairs = pair(items, live, shape, self.options);
        let unpaired = items.iter().zip(&pairs).filter(|(_, at)| at.is_none());
        let added = unpaired.map(|(item, _)| patch::shown(item, shape.item())).collect::<Vec<_>>();
        let gone = (0..live.len()).filter(|at| !pairs.contains(&Some(*at)));
        let removed = gone.map(|at| place.see(&live[at], shape.item())).collect::<Vec<_>>();
        if added.is_empty() && removed.is_empty() {
            if !pairs.iter().flatten().is_sorted() {
                self.hide(place, Rule::Order);
            }
            return;
        }
        self.diff.patch.replace(place.live.clone(), merged(node, live, &pairs, shape, place));
        self.change(place, ChangeKind::Members { added, removed });
    }

    fn ordered(&mut self, node: &Node, items: &[Node], live: &[Value], shape: &Shape, place: &Place) {
        let same = items.len() == live.len()
            && items.iter().zip(live).all(|(item, live)| matches(item, live, shape.item(), self.options));
        if same && !self.options.resend {
            // Walked again for what it hides; there are no changes in it.
            for (index, (item, live)) in items.iter().zip(live).enumerate() {
                let live_pointer = place.live.with_trailing_token(index);
                let here = place.member(&index.to_string(), live_pointer, index, item.span.line);
                self.value(item, live, shape.item(), &here);
            }
            return;
        }
        let pairs = pair(items, live, shape, self.options);
        if same && pairs.iter().all(Option::is_some) {
            return;
        }
        self.diff.patch.replace(place.live.clone(), merged(node, live, &pairs, shape, place));
        self.list_change(items, live, shape, place);
    }

    /// A list with secrets in its members is sent whole with every write; whether it changed shows in its length only.
    fn list_of_secrets(&mut self, node: &Node, items: &[Node], live: &[Value], shape: &Shape, place: &Place) {
        self.diff.secrets.push(place.address.clone());
        let planned = patch::from_file(node, &place.file);
        if items.len() == live.len() && !self.options.resend {
            self.secrets.replace(place.live.clone(), planned);
        } else {
            self.diff.patch.replace(place.live.clone(), planned);
            self.list_change(items, live, shape, place);
        }
    }

    fn list_change(&mut self, items: &[Node], live: &[Value], shape: &Shape, place: &Place) {
        // What stands where a secret belongs may be one.
        let secret = items.iter().any(Node::holds_secret);
        let see = |item| if secret { redact::masked(item) } else { place.see(item, shape.item()) };
        let before = live.iter().map(see).collect();
        let after = items.iter().map(|item| patch::shown(item, shape.item())).collect();
        self.change(place, ChangeKind::List { before, after });
    }

    fn scalar(&mut self, node: &Node, live: &Value, shape: &Shape, place: &Place) {
        match artifact::equality(node, live, &shape.rules, self.options.artifacts) {
            Equality::Same => {}
            Equality::By(Rule::Signature) | Equality::Unknown if self.options.resend => {
                self.replace(node, live, shape, place);
            }
            Equality::By(rule) => self.hide(place, rule),
            Equality::Unknown => {
                let reason = self.options.artifacts.reason(node, live);
                self.diff.unknown.push(Unknown { address: place.address.clone(), reason });
            }
            Equality::Different => {
                self.replace(node, live, shape, place);
                if let Some(change) = self.diff.changes.last_mut() {
                    change.immutable = shape.rules.immutable;
                }
            }
        }
    }

    fn secret(&mut self, node: &Node, shape: &Shape, place: &Place) {
        self.diff.secrets.push(place.address.clone());
        self.secrets.add(place.live.clone(), patch::from_file(node, &place.file));
        if self.options.resend {
            self.change(place, ChangeKind::Add { after: patch::shown(node, shape) });
        }
    }

    /// Secrets inside a value that is added as a whole.
    fn note_secrets(&mut self, node: &Node, place: &Place) {
        if matches!(node.kind, Kind::Secret(_)) {
            self.diff.secrets.push(place.address.clone());
        }
        for entry in node.entries() {
            let here = Place { address: place.address.key(&entry.key), ..place.clone() };
            self.note_secrets(&entry.value, &here);
        }
        for item in node.items() {
            self.note_secrets(item, place);
        }
    }

    fn replace(&mut self, node: &Node, live: &Value, shape: &Shape, place: &Place) {
        self.diff.patch.replace(place.live.clone(), patch::from_file(node, &place.file));
        // What stands where a secret belongs may be one.
        let before = if node.holds_secret() { redact::masked(live) } else { place.see(live, shape) };
        let after = patch::shown(node, shape);
        self.change(place, ChangeKind::Replace { before, after });
        self.note_secrets(node, place);
    }

    fn remove(&mut self, live: &Value, shape: &Shape, place: &Place) {
        self.diff.patch.remove(place.live.clone());
        self.change(place, ChangeKind::Remove { before: place.see(live, shape) });
    }

    fn change(&mut self, place: &Place, kind: ChangeKind) {
        self.diff.changes.push(Change {
            address: place.address.clone(),
            pointer: place.live.clone(),
            line: place.line,
            kind,
            risk: place.risk,
            immutable: false,
            twin: None,
        });
    }

    fn hide(&mut self, place: &Place, rule: Rule) {
        self.diff.hidden.push(Hidden { address: place.address.clone(), rule });
    }
}

/// Whether a live value is there by the portal's doing alone.
fn portal_made(live: &Value, shape: &Shape) -> bool {
    shape.rules.server_owned || shape.rules.default.as_ref() == Some(live)
}
