//! The pipelines of `docs/ci`: their form, and their shell steps, run against a portal on loopback with a `gh` that
//! records what it is asked.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Ran, World, native, offer, run};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci");

/// A step with a script.
struct Step {
    name: String,
    script: String,
}

fn text(file: &str) -> String {
    std::fs::read_to_string(Path::new(FOLDER).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn workflows() -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(FOLDER).join("github")).expect("the workflows");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names = names.map(|name| format!("github/{name}")).collect::<Vec<_>>();
    let own = std::fs::read_dir(Path::new(FOLDER).join("../../.github/workflows")).expect("the project's workflows");
    let own = own.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.extend(own.map(|name| format!("../../.github/workflows/{name}")));
    names.sort();
    names
}

/// The blocks of text after `run: |`, `script: - |`, `bash: |` and `inlineScript: |`, each with the last name before it.
fn steps(file: &str) -> Vec<Step> {
    let text = text(file);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (mut steps, mut name) = (Vec::new(), String::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start().trim_start_matches("- ");
        if let Some(found) = trimmed.strip_prefix("name: ").or_else(|| trimmed.strip_prefix("displayName: ")) {
            found.clone_into(&mut name);
        }
        if !line.trim_end().ends_with(": |") && line.trim() != "- |" {
            continue;
        }
        if trimmed.starts_with("path:") {
            continue;
        }
        let outer = indent(line);
        let mut block = Vec::new();
        while let Some(next) = lines.next_if(|next| next.trim().is_empty() || indent(next) > outer) {
            block.push(next);
        }
        let inner = block.iter().filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min().unwrap_or(0);
        let script = block.iter().map(|line| format!("{}\n", line.get(inner..).unwrap_or_default())).collect();
        steps.push(Step { name: name.clone(), script });
    }
    assert!(!steps.is_empty(), "{file} has no script");
    steps
}

fn script(file: &str, name: &str) -> String {
    let found = steps(file).into_iter().find(|step| step.name == name);
    found.unwrap_or_else(|| panic!("{file} has no step `{name}`")).script
}

/// A folder for a job, with `offerctl` and a `gh` on PATH.
struct Job {
    folder: tempfile::TempDir,
}

impl Job {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        // Records its arguments, one call a line, keeps the body that it is given, and answers what the test says.
        let gh = "#!/bin/bash\nprintf '%s ' \"$@\" | tr '\\n' ' ' >> \"$JOB/calls\"\necho >> \"$JOB/calls\"\nfor a in \"$@\"; do case $a in body=@*) cp \
                  \"${a#body=@}\" \"$JOB/body\";; esac; done\nwhile [ $# -gt 0 ]; do [ \"$1\" = --body-file ] && cp \"$2\" \"$JOB/body\"; \
                  [ \"$1\" = --dir ] && mkdir -p \"$2\" && [ -d \"$JOB/artifact\" ] && cp -a \"$JOB/artifact/.\" \"$2/\"; shift; done\nhead -n 1 \
                  \"$JOB/calls.now\" 2>/dev/null\nsed -i 1d \"$JOB/calls.now\" 2>/dev/null\nexit 0\n";
        let write = |name: &str, text: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = bin.join(name);
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
        };
        write("gh", gh);
        // The real binary, away from any other portal than the test's.
        write("offerctl", &format!("#!/bin/bash\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_offerctl")));
        if !Path::new("/usr/bin/jq").exists() {
            // Enough of it for the two questions of the pipelines.
            write(
                "jq",
                "#!/bin/bash\ncase $2 in .fingerprint) sed -n 's/^  \"fingerprint\": \"\\(.*\\)\",*$/\\1/p' \"$3\";; *) grep -c '^      \"offer\": ' \"$3\";; esac\n",
            );
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the artifact of another job holds.
    fn artifact(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path("artifact")).expect("a folder");
        std::fs::write(self.path("artifact").join(name), text).expect("written");
    }

    /// Runs a step as the host does, in `folder`. `answers` is what `gh` says, call by call.
    fn run(&self, folder: &Path, script: &str, env: &[(&str, &str)], answers: &[&str]) -> Ran {
        std::fs::write(self.path("calls.now"), answers.join("\n") + "\n").expect("written");
        std::fs::write(self.path("calls"), "").expect("written");
        let _ = std::fs::remove_file(self.path("body"));
        std::fs::write(self.path("step"), script).expect("written");
        let mut command = Command::new("bash");
        command.arg("-e").arg(self.path("step")).current_dir(folder).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display())).env("JOB", self.folder.path());
        for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH"] {
            command.env(name, self.path(name));
        }
        command.envs(env.iter().copied());
        run(&mut command)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

