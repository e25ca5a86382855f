//! `offerctl import`: reads offers, writes a file for each that has none, and compares every file with its offer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::connect::Portal;
use super::observe::{self, read_each};
use super::project::{self, current_folder};
use super::shell::Shell;
use crate::cli::{ImportArgs, Names};
use crate::diff::{self, Compare};
use crate::error::{Error, Exit, Fate, Result};
use crate::import::{self, Imported, Options};
use crate::live::Live;
use crate::model::{OfferId, OfferKey, PublisherId};
use crate::plan::Unread;
use crate::portal::Reader;
use crate::render;
use crate::workspace::{Loaded, Project};

/// An offer that was read, as it goes into a file.
struct Read {
    key: OfferKey,
    live: serde_json::Value,
    offer_type: String,
    imported: Imported,
}

/// What became of an offer.
enum Became {
    Written(PathBuf),
    /// A file declares it already.
    Kept(String),
    Failed(String),
}

pub(super) async fn run(shell: &Shell, args: &ImportArgs) -> Result<Exit> {
    let project = shell.project_if_any()?;
    let options = Options { wire_names: args.names == Names::Wire, full: args.full };
    let work = async |portal: &Portal| {
        let all = async {
            let keys = keys(&portal.reader, &args.targets).await?;
            let one = async |key: &OfferKey| one(shell, &portal.reader, key, options).await;
            Ok(read_each(shell, portal.at_once, &keys, one).await)
        };
        shell.until_stopped(all).await
    };
    let (read, unread) = shell.with_portal(work).await?;
    let (became, after) = match project {
        // Of nothing, no project is made.
        None if read.is_empty() => (Vec::new(), Loaded::default()),
        project => {
            let project = project.map_or_else(|| create().map(Arc::new), Ok)?;
            let before = shell.read(&project);
            (write_all(&project, &before, &read), shell.read(&project))
        }
    };
    shell.to_stdout(&report(shell, &read, &unread, &became, &after))?;
    shell.term.alert_text(&render::diagnostics(&after.diagnostics, shell.term.stderr_color));
    let fates = became.iter().map(|became| match became {
        Became::Written(_) | Became::Kept(_) => Fate::Done,
        Became::Failed(_) => Fate::Failed,
    });
    let exit = Exit::of(fates.chain(unread.iter().map(|unread| Fate::unread(unread.denied))));
    Ok(if exit == Exit::Done && after.has_errors() { Exit::Invalid } else { exit })
}

/// The offers that the targets name; all that the credential may read without one.
async fn keys(reader: &Reader, targets: &[String]) -> Result<Vec<OfferKey>> {
    let mut keys = BTreeSet::new();
    let mut publishers = BTreeSet::new();
    for target in targets {
        let publisher = target.split('/').next().unwrap_or_default();
        let publisher = publisher.parse::<PublisherId>().map_err(|error| invalid(target, &error.to_string()))?;
        match target.split_once('/') {
            None => drop(publishers.insert(publisher)),
            Some((_, offer)) => {
                let offer = offer.parse::<OfferId>().map_err(|error| invalid(target, &error.to_string()))?;
                keys.insert(OfferKey { publisher, offer });
            }
        }
    }
    if targets.is_empty() {
        for id in reader.publishers().await.map_err(|problem| listing("the publishers", &problem))? {
            publishers.insert(
                id.parse().map_err(|error| Error::failed(format!("the portal lists a publisher that {error}")))?,
            );
        }
    }
    for publisher in publishers {
        let offers = reader.offers(&publisher).await;
        for offer in offers.map_err(|problem| listing(&format!("the offers of {publisher}"), &problem))? {
            // The id becomes part of a path.
            let id = offer.id.parse::<OfferId>();
            let id = id.map_err(|error| {
                Error::failed(format!("{publisher} lists an offer whose id cannot be used: {error}"))
            })?;
            keys.insert(OfferKey { publisher: publisher.clone(), offer: id });
        }
    }
    Ok(keys.into_iter().collect())
}

fn invalid(target: &str, why: &str) -> Error {
    Error::invalid(format!("`{target}`: {why}")).hint("give PUBLISHER or PUBLISHER/OFFER")
}

fn listing(what: &str, problem: &crate::portal::Problem) -> Error {
    let exit = if problem.is_denied() { Exit::Denied } else { Exit::Failed };
    let error = Error::new(exit, format!("{what} cannot be listed: {problem}"));
    problem.hint.as_deref().into_iter().fold(error, |error, hint| error.hint(hint))
}

async fn one(shell: &Shell, reader: &Reader, key: &OfferKey, options: Options) -> std::result::Result<Read, Unread> {
    let unread = |cause: &str| Unread { key: key.clone(), cause: cause.to_owned(), hint: None, denied: false };
    let offer = match reader.offer(key).await.map_err(|problem| observe::unread(key, &problem))? {
        Live::Present(offer) => offer,
        Live::Absent => return Err(unread("the portal has no such offer")),
    };
    let text = |name: &str| offer.document.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let named = (text("publisherId"), text("id"));
    if !named.0.eq_ignore_ascii_case(key.publisher.as_str()) || !named.1.eq_ignore_ascii_case(key.offer.as_str()) {
        return Err(unread(&format!("the answer is of another offer, `{}/{}`", named.0, named.1)));
    }
    let (offer_type, key) = (text("offerTypeId"), key.clone());
    let write = move |schemas: &crate::schema::Schemas| {
        let imported = import::write(&key, &offer.document, schemas.shape(&offer_type), options);
        Read { key, live: offer.document, offer_type, imported }
    };
    Ok(shell.compute(write).await)
}

