//! Where results go: stdout, files, the summary of a pipeline's step.
//!
//! One run serves several formats. A report is written before any exit that is not 0, for an error as for a result.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::shell::Shell;
use crate::cli::{Command, Format, OutputSpec};
use crate::error::{Error, Result};
use crate::model::OfferKey;
use crate::render::{self, Paint, Places, PlanOptions};
use crate::safe::{Escape, Safe};
use crate::workspace::Desired;

/// GitHub takes a step's summary up to so many bytes, and shows none of one that is larger.
const LARGEST_SUMMARY: usize = 1 << 20;

#[derive(Debug, Clone, Copy)]
pub(super) struct Surface {
    pub(super) color: bool,
    /// Its columns; none where lines have any length.
    pub(super) width: Option<usize>,
}

impl Surface {
    const FILE: Self = Self { color: false, width: None };

    /// Returns how changes are shown on it.
    pub(super) fn options(self, verbose: bool, html_source: bool) -> PlanOptions {
        PlanOptions { paint: Paint { color: self.color }, verbose, html_source, width: self.width }
    }
}

impl Shell {
    /// Refuses formats in which the command's result makes no sense, and two results in one stream.
    pub(super) fn check_formats(&self, command: &Command) -> Result<()> {
        let formats = command.formats();
        if let Some(output) = self.global.output.iter().find(|output| !formats.contains(&output.format)) {
            let (name, format) = (command.name(), output.format.name());
            return Err(Error::invalid(format!("`{name}` cannot write the format {format}"))
                .hint(format!("use {}", Format::list(formats))));
        }
        match self.stdout_format() {
            Some(format @ (Format::Html | Format::Json | Format::Yaml | Format::Sarif | Format::Junit))
                if self.annotates_stdout() =>
            {
                let format = format.name();
                Err(Error::invalid(format!("github and {format} cannot both be written to stdout"))
                    .hint(format!("write one of them to a file, such as -o {format}=FILE")))
            }
            _ => Ok(()),
        }
    }

    /// Writes one result to every sink that was asked for. Text goes to stdout when nothing else does; annotations come
    /// after whatever else goes there. A sink that fails does not keep the result from the others.
    pub(super) fn emit(&self, render: &dyn Fn(Format, bool) -> String) -> Result<()> {
        self.emit_on(&|format, surface| render(format, surface.color))
    }

    /// As [`Self::emit`], for a result that looks at the width that there is.
    pub(super) fn emit_on(&self, render: &dyn Fn(Format, Surface) -> String) -> Result<()> {
        let mut written = self.to_files(&|format| render(format, Surface::FILE));
        if let Some(format) = self.stdout_format() {
            written.push(self.result(&render(format, self.stdout_surface()), escape(format)));
        }
        written.push(self.annotate(&|format| render(format, Surface::FILE)));
        written.into_iter().collect()
    }

    pub(super) fn stdout_surface(&self) -> Surface {
        Surface { color: self.term.stdout_color, width: self.term.stdout_width }
    }

    /// Writes an error to the sinks that machines read; people read it on stderr. A sink that fails has failed before,
    /// or is about to be of no interest: the error is on stderr.
    pub(super) fn emit_error(&self, error: &Error) {
        let (command, places) = (self.command, self.places(&[]));
        let render = |format| match format {
            Format::Text | Format::Yaml => format!("error: {error}\n"),
            Format::Markdown => render::summary::error(error, &places),
            Format::Html => render::error_html(&error.to_string()),
            Format::Json => render::error_json(error),
            Format::Sarif => render::sarif::error(command, error, &places),
            Format::Junit => render::junit::error(command, error, &places),
            Format::Github => render::github::error(error, &places),
        };
        drop(self.to_files(&render));
        if let Some(format) = self.stdout_format().filter(|format| !matches!(format, Format::Text | Format::Yaml)) {
            drop(self.result(&render(format), escape(format)));
        }
        drop(self.annotate(&render));
    }

    fn to_files(&self, render: &dyn Fn(Format) -> String) -> Vec<Result<()>> {
        let files = self.global.output.iter().filter_map(|output| Some((output.format, output.path.as_deref()?)));
        files.map(|(format, path)| write(path, &escape(format).safe(&render(format), false), Readers::Umask)).collect()
    }

