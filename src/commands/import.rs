//! `offerctl import`: reads offers, writes files for each that has none, and compares every file with its offer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::adopt;
use super::artifacts::downloader;
use super::connect::Portal;
use super::edit::overlay;
use super::home::{File, Home, SCHEMA, without_credential};
use super::listing::{self, Listing};
use super::observe::read_each;
use super::shell::Shell;
use super::show;
use crate::artifact::Looker;
use crate::cli::{Format, ImportArgs, LayoutArgs, Names, OfferAt, Rewriting};
use crate::content::Contents;
use crate::diagnostic::{Code, Severity};
use crate::diff::{self, Compare};
use crate::error::{Error, Exit, Result};
use crate::import::{self, Imported, Options};
use crate::model::{Address, OfferKey};
use crate::parallel::on_all_processors;
use crate::plan::Unread;
use crate::redact;
use crate::render::{self, Paint};
use crate::report::{Became, ImportedOffer, Imports, Unlisted};
use crate::revise::Refusal;
use crate::sas;
use crate::schema::{Bundle, Schemas};
use crate::workspace::{Loaded, Project};

/// What every offer is imported by.
struct Importer {
    layout: LayoutArgs,
    home: Home,
    /// The files of the offers that are declared, by their keys in small letters.
    declared: BTreeMap<String, String>,
    /// The offers whose file would have the name of another offer's.
    colliding: BTreeSet<OfferKey>,
    /// The project before, for what its environment calls publishers.
    project: Option<Arc<Project>>,
}

/// An offer that was read, and what became of it.
struct Read {
    offer: ImportedOffer,
    live: Value,
}

pub(super) async fn run(shell: &Shell, args: &ImportArgs) -> Result<Exit> {
    let project = shell.project_if_any()?;
    if args.artifacts && project.as_ref().is_none_or(|project| project.config.artifacts.is_none()) {
        return Err(Error::invalid("--artifacts needs a store for local files, and none is configured")
            .hint("add one to offerctl.toml: [artifacts] with store = \"az://container/prefix\" (or s3, gs, file)"));
    }
    let before = project.as_ref().map(|project| shell.read(project)).unwrap_or_default();
    refuse_unreadable(&before)?;
    let schema = format!("{:#}\n", shell.schemas.bundle(Bundle::OfferFile));
    let home = Home::new(project.as_ref(), schema)?;
    let offers = before.offers.iter().chain(&before.faulty);
    let declared = offers.map(|offer| (folded(&offer.key), offer.path().to_owned())).collect();
    let importer =
        Importer { layout: args.layout, home, declared, colliding: BTreeSet::new(), project: project.clone() };
    let work = async |portal: &Portal| {
        let all = import_all(shell, portal, importer, args);
        // Files may have been written, so this is not what `until_stopped` says.
        let done = shell.stop.unless(all).await.filter(|_| !shell.stop.is_set());
        done.unwrap_or_else(|| {
            let message = "interrupted; the files that were written stay, and another import writes the others";
            Err(Error::new(Exit::Interrupted, message))
        })
    };
    let (importer, read, unread, unlisted) = shell.with_portal(work).await?;
    let mut read = read;
    if let Some(project) = project.as_ref().filter(|_| args.update) {
        update(shell, project, &before, &mut read)?;
    }
    list_accounts(shell, &importer.home, &read)?;
    let after = importer.home.project()?.map(|project| shell.read(&project)).unwrap_or_default();
    let imports = compared(&shell.schemas, read, &after, unread, unlisted);
    shell.emit(&|format, color| match format {
        Format::Json => render::imports_json(&imports),
        _ => render::imports(&imports, Paint { color }),
    })?;
    shell.term.alert_text(&render::diagnostics(&after.diagnostics, shell.term.stderr_color));
    Ok(imports.exit())
}

/// Writes the portal's values into the files that declare an offer already.
fn update(shell: &Shell, project: &Arc<Project>, before: &Loaded, read: &mut [Read]) -> Result<()> {
    let contents = Contents::default();
    let mut files = Vec::new();
    for Read { offer, live } in read {
        let Became::Kept(path) = &offer.became else { continue };
        let desired = before.offers.iter().find(|desired| folded(&desired.key) == folded(&offer.key));
        let Some(desired) = desired else { continue };
        let shape = shell.schemas.shape(&desired.offer_type);
        let adopted = adopt::of(desired, live, &contents, shape, overlay(shell, project), |_| true);
        for one in &adopted.refused {
            let Refusal { path, line, why } = &one.refusal;
            shell.term.alert(&format!("not updated: {path}:{line}: {}: {why}", one.address));
        }
        if !adopted.files.is_empty() {
            offer.became = Became::Updated(path.clone());
        }
        files.extend(adopted.files);
    }
    shell.write_revised(project, &files, Rewriting::default())
}

