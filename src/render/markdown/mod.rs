//! The plan as a comment of a pull request: GitHub's Markdown, within a budget of characters.
//!
//! It degrades by steps, each of which drops the least that is told: first the lines around changes, then long bodies,
//! the details of each offer, and the lines of each offer. What goes away, what could not be read, and the fingerprint
//! are in every one of them.

mod drift;
mod escape;

use std::collections::HashMap;
use std::fmt::Write as _;

pub(crate) use drift::drift;
use escape::{code, fence};

use super::view::{
    Act, Body, Deletion, Difference, Fields, FindingReview, Hunks, Item, Line, OfferReview, Piece, PriceTable, Review,
    Version, ViewOptions, review,
};
use super::{brief, counted, inert, plural, sentence};
use crate::plan::{Plan, Risk};

#[derive(Debug, Clone, Copy)]
pub(crate) struct MarkdownOptions {
    pub(crate) limit: usize,
    /// HTML as it is written, rather than as it is read.
    pub(crate) html_source: bool,
    pub(crate) verbose: bool,
}

impl MarkdownOptions {
    /// What a comment on GitHub may hold.
    pub(crate) const LIMIT: usize = 65_536;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Whole,
    /// Without the lines around changes.
    NoContext,
    /// Without long texts and lists of fields.
    NoBodies,
    /// A line for each offer.
    NoDetails,
    Counts,
    /// Deletions and offers that were not read in their shortest form.
    Shortest,
}

const STEPS: [Step; 6] = [Step::Whole, Step::NoContext, Step::NoBodies, Step::NoDetails, Step::Counts, Step::Shortest];
const LIMIT: usize = 100;

/// The plan, within the budget if that is possible at all.
pub(crate) fn plan(plan: &Plan, options: MarkdownOptions) -> String {
    let review = review(plan, ViewOptions { html_source: options.html_source, whole: options.verbose });
    let value_limit = if options.verbose { usize::MAX } else { LIMIT };
    let mut text = String::new();
    for step in STEPS {
        text = inert(&Page { step, value_limit, budget: options.limit, out: String::new() }.page(&review, false));
        if text.chars().count() <= options.limit {
            return text;
        }
    }
    let page = Page { step: Step::Shortest, value_limit, budget: options.limit, out: String::new() };
    text.clear();
    text.push_str(&inert(&page.page(&review, true)));
    text
}

struct Page {
    step: Step,
    value_limit: usize,
    budget: usize,
    out: String,
}

impl Page {
    /// A paragraph, or another block.
    fn block(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push_str("\n\n");
    }

    fn page(mut self, review: &Review, too_long: bool) -> String {
        // Found again by whoever keeps one comment up to date.
        let _ = writeln!(self.out, "<!-- offerctl:plan -->\n<!-- offerctl:fingerprint {} -->\n", review.fingerprint);
        if review.is_empty() {
            self.block(&format!("**{}**", review.nothing()));
        } else {
            self.block(&format!("**Plan {}: {}**", review.short, review.summary()));
            self.block(&verdict(review));
        }
        if too_long {
            self.block(&format!(
                "This is longer than the limit of {} characters: deletions and offers that were not read are never \
                    cut.",
                self.budget
            ));
        } else if self.step > Step::Whole {
            self.block(&format!("Cut to {} characters: {}.", self.budget, self.step.says()));
        }
        if !review.findings.is_empty() {
            let list = review.findings.iter().map(|finding| format!("- {}\n", found(finding))).collect::<String>();
            self.block(&list);
        }
        self.deletions(review);
        self.not_read(review);
        self.offers(review);
        self.unchanged(review);
        review.portal.iter().chain(&review.scope).for_each(|line| self.block(&code(line)));
        self.out.push_str(&format!("Fingerprint: <code>{}</code>\n", review.fingerprint));
        self.out
    }

