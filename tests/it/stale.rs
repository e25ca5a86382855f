//! No lost update: a plan meets a portal that moved.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::support::front::{Act, Front};
use crate::support::{TITLE, World, migrated, native, offer, offerctl, project, run_beside, set_title};

async fn saved_plan_meets_an_edit(on_portal: fn(&Value) -> Value) {
    let world = World::new(vec![on_portal(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    world.run(&["plan", "--out", "p.json"]).await.exits(0);
    world
        .portal_edit("a", |document| {
            set_title(document, "from the portal");
            document["definition"]["plans"][0]["regions"] = json!(["DE", "SE"]);
        })
        .await;
    let before = world.live("a").await;

    let refused = world.run(&["apply", "p.json", "--yes"]).await.exits(5);
    for line in [
        "✗ contoso/a   refused: the offer changed in the portal since the plan was made; nothing was written",
        "title: \"old\" → \"from the portal\" (the plan writes \"new\")",
        "plans[basic]/regions: [\"DE\", \"NO\"] → [\"DE\", \"SE\"]",
        "hint: plan again",
    ] {
        assert!(refused.stdout.contains(line), "{line} is not in:\n{}", refused.stdout);
    }
    assert_eq!(world.live("a").await, before);
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_after_the_plan_stops_apply_by_its_etag() {
    saved_plan_meets_an_edit(native).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_after_the_plan_stops_apply_without_an_etag() {
    saved_plan_meets_an_edit(migrated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stale_offer_does_not_stop_the_others() {
    let world = World::new(
        vec![native(&offer("a", "old")), migrated(&offer("b", "old"))],
        &[("a", &offer("a", "new")), ("b", &offer("b", "new"))],
    )
    .await;
    world.run(&["plan", "--out", "p.json"]).await.exits(0);
    world.portal_edit("a", |document| set_title(document, "edited")).await;
    world.run(&["apply", "p.json", "--yes"]).await.exits(5);
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "edited");
    assert_eq!(world.live("b").await["definition"]["offer"][TITLE], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_that_still_fits_is_applied_and_fits_once() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let planned = world.run(&["plan", "--out", "p.json"]).await.exits(0);
    assert!(planned.stderr.contains("Plan saved to p.json"), "{}", planned.stderr);
    let applied = world.run(&["apply", "p.json", "--yes"]).await.exits(0);
    assert!(applied.stdout.contains("✓ contoso/a   draft updated"), "{}", applied.stdout);
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "new");
    world.run(&["apply", "p.json", "--yes"]).await.exits(5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_somebody_else_created_is_not_overwritten() {
    let world = World::new(vec![], &[("a", &offer("a", "new"))]).await;
    world.run(&["plan", "--out", "p.json"]).await.exits(0);
    world.portal_put("a", &native(&offer("a", "theirs"))).await;
    let refused = world.run(&["apply", "p.json", "--yes"]).await.exits(5);
    assert!(refused.stdout.contains("but it exists now"), "{}", refused.stdout);
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_the_last_read_and_the_write_is_caught_by_the_portal() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    world.fault(json!({"method": "PUT", "path": "/api/", "status": 412, "body": {"error": {"code": "PreconditionFailed", "message": "stale"}}})).await;
    world.run(&["apply", "--yes"]).await.exits(5);
    assert_eq!(world.count("PUT", "/offers/a").await, 1, "a 412 is not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_or_plan_is_refused_before_anything_is_written() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    world.run(&["plan", "--out", "p.json"]).await.exits(0);
    let plan = std::fs::read_to_string(world.path("p.json")).expect("a plan");
    std::fs::write(world.path("edited.json"), plan.replace("\"new\"", "\"evil\"")).expect("written");
    let refused = world.run(&["apply", "edited.json", "--yes"]).await.exits(5);
    assert!(refused.stderr.contains("edited.json: it was changed after it was saved"), "{}", refused.stderr);

    world.declare("a", &offer("a", "newer"));
    let refused = world.run(&["apply", "p.json", "--yes"]).await.exits(5);
    assert!(refused.stderr.contains("offers/a.yaml changed since the plan was made"), "{}", refused.stderr);
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_carry_the_narrowest_precondition() {
    let files = [("a", &offer("a", "new")), ("b", &offer("b", "new")), ("c", &offer("c", "new"))];
    let world = World::new(vec![native(&offer("a", "old")), migrated(&offer("b", "old"))], &files).await;
    world.run(&["apply", "--yes"]).await.exits(0);
    let requests = world.requests().await;
    let precondition = |id: &str| {
        let put = requests.iter().find(|r| {
            r["method"] == "PUT" && r["path"].as_str().is_some_and(|p| p.contains(&format!("/offers/{id}?")))
        });
        put.unwrap_or_else(|| panic!("no PUT of {id}")).get("ifMatch").cloned()
    };
    let etag = precondition("a").expect("an ETag");
    assert!(etag.as_str().is_some_and(|etag| etag.starts_with("W/\"datetime'")), "{etag}");
    assert_eq!(precondition("b"), Some(json!("*")), "a migrated offer has no ETag");
    assert_eq!(precondition("c"), None, "a create must not overwrite");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_that_write_at_once_one_wins_and_the_other_says_so() {
    let world = World::new(vec![native(&offer("a", "old"))], &[]).await;
    // Each run has read the offer for the last time when the first write goes through.
    let both = Barrier::new(2);
    let front = Front::before(world.sandbox.url(), move |request| {
        if request.method == "PUT" {
            both.wait();
        }
        Act::Forward
    });
    let apply = async |title: &str| {
        let folder = project(&[("a", &offer("a", title))]);
        let mut command = offerctl(folder.path());
        command.args(["apply", "--yes", "-o", "json"]).env("OFFERCTL_ENDPOINT", &front.url);
        run_beside(command).await
    };
    let (one, two) = tokio::join!(apply("one"), apply("two"));
    let (title, won, lost) = if one.code == 0 { ("one", one, two) } else { ("two", two, one) };
    assert_eq!(won.exits(0).outcomes(), ["contoso/a: updated; done"]);
    assert_eq!(lost.exits(5).outcomes(), ["contoso/a: ; stale"]);
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], title);
    let mut puts = world.requests().await;
    puts.retain(|request| request["method"] == "PUT");
    puts.sort_by_key(|put| put["status"].as_u64());
    assert_eq!(puts.iter().map(|put| &put["status"]).collect::<Vec<_>>(), [200, 412]);
}
