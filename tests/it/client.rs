//! Repeats of reads and writes.

use serde_json::json;

use crate::support::{TITLE, World, native, offer, write};

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_repeated_while_it_may_help_and_writes_are_not() {
    let world = World::new(vec![native(&offer("a", "t"))], &[("a", &offer("a", "t"))]).await;
    for status in [408, 429, 500, 502, 503, 504] {
        world.fault(json!({"method": "GET", "path": "/api/", "status": status, "times": 2, "headers": {"Retry-After": "0"}})).await;
        let planned = world.run(&["plan"]).await.exits(0);
        assert!(planned.stdout.starts_with("No changes"), "{status}: {}", planned.stdout);
    }
    for (status, code) in [(400, 1), (401, 4), (403, 4), (409, 1)] {
        world.fault(json!({"method": "GET", "path": "/api/", "status": status, "times": 1})).await;
        world.run(&["plan"]).await.exits(code);
    }
}

/// Editors on Windows save a text with a byte order mark.
#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_in_a_file_is_no_part_of_it() {
    let world = World::new(vec![native(&offer("a", "old"))], &[]).await;
    let file = offer("a", "@T@").to_string().replace("\"@T@\"", "!file ../title.txt");
    let mark = |name: &str| {
        let text = std::fs::read_to_string(world.path(name)).expect("a file");
        write(world.folder.path(), name, &format!("\u{feff}{text}"));
    };
    for (name, text) in [("offers/a.yaml", file.as_str()), ("title.txt", "new"), ("offerctl.toml", "parallelism = 2")] {
        write(world.folder.path(), name, text);
        mark(name);
    }
    world.run(&["snapshot", "--out", "live.json"]).await.exits(0);
    mark("live.json");
    world.run(&["plan", "--live", "live.json"]).await.exits(0);
    world.run(&["plan", "--out", "p.json"]).await.exits(0);
    mark("p.json");
    world.run(&["apply", "p.json", "--yes", "-o", "json=receipt.json"]).await.exits(0);
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "new");
    mark("receipt.json");
    world.run(&["drift", "--base", "receipt.json"]).await.exits(0);
    std::fs::write(world.path("title.txt"), b"\xff\xfen\0e\0w\0").expect("written");
    let wide = world.run(&["validate"]).await.exits(3);
    assert!(wide.stdout.contains("UTF-16"), "{}", wide.stdout);
}
