//! How many requests are under way at once, and how many a run may send. A server that throttles narrows the gate for
//! the rest of the run, and closes it for the time that it asks for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Gate {
    places: Semaphore,
    width: Mutex<Width>,
    max_requests: Option<u64>,
    sent: AtomicU64,
}

#[derive(Debug)]
struct Width {
    /// How many may be under way.
    limit: usize,
    /// Places that go as soon as their requests are answered.
    surplus: usize,
    /// Counts the narrowings: several requests that were under way together tell of one overload.
    epoch: u64,
    closed_until: Option<Instant>,
}

/// A place among the requests that are under way; given back when they are answered.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    place: Option<SemaphorePermit<'a>>,
    epoch: u64,
}

impl Gate {
    pub(super) fn new(limit: usize, max_requests: Option<u64>) -> Self {
        let limit = limit.max(1);
        let width = Mutex::new(Width { limit, surplus: 0, epoch: 0, closed_until: None });
        Self { places: Semaphore::new(limit), width, max_requests, sent: AtomicU64::new(0) }
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) async fn enter(&self) -> Pass<'_> {
        let place = self.places.acquire().await.ok();
        loop {
            let closed_until = self.width().closed_until.filter(|until| *until > Instant::now());
            let Some(until) = closed_until else { break };
            tokio::time::sleep_until(until).await;
        }
        Pass { gate: self, place, epoch: self.width().epoch }
    }

    fn width(&self) -> MutexGuard<'_, Width> {
        self.width.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Counts a request; whether the run may send it.
    pub(super) fn send(&self) -> bool {
        let Gate { max_requests, sent, .. } = self.gate;
        let count = |sent| Some(sent + 1).filter(|sent| max_requests.is_none_or(|max| *sent <= max));
        sent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).is_ok()
    }

    /// The server throttles: half as many from now on, and none for the time it asks for.
    pub(super) fn throttled(&self, asked: Option<Duration>) {
        let mut width = self.gate.width();
        if let Some(asked) = asked {
            width.closed_until = width.closed_until.max(Some(Instant::now() + asked));
        }
        if width.epoch != self.epoch || width.limit == 1 {
            return;
        }
        let narrower = width.limit.div_ceil(2).min(width.limit - 1);
        let fewer = width.limit - narrower;
        let gone = self.gate.places.forget_permits(fewer);
        width.surplus += fewer - gone;
        width.limit = narrower;
        width.epoch += 1;
        tracing::warn!(
            at_once = narrower,
            "the portal throttles: sending fewer requests at once for the rest of the \
            run"
        );
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut width = self.gate.width();
        if width.surplus > 0 {
            width.surplus -= 1;
            if let Some(place) = self.place.take() {
                place.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn is_full(gate: &Gate) -> bool {
        gate.enter().now_or_never().is_none()
    }

    #[tokio::test]
    async fn throttling_halves_what_is_under_way_once_for_each_overload() {
        let gate = Gate::new(8, None);
        let mut passes = Vec::new();
        for _ in 0..8 {
            passes.push(gate.enter().await);
        }
        passes.iter().for_each(|pass| pass.throttled(None));
        assert_eq!(gate.width().limit, 4);
        passes.drain(..4);
        assert!(is_full(&gate), "four are under way, and four is the limit");
        passes.clear();
        for _ in 0..4 {
            passes.push(gate.enter().await);
        }
        assert!(is_full(&gate));
        // Down to one, and never to none.
        for expected in [2, 1, 1] {
            passes.clear();
            let pass = gate.enter().await;
            pass.throttled(None);
            assert_eq!(gate.width().limit, expected);
        }
        let only = gate.enter().await;
        assert!(is_full(&gate));
        drop(only);
        assert!(!is_full(&gate));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_while_the_server_asks_for_a_pause() {
        let gate = Gate::new(2, None);
        gate.enter().await.throttled(Some(Duration::from_secs(30)));
        let before = Instant::now();
        drop(gate.enter().await);
        assert_eq!(before.elapsed().as_secs(), 30);
    }

    #[tokio::test]
    async fn a_run_sends_no_more_than_it_may() {
        let gate = Gate::new(2, Some(2));
        let pass = gate.enter().await;
        assert!(pass.send() && gate.enter().await.send());
        assert!(!pass.send() && !pass.send());
        assert_eq!(gate.sent(), 2);
    }
}
