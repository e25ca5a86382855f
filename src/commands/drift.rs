//! `offerctl drift`: who moved, the portal or the files.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::adopt;
use super::artifacts::Looking;
use super::connect::Portal;
use super::git::Revision;
use super::observe::{self, read_each};
use super::shell::Shell;
use crate::artifact::Looker;
use crate::cli::{DriftArgs, Format, Rewriting};
use crate::diff;
use crate::drift::{self, Base, Drift, Known, MAX_RECEIPT, OfferDrift, Receipt, Undeclared, Unlisted};
use crate::error::{Error, Exit, Result};
use crate::live::Live;
use crate::model::{Address, OfferId, OfferKey, PublisherId};
use crate::plan::Unread;
use crate::portal::Reader;
use crate::render::{self, MarkdownOptions};
use crate::revise::Adopted;
use crate::schema::Schemas;
use crate::workspace::{Desired, Loaded, Project, environment_name};

pub(super) async fn run(shell: &Shell, args: &DriftArgs) -> Result<Exit> {
    let (project, loaded) = shell.load(&args.targets.targets)?;
    let bases = Arc::from(bases(shell, &project, &args.base).await?);
    check_adopt(shell, args)?;
    let (found, adopted) = shell.with_portal(async |portal| look(shell, args, &loaded, &bases, portal).await).await?;
    if !args.adopt.is_empty() {
        return adopt::write(shell, &project, &args.adopt, Rewriting { patch: args.patch }, &adopted, &found.unread);
    }
    let places = shell.places(&loaded.offers);
    let (html_source, verbose) = (args.html_source, shell.global.verbose > 0);
    let limit = args.markdown_limit.or(project.config.markdown_limit).unwrap_or(MarkdownOptions::LIMIT);
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
        false => Ok(()),
    }
}

enum Origin {
    Receipt(String, Receipt),
    Revision(Box<Revision>),
}

impl Origin {
    fn name(&self) -> &str {
        match self {
            Self::Receipt(name, _) => name,
            Self::Revision(revision) => &revision.name,
        }
    }

    /// What it says of an offer, if it says anything; an error where it should and cannot.
    fn of(&self, key: &OfferKey, path: &str) -> std::result::Result<Option<Base<'_>>, String> {
        match self {
            Self::Receipt(_, receipt) => Ok(receipt.offer(key).map(Base::Receipt)),
            Self::Revision(revision) => match revision.loaded.offer(key) {
                Some(desired) => Ok(Some(Base::Revision(desired))),
                None if revision.loaded.is_broken(key, path) => {
                    Err(format!("its file has errors at {}", revision.name))
                }
                None => Ok(Some(Base::New)),
            },
        }
    }

    fn declares(&self, key: &OfferKey) -> bool {
        matches!(self.of(key, ""), Ok(Some(Base::Receipt(_) | Base::Revision(_))))
    }
}

/// A file is a receipt, anything else a revision.
async fn bases(shell: &Shell, project: &Project, named: &[String]) -> Result<Vec<Origin>> {
    let mut bases = Vec::new();
    for name in named {
        bases.push(if Path::new(name).is_file() {
            let receipt = receipt(Path::new(name))?;
            if receipt.environment() != project.environment.as_deref() {
                let (made, now) =
                    (environment_name(receipt.environment()), environment_name(project.environment.as_deref()));
                return Err(Error::invalid(format!("the receipt {name} is for {made}, but this is {now}"))
                    .hint("pass the receipt of an `apply` in this environment"));
            }
            Origin::Receipt(format!("receipt {name}"), receipt)
        } else if Path::new(name).extension().is_some_and(|ending| ending == "json") {
            return Err(
                Error::invalid(format!("no such file: {name}")).hint("write a receipt with `apply -o json=PATH`")
            );
        } else {
            Origin::Revision(Box::new(Revision::read(shell, project, name).await?))
        });
    }
    Ok(bases)
}

fn receipt(path: &Path) -> Result<Receipt> {
    let size = path.metadata().map_err(|error| Error::io("read", path, &error))?.len();
    if size > MAX_RECEIPT {
        let message = format!("{} has {size} bytes; the limit is {MAX_RECEIPT}", path.display());
        return Err(Error::invalid(message));
    }
    let text = crate::text::read(path).map_err(|error| Error::io("read", path, &error))?;
    Receipt::read(&text).map_err(|error| {
        Error::invalid(format!("{} cannot be used as the base: {error}", path.display()))
            .hint("pass the report of `apply -o json=PATH`, or a Git revision")
    })
}

