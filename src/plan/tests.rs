use serde_json::{Value, json};

use super::saved::LoadError;
use super::*;
use crate::diagnostic::{Source, Sources};
use crate::live::LiveOffer;
use crate::model::Node;
use crate::schema::Schemas;
use crate::workspace::Reconcile;

const VM: &str = "microsoft-azure-virtualmachines";
const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";

fn document(title: &str, versions: &[&str]) -> Value {
    let images = versions.iter().map(|v| ((*v).to_owned(), json!({"osVhdUrl": format!("https://h/{v}?sig=CANARY")})));
    json!({"publisherId": "contoso", "id": "a", "offerTypeId": VM, "definition": {
        "offer": {"microsoft-azure-marketplace.title": title},
        "plans": [{"planId": "basic", IMAGES: images.collect::<serde_json::Map<_, _>>()}]}})
}

fn desired(document: &Value, reconcile: Reconcile) -> Desired {
    Desired {
        key: "contoso/a".parse().expect("a key"),
        offer_type: VM.to_owned(),
        document: Node::from_value(document).into(),
        reconcile,
        sources: Sources::new(Source { path: "offers/a.yaml".into(), text: "".into() }),
        files: vec![("offers/a.yaml".to_owned(), Digest::of(b"a"))],
    }
}

fn present(document: &Value, etag: Option<&str>) -> Live {
    Live::Present(LiveOffer { document: document.clone(), etag: etag.map(ETag::new) })
}

fn shape() -> &'static Shape {
    Schemas::builtin().shape(VM)
}

fn plan_of(declared: &Value, live: &Live, choices: &Choices) -> OfferPlan {
    plan_with([decided(declared, live, choices)], &[]).offers()[0].clone()
}

fn decided(declared: &Value, live: &Live, choices: &Choices) -> OfferPlan {
    match decide(
        &desired(declared, Reconcile::default()),
        live,
        &ReleaseView::NOTHING,
        Contents::default(),
        shape(),
        choices,
    ) {
        Verdict::Change(plan) => *plan,
        other => panic!("not a change: {other:?}"),
    }
}

/// The plan of these offers, with these tokens on the command line.
fn plan_with(offers: impl IntoIterator<Item = OfferPlan>, tokens: &[&str]) -> Plan {
    let accepted = tokens.iter().map(|token| (*token).to_owned()).collect();
    let verdicts = offers.into_iter().map(|offer| Verdict::Change(Box::new(offer)));
    Plan::of(verdicts, Context { accepted, ..Context::default() })
}

#[test]
fn equal_documents_need_nothing() {
    let offer = document("T", &["1.0.0"]);
    let verdict = decide(
        &desired(&offer, Reconcile::default()),
        &present(&offer, None),
        &ReleaseView::NOTHING,
        Contents::default(),
        shape(),
        &Choices::default(),
    );
    assert!(matches!(verdict, Verdict::Unchanged(_)), "{verdict:?}");
}

#[test]
fn a_removal_is_stopped_until_its_own_token_is_given() {
    let (declared, live) = (document("T", &["1.0.0"]), present(&document("T", &["1.0.0", "0.9.0"]), None));
    let with = |tokens: &[&str]| {
        let plan = plan_with([plan_of(&declared, &live, &Choices::default())], tokens);
        plan.offers()[0].refusals().map(|finding| finding.token.clone()).collect::<Vec<_>>()
    };
    let token = "remove-image:basic/0.9.0";
    assert_eq!(with(&[]), [Some(token.to_owned())]);
    assert_eq!(with(&[token]), Vec::<Option<String>>::new());
    assert_eq!(with(&["remove-image:basic/1.0.0", "remove-plan:basic"]), [Some(token.to_owned())]);
}

#[test]
fn a_bare_token_accepts_in_one_offer_only() {
    let (declared, live) = (document("T", &["1.0.0"]), present(&document("T", &["1.0.0", "0.9.0"]), None));
    let one = plan_of(&declared, &live, &Choices::default());
    let other = OfferPlan { key: "contoso/b".parse().expect("a key"), ..one.clone() };
    let token = "remove-image:basic/0.9.0";
    let forms = vec![format!("contoso/a:{token}"), format!("contoso/b:{token}")];
    let plan = plan_with([one.clone(), other.clone()], &[token]);
    assert_eq!(plan.unused_tokens(), [(token.to_owned(), forms.clone())]);
    assert_eq!(plan.totals().stopped, 2);
    let plan = plan_with([one, other], &[&forms[1]]);
    assert_eq!(plan.unused_tokens(), []);
    assert_eq!((plan.offers()[0].refusals().count(), plan.offers()[1].refusals().count()), (1, 0));
}

