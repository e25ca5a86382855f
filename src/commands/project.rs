//! The project that a command runs in: found and read once, with what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::shell::Shell;
use crate::diagnostic::{Code, Severity};
use crate::error::{Error, Result};
use crate::lint::{self, Context};
use crate::model::{OfferKey, SecretRef};
use crate::parallel::on_all_processors;
use crate::redact::{self, Secret};
use crate::render;
use crate::schema::Schemas;
use crate::workspace::{self, Changes, Desired, Loaded, Project, Surroundings, Target, Tree};

/// Finds the project of the current folder, in the environment that is named, and its schemas.
pub(super) fn find(environment: Option<&str>) -> (Result<Option<Arc<Project>>>, Arc<Schemas>) {
    let unusable = |finding| Error::invalid(UNUSABLE).with(vec![finding]);
    let found = current_folder().and_then(|folder| Project::find(&folder).map_err(|finding| unusable(*finding)));
    let found = found.and_then(|found| match (found, environment) {
        (Some(mut project), named) => project.choose(named).map(|()| Some(project)),
        (None, Some(name)) => Err(Error::invalid(format!("not in a project that declares the environment `{name}`"))
            .hint("run offerctl inside the project, or leave out --env and OFFERCTL_ENV")),
        (None, None) => Ok(None),
    });
    let builtin = || Arc::clone(Schemas::builtin());
    match found {
        Ok(Some(project)) => match project.schemas() {
            Ok(schemas) => (Ok(Some(Arc::new(project))), schemas),
            Err(finding) => (Err(unusable(*finding)), builtin()),
        },
        Ok(None) => (Ok(None), builtin()),
        Err(error) => (Err(error), builtin()),
    }
}

/// The project that a folder is, after it was made one.
pub(super) fn found(folder: &std::path::Path) -> Result<Project> {
    let found = Project::find(folder).map_err(|finding| Error::invalid(UNUSABLE).with(vec![*finding]))?;
    found.ok_or_else(|| Error::invalid(UNUSABLE).with(vec![Project::missing(folder)]))
}

const UNUSABLE: &str = "no usable project";

impl Shell {
    pub(super) fn project(&self) -> Result<Arc<Project>> {
        self.project_if_any()?.ok_or_else(|| {
            let missing = current_folder().map(|folder| Project::missing(&folder));
            missing.map_or_else(|error| error, |missing| Error::invalid(UNUSABLE).with(vec![missing]))
        })
    }

    /// The project, for commands that need none. One that is there and cannot be used is an error all the same: it
    /// might name another portal than the default one.
    pub(super) fn project_if_any(&self) -> Result<Option<Arc<Project>>> {
        self.found.clone()
    }

    /// Returns all that the project's files say, read once.
    fn all(&self, project: &Project) -> &Loaded {
        self.loaded.get_or_init(|| {
            let loaded = self.read(project);
            for offer in loaded.offers.iter().chain(&loaded.faulty) {
                offer.names(self.schemas.shape(&offer.offer_type), &mut redact::keep_name);
            }
            tracing::info!(project = %project.root.display(), files = loaded.files, "project");
            loaded
        })
    }

    pub(super) fn read(&self, project: &Project) -> Loaded {
        with_surroundings(|surroundings| project.load(&self.schemas, surroundings))
    }

    /// As [`Self::read`], as if some files had changed already.
    pub(super) fn read_changed(&self, project: &Project, changes: &Changes) -> Loaded {
        with_surroundings(|surroundings| project.load_changed(changes, &self.schemas, surroundings))
    }

    /// The project and the offers that the targets name. Warnings are printed; errors end the command.
    pub(super) fn load(&self, targets: &[String]) -> Result<(Arc<Project>, Loaded)> {
        self.project()?.check_chosen()?;
        let (project, loaded) = self.read_project(targets)?;
        self.usable(loaded).map(|loaded| (project, loaded))
    }

    fn usable(&self, loaded: Loaded) -> Result<Loaded> {
        if loaded.has_errors() {
            let errors = render::plural(loaded.errors(), "error");
            return Err(Error::invalid(format!("{errors} in the offer files; nothing was read from the portal"))
                .with(loaded.diagnostics));
        }
        self.term.alert_text(&render::diagnostics(&loaded.diagnostics, self.term.stderr_color));
        Ok(loaded)
    }

    /// As [`Self::load`], with the findings left in the result.
    pub(super) fn read_project(&self, targets: &[String]) -> Result<(Arc<Project>, Loaded)> {
        let named = parse(targets)?;
        let project = self.project()?;
        let loaded = self.all(&project).clone().select(&project, &named)?;
        Ok((project, loaded))
    }

    /// Where bodies are logged: keeps what the files declare as secrets out of them, whatever the names of the fields say,
    /// and whether or not the command reads files.
    pub(super) fn prepare_log(&self, project: &Project) {
        if tracing::enabled!(target: "offerctl::portal::transport", tracing::Level::TRACE) {
            let Loaded { offers, faulty, .. } = self.all(project);
            offers.iter().chain(faulty).for_each(|offer| offer.document.secret_fields(&mut redact::hide_field));
        }
    }

