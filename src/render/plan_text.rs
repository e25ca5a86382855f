//! The plan as a reviewer reads it in a terminal or a log.

use super::layout::{self, Page, Span, Tone, span};
use super::view::{
    Act, Body, Counts, Difference, Fields, FindingReview, Hunks, Item, Line, OfferReview, Piece, PriceTable, Review,
    UnreadReview, Version, ViewOptions, review,
};
use super::{Paint, brief, inert, plural, sentence};
use crate::plan::{Plan, Write};

#[derive(Debug, Clone, Copy)]
pub(crate) struct PlanOptions {
    pub(crate) paint: Paint,
    /// List what is hidden, and show values whole.
    pub(crate) verbose: bool,
    /// HTML as it is written, rather than as it is read.
    pub(crate) html_source: bool,
    /// Columns of the terminal; none where lines are not broken.
    pub(crate) width: Option<usize>,
}

const LIMIT: usize = 100;

/// The whole plan, ending in a line feed.
pub(crate) fn plan(plan: &Plan, options: PlanOptions) -> String {
    let review = review(plan, ViewOptions { html_source: options.html_source, whole: options.verbose });
    let mut text = Text::new(options);
    text.review(&review);
    text.finish()
}

/// A text of items, and of what is around them.
pub(super) struct Text {
    pub(super) page: Page,
    options: PlanOptions,
}

pub(super) fn plain(text: impl Into<String>) -> Span {
    span(Tone::Plain, text)
}

fn tone(act: Act) -> Tone {
    match act {
        Act::Add => Tone::Added,
        Act::Remove => Tone::Removed,
        Act::Change | Act::Rename => Tone::Changed,
    }
}

impl Text {
    pub(super) fn new(options: PlanOptions) -> Self {
        Self { page: Page::new(options.paint, options.width), options }
    }

    pub(super) fn finish(self) -> String {
        inert(&self.page.out)
    }

    fn limit(&self) -> usize {
        if self.options.verbose { usize::MAX } else { LIMIT }
    }

    fn review(&mut self, review: &Review) {
        if review.is_empty() {
            self.unchanged(review);
            self.page.line(0, 2, &[plain(review.nothing())]);
            self.scope(review);
            return;
        }
        let totals = review.summary();
        self.page.line(0, 2, &[span(Tone::Strong, format!("Plan: {totals}")), plain("    (live → file)")]);
        self.page.blank();
        self.findings(&review.findings);
        if !review.findings.is_empty() {
            self.page.blank();
        }
        for offer in &review.offers {
            self.offer(offer);
            self.page.blank();
        }
        review.unread.iter().for_each(|unread| self.not_read(unread, "not read; nothing is planned for it"));
        if !review.unread.is_empty() {
            self.page.blank();
        }
        self.unchanged(review);
        let end = [plain("Plan "), span(Tone::Strong, &review.short), plain(format!(": {totals}."))];
        self.page.line(0, 2, &end);
        self.scope(review);
    }

    fn scope(&mut self, review: &Review) {
        review.scope.iter().for_each(|line| self.page.line(0, 2, &[plain(line)]));
    }

    fn findings(&mut self, findings: &[FindingReview]) {
        for finding in findings {
            let tone = match (finding.allowed, finding.stops) {
                (true, _) => Tone::Dim,
                (false, true) => Tone::Removed,
                (false, false) => Tone::Changed,
            };
            let answer = finding.answer();
            let gap = if answer.is_empty() { "" } else { "   " };
            self.page.line(2, 6, &[span(tone, "!"), plain(format!(" {}{gap}{answer}", finding.message))]);
        }
    }

