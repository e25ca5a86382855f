//! Repeats of reads and writes.

use serde_json::json;

use crate::support::{World, native, offer};

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
