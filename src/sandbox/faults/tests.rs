use serde_json::json;

use super::super::reply::Body;
use super::super::submission::FailureWord;
use super::*;

fn fault(spec: Value) -> Result<Fault, String> {
    serde_json::from_value::<Spec>(spec).map_err(|error| error.to_string())?.check()
}

fn faults(list: Vec<Value>) -> Faults {
    let mut faults = Faults::new(7);
    list.into_iter().for_each(|spec| faults.add(fault(spec).expect("a fault"), 1_000));
    faults
}

fn asked<'a>(method: &'a str, target: &'a str) -> Asked<'a> {
    Asked { method, target, route: None, offer: None }
}

fn judge(faults: &mut Faults, now: i64) -> Option<Effect> {
    faults.judge(&asked("GET", "/api/publishers?x=1"), now).map(|(_, effect)| effect.clone())
}

/// The status that each of so many requests gets by fault; 0 where none strikes.
fn statuses(faults: &mut Faults, count: usize) -> Vec<u16> {
    let status = |effect: Effect| match effect.act {
        Act::Instead(reply) | Act::After(reply) => reply.status,
        _ => 1,
    };
    (0..count).map(|_| judge(faults, 1_000).map_or(0, status)).collect()
}

#[test]
fn faults_skip_strike_and_run_out() {
    let mut list = faults(vec![json!({"path": "publishers", "status": 500, "skip": 1, "times": 2})]);
    assert_eq!(statuses(&mut list, 5), [0, 500, 500, 0, 0]);
    let mut list = faults(vec![json!({"path": "?x=", "status": 503})]);
    assert_eq!(statuses(&mut list, 3), [503, 503, 503]);
    list.clear();
    assert_eq!(statuses(&mut list, 1), [0]);
}

#[test]
fn every_nth_is_counted_after_those_that_are_skipped() {
    let mut list = faults(vec![json!({"status": 500, "skip": 1, "every": 3, "times": 2})]);
    assert_eq!(statuses(&mut list, 9), [0, 500, 0, 0, 500, 0, 0, 0, 0]);
}

#[test]
fn the_first_that_is_due_decides() {
    let mut list = faults(vec![json!({"status": 500, "skip": 1, "times": 1}), json!({"status": 429, "times": 1})]);
    assert_eq!(statuses(&mut list, 3), [429, 500, 0]);
}

#[test]
fn a_fault_can_start_later_and_last_for_a_while() {
    let mut list = faults(vec![json!({"status": 500, "startsAfterMs": 100, "lastsMs": 50})]);
    let struck = [1_099, 1_100, 1_149, 1_150].map(|now| judge(&mut list, now).is_some());
    assert_eq!(struck, [false, true, true, false]);
}

#[test]
fn chance_follows_from_the_seed() {
    let run = |seed: u64| {
        let mut list = Faults::new(seed);
        list.add(fault(json!({"status": 500, "probability": 0.25})).expect("a fault"), 0);
        statuses(&mut list, 4_000)
    };
    let first = run(1);
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
    let struck = first.iter().filter(|status| **status == 500).count();
    assert!((900..1_100).contains(&struck), "{struck} of 4000");
    let never = statuses(&mut faults(vec![json!({"status": 500, "probability": 0})]), 50);
    let always = statuses(&mut faults(vec![json!({"status": 500, "probability": 1})]), 50);
    assert_eq!((never, always), (vec![0; 50], vec![500; 50]));
}

#[test]
fn method_path_route_and_offer_select() {
    let key: OfferKey = "contoso/vm".parse().expect("a key");
    let mut list = faults(vec![json!({"method": "put", "path": "/offers/", "status": 500})]);
    assert!(list.judge(&asked("GET", "/offers/x"), 1_000).is_none());
    assert!(list.judge(&asked("PUT", "/publishers"), 1_000).is_none());
    assert!(list.judge(&asked("PUT", "/offers/x"), 1_000).is_some());
    let mut list = faults(vec![json!({"route": "publish", "offer": "contoso/vm", "status": 500})]);
    let publish = Asked { route: Some(Kind::Publish), offer: Some(&key), ..asked("POST", "/x") };
    assert!(list.judge(&publish, 1_000).is_some());
    assert!(list.judge(&Asked { offer: None, ..publish }, 1_000).is_none());
    assert!(list.judge(&Asked { route: Some(Kind::Golive), ..publish }, 1_000).is_none());
}

