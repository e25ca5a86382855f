//! Changes of offer files by commands: each changes its own lines, and a change that would break a file is refused.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{TITLE, VM, World, offerctl, project, run, write};

const OFFER: &str = r#"# The service.
publisherId: contoso
id: a
offerTypeId: microsoft-azure-virtualmachines

definition:
  displayText: "A"  # for people
  offer:
    title: Old  # the title
    microsoft-azure-marketplace.description: !file a.html
    summary: !env RELEASE_SUMMARY
  plans:
    # The one plan.
    - planId: basic
      skuTitle: Basic
      regions: [DE, NL]  # where it is sold
      vmImages:
        1.9.0:
          osVhdUrl: !sas https://contoso.blob.core.windows.net/vhds/1.9.0.vhd
"#;

const SETTINGS: &str = "[env]\nallow = [\"RELEASE_*\"]\n[[sas]]\naccount = \"contoso\"\ncontainers = [\"vhds\"]\n";
const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";

fn declare(root: &Path) {
    write(root, "offerctl.toml", SETTINGS);
    write(root, "offers/a.yaml", OFFER);
    write(root, "offers/a.html", "<p>one</p>\n");
}

fn read(root: &Path, name: &str) -> String {
    std::fs::read_to_string(root.join(name)).expect(name)
}

fn edit(root: &Path, args: &[&str]) -> crate::support::Ran {
    run(offerctl(root).env("RELEASE_SUMMARY", "S").env("RELEASE_TEXT", "T").args(args))
}

/// Runs a change that succeeds, and returns the offer's file.
fn edited(root: &Path, args: &[&str]) -> String {
    edit(root, args).exits(0);
    read(root, "offers/a.yaml")
}

#[test]
fn a_value_is_set_where_it_is_declared() {
    let folder = project(&[]);
    let root = folder.path();
    for (address, value, old, new) in [
        ("title", "New: one", "title: Old ", "title: \"New: one\" "),
        ("/definition/displayText", "B", "\"A\"", "\"B\""),
        ("plans[basic]/regions", "[DE, US, NL]", "[DE, NL]", "[DE, US, NL]"),
        ("plans[basic]/skuSummary", "x", "1.9.0.vhd\n", "1.9.0.vhd\n      skuSummary: x\n"),
        (
            "plans[basic]/vmImages[1.9.0]/osVhdUrl",
            "https://contoso.blob.core.windows.net/vhds/b.vhd?sv=1&sp=rl&se=2030-01-01T00:00:00Z&sr=c&sig=abcdefghijklmnopqrstuvwxyz0123456789AB%3D",
            "1.9.0.vhd",
            "b.vhd",
        ),
    ] {
        declare(root);
        assert_eq!(edited(root, &["set", "contoso/a", address, value]), OFFER.replace(old, new), "{address}");
    }
    declare(root);
    edit(root, &["set", "contoso/a", "description", "<p>two</p>\n"]).exits(0);
    assert_eq!(read(root, "offers/a.html"), "<p>two</p>\n");
    assert_eq!(read(root, "offers/a.yaml"), OFFER, "the text has a file of its own");
    let unset = edited(root, &["unset", "contoso/a", "plans[basic]/skuTitle"]);
    assert_eq!(unset, OFFER.replace("      skuTitle: Basic\n", ""));
    let tag = edited(root, &["set", "contoso/a", "summary", "--yaml", "!env RELEASE_TEXT"]);
    assert!(tag.contains("summary: !env RELEASE_TEXT\n"), "{tag}");
}

