//! The state on disk: a record for each offer, the definitions beside them, and a lock. A change is written in one
//! transaction, and is on the disk before anyone hears of it; a process that is killed leaves the state before a change
//! or the state after it.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::artifact::StoreCopy;
use super::clock::Clock;
use super::content::{Content, ContentRef};
use super::mint::Mint;
use super::offer::Offer;
use super::portal::Portal;
use crate::error::Error;
use crate::model::OfferKey;

/// Which form the records have. A store of another form is not touched.
const FORMAT: u32 = 1;
/// How every file of this kind of store begins.
const MAGIC: &[u8] = b"redb";
/// The documents are in memory anyway, so the pages need not be.
const CACHE: usize = 8 << 20;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const OFFERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("offers");
const CONTENTS: TableDefinition<'_, u64, &str> = TableDefinition::new("contents");
const COPIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("copies");

/// A state file that only this process uses, for as long as the value lives.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    database: Database,
    /// Locked; the lock ends with the handle.
    _lock: Option<File>,
}

/// What is written beside the offers.
#[derive(Serialize, Deserialize)]
struct Meta {
    format: u32,
    clock: Clock,
    mint: Mint,
}

impl Store {
    /// Takes the file for this process, and reads it. Where it does not exist it is made, with what `first` holds; its
    /// folder is made too.
    pub(super) fn open(path: &Path, first: impl FnOnce() -> Result<Portal, Error>) -> Result<(Self, Portal), Error> {
        fs::create_dir_all(folder(path)).map_err(|error| Error::io("make the folder of", path, &error))?;
        let lock = lock(path)?;
        if is_made(path)? {
            let database = database(path).map_err(|error| trouble("read", path, &error))?;
            let store = Self { path: path.to_owned(), database, _lock: Some(lock) };
            let portal = store.load()?;
            return Ok((store, portal));
        }
        let portal = first()?;
        // Under another name until it is whole: a process that is killed here leaves no state file.
        let unborn = beside(path, ".new");
        let discard = || match fs::remove_file(&unborn) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        discard().map_err(|error| Error::io("remove", &unborn, &error))?;
        {
            let database = database(&unborn).map_err(|error| trouble("make", path, &error))?;
            Self { path: path.to_owned(), database, _lock: None }.commit(None, &portal)?;
        }
        fs::rename(&unborn, path).map_err(|error| Error::io("make the sandbox state", path, &error))?;
        let database = database(path).map_err(|error| trouble("read", path, &error))?;
        Ok((Self { path: path.to_owned(), database, _lock: Some(lock) }, portal))
    }

    /// A store that is kept elsewhere than in a file.
    #[cfg(test)]
    fn with_backend(backend: impl redb::StorageBackend) -> Result<Self, redb::Error> {
        Ok(Self { path: PathBuf::from("test"), database: settings().create_with_backend(backend)?, _lock: None })
    }

    /// Writes down what differs, durably. Without a state before, everything.
    pub(super) fn commit(&self, before: Option<&Portal>, after: &Portal) -> Result<(), Error> {
        self.write(before, after).map_err(|error| trouble("save", &self.path, &error))
    }

    /// Writes everything anew, and forgets what was there.
    pub(super) fn replace(&self, portal: &Portal) -> Result<(), Error> {
        let write = || -> Result<(), redb::Error> {
            let mut transaction = self.database.begin_write()?;
            transaction.set_quick_repair(true);
            transaction.delete_table(OFFERS)?;
            transaction.delete_table(CONTENTS)?;
            transaction.delete_table(COPIES)?;
            write_all(&transaction, None, portal)?;
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| trouble("save", &self.path, &error))
    }

