//! The listing as a customer would see it, before and after: from the portal's document, and from that with the patch.
//!
//! Descriptions are cleaned of everything but text markup. Pictures are told by their addresses, not loaded.

use std::collections::{HashMap, HashSet};

use ammonia::Builder;
use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use crate::document::is_empty;
use crate::plan::{Base, OfferPlan};
use crate::render::visible;

/// What the marketplace keeps in a description.
const TAGS: [&str; 19] =
    ["p", "br", "ul", "ol", "li", "b", "i", "u", "strong", "em", "a", "h1", "h2", "h3", "h4", "h5", "h6", "sub", "sup"];
/// Characters of one description that are shown.
const LONGEST: usize = 20_000;
/// Parts of the listing: the name of the field after its prefix, what it is called, and what it holds.
const PARTS: [(&str, &str, Kind); 12] = [
    ("title", "Title", Kind::Title),
    ("summary", "Summary", Kind::Text),
    ("longSummary", "Long summary", Kind::Text),
    ("description", "Description", Kind::Html),
    ("categoryMap", "Categories", Kind::Names),
    ("usefulLinks", "Links", Kind::Names),
    ("privacyURL", "Privacy", Kind::Text),
    ("termsOfUse", "Terms of use", Kind::Html),
    ("smallLogo", "Small logo", Kind::Text),
    ("largeLogo", "Large logo", Kind::Text),
    ("screenshots", "Screenshots", Kind::Names),
    ("videos", "Videos", Kind::Names),
];
const PLAN_PARTS: [(&str, &str, Kind); 8] = [
    ("skuTitle", "Title", Kind::Title),
    ("skuSummary", "Summary", Kind::Text),
    ("skuLongSummary", "Long summary", Kind::Text),
    ("skuDescription", "Description", Kind::Html),
    ("skuDescriptionPublicAzure", "Description", Kind::Html),
    ("virtualMachinePricing", "Price", Kind::Numbers),
    ("monthlyPricing", "Price", Kind::Numbers),
    ("regions", "Sold in", Kind::Names),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Title,
    Text,
    Html,
    Names,
    Numbers,
}

/// A part of a listing in one of its states.
struct Part<'a> {
    name: &'static str,
    kind: Kind,
    value: &'a Value,
    differs: bool,
}

/// Both states, where anything in them differs.
pub(super) fn listing(offer: &OfferPlan) -> Markup {
    let before = match &offer.base {
        Base::Absent => &Value::Null,
        Base::Present { document, .. } => document,
    };
    let Ok(after) = offer.diff.patch.preview(before) else {
        return html! { p.remark { "The listing cannot be shown: the plan does not fit the portal's document." } };
    };
    let (old, new) = (Listing::of(before, &after), Listing::of(&after, before));
    if !old.differs() && !new.differs() {
        return html! { p.remark { "What customers see of the listing stays as it is." } };
    }
    html! {
        details.listings open {
            summary { "The listing as customers see it" }
            div.cards {
                (card("Before", &old, before.is_null()))
                (card("After", &new, false))
            }
        }
    }
}

struct Listing<'a> {
    parts: Vec<Part<'a>>,
    plans: Vec<(String, Vec<Part<'a>>)>,
}

impl<'a> Listing<'a> {
    fn of(document: &'a Value, other: &'a Value) -> Self {
        let others = plans(other).map(|plan| (id(plan), plan)).collect::<HashMap<_, _>>();
        let like = |plan| *others.get(id(plan)).unwrap_or(&&Value::Null);
        let plans = plans(document).map(|plan| (visible(id(plan), false), parts(&PLAN_PARTS, plan, like(plan))));
        let offer = |document| Value::pointer(document, "/definition/offer").unwrap_or(&Value::Null);
        Self { parts: parts(&PARTS, offer(document), offer(other)), plans: plans.collect() }
    }