#[test]
fn plans_and_images_are_guarded_however_they_go() {
    let mut live = document("T", &["1.0.0"]);
    live["definition"]["plans"].as_array_mut().expect("plans").push(json!({"planId": "other"}));
    let tokens = |declared: &Value, live: &Value| {
        let plan = plan_of(declared, &present(live, None), &Choices::default());
        plan.refusals().filter_map(|finding| finding.token.clone()).collect::<Vec<_>>()
    };
    let with = |plans: &Value| {
        let mut declared = live.clone();
        declared["definition"]["plans"] = plans.clone();
        declared
    };
    for plans in [json!(null), json!({}), json!("x"), json!([])] {
        assert_eq!(tokens(&with(&plans), &live), ["remove-plan:basic", "remove-plan:other"], "{plans}");
    }
    for images in [json!(null), json!([]), json!({}), json!("x")] {
        let plans = json!([{"planId": "basic", IMAGES: images}, {"planId": "other"}]);
        assert_eq!(tokens(&with(&plans), &live), ["remove-image:basic/1.0.0"], "{images}");
    }
    let duplicates = with(&json!([{"planId": "a"}, {"planId": "a"}, {"planId": "b"}]));
    assert_eq!(tokens(&with(&json!([{"planId": "a"}])), &duplicates), ["remove-plan:*"]);
}

#[test]
fn twins_that_would_differ_are_stopped() {
    let price = |one: f64, two: f64| {
        let mut offer = document("T", &[]);
        offer["definition"]["plans"][0]["virtualMachinePricing"] = json!({"coreMultiplier": {"single": one}});
        offer["definition"]["plans"][0]["virtualMachinePricingV2"] = json!({"coreMultiplier": {"single": two}});
        offer
    };
    let mut declared = price(1.05, 0.0);
    declared["definition"]["plans"][0].as_object_mut().expect("a plan").remove("virtualMachinePricingV2");
    let plan = plan_of(&declared, &present(&price(1.0, 1.0), None), &Choices::default());
    let tokens = plan.refusals().filter_map(|finding| finding.token.as_deref()).collect::<Vec<_>>();
    assert_eq!(tokens, ["twin:plans[basic]/virtualMachinePricing"]);
    let plan = plan_of(&price(1.05, 1.05), &present(&price(1.0, 1.0), None), &Choices::default());
    assert_eq!(plan.refusals().count(), 0);
}

#[test]
fn an_offer_type_cannot_change() {
    let live = present(&document("T", &[]), None);
    let mut declared = document("T", &[]);
    declared["offerTypeId"] = json!("microsoft-azure-applications");
    let plan = plan_of(&declared, &live, &Choices::default());
    assert_eq!(plan.refusals().map(|finding| finding.token.clone()).collect::<Vec<_>>(), [None]);
}

#[test]
fn a_block_whose_secret_the_portal_hides_is_not_sent_back_in_silence() {
    const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";
    let tokens = |destination: &str, block: Value| {
        let mut live = document("old", &[]);
        live["definition"]["offer"]["microsoft-azure-marketplace.leadDestination"] = json!(destination);
        live["definition"]["offer"][LEAD] = block;
        let plan = plan_of(&document("new", &[]), &present(&live, None), &Choices::default());
        plan.refusals().filter_map(|finding| finding.token.clone()).collect::<Vec<_>>()
    };
    let email = json!({"contactEmail": "a@contoso.example"});
    assert_eq!(tokens("None", email), ["blank-secret:tableLeadConfiguration"]);
    assert_eq!(tokens("None", json!({})), Vec::<String>::new());
    assert_eq!(tokens("AzureTable", json!({})), ["blank-secret:leadDestination"], "nothing but a secret looks empty");
    assert_eq!(tokens("AzureTable", json!({"connectionString": "returned"})), Vec::<String>::new());
}

