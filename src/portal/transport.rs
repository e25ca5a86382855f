//! One request at a time: address, token, limits, repetition of reads, and the counting of all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, Method};
use serde_json::Value;
use url::Url;

use super::auth::{Credential, Token};
use super::body::{self, Body};
use super::endpoint::Endpoint;
use super::exact;
use super::gate::{Gate, Pass};
use super::problem::Problem;
use super::retry::{self, Budget, MAX_RETRY_AFTER, retry_after};
use crate::document;
use crate::model::{ETag, OfferKey};
use crate::parallel::Workers;
use crate::schema::Schemas;
use crate::stop::Stop;

/// How long one request may take, to the last byte of its answer. A GET of an offer can take more than a minute.
pub(crate) const DEADLINE: Duration = Duration::from_mins(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest document that is read, in bytes after inflation; an offer has some ten thousand.
const MAX_DOCUMENT: usize = 16 << 20;
/// How often a connection is tried again at a portal that never answered: it is the network, not its mood.
const NEVER_ANSWERED: u32 = 2;

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    pub(crate) credential: Credential,
    /// Most requests under way at once.
    pub(crate) parallelism: usize,
    /// How often a request that may succeed later is tried again.
    pub(crate) retries: u32,
    /// How much time an offer may lose to tries that failed and the pauses after them.
    pub(crate) retry_budget: Duration,
    pub(crate) max_requests: Option<u64>,
    /// See [`DEADLINE`].
    pub(crate) deadline: Duration,
    /// The user's wish to stop: reads and pauses are given up for it, writes are not.
    pub(crate) stop: Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Traffic {
    /// Requests sent, tries counted each.
    pub(crate) requests: u64,
    pub(crate) retries: u64,
}

/// Shared by readers and writers: one connection pool, one gate, one count.
pub(super) struct Transport {
    client: Client,
    /// Opens a connection for each request. A server may close a kept one at the moment at which it is used again, and
    /// then nobody knows whether a write took effect.
    fresh: Client,
    pub(super) credential: Credential,
    pub(super) endpoint: Endpoint,
    gate: Gate,
    budget: Budget,
    retries: u32,
    max_requests: Option<u64>,
    repeated: AtomicU64,
    answered: AtomicBool,
    /// How far the portal's clock is ahead of ours, in seconds, as of the last answer that told; else [`NOT_TOLD`].
    ahead: AtomicI64,
    pub(super) stop: Stop,
    workers: Workers,
}

/// A body up to this size is read where it came; a larger one on a thread of its own.
const SMALL: usize = 64 << 10;
const NOT_TOLD: i64 = i64::MIN;
/// A clock that is further off than this makes tokens look ended, or not begun.
const MAX_SKEW: i64 = 300;

/// How often one request was tried so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tries {
    /// Tries that failed in a way that may pass.
    failed: u32,
    /// Whether its token was renewed once.
    renewed: bool,
}

pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<&'a Value>,
}

impl Call<'_> {
    pub(super) fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: None }
    }
}

pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    /// `null` when the body is empty.
    pub(super) body: Value,
    /// How many bytes the body has.
    pub(super) length: usize,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn etag(&self) -> Option<ETag> {
        self.header("etag").map(ETag::new)
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }
}

