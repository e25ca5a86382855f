//! The portal as a value: all offers, and what each request makes of them. Pure: the time comes in with the request.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::artifact::{Fetched, StoreCopy};
use super::clock::Clock;
use super::documents;
use super::gate::Reach;
use super::mint::Mint;
use super::moment::Moment;
use super::offer::{Offer, Revision, Run};
use super::put;
use super::refusal::{API_VERSION, OLD_API_VERSION, Refusal, Voice};
use super::reply::{Body, Reply};
use super::routes::{Ask, OperationName, Route};
use super::submission::{Failure, Submission};
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

#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// Below `/api`, without the query.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) if_match: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// What came of the artifacts that a PUT names.
    pub(super) fetched: &'a Fetched,
    /// What a publish or a go-live is going to fail of.
    pub(super) failing: Option<&'a Failure>,
    /// A read of a draft sees it as of this time.
    pub(super) as_of: Option<i64>,
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

/// Everything that the portal remembers. Copies share the offers, so that one is cheap to keep or to try a change on.
#[derive(Debug, Clone)]
pub(super) struct Portal {
    pub(super) clock: Clock,
    pub(super) mint: Mint,
    pub(super) offers: BTreeMap<OfferKey, Arc<Offer>>,
    /// The portal's own copies of artifacts, by path.
    pub(super) copies: BTreeMap<String, Arc<StoreCopy>>,
}

impl Portal {
    /// A portal without offers. The salt makes its names differ from those of other portals.
    pub(super) fn new(salt: impl Into<String>, clock: Clock) -> Self {
        Self { clock, mint: Mint::new(salt), offers: BTreeMap::new(), copies: BTreeMap::new() }
    }

    /// Answers a request below `/api`, whatever it is.
    #[cfg(test)]
    pub(super) fn answer(&mut self, call: &Call<'_>, settings: &Settings) -> Reply {
        match self.admit(call, settings) {
            Ok(route) if route.is_change() => self.change(&route, call, settings),
            Ok(route) => self.look(&route, call, &Reach::All, settings),
            Err(refusal) => refusal.reply(Voice::Native),
        }
    }

    /// What is asked for, where it may be asked.
    pub(super) fn admit(&self, call: &Call<'_>, settings: &Settings) -> Result<Route, Refusal> {
        let version = call.parameter("api-version");
        let route = Route::of(call.method, call.path);
        let is_served = match (version.as_deref(), &route) {
            (Some(API_VERSION), _) => true,
            (Some(version), Ok(Route::OfferTypes)) => version == OLD_API_VERSION,
            _ => false,
        };
        if !is_served {
            return Err(Refusal::ApiVersion);
        }
        let route = route?;
        match route.publisher() {
            Some(publisher) if !self.knows(&publisher, settings) => Err(Refusal::Forbidden),
            _ => Ok(route),
        }
    }

    pub(super) fn look(&self, route: &Route, call: &Call<'_>, reach: &Reach, settings: &Settings) -> Reply {
        let result = match route {
            Route::Publishers => Ok(self.publishers(reach, settings)),
            Route::OfferTypes => {
                Ok(Reply::json(200, documents::offer_types()).header("X-Sandbox-Shape", "not-established"))
            }
            Route::Offers(publisher) => self.list(publisher, call),
            Route::Offer(key, ask) => {
                self.offer(key, call.now).and_then(|offer| see(&offer, ask, call, &settings.switches))
            }
            Route::Operation(id) => self.operation_by_name(id, call, settings),
        };
        result.unwrap_or_else(|refusal| refusal.reply(self.voice(route, settings)))
    }

    /// Carries out what changes something. Nothing has changed where the answer is a refusal.
    pub(super) fn change(&mut self, route: &Route, call: &Call<'_>, settings: &Settings) -> Reply {
        let result = match route {
            Route::Offer(key, Ask::Put) => put::put(self, key, call, settings),
            Route::Offer(key, ask) => self.submit(key, ask, call, settings),
            _ => Err(Refusal::MethodNotAllowed),
        };
        result.unwrap_or_else(|refusal| refusal.reply(self.voice(route, settings)))
    }

    /// The portal as far as a change of this offer goes.
    pub(super) fn excerpt(&self, key: &OfferKey) -> Self {
        let offer = self.offers.get_key_value(key).map(|(key, offer)| (key.clone(), Arc::clone(offer)));
        let offers = offer.into_iter().collect();
        Self { clock: self.clock, mint: self.mint.clone(), offers, copies: BTreeMap::new() }
    }

    /// Takes in what became of an excerpt.
    pub(super) fn take_in(&mut self, excerpt: Self) {
        let Self { clock, mint, offers, copies } = excerpt;
        self.clock = clock;
        self.mint = mint;
        self.offers.extend(offers);
        self.copies.extend(copies);
    }

