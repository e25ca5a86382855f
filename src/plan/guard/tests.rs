use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::named;
use crate::content::Contents;
use crate::diagnostic::{Source, Sources};
use crate::live::{Live, LiveOffer};
use crate::model::{Digest, Node};
use crate::plan::{Choices, Context, Finding, OfferPlan, Plan, ReleaseView, Unchanged, Verdict, decide};
use crate::schema::Schemas;
use crate::workspace::{Desired, Guard, Guards, Level, Reconcile, Through};

const VM: &str = "microsoft-azure-virtualmachines";
const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";
const HIDE: &str = "microsoft-azure-virtualmachines.hideSKUForSolutionTemplate";
const CLOUDS: &str = "microsoft-azure-virtualmachines.cloudAvailability";
const PREVIEW: &str = "microsoft-azure-marketplace.allowedSubscriptions";
const HERO: &str = "microsoft-azure-marketplace.heroLogo";
const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";

/// One plan with a price, markets, an audience and an image.
fn offer() -> Value {
    json!({"publisherId": "contoso", "id": "a", "offerTypeId": VM, "definition": {
        "displayText": "a",
        "offer": {PREVIEW: ["AAAA", "bbbb"]},
        "plans": [{
            "planId": "basic", "regions": ["DE", "NO", "SE"], CLOUDS: ["PublicAzure", "Fairfax"], HIDE: false,
            "restrictedAudience": {"manualEntries": [{"type": "subscriptionId", "id": "t1"}]},
            "virtualMachinePricing": {"isByol": false, "coreMultiplier": {"currency": "USD",
                "individually": {"1core": 0.1, "2core": 0.2, "4core": 0.4}}},
            IMAGES: {"1.0.0": {"osVhdUrl": "https://h/1"}}}]}})
}

fn plan_mut(offer: &mut Value) -> &mut Value {
    &mut offer["definition"]["plans"][0]
}

fn desired(document: &Value, allow: &[&str]) -> Desired {
    Desired {
        key: "contoso/a".parse().expect("a key"),
        offer_type: document["offerTypeId"].as_str().expect("a type").to_owned(),
        document: Node::from_value(document).into(),
        reconcile: Reconcile { allow: allow.iter().map(|token| (*token).to_owned()).collect(), ..Reconcile::default() },
        sources: Sources::new(Source { path: "offers/a.yaml".into(), text: "".into() }),
        files: vec![("offers/a.yaml".to_owned(), Digest::of(b"a"))],
    }
}

/// What is planned for `after` where the portal holds `before`.
fn plan(before: &Value, after: &Value, allow: &[&str], choices: &Choices) -> Option<OfferPlan> {
    plan_in(before, after, allow, choices, Context::default()).offers().first().cloned()
}

fn plan_in(before: &Value, after: &Value, allow: &[&str], choices: &Choices, context: Context) -> Plan {
    let live = Live::Present(LiveOffer { document: before.clone(), etag: None });
    let view = ReleaseView::NOTHING;
    let offer_type = after["offerTypeId"].as_str().expect("a type");
    let shape = Schemas::builtin().shape(offer_type);
    Plan::of([decide(&desired(after, allow), &live, &view, Contents::default(), shape, choices)], context)
}

/// One way to trip one guard: the guard, the token, what is changed, and how the portal's offer is another than usual.
struct Case {
    guard: Guard,
    token: &'static str,
    before: fn(&mut Value),
    after: fn(&mut Value),
    /// Goes live while nothing may.
    closed: bool,
}

const fn case(guard: Guard, token: &'static str, after: fn(&mut Value)) -> Case {
    Case { guard, token, before: |_| {}, after, closed: false }
}

fn through(through: Through) -> Choices {
    Choices { through: Some(through), ..Choices::default() }
}

fn closed(why: Option<&str>) -> Context {
    Context { closed: why.map(ToOwned::to_owned), ..Context::default() }
}

fn accepting(tokens: &[&str], context: Context) -> Context {
    Context { accepted: tokens.iter().map(|token| (*token).to_owned()).collect(), ..context }
}

