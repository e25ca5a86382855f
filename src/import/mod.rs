//! From a live offer to the files that a person would have written: what the portal owns, fills in or copied is left out,
//! secrets become names, and the rest is YAML in one layout.

mod names;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Value};

use crate::document::{Equality, Keyed, compare_scalars, identity, is_empty, members_key, store_copy};
use crate::model::{Address, OfferKey, Step};
use crate::redact;
use crate::sas::{self, Place};
use crate::schema::Shape;
use crate::workspace::{Plain, is_short, plain, short};
use crate::yaml::{self, Yaml};
use names::{Names, variable};
pub(crate) use names::{asset, file_stem};

/// The keys of an offer that are the publisher's own. A live offer may have any other key, and none of them is trusted.
const ENVELOPE: [&str; 4] = ["publisherId", "id", "offerTypeId", "definition"];

/// The deepest nesting of mappings and lists that is written. The reader of offer files takes a little more.
const DEEPEST: usize = 60;
/// Largest text that is written to a file of its own, in bytes. `!file` reads a little more.
const LARGEST_TEXT: usize = 1_000_000;
/// HTML on one line goes to a file of its own from this length on.
const LONG_HTML: usize = 300;

/// How an offer is written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options<'a> {
    /// Whether the names of the wire are kept where a short one is unambiguous.
    pub(crate) wire_names: bool,
    /// Whether empty values and the portal's own defaults are written.
    pub(crate) full: bool,
    /// Whether long HTML goes to files of its own.
    pub(crate) split_text: bool,
    /// Whether each plan goes to a file of its own.
    pub(crate) split_plans: bool,
    /// Whether names of files have no dot before their ending: in a project with environments, it would name an overlay.
    pub(crate) without_dots: bool,
    /// The way from the publisher's folder to the project's, such as `../../`.
    pub(crate) to_root: &'a str,
    /// The schema that editors read, as a path in the project.
    pub(crate) schema: Option<&'a str>,
    /// Where the portal's own copies of files were saved in the project, by their addresses.
    pub(crate) saved: Option<&'a BTreeMap<String, String>>,
}

/// An offer as files, and what they leave out.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    /// The files by their paths from the publisher's folder. The first one declares the offer.
    pub(crate) files: Vec<(String, String)>,
    /// The secrets, by their addresses, and the variables that stand for them.
    pub(crate) secrets: Vec<(Address, String)>,
    /// Addresses of files that are written without their signature.
    pub(crate) unsigned: Vec<(Address, Option<Place>)>,
    /// What the file leaves to the portal, and why.
    pub(crate) left_out: Vec<(Address, LeftOut)>,
    /// The addresses of the portal's own copies of files.
    pub(crate) copies: Vec<(Address, String)>,
}

impl Imported {
    /// The file that declares the offer.
    pub(crate) fn text(&self) -> &str {
        self.files.first().map_or("", |(_, text)| text)
    }
}

/// Why a value is not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// The address of the portal's own copy of a file.
    Copy,
    /// A secret within a text, or a secret that is not a text.
    Secret,
    /// A number that YAML does not hold.
    Number,
    /// A field whose name is short for another one, or longer than YAML takes.
    Name,
    /// A value that is nested more deeply than an offer file may be.
    Depth,
    /// A list whose members cannot be told apart: one has no identity, or two have the same.
    Identity,
    /// A top-level key that is not part of an offer.
    NotOurs,
}

impl LeftOut {
    /// The word for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Copy => "portal-copy",
            Self::Secret => "secret",
            Self::Number => "number",
            Self::Name => "name",
            Self::Depth => "depth",
            Self::Identity => "identity",
            Self::NotOurs => "not-an-offer-field",
        }
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Copy => "the portal's own copy of a file",
            Self::Secret => "holds a secret",
            Self::Number => "a number that YAML readers do not agree on",
            Self::Name => "its name is short for another field, or too long",
            Self::Depth => "nested too deeply for an offer file",
            Self::Identity => "a member has no identity, or two have the same",
            Self::NotOurs => "not part of an offer",
        }
    }
}

