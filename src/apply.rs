//! Carries a plan out, one step at a time within an offer, many offers at once.
//!
//! What is to be done stands in the plan; here stands only what happened. The order for each offer: read again and
//! compare with the plan's base, write with the narrowest precondition, read back and compare again, release, wait.

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::diff::{self, Compare, Diff, ReadSecret};
use crate::live::{self, Live, LiveOffer};
use crate::model::{Digest, OfferKey, Profile, Slot};
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
    /// Left at the first wait, which was not asked for; what the plan has after it is for a later run.
    Left,
    /// Refused: the portal is not what the plan was made from.
    Stale(Stale),
    /// Refused: the portal runs something else for this offer, or holds other content than the plan's.
    Conflict(String),
    /// Refused: the portal runs something for this offer.
    Busy(String),
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
    /// How many offers are written at once. Waiting for the portal takes no place.
    pub places: &'a Semaphore,
    /// The user's wish to stop.
    pub stop: &'a Stop,
    /// Told what happens.
    pub tell: &'a (dyn Fn(Event) + Sync),
}

/// Carries out one offer's plan. `desired` is what the plan was made from.
pub async fn offer(plan: &OfferPlan, desired: &Desired, context: &Context<'_>) -> Outcome {
    let place = context.places.acquire().await.ok();
    if context.stop.is_set() {
        return finish(context, Outcome { key: plan.key.clone(), done: Vec::new(), end: End::NotAttempted });
    }
    (context.tell)(Event::Begun(plan.key.clone()));
    let shape = context.schemas.shape(&plan.offer_type);
    let mut run = Run { plan, desired, shape, context, place, done: Vec::new(), operation: None, content: None };
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
    /// The place among those that write; given back while the portal works.
    place: Option<SemaphorePermit<'a>>,
    done: Vec<Done>,
    /// The operation that the last release step started.
    operation: Option<OperationPath>,
    /// The canonical digest of the draft that this run stands for: what it wrote, or what it found to be as planned.
    content: Option<Digest>,
}

