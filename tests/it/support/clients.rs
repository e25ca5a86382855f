//! Clients that others wrote: where they come from, and a sandbox process that plays the hosts they have built in.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Ran, offerctl, requests, run_beside, write};

/// Lists what clients run on, such as `python,node`: where that is missing, their tests fail instead of being skipped.
const REQUIRED: &str = "OFFERCTL_TEST_CLIENTS";

/// Who the clients are; nobody else gets a token, and without one nothing is answered.
pub(crate) const TENANT: &str = "3fae3c41-7a0b-4d24-a1b0-000000000002";
pub(crate) const CLIENT_ID: &str = "3fae3c41-7a0b-4d24-a1b0-000000000001";
pub(crate) const CLIENT_SECRET: &str = "s3cret~of.the_clients";

/// Clients run one at a time: a Python that starts keeps a core busy for a second, and other tests have a clock to meet.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Says something even where the test passes and its output is captured.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says why a test does not run, or fails if it has to run.
pub(crate) fn skip(test: &str, needs: &str, reason: &str) {
    let required = std::env::var(REQUIRED).unwrap_or_default();
    assert!(!is_required(&required, needs), "{test} cannot run: {reason}");
    tell(&format!("skipped {test}: {reason}; {REQUIRED}={needs} makes this a failure"));
}

fn is_required(required: &str, needs: &str) -> bool {
    required.split(',').any(|name| name == needs)
}

#[test]
fn a_client_is_required_by_name() {
    for (required, expected) in [("python", true), ("node,python", true), ("node", false), ("", false)] {
        assert_eq!(is_required(required, "python"), expected, "{required}");
    }
}

/// What each step of a client came to.
#[derive(Debug)]
pub(crate) struct Verdicts {
    client: &'static str,
    profile: &'static str,
    lines: Vec<String>,
}

impl Verdicts {
    pub(crate) fn new(client: &'static str, profile: &'static str) -> Self {
        Self { client, profile, lines: Vec::new() }
    }

    pub(crate) fn works(&mut self, step: &str) {
        self.line(step, "works");
    }

    /// The step is refused, as it should be, for this reason.
    pub(crate) fn refused(&mut self, step: &str, reason: &str) {
        self.line(step, &format!("refused: {reason}"));
    }

    /// The step is not one of this API.
    pub(crate) fn elsewhere(&mut self, step: &str, reason: &str) {
        self.line(step, &format!("not of this API: {reason}"));
    }

    /// The client does not do that at all.
    pub(crate) fn lacks(&mut self, step: &str, reason: &str) {
        self.line(step, &format!("not in this client: {reason}"));
    }

    fn line(&mut self, step: &str, verdict: &str) {
        self.lines.push(format!("{} | {} | {step} | {verdict}", self.client, self.profile));
    }
}

impl Drop for Verdicts {
    fn drop(&mut self) {
        tell(&self.lines.join("\n"));
    }
}

/// The programs of a package from the Python package index, as published, in an environment of its own that later runs
/// use again. Where it cannot be had, the reason.
pub(crate) fn python_package(name: &str, version: &str) -> Result<PathBuf, String> {
    let asked =
        output(Command::new("python3").args(["-c", "import sys, venv, ensurepip; print(sys.version.split()[0])"]));
    let python = asked.map_err(|reason| format!("there is no Python that makes virtual environments ({reason})"))?;
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python").join(format!("{name}-{version}-on-{python}"));
    std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    // Another test may want the same package now.
    let lock = File::create(home.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let programs = home.join("venv/bin");
    let complete = home.join("complete");
    if complete.is_file() && programs.is_dir() {
        return Ok(programs);
    }
    output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(home.join("venv")))?;
    // Old packages import distutils, which setuptools provides where Python no longer does.
    output(
        Command::new(programs.join("python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"])
            .args([&format!("{name}=={version}"), "setuptools"]),
    )
    .map_err(|reason| format!("pip cannot install {name} {version}; is the package index reachable?\n{reason}"))?;
    std::fs::write(complete, "").map_err(|error| error.to_string())?;
    Ok(programs)
}

/// Returns what a command prints, or, if it fails, its messages.
fn output(command: &mut Command) -> Result<String, String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() {
        return Ok(text(&done.stdout));
    }
    Err(format!("{}: {}", done.status, text(&done.stderr)))
}

