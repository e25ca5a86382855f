//! The formats for machines, by whole commands: SARIF, JUnit, annotations, several at once, and hostile texts in each.
//!
//! `OFFERCTL_TEST_SARIF_SCHEMA=PATH` has every SARIF file checked against the published schema at that path as well.

use serde_json::{Value, json};

use crate::support::{Ran, VM, World, native, offer, offerctl, project, run, set_title, write};

/// Texts that some reader would act on.
const HOSTILE: &str = "x\n::set-output name=a::b\n  ::error::c\n##[group]d ##vso[task.complete]e\n%0A::warning::f `g` \
                       </details><script>h</script> ]]> --> &i; [j](https://k.example) @l \u{202e}m\u{1b}[31mn\u{7}";

#[track_caller]
fn sarif(text: &str) -> Value {
    let log: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let ours: Value = serde_json::from_str(include_str!("fixtures/sarif.schema.json")).expect("a schema");
    valid(&ours, &log);
    if let Some(path) = std::env::var_os("OFFERCTL_TEST_SARIF_SCHEMA") {
        let published = std::fs::read_to_string(path).expect("the published schema");
        valid(&serde_json::from_str(&published).expect("JSON"), &log);
    }
    let run = &log["runs"][0];
    for result in run["results"].as_array().expect("results") {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    log
}

#[track_caller]
fn valid(schema: &Value, log: &Value) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let errors = validator.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path()));
    assert_eq!(errors.collect::<Vec<_>>(), Vec::<String>::new());
}

/// Each case as `name: verdict`, after a check of the form: tags in their order, counts that are right.
#[track_caller]
pub(crate) fn junit(text: &str) -> Vec<String> {
    use quick_xml::events::Event;
    let legal = |c: char| matches!(c, '\n' | '\t' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(legal), "{text:?}");
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let (mut cases, mut counts) = (Vec::<String>::new(), [String::new(), String::new(), String::new()]);
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}:\n{text}")) {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag) => {
                let attribute = |name: &str| {
                    let found = tag.try_get_attribute(name).expect("attributes")?;
                    Some(found.normalized_value(quick_xml::XmlVersion::Explicit1_0).expect("a text").into_owned())
                };
                match tag.name().as_ref() {
                    b"testsuites" => {}
                    b"testsuite" => {
                        counts = ["tests", "failures", "errors"].map(|name| attribute(name).expect("a count"));
                    }
                    b"testcase" => {
                        assert!(attribute("classname").is_some());
                        cases.push(format!("{}: passed", attribute("name").expect("a name")));
                    }
                    kind @ (b"failure" | b"error" | b"skipped") => {
                        assert!(attribute("message").is_some());
                        let kind = String::from_utf8_lossy(kind).into_owned();
                        let case = cases.last_mut().expect("a case");
                        *case = case.replace("passed", &kind);
                    }
                    b"system-out" => {}
                    other => panic!("{}", String::from_utf8_lossy(other)),
                }
            }
            _ => {}
        }
    }
    let count = |verdict: &str| cases.iter().filter(|case| case.ends_with(verdict)).count().to_string();
    assert_eq!(counts, [cases.len().to_string(), count(": failure"), count(": error")]);
    cases
}

