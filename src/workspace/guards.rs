//! `[guards]` of `offerctl.toml`: how bad each guard's finding is, and from where on it is one.

use std::fmt;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::diagnostic::did_you_mean;
use crate::model::Decimal;

/// The guards, by what they watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Guard {
    /// A plan, a generation, an image or a package goes away.
    Removal,
    /// A price moves by more than a per cent, or what is paid for changes.
    Price,
    /// A country or a cloud is taken from a plan.
    Markets,
    /// A plan that some could see is one that everyone sees.
    Audience,
    /// A plan is hidden, shown, or made private.
    Visibility,
    /// Who is in a private or preview audience.
    Members,
    /// A secret that the portal holds would be cleared.
    Secrets,
    /// Two properties that must be equal would differ.
    Twins,
    /// A field is written that the schema of the type does not have.
    UnknownFields,
    /// A part of a published version would be another one, or a value removed that stays once it was set.
    Locked,
    /// Many offers change at once.
    ManyOffers,
    /// Something goes live outside of the times for it.
    Window,
}

impl Guard {
    pub(crate) const ALL: [Self; 12] = [
        Self::Removal,
        Self::Price,
        Self::Markets,
        Self::Audience,
        Self::Visibility,
        Self::Members,
        Self::Secrets,
        Self::Twins,
        Self::UnknownFields,
        Self::Locked,
        Self::ManyOffers,
        Self::Window,
    ];

    /// Its name in `[guards]`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Removal => "removal",
            Self::Price => "price",
            Self::Markets => "markets",
            Self::Audience => "audience",
            Self::Visibility => "visibility",
            Self::Members => "members",
            Self::Secrets => "secrets",
            Self::Twins => "twins",
            Self::UnknownFields => "unknown-fields",
            Self::Locked => "locked",
            Self::ManyOffers => "many-offers",
            Self::Window => "window",
        }
    }

    /// Its level where the project sets none.
    pub(crate) fn default_level(self) -> Level {
        match self {
            Self::Members | Self::UnknownFields => Level::Warn,
            _ => Level::Stop,
        }
    }
}

/// What becomes of a guard's finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Off,
    Warn,
    /// It is shown, and `apply` refuses until it is accepted.
    #[default]
    Stop,
}

impl Level {
    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "off" => Ok(Self::Off),
            "warn" => Ok(Self::Warn),
            "stop" => Ok(Self::Stop),
            _ => Err(format!("`{word}` is not a level; expected off, warn or stop")),
        }
    }
}

/// From where on something is a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// A price may move by this much, in per cent of what it was.
    #[serde(deserialize_with = "not_negative")]
    pub(crate) price_percent: Decimal,
    /// So many offers may change at once.
    pub(crate) offers: u32,
    /// And so many per cent of those that exist.
    #[serde(deserialize_with = "not_negative")]
    pub(crate) offers_percent: Decimal,
    /// Where fewer offers exist than this, no part of them is large.
    pub(crate) offers_minimum: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { price_percent: Decimal::whole(10), offers: 50, offers_percent: Decimal::whole(50), offers_minimum: 10 }
    }
}

fn not_negative<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let number = Decimal::deserialize(deserializer)?;
    if number.to_string().starts_with('-') {
        return Err(D::Error::custom("a percentage must be 0 or more"));
    }
    Ok(number)
}

/// A time in the week in which offers may go live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    days: Vec<Weekday>,
    from: Time,
    to: Time,
    zone: TimeZone,
}

impl Window {
    /// Whether it is open. One that ends before it begins ends on the next day.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        let local = now.to_zoned(self.zone.clone());
        let (day, time) = (local.weekday(), local.time());
        let on = |day: Weekday| self.days.contains(&day);
        if self.from < self.to {
            on(day) && self.from <= time && time < self.to
        } else {
            (on(day) && self.from <= time) || (on(day.previous()) && time < self.to)
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.days.iter().map(|day| day_name(*day)).collect::<Vec<_>>().join(" ");
        let time = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "{days} {}-{} {zone}", time(self.from), time(self.to))
    }
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn day_name(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, other)| *other == day).map_or("", |(name, _)| name)
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// As the file has it. Each field is read where it stands, so that a slip has its place.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Raw {
            #[serde(deserialize_with = "days")]
            days: Vec<Weekday>,
            #[serde(deserialize_with = "time")]
            from: Time,
            #[serde(deserialize_with = "time")]
            to: Time,
            #[serde(deserialize_with = "zone")]
            zone: TimeZone,
        }
        let Raw { days, from, to, zone } = Raw::deserialize(deserializer)?;
        if from == to {
            return Err(D::Error::custom("a window must end at another time than it begins"));
        }
        Ok(Self { days, from, to, zone })
    }
}

fn days<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Weekday>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let day = |name: &String| {
        let found = DAYS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, day)| *day);
        found.ok_or_else(|| {
            D::Error::custom(format!(
                "`{name}` is not a day; expected mon, tue, wed, thu, fri, sat \
            or sun"
            ))
        })
    };
    let found = names.iter().map(day).collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() { Err(D::Error::custom("a window must have at least one day")) } else { Ok(found) }
}

fn time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parts = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2);
    let time = parts.and_then(|(hour, minute)| Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok());
    time.ok_or_else(|| D::Error::custom(format!("`{text}` is not a time of day; expected a time such as \"09:30\"")))
}

