//! Bad networks and portals in a bad mood: what is read is right or is said not to be, and no write is made twice in
//! the dark.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use offerctl::{MissingIfMatch, Profile, Switches};
use serde_json::{Value, json};

use crate::support::front::{Act, Front, Request};
use crate::support::{Ran, TITLE, World, http_answer, migrated, native, offer, offerctl, run_beside};

async fn run(world: &World, front: &Front, args: &[&str]) -> Ran {
    let mut command = offerctl(world.folder.path());
    command.args(args).env("OFFERCTL_ENDPOINT", &front.url).env("OFFERCTL_TOKEN", "CANARYtoken");
    run_beside(command).await
}

/// A number that is the same for the same request, whatever the order of requests.
fn dice(request: &Request) -> usize {
    let text = format!("{} {} {}", request.method, request.path, request.earlier);
    // FNV-1a.
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    usize::try_from(hash >> 40).unwrap_or_default()
}

/// One of five ways in which a request goes wrong.
fn storm(way: usize) -> Act {
    match way % 5 {
        0 => {
            let error = "snapshot() resulted in an internal conflict! Retry is OK.\r\n   at A.B() in C:\\x.cs:line 3";
            let service = json!({"serviceName": "Variant", "error": error, "httpStatusCode": "InternalServerError"});
            Act::json("500 Internal Server Error", &json!({"Variant": service}))
        }
        1 => Act::Instead(http_answer("503 Service Unavailable\r\nretry-after: 0", b"")),
        2 => Act::Instead(http_answer("502 Bad Gateway", b"<html><title>502 Bad Gateway</title></html>")),
        3 => Act::Cut,
        _ => Act::Drop,
    }
}

