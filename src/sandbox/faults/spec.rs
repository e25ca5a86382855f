//! A fault as people write it, in YAML or JSON: flat, everything optional. Checked once, when it is taken in.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::reply::{Body, Reply};
use super::super::routes::Kind;
use super::super::submission::{FailureWord, step_named};
use super::{Act, Delivery, Edit, Effect, Fault, Schedule, Selector};
use crate::model::OfferKey;

/// What is written. Each name is explained in `docs/sandbox.md`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in super::super) struct Spec {
    name: Option<String>,
    method: Option<String>,
    path: Option<String>,
    route: Option<Kind>,
    offer: Option<OfferKey>,

    #[serde(default)]
    skip: u64,
    every: Option<u64>,
    times: Option<u64>,
    probability: Option<f64>,
    seed: Option<u64>,
    #[serde(default)]
    starts_after_ms: u64,
    lasts_ms: Option<u64>,

    status: Option<u16>,
    body: Option<Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    retry_after: Option<u64>,
    /// The request is carried out first, so that only its answer is lost.
    #[serde(default)]
    after: bool,
    #[serde(default)]
    retry_is_ok: bool,
    reset: Option<When>,
    stale_ms: Option<u64>,
    fail: Option<Fail>,
    edit: Option<EditSpec>,

    #[serde(default)]
    latency_ms: u64,
    bytes_per_second: Option<u32>,
    truncate_after: Option<usize>,
    #[serde(default)]
    omit_headers: Vec<String>,
}

/// Before or after the effect of the request.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum When {
    Before,
    After,
}

/// How an operation fails that is started now.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fail {
    step: String,
    status: FailureWord,
    #[serde(default)]
    messages: Vec<String>,
}

/// What a person changes in the portal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EditSpec {
    offer: Option<OfferKey>,
    /// A JSON merge patch of the document.
    merge: Value,
}

impl Spec {
    /// The fault, or why there is none like that.
    pub(in super::super) fn check(self) -> Result<Fault, String> {
        if self.every == Some(0) {
            return Err("`every` counts from 1.".to_owned());
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Err("`probability` is a number from 0 to 1.".to_owned());
        }
        let effect = self.effect()?;
        let name = self.name.clone().unwrap_or_else(|| self.describe());
        Ok(Fault {
            name,
            selector: Selector {
                method: self.method,
                path: self.path.unwrap_or_default(),
                route: self.route,
                offer: self.offer,
            },
            schedule: Schedule {
                skip: self.skip,
                every: self.every.unwrap_or(1),
                times: self.times,
                probability: self.probability,
                seed: self.seed,
                starts_after: i64::try_from(self.starts_after_ms).unwrap_or(i64::MAX),
                lasts: self.lasts_ms.map(|lasts| i64::try_from(lasts).unwrap_or(i64::MAX)),
            },
            effect,
        })
    }

    /// A name for a fault that has none: what it does.
    fn describe(&self) -> String {
        match (self.status, self.reset, self.stale_ms, &self.fail, &self.edit) {
            (Some(status), ..) => status.to_string(),
            _ if self.retry_is_ok => "retry is OK".to_owned(),
            (_, Some(_), ..) => "reset".to_owned(),
            (_, _, Some(_), ..) => "stale".to_owned(),
            (_, _, _, Some(_), _) => "fail".to_owned(),
            (_, _, _, _, Some(_)) => "edit".to_owned(),
            _ => "delivery".to_owned(),
        }
    }

    fn effect(&self) -> Result<Effect, String> {
        let omitted = self.omit_headers.iter().map(|name| header_name(name)).collect::<Result<Vec<_>, _>>()?;
        let edit = self.edit.as_ref().map(|edit| Edit { offer: edit.offer.clone(), merge: edit.merge.clone() });
        let effect =
            Effect { latency_ms: self.latency_ms, edit, act: self.act()?, omitted, delivery: self.delivery()? };
        if effect == Effect::default() {
            return Err(
                "It has no effect: give a `status`, or one of the others that docs/sandbox.md lists.".to_owned()
            );
        }
        Ok(effect)
    }

