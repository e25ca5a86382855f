//! One offer's trouble is its own.

use serde_json::json;

use crate::support::{TITLE, World, native, offer};

async fn three() -> World {
    let live = ["a", "b", "c"].map(|id| native(&offer(id, "old")));
    let files = ["a", "b", "c"].map(|id| (id, offer(id, "new")));
    let files = files.iter().map(|(id, offer)| (*id, offer)).collect::<Vec<_>>();
    World::new(live.to_vec(), &files).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_whose_read_fails_for_ever_is_reported_and_the_others_are_applied() {
    let world = three().await;
    world.fault(json!({"path": "/offers/b", "status": 500, "body": "<html>oops</html>"})).await;
    let applied = world.run(&["apply", "--yes", "--retries", "2"]).await.exits(6);
    assert!(
        applied.stdout.contains("✓ contoso/a   draft updated\n✓ contoso/c   draft updated\n"),
        "{}",
        applied.stdout
    );
    assert!(applied.stdout.contains("? contoso/b   not attempted: it could not be read\n"), "{}", applied.stdout);
    assert!(applied.stdout.contains("500 the answer is a web page, not the API's"), "{}", applied.stdout);
    assert!(applied.stdout.ends_with("Not done: 2 offers applied, 1 not applied.\n"), "{}", applied.stdout);
    assert!(applied.stderr.ends_with(", 2 retries.\n"), "{}", applied.stderr);
    assert_eq!(world.count("GET", "/offers/b").await, 3, "one read and two repetitions");
    world.no_faults().await;
    assert_eq!(world.live("b").await["definition"]["offer"][TITLE], "old");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_whose_write_fails_for_ever_is_reported_and_the_others_are_applied() {
    let world = three().await;
    let body = json!({"Variant": {"serviceName": "Variant", "error": "conflict! Retry is OK.\r\n   at X.Y()", "httpStatusCode": "InternalServerError"}});
    world.fault(json!({"method": "PUT", "path": "/offers/b", "status": 500, "body": body})).await;
    let applied = world.run(&["apply", "--yes", "--retries", "2"]).await.exits(6);
    assert!(applied.stdout.contains("✗ contoso/b   failed\n"), "{}", applied.stdout);
    assert!(applied.stdout.contains("500 Variant: conflict! Retry is OK. (correlation id "), "{}", applied.stdout);
    assert!(!applied.stdout.contains("X.Y"), "a stack frame:\n{}", applied.stdout);
    assert_eq!(world.live("c").await["definition"]["offer"][TITLE], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_proposed_for_what_may_not_be_read() {
    let world = three().await;
    world.fault(json!({"path": "/offers/b", "status": 403, "body": {"error": {"code": "Forbidden", "message": "User does not have the required permissions"}}})).await;
    let planned = world.run(&["plan", "--detailed-exitcode"]).await.exits(6);
    assert!(planned.stdout.contains("? contoso/b   not read; nothing is planned for it\n"), "{}", planned.stdout);
    assert!(
        planned.stdout.contains("hint: add the service principal to the account of publisher `contoso`"),
        "{}",
        planned.stdout
    );
    assert!(!planned.stdout.contains("contoso/b   create"), "{}", planned.stdout);
    let json = world.run(&["plan", "-o", "json"]).await.exits(6).json();
    assert_eq!(json["complete"], json!(false));
    assert_eq!(json["unread"][0]["offer"], json!("contoso/b"));
    world.run(&["apply", "--yes", "contoso/b"]).await.exits(4);
    assert_eq!(world.count("PUT", "/offers/b").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_that_is_not_the_portals_is_not_absence() {
    for body in [json!("<html>not found</html>"), json!(null), json!({"detail": "gone"})] {
        let world = three().await;
        world.fault(json!({"path": "/offers/b", "status": 404, "body": body})).await;
        let planned = world.run(&["plan", "contoso/b"]).await.exits(1);
        assert!(planned.stdout.contains("nothing is planned for it"), "{body}: {}", planned.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_looked_for_not_repeated() {
    let world = three().await;
    world.fault(json!({"method": "PUT", "path": "/offers/b", "status": 502, "after": true, "times": 1})).await;
    let applied = world.run(&["apply", "--yes", "contoso/b"]).await.exits(0);
    assert!(applied.stdout.contains("✓ contoso/b   draft updated"), "{}", applied.stdout);
    assert_eq!(world.count("PUT", "/offers/b").await, 1);
}