    fn offer(&mut self, offer: &OfferReview) {
        let of = match offer.write {
            Some(Write::Create) => Tone::Added,
            Some(Write::Update) | None => Tone::Changed,
        };
        let direction = format!("{} → {}", offer.from(), offer.file);
        self.page.line(
            0,
            4,
            &[
                span(of, offer.symbol()),
                plain(" "),
                span(Tone::Strong, &offer.key),
                plain(format!("   {}   {}   {direction}", offer.verb(), offer.profile)),
            ],
        );
        self.findings(&offer.findings);
        offer.items.iter().for_each(|item| self.item(item));
        self.counts(&offer.counts);
        for (path, size) in &offer.uploads {
            self.page.line(4, 6, &[plain(format!("will upload {size} bytes: {path}"))]);
        }
        for address in &offer.signed {
            self.page.line(4, 6, &[plain(format!("signed at apply: {address}"))]);
        }
        if !offer.steps.is_empty() {
            self.page.line(4, 6, &[plain(format!("then: {}", offer.steps.join(" → ")))]);
        }
        if !offer.estimates.is_empty() {
            let told = format!("the portal's estimates: {}", offer.estimates.join(", "));
            self.page.line(4, 6, &[span(Tone::Dim, told)]);
        }
        if let Some(title) = offer.rides_along_title() {
            self.page.line(4, 6, &[span(Tone::Changed, "!"), plain(format!(" {title}"))]);
            self.page.margin = 4;
            offer.rides_along.iter().for_each(|item| self.item(item));
            self.page.margin = 0;
        }
    }

    fn counts(&mut self, counts: &Counts) {
        let hint = if self.options.verbose { "" } else { " (-v lists them)" };
        if let Some(line) = counts.line(hint) {
            self.page.line(4, 6, &[span(Tone::Dim, line)]);
        }
        self.unseen(None, counts);
        if self.options.verbose {
            self.details(counts);
        }
    }

    fn details(&mut self, counts: &Counts) {
        counts.details().into_iter().for_each(|line| self.page.line(4, 6, &[span(Tone::Dim, line)]));
    }

    /// They are no changes, and no reader must take them for equal.
    fn unseen(&mut self, of: Option<&str>, counts: &Counts) {
        let of = of.map(|key| format!("{key} ")).unwrap_or_default();
        for (address, reason) in counts.unseen() {
            let what = format!(" {of}{address}   unknown: {reason}");
            self.page.line(2, 6, &[span(Tone::Changed, "?"), plain(what)]);
        }
    }

    fn unchanged(&mut self, review: &Review) {
        for offer in &review.unchanged {
            if self.options.verbose {
                let footer = offer.counts.line("").map(|line| format!("   {line}")).unwrap_or_default();
                self.page.line(2, 4, &[plain(format!("{}   unchanged", offer.key)), span(Tone::Dim, footer)]);
                self.unseen(None, &offer.counts);
                self.details(&offer.counts);
            } else {
                self.unseen(Some(&offer.key), &offer.counts);
            }
        }
        if self.options.verbose && !review.unchanged.is_empty() {
            self.page.blank();
        }
    }

    pub(super) fn not_read(&mut self, unread: &UnreadReview, what: &str) {
        let what = plain(format!("   {what}"));
        self.page.line(0, 4, &[span(Tone::Removed, "?"), plain(" "), span(Tone::Strong, &unread.key), what]);
        self.page.line(4, 6, &[plain(&unread.cause)]);
        if let Some(hint) = &unread.hint {
            self.page.line(4, 6, &[plain(format!("hint: {hint}"))]);
        }
    }

