//! PUT of an offer: preconditions, validation, and the full replacement of the draft.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::artifact::{self, Artifacts};
use super::definition;
use super::documents;
use super::mint::Mint;
use super::offer::{Offer, Revision};
use super::portal::{Call, Portal, Settings, document};
use super::refusal::{Refusal, Voice};
use super::reply::{Body, Reply};
use super::switches::{AbsentSecret, IfMatchOnCreate, MissingIfMatch, Refuses, Switches};
use crate::model::{OfferKey, Profile};
use crate::schema::Schemas;

/// Creates an offer or replaces its draft. Nothing changes when it is refused.
pub(super) fn put(portal: &mut Portal, key: &OfferKey, call: &Call<'_>, settings: &Settings) -> Result<Reply, Refusal> {
    let switches = &settings.switches;
    let body = Sent::read(call.body)?;
    let existing = portal.offer(key, call.now).ok();
    let existing = existing.as_deref();
    let profile = existing.map_or(settings.default_profile, |offer| offer.profile);
    body.check(key, existing, profile, switches)?;
    precondition(existing, profile, call.if_match, switches)?;
    if existing.is_some_and(Offer::is_busy) && switches.put_while_running.applies(profile, Profile::Native) {
        return Err(Refusal::Busy(key.clone()));
    }
    let created = existing.is_none();
    let definition = stored(&body, portal, key, call, switches);
    let offer = store(portal, key, &body.offer_type, &definition, profile, (call.now, switches));
    Ok(answer(offer, created, switches))
}

/// Replaces a draft the way a person does in the portal: as given, whatever runs.
pub(super) fn edit_by_hand(
    portal: &mut Portal,
    key: &OfferKey,
    call: &Call<'_>,
    settings: &Settings,
) -> Result<Reply, Refusal> {
    let body = Sent::read(call.body)?;
    let existing = portal.offer(key, call.now).ok();
    let existing = existing.as_deref();
    let profile = existing.map_or_else(|| body.profile().unwrap_or(settings.default_profile), |offer| offer.profile);
    let switches = Switches { reject_legacy_ids: Refuses::Never, ..settings.switches.clone() };
    body.check(key, existing, profile, &switches)?;
    let offer = store(portal, key, &body.offer_type, &body.definition, profile, (call.now, &settings.switches));
    Ok(document(offer, &offer.draft, true))
}

/// Changes what is there the way a person does in the portal. Of an offer that is not there, nothing.
pub(super) fn edit_by_merge(
    portal: &mut Portal,
    key: &OfferKey,
    merge: &Value,
    now: i64,
    switches: &Switches,
) -> Reply {
    let Portal { mint, offers, .. } = portal;
    let Some(offer) = offers.get_mut(key) else {
        return Refusal::NoSuchOffer(key.clone()).reply(Voice::Native);
    };
    let offer = Arc::make_mut(offer);
    offer.settle(now);
    let mut edited = json!({"definition": offer.draft.content.value()});
    jsonpatch::merge(&mut edited, merge);
    offer.edit(&edited["definition"], mint, now, switches);
    document(offer, &offer.draft, true)
}

/// The addresses on this machine from which a PUT takes artifacts. Nothing of a body that is refused anyway.
pub(super) fn artifacts_to_fetch(body: &[u8]) -> Vec<String> {
    let Ok(body) = Sent::read(body) else { return Vec::new() };
    let shape = Schemas::builtin().shape(&body.offer_type).property("definition");
    let is_near = |text: &&str| url::Url::parse(text).is_ok_and(|url| artifact::is_loopback(&url));
    definition::artifacts(&body.definition, shape).into_iter().filter(is_near).map(ToOwned::to_owned).collect()
}

/// A body that is the document of an offer. Members that only the portal writes are not looked at.
struct Sent {
    document: Map<String, Value>,
    offer_type: String,
    definition: Value,
}

impl Sent {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let bad = |reason: String| Refusal::BadRequest(reason);
        let document: Value =
            serde_json::from_slice(body).map_err(|error| bad(format!("The body is not JSON: {error}.")))?;
        let Value::Object(document) = document else {
            return Err(bad("The body is not a JSON object.".to_owned()));
        };
        let offer_type = document.get("offerTypeId").and_then(Value::as_str).unwrap_or_default().to_owned();
        if offer_type.is_empty() {
            return Err(bad("The argument: 'OfferTypeId' cannot be null or empty.".to_owned()));
        }
        let definition = match document.get("definition") {
            None | Some(Value::Null) => json!({}),
            Some(definition @ Value::Object(_)) => definition.clone(),
            Some(_) => return Err(bad("'definition' is not a JSON object.".to_owned())),
        };
        Ok(Self { document, offer_type, definition })
    }

    fn check(
        &self,
        key: &OfferKey,
        existing: Option<&Offer>,
        profile: Profile,
        switches: &Switches,
    ) -> Result<(), Refusal> {
        let bad = |reason: String| Err(Refusal::BadRequest(reason));
        for (name, in_path) in [("publisherId", key.publisher.as_str()), ("id", key.offer.as_str())] {
            let in_body = self.document.get(name).and_then(Value::as_str);
            if in_body.is_some_and(|in_body| in_body != in_path) && !switches.ignore_path_mismatch {
                return bad(format!("'{name}' in the body is not the '{in_path}' of the path."));
            }
        }
        if let Some(offer) = existing.filter(|offer| offer.offer_type != self.offer_type) {
            return bad(format!("The type of an offer cannot change; this one is a '{}'.", offer.offer_type));
        }
        let shape = Schemas::builtin().shape(&self.offer_type).property("definition");
        let refused = definition::read_only_keys(&self.definition, shape);
        if switches.reject_legacy_ids.applies(profile, Profile::Migrated) && !refused.is_empty() {
            return bad(format!("These properties cannot be written: {}.", refused.join(", ")));
        }
        Ok(())
    }

    fn profile(&self) -> Option<Profile> {
        match self.document.get("pcMigrationStatus")?.as_str()? {
            "migrated" => Some(Profile::Migrated),
            _ => Some(Profile::Native),
        }
    }
}

