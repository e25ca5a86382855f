//! `offerctl cancel`: cancels what runs, and waits until that took effect. The portal says yes at once, whether it
//! cancels or not, so only the submissions tell.

use futures_util::future;

use super::connect::Portal;
use super::progress::Progress;
use super::shell::{self, Shell};
use crate::apply::{Done, End, Event, Outcome};
use crate::cli::CancelArgs;
use crate::error::{Exit, Result};
use crate::model::OfferKey;
use crate::operation::{self, Goal, Look, Patience, Rest, Wait, Waited};
use crate::portal::{Problem, Reader, Submission, Tries, Writer};
use crate::report::{Purpose, Report};
use crate::stop::Stop;

pub(super) async fn run(shell: &Shell, args: &CancelArgs) -> Result<Exit> {
    let keys = shell.keys(&args.targets.targets)?;
    shell
        .with_portal(async |portal| {
            let report = cancel_all(shell, args, &keys, portal).await?;
            shell.emit_report(&report)
        })
        .await
}

async fn cancel_all(shell: &Shell, args: &CancelArgs, keys: &[OfferKey], portal: &Portal) -> Result<Report> {
    let patience = shell::patience(&args.waiting, &portal.reader);
    let find = future::join_all(keys.iter().map(|key| find(&portal.reader, key, patience, &shell.stop)));
    let found = shell.until_stopped(async { Ok(find.await) }).await?;
    let runs = found.iter().filter_map(|found| found.as_ref().ok()).filter(|(_, runs)| *runs);
    let runs = runs.map(|(key, _)| key.to_string()).collect::<Vec<_>>();
    let question = format!("Cancel the running operations of {}?", runs.join(", "));
    let approval = match runs.is_empty() {
        true => None,
        false => Some(shell.approve(&args.consent, question, "nothing was canceled").await?),
    };
    let patience = shell::patience(&args.waiting, &portal.reader);
    let progress = Progress::new(shell.term);
    let writer = approval.map(|approval| Writer::new(portal.reader.clone(), approval));
    let work = found.into_iter().map(|found| one(found, writer.as_ref(), patience, &shell.stop, &progress));
    let outcomes = future::join_all(work).await;
    progress.finish();
    Ok(Report { purpose: Purpose::Cancel, outcomes, traffic: portal.reader.traffic(), ..Report::default() })
}

type Found = Result<(OfferKey, bool), (OfferKey, End)>;

async fn find(reader: &Reader, key: &OfferKey, patience: Patience, stop: &Stop) -> Found {
    let found = async {
        let submissions = reader.submissions(key).await?;
        if submissions.is_empty() {
            reader.expect_offer(key).await?;
        }
        Ok::<_, Problem>(Submission::running(&submissions).is_some())
    };
    match operation::within(patience, stop, found).await {
        Ok(Ok(runs)) => Ok((key.clone(), runs)),
        Ok(Err(problem)) => Err((key.clone(), problem.into())),
        Err(_) => Err((key.clone(), End::TimedOut)),
    }
}

/// Asks for the cancel. Without a clear answer it is asked for again while the submissions show that something runs:
/// the portal takes a second request for the same cancel as the first.
async fn ask(writer: &Writer, key: &OfferKey) -> Result<(), Problem> {
    let mut tries = Tries::default();
    while let Err(problem) = writer.cancel(key, tries).await {
        writer.pause(problem, key, &mut tries).await?;
        if Submission::running(&writer.reader().submissions(key).await?).is_none() {
            break;
        }
    }
    Ok(())
}

async fn one(found: Found, writer: Option<&Writer>, patience: Patience, stop: &Stop, progress: &Progress) -> Outcome {
    let (key, runs) = match found {
        Ok(found) => found,
        Err((key, end)) => return Outcome { key, done: vec![], end, applied: None },
    };
    let ended = |done: &[Done], end| Outcome { key: key.clone(), done: done.to_vec(), end, applied: None };
    let Some(writer) = writer.filter(|_| runs) else { return ended(&[Done::AtRest], End::Done) };
    if stop.is_set() {
        return ended(&[], End::NotAttempted);
    }
    if let Err(problem) = ask(writer, &key).await {
        return ended(&[], problem.into());
    }
    let seen = |look: Look<'_>| progress.tell(&Event::look(&key, look));
    let wait = Wait { reader: writer.reader(), key: &key, path: None, goal: Goal::Canceled, patience };
    let outcome = match operation::wait(wait, stop, &seen).await {
        Waited::Reached(Rest::Canceled) => ended(&[Done::Canceled], End::Done),
        Waited::Reached(_) => ended(&[Done::AtRest], End::Done),
        Waited::Ended(why) => ended(&[], End::OperationEnded(why)),
        Waited::TimedOut => ended(&[], End::TimedOut),
        Waited::Interrupted => ended(&[], End::Interrupted),
        Waited::Lost(problem) => ended(&[], problem.into()),
    };
    progress.tell(&Event::Ended(outcome.clone()));
    outcome
}
