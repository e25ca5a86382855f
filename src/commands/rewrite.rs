//! Offer files written anew: checked before, shown as a diff, and left alone where somebody else changed them meanwhile.

use std::path::PathBuf;

use similar::TextDiff;

use super::home::{put_new, without_credential};
use super::shell::Shell;
use super::sinks;
use crate::cli::Rewriting;
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::{Error, Exit, Result};
use crate::revise::Revised;
use crate::workspace::{Changes, Project};

impl Shell {
    /// Writes files, or prints them as a patch, and shows what changes in them. A change that makes a file invalid is refused.
    pub(super) fn rewrite(&self, project: &Project, revised: &[Revised], rewriting: Rewriting) -> Result<Exit> {
        self.write_revised(project, revised, rewriting)?;
        if revised.is_empty() {
            self.term.say("No change: the files already declare this.");
        }
        let patch = revised.iter().map(patch).collect::<String>();
        self.to_stdout(&patch)?;
        Ok(Exit::Done)
    }

    /// As [`Self::rewrite`], without showing anything.
    pub(super) fn write_revised(&self, project: &Project, revised: &[Revised], rewriting: Rewriting) -> Result<()> {
        self.check_revised(project, revised)?;
        if rewriting.patch {
            return Ok(());
        }
        revised.iter().try_for_each(|file| unchanged(project, file).map(drop))?;
        revised.iter().try_for_each(|file| write(project, file))
    }

    /// Checks that the files are valid afterwards.
    fn check_revised(&self, project: &Project, revised: &[Revised]) -> Result<()> {
        for text in revised.iter().filter_map(|file| file.after.as_deref()) {
            without_credential(text).map_err(|why| Error::invalid(format!("nothing was written: {why}")))?;
        }
        let changes = revised.iter().map(|file| (file.path.clone(), file.after.clone())).collect::<Changes>();
        let after = self.read_changed(project, &changes);
        let before = self.read(project);
        // A file that does not change may become invalid too: an overlay whose file is deleted, for example.
        let known = |found: &Diagnostic| {
            let is_it = |other: &Diagnostic| other.source.path == found.source.path && other.message == found.message;
            !changes.contains_key(&*found.source.path) && before.diagnostics.iter().any(is_it)
        };
        let errors = after.diagnostics.into_iter().filter(|found| found.severity == Severity::Error && !known(found));
        let errors = errors.collect::<Vec<_>>();
        match errors.is_empty() {
            true => Ok(()),
            false => Err(Error::invalid("nothing was written: the change would make the files invalid").with(errors)),
        }
    }
}

/// The change of a file in the form that `git apply` takes.
pub(super) fn patch(file: &Revised) -> String {
    let (before, after) = (file.before.as_deref().unwrap_or_default(), file.after.as_deref().unwrap_or_default());
    let name = |side: &str, text: &Option<String>| match text {
        Some(_) => format!("{side}/{}", file.path),
        None => "/dev/null".to_owned(),
    };
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().header(&name("a", &file.before), &name("b", &file.after)).to_string()
}

/// Returns where a file lies and the bytes before its text, after checking that it still holds what was read.
fn unchanged(project: &Project, file: &Revised) -> Result<(PathBuf, &'static [u8])> {
    let named = project.root.join(&file.path);
    let Some(before) = &file.before else { return Ok((named, b"")) };
    let failed = |error: &std::io::Error| Error::io("change", &named, error);
    // A link stays one: what it leads to is written.
    let path = named.canonicalize().map_err(|error| failed(&error))?;
    let bytes = std::fs::read(&path).map_err(|error| failed(&error))?;
    let mark: &[u8] = if bytes.starts_with(b"\xef\xbb\xbf") { b"\xef\xbb\xbf" } else { b"" };
    if bytes[mark.len()..] != *before.as_bytes() {
        let message = format!("{} was changed by another program meanwhile and was not overwritten", file.path);
        return Err(Error::failed(message).hint("run the command again"));
    }
    Ok((path, mark))
}

/// Writes a file anew, unless its bytes are no longer those that were read.
pub(super) fn write(project: &Project, file: &Revised) -> Result<()> {
    let (path, mark) = unchanged(project, file)?;
    let written = match (&file.before, &file.after) {
        (Some(_), Some(text)) => sinks::rewrite(&path, &[mark, text.as_bytes()].concat()),
        (None, Some(text)) => put_new(&path, text.as_bytes()),
        (_, None) => std::fs::remove_file(&path),
    };
    written.map_err(|error| Error::io("change", &path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_since_it_was_read_is_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let project = Project { root: folder.path().to_owned(), config: Default::default(), environment: None };
        let file =
            Revised { path: "a.yaml".into(), before: Some("a: 1\n".into()), after: Some("a: \"1\"\n".to_owned()) };
        let now = || std::fs::read_to_string(folder.path().join("a.yaml")).expect("the file");
        std::fs::write(folder.path().join("a.yaml"), "a: 2\n").expect("written");
        assert_eq!(write(&project, &file).expect_err("refused").exit, Exit::Failed);
        assert_eq!(now(), "a: 2\n");
        std::fs::write(folder.path().join("a.yaml"), "\u{feff}a: 1\n").expect("written");
        write(&project, &file).expect("written");
        assert_eq!(now(), "\u{feff}a: \"1\"\n");
    }
}
