//! Why a request is refused, and how each profile says so.

use serde_json::{Value, json};

use super::reply::Reply;
use crate::model::{OfferKey, Profile, Slot};

/// The version of the interface that the portal speaks.
pub(super) const API_VERSION: &str = "2017-10-31";

/// The one before; the reference still asks for the types of offers with it.
pub(super) const OLD_API_VERSION: &str = "2016-08-01-preview";

/// A request that is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No bearer token, or not the right one; says why.
    Unauthorized(String),
    /// The caller has no part in this publisher.
    Forbidden,
    /// `api-version` is missing or unknown.
    ApiVersion,
    /// Nothing is served under this path.
    NoSuchPath,
    /// Something is, but not for this method.
    MethodNotAllowed,
    /// The request cannot be understood; says why.
    BadRequest(String),
    NoSuchOffer(OfferKey),
    NoSuchVersion(OfferKey, i64),
    EmptySlot(OfferKey, Slot),
    NoSuchOperation(OfferKey, String),
    /// The offer is there and the request has no `If-Match`.
    OfferExists,
    /// `If-Match` names another state of the offer than the present one, or an offer that is not there.
    Stale,
    Busy(OfferKey),
    /// Nothing waits for the publisher's sign-off.
    NotAtSignoff(OfferKey),
    /// There is nothing to cancel.
    NothingRunning(OfferKey),
    /// The content does not pass the checks of publishing: what is wrong, finding by finding.
    Unpublishable(OfferKey, Vec<String>),
}

/// How a refusal is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// One `error` object.
    Native,
    /// A map from each service to its result.
    Services,
    /// A JSON string with an exception and its stack.
    Exception,
}

impl Voice {
    /// The voice of an offer, where only publish shows bare exceptions.
    pub(super) fn of(profile: Profile, publishing: bool) -> Self {
        match (profile, publishing) {
            (Profile::Native, _) => Self::Native,
            (Profile::Migrated, true) => Self::Exception,
            (Profile::Migrated, false) => Self::Services,
        }
    }
}

impl Refusal {
    /// The answer. What is refused before an offer is looked at sounds the same in every voice.
    pub(super) fn reply(&self, voice: Voice) -> Reply {
        let (status, code) = self.status();
        let message = self.message(voice);
        let body = match (self, voice) {
            (Self::Unauthorized(_), _) => json!({ "Message": message }),
            (_, Voice::Services) if self.is_about_an_offer() => self.services(status, code, &message),
            (_, Voice::Exception) if self.is_about_an_offer() => Value::String(exception(status, &message)),
            (Self::Unpublishable(_, findings), _) => {
                let details: Vec<Value> =
                    findings.iter().map(|finding| json!({"code": "InvalidOffer", "message": finding})).collect();
                json!({"error": {"code": code, "message": message, "details": details}})
            }
            _ => json!({"error": {"code": code, "message": message}}),
        };
        Reply::json(status, body)
    }

    fn status(&self) -> (u16, &'static str) {
        match self {
            Self::BadRequest(_) => (400, "BadRequest"),
            Self::ApiVersion => (400, "InvalidAPIVersion"),
            Self::Unauthorized(_) => (401, "Unauthorized"),
            Self::Forbidden => (403, "Forbidden"),
            Self::NoSuchPath
            | Self::NoSuchOffer(_)
            | Self::NoSuchVersion(..)
            | Self::EmptySlot(..)
            | Self::NoSuchOperation(..) => (404, "NotFound"),
            Self::MethodNotAllowed => (405, "MethodNotAllowed"),
            Self::OfferExists => (409, "InvalidResourceId"),
            Self::Busy(_) | Self::NotAtSignoff(_) | Self::NothingRunning(_) => (409, "Conflict"),
            Self::Stale => (412, "PreconditionFailed"),
            Self::Unpublishable(..) => (422, "UnprocessableEntity"),
        }
    }

    fn message(&self, voice: Voice) -> String {
        match self {
            Self::Forbidden => "User does not have the required permissions".to_owned(),
            Self::ApiVersion => format!("The api-version of the request is not served. Served are: [{API_VERSION}]."),
            Self::NoSuchPath => "Nothing is served under this path.".to_owned(),
            Self::MethodNotAllowed => "The resource does not take this method.".to_owned(),
            Self::BadRequest(reason) | Self::Unauthorized(reason) => reason.clone(),
            Self::NoSuchOffer(key) if voice == Voice::Native => {
                format!("Publisher '{}' has no offer '{}'.", key.publisher, key.offer)
            }
            Self::NoSuchOffer(key) => format!("CPP product {} not found in current PC environment.", key.offer),
            Self::NoSuchVersion(key, version) => {
                format!("Offer '{}' of publisher '{}' has no version {version}.", key.offer, key.publisher)
            }
            Self::EmptySlot(key, slot) => format!(
                "Offer '{}' of publisher '{}' has nothing deployed to its {} slot.",
                key.offer,
                key.publisher,
                inner_name(*slot)
            ),
            Self::NoSuchOperation(key, id) => {
                format!("Offer '{}' of publisher '{}' has no operation '{id}'.", key.offer, key.publisher)
            }
            Self::OfferExists => "The offer ID is taken. To update that offer, send the If-Match header.".to_owned(),
            Self::Stale => "The offer is not in the state that If-Match names.".to_owned(),
            Self::Busy(key) => format!("An operation on offer '{}' is still running.", key.offer),
            Self::NotAtSignoff(key) => {
                format!("Offer '{}' cannot go live: nothing waits for the publisher's sign-off.", key.offer)
            }
            Self::NothingRunning(key) => format!("Offer '{}' has no operation that could be canceled.", key.offer),
            Self::Unpublishable(key, findings) => {
                format!("Offer '{}' cannot be published: {}", key.offer, findings.join(" "))
            }
        }
    }

