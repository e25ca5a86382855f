//! Moments on the wire: the portal prints one instant in several ways, depending on the place and the profile.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::model::ETag;

/// Ticks between the year 1, where the portal's platform counts from, and 1970.
const TICKS_BEFORE_1970: i64 = 621_355_968_000_000_000;

const TICKS_PER_MILLI: i64 = 10_000;

/// An instant in ticks of 100 nanoseconds since 1970, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Moment(i64);

impl Moment {
    pub(super) fn at(millis: i64) -> Self {
        Self(millis.saturating_mul(TICKS_PER_MILLI))
    }

    pub(super) fn millis(self) -> i64 {
        self.0.div_euclid(TICKS_PER_MILLI)
    }

    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Reads an instant with or without a zone; without one it is UTC.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let timestamp = text.parse::<Timestamp>().ok().or_else(|| {
            let local = text.parse::<DateTime>().ok()?;
            local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })?;
        i64::try_from(timestamp.as_nanosecond() / 100).ok().map(Self)
    }

    /// The platform's own count, as submissions carry it in `version`: beyond what a double holds.
    pub(super) fn platform_ticks(self) -> i64 {
        self.0.saturating_add(TICKS_BEFORE_1970)
    }

    /// `2022-06-01T05:41:25.9695742Z`.
    pub(super) fn long(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%S%.7fZ")
    }

    /// `2022-06-02T12:25:56.651`, without a zone: how lists print migrated offers.
    pub(super) fn zoneless(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%S%.3f")
    }

    /// `2028-06-01T05:41:25Z`, the day two years on at the same time: how long a stored artifact's address is valid.
    pub(super) fn two_years_on(self) -> String {
        const TWO_YEARS: i64 = 730 * 24 * 60 * 60 * 1000 * TICKS_PER_MILLI;
        Self(self.0.saturating_add(TWO_YEARS)).format("%Y-%m-%dT%H:%M:%SZ")
    }

    /// The weak entity tag that carries this instant, colons percent-encoded.
    pub(super) fn etag(self) -> ETag {
        ETag::new(format!("W/\"datetime'{}'\"", self.long().replace(':', "%3A")))
    }

    fn format(self, pattern: &str) -> String {
        let timestamp = Timestamp::from_nanosecond(i128::from(self.0) * 100).unwrap_or(Timestamp::MAX);
        timestamp.strftime(pattern).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_in_every_form() {
        let moment = Moment::parse("2022-06-01T05:41:25.9695742Z").expect("an instant");
        assert_eq!(moment.long(), "2022-06-01T05:41:25.9695742Z");
        assert_eq!(moment.zoneless(), "2022-06-01T05:41:25.969");
        assert_eq!(moment.etag().as_str(), "W/\"datetime'2022-06-01T05%3A41%3A25.9695742Z'\"");
        assert_eq!(moment.two_years_on(), "2024-05-31T05:41:25Z");
        assert_eq!(Moment::at(1_500).next().long(), "1970-01-01T00:00:01.5000001Z");
    }

    #[test]
    fn zones_are_optional_and_ticks_count_from_the_year_one() {
        assert_eq!(Moment::parse("2022-06-02T12:25:56.651"), Moment::parse("2022-06-02T12:25:56.651Z"));
        assert_eq!(Moment::parse("yesterday"), None);
        assert_eq!(Moment::at(0).platform_ticks(), 621_355_968_000_000_000);
    }

    #[test]
    fn far_futures_do_not_panic() {
        assert!(Moment::at(i64::MAX).long().starts_with("9999-"));
    }
}
