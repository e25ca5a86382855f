//! What compared equal before. With it, an offer whose files and whose draft did not change is neither parsed nor read.
//!
//! An entry says: the declaration with this digest was equal to the draft that the portal lists with this time and
//! version. Whatever differs means a read. The list is asked for before any draft is read, so what is changed in
//! between is listed otherwise the next time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cache::Cached;
use super::shell::Shell;
use crate::cli::Refresh;
use crate::error::{Error, Result};
use crate::live::Live;
use crate::model::{Digest, OfferKey, PublisherId};
use crate::portal::{OfferSummary, Reader};
use crate::workspace::{Desired, Parts, Project};

/// The form of the file. Another one is not read.
const FORM: u32 = 1;

/// Which dates an unchanged file can have another meaning on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dates {
    /// Lints look at the end of signatures.
    Signatures,
    /// Only `until` counts.
    Until,
}

/// What decides whether an old comparison still holds, beside the files and the portal.
pub(super) struct Circumstances<'a> {
    pub(super) command: &'static str,
    pub(super) portal: &'a str,
    /// What was chosen on the command line, and what else the result depends on.
    pub(super) choices: Value,
    pub(super) dates: Dates,
}

#[derive(Serialize, Deserialize)]
struct File {
    form: u32,
    /// The digest of the circumstances.
    circumstances: Digest,
    offers: BTreeMap<OfferKey, Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// The declaration, its tags resolved.
    declared: Digest,
    listed: Listing,
    /// The files, where nothing else decides what they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    files: Option<KnownFiles>,
}

/// What the portal's list says of a draft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Listing {
    changed: String,
    version: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct KnownFiles {
    names: Vec<(String, Digest)>,
    /// The first line of the declaration.
    line: usize,
    /// The only day on which the files mean this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<String>,
}

/// An offer that was skipped.
#[derive(Debug, Clone)]
pub(super) struct Skipped {
    pub(super) key: OfferKey,
    pub(super) path: String,
    pub(super) line: usize,
}

/// The list of a publisher.
pub(super) struct List {
    /// What the portal lists; why it does not, and whether it denied it.
    pub(super) offers: std::result::Result<Vec<OfferSummary>, (String, bool)>,
    drafts: HashMap<String, Listing>,
}

/// What is known from before, and what will be known by the next run.
pub(super) struct Known {
    cached: Cached,
    circumstances: Digest,
    dates: Dates,
    today: String,
    before: BTreeMap<OfferKey, Entry>,
    by_file: HashMap<String, OfferKey>,
    lists: RwLock<HashMap<PublisherId, Arc<List>>>,
    /// Held while a list is asked for, so that each is asked for once.
    asking: tokio::sync::Mutex<()>,
    now: Mutex<BTreeMap<OfferKey, Entry>>,
    skipped: Mutex<Vec<Skipped>>,
}

impl Known {
    /// Reads what is known, and the lists of the publishers that it tells of; nothing where every offer is to be read.
    pub(super) async fn new(
        shell: &Shell,
        refresh: Refresh,
        project: &Project,
        reader: &Reader,
        circumstances: Circumstances<'_>,
    ) -> Result<Option<Self>> {
        if refresh == Refresh::All {
            return Ok(None);
        }
        check_outside(shell, project)?;
        let Circumstances { command, portal, choices, dates } = circumstances;
        let place = Digest::of_json(&json!([command, portal, project.root.to_string_lossy(), project.environment]));
        let cached = Cached::new(&shell.global, &format!("compared-{}.json", place.short()));
        let settings = std::fs::read(project.root.join("offerctl.toml")).unwrap_or_default();
        let circumstances = Digest::of_json(&json!({
            "tool": env!("CARGO_PKG_VERSION"),
            "place": place,
            "schemas": shell.schemas.fingerprint(),
            "settings": Digest::of(&settings),
            "choices": choices,
        }));
        let file = cached.read().and_then(|text| serde_json::from_str::<File>(&text).ok());
        let file = file.filter(|file| file.form == FORM && file.circumstances == circumstances);
        let before = file.map(|file| file.offers).unwrap_or_default();
        let mut known = Self {
            cached,
            circumstances,
            dates,
            today: jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
            by_file: HashMap::new(),
            before,
            lists: RwLock::default(),
            asking: tokio::sync::Mutex::default(),
            now: Mutex::default(),
            skipped: Mutex::default(),
        };
        let publishers = known.before.keys().map(|key| key.publisher.clone()).collect::<BTreeSet<_>>();
        for publisher in publishers {
            known.list(reader, &publisher).await;
        }
        for (key, entry) in &known.before {
            let own = entry.files.as_ref().and_then(|files| files.names.first());
            known.by_file.extend(own.map(|(name, _)| (name.clone(), key.clone())));
        }
        Ok(Some(known))
    }

