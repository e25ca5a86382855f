//! One offer: its draft, what is in the slots, and what was ever submitted. The state machine of publishing.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::content::{Content, ContentRef};
use super::findings;
use super::mint::Mint;
use super::moment::Moment;
use super::refusal::Refusal;
use super::submission::{Failure, FailureWord, Progress, STEPS, State, Submission, Target};
use super::switches::{PublishFindings, Switches};
use crate::model::{ETag, OfferKey, Profile, Slot};
use crate::schema::{Schemas, Shape};

/// The content of an offer at one time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revision<C = Content> {
    pub(super) version: i64,
    pub(super) changed: Moment,
    pub(super) etag: ETag,
    pub(super) content: C,
}

/// How many drafts are kept beside those that were published.
const KEPT_DRAFTS: usize = 20;

/// An offer as the portal keeps it; in a store, with references to the contents.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer<C = Content> {
    pub(super) key: OfferKey,
    pub(super) offer_type: String,
    pub(super) profile: Profile,
    /// The identifier that submissions know the offer by.
    pub(super) guid: String,
    /// Where a migrated offer is shown to people.
    pub(super) redirect: String,
    pub(super) upgrade_requested: bool,
    /// The status while nothing was ever submitted.
    pub(super) resting: String,
    pub(super) draft: Revision<C>,
    /// What the draft was before, oldest first: all that was published, and the latest others.
    pub(super) earlier: Vec<Revision<C>>,
    /// The versions that were ever published.
    pub(super) published: BTreeSet<i64>,
    /// The version in the preview slot.
    pub(super) preview: Option<i64>,
    /// The version in the production slot.
    pub(super) production: Option<i64>,
    pub(super) submissions: Vec<Submission>,
}

/// Where an offer is in publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Resting,
    Running,
    AwaitsSignoff,
    Succeeded,
    Canceled,
    Failed,
}

/// A publish and, once it was signed off, the go-live that completes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Publication<'a> {
    pub(super) preview: Option<&'a Submission>,
    pub(super) production: Option<&'a Submission>,
}

impl Publication<'_> {
    pub(super) fn progress(&self, now: i64) -> [Progress; STEPS] {
        self.production.or(self.preview).map_or([Progress::NotStarted; STEPS], |submission| submission.progress(now))
    }

    /// What its latest part failed of, or will.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.production.or(self.preview).and_then(|submission| submission.failure.as_ref())
    }

    /// When its latest part was asked for.
    pub(super) fn began(&self) -> Option<Moment> {
        self.production.or(self.preview).map(|submission| submission.created)
    }

    /// Whether the preview slot got its content from it.
    pub(super) fn reached_preview(&self) -> bool {
        self.production.is_some()
            || self.preview.is_some_and(|submission| {
                matches!(submission.state, State::Signoff { .. } | State::Done | State::Canceled { steps: 4.. })
            })
    }

    /// Whether its content is in production.
    pub(super) fn reached_production(&self) -> bool {
        self.production.or(self.preview).is_some_and(|submission| submission.state == State::Done)
    }
}

impl Revision {
    /// What is written down now.
    pub(super) fn new(version: i64, definition: &Value, mint: &mut Mint, now: i64) -> Self {
        let changed = mint.stamp(now);
        let content = Content::new(mint.number(), definition);
        Self { version, changed, etag: mint.stamp(now).etag(), content }
    }
}

impl<C> Revision<C> {
    /// The same with another form of content.
    fn try_map<D, E>(&self, map: &mut impl FnMut(&C) -> Result<D, E>) -> Result<Revision<D>, E> {
        let Self { version, changed, etag, content } = self;
        Ok(Revision { version: *version, changed: *changed, etag: etag.clone(), content: map(content)? })
    }
}

impl<C> Offer<C> {
    /// The same with another form of contents.
    pub(super) fn try_map<D, E>(&self, mut map: impl FnMut(&C) -> Result<D, E>) -> Result<Offer<D>, E> {
        Ok(Offer {
            key: self.key.clone(),
            offer_type: self.offer_type.clone(),
            profile: self.profile,
            guid: self.guid.clone(),
            redirect: self.redirect.clone(),
            upgrade_requested: self.upgrade_requested,
            resting: self.resting.clone(),
            draft: self.draft.try_map(&mut map)?,
            earlier: self.earlier.iter().map(|revision| revision.try_map(&mut map)).collect::<Result<_, E>>()?,
            published: self.published.clone(),
            preview: self.preview,
            production: self.production,
            submissions: self.submissions.clone(),
        })
    }
}

