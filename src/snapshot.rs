//! What the portal held at one moment, as a file: enough to plan against without a portal, and no secret.
//!
//! Secrets are taken out, so a text that held one cannot be compared any more. Of an address with a signature (too long
//! to be guessed) a digest is kept beside it: where a file declares the very same address, it is put back before
//! comparing, and everywhere else a stand-in is, that is masked like the secret was. So a plan from a snapshot is the
//! plan from the portal. The file is read as untrusted input: its size, form and checksum are looked at first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::content::Contents;
use crate::document;
use crate::live::{Live, LiveOffer};
use crate::model::{Artifact, Digest, ETag, Kind, Node, OfferKey, Pointer, PublisherId, named};
use crate::plan::{Content, InProgress, ReleaseView, Unread, sealed};
use crate::redact;
use crate::schema::Shape;
use crate::workspace::Desired;

/// Largest snapshot that is read, in bytes.
pub(crate) const MAX_BYTES: u64 = 256 << 20;

const FORMAT: &str = "offerctl-snapshot";
const FORMAT_VERSION: &str = "2.0";
/// A secret of fewer characters could be found again by trying, so no digest of it is kept.
const UNGUESSABLE: usize = 32;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    /// The portal, as saved plans call it.
    pub(crate) portal: String,
    pub(crate) taken: jiff::Timestamp,
    pub(crate) content: Recorded,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// The offers, in the order of their keys.
    pub(crate) offers: Vec<RecordedOffer>,
    /// Offers that could not be read, in the order of their keys: they are not absent.
    pub(crate) unread: Vec<Unread>,
    /// All offers of each publisher that could be listed: one that is not among them does not exist.
    pub(crate) listed: BTreeMap<PublisherId, BTreeSet<String>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordedOffer {
    #[serde(with = "named")]
    pub(crate) offer: OfferKey,
    /// What the portal held; `None` where it had no such offer.
    pub(crate) present: Option<Present>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Present {
    etag: Option<ETag>,
    /// Of the canonical form, secrets included.
    digest: Digest,
    document: Value,
    /// By pointer, digests of texts that held a secret which cannot be guessed.
    marks: BTreeMap<String, Digest>,
    release: ReleaseView,
    /// What the files behind artifacts were found to hold.
    contents: Contents,
}

/// Why a file cannot be used as a snapshot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("it is not a snapshot: {0}")]
    NotASnapshot(String),
    #[error("it has the format {0}, and this offerctl reads {FORMAT_VERSION}")]
    OtherVersion(String),
    #[error("it was changed after it was written: its checksum does not match")]
    Edited,
}

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    format_version: String,
    tool: String,
    portal: String,
    taken: String,
    content: Value,
}

impl Snapshot {
    /// The text of its file. `scrub` takes the secrets of this process out of its content, before the checksum is made.
    pub(crate) fn write(&self, scrub: &dyn Fn(&str) -> String) -> String {
        let content = serde_json::to_string(&self.content);
        let content = content.and_then(|content| serde_json::from_str(&scrub(&content)));
        sealed::seal(&File {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION.to_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            portal: self.portal.clone(),
            taken: self.taken.to_string(),
            content: content.unwrap_or_else(|error| unreachable!("a snapshot serialises: {error}")),
        })
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is no snapshot, one of another version, or one that was edited.
    pub(crate) fn read(text: &str) -> Result<Self, SnapshotError> {
        let not = |error: serde_json::Error| SnapshotError::NotASnapshot(error.to_string());
        let value = serde_json::from_str::<Value>(text).map_err(not)?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(SnapshotError::NotASnapshot(format!("it has no `\"format\": \"{FORMAT}\"`")));
        }
        let intact = sealed::is_intact(&value);
        let file = serde_json::from_value::<File>(value).map_err(not)?;
        if file.format_version.split('.').next() != FORMAT_VERSION.split('.').next() {
            return Err(SnapshotError::OtherVersion(file.format_version));
        }
        if !intact {
            return Err(SnapshotError::Edited);
        }
        let taken = file.taken.parse::<jiff::Timestamp>();
        let taken = taken.map_err(|_| SnapshotError::NotASnapshot("`taken` is not a time".to_owned()))?;
        let mut content = serde_json::from_value::<Recorded>(file.content).map_err(not)?;
        for ids in content.listed.values_mut() {
            *ids = ids.iter().map(|id| id.to_ascii_lowercase()).collect();
        }
        content.offers.sort_by(|a, b| a.offer.cmp(&b.offer));
        content.unread.sort_by(|a, b| a.key.cmp(&b.key));
        let documents = content.offers.iter().filter_map(|offer| offer.present.as_ref()).map(|one| &one.document);
        if documents.into_iter().any(|document| !document.get("definition").is_some_and(Value::is_object)) {
            return Err(SnapshotError::NotASnapshot("a document in it is not an offer".to_owned()));
        }
        Ok(Self { portal: file.portal, taken, content })
    }