#[test]
fn what_a_write_takes_away_on_purpose_is_no_blanked_secret() {
    const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";
    const TO: &str = "microsoft-azure-marketplace.leadDestination";
    let with = |to: &str, block: Value| {
        let mut offer = document("T", &[]);
        offer["definition"]["offer"][TO] = json!(to);
        offer["definition"]["offer"][LEAD] = block;
        offer
    };
    let live = present(&with("AzureTable", json!({"contactEmail": "a@contoso.example"})), None);
    let plan = plan_of(&with("None", json!(null)), &live, &Choices::default());
    assert_eq!(plan.refusals().count(), 0, "{:?}", plan.findings);
}

#[test]
fn plans_without_identities_are_guarded_even_when_their_number_stays() {
    let with = |plans: Value| {
        let mut offer = document("T", &[]);
        offer["definition"]["plans"] = plans;
        offer
    };
    let live = present(&with(json!([{"planId": "a"}, {"planId": "a", "regions": ["DE"]}])), None);
    let plan = plan_of(&with(json!([{"planId": "b"}, {"planId": "c"}])), &live, &Choices::default());
    assert_eq!(plan.refusals().filter_map(|f| f.token.as_deref()).collect::<Vec<_>>(), ["remove-plan:*"]);
}

#[test]
fn twins_in_another_form_of_number_are_equal() {
    let price = |key: &str, single: Value| {
        let mut offer = document("T", &[]);
        offer["definition"]["plans"][0][key] = json!({"coreMultiplier": {"single": single}});
        offer
    };
    let live = present(&price("virtualMachinePricingV2", json!(0.0)), None);
    let plan = plan_of(&price("virtualMachinePricing", json!(0)), &live, &Choices::default());
    assert_eq!(plan.refusals().count(), 0, "{:?}", plan.findings);
}

#[test]
fn staleness_is_the_etag_or_else_the_digest() {
    let base = document("old", &["1.0.0"]);
    let plan = |etag| plan_of(&document("new", &["1.0.0"]), &present(&base, etag), &Choices::default());
    let mut moved = document("portal", &["1.0.0", "1.1.0"]);
    moved["version"] = json!(9);

    assert_eq!(plan(Some("W/1")).stale(&present(&base, Some("W/1")), shape()), None);
    assert_eq!(plan(Some("W/1")).stale(&present(&base, Some("W/2")), shape()), Some(Stale::Moved { fields: vec![] }));
    let mut reversioned = base.clone();
    reversioned["version"] = json!(8);
    assert_eq!(plan(None).stale(&present(&reversioned, None), shape()), None);
    assert_eq!(plan(None).stale(&Live::Absent, shape()), Some(Stale::Deleted));

    let Some(Stale::Moved { fields }) = plan(None).stale(&present(&moved, None), shape()) else { panic!("not stale") };
    assert_eq!(
        fields,
        [
            MovedField {
                address: "title".to_owned(),
                before: Some(json!("old")),
                now: Some(json!("portal")),
                planned: Some(json!("new")),
            },
            MovedField {
                address: "plans[basic]/vmImages[1.1.0]".to_owned(),
                before: None,
                now: Some(json!({"osVhdUrl": "https://h/1.1.0?sig=REDACTED"})),
                planned: None,
            },
        ]
    );
    let create = plan_of(&document("new", &[]), &Live::Absent, &Choices::default());
    assert_eq!(create.stale(&present(&base, None), shape()), Some(Stale::Created));
}

#[test]
fn a_saved_plan_comes_back_whole_holds_no_secret_and_cannot_be_edited() {
    let live = present(&document("old", &["1.0.0"]), Some("W/\"datetime'2026'\""));
    let plan = plan_with([plan_of(&document("new", &["1.0.0", "1.1.0"]), &live, &Choices::default())], &[]);
    let bound = Bound {
        portal: "sandbox".to_owned(),
        settings: [("guards".to_owned(), Digest::of(b"g"))].into(),
        schemas: [(VM.to_owned(), Schemas::builtin().digest(VM))].into(),
        accepted: ["x".to_owned()].into(),
    };
    let text = SavedPlan::write(&plan, &bound);
    assert!(!text.contains("CANARY"), "{text}");
    let saved = SavedPlan::read(&text).expect("reads");
    assert_eq!((&saved.bound, &saved.fingerprint), (&bound, plan.fingerprint()));
    assert_eq!(Plan::of(saved.content.into_verdicts(), Context::default()), plan);

    assert!(matches!(SavedPlan::read(&text.replace("\"new\"", "\"evil\"")), Err(LoadError::Edited)));
    assert!(matches!(SavedPlan::read("{}"), Err(LoadError::NotAPlan(_))));
    for version in ["2.0", "4.0"] {
        let other = text.replace("\"format_version\": \"3.1\"", &format!("\"format_version\": \"{version}\""));
        assert!(matches!(SavedPlan::read(&other), Err(LoadError::OtherVersion { format, .. }) if format == version));
    }
    let saved = serde_json::from_str::<Value>(&text).expect("JSON");
    assert_eq!(saved["plan"]["offers"][0]["key"], json!({"api": "cpp", "offer": "contoso/a"}));
}