/// Lists the storage accounts of the blobs in the files that were written, so that `!sas` may sign them: in the
/// `offerctl.toml` that this import made, else for the reader.
fn list_accounts(shell: &Shell, home: &Home, read: &[Read]) -> Result<()> {
    let Some(project) = home.project()? else { return Ok(()) };
    let written = read.iter().map(|read| &read.offer).filter(|offer| matches!(offer.became, Became::Written(_)));
    let places = written.flat_map(|offer| &offer.imported.unsigned).filter_map(|(_, place)| place.as_ref());
    let missing = places.filter(|place| project.config.sas.account(place).is_err()).collect::<Vec<_>>();
    if missing.is_empty() {
        return Ok(());
    }
    let entries = sas::entries(missing);
    if !home.add_settings(&entries)? {
        shell.term.alert_text(&format!(
            "Add these accounts and containers to offerctl.toml, so that `!sas` may sign:\n\n{entries}"
        ));
    }
    Ok(())
}

/// Refuses to import beside a file that cannot be read as an offer: it may declare any.
fn refuse_unreadable(before: &Loaded) -> Result<()> {
    let known = before.offers.iter().chain(&before.faulty).map(|offer| offer.path()).collect::<BTreeSet<_>>();
    let is_offer_file = |path: &str| path.ends_with(".yaml") || path.ends_with(".yml");
    let unreadable = before.diagnostics.iter().filter(|found| {
        let path = &*found.source.path;
        let is_error = found.severity == Severity::Error && found.code != Code::Unreadable;
        is_error && is_offer_file(path) && !known.contains(path)
    });
    let unreadable = unreadable.cloned().collect::<Vec<_>>();
    if unreadable.is_empty() {
        return Ok(());
    }
    let message = "a file of the project has errors and may already declare an offer; nothing was imported";
    Err(Error::invalid(message).with(unreadable))
}

type All = (Arc<Importer>, Vec<Read>, Vec<Unread>, Vec<Unlisted>);

async fn import_all(shell: &Shell, portal: &Portal, importer: Importer, args: &ImportArgs) -> Result<All> {
    let Listing { offers, unlisted } = listing::list(portal, &args.targets).await?;
    let mut paths = BTreeSet::new();
    let path = |key: &OfferKey| if importer.without_dots() { folded(key).replace('.', "_") } else { folded(key) };
    let colliding = offers.iter().filter(|offer| !paths.insert(path(&offer.key))).map(|offer| offer.key.clone());
    let colliding = colliding.collect();
    let importer = Arc::new(Importer { colliding, ..importer });
    let looker = if args.artifacts { Some(downloader(&portal.reader)?) } else { None };
    let one = async |offer: &OfferAt| one(shell, portal, &importer, looker.as_ref(), offer).await;
    let (read, unread) = read_each(shell, portal.at_once, &offers, one).await;
    Ok((Arc::clone(&importer), read, unread, unlisted))
}

/// Imports an offer: its files are written as soon as it was read.
async fn one(
    shell: &Shell,
    portal: &Portal,
    importer: &Arc<Importer>,
    looker: Option<&Looker>,
    offer: &OfferAt,
) -> std::result::Result<Read, Unread> {
    let live = show::read(&portal.reader, offer).await?;
    let (key, state) = (offer.key.clone(), offer.state.to_string());
    let named = importer.named(&key);
    let (this, of) = (Arc::clone(importer), named.clone().unwrap_or_else(|_| key.clone()));
    let write = move |schemas: &Schemas| {
        let imported = this.write(schemas, &of, &live, None);
        (imported, live)
    };
    let (imported, live) = shell.compute(write).await;
    let became = |became| ImportedOffer {
        key: key.clone(),
        state: state.clone(),
        became,
        imported: Imported::default(),
        differs: Vec::new(),
    };
    if let Some(path) = importer.declared.get(&folded(&key)) {
        return Ok(Read { offer: ImportedOffer { imported, ..became(Became::Kept(path.clone())) }, live });
    }
    if importer.colliding.contains(&key) {
        let why = "its file would have the name of another offer's";
        return Ok(Read { offer: became(Became::Failed(why.to_owned())), live });
    }
    let named = match named {
        Ok(named) => named,
        Err(why) => return Ok(Read { offer: became(Became::Failed(why)), live }),
    };
    let (saved, assets) = match looker {
        Some(looker) => download(shell, looker, &named, &imported).await,
        None => (BTreeMap::new(), Vec::new()),
    };
    let (this, of) = (Arc::clone(importer), named);
    let write = move |schemas: &Schemas| {
        let imported = if saved.is_empty() { imported } else { this.write(schemas, &of, &live, Some(&saved)) };
        let written = this.put(&of, &imported, assets);
        (imported, written, live)
    };
    let (imported, written, live) = shell.compute(write).await;
    let written = written.map_or_else(Became::Failed, Became::Written);
    Ok(Read { offer: ImportedOffer { imported, ..became(written) }, live })
}

