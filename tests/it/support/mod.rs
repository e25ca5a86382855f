//! A world to run commands in: a project in a temporary folder, a portal on loopback, and the binary with an
//! environment of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use offerctl::sandbox::{Options, Sandbox, Seed, Switches};
use serde_json::{Value, json};

pub(crate) const VM: &str = "microsoft-azure-virtualmachines";
pub(crate) const TITLE: &str = "microsoft-azure-marketplace.title";

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout))
    }
}

/// The binary, with nothing of the environment but what it needs.
pub(crate) fn offerctl(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offerctl"));
    command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    Ran::from(command.output().expect("the binary starts"))
}

/// Starts `offerctl sandbox` on a free port; its base URL is the first line that it prints.
pub(crate) fn serve(folder: &Path, args: &[&str]) -> (Child, String) {
    let mut child = offerctl(folder)
        .args(["sandbox", "--listen", "127.0.0.1:0"])
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the sandbox starts");
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("stdout")).read_line(&mut line).expect("the URL");
    (child, line.trim().to_owned())
}

/// A project and a portal.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
    http: reqwest::Client,
}

impl World {
    /// A portal that holds `live`, and a project that declares `files`.
    pub(crate) async fn new(live: Vec<Value>, files: &[(&str, &Value)]) -> Self {
        Self::with(live, files, Switches::default()).await
    }

    pub(crate) async fn with(live: Vec<Value>, files: &[(&str, &Value)], switches: Switches) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = Sandbox::start(Options {
            seed: Seed::Documents(live),
            step_time: std::time::Duration::from_millis(5),
            switches,
            ..Options::default()
        })
        .await
        .expect("the sandbox starts");
        let world = Self { folder: project(files), sandbox, http: reqwest::Client::new() };
        std::fs::create_dir_all(world.folder.path().join("offers")).expect("a folder");
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = offerctl(self.folder.path());
        command.env("OFFERCTL_ENDPOINT", self.sandbox.url()).args(args);
        command
    }

    /// Runs a command without blocking the portal.
    pub(crate) async fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[]).await
    }

    pub(crate) async fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let mut command = self.command(args);
        command.envs(env.iter().copied());
        tokio::task::spawn_blocking(move || run(&mut command)).await.expect("the command ran")
    }

    pub(crate) fn declare(&self, file: &str, offer: &Value) {
        write_offer(self.folder.path(), file, offer);
    }

    /// The draft as GET returns it.
    pub(crate) async fn live(&self, offer: &str) -> Value {
        let url = format!("{}/api/publishers/contoso/offers/{offer}?api-version=2017-10-31", self.sandbox.url());
        let answer = self.http.get(url).bearer_auth("t").send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// A person edits the offer in the portal.
    pub(crate) async fn portal_edit(&self, offer: &str, edit: impl FnOnce(&mut Value)) {
        let mut document = self.live(offer).await;
        edit(&mut document);
        self.portal_put(offer, &document).await;
    }

    /// A person saves this document in the portal.
    pub(crate) async fn portal_put(&self, offer: &str, document: &Value) {
        self.control(reqwest::Method::PUT, &format!("offers/contoso/{offer}"), document).await;
    }

    /// From now on some requests go wrong.
    pub(crate) async fn fault(&self, fault: Value) {
        self.control(reqwest::Method::POST, "faults", &fault).await;
    }

    pub(crate) async fn no_faults(&self) {
        self.control(reqwest::Method::DELETE, "faults", &Value::Null).await;
    }

    async fn control(&self, method: reqwest::Method, path: &str, body: &Value) {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let answer = self.http.request(method, url).json(body).send().await.expect("an answer");
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default());
    }

    /// The requests that the portal saw.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        requests(&self.http, self.sandbox.url()).await
    }

    /// How many requests had this method and a path that ends so (before the query).
    pub(crate) async fn count(&self, method: &str, ending: &str) -> usize {
        count(&self.requests().await, method, ending)
    }
}

pub(crate) async fn requests(http: &reqwest::Client, base: &str) -> Vec<Value> {
    let answer = http.get(format!("{base}/_sandbox/requests")).send().await.expect("an answer");
    answer.json().await.expect("a list")
}

pub(crate) fn count(requests: &[Value], method: &str, ending: &str) -> usize {
    let matches = |request: &&Value| {
        let path = request["path"].as_str().unwrap_or_default();
        request["method"] == method && path.split('?').next().unwrap_or_default().ends_with(ending)
    };
    requests.iter().filter(matches).count()
}

/// A project folder that declares these offers.
pub(crate) fn project(files: &[(&str, &Value)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, offer) in files {
        write_offer(folder.path(), name, offer);
    }
    folder
}

/// JSON is YAML.
pub(crate) fn write_offer(root: &Path, name: &str, offer: &Value) {
    let text = serde_json::to_string_pretty(offer).expect("JSON");
    write(root, &format!("offers/{name}.yaml"), &text);
}

pub(crate) fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("written");
}

/// A small offer as a file declares it.
pub(crate) fn offer(id: &str, title: &str) -> Value {
    json!({
        "publisherId": "contoso", "id": id, "offerTypeId": VM,
        "definition": {
            "displayText": id,
            "offer": {TITLE: title},
            "plans": [{
                "planId": "basic",
                "regions": ["DE", "NO"],
                "microsoft-azure-virtualmachines.skuTitle": "Basic",
                "microsoft-azure-virtualmachines.vmImages": {
                    "1.0.0": {"osVhdUrl": "https://images.blob.core.windows.net/vhds/1.vhd?sv=2018&sp=rl&sig=CANARYsig", "lunVhdDetails": []}
                }
            }]
        }
    })
}

/// The same as the portal returns it.
pub(crate) fn native(offer: &Value) -> Value {
    on_portal(offer, "none")
}

/// The same, migrated.
pub(crate) fn migrated(offer: &Value) -> Value {
    on_portal(offer, "migrated")
}

fn on_portal(offer: &Value, migration: &str) -> Value {
    let mut document = offer.clone();
    document["pcMigrationStatus"] = json!(migration);
    document["status"] = json!("neverPublished");
    document["version"] = json!(3);
    document["changedTime"] = json!("2026-01-02T03:04:05.1234567Z");
    if let Some(document) = document.as_object_mut() {
        document.remove("reconcile");
    }
    document
}

pub(crate) fn set_title(document: &mut Value, title: &str) {
    document["definition"]["offer"][TITLE] = json!(title);
}
