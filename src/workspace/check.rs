//! Findings that need the schema: numbers where a text belongs, secrets as literals, what is declared and ignored at
//! once.

use std::collections::HashMap;

use serde_json::Value;

use super::offer::{Desired, Ignore};
use crate::diagnostic::{Change, Code, Diagnostic, Fix, Source, Span};
use crate::model::{Entry, Kind, Node};
use crate::redact;
use crate::schema::{ListRule, Schemas, Shape, Type};

pub(super) fn check(desired: &Desired, schemas: &Schemas, diagnostics: &mut Vec<Diagnostic>) {
    let shape = schemas.shape(&desired.offer_type);
    let mut checker = Checker { source: &desired.source, diagnostics };
    checker.node(&desired.document, shape, false);
    for ignore in &desired.reconcile.ignore {
        checker.ignored(&desired.document, shape, ignore);
    }
}

struct Checker<'a> {
    source: &'a Source,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn node(&mut self, node: &Node, shape: &Shape, secret: bool) {
        match &node.kind {
            Kind::Map(entries) => {
                for entry in entries {
                    let shape = shape.property(&entry.key);
                    if let Some(name) = &shape.rules.spelled_as {
                        let message = format!("the portal drops `{}`", entry.key);
                        let finding = Diagnostic::error(Code::UnknownKey, self.source, Some(entry.key_span), message);
                        let fix = self.rename(entry.key_span, &entry.key, name, entries);
                        self.diagnostics.push(finding.help(format!("write `{name}`")).fix(fix));
                    }
                    let secret = secret || shape.rules.secret || redact::is_secret_name(&entry.key);
                    self.node(&entry.value, shape, secret);
                }
            }
            Kind::List(items) => {
                self.identities(items, shape);
                for item in items {
                    if item.kind == Kind::Absent {
                        let message = "`!absent` removes a key, and this is a member of a list";
                        let diagnostic = Diagnostic::error(Code::Unsupported, self.source, Some(item.span), message);
                        self.diagnostics
                            .push(diagnostic.help("leave the member out: the declared list is the whole list"));
                    }
                    self.node(item, shape.item(), secret);
                }
            }
            Kind::Scalar(value) => self.scalar(node, value, shape, secret),
            Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) => {}
        }
    }

    fn scalar(&mut self, node: &Node, value: &Value, shape: &Shape, secret: bool) {
        let empty = value.is_null() || value.as_str() == Some("");
        if secret && !empty && !value.is_boolean() {
            // The value is a secret: it must not stand in the excerpt either.
            let hidden = Source { path: self.source.path.clone(), text: "".into() };
            self.diagnostics.push(
                Diagnostic::error(Code::PlainSecret, &hidden, Some(node.span), "a secret as a plain text")
                    .help("write `!secret env:NAME` or `!secret file:PATH`, and take the value out of the history"),
            );
            return;
        }
        let only_text = !shape.types.is_empty()
            && shape.types.iter().all(|t| matches!(t, Type::String | Type::Null))
            && shape.types.contains(&Type::String);
        if only_text && value.is_number() {
            let text = self.source.text.get(node.span.start..node.span.end).unwrap_or_default().trim();
            let message = format!("`{text}` is a number, and this field is a text");
            self.diagnostics.push(
                Diagnostic::error(Code::QuoteNumber, self.source, Some(node.span), message)
                    .help(format!("quote it: \"{text}\""))
                    .fix(Fix::quote(node.span, text)),
            );
        }
    }

    /// The edit that gives a key its right name, where the key stands as it is and the right one does not stand yet.
    fn rename(&self, span: Span, key: &str, name: &str, beside: &[Entry]) -> Option<Fix> {
        let written = self.source.text.get(span.start..span.end)?;
        let start = span.start + written.find(key).filter(|_| !beside.iter().any(|entry| entry.key == name))?;
        let change = Change::Key(name.to_owned());
        Some(Fix { span, bytes: start..start + key.len(), text: name.to_owned(), change })
    }

    fn identities(&mut self, items: &[Node], shape: &Shape) {
        let ListRule::Keyed(key) = &shape.rules.list else { return };
        let case = shape.item().property(key).rules.case;
        let mut seen = HashMap::<String, usize>::new();
        for item in items {
            let identity = item.get(key).and_then(Node::as_str);
            match identity {
                None => self.diagnostics.push(
                    Diagnostic::error(Code::MissingKey, self.source, Some(item.span), format!("`{key}` is missing"))
                        .help(format!("every member of this list is known by its `{key}`")),
                ),
                Some(identity) => {
                    if let Some(line) = seen.get(&case.folded(identity)).copied() {
                        let message = format!("`{key}: {identity}` stands twice in this list, first in line {line}");
                        let finding = Diagnostic::error(Code::DuplicateKey, self.source, Some(item.span), message);
                        self.diagnostics.push(finding.help("keep one of the two, or give this one a name of its own"));
                    } else {
                        seen.insert(case.folded(identity), item.span.line);
                    }
                }
            }
        }
    }

    fn ignored(&mut self, document: &Node, shape: &Shape, ignore: &Ignore) {
        let mut here = (document, shape);
        for token in &ignore.tokens {
            let (node, shape) = here;
            let next = match (&node.kind, &shape.rules.list) {
                (Kind::Map(_), _) => node.get(token).map(|value| (value, shape.property(token))),
                (Kind::List(items), ListRule::Keyed(key)) => items
                    .iter()
                    .find(|item| item.get(key).and_then(Node::as_str) == Some(token))
                    .map(|item| (item, shape.item())),
                _ => None,
            };
            match next {
                Some(next) => here = next,
                None => return,
            }
        }
        let message = format!("this is declared here and ignored by `reconcile.ignore` (/{})", ignore.tokens.join("/"));
        self.diagnostics.push(
            Diagnostic::error(Code::DeclaredIgnored, self.source, Some(here.0.span), message)
                .help("take it out of the file, or out of `ignore`"),
        );
    }
}
