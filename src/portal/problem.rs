//! What the portal says when it says no, in one line that a person can use.
//!
//! Bodies come in five forms, tried in this order: an object with `error`, an object with `Message`, a map of services
//! that each report an `httpStatusCode`, a JSON string with a stack trace in it, anything else.

use std::sync::LazyLock;
use std::time::Duration;

use regex_lite::Regex;
use serde_json::Value;

use super::endpoint::{API_VERSION, offer_path};
use super::exact::{self, NotJson};
use super::retry;
use crate::model::OfferKey;
use crate::redact;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 401: the portal does not accept the token.
    Unauthenticated,
    /// 403: the token's owner may not do this.
    Forbidden,
    NotFound,
    /// 409: an operation runs, or the offer exists.
    Conflict,
    /// 412: the ETag is not the current one.
    Precondition,
    /// Any other 4xx, a 5xx that will not pass, and a 2xx whose body reports a failure.
    Rejected,
    /// 408, 429, 500, 502, 503, 504: may pass.
    Unavailable,
    /// No answer, or one that is not whole.
    Unreachable,
    /// An answer that is not what the API gives.
    Malformed,
    /// Not sent: the run has made all the requests that it may.
    NotSent,
    /// Given up, because the user wants to stop.
    Stopped,
}

/// The code of a 409 that came from a PUT without `If-Match` while offers were being migrated.
const EXISTS: &str = "InvalidResourceId";

/// A request that did not do what it was to do. Its texts hold no secret, no stack frame and no control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    /// The HTTP status, if there was an answer.
    pub(crate) status: Option<u16>,
    /// `GET /api/publishers/contoso/offers/a`.
    pub(crate) request: Box<str>,
    pub(crate) cause: String,
    /// What else the portal names, one line each: further findings, further services.
    pub(crate) details: Vec<String>,
    /// `X-Ms-Correlation-Request-Id`, for a support case.
    pub(crate) correlation: Option<Box<str>>,
    /// Whether the body is of one of the portal's own forms, so that a 404 is the portal's and not a proxy's.
    pub(crate) from_portal: bool,
    /// What the user can do next, where it can be told.
    pub(crate) hint: Option<Box<str>>,
    pub(crate) retry_after: Option<Duration>,
    /// The token was refused, and the next request gets another: the same may succeed then.
    pub(crate) renewed: bool,
}

