//! The declared offers, read on all processors and handed over one by one, so that no more of them are in memory than
//! are worked on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::known::{Known, Skipped};
use super::project::Outside;
use super::shell::Shell;
use crate::diagnostic::{Code, Diagnostic, Severity, Source, Span};
use crate::error::Error;
use crate::lint::{self, Context};
use crate::model::{OfferKey, Shard};
use crate::parallel::on_all_processors;
use crate::redact;
use crate::schema::Schemas;
use crate::workspace::{Desired, Listed, Parts, Project};

/// How many offers are read ahead of those that are worked on.
const AHEAD: usize = 64;
/// How many bytes of offer files are in memory at once, handed over or not.
const ROOM: usize = 16 << 20;
/// What a single offer counts at most, so that there is always room for the next one.
const MOST: usize = ROOM / 2;

/// Which lints run while files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lints {
    None,
    /// Those that are errors in the project.
    Errors,
    All,
}

/// What the files of a project say of all offers, without their documents.
#[derive(Debug, Default)]
pub(super) struct Roll {
    /// How many files were read.
    pub(super) files: usize,
    /// The usable offers and their files, in the order of the keys.
    pub(super) offers: BTreeMap<OfferKey, String>,
    /// Those of other shards.
    pub(super) others: BTreeMap<OfferKey, String>,
    /// What is wrong, in the order of file and place.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Roll {
    pub(super) fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).count()
    }
}

/// Where an offer is declared.
struct Claim {
    key: OfferKey,
    path: String,
    line: usize,
    /// Where its id is written.
    id: Option<(Span, Arc<str>)>,
}

/// Reads every offer file on all processors, and gives each usable offer away, with whether nothing was found in it;
/// nothing instead of one that is not usable. What is known to be unchanged by its bytes is skipped.
pub(super) fn read_all(
    project: &Project,
    listed: Listed,
    schemas: &Schemas,
    lints: Lints,
    known: Option<&Known>,
    shard: Option<Shard>,
    give: &(dyn Fn(Option<(Desired, bool)>) + Sync),
) -> Roll {
    let outside = Outside::new();
    let secrets = Mutex::new(BTreeSet::new());
    let is_ours = |key: &OfferKey| shard.is_none_or(|shard| shard.holds(key));
    let read = |parts: &Parts| {
        if let Some(Skipped { key, path, line }) = known.and_then(|known| known.skips_files(project, parts)) {
            key.names(&mut redact::keep_name);
            redact::keep_name(&path);
            return (Some(Claim { key, path, line, id: None }), Vec::new());
        }
        let (desired, mut findings) = project.read_offer(parts, schemas, &outside.surroundings());
        let Some(desired) = desired else {
            give(None);
            return (None, findings);
        };
        desired.names(schemas.shape(&desired.offer_type), &mut redact::keep_name);
        outside.secrets(&desired, &mut secrets.lock().unwrap_or_else(PoisonError::into_inner));
        let usable = findings.iter().all(|finding| finding.severity != Severity::Error);
        if !is_ours(&desired.key) {
            // Another machine tells of it.
            return (usable.then(|| claim(&desired)), Vec::new());
        }
        if lints != Lints::None {
            let found = self::lints(project, &desired, schemas, &findings);
            findings.extend(found);
            project.config.lints.apply(&mut findings);
            if lints == Lints::Errors {
                findings.retain(|finding| finding.severity == Severity::Error || !lint::is_lint(finding.code));
            }
        }
        let claim = usable.then(|| claim(&desired));
        let usable = findings.iter().all(|finding| finding.severity != Severity::Error);
        give(usable.then_some((desired, findings.is_empty())));
        (claim, findings)
    };
    let mut roll = Roll { files: listed.files, diagnostics: listed.diagnostics, ..Roll::default() };
    let mut lines = BTreeMap::<OfferKey, usize>::new();
    for (claim, findings) in on_all_processors(&listed.parts, read) {
        roll.diagnostics.extend(findings);
        let Some(claim) = claim else { continue };
        let offers = if is_ours(&claim.key) { &mut roll.offers } else { &mut roll.others };
        if let Some(path) = offers.get(&claim.key) {
            let first = format!("{path}:{}", lines[&claim.key]);
            let (span, path) = claim.id.map_or((None, claim.path.as_str().into()), |(span, path)| (Some(span), path));
            roll.diagnostics.push(project.declared_twice(&claim.key, &path, span, &first));
            continue;
        }
        lines.insert(claim.key.clone(), claim.line);
        offers.insert(claim.key, claim.path);
    }
    let place = |finding: &Diagnostic| {
        (finding.source.path.clone(), finding.span.map_or((0, 0), |span| (span.line, span.column)))
    };
    roll.diagnostics.sort_by_key(place);
    outside.hide(&secrets.into_inner().unwrap_or_else(PoisonError::into_inner));
    roll
}