/// Every guard of one offer, some in more than one way.
const CASES: [Case; 24] = [
    case(Guard::Removal, "remove-image:basic/1.0.0", |o| plan_mut(o)[IMAGES] = json!({})),
    case(Guard::Removal, "remove-plan:basic", |o| o["definition"]["plans"] = json!([{"planId": "other"}])),
    case(Guard::Price, "price:basic/2core:+25%", |o| individually(o)["2core"] = json!(0.25)),
    case(Guard::Price, "price:basic/3-prices:-50%", |o| {
        *individually(o) = json!({"1core": 0.08, "2core": 0.1, "4core": 0.3});
    }),
    case(Guard::Price, "price-terms:basic:4core=none", |o| {
        individually(o).as_object_mut().expect("sizes").remove("4core");
    }),
    case(Guard::Price, "price-terms:basic:currency=EUR", |o| {
        plan_mut(o)["virtualMachinePricing"]["coreMultiplier"]["currency"] = json!("EUR");
    }),
    case(Guard::Price, "price-terms:basic:isByol=true", |o| {
        plan_mut(o)["virtualMachinePricing"]["isByol"] = json!(true);
    }),
    Case {
        before: |o| individually(o)["2core"] = json!(0),
        ..case(Guard::Price, "price:basic/2core:from-0", |o| individually(o)["2core"] = json!(0.01))
    },
    case(Guard::Markets, "remove-market:basic:NO/SE", |o| plan_mut(o)["regions"] = json!(["DE", "FI"])),
    case(Guard::Markets, "remove-market:basic:Fairfax", |o| plan_mut(o)[CLOUDS] = json!(["PublicAzure"])),
    case(Guard::Audience, "widen-audience:basic", |o| plan_mut(o)["restrictedAudience"] = json!(null)),
    case(Guard::Visibility, "visibility:basic:hideSKUForSolutionTemplate=true", |o| plan_mut(o)[HIDE] = json!(true)),
    Case {
        before: |o| plan_mut(o)[HIDE] = json!(true),
        ..case(Guard::Visibility, "visibility:basic:hideSKUForSolutionTemplate=false", |o| {
            plan_mut(o)[HIDE] = json!(false);
        })
    },
    Case {
        before: |o| plan_mut(o)["restrictedAudience"] = json!(null),
        ..case(Guard::Visibility, "narrow-audience:basic", |_| {})
    },
    case(Guard::Members, "audience:offer:+cccc/-bbbb", |o| o["definition"]["offer"][PREVIEW] = json!(["AAAA", "cccc"])),
    case(Guard::Members, "audience:basic:+t2", |o| {
        plan_mut(o)["restrictedAudience"]["manualEntries"] =
            json!([{"type": "subscriptionId", "id": "t1"}, {"type": "subscriptionId", "id": "t2"}]);
    }),
    Case {
        before: |o| o["definition"]["offer"][LEAD] = json!({"contactEmail": "a@contoso.example"}),
        ..case(Guard::Secrets, "blank-secret:tableLeadConfiguration", |o| o["definition"]["displayText"] = json!("b"))
    },
    Case {
        before: |o| plan_mut(o)["virtualMachinePricingV2"] = plan_mut(o)["virtualMachinePricing"].clone(),
        ..case(Guard::Twins, "twin:plans[basic]/virtualMachinePricing", |o| individually(o)["1core"] = json!(0.101))
    },
    case(Guard::UnknownFields, "unknown-field:plans[basic]/coulour", |o| plan_mut(o)["coulour"] = json!("red")),
    case(Guard::Locked, "locked:plans[basic]/vmImages[1.0.0]/osVhdUrl:310ea1ca", |o| {
        plan_mut(o)[IMAGES]["1.0.0"]["osVhdUrl"] = json!("https://h/2?sig=a");
    }),
    case(Guard::Locked, "locked:plans[basic]/vmImages[1.0.0]/lunVhdDetails:1", |o| {
        plan_mut(o)[IMAGES]["1.0.0"]["lunVhdDetails"] = json!([{"lun": 0, "srcVhdUrl": "https://h/d"}]);
    }),
    Case {
        before: |o| plan_mut(o)[IMAGES]["1.0.0"]["lunVhdDetails"] = json!([{"lun": 0, "srcVhdUrl": "https://h/d"}]),
        ..case(Guard::Locked, "locked:plans[basic]/vmImages[1.0.0]/lunVhdDetails[0]/srcVhdUrl:9e01fcdf", |o| {
            plan_mut(o)[IMAGES]["1.0.0"]["lunVhdDetails"] = json!([{"lun": 0, "srcVhdUrl": "https://h/e"}]);
        })
    },
    Case {
        before: |o| o["definition"]["offer"][HERO] = json!("https://h/hero.png"),
        ..case(Guard::Locked, "locked:heroLogo:none", |o| o["definition"]["offer"][HERO] = json!(null))
    },
    Case { closed: true, ..case(Guard::Window, "outside-window", |o| o["definition"]["displayText"] = json!("b")) },
];

