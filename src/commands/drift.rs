//! `offerctl drift`: who moved, the portal or the files.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::adopt;
use super::artifacts::Looking;
use super::bases::Bases;
use super::connect::Portal;
use super::declared::{Lints, Roll, Supply, Ticket};
use super::known::{Circumstances, Dates, Known, Skipped};
use super::observe::{self, Desk, each};
use super::shell::Shell;
use crate::cli::{DriftArgs, Format, Refresh, Rewriting};
use crate::content::Contents;
use crate::drift::{self, Drift, OfferDrift, Undeclared, Unlisted};
use crate::error::{Error, Exit, Result};
use crate::live::Live;
use crate::model::{Address, OfferId, OfferKey, PublisherId};
use crate::plan::Unread;
use crate::portal::{OfferSummary, Reader};
use crate::render::{self, MarkdownOptions};
use crate::revise::Adopted;
use crate::schema::{Schemas, Shape};
use crate::workspace::{Desired, Project};

pub(super) async fn run(shell: &Shell, args: &DriftArgs) -> Result<Exit> {
    check_adopt(shell, args)?;
    let project = shell.usable_project()?;
    let targets = &args.targets.targets;
    let (bases, portal, supply, known) = match args.refresh {
        Refresh::All => {
            let mut supply = shell.supply(targets, args.shard, Lints::None, None)?;
            shell
                .until_stopped(async {
                    supply.begin().await;
                    Ok(())
                })
                .await?;
            let ready = async {
                let bases = Bases::read(shell, &project, &args.base).await?;
                Ok::<_, Error>((bases, shell.connect().await?))
            };
            let ready = if supply.is_faulty() { None } else { Some(ready.await) };
            let (bases, portal): (Bases, Portal) = match ready {
                Some(Ok(ready)) => ready,
                // What is wrong in the files comes first.
                other => return Err(supply.error(shell, other.and_then(Result::err)).await),
            };
            (bases, portal, supply, None)
        }
        Refresh::Changed => {
            let bases = Bases::read(shell, &project, &args.base).await?;
            let portal = shell.connect().await?;
            match known(shell, args, &project, &bases, &portal).await {
                Ok((known, supply)) => (bases, portal, supply, known),
                Err(error) => return portal.close().await.and(Err(error)),
            }
        }
    };
    let mut files = supply.files();
    let found = portal.during(async |portal| look(shell, args, (supply, known), &bases, portal).await).await;
    let (found, adopted, roll) = found?;
    if !args.adopt.is_empty() {
        return adopt::write(shell, &project, &args.adopt, Rewriting { patch: args.patch }, &adopted, &found.unread);
    }
    files.extend(roll.map(|roll| roll.offers).unwrap_or_default());
    let places = shell.places_of(files.into_iter());
    let limit = args.markdown_limit.or(project.config.markdown_limit).unwrap_or(MarkdownOptions::LIMIT);
    let (html_source, verbose) = (args.html_source, shell.global.verbose > 0);
    shell.emit_on(&|format, surface| match format {
        Format::Text => render::drift(&found, surface.options(verbose, html_source)),
        Format::Markdown => render::drift_markdown(&found, MarkdownOptions { limit, html_source, verbose }),
        Format::Json => render::drift_json(&found, shell.read_from()),
        Format::Junit => render::junit::drift(&found),
        Format::Github => render::github::drift(&found, &places),
        Format::Html | Format::Sarif | Format::Yaml => String::new(),
    })?;
    Ok(found.exit())
}

/// What is adopted is shown as a change of files.
fn check_adopt(shell: &Shell, args: &DriftArgs) -> Result<()> {
    let other = shell.global.output.iter().any(|output| output.format != Format::Text);
    match !args.adopt.is_empty() && other {
        true => Err(Error::invalid("--adopt shows the change of the files as text").hint("leave out -o")),
        false if !args.adopt.is_empty() && args.refresh == Refresh::Changed => {
            Err(Error::invalid("--adopt reads every offer").hint("leave out --refresh=changed"))
        }
        false => Ok(()),
    }
}

