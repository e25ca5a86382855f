//! What follows the write of a draft: the steps, what the portal says they take, and what goes live with them.

use std::fmt::Write as _;

use super::plan_text::step_name;
use super::{Paint, changes_text, plural, visible};
use crate::plan::OfferPlan;
use crate::workspace::Through;

/// Adds the lines below the changes of an offer.
pub(super) fn release(out: &mut String, offer: &OfferPlan, paint: Paint) {
    if offer.release.is_empty() {
        return;
    }
    let steps = offer.release.iter().map(|step| step_name(*step)).collect::<Vec<_>>().join(" → ");
    let _ = writeln!(out, "    then: {steps}");
    if !offer.estimates.is_empty() {
        let told = offer
            .estimates
            .iter()
            .map(|step| format!("{} {}", visible(&step.step, false), visible(&step.estimate, false)));
        let told = told.collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "    {}", paint.dim(&format!("estimates of the portal: {told}")));
    }
    if offer.rides_along.is_empty() {
        return;
    }
    let edits = plural(offer.rides_along.len(), "edit");
    let when = if offer.through == Through::Live { "goes live with it" } else { "would go live with it" };
    let _ = writeln!(
        out,
        "    {} {when}: {edits} of the draft that no file asks for now   (production → draft)",
        paint.changed("!")
    );
    for change in &offer.rides_along {
        changes_text::change(out, change, "      ", "", paint);
    }
}