#[test]
fn the_fingerprint_is_of_the_meaning() {
    let plan = |title: &str, etag: &str| {
        let live = present(&document("old", &[]), Some(etag));
        plan_with([plan_of(&document(title, &[]), &live, &Choices::default())], &[]).fingerprint().clone()
    };
    assert_eq!(plan("new", "W/1"), plan("new", "W/2"));
    assert_ne!(plan("new", "W/1"), plan("newer", "W/1"));
}

#[test]
fn neither_order_nor_what_nobody_declares_is_part_of_the_meaning() {
    let two = |first: &str, second: &str, versions: &[&str]| {
        let mut offer = document("old", versions);
        let plan = offer["definition"]["plans"][0].clone();
        let named = |id: &str| {
            let mut plan = plan.clone();
            plan["planId"] = json!(id);
            plan
        };
        offer["definition"]["plans"] = json!([named(first), named(second)]);
        offer
    };
    let print = |declared: &Value, live: &Value| {
        let offer = plan_of(declared, &present(live, None), &Choices::default());
        plan_with([offer], &[]).fingerprint().clone()
    };
    let declared = two("x", "y", &["1.0.0", "1.1.0"]);
    let one = print(&declared, &two("x", "y", &["1.0.0"]));
    assert_eq!(one, print(&two("y", "x", &["1.1.0", "1.0.0"]), &two("x", "y", &["1.0.0"])), "the file's order");
    assert_eq!(one, print(&declared, &two("y", "x", &["1.0.0"])), "the portal's order");
    let mut foreign = two("x", "y", &["1.0.0"]);
    foreign["definition"]["vendor.flag"] = json!(1);
    assert_eq!(one, print(&declared, &foreign), "what nobody declares");
    assert_ne!(one, print(&declared, &two("x", "y", &["1.0.0", "0.9.0"])), "what would be removed");

    let offer = plan_of(&declared, &present(&two("x", "y", &["1.0.0"]), None), &Choices::default());
    let of = |offers: Vec<OfferPlan>| plan_with(offers, &[]).fingerprint().clone();
    let other = OfferPlan { key: "contoso/b".parse().expect("a key"), ..offer.clone() };
    assert_eq!(of(vec![offer.clone(), other.clone()]), of(vec![other, offer.clone()]), "the order of offers");
    for changed in [
        OfferPlan { through: Through::Live, ..offer.clone() },
        OfferPlan { notify: vec!["a@contoso.example".to_owned()], ..offer.clone() },
        OfferPlan { release: vec![ReleaseStep::Publish], ..offer.clone() },
        OfferPlan { resend: true, ..offer.clone() },
        OfferPlan { found: vec![Finding::conflict("no")], ..offer.clone() },
        OfferPlan { key: "contoso/b".parse().expect("a key"), ..offer.clone() },
    ] {
        assert_ne!(one, of(vec![changed.clone()]), "{changed:?}");
    }
    let token = "twin:x".to_owned();
    let twin = Finding::guarded(crate::workspace::Guard::Twins, token.clone(), "m".to_owned());
    let accepted = OfferPlan { found: vec![twin], allow: vec![token], ..offer };
    assert_eq!(one, of(vec![accepted]), "what stops nothing");
}

#[test]
fn a_plan_is_bound_to_settings_and_schemas_by_name() {
    let bound = |guards: &[u8], offer_type: &str| Bound {
        portal: "p".to_owned(),
        settings: [("guards".to_owned(), Digest::of(guards)), ("rules".to_owned(), Digest::of(b"r"))].into(),
        schemas: [(VM.to_owned(), Schemas::builtin().digest(offer_type))].into(),
        accepted: BTreeSet::new(),
    };
    assert_eq!(bound(b"a", VM).changed(&bound(b"a", VM)), Vec::<String>::new());
    assert_eq!(
        bound(b"a", VM).changed(&bound(b"b", "microsoft-azure-corevm")),
        [
            "[guards] of offerctl.toml changed since the plan was made".to_owned(),
            format!("the schema of {VM} changed since the plan was made")
        ]
    );
}

