//! What `drift` and `diff` show, held against a golden text and against the plan.

use std::fmt::Write as _;

use serde_json::{Value, json};
use snapbox::{assert_data_eq, file};

use super::gallery::{OFFER, PLAN, assert_inert, cases, desired, offer, set};
use crate::content::Contents;
use crate::drift::{self, Applied, Base, Drift, Known, Moved, OfferDrift, Undeclared, Unlisted, Who};
use crate::live::{Live, LiveOffer};
use crate::plan::{self, OfferPlan, Unread};
use crate::render::{self, MarkdownOptions, Paint, PlanOptions};
use crate::report::Compared;
use crate::schema::Schemas;

const TEXT: PlanOptions =
    PlanOptions { paint: Paint { color: false }, verbose: false, html_source: false, width: None };

/// An offer at the base, in the portal and in the file.
struct Three {
    base: Value,
    portal: Value,
    file: Value,
}

impl Three {
    fn new() -> Self {
        Self { base: offer(), portal: offer(), file: offer() }
    }

    fn drift(&self, base: Known<'_>) -> OfferDrift {
        let live = Live::Present(LiveOffer { document: self.portal.clone(), etag: None });
        let shape = Schemas::builtin().shape("microsoft-azure-virtualmachines");
        let (desired, nothing) = (desired(&self.file), Contents::default());
        let differences = drift::compared(&desired, &live, &nothing, shape).changes;
        drift::of(&desired, base, &live, &nothing, &differences, shape)
    }

    fn since_receipt(&self) -> Drift {
        let shape = Schemas::builtin().shape("microsoft-azure-virtualmachines");
        let applied = Applied::new(&desired(&self.base), &self.base, shape);
        let offer = self.drift(Ok(("receipt applied.json", Base::Receipt(&applied))));
        Drift { bases: vec!["receipt applied.json".to_owned()], offers: vec![offer], ..Drift::default() }
    }

    fn since_revision(&self) -> Drift {
        let then = desired(&self.base);
        let offer = self.drift(Ok(("revision main", Base::Revision(&then))));
        Drift { bases: vec!["revision main".to_owned()], offers: vec![offer], ..Drift::default() }
    }

    fn without_base(&self) -> Drift {
        Drift { offers: vec![self.drift(Err(None))], ..Drift::default() }
    }
}

/// A title, markets and a price, edited on one side.
fn edit(document: &mut Value, word: &str) {
    set(document, &format!("{OFFER}title"), json!(format!("Contoso {word}")));
    set(document, &format!("{PLAN}regions"), json!(["AT", "BE", "DE", "SE", "US"]));
    set(document, &format!("{PLAN}virtualMachinePricing/coreMultiplier/individually/4core"), json!(1.5));
}

fn describe(document: &mut Value, from: &str, to: &str) {
    let pointer = format!("{OFFER}description");
    let html = document.pointer(&pointer).and_then(Value::as_str).expect("HTML").replace(from, to);
    set(document, &pointer, json!(html));
}

fn gallery() -> Vec<(&'static str, Drift)> {
    let mut portal = Three::new();
    edit(&mut portal.portal, "Hub");
    describe(&mut portal.portal, "for a day", "for two days");
    portal.portal["definition"]["offer"]["vendor.extra"] = json!("x");
    let mut file = Three::new();
    edit(&mut file.file, "Hub");
    describe(&mut file.file, "for a day", "for two days");
    let mut both = Three::new();
    edit(&mut both.portal, "Hub");
    set(&mut both.file, &format!("{OFFER}title"), json!("Contoso Edge"));
    set(&mut both.file, &format!("{PLAN}regions"), json!(["AT", "BE", "CH", "DE", "NO", "FR"]));
    describe(&mut both.portal, "for a day", "for two days");
    describe(&mut both.file, "for a day", "for a week");
    let mut alike = Three::new();
    edit(&mut alike.portal, "Hub");
    edit(&mut alike.file, "Hub");
    let unread = Unread {
        key: "contoso/monitor".parse().expect("a key"),
        cause: "the portal answered 403 Forbidden".to_owned(),
        hint: Some("ask for the role of an owner".to_owned()),
        denied: true,
    };
    let publisher = "fabrikam".parse().expect("a publisher");
    let unlisted = Unlisted { publisher, cause: "no answer within 30 s".to_owned(), denied: false };
    let undeclared = |key: &str, was_declared| Undeclared { key: key.parse().expect("a key"), was_declared };
    let partly = Drift {
        undeclared: vec![undeclared("contoso/stray", false), undeclared("contoso/old", true)],
        count_undeclared: true,
        unlisted: vec![unlisted],
        unread: vec![unread],
        ..portal.since_revision()
    };
    vec![
        ("no difference", Three::new().since_receipt()),
        ("changed in the portal", portal.since_receipt()),
        ("changed in the file", file.since_revision()),
        ("changed in both", both.since_receipt()),
        ("changed in both since a revision", both.since_revision()),
        ("changed in both to the same value", alike.since_receipt()),
        ("no baseline", portal.without_base()),
        ("some not read, some not declared", partly),
    ]
}

