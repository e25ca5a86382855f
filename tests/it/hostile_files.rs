//! What files and surroundings may hold: YAML of any kind, an environment with secrets in it, settings and saved plans
//! that somebody else changed.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{
    Impostor, TITLE, World, http_answer, migrated, native, offer, offerctl, project, run, run_beside, write,
};

const LEAD: &str = "microsoft-azure-marketplace.tableLeadConfiguration";
const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";

/// The YAML of an offer whose title stands here as it is.
fn titled(title: &str) -> String {
    offer("a", "@TITLE@").to_string().replace("\"@TITLE@\"", title)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excerpt_of_a_faulty_file_shows_no_secret() {
    let table = [
        ("connectionString: !secret CANARYhunter2", ""),
        ("x: \"https://h/v.vhd?sv=1&sig=CANARYsig", ""),
        ("password: 09182736450918", ""),
        ("x: \"https://h/v?sig=CANARYsig\"\n      x: \"https://h/v?sig=CANARYsig\"", ""),
        ("{connectionString: \"AccountKey=CANARYkey\", containerName: 007}", ""),
        (
            "x: \"https://h/v?sig=CANARYsig\"",
            "reconcile:\n  ignore:\n    - {path: \"/definition/offer/microsoft-azure-marketplace.tableLeadConfiguration/x\", reason: r}\n",
        ),
    ];
    let world = World::new(vec![], &[]).await;
    for (lead, more) in table {
        let text = format!(
            "publisherId: contoso\nid: a\nofferTypeId: microsoft-azure-virtualmachines\n{more}definition:\n  offer:\n    {LEAD}:\n      {lead}\n"
        );
        write(world.folder.path(), "offers/a.yaml", &text);
        for args in [&["validate"][..], &["validate", "-o", "json"], &["plan"]] {
            let ran = world.run(args).await;
            for secret in ["CANARY", "09182736450918"] {
                let shown = ran.stdout.contains(secret) || ran.stderr.contains(secret);
                assert!(!shown, "{lead}\n{args:?}\n{}\n{}", ran.stdout, ran.stderr);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_the_environment_is_not_taken_for_a_plain_text() {
    let world = World::new(vec![native(&offer("a", "old"))], &[]).await;
    write(world.folder.path(), "offerctl.toml", "[env]\nallow = [\"*_*\"]\n");
    for name in [
        "OFFERCTL_TOKEN",
        "OFFERCTL_SANDBOX_STATE",
        "SYSTEM_ACCESSTOKEN",
        "GITHUB_TOKEN",
        "CLIENT_SECRET",
        "DB_PASSWORD",
        "STORAGE_KEY",
    ] {
        write(world.folder.path(), "offers/a.yaml", &titled(&format!("!env {name}")));
        let ran = world.run_with(&["plan", "--out", "p.json"], &[(name, "CANARYvalue")]).await.exits(3);
        assert!(ran.stderr.contains("!secret"), "{name}: what else to do is not in:\n{}", ran.stderr);
        assert!(!ran.stderr.contains("CANARY") && !ran.stdout.contains("CANARY"), "{name}:\n{}", ran.stderr);
        assert!(!world.path("p.json").exists(), "{name}");
    }
    write(world.folder.path(), "offers/a.yaml", &titled("!env OFFER_TITLE"));
    let ran = world.run_with(&["plan"], &[("OFFER_TITLE", "Gateway")]).await.exits(0);
    assert!(ran.stdout.contains("\"old\" → \"Gateway\""), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_bound_to_the_variables_that_may_be_read() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    world.run(&["plan", "--out", "p.json"]).await.exits(0);
    write(world.folder.path(), "offerctl.toml", "[env]\nallow = [\"OFFER_*\"]\n");
    world.run(&["apply", "p.json", "--yes"]).await.exits(5);
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_variable_shares_with_a_secret_is_masked() {
    let mut file = offer("a", "@TITLE@");
    file["definition"]["offer"][LEAD] = json!({"connectionString": "@LEAD@"});
    let text = file.to_string().replace("\"@TITLE@\"", "!env OFFER_TITLE").replace("\"@LEAD@\"", "!secret env:LEADS");
    let world = World::new(vec![native(&offer("a", "old"))], &[]).await;
    write(world.folder.path(), "offerctl.toml", "[env]\nallow = [\"OFFER_*\"]\n");
    write(world.folder.path(), "offers/a.yaml", &text);
    for secret in ["LEADS", "DB_PASSWORD"] {
        for args in [&["plan"][..], &["plan", "-o", "json"], &["validate"]] {
            let env = [("OFFER_TITLE", "CANARY-of-both"), (secret, "CANARY-of-both")];
            let ran = world.run_with(args, &env).await;
            assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("CANARY"), "{secret} {args:?}\n{}", ran.stdout);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_to_wait_beyond_all_clocks_does_no_harm() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    for args in [
        ["wait", "--wait-timeout", "200000000000000d"],
        ["apply", "--yes", "--wait-timeout=100000000000000d"],
        ["apply", "--yes", "--wait-timeout=18446744073709551615d"],
    ] {
        let ran = world.run(&args).await;
        assert!(matches!(ran.code, 0 | 3), "{args:?}: {}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{args:?}\n{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parallelism_beyond_all_machines_does_no_harm() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    for number in ["9223372036854775807", "0", "-1"] {
        write(world.folder.path(), "offerctl.toml", &format!("parallelism = {number}\n"));
        let ran = world.run(&["plan"]).await;
        assert!(matches!(ran.code, 0 | 3), "{number}: {}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{number}\n{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tower_of_aliases_does_not_overflow_the_stack() {
    let mut text = String::from(
        "publisherId: contoso\nid: b\nofferTypeId: microsoft-azure-virtualmachines\ndefinition:\n  offer: {}\n  t:\n    x0: &x0 [x]\n",
    );
    for floor in 1..85 {
        let (open, close) = ("[".repeat(55), " ]".repeat(55));
        text.push_str(&format!("    x{floor}: &x{floor} {open}*x{}{close}\n", floor - 1));
    }
    let world = World::new(vec![], &[]).await;
    write(world.folder.path(), "offers/b.yaml", &text);
    for args in [&["validate"][..], &["plan", "--out", "p.json"], &["apply", "--yes"]] {
        let ran = world.run(args).await;
        assert!(matches!(ran.code, 0 | 3), "{args:?}: {}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_a_project_send_the_token_nowhere_but_home() {
    let folder = project(&[("a", &offer("a", "new"))]);
    // Whatever would leave for another host comes here.
    let proxy = Impostor::new(|_| http_answer("502 no", b""));
    for endpoint in [
        "https://portal.invalid",
        "https://cloudpartner.azure.com.portal.invalid",
        "https://portal.invalid/cloudpartner.azure.com",
        "https://u:CANARYpassword@cloudpartner.azure.com",
        "https://portal.invalid/?sig=CANARYsig",
    ] {
        write(folder.path(), "offerctl.toml", &format!("endpoint = \"{endpoint}\"\n"));
        for args in [&["plan"][..], &["apply", "--yes"], &["status"], &["wait", "contoso/a"]] {
            let mut command = offerctl(folder.path());
            command.args(args).args(["--retries", "0"]).env("OFFERCTL_TOKEN", "CANARYtoken");
            command.env("HTTPS_PROXY", &proxy.url).env("HTTP_PROXY", &proxy.url);
            let ran = run_beside(command).await.exits(3);
            let foreign = !endpoint.contains('@') && !endpoint.contains('?');
            assert!(!foreign || ran.stderr.contains("--endpoint"), "{endpoint} {args:?}\n{}", ran.stderr);
            assert!(!ran.stderr.contains("CANARY"), "{endpoint} {args:?}\n{}", ran.stderr);
            assert_eq!(proxy.received(), Vec::<String>::new(), "{endpoint} {args:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_a_project_may_name_a_portal_on_this_machine() {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    write(world.folder.path(), "offerctl.toml", &format!("endpoint = \"{}\"\n", world.sandbox.url()));
    let mut command = offerctl(world.folder.path());
    command.arg("plan");
    run_beside(command).await.exits(0);
    assert_eq!(world.count("GET", "/offers/a").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_stays_at_home_with_the_embedded_portal() {
    let folder = project(&[("a", &offer("a", "new"))]);
    let proxy = Impostor::new(|_| http_answer("404 no", b""));
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let mut command = offerctl(folder.path());
        command.args(["plan", "--sandbox", "--retries", "0"]);
        command.env("OFFERCTL_TOKEN", "CANARYtoken").env(name, &proxy.url);
        run_beside(command).await;
        let received = proxy.received().concat();
        assert!(!received.contains("CANARYtoken"), "{name}\n{received}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_whose_checksum_was_made_anew_is_refused_where_it_is_not_the_comparison() {
    let path = format!("/definition/offer/{TITLE}");
    let evil = json!([{"op": "replace", "path": path, "value": "evil"}]);
    let blank = json!([{"op": "replace", "path": path, "value": ""}]);
    let more = json!([{"op": "replace", "path": path, "value": "new"}, {"op": "remove", "path": "/definition/plans"}]);
    let fill = |from: Value| json!([{"operation": 0, "at": "", "from": from}]);
    let table = [
        json!({"operations": evil, "fills": []}),
        json!({"operations": more, "fills": []}),
        json!({"operations": blank, "fills": fill(json!({"env": "OFFERCTL_TOKEN"}))}),
        json!({"operations": blank, "fills": fill(json!({"path": "/etc/passwd"}))}),
        json!({"operations": [], "fills": []}),
    ];
    for patch in table {
        let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
        world.run(&["plan", "--out", "p.json"]).await.exits(0);
        let before = world.live("a").await;
        let text = std::fs::read_to_string(world.path("p.json")).expect("a plan");
        let forged = offerctl::forge_plan(&text, |plan| plan["offers"][0]["diff"]["patch"] = patch.clone());
        std::fs::write(world.path("p.json"), forged).expect("written");

        let ran = world.run_with(&["apply", "p.json", "--yes"], &[("OFFERCTL_TOKEN", "CANARYtoken")]).await;
        assert_eq!(ran.code, 5, "{patch}\n{}\n{}", ran.stdout, ran.stderr);
        assert_eq!(world.count("PUT", "/offers/a").await, 0, "{patch}");
        assert_eq!(world.live("a").await, before, "{patch}");

        // It is the patch that was refused, not the forgery's form.
        std::fs::write(world.path("p.json"), offerctl::forge_plan(&text, |_| {})).expect("written");
        world.run(&["apply", "p.json", "--yes"]).await.exits(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_refused_where_the_environment_says_something_else() {
    let mut file = offer("a", "old");
    file["definition"]["plans"][0][IMAGES]["1.1.0"] = json!({"osVhdUrl": "@IMAGE@", "lunVhdDetails": []});
    let world = World::new(vec![native(&offer("a", "old"))], &[]).await;
    write(world.folder.path(), "offerctl.toml", "[env]\nallow = [\"IMAGE\"]\n");
    write(world.folder.path(), "offers/a.yaml", &file.to_string().replace("\"@IMAGE@\"", "!env IMAGE"));
    let reviewed = [("IMAGE", "https://good.blob.core.windows.net/v.vhd?sig=A")];
    world.run_with(&["plan", "--out", "p.json"], &reviewed).await.exits(0);
    let before = world.live("a").await;

    let other = [("IMAGE", "https://evil.example/other.vhd?sig=B")];
    world.run_with(&["apply", "p.json", "--yes"], &other).await.exits(5);
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
    assert_eq!(world.live("a").await, before);

    world.run_with(&["apply", "p.json", "--yes"], &reviewed).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_as_the_portal_shows_it_is_a_file_without_changes() {
    for on_portal in [native as fn(&Value) -> Value, migrated] {
        let world = World::new(vec![on_portal(&offer("a", "x"))], &[]).await;
        world.declare("a", &world.live("a").await);
        world.run(&["plan", "--detailed-exitcode"]).await.exits(0);
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_folder_is_not_followed() {
    let world = World::new(vec![], &[("a", &offer("a", "new"))]).await;
    write(world.folder.path(), "elsewhere/broken.yaml", "{");
    for target in [".", "..", "../elsewhere", "nowhere"] {
        let link = world.path("offers/link");
        std::os::unix::fs::symlink(target, &link).expect("a link");
        let ran = world.run(&["validate"]).await.exits(0);
        assert_eq!(ran.stdout, "Valid (1 file, 1 offer).\n", "{target}");
        std::fs::remove_file(link).expect("removed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_left_blank_does_not_remove_its_members() {
    let world = World::new(vec![native(&offer("a", "old"))], &[]).await;
    write(
        world.folder.path(),
        "offers/a.yaml",
        "publisherId: contoso\nid: a\nofferTypeId: microsoft-azure-virtualmachines\ndefinition:\n  plans:\n",
    );
    let before = world.live("a").await;
    world.run(&["apply", "--yes"]).await.exits(5);
    assert_eq!(world.count("PUT", "/offers/a").await, 0);
    assert_eq!(world.live("a").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_settings_file_is_shown_with_its_place() {
    let world = World::new(vec![], &[]).await;
    for text in
        ["é = 1", "offers = \"é", "offers = é", "\u{feff}offers = 1", "x = \"日\" y", "offers = \"o\"\nendpoint = \"é"]
    {
        write(world.folder.path(), "offerctl.toml", text);
        let ran = world.run(&["plan"]).await.exits(3);
        assert!(ran.stderr.contains("offerctl.toml:"), "{text}\n{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excerpt_of_a_faulty_settings_file_shows_no_secret() {
    let world = World::new(vec![], &[]).await;
    for text in [
        "endpoint = \"https://h/?sig=CANARYsig\" y",
        "endpoint = \"https://h/?sig=CANARYsig",
        "endpoint = [\"https://u:CANARYpassword@h/?sig=CANARYsig\"]",
    ] {
        write(world.folder.path(), "offerctl.toml", text);
        let ran = world.run(&["plan"]).await.exits(3);
        assert!(!ran.stderr.contains("CANARY"), "{text}\n{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_beside_wide_letters_is_shown() {
    let world = World::new(vec![], &[]).await;
    for text in ["a: 1\n日本\n", "é: [\n", "a: \"日本\n", "日本: 1\n日本: 2\n"] {
        write(world.folder.path(), "offers/a.yaml", text);
        let ran = world.run(&["validate"]).await.exits(3);
        assert!(ran.stdout.contains("offers/a.yaml:"), "{text}\n{}", ran.stdout);
    }
}

/// What does not belong into an offer file, or only in some places.
const BITS: [&str; 40] = [
    "\u{feff}",
    "é",
    "日本",
    "\r\n",
    "\r",
    "\t",
    "\u{2028}",
    "\u{85}",
    "😀",
    "\0",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ":",
    "- ",
    "!absent",
    "!file é",
    "!secret é",
    "!secret env:",
    "&a ",
    "*a ",
    "|\n",
    ">-\n",
    "#",
    "%",
    "@",
    "`",
    "1.10",
    "0755",
    "? ",
    "<<: ",
    "---\n",
    "...\n",
    "!é ",
    "\u{1b}",
    "\u{202e}",
    "!!binary ",
];

fn examples() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/offers");
    let entries = std::fs::read_dir(folder).expect("the examples");
    let mut paths = entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("an example")).collect()
}

/// An example, cut off and with something put in or taken out here and there.
fn damaged_example() -> impl Strategy<Value = String> {
    let place = any::<prop::sample::Index>;
    let bits = prop::collection::vec((place(), prop::sample::select(&BITS[..])), 1..6);
    let cut = prop::option::weighted(0.25, (place(), 1..30_usize));
    (prop::sample::select(examples()), place(), any::<bool>(), bits, cut).prop_map(|(text, end, crlf, bits, cut)| {
        let end = end.index(text.len().min(1_500)).max(80);
        let mut text = text[..text.floor_char_boundary(end)].to_owned();
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        for (at, bit) in bits {
            text.insert_str(text.floor_char_boundary(at.index(text.len())), bit);
        }
        if let Some((at, length)) = cut {
            let from = text.floor_char_boundary(at.index(text.len()));
            let to = text.ceil_char_boundary((from + length).min(text.len()));
            text.replace_range(from..to, "");
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_reading_or_showing_its_errors_panic(text in damaged_example()) {
        offerctl::check_offer_file(text.as_bytes());
    }
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_and_no_credentials_are_shown() {
    let outside = tempfile::tempdir().expect("a folder");
    write(outside.path(), "netrc", "machine CANARY");
    let folder = project(&[]);
    write(folder.path(), ".git/config", "extraheader = CANARY");
    write(
        folder.path(),
        "offers/file.yaml",
        "publisherId: c\nid: a\nofferTypeId: t\ndefinition: {displayText: !file ../.git/config}",
    );
    std::os::unix::fs::symlink(outside.path().join("netrc"), folder.path().join("offers/link.yaml")).expect("a link");
    let ran = run(offerctl(folder.path()).arg("validate"));
    let shown = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, 3, "{shown}");
    assert!(!shown.contains("CANARY"), "{shown}");
    assert!(shown.contains("leads out of the project") && shown.contains("not part of an offer"), "{shown}");
}

#[test]
fn only_names_of_secrets_are_refused_by_env() {
    for (name, code) in [("MONKEY", 0), ("DISPLAY_MONKEY", 0), ("PUBLIC_KEY", 0), ("STORAGE_KEY", 3), ("key", 3)] {
        let folder = project(&[]);
        let text = format!("publisherId: c\nid: a\nofferTypeId: t\ndefinition: {{displayText: !env {name}}}");
        write(folder.path(), "offers/a.yaml", &text);
        write(folder.path(), "offerctl.toml", &format!("[env]\nallow = [\"{name}\"]\n"));
        let ran = run(offerctl(folder.path()).arg("validate").env(name, "x"));
        assert_eq!(ran.code, code, "{name}: {}{}", ran.stdout, ran.stderr);
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let folder = project(&[]);
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("offers")).expect("a folder");
    assert!(std::process::Command::new("mkfifo").arg(at("offers/pipe")).status().expect("mkfifo").success());
    for (name, to) in [("offers/environ", "/proc/self/environ"), ("offers/zero", "/dev/zero")] {
        std::os::unix::fs::symlink(to, at(name)).expect("a link");
    }
    for tag in ["!file pipe", "!file environ", "!file zero", "!artifact pipe", "!file ."] {
        let text = format!("publisherId: c\nid: a\nofferTypeId: t\ndefinition: {{displayText: {tag}}}");
        write(folder.path(), "offers/a.yaml", &text);
        run(offerctl(folder.path()).arg("validate")).exits(3);
    }
}

#[cfg(unix)]
#[test]
fn settings_behind_a_link_show_nothing_from_outside() {
    let (folder, outside) = (project(&[]), tempfile::tempdir().expect("a folder"));
    std::fs::write(outside.path().join("netrc"), "machine h password CANARY\n").expect("written");
    std::fs::remove_file(folder.path().join("offerctl.toml")).ok();
    std::os::unix::fs::symlink(outside.path().join("netrc"), folder.path().join("offerctl.toml")).expect("a link");
    let ran = run(offerctl(folder.path()).arg("validate"));
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("CANARY"), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, 3);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_among_its_own_files_is_refused_and_not_followed() {
    let outside = tempfile::tempdir().expect("a folder");
    let target = outside.path().join("file");
    for (link, to) in [
        (".offerctl", outside.path()),
        (".offerctl/plan.json", &target),
        (".offerctl/.gitignore", &outside.path().join("none")),
        (".offerctl/sandbox.redb", &target),
        (".offerctl/sandbox.redb.lock", &outside.path().join("none")),
    ] {
        std::fs::write(&target, "kept").expect("written");
        let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
        std::fs::create_dir_all(world.path(link).parent().expect("a folder")).expect("a folder");
        std::os::unix::fs::symlink(to, world.path(link)).expect("a link");
        for args in [&["plan", "--sandbox"][..], &["plan", "-o", &format!("json={link}")]] {
            let ran = world.run(args).await.exits(3);
            assert!(
                ran.stderr.contains("remove it: rm ") && ran.stderr.contains(link),
                "{link} {args:?}\n{}",
                ran.stderr
            );
        }
        assert_eq!(std::fs::read_to_string(&target).expect("the file"), "kept", "{link}");
        assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 1, "{link}: nothing was made");
    }
}