    /// How old it is, in seconds.
    pub(crate) fn age(&self, now: jiff::Timestamp) -> i64 {
        now.as_second() - self.taken.as_second()
    }

    /// What it says of a declared offer, as if the portal had said it.
    ///
    /// # Errors
    /// When it does not say: that it has no such offer is said only where the list of all offers has none.
    pub(crate) fn offer(&self, desired: &Desired, shape: &Shape) -> Result<(Live, ReleaseView, Contents), Unread> {
        let key = &desired.key;
        let Recorded { offers, unread, listed } = &self.content;
        if let Ok(at) = offers.binary_search_by(|recorded| recorded.offer.cmp(key)) {
            return Ok(match &offers[at].present {
                Some(present) => present.restore(desired, shape),
                None => (Live::Absent, ReleaseView::NOTHING, Contents::default()),
            });
        }
        if let Ok(at) = unread.binary_search_by(|unread| unread.key.cmp(key)) {
            let cause = format!("when the snapshot was taken: {}", unread[at].cause);
            return Err(Unread { cause, ..unread[at].clone() });
        }
        let listed = listed.get(&key.publisher);
        if listed.is_some_and(|ids| !ids.contains(&key.offer.as_str().to_ascii_lowercase())) {
            return Ok((Live::Absent, ReleaseView::NOTHING, Contents::default()));
        }
        let cause = match listed {
            Some(_) => "the portal had this offer, but it is not in the snapshot",
            None => "it is not in the snapshot, which does not list all offers of the publisher",
        };
        let hint = Some("take a new snapshot where the offer is declared".to_owned());
        Err(Unread { key: key.clone(), cause: cause.to_owned(), hint, denied: false })
    }
}

impl Present {
    /// What is kept of an offer that was read.
    pub(crate) fn record(
        desired: &Desired,
        offer: &LiveOffer,
        release: ReleaseView,
        contents: Contents,
        shape: &Shape,
    ) -> Self {
        let without = |document: &Value| document::redacted_beside(document, Some(&desired.document), shape);
        let document = without(&offer.document);
        let mut marks = BTreeMap::new();
        mark(&offer.document, &document, &Pointer::root(), &mut marks);
        let production_document = release.production_document.as_ref().map(without);
        let release = ReleaseView { production_document, ..release };
        Self { etag: offer.etag.clone(), digest: offer.digest(shape), document, marks, release, contents }
    }

    fn restore(&self, desired: &Desired, shape: &Shape) -> (Live, ReleaseView, Contents) {
        let mut declared = BTreeMap::new();
        texts(&desired.document, &mut declared);
        let mut document = self.document.clone();
        self.fill(&mut document, &Pointer::root(), &declared);
        let now = document::digest(&document, shape);
        // The digests of slots are those of documents with their secrets; only whether they are the draft's matters.
        let same = |digest: &Digest| if *digest == self.digest { now.clone() } else { digest.clone() };
        let content = |content: &Content| match content {
            Content::Known(digest) => Content::Known(same(digest)),
            Content::Unknown => Content::Unknown,
        };
        let release = ReleaseView {
            preview: self.release.preview.as_ref().map(same),
            production: self.release.production.as_ref().map(same),
            in_progress: match &self.release.in_progress {
                InProgress::Publishing(of) => InProgress::Publishing(content(of)),
                InProgress::GoingLive(of) => InProgress::GoingLive(content(of)),
                other @ (InProgress::Nothing | InProgress::AwaitingSignoff) => other.clone(),
            },
            ..self.release.clone()
        };
        (Live::Present(LiveOffer { document, etag: self.etag.clone() }), release, self.contents.clone())
    }

