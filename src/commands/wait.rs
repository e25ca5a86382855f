//! `offerctl wait`: waits for what runs on the portal, whoever started it. The state is the portal's: no file is read.

use futures_util::future;

use super::progress::Progress;
use super::shell::{self, Shell};
use crate::apply::{Done, End, Event, Outcome};
use crate::cli::WaitArgs;
use crate::error::{Exit, Result};
use crate::model::OfferKey;
use crate::operation::{self, Goal, Patience, Rest, Stop, Waited};
use crate::portal::{OperationView, Reader, Submission};
use crate::report::{Purpose, Report};

pub(super) async fn run(shell: &Shell, args: &WaitArgs) -> Result<Exit> {
    let keys = shell.keys(&args.targets.targets)?;
    let portal = shell.connect().await?;
    let patience = shell::patience(&args.waiting, &portal.reader);
    let progress = Progress::new(shell.term);
    let waits = keys.iter().map(|key| one(&portal.reader, key, patience, &shell.stop, &progress));
    // Waiting takes no place; the requests are bounded by themselves.
    let outcomes = future::join_all(waits).await;
    progress.finish();
    let report = Report { purpose: Purpose::Wait, outcomes, traffic: portal.reader.traffic(), ..Report::default() };
    portal.close().await?;
    shell.emit_report(&report)
}

async fn one(reader: &Reader, key: &OfferKey, patience: Patience, stop: &Stop, progress: &Progress) -> Outcome {
    let ended = |done: &[Done], end| Outcome { key: key.clone(), done: done.to_vec(), end };
    let first = async {
        let (status, submissions) = tokio::try_join!(reader.status(key), reader.submissions(key))?;
        if status.is_none() {
            reader.expect_offer(key).await?;
        }
        Ok((status, submissions))
    };
    let first = tokio::select! {
        () = stop.wait() => return ended(&[], End::Interrupted),
        first = first => first,
    };
    let (status, submissions) = match first {
        Ok(read) => read,
        Err(problem) => return ended(&[], End::Failed(problem)),
    };
    let waits = status.is_some_and(|status| status.awaits_signoff());
    match Submission::running(&submissions) {
        None if waits => return ended(&[Done::InPreview], End::Done),
        None => return ended(&[Done::AtRest], End::Done),
        Some(_) => {}
    }
    let seen = |view: &OperationView| progress.tell(&Event::Seen(key.clone(), view.clone()));
    let waited = operation::wait(reader, key, None, Goal::Rest, patience, stop, &seen).await;
    let outcome = outcome(key, waited);
    progress.tell(&Event::Ended(outcome.clone()));
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
        Waited::Lost(problem) => (vec![], End::Failed(problem)),
    };
    Outcome { key: key.clone(), done, end }
}