    pub(super) fn item(&mut self, item: &Item) {
        let limit = self.limit();
        match &item.body {
            Body::Whole(value) => {
                let value = span(tone(item.act), format!(": {}", brief(value, limit)));
                self.head(item, vec![value]);
            }
            Body::Fields(fields) => {
                self.head(item, Vec::new());
                self.fields(6, Tone::Added, fields);
            }
            Body::Scalar { before, after } => {
                let (before, after) = (brief(before, limit), brief(after, limit));
                self.scalar(item, &before, &after);
            }
            Body::Unseen(value) => {
                let what = format!(": {} (secret or signature changed)", brief(value, limit));
                self.head(item, vec![plain(what)]);
            }
            Body::Text(text) => {
                self.head(item, vec![plain(format!(" {}", text.remark()))]);
                self.hunks(&text.hunks);
            }
            Body::Members { added, removed } => {
                self.head(item, vec![plain(format!(": {}", came_and_went(added.len(), removed.len())))]);
                for (act, values) in [(Act::Remove, removed), (Act::Add, added)] {
                    if !values.is_empty() {
                        let list = values.iter().map(|value| brief(value, limit)).collect::<Vec<_>>().join(", ");
                        self.page.line(6, 8, &[span(tone(act), format!("{} {} {list}", act.symbol(), act.word()))]);
                    }
                }
            }
            Body::List { before, after, hunks } => {
                self.head(item, vec![plain(format!(": {before} → {}", plural(*after, "member")))]);
                self.hunks(hunks);
            }
            Body::Prices(table) => self.prices(item, table),
            Body::Versions(versions) => self.versions(item, versions),
            Body::Renamed { from, to, differences } => self.renamed(item, (from, to), differences),
        }
    }

    /// The line that names a change. Its place comes at the end, or on a line of its own where that is too long.
    fn head(&mut self, item: &Item, what: Vec<Span>) {
        let mut spans = vec![
            span(tone(item.act), item.act.symbol()),
            span(tone(item.act), format!(" {} ", item.act.word())),
            plain(&item.address),
        ];
        spans.extend(what);
        let place = place(item);
        let whole = spans.iter().chain([&plain("   ")]).chain(&place).cloned().collect::<Vec<_>>();
        if self.page.fits(2, &whole) {
            self.page.line(2, 6, &whole);
        } else {
            self.page.line(2, 6, &spans);
            self.page.line(6, 8, &place);
        }
    }

    fn scalar(&mut self, item: &Item, before: &str, after: &str) {
        let both = vec![plain(": "), span(Tone::Removed, before), plain(" → "), span(Tone::Added, after)];
        let start = span(tone(item.act), format!("~ {} {}", item.act.word(), item.address));
        if self.page.fits(2, &[&[start][..], &both].concat()) {
            self.head(item, both);
        } else {
            self.head(item, Vec::new());
            self.page.line(6, 8, &[span(Tone::Removed, format!("- {before}"))]);
            self.page.line(6, 8, &[span(Tone::Added, format!("+ {after}"))]);
        }
    }

    fn fields(&mut self, indent: usize, tone: Tone, fields: &Fields) {
        for field in &fields.fields {
            let value = brief(&field.value, self.limit());
            let text = if field.path.is_empty() { value } else { format!("{}: {value}", field.path) };
            self.page.line(indent, indent + 2, &[span(tone, text)]);
        }
        if fields.more > 0 {
            let text = format!("… {} (-v shows them)", plural(fields.more, "more field"));
            self.page.line(indent, indent + 2, &[span(Tone::Dim, text)]);
        }
    }

    fn hunks(&mut self, hunks: &Hunks) {
        hunks.lines.iter().for_each(|line| self.page.line(6, 8, &hunk_line(line)));
    }

    fn prices(&mut self, item: &Item, table: &PriceTable) {
        let of = table.currency.as_ref().map(|currency| format!(" in {currency}")).unwrap_or_default();
        self.head(item, vec![plain(format!(": {}{of}", plural(table.count(), "price")))]);
        let regional = table.rows.iter().any(|row| !row.regions.is_empty());
        let cells = table.rows.iter().map(|row| {
            let or_none = |price: &Option<String>| price.clone().unwrap_or_else(|| "none".to_owned());
            let region = if regional { row.region() } else { String::new() };
            [region, row.term.clone(), or_none(&row.old), or_none(&row.new), row.change.clone()]
        });
        let cells = cells.collect::<Vec<_>>();
        let column = |at: usize, right| layout::column(cells.iter().map(|row| row[at].as_str()), right);
        let (regions, terms, old, new) = (column(0, false), column(1, false), column(2, true), column(3, true));
        for (at, row) in cells.iter().enumerate() {
            let named = [&regions[at], &terms[at]].map(String::as_str);
            let named = named.into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("   ");
            let named = plain(format!("{named}   "));
            let change = if row[4].is_empty() { String::new() } else { format!("   ({})", row[4]) };
            let (old, new) = (span(Tone::Removed, &old[at]), span(Tone::Added, &new[at]));
            let prices = [old, plain(" → "), new, span(Tone::Changed, change)];
            let whole = std::iter::once(&named).chain(&prices).cloned().collect::<Vec<_>>();
            if self.page.fits(6, &whole) {
                self.page.line(6, 8, &whole);
            } else {
                self.page.line(6, 8, &[named]);
                self.page.line(8, 10, &prices);
            }
        }
    }

