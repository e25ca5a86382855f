//! A portal of one's own: serves the wire contract on loopback, with both profiles, operations on a clock and faults on
//! demand.
//!
//! ```text
//!            HTTP            values                                              disk
//! client ─► server ─► faults ─► portal ─► put ─────► definition ─► artifact
//!   └► proxy ─┘│                   ├────► offer ───► submission          ┌─► state_file
//!              ├─► control, login  └────► documents                      │
//!              └─► journal                                 after a change┘
//! ```
//!
//! Everything from `portal` on is a pure function of the request and its time; randomness comes from a salted counter
//! (`mint`). Publishing has no timers: a submission remembers when it began and how long a step takes, and is settled
//! before each request. What is not known of the real portal is a switch in [`Switches`], never a silent guess.

mod artifact;
mod control;
mod definition;
mod documents;
mod faults;
mod journal;
mod login;
mod mint;
mod moment;
mod offer;
mod portal;
mod proxy;
mod put;
mod refusal;
mod reply;
mod routes;
mod seed;
mod server;
mod state_file;
mod submission;
mod switches;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::model::{Profile, PublisherId};
use portal::Settings;
use server::Server;
use state_file::StateFile;

pub use proxy::{Proxy, ProxyOptions};
pub use seed::{Seed, read_seed_dir};
pub use switches::{AbsentSecret, FinalWord, IfMatchOnCreate, MissingIfMatch, PutWhileRunning, Switches};

/// How long requests in flight may take when the sandbox stops.
const GRACE: Duration = Duration::from_secs(1);

/// How a sandbox is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen. Only loopback addresses are accepted, since anyone who reaches the sandbox may change it.
    pub listen: SocketAddr,
    /// The offers to begin with, where there is no state yet.
    pub seed: Seed,
    /// The profile of seeded documents that do not tell theirs, and of offers that a PUT creates.
    pub default_profile: Profile,
    /// Publishers that are known though they have no offer. Others answer 403, unless they have offers; where none is
    /// named here, a portal without offers knows all, and a first offer can be created for any.
    pub publishers: Vec<PublisherId>,
    /// Every publisher is known, whatever is named or there.
    pub any_publisher: bool,
    /// How long one step of publishing takes.
    pub step_time: Duration,
    /// A file that keeps the state. Where it exists, the seed is not used.
    pub state: Option<PathBuf>,
    /// The bearer token that is demanded; without one, any will do.
    pub token: Option<String>,
    /// The answers to open questions.
    pub switches: Switches,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: Seed::Contoso,
            default_profile: Profile::Native,
            publishers: Vec::new(),
            any_publisher: false,
            step_time: Duration::from_secs(2),
            state: None,
            token: None,
            switches: Switches::default(),
        }
    }
}

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
    /// When the address is not a loopback one or cannot be used, a seed document makes no sense, or the state file is
    /// in use, cannot be read or cannot be written.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { listen, seed, default_profile, publishers, any_publisher, step_time, state, token, switches } =
            options;
        if !listen.ip().is_loopback() {
            return Err(Error::invalid(format!("the sandbox only listens on loopback addresses, not on {listen}")));
        }
        let file = state.as_deref().map(StateFile::open).transpose()?;
        let loaded = file.as_ref().map(StateFile::load).transpose()?.flatten();
        let portal = match loaded {
            Some(portal) => portal,
            None => seed.portal(&uuid::Uuid::new_v4().to_string(), wall_clock(), default_profile)?,
        };
        let step_millis = i64::try_from(step_time.as_millis()).unwrap_or(i64::MAX);
        let publishers = publishers.into_iter().collect();
        let settings = Settings { default_profile, publishers, any_publisher, step_millis, switches };
        let server = Arc::new(Server::new(portal, file, settings, token)?);
        let cannot_listen = |error| Error::failed(format!("cannot listen on {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(cannot_listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(cannot_listen)?);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(listener, router(&server)).with_graceful_shutdown(async {
            // A dropped sender means the same as a message.
            let _ = stopped.await;
        });
        Ok(Self { url, server, stop, task: tokio::spawn(serving.into_future()) })
    }

    /// Where it listens, such as `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What answers requests, for another way in.
    fn router(&self) -> axum::Router {
        router(&self.server)
    }

    /// Lets requests in flight finish, saves the state, and gives the state file free.
    ///
    /// # Errors
    /// When the state cannot be saved or the server had failed.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { url: _, server, stop, mut task } = self;
        // The task is the only receiver; if it is gone, it has stopped already.
        let _ = stop.send(());
        match tokio::time::timeout(GRACE, &mut task).await {
            Ok(Ok(served)) => served.map_err(|error| Error::failed(format!("the sandbox stopped serving: {error}")))?,
            Ok(Err(error)) => return Err(Error::failed(format!("the sandbox failed: {error}"))),
            Err(_) => task.abort(),
        }
        server.close()
    }
}

fn router(server: &Arc<Server>) -> axum::Router {
    axum::Router::new().fallback(server::handle).with_state(Arc::clone(server))
}

fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
