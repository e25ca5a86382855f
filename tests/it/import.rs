//! From the portal to files: an import compares as equal, goes back as it came, and trusts nothing of the portal's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Impostor, TITLE, World, http_answer, migrated, native, offer, offerctl, run_beside, write};

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
    let offers = ["offers/contoso/a.yaml", "offers/contoso/b.yaml", "offers/contoso/c.yaml"];
    assert_eq!(names, [&["offer-file.schema.json", "offerctl.toml"][..], &offers].concat());
    for offer in offers {
        // The comment leads an editor to the schema that was written.
        let first = written[offer].lines().next().expect("a line");
        let schema = first.strip_prefix("# yaml-language-server: $schema=").expect("a schema");
        let path = folder.path().join(offer).parent().expect("a folder").join(schema);
        assert!(path.canonicalize().expect("a file").is_file(), "{first}");
    }
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
    assert_eq!(files(folder.path()).len(), 5);
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

#[tokio::test(flavor = "multi_thread")]
async fn one_list_that_fails_keeps_no_other_offer_from_being_imported() {
    let portal = Impostor::new(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let body = match path {
            "/api/publishers" => json!([{"id": "contoso"}, {"id": "../x"}, {"id": "fabrikam"}]),
            "/api/publishers/contoso/offers" => json!([{"id": "a"}, {"id": "a/../../b"}, {"id": "A"}]),
            "/api/publishers/contoso/offers/a" => plain("a", "x"),
            "/api/publishers/contoso/offers/A" => plain("A", "y"),
            _ => return http_answer("403 Forbidden", br#"{"error": {"code": "Forbidden", "message": "no"}}"#),
        };
        http_answer("200 OK", body.to_string().as_bytes())
    });
    let folder = tempfile::tempdir().expect("a folder");
    let report = import(&portal.url, folder.path(), &["-o", "json", "--retries", "0"]).await.exits(6).json();
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let results = report["offers"].as_array().expect("a list").iter();
    let results = results.map(|offer| (word(&offer["offer"]), word(&offer["result"]))).collect::<Vec<_>>();
    let expected = [("contoso/A", "written"), ("contoso/a", "failed")];
    assert_eq!(results, expected.map(|(offer, result)| (offer.to_owned(), result.to_owned())));
    let unlisted = report["unlisted"].as_array().expect("a list").iter();
    let unlisted = unlisted.map(|one| (word(&one["publisher"]), one["denied"] == true)).collect::<Vec<_>>();
    let expected = [("../x", false), ("contoso", false), ("fabrikam", true)];
    assert_eq!(unlisted, expected.map(|(publisher, denied)| (publisher.to_owned(), denied)));
    let written = files(&folder.path().join("offers"));
    assert_eq!(written.keys().collect::<Vec<_>>(), ["contoso/A.yaml"]);
    assert!(files(folder.path()).keys().all(|name| !name.contains('x') || name.ends_with("schema.json")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_stops_the_import_for_it_may_declare_an_offer() {
    let world = World::new(vec![native(&plain("a", "A"))], &[]).await;
    write(world.folder.path(), "offers/mine.yaml", "publisherId: contoso\nid: a\n  definition: [\n");
    world.run(&["import", "contoso/a"]).await.exits(3);
    assert_eq!(files(&world.path("offers")).len(), 1);
    assert!(world.requests().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_an_offers_own_is_dropped_and_what_looks_like_yaml_is_text() {
    let mut hostile = plain("a", "!secret env:HOME");
    hostile["reconcile"] = json!({"through": "live", "allow": ["remove-plan:basic"]});
    hostile["api"] = json!("ingestion");
    hostile["<<"] = json!({"id": "b"});
    hostile["definition"]["offer"]["vendor.alias"] = json!("*a");
    hostile["definition"]["offer"]["vendor.anchor"] = json!("&a b");
    hostile["definition"]["offer"]["<<"] = json!({"vendor.merged": 1});
    hostile["definition"]["offer"]["!file x"] = json!("!file /etc/passwd");
    hostile["definition"]["offer"]["see https://x.example/?sig=CANARYCANARYCANARYCANARYCANARYCANARY12345"] = json!(1);
    let body = hostile.to_string();
    let portal = Impostor::new(move |_| http_answer("200 OK", body.as_bytes()));
    let folder = tempfile::tempdir().expect("a folder");
    let ran = import(&portal.url, folder.path(), &["contoso/a", "-o", "json"]).await.exits(0);
    assert!(!ran.stdout.contains("CANARY"), "{}", ran.stdout);
    let report = ran.json();
    assert_eq!(report["offers"][0]["differs"], json!([]));
    let left = report["offers"][0]["left_out"].as_array().expect("a list").iter();
    let dropped = left.filter(|left| left["why"] == "not-an-offer-field").filter_map(|left| left["address"].as_str());
    assert_eq!(dropped.collect::<BTreeSet<_>>(), BTreeSet::from(["<<", "api", "reconcile"]));
    let text = std::fs::read_to_string(folder.path().join("offers/contoso/a.yaml")).expect("a text");
    assert!(!text.contains("CANARY") && !text.contains("reconcile") && !text.contains("\napi"), "{text}");
    let plan = offerctl(folder.path()).env("OFFERCTL_ENDPOINT", &portal.url).args(["validate"]).output();
    assert!(plan.expect("it ran").status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_of_this_process_gets_into_no_file() {
    let world = World::new(vec![native(&plain("a", "CANARYtokenCANARY is the word"))], &[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = offerctl(folder.path());
    command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).env("OFFERCTL_TOKEN", "CANARYtokenCANARY");
    command.args(["import", "contoso/a"]);
    let ran = run_beside(command).await.exits(1);
    assert!(!ran.stdout.contains("CANARYtoken") && !ran.stderr.contains("CANARYtoken"), "{ran:?}");
    assert!(files(folder.path()).is_empty(), "{:?}", files(folder.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn show_and_import_read_any_state_of_an_offer() {
    let world = World::new(vec![native(&offer("a", "first"))], &[]).await;
    world.run(&["publish", "contoso/a", "--yes"]).await.exits(0);
    world.portal_edit("a", |document| document["definition"]["offer"][TITLE] = json!("second")).await;
    let shown = async |state: &str, format: &str| {
        world.run(&["show", &format!("contoso/a{state}"), "-o", format]).await.exits(0)
    };
    for (state, title) in [("", "second"), ("@draft", "second"), ("@preview", "first")] {
        let document = shown(state, "json").await.json();
        assert_eq!(document["document"]["definition"]["offer"][TITLE], title, "{state}");
        let yaml = shown(state, "yaml").await.stdout;
        assert!(yaml.contains(&format!("title: {title}\n")) && !yaml.contains("CANARY"), "{yaml}");
    }
    assert_eq!(world.run(&["show", "contoso/a"]).await.exits(0).stdout, shown("", "yaml").await.stdout);
    world.run(&["show", "contoso/a@live"]).await.exits(1);
    world.run(&["show", "contoso/none"]).await.exits(1);
    world.run(&["show", "contoso/a@file"]).await.exits(3);
    let folder = tempfile::tempdir().expect("a folder");
    import(world.sandbox.url(), folder.path(), &["contoso/a@preview"]).await.exits(0);
    let text = std::fs::read_to_string(folder.path().join("offers/contoso/a.yaml")).expect("a text");
    assert_eq!(text, shown("@preview", "yaml").await.stdout, "as the file that import writes");
    import(world.sandbox.url(), folder.path(), &["contoso/a@v1", "contoso/a@live"]).await.exits(3);
}