    fn versions(&mut self, item: &Item, versions: &[Version]) {
        let count = |act| versions.iter().filter(|version| version.act == act).count();
        let what = came_and_went(count(Act::Add), count(Act::Remove));
        self.head(item, vec![plain(format!(": {what}"))]);
        for version in versions {
            let act = version.act;
            let what = format!("{} {} {}", act.symbol(), act.word(), version.id);
            let place = gap(&version.place);
            self.page.line(6, 8, &[span(tone(act), what), span(Tone::Dim, place)]);
            if act == Act::Add || self.options.verbose {
                self.fields(10, tone(act), &version.fields);
            }
        }
    }

    fn renamed(&mut self, item: &Item, (from, to): (&str, &str), differences: &[Difference]) {
        self.head(item, vec![plain(": "), span(Tone::Removed, from), plain(" → "), span(Tone::Added, to)]);
        let remark = "nearly the same content; the portal removes one and adds the other";
        self.page.line(6, 8, &[span(Tone::Dim, remark)]);
        for difference in differences {
            let limit = self.limit();
            let value = |value: &Option<serde_json::Value>| {
                value.as_ref().map_or_else(|| "none".to_owned(), |value| brief(value, limit))
            };
            let (before, after) = (value(&difference.before), value(&difference.after));
            let parts = [
                plain(format!("{}: ", difference.path)),
                span(Tone::Removed, before),
                plain(" → "),
                span(Tone::Added, after),
            ];
            self.page.line(6, 8, &parts);
        }
    }
}

fn hunk_line(line: &Line) -> Vec<Span> {
    match line {
        Line::Gap { line, of, .. } => vec![span(Tone::Dim, format!("@@ line {line} of {of} @@"))],
        Line::Same(text) => vec![plain(format!("  {text}"))],
        Line::Removed(pieces) => marked("- ", pieces, Tone::Removed, Tone::RemovedWord, ["[-", "-]"]),
        Line::Added(pieces) => marked("+ ", pieces, Tone::Added, Tone::AddedWord, ["{+", "+}"]),
        Line::More(count) => vec![span(Tone::Dim, format!("… {} (-v shows them)", plural(*count, "more line")))],
    }
}

/// `2 added, 1 removed`.
pub(super) fn came_and_went(added: usize, removed: usize) -> String {
    sentence([super::counted(added, "added"), super::counted(removed, "removed")])
}

fn place(item: &Item) -> Vec<Span> {
    let class = if item.risk.is_grave() { Tone::Strong } else { Tone::Dim };
    let twin = item.twin.as_ref().map(|twin| format!("   also in {twin}")).unwrap_or_default();
    let place = span(Tone::Dim, format!("{twin}{}", gap(&item.place)));
    let edit = item.portal_edit.map(|edit| span(Tone::Strong, format!("   {edit}")));
    [span(class, item.risk.word()), place].into_iter().chain(edit).collect()
}

/// A place, three blanks behind what is before it.
fn gap(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!("   {place}") }
}

/// The words that differ stand in brackets, as `wdiff` writes them.
fn marked(sign: &str, pieces: &[Piece], line: Tone, word: Tone, brackets: [&str; 2]) -> Vec<Span> {
    let pieces = pieces.iter().map(|piece| match piece.marked {
        true => span(word, format!("{}{}{}", brackets[0], piece.text, brackets[1])),
        false => span(line, &piece.text),
    });
    std::iter::once(span(line, sign)).chain(pieces).collect()
}
