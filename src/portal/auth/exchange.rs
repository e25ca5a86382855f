//! The HTTP of getting a token: one client that follows no redirect, answers read leniently, failures in one line.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::method::Method;
use crate::portal::endpoint::is_on_this_machine;
use crate::portal::problem::{self, Kind, Problem};
use crate::portal::retry;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
/// The service that gives a machine its identity answers at once, or is not there.
const NEAR_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a request that may succeed later is tried again.
const RETRIES: u32 = 3;
/// What is assumed of a token whose life is not told.
const UNTOLD_LIFE: Duration = Duration::from_mins(5);

/// A token and how long it lives from now; `None` for one that is not renewed.
pub(super) struct Granted {
    pub(super) token: SecretString,
    pub(super) life: Option<Duration>,
}

/// Why there is no token.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// One line, without a secret.
    pub(super) cause: String,
    pub(super) hint: Option<String>,
}

impl Failure {
    /// One that no server is to blame for.
    pub(super) fn here(cause: impl Into<String>) -> Self {
        Self { kind: Kind::Unauthenticated, cause: cause.into(), hint: None }
    }

    /// The failure of a method; of no method, where none was named.
    pub(super) fn into_problem(self, method: Option<Method>) -> Problem {
        let request = method.map_or_else(|| "credential".to_owned(), |method| format!("credential {method}"));
        Problem { kind: self.kind, hint: self.hint.map(Into::into), ..Problem::malformed(&request, self.cause) }
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
    let builder = |connect| {
        Client::builder()
            .user_agent(crate::portal::USER_AGENT)
            .connect_timeout(connect)
            .timeout(TIMEOUT)
            // A redirect could lead a secret to another host.
            .redirect(reqwest::redirect::Policy::none())
    };
    let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| error.to_string());
    Ok(Clients { far: build(builder(CONNECT_TIMEOUT))?, near: build(builder(NEAR_TIMEOUT).no_proxy())? })
}

impl Exchange {
    fn client(&self, url: &Url) -> Result<&Client, Failure> {
        let clients = self.clients.get_or_init(clients);
        let clients =
            clients.as_ref().map_err(|error| Failure::here(format!("the HTTP client cannot start: {error}")))?;
        Ok(if is_on_this_machine(url) { &clients.near } else { &clients.far })
    }

    /// A token for a form.
    pub(super) async fn post(&self, url: &Url, form: &[(&str, &str)]) -> Result<Granted, Failure> {
        let client = self.client(url)?;
        granted(&send(url, &|| client.post(url.clone()).form(form)).await?)
    }

    /// A token of the machine's identity.
    pub(super) async fn get(&self, url: &Url, header: &'static str, value: &SecretString) -> Result<Granted, Failure> {
        let client = self.client(url)?;
        let mut value = HeaderValue::from_str(value.expose_secret())
            .map_err(|_| Failure::here("IDENTITY_HEADER holds characters that a header cannot carry"))?;
        value.set_sensitive(true);
        let name = HeaderName::from_static(header);
        granted(&send(url, &|| client.get(url.clone()).header(name.clone(), value.clone())).await?)
    }

    /// The job's own token, from GitHub.
    pub(super) async fn id_token(&self, url: &Url, bearer: &SecretString) -> Result<SecretString, Failure> {
        let client = self.client(url)?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret()))
            .map_err(|_| Failure::here("ACTIONS_ID_TOKEN_REQUEST_TOKEN holds characters that a header cannot carry"))?;
        value.set_sensitive(true);
        let answer = send(url, &|| client.get(url.clone()).header(AUTHORIZATION, value.clone())).await?;
        let token = answer.get("value").and_then(Value::as_str);
        token.map(SecretString::from).ok_or_else(|| Failure::here("GitHub's answer holds no token"))
    }
}