    fn is_about_an_offer(&self) -> bool {
        match self {
            Self::NoSuchOffer(_)
            | Self::NoSuchVersion(..)
            | Self::EmptySlot(..)
            | Self::NoSuchOperation(..)
            | Self::Busy(_)
            | Self::NotAtSignoff(_)
            | Self::NothingRunning(_)
            | Self::Unpublishable(..) => true,
            Self::Unauthorized(_)
            | Self::Forbidden
            | Self::ApiVersion
            | Self::NoSuchPath
            | Self::MethodNotAllowed
            | Self::BadRequest(_)
            | Self::OfferExists
            | Self::Stale => false,
        }
    }

    fn services(&self, status: u16, code: &str, message: &str) -> Value {
        let service = match self {
            Self::Busy(_) | Self::NotAtSignoff(_) | Self::NothingRunning(_) | Self::Unpublishable(..) => "Submission",
            _ => "Product",
        };
        json!({service: {
            "serviceName": service,
            "error": exception(status, message),
            "exceptionCode": format!("Http{status}Exception"),
            "httpStatusCode": code,
        }})
    }
}

/// A slot under the name that the portal itself uses in messages.
fn inner_name(slot: Slot) -> &'static str {
    match slot {
        Slot::Draft => "Draft",
        Slot::Preview => "Staging",
        Slot::Production => "Production",
    }
}

/// An error as the shim leaks it: the exception's type, which clients match, its message, and a stack frame after a
/// Windows line end.
fn exception(status: u16, message: &str) -> String {
    format!(
        "Microsoft.Ingestion.Api.Common.Exceptions.Http{status}Exception: {message}\r\n   at \
         Sandbox.CppShimming.CppOperationController.HandleAsync() in \
         D:\\build\\CppShimming\\CppOperationController.cs:line {status}"
    )
}

#[cfg(test)]
mod tests {
    use super::super::reply::Body;
    use super::*;

    fn key() -> OfferKey {
        "contoso/gone".parse().expect("a key")
    }

    fn body(reply: Reply) -> Value {
        match reply.body {
            Body::Json(value) => value,
            other => panic!("not JSON: {other:?}"),
        }
    }

    #[test]
    fn an_unknown_offer_in_three_voices() {
        let refusal = Refusal::NoSuchOffer(key());
        let native = body(refusal.reply(Voice::Native));
        assert_eq!(native["error"]["code"], "NotFound");
        let services = body(refusal.reply(Voice::Services));
        assert_eq!(services["Product"]["serviceName"], "Product");
        assert_eq!(services["Product"]["httpStatusCode"], "NotFound");
        let error = services["Product"]["error"].as_str().expect("a text");
        assert!(error.contains("CPP product gone not found in current PC environment.\r\n   at "), "{error}");
        let text = body(refusal.reply(Voice::Exception));
        for text in [error, text.as_str().expect("a text")] {
            assert!(text.starts_with("Microsoft.Ingestion.Api.Common.Exceptions.Http404Exception: "), "{text}");
        }
    }

    #[test]
    fn what_is_refused_at_the_door_sounds_the_same_everywhere() {
        for voice in [Voice::Native, Voice::Services, Voice::Exception] {
            let reply = Refusal::ApiVersion.reply(voice);
            assert_eq!(reply.status, 400);
            assert!(body(reply)["error"]["message"].as_str().is_some_and(|text| text.contains("[2017-10-31]")));
            assert!(body(Refusal::Unauthorized("why".to_owned()).reply(voice))["Message"].is_string());
        }
    }

    #[test]
    fn native_findings_are_listed() {
        let refusal = Refusal::Unpublishable(key(), vec!["no plans.".to_owned(), "no title.".to_owned()]);
        let reply = refusal.reply(Voice::Native);
        assert_eq!(reply.status, 422);
        assert_eq!(body(reply)["error"]["details"][1]["message"], "no title.");
    }

    #[test]
    fn an_empty_preview_is_called_staging() {
        let reply = Refusal::EmptySlot(key(), Slot::Preview).reply(Voice::Native);
        assert!(body(reply)["error"]["message"].as_str().is_some_and(|text| text.contains("Staging")));
    }
}
