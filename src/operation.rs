//! Long-running operations: what their state means for a goal, and waiting for it.
//!
//! [`next`] is the whole decision and pure. The driver around it polls, and gives up only the waiting, never the
//! operation: the portal goes on, and a later run finds it there.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::OfferKey;
use crate::portal::{Kind, Level, OperationPath, OperationView, Problem, Reader, State, Step, StepState, Submission};
use crate::stop::Stop;

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The preview is there and the publisher is asked to sign off.
    Signoff,
    Live,
    /// Nothing runs any more, or the portal waits for the publisher.
    Rest,
    Canceled,
}

/// Where an operation came to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It waits for the publisher's sign-off.
    Signoff,
    Succeeded,
    Canceled,
    Nothing,
}

/// What to do about a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    Wait,
    Reached(Rest),
    /// It ended another way: why, line by line.
    Ended(Vec<String>),
}

/// Decides what a state means for a goal.
pub(crate) fn next(goal: Goal, view: &OperationView) -> Next {
    // What is canceled, or to be canceled, may stand at a bad step; that is not why it ends.
    let ends = goal != Goal::Canceled && view.state != State::Canceled;
    let bad = |step: &&Step| ends && matches!(step.state, StepState::Failed | StepState::Blocked);
    if let Some(step) = view.steps.iter().find(bad) {
        let mut lines = vec![format!("the step {} is {}", step.name, step.state)];
        lines.extend(step.messages.iter().map(|message| message.text.clone()));
        return Next::Ended(lines);
    }
    if view.awaits_signoff() {
        return match goal {
            Goal::Signoff | Goal::Rest => Next::Reached(Rest::Signoff),
            // Right after a go-live or a cancel the status can lag behind.
            Goal::Live | Goal::Canceled => Next::Wait,
        };
    }
    match (&view.state, goal) {
        (State::Succeeded, Goal::Signoff | Goal::Live | Goal::Rest) => Next::Reached(Rest::Succeeded),
        (State::Succeeded, Goal::Canceled) => Next::Ended(vec!["it succeeded before it was canceled".to_owned()]),
        (State::Canceled, Goal::Rest | Goal::Canceled) => Next::Reached(Rest::Canceled),
        (State::Canceled, Goal::Signoff | Goal::Live) => Next::Ended(vec!["it was canceled".to_owned()]),
        (State::Failed, _) => Next::Ended(failure(view)),
        (State::NotStarted | State::NeverPublished, Goal::Rest | Goal::Canceled) => Next::Reached(Rest::Nothing),
        (
            State::Running | State::AwaitingSignoff | State::Unknown(_) | State::NotStarted | State::NeverPublished,
            _,
        ) => Next::Wait,
    }
}

fn failure(view: &OperationView) -> Vec<String> {
    let all = view.messages.iter().chain(view.steps.iter().flat_map(|step| &step.messages));
    let errors = all.filter(|message| message.level == Level::Error).map(|message| message.text.clone());
    let lines = errors.collect::<Vec<_>>();
    if lines.is_empty() { vec!["it failed, and the portal gave no reason".to_owned()] } else { lines }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// First pause between two polls; the pause grows by half each time.
    pub(crate) floor: Duration,
    pub(crate) ceiling: Duration,
    pub(crate) deadline: Option<Instant>,
}

impl Patience {
    /// Pauses that suit the portal (minutes to days), or a portal on this machine.
    pub(crate) fn new(loopback: bool, deadline: Option<Instant>) -> Self {
        let (floor, ceiling) = if loopback { (50, 1_000) } else { (5_000, 60_000) };
        Self { floor: Duration::from_millis(floor), ceiling: Duration::from_millis(ceiling), deadline }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Waited {
    Reached(Rest),
    Ended(Vec<String>),
    /// Out of time; the operation goes on.
    TimedOut,
    /// By the user; the operation goes on.
    Interrupted,
    /// The portal's answer cannot be used; the operation may go on.
    Lost(Problem),
}

pub(crate) struct Wait<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) key: &'a OfferKey,
    /// The operation's own address, where its start gave one.
    pub(crate) path: Option<OperationPath>,
    pub(crate) goal: Goal,
    pub(crate) patience: Patience,
}

/// The state of the operation, or why the portal did not tell it.
pub(crate) type Look<'a> = Result<&'a OperationView, &'a Problem>;

/// Waits for a goal, calling `seen` with every look.
pub(crate) async fn wait(wait: Wait<'_>, stop: &Stop, seen: &(dyn Fn(Look<'_>) + Sync)) -> Waited {
    let patience = wait.patience;
    within(patience, stop, poll(wait, seen)).await.unwrap_or_else(|left| left)
}

/// Reads until the user wants to stop or the time is over. A read that is given up changes nothing, so neither waits for
/// one to end.
///
/// # Errors
/// How it was left.
pub(crate) async fn within<T>(patience: Patience, stop: &Stop, work: impl Future<Output = T>) -> Result<T, Waited> {
    let late = async {
        match patience.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = stop.wait() => Err(Waited::Interrupted),
        done = work => Ok(done),
        () = late => Err(Waited::TimedOut),
    }
}

