//! What the portal says when it says no, in one line that a person can use.
//!
//! Bodies come in five forms, tried in this order: an object with `error`, an object with `Message`, a map of services
//! that each report an `httpStatusCode`, a JSON string with a stack trace in it, anything else.

use serde_json::Value;

use crate::redact;

/// What kind of no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 401: the portal does not accept the token.
    Unauthenticated,
    /// 403: the token's owner may not do this.
    Forbidden,
    /// 404.
    NotFound,
    /// 409: an operation runs, or the offer exists.
    Conflict,
    /// 412: the ETag is not the current one.
    Precondition,
    /// Any other 4xx, and a 2xx whose body reports a failure.
    Rejected,
    /// 408, 429, 5xx: may pass.
    Unavailable,
    /// No answer, or one that is not whole.
    Unreachable,
    /// An answer that is not what the API gives.
    Malformed,
}

/// A request that did not do what it was to do. Its texts hold no secret, no stack frame and no control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// `GET /api/publishers/contoso/offers/a`.
    pub request: String,
    /// The cause, one line.
    pub cause: String,
    /// `X-Ms-Correlation-Request-Id`, for a support case.
    pub correlation: Option<String>,
    /// Whether the body is of one of the portal's own forms, so that a 404 is the portal's and not a proxy's.
    pub from_portal: bool,
}

impl Problem {
    /// An answer that could not be understood.
    pub(super) fn malformed(request: &str, cause: impl Into<String>) -> Self {
        Self {
            kind: Kind::Malformed,
            status: None,
            request: request.to_owned(),
            cause: one_line(&cause.into()),
            correlation: None,
            from_portal: false,
        }
    }

    /// The portal has no such offer.
    pub(super) fn absent(request: &str, key: &crate::model::OfferKey) -> Self {
        let cause = format!("the portal has no offer {key}");
        Self { kind: Kind::NotFound, status: Some(404), from_portal: true, ..Self::malformed(request, cause) }
    }

    /// No answer at all.
    pub(super) fn unreachable(request: &str, error: &reqwest::Error) -> Self {
        let mut cause = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            cause = inner.to_string();
            source = inner.source();
        }
        let what = if error.is_timeout() { "no answer in time" } else { "no connection" };
        Self { kind: Kind::Unreachable, ..Self::malformed(request, format!("{what}: {cause}")) }
    }

    /// An answer with a status that is not a success, or a success whose body is a failure.
    pub(super) fn answer(request: &str, status: u16, correlation: Option<String>, body: &str) -> Self {
        let kind = match status {
            401 => Kind::Unauthenticated,
            403 => Kind::Forbidden,
            404 => Kind::NotFound,
            409 => Kind::Conflict,
            412 => Kind::Precondition,
            408 | 429 | 500..=599 => Kind::Unavailable,
            300..=399 => Kind::Malformed,
            _ => Kind::Rejected,
        };
        let said = said(body).filter(|text| !text.is_empty());
        let from_portal = said.is_some() && (status != 404 || tells_of_absence(body));
        let cause = match said {
            Some(said) => said,
            None if (300..400).contains(&status) => "a redirect, which is not followed".to_owned(),
            None => no_words(body),
        };
        Self { kind, status: Some(status), request: request.to_owned(), cause, correlation, from_portal }
    }

    /// Takes a secret out of what the portal repeated.
    pub(super) fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            self.cause = self.cause.replace(secret, redact::MASK);
            self.correlation = self.correlation.map(|id| id.replace(secret, redact::MASK));
        }
        self
    }

    /// Whether who we are, or what we may do, is the cause.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.kind, Kind::Unauthenticated | Kind::Forbidden)
    }

    /// What the user can do next, where it can be told.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Unauthenticated => Some(
                "the token is refused: check that OFFERCTL_TOKEN is current and made for https://cloudpartner.azure.com",
            ),
            Kind::Forbidden => {
                Some("add the service principal to the publisher's account, with the right to edit offers")
            }
            Kind::Conflict => Some("see what runs with `offerctl status`; wait for it, or cancel it"),
            Kind::Precondition => Some("plan again"),
            Kind::Unavailable if self.request.starts_with("GET") => Some("try again later"),
            Kind::Unavailable => {
                Some("whether it took effect is not known; `offerctl plan` and `offerctl status` show")
            }
            Kind::Unreachable => Some("check the network, and the endpoint (--endpoint, OFFERCTL_ENDPOINT)"),
            Kind::Malformed => Some("check that the endpoint is the portal's, and that no proxy answers in its place"),
            Kind::NotFound | Kind::Rejected => None,
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.request)?;
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        f.write_str(&self.cause)?;
        if let Some(correlation) = &self.correlation {
            write!(f, " (correlation id {correlation})")?;
        }
        Ok(())
    }
}

/// What the body says, if it is of a form that the portal uses.
fn said(body: &str) -> Option<String> {
    let value = serde_json::from_str::<Value>(body).ok()?;
    match &value {
        Value::Object(map) => {
            if let Some(error) = map.get("error").filter(|error| error.is_object()) {
                return Some(error_object(error));
            }
            if let Some(message) = map.get("Message").and_then(Value::as_str) {
                return Some(one_line(message));
            }
            services(&value).map(|services| {
                let failed = services.iter().filter(|service| !service.ok).map(|service| service.to_string());
                failed.collect::<Vec<_>>().join("; ")
            })
        }
        Value::String(text) => Some(one_line(text)),
        _ => None,
    }
}

