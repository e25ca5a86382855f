//! Outcomes into one result: what was done, what was not, and the exit code.

use crate::apply::{End, Outcome};
use crate::diff::Change;
use crate::drift::Applied;
use crate::error::Exit;
use crate::model::{Address, OfferKey};
use crate::plan::Unread;
use crate::portal::{OperationView, Submission, Traffic};

/// The state of one offer on the portal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OfferStatus {
    pub(crate) key: OfferKey,
    /// Whether the portal has it.
    pub(crate) exists: bool,
    /// Its status; `None` when the portal has none to tell.
    pub(crate) status: Option<OperationView>,
    /// Whether the preview slot holds something.
    pub(crate) preview: bool,
    /// Whether the production slot holds something.
    pub(crate) production: bool,
    pub(crate) running: Option<Submission>,
}

/// Two states of one offer, compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(crate) key: OfferKey,
    /// Its file, where a side is the file.
    pub(crate) path: Option<String>,
    /// The sides that hold nothing, by their names.
    pub(crate) empty: Vec<String>,
    /// What differs, in the direction that was asked for.
    pub(crate) changes: Vec<Change>,
    /// Where an artifact could not be compared.
    pub(crate) not_compared: Vec<Address>,
}

/// One thing that `doctor` looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
}

impl Check {
    /// A check and its verdict.
    pub(crate) fn new(name: impl Into<String>, verdict: Verdict) -> Self {
        Self { name: name.into(), verdict }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it should be: what was found.
    Good(String),
    Bad {
        what: String,
        /// What to do about it.
        next: String,
        /// How the process ends for it.
        exit: Exit,
    },
    /// It could not be looked at: why.
    Unknown(String),
}

/// What a run was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Purpose {
    /// To carry out a plan.
    #[default]
    Apply,
    /// To wait for what runs.
    Wait,
    Publish,
    GoLive,
    Cancel,
}

/// What became of a whole run.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Report {
    pub(crate) purpose: Purpose,
    /// One outcome for each offer that had something to do, in the order of their keys.
    pub(crate) outcomes: Vec<Outcome>,
    /// Offers that had nothing to do.
    pub(crate) unchanged: Vec<OfferKey>,
    /// Offers that could not be read.
    pub(crate) unread: Vec<Unread>,
    /// What stopped the plan as a whole, each with what accepts it. Nothing was begun.
    pub(crate) refused: Vec<String>,
    /// The portal, as it is called in saved plans.
    pub(crate) portal: String,
    /// The offers that are as the files say, as they were seen: the base of a later look for drift.
    pub(crate) applied: Vec<Applied>,
    /// What it cost the network.
    pub(crate) traffic: Traffic,
}

impl Report {
    /// The exit code.
    ///
    /// The most telling cause wins: a guard, for which nothing was begun; an interruption; a refusal (nothing was written
    /// to that offer, and somebody must look); a failure. `6` says that some offers are as they should be and others are
    /// not, or that one is in part.
    pub(crate) fn exit(&self) -> Exit {
        let ends = || self.outcomes.iter().map(|outcome| &outcome.end);
        let any = |test: fn(&End) -> bool| ends().any(test);
        let good = !self.unchanged.is_empty() || any(|end| matches!(end, End::Done | End::Left));
        if !self.refused.is_empty() || any(|end| matches!(end, End::Guarded(_))) {
            // Nothing at all was begun, so the others are not attempted for that reason.
            Exit::Refused
        } else if any(|end| matches!(end, End::Interrupted | End::NotAttempted)) {
            Exit::Interrupted
        } else if any(|end| matches!(end, End::Stale(_) | End::Conflict(_) | End::Busy(_))) {
            Exit::Refused
        } else if any(|end| matches!(end, End::NotConverged(_))) {
            Exit::Partial
        } else if !self.unread.is_empty() || any(|end| matches!(end, End::Failed(_) | End::Unfilled(_))) {
            let denied = self.unread.iter().all(|unread| unread.denied)
                && ends().all(|end| matches!(end, End::Failed(failure) if failure.problem.is_denied()));
            match (good, denied) {
                (true, _) => Exit::Partial,
                (false, true) => Exit::Denied,
                (false, false) => Exit::Failed,
            }
        } else if any(|end| matches!(end, End::OperationEnded(_))) {
            Exit::OperationFailed
        } else if any(|end| matches!(end, End::TimedOut)) {
            Exit::WaitTimeout
        } else {
            Exit::Done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Stale;
    use crate::portal::Problem;

    fn failed(status: u16) -> End {
        Problem::answer("GET /x", status, None, "").into()
    }

    fn keys(count: usize) -> Vec<OfferKey> {
        (0..count).map(|n| format!("contoso/u{n}").parse().expect("a key")).collect()
    }

    fn exit(ends: Vec<End>, unchanged: usize) -> Exit {
        let outcomes = ends
            .into_iter()
            .map(|end| Outcome { key: "contoso/a".parse().expect("a key"), done: Vec::new(), end, applied: None })
            .collect();
        Report { outcomes, unchanged: keys(unchanged), ..Report::default() }.exit()
    }

    #[test]
    fn every_end_has_its_exit() {
        let denied = || failed(403);
        let failed = || failed(503);
        let stale = || End::Stale(Stale::Created);
        let ended = || End::OperationEnded(vec![]);
        let table = [
            (vec![], Exit::Done),
            (vec![End::Done, End::Left], Exit::Done),
            (vec![failed()], Exit::Failed),
            (vec![denied()], Exit::Denied),
            (vec![failed(), denied()], Exit::Failed),
            (vec![failed(), End::Done], Exit::Partial),
            (vec![stale(), End::Done], Exit::Refused),
            (vec![stale(), failed()], Exit::Refused),
            (vec![End::Guarded(vec![]), End::NotAttempted], Exit::Refused),
            (vec![End::Conflict(String::new())], Exit::Refused),
            (vec![End::Busy(String::new()), End::Done], Exit::Refused),
            (vec![End::NotConverged(vec![])], Exit::Partial),
            (vec![End::Unfilled(String::new())], Exit::Failed),
            (vec![ended(), End::Done], Exit::OperationFailed),
            (vec![End::TimedOut, End::Done], Exit::WaitTimeout),
            (vec![End::TimedOut, ended()], Exit::OperationFailed),
            (vec![End::Interrupted, stale(), failed()], Exit::Interrupted),
            (vec![End::NotAttempted], Exit::Interrupted),
        ];
        for (ends, expected) in table {
            let shown = format!("{ends:?}");
            assert_eq!(exit(ends, 0), expected, "{shown}");
        }
        assert_eq!(exit(vec![failed()], 1), Exit::Partial);
    }

    #[test]
    fn an_offer_that_could_not_be_read_counts() {
        let unread =
            |denied| Unread { key: "contoso/b".parse().expect("a key"), cause: String::new(), hint: None, denied };
        let report = |denied, unchanged| Report {
            unread: vec![unread(denied)],
            unchanged: keys(unchanged),
            ..Report::default()
        };
        assert_eq!(report(true, 0).exit(), Exit::Denied);
        assert_eq!(report(false, 0).exit(), Exit::Failed);
        assert_eq!(report(false, 1).exit(), Exit::Partial);
    }
}
