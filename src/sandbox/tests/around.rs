//! What is around the offers: signing in, artifacts, snapshots, the clock, the store over HTTP.

use std::sync::Arc;

use super::super::{ClockChoice, Options};
use super::http::{LONG, Site, VM_PATH, read};
use super::*;

const LOGO: &str = "microsoft-azure-marketplace.smallLogo";

/// Serves these bytes for `/logo.png`, a page for `/page`, and nothing else.
async fn artifact_server() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = axum::Router::new()
        .route("/logo.png", axum::routing::get(async || ([("content-type", "image/png")], b"\x89PNG logo".to_vec())))
        .route("/page", axum::routing::get(async || ([("content-type", "text/html; charset=utf-8")], "<html>")));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn artifacts_on_this_machine_are_fetched_and_served() {
    let dir = tempfile::tempdir().expect("a folder");
    let state = Some(dir.path().join("state.redb"));
    let options = Options { seed: Seed::Nothing, state, ..Options::default() };
    let site = Site::start(options.clone()).await;
    let base = artifact_server().await;
    let with_logo = |url: String| {
        let mut body = document("One");
        body["definition"]["offer"][LOGO] = json!(url);
        body
    };
    let logo_of = |body: Value| body["definition"]["offer"][LOGO].clone();
    for missing in ["/page", "/none.png"] {
        let (_, body) = read(site.put("vm", Some("*"), &with_logo(format!("{base}{missing}"))).await).await;
        assert_eq!(logo_of(body), Value::Null, "{missing}");
    }
    let (_, body) = read(site.put("vm", Some("*"), &with_logo(format!("{base}/logo.png"))).await).await;
    let copy = url::Url::parse(logo_of(body).as_str().expect("a URL")).expect("a URL");
    assert_eq!(copy.host_str(), Some("publishingstoredm.blob.core.windows.net"));
    let served = |site: &Site, query: &str| {
        let url = format!("{}{}?{query}", site.sandbox.url(), copy.path());
        let request = site.client.get(url);
        async move { request.send().await.expect("an answer") }
    };
    let answer = served(&site, copy.query().expect("a query")).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().ok()), (200, Some("image/png")));
    assert_eq!(answer.bytes().await.expect("a body").as_ref(), b"\x89PNG logo");
    assert_eq!(served(&site, "sig=wrong&se=2099-01-01T00:00:00Z").await.status(), 403);
    site.sandbox.stop().await.expect("stops");
    let again = Site::start(options).await;
    assert_eq!(served(&again, copy.query().expect("a query")).await.status(), 200, "it outlives a restart");
    again.advance(3 * 365 * 24 * 3_600_000).await;
    assert_eq!(served(&again, copy.query().expect("a query")).await.status(), 403, "but not its signature");
}

#[tokio::test]
async fn signing_in_and_what_it_is_good_for() {
    let options = Options {
        seed: Seed::Documents(vec![document("One")]),
        publishers: vec!["fabrikam".parse().expect("an id")],
        clients: vec!["app:s3cret@contoso".parse().expect("a client")],
        ..Options::default()
    };
    let site = Site::start(options).await;
    let token = async |version: &str, secret: &str, audience: &str| {
        let (folder, target) = match version {
            "1" => ("oauth2", ("resource", audience.to_owned())),
            _ => ("oauth2/v2.0", ("scope", format!("{audience}/.default"))),
        };
        let fields = [("grant_type", "client_credentials"), ("client_id", "app"), ("client_secret", secret)];
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(fields).append_pair(target.0, &target.1).finish();
        let request = site.client.post(format!("{}/tenant/{folder}/token", site.sandbox.url())).body(form);
        read(request.send().await.expect("an answer")).await
    };
    let offer = async |token: &str, publisher: &str| {
        let url = format!("{}/api/publishers/{publisher}/offers?api-version=2017-10-31", site.sandbox.url());
        read(site.client.get(url).bearer_auth(token).send().await.expect("an answer")).await
    };
    let portal = "https://cloudpartner.azure.com";
    assert_eq!(token("1", "wrong", portal).await.1["error"], "invalid_client");
    for version in ["1", "2"] {
        let (status, body) = token(version, "s3cret", portal).await;
        assert_eq!(status, 200, "{body}");
        let word = body["access_token"].as_str().expect("a token");
        assert_eq!(offer(word, "contoso").await.0, 200);
        assert_eq!(offer(word, "fabrikam").await.0, 403, "it is not the client's publisher");
    }
    let (_, other) = token("1", "s3cret", "https://graph.microsoft.com").await;
    let (status, body) = offer(other["access_token"].as_str().expect("a token"), "contoso").await;
    assert!(status == 401 && body["Message"].is_string(), "{body}");
    let (_, good) = token("1", "s3cret", portal).await;
    site.advance(3_600_000).await;
    assert_eq!(offer(good["access_token"].as_str().expect("a token"), "contoso").await.0, 401, "it has expired");
    let log = site.requests().await;
    assert!(log.iter().any(|line| line["path"] == "/tenant/oauth2/v2.0/token"), "sign-ins are in the log");
    assert!(!json!(log).to_string().contains("s3cret"));
}

