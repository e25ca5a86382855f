//! From YAML text to [`Node`]s: YAML 1.2, every node with its place, every trap refused with a line and a column.
//!
//! Scalars are read strictly. A text that one reader takes for a number and another for a string (`0755`, `+1`, `.5`,
//! `1.10` as a key) is an error that says "quote it"; `NO` and `yes` are strings.

use std::collections::{HashMap, HashSet};

use serde_json::{Number, Value};
use serde_yaml::{Event, Parser, ScalarStyle, Tag};

use super::syntax;
use crate::diagnostic::{Code, Diagnostic, FileId, Fix, Source, Span};
use crate::model::{Entry, Kind, Node, number};
use crate::redact;

/// As much as the portal's own documents may have.
pub(super) const MAX_BYTES: usize = 16 << 20;
pub(crate) const MAX_DEPTH: usize = 64;
/// Most nodes of one document, anchors and aliases expanded, unless its text is so long that it has more by itself.
const MAX_NODES: usize = 200_000;
/// A node of a long text takes this many bytes on average at least, with its indentation and what is around it.
const NODE_BYTES: usize = 8;
/// Most findings of one file. Nobody reads more, and each costs memory.
pub(super) const MAX_FINDINGS: usize = 100;

/// What a custom tag (`!env`, `!file`, …) on a node stands for. Given by the caller, who knows the project.
pub(super) type Resolve<'a> = dyn FnMut(&str, &Node) -> Result<Kind, (Code, String)> + 'a;

/// The one document of a file. Errors are pushed to `diagnostics`; what can be read beside them still is, so that one
/// run shows as many as possible.
pub(super) fn parse(source: &Source, resolve: &mut Resolve<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    parse_in(FileId::default(), source, resolve, diagnostics)
}