    /// Annotations on stdout, where the runner reads them, and the summary of the step.
    fn annotate(&self, render: &dyn Fn(Format) -> String) -> Result<()> {
        if !self.writes(Format::Github) {
            return Ok(());
        }
        if self.annotates_stdout() {
            let commands = render(Format::Github);
            self.term.commands(&commands).map_err(|error| no_stdout(&error))?;
        }
        match std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
            Some(path) => append_summary(Path::new(&path), &render(Format::Markdown)),
            None => Ok(()),
        }
    }

    /// Writes a part of the result to stdout, as text.
    pub(super) fn to_stdout(&self, text: &str) -> Result<()> {
        self.result(text, Escape::Text)
    }

    fn result(&self, text: &str, escape: Escape) -> Result<()> {
        self.term.result(text, escape).map_err(|error| no_stdout(&error))
    }

    /// Finds out before anything is done whether the files of the result can be written.
    pub(super) fn check_sinks(&self) -> Result<()> {
        self.global.output.iter().filter_map(|output| output.path.as_deref()).try_for_each(|path| {
            check_unlinked(path)?;
            if path.is_dir() {
                return Err(Error::failed(format!("cannot write {}: it is a folder", path.display())));
            }
            let probe = |place: Place| match place {
                Place::Stream => Ok(()),
                Place::File(file) => tempfile::NamedTempFile::new_in(folder_of(&file))
                    .map(|_| ())
                    .or_else(|error| open(&file).map(|_| ()).map_err(|_| error)),
            };
            Place::of(path).and_then(probe).map_err(|error| unwritable(path, &error))
        })
    }

    /// Whether a result is asked for in this format.
    pub(super) fn writes(&self, format: Format) -> bool {
        self.global.output.iter().any(|output| output.format == format)
    }

    /// The format of stdout; `None` where annotations alone go there.
    pub(super) fn stdout_format(&self) -> Option<Format> {
        let streams = || self.global.output.iter().filter(|output| output.path.is_none()).map(|output| output.format);
        let last = streams().rfind(|format| *format != Format::Github);
        last.or_else(|| streams().next().is_none().then_some(Format::Text))
    }

    fn annotates_stdout(&self) -> bool {
        self.global.output.contains(&OutputSpec { format: Format::Github, path: None })
    }

    /// Where files are below the repository, for hosts that know nothing of the project's folder.
    pub(super) fn places(&self, offers: &[Desired]) -> Places {
        self.places_of(offers.iter().map(|offer| (offer.key.clone(), offer.path().to_owned())))
    }

    pub(super) fn places_of(&self, files: impl Iterator<Item = (OfferKey, String)>) -> Places {
        let root = match &self.found {
            Ok(Some(project)) => project.root.clone(),
            Ok(None) | Err(_) => std::env::current_dir().unwrap_or_default(),
        };
        Places { prefix: below_repository(&root), files: files.collect() }
    }
}

/// The folder below the one that holds `.git`, with a slash at its end; nothing where there is none.
fn below_repository(folder: &Path) -> String {
    let repository = folder.ancestors().find(|folder| folder.join(".git").exists());
    let below = repository.and_then(|repository| folder.strip_prefix(repository).ok()).unwrap_or(Path::new(""));
    below.components().map(|part| format!("{}/", part.as_os_str().to_string_lossy())).collect()
}

fn escape(format: Format) -> Escape {
    match format {
        Format::Json | Format::Sarif => Escape::Json,
        Format::Junit | Format::Html => Escape::Xml,
        Format::Text | Format::Yaml | Format::Markdown | Format::Github => Escape::Text,
    }
}

fn no_stdout(error: &std::io::Error) -> Error {
    Error::failed(format!("the result cannot be written to stdout: {error}"))
}

/// Adds to the summary of a step. Of a text for which there is no room any more, the whole lines that fit are added.
fn append_summary(path: &Path, text: &str) -> Result<()> {
    const CUT: &str = "\n… truncated: a summary can hold 1 MiB\n";
    let add = || {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
        let before = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let room = LARGEST_SUMMARY.saturating_sub(before);
        let text = Escape::Text.safe(text, false);
        let text = text.as_str();
        if text.len() <= room {
            return file.write_all(text.as_bytes());
        }
        let end = text.floor_char_boundary(room.saturating_sub(CUT.len()));
        let end = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
        if room < CUT.len() { Ok(()) } else { file.write_all(format!("{}{CUT}", &text[..end]).as_bytes()) }
    };
    add().map_err(|error: std::io::Error| unwritable(path, &error))
}

