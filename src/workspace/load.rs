//! From the files of a project to its offers: each file read, layers laid over one another, everything checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::files::{Changes, Files, decode};
use super::layout::{Environments, Layer, Layout, Parts, Stray, layout};
use super::tags::{self, Resolved, Tags};
use super::{
    CONFIG, Desired, Loaded, MAX_FILES, Project, Surroundings, Tree, Variables, check, conform, locate, merge, names,
    offer, slashed, twins, variables, yaml,
};
use crate::diagnostic::{Code, Diagnostic, FileId, Severity, Source, Sources, Span};
use crate::model::{Entry, Kind, Node, OfferKey};
use crate::parallel::on_all_processors;
use crate::sas::{self, Accounts};
use crate::schema::{Schemas, Shape};

/// What every file of one load is read with.
#[derive(Clone, Copy)]
struct Reading<'a> {
    files: Files<'a>,
    schemas: &'a Schemas,
    surroundings: &'a Surroundings<'a>,
}

impl Project {
    pub(crate) fn load(&self, schemas: &Schemas, surroundings: &Surroundings<'_>) -> Loaded {
        self.load_from(Reading { files: Files::Disk, schemas, surroundings })
    }

    /// As [`Self::load`], as if some files had changed already.
    pub(crate) fn load_changed(&self, changes: &Changes, schemas: &Schemas, surroundings: &Surroundings<'_>) -> Loaded {
        self.load_from(Reading { files: Files::Changed(changes), schemas, surroundings })
    }

    /// Reads every offer file of a revision. What is not in memory yet is noted in the tree, and missing in the result.
    pub(crate) fn load_revision(&self, tree: &Tree, schemas: &Schemas, surroundings: &Surroundings<'_>) -> Loaded {
        self.load_from(Reading { files: Files::Revision(tree), schemas, surroundings })
    }

    /// Returns the YAML files of each offer at a revision, by the offer's own file. None of them is read.
    pub(crate) fn parts_at(&self, tree: &Tree) -> BTreeMap<String, BTreeSet<String>> {
        let paths = Files::Revision(tree).offer_files(&self.root, &self.config.offers).unwrap_or_default();
        let offers = self.layout(&paths).offers.into_iter();
        let parts = offers.map(|parts| {
            let all = std::iter::once(&parts.own).chain(&parts.plans);
            let all = all.flat_map(|layer| std::iter::once(&layer.file).chain(&layer.overlay));
            (self.name(&parts.own.file), all.map(|path| self.name(path)).collect())
        });
        parts.collect()
    }

    fn layout(&self, paths: &[PathBuf]) -> Layout {
        let names = self.config.environments.keys().cloned().collect();
        layout(paths, Environments { names: &names, chosen: self.environment.as_deref() })
    }

    /// The name of a file for people: its path in the project.
    pub(crate) fn name(&self, path: &Path) -> String {
        slashed(path.strip_prefix(&self.root).unwrap_or(path))
    }

    fn load_from(&self, reading: Reading<'_>) -> Loaded {
        let mut loaded = Loaded::default();
        let folder = Source { path: self.config.offers.as_str().into(), text: "".into() };
        let paths = reading.files.offer_files(&self.root, &self.config.offers).unwrap_or_else(|error| {
            let message = format!("the folder of the offer files cannot be listed: {error}");
            let diagnostic = Diagnostic::error(Code::Unreadable, &folder, None, message);
            loaded.diagnostics.push(diagnostic.help("create it, or set `offers` in offerctl.toml"));
            Vec::new()
        });
        loaded.files = paths.len();
        if paths.len() > MAX_FILES {
            let message = format!("more than {MAX_FILES} offer files");
            let diagnostic = Diagnostic::error(Code::Limit, &folder, None, message);
            loaded.diagnostics.push(diagnostic.help(
                "split the project into several, each with its own folder and \
                `offerctl.toml`",
            ));
            return loaded;
        }
        if paths.is_empty() && loaded.diagnostics.is_empty() {
            let message = "no offer files in this folder (no .yaml or .yml)";
            let diagnostic = Diagnostic::error(Code::Empty, &folder, None, message);
            loaded.diagnostics.push(diagnostic.help("declare each offer in its own file"));
        }
        let layout = self.layout(&paths);
        loaded.diagnostics.extend(layout.stray.iter().map(|(path, why)| self.stray(path, why)));
        let read = |parts: &Parts| {
            let mut findings = Vec::new();
            (self.read(reading, parts, &mut findings), findings)
        };
        let mut first = BTreeMap::new();
        for (desired, findings) in on_all_processors(&layout.offers, read) {
            loaded.add(desired, findings, &mut first);
        }
        loaded.offers.sort_by(|a, b| a.key.cmp(&b.key));
        loaded.faulty.sort_by(|a, b| a.key.cmp(&b.key));
        loaded.sort();
        loaded
    }

