//! What the rows ask: a portal behind a base URL, and how to make one.

use std::cell::Cell;
use std::time::Duration;

use offerctl::Profile;
use offerctl::{Client, Options, Sandbox, Seed, Switches};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

pub(crate) const VM: &str = "microsoft-azure-virtualmachines";
pub(crate) const TITLE: &str = "microsoft-azure-marketplace.title";
/// Steps so long that only the control route moves them.
const STEP: Duration = Duration::from_secs(3_600);

/// What a row comes to.
pub(crate) enum Verdict {
    /// It is as the row says.
    Pass,
    /// It is not; says what is there.
    Fail(String),
    /// It cannot be asked here, or is no matter of the portal; says why.
    NotAsked(String),
}

impl From<Result<(), String>> for Verdict {
    fn from(result: Result<(), String>) -> Self {
        result.map_or_else(Self::Fail, |()| Self::Pass)
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The message of an error in any of its forms.
    pub(crate) fn is(&self, status: u16) -> Result<&Self, String> {
        if self.status == status {
            Ok(self)
        } else {
            Err(format!("{} instead of {status}: {}", self.status, self.text))
        }
    }
}

/// Asks a sandbox with switches set, and a clock of its own; where the portal is not ours, there is nothing to ask.
pub(crate) fn on_own(world: &World<'_>, set: &[(&str, &str)], check: fn(&World<'_>) -> Result<(), String>) -> Verdict {
    match world.with(set) {
        Some(own) => check(&own).into(),
        None => Verdict::NotAsked("it needs a sandbox with switches of its own".to_owned()),
    }
}

/// A portal to ask.
pub(crate) struct World<'a> {
    runtime: &'a Runtime,
    http: reqwest::Client,
    base: String,
    token: String,
    pub(crate) publisher: String,
    pub(crate) profile: Profile,
    /// The sandbox of our own; none where another base URL is asked.
    own: Option<Sandbox>,
    /// Whether the control routes of a sandbox are there.
    pub(crate) control: bool,
    names: Cell<u32>,
}

impl<'a> World<'a> {
    /// A sandbox of our own.
    pub(crate) fn embedded(runtime: &'a Runtime, profile: Profile, set: &[(&str, &str)]) -> Self {
        let mut switches = Switches::default();
        for (name, value) in set {
            switches.set(name, value).expect("a switch");
        }
        let options = Options {
            seed: Seed::Nothing,
            default_profile: profile,
            publishers: vec!["contoso".parse().expect("an id")],
            clients: vec!["app:s3cret".parse::<Client>().expect("a client")],
            step_time: STEP,
            // The rows move the clock by many hours.
            token_lifetime: Duration::from_hours(24 * 365),
            switches,
            ..Options::default()
        };
        let sandbox = runtime.block_on(Sandbox::start(options)).expect("the sandbox starts");
        let mut world = Self::at(runtime, sandbox.url(), "", "contoso", profile);
        world.own = Some(sandbox);
        world.control = true;
        world.token = world.sign_in();
        world
    }

    /// Another portal: it gets offers of its own, whose names begin with `conformance-`.
    pub(crate) fn at(runtime: &'a Runtime, base: &str, token: &str, publisher: &str, profile: Profile) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_gzip().no_proxy().build().expect("a client");
        let mut world = Self {
            runtime,
            http,
            base: base.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            publisher: publisher.to_owned(),
            profile,
            own: None,
            control: false,
            names: Cell::new(0),
        };
        world.control = world.raw(Method::GET, "/_sandbox/health", &[], None).is_ok_and(|answer| answer.status == 200);
        world
    }

    /// Another sandbox like this one with switches set; none where the portal is not ours.
    pub(crate) fn with(&self, set: &[(&str, &str)]) -> Option<Self> {
        self.own.as_ref().map(|_| Self::embedded(self.runtime, self.profile, set))
    }

    pub(crate) fn is_native(&self) -> bool {
        self.profile == Profile::Native
    }

