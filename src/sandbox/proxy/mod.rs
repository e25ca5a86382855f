//! A CONNECT proxy on loopback that plays the portal's and the login's https hosts, for clients that have these hosts
//! built in.
//!
//! ```text
//! client ─ CONNECT host:443 ─► connect ─► authority (ends TLS) ─ requests ─► the sandbox's own router
//!                                 └─ anything else: refused
//! ```
//!
//! It never connects to anything: what is in a tunnel is answered by the sandbox, and there are no other tunnels.

mod authority;
mod connect;
mod environment;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::serve::{IncomingStream, Listener};
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::server::TlsStream;

use super::connection::{Line, Scissors};
use super::{GRACE, Sandbox};
use crate::error::Error;
use authority::{Authority, CaFile};

/// The portal as its clients know it.
const PORTAL: &str = "cloudpartner.azure.com";
/// The hosts that are played: the portal, and those that clients get tokens from.
const HOSTS: [&str; 4] = [PORTAL, "login.microsoftonline.com", "login.microsoft.com", "login.windows.net"];
/// How long a client may take to ask for a tunnel and to agree on TLS.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait after a connection could not be accepted, which happens when there are too many.
const AFTER_ACCEPT_FAILED: Duration = Duration::from_millis(500);
/// How many tunnels may be ready and not yet served.
const READY_TUNNELS: usize = 64;
/// How many notices wait for someone who reads them; more are lost.
const UNREAD_NOTICES: usize = 64;

/// How a proxy is run.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// Where to listen. Only loopback addresses are accepted.
    pub listen: SocketAddr,
    /// The file for the certificate that clients have to trust; without one, it is in a temporary folder that is
    /// removed at the end.
    pub ca_file: Option<PathBuf>,
}

/// A running proxy in front of a [`Sandbox`]. It ends when the value is dropped, but only [`Proxy::stop`] waits for that.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    ca_file: CaFile,
    variables: Vec<(&'static str, String)>,
    notices: mpsc::Receiver<String>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// Starts to take connections for this sandbox.
    ///
    /// # Errors
    /// When the address is not a loopback one or cannot be used, or the certificate cannot be made or written.
    pub async fn start(sandbox: &Sandbox, options: ProxyOptions) -> Result<Self, Error> {
        let ProxyOptions { listen, ca_file } = options;
        if !listen.ip().is_loopback() {
            return Err(Error::invalid(format!("the proxy only listens on loopback addresses, not on {listen}")));
        }
        let authority = Authority::new()?;
        let cannot_listen = |error| Error::failed(format!("cannot listen on {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(cannot_listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(cannot_listen)?);
        let ca_file = CaFile::write(ca_file.as_deref(), &authority.pem())?;
        let variables = environment::variables(&url, ca_file.path())?;

        let (ready, tunnels) = mpsc::channel(READY_TUNNELS);
        let (sender, notices) = mpsc::channel(UNREAD_NOTICES);
        let sender = Notices(sender);
        let door = Door { authority, base_url: sandbox.url().to_owned(), ready, notices: sender.clone() };
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::new(door)));
        let (stop, stopped) = oneshot::channel::<()>();
        let router = sandbox.router().layer(middleware::from_fn_with_state(sender, at_host));
        let service = router.into_make_service_with_connect_info::<Tunnel>();
        let serving = axum::serve(Tunnels(tunnels), service).with_graceful_shutdown(async {
            // A dropped sender means the same as a message.
            let _ = stopped.await;
        });
        let serving = tokio::spawn(serving.into_future());
        Ok(Self { url, ca_file, variables, notices, stop, serving, _accepting: accepting })
    }

    /// Where it listens, such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate that clients have to trust.
    pub fn ca_file(&self) -> &Path {
        self.ca_file.path()
    }

    /// The environment that points a client at the proxy: names and values.
    pub fn environment(&self) -> &[(&'static str, String)] {
        &self.variables
    }

    /// The same as lines that a POSIX shell evaluates.
    pub fn exports(&self) -> String {
        environment::exports(&self.variables)
    }

    /// The next thing that whoever runs the proxy should hear of: a request that was refused, a client that does not
    /// trust the certificate. Clients seldom show what a proxy answers.
    pub async fn notice(&mut self) -> String {
        match self.notices.recv().await {
            Some(notice) => notice,
            None => std::future::pending().await,
        }
    }

    /// Takes no more connections, and lets requests in flight finish.
    ///
    /// # Errors
    /// When the proxy had failed.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { stop, mut serving, _accepting: accepting, .. } = self;
        drop(accepting);
        // The task is the only receiver; if it is gone, it has stopped already.
        let _ = stop.send(());
        match tokio::time::timeout(GRACE, &mut serving).await {
            Ok(Ok(served)) => served.map_err(|error| Error::failed(format!("the proxy stopped serving: {error}")))?,
            Ok(Err(error)) => return Err(Error::failed(format!("the proxy failed: {error}"))),
            Err(_) => serving.abort(),
        }
        Ok(())
    }
}

