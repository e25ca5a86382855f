//! `offerctl drift`: who moved, the portal or the files.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::adopt;
use super::artifacts::Looking;
use super::bases::Bases;
use super::connect::Portal;
use super::observe::{self, read_each};
use super::shell::Shell;
use crate::artifact::Looker;
use crate::cli::{DriftArgs, Format, Rewriting};
use crate::drift::{self, Drift, OfferDrift, Undeclared, Unlisted};
use crate::error::{Error, Exit, Result};
use crate::live::Live;
use crate::model::{Address, OfferId, OfferKey, PublisherId};
use crate::plan::Unread;
use crate::portal::Reader;
use crate::render::{self, MarkdownOptions, Paint};
use crate::revise::Adopted;
use crate::schema::Schemas;
use crate::workspace::{Desired, Loaded};

pub(super) async fn run(shell: &Shell, args: &DriftArgs) -> Result<Exit> {
    let (project, loaded) = shell.load(&args.targets.targets)?;
    let bases = Bases::read(shell, &project, &args.base).await?;
    check_adopt(shell, args)?;
    let (found, adopted) = shell.with_portal(async |portal| look(shell, args, &loaded, &bases, portal).await).await?;
    if !args.adopt.is_empty() {
        return adopt::write(shell, &project, &args.adopt, Rewriting { patch: args.patch }, &adopted, &found.unread);
    }
    let places = shell.places(&loaded.offers);
    let limit = args.markdown_limit.or(project.config.markdown_limit).unwrap_or(MarkdownOptions::LIMIT);
    shell.emit(&|format, color| match format {
        Format::Text => render::drift(&found, Paint { color }),
        Format::Markdown => render::drift_markdown(&found, limit),
        Format::Json => render::drift_json(&found),
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
        false => Ok(()),
    }
}

async fn look(
    shell: &Shell,
    args: &DriftArgs,
    loaded: &Loaded,
    bases: &Bases,
    portal: &Portal,
) -> Result<(Drift, Vec<Adopted>)> {
    bases.check_portal(&portal.name)?;
    let looking = if args.no_artifacts { None } else { Some(Looking::new(&shell.global, &portal.reader)?) };
    let looker = looking.as_ref().map(Looking::looker);
    let mut found = Drift { bases: bases.names(), count_undeclared: !args.allow_undeclared, ..Drift::default() };
    let mut adopted = Vec::new();
    let wanted = Arc::<[String]>::from(args.adopt.clone());
    let all = async {
        let one = async |desired| one(shell, &portal.reader, desired, bases, &wanted, looker).await;
        let (read, unread) = read_each(shell, portal.at_once, &loaded.offers, one).await;
        (found.offers, adopted) = read.into_iter().unzip();
        found.unread = unread;
        // What is left out by a target is declared all the same.
        if args.targets.targets.is_empty() {
            undeclared(&portal.reader, loaded, bases, &mut found).await;
        }
        Ok(())
    };
    shell.until_stopped(all).await?;
    if let Some(looking) = looking {
        looking.keep();
    }
    Ok((found, adopted))
}

async fn one(
    shell: &Shell,
    reader: &Reader,
    desired: &Desired,
    bases: &Bases,
    adopt: &Arc<[String]>,
    looker: Option<&Looker>,
) -> std::result::Result<(OfferDrift, Adopted), Unread> {
    let live = reader.offer(&desired.key).await.map_err(|problem| observe::unread(&desired.key, &problem))?;
    let (live, contents) = observe::contents(shell, looker, live, bases.artifacts_of(desired)).await;
    let (desired, bases, adopt) = (desired.clone(), bases.clone(), Arc::clone(adopt));
    let environment = shell.global.env.clone();
    let compare = move |schemas: &Schemas| {
        let (base, why) = match bases.of(&desired) {
            Ok(base) => (Some(base), None),
            Err(why) => (None, why),
        };
        let shape = schemas.shape(&desired.offer_type);
        let moved = drift::of(&desired, base.map(|(_, base)| base), &live, &contents, shape);
        let base = base.map(|(name, _)| name.to_owned());
        let adopted = match &live {
            Live::Present(offer) if !adopt.is_empty() => {
                let is_wanted = |address: &Address| {
                    let drift = moved.iter().any(|moved| moved.address == *address && moved.who.is_drift());
                    adopt.iter().any(|name| if name == "all" { drift } else { address.to_string() == *name })
                };
                adopt::of(&desired, &offer.document, &contents, shape, environment.as_deref(), is_wanted)
            }
            _ => Adopted::default(),
        };
        (OfferDrift { path: desired.path().to_owned(), key: desired.key, base, why, moved }, adopted)
    };
    Ok(shell.compute(compare).await)
}

/// The offers of the declared publishers that no file declares.
async fn undeclared(reader: &Reader, loaded: &Loaded, bases: &Bases, found: &mut Drift) {
    let folded = |key: &OfferKey| (key.publisher.clone(), key.offer.as_str().to_ascii_lowercase());
    let declared = loaded.offers.iter().map(|offer| folded(&offer.key)).collect::<BTreeSet<_>>();
    let publishers = loaded.offers.iter().map(|desired| &desired.key.publisher).collect::<BTreeSet<_>>();
    for publisher in publishers {
        match listed(reader, publisher).await {
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

async fn listed(reader: &Reader, publisher: &PublisherId) -> std::result::Result<Vec<OfferKey>, (String, bool)> {
    let offers = reader.offers(publisher).await.map_err(|problem| (problem.to_string(), problem.is_denied()))?;
    let key = |id: &str| {
        let offer =
            id.parse::<OfferId>().map_err(|error| (format!("the portal lists an offer whose id {error}"), false))?;
        Ok(OfferKey { publisher: publisher.clone(), offer })
    };
    offers.iter().map(|summary| key(&summary.id)).collect()
}
