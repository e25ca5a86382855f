//! JSON that somebody else wrote, read without loss: a number keeps its digits, and what says two things is not taken.

use std::cell::RefCell;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::model::number;
use crate::text;

#[derive(Debug, PartialEq)]
pub(super) enum NotJson {
    /// It ends too early: it may come whole the next time.
    CutOff,
    /// It does not begin as JSON does.
    Another,
    /// What is wrong with it, and where.
    Wrong(String),
}

/// The body as JSON; null where there is none.
pub(super) fn json(bytes: &[u8]) -> Result<Value, NotJson> {
    let text = text::decode(bytes).map_err(|error| NotJson::Wrong(error.to_string()))?;
    match text.trim_start().bytes().next() {
        None => return Ok(Value::Null),
        Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {}
        Some(_) => return Err(NotJson::Another),
    }
    let place = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Exact(&place).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| match error.is_eof() {
        true => NotJson::CutOff,
        false => NotJson::Wrong(format!("{}, at `{}`", in_words(&error), pointer(&place.into_inner()))),
    })
}

/// The parser's message, where it is about half of a pair in plainer words.
fn in_words(error: &serde_json::Error) -> String {
    let half = ["unexpected end of hex escape", "lone leading surrogate in hex escape"];
    half.iter().fold(error.to_string(), |text, words| text.replace(words, "half of a surrogate pair"))
}

/// Keys and indexes of the value that could not be read, innermost first.
type Place = RefCell<Vec<Step>>;

enum Step {
    Key(String),
    Index(usize),
}

fn pointer(place: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Step::Index(index) => format!("/{index}"),
    };
    place.iter().rev().map(step).collect()
}

/// The name under which serde_json hands a number over as it is written.
const NUMBER: &str = "$serde_json::private::Number";

/// Reads a value, and leaves its place behind where that fails.
#[derive(Clone, Copy)]
struct Exact<'a>(&'a Place);

impl<'de> DeserializeSeed<'de> for Exact<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Exact<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, whole: i64) -> Result<Value, E> {
        Ok(whole.into())
    }

    fn visit_u64<E>(self, whole: u64) -> Result<Value, E> {
        Ok(whole.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self).map_err(|error| self.at(Step::Index(items.len()), error))? {
            items.push(item);
        }
        items.shrink_to_fit();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some(key) = map.next_key_seed(Key)? {
            let Some(key) = key else { return map.next_value_seed(Written).map(Value::Number) };
            match entries.entry(key) {
                Entry::Vacant(free) => match map.next_value_seed(self) {
                    Ok(value) => drop(free.insert(value)),
                    Err(error) => return Err(self.at(Step::Key(free.key().clone()), error)),
                },
                Entry::Occupied(taken) => {
                    let error = A::Error::custom("the object has this key twice");
                    return Err(self.at(Step::Key(taken.key().clone()), error));
                }
            }
        }
        Ok(Value::Object(entries))
    }
}

impl Exact<'_> {
    /// Notes a step on the way to what is wrong.
    fn at<E>(self, step: Step, error: E) -> E {
        self.0.borrow_mut().push(step);
        error
    }
}

/// Reads a key; nothing where it announces a number.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok((key != NUMBER).then(|| key.to_owned()))
    }
}

/// Reads a number by what is written.
struct Written;

impl<'de> DeserializeSeed<'de> for Written {
    type Value = Number;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Number, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Written {
    type Value = Number;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
        written(text)
    }
}

/// The number in its usual form where that holds it, else as it is written.
fn written<E: serde::de::Error>(text: &str) -> Result<Number, E> {
    if !text.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(E::custom("number out of range"));
    }
    number::exact(text).map_or_else(|| text.parse().map_err(E::custom), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        match json(text.as_bytes()) {
            Err(NotJson::Wrong(why)) => why,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_number_goes_back_with_its_digits() {
        assert_eq!(json(b" "), Ok(Value::Null));
        for (read, written) in [
            (r#"{"a":"x\"123","b":[0.10,636576975611768314,1e9,-1,18446744073709551615]}"#, None),
            (r#"[12345678901234567890123,-0.123456789012345678901,9007199254740993.0,-12345678901234567890]"#, None),
            ("\u{feff}[1.50]", Some("[1.5]")),
        ] {
            let expected = written.unwrap_or(read).replace("0.10,", "0.1,").replace("1e9", "1000000000.0");
            assert_eq!(json(read.as_bytes()).map(|value| value.to_string()), Ok(expected), "{read}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, place, what) in [
            (r#"{"a":{"b/c":["x","\ud83d"]}}"#, "/a/b~1c/1", "half of a surrogate pair"),
            (r#"{"a":[1,NaN]}"#, "/a/1", "expected value"),
            (r#"{"a":[1E400]}"#, "/a/0", "out of range"),
            (r#"{"a":{"b":1,"c":2,"b":3}}"#, "/a/b", "twice"),
            (r#"{"a":1}}"#, "", "trailing"),
        ] {
            let why = wrong(text);
            assert!(why.ends_with(&format!(", at `{place}`")) && why.contains(what), "{text}: {why}");
            assert!(why.contains("line 1 column "), "{text}: {why}");
        }
        assert!(matches!(json(b"{\"a\": \"caf\xe9\"}"), Err(NotJson::Wrong(_))));
        assert!(wrong(&"[".repeat(3_000)).contains("recursion"));
    }

    #[test]
    fn what_ends_too_early_is_told_from_what_is_no_json() {
        assert_eq!(json(br#"{"a": "#), Err(NotJson::CutOff));
        assert_eq!(json(br#"{"a": "b"#), Err(NotJson::CutOff));
        assert_eq!(json(b"<html>"), Err(NotJson::Another));
    }
}
