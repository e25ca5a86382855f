//! Short names: `title` for `microsoft-azure-marketplace.title`, where exactly one property of the schema ends so.

use std::collections::BTreeMap;

use super::Spelling;
use crate::diagnostic::{Code, Diagnostic, Sources};
use crate::document::members_key;
use crate::model::{Kind, Node};
use crate::schema::Shape;

/// Replaces short names by full ones, everywhere in the document. Keys keep their places.
pub(super) fn expand(node: &mut Node, shape: &Shape, sources: &Sources, diagnostics: &mut Vec<Diagnostic>) {
    match &mut node.kind {
        Kind::Map(entries) => {
            for index in 0..entries.len() {
                let (key, span) = (entries[index].key.clone(), entries[index].key_span);
                match candidates(&key, shape).as_slice() {
                    [] => {}
                    [full] => match entries.iter().find(|entry| entry.key == *full) {
                        None => entries[index].key = (*full).to_owned(),
                        Some(other) => {
                            let message = format!("`{key}` is short for `{full}`, which is also in this mapping");
                            let help = format!("it is in {} too; keep one", sources.line(other.key_span, span));
                            let found = Diagnostic::error(Code::DuplicateKey, sources.of(span), Some(span), message);
                            diagnostics.push(found.help(help));
                        }
                    },
                    several => {
                        let all = several.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
                        let found = Diagnostic::error(
                            Code::UnknownKey,
                            sources.of(span),
                            Some(span),
                            format!("`{key}` is short for more than one key"),
                        );
                        diagnostics.push(found.help(format!("write {all}")));
                    }
                }
                let entry = &mut entries[index];
                expand(&mut entry.value, shape.property(&entry.key), sources, diagnostics);
            }
        }
        Kind::List(items) => items.iter_mut().for_each(|item| expand(item, shape.item(), sources, diagnostics)),
        _ => {}
    }
}

/// A key as it is written, and its name in a spelling; none for a key that two places share by an alias, where it has another
/// name in each.
pub(super) struct Respelled {
    pub(super) written: String,
    pub(super) name: Option<String>,
}

/// Finds the name of each key in a spelling, by the byte where it starts.
pub(super) fn respell(node: &Node, shape: &Shape, to: Spelling, found: &mut BTreeMap<usize, Respelled>) {
    for entry in node.entries() {
        let full = match candidates(&entry.key, shape).as_slice() {
            [full] => *full,
            _ => &entry.key,
        };
        let name = match to {
            Spelling::Wire => full,
            Spelling::Short => short(full, shape).unwrap_or(full),
        };
        // Both names of one property in a mapping are an error of the file.
        let taken = name != entry.key && node.get(name).is_some();
        let name = if taken { &entry.key } else { name };
        let new = || Respelled { written: entry.key.clone(), name: Some(name.to_owned()) };
        let known = found.entry(entry.key_span.start).or_insert_with(new);
        if known.name.as_deref() != Some(name) {
            known.name = None;
        }
        respell(&entry.value, shape.property(full), to, found);
    }
    node.items().iter().for_each(|item| respell(item, shape.item(), to, found));
}

/// The same for the tokens of a pointer, in which a member of a keyed list goes by its identity.
pub(super) fn expand_tokens(tokens: &mut [String], shape: &Shape) {
    let mut here = shape;
    for token in tokens {
        if members_key(here).is_some() {
            here = here.item();
            continue;
        }
        if let [full] = candidates(token, here).as_slice() {
            *token = (*full).to_owned();
        }
        here = here.property(token);
    }
}

/// The name under which a file may declare a property, where it is shorter and stands for no other.
pub(crate) fn short<'k>(full: &'k str, shape: &Shape) -> Option<&'k str> {
    let (_, short) = full.rsplit_once('.')?;
    (candidates(short, shape) == [full]).then_some(short)
}

/// Whether a file cannot declare a property of this name, because it reads as the short name of another.
pub(crate) fn is_short(name: &str, shape: &Shape) -> bool {
    !candidates(name, shape).is_empty()
}