/// Writes a live offer as files. They declare what the publisher decides; a plan of them is empty.
pub(crate) fn write(key: &OfferKey, live: &Value, shape: &Shape, options: Options<'_>) -> Imported {
    let names = Names::of(key, options.split_plans, options.without_dots);
    let mut writer = Writer {
        key,
        options,
        out: Imported::default(),
        variables: BTreeSet::new(),
        names,
        depth: 1,
        plans: Vec::new(),
    };
    let mut entries = Vec::new();
    let none = Map::new();
    let members = live.as_object().unwrap_or(&none);
    for name in ENVELOPE {
        let Some(value) = members.get(name) else { continue };
        let inner = shape.property(name);
        let at = shape.address(&Address::default(), name);
        let written = match value {
            Value::Object(definition) if name == "definition" => {
                Some(Yaml::Map(writer.nested(|writer| writer.object(definition, inner, &at))))
            }
            Value::String(_) if name != "definition" => writer.scalar(value, inner, at),
            _ => None,
        };
        entries.extend(written.map(|written| (name.to_owned(), written)));
    }
    let foreign = |name: &&String| !ENVELOPE.contains(&name.as_str()) && !shape.property(name).rules.server_owned;
    for name in members.keys().filter(foreign) {
        let name = redact::text(name);
        writer.out.left_out.push((shape.address(&Address::default(), &name), LeftOut::NotOurs));
    }
    let comment = |schema: &str| {
        let up = writer.names.to_root(options.to_root);
        format!("# yaml-language-server: $schema={up}{schema}\n")
    };
    let head = options.schema.map(comment).unwrap_or_default();
    let path = writer.names.declaring();
    let Writer { mut out, plans, .. } = writer;
    out.files.splice(0..0, [(path, head + &yaml::document(&entries))].into_iter().chain(plans));
    out
}

/// Writes one value of a live offer as a file declares it.
///
/// # Errors
/// When a file cannot declare it: it is, or holds, a secret or a copy of the portal's own, for example.
pub(crate) fn value(
    key: &OfferKey,
    live: &Value,
    shape: &Shape,
    at: &Address,
    wire_names: bool,
) -> Result<Yaml, LeftOut> {
    let names = Names::of(key, false, false);
    let options = Options { wire_names, ..Options::default() };
    let depth = at.steps().len();
    let mut writer =
        Writer { key, options, out: Imported::default(), variables: BTreeSet::new(), names, depth, plans: Vec::new() };
    if shape.rules.secret && !is_empty(live) {
        return Err(LeftOut::Secret);
    }
    let written = match live {
        Value::Object(map) => Some(Yaml::Map(writer.object(map, shape, at))),
        Value::Array(items) => writer.array(items, shape, at.clone()),
        scalar => writer.scalar(scalar, shape, at.clone()),
    };
    let out = writer.out;
    match written {
        Some(written) if out.secrets.is_empty() => Ok(written),
        _ => Err(out.left_out.first().map_or(LeftOut::Secret, |(_, why)| *why)),
    }
}

struct Writer<'a> {
    key: &'a OfferKey,
    options: Options<'a>,
    out: Imported,
    /// The names of variables that are taken.
    variables: BTreeSet<String>,
    /// The names of the files that are written beside the one that is written now.
    names: Names,
    /// How many mappings and lists are around what is written now.
    depth: usize,
    /// The files of plans.
    plans: Vec<(String, String)>,
}

/// How much was noted before a value that may turn out to be left out.
struct Mark {
    secrets: usize,
    unsigned: usize,
    left_out: usize,
    files: usize,
}

