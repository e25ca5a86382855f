//! Who moved: the portal, the files or both; with a receipt, with a revision, with neither.

use std::process::Command;

use serde_json::{Value, json};

use crate::formats::{inert, junit, outside_fences};
use crate::support::{World, native, offer, offerctl, set_title, write};

const SUMMARY: &str = "microsoft-azure-marketplace.summary";

pub(crate) fn git(world: &World, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(world.folder.path())
        .args(["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"])
        .args(args)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", world.folder.path())
        .output()
        .expect("git runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

pub(crate) fn commit(world: &World) -> String {
    git(world, &["add", "offers"]);
    git(world, &["commit", "-q", "-m", "x"]);
    git(world, &["rev-parse", "HEAD"])
}

fn two(title: &str, summary: &str) -> Value {
    let mut document = offer("a", title);
    document["definition"]["offer"][SUMMARY] = json!(summary);
    document
}

/// A world in which an apply left a receipt (`receipt.json`) and the files are committed.
async fn applied() -> World {
    let world = World::new(vec![native(&two("old", "old"))], &[("a", &two("T", "S"))]).await;
    git(&world, &["init", "-q"]);
    commit(&world);
    world.run(&["apply", "--yes", "-o", "json=receipt.json"]).await.exits(0);
    world
}

/// What the portal and the files are changed to, the verdicts with a base, and the exit code.
type Case = (
    Option<(&'static str, &'static str)>,
    Option<(&'static str, &'static str)>,
    &'static [(&'static str, &'static str)],
    i32,
);

const CASES: [Case; 5] = [
    (Some(("portal", "S")), None, &[("title", "portal")], 2),
    (None, Some(("T", "file")), &[("summary", "file")], 0),
    (Some(("portal", "S")), Some(("T", "file")), &[("title", "portal"), ("summary", "file")], 2),
    (Some(("portal", "S")), Some(("file", "S")), &[("title", "both")], 2),
    (Some(("same", "S")), Some(("same", "S")), &[("title", "agreed")], 0),
];

fn verdicts(document: &Value) -> Vec<(String, String)> {
    let moved = document["offers"][0]["moved"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    moved.iter().map(|moved| (text(&moved["address"]), text(&moved["verdict"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_has_its_verdict_with_a_receipt_with_git_and_with_neither() {
    let world = applied().await;
    for (portal, file, expected, code) in CASES {
        let (title, summary) = portal.unwrap_or(("T", "S"));
        world.portal_put("a", &native(&two(title, summary))).await;
        let (title, summary) = file.unwrap_or(("T", "S"));
        world.declare("a", &two(title, summary));
        for (base, name) in [("receipt.json", "receipt receipt.json"), ("HEAD", "revision HEAD (")] {
            let json = world.run(&["drift", "--base", base, "-o", "json"]).await.exits(code).json();
            let expected = expected.iter().map(|(a, v)| ((*a).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
            assert_eq!(verdicts(&json), expected, "{base}: {json:#}");
            assert_eq!((&json["format"], &json["exit_code"]), (&json!("offerctl.drift"), &json!(code)));
            assert!(json["bases"][0].as_str().is_some_and(|shown| shown.starts_with(name)), "{json:#}");
            let text = world.run(&["drift", "--base", base]).await.exits(code).stdout;
            let last = text.lines().last().expect("a line");
            assert_eq!(last.starts_with("Drift: "), code == 2, "{text}");
            assert_eq!(last.starts_with("No drift: "), code == 0, "{text}");
        }
        // Without a base every difference may be drift.
        let (differing, code) = match expected {
            [(_, "agreed")] => (0, 0),
            moved => (moved.len(), 2),
        };
        let json = world.run(&["drift", "-o", "json"]).await.exits(code).json();
        assert_eq!(verdicts(&json).len(), differing, "{json:#}");
        assert!(verdicts(&json).iter().all(|(_, verdict)| verdict == "unknown"), "{json:#}");
        assert_eq!(json["bases"], json!([]));
    }
}

/// The changes of the JSON plan, each with what it does to an edit of the portal.
fn marks(plan: &Value) -> Vec<(String, Value)> {
    let changes = plan["offers"][0]["changes"].as_array().into_iter().flatten();
    changes.map(|one| (one["address"].as_str().expect("an address").to_owned(), one["portal_edit"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_marks_what_undoes_an_edit_of_the_portal() {
    let world = applied().await;
    for (portal, file, expected, _) in CASES {
        let (title, summary) = portal.unwrap_or(("T", "S"));
        world.portal_put("a", &native(&two(title, summary))).await;
        let (title, summary) = file.unwrap_or(("T", "S"));
        world.declare("a", &two(title, summary));
        let plain = world.run(&["plan", "-o", "json"]).await.exits(0).json();
        assert!(marks(&plain).iter().all(|(_, mark)| mark.is_null()), "{plain:#}");
        world.run(&["snapshot", "--out", "snapshot.json"]).await.exits(0);
        for base in ["receipt.json", "HEAD"] {
            let plan = world.run(&["plan", "--base", base, "-o", "json"]).await.exits(0).json();
            let mark = |verdict: &str| match verdict {
                "portal" => json!("undone"),
                "both" => json!("overwritten"),
                _ => Value::Null,
            };
            let changes = expected.iter().filter(|(_, verdict)| *verdict != "agreed");
            let expected = changes.map(|(at, verdict)| ((*at).to_owned(), mark(verdict))).collect::<Vec<_>>();
            assert_eq!(marks(&plan), expected, "{base}: {plan:#}");
            assert_eq!(plan["fingerprint"], plain["fingerprint"], "nothing else is planned");
            let live = world.run(&["plan", "--live", "snapshot.json", "--base", base, "-o", "json"]).await.exits(0);
            assert_eq!(marks(&live.json()), expected, "a snapshot tells the same");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_shows_what_undoes_an_edit_of_the_portal() {
    let world = applied().await;
    world.portal_put("a", &native(&two("portal", "S"))).await;
    let plan = async |format: &str| world.run(&["plan", "--base", "receipt.json", "-o", format]).await.exits(0).stdout;
    let words = "undoes an edit made in the portal";
    for format in ["text", "markdown", "html", "junit"] {
        let shown = plan(format).await;
        assert!(shown.contains(words), "{shown}");
        if format != "junit" {
            assert!(shown.contains(" 1 change undoes an edit made in the portal"), "{shown}");
        }
    }
    let annotations = plan("github").await;
    assert!(annotations.lines().any(|line| line.starts_with("::warning") && line.contains(words)), "{annotations}");
    let log: Value = serde_json::from_str(&plan("sarif").await).expect("SARIF");
    let results = log["runs"][0]["results"].as_array().expect("results").iter();
    let results = results.map(|one| (&one["ruleId"], &one["level"])).collect::<Vec<_>>();
    assert_eq!(results, [(&json!("portal-edit"), &json!("warning"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_no_base_tells_of_is_named_and_another_portals_receipt_refused() {
    let world = applied().await;
    world.declare("b", &offer("b", "new"));
    let ran = world.run(&["plan", "--base", "receipt.json"]).await.exits(0);
    assert!(ran.stderr.contains("contoso/b: edits in the portal are not marked"), "{}", ran.stderr);
    let receipt = std::fs::read_to_string(world.folder.path().join("receipt.json")).expect("the receipt");
    write(world.folder.path(), "other.json", &receipt.replace(world.sandbox.url(), "https://other.example"));
    world.run(&["plan", "--base", "other.json"]).await.exits(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_the_value_of_every_side() {
    let world = applied().await;
    world.portal_put("a", &native(&two("portal", "S"))).await;
    world.declare("a", &two("file", "more"));
    let json = world.run(&["drift", "--base", "receipt.json", "-o", "json"]).await.exits(2).json();
    let moved = json["offers"][0]["moved"].as_array().expect("a list");
    let values = moved.iter().map(|one| [&one["base"], &one["portal"], &one["file"], &one["line"]]);
    let (title, summary) = (
        [&json!("T"), &json!("portal"), &json!("file"), &json!(8)],
        [&json!("S"), &json!("S"), &json!("more"), &json!(9)],
    );
    assert_eq!(values.collect::<Vec<_>>(), [title, summary]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_covers_what_needed_nothing_and_names_its_portal() {
    let world = World::new(
        vec![native(&offer("a", "T")), native(&offer("b", "old"))],
        &[("a", &offer("a", "T")), ("b", &offer("b", "T"))],
    )
    .await;
    world.run(&["plan", "--out", "p.json"]).await.exits(0);
    world.run(&["apply", "p.json", "--yes", "-o", "json=receipt.json"]).await.exits(0);
    let calm = world.run(&["drift", "--base", "receipt.json"]).await.exits(0);
    assert_eq!(calm.stdout, "Baseline: receipt receipt.json\n\nNo drift: 2 offers without a difference.\n");
    world.portal_edit("a", |document| set_title(document, "portal")).await;
    let found = world.run(&["drift", "--base", "receipt.json", "contoso/a", "-o", "json"]).await.exits(2).json();
    assert_eq!(verdicts(&found), [("title".to_owned(), "portal".to_owned())]);

    let other = std::fs::read_to_string(world.path("receipt.json")).expect("a receipt");
    write(world.folder.path(), "other.json", &other.replace(world.sandbox.url(), "https://other.example"));
    let refused = world.run(&["drift", "--base", "other.json"]).await.exits(3);
    assert!(
        refused.stderr.contains("the receipt other.json is for the portal https://other.example"),
        "{}",
        refused.stderr
    );
    for (text, why) in [
        ("{}", "it is not the JSON report of an apply"),
        (r#"{"format":"offerctl.report","format_version":"1.0"}"#, "its format_version is 1.0"),
        (r#"{"format":"offerctl.report","format_version":"2.0"}"#, "the report has no receipt"),
    ] {
        write(world.folder.path(), "bad.json", text);
        let refused = world.run(&["drift", "--base", "bad.json"]).await.exits(3);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    let refused = world.run(&["drift", "--base", "none.json"]).await.exits(3);
    assert!(refused.stderr.contains("no such file: none.json"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_no_file_declares_are_listed_and_count_unless_they_may_be() {
    let world = applied().await;
    world.portal_put("stray", &native(&offer("stray", "X"))).await;
    let found = world.run(&["drift", "--base", "receipt.json"]).await.exits(2);
    assert!(found.stdout.contains("? contoso/stray   in the portal, and no file declares it\n"), "{}", found.stdout);
    let json =
        world.run(&["drift", "--base", "receipt.json", "--allow-undeclared", "-o", "json"]).await.exits(0).json();
    assert_eq!(json["undeclared"], json!([{"api": "cpp", "offer": "contoso/stray", "was_declared": false}]));
    let one = world.run(&["drift", "--base", "receipt.json", "contoso/a"]).await.exits(0);
    assert!(!one.stdout.contains("stray"), "{}", one.stdout);
    // A file that went away is the files' move.
    world.declare("stray", &offer("stray", "X"));
    let rev = commit(&world);
    std::fs::remove_file(world.path("offers/stray.yaml")).expect("removed");
    let json = world.run(&["drift", "--base", &rev, "-o", "json"]).await.exits(0).json();
    assert_eq!(json["undeclared"], json!([{"api": "cpp", "offer": "contoso/stray", "was_declared": true}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_never_no_drift() {
    let world = applied().await;
    world.declare("b", &offer("b", "X"));
    world.fault(json!({"method": "GET", "path": "/offers/b", "status": 403})).await;
    let found = world.run(&["drift", "--base", "receipt.json", "--retries", "0"]).await.exits(6);
    assert!(found.stdout.contains("? contoso/b   not read; it may have drifted\n"), "{}", found.stdout);
    assert!(found.stdout.contains("No drift in what was read: 1 offer not read"), "{}", found.stdout);
    world.no_faults().await;
    std::fs::remove_file(world.path("offers/b.yaml")).expect("removed");
    world.fault(json!({"method": "GET", "path": "/publishers/contoso/offers?", "status": 500})).await;
    let found = world.run(&["drift", "--base", "receipt.json", "--retries", "0"]).await.exits(6);
    assert!(found.stdout.contains("contoso/*   its offers could not be listed"), "{}", found.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_is_read_from_the_objects_with_what_its_files_take_in() {
    let world = World::new(vec![native(&offer("a", "T"))], &[]).await;
    let declared =
        serde_json::to_string(&offer("a", "TEXT")).expect("JSON").replace("\"TEXT\"", "!file ../texts/title.txt");
    write(world.folder.path(), "offers/a.yaml", &declared);
    write(world.folder.path(), "texts/title.txt", "T");
    git(&world, &["init", "-q"]);
    git(&world, &["add", "texts"]);
    let rev = commit(&world);
    let before = git(&world, &["status", "--porcelain"]);
    write(world.folder.path(), "texts/title.txt", "new");
    let found = world.run(&["drift", "--base", &rev, "-o", "json"]).await.exits(0).json();
    let moved = &found["offers"][0]["moved"][0];
    assert_eq!(verdicts(&found), [("title".to_owned(), "file".to_owned())]);
    assert_eq!((&moved["base"], &moved["file"]), (&json!("T"), &json!("new")));
    write(world.folder.path(), "texts/title.txt", "T");
    assert_eq!(git(&world, &["status", "--porcelain"]), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_cannot_be_read_is_an_error_with_the_way_out() {
    let world = World::new(vec![native(&offer("a", "T"))], &[("a", &offer("a", "T"))]).await;
    let refused = world.run(&["drift", "--base", "HEAD"]).await.exits(3);
    assert!(refused.stderr.contains("is not in a Git repository"), "{}", refused.stderr);
    git(&world, &["init", "-q"]);
    git(&world, &["commit", "-q", "--allow-empty", "-m", "x"]);
    let refused = world.run(&["drift", "--base", "HEAD"]).await.exits(3);
    assert!(refused.stderr.contains("no file of the project"), "{}", refused.stderr);
    commit(&world);
    for rev in ["nowhere", "--upload-pack=x", "HEAD:offers"] {
        let refused = world.run(&["drift", &format!("--base={rev}")]).await.exits(3);
        assert!(refused.stderr.contains(&format!("the repository has no revision `{rev}`")), "{}", refused.stderr);
        assert!(!refused.stderr.contains("shallow"), "{}", refused.stderr);
    }
    // No git at all.
    let mut command = offerctl(world.folder.path());
    command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).env("PATH", "/nowhere").args(["drift", "--base", "HEAD"]);
    let refused = crate::support::run_beside(command).await.exits(3);
    assert!(refused.stderr.contains("needs git, and it is not installed"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_since_a_revision_covers_what_changed() {
    let files = [("a", &offer("a", "T")), ("b", &offer("b", "T"))];
    let world = World::new(vec![native(&offer("a", "old")), native(&offer("b", "old"))], &files).await;
    git(&world, &["init", "-q"]);
    let rev = commit(&world);
    let none = world.run(&["plan", "--since", &rev]).await.exits(0);
    assert!(
        none.stdout
            .ends_with(&format!("Left out: 2 offers whose files did not change since revision {}.\n", &rev[..12])),
        "{}",
        none.stdout
    );
    world.declare("b", &offer("b", "new"));
    let some = world.run(&["plan", "--since", &rev, "-o", "json"]).await.exits(0).json();
    assert_eq!(some["since"]["left_out"], 1);
    assert_eq!(some["offers"].as_array().map(Vec::len), Some(1));
    assert_eq!(some["offers"][0]["offer"], "contoso/b");
    assert_eq!(some["unchanged"], json!([]));
    // Settings and schemas concern every offer.
    write(world.folder.path(), "offerctl.toml", "schemas = \"own\"\n");
    write(world.folder.path(), "own/README.md", "x");
    let all = world.run(&["plan", "--since", &rev]).await.exits(0);
    assert!(all.stdout.contains("2 to update") && all.stdout.contains("Left out: 0 offers"), "{}", all.stdout);
    git(&world, &["add", "offerctl.toml", "own"]);
    let rev = commit(&world);
    let none = world.run(&["plan", "--since", &rev]).await.exits(0);
    assert!(none.stdout.contains("Left out: 2 offers"), "{}", none.stdout);
    write(world.folder.path(), "own/README.md", "y");
    let all = world.run(&["plan", "--since", &rev]).await.exits(0);
    assert!(all.stdout.contains("Left out: 0 offers"), "{}", all.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shallow_clone_says_how_to_get_the_history() {
    let world = World::new(vec![native(&offer("a", "T"))], &[("a", &offer("a", "T"))]).await;
    git(&world, &["init", "-q"]);
    let first = commit(&world);
    world.declare("a", &offer("a", "U"));
    commit(&world);
    let clone = world.path("clone");
    let from = format!("file://{}", world.folder.path().display());
    git(&world, &["clone", "-q", "--depth", "1", &from, &clone.display().to_string()]);
    let mut command = offerctl(&clone);
    command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).args(["plan", "--since", &first]);
    let refused = crate::support::run_beside(command).await.exits(3);
    assert!(refused.stderr.contains("this is a shallow clone; fetch the history"), "{}", refused.stderr);
    let mut command = offerctl(&clone);
    command.env("OFFERCTL_ENDPOINT", world.sandbox.url()).args(["plan", "--since", "HEAD"]);
    crate::support::run_beside(command).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_get_drift_in_their_formats_and_no_text_is_more_than_a_text() {
    let world = applied().await;
    let title = "</code></details>@me #1 ::error::x ##vso[task.x]y ]]> *b* \u{202e}";
    let summary = "before\n`````\n::set-output name=x::y\n@team <script>alert(1)</script>\n<!-- offerctl:drift -->";
    world.portal_put("a", &native(&two(title, summary))).await;
    world.portal_put("stray", &native(&offer("stray", "X"))).await;
    world.declare("a", &two("file", "S"));
    world.declare("b", &offer("b", "X"));
    world.fault(json!({"method": "GET", "path": "/offers/b", "status": 403, "body": {"error": {"code": "@denied", "message": "<b>no</b>"}}})).await;
    let outputs = ["-o", "text", "-o", "github", "-o", "markdown=d.md", "-o", "junit=d.xml", "-o", "json=d.json"];
    let args = [&["drift", "--base", "receipt.json", "--retries", "0"][..], &outputs[..]].concat();
    let ran = world.run(&args).await.exits(6);

    let read = |name: &str| std::fs::read_to_string(world.path(name)).expect("a file");
    let markdown = read("d.md");
    assert!(
        markdown.starts_with("<!-- offerctl:drift -->\n\n**Drift: 1 changed in the portal, 1 changed in both, "),
        "{markdown}"
    );
    let ours = outside_fences(&markdown);
    assert!(!ours.contains(['@', '[']) && !ours.contains("<script") && !ours.contains("</details>@"), "{ours}");
    assert_eq!(ours.matches("<!--").count(), 1, "{ours}");
    for part in [
        "Baseline: <code>receipt receipt&#46;json</code>",
        "- <code>contoso/b</code>: not read; it may have drifted: <code>",
        "- <code>contoso/stray</code>: in the portal",
        "#### <code>contoso/a</code>",
        "**changed in both**:",
        "**changed in the portal** (baseline → portal):",
        "**&#126; change** <code>summary</code>",
        "``````diff\n",
    ] {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }

    let junit_text = read("d.xml");
    assert_eq!(junit(&junit_text), ["contoso/a: failure", "contoso/b: error", "contoso/stray: failure"]);
    for kind in ["portal", "not-read", "undeclared"] {
        assert!(junit_text.contains(&format!(" type=\"{kind}\" ")), "{junit_text}");
    }

    let line = read("d.json").parse::<Value>().expect("JSON")["offers"][0]["moved"][0]["line"].clone();
    let commands = ran.stdout.lines().filter(|line| line.starts_with("::")).collect::<Vec<_>>();
    assert_eq!(commands.len(), 4, "{commands:?}");
    assert!(commands[0].starts_with("::error file=offers/b.yaml,line=1,title=contoso/b%3A not read::"), "{commands:?}");
    let place = format!("::warning file=offers/a.yaml,line={line},title=contoso/a%3A ");
    assert!(commands.iter().any(|command| command.starts_with(&place)), "{place}: {commands:?}");
    inert(&ran);
    assert!(!ran.stdout.contains('\u{202e}'), "{}", ran.stdout);

    // What is too long is cut by steps, and the verdict and what was not read stay.
    write(world.folder.path(), "offerctl.toml", "markdown_limit = 700\n");
    let cut = world.run(&["drift", "--base", "receipt.json", "--retries", "0", "-o", "markdown"]).await.exits(6).stdout;
    assert!(cut.contains("Cut to 700 characters: ") && !cut.contains("```"), "{cut}");
    assert!(cut.contains("<code>contoso/b</code>") && cut.contains("<code>contoso/a</code>"), "{cut}");
}