    /// Asks for the list of a publisher, unless it is there.
    pub(super) async fn list(&self, reader: &Reader, publisher: &PublisherId) {
        if self.listed(publisher).is_some() {
            return;
        }
        let _asking = self.asking.lock().await;
        if self.listed(publisher).is_some() {
            return;
        }
        let offers = reader.offers(publisher).await.map_err(|problem| (problem.to_string(), problem.is_denied()));
        let draft = |summary: &OfferSummary| {
            let listing = Listing { changed: summary.changed.clone()?, version: summary.version? };
            Some((summary.id.clone(), listing))
        };
        let drafts = offers.iter().flatten().filter_map(draft).collect();
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        lists.insert(publisher.clone(), Arc::new(List { offers, drafts }));
    }

    /// The list of a publisher, if it was asked for.
    pub(super) fn listed(&self, publisher: &PublisherId) -> Option<Arc<List>> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner).get(publisher).cloned()
    }

    fn draft(&self, key: &OfferKey) -> Option<Listing> {
        self.listed(&key.publisher)?.drafts.get(key.offer.as_str()).cloned()
    }

    /// Finds out by the bytes of its files alone whether an offer is skipped.
    pub(super) fn skips_files(&self, project: &Project, parts: &Parts) -> Option<Skipped> {
        let names = project.names(parts);
        let key = self.by_file.get(names.first()?)?;
        let entry = self.before.get(key)?;
        let files = entry.files.as_ref()?;
        let same_names = files.names.iter().map(|(name, _)| name).eq(&names);
        if !same_names || files.day.as_ref().is_some_and(|day| *day != self.today) || !self.is_listed_so(key, entry) {
            return None;
        }
        let same = |(name, digest): &(String, Digest)| project.digest(name).as_ref() == Some(digest);
        if !files.names.iter().all(same) {
            return None;
        }
        Some(self.skip(key, entry, &names[0], files.line))
    }

    /// Finds out whether an offer whose files were parsed is skipped.
    pub(super) fn skips(&self, desired: &Desired, clean: bool) -> bool {
        let Some(entry) = self.before.get(&desired.key) else { return false };
        if !self.is_listed_so(&desired.key, entry) || entry.declared != declared(desired) {
            return false;
        }
        let entry = Entry { files: self.files(desired, clean), ..entry.clone() };
        self.skip(&desired.key, &entry, desired.path(), desired.document.span.line);
        true
    }

    fn is_listed_so(&self, key: &OfferKey, entry: &Entry) -> bool {
        self.draft(key).as_ref() == Some(&entry.listed)
    }

    fn skip(&self, key: &OfferKey, entry: &Entry, path: &str, line: usize) -> Skipped {
        let skipped = Skipped { key: key.clone(), path: path.to_owned(), line };
        self.now.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), entry.clone());
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner).push(skipped.clone());
        skipped
    }

    /// Notes that a declaration equals the draft that was read. `clean` says that nothing was found in its files.
    pub(super) fn note(&self, desired: &Desired, clean: bool, live: &Live) {
        let (Live::Present(offer), Some(listed)) = (live, self.draft(&desired.key)) else { return };
        let text = |name: &str| offer.document.get(name).and_then(Value::as_str);
        // The list shortens the time, and has no version of some offers.
        let time = listed.changed.trim_end_matches('Z');
        let same_time = !time.is_empty() && text("changedTime").is_some_and(|changed| changed.starts_with(time));
        let version = offer.document.get("version").and_then(Value::as_i64);
        if !same_time || (listed.version != 0 && version != Some(listed.version)) {
            return;
        }
        let entry = Entry { declared: declared(desired), listed, files: self.files(desired, clean) };
        self.now.lock().unwrap_or_else(PoisonError::into_inner).insert(desired.key.clone(), entry);
    }

    /// The files of an offer, where they alone say what it declares.
    fn files(&self, desired: &Desired, clean: bool) -> Option<KnownFiles> {
        let all_yaml = desired.files.len() == desired.sources.yaml().count();
        if !all_yaml || !clean || desired.sources.yaml().any(|source| has_tag(&source.text)) {
            return None;
        }
        let says = |word: &str| desired.sources.yaml().any(|source| source.text.contains(word));
        let dated = says("until") || (self.dates == Dates::Signatures && (says("sig=") || says("se=")));
        Some(KnownFiles {
            names: desired.files.clone(),
            line: desired.document.span.line,
            day: dated.then(|| self.today.clone()),
        })
    }

    /// Takes out what was skipped, in the order of the keys.
    pub(super) fn take_skipped(&self) -> Vec<Skipped> {
        let mut skipped = std::mem::take(&mut *self.skipped.lock().unwrap_or_else(PoisonError::into_inner));
        skipped.sort_by(|a, b| a.key.cmp(&b.key));
        skipped
    }

    /// Keeps what is known now. Where only some offers were looked at, what is known of the others stays.
    pub(super) fn keep(self, all: bool) {
        let mut offers = self.now.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !all {
            for (key, entry) in &self.before {
                offers.entry(key.clone()).or_insert_with(|| entry.clone());
            }
        }
        if offers != self.before {
            let file = File { form: FORM, circumstances: self.circumstances, offers };
            let text = serde_json::to_string(&file).unwrap_or_else(|error| unreachable!("texts serialise: {error}"));
            self.cached.keep(&text);
        }
    }
}

