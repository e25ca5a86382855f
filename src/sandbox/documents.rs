//! The portal's documents: offers, lists, status, operations, submissions. Key order is the portal's.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::moment::Moment;
use super::offer::{Offer, Publication, Revision, Standing};
use super::refusal::API_VERSION;
use super::submission::{FailureWord, Progress, STEP_IDS, State, Submission, Target};
use super::switches::{FinalWord, Switches};
use crate::model::{Profile, PublisherId};

/// A whole offer, its members in the portal's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    offer_type_id: &'a str,
    publisher_id: &'a str,
    status: &'a str,
    pc_migration_status: &'a str,
    pc_redirect_uri: &'a str,
    isv_upgrade_request: bool,
    version: i64,
    id: &'a str,
    definition: &'a RawValue,
    changed_time: String,
}

/// A whole offer with one of its revisions, as JSON. The definition is not taken apart for it.
pub(super) fn offer(offer: &Offer, revision: &Revision) -> String {
    let document = Document {
        offer_type_id: &offer.offer_type,
        publisher_id: offer.key.publisher.as_str(),
        status: offer_status(offer),
        pc_migration_status: migration_status(offer.profile),
        pc_redirect_uri: &offer.redirect,
        isv_upgrade_request: offer.upgrade_requested,
        version: revision.version,
        id: offer.key.offer.as_str(),
        definition: revision.content.shown(offer.shape()),
        changed_time: revision.changed.long(),
    };
    serde_json::to_string(&document).unwrap_or_else(|error| unreachable!("texts and numbers as JSON: {error}"))
}

/// An offer in a list: a summary, in another form for each profile.
pub(super) fn summary(offer: &Offer) -> Value {
    let definition = json!({"displayText": offer.draft.content.reference().display});
    match offer.profile {
        Profile::Native => json!({
            "offerTypeId": offer.offer_type,
            "publisherId": offer.key.publisher,
            "status": offer_status(offer),
            "id": offer.key.offer,
            "version": offer.draft.version,
            "definition": definition,
            "changedTime": offer.draft.changed.long(),
        }),
        Profile::Migrated => json!({
            "offerTypeId": offer.offer_type,
            "publisherId": offer.key.publisher,
            "status": offer_status(offer),
            "lockStatus": "none",
            "pcMigrationStatus": migration_status(offer.profile),
            "pcRedirectUri": offer.redirect,
            "isvUpgradeRequest": offer.upgrade_requested,
            "offerTypeChanges": [],
            "pricingNotRecalculatedRegions": [],
            "offerTypeVersionsOverride": {},
            "version": 0,
            "id": offer.key.offer,
            "definition": definition,
            "changedTime": offer.draft.changed.zoneless(),
        }),
    }
}

/// A publisher in the list of publishers. The seller's number follows from the name.
pub(super) fn publisher(id: &PublisherId) -> Value {
    let number = id.as_str().bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 9_000_000);
    json!({
        "version": 0,
        "id": id,
        "definition": {"displayText": id, "offerTypeCategories": ["azure"], "sellerId": 1_000_000 + number},
    })
}

/// The types that offers can have. Nobody has shown what the portal answers here; this form is ours.
pub(super) fn offer_types() -> Value {
    const TYPES: [(&str, &str); 3] = [
        ("microsoft-azure-applications", "Azure application"),
        ("microsoft-azure-corevm", "Core virtual machine"),
        ("microsoft-azure-virtualmachines", "Virtual machine"),
    ];
    TYPES.iter().map(|(id, name)| json!({"id": id, "version": 0, "definition": {"displayText": name}})).collect()
}