fn claim(desired: &Desired) -> Claim {
    let id = desired.document.get("id").map(|node| (node.span, Arc::clone(&desired.sources.of(node.span).path)));
    Claim { key: desired.key.clone(), path: desired.path().to_owned(), line: desired.document.span.line, id }
}

/// Whether a file or a value could not be read: what else is wrong with it follows from that.
pub(super) fn is_broken(finding: &Diagnostic) -> bool {
    matches!(finding.code, Code::Artifact | Code::Sas)
}

/// Returns what the lints find in one offer. `read` is what was found when files were read.
pub(super) fn lints(project: &Project, desired: &Desired, schemas: &Schemas, read: &[Diagnostic]) -> Vec<Diagnostic> {
    let picture = |_: &Desired, path: &str| project.head(path).map(|bytes| lint::picture(&bytes));
    let context = Context { now: jiff::Timestamp::now(), picture: &picture };
    let mut found = lint::check(desired, schemas.shape(&desired.offer_type), &context);
    let same = |a: &Diagnostic, b: &Diagnostic| (&a.source.path, a.span) == (&b.source.path, b.span);
    found.retain(|finding| !read.iter().any(|other| is_broken(other) && same(other, finding)));
    found
}

/// An offer that was read, with its share of the memory.
pub(super) struct Ticket {
    pub(super) desired: Desired,
    /// Whether nothing was found in its files.
    pub(super) clean: bool,
    size: usize,
    /// Given back when the offer is done with.
    room: Option<OwnedSemaphorePermit>,
}

impl Ticket {
    /// An offer that is in memory anyway.
    pub(super) fn held(desired: Desired) -> Self {
        let size = size(&desired);
        Self { desired, clean: false, size, room: None }
    }

    /// How long its files are.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns the offer, and what frees its share of the memory when it is dropped.
    pub(super) fn split(self) -> (Desired, Option<OwnedSemaphorePermit>) {
        (self.desired, self.room)
    }
}

fn size(desired: &Desired) -> usize {
    desired.sources.iter().map(|source: &Source| source.text.len()).sum()
}

/// The offers that commands work on: in memory, or on their way there.
pub(super) enum Supply {
    Held(std::vec::IntoIter<Desired>),
    Ahead(Box<Ahead>),
}

impl Supply {
    /// Returns the next offer; nothing at the end, or where a file has an error.
    pub(super) async fn next(&mut self) -> Option<Ticket> {
        match self {
            Self::Held(offers) => offers.next().map(Ticket::held),
            Self::Ahead(ahead) => ahead.next().await,
        }
    }

    /// Waits until so much was read that the portal can be asked.
    pub(super) async fn begin(&mut self) {
        if let Self::Ahead(ahead) = self {
            ahead.begin().await;
        }
    }

    /// Whether a file that was read so far has an error.
    pub(super) fn is_faulty(&self) -> bool {
        matches!(self, Self::Ahead(ahead) if ahead.faulty.load(Ordering::Relaxed))
    }

