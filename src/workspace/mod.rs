//! The project on disk: where it is, what its files declare, and everything that is wrong with them.
//!
//! A project is a folder with `offerctl.toml` or a folder `offers/`, found by walking up from where the command runs.

mod check;
mod config;
mod conform;
mod environment;
mod files;
mod guards;
mod layout;
mod load;
mod locate;
mod merge;
mod names;
mod offer;
mod rules;
mod schemas;
mod syntax;
mod tags;
mod twins;
mod variables;
mod written;
mod yaml;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

#[cfg(test)]
pub(crate) use config::SETTINGS;
pub(crate) use config::{ArtifactStore, Config, MAX_PARALLELISM};
pub(crate) use environment::{Environment, environment_name};
pub(crate) use files::{Changes, Tree};
pub(crate) use guards::{Guard, Guards, Level, Limits};
pub(crate) use layout::Parts;
pub(crate) use load::{Listed, offer_from_text};
pub(crate) use locate::locate;
pub(crate) use names::{is_short, short};
pub(crate) use offer::{Desired, Ignore, Reconcile, Through};
pub(crate) use rules::{PolicyRule, body, operands};
pub(crate) use variables::{Variables, is_secret};
pub(crate) use written::Spelling;
pub(crate) use yaml::{MAX_DEPTH, Plain, opaque, plain, untagged};

use crate::diagnostic::{Code, Diagnostic, Severity, Source, did_you_mean};
use crate::error::{Error, Result};
use crate::model::{Node, OfferKey, Shard};
use crate::text;
use files::Files;

const CONFIG: &str = "offerctl.toml";
/// Most offer files of one project.
const MAX_FILES: usize = 10_000;

/// A project that was found.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    pub(crate) config: Config,
    /// The environment that its files are read for.
    pub(crate) environment: Option<String>,
}

/// What the tags of the files may see of the outside.
pub(crate) struct Surroundings<'a> {
    pub(crate) env: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// Today, for entries that expire.
    pub(crate) today: Date,
}

/// Everything that the files of a project say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loaded {
    /// The offers that can be used, in the order of their keys.
    pub(crate) offers: Vec<Desired>,
    /// Those that could be read as offers and cannot be used, because of an error in them; also in the order of their keys.
    pub(crate) faulty: Vec<Desired>,
    /// What is wrong, in the order of file and place.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// How many files were read.
    pub(crate) files: usize,
}

/// What the user names on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file or a folder, canonical.
    Path(PathBuf),
    /// `publisher/offer`.
    Offer(OfferKey),
}

fn unreadable_config(error: &dyn std::error::Error) -> Diagnostic {
    let source = Source { path: CONFIG.into(), text: "".into() };
    Diagnostic::error(Code::Unreadable, &source, None, error.to_string())
}

impl Project {
    /// Returns the project that `start` lies in, if it lies in one. The walk up ends at a folder with `.git`.
    ///
    /// # Errors
    /// When its `offerctl.toml` cannot be used.
    pub(crate) fn find(start: &Path) -> Result<Option<Self>, Box<Diagnostic>> {
        let Some(root) = Self::root(start) else { return Ok(None) };
        let file = root.join(CONFIG);
        let config = if file.is_file() {
            // A link must not show what lies outside of the project in an excerpt.
            let bytes = Files::Disk.offer_file(root, &file).map_err(|error| Box::new(unreadable_config(&error)))?;
            let text = text::decode(&bytes).map_err(|error| Box::new(unreadable_config(&error)))?;
            config::parse(&Source { path: CONFIG.into(), text: text.into() })?
        } else {
            Config::default()
        };
        Ok(Some(Self { root: root.to_path_buf(), config, environment: None }))
    }

    /// Returns the finding that there is no project where `start` is.
    pub(crate) fn missing(start: &Path) -> Diagnostic {
        let nothing = Source { path: start.display().to_string().into(), text: "".into() };
        let message = "not a project: this folder and its parents have no `offerctl.toml` and no folder `offers`";
        Diagnostic::error(Code::Config, &nothing, None, message).help(
            "run it inside a project (-C DIR), or create one with `offerctl import`, or create a folder \
                `offers` with one file for each offer",
        )
    }

    fn root(start: &Path) -> Option<&Path> {
        let holds = |folder: &Path| folder.join(CONFIG).is_file() || folder.join("offers").is_dir();
        let end = start.ancestors().find(|folder| holds(folder) || folder.join(".git").exists());
        end.filter(|folder| holds(folder))
    }

    /// The project as it is at a revision: its settings are those of that revision.
    ///
    /// # Errors
    /// When its `offerctl.toml` cannot be used.
    pub(crate) fn at(root: &Path, tree: &Tree) -> Result<Self, Box<Diagnostic>> {
        let config = match tree.get(CONFIG) {
            Some(bytes) => {
                let text = text::decode(bytes).map_err(|error| Box::new(unreadable_config(&error)))?;
                config::parse(&Source { path: CONFIG.into(), text: text.into() })?
            }
            None => Config::default(),
        };
        Ok(Self { root: root.to_path_buf(), config, environment: None })
    }

