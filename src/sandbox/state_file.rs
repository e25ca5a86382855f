//! The state on disk: one JSON file, replaced as a whole, and a lock beside it.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::portal::Portal;
use crate::error::Error;

/// Which form the file has. A file of another form is not touched.
const FORMAT: u32 = 1;

/// A state file that only this process uses, for as long as the value lives.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// Locked; the lock ends with the handle.
    _lock: File,
}

#[derive(Deserialize)]
struct Loaded {
    format: u32,
    portal: Portal,
}

#[derive(Serialize)]
struct Saved<'a> {
    format: u32,
    portal: &'a Portal,
}

impl StateFile {
    /// Takes the file for this process. Its folder is made where it is missing; the file itself is not.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder(path)).map_err(|error| Error::io("make the folder of", path, &error))?;
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock_path = PathBuf::from(name);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| Error::io("open", &lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(Error::failed(format!("another process uses the sandbox state {}", path.display()))
                    .hint("stop the other sandbox, or give this one another state file"))
            }
            Err(TryLockError::Error(error)) => Err(Error::io("lock", &lock_path, &error)),
        }
    }

    /// What the file holds; nothing where it does not exist yet.
    pub(super) fn load(&self) -> Result<Option<Portal>, Error> {
        let path = self.path.display();
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read the sandbox state", &self.path, &error)),
        };
        let loaded: Loaded = serde_json::from_str(&text).map_err(|error| {
            Error::failed(format!("the sandbox state {path} cannot be read: {error}"))
                .hint("move the file away to start afresh")
        })?;
        if loaded.format == FORMAT {
            Ok(Some(loaded.portal))
        } else {
            Err(Error::failed(format!("the sandbox state {path} has format {}, not {FORMAT}", loaded.format)))
        }
    }

    /// Replaces the file: readers see the old state or the new one, and a crash leaves one of them.
    pub(super) fn save(&self, portal: &Portal) -> Result<(), Error> {
        self.replace(portal).map_err(|error| Error::io("save the sandbox state", &self.path, &error))
    }

    fn replace(&self, portal: &Portal) -> Result<(), std::io::Error> {
        let mut file = tempfile::NamedTempFile::new_in(folder(&self.path))?;
        file.write_all(&serde_json::to_vec(&Saved { format: FORMAT, portal })?)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// The folder of a file; a bare name is in the current one.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_the_folder_is_made() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("deep/er/state.json");
        let file = StateFile::open(&path).expect("opens");
        assert!(file.load().expect("loads").is_none());
        let portal = Portal { clock_ahead_millis: 7, ..Portal::new("salt") };
        file.save(&portal).expect("saves");
        assert_eq!(file.load().expect("loads").expect("a portal").clock_ahead_millis, 7);
        let names: Vec<_> = fs::read_dir(path.parent().expect("a parent")).expect("a folder").collect();
        assert_eq!(names.len(), 2, "the state and the lock: {names:?}");
    }

    #[test]
    fn a_second_user_is_told_which_file_is_taken() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.json");
        let first = StateFile::open(&path).expect("opens");
        let error = StateFile::open(&path).expect_err("taken").to_string();
        assert!(error.contains("another process") && error.contains("state.json"), "{error}");
        drop(first);
        StateFile::open(&path).expect("free again");
    }

    #[test]
    fn what_cannot_be_read_is_named_and_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.json");
        let other = r#"{"format":2,"portal":{"clockAheadMillis":0,"mint":{"salt":"","used":0,"last":0},"offers":{}}}"#;
        for (text, reason) in [("{\"format\": 1, \"por", "cannot be read"), (other, "format 2")] {
            fs::write(&path, text).expect("writes");
            let error = StateFile::open(&path).expect("opens").load().expect_err("refused").to_string();
            assert!(error.contains("state.json") && error.contains(reason), "{error}");
            assert_eq!(fs::read_to_string(&path).expect("reads"), text);
        }
    }
}