    fn write(&self, before: Option<&Portal>, after: &Portal) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        // After a kill the next start needs no walk over the whole file.
        transaction.set_quick_repair(true);
        write_all(&transaction, before, after)?;
        transaction.commit()?;
        Ok(())
    }

    fn load(&self) -> Result<Portal, Error> {
        let unreadable = |error: &dyn std::fmt::Display| trouble("read", &self.path, error);
        let transaction = self.database.begin_read().map_err(|error| unreadable(&error))?;
        let read = || -> Result<_, redb::Error> {
            let meta = transaction.open_table(META)?.get("portal")?.map(|meta| meta.value().to_vec());
            Ok((
                meta,
                transaction.open_table(OFFERS)?,
                transaction.open_table(CONTENTS)?,
                transaction.open_table(COPIES)?,
            ))
        };
        let (meta, offers, contents, copies) = read().map_err(|error| unreadable(&error))?;
        let Meta { format, clock, mint } = serde_json::from_slice(&meta.unwrap_or_default())
            .map_err(|error| unreadable(&format!("it does not say what it holds: {error}")))?;
        if format != FORMAT {
            return Err(unreadable(&format!("it has format {format}, not {FORMAT}")));
        }
        let mut portal = Portal { clock, mint, offers: BTreeMap::new(), copies: BTreeMap::new() };
        for entry in offers.iter().map_err(|error| unreadable(&error))? {
            let (key, record) = entry.map_err(|error| unreadable(&error))?;
            let broken = |error: &dyn std::fmt::Display| unreadable(&format!("offer {}: {error}", key.value()));
            let record: Offer<ContentRef> = serde_json::from_slice(record.value()).map_err(|error| broken(&error))?;
            let offer = record.try_map(|reference| {
                let text = contents.get(reference.id).map_err(|error| broken(&error))?;
                let text = text.ok_or_else(|| broken(&"a definition is missing"))?.value().to_owned();
                let text = RawValue::from_string(text).map_err(|error| broken(&error))?;
                Ok::<_, Error>(Content::of(reference.clone(), text))
            })?;
            portal.offers.insert(offer.key.clone(), Arc::new(offer));
        }
        for entry in copies.iter().map_err(|error| unreadable(&error))? {
            let (name, copy) = entry.map_err(|error| unreadable(&error))?;
            let copy = StoreCopy::decode(copy.value()).ok_or_else(|| unreadable(&"an artifact is damaged"))?;
            portal.copies.insert(name.value().to_owned(), Arc::new(copy));
        }
        Ok(portal)
    }
}

fn write_all(transaction: &WriteTransaction, before: Option<&Portal>, after: &Portal) -> Result<(), redb::Error> {
    write_meta(transaction, after)?;
    write_offers(transaction, before, after)?;
    write_copies(transaction, before, after)
}

fn write_meta(transaction: &WriteTransaction, after: &Portal) -> Result<(), redb::Error> {
    let meta = Meta { format: FORMAT, clock: after.clock, mint: after.mint.clone() };
    let meta = serde_json::to_vec(&meta).map_err(unserializable)?;
    transaction.open_table(META)?.insert("portal", meta.as_slice())?;
    Ok(())
}

fn write_offers(transaction: &WriteTransaction, before: Option<&Portal>, after: &Portal) -> Result<(), redb::Error> {
    let mut offers = transaction.open_table(OFFERS)?;
    let mut contents = transaction.open_table(CONTENTS)?;
    let old = |key: &OfferKey| before.and_then(|before| before.offers.get(key));
    for (key, offer) in &after.offers {
        let old = old(key);
        if old.is_some_and(|old| Arc::ptr_eq(old, offer)) {
            continue;
        }
        let record = serde_json::to_vec(&offer.record()).map_err(unserializable)?;
        offers.insert(key.to_string().as_str(), record.as_slice())?;
        let kept: BTreeMap<u64, &Content> = by_id(offer);
        let known = old.map(|old| by_id(old)).unwrap_or_default();
        for (id, content) in kept.iter().filter(|(id, _)| !known.contains_key(id)) {
            contents.insert(*id, content.text())?;
        }
        for id in known.keys().filter(|id| !kept.contains_key(id)) {
            contents.remove(*id)?;
        }
    }
    for (key, offer) in before.into_iter().flat_map(|before| &before.offers) {
        if !after.offers.contains_key(key) {
            offers.remove(key.to_string().as_str())?;
            for id in by_id(offer).keys() {
                contents.remove(*id)?;
            }
        }
    }
    Ok(())
}