    /// The first bytes of a file that an offer file names, if it is a file of the project.
    pub(crate) fn head(&self, path: &str) -> Option<Vec<u8>> {
        const HEAD: u64 = 64 << 10;
        let file = self.root.join(path).canonicalize().ok()?;
        if !file.starts_with(self.root.canonicalize().ok()?) {
            return None;
        }
        let mut bytes = Vec::new();
        text::open(&file).ok()?.take(HEAD).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// A YAML document that is no offer, as the value it says: read as strictly, without tags.
///
/// # Errors
/// The findings, each with its place.
pub(crate) fn plain_yaml(path: &str, text: String) -> Result<serde_json::Value, Vec<Diagnostic>> {
    let source = Source { path: path.into(), text: text.into() };
    let mut diagnostics = Vec::new();
    let mut no_tags = |tag: &str, _: &Node| Err((Code::Unsupported, format!("`{tag}` cannot be used here")));
    let root = yaml::parse(&source, &mut no_tags, &mut diagnostics);
    match root {
        Some(root) if !diagnostics.iter().any(|finding| finding.severity == Severity::Error) => {
            Ok(root.to_value(&mut |_| serde_json::Value::Null))
        }
        _ => Err(diagnostics),
    }
}

impl Loaded {
    /// Keeps the offers of a shard.
    pub(crate) fn keep(&mut self, shard: Option<Shard>) {
        self.offers.retain(|offer| shard.is_none_or(|shard| shard.holds(&offer.key)));
    }

    /// Whether anything stops a command.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Returns the offer with this key, if it can be used.
    pub(crate) fn offer(&self, key: &OfferKey) -> Option<&Desired> {
        at(&self.offers, key)
    }

    /// Returns whether a file that may declare this offer has errors: one that names it, or the file at `path`.
    pub(crate) fn is_broken(&self, key: &OfferKey, path: &str) -> bool {
        at(&self.faulty, key).is_some()
            || self.diagnostics.binary_search_by(|finding| (*finding.source.path).cmp(path)).is_ok()
    }

    /// Puts the findings in the order of file and place.
    pub(crate) fn sort(&mut self) {
        let place = |d: &Diagnostic| (d.source.path.clone(), d.span.map_or((0, 0), |span| (span.line, span.column)));
        self.diagnostics.sort_by_key(place);
    }

    /// How many findings are errors.
    pub(crate) fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    /// Keeps what the targets name; no targets keep everything.
    ///
    /// # Errors
    /// When a target names nothing.
    pub(crate) fn select(mut self, project: &Project, targets: &[Target]) -> Result<Self> {
        if targets.is_empty() {
            return Ok(self);
        }
        let full = |path: &str| project.root.join(path).canonicalize().unwrap_or_else(|_| project.root.join(path));
        let declares = |target: &Target, offer: &Desired| match target {
            Target::Path(target) => offer.sources.yaml().any(|source| full(&source.path).starts_with(target)),
            Target::Offer(target) => offer.key == *target,
        };
        let holds = |target: &Target, finding: &Diagnostic| match target {
            Target::Path(target) => full(&finding.source.path).starts_with(target),
            Target::Offer(_) => false,
        };
        for target in targets {
            let found = self.offers.iter().any(|offer| declares(target, offer))
                || self.diagnostics.iter().any(|finding| holds(target, finding));
            if !found {
                let known = self.offers.iter().map(|offer| offer.key.to_string()).collect::<Vec<_>>();
                return Err(match target {
                    Target::Path(path) => Error::invalid(format!("no offer file at {}", path.display())),
                    Target::Offer(key) => Error::invalid(format!("no file declares the offer {key}")).hint(
                        match did_you_mean(&key.to_string(), known.iter().map(String::as_str)) {
                            Some(near) => format!("did you mean {near}?"),
                            None => format!("declared are {}", known.join(", ")),
                        },
                    ),
                });
            }
        }
        self.offers.retain(|offer| targets.iter().any(|target| declares(target, offer)));
        self.faulty.retain(|offer| targets.iter().any(|target| declares(target, offer)));
        let selected = self.offers.iter().chain(&self.faulty).flat_map(|offer| offer.sources.iter());
        let selected = selected.map(|source| Arc::clone(&source.path)).collect::<BTreeSet<_>>();
        let by_offer = targets.iter().any(|target| matches!(target, Target::Offer(_)));
        // A file that cannot be read might be the one that declares a named offer, so its findings stay.
        self.diagnostics.retain(|finding| {
            by_offer || selected.contains(&finding.source.path) || targets.iter().any(|target| holds(target, finding))
        });
        Ok(self)
    }
}

/// Finds an offer among some that are in the order of their keys.
fn at<'a>(offers: &'a [Desired], key: &OfferKey) -> Option<&'a Desired> {
    offers.binary_search_by(|desired| desired.key.cmp(key)).ok().map(|at| &offers[at])
}

impl Target {
    /// Reads a TARGET: an existing path, else `publisher/offer`.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if let Ok(path) = Path::new(text).canonicalize() {
            return Ok(Self::Path(path));
        }
        let file = [".yaml", ".yml", ".json", ".toml"].iter().any(|ending| text.ends_with(ending));
        if file {
            return Err(
                Error::invalid(format!("no such file: {text}")).hint("paths are relative to the current folder")
            );
        }
        text.parse().map(Self::Offer).map_err(|_| {
            Error::invalid(format!("`{text}` is not a target; expected a file, a folder or `publisher/offer`"))
                .hint("paths are relative to the current folder")
        })
    }
}

/// A system's error, the same on every system where it is the usual one.
fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        _ => error.to_string(),
    }
}

/// A relative path with forward slashes, the same on every machine.
fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
