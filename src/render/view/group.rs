//! Changes that are read as one: the prices of a block, the versions of a dictionary, a member with another identity.

use serde_json::Value;

use super::hunks::hunks;
use super::prices::{self, Price};
use super::value::{Field, Fields, fields, leaves};
use super::{Act, Body, Item, Text, ViewOptions, markup};
use crate::diff::{Change, ChangeKind};
use crate::model::{Address, Pointer, Step};
use crate::plan::{Base, Risk};
use crate::render::visible;

/// Texts from this length on are shown as hunks rather than in full.
const LONG: usize = 60;
/// Words without which a text is an address or a name, and read as a whole; but not at any length.
const FEW_WORDS: usize = 4;
const LONGEST_WHOLE: usize = 100;
/// Lines of hunks of one change.
pub(crate) const MOST_LINES: usize = 60;
const MOST_FIELDS: usize = 24;
/// How much of an added member must be as in the removed one for the two to be one member, in per cent.
const ALIKE: usize = 75;

/// An entry of a dictionary that comes or goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    /// Whether it comes or goes.
    pub(crate) act: Act,
    pub(crate) id: String,
    /// Line of the offer file that asks for it.
    pub(crate) line: usize,
    pub(crate) fields: Fields,
}

/// A field in which two members differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// The names on the way to it.
    pub(crate) path: String,
    /// What the one that goes holds.
    pub(crate) before: Option<Value>,
    /// What the one that comes holds.
    pub(crate) after: Option<Value>,
}

