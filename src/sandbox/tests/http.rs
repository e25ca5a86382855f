//! The server: what only shows over HTTP, and what must survive it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};

use super::super::{Options, Sandbox};
use super::*;

/// A running sandbox and a client for it.
pub(super) struct Site {
    pub(super) sandbox: Sandbox,
    pub(super) client: Client,
}

impl Site {
    pub(super) async fn start(options: Options) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { sandbox: Sandbox::start(options).await.expect("starts"), client }
    }

    async fn empty() -> Self {
        Self::start(Options { seed: Seed::Nothing, ..Options::default() }).await
    }

    pub(super) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let separator = if target.contains('?') { '&' } else { '?' };
        self.client
            .request(method, format!("{}{target}{separator}api-version=2017-10-31", self.sandbox.url()))
            .bearer_auth("any")
    }

    pub(super) async fn get(&self, target: &str) -> (StatusCode, Value) {
        read(self.request(Method::GET, target).send().await.expect("an answer")).await
    }

    pub(super) async fn post(&self, target: &str, body: &Value) -> (StatusCode, Value) {
        read(self.request(Method::POST, target).json(body).send().await.expect("an answer")).await
    }

    pub(super) async fn put(&self, offer: &str, if_match: Option<&str>, body: &Value) -> Response {
        let mut request = self.request(Method::PUT, &format!("/api/publishers/contoso/offers/{offer}")).json(body);
        if let Some(if_match) = if_match {
            request = request.header("If-Match", if_match);
        }
        request.send().await.expect("an answer")
    }

    pub(super) async fn advance(&self, millis: i64) {
        let (status, _) = self.post("/_sandbox/clock", &json!({"advanceMs": millis})).await;
        assert_eq!(status, 200);
    }

    pub(super) async fn requests(&self) -> Vec<Value> {
        let (_, body) = self.get("/_sandbox/requests").await;
        body.as_array().expect("a list").clone()
    }
}

pub(super) async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, serde_json::from_slice(&response.bytes().await.expect("a body")).unwrap_or_default())
}

fn named(name: &str) -> Value {
    let mut body = document(name);
    body["id"] = json!(name);
    body
}

/// Steps so long that only the control route can move them.
pub(super) const LONG: Duration = Duration::from_secs(3600);
pub(super) const VM_PATH: &str = "/api/publishers/contoso/offers/vm";

