//! The cost of comparing is close to linear in the document: twice the size, at most two and a half times the steps.

use serde_json::{Map, Value, json};

use super::*;
use crate::steps::assert_linear;

const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";
const LINKS: &str = "microsoft-azure-marketplace.usefulLinks";
const AUDIENCE: &str = "microsoft-azure-marketplace.allowedSubscriptions";

fn id(number: usize) -> String {
    format!("{number:08x}-6d0e-4b97-a2f4-5c7e90b1d386")
}

/// An offer whose one plan has this property.
fn with(key: &str, value: &Value) -> Value {
    offer(&[json!({"planId": "a", key: value})])
}

fn versions(numbers: impl Iterator<Item = usize>, disk: &str) -> Value {
    let image = |n| (format!("1.0.{n}"), json!({"osVhdUrl": format!("https://h.example/{disk}{n}.vhd")}));
    with(IMAGES, &Value::Object(numbers.map(image).collect::<Map<_, _>>()))
}

fn assert_cost(size: usize, documents: impl Fn(usize) -> (Value, Value), changes: impl Fn(usize) -> usize) {
    for turned in [false, true] {
        assert_linear(size, |n| {
            let (a, b) = documents(n);
            let (declared, live) = if turned { (b, a) } else { (a, b) };
            assert_eq!(against(&declared, &live).changes.len(), changes(n));
            between(&live, &declared, shape());
        });
    }
}

#[test]
fn replaced_and_renumbered_versions() {
    assert_cost(200, |n| (versions(0..n, "a"), versions(n..2 * n, "a")), |n| 2 * n);
    assert_cost(200, |n| (versions(0..n, "a"), versions(0..n, "b")), |n| n);
}

#[test]
fn a_set_in_another_order_and_a_set_with_other_members() {
    let listing = |ids: Vec<String>| json!({"definition": {"offer": {AUDIENCE: ids}}});
    assert_cost(500, |n| (listing((0..n).map(id).collect()), listing((0..n).rev().map(id).collect())), |_| 0);
    assert_cost(500, |n| (listing((0..n).map(id).collect()), listing((n / 2..2 * n).map(id).collect())), |_| 1);
}

#[test]
fn all_prices_of_a_pair_raised() {
    let sheet = |regions: usize, price: usize| {
        let sizes = (0..27).map(|size| (format!("{size}core"), json!(price + size))).collect::<Map<_, _>>();
        let regions = (0..regions).map(|region| (format!("R{region}"), Value::Object(sizes.clone())));
        json!({"isByol": false, "regionPrices": Value::Object(regions.collect::<Map<_, _>>())})
    };
    let priced = |n, price| {
        let sheet = sheet(n, price);
        offer(&[json!({"planId": "a", "virtualMachinePricing": sheet, "virtualMachinePricingV2": sheet})])
    };
    assert_cost(10, |n| (priced(n, 1), priced(n, 2)), |n| n * 27);
}

#[test]
fn an_ordered_list_reversed_and_one_with_every_member_changed() {
    let link = |n: usize, to: &str| json!({"linkTitle": format!("Link {n}"), "linkUrl": format!("https://h/{to}{n}")});
    let listing = |links: Vec<Value>| json!({"definition": {"offer": {LINKS: links}}});
    let links = |n: usize| (0..n).map(|n| link(n, "a")).collect::<Vec<_>>();
    assert_cost(200, |n| (listing(links(n)), listing(links(n).into_iter().rev().collect())), |_| 1);
    assert_cost(200, |n| (listing(links(n)), listing((0..n).map(|n| link(n, "b")).collect())), |_| 1);
    // Every member looks alike, and none is.
    let alike = |n: usize, inner: usize| (0..n).map(|_| json!({"linkTitle": "a", "more": [inner]})).collect::<Vec<_>>();
    assert_cost(100, |n| (listing(alike(n, 1)), listing(alike(n, 2))), |_| 1);
}

#[test]
fn plans_in_another_order() {
    let plans = |ids: &mut dyn Iterator<Item = usize>| {
        offer(&ids.map(|n| json!({"planId": format!("p{n}"), "regions": ["DE"]})).collect::<Vec<_>>())
    };
    assert_cost(100, |n| (plans(&mut (0..n)), plans(&mut (0..n).rev())), |_| 0);
}
