//! A run that is killed is picked up by the next one, with nothing but the portal's state.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use crate::support::{Ran, count, native, offer, offerctl, project, requests, run, serve as serve_with, write};

/// A portal of its own process, and its base URL.
fn serve(folder: &std::path::Path, step_time: &str) -> (Child, String) {
    serve_with(folder, &["--seed", "seed", "--step-time", step_time, "--state", "state.json"])
}

/// Starts a command, and returns when a line of its stderr holds this text.
fn start_until(folder: &std::path::Path, url: &str, args: &[&str], text: &str) -> Child {
    let mut child = offerctl(folder)
        .args(args)
        .args(["--endpoint", url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let stderr = BufReader::new(child.stderr.as_mut().expect("stderr"));
    let seen = stderr.lines().map_while(Result::ok).any(|line| line.contains(text));
    assert!(seen, "`{text}` never came");
    child
}

fn log(url: &str) -> Vec<serde_json::Value> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(requests(&reqwest::Client::new(), url))
}

fn at(folder: &std::path::Path, url: &str, args: &[&str]) -> Ran {
    run(offerctl(folder).args(args).args(["--endpoint", url]))
}

fn world() -> tempfile::TempDir {
    let folder = project(&[("a", &offer("a", "new"))]);
    write(folder.path(), "seed/a.json", &native(&offer("a", "old")).to_string());
    folder
}

#[test]
fn a_killed_apply_is_finished_by_wait_and_apply_and_goes_live_once() {
    let folder = world();
    let (mut portal, url) = serve(folder.path(), "150ms");
    let args = ["apply", "--yes", "--through", "live"];
    let mut killed = start_until(folder.path(), &url, &args, "contoso/a: published");
    killed.kill().expect("SIGKILL");
    killed.wait().expect("gone");

    let elsewhere = tempfile::tempdir().expect("a folder without a project");
    let waited = at(elsewhere.path(), &url, &["wait", "contoso/a"]).exits(0);
    assert!(waited.stdout.contains("✓ contoso/a   in preview"), "{}", waited.stdout);
    assert!(waited.stdout.contains("run `offerctl go-live contoso/a`"), "{}", waited.stdout);

    let finished = at(folder.path(), &url, &args).exits(0);
    assert!(finished.stdout.contains("> contoso/a   release   native"), "{}", finished.stdout);
    assert!(finished.stdout.contains("then: go live → wait until live"), "{}", finished.stdout);
    assert!(finished.stdout.contains("✓ contoso/a   signed off, live"), "{}", finished.stdout);
    let requests = log(&url);
    assert_eq!(count(&requests, "POST", "/golive"), 1);
    assert_eq!(count(&requests, "POST", "/publish"), 1);
    assert_eq!(count(&requests, "PUT", "/offers/a"), 1);
    portal.kill().expect("SIGKILL");
    portal.wait().expect("gone");
}

#[test]
fn a_running_publish_of_the_same_content_is_joined() {
    let folder = world();
    let (mut portal, url) = serve(folder.path(), "400ms");
    let args = ["apply", "--yes", "--through", "live"];
    let mut killed = start_until(folder.path(), &url, &args, "contoso/a: published");
    killed.kill().expect("SIGKILL");
    killed.wait().expect("gone");
    let joined = at(folder.path(), &url, &args).exits(0);
    assert!(
        joined.stdout.contains("then: join the running publish → wait for sign-off → go live"),
        "{}",
        joined.stdout
    );
    assert_eq!(count(&log(&url), "POST", "/publish"), 1);

    // Other content must not ride on somebody's running operation.
    write(folder.path(), "offers/a.yaml", &offer("a", "newer").to_string());
    let mut killed = start_until(folder.path(), &url, &args, "contoso/a: published");
    killed.kill().expect("SIGKILL");
    killed.wait().expect("gone");
    write(folder.path(), "offers/a.yaml", &offer("a", "newest").to_string());
    let refused = at(folder.path(), &url, &args).exits(5);
    assert!(refused.stdout.contains("the portal runs a publish of other content"), "{}", refused.stdout);
    assert_eq!(count(&log(&url), "PUT", "/offers/a"), 2);
    portal.kill().expect("SIGKILL");
    portal.wait().expect("gone");
}

#[test]
fn ctrl_c_says_what_goes_on_and_how_to_come_back() {
    let folder = world();
    let (mut portal, url) = serve(folder.path(), "5s");
    let child = start_until(folder.path(), &url, &["apply", "--yes", "--through", "live"], "in progress");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    let output = child.wait_with_output().expect("ends");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(130), "{stdout}");
    assert!(stdout.contains("interrupted; operations continue in the portal"), "{stdout}");
    assert!(stdout.contains("run `offerctl wait contoso/a`"), "{stdout}");
    portal.kill().expect("SIGKILL");
    portal.wait().expect("gone");
}
