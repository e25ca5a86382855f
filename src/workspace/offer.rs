//! From a YAML tree to one declared offer: the envelope checked, the `reconcile` stanza taken out.

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::{Need, misplaced};
use crate::diagnostic::{Code, Diagnostic, Severity, Sources, Span, did_you_mean};
use crate::document::{self, Flow, Path};
use crate::model::{Digest, Entry, IdError, Kind, Node, OfferKey, Pointer};
use crate::schema::{Schemas, Shape};

/// How far `apply` takes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Through {
    /// Save the draft.
    #[default]
    Draft,
    /// Publish to the preview audience, and wait for the request to sign off.
    Preview,
    /// Go live.
    Live,
}

impl std::fmt::Display for Through {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Draft => "draft",
            Self::Preview => "preview",
            Self::Live => "live",
        })
    }
}

/// A part of the offer that is left to the portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ignore {
    /// The pointer's unescaped tokens; a member of a keyed list is named by its identity.
    pub(crate) tokens: Vec<String>,
}

/// The `reconcile` stanza.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reconcile {
    /// How far `apply` takes a change.
    pub(crate) through: Through,
    /// Who is told when the offer is published.
    pub(crate) notify: Vec<String>,
    /// Guard findings accepted for this offer.
    pub(crate) allow: Vec<String>,
    /// What is left to the portal.
    pub(crate) ignore: Vec<Ignore>,
    /// Where the stanza's `notify` stands, or the stanza.
    pub(crate) span: Span,
}

/// One offer as its file declares it. A clone shares the document.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    pub(crate) key: OfferKey,
    /// Its type, which chooses the schema.
    pub(crate) offer_type: String,
    /// The document in the wire's own form, `reconcile` taken out.
    pub(crate) document: Arc<Node>,
    pub(crate) reconcile: Reconcile,
    /// The files that places in it refer to.
    pub(crate) sources: Sources,
    /// Every file that the declaration was read from, with its digest, the offer file first: the sources in their order,
    /// then the artifacts.
    pub(crate) files: Vec<(String, Digest)>,
}

impl Desired {
    /// Returns the path of the offer's own file.
    pub(crate) fn path(&self) -> &str {
        &self.sources.own().path
    }

    /// Calls `found` with every name: the key, the file, the fields as files and people write them, the identities of
    /// members.
    pub(crate) fn names(&self, shape: &Shape, found: &mut impl FnMut(&str)) {
        self.key.names(found);
        self.sources.iter().for_each(|source| found(&source.path));
        document::walk(&*self.document, shape, &Path::default(), &mut |at, _, _| {
            match at.object() {
                Some(object) => [at.name(), object.label(at.name())].into_iter().for_each(&mut *found),
                None => found(at.name()),
            }
            Flow::Into
        });
    }
}

const RECONCILE: &str = "reconcile";
const RECONCILE_KEYS: [&str; 4] = ["through", "notify", "allow", "ignore"];
/// `reason` is for the readers of the file.
const IGNORE_KEYS: [&str; 3] = ["path", "reason", "until"];

/// Reads the envelope; `None` when a finding makes the offer unusable.
pub(super) fn read(
    root: Node,
    sources: &Sources,
    files: Vec<(String, Digest)>,
    schemas: &Schemas,
    today: Date,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Desired> {
    let before = diagnostics.len();
    let mut reader = Reader { sources, diagnostics, misspelt: Vec::new() };
    if !matches!(root.kind, Kind::Map(_)) {
        let message = format!("an offer file is a mapping, not {}", root.kind_name());
        reader.helped(Code::WrongValue, root.span, message, "it starts with `publisherId: …`, without a `-` before it");
        return None;
    }
    let offer_type = reader.text(&root, "offerTypeId").unwrap_or_default();
    let shape = schemas.shape(&offer_type);
    let known = shape.properties().map(|(key, _)| key).chain([RECONCILE]).collect::<Vec<_>>();
    let written = "expected publisherId, id, offerTypeId, definition, reconcile, or a field that the portal owns";
    reader.known_keys(&root, &known, written);
    let key = reader.key(&root);
    reader.definition(&root);
    let reconcile = root.get(RECONCILE).map(|node| reader.reconcile(node, today)).unwrap_or_default();
    let Kind::Map(entries) = root.kind else { return None };
    let document =
        Node { kind: Kind::Map(entries.into_iter().filter(|entry| entry.key != RECONCILE).collect()), span: root.span };
    let failed = diagnostics[before..].iter().any(|d| d.severity == Severity::Error);
    let key = key.filter(|_| !failed)?;
    Some(Desired { key, offer_type, document: Arc::new(document), reconcile, sources: sources.clone(), files })
}

struct Reader<'a> {
    sources: &'a Sources,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// Keys that stand there under a name that is nearly theirs: they are not missing as well.
    misspelt: Vec<String>,
}

