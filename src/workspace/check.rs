//! Findings that need the schema: numbers where a text belongs, secrets as literals, what is declared and ignored at
//! once.

use std::collections::HashMap;

use serde_json::Value;

use super::offer::{Desired, Ignore};
use crate::diagnostic::{Change, Code, Diagnostic, Fix, Source, Sources, Span};
use crate::document::{identity, members_key};
use crate::model::{Entry, Kind, Node, Risk};
use crate::redact;
use crate::schema::{Case, Schemas, Shape, Type};

pub(super) fn check(desired: &Desired, schemas: &Schemas, diagnostics: &mut Vec<Diagnostic>) {
    let shape = schemas.shape(&desired.offer_type);
    let mut checker = Checker { sources: &desired.sources, diagnostics };
    checker.node(&desired.document, shape, Place::default());
    for ignore in &desired.reconcile.ignore {
        checker.ignored(&desired.document, shape, ignore);
    }
}

struct Checker<'a> {
    sources: &'a Sources,
    diagnostics: &'a mut Vec<Diagnostic>,
}

/// What is said of a place by the places around it.
#[derive(Clone, Copy, Default)]
struct Place<'s> {
    /// It holds a secret.
    secret: bool,
    /// The key that is the identity of this member of a list.
    identity: Option<&'s str>,
    /// Why a plan needs its value.
    needed: Option<Need>,
}

/// Why a plan needs a value.
#[derive(Clone, Copy)]
pub(super) enum Need {
    /// It says which offer, or which member of a list, is meant.
    Identity,
    /// Guards compare it.
    Guarded,
}

impl Place<'_> {
    fn below(self, key: &str, shape: &Shape) -> Self {
        let rules = &shape.rules;
        let terms = [Risk::Price, Risk::Markets, Risk::Audience, Risk::Visibility];
        let guarded = rules.restricts || rules.risk.is_some_and(|risk| terms.contains(&risk));
        Self {
            secret: self.secret || rules.secret || redact::is_secret_name(key),
            identity: None,
            needed: match self.identity {
                Some(identity) if identity == key => Some(Need::Identity),
                _ => self.needed.or(guarded.then_some(Need::Guarded)),
            },
        }
    }
}

/// The finding of a `!secret` whose value a plan needs.
pub(super) fn misplaced(sources: &Sources, span: Span, need: Need) -> Diagnostic {
    let (message, help) = match need {
        Need::Identity => ("an identity cannot be a `!secret`", "write the identity as it is: the portal shows it too"),
        Need::Guarded => (
            "guards and plans compare this value, so it cannot be a `!secret`",
            "write the value, or take it from a variable with `!env NAME`",
        ),
    };
    Diagnostic::error(Code::MisplacedSecret, sources.of(span), Some(span), message).help(help)
}