fn write_copies(transaction: &WriteTransaction, before: Option<&Portal>, after: &Portal) -> Result<(), redb::Error> {
    let mut copies = transaction.open_table(COPIES)?;
    for (name, copy) in &after.copies {
        if before.is_none_or(|before| !before.copies.contains_key(name)) {
            copies.insert(name.as_str(), copy.encode().as_slice())?;
        }
    }
    for name in before.into_iter().flat_map(|before| before.copies.keys()) {
        if !after.copies.contains_key(name) {
            copies.remove(name.as_str())?;
        }
    }
    Ok(())
}

fn by_id(offer: &Offer) -> BTreeMap<u64, &Content> {
    offer.contents().map(|content| (content.reference().id, content)).collect()
}

fn unserializable(error: serde_json::Error) -> redb::Error {
    redb::Error::Io(std::io::Error::from(error))
}

fn settings() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

fn database(path: &Path) -> Result<Database, redb::DatabaseError> {
    settings().create(path)
}

/// Whether there is a state. A file that holds something else is left alone.
fn is_made(path: &Path) -> Result<bool, Error> {
    let mut start = Vec::new();
    match File::open(path).and_then(|file| file.take(16).read_to_end(&mut start)) {
        Ok(_) if start.starts_with(MAGIC) => Ok(true),
        Ok(0) => Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("read the sandbox state", path, &error)),
        Ok(_) => {
            let what = if start.starts_with(b"{") { "the JSON of an earlier version" } else { "something else" };
            Err(Error::failed(format!("{} is not a sandbox state, it holds {what}", path.display()))
                .hint("it was left as it is; name another file, and the sandbox makes it"))
        }
    }
}

fn lock(path: &Path) -> Result<File, Error> {
    let lock_path = beside(path, ".lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(|error| Error::io("open", &lock_path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(Error::failed(format!("another process uses the sandbox state {}", path.display()))
                .hint("stop the other sandbox, or give this one another state file"))
        }
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &lock_path, &error)),
    }
}

fn trouble(what: &str, path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::failed(format!("cannot {what} the sandbox state {}: {error}", path.display()))
        .hint("move the file away to start afresh")
}

