//! The HTTP of getting a token: one client that follows no redirect, answers read leniently, failures in one line.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use url::Url;

use super::method::Method;
use crate::portal::body::{self, Body};
use crate::portal::endpoint::{is_loopback, is_on_this_machine};
use crate::portal::exact;
use crate::portal::problem::{self, Kind, Problem};
use crate::portal::retry;
use crate::redact::Secret;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
/// The service that gives a machine its identity is found at once, or is not there.
const NEAR_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const NEAR_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the metadata service may take to refuse a probe: it is on the machine's own link.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// What is assumed of a token whose life is not told, or, by this machine's clock, over when it is given.
const UNTOLD_LIFE: Duration = Duration::from_mins(5);
/// No token of the directory lives longer.
const MAX_LIFE: Duration = Duration::from_hours(24);
/// Longest pause that an authority may ask for.
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// A token and how long it lives from now; `None` for one that is not renewed.
pub(super) struct Granted {
    pub(super) token: Secret,
    pub(super) life: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// One line, without a secret.
    pub(super) cause: String,
    pub(super) hint: Option<String>,
    /// What else was said, line by line.
    pub(super) details: Vec<String>,
    pub(super) retry_after: Option<Duration>,
}

impl Failure {
    /// One that no server is to blame for.
    pub(super) fn here(cause: impl Into<String>) -> Self {
        Self::new(Kind::Unauthenticated, cause)
    }

    fn new(kind: Kind, cause: impl Into<String>) -> Self {
        Self { kind, cause: cause.into(), hint: None, details: Vec::new(), retry_after: None }
    }

    /// Takes what proves who we are out of what a server repeated.
    fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            self.cause = self.cause.replace(secret, crate::redact::MASK);
        }
        self
    }

    /// The failure of a method; of no method, where none was named.
    pub(super) fn into_problem(self, method: Option<Method>) -> Problem {
        let request = method.map_or_else(|| "credential".to_owned(), |method| format!("credential {method}"));
        let problem = Problem::malformed(&request, self.cause);
        Problem { kind: self.kind, hint: self.hint.map(Into::into), details: self.details, ..problem }
    }
}

/// Sends what proves who we are, to the authority alone.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    clients: std::sync::OnceLock<Result<Clients, String>>,
}

#[derive(Debug)]
struct Clients {
    /// For authorities, through the system's proxy.
    far: Client,
    /// For services on or beside this machine, which no proxy can reach.
    near: Client,
}

fn clients() -> Result<Clients, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = |connect, whole| {
        Client::builder()
            .user_agent(crate::portal::USER_AGENT)
            .connect_timeout(connect)
            .timeout(whole)
            // A redirect could lead a secret to another host.
            .redirect(reqwest::redirect::Policy::none())
    };
    let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| error.to_string());
    Ok(Clients {
        far: build(builder(CONNECT_TIMEOUT, TIMEOUT))?,
        near: build(builder(NEAR_CONNECT_TIMEOUT, NEAR_TIMEOUT).no_proxy())?,
    })
}

impl Exchange {
    fn client(&self, url: &Url) -> Result<&Client, Failure> {
        let clients = self.clients.get_or_init(clients);
        let clients =
            clients.as_ref().map_err(|error| Failure::here(format!("the HTTP client cannot start: {error}")))?;
        Ok(if is_on_this_machine(url) { &clients.near } else { &clients.far })
    }

    /// Whether Azure's metadata service is at this address. Without its header it refuses every request, in a form of its
    /// own; the services of other clouds at the same address know no such path.
    pub(super) async fn probe(&self, url: &Url) -> Result<(), Failure> {
        let request = self.client(url)?.get(url.clone()).timeout(PROBE_TIMEOUT);
        let absent = |what: String| Failure::here(format!("{}: {what}", place(url)));
        let response = request.send().await.map_err(|error| absent(problem::no_answer(&error)))?;
        let status = response.status().as_u16();
        let body = body::read(response, body::MAX_WORDS).await.map_err(|error| absent(problem::no_answer(&error)))?;
        let body = exact::json(&body.bytes).unwrap_or_default();
        let says = |key: &str, what: &str| body[key].as_str().is_some_and(|said| said.eq_ignore_ascii_case(what));
        let refuses =
            says("error", "invalid_request") || says("error_description", "Required metadata header not specified");
        match status == 400 && refuses {
            true => Ok(()),
            false => Err(absent(format!("{status}, which is not Azure's metadata service"))),
        }
    }

    pub(super) async fn post(&self, url: &Url, form: &[(&str, &str)]) -> Result<Granted, Failure> {
        let client = self.client(url)?;
        let answer = send(url, Policy::Far, &|| client.post(url.clone()).form(form)).await;
        let proofs = form.iter().filter(|(name, _)| matches!(*name, "client_secret" | "client_assertion"));
        let clean = |failure| proofs.fold(failure, |failure: Failure, (_, proof)| failure.without(proof));
        granted(&answer.map_err(clean)?)
    }

