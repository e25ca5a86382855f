//! Offers in several files: each place names the right one.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{TITLE, World, offer, offerctl, project, run, write};

const OFFER: &str = "publisherId: contoso
id: split
offerTypeId: microsoft-azure-virtualmachines
definition:
  displayText: Split
  offer:
    microsoft-azure-marketplace.title: T
    microsoft-azure-marketplace.description: !file description.html
";

fn split(root: &Path) {
    write(root, "offers/split/offer.yaml", OFFER);
    write(root, "offers/split/description.html", "<p>one</p>\n<p>two</p>\n");
    write(root, "offers/split/plans/basic.yaml", "planId: basic\nregions:\n  - DE\n");
    write(root, "offers/split/plans/pro.yaml", "planId: pro\nregions: [NO]\n");
}

fn findings(root: &Path, code: &str) -> Vec<(String, Value)> {
    let found = run(offerctl(root).args(["validate", "-o", "json"])).exits(3).json();
    let all = found["diagnostics"].as_array().expect("findings").iter();
    let of = all.filter(|one| one["code"] == code);
    of.map(|one| (one["file"].as_str().expect("a file").to_owned(), one["line"].clone())).collect()
}

#[test]
fn plans_in_files_are_one_offer_and_each_file_selects_it() {
    let folder = project(&[("other", &offer("other", "t"))]);
    split(folder.path());
    for target in ["offers/split", "offers/split/offer.yaml", "offers/split/plans/pro.yaml", "contoso/split"] {
        let valid = run(offerctl(folder.path()).args(["validate", "-o", "json", target])).exits(0).json();
        let offers = valid["offers"].as_array().expect("offers").iter().map(|one| &one["offer"]).collect::<Vec<_>>();
        assert_eq!(offers, ["contoso/split"], "{target}");
    }
}

#[test]
fn what_is_wrong_in_a_plan_is_found_in_its_file() {
    let folder = project(&[]);
    split(folder.path());
    write(folder.path(), "offers/split/plans/again.yaml", "regions: [DE]\nplanId: pro\n");
    assert_eq!(findings(folder.path(), "OFR0007"), [("offers/split/plans/pro.yaml".to_owned(), json!(1))]);
    write(folder.path(), "offers/split/plans/again.yaml", "- planId: pro\n");
    assert_eq!(findings(folder.path(), "OFR0012"), [("offers/split/plans/again.yaml".to_owned(), json!(1))]);
    write(folder.path(), "offers/split/plans/again.yaml", "planId: new\nvmImages: {1.10: {}}\n");
    assert_eq!(findings(folder.path(), "OFR0013"), [("offers/split/plans/again.yaml".to_owned(), json!(2))]);
    write(folder.path(), "offers/split/plans/again.yaml", "planId: new\n");
    write(folder.path(), "offers/split/offer.yaml", &format!("{OFFER}  plans: []\n"));
    assert_eq!(findings(folder.path(), "OFR0007"), [("offers/split/offer.yaml".to_owned(), json!(9))]);
}

#[tokio::test]
async fn a_change_is_shown_in_the_file_that_asks_for_it() {
    let mut live = offer("split", "T");
    live["definition"]["displayText"] = json!("Split");
    live["definition"]["offer"] =
        json!({TITLE: "T", "microsoft-azure-marketplace.description": "<p>one</p>\n<p>2</p>\n"});
    live["definition"]["plans"] = json!([{"planId": "basic", "regions": ["DE"]}, {"planId": "pro", "regions": ["SE"]}]);
    let world = World::new(vec![live], &[]).await;
    let root = world.folder.path();
    split(root);
    write(root, "offerctl.toml", "[environments.test]\n[environments.prod]\n");
    write(root, "offers/split/offer.test.yaml", "definition:\n  offer:\n    title: New\n");
    let places = [
        ("title", "offers/split/offer.test.yaml", 3),
        ("description", "offers/split/description.html", 2),
        ("plans[pro]/regions", "offers/split/plans/pro.yaml", 2),
    ];
    let plan = world.run(&["plan", "--env", "test", "-o", "json"]).await.exits(0).json();
    assert_eq!(plan["environment"], "test");
    let changes = plan["offers"][0]["changes"].as_array().expect("changes");
    for (address, file, line) in places {
        let ends = |change: &&Value| change["address"].as_str().is_some_and(|at| at.ends_with(address));
        let change = changes.iter().find(ends).unwrap_or_else(|| panic!("{address}: {plan:#}"));
        assert_eq!((&change["file"], &change["line"]), (&json!(file), &json!(line)), "{address}");
    }
    let text = world.run(&["plan", "--env", "test"]).await.exits(0).stdout;
    let github = world.run(&["plan", "--env", "test", "-o", "github"]).await.exits(0).stdout;
    for (_, file, line) in places {
        assert!(text.contains(&format!("{file}:{line}")), "{text}");
        assert!(github.contains(&format!("file={file},line={line}")), "{github}");
    }
    world.run(&["plan", "-o", "json"]).await.exits(3);
}

#[tokio::test]
async fn sarif_names_the_file_of_a_finding() {
    let mut live = offer("split", "T");
    live["definition"]["plans"] = json!([{"planId": "basic", "regions": ["DE", "NO"]}]);
    let world = World::new(vec![live], &[]).await;
    let root = world.folder.path();
    split(root);
    write(root, "offers/split/plans/pro.yaml", "planId: pro\nregions: [no]\n");
    let sarif = run(offerctl(root).args(["validate", "-o", "sarif"])).json();
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let found = results.iter().find(|result| result["ruleId"] == "OFR0057").expect("the region in small letters");
    let place = &found["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "offers/split/plans/pro.yaml");
    assert_eq!(place["region"]["startLine"], 2);
}
