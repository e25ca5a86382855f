//! What `drift` found, as the body of an issue: GitHub's Markdown, within a budget of characters.
//!
//! It is shortened by the steps of a plan. The verdict, the offers that drifted, and what could not be read are in every one
//! of them.

use std::fmt::Write as _;

use super::escape::code;
use super::{LIMIT, MarkdownOptions, Page, STEPS, Step};
use crate::drift::Drift;
use crate::render::view::{self, DriftReview, DriftedOffer, Sides, ViewOptions};
use crate::render::{inert, plural};

/// The text, within the limit if that is possible at all.
pub(crate) fn drift(drift: &Drift, options: MarkdownOptions) -> String {
    let review = view::drift(drift, ViewOptions { html_source: options.html_source, whole: options.verbose });
    let value_limit = if options.verbose { usize::MAX } else { LIMIT };
    let mut text = String::new();
    for step in STEPS.into_iter().filter(|step| *step <= Step::Counts) {
        text = inert(&Page { step, value_limit, budget: options.limit, out: String::new() }.drift(&review));
        if text.chars().count() <= options.limit {
            break;
        }
    }
    text
}

impl Page {
    fn drift(mut self, review: &DriftReview) -> String {
        // Found again by whoever keeps one issue up to date.
        self.out.push_str("<!-- offerctl:drift -->\n\n");
        self.block(&format!("**{}**", review.summary));
        match &review.bases {
            Ok(bases) => {
                let bases = bases.iter().map(|base| code(base)).collect::<Vec<_>>().join(", then ");
                self.block(&format!("Baseline: {bases}"));
            }
            Err(none) => self.block(&format!("Baseline: {none}.")),
        }
        if self.step > Step::Whole {
            self.block(&format!("Cut to {} characters: {}.", self.budget, self.step.says()));
        }
        self.unread_of_drift(review);
        if !review.undeclared.is_empty() {
            self.block("#### Not declared");
            let line = |(key, remark): &(String, &str)| format!("- {}: {remark}\n", code(key));
            self.block(&review.undeclared.iter().map(line).collect::<String>());
        }
        review.offers.iter().for_each(|offer| self.drifted(offer));
        self.out.truncate(self.out.trim_end().len());
        self.out + "\n"
    }

    fn unread_of_drift(&mut self, review: &DriftReview) {
        if review.unread.is_empty() {
            return;
        }
        self.block("#### Not read");
        let mut list = String::new();
        for (unread, what) in &review.unread {
            let hint = unread.hint.as_ref().map(|hint| format!("; hint: {}", code(hint))).unwrap_or_default();
            let _ = writeln!(list, "- {}: {what}: {}{hint}", code(&unread.key), code(&unread.cause));
        }
        self.block(&list);
    }

    fn drifted(&mut self, offer: &DriftedOffer) {
        let (key, file) = (code(&offer.key), code(&offer.file));
        if self.step >= Step::NoDetails {
            let drifted = plural(offer.drifted, "value");
            self.block(&format!("- {key} ({file}): {drifted} drifted, {} changed otherwise", offer.others));
            return;
        }
        let base = offer.base.as_ref().map(|base| format!(", {}", code(base))).unwrap_or_default();
        self.block(&format!("#### {key}"));
        self.block(&format!("{file}{base}"));
        let (drift, rest) = offer.sides.iter().partition::<Vec<_>, _>(|sides| sides.who.is_drift());
        drift.into_iter().for_each(|sides| self.sides(sides));
        if !rest.is_empty() {
            let others = plural(offer.others, "other change");
            self.block(&format!("<details><summary>{others}, no drift</summary>"));
            rest.into_iter().for_each(|sides| self.sides(sides));
            self.block("</details>");
        }
    }

    fn sides(&mut self, sides: &Sides) {
        let who = sides.who.describe();
        match sides.sides.as_slice() {
            [side] => self.block(&format!("**{who}** ({}):", side.direction)),
            _ => self.block(&format!("**{who}**:")),
        }
        for side in &sides.sides {
            if let Some(title) = side.title {
                self.block(&format!("{title} ({}):", side.direction));
            }
            side.items.iter().for_each(|item| self.item(item));
        }
        let note = |(address, note): &(String, String)| format!("- {}: {}\n", code(address), code(note));
        if !sides.notes.is_empty() {
            self.block(&sides.notes.iter().map(note).collect::<String>());
        }
    }
}