impl Run<'_> {
    /// Every step in its order. An `Err` is an end before the plan's own; both are ends of the offer.
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
        } else if let (Live::Present(draft), Base::Present { document, .. }) = (self.fresh().await?, &self.plan.base) {
            self.same_plan(&live::align(&draft.document, document, self.shape), Write::Update)?;
            self.content = Some(draft.digest(self.shape));
        }
        for step in &self.plan.release {
            self.go_on()?;
            if let Some(end) = self.release(*step).await? {
                return Ok(end);
            }
        }
        Ok(End::Done)
    }

    /// Nothing new is begun once the user wants to stop.
    fn go_on(&self) -> Result<(), End> {
        if self.context.stop.is_set() { Err(End::Interrupted) } else { Ok(()) }
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
                (live::align(&offer.document, document, self.shape), precondition(offer)?)
            }
            _ => (Value::Object(Map::new()), Precondition::Absent),
        };
        self.same_plan(&live, write)?;
        let document = self
            .plan
            .diff
            .patch
            .apply(&live, &self.desired.document, self.context.secret)
            .map_err(|error| End::Unfilled(error.to_string()))?;
        let mut body = live::writable(&document, self.shape);
        self.add_write_only(&mut body);
        self.go_on()?;
        match self.context.writer.put(&self.plan.key, &body, &precondition).await {
            Ok(()) => {}
            Err(problem) => self.put_failed(problem, write, &live).await?,
        }
        self.did(match write {
            Write::Create => Done::Created,
            Write::Update => Done::Updated,
        });
        self.converged().await
    }

    /// A saved plan is carried out only if comparing anew gives the very same: its text was approved, but files,
    /// environment and portal are what is written from.
    fn same_plan(&self, live: &Value, write: Write) -> Result<(), End> {
        let diff = match write {
            Write::Create => diff::create(&self.desired.document, self.shape),
            Write::Update => self.compare(live, self.plan.resend),
        };
        if diff.changes == self.plan.diff.changes && diff.patch == self.plan.diff.patch {
            return Ok(());
        }
        Err(End::Conflict("files, environment and portal now give other changes than the plan; plan again".to_owned()))
    }

    fn compare(&self, live: &Value, resend: bool) -> Diff {
        let options = Compare { ignore: &self.desired.reconcile.ignore, resend };
        diff::compare(&self.desired.document, live, self.shape, options)
    }

    /// Fields that are never returned are sent whenever they are declared.
    fn add_write_only(&self, body: &mut Value) {
        for entry in self.desired.document.entries() {
            if self.shape.property(&entry.key).rules.write_only {
                body[entry.key.as_str()] = entry.value.to_value(&mut |_| Value::Null);
            }
        }
    }

    /// A refusal is final. After no clear answer the write may have taken effect, and a read tells, if there was
    /// anything to write that a read can show.
    async fn put_failed(&self, problem: Problem, write: Write, before: &Value) -> Result<(), End> {
        match problem.kind {
            Kind::Precondition => return Err(self.why_stale().await),
            Kind::Conflict if write == Write::Create => return Err(self.why_stale().await),
            Kind::Conflict => return Err(End::Busy(problem.to_string())),
            Kind::Unreachable | Kind::Unavailable => {}
            _ => return Err(End::Failed(problem)),
        }
        let shows = !self.remaining(before).is_empty();
        match self.context.writer.reader().offer(&self.plan.key).await {
            Ok(Live::Present(offer)) if shows && self.remaining(&offer.document).is_empty() => Ok(()),
            _ => Err(End::Failed(problem)),
        }
    }

    /// The portal refused the precondition: what moved since this run's own read?
    async fn why_stale(&self) -> End {
        let now = self.context.writer.reader().offer(&self.plan.key).await;
        let stale = now.ok().and_then(|now| self.plan.stale(&now, self.shape));
        End::Stale(stale.unwrap_or(Stale::Refused))
    }

    fn remaining(&self, document: &Value) -> Vec<String> {
        self.compare(document, false).changes.iter().map(|change| change.address.to_string()).collect()
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
            ReleaseStep::Publish => return self.publish().await,
            ReleaseStep::GoLive => self.go_live().await?,
            ReleaseStep::JoinPublish | ReleaseStep::JoinGoLive => self.did(Done::Joined),
            ReleaseStep::AwaitSignoff => return self.wait(Goal::Signoff, Slot::Preview, Done::InPreview).await,
            ReleaseStep::AwaitLive => return self.wait(Goal::Live, Slot::Production, Done::Live).await,
        }
        Ok(None)
    }

    /// What another run has brought on its way since the plan was made is joined, and what customers have is done.
    async fn publish(&mut self) -> Result<Option<End>, End> {
        let before = self.submissions().await?;
        let status = self.context.writer.reader().status(&self.plan.key).await.map_err(End::Failed)?;
        let waits = status.is_some_and(|status| status.awaits_signoff());
        let running = Submission::running(&before).filter(|_| !waits);
        let ours = match running {
            Some(running) => self.works_on_content(running).await?,
            None => waits && self.holds_content(Slot::Preview).await?,
        };
        // A secret that was just written shows in no slot, so nothing there is known to have it.
        let shows = self.plan.write().is_none() || self.plan.diff.secrets.is_empty();
        if ours && shows {
            self.did(Done::Joined);
            return Ok(None);
        }
        if let Some(running) = running {
            return Err(End::Busy(format!("the portal runs submission {} of this offer already", running.id)));
        }
        if shows && self.holds_content(Slot::Production).await? {
            self.did(Done::Live);
            return Ok(Some(End::Done));
        }
        match self.context.writer.reader().offer(&self.plan.key).await.map_err(End::Failed)? {
            Live::Present(draft) if self.content.as_ref() == Some(&draft.digest(self.shape)) => {}
            _ => return Err(End::Conflict("the draft changed after it was written; it is not published".to_owned())),
        }
        self.go_on()?;
        let started = self.context.writer.publish(&self.plan.key, &self.plan.notify).await;
        if waits && matches!(&started, Err(problem) if problem.kind == Kind::Conflict) {
            let message = "the preview of other content waits for sign-off, and the portal publishes nothing over it; \
                           take it live in the portal or cancel it (`offerctl cancel`)";
            return Err(End::Conflict(message.to_owned()));
        }
        self.operation = self.started(started, &before).await?;
        self.did(Done::Published);
        Ok(None)
    }

    async fn go_live(&mut self) -> Result<(), End> {
        let before = self.submissions().await?;
        if let Some(running) = Submission::running(&before).filter(|running| running.is_production()) {
            if !self.works_on_content(running).await? {
                return Err(End::Busy("the portal takes other content live than this plan's".to_owned()));
            }
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
        self.go_on()?;
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
            Kind::Conflict => Err(End::Busy(problem.to_string())),
            Kind::Unreachable | Kind::Unavailable => {
                let now = self.submissions().await?;
                let new = Submission::running(&now).filter(|now| before.iter().all(|old| old.id != now.id));
                if new.is_some() { Ok(None) } else { Err(End::Failed(problem)) }
            }
            _ => Err(End::Failed(problem)),
        }
    }

    /// Waits until the goal is reached and the slot holds this run's content.
    async fn wait(&mut self, goal: Goal, slot: Slot, reached: Done) -> Result<Option<End>, End> {
        let Some(patience) = self.context.patience else { return Ok(Some(End::Left)) };
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
                if !self.holds_content(slot).await? {
                    let what = format!("the {slot} slot holds other content than this plan's");
                    return Err(End::Conflict(what));
                }
                self.did(reached);
                Ok(None)
            }
            Waited::Ended(why) => Err(End::OperationEnded(why)),
            Waited::TimedOut => Err(End::TimedOut),
            Waited::Interrupted => Err(End::Interrupted),
            Waited::Lost(problem) => Err(End::Failed(problem)),
        }
    }

    async fn wait_for(&mut self, goal: Goal, patience: Patience) -> Waited {
        // While the portal works, another offer may be written.
        self.place = None;
        let Context { writer, stop, tell, .. } = self.context;
        let key = &self.plan.key;
        let seen = |view: &OperationView| tell(Event::Seen(key.clone(), view.clone()));
        let waited = operation::wait(writer.reader(), key, self.operation.as_ref(), goal, patience, stop, &seen).await;
        self.place = self.context.places.acquire().await.ok();
        waited
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

    /// Whether a submission is of the draft that this run stands for.
    async fn works_on_content(&self, submission: &Submission) -> Result<bool, End> {
        let reader = self.context.writer.reader();
        let content = reader.submitted(&self.plan.key, submission, self.shape).await.map_err(End::Failed)?;
        Ok(content.is_some() && content == self.content)
    }

    /// Whether a slot holds the draft that this run stands for, whatever became of the draft since.
    async fn holds_content(&self, slot: Slot) -> Result<bool, End> {
        match self.context.writer.reader().slot(&self.plan.key, slot).await.map_err(End::Failed)? {
            Live::Present(offer) => Ok(self.content.as_ref() == Some(&offer.digest(self.shape))),
            Live::Absent => Ok(false),
        }
    }
}

/// The narrowest precondition for writing what was just read.
fn precondition(offer: &LiveOffer) -> Result<Precondition, End> {
    match (&offer.etag, offer.profile()) {
        (Some(etag), _) => Ok(Precondition::Match(etag.clone())),
        (None, Profile::Migrated) => Ok(Precondition::Any),
        (None, Profile::Native) => Err(End::Conflict(
            "the portal gave no ETag for a native offer, so a write could overwrite an edit".to_owned(),
        )),
    }
}
