//! Guards of what a plan of the offer costs, where it is sold, and who sees it. What they look at is what the schema
//! says of a field (`risk`, `restricts`); the two documents are compared there and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Finding, named};
use crate::live;
use crate::model::{self, Address, Decimal, Risk, percent};
use crate::schema::{ListRule, Shape};
use crate::workspace::{Guard, Limits};

/// A part of an offer of which the schema says what a change means, as it is and as it would be.
struct Part<'a> {
    risk: Risk,
    /// The plan that it belongs to, by the identities on the way, or `offer`.
    owner: String,
    address: Address,
    shape: &'a Shape,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

/// The findings about all parts that would change.
pub(super) fn findings(before: &Value, after: &Value, shape: &Shape, limits: &Limits) -> Vec<Finding> {
    let mut parts = Vec::new();
    walk((before, after), shape, &Address::default(), &mut parts);
    let mut found = prices(&parts, limits);
    for part in &parts {
        match part.risk {
            Risk::Markets => found.extend(markets(part)),
            Risk::Audience => found.extend(audience(part)),
            Risk::Visibility => found.extend(visibility(part)),
            _ => {}
        }
    }
    found
}

/// Collects the parts under what both documents have. What only one has is a removal or an addition of a whole.
fn walk<'a>((before, after): (&'a Value, &'a Value), shape: &'a Shape, address: &Address, parts: &mut Vec<Part<'a>>) {
    match (before, after, &shape.rules.list) {
        (Value::Object(old), Value::Object(new), _) => {
            for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
                let child = shape.property(key);
                let here = shape.address(address, key);
                // The second of two equal properties may be new, and what it says is not.
                let twin = || shape.twin(key).and_then(|twin| old.get(twin));
                let (was, is) = (old.get(key).or_else(twin), new.get(key));
                match (child.rules.risk, was, is) {
                    (Some(risk), was, is) if was != is => {
                        let owner = address.identities().collect::<Vec<_>>().join("/");
                        let owner = if owner.is_empty() { "offer".to_owned() } else { owner };
                        parts.push(Part { risk, owner, address: here, shape: child, before: was, after: is });
                    }
                    (None, Some(was), Some(is)) => walk((was, is), child, &here, parts),
                    _ => {}
                }
            }
        }
        (Value::Array(old), Value::Array(new), ListRule::Keyed(key)) => {
            let (Some(ids), Some(new_ids)) = (live::identities(old, key), live::identities(new, key)) else { return };
            let case = shape.item().property(key).rules.case;
            for (item, id) in old.iter().zip(ids) {
                if let Some(at) = new_ids.iter().position(|other| case.same(other, id)) {
                    walk((item, &new[at]), shape.item(), &address.id(id), parts);
                }
            }
        }
        _ => {}
    }
}

/// null, a missing key, and what holds nothing else.
fn is_nothing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.iter().all(|item| is_nothing(Some(item))),
        Some(Value::Object(map)) => map.values().all(|value| is_nothing(Some(value))),
        Some(Value::Bool(_) | Value::Number(_)) => false,
    }
}

/// One value of a price that would change.
struct Cell<'a> {
    address: Address,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

fn cells<'a>(
    before: Option<&'a Value>,
    after: Option<&'a Value>,
    shape: &Shape,
    address: &Address,
    found: &mut Vec<Cell<'a>>,
) {
    let same_number = |a: &Value, b: &Value| matches!((Decimal::of(a), Decimal::of(b)), (Some(a), Some(b)) if !Decimal::moves_beyond(a, b, Decimal::whole(0)));
    match (before, after) {
        (Some(Value::Object(_)), None)
        | (None, Some(Value::Object(_)))
        | (Some(Value::Object(_)), Some(Value::Object(_))) => {
            let of = |value: Option<&'a Value>| value.and_then(Value::as_object);
            let (old, new) = (of(before), of(after));
            let keys = old.into_iter().chain(new).flat_map(|map| map.keys());
            let keys = keys.collect::<std::collections::BTreeSet<_>>();
            for key in keys {
                let get = |map: Option<&'a serde_json::Map<String, Value>>| map.and_then(|map| map.get(key));
                cells(get(old), get(new), shape.property(key), &shape.address(address, key), found);
            }
        }
        (Some(a), Some(b)) if a == b || same_number(a, b) => {}
        (before, after) if is_nothing(before) && is_nothing(after) => {}
        (None, after) if after == shape.rules.default.as_ref() || after == Some(&Value::Bool(false)) => {}
        (before, after) => found.push(Cell { address: address.clone(), before, after }),
    }
}

