//! `--shard` and `merge-plans`: several machines, one account.

use offerctl::Switches;

use crate::support::{World, native, offer};

const COUNT: usize = 6;
const SHARDS: usize = 3;

/// Offers of which each has another title on the portal.
async fn world() -> World {
    let names = (0..COUNT).map(|at| format!("o{at}")).collect::<Vec<_>>();
    let declared = names.iter().map(|name| offer(name, "new")).collect::<Vec<_>>();
    let live = names.iter().map(|name| native(&offer(name, "old"))).collect();
    let files = names.iter().map(String::as_str).zip(&declared).collect::<Vec<_>>();
    World::with(live, &files, Switches::default()).await
}

fn file(at: usize) -> String {
    format!("shard-{at}.json")
}

async fn plan_all(world: &World) {
    for at in 1..=SHARDS {
        let shard = format!("{at}/{SHARDS}");
        world.run(&["plan", "--shard", &shard, "--out", &file(at)]).await.exits(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_offer_is_in_one_shard_of_each_command() {
    let world = world().await;
    for (command, list) in [("plan", "offers"), ("drift", "offers"), ("validate", "offers"), ("snapshot", "offers")] {
        let mut seen = Vec::new();
        for at in 1..=SHARDS {
            let shard = format!("{at}/{SHARDS}");
            let mut args = vec![command, "--shard", &shard, "-o", "json"];
            if command == "snapshot" {
                args.extend(["--out", "snapshot.json"]);
            }
            let found = world.run(&args).await.json();
            let offers = found[list].as_array().expect(command).iter();
            seen.extend(offers.map(|one| one["offer"].as_str().unwrap_or_default().to_owned()));
        }
        seen.sort();
        let all = (0..COUNT).map(|at| format!("contoso/o{at}")).collect::<Vec<_>>();
        assert_eq!(seen, all, "{command}");
    }
    world.run(&["plan", "--shard", "4/3"]).await.exits(3);
    world.run(&["apply", "--yes", "--shard", "1/3"]).await.exits(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_joined_plan_is_the_plan_of_the_whole_and_is_applied_shard_by_shard() {
    let world = world().await;
    plan_all(&world).await;
    world.run(&["apply", "--yes", &file(1)]).await.exits(5);
    assert_eq!(world.count("PUT", "").await, 0);
    let files = (1..=SHARDS).map(file).collect::<Vec<_>>();
    let names = files.iter().map(String::as_str).collect::<Vec<_>>();
    let merge = [&["merge-plans"][..], &names, &["--out", "plan.json", "-o", "json"]].concat();
    let merged = world.run(&merge).await.exits(0).json();
    let whole = world.run(&["plan", "-o", "json"]).await.json();
    assert_eq!(merged["fingerprint"], whole["fingerprint"]);
    assert_eq!(merged["summary"], whole["summary"]);
    let mut written = 0;
    for at in 1..=SHARDS {
        let shard = format!("{at}/{SHARDS}");
        world.run(&["apply", "--yes", "plan.json", "--shard", &shard]).await.exits(0);
        let now = world.requests().await.iter().filter(|request| request["method"] == "PUT").count();
        assert!(now >= written);
        written = now;
    }
    assert_eq!(written, COUNT);
    world.run(&["plan", "--detailed-exitcode"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_that_are_no_whole_are_not_joined() {
    let world = world().await;
    plan_all(&world).await;
    world.run(&["plan", "--shard", "1/2", "--out", "half.json"]).await.exits(0);
    world.run(&["plan", "--out", "whole.json"]).await.exits(0);
    let merge = async |plans: &[&str]| {
        let args = [&["merge-plans"][..], plans, &["--out", "plan.json"]].concat();
        let ran = world.run(&args).await.exits(5);
        assert!(!world.path("plan.json").exists());
        ran.stderr
    };
    assert!(merge(&["shard-1.json", "shard-3.json"]).await.contains("2/3"));
    assert!(merge(&["shard-1.json", "shard-2.json", "shard-2.json"]).await.contains("both"));
    assert!(merge(&["shard-1.json", "half.json"]).await.contains("shards"));
    assert!(merge(&["shard-1.json", "whole.json"]).await.contains("whole.json"));
    std::fs::write(world.path("offerctl.toml"), "[guards.limits]\noffers = 40\n").expect("written");
    merge(&["shard-1.json", "shard-2.json", "shard-3.json"]).await;
    world.run(&["plan", "--shard", "3/3", "--out", "shard-3.json"]).await;
    assert!(merge(&["shard-1.json", "shard-2.json", "shard-3.json"]).await.contains("settings"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_look_at_the_joined_plan() {
    let world = world().await;
    std::fs::write(world.path("offerctl.toml"), "[guards.limits]\noffers = 5\n").expect("written");
    plan_all(&world).await;
    let merged = world
        .run(&["merge-plans", "shard-1.json", "shard-2.json", "shard-3.json", "--out", "plan.json"])
        .await
        .exits(0);
    assert!(merged.stdout.contains("many-offers"), "{}", merged.stdout);
    world.run(&["apply", "--yes", "plan.json"]).await.exits(5);
    assert_eq!(world.count("PUT", "").await, 0);
}
