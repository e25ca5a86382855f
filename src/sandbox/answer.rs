//! The way of one request: who is meant, what goes wrong, whether it is admitted, and the answer.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderName;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, IF_MATCH};
use serde_json::json;

use super::artifact::{Fetched, NOTHING_FETCHED};
use super::control;
use super::faults::{Act, Asked, Delivery, Edit, Effect};
use super::gate::{Form, Hosts, SignIn, sign_in};
use super::http::Incoming;
use super::journal::Line;
use super::portal::Call;
use super::proxy::Origin;
use super::put;
use super::refusal::{Refusal, Voice};
use super::reply::Reply;
use super::routes::{Ask, Kind, Route};
use super::server::{Server, off_thread};
use super::submission::Failure;
use crate::model::OfferKey;

/// A reply, and how it is sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) reply: Reply,
    pub(super) delivery: Delivery,
    /// Headers that are left out.
    pub(super) omitted: Vec<HeaderName>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self { reply, delivery: Delivery::Whole, omitted: Vec::new() }
    }
}

pub(super) async fn answer(server: &Arc<Server>, incoming: &Arc<Incoming>) -> Answer {
    if let Some(stopped) = server.stopped() {
        return stopped.into();
    }
    let path = incoming.path.as_str();
    if let Some(path) = below(path, "/api") {
        let route = Route::of(incoming.parts.method.as_str(), path).ok();
        let offer = route.as_ref().and_then(Route::offer);
        return under_faults(server, incoming, route.as_ref().map(Route::kind), offer.as_ref()).await;
    }
    if below(path, "/_sandbox").is_some() {
        let asking = Arc::clone(incoming);
        let answered = off_thread(server, move |server| control::answer(server, &asking)).await;
        return answered.unwrap_or_else(defect).into();
    }
    if SignIn::of(path).is_some() {
        return under_faults(server, incoming, Some(Kind::Token), None).await;
    }
    let copy = server.read(|portal| portal.copies.get(path).cloned());
    match copy.filter(|_| matches!(incoming.parts.method.as_str(), "GET" | "HEAD")) {
        Some(copy) => copy.reply(incoming.parts.uri.query().unwrap_or_default(), server.now()).into(),
        None => Refusal::NoSuchPath.reply(Voice::Native).into(),
    }
}

fn defect() -> Reply {
    Reply::json(500, json!({"error": {"code": "SandboxFailed", "message": "the sandbox has a defect"}}))
}

/// Answers a request that faults may strike, and writes it down.
async fn under_faults(
    server: &Arc<Server>,
    incoming: &Arc<Incoming>,
    route: Option<Kind>,
    offer: Option<&OfferKey>,
) -> Answer {
    let method = incoming.parts.method.as_str();
    let asked = Asked { method, target: incoming.target(), route, offer };
    let now = server.now();
    let struck = server.faults().judge(&asked, now).map(|(name, effect)| (name.to_owned(), effect.clone()));
    let (fault, effect) = struck.unzip();
    let Effect { latency_ms, edit, act, omitted, delivery } = effect.unwrap_or_default();
    if latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(latency_ms)).await;
    }
    if let Some(Edit { offer: named, merge }) = edit
        && let Some(key) = named.or_else(|| offer.cloned())
    {
        let edited = off_thread(server, move |server| {
            let now = server.now();
            server.change(&key, |portal| put::edit_by_merge(portal, &key, &merge, now, &server.settings.switches))
        });
        edited.await;
    }
    let reply = match act {
        Act::Instead(reply) => reply,
        Act::After(reply) => {
            carry_out(server, incoming, None, None).await;
            reply
        }
        Act::CarryOut => carry_out(server, incoming, None, None).await,
        Act::Stale(millis) => carry_out(server, incoming, Some(millis), None).await,
        Act::Failing(failure) => carry_out(server, incoming, None, Some(failure)).await,
    };
    server.journal().record(Line {
        method,
        path: incoming.target(),
        if_match: incoming.header(&IF_MATCH),
        body: &incoming.body,
        status: (delivery != Delivery::Reset).then_some(reply.status),
        fault: fault.as_deref(),
    });
    Answer { reply, delivery, omitted }
}

/// Does what is asked, where the caller may ask it.
async fn carry_out(
    server: &Arc<Server>,
    incoming: &Arc<Incoming>,
    stale: Option<i64>,
    failing: Option<Failure>,
) -> Reply {
    let now = server.now();
    if let Some(ask) = SignIn::of(&incoming.path) {
        let form = Form {
            method: incoming.parts.method.as_str(),
            content_type: incoming.header(&CONTENT_TYPE),
            body: &incoming.body,
        };
        let tunnel = incoming.parts.extensions.get::<Origin>().map(|Origin(origin)| origin.as_str());
        let hosts = Hosts { tunnel, asked: incoming.header(&HOST), own: &server.own };
        return sign_in(&server.gate, &ask, form, hosts, now);
    }
    let reach = match server.gate.admit(incoming.header(&AUTHORIZATION), now) {
        Ok(reach) => reach,
        Err(refusal) => return refusal.reply(Voice::Native),
    };
    let call = call(incoming, NOTHING_FETCHED, None, stale, now);
    let admitted = server.read(|portal| portal.admit(&call, &server.settings)).and_then(|route| {
        let reached = route.publisher().is_none_or(|publisher| reach.includes(&publisher));
        if reached { Ok(route) } else { Err(Refusal::Forbidden) }
    });
    match admitted {
        Err(refusal) => refusal.reply(Voice::Native),
        Ok(route) if !route.is_change() => server.read(|portal| portal.look(&route, &call, &reach, &server.settings)),
        Ok(Route::Offer(key, ask)) => change(server, incoming, key, ask, failing).await,
        Ok(_) => Refusal::MethodNotAllowed.reply(Voice::Native),
    }
}

async fn change(
    server: &Arc<Server>,
    incoming: &Arc<Incoming>,
    key: OfferKey,
    ask: Ask,
    failing: Option<Failure>,
) -> Reply {
    let fetched = if ask == Ask::Put && server.settings.switches.rehost_artifacts {
        server.fetcher.fetch(&put::artifacts_to_fetch(&incoming.body)).await
    } else {
        Fetched::new()
    };
    let incoming = Arc::clone(incoming);
    let work = move |server: &Server| {
        let call = call(&incoming, &fetched, failing.as_ref(), None, server.now());
        let route = Route::Offer(key.clone(), ask);
        server.change(&key, |portal| portal.change(&route, &call, &server.settings))
    };
    if server.blocks { off_thread(server, work).await.unwrap_or_else(defect) } else { work(server) }
}

/// The request as the portal looks at it.
fn call<'a>(
    incoming: &'a Incoming,
    fetched: &'a Fetched,
    failing: Option<&'a Failure>,
    stale: Option<i64>,
    now: i64,
) -> Call<'a> {
    Call {
        method: incoming.parts.method.as_str(),
        path: below(&incoming.path, "/api").unwrap_or_default(),
        query: incoming.parts.uri.query().unwrap_or_default(),
        if_match: incoming.header(&IF_MATCH),
        body: &incoming.body,
        fetched,
        failing,
        as_of: stale.map(|millis| now.saturating_sub(millis)),
        now,
    }
}

/// What follows the prefix, if it is a prefix of whole segments.
pub(super) fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