    fn differs(&self) -> bool {
        self.parts.iter().chain(self.plans.iter().flat_map(|(_, parts)| parts)).any(|part| part.differs)
    }
}

fn plans(document: &Value) -> impl Iterator<Item = &Value> {
    document.pointer("/definition/plans").and_then(Value::as_array).into_iter().flatten()
}

fn id(plan: &Value) -> &str {
    plan.get("planId").and_then(Value::as_str).unwrap_or_default()
}

fn parts<'a>(known: &[(&'static str, &'static str, Kind)], object: &'a Value, other: &Value) -> Vec<Part<'a>> {
    let part = |(key, name, kind): &(&'static str, &'static str, Kind)| {
        let value = named(object, key).filter(|value| !is_empty(value))?;
        let differs = named(other, key) != Some(value);
        Some(Part { name, kind: *kind, value, differs })
    };
    known.iter().filter_map(part).collect()
}

/// Returns the field whose name ends in a name.
fn named<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let own = |key: &str| key.rsplit('.').next() == Some(name) && !key.contains("testdrive");
    object.as_object()?.iter().find(|(key, _)| own(key)).map(|(_, value)| value)
}

fn card(name: &str, listing: &Listing, absent: bool) -> Markup {
    html! {
        section.card aria-label=(name) {
            p.state { (name) }
            @if absent { p.remark { "The offer does not exist." } }
            @for part in &listing.parts { (self::part(part)) }
            @for (id, parts) in &listing.plans {
                div.plan { p.state { "Plan " code { (id) } } @for part in parts { (self::part(part)) } }
            }
        }
    }
}

fn part(part: &Part) -> Markup {
    html! {
        div class=(if part.differs { "part differs" } else { "part" }) {
            p.name { (part.name) @if part.differs { " " span.mark { "differs" } } }
            @match (part.kind, part.value) {
                (Kind::Title, Value::String(text)) => { p.title { (short(text)) } },
                (Kind::Html, Value::String(text)) => { div.html { (PreEscaped(clean(text))) } },
                (_, Value::String(text)) => { p { (short(text)) } },
                (Kind::Numbers, value) => { ul { @for line in numbers(value) { li { (line) } } } },
                (_, value) => { p { (names(value).join(", ")) } },
            }
        }
    }
}

/// A text no longer than a page can bear.
fn short(text: &str) -> String {
    let shown = visible(&text.chars().take(LONGEST).collect::<String>(), true);
    if text.chars().nth(LONGEST).is_some() { shown + " … (cut)" } else { shown }
}

/// HTML with text markup only. Headings become blocks that look like them: the page has an outline of its own.
fn clean(text: &str) -> String {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(TAGS))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"]))]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"));
    let clean = builder.clean(&short(text)).to_string();
    (1..=6).fold(clean, |text, level| {
        let text = text.replace(&format!("<h{level}>"), &format!("<div class=\"h{level}\">"));
        text.replace(&format!("</h{level}>"), "</div>")
    })
}

fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![short(text)],
        Value::Array(items) => items.iter().flat_map(names).collect(),
        Value::Object(map) => map.values().flat_map(names).collect(),
        Value::Null => Vec::new(),
        plain => vec![plain.to_string()],
    }
}

/// Steps to a price that customers do not see.
const WRAPPERS: [&str; 4] = ["coreMultiplier", "multiplier", "individually", "regionPrices"];

/// The numbers and texts in a value, each with the names on the way to it.
fn numbers(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_numbers(value, "", &mut found);
    found
}

fn collect_numbers(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let below = match WRAPPERS.contains(&key.as_str()) {
                    true => name.to_owned(),
                    false => format!("{name} {key}").trim_start().to_owned(),
                };
                collect_numbers(value, &below, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_numbers(item, name, found)),
        Value::Null => {}
        Value::String(text) => found.push(format!("{}: {}", visible(name, false), short(text))),
        plain => found.push(format!("{}: {plain}", visible(name, false))),
    }
}
