//! Environments: which one, what it may set, and that plans and receipts of another are refused.

use crate::support::{World, offer, offerctl, project, run, write};

const TWO: &str =
    "[env]\nallow = [\"SUFFIX\"]\n[environments.test]\nvariables = { SUFFIX = \"of-test\" }\n[environments.prod]\n";

#[tokio::test]
async fn a_portal_is_asked_only_in_an_environment_that_was_chosen() {
    let world = World::new(vec![offer("a", "old")], &[("a", &offer("a", "new"))]).await;
    write(world.folder.path(), "offerctl.toml", TWO);
    for command in
        [&["plan"][..], &["drift"], &["status"], &["diff", "--from", "draft", "--to", "file"], &["apply", "--yes"]]
    {
        world.run(command).await.exits(3);
    }
    world.run(&["plan", "--env", "other"]).await.exits(3);
    world.run(&["plan", "--env", "test"]).await.exits(0);
    write(
        world.folder.path(),
        "offerctl.toml",
        &TWO.replace("[environments.prod]", "[environments.prod]\ndefault = true"),
    );
    let plan = world.run(&["plan", "-o", "json"]).await.exits(0).json();
    assert_eq!(plan["environment"], "prod");
    write(world.folder.path(), "offerctl.toml", "");
    world.run(&["plan", "--env", "test"]).await.exits(3);
}

#[tokio::test]
async fn a_plan_of_another_environment_is_refused() {
    let world = World::new(vec![offer("a", "old")], &[("a", &offer("a", "new"))]).await;
    write(world.folder.path(), "offerctl.toml", TWO);
    let print = |plan: crate::support::Ran| plan.json()["fingerprint"].clone();
    let test = print(world.run(&["plan", "--env", "test", "-o", "json", "--out", "p.json"]).await.exits(0));
    let prod = print(world.run(&["plan", "--env", "prod", "-o", "json"]).await.exits(0));
    assert_ne!(test, prod);
    world.run(&["apply", "p.json", "--yes", "--env", "prod"]).await.exits(5);
    world.run(&["apply", "p.json", "--yes", "--env", "test", "-o", "json=receipt.json"]).await.exits(0);
    world.run(&["drift", "--base", "receipt.json", "--env", "prod"]).await.exits(3);
    world.run(&["drift", "--base", "receipt.json", "--env", "test"]).await.exits(0);
}

#[test]
fn variables_of_the_environment_come_first() {
    let folder = project(&[]);
    write(folder.path(), "offerctl.toml", TWO);
    let text = "publisherId: contoso\nid: !env SUFFIX\nofferTypeId: x\ndefinition: {displayText: a}\n";
    write(folder.path(), "offers/a.yaml", text);
    for (env, id) in [("test", "contoso/of-test"), ("prod", "contoso/of-process")] {
        let mut command = offerctl(folder.path());
        command.env("SUFFIX", "of-process").args(["validate", "-o", "json", "--env", env]);
        assert_eq!(run(&mut command).exits(0).json()["offers"][0]["offer"], id);
    }
}

#[tokio::test]
async fn an_environment_cannot_redirect_a_token() {
    let world = World::new(vec![], &[("a", &offer("a", "new"))]).await;
    for table in [
        "endpoint = \"https://evil.example\"",
        "auth = \"/etc/passwd\"",
        "auth = \"https://evil.example\"",
        "token_file = \"/run/token\"",
        "variables = { AZURE_AUTHORITY_HOST = \"https://evil.example\" }",
    ] {
        write(world.folder.path(), "offerctl.toml", &format!("[environments.test]\n{table}\n"));
        let mut command = offerctl(world.folder.path());
        command.env("OFFERCTL_TOKEN", "a-token-that-stays").args(["plan", "--env", "test"]);
        run(&mut command).exits(3);
    }
}

