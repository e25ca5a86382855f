//! Shared access signatures of image URLs: how long they last, and what they allow.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::{Offer, short};
use crate::diagnostic::{Code, Diagnostic, Span};

/// Certification and publishing read an image for up to this long.
const DAYS: i64 = 21;

/// Visits every signed URL of an image or disk.
fn signed(offer: &Offer<'_>, visit: &mut impl FnMut(&Signature, Span)) {
    offer.entries(&mut |entry, shape| {
        let is_image =
            !shape.rules.ignore_query.is_empty() || short(&entry.key).to_ascii_lowercase().ends_with("vhdurl");
        let url = entry.value.as_str().filter(|_| is_image).and_then(|text| Url::parse(text.trim()).ok());
        if let Some(signature) = url.and_then(Signature::of) {
            visit(&signature, entry.value.span);
        }
    });
}

/// The query of a signed URL.
struct Signature(Url);

impl Signature {
    fn of(url: Url) -> Option<Self> {
        let signature = Self(url);
        signature.get("sig").is_some().then_some(signature)
    }

    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Whether lifetime and rights are kept at the storage account instead.
    fn by_policy(&self) -> bool {
        self.get("si").is_some()
    }

    /// A moment of the query: a time, or a date alone.
    fn moment(&self, name: &str) -> Option<Result<Timestamp, String>> {
        let text = self.get(name)?.into_owned();
        let date = || text.parse::<Date>().map(DateTime::from);
        // Minutes may be the last that is said: `2026-01-31T00:00Z`.
        let bare = || text.trim_end_matches('Z').parse::<DateTime>();
        let utc = |moment: DateTime| moment.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        let parsed = text.parse::<Timestamp>().or_else(|_| bare().or_else(|_| date()).and_then(utc));
        Some(parsed.map_err(|_| text.clone()))
    }
}

pub(super) fn expiry(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    let now = offer.context.now;
    signed(offer, &mut |signature, span| {
        let message = match signature.moment("se") {
            None if signature.by_policy() => return,
            None => "the signature of this URL has no end (`se`)".to_owned(),
            Some(Err(text)) => format!("the end of this URL's signature is no time: `se={text}`"),
            Some(Ok(end)) if end <= now => format!("the signature of this URL ended on {}", day(end)),
            Some(Ok(end)) if end.duration_since(now) < SignedDuration::from_hours(24 * DAYS) => {
                format!("the signature of this URL ends on {}, within {DAYS} days", day(end))
            }
            Some(Ok(_)) => return,
        };
        let help = format!("sign the URL anew, for longer than the {DAYS} days that certification may take");
        findings.push(offer.found(Code::SasExpiry, span, message).help(help));
    });
}

pub(super) fn permissions(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    signed(offer, &mut |signature, span| {
        let message = match signature.get("sp") {
            None if signature.by_policy() => return,
            None => "the signature of this URL allows nothing (`sp` is missing)".to_owned(),
            Some(allowed) => match (allowed.contains('r'), allowed.contains('l')) {
                (true, true) => return,
                (true, false) => "the signature of this URL does not allow to list".to_owned(),
                (false, true) => "the signature of this URL does not allow to read".to_owned(),
                (false, false) => "the signature of this URL allows neither to read nor to list".to_owned(),
            },
        };
        let help = "sign the container with the permissions read and list: `sp=rl`, `sr=c`";
        findings.push(offer.found(Code::SasPermissions, span, message).help(help));
    });
}

pub(super) fn start(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    signed(offer, &mut |signature, span| {
        let message = match signature.moment("st") {
            Some(Ok(begin)) if begin > offer.context.now => {
                format!("the signature of this URL is not valid before {}", day(begin))
            }
            Some(Err(text)) => format!("the start of this URL's signature is no time: `st={text}`"),
            _ => return,
        };
        let help = "sign it with a start in the past: a day earlier, because clocks differ";
        findings.push(offer.found(Code::SasStart, span, message).help(help));
    });
}

/// The day in UTC, as signatures have it.
fn day(moment: Timestamp) -> Date {
    moment.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;

    /// What is said of an image with this query. It is the 25th of November 2026, noon.
    fn of(query: &str) -> Vec<String> {
        let text = format!(
            "plans:\n  - planId: a\n    vmImages:\n      1.0.0:\n        osVhdUrl: https://h.blob.core.windows.net/c/v.vhd?{query}"
        );
        said(&text).iter().map(|line| line.replace(" 5:19 the signature of this URL", "")).collect()
    }

    #[test]
    fn a_signature_lasts_three_weeks_and_allows_to_read_and_list() {
        let none = Vec::<String>::new();
        assert_eq!(of("sp=rl&st=2026-11-25T11:00:00Z&se=2026-12-16T12:00:00Z&sig=x"), none);
        assert_eq!(of("sp=racwdl&se=2027-01-01&sig=x"), none);
        assert_eq!(of("si=policy&sig=x"), none);
        assert_eq!(of("no=signature"), none);
        assert_eq!(of("sp=rl&se=2026-12-16T11:59:59Z&sig=x"), ["sas-expiry ends on 2026-12-16, within 21 days"]);
        assert_eq!(of("sp=rl&se=2026-12-01T00%3A00Z&sig=x"), ["sas-expiry ends on 2026-12-01, within 21 days"]);
        assert_eq!(of("sp=rl&se=2026-11-25T12:00:00Z&sig=x"), ["sas-expiry ended on 2026-11-25"]);
        assert_eq!(of("sp=rl&sig=x"), ["sas-expiry has no end (`se`)"]);
        assert_eq!(
            of("sp=rl&se=soon&sig=x"),
            ["sas-expiry 5:19 the end of this URL's signature is no time: `se=soon`"]
        );
        assert_eq!(of("sp=r&se=2028-01-01&sig=x"), ["sas-permissions does not allow to list"]);
        assert_eq!(of("sp=l&se=2028-01-01&sig=x"), ["sas-permissions does not allow to read"]);
        assert_eq!(of("se=2028-01-01&sig=x"), ["sas-permissions allows nothing (`sp` is missing)"]);
        assert_eq!(of("sp=rl&st=2026-11-26&se=2028-01-01&sig=x"), ["sas-start is not valid before 2026-11-26"]);
    }
}
