//! Plans against a snapshot are those against the portal, without a connection and without a credential.

use serde_json::{Value, json};

use crate::support::{Ran, World, native, offer, offerctl, run_beside, set_title, write};

const SIGNATURE: &str = "CANARYsigCANARYsigCANARYsigCANARYsigCANARYsig";

/// An offer whose signature is as long as signatures are.
fn signed(id: &str, title: &str) -> Value {
    let text = offer(id, title).to_string().replace("CANARYsig", SIGNATURE);
    serde_json::from_str(&text).expect("JSON")
}

/// Runs a command whose portal does not exist, and whose credential is half of one: whoever looks for it is refused.
async fn offline(world: &World, args: &[&str]) -> Ran {
    let mut command = offerctl(world.folder.path());
    command.env("OFFERCTL_ENDPOINT", "https://portal.invalid").env("AZURE_CLIENT_SECRET", "CANARYsecret").args(args);
    run_beside(command).await
}

/// The text without the last line, which says that it is of a snapshot.
fn without_last(text: &str) -> String {
    let lines = text.lines().collect::<Vec<_>>();
    lines[..lines.len() - 1].iter().map(|line| format!("{line}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_against_a_snapshot_equals_the_plan_against_the_portal_and_opens_no_connection() {
    let mut b = signed("b", "T");
    b["reconcile"] = json!({"through": "live"});
    let live = vec![native(&signed("a", "old")), native(&b), native(&signed("c", "T"))];
    let files = [("a", &signed("a", "old")), ("b", &b), ("c", &signed("c", "T"))];
    let world = World::new(live, &files).await;
    world.run(&["apply", "--yes", "contoso/b"]).await.exits(0);
    world.portal_edit("b", |document| document["definition"]["offer"]["vendor.note"] = json!("edited")).await;
    let taken = world.run(&["snapshot", "--out", "live.json"]).await.exits(0);
    assert!(taken.stdout.starts_with("Snapshot of 3 offers, taken 20"), "{}", taken.stdout);
    let text = std::fs::read_to_string(world.path("live.json")).expect("a snapshot");
    assert!(!text.contains("CANARY"), "{text}");

    // What a pull request proposes: another title, another plan, a new offer.
    world.declare("a", &signed("a", "new"));
    set_title(&mut b, "new");
    b["definition"]["plans"] = json!([]);
    world.declare("b", &b);
    world.declare("d", &signed("d", "new"));
    let before = world.requests().await.len();
    let looked = offline(&world, &["plan"]).await.exits(4);
    assert!(looked.stderr.contains("the credential cannot be used"), "{}", looked.stderr);
    for through in ["draft", "preview", "live"] {
        let online = world.run(&["plan", "--through", through]).await.exits(0);
        let plan = offline(&world, &["plan", "--through", through, "--live", "live.json"]).await.exits(0);
        assert_eq!(without_last(&plan.stdout), online.stdout);
        let last = plan.stdout.lines().last().expect("a line");
        let url = world.sandbox.url();
        assert!(
            last.starts_with(&format!("Planned against a snapshot of {url}, "))
                && last.ends_with("; it cannot be applied."),
            "{last}"
        );
        let args = ["plan", "--through", through, "-o", "json"];
        let online = world.run(&args).await.exits(0).json();
        let mut plan = offline(&world, &[&args[..], &["--live", "live.json"]].concat()).await.exits(0).json();
        let snapshot = plan.as_object_mut().and_then(|plan| plan.remove("snapshot")).expect("it is named");
        assert_eq!((&snapshot["portal"], &plan), (&json!(world.sandbox.url()), &online));
    }
    // The snapshot's plans asked nothing: every request is one of the three pairs of plans before.
    let mut command = offerctl(world.folder.path());
    let seen = world.requests().await.len();
    assert!(seen > before);
    command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).args(["plan", "--live", "live.json"]);
    run_beside(command).await.exits(0);
    assert_eq!(world.requests().await.len(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_a_snapshot_is_never_applied() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    world.run(&["snapshot", "--out", "live.json"]).await.exits(0);
    let saved = offline(&world, &["plan", "--live", "live.json", "--out", "p.json"]).await.exits(0);
    assert!(saved.stderr.contains("it can be shown but not applied"), "{}", saved.stderr);
    let refused = world.run(&["apply", "p.json", "--yes"]).await.exits(5);
    assert!(refused.stderr.contains("p.json was planned against a snapshot of"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: plan against the portal"), "{}", refused.stderr);
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_snapshot_is_warned_of_and_a_bad_one_is_refused() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    world.run(&["snapshot", "--out", "live.json"]).await.exits(0);
    let text = std::fs::read_to_string(world.path("live.json")).expect("a snapshot");
    let fresh = offline(&world, &["plan", "--live", "live.json"]).await.exits(0);
    assert!(!fresh.stderr.contains("warning"), "{}", fresh.stderr);
    write(world.folder.path(), "old.json", &offerctl::age_snapshot(&text, 49));
    let warned = offline(&world, &["plan", "--live", "old.json"]).await.exits(0);
    assert!(warned.stderr.contains("warning: the snapshot is 2 days 1 hour old"), "{}", warned.stderr);
    write(world.folder.path(), "edited.json", &text.replace("\"old\"", "\"evil\""));
    write(world.folder.path(), "half.json", &text[..text.len() / 2]);
    for (file, why) in [
        ("edited.json", "it was changed after it was written: its checksum does not match"),
        ("half.json", "it is not a snapshot: EOF"),
        ("none.json", "No such file"),
    ] {
        let refused = offline(&world, &["plan", "--live", file]).await.exits(3);
        assert!(refused.stderr.contains(&format!("{file} cannot be planned against: {why}")), "{}", refused.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_snapshot_does_not_hold_is_not_proposed() {
    let files = [("a", &offer("a", "new")), ("b", &offer("b", "new"))];
    let world = World::new(vec![native(&offer("a", "old")), native(&offer("b", "old"))], &files).await;
    world.fault(json!({"method": "GET", "path": "/offers/b", "status": 403})).await;
    world.run(&["snapshot", "--out", "live.json", "--retries", "0"]).await.exits(6);
    let plan = offline(&world, &["plan", "--live", "live.json"]).await.exits(6);
    assert!(plan.stdout.contains("? contoso/b   not read; nothing is planned for it"), "{}", plan.stdout);
    assert!(plan.stdout.contains("when the snapshot was taken: "), "{}", plan.stdout);
    world.no_faults().await;
    world.run(&["snapshot", "--out", "one.json", "contoso/a"]).await.exits(0);
    let plan = offline(&world, &["plan", "--live", "one.json"]).await.exits(6);
    assert!(plan.stdout.contains("the portal had this offer, but it is not in the snapshot"), "{}", plan.stdout);
}