    pub(super) async fn get(&self, url: &Url, header: &'static str, value: &Secret) -> Result<Granted, Failure> {
        let client = self.client(url)?;
        let proof = value.expose_secret();
        let mut value = HeaderValue::from_str(proof)
            .map_err(|_| Failure::here("IDENTITY_HEADER holds characters that a header cannot carry"))?;
        value.set_sensitive(true);
        let name = HeaderName::from_static(header);
        let answer = send(url, Policy::Near, &|| client.get(url.clone()).header(name.clone(), value.clone())).await;
        granted(&answer.map_err(|failure| if header == "metadata" { failure } else { failure.without(proof) })?)
    }

    /// The job's own token, from GitHub.
    pub(super) async fn id_token(&self, url: &Url, bearer: &Secret) -> Result<Secret, Failure> {
        let client = self.client(url)?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret()))
            .map_err(|_| Failure::here("ACTIONS_ID_TOKEN_REQUEST_TOKEN holds characters that a header cannot carry"))?;
        value.set_sensitive(true);
        let answer = send(url, Policy::Far, &|| client.get(url.clone()).header(AUTHORIZATION, value.clone())).await;
        let answer = answer.map_err(|failure| failure.without(bearer.expose_secret()))?;
        let token = answer.get("value").and_then(Value::as_str);
        token.map(Secret::from).ok_or_else(|| Failure::here("GitHub's answer holds no token"))
    }
}

/// Who is asked, and so what may pass and how often it is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Far,
    /// The service that gives a machine its identity. While it is updated, it answers 410 for up to 70 s, and while the
    /// identity is, 404.
    Near,
}

impl Policy {
    fn retries(self) -> u32 {
        match self {
            Self::Far => 3,
            Self::Near => 7,
        }
    }

    fn pause(self, attempt: u32, loopback: bool) -> Duration {
        match self {
            Self::Far => retry::back_off(attempt, loopback),
            // No shorter than documented: together, the seven are just over 70 s.
            Self::Near => retry::ceiling(attempt + u32::from(!loopback), loopback),
        }
    }
}

