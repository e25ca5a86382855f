//! Publish, go live, wait and cancel, whatever the portal leaves out or says differently.

use std::time::Duration;

use offerctl::{FinalWord, MissingIfMatch, PutWhileRunning, Switches};
use serde_json::json;

use crate::support::{World, migrated, native, offer};

async fn goes_live_with(switches: Switches) {
    let shown = format!("{switches:?}");
    let world = World::with(
        vec![native(&offer("a", "old")), migrated(&offer("b", "old"))],
        &[("a", &offer("a", "new")), ("b", &offer("b", "new"))],
        switches,
    )
    .await;
    let applied = world.run(&["apply", "--yes", "--through", "live", "-o", "json"]).await.exits(0);
    let live = ["a", "b"].map(|id| format!("contoso/{id}: updated, published, in-preview, signed-off, live; done"));
    assert_eq!(applied.outcomes(), live, "{shown}");
    for id in ["a", "b"] {
        assert_eq!(world.count("POST", &format!("/offers/{id}/publish")).await, 1, "{shown}");
        assert_eq!(world.count("POST", &format!("/offers/{id}/golive")).await, 1, "{shown}");
    }
    let again = world.run(&["apply", "--yes", "--through", "live", "-o", "json"]).await.exits(0).json();
    assert_eq!((&again["offers"], &again["unchanged"]), (&json!([]), &json!(2)), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_go_live_once_whatever_is_not_established() {
    let all = [
        Switches::default(),
        Switches { omit_location: true, ..Switches::default() },
        Switches {
            omit_location: true,
            omit_operation_location: true,
            empty_post_answers: true,
            ..Switches::default()
        },
        Switches { operation_ends_at_preview: true, final_word: FinalWord::Completed, ..Switches::default() },
        Switches { operation_in_array: true, ..Switches::default() },
        Switches {
            missing_if_match: MissingIfMatch::Conflict,
            migrated_missing_if_match: MissingIfMatch::Conflict,
            put_while_running: PutWhileRunning::Refused,
            signoff_blocks_publish: true,
            etag_on_published: true,
            final_word: FinalWord::Succeeded,
            ..Switches::default()
        },
        Switches {
            put_answers_services: true,
            create_answers_200: true,
            etag_on_migrated_put: true,
            ..Switches::default()
        },
    ];
    for switches in all {
        goes_live_with(switches).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_whose_answer_was_lost_is_joined_not_repeated() {
    // What was started is still running when the client comes to look for it, however busy the machine is.
    let step = Duration::from_millis(400);
    let world = World::slow(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))], step).await;
    world.fault(json!({"method": "POST", "path": "/publish", "status": 504, "after": true, "times": 1})).await;
    world.fault(json!({"method": "POST", "path": "/golive", "status": 500, "after": true, "times": 1})).await;
    world.run(&["apply", "--yes", "--through", "live"]).await.exits(0);
    assert_eq!(world.count("POST", "/publish").await, 1);
    assert_eq!(world.count("POST", "/golive").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_did_not_start_is_not_repeated() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    world.fault(json!({"method": "POST", "path": "/publish", "status": 500})).await;
    let applied = world.run(&["apply", "--yes", "--through", "preview", "-o", "json"]).await.exits(1);
    assert_eq!(applied.outcomes(), ["contoso/a: updated; failed"]);
    assert_eq!(world.count("POST", "/publish").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_portal_refuses_to_publish_is_said() {
    let mut declared = offer("a", "new");
    declared["definition"]["plans"] = json!([]);
    let world = World::new(vec![], &[("a", &declared)]).await;
    let applied = world.run(&["apply", "--yes", "--through", "preview", "-o", "json"]).await.exits(1);
    assert_eq!(applied.outcomes(), ["contoso/a: created; failed"]);
    assert!(applied.json()["offers"][0]["messages"].to_string().contains("422"), "{}", applied.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_by_its_time_and_leaves_the_operation() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    // An operation that never gets anywhere.
    let running = json!({"status": "running", "steps": [{"id": "displaycertify", "stepName": "Certification", "status": "inProgress", "progressPercentage": 10}]});
    world.fault(json!({"method": "GET", "path": "/operations/", "status": 200, "body": running})).await;
    let args = ["apply", "--yes", "--through", "live", "--wait-timeout", "300ms", "-o", "json"];
    assert_eq!(world.run(&args).await.exits(8).outcomes(), ["contoso/a: updated, published; timed-out"]);
    assert_eq!(world.count("POST", "/golive").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_fails_says_why() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let failed = json!({"status": "failed", "steps": [{"id": "displaycertify", "stepName": "Certification", "status": "rejected",
        "messages": [{"messageHtml": "<p>The image has <b>no agent</b>.</p>", "level": "error"}]}]});
    world.fault(json!({"method": "GET", "path": "/operations/", "status": 200, "body": failed})).await;
    let applied = world.run(&["apply", "--yes", "--through", "preview"]).await.exits(7);
    assert!(
        applied.stdout.contains("the step Certification is failed\n    The image has no agent."),
        "{}",
        applied.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_wait_leaves_at_once_and_cancel_takes_it_back() {
    let hour = Duration::from_hours(1);
    let world = World::slow(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))], hour).await;
    let applied = world.run(&["apply", "--yes", "--through", "live", "--no-wait", "-o", "json"]).await.exits(0);
    assert_eq!(applied.outcomes(), ["contoso/a: updated, published; left"]);
    world.run(&["cancel", "contoso/a"]).await.exits(3);
    assert_eq!(world.count("POST", "/cancel").await, 0);
    assert_eq!(world.cancel("a").await.exits(0).outcomes(), ["contoso/a: canceled; done"]);
    let idle = world.run(&["cancel", "contoso/a", "--yes", "-o", "json"]).await.exits(0);
    assert_eq!(idle.outcomes(), ["contoso/a: at-rest; done"]);
    assert_eq!(world.count("POST", "/cancel").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_where_offers_are() {
    let world =
        World::new(vec![native(&offer("a", "new"))], &[("a", &offer("a", "new")), ("b", &offer("b", "new"))]).await;
    world.run(&["apply", "--yes", "--through", "preview", "contoso/a"]).await.exits(0);
    let status = world.run(&["status"]).await.exits(0).stdout;
    let rows = status.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!(rows[1], "contoso/a running publish Publisher sign-off waiting for sign-off yes -");
    assert_eq!(rows[2], "contoso/b no such offer - - -");
    let json = world.run(&["status", "contoso/a", "-o", "json"]).await.exits(0).json();
    assert_eq!(json["offers"][0]["status"]["state"], json!("running"));
    assert_eq!(json["offers"][0]["running"]["slot"], json!("staging"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_release_that_is_applied_twice_publishes_once() {
    for (through, done) in [("preview", "joined, in-preview"), ("live", "live")] {
        let world = World::new(vec![native(&offer("a", "new"))], &[("a", &offer("a", "new"))]).await;
        world.run(&["plan", "--through", through, "--out", "plan.json"]).await.exits(0);
        world.run(&["apply", "--yes", "plan.json"]).await.exits(0);
        let again = world.run(&["apply", "--yes", "plan.json", "-o", "json"]).await.exits(0);
        assert_eq!(again.outcomes(), [format!("contoso/a: {done}; done")]);
        assert_eq!(world.count("POST", "/publish").await, 1, "{through}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_that_blocks_the_next_publish_is_named() {
    let switches = Switches { signoff_blocks_publish: true, ..Switches::default() };
    let world = World::with(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))], switches).await;
    world.run(&["apply", "--yes", "--through", "preview"]).await.exits(0);
    world.declare("a", &offer("a", "newer"));
    let refused = world.run(&["apply", "--yes", "--through", "live", "-o", "json"]).await.exits(5);
    assert_eq!(refused.outcomes(), ["contoso/a: updated; conflict"]);
    world.run(&["cancel", "--yes", "contoso/a"]).await.exits(0);
    world.run(&["apply", "--yes", "--through", "live"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_sent_again_is_published() {
    let world = World::new(vec![], &[]).await;
    let mut declared = offer("a", "new");
    declared["definition"]["offer"]["microsoft-azure-marketplace.tableLeadConfiguration"] =
        json!({"contactEmail": "a@contoso.example", "connectionString": "@"});
    let text = declared.to_string().replace("\"@\"", "!secret env:LEAD");
    crate::support::write(world.folder.path(), "offers/a.yaml", &text);
    let args = ["apply", "--yes", "--resend", "--through", "live", "-o", "json"];
    for (secret, saved, times) in [("the-first-one", "created", 1), ("the-second-one", "updated", 2)] {
        let ran = world.run_with(&args, &[("LEAD", secret)]).await.exits(0);
        assert_eq!(ran.outcomes(), [format!("contoso/a: {saved}, published, in-preview, signed-off, live; done")]);
        assert_eq!(world.count("POST", "/publish").await, times);
    }
}
