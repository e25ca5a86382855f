//! Prices as a table: region, core size or term, old, new, per cent. Exact decimals, equal rows folded.

use std::collections::HashMap;

use serde_json::Value;

use crate::diff::{Change, ChangeKind};
use crate::model::{Address, Decimal, Step, percent};
use crate::plan::Risk;
use crate::render::{brief, visible};
use crate::steps;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PriceTable {
    /// The currency, where the portal's document tells it and it stays.
    pub(crate) currency: Option<String>,
    /// The rows, in the order of the file.
    pub(crate) rows: Vec<PriceRow>,
}

/// One price, in one region or in several alike.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PriceRow {
    /// The regions; none where the price is the same everywhere.
    pub(crate) regions: Vec<String>,
    pub(crate) term: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
    /// The difference: `+20%`, `new`, `gone`, `from 0`.
    pub(crate) change: String,
}

impl PriceTable {
    /// How many prices change: a row of several regions is several.
    pub(crate) fn count(&self) -> usize {
        self.rows.iter().map(|row| row.regions.len().max(1)).sum()
    }
}

impl PriceRow {
    /// `12 regions (AT, BE, …)`, or the one region.
    pub(crate) fn region(&self) -> String {
        match self.regions.as_slice() {
            [] => "all regions".to_owned(),
            [one] => one.clone(),
            many => {
                let shown = many.iter().take(6).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if many.len() > 6 { ", …" } else { "" };
                format!("{} regions ({shown}{more})", many.len())
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Price {
    region: Option<String>,
    term: String,
    old: Option<Value>,
    new: Option<Value>,
}

/// Returns the block and the prices that a change is made of; `None` where it is not a change of prices only. A price
/// is a number of the class `price` below a block of prices: `virtualMachinePricing/coreMultiplier/single`, and not the
/// months of a free trial beside it.
pub(super) fn prices(risk: Risk, change: &Change) -> Option<(Address, Vec<Price>)> {
    if risk != Risk::Price {
        return None;
    }
    let (block, inside) = block(&change.address)?;
    let (old, new) = match &change.kind {
        ChangeKind::Add { after } => (None, Some(after)),
        ChangeKind::Remove { before } => (Some(before), None),
        ChangeKind::Replace { before, after } => (Some(before), Some(after)),
        ChangeKind::Members { .. } | ChangeKind::List { .. } => return None,
    };
    let mut leaves = Vec::<(Vec<String>, [Option<&Value>; 2])>::new();
    let mut places = HashMap::new();
    for (side, value) in [old, new].into_iter().enumerate() {
        flatten(&inside, value, &mut |path, value| {
            steps::count(1);
            let at = *places.entry(path.to_vec()).or_insert(leaves.len());
            if at == leaves.len() {
                leaves.push((path.to_vec(), [None, None]));
            }
            leaves[at].1[side] = Some(value);
        });
    }
    // A value that holds anything but prices is shown as it is.
    let is_price = |(path, sides): &(Vec<String>, [Option<&Value>; 2])| {
        path.len() > 1 && sides.iter().flatten().all(|value| value.is_number())
    };
    if !leaves.iter().all(is_price) {
        return None;
    }
    let found =
        leaves.into_iter().filter(|(_, [old, new])| old != new).map(|(path, [old, new])| price(&path, old, new));
    let found = found.collect::<Vec<_>>();
    (!found.is_empty()).then_some((block, found))
}

/// Returns the block of prices on an address, and the steps below it.
fn block(address: &Address) -> Option<(Address, Vec<String>)> {
    let priced = |step: Step<&str>| step.key().is_some_and(|key| key.to_ascii_lowercase().contains("pric"));
    let at = address.steps().position(priced)?;
    let inside = address.steps().skip(at + 1).map(|step| match step {
        Step::Key(name) | Step::Id(name) => name.to_owned(),
    });
    let inside = inside.collect::<Vec<_>>();
    Some((inside.iter().fold(address.clone(), |block, _| block.parent()), inside))
}

fn flatten<'v>(path: &[String], value: Option<&'v Value>, visit: &mut impl FnMut(&[String], &'v Value)) {
    match value {
        None => {}
        Some(Value::Object(map)) => {
            for (key, value) in map {
                flatten(&[path, std::slice::from_ref(key)].concat(), Some(value), visit);
            }
        }
        Some(value) => visit(path, value),
    }
}

fn price(path: &[String], old: Option<&Value>, new: Option<&Value>) -> Price {
    let regions = path.iter().position(|step| step.to_ascii_lowercase().contains("regionprices"));
    let (region, term) = match regions {
        Some(at) => (path.get(at + 1).cloned(), path.get(at + 2..).unwrap_or_default().join("/")),
        None => (None, path.last().cloned().unwrap_or_default()),
    };
    Price { region, term, old: old.cloned(), new: new.cloned() }
}

/// Returns the table of the prices of one block.
pub(super) fn table(prices: &[Price], currency: Option<String>) -> PriceTable {
    let mut rows = Vec::<PriceRow>::new();
    let mut of_regions = HashMap::new();
    for Price { region, term, old, new } in prices {
        steps::count(1);
        let change = difference(old.as_ref(), new.as_ref());
        let (old, new) = aligned(old.as_ref(), new.as_ref());
        let mut row = PriceRow { regions: Vec::new(), term: visible(term, false), old, new, change };
        let Some(region) = region.as_deref().map(|region| visible(region, false)) else {
            rows.push(row);
            continue;
        };
        let at = *of_regions.entry((row.term.clone(), row.old.clone(), row.new.clone())).or_insert(rows.len());
        match rows.get_mut(at) {
            Some(row) => row.regions.push(region),
            None => {
                row.regions.push(region);
                rows.push(row);
            }
        }
    }
    PriceTable { currency, rows }
}

fn decimal(value: &Value) -> Option<Decimal> {
    value.is_number().then(|| Decimal::of(value)).flatten()
}

/// Returns both numbers with the same places after the point.
fn aligned(old: Option<&Value>, new: Option<&Value>) -> (Option<String>, Option<String>) {
    let places = [old, new].into_iter().flatten().filter_map(decimal).map(Decimal::places).max().unwrap_or(0);
    let print = |value: &Value| decimal(value).map_or_else(|| brief(value, 40), |number| format!("{number:.places$}"));
    (old.map(print), new.map(print))
}

/// Returns by how many per cent a price changes.
fn difference(old: Option<&Value>, new: Option<&Value>) -> String {
    let (old, new) = match (old, new) {
        (None, _) => return "new".to_owned(),
        (_, None) => return "gone".to_owned(),
        (Some(old), Some(new)) => (decimal(old), decimal(new)),
    };
    let (Some(old), Some(new)) = (old, new) else { return String::new() };
    match Decimal::step(old, new) {
        _ if old == Decimal::whole(0) => "from 0".to_owned(),
        None => String::new(),
        Some(0) => "< 0.01%".to_owned(),
        Some(step) => percent(step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pointer;
    use serde_json::json;

    fn change(steps: &[&str], kind: ChangeKind) -> Change {
        let address = steps.iter().fold(Address::default(), |address, step| address.key(step));
        Change {
            address,
            pointer: Pointer::root(),
            file: Default::default(),
            line: 1,
            kind,
            risk: None,
            immutable: false,
            twin: None,
            portal_edit: None,
        }
    }

    fn edit(before: Value, after: Value) -> ChangeKind {
        ChangeKind::Replace { before, after }
    }

    #[test]
    fn per_cents_are_exact() {
        let of = |old: Value, new: Value| difference(Some(&old), Some(&new));
        assert_eq!(of(json!(1.25), json!(1.5)), "+20%");
        assert_eq!(of(json!(0.3), json!(0.1)), "-66.67%");
        assert_eq!(of(json!(0.1), json!(0.3)), "+200%");
        assert_eq!(of(json!(100_000), json!(100_001)), "< 0.01%");
        assert_eq!(of(json!(2), json!(0)), "-100%");
        assert_eq!(of(json!(0.0), json!(0.5)), "from 0");
        assert_eq!(difference(None, Some(&json!(1))), "new");
        assert_eq!(aligned(Some(&json!(1.25)), Some(&json!(1.5))), (Some("1.25".into()), Some("1.50".into())));
        assert_eq!(aligned(Some(&json!(1e-7)), Some(&json!(2))), (Some("0.0000001".into()), Some("2.0000000".into())));
    }

    #[test]
    fn equal_rows_of_several_regions_are_one() {
        let regions = ["AT", "BE", "DE"];
        let changes = regions.map(|region| {
            change(&["plans", "virtualMachinePricing", "regionPrices", region, "2core"], edit(json!(1.25), json!(1.5)))
        });
        let other = change(
            &["plans", "virtualMachinePricing", "regionPrices", "US"],
            ChangeKind::Add { after: json!({"2core": 2}) },
        );
        let found = changes
            .iter()
            .chain([&other])
            .filter_map(|change| prices(Risk::Price, change))
            .flat_map(|(_, prices)| prices)
            .collect::<Vec<_>>();
        let table = table(&found, None);
        let rows = table.rows.iter().map(|row| (row.region(), row.change.as_str())).collect::<Vec<_>>();
        assert_eq!(rows, [("3 regions (AT, BE, DE)".to_owned(), "+20%"), ("US".to_owned(), "new")]);
        assert_eq!((table.rows[0].old.as_deref(), table.rows[0].new.as_deref()), (Some("1.25"), Some("1.50")));
    }

    #[test]
    fn what_is_not_a_price_is_none() {
        let trial = change(&["virtualMachinePricing", "freeTrialDurationInMonths"], edit(json!(0), json!(1)));
        assert_eq!(prices(Risk::Price, &trial), None);
        let currency = change(&["monthlyPricing", "multiplier", "currency"], edit(json!("USD"), json!("EUR")));
        assert_eq!(prices(Risk::Price, &currency), None);
        let text = change(&["pricing", "x", "y"], edit(json!(1), json!(2)));
        assert_eq!(prices(Risk::Text, &text), None);
    }
}
