//! The folder that an import writes to. Files that are there stay as they are, and no link is followed.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::project::{self, current_folder};
use crate::error::{Error, Result};
use crate::import::file_stem;
use crate::model::PublisherId;
use crate::safe::Escape;
use crate::workspace::Project;

/// The schema that editors read, in the project's folder.
pub(super) const SCHEMA: &str = "offer-file.schema.json";
pub(super) const CONFIG: &str = "offerctl.toml";
pub(super) const SETTINGS: &str =
    "# The settings of this project; docs/offer-files.md and docs/guards.md of offerctl describe them.\n";

/// A file to write: its path in the project, and what it holds.
pub(super) struct File {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// A project, or a folder that becomes one with the first file that is written.
pub(super) struct Home {
    root: PathBuf,
    offers: String,
    /// The environment that the project is read for.
    environment: Option<String>,
    /// The schema for editors, until it is written.
    schema: Mutex<Option<String>>,
    /// Whether it was a project before.
    was_there: bool,
    /// Whether the project is there.
    is_made: Mutex<bool>,
}

impl Home {
    pub(super) fn new(project: Option<&Arc<Project>>, schema: String) -> Result<Self> {
        let (root, offers) = match project {
            Some(project) => (project.root.clone(), project.config.offers.clone()),
            None => (current_folder()?, "offers".to_owned()),
        };
        let (schema, is_made) = (Mutex::new(Some(schema)), Mutex::new(project.is_some()));
        let environment = project.and_then(|project| project.environment.clone());
        Ok(Self { root, offers, environment, schema, was_there: project.is_some(), is_made })
    }

    /// The project, once something was written.
    pub(super) fn project(&self) -> Result<Option<Project>> {
        let made = *self.is_made.lock().unwrap_or_else(PoisonError::into_inner);
        let found = made.then(|| project::found(&self.root)).transpose()?;
        Ok(found.map(|found| Project { environment: self.environment.clone(), ..found }))
    }

    /// Adds settings to the `offerctl.toml` that this import made. Returns whether it made one.
    pub(super) fn add_settings(&self, text: &str) -> Result<bool> {
        let path = self.root.join(CONFIG);
        if self.was_there || !*self.is_made.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(false);
        }
        let appended = std::fs::OpenOptions::new().append(true).open(&path);
        let appended = appended.and_then(|mut file| file.write_all(format!("\n{text}").as_bytes()));
        appended.map(|()| true).map_err(|error| Error::io("write", &path, &error))
    }

    /// The folder of a publisher's offers, in the project.
    pub(super) fn folder(&self, publisher: &PublisherId) -> String {
        let parts = self.offers.split('/').filter(|part| !part.is_empty() && *part != ".");
        let publisher = file_stem(publisher.as_str());
        parts.chain([publisher.as_str()]).collect::<Vec<_>>().join("/")
    }

    /// Writes the files of an offer, all of them or none. The first one is written last: it declares the offer.
    pub(super) fn put(&self, files: &[File]) -> Result<(), String> {
        self.make()?;
        let mut written = Vec::new();
        for file in files.iter().rev() {
            if let Err(why) = self.put_one(file, &mut written) {
                written.iter().for_each(|path| drop(std::fs::remove_file(path)));
                return Err(why);
            }
        }
        Ok(())
    }

    fn put_one(&self, File { path, bytes }: &File, written: &mut Vec<PathBuf>) -> Result<(), String> {
        let whole = self.root.join(path);
        let mut folder = self.root.clone();
        for part in Path::new(path).parent().into_iter().flat_map(Path::components) {
            folder.push(part);
            if folder.is_symlink() {
                return Err(format!("{} is a link, and `import` does not follow links", folder.display()));
            }
        }
        std::fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        match put_new(&whole, bytes) {
            Ok(()) => written.push(whole),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && holds(&whole, bytes) => {}
            Err(error) => return Err(format!("cannot create {path}: {error}")),
        }
        Ok(())
    }

    /// Makes the folder a project, and gives it the schema for editors.
    fn make(&self) -> Result<(), String> {
        let mut made = self.is_made.lock().unwrap_or_else(PoisonError::into_inner);
        if !*made {
            let folder = self.root.join(&self.offers);
            std::fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
            put_new(&self.root.join(CONFIG), SETTINGS.as_bytes())
                .map_err(|error| format!("cannot create {CONFIG}: {error}"))?;
            *made = true;
        }
        if let Some(schema) = self.schema.lock().unwrap_or_else(PoisonError::into_inner).take() {
            match put_new(&self.root.join(SCHEMA), schema.as_bytes()) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(format!("cannot create {SCHEMA}: {error}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes a file that is not there yet, not even as a link: whole, or not at all.
pub(super) fn put_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes).inspect_err(|_| drop(std::fs::remove_file(path)))
}

/// Whether a file, and not a link, holds these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    let same_size = path.symlink_metadata().is_ok_and(|data| data.is_file() && data.len() == bytes.len() as u64);
    same_size && std::fs::read(path).is_ok_and(|found| found == bytes)
}

/// Refuses a text that holds the value of a credential of this process.
pub(super) fn without_credential(text: &str) -> Result<(), String> {
    match Escape::Text.scrub(text) == text {
        true => Ok(()),
        false => {
            Err("it would contain the value of a credential; remove it there, and change the credential".to_owned())
        }
    }
}
