//! Drift: of every difference between a file and the portal, which side moved since a base.
//!
//! Three states of one offer are compared: the base, the file and the portal. Where nobody knows the base, a difference
//! is told as one, and nobody is blamed. Pure: everything was read before.

mod base;
mod receipt;

use serde::Serialize;
use serde_json::Value;

pub(crate) use base::{Applied, Base};
pub(crate) use receipt::{MAX_RECEIPT, Receipt};

use crate::content::Contents;
use crate::diagnostic::Place;
use crate::diff::{self, Change, ChangeKind, Compare, PortalEdit};
use crate::document::{self, AddressMap, Finder, Found};
use crate::error::{Exit, Fate};
use crate::live::Live;
use crate::model::{Address, Kind, Node, OfferKey, PublisherId, named};
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
    /// Whether it is drift, or cannot be told from drift.
    pub(crate) fn is_drift(self) -> bool {
        matches!(self, Self::Portal | Self::Both | Self::Unknown)
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Portal => "the portal moved",
            Self::Both => "both moved, to different values",
            Self::Unknown => "differs; nobody can say which side moved",
            Self::File => "the file moved",
            Self::Agreed => "both moved, to the same value",
            Self::Unmanaged => "the portal moved, where no file says anything",
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
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OfferDrift {
    pub(crate) key: OfferKey,
    pub(crate) path: String,
    /// The base that it was compared with; `None` where there is none, with the reason in `why`.
    pub(crate) base: Option<String>,
    /// Why there is no base.
    pub(crate) why: Option<String>,
    /// What moved, in the order of the file.
    pub(crate) moved: Vec<Moved>,
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

pub(crate) fn of(
    desired: &Desired,
    base: Option<Base<'_>>,
    live: &Live,
    contents: &Contents,
    shape: &Shape,
) -> Vec<Moved> {
    let live = match live {
        Live::Present(offer) => &offer.document,
        Live::Absent => return vec![whole_offer(desired, base)],
    };
    // Of an offer that is as its file says, only a receipt or an earlier file can show that something moved.
    let differences = compare(desired, desired, live, contents, shape);
    let known = base.filter(|base| !matches!(base, Base::New));
    if differences.is_empty() && known.is_none() {
        return Vec::new();
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
    match known {
        Some(base) => three.with(base, &differences),
        // A file that is new does not show which side came first.
        None => differences.iter().map(|change| three.moved(change, Who::Unknown)).collect(),
    }
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
    let edit = |moved: Moved| match moved.who {
        Who::Portal => Some((moved.address, PortalEdit::Undone)),
        Who::Both => Some((moved.address, PortalEdit::Overwritten)),
        Who::Unknown | Who::File | Who::Agreed | Who::Unmanaged => None,
    };
    of(desired, Some(base), live, contents, shape).into_iter().filter_map(edit).collect()
}

/// Compares what one state of a file declares with a document, without what the file of today ignores.
fn compare(today: &Desired, declared: &Desired, with: &Value, contents: &Contents, shape: &Shape) -> Vec<Change> {
    let options = Compare { ignore: &today.reconcile.ignore, resend: false, contents: Some(contents) };
    diff::compare(&declared.document, with, shape, options).changes
}

fn whole_offer(desired: &Desired, base: Option<Base<'_>>) -> Moved {
    let (who, note) = match base {
        Some(Base::Receipt(_)) => (Who::Portal, "the offer is gone from the portal"),
        Some(Base::Revision(_)) => (Who::Portal, "the offer was declared at the base, and the portal has none"),
        Some(Base::New) => (Who::File, "the file is new, and the portal has no such offer yet"),
        None => (Who::Unknown, "the portal has no such offer"),
    };
    let address = Address::default();
    let declared = Some((desired.path().to_owned(), 1));
    Moved { address, who, declared, base: None, portal: None, file: None, note: Some(note.to_owned()) }
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

impl Three<'_> {
    fn compare(&self, declared: &Desired, with: &Value) -> Vec<Change> {
        compare(self.desired, declared, with, self.contents, self.shape)
    }

    fn with(&self, base: Base<'_>, differences: &[Change]) -> Vec<Moved> {
        let portal = self.portal_moves(base);
        let (file, references) = self.file_moves(base);
        let (in_portal, in_file, differing) = (by_address(&portal), by_address(&file), by_address(differences));
        let referred = references.iter().map(|one| (one.address.clone(), ())).collect::<AddressMap<_>>();
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
            moved.push(self.moved(change, who));
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
            (old != Some(reference)).then(|| Moved {
                address: address.clone(),
                who: Who::File,
                declared: self.declared.place(address).and_then(|place| self.named(place)),
                base: old.cloned().map(Value::String),
                portal: None,
                file: Some(Value::String(reference.clone())),
                note: Some("the declaration changed; its value is not compared here".to_owned()),
            })
        });
        (changes, differs.collect())
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
        Moved {
            address: at.clone(),
            who,
            declared: place.filter(|_| !unmanaged),
            base: self.base.as_ref().and_then(|base| base.value(at)).cloned(),
            portal: self.portal.value(at).cloned().or_else(|| if unmanaged { None } else { before(&change.kind) }),
            file: self.file.value(at).cloned(),
            note: None,
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
