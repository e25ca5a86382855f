//! The cases that reviewers meet, one by one; beside them the normalisation rules and the laws of comparing.

mod cost;
mod laws;
mod normalisation;

use serde_json::{Value, json};

use super::*;
use crate::diagnostic::Span;
use crate::document;
use crate::model::{Entry, Kind, Node, SecretRef};
use crate::schema::{Schemas, Shape};
use crate::workspace::Ignore;

const VM: &str = "microsoft-azure-virtualmachines";

fn shape() -> &'static Shape {
    Schemas::builtin().shape(VM)
}

fn against(declared: &Value, live: &Value) -> Diff {
    compare(&Node::from_value(declared), live, shape(), Compare::default())
}

fn applied(diff: &Diff, declared: &Value, live: &Value) -> Value {
    diff.patch
        .apply(live, &Node::from_value(declared), &|_| Err("no secrets here".to_owned()), &Uploaded::new())
        .expect("the patch fits")
}

fn addresses(diff: &Diff) -> Vec<String> {
    diff.changes.iter().map(|change| change.address.to_string()).collect()
}

fn plan(id: &str, regions: &[&str], images: &[&str]) -> Value {
    let images = images.iter().map(|v| ((*v).to_owned(), json!({"osVhdUrl": format!("https://h/{v}.vhd?sig=S{v}")})));
    json!({"planId": id, "regions": regions, "microsoft-azure-virtualmachines.vmImages": images.collect::<serde_json::Map<_, _>>()})
}

fn offer(plans: &[Value]) -> Value {
    json!({"publisherId": "contoso", "id": "a", "offerTypeId": VM, "definition": {"displayText": "A",
        "offer": {"microsoft-azure-marketplace.title": "T"}, "plans": plans}})
}

#[test]
fn plans_are_matched_by_id_and_images_by_version() {
    let live =
        offer(&[plan("b", &["DE"], &["1.0.0"]), plan("a", &["DE", "NO"], &["1.0.0", "1.1.0"]), plan("gone", &[], &[])]);
    let declared = offer(&[
        plan("a", &["SE", "DE"], &["1.1.0", "1.2.0"]),
        plan("b", &["DE"], &["1.0.0"]),
        plan("new", &["DE"], &[]),
    ]);
    let diff = against(&declared, &live);
    assert_eq!(
        addresses(&diff),
        ["plans[a]/regions", "plans[a]/vmImages[1.2.0]", "plans[a]/vmImages[1.0.0]", "plans[gone]", "plans[new]"]
    );
    assert_eq!(diff.changes[0].kind, ChangeKind::Members { added: vec![json!("SE")], removed: vec![json!("NO")] });
    let after = applied(&diff, &declared, &live);
    assert_eq!(document::digest(&after, shape()), document::digest(&declared, shape()));
    let text = format!("{:?}{}", diff.changes, serde_json::to_string(&diff.patch).expect("json"));
    assert!(!text.contains("S1.2.0"), "a signature is in the plan: {text}");
}

#[test]
fn what_the_file_does_not_name_survives_and_is_counted() {
    let mut live = offer(&[plan("a", &["DE"], &["1.0.0"])]);
    live["version"] = json!(7);
    live["definition"]["offer"]["unknown.field"] = json!({"deep": [1, {"x": null}]});
    live["definition"]["plans"][0]["another"] = json!(1.50);
    let mut declared = offer(&[plan("a", &["DE"], &["1.0.0"])]);
    declared["definition"]["offer"]["microsoft-azure-marketplace.title"] = json!("New");
    let diff = against(&declared, &live);
    assert_eq!(addresses(&diff), ["title"]);
    assert_eq!(diff.unmanaged, 2);
    let after = applied(&diff, &declared, &live);
    let mut expected = live.clone();
    expected["definition"]["offer"]["microsoft-azure-marketplace.title"] = json!("New");
    assert_eq!(after, expected);
}

#[test]
fn members_of_a_changed_list_keep_what_only_the_portal_knows() {
    let links = |value: Value| json!({"definition": {"offer": {"microsoft-azure-marketplace.usefulLinks": value}}});
    let live = links(
        json!([{"linkTitle": "a", "linkUrl": "https://a", "extra": 1}, {"linkTitle": "b", "linkUrl": "https://b"}]),
    );
    let declared =
        links(json!([{"linkTitle": "c", "linkUrl": "https://c"}, {"linkTitle": "a", "linkUrl": "https://a"}]));
    let diff = against(&declared, &live);
    assert_eq!(addresses(&diff), ["usefulLinks"]);
    assert_eq!(
        applied(&diff, &declared, &live)["definition"]["offer"]["microsoft-azure-marketplace.usefulLinks"],
        json!([{"linkTitle": "c", "linkUrl": "https://c"}, {"linkTitle": "a", "linkUrl": "https://a", "extra": 1}])
    );
}

