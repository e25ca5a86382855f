//! The sandbox's store: nothing that was answered is lost, whenever the process is killed; many offers fit.

use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::serve;

/// Ends the process with the test, however that ends.
struct Running {
    child: Child,
    base: String,
}

impl Running {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let (child, base) = serve(folder, args);
        assert!(base.starts_with("http://127.0.0.1:"), "it does not start: {base}");
        Self { child, base }
    }

    fn offer(&self, name: &str) -> String {
        format!("{}/api/publishers/contoso/offers/{name}?api-version=2017-10-31", self.base)
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

const WRITERS: usize = 4;

/// Writes numbers into one offer until the connection breaks; `told` is the last one that was answered.
async fn write(http: reqwest::Client, url: String, name: String, from: u64, told: Arc<AtomicU64>) {
    for number in from.. {
        let body = json!({
            "publisherId": "contoso", "id": name, "offerTypeId": "x",
            "definition": {"displayText": number.to_string(), "filler": "x".repeat(2_000)},
        });
        let answer = http.put(&url).bearer_auth("t").header("If-Match", "*").json(&body).send().await;
        match answer {
            Ok(answer) if answer.status().is_success() => told.store(number, Ordering::SeqCst),
            Ok(answer) => panic!("{}", answer.status()),
            Err(_) => return,
        }
    }
}

/// Kills at random moments under load: 8 times, or as often as `OFFERCTL_TEST_KILLS` says.
#[test]
fn no_answered_put_is_lost_by_a_kill_at_any_moment() {
    let kills: u64 = std::env::var("OFFERCTL_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let told: Vec<Arc<AtomicU64>> = (0..WRITERS).map(|_| Arc::default()).collect();
    let args = ["--state", "state.redb"];
    let mut acknowledged = 0;
    for round in 0..=kills {
        let portal = Running::start(folder.path(), &args);
        let http = client();
        let mut from = Vec::new();
        for (writer, last) in told.iter().enumerate() {
            let read = http.get(portal.offer(&format!("o{writer}"))).bearer_auth("t").send();
            let answer = runtime.block_on(read).expect("an answer");
            let there = match answer.status().as_u16() {
                404 => 0,
                _ => {
                    let document: Value = runtime.block_on(answer.json()).expect("JSON");
                    let text = document["definition"]["displayText"].as_str().expect("a text");
                    text.parse::<u64>().expect("a number")
                }
            };
            // The one after the last that was told may have been written; its answer was under way.
            let known = last.load(Ordering::SeqCst);
            assert!((known..=known + 1).contains(&there), "round {round}, o{writer}: told {known}, there is {there}");
            last.store(there, Ordering::SeqCst);
            from.push(there + 1);
        }
        if round == kills {
            break;
        }
        let before: u64 = told.iter().map(|told| told.load(Ordering::SeqCst)).sum();
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for ((writer, told), from) in told.iter().enumerate().zip(from) {
                let name = format!("o{writer}");
                tasks.spawn(write(http.clone(), portal.offer(&name), name, from, Arc::clone(told)));
            }
            // The moment is random; nothing waits for it.
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..300_000))).await;
            portal.kill();
            tasks.join_all().await;
        });
        acknowledged += told.iter().map(|told| told.load(Ordering::SeqCst)).sum::<u64>() - before;
    }
    assert!(acknowledged > kills, "there was no load: {acknowledged} in {kills} rounds");
}

/// The resident memory of a process, in megabytes.
#[cfg(target_os = "linux")]
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("its memory");
    line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number") / 1_024
}

/// Offers of 10 KB, seeded, written to the store, killed, and read again: 1,000, or as many as `OFFERCTL_TEST_OFFERS`
/// says, in the memory that leaves 10,000 within 500 MB.
#[cfg(target_os = "linux")]
#[test]
fn many_offers_fit_and_are_there_again() {
    let offers: u64 = std::env::var("OFFERCTL_TEST_OFFERS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let limit = 50 + offers * 450 / 10_000;
    let folder = tempfile::tempdir().expect("a folder");
    let seed = folder.path().join("seed");
    std::fs::create_dir(&seed).expect("a folder");
    let plan = |number: usize| {
        json!({
            "planId": format!("plan-{number}"),
            "microsoft-azure-virtualmachines.skuTitle": format!("Plan {number}"),
            "microsoft-azure-virtualmachines.skuDescription": "d".repeat(1_500),
            "regions": ["AT", "BE", "DE", "FR", "NO", "SE"],
        })
    };
    let mut offer = json!({
        "publisherId": "contoso", "offerTypeId": "microsoft-azure-virtualmachines",
        "definition": {"displayText": "d", "offer": {}, "plans": (0..6).map(plan).collect::<Vec<_>>()},
    });
    for number in 0..offers {
        offer["id"] = json!(format!("offer-{number:05}"));
        std::fs::write(seed.join(format!("{number:05}.json")), offer.to_string()).expect("written");
    }
    assert!((9_000..12_000).contains(&offer.to_string().len()), "{}", offer.to_string().len());
    let args = ["--seed", "seed", "--state", "state.redb"];
    let first = Running::start(folder.path(), &args);
    let memory = resident(first.child.id());
    assert!(memory < limit, "{memory} MB after the first start");
    first.kill();

    let begin = Instant::now();
    let again = Running::start(folder.path(), &args);
    let took = begin.elapsed();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let list = client().get(format!("{}/api/publishers/contoso/offers?api-version=2017-10-31", again.base));
    let list: Value =
        runtime.block_on(async { list.bearer_auth("t").send().await.expect("an answer").json().await }).expect("JSON");
    assert_eq!(list.as_array().map_or(0, Vec::len) as u64, offers);
    let memory = resident(again.child.id());
    assert!(memory < limit, "{memory} MB after the second start");
    // Beyond what a debug build takes on a busy machine; a release build reads 10,000 offers in a fraction of a second.
    let longest = Duration::from_secs(5) + Duration::from_millis(5) * u32::try_from(offers).unwrap_or(u32::MAX);
    assert!(took < longest, "{offers} offers: {memory} MB, there again after {took:?}");
}