fn zone<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
    let name = String::deserialize(deserializer)?;
    TimeZone::get(&name)
        .map_err(|_| D::Error::custom(format!("`{name}` is not a time zone; expected a name such as \"Europe/Oslo\"")))
}

/// `[guards]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Guards {
    levels: Vec<(Guard, Level)>,
    /// From where on something is a finding.
    pub(crate) limits: Limits,
    /// When offers may go live; none means at any time.
    pub(crate) windows: Vec<Window>,
}

impl Guards {
    /// The level of a guard's findings.
    pub(crate) fn level(&self, guard: Guard) -> Level {
        let set = self.levels.iter().find(|(other, _)| *other == guard);
        set.map_or_else(|| guard.default_level(), |(_, level)| *level)
    }

    /// The same with another level.
    pub(crate) fn with(mut self, guard: Guard, level: Level) -> Self {
        self.levels.retain(|(other, _)| *other != guard);
        self.levels.push((guard, level));
        self.levels.sort();
        self
    }

    /// Why nothing may go live now, if so: what time it is, and when the windows are.
    pub(crate) fn closed(&self, now: Timestamp) -> Option<String> {
        let first = self.windows.first()?;
        if self.windows.iter().any(|window| window.is_open(now)) {
            return None;
        }
        let windows = self.windows.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let local: Zoned = now.to_zoned(first.zone.clone());
        let zone = first.zone.iana_name().unwrap_or("UTC");
        let time = format!("{} {:02}:{:02} {zone}", day_name(local.weekday()), local.hour(), local.minute());
        Some(format!("it is {time}; offers may go live {windows}"))
    }
}

impl<'de> Deserialize<'de> for Guards {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = Guards;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of guards and their levels")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Guards, A::Error> {
        let mut guards = Guards::default();
        while let Some(name) = table.next_key::<String>()? {
            match name.as_str() {
                "limits" => guards.limits = table.next_value()?,
                "windows" => guards.windows = table.next_value()?,
                name => {
                    let (guard, level) = table.next_value_seed(Row(name))?;
                    guards = guards.with(guard, level);
                }
            }
        }
        Ok(guards)
    }
}

/// The level of one guard, read where it stands, so that a slip has its place.
struct Row<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = (Guard, Level);

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let level = String::deserialize(deserializer)?;
        let known = Guard::ALL.map(Guard::name);
        let guard = Guard::ALL.into_iter().find(|guard| guard.name() == self.0).ok_or_else(|| {
            let near = did_you_mean(self.0, known.into_iter().chain(["limits", "windows"]));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            D::Error::custom(format!("`{}` is not a guard{near}", self.0))
        })?;
        Ok((guard, Level::parse(&level).map_err(D::Error::custom)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn window(toml: &str) -> Window {
        toml::from_str(toml).expect("a window")
    }

    #[test]
    fn a_window_is_open_at_its_own_local_time() {
        let work =
            window("days = [\"mon\", \"tue\", \"Wed\"]\nfrom = \"09:00\"\nto = \"16:00\"\nzone = \"Europe/Oslo\"");
        // A Wednesday in winter (UTC+1), and one in summer (UTC+2).
        for (time, open) in [
            ("2026-11-25T07:59:59Z", false),
            ("2026-11-25T08:00:00Z", true),
            ("2026-11-25T14:59:59Z", true),
            ("2026-11-25T15:00:00Z", false),
            ("2026-07-01T07:00:00Z", true),
            ("2026-07-01T14:00:00Z", false),
            ("2026-11-26T10:00:00Z", false),
        ] {
            assert_eq!(work.is_open(at(time)), open, "{time}");
        }
        assert_eq!(work.to_string(), "mon tue wed 09:00-16:00 Europe/Oslo");
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let night = window("days = [\"fri\"]\nfrom = \"22:00\"\nto = \"02:00\"\nzone = \"UTC\"");
        for (time, open) in [
            ("2026-11-27T21:59:00Z", false),
            ("2026-11-27T22:00:00Z", true),
            ("2026-11-28T01:59:00Z", true),
            ("2026-11-28T02:00:00Z", false),
            ("2026-11-28T23:00:00Z", false),
            ("2026-11-27T01:00:00Z", false),
        ] {
            assert_eq!(night.is_open(at(time)), open, "{time}");
        }
    }

    #[test]
    fn what_is_closed_says_what_time_it_is_and_when_it_opens() {
        let text = "[[windows]]\ndays = [\"mon\"]\nfrom = \"09:00\"\nto = \"16:00\"\nzone = \"America/New_York\"\n";
        let guards = toml::from_str::<Guards>(text).expect("guards");
        assert_eq!(
            guards.closed(at("2026-11-25T12:45:00Z")).as_deref(),
            Some("it is wed 07:45 America/New_York; offers may go live mon 09:00-16:00 America/New_York")
        );
        assert_eq!(guards.closed(at("2026-11-23T15:00:00Z")), None);
        assert_eq!(Guards::default().closed(at("2026-11-25T12:45:00Z")), None, "without windows it is always open");
    }

    #[test]
    fn levels_have_defaults_and_are_set_by_name() {
        let guards = toml::from_str::<Guards>("price = \"off\"\nunknown-fields = \"stop\"").expect("guards");
        assert_eq!((guards.level(Guard::Price), guards.level(Guard::UnknownFields)), (Level::Off, Level::Stop));
        assert_eq!((guards.level(Guard::Removal), guards.level(Guard::Members)), (Level::Stop, Level::Warn));
    }
}
