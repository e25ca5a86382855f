//! The plan: for each offer what to write, what to release, what speaks against it, and what it was made from.
//!
//! A plan is plain data without a secret in it. `apply` decides nothing that stands here: it carries the actions out,
//! in this order, and stops an offer when the portal is not in the state that the plan was made from.

mod fingerprint;
mod guard;
mod release;
mod risk;
mod saved;
mod stale;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use fingerprint::is_fingerprint;
pub use guard::Finding;
pub use guard::many::OUTSIDE_WINDOW;
pub use release::{Content, Estimate, InProgress, ReleaseStep, ReleaseView};
pub use risk::{Risk, by_risk};
pub use saved::{Bound, LoadError, SavedPlan};
pub use stale::{MovedField, Stale};

use crate::content::Contents;
use crate::diff::{self, Artifacts, Change, Compare, Diff};
use crate::live::{self, Live};
use crate::model::{Digest, ETag, LocalFile, OfferKey, Profile};
use crate::schema::Shape;
use crate::workspace::{Desired, Guard, Guards, Through};

/// The portal's state that an offer's plan was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Base {
    /// There was no such offer.
    Absent,
    /// This document.
    Present {
        /// Its ETag, where the portal gave one.
        etag: Option<ETag>,
        /// The digest of its canonical form.
        digest: Digest,
        /// The document, secrets removed: to say later what moved.
        document: Value,
    },
}

/// How the draft is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Write {
    /// A PUT that must not meet an existing offer.
    Create,
    /// A PUT of the live document with the patch applied.
    Update,
}

/// What is planned for one offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferPlan {
    /// Which offer.
    pub key: OfferKey,
    /// Its type.
    pub offer_type: String,
    /// How the portal treats it; unknown for an offer that does not exist.
    pub profile: Option<Profile>,
    /// The files that it was read from, the offer file first.
    pub files: Vec<(String, Digest)>,
    /// What the plan was made from.
    pub base: Base,
    /// The comparison.
    pub diff: Diff,
    /// How far to go.
    pub through: Through,
    /// Whether what cannot be compared is sent again.
    pub resend: bool,
    /// What the files behind artifacts were found to hold: comparing anew must find the same.
    pub contents: Contents,
    /// The files that are uploaded before the draft is written.
    pub uploads: Vec<LocalFile>,
    /// Who is told about a publish.
    pub notify: Vec<String>,
    /// What to do after the draft is written.
    pub release: Vec<ReleaseStep>,
    /// What goes live with it although no file asks for it now: edits of the draft since the last go-live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rides_along: Vec<Change>,
    /// How long the portal says that its steps take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub estimates: Vec<Estimate>,
    /// What speaks against it.
    pub findings: Vec<Finding>,
}

/// An offer for which there is nothing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unchanged {
    /// Which offer.
    pub key: OfferKey,
    /// The comparison, whose changes are empty.
    pub diff: Diff,
    /// What the plan was made from, where that is kept: the next look for drift starts here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
}

/// An offer that could not be read. Nothing is proposed for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Which offer.
    pub key: OfferKey,
    /// Why, in one line.
    pub cause: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Whether the portal refused who we are or what we may do.
    pub denied: bool,
}

/// What is planned for all offers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Offers with something to do, in the order of their keys.
    pub offers: Vec<OfferPlan>,
    /// Offers without.
    pub unchanged: Vec<Unchanged>,
    /// Offers that could not be read.
    pub unread: Vec<Unread>,
    /// What speaks against the plan as a whole.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Which offers were left out, where the plan covers only those whose files changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// The snapshot that it was made from, in the place of the portal: such a plan cannot be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Taken>,
}

/// The snapshot behind a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The portal that it was taken of.
    pub portal: String,
    /// When, in UTC.
    pub taken: String,
    /// How old it was when the plan was made, in seconds; 0 for one that is dated later than that.
    pub age_seconds: u64,
}

/// A plan of the offers whose files changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// The revision that they are compared with.
    pub revision: String,
    /// How many offers were left out, because their files are as they were.
    pub left_out: usize,
}

/// What was decided about one offer.
#[derive(Debug)]
pub enum Verdict {
    /// There is something to do.
    Change(Box<OfferPlan>),
    /// There is nothing to do.
    Unchanged(Box<Unchanged>),
}

/// The user's choices that shape a plan.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Instead of each file's `through`.
    pub through: Option<Through>,
    /// See [`Compare::resend`].
    pub resend: bool,
    /// The project's levels and limits.
    pub guards: Guards,
    /// Why nothing may go live now, if so: see [`Guards::closed`].
    pub closed: Option<String>,
    /// Whether what was read of unchanged offers is kept, for a receipt. Nothing else needs it, and there may be many.
    pub keep_unchanged: bool,
}

impl Choices {
    /// How far this offer goes.
    #[must_use]
    pub fn through(&self, desired: &Desired) -> Through {
        self.through.unwrap_or(desired.reconcile.through)
    }
}