#[tokio::test]
async fn answers_carry_the_portals_headers() {
    let site = Site::empty().await;
    let mut correlations = BTreeSet::new();
    for _ in 0..2 {
        let response = site.request(Method::GET, "/api/publishers").send().await.expect("an answer");
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(header("content-type"), "application/json; charset=utf-8");
        assert_eq!((header("cache-control"), header("expires")), ("no-cache", "-1"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        correlations.insert(header("x-ms-correlation-request-id").parse::<uuid::Uuid>().expect("a GUID"));
    }
    assert_eq!(correlations.len(), 2, "each answer has its own");
}

#[tokio::test]
async fn the_date_of_an_answer_is_the_sandboxes_own() {
    let site = Site::empty().await;
    let date = || async {
        let response = site.request(Method::GET, "/api/publishers").send().await.expect("an answer");
        httpdate::parse_http_date(response.headers()["date"].to_str().expect("text")).expect("a date")
    };
    let before = date().await;
    site.advance(3_600_000).await;
    let passed = date().await.duration_since(before).expect("later");
    assert!((3_600..3_660).contains(&passed.as_secs()), "{passed:?}");
}

#[tokio::test]
async fn publishers_that_are_not_known_answer_403() {
    let id = |name: &str| name.parse().expect("an id");
    let refused = json!({"error": {"code": "Forbidden", "message": "User does not have the required permissions"}});
    let contoso = Seed::Documents(vec![document("One")]);
    let unrestricted = Site::start(Options { seed: contoso.clone(), ..Options::default() }).await;
    for rest in ["offers", "offers/vm", "offers/vm/status"] {
        let answer = unrestricted.get(&format!("/api/publishers/fabrikam/{rest}")).await;
        assert_eq!(answer, (StatusCode::FORBIDDEN, refused.clone()), "{rest}");
    }
    assert_eq!(unrestricted.get("/api/operations/fabrikam$vm$1$preview").await.0, 403);
    assert_eq!(unrestricted.get("/api/publishers/contoso/offers/none").await.0, 404);
    let mut first = document("First");
    let mut put = async |site: &Site, publisher: &str| {
        first["publisherId"] = json!(publisher);
        let path = format!("/api/publishers/{publisher}/offers/vm");
        site.request(Method::PUT, &path).json(&first).send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(put(&unrestricted, "fabrikam").await, 403);
    let empty = Site::start(Options { seed: Seed::Nothing, ..Options::default() }).await;
    assert_eq!((put(&empty, "fabrikam").await, put(&empty, "contoso").await), (201, 403), "a first offer decides");
    assert_eq!(empty.get("/api/publishers/fabrikam/offers").await.0, 200);

    let options = Options { seed: contoso.clone(), publishers: vec![id("northwind")], ..Options::default() };
    let restricted = Site::start(options).await;
    assert_eq!(restricted.get("/api/publishers/northwind/offers").await, (StatusCode::OK, json!([])));
    assert_eq!(put(&restricted, "fabrikam").await, 403);
    let (_, list) = restricted.get("/api/publishers").await;
    assert_eq!((&list[0]["id"], &list[1]["id"]), (&json!("contoso"), &json!("northwind")));

    let open = Site::start(Options { seed: contoso, any_publisher: true, ..Options::default() }).await;
    assert_eq!(open.get("/api/publishers/fabrikam/offers").await.0, 200);
}

#[tokio::test]
async fn bearer_tokens_are_demanded() {
    let any = Site::empty().await;
    let url = format!("{}/api/publishers?api-version=2017-10-31", any.sandbox.url());
    let (status, body) = read(any.client.get(&url).send().await.expect("an answer")).await;
    assert_eq!(status, 401);
    assert!(body["Message"].is_string() && body.get("error").is_none());
    assert_eq!(any.client.get(&url).header("Authorization", "Bearer ").send().await.expect("an answer").status(), 401);
    assert_eq!(any.client.get(&url).basic_auth("u", Some("p")).send().await.expect("an answer").status(), 401);
    assert_eq!(any.client.get(&url).bearer_auth("x").send().await.expect("an answer").status(), 200);

    let options = Options { seed: Seed::Nothing, token: Some("right".to_owned()), ..Options::default() };
    let strict = Site::start(options).await;
    let url = format!("{}/api/publishers?api-version=2017-10-31", strict.sandbox.url());
    for (token, status) in [("wrong", 401), ("right", 200)] {
        assert_eq!(strict.client.get(&url).bearer_auth(token).send().await.expect("an answer").status(), status);
    }
    let health = strict.client.get(format!("{}/_sandbox/health", strict.sandbox.url()));
    let (status, body) = read(health.send().await.expect("an answer")).await;
    assert_eq!((status, body), (StatusCode::OK, json!({"ok": true})), "the sandbox's own routes are open");
}

#[tokio::test]
async fn the_interface_version_and_the_path_are_checked() {
    let site = Site::empty().await;
    let old = format!("{}/api/publishers?api-version=2016-08-01-preview", site.sandbox.url());
    let (status, body) = read(site.client.get(old).bearer_auth("x").send().await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("InvalidAPIVersion")));
    for nowhere in ["/api/images", "/api", "/apix/publishers", "/_sandbox/none", "/"] {
        assert_eq!(site.get(nowhere).await.0, 404, "{nowhere}");
    }
    let (status, _) = read(site.request(Method::DELETE, VM_PATH).send().await.expect("an answer")).await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn creating_and_updating_over_http() {
    let site = Site::empty().await;
    assert_eq!(site.get(VM_PATH).await.0, 404);
    let created = site.put("vm", None, &document("One")).await;
    assert_eq!(created.status(), 201);
    let etag = created.headers()["etag"].to_str().expect("text").to_owned();
    let read_back = site.request(Method::GET, VM_PATH).send().await.expect("an answer");
    assert_eq!(read_back.headers()["etag"], etag);
    assert_eq!(site.put("vm", None, &document("Two")).await.status(), 400);
    assert_eq!(site.put("vm", Some(&etag), &document("Two")).await.status(), 200);
    assert_eq!(site.put("vm", Some(&etag), &document("Three")).await.status(), 412);
    let (_, list) =
        site.get("/api/publishers/contoso/offers/?$filter=offerTypeId%20eq%20'microsoft-azure-virtualmachines'").await;
    assert_eq!(list[0]["definition"], json!({"displayText": "Two"}));
}

#[tokio::test]
async fn migrated_offers_over_http() {
    let options = Options { seed: Seed::Nothing, default_profile: Profile::Migrated, ..Options::default() };
    let site = Site::start(options).await;
    let (status, body) = site.get(VM_PATH).await;
    assert_eq!((status, &body["Product"]["httpStatusCode"]), (StatusCode::NOT_FOUND, &json!("NotFound")));
    let created = site.put("vm", Some("*"), &document("One")).await;
    assert_eq!((created.status(), created.headers().get("etag")), (StatusCode::OK, None));
    assert_eq!(site.put("vm", None, &document("Two")).await.status(), 200);
}

#[tokio::test]
async fn publishing_with_the_clock_stepped_by_the_control_route() {
    let site = Site::start(Options { seed: Seed::Nothing, step_time: LONG, ..Options::default() }).await;
    let step = i64::try_from(LONG.as_millis()).expect("fits");
    site.put("vm", None, &document("One")).await;
    let publish = site
        .request(Method::POST, &format!("{VM_PATH}/publish"))
        .json(&json!({"metadata": {"notification-emails": "a@contoso.example"}}));
    let publish = publish.send().await.expect("an answer");
    assert_eq!(publish.status(), 202);
    let link = format!("{}{}", site.sandbox.url(), publish.headers()["location"].to_str().expect("text"));
    assert_eq!(publish.headers()["location"], publish.headers()["operation-location"]);
    assert_eq!(site.put("vm", Some("*"), &document("Two")).await.status(), 409);
    assert_eq!(site.post(&format!("{VM_PATH}/publish"), &json!({})).await.0, 409);
    assert_eq!(site.post(&format!("{VM_PATH}/golive"), &json!({})).await.0, 409);
    let operation = || async {
        let response = site.client.get(&link).bearer_auth("x").send().await.expect("an answer");
        read(response).await.1["status"].clone()
    };
    assert_eq!(operation().await, "running");

    site.advance(4 * step).await;
    assert_eq!(operation().await, "complete", "clients wait for it before they go live");
    let (_, status) = site.get(&format!("{VM_PATH}/status")).await;
    assert_eq!(status["steps"][4]["status"], "waitingForPublisherReview");
    assert_eq!(site.post(&format!("{VM_PATH}/golive"), &Value::Null).await.0, 202);
    assert_eq!(site.get(&format!("{VM_PATH}/slot/production")).await.0, 404);

    site.advance(step).await;
    assert_eq!(site.get(&format!("{VM_PATH}/status")).await.1["status"], "succeeded");
    assert_eq!(site.get(&format!("{VM_PATH}/slot/Production")).await.0, 200);

    site.put("vm", Some("*"), &document("Two")).await;
    site.post(&format!("{VM_PATH}/publish"), &json!({})).await;
    assert_eq!(site.post(&format!("{VM_PATH}/cancel"), &json!({})).await.0, 202);
    assert_eq!(site.get(&format!("{VM_PATH}/submissions")).await.1[0]["submissionState"], "running");
    site.advance(step).await;
    assert_eq!(site.get(&format!("{VM_PATH}/submissions")).await.1[0]["submissionState"], "canceled");
}

#[tokio::test]
async fn publishing_an_empty_offer_is_422() {
    let site = Site::empty().await;
    site.put("vm", None, &json!({"offerTypeId": VM})).await;
    assert_eq!(site.post(&format!("{VM_PATH}/publish"), &json!({})).await.0, 422);
}

#[tokio::test]
async fn state_survives_a_restart_with_its_clock_and_operations() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = |seed: Seed| Options {
        seed,
        state: Some(dir.path().join("deep/state.redb")),
        step_time: LONG,
        ..Options::default()
    };
    let step = i64::try_from(LONG.as_millis()).expect("fits");
    let first = Site::start(options(Seed::Nothing)).await;
    let etag = first.put("vm", None, &document("One")).await.headers()["etag"].clone();
    first.post(&format!("{VM_PATH}/publish"), &json!({})).await;
    first.advance(2 * step).await;
    first.sandbox.stop().await.expect("stops");

    let second = Site::start(options(Seed::Contoso)).await;
    let (_, list) = second.get("/api/publishers/contoso/offers").await;
    assert_eq!(list.as_array().map(Vec::len), Some(1), "the seed is not used again");
    let response = second.request(Method::GET, VM_PATH).send().await.expect("an answer");
    assert_eq!(response.headers()["etag"], etag);
    let (_, status) = second.get(&format!("{VM_PATH}/status")).await;
    assert_eq!(status["steps"][1]["status"], "complete");
    second.advance(2 * step).await;
    assert_eq!(second.post(&format!("{VM_PATH}/golive"), &json!({})).await.0, 202);
    second.sandbox.stop().await.expect("stops");
}

#[tokio::test]
async fn a_state_file_has_one_user() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = Options { state: Some(dir.path().join("state.redb")), ..Options::default() };
    let first = Sandbox::start(options.clone()).await.expect("starts");
    let error = Sandbox::start(options.clone()).await.expect_err("taken").to_string();
    assert!(error.contains("another process") && error.contains("state.redb"), "{error}");
    first.stop().await.expect("stops");
    Sandbox::start(options).await.expect("free again").stop().await.expect("stops");
}

#[tokio::test]
async fn a_broken_state_file_is_not_overwritten() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("state.redb");
    std::fs::write(&path, "{half").expect("writes");
    let options = Options { state: Some(path.clone()), ..Options::default() };
    let error = Sandbox::start(options).await.expect_err("refused").to_string();
    assert!(error.contains("state.redb"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).expect("reads"), "{half");
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let options = Options { listen: "0.0.0.0:0".parse().expect("an address"), ..Options::default() };
    let error = Sandbox::start(options).await.expect_err("refused");
    assert!(error.exit == crate::error::Exit::Invalid && error.to_string().contains("loopback"), "{error}");
}

