//! The canonical form of a document: the text in which two documents are equal that say the same.
//!
//! It is JSON without blanks. What the portal owns and what it never returns is left out; the keys of objects are sorted,
//! and so are the members of sets and keyed lists, by their own canonical form; the signed URL of the portal's own copy
//! of an artifact is cut down to `portal-copy:` and the copy's name. Staleness of offers without an ETag, and whether a
//! slot holds the draft's content, are equality of its SHA-256 digest.

use serde_json::Value;

use super::{is_unordered, store_copy};
use crate::model::Digest;
use crate::schema::Shape;
use crate::steps;

pub(crate) fn digest(document: &Value, shape: &Shape) -> Digest {
    Digest::of(canonical(document, shape).as_bytes())
}

pub(crate) fn canonical(value: &Value, shape: &Shape) -> String {
    let mut text = String::new();
    write(value, shape, &mut text);
    text
}

fn write(value: &Value, shape: &Shape, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries = map
                .iter()
                .map(|(key, value)| (key, value, shape.property(key)))
                .filter(|(_, _, shape)| !shape.rules.server_owned && !shape.rules.write_only)
                .collect::<Vec<_>>();
            entries.sort_unstable_by_key(|(key, ..)| *key);
            text.push('{');
            for (index, (key, value, shape)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                scalar(&key.as_str().into(), text);
                text.push(':');
                write(value, shape, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            if is_unordered(shape) {
                let mut members = items.iter().map(|item| canonical(item, shape.item())).collect::<Vec<_>>();
                members.sort_unstable();
                text.push_str(&members.join(","));
            } else {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    write(item, shape.item(), text);
                }
            }
            text.push(']');
        }
        Value::String(url) if shape.rules.artifact || shape.rules.maybe_artifact => match store_copy(url) {
            Some(name) => scalar(&format!("portal-copy:{name}").into(), text),
            None => scalar(value, text),
        },
        value => scalar(value, text),
    }
}

fn scalar(value: &Value, text: &mut String) {
    steps::count(1);
    text.push_str(&value.to_string());
}