/// Sends, again where that may help: asking for a token changes nothing.
async fn send(url: &Url, policy: Policy, request: &(dyn Fn() -> RequestBuilder + Sync)) -> Result<Value, Failure> {
    let mut attempt = 0;
    loop {
        let failure = match once(url, policy, request()).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let passing = matches!(failure.kind, Kind::Unavailable | Kind::Unreachable);
        // Who is not beside this machine now will not be in a second.
        if failure.kind == Kind::Unreachable && policy == Policy::Near {
            return Err(Failure { kind: Kind::Unauthenticated, ..failure });
        }
        if !passing || attempt >= policy.retries() || failure.retry_after.is_some_and(|pause| pause > MAX_PAUSE) {
            return Err(failure);
        }
        let pause = failure.retry_after.unwrap_or_else(|| policy.pause(attempt, is_loopback(url)));
        tracing::info!(cause = failure.cause, attempt, ?pause, "asking for the token again");
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

async fn once(url: &Url, policy: Policy, request: RequestBuilder) -> Result<Value, Failure> {
    let place = place(url);
    let unreachable =
        |error: &reqwest::Error| Failure::new(Kind::Unreachable, format!("{place}: {}", problem::no_answer(error)));
    let response = request.send().await.map_err(|error| unreachable(&error))?;
    let status = response.status().as_u16();
    let retry_after = retry::retry_after(response.headers());
    let Body { bytes, cut } = body::read(response, body::MAX_WORDS).await.map_err(|error| unreachable(&error))?;
    tracing::debug!(place, status, "answered");
    match exact::json(&bytes) {
        Ok(value) if (200..300).contains(&status) && !cut => Ok(value),
        _ if (200..300).contains(&status) => {
            let what = if cut { "the answer is larger than 1 MiB" } else { "the answer is not a directory's" };
            let failure = Failure::new(Kind::Malformed, format!("{place}: {what}"));
            let hint = "check that no proxy or sign-in page answers instead of the directory".to_owned();
            Err(Failure { hint: Some(hint), ..failure })
        }
        value => Err(Failure { retry_after, ..refusal(policy, &place, status, &value.unwrap_or(Value::Null)) }),
    }
}

/// Host and path; a query can hold what is nobody's business.
fn place(url: &Url) -> String {
    format!("{}{}", url.host_str().unwrap_or_default(), url.path())
}

fn refusal(policy: Policy, place: &str, status: u16, body: &Value) -> Failure {
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(problem::one_line).filter(|text| !text.is_empty());
    let said = text("error_description").or_else(|| text("message")).or_else(|| text("error"));
    let said = said.unwrap_or_else(|| "no reason is given".to_owned());
    // What follows are numbers for the directory's own logs.
    let said = said.split(" Trace ID:").next().unwrap_or_default().trim_end_matches('.');
    let kind = match status {
        404 | 410 if policy == Policy::Near => Kind::Unavailable,
        408 | 429 | 500..=599 => Kind::Unavailable,
        300..=399 => Kind::Malformed,
        _ => Kind::Unauthenticated,
    };
    let failure = Failure::new(kind, format!("{place}: {status} {said}"));
    Failure { hint: advice(said).map(ToOwned::to_owned), ..failure }
}

/// What to do about the directory's own error codes (`AADSTS…`, documented by the Microsoft identity platform).
fn advice(said: &str) -> Option<&'static str> {
    let code = said.split("AADSTS").nth(1)?;
    let code = code.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(match code {
        "7000215" => {
            "the client secret is wrong: give its value, not its id, and check that it belongs to AZURE_CLIENT_ID"
        }
        "7000222" => "the client secret has expired: create a new one for the application",
        "700016" => "unknown application: check AZURE_CLIENT_ID and AZURE_TENANT_ID",
        "90002" | "900023" => "unknown directory: check AZURE_TENANT_ID",
        "700027" => "the certificate is not registered with the application, or the private key does not match",
        "70021" | "700211" | "700212" | "700213" => {
            "no federated credential of the application fits this issuer, subject and audience: add one that does"
        }
        "500011" => {
            "the directory has no service principal of the Cloud Partner Portal: let an administrator sign in to the \
                portal once"
        }
        "53003" => "a conditional-access policy blocks the sign-in from this machine",
        _ => return None,
    })
}

/// `access_token`, and the life that `expires_in` or `expires_on` tells, as a number or a text.
pub(super) fn granted(answer: &Value) -> Result<Granted, Failure> {
    let token = answer.get("access_token").or_else(|| answer.get("accessToken")).and_then(Value::as_str);
    let token =
        token.filter(|token| !token.is_empty()).ok_or_else(|| Failure::here("the answer holds no access token"))?;
    let seconds = |key: &str| {
        let value = answer.get(key)?;
        value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
    };
    let plausible = |life: Duration| if life.is_zero() { UNTOLD_LIFE } else { life.min(MAX_LIFE) };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let until = |end: u64| Duration::from_secs(end).saturating_sub(now);
    let life = seconds("expires_in").map(Duration::from_secs).or_else(|| seconds("expires_on").map(until));
    Ok(Granted { token: Secret::from(token), life: Some(life.map_or(UNTOLD_LIFE, plausible)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lives_are_numbers_or_texts_relative_or_absolute() {
        let life = |answer: Value| granted(&answer).ok().and_then(|granted| granted.life).map(|life| life.as_secs());
        assert_eq!(life(json!({"access_token": "t", "expires_in": 3599})), Some(3599));
        assert_eq!(life(json!({"access_token": "t", "expires_in": "3599", "expires_on": "1"})), Some(3599));
        assert_eq!(life(json!({"access_token": "t", "expires_on": "1"})), Some(300), "a clock that is ahead");
        assert_eq!(life(json!({"access_token": "t", "expires_in": 0})), Some(300));
        assert_eq!(life(json!({"access_token": "t", "expires_in": -5})), Some(300));
        assert_eq!(life(json!({"access_token": "t", "expires_in": u64::MAX})), Some(86_400));
        assert_eq!(life(json!({"accessToken": "t", "expiresOn": "2026-01-01 00:00:00"})), Some(300));
        assert_eq!(life(json!({"access_token": ""})), None);
        assert_eq!(life(json!([])), None);
    }

    #[test]
    fn a_refusal_is_one_line_with_the_next_thing_to_do() {
        let body = json!({"error": "invalid_client", "error_description":
            "AADSTS7000215: Invalid client secret provided. Trace ID: 1 Correlation ID: 2 Timestamp: 3\r\nmore"});
        let refusal = |place, status, body: &Value| refusal(Policy::Far, place, status, body);
        let failure = refusal("login.example/t/oauth2/v2.0/token", 401, &body);
        assert_eq!(
            failure.cause,
            "login.example/t/oauth2/v2.0/token: 401 AADSTS7000215: Invalid client secret provided"
        );
        assert!(failure.hint.is_some_and(|hint| hint.contains("not its id")));
        assert_eq!(failure.kind, Kind::Unauthenticated);
        assert_eq!(refusal("h/p", 503, &Value::Null).cause, "h/p: 503 no reason is given");
        assert_eq!(refusal("h/p", 302, &Value::Null).kind, Kind::Malformed);
    }
}
