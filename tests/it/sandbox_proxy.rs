//! The portal's https hosts, played on loopback: what a client sees of the proxy, without a client of someone else.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use offerctl::{Options, Proxy, ProxyOptions, Sandbox, Seed};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::clients::Played;
use crate::support::{Ran, TITLE, native, offer, offerctl, run, run_beside, write};

const PORTAL: &str = "https://cloudpartner.azure.com";
const LOGIN: &str = "https://login.microsoftonline.com";
const VERSION: &str = "api-version=2017-10-31";

async fn sandbox() -> Sandbox {
    let seed = Seed::Documents(vec![native(&offer("vm", "t"))]);
    let options = Options { seed, step_time: Duration::from_millis(5), ..Options::default() };
    Sandbox::start(options).await.expect("the sandbox starts")
}

async fn proxy(sandbox: &Sandbox) -> Proxy {
    let options = ProxyOptions { listen: "127.0.0.1:0".parse().expect("an address"), ca_file: None };
    Proxy::start(sandbox, options).await.expect("the proxy starts")
}

/// A client that goes through the proxy and trusts this certificate alone.
fn client(proxy: &Proxy, ca_file: &Path) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pem = std::fs::read(ca_file).expect("the certificate");
    let certificate = reqwest::Certificate::from_pem(&pem).expect("PEM");
    let through = reqwest::Proxy::https(proxy.url()).expect("a proxy");
    reqwest::Client::builder().proxy(through).tls_certs_only([certificate]).build().expect("a client")
}

async fn get(client: &reqwest::Client, url: &str) -> (StatusCode, String) {
    let answer = client.get(url).bearer_auth("any").send().await.expect("an answer");
    (answer.status(), answer.text().await.expect("a text"))
}

