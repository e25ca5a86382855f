//! What was asked of the portal, for tests and curious people. In memory only, without secrets, and bounded.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::redact;

/// How many requests are remembered.
const CAPACITY: usize = 10_000;
/// How many bytes of bodies are remembered with them.
const BODY_BYTES: usize = 16 << 20;

/// One request with its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) method: &'a str,
    /// The path with its query.
    pub(super) path: &'a str,
    pub(super) if_match: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// None where no answer was sent.
    pub(super) status: Option<u16>,
    /// The name of the fault that struck.
    pub(super) fault: Option<&'a str>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    method: String,
    path: String,
    if_match: Option<String>,
    body: Option<String>,
    status: Option<u16>,
    fault: Option<String>,
}

/// The latest requests, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal {
    counted: u64,
    body_bytes: usize,
    entries: VecDeque<Entry>,
}

impl Journal {
    pub(super) fn record(&mut self, line: Line<'_>) {
        self.counted += 1;
        let body = if line.body.is_empty() { None } else { serde_json::from_slice::<Value>(line.body).ok() };
        let body = body.map(|body| redact::value(&body).to_string());
        self.body_bytes += body.as_ref().map_or(0, String::len);
        self.entries.push_back(Entry {
            number: self.counted,
            method: line.method.to_owned(),
            path: line.path.to_owned(),
            if_match: line.if_match.map(ToOwned::to_owned),
            body,
            status: line.status,
            fault: line.fault.map(ToOwned::to_owned),
        });
        while self.entries.len() > CAPACITY || (self.body_bytes > BODY_BYTES && self.entries.len() > 1) {
            let oldest = self.entries.pop_front();
            self.body_bytes -= oldest.and_then(|entry| entry.body).map_or(0, |body| body.len());
        }
    }

    pub(super) fn entries(&self) -> Value {
        self.entries.iter().map(Entry::document).collect()
    }

    /// Forgets the requests, but not how many there were.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.body_bytes = 0;
    }
}

impl Entry {
    fn document(&self) -> Value {
        let mut document = json!({"n": self.number, "method": self.method, "path": self.path, "status": self.status});
        if let Some(if_match) = &self.if_match {
            document["ifMatch"] = json!(if_match);
        }
        if let Some(body) = self.body.as_ref().and_then(|body| serde_json::from_str(body).ok()) {
            document["body"] = body;
        }
        if let Some(fault) = &self.fault {
            document["fault"] = json!(fault);
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(method: &'static str, path: &'static str, body: &'static [u8]) -> Line<'static> {
        Line { method, path, if_match: None, body, status: Some(200), fault: None }
    }

    #[test]
    fn requests_are_numbered_and_without_secrets() {
        let mut journal = Journal::default();
        journal.record(line("GET", "/api/publishers", b""));
        let put = line("PUT", "/api/x", br#"{"a": {"clientSecret": "s3cret"}, "b": 1}"#);
        journal.record(Line { if_match: Some("*"), status: Some(412), ..put });
        journal.record(Line { status: None, fault: Some("reset"), ..line("GET", "/api/x", b"") });
        let entries = journal.entries();
        assert_eq!(entries[0], json!({"n": 1, "method": "GET", "path": "/api/publishers", "status": 200}));
        assert_eq!(entries[1]["ifMatch"], "*");
        assert_eq!(entries[1]["body"], json!({"a": {"clientSecret": redact::MASK}, "b": 1}));
        assert_eq!((&entries[2]["status"], &entries[2]["fault"]), (&Value::Null, &json!("reset")));
        journal.clear();
        journal.record(line("GET", "/api/publishers", b"not json"));
        assert_eq!(journal.entries(), json!([{"n": 4, "method": "GET", "path": "/api/publishers", "status": 200}]));
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut journal = Journal::default();
        for _ in 0..=CAPACITY {
            journal.record(line("GET", "/", b""));
        }
        let entries = journal.entries();
        assert_eq!(entries.as_array().map(Vec::len), Some(CAPACITY));
        assert_eq!(entries[0]["n"], 2);
    }

    #[test]
    fn bodies_take_a_bounded_place() {
        let mut journal = Journal::default();
        let body = json!(vec![123_456_789; 100_000]).to_string();
        for _ in 0..40 {
            journal.record(Line { body: body.as_bytes(), ..line("PUT", "/", b"") });
        }
        assert!(journal.body_bytes <= BODY_BYTES, "{}", journal.body_bytes);
        let entries = journal.entries();
        assert!(entries.as_array().is_some_and(|entries| (10..=16).contains(&entries.len())));
        assert_eq!(entries.as_array().and_then(|entries| entries.last()).map(|last| &last["n"]), Some(&json!(40)));
    }
}
