//! One offer: its draft, what is in the slots, and what was ever submitted. The state machine of publishing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition;
use super::mint::Mint;
use super::moment::Moment;
use super::refusal::Refusal;
use super::submission::{Progress, STEPS, State, Submission, Target};
use super::switches::Switches;
use crate::model::{ETag, OfferKey, Profile, Slot};
use crate::schema::{Schemas, Shape};

/// The content of an offer at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revision {
    pub(super) version: i64,
    pub(super) changed: Moment,
    pub(super) etag: ETag,
    /// With everything that the portal keeps to itself.
    pub(super) definition: Value,
}

/// An offer as the portal keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer {
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
    pub(super) draft: Revision,
    /// What was ever published, by version.
    pub(super) published: BTreeMap<i64, Revision>,
    /// The version in the preview slot.
    pub(super) preview: Option<i64>,
    /// The version in the production slot.
    pub(super) production: Option<i64>,
    /// Oldest first.
    pub(super) submissions: Vec<Submission>,
}

/// Where an offer is in publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing was ever submitted.
    Resting,
    Running,
    AwaitsSignoff,
    Succeeded,
    Canceled,
}

/// A publish and, once it was signed off, the go-live that completes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Publication<'a> {
    pub(super) preview: Option<&'a Submission>,
    pub(super) production: Option<&'a Submission>,
}

impl Publication<'_> {
    /// Where each step is.
    pub(super) fn progress(&self, now: i64) -> [Progress; STEPS] {
        self.production.or(self.preview).map_or([Progress::NotStarted; STEPS], |submission| submission.progress(now))
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

impl Offer {
    /// What is known of the definition of this type of offer.
    pub(super) fn shape(&self) -> &'static Shape {
        Schemas::builtin().shape(&self.offer_type).property("definition")
    }

    /// Brings everything up to the present. Runs before each request, so that time passes without a timer.
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
            Slot::Preview => self.preview.and_then(|version| self.published.get(&version)),
            Slot::Production => self.production.and_then(|version| self.published.get(&version)),
        }
    }

    /// The revision of this number, where it is kept: what was published, and the draft.
    pub(super) fn version(&self, version: i64) -> Option<&Revision> {
        if self.draft.version == version { Some(&self.draft) } else { self.published.get(&version) }
    }

    /// Where the offer is in publishing.
    pub(super) fn standing(&self) -> Standing {
        match self.submissions.last().map(|submission| submission.state) {
            None => Standing::Resting,
            Some(State::Running { .. }) => Standing::Running,
            Some(State::Signoff { .. }) => Standing::AwaitsSignoff,
            Some(State::Done) => Standing::Succeeded,
            Some(State::Canceled { .. }) => Standing::Canceled,
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

    /// Replaces the draft.
    pub(super) fn edit(&mut self, definition: Value, mint: &mut Mint, now: i64) {
        let version = mint.version_after(self.draft.version, self.profile);
        let changed = mint.stamp(now);
        self.draft = Revision { version, changed, etag: mint.stamp(now).etag(), definition };
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
        let findings = definition::findings(&self.draft.definition, self.shape());
        if switches.publish_checks && !findings.is_empty() {
            return Err(Refusal::Unpublishable(self.key.clone(), findings));
        }
        if let Some(latest) = self.submissions.last_mut().filter(|_| waits) {
            latest.supersede();
        }
        let version = self.draft.version;
        let is_live = self.slot(Slot::Production).is_some_and(|live| live.definition == self.draft.definition);
        self.published.insert(version, self.draft.clone());
        let state = if is_live {
            self.preview = Some(version);
            State::Done
        } else {
            State::Running { started: run.now, cancel: None }
        };
        let number = self.submissions.last().map_or(0, |latest| latest.publishing_version) + 1;
        Ok(self.submit(run.submission(Target::Preview, number, version, emails, state)))
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
            state,
        }
    }
}
