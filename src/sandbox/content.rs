//! The definition of one revision, kept as text: a tree takes several times the memory, and most requests only pass
//! the text on.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::definition;
use crate::schema::Shape;

/// A definition, with everything that the portal keeps to itself. Copies share it.
#[derive(Debug, Clone)]
pub(super) struct Content {
    reference: ContentRef,
    stored: Arc<RawValue>,
    shown: Arc<OnceLock<Arc<RawValue>>>,
}

/// How the record of an offer names a definition that is stored beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ContentRef {
    pub(super) id: u64,
    /// `displayText`, which lists need without the rest.
    #[serde(default)]
    pub(super) display: Value,
}

impl Content {
    /// This definition under a number that no other content has.
    pub(super) fn new(id: u64, definition: &Value) -> Self {
        let display = definition.get("displayText").cloned().unwrap_or_default();
        let text = definition.to_string();
        let stored = RawValue::from_string(text).unwrap_or_else(|error| unreachable!("a value as JSON: {error}"));
        Self::of(ContentRef { id, display }, stored)
    }

    /// What a store gave back.
    pub(super) fn of(reference: ContentRef, stored: Box<RawValue>) -> Self {
        Self { reference, stored: stored.into(), shown: Arc::default() }
    }

    pub(super) fn reference(&self) -> &ContentRef {
        &self.reference
    }

    pub(super) fn text(&self) -> &str {
        self.stored.get()
    }

    /// The whole as a tree.
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_else(|error| unreachable!("it was a value: {error}"))
    }

    /// What GET returns of it. Worked out once; the same text where nothing is kept back.
    pub(super) fn shown(&self, shape: &Shape) -> &RawValue {
        self.shown.get_or_init(|| {
            let stored = self.value();
            let shown = definition::shown(&stored, shape);
            match (shown != stored).then(|| RawValue::from_string(shown.to_string())) {
                Some(Ok(shown)) => shown.into(),
                _ => Arc::clone(&self.stored),
            }
        })
    }

    /// Whether two contents say the same, in whatever order.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.text() == other.text() || self.value() == other.value()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schemas;

    #[test]
    fn what_is_kept_back_is_in_the_text_and_not_shown() {
        let shape = Schemas::builtin().shape("microsoft-azure-virtualmachines").property("definition");
        let lead = "microsoft-azure-marketplace.marketoLeadConfiguration";
        let content =
            Content::new(1, &json!({"displayText": "d", "offer": {lead: {"formId": "f", "clientSecret": "s3cret"}}}));
        assert!(content.text().contains("s3cret") && content.shown(shape).get().contains("formId"));
        assert!(!content.shown(shape).get().contains("s3cret"));
        assert_eq!(content.reference(), &ContentRef { id: 1, display: json!("d") });
    }

    #[test]
    fn one_text_serves_both_where_nothing_is_kept_back() {
        let content = Content::new(1, &json!({"plans": []}));
        assert!(std::ptr::eq(content.shown(&Shape::default()), &raw const *content.stored));
        assert!(content.says_the_same(&Content::new(2, &json!({"plans": []}))));
    }

    #[test]
    fn order_says_nothing() {
        let one = Content::new(1, &json!({"a": 1, "b": 2}));
        assert!(one.says_the_same(&Content::new(2, &json!({"b": 2, "a": 1}))));
        assert!(!one.says_the_same(&Content::new(2, &json!({"b": 2}))));
    }
}
