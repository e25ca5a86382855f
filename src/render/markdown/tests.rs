use serde_json::json;

use super::*;
use crate::diff::{Change, ChangeKind};
use crate::model::{Address, OfferKey, Pointer};
use crate::plan::{Context, OfferPlan, Verdict};
use crate::render::tests::gallery;
use crate::workspace::{Guard, Guards, Level};
use snapbox::{assert_data_eq, file};

const OPTIONS: MarkdownOptions = MarkdownOptions { limit: MarkdownOptions::LIMIT, html_source: false, verbose: false };

fn set(plan: &Plan, limit: usize) -> String {
    super::plan(plan, MarkdownOptions { limit, ..OPTIONS })
}

#[test]
fn the_gallery_as_markdown() {
    let all = gallery::rendered(&|plan| {
        let text = set(plan, MarkdownOptions::LIMIT);
        assert_contained(&text);
        text
    });
    assert_data_eq!(all, file!["../tests/gallery.md"].raw());
}

/// Outside of fences, nothing is HTML or Markdown but what this module writes.
#[track_caller]
fn assert_contained(text: &str) {
    let mut open = None::<&str>;
    let (mut details, mut summaries) = (0_i32, 0_i32);
    for line in text.lines() {
        match open {
            Some(fence) if line == fence => open = None,
            Some(fence) => assert!(!line.trim_start().starts_with(fence), "a fence is closed inside: {line}"),
            None if line.starts_with("```") => open = Some(line.trim_end_matches("diff")),
            None => {
                let bare = ["<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>"]
                    .iter()
                    .fold(line.to_owned(), |line, tag| line.replace(tag, ""));
                let comment = bare.starts_with("<!-- offerctl:");
                assert!(comment || !bare.contains(['<', '>', '@', '[', ']', '`', '$']), "{line}");
                assert!(!bare.contains("://") && !bare.contains("www."), "{line}");
                details += line.matches("<details>").count() as i32 - line.matches("</details>").count() as i32;
                summaries += line.matches("<summary>").count() as i32 - line.matches("</summary>").count() as i32;
                assert!((0..=1).contains(&details) && summaries == 0, "{line}");
            }
        }
    }
    assert_eq!((open, details), (None, 0), "{text}");
}

/// Many offers, each with a text that changes and an image that goes.
fn many(count: usize, words: usize) -> Plan {
    let case = gallery::cases().iter().find(|case| case.name == "a title").expect("a case");
    let one = &case.plan.offers()[0];
    let offers = (0..count).map(|n| {
        let key = format!("contoso/offer-{n:04}").parse::<OfferKey>().expect("a key");
        let plan = Address::default().key("definition").key("plans").id("basic");
        let change = |address: Address, kind: ChangeKind| Change {
            address,
            pointer: Pointer::parse("/x").expect("a pointer"),
            file: Default::default(),
            line: 7,
            kind,
            risk: None,
            immutable: false,
            twin: None,
            portal_edit: None,
        };
        let text = |word: &str| json!(format!("{word} ").repeat(words));
        let changes = vec![
            change(plan.key("vmImages").id(&format!("1.{n}.0")), ChangeKind::Remove { before: json!({"a": 1}) }),
            change(
                Address::default().key("definition").key("description"),
                ChangeKind::Replace { before: text("old"), after: text("new") },
            ),
        ];
        let diff = crate::diff::Diff { changes, ..one.diff.clone() };
        Verdict::Change(Box::new(OfferPlan { key, diff, ..one.clone() }))
    });
    let guards = Guards::default().with(Guard::ManyOffers, Level::Off);
    Plan::of(offers, Context { guards, ..Context::default() })
}

#[test]
fn five_hundred_offers_fit_with_every_deletion() {
    let plan = many(500, 40);
    let text = set(&plan, MarkdownOptions::LIMIT);
    assert!(text.chars().count() <= MarkdownOptions::LIMIT, "{}", text.chars().count());
    for n in 0..500 {
        let line = format!("- contoso/offer-{n:04} plans[basic]/vmImages[1.{n}.0]");
        assert!(text.lines().any(|other| other.starts_with(&line)), "{line}");
    }
    assert!(text.contains(&plan.fingerprint().to_string()));
    assert_contained(&text);
}

#[test]
fn it_degrades_by_steps_and_never_drops_what_matters() {
    let unread = gallery::cases().iter().flat_map(|case| case.plan.unread().to_vec()).take(2);
    let plan = Plan::of(many(12, 400).verdicts().chain(unread.map(Verdict::Unread)), Context::default());
    let mut seen = Vec::new();
    let mut limit = 60_000;
    while limit > 100 {
        let text = set(&plan, limit);
        assert_contained(&text);
        for n in 0..12 {
            assert!(text.contains(&format!("offer-{n:04} plans[basic]/vmImages")), "{limit}: {text}");
        }
        for unread in plan.unread() {
            assert!(text.contains(&code(&unread.key.to_string())), "{limit}: {text}");
        }
        assert!(text.contains(&plan.fingerprint().to_string()) && text.starts_with("<!-- offerctl:plan -->\n"));
        let said = text.lines().find(|line| line.starts_with("Cut to") || line.starts_with("This is longer"));
        let fits = text.chars().count() <= limit;
        assert_eq!(fits, !said.is_some_and(|line| line.starts_with("This is longer")), "{limit}: {text}");
        let said = said.map_or_else(String::new, |line| line.split_once(':').map_or("", |(_, what)| what).to_owned());
        if seen.last() != Some(&said) {
            seen.push(said);
        }
        limit = limit * 9 / 10;
    }
    assert_eq!(
        seen,
        [
            "",
            " long texts and the fields of new values are left out.",
            " the changes of each offer are left out.",
            " only the numbers of offers are shown.",
            " deletions and offers that were not read are never cut.",
        ]
    );
}