/// What a change is read with.
#[derive(PartialEq)]
enum Group<'a> {
    /// The prices of one block.
    Prices(Address, Vec<Price>),
    /// Members of the list or dictionary at this address.
    Members(Address, Vec<&'a Change>),
    Alone(&'a Change),
}

/// The items, the gravest first.
pub(super) fn items(changes: &[(Risk, &Change)], base: &Base, options: ViewOptions) -> Vec<Item> {
    let mut groups = Vec::<(Risk, &Change, Group<'_>)>::new();
    for &(risk, change) in changes {
        let prices = prices::prices(risk, change);
        let first = prices.first().map(|price| price.block.clone());
        let member = member(change).map(|_| change.address.parent());
        // Changes come in the order of their risk, so a group has the risk of its first one.
        let open = groups.iter_mut().find_map(|(_, of, group)| match group {
            Group::Prices(block, _) => (first.as_ref() == Some(block) && of.twin == change.twin).then_some(group),
            Group::Members(parent, _) => (member.as_ref() == Some(parent)).then_some(group),
            Group::Alone(_) => None,
        });
        match (open, first, member) {
            (Some(Group::Prices(_, rows)), _, _) => rows.extend(prices),
            (Some(Group::Members(_, members)), _, _) => members.push(change),
            (_, Some(block), _) => groups.push((risk, change, Group::Prices(block, prices))),
            (_, None, Some(parent)) => groups.push((risk, change, Group::Members(parent, vec![change]))),
            (_, None, None) => groups.push((risk, change, Group::Alone(change))),
        }
    }
    let mut items = Vec::new();
    for (risk, change, group) in groups {
        match group {
            Group::Prices(block, rows) => {
                let body = Body::Prices(prices::table(&rows, currency(change, changes, base)));
                let address = visible(&block.to_string(), false);
                items.push(Item { address, ..item(risk, change, Act::Change, body) });
            }
            Group::Members(parent, members) => items.extend(of_members(risk, &parent, members, changes, options)),
            Group::Alone(change) => items.push(single(risk, change, options)),
        }
    }
    items.sort_by_key(|item| item.risk);
    items
}

fn item(risk: Risk, change: &Change, act: Act, body: Body) -> Item {
    Item {
        act,
        risk,
        address: visible(&change.address.to_string(), false),
        line: change.line,
        twin: change.twin.as_deref().map(|twin| visible(twin, false)),
        body,
    }
}

/// The identity of a member that comes or goes as a whole.
fn member(change: &Change) -> Option<&str> {
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

/// The items of the members of one collection: renames, then versions as one block, then each alone.
fn of_members<'a>(
    risk: Risk,
    parent: &Address,
    members: Vec<&'a Change>,
    changes: &[(Risk, &'a Change)],
    options: ViewOptions,
) -> Vec<Item> {
    let risk_of = |change: &Change| {
        changes.iter().find(|(_, other)| std::ptr::eq(*other, change)).map_or(risk, |(risk, _)| *risk)
    };
    let mut items = Vec::new();
    let mut rest = members;
    while let Some((gone, come, differences)) = renamed(&rest) {
        let (from, to) = (rest[gone], rest[come]);
        let id = |change| visible(member(change).unwrap_or_default(), false);
        let body = Body::Renamed { from: id(from), to: id(to), differences };
        let address = visible(&parent.to_string(), false);
        let risk = risk_of(from).min(risk_of(to));
        items.push(Item { address, ..item(risk, to, Act::Rename, body) });
        let taken = [from, to];
        rest.retain(|change| taken.iter().all(|other| !std::ptr::eq(*change, *other)));
    }
    if rest.len() > 1 && rest.iter().all(|change| is_entry(change)) {
        let risk = rest.iter().map(|change| risk_of(change)).min().unwrap_or(risk);
        let versions = rest.iter().map(|change| version(change, options)).collect();
        let address = visible(&parent.to_string(), false);
        items.push(Item { address, ..item(risk, rest[0], Act::Change, Body::Versions(versions)) });
    } else {
        items.extend(rest.into_iter().map(|change| single(risk_of(change), change, options)));
    }
    items
}

fn version(change: &Change, options: ViewOptions) -> Version {
    let (act, value) = match &change.kind {
        ChangeKind::Remove { before } => (Act::Remove, before),
        ChangeKind::Add { after } | ChangeKind::Replace { after, .. } => (Act::Add, after),
        ChangeKind::Members { .. } | ChangeKind::List { .. } => (Act::Change, &Value::Null),
    };
    let most = if options.whole { usize::MAX } else { MOST_FIELDS };
    let id = visible(member(change).unwrap_or_default(), false);
    Version { act, id, line: change.line, fields: fields(value, most) }
}

/// A removed and an added member with nearly the same content, and in what they differ.
fn renamed(members: &[&Change]) -> Option<(usize, usize, Vec<Difference>)> {
    let mut best = None::<(usize, usize, usize, Vec<Difference>)>;
    for (gone, from) in members.iter().enumerate() {
        let ChangeKind::Remove { before } = &from.kind else { continue };
        for (come, to) in members.iter().enumerate() {
            let ChangeKind::Add { after } = &to.kind else { continue };
            let ids = [member(from).unwrap_or_default(), member(to).unwrap_or_default()];
            let (alike, differences) = compare(before, after, ids);
            if alike >= ALIKE && best.as_ref().is_none_or(|(_, _, most, _)| alike > *most) {
                best = Some((gone, come, alike, differences));
            }
        }
    }
    best.map(|(gone, come, _, differences)| (gone, come, differences))
}

/// How much of `after` is as in `before`, in per cent of its fields, and the fields that are not. Their identities do
/// not count.
fn compare(before: &Value, after: &Value, ids: [&str; 2]) -> (usize, Vec<Difference>) {
    let all = |value: &Value| {
        let mut found = Vec::new();
        leaves(value, String::new(), &mut found);
        found.retain(|field: &Field| !field.value.as_str().is_some_and(|text| ids.contains(&text)));
        found
    };
    let (before, after) = (all(before), all(after));
    let old =
        before.iter().map(|field| (field.path.as_str(), &field.value)).collect::<std::collections::HashMap<_, _>>();
    let differences = after
        .iter()
        .filter(|field| old.get(field.path.as_str()) != Some(&&field.value))
        .map(|field| Difference {
            path: field.path.clone(),
            before: old.get(field.path.as_str()).map(|value| (*value).clone()),
            after: Some(field.value.clone()),
        })
        .collect::<Vec<_>>();
    let same = after.len() - differences.len();
    let mut differences = differences;
    differences.extend(
        before.iter().filter(|field| after.iter().all(|other| other.path != field.path)).map(|field| Difference {
            path: field.path.clone(),
            before: Some(field.value.clone()),
            after: None,
        }),
    );
    (if after.is_empty() { 0 } else { 100 * same / after.len() }, differences)
}

/// A change that is read alone.
fn single(risk: Risk, change: &Change, options: ViewOptions) -> Item {
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
        ChangeKind::Replace { before: Value::String(old), after: Value::String(new) }
            if [old, new].iter().any(|text| is_long(text))
                || [old, new].iter().any(|text| text.contains('\n') || is_html(text)) =>
        {
            (Act::Change, Body::Text(text(old, new, most_lines, options)))
        }
        ChangeKind::Replace { before, after } => {
            (Act::Change, Body::Scalar { before: before.clone(), after: after.clone() })
        }
    };
    item(risk, change, act, body)
}

/// Whether a reader sees something else than what is written.
fn is_html(text: &str) -> bool {
    text.contains('<') && markup::visible_text(text).is_some()
}

fn text(old: &str, new: &str, most_lines: usize, options: ViewOptions) -> Text {
    let seen = if options.html_source { [None, None] } else { [old, new].map(markup::visible_text) };
    if seen.iter().all(Option::is_none) {
        return Text { hunks: hunks(old, new, most_lines), html: false, markup_only: false };
    }
    let [before, after] = seen;
    let (before, after) = (before.unwrap_or_else(|| old.to_owned()), after.unwrap_or_else(|| new.to_owned()));
    let hunks = hunks(&before, &after, most_lines);
    Text { markup_only: before == after, html: true, hunks }
}

/// The currency that stands beside a price in the portal's document, unless it changes too.
fn currency(price: &Change, changes: &[(Risk, &Change)], base: &Base) -> Option<String> {
    let Base::Present { document, .. } = base else { return None };
    let mut pointer = price.pointer.clone();
    while pointer.pop_back().is_some() {
        let object = document.pointer(pointer.as_str());
        if let Some(Value::String(currency)) = object.and_then(|object| object.get("currency")) {
            let own = pointer.with_trailing_token("currency");
            let moves = |change: &Change| own.starts_with(&change.pointer) && change.pointer != Pointer::root();
            return (!changes.iter().any(|(_, change)| moves(change))).then(|| visible(currency, false));
        }
    }
    None
}
/// Whether a text is read by the words that differ.
fn is_long(text: &str) -> bool {
    text.len() > LONGEST_WHOLE || (text.len() > LONG && text.split_whitespace().nth(FEW_WORDS - 1).is_some())
}
