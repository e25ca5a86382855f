//! Which offers an import reads: those that the targets name, and those that the portal lists.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};

use super::connect::Portal;
use crate::cli::{OfferAt, SideArg};
use crate::error::{Error, Exit, Result};
use crate::model::{OfferId, OfferKey, PublisherId};
use crate::portal::{Problem, Reader};
use crate::report::Unlisted;

/// The offers to read, in the order of their keys, and what could not be listed.
pub(super) struct Listing {
    pub(super) offers: Vec<OfferAt>,
    pub(super) unlisted: Vec<Unlisted>,
}

/// Finds the offers that the targets name; all that the credential may read without one.
pub(super) async fn list(portal: &Portal, targets: &[String]) -> Result<Listing> {
    let (mut offers, mut publishers) = named(targets)?;
    let mut unlisted = Vec::new();
    if targets.is_empty() {
        for id in portal.reader.publishers().await.map_err(|problem| no_publishers(&problem))? {
            match id.parse::<PublisherId>() {
                Ok(publisher) => publishers.push(publisher),
                Err(error) => unlisted.push(unusable(&id, &format!("the portal lists a publisher whose id {error}"))),
            }
        }
    }
    publishers.sort();
    publishers.dedup();
    let lists = publishers.iter().map(async |publisher| (publisher, of(&portal.reader, publisher).await));
    // At most so many at once; the results are in the order of the publishers.
    let lists = stream::iter(lists).buffered(portal.at_once).collect::<Vec<_>>().await;
    for (publisher, (keys, problems)) in lists {
        tracing::info!(%publisher, offers = keys.len(), "listed");
        unlisted.extend(problems);
        for key in keys {
            offers.entry(key.clone()).or_insert_with(|| OfferAt::draft(key).state);
        }
    }
    let offers = offers.into_iter().map(|(key, state)| OfferAt { key, state }).collect();
    Ok(Listing { offers, unlisted })
}

/// Reads the targets.
fn named(targets: &[String]) -> Result<(BTreeMap<OfferKey, SideArg>, Vec<PublisherId>)> {
    let (mut offers, mut publishers) = (BTreeMap::new(), Vec::new());
    for target in targets {
        let invalid = |why: String| {
            Error::invalid(format!("`{target}`: {why}"))
                .hint("pass PUBLISHER, PUBLISHER/OFFER or PUBLISHER/OFFER@STATE")
        };
        if !target.contains('/') {
            publishers.push(target.parse().map_err(|error: crate::model::IdError| invalid(error.to_string()))?);
            continue;
        }
        let OfferAt { key, state } = target.parse().map_err(invalid)?;
        match offers.insert(key, state) {
            Some(other) if other != state => {
                return Err(invalid(format!("the same offer is also given as {other}")));
            }
            _ => {}
        }
    }
    Ok((offers, publishers))
}

async fn of(reader: &Reader, publisher: &PublisherId) -> (Vec<OfferKey>, Vec<Unlisted>) {
    let (mut keys, mut unlisted) = (Vec::new(), Vec::new());
    match reader.offers(publisher).await {
        Err(problem) => unlisted.push(Unlisted {
            publisher: publisher.to_string(),
            cause: problem.to_string(),
            hint: problem.hint.as_deref().map(ToOwned::to_owned),
            denied: problem.is_denied(),
        }),
        Ok(offers) => {
            for offer in offers {
                // The id becomes part of a path.
                match offer.id.parse::<OfferId>() {
                    Ok(offer) => keys.push(OfferKey { publisher: publisher.clone(), offer }),
                    Err(error) => {
                        let cause = format!("an offer whose id cannot be used: {error}");
                        unlisted.push(unusable(publisher.as_str(), &cause));
                    }
                }
            }
        }
    }
    (keys, unlisted)
}

fn unusable(publisher: &str, cause: &str) -> Unlisted {
    Unlisted { publisher: publisher.chars().take(100).collect(), cause: cause.to_owned(), hint: None, denied: false }
}

fn no_publishers(problem: &Problem) -> Error {
    let exit = if problem.is_denied() { Exit::Denied } else { Exit::Failed };
    let error = Error::new(exit, format!("the publishers cannot be listed: {problem}"));
    problem.hint.as_deref().into_iter().fold(error, |error, hint| error.hint(hint))
}
