//! Two states of offers, as text.

use super::layout::{Tone, span};
use super::plan_text::{Text, plain};
use super::view::{self, ViewOptions};
use super::{PlanOptions, plural, visible};
use crate::plan::Unread;
use crate::report::Compared;

/// The text, ending in a line feed. The names are those of the two sides, where from and where to.
pub(crate) fn compared(
    (from, to): &(String, String),
    offers: &[Compared],
    unread: &[Unread],
    options: PlanOptions,
) -> String {
    let mut text = Text::new(options);
    text.page.line(0, 2, &[span(Tone::Strong, format!("{from} → {to}"))]);
    text.page.blank();
    for offer in offers.iter().filter(|offer| !is_same(offer)) {
        text.compared(offer, ViewOptions { html_source: options.html_source, whole: options.verbose });
        text.page.blank();
    }
    unread.iter().for_each(|unread| text.not_read(&view::unread(unread), "not read"));
    if !unread.is_empty() {
        text.page.blank();
    }
    let same = offers.iter().filter(|offer| is_same(offer)).count();
    let differences = offers.iter().map(|offer| offer.changes.len()).sum();
    let rest = if same > 0 { format!("; {} without a difference", plural(same, "offer")) } else { String::new() };
    let missing =
        if unread.is_empty() { String::new() } else { format!("; {} not read", plural(unread.len(), "offer")) };
    text.page.line(0, 2, &[plain(format!("{}{rest}{missing}.", plural(differences, "difference")))]);
    text.finish()
}

impl Text {
    fn compared(&mut self, offer: &Compared, options: ViewOptions) {
        self.page.line(0, 2, &[span(Tone::Strong, offer.key.to_string())]);
        for side in &offer.empty {
            self.page.line(2, 4, &[span(Tone::Changed, "!"), plain(format!(" {side} is empty"))]);
        }
        let files = |file| offer.file(file).unwrap_or_default();
        let items = view::items(&offer.changes, offer.document.as_ref(), &files, options);
        items.iter().for_each(|item| self.item(item));
        for address in &offer.not_compared {
            let address = visible(&address.to_string(), false);
            self.page.line(2, 4, &[span(Tone::Changed, "?"), plain(format!(" {address}   not compared"))]);
        }
    }
}

fn is_same(offer: &Compared) -> bool {
    let Compared { key: _, files: _, empty, changes, document: _, not_compared } = offer;
    empty.is_empty() && changes.is_empty() && not_compared.is_empty()
}
