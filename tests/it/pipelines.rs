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
        if file == "github/action.yml" || !file.starts_with("github/") {
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

#[test]
fn the_issue_is_opened_updated_and_closed() {
    let job = Job::new();
    let here = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(here.path().join("drift")).expect("a folder");
    std::fs::write(here.path().join("drift/drift.txt"), "contoso/a\n```\n</details> <script>\n").expect("written");
    let issue = script("github/drift.yml", "Open, update or close the issue");
    let run =
        |code: &str, open: &str| job.run(here.path(), &issue, &[("GH_REPO", "c/o"), ("CODE", code)], &[open]).exits(0);
    run("2", "");
    assert!(job.read("calls").contains("issue create --title Marketplace drift --body-file body.md"));
    // Indented, each line is code, whatever it says.
    assert!(
        job.read("body").ends_with("\n\n    contoso/a\n    ```\n    </details> <script>\n"),
        "{}",
        job.read("body")
    );
    run("2", "9");
    assert!(job.read("calls").contains("issue edit 9 --body-file body.md") && !job.read("calls").contains("create"));
    run("0", "9");
    assert!(job.read("calls").contains("issue close 9 --comment"));
    run("0", "");
    assert!(!job.read("calls").contains("issue close"));
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
async fn the_plan_of_a_merge_hands_on_its_fingerprint() {
    let (job, wanted) = (Job::new(), offer("a", "new"));
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &wanted)]).await;
    let url = world.sandbox.url().to_owned();
    let (folder, plan) = (world.folder.path().to_owned(), script("github/apply.yml", "Plan"));
    let job = tokio::task::spawn_blocking(move || {
        job.run(&folder, &plan, &[("OFFERCTL_ENDPOINT", &url), ("OFFERCTL_NO_ARTIFACTS", "1")], &[]).exits(0);
        job
    });
    let job = job.await.expect("it ran");
    let json = world.run(&["plan", "--no-artifacts", "-o", "json"]).await.exits(0).json();
    let fingerprint = json["fingerprint"].as_str().expect("a fingerprint");
    assert_eq!(job.read("GITHUB_OUTPUT"), format!("fingerprint={fingerprint}\noffers=1\n"));
}
