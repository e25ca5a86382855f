//! What git does to files: clones that lack objects, conversions of line ends, and the variables that it sees.

use std::path::Path;

use serde_json::{Value, json};

use crate::drift::{commit, git};
use crate::support::{Ran, World, native, offer, offerctl, run_beside, set_title, write};

/// Runs offerctl in a clone of the world's project.
async fn in_clone(world: &World, clone: &Path, args: &[&str]) -> Ran {
    let mut command = offerctl(clone);
    command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).args(args);
    run_beside(command).await
}

/// A clone of the world's project that lacks what the filter leaves out.
fn partial(world: &World, filter: &str) -> std::path::PathBuf {
    let clone = world.path(&format!("clone-{}", filter.replace(':', "-")));
    let from = format!("file://{}", world.folder.path().display());
    git(world, &["clone", "-q", &format!("--filter={filter}"), &from, &clone.display().to_string()]);
    clone
}

fn verdict(found: &Ran) -> (Value, Value) {
    let moved = found.json()["offers"][0]["moved"][0].clone();
    (moved["address"].clone(), moved["verdict"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_a_partial_clone_lacks_are_an_error_with_the_way_out() {
    let world = World::new(vec![native(&offer("a", "T"))], &[("a", &offer("a", "T"))]).await;
    git(&world, &["init", "-q"]);
    git(&world, &["config", "uploadpack.allowFilter", "true"]);
    let first = commit(&world);
    world.declare("a", &offer("a", "U"));
    commit(&world);
    for filter in ["blob:none", "tree:0"] {
        let clone = partial(&world, filter);
        for args in [&["drift", "--base", &first][..], &["plan", "--since", &first]] {
            let refused = in_clone(&world, &clone, args).await.exits(3);
            let missing = "is not in this clone, because the clone was made with --filter";
            assert!(refused.stderr.contains(missing), "{filter} {args:?}: {}", refused.stderr);
            assert!(refused.stderr.contains("`git fetch --refetch --no-filter`"), "{}", refused.stderr);
        }
        // What did not change needs no object.
        let none = in_clone(&world, &clone, &["plan", "--since", "HEAD", "-o", "json"]).await.exits(0).json();
        assert_eq!(none["since"]["left_out"], 1, "{filter}");
        git(&world, &["-C", &clone.display().to_string(), "fetch", "-q", "--refetch", "--no-filter"]);
        let found = in_clone(&world, &clone, &["drift", "--base", &first, "-o", "json"]).await.exits(0);
        assert_eq!(verdict(&found), (json!("title"), json!("file")), "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_damaged_is_not_blamed_on_a_filter() {
    let world = World::new(vec![native(&offer("a", "T"))], &[("a", &offer("a", "T"))]).await;
    git(&world, &["init", "-q"]);
    commit(&world);
    let object = git(&world, &["rev-parse", "HEAD:offers/a.yaml"]);
    let (folder, name) = object.split_at(2);
    std::fs::remove_file(world.path(&format!(".git/objects/{folder}/{name}"))).expect("it was there");
    world.declare("a", &offer("a", "U"));
    let refused = world.run(&["drift", "--base", "HEAD"]).await.exits(1);
    assert!(refused.stderr.contains("git fsck") && !refused.stderr.contains("--filter"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn line_ends_that_git_converts_are_no_change() {
    let world = World::new(vec![], &[]).await;
    let text = "microsoft-azure-marketplace.description";
    let mut declared = offer("a", "T");
    declared["definition"]["offer"][text] = json!("TEXT");
    let declared = serde_json::to_string_pretty(&declared).expect("JSON").replace("\"TEXT\"", "!file ../texts/a.txt");
    write(world.folder.path(), "offers/a.yaml", &declared);
    write(world.folder.path(), "texts/a.txt", "<p>one</p>\n<p>two</p>\n");
    write(world.folder.path(), ".gitattributes", "*.yaml text eol=crlf\n*.txt text eol=crlf\n");
    git(&world, &["init", "-q"]);
    git(&world, &["add", ".gitattributes", "texts"]);
    commit(&world);
    // As a checkout writes them.
    for file in ["offers/a.yaml", "texts/a.txt"] {
        std::fs::remove_file(world.path(file)).expect("it was there");
        git(&world, &["checkout", "-q", file]);
        assert!(std::fs::read_to_string(world.path(file)).expect("a file").contains("\r\n"), "{file}");
    }
    world.run(&["apply", "--yes"]).await.exits(0);
    let none = world.run(&["plan", "--since", "HEAD", "-o", "json"]).await.exits(0).json();
    assert_eq!(none["since"]["left_out"], 1);
    // The portal moves, then the file as well: it is read as it would be checked out.
    world.portal_edit("a", |document| set_title(document, "portal")).await;
    let found = world.run(&["drift", "--base", "HEAD", "-o", "json"]).await.exits(2);
    assert_eq!(verdict(&found), (json!("title"), json!("portal")));
    world.portal_edit("a", |document| set_title(document, "T")).await;
    write(world.folder.path(), "texts/a.txt", "<p>one</p>\r\n<p>three</p>\r\n");
    let found = world.run(&["drift", "--base", "HEAD", "-o", "json"]).await.exits(0);
    assert_eq!(verdict(&found), (json!("description"), json!("file")));
    let some = world.run(&["plan", "--since", "HEAD", "-o", "json"]).await.exits(0).json();
    assert_eq!(some["since"]["left_out"], 0);
}

/// A program that stands before the real one in `PATH`, and notes what variables it sees.
fn spy(world: &World, name: &str, body: &str) -> String {
    let script = format!("#!/bin/sh\nenv > '{}'\n{body}\n", world.path("seen").display());
    write(world.folder.path(), &format!("bin/{name}"), &script);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(world.path(&format!("bin/{name}")), mode).expect("executable");
    format!("{}:{}", world.path("bin").display(), std::env::var("PATH").expect("a PATH"))
}

fn seen(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("seen")).expect("it ran");
    text.lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect()
}

const SECRETS: [(&str, &str); 3] =
    [("AZURE_CLIENT_SECRET", "CANARY"), ("OFFERCTL_TEST_LEAD_KEY", "CANARY"), ("OFFERCTL_TOKEN", "any")];

#[tokio::test(flavor = "multi_thread")]
async fn git_gets_its_configuration_from_the_environment_and_no_secret() {
    let world = World::new(vec![native(&offer("a", "T"))], &[("a", &offer("a", "T"))]).await;
    git(&world, &["init", "-q"]);
    commit(&world);
    let path = spy(&world, "git", "GIT_TEST_ASSUME_DIFFERENT_OWNER=1 PATH=\"${PATH#*:}\" exec git \"$@\"");
    let args = ["plan", "--since", "HEAD"];
    let env = [&SECRETS[..], &[("PATH", path.as_str()), ("OFFERCTL_AUTH", "token"), ("HTTPS_PROXY", "")]].concat();
    let refused = world.run_with(&args, &env).await.exits(3);
    assert!(refused.stderr.contains("safe.directory"), "{}", refused.stderr);
    let pairs = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")];
    world.run_with(&args, &[&env[..], &pairs].concat()).await.exits(0);
    write(world.folder.path(), "global", "[safe]\n\tdirectory = *\n");
    let global = world.path("global").display().to_string();
    world.run_with(&args, &[&env[..], &[("GIT_CONFIG_GLOBAL", global.as_str())]].concat()).await.exits(0);
    let seen = seen(&world);
    assert!(["PATH", "GIT_CONFIG_GLOBAL", "HTTPS_PROXY"].iter().all(|name| seen.iter().any(|seen| seen == name)));
    assert!(SECRETS.iter().all(|(name, _)| !seen.iter().any(|seen| seen == name)), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_azure_cli_gets_its_settings_and_no_secret() {
    let world = World::new(vec![], &[("a", &offer("a", "T"))]).await;
    let path = spy(&world, "az", r#"printf '{"accessToken": "any", "expires_on": 99999999999}'"#);
    let own =
        [("PATH", path.as_str()), ("OFFERCTL_AUTH", "azure-cli"), ("AZURE_CONFIG_DIR", "/settings"), ("LC_X", "x")];
    world.run_with(&["plan"], &[&SECRETS[..], &own].concat()).await.exits(0);
    let seen = seen(&world);
    assert!(["PATH", "AZURE_CONFIG_DIR", "LC_X"].iter().all(|name| seen.iter().any(|seen| seen == name)), "{seen:?}");
    assert!(SECRETS.iter().all(|(name, _)| !seen.iter().any(|seen| seen == name)), "{seen:?}");
}
