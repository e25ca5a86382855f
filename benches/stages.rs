//! What each stage costs for one offer of 10 KB, 1 MB and 8 MB with one changed price: `cargo bench`.

use std::fmt::Write as _;

use divan::Bencher;
use offerctl::Stages;
use serde_json::{Value, json};

/// How many plans there are, each with a price for 8 machine sizes in 140 regions, and the size of the document that makes.
const PLANS: [usize; 3] = [1, 13, 104];

fn main() {
    divan::main();
}

fn prices(regions: usize) -> Value {
    let sizes = |region: usize| {
        let price = |size: usize| (format!("machine-{size:03}core"), json!(0.01 * (region + size + 1) as f64));
        (0..8).map(price).collect::<serde_json::Map<_, _>>()
    };
    (0..regions).map(|region| (format!("r{region:03}"), Value::Object(sizes(region)))).collect()
}

fn stages(plans: usize) -> Stages {
    // The smallest one is an offer of usual size.
    let prices = prices(if plans == 1 { 20 } else { 140 });
    let pricing = json!({"isByol": false, "freeTrialDurationInMonths": 0, "regionPrices": prices});
    let plan = |at: usize| json!({"planId": format!("plan-{at:03}"), "virtualMachinePricing": pricing, "virtualMachinePricingV2": pricing});
    let mut document = json!({
        "publisherId": "contoso", "id": "a", "offerTypeId": "microsoft-azure-virtualmachines",
        "definition": {"displayText": "A", "offer": {}, "plans": (0..plans).map(plan).collect::<Vec<_>>()}});
    let live = document.clone();
    for key in ["virtualMachinePricing", "virtualMachinePricingV2"] {
        document["definition"]["plans"][0][key]["regionPrices"]["r000"]["machine-000core"] = json!(9.5);
    }
    let mut text = String::new();
    yaml(&document, 0, &mut text);
    Stages::new(text, live)
}

/// Writes block style, with every text as in JSON.
fn yaml(value: &Value, depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let nested = matches!(value, Value::Object(map) if !map.is_empty()) || value.is_array();
                let _ = write!(out, "{pad}\"{key}\":{}", if nested { "\n" } else { " " });
                yaml(value, if nested { depth + 1 } else { 0 }, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = writeln!(out, "{pad}-");
                yaml(item, depth + 1, out);
            }
        }
        scalar => {
            let _ = writeln!(out, "{pad}{scalar}");
        }
    }
}

#[divan::bench(args = PLANS, max_time = 5)]
fn load(bencher: Bencher<'_, '_>, plans: usize) {
    let stages = stages(plans);
    bencher.bench_local(|| stages.load());
}

#[divan::bench(args = PLANS, max_time = 5)]
fn lint(bencher: Bencher<'_, '_>, plans: usize) {
    let stages = stages(plans);
    bencher.bench_local(|| stages.lint());
}

#[divan::bench(args = PLANS, max_time = 5)]
fn compare(bencher: Bencher<'_, '_>, plans: usize) {
    let stages = stages(plans);
    bencher.bench_local(|| stages.compare());
}

#[divan::bench(args = PLANS, max_time = 5)]
fn render(bencher: Bencher<'_, '_>, plans: usize) {
    let stages = stages(plans);
    bencher.bench_local(|| stages.render());
}
