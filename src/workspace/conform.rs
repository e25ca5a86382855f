//! What the schema says of a document: the types and values of its fields, and names that are nearly known.
//!
//! Schemas are open and files are partial: an unknown field passes, and so does a field that is missing, unless the
//! declared object is the whole object (`entries: exact`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::yaml::MAX_FINDINGS;
use crate::diagnostic::{Change, Code, Diagnostic, Fix, Severity, Source, Sources, Span, did_you_mean};
use crate::model::{Entry, Kind, Node};
use crate::redact;
use crate::schema::{Shape, Type};

/// Adds what is wrong with a document by its shape. What an alias repeats is told once.
pub(super) fn conform(document: &Node, sources: &Sources, shape: &Shape, diagnostics: &mut Vec<Diagnostic>) {
    let mut walk = Walk { sources, told: BTreeSet::new(), found: Vec::new() };
    walk.node(document, shape, Place { name: "an offer", secret: false });
    diagnostics.extend(walk.found);
}

struct Walk<'a> {
    sources: &'a Sources,
    told: BTreeSet<(Span, String)>,
    found: Vec<Diagnostic>,
}

/// How a node is spoken of, and how carefully.
#[derive(Clone, Copy)]
struct Place<'a> {
    name: &'a str,
    secret: bool,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, shape: &Shape, place: Place<'_>) {
        if self.found.len() > MAX_FINDINGS {
            return;
        }
        self.types(node, shape, place);
        match &node.kind {
            Kind::Map(entries) => {
                self.whole(node, entries, shape);
                self.exclusive(entries, shape);
                self.twins(entries, shape);
                for entry in entries {
                    self.name(entry, entries, shape, place);
                    let below = shape.property(&entry.key);
                    let secret = place.secret || below.rules.secret || redact::is_secret_name(&entry.key);
                    self.node(&entry.value, below, Place { name: shape.label(&entry.key), secret });
                }
            }
            Kind::List(items) => items.iter().for_each(|item| self.node(item, shape.item(), place)),
            Kind::Scalar(value) if !place.secret && !value.is_null() => self.value(node, value, shape, place),
            _ => {}
        }
    }

    fn error(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::error(code, self.sources.of(span), Some(span), message).help(help));
    }

    fn push(&mut self, finding: Diagnostic) {
        let span = finding.span.unwrap_or_default();
        if !self.told.insert((span, finding.message.clone())) || self.found.len() > MAX_FINDINGS {
            return;
        }
        self.found.push(if self.found.len() < MAX_FINDINGS {
            finding
        } else {
            let message = format!("more than {MAX_FINDINGS} values and names are wrong; the others are not shown");
            let severity = Severity::Warning;
            Diagnostic { severity, ..Diagnostic::error(Code::Limit, &finding.source, finding.span, message) }
        });
    }

    fn types(&mut self, node: &Node, shape: &Shape, place: Place<'_>) {
        let Some(fits) = fits(node, &shape.types) else { return };
        // A plain secret, and a number that lost its quotes, are told of with more to say.
        let told = match &node.kind {
            Kind::Scalar(value) => place.secret || value.is_number() && shape.types.contains(&Type::String),
            _ => false,
        };
        if fits || told {
            return;
        }
        let wanted = any_of(shape.types.iter().filter(|kind| **kind != Type::Null).map(|kind| word(*kind)));
        let given = match &node.kind {
            Kind::Scalar(Value::Number(_)) if shape.types.contains(&Type::Integer) => "a number with a fraction",
            _ => node.kind_name(),
        };
        let message = format!("`{}` is {given}; expected {wanted}", place.name);
        let source = self.sources.of(node.span);
        let hidden = Source { path: source.path.clone(), text: "".into() };
        let source = if place.secret { &hidden } else { source };
        let raw = source.text.get(node.span.start..node.span.end).unwrap_or_default().trim();
        let (help, fix) = mended(node, &shape.types, raw).unwrap_or_else(|| (format!("write {wanted}"), None));
        self.push(Diagnostic::error(Code::WrongType, source, Some(node.span), message).help(help).fix(fix));
    }

    fn value(&mut self, node: &Node, value: &Value, shape: &Shape, place: Place<'_>) {
        let bounds = &shape.bounds;
        let same = |allowed: &Value| match (allowed.as_str(), value.as_str()) {
            (Some(a), Some(b)) => shape.rules.case.same(a, b),
            _ => allowed == value,
        };
        if !bounds.values.is_empty() && fits(node, &shape.types) != Some(false) && !bounds.values.iter().any(same) {
            let known = bounds.values.iter().map(plain).collect::<Vec<_>>();
            let message = format!("`{}` is not a value of `{}`", short_text(&plain(value)), place.name);
            let near = did_you_mean(&plain(value), known.iter().map(String::as_str));
            let help = near.map_or_else(
                || format!("expected {}", any_of(known.iter().map(String::as_str))),
                |near| format!("did you mean `{near}`?"),
            );
            self.error(Code::NotAllowed, node.span, message, help);
        }
        if let (Some(minimum), Some(number)) = (bounds.minimum, value.as_f64())
            && number < minimum
        {
            let message = format!("`{}` is {value}; the minimum is {minimum}", place.name);
            self.error(Code::TooSmall, node.span, message, format!("write {minimum} or more"));
        }
        if let (Some(pattern), Some(text)) = (&bounds.pattern, value.as_str())
            && !pattern.is_match(text)
        {
            let message = format!("`{}` is not a valid `{}`", short_text(text), place.name);
            let examples = any_of(bounds.examples.iter().map(plain).collect::<Vec<_>>().iter().map(String::as_str));
            let help =
                if examples.is_empty() { format!("it matches {pattern}") } else { format!("for example {examples}") };
            self.error(Code::Malformed, node.span, message, help);
        }
    }

    /// What a whole object lacks.
    fn whole(&mut self, node: &Node, entries: &[Entry], shape: &Shape) {
        let has = |name: &String| {
            let given = entries.iter().find(|entry| entry.key == *name).map(|entry| &entry.value.kind);
            !matches!(given, None | Some(Kind::Absent | Kind::Scalar(Value::Null)))
        };
        for name in shape.bounds.required.iter().filter(|name| shape.rules.exact_entries && !has(name)) {
            let example = shape.property(name).bounds.examples.first().map(plain);
            let example = example.map_or_else(String::new, |example| format!(", such as {example}"));
            let message = format!("`{name}` is missing");
            self.error(Code::MissingKey, node.span, message, format!("add `{name}`{example}"));
        }
    }

    fn exclusive(&mut self, entries: &[Entry], shape: &Shape) {
        let mut given = entries.iter().filter(|entry| {
            shape.rules.exclusive.contains(&entry.key)
                && !matches!(entry.value.kind, Kind::Absent | Kind::Scalar(Value::Null))
        });
        let Some(first) = given.next() else { return };
        for other in given {
            let message = format!("`{}` and `{}` are mutually exclusive", other.key, first.key);
            let all = any_of(shape.rules.exclusive.iter().map(String::as_str));
            let help =
                format!("keep one of {all}; the first is in {}", self.sources.line(first.key_span, other.key_span));
            self.error(Code::Exclusive, other.key_span, message, help);
        }
    }

    fn twins(&mut self, entries: &[Entry], shape: &Shape) {
        for (index, entry) in entries.iter().enumerate() {
            let Some(twin) = shape.twin(&entry.key) else { continue };
            let Some(first) = entries[..index].iter().find(|other| other.key == twin) else { continue };
            let removed = first.value.kind == Kind::Absent || entry.value.kind == Kind::Absent;
            if !removed && !same(&first.value, &entry.value) {
                let message = format!("`{}` differs from `{twin}`; the portal requires equal values", entry.key);
                let line = self.sources.line(first.key_span, entry.key_span);
                let help = format!("keep one of them; both are written. `{twin}` is in {line}");
                self.error(Code::TwinsDiffer, entry.key_span, message, help);
            }
        }
    }

    /// A name that the schema does not know.
    fn name(&mut self, entry: &Entry, beside: &[Entry], shape: &Shape, place: Place<'_>) {
        let key = &entry.key;
        if shape.names(key) || shape.has_free_names(key) {
            return;
        }
        if shape.bounds.closed {
            let known = shape.properties().map(|(name, _)| name);
            let near = did_you_mean(key, known).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            let mut known = shape.properties().map(|(name, _)| name).collect::<Vec<_>>();
            known.sort_by_key(|name| shape.place(name));
            let message = format!("`{key}` is not a name in `{}`", place.name);
            self.error(Code::UnknownName, entry.key_span, message, format!("{near}expected {}", known.join(", ")));
        } else if let Some(near) = near(key, shape, beside) {
            let message = format!("`{key}` is not a known field; `{near}` is similar");
            let finding =
                Diagnostic::warning(Code::NearKey, self.sources.of(entry.key_span), Some(entry.key_span), message);
            let help = format!("did you mean `{near}`? The portal drops unknown fields without an error");
            self.push(finding.help(help));
        }
    }
}

