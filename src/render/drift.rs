//! What `drift` found, for people and for programs.

use std::fmt::Write as _;

use serde_json::Value;

use super::plan_text::hunk_lines;
use super::view::NOT_READ;
use super::{Paint, apart, brief, counted, not_read, plural, sentence, visible};
use crate::drift::{Drift, Moved, OfferDrift, Undeclared, Unlisted, Who};

const LIMIT: usize = 100;
/// Texts from this length on are shown as hunks.
const LONG: usize = 60;

/// The text, ending in a line feed.
pub(crate) fn drift(drift: &Drift, paint: Paint) -> String {
    let mut out = String::new();
    let bases = if drift.bases.is_empty() {
        "none: without --base nobody can say which side moved".to_owned()
    } else {
        drift.bases.join(", then ")
    };
    let _ = writeln!(out, "Base: {}\n", visible(&bases, false));
    for offer in drift.offers.iter().filter(|offer| !offer.moved.is_empty()) {
        one_offer(&mut out, offer, drift.bases.len(), paint);
        out.push('\n');
    }
    for Undeclared { key, was_declared } in &drift.undeclared {
        let key = paint.strong(&key.to_string());
        let why = if *was_declared {
            "the files moved: no file declares it any more, and the portal still has it"
        } else {
            "on the portal, and no file declares it"
        };
        let _ = writeln!(out, "{} {key}   {why}", paint.changed("?"));
    }
    for Unlisted { publisher, cause, .. } in &drift.unlisted {
        let publisher = paint.strong(&format!("{publisher}/*"));
        let mark = paint.removed("?");
        let _ =
            writeln!(out, "{mark} {publisher}   its offers could not be listed; whether all are declared is not known");
        let _ = writeln!(out, "    {}", visible(cause, false));
    }
    not_read(&mut out, &drift.unread, "not read; whether it drifted is not known", paint);
    if !(drift.undeclared.is_empty() && drift.unlisted.is_empty() && drift.unread.is_empty()) {
        out.push('\n');
    }
    let _ = writeln!(out, "{}.", summary(drift));
    out
}

/// The verdict, and how many of each.
pub(super) fn summary(drift: &Drift) -> String {
    let count = |who| drift.offers.iter().flat_map(|offer| &offer.moved).filter(|moved| moved.who == who).count();
    let still = drift.offers.iter().filter(|offer| offer.moved.is_empty()).count();
    let counts = sentence([
        counted(count(Who::Portal), "moved on the portal"),
        counted(count(Who::Both), "in conflict"),
        counted(count(Who::Unknown), "moved by nobody knows whom"),
        counted(count(Who::File), "moved in the files"),
        counted(count(Who::Agreed), "moved on both sides alike"),
        counted(count(Who::Unmanaged), "moved on the portal beside the files"),
        counted(drift.undeclared.len(), "not declared"),
        counted(drift.unread.len(), "not read"),
        if drift.unlisted.is_empty() {
            String::new()
        } else {
            format!("{} not listed", plural(drift.unlisted.len(), "publisher"))
        },
        if still > 0 { format!("{} without a difference", plural(still, "offer")) } else { String::new() },
        match drift.not_read {
            0 => String::new(),
            count => format!("{} of them not read ({NOT_READ})", plural(count, "offer")),
        },
    ]);
    let verdict = match drift.count() {
        0 if drift.unread.is_empty() && drift.unlisted.is_empty() => "No drift",
        0 => "No drift in what was read",
        _ => "Drift",
    };
    if counts.is_empty() { verdict.to_owned() } else { format!("{verdict}: {counts}") }
}

fn one_offer(out: &mut String, offer: &OfferDrift, bases: usize, paint: Paint) {
    let base = match (&offer.base, &offer.why) {
        (Some(base), _) if bases > 1 => format!("   base: {}", visible(base, false)),
        (None, Some(why)) => format!("   no base: {}", visible(why, false)),
        _ => String::new(),
    };
    let _ = writeln!(out, "{}   {}{base}", paint.strong(&offer.key.to_string()), visible(&offer.path, false));
    for moved in &offer.moved {
        one_value(out, moved, paint);
    }
}

