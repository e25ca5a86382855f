//! Two states of offers, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::json::parts::{self, UnreadPart};
use super::{PlanOptions, json, not_read, plan_text, plural, visible};
use crate::model::{OfferKey, OfferName};
use crate::plan::Unread;
use crate::plan::view::{self, ChangeView};
use crate::report::Compared;

/// The text, ending in a line feed. The names are those of the two sides, where from and where to.
pub(crate) fn compared(
    (from, to): &(String, String),
    offers: &[Compared],
    unread: &[Unread],
    options: PlanOptions,
) -> String {
    let paint = options.paint;
    let mut out = format!("{}\n\n", paint.strong(&format!("{from} → {to}")));
    for offer in offers.iter().filter(|offer| !is_same(offer)) {
        let path = offer.path.as_deref().unwrap_or_default();
        let _ = writeln!(out, "{}", paint.strong(&offer.key.to_string()));
        for side in &offer.empty {
            let _ = writeln!(out, "  {} {side} holds nothing", paint.changed("!"));
        }
        out += &plan_text::changes(&offer.changes, path, options);
        for address in &offer.not_compared {
            let _ = writeln!(out, "  {} {}   not compared", paint.changed("?"), visible(&address.to_string(), false));
        }
        out.push('\n');
    }
    not_read(&mut out, unread, "not read", paint);
    if !unread.is_empty() {
        out.push('\n');
    }
    let same = offers.iter().filter(|offer| is_same(offer)).count();
    let differences = offers.iter().map(|offer| offer.changes.len()).sum();
    let rest = if same > 0 { format!("; {} without a difference", plural(same, "offer")) } else { String::new() };
    let missing =
        if unread.is_empty() { String::new() } else { format!("; {} not read", plural(unread.len(), "offer")) };
    let _ = writeln!(out, "{}{rest}{missing}.", plural(differences, "difference"));
    out
}

fn is_same(offer: &Compared) -> bool {
    let Compared { key: _, path: _, empty, changes, not_compared } = offer;
    empty.is_empty() && changes.is_empty() && not_compared.is_empty()
}

#[derive(Serialize)]
struct DiffDocument<'a> {
    from: &'a str,
    to: &'a str,
    offers: Vec<OfferDocument<'a>>,
    unread: Vec<UnreadPart<'a>>,
}

#[derive(Serialize)]
struct OfferDocument<'a> {
    #[serde(flatten)]
    offer: OfferName<&'a OfferKey>,
    file: Option<&'a str>,
    empty: &'a [String],
    changes: Vec<ChangeView<'a>>,
    not_compared: Vec<String>,
}

pub(crate) fn compared_json((from, to): &(String, String), offers: &[Compared], unread: &[Unread]) -> String {
    let offers = offers.iter().map(|Compared { key, path, empty, changes, not_compared }| OfferDocument {
        offer: key.name(),
        file: path.as_deref(),
        empty,
        changes: changes.iter().map(|change| view::change(change, path.as_deref())).collect(),
        not_compared: not_compared.iter().map(ToString::to_string).collect(),
    });
    let content = DiffDocument { from, to, offers: offers.collect(), unread: parts::unread(unread) };
    json::document("offerctl.diff", content)
}
