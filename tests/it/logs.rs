//! What the log tells at each level, and what it never tells.

use serde_json::{Value, json};

use crate::support::{Ran, World, native, offer, write};

const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";

/// Secrets in every place that a log could show: the token, a signature, a field that only the schema knows.
async fn world() -> World {
    let mut live = native(&offer("a", "old"));
    live["definition"]["offer"][LEAD] = json!({"connectionString": "AccountKey=CANARYlive"});
    let world = World::new(vec![live], &[]).await;
    let mut file = offer("a", "new");
    file["definition"]["offer"][LEAD] = json!({"connectionString": "@S@"});
    write(world.folder.path(), "offers/a.yaml", &file.to_string().replace("\"@S@\"", "!secret env:S"));
    world
}

async fn apply(args: &[&str], env: &[(&str, &str)]) -> Ran {
    let world = world().await;
    let secrets = [("OFFERCTL_TOKEN", "CANARYtoken"), ("S", "CANARYwritten")];
    let args = [&["apply", "--yes"], args].concat();
    let ran = world.run_with(&args, &[&secrets[..], env].concat()).await.exits(0);
    assert_eq!(world.count("PUT", "/offers/a").await, 1);
    assert!(!ran.stderr.contains("CANARY") && !ran.stdout.contains("CANARY"), "{args:?} {env:?}\n{}", ran.stderr);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn each_level_tells_more_and_none_tells_a_secret() {
    let silent = apply(&[], &[]).await;
    assert!(!silent.stderr.contains("credential"), "{}", silent.stderr);
    let decisions = apply(&["-v"], &[]).await;
    assert!(decisions.stderr.contains("method=OFFERCTL_TOKEN"), "{}", decisions.stderr);
    assert!(!decisions.stderr.contains("request method="), "{}", decisions.stderr);
    let requests = apply(&["-vv"], &[]).await;
    let put = requests.stderr.lines().find(|line| line.contains("method=\"PUT\"")).expect("the PUT");
    for part in ["path=\"/api/publishers/contoso/offers/a\"", "status=200", "ms=", "attempt=0"] {
        assert!(put.contains(part), "{part} is not in {put}");
    }
    assert!(!requests.stderr.contains("body="), "{}", requests.stderr);
    let bodies = apply(&["-vvv"], &[]).await;
    let sent = bodies.stderr.lines().find(|line| line.contains("sent body=")).expect("the body of the PUT");
    assert!(sent.contains("REDACTED") && sent.contains("skuTitle"), "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_reaches_our_own_log_and_no_librarys() {
    for filter in ["trace", "offerctl=trace", "hyper=trace,h2=trace,reqwest=trace", "offerctl::portal=debug"] {
        let ran = apply(&[], &[("OFFERCTL_LOG", filter)]).await;
        for library in ["hyper", "reqwest", "mio", "connecting to"] {
            assert!(!ran.stderr.contains(library), "{filter}: {library}\n{}", ran.stderr);
        }
        let ours = ran.stderr.contains("request method=");
        assert_eq!(ours, !filter.starts_with("hyper"), "{filter}\n{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_each_line_is_an_object_with_the_same_fields() {
    let ran = apply(&["-vv", "-q", "--log-format", "json"], &[]).await;
    let lines = ran.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
    let put = lines.into_iter().find(|line| line["method"] == "PUT").expect("the PUT");
    assert_eq!((&put["message"], &put["status"], &put["attempt"]), (&json!("request"), &json!(200), &json!(0)));
    assert!(put["timestamp"].is_string() && put["ms"].is_number() && put["level"] == "DEBUG", "{put}");
}
