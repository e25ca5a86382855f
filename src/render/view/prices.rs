//! Prices as a table: region, core size or term, old, new, per cent. Exact decimals, equal rows folded.

use serde_json::Value;

use crate::diff::{Change, ChangeKind};
use crate::model::{Address, Step};
use crate::plan::Risk;
use crate::render::{brief, visible};

/// The prices of one block that change.
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
    /// The core size or the term.
    pub(crate) term: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
    /// The difference: `+20 %`, `new`, `gone`, `from 0`.
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

/// A price that changes: the block that it is in, its region and its term.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Price {
    pub(super) block: Address,
    region: Option<String>,
    term: String,
    old: Option<Value>,
    new: Option<Value>,
}

/// The prices that a change is made of; none where it is no change of prices. A price is a number of the class `price`
/// that stands below a block of prices: `virtualMachinePricing/coreMultiplier/single`, and not the months of a free
/// trial beside it.
pub(super) fn prices(risk: Risk, change: &Change) -> Vec<Price> {
    if risk != Risk::Price {
        return Vec::new();
    }
    let Some((block, inside)) = block(&change.address) else { return Vec::new() };
    let (old, new) = match &change.kind {
        ChangeKind::Add { after } => (None, Some(after)),
        ChangeKind::Remove { before } => (Some(before), None),
        ChangeKind::Replace { before, after } => (Some(before), Some(after)),
        ChangeKind::Members { .. } | ChangeKind::List { .. } => return Vec::new(),
    };
    let (mut found, mut others) = (Vec::new(), false);
    let mut leaves = Vec::<(Vec<String>, Option<Value>, Option<Value>)>::new();
    flatten(&inside, old, &mut |path, value| leaves.push((path, Some(value.clone()), None)));
    flatten(&inside, new, &mut |path, value| match leaves.iter_mut().find(|(other, _, _)| *other == path) {
        Some((_, _, new)) => *new = Some(value.clone()),
        None => leaves.push((path, None, Some(value.clone()))),
    });
    for (path, old, new) in leaves {
        let number = |value: &Option<Value>| value.as_ref().is_none_or(Value::is_number);
        if !number(&old) || !number(&new) || path.len() < 2 {
            others = true;
        } else if old != new {
            found.push(price(&block, &path, old, new));
        }
    }
    // A value that is not all prices is shown as it is.
    if others { Vec::new() } else { found }
}

/// The block of prices on an address, and the steps below it.
fn block(address: &Address) -> Option<(Address, Vec<String>)> {
    let steps = address.steps().collect::<Vec<_>>();
    let priced = |step: &Step<&str>| step.key().is_some_and(|key| key.to_ascii_lowercase().contains("pric"));
    let at = steps.iter().position(priced)?;
    let mut block = Address::default();
    for step in &steps[..=at] {
        block = match step {
            Step::Key(key) => block.key(key),
            Step::Id(id) => block.id(id),
        };
    }
    let inside = steps[at + 1..].iter().map(|step| match step {
        Step::Key(name) | Step::Id(name) => (*name).to_owned(),
    });
    Some((block, inside.collect()))
}

fn flatten(path: &[String], value: Option<&Value>, visit: &mut impl FnMut(Vec<String>, &Value)) {
    match value {
        None => {}
        Some(Value::Object(map)) => {
            for (key, value) in map {
                let path = path.iter().cloned().chain([key.clone()]).collect::<Vec<_>>();
                flatten(&path, Some(value), visit);
            }
        }
        Some(value) => visit(path.to_vec(), value),
    }
}

fn price(block: &Address, path: &[String], old: Option<Value>, new: Option<Value>) -> Price {
    let regions = path.iter().position(|step| step.to_ascii_lowercase().contains("regionprices"));
    let (region, term) = match regions {
        Some(at) => (path.get(at + 1).cloned(), path.get(at + 2..).unwrap_or_default().join("/")),
        None => (None, path.last().cloned().unwrap_or_default()),
    };
    Price { block: block.clone(), region, term, old, new }
}

/// The table of the prices of one block.
pub(super) fn table(prices: &[Price], currency: Option<String>) -> PriceTable {
    let mut rows = Vec::<PriceRow>::new();
    for price in prices {
        let region = price.region.as_deref().map(|region| visible(region, false));
        let term = visible(&price.term, false);
        let (old, new) = aligned(price.old.as_ref(), price.new.as_ref());
        let same = |row: &&mut PriceRow| (&row.term, &row.old, &row.new) == (&term, &old, &new);
        match rows.iter_mut().find(same).filter(|row| region.is_some() && !row.regions.is_empty()) {
            Some(row) => row.regions.extend(region),
            None => {
                let change = difference(price.old.as_ref(), price.new.as_ref());
                rows.push(PriceRow { regions: region.into_iter().collect(), term, old, new, change });
            }
        }
    }
    PriceTable { currency, rows }
}