impl Transport {
    pub(super) fn new(settings: Settings) -> Result<Arc<Self>, String> {
        let Settings { endpoint, credential, parallelism, retries, retry_budget, max_requests, deadline, stop } =
            settings;
        // A client without a provider panics when it is built; a second installation is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |builder: ClientBuilder| {
            // A portal on this machine is never reached through a proxy: the token would go there in clear text.
            // Nothing is gained by compression there either.
            let plain = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
            let builder = if endpoint.is_loopback() { builder.no_proxy().default_headers(plain) } else { builder };
            builder
                .user_agent(super::USER_AGENT)
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(deadline)
                // A redirect could lead the token to another host. The API has none.
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|error| error.to_string())
        };
        Ok(Arc::new(Self {
            client: client(Client::builder())?,
            fresh: client(Client::builder().pool_max_idle_per_host(0))?,
            credential,
            endpoint,
            gate: Gate::new(parallelism, max_requests),
            budget: Budget::new(retry_budget),
            retries,
            max_requests,
            repeated: AtomicU64::new(0),
            answered: AtomicBool::new(false),
            ahead: AtomicI64::new(NOT_TOLD),
            stop,
            workers: Workers::new(),
        }))
    }

    pub(super) fn traffic(&self) -> Traffic {
        Traffic { requests: self.gate.sent(), retries: self.repeated.load(Ordering::Relaxed) }
    }

    /// How far the portal's clock is ahead of ours, in seconds; `None` while it did not tell.
    pub(super) fn clock_ahead(&self) -> Option<i64> {
        Some(self.ahead.load(Ordering::Relaxed)).filter(|ahead| *ahead != NOT_TOLD)
    }

    fn note(&self, headers: &HeaderMap) {
        self.answered.store(true, Ordering::Relaxed);
        if let Some(ahead) = clock_ahead(headers) {
            self.ahead.store(ahead, Ordering::Relaxed);
        }
    }

    /// A GET, repeated while it may still succeed, and given up when the user wants to stop. `offer` is whose budget
    /// the repetitions take from.
    pub(super) async fn get(&self, url: Url, offer: Option<&OfferKey>) -> Result<Answer, Problem> {
        let answer = self.stop.unless(self.get_patiently(&url, offer)).await;
        answer.unwrap_or_else(|| Err(Problem::stopped(&format!("GET {}", url.path()))))
    }

    async fn get_patiently(&self, url: &Url, offer: Option<&OfferKey>) -> Result<Answer, Problem> {
        let mut tries = Tries::default();
        loop {
            let began = Instant::now();
            match self.send(&Call::get(url.clone()), tries).await {
                Ok(answer) => return Ok(answer),
                Err(problem) => self.pause(problem, &mut tries, began.elapsed(), offer).await?,
            }
        }
    }

    /// Waits before a request is repeated: not at all with a fresh token, else as long as the server asks, else longer
    /// each time.
    ///
    /// # Errors
    /// The problem itself, when it is not to be tried again: it will not pass, was tried often or long enough, the
    /// server asks for more time than a run has, or the user wants to stop.
    pub(super) async fn pause(
        &self,
        problem: Problem,
        tries: &mut Tries,
        lost: Duration,
        offer: Option<&OfferKey>,
    ) -> Result<(), Problem> {
        if problem.renewed && !tries.renewed {
            tries.renewed = true;
            return Ok(());
        }
        if !problem.may_pass() {
            return Err(problem);
        }
        let attempt = tries.failed;
        let never = problem.status.is_none() && !self.answered.load(Ordering::Relaxed);
        if attempt >= if never { self.retries.min(NEVER_ANSWERED) } else { self.retries } {
            return Err(problem);
        }
        if let Some(pause) = problem.retry_after.filter(|pause| *pause > MAX_RETRY_AFTER) {
            return Err(problem.because(&format!("the portal asks to wait {} s", pause.as_secs())));
        }
        let pause = problem.retry_after.unwrap_or_else(|| retry::back_off(attempt, self.endpoint.is_loopback()));
        if !self.budget.take(offer, lost + pause) {
            let limit = self.budget.limit();
            return Err(problem.because(&format!("gave up: failed requests for this offer took {limit:?}")));
        }
        tracing::info!(problem = %problem, attempt = attempt + 1, ?pause, "trying again");
        tries.failed += 1;
        let slept = self.stop.unless(tokio::time::sleep(pause)).await;
        slept.ok_or_else(|| Problem::stopped(&problem.request))
    }

    pub(super) fn forgive(&self, offer: &OfferKey) {
        self.budget.forgive(offer);
    }

    /// Whether anything answers at the endpoint, whatever it says. Sent once, and without a token.
    pub(super) async fn reach(&self) -> Result<(), Problem> {
        let url = self.endpoint.url("api/publishers");
        let request = format!("GET {}", url.path());
        let pass = self.gate.enter().await;
        self.count(&pass, &request)?;
        let response = self.client.get(url).send().await.map_err(|error| Problem::unreachable(&request, &error))?;
        self.note(response.headers());
        Ok(())
    }

    fn count(&self, pass: &Pass<'_>, request: &str) -> Result<(), Problem> {
        let limit = self.max_requests.unwrap_or_default();
        if pass.send() { Ok(()) } else { Err(Problem::not_sent(request, limit)) }
    }

    /// A place among the requests and a token that is good, so that what is sent next goes out at once.
    ///
    /// # Errors
    /// When no token was given.
    pub(super) async fn seat(&self) -> Result<Seat<'_>, Problem> {
        self.credential.token().await?;
        let pass = self.gate.enter().await;
        // The gate may have been closed for minutes, in which a token can end.
        let token = self.credential.token().await?;
        Ok(Seat { transport: self, token, pass })
    }

    /// One request, sent once. `tries` says how often it was sent before.
    pub(super) async fn send(&self, call: &Call<'_>, tries: Tries) -> Result<Answer, Problem> {
        self.seat().await?.send(call, tries).await
    }

    fn why_unauthenticated(&self, token: &Token) -> String {
        let (method, resource) = (self.credential.method(), super::auth::RESOURCE);
        let ahead = self.clock_ahead().filter(|ahead| ahead.abs() > MAX_SKEW);
        let clock = ahead.map(|ahead| format!("; this machine's clock differs from the portal's by {} s", ahead.abs()));
        if method == super::auth::Method::Placeholder {
            return "this portal needs a token: set OFFERCTL_TOKEN or another credential".to_owned();
        }
        let claims = token.claims().unwrap_or_default();
        let check = match claims.other_audience() {
            Some(audience) => format!("it is for {audience}, but must be for {resource}"),
            None => format!("check that it has not expired and is for {resource}"),
        };
        format!("the portal rejected the token of the credential {method}: {check}{}", clock.unwrap_or_default())
    }

    /// What the answer says about us: whether the token is good, and whether we ask too much.
    async fn judge(
        &self,
        answer: Result<Answer, Problem>,
        token: &Arc<Token>,
        pass: &Pass<'_>,
    ) -> Result<Answer, Problem> {
        let mut problem = match answer {
            Ok(answer) => {
                self.credential.accepted();
                return Ok(answer);
            }
            Err(problem) => problem,
        };
        match problem.status {
            Some(401) => {
                problem.renewed = self.credential.refuse(token).await;
                problem.hint = Some(self.why_unauthenticated(token).into());
            }
            Some(403) => {
                let who = format!(" (the credential is {})", self.credential.method());
                problem.hint = problem.hint.map(|hint| format!("{hint}{who}").into());
            }
            Some(429) => pass.throttled(problem.retry_after.filter(|pause| *pause <= MAX_RETRY_AFTER)),
            Some(503) if problem.retry_after.is_some() => {
                pass.throttled(problem.retry_after.filter(|pause| *pause <= MAX_RETRY_AFTER));
            }
            _ => {}
        }
        if problem.status.is_some_and(|status| status != 401) {
            self.credential.accepted();
        }
        Err(problem)
    }
}