/// What a path that is written to leads to.
enum Place {
    /// A device or a pipe: a file in its place would be no device any more.
    Stream,
    /// A file, or nothing yet. Links are followed, so that they stay links.
    File(PathBuf),
}

impl Place {
    fn of(path: &Path) -> std::io::Result<Self> {
        match path.metadata() {
            Ok(metadata) if !metadata.is_file() => Ok(Self::Stream),
            Ok(_) => path.canonicalize().map(Self::File),
            Err(_) => Ok(Self::File(path.to_path_buf())),
        }
    }
}

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// Its owner alone.
    Owner,
    /// Whom the umask lets; those of a file that is there stay as they are.
    Umask,
}

/// Writes a JSON text for its owner alone, whole or not at all, and to a device or a pipe as it comes.
pub(super) fn write_private(path: &Path, json: &str) -> Result<()> {
    write(path, &Escape::Json.safe(json, false), Readers::Owner)
}

/// Writes a document with a checksum, from which nothing can be taken out: one that would hold a secret is not written.
pub(super) fn write_sealed(path: &Path, document: &str) -> Result<()> {
    let Some(document) = Escape::Json.unmasked(document) else {
        let message = format!("{} was not written: it would contain the value of a credential", path.display());
        let hint = "remove the value from the files and the portal, and change the credential";
        return Err(Error::invalid(message).hint(hint));
    };
    write(path, &document, Readers::Owner)
}

/// Refuses a link at or below a folder `.offerctl`: a file of the project must not decide what is overwritten.
pub(super) fn check_unlinked(path: &Path) -> Result<()> {
    let own = |place: &&Path| place.components().any(|part| part.as_os_str() == ".offerctl");
    match path.ancestors().filter(own).find(|place| place.is_symlink()) {
        None => Ok(()),
        Some(link) => {
            Err(Error::invalid(format!("{} is a link, and offerctl does not follow links there", link.display()))
                .hint(format!("remove it: rm {}", link.display())))
        }
    }
}

fn write(path: &Path, text: &Safe<'_>, readers: Readers) -> Result<()> {
    check_unlinked(path)?;
    let text = text.as_str();
    let write = || match Place::of(path)? {
        Place::Stream => open(path)?.write_all(text.as_bytes()),
        Place::File(place) => put(&place, text.as_bytes(), readers),
    };
    write().map_err(|error| unwritable(path, &error))
}

/// Writes a file anew that keeps its mode and owner.
pub(super) fn rewrite(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    put(path, bytes, Readers::Umask)
}

/// Replaces a file. One that cannot be replaced may still be writable: a file that is mounted, or that lies in a folder
/// in which nothing can be created.
fn put(place: &Path, bytes: &[u8], readers: Readers) -> std::io::Result<()> {
    use std::io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    replace(place, bytes, readers).or_else(|error| match error.kind() {
        CrossesDevices | PermissionDenied | ReadOnlyFilesystem | ResourceBusy => {
            overwrite(place, bytes, readers).map_err(|_| error)
        }
        _ => Err(error),
    })
}

fn open(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).open(path)
}

/// Puts a new file in the place, or leaves everything as it was.
fn replace(place: &Path, bytes: &[u8], readers: Readers) -> std::io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    if readers == Readers::Umask {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder_of(place))?;
    if let (Readers::Umask, Ok(before)) = (readers, place.metadata()) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            std::os::unix::fs::fchown(file.as_file(), Some(before.uid()), Some(before.gid()))?;
        }
        file.as_file().set_permissions(before.permissions())?;
    }
    file.write_all(bytes)?;
    file.persist(place).map(|_| ()).map_err(|error| error.error)
}

/// Writes into the file that is there, which keeps its mode and owner unless nobody else may read it.
fn overwrite(place: &Path, bytes: &[u8], readers: Readers) -> std::io::Result<()> {
    let mut file = open(place)?;
    #[cfg(unix)]
    if readers == Readers::Owner {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    }
    file.set_len(0)?;
    file.write_all(bytes)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The message names the user's path; the error's own text would name a temporary one.
fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::failed(format!("cannot write {}: {}", path.display(), error.kind()))
}