/// How many polls may show what was before an operation before it is taken for what is: some two minutes at the portal.
const LAG: u32 = 6;

async fn poll(mut wait: Wait<'_>, seen: &(dyn Fn(Look<'_>) + Sync)) -> Waited {
    let Patience { floor, ceiling, .. } = wait.patience;
    let (mut pause, mut lagging) = (floor, LAG);
    loop {
        let asked = match look(&wait).await {
            Ok(None) => return Waited::Reached(Rest::Nothing),
            Ok(Some((view, submitted))) => {
                wait.reader.forgive(wait.key);
                seen(Ok(&view));
                if let Some(waited) = judge(wait.goal, &view, &submitted, &mut lagging) {
                    return waited;
                }
                view.retry_after
            }
            // The portal forgot the operation, not the offer.
            Err(problem) if problem.kind == Kind::NotFound && wait.path.is_some() => {
                wait.path = None;
                continue;
            }
            // An outage ends no wait: only its deadline does.
            Err(problem) if problem.may_pass() => {
                seen(Err(&problem));
                problem.retry_after
            }
            Err(problem) => return Waited::Lost(problem),
        };
        tokio::time::sleep(next_pause(pause, asked, floor)).await;
        pause = pause.mul_f64(1.5).min(ceiling);
    }
}

/// The portal's own wish wins, within reason; else the pause that grew so far.
fn next_pause(pause: Duration, asked: Option<Duration>, floor: Duration) -> Duration {
    const LONGEST: Duration = Duration::from_hours(1);
    asked.map_or(pause, |asked| asked.clamp(floor, LONGEST))
}

/// What the submissions say, where they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Submitted {
    Runs,
    /// None runs; the newest ended so, if there is one.
    Rests(Option<State>),
    /// They were not read: the operation tells of itself.
    NotRead,
}

impl Submitted {
    fn of(all: &[Submission]) -> Self {
        match Submission::running(all) {
            Some(_) => Self::Runs,
            None => Self::Rests(all.first().map(|newest| newest.state.clone())),
        }
    }
}

/// What one look ends, if anything.
fn judge(goal: Goal, view: &OperationView, submitted: &Submitted, lagging: &mut u32) -> Option<Waited> {
    let mut lags = || {
        let lags = *lagging > 0;
        *lagging = lagging.saturating_sub(1);
        lags
    };
    match (submitted, goal) {
        // Of a cancel only the submissions tell; the status keeps what it said before.
        (Submitted::Rests(Some(State::Succeeded)), Goal::Canceled) => {
            return Some(Waited::Ended(vec!["it succeeded before it was canceled".to_owned()]));
        }
        (Submitted::Rests(Some(State::Canceled)), Goal::Canceled) => return Some(Waited::Reached(Rest::Canceled)),
        (Submitted::Rests(_), Goal::Canceled) => return Some(Waited::Reached(Rest::Nothing)),
        (Submitted::Rests(_), Goal::Live) if view.awaits_signoff() && !lags() => {
            let why = "the portal runs nothing for this offer, and its preview still waits for sign-off";
            return Some(Waited::Ended(vec![why.to_owned()]));
        }
        _ => {}
    }
    let rests = matches!(submitted, Submitted::Rests(_));
    let runs = *submitted == Submitted::Runs;
    match next(goal, view) {
        Next::Wait if goal == Goal::Rest && rests => Some(Waited::Reached(Rest::Nothing)),
        Next::Wait if rests && !view.has_begun() && !lags() => Some(Waited::Reached(Rest::Nothing)),
        Next::Wait => None,
        // With a submission that runs, the status can still tell of the operation before it.
        Next::Reached(_) if runs && !view.awaits_signoff() => None,
        Next::Ended(_) if runs && lags() => None,
        Next::Reached(rest) => Some(Waited::Reached(rest)),
        Next::Ended(why) => Some(Waited::Ended(why)),
    }
}

/// The state of the operation. With a link the operation tells itself; without one the offer's status does, and the
/// submissions tell whether anything runs.
async fn look(wait: &Wait<'_>) -> Result<Option<(OperationView, Submitted)>, Problem> {
    if let Some(path) = &wait.path {
        return Ok(Some((wait.reader.operation(wait.key, path).await?, Submitted::NotRead)));
    }
    let (status, submissions) = tokio::try_join!(wait.reader.status(wait.key), wait.reader.submissions(wait.key))?;
    Ok(status.map(|status| (status, Submitted::of(&submissions))))
}

