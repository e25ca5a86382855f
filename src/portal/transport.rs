//! One request at a time: address, token, limits, repetition of reads, and the counting of all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::problem::{Kind, Problem, reports_failure};
use crate::model::ETag;

/// The version of the API that every request names.
const API_VERSION: &str = "2017-10-31";
/// A GET of an offer can take more than a minute.
const READ_TIMEOUT: Duration = Duration::from_mins(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest body that is read, in bytes; an offer has some ten thousand.
const MAX_BODY: usize = 64 << 20;
/// Longest pause between two tries that the client chooses by itself.
const MAX_PAUSE: Duration = Duration::from_secs(20);
/// Longest pause that a server may ask for before the request counts as failed.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// A bearer token. It is never printed, and only sent to the endpoint that it was given for.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// Takes the token without the word `Bearer`.
    pub fn new(token: String) -> Self {
        Self(SecretString::from(token))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(REDACTED)")
    }
}

/// The base URL of a portal: https, or http on loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a URL cannot be an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` cannot be the portal's endpoint: {reason}")]
pub struct EndpointError {
    url: String,
    reason: &'static str,
}

impl std::str::FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let fail = |reason| EndpointError { url: crate::redact::text(text), reason };
        let mut url = Url::parse(text).map_err(|_| fail("it is not a URL"))?;
        let loopback = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(fail("plain http is for loopback only; use https")),
            _ => return Err(fail("it must start with https://")),
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(fail("it must hold no user, password, query or fragment"));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl Endpoint {
    /// Whether the portal is on this machine, as the sandbox is.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The URL of an API path, with the API's version.
    pub(super) fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{}", self.0.path(), path.trim_start_matches('/')));
        url.query_pairs_mut().append_pair("api-version", API_VERSION).extend_pairs(query);
        url
    }

    /// The operation that a link of the portal's leads to, if it is at this very portal. A token goes nowhere else.
    pub(super) fn follow(&self, link: &str) -> Option<OperationPath> {
        let mut url = self.0.join(link).ok()?;
        let same = (url.scheme(), url.host(), url.port_or_known_default())
            == (self.0.scheme(), self.0.host(), self.0.port_or_known_default());
        let plain = url.username().is_empty() && url.password().is_none();
        if !url.query_pairs().any(|(name, _)| name == "api-version") {
            url.query_pairs_mut().append_pair("api-version", API_VERSION);
        }
        (same && plain).then_some(OperationPath(url))
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The address of an operation on the portal that the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationPath(Url);

impl OperationPath {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

impl std::fmt::Display for OperationPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.path())
    }
}

/// How the client talks.
#[derive(Debug, Clone)]
pub struct Settings {
    /// To whom.
    pub endpoint: Endpoint,
    /// As whom.
    pub token: Token,
    /// Most requests under way at once.
    pub parallelism: usize,
    /// How often a read that may succeed later is tried again.
    pub retries: u32,
}

/// What a run cost the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Requests sent, tries counted each.
    pub requests: u64,
    /// Of these, repetitions.
    pub retries: u64,
}

/// Shared by readers and writers: one connection pool, one limit, one count.
pub(super) struct Transport {
    client: Client,
    token: Token,
    authorization: HeaderValue,
    pub(super) endpoint: Endpoint,
    limit: Semaphore,
    retries: u32,
    sent: AtomicU64,
    repeated: AtomicU64,
}

/// A success.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    /// `null` when the body is empty.
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn etag(&self) -> Option<ETag> {
        self.header("etag").map(ETag::new)
    }
}

impl Transport {
    pub(super) fn new(settings: Settings) -> Result<Arc<Self>, String> {
        // A client without a provider panics when it is built; a second installation is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder();
        // A portal on this machine is never reached through a proxy: the token would go there in clear text.
        let builder = if settings.endpoint.is_loopback() { builder.no_proxy() } else { builder };
        let client = builder
            .user_agent(concat!("offerctl/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // A redirect could lead the token to another host. The API has none.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", settings.token.0.expose_secret()))
            .map_err(|_| "the token holds characters that a header cannot carry".to_owned())?;
        authorization.set_sensitive(true);
        Ok(Arc::new(Self {
            client,
            token: settings.token,
            authorization,
            endpoint: settings.endpoint,
            limit: Semaphore::new(settings.parallelism.max(1)),
            retries: settings.retries,
            sent: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
        }))
    }