#[tokio::test]
async fn faults_answer_instead_of_the_portal_or_after_it() {
    let site = Site::empty().await;
    let fault = json!({
        "method": "GET", "path": "/publishers", "status": 429, "headers": {"Retry-After": "7"},
        "body": {"error": {"code": "Busy"}}, "times": 1, "skip": 1,
    });
    assert_eq!(site.post("/_sandbox/faults", &fault).await.0, 200);
    assert_eq!(site.get("/api/publishers").await.0, 200);
    let response = site.request(Method::GET, "/api/publishers").send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"7".parse().expect("a value")));
    assert_eq!(read(response).await.1["error"]["code"], "Busy");
    assert_eq!(site.get("/api/publishers").await.0, 200);

    site.post("/_sandbox/faults", &json!({"method": "PUT", "status": 500, "body": "<html>", "times": 1})).await;
    assert_eq!(site.put("vm", None, &document("One")).await.status(), 500);
    assert_eq!(site.get(VM_PATH).await.0, 404, "it did not take effect");
    site.post("/_sandbox/faults", &json!({"method": "PUT", "status": 502, "body": "<html>", "after": true})).await;
    let lost = site.put("vm", None, &document("One")).await;
    assert_eq!((lost.status().as_u16(), lost.text().await.expect("a body").as_str()), (502, "<html>"));
    assert_eq!(site.get(VM_PATH).await.0, 200, "it took effect");
    assert_eq!(site.put("vm", Some("*"), &document("One")).await.status(), 502, "for ever");
    let cleared = site.request(Method::DELETE, "/_sandbox/faults").send().await.expect("an answer");
    assert_eq!(cleared.status(), 200);
    assert_eq!(site.put("vm", Some("*"), &document("One")).await.status(), 200);
    assert_eq!(site.post("/_sandbox/faults", &json!({"status": 1000})).await.0, 400);
}

