//! The plan: for each offer what to write, what to release, what was found about it, and what it was made from.
//!
//! [`decide`] compares one offer and returns its [`Verdict`]; [`assemble`] makes the plan of all verdicts, and nothing
//! changes it afterwards. A plan is plain data without a secret in it. `apply` carries its actions out in this order, and
//! stops an offer when the portal is not in the state that the plan was made from.

mod assemble;
mod fingerprint;
mod guard;
mod release;
mod risk;
mod saved;
pub(crate) mod sealed;
mod stale;
pub(crate) mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use assemble::{AssembleError, Context, Plan, assemble};
pub(crate) use fingerprint::is_fingerprint;
pub(crate) use guard::Finding;
pub(crate) use guard::many::OUTSIDE_WINDOW;
pub(crate) use release::{Content, Estimate, InProgress, ReleaseStep, ReleaseView};
pub(crate) use risk::{Risk, by_risk};
pub(crate) use saved::{Bound, Content as SavedContent, LoadError, SavedPlan};
pub(crate) use stale::{MovedField, Stale};

use crate::content::{Contents, Pair};
use crate::diagnostic::FileId;
use crate::diff::{self, Change, Compare, Diff, PortalEdit};
use crate::document;
use crate::live::Live;
use crate::model::{Address, Digest, ETag, LocalFile, OfferKey, Profile, Shard, named};
use crate::schema::Shape;
use crate::workspace::{Desired, Limits, Through};

/// The portal's state that an offer's plan was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum Base {
    Absent,
    Present {
        /// Its ETag, where the portal gave one.
        etag: Option<ETag>,
        /// The digest of its canonical form.
        digest: Digest,
        /// The document, secrets removed: to say later what moved.
        document: Value,
    },
}

