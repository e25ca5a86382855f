//! `offerctl wait`: waits for what runs on the portal, whoever started it. The state is the portal's: no file is read.
//! With `--through live` it goes on where the portal asks for the sign-off.

use futures_util::future;

use super::connect::Portal;
use super::progress::Progress;
use super::run::{NOTHING, no_secret, question, with_context};
use super::shell::{self, Shell};
use crate::apply::{self, Context, Done, End, Event, Outcome};
use crate::cli::WaitArgs;
use crate::error::{Exit, Result};
use crate::live::Live;
use crate::model::{OfferKey, Slot};
use crate::operation::{self, Goal, Look, Patience, Rest, Wait, Waited};
use crate::plan::Content;
use crate::portal::{OperationView, Problem, Reader, Submission};
use crate::report::{Purpose, Report};
use crate::schema::Schemas;
use crate::stop::Stop;
use crate::workspace::Through;

pub(super) async fn run(shell: &Shell, args: &WaitArgs) -> Result<Exit> {
    let keys = shell.keys(&args.targets.targets)?;
    let through_live = args.through == Some(Through::Live);
    let approval = match through_live {
        true => {
            let question = question("Wait, then sign off and take live", keys.iter());
            Some(shell.approve(&args.consent, question, NOTHING).await?)
        }
        false => None,
    };
    shell
        .with_portal(async |portal| {
            let patience = shell::patience(&args.waiting, &portal.reader);
            let outcomes = match approval {
                Some(approval) => {
                    let work = async |context: &Context<'_>| {
                        future::join_all(keys.iter().map(|key| through(key, patience, context))).await
                    };
                    with_context(shell, portal, approval, Some(patience), (&no_secret, None), work).await
                }
                None => only_wait(shell, portal, &keys, patience).await,
            };
            let traffic = portal.reader.traffic();
            shell.emit_report(&Report { purpose: Purpose::Wait, outcomes, traffic, ..Report::default() })
        })
        .await
}

async fn only_wait(shell: &Shell, portal: &Portal, keys: &[OfferKey], patience: Patience) -> Vec<Outcome> {
    let progress = Progress::new(shell.term);
    let tell = |event| progress.tell(&event);
    let way = Way { reader: &portal.reader, patience, stop: &shell.stop, tell: &tell };
    let waits = keys.iter().map(async |key| {
        let (done, end) = match way.first(key).await {
            Ok(first) => way.rest(key, &first).await,
            Err(end) => (Vec::new(), end),
        };
        Outcome { key: key.clone(), done, end, applied: None }
    });
    // Waiting takes no place; the requests are bounded by themselves.
    let outcomes = future::join_all(waits).await;
    progress.finish();
    outcomes
}

/// Waits for the sign-off, gives it to the content that was on its way when the wait began, and waits until it is live.
async fn through(key: &OfferKey, patience: Patience, context: &Context<'_>) -> Outcome {
    let way = Way { reader: context.writer.reader(), patience, stop: context.stop, tell: context.tell };
    let ended = |done, end| Outcome { key: key.clone(), done, end, applied: None };
    let first = match way.first(key).await {
        Ok(first) => first,
        Err(end) => return ended(Vec::new(), end),
    };
    if !first.is_under_way() {
        let (done, end) = way.rest(key, &first).await;
        return if end == End::Done { apply::check_live(key, context).await } else { ended(done, end) };
    }
    let expected = match way.under_way(key, &first, context.schemas).await {
        Ok(Content::Known(expected)) => expected,
        Ok(Content::Unknown) => {
            let why = format!(
                "the portal does not show which content is being published, so it is not signed off; run `offerctl \
                    wait {key}`, check the preview, then run `offerctl go-live {key}`"
            );
            return ended(Vec::new(), End::Conflict(why));
        }
        Err(end) => return ended(Vec::new(), end),
    };
    let (done, end) = way.rest(key, &first).await;
    if end != End::Done {
        return ended(done, end);
    }
    // Whatever it rests at: what waits is signed off, and what is said to be live is compared.
    let outcome = apply::go_live(key, Some(&expected), context).await;
    let before = done.into_iter().filter(|done| *done == Done::InPreview);
    Outcome { done: before.chain(outcome.done).collect(), ..outcome }
}

