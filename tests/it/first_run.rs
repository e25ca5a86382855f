//! The newcomer's first minutes: the example offers on the embedded portal.

use std::path::Path;

use snapbox::{assert_data_eq, str};

use crate::support::{Ran, offerctl, run};

fn copy_examples(to: &Path) {
    std::fs::create_dir(to.join("offers")).expect("a folder");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/offers")).expect("the examples") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, to.join("offers").join(path.file_name().expect("a name"))).expect("copied");
    }
}

fn command(folder: &Path, args: &[&str]) -> Ran {
    run(offerctl(folder).args(args).arg("--sandbox"))
}

#[test]
fn apply_then_plan_then_one_edit_and_back() {
    let folder = tempfile::tempdir().expect("a folder");
    copy_examples(folder.path());

    let applied = command(folder.path(), &["apply", "--yes", "--through", "live"]).exits(0);
    assert!(
        applied.stdout.starts_with("Plan: 1 to create, 2 to update, 1 unchanged    (live → file)\n"),
        "{}",
        applied.stdout
    );
    for line in [
        "~ contoso/analytics-server   update draft   native   live → offers/analytics-server.yaml",
        "~ contoso/hardened-linux   update draft   migrated   live → offers/hardened-linux.yaml",
        "+ contoso/managed-monitoring   create draft   new   nothing → offers/managed-monitoring.yaml",
        "  ~ change supportContactEmail: \"helpdesk@contoso.example\" → \"support@contoso.example\"   text   offers/analytics-server.yaml:96",
    ] {
        assert!(applied.stdout.contains(line), "{line} is not in:\n{}", applied.stdout);
    }
    let (_, report) = applied.stdout.split_once("unchanged.\n\n").expect("a report after the plan");
    assert_data_eq!(
        report,
        str![[r#"
✓ contoso/analytics-server   draft updated, published, in preview, signed off, live
✓ contoso/hardened-linux   draft updated, published, in preview, signed off, live
✓ contoso/managed-monitoring   draft created, published, in preview, signed off, live
Done: 3 offers applied, 1 unchanged.

"#]]
    );
    assert!(applied.stderr.contains("contoso/managed-monitoring: signed off"), "{}", applied.stderr);

    let none = "No changes. All 4 offers match the portal.\n";
    let unchanged = command(folder.path(), &["plan", "--detailed-exitcode"]).exits(0);
    assert_eq!((unchanged.stdout.as_str(), unchanged.stderr.as_str()), (none, "16 requests to sandbox, 0 retries.\n"));

    let file = folder.path().join("offers/edge-gateway.yaml");
    let before = std::fs::read_to_string(&file).expect("read");
    let after = before.replace("title: Contoso Edge Gateway", "title: Contoso Edge Hub");
    assert_ne!(before, after);
    std::fs::write(&file, &after).expect("written");
    let edited = command(folder.path(), &["plan", "--detailed-exitcode"]).exits(2);
    assert_data_eq!(
        edited.stdout,
        str![[r#"
Plan: 1 to update, 3 unchanged    (live → file)

~ contoso/edge-gateway   update draft   native   live → offers/edge-gateway.yaml
  ~ change title: "Contoso Edge Gateway" → "Contoso Edge Hub"   text   offers/edge-gateway.yaml:14
    1 unmanaged field kept, 7 formatting-only differences hidden (-v lists them), 5 artifacts not compared (the portal serves its own copy); --resend sends again what cannot be compared
    then: publish to preview → wait for sign-off
    the portal's estimates: [..]

Plan [..]: 1 to update, 3 unchanged.

"#]]
    );
    std::fs::write(&file, before).expect("written");
    assert_eq!(command(folder.path(), &["plan", "--detailed-exitcode"]).exits(0).stdout, none);
}

#[test]
fn a_second_process_on_the_same_sandbox_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder");
    copy_examples(folder.path());
    let state = folder.path().join(".offerctl/sandbox.redb");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let options = offerctl::Options { state: Some(state), ..Default::default() };
    let sandbox = runtime.block_on(offerctl::Sandbox::start(options)).expect("starts");
    let refused = command(folder.path(), &["plan"]).exits(1);
    assert!(refused.stderr.contains("sandbox.redb"), "{}", refused.stderr);
    runtime.block_on(sandbox.stop()).expect("stops");
    command(folder.path(), &["plan"]).exits(0);
}

#[test]
fn the_example_offers_have_no_finding() {
    let ran = run(offerctl(env!("CARGO_MANIFEST_DIR").as_ref()).arg("validate")).exits(0);
    assert_eq!(ran.stdout, "Valid (4 files, 4 offers).\n");
}
