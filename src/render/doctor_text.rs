//! What was looked at, line by line, each with its verdict and the next thing to do.

use std::fmt::Write as _;

use super::{Paint, plural, visible};
use crate::report::{Check, Verdict};

/// One line for each check, and a last one that says how many are bad.
pub(crate) fn doctor(checks: &[Check], paint: Paint) -> String {
    let mut out = String::new();
    for Check { name, verdict } in checks {
        let (symbol, word, text) = match verdict {
            Verdict::Good(text) => (paint.added("✓"), "ok", text),
            Verdict::Bad { what, .. } => (paint.removed("✗"), "bad", what),
            Verdict::Unknown(why) => (paint.changed("?"), "not checked", why),
        };
        let _ = writeln!(out, "{symbol} {}   {word}: {}", paint.strong(name), visible(text, false));
        if let Verdict::Bad { next, .. } = verdict {
            let _ = writeln!(out, "    next: {}", visible(next, false));
        }
    }
    let count = |test: fn(&Verdict) -> bool| checks.iter().filter(|check| test(&check.verdict)).count();
    let (bad, unknown) = (count(|v| matches!(v, Verdict::Bad { .. })), count(|v| matches!(v, Verdict::Unknown(_))));
    let _ = match (bad, unknown) {
        (0, 0) => writeln!(out, "All checks passed."),
        (0, _) => writeln!(out, "No check failed; {} could not be made.", plural(unknown, "check")),
        _ => writeln!(out, "{} of {} failed.", bad, plural(checks.len(), "check")),
    };
    out
}
