//! The result of `fmt`.

use crate::diagnostic::Diagnostic;
use crate::error::Exit;

/// What became of the layout of some files.
#[derive(Debug, Default)]
pub(crate) struct Formatted {
    /// In the order of their paths.
    pub(crate) files: Vec<FormattedFile>,
    /// What is wrong in the files that cannot be read.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

#[derive(Debug)]
pub(crate) struct FormattedFile {
    pub(crate) path: String,
    pub(crate) became: Laid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Laid {
    /// It has the layout already.
    Unchanged,
    Rewritten,
    /// It has another layout, and nothing was to be written.
    Differs,
    /// It cannot be laid out without changing what it says, because of this line.
    Left(usize),
    /// It cannot be read.
    Faulty,
}

impl Formatted {
    pub(crate) fn count(&self, of: impl Fn(Laid) -> bool) -> usize {
        self.files.iter().filter(|file| of(file.became)).count()
    }

    pub(crate) fn exit(&self) -> Exit {
        let any = |of: fn(Laid) -> bool| self.count(of) > 0;
        match () {
            () if any(|became| became == Laid::Faulty) => Exit::Invalid,
            () if any(|became| matches!(became, Laid::Left(_))) => Exit::Failed,
            () if any(|became| became == Laid::Differs) => Exit::Changes,
            () => Exit::Done,
        }
    }
}
