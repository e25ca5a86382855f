//! What `drift` found, as people read it: for each offer what changed on which side, with the items of a plan.

use std::collections::HashSet;

use super::{Files, Item, NOT_READ, UnreadReview, ViewOptions, items, unread};
use crate::diff::Change;
use crate::drift::{Drift, Moved, OfferDrift, Undeclared, Unlisted, Who};
use crate::render::{counted, found, plural, sentence, visible};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DriftReview {
    /// `Drift: 1 changed in the portal, 3 offers without a difference`.
    pub(crate) summary: String,
    /// What everything was compared with; without it, how to give a base and what it adds.
    pub(crate) bases: Result<Vec<String>, &'static str>,
    /// The offers in which something changed.
    pub(crate) offers: Vec<DriftedOffer>,
    /// The offers that no file declares, each with a remark.
    pub(crate) undeclared: Vec<(String, &'static str)>,
    /// What could not be read, each with what follows from that.
    pub(crate) unread: Vec<(UnreadReview, &'static str)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DriftedOffer {
    /// `publisher/offer`.
    pub(crate) key: String,
    pub(crate) file: String,
    /// Its base where there are several, or why it has none.
    pub(crate) base: Option<String>,
    /// The values that drifted, in number.
    pub(crate) drifted: usize,
    /// The values that changed otherwise.
    pub(crate) others: usize,
    /// What changed, the drift first.
    pub(crate) sides: Vec<Sides>,
}

/// What changed in one way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sides {
    pub(crate) who: Who,
    pub(crate) sides: Vec<SideReview>,
    /// What the items do not say: address and note.
    pub(crate) notes: Vec<(String, String)>,
}

/// What changed on one side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SideReview {
    /// Which one, where there are two.
    pub(crate) title: Option<&'static str>,
    /// What the items lead from and to.
    pub(crate) direction: &'static str,
    pub(crate) items: Vec<Item>,
}

const NO_BASE: &str = "none, so drift cannot show which side changed; give --base REVISION, or --base FILE with the \
                       report of `apply -o json=FILE`";

pub(crate) fn drift(drift: &Drift, options: ViewOptions) -> DriftReview {
    let offers = drift.offers.iter().filter(|offer| !offer.moved.is_empty());
    let undeclared = |Undeclared { key, was_declared }: &Undeclared| {
        let remark = match (was_declared, drift.count_undeclared) {
            (true, _) => "deleted from the files since the base, still in the portal",
            (false, true) => "in the portal, and no file declares it",
            (false, false) => "in the portal, and no file declares it (allowed)",
        };
        (key.to_string(), remark)
    };
    let unlisted = |Unlisted { publisher, cause, .. }: &Unlisted| {
        let unlisted = UnreadReview { key: format!("{publisher}/*"), cause: visible(cause, false), hint: None };
        (unlisted, "its offers could not be listed; some may be undeclared")
    };
    let unread = drift.unread.iter().map(|one| (unread(one), "not read; it may have drifted"));
    let bases = drift.bases.iter().map(|base| visible(base, false)).collect::<Vec<_>>();
    DriftReview {
        summary: summary(drift),
        bases: if bases.is_empty() { Err(NO_BASE) } else { Ok(bases) },
        offers: offers.map(|offer| offer_review(offer, drift.bases.len(), options)).collect(),
        undeclared: drift.undeclared.iter().map(undeclared).collect(),
        unread: drift.unlisted.iter().map(unlisted).chain(unread).collect(),
    }
}

fn offer_review(offer: &OfferDrift, bases: usize, options: ViewOptions) -> DriftedOffer {
    let drifted = offer.moved.iter().filter(|moved| moved.who.is_drift()).count();
    let of = |who: &Who| {
        let moved = offer.moved.iter().filter(|moved| moved.who == *who).collect::<Vec<_>>();
        (!moved.is_empty()).then(|| sides(offer, *who, &moved, options))
    };
    DriftedOffer {
        key: offer.key.to_string(),
        file: visible(offer.path(), false),
        base: match (&offer.base, &offer.why) {
            (Some(base), _) if bases > 1 => Some(format!("baseline: {}", visible(base, false))),
            (None, Some(why)) => Some(format!("no baseline: {}", visible(why, false))),
            _ => None,
        },
        drifted,
        others: offer.moved.len() - drifted,
        sides: Who::ALL.iter().filter_map(of).collect(),
    }
}

