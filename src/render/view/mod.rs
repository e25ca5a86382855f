//! A plan as people read it, whatever the format: what is said of each offer, in which order, in which words.
//!
//! [`review`] makes a [`Review`] of a plan; the renderers of text, Markdown and HTML only set it. Texts in it have
//! everything that a terminal would act on made visible, and no secret; each format still escapes what it takes for its
//! own. Values stay values, to be cut to the width that there is.

mod counts;
mod deletion;
mod drift;
mod group;
mod hunks;
mod markup;
mod prices;
mod rename;
mod value;

use serde_json::Value;

pub(crate) use counts::Counts;
pub(crate) use deletion::Deletion;
pub(crate) use drift::{DriftReview, DriftedOffer, Sides, drift, drift_line};
pub(crate) use group::Version;
pub(crate) use hunks::{Hunks, Line, Piece};
pub(crate) use prices::PriceTable;
pub(crate) use rename::Difference;
pub(crate) use value::{Field, Fields};

use super::{counted, duration, plural, sentence, visible};
use crate::diagnostic::FileId;
use crate::diff::Change;
use crate::plan::{self, Base, Finding, OfferPlan, Plan, ReleaseStep, Risk, Since, Taken, Totals, Unread, Write};
use crate::workspace::Through;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ViewOptions {
    /// HTML as it is written, rather than as it is read.
    pub(crate) html_source: bool,
    /// Every line of every text, every field of every value.
    pub(crate) whole: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Review {
    pub(crate) fingerprint: String,
    pub(crate) short: String,
    pub(crate) totals: Totals,
    pub(crate) offers: Vec<OfferReview>,
    pub(crate) unchanged: Vec<UnchangedReview>,
    pub(crate) unread: Vec<UnreadReview>,
    /// What speaks against the plan as a whole.
    pub(crate) findings: Vec<FindingReview>,
    /// What the plan does not cover, and what it was made from in the place of the portal.
    pub(crate) scope: Vec<String>,
    /// The portal that was read, for texts that are read elsewhere than beside the run's own messages.
    pub(crate) portal: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OfferReview {
    /// `publisher/offer`.
    pub(crate) key: String,
    pub(crate) offer_type: String,
    /// How the portal treats it; `new` for one that it does not have.
    pub(crate) profile: String,
    pub(crate) file: String,
    pub(crate) write: Option<Write>,
    pub(crate) through: Through,
    pub(crate) findings: Vec<FindingReview>,
    /// What changes, the most severe first.
    pub(crate) items: Vec<Item>,
    /// What goes away, in the order of the items.
    pub(crate) deletions: Vec<Deletion>,
    /// What is no change, and is said all the same.
    pub(crate) counts: Counts,
    /// Files that are uploaded first: path and bytes.
    pub(crate) uploads: Vec<(String, u64)>,
    /// Addresses that get a signature when the plan is applied.
    pub(crate) signed: Vec<String>,
    pub(crate) steps: Vec<&'static str>,
    /// How long the portal says that each step takes.
    pub(crate) estimates: Vec<String>,
    /// What goes live with it though no file asks for it now.
    pub(crate) rides_along: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FindingReview {
    /// What accepts it; `None` cannot be accepted.
    pub(crate) token: Option<String>,
    pub(crate) message: String,
    pub(crate) allowed: bool,
    /// Whether `apply` refuses for it.
    pub(crate) stops: bool,
    /// Whether it is of one offer, whose file can accept it, rather than of the plan.
    of_offer: bool,
}

/// An offer for which there is nothing to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnchangedReview {
    /// `publisher/offer`.
    pub(crate) key: String,
    /// What is no change, and is said all the same.
    pub(crate) counts: Counts,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnreadReview {
    /// `publisher/offer`, or `publisher/*`.
    pub(crate) key: String,
    pub(crate) cause: String,
    pub(crate) hint: Option<String>,
}

/// What is done to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Add,
    Remove,
    Change,
    /// It keeps its content, and gets another identity.
    Rename,
}

impl Act {
    /// The sign, which never stands alone.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Remove => "-",
            Self::Change | Self::Rename => "~",
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Change => "change",
            Self::Rename => "rename",
        }
    }
}

