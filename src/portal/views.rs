//! The portal's lists, and its documents about operations, read leniently: a missing field is empty, an unknown word is kept.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::redact;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferSummary {
    pub(crate) id: String,
    /// When the draft was changed, as the list writes it.
    pub(crate) changed: Option<String>,
    /// The version of the draft; 0 where the list does not tell it.
    pub(crate) version: Option<i64>,
}

impl OfferSummary {
    /// Reads a member of the list; nothing where it has no id.
    pub(super) fn parse(item: &Value) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        Some(Self {
            id: text("id")?,
            changed: text("changedTime"),
            version: item.get("version").and_then(Value::as_i64),
        })
    }
}

/// The state of an operation or an offer as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    NotStarted,
    NeverPublished,
    /// Under way, also while it waits for the publisher.
    Running,
    /// Waits for the publisher's sign-off (some answers say so at the top as well).
    AwaitingSignoff,
    Succeeded,
    Failed,
    Canceled,
    #[serde(untagged)]
    Unknown(String),
}

impl State {
    /// Reads the portal's word, whatever its letter case. It has several words for
    /// one state.
    pub(crate) fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "notstarted" => Self::NotStarted,
            "neverpublished" => Self::NeverPublished,
            "running" | "inprogress" => Self::Running,
            "waitingforpublisherreview" => Self::AwaitingSignoff,
            "succeeded" | "complete" | "completed" | "published" => Self::Succeeded,
            "failed" | "rejected" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            _ => Self::Unknown(clean(word)),
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "not started",
            Self::NeverPublished => "never published",
            Self::Running => "running",
            Self::AwaitingSignoff => "waiting for sign-off",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Unknown(word) => word,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StepState {
    NotStarted,
    InProgress,
    AwaitingSignoff,
    /// Waits for somebody at the portal.
    AwaitingApproval,
    Blocked,
    Complete,
    Failed,
    Canceled,
    #[serde(untagged)]
    Unknown(String),
}

impl StepState {
    fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "notstarted" => Self::NotStarted,
            "inprogress" | "running" => Self::InProgress,
            "waitingforpublisherreview" => Self::AwaitingSignoff,
            "waitingforapproval" => Self::AwaitingApproval,
            "blocked" => Self::Blocked,
            "complete" | "completed" | "succeeded" => Self::Complete,
            "rejected" | "failed" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            _ => Self::Unknown(clean(word)),
        }
    }
}

impl std::fmt::Display for StepState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "not started",
            Self::InProgress => "in progress",
            Self::AwaitingSignoff => "waiting for sign-off",
            Self::AwaitingApproval => "waiting for approval",
            Self::Blocked => "blocked",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Unknown(word) => word,
        })
    }
}

/// How grave the portal says a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

/// A message of the portal, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Message {
    pub(crate) level: Level,
    /// Its text; the portal's HTML is taken out.
    pub(crate) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    /// Its id, such as `publisher-signoff`; its name where it has no id.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: StepState,
    /// 0 to 100; only meant while it is in progress.
    pub(crate) percent: u8,
    pub(crate) estimate: String,
    pub(crate) messages: Vec<Message>,
}

impl Step {
    /// Whether this is the step of that id: some offers carry the id as the name.
    pub(crate) fn is(&self, id: &str) -> bool {
        self.id.eq_ignore_ascii_case(id) || self.name.eq_ignore_ascii_case(id)
    }
}

/// An operation, or the status of an offer: the two have one form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OperationView {
    pub(crate) state: State,
    /// Its steps, in their order.
    pub(crate) steps: Vec<Step>,
    pub(crate) messages: Vec<Message>,
    /// How long the portal asks to wait before the next look.
    #[serde(skip)]
    pub(crate) retry_after: Option<Duration>,
}

impl OperationView {
    /// Reads an operation or a status; an array of one counts as its member.
    pub(crate) fn parse(body: &Value) -> Option<Self> {
        let body = match body.as_array().map(Vec::as_slice) {
            Some([only]) => only,
            Some(_) => return None,
            None => body,
        };
        let state = State::parse(body.get("status")?.as_str()?);
        let steps = body.get("steps").and_then(Value::as_array).into_iter().flatten().map(step).collect();
        Some(Self { state, steps, messages: messages(body), retry_after: None })
    }

    pub(crate) fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.is(id))
    }

    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self.state, State::NotStarted | State::NeverPublished)
    }

    /// The step that counts: the first that is under way, waits, or ended otherwise than well.
    pub(crate) fn current(&self) -> Option<&Step> {
        self.steps.iter().find(|step| !matches!(step.state, StepState::NotStarted | StepState::Complete))
    }

    /// Whether the publisher is asked to sign off. The step says so; the whole still says "running" then, or, in the
    /// document of the publish itself, that it is done.
    pub(crate) fn awaits_signoff(&self) -> bool {
        let over = matches!(self.state, State::Failed | State::Canceled);
        let step = self.step("publisher-signoff");
        self.state == State::AwaitingSignoff
            || (!over && step.is_some_and(|step| step.state == StepState::AwaitingSignoff))
    }
}

