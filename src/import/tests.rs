use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diff::{self, Compare};
use crate::schema::Schemas;
use crate::workspace::{offer_from_text, plain_yaml};

const VM: &str = "microsoft-azure-virtualmachines";

fn key() -> OfferKey {
    OfferKey { publisher: "contoso".parse().expect("an id"), offer: "a".parse().expect("an id") }
}

/// A live offer of a type, with this definition.
fn live(offer_type: &str, definition: &Value) -> Value {
    json!({"publisherId": "contoso", "id": "a", "offerTypeId": offer_type, "version": 3, "definition": definition})
}

/// Imports an offer in every layout, and checks that each file compares as equal.
#[track_caller]
fn assert_law(name: &str, live: &Value) -> Imported {
    let shape = Schemas::builtin().shape(live["offerTypeId"].as_str().unwrap_or_default());
    let layouts = [(false, false), (true, false), (false, true), (true, true)];
    let mut all = layouts.map(|(wire_names, full)| {
        let imported = write(&key(), live, shape, Options { wire_names, full, ..Options::default() });
        let (desired, found) =
            offer_from_text("a.yaml", imported.text(), Schemas::builtin(), jiff::civil::date(2026, 1, 1));
        let desired = desired.unwrap_or_else(|| panic!("{name}: {found:?}\n{}", imported.text()));
        let options = Compare { ignore: &[], resend: false, contents: None };
        let diff = diff::compare(&desired.document, live, shape, options);
        assert!(diff.patch.is_empty(), "{name}: {:?}\n{}", diff.changes, imported.text());
        imported
    });
    std::mem::take(&mut all[0])
}

/// Texts that some reader of YAML takes for something else, or that some style cannot hold.
const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "no",
    "NO",
    "y",
    "On",
    "true",
    "null",
    "~",
    "1",
    "1.10",
    "1.10.0",
    "01",
    "0x1F",
    "0o7",
    "1e3",
    "6063e25",
    "+1",
    ".5",
    ".inf",
    "1_000",
    "12:30:45",
    "2026-01-31",
    "2026-01-31T00:00:00Z",
    "<<",
    "=",
    "!x",
    "!secret env:A",
    "&a",
    "*a",
    "- a",
    "-",
    "---",
    "...",
    "? a",
    "a: b",
    "a:",
    "a #b",
    "#a",
    "'a'",
    "\"a\"",
    "{a}",
    "[a]",
    "a, b",
    "|",
    ">",
    "%a",
    "@a",
    "`a`",
    "\\",
    "a\\nb",
    "a\nb",
    "a\nb\n",
    "a\nb\n\n",
    "\na",
    "\n",
    "a\r\nb",
    "a\rb",
    " a\nb",
    "a \nb",
    "a\n b",
    "a\tb",
    "\ta\nb",
    "a\n\tb",
    "a\n  \nb",
    "\u{feff}a",
    "a\u{feff}",
    "\u{202e}a",
    "a\u{9b}b",
    "\u{85}",
    "\u{2028}",
    "a\u{0}b",
    "\u{1b}[31m",
    "é",
    "e\u{301}",
    "你好",
    "🙂",
    "\u{e0041}",
    "\u{fffe}",
    "a  b",
    "{{ID}}",
    "file:///etc/passwd",
    "3f8a1c52-6d0e-4b97-a2f4-5c7e90b1d386",
];

