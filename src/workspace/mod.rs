//! The project on disk: where it is, what its files declare, and everything that is wrong with them.
//!
//! A project is a folder with `offerctl.toml` or a folder `offers/`, found by walking up from where the command runs.

mod check;
mod config;
mod conform;
mod files;
mod guards;
mod locate;
mod mend;
mod names;
mod offer;
mod rules;
mod schemas;
mod syntax;
mod tags;
mod twins;
mod variables;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

pub(crate) use config::{ArtifactStore, Config, MAX_PARALLELISM};
pub(crate) use files::Tree;
pub(crate) use guards::{Guard, Guards, Level, Limits};
pub(crate) use locate::locate;
pub(crate) use mend::mend;
pub(crate) use names::{is_short, short};
#[cfg(test)]
pub(crate) use offer::Reconcile;
pub(crate) use offer::{Desired, Ignore, Through};
pub(crate) use rules::{PolicyRule, body, operands};
pub(crate) use variables::{Variables, is_secret};
pub(crate) use yaml::{Plain, plain};

use crate::diagnostic::{Code, Diagnostic, Severity, Source, did_you_mean};
use crate::error::{Error, Result};
use crate::model::{Node, OfferKey};
use crate::parallel::on_all_processors;
use crate::sas::{self, Accounts};
use crate::schema::Schemas;
use crate::text;
use files::{Files, decode};
use tags::Resolved;

const CONFIG: &str = "offerctl.toml";
/// Most offer files of one project.
const MAX_FILES: usize = 10_000;