    /// The finding of a file that is named as an overlay and is none.
    fn stray(&self, path: &Path, why: &Stray) -> Diagnostic {
        let source = Source { path: self.name(path).into(), text: "".into() };
        let (message, help) = match why {
            Stray::NoBase(base) => {
                let base = self.name(base);
                (
                    format!("this is named as an overlay of {base}, which does not exist"),
                    format!("add {base}, or rename this file"),
                )
            }
            Stray::Undeclared(name) => (
                format!("this is named as an overlay of the environment `{name}`, which is not declared"),
                format!("add [environments.{name}] to {CONFIG}, or rename this file"),
            ),
            Stray::Second(first) => {
                (format!("{} is an overlay of the same file", self.name(first)), "keep one of the two".to_owned())
            }
        };
        Diagnostic::error(Code::Overlay, &source, None, message).help(help)
    }

    fn read(&self, reading: Reading<'_>, parts: &Parts, diagnostics: &mut Vec<Diagnostic>) -> Option<Desired> {
        let own = self.source(reading, &parts.own.file, diagnostics)?;
        let nothing = BTreeMap::new();
        let mut tags = Tags {
            files: reading.files,
            root: &self.root,
            folder: PathBuf::new(),
            env: reading.surroundings.env,
            allowed: &self.config.env,
            accounts: &self.config.sas,
            variables: self.chosen().map_or(&nothing, |environment| &environment.variables),
            in_overlay: false,
            resolved: Resolved::new(&own),
        };
        let mut layers = Layers { project: self, reading, tags: &mut tags, diagnostics };
        let root = layers.parse(FileId::default(), &own, &parts.own.file);
        let offer_type = root.as_ref().and_then(|root| root.get("offerTypeId")).and_then(Node::as_str);
        let shape = reading.schemas.shape(offer_type.unwrap_or_default());
        let plans = shape.property("definition").property("plans");
        let split = parts.plans.iter().filter_map(|layer| layers.plan(layer, plans.item())).collect();
        let mut root = root?;
        names::expand(&mut root, shape, &layers.tags.resolved.sources, layers.diagnostics);
        if !parts.plans.is_empty() {
            layers.insert_plans(&mut root, split);
        }
        if let Some(overlay) = &parts.own.overlay {
            layers.overlay(&mut root, overlay, shape);
        }
        if let Some(environment) = self.chosen() {
            environment.rename_publisher(&mut root);
        }
        let desired = declared(root, tags.resolved, reading.schemas, reading.surroundings.today, diagnostics);
        if let Some(desired) = &desired {
            self.check_store(desired, diagnostics);
        }
        desired
    }

    /// The text of a YAML file.
    fn source(&self, reading: Reading<'_>, path: &Path, diagnostics: &mut Vec<Diagnostic>) -> Option<Source> {
        let name = self.name(path);
        match reading.files.offer_file(&self.root, path) {
            Ok(bytes) => decode(&name, &bytes, diagnostics),
            Err(error) => {
                let source = Source { path: name.into(), text: "".into() };
                let message = format!("the file cannot be read: {error}");
                diagnostics.push(Diagnostic::error(Code::Unreadable, &source, None, message));
                None
            }
        }
    }

    /// A local artifact needs a store that the portal can fetch it from.
    fn check_store(&self, desired: &Desired, diagnostics: &mut Vec<Diagnostic>) {
        let store = self.config.artifacts.as_ref();
        let (message, help) = match store {
            None => (
                "this local artifact needs a store to upload it to, and none is configured",
                "add one to offerctl.toml: [artifacts] with store = \"az://container/prefix\" (or s3, gs, file)",
            ),
            Some(store) if store.store.scheme() == "file" && store.public_url.is_none() => (
                "the folder of the artifact store needs a public address, and none is configured",
                "set `public_url` in [artifacts] of offerctl.toml",
            ),
            Some(_) => return,
        };
        desired.document.local_files(&mut |_, span| {
            let finding = Diagnostic::error(Code::ArtifactStore, desired.sources.of(span), Some(span), message);
            diagnostics.push(finding.help(help));
        });
    }
}

