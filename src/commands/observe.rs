//! Reads from the portal what the planner needs, and nothing that it does not.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::bases::Bases;
use super::progress::Reading;
use super::shell::Shell;
use crate::artifact::Looker;
use crate::content::{Contents, Pair};
use crate::diff::PortalEdit;
use crate::drift;
use crate::live::Live;
use crate::model::{Address, OfferKey, Slot};
use crate::plan::{self, Choices, Content, Estimate, InProgress, ReleaseView, Unread, Verdict};
use crate::portal::{Problem, Reader, Submission};
use crate::schema::{Schemas, Shape};
use crate::workspace::{Desired, Through};

/// Reads and decides every offer, several at once.
pub(super) async fn verdicts(
    shell: &Shell,
    reader: &Reader,
    offers: &[Desired],
    choices: &Choices,
    bases: &Bases,
    looker: Option<&Looker>,
    at_once: usize,
) -> Vec<Verdict> {
    let choices = Arc::new(choices.clone());
    let decide = async |desired| decide(shell, reader, desired, &choices, bases, looker).await;
    all(read_each(shell, at_once, offers, decide).await)
}

/// Returns what was decided, and what could not be, as verdicts.
pub(super) fn all((verdicts, unread): (Vec<Verdict>, Vec<Unread>)) -> Vec<Verdict> {
    verdicts.into_iter().chain(unread.into_iter().map(Verdict::Unread)).collect()
}

/// Does something for each offer, several at once, and shows how many are done. The results are in the order of the
/// offers, those that could not be read apart.
pub(super) async fn read_each<'a, I, T>(
    shell: &Shell,
    at_once: usize,
    offers: &'a [I],
    read: impl AsyncFn(&'a I) -> Result<T, Unread>,
) -> (Vec<T>, Vec<Unread>) {
    let (reading, read) = (Reading::new(shell.term, offers.len()), &read);
    let reads = offers.iter().enumerate().map(async |(index, offer)| (index, read(offer).await));
    // One offer that takes long keeps no other from being read.
    let reads = stream::iter(reads).buffer_unordered(at_once).inspect(|_| reading.one_more());
    let mut results = reads.collect::<Vec<_>>().await;
    results.sort_unstable_by_key(|(index, _)| *index);
    let (mut good, mut unread) = (Vec::new(), Vec::new());
    for (_, result) in results {
        match result {
            Ok(one) => good.push(one),
            Err(one) => unread.push(one),
        }
    }
    (good, unread)
}

async fn decide(
    shell: &Shell,
    reader: &Reader,
    desired: &Desired,
    choices: &Arc<Choices>,
    bases: &Bases,
    looker: Option<&Looker>,
) -> Result<Verdict, Unread> {
    let (live, release) = read(shell, reader, desired, choices.through(desired)).await?;
    let (live, contents) = contents(shell, looker, live, bases.artifacts_of(desired)).await;
    let (desired, choices, bases) = (desired.clone(), Arc::clone(choices), bases.clone());
    let decide = move |schemas: &Schemas| {
        let shape = schemas.shape(&desired.offer_type);
        let edits = portal_edits(&desired, &bases, &live, &contents, shape);
        plan::decide(&desired, &live, &release, contents, shape, &choices).marking(&edits)
    };
    Ok(shell.compute(decide).await)
}

/// Finds what a plan of an offer does to edits of the portal, where a base tells of the offer.
pub(super) fn portal_edits(
    desired: &Desired,
    bases: &Bases,
    live: &Live,
    contents: &Contents,
    shape: &Shape,
) -> Vec<(Address, PortalEdit)> {
    match bases.of(desired) {
        Ok((_, base)) => drift::portal_edits(desired, base, live, contents, shape),
        Err(_) => Vec::new(),
    }
}

/// Looks at the files behind the artifacts that `asked` names, unless they are left out. The document is given back.
pub(super) async fn contents(
    shell: &Shell,
    looker: Option<&Looker>,
    live: Live,
    asked: impl FnOnce(&Live, &Schemas) -> Vec<Pair> + Send + 'static,
) -> (Live, Contents) {
    let Some(looker) = looker else { return (live, Contents::default()) };
    let ask = |schemas: &Schemas| {
        let pairs = asked(&live, schemas);
        (live, pairs)
    };
    let (live, pairs) = shell.compute(ask).await;
    (live, looker.look(&pairs).await)
}

/// Reads an offer, and its other slots where it goes beyond the draft.
pub(super) async fn read(
    shell: &Shell,
    reader: &Reader,
    desired: &Desired,
    through: Through,
) -> Result<(Live, ReleaseView), Unread> {
    let unread = |problem| unread(&desired.key, &problem);
    let live = reader.offer(&desired.key).await.map_err(unread)?;
    let release = match (&live, through) {
        (Live::Absent, _) | (_, Through::Draft) => ReleaseView::NOTHING,
        (Live::Present(_), _) => release_view(shell, reader, desired).await.map_err(unread)?,
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

async fn release_view(shell: &Shell, reader: &Reader, desired: &Desired) -> Result<ReleaseView, Problem> {
    let Desired { key, offer_type, .. } = desired;
    let (preview, production, status, submissions) = tokio::try_join!(
        reader.slot(key, Slot::Preview),
        reader.slot(key, Slot::Production),
        reader.status(key),
        reader.submissions(key),
    )?;
    let shape = shell.schemas.shape(offer_type);
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
    let offer_type = offer_type.clone();
    let view = move |schemas: &Schemas| {
        let digest = |live: &Live| match live {
            Live::Present(offer) => Some(offer.digest(schemas.shape(&offer_type))),
            Live::Absent => None,
        };
        let (preview, digest) = (digest(&preview), digest(&production));
        let production_document = match production {
            Live::Present(offer) => Some(offer.document),
            Live::Absent => None,
        };
        ReleaseView { preview, production: digest, in_progress, production_document, estimates }
    };
    Ok(shell.compute(view).await)
}

async fn content(reader: &Reader, key: &OfferKey, submission: &Submission, shape: &Shape) -> Result<Content, Problem> {
    Ok(reader.submitted(key, submission, shape).await?.map_or(Content::Unknown, Content::Known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::term::{ColorChoice, Term};
    use clap::Parser as _;
    use std::time::Duration;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn an_offer_that_takes_long_keeps_no_other_from_being_read_and_its_place_in_the_result() {
        let global = Cli::try_parse_from(["offerctl", "status"]).expect("a command").global;
        let shell = Shell::new(global, Term::new(ColorChoice::Never, true, true), "status");
        let last_was_read = Semaphore::new(0);
        let read = async |offer: &u32| match offer {
            0 => last_was_read.acquire().await.map(|_| 0).map_err(|error| panic!("{error}")),
            2 => {
                Err(Unread { key: "contoso/c".parse().expect("a key"), cause: String::new(), hint: None, denied: true })
            }
            4 => {
                last_was_read.add_permits(1);
                Ok(4)
            }
            other => Ok(*other),
        };
        let read = tokio::time::timeout(Duration::from_secs(10), read_each(&shell, 2, &[0, 1, 2, 3, 4], read));
        let (good, unread) = read.await.expect("all were read");
        assert_eq!((good, unread.len()), (vec![0, 1, 3, 4], 1));
    }
}