#[test]
fn workflows_are_yaml_with_pinned_actions_few_rights_and_no_text_of_strangers_in_scripts() {
    for file in workflows().into_iter().chain(["azure/azure-pipelines.yml".into(), "gitlab/gitlab-ci.yml".into()]) {
        let text = text(&file);
        for event in serde_yaml::Parser::new_from_str(&text) {
            assert!(event.is_ok(), "{file}: {:?}", event.err());
        }
        for line in text.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("uses: ")) {
            let (_, pin) = line.split_once('@').unwrap_or_else(|| panic!("{file}: {line}"));
            let (sha, version) = pin.split_once(" # ").unwrap_or_else(|| panic!("{file}: {line}"));
            assert!(
                sha.len() == 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit()) && !version.is_empty(),
                "{line}"
            );
        }
        for Step { name, script } in steps(&file) {
            assert!(!script.contains("${{"), "{file}: {name}");
            let mut bash = Command::new("bash");
            let script = script.lines().filter(|line| !line.contains("##vso")).collect::<Vec<_>>().join("\n");
            let ran = run(bash.args(["-n", "-c", &script]));
            assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{file}: {name}");
        }
        if file == "github/action.yml" || file.starts_with("azure/") || file.starts_with("gitlab/") {
            continue;
        }
        assert!(text.contains("\npermissions: {}\n") && text.contains("\nconcurrency:\n"), "{file}");
        let count = |what: &str| text.lines().filter(|line| line.trim_end() == what).count();
        let jobs = text.matches("\n    runs-on: ").count();
        assert_eq!(count("    permissions:"), jobs, "{file}: rights of each job");
        assert_eq!(text.matches("\n    timeout-minutes: ").count(), jobs, "{file}");
        let steps = text.lines().filter(|line| line.starts_with("      - ")).collect::<Vec<_>>();
        assert!(steps.iter().all(|line| line.starts_with("      - name: ")), "{file}: {steps:?}");
        assert_eq!(text.matches("actions/checkout@").count(), count("          persist-credentials: false"), "{file}");
    }
    // What runs with the code of strangers has no right to write, and what writes does not run their code.
    let (plan, comment) = (text("github/plan.yml"), text("github/comment.yml"));
    assert!(!plan.contains(": write") && !plan.contains("secrets.") && !plan.contains("AZURE_"), "{plan}");
    assert!(!comment.contains("actions/checkout") && !comment.contains("uses:"), "{comment}");
}

#[tokio::test]
async fn the_comment_is_one_is_found_again_and_is_no_ones_tool() {
    let mut wanted = offer("a", "@contoso/team </details> ::set-output name=x::y");
    wanted["definition"]["plans"] = serde_json::json!([]);
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &wanted)]).await;
    world.run(&["plan", "--no-artifacts", "-o", "markdown=plan.md"]).await.exits(0);
    let plan = std::fs::read_to_string(world.path("plan.md")).expect("a plan");
    let (job, env) = (Job::new(), [("GH_REPO", "c/o"), ("HEAD_SHA", "abc"), ("RUN_URL", "https://h/1"), ("RUN", "7")]);
    job.artifact("plan.md", &format!("{plan}{}", "€".repeat(30_000)));
    let here = tempfile::tempdir().expect("a folder");
    job.run(here.path(), &script("github/comment.yml", "Get the plan"), &env, &[]).exits(0);
    assert_eq!(job.read("calls"), "run download 7 --name marketplace-plan --dir plan \n");
    let comment = script("github/comment.yml", "Comment");
    job.run(here.path(), &comment, &env, &["12", ""]).exits(0);
    assert!(job.read("calls").contains("api --method POST repos/c/o/issues/12/comments --field body=@body.md"));
    let body = job.read("body");
    assert!(body.starts_with("<!-- offerctl comment -->\n") && body.contains("removes the plan"), "{body}");
    assert!(!body.contains('@') && body.chars().count() < 65_536, "{}", body.chars().count());
    assert!(body.ends_with(
        "_For abc, by [the run of this pull request](https://h/1). It approves nothing: apply plans again._\n"
    ));
    job.run(here.path(), &comment, &env, &["12", "345"]).exits(0);
    let calls = job.read("calls");
    assert!(calls.contains("api --method PATCH repos/c/o/issues/comments/345 ") && !calls.contains("POST"), "{calls}");
    // No pull request ends there any more: nothing is written.
    job.run(here.path(), &comment, &env, &[""]).exits(0);
    assert!(!job.read("calls").contains("--method"));
    // A link in the artifact is not followed.
    std::fs::remove_file(here.path().join("plan/plan.md")).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", here.path().join("plan/plan.md")).expect("a link");
    job.run(here.path(), &comment, &env, &["12", ""]).exits(0);
    assert_eq!(job.read("calls"), "");
}

