//! Streams, colour, questions and usage.

use crate::support::{World, native, offer, offerctl, project, run};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_where_nobody_can_answer() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let refused = world.run(&["apply"]).await.exits(3);
    assert!(refused.stderr.contains("hint: pass --yes"), "{}", refused.stderr);
    assert_eq!(world.count("PUT", "").await, 0);
    world.run(&["apply", "--yes"]).await.exits(0);
}

/// A pipeline may have relied on the variable for safety, so ignoring it would be worse than an error.
#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_no_longer_read_is_an_error_that_names_the_flag() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    for (args, variable, flag) in [
        (&["apply", "--yes"][..], ("OFFERCTL_THROUGH", "draft"), "--through"),
        (&["apply", "--yes"], ("OFFERCTL_EXPECT_PLAN", "0123456789ab"), "--expect-plan"),
        (&["apply"], ("OFFERCTL_YES", "0"), "--yes"),
        (&["plan"], ("OFFERCTL_OUT", "both.json"), "--out"),
        (&["snapshot", "--out", "live.json"], ("OFFERCTL_OUT", "both.json"), "--out"),
    ] {
        let refused = world.run_with(args, &[variable]).await.exits(3);
        let hint = format!("hint: unset {}, and pass {flag} to `offerctl {}`", variable.0, args[0]);
        assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
    }
    assert_eq!(world.count("PUT", "").await, 0);
    assert!(!["both.json", "live.json"].iter().any(|file| world.path(file).exists()));
    // It says nothing to a command without the flag, and an empty one is none.
    world.run_with(&["validate"], &[("OFFERCTL_THROUGH", "draft")]).await.exits(0);
    world.run_with(&["plan"], &[("OFFERCTL_THROUGH", "")]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn colour_is_asked_for_or_absent() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let plain = world.run(&["plan"]).await.exits(0).stdout;
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let forced = world.run_with(&["plan"], &[("CLICOLOR_FORCE", "1")]).await.exits(0).stdout;
    assert!(forced.contains("\u{1b}["), "{forced:?}");
    let refused = world.run_with(&["plan"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).await.exits(0).stdout;
    assert_eq!(refused, plain);
    let always = world.run_with(&["plan", "--color", "always"], &[("NO_COLOR", "1")]).await.exits(0).stdout;
    assert!(always.contains("\u{1b}["), "{always:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_leaves_the_result() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let applied = world.run(&["apply", "--yes", "-q"]).await.exits(0);
    assert_eq!(applied.stderr, "");
    assert!(applied.stdout.contains("✓ contoso/a   draft updated"), "{}", applied.stdout);
}

#[test]
fn wrong_usage_is_3_and_help_is_0() {
    let folder = project(&[]);
    run(offerctl(folder.path()).args(["plan", "--nonsense"])).exits(3);
    run(offerctl(folder.path()).args(["--parallelism", "0", "plan"])).exits(3);
    let help = run(offerctl(folder.path()).arg("--help")).exits(0);
    assert!(help.stdout.contains("validate") && help.stdout.contains("sandbox"), "{}", help.stdout);
    run(offerctl(folder.path()).arg("--version")).exits(0);
}

#[test]
fn a_portal_needs_https_and_a_token() {
    let folder = project(&[("a", &offer("a", "t"))]);
    let plain = run(offerctl(folder.path()).args(["plan", "--endpoint", "http://cloudpartner.azure.com"])).exits(3);
    assert!(plain.stderr.contains("plain http is for loopback only"), "{}", plain.stderr);
    let missing = run(offerctl(folder.path()).args(["plan", "--endpoint", "https://portal.invalid"])).exits(4);
    assert!(missing.stderr.contains("set OFFERCTL_TOKEN, or "), "{}", missing.stderr);
}

#[test]
fn a_portal_that_is_not_there_is_1() {
    let folder = project(&[("a", &offer("a", "t"))]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let planned = run(offerctl(folder.path()).args(["plan", "--retries", "1", "--endpoint", &url])).exits(1);
    assert!(planned.stdout.contains("no connection"), "{}", planned.stdout);
    assert!(planned.stdout.contains("check the network, and the endpoint"), "{}", planned.stdout);
}