/// The files of one offer, while they are read.
struct Layers<'a, 't> {
    project: &'a Project,
    reading: Reading<'a>,
    tags: &'a mut Tags<'t>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Layers<'_, '_> {
    fn parse(&mut self, file: FileId, source: &Source, path: &Path) -> Option<Node> {
        self.tags.folder = path.parent().unwrap_or(&self.project.root).to_path_buf();
        let Self { tags, diagnostics, .. } = self;
        yaml::parse_in(file, source, &mut |tag, node| tags.resolve(tag, node), diagnostics)
    }

    /// Reads one more file of the offer, its names written in full.
    fn more(&mut self, path: &Path, shape: &Shape) -> Option<Node> {
        let source = self.project.source(self.reading, path, self.diagnostics)?;
        let file = self.tags.resolved.add(source.clone());
        let mut node = self.parse(file, &source, path)?;
        names::expand(&mut node, shape, &self.tags.resolved.sources, self.diagnostics);
        Some(node)
    }

    /// Reads a plan in a file of its own; nothing for one that its overlay takes out.
    fn plan(&mut self, layer: &Layer, shape: &Shape) -> Option<Node> {
        let mut plan = self.more(&layer.file, shape)?;
        if !matches!(plan.kind, Kind::Map(_)) {
            let message = format!("a file in `plans` is one plan, a mapping, not {}", plan.kind_name());
            self.error(Code::WrongValue, plan.span, message, "it starts with `planId: …`, without a `-` before it");
            return None;
        }
        if let Some(overlay) = &layer.overlay {
            self.overlay(&mut plan, overlay, shape);
        }
        (plan.kind != Kind::Absent).then_some(plan)
    }

    /// Puts the plans of their files into the offer.
    fn insert_plans(&mut self, root: &mut Node, plans: Vec<Node>) {
        let Kind::Map(entries) = &mut root.kind else { return };
        let Some(definition) = entries.iter_mut().find(|entry| entry.key == "definition") else { return };
        let Kind::Map(entries) = &mut definition.value.kind else { return };
        if let Some(declared) = entries.iter().find(|entry| entry.key == "plans") {
            let (span, first) = (declared.key_span, plans.first().map(|plan| plan.span));
            let first = first.map(|span| self.tags.resolved.sources.of(span).path.to_string());
            let first = first.unwrap_or_else(|| "the folder `plans`".to_owned());
            let help = "move these plans into files of that folder, or move the folder's plans here";
            self.error(Code::DuplicateKey, span, format!("`plans` is declared here and in {first}"), help);
            return;
        }
        let span = definition.key_span;
        entries.push(Entry { key: "plans".to_owned(), key_span: span, value: Node { kind: Kind::List(plans), span } });
    }

    /// Lays an overlay over what a file declares.
    fn overlay(&mut self, base: &mut Node, path: &Path, shape: &Shape) {
        self.tags.in_overlay = true;
        let overlay = self.more(path, shape);
        self.tags.in_overlay = false;
        if let Some(overlay) = overlay {
            let Resolved { sources, removed, .. } = &self.tags.resolved;
            merge::Merge { sources, removed, diagnostics: self.diagnostics }.root(base, overlay, shape);
        }
    }

    fn error(&mut self, code: Code, span: Span, message: String, help: &str) {
        let source = self.tags.resolved.sources.of(span);
        self.diagnostics.push(Diagnostic::error(code, source, Some(span), message).help(help));
    }
}

impl Loaded {
    /// Adds an offer, if no file before it declares the same one. `first` has where each was declared.
    fn add(&mut self, desired: Option<Desired>, findings: Vec<Diagnostic>, first: &mut BTreeMap<OfferKey, String>) {
        let faulty = findings.iter().any(|finding| finding.severity == Severity::Error);
        self.diagnostics.extend(findings);
        let Some(desired) = desired else { return };
        if faulty {
            self.faulty.push(desired);
            return;
        }
        let here = format!("{}:{}", desired.path(), desired.document.span.line);
        let Some(other) = first.insert(desired.key.clone(), here) else {
            self.offers.push(desired);
            return;
        };
        let span = desired.document.get("id").map(|node| node.span);
        let source = desired.sources.of(span.unwrap_or_default());
        let message = format!("the offer {} is declared twice", desired.key);
        let finding = Diagnostic::error(Code::DuplicateOffer, source, span, message);
        self.diagnostics.push(finding.help(format!("it is declared first in {other}; keep one of the two")));
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
    let Resolved { sources, mut files, artifacts, variables, texts: _, removed: _ } = resolved;
    files.extend(artifacts);
    let mut desired = offer::read(root, &sources, files, schemas, today, diagnostics)?;
    let shape = schemas.shape(&desired.offer_type);
    let document = Arc::make_mut(&mut desired.document);
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
    let mut tags = Tags {
        files: Files::Disk,
        root: Path::new(""),
        folder: PathBuf::new(),
        env: &|_| None,
        allowed: &Variables::default(),
        accounts: &Accounts::default(),
        variables: &BTreeMap::new(),
        in_overlay: false,
        resolved: Resolved::new(&source),
    };
    let mut resolve = |tag: &str, node: &Node| match tag {
        "!file" => Err((Code::Unresolved, "the folder has no files".to_owned())),
        // Without a project, there is no list of accounts.
        "!sas" => tags::blob(node, |address| sas::Place::of(address).map(drop)),
        _ => tags.resolve(tag, node),
    };
    let root = yaml::parse(&source, &mut resolve, &mut diagnostics);
    let desired = root.and_then(|mut root| {
        let shape = schemas.shape(root.get("offerTypeId").and_then(Node::as_str).unwrap_or_default());
        names::expand(&mut root, shape, &Sources::new(source.clone()), &mut diagnostics);
        declared(root, Resolved::new(&source), schemas, today, &mut diagnostics)
    });
    let usable = !diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    (desired.filter(|_| usable), diagnostics)
}
