//! The one error type that reaches the user, and the exit codes of the process.
//!
//! Inner modules have error types of their own where a caller must tell the cases apart ([`crate::portal::Problem`],
//! [`crate::diagnostic::Diagnostic`]); at the edge of a command everything becomes an [`Error`]: one line of cause,
//! hints, and the [`Exit`] that the cause maps to.

use std::collections::BTreeSet;
use std::fmt;

use crate::diagnostic::Diagnostic;

/// How the process ends. The numbers are an interface: pipelines branch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// An error without a code of its own.
    Failed,
    /// There are changes (`plan --detailed-exitcode`), or there is drift.
    Changes,
    /// The input or the command line is not valid.
    Invalid,
    /// The portal did not accept who we are, or what we may do.
    Denied,
    /// Nothing was written to an offer on purpose: stale, in conflict, or stopped by a guard.
    Refused,
    /// Some offers were dealt with, others were not.
    Partial,
    /// The portal ran a publish, go-live or cancel, and it failed.
    OperationFailed,
    /// The operation still runs; the wait ended.
    WaitTimeout,
    Interrupted,
}

impl Exit {
    /// Every exit, in the order of its code.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 10] = [
        Self::Done,
        Self::Failed,
        Self::Changes,
        Self::Invalid,
        Self::Denied,
        Self::Refused,
        Self::Partial,
        Self::OperationFailed,
        Self::WaitTimeout,
        Self::Interrupted,
    ];

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Invalid => 3,
            Self::Denied => 4,
            Self::Refused => 5,
            Self::Partial => 6,
            Self::OperationFailed => 7,
            Self::WaitTimeout => 8,
            Self::Interrupted => 130,
        }
    }

    #[cfg(test)]
    /// What the code means, as docs/exit-codes.md says it.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing to do",
            Self::Failed => "another error, such as an unreachable portal",
            Self::Changes => "there are changes (only with `plan --detailed-exitcode`), or `drift` found drift",
            Self::Invalid => "invalid input or usage",
            Self::Denied => "authentication or permission",
            Self::Refused => "refused: stale, in conflict, or stopped by a guard",
            Self::Partial => "partial: some offers could not be read or applied",
            Self::OperationFailed => "the portal's operation failed or was canceled",
            Self::WaitTimeout => "the wait timed out; the operation continues",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How one offer ended, or one thing that was asked for. The most telling one is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// A guard stopped the whole run: nothing was begun.
    Guarded,
    Interrupted,
    /// Nothing was written to it on purpose: stale or in conflict.
    Refused,
    /// It was written, and is not as the file says.
    NotConverged,
    /// It could not be read or written.
    Failed,
    /// The portal did not accept who we are, or what we may do.
    Denied,
    OperationFailed,
    TimedOut,
    /// It differs, and the command was asked to end with a code of its own for that.
    Changed,
    Done,
}

impl Fate {
    /// Returns the fate of what could not be read.
    pub(crate) fn unread(denied: bool) -> Self {
        if denied { Self::Denied } else { Self::Failed }
    }
}

impl Exit {
    /// Returns the exit of a command whose offers ended so. The most telling end wins, except that a failure is
    /// [`Exit::Partial`] where another offer ended well, and [`Exit::Denied`] where nothing but denials kept the portal
    /// from doing its work.
    pub(crate) fn of(fates: impl IntoIterator<Item = Fate>) -> Self {
        let fates = fates.into_iter().collect::<BTreeSet<_>>();
        let has = |fate| fates.contains(&fate);
        match fates.first() {
            None | Some(Fate::Done) => Self::Done,
            Some(Fate::Guarded | Fate::Refused) => Self::Refused,
            Some(Fate::Interrupted) => Self::Interrupted,
            Some(Fate::NotConverged) => Self::Partial,
            Some(Fate::Failed | Fate::Denied) if has(Fate::Done) => Self::Partial,
            Some(Fate::Denied) if !has(Fate::OperationFailed) && !has(Fate::TimedOut) => Self::Denied,
            Some(Fate::Failed | Fate::Denied) => Self::Failed,
            Some(Fate::OperationFailed) => Self::OperationFailed,
            Some(Fate::TimedOut) => Self::WaitTimeout,
            Some(Fate::Changed) => Self::Changes,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What went wrong, what to do next, and how the process ends.
#[derive(Debug, Clone)]
pub struct Error {
    pub(crate) exit: Exit,
    message: String,
    hints: Vec<String>,
    diagnostics: Vec<Diagnostic>,
}

impl Error {
    /// An error with a message: a sentence fragment without a full stop, secrets already removed.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new(), diagnostics: Vec::new() }
    }

    /// The input or the command line is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, message)
    }

    /// Something failed that has no code of its own.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// A file could not be read or written.
    pub(crate) fn io(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::failed(format!("cannot {doing} {}: {error}", path.display()))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn with(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.diagnostics = diagnostics;
        self
    }

    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// What the user can do next, in order.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The result of everything at the edge of a command.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line of docs/exit-codes.md, but for invalid input (3): that is found before there are offers.
    #[test]
    fn every_end_has_its_exit() {
        use Fate::{
            Changed, Denied, Done, Failed, Guarded, Interrupted, NotConverged, OperationFailed, Refused, TimedOut,
        };
        let table: &[(u8, &[&[Fate]])] = &[
            (0, &[&[], &[Done]]),
            (1, &[&[Failed], &[Failed, Denied], &[Denied, TimedOut], &[Denied, OperationFailed], &[Failed, Changed]]),
            (2, &[&[Changed], &[Changed, Done]]),
            (4, &[&[Denied], &[Denied, Changed]]),
            (5, &[&[Guarded, Interrupted], &[Refused, Done], &[Refused, NotConverged, Failed]]),
            (6, &[&[Failed, Done], &[Denied, Done, Changed], &[NotConverged], &[NotConverged, Failed]]),
            (7, &[&[OperationFailed, Done], &[OperationFailed, TimedOut]]),
            (8, &[&[TimedOut], &[TimedOut, Done]]),
            (130, &[&[Interrupted, Refused, Failed], &[Interrupted, Done]]),
        ];
        for (code, all) in table {
            for fates in *all {
                assert_eq!(Exit::of(fates.iter().copied()).code(), *code, "{fates:?}");
                assert_eq!(Exit::of(fates.iter().rev().copied()).code(), *code, "{fates:?}");
            }
        }
        let reached = table.iter().map(|(code, _)| *code).chain([3]).collect::<BTreeSet<_>>();
        assert_eq!(reached, Exit::ALL.map(Exit::code).into());
    }
}