/// Runs a step of a workflow beside the portal on loopback.
async fn step(job: Job, folder: &Path, (file, name): (&str, &str), env: &[(&str, &str)], answer: &str) -> (Job, Ran) {
    let (folder, script, answer) = (folder.to_owned(), script(file, name), answer.to_owned());
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
    let run = move || {
        let env = env.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>();
        let ran = job.run(&folder, &script, &env, &[&answer]);
        (job, ran)
    };
    tokio::task::spawn_blocking(run).await.expect("it ran")
}

#[tokio::test]
async fn drift_is_looked_for_since_the_last_apply_and_told_in_one_issue() {
    const FILE: &str = "github/drift.yml";
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "applied"))]).await;
    crate::drift::git(&world, &["init", "-q"]);
    crate::drift::commit(&world);
    world.run(&["apply", "--yes", "-o", "json=applied.json"]).await.exits(0);
    let (here, issues) = (world.folder.path().to_owned(), tempfile::tempdir().expect("a folder"));
    let env = [("OFFERCTL_ENDPOINT", world.sandbox.url()), ("GH_REPO", "c/o")];
    let look = (FILE, "Look for drift");
    let code = |job: &Job| job.read("GITHUB_OUTPUT").lines().last().map(str::to_owned);

    // No apply yet: the commit alone is the base.
    let (job, ran) = step(Job::new(), &here, (FILE, "Get the newest receipt"), &env, "").await;
    ran.exits(0);
    assert!(!job.read("calls").contains("download"));
    let (job, ran) = step(job, &here, look, &env, "").await;
    assert!(ran.exits(0).stdout.starts_with("Baseline: revision HEAD ("));
    assert_eq!(code(&job).as_deref(), Some("code=0"));
    // A merge that was not applied is no drift where there is a receipt.
    job.artifact("receipt.json", &std::fs::read_to_string(world.path("applied.json")).expect("a receipt"));
    let (job, ran) = step(job, &here, (FILE, "Get the newest receipt"), &env, "77").await;
    ran.exits(0);
    assert!(job.read("calls").ends_with("run download 77 --name marketplace-receipt --dir receipt \n"));
    world.declare("a", &offer("a", "merged"));
    crate::drift::commit(&world);
    let (job, ran) = step(job, &here, look, &env, "").await;
    assert!(ran.exits(0).stdout.contains("Baseline: receipt receipt/receipt.json, then revision HEAD ("));
    assert_eq!(code(&job).as_deref(), Some("code=0"));

    // Drift does not fail the job, and is told in one issue.
    world.portal_put("a", &native(&offer("a", "@team #1 </details> <script>"))).await;
    let (job, ran) = step(job, &here, look, &env, "").await;
    assert!(ran.exits(0).stdout.contains("::warning file=offers/a.yaml,line="));
    assert_eq!(code(&job).as_deref(), Some("code=2"));
    assert!(job.read("GITHUB_STEP_SUMMARY").contains("**Drift: 1 changed in both"));
    for name in ["drift.md", "drift.json", "drift.xml"] {
        job.artifact(name, &std::fs::read_to_string(world.path(name)).expect("a report"));
    }
    let (job, ran) = step(job, issues.path(), (FILE, "Get the report"), &[("RUN", "9")], "").await;
    ran.exits(0);
    let tell = |job: Job, code: &'static str, open: &'static str| {
        let (here, env) = (issues.path().to_owned(), [("GH_REPO", "c/o"), ("CODE", code)]);
        async move { step(job, &here, (FILE, "Open, update or close the issue"), &env, open).await }
    };
    let (job, ran) = tell(job, "2", "").await;
    ran.exits(0);
    assert!(job.read("calls").contains("issue create --title Marketplace drift --body-file body.md"));
    let body = job.read("body");
    assert!(body.contains("\n<!-- offerctl:drift -->\n") && body.contains("changed in both"), "{body}");
    assert!(!body.contains('@') && !body.contains("<script") && !body.contains(" #1"), "{body}");
    let (job, ran) = tell(job, "2", "9").await;
    ran.exits(0);
    assert!(job.read("calls").contains("issue edit 9 --body-file body.md") && !job.read("calls").contains("create"));
    let (job, ran) = tell(job, "0", "9").await;
    ran.exits(0);
    assert!(job.read("calls").contains("issue close 9 --comment"));
    let (job, ran) = tell(job, "0", "").await;
    ran.exits(0);
    assert!(!job.read("calls").contains("issue close"));

    // What cannot be read fails the job: the issue stays as it is.
    world.fault(serde_json::json!({"method": "GET", "path": "/offers/a", "status": 403})).await;
    let (job, ran) = step(job, &here, look, &env, "").await;
    assert!(ran.exits(1).stdout.contains("::error file=offers/a.yaml,line=1,title=contoso/a%3A not read::"));
    assert_eq!(code(&job).as_deref(), Some("code=4"));
}

