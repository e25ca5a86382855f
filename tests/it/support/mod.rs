//! A world to run commands in: a project in a temporary folder, a portal on loopback, and the binary with an
//! environment of its own.

pub(crate) mod authority;
pub(crate) mod clients;
pub(crate) mod documents;
pub(crate) mod front;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offerctl::{Options, Profile, Sandbox, Seed, Switches};
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

    /// What the JSON report on stdout says of each offer, such as `contoso/a: updated, published; left`.
    #[track_caller]
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let report = self.json();
        let word = |value: &Value| value.as_str().expect("a word").to_owned();
        let outcome = |offer: &Value| {
            let done = offer["done"].as_array().expect("a list").iter().map(word).collect::<Vec<_>>().join(", ");
            format!("{}: {done}; {}", word(&offer["offer"]), word(&offer["end"]))
        };
        report["offers"].as_array().expect("a report").iter().map(outcome).collect()
    }

    /// The document on stdout, which is as its schema says.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let value: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout));
        if value["format"].as_str().is_some_and(|format| format.starts_with("offerctl.")) {
            assert_eq!(documents::said(&value), Vec::<String>::new(), "{value:#}");
        }
        value
    }
}

/// The binary, with nothing of the environment but what it needs.
pub(crate) fn offerctl(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offerctl"));
    command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    // Nobody answers there, so a command that looks for the machine's identity stays on the machine.
    command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    Ran::from(command.output().expect("the binary starts"))
}

/// Runs a command to its end, without blocking the servers of the test.
pub(crate) async fn run_beside(mut command: Command) -> Ran {
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("the command ran")
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
        Self::start(live, files, switches, Duration::from_millis(5)).await
    }

    /// A portal that treats what is created in it by this profile.
    pub(crate) async fn of(profile: Profile, live: Vec<Value>, files: &[(&str, &Value)], switches: Switches) -> Self {
        let step_time = Duration::from_millis(5);
        Self::open(
            Options {
                default_profile: profile,
                seed: Seed::Documents(live),
                step_time,
                switches,
                ..Options::default()
            },
            files,
        )
        .await
    }

    /// A portal whose publishing takes its time.
    pub(crate) async fn slow(live: Vec<Value>, files: &[(&str, &Value)], step_time: Duration) -> Self {
        Self::start(live, files, Switches::default(), step_time).await
    }

    async fn start(live: Vec<Value>, files: &[(&str, &Value)], switches: Switches, step_time: Duration) -> Self {
        Self::open(Options { seed: Seed::Documents(live), step_time, switches, ..Options::default() }, files).await
    }

    async fn open(options: Options, files: &[(&str, &Value)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
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
        self.get(&format!("offers/{offer}")).await
    }

    /// What a slot holds.
    pub(crate) async fn slot(&self, offer: &str, slot: &str) -> Value {
        self.get(&format!("offers/{offer}/slot/{slot}")).await
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("{}/api/publishers/contoso/{path}?api-version=2017-10-31", self.sandbox.url());
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

    /// The portal's clock goes forward.
    pub(crate) async fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).expect("a time");
        self.control(reqwest::Method::POST, "clock", &json!({"advanceMs": millis})).await;
    }

    /// Cancels what runs of an offer, on a portal whose steps take hours: the cancel is done when they are over.
    pub(crate) async fn cancel(&self, offer: &str) -> Ran {
        let command = self.command(&["cancel", "--yes", "-o", "json", &format!("contoso/{offer}")]);
        let canceling = tokio::spawn(run_beside(command));
        self.until_answered("POST", "/cancel", 202).await;
        self.advance(Duration::from_hours(1)).await;
        canceling.await.expect("the command ran")
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

    /// Waits until the portal has answered a request with this method, a path that holds this text, and this status.
    pub(crate) async fn until_answered(&self, method: &str, path: &str, status: u16) {
        let is_it = |request: &Value| {
            let here = request["path"].as_str().is_some_and(|seen| seen.contains(path));
            here && request["method"] == method && request["status"] == status
        };
        let poll = async {
            while !self.requests().await.iter().any(is_it) {
                tokio::task::yield_now().await;
            }
        };
        let awaited = tokio::time::timeout(Duration::from_secs(10), poll).await;
        assert!(awaited.is_ok(), "{method} {path} was never answered with {status}");
    }

    /// How many requests had this method and a path that ends so (before the query).
    pub(crate) async fn count(&self, method: &str, ending: &str) -> usize {
        count(&self.requests().await, method, ending)
    }
}

/// A server that answers byte for byte what a test says, and keeps what it receives.
pub(crate) struct Impostor {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Impostor {
    /// `answer` makes a whole answer from a whole request.
    pub(crate) fn new(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let request = read_request(&mut stream);
                kept.lock().expect("not poisoned").push(request.clone());
                let _ = stream.write_all(&answer(&request));
            }
        });
        Self { url, received }
    }

    /// The requests so far.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().expect("not poisoned").clone()
    }
}

/// One answer, after which the connection ends.
pub(crate) fn http_answer(status: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn read_request(stream: &mut TcpStream) -> String {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if bytes.len() >= head.len() + 4 + length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return text,
        }
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
                    "1.0.0": {"osVhdUrl": "https://images.blob.core.windows.net/vhds/1.vhd?sv=2018&sr=c&sp=rl&st=2018-01-01T00:00:00Z&se=2999-01-01T00:00:00Z&sig=CANARYsig", "lunVhdDetails": []}
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
