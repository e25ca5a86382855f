//! Two states of offers, as text.

use std::fmt::Write as _;

use super::{PlanOptions, not_read, plan_text, plural, visible};
use crate::plan::Unread;
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
        let _ = writeln!(out, "{}", paint.strong(&offer.key.to_string()));
        for side in &offer.empty {
            let _ = writeln!(out, "  {} {side} holds nothing", paint.changed("!"));
        }
        out += &plan_text::changes(&offer.changes, &|file| offer.file(file).unwrap_or_default(), options);
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
    let Compared { key: _, files: _, empty, changes, not_compared } = offer;
    empty.is_empty() && changes.is_empty() && not_compared.is_empty()
}