/// The paths of an offer's files.
pub(crate) type Files<'a> = &'a dyn Fn(FileId) -> &'a str;

/// Returns `offers/a.yaml:12`; nothing for a change that no file asks for.
fn place(change: &Change, files: Files<'_>) -> String {
    match change.line {
        0 => String::new(),
        line => format!("{}:{line}", visible(files(change.file), false)),
    }
}

/// A change, or several that are read as one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) act: Act,
    /// How grave it is; of several changes, the most severe one.
    pub(crate) risk: Risk,
    pub(crate) address: String,
    /// The file and line that ask for it, as `offers/a.yaml:12`; empty where no file does.
    pub(crate) place: String,
    /// The second property that holds the same value.
    pub(crate) twin: Option<String>,
    /// What it does to an edit made in the portal.
    pub(crate) portal_edit: Option<&'static str>,
    pub(crate) body: Body,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// A value that comes or goes.
    Whole(Value),
    /// A value with fields that comes.
    Fields(Fields),
    Scalar {
        before: Value,
        after: Value,
    },
    /// A value that looks as before: what changes is a secret or a signature.
    Unseen(Value),
    Text(Text),
    Members {
        /// Declared members that are not live.
        added: Vec<Value>,
        /// Live members that are not declared.
        removed: Vec<Value>,
    },
    /// A list in which order counts.
    List {
        before: usize,
        after: usize,
        /// The members, one a line.
        hunks: Hunks,
    },
    Prices(PriceTable),
    /// Entries of a dictionary: versions of images or packages.
    Versions(Vec<Version>),
    /// A member that goes and one that comes with nearly the same content. Both are guarded as such.
    Renamed {
        from: String,
        to: String,
        /// In what the two differ.
        differences: Vec<Difference>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    pub(crate) hunks: Hunks,
    /// Whether what is compared is what a reader sees of HTML.
    pub(crate) html: bool,
    /// Whether a reader sees no difference.
    pub(crate) markup_only: bool,
}

impl Text {
    /// `(2 words)`, and what else is to be known.
    pub(crate) fn remark(&self) -> String {
        match (self.markup_only, self.hunks.words) {
            (true, _) => "(only the markup changes; --html-source shows it)".to_owned(),
            (false, 0) => "(white space)".to_owned(),
            (false, words) if self.html => format!("({}, as read without its tags)", plural(words, "word")),
            (false, words) => format!("({})", plural(words, "word")),
        }
    }
}

pub(crate) fn review(plan: &Plan, options: ViewOptions) -> Review {
    let fingerprint = plan.fingerprint();
    Review {
        short: fingerprint.short().to_owned(),
        fingerprint: fingerprint.to_string(),
        totals: plan.totals(),
        offers: plan.offers().iter().map(|offer| offer_review(offer, options)).collect(),
        unchanged: plan
            .unchanged()
            .iter()
            .map(|offer| UnchangedReview { key: offer.key.to_string(), counts: Counts::of(&offer.diff, false) })
            .collect(),
        unread: plan.unread().iter().map(unread).collect(),
        findings: plan.findings().iter().map(|found| finding(found, false)).collect(),
        scope: scope(plan),
        portal: (plan.snapshot().is_none() && !plan.portal().is_empty())
            .then(|| format!("Portal: {}.", visible(plan.portal(), false))),
    }
}

/// Why offers were not read.
pub(crate) const NOT_READ: &str = "the portal lists them as when they compared equal (--refresh=changed)";