    fn deletions(&mut self, review: &Review) {
        let count = review.offers.iter().map(|offer| offer.deletions.len()).sum::<usize>();
        if count == 0 {
            return;
        }
        self.block(&format!("#### {}", plural(count, "deletion")));
        let mut lines = Vec::new();
        for offer in &review.offers {
            if self.step < Step::Shortest {
                let line = |deletion: &Deletion| {
                    let place = if self.step < Step::Counts { format!("   {}", deletion.place) } else { String::new() };
                    format!("- {} {}{place}", offer.key, deletion.address)
                };
                lines.extend(offer.deletions.iter().map(line));
            } else {
                lines.extend(shortest(offer));
            }
        }
        let text = fence("diff", &lines);
        self.block(&text);
    }

    fn not_read(&mut self, review: &Review) {
        if review.unread.is_empty() {
            return;
        }
        self.block(&format!("#### {}", review.not_read()));
        let mut list = String::new();
        for unread in &review.unread {
            let _ = match (&unread.hint, self.step < Step::Shortest) {
                (Some(hint), true) => {
                    writeln!(list, "- {}: {}; hint: {}", code(&unread.key), code(&unread.cause), code(hint))
                }
                (None, true) => writeln!(list, "- {}: {}", code(&unread.key), code(&unread.cause)),
                (_, false) => writeln!(list, "- {}", code(&unread.key)),
            };
        }
        self.block(&list);
    }

    fn offers(&mut self, review: &Review) {
        if review.offers.is_empty() {
            return;
        }
        if self.step >= Step::Counts {
            self.block("#### Changes");
            self.block(&counts(review));
            return;
        }
        self.block("#### Changes");
        let mut list = String::new();
        for offer in &review.offers {
            let _ = writeln!(list, "- {}", bullet(offer));
        }
        self.block(&list);
        if self.step < Step::NoDetails {
            review.offers.iter().for_each(|offer| self.details(offer));
        }
    }

    fn details(&mut self, offer: &OfferReview) {
        let direction = format!("{} → {}", offer.from(), offer.file);
        self.block(&format!(
            "<details><summary>{} {}: {}</summary>",
            code(&offer.key),
            offer.verb(),
            plural(offer.items.len(), "change")
        ));
        self.block(&format!("{}, {}", offer.profile, code(&direction)));
        offer.items.iter().for_each(|item| self.item(item));
        let mut rest = String::new();
        if let Some(line) = offer.counts.line("") {
            let _ = writeln!(rest, "- {line}");
        }
        for (address, reason) in offer.counts.unseen() {
            let _ = writeln!(rest, "- {} unknown: {}", code(address), code(reason));
        }
        for (path, size) in &offer.uploads {
            let _ = writeln!(rest, "- will upload {size} bytes: {}", code(path));
        }
        for address in &offer.signed {
            let _ = writeln!(rest, "- signed at apply: {}", code(address));
        }
        if !offer.steps.is_empty() {
            let _ = writeln!(rest, "- then: {}", offer.steps.join(" → "));
        }
        if !offer.estimates.is_empty() {
            let shown = offer.estimates.iter().map(|estimate| code(estimate)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(rest, "- the portal's estimates: {shown}");
        }
        if let Some(title) = offer.rides_along_title() {
            let addresses = offer.rides_along.iter().map(|item| code(&item.address)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(rest, "- **{title}**: {addresses}");
        }
        if !rest.is_empty() {
            self.block(&rest);
        }
        self.block("</details>");
    }

    fn item(&mut self, item: &Item) {
        let limit = self.value_limit;
        let value = |value: &serde_json::Value| code(&brief(value, limit));
        let what = match &item.body {
            Body::Whole(whole) => format!(": {}", value(whole)),
            Body::Fields(fields) => format!(": {}", plural(fields.fields.len() + fields.more, "field")),
            Body::Scalar { before, after } => format!(": {} → {}", value(before), value(after)),
            Body::Unseen(whole) => format!(": {} (secret or signature changed)", value(whole)),
            Body::Text(text) => format!(" {}", text.remark()),
            Body::Members { added, removed } => {
                let list = |act: Act, values: &[serde_json::Value]| match values {
                    [] => String::new(),
                    values => {
                        format!("{} {}", act.word(), values.iter().map(value).collect::<Vec<_>>().join(", "))
                    }
                };
                format!(": {}", sentence([list(Act::Remove, removed), list(Act::Add, added)]))
            }
            Body::List { before, after, .. } => format!(": {before} → {}", plural(*after, "member")),
            Body::Prices(table) => {
                let of = table.currency.as_ref().map(|currency| format!(" in {}", code(currency))).unwrap_or_default();
                format!(": {}{of}", plural(table.count(), "price"))
            }
            Body::Versions(versions) => {
                let list = versions.iter().map(|v| format!("{} {}", v.act.word(), code(&v.id))).collect::<Vec<_>>();
                format!(": {}", list.join(", "))
            }
            Body::Renamed { from, to, .. } => {
                format!(": {} → {} (the portal removes one and adds the other)", code(from), code(to))
            }
        };
        let twin = item.twin.as_ref().map(|twin| format!(", also in {}", code(twin))).unwrap_or_default();
        let class =
            if item.risk.is_grave() { format!("**{}**", item.risk.word()) } else { item.risk.word().to_owned() };
        let edit = item.portal_edit.map(|edit| format!(", **{edit}**")).unwrap_or_default();
        let act = item.act;
        let place = if item.place.is_empty() { "not declared".to_owned() } else { code(&item.place) };
        let symbol = act.symbol().replace('~', "&#126;");
        self.block(&format!(
            "**{symbol} {}** {}{what} ({class}{twin}, {place}{edit})",
            act.word(),
            code(&item.address)
        ));
        if self.step < Step::NoBodies {
            self.body(&item.body);
        } else if let Body::Prices(table) = &item.body {
            self.prices(table);
        }
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Fields(fields) => self.lines(&self.fields("+ ", fields)),
            Body::Text(text) => self.hunks(&text.hunks),
            Body::List { hunks, .. } => self.hunks(hunks),
            Body::Prices(table) => self.prices(table),
            Body::Versions(versions) => {
                let lines = versions.iter().flat_map(|version| self.version(version)).collect::<Vec<_>>();
                self.lines(&lines);
            }
            Body::Renamed { differences, .. } => {
                let lines = differences.iter().flat_map(|difference| self.difference(difference)).collect::<Vec<_>>();
                self.lines(&lines);
            }
            Body::Whole(_) | Body::Scalar { .. } | Body::Unseen(_) | Body::Members { .. } => {}
        }
    }

    fn lines(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            self.block(&fence("diff", lines));
        }
    }

