//! Artifacts by content, and local ones by way of a store, against the portal's double and a file server on loopback.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::clients::{node_package, skip};
use crate::support::front::{Act, Front};
use crate::support::{Impostor, World, native, offer, write};

const LOGO: &str = "microsoft-azure-marketplace.smallLogo";

/// A picture of 48 by 48, as far as its header goes.
fn png(rest: &str) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x30\0\0\0\x30\x08\x06\0\0\0".to_vec();
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

fn answer(request: &str, bytes: Option<Vec<u8>>) -> Vec<u8> {
    let status = if bytes.is_some() { "200 OK" } else { "404 Not Found" };
    let bytes = bytes.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\r\n",
        bytes.len()
    );
    let body = if request.starts_with("HEAD ") { &[][..] } else { &bytes };
    [head.as_bytes(), body].concat()
}

fn asked(request: &str) -> &str {
    let target = request.split(' ').nth(1).unwrap_or_default();
    target.split('?').next().unwrap_or_default()
}

/// A server that gives out what a test puts there.
fn files() -> (Files, Impostor) {
    let files = Files::default();
    let kept = Arc::clone(&files);
    let server = Impostor::new(move |request| {
        let bytes = kept.lock().expect("not poisoned").get(asked(request)).cloned();
        answer(request, bytes)
    });
    (files, server)
}

/// A server that gives out a folder.
fn folder(root: &Path) -> Impostor {
    let root = root.to_path_buf();
    Impostor::new(move |request| answer(request, std::fs::read(root.join(asked(request).trim_start_matches('/'))).ok()))
}

fn put(files: &Files, path: &str, bytes: Vec<u8>) {
    files.lock().expect("not poisoned").insert(path.to_owned(), bytes);
}

/// Declares an offer whose logo stands after `!artifact`.
fn declare(world: &World, title: &str, artifact: &str) {
    let mut declared = offer("a", title);
    declared["definition"]["offer"][LOGO] = json!("@");
    let text = serde_json::to_string_pretty(&declared).expect("JSON");
    write(world.folder.path(), "offers/a.yaml", &text.replace("\"@\"", &format!("!artifact {artifact:?}")));
}