/// How far the latest publish got.
pub(super) fn status(offer: &Offer, now: i64, switches: &Switches) -> Value {
    let latest = offer.submissions.last();
    let number = latest.map_or(0, |latest| latest.publishing_version);
    let publication = offer.publication(number);
    let lowered = match offer.standing() {
        Standing::Failed => true,
        Standing::Canceled => switches.cancel_lowers_publishing_version,
        _ => false,
    };
    let word = match offer.standing() {
        Standing::Resting => &offer.resting,
        Standing::Running | Standing::AwaitsSignoff => "running",
        Standing::Succeeded => "succeeded",
        Standing::Canceled => "canceled",
        Standing::Failed => "failed",
    };
    json!({
        "status": word,
        "publishingVersion": if lowered { number - 1 } else { number },
        "messages": [],
        "steps": steps(offer, publication, now),
        "previewLinks": preview_links(offer, publication),
        "liveLinks": live_links(offer, publication),
        "notificationEmails": latest.map_or("", |latest| &latest.emails),
    })
}

/// One operation: a publish up to its preview, or a go-live.
pub(super) fn operation(offer: &Offer, submission: &Submission, now: i64, switches: &Switches) -> Value {
    let publication = offer.publication(submission.publishing_version);
    let mut document = json!({
        "status": operation_word(offer, submission, switches),
        "messages": [],
        "publishingVersion": submission.publishing_version,
        "offerVersion": submission.offer_version,
        "cancellationRequestState": if submission.can_cancel() { "canCancel" } else { "cannotCancel" },
        "steps": steps(offer, publication, now),
        "previewLinks": preview_links(offer, publication),
        "liveLinks": live_links(offer, publication),
    });
    if offer.profile == Profile::Native {
        document["notificationEmails"] = json!(submission.emails);
    }
    if switches.operation_in_array { json!([document]) } else { document }
}

/// A publish or a go-live in the list of submissions.
pub(super) fn submission(offer: &Offer, submission: &Submission) -> Value {
    json!({
        "id": submission.id,
        "offerId": offer.guid,
        "offerVersion": submission.offer_version,
        "offerTypeId": offer.offer_type,
        "publisherId": offer.key.publisher,
        "submissionType": "publish",
        "submissionState": submission.word(),
        "publishingVersion": submission.publishing_version,
        "slot": match submission.target { Target::Preview => "staging", Target::Production => "production" },
        "version": submission.created.platform_ticks(),
        "definition": {"metadata": {"emails": submission.emails}},
        "changedTime": submission.created.long(),
    })
}

/// The answer of the services to a PUT that worked.
pub(super) fn services() -> Value {
    json!({"Product": {"serviceName": "Product", "error": null, "exceptionCode": null, "httpStatusCode": "OK"}})
}

/// Where an operation can be asked after, relative to the portal.
pub(super) fn link(offer: &Offer, submission: &Submission) -> String {
    let (publisher, name) = (&offer.key.publisher, &offer.key.offer);
    match offer.profile {
        Profile::Native => {
            let (number, slot) = (submission.publishing_version, submission.target.slot());
            format!("/api/operations/{publisher}${name}${number}${slot}?api-version={API_VERSION}")
        }
        Profile::Migrated => {
            let id = &submission.id;
            format!("/api/publishers/{publisher}/offers/{name}/operations/{id}?api-version={API_VERSION}")
        }
    }
}

fn offer_status(offer: &Offer) -> &str {
    match offer.standing() {
        Standing::Resting => &offer.resting,
        Standing::Running => "running",
        Standing::AwaitsSignoff => "waitingForPublisherReview",
        Standing::Succeeded => "succeeded",
        Standing::Canceled => "canceled",
        Standing::Failed => "failed",
    }
}

fn operation_word(offer: &Offer, submission: &Submission, switches: &Switches) -> &'static str {
    let success = match (switches.final_word, offer.profile) {
        (FinalWord::Complete, _) | (FinalWord::ByProfile, Profile::Native) => "complete",
        (FinalWord::Completed, _) => "completed",
        (FinalWord::Succeeded, _) | (FinalWord::ByProfile, Profile::Migrated) => "succeeded",
    };
    match submission.state {
        State::Signoff { cancel: None } if switches.operation_ends_at_preview => success,
        State::Running { .. } | State::Signoff { .. } => "running",
        State::Done => success,
        State::Canceled { .. } => "canceled",
        State::Failed { .. } => "failed",
    }
}

