//! What a plan does not cover, or was not made from.

use std::fmt::Write as _;

use super::{duration, plural, visible};
use crate::plan::{Plan, Since, Taken};

/// Lines below a plan that is not of all offers; nothing below any other.
#[must_use]
pub fn scope(plan: &Plan) -> String {
    let mut out = String::new();
    if let Some(Since { revision, left_out }) = &plan.since {
        let offers = plural(*left_out, "offer");
        let _ = writeln!(out, "Left out: {offers} whose files did not change since {}.", visible(revision, false));
    }
    if let Some(Taken { portal, taken, age_seconds }) = &plan.snapshot {
        let (portal, taken) = (visible(portal, false), visible(taken, false));
        let age = duration(*age_seconds);
        let _ = writeln!(out, "Planned against a snapshot of {portal}, {age} old ({taken}); it cannot be applied.");
    }
    out
}
