//! Faults as clients see them, and the same ones twice.

use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::{ClockChoice, Options};
use super::http::{LONG, Site, VM_PATH, read};
use super::*;

async fn with_offer(profile: Profile) -> Site {
    let options = Options { seed: Seed::Nothing, default_profile: profile, step_time: LONG, ..Options::default() };
    let site = Site::start(options).await;
    assert!(site.put("vm", None, &document("One")).await.status().is_success());
    site
}

async fn fault(site: &Site, fault: Value) {
    let (status, body) = site.post("/_sandbox/faults", &fault).await;
    assert_eq!(status, 200, "{body}");
}

/// Sends a request as it stands, and reads until the connection ends.
async fn raw(site: &Site, request: &str) -> (Vec<u8>, std::io::Result<usize>) {
    let address = site.sandbox.url().trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).await;
    (answer, end)
}

fn get_raw(path: &str) -> String {
    format!(
        "GET {path}?api-version=2017-10-31 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nConnection: close\r\n\r\n"
    )
}

#[tokio::test]
async fn a_reset_comes_before_or_after_the_effect() {
    let site = with_offer(Profile::Native).await;
    fault(&site, json!({"route": "put", "reset": "before", "times": 1})).await;
    fault(&site, json!({"route": "put", "reset": "after", "times": 1})).await;
    let put = |title: &'static str| {
        let request = site.request(reqwest::Method::PUT, VM_PATH).header("If-Match", "*").json(&document(title));
        async move { request.send().await }
    };
    put("Two").await.expect_err("no answer");
    assert_eq!(site.get(VM_PATH).await.1["definition"]["displayText"], "One");
    put("Three").await.expect_err("no answer");
    assert_eq!(site.get(VM_PATH).await.1["definition"]["displayText"], "Three");
    let log = site.requests().await;
    assert_eq!((&log[1]["status"], &log[1]["fault"]), (&Value::Null, &json!("reset")));

    fault(&site, json!({"route": "offer", "reset": "before"})).await;
    let (answer, end) = raw(&site, &get_raw(VM_PATH)).await;
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(end.expect_err("a reset, not an end").kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_body_can_break_off_or_take_its_time() {
    let site = with_offer(Profile::Native).await;
    fault(&site, json!({"route": "offer", "truncateAfter": 20, "times": 1})).await;
    let (answer, _) = raw(&site, &get_raw(VM_PATH)).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("{\"offerTypeId\":\"micr"), "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "the end of the body is missing: {answer}");

    let (_, whole) = site.get(VM_PATH).await;
    let length = u32::try_from(whole.to_string().len()).expect("short");
    fault(&site, json!({"route": "offer", "bytesPerSecond": length, "times": 1})).await;
    let begin = Instant::now();
    let slow = site.client.get(format!("{}{VM_PATH}?api-version=2017-10-31", site.sandbox.url())).bearer_auth("t");
    let (_, body) = read(slow.send().await.expect("an answer")).await;
    assert_eq!(body, whole);
    assert!(begin.elapsed().as_millis() >= 200, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn an_answer_can_be_late_and_lack_a_header() {
    let site = with_offer(Profile::Native).await;
    fault(&site, json!({"route": "publish", "latencyMs": 120, "omitHeaders": ["Location"]})).await;
    let begin = Instant::now();
    let publish = site.request(reqwest::Method::POST, &format!("{VM_PATH}/publish"));
    let answer = publish.send().await.expect("an answer");
    assert!(begin.elapsed().as_millis() >= 120);
    assert_eq!(answer.status(), 202);
    assert!(answer.headers().get("location").is_none() && answer.headers().get("operation-location").is_some());
}

#[tokio::test]
async fn reads_can_be_stale_for_a_while() {
    let site = with_offer(Profile::Native).await;
    site.advance(1_000).await;
    fault(&site, json!({"route": "offer", "staleMs": 500, "lastsMs": 10_000})).await;
    let first = site.request(reqwest::Method::GET, VM_PATH).send().await.expect("an answer").headers()["etag"].clone();
    assert_eq!(site.put("vm", Some("*"), &document("Two")).await.status(), 200);
    let seen = site.request(reqwest::Method::GET, VM_PATH).send().await.expect("an answer");
    assert_eq!(seen.headers()["etag"], first, "an old answer has its old tag");
    assert_eq!(read(seen).await.1["definition"]["displayText"], "One");
    site.advance(600).await;
    assert_eq!(site.get(VM_PATH).await.1["definition"]["displayText"], "Two");
}

#[tokio::test]
async fn a_person_edits_just_before_a_write() {
    let site = with_offer(Profile::Native).await;
    let etag = site.request(reqwest::Method::GET, VM_PATH).send().await.expect("an answer").headers()["etag"].clone();
    let etag = etag.to_str().expect("text");
    fault(&site, json!({"route": "put", "times": 1, "edit": {"merge": {"definition": {"displayText": "by hand"}}}}))
        .await;
    assert_eq!(site.put("vm", Some(etag), &document("Two")).await.status(), 412);
    assert_eq!(site.get(VM_PATH).await.1["definition"]["displayText"], "by hand");
}

#[tokio::test]
async fn a_publish_can_fail_at_a_step_with_messages() {
    for profile in [Profile::Native, Profile::Migrated] {
        let site = with_offer(profile).await;
        let fail = json!({"step": "displaycertify", "status": "rejected", "messages": ["The image does not <boot>."]});
        fault(&site, json!({"route": "publish", "fail": fail, "times": 1})).await;
        assert_eq!(site.post(&format!("{VM_PATH}/publish"), &json!({})).await.0, 202);
        let (_, status) = site.get(&format!("{VM_PATH}/status")).await;
        assert_eq!((&status["status"], &status["publishingVersion"]), (&json!("running"), &json!(1)));
        assert_eq!(site.post("/_sandbox/clock", &json!({"steps": 2})).await.0, 200);
        let (_, status) = site.get(&format!("{VM_PATH}/status")).await;
        assert_eq!((&status["status"], &status["publishingVersion"]), (&json!("failed"), &json!(0)));
        assert_eq!(status["steps"][1]["status"], "rejected");
        assert_eq!(status["steps"][1]["messages"][0]["messageHtml"], "<p>The image does not &lt;boot&gt;.</p>");
        assert_eq!(site.get(VM_PATH).await.1["status"], "failed");
        assert_eq!(site.get(&format!("{VM_PATH}/submissions")).await.1[0]["submissionState"], "failed");
        assert_eq!(site.post(&format!("{VM_PATH}/publish"), &json!({})).await.0, 202, "it can be tried again");
    }
}

#[tokio::test]
async fn retry_is_ok_goes_away() {
    let site = with_offer(Profile::Migrated).await;
    fault(&site, json!({"route": "put", "retryIsOk": true, "times": 1})).await;
    let (status, body) = read(site.put("vm", None, &document("Two")).await).await;
    assert_eq!((status.as_u16(), &body["Variant"]["serviceName"]), (500, &json!("Variant")));
    assert_eq!(site.put("vm", None, &document("Two")).await.status(), 200);
}

/// A run of requests of which some go wrong by chance; their log, and how the faults struck.
async fn run(seed: u64) -> (Vec<Value>, Value) {
    let faults = json!({"faults": [
        {"route": "put", "probability": 0.4, "status": 500, "after": true},
        {"method": "GET", "probability": 0.3, "status": 503, "retryAfter": 1},
        {"route": "publish", "every": 2, "status": 429},
    ]});
    let options = Options {
        seed: Seed::Documents(vec![document("One")]),
        step_time: LONG,
        clock: "2030-01-31T12:00:00Z".parse::<ClockChoice>().expect("a clock"),
        random_seed: Some(seed),
        faults,
        ..Options::default()
    };
    let site = Site::start(options).await;
    for number in 0..40 {
        let answer = site.request(reqwest::Method::GET, VM_PATH).send().await.expect("an answer");
        let etag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or("*").to_owned();
        site.put("vm", Some(&etag), &document(&number.to_string())).await;
        let publish = site.request(reqwest::Method::POST, &format!("{VM_PATH}/publish")).send().await;
        if let Some(link) = publish.expect("an answer").headers().get("location") {
            let link = link.to_str().expect("text").split('?').next().expect("a path").to_owned();
            site.get(&link).await;
        }
        site.post("/_sandbox/clock", &json!({"steps": 5})).await;
    }
    let (_, summary) = site.get("/_sandbox/faults").await;
    (site.requests().await, summary)
}

#[tokio::test]
async fn the_same_seed_gives_the_same_log() {
    let (log, summary) = run(7).await;
    assert_eq!(run(7).await, (log.clone(), summary.clone()));
    assert_ne!(run(8).await.0, log);
    assert!(log.len() >= 120, "{}", log.len());
    let struck = |place: usize| summary["faults"][place]["struck"].as_u64().unwrap_or_default();
    assert!(struck(0) > 5 && struck(1) > 5 && struck(2) > 5, "{summary}");
}
