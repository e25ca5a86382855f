//! What a plan does not cover, or was not made from.

use std::fmt::Write as _;

use super::{plural, visible};
use crate::plan::{Plan, Since};

/// Lines below a plan that is not of all offers; nothing below any other.
#[must_use]
pub fn scope(plan: &Plan) -> String {
    let mut out = String::new();
    if let Some(Since { revision, left_out }) = &plan.since {
        let offers = plural(*left_out, "offer");
        let _ = writeln!(out, "Left out: {offers} whose files did not change since {}.", visible(revision, false));
    }
    out
}