#[test]
fn a_renamed_property_is_compared_under_both_names_and_written_under_the_portals_input_name() {
    let of = |key: &str, value: &str| {
        offer(&[json!({"planId": "a", format!("microsoft-azure-virtualmachines.{key}"): value})])
    };
    assert_eq!(addresses(&against(&of("windowsOSType", "Other"), &of("osType", "Other"))), Vec::<String>::new());
    let (declared, live) = (of("windowsOSType", "Server"), of("osType", "Other"));
    let diff = against(&declared, &live);
    assert_eq!(addresses(&diff), ["plans[a]/windowsOSType"]);
    assert_eq!(applied(&diff, &declared, &live), declared);
}

#[test]
fn artifacts_are_unknown_until_they_are_to_be_sent_again() {
    let logo = |url: &str| json!({"definition": {"offer": {"microsoft-azure-marketplace.smallLogo": url}}});
    let live = logo("https://publishingstoredm.blob.core.windows.net/prodcontent/D/1.png?sig=x");
    let declared = logo("https://cdn.contoso.example/1.png");
    let diff = against(&declared, &live);
    assert_eq!((diff.changes.len(), diff.unknown.len()), (0, 1));
    let options = Compare { resend: true, ..Compare::default() };
    let diff = compare(&Node::from_value(&declared), &live, shape(), options);
    assert_eq!(addresses(&diff), ["smallLogo"]);
}

#[test]
fn a_signature_inside_a_list_is_sent_again_on_demand() {
    let with = |sig: &str| {
        let disk = json!({"lun": 0, "srcVhdUrl": format!("https://h/d.vhd?sv=1&sig={sig}")});
        let mut plan = plan("a", &["DE"], &["1.0.0"]);
        plan["microsoft-azure-virtualmachines.vmImages"]["1.0.0"]["lunVhdDetails"] = json!([disk]);
        offer(&[plan])
    };
    let (declared, live) = (with("new"), with("old"));
    assert_eq!(addresses(&against(&declared, &live)), Vec::<String>::new());
    let options = Compare { resend: true, ..Compare::default() };
    let diff = compare(&Node::from_value(&declared), &live, shape(), options);
    assert_eq!(addresses(&diff), ["plans[a]/vmImages[1.0.0]/lunVhdDetails"]);
    assert_eq!(applied(&diff, &declared, &live), declared);
    let same = compare(&Node::from_value(&declared), &declared, shape(), options);
    assert_eq!(addresses(&same), Vec::<String>::new());
}

#[test]
fn a_price_switches_its_form_whole() {
    let with = |price: Value| offer(&[json!({"planId": "a", "virtualMachinePricing": price})]);
    let forms = [
        json!({"isByol": false, "coreMultiplier": {"currency": "USD", "single": 1.5}}),
        json!({"isByol": false, "coreMultiplier": {"currency": "USD", "individually": {"1core": 1, "2core": 2}}}),
        json!({"isByol": false, "coreMultiplier": {"currency": "USD", "individually": {"2core": 2.5}}}),
    ];
    for (declared, live) in forms.iter().flat_map(|a| forms.iter().map(move |b| (a, b))) {
        let (declared, live) = (with(declared.clone()), with(live.clone()));
        let diff = against(&declared, &live);
        assert_eq!(applied(&diff, &declared, &live), declared);
    }
}

const PRICE: &str = "virtualMachinePricing";
const PRICE_V2: &str = "virtualMachinePricingV2";

fn priced(price: &Value, v2: &Value) -> Value {
    in_plans(json!([{"planId": "a", PRICE: price, PRICE_V2: v2}]))
}

