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

/// A layout: wire names, defaults, texts apart, plans apart.
type Layout = [bool; 4];

/// Every pair of options in each of its four ways.
fn layouts() -> impl Iterator<Item = Layout> {
    (0..8_u8).map(|bits| [bits & 1 != 0, (bits & 1 != 0) != (bits & 2 != 0), bits & 2 != 0, bits & 4 != 0])
}

/// Imports an offer in every layout, and checks that the files compare as equal.
#[track_caller]
fn assert_law(name: &str, live: &Value) -> Imported {
    let mut all = layouts().map(|layout| assert_law_of(name, live, layout)).collect::<Vec<_>>();
    all.swap_remove(0)
}

#[track_caller]
fn assert_law_of(name: &str, live: &Value, [wire_names, full, split_text, split_plans]: Layout) -> Imported {
    let shape = Schemas::builtin().shape(live["offerTypeId"].as_str().unwrap_or_default());
    let options = Options { wire_names, full, split_text, split_plans, schema: Some("s.json"), ..Options::default() };
    let imported = write(&key(), live, shape, options);
    let text = in_one_file(&imported, split_plans);
    let (desired, found) = offer_from_text("a.yaml", &text, Schemas::builtin(), jiff::civil::date(2026, 1, 1));
    let desired = desired.unwrap_or_else(|| panic!("{name}: {found:?}\n{text}"));
    let options = Compare { ignore: &[], resend: false, contents: None, only_count: false };
    let diff = diff::compare(&desired.document, live, shape, options);
    assert!(diff.patch.is_empty(), "{name}: {:?}\n{text}", diff.changes);
    imported
}

/// The files of an offer as one: plans are members of the list again, and texts stand where their tags were.
fn in_one_file(imported: &Imported, split_plans: bool) -> String {
    let (path, offer) = &imported.files[0];
    assert_eq!(path, if split_plans { "a/offer.yaml" } else { "a.yaml" });
    let mut text = offer.clone();
    let plans = imported.files.iter().filter(|(path, _)| path.ends_with(".yaml")).skip(1).collect::<Vec<_>>();
    if !plans.is_empty() {
        text = text.replace("definition: {}\n", "definition:\n") + "  plans:\n";
    }
    for (_, plan) in plans {
        for (at, line) in plan.lines().enumerate() {
            let indent = if at == 0 { "    - " } else { "      " };
            text += &if line.is_empty() { "\n".to_owned() } else { format!("{indent}{line}\n") };
        }
    }
    for (path, html) in imported.files.iter().filter(|(path, _)| path.ends_with(".html")) {
        let name = path.rsplit('/').next().unwrap_or_default();
        let tag = format!("!file {name}\n");
        assert!(text.contains(&tag), "{tag} is nowhere in\n{text}");
        text = text.replace(&tag, &format!("{}\n", json!(html)));
    }
    assert!(!text.contains("!file "), "{text}");
    text
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
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_offer_of_any_type_imports_without_a_difference(offer in values(), plans in prop::collection::vec(values(), 0..3), html in "(<p>[a-z ]{0,9}</p>\n?){0,40}", layout: Layout, known: bool) {
        let plans = plans.into_iter().enumerate().map(|(at, plan)| json!({"planId": format!("p{at}"), "vendor.value": plan, "vendor.html": html}));
        let definition = json!({"offer": {"vendor.value": offer, "vendor.html": html}, "plans": plans.collect::<Vec<_>>()});
        assert_law_of("random", &live(if known { VM } else { "contoso-unknown" }, &definition), layout);
    }
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(json!("<p>a</p>\n<p>b</p>"), |inner, _| json!({"a": inner}))
}

