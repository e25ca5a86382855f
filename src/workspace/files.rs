//! Where the files of a project come from: the disk, or a revision whose files are in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{in_words, slashed, yaml};
use crate::diagnostic::{Code, Diagnostic, Source, Span};
use crate::text::{self, NotText};

/// The source of the files of one load. Names in a revision are relative to the project, with forward slashes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Files<'a> {
    Disk,
    Revision(&'a Tree),
    /// The disk, with some files changed.
    Changed(&'a Changes),
}

/// What some files of a project would hold, by their paths in it; nothing for one that would be deleted.
pub(crate) type Changes = BTreeMap<String, Option<String>>;

/// The files of a project at a revision: which there are, and what those hold that were read.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    listed: BTreeSet<String>,
    read: BTreeMap<String, Vec<u8>>,
    wanted: Mutex<BTreeSet<String>>,
}

impl Tree {
    /// A tree of these files, none of them read.
    pub(crate) fn new(listed: BTreeSet<String>) -> Self {
        Self { listed, ..Self::default() }
    }

    /// The names of all files.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.listed.iter().map(String::as_str)
    }

    /// Adds what a file holds.
    pub(crate) fn add(&mut self, name: String, bytes: Vec<u8>) {
        self.read.insert(name, bytes);
    }

    /// What a file holds; `None` for one that there is not, or that was not read.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.read.get(name).map(Vec::as_slice)
    }

    /// The files that a load asked for and that were not read yet.
    pub(crate) fn take_wanted(&mut self) -> BTreeSet<String> {
        std::mem::take(self.wanted.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a file holds, or a note that it is wanted.
    pub(super) fn want(&self, name: &str) -> Result<&[u8], String> {
        if let Some(bytes) = self.get(name) {
            return Ok(bytes);
        }
        if !self.listed.contains(name) {
            return Err("no such file in the revision; the path is relative to the offer file".to_owned());
        }
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        Err("it was not read from the revision".to_owned())
    }

    /// The name of a file that is named by a path relative to a folder, both inside the project.
    pub(super) fn resolve(folder: &Path, path: &str) -> Result<String, String> {
        let mut parts = Vec::new();
        for part in folder.join(path).components() {
            match part {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::CurDir => {}
                Component::ParentDir if parts.pop().is_some() => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err("it leads out of the project".to_owned());
                }
            }
        }
        Ok(parts.join("/"))
    }
}

impl Files<'_> {
    /// The offer files below a folder of the project, sorted.
    pub(super) fn offer_files(self, root: &Path, folder: &str) -> std::io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        match self {
            Self::Disk => collect(&root.join(folder), &mut paths)?,
            Self::Changed(changes) => {
                collect(&root.join(folder), &mut paths)?;
                let is_deleted = |path: &PathBuf| {
                    let name = slashed(path.strip_prefix(root).unwrap_or(path));
                    changes.get(&name).is_some_and(Option::is_none)
                };
                paths.retain(|path| !is_deleted(path));
                let new = changes.iter().filter(|(name, text)| text.is_some() && is_offer_file(name, folder));
                let new = new.map(|(name, _)| root.join(name)).filter(|path| !paths.contains(path));
                let new = new.collect::<Vec<_>>();
                paths.extend(new);
            }
            Self::Revision(tree) => {
                let folder = Tree::resolve(Path::new(""), folder).map_err(std::io::Error::other)?;
                paths.extend(tree.names().filter(|name| is_offer_file(name, &folder)).map(|name| root.join(name)));
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// What an offer file holds. A link must not show what lies outside of the project. What is larger than any offer
    /// file is not read to its end.
    pub(super) fn offer_file(self, root: &Path, path: &Path) -> std::io::Result<Vec<u8>> {
        if let Self::Revision(tree) = self {
            let name = slashed(path.strip_prefix(root).unwrap_or(path));
            return tree.want(&name).map(<[u8]>::to_vec).map_err(std::io::Error::other);
        }
        if let Some(text) = self.changed(&slashed(path.strip_prefix(root).unwrap_or(path))) {
            return Ok(text.as_bytes().to_vec());
        }
        if !path.canonicalize()?.starts_with(root.canonicalize()?) {
            return Err(std::io::Error::other("it is a link that leads out of the project"));
        }
        let mut bytes = Vec::new();
        text::open(path)?.take(yaml::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl<'a> Files<'a> {
    /// Whether they are the files that people work on, rather than those of a revision.
    pub(super) fn are_of_today(self) -> bool {
        !matches!(self, Self::Revision(_))
    }

    /// What a file would hold that changes.
    pub(super) fn changed(self, name: &str) -> Option<&'a str> {
        match self {
            Self::Changed(changes) => changes.get(name)?.as_deref(),
            Self::Disk | Self::Revision(_) => None,
        }
    }
}

/// Whether a name is that of an offer file below a folder: hidden files and folders are none, as on the disk.
fn is_offer_file(name: &str, folder: &str) -> bool {
    let below =
        if folder.is_empty() { Some(name) } else { name.strip_prefix(folder).and_then(|n| n.strip_prefix('/')) };
    let ending = Path::new(name).extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    ending && below.is_some_and(|below| below.split('/').all(|part| !part.starts_with('.')))
}

/// The YAML files below a folder, folders that start with a dot left out.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let named = |error: std::io::Error| {
        std::io::Error::new(error.kind(), format!("{}: {}", folder.display(), in_words(&error)))
    };
    for entry in std::fs::read_dir(folder).map_err(named)? {
        let entry = entry?;
        let path = entry.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        // A link to a folder could lead in a circle, or out of the project.
        if entry.file_type()?.is_dir() {
            collect(&path, paths)?;
        } else if path.is_file() && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            paths.push(path);
        }
    }
    Ok(())
}

