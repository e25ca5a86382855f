//! What the commands share: the project, the way to the portal, the sinks, the user's wish to stop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::secrets::Secrets;
pub(super) use super::sinks::write_whole;
use crate::cli::{Consent, Global, Waiting};
use crate::diagnostic::{Code, Severity};
use crate::error::{Error, Exit, Result};
use crate::lint::{self, Context};
use crate::model::OfferKey;
use crate::operation::Patience;
use crate::portal::{Approval, Reader, Traffic};
use crate::redact;
use crate::render;
use crate::schema::Schemas;
use crate::stop::Stop;
use crate::term::Term;
use crate::workspace::{Desired, Loaded, Project, Surroundings, Target, Tree, on_all_processors};

pub(super) struct Shell {
    pub(super) global: Global,
    pub(super) term: Term,
    /// Those of the project, or the program's own where there is none that can be used: then its error comes first.
    pub(super) schemas: Arc<Schemas>,
    pub(super) stop: Stop,
    pub(super) command: &'static str,
    /// The way to the portal, once it is open.
    pub(super) reader: OnceLock<Reader>,
    /// The secrets that were read for request bodies. They are held until the last text has left, so that all are known.
    pub(super) secrets: OnceLock<Secrets>,
}

impl Shell {
    pub(super) fn new(global: Global, term: Term, command: &'static str) -> Self {
        let (switch, stop) = Stop::new();
        tokio::spawn(listen(switch, term));
        let project = current_folder().ok().and_then(|folder| Project::find(&folder).ok());
        let schemas = project.and_then(|project| project.schemas().ok());
        let schemas = schemas.unwrap_or_else(|| Arc::clone(Schemas::builtin()));
        schemas.secret_names().into_iter().for_each(redact::hide_field);
        Self { global, term, command, schemas, stop, reader: OnceLock::new(), secrets: OnceLock::new() }
    }

    /// The project and the offers that the targets name. Warnings are printed; errors end the command.
    pub(super) fn load(&self, targets: &[String]) -> Result<(Project, Loaded)> {
        let (project, loaded) = self.read_project(targets)?;
        self.usable(project, loaded)
    }

    fn usable(&self, project: Project, loaded: Loaded) -> Result<(Project, Loaded)> {
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
        let loaded = project.load(&self.schemas, &surroundings).select(&project, &targets)?;
        for offer in loaded.offers.iter().chain(&loaded.faulty) {
            offer.names(self.schemas.shape(&offer.offer_type), &mut redact::keep_name);
        }
        tracing::info!(project = %project.root.display(), files = loaded.files, "project");
        Ok((project, loaded))
    }

    /// Where bodies are logged: keeps what the files declare as secrets out of them, whatever the names of the fields say,
    /// and whether or not the command reads files.
    pub(super) fn prepare_log(&self, project: &Project) {
        if tracing::enabled!(target: "offerctl::portal::transport", tracing::Level::TRACE) {
            let surroundings = Surroundings { env: &|name| std::env::var(name).ok(), today: today() };
            let loaded = project.load(&self.schemas, &surroundings);
            let offers = loaded.offers.iter().chain(&loaded.faulty);
            offers.for_each(|offer| offer.document.secret_fields(&mut redact::hide_field));
        }
    }

    /// As [`Self::read_project`], with what the lints find, each at the level that the project gives it.
    pub(super) fn read_linted(&self, targets: &[String]) -> Result<(Project, Loaded)> {
        let (project, mut loaded) = self.read_project(targets)?;
        let picture = |_: &Desired, path: &str| project.head(path).map(|bytes| lint::picture(&bytes));
        let context = Context { now: jiff::Timestamp::now(), picture: &picture };
        let offers = loaded.offers.iter().chain(&loaded.faulty).collect::<Vec<_>>();
        let check = |offer: &&Desired| lint::check(offer, self.schemas.shape(&offer.offer_type), &context);
        let found = on_all_processors(&offers, check).into_iter().flatten();
        let broken = loaded.diagnostics.iter().filter(|finding| finding.code == Code::Artifact);
        let broken = broken.map(|finding| (&finding.source.path, finding.span)).collect::<Vec<_>>();
        // What is wrong with a value whose file could not be read follows from that.
        let found = found.filter(|finding| !broken.contains(&(&finding.source.path, finding.span)));
        let found = found.collect::<Vec<_>>();
        loaded.diagnostics.extend(found);
        loaded.sort();
        project.config.lints.apply(&mut loaded.diagnostics);
        Ok((project, loaded))
    }