#[test]
fn the_gallery_of_drift() {
    let options = MarkdownOptions { limit: MarkdownOptions::LIMIT, html_source: false, verbose: false };
    let mut all = String::new();
    for (name, drift) in gallery() {
        let markdown = render::drift_markdown(&drift, options);
        let markdown = ["changed in both", "some not read, some not declared"].contains(&name).then_some(markdown);
        for text in std::iter::once(render::drift(&drift, TEXT)).chain(markdown) {
            assert!(!text.contains("CANARY"), "{name}: {text}");
            assert_inert(name, &text);
            let _ = writeln!(all, "==== {name}\n{text}");
        }
    }
    assert_data_eq!(all, file!["gallery-drift.txt"].raw());
}

#[test]
fn a_text_that_is_too_long_keeps_the_verdict_and_every_offer() {
    for (name, drift) in gallery() {
        let options = |limit| MarkdownOptions { limit, html_source: false, verbose: false };
        let whole = render::drift_markdown(&drift, options(MarkdownOptions::LIMIT));
        let verdict = whole.lines().nth(2).expect("the verdict");
        for limit in [400, 800, 1_200] {
            let cut = render::drift_markdown(&drift, options(limit));
            assert!(cut.len() <= whole.len() + 80 && cut.contains(verdict), "{name}: {cut}");
            assert!(drift.offers[0].moved.is_empty() || cut.contains("<code>contoso/gateway</code>"), "{name}: {cut}");
        }
    }
}

/// The lines of an offer's changes, without what stands around them.
fn blocks(text: &str, indent: usize) -> Vec<String> {
    let margin = " ".repeat(indent);
    text.lines().filter_map(|line| line.strip_prefix(&margin)).map(ToOwned::to_owned).collect()
}

/// The changes of an offer as its plan shows them.
fn of_plan(offer: &OfferPlan) -> Vec<String> {
    let alone = OfferPlan {
        diff: crate::diff::Diff {
            changes: offer.diff.changes.clone(),
            patch: offer.diff.patch.clone(),
            ..Default::default()
        },
        found: Vec::new(),
        findings: Vec::new(),
        uploads: Vec::new(),
        release: Vec::new(),
        rides_along: Vec::new(),
        estimates: Vec::new(),
        ..offer.clone()
    };
    let plan = plan::Plan::of([plan::Verdict::Change(Box::new(alone))], plan::Context::default());
    blocks(&render::plan(&plan, TEXT), 2).into_iter().filter(|line| !line.starts_with("  signed at apply")).collect()
}

/// The same change is shown in the same way, whichever command found it.
#[test]
fn drift_and_diff_show_the_blocks_of_a_plan() {
    let offers = cases().iter().flat_map(|case| case.plan.offers().iter().map(move |offer| (case.name, offer)));
    let mut seen = 0;
    for (name, offer) in offers.filter(|(_, offer)| !offer.diff.changes.is_empty()) {
        let document = match &offer.base {
            plan::Base::Present { document, .. } => Some(document.clone()),
            plan::Base::Absent => None,
        };
        let files = offer.files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
        let moved = offer.diff.changes.iter().map(|change| Moved {
            address: change.address.clone(),
            who: Who::Unknown,
            declared: None,
            base: None,
            portal: None,
            file: None,
            note: None,
            in_portal: Vec::new(),
            in_file: vec![change.clone()],
        });
        let drifted = OfferDrift {
            key: offer.key.clone(),
            files: files.clone(),
            base: None,
            why: None,
            moved: moved.collect(),
            document: document.clone(),
        };
        let compared = Compared {
            key: offer.key.clone(),
            files,
            empty: Vec::new(),
            changes: offer.diff.changes.clone(),
            document,
            not_compared: Vec::new(),
        };
        let expected = of_plan(offer);
        assert!(!expected.is_empty(), "{name}");
        let drift = render::drift(&Drift { offers: vec![drifted], ..Drift::default() }, TEXT);
        assert_eq!(blocks(&drift, 4), expected, "{name}");
        let sides = ("live".to_owned(), "file".to_owned());
        assert_eq!(blocks(&render::compared(&sides, &[compared], &[], TEXT), 2), expected, "{name}");
        seen += 1;
    }
    assert!(seen > 25, "{seen}");
}
