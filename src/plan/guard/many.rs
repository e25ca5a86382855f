//! Guards of what no offer shows by itself: how many change at once, and when they go live.

use super::Finding;
use crate::model::Decimal;
use crate::plan::{Base, OfferPlan, ReleaseStep};
use crate::workspace::{Guard, Limits};

/// The token of what goes live outside of its window.
pub(crate) const OUTSIDE_WINDOW: &str = "outside-window";

/// Many offers that change at once, such as after an edit to all of them that went wrong. New offers do not count, and
/// neither do those that are only released. `unchanged` is the number of the other offers that exist.
pub(in crate::plan) fn offers(offers: &[OfferPlan], unchanged: usize, limits: &Limits) -> Option<Finding> {
    let exists = |offer: &&OfferPlan| matches!(offer.base, Base::Present { .. });
    let changed = offers.iter().filter(exists).filter(|offer| offer.write().is_some()).count();
    let existing = offers.iter().filter(exists).count() + unchanged;
    let whole = |count: usize| Decimal::whole(u32::try_from(count).unwrap_or(u32::MAX));
    let large = existing >= limits.offers_minimum as usize && {
        // So many per cent of all is a step from all to what is left of them.
        Decimal::moves_beyond(whole(existing), whole(existing - changed), limits.offers_percent)
    };
    let many = changed > limits.offers as usize;
    (many || large).then(|| {
        let Limits { offers, offers_percent, .. } = limits;
        let limit = match (many, large) {
            (true, true) => format!("{offers} and more than {offers_percent}%"),
            (true, false) => offers.to_string(),
            (false, _) => format!("{offers_percent}%"),
        };
        let message = format!("changes {changed} of {existing} offers at once, more than {limit}");
        Finding::guarded(Guard::ManyOffers, format!("many-offers:{changed}"), message)
    })
}

/// An offer that would go live while nothing may.
pub(in crate::plan) fn window(release: &[ReleaseStep], closed: Option<&str>) -> Option<Finding> {
    let why = closed.filter(|_| release.contains(&ReleaseStep::GoLive))?;
    let message = format!("goes live outside the publish window: {why}");
    Some(Finding::guarded(Guard::Window, OUTSIDE_WINDOW.to_owned(), message))
}