fn error_object(error: &Value) -> String {
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(one_line).filter(|t| !t.is_empty());
    let one = |value: &Value| match (text(value, "code"), text(value, "message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (code, message) => code.or(message).unwrap_or_default(),
    };
    let details = error.get("details").and_then(Value::as_array).into_iter().flatten().map(one);
    std::iter::once(one(error)).chain(details).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}

/// One entry of a per-service map.
struct Service {
    name: String,
    ok: bool,
    error: String,
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.error)
    }
}

/// The entries of a per-service map, if the value is one: every member reports an `httpStatusCode`.
fn services(value: &Value) -> Option<Vec<Service>> {
    let map = value.as_object().filter(|map| !map.is_empty())?;
    map.iter()
        .map(|(name, entry)| {
            let status = entry.get("httpStatusCode")?;
            let ok = status.as_str().map_or_else(
                || status.as_u64().is_some_and(|code| (200..300).contains(&code)),
                |word| matches!(word.to_ascii_lowercase().as_str(), "ok" | "created" | "accepted" | "nocontent"),
            );
            let error = entry.get("error").and_then(Value::as_str).map(one_line).filter(|text| !text.is_empty());
            Some(Service { name: one_line(name), ok, error: error.unwrap_or_else(|| status.to_string()) })
        })
        .collect()
}

/// Whether the body of a 404 is one in which the portal says that something is not there: an error object, or a map
/// in which a service says `NotFound`.
fn tells_of_absence(body: &str) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return false };
    let not_found = |service: &Value| {
        let status = service.get("httpStatusCode");
        status.is_some_and(|status| {
            status.as_u64() == Some(404) || status.as_str().is_some_and(|s| s.eq_ignore_ascii_case("notfound"))
        })
    };
    value.get("error").is_some_and(Value::is_object)
        || value.as_object().is_some_and(|map| services(&value).is_some() && map.values().any(not_found))
}

/// Whether a body that came with a success reports a failure all the same.
pub(super) fn reports_failure(body: &Value) -> bool {
    services(body).is_some_and(|services| services.iter().any(|service| !service.ok))
}

/// The first line of a text, without the name of an exception in front, control characters and secrets.
fn one_line(text: &str) -> String {
    const LIMIT: usize = 400;
    let first = text.split(['\r', '\n']).map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let first = first.split("   at ").next().unwrap_or(first);
    let plain = match first.split_once(": ") {
        Some((kind, rest)) if kind.ends_with("Exception") && !kind.contains(' ') => rest,
        _ => first,
    };
    let clean = plain.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LIMIT).collect::<String>();
    redact::text(clean.trim())
}

fn no_words(body: &str) -> String {
    let trimmed = body.trim_start();
    if trimmed.is_empty() || trimmed == "null" {
        "the answer has no body".to_owned()
    } else if trimmed.starts_with('<') {
        "the answer is a web page, not the API's".to_owned()
    } else {
        one_line(trimmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_form_becomes_one_line() {
        let cause = |body: &str| Problem::answer("GET /x", 400, None, body).cause;
        let table = [
            (r#"{"error":{"code":"Forbidden","message":"No permission"}}"#, "Forbidden: No permission"),
            (
                r#"{"error":{"code":"Bad","message":"two things","details":[{"code":"A","message":"one"},{"message":"two"}]}}"#,
                "Bad: two things; A: one; two",
            ),
            (r#"{"Message":"Authorization has been denied"}"#, "Authorization has been denied"),
            (
                r#"{"Variant":{"serviceName":"Variant","error":"conflict! Retry is OK.\r\n   at A.B() in C:\\x.cs:line 3","httpStatusCode":"InternalServerError"}}"#,
                "Variant: conflict! Retry is OK.",
            ),
            (
                r#""Some.Http422Exception: title is missing\r\n   at Some.Frame() in D:\\a.cs:line 4""#,
                "title is missing",
            ),
            ("<html><body>502</body></html>", "the answer is a web page, not the API's"),
            ("", "the answer has no body"),
            ("null", "the answer has no body"),
            (r#"{"error":{"code":"#, r#"{"error":{"code":"#),
            ("see https://h/x?sig=SECRET \u{1b}[31m", "see https://h/x?sig=REDACTED  [31m"),
        ];
        for (body, expected) in table {
            assert_eq!(cause(body), expected, "{body}");
        }
    }

    #[test]
    fn a_success_can_report_a_failure() {
        let body = |status: &str| serde_json::json!({"A": {"httpStatusCode": "OK"}, "B": {"httpStatusCode": status}});
        assert!(!reports_failure(&body("OK")));
        assert!(reports_failure(&body("InternalServerError")));
        assert!(!reports_failure(&serde_json::json!({"id": "a", "definition": {}})));
    }

    #[test]
    fn only_the_portals_own_404_is_the_portals() {
        assert!(Problem::answer("GET /x", 404, None, r#"{"error":{"code":"NotFound","message":"m"}}"#).from_portal);
        assert!(!Problem::answer("GET /x", 404, None, "<html>nginx</html>").from_portal);
        assert!(!Problem::answer("GET /x", 404, None, "").from_portal);
        assert!(!Problem::answer("GET /x", 404, None, r#""not found upstream""#).from_portal);
        let service = |status| format!(r#"{{"Product":{{"error":"e","httpStatusCode":"{status}"}}}}"#);
        assert!(Problem::answer("GET /x", 404, None, &service("NotFound")).from_portal);
        assert!(!Problem::answer("GET /x", 404, None, &service("InternalServerError")).from_portal);
    }
}
