//! Streams that are closed, full, or left by their reader, and reports that have no place to go.

use std::process::{Command, Stdio};

use crate::support::{TITLE, World, native, offer, run_beside};

async fn world() -> World {
    World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await
}

/// The binary, started by a shell that redirects its streams.
fn redirected(world: &World, args: &[&str], redirection: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("exec \"$0\" \"$@\" {redirection}"), env!("CARGO_BIN_EXE_offerctl")])
        .args(args)
        .current_dir(world.folder.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("OFFERCTL_ENDPOINT", world.sandbox.url())
        .stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_written_is_found_before_anything_else_is() {
    for path in ["/nonexistent/report.json", "offers", "offers/a.yaml/report.json"] {
        let world = world().await;
        let ran = world.run(&["apply", "--yes", "-o", &format!("json={path}")]).await.exits(1);
        assert!(ran.stderr.contains(path), "{path} is not named:\n{}", ran.stderr);
        assert_eq!(world.count("PUT", "/offers/a").await, 0, "{path}");
        assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "old", "{path}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_report_goes_through_a_pipe_and_behind_a_link_and_leaves_both_in_their_place() {
    use std::os::unix::fs::FileTypeExt as _;
    let world = world().await;
    let (pipe, link, behind) = (world.path("pipe"), world.path("link.json"), world.path("behind.json"));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    std::fs::write(&behind, "old").expect("written");
    std::os::unix::fs::symlink(&behind, &link).expect("a link");
    let at_the_end = pipe.clone();
    let reader = std::thread::spawn(move || std::fs::read_to_string(at_the_end).expect("read"));
    world.run(&["plan", "-o", "json=pipe", "-o", "json=link.json"]).await.exits(0);
    let kind = std::fs::symlink_metadata(&pipe).expect("it is there").file_type();
    assert!(kind.is_fifo(), "a file took the place of the pipe");
    let piped = reader.join().expect("it ends");
    assert!(piped.contains("offerctl.plan"), "{piped}");
    assert!(link.is_symlink(), "a file took the place of the link");
    assert_eq!(std::fs::read_to_string(&behind).expect("read"), piped);
    world.run(&["plan", "-o", "json=/dev/stderr"]).await.exits(0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn closed_streams_do_not_stop_the_work() {
    let world = world().await;
    let table: [(&[&str], &str); 3] =
        [(&["plan"], ">&-"), (&["plan", "-vv"], "2>&-"), (&["apply", "--yes", "-v"], ">&- 2>&-")];
    for (args, redirection) in table {
        run_beside(redirected(&world, args, redirection)).await.exits(0);
    }
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_is_no_error() {
    let world = world().await;
    for args in [&["plan"][..], &["plan", "-o", "json"], &["status"]] {
        let mut command = world.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
        drop(child.stdout.take());
        let status = tokio::task::spawn_blocking(move || child.wait()).await.expect("joined").expect("ends");
        assert_eq!(status.code(), Some(0), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_finds_no_room_is_not_success() {
    let world = world().await;
    for args in [&["plan", "-o", "json"][..], &["status", "-o", "json"]] {
        run_beside(redirected(&world, args, ">/dev/full")).await.exits(1);
    }
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().expect("a file").permissions().mode() & 0o7777
}

#[cfg(unix)]
fn set_mode(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("set");
}

/// Runs a command line of a shell, in which `offerctl` is the binary.
#[cfg(unix)]
async fn shell(world: &World, script: &str) -> crate::support::Ran {
    let mut command = Command::new("sh");
    let script = script.replace("offerctl ", &format!("'{}' ", env!("CARGO_BIN_EXE_offerctl")));
    command.args(["-c", &script]).current_dir(world.folder.path()).env_clear().env("PATH", "/usr/bin:/bin");
    command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).stdin(Stdio::null());
    run_beside(command).await
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn reports_follow_the_umask_and_plans_and_snapshots_are_private() {
    use std::os::unix::fs::MetadataExt as _;
    let world = world().await;
    for (umask, report) in [("022", 0o644), ("007", 0o660), ("077", 0o600)] {
        let script = format!("umask {umask}; rm -f f.*; offerctl plan -o json=f.json -o markdown=f.md --out f.plan");
        shell(&world, &script).await.exits(0);
        let modes = ["f.json", "f.md", "f.plan"].map(|name| mode(&world.path(name)));
        assert_eq!(modes, [report, report, 0o600], "{umask}");
    }
    shell(&world, "umask 022; offerctl snapshot --out f.snapshot").await.exits(0);
    assert_eq!(mode(&world.path("f.snapshot")), 0o600);

    // What is there keeps its mode and owner; a plan that is there becomes private.
    let report = world.path("f.json");
    set_mode(&report, 0o664);
    set_mode(&world.path("f.plan"), 0o664);
    // Only root can give files away.
    let _ = std::os::unix::fs::chown(&report, Some(12_345), Some(54_321));
    let before = report.metadata().expect("a file");
    shell(&world, "umask 077; offerctl plan -o json=f.json --out f.plan").await.exits(0);
    let after = report.metadata().expect("a file");
    assert_eq!((mode(&report), after.uid(), after.gid()), (0o664, before.uid(), before.gid()));
    assert_eq!(mode(&world.path("f.plan")), 0o600);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_writable_in_a_folder_that_is_not_is_written() {
    use std::os::unix::fs::MetadataExt as _;
    let world = world().await;
    std::fs::create_dir(world.path("out")).expect("a folder");
    let (report, plan) = (world.path("out/report.json"), world.path("out/plan"));
    for file in [&report, &plan] {
        std::fs::write(file, "x".repeat(1 << 20)).expect("written");
        set_mode(file, 0o640);
    }
    set_mode(&world.path("out"), 0o555);
    let before = report.metadata().expect("a file").ino();
    // The right to write everywhere is taken from root.
    let run = "if [ $(id -u) = 0 ]; then set -- setpriv --bounding-set -dac_override; fi; exec \"$@\" ";
    let ran = shell(&world, &format!("{run} offerctl plan -o json=out/report.json --out out/plan")).await;
    let missing = shell(&world, &format!("{run} offerctl plan -o json=out/other.json")).await;
    set_mode(&world.path("out"), 0o755);
    ran.exits(0);
    missing.exits(1);
    let text = std::fs::read_to_string(&report).expect("a file");
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    assert_eq!((report.metadata().expect("a file").ino(), mode(&report)), (before, 0o640));
    assert_eq!(mode(&plan), 0o600);
}