fn individually(offer: &mut Value) -> &mut Value {
    &mut plan_mut(offer)["virtualMachinePricing"]["coreMultiplier"]["individually"]
}

impl Case {
    fn plan(&self, allow: &[&str], guards: Option<Guards>) -> OfferPlan {
        self.accepting(allow, guards, &[]).offers()[0].clone()
    }

    fn accepting(&self, allow: &[&str], guards: Option<Guards>, tokens: &[&str]) -> Plan {
        let (mut before, mut after) = (offer(), offer());
        (self.before)(&mut before);
        (self.after)(&mut after);
        // Every guard stops, so that a token that accepts too much shows.
        let stop = Guard::ALL.into_iter().fold(Guards::default(), |guards, guard| guards.with(guard, Level::Stop));
        let context = closed(self.closed.then_some("it is sun"));
        let context = accepting(tokens, Context { guards: guards.unwrap_or(stop), ..context });
        let goal = through(if self.closed { Through::Live } else { Through::Draft });
        plan_in(&before, &after, allow, &goal, context)
    }
}

fn open(plan: &OfferPlan) -> Vec<String> {
    plan.refusals().map(|finding| finding.token.clone().unwrap_or_else(|| finding.message.clone())).collect()
}

#[test]
fn each_guard_is_tripped_and_accepted_by_its_token_and_by_no_other() {
    let tokens = CASES.iter().map(|case| case.token).collect::<Vec<_>>();
    for case in &CASES {
        let tripped = case.plan(&[], None);
        assert_eq!(open(&tripped), [case.token], "{:?}", tripped.findings);
        assert_eq!(tripped.findings[0].guard, Some(case.guard));
        assert_eq!(open(&case.plan(&[case.token], None)), Vec::<String>::new(), "`reconcile.allow` accepts");

        let others = tokens.iter().copied().filter(|token| *token != case.token).collect::<Vec<_>>();
        assert_eq!(open(&case.plan(&others, None)), [case.token], "another token in `reconcile.allow`");
        let accepting = |tokens: &[&str]| {
            let plan = case.accepting(&[], None, tokens);
            (plan.offers()[0].refusals().count(), plan.unused_tokens().len())
        };
        assert_eq!(accepting(&[case.token]), (0, 0), "--allow accepts");
        assert_eq!(accepting(&others), (1, others.len()), "another token of --allow");
        assert_eq!(accepting(&[&case.token[..case.token.len() - 1]]), (1, 1), "a part of {}", case.token);
    }
    let seen = CASES.iter().map(|case| case.guard).collect::<BTreeSet<_>>();
    assert_eq!(seen.len(), Guard::ALL.len() - 1, "`many-offers` is a matter of the whole plan");
}

