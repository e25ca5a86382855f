//! Releasing: publish, sign off, wait. Each step looks at what the portal runs before it asks for anything, and a POST
//! that got no clear answer is never sent again.

use tokio::sync::SemaphorePermit;

use super::{Context, Done, End, Event, Outcome};
use crate::drift::Applied;
use crate::live::{Live, LiveOffer};
use crate::model::{Digest, OfferKey, Slot};
use crate::operation::{self, Goal, Rest, Wait, Waited};
use crate::plan::ReleaseStep;
use crate::portal::{Accepted, Kind, OperationPath, Problem, Reader, Submission, Tries};
use crate::schema::Shape;

/// Publishes the draft as the portal holds it, and waits for the request to sign off.
pub(crate) async fn publish(key: &OfferKey, notify: &[String], context: &Context<'_>) -> Outcome {
    alone(key, context, async |work, draft| {
        work.content = Some(draft.digest(work.shape));
        if let Some(end) = work.publish(notify).await? {
            return Ok(end);
        }
        Ok(work.release(ReleaseStep::AwaitSignoff, notify).await?.unwrap_or(End::Done))
    })
    .await
}

/// Signs off the preview that waits for it, and waits until customers have it. With `expected`, only that content.
pub(crate) async fn go_live(key: &OfferKey, expected: Option<&Digest>, context: &Context<'_>) -> Outcome {
    alone(key, context, async |work, draft| {
        let submissions = work.submissions().await?;
        let waits = work.reader().status(key).await?.is_some_and(|status| status.awaits_signoff());
        let running = Submission::running(&submissions);
        let slot = match running {
            Some(running) if running.is_production() => {
                match expected {
                    Some(expected) => {
                        work.content = Some(expected.clone());
                        work.go_live().await?;
                    }
                    None => work.did(Done::Joined),
                }
                return work.live().await;
            }
            _ if waits => Slot::Preview,
            Some(_) => {
                let why = format!("a publish is still running; `offerctl wait {key}` waits for it");
                return Err(End::Busy(why));
            }
            None => Slot::Production,
        };
        work.content = match expected {
            Some(expected) => Some(expected.clone()),
            None if slot == Slot::Preview => work.slot(slot).await?,
            None => Some(draft.digest(work.shape)),
        };
        if slot == Slot::Production {
            return work.nothing_waits().await;
        }
        work.go_live().await?;
        work.live().await
    })
    .await
}

/// Says of an offer for which nothing is under way whether customers have its draft.
pub(crate) async fn check_live(key: &OfferKey, context: &Context<'_>) -> Outcome {
    alone(key, context, async |work, draft| {
        work.content = Some(draft.digest(work.shape));
        work.nothing_waits().await
    })
    .await
}

/// Work on one offer without a plan: its type, and so its shape, is what the draft says.
async fn alone(
    key: &OfferKey,
    context: &Context<'_>,
    steps: impl AsyncFnOnce(&mut Work<'_>, LiveOffer) -> Result<End, End>,
) -> Outcome {
    let draft = context.writer.reader().offer(key).await;
    let offer_type = match &draft {
        Ok(Live::Present(draft)) => draft.document.get("offerTypeId").and_then(|id| id.as_str()).unwrap_or_default(),
        _ => "",
    };
    let shape = context.schemas.shape(offer_type);
    let Some(mut work) = Work::begin(key, shape, context).await else { return super::not_attempted(key, context) };
    let end = match draft {
        Ok(Live::Present(draft)) => steps(&mut work, draft).await,
        Ok(Live::Absent) => Err(Problem::absent(key).into()),
        Err(problem) => Err(problem.into()),
    };
    let (Ok(end) | Err(end)) = end;
    work.finish(end)
}

/// The work on one offer.
pub(super) struct Work<'a> {
    pub(super) key: &'a OfferKey,
    pub(super) shape: &'a Shape,
    pub(super) context: &'a Context<'a>,
    /// The place among those that write; given back while the portal works.
    place: Option<SemaphorePermit<'a>>,
    done: Vec<Done>,
    /// The operation that the last release step started.
    operation: Option<OperationPath>,
    /// The canonical digest of the draft that this run stands for: what it wrote, or what it found to be as planned.
    pub(super) content: Option<Digest>,
    /// A secret that was just written shows in no slot, so nothing there is known to have it.
    pub(super) wrote_secrets: bool,
    /// The draft as it was read when it was as the files say.
    pub(super) applied: Option<Box<Applied>>,
}

