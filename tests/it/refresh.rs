//! `--refresh=changed`: what is not read, and what is read in any case.

use serde_json::{Value, json};

use offerctl::Switches;

use crate::support::{Ran, World, native, offer, set_title};

const COUNT: usize = 5;

fn name(at: usize) -> String {
    format!("o{at}")
}

/// Some offers, each as its file says.
async fn world(switches: Switches) -> World {
    let offers = (0..COUNT).map(|at| offer(&name(at), "T")).collect::<Vec<_>>();
    let names = (0..COUNT).map(name).collect::<Vec<_>>();
    let files = names.iter().map(String::as_str).zip(&offers).collect::<Vec<_>>();
    World::with(offers.iter().map(native).collect(), &files, switches).await
}

/// Runs a command with a cache outside of the project. Returns what it did, and how many drafts and lists it read.
async fn read(world: &World, cache: &tempfile::TempDir, args: &[&str]) -> (Ran, usize, usize) {
    let before = world.requests().await.len();
    let folder = cache.path().join("cache");
    let args = [args, &["--refresh=changed", "--cache-dir", folder.to_str().expect("UTF-8"), "-o", "json"]].concat();
    let ran = world.run(&args).await;
    let requests = world.requests().await.split_off(before);
    let is_list = |request: &&Value| {
        let path = request["path"].as_str().unwrap_or_default();
        path.split('?').next().is_some_and(|path| path.ends_with("/offers"))
    };
    let lists = requests.iter().filter(is_list).count();
    (ran, requests.len() - lists, lists)
}

fn cache() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn not_read(ran: &Ran) -> u64 {
    ran.json()["not_read"].as_u64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_account_costs_one_list_and_each_change_one_read() {
    for command in ["drift", "plan"] {
        let (world, cache) = (world(Switches::default()).await, cache());
        let (ran, reads, lists) = read(&world, &cache, &[command]).await;
        assert_eq!((ran.code, reads, lists, not_read(&ran)), (0, COUNT, 1, 0), "{command}: {}", ran.stderr);
        let (ran, reads, lists) = read(&world, &cache, &[command]).await;
        assert_eq!((ran.code, reads, lists, not_read(&ran)), (0, 0, 1, 5), "{command}: {}", ran.stderr);
        // The portal.
        world.portal_edit("o1", |document| set_title(document, "other")).await;
        let (ran, reads, lists) = read(&world, &cache, &[command]).await;
        assert_eq!((reads, lists, not_read(&ran)), (1, 1, 4), "{command}");
        let found = &ran.json()["offers"];
        let one = found.as_array().expect("offers").iter().find(|offer| offer["offer"] == "contoso/o1");
        let list = if command == "drift" { "moved" } else { "changes" };
        assert_eq!(one.expect("the offer")[list].as_array().map(Vec::len), Some(1), "{command}");
        // What differs is read each time.
        let (_, reads, _) = read(&world, &cache, &[command]).await;
        assert_eq!(reads, 1, "{command}");
        // The file.
        world.declare("o2", &offer("o2", "new"));
        let (ran, reads, _) = read(&world, &cache, &[command]).await;
        assert_eq!((reads, not_read(&ran)), (2, 3), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_says_the_same_in_other_words_is_parsed_and_not_read() {
    let (world, cache) = (world(Switches::default()).await, cache());
    read(&world, &cache, &["drift"]).await.0.exits(0);
    let path = world.path("offers/o3.yaml");
    let text = std::fs::read_to_string(&path).expect("the file");
    std::fs::write(&path, format!("{text}\n# A remark.\n")).expect("written");
    let (ran, reads, _) = read(&world, &cache, &["drift"]).await;
    assert_eq!((reads, not_read(&ran)), (0, 5));
    std::fs::write(&path, "publisherId: [").expect("written");
    let (ran, ..) = read(&world, &cache, &["drift"]).await;
    assert_eq!(ran.code, 3, "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_tells_of_an_edit_that_the_time_does_not() {
    let mut switches = Switches::default();
    switches.set("changed-time-on-edit", "false").expect("a switch");
    let (world, cache) = (world(switches).await, cache());
    read(&world, &cache, &["drift"]).await.0.exits(0);
    world.portal_edit("o0", |document| set_title(document, "other")).await;
    let (ran, reads, _) = read(&world, &cache, &["drift"]).await;
    assert_eq!((ran.code, reads), (2, 1), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_circumstances_mean_that_everything_is_read() {
    let (world, cache) = (world(Switches::default()).await, cache());
    read(&world, &cache, &["drift"]).await.0.exits(0);
    std::fs::write(world.path("offerctl.toml"), "parallelism = 2\n").expect("written");
    assert_eq!(read(&world, &cache, &["drift"]).await.1, COUNT);
    assert_eq!(read(&world, &cache, &["drift"]).await.1, 0);
    let receipt = world.path("receipt.json");
    world.run(&["apply", "--yes", "-o", &format!("json={}", receipt.display())]).await.exits(0);
    let base = ["drift", "--base", receipt.to_str().expect("UTF-8")];
    assert_eq!(read(&world, &cache, &base).await.1, COUNT, "with a base");
    assert_eq!(read(&world, &cache, &base).await.1, 0);
    // A cache that was spoiled is no cache.
    for file in std::fs::read_dir(cache.path().join("cache")).expect("the cache") {
        std::fs::write(file.expect("a file").path(), "{").expect("written");
    }
    assert_eq!(read(&world, &cache, &base).await.1, COUNT);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_beyond_the_draft_is_read_by_plan_and_not_by_drift() {
    let mut goes_on: Value = offer("o0", "T");
    goes_on["reconcile"] = json!({"through": "preview"});
    let world = World::new(vec![native(&offer("o0", "T"))], &[("o0", &goes_on)]).await;
    let cache = cache();
    for _ in 0..2 {
        assert!(read(&world, &cache, &["plan"]).await.1 >= 1);
    }
    read(&world, &cache, &["drift"]).await.0.exits(0);
    assert_eq!(read(&world, &cache, &["drift"]).await.1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_does_not_read_everything_is_not_saved_and_no_cache_is_in_the_project() {
    let world = world(Switches::default()).await;
    for args in [
        &["plan", "--refresh=changed", "--out", "plan.json"][..],
        &["plan", "--refresh=changed", "--resend"],
        &["plan", "--refresh=changed", "--since", "HEAD"],
        &["plan", "--refresh=changed", "--cache-dir", "cache"],
        &["drift", "--refresh=changed", "--cache-dir", "./cache"],
    ] {
        world.run(args).await.exits(3);
    }
    assert_eq!(world.count("GET", "").await, 0);
}
