//! When a request is sent again, after which pause, and for how long all in all. Pure, but for the dice.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::model::OfferKey;

/// Longest pause between two tries that the client chooses by itself.
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// Longest pause that a server may ask for before the request counts as failed.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// The statuses after which the same request may succeed later.
pub(super) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// Exponential back-off with full jitter. A server on this machine needs no politeness.
pub(super) fn back_off(attempt: u32, loopback: bool) -> Duration {
    ceiling(attempt, loopback).mul_f64(fastrand::f64())
}

pub(super) fn ceiling(attempt: u32, loopback: bool) -> Duration {
    let first = Duration::from_millis(if loopback { 20 } else { 500 });
    first.saturating_mul(1 << attempt.min(10)).min(MAX_PAUSE)
}

/// How much time each offer may lose to tries that failed and to the pauses after them. Only offers that lost some
/// take memory.
#[derive(Debug)]
pub(super) struct Budget {
    limit: Duration,
    lost: Mutex<HashMap<OfferKey, Duration>>,
}

impl Budget {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, lost: Mutex::default() }
    }

    /// How much an offer may lose.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Gives an offer its whole budget back.
    pub(super) fn forgive(&self, offer: &OfferKey) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).remove(offer);
    }

    /// Takes time from an offer's budget; whether it had that much left. What belongs to no offer has no budget.
    pub(super) fn take(&self, offer: Option<&OfferKey>, time: Duration) -> bool {
        let Some(offer) = offer else { return true };
        let mut all = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = all.entry(offer.clone()).or_default();
        *lost = lost.saturating_add(time);
        *lost <= self.limit
    }
}

/// `Retry-After`, in seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn pauses_grow_up_to_a_ceiling_and_are_jittered_below_it() {
        let ceilings = (0..8).map(|attempt| ceiling(attempt, false).as_millis()).collect::<Vec<_>>();
        assert_eq!(ceilings, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
        assert_eq!(ceiling(u32::MAX, false), MAX_PAUSE);
        assert!((0..100).all(|_| back_off(2, false) <= Duration::from_secs(2)));
    }

    #[test]
    fn a_budget_is_each_offers_own() {
        let key = |text: &str| text.parse::<OfferKey>().expect("a key");
        let (a, b) = (key("contoso/a"), key("contoso/b"));
        let budget = Budget::new(Duration::from_secs(10));
        assert!(budget.take(Some(&a), Duration::from_secs(6)));
        assert!(!budget.take(Some(&a), Duration::from_secs(6)));
        assert!(budget.take(Some(&b), Duration::from_secs(10)));
        assert!(budget.take(None, Duration::MAX));
        budget.forgive(&a);
        assert!(budget.take(Some(&a), Duration::from_secs(10)));
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
