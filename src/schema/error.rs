//! A schema file that cannot be used: which, where in it, and why.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct SchemaError {
    pub(crate) file: String,
    pub(crate) place: SchemaPlace,
    pub(crate) reason: String,
    /// Whether the place is counted from the root of the file already.
    anchored: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SchemaPlace {
    /// The keys from the root of the file to the node.
    Keys(Vec<String>),
    /// Line and column, both from 1, the column in bytes; where the text is no JSON.
    Text(usize, usize),
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            SchemaPlace::Keys(keys) if keys.is_empty() => write!(f, "{}: {}", self.file, self.reason),
            SchemaPlace::Keys(keys) => write!(f, "{}#/{}: {}", self.file, keys.join("/"), self.reason),
            SchemaPlace::Text(line, column) => write!(f, "{}:{line}:{column}: {}", self.file, self.reason),
        }
    }
}

impl SchemaError {
    pub(super) fn new(file: &str, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: SchemaPlace::Keys(Vec::new()), reason: reason.into(), anchored: false }
    }

    pub(super) fn syntax(file: &str, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
        Self { place: SchemaPlace::Text(error.line(), error.column()), anchored: true, ..Self::new(file, reason) }
    }

    /// One step further out: the node with the mistake stands under this key.
    pub(super) fn within(mut self, key: &str) -> Self {
        if let (false, SchemaPlace::Keys(keys)) = (self.anchored, &mut self.place) {
            keys.insert(0, key.to_owned());
        }
        self
    }

    /// The node with the mistake was reached by a reference to this pointer, which begins at the root of its file.
    pub(super) fn anchored(mut self, pointer: &str) -> Self {
        if !self.anchored
            && let SchemaPlace::Keys(keys) = &mut self.place
        {
            let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
            keys.splice(0..0, steps);
            self.anchored = true;
        }
        self
    }
}
