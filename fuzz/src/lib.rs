//! From the bytes of an offer file to a plan, as `offerctl plan` goes: read, validate, lint, compare with nothing and
//! with an offer that the portal holds, show everything. Nothing may panic, hang or grow without bound, and each patch
//! must fit the document that it was made for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use offerctl::content::Contents;
use offerctl::diagnostic::Severity;
use offerctl::lint::{self, Context};
use offerctl::live::{Live, LiveOffer};
use offerctl::model::SecretRef;
use offerctl::plan::{Bound, Choices, Plan, ReleaseView, SavedPlan, Verdict, decide};
use offerctl::render::{self, MarkdownOptions, Paint, PlanOptions};
use offerctl::schema::Schemas;
use offerctl::workspace::{Desired, offer_from_text};
use serde_json::{Value, json};

/// An offer that the portal holds, with plans, images, prices and texts.
static HELD: LazyLock<Value> = LazyLock::new(|| {
    let (desired, found) = read(include_str!("../../tests/it/fixtures/hilltop.yaml"));
    let desired = desired.unwrap_or_else(|| panic!("{found:?}"));
    desired.document.to_value(&mut |_| Value::Null)
});

fn read(text: &str) -> (Option<Desired>, Vec<offerctl::diagnostic::Diagnostic>) {
    offer_from_text("a.yaml", text, Schemas::builtin(), jiff::civil::date(2026, 1, 1))
}

/// One file.
///
/// # Panics
/// Where a promise is broken.
pub fn offer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (desired, mut found) = read(text);
    if let Some(desired) = &desired {
        let shape = Schemas::builtin().shape(&desired.offer_type);
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        found.extend(lint::check(desired, shape, &Context { now, picture: &|_, _| None }));
    }
    for color in [true, false] {
        assert_eq!(render::diagnostics(&found, color).is_empty(), found.is_empty());
    }
    assert!(desired.is_some() || found.iter().any(|finding| finding.severity == Severity::Error), "refused in silence");
    if let Some(desired) = desired {
        planned(&desired);
    }
}

/// An address for each local artifact, as after its upload.
fn desired_uploads(desired: &Desired) -> BTreeMap<String, String> {
    let mut uploads = BTreeMap::new();
    desired.document.local_files(&mut |file, _| {
        uploads.insert(file.stored_name(), "https://store.example/file".to_owned());
    });
    uploads
}

fn planned(desired: &Desired) {
    let shape = Schemas::builtin().shape(&desired.offer_type);
    let release = ReleaseView::NOTHING;
    let secret = |_: &SecretRef| Ok("a secret".to_owned());
    let document = desired.document.to_value(&mut |_| Value::Null);
    let mut plan = Plan::default();
    for held in [None, Some(&*HELD), Some(&document)] {
        let live =
            held.map_or(Live::Absent, |document| Live::Present(LiveOffer { document: document.clone(), etag: None }));
        match decide(desired, &live, &release, Contents::default(), shape, &Choices::default()) {
            Verdict::Change(offer) => {
                let before = held.cloned().unwrap_or_else(|| json!({}));
                let patch = &offer.diff.patch;
                let uploaded = desired_uploads(desired);
                patch.apply(&before, &desired.document, &secret, &uploaded).expect("the patch fits its document");
                plan.offers.push(*offer);
            }
            Verdict::Unchanged(unchanged) => plan.unchanged.push(*unchanged),
        }
    }
    let _ = plan.fingerprint();
    for (color, width) in [(true, Some(40)), (false, None)] {
        let _ = render::plan(&plan, PlanOptions { paint: Paint { color }, verbose: color, html_source: color, width });
    }
    let _ = render::plan_markdown(&plan, MarkdownOptions { limit: 2_000, html_source: false, verbose: false });
    let _ = render::plan_html(&plan, true);
    let saved = SavedPlan::write(&plan, &Bound::default());
    SavedPlan::read(&saved).expect("a plan that was written can be read");
}
