//! Shared access signatures of image URLs: how long they last, and what they allow.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::{Offer, found};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::document::{Flow, Path, walk};
use crate::model::{Address, Kind};
use crate::sas;
use crate::schema::Shape;
use crate::workspace::Desired;

/// Certification and publishing read an image for up to this long.
const DAYS: i64 = 21;

/// Visits the address of every image and disk.
fn images(offer: &Offer<'_>, visit: &mut impl FnMut(&str, &Url, Span)) {
    offer.entries(&mut |entry, shape| {
        let ending = entry.key.len().checked_sub("vhdurl".len()).and_then(|at| entry.key.as_bytes().get(at..));
        let is_vhd = ending.is_some_and(|ending| ending.eq_ignore_ascii_case(b"vhdurl"));
        let is_image = !shape.rules.ignore_query.is_empty() || is_vhd;
        // What `!sas` signs is checked when the file is read.
        let is_signed_later = matches!(entry.value.kind, Kind::Sas(_));
        let text = entry.value.as_str().map(str::trim).filter(|_| is_image && !is_signed_later);
        let Some(text) = text else { return };
        if let Ok(url) = Url::parse(text) {
            visit(text, &url, entry.value.span);
        }
    });
}

/// What keeps an address from being that of a signed file, and how to write it.
fn fault(text: &str, url: &Url) -> Option<(&'static str, &'static str)> {
    let signed = "add the query of a container signature: `?sp=rl&sr=c&st=…&se=…&sig=…`";
    if text.contains("\\u0026") || text.contains("&amp;") {
        return Some((
            "separates its parameters with an escaped `&`",
            "write `&` itself, as the storage account shows it",
        ));
    }
    if url.path().contains("%20") {
        return Some(("has white space in the name of its file", "give the file a name without white space"));
    }
    match url.query() {
        None | Some("") => Some(("has no signature", signed)),
        Some(_) if url.query_pairs().all(|(name, value)| name != "sig" || value.is_empty()) => {
            Some(("has no signature (`sig` is missing)", signed))
        }
        Some(_) => None,
    }
}

pub(super) fn form(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    images(offer, &mut |text, url, span| {
        if let Some((what, help)) = fault(text, url) {
            findings.push(offer.found(Code::SasForm, span, format!("the address of this image {what}")).help(help));
        }
    });
}

/// Visits every signed URL of an image or disk.
fn signed(offer: &Offer<'_>, visit: &mut impl FnMut(&Signature, Span)) {
    images(offer, &mut |text, url, span| {
        if fault(text, url).is_none() {
            visit(&Signature(url.clone()), span);
        }
    });
}

/// The query of a signed URL.
struct Signature(Url);

impl Signature {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Whether lifetime and rights are kept at the storage account instead.
    fn by_policy(&self) -> bool {
        self.get("si").is_some()
    }

    /// A moment of the query, or what is wrong with it.
    fn moment(&self, name: &str) -> Option<Result<Timestamp, String>> {
        let text = self.get(name)?.into_owned();
        if text.parse::<Date>().is_ok() && !text.contains(['T', 't']) {
            return Some(Err(format!("is a date without a time: `{name}={text}`")));
        }
        let parsed = sas::moment(&text).ok_or(());
        Some(parsed.map_err(|_| format!("is not a time: `{name}={text}`")))
    }
}

pub(super) fn expiry(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    let now = offer.context.now;
    signed(offer, &mut |signature, span| {
        let message = match signature.moment("se") {
            None if signature.by_policy() => return,
            None => "the signature of this URL has no expiry time (`se`)".to_owned(),
            Some(Err(why)) => format!("the expiry time of this URL's signature {why}"),
            Some(Ok(end)) if end <= now => format!("the signature of this URL expired on {}", day(end)),
            Some(Ok(end)) if end.duration_since(now) < SignedDuration::from_hours(24 * DAYS) => {
                format!("the signature of this URL expires on {}, within {DAYS} days", day(end))
            }
            Some(Ok(_)) => return,
        };
        let help = format!("sign the URL again, for more than the {DAYS} days that certification may take");
        findings.push(offer.found(Code::SasExpiry, span, message).help(help));
    });
}

