//! Values with fields, as a list of the fields that hold something.

use serde_json::Value;

use crate::render::visible;

/// A value that comes, field by field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fields {
    /// The fields, in the order of the file.
    pub(crate) fields: Vec<Field>,
    pub(crate) more: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// The names on the way to it, `a/b[0]`.
    pub(crate) path: String,
    /// The value: one line of it is enough.
    pub(crate) value: Value,
}

/// At most `most` fields of a value, in the order in which they stand.
pub(super) fn fields(value: &Value, most: usize) -> Fields {
    let mut all = Vec::new();
    leaves(value, String::new(), &mut all);
    let more = all.len().saturating_sub(most);
    all.truncate(most);
    Fields { fields: all, more }
}

/// Every value in a value that is not made of others. A list of plain values is one.
pub(super) fn leaves(value: &Value, path: String, found: &mut Vec<Field>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = visible(key, false);
                leaves(value, if path.is_empty() { key } else { format!("{path}/{key}") }, found);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, format!("{path}[{index}]"), found);
            }
        }
        leaf => found.push(Field { path, value: leaf.clone() }),
    }
}
