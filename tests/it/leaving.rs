//! Operations are left and picked up: by another process, from another machine, with nothing but the portal's state.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::support::front::{Act, Front};
use crate::support::{Ran, TITLE, World, http_answer, migrated, native, offer, offerctl, run_beside, set_title};

const STEP: Duration = Duration::from_millis(60);

/// Runs somewhere without a project, as another machine would.
async fn elsewhere(world: &World, args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = offerctl(folder.path());
    command.args(args).env("OFFERCTL_ENDPOINT", world.sandbox.url());
    run_beside(command).await
}

async fn world(step: Duration) -> World {
    let live = vec![native(&offer("a", "old")), migrated(&offer("b", "old"))];
    World::slow(live, &[("a", &offer("a", "new")), ("b", &offer("b", "new"))], step).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_left_another_takes_live_with_no_state_between_them() {
    let world = world(STEP).await;
    let left = world.run(&["apply", "--yes", "--no-wait", "--through", "live"]).await.exits(0);
    assert!(left.stdout.contains("… contoso/a   draft updated, published, continues in the portal"), "{}", left.stdout);
    // Nothing of the run is on the disk but the offers.
    let kept = std::fs::read_dir(world.folder.path()).expect("a folder").map(|entry| entry.expect("one").file_name());
    assert_eq!(kept.collect::<Vec<_>>(), ["offers"]);
    let waited = elsewhere(&world, &["wait", "--yes", "--through", "live", "contoso/a", "contoso/b"]).await.exits(0);
    for id in ["a", "b"] {
        assert!(
            waited.stdout.contains(&format!("✓ contoso/{id}   in preview, signed off, live\n")),
            "{}",
            waited.stdout
        );
        assert_eq!(world.slot(id, "production").await["definition"]["offer"][TITLE], "new");
        assert_eq!(world.count("POST", &format!("/{id}/golive")).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_without_through_live_leaves_the_signoff_to_the_publisher() {
    let world = world(STEP).await;
    world.run(&["apply", "--yes", "--no-wait", "--through", "live"]).await.exits(0);
    let waited = elsewhere(&world, &["wait", "contoso/a"]).await.exits(0);
    assert!(waited.stdout.contains("run `offerctl go-live contoso/a`"), "{}", waited.stdout);
    assert_eq!(world.count("POST", "/golive").await, 0);
    let asked = elsewhere(&world, &["wait", "--through", "live", "contoso/a"]).await.exits(3);
    assert!(asked.stderr.contains("this is not a terminal; nothing was started"), "{}", asked.stderr);
}

/// Somebody publishes other content between the wait's begin and the sign-off: that is not what was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_signs_off_what_was_on_its_way_and_nothing_else() {
    let hour = Duration::from_hours(1);
    let world = world(hour).await;
    world.run(&["apply", "--yes", "--no-wait", "--through", "live", "contoso/a"]).await.exits(0);
    let mut command = offerctl(world.folder.path());
    command.args(["wait", "--yes", "--through", "live", "contoso/a"]).env("OFFERCTL_ENDPOINT", world.sandbox.url());
    let mut waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let stderr = BufReader::new(waiting.stderr.as_mut().expect("stderr"));
    let seen = stderr.lines().map_while(Result::ok).any(|line| line.contains("in progress"));
    assert!(seen, "the wait saw no step");
    assert_eq!(world.cancel("a").await.exits(0).outcomes(), ["contoso/a: canceled; done"]);
    world.portal_edit("a", |document| set_title(document, "THEIRS")).await;
    elsewhere(&world, &["publish", "--yes", "--no-wait", "contoso/a"]).await.exits(0);
    world.advance(4 * hour).await;
    assert_eq!(world.slot("a", "preview").await["definition"]["offer"][TITLE], "THEIRS");
    let output = tokio::task::spawn_blocking(move || waiting.wait_with_output()).await.expect("joined").expect("ended");
    assert_ne!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(world.count("POST", "/golive").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_cannot_know_what_is_on_its_way_does_not_sign_it_off() {
    let world = world(STEP).await;
    world.run(&["apply", "--yes", "--no-wait", "--through", "live", "contoso/a"]).await.exits(0);
    world.fault(json!({"method": "GET", "path": "/versions/", "status": 404, "body": {"error": {"code": "NotFound", "message": "no"}}})).await;
    let waited = elsewhere(&world, &["wait", "--yes", "--through", "live", "contoso/a"]).await.exits(5);
    assert!(waited.stdout.contains("so it is not signed off"), "{}", waited.stdout);
    assert_eq!(world.count("POST", "/golive").await, 0);
    elsewhere(&world, &["wait", "contoso/a"]).await.exits(0);
    elsewhere(&world, &["go-live", "--yes", "contoso/a"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_runs_out_of_time_says_how_to_come_back() {
    let world = world(Duration::from_secs(20)).await;
    world.run(&["apply", "--yes", "--no-wait", "--through", "live"]).await.exits(0);
    let waited = elsewhere(&world, &["wait", "contoso/a", "--wait-timeout", "1s"]).await.exits(8);
    let line = "… contoso/a   the wait ran out of time; the operation continues in the portal\n    hint: run \
        `offerctl wait contoso/a`\n";
    assert!(waited.stdout.contains(line), "{}", waited.stdout);
    let json = elsewhere(&world, &["wait", "contoso/a", "--wait-timeout", "10ms", "-o", "json"]).await.exits(8).json();
    assert_eq!(json["offers"][0]["end"], "timed-out");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_wait_with_130_and_the_way_back() {
    let world = world(Duration::from_secs(20)).await;
    world.run(&["apply", "--yes", "--no-wait", "--through", "live"]).await.exits(0);
    for args in [&["wait", "contoso/a"][..], &["wait", "--yes", "--through", "live", "contoso/a"]] {
        let mut command = world.command(args);
        let mut waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        let mut stderr = BufReader::new(waiting.stderr.take().expect("stderr"));
        let mut line = String::new();
        while !line.contains("in progress") {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).expect("read"), 0, "the wait ended by itself");
        }
        let interrupt = std::process::Command::new("kill").args(["-INT", &waiting.id().to_string()]).status();
        assert!(interrupt.expect("kill").success());
        let output = waiting.wait_with_output().expect("ended");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(130), "{stdout}");
        let expected = "… contoso/a   interrupted; operations continue in the portal\n    hint: run `offerctl wait \
            contoso/a`\n";
        assert!(stdout.contains(expected), "{stdout}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_and_go_live_take_what_the_portal_holds_one_step_further() {
    let world = world(STEP).await;
    let published = elsewhere(&world, &["publish", "--yes", "contoso/a", "contoso/b"]).await.exits(0);
    assert!(published.stdout.contains("✓ contoso/a   published, in preview\n"), "{}", published.stdout);
    assert!(published.stdout.ends_with("Done: 2 offers published.\n"), "{}", published.stdout);
    let again = elsewhere(&world, &["publish", "--yes", "contoso/a"]).await.exits(0);
    assert!(again.stdout.contains("✓ contoso/a   joined the running operation, in preview\n"), "{}", again.stdout);
    let live = elsewhere(&world, &["go-live", "--yes", "contoso/a", "contoso/b"]).await.exits(0);
    assert!(live.stdout.contains("✓ contoso/b   signed off, live\n"), "{}", live.stdout);
    assert_eq!(world.slot("a", "production").await["definition"]["offer"][TITLE], "old");
    let again = elsewhere(&world, &["go-live", "--yes", "contoso/a"]).await.exits(0);
    assert!(again.stdout.contains("✓ contoso/a   live\n"), "{}", again.stdout);
    for (post, times) in [("/publish", 2), ("/golive", 2)] {
        assert_eq!(world.count("POST", post).await, times, "{post}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn go_live_out_of_turn_is_refused_and_says_what_to_do() {
    let world = world(Duration::from_secs(20)).await;
    let early = elsewhere(&world, &["go-live", "--yes", "contoso/a"]).await.exits(5);
    assert!(early.stdout.contains("publish the draft with `offerctl publish contoso/a`"), "{}", early.stdout);
    elsewhere(&world, &["publish", "--yes", "--no-wait", "contoso/a"]).await.exits(0);
    let busy = elsewhere(&world, &["go-live", "--yes", "contoso/a"]).await.exits(5);
    assert!(busy.stdout.contains("a publish is still running; `offerctl wait contoso/a`"), "{}", busy.stdout);
    let nobody = elsewhere(&world, &["go-live", "--yes", "contoso/nobody"]).await.exits(1);
    assert!(nobody.stdout.contains("the portal has no offer contoso/nobody"), "{}", nobody.stdout);
    assert_eq!(world.count("POST", "/golive").await, 0);
    let unasked = elsewhere(&world, &["publish", "contoso/a"]).await.exits(3);
    assert!(unasked.stderr.contains("pass --yes"), "{}", unasked.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_tells_whom_the_file_names_or_the_command_line() {
    let world = world(STEP).await;
    let mut declared = offer("a", "old");
    declared["reconcile"] = json!({"notify": ["file@contoso.example"]});
    world.declare("a", &declared);
    world.run(&["publish", "--yes", "--no-wait", "offers/a.yaml"]).await.exits(0);
    world
        .run(&["publish", "--yes", "--no-wait", "--notify", "x@contoso.example,y@contoso.example", "contoso/b"])
        .await
        .exits(0);
    let bodies = world.requests().await.into_iter().filter(|request| request["method"] == "POST");
    let emails = bodies.map(|request| request["body"]["metadata"]["notification-emails"].clone()).collect::<Vec<_>>();
    assert_eq!(emails, [json!("file@contoso.example"), json!("x@contoso.example,y@contoso.example")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_whose_answer_is_lost_is_asked_for_again_after_a_look_while_something_runs() {
    let world = world(Duration::from_millis(300)).await;
    elsewhere(&world, &["publish", "--yes", "--no-wait", "contoso/a"]).await.exits(0);
    world.fault(json!({"method": "POST", "path": "/cancel", "status": 504, "after": true, "times": 1})).await;
    let canceled = elsewhere(&world, &["cancel", "--yes", "contoso/a", "--wait-timeout", "20s"]).await.exits(0);
    assert!(canceled.stdout.contains("✓ contoso/a   canceled"), "{}", canceled.stdout);
    let asked = world.requests().await.into_iter().filter_map(|request| {
        let route = request["path"].as_str()?.split('?').next()?.rsplit('/').next()?.to_owned();
        (route == "cancel" || route == "submissions").then_some(route)
    });
    assert!(!asked.collect::<Vec<_>>().windows(2).any(|pair| pair == ["cancel", "cancel"]), "without a look");
}

/// A job that waits for what an earlier one started may come late: a failure in between is a failure.
#[tokio::test(flavor = "multi_thread")]
async fn what_failed_before_the_wait_began_is_no_success() {
    let world = world(STEP).await;
    let message = json!([{"messageHtml": "<p>bad image</p>", "level": "Error"}]);
    let step = json!({"id": "displaycertify", "stepName": "Certification", "status": "rejected", "messages": message});
    let status = json!({"status": "failed", "steps": [step]});
    let submissions = json!([{"id": "x", "slot": "staging", "submissionState": "failed", "offerVersion": 3}]);
    world.fault(json!({"method": "GET", "path": "/offers/a/status", "status": 200, "body": status})).await;
    world.fault(json!({"method": "GET", "path": "/offers/a/submissions", "status": 200, "body": submissions})).await;
    for args in [&["wait", "contoso/a"][..], &["wait", "--yes", "--through", "live", "contoso/a"]] {
        let waited = elsewhere(&world, args).await.exits(7);
        assert!(waited.stdout.contains("bad image"), "{}", waited.stdout);
    }
    let never = elsewhere(&world, &["wait", "--yes", "--through", "live", "contoso/b"]).await.exits(5);
    assert!(never.stdout.contains("no preview waits for sign-off"), "{}", never.stdout);
}

/// While the wait runs, what was on its way is canceled and other content goes all the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_says_live_only_of_what_was_on_its_way() {
    let hour = Duration::from_hours(1);
    let world = world(hour).await;
    world.run(&["apply", "--yes", "--no-wait", "--through", "live", "contoso/a"]).await.exits(0);
    let theirs = Front::before(world.sandbox.url(), |_| Act::Forward);
    let waiting = {
        let mut command = offerctl(world.folder.path());
        // Polls of the wait are held back until the others are done.
        command.args(["wait", "--yes", "--through", "live", "contoso/a"]).env("OFFERCTL_ENDPOINT", &theirs.url);
        tokio::spawn(run_beside(command))
    };
    let seen = async {
        while theirs.log().iter().filter(|request| request.route().ends_with("/submissions")).count() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.expect("the wait polls");
    world.fault(json!({"method": "GET", "path": "/offers/a/submissions", "status": 503, "headers": {"Retry-After": "1"}, "times": 1})).await;
    world.portal_edit("b", |document| set_title(document, "unrelated")).await;
    assert_eq!(world.cancel("a").await.exits(0).outcomes(), ["contoso/a: canceled; done"]);
    world.portal_edit("a", |document| set_title(document, "THEIRS")).await;
    elsewhere(&world, &["publish", "--yes", "--no-wait", "contoso/a"]).await.exits(0);
    world.advance(4 * hour).await;
    elsewhere(&world, &["go-live", "--yes", "--no-wait", "contoso/a"]).await.exits(0);
    world.advance(2 * hour).await;
    let ran = waiting.await.expect("joined");
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert!(!ran.stdout.contains('✓'), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_and_a_cancel_end_in_time_though_nobody_answers() {
    let world = world(STEP).await;
    let front = Front::before(world.sandbox.url(), |_| Act::Hang);
    for args in [
        &["wait", "contoso/a"][..],
        &["wait", "--yes", "--through", "live", "contoso/a"],
        &["cancel", "--yes", "contoso/a"],
    ] {
        let mut command = offerctl(world.folder.path());
        command.args(args).args(["--wait-timeout", "300ms"]).env("OFFERCTL_ENDPOINT", &front.url);
        run_beside(command).await.exits(8);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_reads_and_pauses_at_once() {
    let world = world(STEP).await;
    let front = Front::before(world.sandbox.url(), |_| Act::Instead(http_answer("503 Busy\r\nretry-after: 250", b"")));
    for args in [
        &["wait", "--yes", "--through", "live", "contoso/a"][..],
        &["publish", "--yes", "contoso/a"],
        &["go-live", "--yes", "contoso/a"],
        &["plan"],
    ] {
        let before = front.log().len();
        let mut command = offerctl(world.folder.path());
        command.args(args).env("OFFERCTL_ENDPOINT", &front.url).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("started");
        let asked = async {
            while front.log().len() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asked).await.expect("it asks");
        let interrupt = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(interrupt.expect("kill").success());
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
        let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
        let output = ended.unwrap_or_else(|_| panic!("{args:?} goes on")).expect("joined").expect("ended");
        assert_eq!(output.status.code(), Some(130), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
