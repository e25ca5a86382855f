//! Fields that the schema says are not to be used any more.

use serde_json::Value;

use super::{Offer, short};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Kind, Node};

pub(super) fn deprecated(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.entries(&mut |entry, shape| {
        let Some(reason) = &shape.rules.deprecated else { return };
        // An empty value asks for nothing: it is what the portal returns of such a field.
        // Of Marketo's form there is a lint that says more.
        let told = shape.rules.spelled_as.is_some() || short(&entry.key).eq_ignore_ascii_case("serverId");
        if told || is_empty(&entry.value) {
            return;
        }
        let message = format!("`{}` is deprecated", short(&entry.key));
        findings.push(offer.found(Code::Deprecated, entry.key_span, message).help(reason));
    });
}

fn is_empty(node: &Node) -> bool {
    match &node.kind {
        Kind::Absent | Kind::Scalar(Value::Null) => true,
        Kind::Scalar(value) => value.as_str() == Some(""),
        Kind::List(items) => items.is_empty(),
        Kind::Map(entries) => entries.is_empty(),
        Kind::Secret(_) | Kind::Artifact(_) | Kind::Sas(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;

    #[test]
    fn a_deprecated_field_that_says_something_is_told() {
        let found = said("offer:\n  categories: [x]\n");
        assert_eq!(found, ["deprecated 2:3 `categories` is deprecated"]);
        assert!(said("offer:\n  categories: []\n").is_empty());
    }
}
