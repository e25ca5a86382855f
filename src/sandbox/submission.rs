//! One run of publishing on the clock. Nothing happens in the background: a run remembers when it began, and its state
//! at any later time is worked out from that.

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use crate::model::Slot;

/// The slot that a run fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Target {
    /// From publish up to the publisher's sign-off.
    Preview,
    /// From going live to the end.
    Production,
}

impl Target {
    pub(super) fn slot(self) -> Slot {
        match self {
            Self::Preview => Slot::Preview,
            Self::Production => Slot::Production,
        }
    }

    /// Which steps pass on the clock: the first, and the one after the last.
    fn timed(self) -> (i64, i64) {
        match self {
            Self::Preview => (0, SIGNOFF),
            Self::Production => (SIGNOFF + 1, SIGNOFF + 2),
        }
    }
}

/// The steps of publishing, in order: four on the clock, the sign-off, going live.
pub(super) const STEPS: usize = 6;

/// The position of the sign-off among the steps.
const SIGNOFF: i64 = 4;

/// Where a run is. Times are in milliseconds since 1970; `cancel` is when a requested cancel takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub(super) enum State {
    Running {
        started: i64,
        cancel: Option<i64>,
    },
    /// The preview is there; only the publisher can go on.
    Signoff {
        cancel: Option<i64>,
    },
    /// Over, with its slot filled.
    Done,
    /// Over, after so many steps.
    Canceled {
        steps: i64,
    },
    Failed {
        step: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum FailureWord {
    Blocked,
    Rejected,
}

/// What a run is going to fail of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    /// The position of the step.
    pub(super) step: i64,
    pub(super) word: FailureWord,
    pub(super) messages: Vec<String>,
}

/// The ids of the steps, in order.
pub(super) const STEP_IDS: [&str; STEPS] =
    ["displaydummycertify", "displaycertify", "displayprovision", "displaypackage", "publisher-signoff", "live"];

/// The position of a step that can fail.
pub(super) fn step_named(id: &str) -> Option<i64> {
    let place = STEP_IDS.iter().zip(0..).find(|(known, _)| known.eq_ignore_ascii_case(id));
    place.map(|(_, place)| place).filter(|place| *place != SIGNOFF)
}

/// Where one step is, as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    NotStarted,
    Running(u8),
    Waiting,
    Complete,
    Canceled,
    Failed(FailureWord),
}

/// A publish, or a go-live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Submission {
    /// The identifier in lists and in the operation links of migrated offers.
    pub(super) id: String,
    pub(super) target: Target,
    /// Counts the publishes of the offer; a go-live has the number of the publish that it completes.
    pub(super) publishing_version: i64,
    /// Which version of the offer it carries.
    pub(super) offer_version: i64,
    pub(super) emails: String,
    /// When it was asked for.
    pub(super) created: Moment,
    /// How long each of its steps takes.
    pub(super) step_millis: i64,
    /// What it is going to fail of.
    #[serde(default)]
    pub(super) failure: Option<Failure>,
    /// As of the last time it was looked at.
    pub(super) state: State,
}

impl Submission {
    /// Moves to the state of a later time.
    pub(super) fn settle(&mut self, now: i64) {
        if let State::Running { started, cancel } = self.state {
            let (first, end) = self.target.timed();
            let failing = self.failure.as_ref().map(|failure| failure.step).filter(|step| (first..end).contains(step));
            let last = failing.unwrap_or(end - 1);
            let ends = started.saturating_add((last + 1 - first).saturating_mul(self.step_millis));
            match cancel {
                Some(cancel) if cancel <= now && cancel < ends => {
                    self.state = State::Canceled { steps: first + self.steps_since(started, cancel) };
                }
                _ if now < ends => {}
                _ if failing.is_some() => self.state = State::Failed { step: last },
                _ if self.target == Target::Production => self.state = State::Done,
                _ => self.state = State::Signoff { cancel },
            }
        }
        if let State::Signoff { cancel: Some(cancel) } = self.state
            && cancel <= now
        {
            self.state = State::Canceled { steps: SIGNOFF };
        }
    }