impl Checker<'_> {
    fn error(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.sources.of(span), Some(span), message)
    }

    fn node(&mut self, node: &Node, shape: &Shape, place: Place<'_>) {
        match &node.kind {
            Kind::Map(entries) => {
                for entry in entries {
                    let shape = shape.property(&entry.key);
                    if let Some(name) = &shape.rules.spelled_as {
                        let message = format!("the portal drops `{}`", entry.key);
                        let finding = self.error(Code::UnknownKey, entry.key_span, message);
                        let fix = self.rename(entry.key_span, &entry.key, name, entries);
                        self.diagnostics.push(finding.help(format!("write `{name}`")).fix(fix));
                    }
                    self.node(&entry.value, shape, place.below(&entry.key, shape));
                }
            }
            Kind::List(items) => {
                if let Some(key) = members_key(shape) {
                    self.identities(items, key, shape.item().property(key).rules.case);
                }
                for item in items {
                    if item.kind == Kind::Absent {
                        let message = "`!absent` removes a key, and this is a member of a list";
                        let diagnostic = self.error(Code::Unsupported, item.span, message);
                        self.diagnostics
                            .push(diagnostic.help("leave the member out: the file declares the complete list"));
                    }
                    self.node(item, shape.item(), Place { identity: members_key(shape), ..place });
                }
            }
            Kind::Scalar(value) => self.scalar(node, value, shape, place.secret),
            Kind::Secret(_) => {
                let finding = place.needed.map(|need| misplaced(self.sources, node.span, need));
                self.diagnostics.extend(finding);
            }
            Kind::Absent | Kind::Artifact(_) | Kind::Sas(_) => {}
        }
    }

    fn scalar(&mut self, node: &Node, value: &Value, shape: &Shape, secret: bool) {
        let empty = value.is_null() || value.as_str() == Some("");
        if secret && !empty && !value.is_boolean() {
            // The value is a secret: it must not stand in the excerpt either.
            let hidden = Source { path: self.sources.of(node.span).path.clone(), text: "".into() };
            self.diagnostics.push(
                Diagnostic::error(Code::PlainSecret, &hidden, Some(node.span), "a secret in plain text").help(
                    "write `!secret env:NAME` or `!secret file:PATH`, and remove the value from the Git \
                        history",
                ),
            );
            return;
        }
        let only_text = !shape.types.is_empty()
            && shape.types.iter().all(|t| matches!(t, Type::String | Type::Null))
            && shape.types.contains(&Type::String);
        if only_text && value.is_number() {
            let text = self.sources.written(node.span).trim();
            let message = format!("`{text}` is a number, but this field is a text");
            let finding = self.error(Code::QuoteNumber, node.span, message).help(format!("quote it: \"{text}\""));
            self.diagnostics.push(finding.fix(Fix::quote(node.span, text)));
        }
    }

    /// The edit that gives a key its right name, where the key stands as it is and the right one does not stand yet.
    fn rename(&self, span: Span, key: &str, name: &str, beside: &[Entry]) -> Option<Fix> {
        let written = self.sources.written(span);
        let start = span.start + written.find(key).filter(|_| !beside.iter().any(|entry| entry.key == name))?;
        let change = Change::Key(name.to_owned());
        Some(Fix { span, bytes: start..start + key.len(), text: name.to_owned(), change })
    }

    fn identities(&mut self, items: &[Node], key: &str, case: Case) {
        let mut seen = HashMap::<String, Span>::new();
        for item in items {
            let identity = item.get(key);
            if identity.is_some_and(|node| matches!(node.kind, Kind::Secret(_))) {
                continue;
            }
            match identity.and_then(Node::as_str) {
                None => {
                    let finding = self.error(Code::MissingKey, item.span, format!("`{key}` is missing"));
                    let help = format!("every member of this list is identified by its `{key}`");
                    self.diagnostics.push(finding.help(help));
                }
                Some(identity) => {
                    if let Some(first) = seen.get(&case.folded(identity)).copied() {
                        let message = {
                            let first = self.sources.line(first, item.span);
                            format!("`{key}: {identity}` is a duplicate in this list; the first one is in {first}")
                        };
                        let finding = self.error(Code::DuplicateKey, item.span, message);
                        self.diagnostics.push(finding.help("keep one of the two, or rename this one"));
                    } else {
                        seen.insert(case.folded(identity), item.span);
                    }
                }
            }
        }
    }

    fn ignored(&mut self, document: &Node, shape: &Shape, ignore: &Ignore) {
        let mut here = (document, shape);
        for token in &ignore.tokens {
            let (node, shape) = here;
            let member = |item: &&Node| identity(*item, shape) == Some(token.as_str());
            let next = match &node.kind {
                Kind::Map(_) => node.get(token).map(|value| (value, shape.property(token))),
                _ => node.items().iter().find(member).map(|item| (item, shape.item())),
            };
            match next {
                Some(next) => here = next,
                None => return,
            }
        }
        let message = format!("this is declared here and ignored by `reconcile.ignore` (/{})", ignore.tokens.join("/"));
        let finding = self.error(Code::DeclaredIgnored, here.0.span, message);
        self.diagnostics.push(finding.help("remove it from the file or from `ignore`"));
    }
}