impl Problem {
    pub(super) fn malformed(request: &str, cause: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, request, &cause.into())
    }

    fn new(kind: Kind, request: &str, cause: &str) -> Self {
        let (request, cause) = (Box::from(request), one_line(cause));
        let hint = advice(kind, None, &request, &cause);
        let (status, details, correlation) = (None, Vec::new(), None);
        Self {
            kind,
            status,
            request,
            cause,
            details,
            correlation,
            hint,
            from_portal: false,
            retry_after: None,
            renewed: false,
        }
    }

    pub(crate) fn absent(key: &OfferKey) -> Self {
        let request = format!("GET /{}", offer_path(key));
        let cause = format!("the portal has no offer {key}");
        Self { status: Some(404), from_portal: true, ..Self::new(Kind::NotFound, &request, &cause) }
    }

    pub(super) fn unreachable(request: &str, error: &reqwest::Error) -> Self {
        Self::new(Kind::Unreachable, request, &no_answer(error))
    }

    /// A success whose body cannot be used. Only one that ends too early may come whole the next time.
    pub(super) fn unreadable(request: &str, error: NotJson, body: &[u8]) -> Self {
        match error {
            NotJson::CutOff => Self::new(Kind::Unreachable, request, BREAKS_OFF),
            NotJson::Another => Self::malformed(request, no_words(&String::from_utf8_lossy(body), false)),
            NotJson::Wrong(why) => {
                let hint = "correct this in the portal, or ask its support; other offers are not affected";
                let problem = Self::malformed(request, format!("the answer cannot be read: {why}"));
                Self { hint: Some(hint.into()), ..problem }
            }
        }
    }

    /// A body that is longer than any that is read.
    pub(super) fn too_large(request: &str, limit: usize) -> Self {
        let cause = format!("the answer is larger than {} MiB", limit >> 20);
        let hint = "check that the endpoint is the portal's; an offer has some ten thousand bytes";
        Self { hint: Some(hint.into()), ..Self::malformed(request, cause) }
    }

    pub(super) fn not_sent(request: &str, limit: u64) -> Self {
        let cause = format!("not sent: request limit reached (--max-requests {limit})");
        Self::new(Kind::NotSent, request, &cause)
    }

    pub(super) fn stopped(request: &str) -> Self {
        Self::new(Kind::Stopped, request, "given up")
    }

    /// An answer with a status that is not a success.
    pub(crate) fn answer(request: &str, status: u16, correlation: Option<Box<str>>, body: &str) -> Self {
        let value = exact::json(body.as_bytes()).ok().filter(|_| !body.trim().is_empty());
        let lines = value.as_ref().and_then(said).unwrap_or_else(|| match status {
            300..=399 => vec!["a redirect, which is not followed".to_owned()],
            _ => vec![no_words(body, value.is_some())],
        });
        let from_portal =
            value.is_some_and(|value| said(&value).is_some() && (status != 404 || tells_of_absence(&value)));
        Self::of_answer(request, status, correlation, from_portal, lines)
    }

    /// A success whose body reports a failure; `None` for any other body.
    pub(super) fn reported(request: &str, status: u16, correlation: Option<Box<str>>, body: &Value) -> Option<Self> {
        if !services(body)?.any(|(_, entry)| !is_ok(entry)) {
            return None;
        }
        let lines = said(body).unwrap_or_default();
        Some(Self { kind: Kind::Rejected, ..Self::of_answer(request, status, correlation, true, lines) })
    }

    fn of_answer(
        request: &str,
        status: u16,
        correlation: Option<Box<str>>,
        from_portal: bool,
        mut lines: Vec<String>,
    ) -> Self {
        let kind = match status {
            401 => Kind::Unauthenticated,
            403 => Kind::Forbidden,
            404 => Kind::NotFound,
            409 => Kind::Conflict,
            412 => Kind::Precondition,
            300..=399 => Kind::Malformed,
            status if retry::may_pass(status) => Kind::Unavailable,
            _ => Kind::Rejected,
        };
        let cause = lines.remove(0);
        let hint = match kind {
            Kind::NotFound if !from_portal => advice(Kind::Malformed, Some(status), request, &cause),
            _ => advice(kind, Some(status), request, &cause),
        };
        Self {
            status: Some(status),
            details: lines,
            correlation,
            from_portal,
            hint,
            ..Self::new(kind, request, &cause)
        }
    }

    /// Takes a secret out of what the portal repeated.
    pub(super) fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            let clean = |text: &str| text.replace(secret, redact::MASK);
            self.cause = clean(&self.cause);
            self.details = self.details.iter().map(|detail| clean(detail)).collect();
            self.correlation = self.correlation.map(|id| clean(&id).into());
            self.hint = self.hint.map(|hint| clean(&hint).into());
        }
        self
    }

    pub(super) fn because(mut self, more: &str) -> Self {
        self.cause = format!("{}; {more}", self.cause);
        self
    }

    /// Whether who we are, or what we may do, is the cause.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.kind, Kind::Unauthenticated | Kind::Forbidden)
    }

    /// Whether the same request may succeed later. Whether it took effect is another question.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.kind, Kind::Unavailable | Kind::Unreachable)
    }

    /// Whether the server turned the request away before it looked at it, so that it took no effect for certain.
    pub(crate) fn was_turned_away(&self) -> bool {
        self.renewed || self.status == Some(429)
    }

    /// Whether the portal says that the offer exists: with a 409, and not because something runs.
    pub(crate) fn says_exists(&self) -> bool {
        self.kind == Kind::Conflict && self.cause.contains(EXISTS)
    }

    /// The request and the cause, without what else the portal names.
    pub(crate) fn headline(&self) -> String {
        let status = self.status.map(|status| format!("{status} ")).unwrap_or_default();
        let correlation = self.correlation.as_ref().map(|id| format!(" (correlation id {id})")).unwrap_or_default();
        format!("{}: {status}{}{correlation}", self.request, self.cause)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.headline())?;
        self.details.iter().try_for_each(|detail| write!(f, "; {detail}"))
    }
}

