//! Carries a plan out, one step at a time within an offer, many offers at once.
//!
//! What is to be done stands in the plan; here stands only what happened. The order for each offer: read again and
//! compare with the plan's base, write with the narrowest precondition, read back and compare again ([`write`]),
//! release, wait ([`release`]).

mod places;
mod release;
mod write;

use serde::Serialize;
use tokio::sync::Semaphore;

use crate::artifact::Store;
use crate::diff::ReadLate;
use crate::drift::Applied;
use crate::model::OfferKey;
use crate::operation::{Look, Patience};
use crate::plan::{Finding, OfferPlan, Stale};
use crate::portal::{Kind, OperationView, Problem, Writer};
use crate::schema::Schemas;
use crate::stop::Stop;
use crate::workspace::Desired;
use release::Work;
pub(crate) use release::{check_live, go_live, publish};

/// What was done to an offer, in the order in which it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Done {
    Created,
    Updated,
    Published,
    /// A running publish or go-live of the same content was joined.
    Joined,
    /// The preview waits for sign-off.
    InPreview,
    SignedOff,
    Live,
    Canceled,
    AtRest,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
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
    Failed(Box<Failure>),
    /// The operation failed or was canceled.
    OperationEnded(Vec<String>),
    /// The wait ran out of time.
    TimedOut,
    Interrupted,
    /// Not begun: the user stopped before, or a guard stopped the whole plan.
    NotAttempted,
}

/// A failure of the portal, and the declared fields that it names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) problem: Problem,
    /// Such as `title (offers/a.yaml:12)`.
    pub(crate) places: Vec<String>,
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        if problem.kind == Kind::Stopped {
            return Self::Interrupted;
        }
        Self::Failed(Box::new(Failure { problem, places: Vec::new() }))
    }
}

/// What became of one offer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) key: OfferKey,
    pub(crate) done: Vec<Done>,
    pub(crate) end: End,
    /// What it was known to be as the files say, where that was seen: the next look for drift starts here.
    pub(crate) applied: Option<Box<Applied>>,
}

/// What happens, as it happens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// Work on an offer begins.
    Begun(OfferKey),
    Did(OfferKey, Done),
    /// The portal's operation was seen.
    Seen(OfferKey, OperationView),
    /// The portal did not answer, and the wait goes on.
    Silent(OfferKey, Problem),
    /// Work on an offer ended.
    Ended(Outcome),
}

impl Event {
    /// One look at the portal's operation.
    pub(crate) fn look(key: &OfferKey, look: Look<'_>) -> Self {
        match look {
            Ok(view) => Self::Seen(key.clone(), view.clone()),
            Err(problem) => Self::Silent(key.clone(), problem.clone()),
        }
    }
}

/// What carrying out needs besides the plan.
pub(crate) struct Context<'a> {
    pub(crate) writer: &'a Writer,
    /// What is known of offer documents.
    pub(crate) schemas: &'a Schemas,
    /// Reads a secret or signs an address; only called when a body is made.
    pub(crate) late: &'a ReadLate<'a>,
    /// Where local artifacts go, if any are to go anywhere.
    pub(crate) store: Option<&'a Store>,
    /// Whether to wait for operations, and how.
    pub(crate) patience: Option<Patience>,
    /// How many offers are written at once. Waiting for the portal takes no place.
    pub(crate) places: &'a Semaphore,
    /// The user's wish to stop.
    pub(crate) stop: &'a Stop,
    pub(crate) tell: &'a (dyn Fn(Event) + Sync),
}

/// Carries out one offer's plan. `desired` is what the plan was made from.
pub(crate) async fn offer(plan: &OfferPlan, desired: &Desired, context: &Context<'_>) -> Outcome {
    let shape = context.schemas.shape(&plan.offer_type);
    let work = Work::begin(&plan.key, shape, context).await;
    let Some(mut work) = work else { return not_attempted(&plan.key, context) };
    let end = match all(&mut work, plan, desired).await {
        Ok(end) => end,
        Err(End::Failed(mut failure)) => {
            failure.places = places::named(&failure.problem, desired, shape);
            End::Failed(failure)
        }
        Err(end) => end,
    };
    work.finish(end)
}

fn not_attempted(key: &OfferKey, context: &Context<'_>) -> Outcome {
    let outcome = Outcome { key: key.clone(), done: Vec::new(), end: End::NotAttempted, applied: None };
    (context.tell)(Event::Ended(outcome.clone()));
    outcome
}

/// Every step in its order. An `Err` is an end before the plan's own; both are ends of the offer.
async fn all(work: &mut Work<'_>, plan: &OfferPlan, desired: &Desired) -> Result<End, End> {
    let (guards, conflicts) = plan.refusals().partition::<Vec<_>, _>(|finding| finding.token.is_some());
    if let Some(conflict) = conflicts.first() {
        return Err(End::Conflict(conflict.message.clone()));
    }
    if !guards.is_empty() {
        return Err(End::Guarded(guards.into_iter().map(Finding::describe).collect()));
    }
    write::draft(work, plan, desired).await?;
    for step in &plan.release {
        work.go_on()?;
        if let Some(end) = work.release(*step, &plan.notify).await? {
            return Ok(end);
        }
    }
    Ok(End::Done)
}