/// The text of an offer file.
pub(super) fn decode(name: &str, bytes: &[u8], diagnostics: &mut Vec<Diagnostic>) -> Option<Source> {
    if bytes.len() > yaml::MAX_BYTES {
        let source = Source { path: name.into(), text: "".into() };
        let message = format!("the file has more than {} bytes", yaml::MAX_BYTES);
        diagnostics.push(
            Diagnostic::error(Code::Limit, &source, None, message)
                .help("an offer is much smaller; move long texts to files and read them with `!file`"),
        );
        return None;
    }
    match text::decode(bytes) {
        Ok(text) => Some(Source { path: name.into(), text: text.into() }),
        Err(error) => {
            let (valid, message) = match error {
                NotText::Utf16 => (0, "the file is UTF-16, not UTF-8"),
                NotText::NotUtf8 { valid } => (valid, "a byte that is not UTF-8"),
            };
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            let good = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
            let span = Span::within(good, good.len()..good.len());
            let source = Source { path: name.into(), text: "".into() };
            diagnostics
                .push(Diagnostic::error(Code::NotUtf8, &source, Some(span), message).help("save the file as UTF-8"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_revision_stay_in_the_project() {
        let resolve = |folder: &str, path: &str| Tree::resolve(Path::new(folder), path);
        assert_eq!(resolve("offers/team", "../texts/./a.html"), Ok("offers/texts/a.html".to_owned()));
        for out in ["../../a", "/etc/passwd", "x/../../../a"] {
            assert!(resolve("offers", out).is_err(), "{out}");
        }
    }

    #[test]
    fn what_was_not_read_is_wanted_and_what_is_not_there_is_not() {
        let mut tree = Tree::new(["a", "b"].map(ToOwned::to_owned).into());
        tree.add("a".to_owned(), b"x".to_vec());
        assert_eq!(tree.want("a"), Ok(b"x".as_slice()));
        assert!(tree.want("b").is_err() && tree.want("c").is_err());
        assert_eq!(tree.take_wanted(), ["b".to_owned()].into());
        assert!(tree.take_wanted().is_empty());
    }

    #[test]
    fn offer_files_are_the_same_as_on_the_disk() {
        for (name, is) in
            [("offers/a.yaml", true), ("offers/t/b.yml", true), ("offers/.x/a.yaml", false), ("offers2/a.yaml", false)]
        {
            assert_eq!(is_offer_file(name, "offers"), is, "{name}");
        }
    }
}