/// Makes a project of the current folder.
fn create() -> Result<Project> {
    let folder = current_folder()?;
    let path = folder.join("offers");
    std::fs::create_dir_all(&path).map_err(|error| Error::io("create", &path, &error))?;
    let config = folder.join("offerctl.toml");
    put_new(&config, CONFIG).map_err(|error| Error::io("create", &config, &error))?;
    project::found(&folder)
}

const CONFIG: &str =
    "# The settings of this project; docs/offer-files.md and docs/guards.md of offerctl describe them.\n";

/// Writes a file that is not there yet, not even as a link.
fn put_new(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// Writes the offers that no file declares. Files are found by what they declare, not by their names.
fn write_all(project: &Project, before: &Loaded, read: &[Read]) -> Vec<Became> {
    let offers = before.offers.iter().chain(&before.faulty);
    let declared = offers.map(|offer| (folded(&offer.key), offer.path().to_owned())).collect::<BTreeMap<_, _>>();
    let mut taken = BTreeSet::new();
    let mut became = Vec::new();
    for Read { key, imported, .. } in read {
        became.push(match declared.get(&folded(key)) {
            Some(path) => Became::Kept(path.clone()),
            None if !taken.insert(folded(key)) => Became::Failed(
                "its file would have the name of another offer's, but for the case of letters".to_owned(),
            ),
            None => match write(project, key, &imported.text) {
                Ok(path) => Became::Written(path),
                Err(why) => Became::Failed(why),
            },
        });
    }
    became
}

fn folded(key: &OfferKey) -> String {
    key.to_string().to_ascii_lowercase()
}

fn write(project: &Project, key: &OfferKey, text: &str) -> std::result::Result<PathBuf, String> {
    let inside = PathBuf::from(&project.config.offers).join(key.publisher.as_str());
    let mut folder = project.root.clone();
    for part in inside.components() {
        folder.push(part);
        if folder.is_symlink() {
            return Err(format!("{} is a link, and import writes through none", folder.display()));
        }
    }
    let inside = inside.join(format!("{}.yaml", key.offer));
    let path = project.root.join(&inside);
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    put_new(&path, text).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
    Ok(inside)
}

fn report(shell: &Shell, read: &[Read], unread: &[Unread], became: &[Became], after: &Loaded) -> String {
    let mut out = String::new();
    let (mut notes, mut differing) = (String::new(), String::new());
    let desired = after.offers.iter().map(|offer| (folded(&offer.key), offer)).collect::<BTreeMap<_, _>>();
    for (Read { key, live, offer_type, imported }, became) in read.iter().zip(became) {
        match became {
            Became::Written(path) => {
                let _ = writeln!(out, "+ {key}   {}", path.display());
                note(&mut notes, key, imported);
            }
            Became::Kept(path) => {
                let _ = writeln!(out, "= {key}   {path} declares it and was not changed");
            }
            Became::Failed(why) => {
                let _ = writeln!(out, "! {key}   not written: {why}");
            }
        }
        let shape = shell.schemas.shape(offer_type);
        if let Some(desired) = desired.get(&folded(key)) {
            let options = Compare { ignore: &desired.reconcile.ignore, resend: false, contents: None };
            let diff = diff::compare(&desired.document, live, shape, options);
            for change in diff.changes {
                let _ = writeln!(differing, "  {key}   {}", change.address);
            }
        }
    }
    for Unread { key, cause, hint, .. } in unread {
        let _ = writeln!(out, "? {key}   not read: {cause}");
        if let Some(hint) = hint {
            let _ = writeln!(out, "    hint: {hint}");
        }
    }
    let count = |kind: fn(&Became) -> bool| became.iter().filter(|became| kind(became)).count();
    let written = count(|became| matches!(became, Became::Written(_)));
    let kept = count(|became| matches!(became, Became::Kept(_)));
    let failed = count(|became| matches!(became, Became::Failed(_)));
    if !notes.is_empty() {
        let _ = write!(out, "\nTo look at:\n{notes}");
    }
    if !differing.is_empty() {
        let _ = write!(out, "\nFiles that differ from their offers:\n{differing}");
    }
    let _ = writeln!(
        out,
        "\n{} written, {kept} already declared, {failed} failed, {} not read. Next: offerctl plan",
        render::plural(written, "file"),
        unread.len()
    );
    out
}

fn note(notes: &mut String, key: &OfferKey, imported: &Imported) {
    for (address, variable) in &imported.secrets {
        let _ = writeln!(notes, "  {key}   {address}   a secret: set the variable {variable}");
    }
    for address in &imported.unsigned {
        let _ = writeln!(notes, "  {key}   {address}   written without its signature");
    }
    for (address, why) in &imported.left_out {
        let _ = writeln!(notes, "  {key}   {address}   left to the portal: {}", why.describe());
    }
}