/// Whether a node has one of the types; `None` where nothing is said of it. Null stands for "nothing", which every
/// field may have: that a key has to be there is another matter.
fn fits(node: &Node, types: &[Type]) -> Option<bool> {
    let has = |kinds: &[Type]| Some(types.iter().any(|kind| kinds.contains(kind)));
    if types.is_empty() {
        return None;
    }
    match &node.kind {
        Kind::Scalar(Value::Null) => None,
        Kind::Scalar(Value::Bool(_)) => has(&[Type::Boolean]),
        Kind::Scalar(Value::Number(number)) => {
            has(if is_whole(number) { &[Type::Number, Type::Integer] } else { &[Type::Number] })
        }
        Kind::Scalar(_) | Kind::Secret(_) | Kind::Sas(_) => has(&[Type::String]),
        Kind::List(_) => has(&[Type::Array]),
        Kind::Map(_) => has(&[Type::Object]),
        _ => None,
    }
}

pub(super) fn is_whole(number: &serde_json::Number) -> bool {
    number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// What to write instead of a value of another type, and the edit where it is certain.
fn mended(node: &Node, types: &[Type], raw: &str) -> Option<(String, Option<Fix>)> {
    let wants = |kind: Type| types.contains(&kind);
    let instead = |value: Value| {
        let text = value.to_string();
        let bytes = node.span.start..node.span.start + raw.len();
        let fix = Fix { span: node.span, bytes, text: text.clone(), change: Change::Value(value) };
        (format!("write {text}, without quotes"), Some(fix).filter(|_| !raw.is_empty()))
    };
    match &node.kind {
        Kind::Scalar(Value::Bool(_)) if wants(Type::String) => {
            Some((format!("quote it: \"{raw}\""), Fix::quote(node.span, raw)))
        }
        Kind::Scalar(Value::String(text)) if wants(Type::Boolean) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(instead(Value::Bool(true))),
            "false" | "no" | "off" => Some(instead(Value::Bool(false))),
            _ => Some(("write true or false".to_owned(), None)),
        },
        Kind::Scalar(Value::String(text)) if wants(Type::Number) || wants(Type::Integer) => {
            let number = serde_json::from_str::<serde_json::Number>(text).ok()?;
            let whole = number.is_i64() || number.is_u64();
            (whole || wants(Type::Number)).then(|| instead(Value::Number(number)))
        }
        Kind::Scalar(_) if wants(Type::Array) => Some((format!("write a list: [{}]", short_text(raw)), None)),
        Kind::List(_) if wants(Type::Object) => Some(("write `key: value`, without the `-`".to_owned(), None)),
        Kind::Map(_) if wants(Type::Array) => Some(("write each member with a `- ` before it".to_owned(), None)),
        _ => None,
    }
}