/// A sandbox process with a proxy, and a folder for its clients.
pub(crate) struct Played {
    pub(crate) url: String,
    pub(crate) folder: tempfile::TempDir,
    /// What the sandbox prints after its URL.
    pub(crate) exports: String,
    /// What the sandbox lets the test itself do everything with.
    pub(crate) token: String,
    child: Child,
    http: reqwest::Client,
}

impl Played {
    /// Serves these documents; `profile` is that of offers that clients create.
    pub(crate) async fn new(profile: &str, documents: &[Value]) -> Self {
        Self::with(&["--profile", profile, "--proxy-ca", "ca.pem"], documents).await
    }

    /// Serves these documents, with these options more.
    pub(crate) async fn with(args: &[&str], documents: &[Value]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::Builder::new().prefix("it's a folder ").tempdir().expect("a folder");
        for document in documents {
            let id = document["id"].as_str().expect("an id");
            write(folder.path(), &format!("seed/{id}.json"), &document.to_string());
        }
        let mut child = offerctl(folder.path())
            .args(["sandbox", "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0"])
            .args(["--seed", "seed", "--step-time", "5ms"])
            .args(["--client", &format!("{CLIENT_ID}:{CLIENT_SECRET}@contoso")])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the sandbox starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines().map_while(Result::ok);
        let url = lines.next().expect("the URL comes first");
        let mut exports = String::new();
        while !exports.contains("export CURL_CA_BUNDLE=") {
            exports += &(lines.next().expect("one line more") + "\n");
        }
        let http = reqwest::Client::new();
        let form = format!(
            "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}\
             &resource=https%3A%2F%2Fcloudpartner.azure.com"
        );
        let asked = http.post(format!("{url}/{TENANT}/oauth2/token")).body(form);
        let asked = asked.header("content-type", "application/x-www-form-urlencoded");
        let granted: Value = asked.send().await.expect("an answer").json().await.expect("JSON");
        let token = granted["access_token"].as_str().unwrap_or_else(|| panic!("{granted}")).to_owned();
        Self { url, folder, exports, token, child, http }
    }

    /// A program with the printed environment, and with nothing else of ours: it stays on loopback, and finds no
    /// configuration of the person who runs the test.
    pub(crate) fn client(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"eval "$EXPORTS"; unset EXPORTS; exec "$0" "$@""#])
            .arg(program.as_ref())
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("EXPORTS", &self.exports)
            .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/foreign_clients/guard"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // The proxies of this machine are none of the clients' business, and this one is about to be replaced.
            .env("no_proxy", "*")
            .stdin(Stdio::null());
        command
    }

    /// Runs a program to its end, as [`Self::client`] has it.
    pub(crate) async fn run(&self, program: impl AsRef<Path>, args: &[&str]) -> Ran {
        let mut command = self.client(program);
        command.args(args);
        let _alone = ONE_AT_A_TIME.lock().await;
        run_beside(command).await
    }

    /// Ends the sandbox as a service manager does.
    #[track_caller]
    pub(crate) fn terminate(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        assert_eq!(self.child.wait().expect("ends").code(), Some(0));
    }

    /// The requests so far.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        requests(&self.http, &self.url).await
    }

    /// Below the offers of contoso, past the proxy.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask(reqwest::Method::GET, path).await.1
    }

    /// Status and body of an answer below the offers of contoso, past the proxy.
    pub(crate) async fn ask(&self, method: reqwest::Method, path: &str) -> (u16, Value) {
        let url = format!("{}/api/publishers/contoso/offers/{path}?api-version=2017-10-31", self.url);
        let answer = self.http.request(method, url).bearer_auth(&self.token).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder of modules of a package from npm, as published, that later runs use again. Where it cannot be had, the
/// reason.
pub(crate) fn node_package(name: &str, version: &str) -> Result<PathBuf, String> {
    let asked = output(Command::new("node").arg("--version"));
    let node = asked.map_err(|reason| format!("there is no node ({reason})"))?;
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node").join(format!("{name}-{version}-on-{node}"));
    std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    let lock = File::create(home.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let modules = home.join("node_modules");
    let complete = home.join("complete");
    if complete.is_file() && modules.is_dir() {
        return Ok(modules);
    }
    let install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"];
    output(Command::new("npm").args(install).arg(&home).arg(format!("{name}@{version}")))
        .map_err(|reason| format!("npm cannot install {name} {version} ({reason})"))?;
    std::fs::write(complete, "").map_err(|error| error.to_string())?;
    Ok(modules)
}