#[test]
fn a_pair_that_holds_one_value_is_written_twice_and_shown_once() {
    let price = |single: f64| json!({"isByol": false, "coreMultiplier": {"currency": "USD", "single": single}});
    let (declared, live) = (priced(&price(1.5), &price(1.5)), priced(&price(1.0), &price(1.0)));
    let diff = against(&declared, &live);
    assert_eq!(addresses(&diff), ["plans[a]/virtualMachinePricing/coreMultiplier/single"]);
    assert_eq!(diff.changes[0].twin.as_deref(), Some(PRICE_V2));
    assert_eq!(written(&declared, &live), declared);

    let diff = against(&declared, &in_plans(json!([{"planId": "a"}])));
    assert_eq!(addresses(&diff), ["plans[a]/virtualMachinePricing"], "and so is a pair that is new");
    assert_eq!(written(&declared, &in_plans(json!([{"planId": "a"}]))), declared);
}

#[test]
fn a_pair_that_differs_on_the_portal_is_shown_where_it_does() {
    let price = |single: Value| json!({"isByol": false, "coreMultiplier": {"currency": "USD", "single": single}});
    let declared = priced(&price(json!(1.5)), &price(json!(1.5)));
    let only_one = priced(&price(json!(1.5)), &price(json!(2)));
    assert_eq!(addresses(&against(&declared, &only_one)), ["plans[a]/virtualMachinePricingV2/coreMultiplier/single"]);
    assert_eq!(written(&declared, &only_one), declared);
    let both = priced(&price(json!(1)), &price(json!(2)));
    assert_eq!(against(&declared, &both).changes.len(), 2, "they come from different values");
    assert_eq!(written(&declared, &both), declared);
}

#[test]
fn what_is_hidden_in_a_pair_is_counted_once() {
    let sheet = |uri: &str| json!({"isByol": false, "spreadSheetPricing": {"uri": uri}});
    let copy = sheet("https://publishingstoredm.blob.core.windows.net/prodcontent/D/1.xlsx?sig=x");
    let declared = sheet("https://cdn.contoso.example/1.xlsx");
    let diff = against(&priced(&declared, &declared), &priced(&copy, &copy));
    assert_eq!((diff.changes.len(), diff.unknown.len()), (0, 1));
    let price = |single: Value| json!({"coreMultiplier": {"currency": "USD", "single": single}});
    let whole = priced(&price(json!(1)), &price(json!(1)));
    let diff = against(&whole, &priced(&price(json!(1.0)), &price(json!(1.0))));
    assert_eq!((diff.changes.len(), diff.hidden.len()), (0, 1));
}

#[test]
fn an_ignored_member_is_not_removed_and_is_counted() {
    let live = offer(&[plan("a", &[], &["1.0.0", "1.1.0"])]);
    let declared = offer(&[plan("a", &[], &["1.0.0"])]);
    let tokens = ["definition", "plans", "a", "microsoft-azure-virtualmachines.vmImages", "1.1.0"];
    let ignore = [Ignore { tokens: tokens.map(ToOwned::to_owned).to_vec() }];
    let options = Compare { ignore: &ignore, ..Compare::default() };
    let diff = compare(&Node::from_value(&declared), &live, shape(), options);
    assert_eq!(diff.changes, []);
    assert_eq!(diff.ignored.len(), 1);
}

/// A declared tree with tags: `{"!absent": 0}` and `{"!secret": "NAME"}` stand for them.
fn tagged(value: &Value) -> Node {
    let kind = match value {
        Value::Object(map) if map.contains_key("!absent") => Kind::Absent,
        Value::Object(map) if map.contains_key("!secret") => {
            Kind::Secret(SecretRef::Env(map["!secret"].as_str().expect("a name").to_owned()))
        }
        Value::Object(map) if map.contains_key("!sas") => {
            Kind::Sas(map["!sas"].as_str().expect("an address").to_owned())
        }
        Value::Object(map) => Kind::Map(
            map.iter()
                .map(|(key, value)| Entry { key: key.clone(), key_span: Span::default(), value: tagged(value) })
                .collect(),
        ),
        Value::Array(items) => Kind::List(items.iter().map(tagged).collect()),
        scalar => Kind::Scalar(scalar.clone()),
    };
    Node { kind, span: Span::default() }
}

fn against_tagged(declared: &Value, live: &Value) -> Diff {
    compare(&tagged(declared), live, shape(), Compare::default())
}

/// The live document with the declared one's changes; a secret reads `SECRET(env:NAME)`.
fn written(declared: &Value, live: &Value) -> Value {
    let read = |late: Late<'_>| match late {
        Late::Secret(reference) => Ok(format!("SECRET({reference})")),
        Late::Signed(address) => Ok(format!("{address}?sig=SIGNED")),
    };
    against_tagged(declared, live)
        .patch
        .apply(live, &tagged(declared), &read, &Uploaded::new())
        .expect("the patch fits")
}

