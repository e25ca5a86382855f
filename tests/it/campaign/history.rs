//! What happened, in one order: the hub lets one request through at a time.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::TITLE;

/// What a request asks of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// GET of the draft.
    Read,
    Put,
    Publish,
    GoLive,
    Cancel,
    Preview,
    Production,
    /// Status, submissions, operations, versions.
    Other,
}

impl Route {
    /// The offer and what is asked of it.
    pub(crate) fn of(method: &str, path: &str) -> (Option<String>, Self) {
        let path = path.split('?').next().unwrap_or_default();
        if let Some(operation) = path.strip_prefix("/api/operations/") {
            // Those of native offers are called `publisher$offer$…`.
            return (operation.replace("%24", "$").split('$').nth(1).map(ToOwned::to_owned), Self::Other);
        }
        let Some((_, rest)) = path.split_once("/publishers/contoso/offers/") else { return (None, Self::Other) };
        let (offer, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let route = match (method, rest) {
            ("GET", "") => Self::Read,
            ("PUT", "") => Self::Put,
            ("POST", "publish") => Self::Publish,
            ("POST", "golive") => Self::GoLive,
            ("POST", "cancel") => Self::Cancel,
            ("GET", "slot/preview") => Self::Preview,
            ("GET", "slot/production") => Self::Production,
            _ => Self::Other,
        };
        (Some(offer.to_owned()), route)
    }
}

/// One request of a command, or one edit by hand.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Asked(Box<Asked>),
    Edited,
}

#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Which run of a command.
    pub(crate) process: usize,
    pub(crate) offer: Option<String>,
    pub(crate) route: Route,
    /// What the portal answered; 0 where the request did not reach it.
    pub(crate) status: u16,
    /// Whether that answer was sent to the command, whole.
    pub(crate) delivered: bool,
    /// What the portal held of it right then: the slot that is read, the draft before a PUT, a publish or a golive.
    pub(crate) held: Value,
    /// The preview when a golive came.
    pub(crate) preview: Value,
    /// What a PUT carried.
    pub(crate) body: Value,
    pub(crate) if_match: String,
}

impl Asked {
    /// Whether the portal did it.
    pub(crate) fn took_effect(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Asked(asked) = self else { return f.write_str("somebody edits") };
        let Asked { process, offer, route, status, delivered, held, .. } = asked.as_ref();
        let offer = offer.as_deref().unwrap_or("-");
        write!(f, "process {process}: {offer} {route:?} {status}")?;
        if !delivered {
            f.write_str(", the answer is lost")?;
        }
        if held.is_object() {
            write!(f, ", it held {:?} {:?}", title(held), hands(held))?;
        }
        Ok(())
    }
}

/// The edits by hand that a document holds.
pub(crate) fn hands(document: &Value) -> BTreeSet<String> {
    let offer = document["definition"]["offer"].as_object();
    offer.into_iter().flat_map(|offer| offer.keys()).filter(|key| key.starts_with("hand")).cloned().collect()
}

pub(crate) fn title(document: &Value) -> &str {
    document["definition"]["offer"][TITLE].as_str().unwrap_or_default()
}

pub(crate) fn is_native(document: &Value) -> bool {
    document["pcMigrationStatus"] == "none"
}
