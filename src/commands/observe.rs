//! Reads from the portal what the planner needs, and nothing that it does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio::task::JoinSet;

use super::bases::Bases;
use super::declared::{Supply, Ticket};
use super::known::Known;
use super::progress::Reading;
use super::shell::Shell;
use crate::artifact::Looker;
use crate::content::{Contents, Pair};
use crate::diagnostic::Diagnostic;
use crate::diff::{self, Diff};
use crate::drift;
use crate::lint;
use crate::live::Live;
use crate::model::{OfferKey, Slot};
use crate::parallel::Workers;
use crate::plan::{self, Choices, Content, Estimate, InProgress, ReleaseStep, ReleaseView, Unchanged, Unread, Verdict};
use crate::portal::{Problem, Reader, Submission};
use crate::schema::{Schemas, Shape};
use crate::term::Term;
use crate::workspace::{Desired, Through};

/// What it takes to read and compare an offer. Cheap to clone.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) reader: Reader,
    pub(super) schemas: Arc<Schemas>,
    workers: Workers,
    /// What looks at the files behind artifacts, unless they are left out.
    pub(super) looker: Option<Arc<Looker>>,
    /// What compared equal before, unless every offer is read.
    pub(super) known: Option<Arc<Known>>,
    /// Since what edits of the portal are marked.
    bases: Bases,
}

/// A document up to this size is compared where it was read; a larger one on a thread of its own, so that requests and
/// signals are served meanwhile.
const SMALL: usize = 64 << 10;

impl Desk {
    pub(super) fn new(shell: &Shell, reader: &Reader, looker: Option<Arc<Looker>>) -> Self {
        let (schemas, workers) = (Arc::clone(&shell.schemas), shell.workers.clone());
        Self { reader: reader.clone(), schemas, workers, looker, known: None, bases: Bases::default() }
    }

    /// The same, and what is known is not read.
    pub(super) fn knowing(self, known: Option<&Arc<Known>>) -> Self {
        Self { known: known.cloned(), ..self }
    }

    /// The same, and edits of the portal since these bases are marked.
    pub(super) fn marking(self, bases: Bases) -> Self {
        Self { bases, ..self }
    }

    /// Whether an offer is as it was when it compared equal last. It is not read then.
    pub(super) async fn skips(&self, ticket: &Ticket) -> bool {
        let Some(known) = &self.known else { return false };
        known.list(&self.reader, &ticket.desired.key.publisher).await;
        known.skips(&ticket.desired, ticket.clean)
    }

    /// Computes something about documents of this size.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        size: usize,
        job: impl FnOnce(&Schemas) -> T + Send + 'static,
    ) -> T {
        if size <= SMALL {
            return job(&self.schemas);
        }
        let schemas = Arc::clone(&self.schemas);
        self.workers.run(move || job(&schemas)).await
    }
}

/// What was decided of one offer, and what lints say of it now that the portal's side is known.
pub(super) struct Decided {
    pub(super) verdict: Verdict,
    /// The recipients that the portal does not notify of a publish.
    pub(super) ignored_notify: Vec<Diagnostic>,
    /// The live signatures of declared blobs that end soon.
    pub(super) ending: Vec<Diagnostic>,
    /// Why edits of the portal are not marked, where they should be.
    pub(super) baseless: Option<String>,
}

impl Decided {
    /// An offer that is known to be unchanged.
    pub(super) fn unchanged(key: OfferKey) -> Self {
        let verdict = Verdict::Unchanged(Box::new(Unchanged { key, diff: Diff::default(), base: None }));
        Self { verdict, ignored_notify: Vec::new(), ending: Vec::new(), baseless: None }
    }

    /// Adds what lints say of a verdict.
    pub(super) fn new(desired: &Desired, mut verdict: Verdict, shape: &Shape, detail: Detail) -> Self {
        let (diff, publishes) = match &verdict {
            Verdict::Change(plan) => (&plan.diff, plan.release.contains(&ReleaseStep::Publish).then_some(plan.profile)),
            Verdict::Unchanged(unchanged) => (&unchanged.diff, None),
            Verdict::Unread(_) => {
                return Self { verdict, ignored_notify: Vec::new(), ending: Vec::new(), baseless: None };
            }
        };
        let ignored_notify = publishes.and_then(|profile| lint::notify_ignored(desired, profile)).into_iter().collect();
        let live = diff.signatures.iter().map(|one| (&one.address, one.ends.as_deref())).collect::<BTreeMap<_, _>>();
        let ending = match live.is_empty() {
            true => Vec::new(),
            false => lint::live_signatures(desired, &live, shape, jiff::Timestamp::now()),
        };
        if let (Verdict::Unchanged(unchanged), Detail::Numbers) = (&mut verdict, detail) {
            unchanged.diff = std::mem::take(&mut unchanged.diff).without_places();
        }
        Self { verdict, ignored_notify, ending, baseless: None }
    }
}

