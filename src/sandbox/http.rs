//! HTTP around the server: from a request to what is asked, from a reply to what is sent.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::{Body as HttpBody, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, DATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use futures_util::stream;

use super::answer::{self, Answer};
use super::connection::Scissors;
use super::faults::Delivery;
use super::refusal::{Refusal, Voice};
use super::reply::{Body, Reply};
use super::routes;
use super::server::Server;

/// Offers have a few hundred kilobytes; this is far beyond any.
const BODY_LIMIT: usize = 64 << 20;

/// Below this, compressing only makes an answer longer.
const WORTH_COMPRESSING: usize = 256;

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

#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) parts: Parts,
    /// The path as routes have it, see [`routes::decoded`].
    pub(super) path: String,
    pub(super) body: Bytes,
}

impl Incoming {
    /// The path with its query, as it was sent.
    pub(super) fn target(&self) -> &str {
        self.parts.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    /// A header that is text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

pub(super) async fn handle(
    State(server): State<Arc<Server>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response<HttpBody> {
    let (parts, body) = request.into_parts();
    let compress = accepts_gzip(&parts.headers);
    let answer = match to_bytes(body, BODY_LIMIT).await {
        Ok(body) => {
            let path = routes::decoded(parts.uri.path());
            answer::answer(&server, &Arc::new(Incoming { parts, path, body })).await
        }
        Err(_) => Refusal::BadRequest("The body is too long or broke off.".to_owned()).reply(Voice::Native).into(),
    };
    if answer.delivery == Delivery::Reset {
        scissors.cut();
    }
    respond(&answer, server.now(), compress)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|item| {
        let (name, quality) = item.split_once(';').unwrap_or((item, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(quality.replace(' ', "").as_str(), "q=0" | "q=0.0")
    })
}

fn respond(answer: &Answer, now: i64, compress: bool) -> Response<HttpBody> {
    let Answer { reply, delivery, omitted } = answer;
    let bytes = reply.bytes();
    let compressed = (compress && bytes.len() >= WORTH_COMPRESSING).then(|| gzip(&bytes)).flatten();
    let is_compressed = compressed.is_some();
    let bytes = Bytes::from(compressed.unwrap_or(bytes));
    let mut response = Response::new(delivered(bytes, *delivery));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    fill(headers, reply, now);
    if is_compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for name in omitted {
        headers.remove(name);
    }
    response
}

fn fill(headers: &mut HeaderMap, reply: &Reply, now: i64) {
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
}

/// The body as it arrives. The portal does not tell its length beforehand, so it goes in chunks.
fn delivered(bytes: Bytes, delivery: Delivery) -> HttpBody {
    /// How often a slow body grows.
    const TICK: Duration = Duration::from_millis(50);
    match delivery {
        Delivery::Whole | Delivery::Reset if bytes.is_empty() => HttpBody::empty(),
        Delivery::Whole | Delivery::Reset => {
            HttpBody::from_stream(stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(bytes))))
        }
        Delivery::Truncated(length) => {
            let start = bytes.slice(..length.min(bytes.len()));
            HttpBody::from_stream(stream::unfold(Some(start), async |start| match start {
                Some(start) => Some((Ok(start), None)),
                None => {
                    // What is there goes out while nothing more comes; else the end would overtake it.
                    tokio::task::yield_now().await;
                    Some((Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)), None))
                }
            }))
        }
        Delivery::Slow(rate) => {
            let step = usize::try_from(rate / 20).unwrap_or(usize::MAX).max(1);
            let pause = TICK.max(Duration::from_secs(1) / rate.max(1));
            HttpBody::from_stream(stream::unfold(bytes, move |mut rest| async move {
                if rest.is_empty() {
                    return None;
                }
                tokio::time::sleep(pause).await;
                let chunk = rest.split_to(step.min(rest.len()));
                Some((Ok::<_, std::convert::Infallible>(chunk), rest))
            }))
        }
    }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// An instant as the `Date` header has it.
fn http_date(now: i64) -> Option<HeaderValue> {
    let since = Duration::from_millis(u64::try_from(now).ok()?);
    // Beyond the year 9999 there is no such form.
    let time = UNIX_EPOCH.checked_add(since).filter(|_| now < 253_402_300_800_000)?;
    httpdate::fmt_http_date(time).parse().ok()
}