    /// As [`Self::load`], stopped by lints that are errors too. Those that are warnings are left to `validate`.
    pub(super) fn load_linted(&self, targets: &[String]) -> Result<(Project, Loaded)> {
        let (project, mut loaded) = self.read_linted(targets)?;
        loaded.diagnostics.retain(|finding| finding.severity == Severity::Error || !lint::is_lint(finding.code));
        self.usable(project, loaded)
    }

    /// What the project's files said at a revision. Values of `!env` are those of now.
    pub(super) fn load_revision(&self, project: &Project, tree: &Tree) -> Loaded {
        let surroundings = Surroundings { env: &|name| std::env::var(name).ok(), today: today() };
        project.load_revision(tree, &self.schemas, &surroundings)
    }

    fn project(&self) -> Result<Project> {
        let unusable = |findings| Error::invalid("there is no usable project").with(findings);
        let project = Project::find(&current_folder()?).map_err(unusable)?;
        project.schemas().map_err(|finding| unusable(vec![*finding]))?;
        Ok(project)
    }

    /// The project, for commands that need none. One that is there and cannot be used is an error all the same: it
    /// might name another portal than the default one.
    pub(super) fn project_if_any(&self) -> Result<Option<Project>> {
        if Project::exists(&current_folder()?) { self.project().map(Some) } else { Ok(None) }
    }

    /// The offers that the targets name, for commands that need no file: `publisher/offer` stands for itself.
    pub(super) fn keys(&self, targets: &[String]) -> Result<Vec<OfferKey>> {
        Ok(self.selection(targets)?.into_keys().collect())
    }

    /// As [`Self::keys`], with whom the portal tells about each, where its file was read.
    pub(super) fn selection(&self, targets: &[String]) -> Result<BTreeMap<OfferKey, Vec<String>>> {
        let named = targets.iter().map(|target| Target::parse(target)).collect::<Result<Vec<_>>>()?;
        let mut selection = named
            .iter()
            .filter_map(|target| match target {
                Target::Offer(key) => Some((key.clone(), Vec::new())),
                Target::Path(_) => None,
            })
            .collect::<BTreeMap<_, _>>();
        selection.keys().for_each(|key| key.names(&mut redact::keep_name));
        if targets.is_empty() || named.iter().any(|target| matches!(target, Target::Path(_))) {
            let paths =
                targets.iter().zip(&named).filter(|(_, t)| matches!(t, Target::Path(_))).map(|(text, _)| text.clone());
            let (_, loaded) = self.load(&paths.collect::<Vec<_>>())?;
            selection.extend(loaded.offers.into_iter().map(|desired| (desired.key, desired.reconcile.notify)));
        }
        Ok(selection)
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
            let message = format!("this asks before it changes anything, and nobody can be asked here; {nothing}");
            return Err(Error::invalid(message).hint("give --yes"));
        }
        let term = self.term;
        let answer = tokio::task::spawn_blocking(move || term.confirm(&question));
        match self.until_stopped(async { Ok(answer.await.unwrap_or(false)) }).await? {
            true => Ok(Approval::Prompt),
            false => Err(Error::new(Exit::Refused, format!("not approved; {nothing}"))),
        }
    }

    /// What the run cost the network, if it asked the portal at all.
    pub(super) fn traffic(&self) -> Option<Traffic> {
        self.reader.get().map(Reader::traffic)
    }
}

/// The date in UTC, the same for a pipeline and a desk.
fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| Error::failed(format!("there is no current folder: {error}")))
}

/// How to wait at this portal, from now on.
pub(super) fn patience(waiting: &Waiting, reader: &Reader) -> Patience {
    Patience::new(reader.is_loopback(), waiting.wait_timeout.map(|timeout| Instant::now() + timeout))
}

/// Makes the project's `.offerctl`, for what is kept between runs: what was written to the embedded portal, secrets
/// included, must not be committed.
pub(super) fn own_folder(folder: &Path) -> Result<()> {
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
        std::fs::write(&ignore, "*\n").map_err(|error| Error::io("write", &ignore, &error))?;
    }
    Ok(())
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