/// Nothing in a stream of ours is a command for a runner, but the annotations that begin a line.
#[track_caller]
pub(crate) fn inert(ran: &Ran) {
    for line in ran.stdout.lines().chain(ran.stderr.lines()) {
        let ours = ["::error ", "::warning ", "::notice "].iter().any(|command| line.starts_with(command));
        assert!(ours || !line.trim_start().starts_with("::"), "{line}");
        assert!(!line.contains("##[") && !line.contains("##vso["), "{line}");
        assert!(!line.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r']), "{line:?}");
    }
}

fn read(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Markdown without its fenced lines, in which nothing is markup.
pub(crate) fn outside_fences(markdown: &str) -> String {
    let mut fence = None::<String>;
    let mut bare = String::new();
    for line in markdown.lines() {
        match &fence {
            Some(open) if line == open => fence = None,
            Some(open) => assert!(!line.trim_start().starts_with(open.as_str()), "{line}"),
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("diff").to_owned()),
            None => bare = bare + line + "\n",
        }
    }
    assert_eq!(fence, None, "{markdown}");
    bare
}

#[tokio::test]
async fn one_run_writes_every_format_and_hostile_texts_are_inert_in_each() {
    let mut live = native(&offer("a", HOSTILE));
    live["definition"]["plans"].as_array_mut().expect("plans").push(json!({"planId": HOSTILE, "regions": ["DE"]}));
    let mut wanted = offer("a", &format!("{HOSTILE}\n::stop-commands::x"));
    wanted["definition"]["offer"]["microsoft-azure-marketplace.summary"] = json!("::debug::y".repeat(100_000));
    let world = World::new(vec![live], &[("a", &wanted)]).await;
    let outputs = [
        "-o",
        "text",
        "-o",
        "github",
        "-o",
        "json=p.json",
        "-o",
        "sarif=p.sarif",
        "-o",
        "junit=p.xml",
        "-o",
        "markdown=p.md",
        "-o",
        "html=p.html",
    ];
    let ran = world.run(&[&["plan", "--no-artifacts"], &outputs[..]].concat()).await.exits(0);
    inert(&ran);
    let (text, annotations) = ran.stdout.split_once("::error ").expect("annotations after the text");
    assert!(text.contains("contoso/a") && annotations.contains("removes the plan"), "{}", ran.stdout);
    assert!(annotations.lines().all(|line| line.len() < 10_000));
    let log = sarif(&read(&world, "p.sarif"));
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&json!("remove-plan"), &json!("error")));
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "offers/a.yaml");
    let message = result["message"]["text"].as_str().expect("a text");
    assert!(!message.contains("](") && !message.contains('\u{1b}'), "{message}");
    assert_eq!(junit(&read(&world, "p.xml")), ["contoso/a: failure"]);
    assert!(read(&world, "p.xml").len() < 50_000 && read(&world, "p.sarif").len() < 50_000);
    let (markdown, page) = (outside_fences(&read(&world, "p.md")), read(&world, "p.html"));
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'), "{page}");
    assert!(
        !markdown.contains("<script") && !markdown.contains("@l") && !markdown.replace("\\]", "").contains("]("),
        "{markdown}"
    );
    // The long text is not read again and again: a debug build takes its time.
    wanted["definition"]["offer"]["microsoft-azure-marketplace.summary"] = json!("::debug::y");
    world.declare("a", &wanted);
    for format in ["json", "sarif", "junit", "markdown", "github"] {
        let ran = world.run(&["plan", "--no-artifacts", "-o", format]).await.exits(0);
        inert(&ran);
        match format {
            "json" => assert_eq!(ran.json()["format"], "offerctl.plan"),
            "sarif" => assert_eq!(sarif(&ran.stdout), log),
            "junit" => assert_eq!(junit(&ran.stdout), ["contoso/a: failure"]),
            _ => assert!(ran.stdout.contains("removes the plan"), "{}", ran.stdout),
        }
    }
}