    fn sign_in(&self) -> String {
        let form = "grant_type=client_credentials&client_id=app&client_secret=s3cret\
                    &resource=https%3A%2F%2Fcloudpartner.azure.com";
        let answer = self.raw(Method::POST, "/tenant/oauth2/token", &[], Some(form.to_owned())).expect("an answer");
        answer.body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Sends a request as it stands.
    pub(crate) fn raw(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Answer, String> {
        let mut request = self.http.request(method, format!("{}{target}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        self.runtime.block_on(async {
            let answer = request.send().await.map_err(|error| error.to_string())?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let bytes = answer.bytes().await.map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Ok(Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text })
        })
    }

    /// Asks below the publisher's offers, with token and version.
    pub(crate) fn ask(
        &self,
        method: Method,
        rest: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Answer, String> {
        let target = format!("/api/publishers/{}/offers{rest}", self.publisher);
        self.ask_at(method, &target, headers, body)
    }

    /// The same for a whole path.
    pub(crate) fn ask_at(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Answer, String> {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        let mark = if target.contains('?') { '&' } else { '?' };
        let target = if target.contains("api-version") {
            target.to_owned()
        } else {
            format!("{target}{mark}api-version=2017-10-31")
        };
        self.raw(method, &target, &all, body)
    }

    pub(crate) fn get(&self, rest: &str) -> Result<Answer, String> {
        self.ask(Method::GET, rest, &[], None)
    }

    pub(crate) fn post(&self, rest: &str) -> Result<Answer, String> {
        self.ask(Method::POST, rest, &[], None)
    }

    pub(crate) fn put(&self, offer: &str, if_match: Option<&str>, body: &Value) -> Result<Answer, String> {
        let headers: Vec<(&str, &str)> =
            [("Content-Type", "application/json")].into_iter().chain(if_match.map(|tag| ("If-Match", tag))).collect();
        self.ask(Method::PUT, &format!("/{offer}"), &headers, Some(body.to_string()))
    }

    /// A name that no row used yet.
    pub(crate) fn name(&self) -> String {
        self.names.set(self.names.get() + 1);
        format!("conformance-{}-{}", std::process::id(), self.names.get())
    }

    pub(crate) fn document(&self, name: &str, title: &str) -> Value {
        json!({
            "publisherId": self.publisher, "offerTypeId": VM, "id": name,
            "offerTypeVersions": {VM: 87, "microsoft-azure-marketplace": 39},
            "definition": {
                "displayText": title,
                "offer": {TITLE: title},
                "plans": [{
                    "planId": "basic",
                    "microsoft-azure-virtualmachines.windowsOSType": "Other",
                    "microsoft-azure-virtualmachines.vmImages": {
                        "1.0.0": {"osVhdUrl": "https://contoso.blob.core.windows.net/v/1.vhd", "lunVhdDetails": []},
                    },
                }],
            },
        })
    }

    /// An offer that exists, and what its PUT answered.
    pub(crate) fn created(&self) -> Result<(String, Answer), String> {
        let name = self.name();
        let answer = self.put(&name, None, &self.document(&name, "One"))?;
        if matches!(answer.status, 200 | 201) { Ok((name, answer)) } else { Err(answer.text) }
    }

    /// An offer with a publish under way, and what the POST answered.
    pub(crate) fn publishing(&self) -> Result<(String, Answer), String> {
        let (name, _) = self.created()?;
        let body = r#"{"metadata": {"notification-emails": "a@contoso.example,b@contoso.example"}}"#;
        let answer = self.ask(Method::POST, &format!("/{name}/publish"), &[], Some(body.to_owned()))?;
        answer.is(202)?;
        Ok((name, answer))
    }

    /// An offer that waits for the sign-off.
    pub(crate) fn waiting(&self) -> Result<String, String> {
        let (name, _) = self.publishing()?;
        self.steps(4)?;
        Ok(name)
    }

    /// An offer that is live.
    pub(crate) fn live(&self) -> Result<String, String> {
        let name = self.waiting()?;
        self.post(&format!("/{name}/golive"))?.is(202)?;
        self.steps(1)?;
        Ok(name)
    }

    /// Lets so many steps of publishing pass.
    pub(crate) fn steps(&self, steps: u32) -> Result<(), String> {
        self.raw(Method::POST, "/_sandbox/clock", &[], Some(json!({"steps": steps}).to_string()))?.is(200).map(|_| ())
    }

    pub(crate) fn fault(&self, fault: &Value) -> Result<(), String> {
        self.raw(Method::POST, "/_sandbox/faults", &[], Some(fault.to_string()))?.is(200).map(|_| ())
    }
}