pub(super) fn permissions(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    signed(offer, &mut |signature, span| {
        let message = match signature.get("sp") {
            None if signature.by_policy() => return,
            None => "the signature of this URL has no permissions (`sp` is missing)".to_owned(),
            Some(allowed) => match (allowed.contains('r'), allowed.contains('l')) {
                (true, true) if signature.get("sr").as_deref() == Some("b") => {
                    "the signature of this URL is for one file (`sr=b`) and lacks the permission to list".to_owned()
                }
                (true, true) => return,
                (true, false) => "the signature of this URL lacks the permission to list".to_owned(),
                (false, true) => "the signature of this URL lacks the permission to read".to_owned(),
                (false, false) => "the signature of this URL lacks the permissions to read and to list".to_owned(),
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
            Some(Err(why)) => format!("the start time of this URL's signature {why}"),
            None if !signature.by_policy() => "the signature of this URL has no start time (`st`)".to_owned(),
            _ => return,
        };
        let help = "sign it with a start time one day in the past, because clocks differ";
        findings.push(offer.found(Code::SasStart, span, message).help(help));
    });
}

/// Finds declared blobs whose live signature ends soon: by address, when each ends as far as it is known.
pub(crate) fn live_signatures(
    desired: &Desired,
    live: &BTreeMap<&Address, Option<&str>>,
    shape: &Shape,
    now: Timestamp,
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    walk(&*desired.document, shape, &Path::default(), &mut |at, node, _| {
        let end = match &node.kind {
            Kind::Sas(_) => live.get(&at.address()).copied().flatten().and_then(sas::moment),
            _ => None,
        };
        if let Some(end) = end.filter(|end| end.duration_since(now) < SignedDuration::from_hours(24 * DAYS)) {
            let when = if end <= now { "ended" } else { "ends" };
            let message = format!("the live signature of this address {when} on {}", day(end));
            let help = "run `offerctl apply --resend` to sign it again, if the portal still has to read the image";
            findings.push(found(desired, Code::SasExpiry, node.span, message).help(help));
        }
        Flow::Into
    });
    findings
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
        let signed = |query: &str| of(&format!("st=2026-11-24T12:00:00Z&sig=x&{query}"));
        assert_eq!(signed("sp=rl&sr=c&se=2026-12-16T12:00:00Z"), none);
        assert_eq!(signed("sp=racwdl&se=2027-01-01T00:00Z"), none);
        assert_eq!(of("si=policy&sig=x"), none);
        assert_eq!(signed("sp=rl&se=2026-12-16T11:59:59Z"), ["sas-expiry expires on 2026-12-16, within 21 days"]);
        assert_eq!(signed("sp=rl&se=2026-12-01T00%3A00Z"), ["sas-expiry expires on 2026-12-01, within 21 days"]);
        assert_eq!(signed("sp=rl&se=2026-11-25T12:00:00Z"), ["sas-expiry expired on 2026-11-25"]);
        assert_eq!(signed("sp=rl"), ["sas-expiry has no expiry time (`se`)"]);
        let end = |what: &str| vec![format!("sas-expiry 5:19 the expiry time of this URL's signature is {what}")];
        assert_eq!(signed("sp=rl&se=soon"), end("not a time: `se=soon`"));
        assert_eq!(signed("sp=rl&se=2027-01-01"), end("a date without a time: `se=2027-01-01`"));
        let lasting = |query: &str| signed(&format!("se=2028-01-01T00:00:00Z&{query}"));
        assert_eq!(lasting("sp=r"), ["sas-permissions lacks the permission to list"]);
        assert_eq!(lasting("sp=l"), ["sas-permissions lacks the permission to read"]);
        assert_eq!(lasting(""), ["sas-permissions has no permissions (`sp` is missing)"]);
        let blob = "sas-permissions is for one file (`sr=b`) and lacks the permission to list";
        assert_eq!(lasting("sp=rl&sr=b"), [blob]);
        let starting = |start: &str| of(&format!("sp=rl&se=2028-01-01T00:00:00Z&sig=x{start}"));
        assert_eq!(starting("&st=2026-11-26T00:00:00Z"), ["sas-start is not valid before 2026-11-26"]);
        assert_eq!(starting(""), ["sas-start has no start time (`st`)"]);
        let date = "sas-start 5:19 the start time of this URL's signature is a date without a time: `st=2026-11-01`";
        assert_eq!(starting("&st=2026-11-01"), [date]);
    }

    #[test]
    fn an_address_is_that_of_a_signed_file() {
        let form = |address: &str| {
            let text = format!("plans:\n  - planId: a\n    vmImages:\n      1.0.0:\n        osVhdUrl: '{address}'");
            said(&text).iter().map(|line| line.replace("sas-form 5:19 the address of this image ", "")).collect()
        };
        let query = "sp=rl&st=2026-11-24T12:00:00Z&se=2028-01-01T00:00:00Z&sig=x";
        let vhd = "https://h.blob.core.windows.net/c/v.vhd";
        let is = |address: String, said: &str| {
            let found: Vec<String> = form(&address);
            assert_eq!(found, if said.is_empty() { vec![] } else { vec![said.to_owned()] }, "{address}");
        };
        is(format!("{vhd}?{query}"), "");
        is(vhd.to_owned(), "has no signature");
        let tagged = format!(
            "plans:\n  - planId: a\n    vmImages:\n      1.0.0:\n        osVhdUrl: !sas {}",
            vhd.replace("//h.", "//hhh.").replace("/c/", "/ccc/")
        );
        assert_eq!(said(&tagged), Vec::<String>::new());
        is(format!("{vhd}?"), "has no signature");
        is(format!("{vhd}?{}", query.replace("&sig=x", "")), "has no signature (`sig` is missing)");
        is(format!("{vhd}?{}", query.replace("&sig=x", "&sig=")), "has no signature (`sig` is missing)");
        is(format!("{vhd}?{}", query.replace('&', "\\u0026")), "separates its parameters with an escaped `&`");
        is(format!("{vhd}?{}", query.replace('&', "&amp;")), "separates its parameters with an escaped `&`");
        for name in ["my disk.vhd", "my%20disk.vhd"] {
            is(format!("{vhd}/{name}?{query}"), "has white space in the name of its file");
        }
    }
}