fn logo(live: &Value) -> &str {
    live["definition"]["offer"][LOGO].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_compared_by_what_it_holds_and_a_gap_is_shown_as_one() {
    let (files, server) = files();
    put(&files, "/48.png", png("one"));
    let world = World::new(vec![native(&offer("a", "T"))], &[]).await;
    declare(&world, "T", &format!("{}/48.png?sig=CANARYsig", server.url));
    world.run(&["apply", "--yes"]).await.exits(0);
    let live = world.live("a").await;
    assert!(logo(&live).contains("publishingstoredm"), "{live}");

    let cache = world.path("cache").display().to_string();
    let args = ["plan", "--detailed-exitcode", "-v", "--cache-dir", &cache];
    let same = world.run(&args).await.exits(0);
    let rule = "smallLogo: the same file at the portal's own address";
    assert!(same.stdout.contains(rule) && same.stdout.contains("No changes"), "{}", same.stdout);
    let kept = std::fs::read_to_string(world.path("cache/artifacts.json")).expect("kept");
    assert!(kept.contains("/prodcontent/") && !kept.contains("sig") && !kept.contains("se="), "{kept}");
    assert!(!world.path(".offerctl").exists(), "nothing that a project holds can say what the portal's copies are");

    put(&files, "/48.png", png("two"));
    let changed = world.run(&["plan", "--detailed-exitcode"]).await.exits(2);
    assert!(changed.stdout.contains("1 to update") && changed.stdout.contains("smallLogo"), "{}", changed.stdout);

    files.lock().expect("not poisoned").clear();
    let gone = world.run(&["plan", "--detailed-exitcode"]).await.exits(0);
    let unknown = format!("smallLogo   unknown: the file at {}/48.png?sig=", server.url);
    assert!(gone.stdout.contains(&unknown) && gone.stdout.contains("404 Not Found"), "{}", gone.stdout);

    let before = server.received().len();
    let unasked = world.run(&["plan", "--detailed-exitcode", "--no-artifacts"]).await.exits(0);
    assert!(unasked.stdout.contains("unknown: the portal's copy was not looked at"), "{}", unasked.stdout);
    assert_eq!(server.received().len(), before);

    for ran in [same, changed, gone, unasked] {
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("CANARY"), "{}", ran.stdout);
    }
    let requests = server.received().join("\n").to_ascii_lowercase();
    assert!(requests.contains("head /48.png") && !requests.contains("authorization"), "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_cannot_be_had_is_unknown_and_never_a_change() {
    let (files, server) = files();
    let mut live = native(&offer("a", "old"));
    live["definition"]["offer"][LOGO] =
        json!("https://publishingstoredm.blob.core.windows.net/prodcontent/x/1.png?sig=CANARYsig&se=2999-01-01");
    let world = World::new(vec![live], &[]).await;
    put(&files, "/48.png", png("one"));
    declare(&world, "new", &format!("{}/48.png", server.url));
    let planned = world.run(&["plan"]).await.exits(0);
    assert!(
        planned.stdout.contains("? ") && planned.stdout.contains("unknown: the portal's copy"),
        "{}",
        planned.stdout
    );
    assert!(planned.stdout.contains("title") && !planned.stdout.contains("CANARY"), "{}", planned.stdout);
    assert_eq!(
        world.run(&["plan", "-o", "json"]).await.json()["offers"][0]["changes"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(server.received().is_empty(), "without the copy, there is nothing to compare with");
}

/// What a folder holds, with the times of the last change.
fn inventory(folder: &Path) -> Vec<(String, std::time::SystemTime)> {
    let entry = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let time = entry.metadata().and_then(|metadata| metadata.modified()).expect("a time");
        (entry.file_name().to_string_lossy().into_owned(), time)
    };
    let mut found = std::fs::read_dir(folder).expect("a folder").map(entry).collect::<Vec<_>>();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_file_is_uploaded_once_before_the_write() {
    let store = tempfile::tempdir().expect("a folder");
    let server = folder(store.path());
    let world = World::new(vec![native(&offer("a", "T"))], &[]).await;
    declare(&world, "T", "../art/48.png");
    let art = world.path("art/48.png");
    std::fs::create_dir_all(world.path("art")).expect("a folder");
    std::fs::write(&art, png("one")).expect("written");

    let nowhere = world.run(&["plan"]).await.exits(3);
    assert!(nowhere.stderr.contains("OFR0081") && nowhere.stderr.contains("store = \"az://"), "{}", nowhere.stderr);
    let settings =
        format!("[artifacts]\nstore = \"file://{}\"\npublic_url = \"{}\"\n", store.path().display(), server.url);
    write(world.folder.path(), "offerctl.toml", &settings);

    let planned = world.run(&["plan"]).await.exits(0);
    assert!(planned.stdout.contains("will upload 32 bytes: art/48.png"), "{}", planned.stdout);
    assert!(inventory(store.path()).is_empty(), "a plan uploads nothing");
    // The last read before the write comes after the upload: nothing is between the two.
    let kept = store.path().to_path_buf();
    let reads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&reads);
    let front = Front::before(world.sandbox.url(), move |request| {
        if request.route().ends_with("/offers/a") {
            seen.lock().expect("not poisoned").push((request.method.clone(), inventory(&kept).len()));
        }
        Act::Forward
    });
    world.run(&["apply", "--yes", "--endpoint", &front.url]).await.exits(0);
    let reads = reads.lock().expect("not poisoned").clone();
    let put = reads.iter().position(|(method, _)| method == "PUT").expect("a write");
    assert_eq!(reads[put - 1], ("GET".to_owned(), 1), "{reads:?}");
    let first = inventory(store.path());
    assert!(first.len() == 1 && first[0].0.len() == 68 && first[0].0.ends_with(".png"), "{first:?}");
    assert!(logo(&world.live("a").await).contains("publishingstoredm"));
    world.run(&["plan", "--detailed-exitcode"]).await.exits(0);

    // The file is there already, so it is not uploaded again, whoever needs it.
    world.portal_edit("a", |document| document["definition"]["offer"][LOGO] = Value::Null).await;
    world.run(&["apply", "--yes"]).await.exits(0);
    assert_eq!(inventory(store.path()), first);

    std::fs::write(&art, png("two")).expect("written");
    let changed = world.run(&["plan", "--detailed-exitcode"]).await.exits(2);
    assert!(
        changed.stdout.contains("1 to update") && changed.stdout.contains("(file art/48.png"),
        "{}",
        changed.stdout
    );
    world.run(&["plan", "--out", "plan.json"]).await.exits(0);
    std::fs::write(&art, png("six")).expect("written");
    let refused = world.run(&["apply", "--yes", "plan.json"]).await.exits(5);
    assert!(refused.stderr.contains("art/48.png changed since the plan was made"), "{}", refused.stderr);
    assert_eq!(inventory(store.path()), first);
    world.run(&["apply", "--yes"]).await.exits(0);
    assert_eq!(inventory(store.path()).len(), 2);
    world.run(&["plan", "--detailed-exitcode"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_file_is_one_of_the_project() {
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("48.png"), png("x")).expect("written");
    let world = World::new(vec![], &[]).await;
    write(world.folder.path(), ".git/48.png", "x");
    write(world.folder.path(), "empty.png", "");
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path().join("48.png"), world.path("link.png")).expect("a link");
    let up = format!("../../{}/48.png", outside.path().file_name().expect("a name").to_string_lossy());
    for (path, reason) in [
        (up.as_str(), "leads out of the project"),
        #[cfg(unix)]
        ("../link.png", "leads out of the project"),
        ("../.git/48.png", "`.git` and `.offerctl` are not part of an offer"),
        ("../empty.png", "it is empty"),
        ("../offers", "it is not a regular file"),
        ("../none.png", "cannot be read"),
        ("ftp://files.example/48.png", "takes an https address, or the path"),
    ] {
        declare(&world, "T", path);
        let refused = world.run(&["validate"]).await.exits(3);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains("OFR0080") && said.contains(reason), "{path}: {said}");
    }
}

/// The last version that runs on Node 20.
pub(crate) const AZURITE: &str = "3.35.0";

/// Microsoft's emulator of its blob store.
pub(crate) struct Azurite {
    child: Child,
    /// Kept open: a process that cannot say what it has to say may end.
    _said: BufReader<ChildStdout>,
    pub(crate) url: String,
}

impl Azurite {
    pub(crate) fn start(modules: &Path) -> Result<Self, String> {
        let mut child = Command::new("node")
            .arg(modules.join("azurite/dist/src/blob/main.js"))
            .args([
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                "0",
                "--inMemoryPersistence",
                "--skipApiVersionCheck",
                "--disableTelemetry",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut said = BufReader::new(child.stdout.take().expect("stdout"));
        let address = |line: String| line.find("http://127.0.0.1:").map(|at| line[at..].trim().to_owned());
        let found = said.by_ref().lines().map_while(Result::ok).find_map(address);
        let azurite = Self { child, _said: said, url: found.unwrap_or_default() };
        if azurite.url.is_empty() { Err("it ended before it listened".to_owned()) } else { Ok(azurite) }
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn azurite_takes_a_file_and_the_portal_fetches_it_by_a_signed_address() {
    const TEST: &str = "azurite_takes_a_file_and_the_portal_fetches_it_by_a_signed_address";
    let modules = tokio::task::spawn_blocking(|| node_package("azurite", AZURITE)).await.expect("it ran");
    let modules = match modules {
        Ok(modules) => modules,
        Err(reason) => return skip(TEST, "node", &reason),
    };
    let azurite = Azurite::start(&modules).expect("Azurite starts");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/foreign_clients/make_container.js");
    let made = Command::new("node").args([script, &azurite.url, "art"]).status().expect("node starts");
    assert!(made.success(), "no container");

    let world = World::new(vec![native(&offer("a", "T"))], &[]).await;
    declare(&world, "T", "../art/48.png");
    let art = world.path("art/48.png");
    std::fs::create_dir_all(world.path("art")).expect("a folder");
    std::fs::write(&art, png("one")).expect("written");
    write(world.folder.path(), "offerctl.toml", "[artifacts]\nstore = \"az://art/offers\"\n");
    let env = [("AZURE_STORAGE_USE_EMULATOR", "true"), ("AZURITE_BLOB_STORAGE_URL", azurite.url.as_str())];

    let first = world.run_with(&["apply", "--yes", "-vv"], &env).await.exits(0);
    assert!(logo(&world.live("a").await).contains("publishingstoredm"), "{}", first.stderr);
    assert_eq!(first.stderr.matches("uploaded").count(), 1, "{}", first.stderr);
    let signatures = first.stderr.split("sig=").skip(1).collect::<Vec<_>>();
    assert!(signatures.iter().all(|rest| rest.starts_with("REDACTED")), "{signatures:?}");
    world.run_with(&["plan", "--detailed-exitcode"], &env).await.exits(0);

    world.portal_edit("a", |document| document["definition"]["offer"][LOGO] = Value::Null).await;
    let second = world.run_with(&["apply", "--yes", "-v"], &env).await.exits(0);
    assert!(second.stderr.contains("already in the store"), "{}", second.stderr);
    assert!(!second.stderr.contains("uploaded"), "{}", second.stderr);

    std::fs::write(&art, png("two")).expect("written");
    let changed = world.run_with(&["plan", "--detailed-exitcode"], &env).await.exits(2);
    assert!(changed.stdout.contains("1 to update"), "{}", changed.stdout);
}
