//! The three slots of an offer: what a release takes along, and any two states compared.

use serde_json::json;

use crate::support::{TITLE, World, native, offer, set_title};

/// An offer that is live, and that was edited in the portal after that.
async fn live_and_edited() -> World {
    let world = World::new(vec![native(&offer("a", "T"))], &[("a", &offer("a", "T"))]).await;
    world.run(&["apply", "--yes", "--through", "live"]).await.exits(0);
    world
        .portal_edit("a", |document| {
            document["definition"]["offer"]["vendor.note"] = json!("edited");
            document["definition"]["plans"][0]["vendor.flag"] = json!(true);
        })
        .await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_shows_its_steps_and_what_goes_live_with_it() {
    let world = live_and_edited().await;
    let draft = world.run(&["plan"]).await.exits(0);
    assert!(draft.stdout.starts_with("No changes"), "{}", draft.stdout);
    let fingerprint = |plan: &serde_json::Value| plan["fingerprint"].clone();
    world.declare("a", &offer("a", "new"));
    let plan = world.run(&["plan", "--through", "live"]).await.exits(0).stdout;
    for line in [
        "    then: publish to preview → wait for sign-off → go live → wait until live\n    the portal's estimates: ",
        "    ! goes live with it: 2 edits of the draft that no file declares   (production → draft)\n      + add \
            vendor.note: \"edited\"   settings\n      + add plans[basic]/vendor.flag: true   settings\n",
    ] {
        assert!(plan.contains(line), "{line} is not in:\n{plan}");
    }
    assert!(plan.matches("title: ").count() == 1, "{plan}");
    let json = world.run(&["plan", "--through", "live", "-o", "json"]).await.exits(0).json();
    let rides = json!([
        {"address": "vendor.note", "path": "/definition/offer/vendor.note", "op": "add", "after": "edited"},
        {"address": "plans[basic]/vendor.flag", "path": "/definition/plans/0/vendor.flag", "op": "add", "after": true},
    ]);
    assert_eq!(json["offers"][0]["rides_along"], rides);
    assert!(json["offers"][0]["estimates"].as_array().is_some_and(|all| !all.is_empty()), "{json:#}");
    let preview = world.run(&["plan", "--through", "preview"]).await.exits(0);
    assert!(preview.stdout.contains("! would go live with it: 2 edits"), "{}", preview.stdout);

    // What customers will see is a part of what is approved; what no plan takes live is not.
    let only = |through: &'static str| ["plan", "--through", through, "-o", "json"];
    let (live, draft) = (world.run(&only("live")).await.json(), world.run(&only("draft")).await.json());
    world.portal_edit("a", |document| document["definition"]["offer"]["vendor.note"] = json!("again")).await;
    assert_ne!(fingerprint(&live), fingerprint(&world.run(&only("live")).await.json()));
    assert_eq!(fingerprint(&draft), fingerprint(&world.run(&only("draft")).await.json()));
    world.run(&["apply", "--yes", "--through", "live"]).await.exits(0);
    assert_eq!(world.slot("a", "production").await["definition"]["offer"]["vendor.note"], "again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_release_carries_what_goes_live_with_it() {
    let world = live_and_edited().await;
    world.declare("a", &offer("a", "new"));
    world.run(&["plan", "--through", "live", "--out", "p.json"]).await.exits(0);
    let applied = world.run(&["apply", "p.json", "--yes"]).await.exits(0);
    assert!(applied.stdout.contains("! goes live with it: 2 edits"), "{}", applied.stdout);
    assert_eq!(world.slot("a", "production").await["definition"]["offer"][TITLE], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_two_states_are_compared_in_their_direction() {
    let world = live_and_edited().await;
    world.portal_edit("a", |document| set_title(document, "portal")).await;
    world.declare("a", &offer("a", "file"));
    let there = world.run(&["diff", "--from", "live", "--to", "draft", "contoso/a"]).await.exits(0).stdout;
    let expected = r#"live → draft

contoso/a
  + add vendor.note: "edited"   settings
  + add plans[basic]/vendor.flag: true   settings
  ~ change title: "T" → "portal"   text

3 differences.
"#;
    assert_eq!(there, expected);
    let back =
        world.run(&["diff", "--from", "draft", "--to", "production", "--detailed-exitcode"]).await.exits(2).stdout;
    assert!(back.contains("- remove vendor.note: \"edited\"") && back.contains("title: \"portal\" → \"T\""), "{back}");
    let file = world.run(&["diff", "--from", "draft", "--to", "file"]).await.exits(0).stdout;
    assert!(file.contains("~ change title: \"portal\" → \"file\"   text   offers/a.yaml:8\n"), "{file}");
    let turned = world.run(&["diff", "--from", "file", "--to", "preview", "-o", "json"]).await.exits(0).json();
    assert_eq!((&turned["from"], &turned["to"]), (&json!("file"), &json!("preview")));
    let change = &turned["offers"][0]["changes"][0];
    assert_eq!(
        (&change["address"], &change["before"], &change["after"]),
        (&json!("title"), &json!("file"), &json!("T"))
    );
    let same = world.run(&["diff", "--from", "preview", "--to", "live", "--detailed-exitcode"]).await.exits(0).stdout;
    assert_eq!(same, "preview → live\n\n0 differences; 1 offer without a difference.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_and_what_cannot_be_read_is_no_difference() {
    let world = World::new(vec![native(&offer("a", "T"))], &[("a", &offer("a", "T"))]).await;
    let empty = world.run(&["diff", "--from", "live", "--to", "draft", "--detailed-exitcode"]).await.exits(2).stdout;
    assert!(empty.contains("! live is empty\n"), "{empty}");
    let none = world.run(&["diff", "--from", "live", "--to", "draft", "contoso/none"]).await.exits(1).stdout;
    assert!(none.contains("? contoso/none   not read"), "{none}");
    world.fault(json!({"method": "GET", "path": "/slot/production", "status": 403})).await;
    let denied = world.run(&["diff", "--from", "live", "--to", "draft", "--retries", "0"]).await.exits(4).stdout;
    assert!(
        denied.contains("? contoso/a   not read") && denied.ends_with("0 differences; 1 offer not read.\n"),
        "{denied}"
    );
    for (from, to, why) in [("file", "file", "--from and --to are both file"), ("x", "file", "expected draft, preview")]
    {
        let refused = world.run(&["diff", "--from", from, "--to", to]).await.exits(3);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
}
