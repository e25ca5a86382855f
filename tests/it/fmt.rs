//! `fmt`: every YAML file of a project in one layout, and nothing that a file says changes.

use std::path::Path;

use crate::support::{offerctl, project, run, write};

const UNTIDY: &str = "\
# The gateway.
publisherId: contoso
id: a
offerTypeId: microsoft-azure-virtualmachines
definition: {displayText: \"A\"} # for now
";

const TIDY: &str = "\
# The gateway.
publisherId: contoso
id: a
offerTypeId: microsoft-azure-virtualmachines
definition:  # for now
  displayText: A
";

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("the file")
}

fn fmt(folder: &Path, args: &[&str]) -> crate::support::Ran {
    run(offerctl(folder).arg("fmt").args(args))
}

/// What the JSON document says of each file.
fn results(ran: &crate::support::Ran) -> Vec<String> {
    let document = ran.json();
    let files = document["files"].as_array().expect("files").iter();
    let word = |value: &serde_json::Value| value.as_str().expect("a word").to_owned();
    files.map(|file| format!("{}: {}", word(&file["file"]), word(&file["result"]))).collect()
}

#[test]
fn check_lists_the_files_and_writes_nothing() {
    let folder = project(&[]);
    write(folder.path(), "offers/a.yaml", UNTIDY);
    write(folder.path(), "offers/b.yaml", &TIDY.replace("id: a", "id: b"));
    let ran = fmt(folder.path(), &["--check", "-o", "json"]).exits(2);
    assert_eq!(results(&ran), ["offers/a.yaml: differs", "offers/b.yaml: unchanged"]);
    assert_eq!(read(folder.path(), "offers/a.yaml"), UNTIDY);
    let ran = fmt(folder.path(), &[]).exits(0);
    assert!(ran.stdout.contains("offers/a.yaml   rewritten"), "{}", ran.stdout);
    assert_eq!(read(folder.path(), "offers/a.yaml"), TIDY);
    fmt(folder.path(), &["--check"]).exits(0);
}

#[test]
fn plans_and_overlays_of_every_environment_are_laid_out_too() {
    let folder = project(&[]);
    write(folder.path(), "offerctl.toml", "[environments.test]\n[environments.prod]\n");
    let own = "publisherId: contoso\nid: a\nofferTypeId: microsoft-azure-virtualmachines\n";
    write(folder.path(), "offers/a/offer.yaml", &format!("{own}definition: {{offer: {{title: T}}}}\n"));
    write(folder.path(), "offers/a/offer.test.yaml", "definition: {offer: {title: T2}}\n");
    write(folder.path(), "offers/a/plans/basic.yaml", "{planId: basic, vmImages: {}}\n");
    write(folder.path(), "offers/a/plans/basic.prod.yaml", "{vmImages: {}}\n");
    let ran = fmt(folder.path(), &["--names", "wire", "-o", "json"]).exits(0);
    assert_eq!(results(&ran).len(), 4);
    let title = "definition:\n  offer:\n    microsoft-azure-marketplace.title: ";
    assert_eq!(read(folder.path(), "offers/a/offer.yaml"), format!("{own}{title}T\n"));
    assert_eq!(read(folder.path(), "offers/a/offer.test.yaml"), format!("{title}T2\n"));
    let images = "microsoft-azure-virtualmachines.vmImages: {}\n";
    assert_eq!(read(folder.path(), "offers/a/plans/basic.yaml"), format!("planId: basic\n{images}"));
    assert_eq!(read(folder.path(), "offers/a/plans/basic.prod.yaml"), images);
    fmt(folder.path(), &["--names", "short"]).exits(0);
    assert_eq!(read(folder.path(), "offers/a/plans/basic.prod.yaml"), "vmImages: {}\n");
    fmt(folder.path(), &["--check"]).exits(0);
}

#[test]
fn a_file_that_cannot_be_read_has_its_finding_and_keeps_nothing_from_the_others() {
    let folder = project(&[]);
    write(folder.path(), "offers/a.yaml", UNTIDY);
    write(folder.path(), "offers/bad.yaml", "a: [\n");
    let ran = fmt(folder.path(), &["-o", "json"]).exits(3);
    assert_eq!(results(&ran), ["offers/a.yaml: rewritten", "offers/bad.yaml: invalid"]);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "OFR0003");
    assert_eq!(read(folder.path(), "offers/a.yaml"), TIDY);
    assert_eq!(read(folder.path(), "offers/bad.yaml"), "a: [\n");
}

#[test]
fn what_cannot_be_laid_out_is_left_with_its_line() {
    let folder = project(&[]);
    let text = format!("a:   1\n? {}\n: 2\n", "k".repeat(1_100));
    write(folder.path(), "offers/a.yaml", &text);
    let ran = fmt(folder.path(), &["-o", "json"]).exits(1);
    assert_eq!(
        (ran.json()["files"][0]["result"].as_str(), ran.json()["files"][0]["line"].as_u64()),
        (Some("left"), Some(2))
    );
    assert_eq!(read(folder.path(), "offers/a.yaml"), text);
    assert!(fmt(folder.path(), &[]).exits(1).stdout.contains("offers/a.yaml:2"));
}

#[test]
fn paths_choose_files_of_the_project() {
    let folder = project(&[]);
    for name in ["offers/x/a.yaml", "offers/y/b.yaml", "other.yaml"] {
        write(folder.path(), name, UNTIDY);
    }
    let ran = fmt(folder.path(), &["offers/y", "-o", "json"]).exits(0);
    assert_eq!(results(&ran), ["offers/y/b.yaml: rewritten"]);
    for other in ["other.yaml", "none.yaml", "offers/x/none"] {
        fmt(folder.path(), &[other]).exits(3);
    }
    assert_eq!(read(folder.path(), "other.yaml"), UNTIDY);
}

#[test]
fn windows_files_and_byte_order_marks_stay() {
    let folder = project(&[]);
    write(folder.path(), "offers/a.yaml", &format!("\u{feff}{}", UNTIDY.replace('\n', "\r\n")));
    fmt(folder.path(), &[]).exits(0);
    assert_eq!(read(folder.path(), "offers/a.yaml"), format!("\u{feff}{}", TIDY.replace('\n', "\r\n")));
    #[cfg(unix)]
    {
        // A link stays one, and one that leads out of the project is not followed.
        let outside = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(outside.path(), UNTIDY).expect("written");
        std::os::unix::fs::symlink(outside.path(), folder.path().join("offers/out.yaml")).expect("a link");
        fmt(folder.path(), &[]).exits(3);
        assert_eq!(std::fs::read_to_string(outside.path()).expect("the file"), UNTIDY);
    }
}
