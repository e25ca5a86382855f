//! The portal as a value: all offers, and what each request makes of them. Pure: the time comes in with the request.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::documents;
use super::mint::Mint;
use super::offer::{Offer, Revision, Run};
use super::put;
use super::refusal::{API_VERSION, Refusal, Voice};
use super::reply::{Body, Reply};
use super::routes::{Ask, OperationName, Route};
use super::submission::Submission;
use super::switches::Switches;
use crate::model::{OfferKey, Profile, PublisherId, Slot};

/// What does not change while the sandbox runs.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) default_profile: Profile,
    /// The publishers that are known though they have no offer.
    pub(super) publishers: BTreeSet<PublisherId>,
    /// Whether every publisher is known.
    pub(super) any_publisher: bool,
    pub(super) step_millis: i64,
    pub(super) switches: Switches,
}

/// A request, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// Below `/api`, without the query.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) if_match: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// Milliseconds since 1970.
    pub(super) now: i64,
}

impl Call<'_> {
    /// The value of a query parameter.
    fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// Everything that the portal remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Portal {
    /// How far the portal's clock is ahead of the machine's.
    pub(super) clock_ahead_millis: i64,
    pub(super) mint: Mint,
    pub(super) offers: BTreeMap<OfferKey, Offer>,
}

impl Portal {
    /// A portal without offers. The salt makes its names differ from those of other portals.
    pub(super) fn new(salt: impl Into<String>) -> Self {
        Self { clock_ahead_millis: 0, mint: Mint::new(salt), offers: BTreeMap::new() }
    }

    /// Answers a request below `/api`.
    pub(super) fn answer(&mut self, call: &Call<'_>, settings: &Settings) -> Reply {
        if call.parameter("api-version").as_deref() != Some(API_VERSION) {
            return Refusal::ApiVersion.reply(Voice::Native);
        }
        let route = match Route::of(call.method, call.path) {
            Ok(route) => route,
            Err(refusal) => return refusal.reply(Voice::Native),
        };
        if let Some(publisher) = route.publisher()
            && !self.knows(&publisher, call.method, settings)
        {
            return Refusal::Forbidden.reply(Voice::Native);
        }
        let result = match &route {
            Route::Publishers => Ok(self.publishers(settings)),
            Route::Offers(publisher) => self.list(publisher, call),
            Route::Offer(key, ask) => self.about_offer(key, ask, call, settings),
            Route::Operation(id) => self.operation_by_name(id, call, settings),
        };
        result.unwrap_or_else(|refusal| refusal.reply(self.voice(&route, settings)))
    }

    /// The offer, up to date.
    pub(super) fn offer(&mut self, key: &OfferKey, now: i64) -> Result<&mut Offer, Refusal> {
        let offer = self.offers.get_mut(key).ok_or_else(|| Refusal::NoSuchOffer(key.clone()))?;
        offer.settle(now);
        Ok(offer)
    }

    fn voice(&self, route: &Route, settings: &Settings) -> Voice {
        match route {
            Route::Offer(key, ask) => {
                let profile = self.offers.get(key).map_or(settings.default_profile, |offer| offer.profile);
                Voice::of(profile, *ask == Ask::Publish)
            }
            Route::Publishers | Route::Offers(_) | Route::Operation(_) => Voice::Native,
        }
    }

    fn publishers(&self, settings: &Settings) -> Reply {
        let with_offers = self.offers.keys().map(|key| &key.publisher);
        let ids: BTreeSet<&PublisherId> = with_offers.chain(&settings.publishers).collect();
        Reply::json(200, ids.into_iter().map(documents::publisher).collect())
    }

    /// Whether the caller may see this publisher: it has offers, or was named. Where none was named, a first offer can
    /// be created for any, and an empty portal knows them all.
    fn knows(&self, publisher: &PublisherId, method: &str, settings: &Settings) -> bool {
        let unrestricted = settings.publishers.is_empty();
        settings.any_publisher
            || settings.publishers.contains(publisher)
            || (unrestricted && (method == "PUT" || self.offers.is_empty()))
            || self.has_offers_of(publisher)
    }

    fn has_offers_of(&self, publisher: &PublisherId) -> bool {
        // No identifier sorts before this one, so the publisher's offers begin here.
        let Ok(first) = "0".parse() else { return false };
        let first = OfferKey { publisher: publisher.clone(), offer: first };
        self.offers.range(first..).next().is_some_and(|(key, _)| key.publisher == *publisher)
    }

    fn list(&mut self, publisher: &PublisherId, call: &Call<'_>) -> Result<Reply, Refusal> {
        let wanted = call.parameter("$filter").map(|filter| offer_type_filter(&filter)).transpose()?;
        let items = self
            .offers
            .values_mut()
            .filter(|offer| offer.key.publisher == *publisher)
            .filter(|offer| wanted.as_ref().is_none_or(|wanted| offer.offer_type == *wanted))
            .map(|offer| {
                offer.settle(call.now);
                documents::summary(offer)
            })
            .collect();
        Ok(Reply::json(200, items))
    }