#[tokio::test]
async fn requests_are_written_down_without_secrets() {
    let site = Site::empty().await;
    let mut body = document("One");
    body["definition"]["offer"]["microsoft-azure-marketplace.tableLeadConfiguration"] =
        json!({"connectionString": "AccountKey=s3cret"});
    site.put("vm", Some("*"), &body).await;
    site.post("/_sandbox/faults", &json!({"path": "/status", "status": 503})).await;
    site.get(&format!("{VM_PATH}/status/")).await;
    let requests = site.requests().await;
    assert_eq!(requests.len(), 2, "control routes do not count: {requests:?}");
    assert_eq!(
        (&requests[0]["n"], &requests[0]["method"], &requests[0]["ifMatch"]),
        (&json!(1), &json!("PUT"), &json!("*"))
    );
    assert_eq!(requests[0]["body"]["id"], "vm");
    assert!(!requests[0].to_string().contains("s3cret"), "{}", requests[0]);
    assert_eq!(requests[1]["path"], format!("{VM_PATH}/status/?api-version=2017-10-31"));
    assert_eq!(requests[1]["status"], 503, "what was answered, fault or not");
    site.request(Method::DELETE, "/_sandbox/requests").send().await.expect("an answer");
    assert!(site.requests().await.is_empty());
}

