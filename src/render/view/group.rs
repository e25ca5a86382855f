//! Changes that are read as one: the prices of a block, the versions of a dictionary, a member with another identity.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::hunks::hunks;
use super::prices::{self, Price};
use super::rename::{Rename, renames};
use super::value::{Fields, fields};
use super::{Act, Body, Files, Item, Text, ViewOptions, markup, place};
use crate::diff::{Change, ChangeKind, PortalEdit};
use crate::model::{Address, Step};
use crate::plan::Risk;
use crate::render::{apart, visible};
use crate::steps;

/// Texts from this length on are shown as hunks rather than in full.
const LONG: usize = 60;
/// Words without which a text is an address or a name, and read as a whole; but not at any length.
const FEW_WORDS: usize = 4;
const LONGEST_WHOLE: usize = 100;
/// Lines of hunks of one change.
pub(crate) const MOST_LINES: usize = 60;
const MOST_FIELDS: usize = 24;

/// An entry of a dictionary that comes or goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    /// Whether it comes or goes.
    pub(crate) act: Act,
    pub(crate) id: String,
    /// The file and line that ask for it.
    pub(crate) place: String,
    pub(crate) fields: Fields,
}

/// Changes that are read as one.
enum Group<'a> {
    Prices(Address, Vec<Price>),
    /// Members of the list or dictionary at this address.
    Members(Address, Vec<Classed<'a>>),
    Alone,
}

pub(super) type Classed<'a> = (Risk, &'a Change);

/// What the changes of a group have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum GroupKey<'a> {
    /// The block, its twin, and what is done to edits of the portal.
    Prices(Address, Option<&'a str>, Option<PortalEdit>),
    Members(Address, Option<PortalEdit>),
}

/// Returns the items, the most severe first. `document` is the portal's, for the currencies of prices.
pub(super) fn items(
    changes: &[Classed<'_>],
    document: Option<&Value>,
    files: Files<'_>,
    options: ViewOptions,
) -> Vec<Item> {
    // Changes come in the order of their risk, so a group has the risk of its first one.
    let mut groups = Vec::<(Classed<'_>, Group<'_>)>::new();
    let mut open = BTreeMap::new();
    for &(risk, change) in changes {
        steps::count(1);
        let (key, group) = if let Some((block, prices)) = prices::prices(risk, change) {
            let key = GroupKey::Prices(block.clone(), change.twin.as_deref(), change.portal_edit);
            (key, Group::Prices(block, prices))
        } else if member(change).is_some() {
            let parent = change.address.parent();
            (GroupKey::Members(parent.clone(), change.portal_edit), Group::Members(parent, vec![(risk, change)]))
        } else {
            groups.push(((risk, change), Group::Alone));
            continue;
        };
        let at = *open.entry(key).or_insert(groups.len());
        match (groups.get_mut(at).map(|(_, group)| group), group) {
            (Some(Group::Prices(_, rows)), Group::Prices(_, more)) => rows.extend(more),
            (Some(Group::Members(_, members)), Group::Members(_, more)) => members.extend(more),
            (_, group) => groups.push(((risk, change), group)),
        }
    }
    let changed = changes.iter().map(|(_, change)| change.pointer.as_str()).collect::<HashSet<_>>();
    let mut items = Vec::new();
    for ((risk, change), group) in groups {
        match group {
            Group::Prices(block, rows) => {
                let body = Body::Prices(prices::table(&rows, currency(change, &changed, document)));
                let address = visible(&block.to_string(), false);
                items.push(Item { address, ..item(risk, change, Act::Change, body, files) });
            }
            Group::Members(parent, members) => items.extend(of_members(&parent, members, files, options)),
            Group::Alone => items.push(single(risk, change, files, options)),
        }
    }
    items.sort_by_key(|item| item.risk);
    items
}

fn item(risk: Risk, change: &Change, act: Act, body: Body, files: Files<'_>) -> Item {
    Item {
        act,
        risk,
        address: visible(&change.address.to_string(), false),
        place: place(change, files),
        twin: change.twin.as_deref().map(|twin| visible(twin, false)),
        portal_edit: change.portal_edit.map(PortalEdit::describe),
        body,
    }
}

/// The identity of a member that comes or goes as a whole.
pub(super) fn member(change: &Change) -> Option<&str> {
    match (change.address.steps().last(), &change.kind) {
        (Some(Step::Id(id)), ChangeKind::Add { .. } | ChangeKind::Remove { .. }) => Some(id),
        _ => None,
    }
}

/// Whether a member is an entry of a dictionary rather than of a list: its pointer ends in its identity.
fn is_entry(change: &Change) -> bool {
    let token = change.pointer.tokens().last().map(|token| token.decoded().into_owned());
    token.as_deref() == member(change)
}

/// Returns the items of the members of one collection: renames, then versions as one block, then each alone.
fn of_members(parent: &Address, members: Vec<Classed<'_>>, files: Files<'_>, options: ViewOptions) -> Vec<Item> {
    let address = visible(&parent.to_string(), false);
    let of_parent = |item: Item| Item { address: address.clone(), ..item };
    let (renames, rest) = renames(members);
    let rename = |((from_risk, from), (to_risk, to), differences): Rename<'_>| {
        let id = |change| visible(member(change).unwrap_or_default(), false);
        let body = Body::Renamed { from: id(from), to: id(to), differences };
        of_parent(item(from_risk.min(to_risk), to, Act::Rename, body, files))
    };
    let mut items = renames.into_iter().map(rename).collect::<Vec<_>>();
    match rest.as_slice() {
        // Members come in the order of their risk.
        [(risk, first), _, ..] if rest.iter().all(|(_, change)| is_entry(change)) => {
            let versions = rest.iter().map(|(_, change)| version(change, files, options)).collect();
            items.push(of_parent(item(*risk, first, Act::Change, Body::Versions(versions), files)));
        }
        rest => items.extend(rest.iter().map(|(risk, change)| single(*risk, change, files, options))),
    }
    items
}

