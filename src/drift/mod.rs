//! Drift: of every difference between a file and the portal, which side moved since a base.
//!
//! Three states of one offer are compared: the base, the file and the portal. Where nobody knows the base, a difference
//! is told as one, and nobody is blamed. Pure: everything was read before.

mod base;
mod receipt;

use std::cell::OnceCell;

use serde::Serialize;
use serde_json::Value;

pub(crate) use base::{Applied, Base};
pub(crate) use receipt::{MAX_RECEIPT, Receipt};

use crate::content::Contents;
use crate::diagnostic::{FileId, Place};
use crate::diff::{self, Change, ChangeKind, Compare, Diff, PortalEdit};
use crate::document::{self, AddressMap, Finder, Found};
use crate::error::{Exit, Fate};
use crate::live::Live;
use crate::model::{Address, Kind, Node, OfferKey, Pointer, PublisherId, named};
use crate::plan::Unread;
use crate::schema::Shape;
use crate::workspace::Desired;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Who {
    /// The portal, and the file did not: drift.
    Portal,
    /// Both, to different values: drift, and a conflict.
    Both,
    /// They differ, and nobody can say which side moved: it may be drift.
    Unknown,
    /// The file, and the portal did not: a change that was not applied.
    File,
    /// Both, to the same value.
    Agreed,
    /// The portal, where no file says anything.
    Unmanaged,
}

impl Who {
    /// Every one, the drift first.
    pub(crate) const ALL: [Self; 6] =
        [Self::Portal, Self::Both, Self::Unknown, Self::File, Self::Agreed, Self::Unmanaged];