/// A change of one title, and the rule that decides about it.
fn ruled(expression: &str, context: Context) -> Plan {
    let rule = format!("rules = [{{ name = \"mine\", expression = '{expression}', message = \"m\" }}]");
    let rules = toml::from_str::<crate::workspace::Config>(&rule).expect("a rule").rules;
    let choices = Choices { through: Some(Through::Live), ..Choices::default() };
    let offer = decided(&document("new", &[]), &present(&document("old", &[]), None), &choices);
    Plan::of([Verdict::Change(Box::new(offer))], Context { rules, ..context })
}

#[test]
fn a_rule_that_fails_is_a_finding_and_one_that_breaks_cannot_be_accepted() {
    let of = |expression: &str| ruled(expression, Context::default()).offers()[0].findings.clone();
    assert_eq!(of("changes.exists(c, c.address == \"title\")"), []);
    let failed = of("changes.all(c, c.address != \"title\")");
    assert_eq!(failed.iter().map(|finding| finding.token.as_deref()).collect::<Vec<_>>(), [Some("rule:mine")]);
    let broken = of("offer.nothing == 1");
    assert!(broken[0].token.is_none() && broken[0].stops(), "{broken:?}");
}

#[test]
fn a_rule_does_not_see_what_time_it_is() {
    let closed = Context { closed: Some("it is sun".to_owned()), ..Context::default() };
    let plan = ruled("size(offer.findings) == 0", closed);
    let tokens = plan.offers()[0].findings.iter().map(|finding| finding.token.as_deref()).collect::<Vec<_>>();
    assert_eq!(tokens, [Some(OUTSIDE_WINDOW)]);
    assert_eq!(plan.fingerprint(), ruled("size(offer.findings) == 0", Context::default()).fingerprint());
}

#[test]
fn the_order_of_verdicts_does_not_matter() {
    let live = present(&document("old", &["1.0.0", "0.9.0"]), None);
    let one = decided(&document("new", &["1.0.0"]), &live, &Choices::default());
    let key = |n: usize| format!("contoso/o{n}").parse().expect("a key");
    let verdict = |n: usize| match n % 3 {
        0 => Verdict::Change(Box::new(OfferPlan { key: key(n), ..one.clone() })),
        1 => Verdict::Unchanged(Box::new(Unchanged { key: key(n), diff: Diff::default(), base: None })),
        _ => Verdict::Unread(Unread { key: key(n), cause: "503".to_owned(), hint: None, denied: false }),
    };
    let context =
        || Context { accepted: ["contoso/o3:remove-image:basic/0.9.0".to_owned()].into(), ..Context::default() };
    let plan = Plan::of((0..9).map(verdict), context());
    assert_eq!(plan, Plan::of((0..9).rev().map(verdict), context()));
    assert_eq!(plan, Plan::of(plan.verdicts(), context()), "what a plan is made of makes the same plan");
    assert_eq!(plan.totals().stopped, 2);
    let writes = |n: usize| plan.offer(&key(n)).is_some();
    assert_eq!((0..9).filter(|n| writes(*n)).collect::<Vec<_>>(), [0, 3, 6]);
}

#[test]
fn offers_that_were_left_out_exist() {
    let live = present(&document("old", &[]), None);
    let one = decided(&document("new", &[]), &live, &Choices::default());
    let offer = |n: usize| OfferPlan { key: format!("contoso/o{n}").parse().expect("a key"), ..one.clone() };
    let tokens = |left_out: usize| {
        let since = Some(Since { revision: "main".to_owned(), left_out });
        let verdicts = (0..12).map(|n| Verdict::Change(Box::new(offer(n))));
        let plan = Plan::of(verdicts, Context { since, ..Context::default() });
        plan.findings().iter().filter_map(|finding| finding.token.clone()).collect::<Vec<_>>()
    };
    assert_eq!(tokens(28), Vec::<String>::new());
    assert_eq!(tokens(11), ["many-offers:12"]);
}