    fn version(&self, version: &Version) -> Vec<String> {
        let sign = version.act.symbol();
        let head = format!("{sign} {} {}", version.act.word(), version.id);
        let fields = if version.act == Act::Add { self.fields("+     ", &version.fields) } else { Vec::new() };
        std::iter::once(head).chain(fields).collect()
    }

    fn fields(&self, start: &str, fields: &Fields) -> Vec<String> {
        let line =
            |field: &super::view::Field| format!("{start}{}: {}", field.path, brief(&field.value, self.value_limit));
        let more = (fields.more > 0).then(|| format!("# … {}", plural(fields.more, "more field")));
        fields.fields.iter().map(line).chain(more).collect()
    }

    fn difference(&self, difference: &Difference) -> Vec<String> {
        let line = |sign: &str, value: &Option<serde_json::Value>| {
            let value = value.as_ref()?;
            Some(format!("{sign} {}: {}", difference.path, brief(value, self.value_limit)))
        };
        [line("-", &difference.before), line("+", &difference.after)].into_iter().flatten().collect()
    }

    fn hunks(&mut self, hunks: &Hunks) {
        let context = self.step < Step::NoContext;
        let text = |pieces: &[Piece], marks: [&str; 2]| {
            let piece = |piece: &Piece| match piece.marked {
                true => format!("{}{}{}", marks[0], piece.text, marks[1]),
                false => piece.text.clone(),
            };
            pieces.iter().map(piece).collect::<String>()
        };
        let line = |line: &Line| match line {
            Line::Gap { line, of, .. } => context.then(|| format!("@@ line {line} of {of} @@")),
            Line::Same(text) => context.then(|| format!("  {text}")),
            Line::Removed(pieces) => Some(format!("- {}", text(pieces, ["[-", "-]"]))),
            Line::Added(pieces) => Some(format!("+ {}", text(pieces, ["{+", "+}"]))),
            Line::More(count) => Some(format!("# … {}", plural(*count, "more line"))),
        };
        self.lines(&hunks.lines.iter().filter_map(line).collect::<Vec<_>>());
    }

