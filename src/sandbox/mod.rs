//! A portal of one's own: serves the wire contract on loopback, with both profiles, operations on a clock and faults on
//! demand.
//!
//! ```text
//!            HTTP            values                                              disk
//! client ─► server ─► gate ─► faults ─► portal ─► put ─► definition ─► artifact
//!   └► proxy ┘ ├─► control                ├────► offer ─► submission     ┌─► store
//!              └─► journal                └────► documents               │
//!                                                    before it is answered
//! ```
//!
//! Everything from `portal` on is a pure function of the request and its time; randomness comes from a salted counter
//! (`mint`). Publishing has no timers: a submission remembers when it began and how long a step takes, and is settled
//! before each request. What is not known of the real portal is a switch in [`Switches`], never a silent guess.

mod answer;
mod artifact;
mod clock;
mod connection;
mod content;
mod control;
mod definition;
mod documents;
mod faults;
mod fetch;
mod findings;
mod gate;
mod http;
mod journal;
mod mint;
mod moment;
mod offer;
mod options;
mod portal;
mod proxy;
mod put;
mod refusal;
mod reply;
mod routes;
mod seed;
mod server;
mod store;
mod submission;
mod switches;
#[cfg(test)]
mod tests;

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::Error;
use connection::{Door, Scissors};
use server::Server;
use store::Store;

pub use gate::Client;
pub(crate) use options::ClockChoice;
pub use options::Options;
pub use proxy::{Proxy, ProxyOptions};
pub use seed::Seed;
pub(crate) use seed::read_faults;
pub use switches::{FinalWord, MissingIfMatch, Refuses, Switches};

/// How long requests in flight may take when the sandbox stops.
const GRACE: Duration = Duration::from_secs(1);

/// A running sandbox. It ends when the value is dropped, but only [`Sandbox::stop`] waits for that.
#[derive(Debug)]
pub struct Sandbox {
    url: String,
    server: Arc<Server>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Sandbox {
    /// Starts to serve. Returns when requests are taken.
    ///
    /// # Errors
    /// When the address is not a loopback one or cannot be used, a seed document or a fault makes no sense, or the
    /// state file is in use, cannot be read or cannot be written.
    pub async fn start(options: Options) -> Result<Self, Error> {
        options.check()?;
        let (listen, state) = (options.listen, options.state.clone());
        let (settings, gate, beginning) = options.take_apart()?;
        let first = || beginning.portal(&settings);
        let (mut portal, store) = match state {
            Some(path) => {
                let (store, portal) = Store::open(&path, first)?;
                (portal, Some(store))
            }
            None => (first()?, None),
        };
        let wall = wall_clock();
        portal.clock = portal.clock.stepped(beginning.stands_at.is_some(), wall);
        let cannot_listen = |error| Error::failed(format!("cannot listen on {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(cannot_listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(cannot_listen)?);
        let server = Arc::new(Server::new((portal, store), settings, gate, beginning, url.clone())?);
        let (stop, stopped) = oneshot::channel::<()>();
        let router = router(&server).into_make_service_with_connect_info::<Scissors>();
        let serving = axum::serve(Door(listener), router).with_graceful_shutdown(async {
            // A dropped sender means the same as a message.
            let _ = stopped.await;
        });
        Ok(Self { url, server, stop, task: tokio::spawn(serving.into_future()) })
    }

    /// Where it listens, such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What answers requests, for another way in.
    fn router(&self) -> axum::Router {
        router(&self.server)
    }

    /// Lets requests in flight finish, and gives the state file free.
    ///
    /// # Errors
    /// When the server had failed.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { url: _, server, stop, mut task } = self;
        // The task is the only receiver; if it is gone, it has stopped already.
        let _ = stop.send(());
        let served = match tokio::time::timeout(GRACE, &mut task).await {
            Ok(Ok(served)) => served.map_err(|error| Error::failed(format!("the sandbox stopped serving: {error}"))),
            Ok(Err(error)) => Err(Error::failed(format!("the sandbox failed: {error}"))),
            Err(_) => {
                task.abort();
                Ok(())
            }
        };
        server.close();
        served
    }
}

fn router(server: &Arc<Server>) -> axum::Router {
    axum::Router::new().fallback(http::handle).with_state(Arc::clone(server))
}

fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
