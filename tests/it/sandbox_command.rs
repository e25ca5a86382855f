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
