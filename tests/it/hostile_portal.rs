//! What a portal, a proxy before it, or another person at it may do: answers that are not what they seem, edits at the
//! worst moment, secrets in unexpected places.

use std::process::Stdio;

use futures_util::future::join_all;
use offerctl::Switches;
use serde_json::{Value, json};

use crate::support::{
    Impostor, Ran, TITLE, VM, World, http_answer, migrated, native, offer, offerctl, project, run_beside, set_title,
    write,
};

const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";

/// A native offer whose title is to change.
async fn world() -> World {
    World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await
}

/// The YAML of an offer with a secret from the variable S.
fn with_secret(title: &str, lead: &Value) -> String {
    let mut file = offer("a", title);
    file["definition"]["offer"][LEAD] = lead.clone();
    file["definition"]["offer"][LEAD]["connectionString"] = json!("@S@");
    file.to_string().replace("\"@S@\"", "!secret env:S")
}

/// What a report says was done to its only offer; nothing, when an error stands in its place.
#[track_caller]
fn done(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    if report["format"] == "offerctl.error" {
        return Vec::new();
    }
    let done = report["offers"][0]["done"].as_array().unwrap_or_else(|| panic!("{report}"));
    done.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

#[track_caller]
fn assert_shows_no_secret(ran: &Ran) {
    assert!(!ran.stdout.contains("CANARY"), "{}", ran.stdout);
    assert!(!ran.stderr.contains("CANARY"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placeholder_in_the_portals_document_stays_a_text() {
    const LINKS: &str = "microsoft-azure-marketplace.usefulLinks";
    for placeholder in [json!({"env": "OFFERCTL_TOKEN"}), json!({"path": "/etc/passwd"})] {
        let note = json!({"$offerctl": placeholder});
        let mut live = native(&offer("a", "old"));
        live["definition"]["offer"][LINKS] = json!([{"linkTitle": "a", "linkUrl": "https://a", "note": note}]);
        let mut file = offer("a", "old");
        file["definition"]["offer"][LINKS] =
            json!([{"linkTitle": "a", "linkUrl": "https://a"}, {"linkTitle": "b", "linkUrl": "https://b"}]);
        let world = World::new(vec![live], &[("a", &file)]).await;
        world.run_with(&["apply", "--yes"], &[("OFFERCTL_TOKEN", "CANARYtoken")]).await.exits(0);
        let links = world.live("a").await["definition"]["offer"][LINKS].clone();
        assert_eq!(links[0]["note"], note);
        assert_eq!(links[1]["linkTitle"], "b");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_repeats_secrets_is_shown_without_them() {
    for said in [
        "The token CANARYtoken is expired",
        "Authorization: Bearer CANARYtoken",
        "Password=\"CANARYpassword\" is wrong",
        "{\"sig\":\"CANARYsig\"}",
        "see https://h/v.vhd?sv=1&sig=CANARYsig",
    ] {
        for body in [json!({"Message": said}), json!({"error": {"code": "No", "message": said}}), json!(said)] {
            let world = world().await;
            world.fault(json!({"method": "GET", "path": "/offers/a", "status": 401, "body": body})).await;
            let ran = world.run_with(&["plan", "-vv"], &[("OFFERCTL_TOKEN", "CANARYtoken")]).await.exits(4);
            assert_shows_no_secret(&ran);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_holds_no_secret_of_the_portals_document() {
    let hook = "microsoft-azure-marketplace.httpsEndpointLeadConfiguration";
    let mut live = native(&offer("a", "old"));
    live["definition"]["offer"][hook] =
        json!({"httpsEndpointUri": "https://f.azurewebsites.net/api/lead?code=CANARYcode"});
    live["definition"]["offer"]["x.vhd"] = json!("https://h/v.vhd?sv=1\\u0026sig=CANARYescaped");
    let world = World::new(vec![], &[("a", &offer("a", "new"))]).await;
    world.fault(json!({"method": "GET", "path": "/offers/a?", "status": 200, "body": live})).await;
    world.run(&["plan", "--out", "p.json"]).await.exits(0);
    let plan = std::fs::read_to_string(world.path("p.json")).expect("a plan");
    let leaks = plan.lines().filter(|line| line.contains("CANARY")).collect::<Vec<_>>();
    assert_eq!(leaks, Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_not_sent_again_is_not_reported_as_sent() {
    let world = World::new(vec![native(&offer("a", "same"))], &[]).await;
    write(world.folder.path(), "offers/a.yaml", &with_secret("same", &json!({})));
    world.run_with(&["apply", "--yes"], &[("S", "the-first-one")]).await.exits(0);
    // The new secret does not get there, and what can be read is the same before and after.
    world.fault(json!({"method": "PUT", "path": "/offers/a", "status": 503})).await;
    let ran = world.run_with(&["apply", "--yes", "--resend", "-o", "json"], &[("S", "the-second-one")]).await;
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(done(&ran), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_offer_that_lost_its_etag_is_not_written() {
    let world = world().await;
    let live = world.live("a").await;
    world.fault(json!({"method": "GET", "path": "/offers/a?", "status": 200, "body": live})).await;
    world.run(&["apply", "--yes"]).await.exits(5);
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_is_not_absence_while_the_portals_list_names_the_offer() {
    for body in [
        json!("\"upstream not found\""),
        json!({"error": {"code": "ResourceNotFound", "message": "The gateway has no such route"}}),
        json!({"Variant": {"serviceName": "Variant", "error": "boom", "httpStatusCode": "InternalServerError"}}),
        json!({"Message": "No HTTP resource was found"}),
    ] {
        let mut live = migrated(&offer("a", "old"));
        live["definition"]["offer"]["kept.by.the.portal"] = json!("precious");
        let world = World::new(vec![live], &[("a", &offer("a", "new"))]).await;
        let before = world.live("a").await;
        world.fault(json!({"method": "GET", "path": "/offers/a?", "status": 404, "body": body})).await;
        let ran = world.run(&["apply", "--yes"]).await;
        assert_eq!(ran.code, 1, "{body}\n{}\n{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("? contoso/a   not"), "{body}\n{}", ran.stdout);
        assert_eq!(world.count("PUT", "/offers/a").await, 0, "{body}");
        world.no_faults().await;
        assert_eq!(world.live("a").await, before, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_is_not_absence_while_the_portals_list_cannot_be_read() {
    let world = World::new(vec![], &[("a", &offer("a", "new"))]).await;
    for (status, body) in [(500, json!(null)), (200, json!([{"offerId": "a"}])), (200, json!([{"id": 7}, {"id": "b"}]))]
    {
        world.fault(json!({"method": "GET", "path": "/offers?", "status": status, "body": body})).await;
        world.run(&["apply", "--yes", "--retries", "0"]).await.exits(1);
        assert_eq!(world.count("PUT", "/offers/a").await, 0, "{body}");
        world.no_faults().await;
    }
    world.run(&["apply", "--yes"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_may_clear_a_secret_needs_its_own_token() {
    let mut live = native(&offer("a", "old"));
    live["definition"]["offer"]["microsoft-azure-marketplace.leadDestination"] = json!("AzureTable");
    // Nothing but the secret stands in the block, so GET shows it as if it were blank.
    live["definition"]["offer"][LEAD] = json!({"connectionString": "portal-side-secret"});
    let world = World::new(vec![], &[("a", &offer("a", "new"))]).await;
    world.portal_put("a", &live).await;
    let ran = world.run(&["apply", "--yes"]).await.exits(5);
    let token = ran.stdout.split_whitespace().find(|word| word.starts_with("blank-secret:"));
    assert!(token.is_some(), "{}", ran.stdout);
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
    let token = token.expect("checked").trim_end_matches([',', ')', ';']);
    world.run(&["apply", "--yes", "--allow", token]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_secret_is_not_taken_for_one_that_would_be_cleared() {
    let mut live = native(&offer("a", "old"));
    live["definition"]["offer"][LEAD] = json!({"connectionString": "the-first-one", "contactEmail": "x@y.example"});
    let world = World::new(vec![live], &[]).await;
    write(world.folder.path(), "offers/a.yaml", &with_secret("new", &json!({"contactEmail": "x@y.example"})));
    world.run_with(&["apply", "--yes"], &[("S", "the-first-one")]).await.exits(0);
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "new");
}

/// The portal says that it publishes.
fn a_running_publish() -> Value {
    json!([{"id": "x", "slot": "staging", "submissionState": "running", "offerVersion": 3}])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_rejected_ends_the_wait_though_the_portal_says_running() {
    let world = world().await;
    let message = json!([{"messageHtml": "logo missing", "level": "Error"}]);
    let step = json!({"id": "displaycertify", "stepName": "displaycertify", "status": "rejected", "messages": message});
    let status = json!({"status": "running", "steps": [step]});
    world.fault(json!({"method": "GET", "path": "/status", "status": 200, "body": status})).await;
    world.fault(json!({"method": "GET", "path": "/submissions", "status": 200, "body": a_running_publish()})).await;
    let ran = world.run(&["wait", "contoso/a", "--wait-timeout", "2s"]).await.exits(7);
    assert!(ran.stdout.contains("logo missing"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_nothing_runs_whatever_word_the_status_says() {
    let world = world().await;
    world.fault(json!({"method": "GET", "path": "/status", "status": 200, "body": {"status": "somethingNew"}})).await;
    let running = a_running_publish();
    world.fault(json!({"method": "GET", "path": "/submissions", "status": 200, "body": running, "times": 2})).await;
    world.fault(json!({"method": "GET", "path": "/submissions", "status": 200, "body": []})).await;
    world.run(&["wait", "contoso/a", "--wait-timeout", "3s"]).await.exits(0);
}

/// In which of apply's reads of the submissions a foreign go-live shows first does not matter.
#[tokio::test(flavor = "multi_thread")]
async fn a_go_live_of_unknown_content_is_not_taken_for_ours() {
    let cases = (0..3).map(async |earlier| {
        let world = World::new(vec![migrated(&offer("a", "v1"))], &[("a", &offer("a", "v1"))]).await;
        world.run(&["apply", "--yes", "--through", "preview"]).await.exits(0);
        world.run(&["plan", "--through", "live", "--out", "p.json"]).await.exits(0);
        let other = json!([{"id": "other", "slot": "production", "submissionState": "running", "offerVersion": 99}]);
        world
            .fault(json!({"method": "GET", "path": "/submissions", "status": 200, "body": other, "skip": earlier}))
            .await;
        let ran = world.run(&["apply", "p.json", "--yes", "--wait-timeout", "1s", "-o", "json"]).await;
        let done = done(&ran);
        assert!(!done.iter().any(|what| what == "joined"), "{earlier}: {}", ran.stdout);
        if ran.code == 0 || done.iter().any(|what| what == "live") {
            let production = world.slot("a", "production").await;
            assert_eq!(production["definition"]["offer"][TITLE], "v1", "{earlier}: {}", ran.stdout);
            assert_eq!(world.count("POST", "/golive").await, 1, "{earlier}: {}", ran.stdout);
        }
    });
    join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_the_write_and_the_publish_is_not_passed_off_as_the_plan() {
    let cases = [native as fn(&Value) -> Value, migrated].map(async |on_portal| {
        let world = World::new(vec![on_portal(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
        // The planner's read of the submissions passes; the next one, before the publish, has to come back later.
        let later = json!({"Retry-After": "1"});
        world
            .fault(json!({"method": "GET", "path": "/submissions", "status": 503, "headers": later, "skip": 1, "times": 1}))
            .await;
        let command = world.command(&["apply", "--yes", "--through", "preview", "--wait-timeout", "5s", "-o", "json"]);
        let applying = tokio::spawn(run_beside(command));
        world.until_answered("GET", "/submissions", 503).await;
        assert_eq!(world.count("PUT", "/offers/a").await, 1, "this is not the moment between write and publish");
        world.portal_edit("a", |document| set_title(document, "THEIRS")).await;
        let ran = applying.await.expect("joined");
        assert_ne!(ran.code, 0, "{}", ran.stdout);
        assert!(!done(&ran).iter().any(|what| what == "in-preview"), "{}", ran.stdout);
        assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "THEIRS");
    });
    join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_not_utf_8_is_not_read() {
    let mut document = document_with("\"caf");
    document.push(0xe9);
    document.extend_from_slice(b"\"}}}");
    let (ran, puts) = applied_to(document).await;
    assert_eq!((ran.code, puts), (1, Vec::new()), "{}\n{}", ran.stdout, ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_no_double_holds_goes_back_as_it_came() {
    for number in ["12345678901234567890123", "-0.1234567890123456789", "19.990000000000000001"] {
        let mut document = document_with(number);
        document.extend_from_slice(b"}}}");
        let (ran, puts) = applied_to(document).await;
        assert_eq!(ran.code, 1, "the portal takes no PUT:\n{}\n{}", ran.stdout, ran.stderr);
        assert!(puts.len() == 1 && puts[0].contains(&format!("\"unmanaged\":{number}}}")), "{puts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_before_an_answer_is_no_part_of_it() {
    let marked = |body: &[u8]| [b"\xef\xbb\xbf", body].concat();
    let (ran, puts) = applied_to(marked(&[document_with("1"), b"}}}".to_vec()].concat())).await;
    assert_eq!((ran.code, puts.len()), (1, 1), "{}\n{}", ran.stdout, ran.stderr);
    let error = json!({"error": {"code": "Bad", "message": "password=CANARYpassword is wrong"}}).to_string();
    let portal = Impostor::new(move |_| http_answer("422 x", &marked(error.as_bytes())));
    let folder = project(&[("a", &offer("a", "new"))]);
    let mut command = offerctl(folder.path());
    command.args(["plan", "-o", "json", "--endpoint", &portal.url]);
    let ran = run_beside(command).await;
    assert_shows_no_secret(&ran);
    assert!(ran.stdout.contains("Bad: password="), "{}", ran.stdout);
}

/// One offer's document cannot be read; it is asked for once, and the other offer is planned.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_a_document_is_told_with_its_place_and_stops_no_other_offer() {
    let wide = "\"x\"".bytes().flat_map(|byte| [byte, 0]).collect::<Vec<_>>();
    let (document, end) = (document_with(""), "}}}".as_bytes());
    let with = |value: &str| [&document, value.as_bytes(), end].concat();
    let large = [&document[..], b"\"", "x".repeat(16 << 20).as_bytes(), b"\"", end].concat();
    for (body, told) in [
        (with(r#""\ud83d""#), "at `/definition/offer/unmanaged`"),
        (with("NaN"), "at `/definition/offer/unmanaged`"),
        (with("[1E400]"), "at `/definition/offer/unmanaged/0`"),
        (with(r#"1,"unmanaged":2"#), "at `/definition/offer/unmanaged`"),
        (with("1}"), "line 1 column "),
        (wide, "UTF-16"),
        (large, "larger than 16 MiB"),
        (b"upstream connect error".to_vec(), "upstream connect error"),
    ] {
        let good = native(&offer("b", "old")).to_string();
        let portal = Impostor::new(move |request| match request {
            b if b.contains("/offers/b?") => http_answer("200 OK\r\netag: \"1\"", good.as_bytes()),
            _ => http_answer("200 OK", &body),
        });
        let folder = project(&[("a", &offer("a", "new")), ("b", &offer("b", "new"))]);
        let mut command = offerctl(folder.path());
        command.args(["plan", "-o", "json", "--through", "draft", "--endpoint", &portal.url]);
        let plan = run_beside(command).await.exits(6).json();
        assert_eq!(plan["summary"]["update"], 1, "{told}: {plan}");
        let cause = plan["unread"][0]["cause"].as_str().unwrap_or_default();
        assert!(cause.contains(told), "{told}: {plan}");
        let asked = portal.received().iter().filter(|request| request.contains("/offers/a?")).count();
        assert_eq!(asked, 1, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_inflates_is_read_up_to_its_limit() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        std::io::Write::write_all(&mut packed, &vec![b' '; 1 << 20]).expect("packed");
    }
    let bomb = packed.finish().expect("packed");
    let portal = Impostor::new(move |_| http_answer("200 OK\r\ncontent-encoding: gzip", &bomb));
    let folder = project(&[("a", &offer("a", "new"))]);
    let with = |env: &[(&str, &str)]| {
        let mut command = offerctl(folder.path());
        command.args(["plan", "--endpoint", &portal.url]).envs(env.iter().copied());
        run_beside(command)
    };
    let ran = with(&[]).await.exits(1);
    assert!(ran.stdout.contains("larger than 16 MiB"), "{}\n{}", ran.stdout, ran.stderr);
    let app = [
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_SECRET", "CANARYsecret"),
        ("AZURE_AUTHORITY_HOST", &portal.url),
    ];
    let ran = with(&app).await.exits(1);
    assert!(ran.stderr.contains("larger than 1 MiB"), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(portal.received().len(), 2, "each was asked for once");
}

/// The beginning of an offer's document, up to the value of a field that no file declares.
fn document_with(value: &str) -> Vec<u8> {
    let head =
        json!({"publisherId": "contoso", "id": "a", "offerTypeId": VM, "pcMigrationStatus": "migrated"}).to_string();
    let head = head.trim_end_matches('}');
    format!("{head},\"definition\":{{\"offer\":{{\"{TITLE}\":\"old\",\"unmanaged\":{value}").into_bytes()
}

/// Applies a new title to a portal that holds this document, and takes no PUT.
async fn applied_to(document: Vec<u8>) -> (Ran, Vec<String>) {
    let portal = Impostor::new(move |request| match request {
        put if put.starts_with("PUT") => http_answer("500 no", b""),
        list if list.contains("/offers?") => {
            http_answer("200 OK", json!([{"id": "a", "offerTypeId": VM}]).to_string().as_bytes())
        }
        _ => http_answer("200 OK", &document),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = json!({"publisherId": "contoso", "id": "a", "offerTypeId": VM, "definition": {"offer": {TITLE: "new"}}});
    write(folder.path(), "offers/a.yaml", &file.to_string());
    let mut command = offerctl(folder.path());
    command.args(["apply", "--yes", "--retries", "0", "--endpoint", &portal.url]);
    let ran = run_beside(command).await;
    let puts = portal.received().into_iter().filter(|request| request.starts_with("PUT")).collect();
    (ran, puts)
}

/// The go-live never begins, so nothing that status and submissions say of an earlier release makes it live. In which
/// of apply's reads they begin to say it does not matter.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_release_left_behind_is_not_live() {
    let cases = [(0, 1), (1, 2), (1, 3), (2, 3)].map(async |(statuses, submissions)| {
        let switches = Switches { omit_location: true, omit_operation_location: true, ..Switches::default() };
        let world = World::with(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))], switches).await;
        world.run(&["apply", "--yes", "--through", "preview"]).await.exits(0);
        let status = json!({"status": "succeeded"});
        world.fault(json!({"method": "GET", "path": "/status", "status": 200, "body": status, "skip": statuses})).await;
        world
            .fault(json!({"method": "GET", "path": "/submissions", "status": 200, "body": [], "skip": submissions}))
            .await;
        world.fault(json!({"method": "POST", "path": "/golive", "status": 202, "body": {}})).await;
        let ran = world.run(&["apply", "--yes", "--through", "live", "--wait-timeout", "1s", "-o", "json"]).await;
        let shown = format!("{statuses}/{submissions}: {}", ran.stdout);
        assert_ne!(ran.code, 0, "{shown}");
        assert!(!done(&ran).iter().any(|what| what == "live"), "{shown}");
    });
    join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_makes_a_command_panic() {
    let deep = format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000));
    let bodies = [
        json!(null),
        json!([]),
        json!(1),
        json!("x"),
        json!({"definition": []}),
        json!({"definition": {"plans": "x", "offer": []}}),
        json!({"definition": {"plans": [1, null, {"planId": {}}], "offer": null}, "pcMigrationStatus": 7, "version": "x"}),
        json!({"status": 5, "steps": {}}),
        json!([{"slot": 1, "submissionState": null, "offerVersion": "x"}]),
        json!(deep),
        json!({"status": "running", "steps": [null, 1, {"messages": [null]}]}),
    ];
    let table: [(&str, &[&[&str]]); 4] = [
        ("/offers/a?", &[&["plan"], &["apply", "--yes", "--through", "live", "--wait-timeout", "100ms"]]),
        ("/status", &[&["status"], &["wait", "--wait-timeout", "100ms"]]),
        ("/submissions", &[&["plan", "--through", "live"], &["wait", "--wait-timeout", "100ms"]]),
        ("/slot/preview", &[&["plan", "--through", "live"]]),
    ];
    let cases = bodies.iter().map(async |body| {
        let world = world().await;
        for (path, commands) in table {
            world.fault(json!({"method": "GET", "path": path, "status": 200, "body": body})).await;
            for args in commands {
                let ran = world.run(&[args, &["--retries", "0"][..]].concat()).await;
                let shown = format!("{path} {args:?} {body}\n{}\n{}", ran.stdout, ran.stderr);
                assert!((0..=8).contains(&ran.code) && !ran.stderr.contains("panicked"), "{}: {shown}", ran.code);
            }
            world.no_faults().await;
        }
    });
    join_all(cases).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_before_the_write_leaves_it_undone() {
    let world = world().await;
    // The planner's read passes; the one before the write has to come back later.
    let later = json!({"Retry-After": "1"});
    world
        .fault(json!({"method": "GET", "path": "/offers/a?", "status": 503, "headers": later, "skip": 1, "times": 1}))
        .await;
    let mut command = world.command(&["apply", "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    world.until_answered("GET", "/offers/a?", 503).await;
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.expect("joined").expect("ends");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(130), "{stdout}");
    assert_eq!(world.count("PUT", "/offers/a").await, 0, "{stdout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_the_portal_returns_is_not_shown_when_its_field_is_emptied() {
    const CRM: &str = "microsoft-azure-marketplace.crmLeadConfiguration";
    let mut live = native(&offer("a", "old"));
    live["definition"]["offer"][CRM] = json!({"password": "CANARYpassword", "userName": "u"});
    let mut file = offer("a", "old");
    file["definition"]["offer"][CRM] = json!({"password": null});
    let world = World::new(vec![], &[("a", &file)]).await;
    world.fault(json!({"method": "GET", "path": "/offers/a?", "status": 200, "body": live})).await;
    let ran = world.run(&["plan", "-v", "-o", "json=plan.json", "--out", "p.json"]).await.exits(0);
    assert_shows_no_secret(&ran);
    for file in ["plan.json", "p.json"] {
        let text = std::fs::read_to_string(world.path(file)).expect("a file");
        assert!(!text.contains("CANARY"), "{file}:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_below_or_behind_a_secret_name_is_not_shown() {
    let world = World::new(vec![], &[]).await;
    for (name, value) in [
        ("vendor.apiKey", json!({"value": "CANARYnested"})),
        ("vendor.apiKey", json!([{"value": "CANARYnested"}])),
        ("vendor.storageKey", json!("CANARYkey")),
    ] {
        let mut file = offer("a", "new");
        file["definition"]["offer"][name] = value;
        world.declare("a", &file);
        for args in [&["plan", "-v"][..], &["plan", "-v", "-o", "json"], &["validate"]] {
            assert_shows_no_secret(&world.run(args).await);
        }
    }
}