#[expect(clippy::needless_pass_by_value, reason = "`json!` literals read better by value")]
fn in_offer(offer: Value) -> Value {
    json!({"definition": {"offer": offer}})
}

#[expect(clippy::needless_pass_by_value, reason = "`json!` literals read better by value")]
fn in_plans(plans: Value) -> Value {
    json!({"definition": {"plans": plans}})
}

const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";
const SCREENSHOTS: &str = "microsoft-azure-marketplace.screenshots";
const OS_TYPE: &str = "microsoft-azure-virtualmachines.osType";
const WINDOWS_OS_TYPE: &str = "microsoft-azure-virtualmachines.windowsOSType";

#[test]
fn absent_removes_and_a_secret_rides_along() {
    let declared = in_offer(json!({"a": {"!absent": 0}, "b": {"!secret": "LEAD"}, "c": 2}));
    let live = in_offer(json!({"a": 1, "c": 1}));
    let diff = against_tagged(&declared, &live);
    assert_eq!(addresses(&diff), ["a", "c"]);
    assert_eq!(diff.secrets.len(), 1);
    assert_eq!(written(&declared, &live), in_offer(json!({"b": "SECRET(env:LEAD)", "c": 2})));
    let resent = compare(&tagged(&declared), &live, shape(), Compare { resend: true, ..Compare::default() });
    assert_eq!(addresses(&resent), ["a", "b", "c"]);
    assert!(against_tagged(&declared, &in_offer(json!({"c": 2}))).patch.is_empty(), "a secret alone is no change");
}

#[test]
fn a_secret_reaches_its_plan_when_another_plan_is_removed() {
    let declared = in_plans(json!([{"planId": "b", "key": {"!secret": "KEY"}, "title": "new"}]));
    let live = in_plans(json!([{"planId": "a"}, {"planId": "b", "title": "old"}]));
    let expected = in_plans(json!([{"planId": "b", "title": "new", "key": "SECRET(env:KEY)"}]));
    assert_eq!(written(&declared, &live), expected);
}

#[test]
fn a_block_that_is_only_a_secret_is_added_where_there_is_none() {
    let declared = in_offer(json!({LEAD: {"connectionString": {"!secret": "LEAD"}}}));
    let added = against_tagged(&declared, &in_offer(json!({})));
    assert_eq!(addresses(&added), ["tableLeadConfiguration"], "the portal's default for it is not what is declared");
    let hidden_by_the_portal = in_offer(json!({LEAD: {}}));
    assert_eq!(addresses(&against_tagged(&declared, &hidden_by_the_portal)), Vec::<String>::new());
}

#[test]
fn a_list_with_secrets_in_it_is_written_whole() {
    let declared = in_offer(json!({"t": 2, "list": [{"!secret": "X"}]}));
    let after = written(&declared, &in_offer(json!({"t": 1, "list": ["old"]})));
    assert_eq!(after, in_offer(json!({"t": 2, "list": ["SECRET(env:X)"]})));
    let declared = in_offer(json!({"hooks": [{"url": "a", "password": {"!secret": "X"}}, {"url": "b"}]}));
    let after = written(&declared, &in_offer(json!({"hooks": [{"url": "a"}]})));
    assert_eq!(after, in_offer(json!({"hooks": [{"url": "a", "password": "SECRET(env:X)"}, {"url": "b"}]})));
}

#[test]
fn nothing_in_a_document_is_taken_for_a_placeholder() {
    let note = json!({"$offerctl": {"env": "TOKEN"}, "file": "/x"});
    let live = in_offer(json!({"links": [{"title": "a", "note": note}]}));
    let declared = in_offer(json!({"links": [{"title": "a"}, {"title": "b", "more": note}]}));
    let expected = in_offer(json!({"links": [{"title": "a", "note": note}, {"title": "b", "more": note}]}));
    assert_eq!(written(&declared, &live), expected);
}

#[test]
fn a_list_of_pictures_that_changes_is_sent_whole() {
    let copy = |name: &str| format!("https://publishingstoredm.blob.core.windows.net/prodcontent/D/{name}.png?sig=x");
    let live = in_offer(json!({SCREENSHOTS: [copy("A"), copy("B")]}));
    for pictures in
        [json!(["https://cdn/new.png", "https://cdn/a.png", "https://cdn/b.png"]), json!(["https://cdn/b.png"])]
    {
        let declared = in_offer(json!({SCREENSHOTS: pictures}));
        assert_eq!(written(&declared, &live), declared);
    }
    let same_number = in_offer(json!({SCREENSHOTS: ["https://cdn/a.png", "https://cdn/b.png"]}));
    let diff = against_tagged(&same_number, &live);
    assert_eq!((diff.changes.len(), diff.unknown.len()), (0, 2));
}