    /// Whether it is drift, or cannot be told from drift.
    pub(crate) fn is_drift(self) -> bool {
        matches!(self, Self::Portal | Self::Both | Self::Unknown)
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Portal => "changed in the portal",
            Self::Both => "changed in both",
            Self::Unknown => "differs, no baseline",
            Self::File => "changed in the file",
            Self::Agreed => "changed in both, to the same value",
            Self::Unmanaged => "changed in the portal, not declared",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moved {
    /// Where; empty for the whole offer.
    pub(crate) address: Address,
    pub(crate) who: Who,
    /// The file and line that declare it, where one does.
    pub(crate) declared: Option<(String, usize)>,
    /// The value at the base. Values have their secrets removed; `None` where there is none, or none is known.
    pub(crate) base: Option<Value>,
    pub(crate) portal: Option<Value>,
    pub(crate) file: Option<Value>,
    /// What the values do not say.
    pub(crate) note: Option<String>,
    /// The changes of the portal since the base.
    pub(crate) in_portal: Vec<Change>,
    /// The changes of the file since the base; without a base, those that lead from the portal to the file.
    pub(crate) in_file: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OfferDrift {
    pub(crate) key: OfferKey,
    /// The files that it was read from, the offer file first.
    pub(crate) files: Vec<String>,
    /// The base that it was compared with; `None` where there is none, with the reason in `why`.
    pub(crate) base: Option<String>,
    /// Why there is no base.
    pub(crate) why: Option<String>,
    /// What moved, in the order of the file.
    pub(crate) moved: Vec<Moved>,
    /// The portal's document without secrets, where something moved in it.
    pub(crate) document: Option<Value>,
}

impl OfferDrift {
    pub(crate) fn path(&self) -> &str {
        self.file(FileId::default())
    }

    /// Returns the path of one of its files.
    pub(crate) fn file(&self, file: FileId) -> &str {
        self.files.get(file.index()).or(self.files.first()).map_or("", String::as_str)
    }
}

/// An offer that the portal lists and no file declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Undeclared {
    #[serde(flatten, with = "named")]
    pub(crate) key: OfferKey,
    /// Whether a file declared it at the base: then the files moved.
    pub(crate) was_declared: bool,
}

/// A publisher whose offers could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Unlisted {
    pub(crate) publisher: PublisherId,
    pub(crate) cause: String,
    /// Whether the portal refused who we are or what we may do.
    pub(crate) denied: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Drift {
    /// The bases that were given, in the order in which they were asked.
    pub(crate) bases: Vec<String>,
    /// The declared offers that could be read, in the order of their keys.
    pub(crate) offers: Vec<OfferDrift>,
    /// The offers that no file declares.
    pub(crate) undeclared: Vec<Undeclared>,
    pub(crate) count_undeclared: bool,
    /// Publishers whose offers could not be listed.
    pub(crate) unlisted: Vec<Unlisted>,
    /// Offers that could not be read: of those nobody says that there is no drift.
    pub(crate) unread: Vec<Unread>,
    /// How many offers were not read, because the portal lists them as when they compared equal.
    pub(crate) not_read: usize,
}

impl Drift {
    /// How many values, and undeclared offers where they count, are drift.
    pub(crate) fn count(&self) -> usize {
        let moved = self.offers.iter().flat_map(|offer| &offer.moved).filter(|moved| moved.who.is_drift()).count();
        moved + if self.count_undeclared { self.undeclared.iter().filter(|one| !one.was_declared).count() } else { 0 }
    }

    /// The exit code. What could not be read wins: "no drift" is said only of what was seen.
    pub(crate) fn exit(&self) -> Exit {
        let denied = self.unread.iter().map(|unread| unread.denied).chain(self.unlisted.iter().map(|one| one.denied));
        let drift = (self.count() > 0).then_some(Fate::Changed);
        Exit::of(denied.map(Fate::unread).chain(self.offers.iter().map(|_| Fate::Done)).chain(drift))
    }
}

/// The base of an offer with its name, or why there is none, where bases were given.
pub(crate) type Known<'a> = Result<(&'a str, Base<'a>), Option<String>>;

/// Compares what the file of today declares with the portal.
pub(crate) fn compared(desired: &Desired, live: &Live, contents: &Contents, shape: &Shape) -> Diff {
    match live {
        Live::Present(offer) => diff_of(desired, desired, &offer.document, contents, shape),
        Live::Absent => Diff::default(),
    }
}

/// Tells what moved by that comparison, which knew the same contents.
pub(crate) fn of(
    desired: &Desired,
    base: Known<'_>,
    live: &Live,
    contents: &Contents,
    differences: &[Change],
    shape: &Shape,
) -> OfferDrift {
    let (name, base, why) = match base {
        Ok((name, base)) => (Some(name.to_owned()), Some(base), None),
        Err(why) => (None, None, why),
    };
    let (moved, document) = match live {
        Live::Present(offer) => moved(desired, base, &offer.document, contents, differences, shape),
        Live::Absent => (vec![whole_offer(desired, base)], None),
    };
    let files = desired.files.iter().map(|(path, _)| path.clone()).collect();
    OfferDrift { key: desired.key.clone(), files, base: name, why, moved, document }
}

/// Returns what moved, and the document of the portal without secrets if something did.
fn moved(
    desired: &Desired,
    base: Option<Base<'_>>,
    live: &Value,
    contents: &Contents,
    differences: &[Change],
    shape: &Shape,
) -> (Vec<Moved>, Option<Value>) {
    // Of an offer that is as its file says, only a receipt or an earlier file can show that something moved.
    let known = base.filter(|base| !matches!(base, Base::New));
    if differences.is_empty() && known.is_none() {
        return (Vec::new(), None);
    }
    let portal = document::redacted_beside(live, Some(&desired.document), shape);
    let file = diff::shown(&desired.document, shape);
    let before = known.map(|base| base.shown(shape));
    let three = Three {
        desired,
        live,
        contents,
        shape,
        shown: &portal,
        base: before.as_ref().map(|before| Finder::new(before, shape)),
        portal: Finder::new(&portal, shape),
        file: Finder::new(&file, shape),
        declared: Finder::new(&desired.document, shape),
    };
    let moved = match known {
        Some(base) => three.with(base, differences),
        // A file that is new does not show which side came first.
        None => differences.iter().map(|change| three.moved(change, Who::Unknown)).collect(),
    };
    let document = (!moved.is_empty()).then_some(portal);
    (moved, document)
}

/// Returns what a plan of the offer does to edits that were made in the portal since the base, by address; the empty address
/// is the whole offer, which was deleted there.
pub(crate) fn portal_edits(
    desired: &Desired,
    base: Base<'_>,
    live: &Live,
    contents: &Contents,
    shape: &Shape,
) -> Vec<(Address, PortalEdit)> {
    let differences = compared(desired, live, contents, shape).changes;
    let edit = |moved: Moved| match moved.who {
        Who::Portal => Some((moved.address, PortalEdit::Undone)),
        Who::Both => Some((moved.address, PortalEdit::Overwritten)),
        Who::Unknown | Who::File | Who::Agreed | Who::Unmanaged => None,
    };
    of(desired, Ok(("", base)), live, contents, &differences, shape).moved.into_iter().filter_map(edit).collect()
}

/// Compares what one state of a file declares with a document, without what the file of today ignores.
fn compare(today: &Desired, declared: &Desired, with: &Value, contents: &Contents, shape: &Shape) -> Vec<Change> {
    diff_of(today, declared, with, contents, shape).changes
}

fn diff_of(today: &Desired, declared: &Desired, with: &Value, contents: &Contents, shape: &Shape) -> Diff {
    let options =
        Compare { ignore: &today.reconcile.ignore, resend: false, contents: Some(contents), only_count: true };
    diff::compare(&declared.document, with, shape, options)
}

fn whole_offer(desired: &Desired, base: Option<Base<'_>>) -> Moved {
    let (who, note) = match base {
        Some(Base::Receipt(_)) => (Who::Portal, "the offer was deleted in the portal"),
        Some(Base::Revision(_)) => (
            Who::Portal,
            "a file declared the offer at the baseline, and the portal does not \
            have it",
        ),
        Some(Base::New) => (Who::File, "the file is new, and the portal does not have the offer yet"),
        None => (Who::Unknown, "the portal does not have this offer"),
    };
    let address = Address::default();
    let declared = Some((desired.path().to_owned(), 1));
    let note = Some(note.to_owned());
    let (in_portal, in_file) = (Vec::new(), Vec::new());
    Moved { address, who, declared, base: None, portal: None, file: None, note, in_portal, in_file }
}

/// The file, the portal, and what is known of both.
struct Three<'a> {
    desired: &'a Desired,
    live: &'a Value,
    contents: &'a Contents,
    shape: &'a Shape,
    /// The live document without secrets.
    shown: &'a Value,
    base: Option<Finder<'a, Value>>,
    portal: Finder<'a, Value>,
    file: Finder<'a, Value>,
    declared: Finder<'a, Node>,
}

fn by_address(changes: &[Change]) -> AddressMap<&Change> {
    changes.iter().map(|change| (change.address.clone(), change)).collect()
}

fn by_address_owned(changes: Vec<Change>) -> AddressMap<Change> {
    changes.into_iter().map(|change| (change.address.clone(), change)).collect()
}

impl Three<'_> {
    fn compare(&self, declared: &Desired, with: &Value) -> Vec<Change> {
        compare(self.desired, declared, with, self.contents, self.shape)
    }