#[tokio::test]
async fn a_report_of_every_end_is_written() {
    let offers = ["a", "b", "c", "d"].map(|id| offer(id, "new"));
    let live = ["a", "b", "d"].map(|id| native(&offer(id, if id == "d" { "new" } else { "old" })));
    let files = ["a", "b", "c", "d"].iter().zip(&offers).map(|(name, offer)| (*name, offer)).collect::<Vec<_>>();
    let world = World::new(live.to_vec(), &files).await;
    world.fault(json!({"method": "GET", "offer": "contoso/b", "status": 403})).await;
    let run = [
        "apply",
        "--yes",
        "--no-artifacts",
        "--retries",
        "0",
        "-o",
        "junit=r.xml",
        "-o",
        "github",
        "-o",
        "markdown=r.md",
    ];
    let ran = world.run(&run).await.exits(6);
    let cases = ["contoso/a: passed", "contoso/b: error", "contoso/c: passed", "contoso/d: passed"];
    assert_eq!(junit(&read(&world, "r.xml")), cases);
    assert!(
        ran.stdout.starts_with("::error file=offers/b.yaml,line=1,title=contoso/b%3A not read::"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stdout.lines().count(), 1);
    assert!(read(&world, "r.md").contains("**error** `offers/b.yaml:1`"));
    world.no_faults().await;
    let mut smaller = offer("a", "new");
    smaller["definition"]["plans"] = json!([]);
    world.declare("a", &smaller);
    let guarded = world.run(&["apply", "--yes", "--no-artifacts", "-o", "junit", "contoso/a"]).await.exits(5);
    assert_eq!(junit(&guarded.stdout), ["contoso/a: failure"]);
    let waited = world.run(&["wait", "contoso/c", "-o", "junit"]).await.exits(0);
    assert_eq!(junit(&waited.stdout), ["contoso/c: passed"]);
}

#[test]
fn findings_have_their_place_below_the_repository_and_a_fix_where_there_is_one() {
    let repository = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(repository.path().join(".git")).expect("a folder");
    let yaml = |zero: &str| {
        format!(
            "{zero}publisherId: contoso\nid: a\nofferTypeId: {VM}\ndefinition:\n  offer:\n    \
             microsoft-azure-marketplace.title: 1.10\n"
        )
    };
    write(repository.path(), "my market/offers/é.yaml", &yaml(""));
    let validate = || {
        let mut command = offerctl(&repository.path().join("my market"));
        run(command.args(["validate", "-o", "sarif", "-o", "github=g", "-o", "junit=j"])).exits(3)
    };
    let first = sarif(&validate().stdout);
    let (results, read) = (&first["runs"][0]["results"], |name| {
        std::fs::read_to_string(repository.path().join("my market").join(name)).expect("written")
    });
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20market/offers/%C3%A9.yaml");
    assert_eq!(place["region"], json!({"startLine": 6, "startColumn": 40, "endLine": 6, "endColumn": 44}));
    let replacement = &results[0]["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(replacement["insertedContent"]["text"], "\"1.10\"");
    assert_eq!(first["runs"][0]["invocations"][0]["exitCode"], 3);
    assert!(read("g").starts_with("::error file=my market/offers/é.yaml,line=6,col=40,endColumn=43,title=OFR0013 "));
    assert_eq!(junit(&read("j")), ["OFR0013 quote-number: failure"]);
    // The same finding two lines lower has the same fingerprint.
    write(repository.path(), "my market/offers/é.yaml", &yaml("# one\n# two\n"));
    let second = sarif(&validate().stdout);
    let moved = &second["runs"][0]["results"][0];
    assert_eq!(moved["locations"][0]["physicalLocation"]["region"]["startLine"], 8);
    assert_eq!(moved["partialFingerprints"], results[0]["partialFingerprints"]);
}

#[test]
fn an_error_before_there_is_a_result_is_written_in_every_format() {
    let broken = project(&[]);
    write(broken.path(), "offers/a.yaml", "id: [\n");
    let outputs =
        ["-o", "sarif=e.sarif", "-o", "junit=e.xml", "-o", "json=e.json", "-o", "github", "-o", "markdown=e.md"];
    let read = |folder: &tempfile::TempDir, name: &str| std::fs::read_to_string(folder.path().join(name)).expect(name);
    let ran = run(offerctl(broken.path()).arg("plan").args(outputs)).exits(3);
    assert!(ran.stdout.starts_with("::error file=offers/a.yaml,line="), "{}", ran.stdout);
    let log = sarif(&read(&broken, "e.sarif"));
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "OFR0003");
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert_eq!(junit(&read(&broken, "e.xml")), ["offerctl plan: error", "OFR0003 syntax: failure"]);
    assert!(read(&broken, "e.json").contains("offerctl.error") && read(&broken, "e.md").contains("OFR0003"));
    let nothing = tempfile::tempdir().expect("a folder");
    run(offerctl(nothing.path()).arg("validate").args(outputs)).exits(3);
    let log = sarif(&read(&nothing, "e.sarif"));
    assert_eq!(
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "offerctl.toml"
    );
    // No portal is there: the file has the error all the same.
    let project = project(&[("a", &offer("a", "t"))]);
    let mut plan = offerctl(project.path());
    plan.env("OFFERCTL_ENDPOINT", "http://127.0.0.1:1").args(["plan", "--retries", "0"]).args(outputs);
    let ran = run(&mut plan);
    assert_ne!(ran.code, 0);
    assert!(
        ran.stdout.starts_with("::error file=offers/a.yaml,line=1,title=contoso/a%3A not read::"),
        "{}",
        ran.stdout
    );
    assert_eq!(sarif(&read(&project, "e.sarif"))["runs"][0]["results"][0]["ruleId"], "not-read");
    assert_eq!(junit(&read(&project, "e.xml")), ["contoso/a: error"]);
}

