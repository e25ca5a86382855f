//! The laws of comparing, on random documents, and the cases that reviewers meet, one by one.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::live;
use crate::model::{Kind, Node, SecretRef};
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
    diff.patch.apply(live, &Node::from_value(declared), &|_| Err("no secrets here".to_owned())).expect("the patch fits")
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
    let removed = diff.changes.iter().filter_map(|change| change.removes.as_deref()).collect::<Vec<_>>();
    assert_eq!(removed, ["image", "plan"]);
    let after = applied(&diff, &declared, &live);
    assert_eq!(live::digest(&after, shape()), live::digest(&declared, shape()));
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
fn an_ignored_member_is_not_removed_and_is_counted() {
    let live = offer(&[plan("a", &[], &["1.0.0", "1.1.0"])]);
    let declared = offer(&[plan("a", &[], &["1.0.0"])]);
    let tokens = ["definition", "plans", "a", "microsoft-azure-virtualmachines.vmImages", "1.1.0"];
    let ignore = [Ignore { tokens: tokens.map(ToOwned::to_owned).to_vec(), reason: String::new() }];
    let options = Compare { ignore: &ignore, ..Compare::default() };
    let diff = compare(&Node::from_value(&declared), &live, shape(), options);
    assert_eq!(diff.changes, []);
    assert_eq!(diff.ignored.len(), 1);
}

#[test]
fn absent_removes_and_a_secret_rides_along() {
    let mut declared = Node::from_value(&json!({"definition": {"offer": {"a": 0, "b": 0, "c": 2}}}));
    let Kind::Map(root) = &mut declared.kind else { unreachable!() };
    let Kind::Map(definition) = &mut root[0].value.kind else { unreachable!() };
    let Kind::Map(offer) = &mut definition[0].value.kind else { unreachable!() };
    offer[0].value.kind = Kind::Absent;
    offer[1].value.kind = Kind::Secret(SecretRef::Env("LEAD".into()));
    let live = json!({"definition": {"offer": {"a": 1, "c": 1}}});
    let diff = compare(&declared, &live, shape(), Compare::default());
    assert_eq!(addresses(&diff), ["a", "c"]);
    assert_eq!(diff.secrets.len(), 1);
    let after = diff.patch.apply(&live, &declared, &|_| Ok("value".into())).expect("applies");
    assert_eq!(after, json!({"definition": {"offer": {"b": "value", "c": 2}}}));
    let resent = compare(&declared, &live, shape(), Compare { resend: true, ..Compare::default() });
    assert_eq!(addresses(&resent), ["a", "b", "c"]);
    let unchanged = json!({"definition": {"offer": {"c": 2}}});
    assert!(
        compare(&declared, &unchanged, shape(), Compare::default()).patch.is_empty(),
        "a secret alone is no change"
    );
}

#[test]
fn a_secret_reaches_its_plan_when_another_plan_is_removed() {
    let mut declared = Node::from_value(&json!({"definition": {"plans": [{"planId": "b", "key": 0, "title": "new"}]}}));
    let Kind::Map(root) = &mut declared.kind else { unreachable!() };
    let Kind::Map(definition) = &mut root[0].value.kind else { unreachable!() };
    let Kind::List(plans) = &mut definition[0].value.kind else { unreachable!() };
    let Kind::Map(plan) = &mut plans[0].kind else { unreachable!() };
    plan[1].value.kind = Kind::Secret(SecretRef::Env("KEY".into()));
    let live = json!({"definition": {"plans": [{"planId": "a"}, {"planId": "b", "title": "old"}]}});
    let diff = compare(&declared, &live, shape(), Compare::default());
    let after = diff.patch.apply(&live, &declared, &|_| Ok("value".into())).expect("applies");
    assert_eq!(after, json!({"definition": {"plans": [{"planId": "b", "title": "new", "key": "value"}]}}));
}