impl Writer<'_> {
    fn mark(&self) -> Mark {
        let Imported { secrets, unsigned, left_out, files, .. } = &self.out;
        Mark { secrets: secrets.len(), unsigned: unsigned.len(), left_out: left_out.len(), files: files.len() }
    }

    fn is_lossy_since(&self, mark: &Mark) -> bool {
        self.out.secrets.len() > mark.secrets || self.out.left_out.len() > mark.left_out
    }

    /// Leaves out a whole value in which something cannot be written.
    fn leave_out_since(&mut self, mark: &Mark, at: Address) {
        let why = self.out.left_out.get(mark.left_out).map_or(LeftOut::Secret, |(_, why)| *why);
        self.out.secrets.truncate(mark.secrets);
        self.out.unsigned.truncate(mark.unsigned);
        self.out.left_out.truncate(mark.left_out);
        self.out.files.truncate(mark.files);
        self.out.left_out.push((at, why));
    }

    fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    /// The entries of an object, in the order of the schema, then by name.
    fn object(&mut self, map: &Map<String, Value>, shape: &Shape, at: &Address) -> Vec<(String, Yaml)> {
        let mut keys = map.keys().map(String::as_str).collect::<Vec<_>>();
        keys.sort_by_key(|key| (shape.place(key).unwrap_or(usize::MAX), *key));
        let mut written = Vec::<(&str, Yaml)>::new();
        let mut names = HashSet::new();
        for key in keys {
            // The portal gives some properties back under another name.
            let name =
                shape.properties().map(|(name, _)| name).find(|name| shape.returned_as(name).any(|other| other == key));
            let name = name.unwrap_or(key);
            if names.contains(name) || shape.twin(name).is_some_and(|twin| names.contains(twin)) {
                continue;
            }
            let member = shape.rules.exact_entries && !shape.names(name);
            if let Some(value) = self.property(name, &map[key], shape, at, member) {
                written.push((name, value));
                names.insert(name);
            }
        }
        let short = |name: &str| match short(name, shape) {
            Some(short) if !self.options.wire_names && !map.contains_key(short) => short.to_owned(),
            _ => name.to_owned(),
        };
        written.into_iter().map(|(name, value)| (short(name), value)).collect()
    }

    /// What a file declares for a property; `None` leaves it to the portal. The entries of a dictionary stay, whatever
    /// is in them: a dictionary is declared whole.
    fn property(&mut self, name: &str, value: &Value, object: &Shape, at: &Address, member: bool) -> Option<Yaml> {
        let shape = object.property(name);
        let rules = &shape.rules;
        if rules.server_owned || rules.write_only || rules.read_only_on_write {
            return None;
        }
        if redact::holds_secret(name) {
            self.out.left_out.push((at.with(Step::Key(&redact::text(name))), LeftOut::Secret));
            return None;
        }
        if is_short(name, object) || yaml::is_too_long(name) {
            self.out.left_out.push((at.with(Step::Key(name)), LeftOut::Name));
            return None;
        }
        let filled_in = || rules.default.as_ref().is_some_and(|default| is_default(default, value, shape));
        if !member && !self.options.full && (is_empty(value) || filled_in()) {
            return None;
        }
        let at = object.address(at, name);
        if (rules.secret || redact::is_secret_name(name)) && !is_empty(value) {
            return self.secret(name, value, at);
        }
        match value {
            Value::Object(_) | Value::Array(_) if self.depth >= DEEPEST => {
                self.out.left_out.push((at, LeftOut::Depth));
                None
            }
            Value::Object(map) => {
                let mark = self.mark();
                let entries = self.nested(|writer| writer.object(map, shape, &at));
                let written = || {
                    let names = entries.iter().map(|(name, _)| name.as_str()).collect::<HashSet<_>>();
                    map.keys().all(|key| shape.names(key) || names.contains(key.as_str()))
                };
                if shape.rules.exact_entries && !written() {
                    // A dictionary is declared whole: without one of its entries, a plan would delete it.
                    self.leave_out_since(&mark, at);
                    return None;
                }
                let nothing = entries.is_empty() && !map.is_empty() && !member;
                (!nothing).then_some(Yaml::Map(entries))
            }
            Value::Array(items) => self.array(items, shape, at),
            scalar => self.scalar(scalar, shape, at),
        }
    }

    fn secret(&mut self, name: &str, value: &Value, at: Address) -> Option<Yaml> {
        if !value.is_string() {
            self.out.left_out.push((at, LeftOut::Secret));
            return None;
        }
        let base = variable(self.key, name);
        let numbered = (2..).map(|count| format!("{base}_{count}"));
        let variable = std::iter::once(base.clone()).chain(numbered).find(|name| !self.variables.contains(name))?;
        self.variables.insert(variable.clone());
        self.out.secrets.push((at, variable.clone()));
        Some(Yaml::Tagged("!secret".to_owned(), format!("env:{variable}")))
    }

    /// A list is declared whole, so one that cannot be written whole is left to the portal. Members with an identity are
    /// matched by it, and may leave out what is in them.
    fn array(&mut self, items: &[Value], shape: &Shape, at: Address) -> Option<Yaml> {
        let ids = Keyed::of(items, shape);
        if ids.is_none() && members_key(shape).is_some() && !items.is_empty() {
            self.out.left_out.push((at, LeftOut::Identity));
            return None;
        }
        let keyed = ids.as_ref().is_some_and(|ids| !ids.ids().iter().any(|id| redact::holds_secret(id)));
        let is_of_plans = at.steps().map(Step::key).eq([Some("definition"), Some("plans")]);
        let dots = !self.options.without_dots;
        let are_names = || names::are_file_names(ids.iter().flat_map(Keyed::ids), dots);
        if self.options.split_plans && is_of_plans && keyed && are_names() {
            items.iter().for_each(|item| self.plan(item, shape, &at));
            return None;
        }
        let mark = self.mark();
        let mut written = Vec::new();
        for item in items {
            let at = identity(item, shape).map_or_else(|| at.clone(), |id| at.with(Step::Id(&redact::text(id))));
            written.push(match item {
                Value::Object(_) | Value::Array(_) if self.depth + 1 >= DEEPEST => {
                    self.out.left_out.push((at, LeftOut::Depth));
                    None
                }
                Value::Object(map) => Some(Yaml::Map(self.inside_list(|writer| writer.object(map, shape.item(), &at)))),
                Value::Array(items) => self.inside_list(|writer| writer.array(items, shape.item(), at)),
                scalar => self.scalar(scalar, shape.item(), at),
            });
        }
        if !keyed && self.is_lossy_since(&mark) {
            self.leave_out_since(&mark, at);
            return None;
        }
        written.into_iter().collect::<Option<Vec<_>>>().map(Yaml::List)
    }

    fn inside_list<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.nested(|writer| writer.nested(work))
    }

    /// Writes a plan to a file of its own.
    fn plan(&mut self, item: &Value, list: &Shape, plans: &Address) {
        let (Value::Object(map), Some(id)) = (item, identity(item, list)) else { return };
        let at = plans.with(Step::Id(id));
        let (names, path) = self.names.of_plan(id);
        let around = std::mem::replace(&mut self.names, names);
        let entries = self.object(map, list.item(), &at);
        self.names = around;
        self.plans.push((path, yaml::document(&entries)));
    }

    fn scalar(&mut self, value: &Value, shape: &Shape, at: Address) -> Option<Yaml> {
        let rules = &shape.rules;
        match value {
            Value::String(text) if (rules.artifact || rules.maybe_artifact) && store_copy(text).is_some() => {
                let saved = self.options.saved.and_then(|saved| saved.get(text));
                let saved = saved.map(|path| self.names.to_root(self.options.to_root) + path);
                if saved.is_none() {
                    self.out.left_out.push((at.clone(), LeftOut::Copy));
                }
                self.out.copies.push((at, text.clone()));
                saved.map(|path| Yaml::Tagged("!artifact".to_owned(), path))
            }
            Value::String(text) if redact::holds_secret(text) => match without_signature(text, shape) {
                Some(Unsigned::Blob(address, place)) => {
                    self.out.unsigned.push((at, Some(place)));
                    Some(Yaml::Tagged("!sas".to_owned(), address))
                }
                Some(Unsigned::Other(address)) => {
                    self.out.unsigned.push((at, None));
                    Some(Yaml::Scalar(address.into()))
                }
                None => {
                    self.out.left_out.push((at, LeftOut::Secret));
                    None
                }
            },
            Value::String(text) if self.options.split_text && is_long_html(text) => {
                let (name, path) = self.names.text(&at);
                self.out.files.push((path, text.clone()));
                Some(Yaml::Tagged("!file".to_owned(), name))
            }
            Value::Number(number) if !matches!(plain(&number.to_string()), Plain::Number(_)) => {
                self.out.left_out.push((at, LeftOut::Number));
                None
            }
            value => Some(Yaml::Scalar(value.clone())),
        }
    }
}

