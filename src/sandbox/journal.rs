//! What was asked of the portal, for tests and curious people. In memory only, without secrets.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::redact;

/// How many requests are remembered.
const CAPACITY: usize = 10_000;

/// The latest requests, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal {
    counted: u64,
    entries: VecDeque<Value>,
}

impl Journal {
    /// Writes a request down.
    pub(super) fn record(&mut self, method: &str, path: &str, if_match: Option<&str>, body: &[u8], status: u16) {
        self.counted += 1;
        let mut entry = json!({"n": self.counted, "method": method, "path": path, "status": status});
        if let Some(if_match) = if_match {
            entry["ifMatch"] = json!(if_match);
        }
        if let Ok(body) = serde_json::from_slice(body) {
            entry["body"] = redact::value(&body);
        }
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// All that is remembered.
    pub(super) fn entries(&self) -> Value {
        self.entries.iter().cloned().collect()
    }

    /// Forgets the requests, but not how many there were.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_numbered_and_without_secrets() {
        let mut journal = Journal::default();
        journal.record("GET", "/api/publishers", None, b"", 200);
        journal.record("PUT", "/api/x", Some("*"), br#"{"a": {"clientSecret": "s3cret"}, "b": 1}"#, 412);
        let entries = journal.entries();
        assert_eq!(entries[0], json!({"n": 1, "method": "GET", "path": "/api/publishers", "status": 200}));
        assert_eq!(entries[1]["ifMatch"], "*");
        assert_eq!(entries[1]["body"], json!({"a": {"clientSecret": redact::MASK}, "b": 1}));
        journal.clear();
        journal.record("GET", "/api/publishers", None, b"not json", 200);
        assert_eq!(journal.entries(), json!([{"n": 3, "method": "GET", "path": "/api/publishers", "status": 200}]));
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut journal = Journal::default();
        for _ in 0..=CAPACITY {
            journal.record("GET", "/", None, b"", 200);
        }
        let entries = journal.entries();
        assert_eq!(entries.as_array().map(Vec::len), Some(CAPACITY));
        assert_eq!(entries[0]["n"], 2);
    }
}