#[test]
fn what_cannot_be_set_changes_nothing() {
    let folder = project(&[]);
    let root = folder.path();
    declare(root);
    let anchored = OFFER.replace("regions: [DE, NL]", "regions: &r [DE, NL]") + "    - {planId: pro, regions: *r}\n";
    for (text, args, code) in [
        (OFFER, &["set", "contoso/a", "titel", "x"][..], 3),
        (OFFER, &["set", "contoso/a", "plans[none]/vmImages[1.0.0]/osVhdUrl", "x"], 3),
        (OFFER, &["set", "contoso/a", "plans[basic]/virtualMachinePricing/freeTrialDurationInMonths", "soon"], 3),
        (OFFER, &["set", "contoso/a", "leadSecret", "--yaml", "!secret nothing"], 3),
        (OFFER, &["unset", "contoso/a", "longSummary"], 3),
        (
            OFFER,
            &[
                "image",
                "add",
                "contoso/a",
                "basic",
                "1.9.0",
                "--vhd",
                "https://contoso.blob.core.windows.net/vhds/x.vhd",
            ],
            3,
        ),
        (
            OFFER,
            &[
                "image",
                "add",
                "contoso/a",
                "basic",
                "2.0.0",
                "--vhd",
                "https://evil.example/x.vhd?sig=abcdefghijklmnopqrstuvwxyz0123456789AB%3D",
            ],
            3,
        ),
        (OFFER, &["edit", "add-plan", "contoso/a", "basic"], 3),
        (OFFER, &["edit", "remove-plan", "contoso/a", "basik"], 3),
        (&anchored, &["set", "contoso/a", "plans[basic]/regions", "[DE]"], 3),
    ] {
        write(root, "offers/a.yaml", text);
        edit(root, args).exits(code);
        assert_eq!(read(root, "offers/a.yaml"), text, "{args:?}");
    }
}