/// The known name that a key was probably meant to be: nearly the same, and not declared as well. Names with a prefix
/// are compared with those under nearly the same prefix.
fn near<'s>(key: &str, shape: &'s Shape, beside: &[Entry]) -> Option<&'s str> {
    const FARTHEST: usize = 2;
    let distance = |a: &str, b: &str| strsim::damerau_levenshtein(&a.to_lowercase(), &b.to_lowercase());
    let (prefix, word) = key.rsplit_once('.').map_or((None, key), |(prefix, word)| (Some(prefix), word));
    let known = shape.properties().filter(|(name, known)| {
        let (other, _) = name.rsplit_once('.').unwrap_or_default();
        let prefix_fits = prefix.is_none_or(|prefix| distance(prefix, other) <= FARTHEST);
        prefix_fits && known.rules.spelled_as.is_none() && !beside.iter().any(|entry| entry.key == *name)
    });
    let short = |name: &'s str| name.rsplit('.').next().unwrap_or(name);
    let known = known.map(|(name, _)| (short(name), name)).collect::<Vec<_>>();
    let near = did_you_mean(word, known.iter().map(|(short, _)| *short))?;
    let (_, full) = known.iter().find(|(short, _)| *short == near).filter(|_| distance(word, near) <= FARTHEST)?;
    Some(if prefix.is_some() { full } else { shape.label(full) })
}