/// Why a status that is at rest is no success: its last operation failed or was canceled.
pub(crate) fn ended_badly(status: &OperationView) -> Option<Vec<String>> {
    match next(Goal::Live, status) {
        Next::Ended(why) => Some(why),
        Next::Wait | Next::Reached(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view(state: &str, steps: &[(&str, &str)]) -> OperationView {
        let steps = steps.iter().map(
            |(id, status)| json!({"id": id, "stepName": id, "status": status, "messages": [{"messageHtml": "m"}]}),
        );
        OperationView::parse(&json!({"status": state, "steps": steps.collect::<Vec<_>>()})).expect("a view")
    }

    #[test]
    fn waiting_for_signoff_is_a_rest_of_its_own() {
        let waiting =
            view("running", &[("displaycertify", "complete"), ("publisher-signoff", "waitingForPublisherReview")]);
        assert_eq!(next(Goal::Signoff, &waiting), Next::Reached(Rest::Signoff));
        assert_eq!(next(Goal::Rest, &waiting), Next::Reached(Rest::Signoff));
        assert_eq!(next(Goal::Live, &waiting), Next::Wait);
        assert_eq!(next(Goal::Canceled, &waiting), Next::Wait);
    }

    #[test]
    fn every_word_for_success_ends_a_wait() {
        for word in ["complete", "succeeded", "Completed"] {
            assert_eq!(next(Goal::Live, &view(word, &[])), Next::Reached(Rest::Succeeded), "{word}");
        }
        assert_eq!(next(Goal::Live, &view("somethingNew", &[])), Next::Wait);
        assert_eq!(next(Goal::Live, &view("running", &[("live", "inProgress")])), Next::Wait);
    }

    #[test]
    fn failure_cancellation_and_a_blocked_step_end_a_wait_with_the_reason() {
        assert!(matches!(next(Goal::Signoff, &view("failed", &[])), Next::Ended(_)));
        assert!(matches!(next(Goal::Live, &view("canceled", &[])), Next::Ended(_)));
        assert_eq!(next(Goal::Canceled, &view("canceled", &[])), Next::Reached(Rest::Canceled));
        let blocked = next(Goal::Signoff, &view("running", &[("displaycertify", "blocked")]));
        assert_eq!(blocked, Next::Ended(vec!["the step displaycertify is blocked".to_owned(), "m".to_owned()]));
    }

    #[test]
    fn the_portals_own_wish_wins_between_a_floor_and_a_ceiling() {
        let seconds = Duration::from_secs;
        assert_eq!(next_pause(seconds(8), None, seconds(5)), seconds(8));
        assert_eq!(next_pause(seconds(8), Some(seconds(30)), seconds(5)), seconds(30));
        assert_eq!(next_pause(seconds(8), Some(seconds(0)), seconds(5)), seconds(5));
        assert_eq!(next_pause(seconds(8), Some(seconds(1_000_000)), seconds(5)), seconds(3_600));
    }

    #[test]
    fn a_status_that_lags_is_given_a_few_looks() {
        let (runs, rests) = (Submitted::Runs, Submitted::Rests(None));
        let mut lagging = LAG;
        let before = view("canceled", &[]);
        for _ in 0..LAG {
            assert_eq!(judge(Goal::Live, &before, &runs, &mut lagging), None);
        }
        assert!(matches!(judge(Goal::Live, &before, &runs, &mut lagging), Some(Waited::Ended(_))));
        let mut lagging = 0;
        let nothing = view("notStarted", &[]);
        assert_eq!(judge(Goal::Live, &nothing, &rests, &mut lagging), Some(Waited::Reached(Rest::Nothing)));
        let running = view("running", &[]);
        assert_eq!(judge(Goal::Rest, &running, &rests, &mut lagging), Some(Waited::Reached(Rest::Nothing)));
        assert_eq!(judge(Goal::Live, &view("succeeded", &[]), &runs, &mut lagging), None);
        let waiting = view("running", &[("publisher-signoff", "waitingForPublisherReview")]);
        assert!(matches!(judge(Goal::Live, &waiting, &rests, &mut lagging), Some(Waited::Ended(_))));
        assert_eq!(judge(Goal::Live, &waiting, &runs, &mut lagging), None);
    }

    #[test]
    fn of_a_cancel_the_submissions_tell_whatever_the_status_says() {
        let canceled = Submitted::Rests(Some(State::Canceled));
        let waiting = [("publisher-signoff", "waitingForPublisherReview")];
        let blocked = [("displaycertify", "blocked")];
        for status in [view("running", &waiting), view("running", &blocked), view("canceled", &blocked)] {
            let waited = judge(Goal::Canceled, &status, &canceled, &mut 0);
            assert_eq!(waited, Some(Waited::Reached(Rest::Canceled)), "{status:?}");
        }
        assert_eq!(judge(Goal::Canceled, &view("running", &blocked), &Submitted::Runs, &mut 0), None);
        let late = judge(Goal::Canceled, &view("succeeded", &[]), &Submitted::Rests(Some(State::Succeeded)), &mut 0);
        assert!(matches!(late, Some(Waited::Ended(_))));
    }

    #[test]
    fn a_status_at_rest_tells_whether_its_last_operation_ended_badly() {
        assert!(ended_badly(&view("failed", &[("displaycertify", "rejected")])).is_some());
        assert!(ended_badly(&view("canceled", &[])).is_some());
        for good in ["succeeded", "neverPublished", "running"] {
            assert_eq!(ended_badly(&view(good, &[])), None, "{good}");
        }
    }
}
