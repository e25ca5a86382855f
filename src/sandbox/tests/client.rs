//! Each call of the client, against the portal of both profiles.

use std::time::Duration;

use serde_json::{Value, json};

use super::TITLE;
use crate::live::Live;
use crate::model::{OfferKey, Profile, Slot};
use crate::portal::{Approval, Credential, Kind, Precondition, Reader, Settings, State, Tries, Writer};
use crate::sandbox::{Options, Sandbox, Seed};
use crate::stop::Stop;

fn reader(sandbox: &Sandbox) -> Reader {
    let settings = Settings {
        endpoint: sandbox.url().parse().expect("an endpoint"),
        credential: Credential::fixed("a-token".into()),
        parallelism: 4,
        retries: 0,
        retry_budget: Duration::from_mins(1),
        max_requests: None,
        deadline: Duration::from_mins(1),
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

fn offer(profile: Profile) -> Value {
    let status = if profile == Profile::Native { "none" } else { "migrated" };
    json!({
        "publisherId": "contoso", "id": "a", "offerTypeId": super::VM, "pcMigrationStatus": status,
        "definition": {"offer": {TITLE: "one"}, "plans": [{
            "planId": "p", "microsoft-azure-virtualmachines.vmImages": {"1.0.0": {"osVhdUrl": "https://h.example/v.vhd"}},
        }]},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_reads_or_writes_what_it_says() {
    for profile in [Profile::Native, Profile::Migrated] {
        // What is started here is still running when it is looked at.
        let seed = Seed::Documents(vec![offer(profile)]);
        let sandbox = Sandbox::start(Options { seed, step_time: Duration::from_hours(1), ..Options::default() });
        let sandbox = sandbox.await.expect("starts");
        let reader = reader(&sandbox);
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
        writer.seat(&key).await.expect("a seat").put(&body, &precondition, first).await.expect("written");
        if live.etag.is_some() {
            let seat = writer.seat(&key).await.expect("a seat");
            let stale = seat.put(&body, &precondition, first).await.expect_err("the ETag is old");
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