/// One entry of `/submissions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Submission {
    pub(crate) id: String,
    /// `staging` or `production`.
    pub(crate) slot: String,
    pub(crate) state: State,
    /// The version of the offer that it works on.
    pub(crate) offer_version: Option<i64>,
    /// When it changed last, as the portal writes it.
    #[serde(skip)]
    pub(crate) changed: String,
    /// Who is notified, as the request named them.
    #[serde(skip)]
    pub(crate) notified: Vec<String>,
}

impl Submission {
    /// Reads the array, newest first.
    pub(crate) fn parse_all(body: &Value) -> Option<Vec<Self>> {
        let items = body.as_array()?;
        Some(
            items
                .iter()
                .map(|item| Self {
                    id: text(item, "id"),
                    slot: text(item, "slot").to_ascii_lowercase(),
                    state: State::parse(&text(item, "submissionState")),
                    offer_version: item.get("offerVersion").and_then(Value::as_i64),
                    changed: text(item, "changedTime"),
                    notified: item.pointer("/definition/metadata").map(emails).unwrap_or_default(),
                })
                .collect(),
        )
    }

    /// The one that runs, if one does.
    pub(crate) fn running(all: &[Self]) -> Option<&Self> {
        all.iter().find(|submission| submission.state == State::Running)
    }

    /// Whether it goes to customers rather than to the preview.
    pub(crate) fn is_production(&self) -> bool {
        self.slot == "production"
    }
}

fn step(value: &Value) -> Step {
    let name = text(value, "stepName");
    let id = Some(text(value, "id")).filter(|id| !id.is_empty()).unwrap_or_else(|| name.clone());
    let percent = value.get("progressPercentage").and_then(Value::as_u64).unwrap_or(0).min(100);
    Step {
        id,
        name,
        state: StepState::parse(value.get("status").and_then(Value::as_str).unwrap_or_default()),
        percent: u8::try_from(percent).unwrap_or(100),
        estimate: text(value, "estimatedTimeFrame"),
        messages: messages(value),
    }
}

fn messages(value: &Value) -> Vec<Message> {
    let parse = |message: &Value| {
        let level = match text(message, "level").to_ascii_lowercase().as_str() {
            "error" | "critical" => Level::Error,
            "warning" => Level::Warning,
            _ => Level::Info,
        };
        let html = message.get("messageHtml").or_else(|| message.get("message")).and_then(Value::as_str);
        Message { level, text: clean(&strip_tags(html.unwrap_or_default())) }
    };
    let all = value.get("messages").and_then(Value::as_array).into_iter().flatten().map(parse);
    all.filter(|message| !message.text.is_empty()).collect()
}

fn emails(metadata: &Value) -> Vec<String> {
    let emails = text(metadata, "emails");
    emails.split(',').map(str::trim).filter(|email| !email.is_empty()).map(ToOwned::to_owned).collect()
}

fn text(value: &Value, key: &str) -> String {
    clean(value.get(key).and_then(Value::as_str).unwrap_or_default())
}

/// The visible text of a piece of HTML. A tag that starts a block ends a word; one inside a line does not.
fn strip_tags(html: &str) -> String {
    const INLINE: [&str; 8] = ["a", "b", "code", "em", "i", "span", "strong", "u"];
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tag_on)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = tag_on.split_once('>').unwrap_or((tag_on, ""));
        let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if !INLINE.contains(&name.to_ascii_lowercase().as_str()) {
            text.push(' ');
        }
        rest = after;
    }
    text.push_str(rest);
    text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// One line without control characters and secrets.
fn clean(text: &str) -> String {
    let text = redact::known(text);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    redact::text(&words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_read_in_any_case_and_unknown_ones_kept() {
        assert_eq!(State::parse("Complete"), State::Succeeded);
        assert_eq!(State::parse("succeeded"), State::Succeeded);
        assert_eq!(State::parse("NeverPublished"), State::NeverPublished);
        assert_eq!(State::parse("onHold"), State::Unknown("onHold".to_owned()));
        assert_eq!(StepState::parse("WaitingForPublisherReview"), StepState::AwaitingSignoff);
    }

    #[test]
    fn an_operation_is_an_object_or_an_array_of_one() {
        let object = json!({"status": "running", "steps": [
            {"stepName": "publisher-signoff", "status": "waitingForPublisherReview", "progressPercentage": 120,
             "messages": [{"messageHtml": "<p>Please&nbsp;<b>sign</b> off\u{1b}[31m &lt;now&gt;</p>", "level": "Warning"}]}]});
        let view = OperationView::parse(&object).expect("parses");
        assert_eq!(OperationView::parse(&json!([object])), Some(view.clone()));
        assert!(view.awaits_signoff());
        assert_eq!(view.steps[0].percent, 100);
        assert_eq!(
            view.steps[0].messages,
            [Message { level: Level::Warning, text: "Please sign off [31m <now>".to_owned() }]
        );
        assert_eq!(OperationView::parse(&json!([])), None);
        assert_eq!(OperationView::parse(&json!({})), None);
    }

    #[test]
    fn submissions_keep_the_portals_order_and_big_numbers() {
        let body = json!([{"id": "x", "slot": "Staging", "submissionState": "running", "offerVersion": 1252868275, "version": 636576975611768314_i64}]);
        let parsed = Submission::parse_all(&body).expect("parses");
        assert_eq!(parsed[0].offer_version, Some(1_252_868_275));
        assert!(!parsed[0].is_production());
        assert_eq!(Submission::parse_all(&json!({})), None);
    }
}
