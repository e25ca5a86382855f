//! How a sandbox is run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::faults::Script;
use super::gate::{Client, Demand, Gate, Key};
use super::moment::Moment;
use super::portal::Settings;
use super::seed::Seed;
use super::server::Beginning;
use super::switches::Switches;
use crate::error::Error;
use crate::model::{Profile, PublisherId};

/// Which clock a sandbox has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockChoice {
    /// The machine's, which the control route can move ahead.
    #[default]
    Real,
    /// One that only the control route moves: it stands at the time of the start, or at this one (milliseconds since
    /// 1970).
    Stepped(Option<i64>),
}

impl std::str::FromStr for ClockChoice {
    type Err = String;

    /// Reads `real`, `stepped`, or the instant at which a stepped clock starts.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "real" => Ok(Self::Real),
            "stepped" => Ok(Self::Stepped(None)),
            _ => Moment::parse(text)
                .map(|moment| Self::Stepped(Some(moment.millis())))
                .ok_or_else(|| "a clock is real, stepped, or an instant such as 2030-01-31T12:00:00Z".to_owned()),
        }
    }
}

/// How a sandbox is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen. Only loopback addresses are accepted, since anyone who reaches the sandbox may change it.
    pub listen: SocketAddr,
    /// Accept another address than a loopback one all the same.
    pub expose: bool,
    /// The offers to begin with, where there is no state yet.
    pub seed: Seed,
    /// The profile of seeded documents that do not tell theirs, and of offers that a PUT creates.
    pub default_profile: Profile,
    /// Publishers that are known though they have no offer. Others answer 403, unless they have offers; where none is
    /// named here, a portal without offers knows all, and a first offer can be created for any.
    pub publishers: Vec<PublisherId>,
    /// Every publisher is known, whatever is named or there.
    pub any_publisher: bool,
    /// How long one step of publishing takes.
    pub step_time: Duration,
    pub clock: ClockChoice,
    /// A file that keeps the state. Where it exists, the seed is not used.
    pub state: Option<PathBuf>,
    /// The bearer token that is demanded; without one, any will do, and one that the sandbox issued must be good.
    pub token: Option<String>,
    /// No token is demanded at all.
    pub no_auth: bool,
    /// Who can sign in. Where someone is named, only tokens that the sandbox issued are taken.
    pub clients: Vec<Client>,
    /// How long a token that the sandbox issues is good.
    pub token_lifetime: Duration,
    /// Requests that go wrong: an object with `faults`, and maybe a `seed`; null for none.
    pub faults: Value,
    /// Makes names and chances follow from this number; without one they differ from run to run.
    pub random_seed: Option<u64>,
    /// The answers to open questions.
    pub switches: Switches,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            expose: false,
            seed: Seed::Contoso,
            default_profile: Profile::Native,
            publishers: Vec::new(),
            any_publisher: false,
            step_time: Duration::from_secs(2),
            clock: ClockChoice::Real,
            state: None,
            token: None,
            no_auth: false,
            clients: Vec::new(),
            token_lifetime: Duration::from_hours(1),
            faults: Value::Null,
            random_seed: None,
            switches: Switches::default(),
        }
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<(), Error> {
        let listen = self.listen;
        if !listen.ip().is_loopback() && !self.expose {
            return Err(Error::invalid(format!("the sandbox only listens on loopback addresses, not on {listen}"))
                .hint("with --expose it listens there: whoever reaches it may read and change everything"));
        }
        Ok(())
    }

    pub(super) fn take_apart(self) -> Result<(Settings, Gate, Beginning), Error> {
        let (seed, faults) = script(self.faults)?;
        let random_seed = seed.or(self.random_seed).unwrap_or_else(|| fastrand::u64(..));
        let salt = self.random_seed.map_or_else(|| uuid::Uuid::new_v4().to_string(), |seed| format!("seed {seed}"));
        let stands_at = match self.clock {
            ClockChoice::Real => None,
            ClockChoice::Stepped(start) => Some(start.unwrap_or_else(super::wall_clock)),
        };
        let settings = Settings {
            default_profile: self.default_profile,
            publishers: self.publishers.into_iter().collect(),
            any_publisher: self.any_publisher,
            step_millis: i64::try_from(self.step_time.as_millis()).unwrap_or(i64::MAX),
            switches: self.switches,
        };
        let demand = match (self.no_auth, self.token) {
            (true, _) => Demand::Nothing,
            (false, Some(token)) => Demand::Fixed(token),
            (false, None) if self.clients.is_empty() => Demand::AnyToken,
            (false, None) => Demand::Issued,
        };
        let lifetime = i64::try_from(self.token_lifetime.as_secs()).unwrap_or(i64::MAX);
        let gate = Gate { demand, clients: self.clients, lifetime, key: Key::new(&salt) };
        let beginning = Beginning { seed: self.seed, salt, stands_at, random_seed, faults };
        Ok((settings, gate, beginning))
    }
}

fn script(faults: Value) -> Result<(Option<u64>, Vec<super::faults::Fault>), Error> {
    if faults.is_null() {
        return Ok((None, Vec::new()));
    }
    let bad = |problem: String| {
        Error::invalid(format!("the faults are not understood: {problem}")).hint("docs/sandbox.md lists the faults")
    };
    let script: Script = serde_json::from_value(faults).map_err(|error| bad(error.to_string()))?;
    script.check().map_err(bad)
}
