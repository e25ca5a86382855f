//! What a file says after its edits.

use serde_json::{Map, Value};

use super::{Op, Todo, Token, value_of};

/// Makes the edits in what a file says. `None` where a place does not exist.
pub(super) fn apply(value: &mut Value, todo: &Todo) -> Option<()> {
    if let Some(Op::Set(new)) = &todo.op {
        *value = value_of(new);
        return Some(());
    }
    if value.is_null() {
        let is_key = matches!(todo.below.first_key_value()?.0, Token::Key(_));
        *value = if is_key { Value::Object(Map::new()) } else { Value::Array(Vec::new()) };
    }
    match value {
        Value::Object(map) => object(map, todo),
        Value::Array(items) => list(items, todo),
        _ => None,
    }
}

fn object(map: &mut Map<String, Value>, todo: &Todo) -> Option<()> {
    for (token, below) in &todo.below {
        let Token::Key(key) = token else { return None };
        match below.op {
            Some(Op::Remove) => drop(map.shift_remove(key)?),
            _ => apply(map.entry(key.clone()).or_insert(Value::Null), below)?,
        }
    }
    Some(())
}

/// Positions are those before the edits; the one past the end adds a member.
fn list(items: &mut Vec<Value>, todo: &Todo) -> Option<()> {
    let mut gone = Vec::new();
    for (token, below) in &todo.below {
        let Token::Index(index) = token else { return None };
        match below.op {
            Some(Op::Remove) if *index < items.len() => gone.push(*index),
            Some(Op::Remove) => return None,
            _ if *index < items.len() => apply(&mut items[*index], below)?,
            _ if *index == items.len() => {
                items.push(Value::Null);
                apply(items.last_mut()?, below)?;
            }
            _ => return None,
        }
    }
    gone.into_iter().rev().for_each(|index| drop(items.remove(index)));
    Some(())
}