/// A project that was found.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    pub(crate) config: Config,
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
        Ok(Some(Self { root: root.to_path_buf(), config }))
    }

    /// Returns the finding that there is no project where `start` is.
    pub(crate) fn missing(start: &Path) -> Diagnostic {
        let nothing = Source { path: start.display().to_string().into(), text: "".into() };
        let message = "no project here: no `offerctl.toml` and no folder `offers`";
        Diagnostic::error(Code::Config, &nothing, None, message)
            .help("run offerctl inside a project, or make a folder `offers` with a file for each offer")
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
        Ok(Self { root: root.to_path_buf(), config })
    }

    pub(crate) fn load(&self, schemas: &Schemas, surroundings: &Surroundings<'_>) -> Loaded {
        self.load_from(Files::Disk, schemas, surroundings)
    }

    /// Reads every offer file of a revision. What is not in memory yet is noted in the tree, and missing in the result.
    pub(crate) fn load_revision(&self, tree: &Tree, schemas: &Schemas, surroundings: &Surroundings<'_>) -> Loaded {
        self.load_from(Files::Revision(tree), schemas, surroundings)
    }

    fn load_from(&self, files: Files<'_>, schemas: &Schemas, surroundings: &Surroundings<'_>) -> Loaded {
        let mut loaded = Loaded::default();
        let paths = files.offer_files(&self.root, &self.config.offers).unwrap_or_else(|error| {
            let source = Source { path: self.config.offers.as_str().into(), text: "".into() };
            let diagnostic = Diagnostic::error(
                Code::Unreadable,
                &source,
                None,
                format!("the folder of the offer files cannot be listed: {error}"),
            );
            loaded.diagnostics.push(diagnostic.help("make it, or set another one by `offers` in offerctl.toml"));
            Vec::new()
        });
        loaded.files = paths.len();
        if paths.len() > MAX_FILES {
            let source = Source { path: self.config.offers.as_str().into(), text: "".into() };
            let message = format!("more than {MAX_FILES} offer files");
            let diagnostic = Diagnostic::error(Code::Limit, &source, None, message);
            loaded.diagnostics.push(diagnostic.help("split the project; each has a folder and an `offerctl.toml`"));
            return loaded;
        }
        if paths.is_empty() && loaded.diagnostics.is_empty() {
            let source = Source { path: self.config.offers.as_str().into(), text: "".into() };
            let message = "there is no offer file here (no .yaml, no .yml)";
            let diagnostic = Diagnostic::error(Code::Empty, &source, None, message);
            loaded.diagnostics.push(diagnostic.help("declare each offer in a file of its own"));
        }
        let mut first = BTreeMap::<OfferKey, String>::new();
        for (desired, findings) in self.read_all(files, &paths, schemas, surroundings) {
            let faulty = findings.iter().any(|finding| finding.severity == Severity::Error);
            loaded.diagnostics.extend(findings);
            let Some(desired) = desired else { continue };
            if faulty {
                loaded.faulty.push(desired);
                continue;
            }
            let here = format!("{}:{}", desired.path(), desired.document.span.line);
            if let Some(other) = first.insert(desired.key.clone(), here) {
                let span = desired.document.get("id").map(|node| node.span);
                let message = format!("the offer {} is declared twice", desired.key);
                loaded.diagnostics.push(
                    Diagnostic::error(Code::DuplicateOffer, desired.sources.own(), span, message)
                        .help(format!("it is declared first in {other}; keep one of the two")),
                );
            } else {
                loaded.offers.push(desired);
            }
        }
        loaded.offers.sort_by(|a, b| a.key.cmp(&b.key));
        loaded.faulty.sort_by(|a, b| a.key.cmp(&b.key));
        loaded.sort();
        loaded
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

    /// Reads files. The answers are in the order of the paths.
    fn read_all(
        &self,
        files: Files<'_>,
        paths: &[PathBuf],
        schemas: &Schemas,
        surroundings: &Surroundings<'_>,
    ) -> Vec<(Option<Desired>, Vec<Diagnostic>)> {
        let read = |path: &PathBuf| {
            let mut findings = Vec::new();
            (self.read(files, path, schemas, surroundings, &mut findings), findings)
        };
        on_all_processors(paths, read)
    }

    fn read(
        &self,
        files: Files<'_>,
        path: &Path,
        schemas: &Schemas,
        surroundings: &Surroundings<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Desired> {
        let name = slashed(path.strip_prefix(&self.root).unwrap_or(path));
        let source = match files.offer_file(&self.root, path) {
            Ok(bytes) => decode(&name, &bytes, diagnostics)?,
            Err(error) => {
                let source = Source { path: name.into(), text: "".into() };
                let message = format!("the file cannot be read: {error}");
                diagnostics.push(Diagnostic::error(Code::Unreadable, &source, None, message));
                return None;
            }
        };
        let mut tags = tags::Tags {
            files,
            root: &self.root,
            folder: path.parent().unwrap_or(&self.root).to_path_buf(),
            env: surroundings.env,
            allowed: &self.config.env,
            accounts: &self.config.sas,
            resolved: Resolved::new(&source),
        };
        let root = yaml::parse(&source, &mut |tag, node| tags.resolve(tag, node), diagnostics)?;
        let desired = declared(root, tags.resolved, schemas, surroundings.today, diagnostics);
        if let Some(desired) = &desired {
            self.check_store(desired, diagnostics);
        }
        desired
    }

    /// A local artifact needs a store that the portal can fetch it from.
    fn check_store(&self, desired: &Desired, diagnostics: &mut Vec<Diagnostic>) {
        let store = self.config.artifacts.as_ref();
        let (message, help) = match store {
            None => (
                "a local artifact, and no store that it is uploaded to",
                "name one in offerctl.toml: [artifacts] with store = \"az://container/prefix\" (or s3, gs, file)",
            ),
            Some(store) if store.store.scheme() == "file" && store.public_url.is_none() => (
                "a local artifact, and no address at which the portal finds the store's folder",
                "name it by `public_url` in [artifacts] of offerctl.toml",
            ),
            Some(_) => return,
        };
        desired.document.local_files(&mut |_, span| {
            let finding = Diagnostic::error(Code::ArtifactStore, desired.sources.of(span), Some(span), message);
            diagnostics.push(finding.help(help));
        });
    }
}

/// From a tree to a checked offer. It may have errors of its own, which are in the findings.
fn declared(
    root: Node,
    resolved: Resolved,
    schemas: &Schemas,
    today: Date,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Desired> {
    let tag = |found: &&Diagnostic| {
        matches!(found.code, Code::Unresolved | Code::Unsupported | Code::PlainSecret | Code::Artifact | Code::Sas)
    };
    let broken = diagnostics.iter().filter(tag).filter_map(|found| found.span);
    let broken = broken.collect::<BTreeSet<_>>();
    let before = diagnostics.len();
    let desired = offer(root, resolved, schemas, today, diagnostics);
    // A value whose tag could not be resolved is not what was meant: what else is wrong with it follows from that.
    let follows =
        |found: &Diagnostic| found.severity == Severity::Error && found.span.is_some_and(|span| broken.contains(&span));
    let mut later = diagnostics.split_off(before);
    later.retain(|found| !follows(found));
    diagnostics.append(&mut later);
    desired
}

fn offer(
    mut root: Node,
    resolved: Resolved,
    schemas: &Schemas,
    today: Date,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Desired> {
    if !resolved.texts.is_empty() {
        resolved.place_texts(&mut root);
    }
    let Resolved { sources, mut files, artifacts, variables, texts: _ } = resolved;
    files.extend(artifacts);
    let mut desired = offer::read(root, &sources, files, schemas, today, diagnostics)?;
    let shape = schemas.shape(&desired.offer_type);
    let document = Arc::make_mut(&mut desired.document);
    names::expand(document, shape, &sources, diagnostics);
    variables::convert(document, shape, &variables, "an offer", &sources, diagnostics);
    desired.reconcile.ignore.iter_mut().for_each(|ignore| names::expand_tokens(&mut ignore.tokens, shape));
    check::check(&desired, schemas, diagnostics);
    conform::conform(&desired.document, &sources, shape, diagnostics);
    locate::locate(&desired.document, &sources, shape, diagnostics);
    twins::declare_both(Arc::make_mut(&mut desired.document), shape);
    Some(desired)
}

/// One offer from a text alone: no file and no variable can be reached. `None` when it cannot be used.
pub(crate) fn offer_from_text(
    path: &str,
    text: &str,
    schemas: &Schemas,
    today: Date,
) -> (Option<Desired>, Vec<Diagnostic>) {
    let source = Source { path: path.into(), text: text.into() };
    let mut diagnostics = Vec::new();
    let mut tags = tags::Tags {
        files: Files::Disk,
        root: Path::new(""),
        folder: PathBuf::new(),
        env: &|_| None,
        allowed: &Variables::default(),
        accounts: &Accounts::default(),
        resolved: Resolved::new(&source),
    };
    let mut resolve = |tag: &str, node: &Node| match tag {
        "!file" => Err((Code::Unresolved, "there are no files here".to_owned())),
        // Without a project, there is no list of accounts.
        "!sas" => tags::blob(node, |address| sas::Place::of(address).map(drop)),
        _ => tags.resolve(tag, node),
    };
    let root = yaml::parse(&source, &mut resolve, &mut diagnostics);
    let desired = root.and_then(|root| declared(root, Resolved::new(&source), schemas, today, &mut diagnostics));
    let usable = !diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    (desired.filter(|_| usable), diagnostics)
}

/// A YAML document that is no offer, as the value it says: read as strictly, without tags.
///
/// # Errors
/// The findings, each with its place.
pub(crate) fn plain_yaml(path: &str, text: String) -> Result<serde_json::Value, Vec<Diagnostic>> {
    let source = Source { path: path.into(), text: text.into() };
    let mut diagnostics = Vec::new();
    let mut no_tags = |tag: &str, _: &Node| Err((Code::Unsupported, format!("`{tag}` has no meaning here")));
    let root = yaml::parse(&source, &mut no_tags, &mut diagnostics);
    match root {
        Some(root) if !diagnostics.iter().any(|finding| finding.severity == Severity::Error) => {
            Ok(root.to_value(&mut |_| serde_json::Value::Null))
        }
        _ => Err(diagnostics),
    }
}

impl Loaded {
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
                Error::invalid(format!("there is no file {text}")).hint("paths are relative to the current folder")
            );
        }
        text.parse().map(Self::Offer).map_err(|_| {
            Error::invalid(format!("`{text}` is neither a file, nor a folder, nor `publisher/offer`"))
                .hint("paths are relative to the current folder")
        })
    }
}

/// A system's error, the same on every system where it is the usual one.
fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        _ => error.to_string(),
    }
}

/// A relative path with forward slashes, the same on every machine.
fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