#[test]
fn only_what_was_published_is_locked() {
    let moved = |document: &mut Value| plan_mut(document)[IMAGES]["1.0.0"]["osVhdUrl"] = json!("https://h/2?sig=a");
    let mut after = offer();
    moved(&mut after);
    let locked = |before: &Value, after: &Value, goal: Through, production: Option<Value>| {
        let live = Live::Present(LiveOffer { document: before.clone(), etag: None });
        let view = ReleaseView { production_document: production, ..ReleaseView::NOTHING };
        let (shape, choices) = (Schemas::builtin().shape(VM), through(goal));
        let plan =
            Plan::of([decide(&desired(after, &[]), &live, &view, Contents::default(), shape, &choices)], closed(None));
        let findings = plan.offers().iter().flat_map(|offer| offer.findings.clone());
        findings.filter(|finding| finding.guard == Some(Guard::Locked)).count()
    };
    let mut never = offer();
    never["status"] = json!("neverPublished");
    let mut without = offer();
    plan_mut(&mut without)[IMAGES] = json!({});
    let mut signed = offer();
    plan_mut(&mut signed)[IMAGES]["1.0.0"]["osVhdUrl"] = json!("https://h/1?se=2030-01-01&sig=b");
    assert_eq!(locked(&offer(), &after, Through::Draft, None), 1, "what is published is not known");
    assert_eq!(locked(&never, &after, Through::Draft, None), 0, "nothing is");
    assert_eq!(locked(&offer(), &after, Through::Preview, None), 0, "nothing is live");
    assert_eq!(locked(&offer(), &after, Through::Preview, Some(offer())), 1);
    assert_eq!(locked(&offer(), &after, Through::Preview, Some(without)), 0, "the version is not");
    assert_eq!(locked(&after, &offer(), Through::Preview, Some(offer())), 0, "the draft becomes what is live again");
    assert_eq!(locked(&offer(), &signed, Through::Preview, Some(offer())), 0, "another signature");
}