async fn look(
    shell: &Shell,
    args: &DriftArgs,
    loaded: &Loaded,
    bases: &Arc<[Origin]>,
    portal: &Portal,
) -> Result<(Drift, Vec<Adopted>)> {
    for origin in bases.iter() {
        if let Origin::Receipt(name, receipt) = origin
            && receipt.portal() != portal.name
        {
            let message = format!("the {name} is for the portal {}, but this is {}", receipt.portal(), portal.name);
            return Err(Error::invalid(message).hint("pass the receipt of an `apply` to this portal"));
        }
    }
    let looking = if args.no_artifacts { None } else { Some(Looking::new(&shell.global, &portal.reader)?) };
    let looker = looking.as_ref().map(Looking::looker);
    let mut found = Drift {
        bases: bases.iter().map(|origin| origin.name().to_owned()).collect(),
        count_undeclared: !args.allow_undeclared,
        ..Drift::default()
    };
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
    bases: &Arc<[Origin]>,
    adopt: &Arc<[String]>,
    looker: Option<&Looker>,
) -> std::result::Result<(OfferDrift, Adopted), Unread> {
    let live = reader.offer(&desired.key).await.map_err(|problem| observe::unread(&desired.key, &problem))?;
    let (asking, all) = (desired.clone(), Arc::clone(bases));
    let asked = move |live: &Live, schemas: &Schemas| {
        let shape = schemas.shape(&asking.offer_type);
        let mut pairs = diff::artifacts(&asking.document, live, shape);
        if let Ok((_, Base::Revision(before))) = base(&all, &asking) {
            pairs.extend(diff::artifacts(&before.document, live, shape));
        }
        pairs
    };
    let (live, contents) = observe::contents(shell, looker, live, asked).await;
    let (desired, bases, adopt) = (desired.clone(), Arc::clone(bases), Arc::clone(adopt));
    let environment = shell.global.env.clone();
    let compare = move |schemas: &Schemas| {
        let shape = schemas.shape(&desired.offer_type);
        let drifted = drift::of(&desired, base(&bases, &desired), &live, &contents, shape);
        let adopted = match &live {
            Live::Present(offer) if !adopt.is_empty() => {
                let is_wanted = |address: &Address| {
                    let drift = drifted.moved.iter().any(|moved| moved.address == *address && moved.who.is_drift());
                    adopt.iter().any(|name| if name == "all" { drift } else { address.to_string() == *name })
                };
                adopt::of(&desired, &offer.document, &contents, shape, environment.as_deref(), is_wanted)
            }
            _ => Adopted::default(),
        };
        (drifted, adopted)
    };
    Ok(shell.compute(compare).await)
}

/// The first base that tells of an offer, with its name; or why none does, where there are bases.
fn base<'a>(bases: &'a [Origin], desired: &Desired) -> Known<'a> {
    let mut why = (!bases.is_empty()).then(|| "the receipt does not contain it".to_owned());
    for origin in bases {
        match origin.of(&desired.key, desired.path()) {
            Ok(Some(known)) => return Ok((origin.name(), known)),
            Ok(None) => {}
            Err(reason) => why = Some(reason),
        }
    }
    Err(why)
}

/// The offers of the declared publishers that no file declares.
async fn undeclared(reader: &Reader, loaded: &Loaded, bases: &[Origin], found: &mut Drift) {
    let folded = |key: &OfferKey| (key.publisher.clone(), key.offer.as_str().to_ascii_lowercase());
    let declared = loaded.offers.iter().map(|offer| folded(&offer.key)).collect::<BTreeSet<_>>();
    let publishers = loaded.offers.iter().map(|desired| &desired.key.publisher).collect::<BTreeSet<_>>();
    for publisher in publishers {
        match listed(reader, publisher).await {
            Ok(keys) => {
                let new = keys.into_iter().filter(|key| !declared.contains(&folded(key)));
                found.undeclared.extend(new.map(|key| {
                    let was_declared = bases.iter().any(|origin| origin.declares(&key));
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
