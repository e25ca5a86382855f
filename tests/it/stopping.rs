//! A wish to stop is noticed while a large offer is compared, not only between requests.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{World, native, offer};

/// An offer whose comparison takes seconds: an ordered list, the one way round or the other.
fn large(reversed: bool) -> Value {
    const MEMBERS: usize = 40_000;
    let mut members = (0..MEMBERS).map(|n| format!("m{}", n * 7919 % MEMBERS)).collect::<Vec<_>>();
    if reversed {
        members.reverse();
    }
    let mut large = offer("a", if reversed { "new" } else { "old" });
    large["definition"]["offer"]["members"] = json!(members);
    large
}

/// Runs a command, and sends the signal when it has read the offer for the nth time. Returns its exit code, and what it
/// wrote to stdout.
fn stopped(world: &World, args: &[&str], signal: &str, nth: usize) -> (Option<i32>, String) {
    let mut command = world.command(args);
    command.env("OFFERCTL_LOG", "offerctl=debug").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines().map_while(Result::ok);
    let reads = lines.by_ref().filter(|line| line.contains("/offers/a") && line.contains("status=200"));
    assert!(reads.take(nth).count() == nth, "{args:?} ended by itself");
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill").success());
    let drained = std::thread::spawn(move || lines.count());
    let mut stdout = String::new();
    child.stdout.take().expect("stdout").read_to_string(&mut stdout).expect("UTF-8");
    drained.join().expect("read");
    (child.wait().expect("it ended").code(), stdout)
}

/// A comparison that was not given up would end with its result and another exit code.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_comparison_is_given_up() {
    let world = World::new(vec![native(&large(false))], &[("a", &large(true))]).await;
    for (command, signal) in [("plan", "-TERM"), ("plan", "-INT"), ("drift", "-TERM")] {
        let (code, stdout) = tokio::task::block_in_place(|| stopped(&world, &[command, "-o", "json"], signal, 1));
        assert_eq!(code, Some(130), "{command} {signal}: {stdout:.200}");
        let document = serde_json::from_str::<Value>(&stdout).expect("a document");
        assert_eq!((&document["format"], &document["exit_code"]), (&json!("offerctl.error"), &json!(130)));
    }
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
}

/// The draft was read again, and the write would be the next request.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_once_the_comparison_before_it_was_interrupted() {
    let world = World::new(vec![native(&large(false))], &[("a", &large(true))]).await;
    let apply = ["apply", "--yes", "-o", "json"];
    let (code, stdout) = tokio::task::block_in_place(|| stopped(&world, &apply, "-TERM", 2));
    assert_eq!(code, Some(130), "{stdout:.200}");
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
}
