//! The user's wish to stop. A leaf.

use tokio::sync::watch;

/// Says that the user wants to stop. Work that was begun on the portal is finished, nothing new is begun.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A signal and its switch.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Whether the user asked to stop.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the user asks to stop.
    pub(crate) async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stop| *stop).await.is_err() {
            // The switch is gone, so nobody will ask.
            std::future::pending::<()>().await;
        }
    }

    /// Does something that may be given up, until the user asks to stop: `None` then, and at once when that is so
    /// already.
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.wait() => None,
            done = work => Some(done),
        }
    }
}
