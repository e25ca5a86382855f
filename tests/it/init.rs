//! `init`: a project with all that belongs to one, and nothing that was there is lost.

use std::path::Path;

use serde_json::Value;

use crate::support::{World, native, offer, offerctl, project, run, run_beside, write};

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn init(folder: &Path, args: &[&str]) -> crate::support::Ran {
    run(offerctl(folder).arg("init").args(args))
}

#[test]
fn a_pipeline_is_asked_nothing_and_gets_a_project() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = init(folder.path(), &[]).exits(0);
    for file in ["offerctl.toml", ".gitignore", "offer-file.schema.json", ".vscode/settings.json"] {
        assert!(ran.stdout.contains(&format!("+ {file}   written")), "{}", ran.stdout);
    }
    assert!(folder.path().join("offers").is_dir() && !folder.path().join(".github").exists());
    assert!(read(folder.path(), ".gitignore").lines().any(|line| line == ".offerctl/"));
    let settings: Value = serde_json::from_str(&read(folder.path(), ".vscode/settings.json")).expect("JSON");
    assert_eq!(settings["yaml.schemas"]["./offer-file.schema.json"], "offers/**/*.yaml");
    let shown = run(offerctl(folder.path()).args(["schema", "show"])).exits(0).stdout;
    assert_eq!(read(folder.path(), "offer-file.schema.json"), shown);
    // The project is one.
    write(folder.path(), "offers/contoso/a.yaml", &offer("a", "t").to_string());
    run(offerctl(folder.path()).arg("validate")).exits(0);
}

#[test]
fn each_host_gets_its_pipelines_as_the_documentation_has_them() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci");
    for (host, files) in [
        (
            "github",
            &[(".github/workflows/plan.yml", "github/plan.yml"), (".github/workflows/apply.yml", "github/apply.yml")][..],
        ),
        ("azure", &[("azure-pipelines.yml", "azure/azure-pipelines.yml")]),
        ("gitlab", &[(".gitlab-ci.yml", "gitlab/gitlab-ci.yml")]),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        init(folder.path(), &["--ci", host]).exits(0);
        for (file, source) in files {
            assert_eq!(read(folder.path(), file), read(&docs, source), "{file}");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    init(folder.path(), &["--ci", "github"]).exits(0);
    let mut written = std::fs::read_dir(folder.path().join(".github/workflows")).expect("workflows");
    let all = std::fs::read_dir(docs.join("github")).expect("workflows").count();
    // The action stays where it is.
    assert_eq!(written.by_ref().count(), all - 1);
}

#[test]
fn no_file_is_overwritten_and_each_that_stays_is_named() {
    let folder = project(&[("a", &offer("a", "t"))]);
    write(folder.path(), "offerctl.toml", "offers = \"offers\"\n");
    write(folder.path(), ".gitignore", "target\n");
    write(folder.path(), ".vscode/settings.json", "{}\n");
    write(folder.path(), ".gitlab-ci.yml", "mine: {}\n");
    let ran = init(folder.path(), &["--ci", "gitlab"]).exits(0);
    for (file, text) in [
        ("offerctl.toml", "offers = \"offers\"\n"),
        (".gitignore", "target\n"),
        (".vscode/settings.json", "{}\n"),
        (".gitlab-ci.yml", "mine: {}\n"),
    ] {
        assert!(ran.stdout.contains(&format!("= {file}   there already with other content")), "{}", ran.stdout);
        assert_eq!(read(folder.path(), file), text);
    }
    let again = init(folder.path(), &["--ci", "gitlab"]).exits(0);
    assert!(again.stdout.contains("= offer-file.schema.json   there already\n"), "{}", again.stdout);
    #[cfg(unix)]
    {
        let (folder, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::os::unix::fs::symlink(outside.path(), folder.path().join(".vscode")).expect("a link");
        init(folder.path(), &[]).exits(3);
        assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0);
    }
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    init(folder.path(), &["--ci", "jenkins"]).exits(3);
    init(folder.path(), &["a/b"]).exits(3);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offers_of_a_publisher_are_imported_and_the_first_plan_is_empty() {
    let world = World::new(vec![native(&offer("a", "A")), native(&offer("b", "B"))], &[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let run = async |args: &[&str]| {
        let mut command = offerctl(folder.path());
        command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).args(args);
        run_beside(command).await
    };
    let ran = run(&["init", "contoso", "--ci", "none"]).await.exits(0);
    assert!(ran.stdout.contains("contoso/a   offers/contoso/a.yaml"), "{}", ran.stdout);
    let plan = run(&["plan", "-o", "json"]).await.exits(0).json();
    assert_eq!(
        (plan["offers"].as_array().map(Vec::len), plan["unchanged"].as_array().map(Vec::len)),
        (Some(0), Some(2))
    );
    // A second time, every file is there.
    let again = run(&["init", "contoso"]).await.exits(0);
    assert!(!again.stdout.contains("written\n"), "{}", again.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_refuses_leaves_a_project_without_offers() {
    let world = World::new(vec![native(&offer("a", "A"))], &[]).await;
    world.fault(serde_json::json!({"method": "GET", "status": 401})).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = offerctl(folder.path());
    command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).args(["init", "contoso", "--retries", "0"]);
    let ran = run_beside(command).await;
    assert_ne!(ran.code, 0);
    assert!(folder.path().join("offerctl.toml").is_file() && folder.path().join(".gitignore").is_file());
}
