//! `offerctl doctor` names the right cause, whatever is wrong.

use std::time::Duration;

use offerctl::{Options, Sandbox, Seed};
use serde_json::{Value, json};

use crate::support::{Ran, World, native, offer, offerctl, project, run, run_beside, write};

async fn sandbox(token: Option<&str>) -> Sandbox {
    let seed = Seed::Documents(vec![native(&offer("a", "t"))]);
    let token = token.map(ToOwned::to_owned);
    Sandbox::start(Options { seed, token, ..Options::default() }).await.expect("the sandbox starts")
}

/// A project of this publisher, examined against a portal.
async fn examine(url: &str, publisher: &str, env: &[(&str, &str)]) -> Ran {
    let mut declared = offer("a", "t");
    declared["publisherId"] = json!(publisher);
    let folder = project(&[("a", &declared)]);
    let mut command = offerctl(folder.path());
    command.args(["doctor"]).env("OFFERCTL_ENDPOINT", url).envs(env.iter().copied());
    let ran = run_beside(command).await;
    assert!(!ran.stdout.contains("CANARY") && !ran.stderr.contains("CANARY"), "{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// Each line's symbol and the name of what was looked at.
fn verdicts(ran: &Ran) -> Vec<String> {
    let lines = ran.stdout.lines().filter(|line| line.starts_with(['✓', '✗', '?']));
    lines.map(|line| line.split("   ").next().unwrap_or_default().to_owned()).collect()
}

fn line<'a>(ran: &'a Ran, name: &str) -> &'a str {
    let found = ran.stdout.lines().find(|line| line.contains(&format!(" {name}   ")));
    found.unwrap_or_else(|| panic!("no line about {name}:\n{}", ran.stdout))
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well() {
    let portal = sandbox(Some("CANARYright")).await;
    let ran = examine(portal.url(), "contoso", &[("OFFERCTL_TOKEN", "CANARYright")]).await.exits(0);
    let expected = [
        "✓ project",
        "✓ proxy",
        "✓ certificates",
        "✓ credential",
        "✓ network",
        "✓ clock",
        "✓ token",
        "✓ publisher contoso",
    ];
    assert_eq!(verdicts(&ran), expected, "{}", ran.stdout);
    assert!(ran.stdout.ends_with("All checks passed.\n"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token() {
    let portal = sandbox(Some("CANARYright")).await;
    let ran = examine(portal.url(), "contoso", &[("OFFERCTL_TOKEN", "CANARYwrong")]).await.exits(4);
    assert_eq!(
        verdicts(&ran),
        ["✓ project", "✓ proxy", "✓ certificates", "✓ credential", "✓ network", "✓ clock", "✗ token"],
        "{}",
        ran.stdout
    );
    assert!(line(&ran, "token").contains("401"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("next: the portal rejected the token of the credential OFFERCTL_TOKEN"),
        "{}",
        ran.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_api() {
    let portal = sandbox(Some("CANARYright")).await;
    // {"aud":"https://management.azure.com/"}
    let token = "e30.eyJhdWQiOiJodHRwczovL21hbmFnZW1lbnQuYXp1cmUuY29tLyJ9.c2ln";
    let ran = examine(portal.url(), "contoso", &[("OFFERCTL_TOKEN", token)]).await.exits(4);
    let cause = "it is for https://management.azure.com/, but must be for https://cloudpartner.azure.com";
    assert!(ran.stdout.contains(cause), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_publisher() {
    let portal = sandbox(None).await;
    let ran = examine(portal.url(), "fabrikam", &[]).await.exits(4);
    assert!(line(&ran, "credential").ends_with("ok: none (a portal on this machine needs none)"), "{}", ran.stdout);
    let expected = [
        "✓ project",
        "✓ proxy",
        "✓ certificates",
        "✓ credential",
        "✓ network",
        "✓ clock",
        "✓ token",
        "✗ publisher fabrikam",
    ];
    assert_eq!(verdicts(&ran), expected, "{}", ran.stdout);
    assert!(ran.stdout.contains("publisher `fabrikam`"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_by_ten_minutes() {
    let world = World::new(vec![native(&offer("a", "t"))], &[]).await;
    world.advance(Duration::from_mins(10)).await;
    let ran = examine(world.sandbox.url(), "contoso", &[]).await.exits(1);
    let expected = [
        "✓ project",
        "✓ proxy",
        "✓ certificates",
        "✓ credential",
        "✓ network",
        "✗ clock",
        "✓ token",
        "✓ publisher contoso",
    ];
    assert_eq!(verdicts(&ran), expected, "{}", ran.stdout);
    let clock = line(&ran, "clock");
    let ten = ["bad: this machine's clock is 9 min 59 s behind", "bad: this machine's clock is 10 min 0 s behind"];
    assert!(ten.iter().any(|ten| clock.contains(ten)), "{clock}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_network() {
    let ran = examine("http://127.0.0.1:1", "contoso", &[("OFFERCTL_TOKEN", "CANARYtoken")]).await.exits(1);
    assert_eq!(
        verdicts(&ran),
        ["✓ project", "✓ proxy", "✓ certificates", "✓ credential", "✗ network", "? clock", "? permission"],
        "{}",
        ran.stdout
    );
    assert!(line(&ran, "network").contains("no connection"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_and_one_in_part() {
    let folder = project(&[("a", &offer("a", "t"))]);
    // The proxy is one that is not there, so nothing leaves this machine.
    let mut command = offerctl(folder.path());
    command.args(["doctor", "--endpoint", "https://portal.invalid"]).env("HTTPS_PROXY", "http://127.0.0.1:1");
    let none = run(&mut command).exits(4);
    let credential = line(&none, "credential");
    for method in
        ["client-secret: AZURE_CLIENT_SECRET is not set", "az) is not installed", "managed identity: 127.0.0.1"]
    {
        assert!(credential.contains(method), "{method}\n{credential}");
    }
    let partial = examine("http://127.0.0.1:1", "contoso", &[("AZURE_CLIENT_SECRET", "CANARY")]).await.exits(4);
    assert!(line(&partial, "credential").contains("AZURE_TENANT_ID is not set"), "{}", partial.stdout);
}

/// The client would go on without them, and connect directly or trust nobody.
#[test]
fn a_proxy_or_certificates_that_cannot_be_used() {
    let folder = project(&[("a", &offer("a", "t"))]);
    for (name, value, check) in [
        ("HTTPS_PROXY", "\"http://u:CANARY@p:1\"", "proxy"),
        ("HTTPS_PROXY", "http://u:CANARY@p:1\n", "proxy"),
        ("HTTPS_PROXY", "u:CANARY@p:1", "proxy"),
        ("SSL_CERT_FILE", "/nowhere.pem", "certificates"),
        ("SSL_CERT_DIR", "/nowhere", "certificates"),
    ] {
        let ran = |command: &str| {
            let mut offerctl = offerctl(folder.path());
            offerctl.args([command, "--endpoint", "https://portal.invalid"]).env("OFFERCTL_TOKEN", "CANARYtoken");
            run(offerctl.env(name, value)).exits(3)
        };
        let (looked, planned) = (ran("doctor"), ran("plan"));
        assert!(line(&looked, check).starts_with(&format!("✗ {check}   bad: {name} ")), "{}", looked.stdout);
        assert!(planned.stderr.starts_with(&format!("error: {name} ")), "{}", planned.stderr);
        assert!(!(looked.stdout + &planned.stderr).contains("CANARY"));
    }
    let mut command = offerctl(folder.path());
    command.args(["doctor", "--endpoint", "http://127.0.0.1:1"]).env("HTTPS_PROXY", "http://u:CANARY@127.0.0.1:1");
    let shown = run(&mut command).exits(1);
    assert_eq!(line(&shown, "proxy"), "✓ proxy   ok: HTTPS_PROXY is http://REDACTED@127.0.0.1:1/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_with_a_mistake_and_none_at_all() {
    let portal = sandbox(None).await;
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "offers/a.yaml", "publisherId: [");
    let mut command = offerctl(folder.path());
    command.args(["doctor", "-o", "json"]).env("OFFERCTL_ENDPOINT", portal.url());
    let broken = run_beside(command).await.exits(3).json();
    assert_eq!((&broken["format"], &broken["checks"][0]["verdict"]), (&json!("offerctl.doctor"), &json!("bad")));
    assert_eq!(broken["checks"][0]["next"], json!("run `offerctl validate`"));
    let nowhere = tempfile::tempdir().expect("a folder");
    let mut command = offerctl(nowhere.path());
    command.args(["doctor", "contoso/a", "-o", "json"]).env("OFFERCTL_ENDPOINT", portal.url());
    let ran = run_beside(command).await.exits(0).json();
    let names = ran["checks"].as_array().expect("checks").iter().map(|check| check["name"].clone());
    assert_eq!(names.collect::<Vec<Value>>().last(), Some(&json!("publisher contoso")));
}
