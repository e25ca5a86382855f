//! Requests that go wrong on demand. Which ones is decided by counting and by a seed, so that the same faults and the
//! same requests in the same order always go the same way.

mod spec;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::{Value, json};

use axum::http::HeaderName;

use super::reply::Reply;
use super::routes::Kind;
use super::submission::Failure;
use crate::model::OfferKey;

pub(super) use spec::Spec;

/// What goes wrong, and when.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    name: String,
    selector: Selector,
    schedule: Schedule,
    effect: Effect,
}

#[derive(Debug, Clone)]
struct Selector {
    /// The method; any, where it is absent.
    method: Option<String>,
    /// What the path with its query contains.
    path: String,
    route: Option<Kind>,
    offer: Option<OfferKey>,
}

#[derive(Debug, Clone)]
struct Schedule {
    /// How many go by before the first.
    skip: u64,
    /// From there on every nth.
    every: u64,
    /// How often; for ever, where it is absent.
    times: Option<u64>,
    /// How likely; always, where it is absent.
    probability: Option<f64>,
    /// What chance depends on; the seed of all faults, where it is absent.
    seed: Option<u64>,
    /// Milliseconds from when the fault was taken in.
    starts_after: i64,
    lasts: Option<i64>,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Effect {
    /// How long the answer takes longer.
    pub(super) latency_ms: u64,
    /// What a person changes in the portal just before.
    pub(super) edit: Option<Edit>,
    pub(super) act: Act,
    /// Headers that the answer does not have.
    pub(super) omitted: Vec<HeaderName>,
    pub(super) delivery: Delivery,
}

/// Whether the request is carried out.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Act {
    #[default]
    CarryOut,
    /// It is not; this is the answer.
    Instead(Reply),
    /// It is, and this is the answer all the same.
    After(Reply),
    /// A read of an offer sees it as it was so many milliseconds ago.
    Stale(i64),
    /// A publish is accepted, and comes to this end.
    Failing(Failure),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Delivery {
    #[default]
    Whole,
    /// Its body at so many bytes a second.
    Slow(u32),
    /// Its body ends after so many bytes, and the connection with it.
    Truncated(usize),
    /// Not at all: the connection is reset.
    Reset,
}

/// A person's change to an offer: that of the request, where none is named.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edit {
    pub(super) offer: Option<OfferKey>,
    /// A JSON merge patch of the document.
    pub(super) merge: Value,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// The path with its query.
    pub(super) target: &'a str,
    pub(super) route: Option<Kind>,
    pub(super) offer: Option<&'a OfferKey>,
}

/// A list of faults, as a file has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    seed: Option<u64>,
    faults: Vec<Spec>,
}

/// A fault that waits for its requests.
#[derive(Debug, Clone)]
struct Armed {
    fault: Fault,
    /// When it was taken in.
    since: i64,
    /// How many of its requests came by.
    seen: u64,
    struck: u64,
}

/// The faults that wait for their requests, in their order.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    seed: u64,
    armed: Vec<Armed>,
}

impl Script {
    /// Its seed and its faults, or what is wrong with which.
    pub(super) fn check(self) -> Result<(Option<u64>, Vec<Fault>), String> {
        let checked = self
            .faults
            .into_iter()
            .enumerate()
            .map(|(index, spec)| spec.check().map_err(|problem| format!("fault {}: {problem}", index + 1)));
        Ok((self.seed, checked.collect::<Result<_, _>>()?))
    }
}

impl Selector {
    fn takes(&self, asked: &Asked<'_>) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(asked.method))
            && asked.target.contains(&self.path)
            && self.route.is_none_or(|wanted| asked.route == Some(wanted))
            && self.offer.as_ref().is_none_or(|wanted| asked.offer == Some(wanted))
    }
}

impl Armed {
    /// Whether the fault can strike at this time at all.
    fn is_on(&self, now: i64) -> bool {
        let Schedule { times, starts_after, lasts, .. } = &self.fault.schedule;
        let starts = self.since.saturating_add(*starts_after);
        times.is_none_or(|times| self.struck < times)
            && now >= starts
            && lasts.is_none_or(|lasts| now < starts.saturating_add(lasts))
    }

    /// Counts one of its requests; whether the fault strikes.
    fn strikes(&mut self, seed: u64, place: u64) -> bool {
        let Schedule { skip, every, probability, seed: own, .. } = &self.fault.schedule;
        let number = self.seen;
        self.seen += 1;
        let due = number >= *skip && (number - skip).is_multiple_of(*every);
        let lucky = probability.is_some_and(|probability| {
            let seed = own.unwrap_or_else(|| scramble(seed ^ scramble(place)));
            chance(scramble(seed ^ scramble(number))) >= probability
        });
        let strikes = due && !lucky;
        self.struck += u64::from(strikes);
        strikes
    }
}

impl Faults {
    /// None yet. Chance depends on the seed alone.
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, armed: Vec::new() }
    }

    /// What chance depends on from now on.
    pub(super) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// One more, behind the others.
    pub(super) fn add(&mut self, fault: Fault, now: i64) {
        self.armed.push(Armed { fault, since: now, seen: 0, struck: 0 });
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }

    /// What becomes of a request: the first fault that is due decides, and is used up by one.
    pub(super) fn judge(&mut self, asked: &Asked<'_>, now: i64) -> Option<(&str, &Effect)> {
        let seed = self.seed;
        let struck = self.armed.iter_mut().zip(0..).find_map(|(armed, place)| {
            let strikes = armed.is_on(now) && armed.fault.selector.takes(asked) && armed.strikes(seed, place);
            strikes.then_some(&armed.fault)
        })?;
        Some((&struck.name, &struck.effect))
    }

    /// How often each struck, for people.
    pub(super) fn summary(&self) -> Value {
        let faults = self
            .armed
            .iter()
            .map(|armed| json!({"name": armed.fault.name, "matched": armed.seen, "struck": armed.struck}));
        json!({"seed": self.seed, "faults": faults.collect::<Vec<_>>()})
    }
}

/// A number that looks random, from one that does not (the finalizer of SplitMix64).
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number from 0 up to and without 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
fn chance(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}