impl Reader<'_> {
    fn helped(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, self.sources.of(span), Some(span), message).help(help));
    }

    fn known_keys(&mut self, node: &Node, known: &[&str], all: &str) {
        for Entry { key, key_span, .. } in node.entries() {
            if known.contains(&key.as_str()) {
                continue;
            }
            let help = match did_you_mean(key, known.iter().copied()) {
                Some(near) => {
                    self.misspelt.push(near.to_owned());
                    format!("did you mean `{near}`?")
                }
                None => all.to_owned(),
            };
            self.helped(Code::UnknownKey, *key_span, format!("unknown key `{key}`"), help);
        }
    }

    fn text(&mut self, root: &Node, key: &str) -> Option<String> {
        let Some(node) = root.get(key) else {
            if self.misspelt.iter().any(|near| near == key) {
                return None;
            }
            let message = format!("`{key}` is missing");
            self.helped(Code::MissingKey, root.span, message, format!("add `{key}:` at the top of the file"));
            return None;
        };
        if let Kind::Secret(_) = node.kind {
            self.diagnostics.push(misplaced(self.sources, node.span, Need::Identity));
            return None;
        }
        let text = node.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
        if text.is_none() {
            let written = self.sources.written(node.span).trim();
            let (message, help) = match &node.kind {
                Kind::Scalar(Value::Null) => (format!("`{key}` has no value"), format!("write it after `{key}: `")),
                Kind::Scalar(Value::String(_)) => (format!("`{key}` is empty"), format!("write it after `{key}: `")),
                Kind::Scalar(_) => {
                    (format!("`{key}` must be a text, not {}", node.kind_name()), format!("quote it: \"{written}\""))
                }
                _ => {
                    (format!("`{key}` must be a text, not {}", node.kind_name()), format!("write one text: `{key}: …`"))
                }
            };
            self.helped(Code::WrongValue, node.span, message, help);
        }
        text
    }

    fn key(&mut self, root: &Node) -> Option<OfferKey> {
        let publisher = self.identifier(root, "publisherId");
        let offer = self.identifier(root, "id");
        Some(OfferKey { publisher: publisher?, offer: offer? })
    }

    fn identifier<T: std::str::FromStr<Err = IdError>>(&mut self, root: &Node, key: &str) -> Option<T> {
        let text = self.text(root, key)?;
        let span = root.get(key).map_or(root.span, |node| node.span);
        let help = format!(
            "`{key}` is an identifier, as in the address of the offer in the portal; use `displayText` for a \
                name"
        );
        text.parse().map_err(|error: IdError| self.helped(Code::WrongValue, span, error.to_string(), help)).ok()
    }

    fn definition(&mut self, root: &Node) {
        match root.get("definition") {
            Some(Node { kind: Kind::Map(_), .. }) => {}
            Some(node) => {
                let message = match node.kind {
                    Kind::Scalar(Value::Null) => "`definition` has no content".to_owned(),
                    _ => format!("`definition` must be a mapping, not {}", node.kind_name()),
                };
                let help = "write `displayText:`, `offer:` and `plans:` below it, indented";
                self.helped(Code::WrongValue, node.span, message, help);
            }
            None if self.misspelt.iter().any(|near| near == "definition") => {}
            None => self.helped(
                Code::MissingKey,
                root.span,
                "`definition` is missing",
                "add `definition:` with `displayText`, `offer` and `plans`",
            ),
        }
    }

    fn reconcile(&mut self, node: &Node, today: Date) -> Reconcile {
        if !matches!(node.kind, Kind::Map(_)) {
            let message = format!("`reconcile` must be a mapping, not {}", node.kind_name());
            self.helped(Code::WrongValue, node.span, message, "such as `reconcile: {through: preview}`");
            return Reconcile::default();
        }
        self.known_keys(node, &RECONCILE_KEYS, "expected through, notify, allow or ignore");
        let through = node.get("through").map(|through| match through.as_str() {
            Some("draft") => Through::Draft,
            Some("preview") => Through::Preview,
            Some("live") => Through::Live,
            _ => {
                let near = through.as_str().and_then(|text| did_you_mean(text, ["draft", "preview", "live"]));
                let help = near.map_or_else(
                    || {
                        "draft only writes the draft, preview also publishes it to the preview audience, and live \
                        takes it to all customers"
                            .to_owned()
                    },
                    |near| format!("did you mean `{near}`?"),
                );
                self.helped(Code::WrongValue, through.span, "`through` must be draft, preview or live", help);
                Through::Draft
            }
        });
        Reconcile {
            through: through.unwrap_or_default(),
            notify: self.texts(node, "notify"),
            allow: self.texts(node, "allow"),
            ignore: self.list(node, "ignore").iter().filter_map(|item| self.ignore(item, today)).collect(),
            span: node.entries().iter().find(|entry| entry.key == "notify").map_or(node.span, |entry| entry.key_span),
        }
    }

    fn list<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
        match node.get(key) {
            Some(list @ Node { kind: Kind::List(_), .. }) => list.items(),
            None | Some(Node { kind: Kind::Scalar(Value::Null), .. }) => &[],
            Some(other) => {
                let message = format!("`{key}` must be a list, not {}", other.kind_name());
                let help = match other.as_str() {
                    Some(text) => format!("put it into brackets: [{text}]"),
                    None => "start each member with `- `".to_owned(),
                };
                self.helped(Code::WrongValue, other.span, message, help);
                &[]
            }
        }
    }

    fn texts(&mut self, node: &Node, key: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for item in self.list(node, key) {
            match item.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => {
                    let help = match key {
                        "allow" => "write the guard's token as `plan` shows it, in quotes: \"remove-plan:basic\"",
                        _ => "write plain texts, quoted if in doubt",
                    };
                    let message = format!("`{key}` holds texts, not {}", item.kind_name());
                    self.helped(Code::WrongValue, item.span, message, help);
                }
            }
        }
        texts
    }

    fn ignore(&mut self, node: &Node, today: Date) -> Option<Ignore> {
        self.known_keys(node, &IGNORE_KEYS, "expected path, reason or until");
        let path = node.get("path").and_then(Node::as_str).unwrap_or_default();
        let Some(pointer) = Pointer::parse(path).ok().filter(|pointer| !pointer.is_root()) else {
            let span = node.get("path").unwrap_or(node).span;
            let (message, help) = match (&node.kind, node.get("path")) {
                (Kind::Map(_), None) => (
                    "this `ignore` entry has no `path`",
                    "add `path: /definition/plans/basic/regions`, or another path to ignore",
                ),
                (Kind::Map(_), Some(_)) => (
                    "the `path` of an `ignore` entry is a JSON pointer",
                    "such as /definition/plans/basic/regions: parts after slashes, a plan by its id",
                ),
                _ => {
                    ("an `ignore` entry is a mapping with a `path`", "write `- path: /definition/plans/basic/regions`")
                }
            };
            self.helped(Code::WrongValue, span, message, help);
            return None;
        };
        if let Some(until) = node.get("until") {
            match until.as_str().and_then(|text| text.parse::<Date>().ok()) {
                Some(date) if date < today => {
                    let message = format!("this `ignore` entry expired on {date}");
                    let source = self.sources.of(until.span);
                    let warning = Diagnostic::warning(Code::IgnoreExpired, source, Some(until.span), message);
                    self.diagnostics.push(warning.help("remove the entry, or give it a later date"));
                    return None;
                }
                Some(_) => {}
                None => {
                    let help = "write an existing day as YEAR-MONTH-DAY; it is the last one on which the entry counts";
                    self.helped(
                        Code::WrongValue,
                        until.span,
                        "`until` is not a date; expected a date such as \
                        2027-01-31",
                        help,
                    );
                }
            }
        }
        Some(Ignore { tokens: pointer.tokens().map(|token| token.decoded().into_owned()).collect() })
    }
}
