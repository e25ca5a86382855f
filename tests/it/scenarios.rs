//! What `plan` and `apply` do, one folder each in `tests/scenarios`; its `README.md` describes the files. The expected
//! files are read from the first line to the last in a review; `SNAPSHOTS=overwrite cargo test --test it scenarios`
//! writes them again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use snapbox::{IntoData as _, assert_data_eq};

use crate::support::{Ran, World, write};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry"));
    let mut names = entries.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect::<Vec<_>>();
    names.sort();
    names
}

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(FOLDER);
    names(folder).iter().filter(|name| *name != "README.md").map(|name| folder.join(name)).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Everything that a scenario expects, by the name of the file.
async fn observe(scenario: &Path) -> BTreeMap<String, String> {
    let live = names(&scenario.join("live"));
    let live = live.iter().map(|name| serde_json::from_str(&read(&scenario.join("live").join(name))).expect("JSON"));
    let world = World::new(live.collect(), &[]).await;
    let files = names(&scenario.join("offers"));
    for file in files.iter().map(|file| format!("offers/{file}")) {
        write(world.folder.path(), &file, &read(&scenario.join(&file)));
    }
    write(world.folder.path(), "offerctl.toml", &read(&scenario.join("offerctl.toml")));

    let words = read(&scenario.join("args"));
    let (env, args): (Vec<_>, Vec<_>) =
        words.split_whitespace().partition(|word| word.contains('=') && !word.starts_with('-'));
    let env = env.iter().filter_map(|word| word.split_once('=')).collect::<Vec<_>>();
    let run = async |command: &[&str]| world.run_with(&[command, &args].concat(), &env).await;

    let text = run(&["plan", "--detailed-exitcode", "-o", "text", "-o", "json=plan.json"]).await;
    let plan = serde_json::from_str::<Value>(&read(&world.path("plan.json"))).expect("a plan");
    let applied = run(&["apply", "--yes", "-o", "json"]).await;
    let requests = world.requests().await;
    let mut seen = BTreeMap::from([
        ("plan.txt".to_owned(), plan_text(&text, &plan)),
        ("plan.json".to_owned(), pretty(&decisions(&plan))),
        ("report.json".to_owned(), pretty(&outcome(&applied))),
    ]);
    let mut stored = BTreeMap::new();
    for id in files.iter().map(|file| file.trim_end_matches(".yaml")) {
        let mut document = world.live(id).await;
        if document.get("definition").is_some() {
            let name = format!("contoso_{id}.json");
            let before = serde_json::from_str(&read(&scenario.join("live").join(&name))).unwrap_or_default();
            stored.insert(id.to_owned(), document.clone());
            // A migrated offer gets any version.
            document["version"] = json!("VERSION");
            document["changedTime"] = json!("TIME");
            seen.insert(format!("after/{name}"), pretty(&without_defaults(&document, &before)));
        }
    }
    seen.insert("requests.txt".to_owned(), written(&requests, &stored));
    assert!(!seen.values().any(|text| text.contains("CANARY")), "a secret is shown: {seen:#?}");
    seen
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A document without the empty values that the portal filled in.
fn without_defaults(document: &Value, before: &Value) -> Value {
    match document {
        Value::Object(map) => map
            .iter()
            .filter(|(key, value)| before.get(key).is_some() || !(is_empty(value) || **value == Value::Bool(false)))
            .map(|(key, value)| (key.clone(), without_defaults(value, before.get(key).unwrap_or(&Value::Null))))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => {
            let members = items.iter().enumerate();
            members.map(|(at, value)| without_defaults(value, before.get(at).unwrap_or(&Value::Null))).collect()
        }
        value => value.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || [json!(0), json!(""), json!([]), json!({})].contains(value)
}

/// The text of a plan, with its exit code and its warnings.
fn plan_text(ran: &Ran, plan: &Value) -> String {
    let fingerprint = plan["fingerprint"].as_str().expect("a fingerprint");
    let mut text = ran.stdout.replace(&fingerprint[..12], "FINGERPRINT");
    // The last line counts requests.
    for warning in ran.stderr.lines().filter(|line| !line.ends_with(" retries.")) {
        let _ = writeln!(text, "{warning}");
    }
    format!("{text}exit {}\n", ran.code)
}

/// What a plan decides, without what follows from the files and what is text for people.
fn decisions(plan: &Value) -> Value {
    let of_offer = ["offer", "profile", "write", "release", "hidden", "secrets", "ignored", "unmanaged"];
    let offer = |offer: &Value| {
        let mut kept = chosen(offer, &of_offer);
        let list = |key: &str, keys: &[&str]| {
            offer[key].as_array().expect("a list").iter().map(|one| chosen(one, keys)).collect::<Value>()
        };
        kept["findings"] = list("findings", &["guard", "level", "token", "allowed"]);
        kept["changes"] = list("changes", &["address", "op", "risk", "twin", "before", "after", "added", "removed"]);
        without_empty(kept)
    };
    let offers = plan["offers"].as_array().expect("a list").iter().map(offer).collect::<Value>();
    let mut kept = chosen(plan, &["unchanged", "unread", "findings"]);
    kept["offers"] = offers;
    without_empty(kept)
}

fn outcome(ran: &Ran) -> Value {
    let report = ran.json();
    let offers = report["offers"].as_array().expect("a list");
    let offers = offers.iter().map(|offer| chosen(offer, &["offer", "done", "end"])).collect::<Value>();
    json!({"exit": ran.code, "offers": offers, "unchanged": report["unchanged"]})
}

fn chosen(value: &Value, keys: &[&str]) -> Value {
    keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(key)?.clone()))).collect::<Map<_, _>>().into()
}