struct Door {
    authority: Authority,
    base_url: String,
    ready: mpsc::Sender<(Decrypted, Tunnel)>,
    notices: Notices,
}

/// The sending end of [`Proxy::notice`].
#[derive(Debug, Clone)]
struct Notices(mpsc::Sender<String>);

impl Notices {
    fn tell(&self, notice: impl Into<String>) {
        let notice = notice.into();
        tracing::info!("{notice}");
        // Nobody has to listen.
        let _ = self.0.try_send(notice);
    }
}

type Decrypted = TlsStream<BufReader<Line>>;

/// Which host a client believes to talk to, and what cuts the connection below.
#[derive(Debug, Clone)]
struct Tunnel {
    host: &'static str,
    scissors: Scissors,
}

/// Where a client in a tunnel found us, such as `https://login.microsoftonline.com`: an extension of its requests.
#[derive(Debug, Clone)]
pub(super) struct Origin(pub(super) String);

/// Takes connections until it is dropped, and those with it that have no tunnel yet.
async fn accept(listener: TcpListener, door: Arc<Door>) {
    let mut pending = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                pending.spawn(admit(BufReader::new(Line::new(stream)), Arc::clone(&door)));
            }
            Err(error) => {
                door.notices.tell(format!("the proxy cannot take a connection: {error}"));
                tokio::time::sleep(AFTER_ACCEPT_FAILED).await;
            }
        }
        while pending.try_join_next().is_some() {}
    }
}

/// From a connection to a tunnel, or to a refusal.
async fn admit(stream: BufReader<Line>, door: Arc<Door>) {
    match tokio::time::timeout(PATIENCE, open(stream, &door)).await {
        Ok(Ok(Some(tunnel))) => {
            // The receiver is gone only when the proxy stops.
            let _ = door.ready.send(tunnel).await;
        }
        Ok(Ok(None)) => {}
        Ok(Err(problem)) => door.notices.tell(problem),
        Err(_) => door.notices.tell("a client of the proxy asked for nothing, and its connection was closed"),
    }
}

async fn open(mut stream: BufReader<Line>, door: &Door) -> Result<Option<(Decrypted, Tunnel)>, String> {
    let broke_off = |error: io::Error| format!("a client of the proxy broke off: {error}");
    let Some(head) = connect::read_head(&mut stream).await.map_err(broke_off)? else { return Ok(None) };
    let host = match connect::judge(&head) {
        Ok(host) => host,
        Err(refused) => {
            door.notices.tell(format!("the proxy refused a request: {}", refused.reason));
            // Whether the client stays to hear it is its own affair.
            let _ = connect::refuse(&mut stream, &refused, &door.base_url).await;
            return Ok(None);
        }
    };
    let scissors = stream.get_ref().scissors();
    let acceptor = door.authority.acceptor(host).map_err(|error| error.to_string())?;
    connect::welcome(&mut stream).await.map_err(broke_off)?;
    let decrypted = acceptor.accept(stream).await.map_err(|error| {
        format!("a client broke off TLS with {host}: {error}; does it trust the certificate that the sandbox wrote?")
    })?;
    Ok(Some((decrypted, Tunnel { host, scissors })))
}

/// Tunnels, where a server expects a socket to take connections from.
struct Tunnels(mpsc::Receiver<(Decrypted, Tunnel)>);

impl Listener for Tunnels {
    type Io = Decrypted;
    type Addr = Tunnel;

    async fn accept(&mut self) -> (Decrypted, Tunnel) {
        match self.0.recv().await {
            Some(tunnel) => tunnel,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Tunnel> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "tunnels have no address"))
    }
}

impl Connected<IncomingStream<'_, Tunnels>> for Tunnel {
    fn connect_info(stream: IncomingStream<'_, Tunnels>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Keeps each host to what it serves: the portal has no tokens, and the login no offers.
async fn at_host(
    State(notices): State<Notices>,
    Extension(ConnectInfo(Tunnel { host, scissors })): Extension<ConnectInfo<Tunnel>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let for_portal = matches!(path.split('/').nth(1), Some("api" | "_sandbox"));
    if for_portal != (host == PORTAL) {
        let text = format!("{host} was asked for {}, which it does not serve", path.escape_debug());
        notices.tell(text.as_str());
        return (StatusCode::NOT_FOUND, format!("offerctl sandbox: {text}.\n")).into_response();
    }
    request.extensions_mut().insert(Origin(format!("https://{host}")));
    request.extensions_mut().insert(ConnectInfo(scissors));
    next.run(request).await
}
