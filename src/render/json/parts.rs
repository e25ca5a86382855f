//! The parts that several documents have. Each names every field of the value behind it: who adds one decides here whether
//! programs get to see it.

use serde::Serialize;
use serde_json::Value;

use crate::apply::Done;
use crate::drift::{Applied, Unlisted, Who};
use crate::model::{Digest, OfferKey, OfferName};
use crate::plan::{MovedField, Since, Stale, Taken, Totals, Unread};
use crate::portal::{Level as MessageLevel, Message, OperationView, State, Step, StepState, Submission};
use crate::report::{OfferStatus, Purpose};

#[derive(Serialize)]
pub(in crate::render) struct UnreadPart<'a> {
    #[serde(flatten)]
    offer: OfferName<&'a OfferKey>,
    cause: &'a str,
    hint: Option<&'a str>,
    denied: bool,
}

pub(in crate::render) fn unread(unread: &[Unread]) -> Vec<UnreadPart<'_>> {
    unread
        .iter()
        .map(|Unread { key, cause, hint, denied }| UnreadPart {
            offer: key.name(),
            cause,
            hint: hint.as_deref(),
            denied: *denied,
        })
        .collect()
}

#[derive(Serialize)]
pub(in crate::render) struct UnlistedPart<'a> {
    publisher: &'a str,
    cause: &'a str,
    denied: bool,
}

pub(in crate::render) fn unlisted(unlisted: &[Unlisted]) -> Vec<UnlistedPart<'_>> {
    unlisted
        .iter()
        .map(|Unlisted { publisher, cause, denied }| UnlistedPart {
            publisher: publisher.as_str(),
            cause,
            denied: *denied,
        })
        .collect()
}

#[derive(Serialize)]
pub(super) struct TotalsPart {
    create: usize,
    update: usize,
    release: usize,
    stopped: usize,
    unchanged: usize,
    unread: usize,
}

pub(super) fn totals(totals: Totals) -> TotalsPart {
    let Totals { create, update, release, stopped, unchanged, unread } = totals;
    TotalsPart { create, update, release, stopped, unchanged, unread }
}

#[derive(Serialize)]
pub(super) struct SincePart<'a> {
    revision: &'a str,
    left_out: usize,
}

pub(super) fn since(Since { revision, left_out }: &Since) -> SincePart<'_> {
    SincePart { revision, left_out: *left_out }
}

#[derive(Serialize)]
pub(super) struct TakenPart<'a> {
    portal: &'a str,
    taken: &'a str,
    age_seconds: u64,
}

pub(super) fn taken(Taken { portal, taken, age_seconds }: &Taken) -> TakenPart<'_> {
    TakenPart { portal, taken, age_seconds: *age_seconds }
}

#[derive(Serialize)]
pub(super) struct AppliedPart<'a> {
    #[serde(flatten)]
    offer: OfferName<&'a OfferKey>,
    digest: &'a Digest,
    document: &'a Value,
    references: &'a std::collections::BTreeMap<String, String>,
}

pub(super) fn applied(applied: &[Applied]) -> Vec<AppliedPart<'_>> {
    applied
        .iter()
        .map(|Applied { offer, digest, document, references }| AppliedPart {
            offer: offer.name(),
            digest,
            document,
            references,
        })
        .collect()
}

#[derive(Serialize)]
pub(super) struct StalePart<'a> {
    stale: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<MovedPart<'a>>>,
}

#[derive(Serialize)]
struct MovedPart<'a> {
    address: &'a str,
    before: Option<&'a Value>,
    now: Option<&'a Value>,
    planned: Option<&'a Value>,
}

pub(super) fn stale(stale: &Stale) -> StalePart<'_> {
    let (stale, fields) = match stale {
        Stale::Created => ("created", None),
        Stale::Deleted => ("deleted", None),
        Stale::Refused => ("refused", None),
        Stale::Moved { fields } => (
            "moved",
            Some(
                fields
                    .iter()
                    .map(|MovedField { address, before, now, planned }| MovedPart {
                        address,
                        before: before.as_ref(),
                        now: now.as_ref(),
                        planned: planned.as_ref(),
                    })
                    .collect(),
            ),
        ),
    };
    StalePart { stale, fields }
}

