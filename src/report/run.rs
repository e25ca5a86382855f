//! The result of what changes the portal or waits for it: what was done, what was not, and the exit code.

use serde::Serialize;

use crate::apply::{End, Outcome};
use crate::drift::Applied;
use crate::error::{Exit, Fate};
use crate::model::OfferKey;
use crate::plan::Unread;
use crate::portal::Traffic;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Purpose {
    #[default]
    Apply,
    Wait,
    Publish,
    GoLive,
    Cancel,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Report {
    pub(crate) purpose: Purpose,
    /// One outcome for each offer that had something to do, in the order of their keys.
    pub(crate) outcomes: Vec<Outcome>,
    /// Offers that had nothing to do.
    pub(crate) unchanged: Vec<OfferKey>,
    pub(crate) unread: Vec<Unread>,
    /// What stopped the plan as a whole, each with what accepts it. Nothing was begun.
    pub(crate) refused: Vec<String>,
    /// The portal, as it is called in saved plans.
    pub(crate) portal: String,
    /// The environment that the files were read for.
    pub(crate) environment: Option<String>,
    /// The offers that are as the files say, as they were seen: the base of a later look for drift.
    pub(crate) applied: Vec<Applied>,
    pub(crate) traffic: Traffic,
}

impl Report {
    pub(crate) fn exit(&self) -> Exit {
        let guarded = (!self.refused.is_empty()).then_some(Fate::Guarded);
        let unchanged = self.unchanged.iter().map(|_| Fate::Done);
        let unread = self.unread.iter().map(|unread| Fate::unread(unread.denied));
        let ends = self.outcomes.iter().map(|outcome| fate(&outcome.end));
        Exit::of(guarded.into_iter().chain(unchanged).chain(unread).chain(ends))
    }
}

fn fate(end: &End) -> Fate {
    match end {
        End::Done | End::Left => Fate::Done,
        End::Guarded(_) => Fate::Guarded,
        End::Interrupted | End::NotAttempted => Fate::Interrupted,
        End::Stale(_) | End::Conflict(_) | End::Busy(_) => Fate::Refused,
        End::NotConverged(_) => Fate::NotConverged,
        End::Failed(failure) => Fate::unread(failure.problem.is_denied()),
        End::Unfilled(_) => Fate::Failed,
        End::OperationEnded(_) => Fate::OperationFailed,
        End::TimedOut => Fate::TimedOut,
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