impl Base {
    /// Returns what the portal has, with the secrets of the schema and of the file removed.
    fn of(live: &Live, desired: &Desired, shape: &Shape) -> Self {
        match live {
            Live::Absent => Self::Absent,
            Live::Present(offer) => Self::Present {
                etag: offer.etag.clone(),
                digest: offer.digest(shape),
                document: document::redacted_beside(&offer.document, Some(&desired.document), shape),
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Write {
    /// A PUT that must not meet an existing offer.
    Create,
    /// A PUT of the live document with the patch applied.
    Update,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OfferPlan {
    #[serde(with = "named")]
    pub(crate) key: OfferKey,
    pub(crate) offer_type: String,
    /// How the portal treats it; unknown for an offer that does not exist.
    pub(crate) profile: Option<Profile>,
    /// The files that it was read from, the offer file first.
    pub(crate) files: Vec<(String, Digest)>,
    pub(crate) base: Base,
    pub(crate) diff: Diff,
    pub(crate) through: Through,
    /// Whether what cannot be compared is sent again.
    pub(crate) resend: bool,
    /// What the files behind artifacts were found to hold: comparing anew must find the same.
    pub(crate) contents: Contents,
    /// The files that are uploaded before the draft is written.
    pub(crate) uploads: Vec<LocalFile>,
    /// Who is told about a publish.
    pub(crate) notify: Vec<String>,
    /// What to do after the draft is written.
    pub(crate) release: Vec<ReleaseStep>,
    /// What goes live with it although no file asks for it now: edits of the draft since the last go-live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rides_along: Vec<Change>,
    /// How long the portal says that its steps take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) estimates: Vec<Estimate>,
    /// The tokens of findings that its file accepts.
    pub(crate) allow: Vec<String>,
    /// What its guards found, whatever the project makes of it.
    pub(crate) found: Vec<Finding>,
    /// What was found about it in a plan, with the levels of the project. [`assemble`] fills it.
    #[serde(skip)]
    pub(crate) findings: Vec<Finding>,
}

/// An offer for which there is nothing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unchanged {
    #[serde(with = "named")]
    pub(crate) key: OfferKey,
    /// The comparison, whose changes are empty.
    pub(crate) diff: Diff,
    /// What the plan was made from, where that is kept: the next look for drift starts here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<Base>,
}

/// An offer that could not be read. Nothing is proposed for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unread {
    #[serde(flatten, with = "named")]
    pub(crate) key: OfferKey,
    pub(crate) cause: String,
    pub(crate) hint: Option<String>,
    /// Whether the portal refused who we are or what we may do.
    pub(crate) denied: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// The portal that it was taken of.
    pub(crate) portal: String,
    pub(crate) taken: String,
    /// How old it was when the plan was made, in seconds; 0 for one that is dated later than that.
    pub(crate) age_seconds: u64,
}

/// A plan of the offers whose files changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Since {
    pub(crate) revision: String,
    /// How many offers were left out, because their files are as they were.
    pub(crate) left_out: usize,
}

/// What was decided about one offer, from its file and the portal alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Change(Box<OfferPlan>),
    Unchanged(Box<Unchanged>),
    Unread(Unread),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Choices {
    /// Instead of each file's `through`.
    pub(crate) through: Option<Through>,
    /// See [`Compare::resend`].
    pub(crate) resend: bool,
    pub(crate) limits: Limits,
    /// Whether what was read of unchanged offers is kept, for a receipt. Nothing else needs it, and there may be many.
    pub(crate) keep_unchanged: bool,
}

impl Choices {
    pub(crate) fn through(&self, desired: &Desired) -> Through {
        self.through.unwrap_or(desired.reconcile.through)
    }
}

/// Compares one offer.
pub(crate) fn compare(desired: &Desired, live: &Live, contents: &Contents, shape: &Shape, choices: &Choices) -> Diff {
    match live {
        Live::Absent => diff::create(&desired.document, shape),
        Live::Present(offer) => {
            diff::compare(&desired.document, &offer.document, shape, options(desired, contents, choices))
        }
    }
}

/// As [`compare`], without the places of what a rule hides.
pub(crate) fn count(desired: &Desired, live: &Live, contents: &Contents, shape: &Shape, choices: &Choices) -> Diff {
    match live {
        Live::Absent => diff::create(&desired.document, shape),
        Live::Present(offer) => {
            let options = Compare { only_count: true, ..options(desired, contents, choices) };
            diff::compare(&desired.document, &offer.document, shape, options)
        }
    }
}

fn options<'a>(desired: &'a Desired, contents: &'a Contents, choices: &Choices) -> Compare<'a> {
    let ignore = &desired.reconcile.ignore;
    Compare { ignore, resend: choices.resend, contents: Some(contents), only_count: false }
}

/// Returns the artifacts that one comparison left open: what has to be looked at before the next one.
pub(crate) fn artifacts(desired: &Desired, live: &Live, diff: Diff, shape: &Shape, choices: &Choices) -> Vec<Pair> {
    // What is sent again in any case ends the comparison of a list early.
    if choices.resend {
        return diff::artifacts(&desired.document, live, shape);
    }
    match live {
        Live::Absent => Vec::new(),
        Live::Present(_) => diff.open_artifacts(),
    }
}

/// Decides one offer. `contents` tells what [`artifacts`] asks for; what it leaves out is not known.
pub(crate) fn decide(
    desired: &Desired,
    live: &Live,
    release: &ReleaseView,
    contents: Contents,
    shape: &Shape,
    choices: &Choices,
) -> Verdict {
    let diff = compare(desired, live, &contents, shape, choices);
    conclude(desired, live, release, contents, diff, shape, choices)
}

/// Decides one offer by its comparison, which knew the same contents.
pub(crate) fn conclude(
    desired: &Desired,
    live: &Live,
    release: &ReleaseView,
    contents: Contents,
    diff: Diff,
    shape: &Shape,
    choices: &Choices,
) -> Verdict {
    let through = choices.through(desired);
    let (document, profile) = match live {
        Live::Absent => (&Value::Null, None),
        Live::Present(offer) => (&offer.document, Some(offer.profile())),
    };
    // A draft that is about to change has no digest yet: nothing that the portal holds can be equal to it.
    let draft = match live {
        Live::Present(offer) if diff.patch.is_empty() && through != Through::Draft => Some(offer.digest(shape)),
        Live::Present(_) | Live::Absent => None,
    };
    let published = release.production_document.as_ref().or(match live {
        // What customers have was not asked for. The draft began as that.
        Live::Present(offer) if through == Through::Draft && offer.was_published() => Some(&offer.document),
        _ => None,
    });
    let mut found = guard::findings(&diff, document, &desired.document, published, shape, &choices.limits);
    let view = release;
    let release = match release::steps(through, draft.as_ref(), view) {
        Ok(steps) => steps,
        Err(conflict) => {
            found.push(Finding::conflict(conflict));
            Vec::new()
        }
    };
    if diff.patch.is_empty() && release.is_empty() && found.is_empty() {
        let base = choices.keep_unchanged.then(|| Base::of(live, desired, shape));
        return Verdict::Unchanged(Box::new(Unchanged { key: desired.key.clone(), diff, base }));
    }
    let uploads = uploads(desired, &diff);
    let (rides_along, estimates) = match release.as_slice() {
        [] => (Vec::new(), Vec::new()),
        _ => (view.rides_along(document, &diff.changes, &desired.document, shape), view.estimates.clone()),
    };
    Verdict::Change(Box::new(OfferPlan {
        key: desired.key.clone(),
        offer_type: desired.offer_type.clone(),
        profile,
        files: desired.files.clone(),
        base: Base::of(live, desired, shape),
        diff,
        through,
        resend: choices.resend,
        contents,
        uploads,
        notify: desired.reconcile.notify.clone(),
        release,
        rides_along,
        estimates,
        allow: desired.reconcile.allow.clone(),
        found,
        findings: Vec::new(),
    }))
}

impl Verdict {
    /// Marks the changes that undo or overwrite edits made in the portal. The empty address stands for all of them.
    pub(crate) fn marking(mut self, edits: &[(Address, PortalEdit)]) -> Self {
        if let Self::Change(offer) = &mut self {
            let edits = edits.iter().map(|(address, edit)| (address, *edit)).collect::<BTreeMap<_, _>>();
            let whole = edits.get(&Address::default()).copied();
            for change in &mut offer.diff.changes {
                change.portal_edit = edits.get(&change.address).copied().or(whole);
            }
        }
        self
    }
}

/// The local artifacts that the patch names, each once.
fn uploads(desired: &Desired, diff: &Diff) -> Vec<LocalFile> {
    let named = diff.patch.uploads().collect::<BTreeSet<_>>();
    let mut files = BTreeMap::new();
    desired.document.local_files(&mut |file, _| {
        let name = file.stored_name();
        if named.contains(name.as_str()) {
            files.entry(name).or_insert_with(|| file.clone());
        }
    });
    files.into_values().collect()
}

impl OfferPlan {
    /// How the draft is written, if it is.
    pub(crate) fn write(&self) -> Option<Write> {
        match self.base {
            Base::Absent => Some(Write::Create),
            Base::Present { .. } => (!self.diff.patch.is_empty()).then_some(Write::Update),
        }
    }

    /// The addresses that are signed when the draft is written, each once.
    pub(crate) fn signed(&self) -> BTreeSet<&str> {
        self.diff.patch.signs().collect()
    }

    pub(crate) fn path(&self) -> &str {
        self.file(FileId::default())
    }

    /// Returns the path of one of its files.
    pub(crate) fn file(&self, file: FileId) -> &str {
        self.files.get(file.index()).or(self.files.first()).map_or("", |(path, _)| path)
    }

    /// What stops this offer: the findings that were not accepted.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.stops())
    }
}

impl Plan {
    /// The offers with something to do, in the order of their keys.
    pub(crate) fn offers(&self) -> &[OfferPlan] {
        &self.offers
    }