    /// As [`Self::read_project`], with what the lints find, each at the level that the project gives it.
    pub(super) fn read_linted(&self, targets: &[String]) -> Result<(Arc<Project>, Loaded)> {
        let (project, loaded) = self.read_project(targets)?;
        let linted = self.lint(&project, loaded);
        Ok((project, linted))
    }

    /// As [`Self::read_linted`], after files were written.
    pub(super) fn reread_linted(&self, project: &Project, targets: &[String]) -> Result<Loaded> {
        let loaded = self.read(project).select(project, &parse(targets)?)?;
        Ok(self.lint(project, loaded))
    }

    fn lint(&self, project: &Project, mut loaded: Loaded) -> Loaded {
        let picture = |_: &Desired, path: &str| project.head(path).map(|bytes| lint::picture(&bytes));
        let context = Context { now: jiff::Timestamp::now(), picture: &picture };
        let offers = loaded.offers.iter().chain(&loaded.faulty).collect::<Vec<_>>();
        let check = |offer: &&Desired| lint::check(offer, self.schemas.shape(&offer.offer_type), &context);
        let found = on_all_processors(&offers, check).into_iter().flatten();
        let broken = loaded.diagnostics.iter().filter(|finding| matches!(finding.code, Code::Artifact | Code::Sas));
        let broken = broken.map(|finding| (&finding.source.path, finding.span)).collect::<Vec<_>>();
        // What is wrong with a value whose file could not be read follows from that.
        let found = found.filter(|finding| !broken.contains(&(&finding.source.path, finding.span)));
        let found = found.collect::<Vec<_>>();
        loaded.diagnostics.extend(found);
        loaded.sort();
        project.config.lints.apply(&mut loaded.diagnostics);
        loaded
    }

    /// As [`Self::load`], stopped by lints that are errors too. Those that are warnings are left to `validate`.
    pub(super) fn load_linted(&self, targets: &[String]) -> Result<(Arc<Project>, Loaded)> {
        self.project()?.check_chosen()?;
        let (project, mut loaded) = self.read_linted(targets)?;
        loaded.diagnostics.retain(|finding| finding.severity == Severity::Error || !lint::is_lint(finding.code));
        self.usable(loaded).map(|loaded| (project, loaded))
    }

    /// What the project's files said at a revision. Values of `!env` are those of now.
    pub(super) fn load_revision(&self, project: &Project, tree: &Tree) -> Loaded {
        with_surroundings(|surroundings| project.load_revision(tree, &self.schemas, surroundings))
    }

    /// The offers that the targets name, for commands that need no file: `publisher/offer` stands for itself.
    pub(super) fn keys(&self, targets: &[String]) -> Result<Vec<OfferKey>> {
        Ok(self.selection(targets)?.into_keys().collect())
    }

    /// As [`Self::keys`], with whom the portal tells about each, where its file was read.
    pub(super) fn selection(&self, targets: &[String]) -> Result<BTreeMap<OfferKey, Vec<String>>> {
        let mut selection = BTreeMap::new();
        let mut paths = Vec::new();
        for (text, target) in targets.iter().zip(parse(targets)?) {
            match target {
                Target::Offer(key) => drop(selection.insert(key, Vec::new())),
                Target::Path(_) => paths.push(text.clone()),
            }
        }
        selection.keys().for_each(|key: &OfferKey| key.names(&mut redact::keep_name));
        if targets.is_empty() || !paths.is_empty() {
            let (_, loaded) = self.load(&paths)?;
            selection.extend(loaded.offers.into_iter().map(|desired| (desired.key, desired.reconcile.notify)));
        }
        Ok(selection)
    }
}

fn parse(targets: &[String]) -> Result<Vec<Target>> {
    targets.iter().map(|target| Target::parse(target)).collect()
}

/// Loads files with what they may see of the outside. The date is that of UTC, the same for a pipeline and a desk.
fn with_surroundings(load: impl FnOnce(&Surroundings<'_>) -> Loaded) -> Loaded {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let read = Mutex::new(BTreeSet::new());
    let env = |name: &str| {
        let value = std::env::var(name).ok()?;
        read.lock().unwrap_or_else(PoisonError::into_inner).insert(value.clone());
        Some(value)
    };
    let loaded = load(&Surroundings { env: &env, today });
    hide_secrets(&read.into_inner().unwrap_or_else(PoisonError::into_inner), &loaded);
    loaded
}

/// Keeps out of every output what `!env` read and another variable holds as a secret.
fn hide_secrets(read: &BTreeSet<String>, loaded: &Loaded) {
    static HELD: Mutex<Vec<Secret>> = Mutex::new(Vec::new());
    if read.is_empty() {
        return;
    }
    let mut names = BTreeSet::new();
    for offer in loaded.offers.iter().chain(&loaded.faulty) {
        offer.document.secrets(&mut |reference, _| {
            if let SecretRef::Env(name) = reference {
                names.insert(name.clone());
            }
        });
    }
    let variables =
        std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
    let secret = |name: &str| names.contains(name) || workspace::is_secret(name);
    let shared = variables.filter(|(name, value)| secret(name) && read.contains(value)).map(|(_, value)| value.into());
    HELD.lock().unwrap_or_else(PoisonError::into_inner).extend(shared);
}

pub(super) fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| Error::failed(format!("the current folder cannot be used: {error}")))
}
