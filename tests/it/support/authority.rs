//! A directory that gives tokens, and a portal that takes no others: both on loopback, as strict as the real ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::front::{Act, Front, Request};

pub(crate) const RESOURCE: &str = "https://cloudpartner.azure.com";
pub(crate) const SECRET: &str = "CANARYclientsecret";
pub(crate) const FEDERATED: &str = "CANARYfederated";

/// How long tokens live, and how long the directory says they do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lives {
    pub(crate) really: Duration,
    pub(crate) told: Duration,
}

/// Tokens, by their text, and when they end.
#[derive(Debug, Default)]
struct Issued(BTreeMap<String, Instant>);

/// A directory and the portal behind it at one address.
pub(crate) struct Authority {
    pub(crate) front: Front,
    issued: Arc<Mutex<Issued>>,
}

impl Authority {
    /// In front of a portal that takes any token.
    pub(crate) fn before(portal: &str, lives: Lives) -> Self {
        let issued = Arc::new(Mutex::new(Issued::default()));
        let kept = Arc::clone(&issued);
        let front = Front::before(portal, move |request| {
            let mut issued = kept.lock().expect("not poisoned");
            let granted = grant(request);
            match granted {
                Some(Ok(answer)) => Act::json("200 OK", &issued.with_token(answer, lives)),
                Some(Err(why)) => {
                    let why = format!("{why} Trace ID: 1 Correlation ID: 2");
                    let error = json!({"error": "invalid_client", "error_description": why});
                    Act::json("401 Unauthorized", &error)
                }
                None if issued.0.get(request.bearer()).is_some_and(|end| Instant::now() < *end) => Act::Forward,
                None => Act::json(
                    "401 Unauthorized",
                    &json!({"Message": "Authorization has been denied for this request."}),
                ),
            }
        });
        Self { front, issued }
    }

    /// How many tokens were given.
    pub(crate) fn given(&self) -> usize {
        self.issued.lock().expect("not poisoned").0.len()
    }

    /// The requests for tokens.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.front.log().into_iter().filter(|request| !request.route().starts_with("/api/")).collect()
    }
}

impl Issued {
    fn with_token(&mut self, mut answer: Value, lives: Lives) -> Value {
        if answer.get("value").is_some() {
            return answer;
        }
        let token = format!("CANARYtoken-{}", self.0.len());
        self.0.insert(token.clone(), Instant::now() + lives.really);
        answer["access_token"] = json!(token);
        answer["expires_in"] = json!(lives.told.as_secs());
        answer
    }
}

/// What the directory says to a request for a token; `None` for one of something else.
fn grant(request: &Request) -> Option<Result<Value, &'static str>> {
    let bearer = || Ok(json!({"token_type": "Bearer"}));
    let query = || {
        url::form_urlencoded::parse(request.path.split_once('?').map_or("", |(_, query)| query).as_bytes())
            .into_owned()
            .collect::<BTreeMap<_, _>>()
    };
    let for_us = || query().get("resource").is_some_and(|resource| resource == RESOURCE);
    Some(match (request.method.as_str(), request.route()) {
        ("POST", "/tenant/oauth2/token") => application(request, "resource", RESOURCE).and_then(|()| bearer()),
        ("POST", "/tenant/oauth2/v2.0/token") => {
            application(request, "scope", &format!("{RESOURCE}/.default")).and_then(|()| bearer())
        }
        ("GET", "/metadata/identity/oauth2/token") if request.header("metadata") == "true" && for_us() => bearer(),
        ("GET", "/msi/token") if request.header("x-identity-header") == "CANARYheader" && for_us() => bearer(),
        ("GET", "/github") if request.bearer() == "CANARYrequest" => {
            match query().get("audience").map(String::as_str) {
                Some("api://AzureADTokenExchange") => Ok(json!({"value": FEDERATED})),
                _ => Err("the audience is wrong"),
            }
        }
        (_, route) if route.starts_with("/api/") => return None,
        _ => Err("AADSTS900144: the request is not understood."),
    })
}

/// The client-credentials grant, by secret or by an assertion.
fn application(request: &Request, resource: &str, value: &str) -> Result<(), &'static str> {
    let form = url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect::<BTreeMap<_, _>>();
    let has = |name: &str, value: &str| form.get(name).is_some_and(|given| given == value);
    if !has("grant_type", "client_credentials") || !has("client_id", "app") {
        return Err("AADSTS700016: Application was not found in the directory.");
    }
    if !has(resource, value) {
        return Err("AADSTS500011: The resource principal was not found.");
    }
    if form.contains_key("client_secret") {
        let right = has("client_secret", SECRET);
        return if right { Ok(()) } else { Err("AADSTS7000215: Invalid client secret provided.") };
    }
    if !has("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
        return Err("AADSTS7000218: The request body must contain client_assertion or client_secret.");
    }
    // A certificate's statement has three parts; that its signature is right is shown where it is made.
    let assertion = form.get("client_assertion").map(String::as_str).unwrap_or_default();
    let right = assertion == FEDERATED || assertion.split('.').count() == 3;
    if right { Ok(()) } else { Err("AADSTS700213: No matching federated identity record found.") }
}