impl Decided {
    /// Marks the changes that undo edits of the portal since the base of the offer.
    pub(super) fn marking(
        self,
        bases: &Bases,
        desired: &Desired,
        live: &Live,
        contents: &Contents,
        shape: &Shape,
    ) -> Self {
        if !matches!(self.verdict, Verdict::Change(_)) {
            return self;
        }
        match bases.of(desired) {
            Ok((_, base)) => {
                let edits = drift::portal_edits(desired, base, live, contents, shape);
                Self { verdict: self.verdict.marking(&edits), ..self }
            }
            Err(why) => Self { baseless: why, ..self },
        }
    }
}

/// What is kept of the comparison of an unchanged offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of it.
    Places,
    /// How much was hidden, and not where: there may be many such offers.
    Numbers,
}

/// Reads and decides every offer, several at once. The result is in the order of the keys.
pub(super) async fn verdicts(
    shell: &Shell,
    desk: &Desk,
    supply: &mut Supply,
    choices: &Choices,
    detail: Detail,
    at_once: usize,
) -> Vec<Decided> {
    let (desk, choices) = (desk.clone(), Arc::new(choices.clone()));
    let one = move |ticket: Ticket| {
        let (desk, choices) = (desk.clone(), Arc::clone(&choices));
        async move { decide(&desk, ticket, &choices, detail).await }
    };
    all(each(shell.term, at_once, supply, one).await)
}

/// Does something for each offer, several at once, each in a task of its own, and shows how many are done. The results
/// are in the order of the keys, those that could not be read apart; an offer that is skipped has none. An offer is in memory from when it is taken until it
/// is done.
pub(super) async fn each<T: Send + 'static, F>(
    term: Term,
    at_once: usize,
    supply: &mut Supply,
    work: impl Fn(Ticket) -> F,
) -> (Vec<T>, Vec<Unread>)
where
    F: Future<Output = Result<Option<T>, Unread>> + Send + 'static,
{
    let reading = Reading::new(term, supply.most());
    let (mut good, mut unread) = (Vec::new(), Vec::new());
    let mut running = JoinSet::new();
    let mut is_over = false;
    loop {
        tokio::select! {
            biased;
            Some(done) = running.join_next() => {
                let (key, result): (OfferKey, Result<Option<T>, Unread>) = done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
                match result {
                    Ok(one) => good.extend(one.map(|one| (key, one))),
                    Err(one) => unread.push(one),
                }
                reading.one_more();
            }
            ticket = supply.next(), if !is_over && running.len() < at_once => match ticket {
                Some(ticket) => {
                    let key = ticket.desired.key.clone();
                    let work = work(ticket);
                    running.spawn(async move { (key, work.await) });
                }
                None => is_over = true,
            },
            else => break,
        }
    }
    good.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    unread.sort_unstable_by(|a: &Unread, b| a.key.cmp(&b.key));
    (good.into_iter().map(|(_, one)| one).collect(), unread)
}