impl Offer {
    /// What a record says of it.
    pub(super) fn record(&self) -> Offer<ContentRef> {
        self.try_map(|content| Ok::<_, std::convert::Infallible>(content.reference().clone()))
            .unwrap_or_else(|never| match never {})
    }

    /// All contents, the draft's first.
    pub(super) fn contents(&self) -> impl Iterator<Item = &Content> {
        std::iter::once(&self.draft).chain(&self.earlier).map(|revision| &revision.content)
    }

    /// The offer as it is at this time.
    pub(super) fn at(&self, now: i64) -> Cow<'_, Self> {
        if !self.is_busy() {
            return Cow::Borrowed(self);
        }
        let mut offer = self.clone();
        offer.settle(now);
        Cow::Owned(offer)
    }

    /// The draft as it was at an earlier time, where that is still known; none where there was no offer.
    pub(super) fn draft_at(&self, then: Moment) -> Option<&Revision> {
        std::iter::once(&self.draft).chain(self.earlier.iter().rev()).find(|revision| revision.changed <= then)
    }

    /// What is known of the definition of this type of offer.
    pub(super) fn shape(&self) -> &'static Shape {
        Schemas::builtin().shape(&self.offer_type).property("definition")
    }

    /// Brings everything up to the present: time passes without a timer, because whoever looks or acts settles first.
    pub(super) fn settle(&mut self, now: i64) {
        let Some(latest) = self.submissions.last_mut() else { return };
        latest.settle(now);
        match (latest.target, latest.state) {
            (Target::Preview, State::Signoff { .. } | State::Canceled { steps: 4.. }) => {
                self.preview = Some(latest.offer_version);
            }
            (Target::Production, State::Done) => self.production = Some(latest.offer_version),
            _ => {}
        }
    }

    /// The revision in a slot.
    pub(super) fn slot(&self, slot: Slot) -> Option<&Revision> {
        match slot {
            Slot::Draft => Some(&self.draft),
            Slot::Preview => self.preview.and_then(|version| self.version(version)),
            Slot::Production => self.production.and_then(|version| self.version(version)),
        }
    }

    /// The revision of this number, where it is kept.
    pub(super) fn version(&self, version: i64) -> Option<&Revision> {
        std::iter::once(&self.draft).chain(self.earlier.iter().rev()).find(|revision| revision.version == version)
    }

    /// Where the offer is in publishing.
    pub(super) fn standing(&self) -> Standing {
        match self.submissions.last().map(|submission| submission.state) {
            None => Standing::Resting,
            Some(State::Running { .. }) => Standing::Running,
            Some(State::Signoff { .. }) => Standing::AwaitsSignoff,
            Some(State::Done) => Standing::Succeeded,
            Some(State::Canceled { .. }) => Standing::Canceled,
            Some(State::Failed { .. }) => Standing::Failed,
        }
    }

    /// Whether something passes on the clock that others must wait for.
    pub(super) fn is_busy(&self) -> bool {
        self.submissions.last().is_some_and(Submission::is_busy)
    }

    /// The publish with this number and its go-live.
    pub(super) fn publication(&self, publishing_version: i64) -> Publication<'_> {
        let of = |target| {
            self.submissions
                .iter()
                .rfind(|submission| submission.publishing_version == publishing_version && submission.target == target)
        };
        Publication { preview: of(Target::Preview), production: of(Target::Production) }
    }

    pub(super) fn edit(&mut self, definition: &Value, mint: &mut Mint, now: i64, switches: &Switches) {
        let version = mint.version_after(self.draft.version, self.profile);
        let changed = self.draft.changed;
        let before = std::mem::replace(&mut self.draft, Revision::new(version, definition, mint, now));
        self.earlier.push(before);
        if !switches.changed_time_on_edit {
            self.draft.changed = changed;
        }
        let unpublished = |revision: &Revision| !self.published.contains(&revision.version);
        let mut surplus =
            self.earlier.iter().filter(|revision| unpublished(revision)).count().saturating_sub(KEPT_DRAFTS);
        self.earlier.retain(|revision| {
            let drop = surplus > 0 && unpublished(revision);
            surplus -= usize::from(drop);
            !drop
        });
    }

    /// Starts to publish the draft. What waits for sign-off is superseded.
    pub(super) fn publish(
        &mut self,
        emails: String,
        run: &mut Run<'_>,
        switches: &Switches,
    ) -> Result<&Submission, Refusal> {
        let waits = self.submissions.last().is_some_and(Submission::awaits_signoff);
        if self.is_busy() || (waits && switches.signoff_blocks_publish) {
            return Err(Refusal::Busy(self.key.clone()));
        }
        if let Some(word) = self.check(run, switches)? {
            run.failing = Some(word);
        }
        if let Some(latest) = self.submissions.last_mut().filter(|_| waits) {
            latest.supersede();
        }
        let version = self.draft.version;
        let is_live = self.slot(Slot::Production).is_some_and(|live| live.content.says_the_same(&self.draft.content));
        self.published.insert(version);
        let state = if is_live {
            self.preview = Some(version);
            State::Done
        } else {
            State::Running { started: run.now, cancel: None }
        };
        let number = self.submissions.last().map_or(0, |latest| latest.publishing_version) + 1;
        Ok(self.submit(run.submission(Target::Preview, number, version, emails, state)))
    }

    /// Looks for what keeps the draft from being published: a refusal, or what the publish is going to fail of.
    fn check(&self, run: &Run<'_>, switches: &Switches) -> Result<Option<Failure>, Refusal> {
        let messages = findings::of(&self.draft.content.value(), self.shape(), run.now);
        let failure = |word| Some(Failure { step: 0, word, messages: messages.clone() });
        match switches.publish_findings {
            _ if messages.is_empty() => Ok(None),
            PublishFindings::Refused => Err(Refusal::Unpublishable(self.key.clone(), messages)),
            PublishFindings::Blocked => Ok(failure(FailureWord::Blocked)),
            PublishFindings::Rejected => Ok(failure(FailureWord::Rejected)),
            PublishFindings::Ignored => Ok(None),
        }
    }

    /// Signs off what waits, and starts to bring it live.
    pub(super) fn go_live(&mut self, run: &mut Run<'_>, switches: &Switches) -> Result<&Submission, Refusal> {
        let Some(waiting) = self.submissions.last_mut().filter(|latest| latest.awaits_signoff()) else {
            return Err(if switches.early_golive_is_bad_request {
                Refusal::BadRequest("Nothing waits for the publisher's sign-off.".to_owned())
            } else {
                Refusal::NotAtSignoff(self.key.clone())
            });
        };
        waiting.state = State::Done;
        let (number, version, emails) = (waiting.publishing_version, waiting.offer_version, waiting.emails.clone());
        let state = State::Running { started: run.now, cancel: None };
        Ok(self.submit(run.submission(Target::Production, number, version, emails, state)))
    }

    /// Asks to cancel what is under way. Whether there was anything.
    pub(super) fn cancel(&mut self, now: i64) -> bool {
        self.submissions.last_mut().is_some_and(|latest| latest.cancel(now))
    }

    fn submit(&mut self, submission: Submission) -> &Submission {
        self.submissions.push(submission);
        &self.submissions[self.submissions.len() - 1]
    }
}

/// What a new submission needs from outside: the time, how long a step takes, and where names come from.
pub(super) struct Run<'a> {
    pub(super) mint: &'a mut Mint,
    pub(super) now: i64,
    pub(super) step_millis: i64,
    /// What the submission is going to fail of.
    pub(super) failing: Option<Failure>,
}

impl Run<'_> {
    fn submission(
        &mut self,
        target: Target,
        publishing_version: i64,
        offer_version: i64,
        emails: String,
        state: State,
    ) -> Submission {
        Submission {
            id: self.mint.guid(),
            target,
            publishing_version,
            offer_version,
            emails,
            created: self.mint.stamp(self.now),
            step_millis: self.step_millis,
            failure: self.failing.take(),
            state,
        }
    }
}