#[test]
fn a_renamed_property_can_be_removed_declared_twice_or_live_under_both_names() {
    let plan = |properties: Value| {
        let mut plan = json!({"planId": "a"});
        plan.as_object_mut().expect("a map").extend(properties.as_object().expect("a map").clone());
        in_plans(json!([plan]))
    };
    let live = plan(json!({OS_TYPE: "Other"}));
    assert_eq!(written(&plan(json!({WINDOWS_OS_TYPE: {"!absent": 0}})), &live), plan(json!({})));
    let both = plan(json!({WINDOWS_OS_TYPE: "New", OS_TYPE: "New"}));
    assert_eq!(written(&both, &live), plan(json!({OS_TYPE: "New", WINDOWS_OS_TYPE: "New"})));
    let both_live = plan(json!({WINDOWS_OS_TYPE: "Old", OS_TYPE: "Other"}));
    let new = plan(json!({WINDOWS_OS_TYPE: "New"}));
    assert_eq!(written(&new, &both_live), new, "the name that the portal returns is not sent beside the new value");
}

#[test]
fn a_price_of_another_kind_takes_the_place_of_the_live_one() {
    let priced = |pricing: Value| in_plans(json!([{"planId": "a", "virtualMachinePricing": pricing}]));
    let single = priced(json!({"isByol": false, "coreMultiplier": {"currency": "USD", "single": 1}}));
    let sizes = priced(json!({"coreMultiplier": {"currency": "USD", "individually": {"2core": 2}}}));
    let regions = priced(json!({"regionPrices": {"DE": {"2core": 1}}}));
    let kept = priced(json!({"isByol": false, "regionPrices": {"DE": {"2core": 1}}}));
    assert_eq!(written(&regions, &single), kept, "what does not compete with it stays");
    assert_eq!(written(&sizes, &regions), sizes);
    assert_eq!(written(&sizes, &priced(json!({"coreMultiplier": {"currency": "USD", "single": 1}}))), sizes);
}

#[test]
fn a_field_that_holds_a_secret_is_never_shown() {
    const CRM: &str = "microsoft-azure-marketplace.crmLeadConfiguration";
    const HTTPS: &str = "microsoft-azure-marketplace.httpsEndpointLeadConfiguration";
    let live = in_offer(json!({
        CRM: {"password": "CANARY", "applicationKey": 12_345_678},
        HTTPS: {"httpsEndpointUri": "https://f/?code=CANARY"},
        "hooks": [{"url": "a", "accessKey": ["CANARY"]}],
    }));
    for value in [json!({"!absent": 0}), json!(null), json!("")] {
        let declared = in_offer(json!({
            CRM: {"password": value, "applicationKey": value}, HTTPS: {"httpsEndpointUri": value},
            "hooks": [{"url": "a"}, {"url": "b"}],
        }));
        let diff = against_tagged(&declared, &live);
        let shown = format!("{:?} {}", diff.changes, serde_json::to_string(&diff.patch).expect("JSON"));
        assert!(!shown.contains("CANARY") && !shown.contains("12345678"), "{shown}");
        assert_eq!(written(&declared, &live)["definition"]["offer"]["hooks"][0]["accessKey"], json!(["CANARY"]));
    }
    let base = document::redacted(&live, shape()).to_string();
    assert!(!base.contains("CANARY") && !base.contains("12345678"), "{base}");
}

