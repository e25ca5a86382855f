//! What the commands share: the project, the way to the portal, the sinks, the user's wish to stop.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::{Format, Global, OutputSpec, Waiting};
use crate::error::{Error, Exit, Result};
use crate::model::{OfferKey, SecretRef};
use crate::operation::{Patience, Stop};
use crate::portal::{Endpoint, Reader, Settings, Token};
use crate::render::{self, Paint};
use crate::report::Report;
use crate::sandbox::{Options, Sandbox};
use crate::schema::Schemas;
use crate::term::Term;
use crate::workspace::{Loaded, Project, Surroundings, Target};

const PORTAL: &str = "https://cloudpartner.azure.com";
/// The name of the embedded portal, and the token for it.
const SANDBOX: &str = "sandbox";
const PARALLELISM: usize = 8;
/// How long a publishing step takes with `--sandbox`: long enough to be seen, short enough to be waited for.
const STEP_TIME: Duration = Duration::from_millis(200);

pub(super) struct Shell {
    pub(super) global: Global,
    pub(super) term: Term,
    pub(super) schemas: &'static Schemas,
    pub(super) stop: Stop,
}

/// A portal to talk to; the embedded one lives as long as this does.
pub(super) struct Portal {
    pub(super) reader: Reader,
    /// What a saved plan is bound to: the URL, or that it is the embedded one, whose port is never the same.
    pub(super) name: String,
    /// How many offers are worked on at once.
    pub(super) at_once: usize,
    sandbox: Option<Sandbox>,
}

impl Portal {
    /// Ends the embedded portal, its state saved.
    pub(super) async fn close(self) -> Result<()> {
        match self.sandbox {
            Some(sandbox) => sandbox.stop().await,
            None => Ok(()),
        }
    }
}

impl Shell {
    pub(super) fn new(global: Global, term: Term) -> Self {
        let (switch, stop) = Stop::new();
        tokio::spawn(listen(switch, term));
        Self { global, term, schemas: Schemas::builtin(), stop }
    }

    /// The project and the offers that the targets name. Warnings are printed; errors end the command.
    pub(super) fn load(&self, targets: &[String]) -> Result<(Project, Loaded)> {
        let (project, loaded) = self.read_project(targets)?;
        if loaded.has_errors() {
            let errors = render::plural(loaded.errors(), "error");
            return Err(Error::invalid(format!("the offer files have {errors}; nothing was read from the portal"))
                .with(loaded.diagnostics));
        }
        self.term.alert_text(&render::diagnostics(&loaded.diagnostics, self.term.stderr_color));
        Ok((project, loaded))
    }

    /// As [`Self::load`], with the findings left in the result.
    pub(super) fn read_project(&self, targets: &[String]) -> Result<(Project, Loaded)> {
        let targets = targets.iter().map(|target| Target::parse(target)).collect::<Result<Vec<_>>>()?;
        let project = self.project()?;
        let surroundings = Surroundings { env: &|name| std::env::var(name).ok(), today: today() };
        let loaded = project.load(self.schemas, &surroundings).select(&project, &targets)?;
        tracing::info!(project = %project.root.display(), files = loaded.files, "project");
        Ok((project, loaded))
    }

    fn project(&self) -> Result<Project> {
        Project::find(&current_folder()?)
            .map_err(|findings| Error::invalid("there is no usable project").with(findings))
    }

    /// The project, for commands that need none. One that is there and cannot be used is an error all the same: it
    /// might name another portal than the default one.
    fn project_if_any(&self) -> Result<Option<Project>> {
        if Project::exists(&current_folder()?) { self.project().map(Some) } else { Ok(None) }
    }