#[test]
fn every_effect_is_read() {
    let effect = |spec: Value| fault(spec).expect("a fault").effect;
    let reply = |spec: Value| match effect(spec).act {
        Act::Instead(reply) | Act::After(reply) => reply,
        other => panic!("{other:?}"),
    };
    assert_eq!(reply(json!({"status": 500, "body": "<html>", "after": true})).body, Body::Text("<html>".to_owned()));
    assert_eq!(reply(json!({"status": 500, "body": {"a": 1}})).body, Body::Json(json!({"a": 1})));
    let busy = reply(json!({"status": 429, "retryAfter": 3, "headers": {"X-A": "b"}}));
    assert_eq!(busy.body, Body::Empty);
    assert_eq!(busy.headers, [("X-A".to_owned(), "b".to_owned()), ("Retry-After".to_owned(), "3".to_owned())]);
    let retry = reply(json!({"retryIsOk": true}));
    assert!(retry.status == 500 && matches!(retry.body, Body::Json(body) if body.to_string().contains("Retry is OK")));
    let before = effect(json!({"reset": "before"}));
    assert!(matches!(before.act, Act::Instead(_)) && before.delivery == Delivery::Reset);
    let after = effect(json!({"reset": "after"}));
    assert_eq!((after.act, after.delivery), (Act::CarryOut, Delivery::Reset));
    assert_eq!(effect(json!({"staleMs": 5})).act, Act::Stale(5));
    assert_eq!(effect(json!({"bytesPerSecond": 100})).delivery, Delivery::Slow(100));
    assert_eq!(effect(json!({"truncateAfter": 10})).delivery, Delivery::Truncated(10));
    assert_eq!(effect(json!({"latencyMs": 10})).latency_ms, 10);
    assert_eq!(effect(json!({"omitHeaders": ["Location"]})).omitted, ["location"]);
    let Act::Failing(failure) = effect(json!({"fail": {"step": "displaycertify", "status": "rejected"}})).act else {
        panic!("not a failure")
    };
    assert_eq!((failure.step, failure.word), (1, FailureWord::Rejected));
    let edit = effect(json!({"edit": {"offer": "contoso/vm", "merge": {"a": 1}}})).edit.expect("an edit");
    assert_eq!(edit.merge, json!({"a": 1}));
}

#[test]
fn what_makes_no_sense_is_told() {
    for (spec, reason) in [
        (json!({}), "no effect"),
        (json!({"status": 99}), "not the status"),
        (json!({"status": 500, "headers": {"a b": "c"}}), "cannot be sent"),
        (json!({"status": 500, "tiems": 3}), "tiems"),
        (json!({"status": 500, "every": 0}), "from 1"),
        (json!({"status": 500, "probability": 1.5}), "from 0 to 1"),
        (json!({"status": 500, "retryIsOk": true}), "of its own"),
        (json!({"status": 500, "staleMs": 1}), "one at most"),
        (json!({"reset": "after", "truncateAfter": 1}), "one at most"),
        (json!({"retryAfter": 1}), "needs a `status`"),
        (json!({"fail": {"step": "lunch", "status": "blocked"}}), "not a step"),
        (json!({"route": "nowhere", "status": 500}), "nowhere"),
    ] {
        let problem = fault(spec.clone()).expect_err("refused");
        assert!(problem.contains(reason), "{spec}: {problem}");
    }
    let script: Script = serde_json::from_value(json!({"seed": 3, "faults": [{"status": 500}, {}]})).expect("a script");
    assert!(script.check().expect_err("refused").starts_with("fault 2: "));
}
