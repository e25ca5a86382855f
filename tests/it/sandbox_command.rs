//! The embedded portal as a process of its own.

use crate::support::{migrated, native, offer, offerctl, run, serve, write};

fn get(url: &str, token: &str) -> (u16, Option<String>, serde_json::Value) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.expect("an answer");
        let etag = answer.headers().get("etag").and_then(|v| v.to_str().ok()).map(ToOwned::to_owned);
        (answer.status().as_u16(), etag, answer.json().await.expect("JSON"))
    })
}

#[test]
fn it_prints_its_url_first_checks_the_token_and_saves_its_state_on_sigterm() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "seed/a.json", &native(&offer("a", "t")).to_string());
    write(folder.path(), "seed/b.json", &migrated(&offer("b", "t")).to_string());
    let args = ["--seed", "seed", "--state", "deep/state.redb", "--token", "s3cret-token"];
    let (mut child, base) = serve(folder.path(), &args);
    assert!(base.starts_with("http://127.0.0.1:"), "{base}");
    let of = |id: &str| format!("{base}/api/publishers/contoso/offers/{id}?api-version=2017-10-31");
    assert_eq!(get(&of("a"), "wrong").0, 401);
    let (status, etag, document) = get(&of("a"), "s3cret-token");
    assert_eq!((status, document["id"].as_str()), (200, Some("a")));
    assert!(etag.is_some_and(|etag| etag.starts_with("W/")));
    assert_eq!(get(&of("b"), "s3cret-token").1, None, "a migrated offer has no ETag");

    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    assert_eq!(child.wait().expect("ends").code(), Some(0));
    assert!(folder.path().join("deep/state.redb").is_file());
}

#[test]
fn what_cannot_be_served_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let outside = run(offerctl(folder.path()).args(["sandbox", "--listen", "0.0.0.0:0"])).exits(3);
    assert!(outside.stderr.contains("loopback"), "{}", outside.stderr);
    write(folder.path(), "seed/bad.json", "{");
    let broken = run(offerctl(folder.path()).args(["sandbox", "--listen", "127.0.0.1:0", "--seed", "seed"])).exits(3);
    assert!(broken.stderr.contains("bad.json"), "{}", broken.stderr);
}

#[test]
fn options_are_checked_before_anything_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "faults.yaml", "faults:\n  - status: 500\n    tiems: 3\n");
    write(folder.path(), "broken.yaml", "faults:\n  - status: [500\n");
    write(folder.path(), "state.json", "{\"format\": 1}");
    let refused = |args: &[&str], code: i32, said: &str| {
        let ran = run(offerctl(folder.path()).args(["sandbox", "--listen", "127.0.0.1:0"]).args(args)).exits(code);
        assert!(ran.stderr.contains(said) && ran.stdout.is_empty(), "{args:?}: {}", ran.stderr);
    };
    refused(&["--faults", "faults.yaml"], 3, "tiems");
    refused(&["--faults", "broken.yaml"], 3, "broken.yaml:");
    refused(&["--faults", "none.yaml"], 1, "none.yaml");
    refused(&["--set", "final-word=done"], 3, "completed");
    refused(&["--set", "final-wort=complete"], 3, "final-word");
    refused(&["--client", "app"], 3, "ID:SECRET");
    refused(&["--clock", "yesterday"], 3, "stepped");
    refused(&["--state", "state.json"], 1, "earlier version");
    assert_eq!(std::fs::read_to_string(folder.path().join("state.json")).expect("read"), "{\"format\": 1}");
    refused(&["--no-auth", "--token", "t"], 3, "cannot be used with");
}

#[test]
fn what_is_given_on_the_command_line_is_what_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "seed/a.json", &native(&offer("a", "t")).to_string());
    let faults =
        "seed: 3\nfaults:\n  - route: offers\n    times: 1\n    status: 429\n    retryAfter: 7\n    body: {a: 1}\n";
    write(folder.path(), "faults.yaml", faults);
    let args = ["--seed", "seed", "--faults", "faults.yaml", "--clock", "2030-01-31T12:00:00Z", "--expose"];
    let (mut child, base) = serve(folder.path(), &[&args[..], &["--set", "etag-on-published=true"]].concat());
    let list = format!("{base}/api/publishers/contoso/offers?api-version=2017-10-31");
    assert_eq!(get(&list, "any").0, 429);
    assert_eq!(get(&list, "any").0, 200);
    let (_, _, faults) = get(&format!("{base}/_sandbox/faults"), "any");
    let expected = serde_json::json!({"seed": 3, "faults": [{"name": "429", "matched": 1, "struck": 1}]});
    assert_eq!(faults, expected, "what has run out is not counted on");
    let (_, _, clock) = get(&format!("{base}/_sandbox/clock"), "any");
    assert_eq!(clock["nowMs"], 1_896_091_200_000_u64);
    child.kill().expect("killed");
    child.wait().expect("ended");
}