    fn act(&self) -> Result<Act, String> {
        let answer = self.answer()?;
        let stale = self.stale_ms.map(|millis| Act::Stale(i64::try_from(millis).unwrap_or(i64::MAX)));
        let fail = self.fail.as_ref().map(failure).transpose()?;
        let reset = self.reset.map(|when| match when {
            When::Before => Act::Instead(Reply::json(503, Value::Null)),
            When::After => Act::CarryOut,
        });
        let acts: Vec<Act> = [answer, stale, fail, reset].into_iter().flatten().collect();
        match acts.as_slice() {
            [] => Ok(Act::CarryOut),
            [act] => Ok(act.clone()),
            _ => Err("Of `status`, `retryIsOk`, `reset`, `staleMs` and `fail` a fault has one at most.".to_owned()),
        }
    }

    /// The answer that is sent in the place of the right one.
    fn answer(&self) -> Result<Option<Act>, String> {
        let (status, body) = match (self.status, self.retry_is_ok) {
            (Some(_), true) => return Err("`retryIsOk` has a status of its own.".to_owned()),
            (None, true) => (500, retry_is_ok()),
            (Some(status), false) => (status, self.body.clone().unwrap_or_default()),
            (None, false) if self.body.is_some() || !self.headers.is_empty() || self.after => {
                return Err("`body`, `headers` and `after` need a `status`.".to_owned());
            }
            (None, false) if self.retry_after.is_some() => return Err("`retryAfter` needs a `status`.".to_owned()),
            (None, false) => return Ok(None),
        };
        if StatusCode::from_u16(status).is_err() || !(200..=599).contains(&status) {
            return Err(format!("{status} is not the status of an answer."));
        }
        let body = match body {
            Value::Null => Body::Empty,
            Value::String(text) => Body::Text(text),
            other => Body::Json(other),
        };
        let mut reply = Reply { status, headers: Vec::new(), body };
        for (name, value) in &self.headers {
            header_name(name)?;
            value.parse::<HeaderValue>().map_err(|_| format!("The header '{name}' cannot have this value."))?;
            reply = reply.header(name, value);
        }
        if let Some(seconds) = self.retry_after {
            reply = reply.header("Retry-After", seconds.to_string());
        }
        Ok(Some(if self.after { Act::After(reply) } else { Act::Instead(reply) }))
    }

    fn delivery(&self) -> Result<Delivery, String> {
        match (self.reset, self.bytes_per_second, self.truncate_after) {
            (Some(_), None, None) => Ok(Delivery::Reset),
            (None, Some(0), None) => Err("`bytesPerSecond` is at least 1.".to_owned()),
            (None, Some(rate), None) => Ok(Delivery::Slow(rate)),
            (None, None, Some(bytes)) => Ok(Delivery::Truncated(bytes)),
            (None, None, None) => Ok(Delivery::Whole),
            _ => Err("Of `reset`, `bytesPerSecond` and `truncateAfter` a fault has one at most.".to_owned()),
        }
    }
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    name.parse().map_err(|_| format!("The header '{name}' cannot be sent."))
}

fn failure(fail: &Fail) -> Result<Act, String> {
    let step = step_named(&fail.step).ok_or_else(|| format!("'{}' is not a step of publishing.", fail.step))?;
    let messages = match fail.messages.as_slice() {
        [] => vec!["The step failed on demand.".to_owned()],
        messages => messages.to_vec(),
    };
    Ok(Act::Failing(super::super::submission::Failure { step, word: fail.status, messages }))
}

/// What a migrated offer with many plans answers to a PUT now and then.
fn retry_is_ok() -> Value {
    json!({"Variant": {
        "serviceName": "Variant",
        "error": "snapshot() resulted in an internal conflict! Retry is OK.\r\n[ \"azure-sku -- mismatch(1)\" ]",
        "exceptionCode": "InternalConflict",
        "httpStatusCode": "InternalServerError",
    }})
}
