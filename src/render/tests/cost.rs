//! What large edits cost to show: twice the edit takes at most two and a half times the steps, in every format.

use serde_json::{Value, json};

use super::gallery;
use crate::diff::{Change, ChangeKind, Diff};
use crate::drift::{Drift, Moved, OfferDrift, Who};
use crate::model::{Address, Pointer};
use crate::plan::{Context, OfferPlan, Plan, Verdict};
use crate::render::{self, MarkdownOptions, Paint, Places, PlanOptions};
use crate::steps::assert_linear;

fn plans() -> Address {
    Address::default().key("definition").key("plans").id("basic")
}

fn change(address: Address, pointer: &str, kind: ChangeKind) -> Change {
    let pointer = Pointer::parse(pointer).expect("a pointer");
    Change {
        address,
        pointer,
        file: Default::default(),
        line: 1,
        kind,
        risk: None,
        immutable: false,
        twin: None,
        portal_edit: None,
    }
}

/// The images with these versions: each goes or comes.
fn images(versions: std::ops::Range<usize>, kind: impl Fn(usize) -> ChangeKind) -> Vec<Change> {
    let image = |n: usize| {
        let version = format!("1.{n}.0");
        let pointer = format!("/definition/plans/0/vmImages/{version}");
        change(plans().key("vmImages").id(&version), &pointer, kind(n))
    };
    versions.map(image).collect()
}

fn image(name: usize) -> Value {
    json!({"osVhdUrl": format!("https://h.blob.core.windows.net/v/{name}.vhd"), "lunVhdDetails": [], "size": name})
}

fn description(before: &str, after: &str) -> Vec<Change> {
    let kind = ChangeKind::Replace { before: json!(before), after: json!(after) };
    vec![change(Address::default().key("definition").key("description"), "/definition/description", kind)]
}

/// Shows the changes in every format.
fn show(changes: Vec<Change>) {
    let one = gallery::cases().iter().find(|case| case.name == "a title").expect("a case").plan.offers()[0].clone();
    let plan = Plan::of(
        [Verdict::Change(Box::new(OfferPlan { diff: Diff { changes, ..one.diff.clone() }, ..one }))],
        Context::default(),
    );
    for width in [None, Some(80)] {
        let paint = Paint { color: false };
        let _ = render::plan(&plan, PlanOptions { paint, verbose: false, html_source: false, width });
    }
    for limit in [MarkdownOptions::LIMIT, 1_000] {
        let _ = render::plan_markdown(&plan, MarkdownOptions { limit, html_source: false, verbose: false });
    }
    let _ = render::plan_html(&plan, false);
    let _ = render::github::plan(&plan, &Places::default());
    let _ = render::junit::plan(&plan, &Places::default());
}

#[test]
fn image_versions_with_other_numbers() {
    assert_linear(100, |count| {
        let mut changes = images(0..count, |n| ChangeKind::Remove { before: image(n) });
        changes.extend(images(count..2 * count, |n| ChangeKind::Add { after: image(n - count) }));
        show(changes);
    });
}

#[test]
fn replaced_image_versions() {
    assert_linear(200, |count| {
        let mut changes = images(0..count, |n| ChangeKind::Remove { before: image(n) });
        changes.extend(images(count..2 * count, |n| ChangeKind::Add { after: image(n) }));
        show(changes);
    });
}

#[test]
fn prices_of_all_regions_and_sizes() {
    let raised = |region: usize, size: usize| {
        let (at, name) = (plans().key("virtualMachinePricing").key("regionPrices"), format!("{size}core"));
        let price = (region * 27 + size) as f64;
        let kind = ChangeKind::Replace { before: json!(price), after: json!(price * 1.5) };
        let pointer = format!("/definition/plans/0/virtualMachinePricing/regionPrices/R{region}/{name}");
        change(at.key(&format!("R{region}")).key(&name), &pointer, kind)
    };
    assert_linear(50, |regions| show((0..regions).flat_map(|n| (1..28).map(move |m| raised(n, m))).collect()));
    assert_linear(50, |regions| {
        let sizes = |n| (1..28).map(|m| (format!("{m}core"), json!(n * 27 + m))).collect::<serde_json::Map<_, _>>();
        let prices = (0..regions).map(|n| (format!("R{n}"), json!(sizes(n)))).collect::<serde_json::Map<_, _>>();
        let address = plans().key("virtualMachinePricing").key("regionPrices");
        let kind = ChangeKind::Add { after: json!(prices) };
        show(vec![change(address, "/definition/plans/0/virtualMachinePricing/regionPrices", kind)]);
    });
}

#[test]
fn html_that_changes_on_every_line() {
    let text = |word: &str, lines| (0..lines).map(|n| format!("<p>Line {n} has a {word}.</p>\n")).collect::<String>();
    assert_linear(1_600, |lines| show(description(&text("word", lines), &text("term", lines))));
    let every_other = |word: &str, lines| {
        let line = |n| format!("<p>Line {n} has a {}.</p>\n", if n % 2 == 0 { word } else { "name" });
        (0..lines).map(line).collect::<String>()
    };
    assert_linear(700, |lines| show(description(&every_other("word", lines), &every_other("term", lines))));
}

#[test]
fn a_reversed_list() {
    assert_linear(3_200, |count| {
        let before = (0..count).map(|n| json!({"title": "T", "url": format!("https://h/{n}")})).collect::<Vec<_>>();
        let after = before.iter().rev().cloned().collect();
        let address = Address::default().key("definition").key("usefulLinks");
        show(vec![change(address, "/definition/usefulLinks", ChangeKind::List { before, after })]);
    });
}

fn text_change(n: usize) -> ChangeKind {
    ChangeKind::Replace {
        before: json!(format!("the text {n} was long enough to be compared with another by its words")),
        after: json!(format!("the text {n} is long enough to be compared with another by its words")),
    }
}

#[test]
fn values_that_drifted() {
    let moved = |n: usize| Moved {
        address: plans().key(&format!("field{n}")),
        who: Who::Portal,
        declared: Some(("offers/a.yaml".to_owned(), n)),
        base: None,
        portal: None,
        file: None,
        note: None,
        in_portal: vec![change(plans().key(&format!("field{n}")), "", text_change(n))],
        in_file: Vec::new(),
    };
    assert_linear(200, |count| {
        let offer = OfferDrift {
            key: "contoso/gateway".parse().expect("a key"),
            files: vec!["offers/gateway.yaml".to_owned()],
            document: None,
            base: None,
            why: None,
            moved: (0..count).map(moved).collect(),
        };
        let drift = Drift { offers: vec![offer], ..Drift::default() };
        let options = PlanOptions { paint: Paint { color: false }, verbose: false, html_source: false, width: None };
        let _ = render::drift(&drift, options);
        let _ = render::drift_markdown(&drift, MarkdownOptions { limit: 1_000, html_source: false, verbose: false });
        let _ = render::github::drift(&drift, &Places::default());
        let _ = render::junit::drift(&drift);
    });
}