    /// The offer with this key, if there is something to do for it.
    pub(crate) fn offer(&self, key: &OfferKey) -> Option<&OfferPlan> {
        self.offers.binary_search_by(|offer| offer.key.cmp(key)).ok().map(|at| &self.offers[at])
    }

    /// The offers with nothing to do, in the order of their keys.
    pub(crate) fn unchanged(&self) -> &[Unchanged] {
        &self.unchanged
    }

    /// The offers that could not be read, in the order of their keys.
    pub(crate) fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// What was found about the plan as a whole.
    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What was left out, where the plan covers only the offers whose files changed.
    pub(crate) fn since(&self) -> Option<&Since> {
        self.since.as_ref()
    }

    /// The snapshot that it was made from instead of the portal: such a plan cannot be applied.
    pub(crate) fn snapshot(&self) -> Option<&Taken> {
        self.snapshot.as_ref()
    }

    /// The environment that the files were read for.
    pub(crate) fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// The bases since which edits of the portal are marked; none where nobody asked.
    pub(crate) fn bases(&self) -> &[String] {
        &self.bases
    }

    /// How many changes undo or overwrite an edit made in the portal.
    pub(crate) fn portal_edits(&self) -> usize {
        let changes = self.offers.iter().flat_map(|offer| &offer.diff.changes);
        changes.filter(|change| change.portal_edit.is_some()).count()
    }

    /// The share of the offers that it covers.
    pub(crate) fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// Keeps the offers of a share; what was found about the whole stays.
    pub(crate) fn only(mut self, shard: Shard) -> Self {
        self.offers.retain(|offer| shard.holds(&offer.key));
        self.unchanged.retain(|offer| shard.holds(&offer.key));
        self.unread.retain(|offer| shard.holds(&offer.key));
        self.shard = Some(shard);
        self
    }

    /// How many of the unchanged offers were not read from the portal, because it lists them as it did before.
    pub(crate) fn not_read(&self) -> usize {
        self.not_read
    }

    /// The portal that was read, or that the snapshot was taken of.
    pub(crate) fn portal(&self) -> &str {
        &self.portal
    }

    /// The tokens of the command line that accept nothing, each with the forms that would.
    pub(crate) fn unused_tokens(&self) -> &[(String, Vec<String>)] {
        &self.unused_tokens
    }

    /// The fingerprint, in 64 hexadecimal digits.
    pub(crate) fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// Whether `apply` would do nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// What stops the plan as a whole.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.stops())
    }

    /// How many offers would be created, updated, and only released.
    pub(crate) fn totals(&self) -> Totals {
        let count = |write| self.offers.iter().filter(|offer| offer.write() == write).count();
        Totals {
            create: count(Some(Write::Create)),
            update: count(Some(Write::Update)),
            release: self.offers.iter().filter(|offer| offer.write().is_none() && !offer.release.is_empty()).count(),
            stopped: self.offers.iter().filter(|offer| offer.refusals().next().is_some()).count(),
            unchanged: self.unchanged.len(),
            unread: self.unread.len(),
        }
    }
}

/// Numbers of offers, by what happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) create: usize,
    pub(crate) update: usize,
    /// To be released without a change to the draft.
    pub(crate) release: usize,
    pub(crate) stopped: usize,
    pub(crate) unchanged: usize,
    pub(crate) unread: usize,
}

#[cfg(test)]
mod tests;