fn deep_list(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner, 2]))
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
        ("texts", json!({"offer": {"vendor.texts": TEXTS}, "plans": [{"planId": "a", "vendor.texts": TEXTS}]})),
        (
            "bidi and control characters",
            json!({"offer": {"vendor.a": "\u{202e}abc\u{202c}", "vendor.b\u{200b}": "<p>\u{2066}x</p>\n".repeat(40), "vendor.\u{1b}": "\u{1b}[31m\u{7}"}, "plans": []}),
        ),
        (
            "carriage returns, blanks and tabs",
            json!({"offer": {"vendor.a": "<p>a</p>\r\n<p>b</p>\r\n", "vendor.b": "<p>a</p> \n<p>b</p>\t\n\n\n", "vendor.c": "\t<p>a</p>\n"}, "plans": []}),
        ),
        ("nothing", json!({})),
        (
            "empty strings and nulls",
            json!({"offer": {"a": "", "b": null, "c": ["", null], "d": {"e": ""}}, "plans": [{"planId": "a", "x": null}]}),
        ),
        (
            "versions",
            json!({"offer": {}, "plans": [{"planId": "1.10", "microsoft-azure-virtualmachines.vmImages": images(signed)}, {"planId": "no"}]}),
        ),
        (
            "ids that cannot be names of files",
            json!({"offer": {}, "plans": [{"planId": "../../x", "y": 1}, {"planId": "con", "y": 2}, {"planId": "\u{202e}", "y": 3}]}),
        ),
        ("ids that differ in case", json!({"offer": {}, "plans": [{"planId": "a", "y": 1}, {"planId": "A", "y": 2}]})),
        ("two plans of one id", json!({"offer": {}, "plans": [{"planId": "a", "y": 1}, {"planId": "a", "y": 2}]})),
        (
            "a plan without an id, beside a secret",
            json!({"offer": {}, "plans": [{"planId": "a", "vendor.apiKey": "hunter2hunter2"}, {"y": 2}]}),
        ),
        (
            "deep nesting",
            json!({"offer": {"vendor.deep": deep(100), "vendor.list": deep_list(100), "vendor.b": 1}, "plans": []}),
        ),
        (
            "a key that is a secret",
            json!({"offer": {"see https://x.example/?sig=abcdefghijklmnopqrstuvwxyz0123456789AB%3D": 1, "x": 1}, "plans": []}),
        ),
        (
            "copies",
            json!({"offer": {"microsoft-azure-marketplace.smallLogo": "https://publishingstoredm.blob.core.windows.net/prodcontent/D/1.png?sig=x", "microsoft-azure-marketplace.title": "T"}, "plans": []}),
        ),
        ("long names", json!({"offer": {"x".repeat(900): 1, "y".repeat(2000): 2, "é".repeat(990): 3}, "plans": []})),
    ];
    assert!(forms.len() * 3 >= 40);
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
# yaml-language-server: $schema=s.json
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

#[test]
fn texts_and_plans_go_to_files_of_their_own() {
    let html = "<p>a</p>\n<p>b</p>\n";
    let definition = json!({
        "offer": {"microsoft-azure-marketplace.description": html, "vendor.description": html, "vendor.x": "<b>short</b>"},
        "plans": [{"planId": "basic", "microsoft-azure-virtualmachines.skuDescription": html}, {"planId": "pro"}],
    });
    let paths = |imported: &Imported| imported.files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    let texts = assert_law_of("texts", &live(VM, &definition), [false, false, true, false]);
    let expected = ["a.yaml", "a.description.html", "a.description-2.html", "a.plans-basic-skuDescription.html"];
    assert_eq!(paths(&texts), expected);
    let both = assert_law_of("both", &live(VM, &definition), [false, false, true, true]);
    let expected = [
        "a/offer.yaml",
        "a/plans/basic.yaml",
        "a/plans/pro.yaml",
        "a/description.html",
        "a/description-2.html",
        "a/plans/basic.skuDescription.html",
    ];
    assert_eq!(paths(&both), expected);
    assert!(both.text().starts_with("# yaml-language-server: $schema=../s.json\n"), "{}", both.text());
    assert!(both.files[1].1.starts_with("planId: basic\n"), "{}", both.files[1].1);
}

#[test]
fn a_copy_that_was_saved_is_an_artifact() {
    let url = "https://publishingstoredm.blob.core.windows.net/prodcontent/D/1.png?sig=x";
    let definition = json!({"offer": {"microsoft-azure-marketplace.smallLogo": url}, "plans": []});
    let saved = BTreeMap::from([(url.to_owned(), "assets/contoso/a/smallLogo.png".to_owned())]);
    let write = |saved| {
        let options = Options { saved, to_root: "../../", split_plans: true, ..Options::default() };
        write(&key(), &live(VM, &definition), Schemas::builtin().shape(VM), options)
    };
    let imported = write(Some(&saved));
    assert!(imported.text().contains("smallLogo: !artifact ../../../assets/contoso/a/smallLogo.png\n"));
    assert_eq!((imported.left_out.len(), imported.copies.len()), (0, 1));
    assert_eq!(write(None).left_out.len(), 1);
}
