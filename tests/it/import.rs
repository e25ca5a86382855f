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
                found.insert(name, String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned());
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
    let html = "<p>what it is</p>\n<p>what it does</p>\n";
    let described = |id: &str| {
        let mut offer = plain(id, "T");
        offer["definition"]["offer"]["microsoft-azure-marketplace.description"] = json!(html);
        offer
    };
    // A seeded offer has not the defaults that the portal adds, so `--full` is not among them.
    let layouts: [&[&str]; 4] = [&[], &["--names", "wire"], &["--split-text"], &["--split-plans"]];
    for (profile, layout) in [native, migrated].into_iter().flat_map(|profile| layouts.map(|layout| (profile, layout)))
    {
        let world = World::new(vec![profile(&described("a")), profile(&described("b"))], &[]).await;
        let first = tempfile::tempdir().expect("a folder");
        import(world.sandbox.url(), first.path(), &[&["contoso/a", "contoso/b"], layout].concat()).await.exits(0);
        let other = World::new(Vec::new(), &[]).await;
        let mut apply = offerctl(first.path());
        apply.env("OFFERCTL_ENDPOINT", other.sandbox.url()).args(["apply", "--yes", "--allow", "many-offers:2"]);
        run_beside(apply).await.exits(0);
        let second = tempfile::tempdir().expect("a folder");
        import(other.sandbox.url(), second.path(), &[&["contoso"], layout].concat()).await.exits(0);
        let written = files(&first.path().join("offers"));
        assert_eq!(written, files(&second.path().join("offers")), "{layout:?}");
        let split = layout.iter().any(|option| option.starts_with("--split"));
        assert_eq!(written.len(), if split { 4 } else { 2 }, "{written:?}");
    }
}

const LOGO: &str = "microsoft-azure-marketplace.smallLogo";

/// A server that gives out a logo, except below `/moved`, from where it redirects to it.
fn logos() -> Impostor {
    Impostor::new(|request| match request.contains(" /moved") {
        true => b"HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: /48.png\r\ncontent-length: 0\r\n\r\n".to_vec(),
        false if request.starts_with("HEAD ") => {
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 7\r\n\r\n".to_vec()
        }
        false => http_answer("200 OK", b"\x89PNG\r\n\n"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_the_portal_are_downloaded_and_declared_as_artifacts() {
    let server = logos();
    let world = World::new(vec![native(&plain("a", "A"))], &[]).await;
    let mut declared = plain("a", "A");
    declared["definition"]["offer"][LOGO] = json!(format!("{}/48.png", server.url));
    world.declare("a", &declared);
    world.run(&["apply", "--yes"]).await.exits(0);
    let folder = tempfile::tempdir().expect("a folder");
    import(world.sandbox.url(), folder.path(), &["contoso/a", "--artifacts"]).await.exits(3);
    assert!(files(folder.path()).is_empty(), "nothing is made without a store");
    let store = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "[artifacts]\nstore = \"file://{}\"\npublic_url = \"https://cdn.contoso.example/art\"\n",
        store.path().display()
    );
    write(folder.path(), "offerctl.toml", &settings);
    std::fs::create_dir(folder.path().join("offers")).expect("a folder");
    let report = import(world.sandbox.url(), folder.path(), &["contoso/a", "--artifacts", "-o", "json"]).await;
    let report = report.exits(0).json();
    let written = json!(["offers/contoso/a.yaml", "assets/contoso/a/smallLogo.png"]);
    assert_eq!((&report["offers"][0]["files"], &report["offers"][0]["left_out"]), (&written, &json!([])));
    let logo = std::fs::read(folder.path().join("assets/contoso/a/smallLogo.png")).expect("a file");
    assert_eq!(logo, b"\x89PNG\r\n\n");
    let text = std::fs::read_to_string(folder.path().join("offers/contoso/a.yaml")).expect("a text");
    assert!(text.contains("smallLogo: !artifact ../../assets/contoso/a/smallLogo.png\n"), "{text}");
    let mut plan = offerctl(folder.path());
    plan.env("OFFERCTL_ENDPOINT", world.sandbox.url()).args(["plan", "--detailed-exitcode"]);
    run_beside(plan).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_follows_no_redirect_and_writes_over_nothing() {
    let copy = "https://publishingstoredm.blob.core.windows.net";
    for (path, existing) in [("moved/48.png", None), ("48.png", Some("mine"))] {
        let mut live = plain("a", "A");
        live["definition"]["offer"][LOGO] = json!(format!("{copy}/{path}?sig=CANARYsig"));
        let body = live.to_string();
        let logos = logos();
        let to = logos.url.clone();
        let portal = Impostor::new(move |request| match request.contains("/api/") {
            true => http_answer("200 OK", body.as_bytes()),
            false if request.contains("/moved/") => {
                format!("HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {to}/48.png\r\ncontent-length: 0\r\n\r\n")
                    .into_bytes()
            }
            false => http_answer("200 OK", b"theirs"),
        });
        let folder = tempfile::tempdir().expect("a folder");
        let settings = "[artifacts]\nstore = \"file:///srv/art\"\npublic_url = \"https://cdn.contoso.example/art\"\n";
        write(folder.path(), "offerctl.toml", settings);
        std::fs::create_dir(folder.path().join("offers")).expect("a folder");
        if let Some(text) = existing {
            write(folder.path(), "assets/contoso/a/smallLogo.png", text);
        }
        let ran = import(&portal.url, folder.path(), &["contoso/a", "--artifacts", "-o", "json"]).await;
        assert!(!ran.stdout.contains("CANARY") && !ran.stderr.contains("CANARY"), "{ran:?}");
        let report = ran.json();
        assert!(logos.received().is_empty(), "no other host is asked");
        assert!(
            portal
                .received()
                .iter()
                .filter(|request| !request.contains("/api/"))
                .all(|request| { !request.to_ascii_lowercase().contains("authorization") })
        );
        let written = files(folder.path());
        match existing {
            Some(text) => {
                assert_eq!(report["offers"][0]["result"], "failed");
                assert_eq!(written["assets/contoso/a/smallLogo.png"], text);
                assert!(!written.contains_key("offers/contoso/a.yaml"), "all files of an offer, or none");
            }
            None => {
                assert_eq!(report["offers"][0]["result"], "written");
                assert_eq!(report["offers"][0]["left_out"][0]["why"], "portal-copy");
                assert!(!written.keys().any(|name| name.starts_with("assets")), "{written:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_names_versions_and_submissions() {
    let world = World::new(vec![native(&offer("a", "first"))], &[]).await;
    world.run(&["publish", "contoso/a", "--yes", "--notify", "x@contoso.example"]).await.exits(0);
    world.portal_edit("a", |document| document["definition"]["offer"][TITLE] = json!("second")).await;
    let history = world.run(&["history", "contoso/a", "-o", "json"]).await.exits(0).json();
    let slots = history["slots"].as_array().expect("a list");
    assert_eq!(slots.iter().map(|slot| slot["slot"].clone()).collect::<Vec<_>>(), [json!("draft"), json!("preview")]);
    assert_ne!(slots[0]["version"], slots[1]["version"]);
    let submission = &history["submissions"][0];
    assert_eq!((&submission["slot"], &submission["notified"]), (&json!("staging"), &json!(["x@contoso.example"])));
    assert_eq!(submission["version"], slots[1]["version"]);
    assert!(submission["changed"].as_str().is_some_and(|time| !time.is_empty()));
    world.run(&["history", "contoso/a"]).await.exits(0);
    world.run(&["history", "contoso/none"]).await.exits(1);
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