    /// Asks for a cancel; it takes effect one step later. Whether there was anything to cancel.
    pub(super) fn cancel(&mut self, now: i64) -> bool {
        match &mut self.state {
            State::Running { cancel, .. } | State::Signoff { cancel } => {
                cancel.get_or_insert(now.saturating_add(self.step_millis));
                true
            }
            State::Done | State::Canceled { .. } | State::Failed { .. } => false,
        }
    }

    /// Gives way to a newer publish.
    pub(super) fn supersede(&mut self) {
        self.state = State::Canceled { steps: SIGNOFF };
    }

    /// Whether something passes on the clock that others must wait for.
    pub(super) fn is_busy(&self) -> bool {
        match self.state {
            State::Running { .. } | State::Signoff { cancel: Some(_) } => true,
            State::Signoff { cancel: None } | State::Done | State::Canceled { .. } | State::Failed { .. } => false,
        }
    }

    /// Whether only the publisher can go on.
    pub(super) fn awaits_signoff(&self) -> bool {
        self.state == State::Signoff { cancel: None }
    }

    /// Whether a cancel can still be asked for.
    pub(super) fn can_cancel(&self) -> bool {
        matches!(self.state, State::Running { cancel: None, .. } | State::Signoff { cancel: None })
    }

    /// The word of `submissionState`.
    pub(super) fn word(&self) -> &'static str {
        match (self.state, self.target) {
            (State::Running { .. } | State::Signoff { .. }, _) => "running",
            (State::Done, Target::Preview) => "completed",
            (State::Done, Target::Production) => "succeeded",
            (State::Canceled { .. }, _) => "canceled",
            (State::Failed { .. }, _) => "failed",
        }
    }

    /// Where each step is at this time. A publish that is done had nothing to sign off, unless a go-live followed it.
    pub(super) fn progress(&self, now: i64) -> [Progress; STEPS] {
        let (reached, there) = match self.state {
            State::Running { started, .. } => {
                let passed = self.steps_since(started, now);
                let percent =
                    now.saturating_sub(started).max(0) % self.step_millis.max(1) * 100 / self.step_millis.max(1);
                (self.target.timed().0 + passed, Progress::Running(u8::try_from(percent).unwrap_or(0)))
            }
            State::Signoff { .. } => (SIGNOFF, Progress::Waiting),
            State::Done => return [Progress::Complete; STEPS],
            State::Canceled { steps } => (steps, Progress::Canceled),
            State::Failed { step } => {
                let word = self.failure.as_ref().map_or(FailureWord::Rejected, |failure| failure.word);
                (step, Progress::Failed(word))
            }
        };
        let reached = usize::try_from(reached).unwrap_or(0);
        std::array::from_fn(|step| match step.cmp(&reached) {
            std::cmp::Ordering::Less => Progress::Complete,
            std::cmp::Ordering::Equal => there,
            std::cmp::Ordering::Greater => Progress::NotStarted,
        })
    }

    fn steps_since(&self, started: i64, now: i64) -> i64 {
        now.saturating_sub(started).max(0) / self.step_millis.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: i64 = 100;

    fn run(target: Target) -> Submission {
        Submission {
            id: "s".to_owned(),
            target,
            publishing_version: 1,
            offer_version: 1,
            emails: String::new(),
            created: Moment::at(0),
            step_millis: STEP,
            failure: None,
            state: State::Running { started: 1_000, cancel: None },
        }
    }

    fn settled(mut submission: Submission, now: i64) -> Submission {
        submission.settle(now);
        submission
    }

    #[test]
    fn a_publish_stops_at_the_signoff() {
        assert!(settled(run(Target::Preview), 1_399).is_busy());
        let waiting = settled(run(Target::Preview), 1_400);
        assert!(waiting.awaits_signoff() && !waiting.is_busy());
        assert_eq!(settled(waiting, i64::MAX).word(), "running");
    }

    #[test]
    fn a_golive_has_one_step() {
        assert_eq!(settled(run(Target::Production), 1_099).word(), "running");
        assert_eq!(settled(run(Target::Production), 1_100).state, State::Done);
    }

    #[test]
    fn steps_and_percent_follow_the_clock() {
        use Progress::{Complete, NotStarted, Running, Waiting};
        let preview = run(Target::Preview);
        assert_eq!(preview.progress(1_000), [Running(0), NotStarted, NotStarted, NotStarted, NotStarted, NotStarted]);
        assert_eq!(preview.progress(1_250), [Complete, Complete, Running(50), NotStarted, NotStarted, NotStarted]);
        assert_eq!(
            settled(preview, 1_400).progress(1_400),
            [Complete, Complete, Complete, Complete, Waiting, NotStarted]
        );
        assert_eq!(run(Target::Production).progress(1_025)[4..], [Complete, Running(25)]);
    }

    #[test]
    fn a_cancel_takes_effect_one_step_later() {
        let mut submission = run(Target::Preview);
        assert!(submission.cancel(1_120));
        assert_eq!(settled(submission.clone(), 1_219).word(), "running");
        let canceled = settled(submission, 5_000);
        assert_eq!(canceled.state, State::Canceled { steps: 2 });
        assert_eq!(canceled.progress(5_000)[1..4], [Progress::Complete, Progress::Canceled, Progress::NotStarted]);
    }

    #[test]
    fn asking_twice_does_not_put_the_cancel_off() {
        let mut submission = run(Target::Preview);
        assert!(submission.cancel(1_000) && submission.cancel(1_090));
        assert_eq!(settled(submission, 1_100).word(), "canceled");
    }

    #[test]
    fn a_cancel_that_comes_too_late_changes_nothing() {
        let mut live = run(Target::Production);
        assert!(live.cancel(1_050));
        let mut live = settled(live, 2_000);
        assert_eq!(live.state, State::Done);
        assert!(!live.cancel(2_000));
    }

    #[test]
    fn a_cancel_reaches_over_into_the_signoff() {
        let mut submission = run(Target::Preview);
        assert!(submission.cancel(1_350));
        let waiting = settled(submission, 1_449);
        assert!(waiting.is_busy() && !waiting.awaits_signoff() && !waiting.can_cancel());
        assert_eq!(settled(waiting, 1_450).state, State::Canceled { steps: 4 });
    }

    #[test]
    fn a_run_fails_at_the_end_of_its_step_and_only_at_a_step_it_has() {
        let failing = |target, step| {
            let failure = Failure { step, word: FailureWord::Rejected, messages: vec!["no".to_owned()] };
            Submission { failure: Some(failure), ..run(target) }
        };
        assert!(settled(failing(Target::Preview, 1), 1_199).is_busy());
        let failed = settled(failing(Target::Preview, 1), 1_200);
        assert_eq!((failed.state, failed.word(), failed.is_busy()), (State::Failed { step: 1 }, "failed", false));
        let expected = [Progress::Complete, Progress::Failed(FailureWord::Rejected), Progress::NotStarted];
        assert_eq!(failed.progress(1_200)[..3], expected);
        assert!(settled(failing(Target::Preview, 5), 5_000).awaits_signoff(), "going live is another run");
        assert_eq!(settled(failing(Target::Production, 5), 5_000).state, State::Failed { step: 5 });
        let mut canceled = failing(Target::Preview, 3);
        canceled.cancel(1_000);
        assert_eq!(settled(canceled, 5_000).word(), "canceled", "what comes first counts");
    }

    #[test]
    fn every_step_but_the_signoff_can_fail() {
        assert_eq!(step_named("DisplayCertify"), Some(1));
        assert_eq!((step_named("publisher-signoff"), step_named("lunch")), (None, None));
    }

    #[test]
    fn steps_without_length_are_over_at_once() {
        let instant = Submission { step_millis: 0, ..run(Target::Preview) };
        assert!(settled(instant.clone(), 1_000).awaits_signoff());
        assert_eq!(instant.progress(1_000).len(), STEPS);
    }

    #[test]
    fn a_clock_that_went_back_is_no_progress() {
        assert_eq!(run(Target::Preview).progress(0)[0], Progress::Running(0));
    }
}