/// What compared equal before, and the offers, of which those are skipped.
async fn known(
    shell: &Shell,
    args: &DriftArgs,
    project: &Project,
    bases: &Bases,
    portal: &Portal,
) -> Result<(Option<Arc<Known>>, Supply)> {
    let choices = serde_json::json!([bases.digests(), args.no_artifacts, args.shard]);
    let circumstances = Circumstances { command: "drift", portal: &portal.name, choices, dates: Dates::Until };
    let known = Known::new(shell, args.refresh, project, &portal.reader, circumstances);
    let known = shell.until_stopped(known).await?.map(Arc::new);
    let supply = shell.supply(&args.targets.targets, args.shard, Lints::None, known.clone())?;
    Ok((known, supply))
}

/// Compares every offer. Returns what the files say as well, where that was not known before.
async fn look(
    shell: &Shell,
    args: &DriftArgs,
    (mut supply, known): (Supply, Option<Arc<Known>>),
    bases: &Bases,
    portal: &Portal,
) -> Result<(Drift, Vec<Adopted>, Option<Roll>)> {
    bases.check_portal(&portal.name)?;
    let looking = if args.no_artifacts { None } else { Some(Looking::new(&shell.global, &portal.reader)?) };
    let desk = Desk::new(shell, &portal.reader, looking.as_ref().map(Looking::looker)).knowing(known.as_ref());
    let mut found = Drift { bases: bases.names(), count_undeclared: !args.allow_undeclared, ..Drift::default() };
    let mut adopted = Vec::new();
    let all = async {
        let environment = shell.global.env.clone();
        let wanted = Arc::new(Wanted { addresses: args.adopt.clone(), environment });
        let one = |ticket: Ticket| {
            let (desk, bases, wanted) = (desk.clone(), bases.clone(), Arc::clone(&wanted));
            async move { one(&desk, ticket, &bases, &wanted).await }
        };
        let (read, unread) = each(shell.term, portal.at_once, &mut supply, one).await;
        (found.offers, adopted) = read.into_iter().unzip();
        found.unread = unread;
        let roll = supply.end().await;
        roll.iter().try_for_each(|roll| shell.all_read(roll))?;
        let skipped = known.as_ref().map(|known| known.take_skipped()).unwrap_or_default();
        found.not_read = skipped.len();
        found.offers.extend(skipped.into_iter().map(|Skipped { key, path, .. }| {
            let base = bases.names().into_iter().next();
            OfferDrift { key, files: vec![path], base, why: None, moved: Vec::new(), document: None }
        }));
        found.offers.sort_by(|a, b| a.key.cmp(&b.key));
        // What is left out by a target is declared all the same.
        if args.targets.targets.is_empty() {
            let declared = found.offers.iter().map(|offer| &offer.key).chain(found.unread.iter().map(|one| &one.key));
            let others = roll.iter().flat_map(|roll| roll.others.keys());
            let declared = declared.chain(others).cloned().collect::<Vec<_>>();
            undeclared(&portal.reader, &declared, known.as_deref(), bases, &mut found).await;
            found.undeclared.retain(|one| args.shard.is_none_or(|shard| shard.holds(&one.key)));
        }
        Ok(roll)
    };
    let roll = shell.until_stopped(all).await?;
    if let Some(looking) = looking {
        looking.keep();
    }
    drop(desk);
    if let Some(known) = known.and_then(Arc::into_inner) {
        known.keep(args.targets.targets.is_empty());
    }
    adopted.retain(|_| !args.adopt.is_empty());
    Ok((found, adopted, roll))
}

/// What is adopted into the files.
struct Wanted {
    addresses: Vec<String>,
    environment: Option<String>,
}