#[test]
fn a_block_that_is_only_a_secret_is_added_where_there_is_none() {
    const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";
    let mut declared = Node::from_value(&json!({"definition": {"offer": {LEAD: {"connectionString": 0}}}}));
    let Kind::Map(root) = &mut declared.kind else { unreachable!() };
    let Kind::Map(definition) = &mut root[0].value.kind else { unreachable!() };
    let Kind::Map(offer) = &mut definition[0].value.kind else { unreachable!() };
    let Kind::Map(lead) = &mut offer[0].value.kind else { unreachable!() };
    lead[0].value.kind = Kind::Secret(SecretRef::Env("LEAD".into()));
    let diff = compare(&declared, &json!({"definition": {"offer": {}}}), shape(), Compare::default());
    assert_eq!(addresses(&diff), ["tableLeadConfiguration"], "the portal's default for it is not what is declared");
    let hidden_by_the_portal = json!({"definition": {"offer": {LEAD: {}}}});
    assert_eq!(
        addresses(&compare(&declared, &hidden_by_the_portal, shape(), Compare::default())),
        Vec::<String>::new()
    );
}

#[test]
fn a_create_carries_the_whole_document_and_shows_its_parts() {
    let declared = offer(&[plan("a", &["DE"], &["1.0.0"])]);
    let diff = create(&Node::from_value(&declared), shape());
    assert_eq!(addresses(&diff), ["displayText", "title", "plans[a]"]);
    assert_eq!(applied(&diff, &declared, &json!({})), declared);
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "b", "long text\nof lines", "https://h/v.vhd?sig=ABC&x=1", "NO", "1.10"])
        .prop_map(ToOwned::to_owned)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..3).prop_map(Value::from),
        word().prop_map(Value::from)
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

fn any_plan() -> impl Strategy<Value = Value> {
    (
        prop::sample::subsequence(vec!["DE", "NO", "SE", "FR"], 0..4).prop_shuffle(),
        prop::sample::subsequence(vec!["1.0.0", "1.1.0", "2.0.0"], 0..3),
        prop::option::of(any_value()),
        prop::collection::vec(("[ab]", word()), 0..3),
    )
        .prop_map(|(regions, images, other, links)| {
            let mut plan = plan("", &regions, &images);
            if let Some(other) = other {
                plan["microsoft-azure-virtualmachines.something"] = other;
            }
            plan["links"] = links.into_iter().map(|(title, url)| json!({"linkTitle": title, "linkUrl": url})).collect();
            plan
        })
}

fn any_offer() -> impl Strategy<Value = Value> {
    let plans = prop::collection::btree_map("[p-s]", any_plan(), 0..4)
        .prop_map(|plans| {
            plans
                .into_iter()
                .map(|(id, mut plan)| {
                    plan["planId"] = json!(id);
                    plan
                })
                .collect::<Vec<_>>()
        })
        .prop_shuffle();
    (word(), any_value(), plans).prop_map(|(title, extra, plans)| {
        let mut offer = offer(&plans);
        offer["definition"]["offer"]["microsoft-azure-marketplace.title"] = json!(title);
        offer["definition"]["offer"]["extra"] = extra;
        offer
    })
}

/// The declared keys of a live document and nothing else: what "the desired" means where live has more.
fn converged(declared: &Value, live: &Value) -> Vec<String> {
    addresses(&against(declared, live))
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(offer in any_offer()) {
        let diff = against(&offer, &offer);
        prop_assert_eq!(addresses(&diff), Vec::<String>::new());
        prop_assert!(diff.patch.is_empty());
        prop_assert_eq!(diff.hidden, vec![]);
    }

    #[test]
    fn applying_a_diff_gives_the_desired(live in any_offer(), declared in any_offer()) {
        let diff = against(&declared, &live);
        let after = applied(&diff, &declared, &live);
        prop_assert_eq!(converged(&declared, &after), Vec::<String>::new());
    }

    #[test]
    fn a_diff_is_deterministic_and_empty_patches_mean_no_changes(live in any_offer(), declared in any_offer()) {
        let (one, two) = (against(&declared, &live), against(&declared, &live));
        prop_assert_eq!(&one, &two);
        prop_assert_eq!(one.changes.is_empty(), one.patch.is_empty());
    }

    #[test]
    fn no_signature_reaches_a_diff(live in any_offer(), declared in any_offer()) {
        let diff = against(&declared, &live);
        let text = format!("{:?} {}", diff.changes, serde_json::to_string(&diff.patch).expect("json"));
        prop_assert!(!text.contains("sig=ABC") && !text.contains("sig=S"), "{}", text);
    }
}
