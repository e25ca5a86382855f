//! Answers that go wrong on demand.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::reply::{Body, Reply};

/// A wrong answer, and which requests get it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// The method; any, where it is absent.
    method: Option<String>,
    /// What the path with its query contains.
    #[serde(default)]
    path: String,
    status: u16,
    /// A text is sent as it stands, anything else as JSON, null as no body.
    #[serde(default)]
    body: Value,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// How often; for ever, where it is absent.
    times: Option<u64>,
    /// How many matching requests go by before the first.
    #[serde(default)]
    skip: u64,
    /// The request is carried out first, so that only its answer is lost.
    #[serde(default)]
    after: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Nothing goes wrong.
    Sound,
    /// It is not carried out; this is the answer.
    Instead(Reply),
    /// It is carried out, and this is the answer all the same.
    Afterwards(Reply),
}

/// The faults that wait for their requests.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Fault {
    /// Why it cannot be sent, if so.
    pub(super) fn problem(&self) -> Option<String> {
        use axum::http::{HeaderName, HeaderValue};
        if !(200..=599).contains(&self.status) {
            return Some(format!("{} is not the status of an answer.", self.status));
        }
        let is_bad = |(name, value): &(&String, &String)| {
            name.parse::<HeaderName>().is_err() || value.parse::<HeaderValue>().is_err()
        };
        self.headers.iter().find(is_bad).map(|(name, _)| format!("The header '{name}' cannot be sent."))
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method)) && path.contains(&self.path)
    }

    fn reply(&self) -> Reply {
        let body = match &self.body {
            Value::Null => Body::Empty,
            Value::String(text) => Body::Text(text.clone()),
            other => Body::Json(other.clone()),
        };
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Reply { status: self.status, headers, body }
    }
}

impl Faults {
    /// One more, behind the others.
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// None any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What becomes of a request: the first fault that is due decides, and is used up by one.
    pub(super) fn judge(&mut self, method: &str, path: &str) -> Verdict {
        for fault in self.0.iter_mut().filter(|fault| fault.matches(method, path) && fault.times != Some(0)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            return if fault.after { Verdict::Afterwards(fault.reply()) } else { Verdict::Instead(fault.reply()) };
        }
        Verdict::Sound
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(list: Value) -> Faults {
        Faults(serde_json::from_value(list).expect("faults"))
    }

    fn statuses(faults: &mut Faults, count: usize) -> Vec<u16> {
        (0..count)
            .map(|_| match faults.judge("GET", "/api/publishers?x=1") {
                Verdict::Sound => 0,
                Verdict::Instead(reply) | Verdict::Afterwards(reply) => reply.status,
            })
            .collect()
    }

    #[test]
    fn faults_skip_strike_and_run_out() {
        let mut list = faults(json!([{"path": "publishers", "status": 500, "skip": 1, "times": 2}]));
        assert_eq!(statuses(&mut list, 5), [0, 500, 500, 0, 0]);
        let mut list = faults(json!([{"path": "?x=", "status": 503}]));
        assert_eq!(statuses(&mut list, 3), [503, 503, 503]);
        list.clear();
        assert_eq!(statuses(&mut list, 1), [0]);
    }

    #[test]
    fn the_first_that_is_due_decides() {
        let mut list = faults(json!([{"status": 500, "skip": 1, "times": 1}, {"status": 429, "times": 1}]));
        assert_eq!(statuses(&mut list, 3), [429, 500, 0]);
    }

    #[test]
    fn method_and_path_select() {
        let mut list = faults(json!([{"method": "put", "path": "/offers/", "status": 500}]));
        assert_eq!(list.judge("GET", "/offers/x"), Verdict::Sound);
        assert_eq!(list.judge("PUT", "/publishers"), Verdict::Sound);
        assert_ne!(list.judge("PUT", "/offers/x"), Verdict::Sound);
    }

    #[test]
    fn bodies_are_json_or_raw() {
        let body = |value: Value| match faults(json!([{"status": 500, "body": value, "after": true}])).judge("", "") {
            Verdict::Afterwards(reply) => reply.body,
            other => panic!("{other:?}"),
        };
        assert_eq!(body(json!("<html>")), Body::Text("<html>".to_owned()));
        assert_eq!(body(json!({"a": 1})), Body::Json(json!({"a": 1})));
        assert_eq!(body(Value::Null), Body::Empty);
    }

    #[test]
    fn what_cannot_be_sent_is_told() {
        let problem = |value: Value| serde_json::from_value::<Fault>(value).expect("a fault").problem();
        assert_eq!(problem(json!({"status": 200, "headers": {"Retry-After": "3"}})), None);
        assert!(problem(json!({"status": 99})).is_some());
        assert!(problem(json!({"status": 500, "headers": {"a b": "c"}})).is_some());
        assert!(serde_json::from_value::<Fault>(json!({"status": 500, "tiems": 3})).is_err());
    }
}