fn one_value(out: &mut String, moved: &Moved, paint: Paint) {
    let Moved { who, declared, note, .. } = moved;
    let mark = match who {
        Who::Portal | Who::Both => paint.removed("!"),
        Who::Unknown => paint.changed("?"),
        Who::File => paint.changed("~"),
        Who::Agreed | Who::Unmanaged => paint.dim("·"),
    };
    let place =
        declared.as_ref().map(|(file, line)| format!("   {}", paint.dim(&format!("{}:{line}", visible(file, false)))));
    let place = place.unwrap_or_default();
    let _ = writeln!(out, "  {mark} {}: {}{place}", address(moved), who.describe());
    if let Some(note) = note {
        let _ = writeln!(out, "      {note}");
    }
    for side in sides(moved) {
        match side {
            Side::Step { side, before, after } => step(out, side, before, after, paint),
            Side::Holds { side, value: held } => {
                let _ = writeln!(out, "      {side}: {}", value(held));
            }
        }
    }
}

/// What is known of one side.
pub(super) enum Side<'a> {
    Step {
        side: &'static str,
        before: Option<&'a Value>,
        after: Option<&'a Value>,
    },
    /// It holds this, and nobody knows what it held.
    Holds {
        side: &'static str,
        value: Option<&'a Value>,
    },
}

/// The sides that moved, with the values where there are some.
pub(super) fn sides(moved: &Moved) -> Vec<Side<'_>> {
    let Moved { who, base, portal, file, .. } = moved;
    let (base, portal, file) = (base.as_ref(), portal.as_ref(), file.as_ref());
    let step = |side, before: Option<_>, after: Option<_>| {
        (before.is_some() || after.is_some()).then_some(Side::Step { side, before, after })
    };
    let sides = match who {
        Who::Portal | Who::Unmanaged => [step("portal", base, portal), None],
        Who::File if base.is_none() && portal.is_some() => [step("file", portal, file), None],
        Who::File => [step("file", base, file), None],
        Who::Both => [step("portal", base, portal), step("file", base, file)],
        Who::Agreed => [step("both", base, file), None],
        Who::Unknown if portal.is_none() && file.is_none() => [None, None],
        Who::Unknown => {
            [Some(Side::Holds { side: "portal", value: portal }), Some(Side::Holds { side: "file", value: file })]
        }
    };
    sides.into_iter().flatten().collect()
}

/// Two texts that are better shown by what differs in them.
pub(super) fn long_texts<'a>(before: Option<&'a Value>, after: Option<&'a Value>) -> Option<(&'a str, &'a str)> {
    match (before, after) {
        (Some(Value::String(old)), Some(Value::String(new)))
            if old.len().max(new.len()) > LONG || old.contains('\n') || new.contains('\n') =>
        {
            Some((old, new))
        }
        _ => None,
    }
}

pub(super) fn address(moved: &Moved) -> String {
    match moved.address.to_string() {
        empty if empty.is_empty() => "the whole offer".to_owned(),
        address => visible(&address, false),
    }
}

pub(super) fn line(moved: &Moved) -> String {
    let side = |side| match side {
        Side::Step { side, before, after } => {
            let (before, after) = values(before, after);
            format!("{side}: {before} → {after}")
        }
        Side::Holds { side, value: held } => format!("{side}: {}", value(held)),
    };
    let what = sides(moved).into_iter().map(side).chain(moved.note.clone());
    match sentence(what) {
        what if what.is_empty() => format!("{}: {}", address(moved), moved.who.describe()),
        what => format!("{}: {} ({what})", address(moved), moved.who.describe()),
    }
}

fn step(out: &mut String, side: &str, before: Option<&Value>, after: Option<&Value>, paint: Paint) {
    if let Some((old, new)) = long_texts(before, after) {
        let (lines, words) = hunk_lines(old, new, paint);
        let _ = writeln!(out, "      {side}: ({})", plural(words, "word"));
        for line in lines.lines() {
            let _ = writeln!(out, "        {line}");
        }
        return;
    }
    let (old, new) = values(before, after);
    let (old, new) = (paint.removed(&old), paint.added(&new));
    let _ = writeln!(out, "      {side}: {old} → {new}");
}

/// The two sides of a step, in code points where they would look equal.
pub(super) fn values(before: Option<&Value>, after: Option<&Value>) -> (String, String) {
    match before.zip(after).and_then(|(before, after)| apart::values(before, after)) {
        Some((before, after)) => (value(Some(&before)), value(Some(&after))),
        None => (value(before), value(after)),
    }
}

pub(super) fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "(nothing)".to_owned(), |value| brief(value, LIMIT))
}