/// Whether two nodes say the same: numbers by value, mappings in any order.
fn same(a: &Node, b: &Node) -> bool {
    fn equal(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
            }
            _ => a == b,
        }
    }
    let value = |node: &Node| node.to_value(&mut |secret| Value::String(format!("!secret {secret}")));
    equal(&value(a), &value(b))
}

pub(super) fn word(kind: Type) -> &'static str {
    match kind {
        Type::Null => "null",
        Type::Boolean => "a boolean",
        Type::Integer => "a whole number",
        Type::Number => "a number",
        Type::String => "a string",
        Type::Array => "a list",
        Type::Object => "a mapping",
    }
}

pub(super) fn any_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words = words.collect::<Vec<_>>();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// The start of a text, short enough for a message.
fn short_text(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.len() => format!("{line}…"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Severity;
    use crate::schema::Schemas;
    use crate::workspace::offer_from_text;

    /// What is found in a plan, each as `code severity line:column message; help @ address`.
    fn said_of(kind: &str, definition: &str) -> Vec<String> {
        let body = definition.lines().map(|line| format!("  {line}\n")).collect::<String>();
        let text = format!("publisherId: contoso\nid: a\nofferTypeId: {kind}\ndefinition:\n{body}");
        let (_, found) = offer_from_text("a.yaml", &text, Schemas::builtin(), "2026-11-25".parse().expect("a date"));
        let line = |finding: crate::diagnostic::Diagnostic| {
            let span = finding.span.expect("a place");
            let mark = if finding.severity == Severity::Error { "" } else { " warning" };
            let (help, address) = (finding.help.unwrap_or_default(), finding.address.unwrap_or_default());
            let place = format!("{}:{}", span.line - 4, span.column - 2);
            format!("{}{mark} {place} {}; {help} @ {address}", finding.code as u16, finding.message)
        };
        found.into_iter().map(line).collect()
    }

    fn said(plan: &str) -> Vec<String> {
        let plan = plan.lines().map(|line| format!("    {line}\n")).collect::<String>();
        said_of("microsoft-azure-virtualmachines", &format!("plans:\n  - planId: basic\n{plan}"))
    }

    #[test]
    fn types_are_those_of_the_schema() {
        let expected = [
            "20 3:14 `regions` is a string; expected a list; write a list: [DE] @ plans[basic]/regions",
            "20 4:15 `skuTitle` is a boolean; expected a string; quote it: \"true\" @ plans[basic]/skuTitle",
            "20 5:21 `supportsBackup` is a string; expected a boolean; write true, without quotes @ plans[basic]/supportsBackup",
            "20 6:37 `single` is a string; expected a number; write 0.5, without quotes @ plans[basic]/virtualMachinePricing/coreMultiplier/single",
        ];
        let plan = "regions: DE\nskuTitle: true\nsupportsBackup: yes\nvirtualMachinePricing: {coreMultiplier: {currency: USD, single: \"0.5\"}}";
        let found = said(plan);
        let without_place =
            |line: &str| line.split_once(' ').and_then(|(_, rest)| rest.split_once(' ')).map(|(_, r)| r.to_owned());
        assert_eq!(
            found.iter().map(|l| without_place(l)).collect::<Vec<_>>(),
            expected.iter().map(|l| without_place(l)).collect::<Vec<_>>()
        );
        for fine in ["regions: null", "generation: \"1\"", "skuTitle: !absent", "unknown: [1, {a: true}]"] {
            assert_eq!(said(fine), Vec::<String>::new(), "{fine}");
        }
        let trial = said("virtualMachinePricing: {freeTrialDurationInMonths: 1.5}");
        assert!(trial[0].contains("is a number with a fraction; expected a whole number"), "{trial:?}");
        assert_eq!(said("virtualMachinePricing: {freeTrialDurationInMonths: 1.0}"), Vec::<String>::new());
    }

    #[test]
    fn closed_values_are_suggested() {
        let found = said("operatingSystemFamily: linux");
        let address = "plans[basic]/operatingSystemFamily";
        assert_eq!(
            found,
            [format!("21 3:28 `linux` is not a value of `operatingSystemFamily`; did you mean `Linux`? @ {address}")]
        );
        let found = said("operatingSystemFamily: Solaris");
        assert!(found[0].contains("; expected Windows or Linux @"), "{found:?}");
    }

    #[test]
    fn nearly_known_names_are_warnings_and_others_pass() {
        let help = "The portal drops unknown fields without an error";
        let full = "microsoft-azure-virtualmachines.skuTitle";
        assert_eq!(
            said("skuTitel: t\nmicrosoft-azure-virtualmachine.skuTitle: t\nskuColour: red\nsupportsTPM: true"),
            [
                format!(
                    "22 warning 3:5 `skuTitel` is not a known field; `skuTitle` is similar; did you mean `skuTitle`? {help} @ plans[basic]/skuTitel"
                ),
                format!(
                    "22 warning 4:5 `microsoft-azure-virtualmachine.skuTitle` is not a known field; `{full}` is similar; did you mean `{full}`? {help} @ plans[basic]/microsoft-azure-virtualmachine.skuTitle"
                ),
            ]
        );
        assert_eq!(said("skuTitle: t\nskuTitle2: u"), Vec::<String>::new(), "the known one stands there too");
        assert_eq!(said_of("microsoft-azure-saas", "displayTxet: a"), Vec::<String>::new(), "nothing is known");
    }

    #[test]
    fn a_price_has_one_method_known_sizes_and_a_currency() {
        let of = |price: &str| {
            let found = said(&format!("virtualMachinePricing: {price}"));
            let inner = |line: &String| {
                line.split_once(' ')
                    .map_or("", |(_, rest)| rest)
                    .split_once(' ')
                    .map_or("", |(_, rest)| rest)
                    .split(" @ ")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            found
                .iter()
                .map(|line| format!("{} {}", line.split(' ').next().unwrap_or_default(), inner(line)))
                .collect::<Vec<_>>()
        };
        let core = "coreMultiplier: {currency: USD, single: 0.1}";
        assert_eq!(of(&format!("{{{core}}}")), Vec::<String>::new());
        let found = of(&format!("{{{core}, spreadSheetPricing: {{uri: u}}, regionPrices: {{US: {{}}}}}}"));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("23 `spreadSheetPricing` and `coreMultiplier` are mutually exclusive"),
            "{found:?}"
        );
        let found = of("{coreMultiplier: {currency: USD, single: 1, individually: {1core: 1}}}");
        assert!(
            found[0].starts_with("23 `individually` and `single` are mutually exclusive") && found.len() == 1,
            "{found:?}"
        );
        let found = of("{coreMultiplier: {currency: USD, single: -0.1}}");
        assert_eq!(found, ["24 `single` is -0.1; the minimum is 0; write 0 or more"]);
        let found = of("{coreMultiplier: {currency: USD, individually: {3core: 1, sharedcore: 0, 416core: -4}}}");
        assert!(found[0].starts_with("25 `3core` is not a name in `individually`; did you mean `1core`?"));
        assert!(found[1].starts_with("24 `416core` is -4; the minimum is 0") && found.len() == 2, "{found:?}");
        assert_eq!(
            of("{coreMultiplier: {currency: usd, single: 1}}"),
            ["26 `usd` is not a valid `currency`; for example USD"]
        );
        assert_eq!(of("{coreMultiplier: {single: 1}}"), ["11 `currency` is missing; add `currency`, such as USD"]);
    }

    #[test]
    fn twins_are_equal() {
        let two = |first: &str, second: &str| {
            said(&format!("virtualMachinePricing: {first}\nvirtualMachinePricingV2: {second}")).len()
        };
        assert_eq!(two("{isByol: true}", "{isByol: false}"), 1);
        assert_eq!(
            two(
                "{isByol: true, coreMultiplier: {currency: USD, single: 0}}",
                "{coreMultiplier: {single: 0.0, currency: USD}, isByol: true}"
            ),
            0
        );
        assert_eq!(two("{isByol: true}", "!absent"), 0);
    }

    #[test]
    fn findings_are_bounded_and_aliases_told_once() {
        let many = (0..300).map(|n| format!("  - {{planId: p{n}, regions: x}}\n")).collect::<String>();
        let found = said_of("microsoft-azure-virtualmachines", &format!("plans:\n{many}"));
        assert_eq!(found.len(), 101);
        assert!(found[100].starts_with("8 warning "), "{:?}", found[100]);
        let found = said("virtualMachinePricing: &p {isByol: 1}\nvirtualMachinePricingV2: *p");
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn secrets_are_not_repeated() {
        let text = "offer:\n  microsoft-azure-marketplace.tableLeadConfiguration: {connectionString: [hunter2hunter2]}";
        let found = said_of("microsoft-azure-virtualmachines", text);
        assert!(!found.is_empty() && !found.concat().contains("hunter2"), "{found:?}");
    }
}