#[test]
fn images_are_added_to_a_plan_and_its_generations() {
    let folder = project(&[]);
    let root = folder.path();
    let core = r"publisherId: contoso
id: a
offerTypeId: microsoft-azure-corevm
definition:
  plans:
    - planId: basic
      vmImagesArchitecture: X64
      vmImagesPublicAzure:
        1.0.0: {mediaName: m, osVhdUrl: !sas https://contoso.blob.core.windows.net/vhds/1.vhd }
      diskGenerations:
        - planId: gen2  # second
          vmImagesArchitecture: X64
        - planId: arm
          vmImagesArchitecture: Arm64
";
    write(root, "offerctl.toml", SETTINGS);
    write(root, "offers/a.yaml", core);
    let add = [
        "image",
        "add",
        "contoso/a",
        "basic",
        "1.1.0",
        "--label",
        "L",
        "--data-disk",
        "0=https://contoso.blob.core.windows.net/vhds/d.vhd",
        "--vhd",
        "https://contoso.blob.core.windows.net/vhds/2.vhd?sv=1&sp=rl&se=2030-01-01T00:00:00Z&sr=c&sig=abcdefghijklmnopqrstuvwxyz0123456789AB%3D",
    ];
    edit(root, &add).exits(0);
    let text = read(root, "offers/a.yaml");
    assert!(!text.contains("sig="), "{text}");
    let image = |name: &str, indent: usize| {
        let pad = " ".repeat(indent);
        format!(
            "{pad}1.1.0:\n{pad}  mediaName: {name}\n{pad}  label: L\n{pad}  osVhdUrl: !sas https://contoso.blob.core.windows.net/vhds/2.vhd\n{pad}  lunVhdDetails:\n{pad}    - lun: 0\n{pad}      srcVhdUrl: !sas https://contoso.blob.core.windows.net/vhds/d.vhd\n"
        )
    };
    let added =
        core.replace("      diskGenerations:", &format!("{}      diskGenerations:", image("basic-1-1-0", 8))).replace(
            "        - planId: arm",
            &format!("          vmImagesPublicAzure:\n{}        - planId: arm", image("basic-1-1-0-gen2", 12)),
        );
    assert_eq!(text, added);
    edit(root, &["image", "prune", "contoso/a", "basic", "--keep", "1"]).exits(0);
    let pruned = added.replace(
        "        1.0.0: {mediaName: m, osVhdUrl: !sas https://contoso.blob.core.windows.net/vhds/1.vhd }\n",
        "",
    );
    assert_eq!(read(root, "offers/a.yaml"), pruned);
}

#[test]
fn plans_are_added_and_removed_in_either_layout() {
    let folder = project(&[]);
    let root = folder.path();
    declare(root);
    let text = edited(root, &["edit", "add-plan", "contoso/a", "pro", "--like", "basic"]);
    assert_eq!(text, format!("{OFFER}    - planId: pro\n      skuTitle: Basic\n      regions: [DE, NL]\n"));
    assert_eq!(edited(root, &["edit", "remove-plan", "contoso/a", "pro"]), OFFER);
    std::fs::remove_file(root.join("offers/a.yaml")).expect("removed");
    write(
        root,
        "offers/a/offer.yaml",
        "publisherId: contoso\nid: a\nofferTypeId: microsoft-azure-virtualmachines\ndefinition: {}\n",
    );
    write(root, "offers/a/plans/basic.yaml", "planId: basic\nregions: [DE]  # home\n");
    edit(root, &["edit", "add-plan", "contoso/a", "pro", "--like", "basic"]).exits(0);
    assert_eq!(read(root, "offers/a/plans/pro.yaml"), "planId: pro\nregions: [DE]\n");
    edit(root, &["set", "contoso/a", "plans[pro]/regions", "[SE]"]).exits(0);
    assert_eq!(read(root, "offers/a/plans/pro.yaml"), "planId: pro\nregions: [SE]\n");
    edit(root, &["edit", "remove-plan", "contoso/a", "pro"]).exits(0);
    assert!(!root.join("offers/a/plans/pro.yaml").exists());
}

#[test]
fn an_environment_takes_what_is_new_into_its_overlay() {
    let folder = project(&[]);
    let root = folder.path();
    declare(root);
    write(root, "offerctl.toml", &format!("{SETTINGS}[environments.test]\n[environments.prod]\n"));
    let overlay = "definition:\n  offer:\n    title: Test\n";
    write(root, "offers/a.test.yaml", overlay);
    edit(root, &["set", "contoso/a", "title", "T2", "--env", "test"]).exits(0);
    assert_eq!(read(root, "offers/a.test.yaml"), overlay.replace("Test", "T2"), "the overlay declares it");
    edit(root, &["set", "contoso/a", "longSummary", "L", "--env", "test"]).exits(0);
    assert_eq!(read(root, "offers/a.test.yaml"), format!("{}    longSummary: L\n", overlay.replace("Test", "T2")));
    edit(root, &["set", "contoso/a", "plans[basic]/skuSummary", "x", "--env", "test"]).exits(0);
    let plan = "  plans:\n    - planId: basic\n      skuSummary: x\n";
    assert_eq!(
        read(root, "offers/a.test.yaml"),
        format!("{}    longSummary: L\n{plan}", overlay.replace("Test", "T2"))
    );
    edit(root, &["set", "contoso/a", "displayText", "B", "--env", "prod"]).exits(0);
    assert_eq!(read(root, "offers/a.yaml"), OFFER.replace("\"A\"", "\"B\""));
}

fn live() -> Value {
    json!({"publisherId": "contoso", "id": "a", "offerTypeId": VM, "definition": {
        "displayText": "A",
        "offer": {TITLE: "Old", "microsoft-azure-marketplace.description": "<p>one</p>\n", "microsoft-azure-marketplace.summary": "S"},
        "plans": [{"planId": "basic", "microsoft-azure-virtualmachines.skuTitle": "Basic", "regions": ["DE", "NL"],
            IMAGES: {"1.9.0": {"osVhdUrl": "https://contoso.blob.core.windows.net/vhds/1.9.0.vhd"}}}]}})
}

async fn world() -> World {
    let world = World::new(vec![live()], &[]).await;
    declare(world.folder.path());
    world
}

async fn in_world(world: &World, args: &[&str]) -> crate::support::Ran {
    world.run_with(args, &[("RELEASE_SUMMARY", "S")]).await
}

/// What a person changes in the portal.
fn by_hand(document: &mut Value) {
    let definition = &mut document["definition"];
    definition["offer"][TITLE] = json!("Edited");
    definition["offer"]["microsoft-azure-marketplace.description"] = json!("<p>two</p>\n");
    definition["plans"][0]["regions"] = json!(["NL", "US"]);
    definition["plans"][0][IMAGES]["1.10.0"] = json!({"osVhdUrl": "https://contoso.blob.core.windows.net/vhds/2.vhd"});
    let more = json!({"planId": "pro", "regions": ["SE"], "microsoft-azure-virtualmachines.skuTitle": "Pro"});
    definition["plans"].as_array_mut().expect("plans").push(more);
}

const ADOPTED: &str = "
    - planId: pro
      regions: [SE]
      skuTitle: Pro
";

#[tokio::test]
async fn an_edit_of_the_portal_is_adopted_and_the_next_plan_is_empty() {
    let world = world().await;
    in_world(&world, &["plan", "--detailed-exitcode"]).await.exits(0);
    world.portal_edit("a", by_hand).await;
    in_world(&world, &["drift"]).await.exits(2);
    in_world(&world, &["drift", "--adopt", "title"]).await.exits(0);
    assert_eq!(read(world.folder.path(), "offers/a.yaml"), OFFER.replace("Old", "Edited"));
    in_world(&world, &["drift", "--adopt", "all"]).await.exits(0);
    let expected = OFFER.replace("Old", "Edited").replace("[DE, NL]", "[NL, US]").replace(
        "1.9.0.vhd\n",
        "1.9.0.vhd\n        1.10.0:\n          osVhdUrl: https://contoso.blob.core.windows.net/vhds/2.vhd\n",
    );
    assert_eq!(read(world.folder.path(), "offers/a.yaml"), format!("{}{ADOPTED}", expected.trim_end()));
    assert_eq!(read(world.folder.path(), "offers/a.html"), "<p>two</p>\n");
    in_world(&world, &["plan", "--detailed-exitcode"]).await.exits(0);
    in_world(&world, &["drift", "--adopt", "nowhere"]).await.exits(3);
}

#[tokio::test]
async fn a_patch_of_what_is_adopted_is_one_that_git_applies() {
    let world = world().await;
    world.portal_edit("a", by_hand).await;
    let patch = in_world(&world, &["drift", "--adopt", "all", "--patch"]).await.exits(0).stdout;
    let root = world.folder.path();
    assert_eq!(read(root, "offers/a.yaml"), OFFER, "nothing was written");
    std::fs::write(root.join("p.patch"), patch).expect("written");
    let applied = Command::new("git").args(["apply", "p.patch"]).current_dir(root).output().expect("git runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    in_world(&world, &["plan", "--detailed-exitcode"]).await.exits(0);
}

#[tokio::test]
async fn an_update_by_import_writes_what_drift_adopts() {
    let (one, other) = (world().await, world().await);
    for world in [&one, &other] {
        world.portal_edit("a", by_hand).await;
    }
    in_world(&one, &["drift", "--adopt", "all"]).await.exits(0);
    let report = in_world(&other, &["import", "contoso", "--update", "-o", "json"]).await.exits(0).json();
    assert_eq!(report["offers"][0]["result"], "updated");
    assert_eq!(report["offers"][0]["differs"], json!([]));
    for name in ["offers/a.yaml", "offers/a.html"] {
        assert_eq!(read(one.folder.path(), name), read(other.folder.path(), name), "{name}");
    }
}

#[tokio::test]
async fn a_difference_behind_a_tag_is_not_adopted_and_the_rest_is() {
    let world = world().await;
    world
        .portal_edit("a", |document| {
            document["definition"]["offer"]["microsoft-azure-marketplace.summary"] = json!("by hand");
            document["definition"]["offer"][TITLE] = json!("Edited");
        })
        .await;
    let ran = in_world(&world, &["drift", "--adopt", "all"]).await.exits(5);
    assert!(ran.stderr.contains("offers/a.yaml:11"), "{}", ran.stderr);
    assert_eq!(read(world.folder.path(), "offers/a.yaml"), OFFER.replace("Old", "Edited"));
}

#[tokio::test]
async fn a_member_behind_a_tag_is_not_taken_out_of_its_list() {
    let world = world().await;
    let tagged = OFFER.replace("[DE, NL]", "[DE, !env RELEASE_REGION ]");
    write(world.folder.path(), "offers/a.yaml", &tagged);
    let run = async |args: &[&str]| world.run_with(args, &[("RELEASE_SUMMARY", "S"), ("RELEASE_REGION", "SE")]).await;
    run(&["drift", "--adopt", "plans[basic]/regions"]).await.exits(5);
    assert_eq!(read(world.folder.path(), "offers/a.yaml"), tagged);
    // The tag's value is live now, and stays; what only the file has goes.
    world.portal_edit("a", |document| document["definition"]["plans"][0]["regions"] = json!(["SE", "US"])).await;
    run(&["drift", "--adopt", "plans[basic]/regions"]).await.exits(0);
    let kept = tagged.replace("[DE, !env RELEASE_REGION ]", "[!env RELEASE_REGION, US ]");
    assert_eq!(read(world.folder.path(), "offers/a.yaml"), kept);
}

#[test]
fn a_plan_whose_overlay_would_be_left_behind_is_not_removed() {
    let folder = project(&[]);
    let root = folder.path();
    write(root, "offerctl.toml", "[environments.test]\n");
    write(
        root,
        "offers/a/offer.yaml",
        "publisherId: contoso\nid: a\nofferTypeId: microsoft-azure-virtualmachines\ndefinition: {}\n",
    );
    write(root, "offers/a/plans/pro.yaml", "planId: pro\n");
    write(root, "offers/a/plans/pro.test.yaml", "skuTitle: Test\n");
    edit(root, &["edit", "remove-plan", "contoso/a", "pro", "--env", "test"]).exits(3);
    assert!(root.join("offers/a/plans/pro.yaml").exists());
}

#[tokio::test]
async fn a_removed_plan_and_field_are_adopted() {
    let world = world().await;
    let root = world.folder.path();
    write(root, "offers/a.yaml", &format!("{OFFER}    # More.\n    - planId: pro\n      regions: [SE]\n"));
    let ran = in_world(&world, &["drift", "--adopt", "plans[pro]"]).await.exits(0);
    assert!(ran.stdout.contains("-    - planId: pro\n"), "{}", ran.stdout);
    assert_eq!(read(root, "offers/a.yaml"), OFFER);
}

#[tokio::test]
async fn a_release_is_rolled_back_by_its_files() {
    let world = world().await;
    let root = world.folder.path();
    in_world(&world, &["apply", "--yes", "--through", "live"]).await.exits(0);
    in_world(&world, &["publish", "--yes"]).await.exits(0);
    in_world(&world, &["go-live", "--yes"]).await.exits(0);
    let bad = OFFER.replace("Old", "Bad").replace("[DE, NL]", "[DE]");
    write(root, "offers/a.yaml", &bad);
    in_world(&world, &["apply", "--yes", "--allow", "market:basic:NL", "--allow", "region:basic:NL"]).await;
    in_world(&world, &["rollback", "contoso/a", "--to", "live"]).await.exits(0);
    let text = read(root, "offers/a.yaml");
    assert_eq!(text.replace("[NL, DE]", "[DE, NL]"), OFFER);
    in_world(&world, &["rollback", "contoso/a", "--to", "v99"]).await.exits(1);
}