fn scope(plan: &Plan) -> Vec<String> {
    let since = plan.since().map(|Since { revision, left_out }| {
        format!("Left out: {} whose files did not change since {revision}.", plural(*left_out, "offer"))
    });
    let snapshot = plan.snapshot().map(|Taken { portal, taken, age_seconds }| {
        let age = duration(*age_seconds);
        format!("Planned against a snapshot of {portal}, {age} old ({taken}); it cannot be applied.")
    });
    let environment = plan.environment().map(|name| format!("Environment: {name}."));
    let bases = (!plan.bases().is_empty()).then(|| {
        let (bases, count) = (plan.bases().join(", "), plan.portal_edits());
        let changes = match count {
            0 => "no change undoes".to_owned(),
            1 => "1 change undoes".to_owned(),
            count => format!("{count} changes undo"),
        };
        format!("Since {bases}: {changes} an edit made in the portal.")
    });
    let not_read = Some(plan.not_read()).filter(|count| *count > 0);
    let not_read = not_read.map(|count| format!("Not read: {}; {NOT_READ}.", plural(count, "unchanged offer")));
    let shard = plan.shard().map(|shard| format!("Shard: {shard}; the offers of the other shards are not in it."));
    environment
        .into_iter()
        .chain(bases)
        .chain(shard)
        .chain(since)
        .chain(snapshot)
        .chain(not_read)
        .map(|line| visible(&line, false))
        .collect()
}

/// The changes of an offer with their classes, the most severe first.
fn classed(offer: &OfferPlan) -> Vec<(Risk, &Change)> {
    plan::by_risk(&offer.diff.changes)
}

fn offer_review(offer: &OfferPlan, options: ViewOptions) -> OfferReview {
    let write = offer.write();
    let changes = classed(offer);
    let files = |file| offer.file(file);
    let document = match &offer.base {
        Base::Present { document, .. } => Some(document),
        Base::Absent => None,
    };
    OfferReview {
        key: offer.key.to_string(),
        offer_type: visible(&offer.offer_type, false),
        profile: offer.profile.map_or_else(|| "new".to_owned(), |profile| profile.to_string()),
        file: visible(offer.path(), false),
        write,
        through: offer.through,
        findings: offer.findings.iter().map(|found| finding(found, true)).collect(),
        deletions: changes.iter().flat_map(|(_, change)| deletion::deletions(change, &files)).collect(),
        items: group::items(&changes, document, &files, options),
        counts: Counts::of(&offer.diff, write.is_some()),
        uploads: offer.uploads.iter().map(|file| (visible(&file.path, false), file.content.size)).collect(),
        signed: offer.signed().into_iter().map(|address| visible(address, false)).collect(),
        steps: offer.release.iter().map(|step| step_name(*step)).collect(),
        estimates: offer
            .estimates
            .iter()
            .map(|told| format!("{} {}", visible(&told.step, false), visible(&told.estimate, false)))
            .collect(),
        rides_along: group::items(&plan::by_risk(&offer.rides_along), document, &files, options),
    }
}

/// Returns changes that are not part of a plan, as a plan shows them.
pub(crate) fn items(changes: &[Change], document: Option<&Value>, files: Files<'_>, options: ViewOptions) -> Vec<Item> {
    group::items(&plan::by_risk(changes), document, files, options)
}

fn finding(finding: &Finding, of_offer: bool) -> FindingReview {
    FindingReview {
        token: finding.token.as_ref().map(|token| visible(token, false)),
        message: visible(&finding.message, false),
        allowed: finding.allowed,
        stops: finding.stops(),
        of_offer,
    }
}

impl FindingReview {
    /// What accepts it, or that it was accepted.
    pub(crate) fn answer(&self) -> String {
        match &self.token {
            Some(token) if self.allowed => format!("accepted: {token}"),
            Some(token) if self.stops && self.of_offer => format!("needs --allow {token}, or `reconcile.allow`"),
            Some(token) if self.stops => format!("needs --allow {token}"),
            Some(token) => format!("a warning: {token}"),
            None => String::new(),
        }
    }
}