    /// The offer as it is at this time.
    pub(super) fn offer(&self, key: &OfferKey, now: i64) -> Result<Cow<'_, Offer>, Refusal> {
        self.offers.get(key).map(|offer| offer.at(now)).ok_or_else(|| Refusal::NoSuchOffer(key.clone()))
    }

    fn voice(&self, route: &Route, settings: &Settings) -> Voice {
        match route {
            Route::Offer(key, ask) => {
                let profile = self.offers.get(key).map_or(settings.default_profile, |offer| offer.profile);
                Voice::of(profile, *ask == Ask::Publish)
            }
            Route::Publishers | Route::OfferTypes | Route::Offers(_) | Route::Operation(_) => Voice::Native,
        }
    }

    fn publishers(&self, reach: &Reach, settings: &Settings) -> Reply {
        let with_offers = self.offers.keys().map(|key| &key.publisher);
        let ids = with_offers.chain(&settings.publishers).filter(|id| reach.includes(id)).collect::<BTreeSet<_>>();
        Reply::json(200, ids.into_iter().map(documents::publisher).collect())
    }

    /// Whether the caller may see this publisher: it has offers, or was named. Where none was named, a portal without
    /// offers knows them all, so that a first offer can be created.
    fn knows(&self, publisher: &PublisherId, settings: &Settings) -> bool {
        settings.any_publisher
            || settings.publishers.contains(publisher)
            || (settings.publishers.is_empty() && self.offers.is_empty())
            || self.has_offers_of(publisher)
    }

    fn has_offers_of(&self, publisher: &PublisherId) -> bool {
        // No identifier sorts before this one, so the publisher's offers begin here.
        let Ok(first) = "0".parse() else { return false };
        let first = OfferKey { publisher: publisher.clone(), offer: first };
        self.offers.range(first..).next().is_some_and(|(key, _)| key.publisher == *publisher)
    }

    fn list(&self, publisher: &PublisherId, call: &Call<'_>) -> Result<Reply, Refusal> {
        let wanted = call.parameter("$filter").map(|filter| offer_type_filter(&filter)).transpose()?;
        let items = self
            .offers
            .values()
            .filter(|offer| offer.key.publisher == *publisher)
            .filter(|offer| wanted.as_ref().is_none_or(|wanted| offer.offer_type == *wanted))
            .map(|offer| documents::summary(&offer.at(call.now)))
            .collect();
        Ok(Reply::json(200, items))
    }

    fn submit(&mut self, key: &OfferKey, ask: &Ask, call: &Call<'_>, settings: &Settings) -> Result<Reply, Refusal> {
        let switches = &settings.switches;
        let mut run = Run {
            mint: &mut self.mint,
            now: call.now,
            step_millis: settings.step_millis,
            failing: call.failing.cloned(),
        };
        let offer = self.offers.get_mut(key).ok_or_else(|| Refusal::NoSuchOffer(key.clone()))?;
        let offer = Arc::make_mut(offer);
        offer.settle(call.now);
        let id = match ask {
            Ask::Publish => Some(offer.publish(emails(call.body)?, &mut run, switches)?.id.clone()),
            Ask::GoLive => Some(offer.go_live(&mut run, switches)?.id.clone()),
            Ask::Cancel => {
                if !offer.cancel(call.now) && switches.idle_cancel_conflicts {
                    return Err(Refusal::NothingRunning(key.clone()));
                }
                offer.submissions.last().map(|latest| latest.id.clone())
            }
            _ => return Err(Refusal::MethodNotAllowed),
        };
        Ok(accepted(offer, id.as_deref(), switches))
    }

    fn operation_by_name(&self, id: &str, call: &Call<'_>, settings: &Settings) -> Result<Reply, Refusal> {
        let name = OperationName::parse(id).ok_or(Refusal::NoSuchPath)?;
        let offer = self.offer(&name.key, call.now)?;
        operation(&offer, id, call, &settings.switches)
    }
}

/// What is asked about one offer.
fn see(offer: &Offer, ask: &Ask, call: &Call<'_>, switches: &Switches) -> Result<Reply, Refusal> {
    let key = &offer.key;
    match ask {
        Ask::Draft => {
            let seen = call.as_of.map_or(Some(&offer.draft), |then| offer.draft_at(Moment::at(then)));
            Ok(document(offer, seen.ok_or_else(|| Refusal::NoSuchOffer(key.clone()))?, true))
        }
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
        Ask::Put | Ask::Publish | Ask::GoLive | Ask::Cancel => Err(Refusal::MethodNotAllowed),
    }
}

/// A revision of an offer, with its ETag where this read has one.
pub(super) fn document(offer: &Offer, revision: &Revision, with_etag: bool) -> Reply {
    let reply = Reply { status: 200, headers: Vec::new(), body: Body::Text(documents::offer(offer, revision)) };
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