/// What the user can do next. It must be true whatever else is the case.
fn advice(kind: Kind, status: Option<u16>, request: &str, cause: &str) -> Option<Box<str>> {
    let text = match kind {
        Kind::Unauthenticated | Kind::Stopped => return None,
        Kind::Forbidden => {
            let publisher = request.split("/publishers/").nth(1).and_then(|rest| rest.split('/').next());
            let account = publisher
                .map_or_else(|| "the publisher's account".into(), |id| format!("the account of publisher `{id}`"));
            format!("add the service principal to {account}, with the right to edit offers")
        }
        Kind::Conflict if cause.contains(EXISTS) => "the offer exists now; plan again".to_owned(),
        Kind::Conflict => "run `offerctl status` to see what runs; wait for it, or cancel it".to_owned(),
        Kind::Precondition => "plan again".to_owned(),
        Kind::Unavailable if status == Some(429) => {
            "the portal limits requests: try again later, or with a lower --parallelism".to_owned()
        }
        Kind::Unavailable if request.starts_with("GET") => "try again later".to_owned(),
        Kind::Unavailable => "unknown whether it took effect; run `offerctl plan` and `offerctl status`".to_owned(),
        Kind::Unreachable => "check the network, and the endpoint (--endpoint, OFFERCTL_ENDPOINT)".to_owned(),
        Kind::Malformed => "check that the endpoint is the portal's, and that no proxy answers instead".to_owned(),
        Kind::NotSent => "pass a higher --max-requests, or fewer targets".to_owned(),
        Kind::Rejected if cause.contains("InvalidAPIVersion") => {
            let allowed = cause.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(list, _)| list.trim());
            let allowed = allowed.map(|list| format!("; this server allows {list}")).unwrap_or_default();
            format!("offerctl uses version {API_VERSION}{allowed}")
        }
        Kind::Rejected if status == Some(422) => {
            "the portal rejected the content: fix the named fields, and apply again".to_owned()
        }
        Kind::Rejected if status.is_some_and(|status| status < 300) => {
            "the portal accepted the request and rejected its content; run `offerctl plan` to see what it stores"
                .to_owned()
        }
        Kind::Rejected if status.is_some_and(|status| status >= 500) => {
            "the portal failed; send the correlation id to its support".to_owned()
        }
        Kind::NotFound | Kind::Rejected => return None,
    };
    Some(text.into())
}

/// Why there was no answer, in one line.
pub(super) fn no_answer(error: &reqwest::Error) -> String {
    let mut cause = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        cause = inner.to_string();
        source = inner.source();
    }
    let what = match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        error if error.is_body() || error.is_decode() => "the answer is incomplete",
        _ => "the connection broke",
    };
    format!("{what}: {cause}")
}

const BREAKS_OFF: &str = "the answer is incomplete";

/// Where a message stands in an object without `error`: as the portal has it, then as gateways before it do.
const MESSAGES: [&str; 4] = ["Message", "message", "detail", "title"];

/// What the body says, line by line, if it is of a form that the portal uses; never an empty list.
fn said(value: &Value) -> Option<Vec<String>> {
    let lines = match value {
        Value::Object(map) => {
            if let Some(error) = map.get("error").filter(|error| error.is_object()) {
                limited(error_object(error))
            } else if let Some(message) = MESSAGES.iter().find_map(|key| map.get(*key)?.as_str()) {
                limited(lines(message).into_iter())
            } else {
                limited(services(value)?.filter(|(_, entry)| !is_ok(entry)).flat_map(|(name, entry)| {
                    let said = entry.get("error").and_then(Value::as_str).map(lines).unwrap_or_default();
                    let status = &entry["httpStatusCode"];
                    headed(name, said, || one_line(status.as_str().unwrap_or(&status.to_string())))
                }))
            }
        }
        Value::String(text) => limited(lines(text).into_iter()),
        _ => return None,
    };
    Some(lines).filter(|lines| !lines.is_empty())
}

/// Lines with a name before the first of them, or before `otherwise` where there is none.
fn headed(name: &str, mut lines: Vec<String>, otherwise: impl Fn() -> String) -> Vec<String> {
    let first = if lines.is_empty() { otherwise() } else { lines.remove(0) };
    let head = [one_line(name), first].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    std::iter::once(head).filter(|head| !head.is_empty()).chain(lines).collect()
}