/// One finding for the prices of each plan that move too far, and one for what else is paid for.
fn prices(parts: &[Part<'_>], limits: &Limits) -> Vec<Finding> {
    let mut steps = BTreeMap::<&str, Vec<Step>>::new();
    let mut seen = BTreeSet::new();
    let mut terms = BTreeMap::<&str, BTreeMap<String, (Address, String)>>::new();
    for part in parts.iter().filter(|part| part.risk == Risk::Price) {
        let mut changed = Vec::new();
        cells(part.before, part.after, part.shape, &part.address, &mut changed);
        for Cell { address, before, after } in changed {
            let name = last(&address);
            let decimal = |value: Option<&Value>| value.filter(|value| value.is_number()).and_then(Decimal::of);
            match (decimal(before), decimal(after)) {
                (Some(old), Some(new)) if Decimal::moves_beyond(old, new, limits.price_percent) => {
                    let step = Decimal::step(old, new);
                    // The twin of a price moves in the same way.
                    if seen.insert((&part.owner, step, name.clone())) {
                        let said = format!("`{address}` {old} → {new}");
                        steps.entry(&part.owner).or_default().push(Step { step, name, address, said });
                    }
                }
                (Some(_), Some(_)) => {}
                // A price where there was none, beside others: a size or a region that is new.
                (None, Some(_)) if before.is_none() && part.before.is_some() => {}
                _ => {
                    let said = format!("`{address}` {} → {}", brief(before), brief(after));
                    let value = after.map_or_else(|| "none".to_owned(), plain);
                    terms.entry(&part.owner).or_default().entry(format!("{name}={value}")).or_insert((address, said));
                }
            }
        }
    }
    let prices = steps.into_iter().filter_map(|(owner, steps)| price(owner, steps, limits));
    let terms = terms.into_iter().map(|(owner, terms)| {
        let token = format!("price-terms:{owner}:{}", named(&terms.keys().cloned().collect::<Vec<_>>()));
        let (at, said) = terms.into_values().unzip::<_, _, Vec<_>, Vec<_>>();
        let message = format!("changes what customers of {owner} pay for: {}", listed(said.iter()));
        Finding::guarded(Guard::Price, token, message).at(at)
    });
    prices.chain(terms).collect()
}

/// A price that moves too far.
struct Step {
    /// In per cent; `None` for one from zero.
    step: Option<i128>,
    name: String,
    address: Address,
    said: String,
}

/// The finding about the prices of one plan: the greatest step, and how many there are.
fn price(owner: &str, mut steps: Vec<Step>, limits: &Limits) -> Option<Finding> {
    // A step from zero is greater than any other.
    let size = |step: &Step| step.step.map_or(i128::MAX, i128::abs);
    let greatest = (0..steps.len()).max_by_key(|at| size(&steps[*at]))?;
    steps.swap(0, greatest);
    let Step { step, name, said, .. } = &steps[0];
    let step = step.map_or_else(|| "from-0".to_owned(), percent);
    let (cells, more) = match steps.len() {
        1 => (name.clone(), String::new()),
        count => (format!("{count}-prices"), format!(", the greatest of {count} such steps")),
    };
    let cells = named(&[cells]);
    let limit = limits.price_percent;
    let how = if step == "from-0" { "from nothing".to_owned() } else { step.clone() };
    let token = format!("price:{owner}/{cells}:{step}");
    let message = format!("moves a price of {owner} by more than {limit}%: {said}, {how}{more}");
    Some(Finding::guarded(Guard::Price, token, message).at(steps.into_iter().map(|step| step.address)))
}

fn last(address: &Address) -> String {
    address.steps().last().map_or_else(String::new, |step| match step {
        model::Step::Key(text) | model::Step::Id(text) => text.to_owned(),
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn brief(value: Option<&Value>) -> String {
    const LIMIT: usize = 60;
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    if text.chars().count() <= LIMIT { text } else { format!("{}…", text.chars().take(LIMIT).collect::<String>()) }
}

/// At most a handful of things, and how many more there are.
fn listed<'a>(items: impl ExactSizeIterator<Item = &'a String>) -> String {
    const SHOWN: usize = 8;
    let count = items.len();
    let shown = items.take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if count > SHOWN { format!("{shown} and {} more", count - SHOWN) } else { shown }
}

/// The members of a list, or of the lists in a block: texts, and objects by what identifies them.
fn members(value: Option<&Value>, shape: &Shape, found: &mut Vec<String>) {
    match value {
        Some(Value::Array(items)) => {
            for item in items {
                let id = match &shape.rules.list {
                    ListRule::Keyed(key) => item.get(key).map(|id| (id, shape.item().property(key).rules.case)),
                    ListRule::Set | ListRule::Ordered => Some((item, shape.item().rules.case)),
                };
                found.extend(id.map(|(id, case)| case.folded(&plain(id))));
            }
        }
        Some(Value::Object(map)) => {
            for (key, value) in map {
                members(Some(value), shape.property(key), found);
            }
        }
        Some(Value::String(text)) if !text.is_empty() => found.push(text.clone()),
        _ => {}
    }
}

/// Members that are there afterwards and were not before, and the other way round.
fn moved(part: &Part<'_>) -> (Vec<String>, Vec<String>) {
    let of = |value| {
        let mut found = Vec::new();
        members(value, part.shape, &mut found);
        found
    };
    let (before, after) = (of(part.before), of(part.after));
    let without = |all: &[String], other: &[String]| {
        let mut left = all.iter().filter(|one| !other.contains(one)).cloned().collect::<Vec<_>>();
        left.sort();
        left.dedup();
        left
    };
    (without(&after, &before), without(&before, &after))
}

fn markets(part: &Part<'_>) -> Option<Finding> {
    let (_, removed) = moved(part);
    let shown = removed.iter().map(|market| market.to_uppercase()).collect::<Vec<_>>();
    let shown = if part.shape.item().rules.case == crate::schema::Case::Insensitive { shown } else { removed };
    (!shown.is_empty()).then(|| {
        let token = format!("remove-market:{}:{}", part.owner, named(&shown));
        let message = format!("{} is no longer sold in {} (`{}`)", part.owner, listed(shown.iter()), part.address);
        Finding::guarded(Guard::Markets, token, message).at([part.address.clone()])
    })
}

fn audience(part: &Part<'_>) -> Option<Finding> {
    let Part { owner, address, before, after, .. } = part;
    let found = |guard, token, message| Some(Finding::guarded(guard, token, message).at([address.clone()]));
    if part.shape.rules.restricts {
        match (is_nothing(*before), is_nothing(*after)) {
            (false, true) => {
                let message = format!("everyone sees {owner}, which only its audience saw (`{address}`)");
                return found(Guard::Audience, format!("widen-audience:{owner}"), message);
            }
            (true, false) => {
                let message = format!("only its audience sees {owner}, which everyone saw (`{address}`)");
                return found(Guard::Visibility, format!("narrow-audience:{owner}"), message);
            }
            (true, true) => return None,
            (false, false) => {}
        }
    }
    let (added, removed) = moved(part);
    let signed = |sign: &str, all: &[String]| all.iter().map(|one| format!("{sign}{one}")).collect::<Vec<_>>();
    let all = [signed("+", &added), signed("-", &removed)].concat();
    if all.is_empty() {
        return None;
    }
    let message = format!("changes who is in an audience (`{address}`): {}", listed(all.iter()));
    found(Guard::Members, format!("audience:{owner}:{}", named(&all)), message)
}

/// A switch; where it is not set, it is off.
fn visibility(part: &Part<'_>) -> Option<Finding> {
    let switch = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Some(false),
        Some(value) => value.as_bool(),
    };
    let (before, after) = (switch(part.before)?, switch(part.after)?);
    (before != after).then(|| {
        let token = format!("visibility:{}:{}", part.owner, named(&[format!("{}={after}", last(&part.address))]));
        let message = format!("changes whether {} is shown: `{}` {before} → {after}", part.owner, part.address);
        Finding::guarded(Guard::Visibility, token, message).at([part.address.clone()])
    })
}