#[derive(Serialize)]
pub(super) struct StatusPart<'a> {
    #[serde(flatten)]
    offer: OfferName<&'a OfferKey>,
    exists: bool,
    status: Option<OperationPart<'a>>,
    preview: bool,
    production: bool,
    running: Option<SubmissionPart<'a>>,
}

#[derive(Serialize)]
struct OperationPart<'a> {
    state: &'a str,
    steps: Vec<StepPart<'a>>,
    messages: Vec<MessagePart<'a>>,
}

#[derive(Serialize)]
struct StepPart<'a> {
    id: &'a str,
    name: &'a str,
    state: &'a str,
    percent: u8,
    estimate: &'a str,
    messages: Vec<MessagePart<'a>>,
}

#[derive(Serialize)]
struct MessagePart<'a> {
    level: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct SubmissionPart<'a> {
    id: &'a str,
    slot: &'a str,
    state: &'a str,
    offer_version: Option<i64>,
}

pub(super) fn status(offer: &OfferStatus) -> StatusPart<'_> {
    let OfferStatus { key, exists, status, preview, production, running } = offer;
    StatusPart {
        offer: key.name(),
        exists: *exists,
        status: status.as_ref().map(operation),
        preview: *preview,
        production: *production,
        running: running.as_ref().map(|Submission { id, slot, state: running, offer_version }| SubmissionPart {
            id,
            slot,
            state: state(running),
            offer_version: *offer_version,
        }),
    }
}

fn operation(operation: &OperationView) -> OperationPart<'_> {
    let OperationView { state: whole, steps, messages: told, retry_after: _ } = operation;
    let steps = steps
        .iter()
        .map(|Step { id, name, state, percent, estimate, messages: told }| StepPart {
            id,
            name,
            state: step_state(state),
            percent: *percent,
            estimate,
            messages: messages(told),
        })
        .collect();
    OperationPart { state: state(whole), steps, messages: messages(told) }
}

fn messages(messages: &[Message]) -> Vec<MessagePart<'_>> {
    messages
        .iter()
        .map(|Message { level, text }| MessagePart {
            level: match level {
                MessageLevel::Info => "info",
                MessageLevel::Warning => "warning",
                MessageLevel::Error => "error",
            },
            text,
        })
        .collect()
}

fn state(state: &State) -> &str {
    match state {
        State::NotStarted => "not-started",
        State::NeverPublished => "never-published",
        State::Running => "running",
        State::AwaitingSignoff => "awaiting-signoff",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Canceled => "canceled",
        State::Unknown(word) => word,
    }
}

fn step_state(state: &StepState) -> &str {
    match state {
        StepState::NotStarted => "not-started",
        StepState::InProgress => "in-progress",
        StepState::AwaitingSignoff => "awaiting-signoff",
        StepState::AwaitingApproval => "awaiting-approval",
        StepState::Blocked => "blocked",
        StepState::Complete => "complete",
        StepState::Failed => "failed",
        StepState::Canceled => "canceled",
        StepState::Unknown(word) => word,
    }
}

pub(in crate::render) fn who(who: Who) -> &'static str {
    match who {
        Who::Portal => "portal",
        Who::Both => "both",
        Who::Unknown => "unknown",
        Who::File => "file",
        Who::Agreed => "agreed",
        Who::Unmanaged => "unmanaged",
    }
}

pub(super) fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Apply => "apply",
        Purpose::Wait => "wait",
        Purpose::Publish => "publish",
        Purpose::GoLive => "go-live",
        Purpose::Cancel => "cancel",
    }
}

pub(super) fn done(done: Done) -> &'static str {
    match done {
        Done::Created => "created",
        Done::Updated => "updated",
        Done::Published => "published",
        Done::Joined => "joined",
        Done::InPreview => "in-preview",
        Done::SignedOff => "signed-off",
        Done::Live => "live",
        Done::Canceled => "canceled",
        Done::AtRest => "at-rest",
    }
}