#[test]
fn any_type_against_any_other_converges() {
    let values = [
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!(0),
        json!("s"),
        json!(["a"]),
        json!({"a": 1}),
        json!(true),
        json!([{"planId": "a"}]),
        json!([null]),
        json!([[]]),
        json!([{"planId": null}]),
        json!([{"planId": 1}, {"planId": 1}]),
    ];
    let of_plan = |key: &str, value: &Value| in_plans(json!([{"planId": "a", key: value}]));
    let places: [&dyn Fn(&Value) -> Value; 9] = [
        &|value| in_plans(value.clone()),
        &|value| in_offer(value.clone()),
        &|value| in_offer(json!({SCREENSHOTS: value})),
        &|value| in_offer(json!({LEAD: value})),
        &|value| of_plan("regions", value),
        &|value| of_plan("microsoft-azure-virtualmachines.vmImages", value),
        &|value| of_plan(WINDOWS_OS_TYPE, value),
        &|value| of_plan("restrictedAudience", value),
        &|value| of_plan("microsoft-azure-virtualmachines.generation", value),
    ];
    for place in places {
        for (declared, live) in values.iter().flat_map(|a| values.iter().map(move |b| (a, b))) {
            let (declared, live) = (place(declared), place(live));
            let after = written(&declared, &live);
            assert_eq!(addresses(&against(&declared, &after)), Vec::<String>::new(), "{declared} over {live}");
        }
    }
}

#[test]
fn a_create_carries_the_whole_document_and_shows_its_parts() {
    let declared = offer(&[plan("a", &["DE"], &["1.0.0"])]);
    let diff = create(&Node::from_value(&declared), shape());
    assert_eq!(addresses(&diff), ["displayText", "title", "plans[a]"]);
    assert_eq!(applied(&diff, &declared, &json!({})), declared);
}

#[test]
fn a_signed_blob_is_compared_by_its_address_and_signed_only_when_it_is_written() {
    const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";
    let address = "https://contoso.blob.core.windows.net/images/1.vhd";
    let with = |images: Value| json!({"definition": {"plans": [{"planId": "basic", IMAGES: images}]}});
    let image = |url: Value| json!({"osVhdUrl": url});
    let declared = with(json!({"1.0.0": image(json!({"!sas": address}))}));
    for (query, ends) in [
        ("?sv=1&sp=rl&se=2027-01-01T00%3A00Z&sig=LIVEsig", Some("2027-01-01T00:00:00Z")),
        ("?sv=1&ss=b&srt=co&sp=rl&sig=LIVEsig", None),
        ("", None),
    ] {
        let live = with(json!({"1.0.0": image(json!(format!("{address}{query}")))}));
        let diff = against_tagged(&declared, &live);
        assert!(diff.changes.is_empty() && diff.patch.is_empty(), "{query}: {:?}", diff.changes);
        assert_eq!(diff.signatures.iter().map(|one| one.ends.as_deref()).collect::<Vec<_>>(), [ends], "{query}");
        let resend = Compare { resend: true, ..Compare::default() };
        let again = compare(&tagged(&declared), &live, shape(), resend);
        assert_eq!(again.patch.signs().collect::<Vec<_>>(), [address], "{query}");
    }
    // A new version is signed, and the old one keeps its address.
    let live = with(json!({"1.0.0": image(json!(format!("{address}?sig=LIVEsig")))}));
    let newer = "https://contoso.blob.core.windows.net/images/2.vhd";
    let declared = with(json!({"1.0.0": image(json!({"!sas": address})), "2.0.0": image(json!({"!sas": newer}))}));
    let written = written(&declared, &live);
    let images = &written["definition"]["plans"][0][IMAGES];
    assert_eq!(images["1.0.0"]["osVhdUrl"], json!(format!("{address}?sig=LIVEsig")));
    assert_eq!(images["2.0.0"]["osVhdUrl"], json!(format!("{newer}?sig=SIGNED")));
    let other = with(json!({"1.0.0": image(json!("https://contoso.blob.core.windows.net/images/0.vhd?sig=LIVEsig"))}));
    assert_eq!(against_tagged(&with(json!({"1.0.0": image(json!({"!sas": address}))})), &other).changes.len(), 1);
}

#[test]
fn a_list_of_signed_blobs_keeps_the_members_that_are_live() {
    let disks = |urls: Vec<Value>| json!({"definition": {"plans": [{"planId": "basic", "vendor.disks": urls}]}});
    let (a, b) =
        ("https://contoso.blob.core.windows.net/images/a.vhd", "https://contoso.blob.core.windows.net/images/b.vhd");
    let live = disks(vec![json!(format!("{a}?sp=rl&sig=LIVEsig"))]);
    let declared = disks(vec![json!({"!sas": b}), json!({"!sas": a})]);
    let written = written(&declared, &live);
    let urls = written["definition"]["plans"][0]["vendor.disks"].clone();
    assert_eq!(urls[0], json!(format!("{b}?sig=SIGNED")));
    assert!(urls[1].as_str().is_some_and(|url| url.starts_with(a)), "{urls}");
    assert!(against_tagged(&declared, &written).changes.is_empty());
}