    fn prices(&mut self, table: &PriceTable) {
        let regional = table.rows.iter().any(|row| !row.regions.is_empty());
        let mut text = String::new();
        let (head, line) = if regional { ("| region ", "|---") } else { ("", "") };
        let _ = writeln!(text, "{head}| size or term | old | new | change |\n{line}|---|--:|--:|--:|");
        for row in &table.rows {
            let region = if regional { format!("| {} ", code(&row.region())) } else { String::new() };
            let price = |price: &Option<String>| price.as_ref().map_or_else(|| "none".to_owned(), |price| code(price));
            let (old, new) = (price(&row.old), price(&row.new));
            let _ =
                writeln!(text, "{region}| {} | {old} | {new} | {} |", code(&row.term), row.change.replace('<', "&lt;"));
        }
        self.block(&text);
    }

    fn unchanged(&mut self, review: &Review) {
        let mut list = String::new();
        for offer in &review.unchanged {
            for (address, reason) in offer.counts.unseen() {
                let _ = writeln!(list, "- {} {} unknown: {}", code(&offer.key), code(address), code(reason));
            }
        }
        if !list.is_empty() && self.step < Step::Counts {
            self.block(&list);
        }
    }
}

impl Step {
    fn says(self) -> &'static str {
        match self {
            Self::Whole => "nothing is left out",
            Self::NoContext => "the lines around changes are left out",
            Self::NoBodies => "long texts and the fields of new values are left out",
            Self::NoDetails => "the changes of each offer are left out",
            Self::Counts | Self::Shortest => "only the numbers of offers are shown",
        }
    }
}

fn verdict(review: &Review) -> String {
    let stopping = review.stopping();
    let unread = review.totals.unread;
    let not = sentence([
        if stopping > 0 { format!("stopped by {}", plural(stopping, "finding")) } else { String::new() },
        if unread > 0 { format!("{} not read", plural(unread, "offer")) } else { String::new() },
    ]);
    match not.as_str() {
        "" => "Verdict: no blocking findings.".to_owned(),
        not => format!("Verdict: **{not}**."),
    }
}

fn bullet(offer: &OfferReview) -> String {
    let most_severe = offer.most_severe().map(|risk| format!(", most severe: {}", risk.word())).unwrap_or_default();
    let steps = if offer.steps.is_empty() { String::new() } else { format!("; then {}", offer.steps.join(" → ")) };
    let mut text = format!(
        "{} {} ({}): {}{most_severe}{steps}",
        code(&offer.key),
        offer.verb(),
        offer.profile,
        plural(offer.items.len(), "change")
    );
    for finding in &offer.findings {
        let _ = write!(text, "\n  - {}", found(finding));
    }
    text
}

fn found(finding: &FindingReview) -> String {
    let how = match (&finding.token, finding.allowed, finding.stops) {
        (Some(token), true, _) => format!("accepted: {}", code(token)),
        (Some(token), false, true) => format!("**needs** {}", code(&format!("--allow {token}"))),
        (None, _, true) => "**cannot be accepted**".to_owned(),
        (_, _, false) => "a warning".to_owned(),
    };
    format!("{}: {how}", code(&finding.message))
}

/// Numbers of offers by what is done, and of changes by their class.
fn counts(review: &Review) -> String {
    let mut text = format!("{}.", review.summary());
    let classes = Risk::ALL.iter().map(|class| {
        let count = review.offers.iter().flat_map(|offer| &offer.items).filter(|item| item.risk == *class).count();
        counted(count, class.word())
    });
    let _ = write!(text, " Changes by class: {}.", sentence(classes));
    text
}

/// The deletions of an offer, those from one list or dictionary on one line.
fn shortest(offer: &OfferReview) -> Vec<String> {
    let mut lines = Vec::<String>::new();
    let mut places = HashMap::new();
    for Deletion { parent, what, .. } in &offer.deletions {
        match *places.entry(parent).or_insert(lines.len()) {
            new if new == lines.len() => lines.push(format!("- {} {parent}: {what}", offer.key)),
            known => lines[known] += &format!(", {what}"),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