fn migration_status(profile: Profile) -> &'static str {
    match profile {
        Profile::Native => "none",
        Profile::Migrated => "migrated",
    }
}

/// A step as it is described: the reference's title and estimate, and a description of our own.
const STEPS: [(&str, &str, &str); super::submission::STEPS] = [
    ("Validate Pre-Requisites", "The listing and the plans are checked.", "< 15 min"),
    ("Certification", "The disk images are tested.", "~2-3 days"),
    ("Provisioning", "The images are copied to every region.", "< 1 day"),
    (
        "Packaging and Lead Generation Registration",
        "The listing and its leads are set up for the preview audience.",
        "< 1 hour",
    ),
    ("Publisher signoff", "The publisher looks at the preview and lets it go live.", "< 1 hour"),
    ("Live", "The offer is opened to customers.", "~2-5 days"),
];

fn steps(offer: &Offer, publication: Publication<'_>, now: i64) -> Vec<Value> {
    STEP_IDS
        .iter()
        .zip(STEPS)
        .zip(publication.progress(now))
        .map(|((id, (title, description, estimate)), progress)| {
            let (word, percent) = match progress {
                Progress::NotStarted => ("notStarted", 0),
                Progress::Running(percent) => ("inProgress", percent),
                Progress::Waiting => ("waitingForPublisherReview", 0),
                Progress::Complete => ("complete", 100),
                Progress::Canceled => ("canceled", 0),
                Progress::Failed(FailureWord::Blocked) => ("blocked", 0),
                Progress::Failed(FailureWord::Rejected) => ("rejected", 0),
            };
            json!({
                "estimatedTimeFrame": estimate,
                "id": id,
                "stepName": match offer.profile { Profile::Native => title, Profile::Migrated => id },
                "description": description,
                "status": word,
                "messages": messages(title, progress, publication),
                "progressPercentage": percent,
            })
        })
        .collect()
}

fn messages(title: &str, progress: Progress, publication: Publication<'_>) -> Vec<Value> {
    let at = publication.began().map(Moment::long);
    let message = |level: &str, html: String| json!({"messageHtml": html, "level": level, "timestamp": at});
    let text = match progress {
        Progress::NotStarted => return Vec::new(),
        Progress::Running(percent) => format!("<p><b>{title}</b>: {percent} % done.</p>"),
        Progress::Waiting => {
            "<p>The preview is ready. <b>Look at it</b>, then let the offer go live or cancel.</p>".to_owned()
        }
        Progress::Complete => format!("<p><b>{title}</b>: done.</p>"),
        Progress::Canceled => format!("<p><b>{title}</b>: canceled on request.</p>"),
        Progress::Failed(_) => {
            let findings = publication.failure().map(|failure| failure.messages.as_slice()).unwrap_or_default();
            return findings.iter().map(|finding| message("error", format!("<p>{}</p>", escaped(finding)))).collect();
        }
    };
    vec![message("information", text)]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn preview_links(offer: &Offer, publication: Publication<'_>) -> Vec<Value> {
    links(offer, "preview", "Preview", publication.reached_preview())
}

fn live_links(offer: &Offer, publication: Publication<'_>) -> Vec<Value> {
    links(offer, "apps", "Marketplace", publication.reached_production())
}

fn links(offer: &Offer, place: &str, title: &str, exist: bool) -> Vec<Value> {
    if !exist {
        return Vec::new();
    }
    let uri = format!("https://marketplace.example/{place}/{}.{}", offer.key.publisher, offer.key.offer);
    vec![json!({"displayText": format!("{title} of {}", offer.key.offer), "uri": uri})]
}