/// A file of the project must not say what was compared: it may come from anybody.
fn check_outside(shell: &Shell, project: &Project) -> Result<()> {
    let Some(folder) = &shell.global.cache_dir else { return Ok(()) };
    let full = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    let inside = match (full(folder), full(&project.root)) {
        (Ok(folder), Ok(root)) => folder.starts_with(root),
        _ => false,
    };
    if !inside {
        return Ok(());
    }
    let message = format!("--refresh=changed does not use the cache {}: it is inside the project", folder.display());
    Err(Error::invalid(message).hint("name a folder outside of the project by --cache-dir or OFFERCTL_CACHE_DIR"))
}

/// The digest of all that an offer declares.
fn declared(desired: &Desired) -> Digest {
    let document = desired.document.to_value(&mut |secret| json!({ "secret": secret.to_string() }));
    let reconcile = &desired.reconcile;
    let ignored = reconcile.ignore.iter().map(|ignore| &ignore.tokens).collect::<Vec<_>>();
    let mut removed = Vec::new();
    desired.document.removed(&mut |span| removed.push(span.start));
    let text = json!([document, removed, reconcile.through, reconcile.notify, reconcile.allow, ignored]);
    Digest::of(text.to_string().as_bytes())
}

/// Whether a text may have a tag: `!` before a letter or a bracket, where a value can begin.
fn has_tag(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'!', bytes).any(|at| {
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let begins = before.is_none_or(|byte| byte.is_ascii_whitespace() || b"[{,:-".contains(&byte));
        begins && bytes.get(at + 1).is_some_and(|byte| !byte.is_ascii_whitespace())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_a_tag_is_not_known_by_its_bytes() {
        for text in ["a: !env X", "a: [!file x]", "!x a", "a: !<!env> X", "- !%65nv X", "a:\n  !secret env:X"] {
            assert!(has_tag(text), "{text}");
        }
        for text in ["a: b!c", "a: \"Hello!\"", "a: what ! is"] {
            assert!(!has_tag(text), "{text}");
        }
    }
}