/// As [`parse`], for one of several files of an offer.
pub(super) fn parse_in(
    file: FileId,
    source: &Source,
    resolve: &mut Resolve<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Node> {
    if source.text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; the limit is {MAX_BYTES}", source.text.len());
        diagnostics.push(Diagnostic::error(Code::Limit, source, None, message));
        return None;
    }
    let options = serde_yaml::options! {
        emit_comments: false,
        disallow_directives: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let before = diagnostics.len();
    let loader = Loader {
        file,
        before,
        events: Parser::new_from_str_with_options(&source.text, options),
        source,
        resolve,
        diagnostics,
        anchors: HashMap::new(),
        nodes: 0,
        most: MAX_NODES.max(source.text.len() / NODE_BYTES),
        depth: 0,
        secret: false,
    };
    loader.document()
}

/// Returns the document of a text as it is written: a tag is not resolved, but a part of its value. `None` for what cannot be
/// read.
pub(crate) fn untagged(text: &str) -> Option<Node> {
    let source = Source { path: "".into(), text: text.into() };
    untagged_in(FileId::default(), &source, &mut Vec::new())
}

/// As [`untagged`], with what is wrong in the file.
pub(super) fn untagged_in(file: FileId, source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    let mut keep = |tag: &str, node: &Node| {
        Ok(match &node.kind {
            Kind::Scalar(Value::String(text)) => Kind::Scalar(Value::String(opaque(tag, text))),
            kind => kind.clone(),
        })
    };
    parse_in(file, source, &mut keep, diagnostics)
}

/// Returns what stands for a tag and its text in [`untagged`]; no file holds such a text.
pub(crate) fn opaque(tag: &str, text: &str) -> String {
    format!("\0{tag} {text}")
}

/// The loader stops: the reason is in the diagnostics.
struct Stop;

type Step<T> = Result<T, Stop>;

struct Loader<'a, 'r, E> {
    file: FileId,
    /// How many findings there were before this file.
    before: usize,
    events: E,
    source: &'a Source,
    resolve: &'a mut Resolve<'r>,
    diagnostics: &'a mut Vec<Diagnostic>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    /// How many nodes there may be.
    most: usize,
    depth: usize,
    /// Whether the key that was read last names a secret, so that its value is in no message.
    secret: bool,
}

impl<'a, E> Loader<'a, '_, E>
where
    E: Iterator<Item = Result<(Event<'a>, serde_yaml::Span), serde_yaml::ScanError>>,
{
    fn document(mut self) -> Option<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next().ok()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ if root.is_some() => {
                    self.report(Code::ManyDocuments, span, "a second document in the file, after `---`").help =
                        Some("put each offer into its own file".to_owned());
                    return None;
                }
                event => root = Some(self.node(event, span).ok()?),
            }
        }
        let blank = |node: &Node| node.kind == Kind::Scalar(Value::Null);
        match root {
            Some(root) if !blank(&root) => Some(root),
            _ => {
                let diagnostic = Diagnostic::error(Code::Empty, self.source, None, "the file has no content");
                self.diagnostics.push(diagnostic.help("an offer file starts with `publisherId:`"));
                None
            }
        }
    }

    fn next(&mut self) -> Step<(Event<'a>, Span)> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, convert(&self.source.text, &span).in_file(self.file))),
            Some(Err(error)) => {
                let diagnostic = syntax::error(self.source, &error);
                self.diagnostics.push(diagnostic);
                Err(Stop)
            }
            None => Err(Stop),
        }
    }

    fn report(&mut self, code: Code, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push_mut(Diagnostic::error(code, self.source, Some(span), message))
    }

    fn count(&mut self, span: Span) -> Step<()> {
        self.nodes += 1;
        if self.nodes > self.most {
            let message = format!("more than {} values, aliases expanded", self.most);
            self.report(Code::Limit, span, message).help =
                Some("an offer is much smaller; use fewer aliases, or split the file".to_owned());
            return Err(Stop);
        }
        if self.diagnostics.len() - self.before >= MAX_FINDINGS {
            self.report(
                Code::Limit,
                span,
                format!("more than {MAX_FINDINGS} findings; the file is not read further"),
            )
            .help = Some("fix the findings above, and validate again".to_owned());
            return Err(Stop);
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Step<Node> {
        self.count(span)?;
        let (anchor, tag, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let kind = self.scalar(&text, style, tag.as_deref(), span);
                (anchor, tag, Node { kind: Kind::Scalar(kind), span })
            }
            Event::SequenceStart(_, anchor, tag) => (anchor, tag, self.deeper(|loader| loader.sequence(span))?),
            Event::MappingStart(_, anchor, tag) => (anchor, tag, self.deeper(|loader| loader.mapping(span))?),
            Event::Alias(id) => return self.alias(id, span),
            _ => {
                self.report(Code::Syntax, span, "unexpected YAML");
                return Err(Stop);
            }
        };
        let node = self.tagged(node, tag.as_deref());
        if tag.is_some() {
            // What a tag reads is as long as its file, not as this one.
            self.nodes += size(&node) - 1;
            self.count(span)?;
        }
        if anchor != 0 {
            // The copy that is kept counts as well: anchors within anchors would multiply unseen.
            self.nodes += size(&node) - 1;
            self.count(span)?;
            self.anchors.insert(anchor, (node.clone(), depth(&node)));
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, span: Span) -> Step<Node> {
        let Some((node, depth)) = self.anchors.get(&id).cloned() else {
            self.report(Code::Limit, span, "an alias inside its own anchor").help =
                Some("an alias repeats the whole anchored value, so it cannot be inside that value".to_owned());
            return Err(Stop);
        };
        if self.depth + depth > MAX_DEPTH {
            self.report(Code::Limit, span, format!("more than {MAX_DEPTH} levels of nesting, aliases expanded")).help =
                Some("offers are not nested this deeply; flatten the document".to_owned());
            return Err(Stop);
        }
        self.nodes += size(&node);
        self.count(span)?;
        Ok(node)
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    fn sequence(&mut self, span: Span) -> Step<Node> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Node { kind: Kind::List(items), span }),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn mapping(&mut self, span: Span) -> Step<Node> {
        let mut entries = Vec::new();
        let mut seen = Keys::default();
        // What `<<` brings, and where in the mapping it stands.
        let mut merged = None;
        loop {
            let (event, key_span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let merges = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.key(event, key_span)?;
            let (event, value_span) = self.next()?;
            self.secret = redact::is_secret_name(&key);
            let value = self.node(event, value_span)?;
            if let Some(line) = seen.add(&entries, &key, key_span.line) {
                self.report(Code::DuplicateKey, key_span, format!("duplicate key `{key}` in this mapping")).help =
                    Some(match merges {
                        true => format!("the first one is in line {line}; merge a list: `<<: [*a, *b]`"),
                        false => format!("the first one is in line {line}; keep one"),
                    });
            } else if merges {
                merged = Some((entries.len(), self.merged(value)?));
                seen.merge = Some(key_span.line);
            } else {
                entries.push(Entry { key, key_span, value });
            }
        }
        if let Some((place, brought)) = merged {
            // The mapping's own keys win; of several sources, the first that has the key.
            let mut all = entries.iter().map(|entry| entry.key.clone()).collect::<HashSet<_>>();
            let brought = brought.into_iter().filter(|entry| all.insert(entry.key.clone())).collect::<Vec<_>>();
            let rest = entries.split_off(place);
            entries.extend(brought.into_iter().chain(rest));
        }
        Ok(Node { kind: Kind::Map(entries), span })
    }

    /// The entries that a merge key brings.
    fn merged(&mut self, value: Node) -> Step<Vec<Entry>> {
        let sources = match value.kind {
            Kind::List(items) => items,
            _ => vec![value],
        };
        let mut brought = Vec::new();
        for source in sources {
            match source.kind {
                Kind::Map(entries) => brought.extend(entries),
                _ => {
                    let message = format!("a merge key (`<<`) takes a mapping, not {}", source.kind_name());
                    self.report(Code::Unsupported, source.span, message).help =
                        Some("give an alias of a mapping (`<<: *base`), or a list of them".to_owned());
                    return Err(Stop);
                }
            }
        }
        Ok(brought)
    }

    fn key(&mut self, event: Event<'a>, span: Span) -> Step<String> {
        self.count(span)?;
        let Event::Scalar(text, style, _, None) = event else {
            let template = span.start > 0 && self.source.text[span.start - 1..].starts_with("{{");
            self.report(Code::Unsupported, span, "a key must be a plain text").help = Some(
                match template {
                    true => {
                        "offerctl does not fill in templates; use `!env NAME` for a variable, and quote a text with \
                    `{{`"
                    }
                    false => "write the key as it is, without a tag, an alias, `[` or `{`",
                }
                .to_owned(),
            );
            return Err(Stop);
        };
        if style == ScalarStyle::Plain && matches!(plain(&text), Plain::Number(_) | Plain::Odd) && text.contains('.') {
            let fix = Fix::quote_key(span, &text);
            let found = self.report(
                Code::QuoteNumber,
                span,
                format!("the key `{text}` is a number to many YAML readers, which lose its zeros"),
            );
            found.help = Some(format!("quote it: \"{text}\""));
            found.fix = fix;
        }
        Ok(text.into_owned())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Value {
        // Any tag, `!!str` as well as ours, makes the text a text.
        if style != ScalarStyle::Plain || tag.is_some() {
            return Value::String(text.to_owned());
        }
        match plain(text) {
            Plain::Null => Value::Null,
            Plain::Bool(value) => Value::Bool(value),
            Plain::Number(number) => Value::Number(number),
            Plain::Text => Value::String(text.to_owned()),
            Plain::Odd => {
                let shown = if self.secret { "this value" } else { text };
                let message = format!("`{shown}` is a number to some YAML readers and a text to others");
                let help = format!("quote it (\"{shown}\"), or write a plain decimal number");
                self.report(Code::QuoteNumber, span, message).help = Some(help);
                Value::String(text.to_owned())
            }
        }
    }

    fn tagged(&mut self, node: Node, tag: Option<&Tag>) -> Node {
        let Some(tag) = tag else { return node };
        let span = node.span;
        if tag.is_yaml_core_schema_tag("str") && matches!(node.kind, Kind::Scalar(_)) {
            return node;
        }
        // As it stands in the file.
        let name = tag.to_string().replacen("tag:yaml.org,2002:", "!!", 1);
        match (self.resolve)(&name, &node) {
            Ok(kind) => Node { kind, span },
            Err((code, message)) => {
                self.report(code, span, message);
                node
            }
        }
    }
}

/// The keys of a mapping that is being read, to find those that are there twice.
#[derive(Default)]
struct Keys {
    /// The line of each key, once there are many.
    lines: HashMap<String, usize>,
    /// The line of `<<`, which is no entry.
    merge: Option<usize>,
}

impl Keys {
    /// So many keys are compared one by one.
    const FEW: usize = 12;

    /// Adds a key that follows these entries. Returns the line of the same key before it.
    fn add(&mut self, entries: &[Entry], key: &str, line: usize) -> Option<usize> {
        if key == "<<" && self.merge.is_some() {
            return self.merge;
        }
        if entries.len() <= Self::FEW {
            return entries.iter().find(|entry| entry.key == key).map(|entry| entry.key_span.line);
        }
        if self.lines.is_empty() {
            self.lines.extend(entries.iter().map(|entry| (entry.key.clone(), entry.key_span.line)));
        }
        match self.lines.get(key) {
            Some(line) => Some(*line),
            None => {
                self.lines.insert(key.to_owned(), line);
                None
            }
        }
    }
}

/// How many values a node stands for; a long text counts for several.
fn size(node: &Node) -> usize {
    1 + node.as_str().map_or(0, str::len) / 256
        + node.items().iter().map(size).sum::<usize>()
        + node.entries().iter().map(|e| 1 + size(&e.value)).sum::<usize>()
}

fn depth(node: &Node) -> usize {
    let below = node.items().iter().chain(node.entries().iter().map(|entry| &entry.value));
    usize::from(matches!(node.kind, Kind::List(_) | Kind::Map(_))) + below.map(depth).max().unwrap_or(0)
}

fn convert(text: &str, span: &serde_yaml::Span) -> Span {
    let mut range = span.byte_range().unwrap_or(0..0);
    let start = span.tag_start().unwrap_or(span.start);
    range.start = start.byte_offset().unwrap_or(range.start);
    // The end of a block collection lies at the next token; one line of it is enough to point at. Only the token itself
    // is searched: all the rest of a file may be one line.
    let end = range.end.clamp(range.start, text.len());
    let line_end = text.as_bytes()[range.start..end].iter().position(|byte| *byte == b'\n');
    let end = line_end.map_or(end, |length| range.start + length);
    Span { file: FileId::default(), start: range.start, end, line: start.line(), column: start.col() + 1 }
}

/// What a plain scalar is.
pub(crate) enum Plain {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    /// A number in YAML, but not in JSON, or one that a double cannot hold.
    Odd,
}

pub(crate) fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return Plain::Text;
    }
    if serde_json::from_str::<Number>(text).is_ok() {
        if is_rather_a_name(text) {
            return Plain::Odd;
        }
        let written = |number: &Number| number.is_i64() || number.is_u64() || text.contains(['.', 'e', 'E']);
        return number::exact(text).filter(written).map_or(Plain::Odd, Plain::Number);
    }
    if yaml_numeral(text) { Plain::Odd } else { Plain::Text }
}

/// Whether a numeral is rather a name with an `e` in it, such as the start of a digest (`6063e25`). People write one digit
/// and a small exponent (`1e3`); programs write a point, or the sign of the exponent.
fn is_rather_a_name(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let written = mantissa.contains('.') || exponent.starts_with(['-', '+']);
    // From here on no program writes all digits.
    let large = exponent.parse::<u32>().is_ok_and(|exponent| exponent >= 21);
    let mantissa = mantissa.trim_start_matches('-');
    !written && (mantissa.len() > 1 || mantissa == "0" || large)
}

/// The numerals of YAML's core schema that JSON does not have.
fn yaml_numeral(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if let Some(hex) = unsigned.strip_prefix("0x") {
        return !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    }
    if let Some(octal) = unsigned.strip_prefix("0o") {
        return digits(octal);
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))
        && (digits(whole) || whole.is_empty())
        && (digits(fraction) || fraction.is_empty())
        && !(whole.is_empty() && fraction.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn load(text: &str) -> (Option<Value>, Vec<String>) {
        let source = Source { path: "a.yaml".into(), text: text.into() };
        let mut diagnostics = Vec::new();
        let node = parse(&source, &mut |tag, _| Err((Code::Unsupported, format!("tag {tag}"))), &mut diagnostics);
        let shown = diagnostics.iter().map(|d| format!("{} {} {}", d.code, d.place(), d.message)).collect();
        (node.map(|node| node.to_value(&mut |_| Value::Null)), shown)
    }

    fn good(text: &str) -> Value {
        let (value, errors) = load(text);
        assert_eq!(errors, Vec::<String>::new(), "for {text:?}");
        value.expect("a value")
    }

    fn bad(text: &str) -> String {
        let (_, errors) = load(text);
        errors.first().unwrap_or_else(|| panic!("{text:?} was accepted")).clone()
    }

    #[test]
    fn scalars_follow_yaml_1_2() {
        assert_eq!(
            good("[NO, yes, on, null, ~, true, False, 1, -2.50, 1e3, 1.9.2, '1.10', 2022-01-01, 1_000]"),
            json!(["NO", "yes", "on", null, null, true, false, 1, -2.50, 1e3, "1.9.2", "1.10", "2022-01-01", "1_000"])
        );
        assert_eq!(good("a: |\n  x\n  y\nb: !!str 5"), json!({"a": "x\ny\n", "b": "5"}));
        assert_eq!(good("a: &x {p: 1}\nb: *x"), json!({"a": {"p": 1}, "b": {"p": 1}}));
    }

    #[test]
    fn numbers_that_readers_disagree_on_are_refused() {
        for text in [
            "0755",
            "+4712345678",
            ".5",
            "5.",
            "0x1F",
            "0o17",
            ".inf",
            "-.NaN",
            "123456789012345678901234567890",
            "19.990000000000000001",
            "6063e25",
            "12E3",
            "-42e7",
            "0e12",
            "9e25",
        ] {
            let error = bad(&format!("a: {text}"));
            assert!(error.starts_with("OFR0013 a.yaml:1:4 "), "{text}: {error}");
        }
        assert_eq!(good("[1e3, 2E9, 60.63e25, 6063e+25, 12e-3]"), json!([1e3, 2e9, 60.63e25, 6063e25, 12e-3]));
        assert!(bad("1.10: x").starts_with("OFR0013 a.yaml:1:1 the key `1.10`"));
        assert_eq!(good("1.9.2: x"), json!({"1.9.2": "x"}));
    }

    #[test]
    fn each_mistake_has_its_place() {
        assert_eq!(bad("a: 1\nb: 2\na: 3"), "OFR0007 a.yaml:3:1 duplicate key `a` in this mapping");
        assert_eq!(bad("a:\n\tb: 1"), "OFR0004 a.yaml:2:1 a tab in the indentation");
        assert_eq!(bad(""), "OFR0005 a.yaml the file has no content");
        assert_eq!(bad("# only this\n"), "OFR0005 a.yaml the file has no content");
        assert_eq!(bad("a: 1\n---\nb: 2"), "OFR0006 a.yaml:3:1 a second document in the file, after `---`");
        assert!(bad("a: [1, 2").starts_with("OFR0003 a.yaml:"));
        assert_eq!(bad("a: !nope x"), "OFR0009 a.yaml:1:4 tag !nope");
        assert_eq!(bad("a: {<<: 1}"), "OFR0009 a.yaml:1:9 a merge key (`<<`) takes a mapping, not a number");
        assert_eq!(bad("a: {<<: [{b: 1}, x]}"), "OFR0009 a.yaml:1:18 a merge key (`<<`) takes a mapping, not a string");
        assert_eq!(bad("<<: {a: 1}\n<<: {b: 1}"), "OFR0007 a.yaml:2:1 duplicate key `<<` in this mapping");
        assert_eq!(bad("[a]: 1"), "OFR0009 a.yaml:1:1 a key must be a plain text");
    }

    #[test]
    fn merge_keys_bring_what_the_mapping_lacks() {
        assert_eq!(good("{<<: {a: 1, b: 2}, b: 3, c: 4}"), json!({"a": 1, "b": 3, "c": 4}));
        assert_eq!(good("b: 3\n<<: {a: 1, b: 2}"), json!({"b": 3, "a": 1}), "own keys win wherever `<<` stands");
        assert_eq!(good("<<: [{a: 1}, {a: 2, b: 2}]"), json!({"a": 1, "b": 2}), "the first source wins");
        assert_eq!(
            good("x: &x {a: 1}\ny: &y {<<: *x, b: 2}\nz: {<<: *y, a: 3}"),
            json!({"x": {"a": 1}, "y": {"a": 1, "b": 2}, "z": {"b": 2, "a": 3}})
        );
        assert_eq!(good("\"<<\": 1"), json!({"<<": 1}), "a quoted `<<` is a key like any other");
    }

    #[test]
    fn what_is_merged_keeps_its_place() {
        let source = Source { path: "a.yaml".into(), text: "x: &x\n  a: 1\ny:\n  <<: *x\n".into() };
        let mut resolve = |_: &str, _: &Node| Err((Code::Unsupported, String::new()));
        let root = parse(&source, &mut resolve, &mut Vec::new()).expect("a document");
        let entry = &root.get("y").expect("y").entries()[0];
        assert_eq!((entry.key_span.line, entry.value.span.column), (2, 6));
    }

    #[test]
    fn anchors_within_anchors_and_merged_laughs_end_in_an_error() {
        let nested = format!("{}{}{}", "[&a ".repeat(60), "x,".repeat(20_000), "]".repeat(60));
        assert!(bad(&nested).starts_with("OFR0008"), "each anchor keeps a copy");
        let mut laughs = String::from("a0: &a0 {k: [x, x, x, x, x, x, x, x, x, x]}\n");
        for level in 1..10 {
            let below = level - 1;
            let keys = (0..10).map(|key| format!("k{key}: {{<<: *a{below}}}, ")).collect::<String>();
            laughs.push_str(&format!("a{level}: &a{level} {{{keys}}}\n"));
        }
        assert!(bad(&laughs).starts_with("OFR0008"));
        let slips = "- 0755\n".repeat(5_000);
        assert_eq!(load(&slips).1.len(), MAX_FINDINGS + 1, "a file with nothing but slips is given up");
    }

    #[test]
    fn bombs_and_depth_end_in_an_error() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let item = format!("*a{}, ", level - 1);
            laughs.push_str(&format!("a{level}: &a{level} [{}]\n", item.repeat(10)));
        }
        assert!(bad(&laughs).starts_with("OFR0008"));
        assert!(bad(&"[".repeat(100_000)).starts_with("OFR0008"));
        assert!(bad(&"- ".repeat(100_000)).starts_with("OFR0008"));
        assert!(bad(&format!("a: {}", "x".repeat(MAX_BYTES))).starts_with("OFR0008"));
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), "*a, ".repeat(100_000));
        assert!(bad(&long).starts_with("OFR0008"), "a long text behind many aliases is a bomb as well");
        assert!(bad("a: &x [*x]").starts_with("OFR000"));
    }
}