fn version(change: &Change, files: Files<'_>, options: ViewOptions) -> Version {
    let (act, value) = match &change.kind {
        ChangeKind::Remove { before } => (Act::Remove, before),
        ChangeKind::Add { after } | ChangeKind::Replace { after, .. } => (Act::Add, after),
        ChangeKind::Members { .. } | ChangeKind::List { .. } => (Act::Change, &Value::Null),
    };
    let most = if options.whole { usize::MAX } else { MOST_FIELDS };
    let id = visible(member(change).unwrap_or_default(), false);
    Version { act, id, place: place(change, files), fields: fields(value, most) }
}

fn single(risk: Risk, change: &Change, files: Files<'_>, options: ViewOptions) -> Item {
    let most = if options.whole { usize::MAX } else { MOST_FIELDS };
    let most_lines = if options.whole { usize::MAX } else { MOST_LINES };
    let (act, body) = match &change.kind {
        ChangeKind::Add { after: after @ Value::Object(map) } if !map.is_empty() => {
            (Act::Add, Body::Fields(fields(after, most)))
        }
        ChangeKind::Add { after } => (Act::Add, Body::Whole(after.clone())),
        ChangeKind::Remove { before } => (Act::Remove, Body::Whole(before.clone())),
        ChangeKind::Members { added, removed } => {
            (Act::Change, Body::Members { added: added.clone(), removed: removed.clone() })
        }
        ChangeKind::List { before, after } => {
            let text = |items: &[Value]| items.iter().map(|item| format!("{item}\n")).collect::<String>();
            let hunks = hunks(&text(before), &text(after), most_lines);
            (Act::Change, Body::List { before: before.len(), after: after.len(), hunks })
        }
        ChangeKind::Replace { before, after } if before == after => (Act::Change, Body::Unseen(after.clone())),
        ChangeKind::Replace { before: Value::String(old), after: Value::String(new) } => {
            let (old, new) = apart::texts(old, new).unwrap_or_else(|| (old.clone(), new.clone()));
            let scalar = || Body::Scalar { before: old.as_str().into(), after: new.as_str().into() };
            (Act::Change, text(&old, &new, most_lines, options).map_or_else(scalar, Body::Text))
        }
        ChangeKind::Replace { before, after } => {
            (Act::Change, Body::Scalar { before: before.clone(), after: after.clone() })
        }
    };
    item(risk, change, act, body, files)
}

/// Compares two texts by their lines; `None` where both are short and plain.
fn text(old: &str, new: &str, most_lines: usize, options: ViewOptions) -> Option<Text> {
    let seen = [old, new].map(|text| text.contains('<').then(|| markup::visible_text(text)).flatten());
    let html = seen.iter().any(Option::is_some);
    if !html && ![old, new].iter().any(|text| is_long(text)) {
        return None;
    }
    let seen = if options.html_source { [None, None] } else { seen };
    let html = html && !options.html_source;
    let [before, after] = seen;
    let (before, after) = (before.as_deref().unwrap_or(old), after.as_deref().unwrap_or(new));
    Some(Text { markup_only: html && before == after, html, hunks: hunks(before, after, most_lines) })
}

/// Whether a text is read by the words that differ.
fn is_long(text: &str) -> bool {
    text.len() > LONGEST_WHOLE
        || text.contains('\n')
        || (text.len() > LONG && text.split_whitespace().nth(FEW_WORDS - 1).is_some())
}

/// Returns the currency beside a price in the portal's document, unless it changes too.
fn currency(price: &Change, changed: &HashSet<&str>, document: Option<&Value>) -> Option<String> {
    let document = document?;
    let mut pointer = price.pointer.clone();
    while pointer.pop_back().is_some() {
        let object = document.pointer(pointer.as_str());
        if let Some(Value::String(currency)) = object.and_then(|object| object.get("currency")) {
            let mut own = pointer.with_trailing_token("currency");
            while !own.is_root() {
                if changed.contains(own.as_str()) {
                    return None;
                }
                own.pop_back();
            }
            return Some(visible(currency, false));
        }
    }
    None
}
