//! An answer as a value, before it becomes HTTP.

use std::sync::Arc;

use serde_json::Value;

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Headers of this answer alone; those that every answer has are the server's business.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    Json(Value),
    /// Sent as it stands, JSON or not.
    Text(String),
    /// The bytes of a file.
    File(Arc<[u8]>),
    Empty,
}

impl Reply {
    /// An answer with a JSON body.
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(body) }
    }

    /// The same answer with one more header.
    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Whether the request had its way.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::Json(value) => value.to_string().into_bytes(),
            Body::Text(text) => text.clone().into_bytes(),
            Body::File(bytes) => bytes.to_vec(),
            Body::Empty => Vec::new(),
        }
    }
}
