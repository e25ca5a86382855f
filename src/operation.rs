//! Long-running operations: what their state means for a goal, and waiting for it.
//!
//! [`next`] is the whole decision and pure. The driver around it polls, and gives up only the waiting, never the
//! operation: the portal goes on, and a later run finds it there.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::model::OfferKey;
use crate::portal::{Kind, Level, OperationPath, OperationView, Problem, Reader, State, StepState, Submission};

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The preview is there and the publisher is asked to sign off.
    Signoff,
    /// Customers see it.
    Live,
    /// Nothing runs any more, or the portal waits for the publisher.
    Rest,
    /// The cancellation took effect.
    Canceled,
}

/// Where an operation came to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// It waits for the publisher's sign-off.
    Signoff,
    /// It succeeded.
    Succeeded,
    /// It was canceled.
    Canceled,
    /// Nothing was running.
    Nothing,
}

/// What to do about a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask again later.
    Wait,
    /// The goal is reached.
    Reached(Rest),
    /// It ended another way: why, line by line.
    Ended(Vec<String>),
}

/// Decides what a state means for a goal.
#[must_use]
pub fn next(goal: Goal, view: &OperationView) -> Next {
    if let Some(step) = view.steps.iter().find(|step| matches!(step.state, StepState::Failed | StepState::Blocked)) {
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
    if lines.is_empty() { vec!["it failed, and the portal does not say why".to_owned()] } else { lines }
}

/// How to poll.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// First pause between two polls; the pause grows by half each time.
    pub floor: Duration,
    /// Longest pause.
    pub ceiling: Duration,
    /// When to stop waiting.
    pub deadline: Option<Instant>,
}

impl Patience {
    /// Pauses that suit the portal (minutes to days), or a portal on this machine.
    #[must_use]
    pub fn new(loopback: bool, deadline: Option<Instant>) -> Self {
        let (floor, ceiling) = if loopback { (50, 1_000) } else { (5_000, 60_000) };
        Self { floor: Duration::from_millis(floor), ceiling: Duration::from_millis(ceiling), deadline }
    }
}

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// At its goal.
    Reached(Rest),
    /// Another way.
    Ended(Vec<String>),
    /// Out of time; the operation goes on.
    TimedOut,
    /// By the user; the operation goes on.
    Interrupted,
    /// The portal stopped answering; the operation may go on.
    Lost(Problem),
}

/// Says that the user wants to stop. Work that was begun on the portal is finished, nothing new is begun.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A signal and its switch.
    #[must_use]
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Whether the user asked to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the user asks to stop.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stop| *stop).await.is_err() {
            // The switch is gone, so nobody will ask.
            std::future::pending::<()>().await;
        }
    }
}

/// What is waited for.
pub struct Wait<'a> {
    /// Reads the portal.
    pub reader: &'a Reader,
    /// Which offer.
    pub key: &'a OfferKey,
    /// The operation's own address, where its start gave one.
    pub path: Option<OperationPath>,
    /// What ends the wait.
    pub goal: Goal,
    /// How to poll.
    pub patience: Patience,
}

/// Waits for a goal, calling `seen` with every state.
pub async fn wait(wait: Wait<'_>, stop: &Stop, seen: &(dyn Fn(&OperationView) + Sync)) -> Waited {
    let deadline = wait.patience.deadline;
    let late = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    // A read that is given up changes nothing, so stop and deadline need not wait for one to end.
    tokio::select! {
        biased;
        () = stop.wait() => Waited::Interrupted,
        waited = poll(wait, seen) => waited,
        () = late => Waited::TimedOut,
    }
}

/// How many polls may show the end of an earlier operation before it is taken for this one's.
const LAG: u32 = 3;

/// How many polls in a row may fail, each tried several times, before a wait of days is given up.
const OUTAGE: u32 = 5;