    pub(super) fn traffic(&self) -> Traffic {
        Traffic { requests: self.sent.load(Ordering::Relaxed), retries: self.repeated.load(Ordering::Relaxed) }
    }

    /// A GET, repeated while it may still succeed.
    pub(super) async fn get(&self, url: Url) -> Result<Answer, Problem> {
        let mut attempt = 0;
        loop {
            let (problem, asked) = match self.send(Method::GET, url.clone(), HeaderMap::new(), None).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let passing = matches!(problem.kind, Kind::Unavailable | Kind::Unreachable);
            if let Some(pause) = asked.filter(|pause| *pause > MAX_RETRY_AFTER) {
                let cause = format!("{}; the portal asks to wait {} s", problem.cause, pause.as_secs());
                return Err(Problem { cause, ..problem });
            }
            if !passing || attempt >= self.retries {
                return Err(problem);
            }
            let pause = asked.unwrap_or_else(|| self.pause(attempt));
            attempt += 1;
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tracing::info!(problem = %problem, attempt, ?pause, "trying again");
            tokio::time::sleep(pause).await;
        }
    }

    /// One request, sent once. Besides the problem, how long the server asks to wait.
    pub(super) async fn send(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Option<&Value>,
    ) -> Result<Answer, (Problem, Option<Duration>)> {
        let request = format!("{method} {}", url.path());
        let mut builder =
            self.client.request(method, url).headers(headers).header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            builder = builder.json(body);
        }
        let permit = self.limit.acquire().await;
        self.sent.fetch_add(1, Ordering::Relaxed);
        let outcome = async {
            let response = builder.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, read_body(response).await?))
        }
        .await;
        drop(permit);
        let (status, headers, bytes) = outcome.map_err(|error| (Problem::unreachable(&request, &error), None))?;
        tracing::debug!(request, status = status.as_u16(), "answered");
        let correlation =
            headers.get("x-ms-correlation-request-id").and_then(|id| id.to_str().ok()).map(crate::redact::text);
        let answer = || {
            let text = String::from_utf8_lossy(&bytes);
            let problem = Problem::answer(&request, status.as_u16(), correlation.clone(), &text);
            problem.without(self.token.0.expose_secret())
        };
        if !status.is_success() {
            return Err((answer(), retry_after(&headers)));
        }
        match json(&bytes) {
            Ok(body) if reports_failure(&body) => Err((Problem { kind: Kind::Rejected, ..answer() }, None)),
            Ok(body) => Ok(Answer { headers, body }),
            // A body that was cut off may come whole the next time.
            Err(NotJson::Broken) => Err((Problem { kind: Kind::Unreachable, ..answer() }, None)),
            Err(NotJson::Inexact) => {
                let cause = "the answer holds a number with more digits than can be sent back unchanged";
                Err((Problem::malformed(&request, cause), None))
            }
        }
    }

    /// Exponential back-off with full jitter. A portal on this machine needs no politeness.
    fn pause(&self, attempt: u32) -> Duration {
        let first = Duration::from_millis(if self.endpoint.is_loopback() { 20 } else { 500 });
        let ceiling = first.saturating_mul(1 << attempt.min(10)).min(MAX_PAUSE);
        ceiling.mul_f64(fastrand::f64())
    }
}

/// Why a body cannot be used.
#[derive(Debug, PartialEq)]
enum NotJson {
    /// It is not JSON, or not all of it, or not UTF-8.
    Broken,
    /// Reading it would lose digits of a number, and the field would not survive the next write.
    Inexact,
}

/// The body as JSON; null where there is none.
fn json(bytes: &[u8]) -> Result<Value, NotJson> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    let value = serde_json::from_slice(bytes).map_err(|_| NotJson::Broken)?;
    if has_inexact_number(bytes) { Err(NotJson::Inexact) } else { Ok(value) }
}

/// Whether valid JSON holds a number that neither a 64-bit integer nor a double can hold as it is written.
fn has_inexact_number(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'-' | b'0'..=b'9')) {
        rest = &rest[at..];
        let length = if rest[0] == b'"' { string_length(rest) } else { number_length(rest) };
        let (token, after) = rest.split_at(length.min(rest.len()));
        if token[0] != b'"' && std::str::from_utf8(token).is_ok_and(is_inexact) {
            return true;
        }
        rest = after;
    }
    false
}