async fn exchange(client: &Client, call: &Call<'_>, token: &Token) -> Result<(u16, HeaderMap, Body), reqwest::Error> {
    let mut builder = client.request(call.method.clone(), call.url.clone());
    builder = builder.headers(call.headers.clone()).header(AUTHORIZATION, token.header().clone());
    if let Some(body) = call.body {
        let bytes = body.to_string().into_bytes();
        trace_body("sent", &bytes, token);
        builder = builder.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(bytes);
    }
    let response = builder.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let limit = if (200..300).contains(&status) { MAX_DOCUMENT } else { body::MAX_WORDS };
    Ok((status, headers, body::read(response, limit).await?))
}

/// What it takes to send a request: requests of one seat follow each other, and nothing is waited for between them.
pub(super) struct Seat<'a> {
    transport: &'a Transport,
    token: Arc<Token>,
    pass: Pass<'a>,
}

impl Seat<'_> {
    /// As [`Transport::send`].
    pub(super) async fn send(&self, call: &Call<'_>, tries: Tries) -> Result<Answer, Problem> {
        let Self { transport, token, pass } = self;
        let request = format!("{} {}", call.method, call.url.path());
        transport.count(pass, &request)?;
        let attempt = tries.failed + u32::from(tries.renewed);
        if attempt > 0 {
            transport.repeated.fetch_add(1, Ordering::Relaxed);
        }
        let began = Instant::now();
        let kept = call.method == Method::GET && attempt == 0;
        let outcome = exchange(if kept { &transport.client } else { &transport.fresh }, call, token).await;
        let status = outcome.as_ref().map_or(0, |(status, _, _)| *status);
        let (method, path) = (call.method.as_str(), call.url.path());
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(method, path, status, ms, attempt, "request");
        let (status, headers, body) = match outcome {
            Ok(answer) => answer,
            Err(error) => return Err(Problem::unreachable(&request, &error)),
        };
        trace_body("answered", &body.bytes, token);
        transport.note(&headers);
        let understood = if body.bytes.len() <= SMALL {
            understand(&request, status, headers, &body, token.secret())
        } else {
            let (request, token) = (request.clone(), Arc::clone(token));
            let job = move || understand(&request, status, headers, &body, token.secret());
            transport.workers.run(job).await
        };
        transport.judge(understood, token, pass).await
    }
}