    fn with(&self, base: Base<'_>, differences: &[Change]) -> Vec<Moved> {
        let portal = self.portal_moves(base);
        let (file, references) = self.file_moves(base);
        let (in_portal, in_file, differing) = (by_address(&portal), by_address(&file), by_address(differences));
        let referred = references.iter().map(|one| (one.address.clone(), one)).collect::<AddressMap<_>>();
        let shown = OnceCell::new();
        let mut moved = Vec::new();
        for change in differences {
            let at = &change.address;
            let file_moved = in_file.related(at).is_some() || referred.related(at).is_some();
            let who = match (in_portal.related(at).is_some(), file_moved) {
                (true, true) => Who::Both,
                (true, false) => Who::Portal,
                (false, true) => Who::File,
                (false, false) => Who::Unknown,
            };
            let mut one = self.moved(change, who);
            if who == Who::Both {
                let shown = shown.get_or_init(|| by_address_owned(self.portal_moves_to_show(base)));
                let placed = |shown: &Change| self.placed(shown.clone(), change);
                one.in_portal = shown.all_related(at).map(placed).collect();
                let named = referred.all_related(at).flat_map(|one| &one.in_file);
                one.in_file = in_file.all_related(at).copied().chain(named).cloned().collect();
            }
            moved.push(one);
        }
        for change in portal.iter().filter(|change| differing.related(&change.address).is_none()) {
            let at = &change.address;
            if !self.declares(at) {
                // The base may be what a file said: that it says nothing any more is not a change of the portal.
                if matches!(base, Base::Receipt(_)) {
                    moved.push(self.moved(change, Who::Unmanaged));
                }
            } else if let Some(other) = in_file.related(at) {
                moved.push(self.moved(other, Who::Agreed));
            }
        }
        moved.dedup_by(|a, b| a.who == Who::Agreed && a.address == b.address && a.who == b.who);
        moved.extend(references.into_iter().filter(|one| differing.related(&one.address).is_none()));
        moved
    }

    /// Whether the file says anything of an address: it names it, or declares whole what it is in.
    fn declares(&self, address: &Address) -> bool {
        match self.declared.find(address) {
            Found::Missing(Node { kind: Kind::Map(_), .. }, shape) => shape.rules.exact_entries,
            Found::Value(..) | Found::Missing(..) => true,
        }
    }

    /// Returns what the portal holds otherwise than at the base.
    fn portal_moves(&self, base: Base<'_>) -> Vec<Change> {
        match base {
            // Both sides without what files declare as secrets: whether those changed is unknown.
            Base::Receipt(applied) => diff::between(&applied.document, self.shown, self.shape),
            Base::Revision(before) => self.compare(before, self.live),
            Base::New => Vec::new(),
        }
    }