struct Way<'a> {
    reader: &'a Reader,
    patience: Patience,
    stop: &'a Stop,
    tell: &'a (dyn Fn(Event) + Sync),
}

/// What the portal says when the wait begins.
struct First {
    status: Option<OperationView>,
    submissions: Vec<Submission>,
}

impl First {
    fn is_under_way(&self) -> bool {
        self.waits() || Submission::running(&self.submissions).is_some()
    }
    fn waits(&self) -> bool {
        self.status.as_ref().is_some_and(OperationView::awaits_signoff)
    }
}

impl Way<'_> {
    /// A read within the time that there is.
    async fn read<T>(&self, work: impl Future<Output = Result<T, Problem>>) -> Result<T, End> {
        match operation::within(self.patience, self.stop, work).await {
            Ok(read) => Ok(read?),
            Err(Waited::Interrupted) => Err(End::Interrupted),
            Err(_) => Err(End::TimedOut),
        }
    }

    async fn first(&self, key: &OfferKey) -> Result<First, End> {
        self.read(async {
            let (status, submissions) = tokio::try_join!(self.reader.status(key), self.reader.submissions(key))?;
            if status.is_none() {
                self.reader.expect_offer(key).await?;
            }
            Ok(First { status, submissions })
        })
        .await
    }

    /// The content of the submission that runs, else of the preview that waits.
    async fn under_way(&self, key: &OfferKey, first: &First, schemas: &Schemas) -> Result<Content, End> {
        self.read(async {
            let Live::Present(draft) = self.reader.offer(key).await? else { return Err(Problem::absent(key)) };
            let shape = schemas.shape(draft.document.get("offerTypeId").and_then(|id| id.as_str()).unwrap_or_default());
            let content = match Submission::running(&first.submissions) {
                Some(running) => self.reader.submitted(key, running, shape).await?,
                None => match self.reader.slot(key, Slot::Preview).await? {
                    Live::Present(preview) => Some(preview.digest(shape)),
                    Live::Absent => None,
                },
            };
            Ok(content.map_or(Content::Unknown, Content::Known))
        })
        .await
    }

    /// Waits until nothing runs. What ended badly before the wait began ends it as badly: a job that waits for what an
    /// earlier one started may come late.
    async fn rest(&self, key: &OfferKey, first: &First) -> (Vec<Done>, End) {
        if Submission::running(&first.submissions).is_none() {
            let bad = first.status.as_ref().filter(|_| !first.waits()).and_then(operation::ended_badly);
            return match bad {
                Some(why) => (Vec::new(), End::OperationEnded(why)),
                None if first.waits() => (vec![Done::InPreview], End::Done),
                None => (vec![Done::AtRest], End::Done),
            };
        }
        let seen = |look: Look<'_>| (self.tell)(Event::look(key, look));
        let wait = Wait { reader: self.reader, key, path: None, goal: Goal::Rest, patience: self.patience };
        let (done, end) = ended(operation::wait(wait, self.stop, &seen).await);
        (self.tell)(Event::Ended(Outcome { key: key.clone(), done: done.clone(), end: end.clone(), applied: None }));
        (done, end)
    }
}

fn ended(waited: Waited) -> (Vec<Done>, End) {
    match waited {
        Waited::Reached(Rest::Signoff) => (vec![Done::InPreview], End::Done),
        Waited::Reached(Rest::Succeeded) => (vec![Done::Live], End::Done),
        Waited::Reached(Rest::Nothing) => (vec![Done::AtRest], End::Done),
        Waited::Reached(Rest::Canceled) => (vec![], End::OperationEnded(vec!["it was canceled".to_owned()])),
        Waited::Ended(why) => (vec![], End::OperationEnded(why)),
        Waited::TimedOut => (vec![], End::TimedOut),
        Waited::Interrupted => (vec![], End::Interrupted),
        Waited::Lost(problem) => (vec![], problem.into()),
    }
}
