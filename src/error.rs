//! The one error type that reaches the user, and the exit codes of the process.
//!
//! Inner modules have error types of their own where a caller must tell the cases apart ([`crate::portal::Problem`],
//! [`crate::diagnostic::Diagnostic`]); at the edge of a command everything becomes an [`Error`]: one line of cause,
//! hints, and the [`Exit`] that the cause maps to.

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
    /// What the code means, as the README's table says it.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing to do",
            Self::Failed => "an error without a code of its own, such as a portal that cannot be reached",
            Self::Changes => "there are changes (only with `plan --detailed-exitcode`), or `drift` found drift",
            Self::Invalid => "invalid input or usage",
            Self::Denied => "authentication or permission",
            Self::Refused => "refused: stale, in conflict, or stopped by a guard",
            Self::Partial => "in part: some offers could not be read or applied",
            Self::OperationFailed => "the portal's operation failed or was canceled",
            Self::WaitTimeout => "the wait ran out of time; the operation goes on",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What went wrong, what to do next, and how the process ends.
#[derive(Debug)]
pub struct Error {
    /// The exit that this error maps to.
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

    /// Adds what the user can do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the findings that it is about.
    pub(crate) fn with(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.diagnostics = diagnostics;
        self
    }

    /// The findings that it is about.
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