async fn poll(mut wait: Wait<'_>, seen: &(dyn Fn(&OperationView) + Sync)) -> Waited {
    let Patience { floor, ceiling, .. } = wait.patience;
    let (mut pause, mut lagging, mut failed) = (floor, LAG, 0);
    loop {
        let mut asked = None;
        match look(&wait).await {
            Ok(None) => return Waited::Reached(Rest::Nothing),
            Ok(Some((view, runs))) => {
                failed = 0;
                asked = view.retry_after;
                seen(&view);
                if let Some(waited) = judge(wait.goal, &view, runs, &mut lagging) {
                    return waited;
                }
            }
            // The portal forgot the operation, not the offer.
            Err(problem) if problem.kind == Kind::NotFound && wait.path.is_some() => {
                wait.path = None;
                continue;
            }
            Err(problem) if problem.may_pass() && failed < OUTAGE => {
                failed += 1;
                tracing::warn!(%problem, failed, "the portal does not answer; the wait goes on");
            }
            Err(problem) => return Waited::Lost(problem),
        }
        tokio::time::sleep(next_pause(pause, asked, floor)).await;
        pause = pause.mul_f64(1.5).min(ceiling);
    }
}

/// The portal's own wish wins, within reason; else the pause that grew so far.
fn next_pause(pause: Duration, asked: Option<Duration>, floor: Duration) -> Duration {
    const LONGEST: Duration = Duration::from_hours(1);
    asked.map_or(pause, |asked| asked.clamp(floor, LONGEST))
}

/// What one look ends, if anything. `runs` is whether a submission runs, where that is known.
fn judge(goal: Goal, view: &OperationView, runs: Option<bool>, lagging: &mut u32) -> Option<Waited> {
    let mut lags = || {
        let lags = *lagging > 0;
        *lagging = lagging.saturating_sub(1);
        lags
    };
    match next(goal, view) {
        Next::Wait if goal == Goal::Rest && runs == Some(false) => Some(Waited::Reached(Rest::Nothing)),
        Next::Wait if runs == Some(false) && !view.has_begun() && !lags() => Some(Waited::Reached(Rest::Nothing)),
        Next::Wait => None,
        // With a submission that runs, the status can still tell of the operation before it.
        Next::Reached(_) if runs == Some(true) && !view.awaits_signoff() => None,
        Next::Ended(_) if runs == Some(true) && lags() => None,
        Next::Reached(rest) => Some(Waited::Reached(rest)),
        Next::Ended(why) => Some(Waited::Ended(why)),
    }
}

/// The state of the operation. With a link the operation tells itself; without one the offer's status does, and the
/// submissions tell whether anything runs.
async fn look(wait: &Wait<'_>) -> Result<Option<(OperationView, Option<bool>)>, Problem> {
    if let Some(path) = &wait.path {
        return Ok(Some((wait.reader.operation(wait.key, path).await?, None)));
    }
    let (status, submissions) = tokio::try_join!(wait.reader.status(wait.key), wait.reader.submissions(wait.key))?;
    let runs = Submission::running(&submissions).is_some();
    Ok(status.map(|status| (status, Some(runs))))
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
        let mut lagging = LAG;
        let before = view("canceled", &[]);
        for _ in 0..LAG {
            assert_eq!(judge(Goal::Live, &before, Some(true), &mut lagging), None);
        }
        assert!(matches!(judge(Goal::Live, &before, Some(true), &mut lagging), Some(Waited::Ended(_))));
        let mut lagging = 0;
        let nothing = view("notStarted", &[]);
        assert_eq!(judge(Goal::Live, &nothing, Some(false), &mut lagging), Some(Waited::Reached(Rest::Nothing)));
        let running = view("running", &[]);
        assert_eq!(judge(Goal::Rest, &running, Some(false), &mut lagging), Some(Waited::Reached(Rest::Nothing)));
        assert_eq!(judge(Goal::Live, &view("succeeded", &[]), Some(true), &mut lagging), None);
    }
}
