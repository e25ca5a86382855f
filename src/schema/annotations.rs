//! The annotations of a schema node, under `x-offerctl`, and how a second description of a place adds to the first.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Case, ListRule, Locked, Rules};
use crate::model::Risk;

impl Rules {
    pub(super) fn merge(&mut self, other: Self) {
        let Self {
            list,
            exact_entries,
            guard,
            secret,
            artifact,
            maybe_artifact,
            ignore_query,
            server_owned,
            write_only,
            read_only_on_write,
            default,
            returned_as,
            numeric_string,
            case,
            exclusive,
            spelled_as,
            twin,
            immutable,
            risk,
            restricts,
            locked,
            chooses,
            deprecated,
        } = other;
        if list != ListRule::default() {
            self.list = list;
        }
        if !ignore_query.is_empty() {
            self.ignore_query = ignore_query;
        }
        if !exclusive.is_empty() {
            self.exclusive = exclusive;
        }
        if case != Case::default() {
            self.case = case;
        }
        self.exact_entries |= exact_entries;
        self.secret |= secret;
        self.artifact |= artifact;
        self.maybe_artifact |= maybe_artifact;
        self.server_owned |= server_owned;
        self.write_only |= write_only;
        self.read_only_on_write |= read_only_on_write;
        self.numeric_string |= numeric_string;
        self.immutable |= immutable;
        self.guard = guard.or(self.guard.take());
        self.default = default.or(self.default.take());
        self.returned_as = returned_as.or(self.returned_as.take());
        self.spelled_as = spelled_as.or(self.spelled_as.take());
        self.twin = twin.or(self.twin.take());
        self.risk = risk.or(self.risk);
        self.restricts |= restricts;
        self.locked = locked.or(self.locked);
        if !chooses.is_empty() {
            self.chooses = chooses;
        }
        self.deprecated = deprecated.or(self.deprecated.take());
    }
}

/// The annotations of a schema node; none is no mistake.
///
/// # Errors
/// When one is not known, or has a value that it cannot have.
pub(super) fn rules(node: &Map<String, Value>) -> Result<Rules, String> {
    match node.get("x-offerctl") {
        None => Ok(Rules::default()),
        Some(Value::Object(annotations)) => from(annotations),
        Some(other) => Err(format!("x-offerctl must be an object, not {other}")),
    }
}

/// What `below` says of every place below a node that no schema describes.
pub(super) fn below(node: &Map<String, Value>) -> Result<Option<Rules>, String> {
    match node.get("x-offerctl").and_then(|annotations| annotations.get("below")) {
        None => Ok(None),
        Some(Value::Object(annotations)) if !annotations.contains_key("below") => from(annotations).map(Some),
        Some(other) => Err(format!("x-offerctl.below cannot be {other}")),
    }
}

fn from(annotations: &Map<String, Value>) -> Result<Rules, String> {
    let mut rules = Rules::default();
    for (name, value) in annotations {
        let wrong = || format!("x-offerctl.{name} cannot be {value}");
        let flag = || value.as_bool().ok_or_else(wrong);
        let text = || value.as_str().map(ToOwned::to_owned).ok_or_else(wrong);
        match name.as_str() {
            "list" => rules.list = list_rule(value).ok_or_else(wrong)?,
            "entries" => {
                rules.exact_entries = value.as_str().filter(|&v| v == "exact").map(|_| true).ok_or_else(wrong)?;
            }
            "guard" => rules.guard = Some(text()?),
            "secret" => rules.secret = flag()?,
            "artifact" if value.as_str() == Some("maybe") => rules.maybe_artifact = true,
            "artifact" => rules.artifact = flag()?,
            "below" => {}
            "url" => rules.ignore_query = strings(value.get("ignoreQuery")).ok_or_else(wrong)?,
            "serverOwned" => rules.server_owned = flag()?,
            "writeOnly" => rules.write_only = flag()?,
            "readOnlyOnWrite" => rules.read_only_on_write = flag()?,
            "default" => rules.default = Some(value.clone()),
            "returnedAs" => rules.returned_as = Some(text()?),
            "numericString" => rules.numeric_string = flag()?,
            "case" if matches!(value.as_str(), Some("insensitive" | "upper")) => rules.case = Case::Insensitive,
            "exclusive" => rules.exclusive = strings(Some(value)).ok_or_else(wrong)?,
            "spelledAs" => rules.spelled_as = Some(text()?),
            "twin" => rules.twin = Some(text()?),
            "immutable" => rules.immutable = flag()?,
            "risk" => rules.risk = Some(Risk::annotated(&text()?).ok_or_else(wrong)?),
            "restricts" => rules.restricts = flag()?,
            "locked" => rules.locked = Some(locked(value).ok_or_else(wrong)?),
            "chooses" => rules.chooses = chooses(value).ok_or_else(wrong)?,
            "deprecated" => rules.deprecated = Some(text()?),
            _ => return Err(format!("x-offerctl.{name}: {value} is not an annotation")),
        }
    }
    Ok(rules)
}

fn list_rule(value: &Value) -> Option<ListRule> {
    match (value.as_str(), value.get("keyed").and_then(Value::as_str)) {
        (Some("set"), _) => Some(ListRule::Set),
        (Some("ordered"), _) => Some(ListRule::Ordered),
        (_, Some(key)) => Some(ListRule::Keyed(key.to_owned())),
        _ => None,
    }
}

fn locked(value: &Value) -> Option<Locked> {
    match value.as_str()? {
        "value" => Some(Locked::Value),
        "count" => Some(Locked::Count),
        "set" => Some(Locked::Set),
        _ => None,
    }
}

fn chooses(value: &Value) -> Option<BTreeMap<String, Option<String>>> {
    let choice = |(word, key): (&String, &Value)| match key {
        Value::Null => Some((word.clone(), None)),
        key => Some((word.clone(), Some(key.as_str()?.to_owned()))),
    };
    value.as_object()?.iter().map(choice).collect()
}

fn strings(value: Option<&Value>) -> Option<Vec<String>> {
    value?.as_array()?.iter().map(|item| item.as_str().map(ToOwned::to_owned)).collect()
}