/// The error itself, then each of its details. The portal calls those optional, and nests them sometimes.
fn error_object(error: &Value) -> impl Iterator<Item = String> {
    let one = |value: &Value| {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        headed(text("code"), lines(text("message")), String::new)
    };
    let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
    std::iter::once(error).chain(details).flat_map(one)
}

/// The entries of a per-service map, if the value is one: every member reports an `httpStatusCode`.
fn services(value: &Value) -> Option<impl Iterator<Item = (&String, &Value)>> {
    let map = value.as_object().filter(|map| !map.is_empty())?;
    map.values().all(|entry| entry.get("httpStatusCode").is_some()).then(|| map.iter())
}

fn is_ok(entry: &Value) -> bool {
    match entry.get("httpStatusCode") {
        Some(Value::String(word)) => {
            matches!(word.to_ascii_lowercase().as_str(), "ok" | "created" | "accepted" | "nocontent")
        }
        status => status.and_then(Value::as_u64).is_some_and(|code| (200..300).contains(&code)),
    }
}

/// Whether the body of a 404 is one in which the portal says that something is not there: an error object, or a map
/// in which a service says `NotFound`.
fn tells_of_absence(value: &Value) -> bool {
    let not_found = |service: &Value| {
        let status = service.get("httpStatusCode");
        status.is_some_and(|status| {
            status.as_u64() == Some(404) || status.as_str().is_some_and(|s| s.eq_ignore_ascii_case("notfound"))
        })
    };
    value.get("error").is_some_and(Value::is_object)
        || services(value).is_some_and(|mut services| services.any(|(_, service)| not_found(service)))
}

