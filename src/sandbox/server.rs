//! What all requests share, and how they come to it: reads look at the portal as it is; a change is tried on a copy,
//! written down, and only then seen by anyone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::json;

use super::clock::Clock;
use super::faults::{Fault, Faults};
use super::fetch::Fetcher;
use super::gate::{Gate, Key};
use super::journal::Journal;
use super::portal::{Portal, Settings};
use super::reply::Reply;
use super::seed::Seed;
use super::store::Store;
use crate::error::Error;
use crate::model::OfferKey;

/// How the sandbox begins, and begins again.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) seed: Seed,
    pub(super) salt: String,
    /// Where a clock that stands starts.
    pub(super) stands_at: Option<i64>,
    pub(super) random_seed: u64,
    pub(super) faults: Vec<Fault>,
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) settings: Settings,
    pub(super) gate: Gate,
    pub(super) own: String,
    pub(super) fetcher: Fetcher,
    beginning: Beginning,
    portal: RwLock<Portal>,
    /// Whether a change waits for a disk, so that it must not be made on a thread that serves requests.
    pub(super) blocks: bool,
    /// Held while something changes, one at a time.
    disk: Mutex<Option<Store>>,
    /// Whether the sandbox has stopped; what comes in after that is not carried out.
    closed: AtomicBool,
    faults: Mutex<Faults>,
    journal: Mutex<Journal>,
    snapshots: Mutex<BTreeMap<String, Portal>>,
}

/// A lock that a request left by panicking is as good as any: nothing is changed in place.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Beginning {
    /// The portal as it is at the start.
    pub(super) fn portal(&self, settings: &Settings) -> Result<Portal, Error> {
        let wall = super::wall_clock();
        let clock = self.stands_at.map_or(Clock::Real { ahead: 0 }, |now| Clock::Stepped { now });
        self.seed.portal(&self.salt, clock, clock.now(wall), settings.default_profile)
    }

    fn faults(&self, now: i64) -> Faults {
        let mut faults = Faults::new(self.random_seed);
        self.faults.iter().for_each(|fault| faults.add(fault.clone(), now));
        faults
    }
}

impl Server {
    /// A server for this portal, which is what the store holds.
    pub(super) fn new(
        (portal, store): (Portal, Option<Store>),
        settings: Settings,
        gate: Gate,
        beginning: Beginning,
        own: String,
    ) -> Result<Self, Error> {
        let fetcher = Fetcher::new()
            .map_err(|error| Error::failed(format!("the sandbox cannot make an HTTP client: {error}")))?;
        let gate = Gate { key: Key::new(portal.mint.salt()), ..gate };
        let faults = Mutex::new(beginning.faults(portal.clock.now(super::wall_clock())));
        Ok(Self {
            settings,
            gate,
            own,
            fetcher,
            beginning,
            portal: RwLock::new(portal),
            blocks: store.is_some(),
            disk: Mutex::new(store),
            closed: AtomicBool::new(false),
            faults,
            journal: Mutex::default(),
            snapshots: Mutex::default(),
        })
    }

    /// Gives the state file free, even where a connection lingers.
    pub(super) fn close(&self) {
        let mut disk = lock(&self.disk);
        self.closed.store(true, Ordering::Release);
        *disk = None;
    }

    /// The answer to whoever comes too late.
    pub(super) fn stopped(&self) -> Option<Reply> {
        let stopped = || json!({"error": {"code": "SandboxStopped", "message": "the sandbox stops"}});
        self.closed.load(Ordering::Acquire).then(|| Reply::json(503, stopped()))
    }

    /// The sandbox's own time, which the control route can move.
    pub(super) fn now(&self) -> i64 {
        self.read(|portal| portal.clock.now(super::wall_clock()))
    }