/// The path with an ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The folder of a file; a bare name is in the current one.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use redb::backends::InMemoryBackend;
    use serde_json::json;

    use super::super::seed::Seed;
    use super::super::switches::Switches;
    use super::*;
    use crate::model::Profile;

    const CLOCK: Clock = Clock::Real { ahead: 0 };

    fn portal(titles: &[(&str, &str)]) -> Portal {
        let document = |(id, title): &(&str, &str)| json!({"publisherId": "contoso", "id": id, "offerTypeId": "x", "definition": {"displayText": title}});
        let seed = Seed::Documents(titles.iter().map(document).collect());
        seed.portal("salt", CLOCK, 1_000, Profile::Native).expect("good seeds")
    }

    fn titles(portal: &Portal) -> Vec<(String, serde_json::Value)> {
        let title = |(key, offer): (&OfferKey, &Arc<Offer>)| {
            (key.offer.to_string(), offer.draft.content.value()["displayText"].clone())
        };
        portal.offers.iter().map(title).collect()
    }

    fn edit(portal: &mut Portal, offer: &str, title: &str) {
        let key: OfferKey = format!("contoso/{offer}").parse().expect("a key");
        let offer = Arc::make_mut(portal.offers.get_mut(&key).expect("an offer"));
        offer.edit(&json!({"displayText": title}), &mut portal.mint, 2_000, &Switches::default());
    }

    #[test]
    fn what_was_committed_is_there_and_the_folder_is_made() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("deep/er/state.redb");
        let (store, first) = Store::open(&path, || Ok(portal(&[("a", "one"), ("b", "two")]))).expect("made");
        let mut second = first.clone();
        edit(&mut second, "b", "changed");
        second.clock.advance(7);
        store.commit(Some(&first), &second).expect("saved");
        drop(store);
        let (_, loaded) = Store::open(&path, || panic!("it is there")).expect("opens");
        assert_eq!(titles(&loaded), [("a".to_owned(), json!("one")), ("b".to_owned(), json!("changed"))]);
        assert_eq!(loaded.clock.now(0), 7);
        let versions: Vec<i64> = loaded.offers.values().map(|offer| offer.draft.version).collect();
        assert_eq!(versions, [1, 2]);
        let earlier = &loaded.offers.values().last().expect("an offer").earlier;
        assert_eq!(earlier[0].content.value()["displayText"], "two");
        let names: Vec<_> = fs::read_dir(path.parent().expect("a parent")).expect("a folder").collect();
        assert_eq!(names.len(), 2, "the state and the lock: {names:?}");
    }

    #[test]
    fn contents_that_nobody_needs_any_more_go() {
        let store = Store::with_backend(InMemoryBackend::new()).expect("made");
        let mut now = portal(&[("a", "0")]);
        store.commit(None, &now).expect("saved");
        for number in 1..=40 {
            let before = now.clone();
            edit(&mut now, "a", &number.to_string());
            store.commit(Some(&before), &now).expect("saved");
        }
        let kept = now.offers.values().flat_map(|offer| offer.contents()).count();
        let transaction = store.database.begin_read().expect("reads");
        let stored = transaction.open_table(CONTENTS).expect("a table").iter().expect("reads").count();
        assert_eq!((kept, stored), (21, 21), "the draft and twenty before it");
        assert_eq!(titles(&store.load().expect("loads")), titles(&now));
    }

    #[test]
    fn another_state_can_take_the_place_of_this_one() {
        let store = Store::with_backend(InMemoryBackend::new()).expect("made");
        let first = portal(&[("a", "one"), ("b", "two")]);
        store.commit(None, &first).expect("saved");
        let mut second = first.clone();
        edit(&mut second, "a", "other");
        store.commit(Some(&first), &second).expect("saved");
        store.replace(&first).expect("replaced");
        // The numbers of the contents are given out again from here on.
        let mut third = first.clone();
        edit(&mut third, "b", "again");
        store.commit(Some(&first), &third).expect("saved");
        assert_eq!(titles(&store.load().expect("loads")), titles(&third));
    }

    #[test]
    fn a_second_user_is_told_which_file_is_taken() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.redb");
        let open = || Store::open(&path, || Ok(portal(&[])));
        let first = open().expect("opens");
        let error = open().expect_err("taken").to_string();
        assert!(error.contains("another process") && error.contains("state.redb"), "{error}");
        drop(first);
        open().expect("free again");
    }

    #[test]
    fn what_is_no_state_is_named_and_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.json");
        for (text, reason) in [("{\"format\": 1}", "earlier version"), ("diary", "something else")] {
            fs::write(&path, text).expect("writes");
            let error = Store::open(&path, || Ok(portal(&[]))).expect_err("refused");
            assert!(error.to_string().contains("state.json") && error.to_string().contains(reason), "{error}");
            assert!(error.hints()[0].contains("left as it is"), "{:?}", error.hints());
            assert_eq!(fs::read_to_string(&path).expect("reads"), text);
        }
    }

    #[test]
    fn a_start_that_was_killed_is_made_good() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.redb");
        fs::write(beside(&path, ".new"), b"half of a file").expect("writes");
        fs::write(&path, b"").expect("writes");
        let (_, made) = Store::open(&path, || Ok(portal(&[("a", "one")]))).expect("made");
        assert_eq!(titles(&made).len(), 1);
        assert!(!beside(&path, ".new").exists());
    }

    /// A disk that can be full.
    #[derive(Debug)]
    struct Disk(InMemoryBackend, Arc<AtomicBool>);

    impl redb::StorageBackend for Disk {
        fn len(&self) -> std::io::Result<u64> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
            self.0.read(offset, out)
        }
        fn set_len(&self, len: u64) -> std::io::Result<()> {
            self.0.set_len(len)
        }
        fn sync_data(&self) -> std::io::Result<()> {
            if self.1.load(Ordering::SeqCst) { Err(std::io::ErrorKind::StorageFull.into()) } else { self.0.sync_data() }
        }
        fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
            self.0.write(offset, data)
        }
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let full = Arc::new(AtomicBool::new(false));
        let store = Store::with_backend(Disk(InMemoryBackend::new(), Arc::clone(&full))).expect("made");
        let first = portal(&[("a", "one")]);
        store.commit(None, &first).expect("saved");
        full.store(true, Ordering::SeqCst);
        let mut second = first.clone();
        edit(&mut second, "a", "lost");
        let error = store.commit(Some(&first), &second).expect_err("refused").to_string();
        assert!(error.contains("cannot save the sandbox state"), "{error}");
    }
}