#[tokio::test]
async fn a_pull_request_is_planned_against_the_snapshot_without_a_portal() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let here = world.folder.path().to_owned();
    let env = [("OFFERCTL_ENDPOINT", world.sandbox.url())];
    let (job, ran) = step(Job::new(), &here, ("github/snapshot.yml", "Take the snapshot"), &env, "").await;
    ran.exits(0);
    job.artifact("snapshot.json", &std::fs::read_to_string(world.path("snapshot.json")).expect("a snapshot"));
    let newest = ("github/plan.yml", "Get the newest snapshot");
    let (job, ran) = step(job, &here, newest, &[("GH_REPO", "c/o")], "77").await;
    ran.exits(0);
    // No endpoint, no credential.
    let (job, ran) = step(job, &here, ("github/plan.yml", "Plan"), &[], "").await;
    let ran = ran.exits(0);
    assert!(ran.stdout.contains("\n::notice file=offers/a.yaml,line="), "{}", ran.stdout);
    assert_eq!(job.read("GITHUB_OUTPUT"), "code=0\n");
    assert!(job.read("GITHUB_STEP_SUMMARY").contains("<!-- offerctl:plan -->"));
    let report = |name: &str| std::fs::read_to_string(here.join("report").join(name)).expect("a report");
    assert!(report("plan.md").contains("**&#126; change** <code>title</code>"), "{}", report("plan.md"));
    assert!(report("plan.json").contains("\"age_seconds\""));
    let fail = ("github/plan.yml", "Fail where the plan is not whole");
    let (job, ran) = step(job, &here, fail, &[("CODE", "0")], "").await;
    ran.exits(0);
    let (job, ran) = step(job, &here, fail, &[("CODE", "6")], "").await;
    ran.exits(6);
    // Faulty files fail it, with the findings at their lines.
    std::fs::write(here.join("offers/a.yaml"), "id: [\n").expect("written");
    let (job, ran) = step(job, &here, ("github/plan.yml", "Plan"), &[], "").await;
    assert!(ran.exits(0).stdout.contains("::error file=offers/a.yaml,line="));
    assert!(job.read("GITHUB_OUTPUT").ends_with("code=3\n"));
}

