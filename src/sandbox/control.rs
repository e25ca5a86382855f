//! The sandbox's own routes, under `/_sandbox`: look at requests, plan faults, move the clock, keep and restore states,
//! play the portal's user.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::below;
use super::artifact::NOTHING_FETCHED;
use super::faults::{Script, Spec};
use super::http::Incoming;
use super::portal::Call;
use super::put;
use super::refusal::{Refusal, Voice};
use super::reply::Reply;
use super::server::Server;
use crate::model::OfferKey;

/// A move of the clock: by a time, or by so many steps of publishing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Advance {
    advance_ms: Option<u64>,
    steps: Option<u64>,
}

/// Answers a request below `/_sandbox`.
pub(super) fn answer(server: &Server, incoming: &Incoming) -> Reply {
    let path = below(&incoming.path, "/_sandbox").unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let body = &incoming.body;
    let result = match (incoming.parts.method.as_str(), parts.as_slice()) {
        ("GET", ["health"]) => Ok(done()),
        ("GET", ["requests"]) => Ok(Reply::json(200, server.journal().entries())),
        ("DELETE", ["requests"]) => {
            server.journal().clear();
            Ok(done())
        }
        ("GET", ["faults"]) => Ok(Reply::json(200, server.faults().summary())),
        ("POST", ["faults"]) => add_faults(server, body),
        ("DELETE", ["faults"]) => {
            server.faults().clear();
            Ok(done())
        }
        ("GET", ["clock"]) => Ok(Reply::json(200, json!({"nowMs": server.now()}))),
        ("POST", ["clock"]) => advance(server, body),
        ("POST", ["reset"]) => Ok(server.reset()),
        ("GET", ["snapshots"]) => Ok(Reply::json(200, json!(server.snapshots()))),
        ("PUT", ["snapshots", name]) => {
            server.keep(name);
            Ok(done())
        }
        ("DELETE", ["snapshots", name]) if server.forget(name) => Ok(done()),
        ("POST", ["snapshots", name, "restore"]) => server.restore(name).ok_or(Refusal::NoSuchPath),
        ("PUT", ["offers", publisher, offer]) => edit(server, publisher, offer, body),
        _ => Err(Refusal::NoSuchPath),
    };
    result.unwrap_or_else(|refusal| refusal.reply(Voice::Native))
}

fn done() -> Reply {
    Reply::json(200, json!({"ok": true}))
}

/// Takes one fault, or a list with its seed.
fn add_faults(server: &Server, body: &[u8]) -> Result<Reply, Refusal> {
    let value: Value = parse(body)?;
    let bad = |problem: String| Refusal::BadRequest(format!("The fault is not understood: {problem}"));
    let (seed, faults) = if value.get("faults").is_some() {
        let script: Script = serde_json::from_value(value).map_err(|error| bad(error.to_string()))?;
        script.check().map_err(bad)?
    } else {
        let spec: Spec = serde_json::from_value(value).map_err(|error| bad(error.to_string()))?;
        (None, vec![spec.check().map_err(bad)?])
    };
    let now = server.now();
    let mut armed = server.faults();
    if let Some(seed) = seed {
        armed.reseed(seed);
    }
    faults.into_iter().for_each(|fault| armed.add(fault, now));
    Ok(done())
}

fn advance(server: &Server, body: &[u8]) -> Result<Reply, Refusal> {
    let Advance { advance_ms, steps } = parse(body)?;
    let millis = match (advance_ms, steps) {
        (Some(millis), None) => i64::try_from(millis).unwrap_or(i64::MAX),
        (None, Some(steps)) => i64::try_from(steps).unwrap_or(i64::MAX).saturating_mul(server.settings.step_millis),
        _ => return Err(Refusal::BadRequest("Give `advanceMs` or `steps`.".to_owned())),
    };
    Ok(server.advance(millis))
}

fn edit(server: &Server, publisher: &str, offer: &str, body: &[u8]) -> Result<Reply, Refusal> {
    let bad = |error: crate::model::IdError| Refusal::BadRequest(error.to_string());
    let key = OfferKey { publisher: publisher.parse().map_err(bad)?, offer: offer.parse().map_err(bad)? };
    let call = Call {
        method: "PUT",
        path: "",
        query: "",
        if_match: None,
        body,
        fetched: NOTHING_FETCHED,
        failing: None,
        as_of: None,
        now: server.now(),
    };
    let edited = |refusal: Refusal| refusal.reply(Voice::Native);
    Ok(server.change(&key, |portal| put::edit_by_hand(portal, &key, &call, &server.settings).unwrap_or_else(edited)))
}

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::BadRequest(format!("The body is not understood: {error}.")))
}