#[test]
fn a_format_without_a_sense_is_refused_with_those_that_have_one() {
    let project = project(&[("a", &offer("a", "t"))]);
    let refused = |args: &[&str], why: &str| {
        let ran = run(offerctl(project.path()).args(args)).exits(3);
        assert!(ran.stderr.contains(why), "{args:?}: {}", ran.stderr);
    };
    for command in ["apply", "publish", "go-live", "wait", "cancel"] {
        refused(&[command, "-o", "sarif=x.sarif"], "use text, markdown, json, junit or github");
    }
    for command in ["status", "doctor"] {
        refused(&[command, "-o", "junit"], "use text or json");
    }
    refused(&["explain", "-o", "json"], "`explain` cannot write the format json\n  hint: use text");
    refused(&["plan", "-o", "xml"], "expected text, markdown, html, json, yaml, sarif, junit or github");
    refused(&["validate", "-o", "json", "-o", "github"], "cannot both be written to stdout");
}

#[test]
fn the_summary_of_a_step_is_added_to_and_has_an_end() {
    let project = project(&[("a", &offer("a", "t"))]);
    let summary = project.path().join("summary.md");
    let validate = |args: &[&str]| {
        let mut command = offerctl(project.path());
        run(command.arg("validate").args(args).env("GITHUB_STEP_SUMMARY", &summary)).exits(0)
    };
    validate(&[]);
    assert!(!summary.exists(), "nobody asked for it");
    std::fs::write(&summary, "before\n").expect("written");
    let ran = validate(&["-o", "text", "-o", "github"]);
    assert_eq!(ran.stdout, "Valid (1 file, 1 offer).\n");
    assert_eq!(std::fs::read_to_string(&summary).expect("a text"), "before\n### Offer files: valid\n\n");
    let full = "x".repeat((1 << 20) - 10);
    std::fs::write(&summary, &full).expect("written");
    validate(&["-o", "github"]);
    assert_eq!(std::fs::metadata(&summary).expect("a file").len(), full.len() as u64);
}

#[tokio::test]
async fn annotations_are_ten_of_a_level_at_most() {
    let mut wanted = offer("a", "new");
    for n in 0..14 {
        wanted["definition"]["offer"][format!("microsoft-azure-marketplace.x{n}Label")] = json!("text");
    }
    let mut live = offer("a", "old");
    set_title(&mut live, "old");
    let world = World::new(vec![native(&live)], &[("a", &wanted)]).await;
    let ran = world.run(&["plan", "--no-artifacts", "-o", "github"]).await.exits(0);
    assert_eq!(ran.stdout.lines().filter(|line| line.starts_with("::notice ")).count(), 10, "{}", ran.stdout);
    assert!(ran.stdout.ends_with("::notice title=offerctl::6 more; the log and the summary have them all\n"));
}
