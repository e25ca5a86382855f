//! The client's calls, each against the portal of both profiles.

use std::time::Duration;

use offerctl::live::Live;
use offerctl::model::{OfferKey, Slot};
use offerctl::portal::{Approval, Credential, Kind, Precondition, Reader, Settings, State, Tries, Writer};
use offerctl::stop::Stop;
use serde_json::{Value, json};

use crate::support::{TITLE, World, migrated, native, offer};

fn reader(world: &World, parallelism: usize) -> Reader {
    let endpoint = world.sandbox.url().parse().expect("an endpoint");
    let credential = Credential::fixed("t".into());
    let retry_budget = Duration::from_mins(1);
    let settings = Settings {
        endpoint,
        credential,
        parallelism,
        retries: 0,
        retry_budget,
        max_requests: None,
        stop: Stop::new().1,
    };
    Reader::new(settings).expect("a reader")
}

fn document(live: Live) -> Value {
    match live {
        Live::Present(offer) => offer.document,
        Live::Absent => Value::Null,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_reads_or_writes_what_it_says() {
    for on_portal in [native as fn(&Value) -> Value, migrated] {
        // What is started here is still running when it is looked at.
        let world = World::slow(vec![on_portal(&offer("a", "one"))], &[], Duration::from_hours(1)).await;
        let reader = reader(&world, 4);
        let writer = Writer::new(reader.clone(), Approval::Flag);
        let first = Tries::default();
        let key: OfferKey = "contoso/a".parse().expect("a key");
        let nobody: OfferKey = "contoso/nobody".parse().expect("a key");

        let list = reader.offers(&key.publisher).await.expect("a list");
        assert_eq!(list.iter().map(|offer| offer.id.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(reader.offer(&nobody).await, Ok(Live::Absent));
        assert_eq!(reader.slot(&key, Slot::Preview).await, Ok(Live::Absent));
        assert_eq!(reader.submissions(&key).await.map(|all| all.len()), Ok(0));
        assert_eq!(document(reader.version(&key, 999_999).await.expect("an answer")), Value::Null);

        let Live::Present(live) = reader.offer(&key).await.expect("an answer") else { panic!("absent") };
        let mut body = live.document.clone();
        body["definition"]["offer"][TITLE] = json!("two");
        let precondition = live.etag.clone().map_or(Precondition::Any, Precondition::Match);
        writer.put(&key, &body, &precondition, first).await.expect("written");
        if live.etag.is_some() {
            let stale = writer.put(&key, &body, &precondition, first).await.expect_err("the ETag is old");
            assert_eq!((stale.kind, stale.status), (Kind::Precondition, Some(412)));
        }
        assert_eq!(document(reader.offer(&key).await.expect("an answer"))["definition"]["offer"][TITLE], "two");

        let accepted = writer.publish(&key, &["a@contoso.example".to_owned()], first).await.expect("accepted");
        let path = accepted.operation.expect("a link");
        assert!(reader.operation(&key, &path).await.is_ok());
        assert_eq!(reader.status(&key).await.map(|status| status.map(|s| s.state)), Ok(Some(State::Running)));
        let running = reader.submissions(&key).await.expect("a list");
        assert_eq!((running.len(), running[0].is_production()), (1, false));
        let busy = writer.publish(&key, &[], first).await.expect_err("one operation at a time");
        assert_eq!(busy.kind, Kind::Conflict);
        writer.cancel(&key, first).await.expect("accepted");
        let early = writer.go_live(&key, first).await.expect_err("nothing waits for sign-off");
        assert_eq!(early.kind, Kind::Conflict);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_repeated_while_it_may_help_and_writes_are_not() {
    let world = World::new(vec![native(&offer("a", "t"))], &[("a", &offer("a", "t"))]).await;
    for status in [408, 429, 500, 502, 503, 504] {
        world.fault(json!({"method": "GET", "path": "/api/", "status": status, "times": 2, "headers": {"Retry-After": "0"}})).await;
        let planned = world.run(&["plan"]).await.exits(0);
        assert!(planned.stdout.starts_with("No changes"), "{status}: {}", planned.stdout);
    }
    for status in [400, 401, 403, 409] {
        world.fault(json!({"method": "GET", "path": "/api/", "status": status, "times": 1})).await;
        assert_ne!(world.run(&["plan"]).await.code, 0, "{status} is final");
    }
}