impl Importer {
    /// Whether a dot in the name of a file could name an environment.
    fn without_dots(&self) -> bool {
        self.project.as_ref().is_some_and(|project| !project.config.environments.is_empty())
    }

    /// Returns an offer of the portal under the name that files have for its publisher.
    fn named(&self, key: &OfferKey) -> std::result::Result<OfferKey, String> {
        let Some(environment) = self.project.as_ref().and_then(|project| project.chosen()) else {
            return Ok(key.clone());
        };
        let publisher = environment.declared_publisher(key.publisher.as_str())?;
        let publisher =
            publisher.parse().map_err(|error| format!("the publisher's name in files cannot be used: it {error}"))?;
        Ok(OfferKey { publisher, offer: key.offer.clone() })
    }

    fn write(
        &self,
        schemas: &Schemas,
        key: &OfferKey,
        live: &Value,
        saved: Option<&BTreeMap<String, String>>,
    ) -> Imported {
        let to_root = "../".repeat(self.home.folder(&key.publisher).split('/').count());
        let options = Options {
            wire_names: self.layout.names == Names::Wire,
            full: self.layout.full,
            split_text: self.layout.split_text,
            split_plans: self.layout.split_plans,
            without_dots: self.without_dots(),
            to_root: &to_root,
            schema: Some(SCHEMA),
            saved,
        };
        let shape = schemas.shape(show::offer_type(live));
        match live.get("publisherId").and_then(Value::as_str) {
            Some(publisher) if !publisher.eq_ignore_ascii_case(key.publisher.as_str()) => {
                let mut named = live.clone();
                named["publisherId"] = key.publisher.as_str().into();
                import::write(key, &named, shape, options)
            }
            _ => import::write(key, live, shape, options),
        }
    }

    /// Writes the files of an offer, and the copies that it refers to.
    fn put(&self, key: &OfferKey, imported: &Imported, assets: Vec<File>) -> std::result::Result<Vec<String>, String> {
        let folder = self.home.folder(&key.publisher);
        let mut files = Vec::new();
        for (path, text) in &imported.files {
            without_credential(text)?;
            if text.len() > LARGEST {
                return Err(format!("its file would have more than {LARGEST} bytes, the limit for offer files"));
            }
            files.push(File { path: format!("{folder}/{path}"), bytes: text.clone().into_bytes() });
        }
        files.extend(assets);
        self.home.put(&files)?;
        Ok(files.into_iter().map(|file| file.path).collect())
    }
}

/// Largest offer file that is read.
const LARGEST: usize = 4 << 20;

/// Downloads the portal's copies of an offer's files: where each is saved, and what it holds. One that cannot be had is
/// left to the portal.
async fn download(
    shell: &Shell,
    looker: &Looker,
    key: &OfferKey,
    imported: &Imported,
) -> (BTreeMap<String, String>, Vec<File>) {
    let (mut saved, mut files, mut taken) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    for (at, url) in &imported.copies {
        if saved.contains_key(url) {
            continue;
        }
        match looker.download(url).await {
            Ok(bytes) => {
                let path = import::asset(key, at, url, &mut taken);
                saved.insert(url.clone(), path.clone());
                files.push(File { path, bytes });
            }
            Err(why) => shell.term.alert(&format!("warning: {key} {at}: not downloaded: {}", redact::text(&why))),
        }
    }
    (saved, files)
}

/// Compares each offer that was read with the file that declares it now.
fn compared(
    schemas: &Schemas,
    read: Vec<Read>,
    after: &Loaded,
    unread: Vec<Unread>,
    unlisted: Vec<Unlisted>,
) -> Imports {
    let desired = after.offers.iter().map(|offer| (folded(&offer.key), offer)).collect::<BTreeMap<_, _>>();
    let differs = |Read { offer, live }: &Read| -> Vec<Address> {
        let Some(desired) = desired.get(&folded(&offer.key)) else { return Vec::new() };
        let options = Compare { ignore: &desired.reconcile.ignore, resend: false, contents: None, only_count: false };
        let diff = diff::compare(&desired.document, live, schemas.shape(show::offer_type(live)), options);
        diff.changes.into_iter().map(|change| change.address).collect()
    };
    let differing = on_all_processors(&read, differs);
    let offers = read.into_iter().zip(differing).map(|(read, differs)| ImportedOffer { differs, ..read.offer });
    Imports { offers: offers.collect(), unread, unlisted, has_errors: after.has_errors() }
}

fn folded(key: &OfferKey) -> String {
    key.to_string().to_ascii_lowercase()
}
