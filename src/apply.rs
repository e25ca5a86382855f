//! Carries a plan out, one offer at a time within an offer, many offers at once.
//!
//! What is to be done stands in the plan; here stands only what happened. The order for each offer: read again and
//! compare with the plan's base, write with the narrowest precondition, read back and compare again, release, wait.

use serde::Serialize;

use crate::diff::{self, Compare, ReadSecret};
use crate::live::{self, Live};
use crate::model::{Digest, OfferKey, Slot};
use crate::operation::{self, Goal, Patience, Rest, Stop, Waited};
use crate::plan::{Base, Finding, OfferPlan, ReleaseStep, Stale, Write};
use crate::portal::{Accepted, Kind, OperationPath, OperationView, Precondition, Problem, Submission, Writer};
use crate::schema::{Schemas, Shape};
use crate::workspace::Desired;

/// What was done to an offer, in the order in which it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// The draft was created.
    Created,
    /// The draft was changed.
    Updated,
    /// A publish was started.
    Published,
    /// A running publish or go-live of the same content was joined.
    Joined,
    /// The preview waits for sign-off.
    InPreview,
    /// A go-live was started.
    SignedOff,
    /// Customers see it.
    Live,
    /// What ran was canceled.
    Canceled,
    /// Nothing ran.
    AtRest,
}

/// How an offer ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// As planned.
    Done,
    /// As planned, but for the waiting, which was not asked for.
    Left,
    /// Refused: the portal is not what the plan was made from.
    Stale(Stale),
    /// Refused: the portal runs something for this offer.
    Conflict(String),
    /// Refused: a guard's finding was not accepted.
    Guarded(Vec<String>),
    /// The portal stores something else than was written, at these addresses.
    NotConverged(Vec<String>),
    /// A value could not be filled in, so nothing was sent.
    Unfilled(String),
    /// The portal, or the way to it, failed.
    Failed(Problem),
    /// The operation failed or was canceled.
    OperationEnded(Vec<String>),
    /// The wait ran out of time.
    TimedOut,
    /// The user stopped it.
    Interrupted,
    /// Not begun: the user stopped before, or a guard stopped the whole plan.
    NotAttempted,
}

/// What became of one offer.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which offer.
    pub key: OfferKey,
    /// What was done.
    pub done: Vec<Done>,
    /// How it ended.
    pub end: End,
}

/// What happens, as it happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Work on an offer begins.
    Begun(OfferKey),
    /// Something was done.
    Did(OfferKey, Done),
    /// The portal's operation was seen.
    Seen(OfferKey, OperationView),
    /// Work on an offer ended.
    Ended(Outcome),
}

/// What carrying out needs besides the plan.
pub struct Context<'a> {
    /// Writes to the portal.
    pub writer: &'a Writer,
    /// What is known of offer documents.
    pub schemas: &'a Schemas,
    /// Reads a secret; only called when a body is made.
    pub secret: &'a ReadSecret<'a>,
    /// Whether to wait for operations, and how.
    pub patience: Option<Patience>,
    /// The user's wish to stop.
    pub stop: &'a Stop,
    /// Told what happens.
    pub tell: &'a (dyn Fn(Event) + Sync),
}

/// Carries out one offer's plan. `desired` is what the plan was made from.
pub async fn offer(plan: &OfferPlan, desired: &Desired, context: &Context<'_>) -> Outcome {
    if context.stop.is_set() {
        return finish(context, Outcome { key: plan.key.clone(), done: Vec::new(), end: End::NotAttempted });
    }
    (context.tell)(Event::Begun(plan.key.clone()));
    let mut run = Run {
        plan,
        desired,
        shape: context.schemas.shape(&plan.offer_type),
        context,
        done: Vec::new(),
        operation: None,
        content: None,
    };
    let end = match run.all().await {
        Ok(end) | Err(end) => end,
    };
    let done = run.done;
    finish(context, Outcome { key: plan.key.clone(), done, end })
}

fn finish(context: &Context<'_>, outcome: Outcome) -> Outcome {
    (context.tell)(Event::Ended(outcome.clone()));
    outcome
}

struct Run<'a> {
    plan: &'a OfferPlan,
    desired: &'a Desired,
    shape: &'a Shape,
    context: &'a Context<'a>,
    done: Vec<Done>,
    /// The operation that the last release step started.
    operation: Option<OperationPath>,
    /// The canonical digest of the draft that this run stands for: what it wrote, or what it found to be as planned.
    content: Option<Digest>,
}

