//! `offerctl wait`: waits for what runs on the portal, whoever started it. The state is the portal's: no file is read.
//! With `--through live` it goes on where the portal asks for the sign-off.

use futures_util::future;

use super::connect::Portal;
use super::progress::Progress;
use super::release;
use super::shell::{self, Shell};
use crate::apply::{self, Context, Done, End, Event, Outcome};
use crate::cli::{ThroughArg, WaitArgs};
use crate::error::{Exit, Result};
use crate::live::{Live, LiveOffer};
use crate::model::{OfferKey, Slot};
use crate::operation::{self, Goal, Patience, Rest, Stop, Wait, Waited};
use crate::plan::Content;
use crate::portal::{OperationView, Problem, Reader, Submission};
use crate::report::{Purpose, Report};
use crate::schema::Schemas;

pub(super) async fn run(shell: &Shell, args: &WaitArgs) -> Result<Exit> {
    let keys = shell.keys(&args.targets.targets)?;
    let through_live = args.through == Some(ThroughArg::Live);
    let approval = match through_live {
        true => {
            let question = release::question("Wait, then sign off and take live", keys.iter());
            Some(shell.approve(&args.consent, question, release::NOTHING).await?)
        }
        false => None,
    };
    let portal = shell.connect().await?;
    let patience = shell::patience(&args.waiting, &portal.reader);
    let outcomes = match approval {
        Some(approval) => {
            let work = async |context: &Context<'_>| {
                future::join_all(keys.iter().map(|key| through(key, patience, context))).await
            };
            release::with_context(shell, &portal, approval, Some(patience), &release::no_secret, work).await
        }
        None => only_wait(shell, &portal, &keys, patience).await,
    };
    let report = Report { purpose: Purpose::Wait, outcomes, traffic: portal.reader.traffic(), ..Report::default() };
    shell.emit_report(&report, portal).await
}

async fn only_wait(shell: &Shell, portal: &Portal, keys: &[OfferKey], patience: Patience) -> Vec<Outcome> {
    let progress = Progress::new(shell.term);
    let tell = |event| progress.tell(&event);
    let waits = keys.iter().map(|key| one(&portal.reader, key, patience, &shell.stop, &tell));
    // Waiting takes no place; the requests are bounded by themselves.
    let outcomes = future::join_all(waits).await;
    progress.finish();
    outcomes
}

/// Waits for the sign-off, gives it to the content that was on its way when the wait began, and waits until it is live.
async fn through(key: &OfferKey, patience: Patience, context: &Context<'_>) -> Outcome {
    let ended = |end| Outcome { key: key.clone(), done: Vec::new(), end };
    let expected = match under_way(context.writer.reader(), key, context.schemas).await {
        Ok(expected) => expected,
        Err(problem) => return ended(problem.into()),
    };
    let waited = one(context.writer.reader(), key, patience, context.stop, context.tell).await;
    match (&waited.end, waited.done.as_slice(), expected) {
        (End::Done, [Done::InPreview], Content::Known(expected)) => {
            let outcome = apply::go_live(key, Some(&expected), context).await;
            Outcome { done: [waited.done, outcome.done].concat(), ..outcome }
        }
        (End::Done, [Done::InPreview], Content::Unknown) => {
            let why = format!(
                "the portal does not tell what was on its way when the wait began, so it is not signed off; \
                 `offerctl go-live {key}` signs off what waits now"
            );
            Outcome { end: End::Conflict(why), ..waited }
        }
        _ => waited,
    }
}

/// The content of the submission that runs, else of the preview that waits already: what `--through live` asks to take
/// live.
async fn under_way(reader: &Reader, key: &OfferKey, schemas: &Schemas) -> Result<Content, Problem> {
    let Live::Present(LiveOffer { document, .. }) = reader.offer(key).await? else { return Ok(Content::Unknown) };
    let shape = schemas.shape(document.get("offerTypeId").and_then(|id| id.as_str()).unwrap_or_default());
    let submissions = reader.submissions(key).await?;
    let content = match Submission::running(&submissions) {
        Some(running) => reader.submitted(key, running, shape).await?,
        None => match reader.slot(key, Slot::Preview).await? {
            Live::Present(preview) => Some(preview.digest(shape)),
            Live::Absent => None,
        },
    };
    Ok(content.map_or(Content::Unknown, Content::Known))
}

async fn one(
    reader: &Reader,
    key: &OfferKey,
    patience: Patience,
    stop: &Stop,
    tell: &(dyn Fn(Event) + Sync),
) -> Outcome {
    let ended = |done: &[Done], end| Outcome { key: key.clone(), done: done.to_vec(), end };
    let first = async {
        let (status, submissions) = tokio::try_join!(reader.status(key), reader.submissions(key))?;
        if status.is_none() {
            reader.expect_offer(key).await?;
        }
        Ok::<_, Problem>((status, submissions))
    };
    let first = tokio::select! {
        () = stop.wait() => return ended(&[], End::Interrupted),
        first = first => first,
    };
    let (status, submissions) = match first {
        Ok(read) => read,
        Err(problem) => return ended(&[], problem.into()),
    };
    let waits = status.is_some_and(|status| status.awaits_signoff());
    match Submission::running(&submissions) {
        None if waits => return ended(&[Done::InPreview], End::Done),
        None => return ended(&[Done::AtRest], End::Done),
        Some(_) => {}
    }
    let seen = |view: &OperationView| tell(Event::Seen(key.clone(), view.clone()));
    let waited = operation::wait(Wait { reader, key, path: None, goal: Goal::Rest, patience }, stop, &seen).await;
    let outcome = outcome(key, waited);
    tell(Event::Ended(outcome.clone()));
    outcome
}

fn outcome(key: &OfferKey, waited: Waited) -> Outcome {
    let (done, end) = match waited {
        Waited::Reached(Rest::Signoff) => (vec![Done::InPreview], End::Done),
        Waited::Reached(Rest::Succeeded) => (vec![Done::Live], End::Done),
        Waited::Reached(Rest::Nothing) => (vec![Done::AtRest], End::Done),
        Waited::Reached(Rest::Canceled) => (vec![], End::OperationEnded(vec!["it was canceled".to_owned()])),
        Waited::Ended(why) => (vec![], End::OperationEnded(why)),
        Waited::TimedOut => (vec![], End::TimedOut),
        Waited::Interrupted => (vec![], End::Interrupted),
        Waited::Lost(problem) => (vec![], problem.into()),
    };
    Outcome { key: key.clone(), done, end }
}