#[test]
fn the_action_puts_a_binary_that_is_there_on_path() {
    let (job, here) = (Job::new(), tempfile::tempdir().expect("a folder"));
    let temp = job.path("temp").display().to_string();
    let env = [("RUNNER_TEMP", temp.as_str()), ("BINARY", env!("CARGO_BIN_EXE_offerctl"))];
    job.run(here.path(), &script("github/action.yml", "Use the binary that is there"), &env, &[]).exits(0);
    assert_eq!(job.read("GITHUB_PATH"), format!("{temp}/offerctl/bin\n"));
    let ran = job.run(here.path(), &script("github/action.yml", "Say which version"), &env, &[]).exits(0);
    assert!(ran.stdout.starts_with("offerctl "), "{}", ran.stdout);
}

#[tokio::test]
async fn validate_and_the_snapshot_s_way_run_as_they_stand() {
    let (job, wanted) = (Job::new(), offer("a", "new"));
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &wanted)]).await;
    let ran = job.run(world.folder.path(), &script("github/validate.yml", "Validate"), &[], &[]).exits(0);
    assert!(ran.stdout.starts_with("Valid (1 file, 1 offer).\n"), "{}", ran.stdout);
    assert!(world.path("offerctl.sarif").is_file() && world.path("offerctl.xml").is_file());
    assert!(job.read("GITHUB_STEP_SUMMARY").contains("Offer files: valid"));
    std::fs::write(world.path("offers/b.yaml"), "id: [\n").expect("written");
    let ran = job.run(world.folder.path(), &script("github/validate.yml", "Validate"), &[], &[]).exits(3);
    assert!(ran.stdout.contains("::error file=offers/b.yaml,line="), "{}", ran.stdout);
    let newest = script("github/plan.yml", "Get the newest snapshot");
    job.artifact("snapshot.json", "{}");
    job.run(world.folder.path(), &newest, &[("GH_REPO", "c/o")], &["77"]).exits(0);
    assert!(job.read("calls").ends_with("run download 77 --name marketplace-snapshot --dir snapshot \n"));
    assert!(world.path("snapshot/snapshot.json").is_file());
    let none = job.run(world.folder.path(), &newest, &[("GH_REPO", "c/o")], &[""]).exits(1);
    assert!(none.stdout.contains("::error title=offerctl::there is no snapshot yet"));
}

#[tokio::test]
async fn a_merge_is_applied_as_it_was_planned_or_not_at_all() {
    let (job, wanted) = (Job::new(), offer("a", "new"));
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &wanted)]).await;
    let (url, folder) = (world.sandbox.url().to_owned(), world.folder.path().to_owned());
    let step = async |job: Job, name: &str, fingerprint: String| {
        let (url, folder, script) = (url.clone(), folder.clone(), script("github/apply.yml", name));
        let ran = tokio::task::spawn_blocking(move || {
            let env = [("OFFERCTL_ENDPOINT", &*url), ("FINGERPRINT", &*fingerprint)];
            let ran = job.run(&folder, &script, &env, &[]);
            (job, ran)
        });
        ran.await.expect("it ran")
    };
    let (job, ran) = step(job, "Plan", String::new()).await;
    ran.exits(0);
    let output = job.read("GITHUB_OUTPUT");
    let fingerprint =
        output.lines().find_map(|line| line.strip_prefix("fingerprint=")).expect("a fingerprint").to_owned();
    assert_eq!(output, format!("fingerprint={fingerprint}\noffers=1\n"));
    // What was approved is no longer what would be done: nothing is written, and the reports say so.
    world.declare("a", &offer("a", "another"));
    let (job, ran) = step(job, "Apply", fingerprint.clone()).await;
    assert!(ran.exits(5).stdout.contains("::error title=offerctl::"));
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
    assert!(std::fs::read_to_string(world.path("apply.xml")).expect("a report").contains("errors=\"1\""));
    world.declare("a", &wanted);
    let (_job, ran) = step(job, "Apply", fingerprint).await;
    ran.exits(0);
    assert_eq!(world.count("PUT", "/offers/a").await, 1);
    assert!(std::fs::read_to_string(world.path("receipt.json")).expect("a receipt").contains("offerctl.report"));
}
