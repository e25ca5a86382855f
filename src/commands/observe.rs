//! Reads from the portal what the planner needs, and nothing that it does not.

use futures_util::{StreamExt as _, stream};

use super::progress::Reading;
use super::shell::Shell;
use crate::artifact::Looker;
use crate::content::Contents;
use crate::diff;
use crate::live::Live;
use crate::model::{OfferKey, Slot};
use crate::plan::{self, Choices, Content, Estimate, InProgress, ReleaseView, Unread, Verdict};
use crate::portal::{Problem, Reader, Submission};
use crate::schema::Shape;
use crate::workspace::{Desired, Through};

/// Reads and decides every offer, several at once.
pub(super) async fn verdicts(
    shell: &Shell,
    reader: &Reader,
    offers: &[Desired],
    choices: &Choices,
    looker: Option<&Looker>,
    at_once: usize,
) -> Vec<Verdict> {
    let decided = stream::iter(offers.iter().map(|desired| decide(shell, reader, desired, choices, looker)));
    let mut decided = decided.buffered(at_once);
    let mut verdicts = Vec::with_capacity(offers.len());
    let reading = Reading::new(shell.term, offers.len());
    while let Some(verdict) = decided.next().await {
        reading.one_more();
        verdicts.push(verdict.unwrap_or_else(Verdict::Unread));
    }
    verdicts
}

async fn decide(
    shell: &Shell,
    reader: &Reader,
    desired: &Desired,
    choices: &Choices,
    looker: Option<&Looker>,
) -> Result<Verdict, Unread> {
    let shape = shell.schemas.shape(&desired.offer_type);
    let (live, release) = read(reader, desired, shape, choices.through(desired)).await?;
    let contents = match looker {
        Some(looker) => looker.look(&diff::artifacts(&desired.document, &live, shape)).await,
        None => Contents::default(),
    };
    Ok(plan::decide(desired, &live, &release, contents, shape, choices))
}

/// Reads an offer, and its other slots where it goes beyond the draft.
pub(super) async fn read(
    reader: &Reader,
    desired: &Desired,
    shape: &Shape,
    through: Through,
) -> Result<(Live, ReleaseView), Unread> {
    let key = &desired.key;
    let live = reader.offer(key).await.map_err(|problem| unread(key, &problem))?;
    let release = match (&live, through) {
        (Live::Absent, _) | (_, Through::Draft) => ReleaseView::NOTHING,
        (Live::Present(_), _) => release_view(reader, key, shape).await.map_err(|problem| unread(key, &problem))?,
    };
    Ok((live, release))
}

/// An offer that could not be read, as the plan and the report carry it.
pub(super) fn unread(key: &OfferKey, problem: &Problem) -> Unread {
    Unread {
        key: key.clone(),
        cause: problem.to_string(),
        hint: problem.hint.as_deref().map(ToOwned::to_owned),
        denied: problem.is_denied(),
    }
}

async fn release_view(reader: &Reader, key: &OfferKey, shape: &Shape) -> Result<ReleaseView, Problem> {
    let (preview, production, status, submissions) = tokio::try_join!(
        reader.slot(key, Slot::Preview),
        reader.slot(key, Slot::Production),
        reader.status(key),
        reader.submissions(key),
    )?;
    let digest = |live: &Live| match live {
        Live::Present(offer) => Some(offer.digest(shape)),
        Live::Absent => None,
    };
    let estimates = status.iter().flat_map(|status| &status.steps).filter(|step| !step.estimate.is_empty());
    let estimates = estimates.map(|step| Estimate { step: step.name.clone(), estimate: step.estimate.clone() });
    let estimates = estimates.collect();
    let running = Submission::running(&submissions);
    let in_progress = match (running, status.is_some_and(|status| status.awaits_signoff())) {
        (Some(submission), _) if submission.is_production() => {
            InProgress::GoingLive(content(reader, key, submission, shape).await?)
        }
        (_, true) => InProgress::AwaitingSignoff,
        (Some(submission), false) => InProgress::Publishing(content(reader, key, submission, shape).await?),
        (None, false) => InProgress::Nothing,
    };
    let (preview, digest) = (digest(&preview), digest(&production));
    let production_document = match production {
        Live::Present(offer) => Some(offer.document),
        Live::Absent => None,
    };
    Ok(ReleaseView { preview, production: digest, in_progress, production_document, estimates })
}

async fn content(reader: &Reader, key: &OfferKey, submission: &Submission, shape: &Shape) -> Result<Content, Problem> {
    Ok(reader.submitted(key, submission, shape).await?.map_or(Content::Unknown, Content::Known))
}