/// Whether a text is HTML that is easier to edit in a file of its own, and comes back from one as it was.
fn is_long_html(text: &str) -> bool {
    let long = text.len() >= LONG_HTML || text.trim_end().contains('\n');
    let html = text.contains('<') && text.contains('>');
    let exact = || text.chars().all(|c| c == '\n' || c == '\t' || yaml::is_printable(c));
    html && long && text.len() <= LARGEST_TEXT && exact()
}

fn is_default(default: &Value, value: &Value, shape: &Shape) -> bool {
    match (default, value) {
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => default == value,
        (default, value) => compare_scalars(default, value, &shape.rules) != Equality::Different,
    }
}

/// An address whose signature was taken off.
enum Unsigned {
    /// One that `!sas` can sign.
    Blob(String, Place),
    Other(String),
}

/// The address of a blob without its signature. Of any other, the address without the parameters that do not count there,
/// where nothing secret is left and it compares as equal.
fn without_signature(text: &str, shape: &Shape) -> Option<Unsigned> {
    if let Some((address, _)) = sas::unsigned(text)
        && let Ok(place) = Place::of(&address)
    {
        return Some(Unsigned::Blob(address, place));
    }
    let mut url = url::Url::parse(text).ok()?;
    let counts = |name: &str| !shape.rules.ignore_query.iter().any(|ignored| ignored.eq_ignore_ascii_case(name));
    let kept =
        url.query_pairs().filter(|(name, _)| counts(name)).map(|(name, value)| (name.into_owned(), value.into_owned()));
    let kept = kept.collect::<Vec<_>>();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    let bare = String::from(url);
    let equal = compare_scalars(&bare.as_str().into(), &text.into(), &shape.rules) != Equality::Different;
    (equal && !redact::holds_secret(&bare)).then_some(Unsigned::Other(bare))
}

#[cfg(test)]
mod tests;
