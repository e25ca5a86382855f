//! What `drift` found, as text.

use super::PlanOptions;
use super::layout::{Tone, span};
use super::plan_text::{Text, plain};
use super::view::{self, DriftReview, DriftedOffer, Sides, ViewOptions};
use crate::drift::{Drift, Who};

/// The text, ending in a line feed.
pub(crate) fn drift(drift: &Drift, options: PlanOptions) -> String {
    let view = ViewOptions { html_source: options.html_source, whole: options.verbose };
    let review = view::drift(drift, view);
    let mut text = Text::new(options);
    text.drift(&review);
    text.finish()
}

impl Text {
    fn drift(&mut self, review: &DriftReview) {
        let DriftReview { summary, bases, offers, undeclared, unread } = review;
        let bases = match bases {
            Ok(bases) => bases.join(", then "),
            Err(none) => format!("{none}."),
        };
        self.page.line(0, 2, &[plain(format!("Baseline: {bases}"))]);
        self.page.blank();
        for offer in offers {
            self.drifted(offer);
            self.page.blank();
        }
        for (key, remark) in undeclared {
            let key = [span(Tone::Changed, "?"), plain(" "), span(Tone::Strong, key), plain(format!("   {remark}"))];
            self.page.line(0, 4, &key);
        }
        unread.iter().for_each(|(unread, what)| self.not_read(unread, what));
        if !(undeclared.is_empty() && unread.is_empty()) {
            self.page.blank();
        }
        self.page.line(0, 2, &[plain(format!("{summary}."))]);
    }

    fn drifted(&mut self, offer: &DriftedOffer) {
        let base = offer.base.as_ref().map(|base| format!("   {base}")).unwrap_or_default();
        let file = plain(format!("   {}{base}", offer.file));
        self.page.line(0, 4, &[span(Tone::Strong, &offer.key), file]);
        offer.sides.iter().for_each(|sides| self.sides(sides));
    }

    fn sides(&mut self, sides: &Sides) {
        let (tone, sign) = match sides.who {
            Who::Portal | Who::Both => (Tone::Removed, "!"),
            Who::Unknown => (Tone::Changed, "?"),
            Who::File => (Tone::Changed, "~"),
            Who::Agreed | Who::Unmanaged => (Tone::Dim, "="),
        };
        let mut head = vec![span(tone, sign), plain(format!(" {}", sides.who.describe()))];
        if let [side] = sides.sides.as_slice() {
            head.push(span(Tone::Dim, format!("   ({})", side.direction)));
        }
        self.page.line(2, 4, &head);
        for side in &sides.sides {
            self.page.margin = 2;
            if let Some(title) = side.title {
                self.page.line(2, 4, &[plain(title), span(Tone::Dim, format!("   ({})", side.direction))]);
                self.page.margin = 4;
            }
            side.items.iter().for_each(|item| self.item(item));
            self.page.margin = 0;
        }
        for (address, note) in &sides.notes {
            self.page.line(4, 6, &[span(Tone::Dim, format!("{address}: {note}"))]);
        }
    }
}