    /// Looks at the portal as it is.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Portal) -> T) -> T {
        look(&self.portal.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    /// Changes something about one offer. A change that is not on the disk has not happened, and the answer says so.
    /// Blocks while it is written.
    pub(super) fn change(&self, key: &OfferKey, change: impl FnOnce(&mut Portal) -> Reply) -> Reply {
        self.transact(|portal| portal.excerpt(key), change)
    }

    pub(super) fn advance(&self, millis: i64) -> Reply {
        let nothing = |portal: &Portal| Portal { offers: BTreeMap::new(), copies: BTreeMap::new(), ..portal.clone() };
        self.transact(nothing, |portal| {
            portal.clock.advance(millis);
            let now = portal.clock.now(super::wall_clock());
            Reply::json(200, json!({"ok": true, "nowMs": now}))
        })
    }

    fn transact(&self, excerpt: impl FnOnce(&Portal) -> Portal, change: impl FnOnce(&mut Portal) -> Reply) -> Reply {
        let disk = lock(&self.disk);
        if let Some(stopped) = self.stopped() {
            return stopped;
        }
        let before = self.read(excerpt);
        let mut after = before.clone();
        let reply = change(&mut after);
        if !reply.is_success() {
            return reply;
        }
        let saved = disk.as_ref().map_or(Ok(()), |store| store.commit(Some(&before), &after));
        if let Err(error) = saved {
            return not_saved(&error);
        }
        self.portal.write().unwrap_or_else(PoisonError::into_inner).take_in(after);
        reply
    }

    /// Puts another portal in the place of this one.
    fn replace(&self, portal: Portal) -> Reply {
        let disk = lock(&self.disk);
        if let Some(stopped) = self.stopped() {
            return stopped;
        }
        if let Err(error) = disk.as_ref().map_or(Ok(()), |store| store.replace(&portal)) {
            return not_saved(&error);
        }
        *self.portal.write().unwrap_or_else(PoisonError::into_inner) = portal;
        Reply::json(200, json!({"ok": true}))
    }

    /// Begins again: the seed, the faults of the start, no requests.
    pub(super) fn reset(&self) -> Reply {
        let portal = match self.beginning.portal(&self.settings) {
            Ok(portal) => portal,
            Err(error) => {
                return Reply::json(500, json!({"error": {"code": "SandboxFailed", "message": error.to_string()}}));
            }
        };
        let now = portal.clock.now(super::wall_clock());
        let reply = self.replace(portal);
        if reply.is_success() {
            *self.faults() = self.beginning.faults(now);
            *self.journal() = Journal::default();
        }
        reply
    }

    /// The names of the snapshots.
    pub(super) fn snapshots(&self) -> Vec<String> {
        lock(&self.snapshots).keys().cloned().collect()
    }

    /// Keeps what is there under a name.
    pub(super) fn keep(&self, name: &str) {
        let portal = self.read(Clone::clone);
        lock(&self.snapshots).insert(name.to_owned(), portal);
    }

    /// Forgets a snapshot; whether there was one.
    pub(super) fn forget(&self, name: &str) -> bool {
        lock(&self.snapshots).remove(name).is_some()
    }

    /// Brings back what was kept under a name.
    pub(super) fn restore(&self, name: &str) -> Option<Reply> {
        let portal = lock(&self.snapshots).get(name).cloned()?;
        Some(self.replace(portal))
    }
}

fn not_saved(error: &Error) -> Reply {
    tracing::error!(%error, "a change was not made because it could not be saved");
    Reply::json(500, json!({"error": {"code": "SandboxStateNotSaved", "message": error.to_string()}}))
}

/// Does something that may wait for the disk, off the threads that serve requests.
pub(super) async fn off_thread<T: Send + 'static>(
    server: &Arc<Server>,
    work: impl FnOnce(&Server) -> T + Send + 'static,
) -> Option<T> {
    let server = Arc::clone(server);
    let done = tokio::task::spawn_blocking(move || work(&server)).await;
    done.inspect_err(|error| tracing::error!(%error, "a request failed inside the sandbox")).ok()
}
