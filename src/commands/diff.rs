//! `offerctl diff`: two states of offers, side by side.

use std::collections::BTreeMap;

use super::connect::Portal;
use super::observe::{read_each, unread};
use super::shell::Shell;
use crate::cli::{DiffArgs, Format, SideArg};
use crate::diff::{self, Change, Compare};
use crate::document;
use crate::error::{Error, Exit, Fate, Result};
use crate::live::Live;
use crate::model::{OfferKey, Slot};
use crate::plan::Unread;
use crate::portal::{Problem, Reader};
use crate::render;
use crate::report::Compared;
use crate::schema::{Schemas, Shape};
use crate::workspace::Desired;

pub(super) async fn run(shell: &Shell, args: &DiffArgs) -> Result<Exit> {
    if args.from == args.to {
        return Err(Error::invalid(format!("--from and --to are both {}, so there is nothing to compare", args.from)));
    }
    let declared = declared(shell, args)?;
    let keys = match args.targets.targets.is_empty() || is_of_files(args) {
        true => declared.keys().cloned().collect(),
        false => shell.keys(&args.targets.targets)?,
    };
    let read = async |portal: &Portal| {
        let one = async |key| one(shell, &portal.reader, key, declared.get(key), (args.from, args.to)).await;
        shell.until_stopped(async { Ok(read_each(shell, portal.at_once, &keys, one).await) }).await
    };
    let (compared, unread) = shell.with_portal(read).await?;
    let names = (args.from.to_string(), args.to.to_string());
    shell.emit_on(&|format, surface| match format {
        Format::Json => render::compared_json(&names, &compared, &unread, shell.read_from()),
        _ => {
            let options = surface.options(shell.global.verbose > 0, args.html_source);
            render::compared(&names, &compared, &unread, options)
        }
    })?;
    let differs = compared.iter().any(|offer| !offer.changes.is_empty() || offer.empty.len() == 1);
    let unread = unread.iter().map(|unread| Fate::unread(unread.denied));
    let differs = (differs && args.detailed_exitcode).then_some(Fate::Changed);
    Ok(Exit::of(unread.chain(compared.iter().map(|_| Fate::Done)).chain(differs)))
}

fn is_of_files(args: &DiffArgs) -> bool {
    [args.from, args.to].contains(&SideArg::File)
}

/// The offers of the files: those that are compared, or else those that say what is a secret.
fn declared(shell: &Shell, args: &DiffArgs) -> Result<BTreeMap<OfferKey, Desired>> {
    let offers = if is_of_files(args) || args.targets.targets.is_empty() {
        shell.load(&args.targets.targets)?.1.offers
    } else if shell.project_if_any()?.is_some() {
        shell.read_project(&[])?.1.offers
    } else {
        Vec::new()
    };
    Ok(offers.into_iter().map(|desired| (desired.key.clone(), desired)).collect())
}

async fn one(
    shell: &Shell,
    reader: &Reader,
    key: &OfferKey,
    declared: Option<&Desired>,
    (from, to): (SideArg, SideArg),
) -> std::result::Result<Compared, Unread> {
    let sides = tokio::try_join!(read(reader, key, from), read(reader, key, to));
    let (a, b) = sides.map_err(|problem| unread(key, &problem))?;
    let empty = [(from, &a), (to, &b)].into_iter().filter(|(_, live)| **live == Some(Live::Absent));
    let empty = empty.map(|(side, _)| side.to_string()).collect();
    let compared = Compared {
        key: key.clone(),
        files: match declared.filter(|_| is_file(&a, &b)) {
            Some(desired) => desired.sources.iter().map(|source| source.path.to_string()).collect(),
            None => Vec::new(),
        },
        empty,
        changes: Vec::new(),
        document: None,
        not_compared: Vec::new(),
    };
    let declared = declared.cloned();
    Ok(shell.compute(move |schemas| compare(&a, &b, declared.as_ref(), schemas, compared)).await)
}

fn compare(
    a: &Option<Live>,
    b: &Option<Live>,
    declared: Option<&Desired>,
    schemas: &Schemas,
    compared: Compared,
) -> Compared {
    let offer_type = [a, b].into_iter().flatten().find_map(|live| match live {
        Live::Present(offer) => offer.document.get("offerTypeId").and_then(|text| text.as_str()),
        Live::Absent => None,
    });
    let shape = schemas.shape(declared.map_or_else(|| offer_type.unwrap_or_default(), |desired| &desired.offer_type));
    match (a, b, declared) {
        (Some(Live::Present(a)), Some(Live::Present(b)), declared) => {
            let declared = declared.map(|desired| &*desired.document);
            let without = |document: &serde_json::Value| document::redacted_beside(document, declared, shape);
            let (a, b) = (without(&a.document), without(&b.document));
            let changes = diff::between(&a, &b, shape);
            Compared { document: Some(b).filter(|_| !changes.is_empty()), changes, ..compared }
        }
        (Some(live), None, Some(desired)) => against_file(desired, live, shape, compared),
        (None, Some(live), Some(desired)) => {
            let found = against_file(desired, live, shape, compared);
            Compared { changes: found.changes.into_iter().map(Change::turned).collect(), ..found }
        }
        _ => compared,
    }
}

fn is_file(a: &Option<Live>, b: &Option<Live>) -> bool {
    a.is_none() || b.is_none()
}

fn against_file(desired: &Desired, live: &Live, shape: &Shape, compared: Compared) -> Compared {
    let (found, document) = match live {
        Live::Present(offer) => {
            let options = Compare { ignore: &desired.reconcile.ignore, ..Compare::default() };
            let found = diff::compare(&desired.document, &offer.document, shape, options);
            let shown = || document::redacted_beside(&offer.document, Some(&desired.document), shape);
            let document = (!found.changes.is_empty()).then(shown);
            (found, document)
        }
        Live::Absent => (diff::create(&desired.document, shape), None),
    };
    let not_compared = found.unknown.into_iter().map(|unknown| unknown.address).collect();
    Compared { changes: found.changes, document, not_compared, ..compared }
}

/// A state of an offer; `None` for the file, which is read already. An empty slot is one of an offer that there is.
pub(super) async fn read(reader: &Reader, key: &OfferKey, side: SideArg) -> std::result::Result<Option<Live>, Problem> {
    let live = match side {
        SideArg::File => return Ok(None),
        SideArg::Slot(Slot::Draft) => reader.offer(key).await?,
        SideArg::Slot(slot) => reader.slot(key, slot).await?,
        SideArg::Version(version) => reader.version(key, version).await?,
    };
    if live == Live::Absent {
        reader.expect_offer(key).await?;
    }
    Ok(Some(live))
}