/// Sends, again where that may help: asking for a token changes nothing.
async fn send(url: &Url, request: &(dyn Fn() -> RequestBuilder + Sync)) -> Result<Value, Failure> {
    let mut attempt = 0;
    loop {
        let failure = match once(url, request()).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let passing = matches!(failure.kind, Kind::Unavailable | Kind::Unreachable);
        // Who is not beside this machine now will not be in a second.
        let gone = failure.kind == Kind::Unreachable && is_on_this_machine(url);
        if gone {
            return Err(Failure { kind: Kind::Unauthenticated, ..failure });
        }
        if !passing || attempt >= RETRIES {
            return Err(failure);
        }
        let pause = retry::back_off(attempt, is_on_this_machine(url));
        tracing::info!(cause = failure.cause, attempt, ?pause, "asking for the token again");
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

async fn once(url: &Url, request: RequestBuilder) -> Result<Value, Failure> {
    let place = place(url);
    let unreachable = |error: &reqwest::Error| {
        let cause = format!("{place}: {}", problem::no_answer(error));
        Failure { kind: Kind::Unreachable, cause, hint: None }
    };
    let response = request.send().await.map_err(|error| unreachable(&error))?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| unreachable(&error))?;
    tracing::debug!(place, status, "answered");
    let value = serde_json::from_slice::<Value>(&body).unwrap_or(Value::Null);
    if (200..300).contains(&status) {
        return Ok(value);
    }
    Err(refusal(&place, status, &value))
}

/// Host and path; a query can hold what is nobody's business.
fn place(url: &Url) -> String {
    format!("{}{}", url.host_str().unwrap_or_default(), url.path())
}

fn refusal(place: &str, status: u16, body: &Value) -> Failure {
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(problem::one_line).filter(|text| !text.is_empty());
    let said = text("error_description").or_else(|| text("message")).or_else(|| text("error"));
    let said = said.unwrap_or_else(|| "no reason is given".to_owned());
    // What follows are numbers for the directory's own logs.
    let said = said.split(" Trace ID:").next().unwrap_or_default().trim_end_matches('.');
    let kind = match status {
        408 | 429 | 500..=599 => Kind::Unavailable,
        300..=399 => Kind::Malformed,
        _ => Kind::Unauthenticated,
    };
    Failure { kind, cause: format!("{place}: {status} {said}"), hint: advice(said).map(ToOwned::to_owned) }
}

/// What to do about the directory's own error codes (`AADSTS…`, documented by the Microsoft identity platform).
fn advice(said: &str) -> Option<&'static str> {
    let code = said.split("AADSTS").nth(1)?;
    let code = code.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(match code {
        "7000215" => {
            "the client secret is wrong: give its value, not its id, and check that it belongs to AZURE_CLIENT_ID"
        }
        "7000222" => "the client secret has ended: make a new one for the application",
        "700016" => "the directory does not know AZURE_CLIENT_ID: check it, and AZURE_TENANT_ID",
        "90002" | "900023" => "there is no such directory: check AZURE_TENANT_ID",
        "700027" => "the certificate is not registered with the application, or its private key is another one's",
        "70021" | "700211" | "700212" | "700213" => {
            "no federated credential of the application fits this issuer, subject and audience: add one that does"
        }
        "500011" => {
            "the directory does not know the Cloud Partner Portal: sign in to the portal once as its administrator"
        }
        "53003" => "a conditional-access policy refuses the sign-in from here",
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
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let until = |end: u64| Duration::from_secs(end).saturating_sub(now);
    let life = seconds("expires_in").map(Duration::from_secs).or_else(|| seconds("expires_on").map(until));
    Ok(Granted { token: SecretString::from(token), life: Some(life.unwrap_or(UNTOLD_LIFE)) })
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
        assert_eq!(life(json!({"access_token": "t", "expires_on": "1"})), Some(0));
        assert_eq!(life(json!({"accessToken": "t", "expiresOn": "2026-01-01 00:00:00"})), Some(300));
        assert_eq!(life(json!({"access_token": ""})), None);
        assert_eq!(life(json!([])), None);
    }

    #[test]
    fn a_refusal_is_one_line_with_the_next_thing_to_do() {
        let body = json!({"error": "invalid_client", "error_description":
            "AADSTS7000215: Invalid client secret provided. Trace ID: 1 Correlation ID: 2 Timestamp: 3\r\nmore"});
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
