//! Guards of what a plan of the offer costs, where it is sold, and who sees it. What they look at is what the schema
//! says of a field (`risk`, `restricts`); the two documents are compared there and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Finding, named};
use crate::document::{Flow, Keyed, Path, members_key, walk, zip};
use crate::model::{self, Address, Decimal, Risk, percent, same_number};
use crate::schema::Shape;
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
    let parts = parts(before, after, shape);
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
fn parts<'a>(before: &'a Value, after: &'a Value, shape: &'a Shape) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    // The objects of the first document on the way.
    let mut way = Vec::new();
    zip((Some(before), Some(after)), shape, &Path::default(), &mut |at, (was, is), shape| {
        way.truncate(at.depth());
        let above = way.last().copied();
        way.push(was);
        if let (Some(object), Some(risk)) = (at.object(), shape.rules.risk) {
            // The second of two equal properties may be new, and what it says is not.
            let twin = || above.flatten().and_then(|object_before| object_before.get(object.twin(at.name())?));
            let was = was.or_else(twin);
            if was != is {
                let address = at.address();
                let owner = address.parent().identities().collect::<Vec<_>>().join("/");
                let owner = if owner.is_empty() { "offer".to_owned() } else { owner };
                parts.push(Part { risk, owner, address, shape, before: was, after: is });
            }
            return Flow::Past;
        }
        match (was, is) {
            (Some(Value::Array(old)), Some(Value::Array(new)))
                if Keyed::of(old, shape).is_none() || Keyed::of(new, shape).is_none() =>
            {
                Flow::Past
            }
            (Some(_), Some(_)) => Flow::Into,
            _ => Flow::Past,
        }
    });
    parts
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

/// The values in a price block that would change, in the order of their addresses.
fn cells<'a>(part: &Part<'a>) -> Vec<Cell<'a>> {
    let same_number =
        |a: &Value, b: &Value| matches!((a, b), (Value::Number(a), Value::Number(b)) if same_number(a, b));
    let mut found = Vec::new();
    zip((part.before, part.after), part.shape, &Path::default(), &mut |at, (before, after), shape| {
        match (before, after) {
            (Some(Value::Object(_)), None | Some(Value::Object(_))) | (None, Some(Value::Object(_))) => {
                return Flow::Into;
            }
            (Some(a), Some(b)) if a == b || same_number(a, b) => {}
            (before, after) if is_nothing(before) && is_nothing(after) => {}
            (None, after) if after == shape.rules.default.as_ref() || after == Some(&Value::Bool(false)) => {}
            (before, after) => {
                let address = part.address.steps().chain(at.address().steps()).collect();
                found.push(Cell { address, before, after });
            }
        }
        Flow::Past
    });
    found.sort_by(|a, b| a.address.cmp(&b.address));
    found
}

/// One finding for the prices of each plan that move too far, and one for what else is paid for.
fn prices(parts: &[Part<'_>], limits: &Limits) -> Vec<Finding> {
    let mut steps = BTreeMap::<&str, Vec<Step>>::new();
    let mut seen = BTreeSet::new();
    let mut terms = BTreeMap::<&str, BTreeMap<String, (Address, String)>>::new();
    for part in parts.iter().filter(|part| part.risk == Risk::Price) {
        for Cell { address, before, after } in cells(part) {
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
        count => (format!("{count}-prices"), format!(", the largest of {count} such changes")),
    };
    let cells = named(&[cells]);
    let limit = limits.price_percent;
    let how = if step == "from-0" { "from nothing".to_owned() } else { step.clone() };
    let token = format!("price:{owner}/{cells}:{step}");
    let message = format!("changes a price of {owner} by more than {limit}%: {said}, {how}{more}");
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
fn members(value: Option<&Value>, shape: &Shape) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Some(value) = value else { return found };
    walk(value, shape, &Path::default(), &mut |_, value, shape| {
        match value {
            Value::Array(items) => {
                let (item, key) = (shape.item(), members_key(shape));
                let case = key.map_or(item, |key| item.property(key)).rules.case;
                let ids = items.iter().filter_map(|item| key.map_or(Some(item), |key| item.get(key)));
                found.extend(ids.map(|id| case.folded(&plain(id))));
                return Flow::Past;
            }
            Value::String(text) if !text.is_empty() => drop(found.insert(text.clone())),
            _ => {}
        }
        Flow::Into
    });
    found
}

/// Members that are there afterwards and were not before, and the other way round.
fn moved(part: &Part<'_>) -> (Vec<String>, Vec<String>) {
    let (before, after) = (members(part.before, part.shape), members(part.after, part.shape));
    (after.difference(&before).cloned().collect(), before.difference(&after).cloned().collect())
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
