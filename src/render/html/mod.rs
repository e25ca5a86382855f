//! The plan as one page: it needs no script, no network and no other file. Policy and escaping both keep what is not
//! trusted from doing anything.

mod diff;
mod listing;

use base64::Engine as _;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::view::{
    Act, Body, Counts, Deletion, Fields, FindingReview, Item, OfferReview, PriceTable, Review, Version, ViewOptions,
    review,
};
use super::{brief, plural, visible};
use crate::plan::{OfferPlan, Plan};

const STYLE: &str = include_str!("style.css");
/// Characters of a value on one line.
const LIMIT: usize = 400;

pub(crate) fn plan(plan: &Plan, html_source: bool) -> String {
    let review = review(plan, ViewOptions { html_source, whole: false });
    let summary = if review.is_empty() { review.nothing() } else { review.summary() };
    let title = format!("Plan {}: {summary}", review.short);
    page(
        &title,
        &html! {
            a.skip href="#changes" { "Skip to the changes" }
            header #top {
                h1 { "Plan " code { (review.short) } }
                p.summary { (summary) }
                (verdict(&review))
                @for finding in &review.findings { (found(finding)) }
                @for line in review.portal.iter().chain(&review.scope) { p.counts { (line) } }
                p.fingerprint { "Fingerprint " code { (review.fingerprint) } }
            }
            (contents(&review))
            main #changes tabindex="-1" {
                (deletions(&review))
                (not_read(&review))
                @for (at, (offer, source)) in review.offers.iter().zip(plan.offers()).enumerate() {
                    (article(at, offer, source))
                }
                (unchanged(&review))
            }
            footer { p { a href="#top" { "To the top" } } }
        },
    )
}

/// A page that only says what went wrong.
pub(crate) fn error(message: &str) -> String {
    let message = visible(message, true);
    page("offerctl: error", &html! { main { h1 { "Error" } p { (message) } } })
}