/// Returns what was decided, and what could not be, as decided.
pub(super) fn all((decided, unread): (Vec<Decided>, Vec<Unread>)) -> Vec<Decided> {
    let unread = unread.into_iter().map(|unread| Decided {
        verdict: Verdict::Unread(unread),
        ignored_notify: Vec::new(),
        ending: Vec::new(),
        baseless: None,
    });
    decided.into_iter().chain(unread).collect()
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
    desk: &Desk,
    ticket: Ticket,
    choices: &Arc<Choices>,
    detail: Detail,
) -> Result<Option<Decided>, Unread> {
    if desk.skips(&ticket).await {
        return Ok(None);
    }
    let (size, clean, known, bases) = (ticket.size(), ticket.clean, desk.known.clone(), desk.bases.clone());
    let (desired, _room) = ticket.split();
    let (live, length, release) = read_sized(desk, &desired, choices.through(&desired)).await?;
    let size = size.max(length);
    let choices = Arc::clone(choices);
    let first = move |schemas: &Schemas| {
        let shape = schemas.shape(&desired.offer_type);
        let nothing = Contents::default();
        let compare = if detail == Detail::Numbers { plan::count } else { plan::compare };
        let diff = compare(&desired, &live, &nothing, shape, &choices);
        let more = bases.artifacts(&desired, &live, shape);
        if diff.artifacts.is_empty() && more.is_empty() {
            let mut verdict = plan::conclude(&desired, &live, &release, nothing, diff, shape, &choices);
            if let (Verdict::Change(plan), Detail::Numbers) = (&mut verdict, detail) {
                plan.diff = plan::compare(&desired, &live, &Contents::default(), shape, &choices);
            }
            // What is published, and how long signatures last, is in no list of drafts.
            if let (Verdict::Unchanged(one), Some(known), Through::Draft) = (&verdict, known, choices.through(&desired))
                && one.diff.signatures.is_empty()
            {
                known.note(&desired, clean, &live);
            }
            let decided = Decided::new(&desired, verdict, shape, detail);
            return Ok(decided.marking(&bases, &desired, &live, &Contents::default(), shape));
        }
        let mut pairs = plan::artifacts(&desired, &live, diff, shape, &choices);
        pairs.extend(more);
        pairs.sort();
        pairs.dedup();
        Err(Box::new((desired, live, release, pairs, choices, bases)))
    };
    let (desired, live, release, pairs, choices, bases) = match desk.compute(size, first).await {
        Ok(decided) => return Ok(Some(decided)),
        Err(open) => *open,
    };
    let contents = match &desk.looker {
        Some(looker) => looker.look(&pairs).await,
        None => Contents::default(),
    };
    let again = move |schemas: &Schemas| {
        let shape = schemas.shape(&desired.offer_type);
        let diff = plan::compare(&desired, &live, &contents, shape, &choices);
        let verdict = plan::conclude(&desired, &live, &release, contents.clone(), diff, shape, &choices);
        Decided::new(&desired, verdict, shape, detail).marking(&bases, &desired, &live, &contents, shape)
    };
    Ok(Some(desk.compute(size, again).await))
}

/// Looks at the files behind the artifacts that `asked` names, unless they are left out. The document is given back.
pub(super) async fn contents(
    desk: &Desk,
    size: usize,
    live: Live,
    asked: impl FnOnce(&Live, &Schemas) -> Vec<Pair> + Send + 'static,
) -> (Live, Contents) {
    let Some(looker) = &desk.looker else { return (live, Contents::default()) };
    let ask = |schemas: &Schemas| {
        let pairs = asked(&live, schemas);
        (live, pairs)
    };
    let (live, pairs) = desk.compute(size, ask).await;
    let contents = if pairs.is_empty() { Contents::default() } else { looker.look(&pairs).await };
    (live, contents)
}

/// Finds the artifacts of an offer that only their content can compare.
pub(super) fn artifacts_of(desired: &Desired) -> impl FnOnce(&Live, &Schemas) -> Vec<Pair> + Send + use<> {
    let desired = desired.clone();
    move |live, schemas| diff::artifacts(&desired.document, live, schemas.shape(&desired.offer_type))
}

/// Reads an offer, and its other slots where it goes beyond the draft.
pub(super) async fn read(desk: &Desk, desired: &Desired, through: Through) -> Result<(Live, ReleaseView), Unread> {
    let (live, _, release) = read_sized(desk, desired, through).await?;
    Ok((live, release))
}

/// As [`read`], with the length of the document.
async fn read_sized(desk: &Desk, desired: &Desired, through: Through) -> Result<(Live, usize, ReleaseView), Unread> {
    let unread = |problem| unread(&desired.key, &problem);
    let (live, length) = desk.reader.offer_sized(&desired.key).await.map_err(unread)?;
    let release = match (&live, through) {
        (Live::Absent, _) | (_, Through::Draft) => ReleaseView::NOTHING,
        (Live::Present(_), _) => release_view(desk, desired, length).await.map_err(unread)?,
    };
    Ok((live, length, release))
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

async fn release_view(desk: &Desk, desired: &Desired, length: usize) -> Result<ReleaseView, Problem> {
    let Desired { key, offer_type, .. } = desired;
    let reader = &desk.reader;
    let (preview, production, status, submissions) = tokio::try_join!(
        reader.slot(key, Slot::Preview),
        reader.slot(key, Slot::Production),
        reader.status(key),
        reader.submissions(key),
    )?;
    let shape = desk.schemas.shape(offer_type);
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
    Ok(desk.compute(length, view).await)
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