    /// The offers that the targets name, for commands that need no file: `publisher/offer` stands for itself.
    pub(super) fn keys(&self, targets: &[String]) -> Result<Vec<OfferKey>> {
        let named = targets.iter().map(|target| Target::parse(target)).collect::<Result<Vec<_>>>()?;
        let mut keys = named
            .iter()
            .filter_map(|target| match target {
                Target::Offer(key) => Some(key.clone()),
                Target::Path(_) => None,
            })
            .collect::<Vec<_>>();
        if keys.len() < targets.len() || targets.is_empty() {
            let paths =
                targets.iter().zip(&named).filter(|(_, t)| matches!(t, Target::Path(_))).map(|(text, _)| text.clone());
            let (_, loaded) = self.load(&paths.collect::<Vec<_>>())?;
            keys.extend(loaded.offers.into_iter().map(|desired| desired.key));
        }
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// Opens the way to the portal.
    pub(super) async fn connect(&self) -> Result<Portal> {
        let project = self.project_if_any()?;
        let config = project.as_ref().map(|project| &project.config);
        let sandbox = if self.global.sandbox { Some(self.start_sandbox(project.as_ref()).await?) } else { None };
        let endpoint = match (&sandbox, &self.global.endpoint, config.and_then(|config| config.endpoint.as_ref())) {
            (Some(sandbox), _, _) => endpoint(sandbox.url())?,
            (None, Some(endpoint), _) => endpoint.clone(),
            (None, None, Some(text)) => configured(text)?,
            (None, None, None) => endpoint(PORTAL)?,
        };
        // The embedded portal takes any token, so the real one stays where it is.
        let (name, token) = match &sandbox {
            Some(_) => (SANDBOX.to_owned(), Token::new(SANDBOX.to_owned())),
            None => (endpoint.to_string(), token(&endpoint)?),
        };
        let at_once = self.parallelism(project.as_ref());
        let settings = Settings { token, endpoint, parallelism: at_once, retries: self.global.retries };
        tracing::info!(endpoint = %settings.endpoint, "portal");
        let reader =
            Reader::new(settings).map_err(|error| Error::failed(format!("the HTTP client cannot start: {error}")))?;
        Ok(Portal { reader, name, at_once, sandbox })
    }

    async fn start_sandbox(&self, project: Option<&Project>) -> Result<Sandbox> {
        let project = project.ok_or_else(|| {
            Error::invalid("--sandbox keeps its state in the project, and there is none here")
                .hint("run it inside a project, or use `offerctl sandbox --state FILE` and --endpoint")
        })?;
        let folder = project.root.join(".offerctl");
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            // The state holds what was written to the portal, secrets included; it must not be committed.
            std::fs::create_dir_all(&folder).map_err(|error| Error::io("create", &folder, &error))?;
            std::fs::write(&ignore, "*\n").map_err(|error| Error::io("write", &ignore, &error))?;
        }
        let state = folder.join("sandbox.redb");
        // The files of the project may name any publisher; it is rehearsed here, whoever it belongs to.
        let options = Options { step_time: STEP_TIME, state: Some(state), any_publisher: true, ..Options::default() };
        Sandbox::start(options).await
    }

    fn parallelism(&self, project: Option<&Project>) -> usize {
        let flag = self.global.parallelism.map(usize::from);
        flag.or_else(|| project.and_then(|project| project.config.parallelism)).unwrap_or(PARALLELISM)
    }

    /// Does something that changes nothing, until the user stops it.
    pub(super) async fn until_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            result = work => result,
            () = self.stop.wait() => Err(Error::new(Exit::Interrupted, "interrupted; nothing was changed")),
        }
    }

    /// Asks a question, until it is answered or the user stops.
    pub(super) async fn confirm(&self, question: String) -> Result<bool> {
        let term = self.term;
        let answer = tokio::task::spawn_blocking(move || term.confirm(&question));
        self.until_stopped(async { Ok(answer.await.unwrap_or(false)) }).await
    }

    /// Writes one result to every sink that was asked for. Text goes to stdout when nothing else does. A sink that
    /// fails does not keep the result from the others.
    pub(super) fn emit(&self, render: &dyn Fn(Format, bool) -> String) -> Result<()> {
        let files = self.global.output.iter().filter_map(|output| Some((output.format, output.path.as_deref()?)));
        let written = files.map(|(format, path)| write_whole(path, &render(format, false))).collect::<Vec<_>>();
        self.to_stdout(&render(self.stdout_format(), self.term.stdout_color))?;
        written.into_iter().collect()
    }

    /// Writes a part of the result to stdout.
    pub(super) fn to_stdout(&self, text: &str) -> Result<()> {
        self.term
            .result(text)
            .map_err(|error| Error::failed(format!("the result cannot be written to stdout: {error}")))
    }

    /// Finds out before anything is done whether the files of the result can be written.
    pub(super) fn check_sinks(&self) -> Result<()> {
        self.global.output.iter().filter_map(|output| output.path.as_deref()).try_for_each(|path| {
            if path.is_dir() {
                return Err(Error::failed(format!("cannot write {}: it is a folder", path.display())));
            }
            tempfile::NamedTempFile::new_in(folder_of(path)).map(|_| ()).map_err(|error| unwritable(path, &error))
        })
    }

    /// Writes the report of a run to every sink.
    pub(super) fn emit_report(&self, report: &Report) -> Result<Exit> {
        self.emit(&|format, color| match format {
            Format::Json => render::report_json(report),
            Format::Text => render::report(report, Paint { color }),
        })?;
        Ok(report.exit())
    }

    /// Writes an error to the JSON sinks; people read it on stderr.
    pub(super) fn emit_error(&self, error: &Error) {
        let document = render::error_json(error);
        for OutputSpec { format, path } in &self.global.output {
            match (format, path) {
                // A sink that fails has failed before, or is about to be of no interest: the error is on stderr.
                (Format::Json, Some(path)) => drop(write_whole(path, &document)),
                (Format::Json, None) => drop(self.term.result(&document)),
                (Format::Text, _) => {}
            }
        }
    }

    /// The format of stdout.
    pub(super) fn stdout_format(&self) -> Format {
        let last = self.global.output.iter().rfind(|output| output.path.is_none());
        last.map_or(Format::Text, |output| output.format)
    }
}