impl Run<'_> {
    async fn all(&mut self) -> Result<End, End> {
        let (guards, conflicts) = self.plan.refusals().partition::<Vec<_>, _>(|finding| finding.token.is_some());
        if let Some(conflict) = conflicts.first() {
            return Err(End::Conflict(conflict.message.clone()));
        }
        if !guards.is_empty() {
            return Err(End::Guarded(guards.into_iter().map(Finding::describe).collect()));
        }
        if let Some(write) = self.plan.write() {
            self.write(write).await?;
        } else if let Live::Present(draft) = self.fresh().await? {
            self.content = Some(draft.digest(self.shape));
        }
        for step in &self.plan.release {
            if self.context.stop.is_set() {
                return Err(End::Interrupted);
            }
            if let Some(end) = self.release(*step).await? {
                return Ok(end);
            }
        }
        Ok(End::Done)
    }

    fn did(&mut self, done: Done) {
        self.done.push(done);
        (self.context.tell)(Event::Did(self.plan.key.clone(), done));
    }

    /// The live document, if it still is the one that the plan was made from.
    async fn fresh(&self) -> Result<Live, End> {
        let now = self.context.writer.reader().offer(&self.plan.key).await.map_err(End::Failed)?;
        match self.plan.stale(&now, self.shape) {
            Some(stale) => Err(End::Stale(stale)),
            None => Ok(now),
        }
    }

    async fn write(&mut self, write: Write) -> Result<(), End> {
        let now = self.fresh().await?;
        let (live, precondition) = match (&now, &self.plan.base) {
            (Live::Present(offer), Base::Present { document, .. }) => {
                let precondition = offer.etag.clone().map_or(Precondition::Any, Precondition::Match);
                (live::align(&offer.document, document, self.shape), precondition)
            }
            _ => (serde_json::Value::Object(serde_json::Map::new()), Precondition::Absent),
        };
        let document = self
            .plan
            .diff
            .patch
            .apply(&live, &self.desired.document, self.context.secret)
            .map_err(|error| End::Unfilled(error.to_string()))?;
        let mut body = live::writable(&document, self.shape);
        self.add_write_only(&mut body);
        match self.context.writer.put(&self.plan.key, &body, &precondition).await {
            Ok(()) => {}
            Err(problem) => self.put_failed(problem, write).await?,
        }
        self.did(match write {
            Write::Create => Done::Created,
            Write::Update => Done::Updated,
        });
        self.converged().await
    }

    /// Fields that are never returned are sent whenever they are declared.
    fn add_write_only(&self, body: &mut serde_json::Value) {
        for entry in self.desired.document.entries() {
            if self.shape.property(&entry.key).rules.write_only {
                body[entry.key.as_str()] = entry.value.to_value(&mut |_| serde_json::Value::Null);
            }
        }
    }

    /// A refusal is final. After no clear answer the write may have taken effect: a read tells.
    async fn put_failed(&self, problem: Problem, write: Write) -> Result<(), End> {
        match problem.kind {
            Kind::Precondition => return Err(self.why_stale(problem).await),
            Kind::Conflict if write == Write::Create => return Err(self.why_stale(problem).await),
            Kind::Conflict => return Err(End::Conflict(problem.to_string())),
            Kind::Unreachable | Kind::Unavailable => {}
            _ => return Err(End::Failed(problem)),
        }
        let reader = self.context.writer.reader();
        match reader.offer(&self.plan.key).await {
            Ok(Live::Present(offer)) if self.remaining(&offer.document).is_empty() => Ok(()),
            _ => Err(End::Failed(problem)),
        }
    }

    /// The portal refused the precondition: what moved since this run's own read?
    async fn why_stale(&self, problem: Problem) -> End {
        match self.context.writer.reader().offer(&self.plan.key).await {
            Ok(now) => self.plan.stale(&now, self.shape).map_or(End::Conflict(problem.to_string()), End::Stale),
            Err(_) => End::Conflict(problem.to_string()),
        }
    }

    fn remaining(&self, document: &serde_json::Value) -> Vec<String> {
        let options = Compare { ignore: &self.desired.reconcile.ignore, resend: false };
        let diff = diff::compare(&self.desired.document, document, self.shape, options);
        diff.changes.iter().map(|change| change.address.to_string()).collect()
    }

    async fn converged(&mut self) -> Result<(), End> {
        match self.context.writer.reader().offer(&self.plan.key).await.map_err(End::Failed)? {
            Live::Present(offer) => {
                self.content = Some(offer.digest(self.shape));
                let remaining = self.remaining(&offer.document);
                if remaining.is_empty() { Ok(()) } else { Err(End::NotConverged(remaining)) }
            }
            Live::Absent => Err(End::NotConverged(vec!["the whole offer".to_owned()])),
        }
    }

    /// One release step; `Some` when the rest of the plan is left to a later run.
    async fn release(&mut self, step: ReleaseStep) -> Result<Option<End>, End> {
        match step {
            ReleaseStep::Publish => self.publish().await?,
            ReleaseStep::GoLive => self.go_live().await?,
            ReleaseStep::JoinPublish | ReleaseStep::JoinGoLive => self.did(Done::Joined),
            ReleaseStep::AwaitSignoff | ReleaseStep::AwaitLive => return self.wait(step).await,
        }
        Ok(None)
    }

    async fn publish(&mut self) -> Result<(), End> {
        let before = self.submissions().await?;
        let status = self.context.writer.reader().status(&self.plan.key).await.map_err(End::Failed)?;
        let waits = status.is_some_and(|status| status.awaits_signoff());
        if let Some(running) = running(&before).filter(|_| !waits) {
            return Err(End::Conflict(format!("the portal runs submission {} of this offer already", running.id)));
        }
        let started = self.context.writer.publish(&self.plan.key, &self.plan.notify).await;
        self.operation = self.started(started, &before).await?;
        self.did(Done::Published);
        Ok(())
    }

    async fn go_live(&mut self) -> Result<(), End> {
        let before = self.submissions().await?;
        if running(&before).is_some_and(Submission::is_production) {
            self.operation = None;
            self.did(Done::Joined);
            return Ok(());
        }
        // What is signed off must be what was planned: the preview that waits is compared, not assumed.
        let same = self.holds_content(Slot::Preview).await?;
        if !same {
            let message = "the preview that waits for sign-off is not what this plan published; it is not taken live";
            return Err(End::Conflict(message.to_owned()));
        }
        let started = self.context.writer.go_live(&self.plan.key).await;
        self.operation = self.started(started, &before).await?;
        self.did(Done::SignedOff);
        Ok(())
    }

    async fn submissions(&self) -> Result<Vec<Submission>, End> {
        self.context.writer.reader().submissions(&self.plan.key).await.map_err(End::Failed)
    }

    /// A POST that got no clear answer is not sent again: whether it took effect is read from the submissions.
    async fn started(
        &self,
        answer: Result<Accepted, Problem>,
        before: &[Submission],
    ) -> Result<Option<OperationPath>, End> {
        let problem = match answer {
            Ok(accepted) => return Ok(accepted.operation),
            Err(problem) => problem,
        };
        match problem.kind {
            Kind::Conflict => Err(End::Conflict(problem.to_string())),
            Kind::Unreachable | Kind::Unavailable => {
                let now = self.submissions().await?;
                let new = running(&now).filter(|now| before.iter().all(|old| old.id != now.id));
                if new.is_some() { Ok(None) } else { Err(End::Failed(problem)) }
            }
            _ => Err(End::Failed(problem)),
        }
    }

    async fn wait(&mut self, step: ReleaseStep) -> Result<Option<End>, End> {
        let Some(patience) = self.context.patience else { return Ok(Some(End::Left)) };
        let (goal, reached) = match step {
            ReleaseStep::AwaitLive => (Goal::Live, Done::Live),
            _ => (Goal::Signoff, Done::InPreview),
        };
        let mut waited = self.wait_for(goal, patience).await;
        if goal == Goal::Signoff && waited == Waited::Reached(Rest::Succeeded) && self.operation.take().is_some() {
            // A publish may count as done before the sign-off is asked for; the offer's own status decides.
            waited = self.wait_for(goal, patience).await;
        }
        match waited {
            Waited::Reached(Rest::Succeeded) if goal == Goal::Signoff => self.already_live().await.map(Some),
            Waited::Reached(Rest::Nothing | Rest::Canceled) => {
                Err(End::OperationEnded(vec!["the portal runs nothing for this offer any more".to_owned()]))
            }
            Waited::Reached(Rest::Signoff | Rest::Succeeded) => {
                self.did(reached);
                Ok(None)
            }
            Waited::Ended(why) => Err(End::OperationEnded(why)),
            Waited::TimedOut => Err(End::TimedOut),
            Waited::Interrupted => Err(End::Interrupted),
            Waited::Lost(problem) => Err(End::Failed(problem)),
        }
    }

    async fn wait_for(&self, goal: Goal, patience: Patience) -> Waited {
        let Context { writer, stop, tell, .. } = self.context;
        let key = &self.plan.key;
        let seen = |view: &OperationView| tell(Event::Seen(key.clone(), view.clone()));
        operation::wait(writer.reader(), key, self.operation.as_ref(), goal, patience, stop, &seen).await
    }

    /// A publish that succeeds without asking for a sign-off had nothing to publish: customers have the content.
    async fn already_live(&mut self) -> Result<End, End> {
        if self.holds_content(Slot::Production).await? {
            self.did(Done::Live);
            return Ok(End::Done);
        }
        let why = "the portal ended the publish without asking for sign-off, and customers do not have this content";
        Err(End::OperationEnded(vec![why.to_owned()]))
    }

    /// Whether a slot holds the draft that this run stands for, whatever became of the draft since.
    async fn holds_content(&self, slot: Slot) -> Result<bool, End> {
        match self.context.writer.reader().slot(&self.plan.key, slot).await.map_err(End::Failed)? {
            Live::Present(offer) => Ok(self.content.as_ref() == Some(&offer.digest(self.shape))),
            Live::Absent => Ok(false),
        }
    }
}

/// The submission that runs, if one does.
#[must_use]
pub fn running(submissions: &[Submission]) -> Option<&Submission> {
    submissions.iter().find(|submission| submission.state == crate::portal::State::Running)
}