    fn about_offer(
        &mut self,
        key: &OfferKey,
        ask: &Ask,
        call: &Call<'_>,
        settings: &Settings,
    ) -> Result<Reply, Refusal> {
        let switches = &settings.switches;
        if *ask == Ask::Put {
            return put::put(self, key, call, settings);
        }
        self.offer(key, call.now)?;
        let mut run = Run { mint: &mut self.mint, now: call.now, step_millis: settings.step_millis };
        let offer = self.offers.get_mut(key).ok_or_else(|| Refusal::NoSuchOffer(key.clone()))?;
        match ask {
            Ask::Put | Ask::Draft => Ok(document(offer, &offer.draft, true)),
            Ask::Version(number) => {
                let revision = offer.version(*number).ok_or_else(|| Refusal::NoSuchVersion(key.clone(), *number))?;
                Ok(document(offer, revision, switches.etag_on_published))
            }
            Ask::Slot(slot) => {
                let revision = offer.slot(*slot).ok_or_else(|| Refusal::EmptySlot(key.clone(), *slot))?;
                Ok(document(offer, revision, *slot == Slot::Draft || switches.etag_on_published))
            }
            Ask::Status => Ok(Reply::json(200, documents::status(offer, call.now, switches))),
            Ask::Submissions => Ok(submissions(offer, call)),
            Ask::Operation(id) => operation(offer, id, call, switches),
            Ask::Publish => {
                let emails = emails(call.body)?;
                let id = offer.publish(emails, &mut run, switches)?.id.clone();
                Ok(accepted(offer, Some(&id), switches))
            }
            Ask::GoLive => {
                let id = offer.go_live(&mut run, switches)?.id.clone();
                Ok(accepted(offer, Some(&id), switches))
            }
            Ask::Cancel => {
                if !offer.cancel(call.now) && switches.idle_cancel_conflicts {
                    return Err(Refusal::NothingRunning(key.clone()));
                }
                let id = offer.submissions.last().map(|latest| latest.id.clone());
                Ok(accepted(offer, id.as_deref(), switches))
            }
        }
    }

    fn operation_by_name(&mut self, id: &str, call: &Call<'_>, settings: &Settings) -> Result<Reply, Refusal> {
        let name = OperationName::parse(id).ok_or(Refusal::NoSuchPath)?;
        let offer = self.offer(&name.key, call.now)?;
        operation(offer, id, call, &settings.switches)
    }
}

/// A revision of an offer, with its ETag where this read has one.
pub(super) fn document(offer: &Offer, revision: &Revision, with_etag: bool) -> Reply {
    let reply = Reply::json(200, documents::offer(offer, revision));
    if with_etag && offer.profile == Profile::Native { reply.header("ETag", revision.etag.as_str()) } else { reply }
}

fn submissions(offer: &Offer, call: &Call<'_>) -> Reply {
    let wanted: Vec<String> = ["submissionState", "status"].iter().filter_map(|name| call.parameter(name)).collect();
    let items = offer
        .submissions
        .iter()
        .rev()
        .filter(|submission| wanted.iter().all(|word| word.eq_ignore_ascii_case(submission.word())))
        .map(|submission| documents::submission(offer, submission))
        .collect();
    Reply::json(200, items)
}

fn operation(offer: &Offer, id: &str, call: &Call<'_>, switches: &Switches) -> Result<Reply, Refusal> {
    find_submission(offer, id)
        .map(|submission| Reply::json(200, documents::operation(offer, submission, call.now, switches)))
        .ok_or_else(|| Refusal::NoSuchOperation(offer.key.clone(), id.to_owned()))
}

/// A submission by its GUID or by its name.
fn find_submission<'a>(offer: &'a Offer, id: &str) -> Option<&'a Submission> {
    let name = OperationName::parse(id).filter(|name| name.key == offer.key);
    offer.submissions.iter().find(|submission| {
        submission.id.eq_ignore_ascii_case(id)
            || name.as_ref().is_some_and(|name| {
                (submission.publishing_version, submission.target.slot()) == (name.publishing_version, name.slot)
            })
    })
}

/// The answer to a POST that was accepted.
fn accepted(offer: &Offer, submission: Option<&str>, switches: &Switches) -> Reply {
    let mut reply = Reply::json(202, json!({}));
    if switches.empty_post_answers {
        reply.body = Body::Empty;
    }
    let Some(submission) = offer.submissions.iter().find(|one| Some(one.id.as_str()) == submission) else {
        return reply;
    };
    let link = documents::link(offer, submission);
    for (name, omitted) in
        [("Location", switches.omit_location), ("Operation-Location", switches.omit_operation_location)]
    {
        if !omitted {
            reply = reply.header(name, link.clone());
        }
    }
    reply
}

/// Whom to tell of a publish. The body may be missing, and may hold anything else.
fn emails(body: &[u8]) -> Result<String, Refusal> {
    if body.is_empty() {
        return Ok(String::new());
    }
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Refusal::BadRequest(format!("The body is not JSON: {error}.")))?;
    Ok(body["metadata"]["notification-emails"].as_str().unwrap_or_default().to_owned())
}

/// The offer type in `offerTypeId eq '…'`, the one filter that is known.
fn offer_type_filter(filter: &str) -> Result<String, Refusal> {
    let mut words = filter.split_whitespace();
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some("offerTypeId"), Some("eq"), Some(quoted), None) => {
            quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).map(ToOwned::to_owned)
        }
        _ => None,
    }
    .ok_or_else(|| Refusal::BadRequest(format!("The filter is not understood: {filter}")))
}