async fn one(
    desk: &Desk,
    ticket: Ticket,
    bases: &Bases,
    wanted: &Arc<Wanted>,
) -> std::result::Result<Option<(OfferDrift, Adopted)>, Unread> {
    if desk.skips(&ticket).await {
        return Ok(None);
    }
    let (size, clean, known) = (ticket.size(), ticket.clean, desk.known.clone());
    let (desired, _room) = ticket.split();
    let read = desk.reader.offer_sized(&desired.key).await;
    let (live, length) = read.map_err(|problem| observe::unread(&desired.key, &problem))?;
    let size = size.max(length);
    let (all, wanted) = (bases.clone(), Arc::clone(wanted));
    let first = move |schemas: &Schemas| {
        let shape = schemas.shape(&desired.offer_type);
        let diff = drift::compared(&desired, &live, &Contents::default(), shape);
        let mut open = diff.artifacts.clone();
        open.extend(all.artifacts(&desired, &live, shape));
        match open.is_empty() {
            true => {
                let nothing = Contents::default();
                let drift = drift::of(&desired, all.of(&desired), &live, &nothing, &diff.changes, shape);
                if let (Some(known), true) = (known, drift.moved.is_empty()) {
                    known.note(&desired, clean, &live);
                }
                let adopted = wanted.adopted(&desired, &drift, &live, &nothing, shape);
                Ok((drift, adopted))
            }
            false => Err(Box::new((desired, live, open, all, wanted))),
        }
    };
    let (desired, live, mut open, all, wanted) = match desk.compute(size, first).await {
        Ok(moved) => return Ok(Some(moved)),
        Err(open) => *open,
    };
    open.sort();
    open.dedup();
    let contents = match &desk.looker {
        Some(looker) => looker.look(&open).await,
        None => Contents::default(),
    };
    let again = move |schemas: &Schemas| {
        let shape = schemas.shape(&desired.offer_type);
        let changes = drift::compared(&desired, &live, &contents, shape).changes;
        let drift = drift::of(&desired, all.of(&desired), &live, &contents, &changes, shape);
        let adopted = wanted.adopted(&desired, &drift, &live, &contents, shape);
        (drift, adopted)
    };
    Ok(Some(desk.compute(size, again).await))
}

impl Wanted {
    /// Returns the edits of the files that adopt what is wanted of an offer.
    fn adopted(
        &self,
        desired: &Desired,
        drifted: &OfferDrift,
        live: &Live,
        contents: &Contents,
        shape: &Shape,
    ) -> Adopted {
        let Self { addresses, environment } = self;
        let Live::Present(offer) = live else { return Adopted::default() };
        if addresses.is_empty() {
            return Adopted::default();
        }
        let is_wanted = |address: &Address| {
            let drift = drifted.moved.iter().any(|moved| moved.address == *address && moved.who.is_drift());
            addresses.iter().any(|name| if name == "all" { drift } else { address.to_string() == *name })
        };
        adopt::of(desired, &offer.document, contents, shape, environment.as_deref(), is_wanted)
    }
}

/// The offers of the declared publishers that no file declares.
async fn undeclared(reader: &Reader, keys: &[OfferKey], known: Option<&Known>, bases: &Bases, found: &mut Drift) {
    let folded = |key: &OfferKey| (key.publisher.clone(), key.offer.as_str().to_ascii_lowercase());
    let declared = keys.iter().map(folded).collect::<BTreeSet<_>>();
    let publishers = keys.iter().map(|key| &key.publisher).collect::<BTreeSet<_>>();
    for publisher in publishers {
        let offers = match known.and_then(|known| known.listed(publisher)) {
            Some(list) => list.offers.clone(),
            None => list(reader, publisher).await,
        };
        match offers.and_then(|offers| keys_of(publisher, &offers)) {
            Ok(keys) => {
                let new = keys.into_iter().filter(|key| !declared.contains(&folded(key)));
                found.undeclared.extend(new.map(|key| {
                    let was_declared = bases.declares(&key);
                    Undeclared { key, was_declared }
                }));
            }
            Err((cause, denied)) => found.unlisted.push(Unlisted { publisher: publisher.clone(), cause, denied }),
        }
    }
    found.undeclared.sort_by(|a, b| a.key.cmp(&b.key));
}

async fn list(reader: &Reader, publisher: &PublisherId) -> std::result::Result<Vec<OfferSummary>, (String, bool)> {
    reader.offers(publisher).await.map_err(|problem| (problem.to_string(), problem.is_denied()))
}

fn keys_of(publisher: &PublisherId, offers: &[OfferSummary]) -> std::result::Result<Vec<OfferKey>, (String, bool)> {
    let key = |id: &str| {
        let offer =
            id.parse::<OfferId>().map_err(|error| (format!("the portal lists an offer whose id {error}"), false))?;
        Ok(OfferKey { publisher: publisher.clone(), offer })
    };
    offers.iter().map(|summary| key(&summary.id)).collect()
}
