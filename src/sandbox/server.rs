//! HTTP around the portal: reads a request, asks the pure parts one after the other, saves, answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::{Body as HttpBody, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::json;

use super::control;
use super::faults::{Faults, Verdict};
use super::journal::Journal;
use super::login;
use super::portal::{Call, Portal, Settings};
use super::proxy::Origin;
use super::refusal::{Refusal, Voice};
use super::reply::{Body, Reply};
use super::state_file::StateFile;
use crate::error::Error;

/// Offers have a few hundred kilobytes; this is far beyond any.
const BODY_LIMIT: usize = 64 << 20;

/// What every answer of the portal carries.
const HEADERS: [(&str, &str); 8] = [
    ("cache-control", "no-cache"),
    ("pragma", "no-cache"),
    ("expires", "-1"),
    ("vary", "Accept-Encoding"),
    ("server", "Microsoft-IIS/10.0"),
    ("x-aspnet-version", "4.0.30319"),
    ("x-powered-by", "ASP.NET"),
    ("x-content-type-options", "nosniff"),
];

/// What all requests share.
#[derive(Debug)]
pub(super) struct Server {
    settings: Settings,
    token: Option<String>,
    core: Mutex<Core>,
}

/// What requests change. One at a time.
#[derive(Debug)]
struct Core {
    portal: Portal,
    faults: Faults,
    journal: Journal,
    file: Option<StateFile>,
    /// Whether the sandbox has stopped; what comes in after that is not carried out.
    closed: bool,
}

impl Server {
    /// A server for this portal. With a state file, what is there now is saved at once.
    pub(super) fn new(
        portal: Portal,
        file: Option<StateFile>,
        settings: Settings,
        token: Option<String>,
    ) -> Result<Self, Error> {
        let core = Core { portal, faults: Faults::default(), journal: Journal::default(), file, closed: false };
        core.save()?;
        Ok(Self { settings, token, core: Mutex::new(core) })
    }

    /// Saves what is there and gives the state file free, even where a connection lingers.
    pub(super) fn close(&self) -> Result<(), Error> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = core.save();
        core.file = None;
        core.closed = true;
        saved
    }

    fn answer(&self, parts: &Parts, body: &[u8]) -> Reply {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        if core.closed {
            return Reply::json(503, json!({"error": {"code": "SandboxStopped", "message": "the sandbox stops"}}));
        }
        let call = Call {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            if_match: parts.headers.get(IF_MATCH).and_then(|value| value.to_str().ok()),
            body,
            now: super::wall_clock().saturating_add(core.portal.clock_ahead_millis),
        };
        match (below(call.path, "/api"), below(call.path, "/_sandbox")) {
            (Some(path), _) => {
                let target = parts.uri.path_and_query().map_or(call.path, |target| target.as_str());
                let reply = match core.faults.judge(call.method, target) {
                    Verdict::Instead(reply) => reply,
                    Verdict::Afterwards(reply) => {
                        self.answer_api(&mut core, &Call { path, ..call }, &parts.headers);
                        reply
                    }
                    Verdict::Sound => self.answer_api(&mut core, &Call { path, ..call }, &parts.headers),
                };
                core.journal.record(call.method, target, call.if_match, body, reply.status);
                reply
            }
            (None, Some(path)) => {
                let Core { portal, faults, journal, .. } = &mut *core;
                let reply = control::answer(portal, faults, journal, &Call { path, ..call }, &self.settings);
                core.saved(call.method, reply)
            }
            (None, None) => {
                let reply = login::answer(&call, &origin(parts), self.token.as_deref());
                core.journal.record(call.method, call.path, None, b"", reply.status);
                reply
            }
        }
    }

    fn answer_api(&self, core: &mut Core, call: &Call<'_>, headers: &HeaderMap) -> Reply {
        if !self.admits(headers) {
            return Refusal::Unauthorized.reply(Voice::Native);
        }
        let reply = core.portal.answer(call, &self.settings);
        core.saved(call.method, reply)
    }

    /// The sandbox's own time, which the control route can move.
    fn now(&self) -> i64 {
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        super::wall_clock().saturating_add(core.portal.clock_ahead_millis)
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
            .map(|(_, token)| token.trim());
        match (&self.token, bearer) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(expected), Some(token)) => token == expected,
        }
    }
}

impl Core {
    fn save(&self) -> Result<(), Error> {
        self.file.as_ref().map_or(Ok(()), |file| file.save(&self.portal))
    }

    /// The reply, once what the request changed is on disk. A change that cannot be saved is not reported as made.
    fn saved(&self, method: &str, reply: Reply) -> Reply {
        if !matches!(method, "PUT" | "POST") || !reply.is_success() {
            return reply;
        }
        match self.save() {
            Ok(()) => reply,
            Err(error) => {
                tracing::error!(%error, "the sandbox keeps a change in memory only");
                Reply::json(500, json!({"error": {"code": "SandboxStateNotSaved", "message": error.to_string()}}))
            }
        }
    }
}

/// Answers any request. The work is done off the async threads because it waits for the disk.
pub(super) async fn handle(State(server): State<Arc<Server>>, request: Request) -> Response<HttpBody> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let reply = Refusal::BadRequest("The body is too long or broke off.".to_owned()).reply(Voice::Native);
        return http(&reply, server.now());
    };
    let answering = Arc::clone(&server);
    let reply = tokio::task::spawn_blocking(move || answering.answer(&parts, &body)).await;
    let reply = reply.unwrap_or_else(|error| {
        tracing::error!(%error, "a request failed inside the sandbox");
        Reply::json(500, json!({"error": {"code": "SandboxFailed", "message": "the sandbox has a defect"}}))
    });
    http(&reply, server.now())
}

/// Where the client of this request found us.
fn origin(parts: &Parts) -> String {
    let host = || parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    parts.extensions.get().map_or_else(|| format!("http://{}", host()), |Origin(origin)| origin.clone())
}

/// An instant as the `Date` header has it.
fn http_date(now: i64) -> Option<HeaderValue> {
    let since = Duration::from_millis(u64::try_from(now).ok()?);
    // Beyond the year 9999 there is no such form.
    let time = UNIX_EPOCH.checked_add(since).filter(|_| now < 253_402_300_800_000)?;
    httpdate::fmt_http_date(time).parse().ok()
}

fn http(reply: &Reply, now: i64) -> Response<HttpBody> {
    let mut response = Response::new(HttpBody::from(Bytes::from(reply.bytes())));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend(http_date(now).map(|date| (DATE, date)));
    if reply.body != Body::Empty {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    let correlation = uuid::Uuid::new_v4().to_string();
    let own = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in std::iter::once(("x-ms-correlation-request-id", correlation.as_str())).chain(own) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
            headers.insert(name, value);
        }
    }
    response
}

/// What follows the prefix, if it is a prefix of whole segments.
fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
