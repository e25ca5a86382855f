//! What the commands share: the streams, the way to the portal, the threads, the user's wish to stop.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::project;
use super::secrets::Secrets;
use super::sinks::check_unlinked;
use crate::cli::{Consent, Global, Waiting};
use crate::error::{Error, Exit, Result};
use crate::operation::Patience;
use crate::parallel::Workers;
use crate::portal::{Approval, Reader};
use crate::redact;
use crate::render::ReadFrom;
use crate::schema::Schemas;
use crate::stop::Stop;
use crate::term::Term;
use crate::workspace::{Loaded, Project};

pub(super) struct Shell {
    pub(super) global: Global,
    pub(super) term: Term,
    /// The project that the command runs in, or why it cannot be used.
    pub(super) found: Result<Option<Arc<Project>>>,
    /// Those of the project, or the program's own where there is none that can be used: then its error comes first.
    pub(super) schemas: Arc<Schemas>,
    /// All that the project's files say, once it was asked for.
    pub(super) loaded: OnceLock<Loaded>,
    pub(super) workers: Workers,
    pub(super) stop: Stop,
    pub(super) command: &'static str,
    /// The way to the portal and its name, once it is open.
    pub(super) reader: OnceLock<(Reader, String)>,
    /// The secrets that were read for request bodies. They are held until the last text has left, so that all are known.
    pub(super) secrets: OnceLock<Secrets>,
}

impl Shell {
    pub(super) fn new(global: Global, term: Term, command: &'static str) -> Self {
        let (switch, stop) = Stop::new();
        tokio::spawn(listen(switch, term));
        let (found, schemas) = project::find(global.env.as_deref());
        schemas.secret_names().into_iter().for_each(redact::hide_field);
        let (workers, loaded, reader, secrets) = (Workers::new(), OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { global, term, found, schemas, loaded, workers, stop, command, reader, secrets }
    }

    /// Computes something on a thread of its own: the task that reads goes on meanwhile, and a wish to stop is noticed.
    pub(super) async fn compute<T: Send + 'static>(&self, job: impl FnOnce(&Schemas) -> T + Send + 'static) -> T {
        let schemas = Arc::clone(&self.schemas);
        self.workers.run(move || job(&schemas)).await
    }

    /// Does something that changes nothing, until the user stops it.
    pub(super) async fn until_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = self.stop.unless(work).await;
        // Reads are given up for the same wish, so a result that came with it may be half of one.
        done.filter(|_| !self.stop.is_set())
            .unwrap_or_else(|| Err(Error::new(Exit::Interrupted, "interrupted; nothing was changed")))
    }

    /// A yes to what a command is about to do: by `--yes`, else by an answer on the terminal. `nothing` is what has not
    /// happened without one, such as "nothing was written".
    pub(super) async fn approve(&self, consent: &Consent, question: String, nothing: &str) -> Result<Approval> {
        if consent.yes {
            return Ok(Approval::Flag);
        }
        if !self.term.interactive {
            let message = format!("confirmation required, but this is not a terminal; {nothing}");
            return Err(Error::invalid(message).hint("pass --yes"));
        }
        let term = self.term;
        let answer = tokio::task::spawn_blocking(move || term.confirm(&question));
        match self.until_stopped(async { Ok(answer.await.unwrap_or(false)) }).await? {
            true => Ok(Approval::Prompt),
            false => Err(Error::new(Exit::Refused, format!("not approved; {nothing}"))),
        }
    }

    /// Returns the portal, once it was asked, and the environment of the project.
    pub(super) fn read_from(&self) -> ReadFrom<'_> {
        let project = self.found.as_ref().ok().and_then(Option::as_deref);
        let environment = project.and_then(|project| project.environment.as_deref());
        ReadFrom { portal: self.reader.get().map(|(_, name)| name.as_str()), environment }
    }

    /// Returns a line about the portal and the requests, if the run sent any.
    pub(super) fn traffic(&self) -> Option<String> {
        let (reader, portal) = self.reader.get()?;
        let environment = self.read_from().environment;
        let traffic = Some(reader.traffic()).filter(|traffic| traffic.requests > 0)?;
        Some(crate::render::traffic(traffic, portal, environment))
    }
}

/// How to wait at this portal, from now on.
pub(super) fn patience(waiting: &Waiting, reader: &Reader) -> Patience {
    Patience::new(reader.is_loopback(), waiting.wait_timeout.map(|timeout| Instant::now() + timeout))
}

/// Makes the project's `.offerctl`, for what is kept between runs: what was written to the embedded portal, secrets
/// included, must not be committed.
pub(super) fn own_folder(folder: &Path) -> Result<()> {
    check_own_folder(folder)?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
        std::fs::write(&ignore, "*\n").map_err(|error| Error::io("write", &ignore, &error))?;
    }
    Ok(())
}

/// Checks that the project's `.offerctl` and the files in it are no links: those would be written and read elsewhere.
pub(super) fn check_own_folder(folder: &Path) -> Result<()> {
    check_unlinked(folder)?;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().try_for_each(|entry| check_unlinked(&entry.path()))
}

/// Tells the commands when the user wants to stop; the second time, does not wait for them.
async fn listen(switch: tokio::sync::watch::Sender<bool>, term: Term) {
    signal().await;
    if switch.send(true).is_err() {
        return;
    }
    term.alert("Stopping after the requests in flight. Press Ctrl-C again to exit now.");
    signal().await;
    #[expect(clippy::exit, reason = "the user asked twice; everything on the portal goes on there")]
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

/// Ctrl-C, or SIGTERM where there is such a thing.
pub(super) async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
