//! Addresses that are signed when the draft is written, in whole commands.

use std::process::Command;

use serde_json::{Value, json};

use crate::artifacts::{AZURITE, Azurite};
use crate::support::clients::{node_package, skip};
use crate::support::{World, native, offer, offerctl, run_beside, write};

const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";
const SETTINGS: &str = "[[sas]]\naccount = \"contoso\"\ncontainers = [\"images\"]\n";
const BLOB: &str = "https://contoso.blob.core.windows.net/images/2.vhd";
/// Base64 of 24 bytes.
const KEY: (&str, &str) = ("OFFERCTL_SAS_ACCOUNT_KEY", "Q0FOQVJZa2V5Q0FOQVJZa2V5Q0FOQVJZ");

/// Declares an offer with a second image behind `!sas`, beside the live one.
fn declare(world: &World, address: &str) {
    let mut declared = offer("a", "T");
    declared["definition"]["plans"][0][IMAGES]["2.0.0"] = json!({"osVhdUrl": "@", "lunVhdDetails": []});
    let text = serde_json::to_string_pretty(&declared).expect("JSON");
    write(world.folder.path(), "offers/a.yaml", &text.replace("\"@\"", &format!("!sas {}", json!(address))));
}

fn image(live: &Value) -> String {
    live["definition"]["plans"][0][IMAGES]["2.0.0"]["osVhdUrl"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_is_signed_at_apply_and_no_output_shows_the_signature() {
    let world = World::new(vec![native(&offer("a", "T"))], &[]).await;
    write(world.folder.path(), "offerctl.toml", SETTINGS);
    declare(&world, BLOB);
    world.run(&["validate"]).await.exits(0);
    let planned = world.run(&["plan", "-o", "json"]).await.exits(0).json();
    assert_eq!(planned["offers"][0]["signed_at_apply"], json!([BLOB]));
    let without = world.run(&["apply", "--yes"]).await.exits(3);
    assert!(without.stderr.contains("OFFERCTL_SAS_ACCOUNT_KEY_CONTOSO"), "{}", without.stderr);
    assert_eq!(world.count("PUT", "/offers/a").await, 0);

    world.run(&["plan", "--out", "plan.json"]).await.exits(0);
    let saved = std::fs::read_to_string(world.path("plan.json")).expect("a plan");
    let args = ["apply", "--yes", "plan.json", "-vvv", "-o", "json=report.json"];
    let applied = world.run_with(&args, &[KEY]).await.exits(0);
    let signed = image(&world.live("a").await);
    let (bare, signature) = signed.split_once("?").expect("a signature");
    assert_eq!(bare, BLOB);
    assert!(signature.contains("sr=c&sp=rl&st="), "{bare}");
    let signature = signature.split("sig=").nth(1).expect("a signature");
    world.run(&["snapshot", "--out", "snapshot.json"]).await.exits(0);
    let files = ["report.json", "snapshot.json"].map(|name| std::fs::read_to_string(world.path(name)).expect("a file"));
    for text in [&saved, &applied.stdout, &applied.stderr, &files[0], &files[1]] {
        assert!(!text.contains(signature) && !text.contains("CANARY") && !text.contains(KEY.1));
    }

    // The image is as declared, and needs no key any more.
    world.run(&["plan", "--detailed-exitcode"]).await.exits(0);
    world.run(&["plan", "--detailed-exitcode", "--live", "snapshot.json"]).await.exits(0);
    world.run(&["apply", "--yes"]).await.exits(0);
    let verbose = world.run(&["plan", "-v"]).await.exits(0);
    assert!(verbose.stdout.contains("1 live signature kept (the first ends on "), "{}", verbose.stdout);
    world.run(&["apply", "--yes", "--resend"]).await.exits(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_bound_to_the_accounts() {
    let world = World::new(vec![native(&offer("a", "T"))], &[]).await;
    write(world.folder.path(), "offerctl.toml", SETTINGS);
    declare(&world, BLOB);
    world.run(&["plan", "--out", "plan.json"]).await.exits(0);
    write(world.folder.path(), "offerctl.toml", &SETTINGS.replace("images", "images\", \"other"));
    let refused = world.run_with(&["apply", "--yes", "plan.json"], &[KEY]).await.exits(5);
    assert!(refused.stderr.contains("[sas] of offerctl.toml changed"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_signature_that_ends_soon_is_told_of() {
    let mut live = offer("a", "T");
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(20 * 24);
    let later = soon + jiff::SignedDuration::from_hours(2 * 24);
    for (end, told) in [(soon, true), (later, false)] {
        let signed = format!("{BLOB}?sp=rl&se={}&sig=CANARYsig", end.strftime("%Y-%m-%dT%H:%M:%SZ"));
        live["definition"]["plans"][0][IMAGES]["2.0.0"] = json!({"osVhdUrl": signed, "lunVhdDetails": []});
        let world = World::new(vec![native(&live)], &[]).await;
        write(world.folder.path(), "offerctl.toml", SETTINGS);
        declare(&world, BLOB);
        world.run(&["snapshot", "--out", "snapshot.json"]).await.exits(0);
        for args in [&["plan", "--detailed-exitcode"][..], &["plan", "--detailed-exitcode", "--live", "snapshot.json"]]
        {
            let ran = world.run(args).await.exits(0);
            assert_eq!(ran.stderr.contains("OFR0041"), told, "{args:?}: {}", ran.stderr);
            assert!(!ran.stderr.contains("CANARY"), "{}", ran.stderr);
        }
        write(world.folder.path(), "offerctl.toml", &format!("{SETTINGS}[lints]\nsas-expiry = \"error\"\n"));
        world.run(&["plan"]).await.exits(if told { 3 } else { 0 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_writes_the_address_and_lists_the_account() {
    let world = World::new(vec![native(&offer("a", "T"))], &[]).await;
    let import = async |folder: &std::path::Path| {
        let mut command = offerctl(folder);
        command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).arg("import");
        run_beside(command).await
    };
    let address = "!sas https://images.blob.core.windows.net/vhds/1.vhd";
    let read = |folder: &std::path::Path, name: &str| std::fs::read_to_string(folder.join(name)).expect("a file");

    let fresh = tempfile::tempdir().expect("a folder");
    import(fresh.path()).await.exits(0);
    let text = read(fresh.path(), "offers/contoso/a.yaml");
    assert!(text.contains(address) && !text.contains("CANARY") && !text.contains("sp=rl"), "{text}");
    let entry = "[[sas]]\naccount = \"images\"\ncontainers = [\"vhds\"]\n";
    assert!(read(fresh.path(), "offerctl.toml").contains(entry));

    let there = tempfile::tempdir().expect("a folder");
    write(there.path(), "offerctl.toml", "# mine\n");
    let told = import(there.path()).await.exits(3);
    assert!(told.stderr.contains(entry), "{}", told.stderr);
    assert_eq!(read(there.path(), "offerctl.toml"), "# mine\n");
    write(there.path(), "offerctl.toml", entry);
    for folder in [fresh.path(), there.path()] {
        let mut plan = offerctl(folder);
        plan.env("OFFERCTL_ENDPOINT", world.sandbox.url()).args(["plan", "--detailed-exitcode"]);
        run_beside(plan).await.exits(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_sends_no_signature_to_another_host() {
    let world = World::new(vec![native(&offer("a", "T"))], &[]).await;
    write(world.folder.path(), "offerctl.toml", SETTINGS);
    for address in [
        "https://evil.example/images/2.vhd",
        "https://contoso.blob.core.windows.net@evil.example/images/2.vhd",
        "https://contoso.blob.core.windows.net/secret/2.vhd",
        "https://CONTOSO.blob.core.windows.net/images/2.vhd",
        "https://contoso.blob.core.windows.net/images/../secret/2.vhd",
        "https://contoso.blob.core.windows.net:8443/images/2.vhd",
        "https://contoso.blob.core.windows.net/images/2.vhd?sig=CANARYCANARY",
        "http://contoso.blob.core.windows.net/images/2.vhd",
    ] {
        declare(&world, address);
        let refused = world.run_with(&["validate", "-o", "json"], &[KEY]).await.exits(3).json();
        let found = &refused["diagnostics"][0];
        let place = (&found["code"], &found["file"], found["line"].is_u64(), found["column"].is_u64());
        assert_eq!(place, (&json!("OFR0082"), &json!("offers/a.yaml"), true, true), "{address}: {refused}");
        assert!(!refused.to_string().contains("CANARY"), "{refused}");
        world.run_with(&["apply", "--yes"], &[KEY]).await.exits(3);
    }
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn azurite_accepts_the_signature_that_the_portal_gets() {
    const TEST: &str = "azurite_accepts_the_signature_that_the_portal_gets";
    let modules = tokio::task::spawn_blocking(|| node_package("azurite", AZURITE)).await.expect("it ran");
    let modules = match modules {
        Ok(modules) => modules,
        Err(reason) => return skip(TEST, "node", &reason),
    };
    let azurite = Azurite::start(&modules).expect("Azurite starts");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/foreign_clients/make_container.js");
    let made = Command::new("node").args([script, &azurite.url, "images"]).status().expect("node starts");
    assert!(made.success(), "no container");

    let world = World::new(vec![native(&offer("a", "T"))], &[]).await;
    write(world.folder.path(), "offerctl.toml", &SETTINGS.replace("contoso", "devstoreaccount1"));
    let blob = format!("{}/devstoreaccount1/images/2.vhd", azurite.url);
    world.declare("a", &offer("a", "T"));
    let old = "sv=2018-03-28&sr=c&sp=rl&st=2026-01-01T00:00:00Z&se=2027-01-01T00:00:00Z&sig=b2xkc2lnbmF0dXJl";
    let vhd = format!("{blob}?{old}");
    world.run(&["image", "add", "contoso/a", "basic", "2.0.0", "--vhd", &vhd]).await.exits(0);
    let file = std::fs::read_to_string(world.path("offers/a.yaml")).expect("the file");
    assert!(file.contains(&format!("!sas \"{blob}\"")) && !file.contains("b2xkc2lnbmF0dXJl"), "{file}");
    let key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    world.run_with(&["apply", "--yes", "--through", "preview"], &[(KEY.0, key)]).await.exits(0);
    let signed = image(&world.slot("a", "preview").await);
    let (bare, query) = signed.split_once('?').expect("a signature");
    assert_eq!(bare, blob);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let status = async |url: String| http.get(url).send().await.expect("an answer").status().as_u16();
    // There is no such blob, which only a reader is told; the signature of the container lists it, too.
    assert_eq!(status(signed.clone()).await, 404);
    let container = format!("{}/devstoreaccount1/images?restype=container&comp=list", azurite.url);
    assert_eq!(status(format!("{container}&{query}")).await, 200);
    assert_eq!(status(format!("{container}&{}", query.replace("sp=rl", "sp=rwl"))).await, 403);
    assert_eq!(status(container).await, 403);
}