    /// Puts declared texts back where the digest says that they stood, and a stand-in everywhere else.
    fn fill(&self, value: &mut Value, at: &Pointer, declared: &BTreeMap<String, Vec<String>>) {
        match value {
            Value::String(text) if text.contains(redact::MASK) => {
                let mark = self.marks.get(at.as_str());
                let candidates = declared.get(text.as_str()).map(Vec::as_slice).unwrap_or_default();
                let very = candidates.iter().find(|candidate| mark == Some(&digest(at, candidate)));
                *text = very.cloned().unwrap_or_else(|| stand_in(text));
            }
            Value::Array(items) => {
                items.iter_mut().enumerate().for_each(|(index, item)| {
                    self.fill(item, &at.with_trailing_token(index), declared);
                });
            }
            Value::Object(map) => {
                map.iter_mut().for_each(|(key, inner)| {
                    self.fill(inner, &at.with_trailing_token(key.as_str()), declared);
                });
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Keeps a digest of every text of which a part was masked that nobody can guess.
fn mark(original: &Value, masked: &Value, at: &Pointer, marks: &mut BTreeMap<String, Digest>) {
    match (original, masked) {
        (Value::String(original), Value::String(masked)) if original != masked && masked != redact::MASK => {
            let hidden = (original.len() + redact::MASK.len() * masked.matches(redact::MASK).count())
                .saturating_sub(masked.len());
            if hidden >= UNGUESSABLE {
                marks.insert(at.as_str().to_owned(), digest(at, original));
            }
        }
        (Value::Array(original), Value::Array(masked)) => {
            for (index, (original, masked)) in original.iter().zip(masked).enumerate() {
                mark(original, masked, &at.with_trailing_token(index), marks);
            }
        }
        (Value::Object(original), Value::Object(masked)) => {
            for (key, original) in original {
                if let Some(masked) = masked.get(key) {
                    mark(original, masked, &at.with_trailing_token(key.as_str()), marks);
                }
            }
        }
        _ => {}
    }
}

fn digest(at: &Pointer, text: &str) -> Digest {
    Digest::of(format!("{at}\n{text}").as_bytes())
}

/// Every declared text that holds a secret, by its masked form.
fn texts(node: &Node, found: &mut BTreeMap<String, Vec<String>>) {
    let text = match &node.kind {
        Kind::Scalar(Value::String(text)) | Kind::Artifact(Artifact::Url(text)) => Some(text),
        _ => None,
    };
    if let Some(text) = text.filter(|text| redact::holds_secret(text)) {
        found.entry(redact::text(text)).or_default().push(text.clone());
    }
    node.entries().iter().for_each(|entry| texts(&entry.value, found));
    node.items().iter().for_each(|item| texts(item, found));
}

/// A text that is masked to this one: what knows secrets by their form must see that there was one.
fn stand_in(masked: &str) -> String {
    let long = masked.replace(redact::MASK, &redact::MASK.repeat(3));
    if redact::text(&long) == masked { long } else { masked.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnostic::{Source, Sources};
    use crate::plan::{self, Choices};
    use crate::schema::Schemas;
    use crate::workspace::{Reconcile, Through};

    const VM: &str = "microsoft-azure-virtualmachines";
    const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";

    fn shape() -> &'static Shape {
        Schemas::builtin().shape(VM)
    }

    fn url(signature: &str) -> String {
        format!("https://s.blob.core.windows.net/v/a.vhd?sv=1&sig={}", signature.repeat(11))
    }

    fn document(title: &str, image: &str, link: &str) -> Value {
        json!({"publisherId": "contoso", "id": "a", "offerTypeId": VM, "definition": {
            "offer": {"microsoft-azure-marketplace.title": title, "vendor.link": link, "vendor.links": [link, "x"]},
            "plans": [{"planId": "basic", IMAGES: {"1.0.0": {"osVhdUrl": image}}}]}})
    }

    fn desired(document: &Value) -> Desired {
        Desired {
            key: "contoso/a".parse().expect("a key"),
            offer_type: VM.to_owned(),
            document: Node::from_value(document).into(),
            reconcile: Reconcile::default(),
            sources: Sources::new(Source { path: "offers/a.yaml".into(), text: "".into() }),
            files: vec![("offers/a.yaml".to_owned(), Digest::of(b"a"))],
        }
    }

    fn snapshot(content: Recorded) -> Snapshot {
        let taken = "2026-01-02T03:04:05Z".parse().expect("a time");
        Snapshot { portal: "https://p.example".to_owned(), taken, content }
    }

    fn of(desired: &Desired, live: &Value, release: &ReleaseView) -> Snapshot {
        let offer = LiveOffer { document: live.clone(), etag: Some(ETag::new("W/\"1\"")) };
        let present = Present::record(desired, &offer, release.clone(), Contents::default(), shape());
        let offers = vec![RecordedOffer { offer: desired.key.clone(), present: Some(present) }];
        let written = snapshot(Recorded { offers, ..Recorded::default() }).write(&str::to_owned);
        assert!(!written.contains("SECR"), "{written}");
        Snapshot::read(&written).expect("a snapshot")
    }

    /// Plans against the portal and against its snapshot.
    fn both(file: &Value, live: &Value, release: &ReleaseView) -> [plan::Plan; 2] {
        let desired = desired(file);
        let read = of(&desired, live, release).offer(&desired, shape()).expect("it is in there");
        let online = (
            Live::Present(LiveOffer { document: live.clone(), etag: Some(ETag::new("W/\"1\"")) }),
            release.clone(),
            Contents::default(),
        );
        [online, read].map(|(live, release, contents)| {
            let choices = Choices { through: Some(Through::Live), ..Choices::default() };
            let verdict = plan::decide(&desired, &live, &release, contents, shape(), &choices);
            plan::assemble(vec![verdict], plan::Context::default()).expect("a plan")
        })
    }

    #[test]
    fn a_plan_from_a_snapshot_is_the_plan_from_the_portal() {
        let (one, other) = (url("SECR"), url("SECRx"));
        let live = document("old", &one, &one);
        let production = ReleaseView {
            production: Some(document::digest(&live, shape())),
            production_document: Some(document("older", &one, &other)),
            ..ReleaseView::NOTHING
        };
        let at_rest = ReleaseView { production: Some(document::digest(&live, shape())), ..ReleaseView::NOTHING };
        for (file, release) in [
            (document("old", &one, &one), &at_rest),
            (document("new", &one, &one), &production),
            (document("old", &other, &one), &ReleaseView::NOTHING),
            (document("old", &one, &other), &ReleaseView::NOTHING),
            (document("old", "https://h/plain", "https://h/plain"), &production),
        ] {
            let [online, offline] = both(&file, &live, release);
            assert_eq!(online.fingerprint(), offline.fingerprint());
            assert_eq!(online.offers().len(), offline.offers().len());
            for (online, offline) in online.offers().iter().zip(offline.offers()) {
                assert_eq!((&online.diff, &online.rides_along), (&offline.diff, &offline.rides_along));
            }
            let diffs = |plan: &plan::Plan| plan.unchanged().iter().map(|one| one.diff.clone()).collect::<Vec<_>>();
            assert_eq!(diffs(&online), diffs(&offline));
        }
    }

    #[test]
    fn absence_is_said_only_where_the_list_of_all_offers_says_so() {
        let desired = desired(&document("T", "x", "x"));
        let publisher = desired.key.publisher.clone();
        let with = |content: Recorded| {
            Snapshot::read(&snapshot(content).write(&str::to_owned)).expect("good").offer(&desired, shape())
        };
        let listed = |ids: &[&str]| Recorded {
            listed: [(publisher.clone(), ids.iter().map(|id| (*id).to_owned()).collect())].into(),
            ..Recorded::default()
        };
        assert!(matches!(with(listed(&["b"])), Ok((Live::Absent, ..))));
        assert!(with(listed(&["A"])).is_err() && with(Recorded::default()).is_err());
        let unread = Unread { key: desired.key.clone(), cause: "503".to_owned(), hint: None, denied: false };
        let failed = with(Recorded { unread: vec![unread], ..listed(&[]) }).expect_err("it was not read");
        assert_eq!(failed.cause, "when the snapshot was taken: 503");
    }

    #[test]
    fn a_file_that_is_no_snapshot_says_why() {
        let good = snapshot(Recorded::default()).write(&str::to_owned);
        assert!(Snapshot::read(&good).is_ok());
        assert_eq!(Snapshot::read(&good.replace("p.example", "q.example")), Err(SnapshotError::Edited));
        for version in ["1.0", "3.0"] {
            let other = good.replace("\"format_version\": \"2.0\"", &format!("\"format_version\": \"{version}\""));
            assert_eq!(Snapshot::read(&other), Err(SnapshotError::OtherVersion(version.to_owned())));
        }
        for bad in ["", "[]", "{}", "null", r#"{"format": "offerctl-plan"}"#, &"[".repeat(10_000)] {
            assert!(matches!(Snapshot::read(bad), Err(SnapshotError::NotASnapshot(_))), "{bad:.20}");
        }
    }
}