/// Decides one offer. `contents` tells what [`diff::artifacts`] asks for; what it leaves out is not known.
#[must_use]
pub fn decide(
    desired: &Desired,
    live: &Live,
    release: &ReleaseView,
    contents: Contents,
    shape: &Shape,
    choices: &Choices,
) -> Verdict {
    let through = choices.through(desired);
    let (diff, base, profile, draft) = match live {
        Live::Absent => (diff::create(&desired.document, shape), Base::Absent, None, None),
        Live::Present(offer) => {
            let artifacts = Artifacts { contents: Some(&contents), asked: None };
            let options = Compare { ignore: &desired.reconcile.ignore, resend: choices.resend, artifacts };
            let diff = diff::compare(&desired.document, &offer.document, shape, options);
            let digest = offer.digest(shape);
            let base = Base::Present {
                etag: offer.etag.clone(),
                digest: digest.clone(),
                document: diff::without_declared_secrets(
                    live::redacted(&offer.document, shape),
                    &desired.document,
                    shape,
                ),
            };
            (diff, base, Some(offer.profile()), Some(digest))
        }
    };
    // A draft that is about to change has no digest yet: nothing that the portal holds can be equal to it.
    let draft = draft.filter(|_| diff.patch.is_empty());
    let document = match live {
        Live::Absent => &Value::Null,
        Live::Present(offer) => &offer.document,
    };
    let mut findings = guard::findings(&diff, document, shape, &choices.guards);
    let view = release;
    let release = match release::steps(through, draft.as_ref(), view) {
        Ok(steps) => steps,
        Err(conflict) => {
            findings.push(Finding::conflict(conflict));
            Vec::new()
        }
    };
    findings.extend(guard::many::window(&release, choices.closed.as_deref()));
    guard::levelled(&mut findings, &choices.guards);
    if diff.patch.is_empty() && release.is_empty() && findings.is_empty() {
        let base = choices.keep_unchanged.then_some(base);
        return Verdict::Unchanged(Box::new(Unchanged { key: desired.key.clone(), diff, base }));
    }
    for finding in &mut findings {
        finding.allowed = finding.token.as_ref().is_some_and(|token| desired.reconcile.allow.contains(token));
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
        base,
        diff,
        through,
        resend: choices.resend,
        contents,
        uploads,
        notify: desired.reconcile.notify.clone(),
        release,
        rides_along,
        estimates,
        findings,
    }))
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
    #[must_use]
    pub fn write(&self) -> Option<Write> {
        match self.base {
            Base::Absent => Some(Write::Create),
            Base::Present { .. } => (!self.diff.patch.is_empty()).then_some(Write::Update),
        }
    }

    /// The offer file.
    #[must_use]
    pub fn path(&self) -> &str {
        self.files.first().map_or("", |(path, _)| path)
    }

    /// What stops this offer: the findings that were not accepted.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.stops())
    }

    /// Looks at the clock again, which goes on between plan and apply: whether the offer may go live now.
    fn at(&mut self, closed: Option<&str>, guards: &Guards, allow: &[String]) {
        self.findings.retain(|finding| finding.guard != Some(Guard::Window));
        let mut now = guard::many::window(&self.release, closed).into_iter().collect::<Vec<_>>();
        guard::levelled(&mut now, guards);
        self.object(now, allow);
    }

    /// Takes in more of what speaks against the offer; `allow` is its `reconcile.allow`.
    pub fn object(&mut self, findings: Vec<Finding>, allow: &[String]) {
        self.findings.extend(findings.into_iter().map(|finding| {
            let allowed = finding.token.as_ref().is_some_and(|token| allow.contains(token));
            Finding { allowed, ..finding }
        }));
    }
}

impl Plan {
    /// Whether `apply` would do nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// What stops the plan as a whole.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.stops())
    }

    /// Judges what no offer shows by itself.
    pub fn weigh(&mut self, guards: &Guards) {
        self.findings = guard::many::offers(self, &guards.limits).into_iter().collect();
        guard::levelled(&mut self.findings, guards);
    }

    /// Looks at the clock again for a plan that was made earlier. `closed` says why nothing may go live now, if so;
    /// `accepted` are the tokens of the command line that made the plan.
    pub fn at(&mut self, closed: Option<&str>, guards: &Guards, offers: &[Desired], accepted: &BTreeSet<String>) {
        for offer in &mut self.offers {
            let desired = offers.iter().find(|desired| desired.key == offer.key);
            offer.at(closed, guards, desired.map_or(&[], |desired| &desired.reconcile.allow));
        }
        self.accept(accepted);
    }

    /// Accepts findings by the tokens of the command line: `publisher/offer:TOKEN`, or the bare token where only one
    /// offer has that finding. Returns the tokens that accept nothing, with the forms that would.
    pub fn accept(&mut self, tokens: &BTreeSet<String>) -> Vec<(String, Vec<String>)> {
        let mut unused = Vec::new();
        for token in tokens {
            let mut found = Vec::new();
            let whole = self.findings.iter_mut().filter(|finding| finding.token.as_ref() == Some(token));
            found.extend(whole.map(|finding| (token.clone(), finding)));
            for offer in &mut self.offers {
                let key = offer.key.to_string();
                for finding in &mut offer.findings {
                    let own = finding.token.clone().unwrap_or_default();
                    let qualified = format!("{key}:{own}");
                    if !own.is_empty() && (*token == own || *token == qualified) {
                        found.push((qualified, finding));
                    }
                }
            }
            match found.as_mut_slice() {
                [(_, finding)] => finding.allowed = true,
                _ => unused.push((token.clone(), found.into_iter().map(|(qualified, _)| qualified).collect())),
            }
        }
        unused
    }

    /// How many offers would be created, updated, and only released.
    #[must_use]
    pub fn totals(&self) -> Totals {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// To be created.
    pub create: usize,
    /// To be updated.
    pub update: usize,
    /// To be released without a change to the draft.
    pub release: usize,
    /// Stopped by a finding.
    pub stopped: usize,
    /// Nothing to do.
    pub unchanged: usize,
    /// Could not be read.
    pub unread: usize,
}

#[cfg(test)]
mod tests;
