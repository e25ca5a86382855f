//! From the portal to files: an import compares as equal, goes back as it came, and trusts nothing of the portal's.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Impostor, World, http_answer, migrated, native, offer, offerctl, run_beside, write};

/// Offers without files that the portal copies: it can be given back whole.
fn plain(id: &str, title: &str) -> Value {
    let mut offer = offer(id, title);
    if let Some(fields) = offer["definition"]["offer"].as_object_mut() {
        fields.retain(|name, _| !name.to_ascii_lowercase().contains("logo"));
    }
    offer["definition"]["plans"] = json!([{"planId": "basic", "regions": ["NO", "DE"]}]);
    offer["definition"]["offer"]["vendor.version"] = json!("1.10");
    offer["definition"]["offer"]["vendor.none"] = json!("no");
    offer
}

/// The files below a folder, by their paths.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").display().to_string();
                found.insert(name, std::fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    found
}

async fn import(url: &str, folder: &Path, args: &[&str]) -> crate::support::Ran {
    let mut command = offerctl(folder);
    command.env("OFFERCTL_ENDPOINT", url).arg("import").args(args);
    run_beside(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_commands_lead_from_an_empty_folder_to_an_empty_plan() {
    let live = vec![native(&plain("a", "A")), migrated(&offer("b", "B: no # x")), native(&offer("c", "C"))];
    let world = World::new(live, &[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let url = world.sandbox.url();
    let ran = import(url, folder.path(), &[]).await.exits(0);
    assert!(!ran.stdout.contains("CANARY"), "{}", ran.stdout);
    let written = files(folder.path());
    let names = written.keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(names, ["offerctl.toml", "offers/contoso/a.yaml", "offers/contoso/b.yaml", "offers/contoso/c.yaml"]);
    assert!(written.values().all(|text| !text.contains("CANARY") && !text.contains("sig=")), "{written:?}");
    let plan = |folder: &Path| {
        let mut command = offerctl(folder);
        command.env("OFFERCTL_ENDPOINT", url).args(["plan", "--detailed-exitcode"]);
        command
    };
    run_beside(plan(folder.path())).await.exits(0);

    // A file is found by what it declares. It stays as it is, and what differs is listed.
    let moved = folder.path().join("offers/elsewhere.yaml");
    std::fs::rename(folder.path().join("offers/contoso/a.yaml"), &moved).expect("moved");
    world.portal_edit("a", |document| document["definition"]["offer"]["vendor.version"] = json!("1.11")).await;
    let again = import(url, folder.path(), &["contoso"]).await.exits(0);
    assert!(
        again.stdout.contains("offers/elsewhere.yaml") && again.stdout.contains("vendor.version"),
        "{}",
        again.stdout
    );
    assert_eq!(std::fs::read_to_string(moved).expect("a text"), written["offers/contoso/a.yaml"]);
    assert_eq!(files(folder.path()).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_applied_elsewhere_imports_as_the_same_bytes() {
    for profile in [native, migrated] {
        let world = World::new(vec![profile(&plain("a", "A")), profile(&plain("b", "B"))], &[]).await;
        let first = tempfile::tempdir().expect("a folder");
        import(world.sandbox.url(), first.path(), &["contoso/a", "contoso/b", "--names", "wire"]).await.exits(0);
        let other = World::new(Vec::new(), &[]).await;
        let mut apply = offerctl(first.path());
        apply.env("OFFERCTL_ENDPOINT", other.sandbox.url()).args(["apply", "--yes", "--allow", "many-offers:2"]);
        run_beside(apply).await.exits(0);
        let second = tempfile::tempdir().expect("a folder");
        import(other.sandbox.url(), second.path(), &["contoso", "--names", "wire"]).await.exits(0);
        assert_eq!(files(&first.path().join("offers")), files(&second.path().join("offers")));
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_through_a_link() {
    let world = World::new(vec![native(&plain("a", "A")), native(&plain("b", "B"))], &[]).await;
    let (folder, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    write(outside.path(), "kept", "as it was");
    write(folder.path(), "offers/README", "");
    std::fs::create_dir(folder.path().join("offers/contoso")).expect("a folder");
    std::os::unix::fs::symlink(outside.path().join("kept"), folder.path().join("offers/contoso/a.yaml"))
        .expect("a link");
    import(world.sandbox.url(), folder.path(), &["contoso/a", "contoso/b"]).await.exits(6);
    assert!(folder.path().join("offers/contoso/b.yaml").is_file(), "the other offer is written");
    std::fs::remove_dir_all(folder.path().join("offers/contoso")).expect("removed");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("offers/contoso")).expect("a link");
    import(world.sandbox.url(), folder.path(), &["contoso/a"]).await.exits(1);
    assert_eq!(files(outside.path()).into_iter().collect::<Vec<_>>(), [("kept".to_owned(), "as it was".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_the_portal_lead_to_no_path_outside() {
    for id in ["../../x", "/etc/x", "a/b", "..", "a\u{0}", "C:x", "a\\b"] {
        let portal = Impostor::new(move |request| {
            let body = if request.contains("/offers/") { json!({}) } else { json!([{"id": id}]) };
            http_answer("200 OK", body.to_string().as_bytes())
        });
        let folder = tempfile::tempdir().expect("a folder");
        import(&portal.url, folder.path(), &["contoso"]).await.exits(1);
        assert!(files(folder.path()).is_empty(), "{id}");
    }
    // An answer that is of another offer than the one that was asked for.
    let portal = Impostor::new(|_| http_answer("200 OK", plain("other", "x").to_string().as_bytes()));
    let folder = tempfile::tempdir().expect("a folder");
    import(&portal.url, folder.path(), &["contoso/a"]).await.exits(1);
    assert!(files(folder.path()).is_empty());
}
