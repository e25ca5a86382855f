//! Edits compared byte by byte. `gallery.txt` has each case as edits, the file before and the file after;
//! `SNAPSHOTS=overwrite cargo test --lib edit::` writes what comes out anew.

use std::fmt::Write as _;

use proptest::prelude::*;
use snapbox::{assert_data_eq, file};

use super::*;

/// Reads `/plans/0/title`. A number is a position, `~1` a slash; a number as a key is in quotes.
fn place(text: &str) -> Vec<Token> {
    let token = |part: &str| match part.parse() {
        Ok(index) => Token::Index(index),
        Err(_) => Token::Key(part.trim_matches('"').replace("~1", "/")),
    };
    text.split('/').skip(1).map(token).collect()
}

fn edit(line: &str) -> Edit {
    match line.split_once(' ').expect("an edit") {
        ("remove", at) => Edit { place: place(at), op: Op::Remove },
        ("set", rest) => {
            let (at, value) = rest.split_once(' ').expect("a value");
            let value = value.replace("\\n", "\n");
            Edit { place: place(at), op: Op::Set(parse(&value).unwrap_or_else(|| panic!("{value}"))) }
        }
        ("text", rest) => {
            let (at, value) = rest.split_once(' ').expect("a value");
            Edit { place: place(at), op: Op::Set(Yaml::Scalar(value.replace("\\n", "\n").into())) }
        }
        other => panic!("{other:?}"),
    }
}

fn source(text: &str) -> Source {
    Source { path: "a.yaml".into(), text: text.into() }
}

/// Shows what an editor does not: `␍` is a carriage return, `␄` the end of a file without a line's end.
fn shown(text: &str) -> String {
    let text = text.replace('\r', "␍");
    if text.ends_with('\n') { text } else { format!("{text}␄\n") }
}

fn hidden(text: &str) -> String {
    let text = text.replace('␍', "\r");
    text.strip_suffix("␄\n").map_or(text.clone(), ToOwned::to_owned)
}

#[test]
fn each_edit_changes_its_own_bytes() {
    let gallery = include_str!("gallery.txt");
    let mut out = String::new();
    for case in gallery.split("## ").skip(1) {
        let (head, body) = case.split_once("---\n").expect("a file");
        let before = body.split("===\n").next().expect("the file before");
        let edits = head.lines().skip(1).map(edit).collect::<Vec<_>>();
        let after = match apply(&source(&hidden(before)), &edits) {
            Ok(text) => shown(&text),
            Err(refused) => format!("refused at line {}: {refused}\n", refused.line),
        };
        let _ = write!(out, "## {head}---\n{before}===\n{after}");
    }
    assert!(gallery.matches("## ").count() >= 80);
    assert_data_eq!(out, file!["gallery.txt"].raw());
}

/// A file in one of several layouts, with a comment wherever one may be.
fn file_of(value: &Value, layout: u8) -> String {
    let Yaml::Map(entries) = yaml_of(value.clone()) else { panic!("a mapping") };
    match layout {
        0 => crate::yaml::document(&entries),
        1 => crate::yaml::in_flow(&Yaml::Map(entries)) + "\n",
        _ => {
            let text = crate::yaml::document(&entries);
            let mut out = String::from("# head\n");
            let mut in_text = None;
            for line in text.lines() {
                let indent = line.len() - line.trim_start().len();
                if in_text.is_some_and(|column| indent > column || line.is_empty()) {
                    let _ = writeln!(out, "{line}");
                    continue;
                }
                in_text = line.ends_with(['|', '>', '-']).then_some(indent);
                let _ = write!(out, "{line}");
                out.push_str(if line.ends_with('"') { "\n" } else { "  # note\n" });
            }
            if layout == 3 { out.replace('\n', "\r\n") } else { out }
        }
    }
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z #:]{0,12}".prop_map(Value::from),
        "[a-z]{1,5}\n[a-z ]{1,9}[a-z]\n".prop_map(Value::from),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-e]{1,2}", inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    prop::collection::vec(("[a-e]{1,2}", tree()), 1..6).prop_map(|entries| Value::Object(entries.into_iter().collect()))
}

/// All places in a value.
fn places(value: &Value, here: &mut Vec<Token>, out: &mut Vec<Vec<Token>>) {
    let mut visit = |token: Token, value: &Value| {
        here.push(token);
        out.push(here.clone());
        places(value, here, out);
        here.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| visit(Token::Key(key.clone()), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| visit(Token::Index(index), value)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Files without anchors: no edit is refused, and each has its effect alone, which `apply` checks by itself.
    #[test]
    fn every_value_of_a_file_can_be_set_and_removed(before in document(), new in tree(), pick: prop::sample::Index, layout in 0_u8..4) {
        let text = file_of(&before, layout);
        let read = said(&text).expect("YAML");
        let mut all = Vec::new();
        places(&read, &mut Vec::new(), &mut all);
        let place = pick.get(&all).clone();
        let set = Edit { place: place.clone(), op: Op::Set(yaml_of(new)) };
        let edited = apply(&source(&text), std::slice::from_ref(&set));
        prop_assert!(edited.is_ok(), "{set:?}: {edited:?}\n{text}");
        let edited = edited.expect("edited");
        prop_assert_eq!(apply(&source(&edited), &[set]).expect("again"), edited.clone(), "a second time changes nothing");
        let last = all.len() == 1 || (place.len() == 1 && read.as_object().is_some_and(|map| map.len() == 1));
        let removed = apply(&source(&text), &[Edit { place, op: Op::Remove }]);
        prop_assert!(removed.is_ok() || last, "{removed:?}\n{text}");
    }

    /// One document becomes another by edits of its members; what is equal keeps its bytes.
    #[test]
    fn a_file_can_say_anything_else(before in document(), after in document(), layout in 0_u8..4) {
        let text = file_of(&before, layout);
        let wrapped = format!("top:\n{}", text.lines().map(|line| format!("  {line}\n")).collect::<String>());
        let edit = Edit { place: place("/top"), op: Op::Set(yaml_of(after.clone())) };
        if layout != 3 {
            let edited = apply(&source(&wrapped), &[edit]).map_err(|refused| TestCaseError::fail(format!("{refused}\n{wrapped}")))?;
            prop_assert_eq!(said(&edited).expect("YAML"), serde_json::json!({"top": after}));
        }
    }
}