#[test]
fn every_text_comes_back_as_it_was() {
    for text in TEXTS.iter().map(|text| (*text).to_owned()).chain([
        "word ".repeat(60).trim().to_owned(),
        format!("{} {}", "x".repeat(200), "y".repeat(200)),
        format!("a  {}", "word ".repeat(60)),
        "<p>a</p>\n".repeat(200),
    ]) {
        let key = text.chars().take(100).collect::<String>();
        let entries = vec![
            ("text".to_owned(), Yaml::Scalar(text.clone().into())),
            (key.clone(), Yaml::Scalar(1.into())),
            (
                "list".to_owned(),
                Yaml::List(vec![
                    Yaml::Scalar(text.clone().into()),
                    Yaml::List(vec![Yaml::Scalar(text.clone().into())]),
                ]),
            ),
            (
                "map".to_owned(),
                Yaml::List(vec![Yaml::Map(vec![(format!("k{key}"), Yaml::Scalar(text.clone().into()))])]),
            ),
        ];
        let written = yaml::document(&entries);
        let read = plain_yaml("a.yaml", written.clone()).unwrap_or_else(|found| panic!("{found:?}\n{written}"));
        let map = json!([{format!("k{key}"): text}]);
        assert_eq!(read, json!({"text": text, (key): 1, "list": [text, [text]], "map": map}), "{written}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![prop::sample::select(TEXTS).prop_map(ToOwned::to_owned), "[ -~\\n\\t]{0,60}", "\\PC{0,20}",];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e6..1e6).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-z.<~!&*#: 0-9-]{1,12}", inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_offer_of_any_type_imports_without_a_difference(offer in values(), plans in prop::collection::vec(values(), 0..3), known: bool) {
        let plans = plans.into_iter().enumerate().map(|(at, plan)| json!({"planId": format!("p{at}"), "vendor.value": plan}));
        let definition = json!({"offer": {"vendor.value": offer}, "plans": plans.collect::<Vec<_>>()});
        assert_law("random", &live(if known { VM } else { "contoso-unknown" }, &definition));
    }
}

#[test]
fn offers_of_every_form_import_without_a_difference() {
    let images = |url: &str| json!({"1.10.0": {"osVhdUrl": url, "lunVhdDetails": []}, "1.9.2": {"osVhdUrl": url}});
    let signed = "https://c.blob.core.windows.net/v/a.vhd?sv=1&sp=rl&sr=c&st=2026-01-01T00:00:00Z&se=2027-01-01T00:00:00Z&sig=abcdefghijklmnopqrstuvwxyz0123456789AB%3D";
    let plan = |id: &str| {
        json!({"planId": id, "regions": ["NO", "DE"], "microsoft-azure-virtualmachines.vmImages": images(signed),
               "microsoft-azure-virtualmachines.skuTitle": "T", "vendor.other": null, "diskGenerations": []})
    };
    let hundred = (0..100).map(|at| plan(&format!("plan-{at}"))).collect::<Vec<_>>();
    let forms = [
        ("plans", json!({"offer": {}, "plans": hundred})),
        (
            "short names that collide",
            json!({"offer": {"title": "mine", "microsoft-azure-marketplace.title": "T"}, "plans": []}),
        ),
        ("nested empties", json!({"offer": {"a": {"b": {"c": {}}}, "d": [[], {}, null, ""]}, "plans": []})),
        (
            "numbers",
            json!({"offer": {"a": 18_446_744_073_709_551_615_u64, "b": 1e300, "c": 0.1, "d": -0.0, "e": 1e-7}, "plans": []}),
        ),
        (
            "keys",
            json!({"offer": {"no": 1, "1.10": 2, "<<": 3, "#": 4, "a: b": 5, "": 6, "!x": 7, "null": 8}, "plans": []}),
        ),
        (
            "html",
            json!({"offer": {"microsoft-azure-marketplace.description": "<p>line</p>\n  <b>x</b>\n".repeat(100)}, "plans": []}),
        ),
    ];
    for (name, definition) in forms {
        for offer_type in [VM, "microsoft-azure-corevm", "contoso-unknown"] {
            let imported = assert_law(name, &live(offer_type, &definition));
            assert!(!imported.text().contains("abcdefghijklm"), "{name}");
        }
    }
}

#[test]
fn secrets_and_copies_stay_out_and_are_listed() {
    let definition = json!({
        "offer": {
            "microsoft-azure-marketplace.title": "T",
            "microsoft-azure-marketplace.marketoLeadConfiguration": {"formId": "1", "clientSecret": "hunter2hunter2"},
            "vendor.text": "see https://x.example/?sig=abcdefghijklmnopqrstuvwxyz0123456789AB%3D",
            "vendor.apiKey": {"inner": "hunter2hunter2"},
        },
        "plans": [],
    });
    let mut offer = live(VM, &definition);
    offer["reconcile"] = json!({"through": "live"});
    offer["api"] = json!("other");
    let imported = assert_law("secrets", &offer);
    assert!(!imported.text().contains("hunter2") && !imported.text().contains("sig="), "{}", imported.text());
    assert!(imported.text().contains("!secret env:OFFER_CONTOSO__A__CLIENTSECRET"), "{}", imported.text());
    assert!(!imported.text().contains("reconcile") && !imported.text().contains("api:"), "{}", imported.text());
    let left = imported.left_out.iter().map(|(at, why)| (at.to_string(), *why)).collect::<Vec<_>>();
    assert_eq!(left.iter().filter(|(_, why)| *why == LeftOut::NotOurs).count(), 2, "{left:?}");
    assert_eq!(left.iter().filter(|(_, why)| *why == LeftOut::Secret).count(), 2, "{left:?}");
    assert_eq!(imported.secrets.len(), 1, "{:?}", imported.secrets);
}

#[test]
fn what_a_person_reads_is_in_one_layout() {
    let long =
        "Dashboards, alerts and ad hoc queries over the data that your systems produce every second of every day.";
    let definition = json!({
        "plans": [{"regions": ["NO", "DE"], "planId": "basic"}],
        "offer": {"vendor.b": 1, "microsoft-azure-marketplace.longSummary": format!("{long} {long}"),
                  "microsoft-azure-marketplace.description": "<p>a</p>\n<p>b</p>", "vendor.a": "no"},
    });
    let expected = "\
publisherId: contoso
id: a
offerTypeId: microsoft-azure-virtualmachines
definition:
  offer:
    longSummary: >-
      Dashboards, alerts and ad hoc queries over the data that your systems produce every second of every day.
      Dashboards, alerts and ad hoc queries over the data that your systems produce every second of every day.
    microsoft-azure-marketplace.description: |-
      <p>a</p>
      <p>b</p>
    vendor.a: \"no\"
    vendor.b: 1
  plans:
    - planId: basic
      regions: [\"NO\", DE]
";
    assert_eq!(assert_law("layout", &live(VM, &definition)).text(), expected);
}
