//! What the tests in `tests/` and the fuzz target use of the crate. Nothing else of it is public.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

pub use crate::model::Profile;
pub use crate::sandbox::{
    Client, FinalWord, MissingIfMatch, Options, Proxy, ProxyOptions, Refuses, Sandbox, Seed, Switches,
};

use crate::content::Contents;
use crate::diagnostic::{About, Diagnostic, Severity};
use crate::diff::Late;
use crate::lint::{self, Context};
use crate::live::{Live, LiveOffer};
use crate::plan::{self, Bound, Choices, ReleaseView, SavedPlan, Verdict};
use crate::render::{self, MarkdownOptions, Paint, PlanOptions};
use crate::schema::Schemas;
use crate::snapshot::Snapshot;
use crate::workspace::{Desired, offer_from_text, plain_yaml};

/// The codes of all findings in files, with their names.
pub fn codes() -> impl Iterator<Item = (String, &'static str)> {
    About::all().map(|about| (about.code.to_string(), about.name))
}

/// Returns a YAML text without tags as JSON.
///
/// # Errors
/// The findings in the text.
pub fn yaml_to_json(name: &str, text: String) -> Result<Value, String> {
    plain_yaml(name, text).map_err(|found| render::diagnostics(&found, false))
}

/// Returns a saved plan after an edit of its JSON, with a fingerprint and a checksum that fit it.
///
/// # Panics
/// When `text` or the result is not a saved plan.
pub fn forge_plan(text: &str, edit: impl FnOnce(&mut Value)) -> String {
    let SavedPlan { content, bound, fingerprint: _ } = SavedPlan::read(text).expect("a plan");
    let mut forged = serde_json::to_value(&content).expect("JSON");
    edit(&mut forged);
    let content = serde_json::from_value::<plan::SavedContent>(forged).expect("a plan");
    let plan = plan::assemble(content.into_verdicts(), plan::Context::default()).expect("a plan");
    SavedPlan::write(&plan, &bound)
}

/// Returns a snapshot that was taken `hours` earlier.
///
/// # Panics
/// When `text` is not a snapshot.
pub fn age_snapshot(text: &str, hours: i64) -> String {
    let snapshot = Snapshot::read(text).expect("a snapshot");
    Snapshot { taken: snapshot.taken - jiff::SignedDuration::from_hours(hours), ..snapshot }.write(&str::to_owned)
}

/// An offer that the portal holds, with plans, images, prices and texts.
static HELD: LazyLock<Value> = LazyLock::new(|| {
    let (desired, found) = read(include_str!("../tests/it/fixtures/hilltop.yaml"));
    let desired = desired.unwrap_or_else(|| panic!("{found:?}"));
    desired.document.to_value(&mut |_| Value::Null)
});

fn read(text: &str) -> (Option<Desired>, Vec<Diagnostic>) {
    offer_from_text("a.yaml", text, Schemas::builtin(), jiff::civil::date(2026, 1, 1))
}

/// Takes the bytes of an offer file through all stages: read, validate, lint, compare with no offer and with a live one,
/// render. Nothing may panic, hang or grow without bound, and each patch must fit the document that it was made for.
///
/// # Panics
/// Where a promise is broken.
pub fn check_offer_file(bytes: &[u8]) {
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
        check_plan(&desired);
    }
}

/// An address for each local artifact, as after its upload.
fn uploads(desired: &Desired) -> BTreeMap<String, String> {
    let mut uploads = BTreeMap::new();
    desired.document.local_files(&mut |file, _| {
        uploads.insert(file.stored_name(), "https://store.example/file".to_owned());
    });
    uploads
}

fn check_plan(desired: &Desired) {
    let shape = Schemas::builtin().shape(&desired.offer_type);
    let release = ReleaseView::NOTHING;
    let secret = |_: Late<'_>| Ok("a secret".to_owned());
    let document = desired.document.to_value(&mut |_| Value::Null);
    let mut verdicts = Vec::new();
    for held in [None, Some(&*HELD), Some(&document)] {
        let live =
            held.map_or(Live::Absent, |document| Live::Present(LiveOffer { document: document.clone(), etag: None }));
        let verdict = plan::decide(desired, &live, &release, Contents::default(), shape, &Choices::default());
        if let Verdict::Change(offer) = &verdict {
            let before = held.cloned().unwrap_or_else(|| json!({}));
            let patch = &offer.diff.patch;
            let uploaded = uploads(desired);
            patch.apply(&before, &desired.document, &secret, &uploaded).expect("the patch fits its document");
        }
        verdicts.push(verdict);
    }
    let plan = plan::assemble(verdicts, plan::Context::default()).expect("a plan");
    for (color, width) in [(true, Some(40)), (false, None)] {
        let _ = render::plan(&plan, PlanOptions { paint: Paint { color }, verbose: color, html_source: color, width });
    }
    let _ = render::plan_markdown(&plan, MarkdownOptions { limit: 2_000, html_source: false, verbose: false });
    let _ = render::plan_html(&plan, true);
    let saved = SavedPlan::write(&plan, &Bound::default());
    SavedPlan::read(&saved).expect("a plan that was written can be read");
}

/// One offer on its way through the stages, for benchmarks.
pub struct Stages {
    text: String,
    desired: Desired,
    live: Live,
    plan: plan::Plan,
}

impl Stages {
    /// An offer as a file declares it, and as the portal holds it.
    ///
    /// # Panics
    /// When the text has errors.
    #[must_use]
    pub fn new(text: String, live: Value) -> Self {
        let (desired, found) = read(&text);
        let desired = desired.unwrap_or_else(|| panic!("{found:?}"));
        let live = Live::Present(LiveOffer { document: live, etag: None });
        let verdict = Self::decide(&desired, &live);
        let plan = plan::assemble(vec![verdict], plan::Context::default()).expect("a plan");
        Self { text, desired, live, plan }
    }

    fn decide(desired: &Desired, live: &Live) -> Verdict {
        let shape = Schemas::builtin().shape(&desired.offer_type);
        plan::decide(desired, live, &ReleaseView::NOTHING, Contents::default(), shape, &Choices::default())
    }

    /// Reads and checks the text. Returns how many findings there are.
    pub fn load(&self) -> usize {
        read(&self.text).1.len()
    }

    /// Lints the offer. Returns how many findings there are.
    ///
    /// # Panics
    /// Never.
    pub fn lint(&self) -> usize {
        let shape = Schemas::builtin().shape(&self.desired.offer_type);
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        lint::check(&self.desired, shape, &Context { now, picture: &|_, _| None }).len()
    }

    /// Compares the two sides. Returns how many changes there are.
    pub fn compare(&self) -> usize {
        match Self::decide(&self.desired, &self.live) {
            Verdict::Change(offer) => offer.diff.changes.len(),
            Verdict::Unchanged(_) | Verdict::Unread(_) => 0,
        }
    }

    /// Renders the plan as text, Markdown and JSON. Returns how many bytes there are.
    pub fn render(&self) -> usize {
        let options = PlanOptions { paint: Paint { color: false }, verbose: false, html_source: false, width: None };
        let markdown = MarkdownOptions { limit: MarkdownOptions::LIMIT, html_source: false, verbose: false };
        render::plan(&self.plan, options).len()
            + render::plan_markdown(&self.plan, markdown).len()
            + render::plan_json(&self.plan).len()
    }
}