/// How far the server's clock is ahead, by its `Date`.
fn clock_ahead(headers: &HeaderMap) -> Option<i64> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds(date)).ok()?.checked_sub(i64::try_from(seconds(SystemTime::now())).ok()?)
}

/// Makes a value or a problem of what came.
fn understand(request: &str, status: u16, headers: HeaderMap, body: &Body, secret: &str) -> Result<Answer, Problem> {
    let correlation = headers
        .get("x-ms-correlation-request-id")
        .and_then(|id| id.to_str().ok())
        .map(|id| super::problem::one_line(id).into());
    if !(200..300).contains(&status) {
        let text = String::from_utf8_lossy(&body.bytes);
        let problem = Problem::answer(request, status, correlation, &text).without(secret);
        return Err(Problem { retry_after: retry_after(&headers), ..problem });
    }
    let problem = match exact::json(&body.bytes) {
        _ if body.cut => Problem::too_large(request, MAX_DOCUMENT),
        Ok(value) => match Problem::reported(request, status, correlation.clone(), &value) {
            None => return Ok(Answer { headers, body: value, length: body.bytes.len() }),
            Some(reported) => reported,
        },
        Err(error) => Problem::unreadable(request, error, &body.bytes),
    };
    Err(Problem { status: Some(status), correlation, ..problem }.without(secret))
}

/// A body for the log, at its most talkative level: without secrets, by the schema's word and by the form of texts.
fn trace_body(direction: &'static str, bytes: &[u8], token: &Token) {
    if !tracing::enabled!(tracing::Level::TRACE) {
        return;
    }
    let body = match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => {
            let offer_type = value.get("offerTypeId").and_then(Value::as_str).unwrap_or_default();
            crate::redact::logged(document::redacted(&value, Schemas::builtin().shape(offer_type)))
        }
        // Its fields cannot be told apart, so none is shown.
        Err(_) => format!("{} bytes that are not JSON", bytes.len()),
    };
    let body = body.replace(token.secret(), crate::redact::MASK);
    tracing::trace!(body, "{direction}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    /// Answers the first request with a head, and then with this for as long as anybody listens.
    fn endless(head: &'static [u8], then: &'static [u8]) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(head);
            // Reading from a client that says nothing is what sets the pace.
            let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
            while stream.write_all(then).is_ok() && !matches!(stream.read(&mut [0]), Ok(0)) {}
        });
        url
    }

    fn settings(url: &str, deadline: Duration) -> Settings {
        Settings {
            endpoint: url.parse().expect("an endpoint"),
            credential: Credential::placeholder("t"),
            parallelism: 1,
            retries: 0,
            retry_budget: Duration::ZERO,
            max_requests: None,
            deadline,
            stop: Stop::new().1,
        }
    }

    /// Another offer's 429 closes the gate between two requests of one seat; the second does not wait for it.
    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_is_waited_for_between_two_requests_of_a_seat() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}");
            }
        });
        let transport = Transport::new(settings(&url, DEADLINE)).expect("a client");
        let seat = transport.seat().await.expect("a seat");
        let call = Call::get(transport.endpoint.url("x"));
        assert!(seat.send(&call, Tries::default()).await.is_ok());
        seat.pass.throttled(Some(Duration::from_hours(1)));
        let second = seat.send(&call, Tries::default());
        assert!(tokio::time::timeout(Duration::from_secs(20), second).await.is_ok_and(|answer| answer.is_ok()));
        assert_eq!(transport.traffic().requests, 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_that_never_ends_does() {
        const OK: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        for (head, then) in [(&b""[..], &b"HTTP/1.1 103 Early Hints\r\n\r\n"[..]), (OK, b"1\r\n \r\n")] {
            let settings = settings(&endless(head, then), Duration::from_millis(200));
            let transport = Transport::new(settings).expect("a client");
            let answer = transport.get(transport.endpoint.url("x"), None).await;
            let problem = answer.err().expect("no answer");
            assert!(problem.cause.starts_with("no answer in time"), "{problem}");
        }
    }
}
