//! A value in every place that may hold a secret, searched for in every byte that a run leaves behind: outputs, logs at
//! the finest level, saved plans, reports, state files, temporary files, whatever command and whatever failure.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::json;

use crate::support::front::{Act, Front, Request};
use crate::support::{Impostor, Ran, World, http_answer, native, offer, offerctl, run, run_beside, write};

/// One value for each place; all begin alike.
const MARK: &str = "CANARY";

/// Variables that hold secrets.
const VARIABLES: [(&str, &str); 8] = [
    ("OFFERCTL_TOKEN", "CANARYtoken0123456789"),
    ("LEAD_TABLE", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=CANARYtable+key/0==;X=y"),
    ("LEAD_BLOB", "CANARYblob-connection"),
    ("CRM_PASSWORD", "CANARY p@ss\"word & <more>"),
    ("CRM_KEY", "CANARYapplication-key"),
    ("MARKETO", "CANARYmarketo-secret"),
    ("HTTPS_LEAD", "https://f.example/api/lead?code=CANARYcode%2Bplus"),
    ("VENDOR", "CANARYvendor-token"),
];

const OFFER: &str = r#"
publisherId: contoso
id: a
offerTypeId: microsoft-azure-virtualmachines
reconcile: {through: preview, allow: ["remove-market:basic:NO"]}
definition:
  displayText: A
  offer:
    microsoft-azure-marketplace.title: TITLE
    microsoft-azure-marketplace.smallLogo: "https://cdn.contoso.example/48.png?sv=1&sig=CANARYlogo"
    microsoft-azure-marketplace.tableLeadConfiguration: {connectionString: !secret env:LEAD_TABLE}
    microsoft-azure-marketplace.blobLeadConfiguration: {containerName: c, connectionString: !secret env:LEAD_BLOB}
    microsoft-azure-marketplace.crmLeadConfiguration:
      {userName: u, password: !secret env:CRM_PASSWORD, applicationKey: !secret env:CRM_KEY}
    microsoft-azure-marketplace.marketoLeadConfiguration: {formId: "1", clientSecret: !secret env:MARKETO}
    microsoft-azure-marketplace.httpsEndpointLeadConfiguration: {httpsEndpointUri: !secret env:HTTPS_LEAD}
    microsoft-azure-marketplace.salesForceLeadConfiguration: {objectIdentifier: o, clientSecret: !secret "file:vault/force"}
    vendor.settings: [{accessToken: !secret env:VENDOR, note: n}]
    vendor.oddly: !secret env:VENDOR
  plans:
    - planId: basic
      regions: [DE]
      microsoft-azure-virtualmachines.skuTitle: Basic
      microsoft-azure-virtualmachines.vmImages:
        "1.0.0":
          osVhdUrl: "https://s.blob.core.windows.net/v/a.vhd?sv=1&sp=rl&se=2099-01-01&sig=CANARYimage%2B%3D"
          lunVhdDetails: [{lun: 0, srcVhdUrl: "https://s.blob.core.windows.net/v/d.vhd?sv=1&sig=CANARYdisk"}]
"#;

/// A world whose commands have every secret in reach, and a temporary folder and a home of their own.
struct Watched {
    world: World,
    /// What the commands said.
    said: Vec<(String, Ran)>,
}

impl Watched {
    async fn new() -> Self {
        let mut live = native(&offer("a", "old"));
        // What a terminal would act on, and what nobody would see.
        live["definition"]["offer"]["microsoft-azure-marketplace.title"] =
            json!("\u{9b}2Jold\u{202e}\u{1b}[8m\u{e0041}");
        live["definition"]["offer"]["vendor.note\u{202e}\u{9b}"] = json!("n\u{200b}");
        live["definition"]["offer"]["vendor.apiKey"] = json!("CANARYlive-key");
        // No name and no schema says that this is a secret; the file does.
        live["definition"]["offer"]["vendor.oddly"] = json!("CANARYlive-oddly");
        live["definition"]["offer"]["vendor.link"] = json!("https://x.example/?sig=CANARYlive-sig");
        let world = World::new(vec![live, native(&offer("b", "old"))], &[("b", &offer("b", "new"))]).await;
        write(world.folder.path(), "vault/force", "CANARYsales-force\n");
        write(world.folder.path(), "offers/a.yaml", &OFFER.replace("TITLE", "new"));
        for folder in ["tmp", "home"] {
            std::fs::create_dir_all(world.path(folder)).expect("a folder");
        }
        Self { world, said: Vec::new() }
    }

    async fn run(&mut self, args: &[&str]) {
        self.run_at(self.world.sandbox.url().to_owned().as_str(), args).await;
    }

    async fn run_at(&mut self, url: &str, args: &[&str]) {
        let mut command = self.world.command(args);
        command.envs(VARIABLES).env("OFFERCTL_ENDPOINT", url).env("RUST_BACKTRACE", "1");
        command.env("TMPDIR", self.world.path("tmp")).env("HOME", self.world.path("home"));
        let ran = run_beside(command).await;
        self.said.push((args.join(" "), ran));
    }

    /// Everything that was said or left behind, by where it was found.
    fn traces(&self) -> Vec<(String, Vec<u8>)> {
        let mut traces = Vec::new();
        for (args, ran) in &self.said {
            traces.push((format!("stdout of {args}"), ran.stdout.clone().into_bytes()));
            traces.push((format!("stderr of {args}"), ran.stderr.clone().into_bytes()));
        }
        let mut files = Vec::new();
        all_files(self.world.folder.path(), &mut files);
        // What the user wrote, and the vault.
        let own = [self.world.path("offers"), self.world.path("vault")];
        for file in files.into_iter().filter(|file| !own.iter().any(|folder| file.starts_with(folder))) {
            traces.push((file.display().to_string(), std::fs::read(&file).expect("read")));
        }
        traces
    }
}

fn all_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all_files(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Whether a terminal acts on a character, or nobody sees it.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{e0000}'..='\u{e0fff}')
}

#[track_caller]
fn nothing_leaked(traces: &[(String, Vec<u8>)]) {
    assert!(traces.len() > 10, "there is something to search");
    for (place, bytes) in traces {
        let text = String::from_utf8_lossy(bytes);
        if let Some(at) = text.find(MARK) {
            let from = text.floor_char_boundary(at.saturating_sub(200));
            panic!("{place}: …{}", &text[from..text.ceil_char_boundary((at + 60).min(text.len()))]);
        }
        if let Some(c) = text.chars().find(|&c| acts(c)) {
            panic!("{place}: {}", c.escape_unicode());
        }
        for (_, secret) in VARIABLES {
            let encoded = base64::prelude::BASE64_STANDARD.encode(secret);
            assert!(!text.contains(&encoded), "{place} has a secret in base64");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_leaves_a_secret_anywhere() {
    let mut watched = Watched::new().await;
    let runs: &[&[&str]] = &[
        &["validate"],
        &["validate", "-o", "json", "-vvv"],
        &["validate", "--fix"],
        &["explain"],
        &["doctor", "-vvv"],
        &["status", "-vvv"],
        &["plan", "-v"],
        &["plan", "-vvv", "--log-format", "json", "--out", "p.json", "-o", "json=plan.json"],
        &["plan", "--resend", "-o", "json"],
        &[
            "plan",
            "-o",
            "markdown=p.md",
            "-o",
            "html=p.html",
            "-o",
            "sarif=p.sarif",
            "-o",
            "junit=p.xml",
            "-o",
            "github",
        ],
        &["drift", "-o", "markdown=d.md", "-o", "junit=d.xml", "-o", "github"],
        &["schema", "infer", "contoso/a"],
        &["apply", "nowhere.json", "--yes"],
        &["apply", "p.json", "--yes", "-vvv", "-o", "json=report.json", "-o", "text=report.txt"],
        &["apply", "p.json", "--yes", "-vvv", "--log-format", "json"],
        &["drift", "--base", "report.json", "-vvv"],
        &["drift", "-o", "json", "-vvv"],
        &["snapshot", "--out", "live.json", "-vvv", "-o", "json"],
        &["plan", "--live", "live.json", "-vvv", "-o", "json=offline.json", "--out", "offline-plan.json"],
        &["diff", "--from", "draft", "--to", "file", "-vvv"],
        &["diff", "--from", "preview", "--to", "draft", "-o", "json"],
        &["apply", "--yes", "--resend", "-vvv"],
        &["wait", "contoso/a", "--wait-timeout", "1s", "-vvv"],
        &["publish", "contoso/b", "--yes", "--no-wait", "-vvv"],
        &["cancel", "contoso/b", "--yes", "-vvv"],
        &["publish", "contoso/a", "--yes", "-vvv"],
        &["go-live", "contoso/a", "--yes", "-vvv", "-o", "json"],
        &["plan", "--detailed-exitcode", "-vvv"],
    ];
    for args in runs {
        watched.run(args).await;
    }
    nothing_leaked(&watched.traces());
    let put = watched.world.live("a").await;
    assert_eq!(put["definition"]["offer"]["microsoft-azure-marketplace.title"], "new", "it was written");
    let codes = watched.said.iter().map(|(args, ran)| (args.as_str(), ran.code)).collect::<Vec<_>>();
    let applied = codes.iter().find(|(args, _)| args.starts_with("apply p.json")).expect("it ran");
    assert_eq!(applied.1, 0, "{:?}", watched.said.iter().find(|(args, _)| args == applied.0));
}

/// A server that repeats all that it was sent, in an answer of this kind.
fn echo(status: &'static str, wrap: fn(&str) -> String) -> impl Fn(&Request) -> Act + Send + Sync {
    move |request| match request.method.as_str() {
        "GET" if request.earlier < 2 => Act::Forward,
        _ => {
            let headers = request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect::<String>();
            let all = format!("{} {}\n{headers}\n{}", request.method, request.path, request.body);
            Act::Instead(http_answer(status, wrap(&all).as_bytes()))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_failure_leaves_a_secret_anywhere() {
    let wraps: [fn(&str) -> String; 5] = [
        |all| json!({"error": {"code": "BadRequest", "message": all}}).to_string(),
        |all| json!({"Message": all}).to_string(),
        |all| json!(format!("System.Exception: {all}\r\n   at A.B()")).to_string(),
        |all| format!("<html><body>{}</body></html>", all.replace('&', "&amp;").replace('<', "&lt;")),
        |all| all.to_owned(),
    ];
    let mut watched = Watched::new().await;
    for (at, wrap) in wraps.into_iter().enumerate() {
        for status in ["400 Bad Request", "500 Oops", "200 OK"] {
            let front = Front::before(watched.world.sandbox.url(), echo(status, wrap));
            let format = if at % 2 == 0 { "text" } else { "json" };
            let args = ["--yes", "--retries", "0", "-vvv", "--log-format", format];
            watched.run_at(&front.url, &[&["apply"][..], &args].concat()).await;
            watched.run_at(&front.url, &[&["publish", "contoso/b"][..], &args].concat()).await;
            watched.run_at(&front.url, &["doctor", "-vvv"]).await;
            let written = front.log().iter().any(|request| request.method == "PUT");
            assert!(written, "nothing was written, so nothing was repeated: {:?}", watched.said);
        }
    }
    for act in [(|| Act::Cut) as fn() -> Act, || Act::Drop, || Act::DropAfter] {
        let front =
            Front::before(watched.world.sandbox.url(), move |request: &Request| match request.method.as_str() {
                "PUT" => act(),
                _ => Act::Forward,
            });
        watched.run_at(&front.url, &["apply", "--yes", "--retries", "1", "-vvv", "--no-wait"]).await;
    }
    nothing_leaked(&watched.traces());
}

#[test]
fn a_directory_that_repeats_the_credential_gives_it_to_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "offers/a.yaml", &OFFER.replace("TITLE", "new"));
    write(folder.path(), "federated", "CANARYfederated-token");
    let directory = Impostor::new(|request| {
        let body = json!({"error": "invalid_client", "error_description": format!("AADSTS7000215: {request}")});
        http_answer("401 Unauthorized", body.to_string().as_bytes())
    });
    let mut traces = Vec::new();
    for credential in [("AZURE_CLIENT_SECRET", "CANARYclient-secret"), ("AZURE_FEDERATED_TOKEN_FILE", "federated")] {
        for (name, format) in ["plan", "doctor", "status"].iter().flat_map(|name| [(name, "text"), (name, "json")]) {
            let mut command = offerctl(folder.path());
            command
                .args([name, "-vvv", "--retries", "0", "--log-format", format])
                .env("OFFERCTL_ENDPOINT", &directory.url);
            command.envs([("AZURE_TENANT_ID", "contoso.example"), ("AZURE_CLIENT_ID", "me"), credential]);
            command.env("AZURE_AUTHORITY_HOST", &directory.url);
            let ran = run(&mut command);
            assert_ne!(ran.code, 0, "{}", ran.stdout);
            traces.push((format!("stdout of {name}"), ran.stdout.into_bytes()));
            traces.push((format!("stderr of {name}"), ran.stderr.into_bytes()));
        }
    }
    assert!(directory.received().iter().any(|request| request.contains("CANARYclient-secret")), "it was sent");
    nothing_leaked(&traces);
}

/// Secrets whose values are those of an offer's key, of a field, of a title, and one that servers escape.
const HOSTILE: [(&str, &str); 4] = [
    ("LIKE_A_KEY", "contoso/a"),
    ("LIKE_A_FIELD", "displayText"),
    ("LIKE_A_TITLE", "Gateway of Contoso"),
    ("ESCAPED", "CANARYbb+CCCC/DDDD=="),
];

const HOSTILE_OFFER: &str = r#"
publisherId: contoso
id: a
offerTypeId: microsoft-azure-virtualmachines
definition:
  displayText: A
  offer:
    microsoft-azure-marketplace.title: Gateway of Contoso
    vendor.one: !secret env:LIKE_A_KEY
    vendor.two: !secret env:LIKE_A_FIELD
    vendor.three: !secret env:LIKE_A_TITLE
    vendor.four: !secret env:ESCAPED
  plans: [{planId: basic, regions: [DE, NO], microsoft-azure-virtualmachines.skuTitle: Basic}]
"#;

async fn hostile(world: &World, url: &str, args: &[&str]) -> Ran {
    let mut command = world.command(args);
    command.envs(HOSTILE).env("OFFERCTL_ENDPOINT", url);
    run_beside(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_with_the_value_of_a_name_hides_no_structure() {
    let world = World::new(vec![native(&offer("a", "old"))], &[]).await;
    write(world.folder.path(), "offers/a.yaml", HOSTILE_OFFER);
    let url = world.sandbox.url().to_owned();
    let runs: [&[&str]; 9] = [
        &["validate"],
        &["plan", "--out", "p.json", "-o", "json=plan.json"],
        &["apply", "p.json", "--yes", "-vvv", "-o", "json=report.json", "-o", "junit=report.xml"],
        &["drift", "--base", "report.json", "-o", "json=drift.json"],
        &["apply", "--yes", "--resend", "-o", "json=again.json"],
        &["drift", "--base", "again.json"],
        &["snapshot", "--out", "live.json"],
        &["plan", "--live", "live.json", "--detailed-exitcode"],
        &["status", "-vvv"],
    ];
    for args in runs {
        let ran = hostile(&world, &url, args).await;
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        assert!(!ran.stdout.contains(MARK) && !ran.stderr.contains(MARK), "{args:?}: {ran:?}");
    }
    let text = std::fs::read_to_string(world.path("report.json")).expect("a report");
    let report = serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    let applied = &report["receipt"]["applied"][0];
    assert_eq!(applied["offer"], "contoso/a");
    assert_eq!(applied["document"]["definition"]["displayText"], "A");
    let title = "microsoft-azure-marketplace.title";
    assert_eq!(applied["document"]["definition"]["offer"][title], "REDACTED", "a text is no structure");
    assert_eq!(world.live("a").await["definition"]["offer"][title], "Gateway of Contoso", "and was written as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_escapes_a_secret_shows_no_part_of_it() {
    let world = World::new(vec![native(&offer("a", "old"))], &[]).await;
    write(world.folder.path(), "offers/a.yaml", HOSTILE_OFFER);
    for form in [
        r"CANARYbb\u002BCCCC\u002FDDDD==",
        r"CANARYbb\\u002BCCCC\\u002fDDDD\\u003D=",
        "CANARYbb&#43;CCCC&#x2F;DDDD==",
        "CANARYbb%2BCCCC%2fDDDD%3D%3D",
        "CANARYbb%252BCCCC%252FDDDD%253D%253D",
    ] {
        let message = format!("the value \"{form}\" is not accepted");
        let body = json!({"error": {"code": "BadRequest", "message": message}}).to_string();
        let front = Front::before(world.sandbox.url(), move |request: &Request| match request.method.as_str() {
            "PUT" => Act::Instead(http_answer("400 Bad Request", body.as_bytes())),
            _ => Act::Forward,
        });
        let ran = hostile(&world, &front.url, &["apply", "--yes", "--retries", "0", "-vvv", "-o", "json"]).await;
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("is not accepted"), "{said}");
        assert!(["CANARYbb", "CCCC", "DDDD"].iter().all(|part| !said.contains(part)), "{form}: {said}");
    }
}