#[test]
fn a_finding_carries_the_places_that_it_is_about() {
    let at = |token: &str| {
        let case = CASES.iter().find(|case| case.token == token).expect("a case");
        case.plan(&[], None).findings[0].at.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let prices = "plans[basic]/virtualMachinePricing/coreMultiplier";
    for (token, place) in [
        ("remove-image:basic/1.0.0", "plans[basic]/vmImages[1.0.0]"),
        ("remove-plan:basic", "plans[basic]"),
        ("price-terms:basic:4core=none", &format!("{prices}/individually/4core")),
        ("price-terms:basic:currency=EUR", &format!("{prices}/currency")),
        ("remove-market:basic:NO/SE", "plans[basic]/regions"),
        ("widen-audience:basic", "plans[basic]/restrictedAudience"),
        ("narrow-audience:basic", "plans[basic]/restrictedAudience"),
        ("visibility:basic:hideSKUForSolutionTemplate=true", "plans[basic]/hideSKUForSolutionTemplate"),
        ("audience:offer:+cccc/-bbbb", "allowedSubscriptions"),
        ("blank-secret:tableLeadConfiguration", "tableLeadConfiguration"),
        ("twin:plans[basic]/virtualMachinePricing", "plans[basic]/virtualMachinePricing"),
        ("unknown-field:plans[basic]/coulour", "plans[basic]/coulour"),
    ] {
        assert_eq!(at(token), [place], "{token}");
    }
    let individually = |size: &str| format!("{prices}/individually/{size}");
    let three = at("price:basic/3-prices:-50%");
    assert_eq!((three.len(), &three[0]), (3, &individually("2core")), "the greatest step comes first");
    assert_eq!(at("outside-window"), Vec::<String>::new());
}

#[test]
fn a_level_decides_whether_a_finding_stops_is_shown_or_is_none() {
    for case in &CASES {
        let at = |level| case.plan(&[], Some(Guards::default().with(case.guard, level)));
        assert_eq!(open(&at(Level::Stop)), [case.token]);
        let warned = at(Level::Warn);
        assert_eq!((open(&warned).len(), warned.findings.len()), (0, 1), "{}", case.token);
        assert_eq!(at(Level::Off).findings, [], "{}", case.token);
    }
}

#[test]
fn the_identity_of_an_offer_cannot_be_changed_by_any_token() {
    let mut before = offer();
    before["offerTypeId"] = json!("microsoft-azure-saas");
    let all = CASES.iter().map(|case| case.token).chain(["offerTypeId", "*", ""]).collect::<Vec<_>>();
    let stopped = open(&plan(&before, &offer(), &all, &Choices::default()).expect("a plan"));
    assert_eq!(stopped, ["`offerTypeId` cannot be changed after an offer was created"]);
    let mut before = offer();
    before["publisherId"] = json!("fabrikam");
    let stopped = open(&plan(&before, &offer(), &all, &Choices::default()).expect("a plan"));
    assert_eq!(stopped, ["`publisherId` cannot be changed after an offer was created"]);
}

#[test]
fn a_price_may_move_up_to_the_limit_and_no_hair_beyond() {
    let with = |percent: &str, after: f64| {
        let mut changed = offer();
        individually(&mut changed)["1core"] = json!(after);
        let guards = toml::from_str::<Guards>(&format!("[limits]\nprice_percent = {percent}")).expect("guards");
        open(&plan(&offer(), &changed, &[], &Choices { limits: guards.limits, ..Choices::default() }).expect("a plan"))
    };
    assert_eq!(with("10", 0.11), Vec::<String>::new());
    assert_eq!(with("10", 0.09), Vec::<String>::new());
    assert_eq!(with("10", 0.1101), ["price:basic/1core:+10.1%"]);
    assert_eq!(with("9.99", 0.11), ["price:basic/1core:+10%"]);
    assert_eq!(with("0", 0.1001), ["price:basic/1core:+0.1%"]);
    assert_eq!(with("1000", 0.5), Vec::<String>::new());
}

#[test]
fn what_adds_or_only_looks_different_trips_nothing() {
    let quiet = |before: fn(&mut Value), after: fn(&mut Value)| {
        let (mut old, mut new) = (offer(), offer());
        before(&mut old);
        after(&mut new);
        plan(&old, &new, &[], &Choices::default()).map(|plan| plan.findings).unwrap_or_default()
    };
    let none: [Finding; 0] = [];
    assert_eq!(quiet(|_| {}, |o| individually(o)["8core"] = json!(0.8)), none, "a size that is new");
    assert_eq!(quiet(|_| {}, |o| individually(o)["1core"] = json!(0.10)), none, "the same price");
    assert_eq!(quiet(|_| {}, |o| plan_mut(o)["regions"] = json!(["FI", "se", "NO", "DE"])), none, "a market more");
    let renamed: fn(&mut Value) = |o| plan_mut(o)["regions"] = json!(["de", "no", "se"]);
    assert_eq!(quiet(|_| {}, renamed), none, "markets in another letter case");
    assert_eq!(
        quiet(
            |_| {},
            |o| {
                let plans = o["definition"]["plans"].as_array_mut().expect("plans");
                plans.push(json!({"planId": "new", "regions": ["DE"], "virtualMachinePricing": {"isByol": true}}));
            }
        ),
        none,
        "a plan that is new"
    );
    let hidden: fn(&mut Value) = |o| {
        plan_mut(o).as_object_mut().expect("a plan").remove(HIDE);
    };
    assert_eq!(quiet(hidden, |_| {}), none, "a switch that was never set, and is off");
    // What only the portal knows is written back, and is nobody's slip.
    let foreign: fn(&mut Value) = |o| plan_mut(o)["vendor.flag"] = json!(1);
    assert_eq!(quiet(foreign, |o| o["definition"]["displayText"] = json!("b")), none, "a field that nobody declares");
}

#[test]
fn a_type_without_a_schema_has_no_unknown_fields() {
    let saas = |colour: Value| {
        json!({"publisherId": "contoso", "id": "a", "offerTypeId": "microsoft-azure-saas", "definition": {
            "offer": {"colour": colour}, "plans": [{"planId": "p", "colour": colour}]}})
    };
    let findings = plan(&saas(json!(1)), &saas(json!(2)), &[], &Choices::default()).expect("a plan").findings;
    assert_eq!(findings, []);
}

#[test]
fn only_what_goes_live_needs_a_window() {
    let mut after = offer();
    after["definition"]["displayText"] = json!("b");
    let findings = |through| {
        let plan = plan_in(&offer(), &after, &[], &self::through(through), closed(Some("it is sun")));
        plan.offers()[0].findings.len()
    };
    assert_eq!((findings(Through::Draft), findings(Through::Preview), findings(Through::Live)), (0, 0, 1));
}

#[test]
fn a_saved_plan_meets_the_clock_of_the_day_on_which_it_is_applied() {
    let mut after = offer();
    after["definition"]["displayText"] = json!("b");
    let plan = |why: Option<&str>, allow: &[&str], accepted: &[&str]| {
        plan_in(&offer(), &after, allow, &through(Through::Live), accepting(accepted, closed(why)))
    };
    let later = |saved: &Plan, why: Option<&str>, accepted: &[&str]| {
        open(&Plan::of(saved.verdicts(), accepting(accepted, closed(why))).offers()[0]).len()
    };
    let (early, late) = (plan(None, &[], &[]), plan(Some("sun"), &[], &[]));
    assert_eq!(early.fingerprint(), late.fingerprint(), "the time is not part of the meaning");
    assert_eq!((open(&early.offers()[0]).len(), open(&late.offers()[0]).len()), (0, 1));
    assert_eq!(later(&late, None, &[]), 0);
    assert_eq!(later(&late, Some("sun"), &[]), 1, "not twice");
    assert_eq!(later(&early, Some("sun"), &[]), 1);
    assert_eq!(later(&plan(None, &["outside-window"], &[]), Some("sun"), &[]), 0);
    assert_eq!(later(&early, Some("sun"), &["contoso/a:outside-window"]), 0);
    assert_eq!(later(&plan(None, &["widen-audience:basic"], &[]), Some("sun"), &["many-offers:1"]), 1);
}

/// A plan over `existing` offers, of which so many change.
fn many(changed: usize, existing: usize, context: Context) -> Plan {
    let mut after = offer();
    after["definition"]["displayText"] = json!("b");
    let one = plan(&offer(), &after, &[], &Choices::default()).expect("a plan");
    let key = |n: usize| format!("contoso/o{n}").parse().expect("a key");
    let changes = (0..changed).map(|n| Verdict::Change(Box::new(OfferPlan { key: key(n), ..one.clone() })));
    let unchanged = |n| Unchanged { key: key(n), diff: crate::diff::Diff::default(), base: None };
    let unchanged = (changed..existing).map(|n| Verdict::Unchanged(Box::new(unchanged(n))));
    Plan::of(changes.chain(unchanged), context)
}

#[test]
fn many_offers_at_once_stop_the_plan_until_their_very_number_is_accepted() {
    let open = |plan: &Plan| plan.refusals().filter_map(|finding| finding.token.clone()).collect::<Vec<_>>();
    let tokens = |changed, existing| open(&many(changed, existing, Context::default()));
    assert_eq!(tokens(50, 1000), Vec::<String>::new());
    assert_eq!(tokens(51, 1000), ["many-offers:51"]);
    assert_eq!(tokens(5, 10), Vec::<String>::new());
    assert_eq!(tokens(6, 10), ["many-offers:6"]);
    assert_eq!(tokens(9, 9), Vec::<String>::new(), "of a few offers no part is large");

    let accepting = |tokens: &[&str]| {
        let plan = many(6, 10, accepting(tokens, Context::default()));
        (open(&plan).len(), plan.unused_tokens().len())
    };
    assert_eq!(accepting(&["many-offers:6"]), (0, 0));
    let others = CASES.iter().map(|case| case.token).chain(["many-offers:5", "many-offers:7", "many-offers"]);
    assert_eq!(accepting(&others.collect::<Vec<_>>()), (1, CASES.len() + 3));

    let guards =
        toml::from_str::<Guards>("[limits]\noffers = 2\noffers_percent = 100\noffers_minimum = 1").expect("ok");
    let with = |guards: &Guards| Context { guards: guards.clone(), ..Context::default() };
    assert_eq!(open(&many(3, 3, with(&guards))), ["many-offers:3"]);
    assert_eq!(open(&many(2, 2, with(&guards))), Vec::<String>::new());
    let off = Guards::default().with(Guard::ManyOffers, Level::Off);
    assert_eq!(many(60, 60, with(&off)).findings(), []);
    let plan = many(60, 100, Context::default());
    let message = &plan.findings()[0].message;
    assert_eq!(message, "changes 60 of 100 offers at once, more than 50 and more than 50%");
}

#[test]
fn a_token_names_a_few_things_and_counts_many_without_becoming_inexact() {
    let names = |names: &[&str]| named(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(names(&["DE", "NO"]), "DE/NO");
    let many = names(&["A", "B", "C", "D", "E"]);
    assert!(many.starts_with("5-") && many.len() == 10, "{many}");
    assert_ne!(many, names(&["A", "B", "C", "D", "F"]));
    let odd = names(&["a, b"]);
    assert!(odd.starts_with("1-") && !odd.contains(','), "a comma parts tokens: {odd}");
}