/// A decimal number: `digits / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Decimal {
    digits: i128,
    scale: u32,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{part}").parse::<i128>().ok()?;
        let scale = i32::try_from(part.len()).ok()?.checked_sub(exponent)?;
        let (digits, scale) = if scale < 0 {
            (digits.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?, 0)
        } else {
            (digits, u32::try_from(scale).ok()?)
        };
        Some(Self { digits, scale })
    }

    /// With `scale` places after the point, at least as many as it has.
    fn print(self, scale: u32) -> Option<String> {
        let digits = self.digits.checked_mul(10_i128.checked_pow(scale.checked_sub(self.scale)?)?)?;
        let sign = if digits < 0 { "-" } else { "" };
        let places = scale as usize;
        let text = format!("{:0>width$}", digits.unsigned_abs(), width = places + 1);
        let (whole, part) = text.split_at(text.len() - places);
        Some(if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") })
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    value.is_number().then(|| value.to_string()).and_then(|text| Decimal::parse(&text)).filter(|d| d.scale <= 12)
}

/// Both numbers with the same places after the point.
fn aligned(old: Option<&Value>, new: Option<&Value>) -> (Option<String>, Option<String>) {
    let scale = [old, new].into_iter().flatten().filter_map(decimal).map(|d| trimmed(d).scale).max().unwrap_or(0);
    let print =
        |value: &Value| decimal(value).and_then(|d| trimmed(d).print(scale)).unwrap_or_else(|| brief(value, 40));
    (old.map(print), new.map(print))
}

/// Without the zeros at the end.
fn trimmed(mut decimal: Decimal) -> Decimal {
    while decimal.scale > 0 && decimal.digits % 10 == 0 {
        decimal = Decimal { digits: decimal.digits / 10, scale: decimal.scale - 1 };
    }
    decimal
}

/// What a price becomes, in per cent to one place.
pub(super) fn difference(old: Option<&Value>, new: Option<&Value>) -> String {
    let (old, new) = match (old, new) {
        (None, _) => return "new".to_owned(),
        (_, None) => return "gone".to_owned(),
        (Some(old), Some(new)) => (decimal(old), decimal(new)),
    };
    let (Some(old), Some(new)) = (old, new) else { return String::new() };
    if old.digits == 0 {
        return "from 0".to_owned();
    }
    per_mille(old, new).map_or_else(String::new, |tenths| match tenths {
        0 => "< 0.1 %".to_owned(),
        tenths => {
            let sign = if tenths < 0 { "-" } else { "+" };
            let (whole, part) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
            if part == 0 { format!("{sign}{whole} %") } else { format!("{sign}{whole}.{part} %") }
        }
    })
}

/// The difference in tenths of a per cent, rounded half away from zero.
fn per_mille(old: Decimal, new: Decimal) -> Option<i128> {
    let scale = old.scale.max(new.scale);
    let raise = |d: Decimal| d.digits.checked_mul(10_i128.checked_pow(scale - d.scale)?);
    let (old, new) = (raise(old)?, raise(new)?);
    let doubled = (new - old).checked_mul(2_000)?;
    let base = old.checked_abs()?;
    let sign = if doubled < 0 { -1 } else { 1 };
    Some(sign * ((doubled.abs() + base) / (2 * base)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pointer;
    use serde_json::json;

    fn change(steps: &[&str], kind: ChangeKind) -> Change {
        let address = steps.iter().fold(Address::default(), |address, step| address.key(step));
        Change { address, pointer: Pointer::root(), line: 1, kind, risk: None, immutable: false, twin: None }
    }

    fn edit(before: Value, after: Value) -> ChangeKind {
        ChangeKind::Replace { before, after }
    }

    #[test]
    fn per_cents_are_exact() {
        let of = |old: Value, new: Value| difference(Some(&old), Some(&new));
        assert_eq!(of(json!(1.25), json!(1.5)), "+20 %");
        assert_eq!(of(json!(0.3), json!(0.1)), "-66.7 %");
        assert_eq!(of(json!(0.1), json!(0.3)), "+200 %");
        assert_eq!(of(json!(100_000), json!(100_001)), "< 0.1 %");
        assert_eq!(of(json!(2), json!(0)), "-100 %");
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
        let found = changes.iter().chain([&other]).flat_map(|change| prices(Risk::Price, change)).collect::<Vec<_>>();
        let table = table(&found, None);
        let rows = table.rows.iter().map(|row| (row.region(), row.change.as_str())).collect::<Vec<_>>();
        assert_eq!(rows, [("3 regions (AT, BE, DE)".to_owned(), "+20 %"), ("US".to_owned(), "new")]);
        assert_eq!((table.rows[0].old.as_deref(), table.rows[0].new.as_deref()), (Some("1.25"), Some("1.50")));
    }

    #[test]
    fn what_is_not_a_price_is_none() {
        let trial = change(&["virtualMachinePricing", "freeTrialDurationInMonths"], edit(json!(0), json!(1)));
        assert_eq!(prices(Risk::Price, &trial), []);
        let currency = change(&["monthlyPricing", "multiplier", "currency"], edit(json!("USD"), json!("EUR")));
        assert_eq!(prices(Risk::Price, &currency), []);
        let text = change(&["pricing", "x", "y"], edit(json!(1), json!(2)));
        assert_eq!(prices(Risk::Text, &text), []);
    }
}