fn page(title: &str, body: &Markup) -> String {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

fn verdict(review: &Review) -> Markup {
    let stopping = review.stopping();
    html! {
        @if stopping > 0 { p.verdict.bad { "Stopped by " (plural(stopping, "finding")) "." } }
        @if !review.unread.is_empty() { p.verdict.bad { (review.not_read()) "." } }
        @if stopping + review.unread.len() == 0 { p.verdict.good { "No blocking findings." } }
    }
}

fn anchor(at: usize) -> String {
    format!("offer-{}", at + 1)
}

fn contents(review: &Review) -> Markup {
    let gone = review.offers.iter().map(|offer| offer.deletions.len()).sum::<usize>();
    html! {
        nav aria-label="Contents" {
            ul.parts {
                @if gone > 0 { li { a href="#deletions" { (goes(gone)) } } }
                @if !review.unread.is_empty() {
                    li { a href="#not-read" { (plural(review.unread.len(), "offer")) " not read" } }
                }
                @if !review.unchanged.is_empty() {
                    li { a href="#unchanged" { (plural(review.unchanged.len(), "offer")) " unchanged" } }
                }
            }
            @if !review.offers.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="Offers that change" {
                    table.offers {
                        thead { tr {
                            th scope="col" { "Offer" } th scope="col" { "Most severe" } th scope="col" { "Stopped" }
                            th scope="col" { "What is done" } th.number scope="col" { "Changes" }
                        } }
                        tbody {
                            @for (at, offer) in review.offers.iter().enumerate() {
                                tr {
                                    th scope="row" { a href={ "#" (anchor(at)) } { (offer.key) } }
                                    td { @if let Some(risk) = offer.most_severe() { (class(risk)) } }
                                    td { @if offer.is_stopped() { strong.bad { "stopped" } } @else { "no" } }
                                    td { (offer.symbol()) " " (offer.verb()) }
                                    td.number { (offer.items.len()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn goes(count: usize) -> String {
    if count == 1 { "1 deletion".to_owned() } else { format!("{count} deletions") }
}

fn class(risk: crate::plan::Risk) -> Markup {
    html! { span class=(if risk.is_grave() { "risk grave" } else { "risk" }) { (risk.word()) } }
}

fn deletions(review: &Review) -> Markup {
    let all = review
        .offers
        .iter()
        .enumerate()
        .flat_map(|(at, offer)| offer.deletions.iter().map(move |one| (at, offer, one)));
    let all = all.collect::<Vec<(usize, &OfferReview, &Deletion)>>();
    html! {
        @if !all.is_empty() {
            section #deletions aria-labelledby="deletions-title" {
                h2 #deletions-title { (goes(all.len())) }
                ul.gone {
                    @for (at, offer, one) in all {
                        li {
                            span.sign { "- remove " } code { (one.address) } " of "
                            a href={ "#" (anchor(at)) } { (offer.key) }
                            span.place { " " (one.place) }
                        }
                    }
                }
            }
        }
    }
}

fn not_read(review: &Review) -> Markup {
    html! {
        @if !review.unread.is_empty() {
            section #not-read aria-labelledby="not-read-title" {
                h2 #not-read-title { (review.not_read()) }
                ul {
                    @for unread in &review.unread {
                        li {
                            strong { (unread.key) } ": " (unread.cause)
                            @if let Some(hint) = &unread.hint { p { "Hint: " (hint) } }
                        }
                    }
                }
            }
        }
    }
}

fn unchanged(review: &Review) -> Markup {
    html! {
        @if !review.unchanged.is_empty() {
            section #unchanged aria-labelledby="unchanged-title" {
                h2 #unchanged-title { "Unchanged" }
                ul { @for offer in &review.unchanged { li { strong { (offer.key) } (counts(&offer.counts)) } } }
            }
        }
    }
}

fn counts(counts: &Counts) -> Markup {
    let details = counts.details();
    html! {
        @if let Some(line) = counts.line("") { p.counts { (line) } }
        @for (address, reason) in counts.unseen() { p.counts { code { (address) } " unknown: " (reason) } }
        @if !details.is_empty() {
            details { summary { "What is left out" } ul { @for line in details { li { (line) } } } }
        }
    }
}

fn article(at: usize, offer: &OfferReview, source: &OfferPlan) -> Markup {
    let id = anchor(at);
    html! {
        article id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (offer.symbol()) " " (offer.key) }
            p.what {
                (offer.verb()) ", " (offer.profile) ", " (offer.offer_type) ", "
                span.direction { (offer.from()) " → " code { (offer.file) } }
            }
            @for finding in &offer.findings { (found(finding)) }
            @for (number, one) in offer.items.iter().enumerate() {
                (item(&format!("{id}-change-{}", number + 1), one))
            }
            (counts(&offer.counts))
            @for (path, size) in &offer.uploads { p { "Will upload " (size) " bytes: " code { (path) } } }
            @for address in &offer.signed { p { "Signed at apply: " code { (address) } } }
            @if !offer.steps.is_empty() { p { "Then: " (offer.steps.join(" → ")) } }
            @if !offer.estimates.is_empty() { p { "The portal's estimates: " (offer.estimates.join(", ")) } }
            @if let Some(title) = offer.rides_along_title() {
                p class="finding" { strong { "! " } (title) }
                @for (number, one) in offer.rides_along.iter().enumerate() {
                    (item(&format!("{id}-along-{}", number + 1), one))
                }
            }
            (listing::listing(source))
        }
    }
}

fn found(finding: &FindingReview) -> Markup {
    let (class, how) = match (&finding.token, finding.allowed, finding.stops) {
        (Some(token), true, _) => ("finding good", html! { "accepted: " code { (token) } }),
        (_, _, false) => ("finding", html! { "a warning" }),
        (Some(token), false, true) => {
            ("finding bad", html! { "needs " code { "--allow " (token) } ", or " code { "reconcile.allow" } })
        }
        (None, _, true) => ("finding bad", html! { "cannot be accepted" }),
    };
    html! { p class=(class) { strong { "! " } (finding.message) " — " (how) } }
}

fn kind(act: Act) -> &'static str {
    match act {
        Act::Add => "item added",
        Act::Remove => "item removed",
        Act::Change | Act::Rename => "item changed",
    }
}

fn item(id: &str, item: &Item) -> Markup {
    html! {
        section class=(kind(item.act)) id=(id) aria-labelledby={ (id) "-title" } {
            h3 id={ (id) "-title" } {
                span.sign { (item.act.symbol()) " " (item.act.word()) " " } code { (item.address) } " " (class(item.risk))
            }
            p.place {
                @if item.place.is_empty() { "no file asks for it" } @else { (item.place) }
                @if let Some(twin) = &item.twin { ", also in " code { (twin) } }
                @if let Some(edit) = item.portal_edit { ", " strong { (edit) } }
            }
            (body(&item.body))
        }
    }
}

fn value(value: &Value) -> Markup {
    html! { code.value { (brief(value, LIMIT)) } }
}

fn body(body: &Body) -> Markup {
    match body {
        Body::Whole(whole) => html! { p { (value(whole)) } },
        Body::Fields(all) => fields(all),
        Body::Scalar { before, after } => diff::pair(&value(before), &value(after)),
        Body::Unseen(whole) => html! { p { (value(whole)) " (secret or signature changed)" } },
        Body::Text(text) => html! { p.remark { (text.remark()) } (diff::hunks(&text.hunks)) },
        Body::Members { added, removed } => html! {
            @for (act, values) in [(Act::Remove, removed), (Act::Add, added)] {
                @if !values.is_empty() {
                    p class=(kind(act).trim_start_matches("item ")) {
                        span.sign { (act.symbol()) " " (act.word()) ": " }
                        @for (at, one) in values.iter().enumerate() { @if at > 0 { ", " } (value(one)) }
                    }
                }
            }
        },
        Body::List { before, after, hunks } => html! {
            p.remark { (before) " → " (plural(*after, "member")) } (diff::hunks(hunks))
        },
        Body::Prices(table) => prices(table),
        Body::Versions(versions) => html! { @for version in versions { (self::version(version)) } },
        Body::Renamed { from, to, differences } => html! {
            p { del { code { (from) } } " → " ins { code { (to) } } }
            p.remark { "Nearly the same content; the portal removes one and adds the other." }
            @for one in differences {
                h4 { code { (one.path) } }
                @let side = |side: &Option<Value>| html! { @if let Some(one) = side { (value(one)) } @else { "none" } };
                (diff::pair(&side(&one.before), &side(&one.after)))
            }
        },
    }
}

fn version(version: &Version) -> Markup {
    html! {
        div class=(kind(version.act).replace("item", "version")) {
            h4 {
                span.sign { (version.act.symbol()) " " (version.act.word()) " " } code { (version.id) }
                span.place { " " (version.place) }
            }
            @if version.act == Act::Add { (fields(&version.fields)) }
        }
    }
}

fn fields(fields: &Fields) -> Markup {
    html! {
        dl.fields {
            @for field in &fields.fields { div { dt { code { (field.path) } } dd { (value(&field.value)) } } }
        }
        @if fields.more > 0 { p.remark { "… " (plural(fields.more, "more field")) } }
    }
}

fn prices(table: &PriceTable) -> Markup {
    let regional = table.rows.iter().any(|row| !row.regions.is_empty());
    let price = |price: &Option<String>| price.clone().unwrap_or_else(|| "none".to_owned());
    html! {
        div.scroll tabindex="0" role="region" aria-label="Prices" {
            table.prices {
                caption {
                    (plural(table.count(), "price"))
                    @if let Some(currency) = &table.currency { " in " (currency) }
                }
                thead { tr {
                    @if regional { th scope="col" { "Region" } }
                    th scope="col" { "Size or term" } th.number scope="col" { "Old" }
                    th.number scope="col" { "New" } th.number scope="col" { "Change" }
                } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @if regional { td { (row.region()) } }
                            th scope="row" { (row.term) }
                            td.number { del { (price(&row.old)) } }
                            td.number { ins { (price(&row.new)) } }
                            td.number { (row.change) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