fn sides(offer: &OfferDrift, who: Who, moved: &[&Moved], options: ViewOptions) -> Sides {
    let side = |title, direction, of: &dyn Fn(&Moved) -> &[Change]| {
        let mut changes = moved.iter().flat_map(|moved| of(moved)).cloned().collect::<Vec<_>>();
        // Two values inside of one that changed name it twice.
        let mut seen = HashSet::new();
        changes.retain(|change| seen.insert(change.address.clone()));
        let files: Files<'_> = &|file| offer.file(file);
        let items = items(&changes, offer.document.as_ref(), files, options);
        (!items.is_empty()).then_some(SideReview { title, direction, items })
    };
    let portal = |title| side(title, "baseline → portal", &|moved| &moved.in_portal);
    let file = |title, direction| side(title, direction, &|moved| &moved.in_file);
    let sides = match who {
        Who::Portal | Who::Unmanaged => [portal(None), None],
        Who::Both => [portal(Some("in the portal")), file(Some("in the file"), "baseline → file")],
        Who::File => [file(None, "baseline → file"), None],
        Who::Agreed => [file(None, "baseline → both"), None],
        Who::Unknown => [file(None, "portal → file"), None],
    };
    let note = |moved: &&Moved| Some((address(moved), moved.note.clone()?));
    Sides { who, sides: sides.into_iter().flatten().collect(), notes: moved.iter().filter_map(note).collect() }
}

fn address(moved: &Moved) -> String {
    match moved.address.to_string() {
        empty if empty.is_empty() => "the whole offer".to_owned(),
        address => visible(&address, false),
    }
}

/// The verdict, and how many of each.
fn summary(drift: &Drift) -> String {
    let count = |who| drift.offers.iter().flat_map(|offer| &offer.moved).filter(|moved| moved.who == who).count();
    let still = drift.offers.iter().filter(|offer| offer.moved.is_empty()).count();
    let some = |count: usize, noun: &str, what: &str| match count {
        0 => String::new(),
        count => format!("{} {what}", plural(count, noun)),
    };
    let counts = sentence([
        counted(count(Who::Portal), "changed in the portal"),
        counted(count(Who::Both), "changed in both"),
        some(count(Who::Unknown), "difference", "without a baseline"),
        counted(count(Who::File), "changed in the file"),
        counted(count(Who::Agreed), "changed in both to the same value"),
        some(count(Who::Unmanaged), "undeclared field", "changed in the portal"),
        some(drift.undeclared.len(), "offer", "not declared"),
        some(drift.unread.len(), "offer", "not read"),
        some(drift.unlisted.len(), "publisher", "not listed"),
        some(still, "offer", "without a difference"),
        match drift.not_read {
            0 => String::new(),
            count => format!("{} of them not read ({NOT_READ})", plural(count, "offer")),
        },
    ]);
    let verdict = match drift.count() {
        0 if drift.unread.is_empty() && drift.unlisted.is_empty() => "No drift",
        0 => "No drift in what was read",
        _ => "Drift",
    };
    if counts.is_empty() { verdict.to_owned() } else { format!("{verdict}: {counts}") }
}

/// What changed in one value, in one line.
pub(crate) fn drift_line(moved: &Moved) -> String {
    let Moved { who, note, in_portal, in_file, .. } = moved;
    let what = in_portal.iter().chain(in_file).map(found::what).chain(note.clone());
    match what.collect::<Vec<_>>().join("; ") {
        what if what.is_empty() => format!("{}: {}", address(moved), who.describe()),
        what => format!("{}: {what}", who.describe()),
    }
}
