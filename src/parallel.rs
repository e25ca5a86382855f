//! Work on all processors: batches that the caller waits for, and single jobs beside the task that reads. A leaf.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// How many items a thread takes at once: few, so that none waits for another that has the large ones.
const TAKEN: usize = 4;

/// Does the same with each item, on as many threads as there are processors. The answers are in the order of the items.
pub(crate) fn on_all_processors<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, work) = (AtomicUsize::new(0), &work);
    let share = || {
        let mut done = Vec::new();
        loop {
            let start = next.fetch_add(TAKEN, Ordering::Relaxed);
            let Some(taken) = items.get(start..items.len().min(start + TAKEN)).filter(|taken| !taken.is_empty()) else {
                return done;
            };
            done.extend(taken.iter().enumerate().map(|(at, item)| (start + at, work(item))));
        }
    };
    let threads = processors().min(items.len().div_ceil(TAKEN)).max(1);
    let mut done = std::thread::scope(|scope| {
        let others = (1..threads).map(|_| scope.spawn(share)).collect::<Vec<_>>();
        let mut done = share();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, answer)| answer).collect()
}

/// Runs jobs that compute on threads of their own, at most one for each processor, so that requests and signals are
/// served meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Workers(Arc<Semaphore>);

impl Workers {
    pub(crate) fn new() -> Self {
        Self::of(processors())
    }

    fn of(threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads)))
    }

    /// Runs a job and returns its result. A caller that stops waiting leaves the job running; it keeps its thread until
    /// it ends, and nothing waits for it.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        // Nothing closes the semaphore, so there always is a permit in the end.
        let permit = Arc::clone(&self.0).acquire_owned().await;
        let job = move || {
            let _permit = permit;
            job()
        };
        match tokio::task::spawn_blocking(job).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, and takes this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::Stop;
    use std::sync::mpsc;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn answers_are_in_the_order_of_the_items() {
        let items = (0..1000).collect::<Vec<_>>();
        assert_eq!(on_all_processors(&items, |item| item * 2), (0..2000).step_by(2).collect::<Vec<_>>());
        assert!(on_all_processors(&[0; 0], |item| *item).is_empty());
    }

    #[tokio::test]
    async fn the_task_that_reads_goes_on_while_a_job_computes() {
        let (sender, receiver) = mpsc::channel();
        let workers = Workers::of(1);
        let job = workers.run(move || receiver.recv_timeout(LONG));
        let (received, ()) = tokio::join!(job, async { sender.send(1).expect("sent") });
        assert_eq!(received, Ok(1));
    }

    #[tokio::test]
    async fn a_wish_to_stop_does_not_wait_for_a_job() {
        let (switch, stop) = Stop::new();
        let (sender, receiver) = mpsc::channel::<()>();
        let (began, begun) = tokio::sync::oneshot::channel();
        let workers = Workers::of(1);
        let job = workers.run(move || {
            began.send(()).expect("sent");
            receiver.recv_timeout(LONG).is_ok()
        });
        let signal = async {
            begun.await.expect("begun");
            switch.send(true).expect("sent");
        };
        let (done, ()) = tokio::join!(stop.unless(job), signal);
        assert_eq!(done, None);
        // The job still runs: it is given what it waits for only now.
        sender.send(()).expect("somebody receives");
    }

    #[tokio::test]
    async fn no_more_jobs_run_at_once_than_there_are_places() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let workers = Workers::of(2);
        let job = || {
            let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
            std::thread::yield_now();
            RUNNING.fetch_sub(1, Ordering::SeqCst);
            running
        };
        let most = futures_util::future::join_all((0..200).map(|_| workers.run(job))).await.into_iter().max();
        assert!(most.is_some_and(|most| most <= 2), "{most:?}");
    }
}