    /// Drops the offers that were not taken, and returns what the files say, where that is not known yet.
    pub(super) async fn end(self) -> Option<Roll> {
        match self {
            Self::Held(_) => None,
            Self::Ahead(ahead) => Some(ahead.end().await),
        }
    }

    /// Returns what is wrong in the files, where anything is, else the other error.
    pub(super) async fn error(self, shell: &Shell, other: Option<Error>) -> Error {
        let roll = self.end().await.unwrap_or_default();
        let changed = || Error::failed("the offer files changed while they were read").hint("run the command again");
        shell.all_read(&roll).err().or(other).unwrap_or_else(changed)
    }

    /// The files of the offers that are in memory.
    pub(super) fn files(&self) -> BTreeMap<OfferKey, String> {
        match self {
            Self::Held(offers) => {
                offers.as_slice().iter().map(|offer| (offer.key.clone(), offer.path().to_owned())).collect()
            }
            Self::Ahead(_) => BTreeMap::new(),
        }
    }

    /// How many offers there may be.
    pub(super) fn most(&self) -> usize {
        match self {
            Self::Held(offers) => offers.len(),
            Self::Ahead(ahead) => ahead.files,
        }
    }
}

/// Offers that threads of their own read ahead.
pub(super) struct Ahead {
    files: usize,
    first: VecDeque<Ticket>,
    tickets: mpsc::Receiver<Ticket>,
    faulty: Arc<AtomicBool>,
    roll: tokio::task::JoinHandle<Roll>,
}

impl Ahead {
    /// Starts to read every file of the project.
    pub(super) fn start(
        project: Arc<Project>,
        schemas: Arc<Schemas>,
        lints: Lints,
        known: Option<Arc<Known>>,
        shard: Option<Shard>,
    ) -> Self {
        let listed = project.list();
        let files = listed.parts.len();
        let (sender, tickets) = mpsc::channel(AHEAD);
        let faulty = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&faulty);
        let room = Arc::new(Semaphore::new(ROOM));
        let runtime = tokio::runtime::Handle::current();
        let roll = tokio::task::spawn_blocking(move || {
            let give = |given: Option<(Desired, bool)>| {
                let Some((desired, clean)) = given.filter(|_| !stop.load(Ordering::Relaxed)) else {
                    return stop.store(true, Ordering::Relaxed);
                };
                let size = size(&desired);
                let share = u32::try_from(size.clamp(1, MOST)).unwrap_or(u32::MAX);
                // The semaphore is never closed. Dropped offers free what they hold.
                let room = runtime.block_on(Arc::clone(&room).acquire_many_owned(share)).ok();
                // They are no longer taken after a request to stop.
                let _ = sender.blocking_send(Ticket { desired, clean, size, room });
            };
            let roll = read_all(&project, listed, &schemas, lints, known.as_deref(), shard, &give);
            tracing::info!(project = %project.root.display(), files = roll.files, "project");
            roll
        });
        Self { files, first: VecDeque::new(), tickets, faulty, roll }
    }

    /// Waits for the first offers. The portal is asked only then, so errors in a project of usual size come first.
    async fn begin(&mut self) {
        let mut bytes = 0;
        while self.first.len() < AHEAD && bytes < MOST {
            let Some(ticket) = self.tickets.recv().await else { return };
            bytes += ticket.size;
            self.first.push_back(ticket);
        }
    }

    async fn next(&mut self) -> Option<Ticket> {
        if self.faulty.load(Ordering::Relaxed) {
            return None;
        }
        match self.first.pop_front() {
            Some(ticket) => Some(ticket),
            None => self.tickets.recv().await,
        }
    }

    /// Drops the offers that were not taken, and returns what the files say.
    async fn end(self) -> Roll {
        let Self { first, mut tickets, roll, .. } = self;
        drop(first);
        while tickets.recv().await.is_some() {}
        roll.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}