impl<'a> Work<'a> {
    /// Takes a place and begins; `None` when the user wants to stop.
    pub(super) async fn begin(key: &'a OfferKey, shape: &'a Shape, context: &'a Context<'a>) -> Option<Self> {
        let place = context.places.acquire().await.ok();
        if context.stop.is_set() {
            return None;
        }
        (context.tell)(Event::Begun(key.clone()));
        let (done, operation, content) = (Vec::new(), None, None);
        Some(Self { key, shape, context, place, done, operation, content, wrote_secrets: false, applied: None })
    }

    /// Ends the work, and tells so.
    pub(super) fn finish(self, end: End) -> Outcome {
        let outcome = Outcome { key: self.key.clone(), done: self.done, end, applied: self.applied };
        (self.context.tell)(Event::Ended(outcome.clone()));
        outcome
    }

    /// Nothing new is begun once the user wants to stop.
    pub(super) fn go_on(&self) -> Result<(), End> {
        if self.context.stop.is_set() { Err(End::Interrupted) } else { Ok(()) }
    }

    pub(super) fn did(&mut self, done: Done) {
        self.done.push(done);
        (self.context.tell)(Event::Did(self.key.clone(), done));
    }

    fn reader(&self) -> &'a Reader {
        self.context.writer.reader()
    }

    /// One release step; `Some` when the rest of the plan is left to a later run.
    pub(super) async fn release(&mut self, step: ReleaseStep, notify: &[String]) -> Result<Option<End>, End> {
        match step {
            ReleaseStep::Publish => return self.publish(notify).await,
            ReleaseStep::GoLive => self.go_live().await?,
            ReleaseStep::JoinPublish | ReleaseStep::JoinGoLive => self.did(Done::Joined),
            ReleaseStep::AwaitSignoff => return self.wait(Goal::Signoff, Slot::Preview, Done::InPreview).await,
            ReleaseStep::AwaitLive => return self.wait(Goal::Live, Slot::Production, Done::Live).await,
        }
        Ok(None)
    }

    /// What another run has brought on its way since the plan was made is joined, and what customers have is done.
    async fn publish(&mut self, notify: &[String]) -> Result<Option<End>, End> {
        let before = self.submissions().await?;
        let status = self.reader().status(self.key).await?;
        let waits = status.is_some_and(|status| status.awaits_signoff());
        let running = Submission::running(&before).filter(|_| !waits);
        let ours = match running {
            Some(running) => self.works_on_content(running).await?,
            None => waits && self.holds_content(Slot::Preview).await?,
        };
        let shows = !self.wrote_secrets;
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
        let writer = self.context.writer;
        let ready = async || self.draft_is_ours().await;
        let started = self.start(&before, ready, async |tries| writer.publish(self.key, notify, tries).await).await;
        if waits && matches!(started, Err(End::Busy(_))) {
            let message = "the preview of other content waits for sign-off, so the portal publishes nothing else; \
                take it live in the portal or cancel it (`offerctl cancel`)";
            return Err(End::Conflict(message.to_owned()));
        }
        self.operation = started?;
        self.did(Done::Published);
        Ok(None)
    }

    async fn go_live(&mut self) -> Result<(), End> {
        let before = self.submissions().await?;
        if let Some(running) = Submission::running(&before).filter(|running| running.is_production()) {
            if !self.works_on_content(running).await? {
                return Err(End::Busy("the portal is taking other content live than this plan's".to_owned()));
            }
            self.operation = None;
            self.did(Done::Joined);
            return Ok(());
        }
        let writer = self.context.writer;
        let ready = async || self.preview_is_ours().await;
        self.operation = self.start(&before, ready, async |tries| writer.go_live(self.key, tries).await).await?;
        self.did(Done::SignedOff);
        Ok(())
    }

    /// A publish takes what the draft is then, so it is compared right before.
    async fn draft_is_ours(&self) -> Result<(), End> {
        match self.reader().offer(self.key).await? {
            Live::Present(draft) if self.content.as_ref() == Some(&draft.digest(self.shape)) => Ok(()),
            _ => {
                let why = "somebody saved the draft right after this run wrote it; it is not published";
                Err(End::Conflict(why.to_owned()))
            }
        }
    }

    /// What is signed off must be what was planned: the preview that waits is compared, not assumed.
    async fn preview_is_ours(&self) -> Result<(), End> {
        if self.holds_content(Slot::Preview).await? {
            return Ok(());
        }
        let message = "the preview that waits for sign-off is not what this run published; it is not taken live";
        Err(End::Conflict(message.to_owned()))
    }

    /// Nothing waits for a sign-off: either customers have the content, or there is nothing to sign off.
    async fn nothing_waits(&mut self) -> Result<End, End> {
        if self.holds_content(Slot::Production).await? {
            self.did(Done::Live);
            return Ok(End::Done);
        }
        let key = self.key;
        Err(End::Conflict(format!("no preview waits for sign-off; publish the draft with `offerctl publish {key}`")))
    }

    async fn submissions(&self) -> Result<Vec<Submission>, End> {
        Ok(self.reader().submissions(self.key).await?)
    }

    /// Sends a POST once, right after `ready`. One that got no clear answer is not sent again: whether it took effect is
    /// read from the submissions. One that was turned away unread is, after the submissions showed nothing new.
    async fn start(
        &self,
        before: &[Submission],
        ready: impl AsyncFn() -> Result<(), End>,
        post: impl AsyncFn(Tries) -> Result<Accepted, Problem>,
    ) -> Result<Option<OperationPath>, End> {
        let mut tries = Tries::default();
        loop {
            ready().await?;
            self.go_on()?;
            let problem = match post(tries).await {
                Ok(accepted) => return Ok(accepted.operation),
                Err(problem) => problem,
            };
            let turned_away = problem.was_turned_away();
            match problem.kind {
                Kind::Conflict => return Err(End::Busy(problem.to_string())),
                _ if turned_away => self.context.writer.pause(problem.clone(), self.key, &mut tries).await?,
                _ if problem.may_pass() => {}
                _ => return Err(problem.into()),
            }
            // A short one can be over by now; that it is there is what counts.
            let now = self.submissions().await?;
            if now.iter().any(|now| before.iter().all(|old| old.id != now.id)) {
                return Ok(None);
            }
            if !turned_away {
                return Err(problem.into());
            }
        }
    }

    /// Waits until customers have what runs, or what was just signed off.
    async fn live(&mut self) -> Result<End, End> {
        if self.content.is_none() {
            // Joined without knowing what: the goal is that it ends.
            let Some(patience) = self.context.patience else { return Ok(End::Left) };
            return match self.wait_for(Goal::Live, patience).await {
                Waited::Reached(_) => {
                    self.did(Done::Live);
                    Ok(End::Done)
                }
                other => Err(ended(other)),
            };
        }
        Ok(self.wait(Goal::Live, Slot::Production, Done::Live).await?.unwrap_or(End::Done))
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
            Waited::Reached(Rest::Signoff | Rest::Succeeded) => {
                if !self.holds_content(slot).await? {
                    let what = format!("the {slot} slot has other content than this run wrote");
                    return Err(End::Conflict(what));
                }
                self.did(reached);
                Ok(None)
            }
            other => Err(ended(other)),
        }
    }

    async fn wait_for(&mut self, goal: Goal, patience: operation::Patience) -> Waited {
        // While the portal works, another offer may be written.
        self.place = None;
        let Context { stop, tell, .. } = self.context;
        let key = self.key;
        let seen = |look: operation::Look<'_>| tell(Event::look(key, look));
        let wait = Wait { reader: self.reader(), key, path: self.operation.clone(), goal, patience };
        let waited = operation::wait(wait, stop, &seen).await;
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
        let content = self.reader().submitted(self.key, submission, self.shape).await?;
        Ok(content.is_some() && content == self.content)
    }

    /// Whether a slot holds the draft that this run stands for, whatever became of the draft since.
    async fn holds_content(&self, slot: Slot) -> Result<bool, End> {
        Ok(self.content.is_some() && self.content == self.slot(slot).await?)
    }

    /// The canonical digest of what a slot holds.
    async fn slot(&self, slot: Slot) -> Result<Option<Digest>, End> {
        Ok(match self.reader().slot(self.key, slot).await? {
            Live::Present(offer) => Some(offer.digest(self.shape)),
            Live::Absent => None,
        })
    }
}

/// A wait that did not reach what a run waits for.
fn ended(waited: Waited) -> End {
    match waited {
        Waited::Reached(_) => End::OperationEnded(vec!["the operation is no longer running".to_owned()]),
        Waited::Ended(why) => End::OperationEnded(why),
        Waited::TimedOut => End::TimedOut,
        Waited::Interrupted => End::Interrupted,
        Waited::Lost(problem) => problem.into(),
    }
}
