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