    /// As [`Self::portal_moves`], with values that may be shown.
    fn portal_moves_to_show(&self, base: Base<'_>) -> Vec<Change> {
        match base {
            Base::Receipt(_) | Base::New => self.portal_moves(base),
            // What a file of today declares as a secret, the file of then may not.
            Base::Revision(before) => self.compare(before, self.shown).into_iter().map(Change::turned).collect(),
        }
    }

    /// Returns a change with the place where the files of now declare its value, or the one that it is a part of.
    fn placed(&self, change: Change, part_of: &Change) -> Change {
        let place = self.declared.place(&change.address).filter(|place| place.line > 0);
        let Place { file, line } = place.unwrap_or_else(|| part_of.place());
        Change { file, line, ..change }
    }

    /// Returns what the file says otherwise than at the base: values, and what it names instead of giving it.
    fn file_moves(&self, base: Base<'_>) -> (Vec<Change>, Vec<Moved>) {
        let now = base::references(&self.desired.document, self.shape);
        let before = base.references(self.shape);
        let document = match base {
            Base::Receipt(applied) => applied.document.clone(),
            // Values as they stand in the file; this one is compared and never shown.
            Base::Revision(desired) => desired.document.to_value(&mut |_| Value::Null),
            Base::New => Value::Null,
        };
        let mut changes = self.compare(self.desired, &document);
        // A value that the base holds without its secret, and one that is named, are compared by their references.
        changes.retain(|change| {
            let masked = matches!(&change.kind, ChangeKind::Replace { before, after } if before == after);
            !masked && !now.contains_key(&change.address)
        });
        let differs = now.iter().filter_map(|(address, reference)| {
            let old = before.get(&address.to_string());
            (old != Some(reference)).then(|| self.declared_otherwise(address, old, reference))
        });
        (changes, differs.collect())
    }

    /// Returns the move of a value of which the file names another source than at the base.
    fn declared_otherwise(&self, address: &Address, old: Option<&String>, reference: &str) -> Moved {
        let place = self.declared.place(address);
        let (base, file) = (old.cloned().map(Value::String), Value::from(reference));
        let kind = match base.clone() {
            Some(before) => ChangeKind::Replace { before, after: file.clone() },
            None => ChangeKind::Add { after: file.clone() },
        };
        let Place { file: id, line } = place.unwrap_or_default();
        let change = Change {
            address: address.clone(),
            pointer: Pointer::root(),
            file: id,
            line,
            kind,
            risk: None,
            immutable: false,
            twin: None,
            portal_edit: None,
        };
        Moved {
            address: address.clone(),
            who: Who::File,
            declared: place.and_then(|place| self.named(place)),
            base,
            portal: None,
            file: Some(file),
            note: Some("the declaration changed; the value is not compared".to_owned()),
            in_portal: Vec::new(),
            in_file: vec![change],
        }
    }

    /// Returns a place with the path of its file.
    fn named(&self, place: Place) -> Option<(String, usize)> {
        let (path, _) = self.desired.files.get(place.file.index()).filter(|_| place.line > 0)?;
        Some((path.clone(), place.line))
    }

    fn moved(&self, change: &Change, who: Who) -> Moved {
        let at = &change.address;
        let place = self.named(change.place()).or_else(|| self.named(self.declared.place(at)?));
        let unmanaged = who == Who::Unmanaged;
        let (in_portal, in_file) = match who {
            // The file is as it was, so the way back leads from it to the portal.
            Who::Portal => (vec![change.clone().turned()], Vec::new()),
            Who::Unmanaged => (vec![change.clone()], Vec::new()),
            Who::File | Who::Agreed | Who::Unknown => (Vec::new(), vec![change.clone()]),
            Who::Both => (Vec::new(), Vec::new()),
        };
        Moved {
            address: at.clone(),
            who,
            declared: place.filter(|_| !unmanaged),
            base: self.base.as_ref().and_then(|base| base.value(at)).cloned(),
            portal: self.portal.value(at).cloned().or_else(|| if unmanaged { None } else { before(&change.kind) }),
            file: self.file.value(at).cloned(),
            note: None,
            in_portal,
            in_file,
        }
    }
}

/// The live value of a change, where one value is it: it may stand under another name than the file's.
fn before(kind: &ChangeKind) -> Option<Value> {
    match kind {
        ChangeKind::Remove { before } | ChangeKind::Replace { before, .. } => Some(before.clone()),
        ChangeKind::List { before, .. } => Some(Value::Array(before.clone())),
        ChangeKind::Add { .. } | ChangeKind::Members { .. } => None,
    }
}

#[cfg(test)]
mod tests;