/// Two hundred offers, of which every tenth is to change.
async fn many() -> World {
    let ids = (0..200).map(|n| format!("offer-{n:03}")).collect::<Vec<_>>();
    let on_portal = |n: usize| if n.is_multiple_of(2) { native } else { migrated };
    let live = ids.iter().enumerate().map(|(n, id)| on_portal(n)(&offer(id, "old"))).collect();
    let title = |n: usize| if n.is_multiple_of(10) { "new" } else { "old" };
    let declared = ids.iter().enumerate().map(|(n, id)| {
        let mut declared = offer(id, title(n));
        declared["reconcile"] = json!({"through": if n.is_multiple_of(10) { "preview" } else { "draft" }});
        declared
    });
    let declared = declared.collect::<Vec<_>>();
    let files = ids.iter().map(String::as_str).zip(&declared).collect::<Vec<_>>();
    World::new(live, &files).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_third_of_all_reads_failing_in_five_ways_a_plan_is_whole_and_right() {
    let world = many().await;
    let expected = world.run(&["plan"]).await.exits(0).stdout;
    let failed = Arc::new([const { AtomicUsize::new(0) }; 5]);
    let counted = Arc::clone(&failed);
    let front = Front::before(world.sandbox.url(), move |request| match dice(request) {
        dice if dice % 10 < 3 => {
            let way = dice / 10 % 5;
            counted[way].fetch_add(1, Ordering::SeqCst);
            storm(way)
        }
        _ => Act::Forward,
    });
    let planned = run(&world, &front, &["plan", "--parallelism", "6"]).await.exits(0);
    assert_eq!(planned.stdout, expected, "the storm changed the plan");
    assert!(expected.starts_with("Plan: 20 to update"), "{expected}");
    let ways = failed.iter().map(|count| count.load(Ordering::SeqCst)).collect::<Vec<_>>();
    assert!(ways.iter().all(|count| *count > 5), "{ways:?}");
    assert!(front.most_at_once() <= 6, "{} at once", front.most_at_once());
    let requests = front.log().len();
    assert!(planned.stderr.contains(&format!("{requests} requests to ")), "{requests}\n{}", planned.stderr);
}

/// Requests that fail, half of them before they took effect and half after; reads fail too.
#[tokio::test(flavor = "multi_thread")]
async fn with_writes_failing_too_everything_is_written_once_and_nothing_is_repeated_in_the_dark() {
    let world = many().await;
    let front = Front::before(world.sandbox.url(), move |request| {
        let dice = dice(request);
        match (request.method.as_str(), request.earlier) {
            ("GET", _) if dice % 10 < 2 => storm(dice / 10),
            // Every first PUT goes wrong, in one of the five ways or after it took effect.
            ("PUT", 0) if dice.is_multiple_of(2) => Act::DropAfter,
            ("PUT", 0) => storm(dice / 10),
            // The answer to a publish is lost, or the portal has no time yet.
            ("POST", 0) if dice.is_multiple_of(2) => Act::DropAfter,
            ("POST", 0) => Act::Instead(http_answer("429 Too Many Requests\r\nretry-after: 0", b"")),
            _ => Act::Forward,
        }
    });
    let applied = run(&world, &front, &["apply", "--yes", "--parallelism", "5"]).await.exits(0);
    assert!(applied.stdout.contains("Done: 20 offers applied, 180 unchanged."), "{}", applied.stdout);
    assert!(front.most_at_once() <= 5, "{} at once", front.most_at_once());
    for n in (0..200).step_by(10) {
        let id = format!("offer-{n:03}");
        assert_eq!(world.slot(&id, "preview").await["definition"]["offer"][TITLE], "new", "{id}");
        assert_eq!(world.count("POST", &format!("/{id}/publish")).await, 1, "{id} was published more than once");
        assert_eq!(world.count("PUT", &format!("/offers/{id}")).await, 1, "{id} was written more than once");
        never_blindly(&front.log(), &id);
    }
}

/// Between two PUTs of an offer stands a GET of it; between two POSTs, one of its submissions.
fn never_blindly(log: &[Request], id: &str) {
    let mine = log.iter().filter(|request| request.route().contains(&format!("/offers/{id}"))).collect::<Vec<_>>();
    for (write, read) in [("PUT", format!("/offers/{id}")), ("POST", "/submissions".to_owned())] {
        let mut read_since = true;
        for request in &mine {
            if request.method == write {
                assert!(read_since, "{write} of {id} was repeated in the dark");
                read_since = false;
            } else if request.method == "GET" && request.route().ends_with(&read) {
                read_since = true;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_whose_answer_is_lost_is_not_repeated_though_it_did_not_start() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let front = Front::before(world.sandbox.url(), |request| match request.method.as_str() {
        "POST" => Act::Drop,
        _ => Act::Forward,
    });
    let failed = run(&world, &front, &["apply", "--yes", "--through", "preview"]).await.exits(1);
    assert!(failed.stdout.contains("✗ contoso/a   draft updated, failed"), "{}", failed.stdout);
    assert_eq!(front.log().iter().filter(|request| request.method == "POST").count(), 1);
}

/// A write goes over a connection of its own, so that a server that closes kept ones in the middle of a request cannot
/// leave it in doubt; a read is asked again over another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_ends_when_it_is_used_again_costs_no_write() {
    for on_portal in [native as fn(&Value) -> Value, migrated] {
        let world = World::new(vec![on_portal(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
        let front = Front::before(world.sandbox.url(), |_| Act::Keep);
        run(&world, &front, &["apply", "--yes", "--through", "live", "--retries", "1"]).await.exits(0);
        let log = front.log();
        let seen = |method: &str| log.iter().filter(|request| request.method == method).count();
        assert_eq!((seen("PUT"), seen("POST")), (1, 2), "{:?}", log.iter().map(Request::route).collect::<Vec<_>>());
        assert!(log.iter().any(|request| request.earlier > 0), "no kept connection was used again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_meets_another_ones_edit_is_not_repeated_over_it() {
    for on_portal in [native as fn(&Value) -> Value, migrated] {
        let world = World::new(vec![on_portal(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
        let sandbox = world.sandbox.url().to_owned();
        let theirs = on_portal(&offer("a", "THEIRS"));
        let front = Front::before(&sandbox.clone(), move |request| {
            if request.method != "PUT" {
                return Act::Forward;
            }
            // The line breaks, and before anybody looks again, somebody saves the offer in the portal.
            saved_by_hand(&sandbox, &theirs);
            Act::Drop
        });
        let ran = run(&world, &front, &["apply", "--yes"]).await;
        assert_ne!(ran.code, 0, "{}", ran.stdout);
        assert_eq!(front.log().iter().filter(|request| request.method == "PUT").count(), 1, "{}", ran.stdout);
        assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "THEIRS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_throttles_narrows_the_whole_run() {
    let world = many().await;
    let throttled = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&throttled);
    let front = Front::before(world.sandbox.url(), move |request| match request.earlier {
        0 if seen.load(Ordering::SeqCst) < 3 && request.path.contains("/offer-00") => {
            seen.fetch_add(1, Ordering::SeqCst);
            Act::Instead(http_answer("429 Too Many Requests\r\nretry-after: 0", b""))
        }
        _ => Act::Forward,
    });
    let planned = run(&world, &front, &["plan", "-v", "--parallelism", "8"]).await.exits(0);
    assert!(planned.stdout.starts_with("Plan: 20 to update, 180 unchanged"), "{}", planned.stdout);
    assert!(planned.stderr.contains("at_once=4"), "{}", planned.stderr);
    assert!(planned.stderr.ends_with(", 3 retries.\n"), "{}", planned.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_sends_no_more_requests_than_it_may_and_says_what_is_missing() {
    let world = many().await;
    let front = Front::before(world.sandbox.url(), |_| Act::Forward);
    let planned = run(&world, &front, &["plan", "--through", "draft", "--max-requests", "50"]).await.exits(6);
    assert_eq!(front.log().len(), 50);
    assert!(planned.stdout.contains("150 not read"), "{}", planned.stdout);
    assert!(planned.stdout.contains("not sent: request limit reached (--max-requests 50)"), "{}", planned.stdout);
    assert!(planned.stdout.contains("hint: pass a higher --max-requests"), "{}", planned.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_given_up_when_its_budget_is_spent_and_the_others_are_not() {
    let world = World::new(vec![native(&offer("a", "t")), native(&offer("b", "t"))], &[]).await;
    world.declare("a", &offer("a", "t"));
    world.declare("b", &offer("b", "t"));
    let front = Front::before(world.sandbox.url(), |request| match request.path.contains("/offers/a?") {
        true => Act::Instead(http_answer("503 Busy\r\nretry-after: 1", b"")),
        false => Act::Forward,
    });
    let planned = run(&world, &front, &["plan", "--retry-budget", "900ms"]).await.exits(6);
    assert!(planned.stdout.contains("gave up: failed requests for this offer took 900ms"), "{}", planned.stdout);
    assert_eq!(front.log().iter().filter(|request| request.path.contains("/offers/a?")).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_outlives_an_outage_and_an_operation_that_the_portal_forgot() {
    let step = Duration::from_millis(150);
    let world = World::slow(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))], step).await;
    let polls = AtomicUsize::new(0);
    let front = Front::before(world.sandbox.url(), move |request| {
        if !request.path.contains("/operations/") {
            return Act::Forward;
        }
        match polls.fetch_add(1, Ordering::SeqCst) {
            0..12 => Act::Drop,
            12..24 => Act::Instead(http_answer("503 Busy", b"")),
            _ => Act::json("404 Not Found", &json!({"error": {"code": "NotFound", "message": "no such operation"}})),
        }
    });
    let args = ["apply", "--yes", "--through", "live", "--retries", "0", "--retry-budget", "1ms"];
    let applied = run(&world, &front, &args).await.exits(0);
    assert!(applied.stdout.contains("in preview, signed off, live"), "{}", applied.stdout);
    assert!(applied.stderr.contains("still waiting"), "{}", applied.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_ends_a_wait_only_at_its_deadline() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let front = Front::before(world.sandbox.url(), |request| match request.path.contains("/operations/") {
        true => Act::Drop,
        false => Act::Forward,
    });
    let args = ["apply", "--yes", "--through", "preview", "--retries", "0", "--wait-timeout", "3s"];
    run(&world, &front, &args).await.exits(8);
}

/// Many offers that are to be created take one list of each publisher, however many look at it at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_that_confirms_an_absence_is_read_once_in_a_run() {
    let ids = (0..12).map(|n| format!("new-{n}")).collect::<Vec<_>>();
    let declared = ids.iter().map(|id| offer(id, "t")).collect::<Vec<_>>();
    let files = ids.iter().map(String::as_str).zip(&declared).collect::<Vec<_>>();
    let world = World::new(vec![native(&offer("other", "t"))], &files).await;
    let lists = async || world.count("GET", "/publishers/contoso/offers").await;
    world.run(&["plan"]).await.exits(0);
    assert_eq!(lists().await, 1);
    world.run(&["apply", "--yes"]).await.exits(0);
    assert_eq!(lists().await, 2);
    assert_eq!(world.live("new-7").await["definition"]["offer"][TITLE], "t");
}

/// The statuses and how often each request was sent, for reads.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_pass_is_tried_again() {
    let mut sent = BTreeMap::new();
    for status in [400, 401, 403, 405, 408, 409, 412, 422, 429, 500, 501, 502, 503, 504, 505] {
        let world = World::new(vec![native(&offer("a", "t"))], &[("a", &offer("a", "t"))]).await;
        let front = Front::before(world.sandbox.url(), move |_| Act::Instead(http_answer(&format!("{status} x"), b"")));
        run(&world, &front, &["plan", "--retries", "2"]).await;
        sent.insert(status, front.log().len());
    }
    let again = sent.iter().filter(|(_, count)| **count == 3).map(|(status, _)| *status).collect::<Vec<_>>();
    assert_eq!(again, [408, 429, 500, 502, 503, 504]);
    assert!(sent.values().all(|count| *count == 1 || *count == 3), "{sent:?}");
}

/// Somebody saves the offer `a` in the portal.
fn saved_by_hand(portal: &str, document: &Value) {
    let body = document.to_string();
    let mut stream = std::net::TcpStream::connect(portal.trim_start_matches("http://")).expect("the portal");
    let length = body.len();
    let head =
        format!("PUT /_sandbox/offers/contoso/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}");
    std::io::Write::write_all(&mut stream, format!("{head}\r\n\r\n{body}").as_bytes()).expect("sent");
    let answer = std::io::read_to_string(&mut stream).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The field is one that no file declares, so only a comparison of the whole document shows it.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_right_after_the_write_is_not_published_with_it() {
    let profiles = [(native as fn(&Value) -> Value, Profile::Native), (migrated, Profile::Migrated)];
    for (((on_portal, profile), create), lost) in all_of(all_of(profiles, &[false, true]), &[false, true]) {
        let live = if create { Vec::new() } else { vec![on_portal(&offer("a", "old"))] };
        let world = World::of(profile, live, &[("a", &offer("a", "new"))], Switches::default()).await;
        let sandbox = world.sandbox.url().to_owned();
        let mut theirs = on_portal(&offer("a", "new"));
        theirs["definition"]["offer"]["foreignField"] = json!("THEIRS");
        let written = AtomicUsize::new(0);
        let front = Front::before(&sandbox.clone(), move |request| match request.method.as_str() {
            "PUT" => {
                written.store(1, Ordering::SeqCst);
                if lost { Act::DropAfter } else { Act::Forward }
            }
            // The first read after the write.
            "GET" if written.swap(0, Ordering::SeqCst) == 1 => {
                saved_by_hand(&sandbox, &theirs);
                Act::Forward
            }
            _ => Act::Forward,
        });
        let ran = run(&world, &front, &["apply", "--yes", "--through", "live"]).await.exits(5);
        assert!(ran.stdout.contains("somebody saved the draft right after this run wrote it"), "{}", ran.stdout);
        assert_eq!(front.log().iter().filter(|request| request.method == "POST").count(), 0, "{}", ran.stdout);
        assert_eq!(world.live("a").await["definition"]["offer"]["foreignField"], "THEIRS");
    }
}

fn all_of<A: Copy, B: Copy>(a: impl IntoIterator<Item = A>, b: &(impl IntoIterator<Item = B> + Clone)) -> Vec<(A, B)> {
    a.into_iter().flat_map(|a| b.clone().into_iter().map(move |b| (a, b))).collect()
}

/// What the portal fills in by itself is nobody's edit, whatever the answer to the PUT says of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_was_just_created_goes_live_in_the_same_run() {
    for profile in [Profile::Native, Profile::Migrated] {
        let world = World::of(profile, vec![], &[("a", &offer("a", "new"))], Switches::default()).await;
        let front = Front::before(world.sandbox.url(), |request| match request.method.as_str() {
            "PUT" => Act::DropAfter,
            _ => Act::Forward,
        });
        run(&world, &front, &["apply", "--yes", "--through", "live"]).await.exits(0);
        assert_eq!(world.slot("a", "production").await["definition"]["offer"][TITLE], "new");
    }
}

/// Somebody creates the offer right before this run does.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_race_of_two_creates_is_stale() {
    for (profile, answer) in [
        (Profile::Native, None),
        (Profile::Migrated, None),
        (Profile::Native, Some("409 Conflict")),
        (Profile::Migrated, Some("412 Precondition Failed")),
        (Profile::Migrated, Some("500 x")),
    ] {
        let switches = Switches { migrated_missing_if_match: MissingIfMatch::Conflict, ..Switches::default() };
        let world = World::of(profile, vec![], &[("a", &offer("a", "new"))], switches).await;
        let sandbox = world.sandbox.url().to_owned();
        let theirs = offer("a", "THEIRS");
        let front = Front::before(&sandbox.clone(), move |request| match (request.method.as_str(), answer) {
            ("PUT", answer) => {
                saved_by_hand(&sandbox, &theirs);
                answer.map_or(Act::Forward, |status| Act::Instead(http_answer(status, b"{}")))
            }
            _ => Act::Forward,
        });
        let ran = run(&world, &front, &["apply", "--yes", "--through", "live"]).await.exits(5);
        assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "THEIRS");
        assert_eq!(front.log().iter().filter(|request| request.method == "PUT").count(), 1, "{}", ran.stdout);
    }
}

/// The answer says that the PUT met another state, and it took effect all the same: what is there is what counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_took_effect_and_was_refused_is_reported_as_it_is() {
    for (on_portal, status) in all_of([native as fn(&Value) -> Value, migrated], &[409, 412]) {
        for edited in [false, true] {
            let world = World::new(vec![on_portal(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
            let error = json!({"error": {"code": "x", "message": "no"}});
            world
                .fault(json!({"method": "PUT", "path": "/offers/a", "status": status, "body": error, "after": true}))
                .await;
            let sandbox = world.sandbox.url().to_owned();
            let mut theirs = on_portal(&offer("a", "new"));
            theirs["definition"]["offer"]["foreignField"] = json!("THEIRS");
            let written = AtomicUsize::new(0);
            let front = Front::before(&sandbox.clone(), move |request| {
                if edited && request.method == "GET" && written.load(Ordering::SeqCst) == 1 {
                    saved_by_hand(&sandbox, &theirs);
                }
                written.fetch_add(usize::from(request.method == "PUT"), Ordering::SeqCst);
                Act::Forward
            });
            let ran = run(&world, &front, &["apply", "--yes"]).await;
            assert_eq!(ran.code, if edited { 5 } else { 0 }, "{status}: {}", ran.stdout);
            assert_eq!(ran.stdout.contains("draft updated"), !edited, "{status}: {}", ran.stdout);
            assert_eq!(front.log().iter().filter(|request| request.method == "PUT").count(), 1);
        }
    }
}

/// On a migrated offer only the read right before the write keeps somebody's edit. Whatever has to be waited for comes
/// before that read, and where anything came between, there is another.
#[tokio::test(flavor = "multi_thread")]
async fn between_the_read_of_a_migrated_offer_and_its_write_there_is_no_other_request() {
    for (ids, profile) in all_of([1, 6], &[Profile::Native, Profile::Migrated]) {
        let ids = (0..ids).map(|n| format!("o{n}")).collect::<Vec<_>>();
        let declared = ids.iter().map(|id| offer(id, "new")).collect::<Vec<_>>();
        let files = ids.iter().map(String::as_str).zip(&declared).collect::<Vec<_>>();
        let on_portal = if profile == Profile::Native { native } else { migrated };
        // Half of them are to be created.
        let live = ids.iter().step_by(2).map(|id| on_portal(&offer(id, "old"))).collect();
        let world = World::of(profile, live, &files, Switches::default()).await;
        let front = Front::before(world.sandbox.url(), |request| match (request.method.as_str(), request.earlier) {
            ("PUT", 0) => Act::Instead(http_answer("429 x\r\nretry-after: 0", b"")),
            ("PUT", 1) => Act::Drop,
            _ => Act::Forward,
        });
        let ran = run(&world, &front, &["apply", "--yes", "--parallelism", "1", "--retries", "9"]).await;
        let log = front.log();
        for (at, put) in log.iter().enumerate().filter(|(_, request)| request.method == "PUT") {
            let before = &log[at - 1];
            assert_eq!((before.method.as_str(), before.route()), ("GET", put.route()), "{}", ran.stdout);
        }
        assert!(log.iter().any(|request| request.method == "PUT" && request.earlier > 0));
    }
}

/// A secret shows in no read, but that something was saved does: the portal counts versions.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_written_is_not_written_again_though_no_read_shows_it() {
    const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";
    for on_portal in [native as fn(&Value) -> Value, migrated] {
        let mut live = on_portal(&offer("a", "same"));
        live["definition"]["offer"][LEAD] = json!({"connectionString": "one", "contactEmail": "x@y.example"});
        let world = World::new(vec![live], &[]).await;
        let mut file = offer("a", "same");
        file["definition"]["offer"][LEAD] = json!({"connectionString": "@S@"});
        crate::support::write(
            world.folder.path(),
            "offers/a.yaml",
            &file.to_string().replace("\"@S@\"", "!secret env:S"),
        );
        let front = Front::before(world.sandbox.url(), |request| match request.method.as_str() {
            "PUT" => Act::DropAfter,
            _ => Act::Forward,
        });
        let mut command = offerctl(world.folder.path());
        command
            .args(["apply", "--yes", "--resend", "-o", "json"])
            .env("OFFERCTL_ENDPOINT", &front.url)
            .env("S", "CANARYlead");
        let ran = run_beside(command).await.exits(1);
        assert_eq!(ran.outcomes(), ["contoso/a: ; failed"]);
        assert_eq!(front.log().iter().filter(|request| request.method == "PUT").count(), 1, "{}", ran.stdout);
    }
}
