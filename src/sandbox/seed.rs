//! The offers that a sandbox starts with.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::clock::Clock;
use super::content::Content;
use super::mint::Mint;
use super::moment::Moment;
use super::offer::{Offer, Revision};
use super::portal::Portal;
use super::submission::{State, Submission, Target};
use crate::error::Error;
use crate::model::{OfferKey, Profile};
use crate::text;

/// Where the first offers come from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Seed {
    /// The offers of Contoso that are part of the program.
    #[default]
    Contoso,
    /// These documents, each in the form that GET of an offer has. A top-level `_sandbox` object may hold the
    /// definitions for the slots `preview` and `production`, where they are not the draft's.
    Documents(Vec<Value>),
    /// The same from the `*.json` files of a folder, which is read file by file, so that many fit.
    Folder(PathBuf),
    Nothing,
}

const CONTOSO: [(&str, &str); 3] = [
    ("analytics-server.json", include_str!("seed/analytics-server.json")),
    ("edge-gateway.json", include_str!("seed/edge-gateway.json")),
    ("hardened-linux.json", include_str!("seed/hardened-linux.json")),
];

/// The seed documents of a folder: every `*.json` file in it, in the order of the file names.
///
/// # Errors
/// When the folder cannot be read.
fn seed_files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(dir).map_err(|error| Error::io("read the seed folder", dir, &error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::io("read the seed folder", dir, &error))?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    Ok(paths)
}

fn read_seed(path: &Path) -> Result<Value, Error> {
    let text = text::read(path).map_err(|error| Error::io("read the seed", path, &error))?;
    serde_json::from_str(&text)
        .map_err(|error| Error::invalid(format!("the seed {} is not JSON: {error}", path.display())))
}

/// Reads the faults of a YAML file: an object with `faults`, and maybe a `seed`.
///
/// # Errors
/// When the file cannot be read or is not YAML. The error shows the place.
pub(crate) fn read_faults(path: &Path) -> Result<Value, Error> {
    let text = text::read(path).map_err(|error| Error::io("read the faults", path, &error))?;
    crate::workspace::plain_yaml(&path.to_string_lossy(), text)
        .map_err(|findings| Error::invalid(format!("the faults in {} are not YAML", path.display())).with(findings))
}

impl Seed {
    /// A portal with these offers.
    pub(super) fn portal(&self, salt: &str, clock: Clock, now: i64, default_profile: Profile) -> Result<Portal, Error> {
        let mut portal = Portal::new(salt, clock);
        let mut take = |name: &str, document: Value| -> Result<(), Error> {
            let offer = offer(document, &mut portal.mint, now, default_profile)
                .map_err(|reason| Error::invalid(format!("{name}: {reason}")))?;
            match portal.offers.insert(offer.key.clone(), Arc::new(offer)) {
                Some(other) => Err(Error::invalid(format!("{name}: the offer {} is there already", other.key))),
                None => Ok(()),
            }
        };
        match self {
            Self::Nothing => {}
            Self::Documents(documents) => {
                for (index, document) in documents.iter().enumerate() {
                    take(&format!("seed document {}", index + 1), document.clone())?;
                }
            }
            Self::Folder(folder) => {
                for path in seed_files(folder)? {
                    take(&format!("the seed {}", path.display()), read_seed(&path)?)?;
                }
            }
            Self::Contoso => {
                for (name, text) in CONTOSO {
                    let document = serde_json::from_str(text)
                        .map_err(|error| Error::failed(format!("built-in seed {name}: {error}")))?;
                    take(&format!("built-in seed {name}"), document)?;
                }
            }
        }
        Ok(portal)
    }
}

/// An offer as if it had gone the way that its document tells of.
fn offer(mut document: Value, mint: &mut Mint, now: i64, default_profile: Profile) -> Result<Offer, String> {
    let extras = document.as_object_mut().and_then(|members| members.shift_remove("_sandbox")).unwrap_or_default();
    let text = |name: &str| {
        let value = document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        value.map(ToOwned::to_owned).ok_or_else(|| format!("it has no `{name}`"))
    };
    let key: OfferKey =
        format!("{}/{}", text("publisherId")?, text("id")?).parse().map_err(|error| format!("{error}"))?;
    let profile = match document["pcMigrationStatus"].as_str() {
        Some("migrated") => Profile::Migrated,
        Some(_) => Profile::Native,
        None => default_profile,
    };
    let status = text("status").unwrap_or_default();
    let definition = match document.get("definition") {
        Some(definition @ Value::Object(_)) => definition.clone(),
        _ => return Err("`definition` is not an object".to_owned()),
    };
    let changed = document["changedTime"].as_str().and_then(Moment::parse).unwrap_or_else(|| mint.stamp(now));
    let version = document["version"].as_i64().unwrap_or_else(|| mint.version_after(0, profile));
    let content = Content::new(mint.number(), &definition);
    let draft = Revision { version, changed, etag: changed.next().etag(), content };
    let resting =
        if matches!(status.as_str(), "notStarted" | "canceled" | "failed") { &status } else { "neverPublished" };
    let mut offer = Offer {
        key,
        offer_type: text("offerTypeId")?,
        profile,
        guid: mint.guid(),
        redirect: document["pcRedirectUri"].as_str().unwrap_or_default().to_owned(),
        upgrade_requested: document["isvUpgradeRequest"].as_bool().unwrap_or_default(),
        resting: resting.to_owned(),
        draft,
        earlier: Vec::new(),
        published: BTreeSet::new(),
        preview: None,
        production: None,
        submissions: Vec::new(),
    };
    fill_slots(&mut offer, Reached::of(&status), &extras, mint);
    Ok(offer)
}

/// How far the offer got before the sandbox began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Draft,
    Preview,
    Production,
}

impl Reached {
    fn of(status: &str) -> Self {
        match status {
            "succeeded" | "published" => Self::Production,
            "waitingForPublisherReview" => Self::Preview,
            _ => Self::Draft,
        }
    }
}

/// Puts content into the slots, newest first so that older content gets lower versions, and writes the history.
fn fill_slots(offer: &mut Offer, reached: Reached, extras: &Value, mint: &mut Mint) {
    let mut latest = offer.draft.clone();
    let mut content = |given: &Value, expected: bool, offer: &mut Offer| {
        if given.is_null() && !expected {
            return None;
        }
        if !given.is_null() && *given != latest.content.value() {
            let version = match offer.profile {
                Profile::Native => latest.version - 1,
                Profile::Migrated => mint.version_after(latest.version, offer.profile),
            };
            let content = Content::new(mint.number(), given);
            latest = Revision { version, content, ..latest.clone() };
            offer.earlier.insert(0, latest.clone());
        }
        offer.published.insert(latest.version);
        Some(latest.version)
    };
    offer.preview = content(&extras["preview"], reached >= Reached::Preview, offer);
    offer.production = content(&extras["production"], reached == Reached::Production, offer);
    let created = offer.draft.changed;
    let mut submission = |target, offer_version, publishing_version, state| Submission {
        id: mint.guid(),
        target,
        publishing_version,
        offer_version,
        emails: String::new(),
        created,
        step_millis: 0,
        failure: None,
        state,
    };
    if let Some(live) = offer.production {
        offer.submissions.push(submission(Target::Preview, live, 1, State::Done));
        offer.submissions.push(submission(Target::Production, live, 1, State::Done));
    }
    if let Some(preview) = offer.preview.filter(|_| reached == Reached::Preview) {
        let number = if offer.production.is_some() { 2 } else { 1 };
        offer.submissions.push(submission(Target::Preview, preview, number, State::Signoff { cancel: None }));
    }
}