pub(crate) fn unread(unread: &Unread) -> UnreadReview {
    UnreadReview {
        key: unread.key.to_string(),
        cause: visible(&unread.cause, false),
        hint: unread.hint.as_ref().map(|hint| visible(hint, false)),
    }
}

impl Review {
    /// Whether there is nothing to say but that nothing is to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.offers.is_empty() && self.unread.is_empty() && self.findings.is_empty()
    }

    /// `1 to update, 3 unchanged`.
    pub(crate) fn summary(&self) -> String {
        let Totals { create, update, release, stopped, unchanged, unread } = self.totals;
        sentence([
            counted(create, "to create"),
            counted(update, "to update"),
            counted(release, "to release"),
            counted(unchanged, "unchanged"),
            counted(unread, "not read"),
            counted(stopped, "stopped by a finding"),
        ])
    }

    /// How many findings stop it, those of the whole plan included.
    pub(crate) fn stopping(&self) -> usize {
        let all = self.findings.iter().chain(self.offers.iter().flat_map(|offer| &offer.findings));
        all.filter(|finding| finding.stops).count()
    }

    /// `2 offers not read: nothing is proposed for them`
    pub(crate) fn not_read(&self) -> String {
        let them = if self.unread.len() == 1 { "it" } else { "them" };
        format!("{} not read: nothing is planned for {them}", plural(self.unread.len(), "offer"))
    }

    /// `No changes. All 4 offers match the portal.`
    pub(crate) fn nothing(&self) -> String {
        let of = plural(self.unchanged.len(), "offer");
        let (all, matches) = match self.unchanged.len() {
            1 => ("", "matches"),
            _ => ("All ", "match"),
        };
        let unknown = match self.unchanged.iter().map(|offer| offer.counts.secrets).sum::<usize>() {
            0 => String::new(),
            count => format!(" ({} cannot be compared; --resend sends)", plural(count, "secret")),
        };
        format!("No changes. {all}{of} {matches} the portal{unknown}.")
    }
}

impl OfferReview {
    /// `update draft`.
    pub(crate) fn verb(&self) -> &'static str {
        match (self.write, self.steps.is_empty()) {
            (Some(Write::Create), _) => "create draft",
            (Some(Write::Update), _) => "update draft",
            (None, false) => "release",
            (None, true) => "nothing to write",
        }
    }

    /// The sign that goes with the verb.
    pub(crate) fn symbol(&self) -> &'static str {
        match self.write {
            Some(Write::Create) => "+",
            Some(Write::Update) => "~",
            None => ">",
        }
    }

    /// What the change leads from.
    pub(crate) fn from(&self) -> &'static str {
        match self.write {
            Some(Write::Create) => "nothing",
            Some(Write::Update) | None => "live",
        }
    }

    /// `goes live with it: 2 edits of the draft that no file asks for now   (production → draft)`
    pub(crate) fn rides_along_title(&self) -> Option<String> {
        let count = self.rides_along.len();
        let when = if self.through == Through::Live { "goes live with it" } else { "would go live with it" };
        let edits = plural(count, "edit");
        (count > 0).then(|| format!("{when}: {edits} of the draft that no file declares   (production → draft)"))
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.findings.iter().any(|finding| finding.stops)
    }

    pub(crate) fn most_severe(&self) -> Option<Risk> {
        self.items.first().map(|item| item.risk)
    }
}

/// What a step of a release is called.
pub(crate) fn step_name(step: ReleaseStep) -> &'static str {
    match step {
        ReleaseStep::Publish => "publish to preview",
        ReleaseStep::JoinPublish => "join the running publish",
        ReleaseStep::AwaitSignoff => "wait for sign-off",
        ReleaseStep::GoLive => "go live",
        ReleaseStep::JoinGoLive => "join the running go-live",
        ReleaseStep::AwaitLive => "wait until live",
    }
}
