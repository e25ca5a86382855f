//! What a plan proposes, keeps and refuses.

use offerctl::Switches;
use serde_json::{Value, json};

use crate::support::{TITLE, World, migrated, native, offer, set_title, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_needs_its_own_token_and_stops_the_whole_plan() {
    let mut live = offer("a", "old");
    live["definition"]["plans"][0]["microsoft-azure-virtualmachines.vmImages"]["0.9.0"] =
        json!({"osVhdUrl": "https://h/0.vhd"});
    let world = World::new(
        vec![native(&live), native(&offer("b", "old"))],
        &[("a", &offer("a", "new")), ("b", &offer("b", "new"))],
    )
    .await;
    let planned = world.run(&["plan"]).await.exits(0);
    assert!(planned.stdout.contains("needs --allow remove-image:basic/0.9.0"), "{}", planned.stdout);
    let refused = world.run(&["apply", "--yes"]).await.exits(5);
    assert!(refused.stdout.contains("✗ contoso/a   refused by a guard; nothing was written"), "{}", refused.stdout);
    assert!(refused.stdout.contains("… contoso/b   not attempted"), "{}", refused.stdout);
    world.run(&["apply", "--yes", "--allow", "remove-image:basic/1.0.0"]).await.exits(5);
    assert_eq!(world.count("PUT", "").await, 0);
    world.run(&["apply", "--yes", "--allow", "remove-image:basic/0.9.0"]).await.exits(0);
    assert_eq!(
        world.run(&["plan", "--detailed-exitcode"]).await.exits(0).stdout,
        "No changes. All 2 offers match the portal.\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_the_same_whatever_the_order_of_the_answers() {
    let ids = (0..24).map(|n| format!("offer-{n}")).collect::<Vec<_>>();
    let live = ids.iter().map(|id| native(&offer(id, "old"))).collect();
    let files = ids.iter().map(|id| (id.clone(), offer(id, "new"))).collect::<Vec<_>>();
    let files = files.iter().map(|(id, offer)| (id.as_str(), offer)).collect::<Vec<_>>();
    let world = World::new(live, &files).await;
    let one = world.run(&["plan", "--parallelism", "1"]).await.exits(0).stdout;
    for _ in 0..3 {
        assert_eq!(world.run(&["plan", "--parallelism", "16"]).await.exits(0).stdout, one);
    }
    assert!(one.ends_with("24 to update.\n"), "{one}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_portal_does_not_store_is_reported_by_address_and_not_released() {
    const LOGO: &str = "microsoft-azure-marketplace.smallLogo";
    let mut declared = offer("a", "new");
    declared["definition"]["offer"][LOGO] = json!("https://pages.example/logo.png");
    declared["reconcile"] = json!({"through": "live"});
    let switches = Switches { unfetchable_hosts: vec!["pages.example".to_owned()], ..Switches::default() };
    let world = World::with(vec![native(&offer("a", "old"))], &[("a", &declared)], switches).await;
    let applied = world.run(&["apply", "--yes"]).await.exits(6);
    assert!(applied.stdout.contains("smallLogo was not stored as written"), "{}", applied.stdout);
    assert_eq!(world.count("POST", "/publish").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_choose_offers() {
    let world = World::new(
        vec![native(&offer("a", "old")), native(&offer("b", "old"))],
        &[("a", &offer("a", "new")), ("team/b", &offer("b", "new"))],
    )
    .await;
    for target in ["offers/team", "offers/team/b.yaml", "contoso/b"] {
        let planned = world.run(&["plan", target]).await.exits(0);
        assert!(
            planned.stdout.starts_with("Plan: 1 to update ") && planned.stdout.contains("~ contoso/b "),
            "{target}: {}",
            planned.stdout
        );
    }
    let refused = world.run(&["plan", "contoso/c"]).await.exits(3);
    assert!(refused.stderr.contains("no file declares the offer contoso/c"), "{}", refused.stderr);
    let refused = world.run(&["plan", "nowhere"]).await.exits(3);
    assert!(
        refused.stderr.contains("`nowhere` is not a target; expected a file, a folder or `publisher/offer`"),
        "{}",
        refused.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_one_versioned_document_beside_any_other_output() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let both = world.run(&["plan", "-o", "json=plan.json"]).await.exits(0);
    assert!(both.stdout.starts_with("Plan: 1 to update"), "{}", both.stdout);
    let file = serde_json::from_str::<Value>(&std::fs::read_to_string(world.path("plan.json")).expect("a file"))
        .expect("JSON");
    let stdout = world.run(&["plan", "-o", "json"]).await.exits(0).json();
    assert_eq!(file, stdout);
    assert_eq!(file["format_version"], json!("2.0"));
    assert_eq!(
        file["offers"][0]["changes"],
        json!([{"address": "title", "path": format!("/definition/offer/{TITLE}"), "file": "offers/a.yaml", "line": 8, "risk": "text", "op": "replace", "before": "old", "after": "new"}])
    );
    let report = world.run(&["apply", "--yes", "-o", "json"]).await.exits(0).json();
    assert_eq!(
        report["offers"],
        json!([{"api": "cpp", "offer": "contoso/a", "done": ["updated"], "end": "done", "messages": []}])
    );
    set_title(&mut offer("a", "x"), "y");
    let error = world.run(&["plan", "contoso/zzz", "-o", "json"]).await.exits(3).json();
    assert_eq!((&error["format"], &error["exit_code"]), (&json!("offerctl.error"), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_whom_the_portal_will_not_tell() {
    let live = offer("edge", "Old");
    let mut desired = offer("edge", "New");
    desired["reconcile"] = json!({"through": "preview", "notify": ["release@contoso.example"]});
    let world = World::new(vec![migrated(&live)], &[("edge", &desired)]).await;
    let planned = world.run(&["plan"]).await.exits(0);
    assert!(planned.stderr.contains("warning[OFR0055]: the portal ignores `reconcile.notify`"), "{}", planned.stderr);
    write(&world.path("."), "offerctl.toml", "[lints]\nnotify-ignored = \"off\"\n");
    assert!(!world.run(&["plan"]).await.exits(0).stderr.contains("OFR0055"));
    let world = World::new(vec![native(&live)], &[("edge", &desired)]).await;
    assert!(!world.run(&["plan"]).await.exits(0).stderr.contains("OFR0055"), "the portal tells them of a native offer");
}