#[tokio::test]
async fn a_portal_user_can_edit_behind_everyones_back() {
    let site = Site::empty().await;
    let etag = site.put("vm", None, &document("One")).await.headers()["etag"].to_str().expect("text").to_owned();
    let edit = site.request(Method::PUT, "/_sandbox/offers/contoso/vm").json(&document("Edited"));
    let (status, edited) = read(edit.send().await.expect("an answer")).await;
    assert_eq!((status, &edited["version"]), (StatusCode::OK, &json!(2)));
    let definition = &site.get(VM_PATH).await.1["definition"];
    assert_eq!(*definition, document("Edited")["definition"], "as given, without defaults");
    assert_eq!(site.put("vm", Some(&etag), &document("Two")).await.status(), 412);
    let mut migrated = named("other");
    migrated["pcMigrationStatus"] = json!("migrated");
    let create = site.request(Method::PUT, "/_sandbox/offers/contoso/other").json(&migrated);
    assert_eq!(read(create.send().await.expect("an answer")).await.1["pcMigrationStatus"], "migrated");
    assert_eq!(site.requests().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_write_is_lost_among_sixteen_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("state.redb");
    let options = Options { seed: Seed::Nothing, state: Some(path.clone()), ..Options::default() };
    let site = std::sync::Arc::new(Site::start(options.clone()).await);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let site = std::sync::Arc::clone(&site);
        tasks.spawn(async move {
            let name = format!("offer-{number}");
            let created = site.put(&name, None, &named(&name)).await.status();
            let updated = site.put(&name, Some("*"), &named(&name)).await.status();
            (created.as_u16(), updated.as_u16())
        });
    }
    assert!(tasks.join_all().await.iter().all(|statuses| *statuses == (201, 200)));
    std::sync::Arc::into_inner(site).expect("the last").sandbox.stop().await.expect("stops");
    let again = Site::start(options).await;
    let (_, list) = again.get("/api/publishers/contoso/offers").await;
    let seen: BTreeSet<String> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["id"].to_string() + &item["version"].to_string())
        .collect();
    let expected: BTreeSet<String> = (0..16).map(|number| format!("\"offer-{number}\"2")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_writers_with_one_etag_one_wins() {
    let site = std::sync::Arc::new(Site::empty().await);
    let etag = site.put("vm", None, &document("One")).await.headers()["etag"].to_str().expect("text").to_owned();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (site, etag) = (std::sync::Arc::clone(&site), etag.clone());
        tasks.spawn(async move { site.put("vm", Some(&etag), &document(&number.to_string())).await.status().as_u16() });
    }
    let mut statuses = tasks.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| *status == 412), "{statuses:?}");
}

#[tokio::test]
async fn seed_folders_are_read_and_errors_name_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("writes");
    write("b.json", &named("b").to_string());
    write("a.json", &named("a").to_string());
    write("notes.txt", "not a seed");
    let start = |folder: PathBuf| Sandbox::start(Options { seed: Seed::Folder(folder), ..Options::default() });
    let site = Site::start(Options { seed: Seed::Folder(dir.path().to_owned()), ..Options::default() }).await;
    let (_, list) = site.get("/api/publishers/contoso/offers").await;
    assert_eq!((&list[0]["id"], &list[1]["id"]), (&json!("a"), &json!("b")));
    write("c.json", "{");
    let error = start(dir.path().to_owned()).await.expect_err("refused").to_string();
    assert!(error.contains("c.json"), "{error}");
    write("c.json", &named("a").to_string());
    let error = start(dir.path().to_owned()).await.expect_err("refused").to_string();
    assert!(error.contains("c.json") && error.contains("there already"), "{error}");
    let error = start(dir.path().join("nowhere")).await.expect_err("refused").to_string();
    assert!(error.contains("nowhere"), "{error}");
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_state_file() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let dir = tempfile::tempdir().expect("a folder");
    let options = Options { state: Some(dir.path().join("state.redb")), ..Options::default() };
    let sandbox = Sandbox::start(options.clone()).await.expect("starts");
    let address = sandbox.url().trim_start_matches("http://").to_owned();
    let mut half = tokio::net::TcpStream::connect(&address).await.expect("connects");
    half.write_all(b"PUT /api HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        .await
        .expect("writes");
    let mut answer = [0; 12];
    half.read_exact(&mut answer).await.expect("the server waits for the body");
    assert_eq!(&answer, b"HTTP/1.1 100");
    sandbox.stop().await.expect("stops");
    Sandbox::start(options).await.expect("the file is free").stop().await.expect("stops");
    half.write_all(b"{\"a\": 1}\n").await.expect("writes");
    let mut rest = String::new();
    half.read_to_string(&mut rest).await.expect("an answer, then the end");
    assert!(rest.contains("HTTP/1.1 503 "), "it was not carried out: {rest}");
}
