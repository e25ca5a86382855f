//! Two states of offers, for people and for programs.

use std::fmt::Write as _;

use serde_json::json;

use super::{Paint, json, plan_text, plural, visible};
use crate::diff::Change;
use crate::plan::{Risk, Unread};
use crate::report::Compared;

/// The text, ending in a line feed. The names are those of the two sides, where from and where to.
#[must_use]
pub fn compared((from, to): &(String, String), offers: &[Compared], unread: &[Unread], paint: Paint) -> String {
    let mut out = format!("{}\n\n", paint.strong(&format!("{from} → {to}")));
    for offer in offers.iter().filter(|offer| !is_same(offer)) {
        let path = offer.path.as_deref().unwrap_or_default();
        let _ = writeln!(out, "{}", paint.strong(&offer.key.to_string()));
        for side in &offer.empty {
            let _ = writeln!(out, "  {} {side} holds nothing", paint.changed("!"));
        }
        out.push_str(&plan_text::changes(&offer.changes, &visible(path, false), paint));
        for address in &offer.not_compared {
            let _ = writeln!(out, "  {} {}   not compared", paint.changed("?"), visible(&address.to_string(), false));
        }
        out.push('\n');
    }
    for unread in unread {
        let key = paint.strong(&unread.key.to_string());
        let _ = writeln!(out, "{} {key}   not read\n    {}", paint.removed("?"), visible(&unread.cause, false));
        if let Some(hint) = &unread.hint {
            let _ = writeln!(out, "    hint: {hint}");
        }
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

/// The JSON document.
#[must_use]
pub fn compared_json((from, to): &(String, String), offers: &[Compared], unread: &[Unread]) -> String {
    let change = |change: &Change| {
        let mut document = serde_json::to_value(&change.kind).unwrap_or_default();
        document["address"] = json!(change.address.to_string());
        document["path"] = json!(change.pointer.to_string());
        document["risk"] = json!(Risk::of(change));
        document["line"] = if change.line > 0 { json!(change.line) } else { json!(null) };
        document
    };
    let offers = offers.iter().map(|offer| {
        json!({
            "offer": offer.key, "file": offer.path, "empty": offer.empty,
            "changes": offer.changes.iter().map(change).collect::<Vec<_>>(),
            "not_compared": offer.not_compared.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    });
    let content = json!({"from": from, "to": to, "offers": offers.collect::<Vec<_>>(), "unread": unread});
    json::document("offerctl.diff", content)
}