/// Whether `If-Match` lets the PUT pass.
fn precondition(
    existing: Option<&Offer>,
    profile: Profile,
    if_match: Option<&str>,
    switches: &Switches,
) -> Result<(), Refusal> {
    let missing = match profile {
        Profile::Native => switches.missing_if_match,
        Profile::Migrated => switches.migrated_missing_if_match,
    };
    match (existing, if_match.map(str::trim)) {
        (Some(_), None) => match missing {
            MissingIfMatch::BadRequest => {
                Err(Refusal::BadRequest("Updating an offer needs the If-Match header.".to_owned()))
            }
            MissingIfMatch::Conflict => Err(Refusal::OfferExists),
            MissingIfMatch::Accepted => Ok(()),
        },
        (None, None) => Ok(()),
        _ if profile == Profile::Migrated => Ok(()),
        (Some(_), Some("*")) => Ok(()),
        (Some(offer), Some(tag)) if tag == offer.draft.etag.as_str() => Ok(()),
        (Some(_), Some(_)) => Err(Refusal::Stale),
        (None, Some(tag)) => match switches.if_match_on_create {
            IfMatchOnCreate::Any => Ok(()),
            IfMatchOnCreate::Star if tag == "*" => Ok(()),
            IfMatchOnCreate::Star | IfMatchOnCreate::Never => Err(Refusal::Stale),
        },
    }
}

/// The definition with everything that the portal does to it.
fn stored(body: &Sent, portal: &mut Portal, key: &OfferKey, call: &Call<'_>, switches: &Switches) -> Value {
    let shape = Schemas::builtin().shape(&body.offer_type).property("definition");
    let at = portal.mint.stamp(call.now);
    let Portal { mint, copies, .. } = portal;
    let mut artifacts = Artifacts { mint, copies, fetched: call.fetched, at, publisher: &key.publisher, switches };
    let mut definition = definition::stored(&body.definition, shape, &mut artifacts);
    if let (AbsentSecret::Kept, Some(offer)) = (switches.absent_secret, portal.offers.get(key)) {
        definition::keep_secrets(&mut definition, &offer.draft.content.value(), shape);
    }
    definition
}

fn store<'a>(
    portal: &'a mut Portal,
    key: &OfferKey,
    offer_type: &str,
    definition: &Value,
    profile: Profile,
    (now, switches): (i64, &Switches),
) -> &'a Offer {
    let Portal { mint, offers, .. } = portal;
    match offers.entry(key.clone()) {
        Entry::Occupied(entry) => {
            let offer = Arc::make_mut(entry.into_mut());
            offer.settle(now);
            offer.edit(definition, mint, now, switches);
            offer
        }
        Entry::Vacant(entry) => entry.insert(Arc::new(new_offer(key, offer_type, definition, profile, mint, now))),
    }
}

fn new_offer(
    key: &OfferKey,
    offer_type: &str,
    definition: &Value,
    profile: Profile,
    mint: &mut Mint,
    now: i64,
) -> Offer {
    let guid = mint.guid();
    let version = mint.version_after(0, profile);
    Offer {
        key: key.clone(),
        offer_type: offer_type.to_owned(),
        profile,
        redirect: redirect(profile, &guid),
        guid,
        upgrade_requested: false,
        resting: "neverPublished".to_owned(),
        draft: Revision::new(version, definition, mint, now),
        earlier: Vec::new(),
        published: BTreeSet::new(),
        preview: None,
        production: None,
        submissions: Vec::new(),
    }
}

/// Where people find a migrated offer.
fn redirect(profile: Profile, guid: &str) -> String {
    match profile {
        Profile::Native => String::new(),
        Profile::Migrated => {
            format!("https://partner.microsoft.com/dashboard/commercial-marketplace/offers/{guid}/overview")
        }
    }
}

fn answer(offer: &Offer, created: bool, switches: &Switches) -> Reply {
    let mut reply = document(offer, &offer.draft, true);
    match offer.profile {
        Profile::Native if created && !switches.create_answers_200 => reply.status = 201,
        Profile::Native => {}
        Profile::Migrated => {
            if switches.etag_on_migrated_put {
                reply = reply.header("ETag", offer.draft.etag.as_str());
            }
            if switches.put_answers_services {
                reply.body = Body::Json(documents::services());
            }
        }
    }
    reply
}