/// What the proxy answers to these bytes, until it closes the connection.
fn raw(proxy: &Proxy, request: &[u8]) -> String {
    let address: SocketAddr = proxy.url().trim_start_matches("http://").parse().expect("an address");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    stream.write_all(request).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer and an end");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_the_hosts_built_in_works_on_the_sandbox() {
    let sandbox = sandbox().await;
    let proxy = proxy(&sandbox).await;
    let client = client(&proxy, proxy.ca_file());

    let (status, text) = get(&client, &format!("{LOGIN}/some-tenant/v2.0/.well-known/openid-configuration")).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let configuration: Value = serde_json::from_str(&text).expect("JSON");
    let endpoint = configuration["token_endpoint"].as_str().expect("an endpoint");
    assert!(endpoint.starts_with(&format!("{LOGIN}/some-tenant/")), "clients use it as it is: {endpoint}");
    let discovery = format!(
        "{LOGIN}/common/discovery/instance?api-version=1.1&authorization_endpoint={LOGIN}/common/oauth2/authorize"
    );
    let (status, text) = get(&client, &discovery).await;
    assert_eq!(status, StatusCode::OK, "msal asks it for the other names of the host: {text}");
    let instances: Value = serde_json::from_str(&text).expect("JSON");
    let aliases = instances["metadata"][0]["aliases"].as_array().expect("names");
    assert!(aliases.contains(&"login.windows.net".into()) && aliases.contains(&"login.microsoftonline.com".into()));

    let form = "grant_type=client_credentials&client_id=c&client_secret=s&scope=https%3A%2F%2Fcloudpartner.azure.com%2F.default";
    let asked = client.post(endpoint).header("content-type", "application/x-www-form-urlencoded").body(form);
    let granted: Value = asked.send().await.expect("an answer").json().await.expect("JSON");
    let token = granted["access_token"].as_str().expect("a token");

    let url = format!("{PORTAL}/api/publishers/contoso/offers/vm/publish?{VERSION}");
    let body = r#"{"metadata": {"notification-emails": "a@contoso.example"}}"#;
    let answer = client.post(url).bearer_auth(token).body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let link = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(link("location"), link("operation-location"));
    let link = link("location");
    assert!(link.starts_with("/api/") && link.contains(VERSION), "relative, to be used as it is: {link}");
    assert_eq!(answer.json::<Value>().await.expect("a body"), json!({}));

    let (status, text) = get(&client, &format!("{PORTAL}{link}")).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let plain = format!("{}/api/publishers/contoso/offers/vm/submissions?{VERSION}", sandbox.url());
    let (_, text) = get(&reqwest::Client::new(), &plain).await;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&text).expect("a list").len(), 1, "it is one and the same portal");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_host_serves_what_is_its_own() {
    let sandbox = sandbox().await;
    let mut proxy = proxy(&sandbox).await;
    let client = client(&proxy, proxy.ca_file());
    let offers = format!("/api/publishers/contoso/offers?{VERSION}");
    let configuration = "/t/v2.0/.well-known/openid-configuration";
    for (url, expected) in [
        (format!("{PORTAL}{offers}"), 200),
        (format!("{LOGIN}{offers}"), 404),
        (format!("{LOGIN}{configuration}"), 200),
        (format!("https://login.microsoft.com{configuration}"), 200),
        (format!("https://login.windows.net{configuration}"), 200),
        (format!("{PORTAL}{configuration}"), 404),
    ] {
        assert_eq!(get(&client, &url).await.0, expected, "{url}");
    }
    assert!(proxy.notice().await.contains("login.microsoftonline.com was asked for /api/publishers"));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_strike_clients_of_the_proxy_too() {
    let sandbox = sandbox().await;
    let proxy = proxy(&sandbox).await;
    let client = client(&proxy, proxy.ca_file());
    let url = format!("{PORTAL}/api/publishers/contoso/offers/vm?{VERSION}");
    for (fault, has_answer) in [(json!({"reset": "before"}), false), (json!({"truncateAfter": 10}), true)] {
        let mut once = fault.clone();
        once["times"] = json!(1);
        let planned = reqwest::Client::new().post(format!("{}/_sandbox/faults", sandbox.url())).json(&once);
        assert_eq!(planned.send().await.expect("an answer").status(), 200);
        match client.get(&url).bearer_auth("any").send().await {
            Ok(answer) if has_answer => {
                answer.bytes().await.expect_err("the body breaks off");
            }
            Err(error) if !has_answer => assert!(error.is_request(), "{fault}: {error:?}"),
            other => panic!("{fault}: {other:?}"),
        }
        assert_eq!(get(&client, &url).await.0, 200, "the next one is answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_real() {
    let sandbox = sandbox().await;
    let (mut proxy, other) = (proxy(&sandbox).await, proxy(&sandbox).await);
    let stranger = client(&proxy, other.ca_file());
    let error = stranger.get(format!("{PORTAL}/api/publishers?{VERSION}")).send().await.expect_err("not trusted");
    assert!(format!("{error:?}").contains("InvalidCertificate"), "{error:?}");
    let notice = proxy.notice().await;
    assert!(notice.contains("broke off TLS with cloudpartner.azure.com"), "{notice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_reached_through_it() {
    let sandbox = sandbox().await;
    let mut proxy = proxy(&sandbox).await;
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    target.set_nonblocking(true).expect("set");
    let address = target.local_addr().expect("an address");
    for (request, status, say) in [
        (format!("CONNECT {address} HTTP/1.1\r\n\r\n"), "403 Forbidden", address.to_string()),
        (
            "CONNECT api.partner.microsoft.com:443 HTTP/1.1\r\n\r\n".to_owned(),
            "403 Forbidden",
            "api.partner".to_owned(),
        ),
        ("CONNECT cloudpartner.azure.com:80 HTTP/1.1\r\n\r\n".to_owned(), "403 Forbidden", ":80".to_owned()),
        (format!("GET http://{address}/ HTTP/1.1\r\n\r\n"), "405 Method Not Allowed", "GET".to_owned()),
        ("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody".to_owned(), "405 Method Not Allowed", "POST".to_owned()),
        ("CONNECT cloudpartner.azure.com:443 ".repeat(1_000), "400 Bad Request", "more than 16384".to_owned()),
        ("nonsense\r\n\r\n".to_owned(), "400 Bad Request", "not a request".to_owned()),
    ] {
        let answer = tokio::task::block_in_place(|| raw(&proxy, request.as_bytes()));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}: {answer}");
        assert!(answer.contains(&say) && answer.contains(sandbox.url()), "{request}: {answer}");
        let notice = proxy.notice().await;
        assert!(notice.contains(&say), "{notice}");
    }
    let connected = target.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(connected, Err(std::io::ErrorKind::WouldBlock), "the proxy connected to someone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_stops_takes_its_certificate_along() {
    let sandbox = sandbox().await;
    let proxy = proxy(&sandbox).await;
    let ca_file = proxy.ca_file().to_owned();
    let client = client(&proxy, &ca_file);
    let url = format!("{PORTAL}/api/publishers?{VERSION}");
    assert_eq!(get(&client, &url).await.0, 200);
    proxy.stop().await.expect("stopped");
    assert!(!ca_file.exists());
    client.get(&url).send().await.expect_err("nobody listens");
    sandbox.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_beside_the_state_or_gone_at_the_end() {
    let ca_file = |portal: &Played| {
        let script = format!("{}printf %s \"$SSL_CERT_FILE\"", portal.exports);
        PathBuf::from(run(Command::new("sh").args(["-c", &script])).exits(0).stdout)
    };
    let documents = [native(&offer("vm", "t"))];
    let mut kept = Played::with(&["--state", "portal.json"], &documents).await;
    assert_eq!(ca_file(&kept), kept.folder.path().join("portal.ca.pem"));
    assert!(std::fs::read_to_string(ca_file(&kept)).expect("a file").contains("-----BEGIN CERTIFICATE-----"));
    kept.terminate();
    assert!(kept.folder.path().join("portal.json").exists());

    let mut passing = Played::with(&[], &documents).await;
    assert!(ca_file(&passing).is_file());
    passing.terminate();
    assert!(!ca_file(&passing).exists());
}

#[test]
fn what_cannot_be_proxied_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = |args: &[&str]| run(offerctl(folder.path()).args(["sandbox", "--listen", "127.0.0.1:0"]).args(args));
    let outside = sandbox(&["--proxy", "0.0.0.0:0"]).exits(3);
    assert!(outside.stderr.contains("the proxy only listens on loopback"), "{}", outside.stderr);
    let alone = sandbox(&["--proxy-ca", "ca.pem"]).exits(3);
    assert!(alone.stderr.contains("--proxy"), "{}", alone.stderr);
    std::fs::write(folder.path().join("bundle.pem"), "certificates of the system\n").expect("written");
    let taken = sandbox(&["--proxy", "127.0.0.1:0", "--proxy-ca", "bundle.pem"]).exits(3);
    assert!(taken.stderr.contains("bundle.pem") && taken.stderr.contains("hint: "), "{}", taken.stderr);
    assert_eq!(taken.stdout, "", "no URL of a sandbox that does not stay");
}

/// offerctl itself, as it talks to the real portal: over https, with the address that is built in.
async fn over_https(portal: &Played, args: &[&str]) -> Ran {
    let mut command = portal.client(env!("CARGO_BIN_EXE_offerctl"));
    command.args(args).args(["--retries", "0"]).env("OFFERCTL_TOKEN", &portal.token);
    run_beside(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn offerctl_applies_over_https_and_trusts_no_other_authority() {
    let documents = [native(&offer("vm", "old"))];
    let mut portal = Played::new("native", &documents).await;
    write(portal.folder.path(), "offers/vm.yaml", &offer("vm", "new").to_string());
    let applied = over_https(&portal, &["apply", "--yes", "--through", "preview", "-o", "json"]).await.exits(0);
    assert_eq!(applied.outcomes(), ["contoso/vm: updated, published, in-preview; done"]);
    assert_eq!(portal.get("vm").await["definition"]["offer"][TITLE], "new");

    let other = Played::new("native", &documents).await;
    let (ours, theirs) = (portal.folder.path().join("ca.pem"), other.folder.path().join("ca.pem"));
    std::fs::copy(theirs, ours).expect("copied");
    let before = portal.requests().await.len();
    over_https(&portal, &["status", "contoso/vm"]).await.exits(1);
    assert_eq!(portal.requests().await.len(), before, "a request went to a portal that is not trusted");
    portal.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn offerctl_offers_http_2_to_the_portal() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let hello = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.extend(byte);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("sent");
        let mut acceptor = rustls::server::Acceptor::default();
        loop {
            acceptor.read_tls(&mut stream).expect("bytes");
            if let Some(accepted) = acceptor.accept().map_err(|(error, _)| error).expect("a greeting") {
                let hello = accepted.client_hello();
                let protocols =
                    hello.alpn().into_iter().flatten().map(|name| String::from_utf8_lossy(name).into_owned());
                break (String::from_utf8(head).expect("text"), protocols.collect::<Vec<_>>());
            }
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = offerctl(folder.path());
    command.args(["status", "contoso/vm", "--retries", "0"]).env("OFFERCTL_TOKEN", "any");
    command.env("HTTPS_PROXY", format!("http://{address}"));
    run_beside(command).await.exits(1);
    let (head, protocols) = hello.await.expect("joined");
    assert!(head.starts_with("CONNECT cloudpartner.azure.com:443 HTTP/1.1\r\n"), "{head}");
    assert_eq!(protocols, ["h2", "http/1.1"]);
}
