//! The sandbox as a whole: the pure portal with a clock that the test owns, and the server over HTTP.

mod around;
mod client;
mod faulty;
mod http;
mod offers;
mod publishing;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::artifact::NOTHING_FETCHED;
use super::clock::Clock;
use super::portal::{Call, Portal, Settings};
use super::reply::{Body, Reply};
use super::seed::Seed;
use super::switches::Switches;
use crate::model::Profile;

/// These tests tell each request its time themselves.
const CLOCK: Clock = Clock::Real { ahead: 0 };
/// How long a step takes in these tests.
const STEP: i64 = 1_000;
const VM: &str = "microsoft-azure-virtualmachines";
const TITLE: &str = "microsoft-azure-marketplace.title";

/// A portal whose time only moves when the test says so.
struct World {
    portal: Portal,
    settings: Settings,
    now: i64,
}

/// An answer with what tests look at.
#[derive(Debug)]
struct Seen {
    status: u16,
    body: Value,
    reply: Reply,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.reply.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn etag(&self) -> &str {
        self.header("ETag").expect("an ETag")
    }
}

impl World {
    fn new(profile: Profile) -> Self {
        Self::with(profile, Switches::default())
    }

    fn with(profile: Profile, switches: Switches) -> Self {
        let settings = Settings {
            default_profile: profile,
            publishers: BTreeSet::new(),
            any_publisher: false,
            step_millis: STEP,
            switches,
        };
        Self { portal: Portal::new("test", CLOCK), settings, now: 1_654_062_085_000 }
    }

    fn seeded(documents: Vec<Value>) -> Self {
        let mut world = Self::new(Profile::Native);
        world.portal =
            Seed::Documents(documents).portal("test", CLOCK, world.now, Profile::Native).expect("good seeds");
        world
    }

    fn call<'a>(&self, method: &'a str, path: &'a str) -> Call<'a> {
        let (if_match, fetched, failing) = (None, NOTHING_FETCHED, None);
        Call { method, path, query: "", if_match, body: b"", fetched, failing, as_of: None, now: self.now }
    }

    fn send(&mut self, method: &str, target: &str, if_match: Option<&str>, body: &[u8]) -> Seen {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = format!("{query}&api-version=2017-10-31");
        let call = Call { query: &query, if_match, body, ..self.call(method, path) };
        let reply = self.portal.answer(&call, &self.settings);
        let body = match &reply.body {
            Body::Json(value) => value.clone(),
            Body::Text(text) => serde_json::from_str(text).unwrap_or_default(),
            Body::File(_) | Body::Empty => Value::Null,
        };
        Seen { status: reply.status, body, reply }
    }

    fn get(&mut self, rest: &str) -> Seen {
        self.send("GET", &format!("/publishers/contoso/offers/vm{rest}"), None, b"")
    }

    fn post(&mut self, verb: &str) -> Seen {
        self.send("POST", &format!("/publishers/contoso/offers/vm/{verb}"), None, b"")
    }

    fn put(&mut self, if_match: Option<&str>, body: &Value) -> Seen {
        self.send("PUT", "/publishers/contoso/offers/vm", if_match, body.to_string().as_bytes())
    }

    /// Brings the offer to the sign-off.
    fn published(mut self) -> Self {
        assert_eq!(self.post("publish").status, 202);
        self.now += 4 * STEP;
        self
    }

    fn live(self) -> Self {
        let mut world = self.published();
        assert_eq!(world.post("golive").status, 202);
        world.now += STEP;
        world
    }

    /// The state of each step, in order.
    fn steps(&mut self) -> Vec<String> {
        let status = self.get("/status").body;
        status["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .map(|step| step["status"].as_str().expect("a word").to_owned())
            .collect()
    }
}

/// An offer that can be published.
fn document(title: &str) -> Value {
    json!({
        "publisherId": "contoso",
        "offerTypeId": VM,
        "id": "vm",
        "offerTypeVersions": {VM: 87},
        "definition": {
            "displayText": title,
            "offer": {TITLE: title},
            "plans": [{"planId": "basic", "microsoft-azure-virtualmachines.skuTitle": "Basic", "microsoft-azure-virtualmachines.vmImages": {"1.0.0": {"osVhdUrl": "https://contoso.blob.core.windows.net/vhds/1.vhd"}}}],
        },
    })
}

/// A portal with one offer that was never published.
fn drafted(profile: Profile) -> World {
    drafted_with(profile, Switches::default())
}

fn drafted_with(profile: Profile, switches: Switches) -> World {
    let mut world = World::with(profile, switches);
    let created = world.put(None, &document("One"));
    assert!((200..=201).contains(&created.status), "{created:?}");
    world
}