#[tokio::test]
async fn no_token_is_needed_where_none_is_demanded() {
    let site = Site::start(Options { no_auth: true, ..Options::default() }).await;
    let url = format!("{}/api/publishers?api-version=2017-10-31", site.sandbox.url());
    assert_eq!(site.client.get(url).send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn snapshots_and_resets_bring_back_everything() {
    let dir = tempfile::tempdir().expect("a folder");
    let state = Some(dir.path().join("state.redb"));
    let options =
        Options { seed: Seed::Documents(vec![document("Seed")]), state, step_time: LONG, ..Options::default() };
    let site = Site::start(options.clone()).await;
    let title = async |site: &Site| site.get(VM_PATH).await.1["definition"]["displayText"].clone();
    site.put("vm", Some("*"), &document("Kept")).await;
    let keep = site.request(reqwest::Method::PUT, "/_sandbox/snapshots/before").send().await.expect("an answer");
    assert_eq!(keep.status(), 200);
    site.post(&format!("{VM_PATH}/publish"), &json!({})).await;
    site.put("new", None, &named("new")).await;
    site.put("vm", Some("*"), &document("Later")).await;
    assert_eq!(site.get("/_sandbox/snapshots").await.1, json!(["before"]));
    assert_eq!(site.post("/_sandbox/snapshots/before/restore", &Value::Null).await.0, 200);
    assert_eq!(title(&site).await, "Kept");
    assert_eq!(site.get("/api/publishers/contoso/offers/new").await.0, 404);
    assert_eq!(site.get(&format!("{VM_PATH}/status")).await.1["status"], "neverPublished");
    assert_eq!(site.post("/_sandbox/snapshots/none/restore", &Value::Null).await.0, 404);
    site.sandbox.stop().await.expect("stops");

    let again = Site::start(options).await;
    assert_eq!(title(&again).await, "Kept", "it is on the disk");
    assert_eq!(again.post("/_sandbox/reset", &Value::Null).await.0, 200);
    assert_eq!(title(&again).await, "Seed");
    assert_eq!(again.requests().await.len(), 1, "the log begins anew");
}

#[tokio::test]
async fn a_stepped_clock_stands() {
    let start = "2030-01-31T12:00:00Z".parse::<ClockChoice>().expect("a clock");
    let site = Site::start(Options { clock: start, seed: Seed::Nothing, ..Options::default() }).await;
    let date = async || {
        let answer = site.request(reqwest::Method::GET, "/api/publishers").send().await.expect("an answer");
        answer.headers()["date"].to_str().expect("text").to_owned()
    };
    assert_eq!(date().await, "Thu, 31 Jan 2030 12:00:00 GMT");
    site.advance(61_000).await;
    assert_eq!(date().await, "Thu, 31 Jan 2030 12:01:01 GMT");
    for bad in [json!({}), json!({"advanceMs": 1, "steps": 1}), json!({"advance": 1})] {
        assert_eq!(site.post("/_sandbox/clock", &bad).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn answers_come_in_chunks_and_compressed_when_asked() {
    let site = Site::start(Options::default()).await;
    let url = format!("{}/api/publishers/contoso/offers?api-version=2017-10-31", site.sandbox.url());
    let client = reqwest::Client::builder().no_proxy().no_gzip().build().expect("a client");
    let ask = async |encoding: &str| {
        let request = client.get(&url).bearer_auth("t").header("Accept-Encoding", encoding);
        request.send().await.expect("an answer")
    };
    let plain = ask("identity").await;
    assert!(plain.headers().get("content-length").is_none() && plain.headers().get("content-encoding").is_none());
    let plain = plain.bytes().await.expect("a body");
    let packed = ask("deflate, gzip;q=0.5").await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.bytes().await.expect("a body");
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.as_ref()), &mut unpacked).expect("gzip");
    assert!(packed.len() < plain.len() && unpacked == plain);
    assert!(ask("gzip;q=0").await.headers().get("content-encoding").is_none());
}

#[tokio::test]
async fn a_restart_keeps_what_sixteen_writers_were_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = Options { seed: Seed::Nothing, state: Some(dir.path().join("state.redb")), ..Options::default() };
    let site = Arc::new(Site::start(options.clone()).await);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let site = Arc::clone(&site);
        tasks.spawn(async move {
            let name = format!("o{number}");
            assert_eq!(site.put(&name, None, &named(&name)).await.status(), 201);
        });
    }
    tasks.join_all().await;
    Arc::into_inner(site).expect("nobody else").sandbox.stop().await.expect("stops");
    let again = Site::start(options).await;
    let (_, list) = again.get("/api/publishers/contoso/offers").await;
    assert_eq!(list.as_array().map(Vec::len), Some(16));
}

fn named(name: &str) -> Value {
    let mut body = document(name);
    body["id"] = json!(name);
    body
}
