//! What `drift` found, as the body of an issue: GitHub's Markdown, within a budget of characters.
//!
//! It degrades by steps: first the texts that differ go, then the values, then the values' places. The verdict, the offers
//! that drifted, and what could not be read are in every one of them.

use std::fmt::Write as _;

use super::super::drift::{Side, address, long_texts, sides, summary, value, values};
use super::super::{Paint, inert, plan_text, plural};
use super::escape::{code, fence};
use crate::drift::{Drift, Moved, OfferDrift, Unlisted};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Whole,
    /// Without the hunks of long texts.
    NoTexts,
    NoValues,
    /// Numbers of values in each offer.
    Counts,
}

const STEPS: [Step; 4] = [Step::Whole, Step::NoTexts, Step::NoValues, Step::Counts];

impl Step {
    fn says(self) -> &'static str {
        match self {
            Self::Whole => "nothing is left out",
            Self::NoTexts => "long texts are left out",
            Self::NoValues => "values are left out",
            Self::Counts => "of the values, only numbers are left",
        }
    }
}

/// The text, within `limit` characters if that is possible at all.
pub(crate) fn drift(drift: &Drift, limit: usize) -> String {
    let mut text = String::new();
    for step in STEPS {
        text = inert(&page(drift, step, limit));
        if text.chars().count() <= limit {
            break;
        }
    }
    text
}

fn page(drift: &Drift, step: Step, limit: usize) -> String {
    // Found again by whoever keeps one issue up to date.
    let mut out = "<!-- offerctl:drift -->\n\n".to_owned();
    block(&mut out, &format!("**{}**", summary(drift)));
    let bases = drift.bases.iter().map(|base| code(base)).collect::<Vec<_>>().join(", then ");
    block(
        &mut out,
        &match bases.as_str() {
            "" => "Base: none, so nobody can say which side moved.".to_owned(),
            bases => format!("Base: {bases}"),
        },
    );
    if step > Step::Whole {
        block(&mut out, &format!("Cut to {limit} characters: {}.", step.says()));
    }
    not_read(&mut out, drift);
    undeclared(&mut out, drift);
    for offer in drift.offers.iter().filter(|offer| !offer.moved.is_empty()) {
        one_offer(&mut out, offer, drift.bases.len(), step);
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

fn block(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push_str("\n\n");
}

fn not_read(out: &mut String, drift: &Drift) {
    if drift.unread.is_empty() && drift.unlisted.is_empty() {
        return;
    }
    block(out, "#### Not read, so whether it drifted is not known");
    let mut list = String::new();
    for unread in &drift.unread {
        let hint = unread.hint.as_ref().map(|hint| format!("; hint: {}", code(hint))).unwrap_or_default();
        let _ = writeln!(list, "- {}: {}{hint}", code(&unread.key.to_string()), code(&unread.cause));
    }
    for Unlisted { publisher, cause, .. } in &drift.unlisted {
        let publisher = code(&format!("{publisher}/*"));
        let _ = writeln!(list, "- {publisher}, whose offers could not be listed: {}", code(cause));
    }
    block(out, &list);
}

fn undeclared(out: &mut String, drift: &Drift) {
    if drift.undeclared.is_empty() {
        return;
    }
    block(out, "#### On the portal, and in no file");
    let line = |one: &crate::drift::Undeclared| {
        let how = match (one.was_declared, drift.count_undeclared) {
            (true, _) => ": a file declared it at the base",
            (false, true) => "",
            (false, false) => ": allowed",
        };
        format!("- {}{how}\n", code(&one.key.to_string()))
    };
    block(out, &drift.undeclared.iter().map(line).collect::<String>());
}

fn one_offer(out: &mut String, offer: &OfferDrift, bases: usize, step: Step) {
    let (drifted, rest) = offer.moved.iter().partition::<Vec<_>, _>(|moved| moved.who.is_drift());
    let base = match (&offer.base, &offer.why) {
        (Some(base), _) if bases > 1 => format!(", base: {}", code(base)),
        (None, Some(why)) => format!(", no base: {}", code(why)),
        _ => String::new(),
    };
    let (key, path) = (code(&offer.key.to_string()), code(&offer.path));
    if step == Step::Counts {
        let drifted = plural(drifted.len(), "value");
        return block(out, &format!("- {key} ({path}): {drifted} drifted, {} moved otherwise", rest.len()));
    }
    block(out, &format!("#### {key}"));
    block(out, &format!("{path}{base}"));
    drifted.iter().for_each(|moved| one_value(out, moved, step));
    if !rest.is_empty() {
        block(out, &format!("<details><summary>{} otherwise, no drift</summary>", plural(rest.len(), "move")));
        rest.iter().for_each(|moved| one_value(out, moved, step));
        block(out, "</details>");
    }
}

fn one_value(out: &mut String, moved: &Moved, step: Step) {
    let place = moved
        .declared
        .as_ref()
        .map(|(file, line)| format!(" ({})", code(&format!("{file}:{line}"))))
        .unwrap_or_default();
    let mut text = format!("- **{}**: {}{place}\n", moved.who.describe(), code(&address(moved)));
    if let Some(note) = &moved.note {
        let _ = writeln!(text, "  - {}", code(note));
    }
    let mut hunks = Vec::new();
    for side in sides(moved).iter().filter(|_| step < Step::NoValues) {
        let _ = match side {
            Side::Step { side, before, after } => match long_texts(*before, *after) {
                Some((old, new)) => {
                    let (lines, words) = plan_text::hunk_lines(old, new, Paint { color: false });
                    hunks.push(lines);
                    writeln!(text, "  - {side}: {}", plural(words, "word"))
                }
                None => {
                    let (before, after) = values(*before, *after);
                    writeln!(text, "  - {side}: {} → {}", code(&before), code(&after))
                }
            },
            Side::Holds { side, value: held } => writeln!(text, "  - {side}: {}", code(&value(*held))),
        };
    }
    block(out, &text);
    for hunk in hunks.iter().filter(|_| step < Step::NoTexts) {
        block(out, &fence("diff", &hunk.lines().map(str::to_owned).collect::<Vec<_>>()));
    }
}
