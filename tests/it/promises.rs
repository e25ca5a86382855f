//! What must never happen: a secret in an output, a token at another host.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{World, migrated, native, offer};

const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";
const SECRET: &str = "CANARYsecret-value";

/// The YAML of an offer with a secret from the environment and a signed URL.
fn with_secret(title: &str) -> String {
    let mut document = offer("a", title);
    document["definition"]["offer"][LEAD] = json!({"connectionString": "@SECRET@"});
    document["definition"]["plans"][0]["microsoft-azure-virtualmachines.vmImages"]["1.1.0"] = json!({"osVhdUrl": "https://images.blob.core.windows.net/vhds/2.vhd?sv=2018&sp=rl&sig=CANARYnew", "lunVhdDetails": []});
    document.to_string().replace("\"@SECRET@\"", "!secret env:LEAD_CONNECTION")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_output_and_the_portal_gets_it_all_the_same() {
    for on_portal in [native as fn(&Value) -> Value, migrated] {
        let world = World::new(vec![on_portal(&offer("a", "old"))], &[]).await;
        crate::support::write(world.folder.path(), "offers/a.yaml", &with_secret("new"));
        let env = [("LEAD_CONNECTION", SECRET), ("OFFERCTL_TOKEN", "CANARYtoken")];
        let mut everything = String::new();
        let runs: [&[&str]; 7] = [
            &["validate", "-o", "json"],
            &["plan", "-vv", "--out", "p.json", "-o", "json=plan.json"],
            &["apply", "missing.json", "--yes"],
            &["apply", "p.json", "--yes", "-vv", "-o", "json=report.json"],
            &["apply", "p.json", "--yes", "-vv", "-o", "json"],
            &["plan", "--resend", "-vv", "-o", "json"],
            &["status", "-vv"],
        ];
        for args in runs {
            let ran = world.run_with(args, &env).await;
            everything.push_str(&ran.stdout);
            everything.push_str(&ran.stderr);
        }
        for file in ["p.json", "plan.json", "report.json"] {
            everything.push_str(&std::fs::read_to_string(world.path(file)).expect("a file"));
        }
        assert!(!everything.contains("CANARY"), "{}", context(&everything, "CANARY"));
        assert!(everything.contains("sig=REDACTED"), "the plan shows the URL without its signature");
        let stored = world.live("a").await;
        let images = &stored["definition"]["plans"][0]["microsoft-azure-virtualmachines.vmImages"];
        assert!(images["1.1.0"]["osVhdUrl"].as_str().is_some_and(|url| url.ends_with("sig=CANARYnew")), "{images}");
        let put = world.requests().await.into_iter().find(|request| request["method"] == "PUT").expect("a PUT");
        assert!(put["body"]["definition"]["offer"][LEAD].get("connectionString").is_some(), "{put}");
    }
}

fn context(text: &str, needle: &str) -> String {
    let at = text.find(needle).unwrap_or(0);
    text[text.floor_char_boundary(at.saturating_sub(300))..text.ceil_char_boundary((at + 100).min(text.len()))]
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_literal_secret_is_refused_without_being_shown() {
    let world = World::new(vec![], &[]).await;
    let text = with_secret("new").replace("!secret env:LEAD_CONNECTION", "\"CANARYliteral\"");
    crate::support::write(world.folder.path(), "offers/a.yaml", &text);
    let refused = world.run(&["validate"]).await.exits(3);
    assert!(refused.stdout.contains("a secret in plain text"), "{}", refused.stdout);
    assert!(!refused.stdout.contains("CANARYliteral"), "{}", refused.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_secret_stops_apply_before_anything_is_written() {
    let world =
        World::new(vec![native(&offer("a", "old")), native(&offer("b", "old"))], &[("b", &offer("b", "new"))]).await;
    crate::support::write(world.folder.path(), "offers/a.yaml", &with_secret("new"));
    let failed = world.run(&["apply", "--yes"]).await.exits(3);
    let message =
        "secrets cannot be read: env:LEAD_CONNECTION (offers/a.yaml:1): the variable is not set; nothing was written";
    assert!(failed.stderr.contains(message), "{}", failed.stderr);
    assert_eq!(world.count("PUT", "").await, 0);
}

/// A second server that keeps everything it receives.
struct Stranger {
    url: String,
    received: std::thread::JoinHandle<Vec<u8>>,
    listener: TcpListener,
}

impl Stranger {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let accepting = listener.try_clone().expect("a second handle");
        let received = std::thread::spawn(move || {
            let mut received = Vec::new();
            for stream in accepting.incoming() {
                let mut stream = stream.expect("a connection");
                let mut bytes = [0; 4096];
                let count = stream.read(&mut bytes).expect("read");
                if bytes.starts_with(b"STOP") {
                    break;
                }
                received.extend_from_slice(&bytes[..count]);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").expect("written");
            }
            received
        });
        Self { url, received, listener }
    }

    fn received(self) -> String {
        let address = self.listener.local_addr().expect("an address");
        std::net::TcpStream::connect(address).expect("connected").write_all(b"STOP").expect("written");
        String::from_utf8_lossy(&self.received.join().expect("joined")).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_another_host_is_not_followed_and_the_operation_is_found_all_the_same() {
    let stranger = Stranger::new();
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let link = format!("{}/api/operations/x?api-version=2017-10-31", stranger.url);
    let headers = json!({"Location": link, "Operation-Location": link});
    world
        .fault(
            json!({"method": "POST", "path": "/publish", "status": 202, "body": {}, "headers": headers, "after": true}),
        )
        .await;
    world.run(&["apply", "--yes", "--through", "live"]).await.exits(0);
    assert_eq!(stranger.received(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let stranger = Stranger::new();
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let headers = json!({"Location": format!("{}/elsewhere", stranger.url)});
    world.fault(json!({"method": "GET", "path": "/offers/a", "status": 307, "headers": headers})).await;
    let planned = world.run(&["plan"]).await.exits(1);
    assert!(planned.stdout.contains("nothing is planned for it"), "{}", planned.stdout);
    assert_eq!(stranger.received(), "");
}