/// The properties that a key may be short for; none where it is a property itself.
fn candidates<'a>(key: &str, shape: &'a Shape) -> Vec<&'a str> {
    if key.contains('.') || shape.names(key) {
        return Vec::new();
    }
    let ends_so = |full: &&str| full.rsplit_once('.').is_some_and(|(_, name)| name == key);
    shape.properties().map(|(full, _)| full).filter(ends_so).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::schema::Schemas;
    use serde_json::{Value, json};

    fn expanded(document: &Value) -> (Value, Vec<String>) {
        let sources = Sources::new(Source { path: "a.yaml".into(), text: "".into() });
        let mut node = Node::from_value(document);
        let mut found = Vec::new();
        expand(&mut node, Schemas::builtin().shape("microsoft-azure-virtualmachines"), &sources, &mut found);
        let said = found.into_iter().map(|d| format!("{} {}; {}", d.code, d.message, d.help.unwrap_or_default()));
        (node.to_value(&mut |_| Value::Null), said.collect())
    }

    #[test]
    fn a_short_name_stands_for_the_one_property_that_ends_so() {
        let short = json!({"definition": {
            "offer": {"title": "t", "usefulLinks": []},
            "plans": [{"planId": "basic", "vmImages": {"1.0.0": {"osVhdUrl": "u"}}, "unknown": 1}]
        }});
        let full = json!({"definition": {
            "offer": {"microsoft-azure-marketplace.title": "t", "microsoft-azure-marketplace.usefulLinks": []},
            "plans": [{"planId": "basic", "microsoft-azure-virtualmachines.vmImages": {"1.0.0": {"osVhdUrl": "u"}}, "unknown": 1}]
        }});
        assert_eq!(expanded(&short), (full, vec![]));
    }

    #[test]
    fn two_candidates_and_a_second_spelling_are_errors() {
        let (_, said) = expanded(&json!({"definition": {"offer": {"description": "d"}}}));
        let both =
            "write `microsoft-azure-marketplace-testdrive.description` or `microsoft-azure-marketplace.description`";
        assert_eq!(said, [format!("OFR0010 `description` is short for more than one key; {both}")]);
        let (_, said) =
            expanded(&json!({"definition": {"offer": {"microsoft-azure-marketplace.title": "a", "title": "b"}}}));
        assert!(said[0].starts_with("OFR0007 `title` is short for `microsoft-azure-marketplace.title`"), "{said:?}");
    }

    #[test]
    fn names_are_respelled_where_one_property_is_meant() {
        let text = "definition:\n  offer: &o\n    title: t\n    microsoft-azure-marketplace.summary: s\n    description: d\n    5: x\n  \
                    plans:\n    - planId: a\n      vmImages: {}\n  other: *o\n";
        let root = crate::workspace::untagged(text).expect("YAML");
        let spelled = |to| {
            let mut found = BTreeMap::new();
            respell(&root, Schemas::builtin().shape("microsoft-azure-virtualmachines"), to, &mut found);
            let found = found.into_values().filter(|key| key.name.as_ref().is_none_or(|name| *name != key.written));
            found.map(|key| (key.written, key.name)).collect::<Vec<_>>()
        };
        let images = "microsoft-azure-virtualmachines.vmImages".to_owned();
        assert_eq!(
            spelled(Spelling::Wire),
            [("title".to_owned(), None), ("vmImages".to_owned(), Some(images))],
            "a key that an alias shares with an object of another kind stays"
        );
        assert_eq!(spelled(Spelling::Short), [("microsoft-azure-marketplace.summary".to_owned(), None)]);
    }

    #[test]
    fn pointers_may_be_short_too() {
        let shape = Schemas::builtin().shape("microsoft-azure-virtualmachines");
        let mut tokens = ["definition", "plans", "title", "vmImages", "1.0.0"].map(ToOwned::to_owned);
        expand_tokens(&mut tokens, shape);
        assert_eq!(tokens.join("/"), "definition/plans/title/microsoft-azure-virtualmachines.vmImages/1.0.0");
    }
}