fn string_length(text: &[u8]) -> usize {
    let mut end = 1;
    while text.get(end).is_some_and(|byte| *byte != b'"') {
        end += if text[end] == b'\\' { 2 } else { 1 };
    }
    end + 1
}

fn number_length(text: &[u8]) -> usize {
    let ends = |byte: &u8| !matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    text.iter().position(ends).unwrap_or(text.len())
}

fn is_inexact(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return false;
    }
    // A double survives when it has the written digits, in its shortest form or in the 17 that always suffice.
    let double = number.parse::<f64>().unwrap_or_default();
    let written = digits(number);
    written != digits(&format!("{double:e}")) && written != digits(&format!("{double:.16e}"))
}

/// The significant digits of a number, without those that only place it.
fn digits(number: &str) -> String {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.chars().filter(char::is_ascii_digit).collect::<String>();
    digits.trim_start_matches('0').trim_end_matches('0').to_owned()
}

/// The body, cut off where it is longer than any document of the portal.
async fn read_body(mut response: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BODY {
            bytes.truncate(MAX_BODY);
            break;
        }
    }
    Ok(bytes)
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(std::time::SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_would_change_are_found_and_no_others() {
        for exact in [
            "0.1",
            "1e-7",
            "1E+22",
            "123456.789",
            "12.340000000000000000000000",
            "-0.0",
            "1.0",
            "0.10000000000000001",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
            "636576975611768314",
            "1e300",
            "5e-324",
            "3.141592653589793",
            "100000000000000000000000",
            "{\"a\\\\\": \"123456789.123456789\"}",
            "[\"\\\"\"]",
        ] {
            assert!(!has_inexact_number(exact.as_bytes()), "{exact}");
        }
        for inexact in
            ["123456789.123456789", "9007199254740993.0", "1234567890123456789012345", "[\"a\", 0.1234567890123456789]"]
        {
            assert!(has_inexact_number(inexact.as_bytes()), "{inexact}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback() {
        for good in ["https://cloudpartner.azure.com", "http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:9"]
        {
            assert!(good.parse::<Endpoint>().is_ok(), "{good}");
        }
        let bad = [
            "http://cloudpartner.azure.com",
            "ftp://127.0.0.1",
            "nonsense",
            "https://user:pass@host",
            "http://127.0.0.1.evil.example",
            "https://host/?sig=x",
        ];
        for bad in bad {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn links_to_another_host_scheme_or_port_are_not_followed() {
        let endpoint = "https://portal.example".parse::<Endpoint>().expect("an endpoint");
        let follow = |link: &str| endpoint.follow(link).map(|path| String::from(path.0));
        let whole = "https://portal.example/api/operations/a$b$2$preview?api-version=2017-10-31";
        assert_eq!(follow("/api/operations/a$b$2$preview?api-version=2017-10-31").as_deref(), Some(whole));
        assert_eq!(follow("/api/operations/a$b$2$preview").as_deref(), Some(whole));
        assert_eq!(follow(whole).as_deref(), Some(whole));
        for bad in [
            "https://other.example/api",
            "//other.example/api",
            "http://portal.example/api",
            "https://portal.example:444/api",
            "https://u@portal.example/api",
        ] {
            assert_eq!(follow(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_could_not_be_sent_back_unchanged_is_not_taken() {
        assert_eq!(json(b" "), Ok(Value::Null));
        assert_eq!(
            json(br#"{"a": "x\"123456789012345678901", "b": [0.1, 636576975611768314, 1e9]}"#).map(|v| v.is_object()),
            Ok(true)
        );
        assert_eq!(json(br#"{"a": 12345678901234567890123}"#), Err(NotJson::Inexact));
        assert_eq!(json(br#"[-0.123456789012345678901]"#), Err(NotJson::Inexact));
        assert_eq!(json(br#"[-12345678901234567890]"#), Err(NotJson::Inexact));
        assert_eq!(json(br#"[9007199254740993.0]"#), Err(NotJson::Inexact));
        assert!(json(br#"[0.10, 1e-7, 1.50E3, -9223372036854775808, 18446744073709551615, 0.0]"#).is_ok());
        assert_eq!(json(b"{\"a\": \"caf\xe9\"}"), Err(NotJson::Broken));
        assert_eq!(json(br#"{"a": "#), Err(NotJson::Broken));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).expect("a header"));
            retry_after(&headers)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
    }
}