/// An endpoint on a file's word. Whoever may change the file must not be able to send the token elsewhere.
fn configured(text: &str) -> Result<Endpoint> {
    let endpoint = endpoint(text)?;
    if endpoint.is_loopback() || endpoint.to_string() == PORTAL {
        return Ok(endpoint);
    }
    Err(Error::invalid(format!(
        "offerctl.toml names the endpoint {endpoint}, and a token is not sent there on a file's word"
    ))
    .hint("give it by --endpoint or OFFERCTL_ENDPOINT, if you trust it"))
}

/// The date in UTC, the same for a pipeline and a desk.
fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn endpoint(text: &str) -> Result<Endpoint> {
    text.parse::<Endpoint>().map_err(|error| Error::invalid(error.to_string()))
}

fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| Error::failed(format!("there is no current folder: {error}")))
}

/// The token of the environment. A portal on this machine gets a word of ours where there is none.
fn token(endpoint: &Endpoint) -> Result<Token> {
    match std::env::var("OFFERCTL_TOKEN") {
        Ok(token) if !token.trim().is_empty() => Ok(Token::new(token.trim().to_owned())),
        _ if endpoint.is_loopback() => Ok(Token::new(SANDBOX.to_owned())),
        _ => Err(Error::new(Exit::Denied, "there is no token for the portal: OFFERCTL_TOKEN is not set")
            .hint("OFFERCTL_TOKEN=$(az account get-access-token --resource https://cloudpartner.azure.com --query accessToken -o tsv)")
            .hint("to try without an account, use --sandbox")),
    }
}

/// How to wait at this portal, from now on.
pub(super) fn patience(waiting: &Waiting, reader: &Reader) -> Patience {
    Patience::new(reader.is_loopback(), waiting.wait_timeout.map(|timeout| Instant::now() + timeout))
}

/// Reads a secret at the moment at which a request body is made.
pub(super) fn secret(root: &Path) -> impl Fn(&SecretRef) -> Result<String, String> + Sync {
    let root = root.to_path_buf();
    move |reference| {
        let value = match reference {
            SecretRef::Env(name) => std::env::var(name).map_err(|_| "the variable is not set".to_owned())?,
            SecretRef::File(path) => {
                let text = std::fs::read_to_string(root.join(path)).map_err(|error| error.to_string())?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        if value.is_empty() { Err("it is empty".to_owned()) } else { Ok(value) }
    }
}

/// Writes a file whole or not at all.
pub(super) fn write_whole(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(|_| ()).map_err(|error| unwritable(path, &error))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The message names the user's path; the error's own text would name a temporary one.
fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::failed(format!("cannot write {}: {}", path.display(), error.kind()))
}

/// Tells the commands when the user wants to stop; the second time, does not wait for them.
async fn listen(switch: tokio::sync::watch::Sender<bool>, term: Term) {
    signal().await;
    if switch.send(true).is_err() {
        return;
    }
    term.alert("Stopping: what was begun is finished, nothing new is begun. Once more to leave at once.");
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
