//! The sandbox's own routes, under `/_sandbox`: look at requests, plan faults, move the clock, play the portal's user.

use serde::Deserialize;
use serde_json::json;

use super::faults::{Fault, Faults};
use super::journal::Journal;
use super::portal::{Call, Portal, Settings};
use super::put;
use super::refusal::{Refusal, Voice};
use super::reply::Reply;
use crate::model::OfferKey;

/// A move of the clock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Advance {
    advance_ms: u64,
}

/// Answers a request below `/_sandbox`; the path in the call is what follows that.
pub(super) fn answer(
    portal: &mut Portal,
    faults: &mut Faults,
    journal: &mut Journal,
    call: &Call<'_>,
    settings: &Settings,
) -> Reply {
    let parts: Vec<&str> = call.path.split('/').filter(|part| !part.is_empty()).collect();
    let result = match (call.method, parts.as_slice()) {
        ("GET", ["health"]) => Ok(done()),
        ("GET", ["requests"]) => Ok(Reply::json(200, journal.entries())),
        ("DELETE", ["requests"]) => {
            journal.clear();
            Ok(done())
        }
        ("POST", ["faults"]) => add_fault(faults, call.body),
        ("DELETE", ["faults"]) => {
            faults.clear();
            Ok(done())
        }
        ("POST", ["clock"]) => advance(portal, call.body),
        ("PUT", ["offers", publisher, offer]) => edit(portal, publisher, offer, call, settings),
        _ => Err(Refusal::NoSuchPath),
    };
    result.unwrap_or_else(|refusal| refusal.reply(Voice::Native))
}

fn done() -> Reply {
    Reply::json(200, json!({"ok": true}))
}

fn add_fault(faults: &mut Faults, body: &[u8]) -> Result<Reply, Refusal> {
    let fault: Fault = parse(body)?;
    if let Some(problem) = fault.problem() {
        return Err(Refusal::BadRequest(problem));
    }
    faults.add(fault);
    Ok(done())
}

fn advance(portal: &mut Portal, body: &[u8]) -> Result<Reply, Refusal> {
    let Advance { advance_ms } = parse(body)?;
    let millis = i64::try_from(advance_ms).unwrap_or(i64::MAX);
    portal.clock_ahead_millis = portal.clock_ahead_millis.saturating_add(millis);
    Ok(done())
}

fn edit(
    portal: &mut Portal,
    publisher: &str,
    offer: &str,
    call: &Call<'_>,
    settings: &Settings,
) -> Result<Reply, Refusal> {
    let bad = |error: crate::model::IdError| Refusal::BadRequest(error.to_string());
    let key = OfferKey { publisher: publisher.parse().map_err(bad)?, offer: offer.parse().map_err(bad)? };
    put::edit_by_hand(portal, &key, call, settings)
}

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::BadRequest(format!("The body is not understood: {error}.")))
}