fn without_empty(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    map.into_iter().filter(|(_, value)| !is_empty(value)).collect::<Map<_, _>>().into()
}

/// The requests that write: what each depends on, its answer, and the fields that it sent and no read returns.
fn written(requests: &[Value], stored: &BTreeMap<String, Value>) -> String {
    let mut text = String::new();
    for request in requests.iter().filter(|request| request["method"] != "GET") {
        let path = request["path"].as_str().expect("a path").split('?').next().unwrap_or_default();
        let path = path.trim_start_matches("/api/publishers/contoso");
        let condition = match request["ifMatch"].as_str() {
            None => "without If-Match",
            Some("*") => "If-Match: *",
            Some(_) => "If-Match: ETAG",
        };
        let condition = if request["method"] == "PUT" { format!("   {condition}") } else { String::new() };
        let _ = writeln!(
            text,
            "{} {path}{condition}   {}",
            request["method"].as_str().unwrap_or_default(),
            request["status"]
        );
        let id = path.split('/').nth(2).unwrap_or_default();
        for (key, value) in request["body"]["metadata"].as_object().into_iter().flatten() {
            let _ = writeln!(text, "  {key}: {value}");
        }
        for pointer in leaves(&request["body"]["definition"]) {
            if stored.get(id).is_some_and(|document| document["definition"].pointer(&pointer).is_none()) {
                let _ = writeln!(text, "  sent, not returned: /definition{pointer}");
            }
        }
    }
    text
}

fn leaves(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        Value::Null => return Vec::new(),
        _ => return vec![String::new()],
    };
    let below = |(key, value): (String, &Value)| leaves(value).into_iter().map(move |rest| format!("/{key}{rest}"));
    children.into_iter().flat_map(below).collect()
}

async fn compare(scenario: PathBuf) {
    let seen = observe(&scenario).await;
    if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        let _ = std::fs::remove_dir_all(scenario.join("after"));
        seen.iter().for_each(|(name, text)| write(&scenario, name, text));
    }
    for (name, text) in &seen {
        let expected = std::fs::read_to_string(scenario.join(name)).unwrap_or_else(|error| error.to_string());
        assert_data_eq!(text, expected.into_data().raw());
    }
    let after = names(&scenario.join("after")).into_iter().map(|name| format!("after/{name}"));
    let unseen = after.filter(|name| !seen.contains_key(name)).collect::<Vec<_>>();
    assert_eq!(unseen, Vec::<String>::new(), "the portal does not have this offer at the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_plans_and_applies_as_its_folder_says() {
    let running = scenarios().into_iter().map(|scenario| (scenario.clone(), tokio::spawn(compare(scenario))));
    let mut wrong = Vec::new();
    for (scenario, comparison) in running.collect::<Vec<_>>() {
        if comparison.await.is_err() {
            wrong.push(scenario);
        }
    }
    assert_eq!(wrong, Vec::<PathBuf>::new());
}

#[test]
fn every_scenario_declares_an_offer_and_has_no_file_that_nobody_reads() {
    let scenarios = scenarios();
    assert!(scenarios.len() > 10, "{scenarios:?}");
    let known =
        ["after", "args", "live", "offerctl.toml", "offers", "plan.json", "plan.txt", "report.json", "requests.txt"];
    for scenario in scenarios {
        let unknown = names(&scenario).into_iter().filter(|name| !known.contains(&name.as_str()));
        assert_eq!(unknown.collect::<Vec<_>>(), Vec::<String>::new(), "{}", scenario.display());
        let offers = names(&scenario.join("offers"));
        let ids = offers.iter().map(|file| file.strip_suffix(".yaml").expect("an offer file")).collect::<Vec<_>>();
        assert!(!ids.is_empty(), "{}: no offer", scenario.display());
        for name in names(&scenario.join("live")) {
            let id = name.strip_prefix("contoso_").and_then(|rest| rest.strip_suffix(".json"));
            assert!(id.is_some_and(|id| ids.contains(&id)), "{}: no file declares {name}", scenario.display());
        }
    }
}