/// Where a stack trace begins within a line: ` at Namespace.Type.Method(`, ` in D:\\build\\File.cs:line 3`.
static FRAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:^|\s+)(?:at (?:async )?[^\s(]*[.|<][^(]*\(.*|in [A-Za-z]:\\\S*:line \d+.*|--- End of .*)")
});

/// Where the inner exception of another one begins.
static INNER: LazyLock<Regex> = LazyLock::new(|| pattern(r" ---> ([\w.`+]+(?:Exception|Error)\b)"));

/// The name of an exception in front of its message.
static EXCEPTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:[\w.`+]+Exception(?: \([^)]*\))?: )+"));

static TITLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?is)<title[^>]*>(.*?)</title>"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("the pattern is a constant: {error}"))
}

/// Most lines of a problem that are shown.
const MOST: usize = 20;

/// As many lines as somebody reads. What comes after them is not even made.
fn limited(mut lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut shown = lines.by_ref().take(MOST).collect::<Vec<_>>();
    shown.extend(lines.next().map(|_| "and more".to_owned()));
    shown
}

/// The lines of a text that say something: without stack frames, the names of exceptions, control characters and
/// secrets.
pub(super) fn lines(text: &str) -> Vec<String> {
    const LIMIT: usize = 400;
    /// So much of a line is looked at, and so many of them: a body can hold anything.
    const LINE: usize = 8 << 10;
    const LINES: usize = 1_000;
    // Before anything is cut: a part of a secret would not be known any more.
    let text = redact::known(text);
    let is_frame = |line: &&str| line.trim_start().starts_with("at ") && line.contains('(');
    let candidates = text.split(['\r', '\n']).filter(|line| !line.trim().is_empty() && !is_frame(line));
    let lines = candidates.take(LINES).map(|line| {
        let line = &line[..line.floor_char_boundary(LINE)];
        // The innermost exception is the cause; those around it say that there was one.
        let inner = INNER.captures_iter(line).last().and_then(|found| found.get(1));
        let line = inner.map_or(line, |inner| &line[inner.start()..]);
        let line = FRAME.split(line.trim_end()).next().unwrap_or_default().trim();
        let plain = EXCEPTION.replace(line, "");
        let clean = plain.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LIMIT).collect::<String>();
        redact::text(clean.trim())
    });
    lines.filter(|line| !line.is_empty()).take(MOST + 1).collect()
}

/// The first of [`lines`]; empty when there is none.
pub(super) fn one_line(text: &str) -> String {
    lines(text).into_iter().next().unwrap_or_default()
}

/// What is to be said of a body that is of none of the portal's forms.
fn no_words(body: &str, is_json: bool) -> String {
    let trimmed = body.trim_start();
    if trimmed.is_empty() || trimmed.trim_end() == "null" {
        "the answer has no body".to_owned()
    } else if matches!(trimmed.trim_end(), "{}" | "[]" | "\"\"") {
        "no reason is given".to_owned()
    } else if trimmed.starts_with('<') {
        let title = TITLE.captures(trimmed).map(|found| one_line(&found[1])).filter(|title| !title.is_empty());
        let title = title.map(|title| format!(": \"{title}\"")).unwrap_or_default();
        format!("the answer is a web page, not the API's{title}")
    } else if trimmed.starts_with(['{', '[', '"']) {
        // What such a document holds is not known, so it is not shown: fields go by names that may stand for secrets.
        if is_json { "the answer is JSON, but not in a format of the portal" } else { BREAKS_OFF }.to_owned()
    } else {
        one_line(trimmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_form_becomes_one_line() {
        let cause = |body: &str| {
            let problem = Problem::answer("GET /x", 400, None, body);
            std::iter::once(problem.cause).chain(problem.details).collect::<Vec<_>>().join(" | ")
        };
        let table = [
            (r#"{"error":{"code":"Forbidden","message":"No permission"}}"#, "Forbidden: No permission"),
            (
                r#"{"error":{"code":"Bad","message":"two things","details":[{"code":"A","message":"one"},{"message":"two"}]}}"#,
                "Bad: two things | A: one | two",
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
            (
                "<HTML><title>\n502 Bad Gateway</title></HTML>",
                "the answer is a web page, not the API's: \"502 Bad Gateway\"",
            ),
            ("upstream connect error", "upstream connect error"),
            ("", "the answer has no body"),
            ("null", "the answer has no body"),
            (r#"{"error":{"code":"#, "the answer is incomplete"),
            (r#"{"error":{}}"#, "the answer is JSON, but not in a format of the portal"),
            (
                r#"{"definition":{"connectionString":"SECRET"}}"#,
                "the answer is JSON, but not in a format of the \
                portal",
            ),
            (r#"{"message":"boom","stackTrace":"at X.Y()"}"#, "boom"),
            (
                r#""boom\r\n   at Contoso.Foo.<Run>g__Local|5_0(Int32 x)\r\n   at async Task<Offer> X.Get(string id)""#,
                "boom",
            ),
            (r#""title 'a ---> b' is bad: 3 at a time (at most)""#, "title 'a ---> b' is bad: 3 at a time (at most)"),
            (r#""System.AggregateException: One. ---> A.B.InnerException: timeout\r\n   at A.B()""#, "timeout"),
            (r#"[1]"#, "the answer is JSON, but not in a format of the portal"),
            ("see https://h/x?sig=SECRET \u{1b}[31m", "see https://h/x?sig=REDACTED  [31m"),
        ];
        for (body, expected) in table {
            assert_eq!(cause(body), expected, "{body}");
        }
    }

    #[test]
    fn a_success_can_report_a_failure() {
        let body = |status: &str| serde_json::json!({"A": {"httpStatusCode": "OK"}, "B": {"httpStatusCode": status}});
        let reported = |body: &Value| Problem::reported("PUT /x", 200, None, body).map(|problem| problem.kind);
        assert_eq!(reported(&body("OK")), None);
        assert_eq!(reported(&body("InternalServerError")), Some(Kind::Rejected));
        assert_eq!(reported(&serde_json::json!({"id": "a", "definition": {}})), None);
    }

    /// What nobody reads is not made: this takes milliseconds, not seconds.
    #[test]
    fn of_a_body_with_too_much_in_it_a_few_lines_are_shown() {
        let services = (0..20_000).map(|n| format!(r#""S{n}":{{"error":"bad","httpStatusCode":"BadRequest"}}"#));
        let services = format!("{{{}}}", services.collect::<Vec<_>>().join(","));
        let long = Value::String(format!("{}\n{}", "a b ".repeat(100_000), "x\n".repeat(300_000))).to_string();
        for body in [services, long, "y ".repeat(500_000)] {
            let began = std::time::Instant::now();
            let problem = Problem::answer("GET /x", 400, None, &body);
            assert!(problem.details.len() <= MOST && problem.to_string().len() < 10_000, "{problem}");
            assert!(began.elapsed() < std::time::Duration::from_secs(4), "{:?}", began.elapsed());
        }
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