#[test]
fn a_file_that_is_named_as_an_overlay_and_is_none_is_a_finding() {
    let folder = project(&[("a", &offer("a", "t"))]);
    write(folder.path(), "offerctl.toml", TWO);
    for (name, code) in [("offers/a.stage.yaml", 3), ("offers/b.test.yaml", 3), ("offers/a.test.yaml", 0)] {
        write(folder.path(), name, "definition: {displayText: b}\n");
        let found = run(offerctl(folder.path()).args(["validate", "-o", "json", "--env", "test"])).exits(code).json();
        let strays = found["diagnostics"].as_array().expect("findings").iter().filter(|one| one["code"] == "OFR0035");
        assert_eq!(
            strays.map(|one| one["file"].as_str()).collect::<Vec<_>>(),
            if code == 3 { vec![Some(name)] } else { vec![] }
        );
        std::fs::remove_file(folder.path().join(name)).expect("removed");
    }
}

#[test]
fn an_offer_whose_file_is_named_as_an_overlay_is_a_finding_in_every_environment() {
    let folder = project(&[("a", &offer("a", "t"))]);
    write(folder.path(), "offerctl.toml", TWO);
    let stray = |env: &str, code: i32| {
        let found = run(offerctl(folder.path()).args(["validate", "-o", "json", "--env", env])).exits(code).json();
        let all = found["diagnostics"].as_array().expect("findings").clone();
        let strays = all.into_iter().filter(|one| one["code"] == "OFR0035");
        strays.map(|one| one["file"].as_str().expect("a file").to_owned()).collect::<Vec<_>>()
    };
    write(folder.path(), "offers/a.prod.yaml", &offer("a.prod", "another").to_string());
    assert_eq!(stray("prod", 3), ["offers/a.prod.yaml"]);
    assert_eq!(stray("test", 3), ["offers/a.prod.yaml"], "it is not read there, and nothing else says so");
    write(folder.path(), "offers/a.prod.yaml", "id: a-prod\ndefinition: {displayText: b}\n");
    assert_eq!(stray("prod", 0), [""; 0], "an overlay may give another id");
    write(folder.path(), "offers/a.prod.yaml", &offer("a", "of prod").to_string());
    assert_eq!(stray("prod", 0), [""; 0], "an overlay may repeat what does not differ");
    std::fs::remove_file(folder.path().join("offers/a.prod.yaml")).expect("removed");
    let own =
        "publisherId: contoso\nid: s\nofferTypeId: microsoft-azure-virtualmachines\ndefinition: {displayText: s}\n";
    write(folder.path(), "offers/s/offer.yaml", own);
    write(folder.path(), "offers/s/plans/basic.yaml", "planId: basic\n");
    write(folder.path(), "offers/s/plans/basic.prod.yaml", "planId: basic.prod\n");
    assert_eq!(stray("prod", 3), ["offers/s/plans/basic.prod.yaml"]);
    assert_eq!(stray("test", 3), ["offers/s/plans/basic.prod.yaml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_writes_the_publisher_and_the_names_that_files_have() {
    let of_test = |id: &str| {
        let mut offer = offer(id, "T");
        offer["publisherId"] = serde_json::json!("contoso-test");
        offer
    };
    let world = World::new(["a", "a.prod"].map(|id| crate::support::native(&of_test(id))).to_vec(), &[]).await;
    let mapped = TWO.replace("[environments.test]", "[environments.test]\npublishers = { contoso = \"contoso-test\" }");
    let mapped = format!("{mapped}[[sas]]\naccount = \"images\"\ncontainers = [\"vhds\"]\n");
    write(world.folder.path(), "offerctl.toml", &mapped);
    let ran = world.run(&["import", "contoso-test", "--env", "test", "-o", "json"]).await.exits(0).json();
    let files = ran["offers"].as_array().expect("offers").iter().map(|offer| offer["files"][0].clone());
    assert_eq!(files.collect::<Vec<_>>(), ["offers/contoso/a.yaml", "offers/contoso/a_prod.yaml"]);
    let text = std::fs::read_to_string(world.folder.path().join("offers/contoso/a.yaml")).expect("the file");
    assert!(text.contains("\npublisherId: contoso\n"), "{text}");
    assert!(ran["offers"].as_array().expect("offers").iter().all(|offer| offer["differs"] == serde_json::json!([])));
    let plan = world.run(&["plan", "--env", "test", "-o", "json"]).await.exits(0).json();
    assert_eq!(plan["unchanged"][0]["offer"], "contoso-test/a");
    assert_eq!(plan["offers"], serde_json::json!([]));
    // Nothing is imported twice, and no file can declare what stands for another publisher.
    let again = world.run(&["import", "contoso-test", "--env", "test", "-o", "json"]).await.exits(0).json();
    assert_eq!(again["offers"][0]["result"], "kept");
}

#[test]
fn files_are_relative_to_the_file_that_names_them() {
    let folder = project(&[]);
    let root = folder.path();
    write(root, "offerctl.toml", TWO);
    let own = "publisherId: contoso\nid: s\nofferTypeId: microsoft-azure-virtualmachines\ndefinition:\n  \
               displayText: s\n  offer: {summary: !file text.txt }\n";
    write(root, "offers/s/offer.yaml", own);
    write(root, "offers/s/text.txt", "of the offer");
    write(
        root,
        "offers/s/plans/basic.yaml",
        "planId: basic\nmicrosoft-azure-virtualmachines.skuTitle: !file text.txt\n",
    );
    write(root, "offers/s/plans/text.txt", "of the plan");
    write(root, "offers/s/plans/basic.test.yaml", "microsoft-azure-virtualmachines.skuSummary: !file ../text.txt\n");
    let rendered = run(offerctl(root).args(["render", "--env", "test", "-o", "json"])).exits(0).json();
    let definition = &rendered["offers"][0]["document"]["definition"];
    assert_eq!(definition["offer"]["microsoft-azure-marketplace.summary"], "of the offer");
    assert_eq!(definition["plans"][0]["microsoft-azure-virtualmachines.skuTitle"], "of the plan");
    assert_eq!(definition["plans"][0]["microsoft-azure-virtualmachines.skuSummary"], "of the offer");
}

/// Every command of docs/commands.md, which a test keeps complete: a call that asks the portal, or none for one that does not.
const CALLS: &[(&str, Option<&[&str]>)] = &[
    ("validate", None),
    ("init", Some(&["init", "contoso", "--ci", "none"])),
    ("fmt", None),
    ("render", None),
    ("import", Some(&["import", "contoso"])),
    ("show", Some(&["show", "contoso/a"])),
    ("history", Some(&["history", "contoso/a"])),
    ("rollback", Some(&["rollback", "contoso/a", "--to", "live"])),
    ("set", None),
    ("unset", None),
    ("image", None),
    ("image add", None),
    ("image prune", None),
    ("edit", None),
    ("edit add-plan", None),
    ("edit remove-plan", None),
    ("explain", None),
    ("schema", None),
    ("schema list", None),
    ("schema show", None),
    ("schema infer", Some(&["schema", "infer", "contoso/a"])),
    ("plan", Some(&["plan"])),
    ("merge-plans", None),
    ("show-plan", None),
    ("apply", Some(&["apply", "--yes"])),
    ("diff", Some(&["diff", "--from", "draft", "--to", "preview"])),
    ("drift", Some(&["drift"])),
    ("snapshot", Some(&["snapshot", "--out", "s.json"])),
    ("status", Some(&["status", "contoso/a"])),
    ("wait", Some(&["wait", "contoso/a"])),
    ("publish", Some(&["publish", "contoso/a", "--yes"])),
    ("go-live", Some(&["go-live", "contoso/a", "--yes"])),
    ("cancel", Some(&["cancel", "contoso/a", "--yes"])),
    ("doctor", Some(&["doctor"])),
    ("sandbox", None),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_command_asks_a_portal_without_the_choice_of_an_environment() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let commands = page.lines().filter_map(|line| line.strip_prefix("## offerctl ")).collect::<Vec<_>>();
    assert_eq!(commands, CALLS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "a command has no line in CALLS");
    let world = World::new(vec![offer("a", "old")], &[("a", &offer("a", "new"))]).await;
    write(world.folder.path(), "offerctl.toml", TWO);
    let before = world.requests().await.len();
    for (name, call) in CALLS {
        let Some(call) = call else { continue };
        let ran = world.run(call).await;
        assert_ne!(ran.code, 0, "{name}: {}", ran.stdout);
        assert_eq!(world.requests().await.len(), before, "{name}: {}", ran.stderr);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("the project has environments"), "{name}: {said}");
        assert_eq!(ran.code, 3, "{name}");
    }
}
